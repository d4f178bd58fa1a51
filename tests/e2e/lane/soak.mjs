#!/usr/bin/env node
// One lane for a long time: streams, pages that leave in the middle, stops and bad requests, without
// pause. In the end nothing may have grown: open files and memory.
//   ./dev soak [--minutes N] [--parallel N]
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { startLane } from '../lib/lane.mjs';
import { chat, send } from '../lib/http.mjs';
import { assertLegal } from '../lib/contract.mjs';
import { sleep } from '../lib/process.mjs';

const argv = process.argv.slice(2);
const option = (name, otherwise) => { const at = argv.indexOf(`--${name}`); return at < 0 ? otherwise : Number(argv[at + 1]); };
const MINUTES = option('minutes', 10), PARALLEL = option('parallel', 24);

const lane = await startLane({ name: 'soak', pace: 'x20', args: ['--detach-grace', '1s'] });
const captures = ['01-echo', '02-text-paced', '10-exec', '16-mcp-call', '22-mixed-reasoning-tool-text', '36-failed-context-window', '45-interrupt-mid-stream'];
const counts = { whole: 0, left: 0, stopped: 0, refused: 0 };
let next = 0;

async function one(n) {
  const id = `soak-${n}`, text = `replay:${captures[n % captures.length]}`;
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
  rssKiB: Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${lane.pid}/status`, 'utf8'))[1]),
});
async function run(ms) {
  const end = Date.now() + ms;
  await Promise.all(Array.from({ length: PARALLEL }, async () => { while (Date.now() < end) await one(next++); }));
  await sleep(10000); // turns that were left end after their grace, ended ones are kept for seconds
  return facts();
}

const warm = await run(Math.min(60000, MINUTES * 15000));
console.log('warm', warm, counts);
const before = next;
const after = await run(MINUTES * 60000);
console.log('after', after, counts);
assert.ok(after.files <= warm.files + 4, `open files grew from ${warm.files} to ${after.files}`);
// The lane remembers the id of every thread it was ever asked for, and nothing else of it.
const allowed = warm.rssKiB * 1.1 + 8192 + ((next - before) * 400) / 1024;
assert.ok(after.rssKiB <= allowed, `memory grew from ${warm.rssKiB} to ${after.rssKiB} KiB, allowed were ${Math.round(allowed)}`);
assert.equal((await lane.stop()).code, 0);
console.log(`soak: ${next} requests in ${MINUTES} min, nothing grew but the map of ${next} threads`);
