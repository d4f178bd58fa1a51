// `cutover rehearse --local`: real lanes and a real front door on this machine; it passes, it fails for
// each kind of injected fault and puts everything back, and it survives Ctrl-C.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { OA_BIN, Running, cleanEnv, limit, oa, scratch, sleep } from '../lib/process.mjs';

const rehearse = (args = [], options = {}) => oa(['cutover', 'rehearse', '--local', '--json', ...args], { ms: 300000, ...options });
const lines = (file) => fs.readFileSync(file, 'utf8').trim().split('\n').map((l) => JSON.parse(l));

/** No process of the run is left: all of them inherited its HOME, the folder above the state. */
function assertNothingLeft(stateDir) {
  const home = path.dirname(stateDir), left = [];
  for (const pid of fs.readdirSync('/proc').filter((p) => /^\d+$/.test(p))) {
    let text = '';
    try {
      text = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8') + fs.readFileSync(`/proc/${pid}/environ`, 'utf8');
    } catch { continue; }
    if (text.includes(home) && Number(pid) !== process.pid) left.push(`${pid} ${text.slice(0, 200)}`);
  }
  assert.deepEqual(left, [], 'processes left behind');
}

function assertRunDirectory(report) {
  const folder = report.evidence;
  assert.ok(path.isAbsolute(folder) && fs.statSync(folder).isDirectory(), folder);
  assert.match(path.basename(folder), /^\d{8}T\d{6}Z-[a-z-]+-[0-9a-f]{8}$/);
  for (const name of ['run.json', 'timeline.ndjson', 'journal.ndjson', 'report.md']) assert.ok(fs.statSync(path.join(folder, name)).size > 0, name);
  assert.ok(fs.readdirSync(path.join(folder, 'streams')).some((f) => f.endsWith('.sse')), 'kept streams');
  const run = JSON.parse(fs.readFileSync(path.join(folder, 'run.json'), 'utf8'));
  assert.equal(run.schema, 'oa-stream.run.v1');
  assert.equal(run.verdict, report.verdict);
  assert.match(fs.readFileSync(path.join(folder, 'report.md'), 'utf8'), new RegExp(report.verdict));
  const timeline = lines(path.join(folder, 'timeline.ndjson'));
  assert.ok(timeline.length > 5);
  return { folder, run, timeline, journal: lines(path.join(folder, 'journal.ndjson')) };
}

/** Each mutation: intent, written, read-back, done – and the last thing seen is where it began. */
function assertWriteAhead(journal, last) {
  const steps = new Map();
  for (const { phase, step } of journal) if (step) steps.set(step, [...(steps.get(step) ?? []), phase]);
  for (const [step, phases] of steps) {
    const mutated = phases.includes('written');
    assert.deepEqual(phases, mutated ? ['intent', 'written', 'read-back', 'done'] : ['read-back', 'done'], step);
  }
  assert.ok(steps.get(last)?.includes('written'), `${last} is a mutation of its own: ${[...steps.keys()]}`);
  assert.deepEqual(journal.findLast((l) => l.seen).seen, journal[0].to, 'the state it began with');
}

async function interrupted(signal, when) {
  const folder = scratch(`signal-${signal}`), state = path.join(folder, 'state');
  const run = new Running(OA_BIN, ['cutover', 'rehearse', '--local', '--json', '--non-interactive'], { name: 'oa-stream', folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: state }) });
  const runs = path.join(state, 'runs');
  await run.until(() => when(fs.existsSync(runs) && fs.readdirSync(runs).length ? path.join(runs, fs.readdirSync(runs)[0]) : null), 'the moment to interrupt', 240000);
  run.signal(signal);
  const exit = await run.end(60000);
  return { exit, run, state, folder: path.join(runs, fs.readdirSync(runs)[0]) };
}
const journalOf = (folder) => (folder && fs.existsSync(path.join(folder, 'journal.ndjson')) ? fs.readFileSync(path.join(folder, 'journal.ndjson'), 'utf8') : '');

const shifted = (f) => journalOf(f).includes('"phase":"done","step":"shift@5%"');

describe('a wrong --inject is a usage error before anything is started', () => {
  for (const inject of ['error-rate=0.3@33', 'error-rate=1.5@25', 'error-rate@25', 'hologram=1@25', 'latency=fast@25', 'kill=1@25', 'error-rate=0.3']) {
    test(inject, async () => {
      const run = await rehearse(['--inject', inject]);
      assert.equal(run.code, 2, run.stderr);
      assert.equal(fs.existsSync(path.join(run.stateDir, 'runs')) && fs.readdirSync(path.join(run.stateDir, 'runs')).length > 0, false, 'no run was begun');
    });
  }
});

