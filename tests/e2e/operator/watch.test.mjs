// watch over real lanes: on a terminal (tmux, two sizes), as lines, as NDJSON, from a Prometheus. What
// is compared is what stands where, not how long something took.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';
import { OA_BIN, Running, childPids, cleanEnv, limit, oa, scratch, sleep } from '../lib/process.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';

const EVERY = ['--every', '200ms', '--window', '20s'];
/** Four at a time, each over a lane of its own: they wait for most of their time. */
const beside = sideBySide('watches', 4, () => startLane({ args: ['--revision', 'r42'] }));

const terminals = [];
after(() => { for (const one of terminals) one.end(); });

async function turns(base, count, prompt = 'scenario:words;n=2') {
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`${base}/api/chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
    });
    await answer.text();
  }
}

async function until(pick, what, ms = 60000) {
  const end = Date.now() + limit(ms);
  for (;;) {
    const got = await pick();
    if (got) return got;
    if (Date.now() > end) throw new Error(`no ${what}`);
    await sleep(50);
  }
}

/** watch in a terminal of that size: {screen(): lines, send(keys), exit()}. */
function terminal(args, { columns, rows, env = {} }) {
  const folder = scratch('tmux');
  const socket = path.join(folder, 's');
  const exit = path.join(folder, 'exit');
  const quote = (word) => `'${word}'`;
  const variables = { ...cleanEnv({ HOME: folder, TERM: 'screen-256color', LANG: 'C.UTF-8', OA_STREAM_STATE_DIR: folder }), ...env };
  // The shell stays: what is left on the screen after the end can be looked at.
  const script = path.join(folder, 'run.sh');
  fs.writeFileSync(script, `trap : INT\necho before-it\n${[OA_BIN, 'watch', ...args].map(quote).join(' ')}\necho "code $?" > ${quote(exit)}\necho after-it\nread forever\n`);
  const tmux = (...words) => execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...words], { encoding: 'utf8', env: variables });
  tmux('-u', 'new-session', '-d', '-x', String(columns), '-y', String(rows), `sh ${script}`);
  const self = {
    screen: () => tmux('capture-pane', '-p').split('\n'),
    coloured: () => tmux('capture-pane', '-p', '-e'),
    cursor: () => tmux('display-message', '-p', '#{cursor_flag} #{alternate_on}').trim(),
    history: () => tmux('capture-pane', '-p', '-S', '-200'),
    send: (keys) => tmux('send-keys', keys),
    pid: () => Number(tmux('list-panes', '-F', '#{pane_pid}').trim()),
    resize: (x, y) => tmux('resize-window', '-x', String(x), '-y', String(y)),
    exit: () => until(() => fs.existsSync(exit) && /code (\d+)\n/.exec(fs.readFileSync(exit, 'utf8'))?.[1], 'exit'),
    end: () => spawnSync('tmux', ['-S', socket, 'kill-server']),
  };
  terminals.push(self);
  return self;
}

for (const [columns, rows] of [[80, 24], [140, 40]]) {
  beside(`a terminal of ${columns}×${rows} shows the whole of it, and is left as it was`, async (lane) => {
    const shown = terminal(['--base-url', lane.base, ...EVERY], { columns, rows });
    await until(() => shown.screen().some((line) => /NO TRAFFIC/.test(line)), 'first frame');
    assert.equal(shown.cursor(), '0 0', 'cursor hidden, no alternate screen');
    await turns(lane.base, 3);
    const lines = await until(() => {
      const now = shown.screen();
      return /^OK /.test(now[0]) && now.some((line) => /completed 3 /.test(line)) && now.some((line) => /^active +0 /.test(line)) && now;
    }, 'the three turns on the screen');
    const at = (pattern) => {
      const index = lines.findIndex((line) => pattern.test(line));
      assert.notEqual(index, -1, `${pattern}\n${lines.join('\n')}`);
      return index;
    };
    const order = [/^OK {2}\d\d:\d\d:\d\dZ/, /r42 {2}ready {2}\d+\.\ds old/, /^route .*req\/s.*5xx\/s.*turns\/s.*p50.*p95.*p99/, /^\/api\/chat\/stream .*\d\.\d +0\.0 +\d+\.\d +.*ms/, /^endings +completed 3 .*others 0/, /^rejected +none of \d+ kinds/, /^active +0 streams/, /^budget +99\.9%: left 100% \(since its start\) +burn 0\.0x/, /^events/, /OK/].map(at);
    assert.deepEqual(order.slice(0, 9), order.slice(0, 9).toSorted((a, b) => a - b), 'from top to bottom');
    assert.ok(lines.every((line) => [...line].length < columns));
    assert.ok(shown.coloured().includes('\x1b[32m'), 'coloured where the terminal can');
    shown.send('C-c');
    assert.equal(await shown.exit(), '0');
    const left = await until(() => { const now = shown.screen(); return now.some((line) => /after-it/.test(line)) && now; }, 'the shell');
    assert.equal(shown.cursor(), '1 0', 'cursor visible again');
    assert.ok(left.some((line) => /^OK /.test(line)), 'the last frame stays');
    assert.ok(left.findIndex((line) => /after-it/.test(line)) > left.findIndex((line) => /^budget/.test(line)), 'and the shell goes on below it');
    assert.match(shown.history(), /before-it/, 'what stood there was scrolled, not lost');
  });
}

beside('a resized terminal is drawn anew; without colour there is none; SIGTERM leaves it whole', async (lane) => {
  const shown = terminal(['--base-url', lane.base, ...EVERY], { columns: 140, rows: 40, env: { NO_COLOR: '1' } });
  await until(() => shown.screen().some((line) => /^route/.test(line)), 'first frame');
  shown.resize(60, 16);
  await until(() => { const now = shown.screen(); return now.length <= 17 && /^(OK|NO TRAFFIC)/.test(now[0]) && now.every((line) => [...line].length < 60) && now; }, 'the smaller frame');
  assert.ok(!/\x1b\[[0-9;]*3[0-9]m/.test(shown.coloured()));
  process.kill(childPids(shown.pid())[0], 'SIGTERM');
  assert.equal(await shown.exit(), '143');
  assert.equal(shown.cursor(), '1 0');
});

beside('NDJSON: a line a tick; what is missing is null; a lane that goes away is not healthy', async (lane) => {
  const other = await startLane({ name: 'other', args: ['--revision', 'r43'] });
  const run = new Running(OA_BIN, ['watch', '--ndjson', '--base-url', lane.base, '--base-url', other.base, ...EVERY], { name: 'watch' });
  const ticks = () => run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  const last = (pick, what) => run.until(() => ticks().find(pick), what);
  await last((tick) => tick.window_s > 0, 'rates');
  await turns(lane.base, 2);
  await turns(other.base, 2);
  const both = await last((tick) => tick.requests >= 4, 'the turns of both lanes, added up');
  assert.equal(both.schema, 'oa-stream.watch.v1');
  assert.equal(both.state, 'OK');
  assert.deepEqual(both.sources.map((one) => one.revision), ['r42', 'r43']);
  assert.equal(both.split, null);
  assert.ok(both.routes.find((one) => one.route === '/api/chat/stream').first_content_p95_s > 0);
  assert.equal(both.routes.find((one) => one.route === '/v1/chat/completions').first_content_p95_s, null);
  const pid = other.pid;
  await other.kill();
  const gone = await last((tick) => tick.state === 'UNREACHABLE', 'the missing lane');
  assert.match(gone.why[0], /unreachable: .*numbers are \d+s old/);
  assert.equal(gone.sources[1].ready, null);
  const told = ticks().flatMap((tick) => tick.events.map((event) => ({ ...event, tick })));
  assert.ok(told.every((event) => event.at === event.tick.at));
  assert.equal(told.filter((event) => /^UNREACHABLE: /.test(event.text)).length, 1, 'each once, on the line that follows');
  assert.ok(told.find((event) => /^UNREACHABLE: /.test(event.text)).tick.state === 'UNREACHABLE');
  assert.ok(pid > 0);
  run.signal('SIGINT');
  assert.equal((await run.end()).code, 0);
});

beside('a watch that nohup began goes on when its terminal goes', async (lane) => {
  const run = new Running('/bin/sh', ['-c', 'trap "" HUP; exec "$@"', 'sh', OA_BIN, 'watch', '--ndjson', '--base-url', lane.base, ...EVERY], { name: 'watch' });
  const lines = () => run.stdout.split('\n').length - 1;
  await run.until(() => lines() > 0, 'a line');
  run.signal('SIGHUP');
  const then = lines();
  await run.until(() => lines() > then + 2, 'further lines');
  run.signal('SIGINT');
  assert.equal((await run.end()).code, 0);
});

beside('a watch ends when its reader left, and with 4 when the disk is full', async (lane) => {
  const piped = async (script, ...more) => {
    const run = new Running('bash', ['-c', `set -o pipefail; ${script}`, OA_BIN, 'watch', '--base-url', lane.base, ...EVERY, ...more], { name: 'watch' });
    const { code } = await run.end();
    return { code, stdout: run.stdout, stderr: run.stderr };
  };
  for (const form of [['--ndjson'], []]) {
    const left = await piped('"$0" "$@" | head -n 2', ...form);
    assert.equal(left.code, 0, left.stderr);
    assert.equal(left.stdout.trim().split('\n').length, 2);
    const full = await piped('exec "$0" "$@" >/dev/full', ...form);
    assert.equal(full.code, 4, full.stderr);
    assert.match(full.stderr, /standard output: No space left on device/);
  }
  const guard = await piped('"$0" "$@" | head -n 1', '--until', 'bad', '--for', '2s', '--stale-after', '1ms');
  assert.equal(guard.stdout.trim().split('\n').length, 1);
  assert.equal(guard.code, 3, 'a guard still looks for its exit code: old numbers prove nothing');
});

beside('a lane that takes its time to answer is as it was until then', async (lane) => {
  let slow = false, scrapes = 0;
  const door = http.createServer((request, response) => {
    const on = () => request.pipe(http.request(lane.base + request.url, { headers: request.headers }, (answer) => { response.writeHead(answer.statusCode, answer.headers); answer.pipe(response); }).on('error', () => response.destroy()));
    scrapes += slow ? 1 : 0;
    setTimeout(on, slow ? 700 : 0);
  });
  await new Promise((done) => door.listen(0, '127.0.0.1', done));
  const run = new Running(OA_BIN, ['watch', '--ndjson', '--base-url', `http://127.0.0.1:${door.address().port}`, ...EVERY, '--timeout', '20s'], { name: 'watch' });
  const ticks = () => run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  await run.until(() => ticks().some((tick) => tick.window_s > 0), 'rates');
  slow = true;
  await run.until(() => scrapes > 4, 'slow answers');
  run.signal('SIGINT');
  assert.equal((await run.end()).code, 0);
  assert.deepEqual([...new Set(ticks().filter((tick) => tick.window_s > 0).map((tick) => tick.state))], ['NO TRAFFIC']);
  door.closeAllConnections();
  door.close();
});

