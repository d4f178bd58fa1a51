// Requests about a conversation that come while it is answered, or while it is deleted or made again and its lane's disk is slow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chat, send } from '../lib/http.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { begun, fifth, metric, resume, startWorld } from '../lib/replicas/world.mjs';
import { readMap } from '../lib/thread_map.mjs';

let world, a, b;
before(async () => {
  world = await startWorld();
  [a, b] = [await world.lane('a'), await world.lane('b')];
});
after(() => world.end());

const say = (lane, id) => chat(lane.base, 'scenario:text;words=3', { id });
const field = (id, name) => world.redis.cli('HGET', `oa:t:/${id}`, name);
const remove = (lane, id) => send(lane.base, { method: 'DELETE', path: `/api/chats/${id}` });
const messages = (lane, id) => send(lane.base, { path: `/api/chats/${id}/messages` });
/** Codex tells that a thread is deleted a moment after it was. */
async function readFor(lane, id, ms) {
  for (const end = Date.now() + ms; Date.now() < end; ) await messages(lane, id);
}

/** Nothing of this lane's map of threads reaches the disk until the function is called. */
async function slowDisk(lane) {
  const file = path.join(lane.stateDir, 'lane/threads.map.lock');
  const holder = spawn('flock', ['-x', file, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((held) => holder.stdout.once('data', held));
  return () => holder.stdin.end();
}

test('a conversation that is read while it is deleted stays deleted', async () => {
  await say(a, 'gone').done;
  await say(a, 'other').done;
  const heal = await slowDisk(a);
  let done = false;
  const removed = remove(a, 'gone').finally(() => { done = true; });
  await a.until(async () => (await messages(a, 'gone')).status === 404, 'the end of its thread');
  await readFor(a, 'gone', 500);
  assert.equal(done, false, 'the deletion waits for the disk');
  heal();
  assert.equal((await removed).status, 204);
  assert.equal(field('gone', 'th'), '');
  assert.equal(field('gone', 'gn'), '1');
  assert.equal((await messages(b, 'gone')).status, 404);
});

test('a deleted conversation leaves the file of a lane that has only listed it', async () => {
  await say(a, 'listed').done;
  await send(b.base, { path: '/api/chats' });
  const file = path.join(b.stateDir, 'lane/threads.map');
  const lists = () => fs.existsSync(file) && readMap(file).some((row) => row.id === 'listed');
  await b.until(lists, 'its row');
  assert.equal((await remove(a, 'listed')).status, 204);
  await b.until(() => !lists(), 'its end', 10000);
});

test('a conversation that is read while it is made again under its old name stays', async () => {
  await say(a, 'again').done;
  assert.equal((await remove(a, 'again')).status, 204);
  const heal = await slowDisk(a);
  const started = say(a, 'again');
  await a.until(() => field('again', 'st') === 'starting', 'the start');
  await readFor(a, 'again', 1000);
  heal();
  await started.done;
  assert.equal(started.status, 200);
  assertLegal(started);
  assert.equal(read(started).texts.length, 1);
  for (const lane of [a, b]) assert.equal((await messages(lane, 'again')).status, 200);
  assert.notEqual(field('again', 'th'), '');
});

test('a conversation that is refused as its id is taken ends no answer, on no lane', async () => {
  await say(a, 'source').done;
  const asked = (lane, where, body) => send(lane.base, { method: 'POST', path: where, body });
  for (const [n, lane] of [a, b].entries()) {
    const id = `taken${n}`;
    const first = await begun(a, id);
    first.socket.destroy();
    await a.until(async () => (await metric(a, 'active_streams')) === 0, 'the page to have left');
    for (const [where, body] of [['/api/chats', { id }], ['/api/chats', { format: 'oa-stream.chat.v1', conversation: { id }, messages: [] }], ['/api/chats/source/fork', { id }]]) {
      assertRefused(await asked(lane, where, body), 409, 'conflict');
    }
    const back = resume(lane, id);
    await fifth(back);
    await world.endsWhole(id, back);
  }
});
