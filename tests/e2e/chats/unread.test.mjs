// Parts of messages that nobody reads are named: metadata, parts for the page alone, calls in the
// forms of older libraries, and earlier messages where the assistant takes none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';
import { assertRefused, read } from '../lib/contract.mjs';
import { open, send } from '../lib/http.mjs';
import { World } from '../worker/world.mjs';

const lane = laneOfFile(['--allow', 'tools']);
const strict = laneOfFile(['--strict-body']);
const FREE = ['--model', 'mock-small=Small', '--allow', 'model,effort,system,tools'];
const free = laneOfFile(FREE);
const freeStrict = laneOfFile([...FREE, '--strict-body']);

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

test('members of the newest message that nobody reads are named, and a file without an address', async () => {
  const both = async (id, messages, names) => {
    assert.equal(named(await post(lane, id, messages)), names);
    if (names === undefined) assert.equal(named(await post(strict, id, messages)), undefined);
    else assertRefused(await post(strict, id, messages), 422, 'unsupported_field');
  };
  const rows = [
    [{ attachments: [{ id: '1', type: 'image', content: [{ type: 'image', image: DOT }] }] }, 'messages[0].attachments'],
    [{ annotations: [{ a: 1 }], data: { a: 1 }, foo: { b: 1 }, 'bad name': 1 }, 'messages[0].annotations, messages[0].data, messages[0].foo, messages[0].bad-name'],
    [{ attachments: [], annotations: [], data: {}, foo: null, createdAt: '2026-01-01T00:00:00Z' }, undefined],
  ];
  for (const [at, [more, names]] of rows.entries()) await both(`more-${at}`, [user('u-1', [SAY], more)], names);
  await both('empty-url', [user('u-1', [SAY, { type: 'file', mediaType: 'image/png', url: '' }])], 'messages[0].parts[1]');
  await both('attached', [user('u-1', [SAY], { experimental_attachments: [{ name: 'a.png', contentType: 'image/png' }] })], 'messages[0].experimental_attachments[0]');
  const single = await post(lane, 'single', undefined, { message: user('u-1', [SAY], { foo: 1 }) });
  assert.equal(named(single), 'message.foo');

  const data = { id: 'd-1', role: 'data', content: 'x' };
  await both('data-first', [data, user('u-1')], 'messages[0]');
  await both('data-last', [user('u-1'), data], 'messages[1]');
  const question = user('u-1');
  await post(lane, 'data-old', [question]);
  const [, answer] = await list('data-old');
  assert.equal(named(await post(lane, 'data-old', [question, answer, data, user('u-2')])), 'messages[2]', 'it is new');
  assert.equal(named(await post(lane, 'data-old', [question, data, answer, user('u-3')])), undefined, 'it was named before');
  for (const id of ['data-old', 'more-1']) {
    const messages = await list(id);
    const [own] = messages.filter((message) => message.role === 'user');
    assert.equal(named(await post(lane, id, [own], { trigger: 'regenerate-message' })), undefined, 'members of the list are known');
  }
});

test('a list of names that is too long says so, and begins with the newest message', async () => {
  const odd = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`odd${at}`, 1]));
  const newest = [user('u-1', [SAY], { attachments: [{ a: 1 }] })];
  const exchange = await post(lane, 'long', newest, odd);
  const names = named(exchange).split(', ');
  assert.deepEqual([names.length, names[0], names[1], names.at(-1)], [33, 'messages[0].attachments', 'odd0', 'and-29-more']);
  assert.deepEqual(read(exchange).start.messageMetadata.ignored, names);
  const refused = await post(strict, 'long', [user('u-1')], odd);
  assertRefused(refused, 422, 'unsupported_field');
  const { message, errors } = refused.json();
  assert.match(message, /and-28-more$/);
  assert.deepEqual([Object.keys(errors).length, 'and-28-more' in errors], [32, false]);
});

test('what a turn that waits for results takes no more is named', async () => {
  const tools = { f: { parameters: { type: 'object', properties: {} } } };
  const given = { model: 'mock-small', effort: 'low', system: 'Be brief.', tools };
  for (const [on, refused] of [[free, false], [freeStrict, true]]) {
    const answer = async (id, more) => {
      const question = user('u-1', [{ type: 'text', text: `scenario:calls;calls=${encodeURIComponent('[["f",{}]]')}` }]);
      const { start, tools: seen } = read(await post(on, id, [question], given));
      const parts = Object.values(seen).map((tool) => ({ type: 'tool-f', toolCallId: tool.toolCallId, state: 'output-available', input: {}, output: 'r' }));
      return post(on, id, [question, { id: start.messageId, role: 'assistant', parts }], more);
    };
    assert.equal(named(await answer('same', given)), undefined, 'it is what the turn has');
    assert.equal(named(await answer('none', {})), undefined);
    const other = { config: { modelName: 'mock-model' }, reasoningEffort: 'high', system: 'Be long.', tools: { ...tools, g: {} } };
    const told = await answer('other', other);
    if (refused) assertRefused(told, 422, 'unsupported_field');
    else assert.equal(named(told), 'config.modelName, reasoningEffort, system, tools');
  }
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
