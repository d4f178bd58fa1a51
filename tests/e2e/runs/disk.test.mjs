// After a PASS the disk is read-only or the state folder is gone: the way back, and what is said.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CANARY, LocalTarget, STABLE } from '../lib/local_target.mjs';
import { OA_BIN, Running, cleanEnv, handmadeRun, oaAsNobody } from '../lib/process.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';
import { onSmallDisk, testOnSmallDisk } from '../lib/small_disk.mjs';

/** Side by side, each with lanes, a door and a state of its own: they wait for most of their time. */
const beside = sideBySide('disks', true, (options) => LocalTarget.start(options));

async function passed(target) {
  const plan = await target.plan({ name: 'disk.json' });
  assert.equal(plan.code, 10, plan.stderr);
  const end = await target.oa(['cutover', 'apply', plan.file, '--json', '--non-interactive']);
  assert.equal(end.code, 0, end.stderr);
  assert.deepEqual(await target.weights(), CANARY);
  return end.json();
}

testOnSmallDisk()('a run for which there is no room leaves no folder', () => {
  const got = onSmallDisk(128, '{ "$@"; echo "exit $?"; find /mnt/runs -mindepth 1; }', [OA_BIN, '--state-dir', '/mnt', 'smoke', 'stream', '--base-url', 'http://127.0.0.1:1']);
  assert.match(got.stderr, /journal\.ndjson: no space left for the journal/);
  assert.equal(got.stdout, 'exit 4\n');
});

