// Emergency rollback: a plan of kind rollback begins with whatever serves, and a run's own rollback leaves alone
// what others did beside it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cloudRunRig, commandRig, haproxyRig, localRig, runtime } from '../lib/cutover/crash_rigs.mjs';
import { startLane } from '../lib/lane.mjs';
import { startFront } from '../lib/local_target.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';

const stages = 'stages: [0%, 50%, 100%]\n';
/** The playbook of a rig as one that rolls back. */
const rollbackOf = (text) => text.replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*\n/, 'kind: rollback\n').replace(/stages:.*\nstage:\n( .*\n)*/, '');
const fileOf = (text) => {
  const file = path.join(scratch('playbook'), 'playbook.yaml');
  fs.writeFileSync(file, text);
  return file;
};
/** plan and apply of a rollback; {plan, apply}. */
async function rollBack(rig, there) {
  const file = fileOf(rollbackOf(rig.playbook)), out = path.join(path.dirname(file), 'back.json');
  const plan = await oa(['rollback', 'plan', file, '--out', out], there);
  assert.equal(plan.code, 10, plan.stderr);
  const apply = await oa(['rollback', 'apply', out, '--json'], there);
  return { plan, apply };
}
const home = (rig) => ({ stateDir: path.join(scratch('home'), 'state'), env: rig.env ?? {}, ms: 60000 });
/** A cutover that holds half of the traffic: {running, run, there}. */
async function underWay(rig, cwd) {
  const there = { ...home(rig), cwd }, file = fileOf(rig.playbook.replace(stages, 'stages: [50%, 100%]\n').replace('bake: 200ms', 'bake: 60s')), out = path.join(path.dirname(file), 'plan.json');
  const plan = await oa(['cutover', 'plan', file, '--out', out], there);
  assert.equal(plan.code, 10, plan.stderr);
  const running = new Running(OA_BIN, ['cutover', 'apply', out, '--json'], { folder: path.dirname(file), cwd, env: cleanEnv({ HOME: path.dirname(file), OA_STREAM_STATE_DIR: there.stateDir, ...rig.env }) });
  await running.until(({ stderr }) => stderr.includes('stage 50%'), 'the stage of 50%', 60000);
  return { running, run: fs.readdirSync(path.join(there.stateDir, 'runs'))[0], there };
}

/** Types a command that was printed, in `folder`. */
async function typed(line, there, folder) {
  const shell = new Running('sh', ['-c', line.replace(/^oa-stream /, `'${OA_BIN}' `)], { folder, cwd: folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: there.stateDir, ...there.env }) });
  return { ...await shell.end(60000), stdout: shell.stdout, stderr: shell.stderr };
}
const command = (next) => next.split('; by hand: ')[0];

/** Others set a split after the run died, or before it was to end: every suggested next step leads on, until all is home. */
async function leadsHome(rig, driver, weights, { dies = true } = {}) {
  const { running, run, there } = await underWay(rig);
  if (dies) await running.kill();
  await rig.others(weights);
  if (!dies) assert.equal((await running.stop(60000)).code, 8, running.stderr);
  const refused = await oa(['rollback', 'apply', '--json'], there);
  assert.equal(refused.code, 8, refused.stderr);
  const status = async () => (await oa(['cutover', 'status', '--json'], there)).json().runs.find((one) => one.run === run);
  const plan = command(refused.json().next);
  assert.match(plan, new RegExp(`^oa-stream rollback plan rollback-${driver} --set .*--out back\\.json$`));
  assert.doesNotMatch(plan, /…/, 'every required setting is known');
  assert.equal((await status()).next, plan);

  const folder = scratch('typed');
  const planned = await typed(plan, there, folder);
  assert.equal(planned.code, 10, planned.stderr);
  const applied = await typed('oa-stream rollback apply back.json', there, folder);
  assert.equal(applied.code, 0, applied.stderr + applied.stdout);
  assert.deepEqual((await rig.state()).split, { stable: 100, canary: 0 });
  const last = (await status()).next;
  assert.equal(last, `oa-stream rollback apply --run ${run}`);
  assert.equal((await oa(['runs', 'show', run, '--json'], there)).json().next, last, 'each view names the same');
  const [, listed] = (await oa(['runs', 'list', '--json'], there)).json().runs;
  assert.deepEqual([listed.id, listed.next], [run, last]);
  assert.match((await oa(['runs', 'list'], there)).stdout, new RegExp(`^${run} .* not verified$`, 'm'));
  assert.equal((await typed(last, there, folder)).code, 0);
  assert.equal((await oa(['cutover', 'status'], there)).code, 0);
}

