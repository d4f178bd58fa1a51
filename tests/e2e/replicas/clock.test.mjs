// The clock of one lane jumps while its turns run, and while it reads those of others.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clockOf } from '../lib/clock.mjs';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { begun, fifth, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

const LEASE_MS = 1500, HOUR_S = 3600;
const { set: setClock, env: jumpingClock } = clockOf(scratch('clock'));
/** Hours between the lane's clock and ours, by its newest line of log: a request has the time when it came. */
const ahead = (lane) => {
  const lines = lane.stderr.split('\n').filter((line) => line.startsWith('{"ts":'));
  return Math.round((Date.parse(JSON.parse(lines.at(-1)).ts) - Date.now()) / HOUR_S / 1000);
};

let world, jumping, steady;
before(async () => {
  world = await startWorld({ lease: `${LEASE_MS}ms` });
  jumping = await world.lane('jumping', [], { env: jumpingClock });
  steady = await world.lane('steady');
});
after(() => world.end());

const counts = async (name) => await metric(jumping, name) + await metric(steady, name);

for (const [how, hours] of [['an hour forward', 1], ['an hour back', -1]]) {
  test(`${how}: no turn changes hands, readers on both lanes hear all of it, new turns start`, async () => {
    const ids = [`own-${hours}`, `foreign-${hours}`];
    const turns = [await begun(jumping, ids[0]), await begun(steady, ids[1])];
    const elsewhere = [resume(steady, ids[0]), resume(jumping, ids[1])];
    for (const one of elsewhere) await fifth(one);
    setClock(hours * HOUR_S);
    await sleep(limit(3 * LEASE_MS)); // whoever measures a lease by the clock has lost it by now
    for (const id of ids) await world.release(id);
    for (const one of [...turns, ...elsewhere]) {
      await one.done;
      assertLegal(one);
      assert.deepEqual(read(one).texts, [whole()]);
    }
    const next = chat(jumping.base, 'scenario:text;words=3', { id: ids[1] });
    await next.done;
    assert.deepEqual(read(next).texts, [whole(3)]);
    await jumping.until(() => ahead(jumping) === hours, 'a line of log with the other time');
    for (const name of ['adopted_total', 'reaped_total', 'fenced_total', 'tail_gaps_total']) assert.equal(await counts(name), 0, name);
    for (const lane of [jumping, steady]) assert.ok(await metric(lane, 'tail_lag_seconds_count') > 0 && await metric(lane, 'tail_lag_seconds_sum') >= 0);
    setClock(0);
  });
}

test('five minutes back: a conversation that is renamed keeps its place in the lists of both lanes', async () => {
  const lanes = [steady, jumping], ids = ['first', 'of-jumping', 'last'];
  const list = async (lane, query = '') => (await send(lane.base, { path: `/api/chats${query}` })).json();
  const order = async (lane) => (await list(lane)).data.map((one) => one.id).filter((id) => ids.includes(id));
  setClock(-300);
  for (const id of ids) {
    await sleep(1100); // times have seconds, also those of the conversations above
    await chat((id === 'of-jumping' ? jumping : steady).base, 'scenario:text;words=2', { id }).done;
  }
  // A list does not wait long for Codex.
  for (const lane of lanes) await lane.until(async () => `${await order(lane)}` === `${ids.toReversed()}`, 'the order by Codex');
  assert.equal((await send(steady.base, { method: 'PATCH', path: '/api/chats/of-jumping', body: { title: 'Renamed' } })).status, 200);
  await sleep(200); // what follows the answer is stored
  for (const lane of lanes) assert.deepEqual(await order(lane), ids.toReversed(), `${lane.name}, renamed`);
  for (const start of [0, 1]) { // page by page, each from the other lane
    const seen = [];
    for (let n = 0, cursor = ''; n < 3; ++n) {
      const page = await list(lanes[(start + n) % 2], `?limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      seen.push(page.data[0].id);
      cursor = page.nextCursor;
    }
    assert.deepEqual(seen, ids.toReversed());
  }
  setClock(0);
});

/** As a server whose clock is far ahead put it in. */
const putAhead = async (lane) => {
  const inbox = `oa:in:${world.redis.cli('SMEMBERS', 'oa:ss').split('\n').find((name) => name.startsWith(`${lane}.`))}`;
  world.redis.cli('XADD', inbox, '99999999999999-0', 'w', '1');
  world.redis.cli('PEXPIRE', inbox, String(3 * LEASE_MS));
  await sleep(100); // it is read at once
};
const stopped = async (id) => {
  const stop = await send(jumping.base, { method: 'POST', path: `/api/chats/${id}/stop` });
  assert.deepEqual([stop.status, stop.json().data?.status], [200, 'stopped'], stop.text);
};

test('the clock of Redis goes back while nobody has anything to tell a lane: it hears the next stop', async () => {
  const turn = await begun(steady, 'set-back');
  await putAhead('steady');
  await sleep(4 * LEASE_MS); // longer than what was put in is kept
  await stopped('set-back');
  await turn.done;
});

test('the clock of Redis goes back, and it is emptied: a lane hears the next stop', async () => {
  const turn = await begun(steady, 'emptied');
  await fifth(resume(jumping, 'emptied')); // it knows the conversation
  await putAhead('steady');
  world.redis.cli('FLUSHALL');
  await steady.until(() => world.redis.cli('HGET', 'oa:t:/emptied', 'st') === 'live', 'the turn to be told again');
  await stopped('emptied');
  await turn.done;
  assert.ok(read(turn).aborted, 'and it obeys');
});
