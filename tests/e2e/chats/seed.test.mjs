// A conversation that began elsewhere: the messages a page brings along are told to the model and
// listed, and cannot change a conversation that exists.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatConfig, laneOfFile, startCodexLane } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { as, tokensOf } from '../lib/lane.mjs';

const lane = laneOfFile();
const start = (args = [], rest = {}) => startCodexLane({ config: chatConfig, port: lane.mock.port, args, ...rest });

const DOT = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const text = (value) => ({ type: 'text', text: value });
const user = (id, ...parts) => ({ id, role: 'user', parts });
const OLD = [
  user('old-1', text('What is this?'), { type: 'file', mediaType: 'image/png', url: DOT }),
  { id: 'old-2', role: 'assistant', parts: [
    { type: 'step-start' },
    { type: 'reasoning', text: 'I should look.', state: 'done' },
    text('Let me look.'),
    { type: 'tool-look', toolCallId: 'call-1', state: 'output-available', input: { at: 'dot' }, output: { colour: 'red' } },
    { type: 'dynamic-tool', toolName: 'measure', toolCallId: 'call-2', state: 'output-error', input: {}, errorText: 'no ruler' },
    { type: 'step-start' },
    text('A red dot.'),
    { type: 'source-url', sourceId: 's1', url: 'https://example.org/' },
  ] },
  user('old-3', text('Thanks.'), { type: 'file', mediaType: 'application/pdf', url: 'data:application/pdf;base64,JVBERi0=' }),
  { id: 'old-4', role: 'assistant', parts: [text('Any time.')] },
];
const post = async (id, messages, on = lane, more = {}) => {
  const exchange = open(on.base, { method: 'POST', path: `/api/chats/${id}/stream`, body: { id, messages, ...more } });
  await exchange.done;
  return exchange;
};
const asked = () => lane.mock.asked();
const page = async (id, query = '', on = lane) => (await send(on.base, { path: `/api/chats/${id}/messages${query}` })).json();
const plain = (messages) => messages.map(({ id, role, parts }) => ({ id, role, parts }));

test('the model is told texts, images, calls and results; the list has the messages as they were', async () => {
  const first = await post('moved', [...OLD, user('new-1', text('scenario:text;words=2'))]);
  assert.equal(first.status, 200, first.text);
  assertLegal(first);
  const untold = ['messages[1].parts[1]', 'messages[2].parts[1]'];
  assert.deepEqual(read(first).start.messageMetadata.ignored, untold);
  assert.equal(first.headers['x-oa-ignored'], untold.join(', '));
  assert.deepEqual((await asked()).items.map((i) => [i.type, i.role ?? i.call_id, i.text ?? i.arguments ?? i.output, i.images]), [
    ['message', 'user', 'What is this?\n', 1],
    ['message', 'assistant', 'Let me look.', undefined],
    ['function_call', 'call-1', '{"at":"dot"}', undefined],
    ['function_call', 'call-2', '{}', undefined],
    ['function_call_output', 'call-1', '{"colour":"red"}', undefined],
    ['function_call_output', 'call-2', 'no ruler', undefined],
    ['message', 'assistant', 'A red dot.', undefined],
    ['message', 'user', 'Thanks.', undefined],
    ['message', 'assistant', 'Any time.', undefined],
    ['message', 'user', 'scenario:text;words=2', undefined],
  ]);

  const { data, nextCursor } = await page('moved');
  assert.equal(nextCursor, null);
  assert.deepEqual(plain(data.slice(0, 4)), OLD);
  assert.deepEqual(data.map((m) => m.metadata.status), ['seeded', 'seeded', 'seeded', 'seeded', 'completed', 'completed']);
  assert.deepEqual(data.slice(4).map((m) => m.role), ['user', 'assistant']);
  const ids = data.map((m) => m.id);
  for (const order of ['asc', 'desc']) {
    const seen = [];
    let cursor = '';
    do {
      const some = await page('moved', `?limit=1&order=${order}${cursor}`);
      seen.push(...some.data.map((m) => m.id));
      cursor = some.nextCursor ? `&cursor=${encodeURIComponent(some.nextCursor)}` : null;
    } while (cursor !== null);
    assert.deepEqual(order === 'asc' ? seen : seen.reverse(), ids, order);
  }
  const exported = (await send(lane.base, { path: '/api/chats/moved/export' })).json();
  assert.deepEqual(exported.messages.map((m) => m.id), ids);
});

