// Redis comes back empty: each conversation is still there, on every lane, as it was changed last.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Page, askingConfig, statusOf } from '../lib/approvals.mjs';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, heard, open, send } from '../lib/http.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { again, ready, startPair } from '../lib/replicas/pair.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { begun } from '../lib/replicas/world.mjs';

const folder = scratch('lost-rows');
const LEASE_MS = limit(3000);
let world, a, b, end;
before(async () => {
  ({ world, a, b, end } = await startPair({ lease: `${LEASE_MS}ms`, codex: (port) => askingConfig(port).replace('"workspace-write"', '"read-only"'), args: ['--approvals', 'ask', '--limit', `store-wait=${limit(1000)}ms`] }));
});
after(() => end());

const say = (lane, id, text, messageId) => chat(lane.base, `scenario:text;words=2 ${text}`, { id, messageId }).done;
const read = (lane, id) => send(lane.base, { path: `/api/chats/${id}/messages?limit=200` });
/** Ids of a conversation's questions; it may be unknown for now, never for good. */
async function asked(lane, id) {
  const x = await again(() => read(lane, id), (one) => one.status !== 503);
  assert.equal(x.status, 200, `${id}: ${x.text}`);
  return x.json().data.filter((m) => m.role === 'user').map((m) => m.id);
}
const listed = async (lane, query = '') => (await again(() => send(lane.base, { path: `/api/chats?limit=100${query}` }), (x) => x.status !== 503)).json().data.map((one) => one.id);
const lost = {
  async flushed() { world.redis.cli('FLUSHALL'); },
  async 'restarted without its data'() {
    const { port } = world.redis;
    await world.redis.kill();
    world.redis = await startRedis({ port });
  },
};
/** Both lanes have been there again. */
async function healed() {
  await Promise.all([a, b].map(ready));
  await a.until(() => world.redis.cli('SCARD', 'oa:ss') === '2', 'both lanes');
  await sleep(limit(200));
}

test('a new store has lost nothing: the first conversation waits for nobody', async () => {
  assert.equal(world.redis.cli('EXISTS', 'oa:lost'), '0');
  assertLegal(await say(a, 'first', 'one', 'm1'));
});

for (const [how, lose] of Object.entries(lost)) {
  test(`${how}: a conversation of one lane goes on through another one that has never used it`, async () => {
    const [read_, unread] = [`read-${how.length}`, `unread-${how.length}`];
    for (const id of [read_, unread]) assertLegal(await say(a, id, 'one', 'm1'));
    await lose();
    // Without a wait: whoever does not know it says so, and never that it is not there.
    assertLegal(await again(() => say(b, unread, 'two', 'm2')));
    assert.deepEqual(await asked(b, read_), ['m1']);
    assertLegal(await say(b, read_, 'two', 'm2'));
    for (const lane of [a, b]) for (const id of [read_, unread]) assert.deepEqual(await asked(lane, id), ['m1', 'm2'], id);
    assertLegal(await again(() => say(b, `new-${how.length}`, 'one', 'm1')));
  });

  test(`${how} while a turn says nothing: the conversation is known on the other lane, and its next message goes on`, async () => {
    const id = `quiet-${how.length}`;
    const first = await begun(a, id);
    await lose();
    await healed();
    assert.equal((await asked(b, id)).length, 1);
    await world.release(id);
    await first.done;
    assertLegal(await again(() => say(b, id, 'two', 'm2')));
    for (const lane of [a, b]) assert.equal((await asked(lane, id)).length, 2);
  });
}

test('the list of conversations is refused until all lanes have told of theirs', async () => {
  assertLegal(await say(a, 'listed', 'one', 'm1'));
  await lost.flushed();
  assertRefused(await send(b.base, { path: '/api/chats' }), 503, 'store_unavailable');
  assert.ok((await listed(b)).includes('listed'));
});

test('a turn that says nothing is the only one of its conversation, also for a lane that knows the conversation', async () => {
  assertLegal(await say(b, 'only', 'one', 'm1'));
  const first = await begun(a, 'only');
  await lost.flushed();
  assertRefused(await again(() => say(b, 'only', 'two', 'm2'), (x) => x.status !== 503), 409, 'turn_in_progress');
  await world.endsWhole('only', first);
  for (const lane of [a, b]) assert.equal((await asked(lane, 'only')).length, 2);
});

