// Runs test files, each in a process of its own, and says what they counted:
//   run_files.mjs FOLDER FILE…      a line for each stage on stdout:
//                                   STAGE PASSED FAILED [FILE…: failed beside others, passed alone]
// A stage is a folder below tests. The TAP of each file is left in a folder of its stage. Progress is told on stderr:
// a line for each file that passed, everything that one which failed printed.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { idled, known } from './idle.mjs';
import { company, parts, rounds, stageOf } from './suite.mjs';

/** So much slower than elsewhere files run here. */
const SLOWER = Number(process.env.OA_TIME_FACTOR || 1);
/** Four on two cores, as most of them wait; fewer where each takes more of the machine. */
const AT_ONCE = Number(process.env.TEST_CONCURRENCY ?? Math.max(2, Math.round(4 / SLOWER)));
/** More files of one company than these that fail are no accident. A slow machine makes more of them late. */
const UNSTEADY_FILES = Math.round(3 * SLOWER);
/** Many files load the same libraries: what node compiled of them for one serves all. */
const NODE_COMPILE_CACHE = path.resolve('.cache/node-compiled');
/** A file that goes on for longer hangs: the longest takes a third of it on a slow machine. */
const LONGEST_MS = 20 * 60_000 * SLOWER;

const say = (text) => process.stderr.write(`${text}\n`);

/** What a TAP counted. A skipped test is a failure: nothing is skipped silently. */
export function counted(tap) {
  const sum = (words) => [...tap.matchAll(new RegExp(`^# (?:${words}) (\\d+)$`, 'gm'))].reduce((all, [, count]) => all + Number(count), 0);
  // A hook that fails after the last test is in no sum.
  const failed = Math.max(sum('fail|cancelled'), /^not ok /m.test(tap) ? 1 : 0);
  return { passed: sum('pass'), failed, skipped: sum('skipped|todo') };
}

/** '0m1.5s 0m0.25s' → 1.75, of the last line: what the children took. */
const cpuSeconds = (times) => [...(times.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)].reduce((all, [, m, s]) => all + 60 * m + Number(s), 0);

function run(file, folder) {
  const tap = path.join(folder, stageOf(file), `${file.replaceAll('/', '-').replace(/\.mjs$/, '')}.tap`);
  fs.rmSync(tap, { force: true });
  const began = Date.now();
  const child = spawn('sh', ['-c', '"$@"; code=$?; times >&3; exit $code', 'sh', process.execPath, '--test-force-exit',
    '--test-reporter=spec', '--test-reporter-destination=stderr', '--test-reporter=tap', `--test-reporter-destination=${tap}`, file],
  { env: { NODE_COMPILE_CACHE, ...process.env }, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], timeout: LONGEST_MS, killSignal: 'SIGKILL' });
  const printed = [];
  let times = '';
  child.stdout.on('data', (bytes) => printed.push(bytes));
  child.stderr.on('data', (bytes) => printed.push(bytes));
  child.stdio[3].on('data', (bytes) => { times += bytes; });
  return new Promise((resolve) => child.on('close', (code, signal) => {
    const seen = counted(fs.existsSync(tap) ? fs.readFileSync(tap, 'utf8') : '');
    // A file that died, or that counted nothing, failed once.
    const failed = seen.failed + seen.skipped || (code === 0 && seen.passed > 0 ? 0 : 1);
    const seconds = Math.round((Date.now() - began) / 1000);
    if (failed > 0) process.stderr.write(Buffer.concat(printed));
    const ended = signal === null ? '' : `, killed after ${seconds} s`;
    say(`${failed > 0 ? '✖' : '✔'} ${file}: ${seen.passed} passed${failed > 0 ? `, ${failed} failed` : ''}${ended} (${seconds} s, CPU ${Math.round(cpuSeconds(times))} s)`);
    resolve({ file, ...seen, failed });
  }));
}

/** Idle for this share of the last seconds: what starts then finds more than half of one core of two. With a quarter, three files failed beside others. */
const IDLE_SHARE = 0.3;
const IDLE_SECONDS = 3;
/** So many files at once beyond their parts. */
export const MOST_BESIDE = Math.max(2, Math.round(5 / SLOWER));
export const IDLE = Symbol('idle');

/**
 * Starts each file as soon as its part of the machine is free, in the given order. Whenever the machine `idles`, as
 * files use only at times what is their part, one more of those that may run `beside` any other starts.
 */
export async function scheduled(files, parts, machine, start, { idles = () => new Promise(() => {}), beside = () => false } = {}) {
  const waiting = [...files];
  const running = new Set();
  const results = [];
  let free = machine;
  let besides = 0;
  const begin = (index, part) => {
    const [file] = waiting.splice(index, 1);
    const count = (sign) => {
      free -= sign * part;
      besides += part === 0 ? sign : 0;
    };
    count(1);
    const one = start(file).then((result) => {
      running.delete(one);
      count(-1);
      results.push(result);
    });
    running.add(one);
  };
  while (waiting.length > 0 || running.size > 0) {
    for (let next; (next = waiting.findIndex((file) => parts(file) <= free)) >= 0;) begin(next, parts(waiting[next]));
    const next = besides < MOST_BESIDE ? waiting.findIndex(beside) : -1;
    if (await Promise.race([...running, ...(next < 0 ? [] : [idles()])]) === IDLE) begin(next, 0);
  }
  return results;
}

/** A function whose promise is IDLE once the machine has idled for long enough. */
function idleWatch() {
  let next = null;
  const wait = async () => {
    await idled(IDLE_SHARE, IDLE_SECONDS);
    next = null;
    return IDLE;
  };
  return known() ? () => (next ??= wait()) : undefined;
}

async function main([folder, ...files]) {
  const stages = [...new Set(files.map(stageOf))];
  for (const stage of stages) fs.mkdirSync(path.join(folder, stage), { recursive: true });
  const start = (file) => run(file, folder);
  const results = [];
  const spare = { idles: idleWatch(), beside: (file) => company(file) === 'together' };
  for (const round of rounds(files)) results.push(...await scheduled(round, (file) => parts(file, AT_ONCE), 2 * AT_ONCE, start, spare));
  const bad = results.filter(({ failed, skipped }) => failed > 0 && skipped === 0);
  const steady = [];
  // Two cores make some processes late that users would not see late: once more, by themselves.
  const count = (kind) => bad.filter(({ file }) => company(file) === kind).length;
  const tooMany = new Set(bad.map(({ file }) => company(file)).filter((kind) => count(kind) > UNSTEADY_FILES));
  for (const one of bad.filter(({ file }) => !tooMany.has(company(file)))) {
    say(`failed, and once more by itself: ${one.file}`);
    const again = await start(one.file);
    if (again.failed > 0) continue;
    Object.assign(one, again);
    steady.push(one.file);
  }
  for (const stage of stages) {
    const of = results.filter(({ file }) => stageOf(file) === stage);
    const sum = (key) => of.reduce((all, one) => all + one[key], 0);
    process.stdout.write(`${[stage, sum('passed'), sum('failed'), ...steady.filter((file) => stageOf(file) === stage)].join(' ')}\n`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2));
