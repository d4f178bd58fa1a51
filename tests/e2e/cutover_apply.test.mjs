// cutover plan, apply and rollback apply against a real front door and two real lanes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { scratch } from './lib/process.mjs';
import { LocalTarget } from './lib/local_target.mjs';

const targets = [];
const start = async (options) => {
  const target = await LocalTarget.start(options);
  targets.push(target);
  return target;
};
after(() => Promise.all(targets.flatMap((t) => [t.front, t.stable, t.canary]).map((p) => (p.exit ? null : p.kill()))));

test('plan, apply, rollback: the way of a release manager, and the way back', async () => {
  const target = await start();
  const plan = await target.plan();
  assert.equal(plan.code, 10, plan.stderr);
  assert.match(plan.stdout, /~ shift\s+shift@50%\s+v1 100%, v2 0% → v1 50%, v2 50%/);
  assert.match(plan.stdout, /undo: write v1 100%, v2 0%/);
  assert.match(plan.stdout, /error-rate: .*of \d+/, 'each gate was tried');
  assert.deepEqual(await target.weights(), { v1: 100, v2: 0 }, 'a plan changes nothing');

  const apply = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(apply.code, 0, apply.stderr);
  const report = apply.json();
  assert.equal(report.verdict, 'PASS');
  assert.deepEqual(await target.weights(), { v1: 0, v2: 100 });

  const again = await target.oa(['cutover', 'apply', plan.file]);
  assert.equal(again.code, 6, 'a plan is applied once');

  const back = await target.oa(['rollback', 'apply', '--run', report.run, '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(back.json().verdict, 'PASS');
  assert.deepEqual(await target.weights(), { v1: 100, v2: 0 });
});
