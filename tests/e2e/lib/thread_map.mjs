// The lane's id map file (docs/chats.md), written and read without the lane.
import fs from 'node:fs';
import zlib from 'node:zlib';

export const HEADER = 'oa-stream threads 2\n';
const escape = (text) => text.replace(/[\\\t\n]/g, (c) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n' })[c]);
const plain = (text) => text.replace(/\\(.)/g, (_, c) => ({ t: '\t', n: '\n' })[c] ?? c);

export function line({ owner = '', id, thread, seeded = 0, created = 0, updated = 0, title = '' }) {
  const text = ['t', escape(owner), escape(id), escape(thread), seeded, created, updated, escape(title)].join('\t');
  return `${zlib.crc32(text).toString(16).padStart(8, '0')}\t${text}\n`;
}

/** Rows 0 … count-1, made by `row(n)`, each newer than the one before. */
export function writeMap(file, count, row) {
  const out = fs.openSync(file, 'w');
  let text = HEADER;
  for (let n = 0; n < count; n++) {
    text += line(row(n));
    if (text.length > 1 << 20) {
      fs.writeSync(out, text);
      text = '';
    }
  }
  fs.writeSync(out, text);
  fs.closeSync(out);
}

/** The newest line of every row. */
export function readMap(file) {
  const [header, ...lines] = fs.readFileSync(file, 'utf8').split('\n');
  if (`${header}\n` !== HEADER) throw new Error(`${file} is not an id map`);
  const rows = new Map();
  for (const text of lines.filter((l) => l !== '')) {
    const [crc, ...fields] = text.split('\t');
    if (zlib.crc32(fields.join('\t')).toString(16).padStart(8, '0') !== crc) throw new Error(`damaged line: ${text}`);
    const [, owner, id, thread, seeded, created, updated, title, marks = ''] = fields.map(plain);
    if (marks.includes('d')) {
      rows.delete(`${owner}/${id}`);
      continue;
    }
    rows.set(`${owner}/${id}`, { owner, id, thread, seeded: Number(seeded), created: Number(created), updated: Number(updated), title });
  }
  return [...rows.values()];
}
