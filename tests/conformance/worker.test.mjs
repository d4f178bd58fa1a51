// The lane over worker control and Khala: every scenario of the runtime, on both wires, in both
// dialects, whole and in pieces. What a client must read is read by all nine clients. In pieces the runtime
// has its real quotas of events, too; that of commands has a test of its own (worker/commands).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenarios } from '../e2e/worker/fake/scenarios.mjs';
import { World } from '../e2e/worker/world.mjs';
import { assertAccepted } from './clients.mjs';

const only = process.env.OA_SCENARIO?.split(',');
/** Of their own: the first needs a fault armed before it, the other has no expectation but the stop. */
const apart = new Set(['dropped-request', 'deaf']);
/** After these the lane asks again only after 30 and 60 s, or its worker begins with other numbers. */
const lasting = new Set(['reauth-denied', 'incompatible', 'restart-all', 'reborn']);
const chosen = (wire) => Object.entries(scenarios).filter(([name, s]) => !apart.has(name) && (!s.wire || s.wire === wire) && (!only || only.includes(name)));

async function play(lanes, name, { wire, split, dialect }) {
  const scenario = scenarios[name];
  const settings = JSON.stringify([scenario.limits ?? {}, scenario.flags ?? [], lasting.has(name) && name]);
  if (!lanes.has(settings)) lanes.set(settings, await World.start({ wire, split, fake: { dialect, strict: split === 1, control: { limit: 0 } }, limits: scenario.limits, flags: scenario.flags }));
  const world = lanes.get(settings);
  await world.reset();
  await world.ready();
  const exchange = await world.play(name, scenario, dialect);
  if (scenario.expect?.http) return;
  const { message } = await assertAccepted(exchange, { outcome: scenario.expect?.code ? 'error-chunk' : 'ready' });
  const text = message.parts.filter((part) => part.type === 'text').map((part) => part.text).join('');
  if (scenario.expect) assert.equal(text, scenario.expect.text, 'each character once, on the page too');
}

// Most of the time is spent waiting, for limits and for pauses before a reconnect: all eight at once. A test
// for each scenario would be told in one burst at the end, of which a forced exit drops the rest.
test('every scenario', { concurrency: true }, async (t) => {
  const all = [];
  for (const wire of ['rust', 'phoenix']) for (const split of [0, 1]) for (const dialect of ['contract', 'app-server']) all.push({ wire, split, dialect });
  await Promise.all(all.map((how) => t.test(`${how.wire} wire, ${how.split === 1 ? 'in pieces' : 'whole'}, ${how.dialect} dialect`, async () => {
    const lanes = new Map(), failed = [], names = chosen(how.wire).map(([name]) => name);
    assert.ok(names.length > 60 || only, `${names.length} scenarios`);
    for (const name of names) await play(lanes, name, how).catch((error) => failed.push(`${name}: ${String(error?.message ?? error).slice(0, 3000)}`));
    for (const world of lanes.values()) await world.stop();
    assert.deepEqual(failed, []);
  })));
});
