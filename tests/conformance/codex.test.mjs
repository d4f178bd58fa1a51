// The lane over the real Codex app-server with a fake model behind it: each kind of turn, live, with
// the bytes judged by the kit and read by all nine clients.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { agentConfig, chatConfig, startCodexLane, startMock } from '../e2e/lib/codex.mjs';
import { chat, open } from '../e2e/lib/http.mjs';
import { assertOneError, read } from '../e2e/lib/contract.mjs';
import { ROOT } from '../e2e/lib/process.mjs';
import { CLIENTS, assertAccepted, liveTurn } from './clients.mjs';

// What the fake model says in its scenario "unicode"; every code point has to arrive as it is.
const UNICODE = 'Zażółć gęślą jaźń — naïve café e\u0301 · 日本語テスト 한국어 · עברית عربى · ' +
  '👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇵🇱 1️⃣ 𝒳𝔘 𠮷 · \u200b|\u200d|\u00ad|\ufeff · "quotes" \\back\\slash / <b>&amp;</b> · tab\tend\nline2\r\nline3\u2028ls\u2029ps \u0001ctl \ufffd';

let mock, chatLane, agentLane;
before(async () => {
  mock = await startMock();
  [chatLane, agentLane] = await Promise.all([
    startCodexLane({ config: chatConfig, port: mock.port, name: 'chat' }),
    startCodexLane({ config: agentConfig, port: mock.port, name: 'agent' }),
  ]);
});
after(async () => {
  for (const lane of [chatLane, agentLane]) assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly');
  await mock.stop();
});

const ask = (scenario, rest = {}) => chat(chatLane.base, `scenario:${scenario}`, rest).done;
const worked = []; // all answers of the tool runs
const work = async (scenario, rest = {}) => {
  worked.push(await chat(agentLane.base, `scenario:${scenario}`, rest).done);
  return worked.at(-1);
};
const finishOf = (seen) => seen.finish?.messageMetadata ?? {};
const toolsOf = (seen) => Object.values(seen.tools);
const isOutput = (chunk) => /^tool-output-|^data-tool-output$/.test(chunk.type);

test('text', async () => {
  const answer = await ask('text;words=12');
  await assertAccepted(answer);
  const seen = read(answer);
  assert.deepEqual(seen.texts, ['alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima.']);
  assert.equal(finishOf(seen).status, 'completed');
});

test('unicode', async () => {
  const answer = await ask('unicode');
  await assertAccepted(answer);
  assert.deepEqual(read(answer).texts, [UNICODE]);
});

test('empty', async () => {
  const answer = await ask('empty');
  await assertAccepted(answer);
  assert.equal(read(answer).texts.join(''), '');
  assert.equal(finishOf(read(answer)).status, 'completed');
});

test('two messages', async () => {
  const answer = await ask('two-messages');
  const { message } = await assertAccepted(answer);
  assert.deepEqual(message.parts.filter((p) => p.type === 'text').map((p) => p.text), ['First message.', 'Second message.']);
});

test('reasoning', async () => {
  const answer = await ask('reasoning;parts=2');
  const { message } = await assertAccepted(answer);
  const reasoning = message.parts.filter((p) => p.type === 'reasoning').map((p) => p.text).join('\n');
  assert.match(reasoning, /Thinking about part 1\.[\s\S]*Thinking about part 2\./);
  assert.deepEqual(message.parts.filter((p) => p.type === 'text').map((p) => p.text), ['Answer after thinking.']);
});

test('refusal', async () => {
  // Codex keeps no text of a refusal; the turn completes, and the page must still come to rest.
  const answer = await ask('refusal');
  await assertAccepted(answer);
  assert.ok(read(answer).finish);
});

test('command tool, ok', async () => {
  const answer = await work('exec');
  const { message } = await assertAccepted(answer);
  const tool = message.parts.find((p) => p.type === 'dynamic-tool');
  assert.equal(tool.state, 'output-available');
  assert.match(JSON.stringify(tool.input), /echo hello from exec/);
  assert.match(JSON.stringify(tool.output), /hello from exec/);
  assert.ok(answer.chunks.filter((c) => /^tool-input-(start|available)$/.test(c.type)).every((c) => c.providerExecuted === true && c.dynamic === true));
  assert.deepEqual(read(answer).texts.at(-1), 'Command finished.');
});

test('command tool, failing', async () => {
  const answer = await work('exec-fail;code=3');
  const { message } = await assertAccepted(answer);
  const tool = message.parts.find((p) => p.type === 'dynamic-tool');
  assert.ok(['output-available', 'output-error'].includes(tool.state), tool.state);
  assert.match(JSON.stringify(tool.output ?? tool.errorText), /3/);
  assert.deepEqual(read(answer).texts.at(-1), 'The command failed.');
});

test('patch', async () => {
  const answer = await work(`patch;op=add;file=p-${process.pid}.txt`);
  const { message } = await assertAccepted(answer);
  const tool = message.parts.find((p) => p.type === 'dynamic-tool');
  assert.equal(tool.state, 'output-available', JSON.stringify(message));
  assert.match(JSON.stringify([tool.input, tool.output]), /hello from the mock/);
});

test('MCP tool', async () => {
  const answer = await work('mcp;tool=structured;arg=x');
  const { message } = await assertAccepted(answer);
  const tool = message.parts.find((p) => p.type === 'dynamic-tool');
  assert.equal(tool.state, 'output-available', JSON.stringify(message));
  assert.match(tool.toolName, /structured/);
  assert.match(JSON.stringify(tool.output), /42/);
});

