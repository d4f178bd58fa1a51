// What released clients were seen to do with the lane: the tables of docs/clients.md. A test names the cells that
// its success makes; they are kept beside, in seen/, a file for each test file. OA_SEEN=write takes them down anew,
// otherwise they must be the same.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../e2e/lib/process.mjs';

export const SEEN = path.join(ROOT, 'tests/conformance/seen');
const writes = process.env.OA_SEEN === 'write';

/** Columns of each table, in order. */
export const TABLES = {
  chats: {
    tools: 'functions of the page, two calls, sent by itself', reload: 'page loaded again, both orders', late: 'other results refused',
    images: 'three images of 4 MB', named: 'what has no effect is named', moved: 'a chat from elsewhere',
  },
  completions: { text: 'text, whole and streamed', errors: 'errors, abort, 429', tools: 'function tools', calls: 'several calls at once' },
  responses: { text: 'text, whole and streamed', tools: 'function tools', calls: 'several calls at once', on: 'goes on from a response', failed: 'a failed turn' },
};

/** The version of a package that a kit's lock file has. */
export function versionIn(kit, name) {
  const lock = JSON.parse(fs.readFileSync(path.join(ROOT, 'tests/conformance', kit, 'package-lock.json'), 'utf8'));
  return lock.packages[`node_modules/${name}`].version;
}

function keep(url, cells) {
  for (const cell of cells) assert.ok(TABLES[cell.table]?.[cell.column], `no column ${cell.table}.${cell.column}`);
  const file = path.join(SEEN, `${path.basename(fileURLToPath(url), '.test.mjs')}.json`);
  const text = `[\n${cells.map((cell) => JSON.stringify(cell)).join(',\n')}\n]\n`;
  if (writes) fs.writeFileSync(file, text);
  else assert.equal(fs.readFileSync(file, 'utf8'), text, `${path.basename(file)} is old: OA_SEEN=write ./dev conformance`);
}

/** Cells that become known while a test runs. */
export const saw = keep;

/** For a test file: `shows({table, client, version, cells: {column: 'in its words'}, …}, name, [options], run)` is a test that makes cells. */
export function witness(url) {
  const named = [], made = new Set();
  after(() => {
    // A test that was left out or failed has been told of as such; it takes nothing from the page.
    keep(url, (writes ? named.filter((one) => made.has(one)) : named).flatMap(({ table, client, version, cells }) =>
      Object.entries(cells).map(([column, how]) => ({ table, client, version, column, how }))));
  });
  return (what, name, ...rest) => {
    const run = rest.pop();
    named.push(what);
    test(name, rest[0] ?? {}, async (t) => { await run(t); made.add(what); });
  };
}

/** The rows of a table, as Markdown. */
export function render(table, cells) {
  const columns = Object.entries(TABLES[table]), rows = new Map();
  for (const { file, client, version, column, how } of cells.filter((cell) => cell.table === table)) {
    const key = `${client}|${version}`;
    if (!rows.has(key)) rows.set(key, { client, version, texts: {} });
    const said = rows.get(key).texts[column] ??= [];
    const text = how ? `${how}: ${file}` : file;
    if (!said.includes(text)) said.push(text);
  }
  const order = new Intl.Collator('en', { numeric: true });
  const sorted = [...rows.values()].sort((a, b) => order.compare(a.client.replaceAll('`', ''), b.client.replaceAll('`', '')) || order.compare(a.version, b.version));
  const line = (texts) => `| ${texts.join(' | ')} |`;
  return [
    line(['client', 'version', ...columns.map(([, title]) => title)]),
    `|${'---|'.repeat(columns.length + 2)}`,
    ...sorted.map(({ client, version, texts }) => line([client, version, ...columns.map(([column]) => (texts[column] ?? []).join('; '))]).replaceAll('|  |', '| |').replaceAll('|  |', '| |')),
  ].join('\n');
}
