// What oa-stream gives out is held against docs/schemas: every document that a test has it print, and
// every JSON file of the runs that a test leaves. The published schemas are open, because members may
// be added; here they are closed, so that a member nobody documented is found.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Ajv2020 from 'ajv/dist/2020.js';

export const FOLDER = fileURLToPath(new URL('../../../docs/schemas', import.meta.url));
const SUFFIX = '.v1.schema.json';

/** Name → schema, as published. */
export const published = new Map(fs.readdirSync(FOLDER).filter((file) => file.endsWith(SUFFIX)).sort()
  .map((file) => [file.slice(0, -SUFFIX.length), JSON.parse(fs.readFileSync(path.join(FOLDER, file), 'utf8'))]));

/** The files of a run folder that are JSON: pattern of the path → schema of the file, or of each line. */
export const FILES = [
  [/\.redactions\.json$/, 'redactions'],
  [/^run\.json$/, 'run'],
  [/^plan\.json$/, ['plan', 'route-plan']], // it names which
  [/^faults\.json$/, 'faults'],
  [/^gates\.json$/, 'gates-drilled'],
  [/^pinned\.json$/, 'pinned'],
  [/^settled\.json$/, 'settled'],
  [/^journal\.ndjson$/, 'journal-line'],
  [/^(timeline|notes)\.ndjson$/, 'timeline-line'],
  [/^measure\/samples\.ndjson$/, 'sample-line'],
  [/^measure\/gates\.ndjson$/, 'gate-line'],
  [/^measure\/budgets\.ndjson$/, 'budget-line'],
  [/^measure\/requests\.ndjson$/, 'request-line'],
  [/^measure\/seconds\.ndjson$/, 'load-second'],
  [/^measure\/load\.json$/, 'load-totals'],
  [/^measure\/pairs\.ndjson$/, 'pair-line'],
  [/^measure\/readings\.ndjson$/, 'reading-line'],
  [/^measure\/status\.json$/, 'route-status-file'],
  [/^streams\/.*\.timing\.ndjson$/, 'timing-line'],
  [/^streams\/.*\.probe\.json$/, ['stream']],
  [/^streams\/[^/]*\.json$/, null], // an answer of the target as it came: not ours
  [/^traffic\.json$/, null], // the traffic driver's own words
  [/^logs\//, null], // what the lanes said: docs/observability.md
];

/** A copy in which no object takes members that its schema does not list. */
export function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== 'object') return schema;
  const out = Object.fromEntries(Object.entries(schema).map(([key, value]) => [
    key,
    key === 'properties' || key === '$defs' ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, closed(one)])) : key === 'const' || key === 'enum' ? value : closed(value),
  ]));
  if (out.type === 'object' && out.properties && out.additionalProperties === undefined) out.additionalProperties = false;
  return out;
}

/** Strict: an unknown keyword, a type that is missing or a $ref that leads nowhere is an error. */
function checker(change) {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: false });
  for (const [name, schema] of published) ajv.addSchema(change(schema), name + SUFFIX);
  return ajv;
}
export function compileAll(change = (schema) => schema) {
  const ajv = checker(change);
  return new Map([...published.keys()].map((name) => [name, ajv.getSchema(name + SUFFIX)]));
}
let ours = null;
/** Compiled when first needed: all of them take half a second, and most files of tests meet a few. */
const validator = (name) => (published.has(name) ? (ours ??= checker(closed)).getSchema(name + SUFFIX) : undefined);

/** Name → how often a document or line was held against it, in this process. */
export const met = new Map();

/** What is wrong with `value` by the schema `name`; null: nothing. */
export function problemBy(name, value) {
  const validate = validator(name);
  if (!validate) return `docs/schemas has no ${name}${SUFFIX}`;
  met.set(name, (met.get(name) ?? 0) + 1);
  if (validate(value)) return null;
  const { instancePath, message, params } = validate.errors[0];
  const members = instancePath.split('/').slice(1).map((word) => word.replaceAll('~1', '/').replaceAll('~0', '~'));
  const found = members.reduce((at, member) => at?.[member], value);
  return `${name}: ${instancePath || '/'} ${message} ${JSON.stringify(params)}: ${JSON.stringify(found)?.slice(0, 200)}`;
}

/** What is wrong with a document that must name its schema. */
export function problemOf(document) {
  const named = /^oa-stream\.([a-z-]+)\.v1$/.exec(document?.schema ?? '');
  return named ? problemBy(named[1], document) : `names no schema: ${JSON.stringify(document)?.slice(0, 200)}`;
}

const first = (list, judge) => list.reduce((found, one) => found ?? judge(one), null);
const parsed = (text) => {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: `no JSON: ${error.message}: ${text.slice(0, 200)}` };
  }
};
const judged = (text, judge) => {
  const { value, problem } = parsed(text);
  return problem ?? judge(value);
};

/** What is wrong with what a command printed with --json or --ndjson. */
export function problemPrinted(args, text) {
  if (text === '' || args[0] === 'playbook' && args[1] === 'schema') return null;
  if (args.includes('--json')) return judged(text, problemOf);
  const whole = text.slice(0, text.lastIndexOf('\n') + 1); // a child that was killed may tear its last line
  return first(whole.split('\n').filter(Boolean), (line) => judged(line, problemOf));
}

/** What is wrong with one file of a run folder; `name` is its path below the folder. */
export function problemOfFile(name, text) {
  const found = FILES.find(([pattern]) => pattern.test(name));
  if (!found) return /json$/.test(name) ? `${name} has no schema` : null;
  const schema = found[1];
  if (schema === null) return null;
  const judge = (value) => {
    if (Array.isArray(schema)) return schema.some((one) => value?.schema === `oa-stream.${one}.v1`) ? problemOf(value) : `${name} is none of ${schema}`;
    return problemBy(schema, value);
  };
  if (!name.endsWith('.ndjson')) return judged(text, judge);
  const whole = text.slice(0, text.lastIndexOf('\n') + 1); // a crash may tear the last line
  return first(whole.split('\n').filter(Boolean), (line) => judged(line, judge));
}

/** What is wrong with a run folder, with the file's path; null: nothing. */
export function problemOfRun(folder) {
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    if (!/json$/.test(file)) continue;
    const problem = problemOfFile(path.relative(folder, file), fs.readFileSync(file, 'utf8'));
    if (problem) return `${file}: ${problem}`;
  }
  return null;
}
