// A store that takes no writes for longer than a lease: all lanes seem dead to each other, and none is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { sleep } from '../lib/process.mjs';
import { begun, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

const IDS = ['one', 'two', 'three', 'four', 'five', 'six'];
let world, lanes;
before(async () => {
  world = await startWorld({ lease: '3s' });
  lanes = [await world.lane('a'), await world.lane('b'), await world.lane('c')];
});
after(() => world.end());

test('turns stay where they run, and conversations are listed from the store, while it takes no writes', async () => {
  const turns = [];
  for (const [i, id] of IDS.entries()) turns.push(await begun(lanes[i % 3], id));
  world.redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
  await lanes[0].until(() => world.redis.cli('SMEMBERS', 'oa:ss').split('\n').every((one) => world.redis.cli('EXISTS', `oa:s:${one}`) === '0'), 'the end of all leases');
  for (const lane of lanes) {
    const listed = (await send(lane.base, { path: '/api/chats' })).json().data.map((row) => row.id);
    assert.deepEqual(listed.sort(), [...IDS].sort());
  }
  await sleep(2000); // two looks at what dead lanes left
  world.redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0');
  await sleep(4000); // the first looks after it
  for (const id of IDS) await world.release(id);
  for (const turn of turns) {
    await turn.done;
    assertLegal(turn);
    assert.deepEqual([read(turn).texts, read(turn).failure ?? null], [[whole()], null]);
  }
  for (const lane of lanes) assert.deepEqual([await metric(lane, 'adopted_total'), await metric(lane, 'reaped_total')], [0, 0]);
});

test('whoever opens or stops an idle conversation needs no write of the store', async () => {
  const lane = await world.lane('brief', ['--limit', 'log-kept=1s']);
  assertLegal(await chat(lane.base, 'scenario:text;words=3', { id: 'idle' }).done);
  const log = `oa:l:${world.redis.cli('HGET', 'oa:t:/idle', 'ti')}`;
  await lane.until(() => world.redis.cli('EXISTS', log) === '0', 'the end of its log');
  for (const [name, value, well] of [['min-replicas-to-write', '1', '0'], ['maxmemory', '100kb', '0']]) {
    world.redis.cli('CONFIG', 'SET', name, value);
    for (const one of [lane, lanes[0]]) {
      assert.equal((await resume(one, 'idle').done).status, 204, name);
      const stop = await send(one.base, { method: 'POST', path: '/api/chats/idle/stop' });
      assert.equal(stop.json().data?.status, 'idle', `${name}: ${stop.text}`);
    }
    world.redis.cli('CONFIG', 'SET', name, well);
  }
});
