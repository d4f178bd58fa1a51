// Owners are apart on every lane of a store, what the store keeps of an answer goes with its time, and
// a lane does nothing about commands that no lane would send it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertLegal } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { as, startLane, tokensOf } from '../lib/lane.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { heard, resume } from '../lib/replicas/world.mjs';

let redis, a, b;
before(async () => {
  redis = await startRedis({ args: ['--appendonly', 'yes'] });
  const args = ['--tokens', tokensOf(['ann', 'bob']), '--store', redis.url, '--limit', 'log-kept=30s', '--drain-timeout', '500ms'];
  [a, b] = await Promise.all(['a', 'b'].map((name) => startLane({ name, args, pace: 'x0.2' })));
});
after(async () => {
  for (const lane of [a, b]) assert.equal((await lane.stop()).code, 0);
  await redis.kill();
});
async function begun(owner, id, text = 'hello') {
  const turn = chat(a.base, text, { id, headers: as(owner) });
  await turn.wait(() => heard(turn).length > 0, 'a word');
  return turn;
}

test('another owner cannot read, resume, stop, rename or delete through any lane; it is as if nothing were there', async () => {
  const turn = await begun('ann', 'of-ann', 'scenario:words;n=200;delay=100'); // longer than all of this takes
  const ways = [
    ['GET', '/api/chat/ID/stream'], ['POST', '/api/chats/ID/stop'], ['GET', '/api/chats/ID'], ['GET', '/api/chats/ID/messages'],
    ['GET', '/api/chats/ID/runs'], ['GET', '/api/chats/ID/export'], ['DELETE', '/api/chats/ID'], ['PATCH', '/api/chats/ID', { title: 'Of Bob' }], ['POST', '/api/chats/ID/fork', {}],
  ];
  for (const lane of [a, b]) {
    for (const [method, where, body] of ways) {
      const ask = (id) => send(lane.base, { method, path: where.replace('ID', id), headers: as('bob'), ...body && { body: JSON.stringify(body) } });
      const [foreign, nobody] = [await ask('of-ann'), await ask('never-was')];
      assert.equal(foreign.status, nobody.status, `${method} ${where}`);
      assert.ok(foreign.status >= 400 || foreign.status === 204, `${method} ${where}: ${foreign.status} ${foreign.text}`);
    }
    assert.deepEqual((await send(lane.base, { path: '/api/chats', headers: as('bob') })).json().data, []);
  }
  assert.ok(!turn.complete, 'all of it came while the turn ran');
  const own = resume(b, 'of-ann', as('ann'));
  await own.wait(() => heard(own).length > 0, 'a word');
  const stopped = await send(b.base, { method: 'POST', path: '/api/chats/of-ann/stop', headers: as('ann') });
  assert.equal(stopped.json().data.status, 'stopped', 'its owner may, through the other lane');
  await Promise.all([turn.done, own.done]);
  assertLegal(turn);
  assert.equal(own.text, turn.text);
});

test('one id of two owners is two conversations', async () => {
  const turn = await begun('ann', 'same');
  const other = await chat(b.base, 'hello', { id: 'same', headers: as('bob') }).done;
  assertLegal(other);
  assert.notEqual(other.headers['x-oa-turn-id'], turn.headers['x-oa-turn-id']);
  await turn.done;
  assertLegal(turn);
});

test('the text of an ended answer has a time in the store, the conversation has none', async () => {
  const turn = await begun('ann', 'kept');
  const life = (key) => Number(redis.cli('PTTL', key));
  assert.ok(life(`oa:l:${turn.headers['x-oa-turn-id']}`) > 60_000, 'while it runs');
  await turn.done;
  const left = life(`oa:l:${turn.headers['x-oa-turn-id']}`);
  assert.ok(left > 0 && left <= 30_000, `${left} ms`);
  assert.equal(life('oa:t:ann/kept'), -1);
});

test('the store gets answers and titles, no tokens, and of a message only what its title repeats', async () => {
  const turn = await begun('ann', 'told', `A title and ${'more words '.repeat(40)}until-the-end`);
  await turn.done;
  assertLegal(turn);
  const files = path.join(redis.folder, 'appendonlydir');
  const kept = fs.readdirSync(files).map((name) => fs.readFileSync(path.join(files, name), 'latin1')).join('');
  for (const there of ['A title and more words', 'oa:t:ann/told', heard(turn).slice(0, 4)]) assert.ok(kept.includes(there), there);
  for (const secret of ['tok-ann', 'tok-bob', 'until-the-end']) assert.ok(!kept.includes(secret), secret);
});

test('commands in an inbox that are none, or of turns and rows that are not the lane’s to settle, change nothing', async () => {
  const turn = await begun('ann', 'inbox', 'scenario:words;n=50;delay=100');
  const id = turn.headers['x-oa-turn-id'];
  const inbox = `oa:in:${redis.cli('HGET', 'oa:t:ann/inbox', 's')}`;
  // At once: the turn is over in seconds.
  const tell = (...commands) => redis.cli('EVAL', "for _, one in ipairs(cjson.decode(ARGV[1])) do redis.call('XADD', KEYS[1], '*', unpack(one)) end", '1', inbox, JSON.stringify(commands));
  tell(
    ['t', 'never-was', 'r', 'stopped'],
    ['t', id, 'r', 'stopped'], // its row says nothing of a stop
    ['r', 'adopt', 'b', 'ann/inbox'],
    ['r', 'adopt', 'b', '%%%'],
    ['x', 'y'],
    ['t', id, 'r', 'decide', 'q', 'q', 'f', 'nobody', 'b', '{"no": ["list"'],
  );
  await a.until(() => redis.cli('EXISTS', 'oa:in:nobody') === '1', 'an answer to the last of them');
  assert.ok(!turn.complete, 'all of them came while the turn ran');
  await turn.done;
  assertLegal(turn);
  assert.ok(turn.chunks.some((chunk) => chunk?.type === 'finish') && !turn.chunks.some((chunk) => chunk?.type === 'abort'), turn.text);

  const next = await begun('ann', 'inbox', 'scenario:words;n=200;delay=100');
  redis.cli('HSET', 'oa:t:ann/inbox', 'sp', 'stopped');
  tell(['t', next.headers['x-oa-turn-id'], 'r', 'stopped']);
  await next.done;
  assert.ok(next.chunks.some((chunk) => chunk?.type === 'abort'), 'this is the inbox: a stop that the row knows counts');
});
