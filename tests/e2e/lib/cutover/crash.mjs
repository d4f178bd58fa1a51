// Kills a cutover at a chosen moment and looks whether what is left can be put right. The moments are
// counted by tests/crash/killpoint.cpp: each write of the journal and each exchange with the traffic
// machinery.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { NEW_ONLY } from './playbook.mjs';
import { OA_BIN, Running, cleanEnv, limit, oa, scratch, sleep } from '../process.mjs';

const KILLPOINT = process.env.OA_KILLPOINT ?? path.join(path.dirname(OA_BIN), 'tests/crash/oa_killpoint.so');

/** A short cutover whose gates decide with a handful of probes; `traffic` and `target` are YAML lines. */
export const shortCutover = (traffic, baseUrl) => `version: 1
kind: cutover
${NEW_ONLY}name: crash
target: { base_url: "${baseUrl}", prompt: "replay:01-echo" }
traffic:
${traffic.map((line) => `  ${line}\n`).join('')}stages: [0%, 50%, 100%]
stage:
  bake: 200ms
  probe: { rate: 40/s, unpinned: 10/s }
  gates:
    - { bad: any, at_most: 60%, confidence: 80% }
  on_inconclusive: { extend_at_most: 4s, then: rollback }
limits: { fresh_row: 3, restore: 20s }
`;

/** The same with all that a run waits for: conversations that go on, a pause, a stage that is left early, hooks. */
export const steeredCutover = (playbook) => `${playbook
  .replace(/continuity.*\n/g, '')
  .replace('  bake: 200ms\n', '  bake: 1500ms\n  pause: { after: [0%], at_most: 1m }\n')}hooks:
  - { id: told, run: [/bin/true] }
  - { id: asked, run: [/bin/true], on: before-stage, required: true }
`;

/** Gives the order as `oa-stream cutover ACTION` does, without the time that a process takes to start; whether it was taken. */
function ordered(folder, action) {
  const held = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY); // the name of a socket has to be short
  return new Promise((done) => {
    let answer = '';
    const socket = net.connect(`/proc/self/fd/${held}/control.sock`, () => socket.write(`${JSON.stringify({ action })}\n`));
    socket.on('data', (bytes) => { answer += bytes; }).on('error', () => {}); // who died does not answer
    socket.on('close', () => done(/"ok": ?true/.test(answer)));
  }).finally(() => fs.closeSync(held));
}

/** A second operator: continues what is paused, and leaves the stage 50% early, as soon as the timeline tells of it. */
async function steer(stateDir, running) {
  const orders = [[/"event":"paused"/, 'continue'], [/"event":"stage begins"[^\n]*50/, 'promote']];
  while (running.exit === undefined && orders.length > 0) {
    const run = onlyRun(stateDir);
    const timeline = run === null ? '' : path.join(stateDir, 'runs', run, 'timeline.ndjson');
    if (fs.existsSync(timeline) && orders[0][0].test(fs.readFileSync(timeline, 'utf8'))) {
      if (await ordered(path.dirname(timeline), orders[0][1])) orders.shift();
    }
    await sleep(20);
  }
}

const lines = (file) => fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

/**
 * One machinery under test: {name, peers: ["unix:…"], playbook: text, env, state(): {split, exact}}.
 * `split` maps revisions to percents, `exact` is everything that must come back as it was.
 */
