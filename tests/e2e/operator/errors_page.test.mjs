// docs/errors.md is what the product says: every case of lib/errors/error_cases.mjs is carried out and has
// its exit code and a line that says what to type next; the page is made from what was printed.
// OA_UPDATE_ERRORS=1 rewrites the page, for review by eye; a test run never does.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { classesOf, startErrorWorld } from '../lib/errors/error_cases.mjs';
import { send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';
import { difference } from '../lib/screens.mjs';
import { CHAT, OPENAI, TURNS, refusalsPage } from '../lib/errors/refusals.mjs';

const PAGE = path.join(ROOT, 'docs/errors.md');
const UPDATE = process.env.OA_UPDATE_ERRORS === '1';
const SAYS_NEXT = /\([^()]+\)\s*$|next: \S|To finish: /;

let world, classes;
before(async () => {
  world = await startErrorWorld();
  classes = classesOf(world);
});
after(() => world.close());

/** Runs a case to its end. */
async function carriedOut(one) {
  const { env = {}, cwd = world.folder, stateDir = path.join(scratch('case'), 'state'), ms } = one;
  await one.before?.();
  try {
    if (!one.interrupt) return { ...(await oa(one.words, { env, cwd, stateDir, ms })), stateDir };
    const run = new Running(OA_BIN, one.words, { name: 'interrupted', folder: scratch('interrupted'), cwd, env: cleanEnv({ HOME: cwd, OA_STREAM_STATE_DIR: stateDir }) });
    await run.until(() => fs.existsSync(path.join(stateDir, 'runs')) && fs.readdirSync(path.join(stateDir, 'runs'), { recursive: true }).some((file) => file.endsWith('timeline.ndjson')), 'a run under way');
    run.signal('SIGINT');
    return { ...(await run.end()), stdout: run.stdout, stderr: run.stderr, stateDir };
  } finally {
    await one.after?.();
  }
}

/** What is said, without what is another at every run or on every machine. */
function plain(text, stateDir) {
  let out = text;
  for (const [real, name] of [[stateDir, '~/.local/state/oa-stream'], ...world.names].sort((a, b) => b[0].length - a[0].length)) out = out.replaceAll(real, name);
  return out
    .replaceAll(os.hostname(), 'HOST')
    .replaceAll(/\d{8}T\d{6}Z-([a-z-]+)-[0-9a-f]{8}/g, '20260222T043600Z-$1-1a2b3c4d')
    .replaceAll(/\bplan [0-9a-f]{12,64}\b/g, 'plan 1a2b3c4d5e6f')
    .replaceAll(/OpenSSL\/[\d.]+: error:[0-9A-F]+:/g, 'OpenSSL: ')
    .replaceAll(/\d+d ago/g, '9d ago')
    .replaceAll(/after \d+ ms/g, 'after 0 ms')
    .replaceAll(/\bin [\d.]+s:/g, 'in 0.1s:')
    .replaceAll(/\d\d:\d\d:\d\dZ/g, '04:36:00Z')
    .replaceAll(/\breq_[0-9a-f]+/g, 'req_1a2b3c4d')
    .replaceAll(/\r\x1b\[2K[^\r\n]*/g, '');
}
const quoted = (word) => (/^[\w./:=@%,+-]+$/.test(word) ? word : `'${word}'`);

/** The exit codes that docs/commands.md lists of the command; null: there is none of that name. */
const LISTED = new Map([...fs.readFileSync(path.join(ROOT, 'docs/commands.md'), 'utf8').matchAll(/^## oa-stream (.*)$[^]*?^Exit codes: (.*)\.$/gm)].map(([, name, codes]) => [name, codes.split(', ').map(Number)]));
function exitsOf(words) {
  assert.ok(LISTED.size > 50, 'the page lists them');
  return LISTED.get(words.slice(0, 2).join(' ')) ?? LISTED.get(words[0]) ?? null;
}

const said = new Map(); // class → its part of the page
const HEAD = `# When it does not work

Made by \`tests/e2e/operator/errors_page.test.mjs\` from what the product prints (\`OA_UPDATE_ERRORS=1\` rewrites
it). Every line names the place and the problem. The brackets, or the text after \`next:\`, show the next command.

`;
const pageOf = () => {
  const table = classes.map((one) => `| ${one.exit} | [${one.title}](#${one.title.toLowerCase().replaceAll(/[^a-z0-9 ]/g, '').replaceAll(' ', '-')}) |`);
  return `${HEAD}| exit code | |\n|---|---|\n| 0 | Success, or nothing to do. |\n${table.join('\n')}\n\nWith \`--json\` the same line is in \`error.message\` ([schema](schemas/README.md)); the exit code is the same.\n${classes.map((one) => said.get(one)).join('')}${refusalsPage()}`;
};

const MOST = 3; // lines of an answer on stdout that are shown; of stderr it is the last
test('every case ends with its exit code and says what to type next', async (t) => {
  for (const one of classes) {
    const blocks = [];
    for (const each of one.cases) {
      const typed = plain(each.typed ?? `oa-stream ${each.words.map(quoted).join(' ')}`, world.folder);
      await t.test(`${one.exit}: ${typed}`, async () => {
        const got = await carriedOut(each);
        const all = `exit ${got.code}\n${got.stdout.slice(-2000)}\n${got.stderr}`;
        assert.equal(got.code, one.exit, all);
        const listed = exitsOf(each.words);
        assert.ok(listed === null || listed.includes(one.exit), `its manual page lists ${listed}: ${all}`);
        assert.ok(!/terminate called|what\(\)|std::|nlohmann|boost|invariant|errno/i.test(got.stderr), `inner words: ${all}`);
        const last = (text) => text.trimEnd().split('\n').at(-1);
        assert.match(last(each.last === 'stdout' ? got.stdout : got.stderr), SAYS_NEXT, all);
        const [out, err] = [got.stdout, got.stderr].map((text) => plain(text, got.stateDir).trimEnd().split('\n').filter((line) => line !== ''));
        const { most = MOST, told = 1 } = each;
        const shown = each.last === 'stdout' ? out : [...out.slice(0, most), ...(most > 0 && out.length > most ? ['…'] : []), ...err.slice(-told)];
        blocks.push([`$ ${typed}`, ...shown].join('\n'));
      });
    }
    said.set(one, `\n## ${one.title}\n\nExit code ${one.exit}. ${one.says}\n\n\`\`\`\n${blocks.join('\n\n')}\n\`\`\`\n`);
  }
});

test('a lane refuses as the tables say', async () => {
  const lane = await startLane();
  const wrong = [];
  for (const [status, code, , , ask] of [...CHAT, ...OPENAI]) {
    if (!ask) continue;
    const answer = await send(lane.base, ask);
    const told = answer.text.startsWith('{') ? answer.json().error?.code : answer.text;
    if (answer.status !== status || told !== code) wrong.push(`${status} ${code}: saw ${answer.status} ${told} ${answer.text.slice(0, 200)}`);
  }
  await lane.stop();
  assert.deepEqual(wrong, []);
});

/** Codes in the sources: of refusals with a status, of parameters, of turns. */
function codesOfSources() {
  const found = new Set();
  const read = (folder) => fs.readdirSync(path.join(ROOT, folder), { recursive: true }).filter((name) => /\.[ch]pp$/.test(name)).map((name) => fs.readFileSync(path.join(ROOT, folder, name), 'utf8'));
  for (const text of [...read('src/lane'), ...read('src/encode')]) {
    for (const [, code] of text.matchAll(/\b[45]\d\d,\s*"([a-z_]{4,})"/g)) found.add(code);
    for (const [, code] of text.matchAll(/\bbad(?:_param)?\(\s*"([a-z_]{4,})"/g)) found.add(code);
    for (const [, code] of text.matchAll(/(?:RefusedRow\{[^}]*|code = )"(unsupported_[a-z]+)"/g)) found.add(code);
    for (const [, code] of text.matchAll(/OtherWord\{"[a-z_]+", "([a-z_]+)"\}/g)) found.add(code);
  }
  for (const [, code] of fs.readFileSync(path.join(ROOT, 'include/oa_stream/telemetry/turns.hpp'), 'utf8').match(/k_compat_codes[^;]*;/s)?.[0].matchAll(/"([a-z_]+)"/g) ?? []) found.add(code);
  for (const [, word] of fs.readFileSync(path.join(ROOT, 'src/turn/words.cpp'), 'utf8').matchAll(/Failure(?:Code|Cause)::\w+,\s*"([a-z_]+)"/g)) found.add(word);
  return [...found].sort();
}

test('no code of the sources is missing from the tables, and none is made up', () => {
  const listed = new Set([...CHAT, ...OPENAI].map(([, code]) => code).concat(Object.keys(TURNS)));
  assert.deepEqual([...listed].sort(), codesOfSources());
});

test('docs/errors.md says the same', () => {
  const page = pageOf();
  if (UPDATE) fs.writeFileSync(PAGE, page);
  const reviewed = fs.existsSync(PAGE) ? fs.readFileSync(PAGE, 'utf8') : '';
  if (reviewed !== page) assert.fail(`the page is not what is printed: OA_UPDATE_ERRORS=1 rewrites it; read what changed\n${difference(reviewed, page)}`);
});