beside('a lane that began anew counts from zero, and that is told', async (lane) => {
  const address = await startLane({ name: 'first' });
  const listen = address.base.replace('http://', '');
  await turns(address.base, 5);
  const run = new Running(OA_BIN, ['watch', '--ndjson', '--base-url', address.base, ...EVERY], { name: 'watch' });
  const ticks = () => run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  await run.until(() => ticks().some((tick) => tick.window_s > 0), 'rates');
  await address.stop();
  await run.until(() => ticks().some((tick) => tick.state === 'UNREACHABLE'), 'the gap');
  const again = await startLane({ name: 'again', listen });
  await turns(again.base, 2);
  const tick = await run.until(() => ticks().find((one) => one.state !== 'UNREACHABLE' && one.requests >= 2), 'the turns of the new process');
  assert.ok(tick.requests <= 2, `${tick.requests}`);
  run.signal('SIGINT');
  await run.end();
  await again.stop();
});

beside('the last numbers of a lane that went away stay, with their age', async () => {
  const address = await startLane({ name: 'leaves' });
  const run = new Running(OA_BIN, ['watch', '--ndjson', '--base-url', address.base, '--every', '200ms', '--window', '1s', '--stale-after', '1s'], { name: 'watch' });
  const ticks = () => run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  await run.until(() => ticks().some((tick) => tick.window_s > 0), 'rates');
  await address.stop();
  const gone = await run.until(() => ticks().find((tick) => tick.state === 'UNREACHABLE' && (tick.sources[0].age_s ?? Infinity) > 2), 'numbers older than window and --stale-after');
  assert.match(gone.why[0], /numbers are \d+s old/);
  run.signal('SIGINT');
  await run.end();
});

