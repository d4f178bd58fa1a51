// `rollback drill`: a canary that is made to fail, and users who are watched until they are well.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { haproxyRig, localRig } from '../lib/cutover/crash_rigs.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';

/** Both rehearse the same way back; only the local one can break its canary. */
const drillOf = (rig, { fault = '', stages = '[0%, 50%]', failAt = '50%', gate = '30%' } = {}) => rig.playbook
  .replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*/, 'kind: rollback-drill')
  .replace(/stages: .*/, `stages: ${stages}`)
  .replace(/at_most: 60%, confidence: 80%/, `at_most: ${gate}, confidence: 80%`)
  .replace('bake: 200ms', 'bake: 1s') // so many users come, also on a busy machine
  .replace('unpinned: 10/s', 'unpinned: 40/s') + `drill: { fail_at: ${failAt}, recover_within: 20s${fault ? `, fault: ${fault}` : ''} }\n`;

function fileOf(text) {
  const file = path.join(scratch('playbook'), 'drill.yaml');
  fs.writeFileSync(file, text);
  return file;
}

/** And not null, which is at least 0 too. */
const isTime = (seconds) => Number.isFinite(seconds) && seconds >= 0;
function assertTimes(report, planted) {
  const { rollback, drill } = report;
  assert.equal(rollback.verified, true);
  assert.ok(isTime(drill.recovery_s) && drill.recovery_s <= drill.limit_s, JSON.stringify(drill));
  assert.ok(drill.users >= 10, 'users were watched');
  assert.ok(drill.users_canary > 0, 'some of them met the canary');
  if (planted) {
    assert.ok(isTime(rollback.detection_s) && isTime(rollback.decision_s), JSON.stringify(rollback));
  } else {
    assert.equal(rollback.detection_s, null, 'nothing was planted, so nothing was detected');
  }
  const text = fs.readFileSync(path.join(report.evidence, 'report.md'), 'utf8');
  for (const row of ['| detection |', '| decision |', '| recovery (RTO) |', 'unpinned probes over fresh connections']) assert.ok(text.includes(row), row);
}

