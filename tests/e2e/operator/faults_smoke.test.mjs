// Faults 14–25 of the retired smoke, one named test each: what it let pass, `smoke stream` must not,
// and what it failed without reason, must pass.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { oa } from '../lib/process.mjs';
import { startLane } from '../lib/lane.mjs';
import { TOKEN, frame, honestFrames, startFakeLane } from '../lib/fake_lane.mjs';

const ENV = { OA_TEST_TOKEN: TOKEN };
const smoke = (base, args = [], options = {}) => oa(['smoke', 'stream', '--base-url', base, '--auth', 'env:OA_TEST_TOKEN', '--json', ...args], { ms: 240000, env: ENV, ...options });

/** Runs the smoke against a lane with one quirk. */
async function smokeOf(quirks, args, options) {
  const lane = await startFakeLane(quirks);
  try {
    const run = await smoke(lane.base, args, options);
    return { run, report: run.json(), seen: lane.seen };
  } finally {
    await lane.stop();
  }
}
const check = (report, name) => {
  const found = report.checks.find((c) => c.id === name || c.id.endsWith(`.${name}`));
  assert.ok(found, `no check ${name} in ${report.checks.map((c) => c.id)}`);
  return found;
};
const failed = (report) => report.checks.filter((c) => c.verdict === 'FAIL').map((c) => c.id);

function assertFails({ run, report }, name, text) {
  assert.equal(report.verdict, 'FAIL', run.stdout);
  assert.equal(run.code, 1);
  const one = check(report, name);
  assert.equal(one.verdict, 'FAIL', JSON.stringify(one));
  if (text) assert.match(`${one.detail} ${JSON.stringify(one.data ?? {})}`, text);
}
function assertPasses({ run, report }) {
  assert.deepEqual(failed(report), [], run.stdout);
  assert.equal(report.verdict, 'PASS', run.stdout);
  assert.equal(run.code, 0);
}

/** The frames with those of one type replaced (by nothing, or by others). */
const without = (type, instead = () => []) => (frames) => frames.flatMap((f) => (typeof f === 'string' && f.startsWith(`data: {"type":"${type}"`) ? instead(f) : [f]));

