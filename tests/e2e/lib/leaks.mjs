// Over the whole suite: no secret that a test hands out stands in what oa-stream leaves or says. The
// values of all secret-like variables and token files are remembered as processes are started; when
// the test file ends, everything that oa-stream wrote or printed is searched for them by bytes.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** Wider than the product's own list: a name that only contains the word is a secret here. */
const SECRET_NAME = /TOKEN|KEY|SECRET|PASSW|COOKIE/;
/** Folders of a state directory that are not searched, and why. */
const NOT_OURS = {
  'codex/home': "Codex's own memory of its threads: it keeps what the provider said, and a test makes that quote the key",
};
/** Options whose value is a file that oa-stream writes, to be shown around. */
const WRITES = ['--junit', '--tap', '--out', '--textfile', '--access-log'];
const RUN = /^(\d{8}T\d{6}Z-[a-z-]+-[0-9a-f]{8}|incident-\d{8}T\d{6}Z-.*)$/;

const known = new Map(); // value → what it is called
const states = new Set();
const written = new Set();
const sayers = new Set();

/** Names a secret that the file plants in another way than by a variable or a token file. */
export function handOut(name, value) {
  if (value.length >= 8) known.set(value, name);
}

/** How a secret may stand in a file: [form, needle as bytes]. Of base64 only what it alone decides. */
export function formsOf(value) {
  const json = JSON.stringify(value).slice(1, -1);
  const percent = [...Buffer.from(value)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const out = [['raw', value], ['percent', encodeURIComponent(value)], ['percent', percent], ['percent', percent.toUpperCase()],
    ['JSON', json], ['JSON', json.replaceAll('/', '\\/')], ['JSON in JSON', JSON.stringify(json).slice(1, -1)]];
  for (const lead of [0, 1, 2]) {
    const bytes = Buffer.concat([Buffer.alloc(lead, 'x'), Buffer.from(value)]);
    const text = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64').slice(lead === 0 ? 0 : 4);
    out.push([`base64 at ${lead}`, text], [`base64url at ${lead}`, text.replaceAll('+', '-').replaceAll('/', '_')]);
  }
  const seen = new Set();
  return out.filter(([, needle]) => needle.length >= 8 && !seen.has(needle) && seen.add(needle)).map(([form, needle]) => [form, Buffer.from(needle)]);
}

/** As a reader of the stream puts it together again, part by part. */
export function joinedDeltas(text) {
  const parts = new Map();
  for (const [, line] of text.matchAll(/^(?:data: ?)?(\{.*\})$/gm)) {
    const id = /"id":"([^"]*)"/.exec(line)?.[1] ?? '';
    for (const [, name, piece] of line.matchAll(/"(delta|inputTextDelta|content|text|arguments)":"((?:[^"\\]|\\.)*)"/g)) {
      parts.set(`${name} ${id}`, (parts.get(`${name} ${id}`) ?? '') + piece);
    }
  }
  return [...parts.values()].join('\n');
}

/** Which of `secrets` (name → value) stands in `bytes`, and how; null: none. */
export function tells(bytes, secrets) {
  for (const [name, value] of secrets) {
    for (const [form, needle] of formsOf(value)) if (bytes.includes(needle)) return `the value of ${name} (${form})`;
  }
  return null;
}

/** Of a file: also what shows when deltas are joined, and what a bundle holds. */
export function tellsFile(file, secrets) {
  let bytes = fs.readFileSync(file);
  if (file.endsWith('.zst')) {
    const unpacked = spawnSync('zstd', ['-dcq', file], { maxBuffer: 1 << 30 });
    if (unpacked.error) throw unpacked.error;
    if (unpacked.status !== 0) return null; // a bundle that a test broke on purpose
    bytes = unpacked.stdout;
  }
  const told = tells(bytes, secrets);
  if (told) return told;
  const split = /\.(sse|jsonl|body)$|\/(streams|logs)\//.test(file) ? tells(Buffer.from(joinedDeltas(bytes.toString('utf8'))), secrets) : null;
  return split && `${split}, split over deltas`;
}

export const filesBelow = (folder) => (fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true, withFileTypes: true }) : [])
  .filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));

/** A process is about to be started: what it is told in confidence, and where it will write. */
export function watchOver(running, ours, args, env) {
  for (const [name, value] of Object.entries(env)) {
    if (SECRET_NAME.test(name) && !(value.startsWith('/') && fs.existsSync(value))) handOut(name, value);
  }
  for (const text of [...args, ...Object.values(env)]) {
    const file = /^(?:.*=)?file:(.+)$/.exec(text)?.[1];
    if (file && fs.statSync(file, { throwIfNoEntry: false })?.isFile()) handOut(file, fs.readFileSync(file, 'utf8').trim());
  }
  if (!ours) return;
  sayers.add(running);
  if (env.OA_STREAM_STATE_DIR) states.add(env.OA_STREAM_STATE_DIR);
  if (env.GITHUB_STEP_SUMMARY) written.add(env.GITHUB_STEP_SUMMARY);
  for (const [i, word] of args.entries()) {
    if (word === '--state-dir') states.add(args[i + 1]);
    if (WRITES.includes(word)) written.add(args[i + 1]);
  }
}

/** All that oa-stream left: state directories, reports, and runs and bundles that a test moved elsewhere below `home`. */
function leftFiles(home) {
  const foreign = (state, file) => Object.keys(NOT_OURS).some((folder) => file.startsWith(path.join(state, folder) + path.sep));
  const out = new Set([...states].flatMap((state) => filesBelow(state).filter((file) => !foreign(state, file))));
  for (const file of written) if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) out.add(file);
  for (const file of filesBelow(home)) if (file.slice(home.length).split('/').some((folder) => RUN.test(folder))) out.add(file);
  return out;
}

/** One sentence for each place where a secret stands. */
export function leaks(home) {
  if (known.size === 0) return [];
  const secrets = [...known].map(([value, name]) => [name, value]);
  const out = [];
  for (const file of leftFiles(home)) {
    const told = tellsFile(file, secrets);
    if (told) out.push(`${file} holds ${told}`);
  }
  for (const running of sayers) {
    const told = tells(Buffer.from(running.stdout + running.stderr), secrets);
    if (told) out.push(`${running.name} (${running.log}) says ${told}`);
  }
  return out;
}
