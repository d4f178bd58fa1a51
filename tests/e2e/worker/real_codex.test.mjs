// The real Codex as the worker: a lane on it tells what a lane on a Codex of its own tells.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { agentConfig, codexBin, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { oa, scratch } from '../lib/process.mjs';
import { World } from './world.mjs';

let mock, worker, codex, folders, config;
before(async () => {
  mock = await startMock();
  config = path.join(scratch('worker-codex'), 'config.toml');
  fs.writeFileSync(config, agentConfig(mock.port));
  // Codex names files from the root of the repository that they are in: here there is none.
  folders = ['worker', 'codex'].map((name) => fs.mkdtempSync(path.join(os.tmpdir(), `oa-${name}-`)));
  worker = await World.start({ fake: { codex: { bin: codexBin(), config, cwd: folders[0] } } });
  codex = await startCodexLane({ config: agentConfig, port: mock.port, args: ['--work-dir', folders[1]] });
});
after(async () => {
  await codex.stop();
  await worker.stop();
  await mock.stop();
  for (const folder of folders) fs.rmSync(folder, { recursive: true });
});
const bases = () => [worker.lane.base, codex.base];
const release = (key) => mock.release(key);

/** What a page shows of a stream, without ids and without where deltas were cut. */
function shown(exchange) {
  assertLegal(exchange);
  const seen = read(exchange);
  return { texts: seen.texts, reasoning: seen.reasoning, tools: Object.values(seen.tools).map(({ toolName, input, output, errorText }) => ({ toolName, input, output, errorText })), aborted: seen.aborted, failure: seen.failure, done: seen.done };
}
/** … and without how long its commands ran. */
function timeless(seen) {
  for (const { output } of seen.tools) if (output?.durationMs !== undefined) output.durationMs = 'T';
  return seen;
}
/** Runs it against both lanes, one after the other; what comes back must be the same. */
async function same(run) {
  const [here, there] = [await run(bases()[0], 'w'), await run(bases()[1], 'c')];
  assert.deepEqual(here, there);
  return here;
}
/** What GET …/messages tells, without times and ids; prompts hold the chat's. */
async function history(base, id) {
  const answer = await send(base, { path: `/api/chats/${id}/messages` });
  assert.equal(answer.status, 200, answer.text);
  const messages = JSON.parse(answer.text.replaceAll(id, 'ID')).data;
  return messages.map(({ role, content, parts }) => ({ role, content, parts: parts?.map(({ type, text }) => ({ type, text })) }));
}

test('shadow: every kind of turn is the same', async () => {
  const prompts = ['text;words=12', 'unicode', 'reasoning;parts=2', 'exec;cmd=echo%20shadow', `patch;op=add;file=p-${process.pid}.txt`, 'plan', 'two-messages', 'incomplete;words=5'];
  const run = await oa(['shadow', '--json', '--base-url', worker.lane.base, '--against', codex.base, '--no-latency', '--runs', '1', ...prompts.flatMap((one) => ['--prompt', `scenario:${one}`])], { ms: 120000 });
  const turns = run.json().checks.filter((one) => one.id.startsWith('shadow.turn.'));
  assert.deepEqual(turns.filter((one) => one.verdict !== 'PASS').map((one) => `${one.id}: ${one.detail}`), []);
  assert.equal(turns.length, prompts.length);
  assert.equal(run.code, 0, run.stderr);
});

// What shadow does not call equal: answers that fail alike, and tools whose order Codex itself leaves open.
for (const prompt of ['http-400', 'failed-mid;at=3', 'drop-mid;at=3', 'exec-two']) {
  test(`${prompt}: the same messages`, () => same(async (base, mark) => {
    const id = `${prompt.replace(/;.*/, '')}-${mark}`;
    const told = shown(await chat(base, `scenario:${prompt}`, { id }).done);
    assert.ok(told.failure || told.tools.length === 2);
    told.tools.sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    return { told, roles: (await history(base, id)).map((message) => message.role) };
  }));
}

for (const prompt of ['mcp;arg=over%20the%20worker', 'mcp;tool=fail', 'mcp;tool=nonesuch']) {
  test(`${prompt}: the same call`, () => same(async (base, mark) => {
    const told = shown(await chat(base, `scenario:${prompt}`, { id: `${prompt.replace(/[^a-z]/g, '')}-${mark}` }).done);
    assert.equal(told.failure, undefined);
    told.texts = told.texts.map((text) => text.replace(/Wall time: [\d.]+/, 'Wall time: T'));
    if (!prompt.includes('nonesuch')) assert.equal(told.tools.length, 1, JSON.stringify(told));
    return told;
  }));
}

