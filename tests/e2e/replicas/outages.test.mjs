// Redis and the way to it fail in every manner that docs/replicas.md promises something for.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { sleep } from '../lib/process.mjs';
import { again, ready, startPair } from '../lib/replicas/pair.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { begun, fifth, heard, held, metric, resume, whole } from '../lib/replicas/world.mjs';

let world, pipeA, pipeB, a, b, end;
before(async () => ({ world, pipeA, pipeB, a, b, end } = await startPair({ redis: { args: ['--appendonly', 'yes', '--appendfsync', 'everysec'] } })));
after(() => end());

/** A turn of A that somebody reads on both lanes. */
async function readOnBoth(id) {
  const first = await begun(a, id);
  const other = resume(b, id);
  await fifth(other);
  return [first, other];
}
function assertWhole(x) {
  assertLegal(x);
  assert.deepEqual(read(x).texts, [whole()]);
}

test('Redis is restarted with its data: both readers get the whole answer, new turns get 503 meanwhile', async () => {
  const [first, other] = await readOnBoth('restarted');
  const { port, folder } = world.redis;
  await world.redis.kill();
  assertRefused(await chat(a.base, 'scenario:text;words=3', { id: 'restarted-2' }).done, 503, 'store_unavailable');
  assert.match((await send(b.base, { path: '/readyz' })).json().reason, /store/);
  world.redis = await startRedis({ port, folder, args: ['--appendonly', 'yes'] });
  await world.release('restarted');
  await Promise.all([first.done, other.done]);
  for (const x of [first, other]) assertWhole(x);
  await ready(a);
  assertLegal(await again(() => chat(a.base, 'scenario:text;words=3', { id: 'restarted-2' }).done));
});

test('Redis is restarted while an answer ends: readers elsewhere hear its end, and the store keeps it no longer than any other', async () => {
  const [first, other] = await readOnBoth('ended-away');
  const { port, folder } = world.redis;
  await world.redis.kill();
  await world.release('ended-away');
  await first.done; // nobody waits for the store
  assertWhole(first);
  world.redis = await startRedis({ port, folder, args: ['--appendonly', 'yes'] });
  await other.done;
  assertWhole(other);
  const left = Number(world.redis.cli('PTTL', `oa:l:${first.headers['x-oa-turn-id']}`));
  assert.ok(left > 0 && left <= 60000, `${left} ms`);
  await ready(a);
});

test('Redis is emptied: the holder’s reader gets the whole answer, others are cut, no second turn can start beside it', async () => {
  const [first, other] = await readOnBoth('flushed');
  world.redis.cli('FLUSHALL');
  await other.done;
  assert.ok(other.broken, 'cut, without an ending');
  await a.until(async () => world.redis.cli('HGET', 'oa:t:/flushed', 'st') === 'live', 'the turn told again');
  assert.equal((await resume(b, 'flushed').done).status, 204);
  assertRefused(await chat(b.base, 'scenario:text;words=3', { id: 'flushed' }).done, 409, 'turn_in_progress');
  await world.release('flushed');
  await first.done;
  assertWhole(first);
  const messages = await again(() => send(b.base, { path: '/api/chats/flushed/messages' }));
  assert.ok(messages.text.includes(whole()), 'the lane offers its map to an empty store');
  assertLegal(await again(() => chat(b.base, 'scenario:text;words=3', { id: 'flushed' }).done));
});

test('Redis is emptied: the Idempotency-Key of a running turn starts no other one', async () => {
  const ask = (lane) => chat(lane.base, held('keyed'), { id: 'keyed', messageId: 'm-keyed', headers: { 'idempotency-key': 'emptied' } });
  const first = ask(a);
  await fifth(first);
  world.redis.cli('FLUSHALL');
  await a.until(() => world.redis.cli('HGET', 'oa:t:/keyed', 'st') === 'live', 'the turn told again');
  assertRefused(await again(() => ask(b).done, (x) => x.status !== 503), 409, 'already_answered');
  await world.release('keyed');
  await first.done;
  assertWhole(first);
});

test('Redis is emptied: a lane whose reader was cut stops the turn all the same', async () => {
  const [first, other] = await readOnBoth('flushed-stop');
  world.redis.cli('FLUSHALL');
  await other.done;
  await a.until(async () => world.redis.cli('HGET', 'oa:t:/flushed-stop', 'st') === 'live', 'the turn told again');
  const stop = await send(b.base, { method: 'POST', path: '/api/chats/flushed-stop/stop' });
  assert.match(stop.json().data?.status ?? '', /^stopp(ed|ing)$/, stop.text);
  await first.done;
  assert.ok(read(first).aborted);
});

