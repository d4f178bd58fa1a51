// One history, every reader, two integers: how many turn requests there were, and how many were bad.
// Mixed routes, all endings, clients that left, limits, 4xx and 5xx.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chat, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { readMetrics, total } from '../lib/metrics.mjs';
import { OA_BIN, Running, limit, oa, scratch, sleep } from '../lib/process.mjs';
import { promtool, startPrometheus } from '../lib/prometheus.mjs';

const HANDSHAKE = { 'x-oa-client-build-id': '20260101T000000Z', 'x-oa-protocol-version': 'openagents.control.v1', 'x-oa-schema-version': '1' };
const rig = {};
const truth = { total: 0, bad: 0 };

/** What was asked for a turn, and whether its end is a bad one. */
function asked(bad, exchange) {
  truth.total += 1;
  truth.bad += bad ? 1 : 0;
  return exchange;
}
const turn = (bad, name, more = {}) => asked(bad, chat(rig.lane.base, `replay:${name}`, { headers: HANDSHAKE, ...more }));
const complete = (bad, name, more = {}, headers = {}) => asked(bad, open(rig.lane.base, {
  method: 'POST', path: '/v1/chat/completions', headers, body: { model: 'replay', messages: [{ role: 'user', content: `replay:${name}` }], ...more },
}));

async function history() {
  const done = async (exchange, status) => assert.equal((await exchange.done).status, status);
  for (const at of ['/api/chat/stream', '/api/chat', '/api/chats/a/stream']) await done(turn(false, '01-echo', { path: at, id: 'a' }), 200);
  await done(turn(false, '03-empty'), 200);
  await done(turn(true, '36-failed-context-window', { path: '/api/chat/stream' }), 200);
  await done(turn(true, '56-kill-mid-turn'), 200);
  await done(complete(false, '01-echo'), 200);
  await done(complete(false, '01-echo', { stream: true }), 200);
  await done(complete(true, '36-failed-context-window', { stream: true }), 200);
  await done(complete(true, '36-failed-context-window'), 400); // accepted, and failed
  await done(complete(true, '56-kill-mid-turn'), 502); // in both counters
  await done(complete(true, '56-kill-mid-turn'), 502);
  await done(turn(false, '01-echo', { headers: { ...HANDSHAKE, 'x-oa-schema-version': '9' } }), 426);
  await done(asked(false, open(rig.lane.base, { method: 'POST', path: '/api/chat', headers: { ...HANDSHAKE, 'content-type': 'application/json' }, body: '{"messages":' })), 400);
  await done(complete(false, 'x', {}, { 'content-type': 'text/plain' }), 415);
  await done(complete(false, 'x', { model: 'other' }), 404);
  // One that is stopped, one whose client leaves for good; with them the lane is full: 503.
  const stopped = turn(false, '02-text-paced', { id: 'stopped' }), left = turn(false, '02-text-paced', { id: 'left' });
  await Promise.all([stopped.frame('start'), left.frame('start')]);
  await done(turn(true, '01-echo'), 503);
  const resumed = open(rig.lane.base, { path: '/api/chats/stopped/stream' }); // no turn request
  await resumed.frame('start');
  left.destroy();
  await send(rig.lane.base, { method: 'POST', path: '/api/chats/stopped/stop' });
  await Promise.all([stopped.done, resumed.done]);
  // 429: one completion at a time; 499: its client leaves before the status line.
  const waiting = complete(false, '02-text-paced');
  await rest((samples) => total(samples, 'bridge_accepted_total', { route: '/v1/chat/completions' }) === 7);
  await done(complete(false, '01-echo'), 429);
  waiting.destroy();
  for (const at of ['/healthz', '/readyz', '/nowhere']) await send(rig.lane.base, { path: at });
}

const counted = (samples) => total(samples, 'http_requests_total', { method: 'POST' }) - total(samples, 'http_requests_total', { method: 'POST', lane: 'control' });

/** Waits for samples that `pick` takes. */
async function rest(pick) {
  for (const end = Date.now() + limit(60000); ;) {
    const samples = await readMetrics(rig.lane.base);
    if (pick(samples)) return samples;
    assert.ok(Date.now() < end, 'the lane does not come to rest');
    await sleep(20);
  }
}

const ticks = () => rig.watch.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));

