// The way out when a rollback can't be verified: the command that is printed for a person, run as it stands.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { cloudRunRig, commandRig, haproxyRig, localRig, runtime } from '../lib/cutover/crash_rigs.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';

/** Typed into a shell; its exit code and all that it says. */
const typed = (line, env) => new Promise((done) => {
  execFile('/bin/sh', ['-c', line], { env, timeout: 120000 }, (error, stdout, stderr) => done({ code: error ? (error.code ?? error.signal) : 0, text: stdout + stderr }));
});

for (const [name, make] of Object.entries({ local: localRig, haproxy: haproxyRig, 'cloud-run': cloudRunRig, command: commandRig })) {
  test(`${name}: what is printed with exit 8 brings the traffic back`, async () => {
    const rig = await make();
    try {
      const folder = scratch('by-hand'), file = path.join(folder, 'cutover.yaml'), plan = path.join(folder, 'plan.json');
      fs.writeFileSync(file, rig.playbook);
      const there = { env: rig.env, stateDir: path.join(folder, 'state') };
      assert.equal((await oa(['cutover', 'plan', file, '--out', plan], there)).code, 10);
      const over = await oa(['cutover', 'apply', plan, '--json'], there);
      assert.equal(over.code, 0, over.stderr);
      // Nobody's but another operator's: the run never set out to write it, so the rollback leaves it alone.
      await rig.others({ stable: 67, canary: 33 });
      const { run } = over.json(), back = await oa(['rollback', 'apply', '--run', run, '--json'], there);
      assert.equal(back.code, 8, back.stderr);
      assert.deepEqual((await rig.state()).split, { stable: 67, canary: 33 });
      const command = back.json().notes.find((note) => note.startsWith('By hand: ')).slice('By hand: '.length);
      // No shipped playbook calls the programs of this command driver as they are called here.
      const end = name === 'command' ? `by hand: ${command} && oa-stream rollback apply --run ${run}` : `; by hand: ${command}`;
      assert.ok(back.json().next.endsWith(end), back.json().next);
      const done = await typed(command, cleanEnv({ HOME: folder, ...rig.env, PATH: [rig.program, process.env.PATH].filter(Boolean).join(':') }));
      assert.equal(done.code, 0, `${command}\n${done.text}`);
      const { split } = await rig.state();
      assert.deepEqual([split.stable, split.canary ?? 0], [100, 0], `${command}\n${done.text}`);
    } finally {
      await rig.stop();
    }
  });
}

test('haproxy: with stable down nothing is printed that would take users from the canary', async () => {
  const rig = await haproxyRig();
  try {
    const folder = scratch('by-hand'), file = path.join(folder, 'cutover.yaml'), plan = path.join(folder, 'plan.json');
    fs.writeFileSync(file, rig.playbook.replace('[0%, 50%, 100%]', '[50%, 100%]').replace('bake: 200ms', 'bake: 60s').replace('restore: 20s', 'restore: 2s'));
    const there = { env: rig.env, stateDir: path.join(folder, 'state') };
    assert.equal((await oa(['cutover', 'plan', file, '--out', plan], there)).code, 10);
    const running = new Running(OA_BIN, ['cutover', 'apply', plan, '--json'], { folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: there.stateDir, ...rig.env }) });
    await running.until(({ stderr }) => stderr.includes('stage 50%'), 'the stage of 50%', 60000);
    await rig.lanes.stable.kill();
    const socket = rig.peers[0].slice('unix:'.length);
    await running.until(() => runtime(socket, 'show stat').then((rows) => /^chat,stable,.*,DOWN,/m.test(rows)), 'HAProxy sees that stable is down', 60000);
    assert.equal((await running.stop(60000)).code, 8, running.stderr);
    const ended = JSON.parse(running.stdout), back = await oa(['rollback', 'apply', '--run', ended.run, '--json'], there);
    assert.equal(back.code, 8, back.stderr);
    for (const { next, notes, evidence } of [ended, back.json()]) {
      assert.match(next, new RegExp(`^stable is DOWN .*: it gets no share; when that is cured: oa-stream .*rollback apply --run ${ended.run}$`));
      assert.doesNotMatch(notes.join('\n'), /set server/);
      for (const report of ['report.md', 'rollback.md']) assert.doesNotMatch(fs.readFileSync(path.join(evidence, report), 'utf8'), /set server/);
    }
  } finally {
    await rig.stop();
  }
});