// Two messages within a few milliseconds change places in the log itself, and nothing may be ordered by time.
const inAnyOrder = (told) => ({ ...told, texts: told.texts.toSorted() });
test('a worker that posts each notification by itself: by items the answers are exact', async () => {
  const config = path.join(scratch('racy-codex'), 'config.toml');
  fs.writeFileSync(config, agentConfig(mock.port));
  const racy = await World.start({ fake: { codex: { bin: codexBin(), config, cwd: folders[0], racy: true } }, flags: ['--worker-text', 'items'] });
  try {
    for (let round = 0; round < 5; round++) {
      for (const prompt of ['text;words=40', 'unicode', 'two-messages', 'exec;cmd=echo%20race']) {
        const told = [];
        for (const base of [racy.lane.base, codex.base]) told.push(inAnyOrder(timeless(shown(await chat(base, `scenario:${prompt}`, { id: `race-${round}-${prompt.replace(/[^a-z]/g, '')}-${base === codex.base ? 'c' : 'w'}` }).done))));
        assert.deepEqual(told[0], told[1], prompt);
      }
    }
    assert.deepEqual(racy.held(), []);
  } finally { await racy.stop(); }
});

test('smoke stream passes', async () => {
  const smoke = await oa(['smoke', 'stream', '--base-url', worker.lane.base, '--json', '--abort', '--prompt', 'scenario:text;words=12'], { ms: 90000 });
  assert.deepEqual(smoke.json().checks.filter((c) => !['PASS', 'SKIPPED'].includes(c.verdict)).map((c) => `${c.id}: ${c.detail}`), []);
  assert.deepEqual([smoke.code, smoke.json().verdict], [0, 'PASS'], smoke.stderr);
});

test('a stop in the middle', () => same(async (base, mark) => {
  const id = `stop-${mark}`;
  const answer = chat(base, `scenario:text;words=6;hold=2;key=${id}`, { id });
  await answer.frame((chunk) => chunk?.delta === 'bravo ');
  assert.equal((await send(base, { method: 'POST', path: `/api/chats/${id}/stop` })).status, 200);
  await answer.done;
  await release(id);
  const told = shown(answer);
  assert.equal(told.aborted, true);
  return { told, history: await history(base, id) };
}));

/** A lane beside the same worker, after the one before was killed in a turn that had said `word`. */
async function afterDeath(id, text, word) {
  const flags = ['--id-map', path.join(scratch('worker-map'), 'threads.map')];
  const dead = await World.start({ fake: { codex: { bin: codexBin(), config } }, flags });
  const running = dead.say(text, { id });
  await running.wait((seen) => seen.text.includes(word), word);
  dead.lane.signal('SIGKILL');
  await dead.lane.end();
  dead.splitter.stop();
  return World.start({ fake: dead.fake, flags });
}

for (const ends of [true, false]) {
  test(`a lane that starts on a worker where a turn of a killed lane runs on does not speak into it${ends ? '' : ', and says so when it does not end'}`, async () => {
    const [id, key] = [`left-behind-${ends}`, `left-${ends}`];
    const next = await afterDeath(id, `scenario:text;words=30;hold=5;key=${key}`, 'echo');
    if (!ends) next.fake.control.faults.push({ rpc: 'turn/interrupt', status: 403, times: 1 });
    const answer = await next.say('scenario:text;words=3', { id }).done;
    if (ends) {
      assertLegal(answer);
      assert.deepEqual(read(answer).texts, ['alpha bravo charlie']);
      assert.deepEqual((await history(next.lane.base, id)).map((one) => one.role), ['user', 'user', 'assistant']);
    } else {
      assertRefused(answer, 409, 'turn_in_progress');
      await release(key);
    }
    await next.stop();
  });
}

for (const how of ['followed', 'stopped']) {
  test(`a turn that a killed lane left at the worker is listed as running, and is ${how} through the next lane`, async () => {
    const [id, key] = [`left-and-${how}`, `kept-${how}`];
    const next = await afterDeath(id, `scenario:text;words=6;hold=2;key=${key}`, 'bravo');
    const run = async () => (await send(next.lane.base, { path: `/api/chats/${id}/runs` })).json().data[0];
    const reads = () => next.fake.log.filter((entry) => entry.rpc === 'thread/read').length;
    const { id: turnId, status } = await run();
    assert.equal(status, 'running');
    if (how === 'stopped') {
      const stop = await send(next.lane.base, { method: 'POST', path: `/api/chats/${id}/stop` });
      assert.deepEqual(stop.json().data, { id, turnId, status: 'stopped' });
      await release(key);
      assert.equal((await run()).status, 'interrupted');
    } else {
      const page = open(next.lane.base, { path: `/api/chat/${id}/stream`, headers: { accept: 'text/event-stream' } });
      await page.frame('start');
      await release(key);
      await page.done;
      assertLegal(page);
      assert.match(read(page).texts.join(''), /^alpha bravo charlie delta echo foxtrot/);
      assert.equal((await run()).status, 'completed');
    }
    const answer = await next.say('scenario:text;words=3', { id }).done;
    assert.deepEqual(read(answer).texts, ['alpha bravo charlie'], 'the next message is a turn of its own');
    // No command to learn that nothing runs there.
    const before = reads();
    assert.equal((await send(next.lane.base, { path: `/api/chat/${id}/stream` })).status, 204);
    assert.equal(reads(), before);
    assert.deepEqual(next.held(['RECONNECT_TOO_FAST']), [], 'it is another process that comes back');
    await next.stop();
  });
}

