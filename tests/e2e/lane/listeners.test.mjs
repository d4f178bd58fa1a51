// Where clients come in: TLS, unix sockets, several addresses, and who is believed about them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { before, test } from 'node:test';
import tls from 'node:tls';
import { clockOf } from '../lib/clock.mjs';
import { assertLegal } from '../lib/contract.mjs';
import { Exchange, chat, chatBody, send } from '../lib/http.mjs';
import { requestLines, startLane } from '../lib/lane.mjs';
import { curl, oa, scratch } from '../lib/process.mjs';

const folder = scratch('pki');
const file = (name) => path.join(folder, name);
const run = (args, options) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...options });
const openssl = (...args) => run(args);
/** A certificate of our own CA for 127.0.0.1: {cert, key}. */
function issue(name, days = '2', env = process.env) {
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  fs.writeFileSync(file(`${name}.ext`), 'subjectAltName=IP:127.0.0.1\n');
  run(['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', days, '-extfile', `${name}.ext`, '-out', `${name}.pem`], { env });
  fs.chmodSync(file(`${name}.key`), 0o600);
  return { cert: file(`${name}.pem`), key: file(`${name}.key`) };
}
let pair;
before(() => {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test CA');
  pair = issue('one');
});

const tlsArgs = () => ['--tls-cert', pair.cert, '--tls-key', pair.key];
const ca = () => fs.readFileSync(file('ca.pem'));
/** An exchange as `chat` makes it, over TLS or a unix socket: judged by the same helpers. */
class Via extends Exchange {
  constructor(base, client, options) {
    super(base, { ...options, raw: Buffer.alloc(0) });
    this.socket.removeAllListeners().on('error', () => {}).destroy(); // node's own client brings the bytes
    const body = JSON.stringify(options.body);
    const request = client({ method: 'POST', path: '/api/chat', headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
      this.status = response.statusCode;
      this.headers = response.headers;
      response.on('data', (bytes) => {
        const t = Date.now();
        this.body = Buffer.concat([this.body, bytes]);
        this.reads.push({ t, bytes: bytes.length });
        this.readFrames(t);
        this.poke();
      });
      response.on('end', () => this.finish(response.complete ? null : 'cut'));
      response.on('error', (error) => this.finish(error.code));
    });
    request.on('error', (error) => this.finish(error.code));
    request.end(body);
    this.request = request;
  }
}
const overTls = (base, text, body) => new Via(base, (options, on) => https.request(base, { ...options, ca: ca() }, on), { body: chatBody(text, body) });
const overUnix = (socketPath, text, body) => new Via('http://127.0.0.1:1', (options, on) => http.request({ ...options, socketPath }, on), { body: chatBody(text, body) });
const peerName = (base) => new Promise((done, fail) => {
  const { port } = new URL(base);
  const socket = tls.connect({ port, host: '127.0.0.1', ca: ca(), ALPNProtocols: ['h2', 'http/1.1'] }, () => {
    done({ name: socket.getPeerCertificate().subject.CN, protocol: socket.alpnProtocol, version: socket.getProtocol(), socket });
  });
  socket.on('error', fail);
});

test('TLS: streams are incremental and legal, for node and for curl', async () => {
  const lane = await startLane({ pace: 'x0.2', args: tlsArgs() });
  assert.match(lane.base, /^https:/);
  assert.equal(JSON.parse(fs.readFileSync(path.join(lane.folder, 'ready'), 'utf8')).url, lane.base);
  const answer = overTls(lane.base, 'replay:02-text-paced', { id: 'tls' });
  await answer.done;
  assertLegal(answer);
  const deltas = answer.frames.filter((f) => f.chunk?.type === 'text-delta');
  assert.ok(deltas.at(-1).t - deltas[0].t >= 200, `${deltas.at(-1).t - deltas[0].t} ms`);
  const run = await curl('--cacert', file('ca.pem'), `${lane.base}/version`, '-w', '\n%{http_version} %{ssl_verify_result}');
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /\n1\.1 0$/);
  const line = await lane.until(() => requestLines(lane).find((l) => l.thread === 'tls'), 'the line');
  assert.equal(line.scheme, 'https');
  assert.equal(line.client, '127.0.0.1');
  const { protocol, version, socket } = await peerName(lane.base);
  assert.equal(protocol, 'http/1.1');
  assert.equal(version, 'TLSv1.3');
  socket.destroy();
  assert.equal((await lane.stop()).code, 0);
});

