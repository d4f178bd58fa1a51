// slo gate --replay: would past runs have passed under other limits? A real rehearsal first, then
// run folders as runs leave them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, cleanEnv, handmadeRun, oa, scratch } from '../lib/process.mjs';

const replay = (stateDir, runs, sets = []) => oa(['slo', 'gate', '--replay', ...runs, ...sets.flatMap((set) => ['--set', set]), '--json'], { stateDir });

const GATE = { metric: 'bad_rate', against: 'limit', limit: 0.05, confidence: 0.95, mode: 'decide', source: 'probe', look: { number: 1, of: 2, interim: false }, rule: 'x', window: 'stage' };
const LINE = (more) => JSON.stringify({ ...GATE, ...more });

/** A run folder: {stage: {arm: [samples, bad, first content]}} and gate lines. */
function made(state, name, stages, gates, tail = '') {
  const folder = path.join(handmadeRun(path.join(state, 'runs', name)), 'measure');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(state, 'runs', name, 'timeline.ndjson'), '');
  const samples = Object.entries(stages).flatMap(([stage, arms]) =>
    Object.entries(arms).flatMap(([arm, [n, bad, seconds = 0.1]]) =>
      Array.from({ length: n }, (_, i) => {
        const failed = Math.floor(((i + 1) * bad) / n) > Math.floor((i * bad) / n); // one by one, in no clumps
        return JSON.stringify({ at_s: i, arm, revision: arm, outcome: failed ? 'truncated' : 'ok', bad: failed, first_content_s: failed ? null : seconds + (i % 10) / 1000, end_s: 1, stage });
      })));
  fs.writeFileSync(path.join(folder, 'samples.ndjson'), `${samples.join('\n')}\n${tail}`);
  fs.writeFileSync(path.join(folder, 'gates.ndjson'), `${gates.join('\n')}\n${tail}`);
}

const verdicts = (run) => run.gates.map((gate) => `${gate.id}@${gate.stage} ${gate.then}>${gate.now}`);

