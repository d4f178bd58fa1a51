// Legal streams with one random change: what a released client refuses or shows otherwise, `check` must not pass.
//
// The short form runs for some seconds. A long one, with another seed:
//   OA_CHANGES=3000 OA_SEED=8 ./dev conformance tests/conformance/changed.test.mjs
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { runClients } from './client_thread.mjs';
import { sketch } from './ui-message-stream/lib.mjs';
import { OA_BIN, ROOT, cleanEnv, scratch } from '../e2e/lib/process.mjs';
import { random } from '../e2e/lib/random.mjs';

const CHANGES = Number(process.env.OA_CHANGES ?? 80), SEED = Number(process.env.OA_SEED ?? 7);
const KIT = path.join(ROOT, 'tests/conformance/ui-message-stream/cases');
const OTHER_VALUES = [null, 0, true, '', 'x', [], {}, [[1]], { a: {} }, { a: 1 }];
const KEYS = ['id', 'delta', 'providerMetadata', 'dynamic', 'toolName', 'title', 'data', 'input', 'messageMetadata', 'errorText', 'url', 'x'];
const TYPES = [
  'start', 'start-step', 'text-start', 'text-delta', 'text-end', 'reasoning-delta', 'tool-input-delta', 'tool-input-available',
  'tool-output-available', 'finish-step', 'finish', 'abort', 'data-x', 'file', 'source-url', 'source-document', 'message-metadata', 'tool-input-error',
];
const LINES = [': ping', 'data', 'data:', 'event: x', 'id: 7', 'retry: 10', 'data: null', 'data: {}', 'data: [DONE] '];

const next = random(SEED);
/** A whole number below n. */
const int = (n) => Math.floor(next() * n);
const pick = (list) => list[int(list.length)];

const streams = fs.readdirSync(KIT)
  .filter((name) => /^(ok|tol)-/.test(name) && !/continue|huge|many|bom|crlf/.test(name))
  .map((name) => ({ name, frames: fs.readFileSync(path.join(KIT, name), 'utf8').split('\n\n').slice(0, -1) }));
const everyFrame = streams.flatMap((one) => one.frames);

/** Changes a member of a chunk; frames without a chunk stay as they are. */
function member(frame, edit) {
  let chunk;
  try { chunk = JSON.parse(frame.replace(/^data: /, '')); } catch { return frame; }
  edit(chunk);
  return `data: ${JSON.stringify(chunk)}`;
}
const CHANGE = {
  drop: (frames, at) => { frames.splice(at, 1); },
  copy: (frames, at) => { frames.splice(int(frames.length + 1), 0, frames[at]); },
  swap: (frames, at) => { frames.splice(at, 2, ...frames.slice(at, at + 2).reverse()); },
  foreign: (frames, at) => { frames.splice(at, 0, pick(everyFrame)); },
  line: (frames, at) => { frames.splice(at, 0, pick(LINES)); },
  value: (frames, at) => { frames[at] = member(frames[at], (chunk) => { chunk[pick(Object.keys(chunk))] = pick(OTHER_VALUES); }); },
  key: (frames, at) => { frames[at] = member(frames[at], (chunk) => { chunk[pick(KEYS)] = pick(OTHER_VALUES); }); },
  lost: (frames, at) => { frames[at] = member(frames[at], (chunk) => { delete chunk[pick(Object.keys(chunk))]; }); },
  type: (frames, at) => { frames[at] = member(frames[at], (chunk) => { chunk.type = pick(TYPES); }); },
};

const folder = scratch('changed');
function passes(bytes) {
  const run = spawnSync(OA_BIN, ['check', '--json', '--chunk-bytes', String(1 + int(40)), '-'], { input: bytes, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: folder }) });
  assert.ok([0, 1].includes(run.status), `check ended with ${run.status ?? run.signal}: ${run.stderr}`);
  return run.status === 0;
}

/** The text of all deltas: what a page must show. */
function textOf(stream) {
  const data = stream.split('\n\n').map((event) => event.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n'));
  return data.map((one) => { try { return JSON.parse(one); } catch { return {}; } }).filter((chunk) => chunk.type === 'text-delta').map((chunk) => chunk.delta).join('');
}

/** What is wrong with this stream for its readers; empty: nothing. */
async function wrong(stream) {
  const seen = Object.entries(await runClients(new TextEncoder().encode(stream)));
  const refused = seen.filter(([, client]) => client.verdict !== 'accept').map(([name, client]) => `${name}: ${client.reason}`);
  if (refused.length > 0) return refused;
  const parts = seen.flatMap(([name, client]) => (client.message?.parts ?? []).map((part) => ({ name, ...part })));
  const open = parts.filter((part) => ['streaming', 'input-streaming'].includes(part.state)).map((part) => `${part.name} leaves ${part.type} ${part.state}`);
  const letters = (text) => [...text].sort().join('');
  const shown = (name) => letters(parts.filter((part) => part.name === name && part.type === 'text').map((part) => part.text).join(''));
  const lost = seen.filter(([name]) => shown(name) !== letters(textOf(stream))).map(([name]) => `${name} shows another text`);
  const sketches = new Set(seen.map(([, client]) => sketch(client.message)));
  return [...open, ...lost, ...(sketches.size > 1 ? [`different messages: ${[...sketches].join(' | ')}`] : [])];
}

test(`check passes no stream that a client refuses or shows otherwise (${CHANGES} changes, seed ${SEED})`, async () => {
  let passed = 0;
  for (let n = 0; n < CHANGES; n++) {
    const { name, frames } = pick(streams), how = pick(Object.keys(CHANGE)), changed = [...frames];
    CHANGE[how](changed, int(changed.length));
    const stream = `${changed.join('\n\n')}\n\n`;
    if (!passes(Buffer.from(stream))) continue;
    passed += 1;
    assert.deepEqual(await wrong(stream), [], `check passes, seed ${SEED}, change ${n} (${how} in ${name}):\n${stream}`);
  }
  assert.ok(passed >= CHANGES / 10, `only ${passed} of ${CHANGES} streams passed: the clients were hardly asked`);
});
