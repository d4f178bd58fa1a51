// incident body without a run's name: the run that matters, not the newest; by time, by alert.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { handmadeRun, oa, scratch } from '../lib/process.mjs';

const HOUR = 3600_000;

/** A finished run of a kind that began so many hours ago. */
function made(state, kind, hours, more = {}) {
  const started = new Date(Date.now() - hours * HOUR);
  const id = `${started.toISOString().replace(/[-:]/g, '').replace(/\..*/, 'Z')}-${kind}-${String(fs.readdirSync(path.join(state, 'runs')).length).padStart(8, '0')}`;
  const folder = handmadeRun(path.join(state, 'runs', id));
  fs.mkdirSync(folder, { recursive: true });
  const document = { schema: 'oa-stream.run.v1', run: id, kind, name: kind, mutates: kind === 'cutover' || kind === 'rollback', started_at: started.toISOString(), ended: 'completed', verdict: 'PASS', exit_code: 0, checks: [], ...more };
  fs.writeFileSync(path.join(folder, 'run.json'), JSON.stringify(document));
  fs.writeFileSync(path.join(folder, 'SHA256SUMS'), '');
  return id;
}
const BACK = { ended: 'rolled_back', verdict: 'FAIL', exit_code: 7 };
const FAIL = { verdict: 'FAIL', exit_code: 1 };
function state() {
  const folder = scratch('state');
  fs.mkdirSync(path.join(folder, 'runs'), { recursive: true });
  return folder;
}
const body = async (stateDir, ...args) => {
  const run = await oa(['incident', 'body', ...args, '--json'], { stateDir });
  return { code: run.code, stderr: run.stderr, ...(run.code === 0 ? run.json() : {}) };
};

test('the newest that failed or was rolled back is taken, and neither a diagnosis made afterwards nor a later PASS', async () => {
  const at = state();
  made(at, 'cutover', 90, BACK);
  const wanted = made(at, 'cutover', 5, BACK);
  made(at, 'smoke-stream', 4, FAIL);
  made(at, 'slo-gate', 3, FAIL);
  made(at, 'cutover', 2, { ended: 'refused', verdict: 'ERROR', exit_code: 6 });
  const last = made(at, 'steady-state', 1);
  const told = await body(at);
  assert.equal(told.run, wanted);
  assert.match(told.chosen, /the newest that failed or was rolled back/);
  const spoken = await oa(['incident', 'body'], { stateDir: at });
  assert.match(spoken.stderr, new RegExp(`^${wanted}, the newest that failed or was rolled back$`, 'm'));
  const named = await body(at, 'last');
  assert.deepEqual([named.run, named.chosen], [last, '']);

  // A day later, a smoke that fails is what happened.
  const later = state();
  made(later, 'cutover', 40, BACK);
  const smoke = made(later, 'smoke-stream', 4, FAIL);
  assert.equal((await body(later)).run, smoke);
});

test('a smoke that verify ran is a verification, one that somebody typed is not', async () => {
  const at = state();
  made(at, 'steady-state', 300);
  const verified = made(at, 'smoke-stream', 200);
  fs.writeFileSync(path.join(at, 'runs', verified, 'plan.json'), '{}');
  made(at, 'smoke-stream', 100);
  assert.equal((await body(at, '--alert', 'OaStreamVerificationStale')).run, verified);
});

test('--since leaves out checks that a timer repeats before it leaves out what changed traffic', async () => {
  const at = state();
  const cause = made(at, 'cutover', 23, BACK);
  for (let n = 0; n < 40; n++) made(at, 'steady-state', 22 - n / 2, FAIL);
  const told = await body(at, '--since', '24h');
  assert.match(told.chosen, /32 of 41 runs/);
  assert.match(told.body, new RegExp(cause));
});

test('a cutover that moved nothing explains no alert, and does not come before runs that moved', async () => {
  const at = state();
  const moved = made(at, 'cutover', 23, { ...BACK, mutated: true });
  const fine = made(at, 'cutover', 22.5, { mutated: true });
  made(at, 'cutover', 4, { mutated: false });
  for (let n = 0; n < 40; n++) made(at, 'cutover', 22 - n / 4, { ...FAIL, ended: 'failed', mutated: false });
  made(at, 'cutover', 2, { ended: 'refused', verdict: 'ERROR', exit_code: 6 });
  assert.equal((await body(at, '--alert', 'OaStream5xxHigh')).run, moved);
  assert.match((await body(at, '--since', '24h')).body, new RegExp(moved));
  fs.rmSync(path.join(at, 'runs', moved), { recursive: true });
  assert.equal((await body(at, '--alert', 'OaStream5xxHigh')).run, fine);
  fs.rmSync(path.join(at, 'runs', fine), { recursive: true });
  assert.match((await body(at, '--alert', 'OaStream5xxHigh')).stderr, /no run here can explain/);
});

test('--since takes all that failed since, --alert the run that it is about; what does not fit is refused', async () => {
  const at = state();
  made(at, 'cutover', 90, BACK);
  const verified = made(at, 'steady-state', 50);
  const unverified = made(at, 'rollback', 30, { ended: 'rollback_unverified', verdict: 'ERROR', exit_code: 8 });
  const first = made(at, 'cutover', 20, BACK);
  const second = made(at, 'cutover', 5, BACK);
  made(at, 'load', 4, FAIL);
  const all = await body(at, '--since', '24h');
  assert.match(all.body, new RegExp(first));
  assert.match(all.body, new RegExp(second));
  assert.doesNotMatch(all.body, new RegExp(unverified));
  assert.match(all.chosen, /2 of 2 runs/);
  for (const [alert, run] of [['OaStream5xxHigh', second], ['OaStreamVerificationStale', verified], ['OaStreamRunUnverified', unverified]]) {
    const told = await body(at, '--alert', alert);
    assert.equal(told.run, run, alert);
    assert.match(told.title, new RegExp(`^${alert} after ${run}`));
  }
  for (const [args, words] of [
    [['--alert', 'OaStream5xxHgh'], /did you mean 'OaStream5xxHigh'/],
    [['--alert', 'Nonesuch'], /no alert is called 'Nonesuch' \(oa-stream slo rules --out rules writes all of them\)/],
    [['--since', '1h'], /no run of that time failed/],
    [['--since', '1h', '--alert', 'OaStream5xxHigh'], /no run here can explain/],
    [['last', '--since', '1h'], /runs are named already/],
  ]) {
    const refused = await body(at, ...args);
    assert.equal(refused.code, 2, args.join(' '));
    assert.match(refused.stderr, words);
  }
  // Nothing went wrong: the newest change is what users may have felt.
  const quiet = state();
  const changed = made(quiet, 'cutover', 3);
  const newest = made(quiet, 'steady-state', 1);
  assert.equal((await body(quiet, '--alert', 'OaStreamBudgetBurn1h')).run, changed);
  const told = await body(quiet);
  assert.equal(told.run, newest);
  assert.match(told.chosen, /no run failed or was rolled back/);
});
