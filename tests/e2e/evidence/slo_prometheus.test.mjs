// slo status, budget, gate and dashboard: on a real Prometheus that scrapes real lanes, and on one
// that lies in every way that Prometheus is known to.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, Running, cleanEnv, handmadeRun, limit, oa, scratch } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';

const TURNS = 300;
const rig = {};

/** So many turns, a few at a time. */
async function turns(lane, count) {
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await chat(lane.base, 'replay:01-echo', { path: '/api/chat/stream' }).done;
    }
  };
  await Promise.all(Array.from({ length: 12 }, worker));
}

const hostOf = (lane) => lane.base.replace('http://', '');
const asked = (revision) => `sum(oa_stream_http_requests_total{method="POST",route="/api/chat/stream"} and on (job, instance) oa_stream_build_info{revision="${revision}"})`;

before(async () => {
  rig.log = path.join(scratch('log'), 'access.log');
  const [r1, r2, r3] = await Promise.all([
    startLane({ name: 'r1', args: ['--revision', 'r1', '--access-log', rig.log] }),
    startLane({ name: 'r2', args: ['--revision', 'r2', '--inject', 'error-rate=0.3'] }),
    startLane({ name: 'r3', args: ['--revision', 'r3'] }),
  ]);
  const prometheus = await startPrometheus([r1, r2, r3].map(hostOf), { interval: '500ms' });
  Object.assign(rig, { r1, r2, r3, prometheus });
  await prometheus.eventually('count(up == 1)', (rows) => rows[0]?.value === 3);
  await Promise.all([turns(r1, TURNS), turns(r2, TURNS), turns(r3, 40)]);
  for (const [revision, want] of [['r1', TURNS], ['r2', TURNS], ['r3', 40]]) {
    await prometheus.eventually(asked(revision), (rows) => rows[0]?.value === want);
  }
});
after(async () => {
  for (const one of Object.values(rig)) await one.kill?.();
});

const slo = (args, more) => oa(['slo', ...args, '--json'], more);
const real = (args) => slo([...args, '--prometheus', rig.prometheus.base]);

/** What every judging command owes: the run's folder, whole, with what was asked in it. */
function assertEvidence(run, verdict) {
  const document = run.json();
  assert.equal(document.verdict, verdict, run.stdout);
  assert.ok(path.isAbsolute(document.evidence));
  assert.equal(path.basename(document.evidence), document.run);
  for (const file of ['run.json', 'report.md', 'SHA256SUMS', 'measure/readings.ndjson']) assert.ok(fs.existsSync(path.join(document.evidence, file)), file);
  assert.equal(JSON.parse(fs.readFileSync(path.join(document.evidence, 'run.json'), 'utf8')).verdict, verdict);
  assert.ok(document.checks.length > 0);
  return document;
}

test('slo gate: passes the good revision, fails the bad one, compares them, counts every request once', async () => {
  const bad = 'bad: http_5xx | terminal_error';
  const rows = [
    [[`${bad} <= 1%`, '--revision', 'r1'], 0, 'PASS', TURNS],
    [[`${bad} <= 1%`, '--revision', 'r2'], 1, 'FAIL', TURNS],
    [[`${bad} <= +1pp`, '--revision', 'r2', '--stable', 'r1'], 1, 'FAIL', TURNS],
    [['bad: http_5xx <= 1%', '--revision', 'r2'], 0, 'PASS', TURNS], // the failures come after the 200
    [[`${bad} <= 1%`, '--revision', 'r3'], 3, 'INCONCLUSIVE', 40],
    [[`${bad} <= 1%`, '--revision', 'r1', '--min-n', '1000'], 3, 'INCONCLUSIVE', TURNS],
    [['p95: first_content <= 10s', '--revision', 'r1'], 0, 'PASS', TURNS],
    [['p99: duration <= 30s', '--revision', 'r1'], 0, 'PASS', TURNS],
    [['p95: first_content <= 10s', '--revision', 'r1', '--route', '/api/chat'], 3, 'INCONCLUSIVE', 0],
    [[`${bad} <= 1%`, '--revision', 'r9'], 3, 'INCONCLUSIVE', 0],
  ];
  await Promise.all(rows.map(async ([args, code, verdict, n]) => {
    const run = await real(['gate', ...args, '--window', '10m']);
    assert.equal(run.code, code, `${args}: ${run.stdout}${run.stderr}`);
    const { gate } = assertEvidence(run, verdict);
    assert.equal(gate.n, n, `${args}: ${run.stdout}`);
    if (n > 0) assert.match(gate.query, /oa_stream_http_requests_total/);
    assert.ok(gate.sentence.includes(rig.prometheus.base));
  }));
});

