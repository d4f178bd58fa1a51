// clang-tidy over the product's sources: ./dev lint [--since REF | FILE…].
//
// Most of a run's time goes into system headers, once per translation unit. So the files of a room
// are read together, in as few units as their file-local names allow, and a unit that was clean is
// not read again until its preprocessed text, .clang-tidy or clang-tidy itself changes.
import { execFile, execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const ROOT = fs.realpathSync(path.join(import.meta.dirname, '..'));
const [build, ...asked] = process.argv.slice(2);
const OUT = path.resolve(build, 'lint');
const CLEAN = path.join(OUT, 'clean');
const TIDY = 'clang-tidy-19';
const JOBS = Number(process.env.JOBS ?? os.availableParallelism());
fs.mkdirSync(CLEAN, { recursive: true });

const git = (...args) => execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).split('\n').filter(Boolean);
const run = (program, args, cwd) => new Promise((done) => {
  execFile(program, args, { cwd, maxBuffer: 1 << 29 }, (error, stdout, stderr) => done({ ok: !error, stdout, stderr }));
});
const sha = (...parts) => parts.reduce((hash, part) => hash.update(part).update('\0'), crypto.createHash('sha256')).digest('hex');

/** file → {directory, flags}; CMake writes no quotes into these commands but \" of definitions. */
function readCommands() {
  const rows = JSON.parse(fs.readFileSync(path.join(build, 'compile_commands.json'), 'utf8'));
  return new Map(rows.map(({ file, directory, command }) => {
    const words = command.replaceAll('\\"', '"').split(' ').filter(Boolean);
    const first = words.findIndex((word) => path.basename(word).startsWith('clang++'));
    return [file, { directory, compiler: words[first], flags: words.slice(first + 1, words.indexOf('-o')) }];
  }));
}

/** The sources to read: all, those given, or what changed since REF; for a header one that includes it. */
function wanted(commands) {
  const all = [...commands.keys()].filter((file) => file.startsWith(path.join(ROOT, 'src/')));
  if (asked.length === 0) return all;
  const since = asked[0] === '--since';
  const names = since ? [...git('diff', '--name-only', asked[1]), ...git('ls-files', '--others', '--exclude-standard')] : asked;
  const chosen = new Set();
  for (const name of names.map((one) => path.resolve(ROOT, one)).filter((one) => fs.existsSync(one))) {
    if (all.includes(name)) chosen.add(name);
    if (!name.endsWith('.hpp')) continue;
    const stem = path.basename(name);
    const includers = all.filter((file) => fs.readFileSync(file, 'utf8').includes(`${stem}"`));
    const twin = includers.find((file) => path.basename(file, '.cpp') === path.basename(stem, '.hpp'));
    if (twin ?? includers[0]) chosen.add(twin ?? includers[0]);
    else if (name.startsWith(path.join(ROOT, 'src/')) || name.startsWith(path.join(ROOT, 'include/'))) console.error(`lint: nothing includes ${name}`);
  }
  return all.filter((file) => chosen.has(file));
}

function unitOf(room, number, files) {
  const file = path.join(OUT, `${room}_${number}.cpp`);
  fs.writeFileSync(file, files.map((one) => `#include "${one}"\n`).join(''));
  return { file, files };
}

/** Splits off what does not compile beside the others, until every file has its unit. */
async function group(room, files, { directory, compiler, flags }) {
  const units = [];
  for (let left = files; left.length > 0;) {
    const later = [];
    let unit = unitOf(room, units.length, left);
    while (unit.files.length > 1) {
      const { ok, stderr } = await run(compiler, [...flags, '-fsyntax-only', '-w', '-ferror-limit=0', unit.file], directory);
      if (ok) break;
      const lines = stderr.split('\n');
      const named = (pattern) => new Set(lines.map((line) => pattern.exec(line)?.[1]).filter((file) => unit.files.includes(file)));
      let clashing = named(/^(\/[^:]+\.cpp):\d+:\d+: (?:fatal )?error:/);
      if (clashing.size === 0) clashing = named(/^In file included from (\/[^:]+\.cpp):/);
      const rest = unit.files.filter((file) => !clashing.has(file));
      const kept = clashing.size === 0 || rest.length === 0 ? [unit.files[0]] : rest;
      later.push(...unit.files.filter((file) => !kept.includes(file)));
      unit = unitOf(room, units.length, kept);
    }
    units.push(unit);
    left = later;
  }
  return units;
}

