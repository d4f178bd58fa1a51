// A lane that dies while a turn waits for its page: with Codex as a server of its own the next lane goes
// on with the very turn; with a Codex of its own the calls are lost, and said to be.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startCodexServer, startMock } from '../lib/codex.mjs';
import { assertRefused, read } from '../lib/contract.mjs';
import { open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { scratch } from '../lib/process.mjs';
import { Page, calls, waits } from './page.mjs';

let mock, server;
before(async () => {
  mock = await startMock();
  server = await startCodexServer({ config: chatConfig, mockPort: mock.port });
});
after(async () => {
  await server.kill();
  await mock.stop();
});

const TOOLS = { weather: { parameters: { type: 'object', properties: { city: { type: 'string' } } } }, clock: {} };
const question = { id: 'u-1', role: 'user', parts: [{ type: 'text', text: `scenario:calls;calls=${encodeURIComponent('[["weather",{"city":"Oslo"}],["clock",{}]]')}` }] };
async function post(lane, messages) {
  const exchange = open(lane.base, { method: 'POST', path: '/api/chats/c/stream', body: { id: 'c', messages, tools: TOOLS } });
  await exchange.done;
  return exchange;
}
const answered = (message, outputs) => ({ ...message, parts: message.parts.map((part) => (part.type.slice(5) in outputs ? { ...part, state: 'output-available', output: outputs[part.type.slice(5)] } : part)) });
const listed = async (lane) => (await send(lane.base, { path: '/api/chats/c/messages' })).json().data;
const states = (message) => message.parts.filter((part) => part.type.startsWith('tool-')).map((part) => [part.type, part.output ?? part.state]).sort();

function onServer(folder) {
  const config = path.join(folder, 'config.toml');
  fs.writeFileSync(config, chatConfig(mock.port));
  return ['--codex-server', `3=${server.url}`, '--codex-token', `file:${server.tokenFile}`, '--codex-config', config, '--model', 'mock-model', '--allow', 'tools'];
}

test('with a Codex server the next lane answers the turn that waits', async () => {
  const folder = scratch('tools-server');
  const start = () => startLane({ authority: 'codex', folder, args: onServer(folder) });
  const first = await start();
  const asked = read(await post(first, [question]));
  assert.equal(asked.finish.messageMetadata.status, 'waiting-for-tool-results');
  const parts = Object.values(asked.tools).map((tool) => ({ type: `tool-${tool.toolName}`, toolCallId: tool.toolCallId, state: 'input-available', input: tool.input }));
  const message = { id: asked.start.messageId, role: 'assistant', parts };
  await first.kill();

  const second = await start();
  const done = await post(second, [question, answered(message, { weather: 'rain', clock: 'noon' })]);
  assert.equal(done.status, 200, done.text);
  const seen = read(done);
  assert.equal(seen.start.messageId, message.id, 'it is the same turn');
  assert.deepEqual(seen.texts, ['Results: rain | noon']);
  assert.deepEqual(states((await listed(second)).at(-1)), [['tool-clock', 'noon'], ['tool-weather', 'rain']]);
  assert.equal((await second.stop()).code, 0);
});

/** Lanes one after the other on the same server; next(how) ends one and starts the next. */
async function relay(name) {
  const folder = scratch(name);
  const start = () => startLane({ authority: 'codex', folder, args: [...onServer(folder), '--drain-timeout', '500ms'] });
  const first = await start();
  const pages = { page: (id) => new Page(pages.lane, id, TOOLS), lane: first };
  pages.next = async (how) => {
    await (how === 'kill' ? pages.lane.kill() : pages.lane.stop());
    pages.lane = await start();
    return (page) => { page.lane = pages.lane; return page; };
  };
  return pages;
}
const BOTH = calls([['weather', { city: 'Oslo' }], ['clock', {}]]);

for (const how of ['kill', 'stop']) {
  test(`the next lane knows what was answered, lists what waits, and takes a stop (${how})`, async () => {
    const lanes = await relay(`relay-${how}`);
    const [half, read, stopped, left, ahead] = ['half', 'read', 'stopped', 'left', 'ahead'].map((id) => lanes.page(`${id}-${how}`));
    for (const page of [half, read, stopped, left, ahead]) assert.ok(waits(await page.say(BOTH)));
    half.give({ weather: 'rain' });
    assert.ok(waits(await half.answer()));
    const moved = await lanes.next(how);

    // The page sends all results it has, also the one that was given to the lane before.
    moved(half).give({ clock: 'r1' });
    assert.deepEqual((await half.answer()).texts, ['Results: rain | r1']);

    assert.deepEqual((await moved(read).states()).map(([, state]) => state), ['input-available', 'input-available']);
    assert.equal((await read.listed()).at(-1).metadata.status, 'waiting-for-tool-results');
    read.give({ weather: 'rain', clock: 'noon' });
    assert.deepEqual((await read.answer()).texts, ['Results: rain | noon']);

    const { data } = (await send(lanes.lane.base, { method: 'POST', path: `/api/chats/${stopped.id}/stop`, body: {} })).json();
    assert.equal(data.status, 'stopped');
    assert.deepEqual((await moved(stopped).states()).map(([, state]) => state), ['input-available', 'input-available'], 'nobody answered them');
    stopped.give({ weather: 'rain', clock: 'noon' });
    assert.equal((await stopped.post()).status, 200, 'they begin the next turn');

    moved(left).messages.push({ id: 'u-9', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=2' }] });
    assert.deepEqual((await left.answer()).texts, ['alpha bravo']);
    assert.ok((await left.listed())[1].parts.every((part) => part.output === undefined), 'the lane answered no call');

    // The first that the next lane hears of this conversation.
    moved(ahead).give((part) => (part.type === 'tool-weather' ? 'rain' : 'noon'));
    ahead.messages.push({ id: 'u-9', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=2' }] });
    assert.deepEqual((await ahead.answer()).texts, ['alpha bravo']);
    assert.deepEqual(states((await ahead.listed())[1]), [['tool-clock', 'noon'], ['tool-weather', 'rain']]);
    const told = (await mock.asked()).items.at(-1).text;
    assert.match(told, /"name":"weather","output":"rain"/);
    assert.equal((await lanes.lane.stop()).code, 0);
  });
}

test('what answers the results of a stopped turn keeps the id of the page\'s message over a change of lanes', async () => {
  const lanes = await relay('held');
  const page = lanes.page('held');
  assert.ok(waits(await page.say(BOTH)));
  assert.equal((await send(lanes.lane.base, { method: 'POST', path: '/api/chats/held/stop', body: {} })).json().data.status, 'stopped');
  page.give({ weather: 'scenario:text;words=4;hold=2;key=held ', clock: 'noon' });
  const cut = page.begin();
  await cut.wait((x) => x.text.includes('bravo'), 'the second word');
  assert.equal(read(cut).start.messageId, page.messages.at(-1).id);
  await lanes.next('stop');
  const resumed = open(lanes.lane.base, { path: '/api/chats/held/stream' });
  await resumed.frame('start');
  page.lane = lanes.lane;
  const again = page.begin(); // the lane knows from the turn itself what began it
  await mock.release('held');
  await resumed.done;
  await again.done;
  assert.equal(again.text, resumed.text);
  const seen = read(resumed);
  assert.equal(seen.start.messageId, page.messages.at(-1).id);
  assert.deepEqual(seen.texts, ['alpha bravo charlie delta']);
  assert.equal((await lanes.lane.stop()).code, 0);
});

test('with a Codex of its own, which dies with the lane, the results are refused', async () => {
  const args = ['--allow', 'tools'];
  const first = await startCodexLane({ config: chatConfig, port: mock.port, args });
  const asked = read(await post(first, [question]));
  const parts = Object.values(asked.tools).map((tool) => ({ type: `tool-${tool.toolName}`, toolCallId: tool.toolCallId, state: 'input-available', input: tool.input }));
  await first.kill();
  const second = await startCodexLane({ config: chatConfig, port: mock.port, args, folder: first.folder });
  const message = { id: asked.start.messageId, role: 'assistant', parts };
  assertRefused(await post(second, [question, answered(message, { weather: 'rain', clock: 'noon' })]), 422, 'unknown_tool_call');
  assert.equal((await post(second, [question, { ...question, id: 'u-2', parts: [{ type: 'text', text: 'scenario:text;words=2' }] }])).status, 200, 'the conversation goes on');
  assert.equal((await second.stop()).code, 0);
});
