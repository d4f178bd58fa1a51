// Three Sentinels watch a primary and its copies; the lanes ask them where the primary is.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { Running, cleanEnv, limit, oa, scratch, sleep } from '../lib/process.mjs';
import { freePort } from '../lib/proxies.mjs';
import { BIN, startRedis } from './redis.mjs';
import { begun, fifth, resume, startWorld, whole } from './world.mjs';

const sentinels = [];
let world, copies, url, a, b;

async function startSentinel(primary) {
  const port = await freePort();
  const folder = scratch('sentinel');
  const file = path.join(folder, 'sentinel.conf');
  fs.writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor chat 127.0.0.1 ${primary} 2\nsentinel down-after-milliseconds chat 1000\nsentinel failover-timeout chat 5000\n`);
  const one = new Running(path.join(BIN, 'redis-server'), [file, '--sentinel'], { name: `sentinel-${port}`, folder, env: cleanEnv() });
  await one.until((r) => r.stdout.includes('+monitor'), 'a Sentinel');
  one.port = port;
  sentinels.push(one);
}
before(async () => {
  world = await startWorld({ lease: '6s', args: ['--limit', 'store-wait=400ms'] });
  copies = await Promise.all([1, 2].map(() => startRedis({ args: ['--replicaof', '127.0.0.1', String(world.redis.port)] })));
  for (let i = 0; i < 3; ++i) await startSentinel(world.redis.port);
  url = `redis+sentinel://${sentinels.map((one) => `127.0.0.1:${one.port}`).join(',')}/chat`;
  [a, b] = [await world.lane('a', [], { store: url }), await world.lane('b', [], { store: url })];
  await sentinels[0].until((r) => (r.stdout.match(/\+slave /g) ?? []).length >= 2 && (r.stdout.match(/\+sentinel /g) ?? []).length >= 2, 'the copies and the other Sentinels', 20000);
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
  const x = await oa(['serve', '--listen', '127.0.0.1:0', '--authority', 'replay', '--store', url.replace('/chat', '/other')]);
  assert.equal(x.code, 4, x.stderr);
  assert.match(x.stderr, /no Sentinel knows the primary/);
});