export class CrashLab {
  /** `steered`: its playbook is a steeredCutover(), and a second operator is there. */
  constructor(rig, { steered = false } = {}) {
    this.rig = rig;
    this.steered = steered;
    this.folder = scratch(`crash-${rig.name}`);
    this.number = 0;
  }
  async prepare() {
    const file = path.join(this.folder, 'crash.yaml');
    fs.writeFileSync(file, this.rig.playbook);
    this.plan = path.join(this.folder, 'plan.json');
    const made = await oa(['cutover', 'plan', file, '--out', this.plan, '--json'], { env: this.rig.env });
    assert.equal(made.code, 10, made.stderr + made.stdout);
    this.baseline = await this.rig.state();
    return this;
  }
  /** Applies the plan with the given moment and deed; what it left behind. A state folder of its own: each plan is for one use. */
  apply(when = {}) {
    return this.run(path.join(this.folder, `state-${++this.number}`), ['cutover', 'apply', this.plan], when);
  }
  async run(stateDir, words, { at, deed = 'kill' }) {
    const log = path.join(this.folder, `points-${++this.number}`);
    const env = cleanEnv({
      HOME: this.folder,
      ...this.rig.env,
      LD_PRELOAD: KILLPOINT,
      OA_KILLPOINT_PEERS: this.rig.peers.join(','),
      OA_KILLPOINT_LOG: log,
      OA_KILLPOINT_DIR: stateDir,
      ...(at === undefined ? {} : { OA_KILLPOINT_AT: String(at), OA_KILLPOINT_DO: deed }),
    });
    const run = new Running(OA_BIN, ['--state-dir', stateDir, ...words, '--json'], { name: `run-${this.number}`, folder: this.folder, env });
    if (this.steered) steer(stateDir, run);
    const exit = await run.end(120000);
    const points = fs.existsSync(log) ? fs.readFileSync(log, 'utf8').trim().split('\n').map((line) => line.replace(/^\d+ /, '')) : [];
    const named = words.indexOf('--run');
    return { ...exit, stateDir, points, stdout: run.stdout, stderr: run.stderr, run: named < 0 ? onlyRun(stateDir) : words[named + 1] };
  }
  rollback(stateDir, run) {
    return oa(['--state-dir', stateDir, 'rollback', 'apply', '--run', run, '--json'], { env: this.rig.env });
  }
  async restored(what) {
    assert.deepEqual(await this.rig.state(), this.baseline, `${this.rig.name}, ${what}: the traffic is as it was`);
  }
  /** Dies there; the journal knows what may serve, and a rollback puts it right. */
  async dieAt(at) {
    const dead = await this.apply({ at });
    const what = `death at point ${at} (${dead.points.at(-1)})`;
    if (dead.code === 0) return this.tooLate(dead, what);
    assert.equal(dead.signal, 'SIGKILL', `${what}: ${dead.code} ${dead.stderr.slice(-2000)}`);
    if (dead.run === null) { // before there was a run: nothing can have been moved
      await this.restored(what);
      return { what, begun: false };
    }
    await this.journalCovers(dead, what);
    const begun = readJournal(dead).length > 0;
    const done = await this.rollback(dead.stateDir, dead.run);
    // Before its journal began a run has moved nothing; without a plan there is nothing to take back: 6.
    assert.ok(done.code === 0 || (!begun && done.code === 6), `${what}: ${done.code} ${done.stderr.slice(-3000)}`);
    await this.restored(what);
    if (!begun) return { what, begun };
    this.journalIsTrue(dead, what);
    return { what, begun: true, stateDir: dead.stateDir, run: dead.run };
  }
  /** A cutover dies, and so does the rollback after it; the next rollback finishes. */
  async dieTwice(first, second) {
    const dead = await this.apply({ at: first });
    const what = `death at point ${first} (${dead.points.at(-1)}), the rollback's at point ${second}`;
    if (dead.code === 0) return this.tooLate(dead, what);
    const again = await this.run(dead.stateDir, ['rollback', 'apply', '--run', dead.run], { at: second });
    assert.ok(again.signal === 'SIGKILL' || again.code === 0, `${what}: ${again.code} ${again.stderr.slice(-2000)}`);
    await this.journalCovers(dead, what);
    const done = await this.rollback(dead.stateDir, dead.run);
    assert.equal(done.code, 0, `${what}: ${done.stderr.slice(-3000)}`);
    await this.restored(what);
    this.journalIsTrue(dead, what);
    return { what, missed: again.code === 0 };
  }
  /** The run had fewer moments than the one that was counted: how often it looks depends on time. */
  async tooLate(whole, what) {
    const back = await this.rollback(whole.stateDir, whole.run);
    assert.equal(back.code, 0, `${what}: ${back.stderr.slice(-3000)}`);
    await this.restored(what);
    return { what, missed: true };
  }
  /** A signal there: the traffic goes back, verified, or nothing had been moved – and the code says which. */
  async interruptAt(at, deed) {
    const run = await this.apply({ at, deed });
    const what = `SIG${deed.toUpperCase()} at point ${at} (${run.points[at - 1]})`;
    if (run.code === 0) return this.tooLate(run, what);
    const idle = deed === 'term' ? 143 : 130;
    assert.ok([7, idle].includes(run.code), `${what}: ${run.code} ${run.signal} ${run.stderr.slice(-3000)}`);
    await this.restored(what);
    if (run.run === null) return { what, code: run.code };
    const journal = readJournal(run);
    assert.equal(journal.some((line) => line.phase === 'intent'), run.code === 7, `${what}: exit ${run.code}`);
    if (run.code === 7) this.journalIsTrue(run, what);
    return { what, code: run.code };
  }
  /** From there on nothing more can be stored, but for what was reserved. */
  async fillDiskAt(at) {
    const run = await this.apply({ at, deed: 'full-disk' });
    const what = `full disk from point ${at} on (${run.points[at - 1] ?? 'the beginning'})`;
    assert.notEqual(run.code, 0, `${what}: what could not be written is no evidence`);
    const journal = run.run === null ? [] : readJournal(run);
    const intent = journal.findIndex((line) => line.phase === 'intent');
    if (intent < 0) {
      assert.equal(run.code, 4, `${what}: ${run.stderr.slice(-3000)}`);
    } else {
      // Between the last look at the machinery and the intent, which has reserved space, no write could tell.
      const begun = run.points.flatMap((point, i) => (point === 'journal: before a line' ? [i + 1] : []))[intent];
      assert.ok(at >= begun - 3, `${what}: nothing is moved once the disk is known to be full; the intent came at ${begun}`);
      if (journal.at(-1).phase === 'end' && (await this.rig.state()).split.canary === 100) {
        // It was over: what is left is incomplete papers, and somebody has to know.
        assert.equal(run.code, 8, `${what}: ${run.stderr.slice(-3000)}`);
        assert.match(run.stderr, /next: oa-stream --state-dir \S+ rollback apply --run/);
        const status = await oa(['--state-dir', run.stateDir, 'cutover', 'status', '--json']);
        assert.equal(status.code, 8, `${what}: ${status.stdout}`);
        const [listed] = (await oa(['--state-dir', run.stateDir, 'runs', 'list', '--json'])).json().runs;
        assert.deepEqual([listed.verdict, listed.exit_code], ['ERROR', 8], `${what}: what its process said`);
        return this.tooLate(run, what);
      }
      assert.equal(run.code, 7, `${what}: ${run.stderr.slice(-3000)}`);
      this.journalIsTrue(run, what);
    }
    await this.restored(what);
    return { what, code: run.code };
  }
  /** What serves is what the journal says serves, or what it says was about to. */
  async journalCovers(dead, what) {
    const told = story(readJournal(dead));
    const { split } = await this.settledState();
    const possible = [told.serving, told.pending].filter(Boolean);
    assert.ok(possible.length === 0 ? same(split, this.baseline.split) : possible.some((p) => same(p, split)),
      `${what}: ${JSON.stringify(split)} serves, the journal allows ${JSON.stringify(possible)}`);
  }
  async settledState() {
    const end = Date.now() + limit(60000);
    for (;;) {
      const state = await this.rig.state();
      if (!this.rig.settled || this.rig.settled(state) || Date.now() > end) return state;
      await sleep(20);
    }
  }
  journalIsTrue(dead, what) {
    const journal = lines(path.join(dead.stateDir, 'runs', dead.run, 'journal.ndjson'));
    assert.deepEqual(journal.map((line) => line.seq), journal.map((_, i) => i + 1), `${what}: lines in sequence`);
    assert.equal(journal.at(-1).phase, 'end', `${what}: the journal ends`);
    const told = story(journal);
    assert.ok(same(told.serving, this.baseline.split) && !told.pending, `${what}: the journal's last word is the baseline: ${JSON.stringify(told)}`);
  }
}