beside('a renewed token that was refused once is offered again', async (lane) => {
  const token = path.join(scratch('token'), 'token');
  fs.writeFileSync(token, 'watching-first', { mode: 0o600 });
  let takes = 'watching-first';
  const door = http.createServer(async (request, answer) => {
    const taken = request.headers.authorization === `Bearer ${takes}`;
    answer.writeHead(taken ? 200 : 401).end(taken ? await (await fetch(lane.base + request.url)).text() : '');
  });
  await new Promise((done) => door.listen(0, '127.0.0.1', done));
  const run = new Running(OA_BIN, ['watch', '--ndjson', '--base-url', `http://127.0.0.1:${door.address().port}`, '--auth', `file:${token}`, '--every', '200ms'], { name: 'watch' });
  const now = () => run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line)).at(-1)?.state;
  await run.until(() => now() && now() !== 'UNREADABLE', 'numbers');
  for (const renewed of [true, false]) {
    takes = 'none';
    await run.until(() => now() === 'UNREADABLE', 'the refusal');
    if (renewed) fs.writeFileSync(token, 'watching-second');
    takes = 'watching-second';
    await run.until(() => now() !== 'UNREADABLE', 'numbers again');
  }
  run.signal('SIGINT');
  await run.end();
  door.closeAllConnections();
  door.close();
});

