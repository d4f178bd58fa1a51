// Deltas arrive as they are made: 40 of them, 30 ms apart, through the real Codex.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../e2e/lib/codex.mjs';
import { startLane } from '../e2e/lib/lane.mjs';
import { chat } from '../e2e/lib/http.mjs';
import { assertLegal } from '../e2e/lib/contract.mjs';

const DELTAS = 40, APART = 30;

let mock, lane;
before(async () => {
  mock = await startMock();
  lane = await startCodexLane({ config: chatConfig, port: mock.port });
});
after(async () => {
  await lane.stop();
  await mock.stop();
});

const deltasOf = (answer) => answer.frames.filter((f) => f.chunk?.type === 'text-delta');

test('the first delta arrives before the model made its tenth, and all arrive over at least 600 ms', async () => {
  await chat(lane.base, 'scenario:text;words=2').done; // the first turn also loads Codex
  const answer = await chat(lane.base, `scenario:text;words=${DELTAS};delay=${APART};chunk=word`).done;
  assertLegal(answer);
  const deltas = deltasOf(answer);
  assert.equal(deltas.length, DELTAS, 'one frame a delta: nothing is joined or cut');
  const asked = (await mock.requests()).filter((r) => r.scenario === 'text').at(-1).t;
  // The model sleeps at least APART after each delta, so its tenth is made no earlier than this.
  const tenth = asked + 9 * APART;
  assert.ok(deltas[0].t < tenth, `the first delta came ${deltas[0].t - asked} ms after the request to the model`);
  const spread = deltas.at(-1).t - deltas[0].t;
  assert.ok(spread >= 600, `all deltas within ${spread} ms`);
  const reads = new Set(deltas.map((d) => d.t));
  assert.ok(reads.size >= DELTAS / 2, `${DELTAS} deltas came in ${reads.size} reads`);
});

test('the head comes before the first delta is made', async () => {
  const answer = chat(lane.base, 'scenario:text;words=3;ttft=800');
  await answer.wait((x) => x.status, 'head');
  const head = Date.now();
  const first = await answer.frame('text-delta');
  assert.ok(first.t - head >= 300, `head and first delta ${first.t - head} ms apart`);
  await answer.done;
  assertLegal(answer);
});

test('replay keeps the recorded pace', async () => {
  const replay = await startLane({ name: 'paced', pace: 'recorded' });
  const answer = await chat(replay.base, 'replay:02-text-paced').done;
  assertLegal(answer);
  const deltas = deltasOf(answer);
  const spread = deltas.at(-1).t - deltas[0].t;
  assert.ok(deltas.length >= 15 && spread >= 150, `${deltas.length} deltas within ${spread} ms`);
  await replay.stop();
});
