// Khala accepts the connection, answers pings, and says nothing: hello on the Rust wire, the reply to
// join or subscribe on the Phoenix wire never comes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertOneError, read } from '../lib/contract.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { World } from './world.mjs';

async function until(done, what) {
  for (const end = Date.now() + limit(40000); !(await done()); await sleep(50)) assert.ok(Date.now() < end, what);
}
const metric = async (world, name) => Number(new RegExp(`^oa_stream_worker_${name} (\\S+)$`, 'm').exec((await world.get('/metrics')).text)?.[1]);

async function silent(wire, what) {
  const world = await World.start({ wire, limits: { 'authority-away': '3s' } });
  try {
    const running = world.say('scenario:long;n=4000');
    await running.frame('text-delta');
    const { khala } = world.fake;
    khala.silence(what);
    const opened = () => world.fake.log.filter((entry) => entry.what === 'khala.open').length;
    const before = opened();
    khala.dropAll();
    assertOneError(await running.done, { code: 'authority_lost', retryable: true });
    // Each answer until the second silent connection: none may be green.
    await until(async () => {
      const ready = await world.get('/readyz');
      assert.equal(ready.status, 503, ready.text);
      return opened() >= before + 2;
    }, 'a silent connection is not left');
    assert.match((await world.get('/readyz')).text, /Khala accepts connections, but does not answer/);
    assert.ok(await metric(world, 'unanswered_total') >= 1);
    khala.silence(null);
    await world.ready(limit(40000));
    assert.equal(await metric(world, 'link_up'), 1);
    assert.equal(read(await world.say('scenario:text').done).texts.join('').split(' ').length, 12);
    assert.deepEqual(world.held(), []);
  } finally { await world.stop(); }
}

test('a Khala that does not answer is left and asked again', { concurrency: true }, async (t) => {
  await Promise.all([['rust', 'all'], ['phoenix', 'all'], ['phoenix', 'subscribe']].map(([wire, what]) =>
    t.test(`${wire} wire, ${what}`, () => silent(wire, what))));
});
