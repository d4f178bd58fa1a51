// Real turns of Codex are taken over at random moments, by killing the lane that runs them: what a reader
// on the other lane hears is exact, or ends truthfully and is counted.
//
// The short form takes over a few. The long one:
//   OA_TAKEOVERS=200 ./dev e2e tests/e2e/replicas/takeovers.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ACCEPT, Page, askingConfig, assertApproved } from '../lib/approvals.mjs';
import { read, verdictOf } from '../lib/contract.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { resume, startWorld } from './world.mjs';

const COUNT = Number(process.env.OA_TAKEOVERS ?? 12);
const AT_ONCE = 6; // turns of one lane that is killed
const KINDS = ['text;words=120;delay=15', 'text;words=120;delay=3;chunk=char', 'unicode;delay=40', 'two-messages;delay=60;gap=400', 'reasoning;parts=3;delay=60', 'mcp;tool=structured;arg=x', 'exec;escalate=1;cmd=true'].map((kind) => `scenario:${kind}`);
const SPAN = 1500; // a turn lasts about as long

let world, b;
before(async () => {
  world = await startWorld({
    codex: (port) => askingConfig(port).replace('"workspace-write"', '"read-only"'),
    lease: '700ms',
    args: ['--approvals', 'ask'],
  });
  b = await world.lane('b');
});
after(() => world.end());

/** What was said and done, without what differs from turn to turn. */
function said(x) {
  const outputs = x.chunks.filter((c) => c?.type === 'tool-output-available' && !c.preliminary).map((c) => JSON.stringify(c.output));
  return JSON.stringify([read(x).texts.join('|'), read(x).reasoning.join('|'), outputs.length]);
}
/** The answer from its start, wherever it is, deciding what it asks; null: 204. */
async function wholeOf(page, lane) {
  page.lane = lane;
  for (const end = Date.now() + limit(20000); ; await sleep(50)) {
    const x = await resume(lane, page.id, ACCEPT).done;
    const asks = x.status === 200 && x.complete && x.text.includes('waiting-for-approval') && x.chunks.findLast((c) => c?.type === 'finish')?.messageMetadata?.status === 'waiting-for-approval';
    if (asks) {
      page.parts = [];
      await page.read(x);
      const call = page.parts.find((p) => p.state === 'approval-requested').toolCallId;
      page.decide(call, true);
      const rest = await page.send().done;
      if (rest.status === 200 && rest.complete) continue;
    }
    if ((x.status === 200 && x.complete && !asks) || Date.now() > end) return x;
    if (x.status === 204) return null;
  }
}

test(`${COUNT} takeovers at random moments: exact, or ended truthfully`, async (t) => {
  const expected = [];
  for (const [i, kind] of KINDS.entries()) {
    const page = new Page(b, `ref-${i}`);
    const first = await page.read(page.start(kind));
    if (!read(first).finish?.messageMetadata || read(first).finish.messageMetadata.status !== 'waiting-for-approval') {
      expected.push(said(first));
      continue;
    }
    page.decide(page.parts.find((p) => p.state === 'approval-requested').toolCallId, true);
    const rest = await page.read(page.send());
    expected.push(JSON.stringify([read(rest).texts.join('|'), read(rest).reasoning.join('|'), 1]));
  }
  const counts = { exact: 0, early: 0, ended: 0 };
  const wrong = [];
  for (let done = 0, round = 0; done < COUNT; ++round) {
    const dying = await world.lane(`dying-${round}`);
    const turns = [];
    for (let i = 0; i < AT_ONCE && done < COUNT; ++i, ++done) {
      const page = new Page(dying, `t-${done}`);
      page.kind = (done * 5 + round) % KINDS.length;
      const first = page.start(KINDS[page.kind]);
      turns.push({ page, first });
      await first.wait((x) => x.status !== 0, 'an answer');
      await sleep(Math.random() * SPAN / AT_ONCE);
    }
    await sleep(Math.random() * SPAN / 2);
    await dying.kill();
    await Promise.all(turns.map(async ({ page, first }) => {
      await first.done;
      const { kind } = page;
      const asked = first.complete && read(first).finish?.messageMetadata?.status === 'waiting-for-approval';
      if (first.complete && !asked) {
        counts.early += 1;
        return;
      }
      const x = await wholeOf(page, b);
      const bad = (what) => wrong.push(`${page.id} (${KINDS[kind]}): ${what}`);
      if (x === null) return void bad('204');
      const asks = KINDS[kind].includes('escalate');
      const violations = !x.complete ? ['no end'] : asks ? await assertApproved(x).then(() => [], (e) => [e.message]) : verdictOf(x).violations;
      if (violations.length > 0) return void bad(JSON.stringify(violations));
      if (read(x).failure) {
        counts.ended += 1;
        if (!expected[kind].includes(read(x).texts.join('|').slice(0, 20))) bad('an error, and other text before it');
        return;
      }
      if (said(x) !== expected[kind]) return void bad(`heard ${said(x)} instead of ${expected[kind]}`);
      counts.exact += 1;
    }));
  }
  t.diagnostic(`${counts.exact} exact, ${counts.ended} ended with an error, ${counts.early} had ended before`);
  assert.deepEqual(wrong, []);
  assert.ok(counts.exact >= COUNT / 2, JSON.stringify(counts));
});
