// A real run for each row of docs/gates.md "What is found": a fault that hits every twentieth answer of the
// canary ends the cutover by the gate that is there for it, and everything goes back. .ci/detections.mjs
// carries out many of each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FAULTS, FaultWorld, found, foundLost } from './faults.mjs';

let world;
before(async () => { world = await FaultWorld.start(); });
after(() => world?.stop());

/** Three at a time, the one that takes longest first: they wait for most of their time. */
const NAMES = ['stall', ...Object.keys(FAULTS).filter((name) => name !== 'stall')];
describe('every twentieth answer of the canary', { concurrency: 3 }, () => {
  for (const name of NAMES) {
    test(name, async () => {
      const got = await world.spoiled(name);
      assert.ok(found(got), `${got.code} ${JSON.stringify(got.weights)} ${got.stderr}`);
      assert.match(got.run.next, /^oa-stream incident body /);
    });
  }

  test('all threads lost stop the plan, before anything moves', async () => {
    const plan = await world.lost();
    assert.equal(plan.code, 6, plan.stderr);
    assert.match(plan.stderr, /users would lose their conversations/);
  });

  test('lost threads: found by reading those of the probes at the end of the stage', async () => {
    const got = await world.forgetful();
    assert.ok(foundLost(got), `${got.code} ${JSON.stringify(got.weights)} ${got.stderr}`);
    const end = got.run.checks.find(({ id }) => id === 'gate.continuity@5%.end');
    assert.match(end?.detail ?? '', /conversations of probes are not known at canary/);
  });

  test('and an equal canary passes the same gates', async () => {
    const { code, stderr } = await world.cutover('bad: any, at_most: 10%');
    assert.equal(code, 0, stderr);
  });
});
