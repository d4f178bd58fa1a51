// `load` against real processes: what it says it sent is what the lane counted, and what it measured is
// what users would have met.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { TOKEN, startFakeLane } from '../lib/fake_lane.mjs';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, Running, cleanEnv, limit, oa, scratch, sleep } from '../lib/process.mjs';

const check = (report, id) => {
  const found = report.checks.find((one) => one.id === `load.${id}`);
  assert.ok(found, `no check ${id} in ${report.checks.map((one) => one.id)}`);
  return found;
};
const lines = (report, file) => fs.readFileSync(path.join(report.evidence, 'measure', file), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const load = (base, args, options = {}) => oa(['load', '--base-url', base, '--json', ...args], { ms: 120000, ...options });

/** A load that goes on while the test does something to its target. */
function begin(base, args) {
  const folder = scratch('load');
  return new Running(OA_BIN, ['load', '--base-url', base, '--ndjson', ...args], { name: 'load', folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: path.join(folder, 'state') }) });
}
const seconds = (run) => run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
const summary = (run) => seconds(run).at(-1);

/** A test with a lane of its own. */
const onLane = (body) => async () => {
  const lane = await startLane();
  await body(lane);
  assert.equal((await lane.stop()).code, 0);
};

test('500 requests a second: sent as planned within 1 %, and the lane counted as many', { timeout: limit(60000) }, onLane(async (lane) => {
  const run = await load(lane.base, ['--rate', '500/s', '--duration', '4s', '--limit', 'p99-first_content<=30s']);
  const report = run.json();
  const figures = report.load;
  assert.equal(figures.counts.planned, 2000);
  assert.equal(figures.counts.sent, 2000, run.stdout);
  assert.ok(Math.abs(figures.rate.achieved / 500 - 1) <= 0.01, `achieved ${figures.rate.achieved}`);
  assert.ok(Math.abs(figures.counted_by_target / 2000 - 1) <= 0.01, `counted ${figures.counted_by_target}`);
  assert.equal(figures.endings.ok, 2000, JSON.stringify(figures.endings));
  assert.equal(report.verdict, 'PASS', run.stdout);
  assert.equal(run.code, 0);
  for (const id of ['ran', 'rate', 'contract', 'counter', 'limit.bad', 'limit.p99-first_content']) assert.equal(check(report, id).verdict, 'PASS', id);
  const clocks = figures.from_planned;
  for (const name of ['connect', 'head', 'first_byte', 'first_event', 'first_content', 'end']) assert.equal(clocks[name].n, 2000, name);
  assert.ok(clocks.first_content.p50 <= clocks.end.p50 && clocks.connect.p50 <= clocks.head.p50);
  // One line a request, one a second, and they agree.
  assert.equal(lines(report, 'requests.ndjson').length, 2000);
  assert.equal(lines(report, 'seconds.ndjson').reduce((sum, one) => sum + one.sent, 0), 2000);
  assert.ok(fs.existsSync(path.join(report.evidence, 'SHA256SUMS')));
}));

