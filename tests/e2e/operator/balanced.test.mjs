// Two lanes of different health behind real balancers: watch and load count what users reach, whoever
// answers which scrape, and nobody says OK while one of the two fails or is not seen.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { startFront } from '../lib/local_target.mjs';
import { readMetrics, total } from '../lib/metrics.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';
import { startBalancer } from '../lib/proxies.mjs';

const TURNS = 60;
const lanes = [];
const others = [];

before(async () => {
  lanes.push(await startLane({ name: 'good', args: ['--revision', 'r1'] }));
  lanes.push(await startLane({ name: 'failing', args: ['--revision', 'r2', '--inject', 'error-rate=1'] }));
});
after(() => Promise.all([...others, ...lanes].map((one) => one.stop())));

async function turns(base, count, headers = {}) {
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`${base}/api/chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }] }),
    });
    await answer.text();
  }
}

/** What users asked and what failed, by both lanes themselves. */
async function counted() {
  const all = (await Promise.all(lanes.map((lane) => readMetrics(lane.base)))).flat().filter((one) => one.labels.probe === undefined);
  const requests = all.filter((one) => one.name === 'oa_stream_http_requests_total' && one.labels.method === 'POST' && /chat/.test(one.labels.route));
  const sum = (list) => list.reduce((n, one) => n + one.value, 0);
  const classes = ['turn_failed', 'turn_aborted', 'codex_error', 'adapter_preview_unavailable'];
  return {
    requests: sum(requests),
    bad: sum(requests.filter((one) => one.labels.status >= '500')) + classes.reduce((n, word) => n + total(all, 'terminal_total', { class: word }), 0) - total(all, 'terminal_5xx_total'),
  };
}

const frontDoor = () => startFront(['--backend', `r1=${lanes[0].base}`, '--backend', `r2=${lanes[1].base}`, '--weights', 'r1=50,r2=50']);

const BALANCERS = [['haproxy', 'roundrobin'], ['haproxy', 'leastconn'], ['nginx', 'roundrobin'], ['nginx', 'leastconn'], ['front door', 'weights']];
for (const [kind, algorithm] of BALANCERS) {
  test(`watch behind ${kind} by ${algorithm}: both lanes' numbers, and the one that fails is named`, async () => {
    const door = kind === 'front door' ? await frontDoor() : await startBalancer(kind, algorithm, lanes.map((lane) => lane.base));
    const run = new Running(OA_BIN, ['watch', '--ndjson', '--base-url', door.base, '--every', '200ms', '--window', '5m', '--instances', '2'], { name: 'watch', env: cleanEnv({ OA_STREAM_STATE_DIR: scratch('state') }) });
    const ticks = () => run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
    await run.until(() => ticks().find((tick) => tick.instances.length === 2 && tick.instances.every((one) => one.window_s > 0)), 'both lanes');
    const start = await counted();
    await turns(door.base, TURNS);
    const end = await counted();
    const rose = { requests: end.requests - start.requests, bad: end.bad - start.bad };
    assert.equal(rose.requests, TURNS);
    assert.ok(rose.bad > 10 && rose.bad < 50, `${rose.bad} of ${TURNS} reached the failing lane`);
    // Between two scrapes one of them may be late on a busy machine: that tick says so, not BAD.
    const tick = await run.until(() => ticks().find((one) => one.requests === TURNS && one.state !== 'UNREADABLE'), 'all turns');
    assert.deepEqual({ requests: tick.requests, bad: tick.bad }, rose);
    assert.equal(tick.state, 'BAD');
    assert.deepEqual(tick.guilty, ['r2']);
    assert.deepEqual(tick.revisions.map((one) => [one.revision, one.bad]), [['r1', 0], ['r2', rose.bad]]);
    assert.match(tick.next, /^oa-stream smoke stream --base-url http:/);
    assert.ok(ticks().every((one) => !(one.requests > TURNS)), 'no request was made up');
    assert.equal(ticks().flatMap((one) => one.events).filter((event) => /began again/.test(event.text)).length, 0);
    run.signal('SIGINT');
    await run.end();
    await door.stop();
  });
}

