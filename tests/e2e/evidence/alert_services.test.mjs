// What lanes need beside their turns fails in live lanes: Codex, its disk, the shared store, Khala, a drain, the scrape, the
// runs of timers, a cutover. Exactly one page or ticket comes, and the command that it names shows the fault.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { chatConfig, codexBin, codexPids, startCodexLane, startCodexServer, startMock } from '../lib/codex.mjs';
import { freePort } from '../lib/free_port.mjs';
import { chat, open } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { limit, oa, scratch } from '../lib/process.mjs';
import { promtoolPath } from '../lib/prometheus.mjs';
import { startBalancer } from '../lib/proxies.mjs';
import { startOnSmallDisk } from '../lib/small_disk.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { EVENTS_TOPIC } from '../worker/fake/lib/khala.mjs';
import { World } from '../worker/world.mjs';
import { assertSent, generated, scraped, startPager, until, withAlertmanager } from './alert_world.mjs';

const host = (lane) => new URL(lane.base).host;
const metric = async (base, name) => Number(new RegExp(`^oa_stream_${name} (\\S+)$`, 'm').exec(await (await fetch(`${base}/metrics`)).text())?.[1] ?? NaN);
/** That exit code, and the words of the fault; a ticket's fault leaves a look with traffic OK, so it has no code. */
const shown = (code, ...patterns) => ({ shows: (end) => (code === null || end.code === code) && patterns.every((one) => one.test(end.stdout)) });
const drop = (name) => ({ metric_relabel_configs: [{ source_labels: ['__name__'], regex: name, action: 'drop' }] });

/** A pager over that lane, once it was seen `ready`. */
async function watched(put, targets, how = {}, seen = 'count(oa_stream_build_info)') {
  const pager = put(await startPager(targets, how));
  await scraped(pager, seen, (rows) => rows[0]?.value >= 1, 30000);
  return pager;
}

/** Eight at a time, each with lanes and a pager of its own: they wait more than they compute. */
const planted = withAlertmanager('planted', 8);

// Alerts of what is away look at a whole minute: those cases come first.
planted('planted in a live lane: OaStreamCodexDown', async (put) => {
  const mock = put(await startMock());
  const folder = scratch('dying');
  const bin = path.join(folder, 'codex');
  fs.symlinkSync(codexBin(), bin);
  const lane = put(await startCodexLane({ config: chatConfig, port: mock.port, folder, bin, args: ['--revision', 'r1'] }));
  const pager = await watched(put, [host(lane)], {}, 'oa_stream_codex_up == 1');
  fs.unlinkSync(bin);
  fs.writeFileSync(bin, '#!/bin/sh\nexit 9\n', { mode: 0o755 });
  process.kill(codexPids(lane)[0], 'SIGKILL');
  const said = await assertSent(pager, { page: 'OaStreamCodexDown', ms: 120000, next: shown(3, /^NOT READY/, new RegExp(`${host(lane)}: no Codex process is ready`)) });
  assert.ok(said.description.includes(host(lane)), said.description);
});
planted('planted in a live lane: one of two Codex servers dies: OaStreamCodexServerDown', async (put) => {
  const mock = put(await startMock());
  const folder = scratch('servers');
  const config = path.join(folder, 'config.toml');
  fs.writeFileSync(config, chatConfig(mock.port));
  const [one, two] = await Promise.all([1, 2].map(() => startCodexServer({ config: chatConfig, mockPort: mock.port })));
  put({ stop: () => Promise.all([one, two].map((server) => server.kill())) });
  const lane = put(await startLane({ authority: 'codex', name: 'servers', args: ['--codex-server', `1=${one.url}`, '--codex-server', `2=${two.url}`, '--codex-token', `file:${one.tokenFile}`, '--codex-config', config, '--model', 'mock-model'] }));
  const pager = await watched(put, [host(lane)], {}, 'count(oa_stream_codex_server_up == 1) == 2');
  await two.kill();
  const said = await assertSent(pager, { page: 'OaStreamCodexServerDown', ms: 120000, next: shown(3, /^NOT READY/, new RegExp(`${host(lane)}: a Codex server is not ready\\s+\\(oa_stream_codex_server_up\\{server="2"\\} 0\\)`)) });
  assert.ok(said.description.includes('Codex server 2'), said.description);
});
planted('planted in a live lane: OaStreamStoreDown', async (put) => {
  const redis = put(await startRedis());
  const lane = put(await startLane({ name: 'stored', args: ['--store', redis.url, '--replica-name', 'a'] }));
  const pager = await watched(put, [host(lane)], {}, 'oa_stream_store_up == 1');
  await redis.kill();
  await assertSent(pager, { page: 'OaStreamStoreDown', ms: 120000, next: shown(3, /^NOT READY/, new RegExp(`${host(lane)}: the store is not fully usable`)) });
});
planted('planted in a live lane: OaStreamKhalaDown', async (put) => {
  const world = put(await World.start());
  const pager = await watched(put, [host(world.lane)], {}, 'oa_stream_worker_link_up == 1');
  world.splitter.stop();
  // It tries again and again.
  await assertSent(pager, { page: 'OaStreamKhalaDown', tickets: ['OaStreamKhalaUnsteady'], ms: 120000, next: shown(3, /^NOT READY/, new RegExp(`${host(world.lane)}: the connection to Khala is down`)) });
});

