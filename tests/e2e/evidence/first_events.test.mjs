// Gates on exporters whose series come into being with their first event, on a real Prometheus:
// what was there when a series was first scraped is counted, or said to be perhaps missing.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { oa } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';

const WINDOW = '8s';
const GATE = 'bad: http_5xx | terminal_error <= 2%';
const rig = { exporters: {} };

/** Speaks like a lane, but has no series before its first event. */
async function exporter(revision) {
  const one = { revision, good: 0, bad: 0, started: null, up: true };
  const text = () => [
    `oa_stream_build_info{revision="${revision}",version="1"} 1`,
    `oa_stream_http_requests_total{route="/api/chat/stream",method="POST",status="200",lane="compat"} ${one.good}`,
    one.bad > 0 ? `oa_stream_http_requests_total{route="/api/chat/stream",method="POST",status="502",lane="compat"} ${one.bad}` : '',
    `oa_stream_terminal_total{class="completed",route="/api/chat/stream"} ${one.good}`,
    one.started === null ? '' : `process_start_time_seconds ${one.started}`,
    '',
  ].filter((line, i, all) => line !== '' || i === all.length - 1).join('\n');
  one.server = http.createServer((_, response) => {
    response.writeHead(one.up ? 200 : 503, { 'content-type': 'text/plain; version=0.0.4' }).end(one.up ? text() : '');
  });
  await new Promise((done) => one.server.listen(0, '127.0.0.1', done));
  one.host = `127.0.0.1:${one.server.address().port}`;
  rig.exporters[revision] = one;
  return one;
}

const gate = (revision) => oa(['slo', 'gate', GATE, '--revision', revision, '--window', WINDOW, '--prometheus', rig.prometheus.base, '--json']);
const seen = (revision, count) => rig.prometheus.eventually(`sum(oa_stream_http_requests_total and on (instance) oa_stream_build_info{revision="${revision}"})`, (rows) => rows[0]?.value === count);

before(async () => {
  await Promise.all(['quiet', 'burst', 'new', 'undated'].map(exporter));
  const { quiet, burst, new: fresh, undated } = rig.exporters;
  fresh.up = false;
  undated.up = false;
  // A scrape may take as long as its interval; one that comes too late makes its target look down.
  rig.prometheus = await startPrometheus([quiet, burst, fresh, undated].map((one) => one.host), { interval: '1s' });
  // Before every window that is asked about.
  await rig.prometheus.eventually(`oa_stream_build_info{revision="burst"} offset ${WINDOW}`, (rows) => rows.length === 1);
  Object.assign(quiet, { good: 600 });
  Object.assign(burst, { good: 600, bad: 60 });
  Object.assign(fresh, { good: 600, bad: 60, started: Date.now() / 1000, up: true });
  Object.assign(undated, { good: 600, bad: 60, up: true });
  for (const [revision, count] of [['quiet', 600], ['burst', 660], ['new', 660], ['undated', 660]]) await seen(revision, count);
  undated.good = 1200;
  await seen('undated', 1260);
  await rig.prometheus.eventually('min_over_time(up[2s])', (rows) => rows.length === 4 && rows.every((row) => row.value === 1));
});
after(async () => {
  await rig.prometheus?.kill();
  for (const one of Object.values(rig.exporters)) one.server.close();
});

test('no 5xx series beside living ones is none; first events of a series and of a process are counted, or said to be perhaps missing', async () => {
  const [quiet, burst, fresh, undated] = await Promise.all(['quiet', 'burst', 'new', 'undated'].map(gate));
  assert.equal(quiet.code, 0, quiet.stdout + quiet.stderr);
  assert.deepEqual([quiet.json().gate.bad, quiet.json().gate.n], [0, 600]);
  assert.ok(quiet.json().gate.notes.some((note) => /no series of http_5xx beside living ones/.test(note)), quiet.stdout);
  assert.equal(burst.code, 1, burst.stdout + burst.stderr);
  assert.deepEqual([burst.json().gate.bad, burst.json().gate.n], [60, 660]);
  assert.equal(fresh.code, 1, fresh.stdout + fresh.stderr);
  assert.deepEqual([fresh.json().gate.bad, fresh.json().gate.n], [60, 660]);
  assert.deepEqual([undated.json().gate.bad, undated.json().gate.n], [0, 600]);
  assert.equal(undated.code, 3, undated.stdout + undated.stderr);
  assert.match(undated.json().gate.sentence, /60 bad ones may have come before their series was first seen/);
});
