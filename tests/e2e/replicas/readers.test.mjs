// A turn that is read through another lane: it is not ended, told twice or lost for those readers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { turnWorks } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, chatBody, send } from '../lib/http.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { again } from '../lib/replicas/pair.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { begun, fifth, heard, held, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

let world, a, b;
before(async () => {
  world = await startWorld({ args: ['--limit', `store-wait=${limit(1000)}ms`, '--detach-grace', '4s'] });
  [a, b] = [await world.lane('a'), await world.lane('b')];
});
after(() => world.end());

/** On all lanes that live. */
function readers(turn) {
  const told = world.redis.cli('HGETALL', `oa:r:${turn}`).split('\n').filter(Boolean);
  return told.reduce((sum, text, i) => sum + (i % 2 === 1 && world.redis.cli('EXISTS', `oa:s:${told[i - 1]}`) === '1' ? Number(text) : 0), 0);
}
/** A turn that has said five words, which the store has. */
async function stored(lane, id) {
  const first = await begun(lane, id);
  await lane.until(async () => await metric(lane, 'store_unacked_bytes') === 0, 'the last words in the store');
  return first;
}
const turnOf = (x) => x.headers['x-oa-turn-id'];
/** `x` has gone away, and its lane has told the store. */
async function leaves(x, lane, left) {
  x.destroy();
  await lane.until(() => readers(turnOf(x)) === left, 'the reader that left');
}

test('the lane that runs a turn does not end it for the next message while another lane reads it', async () => {
  const first = await begun(a, 'read-on-b');
  const other = resume(b, 'read-on-b');
  await fifth(other);
  await leaves(first, a, 1);
  const next = await chat(a.base, 'scenario:text;words=3', { id: 'read-on-b' }).done;
  assertRefused(next, 409, 'turn_in_progress');
  await world.endsWhole('read-on-b', other);
});

test('nobody reads it on any lane: the next message ends it', async () => {
  const first = await begun(a, 'read-no-more');
  const other = resume(b, 'read-no-more');
  await fifth(other);
  await leaves(first, a, 1);
  await leaves(other, b, 0);
  await turnWorks(a, 'read-no-more');
});

test('a message that comes before the reader of a turn ends it neither then nor when another lane takes it over', async () => {
  const pipe = await startPipe(world.redis.port);
  const far = await world.lane('far', [], { store: pipe.url });
  const row = (name) => world.redis.cli('HGET', 'oa:t:/early-next', name);
  pipe.delay = 100; // its reader is not known of yet
  const first = chat(far.base, held('early-next'), { id: 'early-next' });
  await far.until(() => row('st') === 'live', 'the turn');
  assertRefused(await chat(b.base, 'scenario:text;words=3', { id: 'early-next' }).done, 409, 'turn_in_progress');
  pipe.delay = 0;
  await fifth(first);
  await far.until(() => row('sp') === '', 'the wish to be gone');
  const other = resume(b, 'early-next');
  await fifth(other);
  await far.kill();
  await b.until(() => row('s').startsWith('b.') || row('s').startsWith('a.'), 'the takeover');
  await world.endsWhole('early-next', other);
  pipe.stop();
});

test('who comes or leaves while the store takes no writes counts as soon as it takes them again', async () => {
  const takes = (writes) => world.redis.cli('CONFIG', 'SET', 'min-replicas-to-write', writes ? '0' : '1');
  const [came, left] = [await stored(a, 'comes-unwritten'), await stored(b, 'leaves-unwritten')];
  await leaves(came, a, 0);
  takes(false);
  const other = resume(b, 'comes-unwritten');
  await fifth(other);
  left.destroy();
  await b.until(() => ['hset', 'hdel'].every((name) => new RegExp(`cmdstat_${name}:.*rejected_calls=[1-9]`).test(world.redis.cli('INFO', 'commandstats'))), 'the refusals');
  takes(true);
  await b.until(() => readers(turnOf(came)) === 1 && readers(turnOf(left)) === 0, 'both counts');
  await world.endsWhole('comes-unwritten', other);
  await turnWorks(a, 'leaves-unwritten');
});

test('a message that is refused because the store is away does not end the turn that runs', async () => {
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('refusing', [], { store: pipe.url });
  const first = await begun(cut, 'refused');
  await leaves(first, cut, 0);
  pipe.refuse = true;
  pipe.cut();
  const next = await chat(cut.base, 'scenario:text;words=3', { id: 'refused' }).done;
  assertRefused(next, 503, 'store_unavailable');
  pipe.heal();
  const again = resume(b, 'refused');
  await fifth(again);
  await world.endsWhole('refused', again);
  assert.equal((await cut.stop()).code, 0);
  pipe.stop();
});

test('a reader that was cut off on one lane hears the end on the other', async () => {
  const first = await begun(a, 'owed');
  const other = resume(b, 'owed');
  await fifth(other);
  await leaves(other, b, 1);
  await world.release('owed');
  await first.done;
  const again = await resume(a, 'owed').done;
  assertLegal(again);
  assert.deepEqual(read(again).texts, [whole()]);
});