test('slo gate --replay: runs by either source give their own verdict again, to the digit', async () => {
  const bad = 'bad: http_5xx | terminal_error', stateDir = scratch('replayed');
  const exprs = [`${bad} <= 1%`, `${bad} <= 50%`, 'p95: first_content <= 10s', 'p95: first_content <= 10ms', 'p99: duration <= 30s', 'p50: duration <= 10ms'];
  const versus = [`${bad} <= +1pp`, `${bad} <= +60pp`];
  const asks = [
    ...exprs.flatMap((expr) => [[expr, '--revision', 'r2', '--prometheus', rig.prometheus.base], [expr, '--revision', 'r1', '--access-log', rig.log]]),
    ...versus.map((expr) => [expr, '--revision', 'r2', '--stable', 'r1', '--prometheus', rig.prometheus.base]),
    [exprs[0], '--revision', 'r3', '--prometheus', rig.prometheus.base],
    [exprs[0], '--revision', 'r9', '--prometheus', rig.prometheus.base],
    [exprs[0], '--revision', 'r1', '--access-log', `${rig.log}.not`],
    [exprs[0], '--prometheus', 'http://127.0.0.1:9'],
    ['p99.5: first_content <= 10s', '--prometheus', rig.prometheus.base],
    ['p95: first_content <= 10s', '--revision', 'r1', '--min-n', '1000', '--access-log', rig.log],
  ];
  const live = await Promise.all(asks.map((args) => slo(['gate', ...args, '--window', '10m'], { stateDir })));
  assert.equal(live.length, 20);
  live.forEach((run, i) => assert.notEqual(run.code, 2, `${asks[i]}: ${run.stderr}`));
  const documents = live.map((run) => run.json());
  const again = (await oa(['slo', 'gate', ...documents.flatMap(({ run }) => ['--replay', run]), '--json'], { stateDir })).json();
  documents.forEach(({ run, verdict, gate }, i) => {
    const [now] = again.runs[i].gates;
    assert.deepEqual([again.runs[i].run, now.then, now.now], [run, verdict, verdict], `${asks[i]}: ${JSON.stringify(now)}`);
    if (verdict === 'ERROR') return;
    for (const key of ['value', 'low', 'high', 'n', 'rule']) assert.equal(now.record[key], gate[key], `${asks[i]}: ${key}`);
  });
  assert.deepEqual([...new Set(documents.map((one) => one.verdict))].sort(), ['ERROR', 'FAIL', 'INCONCLUSIVE', 'PASS']);
});

test('slo gate: the lane\'s own log tells the same as Prometheus does', async () => {
  const gate = ['gate', 'bad: http_5xx | terminal_error <= 1%', '--revision', 'r1', '--window', '10m'];
  const [scraped, logged] = await Promise.all([real(gate), slo([...gate, '--access-log', rig.log])]);
  assert.equal(logged.code, 0, logged.stdout + logged.stderr);
  assert.equal(assertEvidence(logged, 'PASS').gate.n, assertEvidence(scraped, 'PASS').gate.n);
  assert.match(logged.json().gate.sentence, /access log/);
  const both = await slo([...gate, '--access-log', rig.log, '--prometheus', rig.prometheus.base]);
  assert.equal(both.code, 2);
  const none = await slo([...gate, '--access-log', `${rig.log}.not`]);
  assert.equal(none.code, 4, none.stdout + none.stderr);
  assertEvidence(none, 'ERROR');
});

test('slo gate: one sentence for people, one line last, nothing under -q on PASS', async () => {
  const args = ['slo', 'gate', 'bad: http_5xx <= 1%', '--prometheus', rig.prometheus.base, '--window', '10m'];
  const spoken = await oa(args);
  assert.match(spoken.stdout, /PASS {2}gate\.error-rate {2}bad rate 0% \(0 of 640;/);
  assert.match(spoken.stderr, /^PASS run \S+ evidence \/\S+\n$/);
  const quiet = await oa([...args, '-q']);
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, '', '']);
});

test('slo gate --replay: a damaged line among the readings does not move the others', async () => {
  const run = await real(['gate', 'bad: http_5xx | terminal_error <= +1pp', '--revision', 'r2', '--stable', 'r1', '--window', '10m']);
  const { run: name, evidence } = assertEvidence(run, 'FAIL');
  const folder = path.join(handmadeRun(evidence), 'measure');
  const edit = (file, change) => fs.writeFileSync(path.join(folder, file), change(fs.readFileSync(path.join(folder, file), 'utf8')));
  edit('readings.ndjson', (text) => `{"arm":"canary","sta\n${text}`);
  edit('gates.ndjson', (text) => text.replace('"readings":{"canary":1,"stable":2}', '"readings":{"canary":2,"stable":3}'));
  const again = await oa(['slo', 'gate', '--replay', name, '--json'], { stateDir: path.dirname(path.dirname(evidence)) });
  assert.equal(again.code, 1, again.stdout + again.stderr);
  assert.deepEqual(again.json().runs[0].gates.map(({ then, now }) => [then, now]), [['FAIL', 'FAIL']], again.stdout);
});