test('a conversation that POST /api/chats made begins with them as any other, under its title', async () => {
  assert.equal((await send(lane.base, { method: 'POST', path: '/api/chats', body: { id: 'made', title: 'Orders' } })).status, 201);
  const first = await post('made', [OLD[3], user('new-1', text('scenario:text;words=2'))]);
  assert.equal(first.status, 200, first.text);
  assert.equal(first.headers['x-oa-ignored'], undefined);
  assert.deepEqual((await asked()).items.map((item) => item.text), ['Any time.', 'scenario:text;words=2']);
  assert.deepEqual((await page('made')).data.map((m) => m.metadata.status), ['seeded', 'completed', 'completed']);
  const { data } = (await send(lane.base, { path: '/api/chats/made' })).json();
  assert.equal(data.conversation.title, 'Orders');
});

test('they survive a restart and go into a copy', async () => {
  const one = await start();
  await post('kept', [...OLD, user('new-1', text('scenario:text;words=2'))], one);
  assert.equal((await one.stop()).code, 0);
  const two = await start([], { folder: one.folder });
  assert.deepEqual(plain((await page('kept', '', two)).data.slice(0, 4)), OLD);
  const fork = (await send(two.base, { method: 'POST', path: '/api/chats/kept/fork', body: { id: 'copy' } })).json();
  assert.equal(fork.data?.id, 'copy', JSON.stringify(fork));
  assert.deepEqual(plain((await page('copy', '', two)).data.slice(0, 4)), OLD);
  assert.equal((await two.stop()).code, 0);
});

test('a conversation that exists is not changed by what a page says was said before', async () => {
  await post('mine', [user('u-1', text('scenario:text;words=2'))]);
  const before = (await page('mine')).data.map((m) => m.id);
  const more = await post('mine', [...OLD, user('u-2', text('scenario:text;words=3'))]);
  assert.equal(more.status, 200);
  assert.deepEqual((await page('mine')).data.map((m) => m.id).slice(0, 2), before);
  assert.equal((await page('mine')).data.length, 4);
  assert.doesNotMatch(JSON.stringify((await asked()).items), /red dot/i);
});

test("another owner's conversation is neither seen nor changed by a seed under its id", async () => {
  const owned = await start(['--tokens', tokensOf(['a', 'b'])]);
  const ask = (owner, options) => open(owned.base, { ...options, headers: as(owner) }).done;
  const said = (owner, messages) => ask(owner, { method: 'POST', path: '/api/chats/shared/stream', body: { id: 'shared', messages } });
  const seen = async (owner) => (await ask(owner, { path: '/api/chats/shared/messages' })).json().data;
  assert.equal((await said('a', [user('a-1', text('scenario:text;words=2'))])).status, 200);
  const before = await seen('a');
  assert.equal((await said('b', [...OLD, user('b-1', text('scenario:text;words=3'))])).status, 200);
  assert.deepEqual(await seen('a'), before);
  assert.deepEqual((await seen('b')).map((m) => m.id).slice(0, 5), ['old-1', 'old-2', 'old-3', 'old-4', 'b-1']);
  assert.equal((await owned.stop()).code, 0);
});

test('a page that shows the newest messages alone sends one again that was refused, and nothing is lost', async () => {
  const lane = await start();
  const part = (id, role, text) => ({ id, role, parts: [{ type: 'text', text }] });
  const earlier = [part('u1', 'user', 'one'), part('a1', 'assistant', 'two'), part('u2', 'user', 'three'), part('a2', 'assistant', 'four')];
  const file = { format: 'oa-stream.chat.v1', conversation: { id: 'paged', title: 'Paged' }, messages: earlier };
  assert.equal((await send(lane.base, { method: 'POST', path: '/api/chats', body: JSON.stringify(file) })).status, 201);
  assertLegal(await chat(lane.base, 'scenario:text;words=1 first', { id: 'paged', messageId: 'u3' }).done);
  const listed = async () => (await send(lane.base, { path: '/api/chats/paged/messages' })).json().data;
  const before = await listed();
  const regenerate = (messages) => send(lane.base, { method: 'POST', path: '/api/chat', body: JSON.stringify({ id: 'paged', trigger: 'regenerate-message', messages }) });
  const again = part('u4', 'user', 'scenario:text;words=1 second');

  assertRefused(await regenerate([again]), 422, 'regenerate_unsupported');
  assertRefused(await regenerate([part('a1', 'assistant', 'two'), part('u2', 'user', 'three')]), 422, 'regenerate_unsupported');
  assert.deepEqual(await listed(), before);
  assertLegal(await regenerate([...before.slice(-3), again]));
  const after = await listed();
  assert.deepEqual(after.slice(0, before.length), before);
  assert.deepEqual(after.slice(before.length).map((m) => m.content), ['scenario:text;words=1 second', 'alpha']);
  assert.equal((await lane.stop()).code, 0);
});