beside('--until bad ends with 1 at a breach, and with 0 when its time is over without one', async (lane) => {
  const bad = await startLane({ name: 'bad', args: ['--inject', 'error-rate=1'] });
  const args = ['--base-url', bad.base, '--every', '200ms', '--until', 'bad', '--for', '20s'];
  const run = new Running(OA_BIN, ['watch', ...args], { name: 'watch' });
  await run.until(() => /NO TRAFFIC/.test(run.stdout), 'first line');
  await turns(bad.base, 25, 'hello');
  assert.equal((await run.end()).code, 1);
  assert.match(run.stdout, /BAD .*\d+ of \d+ requests bad \(100%\), limit 1%/);
  await bad.stop();
  const calm = new Running(OA_BIN, ['watch', '--base-url', lane.base, '--every', '200ms', '--for', '8s', '--fail-fast'], { name: 'watch' });
  await calm.until(() => /NO TRAFFIC|OK/.test(calm.stdout), 'first line');
  await turns(lane.base, 3);
  assert.equal((await calm.end()).code, 0, calm.stdout);
  assert.ok(calm.stdout.trim().split('\n').length >= 2, 'a plain line a tick where there is no terminal');
});

beside('a guard that saw nothing, or only old numbers, is not green', async (lane) => {
  const quiet = await startLane({ name: 'quiet' });
  const args = ['watch', '--base-url', quiet.base, '--every', '200ms', '--for', '3s'];
  const idle = await oa([...args, '--until', 'bad']);
  assert.match(idle.stdout, /NO TRAFFIC/);
  assert.equal(idle.code, 3, idle.stdout);
  assert.match(idle.stderr, /^INCONCLUSIVE no traffic in the window, so nothing was judged$/m);
  const old = await oa([...args, '--until', 'bad', '--stale-after', '1ms']);
  assert.match(old.stdout.trim().split('\n').at(-1), /STALE/);
  assert.equal(old.code, 3);
  assert.match(old.stderr, /^INCONCLUSIVE the last look was STALE, so nothing was judged$/m);
  assert.equal((await oa(args)).code, 0, 'who only watched asked no question');
  await quiet.stop();
});

