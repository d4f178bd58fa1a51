// Events in orders that a network makes of them: what a client reads is the turn all the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { limit } from '../lib/process.mjs';
import { EVENTS_TOPIC } from './fake/lib/khala.mjs';
import { scenarios } from './fake/scenarios.mjs';
import { World } from './world.mjs';

const words = (n) => Array.from({ length: n }, (_, i) => `w${String(i + 1).padStart(3, '0')}`).join(' ');
const all = (n) => words(n).match(/\S+\s*/g);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
/** Says words; `how(i)` is how the i-th is published, `at(i)` is called before it. */
const saying = (n, { how = () => ({}), at = async () => {} } = {}) => ({ about: 'odd', run: async (t) => {
  t.started(); t.open('message', 'm');
  for (const [i, word] of all(n).entries()) { await at(t, i); await t.pause(t.delay); t.delta('m', word, how(i)); }
  t.close('message', 'm', { text: words(n) }); t.end();
} });
const again = (t, count) => { const last = t.khala.topic(EVENTS_TOPIC).messages.slice(-count); for (const s of t.khala.sockets) (s.mangle ??= []).push((batch) => [...last, ...batch, ...last.toReversed()]); };
const shuffled = (t) => { for (const s of t.khala.sockets) (s.mangle ??= []).push((batch) => batch.toSorted(() => Math.random() - 0.5)); };

const odd = {
  'dups-beside-holes': saying(40, { how: (i) => (i % 7 === 3 ? { keep: false } : {}), at: async (t, i) => { if (i % 5 === 0) { await wait(40); again(t, 9); } } }),
  'backwards': saying(30, { at: async (t, i) => { if (i % 3 === 0) for (const s of t.khala.sockets) (s.mangle ??= []).push((batch) => batch.toReversed()); t.delay = 2; } }),
  'shuffled-with-holes': saying(60, { how: (i) => (Math.random() < 0.1 ? { keep: false } : {}), at: async (t, i) => { if (i % 2) shuffled(t); t.delay = 3; } }),
  'twice-revoked': saying(40, { at: async (t, i) => { if (i === 10 || i === 25) { await t.readers(true); await t.khala.revokeAll(); } } }),
  'revoked-at-hole': saying(40, { how: (i) => (i === 11 || i === 12 ? { keep: false } : {}), at: async (t, i) => { if (i === 12) await t.khala.revokeAll(); } }),
  'end-lost-while-away': saying(12, { at: async (t, i) => { if (i === 11) { t.khala.refuseNext({ status: 503 }, 2); t.khala.dropAll(); } } }),
  'restarted-twice': saying(60, { at: async (t, i) => { if (i === 10 || i === 40) { await t.readers(true); t.khala.restart(); } t.delay = 30; } }),
  'evicted-often': saying(60, { at: async (t, i) => { if (i % 12 === 6) { await t.readers(true); await wait(60); await t.khala.evictAll(EVENTS_TOPIC); } t.delay = 60; } }),
  'hole-then-silence': { about: 'the last words and the end are withheld, nothing follows', run: async (t) => { t.started(); t.open('message', 'm'); for (const [i, word] of all(8).entries()) { await t.pause(5); t.delta('m', word, i > 5 ? { keep: false } : {}); } t.close('message', 'm', { text: words(8) }, { keep: false }); t.end('completed', { keep: false }); } },
  'tool-under-cut': { about: 'cut in the middle of a tool', run: async (t) => { t.started(); const x = { command: 'ls', output: 'a\nb\n', exit: 0, status: 'completed' }; t.open('command', 'c', x); t.output('c', 'a\n'); await t.delivered(); t.khala.dropAll(); t.output('c', 'b\n'); await wait(30); t.close('command', 'c', x); await t.say('Done.'); t.end(); } },
  'other-turns-total': saying(5),
};
const expected = { 'hole-then-silence': words(8), 'tool-under-cut': 'Done.', 'dups-beside-holes': words(40), backwards: words(30), 'shuffled-with-holes': words(60), 'twice-revoked': words(40), 'revoked-at-hole': words(40), 'end-lost-while-away': words(12), 'restarted-twice': words(60), 'evicted-often': words(60), 'other-turns-total': words(5) };

async function play({ wire, split, dialect }) {
  const world = await World.start({ wire, split, fake: { dialect, scenarios: { ...scenarios, ...odd } } });
  const failed = [];
  try {
    for (const [name, wanted] of Object.entries(expected)) {
      try {
        await world.reset();
        await world.ready(limit(15000));
        const exchange = await world.say(`scenario:${name}`, { ms: limit(60000) }).done;
        assertLegal(exchange);
        const seen = read(exchange);
        assert.equal(seen.texts.join(''), wanted);
        assert.deepEqual(seen.errors, []);
        assert.equal(exchange.chunks.filter((chunk) => chunk?.type === 'finish').length, 1);
        assert.deepEqual(world.held(), []);
      } catch (error) { failed.push(`${name}: ${String(error.message).slice(0, 1500)}`); }
    }
  } finally { await world.stop(); }
  assert.deepEqual(failed, []);
}

test('odd orders', { concurrency: true }, async (t) => {
  const ways = [];
  for (const wire of ['rust', 'phoenix']) for (const split of [0, 1]) for (const dialect of ['contract', 'app-server']) ways.push({ wire, split, dialect });
  await Promise.all(ways.map((how) => t.test(`${how.wire} wire, ${how.split ? 'in pieces' : 'whole'}, ${how.dialect} dialect`, () => play(how))));
});

test('words, usage and the end of a turn that come before its turn/started are its own, under an invented receipt too', async () => {
  const invented = (t, r) => { r.turn.id = `turn_invented_${t.id.slice(-6)}`; return {}; };
  const early = {
    unbound: { about: 'everything comes before turn/started', accept: invented, run: async (t) => { t.open('message', 'm'); t.delta('m', 'Early '); t.usage({ input: 100, cached: 0, output: 20, reasoning: 0 }); t.delta('m', 'words.'); await wait(60); t.started(); await wait(60); t.close('message', 'm'); t.end(); } },
    'unbound-to-its-end': { about: 'its end, too', accept: invented, run: async (t) => { t.open('message', 'm'); t.delta('m', 'All of it.'); t.close('message', 'm'); t.usage({ input: 100, cached: 0, output: 20, reasoning: 0 }); t.end(); await wait(60); t.started(); } },
  };
  for (const wire of ['rust', 'phoenix']) {
    const world = await World.start({ wire, fake: { dialect: 'app-server', scenarios: { ...scenarios, ...early } } });
    try {
      for (const [name, wanted] of [['unbound', 'Early words.'], ['unbound-to-its-end', 'All of it.']]) {
        const exchange = await world.say(`scenario:${name}`, { ms: limit(30000) }).done;
        assertLegal(exchange);
        assert.equal(read(exchange).texts.join(''), wanted, exchange.text);
        const { usage } = exchange.chunks.find((chunk) => chunk?.type === 'finish').messageMetadata;
        assert.equal(usage?.inputTokens, 100, exchange.text);
        assert.equal(usage.outputTokens, 20);
      }
      assert.deepEqual(world.held(), []);
    } finally { await world.stop(); }
  }
});