/** Three at a time: each has lanes of its own, and waits for most of its time. */
describe('drills', { concurrency: 3 }, () => {
  test('--local: the fault is noticed, users are well again, all is as before: exit 0', async () => {
    const run = await oa(['rollback', 'drill', '--local', '--json'], { ms: 200000 });
    assert.equal(run.code, 0, run.stderr.slice(-4000));
    const report = run.json();
    assert.equal(report.verdict, 'PASS');
    assertTimes(report, true);
    assert.equal(report.restored, true);
    const journal = fs.readFileSync(path.join(report.evidence, 'journal.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(journal.findLast((line) => line.seen).seen, journal[0].to, 'where it began');
    assert.ok(!report.checks.some(({ verdict }) => verdict === 'FAIL'), 'what was planned is no failure');
  });

  test('--local, answers that are slow: probes that still wait for them do not fail the drill, and one recovery time is told', async () => {
    const run = await oa(['rollback', 'drill', '--local', '--fault', 'latency=4s', '--json'], { ms: 200000 });
    assert.equal(run.code, 0, run.stderr.slice(-4000));
    const report = run.json();
    assertTimes(report, true);
    const slow = report.checks.find(({ id }) => id.startsWith('gate.first-content') && id.endsWith('@25%'));
    assert.match(slow.detail, /beyond the limit/, 'the gate on first content saw it');
    const gates = report.checks.filter(({ id }) => id.endsWith('@25%'));
    assert.ok(!gates.some(({ detail }) => /reached the canary/.test(detail)), 'slow probes are no wrong split');
    const times = fs.readFileSync(path.join(report.evidence, 'report.md'), 'utf8').match(/\| recovery [^\n]*/g);
    assert.equal(times.length, 1, times.join('\n'));
    assert.ok(times[0].includes(report.drill.recovery_s.toFixed(3)), times[0]);
    const html = fs.readFileSync(path.join(report.evidence, 'report.html'), 'utf8').match(/recovery \(RTO\)[^]{0,80}?([0-9.]+) s/);
    assert.equal(html[1], report.drill.recovery_s.toFixed(3));
  });

  describe('against a front door and lanes that run already', { concurrency: 1 }, () => {
    let rig;
    after(() => rig?.stop());

    test('the fault goes into the canary\'s file and out of it again', async () => {
      const faults = path.join(scratch('faults'), 'faults');
      fs.writeFileSync(faults, '');
      rig = await localRig({ canaryArgs: ['--inject-file', faults] });
      const before = await rig.state();
      const run = await oa(['rollback', 'drill', fileOf(drillOf(rig, { fault: 'error-rate=1' })), '--apply', '--inject-file', faults, '--json'], { ms: 60000 });
      assert.equal(run.code, 0, run.stderr.slice(-3000) + run.stdout.slice(0, 2000));
      assertTimes(run.json(), true);
      assert.deepEqual(await rig.state(), before);
      assert.equal(fs.readFileSync(faults, 'utf8'), '');
    });

    test('a fault without a way in is a usage error before anything is done', async () => {
      const run = await oa(['rollback', 'drill', fileOf(drillOf(rig, { fault: 'error-rate=1' }))]);
      assert.equal(run.code, 2, run.stderr);
      assert.match(run.stderr, /--inject-file/);
    });

    test('a file that cannot hold the fault is refused before anything is done', async () => {
      const folder = scratch('odd');
      const before = await rig.state();
      for (const [file, why] of [[folder, /is not a regular file/], [path.join(folder, 'absent', 'faults'), /its folder is not there/]]) {
        for (const more of [[], ['--apply'], ['--each-gate', '--apply']]) {
          const run = await oa(['rollback', 'drill', fileOf(drillOf(rig, { fault: 'error-rate=1' })), '--inject-file', file, ...more], { ms: 60000 });
          assert.equal(run.code, 2, `${file} ${more}: ${run.stderr.slice(-1000)}`);
          assert.match(run.stderr, why);
          assert.ok(run.stderr.includes(file), run.stderr);
        }
      }
      assert.deepEqual(await rig.state(), before);
    });

    test('a fault that no gate can see fails the drill, and the traffic goes back: exit 7', async () => {
      const faults = path.join(scratch('faults'), 'unread');
      const before = await rig.state();
      const run = await oa(['rollback', 'drill', fileOf(drillOf(rig, { fault: 'error-rate=1' })), '--apply', '--inject-file', faults, '--json'], { ms: 60000 });
      assert.equal(run.code, 7, run.stderr.slice(-3000));
      assert.match(run.json().headline, /no gate failed/);
      assert.deepEqual(await rig.state(), before);
    });

    test('SIGTERM in the middle restores: exit 7', async () => {
      const before = await rig.state();
      const folder = scratch('signal'), state = path.join(folder, 'state');
      const text = drillOf(rig).replace('bake: 1s', 'bake: 60s');
      const run = new Running(OA_BIN, ['rollback', 'drill', fileOf(text.replace('[0%, 50%]', '[50%]')), '--apply'], { folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: state }) });
      await run.until(({ stderr }) => stderr.includes('stage 50%'), 'the stage');
      run.signal('SIGTERM');
      const { code } = await run.end(60000);
      assert.equal(code, 7, run.stderr);
      assert.deepEqual(await rig.state(), before);
    });

    test('a canary that dies before its time is a surprise: back to safety, exit 7', async () => {
      const before = await rig.state();
      const folder = scratch('surprise'), state = path.join(folder, 'state');
      const text = drillOf(rig, { stages: '[0%, 30%, 50%]' }).replace('bake: 1s', 'bake: 4s');
      const run = new Running(OA_BIN, ['rollback', 'drill', fileOf(text), '--apply', '--json'], { folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: state }) });
      await run.until(({ stderr }) => stderr.includes('stage 30%'), 'the stage');
      await rig.lanes.canary.kill();
      const { code } = await run.end(90000);
      assert.equal(code, 7, run.stderr);
      assert.deepEqual(await rig.state(), before);
    });
  });

  test('another driver: the failure is ruled, recovery is measured all the same', async () => {
    const rig = await haproxyRig();
    const before = await rig.state();
    const run = await oa(['rollback', 'drill', fileOf(drillOf(rig)), '--apply', '--json'], { ms: 60000 });
    assert.equal(run.code, 0, run.stderr.slice(-3000) + run.stdout.slice(0, 2000));
    const report = run.json();
    assertTimes(report, false);
    assert.equal(report.checks.find(({ id }) => id === 'drill.failure@50%').mode, 'rehearsed', 'a ruling is no live pass');
    assert.deepEqual(await rig.state(), before);
    await rig.stop();
  });
});