test('slo gate: what it suggests is the same question over a window that holds what it needs, as a shell takes it', async () => {
  const given = ['--window', '20m', '--revision', 'r1', '--confidence', '99%', '--min-n', '5000', '--route', '/api/chat/stream', '--match', 'job="lane"', '--stale-after', '1m'];
  const run = await real(['gate', 'bad: http_5xx | terminal_error <= 5%', ...given]);
  assert.equal(run.code, 3, run.stdout);
  const { next, evidence } = run.json();
  const [reading] = fs.readFileSync(path.join(evidence, 'measure/readings.ndjson'), 'utf8').trim().split('\n').map(JSON.parse);
  const takes = 5000 / (TURNS / reading.covered_s);
  const window = /--window (\d+)(m|h)/.exec(next);
  const seconds = Number(window[1]) * (window[2] === 'm' ? 60 : 3600);
  assert.ok(reading.covered_s < 1200 && seconds >= Math.max(takes, 1200) && seconds <= Math.max(3 * takes, 1200), `${takes} s: ${next}`);
  const spoken = await oa(['slo', 'gate', 'bad: http_5xx | terminal_error <= 5%', ...given, '--prometheus', rig.prometheus.base]);
  assert.match(spoken.stdout, /note {4}at this rate \d+[mh] holds the 5000 samples that it needs, and the source has data for \S+ of the last 20m\n/);
  for (const words of ["slo gate 'bad: http_5xx | terminal_error <= 5%'", '--revision r1', '--confidence 99%', '--min-n 5000', '--route /api/chat/stream', `--match 'job="lane"'`, '--stale-after 1m', `--prometheus ${rig.prometheus.base}`]) assert.ok(next.includes(words), `${words}: ${next}`);
  const typed = new Running('bash', ['-c', next.replace('oa-stream', OA_BIN)], { name: 'typed', folder: scratch('typed'), env: cleanEnv({ OA_STREAM_STATE_DIR: scratch('state') }) });
  assert.equal((await typed.end()).code, 3, typed.stdout + typed.stderr);
});

test('slo gate: what its histogram can never decide is said at once, with the bounds that would', async () => {
  const coarse = await real(['gate', 'p95: first_content <= +20%', '--revision', 'r2', '--stable', 'r1']);
  assert.equal(coarse.code, 2, coarse.stdout + coarse.stderr);
  assert.match(coarse.stdout + coarse.stderr, /bounds are a factor of 2 or more apart.*at most a factor of 1\.2 apart/);
  const gaps = await real(['gate', 'p95: chunk_gap <= 1s', '--revision', 'r1']);
  assert.equal(gaps.code, 2);
  assert.match(gaps.stdout + gaps.stderr, /neither Prometheus nor an access log has chunk_gap.*load --limit 'p95 gap <= 2s'/);
});

