// Many streams of one browser: HTTP/2 by the real nginx, as docs/edge.md shows it.
import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { slowed, writeCaptures } from '../lib/captures.mjs';
import { chatBody } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit } from '../lib/process.mjs';
import { startNginxHttp2 } from '../lib/proxies.mjs';

const STREAMS = 10;

let lane;
let nginx;
before(async () => {
  // "long" goes on for a minute unless it is stopped.
  lane = await startLane({ replayDir: writeCaptures({ long: slowed(1500) }), pace: 'recorded', args: ['--trusted-proxy', '127.0.0.1'] });
  nginx = await startNginxHttp2(lane.base);
});
after(async () => {
  await nginx?.stop();
  assert.equal((await lane.stop()).code, 0);
});

const soon = (what, promise, ms = 15000) => Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error(`${what}: not within ${ms} ms`)), limit(ms)).unref())]);

/** One request of an HTTP/2 session: {status, first, ended, text()}. */
function ask(session, path, body) {
  const { host } = new URL(nginx.base);
  const stream = session.request({ ':method': 'POST', ':path': path, ':authority': host, 'content-type': 'application/json', origin: nginx.base });
  let text = '';
  stream.setEncoding('utf8');
  const status = new Promise((done, fail) => { stream.on('response', (headers) => done(headers[':status'])); stream.on('error', fail); });
  const first = new Promise((done) => stream.on('data', (piece) => { text += piece; if (text.includes('"text-delta"')) done(); }));
  const ended = new Promise((done) => stream.on('end', () => done(text)));
  stream.end(body === undefined ? undefined : JSON.stringify(body));
  return { status, first, ended };
}

test(`${STREAMS} streams over one HTTP/2 connection through nginx, and Stop reaches every one at once`, async () => {
  const session = http2.connect(nginx.base, { ca: nginx.ca });
  await soon('the session', new Promise((done, fail) => { session.on('connect', done); session.on('error', fail); }));
  assert.equal(session.alpnProtocol, 'h2');
  const ids = Array.from({ length: STREAMS }, (_, n) => `h2-${n}`);
  const streams = ids.map((id) => ask(session, '/api/chat', chatBody('replay:long', { id })));
  assert.deepEqual(new Set(await soon('all heads', Promise.all(streams.map((s) => s.status)))), new Set([200]));
  await soon('a piece of each', Promise.all(streams.map((s) => s.first)));
  const began = Date.now();
  const stops = ids.map((id) => ask(session, `/api/chats/${id}/stop`, {}));
  assert.deepEqual(new Set(await soon('all stops', Promise.all(stops.map((s) => s.status)))), new Set([200]));
  const texts = await soon('all ends', Promise.all(streams.map((s) => s.ended)));
  console.log(`# ${STREAMS} stops over HTTP/2: ${Date.now() - began} ms`);
  for (const text of texts) assert.match(text, /"type":"abort"|\[DONE\]/);
  session.close();
});

test('the finding: with the six HTTP/1.1 connections of a browser the seventh stream and Stop wait', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 6 }); // as Chromium, Firefox and Safari
  const post = (path, body) => new Promise((done, fail) => {
    const request = http.request(lane.base + path, { method: 'POST', agent, headers: { 'content-type': 'application/json' } }, done);
    request.on('error', fail);
    request.end(JSON.stringify(body));
  });
  const six = await soon('six heads', Promise.all(Array.from({ length: 6 }, (_, n) => post('/api/chat', chatBody('replay:long', { id: `h1-${n}` })))));
  for (const response of six) response.resume();
  let seventh = null;
  let stopped = null;
  const both = [post('/api/chat', chatBody('replay:long', { id: 'h1-6' })).then((r) => { seventh = r; r.resume(); }),
    post('/api/chats/h1-0/stop', {}).then((r) => { stopped = r; r.resume(); })];
  for (const one of both) one.catch(() => {});
  await new Promise((done) => setTimeout(done, limit(2000)));
  assert.deepEqual([seventh, stopped], [null, null], 'both wait for a connection');
  six[1].destroy();
  await soon('the seventh', both[0]);
  six[2].destroy();
  await soon('the stop', both[1]);
  agent.destroy();
});
