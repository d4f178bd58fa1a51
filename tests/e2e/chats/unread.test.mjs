// Parts of messages that nobody reads are named: metadata, parts for the page alone, calls in the
// forms of older libraries, and earlier messages where the assistant takes none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';
import { assertRefused } from '../lib/contract.mjs';
import { open, send } from '../lib/http.mjs';
import { World } from '../worker/world.mjs';

const lane = laneOfFile(['--allow', 'tools']);
const strict = laneOfFile(['--strict-body']);

const DOT = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const SAY = { type: 'text', text: 'scenario:text;words=1' };
const user = (id, parts = [SAY], more = {}) => ({ id, role: 'user', parts, ...more });
async function post(on, id, messages, more = {}) {
  const exchange = open(on.base, { method: 'POST', path: `/api/chats/${id}/stream`, body: { id, messages, ...more } });
  await exchange.done;
  return exchange;
}
const list = async (id) => (await send(lane.base, { path: `/api/chats/${id}/messages` })).json().data;
const named = (exchange) => {
  assert.equal(exchange.status, 200, exchange.text);
  return exchange.headers['x-oa-ignored'];
};

test('metadata of the newest message is named, unless it is what the lane put there', async () => {
  assert.equal(named(await post(lane, 'meta', [user('u-1', [SAY], { metadata: { tag: 1 } })])), 'messages[0].metadata');
  assertRefused(await post(strict, 'meta', [user('u-1', [SAY], { metadata: { tag: 1 } })]), 422, 'unsupported_field');
  for (const metadata of [{}, { custom: {} }, null]) {
    assert.equal(named(await post(strict, 'meta', [user(`u-${JSON.stringify(metadata)}`, [SAY], { metadata })])), undefined);
  }
  const [own] = await list('meta');
  assert.equal(own.metadata.status, 'completed');
  assert.equal(named(await post(lane, 'meta', [own], { trigger: 'regenerate-message' })), undefined);
});

test('parts for the page alone are named where the newest message has them', async () => {
  const parts = [SAY, { type: 'data-x', data: 1 }, { type: 'reasoning', text: 'r' }, { type: 'source-url', sourceId: '1', url: 'https://example.org/' }];
  assert.equal(named(await post(lane, 'page', [user('u-1', parts)])), 'messages[0].parts[1], messages[0].parts[2], messages[0].parts[3]');
  assertRefused(await post(strict, 'page', [user('u-1', parts)]), 422, 'unsupported_field');
});

test('calls of AI SDK 4 in earlier messages are named; an image part is listed with its type', async () => {
  const old = [
    { role: 'user', content: [{ type: 'text', text: 'p' }, { type: 'image', image: DOT }] },
    { id: 'a', role: 'assistant', content: 'ans', toolInvocations: [{ state: 'result', toolCallId: 'c', toolName: 't', args: {}, result: 'R' }] },
    { role: 'user', content: 'q', metadata: { tag: 1 } },
    { id: 'b', role: 'assistant', content: [{ type: 'text', text: 'b' }, { type: 'tool-call', toolCallId: 'd', toolName: 't', input: {} }] },
  ];
  const names = named(await post(lane, 'old', [...old, user('u-1')])).split(', ');
  assert.deepEqual(names, ['messages[1].toolInvocations', 'messages[2].metadata', 'messages[3].content[1]']);
  const [first] = await list('old');
  assert.deepEqual(first.parts[1], { type: 'file', url: DOT, mediaType: 'image/png' });
});

test('an assistant that takes no earlier messages names them', async () => {
  const earlier = [user('u-0'), { id: 'a-0', role: 'assistant', parts: [{ type: 'text', text: 'x' }] }];
  const world = await World.start();
  assert.equal(named(await post(world.lane, 'seed', [...earlier, user('u-1', [{ type: 'text', text: 'scenario:text' }])])), 'messages');
  assert.equal(named(await post(world.lane, 'plain', [user('u-1', [{ type: 'text', text: 'scenario:text' }])])), undefined);
  await world.stop();
});
