// One-operator changes in a room's sources, to see whether its tests notice:
//
//   ./dev mutate ROOM [--since REV] [--count N] [--seed N] [--at FILE:LINE…] [--e2e FILE…] [--list]
//
// Each change is built beside build/release and judged by the room's unit tests and by the files of --e2e.
// Survivors are listed with file and line; those explained in tests/mutants.md count as caught. The checkout
// stays as it is; do not edit its sources meanwhile. --at takes all changes of these lines instead of N of all.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const ROOT = fs.realpathSync(path.join(import.meta.dirname, '..'));
const BUILD = path.join(ROOT, 'build/release');
const OUT = path.join(ROOT, 'build/mutate', String(process.pid));
const EXPLAINED = path.join(ROOT, 'tests/mutants.md');
const OPERATORS = [
  [/ == /, ' != '], [/ != /, ' == '], [/ < /, ' <= '], [/ > /, ' >= '], [/ <= /, ' < '], [/ >= /, ' > '],
  [/ && /, ' || '], [/ \|\| /, ' && '], [/\(!(?=[a-z])/, '('], [/\btrue\b/, 'false'], [/\bfalse\b/, 'true'],
  [/ \+ 1\b/, ' + 2'], [/ - 1\b/, ' - 0'], [/ \+= /, ' -= '], [/\+\+(?=[a-z])/, '--'],
];

function options(words) {
  const out = { room: '', since: '', count: 15, seed: 1, at: [], e2e: [], list: false };
  const rest = [...words];
  const values = () => { const out = []; while (rest.length > 0 && !rest[0].startsWith('--')) out.push(rest.shift()); return out; };
  const value = (name) => {
    const next = rest.shift();
    if (next === undefined) throw new Error(`${name} needs a value`);
    return next;
  };
  while (rest.length > 0) {
    const word = rest.shift();
    if (word === '--since') out.since = value(word);
    else if (word === '--count') out.count = Number(value(word));
    else if (word === '--seed') out.seed = Number(value(word));
    else if (word === '--list') out.list = true;
    else if (word === '--at') out.at.push(...values());
    else if (word === '--e2e') out.e2e.push(...values());
    else if (!word.startsWith('-') && out.room === '') out.room = word;
    else throw new Error(`no such word: ${word}`);
  }
  if (!fs.existsSync(path.join(ROOT, 'src', out.room)) || out.room === '') throw new Error(`no room is called '${out.room}'`);
  if (!Number.isInteger(out.count) || out.count < 1) throw new Error('--count is a whole number from 1');
  return out;
}

/** The same numbers for the same seed (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** file → the lines that changed since a revision; null: all lines of all files. */
function changedSince(revision) {
  if (!revision) return null;
  const diff = execFileSync('git', ['-C', ROOT, 'diff', '-U0', revision, '--', 'src'], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const out = new Map();
  let file = '';
  for (const line of diff.split('\n')) {
    if (line.startsWith('+++ b/')) file = line.slice(6);
    const hunk = /^@@ \S+ \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (!hunk) continue;
    const lines = out.get(file) ?? new Set();
    for (let n = 0; n < Number(hunk[2] ?? 1); ++n) lines.add(Number(hunk[1]) + n);
    out.set(file, lines);
  }
  return out;
}

/** What a change may touch: code, not a comment, a text, an include or a compile-time check. */
function fit(line) {
  const code = line.replace(/\/\/.*$/, '').replace(/R?"(?:[^"\\]|\\.)*"/g, (text) => '"'.padEnd(text.length - 1, ' ') + '"');
  return /^\s*(#|static_assert|template|\*)/.test(code) ? '' : code;
}

export function mutantsOf(files, read, changed) {
  const out = [];
  for (const file of files) {
    const lines = read(file).split('\n');
    lines.forEach((line, index) => {
      if (changed && !changed.get(file)?.has(index + 1)) return;
      const code = fit(line);
      for (const [from, to] of OPERATORS) {
        const found = from.exec(code);
        if (found) out.push({ file, line: index + 1, at: found.index, from: found[0], to });
      }
    });
  }
  return out;
}

function chosen(mutants, count, seed) {
  const next = random(seed);
  const pool = [...mutants];
  const out = [];
  while (pool.length > 0 && out.length < count) out.push(...pool.splice(Math.floor(next() * pool.length), 1));
  return out;
}

const named = (mutant) => `${mutant.file}:${mutant.line} \`${mutant.from.trim()}\` → \`${mutant.to.trim()}\``;

/** Lines of tests/mutants.md: "- `src/x.cpp` `the line's code`: why no test can tell". */
function explained() {
  if (!fs.existsSync(EXPLAINED)) return [];
  return [...fs.readFileSync(EXPLAINED, 'utf8').matchAll(/^- `([^`]+)` `([^`]+)`: .+$/gm)].map(([, file, code]) => ({ file, code }));
}

const failed = (run) => (run.signal ? `ended by ${run.signal}` : `exit ${run.status}`);
const quiet = (program, args, seconds, cwd = BUILD) => spawnSync(program, args, { cwd, encoding: 'utf8', timeout: Math.round(seconds * 1000), killSignal: 'SIGKILL', maxBuffer: 1 << 28 }); // 0: no limit

/** The ordinary build, without a limit: it takes as long as the machine needs. */
function buildAll(targets) {
  const made = quiet('cmake', ['--preset', 'release'], 0, ROOT);
  if (made.status !== 0) throw new Error(`cmake --preset release: ${failed(made)}\n${made.stderr}`);
  const built = spawnSync('ninja', ['-C', BUILD, '-j', String(os.availableParallelism()), ...targets], { stdio: ['ignore', 2, 2] });
  if (built.status !== 0) throw new Error(`without any change: ninja ${targets.join(' ')}: ${failed(built)}. Correct that first`);
}

/** What compiles a source: a command of its own, or that of the unit that includes it. */
function unitOf(commands, source) {
  const includes = (unit) => unit.includes('/Unity/') && fs.readFileSync(unit, 'utf8').includes(`#include "${source}"`);
  const found = commands.find((one) => one.file === source) ?? commands.find((one) => includes(one.file));
  if (!found) throw new Error(`nothing compiles ${source}`);
  return { command: found.command, object: / -o (\S+) /.exec(found.command)[1] };
}

/** The command that makes a file of the build, by words: [a name in it, the one instead], …. */
function madeFrom(target, words) {
  const command = execFileSync('ninja', ['-C', BUILD, '-t', 'commands', '-s', target], { encoding: 'utf8' }).trim();
  const other = new Map(words);
  return command.split(' ').map((word) => other.get(word) ?? word).join(' ');
}

/**
 * Builds the programs with one source changed, below OUT. The compiler sees the changed text at the source's
 * own path, and what it writes goes elsewhere: neither the checkout nor its build folder changes.
 */
function makeWith(text, mutant, commands, programs) {
  const source = path.join(ROOT, mutant.file);
  const { command, object } = unitOf(commands, source);
  const room = mutant.file.split('/')[1];
  const library = `src/${room}/liboa_${room}.a`;
  const [changed, overlay, newObject, newLibrary] = ['changed.cpp', 'overlay.json', 'changed.o', 'changed.a'].map((name) => path.join(OUT, name));
  fs.writeFileSync(changed, text);
  fs.writeFileSync(overlay, JSON.stringify({ version: 0, 'use-external-names': false, roots: [{ type: 'file', name: source, 'external-contents': changed }] }));
  const steps = [
    command.replace(` -o ${object} `, ` -ivfsoverlay ${overlay} -w -o ${newObject} `),
    madeFrom(library, [[object, newObject], [library, newLibrary]]),
    ...programs.map((program) => madeFrom(program, [[library, newLibrary], [program, path.join(OUT, path.basename(program))]])),
  ];
  for (const step of steps) if (quiet('sh', ['-c', step], 0).status !== 0) return false;
  return true;
}

/** Where a test failed, or how the program ended. */
function failedAt(test) {
  if (test.error?.code === 'ETIMEDOUT') return ': no end';
  const place = /(tests\/\S+:\d+): FAILED/.exec(test.stdout);
  return place ? `: ${place[1]}` : `: ${failed(test)}`;
}

function main() {
  const asked = options(process.argv.slice(2));
  const files = fs.readdirSync(path.join(ROOT, 'src', asked.room), { recursive: true }).filter((file) => file.endsWith('.cpp')).map((file) => `src/${asked.room}/${file}`).sort();
  const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
  const all = mutantsOf(files, read, changedSince(asked.since));
  const mutants = asked.at.length > 0 ? all.filter((one) => asked.at.includes(`${one.file}:${one.line}`)) : chosen(all, asked.count, asked.seed);
  if (mutants.length === 0) return console.log(`no line of ${asked.room} can be changed that way`);
  if (asked.list) return console.log(mutants.map(named).join('\n'));
  const unit = `tests/${asked.room}/unit_${asked.room}`;
  const programs = asked.e2e.length > 0 ? [unit, 'oa-stream'] : [unit];
  buildAll(programs);
  fs.mkdirSync(OUT, { recursive: true });
  const commands = JSON.parse(fs.readFileSync(path.join(BUILD, 'compile_commands.json'), 'utf8'));
  let limit = 300;
  const judge = () => {
    const test = quiet(path.join(OUT, path.basename(unit)), ['--abort'], limit);
    if (test.status !== 0) return `unit tests${failedAt(test)}`;
    if (asked.e2e.length === 0) return '';
    const e2e = spawnSync(process.execPath, ['--test', '--test-force-exit', ...asked.e2e], { cwd: ROOT, stdio: 'ignore', timeout: 600_000, env: { ...process.env, OA_BIN: path.join(OUT, 'oa-stream') } });
    return e2e.status !== 0 ? 'e2e tests' : '';
  };
  // What builds and passes without any change is what the changes are judged by.
  const [first] = mutants;
  if (!makeWith(read(first.file), first, commands, programs)) throw new Error(`without any change: ${first.file} cannot be built in ${OUT}`);
  const started = Date.now();
  const before = judge();
  if (before !== '') throw new Error(`without any change: ${before}. Correct that first`);
  limit = 60 + (5 * (Date.now() - started)) / 1000;
  const known = explained();
  const survivors = [];
  let caught = 0;
  let judged = 0;
  for (const mutant of mutants) {
    const lines = read(mutant.file).split('\n');
    const line = lines[mutant.line - 1];
    lines[mutant.line - 1] = line.slice(0, mutant.at) + mutant.to + line.slice(mutant.at + mutant.from.length);
    if (!makeWith(lines.join('\n'), mutant, commands, programs)) {
      console.log(`does not compile: ${named(mutant)}`);
      continue;
    }
    const by = judge();
    judged += 1;
    const reason = known.find((one) => one.file === mutant.file && line.includes(one.code));
    if (by !== '' || reason) caught += 1;
    else survivors.push(mutant);
    console.log(`${by !== '' ? `caught by ${by}` : reason ? 'explained' : 'SURVIVED'}: ${named(mutant)}`);
  }
  console.log(`${asked.room}: ${caught} of ${judged} caught (${judged === 0 ? '–' : Math.round((100 * caught) / judged)} %)`);
  for (const mutant of survivors) console.log(`  survivor ${named(mutant)}: ${read(mutant.file).split('\n')[mutant.line - 1].trim()}`);
  process.exitCode = survivors.length === 0 ? 0 : 1;
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === import.meta.filename) {
  try {
    main();
  } catch (error) {
    console.error(`mutate: ${error.message}`);
    process.exitCode = 2;
  } finally {
    fs.rmSync(OUT, { recursive: true, force: true });
  }
}