planted('planted in a live lane: OaStreamCodexDisk', async (put) => {
  const mock = put(await startMock());
  const lane = put(await startOnSmallDisk('full', 64, { config: chatConfig, port: mock.port, args: ['--revision', 'r1', '--codex-min-free', '1'] }));
  const pager = await watched(put, [host(lane)], {}, 'oa_stream_codex_up == 1');
  const running = chat(lane.base, 'scenario:text;words=60;delay=60', { id: 'running' });
  await running.frame('text-delta');
  lane.fill(0);
  await running.done;
  await assertSent(pager, { page: 'OaStreamCodexDisk', next: shown(3, /^NOT READY/, new RegExp(`${host(lane)}: codex could not store turns`, 'i')) });
});

planted('planted in a live lane: OaStreamStoreFull', async (put) => {
  const redis = put(await startRedis({ args: ['--maxmemory', '16mb'] }));
  const lane = put(await startLane({ name: 'stored', args: ['--store', redis.url, '--replica-name', 'a'] }));
  const pager = await watched(put, [host(lane)], {}, 'oa_stream_store_up == 1');
  redis.cli('setrange', 'filler', String(12 << 20), 'x');
  await assertSent(pager, { page: 'OaStreamStoreFull', next: shown(3, /^NOT READY/, /the store is nearly full \(oa_stream_store_memory_ratio 0\.[89]/) });
});

planted('planted in live lanes: a lane dies, and its turns with it: OaStreamTurnsReaped', async (put) => {
  const redis = put(await startRedis());
  const stored = (name) => startLane({ name, args: ['--store', redis.url, '--replica-name', name, '--limit', 'lease=2s'] });
  const [a, b] = await Promise.all(['a', 'b'].map(stored));
  put(b);
  const pager = await watched(put, [host(b)], {}, 'oa_stream_store_up == 1');
  const running = chat(a.base, 'scenario:stall;n=2;ms=60000', { id: 'reaped' });
  await running.frame('text-delta');
  await a.kill();
  await assertSent(pager, { tickets: ['OaStreamTurnsReaped'], next: shown(null, new RegExp(`${host(b)}: turns of a dead lane were ended`)) });
});

planted('planted in live lanes: a lane stands still: OaStreamTurnsFenced, and its turns are ended elsewhere', async (put) => {
  const redis = put(await startRedis());
  const stored = (name) => startLane({ name, args: ['--store', redis.url, '--replica-name', name, '--limit', 'lease=2s'] });
  const [a, b] = (await Promise.all(['a', 'b'].map(stored))).map(put);
  const pager = await watched(put, [a, b].map(host), {}, 'count(oa_stream_store_up == 1) == 2');
  const running = chat(a.base, 'scenario:stall;n=2;ms=60000', { id: 'fenced' });
  await running.frame('text-delta');
  process.kill(a.pid, 'SIGSTOP');
  try {
    await until(async () => (await metric(b.base, 'reaped_total')) >= 1, 'the turn to be taken');
  } finally { process.kill(a.pid, 'SIGCONT'); }
  await assertSent(pager, { tickets: ['OaStreamTurnsFenced', 'OaStreamTurnsReaped'], next: shown(null, new RegExp(`${host(a)}: its turns were taken by another lane`)) });
});

planted('planted in live lanes: the store forgets: OaStreamLogsLost', async (put) => {
  const redis = put(await startRedis());
  const stored = (name) => startLane({ name, pace: 'recorded', args: ['--store', redis.url, '--replica-name', name] });
  const [a, b] = (await Promise.all(['a', 'b'].map(stored))).map(put);
  const pager = await watched(put, [a, b].map(host), {}, 'count(oa_stream_store_up == 1) == 2');
  const running = chat(a.base, 'scenario:stall;n=2;ms=60000', { id: 'lost' });
  await running.frame('text-delta');
  const other = open(b.base, { path: '/api/chats/lost/stream' });
  await other.frame('text-delta');
  redis.cli('FLUSHALL');
  await other.done;
  await assertSent(pager, { tickets: ['OaStreamLogsLost'], next: shown(3, new RegExp(`${host(b)}: the store lost logs of running turns`)) });
});

/** Khala's troubles by a runtime whose every move is ours. They pass: the looks at them are the closest. */
const khala = (alert, plant, words, more = {}) => planted(`planted in a live lane: ${alert}`, { timeout: limit(300000) }, async (put) => {
  const world = put(await World.start(more));
  const pager = await watched(put, [host(world.lane)], { evaluation: '1s' }, 'oa_stream_worker_link_up == 1');
  await plant(world);
  await assertSent(pager, { tickets: [alert, ...(more.also ?? [])], ms: more.ms, settle: 6000, next: shown(3, new RegExp(`${host(world.lane)}: ${words}`)) });
});
const again = async (world, name, count, cut) => {
  const at = async (what) => metric(world.lane.base, `worker_${what}`);
  while ((await at(name)) < count) {
    const before = await at(name);
    await cut(world.fake.khala);
    await until(async () => (await at(name)) > before, `${name} after ${before}`);
    await until(async () => (await at('link_up')) === 1 || (await at(name)) >= count, 'the connection');
  }
};
khala('OaStreamKhalaUnsteady', (world) => again(world, 'reconnects_total', 7, (k) => k.dropAll()), 'the connection to Khala is lost again and again');
khala('OaStreamKhalaReauth', (world) => {
  world.fake.khala.refuseNext({ status: 401, body: { error: 'unauthorized', message: 'no', reason_code: 'token_expired' } }, 3);
  return again(world, 'reauths_total', 3, (k) => k.dropAll());
}, 'Khala refuses tokens');
/** Six times: cut off, and what is written meanwhile is forgotten before the lane is back. */
khala('OaStreamKhalaStale', (world) => again(world, 'stale_cursors_total', 6, async (k) => {
  const { control, worker } = world.fake;
  k.refuseNext({ status: 503 });
  k.dropAll();
  for (let n = 0; n < 5; n++) control.append(worker, 'worker.heartbeat', { source: 'autopilot-desktop', kind: 'periodic' });
  k.retain(EVENTS_TOPIC, 1);
}), 'Khala forgets what was not read', { also: ['OaStreamKhalaUnsteady'] });
/** What the worker told is published nowhere, and its log does not answer. */
khala('OaStreamKhalaLag', (world) => {
  const { control, worker } = world.fake;
  control.faults.push({ method: 'GET', path: '/stream', status: 503, times: 1e6 });
  for (let n = 0; n < 300; n++) control.append(worker, 'worker.heartbeat', { source: 'autopilot-desktop', kind: 'periodic' }, { keep: false });
}, 'far behind its worker', { ms: 140000 });

planted('planted in a live lane: a drain that lasts: OaStreamDrainLong', async (put) => {
  const lane = await startLane({ name: 'draining', args: ['--drain-timeout', '10m'] });
  put({ stop: () => lane.kill() });
  const running = chat(lane.base, 'scenario:stall;n=2;ms=120000', { id: 'a', ms: 120000 });
  await running.frame('text-delta');
  // The one window that is shortened here: ten minutes of a drain.
  const pager = await watched(put, [host(lane)], { change: (rules) => rules.replace('max_over_time(oa_stream_ready[10m]) == 0', 'max_over_time(oa_stream_ready[4s]) == 0') });
  lane.signal('SIGTERM'); // connections that are there, as Prometheus has one, are served on
  await assertSent(pager, { tickets: ['OaStreamDrainLong'], next: shown(3, /^NOT READY/, new RegExp(`1 target is not ready: ${host(lane)}`), /active +1 streams?/) });
});

planted('planted in front of live lanes: Prometheus scrapes a balancer: OaStreamMixedTarget', async (put) => {
  const lanes = (await Promise.all(['a', 'b'].map((name) => startLane({ name, args: ['--revision', name] })))).map(put);
  const door = put(await startBalancer('haproxy', 'roundrobin', lanes.map((lane) => lane.base)));
  const pager = await watched(put, [host(door)]);
  await assertSent(pager, { tickets: ['OaStreamMixedTarget'], next: shown(3, /^INCOMPLETE/, new RegExp(`several processes answer at ${host(door)} in turn`)) });
});

planted('planted in the scrape of a live lane: OaStreamBridgeAbsent', async (put) => {
  const lane = put(await startLane({ name: 'lane' }));
  // It holds before the first scrape, too, when Prometheus knows no Alertmanager yet; what fires by then would be told a minute later.
  const change = (rules) => rules.replace(/(alert: "OaStreamBridgeAbsent"[^]*?for: )1s/, (_, before) => `${before}10s`);
  const pager = await watched(put, [host(lane)], { scrape: drop('oa_stream_bridge_accepted_total'), change });
  await assertSent(pager, { page: 'OaStreamBridgeAbsent', next: shown(3, /turns\/s/, /\/api\/chat\/stream +0\.0 +0\.0 +–/) });
});

/** Serves a --textfile as node_exporter does. */
async function exporter(put, text) {
  const server = http.createServer((_, answer) => answer.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text()));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  put({ stop: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) });
  return `127.0.0.1:${server.address().port}`;
}
planted('planted in the file of a real run: OaStreamVerificationStale', async (put) => {
  const lane = put(await startLane({ name: 'lane' }));
  const file = path.join(scratch('textfile'), 'verify.prom');
  const stateDir = scratch('state');
  const run = await oa(['verify', '--set', `base_url=${lane.base}`, '--textfile', file], { stateDir });
  const text = fs.readFileSync(file, 'utf8');
  const spoilt = text.replace(/^(oa_stream_run_last_pass_timestamp_seconds\{.*\}) \S+$/m, `$1 ${Math.floor(Date.now() / 1000) - 9 * 86400}`);
  assert.notEqual(spoilt, text, run.stdout + run.stderr);
  const pager = await watched(put, [host(lane), await exporter(put, () => spoilt)], {}, 'count(oa_stream_run_exit_code)');
  await assertSent(pager, { tickets: ['OaStreamVerificationStale'], next: { shows: (end) => /-steady-state-\S+ +\w/.test(end.stdout) }, typing: { stateDir } });
});
planted('planted in the file of a real `cutover status`: OaStreamRunStatusStale', async (put) => {
  const lane = put(await startLane({ name: 'lane' }));
  const stateDir = scratch('state');
  const file = path.join(scratch('textfile'), 'runs.prom');
  assert.equal((await oa(['cutover', 'status', '-q', '--textfile', file], { stateDir })).code, 0);
  const text = fs.readFileSync(file, 'utf8');
  const spoilt = text.replace(/^(oa_stream_run_end_timestamp_seconds\{.*\}) \S+$/m, `$1 ${Math.floor(Date.now() / 1000) - 660}`);
  assert.notEqual(spoilt, text);
  const pager = await watched(put, [host(lane), await exporter(put, () => spoilt)], {}, 'count(oa_stream_run_exit_code)');
  await assertSent(pager, { tickets: ['OaStreamRunStatusStale'], next: { shows: (end) => end.code === 0 && /there are no runs yet/.test(end.stdout) }, typing: { stateDir } });
});
planted('a cutover dies in the middle, and the timer of `cutover status` tells: OaStreamRunUnverified, until somebody rolled it back', async (put) => {
  const target = await LocalTarget.start();
  put({ stop: () => target.stop() });
  const lane = put(await startLane({ name: 'lane' }));
  const file = path.join(target.folder, 'runs.prom');
  const tell = async () => (await target.oa(['cutover', 'status', '-q', '--textfile', file])).code;
  assert.equal(await tell(), 0);
  const pager = await watched(put, [host(lane), await exporter(put, () => fs.readFileSync(file, 'utf8'))], {}, 'count(oa_stream_run_exit_code)');
  const { file: plan } = await target.plan({ set: { bake: '60s' } });
  const running = target.begin(['cutover', 'apply', plan, '--non-interactive']);
  await running.until(() => running.stderr.includes('stage 50%'), 'the first stage', 60000);
  assert.equal(await tell(), 0, 'a run under way needs nobody');
  await running.kill();
  assert.equal(await tell(), 8);
  await assertSent(pager, { page: 'OaStreamRunUnverified', next: { shows: (end) => end.code === 8 && /died/.test(end.stdout) }, typing: { stateDir: target.state } });
  const back = await target.oa(['rollback', 'apply']); // without --textfile
  assert.equal(back.code, 0, back.stderr);
  assert.equal(await tell(), 0);
  await pager.server.eventually('count(ALERTS{alertname="OaStreamRunUnverified"}) or vector(0)', (rows) => rows[0]?.value === 0, 30000);
});

