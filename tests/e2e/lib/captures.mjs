// Recorded transcripts, read and rewritten: damaged captures for what an authority may do wrong.
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, scratch } from './process.mjs';

export function readCapture(name) {
  const file = path.join(ROOT, 'fixtures/captures', `${name}.jsonl`);
  return fs.readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
}

/** A folder with these captures: {NAME: lines}. */
export function writeCaptures(captures) {
  const folder = scratch('captures');
  for (const [name, lines] of Object.entries(captures)) {
    fs.writeFileSync(path.join(folder, `${name}.jsonl`), lines.map((l) => JSON.stringify(l)).join('\n') + '\n');
  }
  return folder;
}

export const isEvent = (method) => (line) => line.dir === 's2c' && line.msg?.method === method;
/** A notification of the server, at the time of the line it stands beside. */
export const event = (beside, method, params) => ({ t: beside.t, dir: 's2c', msg: { method, params, emittedAtMs: 0 } });
