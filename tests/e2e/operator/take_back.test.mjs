// `rollback apply --run ID` after a SIGKILL: with a journal that was damaged, with a fault still planted, and
// for runs that have nothing to take back.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { localRig } from '../lib/cutover/crash_rigs.mjs';
import { OA_BIN, Running, cleanEnv, handmadeRun, oa, scratch } from '../lib/process.mjs';

/** The operator's own program of commandRig(), which moves the door of localRig() as well. */
const SPLIT = fileURLToPath(new URL('../lib/cutover/split.sh', import.meta.url));
const onlyRun = (state) => fs.readdirSync(path.join(state, 'runs')).filter((name) => !name.startsWith('.'))[0];
/** Every file of a folder with its bytes and its time of change. */
const whole = (folder) => Object.fromEntries(fs.readdirSync(folder, { recursive: true }).sort().map((name) => {
  const file = path.join(folder, name), { mtimeMs } = fs.statSync(file);
  return [name, [mtimeMs, fs.statSync(file).isFile() ? fs.readFileSync(file, 'utf8') : '']];
}));

const plan_ = Symbol('plan'), file_ = Symbol('file');
let rig, faults;
before(async () => {
  faults = path.join(scratch('faults'), 'faults');
  fs.writeFileSync(faults, '');
  rig = await localRig({ canaryArgs: ['--inject-file', faults] });
});
afterEach(() => rig.others({ stable: 100, canary: 0 }));
after(() => rig?.stop());
const split = async () => (await rig.state()).split;

/** Killed in the bake of its stage of 50 %; {there, state, run, folder}. */
async function dieAtHalf(text, words) {
  const home = scratch('dead'), state = path.join(home, 'state'), file = path.join(home, 'playbook.yaml'), plan = path.join(home, 'plan.json');
  fs.writeFileSync(file, text.replace('bake: 200ms', 'bake: 60s'));
  const there = { stateDir: state };
  if (words.includes(plan_)) assert.equal((await oa(['cutover', 'plan', file, '--out', plan], there)).code, 10);
  const dying = new Running(OA_BIN, words.map((word) => ({ [plan_]: plan, [file_]: file })[word] ?? word),
    { name: 'dying', folder: home, env: cleanEnv({ HOME: home, OA_STREAM_STATE_DIR: state }) });
  await dying.until(({ stderr }) => stderr.includes('stage 50%'), 'the stage of 50%', 60000);
  await new Promise((done) => { setTimeout(done, 300); });
  await dying.kill();
  assert.deepEqual(await split(), { stable: 50, canary: 50 });
  const run = onlyRun(state);
  return { there, state, run, folder: path.join(state, 'runs', run) };
}
const drill = () => dieAtHalf(rig.playbook.replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*/, 'kind: rollback-drill').replace(/stages: .*/, 'stages: [50%]').replace('at_most: 60%', 'at_most: 95%')
  + 'drill: { fail_at: 50%, fault: error-rate=0.5, recover_within: 20s }\n', ['rollback', 'drill', file_, '--apply', '--inject-file', faults]);
const cutover = () => dieAtHalf(rig.playbook.replace('stages: [0%, 50%', 'stages: [50%'), ['cutover', 'apply', plan_]);

function damage(folder) {
  const file = path.join(handmadeRun(folder), 'journal.ndjson');
  const text = fs.readFileSync(file, 'utf8');
  assert.ok(text.includes('"phase":"intent"'));
  fs.writeFileSync(file, text.replace('"phase":"intent"', '"phase":"inXent"'));
}

describe('a journal of which a line is damaged', () => {
  test('leaves the plan: its splits are ours, and the way back is verified', async () => {
    const { there, run, folder } = await cutover();
    damage(folder);
    const left = await oa(['cutover', 'status', '--json'], there);
    assert.equal(left.code, 8, left.stdout);
    assert.equal(left.json().runs[0].next, `oa-stream rollback apply --run ${run}`);
    const back = await oa(['rollback', 'apply', '--run', run, '--json'], there);
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.json().notes.join('\n'), /The journal cannot be read \(.*journal line \d+.*\): every split of the plan was taken for ours/);
    assert.deepEqual(await split(), { stable: 100, canary: 0 });
    assert.equal((await oa(['cutover', 'status'], there)).code, 0);
  });

  test('and a split that the plan does not have: exit 8 with the way out, and the run has not ended by it', async () => {
    const { there, run, folder } = await cutover();
    damage(folder);
    await rig.others({ stable: 67, canary: 33 });
    const back = await oa(['rollback', 'apply', '--run', run, '--json'], there);
    assert.equal(back.code, 8, back.stderr);
    assert.match(back.json().next, /; by hand: curl /);
    const left = await oa(['cutover', 'status', '--json'], there);
    assert.equal(left.code, 8, left.stdout);
    assert.deepEqual(left.json().runs.map((one) => one.state), ['died']);
    assert.match(left.json().runs[0].next, /^oa-stream rollback plan rollback-local --set .* --out back\.json$/);
    await rig.others({ stable: 100, canary: 0 });
    assert.equal((await oa(['rollback', 'apply', '--run', run], there)).code, 0);
    assert.equal((await oa(['cutover', 'status'], there)).code, 0);
  });
});

