// A lane that dies with many turns: another one settles them together, and those of one Codex server whatever another server does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paced, writeCaptures } from '../lib/captures.mjs';
import { chatConfig, startCodexServer } from '../lib/codex.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit } from '../lib/process.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { begun, metric, startWorld } from '../lib/replicas/world.mjs';

const TURNS = 600;

test('600 turns of a dead lane are settled at once, each of them once', async () => {
  const redis = await startRedis({});
  const args = ['--store', redis.url, '--limit', 'lease=2s', '--limit', `streams=${TURNS}`];
  const replayDir = writeCaptures({ long: paced(600, 400, 20) }); // longer than all of this takes
  const [x, y] = [await startLane({ name: 'x', args, replayDir, pace: 'recorded' }), await startLane({ name: 'y', args, replayDir, pace: 'immediate' })];
  const streams = Array.from({ length: TURNS }, (_, n) => chat(x.base, 'hello', { id: `many-${n}` }));
  await x.until(() => streams.every((one) => one.status === 200), 'all turns', 30000);
  await x.kill();
  await Promise.allSettled(streams.map((one) => one.done));
  await y.until(async () => (await metric(y, 'reaped_total')) > 0, 'the first', 30000);
  const began = performance.now();
  await y.until(async () => (await metric(y, 'reaped_total')) >= TURNS, 'all of them', 30000);
  const took = performance.now() - began;
  assert.ok(took < limit(1500), `${took.toFixed()} ms: a look a second settled 200`);
  assert.equal(await metric(y, 'reaped_total'), TURNS);
  await y.until(() => redis.cli('SCARD', 'oa:ss') === '1', 'the dead lane forgotten');
  assert.equal((await y.stop()).code, 0);
  await redis.kill();
});

test('a Codex server that hangs when a lane dies holds up the turns of no other server', async () => {
  const world = await startWorld({ lease: '2s' });
  const other = await startCodexServer({ config: chatConfig, mockPort: world.mock.port });
  const both = ['--codex-server', `1=ws://127.0.0.1:${other.port}`];
  const [dying, heir] = [await world.lane('dying', both), await world.lane('heir', both)];
  const ids = Array.from({ length: 48 }, (_, n) => `hung-${n}`);
  for (let n = 0; n < ids.length; n += 8) await Promise.all(ids.slice(n, n + 8).map((id) => begun(dying, id)));
  await dying.until(async () => (await metric(dying, 'store_unacked_bytes')) === 0, 'the store to have the words');
  const there = ids.filter((id) => world.redis.cli('HGET', `oa:t:/${id}`, 'th').startsWith('1_')).length;
  assert.ok(there > 16 && ids.length - there > 16, `${there} of ${ids.length} on the other server`);
  process.kill(world.server.pid, 'SIGSTOP');
  try {
    await dying.kill();
    const began = performance.now();
    await heir.until(async () => (await metric(heir, 'adopted_total')) === there, 'the turns of the other server', 30000);
    const took = performance.now() - began;
    assert.ok(took < limit(6000), `${took.toFixed()} ms: a request to the server that hangs takes 10 s`);
  } finally {
    process.kill(world.server.pid, 'SIGCONT');
  }
  await heir.until(async () => (await metric(heir, 'adopted_total')) === ids.length, 'the rest', 30000);
  for (const id of ids) await world.release(id);
  await heir.until(async () => (await metric(heir, 'turns_held')) === 0, 'their ends');
  await world.end();
  await other.kill();
});
