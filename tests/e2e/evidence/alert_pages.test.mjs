// Faults of live lanes, scraped by a real Prometheus with the generated rules, sent to a real
// Alertmanager with the generated routes: one page comes, it says what and where, and the command that
// it names shows the fault. Waiting times are shortened; windows, floors and limits are the shipped ones.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { ROOT, scratch, sleep } from '../lib/process.mjs';
import { startAlertmanager } from '../lib/prometheus.mjs';
import { assertSent, generated, scraped, startPager, typed, until, withAlertmanager } from './alert_world.mjs';

/** Seven at a time, each with lanes and a pager of its own: they wait more than they compute. */
const paged = withAlertmanager('pages', 7);

async function turns(base, count) {
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`${base}/api/chat/stream`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }] }) });
    await answer.text();
  }
}

/** Who is woken up when these lanes fail. */
async function watchers(put, lanes, scrape = {}) {
  const pager = put(await startPager(lanes.map((lane) => new URL(lane.base).host), { scrape }));
  await scraped(pager, 'count(oa_stream_build_info)', (rows) => rows[0]?.value === lanes.length);
  return pager;
}

paged('turns that fail on one of two lanes: one page names lane and revision, and its command says FAIL', async (put) => {
  const good = put(await startLane({ name: 'good', args: ['--revision', 'r1'] }));
  const failing = put(await startLane({ name: 'failing', args: ['--revision', 'r2', '--inject', 'error-rate=1'] }));
  const pager = await watchers(put, [good, failing]);
  await Promise.all([turns(good.base, 40), turns(failing.base, 40)]);
  await until(() => pager.sent('page').length > 0, 'page');
  // Everything that follows from it is pending or firing by now, and inhibited.
  await pager.server.eventually('count(ALERTS{alertstate="firing",severity="page"})', (rows) => rows[0]?.value >= 2);
  await sleep(6000); // another group_interval: nothing else may come
  const names = pager.sent('page');
  assert.equal(names.length, 1, JSON.stringify(names));
  const annotations = pager.said(names[0]);
  assert.match(annotations.description, /^\d+(\.\d+)?% of /);
  assert.ok(annotations.description.endsWith(`Most of it: ${new URL(failing.base).host} (revision r2).`), annotations.description);
  assert.equal(annotations.runbook_url, `docs/on-call.md#${names[0].toLowerCase()}`);
  const gate = await typed(annotations.next, { more: ['--window', '5m'] });
  assert.equal(gate.code, 1, `${annotations.next}\n${gate.stdout}${gate.stderr}`);
});