beside('a run whose folder cannot be written is rolled back with its state elsewhere; here it says what to type', async (target, t) => {
  const run = await passed(target);
  // Read-only for another account, which may use the front door.
  const state = fs.mkdtempSync(path.join(os.tmpdir(), 'oa-ro-')), folder = path.join(state, 'runs', run.run);
  fs.cpSync(path.join(target.state, 'runs', run.run), folder, { recursive: true });
  spawnSync('chmod', ['-R', 'a+rX,go-w', state]);
  fs.chmodSync(target.socket, 0o777);
  // As SIGKILL leaves it: the control socket of the process stays.
  const stale = net.createServer().listen(path.join(folder, 'control.sock'));
  t.after(() => stale.close());
  await once(stale, 'listening');
  const before_ = fs.readdirSync(folder).sort();
  const here = oaAsNobody(['rollback', 'apply', '--state-dir', state, '--run', run.run]);
  assert.equal(here.code, 4, here.stderr);
  assert.match(here.stderr, /by hand: .*curl /, 'what a person can type without oa-stream');
  assert.deepEqual(await target.weights(), CANARY);

  const other = fs.mkdtempSync(path.join(os.tmpdir(), 'oa-rw-'));
  fs.chmodSync(other, 0o777);
  const elsewhere = oaAsNobody(['rollback', 'apply', '--state-dir', other, '--run', folder, '--json']);
  assert.equal(elsewhere.code, 0, elsewhere.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  assert.match(elsewhere.stderr, /cannot be written: going on with a copy/);
  assert.equal(JSON.parse(elsewhere.stdout).evidence, path.join(other, 'runs', run.run));
  assert.deepEqual(fs.readdirSync(path.join(other, 'runs')).filter((name) => name !== run.run), [], 'nothing is left beside the copy');
  const again = oaAsNobody(['rollback', 'apply', '--state-dir', other, '--run', folder, '--json']);
  assert.equal(again.code, 0, `the same once more: ${again.stderr}`);
  assert.match(again.stderr, /going on with the copy/);
  assert.deepEqual(fs.readdirSync(folder).sort(), before_, 'the original is as it was');
});

beside('a group shares a state directory: a run of one is rolled back by another, and doctor says what is in the way', async (target, t) => {
  if (process.getuid() !== 0) return t.skip('other accounts need root');
  const GROUP = 65500, [one, other] = [65501, 65502];
  const team = fs.mkdtempSync(path.join(os.tmpdir(), 'oa-team-')), runs = path.join(team, 'runs');
  const share = (group, mode) => { fs.chownSync(team, 0, group); fs.chmodSync(team, mode); };
  share(GROUP, 0o2775);
  fs.chmodSync(target.socket, 0o777);
  const by = (uid, ...args) => {
    const done = spawnSync('sh', ['-c', 'umask 002; exec "$@"', 'sh', OA_BIN, ...args, '--json', '--state-dir', team], { uid, gid: GROUP, encoding: 'utf8', timeout: 60000, env: cleanEnv({ HOME: '/nonexistent' }) });
    return { code: done.status, stderr: done.stderr, json: JSON.parse(done.stdout) };
  };
  const found = () => by(other, 'doctor').json.checks.find(({ id }) => id === 'state.folder');
  const plan = path.join(team, 'plan.json');
  fs.copyFileSync((await target.plan({ name: 'team.json' })).file, plan);
  fs.chmodSync(plan, 0o644);
  const passed = by(one, 'cutover', 'apply', plan, '--non-interactive');
  assert.equal(passed.code, 0, passed.stderr);
  assert.deepEqual(await target.weights(), CANARY);
  assert.deepEqual([found().verdict, found().detail], ['PASS', `${team}, shared with its group`]);
  const back = by(other, 'rollback', 'apply', '--run', passed.json.run);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await target.weights(), STABLE);

  fs.chmodSync(runs, 0o2755); // as umask 022 leaves it
  assert.deepEqual([found().verdict, found().data.mend], ['FAIL', `sudo chmod -R g+rwX ${runs}`]);
  assert.match(found().detail, new RegExp(`^${runs} is uid ${one}'s, and its group may not write there: who shares it needs umask 002$`));
  share(0, 0o2775);
  assert.equal(found().data.mend, `sudo usermod -aG "$(stat -c %G ${team})" "$(id -un)"`);
  share(0, 0o755);
  assert.equal(found().data.mend, `sudo chgrp GROUP ${team} && sudo chmod g+rwX ${team}`);
  assert.match(found().detail, /is root's alone: a team shares one by a group/);
});

beside('a full disk: how a run ended is told alike everywhere; a rollback elsewhere leaves it as it is', async (target, t) => {
  const disk = fs.mkdtempSync(path.join(os.tmpdir(), 'oa-full-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]).status !== 0) return t.skip('mount needs CAP_SYS_ADMIN');
  t.after(() => spawnSync('umount', ['-l', disk]));
  const fill = () => { try { fs.writeFileSync(path.join(disk, 'full'), Buffer.alloc(4 << 20), { flag: 'a' }); } catch (error) { assert.equal(error.code, 'ENOSPC'); } };
  const at = { stateDir: path.join(disk, 'state') };

  const plan = await target.plan({ name: 'full.json', set: { bake: '30s' } });
  const running = new Running(OA_BIN, ['cutover', 'apply', plan.file, '--non-interactive', '--state-dir', at.stateDir], { name: 'apply', folder: target.folder, env: cleanEnv({ HOME: target.folder }) });
  const runs = path.join(at.stateDir, 'runs');
  const id = await running.until(() => fs.existsSync(runs) && fs.readdirSync(runs)[0], 'a run', 60000);
  handmadeRun(path.join(runs, id));
  await running.until(() => fs.readFileSync(path.join(runs, id, 'journal.ndjson'), 'utf8').includes('"done"'), 'traffic is moved', 60000);
  fill();
  running.signal('SIGINT');
  const { code } = await running.end(60000);
  assert.equal(code, 7, running.stderr);
  for (const [, file] of running.stdout.matchAll(/^report (.+)$/gm)) assert.ok(fs.existsSync(file), `${file} is told of and is not there`);
  const shown = await target.oa(['runs', 'show', id], at);
  assert.equal(shown.code, 0, shown.stdout + shown.stderr);
  assert.match(shown.stdout, new RegExp(`${id} finished: \\w+[^]*exit code +7[^]*never sealed`));
  assert.doesNotMatch(shown.stdout, /died/);
  assert.equal((await target.oa(['cutover', 'status'], at)).code, 0);

  fs.rmSync(path.join(disk, 'full'));
  const again = await target.oa(['cutover', 'plan', target.playbook, ...target.settings(), '--out', path.join(target.folder, 'full2.json')], at);
  assert.equal(again.code, 10, again.stderr);
  const passed_ = (await target.oa(['cutover', 'apply', path.join(target.folder, 'full2.json'), '--json', '--non-interactive'], at)).json();
  assert.equal(passed_.verdict, 'PASS');
  fill();
  const here = await target.oa(['rollback', 'apply', '--run', passed_.run], at);
  assert.equal(here.code, 4, here.stderr);
  assert.match(here.stderr, /\/locks\/\S+\.lock: cannot write the lock: No space left on device \(write elsewhere: oa-stream rollback apply --state-dir DIR --run \S+/);
  const back = await target.oa(['rollback', 'apply', '--run', passed_.evidence, '--json'], { stateDir: path.join(target.folder, 'elsewhere') });
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stderr, /cannot be written: going on with a copy/);
  const left = (await target.oa(['runs', 'show', passed_.run, '--json'], at)).json();
  assert.deepEqual([left.shown.state, left.sums.sealed], ['finished', true], 'the original is as it was');
  assert.deepEqual(await target.weights(), STABLE);
});

beside('the state folder is removed in the middle: no text names a file that is not there', async (target) => {
  const state = path.join(target.folder, 'gone');
  const plan = await target.plan({ name: 'gone.json', set: { bake: '3s' } });
  assert.equal(plan.code, 10, plan.stderr);
  const running = new Running(OA_BIN, ['cutover', 'apply', plan.file, '--non-interactive', '--state-dir', state], { name: 'apply', folder: target.folder, env: cleanEnv({ HOME: target.folder }) });
  const runs = path.join(state, 'runs');
  const id = await running.until(() => fs.existsSync(runs) && fs.readdirSync(runs)[0], 'a run', 60000);
  await running.until(() => fs.existsSync(path.join(runs, id, 'journal.ndjson')) && fs.readFileSync(path.join(runs, id, 'journal.ndjson'), 'utf8').includes('shift@50%'), 'traffic is moved', 60000);
  handmadeRun(path.join(runs, id));
  fs.rmSync(state, { recursive: true });
  const exit = await running.end(120000);
  const said = running.stdout + running.stderr;
  assert.notEqual(exit.code, 0, said);
  const from = said.indexOf('restoring');
  assert.ok(from >= 0, said);
  assert.ok(!said.slice(from).includes(`incident body ${id}`), `a run that is not there is suggested:\n${said}`);
  for (const [name] of said.slice(from).matchAll(/\/[^\s:'"]*\/gone\/[^\s:'"]*/g)) assert.ok(fs.existsSync(name), `${name} is named and not there:\n${said}`);
});