test('longer than five seconds after its end an answer is replayed on neither lane, unless its request is repeated', async () => {
  const keyed = (lane) => send(lane.base, { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': 'k-over' }, body: { id: 'keyed', messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=3' }] }] } });
  const turn = turnOf(await keyed(a));
  const first = await begun(a, 'over');
  await leaves(first, a, 0);
  await world.release('over');
  await b.until(() => world.redis.cli('HGET', 'oa:t:/over', 'st') === 'ended', 'its end');
  const early = await resume(b, 'over').done;
  assert.deepEqual(read(early).texts, [whole()]);
  for (const ms of [6500, 1500, 1500]) { // a lane that has dropped it would read it again
    await sleep(ms);
    for (const lane of [b, a]) assert.equal((await resume(lane, 'over').done).status, 204, lane.name);
  }
  for (const lane of [b, a]) {
    const again = await keyed(lane);
    assert.deepEqual([again.status, turnOf(again), heard(again)], [200, turn, whole(3)], lane.name);
  }
});

test('a repeated request while the store does not answer is refused for now, not for good', async () => {
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('repeating', [], { store: pipe.url });
  const request = { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': 'k-away' }, body: chatBody('scenario:text;words=3', { id: 'away' }) };
  const turn = turnOf(await send(a.base, request));
  let lost = false;
  pipe.fault = (text) => { lost = text.includes(`oa:l:${turn}`); return lost && 'answer'; }; // the key was looked up before
  const refused = await send(cut.base, request);
  assert.ok(lost, 'the log of the turn was asked for');
  assertRefused(refused, 503, 'store_unavailable');
  const later = await again(() => send(cut.base, request));
  assert.deepEqual([later.status, turnOf(later), heard(later)], [200, turn, whole(3)]);
  assert.equal((await cut.stop()).code, 0);
  pipe.stop();
});

test('a message that is sent to two lanes at once is answered once', async () => {
  for (let i = 0; i < 20; ++i) {
    const both = [a, b].map((lane) => chat(lane.base, held(`twice-${i}`), { id: `twice-${i}` }));
    const refused = await Promise.race(both.map((x) => x.done));
    assertRefused(refused, 409, 'turn_in_progress');
    await world.release(`twice-${i}`);
    const ok = await both.find((x) => x !== refused).done;
    assertLegal(ok);
    assert.deepEqual(read(ok).texts, [whole()], `${i}`);
  }
});

/** Lane b alone is left to adopt it. */
async function dies(lane) {
  if (a.exit === undefined) await a.stop();
  const before = await metric(b, 'adopted_total');
  await lane.kill('SIGKILL');
  await b.until(async () => await metric(b, 'adopted_total') > before, 'the takeover');
}

test('a turn of a conversation that was made anew elsewhere is adopted with the thread it has now', async () => {
  await chat(b.base, 'scenario:text;words=3', { id: 'anew' }).done;
  const dying = await world.lane('maker');
  assert.equal((await send(dying.base, { method: 'DELETE', path: '/api/chats/anew' })).status, 204);
  const first = await stored(dying, 'anew');
  await dies(dying);
  const again = resume(b, 'anew');
  await fifth(again);
  await world.endsWhole('anew', again);
  first.destroy();
});

test('whoever reads a turn where it was adopted counts beside those who read it there before', async () => {
  const dying = await world.lane('dying');
  const first = await stored(dying, 'adopted');
  const other = resume(b, 'adopted');
  await fifth(other);
  await dies(dying);
  const more = resume(b, 'adopted');
  await fifth(more);
  await b.until(() => readers(turnOf(other)) === 2, 'both readers');
  await leaves(more, b, 1);
  await sleep(5500); // longer than the grace of a turn that nobody reads
  await world.endsWhole('adopted', other);
  first.destroy();
});

test('a stop of a turn whose lane is dead holds until its Codex server is there again', async () => {
  const relay = await startPipe(world.server.port);
  const dying = await world.lane('stopped', [], { codex: relay.port });
  const left = await world.lane('left', [], { codex: relay.port });
  await b.stop();
  const first = await stored(dying, 'stop-later');
  relay.refuse = true;
  relay.cut();
  await dying.kill('SIGKILL');
  await left.until(() => world.redis.cli('KEYS', 'oa:s:stopped.*') === '', 'the end of its lease');
  const stop = await send(left.base, { method: 'POST', path: '/api/chats/stop-later/stop' });
  assert.equal(stop.status, 200, stop.text);
  assert.equal(stop.json().data.status, 'stopping');
  const again = resume(left, 'stop-later');
  await fifth(again);
  relay.heal();
  await again.done;
  assertLegal(again);
  assert.ok(read(again).aborted, again.text);
  assert.notEqual(heard(again), whole());
  first.destroy();
  relay.stop();
});
