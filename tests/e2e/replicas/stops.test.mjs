// Whoever was answered `stopping` may rely on it: the turn is stopped once its Codex server can be reached, whichever
// lane is left then.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { send } from '../lib/http.mjs';
import { again } from '../lib/replicas/pair.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { begun, fifth, heard, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

let world;
before(async () => { world = await startWorld({ args: ['--limit', 'reconnect=30s'] }); });
after(() => world.end());

const PATIENT = ['--limit', 'reconnect=3s']; // longer than a stop waits for its end
const stopping = async (lane, id) => {
  const stop = await send(lane.base, { method: 'POST', path: `/api/chats/${id}/stop` });
  assert.deepEqual([stop.status, stop.json().data?.status], [200, 'stopping'], stop.text);
};
const runs = async (lane, id) => (await send(lane.base, { path: `/api/chats/${id}/runs` })).json().data;
const stored = (lane) => lane.until(async () => (await metric(lane, 'store_unacked_bytes')) === 0, 'the store to have the words');
/** The lane of a turn died, another one answered a stop, and gave the turn up: their Codex server stayed away. */
async function givenUp(id, limits = []) {
  const relay = await startPipe(world.server.port);
  const dying = await world.lane(`dying-${id}`, [], { codex: relay.port });
  const asked = await world.lane(`asked-${id}`, [...PATIENT, ...limits], { codex: relay.port });
  const first = await begun(dying, id);
  await stored(dying);
  relay.refuse = true;
  relay.cut();
  await dying.kill();
  await first.done;
  await stopping(asked, id);
  await asked.until(async () => (await metric(asked, 'reaped_total')) === 1, 'the end of the wait');
  return { relay, asked };
}
/** The wish to stop is nobody's any more, and the server has ended the turn that the mock still holds. */
async function assertStopped(lane, id) {
  await lane.until(() => world.redis.cli('SMEMBERS', 'oa:o:+') === '', 'the stop');
  const last = (await again(() => runs(lane, id), (all) => all[0]?.status !== 'running'))[0];
  assert.equal(last.status, 'interrupted', JSON.stringify(last));
  await world.release(id);
  const messages = (await send(lane.base, { path: `/api/chats/${id}/messages` })).text;
  assert.ok(!messages.includes(whole()), messages);
}

for (const survives of [true, false]) {
  test(`its Codex server stays away for longer than reconnect, and the lane that was asked ${survives ? 'lives on' : 'is killed as well'}`, async () => {
    const id = `away-${survives}`;
    const { relay, asked } = await givenUp(id);
    assert.equal(world.redis.cli('HGET', `oa:t:/${id}`, 'st'), 'ended');
    let left = asked;
    if (!survives) {
      await asked.kill();
      left = await world.lane(`left-${id}`, [], { codex: relay.port });
    }
    relay.heal();
    await assertStopped(left, id);
    assert.equal((await left.stop()).code, 0);
    relay.stop();
  });
}

test('a page that comes back to such a turn first does not go on with it', async () => {
  const id = 'back';
  const { relay, asked } = await givenUp(id, ['--limit', 'log-kept=1ms']);
  await asked.kill();
  relay.stop();
  // Its first look at what others left comes a second after its start.
  const left = await world.lane('left-back');
  const back = await resume(left, id).done;
  assert.equal(back.status, 204, back.text);
  await assertStopped(left, id);
  assert.equal((await left.stop()).code, 0);
});

test('the lane that runs the turn is asked itself, its Codex server is away, and it is killed', async () => {
  const id = 'own';
  const relay = await startPipe(world.server.port);
  const dying = await world.lane('dying-own', [], { codex: relay.port });
  const next = await world.lane('next-own');
  const first = await begun(dying, id);
  await stored(dying);
  relay.refuse = true;
  relay.cut();
  await stopping(dying, id);
  await dying.kill();
  await first.done;
  const other = resume(next, id);
  await fifth(other);
  await other.done;
  assertLegal(other);
  assert.ok(read(other).aborted, other.text);
  assert.notEqual(heard(other), whole());
  await assertStopped(next, id);
  assert.equal((await next.stop()).code, 0);
  relay.stop();
});

test('… and gives the turn up before its server is back, which another lane reaches', async () => {
  const id = 'given-up';
  const relay = await startPipe(world.server.port);
  const alone = await world.lane('alone', [], { codex: relay.port });
  const first = await begun(alone, id);
  await stored(alone);
  relay.refuse = true;
  relay.cut();
  await stopping(alone, id);
  await first.done; // five seconds after the stop
  assertLegal(first);
  assert.ok(read(first).aborted, first.text);
  await alone.kill();
  const next = await world.lane('next-given-up');
  await assertStopped(next, id);
  assert.equal((await next.stop()).code, 0);
  relay.stop();
});
