// What a person is told to type is whole: it can be pasted where it is read.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, cleanEnv, diedRun, oa, scratch } from '../lib/process.mjs';

const last = (text) => text.trimEnd().split('\n').at(-1);
const next = (got) => last(got.stderr).replace(/^.* next: /, '');
/** As a shell of the same person would run it. */
function paste(line) {
  const bin = scratch('bin');
  fs.symlinkSync(OA_BIN, path.join(bin, 'oa-stream'));
  const got = spawnSync('sh', ['-c', line], { encoding: 'utf8', env: cleanEnv({ HOME: bin, PATH: `${bin}:${process.env.PATH}`, PAGER: 'cat' }) });
  return { code: got.status, stdout: got.stdout, stderr: got.stderr };
}
/** A state directory with one run that died with traffic moved. */
function deadState(name = 'sp ace') {
  const state = path.join(scratch('dead'), name), id = '20260101T000000Z-cutover-0a1b2c3d', folder = diedRun(state, id);
  return { state, id, folder };
}

test('a state directory given by flag or config file stands in every command that works on runs', async () => {
  const { state, id } = deadState();
  const config = path.join(scratch('config'), 'config.yaml');
  fs.writeFileSync(config, `version: 1\nall: { state-dir: "${state}" }\n`);
  for (const where of [['--state-dir', state], ['--config', config]]) {
    const look = (...args) => oa([...where, ...args], { stateDir: where[0] === '--config' ? '' : undefined }); // a variable wins over the file
    const here = `oa-stream --state-dir '${state}'`, back = `${here} rollback apply --run ${id}`;
    const status = await look('cutover', 'status');
    assert.equal(status.code, 8);
    assert.equal(next(status), back);
    assert.ok(status.stdout.includes(`  next       ${back}\n`), status.stdout);
    assert.equal((await look('cutover', 'status', '--json')).json().runs[0].next, back);
    assert.equal(next(await look('runs', 'show', id)), back);
    assert.equal((await look('runs', 'show', id, '--json')).json().next, back);
    const gc = await look('runs', 'gc', '--keep', '0');
    assert.ok(gc.stdout.includes(`: ${back}\n`));
    assert.ok(gc.stderr.endsWith(`To remove: ${here} runs gc --keep 0 --apply\n`), gc.stderr);
    const doctor = await look('doctor', '--json');
    assert.equal(doctor.json().checks.find((check) => check.id === `runs.${id}`).data.mend, back);
    assert.ok((await look('doctor')).stdout.includes(`fix: ${back}\n`));
    const unlock = await look('cutover', 'unlock', '--run', id);
    assert.ok(unlock.stdout.includes(`  next       ${back}\n`), unlock.stdout);
    const body = (await look('incident', 'body', id)).stdout;
    assert.ok(body.includes(`\n${here} incident bundle ${id} --out incident.tar.zst\n`), 'look for yourself');
    assert.ok(body.includes(back), 'needs somebody');
    const unknown = await look('runs', 'show', 'nonesuch');
    assert.match(unknown.stderr, new RegExp(`\\(${here} runs list\\)`));
  }
  const pasted = paste(next(await oa(['--state-dir', state, 'cutover', 'status'])));
  assert.doesNotMatch(pasted.stderr, /there is no run/);
  assert.doesNotMatch(next(await oa(['cutover', 'status'], { stateDir: state })), /--state-dir/, 'the reader has the variable, too');
  const service = await oa(['cutover', 'status'], { stateDir: '', env: { STATE_DIRECTORY: state } });
  assert.match(next(service), /^oa-stream --state-dir /, 'systemd gives it to nobody else');
  const first = await oa(['cutover', 'status'], { stateDir: '', env: { STATE_DIRECTORY: `${state}:${scratch('second')}` } });
  assert.equal(next(first), next(service), 'of several folders of a unit it is the first');
});

test('a command to type once more has what was given; a report is named as a shell takes it', async () => {
  const folder = path.join(scratch('smoke'), 'sp ace'), token = path.join(folder, 'tok en'), state = path.join(folder, 'state');
  fs.mkdirSync(folder);
  fs.writeFileSync(token, 'a-token-of-this-test\n', { mode: 0o600 });
  const asked = ['--base-url', 'http://lane.invalid:9', '--auth', `file:${token}`, '--connect-to', '127.0.0.1:1', '--prompt', "it's $HOME, oa-stream doctor, --state-dir?"];
  const smoke = await oa(['smoke', 'stream', ...asked, '--state-dir', state, '--json']);
  assert.equal(smoke.code, 4, smoke.stderr);
  const whole = `oa-stream --state-dir '${state}' smoke stream --base-url http://lane.invalid:9 --auth 'file:${token}' --connect-to 127.0.0.1:1 --prompt 'it'\\''s $HOME, oa-stream doctor, --state-dir?'`;
  assert.equal(smoke.json().next, whole);
  assert.equal(next(smoke), whole);
  const again = paste(whole);
  assert.equal(again.code, 4, again.stderr);
  assert.equal(next(again), whole, 'and again');

  const load = await oa(['load', '--base-url', 'http://127.0.0.1:1', '--auth', `file:${token}`, '--rate', '5/s', '--duration', '1s', '--state-dir', state]);
  assert.ok(next(load).includes(` load --base-url http://127.0.0.1:1 --auth 'file:${token}' --rate 5/s`), load.stderr);
});