test('the newest copy of a row counts, whoever offers it first', async () => {
  const part = (id, role, text) => ({ id, role, parts: [{ type: 'text', text }] });
  const post = (lane, body) => open(lane.base, { method: 'POST', path: '/api/chat', body }).done;
  assertLegal(await post(b, { id: 'seeded', messages: [part('s1', 'user', 'old q'), part('s2', 'assistant', 'old a'), part('s3', 'user', 'scenario:text;words=3 new')] }));
  assertLegal(await post(a, { id: 'seeded', trigger: 'submit-message', messageId: 's1', messages: [part('s1', 'user', 'scenario:text;words=2 edited')] }));
  assertLegal(await say(b, 'remade', 'v1', 'm1'));
  assert.equal((await send(a.base, { method: 'DELETE', path: '/api/chats/remade' })).status, 204);
  assertLegal(await say(a, 'remade', 'v2', 'n1'));
  assertLegal(await say(b, 'archived', 'v1', 'm1'));
  assert.equal((await send(a.base, { method: 'PATCH', path: '/api/chats/archived', body: { archived: true } })).status, 200);
  assertLegal(await say(b, 'deleted', 'v1', 'm1'));
  assert.equal((await send(a.base, { method: 'DELETE', path: '/api/chats/deleted' })).status, 204);
  await lost.flushed();
  await healed();
  for (const lane of [b, a, b]) {
    assert.deepEqual(await asked(lane, 'seeded'), ['s1']);
    assert.deepEqual(await asked(lane, 'remade'), ['n1']);
    assert.deepEqual(await listed(lane, '&archived=true'), ['archived']);
    assert.ok(!(await listed(lane)).includes('archived'));
    assert.equal((await again(() => read(lane, 'deleted'), (x) => x.status !== 503)).status, 404);
  }
  assert.equal(world.redis.cli('HGET', 'oa:t:/deleted', 'th'), '');
  assertLegal(await say(a, 'seeded', 'next', 's9'));
  assert.deepEqual(await asked(b, 'seeded'), ['s1', 's9']);
});

test('a decision that only the lane of its turn can tell about is refused before it counts', async () => {
  const on = new Page(a, 'decided');
  const first = await on.read(on.start(`scenario:exec;escalate=1;cmd=${encodeURIComponent(`echo once >> ${path.join(folder, 'ran')}`)}`));
  assert.equal(statusOf(first), 'waiting-for-approval', first.text);
  const decide = (lane) => {
    const copy = new Page(lane, on.id);
    Object.assign(copy, { user: on.user, parts: structuredClone(on.parts), message: on.message });
    copy.decide(on.parts.find((p) => p.toolCallId).toolCallId, true);
    return copy.send().done;
  };
  await lost.flushed();
  await healed();
  const there = await decide(b);
  assert.equal(there.status, 503, there.text);
  assert.equal(there.headers['retry-after'], '1');
  assert.ok(!fs.existsSync(path.join(folder, 'ran')), 'nothing ran');
  const here = await decide(a);
  assert.equal(here.status, 200, here.text);
  assert.equal(heard(here), 'Command finished.');
  assert.equal(fs.readFileSync(path.join(folder, 'ran'), 'utf8'), 'once\n');
});

test('the lane that had it is dead: its conversation is unknown once no other one may have it', async () => {
  const dead = await world.lane('dead');
  assertLegal(await say(dead, 'gone', 'one', 'm1'));
  await dead.kill();
  await lost.flushed();
  const x = await again(() => read(b, 'gone'), (one) => one.status !== 503, 30000);
  assert.equal(x.status, 404, x.text);
  assertLegal(await say(b, 'gone', 'again', 'm2'));
});

test('a lane that was away while the store was lost offers its rows when it starts', async () => {
  const old = await world.lane('old');
  assertLegal(await say(old, 'kept', 'one', 'm1'));
  const { stateDir } = old;
  assert.equal((await old.stop()).code, 0);
  await lost.flushed();
  await healed();
  const next = await world.lane('old', ['--id-map', path.join(stateDir, 'lane/threads.map')]);
  await next.until(() => world.redis.cli('HGET', 'oa:t:/kept', 'th') !== '', 'its row');
  assertLegal(await say(b, 'kept', 'two', 'm2'));
  assert.deepEqual(await asked(b, 'kept'), ['m1', 'm2']);
  assert.equal((await next.stop()).code, 0);
});
