// `oa-stream serve` as a process: its flags, its files and its signals.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { requestLines, startLane, tokenLine } from '../lib/lane.mjs';
import { OA_BIN, Running, cleanEnv, limit, oa, scratch, sleep } from '../lib/process.mjs';

const LONG = 'replay:44-compact-manual'; // any recording will do: the fault makes it slow
const slow = ['--inject', 'slow=1000'];
const bearer = (token) => ({ authorization: `Bearer ${token}` });

/** Asks until the answer has the status; a signal is taken some time after it was sent. */
async function becomes(base, path, status) {
  const end = Date.now() + limit(15000);
  for (;;) {
    const answer = await send(base, { path });
    if (answer.status === status) return answer;
    assert.ok(Date.now() < end, `${path} stays ${answer.status}`);
    await sleep(20);
  }
}

test('what makes no sense is refused with exit 2 and one line', async () => {
  const rows = [
    [['--authority', 'worker'], /--worker-control: .*needs the URL of the control API/],
    [['--authority', 'worker', '--worker-control', 'http://control.example'], /--worker-control: .*in the clear/],
    [['--authority', 'worker', '--worker-control', 'https://c.example', '--khala-url', 'http://k'], /--khala-url: .*wss/],
    [['--authority', 'worker', '--worker-control', 'https://c.example', '--worker-auth', 'secret'], /--worker-auth: .*env:NAME/],
    [['--authority', 'nobody'], /--authority.*codex or replay or worker/],
    [['--authority', 'replay', '--listen', '0.0.0.0:0'], /reachable from elsewhere.*--tokens/],
    [['--authority', 'replay', '--listen', 'nonsense'], /HOST:PORT/],
    [['--authority', 'replay', '--pace', 'fast'], /pace|fast/],
    [['--authority', 'replay', '--lane', 'broken'], /--lane.*on, retired or off/],
    [['--authority', 'replay', '--compat', 'maybe'], /optional or required/],
    [['--authority', 'replay', '--heartbeat', '15'], /--heartbeat/],
    [['--authority', 'replay', '--limit', 'stream=5'], /streams/],
    [['--authority', 'replay', '--limit', 'streams=0'], /--limit: streams/],
    [['--authority', 'replay', '--limit', 'idle=0s'], /--limit: idle: 0s is too short \(there is no value for 'no limit'/],
    [['--authority', 'codex', '--inject', 'error-rate=1'], /only be injected into --authority replay/],
    [['--authority', 'replay', '--tokens', '/nowhere/tokens'], /tokens/],
  ];
  for (const [args, says] of rows) {
    const run = await oa(['serve', ...args]);
    assert.equal(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
    assert.match(run.stderr, says);
    assert.equal(run.stderr.trim().split('\n').length, 1, run.stderr);
  }
});

test('options of a store without a store are refused: a lane must not be alone because a line was lost', async () => {
  const serve = ['serve', '--authority', 'replay', '--listen', '127.0.0.1:0'];
  const folder = scratch('alone'), config = path.join(folder, 'config.yaml');
  fs.writeFileSync(config, 'version: 1\nserve: { store-prefix: mine }\n');
  for (const [option, args, env, what = 'it'] of [
    ['--replica-name', [...serve, '--replica-name', 'a']],
    ['--store-password', [...serve, '--store-password', 'env:STORE_PASSWORD'], { STORE_PASSWORD: 'x' }],
    ['--store-ca', [...serve, '--store-ca', '/nonexistent']],
    ['--store-user', serve, { OA_STREAM_SERVE_STORE_USER: 'lane' }],
    ['--store-prefix', ['--config', config, ...serve]],
    ['--drain-notice', [...serve, '--drain-notice', '9s']],
    ['--limit', [...serve, '--limit', 'lease=10s'], {}, 'lease'],
    ['--limit', serve, { OA_STREAM_SERVE_LIMIT: 'responses-kept=1h' }, 'responses-kept'],
    ['--store-user', ['doctor', '--store-user', 'lane']],
    ['--store-ca', ['cutover', 'rehearse', '--local', '--store-ca', '/nonexistent']],
  ]) {
    const run = await oa(args, { env });
    assert.equal(run.code, 2, `${option}: ${run.stderr}`);
    // Of the environment or a file, the place stands behind the option.
    assert.match(run.stderr, new RegExp(`^oa-stream: ${option}( \\([^)]+\\))?: ${what} needs --store \\(--store redis://127\\.0\\.0\\.1:6379, or leave it out\\)\n$`));
  }
  const plain = await oa([...serve, '--store', 'redis://127.0.0.1:1', '--store-ca', '/nonexistent']);
  assert.equal(plain.code, 2, plain.stderr);
  assert.match(plain.stderr, /^oa-stream: --store-ca: it needs TLS, which redis:\/\/127\.0\.0\.1:1 does not use/);
});

test('a token of nothing but white space is refused: nobody could send it', async () => {
  for (const blank of [' ', '\t\n', '\u00a0\u00a0', ' \u2003\u3000']) {
    const run = await oa(['serve', '--authority', 'replay'], { env: { OA_STREAM_TOKEN: blank } });
    assert.equal(run.code, 2, run.stderr);
    assert.match(run.stderr, /OA_STREAM_TOKEN: it holds nothing but white space/);
  }
  for (const broken of ['secret\n', ' secret', 'two words']) {
    const run = await oa(['serve', '--authority', 'replay'], { env: { OA_STREAM_TOKEN: broken } });
    assert.equal(run.code, 2, run.stderr);
    assert.match(run.stderr, /OA_STREAM_TOKEN: it has white space in it/);
    assert.doesNotMatch(run.stderr, /secret|words/);
  }
});

test('the ready file says where, and the last line of a quiet start is the address', async () => {
  const lane = await startLane({ args: ['--revision', 'rev-7'] });
  const ready = JSON.parse(fs.readFileSync(path.join(lane.folder, 'ready'), 'utf8'));
  assert.equal(ready.url, lane.base);
  assert.equal(ready.pid, lane.pid);
  assert.equal(ready.revision, 'rev-7');
  await lane.until((l) => l.stderr.includes(`listening on ${lane.base}\n`), 'the address'); // said after the ready file
  assert.match(lane.stderr, /no tokens configured/);
  const version = (await send(lane.base, { path: '/version' })).json();
  assert.equal(version.revision, 'rev-7');
  assert.equal(version.authority.name, 'replay');
  assert.equal((await lane.stop()).code, 0);
});

test('SIGTERM: a live stream may end by itself, new ones are refused, and the exit is 0', async () => {
  const lane = await startLane({ pace: 'x0.2' });
  const running = chat(lane.base, 'replay:02-text-paced');
  await running.frame('text-delta');
  lane.signal('SIGTERM');
  await lane.until((l) => /draining 1 turn,/.test(l.stderr), 'the drain');
  await running.done;
  assertLegal(running);
  assert.ok(read(running).finish, 'a whole answer');
  assert.equal((await lane.end()).code, 0);
});

test('SIGTERM: what does not end in time gets a proper error ending, within the time', async () => {
  const lane = await startLane({ pace: 'recorded', args: ['--drain-timeout', '2s', ...slow] });
  const running = chat(lane.base, LONG);
  await running.frame('start-step');
  const began = Date.now();
  lane.signal('SIGTERM');
  await running.done;
  assertOneError(running, { code: 'turn_aborted', retryable: true });
  assert.equal((await lane.end()).code, 0);
  assert.ok(Date.now() - began < limit(6000), `${Date.now() - began} ms`);
  assert.equal(requestLines(lane).at(-1).terminal, 'turn_aborted');
});

test('SIGTERM said twice at once, as by `timeout` and supervisors, is one: a live stream ends by itself', async () => {
  const lane = await startLane({ pace: 'x0.2' });
  const running = chat(lane.base, 'replay:02-text-paced');
  await running.frame('text-delta');
  lane.signal('SIGTERM');
  lane.signal('SIGTERM');
  await running.done;
  assertLegal(running);
  assert.ok(read(running).finish, 'a whole answer');
  assert.equal((await lane.end()).code, 0);
  assert.doesNotMatch(lane.stderr, /second signal\n/);
});

test('SIGTERM: an answer that a slow client still reads arrives whole', async () => {
  const lane = await startLane();
  const text = 'lorem ipsum '.repeat(9000);
  const seed = Array.from({ length: 40 }, (_, n) => ({ id: `m${n}`, role: n % 2 ? 'assistant' : 'user', parts: [{ type: 'text', text: `${n} ${text}` }] }));
  const body = JSON.stringify({ id: 'long', messages: [...seed, { id: 'last', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] });
  assert.equal((await send(lane.base, { path: '/api/chat/stream', method: 'POST', headers: { 'content-type': 'application/json' }, body })).status, 200);
  const { hostname, port } = new URL(lane.base);
  const client = net.connect(Number(port), hostname);
  const pieces = [];
  client.on('data', (piece) => {
    pieces.push(piece);
    client.pause();
    setTimeout(() => client.resume(), 10);
  });
  const left = new Promise((done, fail) => client.on('end', done).on('error', fail));
  client.write(`GET /api/chats/long/messages?limit=200 HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`);
  await lane.until(() => pieces.length > 0, 'the first piece');
  lane.signal('SIGTERM');
  await left;
  const whole = Buffer.concat(pieces);
  const head = whole.subarray(0, whole.indexOf('\r\n\r\n')).toString();
  assert.match(head, /^HTTP\/1.1 200 /);
  assert.equal(whole.length - head.length - 4, Number(/content-length: (\d+)/.exec(head)[1]));
  assert.ok(whole.length > 4_000_000, `${whole.length} bytes`);
  assert.equal((await lane.end()).code, 0);
});

test('a lane that still starts ends at once by its first signal, and leaves no child', async () => {
  const folder = scratch('starting');
  const [bin, pid] = ['codex', 'pid'].map((name) => path.join(folder, name));
  for (const [stage, signal, code] of [['debug', 'SIGINT', 130], ['app-server', 'SIGTERM', 143]]) {
    // Says nothing from this stage of the start on.
    fs.writeFileSync(bin, `#!/bin/sh\ncase "$1" in --version) echo codex-cli 0.169.0; exit;; ${stage}) echo $$ > ${pid}.new; mv ${pid}.new ${pid}; exec sleep 600;; debug) echo '{"models":[]}';; esac\n`, { mode: 0o755 });
    const lane = new Running(OA_BIN, ['serve', '--listen', '127.0.0.1:0', '--codex-bin', bin], { name: stage, env: cleanEnv({ HOME: folder, OPENAI_API_KEY: 'key', OA_STREAM_STATE_DIR: path.join(folder, stage) }) });
    const child = await lane.until(() => fs.existsSync(pid) && fs.readFileSync(pid, 'utf8').trim(), 'the child');
    fs.rmSync(pid);
    lane.signal('SIGHUP'); // is kept for later
    lane.signal(signal);
    const end = await lane.end(8000); // the handshake of Codex may take 15 s
    assert.equal(end.code, code, lane.stderr);
    assert.match(lane.stderr, /ended by a signal while it started\n$/);
    assert.ok(!fs.existsSync(`/proc/${child}`), 'its child is gone');
  }
});

test('a second signal ends at once', async () => {
  const lane = await startLane({ pace: 'recorded', args: ['--drain-timeout', '1h', ...slow] });
  const running = chat(lane.base, LONG);
  await running.frame('start-step');
  lane.signal('SIGTERM');
  await lane.until((l) => /draining/.test(l.stderr), 'the drain');
  // Within a second it is the first one's echo, as of `timeout`; after that it counts.
  await lane.until(() => lane.exit || (lane.signal('SIGTERM'), false), 'the second signal', 30000);
  assert.equal((await lane.end()).code, 143);
  await running.done;
  assert.ok(!running.complete, 'cut, not ended as if it were whole');
});

test('SIGHUP: tokens, policy and lane mode are read again; what makes no sense changes nothing', async () => {
  const folder = scratch('config');
  const file = (name) => path.join(folder, name);
  fs.writeFileSync(file('tokens'), tokenLine('tok-a', 'owner=alice'));
  fs.writeFileSync(file('policy'), '{}');
  fs.writeFileSync(file('lane'), 'on\n');
  const lane = await startLane({ args: ['--tokens', file('tokens'), '--compat-policy', file('policy'), '--lane-file', file('lane')] });
  assert.doesNotMatch(lane.stderr, /no tokens configured/);
  const ask = (token) => chat(lane.base, 'replay:01-echo', { headers: bearer(token) }).done;
  assertLegal(await ask('tok-a'));
  assertRefused(await ask('tok-b'), 401, 'unauthorized');

  const hup = async () => {
    const seen = lane.stderr.length;
    lane.signal('SIGHUP');
    await lane.until(() => /"level":"info","event":"reload"/.test(lane.stderr.slice(seen)), 'the reload');
  };
  fs.writeFileSync(file('tokens'), tokenLine('tok-b', 'owner=bob'));
  await hup();
  assertLegal(await ask('tok-b'));
  assertRefused(await ask('tok-a'), 401, 'unauthorized');

  fs.writeFileSync(file('tokens'), 'tok-c in clear\n');
  await hup();
  assertLegal(await ask('tok-b'));
  assert.match(lane.stderr, /tokens:1/);
  assert.doesNotMatch(lane.stderr, /tok-c/);

  fs.writeFileSync(file('policy'), JSON.stringify({ min_client_build_id: '20300101T000000Z' }));
  fs.writeFileSync(file('lane'), 'retired\n');
  await hup();
  const window = (await send(lane.base, { path: '/version' })).headers['x-oa-compatibility-min-client-build-id'];
  assert.equal(window, '20300101T000000Z');
  const retired = await ask('tok-b');
  assert.equal(retired.status, 200);
  assert.equal(retired.headers['x-oa-legacy-chat-retired'], 'true');
  assert.equal(retired.json().data.retired, true);
  const ready = async () => { const answer = await send(lane.base, { path: '/readyz' }); return [answer.status, answer.json()]; };
  assert.deepEqual(await ready(), [200, { status: 'ready', reason: 'the lane is retired: no new turns of chats' }]);

  fs.writeFileSync(file('lane'), 'off\n');
  await hup();
  assertRefused(await ask('tok-b'), 503, 'service_unavailable');
  assert.deepEqual(await ready(), [200, { status: 'ready', reason: 'the lane is off: no new turns' }]);
  fs.rmSync(file('lane'));
  await hup();
  assert.match(lane.stderr, /"level":"error","event":"reload","text":"[^"]*lane: the file is not there: the mode `off` stays"/);
  assertRefused(await ask('tok-b'), 503, 'service_unavailable');
  fs.writeFileSync(file('lane'), 'on\n');
  await hup();
  assert.equal((await send(lane.base, { path: '/readyz' })).json().reason, undefined);
  assertLegal(await ask('tok-b'));
  assert.equal((await lane.stop()).code, 0);
});

test('a --lane-file that is missing at the start is named: the mode in it may be lost', async () => {
  const lane = await startLane({ args: ['--lane-file', 'gone'] });
  await lane.until((l) => /"level":"warn","event":"mode","text":"gone is not there: it is `on`"/.test(l.stderr), 'the warning');
  assert.equal((await lane.stop()).code, 0);
});

test('the ready file is there while the lane serves; that of a dead lane goes, that of a living one stays', async () => {
  const lane = await startLane();
  const file = path.join(lane.folder, 'ready');
  const second = await oa(['serve', '--authority', 'replay', '--listen', new URL(lane.base).host, '--ready-file', file]);
  assert.equal(second.code, 6, second.stderr); // the address is in use
  assert.equal(JSON.parse(fs.readFileSync(file, 'utf8')).pid, lane.pid);
  lane.signal('SIGKILL');
  await lane.end();
  assert.ok(fs.existsSync(file));
  // A folder that may come later, so a service manager is to try it again.
  const late = await oa(['serve', '--authority', 'replay', '--listen', `unix:${lane.folder}/later/lane.sock`, '--ready-file', file]);
  assert.equal(late.code, 4, late.stderr);
  assert.ok(!fs.existsSync(file), 'what a dead lane left');
  const next = await startLane({ folder: lane.folder });
  assert.ok(fs.existsSync(file));
  assert.equal((await next.stop()).code, 0);
  assert.ok(!fs.existsSync(file), 'what this lane wrote');
});

test('a request that the end of the drain cuts has its access line', async () => {
  const lane = await startLane({ args: ['--drain-timeout', '100ms'] });
  const { hostname, port } = new URL(lane.base);
  const client = net.connect(Number(port), hostname);
  client.on('error', () => {}); // it is reset
  let asked = '';
  client.on('data', (data) => { asked += data; });
  client.write(`POST /api/chat HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n`);
  await lane.until(() => asked.startsWith('HTTP/1.1 100 '), 'the lane that waits for the body');
  assert.equal((await lane.stop()).code, 0);
  assert.deepEqual(requestLines(lane).map((line) => [line.route, line.status]), [['/api/chat', 499]], lane.stderr);
  client.destroy();
});

test('a token file that changes is read again by itself; one that makes no sense changes nothing', async () => {
  const file = path.join(scratch('tokens'), 'tokens');
  fs.writeFileSync(file, tokenLine('tok-a', 'owner=alice'));
  const lane = await startLane({ args: ['--tokens', file] });
  const status = async (token) => (await send(lane.base, { path: '/api/chats', headers: bearer(token) })).status;
  assert.deepEqual([await status('tok-a'), await status('tok-b')], [200, 401]);
  fs.writeFileSync(`${file}.new`, tokenLine('tok-b', 'owner=bob'));
  fs.renameSync(`${file}.new`, file);
  await lane.until(() => /"event":"tokens","text":"read again"/.test(lane.stderr), 'the new tokens');
  assert.deepEqual([await status('tok-a'), await status('tok-b')], [401, 200]);
  fs.writeFileSync(file, 'tok-c in clear\n');
  await lane.until(() => /"level":"error","event":"tokens"/.test(lane.stderr), 'the refusal');
  assert.deepEqual([await status('tok-a'), await status('tok-b')], [401, 200]);
  assert.equal((await lane.stop()).code, 0);
});

test('a token file that cannot be read or is gone is read again by itself, and its reason is told once', async () => {
  const file = path.join(scratch('tokens'), 'tokens');
  fs.writeFileSync(file, tokenLine('tok-a', 'owner=alice') + tokenLine('tok-b', 'owner=bob'));
  // Root as well is somebody who may not read the file of another.
  const wrap = process.getuid() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-dac_override,-dac_read_search'] : [];
  const lane = await startLane({ args: ['--tokens', file], wrap });
  const status = async (token) => (await send(lane.base, { path: '/api/chats', headers: bearer(token) })).status;
  fs.writeFileSync(`${file}.new`, tokenLine('tok-b', 'owner=bob'), { mode: 0 });
  fs.renameSync(`${file}.new`, file);
  await lane.until(() => /"level":"error","event":"tokens","text":"[^"]*Permission denied/.test(lane.stderr), 'the refusal');
  assert.deepEqual([await status('tok-a'), await status('tok-b')], [200, 200]);
  fs.chmodSync(file, 0o600); // neither another file nor another time of change
  await lane.until(() => /"event":"tokens","text":"read again"/.test(lane.stderr), 'the new tokens');
  assert.deepEqual([await status('tok-a'), await status('tok-b')], [401, 200]);
  assert.equal(lane.stderr.match(/"level":"error","event":"tokens"/g).length, 1, lane.stderr);
  // Whoever removes the file to lock everybody out must learn that it locks out nobody.
  lane.stderr = '';
  fs.unlinkSync(file);
  await lane.until(() => /"level":"error","event":"tokens","text":"[^"]*No such file/.test(lane.stderr), 'that the file is gone');
  assert.deepEqual([await status('tok-a'), await status('tok-b')], [401, 200]);
  fs.writeFileSync(file, tokenLine('tok-a', 'owner=alice'));
  await lane.until(() => /"event":"tokens","text":"read again"/.test(lane.stderr), 'the file that is back');
  assert.deepEqual([await status('tok-a'), await status('tok-b')], [200, 401]);
  assert.equal(lane.stderr.match(/"level":"error","event":"tokens"/g).length, 1, lane.stderr);
  assert.equal((await lane.stop()).code, 0);
});

test('a token file without a token is told: it admits nobody', async () => {
  const file = path.join(scratch('tokens'), 'tokens');
  fs.writeFileSync(file, '# none yet\n');
  const told = (lane, event) => new RegExp(`"level":"warn","event":"${event}","text":"[^"]*tokens has no token`).test(lane.stderr);
  const lane = await startLane({ args: ['--tokens', file] });
  await lane.until(() => told(lane, 'tokens'), 'the warning at the start'); // said before the ready file, and read after it
  lane.stderr = '';
  fs.writeFileSync(file, tokenLine('tok-a', 'owner=alice'));
  await lane.until(() => /"event":"tokens","text":"read again"/.test(lane.stderr), 'the new tokens');
  assert.ok(!told(lane, 'tokens'), lane.stderr);
  fs.writeFileSync(file, '');
  await lane.until(() => told(lane, 'tokens'), 'the warning');
  lane.signal('SIGHUP');
  await lane.until(() => told(lane, 'reload'), 'the warning at a reload');
  assert.equal((await lane.stop()).code, 0);
});

test('the access log goes to its file, is reopened on SIGHUP, and holds no prompt and no token', async () => {
  const folder = scratch('log');
  const log = path.join(folder, 'access.log');
  const lane = await startLane({ args: ['--access-log', log], env: { OA_STREAM_TOKEN: 'tok-env-secret' } });
  assertRefused(await chat(lane.base, 'x').done, 401);
  assertLegal(await chat(lane.base, 'say replay:01-echo secret-prompt', { headers: bearer('tok-env-secret') }).done);
  fs.renameSync(log, `${log}.1`);
  lane.signal('SIGHUP');
  await lane.until((l) => /"event":"reload"/.test(l.stderr), 'the reload');
  await becomes(lane.base, '/healthz', 200);
  const old = fs.readFileSync(`${log}.1`, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
  assert.deepEqual(old.map((l) => l.status), [401, 200]);
  assert.equal(old[1].terminal, 'completed');
  // The line is written once the answer has gone out.
  await lane.until(() => /"route":"\/healthz"/.test(fs.readFileSync(log, 'utf8')), 'the line in the new file');
  assert.doesNotMatch(fs.readFileSync(`${log}.1`, 'utf8') + lane.stderr, /secret/);
  await lane.stop();
});

test('an access log that is a pipe: whoever reads it may stop or leave, the lane goes on', async () => {
  const folder = scratch('pipe');
  const log = path.join(folder, 'access.pipe');
  assert.equal(spawnSync('mkfifo', [log]).status, 0);
  const refused = await oa(['serve', '--listen', '127.0.0.1:0', '--authority', 'replay', '--access-log', log], { ms: 10000 });
  assert.equal(refused.code, 4, refused.stderr);
  assert.match(refused.stderr, /access\.pipe: cannot open: nobody reads this pipe/);

  const reader = fs.openSync(log, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK); // never read
  const lane = await startLane({ args: ['--access-log', log] });
  const lost = /"event":"access_log","text":"[^"]*the pipe is full/;
  for (let n = 0; !lost.test(lane.stderr); n++) {
    assert.ok(n < 2000, 'the pipe never fills');
    assert.equal((await send(lane.base, { path: '/healthz', ms: 5000 })).status, 200, `request ${n}`);
  }
  fs.closeSync(reader);
  lane.signal('SIGHUP');
  await lane.until((l) => /"event":"reload","text":"[^"]*nobody reads this pipe/.test(l.stderr), 'the reload');
  assert.equal((await send(lane.base, { path: '/healthz', ms: 5000 })).status, 200);
  fs.rmSync(log);
  lane.signal('SIGHUP');
  await lane.until(() => fs.existsSync(log), 'the file');
  await becomes(lane.base, '/healthz', 200);
  await lane.until(() => /"route":"\/healthz"/.test(fs.readFileSync(log, 'utf8')), 'the line in the file');
  assert.equal((await lane.stop()).code, 0);
});

