// One answer of the store is lost, or its holder cannot come to it: whatever stood there half done is
// put right without a restart. Commands of lanes are told apart by how many parts they have.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { limit } from '../lib/process.mjs';
import { again, ready, startPair } from '../lib/replicas/pair.mjs';
import { begun, heard, held, metric, resume, whole } from '../lib/replicas/world.mjs';

let world, pipeA, pipeB, a, b, end;
before(async () => ({ world, pipeA, pipeB, a, b, end } = await startPair()));
// What a test did to their store may be over only now: who has no store refuses without asking it.
beforeEach(() => Promise.all([a, b].map(ready)));
after(() => end());

/** A script with one key or more about this row. */
const script = (parts, id) => (text) => text.includes(`*${parts}\r\n$7\r\nEVALSHA`) && text.includes(`oa:t:/${id}\r\n`);
const ACQUIRE = 11;
const COMMIT = 31;
const LET_GO = 11;
const lose = (parts, id, what = 'answer') => (text) => script(parts, id)(text) && what;
const held_ = (name) => world.redis.cli('SMEMBERS', 'oa:ss').split('\n').filter((one) => one.startsWith(`${name}.`)).map((one) => `oa:c:${one}`);
const turnsOf = (name) => held_(name).reduce((sum, key) => sum + Number(world.redis.cli('HGET', key, 'n') || 0), 0);
const small = (id) => chat(a.base, 'scenario:text;words=3', { id }).done;

test('the answer to the start of a turn is lost: its conversation is free again, and counts no more', async () => {
  pipeA.fault = lose(ACQUIRE, 'lost-start');
  assertRefused(await small('lost-start'), 503, 'store_unavailable');
  assertLegal(await again(() => chat(b.base, 'scenario:text;words=3', { id: 'lost-start' }).done));
  await a.until(() => turnsOf('a') === 0 && turnsOf('b') === 0, 'counts of nothing');
});

test('what gives such a start up is lost, too: it is given up again', async () => {
  pipeA.fault = lose(ACQUIRE, 'lost-twice');
  assertRefused(await small('lost-twice'), 503, 'store_unavailable');
  let lost = false;
  pipeA.fault = (text) => { lost = script(LET_GO, 'lost-twice')(text); return lost && 'command'; };
  await a.until(() => lost, 'the first time');
  assertLegal(await again(() => chat(b.base, 'scenario:text;words=3', { id: 'lost-twice' }).done));
  await a.until(() => turnsOf('a') === 0 && turnsOf('b') === 0, 'counts of nothing');
});

test('the store goes away while a turn is started: its conversation is free again', async () => {
  assertLegal(await again(() => small('first-words')));
  pipeA.fault = lose(COMMIT, 'away-start', 'command');
  assertRefused(await small('away-start'), 503, 'store_unavailable');
  await ready(a);
  assertLegal(await again(() => small('away-start')));
  await a.until(() => turnsOf('a') === 0 && turnsOf('b') === 0, 'counts of nothing');
});

