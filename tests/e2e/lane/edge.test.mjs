// At the edge of what a process can take, and of what HTTP clients and proxies do.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { Exchange, chat, chatBody, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { startFront } from '../lib/local_target.mjs';
import { curl, limit, scratch } from '../lib/process.mjs';

const connected = (base) => new Promise((done, fail) => {
  const { port, hostname } = new URL(base);
  const socket = net.connect(Number(port), hostname, () => done(socket));
  socket.on('error', fail);
});
const deltas = (x) => x.frames.filter((f) => f.chunk?.type === 'text-delta').length;

test('few descriptors: accepting pauses, streams go on, files still open, and serving resumes', async () => {
  const log = path.join(scratch('log'), 'access.log');
  const lane = await startLane({ wrap: ['prlimit', '--nofile=64:64'], pace: 'recorded', args: ['--access-log', log, '--inject', 'slow=8'] });
  await lane.until(() => /descriptor limit leaves room for \d+ connections/.test(lane.stderr), 'the line about it');
  const streams = Array.from({ length: 5 }, (_, n) => chat(lane.base, 'replay:02-text-paced', { id: `few-${n}`, ms: 60000 }));
  await Promise.all(streams.map((x) => x.frame('text-delta')));
  // The kernel takes these; the lane cannot.
  const idle = await Promise.all(Array.from({ length: 80 }, () => connected(lane.base)));
  const late = open(lane.base, { path: '/healthz' });
  const before = streams.map(deltas);
  await Promise.all(streams.map((x, n) => x.wait(() => deltas(x) >= before[n] + 3, 'three more pieces')));
  assert.equal(late.status, 0, 'waits outside');
  assert.equal(lane.exit, undefined);
  // What it needs for itself it still can open.
  fs.renameSync(log, `${log}.1`);
  lane.signal('SIGHUP');
  await lane.until((l) => /"event":"reload"/.test(l.stderr), 'the reload');
  assert.doesNotMatch(lane.stderr, /"level":"error"/);
  assert.ok(fs.existsSync(log));
  for (const socket of idle) socket.destroy();
  await late.done;
  assert.equal(late.status, 200);
  for (const stream of streams) {
    await stream.done;
    assertLegal(stream);
  }
  assert.equal((await lane.stop()).code, 0);
});

test('few descriptors for two listeners: files still open when both are full', async () => {
  const folder = scratch('two');
  const [log, socket] = ['access.log', 'lane.sock'].map((name) => path.join(folder, name));
  // One listener's 40 connections would fit.
  const lane = await startLane({ wrap: ['prlimit', '--nofile=100:100'], args: ['--listen', `unix:${socket}`, '--limit', 'connections=40', '--access-log', log] });
  const { port, hostname } = new URL(lane.base);
  const all = Array.from({ length: 60 }, () => [net.connect(Number(port), hostname), net.connect(socket)]).flat();
  try {
    for (const one of all) one.on('error', () => {}); // the kernel takes some of them only
    await lane.until(() => /descriptor limit leaves room for \d+ connections/.test(lane.stderr), 'the line about it');
    const room = Number(/descriptor limit leaves room for (\d+) connections/.exec(lane.stderr)[1]);
    // Each listener takes half of it; the standard streams are open as well.
    await lane.until(() => fs.readdirSync(`/proc/${lane.pid}/fd`).length >= 2 * Math.floor(room / 2) + 3, 'both listeners full');
    fs.renameSync(log, `${log}.1`);
    lane.signal('SIGHUP');
    await lane.until((l) => /"event":"reload"/.test(l.stderr), 'the reload');
    assert.doesNotMatch(lane.stderr, /"level":"error"/);
    assert.ok(fs.existsSync(log));
  } finally {
    for (const one of all) one.destroy();
    assert.equal((await lane.stop()).code, 0);
  }
});

test('few descriptors at the front door: who is let in has a way to a backend, the others wait', async () => {
  const lane = await startLane({ pace: 'recorded' });
  const front = await startFront(['--backend', `v1=${lane.base}`, '--health', '/readyz', '--health-interval', '50ms'], { wrap: ['prlimit', '--nofile=64:64'] });
  await front.until(() => /descriptor limit leaves room for \d+ connections/.test(front.stderr), 'the line about it');
  // Their connections to the lane are kept, and would take the place of those for the turns.
  const reads = await Promise.all(Array.from({ length: 40 }, () => send(front.base, { path: '/version' })));
  assert.ok(reads.every((x) => x.status === 200), reads.find((x) => x.status !== 200)?.text);
  const turns = Array.from({ length: 40 }, () => chat(front.base, 'replay:02-text-paced', { ms: 60000 }));
  for (const turn of turns) {
    await turn.done;
    assertLegal(turn);
  }
  assert.doesNotMatch(front.stderr, /not ready/);
  assert.equal((await front.stop()).code, 0);
  await lane.stop();
});

