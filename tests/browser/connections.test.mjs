// How many streams one browser can have open: six connections by HTTP/1.1, one with all of them by HTTP/2.
// And what a page of another site can do to a lane on its visitor's machine.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import http from 'node:http';
import { slowed, writeCaptures } from '../e2e/lib/captures.mjs';
import { startLane } from '../e2e/lib/lane.mjs';
import { startNginxHttp2 } from '../e2e/lib/proxies.mjs';
import { Browser } from './lib/cdp.mjs';

const STREAMS = 10;

let lane;
let nginx;
let browser;
let evil;
before(async () => {
  lane = await startLane({ replayDir: writeCaptures({ long: slowed(1500) }), pace: 'recorded', args: ['--trusted-proxy', '127.0.0.1'] });
  nginx = await startNginxHttp2(lane.base);
  const { port } = new URL(lane.base);
  // A name of the attacker that by now resolves to the visitor's own machine.
  browser = await Browser.start(['--ignore-certificate-errors', `--host-resolver-rules=MAP evil.example 127.0.0.1:${port}, MAP other.example 127.0.0.1, MAP * ~NOTFOUND , EXCLUDE 127.0.0.1`]);
  evil = http.createServer((_, response) => response.end('<title>evil</title>')).listen(0, '127.0.0.1');
  await new Promise((done) => evil.on('listening', done));
});
after(async () => {
  evil?.close();
  await browser?.stop();
  await nginx?.stop();
  assert.equal((await lane.stop()).code, 0);
});

// Runs in the page, whose origin is the lane's.
async function openAndStop(prefix, count, ms) {
  const heads = [];
  const stopped = [];
  const within = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, ms))]);
  const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const message = (n) => ({ id: `${prefix}-${n}`, messages: [{ id: `u${n}`, role: 'user', parts: [{ type: 'text', text: 'replay:long' }] }], trigger: 'submit-message' });
  const opening = [];
  for (let n = 0; n < count; n += 1) opening.push(post('/api/chat', message(n)).then((r) => heads.push(r.status)));
  await within(Promise.all(opening));
  const open = heads.length;
  const stops = [];
  for (let n = 0; n < count; n += 1) stops.push(post(`/api/chats/${prefix}-${n}/stop`, {}).then((r) => stopped.push(r.status)));
  await within(Promise.all(stops));
  return { open, stopped: stopped.filter((status) => status === 200).length };
}

test('by HTTP/1.1 the seventh stream waits, and no Stop gets through', async () => {
  const tab = await (await browser.person()).tab();
  await tab.goto(`${lane.base}/version`);
  assert.deepEqual(await tab.run(openAndStop, 'one', STREAMS, 3000), { open: 6, stopped: 0 });
});

test('by HTTP/2 through nginx all are open, and every Stop gets through', async () => {
  const tab = await (await browser.person()).tab();
  await tab.goto(`${nginx.base}/version`);
  assert.deepEqual(await tab.run(openAndStop, 'two', STREAMS, 8000), { open: STREAMS, stopped: STREAMS });
});

// Runs in the page of another site.
async function attack(base) {
  const tries = {
    'text/plain': { method: 'POST', mode: 'no-cors', body: '{}' },
    'no body': { method: 'POST', mode: 'no-cors' },
    form: { method: 'POST', mode: 'no-cors', body: new URLSearchParams({ a: '1' }) },
    json: { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
  };
  const out = {};
  for (const [name, init] of Object.entries(tries)) out[name] = await fetch(`${base}/api/chats`, init).then((r) => r.status, () => 'refused');
  return out;
}

test('a page of another site makes nothing, whatever it sends without asking', async () => {
  const tab = await (await browser.person()).tab();
  await tab.goto(`http://other.example:${evil.address().port}/`);
  assert.deepEqual(await tab.run(attack, lane.base), { 'text/plain': 0, 'no body': 0, form: 0, json: 'refused' });
  const lines = lane.stderr.split('\n').filter((l) => l.includes('"route":"/api/chats"')).map((l) => JSON.parse(l));
  assert.deepEqual([...new Set(lines.filter((l) => l.method === 'POST').map((l) => l.status))], [403]);
});

test('DNS rebinding: under its own name the page gets 421 from the lane on its visitor\'s machine', async () => {
  const tab = await (await browser.person()).tab();
  await tab.goto('http://evil.example/healthz'); // same origin with the lane from here on, to the browser
  const statuses = await tab.run(async () => {
    const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then((r) => r.status);
    const body = { messages: [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'replay:long' }] }], trigger: 'submit-message' };
    return [await post('/api/chat', body), await post('/api/chats', {}), await fetch('/api/chats').then((r) => r.status)];
  });
  assert.deepEqual(statuses, [421, 421, 421]);
});