test('the answer to a turn’s acceptance is lost: the same Idempotency-Key starts it again', async () => {
  const ask = (lane) => open(lane.base, { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': 'once-lost' }, body: chatBody('scenario:text;words=3', { id: 'lost-accept', messageId: 'm-1' }) }).done;
  pipeA.fault = lose(COMMIT, 'lost-accept');
  assertRefused(await ask(a), 503, 'store_unavailable');
  const next = await again(() => ask(a));
  assertLegal(next);
  assert.deepEqual(read(next).texts, [whole(3)]);
  const repeated = await ask(b);
  if (repeated.status === 200) assert.equal(repeated.headers['x-oa-turn-id'], next.headers['x-oa-turn-id']);
  else assert.equal(repeated.json().error.code, 'already_answered', repeated.text);
});

test('the answer to the use of an Idempotency-Key is lost: it can be used again, on each lane', async () => {
  const ask = (lane) => open(lane.base, { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': 'use-lost' }, body: chatBody('scenario:text;words=3', { id: 'lost-key', messageId: 'm-1' }) }).done;
  pipeA.fault = (text) => text.includes('EVALSHA') && text.includes('oa:i:/use-lost') && 'answer';
  assertRefused(await ask(a), 503, 'store_unavailable');
  assertLegal(await again(() => ask(b), (x) => x.status === 200, 15000));
});

test('a request does not wait until the keys of all others are forgotten', async () => {
  pipeA.refuse = true;
  pipeA.cut();
  const ask = (n) => open(a.base, { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': `many-${n}` }, body: chatBody('scenario:text;words=1', { id: `many-${n}`, messageId: 'm' }) }).done;
  await again(() => ask(0), (x) => x.status === 503);
  await Promise.all(Array.from({ length: 300 }, (_, n) => ask(n)));
  const told = [];
  pipeA.told = (text) => told.push(...[...text.matchAll(/oa:i:\/(many-\d+|mine-alone)/g)].map((one) => one[1]));
  pipeA.delay = 20; // so that they take a while, whatever else this process does
  pipeA.heal();
  await a.until(() => told.length > 0, 'the first to be forgotten');
  const mine = await open(a.base, { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': 'mine-alone' }, body: chatBody('scenario:text;words=1', { id: 'mine-alone', messageId: 'm' }) }).done;
  pipeA.told = undefined;
  pipeA.delay = 0;
  assertLegal(mine);
  const behind = told.indexOf('mine-alone');
  assert.ok(behind >= 0 && behind < 290, `behind ${behind} others`);
});

test('a conversation that another lane made is not made again: 409, and its messages stay', async () => {
  for (const id of ['made', 'source']) {
    assertLegal(await again(() => small(id)));
    await a.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 'st') === 'ended', 'its end in the store');
  }
  const make = (path, body) => open(b.base, { method: 'POST', path, body }).done;
  assertRefused(await make('/api/chats', { id: 'made' }), 409, 'conflict');
  assertRefused(await make('/api/chats/source/fork', { id: 'made' }), 409, 'conflict');
  const file = (await send(a.base, { path: '/api/chats/made/export' })).text;
  assertRefused(await make('/api/chats?id=made', file), 409, 'conflict');
  for (const lane of [a, b]) assert.ok((await send(lane.base, { path: '/api/chats/made/messages' })).text.includes(whole(3)));
});

test('two lanes make one conversation at once: one of them does', async () => {
  const both = await Promise.all([a, b].map((lane) => open(lane.base, { method: 'POST', path: '/api/chats', body: { id: 'twice', title: lane === a ? 'A' : 'B' } }).done));
  assert.deepEqual(both.map((x) => x.status).sort(), [201, 409], both.map((x) => x.text).join('\n'));
});

test('a first message comes to a second lane before the first one has its thread: one thread, one question', async () => {
  const threads = new Set();
  const seen = new Set();
  for (const pipe of [pipeA, pipeB]) {
    pipe.told = (text) => {
      for (const one of text.matchAll(/oa:t:\/(early-\d+)\r\n(?:[^*]|\*(?!\d+\r\n))*?\$2\r\nth\r\n\$\d+\r\n([^\r]+)/g)) threads.add(`${one[1]} ${one[2]}`);
      if (pipe === pipeB) for (const one of text.matchAll(/\*11\r\n\$7\r\nEVALSHA[^*]*oa:t:\/(early-\d+)/g)) seen.add(one[1]);
    };
  }
  let id, second;
  for (let n = 0; n < 8 && second?.status !== 200; ++n) { // the first lane may be slower than the second one is patient
    id = `early-${n}`;
    const body = chatBody('scenario:text;words=30;delay=100', { id, messageId: 'm-1' });
    world.server.signal('SIGSTOP');
    const first = open(a.base, { method: 'POST', path: '/api/chat', body });
    await a.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 'st') === 'starting', 'the first start');
    first.destroy();
    const next = open(b.base, { method: 'POST', path: '/api/chat', body });
    await a.until(() => seen.has(id), 'the second start');
    world.server.signal('SIGCONT');
    second = await next.done;
  }
  for (const pipe of [pipeA, pipeB]) pipe.told = undefined;
  assertLegal(second);
  assert.equal([...threads].filter((one) => one.startsWith(`${id} `)).length, 1, [...threads].join(', '));
  assert.equal((await send(b.base, { path: `/api/chats/${id}/messages` })).text.split('"role":"user"').length, 2, 'one question');
});

test('a name and the archive given on another lane while a turn runs stay so when it ends', async () => {
  const first = await begun(a, 'changed');
  const change = (body) => send(b.base, { method: 'PATCH', path: '/api/chats/changed', body });
  assert.equal((await change({ archived: true })).status, 200);
  assert.equal((await change({ title: 'Mine' })).status, 200);
  await world.release('changed');
  await first.done;
  const ids = async (lane) => (await send(lane.base, { path: '/api/chats?limit=200&archived=true' })).json().data.map((one) => one.id);
  await a.until(() => world.redis.cli('HGET', 'oa:t:/changed', 'st') === 'ended', 'its end');
  assertLegal(await again(() => small('changed-behind'))); // what the end of a turn still writes is written before
  for (const lane of [a, b]) assert.deepEqual(await ids(lane), ['changed']);
  assert.equal(world.redis.cli('HGET', 'oa:t:/changed', 'tl'), 'Mine');
});

test('the store does not take a deletion: 503, and the repeated request deletes the rest', async () => {
  assertLegal(await again(() => small('deleted')));
  pipeA.fault = (text) => /EVALSHA/.test(text) && text.includes('oa:t:/deleted\r\n') && text.includes('oa:w:\r\n') && 'command';
  const remove = () => send(a.base, { method: 'DELETE', path: '/api/chats/deleted' });
  const refused = await remove();
  assert.deepEqual([refused.status, refused.json().error.code], [503, 'store_unavailable']);
  await ready(a);
  assert.equal((await again(remove, (x) => x.status === 204)).status, 204);
  assert.equal(world.redis.cli('HGET', 'oa:t:/deleted', 'th'), '');
});

test('an idle conversation is resumed with 204 where no more turns may be started', async () => {
  assert.equal((await send(a.base, { method: 'POST', path: '/api/chats', body: { id: 'idle' } })).status, 201);
  const full = await world.lane('full', ['--limit', 'streams=1']);
  const first = await begun(full, 'takes-all');
  assert.equal((await resume(full, 'idle').done).status, 204);
  await world.release('takes-all');
  await first.done;
  assert.equal((await full.stop()).code, 0);
});

test('a lane stands still for longer than its lease: what others took from it counts nowhere twice', async () => {
  const slow = await world.lane('slow');
  const first = await begun(slow, 'slept');
  const before = await metric(b, 'adopted_total') + await metric(a, 'adopted_total');
  slow.signal('SIGSTOP');
  await a.until(async () => (await metric(a, 'adopted_total')) + (await metric(b, 'adopted_total')) > before, 'the takeover');
  slow.signal('SIGCONT');
  await first.done;
  await slow.until(async () => (await metric(slow, 'turns_held')) === 0, 'nothing held');
  await slow.until(() => turnsOf('slow') === 0, 'a count of nothing');
  await world.release('slept');
  assert.equal((await slow.stop()).code, 0);
});

test('the store is emptied and one answer is lost: every turn is told again', async () => {
  const turns = [await begun(a, 'told-1'), await begun(a, 'told-2'), await begun(a, 'told-3')];
  let lost;
  pipeA.fault = (text) => { lost = /\*14\r\n\$7\r\nEVALSHA[^*]*oa:t:\/told-\d/.test(text); return lost && 'command'; };
  world.redis.cli('FLUSHALL');
  await a.until(() => lost, 'the lost command');
  await ready(a);
  for (const n of [1, 2, 3]) await a.until(() => world.redis.cli('HGET', `oa:t:/told-${n}`, 'st') === 'live', `turn ${n}`);
  for (const n of [1, 2, 3]) {
    assertRefused(await chat(b.base, 'scenario:text;words=3', { id: `told-${n}` }).done, 409, 'turn_in_progress');
    await world.release(`told-${n}`);
  }
  for (const one of turns) assert.equal(heard(await one.done.then(() => one)), whole());
});

test('more is said while the store is away than a log holds: nobody elsewhere takes the rest for the whole', async () => {
  const narrow = await world.lane('narrow', ['--limit', 'turn-log=1k'], { store: pipeA.url });
  const first = await begun(narrow, 'hole');
  const other = resume(b, 'hole');
  await other.wait(() => heard(other).includes('echo'), 'the fifth word');
  pipeA.refuse = true;
  pipeA.cut();
  await world.release('hole');
  await first.wait(() => first.text.length > 4000 || heard(first) === whole(), 'the rest');
  pipeA.heal();
  await first.done;
  await other.done;
  if (heard(other) !== whole()) assert.ok(other.broken, 'cut, without an ending');
  assert.ok(!other.text.includes('[DONE]') || heard(other) === whole(), other.text);
  assert.equal((await narrow.stop()).code, 0);
});
