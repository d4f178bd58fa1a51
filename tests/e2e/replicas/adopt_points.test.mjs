// A lane is killed while it lets a turn go, or takes one over: the next one goes on with it, its readers hear
// the whole of it, and its log is that of one turn.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { open } from '../lib/http.mjs';
import { startCodexRelay } from './codex_relay.mjs';
import { bytesOf, heardBytes, outcomeOf, readLog, wrongInLog } from './logs.mjs';
import { again, dying, script, users } from '../lib/replicas/pair.mjs';
import { connectStore } from '../lib/replicas/resp.mjs';
import { begun, resume, startWorld, whole } from '../lib/replicas/world.mjs';

let world, store;
before(async () => {
  world = await startWorld();
  store = await connectStore(world.redis.port);
});
after(async () => {
  store.close();
  await world.end();
});

const RELEASE = (id) => (text) => script(11, id)(text) && text.includes('\r\n$1\r\n-\r\n');
const ADOPT = (id) => (text) => script(16, id)(text) && !text.includes('"outcome"');
const WORDS = () => (text) => text.includes('text-delta'); // by themselves, or with the end
const holder = (id) => world.redis.cli('HGET', `oa:t:/${id}`, 's').split('.')[0];
const LEAVES = ['--drain-notice', '10ms'];
let number = 0;

/** The turn of a lane that is dead now, by the only one that lives. */
async function assertGoesOn(lane, id, turn) {
  const other = resume(lane, id);
  await again(() => holder(id), (name) => name === lane.name || name === '');
  await world.release(id);
  await other.done;
  assertLegal(other);
  assert.deepEqual([read(other).texts, read(other).failure ?? null], [[whole()], null]);
  await lane.until(() => world.redis.cli('HGET', `oa:t:/${id}`, 'st') === 'ended', 'its end');
  const log = await readLog(store, turn);
  assert.deepEqual([wrongInLog(log), outcomeOf(log)], [[], 'completed']);
  assert.equal(heardBytes(other.body), bytesOf(log));
  const messages = await again(() => open(lane.base, { path: `/api/chats/${id}/messages` }).done, (x) => x.text.includes(whole()));
  assert.ok(messages.text.includes(whole()), messages.text);
  assert.equal(await users(lane, id), 1, messages.text);
  assert.equal((await lane.stop()).code, 0);
}

for (const [what, lost] of [['before it lets its turn go', 'command'], ['its turn is let go', 'answer']]) {
  for (const early of [true, false]) {
    test(`killed when ${what}${early ? '' : ', and no other lane is there'}`, async () => {
      const id = `leave-${++number}`;
      const lane = await dying(world, id, LEAVES, { drain: '400ms' });
      let next = early ? await world.lane(`next-${number}`) : null;
      const first = await begun(lane, id);
      const died = lane.dieAt(RELEASE(id), lost);
      lane.signal('SIGTERM');
      await died;
      await first.done;
      assert.ok(first.broken, 'cut without an ending');
      next ??= await world.lane(`next-${number}`);
      await assertGoesOn(next, id, first.headers['x-oa-turn-id']);
    });
  }
}

/** A turn whose lane was killed, and a lane that is about to take it over. */
async function orphaned(id, options) {
  const gone = await world.lane(`gone-${number}`);
  const first = await begun(gone, id);
  const taker = await dying(world, `taker-${number}`, [], options);
  await gone.kill();
  await first.done;
  return { turn: first.headers['x-oa-turn-id'], taker };
}

for (const [what, lost] of [['before it takes a turn over', 'command'], ['a turn is taken over', 'answer']]) {
  test(`killed when ${what}`, async () => {
    const id = `adopt-${++number}`;
    const { turn, taker } = await orphaned(id);
    await taker.dieAt(ADOPT(id), lost);
    assert.equal(holder(id), lost === 'answer' ? taker.name : `gone-${number}`);
    await assertGoesOn(await world.lane(`next-${number}`), id, turn);
  });
}

test('killed when it asks Codex for the turn that it takes over', async () => {
  const id = `adopt-${++number}`;
  let victim, asked = false;
  const relay = await startCodexRelay(world.server.port, {
    refuse: ({ method }) => {
      if (method !== 'thread/resume') return asked;
      asked = true;
      victim.signal('SIGKILL');
      return true;
    },
  });
  const { turn, taker } = await orphaned(id, { codex: relay.port });
  victim = taker;
  await taker.exited;
  assert.ok(asked);
  assert.equal(holder(id), `gone-${number}`, 'not taken yet');
  relay.stop();
  await assertGoesOn(await world.lane(`next-${number}`), id, turn);
});

for (const [what, lost] of [['before the first words are stored of a turn that it took over', 'command'], ['the first words are stored of a turn that it took over', 'answer']]) {
  test(`killed when ${what}`, async () => {
    const id = `adopt-${++number}`;
    const { turn, taker } = await orphaned(id);
    await taker.until(() => holder(id) === taker.name, 'the takeover');
    const died = taker.dieAt(WORDS(), lost);
    await world.release(id);
    await died;
    await assertGoesOn(await world.lane(`next-${number}`), id, turn);
  });
}