test('MCP tool, failing', async () => {
  const answer = await work('mcp;tool=fail;arg=x');
  const { message } = await assertAccepted(answer);
  const tools = message.parts.filter((p) => p.type === 'dynamic-tool');
  assert.deepEqual(tools.map((tool) => [tool.state, tool.errorText]), [['output-error', 'mcp tool failed: x']]);
});

test('two tools', async () => {
  const answer = await work('exec-two');
  const { message } = await assertAccepted(answer);
  const tools = message.parts.filter((p) => p.type === 'dynamic-tool');
  assert.equal(tools.length, 2);
  assert.ok(tools.every((t) => t.state === 'output-available'));
  assert.match(JSON.stringify(tools.map((t) => t.output)), /first[\s\S]*second|second[\s\S]*first/);
});

test('live output of a command travels as transient data and the output is whole', async () => {
  const answer = await work('exec-slow;lines=4;every=150');
  await assertAccepted(answer);
  const seen = read(answer);
  const live = seen.data.filter((d) => d.type === 'data-tool-output');
  assert.ok(live.length > 0 && live.every((d) => d.transient === true), JSON.stringify(live));
  assert.match(JSON.stringify(toolsOf(seen)[0].output), /line 1\\n?.*line 4/);
});

test('plan', async () => {
  const answer = await work('plan');
  await assertAccepted(answer);
  const plan = read(answer).data.find((d) => /plan/.test(d.type));
  assert.ok(plan, JSON.stringify(answer.chunks));
  assert.match(JSON.stringify(plan.data), /Look[\s\S]*Do[\s\S]*Check/);
});

test('failure before output', async () => {
  const answer = await ask('http-400');
  await assertAccepted(answer, { outcome: 'error-chunk' });
  const seen = assertOneError(answer, { code: 'turn_failed' });
  assert.deepEqual(seen.texts, []);
  assert.doesNotMatch(answer.text, /mock: bad request/, "the model's own error text stays here");
});

test('failure mid-stream', async () => {
  const answer = await ask('failed-mid;at=3');
  await assertAccepted(answer, { outcome: 'error-chunk' });
  const seen = assertOneError(answer, { code: 'turn_failed' });
  assert.match(seen.texts.join(''), /^alpha bravo/);
});

test('drop', async () => {
  const answer = await ask('drop-mid;at=3');
  await assertAccepted(answer, { outcome: 'error-chunk' });
  assert.match(assertOneError(answer, { code: 'turn_failed' }).texts.join(''), /^alpha bravo/);
});

test('interrupted', async () => {
  const id = `stop-${process.pid}`;
  const answer = chat(chatLane.base, 'scenario:text;words=60;delay=40', { id });
  await answer.frame('text-delta');
  const stop = await open(chatLane.base, { method: 'POST', path: `/api/chats/${id}/stop` }).done;
  assert.ok(stop.status >= 200 && stop.status < 300, stop.text);
  await answer.done;
  await assertAccepted(answer);
  const seen = read(answer);
  assert.ok(seen.aborted);
  assert.equal(finishOf(seen).status, 'interrupted');
  assert.ok(seen.texts[0].length > 0);
});

test('truncated', async () => {
  const answer = await ask('incomplete;words=5');
  await assertAccepted(answer);
  const seen = read(answer);
  assert.deepEqual(seen.texts, ['alpha bravo charlie delta echo']);
  assert.match(JSON.stringify(finishOf(seen)), /length/);
});

test('truncated with its message left open', async () => {
  const answer = await ask('incomplete;words=5;open=1');
  await assertAccepted(answer);
  assert.match(read(answer).texts.join(''), /^alpha bravo/);
});

test('duplicate item ids', async () => {
  const answer = await ask('dup-id');
  const { message } = await assertAccepted(answer);
  assert.deepEqual(message.parts.filter((p) => p.type === 'text').map((p) => p.text), ['same id one', 'same id two']);
});

test('a second turn on the same thread is a new message', async () => {
  const id = `two-${process.pid}`;
  const first = await chat(chatLane.base, 'scenario:text;words=3', { id }).done;
  const second = await chat(chatLane.base, 'scenario:text;words=4', { id }).done;
  await assertAccepted(second);
  assert.notEqual(read(first).start.messageId, read(second).start.messageId);
  assert.equal(first.headers['x-oa-thread-id'], second.headers['x-oa-thread-id']);
});

for (const name of Object.keys(CLIENTS)) {
  test(`unmodified ${name} ${CLIENTS[name]} chats with Codex over its own connection`, async () => {
    const good = await liveTurn(name, chatLane.base, 'scenario:text;words=6', { id: `live-${name}` });
    assert.equal(good.status, 'ready', String(good.error));
    assert.equal(good.messages.at(-1).role, 'assistant');
    assert.equal(good.messages.at(-1).parts.find((p) => p.type === 'text').text, 'alpha bravo charlie delta echo foxtrot');
    const bad = await liveTurn(name, chatLane.base, 'scenario:failed-mid;at=2', { id: `live-bad-${name}` });
    assert.equal(bad.status, 'error');
    assert.doesNotMatch(String(bad.error), /Validation|Parse/);
  });
}

test('the bytes of the tool runs hold no path of this machine beyond what the tool itself shows', () => {
  assert.ok(fs.existsSync(path.join(agentLane.folder, 'config.toml')));
  assert.ok(worked.length > 0, 'there were tool runs');
  for (const { chunks, headers } of worked) {
    const told = JSON.stringify([headers, chunks.filter((chunk) => !isOutput(chunk))]);
    for (const folder of [agentLane.folder, ROOT]) assert.ok(!told.includes(folder), told);
  }
  for (const secret of ['sk-mock-not-a-secret']) {
    for (const lane of [chatLane, agentLane]) assert.equal(lane.stderr.includes(secret), false, 'the key is in the log');
  }
});