/** Others set a split after the run died, and then what served before: the suggested plan has nothing to do. */
async function nothingLeft(rig, driver) {
  const { running, run, there } = await underWay(rig);
  await running.kill();
  await rig.others({ stable: 33, canary: 17 });
  const refused = await oa(['rollback', 'apply', '--json'], there);
  assert.equal(refused.code, 8, refused.stderr);
  await rig.others({ stable: 100, canary: 0 });
  const plan = command(refused.json().next);
  assert.match(plan, new RegExp(`^oa-stream rollback plan rollback-${driver} `));
  const folder = scratch('typed');
  const planned = await typed(plan, there, folder);
  assert.equal(planned.code, 0, planned.stderr);
  const [, end] = /nothing to change next: (.*)\n$/.exec(planned.stderr.replaceAll('\n  ', ' ')) ?? [];
  assert.equal(end, `oa-stream rollback apply --run ${run}`, planned.stderr);
  assert.equal((await typed(end, there, folder)).code, 0);
  assert.equal((await oa(['cutover', 'status'], there)).code, 0);
}

describe('HAProxy', () => {
  let rig;
  before(async () => { rig = await haproxyRig(); });
  after(() => rig?.stop());

  test('a split that others set after the run died: each next step leads on', () => leadsHome(rig, 'haproxy', { stable: 33, canary: 17 }));
  test('the same of a run that ended with exit code 8', () => leadsHome(rig, 'haproxy', { stable: 33, canary: 17 }, { dies: false }));

  for (const weights of [{ stable: 90, canary: 40 }, { stable: 0, canary: 0 }]) {
    test(`weights of ${weights.stable} and ${weights.canary} are named, and rolled back`, async () => {
      await rig.others(weights);
      const there = home(rig);
      const cutover = await oa(['cutover', 'plan', fileOf(rig.playbook)], there);
      assert.equal(cutover.code, 6, cutover.stdout);
      assert.match(cutover.stderr, /no stage can begin from this: .*(stable 90, canary 40|stable 0, canary 0).*rollback plan/);
      const { plan, apply } = await rollBack(rig, there);
      assert.match(plan.stdout, /warning: what serves now is not a split in whole percents: .*(stable 90, canary 40|stable 0, canary 0)/);
      assert.equal(apply.code, 0, apply.stderr + apply.stdout);
      assert.deepEqual((await rig.state()).split, { stable: 100, canary: 0 });
      assert.equal((await oa(['cutover', 'status'], there)).code, 0);
    });
  }
});

