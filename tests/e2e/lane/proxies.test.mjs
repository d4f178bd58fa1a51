// Through the real nginx and HAProxy, configured by the examples we ship.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { isEvent, readCapture, slowed, writeCaptures } from '../lib/captures.mjs';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { requestLines, startLane } from '../lib/lane.mjs';
import { startHaproxy, startNginx } from '../lib/proxies.mjs';
import { limit } from '../lib/process.mjs';

const SILENCE_MS = 30000;
// The examples wait 60 s for a sign of life; here it is 10.
const IDLE_CUT = { nginx: [['proxy_read_timeout 60s', 'proxy_read_timeout 10s']], haproxy: [['timeout client 60s', 'timeout client 10s'], ['timeout server 60s', 'timeout server 10s']] };
const PROXIES = { nginx: startNginx, haproxy: startHaproxy };

/** A command that says nothing for 30 s. */
function silentTool() {
  const lines = readCapture('12-exec-output-deltas');
  const at = lines.findIndex((line) => isEvent('item/started')(line) && line.msg.params.item.type === 'commandExecution');
  assert.ok(at > 0);
  return lines.map((line, n) => (n > at ? { ...line, t: line.t + SILENCE_MS } : line));
}

const replayDir = writeCaptures({ silent: silentTool(), paced: slowed(120) });
const lanes = {};
const proxies = {};
const running = [];
const long = { began: 0, carried: [], cut: [] }; // under way while the other tests run
before(async () => {
  const args = ['--trusted-proxy', '127.0.0.1', '--detach-grace', '1s', '--heartbeat'];
  lanes.lane = await startLane({ replayDir, pace: 'recorded', args: [...args, '3s'] });
  lanes.mute = await startLane({ replayDir, pace: 'recorded', args: [...args, '1h'], name: 'mute-lane' });
  for (const [name, start] of Object.entries(PROXIES)) {
    for (const [kind, lane] of Object.entries(lanes)) {
      proxies[`${name} ${kind}`] = await start(lane.base, IDLE_CUT[name]);
      running.push(proxies[`${name} ${kind}`]);
    }
    if (name === 'haproxy') for (const kind of Object.keys(lanes)) await up(proxies[`haproxy ${kind}`].base);
  }
  long.began = Date.now();
  for (const name of Object.keys(PROXIES)) {
    long.carried.push(chat(proxies[`${name} lane`].base, 'replay:silent', { ms: 50000 }));
    const cut = chat(proxies[`${name} mute`].base, 'replay:silent', { ms: 50000 });
    cut.done.then(() => { cut.after = Date.now() - long.began; });
    long.cut.push(cut);
  }
});
after(async () => {
  for (const proxy of running) await proxy.stop();
  for (const lane of Object.values(lanes)) assert.equal((await lane.stop()).code, 0);
});
/** HAProxy answers 503 itself until the first health check. */
async function up(base) {
  const end = Date.now() + limit(10000);
  while ((await send(base, { path: '/readyz' })).status !== 200) assert.ok(Date.now() < end, 'the backend is up');
}
const access = () => requestLines(lanes.lane);