test('a terminal of 80 columns shows a command in lines that fit, and that a shell takes as one', async () => {
  const { state, id } = deadState('a state directory with quite a long name, and blanks');
  const line = `stty cols 80; exec ${OA_BIN} --state-dir '${state}' cutover status`;
  const shown = spawnSync('script', ['-qec', line, '/dev/null'], { env: cleanEnv({ HOME: state, TERM: 'xterm' }), encoding: 'utf8', timeout: 60000, input: '' });
  assert.ifError(shown.error);
  const said = shown.stdout.replace(/\x1b\[[\d;]*[mK]/g, '').replaceAll('\r', '');
  const command = said.slice(said.lastIndexOf('next: ') + 'next: '.length).trimEnd();
  assert.ok(command.split('\n').length > 1, said);
  for (const one of command.split('\n')) assert.ok(one.length <= 78 || one.trim().startsWith(`'${state}'`), one);
  const pasted = paste(command);
  assert.notEqual(pasted.code, 127, pasted.stderr);
  assert.match(pasted.stderr, new RegExp(`runs/${id}`), 'the run was found');
});

test('a log that cannot tell is to be looked at, not asked for a longer time', async () => {
  const log = path.join(scratch('log'), 'access.log'), asked = ['slo', 'gate', 'bad: http_5xx | terminal_error <= 1%', '--access-log', log];
  const line = (at) => JSON.stringify({ v: 1, at: new Date(Date.now() + at).toISOString() });
  for (const text of ['', 'damaged\n'.repeat(30), `${line(-1000).slice(0, 20)}\n`.repeat(30)]) {
    fs.writeFileSync(log, text);
    const got = await oa(asked);
    assert.ok([3, 4].includes(got.code), got.stderr);
    assert.equal(next(got), `tail -n 5 ${log}`);
  }
});

test('the files of a run that was moved are named where they are', async () => {
  const { state, folder, id } = deadState();
  fs.writeFileSync(path.join(folder, 'plan.json'), '{"schema":"oa-stream.plan.v1","source":{},"steps":[]}');
  fs.writeFileSync(path.join(folder, 'journal.ndjson'), '');
  fs.writeFileSync(path.join(folder, 'report.md'), 'the report\n');
  const document = JSON.stringify({ kind: 'cutover', verdict: 'FAIL', exit_code: 1, next: `less /once/runs/${id}/report.md`,
    next_parts: [{ program: 'less', globals: [], command: '', arguments: [`/once/runs/${id}/report.md`] }] });
  fs.writeFileSync(path.join(folder, 'run.json'), document);
  fs.writeFileSync(path.join(folder, 'SHA256SUMS'), `${createHash('sha256').update(document).digest('hex')}  run.json\n`);
  const moved = path.join(scratch('moved'), 'some where', id);
  fs.mkdirSync(path.dirname(moved));
  fs.renameSync(folder, moved);
  const shown = await oa(['runs', 'show', moved], { stateDir: state });
  assert.equal(next(shown), `less '${moved}/report.md'`, shown.stderr);
  assert.ok(!`${shown.stdout}${shown.stderr}`.includes('PASS'), 'the run failed, though its files are as sealed');
  assert.equal(paste(next(shown).replace(/^less /, 'cat ')).stdout, 'the report\n'); // a small machine has no less
  fs.rmSync(path.join(moved, 'SHA256SUMS'));
  assert.equal(next(await oa(['runs', 'show', moved], { stateDir: state })), `oa-stream incident body '${moved}'`);
});

test('a refused token is named as it was given; without one a place for it stands there', async () => {
  const lane = await startLane({ env: { OA_STREAM_TOKEN: 'a-key-of-this-test' } });
  for (const kind of ['stream', 'completions']) {
    const typed = ['smoke', kind, '--base-url', lane.base];
    const refused = await oa([...typed, '--auth', 'env:MINE'], { env: { MINE: 'another-key-0123' } });
    assert.deepEqual([refused.code, next(refused)], [5, `oa-stream ${typed.join(' ')} --auth env:MINE`], refused.stderr);
    const missing = await oa(typed);
    assert.deepEqual([missing.code, next(missing)], [5, `oa-stream ${typed.join(' ')} --auth env:NAME`], missing.stderr);
  }
  for (const words of [['smoke', 'stream', '--base-url', lane.base], ['verify', 'smoke-stream', '--set', `base_url=${lane.base}`]]) {
    const quiet = await oa([...words, '--no-probes', '--auth', 'env:MINE'], { env: { MINE: 'another-key-0123' } });
    assert.equal(quiet.code, 5, `${words.join(' ')}: ${quiet.stderr}`);
  }
  await lane.stop();
});
