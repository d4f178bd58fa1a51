// What goes wrong between a lane and its reader, each told by its own word over the wire: held back,
// cut, stalled, cut for being idle, said twice, said too late.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isEvent, readCapture, writeCaptures } from '../lib/captures.mjs';
import { TOKEN, frame, startFakeLane } from '../lib/fake_lane.mjs';
import { send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit, oa, sleep } from '../lib/process.mjs';
import { startHaproxy, startNginx } from '../lib/proxies.mjs';

const smoke = async (base, args = [], env = {}) => {
  const run = await oa(['smoke', 'stream', '--base-url', base, '--json', ...args], { ms: 120000, env });
  return { run, report: run.json() };
};
function check({ report }, name) {
  const found = report.checks.find((one) => one.id === `stream.${name}`);
  assert.ok(found, `no check ${name}`);
  return found;
}
const happy = ['happy.chat-stream', 'happy.chats-id-stream', 'happy.chat'];
const outcomes = (result) => happy.map((name) => check(result, name).data.outcome);

const isDelta = isEvent('item/agentMessage/delta');
/** Twenty words, `ms` apart; the tenth only after a silence. */
function words(ms, silence = 0) {
  let t = 0, n = 0;
  return readCapture('02-text-paced').map((line) => ({ ...line, t: (t += isDelta(line) ? (++n === 10 ? ms + silence : ms) : 1) }));
}
// nginx heeds the lane's x-accel-buffering, so an edge that buffers must be told not to; and it holds back
// only what it reads as HTTP/1.0, its default: of a chunked answer it hands on each chunk, buffering or not.
const BUFFERS = [['proxy_buffering off;', 'proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;'], ['proxy_http_version 1.1;', 'proxy_http_version 1.0;']];
const COMPRESSES = [['gzip off;', 'gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_proxied any;']];

const edges = {};
const lanes = {};
before(async () => {
  const replayDir = writeCaptures({ 'words': words(80), 'silent': words(35, 6000), 'stall20': words(35, 20000) });
  lanes.lane = await startLane({ replayDir, pace: 'recorded', args: ['--heartbeat', '500ms'] });
  lanes.mute = await startLane({ replayDir, pace: 'recorded', args: ['--heartbeat', '1h'], name: 'mute-lane' });
  edges.plain = await startNginx(lanes.lane.base);
  edges.buffers = await startNginx(lanes.lane.base, BUFFERS);
  edges.compresses = await startNginx(lanes.lane.base, COMPRESSES);
  edges.nginx = await startNginx(lanes.mute.base, [['proxy_read_timeout 60s', 'proxy_read_timeout 2s']]);
  edges.patient = await startNginx(lanes.lane.base, [['proxy_read_timeout 60s', 'proxy_read_timeout 3s']]);
  edges.haproxy = await startHaproxy(lanes.mute.base, [['timeout client 60s', 'timeout client 2s'], ['timeout server 60s', 'timeout server 2s']]);
  const end = Date.now() + limit(10000);
  while ((await send(edges.haproxy.base, { path: '/readyz' })).status !== 200) assert.ok(Date.now() < end, 'the backend is up');
});
after(async () => {
  for (const edge of Object.values(edges)) await edge.stop();
  for (const lane of Object.values(lanes)) await lane.kill(); // turns that were left in their silence are still under way
});