/** Three groups at a time: they wait for nearly all of their time. */
describe('faults', { concurrency: 3 }, () => {
  test('the honest lane of another make passes, so every failure below is the fault\'s own', async () => {
    assertPasses(await smokeOf({}));
  });

  describe('fault 14: nothing canned ever passes', { concurrency: 1 }, () => {
    test('with nobody there the verdict is ERROR, exit 4, and the evidence says so', async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await new Promise((done) => server.once('listening', done));
      const { port } = server.address();
      await new Promise((done) => server.close(done));
      const run = await smoke(`http://127.0.0.1:${port}`);
      const report = run.json();
      assert.equal(run.code, 4, run.stderr);
      assert.equal(report.verdict, 'ERROR');
      assert.equal(report.checks.filter((c) => c.verdict === 'PASS').length, 0);
      assert.match(JSON.stringify(report.checks), /refused/);
    });
    test('with its probes left out it is INCONCLUSIVE, never PASS', async () => {
      const { run, report, seen } = await smokeOf({}, ['--no-probes']);
      assert.equal(report.verdict, 'INCONCLUSIVE', run.stdout);
      assert.equal(run.code, 3);
      assert.equal(seen.posts.length, 0, 'GETs only');
    });
  });

  describe('fault 15: presence is not enough, order and number count', { concurrency: 1 }, () => {
    for (const [name, frames, rule] of [
      ['finish before finish-step', (f) => { const out = [...f]; const i = out.findIndex((x) => String(x).includes('"finish-step"')); [out[i], out[i + 1]] = [out[i + 1], out[i]]; return out; }, /O[589]/],
      ['two start frames', (f) => [f[0], ...f], /O2/],
      ['a frame that is no JSON', (f) => [...f.slice(0, 6), 'data: {"type":\n\n', ...f.slice(6)], /J1|malformed/],
      ['finish with status error', without('finish', () => [frame({ type: 'finish', messageMetadata: { status: 'error' } })]), /error/],
      ['a chunk after [DONE]', (f) => [...f, frame({ type: 'data-late', data: 1 })], /O7|late/],
      ['no [DONE]', (f) => f.slice(0, -1), /O6|truncated/],
      ['an end in the middle of the text', (f) => f.slice(0, 20), /O[569]|truncated/],
      ['a delta without its part', without('text-start'), /P1/],
    ]) {
      test(name, async () => { assertFails(await smokeOf({ frames }), 'happy.chat-stream', rule); });
    }
  });

  describe('fault 16: members are compared, not substrings', { concurrency: 1 }, () => {
    test('a delta that quotes a finish frame is no finish', async () => {
      const quote = frame({ type: 'text-delta', id: 't1', delta: '"type":"finish" data: [DONE]' });
      const lane = { frames: (f) => [...without('finish')(f).flatMap((x) => (String(x).includes('text-end') ? [quote, x] : [x]))] };
      assertFails(await smokeOf(lane), 'happy.chat-stream', /O5|finish/);
    });
    test('JSON with spaces is the same JSON', async () => {
      assertPasses(await smokeOf({ frames: (f) => f.map((x) => (typeof x === 'string' && x.startsWith('data: {') ? `data: ${JSON.stringify(JSON.parse(x.slice(6)), null, 1).replace(/\n\s*/g, ' ')}\n\n` : x)) }));
    });
  });

  test('fault 17: CR LF line ends are legal', async () => {
    assertPasses(await smokeOf({ frames: (f) => f.map((x) => (typeof x === 'string' ? x.replaceAll('\n', '\r\n') : x)) }));
  });

  describe('fault 18: the media type is parsed', { concurrency: 1 }, () => {
    for (const value of ['text/event-stream', 'Text/Event-Stream;charset="UTF-8"', 'text/event-stream; foo=bar; charset=utf-8']) {
      test(`${value} is fine`, async () => { assertPasses(await smokeOf({ headers: (h) => ({ ...h, 'content-type': value }) })); });
    }
    for (const value of ['application/json', 'text/plain; text/event-stream', 'text/event-streams']) {
      test(`${value} is not`, async () => {
        const result = await smokeOf({ headers: (h) => ({ ...h, 'content-type': value }) });
        assertFails(result, 'headers.content-type');
        assert.equal(check(result.report, 'happy.chat-stream').verdict, 'FAIL');
      });
    }
  });

  describe('fault 19: an answer must answer', { concurrency: 1 }, () => {
    test('the canned preview without any text fails', async () => {
      const preview = (_, turn) => [
        frame({ type: 'start', messageId: turn }), frame({ type: 'start-step' }), frame({ type: 'finish-step' }),
        frame({ type: 'finish', messageMetadata: { status: 'accepted' } }), frame('[DONE]'),
      ];
      assertFails(await smokeOf({ frames: preview }), 'happy.chat-stream');
    });
    test('text with status accepted fails', async () => {
      assertFails(await smokeOf({ frames: without('finish', () => [frame({ type: 'finish', messageMetadata: { status: 'accepted' } })]) }), 'happy.chat-stream', /accepted/);
    });
    test('another answer than the expected one fails', async () => {
      const { run, report } = await smokeOf({}, ['--prompt', 'say pong', '--expect', 'pong']);
      assertFails({ run, report }, 'happy.chat-stream', /pong/);
    });
  });

  describe('fault 20: each required header is its own check', { concurrency: 1 }, () => {
    for (const [header, name] of [['cache-control', 'headers.cache-control'], ['x-accel-buffering', 'headers.accel-buffering'], ['x-vercel-ai-ui-message-stream', 'headers.ui-message-stream'], ['x-oa-compatibility-min-client-build-id', 'headers.compat-window']]) {
      test(`without ${header}`, async () => {
        const result = await smokeOf({ headers: (h) => Object.fromEntries(Object.entries(h).filter(([key]) => key !== header)) });
        assertFails(result, name);
        assert.deepEqual(failed(result.report).filter((id) => id.includes('.headers.') || id.startsWith('headers.')).length, 1, 'and no other header is blamed');
      });
    }
    test('a header of the retired lane is reported', async () => {
      assertFails(await smokeOf({ headers: (h) => ({ ...h, 'x-oa-legacy-chat-retired': 'true' }) }), 'headers.not-retired');
    });
  });

  describe('fault 21: what must be refused is tried', { concurrency: 1 }, () => {
    const letThrough = (status) => ({ gate: (decision) => (decision?.status === status ? null : decision) });
    for (const [name, quirk, checks] of [
      ['a lane that needs no token here and there', { gate: (d, r) => (d?.status === 401 && r.headers.authorization ? null : d) }, ['auth.bad-token']],
      ['a lane that ignores the handshake', letThrough(426), ['compat.protocol', 'compat.schema']],
      ['a lane that answers an assistant-only body', letThrough(422), ['reject.assistant-only']],
      ['a lane that takes broken JSON', letThrough(400), ['reject.bad-json']],
      ['a lane that takes any content type', letThrough(415), ['reject.content-type']],
      ['a 426 with another code', { gate: (d) => (d?.status === 426 ? { ...d, body: { ...d.body, error: { code: 'upgrade_required', message: 'x' } } } : d) }, ['compat.protocol']],
      ['a refusal as plain text', { gate: (d) => (d?.status === 422 ? { ...d, headers: { ...d.headers, 'content-type': 'text/plain' } } : d) }, ['reject.assistant-only']],
    ]) {
      test(name, async () => {
        const result = await smokeOf(quirk);
        for (const one of checks) assertFails(result, one);
      });
    }
    test('our own lane refuses all of them', async () => {
      const lane = await startLane({ pace: 'recorded' });
      const run = await oa(['smoke', 'stream', '--base-url', lane.base, '--json'], { ms: 240000 });
      const report = run.json();
      assert.deepEqual(failed(report), [], run.stdout);
      assert.equal(report.verdict, 'PASS');
      for (const name of ['reject.assistant-only', 'reject.bad-json', 'reject.content-type', 'compat.protocol', 'compat.schema', 'failure.in-stream', 'tool.call']) assert.equal(check(report, name).verdict, 'PASS', name);
      await lane.stop();
    });
  });

  describe('fault 22: streaming is proven', { concurrency: 1 }, () => {
    test('an answer held back to its end is reported as buffered', async () => {
      const { sleep } = await import('../lib/process.mjs');
      const result = await smokeOf({ write: async (response, frames) => { await sleep(900); response.end(frames.filter((f) => typeof f === 'string').join('')); } });
      assertFails(result, 'streaming.incremental', /buffered|at once/);
    });
    test('one that flows is reported as streamed', async () => {
      const { report } = await smokeOf({});
      assert.equal(check(report, 'streaming.incremental').verdict, 'PASS');
    });
  });

  describe('fault 23: what was created is told, and never the same twice', { concurrency: 1 }, () => {
    test('every thread has an id of its own, and the report lists them', async () => {
      const first = await smokeOf({}), second = await smokeOf({});
      for (const { seen } of [first, second]) assert.ok(seen.threads.length > 2, `${seen.threads}`);
      const all = [...first.seen.threads, ...second.seen.threads];
      assert.equal(new Set(all).size, all.length, 'no thread id is used twice');
      assert.ok(all.every((id) => /^oasmoke_[0-9a-f]+$/.test(id)), `recognisable: ${all}`);
      for (const { report, seen } of [first, second]) {
        const text = JSON.stringify(check(report, 'footprint'));
        for (const id of seen.threads) assert.ok(text.includes(id), `${id} is not in the report`);
      }
    });
    test('a turn whose answer was lost on the way is removed, and told with what is kept', async () => {
      const lane = await startLane();
      for (const removes of [true, false]) {
        const hop = http.createServer((asked, answer) => { // it carries out each request, and loses what a turn answers
          const { method, headers } = asked;
          if (method === 'DELETE' && !removes) return answer.writeHead(405).end();
          const far = http.request(lane.base + asked.url, { method, headers }, (from) => {
            if (method === 'POST' && from.statusCode === 200) return from.resume().on('end', () => answer.destroy());
            answer.writeHead(from.statusCode, from.headers);
            return from.pipe(answer);
          });
          return asked.pipe(far);
        });
        await new Promise((done) => hop.listen(0, '127.0.0.1', done));
        const report = (await smoke(`http://127.0.0.1:${hop.address().port}`)).json();
        hop.close();
        const kept = (await (await fetch(`${lane.base}/api/chats`)).json()).data;
        const footprint = check(report, 'footprint');
        assert.equal(footprint.verdict, 'PASS');
        assert.equal(kept.length === 0, removes);
        assert.match(footprint.detail, removes ? /^no answer showed a turn; [1-9]\d* removed$/ : /^no answer showed a turn; 0 removed; the target keeps [1-9]\d* conversations \(oasmoke_/);
        assert.equal(footprint.data.conversations.left, kept.length);
      }
      await lane.stop();
    });
  });

  test('fault 24: a long healthy turn is no error', async () => {
    // 22 s, with something to read every 500 ms: the old limit of 20 s covered the whole transfer.
    const words = Array.from({ length: 44 }, (_, n) => `w${n}`);
    let first = true;
    const slow = (frames, turn) => {
      if (!first) return frames;
      first = false;
      return honestFrames(turn, words).map((x) => (typeof x === 'number' ? 500 : x));
    };
    const { run, report } = await smokeOf({ frames: slow });
    assertPasses({ run, report });
  });

  test('fault 24: silence is one, after its own limit', async () => {
    const { sleep } = await import('../lib/process.mjs');
    const result = await smokeOf(
      { write: async (response, frames) => { for (const f of frames.slice(0, 8)) if (typeof f === 'string') response.write(f); await sleep(30000); response.destroy(); } },
      ['--stall', '1s'],
    );
    assertFails(result, 'happy.chat-stream', /stalled/);
  });

  test('fault 25: parallel turns can be asked for', async () => {
    const { run, report, seen } = await smokeOf({}, ['--concurrency', '8']);
    assertPasses({ run, report });
    assert.equal(check(report, 'concurrency').verdict, 'PASS');
    assert.ok(seen.posts.length >= 8 + 3);
  });

  describe('what a smoke leaves behind', { concurrency: 1 }, () => {
    let result;
    before(async () => { result = await smokeOf({}); });
    after(() => { result = undefined; });
    test('bytes and head of each stream, from which check gives the same verdict', async () => {
      const evidence = result.report.evidence;
      assert.ok(path.isAbsolute(evidence), evidence);
      const streams = fs.readdirSync(path.join(evidence, 'streams')).filter((f) => f.endsWith('.sse') && f.includes('happy'));
      assert.ok(streams.length >= 3, streams.join());
      for (const name of streams) {
        const stem = path.join(evidence, 'streams', name.slice(0, -4));
        const judged = await oa(['check', '--json', '--headers', `${stem}.head`, `${stem}.sse`]);
        assert.equal(judged.code, 0, `${name}: ${judged.stdout}`);
        const timing = fs.readFileSync(`${stem}.timing.ndjson`, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
        assert.equal(timing.reduce((n, l) => n + l.bytes, 0), fs.statSync(`${stem}.sse`).size, 'the timing covers every byte');
      }
    });
    test('no token in anything that was written', () => {
      for (const file of fs.readdirSync(result.report.evidence, { recursive: true, withFileTypes: true })) {
        if (file.isFile()) assert.equal(fs.readFileSync(path.join(file.parentPath, file.name)).includes(TOKEN), false, file.name);
      }
      assert.equal(result.run.stdout.includes(TOKEN) || result.run.stderr.includes(TOKEN), false);
    });
    test('the last line on stderr says verdict, run and evidence', () => {
      const last = result.run.stderr.trimEnd().split('\n').at(-1);
      assert.match(last, /PASS/);
      assert.ok(last.includes(path.basename(result.report.evidence)), last);
    });
  });
});
