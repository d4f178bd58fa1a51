// Another program writes where lanes keep what they share: they say so, and conversations go on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { begun, held, heard, resume, startWorld, whole } from '../lib/replicas/world.mjs';

let world, a, b;
before(async () => {
  world = await startWorld();
  [a, b] = [await world.lane('a'), await world.lane('b')];
});
after(() => world.end());

const strange = (key) => { world.redis.cli('DEL', key); world.redis.cli('SET', key, 'of somebody else'); };
const log = (turn) => `oa:l:${turn.headers['x-oa-turn-id']}`;
const reason = async (lane) => (await send(lane.base, { path: '/readyz' })).json().reason ?? '';

for (const when of ['goes on', 'is to end']) {
  test(`something else is under the log of a turn that ${when}: its reader hears all, and the conversation is free then`, async () => {
    const id = `foreign-${when.length}`;
    const first = await begun(a, id);
    const other = await begun(a, `${id}-other`);
    const [cut, beside] = [resume(b, id), resume(b, `${id}-other`)];
    await Promise.all([cut, beside].map((x) => x.wait(() => heard(x).includes('echo'), 'the fifth word')));
    strange(log(first));
    if (when === 'goes on') await world.release(id);
    else await send(a.base, { method: 'POST', path: `/api/chats/${id}/stop` });
    await first.done;
    assertLegal(first);
    if (when === 'goes on') assert.deepEqual(read(first).texts, [whole()]);
    await cut.done;
    assert.ok(!cut.complete, 'whoever read elsewhere is cut');
    await world.release(`${id}-other`);
    for (const x of [other, beside]) {
      await x.done;
      assert.deepEqual(read(x).texts, [whole()], 'another turn is whole on both lanes');
    }
    for (const lane of [b, a]) assertLegal(await chat(lane.base, 'scenario:text;words=2', { id }).done);
    // The one that finds it first takes it away.
    assert.match(await reason(a) + await reason(b), /WRONGTYPE.*another program has keys under this one/);
    await a.until(() => /"level":"warn","event":"store","text":"[^"]*WRONGTYPE/.test(a.stderr + b.stderr), 'the line about it');
  });
}

test('something else is under the log of a turn whose lane is dead, or that ended: nothing to resume, and the conversation goes on', async () => {
  const dead = await world.lane('dead');
  const running = await begun(dead, 'foreign-dead');
  dead.signal('SIGKILL');
  strange(log(running));
  await a.until(() => world.redis.cli('HGET', 'oa:t:/foreign-dead', 'st') === 'ended', 'the settlement');
  assertLegal(await chat(b.base, 'scenario:text;words=2', { id: 'foreign-dead' }).done);
  await dead.end();

  const ended = await chat(a.base, 'scenario:text;words=2', { id: 'foreign-ended' }).done;
  strange(log(ended));
  assert.equal((await resume(b, 'foreign-ended').done).status, 204);
});

test('something else is under the row of a conversation: refused, and both lanes say why', async () => {
  assertLegal(await chat(a.base, 'scenario:text;words=2', { id: 'foreign-row' }).done);
  strange('oa:t:/foreign-row');
  assertRefused(await chat(b.base, held('foreign-row'), { id: 'foreign-row' }).done, 503, 'store_unavailable');
  assert.match(await reason(b), /WRONGTYPE/);
});

test('the policy is changed while lanes run: they say what it does', async () => {
  world.redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  await a.until((lane) => /"event":"store","text":"[^"]*with maxmemory-policy allkeys-lru it throws away conversations/.test(lane.stderr), 'the line');
  assert.match(await reason(a), /allkeys-lru/);
  world.redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await a.until((lane) => /"event":"store","text":"(all is well|[^"]*WRONGTYPE[^"]*)"[^\n]*\n$/.test(lane.stderr), 'its end');
});
