// Child processes and scratch folders of a test file: everything started here is ended with the file;
// folders (logs included) are removed when it passed and kept when it failed.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { leaks, watchOver } from './leaks.mjs';
import { problemOfRun, problemPrinted } from './schemas.mjs';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
/** Where ./dev unpacks HAProxy, nginx, Redis (../bin) and libfaketime (../lib). */
export const PROXIES = process.env.OA_PROXIES ?? path.join(ROOT, '.cache/proxies/usr/sbin');
export const OA_BIN = process.env.OA_BIN ?? path.join(ROOT, 'build/release/oa-stream');

// Sanitizer builds and slow machines stretch every limit by the same factor.
const FACTOR = Number(process.env.OA_TIME_FACTOR || 1);
export const limit = (ms) => Math.round(ms * FACTOR);
/** What the kernel says of a process's memory, in MiB: 'VmRSS' is what it has, 'VmHWM' the most that it had. */
export const memoryOf = (pid, field = 'VmRSS') => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const FILE = path.basename(process.argv[1] ?? 'test').replace(/\.test\.mjs$|\.mjs$/, '');
/** Not in the checkout, as no lane of a user is: Codex asks git of a repository four times a turn, once for its status. */
const HOME = path.join(process.env.OA_TEST_DIR ?? path.join(os.tmpdir(), `oa-stream-tests-${process.getuid()}`), `${FILE}-${process.pid}`);
const children = new Set();
let folders = 0;