/** The only run of a state folder, or null. */
function onlyRun(stateDir) {
  const runs = path.join(stateDir, 'runs');
  const found = fs.existsSync(runs) ? fs.readdirSync(runs).filter((name) => !name.startsWith('.')) : [];
  assert.ok(found.length <= 1, `runs: ${found}`);
  return found[0] ?? null;
}

/** A line without its end was never finished, and nothing was built on it. */
function readJournal({ stateDir, run }) {
  const file = path.join(stateDir, 'runs', run, 'journal.ndjson');
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  return text.slice(0, text.lastIndexOf('\n') + 1).split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** Read independently of the product: what serves, and what was under way. */
function story(journal) {
  const out = { serving: null, pending: null };
  for (const line of journal) {
    if (line.phase === 'begin') out.serving = line.to;
    if (line.phase === 'intent') Object.assign(out, { serving: line.from ?? out.serving, pending: line.to }); // `from` was read just before
    if (line.phase === 'refused') out.pending = null;
    if (line.phase === 'read-back') out.serving = line.seen;
    if (line.phase === 'done') Object.assign(out, { serving: line.to, pending: null });
  }
  return out;
}

const named = (split) => Object.entries(split ?? {}).filter(([, percent]) => percent > 0).sort(([a], [b]) => (a < b ? -1 : 1));
const same = (a, b) => JSON.stringify(named(a)) === JSON.stringify(named(b));

/**
 * Which of `count` points a run of the suite visits: all with OA_CRASH=all, else every `step`th from a
 * start that moves with the day, so that a month of runs visits all.
 */
export function chosen(count, step) {
  const all = Array.from({ length: count }, (_, i) => i + 1);
  if (process.env.OA_CRASH === 'all') return all;
  const start = process.env.OA_CRASH_START !== undefined ? Number(process.env.OA_CRASH_START) : 0;
  return all.filter((n) => n % step === start % step);
}
