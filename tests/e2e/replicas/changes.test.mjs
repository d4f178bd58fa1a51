// What a client changes of a conversation on one lane, while another one starts or runs a turn of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chat, send } from '../lib/http.mjs';
import { ready } from '../lib/replicas/pair.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { startWorld } from '../lib/replicas/world.mjs';
import { startCodexRelay } from './codex_relay.mjs';

let world, slow, a, b;
before(async () => {
  world = await startWorld();
  slow = await startPipe(world.server.port); // between Codex and the lane that is to be late
  [a, b] = [await world.lane('a'), await world.lane('b', [], { codex: slow.port })];
});
after(async () => {
  await world.end();
  slow.stop();
});

const say = (lane, id) => chat(lane.base, `scenario:text;words=3`, { id });
const change = (lane, id, body) => send(lane.base, { method: 'PATCH', path: `/api/chats/${id}`, body });
const field = (id, name) => world.redis.cli('HGET', `oa:t:/${id}`, name);
const state = (id, wanted) => a.until(() => field(id, 'st') === wanted, `${wanted} in the store`);
const found = async (lane, words) => (await send(lane.base, { path: `/api/chats?q=${encodeURIComponent(words)}` })).json().data.map((one) => one.id);

test('a name that is given while another lane starts a turn stays, in the store and for searches', async () => {
  await say(b, 'named').done;
  slow.stall();
  const started = say(b, 'named');
  await state('named', 'starting');
  assert.equal((await change(a, 'named', { title: 'Rome in May' })).status, 200);
  slow.heal();
  await started.done;
  assert.equal(started.status, 200);
  assert.equal(field('named', 'tl'), 'Rome in May');
  for (const lane of [a, b]) assert.deepEqual(await found(lane, 'rome in may'), ['named']);
});

test('a name that Codex takes late changes nothing else: the turn that another lane ran meanwhile is the newest', async () => {
  await say(a, 'late').done;
  assert.equal((await send(b.base, { path: '/api/chats/late' })).status, 200); // it has the row as it is now
  slow.stall();
  const renamed = change(b, 'late', { title: 'Oslo' });
  await say(a, 'late').done;
  const [newest, message] = [field('late', 'lt'), field('late', 'lm')];
  slow.heal();
  assert.equal((await renamed).status, 200);
  assert.deepEqual([field('late', 'tl'), field('late', 'lt'), field('late', 'lm')], ['Oslo', newest, message]);
});

/** Title and mark of the conversation, as this lane has them in its lists and by its id. */
async function shown(lane, id) {
  const lists = await Promise.all(['', '?archived=true'].map(async (query) => (await send(lane.base, { path: `/api/chats${query}` })).json().data));
  const { title, archived } = (await send(lane.base, { path: `/api/chats/${id}` })).json().data.conversation;
  return [...lists.flat().filter((one) => one.id === id), { title, archived }].map((one) => `${one.title} ${one.archived}`);
}
const first = 'scenario:text;words=3 false';

test('what the store does not take is refused and does not happen, on no lane', async () => {
  await say(a, 'refused').done;
  world.redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
  for (const body of [{ title: 'Lima' }, { archived: true }, { title: 'Lima', archived: true }]) {
    const refused = await change(a, 'refused', body);
    assert.deepEqual([refused.status, refused.json().error.code], [503, 'store_unavailable']);
    assert.match(refused.json().message, /cannot do that right now: its store does not answer/);
  }
  for (const [method, where] of [['DELETE', '/api/chats/refused'], ['POST', '/api/chats/refused/fork']]) {
    const refused = await send(a.base, { method, path: where });
    assert.equal(refused.status, 503, refused.text);
    assert.match(refused.json().message, method === 'DELETE' ? /cannot do that right now/ : /new messages or conversations/);
  }
  world.redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0');
  for (const lane of [a, b]) {
    await ready(lane);
    assert.deepEqual(await shown(lane, 'refused'), [first, first], lane.name);
  }
  assert.equal((await change(a, 'refused', { title: 'Lima', archived: true })).status, 200);
  for (const lane of [a, b]) assert.deepEqual(await shown(lane, 'refused'), ['Lima true', 'Lima true'], lane.name);
});

test('what Codex refuses does not happen, on no lane', async () => {
  const relay = await startCodexRelay(world.server.port, { refuse: (request) => request.method === 'thread/name/set' });
  const c = await world.lane('c', [], { codex: relay.port });
  await say(c, 'unnamed').done;
  const refused = await change(c, 'unnamed', { title: 'Quito', archived: true });
  assert.ok(refused.status >= 500, `${refused.status} ${refused.text}`);
  assert.deepEqual([field('unnamed', 'tl'), field('unnamed', 'ar')], ['scenario:text;words=3', '0']);
  for (const lane of [a, c]) assert.deepEqual(await shown(lane, 'unnamed'), [first, first], lane.name);
  assert.equal((await c.stop()).code, 0);
  relay.stop();
});

test('Codex refuses an answer after it dropped the one that it replaces: the page is told so', async () => {
  let refuses = false;
  const relay = await startCodexRelay(world.server.port, { refuse: (request) => refuses && request.method === 'turn/start' });
  const d = await world.lane('d', [], { codex: relay.port });
  const question = { id: 'dropped', messageId: 'm1' };
  await chat(d.base, 'scenario:text;words=3', question).done;
  refuses = true;
  const refused = await chat(d.base, 'scenario:text;words=3', { ...question, trigger: 'regenerate-message' }).done;
  assert.equal(refused.status, 502, refused.text);
  assert.match(refused.json().message, /the message to replace and its answer are gone, send it again$/);
  const plain = await chat(d.base, 'scenario:text;words=3', { id: 'not-asked' }).done;
  assert.deepEqual([plain.status, /gone/.test(plain.text)], [502, false]);
  refuses = false;
  assert.deepEqual((await send(d.base, { path: '/api/chats/dropped/messages' })).json().data, []);
  assert.equal((await chat(d.base, 'scenario:text;words=3', question).done).status, 200);
  assert.equal((await send(d.base, { path: '/api/chats/dropped/messages' })).json().data.length, 2);
  assert.equal((await d.stop()).code, 0);
  relay.stop();
});

test('a conversation that is archived while a page reads it is archived, and the answer says so', async () => {
  await say(a, 'put-away').done;
  for (const archived of [true, false, true, false, true]) {
    const changed = change(a, 'put-away', { archived }), read = send(a.base, { path: '/api/chats/put-away/messages' });
    assert.equal((await changed).json().data.archived, archived);
    await read;
    const listed = (await send(a.base, { path: `/api/chats?archived=${archived}` })).json().data.map(({ id }) => id);
    assert.ok(listed.includes('put-away'), `${archived}: ${listed}`);
  }
});
