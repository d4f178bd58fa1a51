// A page whose lanes share a store, behind HAProxy, which deals requests out in turn: the lane that
// answers is killed in the middle, and the page ends up whole.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { send } from '../e2e/lib/http.mjs';
import { startHaproxy } from '../e2e/lib/proxies.mjs';
import { metric, startWorld } from '../e2e/lib/replicas/world.mjs';
import { Browser } from './lib/cdp.mjs';
import { startSite } from './lib/site.mjs';
import { HALF, WHOLE, held, isAt, isError, isReady, last, say, shape, submit, turn } from './lib/visit.mjs';

const SDKS = ['7', '6', '5'];
let world, site, browser;
before(async () => {
  world = await startWorld();
  [site, browser] = await Promise.all([startSite(SDKS), Browser.start()]);
});
after(async () => {
  await browser?.stop();
  site?.stop();
  await world?.end();
});

/** Two lanes of its own behind the balancer, and a tab that is quiet and ready. */
async function begin(name, sdk) {
  const lanes = [await world.lane(`${name}-a`), await world.lane(`${name}-b`)];
  const front = await startHaproxy(lanes[0].base, [['127.0.0.1:8090', new URL(lanes[1].base).host], ['balance leastconn', 'balance roundrobin']], 'replicas/haproxy.cfg');
  const person = await browser.person();
  const id = `${name}-${sdk}`;
  const url = `http://127.0.0.1:${await site.front(front.base)}/${sdk}?id=${id}&store=local`;
  const open = async () => {
    const tab = await person.tab();
    await tab.goto(url);
    return tab;
  };
  const end = async () => { await person.leave(); await front.kill(); };
  return { id, base: front.base, lanes, open, end };
}
/** The lane that runs the turn, and the others. */
async function holder(lanes) {
  const held = await Promise.all(lanes.map((lane) => metric(lane, 'turns_held')));
  assert.deepEqual([...held].sort(), [0, 1], 'one of them runs it');
  const victim = lanes[held.indexOf(1)];
  // What is said goes to the store every few milliseconds: a page may be ahead of it by that much.
  await victim.until(async () => (await metric(victim, 'store_unacked_bytes')) === 0, 'the store has it all');
  return { victim, rest: lanes[held.indexOf(0)] };
}
/** A tab that shows half of its first answer; `before`: how it shows that. And the lanes, as of holder(). */
async function halfway({ id, lanes, open }) {
  const tab = await open();
  await tab.until((shown) => !shown.asking);
  await submit(tab, held(id, 'one'));
  const before = await tab.until(isAt, HALF);
  return { tab, before, ...await holder(lanes) };
}
/** What the lane tells of the chat: one question and one answer, as the page shows them. */
async function assertListed(lane, id, shown) {
  const listed = (await send(lane.base, { path: `/api/chats/${id}/messages` })).json().data;
  assert.deepEqual(listed.map((m) => [m.role, m.id]), shown.messages.map((m) => [m.role, m.id]));
  assert.equal(listed.at(-1).parts.filter((p) => p.type === 'text').map((p) => p.text).join(), last(shown).text);
}

describe('two lanes behind a balancer without stickiness', { concurrency: 1 }, () => {
  for (const sdk of SDKS) {
    test(`AI SDK ${sdk}: the lane that answers is killed; reloaded, the page gets the rest from the other`, async () => {
      const visit = await begin('reload', sdk);
      const { id, end } = visit;
      try {
        const { tab, before, victim, rest } = await halfway(visit);
        await victim.kill();
        const cut = await tab.until(isError);
        assert.equal(last(cut).text, HALF, 'what was there stays');
        await tab.reload();
        const again = await tab.until(isAt, HALF);
        assert.deepEqual(again.messages.map((m) => m.id), before.messages.map((m) => m.id));
        await world.release(id);
        const shown = await tab.until(isReady, 2, WHOLE);
        assert.deepEqual([shape(shown), shown.error, last(shown).id], ['ua', '', last(before).id]);
        await assertListed(rest, id, shown);
        assert.equal(shape(await turn(tab, say(id, 'two'), 4)), 'uaua', 'and the chat goes on');
      } finally {
        await end();
      }
    });
  }

  test('a page that resumes by itself, and one that reads through the other lane all along', async () => {
    const visit = await begin('resume', '7');
    const { id, base, open, end } = visit;
    try {
      const { tab, before, victim, rest } = await halfway(visit);
      // Requests take turns, but how many a page makes is its own affair.
      const others = [];
      while ((await metric(rest, 'relays')) === 0) {
        assert.ok(others.length < 6, 'one of them reads through the other lane');
        others.push(await open());
        await others.at(-1).until(isAt, HALF);
        if (others.length % 2 === 0) await send(base, { path: '/version' });
      }
      await victim.kill();
      await tab.until(isError);
      await tab.run(() => dispatchEvent(new Event('online')));
      assert.equal(shape(await tab.until(isAt, HALF)), 'ua');
      await world.release(id);
      const whole = async (page) => {
        const shown = await page.until(isReady, 2, WHOLE);
        assert.deepEqual([shape(shown), shown.error, last(shown).id], ['ua', '', last(before).id]);
      };
      await whole(tab);
      const over = (shown) => ['ready', 'error'].includes(shown.status);
      const ends = await Promise.all(others.map((other) => other.until(over)));
      const spared = others.filter((_, i) => !isError(ends[i]));
      assert.ok(spared.length >= 1, 'who read through the other lane was not cut');
      for (const other of spared) await whole(other);
    } finally {
      await end();
    }
  });
});