/** One look, with turns that go on meanwhile, three at once: one after the other they are too few to judge where the machine is busy. */
async function during(base, args, prompt, more) {
  const look = oa(['watch', '--base-url', base, '--every', '1s', ...args], more);
  let over = false;
  look.finally(() => { over = true; });
  await Promise.all([1, 2, 3].map(async () => { while (!over) await turns(base, 1, prompt); }));
  return await look;
}

beside('--once on a lane that fails is FAIL and 1, as text and as a document', async (lane) => {
  const bad = await startLane({ name: 'bad-once', args: ['--inject', 'error-rate=1'] });
  const text = await during(bad.base, ['--once'], 'hello');
  assert.match(text.stdout, /^BAD /);
  assert.equal(text.code, 1);
  const report = await during(bad.base, ['--once', '--json'], 'hello');
  assert.equal(report.json().state, 'BAD');
  assert.equal(report.json().verdict, 'FAIL');
  assert.equal(report.code, 1);
  await bad.stop();
});

beside('a lane that fails while an open run moved its users: the rollback is what to do next', async () => {
  const bad = await startLane({ name: 'bad-moved', args: ['--inject', 'error-rate=1'] });
  const stateDir = scratch('moved'), id = '20260222T043600Z-cutover-0a1b2c3d', folder = path.join(stateDir, 'runs', id);
  fs.mkdirSync(folder, { recursive: true });
  const plan = {
    schema: 'oa-stream.plan.v1', target: 'front', source: { file: 'c.yaml' },
    playbook: { target: { base_url: bad.base }, traffic: { stable: 'v1', canary: 'v2' } }, steps: [{ id: 'shift@50%', mutates: true }],
  };
  fs.writeFileSync(path.join(folder, 'plan.json'), JSON.stringify(plan));
  const to = { v1: 50, v2: 50 };
  const journal = [{ phase: 'begin', to: { v1: 100, v2: 0 } }, { phase: 'intent', step: 'shift@50%', to }, { phase: 'done', step: 'shift@50%', to }];
  fs.writeFileSync(path.join(folder, 'journal.ndjson'), journal.map((one, i) => `${JSON.stringify({ seq: i + 1, at: '2026-02-22T04:36:00Z', ...one })}\n`).join(''));
  const look = (await during(bad.base, ['--once', '--json'], 'hello', { stateDir })).json();
  assert.equal(look.state, 'BAD');
  assert.match(look.next, new RegExp(`^oa-stream rollback apply --run ${id}`));
  fs.rmSync(folder, { recursive: true }); // the schemas ask for a whole run
  await bad.stop();
});

beside('--once: one look; nobody there is no success', async (lane) => {
  const quiet = await oa(['watch', '--once', '--base-url', lane.base, '--every', '300ms']);
  assert.equal(quiet.code, 3);
  assert.match(quiet.stdout, /^NO TRAFFIC /);
  const once = await during(lane.base, ['--once']);
  assert.equal(once.code, 0, once.stdout);
  assert.match(once.stdout, /^OK /);
  assert.doesNotMatch(once.stdout, /\x1b/);
  const document = (await during(lane.base, ['--once', '--json'])).json();
  assert.equal(document.verdict, 'PASS');
  assert.deepEqual(document.events, []);
  for (const member of ['verdict', 'run', 'evidence', 'checks', 'state']) assert.ok(member in document, member);
  const nobody = await oa(['watch', '--once', '--base-url', 'http://127.0.0.1:9', '--every', '200ms']);
  assert.equal(nobody.code, 4);
  assert.match(nobody.stdout, /^UNREACHABLE/);
  assert.match(nobody.stdout, /no numbers ever came/);
  assert.match(nobody.stdout, /active +– streams/);
  // An older program serves here, or a proxy: it answers, and not with a lane's numbers.
  const other = http.createServer((request, response) => { response.statusCode = request.url === '/metrics' ? 200 : 404; response.end(request.url === '/metrics' ? '<html>' : ''); });
  await new Promise((done) => other.listen(0, '127.0.0.1', done));
  const there = `http://127.0.0.1:${other.address().port}`;
  const below = await oa(['watch', '--once', '--base-url', `${there}/api`, '--every', '200ms']);
  assert.equal(below.code, 4);
  assert.match(below.stdout, /^UNREADABLE/);
  assert.match(below.stderr, new RegExp(`ERROR ${there}/api answers, but not with a lane's numbers: .*HTTP 404.* next: oa-stream watch --base-url ${there} --every 200ms --once`));
  const page = await oa(['watch', '--once', '--base-url', there, '--every', '200ms']);
  assert.equal(page.code, 4);
  assert.match(page.stderr, new RegExp(`next: oa-stream smoke stream --base-url ${there}`));
  await new Promise((done) => other.close(done));
  const unreached = await oa(['watch', '--once', '--json', '--base-url', 'http://127.0.0.1:9', '--every', '200ms']);
  assert.equal(unreached.code, 4);
  assert.equal(unreached.json().sources[0].ready, null);
});