test('TLS: a lost page is noticed, and plain HTTP gets no answer', async () => {
  const lane = await startLane({ pace: 'x0.2', args: [...tlsArgs(), '--detach-grace', '100ms'] });
  const answer = overTls(lane.base, 'replay:02-text-paced', { id: 'lost' });
  await answer.frame('text-delta');
  answer.request.destroy();
  const line = await lane.until(() => requestLines(lane).find((l) => l.thread === 'lost'), 'the line');
  assert.equal(line.reader, 'client_gone');
  const plain = await send(lane.base.replace('https', 'http'), { path: '/healthz' });
  assert.equal(plain.status, 0);
  await lane.stop();
});

test('TLS: SIGHUP takes a renewed pair without dropping a stream; a bad one changes nothing and is told', async () => {
  const used = { cert: file('used.pem'), key: file('used.key') };
  const install = ({ cert, key }) => { fs.copyFileSync(cert, used.cert); fs.copyFileSync(key, used.key); };
  install(pair);
  const lane = await startLane({ pace: 'recorded', args: ['--tls-cert', used.cert, '--tls-key', used.key] });
  const hup = async () => {
    const seen = lane.stderr.length;
    lane.signal('SIGHUP');
    await lane.until(() => /"level":"info","event":"reload"/.test(lane.stderr.slice(seen)), 'the reload');
    return lane.stderr.slice(seen);
  };
  const nameNow = async () => { const { name, socket } = await peerName(lane.base); socket.destroy(); return name; };
  const running = overTls(lane.base, 'replay:02-text-paced');
  await running.frame('text-delta');
  assert.equal(await nameNow(), 'one');
  install(issue('two'));
  const renewed = await hup();
  assert.doesNotMatch(renewed, /"level":"error"/);
  assert.match(renewed, /"level":"info","event":"certificate","text":"CN = two, until /);
  assert.equal(await nameNow(), 'two');
  fs.copyFileSync(pair.key, used.key);
  assert.match(await hup(), /"level":"error","event":"reload".*does not belong/);
  assert.equal(await nameNow(), 'two');
  fs.rmSync(used.cert);
  const refused = await hup();
  assert.match(refused, /"level":"error","event":"reload".*used\.pem/);
  assert.doesNotMatch(refused, /"event":"certificate"/);
  assert.equal(await nameNow(), 'two');
  install(issue('old', '-1'));
  assert.match(await hup(), /"level":"warn","event":"certificate","text":"CN = old, until .*: expired, clients refuse it"/);
  const clock = clockOf(folder);
  clock.set(86_400);
  install(issue('early', '2', { ...process.env, ...clock.env }));
  assert.match(await hup(), /"level":"warn","event":"certificate","text":"CN = early, until .*: not valid before .* GMT, clients refuse it"/);
  await running.done;
  assertLegal(running);
  await lane.stop();
});

test('a listener that cannot be is refused with exit 2 and one line', async () => {
  const open = issue('open');
  fs.chmodSync(open.key, 0o644);
  const rows = [
    [['--tls-cert', pair.cert], /--tls-key/],
    [['--tls-key', pair.key], /--tls-cert/],
    [['--tls-cert', pair.cert, '--tls-key', open.key], /open\.key.*0644/],
    [['--tls-cert', open.cert, '--tls-key', pair.key], /does not belong/],
    [['--tls-cert', file('none.pem'), '--tls-key', pair.key], /none\.pem/],
    [['--listen', 'unix:relative'], /--listen.*unix:/],
    [['--listen', `unix:${folder}/s`, '--unix-mode', '0999'], /--unix-mode/],
    [['--listen', '127.0.0.1:0', '--listen', '0.0.0.0:0'], /0\.0\.0\.0:0.*reachable from elsewhere/],
    [['--trusted-proxy', '10.0.0.0/40'], /--trusted-proxy.*10\.0\.0\.0\/40/],
    [['--codex-children', '0'], /--codex-children/],
  ];
  for (const [args, says] of rows) {
    const run = await oa(['serve', '--authority', 'replay', ...(args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']), ...args]);
    assert.equal(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
    assert.match(run.stderr, says);
    assert.equal(run.stderr.trim().split('\n').length, 1, run.stderr);
  }
});

test('a unix socket beside an address: one lane, its mode as asked, gone at the end', async () => {
  const socket = file('lane.sock');
  const lane = await startLane({ args: ['--listen', `unix:${socket}`, '--unix-mode', '0660'] });
  assert.equal(fs.statSync(socket).mode & 0o7777, 0o660);
  assert.deepEqual(JSON.parse(fs.readFileSync(path.join(lane.folder, 'ready'), 'utf8')).urls, [lane.base, `unix:${socket}`]);
  const answer = overUnix(socket, 'replay:01-echo', { id: 'both' });
  await answer.done;
  assertLegal(answer);
  const again = chat(lane.base, 'replay:01-echo', { id: 'both' });
  await again.done;
  assertLegal(again);
  const lines = await lane.until(() => (requestLines(lane).length === 2 ? requestLines(lane) : null), 'both lines');
  assert.deepEqual(lines.map((l) => l.client), ['unix', '127.0.0.1']);
  const run = await curl('--unix-socket', socket, 'http://lane/healthz');
  assert.equal(run.code, 0, run.stderr);
  assert.equal((await lane.stop()).code, 0);
  assert.ok(!fs.existsSync(socket));
});

test('a unix socket left by a killed lane is taken over; that of a living one, and any other file, is not', async () => {
  const socket = file('stale.sock');
  const listen = `unix:${socket}`;
  const start = (name) => startLane({ name, args: ['--listen', listen] });
  const first = await start('killed');
  const refused = await oa(['serve', '--authority', 'replay', '--listen', listen]);
  assert.equal(refused.code, 6, refused.stderr);
  assert.match(refused.stderr, /already in use/);
  await first.kill();
  assert.ok(fs.existsSync(socket));
  const second = await start('heir');
  const answer = overUnix(socket, 'replay:01-echo');
  await answer.done;
  assertLegal(answer);
  // A file that took its place meanwhile is not ours to remove.
  fs.renameSync(socket, `${socket}.moved`);
  fs.writeFileSync(socket, 'precious');
  assert.equal((await second.stop()).code, 0);
  assert.equal(fs.readFileSync(socket, 'utf8'), 'precious');
  const third = await oa(['serve', '--authority', 'replay', '--listen', listen]);
  assert.equal(third.code, 2, third.stderr);
});

test('who is believed: the client field has the address a listed proxy tells, and nobody else', async () => {
  const socket = file('trust.sock');
  const claims = { 'x-forwarded-for': '203.0.113.5, 10.1.1.1', 'x-forwarded-proto': 'https' };
  const run = async (trust) => {
    const lane = await startLane({ args: [...trust.flatMap((t) => ['--trusted-proxy', t]), '--listen', `unix:${socket}`] });
    await chat(lane.base, 'replay:01-echo', { id: 'tcp', headers: claims }).done;
    await curl('--unix-socket', socket, 'http://lane/healthz', ...Object.entries(claims).flatMap(([n, v]) => ['-H', `${n}: ${v}`]));
    const lines = await lane.until(() => (requestLines(lane).length === 2 ? requestLines(lane) : null), 'both lines');
    assert.equal(lane.stderr.match(/203\.0\.113\.5/g)?.length ?? 0, lines.filter((l) => l.client === '203.0.113.5').length, 'nowhere else');
    await lane.stop();
    return lines.map((l) => [l.client, l.scheme]);
  };
  assert.deepEqual(await run([]), [['127.0.0.1', undefined], ['unix', undefined]]);
  assert.deepEqual(await run(['127.0.0.0/8', '10.0.0.0/8']), [['203.0.113.5', 'https'], ['unix', undefined]]);
  assert.deepEqual(await run(['127.0.0.0/8']), [['10.1.1.1', 'https'], ['unix', undefined]]);
  assert.deepEqual(await run(['unix', '10.0.0.0/8']), [['127.0.0.1', undefined], ['203.0.113.5', 'https']]);
});
