// A turn ends as lost only when Khala was away for the whole of authority-away: time in which it
// replays, or in which the lane itself did not run, does not count. And when its worker stopped.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertLegal, assertOneError, read } from '../lib/contract.mjs';
import { open } from '../lib/http.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { words } from './disconnects.mjs';
import { World } from './world.mjs';

const AWAY = 8000;
const opened = (world) => world.fake.log.filter((entry) => entry.what === 'khala.open').length;

const running = (n, run) => during(`long;n=${n};delay=20`, run);

async function during(scenario, run) {
  const world = await World.start({ wire: 'phoenix', limits: { 'authority-away': `${AWAY}ms` } });
  try {
    const turn = world.say(`scenario:${scenario}`, { id: 'first', ms: limit(60000) });
    await turn.frame('text-delta');
    await run(world, turn);
  } finally { await world.stop(); }
}

function whole(turn, n) {
  assertLegal(turn);
  assert.equal(read(turn).texts.join(''), words(n));
}

/** Lets the lane in and cuts it once it is there, until `over`. */
async function cutting(world, over) {
  world.fake.khala.dropAll();
  while (!over()) {
    const socket = [...world.fake.khala.sockets].find((one) => one.joined);
    if (socket) {
      await sleep(100); // what follows the join is on its way
      world.fake.khala.dropAll();
    }
    await sleep(10);
  }
}

const stop = ({ fake }) => fake.control.append(fake.worker, 'worker.stopped', { reason: 'operator' });
const start = ({ fake }) => {
  Object.assign(fake.control.workers.get(fake.worker), { status: 'running', stopped: null, heartbeat: Date.now() });
  fake.control.append(fake.worker, 'worker.started', { status: 'running', reason: 'register' });
};

/** Side by side, each in a world of its own: they wait. */
describe('away', { concurrency: true }, () => {
  test('a channel that is cut before its subscription each time: the pauses stay short', () => running(600, async (world, turn) => {
    world.fake.khala.silence('subscribe');
    const before = opened(world);
    await cutting(world, () => opened(world) >= before + 5);
    world.fake.khala.silence(null);
    world.fake.khala.dropAll(); // the one that was not answered
    await turn.done;
    whole(turn, 600);
  }));

  test('a channel that is cut in the replay each time: what it told is told, and the turn goes on', () => running(900, async (world, turn) => {
    world.fake.khala.silence('reply');
    const end = Date.now() + AWAY + 4000;
    await cutting(world, () => Date.now() > end);
    world.fake.khala.silence(null);
    world.fake.khala.dropAll();
    await turn.done;
    whole(turn, 900);
  }));

  test('a proxy without a backend answers 404 for a moment: the turn goes on', () => running(300, async (world, turn) => {
    world.fake.khala.refuseNext({ status: 404, body: '<html>default backend - 404</html>' }, 1);
    world.fake.khala.dropAll();
    await turn.done;
    whole(turn, 300);
  }));

  test('a lane that did not run for a while does not count it as time that Khala was away', () => running(100, async (world, turn) => {
    world.fake.khala.refuseNext({ drop: true }, 1);
    world.fake.khala.dropAll();
    await sleep(200);
    process.kill(world.lane.pid, 'SIGSTOP');
    await sleep(AWAY + 1000);
    process.kill(world.lane.pid, 'SIGCONT');
    await turn.done;
    whole(turn, 100);
  }));

  test('Khala that lets nobody in for all that time: the turn is lost', () => running(4000, async (world, turn) => {
    world.fake.khala.refuseNext({ drop: true }, 1000);
    const began = Date.now();
    world.fake.khala.dropAll();
    await turn.done;
    assertOneError(turn, { code: 'authority_lost', retryable: true });
    assert.ok(Date.now() - began > AWAY - 500, `${Date.now() - began} ms`);
  }));

  test('a worker that stopped and is back before anybody looked does not go on with its turn: it is lost', () => during('hang', async (world, turn) => {
    world.fake.khala.refuseNext({ drop: true }, 1);
    world.fake.khala.dropAll();
    stop(world);
    start(world);
    await turn.done;
    assertOneError(turn, { code: 'authority_lost', retryable: true });
  }));

  test('nor does one that another message finds running again; the turn of that message is not lost', () => during('hang', async (world, turn) => {
    stop(world);
    await world.lane.until(async () => (await world.get('/readyz')).status === 503, 'the stop');
    start(world);
    const other = await world.say('scenario:long;n=200;delay=20', { id: 'other' }).done;
    whole(other, 200);
    await turn.done;
    assertOneError(turn, { code: 'authority_lost', retryable: true });
  }));

  test('nor is one that a lane found running after a stop of which it heard later', () => during('long;n=4000;delay=20', async (world) => {
    const { control, worker } = world.fake;
    const execute = control.engine.execute.bind(control.engine);
    const stored = (thread) => ({ id: thread, status: { type: 'active' }, turns: [...control.engine.running.values()].map(({ id }) => ({ id, status: 'inProgress', items: [] })) });
    control.engine.execute = async (ask) => (ask.method === 'thread/read' ? { response: { thread: stored(ask.thread) } } : execute(ask));
    await world.lane.kill();
    const next = await World.start({ fake: world.fake, env: { OA_STREAM_STATE_DIR: world.lane.stateDir } });
    try {
      await sleep(2100); // a look counts for two seconds
      control.append(worker, 'worker.stopped', { reason: 'operator' }, { keep: false });
      start(world);
      const turn = open(next.lane.base, { path: '/api/chats/first/stream', ms: limit(30000) });
      await turn.frame('start-step');
      await sleep(2000); // a turn whose worker stopped has one
      assert.equal(turn.complete, false, turn.text.slice(-500));
      turn.destroy();
    } finally { await next.leave(); }
  }));
});