/** Four at a time: each counts what its own lane was sent, and waits for most of its time. */
describe('loads', { concurrency: 4 }, () => {
  test('a lane that stands still for 2 s is seen in the p99, though few requests were under way', { timeout: limit(60000) }, async () => {
    const paused = await startLane({ name: 'paused-lane' });
    const run = begin(paused.base, ['--rate', '100/s', '--duration', '8s', '--limit', 'p99-first_content<=1s', '--stall', '60s']);
    await run.until(() => seconds(run).length >= 1, 'first second');
    paused.signal('SIGSTOP');
    await sleep(2000); // the pause itself
    paused.signal('SIGCONT');
    assert.equal((await run.end(60000)).code, 1, run.stdout);
    const report = summary(run);
    const times = report.load.from_planned.first_content;
    assert.equal(times.n, 800, 'arrivals did not wait for the lane');
    assert.ok(times.p99 >= 1.7, JSON.stringify(times));
    assert.ok(times.p50 < 1, JSON.stringify(times));
    assert.equal(check(report, 'limit.p99-first_content').verdict, 'FAIL');
    await paused.stop();
  });

  test('what exceeds the room in flight is told as dropped, and no percentile profits', async () => {
    const slow = await startLane({ pace: 'recorded', name: 'slow-lane' });
    const run = await load(slow.base, ['--rate', '100/s', '--duration', '2s', '--prompt', 'replay:02-text-paced', '--max-in-flight', '5', '--stop-at-bad', '0%']);
    const report = run.json();
    const { counts, from_planned: times } = report.load;
    assert.ok(counts.dropped > 50, JSON.stringify(counts));
    assert.equal(counts.planned, 200);
    assert.equal(counts.sent + counts.dropped, 200);
    assert.equal(times.first_content.infinite, counts.dropped);
    assert.equal(times.first_content.p99, 'inf');
    assert.equal(check(report, 'rate').verdict, 'INCONCLUSIVE');
    assert.match(check(report, 'rate').detail, /dropped/);
    assert.equal(check(report, 'limit.bad').verdict, 'FAIL');
    assert.equal(run.code, 1);
    await slow.stop();
  });

  test('slow readers and readers that leave get their share, and are no failures', onLane(async (lane) => {
    const run = await load(lane.base, ['--rate', '200/s', '--duration', '2s', '--slow-readers', '20%', '--disconnect', '10%', '--read-pause', '50ms']);
    const report = run.json();
    const { counts, endings } = report.load;
    assert.equal(counts.sent, 400);
    assert.ok(counts.slow_readers > 40 && counts.slow_readers < 120, JSON.stringify(counts));
    assert.ok(counts.leaving_readers > 15 && counts.leaving_readers < 70, JSON.stringify(counts));
    assert.equal(endings.left, counts.leaving_readers);
    assert.equal(endings.ok, 400 - endings.left);
    assert.equal(counts.judged, 400 - endings.left);
    assert.equal(report.load.counted_by_target, 400);
    assert.equal(report.verdict, 'PASS', run.stdout);
    const slow = lines(report, 'requests.ndjson').filter((one) => one.reader === 'slow');
    assert.equal(slow.length, counts.slow_readers);
    for (const one of slow) assert.ok(one.first_content >= 0.05, JSON.stringify(one));
    assert.ok(report.load.from_planned.end.n <= 400 - counts.slow_readers - counts.leaving_readers);
  }));

  test('readers that leave are no good ones: with nobody left to judge nothing is decided', async () => {
    const failing = await startLane({ name: 'failing-lane', args: ['--inject', 'error-rate=0.05'] });
    const some = (await load(failing.base, ['--rate', '100/s', '--duration', '4s', '--prompt', 'scenario:words;n=2', '--disconnect', '80%', '--limit', 'bad <= 3%'])).json();
    const bad = check(some, 'limit.bad');
    assert.equal(bad.data.n, some.load.counts.judged);
    assert.ok(bad.data.n < 130, bad.detail);
    assert.notEqual(bad.verdict, 'PASS', bad.detail);
    const run = await load(failing.base, ['--rate', '100/s', '--duration', '2s', '--prompt', 'scenario:words;n=2', '--disconnect', '100%', '--limit', 'bad <= 3%', '--limit', 'in_stream_error <= 3%']);
    assert.equal(run.code, 3, run.stdout);
    for (const id of ['limit.bad', 'limit.in_stream_error']) {
      assert.equal(check(run.json(), id).verdict, 'INCONCLUSIVE');
      assert.match(check(run.json(), id).detail, /none of 200 measured requests can be judged/);
    }
    await failing.stop();
  });

  test('a fixed number of users, a ramp that is not measured, and a cap on requests', onLane(async (lane) => {
    // 20 ms each: all of them in the ramp is not possible, and none in it is not either.
    const run = await load(lane.base, ['--concurrency', '4', '--ramp', '500ms', '--duration', '60s', '--requests', '400', '--list', '10', '--prompt', 'scenario:words;n=2;delay=20']);
    const report = run.json();
    assert.equal(report.load.counts.sent, 400);
    const { measured } = report.load.counts;
    assert.ok(measured > 0 && measured < 400, `${measured}`);
    const each = lines(report, 'seconds.ndjson').map((one) => one.in_flight);
    assert.ok(each.length > 1 && each.every((n) => n <= 4), `${each}`);
    assert.equal(lines(report, 'requests.ndjson').length, 10);
    assert.equal(report.load.unlisted, 390);
    assert.ok(!report.checks.some((one) => one.id === 'load.rate'), 'no rate was asked for');
  }));

  test('too few samples decide nothing: INCONCLUSIVE, exit 3, with the number that would', onLane(async (lane) => {
    const run = await load(lane.base, ['--rate', '50/s', '--duration', '1s', '--limit', 'p99-end<=30s']);
    const report = run.json();
    assert.equal(report.verdict, 'INCONCLUSIVE');
    assert.equal(run.code, 3);
    assert.match(check(report, 'limit.p99-end').detail, /needs n ≥ 299/);
    assert.match(check(report, 'limit.bad').detail, /needs n ≥ 299/);
    assert.match(run.stderr, new RegExp(`next: oa-stream load --base-url ${lane.base} --rate 50/s --duration 6s --limit 'p99-end<=30s'`));
  }));

  test('Ctrl-C ends it with the summary so far, exit 130', onLane(async (lane) => {
    const run = begin(lane.base, ['--rate', '100/s', '--duration', '10m']);
    await run.until(() => seconds(run).length >= 2, 'two seconds');
    run.signal('SIGINT');
    const { code } = await run.end();
    assert.equal(code, 130, run.stderr);
    const report = summary(run);
    assert.ok(report.load.counts.sent > 100, JSON.stringify(report.load.counts));
    assert.match(check(report, 'ran').detail, /interrupted/);
    assert.match(report.next, /--duration 10m( |$)/, 'all of it is long enough');
    assert.notEqual(report.verdict, 'PASS');
    assert.ok(report.load.from_planned.first_content.n > 100);
    assert.equal(JSON.parse(fs.readFileSync(path.join(report.evidence, 'run.json'), 'utf8')).load.counts.sent, report.load.counts.sent);
  }));

  test('Ctrl-C in the first request names the conversation that it leaves', onLane(async (lane) => {
    const run = begin(lane.base, ['--rate', '5/s', '--prompt', 'scenario:stall;n=1;ms=60000']);
    await run.until(async () => /^oa_stream_active_streams 1$/m.test(await (await fetch(`${lane.base}/metrics`)).text()), 'the first turn');
    run.signal('SIGINT');
    assert.equal((await run.end()).code, 130, run.stderr);
    const footprint = check(summary(run), 'footprint');
    assert.equal(footprint.verdict, 'SKIPPED');
    assert.match(footprint.detail, /^1 conversation \(oaprobe_\w+\): interrupted before all were removed$/);
  }));

  test('a second signal before the deletion names how many conversations it leaves', async () => {
    const folder = scratch('stalled'), faults = path.join(folder, 'faults');
    const lane = await startLane({ args: ['--inject-file', faults] });
    const run = begin(lane.base, ['--rate', '50/s', '--duration', '10m', '--stop-at-bad', '0%']);
    await run.until(() => seconds(run).length >= 1, 'one second');
    fs.writeFileSync(faults, 'stall=1\n'); // the lane counts no such turn soon, and load waits for that
    await run.until(() => seconds(run).length >= 3, 'three seconds');
    run.signal('SIGINT');
    await run.until(async () => /^oa_stream_active_streams 0$/m.test(await (await fetch(`${lane.base}/metrics`)).text()), 'no reader');
    run.signal('SIGTERM');
    await run.end();
    const report = summary(run), footprint = check(report, 'footprint');
    assert.equal(footprint.verdict, 'SKIPPED', footprint.detail);
    assert.equal(footprint.data.conversations.left, report.load.counts.sent + 1);
    assert.match(footprint.detail, /^\d+ conversations \(oaprobe_\w+, oaload_.*, …\): interrupted before all were removed$/);
    assert.equal((await lane.stop()).code, 0);
  });

  test('command lines that measure nothing are usage errors', async () => {
    for (const args of [[], ['--rate', '5/s', '--concurrency', '5'], ['--rate', '0/s'], ['--rate', 'fast'], ['--rate', '1/s', '--limit', 'good <= 1%'], ['--rate', '1/s', '--slow-readers', '60%', '--disconnect', '60%'], ['--rate', '1/s', '--slow-readers', '100%', '--limit', 'p99 end <= 9s'], ['--rate', '1/s', '--confidence', '40%'], ['--rate', '1/s', '--duration', '0s']]) {
      const run = await oa(['load', '--base-url', 'http://127.0.0.1:1', ...args]);
      assert.equal(run.code, 2, `${args}: ${run.stderr}`);
    }
  });

  describe('whom it may be aimed at', { concurrency: 1 }, () => {
    test('a host elsewhere is refused before anything is sent, unless it is named', async () => {
      for (const args of [['--base-url', 'http://192.0.2.1'], ['--base-url', 'http://127.0.0.1:1', '--connect-to', '192.0.2.1:80'], ['--base-url', 'http://192.0.2.1', '--yes-load', '192.0.2.2']]) {
        const run = await oa(['load', '--rate', '1/s', '--connect-timeout', '1s', ...args]);
        assert.equal(run.code, 6, run.stderr);
        assert.match(run.stderr, /--yes-load 192\.0\.2\.1/);
        assert.equal(fs.existsSync(path.join(run.stateDir, 'runs')), false);
      }
    });
    test('real turns cost: a lane that is no replay must be named too', async () => {
      const fake = await startFakeLane({});
      const args = ['--rate', '50/s', '--duration', '1s', '--auth', 'env:OA_TEST_TOKEN'];
      const refused = await load(fake.base, args, { env: { OA_TEST_TOKEN: TOKEN } });
      assert.equal(refused.code, 6, refused.stderr);
      assert.match(refused.stderr, /cost money: 50 turns.*--yes-load 127\.0\.0\.1/);
      assert.equal(fake.seen.posts.length, 0);
      const allowed = await load(fake.base, [...args, '--yes-load', '127.0.0.1'], { env: { OA_TEST_TOKEN: TOKEN } });
      assert.equal(allowed.json().load.counts.sent, 50, allowed.stdout);
      assert.equal(allowed.json().load.counted_by_target, null);
      assert.equal(check(allowed.json(), 'counter').verdict, 'SKIPPED');
      await fake.stop();
    });
    test('nobody there is ERROR, exit 4; a wrong token is exit 5; neither is a load', async () => {
      const gone = await load('http://127.0.0.1:1', ['--rate', '1/s', '--yes-load', '127.0.0.1']);
      assert.equal(gone.code, 4, gone.stderr);
      assert.match(check(gone.json(), 'reach').detail, /refused/);
      const fake = await startFakeLane({});
      const wrong = await load(fake.base, ['--rate', '100/s', '--auth', 'env:OA_TEST_TOKEN', '--yes-load', '127.0.0.1'], { env: { OA_TEST_TOKEN: 'another-token-0123' } });
      assert.equal(wrong.code, 5, wrong.stderr);
      await fake.stop();
      const lane = await startLane({ env: { OA_STREAM_TOKEN: TOKEN } });
      const refused = await load(lane.base, ['--rate', '100/s', '--auth', 'env:OA_TEST_TOKEN'], { env: { OA_TEST_TOKEN: 'another-token-0123' } });
      await lane.stop();
      assert.equal(refused.code, 5, refused.stderr);
      assert.deepEqual(refused.json().checks.map(({ id }) => id), ['load.reach'], 'no conversation was opened, so the target keeps none');
    });
    test('a bad first answer suggests the smoke that shows why, with its probes', async () => {
      const lane = await startLane({ args: ['--inject', 'error-rate=1'] });
      const run = await load(lane.base, ['--rate', '10/s', '--duration', '1s']);
      assert.equal(run.json().next, `oa-stream smoke stream --base-url ${lane.base}`, run.stdout);
      await lane.stop();
    });
    test('a lane that dies under the load has no count of it, and not a count of 0', { timeout: limit(60000) }, async () => {
      const lane = await startLane();
      const run = begin(lane.base, ['--rate', '100/s', '--duration', '60s']);
      await run.until(() => seconds(run).length >= 1, 'first second');
      lane.signal('SIGKILL');
      assert.equal((await run.end(60000)).code, 1);
      const report = summary(run);
      assert.equal(check(report, 'counter').verdict, 'SKIPPED');
      assert.match(check(report, 'counter').detail, /could not be read/);
      assert.equal(report.load.counted_by_target, null);
      assert.match(check(report, 'footprint').detail, /; 0 removed; the target keeps \d+ conversations/);
    });
    test('a lane that breaks under the load is let go', { timeout: limit(60000) }, async () => {
      let asked = 0;
      const fake = await startFakeLane({ gate: (decision) => decision ?? (++asked > 20 ? { status: 503, headers: {}, body: { message: 'no', error: { code: 'overloaded', message: 'no' } } } : null) });
      const run = await load(fake.base, ['--rate', '50/s', '--duration', '60s', '--auth', 'env:OA_TEST_TOKEN', '--yes-load', '127.0.0.1'], { env: { OA_TEST_TOKEN: TOKEN } });
      const report = run.json();
      assert.ok(report.load.counts.planned < 1000, JSON.stringify(report.load.counts));
      assert.equal(check(report, 'ran').verdict, 'FAIL');
      assert.match(check(report, 'ran').detail, /were bad/);
      assert.match(check(report, 'limit.bad').detail, /503 overloaded/);
      assert.equal(run.code, 1);
      await fake.stop();
    });
  });
});
