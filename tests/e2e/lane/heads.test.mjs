// What is refused is refused on the request's head: nobody without a token, and no number of large
// bodies, takes the lane's memory.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { curl, limit, memoryOf, scratch } from '../lib/process.mjs';

const TOKEN = 'heads-test-bearer-0001';
const GOOD = { authorization: `Bearer ${TOKEN}` };
const MIB = 1 << 20;
const SIZE = 7.9 * MIB | 0;
// A sanitizer keeps freed memory for a while, and reserves more addresses than any limit.
const SANITIZED = Boolean(process.env.ASAN_OPTIONS ?? process.env.TSAN_OPTIONS);
const FILLER = Buffer.alloc(SIZE, 'x');

/** Resident memory of the lane, in MiB. */
const head = (headers, path = '/api/chat') =>
  `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;

/** Sends all of it whatever comes back, and only then looks at the answer. */
function upload(base, text, body) {
  const { port, hostname } = new URL(base);
  return new Promise((done) => {
    const socket = net.connect(Number(port), hostname);
    const got = { text: '', error: null };
    const timer = setTimeout(() => socket.destroy(new Error('no end in time')), limit(30000));
    let written = false;
    const look = () => { if (written && got.text.includes('\r\n\r\n')) socket.destroy(); };
    socket.on('connect', () => { socket.write(text); socket.write(body, () => { written = true; look(); }); });
    socket.on('data', (bytes) => { got.text += bytes.toString('latin1'); look(); });
    socket.on('error', (error) => { got.error = error.message; });
    socket.on('close', () => { clearTimeout(timer); done({ ...got, status: Number(got.text.split(' ')[1]) }); });
  });
}

test('200 uploads of 7.9 MB with a bad token: each reads its 401, and memory stays where it was', async () => {
  const lane = await startLane({ env: { OA_STREAM_TOKEN: TOKEN } });
  assert.equal((await send(lane.base, { path: '/healthz' })).status, 200);
  const before = memoryOf(lane.pid);
  const bad = head({ authorization: 'Bearer wrong', 'content-length': SIZE });
  const answers = await Promise.all(Array.from({ length: 200 }, () => upload(lane.base, bad, FILLER)));
  assert.deepEqual([...new Set(answers.map((a) => `${a.status} ${a.error}`))], ['401 null']);
  const most = memoryOf(lane.pid, 'VmHWM');
  console.log(`# memory before ${before.toFixed(0)} MiB, at most ${most.toFixed(0)} MiB`);
  assert.ok(most - before < 40, `from ${before} to ${most} MiB`);
  assert.equal((await send(lane.base, { path: '/healthz' })).status, 200);
  assert.equal((await lane.stop()).code, 0);
});

test('200 bodies at once of somebody with a token: the budget holds, the rest gets 503 with Retry-After', async () => {
  const lane = await startLane({ env: { OA_STREAM_TOKEN: TOKEN } });
  const before = memoryOf(lane.pid);
  // The last byte stays out: every body that was let in is held while it is being read.
  const text = head({ ...GOOD, 'content-length': SIZE + 1 });
  const { port, hostname } = new URL(lane.base);
  const sockets = [];
  const told = [];
  let sent = 0;
  for (let n = 0; n < 200; n += 1) {
    const socket = net.connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.on('data', (bytes) => told.push(bytes.toString('latin1')));
    socket.write(text);
    socket.write(FILLER, () => { sent += 1; });
    sockets.push(socket);
  }
  await lane.until(() => sent === 200, 'all bodies', 60000);
  const refused = () => told.filter((t) => t.startsWith('HTTP/1.1 503'));
  await lane.until(() => refused().length >= 190, 'the refusals', 60000);
  const most = memoryOf(lane.pid, 'VmHWM');
  console.log(`# memory before ${before.toFixed(0)} MiB, at most ${most.toFixed(0)} MiB, ${refused().length} of 200 refused`);
  for (const answer of refused()) assert.match(answer, /\r\nretry-after: 1\r\n[^]*"code":"service_unavailable"/i);
  assert.ok(refused().length < 200, 'some are within the budget');
  if (!SANITIZED) assert.ok(most - before < 256, `from ${before} to ${most} MiB`);
  for (const socket of sockets) socket.destroy();
  // What they held is free again.
  const end = Date.now() + limit(20000);
  let again;
  do again = await upload(lane.base, head({ ...GOOD, 'content-length': SIZE }), FILLER); while (again.status === 503 && Date.now() < end);
  assert.equal(again.status, 400, 'not JSON, but read whole');
  const after = await chat(lane.base, 'replay:01-echo', { headers: GOOD }).done;
  assertLegal(after);
  assert.equal((await lane.stop()).code, 0);
});