beside('from a Prometheus: the same numbers, and a target that is down is not healthy', async (lane) => {
  const seen = await startLane({ name: 'scraped', args: ['--revision', 'r7'] });
  const server = await startPrometheus([seen.base.replace('http://', '')]);
  await server.eventually('oa_stream_build_info', (rows) => rows.length === 1);
  const run = new Running(OA_BIN, ['watch', '--ndjson', '--prometheus', server.base, '--every', '300ms', '--window', '30s'], { name: 'watch' });
  const ticks = () => run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  const last = (pick, what) => run.until(() => ticks().find(pick), what, 60000);
  await last((tick) => tick.sources[0].revision === 'r7' && tick.state === 'NO TRAFFIC', 'a first look');
  await turns(seen.base, 6);
  const tick = await last((one) => one.requests >= 3, 'the turns');
  assert.equal(tick.state, 'OK');
  assert.equal(tick.bad, 0);
  assert.equal(typeof tick.sources[0].age_s, 'number');
  assert.ok(tick.sources[0].age_s < 15);
  assert.ok(tick.routes.find((one) => one.route === '/api/chat/stream').first_content_p95_s > 0);
  assert.equal(tick.budget.left, 1);
  assert.equal(tick.budget.window, '30d');
  await seen.kill();
  const down = await last((one) => one.state !== 'OK' && one.at > tick.at, 'the dead target');
  assert.ok(['NOT READY', 'UNREADABLE', 'STALE'].includes(down.state), down.state);
  await last((one) => /1 target is down|knows no lane/.test(one.sources[0].state), 'why');
  await server.kill();
  await last((one) => one.state === 'UNREACHABLE' && /unreachable: .*refused/.test(one.sources[0].state), 'the dead Prometheus');
  run.signal('SIGINT');
  assert.equal((await run.end()).code, 0);
});

beside('--once reads a lane for as long as --window says, and does not wait for one that is away', async (lane) => {
  const look = (await oa(['watch', '--once', '--json', '--base-url', lane.base, '--every', '200ms', '--window', '2s'])).json();
  assert.ok(look.window_s > 1.9, `covers ${look.window_s} s`);
  const away = await oa(['watch', '--once', '--base-url', 'http://127.0.0.1:9', '--every', '200ms', '--window', '1h']);
  assert.equal(away.code, 4);
});

beside('--once goes on reading a lane that misses one answer', async (lane) => {
  let scrapes = 0;
  const door = http.createServer((request, response) => {
    scrapes += request.url === '/metrics' ? 1 : 0;
    if (request.url === '/metrics' && scrapes === 9) { // the second look: the first makes eight
      response.writeHead(503).end();
      return;
    }
    http.get(lane.base + request.url, (answer) => { response.writeHead(answer.statusCode, answer.headers); answer.pipe(response); }).on('error', () => response.destroy());
  });
  await new Promise((done) => door.listen(0, '127.0.0.1', done));
  const look = (await oa(['watch', '--once', '--json', '--base-url', `http://127.0.0.1:${door.address().port}`, '--every', '200ms', '--window', '2s'])).json();
  assert.ok(scrapes > 9, `${scrapes} scrapes`);
  assert.equal(look.sources[0].reachable, true);
  assert.ok(look.window_s > 1.9, `covers ${look.window_s} s`);
  door.closeAllConnections();
  await new Promise((done) => door.close(done));
});