describe('a drill that was killed with its fault planted', () => {
  const fault = ({ checks }) => checks.find(({ id }) => id === 'rollback.fault');

  test('its fault is named, and taken out: the file is as it was before', async () => {
    fs.writeFileSync(faults, 'latency=1ms');
    const { there, run, folder } = await drill();
    assert.equal(fs.readFileSync(faults, 'utf8'), 'latency=1ms\nerror-rate=0.5\n');
    const left = await oa(['cutover', 'status', '--json'], there);
    assert.equal(left.json().runs[0].fault, `error-rate=0.5 in ${faults}`);
    const back = await oa(['rollback', 'apply', '--run', run, '--json'], there);
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual([fault(back.json()).verdict, fault(back.json()).detail], ['PASS', `error-rate=0.5 is out of ${faults} again`]);
    assert.equal(fs.readFileSync(faults, 'utf8'), 'latency=1ms');
    assert.equal((await oa(['cutover', 'status'], there)).code, 0);
    const again = await oa(['rollback', 'apply', '--run', run, '--json'], there);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(fault(again.json()), undefined, 'nothing is planted any more');
    assert.ok(fs.existsSync(path.join(folder, 'faults.json')));
  });

  test('a file that somebody changed since is left alone: exit 8 until the fault is out of it', async () => {
    fs.writeFileSync(faults, '');
    const { there, run } = await drill();
    fs.appendFileSync(faults, 'latency=1ms\n');
    const back = await oa(['rollback', 'apply', '--run', run, '--json'], there);
    assert.equal(back.code, 8, back.stderr);
    assert.match(fault(back.json()).detail, /^\S+ changed after error-rate=0\.5 was injected: remove that line yourself$/);
    assert.match(back.json().headline, /stable=100|stable 100%.*A planted fault is left: /);
    assert.equal(fs.readFileSync(faults, 'utf8'), 'error-rate=0.5\nlatency=1ms\n');
    assert.deepEqual(await split(), { stable: 100, canary: 0 });
    const left = await oa(['cutover', 'status'], there);
    assert.equal(left.code, 8, left.stdout);
    assert.match(left.stdout, /fault +error-rate=0\.5 in /);
    assert.match(left.stderr, new RegExp(`next: oa-stream rollback apply --run ${run}`));
    fs.writeFileSync(faults, 'latency=1ms\n');
    assert.equal((await oa(['rollback', 'apply', '--run', run], there)).code, 0);
    assert.equal(fs.readFileSync(faults, 'utf8'), 'latency=1ms\n');
    assert.equal((await oa(['cutover', 'status'], there)).code, 0);
  });

  test('a fault that cannot be taken out is no good end of a drill', async () => {
    fs.writeFileSync(faults, '');
    const home = scratch('drill'), file = path.join(home, 'drill.yaml'), there = { stateDir: path.join(home, 'state'), ms: 60000 };
    fs.writeFileSync(file, rig.playbook.replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*/, 'kind: rollback-drill').replace(/stages: .*/, 'stages: [50%]').replace('unpinned: 10/s', 'unpinned: 40/s')
      .replace('at_most: 60%, confidence: 80%', 'at_most: 95%, confidence: 95%') // so many probes take some seconds, in which the file is changed
      .replace('bake: 200ms', 'bake: 10s').replace('extend_at_most: 4s', 'extend_at_most: 10s') + 'drill: { fail_at: 50%, fault: error-rate=1, recover_within: 20s }\n');
    const run = new Running(OA_BIN, ['rollback', 'drill', file, '--apply', '--inject-file', faults, '--json'], { name: 'drill', folder: home, env: cleanEnv({ HOME: home, OA_STREAM_STATE_DIR: there.stateDir }) });
    await run.until(() => fs.readFileSync(faults, 'utf8') !== '', 'the fault');
    fs.appendFileSync(faults, 'latency=1ms\n');
    assert.equal((await run.end(60000)).code, 8, run.stderr);
    const { next, headline } = JSON.parse(run.stdout);
    assert.match(headline, /A planted fault is left: \S+ changed after /);
    assert.match(next, /^oa-stream rollback apply --run /);
    fs.writeFileSync(faults, '');
    assert.equal((await oa(next.split(' ').slice(1), there)).code, 0);
  });
});

