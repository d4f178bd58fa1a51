// Three Sentinels watch a primary and its copies; the lanes ask them where the primary is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { limit, oa, sleep } from '../lib/process.mjs';
import { meet, sentinelUrl, startRedis, startSentinel } from './redis.mjs';
import { begun, fifth, resume, startWorld, whole } from './world.mjs';

const sentinels = [];
let world, copies, url, a, b;

before(async () => {
  world = await startWorld({ lease: '6s', args: ['--limit', 'store-wait=400ms'] });
  copies = await Promise.all([1, 2].map(() => startRedis({ args: ['--replicaof', '127.0.0.1', String(world.redis.port)] })));
  for (let i = 0; i < 3; ++i) sentinels.push(await startSentinel(world.redis.port));
  url = sentinelUrl(sentinels);
  [a, b] = [await world.lane('a', [], { store: url }), await world.lane('b', [], { store: url })];
  await meet(sentinels);
});
after(async () => {
  await world.end();
  for (const one of [...copies, ...sentinels]) await one.kill();
});

test('the primary is killed: Sentinel names another one, a running turn goes on everywhere, new ones start', async () => {
  const first = await begun(a, 'sentinel');
  const other = resume(b, 'sentinel');
  await fifth(other);
  const length = (redis) => redis.cli('XLEN', `oa:l:${first.headers['x-oa-turn-id']}`);
  for (const copy of copies) await a.until(() => length(copy) === length(world.redis), 'the copies'); // they follow behind
  await world.redis.kill();
  await sentinels[0].until((r) => r.stdout.includes('+switch-master'), 'the failover', 20000);
  await world.release('sentinel');
  await Promise.all([first.done, other.done]);
  for (const x of [first, other]) {
    assert.equal(x.broken, null, x === first ? 'the first reader' : 'the other reader');
    assertLegal(x);
    assert.deepEqual(read(x).texts, [whole()]);
  }
  let next;
  for (const end = Date.now() + limit(10000); ; await sleep(50)) {
    next = await chat(b.base, 'scenario:text;words=3', { id: 'sentinel-2' }).done;
    if (next.status === 200 || Date.now() > end) break;
  }
  assertLegal(next);
});

test('Sentinels that know no such primary are refused', async () => {
  const x = await oa(['serve', '--listen', '127.0.0.1:0', '--authority', 'replay', '--store', sentinelUrl(sentinels, 'other')]);
  assert.equal(x.code, 4, x.stderr);
  assert.match(x.stderr, /no Sentinel knows the primary/);
});