test('the order on the head is 413, 426, 401, 415; no 100 Continue before it has passed', async () => {
  const lane = await startLane({ args: ['--compat', 'required', '--limit', 'body=1m'], env: { OA_STREAM_TOKEN: TOKEN } });
  const hand = { 'x-oa-client-build-id': '20260101T000000Z', 'x-oa-protocol-version': 'openagents.control.v1', 'x-oa-schema-version': '1' };
  const expect = { expect: '100-continue', 'content-length': 100 };
  const rows = [
    [413, { ...expect, 'content-length': 2 * MIB }],
    [426, expect],
    [401, { ...expect, ...hand }],
    [415, { ...expect, ...hand, ...GOOD, 'content-type': 'text/plain' }],
  ];
  for (const [status, headers] of rows) {
    const type = headers['content-type'] ?? 'application/json';
    const lines = Object.entries({ ...headers, 'content-type': type }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const answer = await send(lane.base, { raw: `POST /api/chat HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines}\r\n` });
    assert.equal(answer.status, status); // the first status there is
    assert.equal(answer.headers.connection, 'close');
  }
  const asked = open(lane.base, { raw: head({ ...expect, ...hand, ...GOOD }) });
  assert.equal(await asked.wait((x) => x.status, 'the interim answer'), 100);
  asked.destroy();
  assert.equal((await lane.stop()).code, 0);
});

test('chunks are refused with 413 as soon as they pass the limit, not at their end', async () => {
  const lane = await startLane({ args: ['--limit', 'body=1m'] });
  const before = memoryOf(lane.pid);
  const { port, hostname } = new URL(lane.base);
  const socket = net.connect(Number(port), hostname);
  const answer = new Promise((done) => socket.once('data', (bytes) => done(bytes.toString('latin1'))));
  socket.write(head({ 'transfer-encoding': 'chunked' }));
  // It never ends by itself.
  const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65536, 'c'), Buffer.from('\r\n')]);
  socket.on('error', () => {}); // a reset at the end of our patience
  (function more() { if (!socket.destroyed) socket.write(chunk, () => setImmediate(more)); })();
  const text = await answer;
  assert.match(text, /^HTTP\/1\.1 413 /);
  assert.match(text, /"payload_too_large"/);
  if (!socket.destroyed) await new Promise((done) => socket.once('close', done)); // it is not read for ever
  assert.ok(memoryOf(lane.pid) - before < 20);
  assert.equal((await lane.stop()).code, 0);
});

