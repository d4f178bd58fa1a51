// Approvals over the real Codex: asked, decided, left alone. The commands are the test's own.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ACCEPT, Page, askingConfig, assertApproved, detailsOf, questionsOf, statusOf } from '../lib/approvals.mjs';
import { codexBin, startCodexLane, startMock, withoutSandbox } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, heard, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { oa, scratch } from '../lib/process.mjs';

let mock, lane, files, n = 0;
before(async () => {
  mock = await startMock();
  lane = await startCodexLane({ config: askingConfig, port: mock.port, args: ['--approvals', 'ask'] });
  files = path.join(lane.stateDir, 'codex/work');
});
after(async () => {
  assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly');
  await mock.stop();
});

const page = (headers) => new Page(lane, `approval-${++n}`, headers);
const made = (name) => fs.existsSync(path.join(files, name));
const touch = (name) => `escalate=1;cmd=${encodeURIComponent(`touch ${name}`)}`;
/** A page whose turn waits for its first question(s). */
async function waiting(scenario, questions = 1, on = page()) {
  const first = await on.read(on.start(`scenario:${scenario}`));
  await assertApproved(first);
  assert.equal(questionsOf(first).length, questions, first.text);
  assert.equal(statusOf(first), 'waiting-for-approval');
  assert.ok(first.chunks.at(-1) === '[DONE]');
  return on;
}
/** … for both of its questions: Codex may ask for the second only when the page was told of the first. */
async function waitingForBoth(scenario) {
  for (let tries = 1; ; ++tries) {
    const on = page();
    const first = await on.read(on.start(`scenario:${scenario}`));
    await assertApproved(first);
    if (questionsOf(first).length === 2) return on;
    assert.ok(tries < 5, first.text);
    await send(lane.base, { method: 'POST', path: `/api/chats/${on.id}/stop` });
  }
}
async function answered(on, decisions) {
  for (const [call, approved] of Object.entries(decisions)) on.decide(call, approved);
  const exchange = on.send();
  await on.read(exchange);
  await assertApproved(exchange, { messages: exchange.sentMessages });
  return exchange;
}
const asked = (on) => on.parts.filter((p) => p.state === 'approval-requested').map((p) => p.toolCallId);

test('approved: the command runs, under the same message id', async () => {
  const on = await waiting(`exec;${touch('yes.txt')}`);
  const id = on.message;
  assert.equal(made('yes.txt'), false, 'nothing runs before the decision');
  assert.deepEqual(on.part(asked(on)[0]).input, { command: 'touch yes.txt' });
  const rest = await answered(on, { [asked(on)[0]]: true });
  assert.equal(made('yes.txt'), true);
  assert.equal(on.message, id);
  assert.equal(rest.headers['x-oa-turn-id'], id);
  assert.equal(heard(rest), 'Command finished.');
  assert.equal(statusOf(rest), 'completed');
  assert.equal(on.parts.find((p) => p.toolCallId).state, 'output-available');
});

test('denied: the command does not run and the turn goes on', async () => {
  const on = await waiting(`exec;${touch('no.txt')}`);
  const [call] = asked(on);
  on.part(call).approval.reason = 'because';
  const rest = await answered(on, { [call]: false });
  assert.match(rest.headers['x-oa-ignored'], /^messages\[1\]\.parts\[\d+\]\.approval\.reason$/, 'Codex takes none');
  assert.equal(made('no.txt'), false);
  assert.equal(on.parts.find((p) => p.toolCallId).state, 'output-denied');
  assert.equal(heard(rest), 'Command finished.');
  assert.equal(statusOf(rest), 'completed');
});

test('two calls at once: one allowed, one denied', async () => {
  const second = `cmd2=${encodeURIComponent('touch two.txt')}`;
  const on = page();
  let last = await on.read(on.start(`scenario:exec-two;${touch('one.txt')};${second}`));
  const total = [];
  // Codex may ask for both at once or for the second once the first has run.
  while (statusOf(last) === 'waiting-for-approval') {
    const decisions = {};
    for (const call of asked(on)) decisions[call] = on.part(call).input.command === 'touch one.txt';
    total.push(Object.keys(decisions).length);
    last = await answered(on, decisions);
  }
  assert.equal(total.reduce((a, b) => a + b, 0), 2, `questions by answer: ${total}`);
  assert.deepEqual([made('one.txt'), made('two.txt')], [true, false]);
  assert.equal(heard(last), 'Both commands finished.');
});