describe('a run that moved nothing has nothing to take back: exit 6, and its folder stays as it is', () => {
  const file = () => {
    const home = scratch('idle'), playbook = path.join(home, 'cutover.yaml');
    fs.writeFileSync(playbook, rig.playbook);
    return { home, playbook, there: { stateDir: path.join(home, 'state'), ms: 60000 } };
  };
  async function refused(there, run, why) {
    const folder = path.join(there.stateDir, 'runs', run), before = whole(folder), serves = await split();
    const back = await oa(['rollback', 'apply', '--run', run], there);
    assert.equal(back.code, 6, back.stdout + back.stderr);
    assert.match(back.stderr, why);
    assert.deepEqual(whole(folder), before);
    assert.deepEqual(await split(), serves);
  }

  test('a dry run that passed', async () => {
    const { playbook, there } = file();
    const dry = await oa(['cutover', 'rehearse', playbook, '--json'], there);
    assert.equal(dry.code, 0, dry.stderr);
    await refused(there, dry.json().run, /this was a dry run, which moved no traffic: there is nothing to roll back/);
  });

  test('a verification', async () => {
    const { there } = file();
    const verified = await oa(['verify', 'smoke-stream', '--set', `base_url=${rig.lanes.stable.base}`, '--json'], there);
    await refused(there, verified.json().run, /a run of kind smoke-stream moves no traffic: there is nothing to roll back/);
  });

  test('an apply that was refused', async () => {
    const { home, playbook, there } = file();
    const plan = path.join(home, 'plan.json');
    assert.equal((await oa(['cutover', 'plan', playbook, '--out', plan], there)).code, 10);
    await rig.others({ stable: 90, canary: 10 });
    const drifted = await oa(['cutover', 'apply', plan, '--json'], there);
    assert.equal(drifted.code, 6, drifted.stderr);
    await refused(there, drifted.json().run, /this run ended before it moved any traffic: there is nothing to roll back/);
  });

  test('an apply that is refused while the rollback waits for it: the split that others set stays', async () => {
    const { home, playbook, there } = file(), plan = path.join(home, 'plan.json');
    const [program, held, reading] = ['program', 'held', 'reading'].map((name) => path.join(home, name));
    fs.writeFileSync(program, `#!/bin/sh\nif [ -e ${held} ]; then : >${reading}; fi\nwhile [ -e ${held} ]; do sleep 0.1; done\nexec ${SPLIT}\n`, { mode: 0o755 });
    fs.writeFileSync(playbook, rig.playbook.replace(/driver: local\n( +)socket: (.*)\n +base_url: .*\n/, `driver: command\n$1endpoint: $2\n$1read: [${program}]\n$1set: [${program}]\n`));
    assert.equal((await oa(['cutover', 'plan', playbook, '--out', plan], there)).code, 10);
    await rig.others({ stable: 50, canary: 50 }); // the plan has it, too
    fs.writeFileSync(held, '');
    const begin = (...words) => new Running(OA_BIN, words, { name: words[0], folder: scratch(words[0]), env: cleanEnv({ HOME: home, OA_STREAM_STATE_DIR: there.stateDir }) });
    const applying = begin('cutover', 'apply', plan, '--json', '--non-interactive');
    await applying.until(() => fs.existsSync(reading), 'its first look', 60000);
    const run = onlyRun(there.stateDir), back = begin('rollback', 'apply', '--run', run);
    await back.until(({ stderr }) => /is under way in process \d+: asked it to roll back/.test(stderr), 'the order', 60000);
    fs.rmSync(held);
    assert.equal((await applying.end(60000)).code, 6, applying.stderr);
    assert.equal((await back.end(60000)).code, 6, back.stderr);
    assert.match(back.stderr, /this run ended before it moved any traffic: there is nothing to roll back/);
    assert.deepEqual(await split(), { stable: 50, canary: 50 });
    assert.equal(fs.readFileSync(path.join(there.stateDir, 'runs', run, 'journal.ndjson'), 'utf8'), '');
  });

  test('an apply that died before its first journal line; a cutover after it stays', async () => {
    const { home, playbook, there } = file(), plan = path.join(home, 'plan.json');
    assert.equal((await oa(['cutover', 'plan', playbook, '--out', plan], there)).code, 10);
    const over = await oa(['cutover', 'apply', plan, '--json'], there);
    assert.equal(over.code, 0, over.stderr);
    const run = '20260101T000000Z-cutover-0a1b2c3d', folder = handmadeRun(path.join(there.stateDir, 'runs', run)), shows = `oa-stream runs show ${run}`;
    fs.mkdirSync(folder);
    fs.copyFileSync(path.join(over.json().evidence, 'plan.json'), path.join(folder, 'plan.json'));
    fs.writeFileSync(path.join(folder, 'journal.ndjson'), '');
    const status = await oa(['cutover', 'status', '--run', run], there);
    assert.equal(status.code, 0, status.stderr);
    assert.match(status.stdout, new RegExp(`\n  left +nothing: it moved no traffic\n  next +${shows}\n$`));
    const [one, after] = await Promise.all([run, over.json().run].map(async (name) => (await oa(['cutover', 'status', '--run', name, '--json'], there)).json().runs[0]));
    assert.deepEqual([one.state, one.left, after.state, after.left], ['died', 'nothing', 'ended', null]);
    await refused(there, run, /this run ended before it moved any traffic: there is nothing to roll back/);
    assert.deepEqual(await split(), { stable: 0, canary: 100 });
  });

  test('a rehearsal on lanes of its own that died', async () => {
    const { home, there } = file();
    const dying = new Running(OA_BIN, ['cutover', 'rehearse', '--local', '--bake', '3s'], { name: 'dying', folder: home, env: cleanEnv({ HOME: home, OA_STREAM_STATE_DIR: there.stateDir }) });
    await dying.until(({ stderr }) => stderr.includes('stage '), 'a stage', 60000);
    await dying.kill();
    const run = onlyRun(there.stateDir), shows = `oa-stream runs show ${run}`;
    await refused(there, run, new RegExp(`this run moved its own lanes, which ended with it: there is nothing to roll back \\(${shows}\\)`));
    const listed = await oa(['cutover', 'status'], there);
    assert.deepEqual([listed.code, listed.stdout], [0, `no run needs anything in ${there.stateDir}\n`]);
    const status = await oa(['cutover', 'status', '--run', run, '--wait-for', 'done'], there);
    assert.equal(status.code, 1, status.stderr);
    assert.match(status.stdout, new RegExp(`^${run} died\n[^]*\n  left +nothing: its lanes ended with it\n  next +${shows}\n$`));
    assert.match((await oa(['cutover', 'abandon', '--run', run], there)).stderr, new RegExp(`left nothing undone.* \\(${shows}\\)`));
    assert.equal((await oa(['runs', 'show', run], there)).code, 0);
  });
});