test('Redis is full: nothing new starts, reading goes on, the turn that writes ends, the rest can end', async () => {
  assertLegal(await chat(a.base, 'scenario:text;words=3', { id: 'full-gone' }).done);
  const first = await begun(a, 'full', ';delay=40');
  const idle = await begun(b, 'full-idle');
  await b.until(async () => (await metric(b, 'store_unacked_bytes')) === 0, 'its words in the store: it has nothing to write');
  const used = Number(/used_memory:(\d+)/.exec(world.redis.cli('INFO', 'memory'))[1]);
  world.redis.cli('CONFIG', 'SET', 'maxmemory', String(Math.floor(used * 1.1)));
  await a.until(async () => (await metric(a, 'store_memory_ratio')) > 0.8, 'the share of memory');
  assertRefused(await chat(a.base, 'scenario:text;words=3', { id: 'full-2' }).done, 503, 'store_unavailable');
  const asked = { model: 'mock-model', messages: [{ role: 'user', content: 'scenario:text;words=3' }] };
  assert.equal((await send(a.base, { method: 'POST', path: '/v1/chat/completions', body: asked })).status, 503);
  assert.equal((await send(a.base, { method: 'DELETE', path: '/api/chats/full-gone' })).status, 204, 'what makes room');
  const readyz = () => send(a.base, { path: '/readyz' });
  world.redis.cli('CONFIG', 'SET', 'maxmemory', '100kb');
  await a.until(async () => (await metric(a, 'store_memory_ratio')) > 1, 'the share of memory');
  const ready_ = await readyz(); // all lanes have this store: a balancer would have none left to read from
  assert.deepEqual([ready_.status, ready_.json().reason], [200, 'the store is full: no new turns']);
  assert.equal((await send(b.base, { path: '/api/chats/full/messages' })).status, 200);
  await world.release('full');
  await first.done;
  assertLegal(first);
  const { errors } = assertOneError(first, { code: 'overloaded', retryable: true });
  assert.equal(errors[0], 'The server had no more room for this answer and ended it.');
  const line = await a.until(() => a.stderr.split('\n').find((one) => one.includes('"event":"request"') && one.includes('"thread":"full"') && one.includes('"terminal"')), 'its access line');
  const { failure, reason, terminal } = JSON.parse(line);
  assert.deepEqual({ failure, reason, terminal }, { failure: 'overloaded', reason: 'store_full', terminal: 'turn_aborted' });
  const told = await resume(b, 'full').done;
  if (told.status === 200) assert.equal(heard(told), heard(first).slice(0, heard(told).length));
  world.redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  await world.release('full-idle');
  await idle.done;
  assertWhole(idle);
  await a.until(async () => (await metric(a, 'store_memory_ratio')) === 0, 'the share of memory');
  assertLegal(await chat(a.base, 'scenario:text;words=3', { id: 'full-2' }).done);
  assert.equal((await readyz()).status, 200);
});

test('Redis is full and a lane dies: another one has its turn, and a stop through any lane ends it', async () => {
  const dying = await world.lane('dying-full');
  const first = await begun(dying, 'full-killed');
  const other = resume(b, 'full-killed');
  await fifth(other);
  await dying.until(async () => (await metric(dying, 'store_unacked_bytes')) === 0, 'its words in the store');
  const adopted = async () => (await metric(a, 'adopted_total')) + (await metric(b, 'adopted_total'));
  const before = await adopted();
  world.redis.cli('CONFIG', 'SET', 'maxmemory', '100kb');
  try {
    await dying.kill();
    await first.done;
    assert.ok((await again(adopted, (n) => n > before)) > before, 'nobody took it over');
    const stop = await send(a.base, { method: 'POST', path: '/api/chats/full-killed/stop' });
    assert.equal(stop.json().data?.status, 'stopped', stop.text);
    await other.done;
    assertLegal(other);
    assert.ok(read(other).aborted);
  } finally {
    world.redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  }
  await a.until(async () => (await metric(a, 'store_memory_ratio')) === 0, 'the share of memory');
});

test('a lane is cut off from Redis alone: the other one goes on with its turn, the first one ends without contradiction', async () => {
  const [first, other] = await readOnBoth('cut-off');
  const fenced = await metric(a, 'fenced_total');
  pipeA.stall();
  await again(() => metric(b, 'adopted_total'), (n) => n >= 1);
  pipeA.refuse = true;
  pipeA.cut();
  await world.release('cut-off');
  await other.done;
  assertWhole(other);
  pipeA.heal();
  await first.done;
  assertLegal(first);
  // Either it had the end itself and the store was silent, or it learned that the turn is another's.
  const lost = heard(first) !== whole();
  if (lost) assertOneError(first, { code: 'turn_lost', retryable: true });
  await ready(a);
  assert.ok((await metric(a, 'fenced_total')) >= fenced + (lost ? 1 : 0));
  assertLegal(await again(() => chat(a.base, 'scenario:text;words=3', { id: 'cut-off' }).done));
  const messages = (await send(b.base, { path: '/api/chats/cut-off/messages' })).text;
  assert.equal(messages.split('"role":"user"').length, 3, 'two questions, each once');
});