test('two calls at once: one allowed, the other later', async () => {
  const on = await waitingForBoth(`exec-two;${touch('now.txt')};cmd2=${encodeURIComponent('touch later.txt')}`);
  const [now, later] = ['now', 'later'].map((name) => on.parts.find((p) => p.input?.command === `touch ${name}.txt`).toolCallId);
  const middle = await answered(on, { [now]: true });
  assert.equal(statusOf(middle), 'waiting-for-approval', middle.text);
  const last = await answered(on, { [later]: true });
  assert.equal(statusOf(last), 'completed', last.text);
  assert.deepEqual([made('now.txt'), made('later.txt')], [true, true]);
  assert.deepEqual(on.parts.filter((p) => p.toolCallId).map((p) => p.state), ['output-available', 'output-available']);
  assert.equal(heard(last), 'Both commands finished.');
});

test('two calls one after the other: one answer each', async () => {
  const second = `cmd2=${encodeURIComponent('touch b.txt')}`;
  const on = await waiting(`exec-two;mode=seq;${touch('a.txt')};${second}`);
  const middle = await answered(on, { [asked(on)[0]]: true });
  assert.equal(questionsOf(middle).length, 1);
  assert.deepEqual([made('a.txt'), made('b.txt')], [true, false]);
  const last = await answered(on, { [asked(on)[0]]: true });
  assert.equal(made('b.txt'), true);
  assert.equal(statusOf(last), 'completed');
});

test('a command that the model starts in another way than usual: the question shows all of it', async () => {
  const command = 'cat list | xargs rm -f';
  const on = page();
  const first = await on.read(on.start(`scenario:exec;login=false;escalate=1;cmd=${encodeURIComponent(command)}`));
  await assertApproved(first);
  const [{ toolCallId }] = questionsOf(first);
  assert.deepEqual([detailsOf(first)[0].command, on.part(toolCallId).input.command], [command, command]);
  await answered(on, { [toolCallId]: false });
});

test('a command whose danger is only in its folder: the question says which folder', async () => {
  // "rm -rf ./*" is a cleanup in the work folder and a disaster elsewhere.
  const elsewhere = scratch('precious');
  fs.writeFileSync(path.join(elsewhere, 'kept.txt'), 'kept');
  const shown = async (workdir) => {
    const on = page();
    const cmd = `cmd=${encodeURIComponent('rm -rf ./*')};escalate=${encodeURIComponent('clean up')}`;
    const first = await on.read(on.start(`scenario:exec;${cmd};workdir=${encodeURIComponent(workdir)}`));
    await assertApproved(first);
    const [details, ...more] = detailsOf(first);
    assert.deepEqual(more, [], 'one part for each question');
    const [{ approvalId, toolCallId }] = questionsOf(first);
    assert.deepEqual([details.approvalId, details.toolCallId], [approvalId, toolCallId]);
    const input = on.part(toolCallId).input;
    await answered(on, { [toolCallId]: false });
    return { details, input };
  };
  const { details, input } = await shown(elsewhere);
  assert.deepEqual(details, {
    approvalId: details.approvalId,
    toolCallId: details.toolCallId,
    kind: 'command',
    command: 'rm -rf ./*',
    commandLine: details.commandLine,
    cwd: elsewhere,
    cwdOutsideWorkFolder: true,
    reason: 'clean up',
    sandbox: 'outside',
    network: { access: 'any' },
  });
  assert.match(details.commandLine, /^\S*sh -lc 'rm -rf \.\/\*'$/);
  assert.deepEqual(input, { command: 'rm -rf ./*', cwd: elsewhere }, 'the call says it too');
  assert.equal(fs.readFileSync(path.join(elsewhere, 'kept.txt'), 'utf8'), 'kept');
  // The way out by a link, and by "..", shows as well.
  fs.mkdirSync(path.join(files, 'sub'), { recursive: true });
  fs.rmSync(path.join(files, 'innocent'), { force: true });
  fs.symlinkSync(elsewhere, path.join(files, 'innocent'));
  const linked = (await shown(path.join(files, 'innocent'))).details;
  assert.deepEqual([linked.cwd, linked.cwdRealPath, linked.cwdOutsideWorkFolder], ['innocent', elsewhere, true]);
  const climbed = (await shown(path.join(files, 'sub/../..'))).details;
  assert.deepEqual([climbed.cwd, climbed.cwdOutsideWorkFolder], [path.dirname(files), true]);
  const below = (await shown(path.join(files, 'sub'))).details;
  assert.deepEqual([below.cwd, below.cwdOutsideWorkFolder], ['sub', false]);
});

test('a call of an MCP server', async () => {
  const on = await waiting('mcp;tool=danger');
  const [call] = asked(on);
  assert.equal(on.part(call).toolName, 'labmcp__danger');
  const { data } = on.parts.find((p) => p.type === 'data-approval');
  assert.deepEqual(data, {
    approvalId: on.part(call).approval.id,
    toolCallId: call,
    kind: 'mcp-call',
    server: 'labmcp',
    tool: 'danger',
    arguments: { text: 'hi' },
    description: data.description,
    message: data.message,
    readOnlyHint: false,
    destructiveHint: true,
    openWorldHint: true,
    sandbox: 'outside',
    network: { access: 'any' },
  });
  const rest = await answered(on, { [asked(on)[0]]: true });
  assert.match(heard(rest), /danger done: hi/);
});

