// /metrics and the access log of a running lane: what the runbook's dashboards are made of.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { accessLines, assertAtRest, parseAccessLine, readMetrics, slisFromLog, slisFromMetrics, total } from '../lib/metrics.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { promtool, startPrometheus } from '../lib/prometheus.mjs';

const HANDSHAKE = { 'x-oa-client-build-id': '20260101T000000Z', 'x-oa-protocol-version': 'openagents.control.v1', 'x-oa-schema-version': '1' };
const REJECTED = {
  invalid_client_build: { ...HANDSHAKE, 'x-oa-client-build-id': null },
  unsupported_protocol_version: { ...HANDSHAKE, 'x-oa-protocol-version': 'v0' },
  unsupported_schema_version: { ...HANDSHAKE, 'x-oa-schema-version': '9' },
  upgrade_required: { ...HANDSHAKE, 'x-oa-client-build-id': '20200101T000000Z' },
  unsupported_client_build: { ...HANDSHAKE, 'x-oa-client-build-id': '20300101T000000Z' },
};

/** Everything the runbook watches, at least once: on this lane, which must have been started by guarded(). */
async function provoke(base) {
  const headers = HANDSHAKE;
  const turn = (name, more = {}) => chat(base, `replay:${name}`, { headers, ...more });
  for (const name of ['01-echo', '02-text-paced', '03-empty', '10-exec', '36-failed-context-window', '56-kill-mid-turn']) await turn(name).done;
  await turn('22-mixed-reasoning-tool-text', { path: '/api/chat/stream' }).done;
  await turn('42-usage', { path: '/api/chats/named/stream', id: 'named' }).done;
  await send(base, { method: 'POST', path: '/v1/responses', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: 'replay', input: 'replay:01-echo', stream: true }) });
  for (const rejected of Object.values(REJECTED)) assert.equal((await chat(base, 'x', { headers: rejected }).done).status, 426);

  // Two that stay: the third is one too many (503); one is stopped, one is left alone.
  const stopped = turn('02-text-paced', { id: 'stopped' }), left = turn('02-text-paced', { id: 'left' });
  await Promise.all([stopped.frame('start'), left.frame('start')]);
  assert.equal((await turn('01-echo').done).status, 503);
  const again = open(base, { path: '/api/chats/stopped/stream' });
  await again.frame('start');
  left.destroy();
  assert.equal((await send(base, { method: 'POST', path: '/api/chats/stopped/stop' })).status, 200);
  await Promise.all([stopped.done, again.done]);

  await send(base, { path: '/nowhere' });
  await send(base, { path: '/api/chat', method: 'DELETE' });
  await send(base, { path: '/api/chat', method: 'BREW' });
  await send(base, { method: 'POST', path: '/api/chat', headers, body: '{"messages":' });
  await open(base, { raw: '(bad) / HTTP/1.1\r\n\r\n' }).done;
  await send(base, { path: '/readyz' });
  await send(base, { path: '/api/chat', method: 'OPTIONS' });
}

async function guarded(args = []) {
  const folder = scratch('policy');
  const policy = path.join(folder, 'policy.json');
  fs.writeFileSync(policy, JSON.stringify({ min_client_build_id: '20250101T000000Z', max_client_build_id: '20270101T000000Z' }));
  const log = path.join(folder, 'access.log');
  const lane = await startLane({
    pace: 'recorded',
    args: ['--compat', 'required', '--compat-policy', policy, '--access-log', log, '--detach-grace', '100ms', '--limit', 'streams=2', '--inject', 'slow=3', ...args],
  });
  return { lane, lines: () => accessLines(fs.readFileSync(log, 'utf8')) };
}

/** Turns outlive their readers: waits until the lane has told the end of each. */
async function atRest(base) {
  const end = Date.now() + limit(10000);
  for (;;) {
    const samples = await readMetrics(base);
    if (total(samples, 'active_streams') === 0 && total(samples, 'terminal_total') === total(samples, 'bridge_accepted_total')) return samples;
    assert.ok(Date.now() < end, 'the lane does not come to rest');
    await sleep(20);
  }
}