test('nobody reads the log on stderr: the lane goes on, and counts the access lines that were lost', async () => {
  const lane = await startLane();
  lane.child.stderr.pause(); // what takes no more bytes, as a collector of logs that hangs
  for (let n = 0; n < 700; n++) assert.equal((await send(lane.base, { path: '/healthz', ms: 5000 })).status, 200, `request ${n}`);
  lane.child.stderr.resume();
  assert.equal((await lane.stop()).code, 0); // no request comes before: the end tells what was lost
  const seen = lane.stderr.split('\n').filter((line) => /"event":"request"/.test(line));
  const counts = seen.map((line) => { try { return JSON.parse(line).lost ?? 1; } catch { return 0; } }); // one may be cut
  assert.ok(counts.some((count) => count > 1), 'lines were lost');
  assert.ok(counts.reduce((all, one) => all + one, 0) >= 700, 'each request is a line, or counted');
});

test('the same message sent twice at once is run once; another one is refused while it is read', async () => {
  const lane = await startLane({ pace: 'x0.2' });
  const headers = { 'idempotency-key': 'once' };
  const body = { id: 'c1', messageId: 'u1', headers };
  const one = chat(lane.base, 'replay:02-text-paced', body);
  await one.frame('text-delta');
  assertRefused(await chat(lane.base, 'replay:01-echo', { id: 'c1' }).done, 409, 'turn_in_progress');
  const two = chat(lane.base, 'replay:02-text-paced', body);
  await Promise.all([one.done, two.done]);
  assertLegal(one);
  assert.equal(two.text, one.text);
  await lane.stop();
});

test('serve refuses to compress threads whose age decides on their end, or that lie on a server', async () => {
  const common = ['serve', '--listen', '127.0.0.1:0', '--authority', 'codex', '--compress-threads', '15m'];
  const ages = await oa([...common, '--keep-threads', '30d']);
  assert.equal(ages.code, 2, ages.stderr);
  assert.match(ages.stderr, /--compress-threads: threads look older while they are compressed/);
  const server = await oa([...common, '--codex-server', '0=ws://127.0.0.1:1']);
  assert.equal(server.code, 2, server.stderr);
  assert.match(server.stderr, /--compress-threads: the home is the Codex server's/);
});
