// Gates on lanes whose series are dropped until their first event, and on lanes that began again, on a real
// Prometheus: what was there when a series was first scraped, and what a restart may hide, is counted or said to be
// perhaps missing.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { oa } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';

/** All that happens here and is asked about has to lie in it, also on a busy machine. */
const WINDOW = '45s';
const GATE = 'bad: http_5xx | terminal_error <= 2%';
const rig = { exporters: {} };

const ROUTES = ['/api/chat/stream', '/api/chat', '/api/chats/{conversationId}/stream', '/v1/responses', '/v1/chat/completions'];
const STATUSES = [200, 400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 426, 429, 499, 500, 501, 502, 503, 504];
const CLASSES = ['completed', 'turn_failed', 'turn_aborted', 'turn_interrupted', 'codex_error', 'adapter_preview_unavailable', 'client_gone'];
const newProcess = () => ({ id: crypto.randomBytes(8).toString('hex'), good: 0, bad: 0, failed: 0, running: 0 });

/** Something else on a machine, which says when it began, too. */
async function neighbour() {
  const one = { started: Date.now() / 1000 - 100 };
  one.server = http.createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`process_start_time_seconds ${one.started}\n`);
  });
  await new Promise((done) => one.server.listen(0, '127.0.0.1', done));
  one.host = `127.0.0.1:${one.server.address().port}`;
  return one;
}

/** Speaks like a lane. `late`: its 502 on one route is not there before the first one. */
async function exporter(revision, late) {
  const one = { revision, started: null, up: true, ...newProcess() };
  const at = (here, route, count) => (route === ROUTES[0] && here ? count : 0);
  const text = () => [
    `oa_stream_build_info{revision="${revision}",version="1"} 1`,
    `oa_stream_process_info{id="${one.id}"} 1`,
    ...ROUTES.flatMap((route) => [
      ...STATUSES.filter((status) => !late || status !== 502 || route !== ROUTES[0] || one.bad > 0)
        .map((status) => `oa_stream_http_requests_total{route="${route}",method="POST",status="${status}",lane="compat"} ${at(status === 200, route, one.good + one.failed) + at(status === 502, route, one.bad)}`),
      ...CLASSES.map((name) => `oa_stream_terminal_total{class="${name}",route="${route}"} ${at(name === 'completed', route, one.good) + at(name === 'turn_failed', route, one.failed)}`),
      `oa_stream_terminal_5xx_total{route="${route}"} 0`,
      `oa_stream_bridge_accepted_total{route="${route}"} ${at(true, route, one.good + one.failed + one.running)}`,
    ]),
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
  await Promise.all(['quiet', 'burst', 'new', 'undated', 'dropped', 'hiding', 'losing', 'clean', 'idle'].map((revision) => exporter(revision, ['burst', 'new', 'undated', 'dropped'].includes(revision))));
  const { quiet, burst, new: fresh, undated, dropped, hiding, losing, clean, idle } = rig.exporters;
  rig.node = await neighbour();
  const again = [hiding, losing, clean];
  for (const one of [...again, idle]) one.started = Date.now() / 1000 - 100;
  fresh.up = false;
  undated.up = false;
  // A scrape may take as long as its interval; one that comes too late makes its target look down, and this process answers all of them.
  rig.prometheus = await startPrometheus([...Object.values(rig.exporters), rig.node].map((one) => one.host), { interval: '3s' });
  // Before every window that is asked about.
  await rig.prometheus.eventually(`oa_stream_build_info{revision="burst"} offset ${WINDOW}`, (rows) => rows.length === 1, 150000);
  for (const one of [quiet, dropped, clean]) one.good = 600;
  Object.assign(hiding, { good: 600, failed: 5 });
  Object.assign(losing, { good: 600, running: 40 });
  Object.assign(burst, { good: 600, bad: 60 });
  Object.assign(fresh, { good: 600, bad: 60, started: Date.now() / 1000, up: true });
  Object.assign(undated, { good: 600, bad: 60, up: true });
  Object.assign(idle, newProcess(), { started: Date.now() / 1000 }); // before its traffic
  rig.node.started = Date.now() / 1000;
  for (const [revision, count] of [['quiet', 600], ['burst', 660], ['new', 660], ['undated', 660], ['hiding', 605], ['losing', 600], ['clean', 600]]) await seen(revision, count);
  await rig.prometheus.eventually(`oa_stream_process_info{id="${idle.id}"}`, (rows) => rows.length === 1);
  await rig.prometheus.eventually(`process_start_time_seconds{instance="${rig.node.host}"} > ${rig.node.started - 1}`, (rows) => rows.length === 1);
  undated.good = 1200;
  Object.assign(idle, { good: 600, failed: 4 });
  // Between two scrapes: what hides has reached its former counts again by the next one.
  for (const one of again) Object.assign(one, newProcess(), { started: Date.now() / 1000, good: one === hiding ? 640 : 5, failed: one === hiding ? 6 : 0 });
  for (const [revision, count] of [['undated', 1260], ['hiding', 646], ['losing', 5], ['clean', 5], ['idle', 604]]) await seen(revision, count);
  await rig.prometheus.eventually('min_over_time(up[7s])', (rows) => rows.length === 10 && rows.every((row) => row.value === 1));
  // The window goes on meanwhile.
  const any = ['slo', 'gate', GATE, '--window', WINDOW, '--match', `instance=~"${clean.host}|${rig.node.host}"`, '--prometheus', rig.prometheus.base, '--json'];
  const left = Object.keys(rig.exporters), runs = {};
  const some = async () => { for (let one = left.pop(); one; one = left.pop()) runs[one] = await gate(one); };
  const [all] = await Promise.all([oa(any), some(), some()]);
  Object.assign(rig, { runs, all });
});
after(async () => {
  await rig.prometheus?.kill();
  for (const one of [...Object.values(rig.exporters), rig.node]) one.server.close();
});