test('slo gate: what makes no sense is refused before anything is asked', async () => {
  const url = ['--prometheus', 'http://127.0.0.1:1'];
  for (const [args, words] of [
    [['bad: http_5xx', ...url], /a limit/],
    [['bad: http_6xx <= 1%', ...url], /http_6xx/],
    [['bad: http_5xx <= 2.5s', ...url], /a share like 1%/],
    [['bad: http_5xx <= 500%', ...url], /EXPR.*'500%' can never be exceeded: no share is outside 0% to 100%/],
    [['p95: first_content <= 1%', ...url], /a time like 2.5s/],
    [['p95: total <= 1s', ...url], /first_content or duration/],
    [['bad: http_5xx <= +1pp', ...url], /--revision and --stable/],
    [['bad: http_5xx <= 1%', '--stable', 'r1', ...url], /nothing is compared/],
    [['bad: http_5xx <= 1%'], /--prometheus URL or --access-log/],
    [['bad: http_5xx <= 1%', '--prometheus', 'http://u:p@127.0.0.1:1'], /credentials in a URL are readable/],
    [['bad: http_5xx <= 1%', '--confidence', '40%', ...url], /between 50% and 100%/],
    [['bad: http_5xx <= 1%', '--auth', 'token', ...url], /env:NAME/],
  ]) {
    const run = await oa(['slo', 'gate', ...args]);
    assert.equal(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
    assert.match(run.stderr, words);
    assert.ok(!fs.existsSync(path.join(run.stateDir, 'runs')), 'no run was begun');
  }
});

test('slo budget: little is consumed by the good revision, all by the bad one, a month is not known', async () => {
  const objective = ['--objective', '99%', '--revision'];
  const rows = [
    [['--window', '20s', ...objective, 'r1', '--at-most', '5%'], 0, 'PASS'],
    [['--window', '20s', ...objective, 'r2', '--at-most', '5%'], 1, 'FAIL'],
    [['--window', '30d', ...objective, 'r1', '--at-most', '5%'], 3, 'INCONCLUSIVE'],
  ];
  // The windows must lie within what was scraped, and hold requests.
  await rig.prometheus.eventually('count(up offset 20s)', (found) => found[0]?.value === 3);
  await Promise.all([turns(rig.r1, 20), turns(rig.r2, 60)]);
  for (const [revision, more] of [['r1', 20], ['r2', 60]]) await rig.prometheus.eventually(asked(revision), (found) => found[0]?.value === TURNS + more);
  await Promise.all(rows.map(async ([args, code, verdict]) => {
    const run = await real(['budget', ...args]);
    assert.equal(run.code, code, `${args}: ${run.stdout}${run.stderr}`);
    const { budgets } = assertEvidence(run, verdict);
    assert.equal(budgets.length, 1);
    if (code === 3) {
      assert.match(budgets[0].why, /an hour is the least/);
      assert.ok(budgets[0].covered_s > 5 && budgets[0].covered < 0.01, run.stdout);
    } else {
      assert.equal(budgets[0].covered, 1, run.stdout);
    }
  }));
});

test('slo status: every objective of a playbook, by revision, with burn rates and coverage', async () => {
  const folder = scratch('status');
  const file = path.join(folder, 'steady.yaml');
  fs.writeFileSync(file, `version: 1
kind: steady-state
name: objectives
target: { base_url: "${rig.r1.base}" }
sources: [ { prometheus: { url: "${rig.prometheus.base}" } } ]
slo:
  - { name: stream-good, objective: 99.9%, window: 30d, bad: http_5xx | terminal_error }
  - { name: stream-first-content, objective: 95%, window: 30d, good: first_content <= 2.5s }
checks: [ smoke: stream ]
`);
  const run = await slo(['status', '--playbook', file, '--revision', 'r1', '--revision', 'r2']);
  assert.equal(run.code, 1, run.stderr + run.stdout);
  const { slos } = assertEvidence(run, 'FAIL');
  assert.deepEqual(slos.map((row) => [row.slo, row.revision]), ['stream-good', 'stream-first-content'].flatMap((name) => ['', 'r1', 'r2'].map((revision) => [name, revision])));
  const [all, good, bad, , fast] = slos;
  assert.ok(bad.bad > 50 && bad.total >= TURNS && bad.consumed > 100, JSON.stringify(bad));
  assert.equal(good.bad, 0);
  assert.equal(good.left, 1);
  assert.equal(fast.total > 0, true);
  assert.ok(all.total >= 2 * TURNS);
  assert.deepEqual(bad.burn_rates.map((burn) => [burn.long, burn.short, burn.firing]), [['1h', '5m', true], ['6h', '30m', true], ['1d', '2h', true], ['3d', '6h', true]]);
  assert.ok(good.burn_rates.every((burn) => burn.measured && !burn.firing && burn.long_burn === 0));
  assert.equal(bad.hours_to_exhaustion, 0);
  assert.equal(bad.exhaustion_by, '1h');
  assert.match(bad.why, /an hour is the least/);
  const text = await oa(['slo', 'status', '--playbook', file, '--slo', 'stream-good']);
  assert.match(text.stdout, /stream-good {2}objective 99\.9%, \d+s of 30d covered\n {2}consumed .* used up/);
  assert.match(text.stdout, /1h\/5m .* page above 14\.4: BURNING/);
  for (const line of text.stdout.split('\n').slice(0, 7)) assert.ok(line.length <= 100, line);
});

test('slo budget: the shipped cutover says what is measured, by whom, and how much may be consumed', async () => {
  const sources = [['--set', `prometheus=${rig.prometheus.base}`], ['--set', `access_log=${rig.log}`], ['--access-log', rig.log]];
  for (const [at, source] of sources.entries()) {
    const run = await slo(['budget', '--playbook', 'cutover', '--revision', 'r1', ...source]);
    assert.equal(run.code, 3, run.stdout + run.stderr);
    const { checks, budgets } = assertEvidence(run, 'INCONCLUSIVE');
    assert.ok(checks.every((check) => check.data.at_most === 0.05), run.stdout);
    assert.match(budgets[0].source, at === 0 ? /^prometheus/ : /^access log/);
    assert.match(budgets[0].why, /an hour is the least/);
    assert.ok(budgets[0].total >= TURNS);
  }
  const nobody = await slo(['budget', '--playbook', 'cutover']);
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /no source was named/);
});

