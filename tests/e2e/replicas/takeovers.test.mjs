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
import { metric, resume, startWorld } from '../lib/replicas/world.mjs';

const COUNT = Number(process.env.OA_TAKEOVERS ?? 12);
const AT_ONCE = 6; // turns of one lane that is killed
const KINDS = ['text;words=120;delay=15', 'text;words=120;delay=3;chunk=char', 'unicode;delay=40', 'two-messages;delay=60;gap=400', 'reasoning;parts=3;delay=60', 'mcp;tool=structured;arg=x', 'exec;escalate=1;cmd=true', 'refusal;delay=150', 'reasoning;parts=3;delay=50;refuse=1', 'text;words=40;delay=20;key=compacted'].map((kind) => `scenario:${kind}`);
/** What its conversation was before: at the limit of the context, so that a summary comes first. */
const BEFORE = { 'scenario:text;words=40;delay=20;key=compacted': 'scenario:compact;sum=500' };
const SPAN = 1500; // a turn lasts about as long
const TRUE_ENDS = ['turn_lost', 'authority_lost'];

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

/**
 * What was said and done, without what differs from turn to turn. `own`: in the lane's words, not the model's. That a
 * summary is under way is said for the moment alone: whoever takes over then need not know of it.
 */
function said(x) {
  const silent = (c) => c?.id === 'model_empty_response';
  const { texts: all, reasoning } = read({ chunks: x.chunks.filter((c) => !silent(c)) });
  const texts = all.map((text) => text.replace(/Wall time: [\d.]+ seconds/, 'Wall time: T seconds')); // Codex measures each call
  const outputs = x.chunks.filter((c) => c?.type === 'tool-output-available' && !c.preliminary).length;
  const own = x.chunks.filter((c) => c?.type === 'data-notice' || (silent(c) && c.delta)).map((c) => c.delta ?? c.data.kind);
  return { texts, reasoning, outputs, own };
}
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const flat = (parts) => parts.join('\u0000');
/** What was heard besides the whole, or of it twice or in another order; null: nothing. A turn that completed has all of it. */
function wrongIn(heard, whole, completed) {
  const rest = [...whole.own];
  if (heard.own.some((one) => !rest.includes(one) || rest.splice(0, rest.indexOf(one) + 1).length === 0)) return `notices ${JSON.stringify(heard.own)}`;
  if (completed && rest.some((one) => one !== 'compacting')) return `notices without ${JSON.stringify(rest)}`;
  for (const part of ['texts', 'reasoning']) {
    const good = completed ? same(heard[part], whole[part]) : flat(whole[part]).startsWith(flat(heard[part]));
    if (!good) return `${part} ${JSON.stringify(heard[part])} of ${JSON.stringify(whole[part])}`;
  }
  return (completed ? heard.outputs !== whole.outputs : heard.outputs > whole.outputs) ? `${heard.outputs} outputs of ${whole.outputs}` : null;
}
/** A turn on this page, and the one that has to be before it. */
async function begin(page, kind) {
  if (BEFORE[kind]) await page.read(page.start(BEFORE[kind]));
  return page.start(kind);
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
    const first = await page.read(await begin(page, kind));
    if (!read(first).finish?.messageMetadata || read(first).finish.messageMetadata.status !== 'waiting-for-approval') {
      expected.push(said(first));
      continue;
    }
    page.decide(page.parts.find((p) => p.state === 'approval-requested').toolCallId, true);
    const rest = await page.read(page.send());
    expected.push({ ...said(rest), outputs: 1 });
  }
  const counts = { exact: 0, early: 0, ended: 0 };
  const wrong = [];
  for (let done = 0, round = 0; done < COUNT; ++round) {
    const dying = await world.lane(`dying-${round}`);
    const turns = [];
    for (let i = 0; i < AT_ONCE && done < COUNT; ++i, ++done) {
      const page = new Page(dying, `t-${done}`);
      page.kind = (done * 3 + round) % KINDS.length; // each as often
      const first = await begin(page, KINDS[page.kind]);
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
      const { failure, errors } = read(x);
      const heard = wrongIn(said(x), expected[kind], !failure);
      if (heard) return void bad(`heard ${heard}`);
      if (failure) {
        counts.ended += 1;
        if (!TRUE_ENDS.includes(failure.code) || errors.length !== 1) bad(`an end by ${failure.code}, with ${errors.length} errors`);
        return;
      }
      counts.exact += 1;
    }));
  }
  t.diagnostic(`${counts.exact} exact, ${counts.ended} ended with an error, ${counts.early} had ended before`);
  assert.deepEqual(wrong, []);
  assert.ok(counts.exact >= COUNT / 2, JSON.stringify(counts));
  // No lane but B lives to count them.
  const all = await metric(b, 'terminal_total'), completed = await metric(b, 'terminal_total{class="completed",route="/api/chat"}');
  assert.equal(all - completed, counts.ended, 'each error is counted, and no other');
});