beside('a lane that two addresses lead to counts once; a revision that no lane has is named', async (lane) => {
  const same = ['--base-url', lane.base.replace('127.0.0.1', 'localhost'), '--once', '--json'];
  const twice = (await during(lane.base, same)).json();
  assert.equal(twice.sources.length, 2);
  assert.equal(twice.instances.length, 1);
  assert.equal(twice.requests, twice.instances[0].requests);
  const none = (await oa(['watch', '--base-url', lane.base, '--revision', 'r43', '--once', '--json'])).json();
  assert.deepEqual([none.state, none.why, none.verdict], ['MISSING', ['no lane is of revision r43'], 'INCONCLUSIVE']);
});

beside('headers reach a Prometheus, too', async () => {
  const seen = [];
  const server = http.createServer((request, response) => { seen.push(request.headers['x-scope-orgid']); response.end('{}'); });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  await oa(['watch', '--once', '--prometheus', `http://127.0.0.1:${server.address().port}`, '--header', 'X-Scope-OrgID: team-a']);
  server.closeAllConnections();
  server.close();
  assert.ok(seen.length > 0);
  assert.deepEqual([...new Set(seen)], ['team-a']);
});

beside('a target that left service discovery has ended, and is not missed once the window is over it', async () => {
  const lanes = await Promise.all(['stays', 'leaves'].map((name) => startLane({ name, args: ['--revision', 'r7'] })));
  const file = path.join(scratch('discovery'), 'targets.json');
  const list = (some) => fs.writeFileSync(file, JSON.stringify([{ targets: some.map((lane) => new URL(lane.base).host) }]));
  list(lanes);
  const server = await startPrometheus([], { scrape: { file_sd_configs: [{ files: [file], refresh_interval: '200ms' }] } });
  await server.eventually('count(up == 1)', (rows) => rows[0]?.value === 2);
  for (const lane of lanes) await turns(lane.base, 4);
  await server.eventually('min(sum by (instance) (oa_stream_http_requests_total{method="POST"}))', (rows) => rows[0]?.value >= 4);
  const look = async (window, ...more) => (await oa(['watch', '--once', '--json', '--prometheus', server.base, '--window', window, ...more])).json();
  const states = ({ instances }) => instances.map((one) => [one.name, one.state]).sort();
  const [stays, leaves] = lanes.map((lane) => new URL(lane.base).host);
  list(lanes.slice(0, 1));
  await server.eventually('count(up)', (rows) => rows[0]?.value === 1);
  const left = await look('1m', '--instances', '2');
  assert.equal(left.state, 'INCOMPLETE', JSON.stringify(left.why));
  assert.match(left.why.join(), /1 of 2 instances are scraped/);
  assert.deepEqual(states(left), [[stays, 'up'], [leaves, 'ended']].sort());
  assert.equal(left.requests, 8);
  const brief = `${limit(12)}s`;
  await server.eventually(`count(count_over_time(oa_stream_active_streams[${brief}]))`, (rows) => rows[0]?.value === 1);
  await turns(lanes[0].base, 4);
  await server.eventually(`sum(increase(oa_stream_http_requests_total{method="POST"}[${brief}]))`, (rows) => rows[0]?.value > 0);
  const over = await look(brief);
  assert.equal(over.state, 'OK', JSON.stringify(over.why));
  assert.deepEqual(states(over), [[stays, 'up']]);
  await Promise.all([server.kill(), ...lanes.map((lane) => lane.kill())]);
});