test('a form that an MCP server shows is declined, and the page is told of it', async () => {
  const on = page();
  const answer = await on.read(on.start('scenario:mcp;tool=ask'));
  await assertApproved(answer);
  const note = answer.chunks.find((c) => c?.type === 'data-question');
  assert.deepEqual(note.data, { kind: 'elicitation', questions: [{ question: 'What is your name?', serverName: 'labmcp' }] });
  assert.match(heard(answer), /decline/);
});

test('a client without the header is never asked: declined, in chunks that every client knows', async () => {
  const answer = await chat(lane.base, `scenario:exec;${touch('old.txt')}`).done;
  assertLegal(answer);
  assert.equal(made('old.txt'), false);
  const [tool] = Object.values(read(answer).tools);
  assert.match(tool.errorText, /declined/);
  assert.equal(read(answer).finish.messageMetadata.status, 'completed');
});

test('a reload while the turn waits shows the question again; afterwards one stream tells it all', async () => {
  const on = await waiting(`exec;escalate=1;cmd=${encodeURIComponent('sleep 2; touch reload.txt')}`); // it is not over when the page leaves
  const before = await send(lane.base, { path: `/api/chats/${on.id}/stream`, headers: ACCEPT });
  await assertApproved(before);
  assert.equal(questionsOf(before).length, 1);
  assert.equal(statusOf(before), 'waiting-for-approval');
  on.decide(asked(on)[0], true);
  const lost = on.send();
  await lost.wait((x) => x.status === 200, 'a head');
  lost.destroy();
  const whole = await send(lane.base, { path: `/api/chats/${on.id}/stream`, headers: ACCEPT });
  await assertApproved(whole);
  assert.equal(whole.chunks.filter((c) => c?.type === 'start').length, 1);
  assert.equal(statusOf(whole), 'completed');
  assert.ok(whole.chunks.some((c) => c?.type === 'tool-output-available'));
});

test('the same decision again gets the same answer, another one is refused', async () => {
  const on = await waiting(`exec;${touch('again.txt')}`);
  on.decide(asked(on)[0], true);
  const [one, two] = await Promise.all([on.send().done, on.send().done]);
  assert.equal(two.text, one.text);
  on.parts.find((p) => p.approval).approval.approved = false;
  assert.match(assertRefused(await on.send().done, 422, 'invalid_request').message, /another decision/);
});

test('a new message declines what waits and takes its place', async () => {
  const on = await waiting(`exec;${touch('superseded.txt')}`);
  const next = await on.start('hello').done;
  await assertApproved(next);
  assert.equal(heard(next), 'hello');
  assert.equal(made('superseded.txt'), false);
});

test('stop ends a turn that waits', async () => {
  const on = await waiting(`exec;${touch('stopped.txt')}`);
  const stopped = await send(lane.base, { method: 'POST', path: `/api/chats/${on.id}/stop` });
  assert.equal(stopped.json().data.status, 'stopped', stopped.text);
  const rest = await send(lane.base, { path: `/api/chats/${on.id}/stream`, headers: ACCEPT });
  await assertApproved(rest);
  assert.equal(statusOf(rest), 'interrupted');
  on.decide(asked(on)[0], true);
  assertRefused(await on.send().done, 422);
  assert.equal(made('stopped.txt'), false);
});

test('what nobody answers in time is declined, and the turn ends by itself', async () => {
  const patient = await startCodexLane({ config: askingConfig, port: mock.port, name: 'patient', args: ['--approvals', 'ask', '--limit', 'approval=400ms'] });
  const on = await waiting(`exec;${touch('late.txt')}`, 1, new Page(patient, 'late-1'));
  let rest;
  do rest = await send(patient.base, { path: `/api/chats/${on.id}/stream`, headers: ACCEPT });
  while (statusOf(rest) === 'waiting-for-approval');
  await assertApproved(rest);
  assert.equal(statusOf(rest), 'completed');
  assert.ok(rest.chunks.some((c) => c?.type === 'tool-output-denied'));
  assert.equal(heard(rest), 'Command finished.');
  on.decide(asked(on)[0], true);
  assert.match(assertRefused(await on.send().done, 422).message, /not answered in time/);
  await patient.stop();
});

