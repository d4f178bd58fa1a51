// So many turns of another lane that they are asked for now and then; later so few that each is waited for again. And so
// many of one lane that each is written less often.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paced, writeCaptures } from '../lib/captures.mjs';
import { assertLegal } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit } from '../lib/process.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { metric, resume } from '../lib/replicas/world.mjs';

const WAITED_FOR = 128; // store::k_most_waited
const CROWD = 400; // whose writes come half as often, by write_pause() of shared_lane.cpp
const LONG = 40, SHORT = WAITED_FOR;

test('readers of many turns of another lane hear all of each, also when most turns have ended', async () => {
  const redis = await startRedis({});
  const replayDir = writeCaptures({ long: paced(65, 220, 20), short: paced(45, 220, 20) }); // longer than it takes to read all of them
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startLane({ name, replayDir, pace: 'recorded', args: ['--store', redis.url, '--replica-name', name, '--drain-notice', '10ms'] })));
  const ids = [...Array.from({ length: LONG }, (_, n) => `long-${n}`), ...Array.from({ length: SHORT }, (_, n) => `short-${n}`)];
  const own = ids.map((id) => chat(a.base, `replay:${id.split('-')[0]}`, { id }));
  await a.until(() => own.every((one) => one.status === 200), 'all turns');
  const elsewhere = ids.map((id) => resume(b, id));
  const ends = (exchanges) => exchanges.map((one) => one.done.then(() => performance.now()));
  const [here, there] = [ends(own), ends(elsewhere)];
  await b.until(async () => (await metric(b, 'tails')) === ids.length, 'all of them read');

  const [told, heard] = [await Promise.all(here), await Promise.all(there)];
  for (const [n, one] of own.entries()) {
    assertLegal(elsewhere[n]);
    assert.equal(elsewhere[n].text, one.text, ids[n]);
  }
  // Each second a lane looks at what it reads: whoever waits for that alone is half a second late, a quarter of them by three quarters.
  const late = told.slice(0, LONG).map((at, n) => heard[n] - at).sort((x, y) => x - y);
  assert.ok(late[LONG * 3 / 4] < limit(500), `ends came ${late.map((ms) => ms.toFixed()).join(', ')} ms later`);
  assert.equal(await metric(b, 'tail_gaps_total'), 0);
  for (const lane of [a, b]) assert.equal((await lane.stop()).code, 0);
  await redis.kill();
});

test('a lane on which many speak writes each of them less often', async () => {
  const redis = await startRedis({});
  const replayDir = writeCaptures({ even: paced(125, 80, 20) }); // ten seconds, of which a lane knows a crowd after one or two
  const appendsOf = async (turns) => {
    const lane = await startLane({ name: `of-${turns}`, replayDir, pace: 'recorded', args: ['--store', redis.url] });
    const all = await Promise.all(Array.from({ length: turns }, (_, n) => chat(lane.base, 'replay:even', { id: `${turns}-${n}` }).done));
    for (const one of all) assertLegal(one);
    const appends = await metric(lane, 'store_appends_total') / turns;
    assert.equal((await lane.stop()).code, 0);
    return appends;
  };
  const [few, many] = await Promise.all([10, CROWD].map(appendsOf));
  assert.ok(few > 60, `${few} for each of a few turns of ten seconds`);
  assert.ok(many < 0.8 * few, `${many} for each of many turns, ${few} for each of a few`);
  await redis.kill();
});
