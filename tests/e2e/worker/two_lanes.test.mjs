// Two lanes of one principal on one runtime. The runtime's guard of the question for the head counts
// per principal, and an open socket of either lane sets it anew all the time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { read } from '../lib/contract.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { EVENTS_TOPIC } from './fake/lib/khala.mjs';
import { World } from './world.mjs';

let first;
before(async () => { first = await World.start(); });
after(() => first.stop());

const words = (n) => Array.from({ length: n }, (_, i) => `w${String(i + 1).padStart(3, '0')}`).join(' ');
const text = (exchange) => read(exchange).texts.join('');
const journal = (what) => first.fake.log.filter((entry) => entry.what === what);
const topic = () => first.fake.khala.topic(EVENTS_TOPIC);
/** Events of a worker that nobody here knows, no faster than the lanes read them. */
async function others(n) {
  for (let i = 0; i < n; i++) {
    first.fake.khala.publish(EVENTS_TOPIC, 'worker.event', { worker_id: 'desktopw:else', seq: i + 1, event_type: 'worker.event', payload: {} }, { limit: false });
    for (const end = Date.now() + limit(5000); i % 100 === 0 && Date.now() < end && [...first.fake.khala.sockets].some((s) => s.delivered < topic().bounds().head);) await sleep(5);
  }
}

/** The lane that is there opens its socket anew: the one that left took the guard's memory with it. */
async function reopened() {
  const opens = () => journal('khala.open').length;
  const before = opens();
  first.fake.khala.dropAll();
  for (const end = Date.now() + limit(10000); opens() === before; await sleep(10)) assert.ok(Date.now() < end, 'the first lane does not come back');
  await first.ready();
}

async function second(run) {
  await reopened();
  const throttled = journal('khala.poll').filter((poll) => poll.status === 429).length;
  const world = await World.start({ fake: first.fake });
  try {
    assert.ok(journal('khala.poll').filter((poll) => poll.status === 429).length > throttled, 'the first lane is in the way');
    await run(world);
  } finally { await world.leave(); }
}
async function bothAnswer(world) {
  const turns = journal('turn').length;
  const both = await Promise.all([first, world].map((one) => one.say('scenario:text;n=30').done));
  for (const exchange of both) assert.equal(text(exchange), words(30));
  assert.equal(journal('turn').length, turns + 2);
  assert.deepEqual(first.held(), []);
}

test('a second lane gets ready on a young topic, and both run turns', () => second(bothAnswer));

test('an old worker.stopped that is still retained does not stop the second lane', async () => {
  const { control, worker } = first.fake;
  control.append(worker, 'worker.stopped', { reason: 'operator' });
  Object.assign(control.workers.get(worker), { status: 'running', stopped: null, heartbeat: Date.now() });
  await second(bothAnswer);
});

test('so many events are retained that a reader from 0 is evicted on its way', async () => {
  await others(950 - topic().messages.length);
  const evicted = journal('khala.evicted').length;
  await second(bothAnswer);
  assert.ok(journal('khala.evicted').length > evicted);
});

test('0 is stale, and the answer tells the head', async () => {
  await others(1500);
  const stale = () => journal('khala.stale').length + journal('khala.poll').filter((poll) => poll.status === 410).length;
  const before = stale();
  await second(bothAnswer);
  assert.ok(stale() > before);
});

test('the runtime starts again, its numbers too: both lanes come back', () => second(async (world) => {
  const running = [first, world].map((one) => one.say('scenario:text;n=60;delay=30'));
  await Promise.all(running.map((exchange) => exchange.frame('text-delta')));
  first.fake.khala.restart();
  for (const exchange of await Promise.all(running.map((one) => one.done))) assert.equal(text(exchange), words(60));
  await first.ready();
  await world.ready();
  await bothAnswer(world);
}));
