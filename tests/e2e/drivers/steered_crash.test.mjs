// Crash consistency of a run that waits for more than gates: conversations that have to go on, a pause that a
// second operator ends, a stage that is left early, and hooks, one of them required. It dies at each of these
// moments too, by each driver; what is left tells the truth and is put right. The suite visits some of the
// moments, `./dev crash` all of them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CrashLab, chosen, steeredCutover } from '../lib/cutover/crash.mjs';
import { cloudRunRig, commandRig, haproxyRig, localRig } from '../lib/cutover/crash_rigs.mjs';

const RIGS = { local: localRig, haproxy: haproxyRig, 'cloud-run': cloudRunRig, command: commandRig };
/** Of how many moments the suite visits one: each run lasts for seconds. */
const ONE_IN = { kill: 29, int: 71, term: 73 };
/** What must be among the moments. */
const MOMENTS = ['continuity', 'paused', 'pause ended', 'hook'].flatMap((event) => [`timeline: before ${event}`, `timeline: ${event}`]);

const dies = ([name, make]) => {
  describe(name, { concurrency: 1 }, () => {
    let rig, lab, points;
    before(async () => {
      rig = await make({ shared: true });
      rig.playbook = steeredCutover(rig.playbook);
      lab = await new CrashLab(rig, { steered: true }).prepare();
    });
    after(() => rig?.stop());

    test('unharmed: paused, continued, promoted, hooks told, conversations whole, and a rollback brings all of it back', async () => {
      const whole = await lab.apply();
      assert.equal(whole.code, 0, whole.stderr.slice(-3000));
      const run = JSON.parse(fs.readFileSync(path.join(whole.stateDir, 'runs', whole.run, 'run.json'), 'utf8'));
      assert.deepEqual(run.orders.map((order) => order.action), ['continue', 'promote']);
      for (const id of ['gate.continuity@50%', 'gate.continuity@100%']) assert.equal(run.checks.find((check) => check.id === id)?.verdict, 'PASS', id);
      assert.equal((await rig.state()).split.canary, 100);
      const back = await lab.rollback(whole.stateDir, whole.run);
      assert.equal(back.code, 0, back.stderr.slice(-3000));
      await lab.restored('rolled back whole');
      ({ points } = whole);
      assert.deepEqual(MOMENTS.filter((moment) => !points.includes(moment)), [], points.join('\n'));
      assert.ok(points.includes('program started'), 'hooks are programs');
    });

    /** Some of all moments, and of those that only this run has each once. */
    const visited = (deed) => {
      const some = chosen(points.length, ONE_IN[deed]);
      const own = deed === 'kill' ? MOMENTS.map((moment) => points.indexOf(moment) + 1) : [];
      return [...new Set([...own, ...some])].sort((a, b) => a - b);
    };
    const visit = async (t, deed, act) => {
      const moments = visited(deed);
      let reached = 0;
      for (const at of moments) reached += (await act(at)).missed ? 0 : 1;
      t.diagnostic(`${name}, ${deed}: ${reached} of ${points.length} moments`);
      assert.ok(reached * 2 >= moments.length, `${reached} of ${moments.length} were reached`);
    };
    test('it dies by SIGKILL: the journal covers what serves, and a rollback from it alone restores', (t) => visit(t, 'kill', (at) => lab.dieAt(at)));
    test('Ctrl-C: back, verified, or nothing was moved', (t) => visit(t, 'int', (at) => lab.interruptAt(at, 'int')));
    test('SIGTERM: the same', (t) => visit(t, 'term', (at) => lab.interruptAt(at, 'term')));
  });
};

// Each rig has lanes and a door of its own, and its runs wait for most of their seconds.
describe('a steered run', { concurrency: 2 }, () => Object.entries(RIGS).forEach(dies));
