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

test('lanes that share a store do not take tools', async () => {
  await assert.rejects(startLane({ authority: 'codex', args: [...onServer(scratch('tools-store')), '--store', 'redis://127.0.0.1:1/0'] }), /cannot take tools/);
});