test('a real rehearsal that failed is judged again: the same under its own limits, no PASS under looser ones', async () => {
  const rehearsed = await oa(['cutover', 'rehearse', '--local', '--inject', 'error-rate=0.5@5', '--json']);
  assert.equal(rehearsed.code, 7, rehearsed.stderr);
  const { run } = rehearsed.json();
  const same = await replay(rehearsed.stateDir, [run]);
  assert.equal(same.code, 1, same.stderr);
  const line = `stty cols 80; exec ${OA_BIN} --state-dir ${rehearsed.stateDir} slo gate --replay ${run}`;
  const shown = spawnSync('script', ['-qec', line, '/dev/null'], { env: cleanEnv({ TERM: 'xterm' }), encoding: 'utf8', timeout: 60000, input: '' });
  assert.match(shown.stdout, /FAIL -> FAIL/);
  for (const one of shown.stdout.replace(/\x1b\[[\d;]*[mK]/g, '').split(/\r?\n/)) assert.ok([...one].length <= 80, one);
  const [told] = same.json().runs;
  assert.deepEqual([told.run, told.then, told.now, told.unreadable_lines], [run, 'FAIL', 'FAIL', 0]);
  assert.ok(told.gates.some((gate) => gate.stage === '5%' && gate.now === 'FAIL'), verdicts(told).join('\n'));
  assert.ok(told.gates.every((gate) => gate.then === gate.now), verdicts(told).join('\n'));
  const lines = fs.readFileSync(path.join(rehearsed.json().evidence, 'measure/gates.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  for (const gate of told.gates) {
    const line = lines.findLast((one) => one.id === gate.id && one.stage === gate.stage);
    assert.deepEqual([gate.record.value, gate.record.low, gate.record.high, gate.record.n], [line.value, line.low, line.high, line.n], `${gate.id}@${gate.stage}`);
  }

  // A limit that lets it all pass; gates that compare with stable keep theirs unless they are named.
  const loose = await replay(rehearsed.stateDir, [run], ['limit=99.9%', 'error-rate-vs-stable.limit=+99.9pp']);
  assert.equal(loose.code, 3, loose.stdout);
  assert.equal(loose.json().verdict, 'INCONCLUSIVE', 'recorded samples are never a live PASS');
  assert.deepEqual(loose.json().would, { pass: 1, fail: 0, undecided: 0, newly_failing: 0, newly_passing: 1 });
  assert.match(loose.stderr, /nothing was asked live, so this is never PASS/);
});

test('tighter limits, other confidence and more samples turn verdicts, and each is told', async () => {
  const state = scratch('state');
  made(state, 'good', { '5%': { canary: [300, 3], stable: [300, 3] } }, [
    LINE({ id: 'error-rate', stage: '5%', verdict: 'PASS', n: 300, bad: 3 }),
    LINE({ id: 'first-content', metric: 'first_content_p95', limit: 2.5, stage: '5%', verdict: 'PASS', n: 297 }),
    LINE({ id: 'error-rate-vs-stable', against: 'stable', stage: '5%', verdict: 'PASS', n: 300 }),
  ]);
  const rows = [
    [[], 3, ['PASS', 'PASS', 'PASS']],
    [['limit=0.2%'], 1, ['FAIL', 'PASS', 'PASS']],
    [['limit=2%'], 3, ['INCONCLUSIVE', 'PASS', 'PASS']],
    [['limit=50ms'], 1, ['PASS', 'FAIL', 'PASS']],
    [['limit=+0.1pp'], 3, ['PASS', 'PASS', 'INCONCLUSIVE']],
    [['error-rate.min_n=301'], 3, ['INCONCLUSIVE', 'PASS', 'PASS']],
    [['min_samples=298'], 3, ['PASS', 'INCONCLUSIVE', 'PASS']],
    [['error-rate.confidence=99.99%', 'error-rate.limit=3.5%'], 3, ['INCONCLUSIVE', 'PASS', 'PASS']],
  ];
  for (const [sets, code, want] of rows) {
    const run = await replay(state, ['good'], sets);
    assert.equal(run.code, code, `${sets}: ${run.stdout}${run.stderr}`);
    assert.deepEqual(run.json().runs[0].gates.map((gate) => gate.now), want, `${sets}: ${run.stdout}`);
  }
});

test('a stage that was measured once more is judged by those samples alone', async () => {
  const state = scratch('state');
  const basis = { seed: 1, samples: { canary: 200, stable: 200 }, earlier: { canary: 100, stable: 0 } };
  made(state, 'cured', { '5%': { canary: [200, 0], stable: [200, 0] } }, []);
  made(state, 'held', { '5%': { canary: [100, 60] } }, [LINE({ id: 'error-rate', stage: '5%', verdict: 'PASS', n: 200, bad: 0, basis })]);
  const samples = (run) => path.join(state, 'runs', run, 'measure/samples.ndjson');
  fs.appendFileSync(samples('held'), fs.readFileSync(samples('cured')));
  const run = await replay(state, ['held']);
  assert.deepEqual(verdicts(run.json().runs[0]), ['error-rate@5% PASS>PASS'], run.stdout);
});

test('a run whose source did not answer is undecided: the replay itself was executed', async () => {
  const state = scratch('state');
  const asked = await oa(['slo', 'gate', 'bad: http_5xx <= 1%', '--prometheus', 'http://127.0.0.1:9', '--json'], { stateDir: state });
  assert.equal(asked.code, 4, asked.stdout);
  const again = await replay(state, [asked.json().run]);
  assert.equal(again.code, 3, again.stdout);
  assert.equal(again.json().runs[0].now, 'ERROR');
  assert.equal(again.json().would.undecided, 1);
});

test('loads are judged again by their totals: to the digit as they were, and under other limits', async () => {
  // Of 400: more than 1 % and less than 20 %, both beyond doubt and by four standard deviations.
  const lane = await startLane({ name: 'loaded', args: ['--inject', 'error-rate=0.09'] });
  const state = scratch('state');
  const load = (...limits) => oa(['load', '--base-url', lane.base, '--rate', '100/s', '--duration', '4s', '--json', ...limits.flatMap((limit) => ['--limit', limit])], { stateDir: state });
  const runs = [
    await load('p99 first_content <= 20s', 'bad <= 20%', 'p50 gap <= 10s'),
    await load('p50 end <= 1ms', 'bad <= 1%'),
    await load('p99.9 first_content <= 20s', 'dropped <= 0.1%', 'bad <= 20%'),
  ].map((run) => run.json());
  await lane.stop();
  assert.deepEqual(runs.map((run) => run.verdict), ['PASS', 'FAIL', 'INCONCLUSIVE'], JSON.stringify(runs.map((run) => run.checks)));
  const again = (await replay(state, runs.flatMap((run, n) => (n ? ['--replay', run.run] : [run.run])))).json();
  runs.forEach((run, n) => {
    const { then, now, gates } = again.runs[n];
    assert.deepEqual([then, now], [run.verdict, run.verdict]);
    for (const check of run.checks.filter(({ id }) => id.startsWith('load.limit.'))) {
      const gate = gates.find((one) => `load.limit.${one.id}` === check.id) ?? assert.fail(check.id);
      assert.deepEqual([gate.then, gate.now, gate.decides], [check.verdict, check.verdict, true]);
      assert.ok(check.detail.startsWith(gate.sentence), `${gate.sentence} / ${check.detail}`);
    }
    assert.ok(gates.some((gate) => gate.id === 'load.contract'), 'what is about the load itself stands as it was');
  });
  const turned = async (run, ...sets) => (await replay(state, [run.run], sets)).json().runs[0].now;
  assert.equal(await turned(runs[0], 'limit=1%'), 'FAIL');
  assert.equal(await turned(runs[0], 'p99-first_content.limit=0.1ms'), 'FAIL');
  assert.equal(await turned(runs[1], 'p50-end.limit=10s', 'bad.limit=20%'), 'PASS');
  assert.equal(await turned(runs[2], 'p99.9-first_content.confidence=60%', 'dropped.confidence=60%'), 'INCONCLUSIVE');
  const none = await replay(state, [runs[0].run], ['limit=+1pp']);
  assert.equal(none.code, 2, none.stderr);
  // Ctrl-C during the first request: nothing was judged, though the target was reached.
  const ended = path.join(path.dirname(runs[0].evidence), 'ended');
  fs.cpSync(runs[0].evidence, ended, { recursive: true });
  fs.rmSync(path.join(ended, 'run.json'));
  const told = { ...JSON.parse(fs.readFileSync(path.join(runs[0].evidence, 'run.json'), 'utf8')), verdict: 'INCONCLUSIVE' };
  fs.writeFileSync(path.join(ended, 'run.json'), JSON.stringify({ ...told, checks: told.checks.filter(({ id }) => !id.startsWith('load.limit.')) }));
  const unjudged = await replay(state, ['ended']);
  assert.equal(unjudged.code, 2, unjudged.stdout);
  assert.match(unjudged.stderr, /no gate was judged/);
  fs.rmSync(ended, { recursive: true }); // the schemas ask for a whole run
});

test('many runs at once: false alarms and misses are counted, observed gates never decide', async () => {
  const state = scratch('state');
  const gate = (verdict, more = {}) => [LINE({ id: 'error-rate', stage: '5%', verdict, ...more })];
  made(state, 'a-good', { '5%': { canary: [500, 0] } }, gate('PASS'));
  made(state, 'b-bad', { '5%': { canary: [500, 100] } }, gate('PASS'));
  made(state, 'c-alarm', { '5%': { canary: [500, 10] } }, gate('FAIL', { limit: 0.001 }));
  made(state, 'd-observed', { '5%': { canary: [500, 400] } }, [...gate('PASS'), LINE({ id: 'tried', stage: '5%', verdict: 'FAIL', mode: 'observe' })].slice(1));
  const run = await replay(state, ['a-good', 'b-bad', 'c-alarm'], ['limit=5%']);
  assert.equal(run.code, 1);
  assert.deepEqual(run.json().would, { pass: 2, fail: 1, undecided: 0, newly_failing: 1, newly_passing: 1 });
  assert.deepEqual(run.json().checks.map((check) => [check.id, check.verdict, check.mode]), [['replay.a-good', 'PASS', 'replayed'], ['replay.b-bad', 'FAIL', 'replayed'], ['replay.c-alarm', 'PASS', 'replayed']]);
  const observed = await replay(state, ['d-observed']);
  assert.deepEqual([observed.code, observed.json().runs[0].now], [3, 'INCONCLUSIVE']);
  const text = await oa(['slo', 'gate', '--replay', 'a-good', '--replay', 'b-bad'], { stateDir: state });
  assert.match(text.stdout, /^a-good {2}PASS -> PASS$/m);
  assert.match(text.stdout, /^b-bad {2}PASS -> FAIL$/m);
  assert.match(text.stdout, /^2 runs: 1 would pass, 1 would fail, 0 undecided; 1 that passed would fail, 0 that failed would pass$/m);
});

test('stages are judged by their own samples; the last by stable\'s earlier ones; a later look has the last word', async () => {
  const state = scratch('state');
  made(state, 'run', { '5%': { canary: [300, 0], stable: [300, 0] }, '100%': { canary: [300, 60] } }, [
    LINE({ id: 'vs', against: 'stable', stage: '5%', verdict: 'INCONCLUSIVE', look: { number: 1, of: 2, interim: true } }),
    LINE({ id: 'vs', against: 'stable', stage: '5%', verdict: 'PASS' }),
    LINE({ id: 'vs', against: 'stable', stage: '100%', verdict: 'PASS', reference_window: "this run's earlier stages" }),
    LINE({ id: 'all', stage: 'run', verdict: 'PASS', limit: 0.2 }),
  ]);
  const run = await replay(state, ['run']);
  assert.deepEqual(verdicts(run.json().runs[0]), ['vs@5% PASS>PASS', 'vs@100% PASS>FAIL', 'all@run PASS>PASS']);
  assert.deepEqual(run.json().runs[0].gates.map(({ record }) => [record.n, record.reference_n]), [[300, 300], [300, 300], [600, 0]]);
});

test('what was judged by another source is judged by its counts, or not at all', async () => {
  const state = scratch('state');
  made(state, 'run', { '5%': { canary: [10, 10] } }, [
    LINE({ id: 'users', stage: '5%', verdict: 'PASS', source: 'prometheus http://127.0.0.1:9090', n: 5000, bad: 10 }),
    LINE({ id: 'p95', metric: 'first_content_p95', limit: 2.5, stage: '5%', verdict: 'PASS', source: 'prometheus http://127.0.0.1:9090', n: 5000 }),
    LINE({ id: 'spike', metric: 'spike', signal: 'auth_errors', min_events: 10, against: 'stable', limit: 0.5, stage: '5%', verdict: 'FAIL', reading: { canary: { events: 60, requests: 1000 }, stable: { events: 10, requests: 1000 }, source: 'asserted: x', asserted: true, enough: true } }),
  ]);
  const [told] = (await replay(state, ['run'])).json().runs;
  assert.deepEqual(verdicts(told), ['users@5% PASS>PASS', 'p95@5% PASS>INCONCLUSIVE', 'spike@5% FAIL>FAIL']);
  assert.equal(told.gates[0].record.n, 5000);
  assert.match(told.gates[1].sentence, /were not kept/);
  const few = await replay(state, ['run'], ['min_events=100']);
  assert.notEqual(few.json().runs[0].gates[2].now, 'FAIL');
});

test('a run that a crash cut short is read as far as it goes; what is no run, or no setting, is refused', async () => {
  const state = scratch('state');
  made(state, 'cut', { '5%': { canary: [300, 0] } }, [LINE({ id: 'error-rate', stage: '5%', verdict: 'PASS' })], '{"at_s":1,"ar');
  const run = await replay(state, ['cut']);
  assert.deepEqual([run.json().runs[0].unreadable_lines, run.json().runs[0].now], [2, 'PASS']);
  made(state, 'empty', {}, ['']);
  made(state, 'spiked', {}, [LINE({ id: 'auth-errors', metric: 'spike', signal: 'auth_errors', min_events: 10, against: 'stable', limit: 0.5, stage: '5%', verdict: 'PASS', reading: { canary: { events: 2, requests: 40 }, stable: { events: 1, requests: 40 }, source: 'asserted: x', asserted: true, enough: true } })]);
  for (const [args, words] of [
    [['--replay', 'nowhere'], /nowhere/],
    [['--replay', 'cut', '--confidence', '99.99999%'], /--confidence: past runs are judged from what they recorded/],
    [['--replay', 'cut', '--min-n', '100000'], /--min-n/],
    [['--replay', 'cut', '--prometheus', 'http://127.0.0.1:9'], /--prometheus/],
    [['bad: http_5xx <= 1%', '--replay', 'cut'], /EXPR/],
    [['--replay', 'empty'], /no gate was judged/],
    [['--replay', 'cut', '--set', 'limit'], /sets nothing/],
    [['--replay', 'cut', '--set', 'limt=2%'], /did you mean 'limit'/],
    [['--replay', 'cut', '--set', 'limit=2'], /limit/],
    [['--replay', 'cut', '--set', 'limit=2.5s'], /no gate of these runs has such a limit/],
    [['--replay', 'cut', '--set', 'other.limit=2%'], /no gate of these runs has such a limit/],
    [['--replay', 'spiked', '--set', 'min_n=5000'], /no gate of these runs has such a min_n/],
    [['--replay', 'spiked', '--set', 'auth-errors.confidence=99.9%'], /no gate of these runs has such a confidence/],
    [['--replay', 'cut', '--set', 'confidence=40%'], /between 50% and 100%/],
    [['bad: http_5xx <= 1%', '--set', 'limit=2%'], /past runs/],
  ]) {
    const refused = await oa(['slo', 'gate', ...args], { stateDir: state });
    assert.equal(refused.code, 2, `${args}: ${refused.stdout}${refused.stderr}`);
    assert.match(refused.stderr, words);
  }
});
