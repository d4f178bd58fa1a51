// Crash consistency: the process dies at each write of its journal and at each exchange with the traffic
// machinery, in turn; what is left tells the truth and is put right by `rollback apply --run ID`. The same
// with Ctrl-C, with the other signals that end a process, and with a disk that is full. The suite visits some of the moments,
// `./dev crash` all of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CrashLab, chosen } from '../lib/cutover/crash.mjs';
import { cloudRunRig, commandRig, haproxyRig, localRig } from '../lib/cutover/crash_rigs.mjs';

const RIGS = { command: commandRig, local: localRig, haproxy: haproxyRig, 'cloud-run': cloudRunRig };
/** Of how many moments the suite visits one; primes, so that what follows in a fixed order is not always missed. */
const ONE_IN = { kill: 7, int: 17, term: 19, hup: 37, quit: 41, usr1: 43, 'full-disk': 13 };

const dies = ([name, make]) => {
  describe(name, { concurrency: 1 }, () => {
    let rig, lab, count;
    before(async () => {
      rig = await make();
      lab = await new CrashLab(rig).prepare();
    });
    after(() => rig?.stop());

    test('unharmed, it ends on the canary, and a rollback brings all of it back', async () => {
      const whole = await lab.apply();
      assert.equal(whole.code, 0, whole.stderr.slice(-3000));
      assert.equal((await rig.state()).split.canary, 100);
      const back = await lab.rollback(whole.stateDir, whole.run);
      assert.equal(back.code, 0, back.stderr.slice(-3000));
      await lab.restored('rolled back whole');
      count = whole.points.length;
      assert.ok(count > 60, `${count} moments`);
    });

    const visit = async (t, deed, act, among = count) => {
      const points = chosen(among, ONE_IN[deed]);
      let reached = 0;
      for (const at of points) reached += (await act(at)).missed ? 0 : 1;
      t.diagnostic(`${name}, ${deed}: ${reached} of ${among} moments`);
      assert.ok(reached * 2 >= points.length, `${reached} of ${points.length} were reached`);
    };
    test('it dies by SIGKILL: the journal covers what serves, and a rollback from it alone restores', (t) => visit(t, 'kill', (at) => lab.dieAt(at)));
    test('Ctrl-C: back, verified, or nothing was moved', (t) => visit(t, 'int', (at) => lab.interruptAt(at, 'int')));
    for (const deed of ['term', 'hup', 'quit', 'usr1']) {
      test(`SIG${deed.toUpperCase()}: the same`, (t) => visit(t, deed, (at) => lab.interruptAt(at, deed)));
    }
    test('a disk that is full from the beginning: refused, nothing is moved', () => lab.fillDiskAt(0));
    test('a disk that becomes full: nothing more is moved, or it goes back, verified', (t) => visit(t, 'full-disk', (at) => lab.fillDiskAt(at)));
    test('a rollback that dies is finished by the next one', (t) => visit(t, 'kill', (at) => lab.dieTwice(Math.floor(count * 0.7), at), 40));
  });
};

// Each rig has lanes and a door of its own, and its runs wait for most of their seconds. The slowest comes first.
describe('a run', { concurrency: 2 }, () => Object.entries(RIGS).forEach(dies));
