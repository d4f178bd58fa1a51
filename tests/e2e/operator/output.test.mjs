// Standard output and standard error that are closed, full, or pipes whose readers have left: no
// command aborts, the exit code stays the command's own, and a result that was asked for and got lost
// is an error. A run's folder and a file of `--out` keep theirs: what is printed is for people then.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, diedRun, scratch } from '../lib/process.mjs';

const folder = scratch('output');
const env = cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: path.join(folder, 'state') });

// What a shell does to a descriptor before the command runs. The fifo has lost its only reader when
// the command starts, so that its first write already fails.
const FAULTS = {
  closed: (n) => `exec ${n}>&-`,
  full: (n) => `exec ${n}>/dev/full`,
  broken: (n) => `f=$(mktemp -u "$HOME/fifo.XXXXXX"); mkfifo "$f"; exec 7<>"$f" 8>"$f" 7<&-; exec ${n}>&8 8>&-`,
};

/** Runs the command after `setup`; the signal that ended it is part of the answer. */
function run(args, setup = ':') {
  const got = spawnSync('bash', ['-c', `${setup}; exec "$0" "$@"`, OA_BIN, ...args], { env, encoding: 'utf8', timeout: 60000 });
  assert.ifError(got.error);
  return { code: got.status, signal: got.signal, stdout: got.stdout, stderr: got.stderr };
}

const COMMANDS = [
  ['nonsense'],
  ['nonsense', '--json'],
  ['version'],
  ['--version'],
  ['--help'],
  ['smoke', 'stream', '--help'],
  ['check', '--nonesuch'],
  ['check', path.join(ROOT, 'tests/nothing-here.sse')],
  ['check', '--rules'],
  ['cutover', 'status'],
  ['cutover', 'status', '--json'],
  ['incident', 'open', 'last'],
  ['runs', 'list'],
  ['playbook', 'validate', path.join(ROOT, 'tests/nothing-here.yaml')],
  ['smoke', 'stream', '--target', 'http://127.0.0.1:1'],
];
const plain = new Map();
before(() => {
  for (const args of COMMANDS) plain.set(args, run(args));
});

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`stderr is ${name}: the text is lost, exit code and result stay`, () => {
    for (const args of COMMANDS) {
      const got = run(args, fault(2));
      const said = `${args.join(' ')}: ${JSON.stringify(got)}`;
      assert.equal(got.signal, null, said);
      assert.equal(got.code, plain.get(args).code, said);
      assert.equal(got.stdout.length > 0, plain.get(args).stdout.length > 0, said);
    }
  });

  test(`stdout is ${name}: a lost result is exit 4, except for a reader that left`, () => {
    let lost = 0;
    for (const args of COMMANDS) {
      const own = plain.get(args);
      const got = run(args, fault(1));
      const said = `${args.join(' ')}: ${JSON.stringify(got)}`;
      assert.equal(got.signal, null, said);
      const told = own.stdout.length > 0 && name !== 'broken';
      assert.equal(got.code, told && own.code === 0 ? 4 : own.code, said);
      assert.equal(/standard output: /.test(got.stderr), told, said);
      lost += told ? 1 : 0;
    }
    assert.equal(lost > 4, name !== 'broken');
  });

  test(`both are ${name}: the exit code is all that is left`, () => {
    for (const args of COMMANDS) {
      const got = run(args, `${fault(1)}; ${fault(2)}`);
      const own = plain.get(args);
      const lost = own.stdout.length > 0 && name !== 'broken' && own.code === 0;
      assert.deepEqual([got.signal, got.code], [null, lost ? 4 : own.code], args.join(' '));
    }
  });
}

