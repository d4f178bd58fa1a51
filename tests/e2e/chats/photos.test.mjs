// The page of a chat with photos over the real Codex: it has every photo, and while the lane makes it, nobody else
// waits for long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldProbe, hold } from '../lib/bodies/hold.mjs';
import { pngPart } from '../lib/bodies/png.mjs';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal } from '../lib/contract.mjs';
import { send } from '../lib/http.mjs';
import { limit } from '../lib/process.mjs';

const MIB = 1 << 20;
const PHOTOS = [0, 1, 2, 3].map((shade) => pngPart(1_500_000, shade));
// Copied for each member of the page and written byte by byte, it took 13 to 17 ms for a MiB.
const MS_PER_MIB = 5;
const FLOOR_MS = 30; // what a loaded machine takes from any process
const TRIES = 3;

test('a page of photos', async (t) => {
  const mock = await startMock();
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  for (const [n, photo] of PHOTOS.entries()) {
    const messages = [{ id: `m${n}`, role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=2' }, photo] }];
    assertLegal(await send(lane.base, { method: 'POST', path: '/api/chat', body: JSON.stringify({ id: 'photos', messages }), ms: limit(60_000) }));
  }
  const probe = new HoldProbe(lane.base);
  let least = Infinity, most = 0;
  for (let i = 0; i < TRIES && least >= most; ++i) {
    const { answer: page, ms } = await hold(lane, probe, async () => (await fetch(`${lane.base}/api/chats/photos/messages?limit=50`)).text());
    const seen = JSON.parse(page).data.filter(({ role }) => role === 'user').map(({ parts }) => parts.find(({ type }) => type === 'file').url);
    assert.ok(seen.length === PHOTOS.length && PHOTOS.every(({ url }) => seen.includes(url)), 'every photo, as it was sent');
    most = limit((page.length / MIB) * MS_PER_MIB + FLOOR_MS);
    least = Math.min(least, ms);
  }
  t.diagnostic(`it held the loop ${least.toFixed(1)} ms`);
  assert.ok(least <= most, `the loop was held ${least.toFixed(0)} ms, allowed are ${most.toFixed(0)} ms`);
  await probe.end();
  assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});