/** A line is written after its answer was sent: waits for that of the reading that counted `before`. */
async function linesWithReading(lines, before) {
  for (const end = Date.now() + limit(10000); ;) {
    const now = lines();
    if (now.filter((line) => line.route === '/metrics').length > before) return now;
    assert.ok(Date.now() < end, 'the log lacks the line of the last reading');
    await sleep(10);
  }
}

for (const format of ['json', 'logfmt']) {
  test(`every indicator of the runbook is the same from the access log (${format}) and from /metrics`, async () => {
    const { lane, lines } = await guarded(['--access-log-format', format]);
    await provoke(lane.base);
    await atRest(lane.base);
    const samples = await readMetrics(lane.base);
    assertAtRest(samples);
    const fromMetrics = slisFromMetrics(samples);
    const told = (await linesWithReading(lines, fromMetrics.requests['/metrics GET 200 control'] ?? 0)).slice(0, -1);
    const fromLog = slisFromLog(told);
    assert.deepEqual(fromLog, fromMetrics);
    // And they are not equal because nothing happened.
    assert.deepEqual(Object.keys(fromLog.rejections).sort(), Object.keys(REJECTED).sort());
    assert.ok(fromLog.errors5xx > 0);
    assert.ok(fromLog.p95FirstContent['/v1/responses'], 'the other API counts, too');
    const whole = fromLog.wholeTurns['/api/chat'];
    assert.ok(whole >= 3 && whole < total(samples, 'http_request_duration_seconds_count', { route: '/api/chat' }), `${whole} whole turns`);
    const classes = new Set(Object.keys(fromLog.terminals).map((key) => key.split(' ')[1]));
    for (const word of ['completed', 'turn_failed', 'turn_interrupted', 'client_gone', 'codex_error']) assert.ok(classes.has(word), `${word}: ${[...classes]}`);
    assert.ok(fromLog.empty >= 1 && fromLog.usageUnknown >= 1);
    assert.ok(Object.keys(fromLog.repairs).length >= 1, JSON.stringify(fromLog.repairs));
    assert.equal(fromLog.requests['other GET 404 control'], 1);
    assert.equal(fromLog.requests['/api/chat OTHER 405 compat'], 1);
    assert.equal(fromLog.requests['other OTHER 400 control'], 1);
    assert.ok(told.some((l) => l.lane === 'control') && told.every((l) => l.revision && l.ts && l.request_id && l.end_ms >= 0));
    await lane.stop();
  });
}

test('promtool finds nothing wrong, with and without traffic, on replay', async () => {
  const lane = await startLane({ args: ['--revision', 'rev 7 {a=b}'] });
  for (let round = 0; round < 2; round++) {
    const { text } = await send(lane.base, { path: '/metrics' });
    assert.deepEqual(promtool(['check', 'metrics'], text), { code: 0, output: '' });
    const info = (await readMetrics(lane.base)).find((s) => s.name === 'oa_stream_build_info');
    assert.equal(info.value, 1);
    assert.equal(info.labels.revision, 'rev 7 {a=b}');
    await chat(lane.base, 'replay:01-echo').done;
  }
  await lane.stop();
});

