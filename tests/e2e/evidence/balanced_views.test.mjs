// Two lanes of different health behind real balancers: watch (of the lanes and of a Prometheus), gate and status (of a
// Prometheus and of the access logs), the alert rules and the dashboard tell the same two integers, and none says OK.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { freePort } from '../lib/free_port.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { startFront } from '../lib/local_target.mjs';
import { readMetrics, total } from '../lib/metrics.mjs';
import { OA_BIN, Running, cleanEnv, limit, oa, scratch, sleep } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';
import { startBalancer } from '../lib/proxies.mjs';
import { sideBySide, stage } from '../lib/side_by_side.mjs';

const TURNS = 60;
/** A scrape that takes longer is lost, and its lane is down: what 200 ms do on a busy machine. */
const interval = '500ms';
const GATE = 'bad: http_5xx | terminal_error <= 1%';

const frontDoor = (lanes, balance) => startFront(['--backend', `r1=${lanes[0].base}`, '--backend', `r2=${lanes[1].base}`, '--weights', 'r1=50,r2=50', '--balance', balance]);
const startDoor = (kind, how, lanes) => (kind === 'front door' ? frontDoor(lanes, how) : startBalancer(kind, how, lanes.map((lane) => lane.base)));
const host = (one) => new URL(one.base).host;

let rules;
async function ruleFile() {
  const folder = scratch('rules');
  rules ??= oa(['slo', 'rules', '--out', folder]).then(() => path.join(folder, 'oa-stream.rules.yml'));
  return rules;
}

async function pair(put) {
  const logs = ['good', 'failing'].map((name) => path.join(scratch(name), 'access.log'));
  const lanes = [
    put(await startLane({ name: 'good', args: ['--revision', 'r1', '--access-log', logs[0]] })),
    put(await startLane({ name: 'failing', args: ['--revision', 'r2', '--access-log', logs[1], '--inject', 'error-rate=1'] })),
  ];
  return { lanes, logs };
}

/** What users asked and what failed, by both lanes themselves. */
async function truth(lanes) {
  const all = (await Promise.all(lanes.map((lane) => readMetrics(lane.base)))).flat().filter((one) => one.labels.probe === undefined);
  const requests = all.filter((one) => one.name === 'oa_stream_http_requests_total' && one.labels.method === 'POST' && /chat/.test(one.labels.route));
  const sum = (list) => list.reduce((n, one) => n + one.value, 0);
  const ended = ['turn_failed', 'turn_aborted', 'codex_error', 'adapter_preview_unavailable'].reduce((n, word) => n + total(all, 'terminal_total', { class: word }), 0);
  return { all: sum(requests), bad: sum(requests.filter((one) => one.labels.status >= '500')) + ended - total(all, 'terminal_5xx_total') };
}

async function dashboardSays(server) {
  const document = JSON.parse((await oa(['slo', 'dashboard', '--window', '1h'])).stdout);
  const { expr } = document.panels.find((panel) => panel.title.startsWith('Budget consumed')).targets[0];
  const [, bad, all] = /^\(([^]*)\) \/ \(([^]*) > 0\) \/ [\d.e-]+$/.exec(expr.replaceAll('$revision', '.+')) ?? assert.fail(expr);
  const sum = async (query) => (await server.query(query)).reduce((n, row) => n + row.value, 0);
  return { bad: await sum(bad), all: await sum(all) };
}

/** Two at a time, each with lanes and a Prometheus of its own: they wait for scrapes. */
const beside = sideBySide('views', 2, stage((one) => one.kill()));