test('a lane that is switched off or retired takes decisions of the turns that it runs, and no others', async () => {
  const mode = path.join(scratch('mode'), 'lane');
  fs.writeFileSync(mode, 'on\n');
  const switched = await startCodexLane({ config: askingConfig, port: mock.port, args: ['--approvals', 'ask', '--lane-file', mode] });
  const on = await waiting(`exec;${touch('1.txt')}`, 1, new Page(switched, 'switched-1'));
  const later = await waiting(`exec;${touch('2.txt')}`, 1, new Page(switched, 'switched-2'));
  const set = async (word) => {
    fs.writeFileSync(mode, `${word}\n`);
    switched.signal('SIGHUP');
    await switched.until((l) => l.stderr.includes(`"text":"lane ${word}"`), 'the new mode');
  };
  await set('off');
  assert.equal(statusOf(await answered(on, { [asked(on)[0]]: true })), 'completed');
  assertRefused(await chat(switched.base, 'hello', { id: 'switched-3' }).done, 503, 'service_unavailable');
  await set('retired');
  const last = await answered(later, { [asked(later)[0]]: false });
  assert.equal(statusOf(last), 'completed');
  const other = new Page(switched, 'switched-4');
  Object.assign(other, { user: later.user, message: later.message, parts: last.sentMessages[1].parts });
  assert.equal((await other.send().done).json().data?.retired, true, 'of a turn that it does not run');
  assert.equal((await switched.stop()).code, 0);
});

const noSandbox = withoutSandbox();
const sandboxed = noSandbox ? (name) => console.error(`not here: ${name} (${noSandbox})`) : test;
sandboxed('a command in the background holds up no question', async () => {
  const commands = `cmd=${encodeURIComponent('sleep 20')};cmd2=${encodeURIComponent('touch beside.txt')}`;
  const on = await waiting(`exec-two;mode=seq;escalate=second;yield=1000;${commands}`);
  const beside = on.parts.find((p) => p.input?.command === 'sleep 20');
  assert.deepEqual([beside.state, beside.errorText], ['output-error', 'Still running when the answer ended.']);
  const rest = await answered(on, { [asked(on)[0]]: true });
  assert.equal(made('beside.txt'), true);
  assert.equal(statusOf(rest), 'completed');
  assert.equal(heard(rest), 'Both commands finished.');
});

// Without a sandbox the profile does not start: workspaces.test.mjs.
sandboxed('the shipped agent profile asks when the model wants out of its sandbox', async () => {
  const shipped = await startLane({
    name: 'shipped',
    authority: 'codex',
    args: ['--codex-bin', codexBin(), '--codex-profile', 'agent', '--allow-root', '--model', 'mock-model', '--provider-url', `http://127.0.0.1:${mock.port}/v1`, '--provider-key-env', 'MOCK_API_KEY', '--approvals', 'ask'],
    env: { MOCK_API_KEY: 'sk-mock-not-a-secret' },
  });
  const target = path.join(scratch('outside'), 'out.txt');
  const on = await waiting(`exec;${touch(target)}`, 1, new Page(shipped, 'shipped-1'));
  assert.equal(fs.existsSync(target), false);
  const rest = await answered(on, { [asked(on)[0]]: true });
  assert.equal(statusOf(rest), 'completed');
  assert.equal(fs.existsSync(target), true);
  // Not beside the work folder: the sandbox may write below /tmp, where this checkout may stand.
  const outside = path.relative(path.join(shipped.stateDir, 'codex/work'), `/var/tmp/oa-outside-${process.pid}.txt`);
  const patch = await waiting(`patch;op=add;file=${outside}`, 1, new Page(shipped, 'shipped-2'));
  const [change] = asked(patch);
  assert.equal(patch.part(change).toolName, 'apply_patch');
  const details = patch.parts.find((p) => p.type === 'data-approval').data;
  const patched = `/var/tmp/oa-outside-${process.pid}.txt`;
  assert.deepEqual([details.kind, details.sandbox, details.toolCallId], ['file-change', 'outside', change]);
  const diff = 'hello from the mock\nsecond line\n';
  assert.deepEqual(details.files, [{ path: patched, outsideWorkFolder: true, kind: 'add', diff }]);
  await answered(patch, { [asked(patch)[0]]: false });
  assert.equal(patch.parts.find((p) => p.toolCallId).state, 'output-denied');
  await shipped.stop();
});

test('serve refuses to wait for questions that cannot come', async () => {
  const common = ['serve', '--listen', '127.0.0.1:0', '--authority'];
  const replay = await oa([...common, 'replay', '--approvals', 'ask']);
  assert.equal(replay.code, 2, replay.stderr);
  assert.match(replay.stderr, /never asks for an approval/);
  const word = await oa([...common, 'replay', '--approvals', 'maybe']);
  assert.equal(word.code, 2);
  assert.match(word.stderr, /deny or ask/);
});