test('a turn that another surface runs on the thread is ended for the next message, which is a turn of its own', async () => {
  const id = 'shared-with-desk', key = 'of-the-desk';
  assertLegal(await worker.say('scenario:text;words=2', { id }).done);
  const { engine, control } = worker.fake;
  const events = (method) => control.logs.get(worker.fake.worker).filter((event) => event.payload.method === method);
  const thread = events('turn/completed').at(-1).payload.params.threadId;
  const said = events('item/agentMessage/delta').length;
  await engine.call('turn/start', { threadId: thread, input: [{ type: 'text', text: `scenario:text;words=30;hold=5;key=${key}`, text_elements: [] }] });
  await worker.lane.until(() => events('item/agentMessage/delta').length >= said + 5, 'its first words');
  const answer = await worker.say('scenario:text;words=3', { id }).done;
  assertLegal(answer);
  assert.deepEqual(read(answer).texts, ['alpha bravo charlie']);
  assert.deepEqual((await history(worker.lane.base, id)).map((one) => one.content), ['scenario:text;words=2', 'alpha bravo', `scenario:text;words=30;hold=5;key=${key}`, 'scenario:text;words=3', 'alpha bravo charlie']);
});

test('a turn that was given up while its worker could not be told runs on: the next message is a turn of its own', async () => {
  const [id, key] = ['given-up', 'unheard'];
  const cut = await World.start({ fake: { codex: { bin: codexBin(), config } }, limits: { 'authority-away': '300ms' } });
  const lost = cut.say(`scenario:text;words=30;hold=5;key=${key}`, { id });
  await lost.wait((seen) => seen.text.includes('echo'), 'the fifth word');
  const { control, khala } = cut.fake;
  control.faults.push({ rpc: 'turn/interrupt', drop: 'before', times: 1000 });
  khala.refuseNext({ drop: true }, 1000);
  khala.dropAll();
  assert.equal(read(await lost.done).failure.code, 'authority_lost');
  await cut.lane.until((seen) => seen.stderr.includes('turn/interrupt: '), 'the end of the tries to stop it');
  Object.assign(control, { faults: [] });
  Object.assign(khala, { refusals: [] });
  await cut.ready();
  const answer = await cut.say('scenario:text;words=3', { id }).done;
  assertLegal(answer);
  assert.deepEqual(read(answer).texts, ['alpha bravo charlie']);
  assert.deepEqual((await history(cut.lane.base, id)).map((one) => one.content), [`scenario:text;words=30;hold=5;key=${key}`, 'scenario:text;words=3', 'alpha bravo charlie']);
  await cut.stop();
});

test('a page that is loaded again in the middle reads the whole answer, and both readers its end', () => same(async (base, mark) => {
  const id = `reload-${mark}`;
  const answer = chat(base, `scenario:text;words=6;hold=2;key=${id}`, { id });
  await answer.frame((chunk) => chunk?.delta === 'bravo ');
  const again = open(base, { path: `/api/chat/${id}/stream`, headers: { accept: 'text/event-stream' } });
  await again.frame((chunk) => chunk?.delta === 'bravo '); // it was there before the end
  await release(id);
  const [first, second] = await Promise.all([answer.done, again.done]);
  assert.deepEqual(shown(second), shown(first));
  assert.match(read(first).texts.join(''), /^alpha bravo charlie delta echo foxtrot/);
  return { told: shown(first), history: await history(base, id) };
}));

test('two turns on one thread are two messages, the same', () => same(async (base, mark) => {
  const id = `two-${mark}`;
  for (const words of [3, 4]) await chat(base, `scenario:text;words=${words}`, { id }).done;
  return history(base, id);
}));

test('regenerate: Codex itself answers anew; a worker cannot, says so, and nothing is lost', async () => {
  const ask = async (base) => {
    await chat(base, 'scenario:text;words=3', { id: 'again', messageId: 'u-1' }).done;
    return chat(base, 'scenario:text;words=3', { id: 'again', messageId: 'u-1', trigger: 'regenerate-message' }).done;
  };
  assert.equal((await ask(codex.base)).status, 200);
  const before = worker.fake.log.filter((entry) => entry.rpc === 'turn/start').length;
  assertRefused(await ask(worker.lane.base), 422, 'regenerate_unsupported');
  assert.equal(worker.fake.log.filter((entry) => entry.rpc === 'turn/start').length, before + 1);
  assert.deepEqual((await history(worker.lane.base, 'again')).map((message) => message.role), ['user', 'assistant']);
  assert.deepEqual(worker.fake.violations.map((v) => `${v.code}: ${v.detail}`), []);
});
