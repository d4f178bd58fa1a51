// The full number: node .ci/disconnects.mjs
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { limit } from '../lib/process.mjs';
import { disconnects, words } from './disconnects.mjs';
import { World } from './world.mjs';

async function halfOpen(wire) {
  const world = await World.start({ wire });
  try {
    const exchange = world.say('scenario:text;n=800;delay=40', { ms: limit(90000) }); // over the ping and its pong
    await exchange.frame('text-delta');
    world.splitter.freeze();
    await exchange.done;
    assertLegal(exchange);
    assert.equal(read(exchange).texts.join(''), words(800));
    const seen = (what) => world.fake.log.filter((entry) => entry.what === what).length;
    // A reader that is late on a busy machine is over 700 events behind by then, and thrown out on its way.
    assert.equal(seen('khala.open'), 2 + seen('khala.evicted'));
    assert.equal(world.fake.log.filter((entry) => entry.what === 'turn').length, 1);
  } finally { await world.stop(); }
}

/** Side by side: the second waits. */
describe('disconnects', { concurrency: true }, () => {
  test('connections break at random under many turns: no word lost or doubled, each turn started once', async () => {
    const seen = await disconnects({ cuts: 24, turns: 20, lanes: 2 });
    assert.ok(seen.cuts >= 24 && seen.turns >= 20, JSON.stringify(seen));
  });

  test('a connection that is open at this end only is found, and no turn notices', () => Promise.all(['rust', 'phoenix'].map(halfOpen)));
});