test('strict: what the model would not be told is refused', async () => {
  const strict = await start(['--strict-body']);
  const body = assertRefused(await post('strict', [...OLD, user('n', text('x'))], strict), 422, 'unsupported_field');
  assert.deepEqual(Object.keys(body.errors), ['messages[1].parts[1]', 'messages[2].parts[1]']);
  const fine = await post('strict', [OLD[3], user('n', text('scenario:text;words=1'))], strict);
  assert.equal(fine.status, 200, fine.text);
  assert.equal((await strict.stop()).code, 0);
});

const imagesOf = (bytes) => {
  const big = `data:image/png;base64,${Buffer.concat([Buffer.from(DOT.split(',')[1], 'base64'), Buffer.alloc(bytes, 7)]).toString('base64')}`;
  return [1, 2, 3].map((n) => user(`img-${n}`, text(`number ${n}`), { type: 'file', mediaType: 'image/png', url: big }));
};

test('of images that are more than Codex keeps, the oldest are named and told all the same', async () => {
  const old = imagesOf(1_500_000);
  const first = await post('large', [...old, user('n', text('scenario:text;words=2'))]);
  assert.equal(first.status, 200, first.text);
  assert.equal(first.headers['x-oa-ignored'], 'messages[0].parts[1]');
  assert.equal((await asked()).items.filter((i) => i.images === 1).length, 3);
  const { data } = await page('large');
  assert.match(data[0].parts[1].text, /too large to be kept/);
  assert.deepEqual(plain(data.slice(1, 3)), old.slice(1));
  const texts = await post('text', [user('o', text('"'.repeat(3_500_000))), user('p', text('small')), user('n', text('scenario:text;words=2'))]);
  assert.equal(texts.status, 200, texts.text);
  assert.equal(texts.headers['x-oa-ignored'], 'messages[0]');
  assert.deepEqual((await page('text')).data.slice(0, 1).map((message) => message.id), ['p']);
});

test('a message of a conversation that is too large to be listed whole can be edited', async () => {
  const large = user('o', text('"'.repeat(3_500_000))); // not listed
  for (const messages of [[large, user('p', text('scenario:text;words=1'))], [user('o', text('scenario:text;words=1'))]]) {
    const { id } = messages.at(-1);
    const first = await post(`edit-${id}`, [large, user('p', text('small')), user('n', text('scenario:text;words=2'))]);
    assert.equal(first.status, 200, first.text);
    const edited = await post(`edit-${id}`, messages, lane, { trigger: 'submit-message', messageId: id });
    assert.equal(edited.status, 200, edited.text);
    assert.equal((await asked()).items.filter((item) => item.role === 'user').at(-1).text, 'scenario:text;words=1');
    assert.deepEqual((await page(`edit-${id}`)).data.map((one) => one.content), ['scenario:text;words=1', 'alpha']);
  }
});

test('three images of 1 MB move along, and the conversation goes on', async () => {
  const old = imagesOf(1_000_000);
  const first = await post('images', [...old, user('n', text('scenario:text;words=2'))]);
  assert.equal(first.status, 200, first.text);
  assert.equal((await asked()).items.filter((i) => i.images === 1).length, 3);
  assert.deepEqual(plain((await page('images')).data.slice(0, 3)), old);
  const next = await post('images', [...old, user('n2', text('scenario:text;words=3'))]);
  assert.equal(next.status, 200);
  assert.equal((await page('images')).data.length, 7);
});

test('of a history with more parts than the lane keeps, the texts move along and the rest is named', async () => {
  const calls = Array.from({ length: 30000 }, (_, i) => ({ type: 'tool-look', toolCallId: `c${i}`, state: 'output-available', input: { a: i, b: [] }, output: { c: [1, 2], d: {} } }));
  const first = await post('many', [user('o', text('look')), { id: 'a', role: 'assistant', parts: [...calls, text('seen')] }, user('n', text('scenario:text;words=2'))]);
  assert.equal(first.status, 200, first.text);
  assert.equal(first.headers['x-oa-ignored'], 'messages');
  assert.deepEqual(plain((await page('many')).data.slice(0, 2)).map((message) => [message.id, message.parts]), [['o', [text('look')]], ['a', [text('seen')]]]);
});
