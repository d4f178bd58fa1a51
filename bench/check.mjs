// How fast `oa-stream check` judges a large stream: beside simdjson, which parses the JSON of the same lines and
// judges nothing.
import fs from 'node:fs';
import path from 'node:path';

const BYTES = 99e6, ROUNDS = 5;

function writeStream(file) {
  const frame = (chunk) => `data: ${JSON.stringify(chunk)}\n\n`;
  const words = 'The lane passes “every” delta on: once, in order, whole. '.split(' ');
  const out = fs.openSync(file, 'w');
  let bytes = fs.writeSync(out, frame({ type: 'start', messageId: 'm1' }) + frame({ type: 'start-step' }) + frame({ type: 'text-start', id: 't1' }));
  for (let n = 0; bytes < BYTES;) {
    let text = '';
    for (let i = 0; i < 10000; ++i) text += frame({ type: 'text-delta', id: 't1', delta: `${words[n++ % words.length]} ` });
    bytes += fs.writeSync(out, text);
  }
  bytes += fs.writeSync(out, `${frame({ type: 'text-end', id: 't1' })}${frame({ type: 'finish-step' })}${frame({ type: 'finish' })}data: [DONE]\n\n`);
  fs.closeSync(out);
  return bytes;
}

/** `timed(line, args)` runs a shell line: {cpu_s, wall_s}. */
export async function check({ work, timed, oa, peer }) {
  const file = path.join(work, 'large.sse');
  const bytes = writeStream(file);
  const rows = [];
  for (const [name, line, program] of [['oa-stream check', '"$@" >/dev/null', [oa, 'check', file]], ['simdjson, parse only', '"$@" >/dev/null', [peer, file]]]) {
    let best = Infinity;
    for (let round = 0; round < ROUNDS; ++round) best = Math.min(best, (await timed(line, program)).cpu_s);
    rows.push({ name, bytes, cpu_s: best, mb_per_s: bytes / best / 1e6 });
    console.error(`bench: ${JSON.stringify(rows.at(-1))}`);
  }
  fs.rmSync(file);
  return rows;
}

export function showCheck(rows) {
  const lines = ['', `Check: a stream of ${(rows[0].bytes / 1e6).toFixed(0)} MB, the quickest of ${ROUNDS} by CPU.`, '', '| program | CPU | bytes a second of CPU |', '|---|---|---|'];
  for (const row of rows) lines.push(`| ${row.name} | ${row.cpu_s.toFixed(2)} s | ${row.mb_per_s.toFixed(0)} MB |`);
  return [...lines, '', `\`check\` does ${(rows[0].mb_per_s / rows[1].mb_per_s * 100).toFixed(0)} % of simdjson's rate.`].join('\n');
}
