// A turn that another lane takes over is counted once, with its request, by whoever ends it: in the logs of all lanes
// together and in their metrics.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chat } from '../lib/http.mjs';
import { accessLines, readMetrics, total } from '../lib/metrics.mjs';
import { limit, oa, scratch, sleep } from '../lib/process.mjs';
import { begun, fifth, resume, startWorld } from '../lib/replicas/world.mjs';

let world, b;
before(async () => {
  world = await startWorld();
  b = await world.lane('b');
});
after(() => world.end());

const judged = async (lanes, gate) => {
  const folder = scratch('counted');
  const files = lanes.map((lane) => {
    const file = path.join(folder, `${lane.name}.log`);
    fs.writeFileSync(file, lane.stderr);
    return ['--access-log', file];
  });
  const { stdout } = await oa(['slo', 'gate', gate, '--window', '10m', '--json', ...files.flat()]);
  const { n, bad } = JSON.parse(stdout).gate;
  return { n, bad };
};
const linesOf = (lanes, turn) => lanes.flatMap((lane) => accessLines(lane.stderr).filter((line) => line.turn === turn && line.method === 'POST').map((line) => ({ ...line, by: lane.name })));
const posts = async (lane) => total(await readMetrics(lane.base), 'http_requests_total', { method: 'POST', route: '/api/chat' });
const ends = async (lane) => total(await readMetrics(lane.base), 'terminal_total', { route: '/api/chat' });

test('a turn that a lane leaves, and one of a lane that died, count once, by their end', async () => {
  const leaving = await world.lane('leaving', ['--drain-notice', '10ms'], { drain: '400ms' });
  const dying = await world.lane('dying');
  const whole = chat(leaving.base, 'scenario:text;words=3', { id: 'whole' });
  assert.equal((await whole.done).status, 200);
  const turns = [['moved', leaving], ['moved-failed', leaving], ['orphan', dying], ['orphan-failed', dying]];
  const firsts = [];
  for (const [id, lane] of turns) {
    if (!id.endsWith('failed')) firsts.push(await begun(lane, id));
    else await fifth(firsts[firsts.push(chat(lane.base, `scenario:failed-mid;at=8;hold=5;key=${id}`, { id })) - 1]);
  }
  await dying.kill();
  assert.equal((await leaving.stop()).code, 0);
  for (const [id] of turns) await b.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 's').startsWith('b.'), `b has ${id}`);
  const others = turns.map(([id]) => resume(b, id));
  for (const [id] of turns) await world.release(id);
  await Promise.all(others.map((x) => x.done));
  await b.until(async () => (await ends(b)) === turns.length, 'all have ended');

  const lanes = [leaving, dying, b];
  for (const [i, [id, lane]] of turns.entries()) {
    const turn = firsts[i].chunks.find((c) => c?.type === 'start').messageId;
    const lines = linesOf(lanes, turn);
    const ended = lines.filter((line) => line.terminal);
    assert.deepEqual(ended.map((line) => [line.by, line.taken_over, line.accepted, line.route]), [['b', 'true', undefined, '/api/chat']], JSON.stringify(lines));
    assert.equal(ended[0].request_id, firsts[i].headers['x-request-id']);
    assert.equal(ended[0].terminal === 'completed', !id.endsWith('failed'), JSON.stringify(ended));
    const began = lines.filter((line) => line.accepted);
    assert.deepEqual(began.map((line) => [line.left, line.reader]), lane === leaving ? [['true', 'cut']] : [], JSON.stringify(lines));
  }
  const gate = await judged(lanes, 'bad: terminal_error <= 10%');
  assert.deepEqual(gate, { n: 5, bad: 2 });
  assert.equal(await posts(b), turns.length, 'each request is counted where its turn ended');
  assert.deepEqual(await judged(lanes, 'bad: empty <= 1%'), { n: 5, bad: 0 });
});

test('an ending that was told while the store was away is counted by nobody else', async () => {
  const limits = ['--limit', `store-wait=${limit(1000)}ms`, '--limit', `store-outage=${limit(2500)}ms`];
  const alone = await world.lane('alone', limits);
  const turn = await begun(alone, 'late');
  world.redis.signal('SIGSTOP');
  try {
    await world.release('late');
    await turn.done;
    assert.equal(turn.complete, true);
    await alone.until(() => accessLines(alone.stderr).some((line) => line.terminal), 'its line');
    await sleep(limit(5000)); // the lane gives up to tell the store, whose lease on it ends as well
  } finally {
    world.redis.signal('SIGCONT');
  }
  const id = turn.chunks.find((c) => c?.type === 'start').messageId;
  await b.until(() => world.redis.cli('HGET', 'oa:t:/late', 's').trim() === '', 'the row is free');
  await sleep(limit(2000)); // sweeps of the other lane
  assert.deepEqual(linesOf([alone, b], id).map((line) => [line.by, line.terminal, line.taken_over]), [['alone', 'completed', undefined]]);
});
