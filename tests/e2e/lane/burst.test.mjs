// New chats at a steady rate: none of their requests waits for others, though Codex has to let go
// of as many threads as it is given.
// The short form runs by default; the long one:  OA_BURST=100,60 ./dev e2e tests/e2e/lane/burst.test.mjs
// More than Codex can start, refused early:  OA_BURST=100,60 OA_START_WAIT=50ms ./dev e2e …
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';
import { chat, send } from '../lib/http.mjs';
import { limit, sleep } from '../lib/process.mjs';

const [RATE, SECONDS] = (process.env.OA_BURST ?? '10,6').split(',').map(Number);

const WAIT = process.env.OA_START_WAIT; // unset: nothing is refused

const lane = laneOfFile(WAIT ? ['--limit', `start-wait=${WAIT}`] : []);

test(`${RATE} new chats a second for ${SECONDS} s: no request waits`, { timeout: limit(60_000 + SECONDS * 2000) }, async () => {
  const heads = [];
  const lists = [];
  const turns = [];
  const began = performance.now();
  for (let n = 0; n < RATE * SECONDS; n++) {
    const due = began + (n * 1000) / RATE;
    const now = performance.now();
    if (due > now) await sleep(due - now);
    const sent = performance.now();
    const answer = chat(lane.base, 'scenario:text;words=3', { id: `burst-${n}` });
    turns.push(answer.wait((x) => x.status !== undefined && x.status !== 0, 'the head').then(() => heads.push(performance.now() - sent)).then(() => answer.done));
    if (n % RATE === 0) {
      const asked = performance.now();
      turns.push(send(lane.base, { path: '/api/chats?limit=20' }).then((list) => {
        lists.push(performance.now() - asked);
        return list;
      }));
    }
  }
  const answers = await Promise.all(turns);
  const refused = answers.filter((answer) => answer.status === 503);
  for (const answer of refused) assert.equal(answer.headers['retry-after'], '1');
  for (const answer of answers) assert.ok(answer.status === 200 || (WAIT && answer.status === 503), answer.text);
  heads.sort((a, b) => a - b);
  lists.sort((a, b) => a - b);
  const at = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(0);
  process.stderr.write(`${heads.length} new chats, ${refused.length} refused: answered after ${at(heads, 0.5)} ms (p50), ${at(heads, 0.99)} (p99), ${at(heads, 1)} (slowest); lists ${at(lists, 0.5)}, slowest ${at(lists, 1)}\n`);
  // Beside other tests a request takes what the machine leaves it; one that waits for others takes more.
  const slowest = process.env.OA_BURST ? 250 : Math.max(limit(4000), 6 * heads[heads.length >> 1]);
  assert.ok(heads.at(-1) < slowest, `${heads.slice(-5)}`);
  assert.ok(lists.at(-1) < slowest, `${lists.slice(-5)}`);
});
