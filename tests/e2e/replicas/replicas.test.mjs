// Two lanes on one Redis, and one Codex server behind both: what one lane runs, the other can go on
// reading, stop and take over.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit, oa } from '../lib/process.mjs';
import { again } from '../lib/replicas/pair.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { fifth, heard, held, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

const LEASE = '1500ms';
const LONG = 'scenario:words;n=300;delay=100'; // of a recorded authority: longer than its test
let world, a, b;
before(async () => {
  world = await startWorld({ lease: LEASE });
  [a, b] = [await world.lane('a'), await world.lane('b')];
});
after(() => world.end());

test('a turn of one lane is read to its end on the other, from its beginning', async () => {
  const first = chat(a.base, held('read'), { id: 'read' });
  await fifth(first);
  const other = resume(b, 'read');
  await fifth(other);
  await world.release('read');
  await Promise.all([first.done, other.done]);
  for (const x of [first, other]) {
    assertLegal(x);
    assert.deepEqual(read(x).texts, [whole()]);
  }
  assert.equal(other.headers['x-oa-turn-id'], first.headers['x-oa-turn-id']);
  assert.equal((await resume(b, 'read').done).status, 204, 'an ended turn that everybody heard is not told again');
});

test('the other lane lists the conversation, reads its messages and goes on with it', async () => {
  await chat(a.base, 'scenario:text;words=3', { id: 'shared' }).done;
  const listed = (await send(b.base, { path: '/api/chats' })).json();
  assert.ok(listed.data.some((row) => row.id === 'shared'), JSON.stringify(listed));
  const messages = await send(b.base, { path: '/api/chats/shared/messages' });
  assert.ok(messages.text.includes(whole(3)), messages.text);
  const next = await chat(b.base, 'scenario:text;words=4', { id: 'shared' }).done;
  assertLegal(next);
  assert.equal((await send(a.base, { path: '/api/chats/shared/messages' })).text.split('"role":"user"').length, 3, 'one thread, two questions');
  assert.equal((await send(b.base, { method: 'DELETE', path: '/api/chats/shared' })).status, 204);
  assert.equal((await send(a.base, { path: '/api/chats/shared/messages' })).status, 404, 'gone on both');
});

test('a new name and an archived conversation stand in the list of every lane', async () => {
  for (const id of ['named', 'put-away', 'gone']) await chat(a.base, 'scenario:text;words=1', { id }).done;
  const list = async (on, query = '') => (await send(on.base, { path: `/api/chats?limit=200${query}` })).json().data;
  const of = async (on, query) => (await list(on, query)).map((one) => one.id);
  const before = await of(b);
  assert.ok(['named', 'put-away', 'gone'].every((id) => before.includes(id)), before.join(' '));
  await of(a);
  const change = (on, id, body) => send(on.base, { method: 'PATCH', path: `/api/chats/${id}`, body });
  assert.equal((await change(b, 'named', { title: 'Renamed' })).status, 200);
  assert.equal((await change(b, 'put-away', { archived: true })).status, 200);
  assert.equal((await send(b.base, { method: 'DELETE', path: '/api/chats/gone' })).status, 204);
  assert.equal((await list(a)).find((one) => one.id === 'named').title, 'Renamed');
  const shown = await of(a);
  assert.ok(!shown.includes('put-away') && !shown.includes('gone'), shown.join(' '));
  assert.deepEqual(await of(a, '&archived=true'), ['put-away']);
});

test('a copy of a conversation whose turn runs elsewhere is refused as here: it is busy', async () => {
  const first = chat(a.base, held('forked'), { id: 'forked' });
  await fifth(first);
  for (const on of [a, b]) assertRefused(await open(on.base, { method: 'POST', path: '/api/chats/forked/fork', body: {} }).done, 409, 'turn_in_progress');
  await world.release('forked');
  await first.done;
});

test('a thread with a reader is busy on every lane; without one its turn gives way', async () => {
  const first = chat(a.base, held('busy'), { id: 'busy' });
  await fifth(first);
  const refused = await chat(b.base, 'scenario:text;words=3', { id: 'busy' }).done;
  assertRefused(refused, 409, 'turn_in_progress');
  first.destroy();
  const deadline = Date.now() + limit(20000);
  let next;
  do next = await chat(b.base, 'scenario:text;words=3', { id: 'busy' }).done;
  while (next.status === 409 && Date.now() < deadline);
  assertLegal(next);
  assert.deepEqual(read(next).texts, [whole(3)]);
  await world.release('busy');
});

test('a stop on the other lane ends the turn, and says so when it has', async () => {
  const first = chat(a.base, held('stop'), { id: 'stop' });
  await fifth(first);
  const stopped = (await send(b.base, { method: 'POST', path: '/api/chats/stop/stop' })).json();
  assert.equal(stopped.data.status, 'stopped');
  assert.equal(stopped.data.turnId, first.headers['x-oa-turn-id']);
  await first.done;
  assertLegal(first);
  assert.ok(first.chunks.some((c) => c?.type === 'abort'), first.text);
  await world.release('stop');
  assert.equal((await send(b.base, { method: 'POST', path: '/api/chats/stop/stop' })).json().data.status, 'idle');
});

