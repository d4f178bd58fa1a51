// Every recorded capture, replayed through the lane: legal frames, and all nine clients take them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT } from '../e2e/lib/process.mjs';
import { startLane } from '../e2e/lib/lane.mjs';
import { chat } from '../e2e/lib/http.mjs';
import { assertRefused, read } from '../e2e/lib/contract.mjs';
import { assertAccepted } from './clients.mjs';

const captures = fs.readdirSync(path.join(ROOT, 'fixtures/captures')).filter((f) => f.endsWith('.jsonl')).map((f) => f.slice(0, -6)).sort();

/** The first turn of a capture as recorded: how it ended, and whether there was one at all. */
function recorded(name) {
  const lines = fs.readFileSync(path.join(ROOT, 'fixtures/captures', `${name}.jsonl`), 'utf8').trimEnd().split('\n').map((l) => JSON.parse(l));
  const events = lines.filter((l) => l.dir === 's2c' && l.msg?.method).map((l) => l.msg);
  const started = events.find((m) => m.method === 'turn/started');
  if (!started) return { turn: false };
  const id = started.params.turn.id;
  const completed = events.find((m) => m.method === 'turn/completed' && m.params.turn.id === id);
  if (!completed) return { turn: true, outcome: 'lost' };
  const { status, error } = completed.params.turn;
  const truncated = /reason: (max_output_tokens|content_filter)/.test(error?.message ?? '');
  return { turn: true, outcome: status === 'failed' && truncated ? 'completed' : status };
}

let lane;
before(async () => { lane = await startLane({ name: 'replay' }); });
after(async () => { assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly'); });

test('there are captures to replay', () => assert.ok(captures.length >= 60, `${captures.length}`));

for (const name of captures) {
  test(`capture ${name}`, async () => {
    const want = recorded(name);
    const answer = await chat(lane.base, `replay:${name}`).done;
    if (!want.turn) {
      // No turn was ever accepted in it, so there is nothing to stream.
      assert.ok(answer.status >= 400, `${answer.status}`);
      assertRefused(answer, answer.status);
      return;
    }
    const failed = want.outcome === 'failed' || want.outcome === 'lost';
    await assertAccepted(answer, { outcome: failed ? 'error-chunk' : 'ready' });
    const seen = read(answer);
    assert.equal(seen.aborted, want.outcome === 'interrupted');
    assert.equal(seen.errors.length, failed ? 1 : 0);
    if (!failed) {
      assert.ok(seen.finish, 'a finish chunk');
      assert.equal(seen.finish.messageMetadata?.status, want.outcome);
    }
  });
}

test('the same capture replayed twice gives the same chunks but for ids', async () => {
  const [a, b] = [await chat(lane.base, 'replay:22-mixed-reasoning-tool-text').done, await chat(lane.base, 'replay:22-mixed-reasoning-tool-text').done];
  const shape = (x) => x.chunks.map((c) => (c === '[DONE]' ? c : [c.type, c.delta ?? null, c.toolName ?? null]));
  assert.deepEqual(shape(a), shape(b));
});

test('a capture that does not exist is refused before the stream', async () => {
  const answer = await chat(lane.base, 'replay:no-such-capture').done;
  assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
  assertRefused(answer, answer.status);
});