test('slo dashboard: the real Prometheus accepts every query and answers it with data', async () => {
  const out = path.join(scratch('dashboard'), 'lane.json');
  const run = await oa(['slo', 'dashboard', '--out', out, '--match', 'job="lane"']);
  assert.equal(run.code, 0, run.stderr);
  const document = JSON.parse(fs.readFileSync(out, 'utf8'));
  const queries = document.panels.flatMap((panel) => panel.targets.map((target) => [panel.title, target.expr]));
  assert.ok(queries.length >= 14, `only ${queries.length}`);
  for (const [title, expr] of queries) {
    const real = expr.replaceAll('$__rate_interval', '1m').replaceAll('$revision', '.+');
    assert.ok(!real.includes('$'), `${title}: ${expr}`);
    const rows = await rig.prometheus.query(real);
    if (!expr.includes('$revision')) { // of all revisions together
      assert.deepEqual(rows.map((row) => [row.metric.revision, Number.isFinite(row.value)]), [[undefined, true]], `${title}: ${real}`);
      continue;
    }
    const revisions = new Set(rows.map((row) => row.metric.revision));
    assert.deepEqual([...revisions].sort(), ['r1', 'r2', 'r3'], `${title}: ${real} gave ${JSON.stringify(rows)}`);
    assert.ok(rows.some((row) => Number.isFinite(row.value)), `${title}: ${real}`);
    const one = await rig.prometheus.query(real.replaceAll('=~".+"', '=~"r2"'));
    assert.deepEqual([...new Set(one.map((row) => row.metric.revision))], ['r2'], title);
  }
  const failed = queries.find(([title]) => title === 'Answered 5xx')[1].replaceAll('$__rate_interval', '1m').replaceAll('$revision', 'r1');
  const shares = await rig.prometheus.query(failed);
  assert.ok(shares.length > 0 && shares.every((row) => row.value === 0 && row.metric.route), 'none is 0, by route');
  assert.equal(document.annotations.list.length, 2);
  for (const { target } of document.annotations.list) await rig.prometheus.query(target.expr);
  const burning = queries.find(([, expr]) => expr.includes('[1h]') && expr.includes('$revision'))[1].replaceAll('$revision', 'r2');
  assert.ok((await rig.prometheus.query(burning))[0].value > 100, 'the bad revision burns');
  const printed = await oa(['slo', 'dashboard', '--revision-label', 'rev']);
  assert.ok(JSON.parse(printed.stdout).panels[2].targets[0].expr.includes('rev=~"$revision"'));
});

test('slo gate: a lane that began again is counted on, and what that blurs is said', async () => {
  const { r3, prometheus } = rig;
  const listen = hostOf(r3);
  await r3.stop();
  await prometheus.eventually(`max_over_time(up{instance="${listen}"}[4s])`, (rows) => rows[0]?.value === 0);
  rig.r3 = await startLane({ name: 'r3', listen, args: ['--revision', 'r3'] });
  await prometheus.eventually(`up{instance="${listen}"}`, (rows) => rows[0]?.value === 1);
  await turns(rig.r3, 60);
  await prometheus.eventually(asked('r3'), (rows) => rows[0]?.value === 60);
  const run = await real(['gate', 'bad: http_5xx <= 20%', '--revision', 'r3', '--window', '10m']);
  const { gate } = assertEvidence(run, 'PASS');
  assert.ok(gate.n >= 99 && gate.n <= 115, `${gate.n} of 100`);
  assert.ok(gate.notes.some((note) => note.includes(`the lane at ${listen} restarted between two scrapes`)), gate.notes.join('; '));
  // Of a shorter window it was down for too long: nobody saw what the process before did last.
  const short = await real(['gate', 'bad: http_5xx <= 20%', '--revision', 'r3', '--window', '30s', '--stale-after', '3s']);
  assertEvidence(short, 'INCONCLUSIVE');
  assert.match(short.json().gate.sentence, /target \S+ was down for \S+ of the window and began again: what it counted before is unknown/);
});

