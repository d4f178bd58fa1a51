// Lanes whose connection to Khala breaks again and again under running turns. Throws when a word is
// lost or doubled, a turn was started twice, or one does not end once.
import assert from 'node:assert/strict';
import { assertLegal, read } from '../lib/contract.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { World } from './world.mjs';

const AT_ONCE = 5;
const DELAY = 40; // ms between two words of a turn
const CUT_MS = 900; // about the time from one cut to the next: a pause before the reconnect, and a while of peace
export const words = (n) => Array.from({ length: n }, (_, i) => `w${String(i + 1).padStart(3, '0')}`).join(' ');

/** How a connection ends: cut, closed in order, reset by the network in between, its token revoked. */
const WAYS = [
  (world) => world.fake.khala.dropAll(),
  (world) => world.fake.khala.dropAll({ code: 1012, reason: 'restart' }),
  (world) => { for (const socket of world.splitter.open) socket.resetAndDestroy(); },
  (world) => world.fake.khala.revokeAll(),
];

async function breakIt(world, cuts, over) {
  let done = 0;
  while (done < cuts && !over()) {
    await sleep(50 + Math.random() * 400);
    if (world.fake.khala.sockets.size === 0) continue; // it is away already
    await WAYS[Math.floor(Math.random() * WAYS.length)](world);
    done += 1;
    while (world.fake.khala.sockets.size > 0) await sleep(5);
  }
  return done;
}

/** One lane. Turns go on until there were as many as asked for, and as many cuts. */
async function lane(n, turns, cuts) {
  const world = await World.start({ wire: n % 2 ? 'phoenix' : 'rust', split: n % 4 < 2 ? 0 : 1, limits: { streams: 1000 } });
  try {
    const length = Math.max(20, Math.ceil((cuts * CUT_MS * AT_ONCE) / turns / DELAY));
    let started = 0, cut = 0, left = AT_ONCE, stopped = false;
    const cutting = breakIt(world, cuts, () => stopped).then((all) => { cut = all; });
    const slot = async () => {
      try {
        while (started < turns || cut < cuts) {
          const prompt = `scenario:text;n=${length};delay=${DELAY};of=${++started}`;
          let exchange;
          // While the link is down no turn starts; the page asks again.
          for (const end = Date.now() + limit(60000); Date.now() < end; await sleep(100)) {
            exchange = await world.say(prompt, { ms: limit(length * DELAY * 4 + 120000) }).done;
            if (exchange.status !== 503) break;
          }
          assert.equal(exchange.status, 200, exchange.text);
          assertLegal(exchange);
          assert.equal(read(exchange).texts.join(''), words(length));
          assert.equal(exchange.chunks.filter((chunk) => chunk?.type === 'finish').length, 1);
        }
      } finally { if (--left === 0) stopped = true; }
    };
    const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, slot));
    stopped = true;
    await cutting;
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    const run = world.fake.log.filter((entry) => entry.what === 'turn');
    assert.equal(run.length, started, 'each turn was started once');
    assert.equal(new Set(run.map((entry) => entry.turn)).size, started);
    assert.deepEqual(world.held(['NOT_SUBSCRIBED']), []); // a command may be on its way while the connection is cut
    const opened = world.fake.log.filter((entry) => entry.what === 'khala.open').length;
    assert.ok(opened > cuts, `${opened} connections for ${cuts} cuts`);
    return { started, cut, opened, length };
  } finally { await world.stop(); }
}

/** So many cuts over so many turns, shared by lanes on both wires, whole and in pieces. */
export async function disconnects({ cuts, turns, lanes }) {
  const ended = await Promise.allSettled(Array.from({ length: lanes }, (_, n) => lane(n, Math.ceil(turns / lanes), Math.ceil(cuts / lanes))));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  const all = ended.map((one) => one.value);
  const sum = (name) => all.reduce((total, one) => total + one[name], 0);
  return { turns: sum('started'), cuts: sum('cut'), connections: sum('opened'), words: all.reduce((total, one) => total + one.started * one.length, 0) };
}
