// Crash consistency of the route split: `route set` dies at each write of its journal and at each
// exchange with the control service, in turn. `cutover status` then knows whether something is left, and
// `rollback apply --run ID` undoes it. The suite visits some of the moments, OA_CRASH=all all of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CrashLab, chosen } from '../lib/cutover/crash.mjs';
import { ADMIN, startControlService } from '../lib/control_service.mjs';
import { oa } from '../lib/process.mjs';

const FOUND = { global: null, domains: { chat_pilot: 'rust_shell' } };
const SET = { global: null, domains: { billing_l402: 'legacy', chat_pilot: 'legacy' } };
const ENV = { OA_ADMIN: ADMIN };

describe('route set', () => {
  let service, lab, count, number = 0;
  before(async () => {
    service = await startControlService({ memories: [FOUND] });
    lab = new CrashLab({ name: 'routes', peers: [new URL(service.base).host], env: ENV });
  });
  after(() => service?.stop());

  const memory = () => ({ global: service.memories[0].global, domains: { ...service.memories[0].domains } });
  const change = (when = {}) => lab.run(`${lab.folder}/state-${++number}`, [
    'route', 'set', 'legacy', '--domain', 'billing_l402', '--domain', 'chat_pilot', '--fresh', '2', '--apply', '--base-url', service.base, '--auth', 'env:OA_ADMIN',
  ], when);
  const ask = (stateDir, ...words) => oa(['--state-dir', stateDir, ...words, '--json'], { env: ENV });
  const rollback = (stateDir, run) => ask(stateDir, 'rollback', 'apply', '--run', run);

  /** Whatever is left is undone by the one command, and nobody is needed after it. */
  async function undone(dead, what) {
    const status = await ask(dead.stateDir, 'cutover', 'status');
    const runs = status.json().runs;
    const open = runs.filter((run) => run.open).map((run) => run.run);
    if (runs.some((run) => run.run === dead.run && /^done at/.test(run.routes ?? ''))) {
      assert.deepEqual(memory(), SET, `${what}: the journal says that it was done`);
    } else if (dead.code !== 0 && !open.includes(dead.run)) {
      assert.deepEqual(memory(), FOUND, `${what}: nobody is told: ${status.stdout}`);
    }
    const back = await rollback(dead.stateDir, dead.run);
    assert.ok(back.code === 0 || (back.code === 6 && open.length === 0), `${what}: ${back.code} ${back.stdout}${back.stderr}`);
    assert.deepEqual(memory(), FOUND, what);
    assert.equal((await ask(dead.stateDir, 'cutover', 'status')).code, 0, what);
  }

  test('unharmed, it ends as asked, and rollback apply --run undoes it: PASS, a run of its own', async () => {
    const whole = await change();
    assert.equal(whole.code, 0, whole.stderr);
    assert.deepEqual(memory(), SET);
    count = whole.points.length;
    assert.ok(count > 20, `${count} moments`);
    const back = await rollback(whole.stateDir, whole.run);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.deepEqual(memory(), FOUND);
    const document = back.json();
    assert.deepEqual([document.schema, document.verdict, document.restored, document.rollback], ['oa-stream.run-result.v1', 'PASS', true, null]);
    assert.notEqual(document.run, whole.run);
    const again = await rollback(whole.stateDir, whole.run); // once more is no harm
    assert.deepEqual([again.code, again.json().verdict], [0, 'PASS'], again.stderr);
    assert.deepEqual(memory(), FOUND);
  });

  test('it dies by SIGKILL: what is left is known and undone', async (t) => {
    const points = chosen(count, 5);
    assert.ok(points.length > 3, `${points}`);
    let died = 0;
    for (const at of points) {
      const dead = await change({ at });
      const what = `death at point ${at} (${dead.points.at(-1)})`;
      died += dead.signal === 'SIGKILL' ? 1 : 0;
      if (dead.run === null) assert.deepEqual(memory(), FOUND, what);
      else await undone(dead, what);
    }
    t.diagnostic(`died at ${died} of ${count} moments`);
    assert.ok(died * 2 >= points.length, `${died} of ${points.length}`);
  });

  test('a rollback that dies is finished by the next one', async () => {
    const points = chosen(40, 7);
    let died = 0;
    for (const at of points) {
      const whole = await change();
      assert.equal(whole.code, 0, whole.stderr);
      const dying = await lab.run(whole.stateDir, ['rollback', 'apply', '--run', whole.run], { at });
      assert.ok(dying.signal === 'SIGKILL' || dying.code === 0, `${at}: ${dying.code} ${dying.stderr}`);
      died += dying.signal === 'SIGKILL' ? 1 : 0;
      await undone(whole, `the rollback died at point ${at} (${dying.points.at(-1)})`);
    }
    assert.ok(died * 2 >= points.length, `${died} of ${points.length}`);
  });
});
