// The front door and the heads of backends that are no lane: what it may pass on, and what it must not. And the
// longest bodies that it takes for a lane.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { chatBody, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { startFront } from '../lib/local_target.mjs';
import { memoryOf } from '../lib/process.mjs';

// A sanitizer keeps freed memory for a while, and reserves more addresses than any limit.
const SANITIZED = Boolean(process.env.ASAN_OPTIONS ?? process.env.TSAN_OPTIONS);

let backend, front, says;
before(async () => {
  backend = net.createServer((client) => {
    client.on('error', () => {});
    client.once('data', () => says(client));
  });
  await new Promise((done) => backend.listen(0, '127.0.0.1', done));
  front = await startFront(['--backend', `v1=http://127.0.0.1:${backend.address().port}`]);
});
after(async () => {
  await front?.stop();
  backend?.close();
});

const ask = (method, headers = {}) => new Promise((done, failed) => {
  const request = http.request(`${front.base}/file`, { method, headers, agent: false }, (answer) => {
    let text = '';
    answer.on('data', (bytes) => { text += bytes; });
    answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, text }));
    answer.on('error', () => done({ status: answer.statusCode, headers: answer.headers, text, cut: true }));
  });
  request.on('error', failed);
  request.end();
});
const answerWith = (text) => { says = (client) => client.end(text); };

test('the answer to a HEAD keeps the length that a GET would get, however long', async () => {
  for (const length of ['5', '5000000']) {
    answerWith(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`);
    const { status, headers, text } = await ask('HEAD');
    assert.deepEqual([status, headers['content-length'], text], [200, length, '']);
  }
  answerWith('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n');
  const { status, headers } = await ask('HEAD');
  assert.deepEqual([status, headers['content-length'], headers['content-type']], [200, undefined, 'text/event-stream']);
});

test('a backend that switches protocols, for which it was not asked, is a bad gateway', async () => {
  answerWith('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nXX');
  const { status, text } = await ask('GET', { connection: 'upgrade', upgrade: 'websocket' });
  assert.equal(status, 502, text);
  assert.match(text, /revision v1 did not answer: its answer is 101/);
  assert.equal((await front.state()).backends[0].counters.unreachable, 1);
});

test('hints before the answer are left out, and the answer comes whole', async () => {
  answerWith('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  const { status, text } = await ask('GET');
  assert.deepEqual([status, text], [200, 'ok']);
});

test('a method that nobody knows is the backend\'s to refuse, which counts as reached', async () => {
  const before = (await front.state()).backends[0].counters;
  answerWith('HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 2\r\n\r\nno');
  const answer = await send(front.base, { method: 'GET_X2', path: '/api/chats/one/messages' });
  assert.deepEqual([answer.status, answer.text], [405, 'no']);
  await front.until(async () => (await front.state()).active === 0, 'its end');
  const { unreachable, finished } = (await front.state()).backends[0].counters;
  assert.deepEqual({ unreachable, finished }, { unreachable: before.unreachable, finished: before.finished + 1 });
});

test('a chat with the files of old messages is as long as the lane takes it, and no longer', async () => {
  const lane = await startLane();
  const door = await startFront(['--backend', `v1=${lane.base}`]);
  const file = { type: 'file', mediaType: 'image/png', url: `data:image/png;base64,${'A'.repeat(4 << 20)}` };
  const chat = (id, files) => chatBody('replay:01-echo', { id, before: Array.from({ length: files }, (_, n) => ({ id: `u-${n}`, role: 'user', parts: [file] })) });
  const post = (base, body) => send(base, { method: 'POST', path: '/api/chat', body });
  const direct = await post(lane.base, chat('direct', 5));
  const through = await post(door.base, chat('through', 5));
  assert.deepEqual([direct.status, through.status], [200, 200], through.text);
  assert.deepEqual([direct.chunks.at(-1), through.chunks.at(-1)], ['[DONE]', '[DONE]']);
  const much = await post(door.base, chat('much', 16));
  assert.deepEqual([much.status, much.json().error.code], [413, 'request_too_large']);
  await door.stop();
  assert.equal((await lane.stop()).code, 0);
});

test('bodies that come in share 256 MiB: one more is 503, and passes once the others are gone', async () => {
  const begun = [];
  const upload = () => new Promise((done) => {
    const request = http.request(`${front.base}/api/chat`, { method: 'POST', agent: false, headers: { 'content-length': 60 << 20 } }, (answer) => done(answer.resume().statusCode));
    request.on('error', () => done('closed')); // as when the client leaves
    request.write(Buffer.alloc(59 << 20));
    begun.push(request);
  });
  const answers = Array.from({ length: 5 }, upload);
  assert.equal(await Promise.race(answers), 503);
  for (const one of begun) one.destroy();
  assert.deepEqual((await Promise.all(answers)).sort(), [503, 'closed', 'closed', 'closed', 'closed']);
  answerWith('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  assert.equal((await send(front.base, { method: 'POST', path: '/api/chat', body: { text: 'x' } })).status, 200);
});

test('a long body is in memory once, and no longer than until its answer begins', { skip: SANITIZED && 'a sanitizer keeps freed memory' }, async () => {
  const door = await startFront(['--backend', `v1=http://127.0.0.1:${backend.address().port}`]);
  const body = Buffer.concat([Buffer.alloc(60 << 20, 'x'), Buffer.from('!')]);
  says = (client) => client.on('data', (bytes) => {
    if (bytes.at(-1) === body.at(-1)) client.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: begun\n\n');
  });
  const atFirst = memoryOf(door.pid);
  const streams = [];
  for (let n = 0; n < 3; n += 1) {
    const stream = open(door.base, { method: 'POST', path: '/api/chats/one/function', body });
    await stream.wait(() => stream.frames.length > 0, 'beginning');
    streams.push(stream);
    const most = memoryOf(door.pid, 'VmHWM') - atFirst;
    if (n === 0) assert.ok(most < 95, `${most} MB more at most for one body of 60 MB`); // it grows in steps
  }
  assert.equal((await door.state()).active, 3);
  const more = memoryOf(door.pid) - atFirst;
  assert.ok(more < 50, `${more} MB more with three open streams`);
  for (const one of streams) one.destroy();
  assert.equal((await door.stop()).code, 0);
});

test('without memory for a copy its request goes on', { skip: SANITIZED && 'a sanitizer reserves more addresses than any limit' }, async () => {
  const target = `http://127.0.0.1:${backend.address().port}`;
  const door = await startFront(['--backend', `v1=${target}`, '--mirror', `next=${target}/copy@100%,dry`], { wrap: ['prlimit', `--as=${150 << 20}`] });
  answerWith('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  const much = await send(door.base, { method: 'GET', path: '/api/x', body: Buffer.alloc(60 << 20, 'x') });
  assert.deepEqual([much.status, much.text], [200, 'ok']);
  await door.until(async () => (await door.state()).active === 0, 'its end'); // it tells the client first
  const { active, mirror } = await door.state();
  assert.deepEqual([active, mirror.counters.sampled, mirror.counters.too_large, mirror.counters.copied], [0, 1, 1, 0], JSON.stringify(mirror));
  assert.equal((await door.stop()).code, 0);
});
