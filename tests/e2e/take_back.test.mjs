// `rollback apply --run ID` after a SIGKILL: with a journal that was damaged, with a fault still planted, and
// for runs that have nothing to take back.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { localRig } from './lib/crash_rigs.mjs';
import { OA_BIN, Running, cleanEnv, handmadeRun, oa, scratch } from './lib/process.mjs';

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
  await dying.until(({ stderr }) => stderr.includes('stage 50%'), 'the stage of 50%', 30000);
  await new Promise((done) => { setTimeout(done, 300); });
  await dying.kill();
  assert.deepEqual(await split(), { stable: 50, canary: 50 });
  const run = onlyRun(state);
  return { there, state, run, folder: path.join(state, 'runs', run) };
}
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
    assert.deepEqual(left.json().runs.map((one) => [one.state, one.next]), [['died', `oa-stream rollback apply --run ${run}`]]);
    await rig.others({ stable: 100, canary: 0 });
    assert.equal((await oa(['rollback', 'apply', '--run', run], there)).code, 0);
    assert.equal((await oa(['cutover', 'status'], there)).code, 0);
  });
});