test('a run and a plan in a file keep their exit code; a document that was asked for and lost is exit 4', async (t) => {
  const target = await LocalTarget.start();
  t.after(() => target.stop());
  // The lanes log meanwhile, and this process reads it.
  const later = async (args, setup = ':') => {
    const one = new Running('bash', ['-c', `${setup}; exec "$0" "$@"`, OA_BIN, ...args], { env });
    return { ...(await one.end(60000)), stderr: one.stderr };
  };
  const plan = (file, ...more) => ['cutover', 'plan', target.playbook, ...target.settings(), ...(file ? ['--out', path.join(folder, file)] : []), ...more];
  for (const fault of [FAULTS.closed(1), FAULTS.full(1)]) {
    assert.equal((await later(plan('', '--json', '--no-probes'), fault)).code, 4, 'the document is lost');
    assert.equal((await later(plan('', '--no-probes'), fault)).code, 4, 'the text is all there is');
    assert.equal((await later(plan('kept.json', '--no-probes'), fault)).code, 10, 'the file has it');
  }
  for (const [fault, more, code] of [[`${FAULTS.closed(1)}; ${FAULTS.closed(2)}`, [], 0], [FAULTS.full(1), [], 0], [FAULTS.full(1), ['--json'], 4], [FAULTS.full(1), ['--ndjson'], 4]]) {
    await target.setWeights({ v1: 100, v2: 0 });
    assert.equal((await later(plan('apply.json'))).code, 10);
    const got = await later(['cutover', 'apply', path.join(folder, 'apply.json'), '--non-interactive', ...more], fault);
    assert.equal(got.code, code, `${fault} ${more}: ${got.stderr}`);
    assert.deepEqual(await target.weights(), { v1: 0, v2: 100 });
  }
});

test('a lane started without stdin, stdout and stderr gives their numbers to no other file', async () => {
  const ready = path.join(folder, 'ready.json');
  const args = ['serve', '--authority', 'replay', '--listen', '127.0.0.1:0', '--ready-file', ready, '--access-log', path.join(folder, 'access.log')];
  const lane = new Running('bash', ['-c', 'exec 0<&- 1>&- 2>&-; exec "$0" "$@"', OA_BIN, ...args], { env });
  const { pid } = await lane.until(() => fs.existsSync(ready) && JSON.parse(fs.readFileSync(ready, 'utf8')), 'the ready file');
  assert.equal(pid, lane.pid);
  for (const n of [0, 1, 2]) assert.equal(fs.readlinkSync(`/proc/${pid}/fd/${n}`), '/dev/null');
  assert.deepEqual(await lane.stop(), { code: 0, signal: null });
});