for (const kind of ['haproxy', 'nginx', 'front door']) {
  for (const how of kind === 'front door' ? ['weights', 'least-conn'] : ['roundrobin', 'leastconn']) {
    beside(`behind ${kind} by ${how}: every view tells the same two integers, and none says OK`, { timeout: limit(240000) }, async (put) => {
      const { lanes, logs } = await pair(put);
      const door = put(await startDoor(kind, how, lanes));
      const server = put(await startPrometheus(lanes.map(host), { interval, rules: [await ruleFile()] }));
      const watch = put(new Running(OA_BIN, ['watch', '--ndjson', '--base-url', door.base, '--every', '200ms', '--window', '5m', '--instances', '2'], { name: 'watch', env: cleanEnv({ OA_STREAM_STATE_DIR: scratch('state') }) }));
      const ticks = () => watch.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
      await watch.until(() => ticks().find((tick) => tick.instances.length === 2 && tick.instances.every((one) => one.window_s > 0)), 'both lanes');
      await server.eventually('count(count_over_time(oa_stream_ready[1m]) > 2)', (rows) => rows[0]?.value === 2);
      let left = TURNS; // some at once: what is under way tells least-conn the lanes apart
      await Promise.all(Array.from({ length: 4 }, async () => { while (left-- > 0) await chat(door.base, 'hello', { path: '/api/chat/stream' }).done; }));
      const want = await truth(lanes);
      assert.equal(want.all, TURNS);
      assert.ok(want.bad >= 1 && want.bad < TURNS, `${want.bad} of ${TURNS} reached the failing lane`);
      await server.eventually('sum(oa_stream_http_requests_total{method="POST",lane!="control"})', (rows) => rows[0]?.value === TURNS);
      await server.eventually('sum(oa_stream_terminal_total)', (rows) => rows[0]?.value === TURNS);

      const tick = await watch.until(() => ticks().find((one) => one.requests === TURNS && one.bad === want.bad && one.state === 'BAD'), 'all turns');
      assert.deepEqual(tick.guilty, ['r2']);
      assert.ok(ticks().every((one) => !(one.requests > TURNS) && !(one.bad > want.bad)), 'no request was made up');
      const scraped = (await oa(['watch', '--once', '--json', '--prometheus', server.base])).json();
      assert.deepEqual([scraped.requests, scraped.bad, scraped.state, scraped.guilty], [want.all, want.bad, 'BAD', ['r2']]);

      const sources = { Prometheus: ['--prometheus', server.base], logs: logs.flatMap((log) => ['--access-log', log]) };
      for (const [name, source] of Object.entries(sources)) {
        const gate = await oa(['slo', 'gate', GATE, '--window', '2m', '--json', ...source]);
        assert.deepEqual([gate.json().gate.n, gate.json().gate.bad, gate.json().verdict], [want.all, want.bad, 'FAIL'], `${name}: ${gate.stdout}`);
        const status = await oa(['slo', 'status', '--json', ...source]);
        const budget = status.json().checks.map((check) => check.data).find((data) => data?.total !== undefined);
        const off = budget.blur * 0.001 * budget.total; // how exact it says that it is, in requests
        assert.ok(Math.abs(budget.bad - want.bad) <= off && Math.abs(budget.total - want.all) <= off * want.all / want.bad, `${name}: ${budget.bad} of ${budget.total} ±${off}, not ${want.bad} of ${want.all}`);
        assert.ok(['FAIL', 'INCONCLUSIVE'].includes(status.json().verdict), status.stdout);
      }
      for (const [rule, count] of [['oa_stream:slo_all:increase5m', want.all], ['oa_stream:slo_bad:increase5m', want.bad]]) {
        await server.eventually(rule, (rows) => rows[0]?.value === count);
      }
      const shown = await dashboardSays(server); // increase() fills in at the window's ends, both alike
      assert.ok(Math.abs(shown.bad / shown.all - want.bad / want.all) < 0.005, JSON.stringify(shown));
      assert.ok(shown.all >= want.all * 0.9 && shown.all <= want.all * 1.5, JSON.stringify(shown));
    });
  }
}