beside('a busy Prometheus has ten seconds, or what --timeout says', async (lane) => {
  const seen = await startLane({ name: 'busy' });
  const server = await startPrometheus([seen.base.replace('http://', '')]);
  await server.eventually('oa_stream_build_info', (rows) => rows.length === 1);
  let late = true;
  const busy = http.createServer((request, response) => {
    const on = () => request.pipe(http.request(server.base + request.url, { method: request.method, headers: request.headers }, (answer) => { response.writeHead(answer.statusCode, answer.headers); answer.pipe(response); }).on('error', () => response.destroy())); // nobody waits any more
    setTimeout(on, late ? 4000 : 0);
    late = false;
  });
  await new Promise((done) => busy.listen(0, '127.0.0.1', done));
  const there = `http://127.0.0.1:${busy.address().port}`;
  const waited = await oa(['watch', '--once', '--prometheus', there]);
  assert.equal(waited.code, 3, waited.stdout);
  assert.match(waited.stdout, /^NO TRAFFIC/);
  late = true;
  const hasty = await oa(['watch', '--once', '--prometheus', there, '--timeout', '500ms']);
  assert.equal(hasty.code, 4, hasty.stdout);
  assert.match(hasty.stdout, /unreachable: [^(]+\(at most 500ms, --timeout\)/);
  busy.closeAllConnections();
  await new Promise((done) => busy.close(done));
  await server.stop();
  await seen.stop();
});

beside('a Prometheus that dropped a series, or that scrapes twice for its replicas, tells no better numbers', async (lane) => {
  const seen = await startLane({ name: 'relabelled' });
  const targets = [seen.base.replace('http://', '')];
  const [dropping, twice] = await Promise.all([
    startPrometheus(targets, { scrape: { metric_relabel_configs: [{ source_labels: ['__name__'], regex: 'oa_stream_terminal_total', action: 'drop' }] } }),
    startPrometheus(targets, { scrape: { static_configs: ['a', 'b'].map((replica) => ({ targets, labels: { replica } })) } }),
  ]);
  await Promise.all([dropping, twice].map((one) => one.eventually('oa_stream_build_info', (rows) => rows.length >= 1)));
  await turns(seen.base, 20);
  for (const one of [dropping, twice]) {
    await one.eventually('sum(max without (replica) (oa_stream_http_requests_total{method="POST"}))', (rows) => rows[0]?.value >= 20);
    await one.eventually('min(count_over_time(oa_stream_active_streams[5m]))', (rows) => rows[0]?.value >= 20); // increase() makes up half of two scrapes, little of twenty
  }
  const look = async (one) => await oa(['watch', '--once', '--json', '--prometheus', one.base]);
  const dropped = await look(dropping);
  assert.equal(dropped.code, 3, dropped.stdout);
  const { state, bad, budget, requests, why } = dropped.json();
  assert.deepEqual([state, bad, budget.left, budget.burn], ['MISSING', null, null, null]);
  assert.ok(requests >= 20);
  assert.match(why[0], /not reported: adapter_preview_unavailable, codex_error, turn_aborted, turn_failed/);
  const doubled = await look(twice);
  assert.equal(doubled.json().state, 'OK', doubled.stdout);
  assert.equal(doubled.code, 0);
  assert.ok(doubled.json().requests >= 20 && doubled.json().requests < 30, `${doubled.json().requests}`);
  assert.equal(doubled.json().active_streams, 0);
  await Promise.all([dropping.kill(), twice.kill()]);
  await seen.kill();
});

beside('what is no lane is unreadable, not healthy', async (lane) => {
  for (const body of ['<html>hello</html>', 'up 1\n', 'oa_stream_active_streams not-a-number\n']) {
    const server = http.createServer((_, answer) => answer.end(body));
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const run = await oa(['watch', '--once', '--base-url', `http://127.0.0.1:${server.address().port}`, '--every', '200ms']);
    server.closeAllConnections();
    server.close();
    assert.equal(run.code, 4, run.stdout);
    assert.match(run.stdout, /unreadable/);
  }
});

beside('what makes no sense is refused', async (lane) => {
  for (const args of [[], ['--base-url', lane.base, '--prometheus', 'http://127.0.0.1:9'], ['--base-url', lane.base, '--every', '1ms'], ['--base-url', lane.base, '--until', 'good'], ['--base-url', lane.base, '--objective', '100%'], ['--base-url', lane.base, '--once', '--ndjson'], ['--base-url', lane.base, '--once', '--for', '1s'], ['--base-url', lane.base, '--json', '--for', '1s', '--until', 'bad'], ['--base-url', 'http://user:pass@127.0.0.1:9'], ['--prometheus', 'http://127.0.0.1:9', '--match', 'job="a" b="c"']]) {
    const run = await oa(['watch', ...args]);
    assert.equal(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
  }
});
