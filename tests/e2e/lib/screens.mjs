// Screens as goldens: what a terminal showed, with colours as readable marks, what differs from run to
// run replaced by placeholders of the same width, and compared with what a person has reviewed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, scratch } from './process.mjs';

const GOLDENS = path.join(ROOT, 'tests/e2e/data/terminal');
const NAMES = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow' };

/** Marks such as <bold red>…</>, on each line for itself: what tmux tells goes on over line ends. */
export function readable(lines) {
  const on = new Set();
  const set = (code) => {
    if (code === 0) on.clear();
    else if (code === 39) for (const colour of [31, 32, 33]) on.delete(colour);
    else if (code !== 49) on.add(code);
  };
  return lines.map((line) => {
    let out = '', shown = '';
    for (const [, codes, text] of line.matchAll(/(?:\x1b\[([\d;]*)m)?([^\x1b]*)/g)) {
      if (codes !== undefined) codes.split(';').map(Number).forEach(set);
      if (text === '') continue;
      const wanted = [...on].sort((a, b) => a - b).map((code) => NAMES[code] ?? `sgr ${code}`).join(' ');
      if (wanted !== shown) out += `${shown === '' ? '' : '</>'}${wanted === '' ? '' : `<${wanted}>`}`;
      shown = wanted;
      out += text;
    }
    return shown === '' ? out : `${out}</>`;
  });
}
/** Without the marks. */
export const bare = (screen) => screen.replace(/<\/>|<(?:[a-z]+ ?)+>/g, '');

const hashes = (text) => text.replace(/[0-9a-z]/gi, '#');
const digits = (text) => text.replace(/\d/g, '#');
/** A right-aligned cell: its column stays, however wide the number is. */
const cell = (text, shown) => shown.padStart(text.length);

/**
 * The one table of what differs from run to run. What is replaced keeps its width, so columns, breaks
 * and cuts count; [pattern, replacement of what it matches].
 */
const TABLE = [
  // Folders, ids, addresses.
  [/\/tmp\/oa-\w{6}\//g, () => '/tmp/oa-######/'],
  [/\d{8}T\d{6}Z(?=-)/g, () => '########T######Z'],
  [/(?<=Z-[a-z-]+-)[0-9a-f](?:\n?[0-9a-f]){7}/g, hashes],
  [/(?<=^plan )[0-9a-f]{12}/gm, hashes],
  [/(?<=127\.0\.0\.1:)\d{5}/g, digits],
  [/(?<=req_|oasmoke_)[0-9a-f]+/g, hashes],
  [/(?<=x-oa-turn-id: ")[0-9a-f-]+/g, hashes],
  // Times.
  [/\d\d:\d\d:\d\d/g, digits],
  [/\d+\.\d+(?=s?[ ,](?:s )?(?:old|detection|decision|left))/g, digits],
  [/(?<=(?:recovery|detection|decision)\s+)\d+\.\d+(?=s)/g, digits],
  [/(?<=interrupted after )[\d.]+m?s/g, () => '##ms'],
  [/(?<=over the last )\d+/g, digits],
  // Times and counts behind which nothing can be moved: of one width.
  [/(?<=\bin )[\d.]+m?s(?=: )/g, () => '#.#s'],
  [/(?<=first content after )\d+ms$/gm, () => '##ms'],
  [/(?<=arrived in )\d+ reads over \d+ms$/gm, () => '## reads over ###ms'],
  // Samples and their intervals.
  // (A busy machine takes fewer: the numbers get narrower, the words stay where they are.)
  [/\(\d+\s+of\s+\d+[^)]*\)/g, (text) => text.replace(/\d+(?:\.\d+)?/g, '#')],
  [/\d+(?= in a row of| fresh connections)/g, () => '#'],
  // Rows of tables: the columns are right-aligned.
  [/^ +\d+% +(?:\d+\/\d+|-) +(?:\d+\/\d+|-) +\S+ +\S+ (?= )/gm, (row) => row.replace(/ +\d+\/\d+/g, (text) => cell(text, '#/##')).replace(/ +[\d.]+m?s\b/g, (text) => cell(text, '##ms'))],
  [/^\/.{30,} {2}[\d.–]+ .*$/gm, (row) => row.replace(/ +[>\d.]+m?s(?= |$)/g, (text) => cell(text, '##ms')).replace(/ +\d+\.\d(?= |$)/g, (text) => cell(text, '#.#'))],
  // The live line: its bar, and the last value, behind which nothing can be moved.
  [/[█░]{10}/g, () => '▒▒▒▒▒▒▒▒▒▒'],
  [/\d+(?:\.\d)?s–\d+(?:\.\d)?(?=s in all)/g, () => '#.#s–##'],
  [/\d+(?:\.\d)?(?=s (?:left|in all))/g, digits],
  [/(?<=\| n )\d+\+\d+/g, digits],
  [/(?<=\| n .* p95 )\d+ms$/gm, () => '##ms'],
  // What doctor finds on this very machine.
  [/^ {2}(?:<\w+>)?(?:PASS|INCONCLUSIVE)(?:<\/>)? +machine\.clock .*\n(?: {16,}.*\n)*/m, () => '  (machine.clock, as it is here)\n'],
  [/\d+(?= open files)/g, () => '#####'],
  [/\d+(?= MiB free)/g, () => '#####'],
];

export const normalised = (text) => TABLE.reduce((now, [pattern, replace]) => now.replace(pattern, replace), text);

/** As diff -u tells it: what was reviewed, and what is printed now. */
export function difference(expected, actual) {
  const folder = scratch('diff');
  const [was, is] = ['reviewed', 'printed'].map((name) => path.join(folder, name));
  fs.writeFileSync(was, expected);
  fs.writeFileSync(is, actual);
  return spawnSync('diff', ['-u', was, is], { encoding: 'utf8' }).stdout;
}

const written = [];
/** A run that wrote goldens is no success: they are to be reviewed first. */
export const nothingWritten = () => assert.deepEqual(written, [], 'written, to be reviewed by eye');

/** Compares a screen with its golden; nothing is written unless OA_UPDATE_TERMINAL asks for it. */
export function matchesGolden(name, screen) {
  const file = path.join(GOLDENS, `${name}.txt`);
  const actual = `${normalised(screen)}\n`;
  const expected = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (expected === actual) return;
  if (process.env.OA_UPDATE_TERMINAL === '1') {
    fs.mkdirSync(GOLDENS, { recursive: true });
    fs.writeFileSync(file, actual);
    written.push(file);
    return;
  }
  assert.fail(`${name} is not as it was reviewed:\n${difference(expected, actual)}\nas it was captured:\n${screen}`);
}