test('a repeated Idempotency-Key leads to the same turn on the other lane', async () => {
  const headers = { 'idempotency-key': 'once-1' };
  const body = chatBody(held('once'), { id: 'once', messageId: 'm-1' });
  const first = open(a.base, { method: 'POST', path: '/api/chat', headers, body });
  await fifth(first);
  const again = open(b.base, { method: 'POST', path: '/api/chat', headers, body });
  await fifth(again);
  assert.equal(again.headers['x-oa-turn-id'], first.headers['x-oa-turn-id']);
  await world.release('once');
  await Promise.all([first.done, again.done]);
  assert.deepEqual(read(again).texts, [whole()]);
  const other = await open(b.base, { method: 'POST', path: '/api/chat', headers, body: chatBody('scenario:text;words=2', { id: 'once' }) }).done;
  assert.equal(other.status, 422);
});

test('a lane is killed: a reader on the other hears the answer to its end, exactly', async () => {
  const dying = await world.lane('dying');
  const first = chat(dying.base, held('killed'), { id: 'killed' });
  await fifth(first);
  const other = resume(b, 'killed');
  await fifth(other);
  await dying.kill();
  await first.done;
  assert.ok(first.broken, 'the dead lane gives no ending');
  await world.endsWhole('killed', other);
  assert.ok((await metric(a, 'adopted_total')) + (await metric(b, 'adopted_total')) + (await metric(a, 'reaped_total')) + (await metric(b, 'reaped_total')) >= 1);
  const messages = await send(a.base, { path: '/api/chats/killed/messages' });
  assert.ok(messages.text.includes(whole()), messages.text);
});

test('a lane is killed with nobody else reading: a resume tells all of it', async () => {
  const dying = await world.lane('dying-alone');
  const first = chat(dying.base, held('alone'), { id: 'alone' });
  await fifth(first);
  await dying.kill();
  await world.release('alone');
  const late = await again(() => resume(b, 'alone').done);
  assertLegal(late);
  assert.deepEqual(read(late).texts, [whole()]);
});

test('a lane drains: its turns go on with the other, and lose nothing', async () => {
  const leaving = await world.lane('leaving');
  const first = chat(leaving.base, held('drained'), { id: 'drained' });
  await fifth(first);
  const other = resume(b, 'drained');
  await fifth(other);
  const left = leaving.stop();
  await first.done;
  assert.ok(first.broken, 'no ending: it goes on elsewhere');
  assert.equal((await left).code, 0);
  await world.endsWhole('drained', other);
});

test('Redis is killed and comes back empty: a running answer goes on, new ones wait for it', async () => {
  const first = chat(a.base, held('lost'), { id: 'lost' });
  await fifth(first);
  await world.redis.kill();
  const refused = await chat(a.base, 'scenario:text;words=3', { id: 'lost-2' }).done;
  assertRefused(refused, 503, 'store_unavailable');
  const ready = await send(a.base, { path: '/readyz' });
  assert.equal(ready.status, 503);
  assert.match(ready.json().reason, /store/);
  const { port } = world.redis;
  world.redis = await startRedis({ port });
  await a.until(async () => (await send(a.base, { path: '/readyz' })).status === 200, 'readiness');
  await world.release('lost');
  await first.done;
  assert.equal(heard(first), whole(), 'nothing is missing for who read here');
  assertLegal(await again(() => chat(a.base, 'scenario:text;words=3', { id: 'lost-2' }).done));
});

test('with a recorded authority a dead lane\'s answer ends with an error, once and truthfully', async () => {
  const args = ['--store', world.redis.url, '--limit', `lease=${LEASE}`, '--store-prefix', 'replay'];
  const [x, y] = [await startLane({ name: 'x', args, pace: 'x0.2' }), await startLane({ name: 'y', args, pace: 'immediate' })];
  world.lanes.push(y);
  const first = chat(x.base, LONG, { id: 'reaped' });
  await first.wait(() => heard(first).length > 0, 'a word');
  const other = resume(y, 'reaped');
  await other.wait(() => heard(other).length > 0, 'a word');
  await x.kill();
  await other.done;
  assertLegal(other);
  assertOneError(other, { code: 'turn_lost', retryable: true });
  const again = await resume(y, 'reaped').done;
  assert.equal(again.text, other.text, 'a resume tells the same');
  assert.equal(await metric(y, 'reaped_total'), 1);
  const next = await chat(y.base, 'hello', { id: 'reaped' }).done;
  assertLegal(next);
});

