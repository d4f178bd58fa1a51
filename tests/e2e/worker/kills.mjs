// A lane whose runtime is killed again and again under running turns. Throws when a word is doubled, or lost
// in an answer that ended well, when a turn was started twice or does not end once, or memory grows.
import assert from 'node:assert/strict';
import { assertLegal, read } from '../lib/contract.mjs';
import { limit, memoryOf, sleep } from '../lib/process.mjs';
import { words } from './disconnects.mjs';
import { startRuntime } from './runtime.mjs';
import { World } from './world.mjs';

const LENGTH = 60, DELAY = 40; // words of a turn, ms between two
const whole = words(LENGTH);

/** One turn: 'refused' (nobody was there), 'good' or 'cut'. */
async function turn(world, n) {
  const exchange = await world.say(`scenario:text;n=${LENGTH};delay=${DELAY};of=${n}`, { ms: limit(120000) }).done;
  if (exchange.status !== 200) {
    assert.ok([503, 504].includes(exchange.status), exchange.text);
    return 'refused';
  }
  assertLegal(exchange);
  const seen = read(exchange), text = seen.texts.join('');
  assert.ok(seen.done);
  assert.equal(exchange.chunks.filter((chunk) => chunk?.type === 'finish').length, 1);
  assert.ok(seen.errors.length <= 1);
  if (seen.errors.length === 0) assert.equal(text, whole);
  else assert.ok(whole.startsWith(text), `not a beginning of it: ${text}`);
  return seen.errors.length ? 'cut' : 'good';
}

/** What this runtime ran twice; it is asked before it is killed, because it takes its journal with it. */
async function twice(runtime) {
  const threads = (await fetch(`${runtime.url}/__fake/journal?what=turn`).then((answer) => answer.json())).map((entry) => entry.thread);
  return threads.filter((thread, i) => threads.indexOf(thread) !== i);
}

export async function kills({ seconds, turns, wire = 'rust' }) {
  let runtime = await startRuntime();
  const world = await World.start({ fake: runtime, wire, limits: { streams: 1000, 'authority-away': '10s' } });
  const seen = { kills: 0, good: 0, cut: 0, refused: 0, rss: [] };
  const end = Date.now() + seconds * 1000;
  let asked = 0;
  try {
    const slot = async () => {
      while (Date.now() < end) {
        const how = await turn(world, ++asked);
        seen[how] += 1;
        if (how === 'refused') await sleep(200);
      }
    };
    const killing = async () => {
      while (Date.now() < end) {
        await sleep(1500 + Math.random() * 6000);
        assert.deepEqual(await twice(runtime), [], 'each turn was started once');
        runtime.child.kill('SIGKILL');
        seen.kills += 1;
        await sleep(Math.random() * 1500);
        runtime = await startRuntime(runtime.port);
        seen.rss.push(memoryOf(world.lane.pid));
      }
    };
    const ended = await Promise.allSettled([killing(), ...Array.from({ length: turns }, slot)]);
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    await world.ready(limit(30000));
    assert.equal(await turn(world, 'last'), 'good');
    return seen;
  } finally {
    await runtime.stop();
    await world.leave();
  }
}