/** Six hours and a half of that lane's accepted turns, `per_s` a second, until `until_s` ago, as Prometheus' own blocks. */
function history(target, perSecond, untilSeconds) {
  const folder = scratch('history');
  const now = Math.floor(Date.now() / 1000);
  const names = [['oa_stream_bridge_accepted_total', 'route="/api/chat/stream"'], ['oa_stream_http_requests_total', 'lane="compat",method="POST",route="/api/chat/stream",status="200"'], ['oa_stream_terminal_total', 'class="completed",route="/api/chat/stream"'], ['oa_stream_first_content_seconds_count', 'route="/api/chat/stream"'], ['oa_stream_first_content_seconds_bucket', 'le="2.5",route="/api/chat/stream"']];
  const lines = names.flatMap(([name, labels]) => {
    const out = [`# TYPE ${name.replace(/_total$/, '')} ${name.endsWith('_total') ? 'counter' : 'unknown'}`];
    for (let at = now - 7 * 3600; at <= now - untilSeconds; at += 30) out.push(`${name}{job="lane",instance="${target}",${labels}} ${Math.round((at - now + 7 * 3600) * perSecond)} ${at}`);
    return out;
  });
  const file = path.join(folder, 'history.om');
  fs.writeFileSync(file, `${lines.join('\n')}\n# EOF\n`);
  const data = path.join(folder, 'data');
  const ran = spawnSync(promtoolPath(), ['tsdb', 'create-blocks-from', 'openmetrics', file, data], { encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
  return data;
}
planted('planted in a live lane with six hours behind it: OaStreamBridgeDrop', async (put) => {
  const port = await freePort();
  const data = history(`127.0.0.1:${port}`, 1, 700);
  const lane = put(await startLane({ name: 'lane', listen: `127.0.0.1:${port}` }));
  const pager = await watched(put, [host(lane)], { data });
  await assertSent(pager, { page: 'OaStreamBridgeDrop', next: shown(3, /^NO TRAFFIC/) });
});
planted('planted in a live lane with six hours behind it: OaStreamBridgeSpike', async (put) => {
  const port = await freePort();
  const data = history(`127.0.0.1:${port}`, 0.05, 60);
  const lane = put(await startLane({ name: 'lane', listen: `127.0.0.1:${port}` }));
  const pager = await watched(put, [host(lane)], { data });
  for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 30 }, () => chat(lane.base, 'replay:01-echo', { path: '/api/chat/stream' }).done));
  await assertSent(pager, { page: 'OaStreamBridgeSpike', next: { shows: (end) => /turns\/s/.test(end.stdout) && /OK|NO TRAFFIC/.test(end.stdout) } });
});

test('every alert that this file plants is one of the generated rules', async () => {
  const { names } = await generated();
  const planted = new Set([...fs.readFileSync(new URL(import.meta.url), 'utf8').matchAll(/'(OaStream\w+)'/g)].map(([, name]) => name));
  assert.ok(planted.size > 10, [...planted].join(' '));
  assert.deepEqual([...planted].filter((name) => !names.includes(name)), []);
});