test('real clients read the early answer: curl with and without Expect, node fetch, a keep-alive agent', async () => {
  const lane = await startLane({ env: { OA_STREAM_TOKEN: TOKEN } });
  const file = path.join(scratch('body'), 'body.json');
  fs.writeFileSync(file, FILLER);
  const common = ['-w', '%{http_code} %{size_upload}', '-o', '/dev/null', '-H', 'content-type: application/json', '-H', 'authorization: Bearer wrong', '--data-binary', `@${file}`, `${lane.base}/api/chat`];
  for (const extra of [[], ['-H', 'Expect:'], ['-H', 'Expect: 100-continue'], ['-H', 'transfer-encoding: chunked', '-H', 'Expect:']]) {
    const run = await curl(...extra, ...common);
    assert.deepEqual([run.code, run.stdout.split(' ')[0]], [0, '401'], `${extra} ${run.stderr}`);
    if (extra[0] !== undefined && extra[1] === 'Expect: 100-continue') assert.equal(run.stdout, '401 0', 'nothing was uploaded');
  }
  const fetched = (headers, body) => fetch(`${lane.base}/api/chat`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  for (let n = 0; n < 5; n += 1) {
    const answer = await fetched({ authorization: 'Bearer wrong' }, FILLER);
    assert.equal(answer.status, 401);
    assert.equal((await answer.json()).error.code, 'unauthorized');
  }
  const large = await fetched(GOOD, Buffer.alloc(9 * MIB, 'x'));
  assert.equal(large.status, 413);
  assert.equal((await large.json()).error.code, 'payload_too_large');
  // A short body does not cost the connection: the pool's next request goes over the same one.
  const small = await fetched({ authorization: 'Bearer wrong' }, JSON.stringify(chatBody('replay:01-echo')));
  assert.equal(small.status, 401);
  assert.notEqual(small.headers.get('connection'), 'close');
  await small.text();
  const next = await fetched(GOOD, JSON.stringify(chatBody('replay:01-echo')));
  assert.equal(next.status, 200);
  await next.text();
  assert.equal((await lane.stop()).code, 0);
});

test("OpenAI's library reads a 401 and a 413 that came before its body was sent", async () => {
  const { default: OpenAI } = await import('../../conformance/chat-completions/node_modules/openai/index.mjs');
  const lane = await startLane({ env: { OA_STREAM_TOKEN: TOKEN } });
  const ask = (apiKey, size) => new OpenAI({ apiKey, baseURL: `${lane.base}/v1`, maxRetries: 0 })
    .chat.completions.create({ model: 'oa-stream', messages: [{ role: 'user', content: 'x'.repeat(size) }] });
  await assert.rejects(ask('wrong', SIZE), (error) => error.status === 401 && error.code === 'invalid_api_key');
  await assert.rejects(ask(TOKEN, 9 * MIB), (error) => error.status === 413 && error.code === 'request_too_large');
  assert.equal((await lane.stop()).code, 0);
});

test('without memory a request ends, the lane does not', { skip: SANITIZED && 'a sanitizer reserves more addresses than any limit' }, async () => {
  const lane = await startLane({ wrap: ['prlimit', `--as=${400 * MIB}`], args: ['--limit', 'total-bodies=4000m', '--limit', 'total-requests=4000m'] });
  const text = head({ 'content-length': SIZE + 1 });
  const { port, hostname } = new URL(lane.base);
  const told = [];
  const sockets = Array.from({ length: 100 }, () => {
    const socket = net.connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.on('data', (bytes) => told.push(bytes.toString('latin1')));
    socket.write(text);
    socket.write(FILLER);
    return socket;
  });
  await lane.until(() => told.filter((t) => t.startsWith('HTTP/1.1 503')).length >= 10, 'refusals for want of memory', 30000);
  for (const socket of sockets) socket.destroy();
  const end = Date.now() + limit(10000);
  let answer;
  do answer = await send(lane.base, { path: '/healthz' }); while (answer.status !== 200 && Date.now() < end);
  assert.equal(answer.status, 200);
  const turn = await chat(lane.base, 'replay:01-echo').done;
  assertLegal(turn);
  assert.equal((await lane.stop()).code, 0);
});

test('a path without a route, a wrong method and a health check do not keep a body either', async () => {
  const lane = await startLane({});
  const before = memoryOf(lane.pid);
  const rows = [['/nowhere', 404], ['/healthz', 405]];
  for (const [where, status] of rows) {
    const answers = await Promise.all(Array.from({ length: 40 }, () => upload(lane.base, head({ 'content-length': SIZE }, where), FILLER)));
    assert.deepEqual([...new Set(answers.map((a) => a.status))], [status]);
  }
  assert.ok(memoryOf(lane.pid, 'VmHWM') - before < 40, `from ${before} to ${memoryOf(lane.pid, 'VmHWM')} MiB`);
  assertRefused(await send(lane.base, { method: 'POST', path: '/nowhere', body: {} }), 404, 'not_found');
  assert.equal((await lane.stop()).code, 0);
});

test('a head that makes no sense is refused in the words of the API that it is sent to', async () => {
  const lane = await startLane({});
  const bad = {
    'a bare line feed': (path) => `POST ${path} HTTP/1.1\nhost: a\n\n`,
    'two hosts': (path) => `POST ${path} HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n`,
    'a head that is too long': (path) => `POST ${path} HTTP/1.1\r\nhost: a\r\nx-long: ${'a'.repeat(70_000)}\r\n\r\n`,
  };
  for (const [what, raw] of Object.entries(bad)) {
    const [openai, own] = [await send(lane.base, { raw: raw('/v1/chat/completions?a=b') }), await send(lane.base, { raw: raw('/api/chat') })];
    const status = /long/.test(what) ? 431 : 400;
    const code = status === 431 ? 'headers_too_large' : 'bad_request';
    assertRefused(own, status, code);
    assert.equal(openai.status, status, what);
    const { error, ...more } = openai.json();
    assert.deepEqual(more, {}, what);
    assert.deepEqual({ ...error, message: '' }, { message: '', type: 'invalid_request_error', param: null, code }, what);
  }
  await lane.stop();
});