test('more connections than are allowed wait; a queue of requests is served as others leave', async () => {
  const lane = await startLane({ args: ['--limit', 'connections=4'] });
  const first = await Promise.all(Array.from({ length: 4 }, () => connected(lane.base)));
  const queued = Array.from({ length: 12 }, () => open(lane.base, { path: '/healthz', headers: { connection: 'close' } }));
  await Promise.all(queued.map((x) => new Promise((done) => x.socket.on('connect', done))));
  assert.deepEqual(new Set(queued.map((x) => x.status)), new Set([0]));
  first.forEach((socket) => socket.destroy());
  await Promise.all(queued.map((x) => x.done));
  assert.deepEqual(new Set(queued.map((x) => x.status)), new Set([200]));
  await lane.stop();
});

test('drain under load: every stream that had begun ends whole, new work is refused, exit 0', async () => {
  const lane = await startLane({ pace: 'recorded', args: ['--drain-timeout', '20s'] });
  const streams = Array.from({ length: 40 }, (_, n) => chat(lane.base, 'scenario:words;n=40;delay=100', { id: `drain-${n}` })); // longer than who presses waits for an answer
  await Promise.all(streams.map((x) => x.frame('text-delta')));
  const pressing = { refused: 0, cut: 0, whole: 0 };
  let over = false;
  const press = async (n) => {
    for (let k = 0; !over; k++) {
      const x = await chat(lane.base, 'replay:01-echo', { id: `press-${n}-${k}` }).done;
      if (x.status === 200) { assertLegal(x); pressing.whole++; }
      else if (x.status === 503) { assertRefused(x, 503, 'service_unavailable'); pressing.refused++; }
      else { assert.equal(x.status, 0, 'never half an answer'); pressing.cut++; await new Promise((done) => setImmediate(done)); }
    }
  };
  const pressers = Array.from({ length: 8 }, (_, n) => press(n));
  await lane.until(() => pressing.whole > 0 || null, 'load');
  lane.signal('SIGTERM');
  for (const stream of streams) {
    await stream.done;
    assertLegal(stream);
    assert.ok(read(stream).finish, 'a whole answer');
  }
  assert.equal((await lane.end()).code, 0);
  over = true;
  await Promise.all(pressers);
  assert.ok(pressing.refused + pressing.cut > 0, JSON.stringify(pressing));
});

