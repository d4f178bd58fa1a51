// Faults of live lanes, scraped by a real Prometheus with the generated rules, sent to a real
// Alertmanager with the generated routes: one page comes, it says what and where, and the command that
// it names shows the fault. Waiting times are shortened; windows, floors and limits are the shipped ones.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { ROOT, limit, oa, scratch } from '../lib/process.mjs';
import { alertmanagerRuns, startAlertmanager, startPrometheus } from '../lib/prometheus.mjs';

const here = alertmanagerRuns();
/** Where the kernel allows no mount, Debian's Alertmanager does not find its templates. */
const withAlertmanager = (name, body) => (here ? test(name, body) : console.error(`not here, no mount is allowed: ${name}`));

const running = [];
const pages = [];
let rules, routes;

before(async () => {
  const folder = scratch('rules');
  assert.equal((await oa(['slo', 'rules', '--out', folder])).code, 0);
  const file = path.join(folder, 'oa-stream.rules.yml');
  // As soon as it is true; a lane that is up for seconds has no history to wait for.
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/^( +for: ).*$/gm, '$11s'));
  rules = file;
  const hook = http.createServer((request, answer) => {
    let text = '';
    request.on('data', (bytes) => { text += bytes; });
    request.on('end', () => { pages.push(JSON.parse(text)); answer.end(); });
  });
  await new Promise((done) => hook.listen(0, '127.0.0.1', done));
  running.push({ stop: () => hook.close() });
  routes = fs.readFileSync(path.join(folder, 'oa-stream.alertmanager.yml'), 'utf8')
    .replace('group_wait: 30s', 'group_wait: 4s\n  group_interval: 5s')
    .replace('  - name: oa-stream-pages\n', `  - name: oa-stream-pages\n    webhook_configs:\n      - url: http://127.0.0.1:${hook.address().port}/\n        send_resolved: false\n`);
});
after(() => Promise.all(running.map((one) => one.stop())));

async function turns(base, count) {
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`${base}/api/chat/stream`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }] }) });
    await answer.text();
  }
}

async function until(pick, what, ms = 40000) {
  const end = Date.now() + limit(ms);
  for (;;) {
    const got = await pick();
    if (got) return got;
    if (Date.now() > end) throw new Error(`no ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** A Prometheus over these lanes, with rules, and its Alertmanager. */
async function watchers(lanes) {
  pages.length = 0;
  const manager = await startAlertmanager(routes);
  const server = await startPrometheus(lanes.map((lane) => new URL(lane.base).host), { rules: [rules], alertmanager: manager.host });
  running.push(manager, server);
  await server.eventually('count(oa_stream_build_info)', (rows) => rows[0]?.value === lanes.length);
  return server;
}

withAlertmanager('turns that fail on one of two lanes: one page names lane and revision, and its command says FAIL', async () => {
  const good = await startLane({ name: 'good', args: ['--revision', 'r1'] });
  const failing = await startLane({ name: 'failing', args: ['--revision', 'r2', '--inject', 'error-rate=1'] });
  running.push(good, failing);
  const server = await watchers([good, failing]);
  await Promise.all([turns(good.base, 40), turns(failing.base, 40)]);
  await until(() => pages.length > 0, 'page');
  // Everything that follows from it is pending or firing by now, and inhibited.
  await server.eventually('count(ALERTS{alertstate="firing",severity="page"})', (rows) => rows[0]?.value >= 2);
  await new Promise((done) => setTimeout(done, 6000)); // another group_interval: nothing else may come
  const alerts = pages.flatMap((page) => page.alerts);
  const names = [...new Set(alerts.map((alert) => alert.labels.alertname))];
  assert.equal(names.length, 1, JSON.stringify(names));
  const { annotations } = alerts[0];
  assert.match(annotations.description, /^\d+(\.\d+)?% of /);
  assert.ok(annotations.description.endsWith(`Most of it: ${new URL(failing.base).host} (revision r2).`), annotations.description);
  assert.equal(annotations.runbook_url, `docs/on-call.md#${names[0].toLowerCase()}`);
  const words = annotations.next.match(/'[^']*'|\S+/g).map((word) => word.replace(/^'|'$/g, ''));
  assert.equal(words.shift(), 'oa-stream');
  const typed = await oa([...words, '--window', '1m']);
  assert.equal(typed.code, 1, `${annotations.next}\n${typed.stdout}${typed.stderr}`);
});

withAlertmanager('a healthy lane wakes nobody', async () => {
  const lane = await startLane({ name: 'calm', args: ['--revision', 'r3'] });
  running.push(lane);
  const server = await watchers([lane]);
  await turns(lane.base, 30);
  await server.eventually('sum(increase(oa_stream_http_requests_total{method="POST"}[10m]))', (rows) => rows[0]?.value >= 20);
  await new Promise((done) => setTimeout(done, 6000));
  assert.deepEqual(pages, [], 'a healthy lane wakes nobody');
});

test('every alert has its section in the page that its runbook_url names', () => {
  const text = fs.readFileSync(rules, 'utf8');
  const guide = fs.readFileSync(path.join(ROOT, 'docs/on-call.md'), 'utf8');
  const sections = new Map([...guide.matchAll(/^### (OaStream\w+)$([\s\S]*?)(?=^##|$(?![\s\S]))/gm)].map(([, name, body]) => [name, body]));
  const alerts = [...text.matchAll(/- alert: "(\w+)"/g)].map(([, name]) => name);
  assert.ok(alerts.length > 20);
  for (const name of alerts) {
    assert.ok(sections.has(name), `no section ${name}`);
    for (const word of ['Means', 'Confirm', 'Do']) assert.match(sections.get(name), new RegExp(`\\*\\*${word}\\*\\*`), `${name}: ${word}`);
  }
  for (const name of sections.keys()) assert.ok(alerts.includes(name), `${name} is not an alert`);
});
