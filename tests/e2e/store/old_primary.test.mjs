// An old primary that lives on beside the new one takes no writes: with min-replicas-to-write it has nobody to copy them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit, oa } from '../lib/process.mjs';
import { again } from '../lib/replicas/pair.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { meet, sentinelUrl, startRedis, startSentinel } from '../lib/replicas/redis.mjs';
import { begun, fifth, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

const FEW = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2'];
const sentinels = [];
let world, pipe, copies, url, a, b;
before(async () => {
  world = await startWorld({ lease: '8s', redis: { args: FEW }, args: ['--limit', `store-wait=${limit(1000)}ms`] });
  pipe = await startPipe(world.redis.port); // everybody's way to the primary: Sentinels name it by this
  copies = await Promise.all([1, 2].map(() => startRedis({ args: ['--replicaof', '127.0.0.1', String(pipe.port), ...FEW] })));
  for (let i = 0; i < 3; ++i) sentinels.push(await startSentinel(pipe.port));
  await meet(sentinels);
  await sentinels[0].until(() => world.redis.cli('INFO', 'replication').includes('min_slaves_good_slaves:2'), 'copies that count');
  url = sentinelUrl(sentinels);
  [a, b] = [await world.lane('a', [], { store: url }), await world.lane('b', [], { store: url })];
});
after(async () => {
  await world.end();
  for (const one of [...copies, ...sentinels]) await one.kill();
  pipe.stop();
});
const role = (redis) => redis.cli('INFO', 'replication').match(/role:(\w+)/)[1];
const refusals = (redis) => Number(redis.cli('INFO', 'errorstats').match(/NOREPLICAS:count=(\d+)/)?.[1] ?? 0);
const lanesOn = (redis) => ['a', 'b'].filter((name) => redis.cli('CLIENT', 'LIST').includes(`name=oa-stream-${name}.`));

test('a primary that everybody but one lane has lost refuses its writes; lane and turn go to the new one', async () => {
  const old = world.redis;
  const first = await begun(a, 'zombie');
  const other = resume(b, 'zombie');
  await fifth(other);
  const log = `oa:l:${first.headers['x-oa-turn-id']}`;
  await a.until(() => copies.every((copy) => copy.cli('XLEN', log) === old.cli('XLEN', log)), 'the copies'); // they follow behind
  pipe.refuse = true;
  pipe.cut((hello) => !hello.includes('oa-stream-a.'));
  await a.until(() => lanesOn(old).join() === 'a', 'one lane at the old primary');

  await sentinels[0].until((r) => r.stdout.includes('+switch-master'), 'the failover', 20000);
  const fresh = copies.find((copy) => role(copy) === 'master');
  await a.until(() => lanesOn(fresh).length === 2, 'both lanes at the new primary', 20000);
  assert.equal(role(old), 'master', 'it knows of nothing');
  assert.ok(refusals(old) > 0, 'that is why the lane went');
  await a.until(() => lanesOn(old).length === 0, 'its followers, too');
  const kept = old.cli('XLEN', log);

  await world.endsWhole('zombie', first, other);
  assert.equal(old.cli('XLEN', log), kept, 'the old one got nothing of it');
  for (const lane of [a, b]) {
    for (const name of ['adopted_total', 'reaped_total', 'fenced_total']) assert.equal(await metric(lane, name), 0, name);
    assertLegal(await again(() => chat(lane.base, 'scenario:text;words=3', { id: 'zombie' }).done));
  }
  const { data } = (await send(b.base, { path: '/api/chats/zombie/messages' })).json();
  assert.deepEqual(data.filter((one) => one.role === 'assistant').map((one) => one.content), [whole(), whole(3), whole(3)]);
});

test('a lane that is given the old primary itself is refused, and told what to do', async () => {
  const x = await oa(['serve', '--listen', '127.0.0.1:0', '--authority', 'replay', '--store', world.redis.url, '--store-prefix', 'other']);
  assert.equal(x.code, 4, x.stderr);
  assert.match(x.stderr, /NOREPLICAS.*min-replicas-to-write/);
});

test('the old primary comes back as a copy of the new one, and the lanes stay', async () => {
  pipe.heal();
  await a.until(() => role(world.redis) === 'slave', 'the old primary as a copy', 30000);
  const fresh = copies.find((copy) => role(copy) === 'master');
  assert.deepEqual(lanesOn(fresh), ['a', 'b']);
  assertLegal(await again(() => chat(a.base, 'scenario:text;words=3', { id: 'zombie-after' }).done));
  await a.until(() => world.redis.cli('HGET', 'oa:t:/zombie-after', 'st') === 'ended', 'what was said since');
});

test('a primary whose copies are gone: nothing new starts, reading goes on, the lane stays ready and says why', async () => {
  const redis = await startRedis();
  const lane = await startLane({ authority: 'replay', args: ['--store', redis.url, '--limit', 'lease=2s'] });
  const start = () => chat(lane.base, 'hello', { id: 'alone' }).done;
  const readyz = () => send(lane.base, { path: '/readyz' });
  assertLegal(await start());
  redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
  assertRefused(await start(), 503, 'store_unavailable');
  const told = await again(readyz, (x) => /NOREPLICAS/.test(x.text));
  assert.equal(told.status, 200);
  assert.match(told.json().reason, /NOREPLICAS.*start its copies/);
  assert.equal(await metric(lane, 'store_up'), 0);
  assert.equal((await send(lane.base, { path: '/api/chats' })).status, 200);
  redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0');
  assertLegal(await again(start));
  assert.equal((await again(readyz, (x) => !x.text.includes('NOREPLICAS'))).status, 200);
  assert.equal((await lane.stop()).code, 0);
  await redis.kill();
});