beside('a new revision at the same address: watch names it alone, and the gate that it shows fails', { timeout: limit(240000) }, async (put) => {
  const at = `127.0.0.1:${await freePort()}`;
  const ask = (count) => Promise.all(Array.from({ length: count }, () => chat(`http://${at}`, 'hello', { path: '/api/chat/stream' }).done));
  const old = put(await startLane({ name: 'old', listen: at, args: ['--revision', 'r1'] }));
  const server = put(await startPrometheus([at], { interval }));
  const requests = 'sum(oa_stream_http_requests_total{method="POST",lane!="control"})';
  await server.eventually('count(count_over_time(oa_stream_ready[1m]) > 4)', (rows) => rows[0]?.value === 1);
  await ask(30);
  await server.eventually(`min_over_time(${requests}[3s:1s])`, (rows) => rows[0]?.value === 30);
  await old.stop();
  put(await startLane({ name: 'new', listen: at, args: ['--revision', 'r2', '--inject', 'error-rate=1'] }));
  await server.eventually(`${requests} and on () oa_stream_build_info{revision="r2"}`, (rows) => rows[0]?.value === 0);
  await server.eventually('count_over_time(oa_stream_build_info{revision="r2"}[1m]) > 12', (rows) => rows.length === 1); // the gate begins a little later
  await ask(25);
  await server.eventually(requests, (rows) => rows[0]?.value === 25);
  const watch = (...args) => oa(['watch', '--once', '--json', '--prometheus', server.base, '--window', '1m', ...args]);
  const both = (await watch()).json();
  assert.deepEqual([both.state, both.guilty], ['BAD', ['r2']], JSON.stringify(both));
  assert.deepEqual(both.revisions.map((one) => [one.revision, one.bad, one.requests]), [['r1', 0, 30], ['r2', 25, 25]]);
  const window = /--revision r2 --window (\d+s)$/.exec(both.next)?.[1];
  const gate = await oa(['slo', 'gate', GATE, '--prometheus', server.base, '--revision', 'r2', '--window', window ?? assert.fail(both.next)]);
  assert.equal(gate.code, 1, gate.stdout + gate.stderr);
  const one = (await watch('--revision', 'r2')).json();
  assert.deepEqual([one.state, one.bad, one.requests], ['BAD', 25, 25], JSON.stringify(one));
});

beside('an instance that is never reached: no view says OK without naming it', { timeout: limit(240000) }, async (put) => {
  const { lanes, logs } = await pair(put);
  const gone = `127.0.0.1:${await freePort()}`;
  const server = put(await startPrometheus([host(lanes[0]), gone], { interval }));
  await server.eventually('count(count_over_time(oa_stream_ready[1m]) > 2)', (rows) => rows[0]?.value === 1);
  for (const [kind, how] of [['haproxy', 'roundrobin'], ['nginx', 'leastconn']]) {
    const door = put(await startBalancer(kind, how, [lanes[0].base]));
    const busy = Promise.all(Array.from({ length: 40 }, () => chat(door.base, 'replay:01-echo', { path: '/api/chat/stream' }).done));
    const watch = await oa(['watch', '--base-url', door.base, '--every', '200ms', '--for', '4s', '--until', 'bad', '--instances', '2']);
    await busy;
    assert.equal(watch.code, 3, watch.stdout);
    assert.match(watch.stdout, /INCOMPLETE.* 1 of 2 instances answered/);
  }
  await server.eventually('sum(oa_stream_terminal_total)', (rows) => rows[0]?.value === 80);
  await sleep(500);
  const watch = await oa(['watch', '--once', '--prometheus', server.base]);
  assert.ok(watch.stdout.includes(`${gone} is down, and was not a lane within a day`), watch.stdout);
  for (const gate of [['slo', 'gate', 'bad: http_5xx | terminal_error <= 10%', '--window', '2m'], ['slo', 'status']]) {
    const run = await oa([...gate, '--prometheus', server.base]);
    assert.ok((run.stdout + run.stderr).includes(`${gone} is down`), `${gate[1]}: ${run.stdout}${run.stderr}`);
  }
  // The other replica's log is there, and empty: no user was ever written into it.
  fs.writeFileSync(logs[1], '');
  const logged = await oa(['slo', 'gate', 'bad: http_5xx | terminal_error <= 10%', '--window', '2m', ...logs.flatMap((log) => ['--access-log', log])]);
  assert.equal(logged.code, 3, logged.stdout);
  assert.ok((logged.stdout + logged.stderr).includes(logs[1]), logged.stdout + logged.stderr);
});
