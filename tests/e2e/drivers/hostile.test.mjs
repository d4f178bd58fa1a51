// Users beside clients that mean no good, on a lane with TLS and a unix socket and behind a front door, while the
// certificate is renewed well and badly. A seed decides who does what. Every user reads what the authority said,
// every hostile connection ends within its limit, and log, metrics, counters and descriptors say the same afterwards.
//
// The short form runs for some seconds. A long one:
//   for seed in 1 2 3 4 5; do OA_HOSTILE=60 OA_SEED=$seed ./dev e2e tests/e2e/drivers/hostile.test.mjs; done
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chat, chatBody } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { startFront } from '../lib/local_target.mjs';
import { assertAtRest, parseMetrics, total } from '../lib/metrics.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { random } from '../lib/random.mjs';

const SECONDS = Number(process.env.OA_HOSTILE ?? 2);
const SEED = Number(process.env.OA_SEED ?? 1);
const PATIENCE = limit(4000); // the lane's, with a client
const chance = random(SEED);
const below = (n) => Math.floor(chance() * n);
const pick = (list) => list[below(list.length)];

const folder = scratch('hostile');
const file = (name) => path.join(folder, name);
const socketPath = path.join('/tmp', `oa-hostile-${process.pid}.sock`);
const RECORDINGS = ['01-echo', '02-text-paced', '06-reasoning-summary', '10-exec', '31-http-400'];
const said = {};
let lane, plain, front, doors, atRest;
const descriptors = (running) => fs.readdirSync(`/proc/${running.pid}/fd`).length;

/** What a user reads of a stream, without what differs each time. */
function told(text) {
  const chunks = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => (data === '[DONE]' ? { type: data } : JSON.parse(data)));
  return JSON.stringify([chunks.map((c) => c.delta ?? '').join(''), [...new Set(chunks.map((c) => c.type))]]);
}

function install(cert, key = cert) {
  fs.copyFileSync(file(`${cert}.pem`), file('used.pem'));
  fs.copyFileSync(file(`${key}.key`), file('used.key'));
}

