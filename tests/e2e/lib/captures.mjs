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

/** The recorded text turn with its deltas `gap` ms apart, and all else at once. */
export function slowed(gap) {
  let t = 0;
  return readCapture('02-text-paced').map((line) => ({ ...line, t: (t += isEvent('item/agentMessage/delta')(line) ? gap : 1) }));
}

/** The recorded text turn with other deltas: `count` of them, `gap` ms apart, numbered, `bytes` long. */
export function paced(count, gap, bytes) {
  const lines = readCapture('02-text-paced');
  const isDelta = isEvent('item/agentMessage/delta');
  const first = lines.findIndex(isDelta);
  const template = lines[first].msg.params;
  const deltas = Array.from({ length: count }, (_, n) => `${n}:${'äb c'.repeat(Math.ceil(bytes / 5))}`.slice(0, bytes) + ' ');
  const made = deltas.map((delta, n) => event({ t: lines[first].t + n * gap }, 'item/agentMessage/delta', { ...template, delta }));
  const shift = count * gap;
  const after = lines.slice(first).filter((line) => !isDelta(line)).map((line) => ({ ...line, t: line.t + shift }));
  for (const line of after) {
    const item = line.msg?.params?.item;
    if (item?.type === 'agentMessage') item.text = deltas.join('');
  }
  return [...lines.slice(0, first), ...made, ...after];
}