describe('what became of stable', () => {
  let rig;
  before(async () => { rig = await haproxyRig(); });
  after(() => rig?.stop());
  const replaceStable = async (revision) => {
    const listen = new URL(rig.lanes.stable.base).host;
    await rig.lanes.stable.stop();
    rig.lanes.stable = await startLane({ name: 'stable', listen, args: ['--revision', revision] });
    await seen(rig.lanes.stable, 'UP');
  };
  const seen = (process, status) => process.until(
    () => runtime(rig.peers[0].slice('unix:'.length), 'show stat').then((rows) => new RegExp(`^chat,stable,.*,${status},`, 'm').test(rows)), `HAProxy sees that stable is ${status}`);

  test('a rollback of a run that ended well, and a planned one, move nobody there', async () => {
    const there = home(rig), file = fileOf(rig.playbook), out = path.join(path.dirname(file), 'plan.json');
    assert.equal((await oa(['cutover', 'plan', file, '--out', out], there)).code, 10);
    const over = await oa(['cutover', 'apply', out, '--json'], there);
    assert.equal(over.code, 0, over.stderr);
    await replaceStable('r8');
    for (const args of [['apply', '--run', over.json().run], ['plan', fileOf(rollbackOf(rig.playbook))]]) {
      const refused = await oa(['rollback', ...args], there);
      assert.equal(refused.code, 6, refused.stderr + refused.stdout);
      assert.match(refused.stderr.replace(/\s+/g, ' '), /r8 answers at the address of stable, .* name it as stable: oa-stream .*rollback plan rollback-haproxy/);
      assert.deepEqual((await rig.state()).split, { stable: 0, canary: 100 });
    }
    await replaceStable('stable');
    const back = await oa(['rollback', 'apply', '--run', over.json().run], there);
    assert.equal(back.code, 0, back.stderr);
  });

  test('a run that died is rolled back all the same, and its next step is not the same for ever', async () => {
    const { running, run, there } = await underWay({ ...rig, playbook: rig.playbook.replace('restore: 20s', 'restore: 2s') });
    await running.kill();
    await replaceStable('r8');
    const back = await oa(['rollback', 'apply', '--run', run, '--json'], there);
    assert.equal(back.code, 8, back.stderr);
    assert.match(back.json().next, new RegExp(`cutover abandon --run ${run}$`));
    assert.equal((await oa(['cutover', 'status', '--run', run, '--json'], there)).json().runs[0].next, back.json().next);
    await replaceStable('stable');
    assert.equal((await oa(['rollback', 'apply', '--run', run], there)).code, 0);
  });

  test('a planned rollback that has nothing to change is not refused for who has the users', async () => {
    await replaceStable('r8');
    const plan = await oa(['rollback', 'plan', fileOf(rollbackOf(rig.playbook))], home(rig));
    assert.equal(plan.code, 0, plan.stderr);
    assert.match(plan.stdout, /nothing to change: canary 0%, stable 100%/);
  });

  test('a planned rollback that has nothing to change warns that stable is down', async () => {
    await rig.lanes.stable.kill();
    await seen(rig.lanes.canary, 'DOWN');
    const plan = await oa(['rollback', 'plan', fileOf(rollbackOf(rig.playbook))], home(rig));
    assert.equal(plan.code, 0, plan.stderr);
    assert.match(plan.stdout, /^warning: canary 0%, stable 100% serves, but stable is DOWN .*: it gets no share$/m);
  });
});