test('a run that was judged keeps its verdict when the rollback after it died', async () => {
  const home = scratch('judged'), file = path.join(home, 'cutover.yaml'), plan = path.join(home, 'plan.json'), there = { stateDir: path.join(home, 'state') };
  fs.writeFileSync(file, rig.playbook);
  assert.equal((await oa(['cutover', 'plan', file, '--out', plan], there)).code, 10);
  const { run, evidence } = (await oa(['cutover', 'apply', plan, '--json'], there)).json();
  handmadeRun(evidence);
  const journal = path.join(evidence, 'journal.ndjson'), seq = fs.readFileSync(journal, 'utf8').trim().split('\n').length + 1;
  fs.appendFileSync(journal, `${JSON.stringify({ seq, at: new Date().toISOString(), phase: 'resumed', step: 'rollback' })}\n`);
  assert.equal((await oa(['rollback', 'apply', '--run', run], there)).code, 0);
  const { verdict, rolled_back: back } = JSON.parse(fs.readFileSync(path.join(evidence, 'run.json'), 'utf8'));
  assert.deepEqual([verdict, back.verdict], ['PASS', 'PASS']);
});

test('a blank is no reason: exit 2', async () => {
  for (const words of [['cutover', 'apply', 'plan.json', '--reopen', ' '], ['cutover', 'apply', 'plan.json', '--reopen', '']]) {
    const got = await oa(words);
    assert.equal(got.code, 2, got.stderr);
    assert.match(got.stderr, /--reopen: running a cutover's stages again needs a reason/);
  }
  const { json, stateDir } = await oa(['smoke', 'stream', '--base-url', rig.lanes.stable.base, '--json']);
  const pinned = await oa(['runs', 'pin', json().run, '--reason', ' \t'], { stateDir });
  assert.equal(pinned.code, 2, pinned.stderr);
  assert.match(pinned.stderr, /--reason: the reason is empty/);
});
