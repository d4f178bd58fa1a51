#!/usr/bin/env node
// One lane for a long time: streams, pages that leave in the middle, stops and bad requests, without
// pause. Nothing may grow, neither meanwhile nor in the end: open files and memory. Every turn is counted once.
// Each conversation gets many turns, and pages ask for the same ones again.
// So many requests a second, whatever else the machine does: ended turns are kept for seconds, so what the
// lane holds is a matter of how many there are.
//   ./dev soak [--minutes N] [--parallel N] [--threads N] [--per-second N]
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { startLane } from '../lib/lane.mjs';
import { chat, send } from '../lib/http.mjs';
import { readMetrics, total } from '../lib/metrics.mjs';
import { assertLegal } from '../lib/contract.mjs';
import { memoryOf, sleep } from '../lib/process.mjs';

const argv = process.argv.slice(2);
const option = (name, otherwise) => { const at = argv.indexOf(`--${name}`); return at < 0 ? otherwise : Number(argv[at + 1]); };
const MINUTES = option('minutes', 10), PARALLEL = option('parallel', 24), THREADS = option('threads', 20000), RATE = option('per-second', 600);

const lane = await startLane({ name: 'soak', pace: 'x20', args: ['--detach-grace', '1s'] });
const captures = ['01-echo', '02-text-paced', '10-exec', '16-mcp-call', '22-mixed-reasoning-tool-text', '36-failed-context-window', '45-interrupt-mid-stream'];
const counts = { whole: 0, left: 0, stopped: 0, refused: 0 };
let next = 0;

async function one(n) {
  const id = `soak-${n % THREADS}`, text = `replay:${captures[n % captures.length]}`;
  if (n % 7 === 3) {
    const answer = await send(lane.base, { method: 'POST', path: '/api/chat', body: '{"messages":' });
    assert.equal(answer.status, 400);
    counts.refused++;
    return;
  }
  const answer = chat(lane.base, text, { id });
  if (n % 5 === 1) {
    await answer.frame('start');
    answer.destroy();
    counts.left++;
  } else if (n % 5 === 2) {
    await answer.frame('start');
    await send(lane.base, { method: 'POST', path: `/api/chats/${id}/stop` });
    await answer.done;
    assertLegal(answer, { warnings: ['T4'] });
    counts.stopped++;
  } else {
    assertLegal(await answer.done, { warnings: ['T4'] });
    counts.whole++;
  }
}

const facts = () => ({
  files: fs.readdirSync(`/proc/${lane.pid}/fd`).length,
  rssKiB: memoryOf(lane.pid) * 1024,
});
const medians = []; // of each minute under load: {rssKiB, files, threads}
// Slots that a busy machine missed are not made up for: together they would be a burst, which the lane holds in memory.
let due = 0;
const slot = () => {
  due = Math.max(due + 1000 / RATE, Date.now());
  return sleep(due - Date.now());
};
const middle = (list) => list.toSorted((x, y) => x - y)[list.length >> 1];
async function watch(end) {
  while (Date.now() < end) {
    const seen = [];
    for (const until = Math.min(end, Date.now() + 60000); Date.now() < until; await sleep(1000)) {
      seen.push(facts());
      lane.stderr = ''; // its log, of which no string could hold half an hour
    }
    medians.push({ rssKiB: middle(seen.map((f) => f.rssKiB)), files: middle(seen.map((f) => f.files)), threads: Math.min(next, THREADS), requests: next });
  }
}
async function run(ms) {
  const end = Date.now() + ms;
  const client = async () => {
    for (let n = next++; Date.now() < end; n = next++) {
      await slot();
      await one(n);
    }
  };
  await Promise.all([watch(end), ...Array.from({ length: PARALLEL }, client)]);
  await sleep(10000); // turns that were left end after their grace, ended ones are kept for seconds
  return facts();
}

const WARM = Math.min(5, MINUTES / 4);
const warm = await run(WARM * 60000);
console.log('warm', warm, counts);
const before = Math.min(next, THREADS);
medians.length = 0;
const after = await run((MINUTES - WARM) * 60000);
console.log('after', after, counts);
console.log('minutes under load', JSON.stringify(medians.map((m) => [m.rssKiB, m.files, m.requests])));
assert.ok(after.files <= warm.files + 4, `open files grew from ${warm.files} to ${after.files}`);
// The lane remembers the id of every thread it was ever asked for, and nothing else of it.
const mapKiB = (threads) => ((threads - before) * 400) / 1024;
const allowed = warm.rssKiB * 1.1 + 8192 + mapKiB(Math.min(next, THREADS));
assert.ok(after.rssKiB <= allowed, `memory grew from ${warm.rssKiB} to ${after.rssKiB} KiB, allowed were ${Math.round(allowed)}`);
const [first] = medians;
for (const [minute, now] of medians.entries()) {
  const most = first.rssKiB * 1.05 + mapKiB(now.threads);
  assert.ok(now.rssKiB <= most, `under load memory grew from ${first.rssKiB} to ${now.rssKiB} KiB in minute ${minute + 1}, allowed were ${Math.round(most)}`);
  // Requests of a moment come and go; a descriptor that leaks is still there in the minutes that follow.
  const from = Math.min(minute, Math.max(0, medians.length - 5));
  const kept = Math.min(...medians.slice(from, from + 5).map((m) => m.files));
  assert.ok(kept <= first.files * 1.05 + 4, `under load open files grew from ${first.files} to ${kept} from minute ${from + 1} on`);
}
const samples = await readMetrics(lane.base);
const turns = counts.whole + counts.left + counts.stopped;
assert.deepEqual([total(samples, 'bridge_accepted_total'), total(samples, 'terminal_total')], [turns, turns], 'every turn is counted once');
assert.equal((await lane.stop()).code, 0);
console.log(`soak: ${turns + counts.refused} requests in ${MINUTES} min, ${turns} turns each counted once, nothing grew but the map of ${Math.min(next, THREADS)} threads`);