test('a real Prometheus scrapes it: every sample kept, increases seen from the first event on', async () => {
  const lane = await startLane({ args: ['--revision', 'rev-9'] });
  const prometheus = await startPrometheus([new URL(lane.base).host]);
  await prometheus.eventually('up', (rows) => rows[0]?.value === 1);
  const samples = await readMetrics(lane.base);
  await prometheus.eventually('scrape_samples_post_metric_relabeling', (rows) => rows[0]?.value >= samples.length);
  // Each series must have been scraped at 0 before it rises, else no increase is seen.
  await prometheus.eventually('count_over_time(oa_stream_bridge_accepted_total{route="/api/chat"}[1m])', (rows) => rows[0]?.value >= 2);
  for (let n = 0; n < 3; n++) await chat(lane.base, 'replay:01-echo').done;
  await chat(lane.base, 'replay:36-failed-context-window').done;
  const rejected = await chat(lane.base, 'x', { headers: { 'x-oa-schema-version': '9' } }).done;
  assert.equal(rejected.status, 426);
  const sum = (family, value) => prometheus.eventually(`sum(oa_stream_${family})`, (rows) => rows[0]?.value === value);
  await sum('terminal_total{class="completed"}', 3);
  await sum('terminal_total{class="turn_failed"}', 1);
  await sum('bridge_accepted_total', 4);
  await sum('compat_rejected_total{code="unsupported_schema_version"}', 1);
  const risen = (expr) => prometheus.eventually(`increase(${expr}[1m])`, (rows) => rows[0]?.value > 0);
  await risen('oa_stream_terminal_total{class="turn_failed",route="/api/chat"}');
  await risen('oa_stream_compat_rejected_total{code="unsupported_schema_version"}');
  await risen('oa_stream_bridge_accepted_total{route="/api/chat"}');
  const quantile = 'histogram_quantile(0.95, sum by (le) (rate(oa_stream_http_request_duration_seconds_bucket{route="/api/chat"}[1m])))';
  await prometheus.eventually(quantile, (rows) => rows[0]?.value > 0 && rows[0].value <= 300);
  const joined = await prometheus.query('sum by (revision) (oa_stream_terminal_total * on (instance) group_left (revision) oa_stream_build_info)');
  assert.deepEqual(joined.map((row) => row.metric.revision), ['rev-9']);
  // Prometheus 2.42 drops the second of two equal series without a word.
  const duplicates = await prometheus.query('scrape_samples_scraped - scrape_samples_post_metric_relabeling');
  assert.equal(duplicates[0].value, 0);
  await Promise.all([lane.stop(), prometheus.stop()]);
});

test('/metrics: open on loopback although tokens are configured; it counts itself from the next reading on', async () => {
  const lane = await startLane({ env: { OA_STREAM_TOKEN: 'tok-metrics-test' } });
  const reads = async () => total(await readMetrics(lane.base), 'http_requests_total', { route: '/metrics' });
  assert.equal(await reads(), 0);
  assert.equal(await reads(), 1);
  assert.equal((await send(lane.base, { method: 'POST', path: '/api/chat', body: chatBody('x') })).status, 401);
  const line = await lane.until((l) => l.stderr.split('\n').find((one) => one.includes('"status":401') && one.endsWith('}')), 'the line');
  assert.equal(parseAccessLine(line).error, 'unauthorized');
  await lane.stop();
});

test('--log-level: what is below it is not told; SIGHUP reads the level file again', async () => {
  const file = path.join(scratch('level'), 'level');
  fs.writeFileSync(file, 'error\n');
  const lane = await startLane({ args: ['--log-level', 'info', '--log-level-file', file, '--access-log', '/dev/null'] });
  await chat(lane.base, 'replay:36-failed-context-window').done;
  await send(lane.base, { path: '/healthz' });
  assert.doesNotMatch(lane.stderr, /"level":"(warn|info)"/);
  fs.writeFileSync(file, 'warn\n');
  lane.signal('SIGHUP');
  const failsLoudly = async () => {
    await chat(lane.base, 'replay:36-failed-context-window').done;
    return /"level":"warn","event":"turn_ended"/.test(lane.stderr);
  };
  const end = Date.now() + limit(5000);
  while (!(await failsLoudly())) assert.ok(Date.now() < end, 'the level is still error');
  assert.doesNotMatch(lane.stderr, /"level":"info"/);
  fs.writeFileSync(file, 'loud\n');
  lane.signal('SIGHUP');
  await lane.until((l) => /"level":"error","event":"reload".*loud/.test(l.stderr), 'the complaint');
  fs.rmSync(file);
  lane.signal('SIGHUP');
  await lane.until((l) => /"level":"error","event":"reload".*level: the file is not there: the level `warn` stays/.test(l.stderr), 'the loss');
  await lane.stop();
});