test('a lane alone that drains closes idle connections, refuses new ones, answers what comes on those that it has, and lets its streams end', async () => {
  const lane = await startLane({ args: ['--drain-timeout', '20s'] });
  const stream = chat(lane.base, 'scenario:words;n=20;delay=300', { id: 'last' });
  const idle = await connected(lane.base);
  const closed = new Promise((done) => { idle.on('close', done); });
  const scraper = await connected(lane.base); // stays, so that the drain is seen
  const fresh = await connected(lane.base); // a proxy that has sent its request there may not repeat it
  const { host } = new URL(lane.base);
  const answer = async (socket, request) => {
    let text = '';
    const take = (bytes) => { text += bytes; };
    socket.on('data', take);
    socket.write(request);
    await lane.until(() => /\r\n\r\n[^]*[\n}]$/.test(text), 'an answer');
    socket.off('data', take);
    return text;
  };
  await answer(scraper, `GET /metrics HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  await answer(idle, `GET /version HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  await stream.frame('text-delta');
  lane.signal('SIGTERM');
  await closed;
  await assert.rejects(connected(lane.base), { code: 'ECONNREFUSED' });
  const body = JSON.stringify(chatBody('late', { id: 'late' }));
  for (const socket of [fresh, scraper]) {
    const refused = await answer(socket, `POST /api/chat HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    assert.match(refused, /^HTTP\/1\.1 503 [^]*retry-after: 1\r\n[^]*connection: close\r\n/);
  }
  await stream.done;
  assertLegal(stream);
  assert.equal(deltas(stream), 20);
  assert.equal((await lane.end()).code, 0);
});

test('SIGTERM in the middle of an upload: it is answered before the lane and the front door exit', async () => {
  const lane = await startLane({ args: ['--drain-timeout', '20s'] });
  const front = await startFront(['--backend', `v1=${lane.base}`, '--drain-timeout', '20s']);
  const body = JSON.stringify(chatBody('replay:01-echo', { id: 'upload' }));
  for (const [door, status] of [[front, 200], [lane, 503]]) {
    const { host } = new URL(door.base);
    const upload = open(door.base, { raw: `POST /api/chat HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n` });
    await upload.wait((x) => x.status === 100, 'the interim answer'); // so its handler waits for the body
    upload.status = 0;
    upload.socket.write(body.slice(0, 20));
    door.signal('SIGTERM');
    await door.until(() => door.stderr.includes('draining'), 'the drain');
    await door.until(() => connected(door.base).then((socket) => socket.destroy(), () => { door.shut = true; }) && door.shut, 'the closed port');
    upload.socket.write(body.slice(20));
    await upload.done;
    assert.deepEqual([upload.status, upload.headers.connection], [status, 'close'], upload.broken);
    assert.equal((await door.end()).code, 0);
  }
});

test('an idle connection is never closed on a request', async () => {
  const lane = await startLane({ args: ['--limit', 'keep-alive=300ms'] });
  // Requests at the very moment of the deadline: each is answered, or refused before it was begun.
  const { port, hostname, host } = new URL(lane.base);
  const wave = (delay) => new Promise((done) => {
    const socket = net.connect(Number(port), hostname);
    let text = '';
    socket.on('data', (bytes) => { text += bytes; });
    socket.on('connect', () => setTimeout(() => socket.write(`GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`), delay));
    socket.on('error', () => {});
    socket.on('close', () => done(text));
  });
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => wave(n * 6)));
  for (const text of answers) assert.ok(text === '' || /^HTTP\/1\.1 200 /.test(text), text);
  assert.ok(answers.some((text) => text !== ''));
  await lane.stop();
});

test('Expect: 100-continue is answered at once, and a body that would be refused is not asked for', async () => {
  const lane = await startLane({ args: ['--limit', 'body=64k'] });
  const body = path.join(scratch('body'), 'body.json');
  const write = (pad) => fs.writeFileSync(body, JSON.stringify({ ...chatBody('replay:01-echo'), pad: 'x'.repeat(pad) }));
  const post = (...args) => curl('-X', 'POST', `${lane.base}/api/chat`, '-H', 'content-type: application/json', '-H', 'Expect: 100-continue', '--data-binary', `@${body}`, '--expect100-timeout', '10', '-w', '\n%{http_code} %{time_total}', ...args);
  write(32000);
  const fine = await post();
  const [, status, seconds] = /\n(\d+) ([\d.]+)$/.exec(fine.stdout);
  assert.equal(status, '200', fine.stdout.slice(-300));
  assert.ok(Number(seconds) * 1000 < limit(9000), `${seconds} s: curl waits 10 s for an answer that does not come`);
  write(200000);
  const large = await post('-v');
  assert.match(large.stdout, /\n413 /);
  assert.doesNotMatch(large.stderr, /100 Continue/);
  const old = new Exchange(lane.base, { raw: `POST /api/chat HTTP/1.0\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}` });
  await old.done;
  assert.equal(old.status, 422, 'an HTTP/1.0 client gets no interim answer');
  await lane.stop();
});

test('HTTP/1.0: no chunks, the end of the connection ends the stream', async () => {
  const lane = await startLane();
  const body = JSON.stringify(chatBody('replay:01-echo'));
  const answer = new Exchange(lane.base, { raw: `POST /api/chat HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}` });
  await answer.done;
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['transfer-encoding'], undefined);
  assert.equal(answer.headers.connection, 'close');
  assertLegal(answer);
  const run = await curl('--http1.0', `${lane.base}/healthz`);
  assert.equal(run.code, 0, run.stderr);
  // Two on one connection, when the client asks for that.
  const twice = new Exchange(lane.base, { raw: 'GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n' });
  await twice.done;
  assert.equal(twice.headers.connection?.toLowerCase(), 'keep-alive');
  assert.ok(twice.headers['content-length'] > 0);
  await lane.stop();
});

test('a client that half-closes after its request still gets a whole answer', async () => {
  const lane = await startLane({ args: ['--inject', 'latency=30s'] });
  const front = await startFront(['--backend', `v1=${lane.base}`]);
  const ask = (base, head, body = '') => new Promise((done, fail) => {
    const { port, hostname, host } = new URL(base);
    const socket = net.connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    let all = '';
    socket.on('data', (bytes) => { all += bytes; }).on('end', () => done(all)).on('error', fail);
    socket.end(`${head} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  });
  const turn = JSON.stringify({ model: 'replay', messages: [{ role: 'user', content: 'replay:01-echo' }] });
  for (const { base } of [lane, front]) {
    assert.match(await ask(base, 'GET /version'), /^HTTP\/1\.1 200 [\s\S]*"revision"/);
    // A turn is only for those who are there.
    assert.match(await ask(base, 'POST /v1/chat/completions', turn), /^HTTP\/1\.1 499 [\s\S]*"client_closed_request"/);
  }
  await front.until(async () => (await front.state()).backends[0].counters.client_gone === 1, 'the count');
  await front.stop();
  await lane.stop();
});