test('only the answers of Redis are lost: what was written is written once, what the reader hears is exact', async () => {
  const [first, other] = await readOnBoth('half-open');
  pipeA.stall('store');
  await world.release('half-open');
  await sleep(150);
  pipeA.cut(); // what came through was never acknowledged: it is sent again
  pipeA.heal();
  await Promise.all([first.done, other.done]);
  for (const x of [first, other]) assertWhole(x);
});

test('Redis stands still: nobody says that a conversation of another lane is not there', async () => {
  const first = await begun(b, 'unseen');
  world.redis.signal('SIGSTOP');
  await a.until(async () => (await send(a.base, { path: '/readyz' })).status === 503, 'the lane to notice');
  for (const [method, path] of [['GET', '/messages'], ['POST', '/stop'], ['GET', '/stream'], ['GET', '']]) {
    const answer = await send(a.base, { method, path: `/api/chats/unseen${path}`, ...(method === 'POST' ? { body: {} } : {}) });
    assert.deepEqual([answer.status, answer.json().error.code, answer.headers['retry-after']], [503, 'store_unavailable', '1'], `${method} ${path}`);
  }
  const [{ id }] = (await send(a.base, { path: '/v1/models' })).json().data;
  for (const [model, status] of [[id, 200], ['unseen', 404]]) assert.equal((await send(a.base, { path: `/v1/models/${model}` })).status, status, model);
  world.redis.signal('SIGCONT');
  await ready(a);
  await world.release('unseen');
  await first.done;
  assertWhole(first);
  assert.equal((await again(() => send(a.base, { path: '/api/chats/unseen/messages' }))).status, 200);
});

test('Redis stands still for longer than store-wait and less than the lease: no turn is lost', async () => {
  const [first, other] = await readOnBoth('stopped');
  world.redis.signal('SIGSTOP');
  const refused = await chat(a.base, 'scenario:text;words=3', { id: 'stopped-2' }).done;
  assertRefused(refused, 503, 'store_unavailable');
  assert.equal(refused.headers['retry-after'], '1');
  world.redis.signal('SIGCONT');
  await world.release('stopped');
  await Promise.all([first.done, other.done]);
  for (const x of [first, other]) assertWhole(x);
  await ready(a);
});

test('the primary dies and its copy takes over: turns go on, new ones start again', async () => {
  const copy = await startRedis({ args: ['--appendonly', 'yes', '--replicaof', '127.0.0.1', String(world.redis.port)] });
  await a.until(() => copy.cli('INFO', 'replication').includes('master_link_status:up'), 'the copy');
  for (const lane of [a, b]) await ready(lane); // the primary may stand still for longer than store-wait while it makes the copy
  const [first, other] = await readOnBoth('failed-over');
  await a.until(() => copy.cli('XLEN', `oa:l:${first.headers['x-oa-turn-id']}`) === world.redis.cli('XLEN', `oa:l:${first.headers['x-oa-turn-id']}`), 'the copy of the log');
  await world.redis.kill();
  for (const pipe of [pipeA, pipeB]) pipe.target = copy.port;
  await sleep(100);
  assertRefused(await chat(a.base, 'scenario:text;words=3', { id: 'failed-over-2' }).done, 503, 'store_unavailable');
  copy.cli('REPLICAOF', 'NO', 'ONE');
  await world.release('failed-over');
  await Promise.all([first.done, other.done]);
  for (const x of [first, other]) assertWhole(x);
  await ready(a);
  assertLegal(await again(() => chat(b.base, 'scenario:text;words=3', { id: 'failed-over-2' }).done));
  world.redis = copy;
});

test('words that come together with the end of their turn are told while the store does not take the end', async () => {
  const pipe = await startPipe(world.redis.port);
  const lane = await startLane({ name: 'last-words', args: ['--store', pipe.url, '--store-prefix', 'words', '--limit', 'store-wait=20s'] });
  try {
    const ending = (text) => /EVALSHA/.test(text) && text.includes('words:t:/last-words\r\n') && text.includes('[DONE]');
    let asked = false;
    pipe.fault = (text) => { asked = asked || ending(text); return asked && 'command'; };
    const answer = chat(lane.base, 'replay:01-echo', { id: 'last-words' });
    await lane.until(() => asked, 'the end');
    await lane.until(() => answer.text.includes('there'), 'the words');
    assert.ok(!answer.text.includes('"type":"finish"'), answer.text);
    pipe.cut(); // nobody waits for longer than an answer
    await answer.done;
    assertLegal(answer);
    assert.deepEqual(read(answer).texts, ['hello there']);
  } finally {
    await lane.stop();
    pipe.stop();
  }
});