/** The lines of a command on a terminal of so many columns. */
function onTerminal(words, more = {}, columns = 80) {
  const line = `stty cols ${columns}; exec ${OA_BIN} ${words.join(' ')}`;
  const got = spawnSync('script', ['-qec', line, '/dev/null'], { env: { ...env, TERM: 'xterm', ...more }, encoding: 'utf8', timeout: 60000, input: '' });
  assert.ifError(got.error);
  const lines = got.stdout.split(/\r?\n/).map((one) => one.split('\x1b[2K').at(-1).replace(/\r|\x1b\[[\d;]*[mK]/g, ''));
  assert.ok(lines.some((one) => one !== ''), words.join(' '));
  return lines;
}
/** A path or a URL is one word, and is copied: it is never broken. */
const fits = (line, columns = 80) => [...line].length <= columns || /^(\S+:? +)?(file:\/\/|\/)\S+$/.test(line.trim());

test('what is said of runs fits a terminal of 80 columns, however long their names and reasons are', async () => {
  // Nobody reads its stderr while this process waits for a command.
  const lane = await startLane({ args: ['--access-log', path.join(folder, 'access.log')] });
  const state = { OA_STREAM_STATE_DIR: path.join(folder, 'runs') };
  const there = ['smoke', 'completions', '--base-url', lane.base];
  for (const words of [there, ['smoke', 'responses', '--base-url', 'http://127.0.0.1:1'], there]) for (const line of onTerminal(words, state)) assert.ok(fits(line), line);
  const skipped = onTerminal(['smoke', 'stream', '--base-url', lane.base], state);
  for (const line of skipped) assert.ok(fits(line), line);
  assert.ok(skipped.map((line) => line.trim()).join(' ').includes('it takes at the recorded pace'), `why it was skipped is whole: ${skipped.join('\n')}`);
  await lane.stop();
  diedRun(state.OA_STREAM_STATE_DIR, '20261120T101112Z-cutover-0a1b2c3d');
  const reason = "'the long reason that somebody typed in the middle of the night for a run that has to stay'";
  for (const words of [
    ['runs', 'pin', 'last', '--reason', reason], ['runs', 'show', 'last'], ['runs', 'show', 'last:smoke-responses'], ['runs', 'list'], ['runs', 'gc', '--keep', '0'],
    ['runs', 'compare', 'last:smoke-responses', 'last:smoke-completions'], ['cutover', 'status'], ['runs', 'show', '0a1b2c3d'], ['note', reason, '--run', 'last'], ['runs', 'unpin', 'last'],
    ['cutover', 'abandon', '--run', '0a1b2c3d'], ['check', '--rules'], ['check', '--explain', 'C21'], ['compat'], ['config', 'show', '--origin'], ['playbook', 'validate', 'cutover'],
  ]) for (const line of onTerminal(words, state)) assert.ok(fits(line), `${words.join(' ')}: ${[...line].length} columns: ${line}`);
});

test('what informs, and what went wrong, fits a terminal of 80 columns', () => {
  const shown = [
    ['playbook', 'list'], ['playbook', 'explain', 'cutover-local'], ['runs', 'list'], ['doctor'], ['cutover', 'status'], ['version'],
    ['help', '--search', 'gate'], ['incident', 'list'], ['smoke', 'stream', '--explain'], ['serve', '--authority', 'worker', '--listen', '127.0.0.1:0'],
  ];
  for (const words of shown) {
    for (const one of onTerminal(words)) assert.ok(fits(one), `${words.join(' ')}: ${one}`);
  }
});

test('help keeps to a terminal of 60 columns, and to 80 of a wider one', () => {
  for (const words of [['--help'], ['help', 'cutover'], ['serve', '--help'], ['help', 'cutover', 'apply']]) {
    const widest = (columns) => Math.max(...onTerminal(words, {}, columns).filter((one) => one.trim().replace(/ \\$/, '').includes(' ')).map((one) => one.replace(/ \\$/, '').length));
    assert.ok(widest(60) <= 60, `${words.join(' ')}: ${widest(60)} columns`);
    assert.ok(widest(140) > 70 && widest(140) <= 80, `${words.join(' ')}: ${widest(140)} columns`);
  }
});

test('doctor and compat keep to a terminal of 60 columns, and nothing is cut', () => {
  const state = { OA_STREAM_STATE_DIR: path.join(scratch('narrow'), 'state'), PATH: '/usr/bin:/bin' };
  const narrow = (words) => {
    const lines = onTerminal(words, state, 60);
    for (const line of lines) assert.ok(fits(line, 60) && !line.includes('…'), `${words}: ${[...line].length} columns: ${line}`);
    return lines;
  };
  const found = narrow(['doctor']);
  const { checks } = JSON.parse(run(['doctor', '--json'], `export OA_STREAM_STATE_DIR='${state.OA_STREAM_STATE_DIR}' PATH=${state.PATH}`).stdout);
  const fixes = checks.filter((check) => check.data.mend).map((check) => `fix: ${check.data.mend}`);
  assert.ok(fixes.some((fix) => fix.length > 22), fixes.join('\n')); // they would not fit below the last column
  for (const fix of fixes) assert.ok(found.some((line) => line.trim() === fix), `${fix} is a line of\n${found.join('\n')}`);
  const listed = narrow(['compat']);
  for (const line of run(['compat']).stdout.trim().split('\n')) {
    const [script, now] = line.split(/ {2,}/);
    const at = listed.indexOf(script);
    assert.ok(at >= 0 && `${listed.slice(at + 1, at + 3).map((one) => one.trim()).join(' ')} `.includes(`${now} `), `${line} in\n${listed.join('\n')}`);
  }
});

test('-q: what is well is not told, so that cron sends no mail; what is not well is', () => {
  const state = ['--state-dir', path.join(scratch('quiet'), 'state')];
  const well = [['cutover', 'status'], ['runs', 'gc', '--keep', '5', '--apply'], ['playbook', 'validate', 'cutover']];
  for (const args of well) {
    assert.notEqual(run([...args, ...state]).stdout + run([...args, ...state]).stderr, '', args.join(' '));
    assert.deepEqual(run([...args, '-q', ...state]), { code: 0, signal: null, stdout: '', stderr: '' }, args.join(' '));
  }
  diedRun(state[1], '20260101T000000Z-cutover-0a1b2c3d');
  const died = run(['cutover', 'status', '-q', ...state]);
  assert.equal(died.code, 8);
  assert.match(died.stdout, /0a1b2c3d died/);
});
