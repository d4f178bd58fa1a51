// A lane that dies with many turns: another one settles them together, not one after the other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paced, writeCaptures } from '../lib/captures.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit } from '../lib/process.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { metric } from '../lib/replicas/world.mjs';

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