/** A fresh folder of this test file. */
export function scratch(name = 'dir') {
  const folder = path.join(HOME, `${String(++folders).padStart(2, '0')}-${name}`);
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

function kill(child, signal) {
  try {
    // Negative: the whole group, so that a killed lane leaves no child of its own.
    process.kill(child.ownGroup ? -child.pid : child.pid, signal);
  } catch {
    // gone already
  }
}

// Over the whole suite: what was said to a lane stands in no log of it. Nearly every prompt of the
// tests begins with one of these words, so every prompt is a planted one.
const PROMPT = /\b(?:scenario|replay):[a-z0-9][^\s"\\]*|\bBearer [A-Za-z0-9._-]{4,}/;
const lanes = [];

/** State directories of what was started here. */
const states = new Set();
/** Run folders that a test wrote itself, to be as no run of ours would leave them. */
const handmade = new Set();
export function handmadeRun(folder) {
  handmade.add(folder);
  return folder;
}

/** The folder of a run in `state` that died with traffic moved. */
export function diedRun(state, id, target = 'haproxy:somewhere') {
  const folder = handmadeRun(path.join(state, 'runs', id));
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'plan.json'), JSON.stringify({ target, source: { file: 'cutover.yaml' } }));
  const lines = [{ seq: 1, at: 'a', phase: 'begin', to: { v1: 100 } }, { seq: 2, at: 'b', phase: 'intent', step: 'shift@5%', to: { v1: 95, v2: 5 } }];
  fs.writeFileSync(path.join(folder, 'journal.ndjson'), lines.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return folder;
}
const runsOf = (all) => [...all].flatMap((state) => {
  const runs = path.join(state, 'runs');
  return fs.existsSync(runs) ? fs.readdirSync(runs).map((name) => path.join(runs, name)).filter((folder) => fs.statSync(folder).isDirectory()) : [];
});

function toldBy(lane) {
  const at = lane.args.indexOf('--access-log');
  const file = at < 0 ? '' : lane.args[at + 1];
  const text = lane.stdout + lane.stderr + (file !== '' && fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
  const prompt = PROMPT.exec(text)?.[0];
  return prompt ? `"${prompt}"` : null;
}

process.on('exit', (ended) => {
  for (const child of children) kill(child, 'SIGKILL');
  let code = ended;
  for (const lane of lanes) {
    const told = toldBy(lane);
    if (!told) continue;
    process.stderr.write(`${lane.name} tells in its logs what it must not: ${told}\n`);
    code = process.exitCode = 1;
  }
  for (const leak of leaks(HOME)) {
    process.stderr.write(`${leak}\n`);
    code = process.exitCode = 1;
  }
  for (const folder of runsOf(states)) {
    const problem = handmade.has(folder) ? null : problemOfRun(folder);
    if (!problem) continue;
    process.stderr.write(`not as docs/schemas has it: ${problem}\n`);
    code = process.exitCode = 1;
  }
  if (folders === 0) return;
  if (code === 0) fs.rmSync(HOME, { recursive: true, force: true });
  else process.stderr.write(`logs are kept in ${HOME}\n`);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

const SANITIZER = /ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: /;

/** What a child may know of our environment: never this machine's own settings and secrets. */
export function cleanEnv(extra = {}) {
  const kept = {};
  for (const name of ['PATH', 'LANG', 'TZ', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LLVM_PROFILE_FILE', 'NODE_EXTRA_CA_CERTS']) {
    if (process.env[name] !== undefined) kept[name] = process.env[name];
  }
  return { ...kept, ...extra };
}

/** One running child; stdout and stderr are kept in memory and in a log file. */
export class Running {
  constructor(program, args, { env = cleanEnv(), cwd, name = path.basename(program), stdin = 'ignore', folder } = {}) {
    this.name = name;
    this.log = path.join(folder ?? scratch(name), `${name}.log`);
    this.stdout = '';
    this.stderr = '';
    fs.writeFileSync(this.log, `${program} ${args.join(' ')}\n`);
    this.child = spawn(program, args, { env, cwd, detached: true, stdio: [stdin, 'pipe', 'pipe'] });
    this.child.ownGroup = true;
    children.add(this.child);
    watchOver(this, program === OA_BIN || env.OA_STREAM_STATE_DIR !== undefined || args.includes(OA_BIN), args, env);
    if (env.OA_STREAM_STATE_DIR) states.add(env.OA_STREAM_STATE_DIR);
    if (args.includes('serve')) {
      this.args = args;
      lanes.push(this);
    }
    for (const stream of ['stdout', 'stderr']) {
      this.child[stream].on('data', (bytes) => {
        this[stream] += bytes;
        fs.appendFileSync(this.log, bytes);
      });
    }
    this.exited = new Promise((done) => {
      this.child.on('error', (error) => done({ code: null, signal: null, error }));
      this.child.on('close', (code, signal) => {
        children.delete(this.child);
        if (program === OA_BIN && signal === null && (args.includes('--json') || args.includes('--ndjson'))) this.problem = problemPrinted(args, this.stdout);
        this.exit = { code, signal };
        done(this.exit);
      });
    });
  }
  get pid() { return this.child.pid; }
  /** To this process alone; to one that has ended, nothing. */
  signal(name) { this.child.kill(name); }
  /** Waits for the end; throws when it takes longer than `ms`. */
  async end(ms = 60000) {
    const late = Symbol('late');
    let timer;
    const won = await Promise.race([this.exited, new Promise((done) => { timer = setTimeout(done, limit(ms), late); })]);
    clearTimeout(timer);
    if (won === late) {
      kill(this.child, 'SIGKILL');
      throw new Error(`${this.name} did not end within ${limit(ms)} ms; log: ${this.log}`);
    }
    if (won.error) throw new Error(`${this.name} could not be started: ${won.error.message}`);
    if (this.problem) throw new Error(`${this.name} printed what docs/schemas does not have: ${this.problem}`);
    if (SANITIZER.test(this.stderr)) throw new Error(`${this.name}: sanitizer report\n${this.stderr}`);
    return won;
  }
  /** Waits until `pick(this)` gives a value; throws when the child ends before that. */
  async until(pick, what, ms = 30000) {
    const began = Date.now(), end = began + limit(ms);
    for (;;) {
      const ended = this.exit, late = Date.now() > end; // before the look: what it left meanwhile is still to be seen
      const value = await pick(this);
      if (value !== undefined && value !== null && value !== false) return value;
      if (ended) throw new Error(`${this.name} ended (${JSON.stringify(this.exit)}) before ${what}\n${this.stderr.slice(-4000)}`);
      if (late) throw new Error(`${this.name}: no ${what} within ${limit(ms)} ms; log: ${this.log}\n${this.stderr.slice(-4000)}`);
      // Some picks start a process: the longer it takes, the less often they look.
      await sleep(Math.min(10 + (Date.now() - began) / 20, 50));
    }
  }
  /** Asks twice for the end, as who does not wait for it. The second signal counts once a second has passed: before, it is an echo of the first. */
  async leaves(name = 'SIGINT') {
    this.signal(name);
    await this.until(({ stderr }) => stderr.includes('a second signal leaves at once'), 'the first answer', 60000);
    await this.until(() => this.exit || (this.signal(name), false), 'the second signal', 60000);
    return this.end();
  }
  /** SIGTERM, then the exit. */
  async stop(ms = 30000) {
    if (!this.exit) this.signal('SIGTERM');
    return this.end(ms);
  }
  async kill() {
    kill(this.child, 'SIGKILL');
    await this.exited;
  }
}

/** {code, signal, stdout, stderr} of curl with these arguments. */
export async function curl(...args) {
  const run = new Running('curl', ['-sS', '--max-time', '20', ...args], { name: 'curl', env: cleanEnv({ HOME: scratch('curl') }) });
  const exit = await run.end();
  return { ...exit, stdout: run.stdout, stderr: run.stderr };
}

/** Runs oa-stream to its end: {code, stdout, stderr, json()}. */
export async function oa(args, { env = {}, ms = 120000, cwd, stateDir } = {}) {
  const folder = scratch(args.filter((a) => /^[a-z]+$/.test(a)).slice(0, 2).join('-') || 'oa');
  const state = stateDir ?? path.join(folder, 'state');
  const run = new Running(OA_BIN, args, { name: 'oa-stream', folder, cwd, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: state, ...env }) });
  const exit = await run.end(ms);
  return { ...exit, stdout: run.stdout, stderr: run.stderr, stateDir: state, json: () => JSON.parse(run.stdout) };
}

/** Runs oa-stream to its end as another account of this host. */
export function oaAsNobody(args) {
  const done = spawnSync(OA_BIN, args, { uid: 65534, gid: 65534, encoding: 'utf8', timeout: 60000, env: cleanEnv({ HOME: '/nonexistent' }) });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

/** Pids of the direct children of a process (Linux). */
export function childPids(pid) {
  const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
