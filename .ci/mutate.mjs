// One-operator changes in a room's sources, to see whether its tests notice:
//
//   ./dev mutate ROOM [--since REV] [--count N] [--seed N] [--e2e FILE…] [--list]
//
// Each change is built and judged by the room's unit tests and by the files of --e2e, then taken back.
// Survivors are listed with file and line; those explained in tests/mutants.md count as caught. The
// work is done in a copy of the tree below the build folder, so the checkout stays as it is.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const ROOT = fs.realpathSync(path.join(import.meta.dirname, '..'));
const EXPLAINED = path.join(ROOT, 'tests/mutants.md');
const OPERATORS = [
  [/ == /, ' != '], [/ != /, ' == '], [/ < /, ' <= '], [/ > /, ' >= '], [/ <= /, ' < '], [/ >= /, ' > '],
  [/ && /, ' || '], [/ \|\| /, ' && '], [/\(!(?=[a-z])/, '('], [/\btrue\b/, 'false'], [/\bfalse\b/, 'true'],
  [/ \+ 1\b/, ' + 2'], [/ - 1\b/, ' - 0'], [/ \+= /, ' -= '], [/\+\+(?=[a-z])/, '--'],
];

function options(words) {
  const out = { room: '', since: '', count: 15, seed: 1, e2e: [], list: false };
  const rest = [...words];
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
    else if (word === '--e2e') { while (rest.length > 0 && !rest[0].startsWith('--')) out.e2e.push(rest.shift()); }
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

const same = (one, other) => fs.lstatSync(one).isFile() && fs.existsSync(other) && fs.readFileSync(one).equals(fs.readFileSync(other));

/** A copy to build in. Only what differs is written: it is built again then, a change that a stopped run left, too. */
function copyTree() {
  const copy = path.join(ROOT, 'build/mutate/tree');
  fs.mkdirSync(copy, { recursive: true });
  for (const name of ['CMakeLists.txt', 'CMakePresets.json', 'cmake', 'src', 'include', 'tests', 'playbooks', 'docs', 'fixtures', 'man', 'completions', 'packaging', 'examples', 'bench', 'LICENSE', 'README.md', 'CHANGELOG.md']) {
    const from = path.join(ROOT, name);
    if (!fs.existsSync(from)) continue;
    fs.cpSync(from, path.join(copy, name), { recursive: true, force: true, verbatimSymlinks: true, filter: (one, there) => !one.includes('node_modules') && !same(one, there) });
  }
  return copy;
}

const quiet = (program, args, cwd, minutes) => spawnSync(program, args, { cwd, encoding: 'utf8', timeout: minutes * 60_000, killSignal: 'SIGKILL', maxBuffer: 1 << 28 });

function main() {
  const asked = options(process.argv.slice(2));
  const files = execFileSync('git', ['-C', ROOT, 'ls-files', `src/${asked.room}`], { encoding: 'utf8' }).split('\n').filter((file) => file.endsWith('.cpp'));
  const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
  const mutants = chosen(mutantsOf(files, read, changedSince(asked.since)), asked.count, asked.seed);
  if (mutants.length === 0) return console.log(`no line of ${asked.room} can be changed that way`);
  if (asked.list) return console.log(mutants.map(named).join('\n'));
  const copy = copyTree();
  const build = path.join(copy, 'build/release');
  const unit = `unit_${asked.room}`;
  const targets = asked.e2e.length > 0 ? [unit, 'oa-stream'] : [unit];
  const make = () => quiet('ninja', ['-C', build, ...targets], copy, 30);
  const judge = () => {
    const built = make();
    if (built.status !== 0) return 'does not compile';
    const test = quiet(path.join(build, 'tests', asked.room, unit), ['--abort'], build, 5);
    if (test.status !== 0) return 'unit tests';
    if (asked.e2e.length === 0) return '';
    const e2e = spawnSync(process.execPath, ['--test', '--test-force-exit', ...asked.e2e], { cwd: ROOT, stdio: 'ignore', timeout: 600_000, env: { ...process.env, OA_BIN: path.join(build, 'oa-stream') } });
    return e2e.status !== 0 ? 'e2e tests' : '';
  };
  const made = quiet('cmake', ['--preset', 'release'], copy, 5);
  if (made.status !== 0) throw new Error(`cmake --preset release failed in ${copy}\n${made.stderr}`);
  const before = judge();
  if (before !== '') throw new Error(`without any change: ${before}. Mend that first`);
  const known = explained();
  const survivors = [];
  let caught = 0;
  let judged = 0;
  for (const mutant of mutants) {
    const file = path.join(copy, mutant.file);
    const text = fs.readFileSync(file, 'utf8');
    const lines = text.split('\n');
    const line = lines[mutant.line - 1];
    lines[mutant.line - 1] = line.slice(0, mutant.at) + mutant.to + line.slice(mutant.at + mutant.from.length);
    fs.writeFileSync(file, lines.join('\n'));
    const by = judge();
    fs.writeFileSync(file, text);
    if (by === 'does not compile') continue;
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
  }
}
