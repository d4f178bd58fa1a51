// Copies of Redis follow a little behind: what a failover loses, and what lanes do about it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { begun, heard, metric, resume, startWorld } from '../lib/replicas/world.mjs';

let world, pipes, lanes;
before(async () => {
  world = await startWorld({ lease: '6s' });
  pipes = [await startPipe(world.redis.port), await startPipe(world.redis.port)];
  lanes = await Promise.all(pipes.map((pipe, n) => world.lane(`lane-${n}`, [], { store: pipe.url })));
});
after(async () => {
  await world.end();
  for (const pipe of pipes) pipe.stop();
});
const small = (lane, id) => chat(lane.base, 'scenario:text;words=3', { id }).done;
async function again(ask) {
  for (const end = Date.now() + limit(10000); ; await sleep(50)) {
    const x = await ask();
    if (x.status === 200 || Date.now() > end) return x;
  }
}

test('a decision waits for a copy that is near, and says when there was none in time', async () => {
  const [a] = lanes;
  const copy = await startRedis({ args: ['--replicaof', '127.0.0.1', String(world.redis.port)] });
  await a.until(() => /slave0:.*state=online.*lag=[01]/.test(world.redis.cli('INFO', 'replication')), 'the copy');
  let waits = 0;
  pipes[0].told = (text) => { waits += text.split('\r\nWAIT\r\n').length - 1; };
  const short = () => metric(a, 'store_wait_short_total');
  await a.until(async () => {
    const before = await short();
    await small(a, 'copied');
    return waits >= 3 && (await short()) === before;
  }, 'an answer that the copy had in time', 20000);
  const before = await short();
  copy.signal('SIGSTOP');
  assertLegal(await small(a, 'not-copied'));
  assert.ok((await short()) > before, 'counted, and not fatal');
  pipes[0].told = undefined;
  copy.signal('SIGCONT');
  await copy.kill();
});

test('a copy takes over that has not heard of a running turn: no second one starts beside it', async () => {
  const [a, b] = lanes;
  assertLegal(await again(() => small(a, 'behind')));
  const copy = await startRedis({ args: ['--replicaof', '127.0.0.1', String(world.redis.port)] });
  await a.until(() => copy.cli('INFO', 'replication').includes('master_link_status:up') && copy.cli('HGET', 'oa:t:/behind', 'st') === 'ended', 'the copy');
  copy.cli('REPLICAOF', 'NO', 'ONE'); // from here on it falls behind
  const first = await begun(a, 'behind');
  await world.redis.kill();
  for (const pipe of pipes) pipe.target = copy.port;
  await a.until(() => copy.cli('HGET', 'oa:t:/behind', 'st') === 'live', 'the turn told again');
  // The other one comes back in its own time, and asks its visitors to wait until then.
  let there;
  await b.until(async () => (there = (await resume(b, 'behind').done).status) !== 503, 'the other lane');
  assert.equal(there, 204, 'its log is lost');
  assertRefused(await small(b, 'behind'), 409, 'turn_in_progress');
  assert.equal((await resume(b, 'behind').done).status, 204, 'and again');
  await world.endsWhole('behind', first);
  assertLegal(await again(() => small(b, 'behind')));
  world.redis = copy;
});