/** Three at a time: each has processes and a state of its own, and waits for most of its time. */
describe('rehearsals', { concurrency: 3 }, () => {
  test('a healthy canary: PASS, exit 0, a whole run directory, nothing left behind', async () => {
    const run = await rehearse();
    assert.equal(run.code, 0, run.stderr.slice(-4000));
    const report = run.json();
    assert.equal(report.verdict, 'PASS');
    assert.ok(report.checks.length > 0);
    const { journal, folder } = assertRunDirectory(report);
    assertWriteAhead(journal, 'restore');
    const text = JSON.stringify(journal);
    for (const percent of [5, 25, 50, 100]) assert.match(text, new RegExp(`\\b${percent}\\b`), `${percent} % is in the journal`);
    const gates = report.checks.filter((c) => /gate/.test(c.id) && c.verdict === 'PASS');
    assert.ok(gates.length >= 2, 'gates really decided');
    for (const gate of gates) {
      const record = JSON.stringify(gate.data);
      for (const member of ['value', 'limit']) assert.match(record, new RegExp(`"${member}`), record);
    }
    for (const name of fs.readdirSync(path.join(folder, 'streams')).filter((f) => f.endsWith('.sse')).slice(0, 3)) {
      const stem = path.join(folder, 'streams', name.slice(0, -4));
      const { violations } = JSON.parse(fs.readFileSync(`${stem}.probe.json`, 'utf8'));
      const judged = await oa(['check', '--json', '--headers', `${stem}.head`, `${stem}.sse`]);
      assert.equal(judged.code, violations.length === 0 ? 0 : 1, `${name}: ${judged.stderr}`);
    }
    assert.match(run.stderr.trimEnd().split('\n').at(-1), /PASS/);
    assertNothingLeft(run.stateDir);
  });

  for (const inject of ['error-rate=0.3@25', 'malformed=0.5@25', 'latency=1500ms@25', 'kill@5']) {
    test(`an injected fault fails a gate, and the old state comes back, verified: exit 7: ${inject}`, async () => {
      const run = await rehearse(['--inject', inject]);
      assert.equal(run.code, 7, run.stderr.slice(-4000));
      const report = run.json();
      assert.equal(report.verdict, 'FAIL', JSON.stringify(report.checks.filter((c) => c.verdict !== 'PASS')));
      const { journal } = assertRunDirectory(report);
      assertWriteAhead(journal, 'rollback');
      const rollback = report.checks.filter((c) => /rollback|restor/i.test(c.id));
      assert.ok(rollback.length > 0 && rollback.every((c) => c.verdict === 'PASS'), JSON.stringify(rollback));
      const percent = Number(inject.split('@')[1]);
      const failing = report.checks.filter((c) => c.verdict === 'FAIL');
      assert.ok(failing.length > 0 && failing.some((c) => c.id.includes(String(percent))), JSON.stringify(failing.map((c) => c.id)));
      assert.match(run.stderr.trimEnd().split('\n').at(-1), /next: \S+ \S+/, 'the next command to type');
      assertNothingLeft(run.stateDir);
    });
  }

  test('Ctrl-C after the first shift rolls back: exit 7, nothing left behind', async () => {
    const { exit, run, state, folder } = await interrupted('SIGINT', shifted);
    assert.equal(exit.code, 7, run.stderr.slice(-4000));
    assertWriteAhead(lines(path.join(folder, 'journal.ndjson')), 'rollback');
    const report = JSON.parse(run.stdout);
    assert.notEqual(report.verdict, 'PASS');
    assert.equal(JSON.parse(fs.readFileSync(path.join(folder, 'run.json'), 'utf8')).verdict, report.verdict);
    assertNothingLeft(state);
  });

  test('SIGTERM after the first shift does the same', async () => {
    const { exit, run, state, folder } = await interrupted('SIGTERM', shifted);
    assert.equal(exit.code, 7, run.stderr.slice(-4000));
    assertWriteAhead(lines(path.join(folder, 'journal.ndjson')), 'rollback');
    assertNothingLeft(state);
  });

  test('Ctrl-C before anything moved ends without a rollback: exit 130', async () => {
    const { exit, run, state } = await interrupted('SIGINT', (f) => f !== null);
    assert.equal(exit.code, 130, run.stderr.slice(-4000));
    assertNothingLeft(state);
  });

  test('SIGTERM before anything moved ends without a rollback: exit 143', async () => {
    const { exit, run, state } = await interrupted('SIGTERM', (f) => f !== null);
    assert.equal(exit.code, 143, run.stderr.slice(-4000));
    assertNothingLeft(state);
  });

  test('killed outright, its lanes and front door die with it', async () => {
    const folder = scratch('killed'), state = path.join(folder, 'state');
    const run = new Running(OA_BIN, ['cutover', 'rehearse', '--local', '--non-interactive'], { name: 'oa-stream', folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: state }) });
    const runs = path.join(state, 'runs');
    await run.until(() => fs.existsSync(runs) && fs.readdirSync(runs).some((r) => journalOf(path.join(runs, r)).length > 0), 'a journal', 240000);
    process.kill(run.pid, 'SIGKILL'); // this process alone, not its group
    await run.exited;
    const end = Date.now() + limit(30000);
    for (;;) {
      try { assertNothingLeft(state); break; } catch (error) { if (Date.now() > end) throw error; }
      await sleep(50);
    }
    const run0 = path.join(runs, fs.readdirSync(runs)[0]);
    for (const name of ['timeline.ndjson', 'journal.ndjson']) lines(path.join(run0, name)); // a readable prefix
  });
});