before(async () => {
  const folder = scratch('one-number');
  const policy = path.join(folder, 'policy.json');
  fs.writeFileSync(policy, JSON.stringify({ min_client_build_id: '20250101T000000Z', max_client_build_id: '20270101T000000Z' }));
  rig.log = path.join(folder, 'access.log');
  rig.lane = await startLane({
    pace: 'recorded',
    args: ['--revision', 'r1', '--compat', 'required', '--compat-policy', policy, '--access-log', rig.log, '--detach-grace', '100ms', '--limit', 'streams=2', '--completions-limit', '1', '--inject', 'slow=3'],
  });
  rig.prometheus = await startPrometheus([new URL(rig.lane.base).host]);
  // Both watches see the lane at 0 before anything happens.
  const watch = (args) => new Running(OA_BIN, ['watch', '--ndjson', '--every', '500ms', '--window', '10m', ...args], { name: 'watch' });
  rig.watch = watch(['--base-url', rig.lane.base]);
  await rig.watch.until(() => ticks().some((tick) => tick.window_s > 0), 'rates');
  await rig.prometheus.eventually('min(count_over_time(oa_stream_http_requests_total[5m]))', (rows) => rows[0]?.value >= 4);
  await history();
  const samples = await rest((now) => total(now, 'active_streams') === 0 && counted(now) === truth.total && total(now, 'terminal_total') === total(now, 'bridge_accepted_total'));
  rig.samples = samples;
  const seen = `sum(oa_stream_http_requests_total{method="POST",lane!="control"})`;
  await rig.prometheus.eventually(seen, (rows) => rows[0]?.value === truth.total);
  await rig.prometheus.eventually('sum(oa_stream_terminal_total)', (rows) => rows[0]?.value === total(samples, 'terminal_total'));
});
after(async () => {
  for (const one of [rig.watch, rig.prometheus, rig.lane]) await one?.kill?.();
});

const says = (reader, number) => assert.deepEqual(number, truth, reader);

test('the history holds what it is meant to', () => {
  assert.ok(truth.total >= 20 && truth.bad >= 6, JSON.stringify(truth));
  const classes = ['completed', 'turn_failed', 'codex_error', 'turn_interrupted', 'client_gone'];
  for (const word of classes) assert.ok(total(rig.samples, 'terminal_total', { class: word }) > 0, word);
  for (const status of ['200', '400', '404', '415', '426', '429', '499', '502', '503']) assert.ok(total(rig.samples, 'http_requests_total', { status, method: 'POST' }) > 0, status);
  assert.equal(total(rig.samples, 'terminal_5xx_total'), 2);
});

test('the lane\'s metrics', () => {
  const failed = rig.samples.filter((s) => s.name === 'oa_stream_http_requests_total' && s.labels.status[0] === '5' && s.labels.method === 'POST' && s.labels.lane !== 'control').reduce((sum, s) => sum + s.value, 0);
  const ended = ['turn_failed', 'turn_aborted', 'codex_error', 'adapter_preview_unavailable'].reduce((sum, word) => sum + total(rig.samples, 'terminal_total', { class: word }), 0);
  says('/metrics', { total: counted(rig.samples), bad: failed + ended - total(rig.samples, 'terminal_5xx_total') });
});

for (const [name, source] of [['access log', () => ['--access-log', rig.log]], ['Prometheus', () => ['--prometheus', rig.prometheus.base]]]) {
  test(`slo gate, from the ${name}`, async () => {
    const run = await oa(['slo', 'gate', 'bad: http_5xx | terminal_error <= 1%', '--window', '5m', '--json', ...source()]);
    const { gate } = run.json();
    says(name, { total: gate.n, bad: gate.bad });
    rig.run ??= { state: run.stateDir, id: run.json().run };
  });
}

test('whole turns: the lane\'s metrics, and a gate on durations by either source', async () => {
  const gates = await Promise.all([['--access-log', rig.log], ['--prometheus', rig.prometheus.base]].map(async (source) => {
    const run = await oa(['slo', 'gate', 'p95: duration <= 300s', '--window', '5m', '--json', ...source]);
    return run.json().gate;
  }));
  const whole = total(rig.samples, 'turn_duration_seconds_count'), requests = total(rig.samples, 'http_request_duration_seconds_count');
  assert.deepEqual(gates.map((gate) => gate.n), [whole, whole], `of ${requests} requests: ${JSON.stringify(gates)}`);
  assert.ok(whole >= 6 && whole < truth.total, `${whole} of ${truth.total}`);
  for (const gate of gates) assert.doesNotMatch(JSON.stringify(gate.notes ?? []), /resumes, refused and failed requests/);
});

