// docs/clients.md shows what the released clients were seen to do: its tables are made of seen/.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../e2e/lib/process.mjs';
import { SEEN, TABLES, render } from './seen.mjs';

const PAGE = path.join(ROOT, 'docs/clients.md');
const files = fs.readdirSync(SEEN).filter((file) => file.endsWith('.json')).sort();
const stem = (file) => path.basename(file, '.json');

test('the tables of docs/clients.md are what was seen', () => {
  const cells = files.flatMap((file) => JSON.parse(fs.readFileSync(path.join(SEEN, file), 'utf8')).map((cell) => ({ file: stem(file), ...cell })));
  let page = fs.readFileSync(PAGE, 'utf8');
  for (const table of Object.keys(TABLES)) {
    const begin = `<!-- ${table}: made by tests/conformance/seen.mjs -->\n`, end = `\n<!-- end of ${table} -->`;
    const [before, rest] = page.split(begin);
    assert.ok(rest?.includes(end), `docs/clients.md has no place for ${table}`);
    page = `${before}${begin}${render(table, cells)}${rest.slice(rest.indexOf(end))}`;
  }
  if (process.env.OA_SEEN === 'write') fs.writeFileSync(PAGE, page);
  assert.equal(fs.readFileSync(PAGE, 'utf8'), page, 'docs/clients.md is old: OA_SEEN=write ./dev conformance tests/conformance/clients_page.test.mjs');
});

test('what was seen is seen by tests that are still there', () => {
  for (const file of files) {
    const source = fs.readFileSync(path.join(ROOT, 'tests/conformance', `${stem(file)}.test.mjs`), 'utf8');
    assert.match(source, /from '\.\/seen\.mjs'/, file);
  }
});
