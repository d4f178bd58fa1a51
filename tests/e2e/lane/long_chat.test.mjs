// A long chat: a page costs what the page holds, in both orders, and so does a regenerate.
// On a machine that runs nothing else, with the 50 ms that a page may take:
// OA_QUIET=1 ./dev e2e tests/e2e/lane/long_chat.test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { limit } from '../lib/process.mjs';

const TURNS = Number(process.env.OA_CHAT_TURNS ?? 400);
const SHORT = 30; // turns of the chat that the long one is compared with

const lane = laneOfFile();

const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];
/** The page at each path, and its time. Each path has its turn in every round: what the machine does besides, all of them feel. */
async function timed(paths, rounds = 15) {
  const out = paths.map((path) => ({ path, times: [] }));
  for (let n = 0; n < rounds; n++) {
    for (const one of out) {
      const began = performance.now();
      const answer = await send(lane.base, { path: one.path });
      one.times.push(performance.now() - began);
      assert.equal(answer.status, 200, answer.text);
      one.page = answer.json();
    }
  }
  return out.map(({ path, times, page }) => {
    process.stderr.write(`${TURNS} turns: ${path.replace(/cursor=\w+/, 'cursor=…')} ${median(times).toFixed(1)} ms (${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)})\n`);
    return { page, ms: median(times) };
  });
}
async function pages(path) {
  const out = [];
  for (let cursor = ''; cursor !== null; ) {
    const answer = await send(lane.base, { path: `${path}&cursor=${cursor}` });
    assert.equal(answer.status, 200, answer.text);
    out.push(...answer.json().data);
    cursor = answer.json().nextCursor;
  }
  return out;
}

test(`${TURNS} turns: pages of messages and runs, in both orders`, { timeout: limit(20_000 + TURNS * 2000) }, async () => {
  for (let n = 0; n < TURNS; n++) {
    assertLegal(await chat(lane.base, `scenario:text;words=60 turn ${n}`, { id: 'long', messageId: `u-${n}` }).done);
    if (n < SHORT) assertLegal(await chat(lane.base, `scenario:text;words=60 turn ${n}`, { id: 'short' }).done);
  }
  const { nextCursor } = (await send(lane.base, { path: '/api/chats/long/messages?order=desc' })).json();
  const [newest, second, oldest, runs, whole, short] = await timed(['/api/chats/long/messages?order=desc', `/api/chats/long/messages?order=desc&cursor=${nextCursor}`,
    '/api/chats/long/messages', '/api/chats/long/runs', '/api/chats/long', '/api/chats/short/messages']);
  assert.deepEqual(newest.page.data.slice(0, 2).map((m) => m.role), ['assistant', 'user']);
  assert.equal(newest.page.data[1].id, `u-${TURNS - 1}`);
  assert.equal(second.page.data[1].id, `u-${TURNS - 26}`);
  assert.equal(oldest.page.data[0].id, 'u-0');
  for (const { ms } of [newest, second, oldest, runs, whole]) {
    assert.ok(ms < 3 * short.ms + limit(20), `${ms} ms; ${short.ms} in a chat of ${SHORT} turns`);
    if (process.env.OA_QUIET) assert.ok(ms < 50, `${ms} ms`);
  }

  const forward = await pages('/api/chats/long/messages?limit=199');
  assert.equal(forward.length, 2 * TURNS);
  const backward = await pages('/api/chats/long/messages?limit=77&order=desc');
  assert.deepEqual(backward.toReversed(), forward);
  assert.equal((await pages('/api/chats/long/runs?limit=99')).length, TURNS);
  const deep = forward[10].runId;
  const [events] = await timed([`/api/chats/long/runs/${deep}/events`]);
  assert.equal(events.page.data.run.id, deep);

  assertRefused(await send(lane.base, { path: '/api/chats/long/messages?order=newest' }), 422);
  assertRefused(await send(lane.base, { path: `/api/chats/long/messages?cursor=${nextCursor}` }), 422);
});

test('a regenerate of the newest answer does not read the whole chat', { timeout: limit(60_000) }, async () => {
  const last = (await send(lane.base, { path: '/api/chats/long/messages?order=desc&limit=2' })).json().data;
  const began = performance.now();
  const again = chat(lane.base, `scenario:text;words=60 turn ${TURNS - 1}`, { id: 'long', messageId: `u-${TURNS - 1}`, trigger: 'regenerate-message' });
  await again.wait((x) => x.status === 200, 'the head');
  const head = performance.now() - began;
  assertLegal(await again.done);
  process.stderr.write(`${TURNS} turns: a regenerate is accepted after ${head.toFixed(0)} ms\n`);
  const after = (await send(lane.base, { path: '/api/chats/long/messages?order=desc&limit=3' })).json().data;
  assert.equal(after[1].id, last[1].id);
  assert.notEqual(after[0].id, last[0].id, 'the answer was replaced');
  assert.equal((await pages('/api/chats/long/runs?limit=200')).length, TURNS);
});