test('watch, from the lane and from Prometheus', async () => {
  const last = await rig.watch.until(() => ticks().find((tick) => tick.requests >= truth.total), 'all requests');
  says('watch --base-url', { total: last.requests, bad: last.bad });
  const once = (await oa(['watch', '--once', '--json', '--prometheus', rig.prometheus.base])).json();
  says('watch --prometheus', { total: once.requests, bad: once.bad });
});

test('the timeline of an incident, also with a copy of the log that lost lines', async () => {
  assert.ok(rig.run, 'a gate left a run');
  const copy = path.join(scratch('one-number-copy'), 'copy.log');
  fs.copyFileSync(rig.log, copy);
  fs.appendFileSync(copy, '{"ts":"2026-11-29T11:00:00.000Z","event":"request","lost":500}\n{"ts":"2026-11-29T11:00:01.000Z","event":"requ\n');
  for (const logs of [['--log', rig.log], ['--log', rig.log, '--log', copy]]) {
    const body = await oa(['incident', 'body', rig.run.id, ...logs], { stateDir: rig.run.state });
    const [, all, bad] = /The logs hold (\d+) turn requests, (\d+) of them bad\./.exec(body.stdout) ?? assert.fail(body.stdout + body.stderr);
    says(`incident body ${logs.join(' ')}`, { total: Number(all), bad: Number(bad) });
    const told = [/^\d+ access lines were repeated: each request counts once\.$/m, /^500 access lines were lost: each may have been a request/m, /^1 access line was damaged: each may have been a request/m];
    assert.deepEqual(told.map((line) => line.test(body.stdout)), told.map(() => logs.length > 2), body.stdout);
  }
});

/** The lane's series, each 0 until the last scrape, for promtool: increase() over such a window is exact. */
function inputSeries(steps) {
  return rig.samples.filter((s) => !/_(bucket|sum|count)$/.test(s.name)).map((s) => {
    const labels = Object.entries({ ...s.labels, job: 'lane', instance: 'a' }).map(([k, v]) => `${k}=${JSON.stringify(v)}`).join(',');
    return { series: `${s.name}{${labels}}`, values: s.name.endsWith('_total') ? `0x${steps - 1} ${s.value}` : `${s.value}x${steps}` };
  });
}

function promtoolSays(reader, { folder, files = [], interval, at, steps }, all, bad) {
  const file = path.join(folder, `${reader.replaceAll(/\W/g, '-')}.test.yml`);
  const expects = ({ expr, labels }, value) => ({ expr, eval_time: at, exp_samples: [{ labels, value }] });
  fs.writeFileSync(file, JSON.stringify({
    rule_files: files,
    evaluation_interval: interval,
    tests: [{ interval, input_series: inputSeries(steps), promql_expr_test: [expects(all, truth.total), expects(bad, truth.bad)] }],
  }));
  const ran = promtool(['test', 'rules', file]);
  assert.equal(ran.code, 0, `${reader}: ${ran.output}`);
}

test('the alert rules, by promtool', async () => {
  const folder = scratch('one-number-rules');
  const run = await oa(['slo', 'rules', '--out', folder]);
  assert.equal(run.code, 0, run.stderr);
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.rules.yml'));
  const recorded = (name) => ({ expr: name, labels: `{__name__="${name}"}` });
  promtoolSays('rules', { folder, files, interval: '1m', at: '5m', steps: 5 }, recorded('oa_stream:slo_all:increase5m'), recorded('oa_stream:slo_bad:increase5m'));
});

test('the dashboard, by promtool', async () => {
  const folder = scratch('one-number-dashboard');
  const document = JSON.parse((await oa(['slo', 'dashboard', '--window', '1h'])).stdout);
  const { expr } = document.panels.find((panel) => panel.title.startsWith('Budget consumed')).targets[0];
  const [, bad, all] = /^\(([^]*)\) \/ \(([^]*) > 0\) \/ [\d.e-]+$/.exec(expr.replaceAll('$revision', '.+')) ?? assert.fail(expr);
  const sum = (text) => ({ expr: text, labels: '{}' });
  promtoolSays('dashboard', { folder, interval: '1m', at: '1h', steps: 60 }, sum(all), sum(bad));
});
