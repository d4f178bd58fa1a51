// What a client changes of a conversation on one lane, while another one starts or runs a turn of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chat, send } from '../lib/http.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { startWorld } from '../lib/replicas/world.mjs';

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