describe('the local front door', () => {
  let rig;
  before(async () => { rig = await localRig(); });
  after(() => rig?.stop());

  test('a split that others set after the run died: each next step leads on', () => leadsHome(rig, 'local', { stable: 2, canary: 1 }));
  test('and when others have also undone it: the plan with nothing to change names what ends the run', () => nothingLeft(rig, 'local'));

  test('from another folder a relative socket is another door: it is left alone, and the next step leads to the run\'s own', async () => {
    const other = await startFront(['--backend', `stable=${rig.lanes.stable.base}`, '--backend', `canary=${rig.lanes.canary.base}`, '--weights', 'stable=100,canary=0']);
    const [ops, elsewhere] = [['ops', rig.peers[0].slice('unix:'.length)], ['elsewhere', other.socket]].map(([name, socket]) => {
      const folder = fs.realpathSync(scratch(name));
      fs.symlinkSync(socket, path.join(folder, 'door.sock'));
      return folder;
    });
    const { running, run, there } = await underWay({ ...rig, playbook: rig.playbook.replace(/socket: .*sock/, 'socket: door.sock') }, ops);
    await running.kill();
    for (const [cwd, weights] of [[elsewhere, { stable: 100, canary: 0 }], [elsewhere, { stable: 50, canary: 50 }], [elsewhere, { stable: 33, canary: 17 }], [scratch('empty'), null]]) {
      if (weights) await other.setWeights(weights);
      const refused = await oa(['rollback', 'apply'], { ...there, cwd });
      const said = refused.stderr.replace(/\s+/g, ' ');
      assert.equal(refused.code, 6, said + refused.stdout);
      assert.match(said, /the plan is for local:\S+, and here its settings lead to local:\//);
      assert.ok(said.includes(`cd ${ops} && oa-stream rollback apply --run ${run}`), said);
      if (weights) assert.deepEqual(await other.weights(), weights);
      assert.deepEqual((await rig.state()).split, { stable: 50, canary: 50 });
      assert.equal((await oa(['cutover', 'status'], there)).code, 8);
    }
    // From another state directory the run is named by its folder, and what was asked for stays.
    const folder = path.join(there.stateDir, 'runs', run), far = { ...home(rig), cwd: elsewhere };
    const over = await oa(['rollback', 'apply', '--run', folder, '--take-over'], far);
    assert.deepEqual([over.code, over.stderr.replace(/\s+/g, ' ').includes(`rollback apply --run ${folder} --take-over`)], [6, true], over.stderr);
    // No folder leads to the door any more: the next step does not lead back here.
    fs.renameSync(ops, `${ops}.away`);
    const lost = (await oa(['rollback', 'apply'], { ...there, cwd: elsewhere })).stderr.replace(/\s+/g, ' ');
    assert.match(lost, new RegExp(`oa-stream rollback plan rollback-local .* restores stable, .* oa-stream cutover abandon --run ${run} ends the run`));
    fs.renameSync(`${ops}.away`, ops);
    const back = await typed(`cd ${ops} && '${OA_BIN}' rollback apply --run ${run}`, there, scratch('typed'));
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual((await rig.state()).split, { stable: 100, canary: 0 });
    assert.deepEqual(await other.weights(), { stable: 33, canary: 17 });
    await other.stop();
  });

  test('weights that are no whole percents are rolled back', async () => {
    await rig.others({ stable: 2, canary: 1 });
    const { apply } = await rollBack(rig, home(rig));
    assert.equal(apply.code, 0, apply.stderr + apply.stdout);
    assert.deepEqual((await rig.state()).split, { stable: 100, canary: 0 });
  });
});

describe('Cloud Run', () => {
  let rig;
  before(async () => { rig = await cloudRunRig(); });
  after(() => rig?.stop());

  test('somebody\'s deployment fails in the middle of a cutover: the rollback is written and verified', async () => {
    const { running, run, there } = await underWay(rig);
    await rig.arrange({ deployment_fails: 'The user-provided container failed to start.' });
    running.signal('SIGTERM');
    assert.equal((await running.end(60000)).code, 7, running.stderr);
    assert.deepEqual((await rig.state()).split, { stable: 100, canary: 0 });
    const status = await oa(['cutover', 'status', '--run', run], there);
    assert.equal(status.code, 0, status.stdout);
  });

  test('an emergency rollback begins after a deployment that failed, in the platform\'s own words', async () => {
    await rig.others({ stable: 40, canary: 60 });
    await rig.arrange({ deployment_fails: 'Revision lane-9 is not ready.' });
    const { plan, apply } = await rollBack(rig, home(rig));
    assert.match(plan.stdout, /warning: the platform reports: Revision lane-9 is not ready\./);
    assert.equal(apply.code, 0, apply.stderr + apply.stdout);
    assert.deepEqual((await rig.state()).split, { stable: 100, canary: 0 });
  });

  test('tags that others added stay, one of a deleted revision is left out and named', async () => {
    const entry = (revision, percent, tag) => ({ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision, ...(percent ? { percent } : {}), ...(tag ? { tag } : {}) });
    await rig.arrange({ revisions: { stable: true, canary: true, old: true }, traffic: [entry('stable', 100), entry('canary', 0, 'green'), entry('stable', 0, 'blue'), entry('old', 0, 'was')] });
    const { running, there } = await underWay(rig);
    await running.kill();
    const now = (await rig.state()).exact;
    await rig.arrange({ traffic: [...now, entry('stable', 0, 'debug')] });
    await rig.arrange({ revisions: { stable: true, canary: true } });
    const back = await oa(['rollback', 'apply', '--json'], there);
    assert.equal(back.code, 0, back.stderr + back.stdout);
    assert.match(back.json().notes.join('\n'), /Left out, because it is gone: revision old \(tag was\)\./);
    assert.deepEqual((await rig.state()).exact, [entry('stable', 100), entry('canary', 0, 'green'), entry('stable', 0, 'blue'), entry('stable', 0, 'debug')]);
  });
});

describe('a command driver', () => {
  let rig;
  before(async () => { rig = await commandRig(); });
  after(() => rig?.stop());

  /** The rig's program, which for once sets other weights than it was asked for, and ends as `exit` says. */
  const careless = (weights, exit) => rig.playbook.replace(/^ {2}set: \["([^"]+)"\]$/m, (_, program) => {
    const file = path.join(scratch('careless'), 'set'), once = path.join(path.dirname(file), 'done');
    fs.writeFileSync(file, `#!/bin/sh
[ ! -e '${once}' ] || exec '${program}'
sed 's/"target":{[^}]*}/"target":${JSON.stringify(weights)}/' | '${program}' || exit
touch '${once}'
exit ${exit}
`, { mode: 0o755 });
    return `  set: ["${file}"]`;
  });
  test('a set that comes out beyond its target is left alone, and the next step for a person ends the run', async () => {
    const there = home(rig), folder = scratch('beyond'), out = path.join(folder, 'plan.json');
    const file = fileOf(careless({ stable: 5, canary: 95 }, 0).replace(stages, 'stages: [5%, 100%]\n').replace('restore: 20s', 'restore: 5s, shift: 3s'));
    assert.equal((await oa(['cutover', 'plan', file, '--out', out], there)).code, 10);
    const apply = await oa(['cutover', 'apply', out, '--json'], there);
    assert.equal(apply.code, 8, apply.stderr + apply.stdout);
    assert.match(apply.stdout, /the machinery made another split of the last write, or somebody else changed the traffic/);
    assert.deepEqual((await rig.state()).split, { stable: 5, canary: 95 });
    const { run, next } = apply.json();
    assert.match(next, new RegExp(`^by hand: .* && oa-stream rollback apply --run ${run}$`));
    assert.equal((await oa(['rollback', 'apply', '--json'], there)).json().next, next);
    assert.equal((await oa(['cutover', 'status', '--json'], there)).json().runs[0].next, next);
    assert.equal((await oa(['runs', 'show', run, '--json'], there)).json().next, next);
    const shell = await typed(next.slice('by hand: '.length).replace('&& oa-stream ', `&& '${OA_BIN}' `), there, folder);
    assert.equal(shell.code, 0, shell.stderr);
    assert.deepEqual((await rig.state()).split, { stable: 100, canary: 0 });
    assert.equal((await oa(['cutover', 'status'], there)).code, 0);
  });
  for (const [what, exit] of [['and says yes', 0], ['and refuses', 110], ['and fails', 1]]) {
    test(`a set that comes true in part ${what} is ours: it goes back, exit 7`, async () => {
      const there = home(rig), file = fileOf(careless({ stable: 75, canary: 25 }, exit).replace(stages, 'stages: [50%, 100%]\n').replace('restore: 20s', 'restore: 20s, shift: 3s')), out = path.join(path.dirname(file), 'plan.json');
      assert.equal((await oa(['cutover', 'plan', file, '--out', out], there)).code, 10);
      const apply = await oa(['cutover', 'apply', out, '--json'], there);
      assert.equal(apply.code, 7, apply.stderr + apply.stdout);
      assert.doesNotMatch(apply.stdout, /somebody else changed|no traffic was moved/);
      assert.deepEqual((await rig.state()).split, { stable: 100, canary: 0 });
    });
  }
});
