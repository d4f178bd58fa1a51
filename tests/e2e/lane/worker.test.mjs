// The lane over worker control and Khala: every scenario of the runtime, on both wires, in both
// dialects, whole and byte by byte.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenarios } from '../worker/fake/scenarios.mjs';
import { World } from '../worker/world.mjs';

const only = process.env.OA_SCENARIO?.split(',');
/** Of their own: the first needs a fault armed before it, the other has no expectation but the stop. */
const apart = new Set(['dropped-request', 'deaf']);
/** After these the lane asks again only after 30 and 60 s, or its worker begins with other numbers. */
const lasting = new Set(['reauth-denied', 'incompatible', 'restart-all', 'reborn']);
const chosen = (wire) => Object.entries(scenarios).filter(([name, s]) => !apart.has(name) && (!s.wire || s.wire === wire) && (!only || only.includes(name)));

for (const wire of ['rust', 'phoenix']) {
  for (const [split, dialect] of [[0, 'contract'], [1, 'app-server']]) {
    test(`${wire} wire, ${split === 1 ? 'byte by byte' : 'whole'}, ${dialect} dialect`, async (t) => {
      const lanes = new Map();
      for (const [name, scenario] of chosen(wire)) {
        await t.test(name, async () => {
          const settings = JSON.stringify([scenario.limits ?? {}, scenario.flags ?? [], lasting.has(name) && name]);
          if (!lanes.has(settings)) lanes.set(settings, await World.start({ wire, split, fake: { dialect }, limits: scenario.limits, flags: scenario.flags }));
          const world = lanes.get(settings);
          await world.reset();
          await world.ready();
          await world.play(name, scenario, dialect);
        });
      }
      for (const world of lanes.values()) await world.stop();
    });
  }
}