// They wait far more than they work.
describe('through real edges', { concurrency: 4 }, () => {
  describe('an edge that holds the answer back', { concurrency: 2 }, () => {
    test('nginx with buffering on is buffered, and it is said between whom and whom', async () => {
      const result = await smoke(edges.buffers.base, ['--prompt', 'replay:words', '--also-direct', lanes.lane.base]);
      const found = check(result, 'streaming.incremental');
      assert.equal(found.verdict, 'FAIL', result.run.stdout);
      assert.match(found.detail, /^buffered: .*server: nginx/);
      assert.ok(outcomes(result).every((word) => word === 'buffered'), outcomes(result).join());
      const origin = check(result, 'streaming.origin');
      assert.equal(origin.verdict, 'FAIL');
      assert.match(origin.detail, /^buffered between origin and target: the origin streams; server: nginx/);
      assert.equal(result.run.code, 1);
    });
    test('nginx with buffering off is not, nor is the lane itself', async () => {
      for (const base of [edges.plain.base, lanes.lane.base]) {
        const result = await smoke(base, ['--prompt', 'replay:words', '--also-direct', lanes.lane.base]);
        assert.equal(check(result, 'streaming.incremental').verdict, 'PASS', result.run.stdout);
        assert.equal(check(result, 'streaming.origin').verdict, 'PASS');
        assert.deepEqual(outcomes(result), ['ok', 'ok', 'ok']);
      }
    });
    test('an edge that compresses for browsers is found, though it leaves other clients alone', async () => {
      const result = await smoke(edges.compresses.base, ['--prompt', 'replay:words', '--also-direct', lanes.lane.base]);
      const found = check(result, 'headers.not-encoded');
      assert.equal(found.verdict, 'FAIL', result.run.stdout);
      assert.match(found.detail, /gzip/);
      assert.match(check(result, 'streaming.origin').detail, /^encoded between origin and target.*content-encoding: gzip/);
      assert.deepEqual(outcomes(result).slice(0, 2), ['ok', 'ok']);
    });
  });

  describe('an edge that cuts what is silent', { concurrency: 3 }, () => {
    for (const name of ['nginx', 'haproxy']) {
      test(`${name} with a read timeout of 2 s: truncated, and named an idle cut`, async () => {
        const result = await smoke(edges[name].base, ['--prompt', 'replay:silent']);
        assert.deepEqual(outcomes(result), ['truncated', 'truncated', 'truncated'], result.run.stdout);
        for (const one of happy) {
          assert.match(check(result, one).detail, /without \[DONE\], [1-5](\.\d+)?s after the last byte: an idle cut/);
          const { silence } = check(result, one).data;
          assert.ok(silence >= 1.9 && silence < 5.9, `${silence}`);
        }
      });
    }
    test('heartbeats carry the same turn through the same timeout', async () => {
      const result = await smoke(edges.patient.base, ['--prompt', 'replay:silent']);
      assert.deepEqual(outcomes(result), ['ok', 'ok', 'ok'], result.run.stdout);
    });
  });

  test('20 s of silence are a stall, on every route', { timeout: limit(60000) }, async () => {
    const result = await smoke(lanes.mute.base, ['--prompt', 'replay:stall20', '--stall', '2500ms']);
    assert.deepEqual(outcomes(result), ['stalled', 'stalled', 'stalled'], result.run.stdout);
    assert.match(check(result, 'happy.chat').detail, /silence between two reads/);
  });
});

describe('a lane that breaks its own answer', () => {
  const text = (frames) => frames.filter((one) => typeof one === 'string');
  const cutAfter = (n, how) => async (response, frames) => {
    for (const one of text(frames).slice(0, n)) response.write(one);
    await sleep(50);
    how(response);
  };
  const again = (type) => (frames) => frames.flatMap((one) => (String(one).includes(`"type":"${type}"`) ? [one, one] : [one]));
  const rows = [
    ['a connection that breaks in the middle', { write: cutAfter(12, (response) => response.destroy()) }, 'truncated'],
    ['a body that ends in the middle', { write: cutAfter(12, (response) => response.end()) }, 'truncated'],
    ['two finish chunks', { frames: again('finish') }, 'contract_violation'],
    ['an error chunk, twice', { frames: (all) => [...all.slice(0, 5), frame({ type: 'text-end', id: 't1' }), ...['1', '2'].map((n) => frame({ type: 'error', errorText: n })), frame({ type: 'finish-step' }), frame('[DONE]')] }, 'contract_violation'],
    ['[DONE], twice', { frames: (all) => [...all, frame('[DONE]')] }, 'late_data'],
    ['a delta after [DONE]', { frames: (all) => [...all, frame({ type: 'text-delta', id: 't1', delta: 'late' })] }, 'late_data'],
    ['an error after [DONE]', { frames: (all) => [...all, frame({ type: 'error', errorText: 'late' })] }, 'late_data'],
    ['an end long after [DONE]', { write: async (response, frames) => { response.write(text(frames).join('')); await sleep(1500); response.end(); } }, 'late_data'],
    ['one legal error', { frames: (all) => [...all.slice(0, 2), frame({ type: 'data-error', data: { code: 'turn_failed', message: 'x', retryable: false } }), frame({ type: 'error', errorText: 'x' }), frame({ type: 'finish-step' }), frame({ type: 'finish', messageMetadata: { status: 'failed' } }), frame('[DONE]')] }, 'in_stream_error'],
    ['no content at all', { frames: (all) => [...all.slice(0, 2), ...all.slice(-3)] }, 'empty'],
  ];
  for (const [name, quirks, word] of rows) {
    test(`${name}: ${word}`, async () => {
      const lane = await startFakeLane(quirks);
      const result = await smoke(lane.base, ['--auth', 'env:OA_TEST_TOKEN'], { OA_TEST_TOKEN: TOKEN });
      assert.equal(check(result, happy[0]).data.outcome, word, JSON.stringify(check(result, happy[0])));
      assert.equal(check(result, happy[0]).verdict, 'FAIL');
      assert.equal(result.run.code, 1);
      await lane.stop();
    });
  }
});