async function keyOf(unit, { directory, compiler, flags }) {
  const { ok, stdout } = await run(compiler, [...flags, '-E', '-C', unit.file], directory);
  return ok ? sha(CONFIG, VERSION, stdout) : null;
}

async function tidy(unit, { directory, flags }) {
  const { ok, stdout, stderr } = await run(TIDY, [
    '--quiet', `--config-file=${path.join(ROOT, '.clang-tidy')}`, '--warnings-as-errors=*',
    // Our own files alone, which here includes the sources; that they are included is our doing.
    `--header-filter=^${ROOT}/(include/oa_stream|src)/`, '--checks=-bugprone-suspicious-include',
    unit.file, '--', ...flags,
  ], directory);
  if (!ok) process.stdout.write((stdout || stderr).replaceAll(`${ROOT}/`, ''));
  return ok;
}

async function room(name, files, command) {
  // The split of the last run is tried first: while it is clean, nothing has to be compiled.
  const memory = path.join(OUT, `${sha(name, ...files).slice(0, 16)}.json`);
  let units = fs.existsSync(memory) ? JSON.parse(fs.readFileSync(memory, 'utf8')) : null;
  if (units) units = units.map((unit, number) => unitOf(name, number, unit.files));
  const known = async () => {
    for (const unit of units) {
      unit.key = await keyOf(unit, command);
      unit.clean = unit.key !== null && fs.existsSync(path.join(CLEAN, unit.key));
    }
  };
  if (units) await known();
  if (!units?.every((unit) => unit.clean)) {
    units = await group(name, files, command);
    await known();
    fs.writeFileSync(memory, JSON.stringify(units.map((unit) => ({ files: unit.files }))));
  }
  let ok = true;
  for (const unit of units.filter((one) => !one.clean)) {
    const good = await tidy(unit, command);
    if (good && unit.key) fs.writeFileSync(path.join(CLEAN, unit.key), unit.files.join('\n'));
    ok &&= good;
  }
  const read = units.filter((one) => !one.clean).length;
  console.error(`lint: ${name}: ${files.length} files, ${ok ? 'clean' : 'FINDINGS'} (${read} of ${units.length} units read)`);
  return ok;
}

const CONFIG = fs.readFileSync(path.join(ROOT, '.clang-tidy'));
const VERSION = execFileSync(TIDY, ['--version']);
const commands = readCommands();
const rooms = new Map();
for (const file of wanted(commands)) {
  const folder = path.relative(path.join(ROOT, 'src'), path.dirname(file)).replaceAll('/', '_');
  const alike = [...rooms.values()].filter((one) => one.folder === folder);
  const flags = commands.get(file).flags.join(' '); // those of a room that tells a version differ
  const found = alike.find((one) => one.flags === flags);
  if (found) found.files.push(file);
  else rooms.set(alike.length ? `${folder}-${alike.length + 1}` : folder, { folder, flags, files: [file] });
}
const queue = [...rooms].map(([name, { files }]) => [name, files]).sort((a, b) => b[1].length - a[1].length);
let failed = 0;
const worker = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) {
    if (!await room(next[0], next[1], commands.get(next[1][0]))) ++failed;
  }
};
await Promise.all(Array.from({ length: Math.max(1, JOBS) }, worker));
process.exitCode = failed === 0 ? 0 : 1;
