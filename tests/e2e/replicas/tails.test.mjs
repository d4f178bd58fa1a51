// A lane follows so many turns of others at once; what has ended is none of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { begun, fifth, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

let world, a, b;
before(async () => {
  world = await startWorld();
  a = await world.lane('a');
  b = await world.lane('b', ['--limit', 'tails=1']);
});
after(() => world.end());

test('a lane that follows as many turns as it may still tells those that have ended', async () => {
  const live = await begun(a, 'live');
  const heard = await begun(a, 'heard');
  const owed = await begun(a, 'owed');
  const followed = resume(b, 'live');
  await fifth(followed);
  assert.deepEqual([await metric(b, 'relays'), await metric(b, 'tails')], [1, 1], 'from its first piece on');
  assertRefused(await resume(b, 'heard').done, 503, 'service_unavailable');

  owed.destroy();
  await a.until(() => ['', '0'].includes(world.redis.cli('HVALS', `oa:r:${owed.headers['x-oa-turn-id']}`)), 'no reader');
  for (const id of ['heard', 'owed']) await world.release(id);
  await heard.done;
  await a.until(async () => (await metric(a, 'turns_held')) === 1, 'both ends');
  assert.equal((await resume(b, 'heard').done).status, 204, 'everybody heard it');
  const told = await resume(b, 'owed').done;
  assertLegal(told);
  assert.deepEqual(read(told).texts, [whole()]);

  assert.equal((await send(b.base, { method: 'POST', path: '/api/chats/live/stop' })).json().data.status, 'stopped');
  await Promise.all([live.done, followed.done]);
  await b.until(async () => (await metric(b, 'tails')) === 0, 'none');
});

test('how long a piece of another lane takes is measured where it is read', async () => {
  const running = chat(a.base, 'scenario:text;words=60;delay=80', { id: 'lag' }); // for longer than its lane needs to learn of the reader
  await fifth(running);
  const followed = resume(b, 'lag');
  await fifth(followed);
  assert.equal(await metric(b, 'tails'), 1, 'it follows');
  await Promise.all([running.done, followed.done]);
  const pieces = await metric(b, 'tail_lag_seconds_count');
  assert.ok(pieces >= 1 && (await metric(b, 'tail_lag_seconds_sum')) < 2 * pieces, `${pieces} pieces`);
  assert.equal(await metric(a, 'tail_lag_seconds_count'), 0);
});
