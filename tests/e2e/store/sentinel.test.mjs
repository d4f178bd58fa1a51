// Three Sentinels watch a primary and its copies; the lanes ask them where the primary is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { limit, oa, sleep } from '../lib/process.mjs';
import { meet, sentinelUrl, startRedis, startSentinel } from '../lib/replicas/redis.mjs';
import { askOnce } from '../lib/replicas/resp.mjs';
import { begun, fifth, resume, startWorld } from '../lib/replicas/world.mjs';

const sentinels = [];
let world, copies, url, a, b;

before(async () => {
  world = await startWorld({ lease: '6s', args: ['--limit', `store-wait=${limit(400)}ms`] });
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

/** When one of them takes writes, and when a Sentinel names it. */
async function newPrimary() {
  const seen = { port: 0, writes: 0, named: 0 };
  for (const end = Date.now() + limit(30000); !seen.named && Date.now() < end; await sleep(5)) {
    const writes = await Promise.all(copies.map((one) => askOnce(one.port, 'SET', 'test:probe', '1'))); // a Sentinel cuts connections
    const at = writes.indexOf('OK');
    if (at >= 0 && !seen.writes) Object.assign(seen, { port: copies[at].port, writes: performance.now() });
    const names = await Promise.all(sentinels.map((one) => askOnce(one.port, 'SENTINEL', 'get-master-addr-by-name', 'chat')));
    if (seen.writes && names.some((one) => one?.[1] === String(seen.port))) seen.named = performance.now();
  }
  return seen;
}
/** When the first new turn is accepted. */
async function firstTurn(lane) {
  for (let n = 0, end = Date.now() + limit(30000); ; ++n) {
    const turn = chat(lane.base, 'scenario:text;words=3', { id: `new-${n}` });
    await turn.wait((x) => x.status !== 0, 'an answer');
    if (turn.status === 200 || Date.now() > end) return { at: performance.now(), turn };
    await turn.done;
    await sleep(20);
  }
}

test('the primary is killed: Sentinel names another one, a running turn goes on everywhere, new ones start within a second', async (t) => {
  const first = await begun(a, 'sentinel');
  const other = resume(b, 'sentinel');
  await fifth(other);
  const length = (redis) => redis.cli('XLEN', `oa:l:${first.headers['x-oa-turn-id']}`);
  for (const copy of copies) await a.until(() => length(copy) === length(world.redis), 'the copies'); // they follow behind
  await world.redis.kill();
  const [primary, next] = await Promise.all([newPrimary(), firstTurn(b)]);
  await world.endsWhole('sentinel', first, other);
  await next.turn.done;
  assertLegal(next.turn);
  const ms = (from) => Math.round(next.at - from);
  t.diagnostic(`a turn was accepted ${ms(primary.writes)} ms after the primary took writes, ${ms(primary.named)} ms after a Sentinel named it`);
  // Nobody can know of it before a Sentinel names it, and those look once a second.
  assert.ok(ms(primary.named) <= limit(950), `${ms(primary.named)} ms`);
});

test('Sentinels that know no such primary are refused', async () => {
  const x = await oa(['serve', '--listen', '127.0.0.1:0', '--authority', 'replay', '--store', sentinelUrl(sentinels, 'other')]);
  assert.equal(x.code, 4, x.stderr);
  assert.match(x.stderr, /no Sentinel knows the primary/);
});