test('slo gate: a lane without a metric that others have is missing, not good', async () => {
  const { r1, r3 } = rig;
  const drop = { source_labels: ['__name__', 'instance'], regex: `oa_stream_terminal_total;${hostOf(r3)}`, action: 'drop' };
  const prometheus = await startPrometheus([r1, r3].map(hostOf), { interval: '500ms', scrape: { metric_relabel_configs: [drop] } });
  try {
    await prometheus.eventually('count(oa_stream_build_info)', (rows) => rows[0]?.value === 2);
    await turns(r1, 30);
    await prometheus.eventually('sum(increase(oa_stream_terminal_total{class="completed"}[1m]))', (rows) => rows[0]?.value >= 20);
    const gate = ['gate', 'bad: terminal_error <= 20%', '--prometheus', prometheus.base, '--window', '30s'];
    assertEvidence(await slo([...gate, '--revision', 'r1']), 'PASS');
    const both = await slo(gate);
    assertEvidence(both, 'INCONCLUSIVE');
    assert.ok(both.json().gate.sentence.includes(`${hostOf(r3)} has no series of oa_stream_terminal_total`), both.stdout);
  } finally {
    await prometheus.kill();
  }
});

test('a status, a class or a route that was dropped is missing to gates and to watch, and named', async () => {
  const { r2 } = rig;
  const drops = { // case: metric, what its labels have, what is named
    s5xx: ['http_requests_total', { status: '5..' }, 'status 500, status 501, status 502 and 2 more'],
    s502: ['http_requests_total', { status: '502', route: '/v1/chat/completions' }, 'status 502 on /v1/chat/completions'],
    codex: ['terminal_total', { class: 'codex_error' }, 'codex_error'],
    route: ['terminal_total', { route: '/api/chat' }, 'terminal_error on /api/chat'],
    both: ['terminal_5xx_total', {}, ''],
  };
  const relabel = Object.entries(drops).map(([name, [metric, labels]]) => ({
    source_labels: ['__name__', 'case', ...Object.keys(labels)], regex: [`oa_stream_${metric}`, name, ...Object.values(labels)].join(';'), action: 'drop',
  }));
  const static_configs = ['whole', ...Object.keys(drops)].map((name) => ({ targets: [hostOf(r2)], labels: { case: name } }));
  const prometheus = await startPrometheus([], { interval: '500ms', scrape: { static_configs, metric_relabel_configs: relabel } });
  try {
    await prometheus.eventually('min(count_over_time(oa_stream_build_info[1m]))', (rows) => rows[0]?.value >= 12, 30000);
    const ask = (name, expr) => slo(['gate', expr, '--prometheus', prometheus.base, '--window', '5s', '--match', `case="${name}"`]);
    const whole = await ask('whole', 'bad: http_5xx | terminal_error <= 99%');
    assert.match(whole.json().gate.sentence, /\(0 of 0|no requests|needs n/, whole.stdout);
    await Promise.all(Object.entries(drops).map(async ([name, [metric, , named]]) => {
      const run = await ask(name, 'bad: http_5xx | terminal_error <= 99%');
      assertEvidence(run, 'INCONCLUSIVE');
      const words = `has no series of oa_stream_${metric}${named && ` for ${named}`} (was a label renamed, a series dropped, or is it a lane of another version?)`;
      assert.ok(run.json().gate.sentence.includes(words), `${name}: ${run.stdout}`);
      if (named === '') return; // it would make more bad, not fewer
      const seen = await oa(['watch', '--once', '--json', '--prometheus', prometheus.base, '--match', `case="${name}"`]);
      assert.equal(seen.json().bad, null, `${name}: ${seen.stdout}`);
    }));
  } finally {
    await prometheus.kill();
  }
});

test('slo gate: a dead target is found by up, though rate() goes on answering', async () => {
  const { r2, prometheus } = rig;
  await r2.kill();
  await prometheus.eventually(`up{instance="${hostOf(r2)}"}`, (rows) => rows[0]?.value === 0);
  // Dead for longer than is tolerated.
  await prometheus.eventually(`max_over_time(up{instance="${hostOf(r2)}"}[3s])`, (rows) => rows[0]?.value === 0);
  const healthy = await prometheus.query('sum(rate(oa_stream_http_requests_total{status="200"}[2m]) and on (job, instance) last_over_time(oa_stream_build_info{revision="r2"}[2m]))');
  assert.ok(healthy[0].value > 0, 'rate() shows a healthy lane');
  const run = await real(['gate', 'bad: http_5xx <= 1%', '--revision', 'r2', '--window', '30s', '--stale-after', '2s']);
  assert.equal(run.code, 3, run.stdout);
  assertEvidence(run, 'INCONCLUSIVE');
  assert.match(run.json().gate.sentence, /is down/);
});

// A Prometheus that lies
// ----------------------------------------------------------------------------------------------

const body = (resultType, result, more = {}) => JSON.stringify({ status: 'success', data: { resultType, result }, ...more });
let asked_at = 0; // of the request that is being answered: Prometheus gives it back
const at = (metric, value, apart = 0) => ({ metric, value: [asked_at + apart, value] });
const number = (value, more) => body('vector', [at({}, value)], more);
const scrapes = (age, labels = {}) => ({ metric: { job: 'lane', instance: 'a:1', revision: 'r2', ...labels }, values: Array.from({ length: 40 }, (_, i) => [asked_at - age - (39 - i) * 15, '1']) });

function honest(query, range) {
  if (query.includes('oa_stream_process_info')) return body(range ? 'matrix' : 'vector', []);
  if (query.startsWith('oa_stream_build_info')) return body('matrix', [scrapes(3)]);
  if (query.startsWith('up')) return body('vector', [at({ job: 'lane', instance: 'a:1' }, '1')]);
  if (/^count by|^max by \(job, instance\) \(resets|^min by/.test(query)) return body('vector', []);
  if (/^max\((count|timestamp)/.test(query)) return body('matrix', []);
  if (query.includes('changes(')) return body('vector', []); // no process began again
  if (query.includes('_bucket')) return body('vector', [['0.5', '990'], ['+Inf', '1000']].map(([le, count]) => at({ le }, count)));
  return number(/5\.\.|terminal/.test(query) ? '0' : '1000');
}

/** `lie(query)`: a body, or a function that answers the request itself; undefined is honest. */
async function lying(lie) {
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://x');
    const query = searchParams.get('query') ?? '';
    asked_at = Number(searchParams.get('time'));
    const told = lie(query) ?? honest(query, pathname.endsWith('query_range'));
    if (typeof told === 'function') told(response);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(told);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { base: `http://127.0.0.1:${server.address().port}`, stop: () => { server.closeAllConnections(); server.close(); } };
}

const counts = (query) => query.startsWith('sum (');
const LIES = [
  ['the truth', () => undefined, 0, /within the limit/],
  ['nothing at all', () => body('vector', []), 4, /a vector where a matrix was asked for/],
  ['no series anywhere', (q) => (q.startsWith('oa_stream') ? body('matrix', []) : body('vector', [])), 3, /no oa_stream_build_info/],
  ['no requests', (q) => (counts(q) && q.includes('http_requests') ? body('vector', []) : undefined), 3, /no series match/],
  ['status renamed to code', (q) => (q.includes('status=~') ? body('vector', []) : undefined), 3, /http_5xx: no series match.*label renamed/],
  ['values of yesterday', (q) => (counts(q) ? body('vector', [at({}, /5\.\.|terminal/.test(q) ? '0' : '1000', -86400)]) : undefined), 3, /1d before the time that was asked for/],
  ['values of tomorrow', (q) => (counts(q) ? body('vector', [at({}, /5\.\.|terminal/.test(q) ? '0' : '1000', 86400)]) : undefined), 3, /1d after the time that was asked for/],
  ['stale values', (q) => (q.startsWith('oa_stream') ? body('matrix', [scrapes(120)]) : undefined), 3, /2m.* old/],
  ['a dead target', (q) => (q.startsWith('up') ? body('vector', [at({ job: 'lane', instance: 'a:1' }, '0')]) : undefined), 3, /is down/],
  ['NaN', (q) => (counts(q) ? number('NaN') : undefined), 3, /NaN/],
  ['warnings with 200', (q) => (counts(q) ? number('0', { warnings: ['remote read failed'] }) : undefined), 3, /warns: remote read failed/],
  ['warnings with 200 and nothing', (q) => (counts(q) ? body('vector', [], { warnings: ['partial'] }) : undefined), 3, /warns: partial/],
  ['replicas that disagree', (q) => (counts(q) && !/5\.\.|terminal|_bucket/.test(q) ? body('vector', ['900', '1000'].map((value, i) => at({ replica: `${i}` }, value))) : undefined), 0, /0 of 1000/],
  ['a refusal', () => (r) => r.writeHead(401).end('no'), 5, /401/],
  ['errors for ever', () => (r) => r.writeHead(503).end('starting'), 4, /503/],
  ['HTML', () => '<html>please log in</html>', 4, /not an answer of Prometheus/],
  ['half an answer', (q) => (counts(q) ? (r) => { r.writeHead(200, { 'content-length': 1000 }); r.write('{"status"'); setImmediate(() => r.socket.destroy()); } : undefined), 4, /truncated|reset/],
  ['half a document', (q) => (counts(q) ? number('1').slice(0, 70) : undefined), 4, /not an answer of Prometheus/],
];

test('slo gate: a Prometheus that lies is never PASS, and the reason is told', async () => {
  for (const [name, lie, code, words] of LIES) {
    const server = await lying(lie);
    const run = await slo(['gate', 'bad: http_5xx | terminal_error <= 1%', '--revision', 'r2', '--prometheus', server.base, '--timeout', '5s']);
    server.stop();
    assert.equal(run.code, code, `${name}: ${run.stdout}${run.stderr}`);
    assert.match(run.json().gate.sentence, words, name);
    assertEvidence(run, { 0: 'PASS', 3: 'INCONCLUSIVE', 4: 'ERROR', 5: 'ERROR' }[code]);
  }
});

test('slo status: scraped too seldom to see a burn, it passes nothing', async () => {
  const rare = { metric: scrapes(0).metric, values: Array.from({ length: 6 }, (_, i) => [Date.now() / 1000 - 3 - (5 - i) * 120, '1']) };
  const server = await lying((query) => {
    if (query.startsWith('oa_stream_build_info')) return body('matrix', [rare]);
    if (query.startsWith('max(count')) return body('matrix', [{ metric: {}, values: Array.from({ length: 500 }, (_, i) => [1000 + i * 260, '2']) }]);
    return undefined;
  });
  const run = await slo(['status', '--prometheus', server.base, '--objective', '99%']);
  server.stop();
  assert.equal(run.code, 3, run.stdout + run.stderr);
  const [check] = assertEvidence(run, 'INCONCLUSIVE').checks;
  assert.match(check.detail, /0% consumed.*whether it burns is unknown: 1h\/5m: a window of 5m holds too few scrapes.*; scrape the lane every 1m15s or more often/);
});

test('slo gate: a 5xx and a reset that pass are repeated', async () => {
  let calls = 0;
  const server = await lying(() => {
    calls += 1;
    if (calls === 1) return (r) => r.writeHead(503).end('starting');
    if (calls === 3) return (r) => r.socket.destroy();
    return undefined;
  });
  const run = await slo(['gate', 'bad: http_5xx <= 1%', '--revision', 'r2', '--prometheus', server.base]);
  server.stop();
  assert.equal(run.code, 0, run.stdout + run.stderr);
});

test('slo gate: a Prometheus that is not there, hangs or drips is an ERROR within the limits', async () => {
  const hanging = await lying(() => () => {});
  const dripping = await lying(() => (r) => {
    r.writeHead(200);
    const drip = setInterval(() => r.write(' '), 50);
    r.on('close', () => clearInterval(drip));
  });
  const gone = await lying(() => undefined);
  gone.stop();
  for (const [name, server] of Object.entries({ gone, hanging, dripping })) {
    const began = Date.now();
    const run = await slo(['gate', 'bad: http_5xx <= 1%', '--prometheus', server.base, '--timeout', '500ms'], { ms: 20000 });
    assert.equal(run.code, 4, `${name}: ${run.stdout}${run.stderr}`);
    assertEvidence(run, 'ERROR');
    assert.match(run.json().gate.sentence, /no answer from Prometheus/, name);
    assert.ok(Date.now() - began < limit(15000), name);
    server.stop();
  }
});

test('slo gate: an endless answer is refused without being kept', async () => {
  let sent = 0, peak = 0, child;
  const piece = Buffer.alloc(1 << 20, 'x');
  const server = await lying(() => (r) => {
    r.writeHead(200);
    const more = () => {
      while (!r.destroyed && r.write(piece)) sent += piece.length;
      sent += piece.length;
      const status = /VmHWM:\s+(\d+) kB/.exec(fs.existsSync(`/proc/${child.pid}/status`) ? fs.readFileSync(`/proc/${child.pid}/status`, 'utf8') : '');
      if (status) peak = Math.max(peak, Number(status[1]));
    };
    r.on('drain', more);
    more();
  });
  const folder = scratch('endless');
  child = new Running(OA_BIN, ['slo', 'gate', 'bad: http_5xx <= 1%', '--prometheus', server.base, '--json'], { folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: folder }) });
  const { code } = await child.end();
  server.stop();
  assert.equal(code, 4, child.stderr);
  assert.match(JSON.parse(child.stdout).gate.sentence, /answered over 8388608 bytes/);
  assert.ok(sent < 64 << 20, `${sent} bytes went out`);
  if (!process.env.ASAN_OPTIONS) assert.ok(peak > 0 && peak < 100 * 1024, `${peak} kB`);
});