test('an instance that is never reached: not OK, and the headline says so', async () => {
  const door = await startBalancer('haproxy', 'roundrobin', [lanes[0].base]);
  others.push(door);
  const args = ['watch', '--base-url', door.base, '--every', '200ms', '--for', '4s', '--until', 'bad'];
  let over = false;
  const busy = Promise.all([1, 2, 3].map(async () => { while (!over) await turns(door.base, 1); })); // as long as somebody looks
  const [alone, missing] = await Promise.all([oa(args), oa([...args, '--instances', '2'])]);
  over = true;
  await busy;
  assert.equal(alone.code, 0, alone.stdout);
  assert.equal(missing.code, 3, missing.stdout);
  assert.match(missing.stdout.trim().split('\n').at(-1), /INCOMPLETE.* 1 of 2 instances answered/);
});

test('load counts the requests of both lanes, and does not call them restarted', async () => {
  const other = await startLane({ name: 'second', args: ['--revision', 'r3'] });
  const two = await startBalancer('haproxy', 'roundrobin', [lanes[0].base, other.base]);
  others.push(other, two);
  const run = await oa(['load', '--base-url', two.base, '--rate', '40/s', '--duration', '2s', '--json']);
  const counter = run.json().checks.find((one) => /counter/.test(one.id));
  assert.ok(counter, run.stdout + run.stderr);
  assert.equal(counter.verdict, 'PASS', JSON.stringify(counter));
  assert.equal(counter.data.counted, counter.data.sent);
});

test('a Prometheus that scrapes the balancer instead of the lanes: no verdict, and the target is named', async () => {
  const door = await startBalancer('haproxy', 'roundrobin', lanes.map((lane) => lane.base));
  others.push(door);
  const host = new URL(door.base).host;
  const server = await startPrometheus([host]);
  others.push(server);
  await turns(door.base, 30);
  await server.eventually('resets(oa_stream_process_start_time_seconds[1m])', (rows) => rows[0]?.value > 0);
  const gate = await oa(['slo', 'gate', 'bad: http_5xx | terminal_error <= 1%', '--prometheus', server.base, '--window', '1m']);
  assert.equal(gate.code, 3, gate.stdout);
  assert.match(gate.stdout + gate.stderr, new RegExp(`several processes answer at ${host} in turn`));
  assert.match(gate.stderr, new RegExp(`oa-stream watch .*--prometheus ${server.base}.* --once`));
  const watch = await oa(['watch', '--prometheus', server.base, '--once', '--json']);
  assert.equal(watch.json().sources[0].unsure, `several processes answer at ${host} in turn: scrape each by itself`);
  assert.equal(watch.json().state, 'INCOMPLETE', watch.stdout);
  assert.deepEqual([watch.json().requests, watch.json().budget.left, watch.json().guilty], [null, null, []]);
});

test('requests of probes are in no number of users, unless they are asked for', async () => {
  const log = path.join(scratch('log'), 'access.log');
  const lane = await startLane({ name: 'probed', args: ['--revision', 'r4', '--access-log', log] });
  others.push(lane);
  const look = (more = []) => oa(['watch', '--base-url', lane.base, '--once', '--json', '--every', '1s', ...more]);
  const smoke = await oa(['smoke', 'stream', '--base-url', lane.base, '--json']);
  assert.ok(smoke.json().checks.length > 3);
  const users = (await look()).json();
  assert.equal(users.budget.left, null, 'no user asked anything: there is no budget that is spent');
  const all = (await look(['--include-probes'])).json();
  assert.notEqual(all.budget.left, null);
  // The log says the same: lines of probes are marked, and a gate on it counts none of them.
  const marked = fs.readFileSync(log, 'utf8').trim().split('\n').map((line) => JSON.parse(line)).filter((line) => line.method === 'POST');
  assert.ok(marked.length > 0 && marked.every((line) => line.probe === 'probe'));
  const gate = ['slo', 'gate', 'bad: http_5xx | terminal_error <= 50%', '--access-log', log, '--window', '5m', '--json'];
  await turns(lane.base, 3);
  const counted = async (more) => (await oa([...gate, ...more])).json().gate.n;
  assert.equal(await counted([]), 3);
  assert.equal(await counted(['--include-probes']), 3 + marked.length);
});