before(async () => {
  for (const name of ['one', 'two']) execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`], { cwd: folder, stdio: 'ignore' });
  install('one');
  const limits = ['handshake-time', 'head-time', 'body-time', 'keep-alive'].flatMap((name) => ['--limit', `${name}=${PATIENCE}ms`]);
  plain = await startLane({ pace: 'recorded' });
  front = await startFront(['--backend', `v1=${plain.base}`, '--health', '/readyz', '--health-interval', '50ms']);
  lane = await startLane({ pace: 'recorded', args: [...limits, '--tls-cert', file('used.pem'), '--tls-key', file('used.key'), '--listen', `unix:${socketPath}`, '--access-log', file('access.log'), '--detach-grace', '200ms'] });
  doors = { tls: [https, { host: '127.0.0.1', port: new URL(lane.base).port, rejectUnauthorized: false }], unix: [http, { socketPath }], front: [http, { host: '127.0.0.1', port: new URL(front.base).port }] };
  for (const name of RECORDINGS) said[name] = told((await chat(plain.base, `replay:${name}`).done).text);
  await ask('tls', 'GET', '/version');
  atRest = descriptors(lane);
});
after(() => Promise.all([front, lane, plain].map((one) => one?.stop())));

/** One request on its own connection; `leave`: after so many bytes of the answer. */
function ask(where, method, target, { body, headers = {}, leave = Infinity } = {}) {
  const [client, at] = doors[where];
  const data = body && Buffer.from(JSON.stringify(body));
  return new Promise((done) => {
    const out = { status: 0, text: '', whole: false };
    const request = client.request({ ...at, method, path: target, agent: false, headers: { host: 'localhost', ...(data ? { 'content-type': 'application/json', 'content-length': data.length } : {}), ...headers } }, (answer) => {
      Object.assign(out, { status: answer.statusCode, certificate: answer.socket.getPeerCertificate?.().subject?.CN });
      answer.on('data', (bytes) => {
        out.text += bytes;
        if (out.text.length >= leave) request.destroy();
      });
      answer.on('error', () => {}).on('close', () => done(Object.assign(out, { whole: answer.complete })));
    });
    request.on('error', (error) => done(Object.assign(out, { error: error.message })));
    request.end(data);
  });
}

const asked = []; // {id, where, out}
let serving = new Set(['one']); // the certificates that a new connection may get
const connecting = new Set(); // of each user who waits, those it may have got
async function user(until) {
  while (Date.now() < until) {
    const id = `user-${asked.length}`, where = pick(['tls', 'unix', 'front']), how = pick(['turn', 'turn', 'turn', 'leave', 'read', 'whole']);
    const recording = pick(RECORDINGS), headers = { 'x-request-id': id }, certificates = new Set(serving);
    const entry = { id, where, how };
    asked.push(entry);
    connecting.add(certificates);
    const turn = { body: chatBody(`replay:${recording}`, { id }), headers };
    if (how === 'turn') entry.out = await ask(where, 'POST', '/api/chat', turn);
    if (how === 'leave') entry.out = await ask(where, 'POST', '/api/chat', { ...turn, leave: 1 + below(1000) });
    if (how === 'read') entry.out = await ask(where, 'GET', '/version', { headers });
    if (how === 'whole') entry.out = await ask(where, 'POST', '/v1/chat/completions', { headers, body: { model: 'replay', messages: [{ role: 'user', content: 'replay:01-echo' }] } });
    connecting.delete(certificates);
    const { status, text, whole, certificate } = entry.out;
    const shown = JSON.stringify({ ...entry, recording });
    if (where === 'tls') assert.ok(certificates.has(certificate), `${certificate}, not ${[...certificates]}: ${shown}`);
    if (how === 'leave') continue;
    assert.ok(whole, shown);
    if (how === 'turn') assert.equal(told(text), said[recording], shown);
    else assert.equal(status, how === 'whole' && text.includes('concurrency_exceeded') ? 429 : 200, shown);
    await sleep(below(30));
  }
}

const chatHead = (length) => `POST /api/chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
const huge = JSON.stringify(chatBody('replay:09-huge', {}));
/** [where, what is sent first, what is sent again and again] */
const HOSTILE = {
  silent: ['tls', ''],
  'half a handshake': ['tls', Buffer.from('1603010200010001fc0303', 'hex')],
  'no handshake': ['tls', Buffer.alloc(300, 0xa5)],
  'plain text': ['tls', 'GET / HTTP/1.1\r\n\r\n'],
  idle: ['unix', ''],
  'empty lines': ['unix', '', '\r\n'],
  'a slow head': ['unix', 'GET / HTTP/1.1\r\n', 'x: y\r\n'],
  'a slow body': ['unix', chatHead(100000), 'x'],
  'requests ahead': ['unix', 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(100)],
  'no reading': ['unix', chatHead(Buffer.byteLength(huge)) + huge],
};
/** Connects, and resolves when the lane has closed; false: not in time. One that never reads leaves by itself. */
function attack(kind) {
  const [where, first, again] = HOSTILE[kind];
  return new Promise((done) => {
    const { host, port } = doors.tls[1];
    const socket = where === 'tls' ? net.connect({ host, port }) : net.connect({ path: socketPath });
    const reads = kind !== 'no reading';
    const late = setTimeout(() => { done(!reads); socket.destroy(); }, reads ? PATIENCE + limit(4000) : 500);
    const drip = again && setInterval(() => socket.write(again), 100);
    socket.on('error', () => {}).on('close', () => { clearTimeout(late); clearInterval(drip); done(true); });
    socket.write(first);
    if (reads) socket.resume();
  });
}
async function foe(until, attacks) {
  while (Date.now() < until) {
    const kind = pick(Object.keys(HOSTILE));
    for (let n = 1 + below(20); n > 0; n--) attacks.push(attack(kind).then((closed) => ({ kind, closed })));
    await sleep(below(150));
  }
}

async function operator(until) {
  let now = 'one';
  while (Date.now() < until) {
    const how = pick(['good', 'good', 'mixed', 'half', 'gone']), next = pick(['one', 'two']), other = next === 'one' ? 'two' : 'one';
    install(next, how === 'mixed' ? other : next);
    if (how === 'half') fs.truncateSync(file('used.pem'), below(fs.statSync(file('used.pem')).size - 30));
    if (how === 'gone') fs.rmSync(file('used.key'));
    if (how === 'good') for (const set of [serving, ...connecting]) set.add(next);
    const seen = lane.stderr.length;
    lane.signal('SIGHUP');
    await lane.until(() => /"level":"info","event":"reload"/.test(lane.stderr.slice(seen)), 'the reload');
    assert.equal(/"level":"error","event":"reload"/.test(lane.stderr.slice(seen)), how !== 'good', `${how} ${next}: ${lane.stderr.slice(seen)}`);
    if (how === 'good') now = next;
    serving = new Set([now]);
    await sleep(below(200));
  }
}

test(`users, hostile clients and renewals, seed ${SEED}`, { timeout: limit((SECONDS + 60) * 1000) }, async () => {
  const until = Date.now() + SECONDS * 1000, attacks = [];
  await Promise.all([...Array.from({ length: 8 }, () => user(until)), foe(until, attacks), foe(until, attacks), operator(until)]);
  const ended = await Promise.all(attacks);
  assert.deepEqual([...new Set(ended.filter((x) => !x.closed).map((x) => x.kind))], [], 'closed in time');

  const lines = () => fs.readFileSync(file('access.log'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const direct = asked.filter((x) => x.where !== 'front');
  const own = await lane.until(() => {
    const known = Map.groupBy(lines(), (line) => line.request_id);
    return direct.every((x) => known.has(x.id)) && known;
  }, 'a line of each request', 60000);
  for (const { id, how, out } of direct) {
    const logged = own.get(id).map((line) => line.status);
    assert.deepEqual(logged, [how === 'leave' ? logged[0] : out.status], id);
  }
  const metrics = async () => parseMetrics((await ask('unix', 'GET', '/metrics')).text);
  await lane.until(async () => total(await metrics(), 'active_streams') === 0, 'the end of all turns');
  const samples = await metrics();
  assertAtRest(samples);
  for (const [route, { length }] of Map.groupBy(lines(), (line) => line.route)) {
    if (route !== '/metrics') assert.equal(total(samples, 'http_requests_total', { route }), length, `requests of ${route}`);
  }
  await lane.until(() => descriptors(lane) <= atRest, 'the descriptors');
  assert.equal((await ask('unix', 'GET', '/readyz')).status, 200);
  await front.until(async () => (await front.state()).active === 0, 'the end of all requests');
  const { finished, client_gone: left, ...others } = (await front.state()).backends[0].counters;
  const through = asked.filter((x) => x.where === 'front').length;
  assert.deepEqual([finished + left, others.picked + others.sticky + others.pinned, others.unreachable, others.broken], [through, through, 0, 0]);
});