test('answers of /v1 count among the turns of all lanes', async () => {
  const args = ['--store', world.redis.url, '--limit', `lease=${LEASE}`, '--store-prefix', 'places', '--limit', 'streams=2'];
  const [x, y] = [await startLane({ name: 'v1-x', args, pace: 'x0.2' }), await startLane({ name: 'v1-y', args, pace: 'x0.2' })];
  world.lanes.push(x, y);
  const ask = (on) => open(on.base, { method: 'POST', path: '/v1/chat/completions', body: { model: 'replay', stream: true, messages: [{ role: 'user', content: LONG }] } });
  const first = ask(x);
  await first.wait((e) => e.status === 200, 'an answer');
  const second = chat(y.base, LONG, { id: 'places' });
  await second.wait((e) => e.status === 200, 'an answer');
  for (const on of [x, y]) assert.equal((await ask(on).done).status, 503, 'full on both');
  assert.equal(await metric(x, 'turns_held'), 1);
  first.destroy();
  await x.until(async () => (await metric(x, 'turns_held')) === 0, 'the place given back');
  const third = ask(y);
  await third.wait((e) => e.status === 200, 'an answer');
  for (const one of [second, third]) one.destroy();
  // A lane that dies leaks nothing.
  const last = ask(x);
  await last.wait((e) => e.status !== 0, 'an answer');
  await x.kill();
  const next = await again(async () => {
    const one = ask(y);
    await one.wait((e) => e.status !== 0, 'an answer');
    return one;
  });
  assert.equal(next.status, 200);
  next.destroy();
});

test('doctor looks at the store as a lane would, and says what to set', async () => {
  const doctor = async (...args) => {
    const x = await oa(['doctor', '--json', ...args]);
    const document = JSON.parse(x.stdout);
    return { ...x, checks: Object.fromEntries(document.checks.filter((c) => c.id.startsWith('store')).map((c) => [c.id, c])) };
  };
  const seen = (await doctor('--store', world.redis.url)).checks;
  assert.equal(seen.store.verdict, 'PASS');
  assert.match(seen.store.detail, /^Redis 7\./);
  assert.equal(seen['store.kept'].verdict, 'INCONCLUSIVE');
  assert.match(seen['store.kept'].data.mend, /appendonly yes/);
  assert.match(seen['store.memory'].data.mend, /maxmemory/);
  assert.match(seen['store.lanes'].detail, /^\d+ lanes, revision dev$/);
  assert.equal(seen['store.authority'].detail, 'it has conversations of --authority codex');
  const away = await doctor('--store', 'redis://127.0.0.1:1');
  assert.equal(away.checks.store.verdict, 'FAIL');
  assert.equal(away.checks.store.data.mend, 'check the address, and whether Redis runs there');
  assert.equal(away.code, 1);
  const kept = await startRedis({ args: ['--appendonly', 'yes', '--maxmemory', '100mb'] });
  const good = (await doctor('--store', kept.url)).checks;
  assert.deepEqual(Object.values(good).map((c) => c.verdict), Object.values(good).map(() => 'PASS'), JSON.stringify(good));
  const copy = await startRedis({ args: ['--replicaof', '127.0.0.1', String(kept.port)] });
  assert.match((await doctor('--store', copy.url)).checks.store.detail, /this is a replica/);
  assert.match((await doctor('--store', kept.url)).checks['store.copies'].data.mend, /min-replicas-to-write 1/);
  await copy.kill();
  kept.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
  const mute = (await doctor('--store', kept.url)).checks.store;
  assert.match(`${mute.verdict} ${mute.detail}`, /^FAIL .*NOREPLICAS/);
  assert.match(mute.data.mend, /min-replicas-to-write/);
  kept.cli('CONFIG', 'SET', 'min-replicas-to-write', '0');
  kept.cli('HSET', 'oa:meta', 'v', '2');
  assert.match((await doctor('--store', kept.url)).checks.store.detail, /another release keeps its data there \(form 2\)/);
  await kept.kill();
});

test('set-ups that cannot work are refused at once, with what to do', async () => {
  const serve = (args, more = {}) => oa(['serve', '--listen', '127.0.0.1:0', ...args], more);
  const child = await serve(['--authority', 'codex', '--store', world.redis.url]);
  assert.equal(child.code, 2);
  assert.match(child.stderr, /--store: the Codex that a lane starts itself belongs to that lane alone/);
  const clear = await serve(['--authority', 'replay', '--store', 'redis://10.0.0.1:6379']);
  assert.equal(clear.code, 2);
  assert.match(clear.stderr, /in the clear/);
  const other = await serve(['--authority', 'replay', '--store', world.redis.url]);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /lanes with --authority codex keep their conversations there/);
  const secret = await serve(['--authority', 'replay', '--store', 'redis://:hunter2@127.0.0.1']);
  assert.equal(secret.code, 2);
  assert.ok(!secret.stderr.includes('hunter2'));
  const nobody = await serve(['--authority', 'replay', '--store', 'redis://127.0.0.1:1']);
  assert.equal(nobody.code, 4, nobody.stderr);
  const lru = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
  const evicting = await serve(['--authority', 'replay', '--store', lru.url]);
  assert.equal(evicting.code, 2);
  assert.match(evicting.stderr, /noeviction/);
  await lru.kill();
});
