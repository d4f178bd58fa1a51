// The way of an alert: live targets, a real Prometheus with the generated rules, a real Alertmanager with the
// generated routes, and whoever is woken up. Waiting times are shortened; windows, floors and limits are the shipped ones.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { limit, oa, scratch, sleep } from '../lib/process.mjs';
import { alertmanagerRuns, startAlertmanager, startPrometheus } from '../lib/prometheus.mjs';
import { sideBySide, stage } from '../lib/side_by_side.mjs';

/** Tests with a pager, which they `put` there. Where the kernel allows no mount, Debian's Alertmanager does not find its templates. */
export const withAlertmanager = (suite, atOnce) => (alertmanagerRuns()
  ? sideBySide(suite, atOnce, stage((one) => (one.exit ? null : one.stop())))
  : (name) => console.error(`not here, no mount is allowed: ${name}`));

export async function until(pick, what, ms = 90000) {
  for (const end = Date.now() + limit(ms); ; await sleep(100)) {
    const got = await pick();
    if (got) return got;
    if (Date.now() > end) throw new Error(`no ${what}`);
  }
}

let made;
/** {text: of the rules, routes, names: of the alerts}, as the command writes them, but in force at once. */
export function generated() {
  made ??= (async () => {
    const folder = scratch('rules');
    assert.equal((await oa(['slo', 'rules', '--out', folder])).code, 0);
    // As soon as it is true; a lane that is up for seconds has no history to wait for.
    const text = fs.readFileSync(path.join(folder, 'oa-stream.rules.yml'), 'utf8').replace(/^( +(?:keep_firing_)?for: ).*$/gm, '$11s');
    return { text, routes: fs.readFileSync(path.join(folder, 'oa-stream.alertmanager.yml'), 'utf8'), names: [...text.matchAll(/- alert: "(\w+)"/g)].map(([, name]) => name) };
  })();
  return made;
}

/** Prometheus over these targets (host:port), Alertmanager, and what it sent: {server, sent(severity), said(name), stop()}. `change`: of the rules. */
export async function startPager(targets, { change = (text) => text, ...how } = {}) {
  const { text, routes } = await generated();
  const rules = path.join(scratch('rules'), 'oa-stream.rules.yml');
  fs.writeFileSync(rules, change(text));
  const pages = []; // {receiver, alerts}
  const hook = http.createServer((request, answer) => {
    let text = '';
    request.on('data', (bytes) => { text += bytes; });
    request.on('end', () => { pages.push(JSON.parse(text)); answer.end(); });
  });
  await new Promise((done) => hook.listen(0, '127.0.0.1', done));
  const manager = await startAlertmanager(routes
    .replace('group_wait: 30s', 'group_wait: 5s\n  group_interval: 5s')
    // What inhibits a page comes up to 7.5 s later with evaluations every 3 s, and later on a busy machine.
    .replace('group_wait: 45s', 'group_wait: 15s')
    .replace(/^ {2}- name: oa-stream-(pages|tickets)\n/gm, (line) => `${line}    webhook_configs:\n      - url: http://127.0.0.1:${hook.address().port}/\n        send_resolved: false\n`));
  // All the rules together take it a tenth of a second of CPU, and up to eight of them run at once: each second, that was most of a core.
  const server = await startPrometheus(targets, { interval: `${limit(1000)}ms`, evaluation: '3s', rules: [rules], alertmanager: manager.host, ...how });
  const alerts = () => pages.flatMap((page) => page.alerts);
  return {
    server,
    pages,
    sent: (severity) => [...new Set(pages.filter((page) => page.receiver === `oa-stream-${severity}s`).flatMap((page) => page.alerts).map((alert) => alert.labels.alertname))].sort(),
    said: (name) => alerts().find((alert) => alert.labels.alertname === name)?.annotations,
    stop: async () => { await server.stop(); await manager.stop(); hook.close(); },
  };
}

/**
 * Prometheus has seen what the query asks for, and no alert remains from before. Until it scrapes, for some seconds, it holds that
 * no lane is there, and tells nobody as it does not know the Alertmanager yet: if that went on, it would be told a minute later.
 * The series ALERTS does not tell: Prometheus writes it only from the third evaluation on.
 */
export async function scraped(pager, expr, pick, ms) {
  await pager.server.eventually(expr, pick, ms);
  await until(async () => JSON.parse(await pager.server.get('/api/v1/alertmanagers')).data.activeAlertmanagers.length > 0, 'Alertmanager that it knows');
  const seen = Date.now();
  await until(async () => {
    const rules = JSON.parse(await pager.server.get('/api/v1/rules?type=alert')).data.groups.flatMap((group) => group.rules);
    const absent = rules.find((rule) => rule.name === 'OaStreamRequestsAbsent');
    return Date.parse(absent.lastEvaluation) > seen && absent.state === 'inactive';
  }, 'evaluation of what was scraped');
}

/** The command of an alert, as an operator types it. */
export async function typed(next, { more = [], ...how } = {}) {
  const words = next.match(/'[^']*'|\S+/g).map((word) => word.replace(/^'|'$/g, ''));
  assert.equal(words.shift(), 'oa-stream');
  return oa([...words, ...more], how);
}

const SLOW_BURNS = ['OaStreamBudgetBurn1d', 'OaStreamBudgetBurn3d'];
/**
 * Exactly that page (or none) and these tickets come, and the command of the first of them shows the fault. The slow burns,
 * which every page brings along, are not listed. `next`: {shows(end), more}. `settle`: an evaluation and another group_interval.
 */
export async function assertSent(pager, { page, tickets = [], next, ms = 120000, typing = {}, settle = 9000 }) {
  const first = page ?? tickets[0];
  await until(() => pager.sent(page ? 'page' : 'ticket').includes(first), first, ms).catch((error) => assert.fail(`${error.message}; sent: ${pager.sent('page')} ${pager.sent('ticket')}`));
  await sleep(settle); // nothing else may come
  assert.deepEqual(pager.sent('page'), page ? [page] : []);
  assert.deepEqual(pager.sent('ticket').filter((name) => tickets.includes(name) || !page || !SLOW_BURNS.includes(name)), tickets.toSorted());
  const said = pager.said(first);
  // A scrape that came late, as on a busy machine, is an outage for this one look.
  for (const last = Date.now() + limit(30000); ; await sleep(1000)) {
    const end = await typed(said.next, { more: next.more, ...typing });
    if (next.shows(end)) break;
    assert.ok(Date.now() < last, `${said.next}: exit ${end.code}\n${end.stdout}${end.stderr}`);
  }
  return said;
}