for (const name of Object.keys(PROXIES)) {
  const base = () => proxies[`${name} lane`].base;

  test(`${name}: each piece comes through at once`, async () => {
    const answer = chat(base(), 'replay:paced');
    await answer.done;
    assertLegal(answer);
    const deltas = answer.frames.filter((f) => f.chunk?.type === 'text-delta');
    assert.ok(deltas.length >= 20, `${deltas.length} deltas`);
    const spread = deltas.at(-1).t - deltas[0].t;
    assert.ok(spread >= 1200, `${deltas.length} deltas within ${spread} ms`);
    assert.ok(answer.reads.length > deltas.length / 2, `${answer.reads.length} reads`);
    const gaps = deltas.slice(1).map((delta, n) => delta.t - deltas[n].t);
    assert.ok(Math.max(...gaps) < limit(spread / 3), `no burst: ${gaps}`);
  });

  test(`${name}: what is refused before the stream comes through as it is`, async () => {
    const refused = await send(base(), { method: 'POST', path: '/api/chat', body: '{' });
    assert.equal(refused.status, 400);
    assert.equal(refused.json().error.code, 'invalid_json');
    assert.equal(refused.json().error.requestId, refused.headers['x-request-id']);
  });

  test(`${name}: the metrics of a lane on loopback do not come through`, async () => {
    for (const path of ['/metrics', '/metrics?x']) assert.equal((await send(base(), { path })).status, 404, path);
    assert.equal((await send(lanes.lane.base, { path: '/metrics' })).status, 200);
  });

  test(`${name}: a client that leaves is gone for the lane too`, async () => {
    // A lane without heartbeats: no write shows that the client is gone, and the idle cut comes after 10 s.
    const mute = proxies[`${name} mute`].base, noticed = (pick, what) => lanes.mute.until(() => requestLines(lanes.mute).some(pick), what, 5000);
    const id = `leaves-${name}`;
    const answer = chat(mute, 'replay:silent', { id });
    await answer.frame((chunk) => chunk?.type?.startsWith('tool-'));
    answer.destroy(); // its line comes after the grace
    await noticed((line) => line.thread === id && line.reader === 'client_gone', 'the loss of a stream');
    // Also of an answer that is not streamed, whose turn it ends.
    const body = { model: 'replay', messages: [{ role: 'user', content: 'replay:silent' }] };
    const accepted = async () => Number(/bridge_accepted_total{route="\/v1\/chat\/completions"[^}]*} (\d+)/.exec((await send(lanes.mute.base, { path: '/metrics' })).text)?.[1] ?? 0);
    const before = await accepted();
    const whole = open(mute, { method: 'POST', path: '/v1/chat/completions', headers: { 'x-request-id': `whole-${name}` }, body });
    await lanes.mute.until(async () => await accepted() > before, 'the turn');
    whole.destroy();
    await noticed((line) => line.request_id === `whole-${name}` && line.status === 499, 'the loss of an answer');
  });

  test(`${name}: the access log has the client's own address, not what it claims`, async () => {
    const id = `who-${name}`;
    await new Promise((done, fail) => {
      const url = new URL('/api/chat', base());
      const headers = { 'content-type': 'application/json', 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6' };
      const request = http.request(url, { method: 'POST', localAddress: '127.0.0.9', headers }, (response) => response.resume().on('end', done));
      request.on('error', fail);
      request.end(JSON.stringify({ id, messages: [{ id: 'u1', role: 'user', parts: [{ type: 'text', text: 'replay:paced' }] }] }));
    });
    const line = await lanes.lane.until(() => access().find((l) => l.thread === id), 'the line');
    assert.equal(line.client, '127.0.0.9');
    assert.doesNotMatch(lanes.lane.stderr, /6\.6\.6\.6/);
  });
}

test('an idle cut at 10 s and a tool that is silent for 30 s: heartbeats carry the stream over, and only they', { timeout: limit(60000) }, async () => {
  for (const answer of long.cut) {
    await answer.done;
    assert.ok(!answer.complete, 'cut, and not ended as if it were whole');
    assert.ok(answer.after >= 9000 && answer.after < SILENCE_MS - 1000, `${answer.after} ms`);
  }
  for (const answer of long.carried) {
    await answer.done;
    assertLegal(answer);
    const [tool] = Object.values(read(answer).tools);
    assert.equal(tool.type, 'tool-output-available');
    assert.ok(answer.frames.at(-1).t - answer.frames[0].t >= SILENCE_MS);
    assert.ok(answer.text.split('\n').filter((line) => line === ': ping').length >= 8);
    const gaps = answer.reads.slice(1).map((piece, n) => piece.t - answer.reads[n].t);
    assert.ok(Math.max(...gaps) < 10000, `${gaps}`);
  }
});