paged('a page of an instance silences later ones of that instance and of all lanes, never of another instance', async (put) => {
  const { text, routes } = await generated();
  const manager = put(await startAlertmanager(routes));
  const tier = (name) => new RegExp(`alert: "${name}"[^]*?tier: "?(\\d+)`).exec(text)[1];
  const fires = (name, instance) => ({ labels: { alertname: name, service: 'oa-stream', severity: 'page', tier: tier(name), ...(instance ? { instance } : {}) } });
  const alerts = [fires('OaStreamCodexDown', 'a:1'), fires('OaStreamCodexServerDown', 'a:1'), fires('OaStreamKhalaDown', 'a:1'), fires('OaStreamKhalaDown', 'b:1'), fires('OaStream5xxHigh')];
  const posted = await fetch(`${manager.base}/api/v2/alerts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alerts) });
  assert.equal(posted.status, 200, await posted.text());
  const states = await until(async () => {
    const all = await (await fetch(`${manager.base}/api/v2/alerts`)).json();
    // A state of its own is settled a moment after the alert came.
    return all.length === alerts.length && all.filter((one) => one.status.inhibitedBy.length > 0).length === 3 && all;
  }, 'three that are inhibited');
  assert.deepEqual(states.filter((one) => one.status.inhibitedBy.length === 0).map((one) => [one.labels.alertname, one.labels.instance]).sort(), [['OaStreamCodexDown', 'a:1'], ['OaStreamKhalaDown', 'b:1']]);
});

paged('a healthy lane wakes nobody', async (put) => {
  const lane = put(await startLane({ name: 'calm', args: ['--revision', 'r3'] }));
  const pager = await watchers(put, [lane]);
  await turns(lane.base, 30);
  await pager.server.eventually('sum(increase(oa_stream_http_requests_total{method="POST"}[10m]))', (rows) => rows[0]?.value >= 20);
  await sleep(20000); // two looks and a group_wait: what fires by now would be there
  assert.deepEqual(pager.pages, [], 'a healthy lane wakes nobody');
});

const policy = path.join(scratch('policy'), 'policy.json');
fs.writeFileSync(policy, JSON.stringify({ min_client_build_id: '20260101T000000Z', max_client_build_id: '20260301T000000Z' }));
const tokens = path.join(scratch('tokens'), 'tokens');
fs.writeFileSync(tokens, `sha256:${'0'.repeat(64)} owner=somebody\n`, { mode: 0o600 });
const HANDSHAKE = { 'x-oa-client-build-id': '20260221T000000Z', 'x-oa-protocol-version': 'openagents.control.v1', 'x-oa-schema-version': '1' };
const ask = (base, text, headers = {}) => fetch(`${base}/api/chat/stream`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ messages: [{ role: 'user', content: text }] }) });
/** So many at once, `width` at a time. */
async function many(base, count, text = 'hello', { width = 20, headers = {} } = {}) {
  let left = count;
  await Promise.all(Array.from({ length: Math.min(width, count) }, async () => {
    while (left-- > 0) await (await ask(base, text, headers)).text();
  }));
}
const mixed = async (base, good, bad) => { await many(base, good); await many(base, bad, 'replay:36-failed-context-window'); };
const GATE = { shows: (end) => end.code === 1, more: ['--window', '5m'] };
/** What is no good look, and says why. */
const says = (pattern) => ({ shows: (end) => end.code !== 0 && pattern.test(end.stdout + end.stderr), more: [] });
const told = (pattern) => ({ shows: (end) => pattern.test(end.stdout), more: [] });
const without = (metric) => ({ metric_relabel_configs: [{ source_labels: ['__name__'], regex: metric, action: 'drop' }] });
const lanes = (...all) => all.map((args, n) => ({ name: `lane-${n}`, args: ['--revision', `r${n}`, ...args] }));

/**
 * A fault a row: `lanes`, what is done to them, and exactly the page and the tickets that come of it; the slow burns, which
 * every page brings along, are not listed. `next`: what the command of the first one must show.
 */
const FAULTS = [
  { // its answers take half a minute, so it comes first
    page: 'OaStreamDurationP95High', lanes: lanes([]), plant: ([one]) => many(one.base, 40, 'scenario:stall;n=2;ms=31000', { width: 40 }),
    tickets: ['OaStreamFirstContentAbsent'], // a turn tells its first content when it ends; shipped, that alert waits for 5 m
    next: told(/p95|duration|requests/i),
  },
  { page: 'OaStream5xxHigh', lanes: lanes(['--inject', 'http-error=0.5']), plant: ([one]) => many(one.base, 60), next: GATE },
  { page: 'OaStreamBridgeStalled', lanes: lanes(['--inject', 'http-error=1']), plant: ([one]) => many(one.base, 40), next: says(/BAD/) },
  { page: 'OaStreamCodexError', lanes: lanes(['--inject', 'drop=1']), plant: ([one]) => many(one.base, 40), next: GATE },
  { page: 'OaStreamTurnAborted', lanes: lanes(['--limit', 'turn-time=1s']), plant: ([one]) => many(one.base, 40, 'scenario:stall;n=2;ms=20000', { width: 40 }), next: GATE },
  { page: 'OaStreamFirstContentP95High', lanes: lanes(['--inject', 'latency=3s']), plant: ([one]) => many(one.base, 40, 'hello', { width: 40 }), next: GATE },
  { page: 'OaStreamBudgetBurn1h', lanes: lanes([]), plant: ([one]) => mixed(one.base, 393, 7), next: says(/budget/i) },
  { page: 'OaStreamBudgetBurn6h', lanes: lanes([]), plant: ([one]) => mixed(one.base, 595, 6), next: says(/budget/i) },
  { page: 'OaStreamTerminalsLost', lanes: lanes([]), scrape: without('oa_stream_terminal_total'), plant: ([one]) => many(one.base, 40), next: says(/terminal|incomplete|missing/i) },
  { page: 'OaStreamRequestsAbsent', lanes: lanes([]), plant: ([one]) => one.kill(), tickets: ['OaStreamTargetDown'], next: says(/knows no lane/) },
  {
    tickets: ['OaStreamInvalidClientBuild', 'OaStreamUnsupportedClientBuild', 'OaStreamUnsupportedProtocolVersion', 'OaStreamUnsupportedSchemaVersion', 'OaStreamUpgradeRequired'],
    lanes: lanes(['--compat', 'required', '--compat-policy', policy]),
    plant: async ([one]) => {
      await many(one.base, 20, 'hello', { headers: HANDSHAKE });
      for (const wrong of [{ 'x-oa-client-build-id': '' }, { 'x-oa-client-build-id': '20270101T000000Z' }, { 'x-oa-protocol-version': 'other' }, { 'x-oa-schema-version': '9' }, { 'x-oa-client-build-id': '20250101T000000Z' }]) {
        await many(one.base, 10, 'hello', { headers: { ...HANDSHAKE, ...wrong } });
      }
    },
    next: told(/invalid_client_build|refused|426/),
  },
  {
    tickets: ['OaStreamTurnInterrupted'], lanes: lanes([]),
    plant: async ([one]) => {
      const stopped = async (n) => {
        const answer = await fetch(`${one.base}/api/chats/t${n}/stream`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ messages: [{ role: 'user', content: 'scenario:stall;n=2;ms=20000' }] }) });
        await fetch(`${one.base}/api/chats/t${n}/stop`, { method: 'POST' });
        await answer.text();
      };
      await Promise.all(Array.from({ length: 30 }, (_, n) => stopped(n)));
    },
    next: told(/interrupted/),
  },
  { tickets: ['OaStreamBudgetBurn1d', 'OaStreamBudgetBurn3d'], lanes: lanes([]), plant: ([one]) => mixed(one.base, 1300, 6), next: says(/budget/i) },
  { tickets: ['OaStreamFirstContentAbsent'], lanes: lanes([]), scrape: without('oa_stream_first_content_seconds_count'), plant: ([one]) => many(one.base, 40), next: told(/./) },
  { tickets: ['OaStreamRefused'], lanes: lanes([], ['--tokens', tokens]), plant: ([one, two]) => Promise.all([many(one.base, 40), many(two.base, 40)]), next: told(/./) },
  { tickets: ['OaStreamTargetDown'], lanes: lanes([], []), plant: async ([one, two]) => { await many(one.base, 20); await two.kill(); }, next: says(/down/i) },
];

/** Not planted here, and why; all of them are proven by promtool (`slo rules` writes the cases). */
const ELSEWHERE = {
  OaStreamTurnFailed: 'the first test of this file',
  OaStreamAdapterPreviewUnavailable: 'no authority makes an event that the encoder refuses; unit tests plant it',
};
const BESIDE = fs.readFileSync(new URL('alert_services.test.mjs', import.meta.url), 'utf8');

for (const row of FAULTS) {
  paged(`planted in live lanes: ${[row.page, ...(row.tickets ?? [])].filter(Boolean).join(', ')}, and nothing else`, async (put) => {
    const started = (await Promise.all(row.lanes.map((one) => startLane(one)))).map(put);
    const pager = await watchers(put, started, row.scrape);
    await row.plant(started);
    await assertSent(pager, row);
  });
}

test('every alert is planted in a live lane, or it is said why not', async () => {
  const { names: alerts } = await generated();
  const planted = FAULTS.flatMap((row) => [row.page, ...(row.tickets ?? [])].filter(Boolean));
  planted.push(...alerts.filter((name) => BESIDE.includes(`'${name}'`) && !planted.includes(name)));
  assert.deepEqual([...new Set([...planted, ...Object.keys(ELSEWHERE)])].sort(), alerts.toSorted());
  assert.deepEqual(Object.keys(ELSEWHERE).filter((name) => planted.includes(name)), []);
});

test('every alert has its section in the page that its runbook_url names', async () => {
  const guide = fs.readFileSync(path.join(ROOT, 'docs/on-call.md'), 'utf8');
  const sections = new Map([...guide.matchAll(/^### (OaStream\w+)$([\s\S]*?)(?=^##|$(?![\s\S]))/gm)].map(([, name, body]) => [name, body]));
  const { names: alerts } = await generated();
  assert.ok(alerts.length > 20);
  for (const name of alerts) {
    assert.ok(sections.has(name), `no section ${name}`);
    for (const word of ['Means', 'Confirm', 'Do']) assert.match(sections.get(name), new RegExp(`\\*\\*${word}\\*\\*`), `${name}: ${word}`);
  }
  for (const name of sections.keys()) assert.ok(alerts.includes(name), `${name} is not an alert`);
});
