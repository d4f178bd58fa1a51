// What one lane is about to begin, the others know of.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { begun, fifth, heard, held, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

let world, a, b;
before(async () => {
  world = await startWorld();
  [a, b] = [await world.lane('a'), await world.lane('b')];
});
after(() => world.end());

const stop = (lane, id) => open(lane.base, { method: 'POST', path: `/api/chats/${id}/stop` });
for (const known of [false, true]) {
  test(`a turn of ${known ? 'a conversation' : 'a new conversation'} that one lane starts is stopped through the other`, async () => {
    const id = known ? 'stop-known' : 'stop-new';
    if (known) assertLegal(await chat(b.base, 'scenario:text;words=2', { id }).done);
    world.server.signal('SIGSTOP'); // the turn cannot be accepted meanwhile
    const first = chat(a.base, held(id), { id });
    await a.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 'st') === 'starting', 'the start');
    const asked = stop(b, id);
    await a.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 'sp') === 'stopped', 'the wish');
    world.server.signal('SIGCONT');
    await asked.done;
    assert.equal(asked.status, 200, asked.text);
    assert.equal(asked.json().data.id, id);
    const { status, turnId } = asked.json().data;
    await first.done;
    assertLegal(first);
    // A busy machine may take longer than the two seconds that a stop waits.
    if (status !== 'stopping') assert.deepEqual([status, turnId], ['stopped', first.headers['x-oa-turn-id']]);
    assert.ok(first.chunks.some((c) => c?.type === 'abort'), first.text);
    assert.ok(!heard(first).includes('foxtrot'));
    await world.release(id);
    assert.equal((await stop(b, id).done).json().data.status, 'idle');
  });
}

test('a page of a new conversation that is reloaded while one lane starts it finds it through the other', async () => {
  const id = 'reload-new';
  world.server.signal('SIGSTOP');
  const first = chat(a.base, held(id), { id });
  await a.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 'st') === 'starting', 'the start');
  const messages = send(b.base, { path: `/api/chats/${id}/messages` }), resumed = resume(b, id);
  await sleep(limit(200)); // both are asked while it is being started
  world.server.signal('SIGCONT');
  const listed = await messages;
  assert.equal(listed.status, 200, listed.text);
  assert.match(listed.text, /"role":"user"/);
  await fifth(resumed);
  await world.release(id);
  await Promise.all([first.done, resumed.done]);
  assert.equal(resumed.status, 200);
  assertLegal(first);
  assert.equal((await send(b.base, { path: '/api/chats/never-made/messages' })).status, 404);
});

test('a start that takes longer than a stop waits is said to be stopping, and is stopped then', async () => {
  world.server.signal('SIGSTOP');
  const first = chat(a.base, held('stop-late'), { id: 'stop-late' });
  await a.until(() => world.redis.cli('HGET', 'oa:t:/stop-late', 'st') === 'starting', 'the start');
  const asked = await stop(b, 'stop-late').done;
  assert.deepEqual([asked.status, asked.json().data], [200, { id: 'stop-late', turnId: null, status: 'stopping' }]);
  world.server.signal('SIGCONT');
  await first.done;
  assert.ok(first.chunks.some((c) => c?.type === 'abort'), first.text);
  await world.release('stop-late');
});

test('a lane that stood still over a start leaves the conversation to whoever has it since', async () => {
  const sleeper = await world.lane('sleeper');
  const id = 'slept';
  assertLegal(await chat(b.base, 'scenario:text;words=2', { id }).done);
  world.server.signal('SIGSTOP');
  const first = chat(sleeper.base, held(id), { id, messageId: 'm-slept' });
  await a.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 'st') === 'starting', 'the start');
  await sleep(limit(200)); // what it asks Codex first is on its way
  sleeper.signal('SIGSTOP');
  world.server.signal('SIGCONT');
  await a.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 's') === '', 'the end of its lease');
  const retried = chat(b.base, held(id), { id, messageId: 'm-slept' });
  await fifth(retried);
  sleeper.signal('SIGCONT');
  await first.done;
  await world.endsWhole(id, retried);
  assertRefused(first, 503, 'store_unavailable');
  assert.ok(first.headers['retry-after']);
  const messages = (await send(b.base, { path: `/api/chats/${id}/messages` })).text;
  assert.equal(messages.split('"role":"user"').length, 3, 'two questions');
  assert.equal(await metric(b, 'codex_foreign_input_total'), 0);
  assert.equal((await sleeper.stop()).code, 0);
});

