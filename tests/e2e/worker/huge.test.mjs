// Events so large that a message of Khala with them is longer than the lane takes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { limit } from '../lib/process.mjs';
import { scenarios } from './fake/scenarios.mjs';
import { World } from './world.mjs';

const MB = 1 << 20;
const away = async (t) => { await t.delivered(); t.khala.refuseNext({ status: 503 }, 1); t.khala.dropAll(); };
const huge = {
  batch: { about: 'large outputs while the lane is cut off', run: async (t) => {
    t.started(); t.open('message', 'm'); t.delta('m', 'one ');
    await away(t);
    for (let i = 0; i < 20; i += 1) t.post('of/somebody-else', { ...t.ids(), told: 'x'.repeat(MB) });
    t.delta('m', 'two'); t.close('message', 'm', { text: 'one two' }); t.end();
  } },
  event: { about: 'one event that is larger than a message may be, among others', run: async (t) => {
    t.started(); t.open('message', 'm'); t.delta('m', 'one '); await t.delivered();
    t.post('of/somebody-else', { ...t.ids(), told: 'x'.repeat(17 * MB) });
    t.delta('m', 'two'); t.close('message', 'm', { text: 'one two' }); t.end();
  } },
};

describe('huge events', { concurrency: 2 }, () => {
  for (const wire of ['rust', 'phoenix']) {
    test(`${wire} wire: the turn goes on, and so does the lane`, async () => {
      const world = await World.start({ wire, fake: { scenarios: { ...scenarios, ...huge } } });
      try {
        for (const name of Object.keys(huge)) {
          const exchange = await world.say(`scenario:${name}`, { ms: limit(60000) }).done;
          assertLegal(exchange);
          assert.deepEqual([read(exchange).texts.join(''), read(exchange).errors], ['one two', []], name);
          await world.ready(limit(15000));
        }
        assert.deepEqual(world.held(), []);
      } finally { await world.stop(); }
    });
  }
});