test('a dropped 5xx series is missing; first events of a series and of a process are counted, or said to be perhaps missing', () => {
  const { quiet, burst, new: fresh, undated, dropped } = rig.runs;
  assert.equal(quiet.code, 0, quiet.stdout + quiet.stderr);
  assert.deepEqual([quiet.json().gate.bad, quiet.json().gate.n], [0, 600]);
  assert.equal(dropped.code, 3, dropped.stdout + dropped.stderr);
  assert.match(dropped.json().gate.sentence, /has no series of oa_stream_http_requests_total for status 502 on \/api\/chat\/stream \(was a label renamed/);
  assert.equal(burst.code, 1, burst.stdout + burst.stderr);
  assert.deepEqual([burst.json().gate.bad, burst.json().gate.n], [60, 660]);
  assert.equal(fresh.code, 1, fresh.stdout + fresh.stderr);
  assert.deepEqual([fresh.json().gate.bad, fresh.json().gate.n], [60, 660]);
  assert.deepEqual([undated.json().gate.bad, undated.json().gate.n], [0, 600]);
  assert.equal(undated.code, 3, undated.stdout + undated.stderr);
  assert.match(undated.json().gate.sentence, /60 bad ones may have come before their series was first seen/);
});

test('a restart between two scrapes passes nothing that its counters may hide, nor turns that nobody counted', () => {
  const { hiding, losing, clean } = rig.runs;
  assert.equal(hiding.code, 3, hiding.stdout + hiding.stderr);
  assert.match(hiding.json().gate.sentence, /5 bad ones may have come before .*or before a restart/);
  assert.equal(losing.code, 3, losing.stdout + losing.stderr);
  const notes = losing.json().gate.notes.join('\n');
  assert.match(notes, /the lane at \S+ restarted between two scrapes/);
  assert.match(notes, /up to 40 turns ended uncounted with their lane/);
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);
  assert.match(clean.json().gate.notes.join('\n'), /the lane at \S+ restarted between two scrapes/);
});

test('a restart hides nothing of the traffic after it, and only those of lanes are named', () => {
  const { idle } = rig.runs;
  assert.equal(idle.code, 0, idle.stdout + idle.stderr);
  const { gate: judged } = idle.json();
  assert.deepEqual([judged.bad, judged.n], [4, 604]);
  const notes = judged.notes.join('\n');
  assert.match(notes, /the lane at \S+ restarted between two scrapes/);
  assert.doesNotMatch(notes, /may hide/);
  const named = rig.all.json().gate.notes.join('\n');
  assert.match(named, /the lane at \S+ restarted between two scrapes/, rig.all.stdout);
  // A scrape of it that came late is another matter.
  assert.deepEqual(rig.all.json().gate.notes.filter((note) => /restart/.test(note) && note.includes(rig.node.host)), [], named);
});