const json = { 'content-type': 'application/json' };
for (const [what, id, status, code, asks] of [
  ['makes', 'slept-made', 409, 'conflict', { path: '/api/chats', body: '{"id":"slept-made"}' }],
  ['copies', 'slept-copy', 409, 'conflict', { path: '/api/chats/slept-source/fork', body: '{"id":"slept-copy"}' }],
  ['deletes', 'slept-gone', 503, 'store_unavailable', { method: 'DELETE', path: '/api/chats/slept-gone' }],
]) {
  test(`a lane that stood still while it ${what} a conversation changes nothing of what another one answered there since`, async () => {
    const sleeper = await world.lane('sleeper');
    const before = { copies: 'slept-source', deletes: id }[what];
    if (before) assertLegal(await chat(b.base, 'scenario:text;words=2', { id: before }).done);
    world.server.signal('SIGSTOP');
    const first = open(sleeper.base, { method: 'POST', headers: json, ...asks });
    await b.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 'st') === 'starting', 'the start');
    await sleep(limit(200)); // what it asks Codex is on its way
    sleeper.signal('SIGSTOP');
    world.server.signal('SIGCONT');
    await b.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 's') === '', 'the end of its lease');
    assertLegal(await chat(b.base, 'scenario:text;words=2', { id }).done);
    const thread = world.redis.cli('HGET', `oa:t:/${id}`, 'th');
    sleeper.signal('SIGCONT');
    assertRefused(await first.done, status, code);
    assert.equal(world.redis.cli('HGET', `oa:t:/${id}`, 'th'), thread);
    for (const lane of [b, sleeper]) {
      const messages = await send(lane.base, { path: `/api/chats/${id}/messages` });
      assert.ok(messages.text.includes('alpha bravo'), `${lane.name}: ${messages.text}`);
    }
    assert.equal((await sleeper.stop()).code, 0);
  });
}

test('a client that leaves while another lane starts its turn is waited for no longer', async () => {
  assertLegal(await chat(b.base, 'scenario:text;words=2', { id: 'left-start' }).done);
  world.server.signal('SIGSTOP');
  const first = chat(a.base, held('left-start'), { id: 'left-start' });
  await a.until(() => world.redis.cli('HGET', 'oa:t:/left-start', 'st') === 'starting', 'the start');
  const left = async () => [...(await send(b.base, { path: '/metrics' })).text.matchAll(/http_requests_total\{.*status="499".*\} (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  const before = await left();
  const looks = () => Number(/cmdstat_hmget:calls=(\d+)/.exec(world.redis.cli('INFO', 'commandstats'))?.[1] ?? 0);
  const asked = resume(b, 'left-start');
  const seen = looks();
  await b.until(() => looks() > seen + 10, 'the wait');
  assert.equal(await left(), before, 'it waits');
  asked.destroy();
  await b.until(async () => (await left()) === before + 1, 'the end of the wait');
  world.server.signal('SIGCONT');
  await world.release('left-start');
  await first.done;
});

test('a stop of what nobody knows or starts is 404 all the same', async () => {
  assertRefused(await stop(b, 'nobody-knows').done, 404);
});

test('readers of one turn are limited over all lanes', async () => {
  const narrow = await world.lane('narrow', ['--limit', 'readers-per-turn=2']);
  const first = await begun(a, 'crowd');
  const second = resume(b, 'crowd');
  await fifth(second);
  const refused = await resume(narrow, 'crowd').done;
  assertRefused(refused, 429, 'rate_limited');
  second.destroy();
  await a.until(() => world.redis.cli('HVALS', `oa:r:${first.headers['x-oa-turn-id']}`).split('\n').reduce((sum, n) => sum + Number(n), 0) === 1, 'one reader');
  const third = resume(narrow, 'crowd');
  await fifth(third);
  await world.release('crowd');
  await Promise.all([first.done, third.done]);
  assert.equal(heard(third), whole());
  assert.equal((await narrow.stop()).code, 0);
});

test('one lane takes no more turns than `streams-here`, and the others go on taking them', async () => {
  const narrow = await world.lane('narrow', ['--limit', 'streams-here=1']);
  const first = await begun(narrow, 'here-1');
  const refused = await chat(narrow.base, 'scenario:text;words=1', { id: 'here-2' }).done;
  assertRefused(refused, 503, 'service_unavailable');
  assert.ok(refused.headers['retry-after']);
  assert.equal((await chat(a.base, 'scenario:text;words=1', { id: 'here-2' }).done).status, 200);
  await world.release('here-1');
  await first.done;
  assert.equal((await chat(narrow.base, 'scenario:text;words=1', { id: 'here-2' }).done).status, 200);
  assert.equal((await narrow.stop()).code, 0);
});

test('more turns of others than may be read at once are refused, not left unread', async () => {
  const narrow = await world.lane('few', ['--limit', 'tails=1']);
  const turns = [await begun(a, 'tail-1'), await begun(a, 'tail-2')];
  const one = resume(narrow, 'tail-1');
  await fifth(one);
  const two = await resume(narrow, 'tail-2').done;
  assertRefused(two, 503, 'service_unavailable');
  assert.ok(two.headers['retry-after']);
  for (const n of [1, 2]) await world.release(`tail-${n}`);
  await Promise.all([...turns, one].map((x) => x.done));
  assert.equal(heard(one), whole());
  assert.equal((await narrow.stop()).code, 0);
});

test('a turn that this lane may not read as well is stopped, and deleted, through it all the same', async () => {
  const narrow = await world.lane('full', ['--limit', 'tails=1']);
  const turns = [];
  for (const id of ['full-1', 'full-2', 'full-3']) turns.push(await begun(a, id));
  const one = resume(narrow, 'full-1');
  await fifth(one);
  const stop = await send(narrow.base, { method: 'POST', path: '/api/chats/full-2/stop' });
  assert.deepEqual([stop.status, stop.json().data?.status], [200, 'stopped'], stop.text);
  assert.equal((await send(narrow.base, { method: 'DELETE', path: '/api/chats/full-3' })).status, 204);
  for (const stopped of turns.slice(1)) assert.ok(read(await stopped.done).aborted);
  await world.endsWhole('full-1', turns[0], one);
  assert.equal((await narrow.stop()).code, 0);
});
