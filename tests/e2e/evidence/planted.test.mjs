// One planted set, every place it can come from, every kind of output: no secret arrives. Beside each
// stands a plain word (heron-PLACE), which shows that the text of that place did arrive.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readCapture, writeCaptures } from '../lib/captures.mjs';
import { TOKEN, honestFrames, startFakeLane } from '../lib/fake_lane.mjs';
import { filesBelow, formsOf, handOut, joinedDeltas, tells } from '../lib/leaks.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';

const base64 = (text, lead) => Buffer.from('xyz'.slice(0, lead) + text).toString('base64');

/** The run is told of these; it finds them in any form. */
const KNOWN = {
  PLANTED_TOKEN: TOKEN,
  PLANTED_PASSWORD: 'Env+Va/lue "42"\\ü',
  OA_STREAM_DRIVER_TOKEN: 'driver-credential-0123456789',
};
/** Nobody tells of these; what stands around them does. */
const SHAPED = {
  key: 'sk-shapedkey0123456789',
  bearer: 'shaped.bearer.0123456789',
  cookie: 'shapedcookie0123456789',
  password: 'shaped-url-password',
  query: 'shaped-query-token',
  member: 'Shaped-Member-1',
};
const ALL = Object.entries({ ...KNOWN, ...SHAPED });
/** A text that was cut must not show the beginning of one. */
const BEGINNINGS = ALL.map(([name, value]) => [`the beginning of ${name}`, Buffer.from(value).subarray(0, 12)]);
const known = Object.values(KNOWN).flatMap((value) => [value, encodeURIComponent(value), ...[0, 1, 2].map((lead) => base64(value, lead))]);
const shaped = [SHAPED.key, `Bearer ${SHAPED.bearer}`, `https://ann:${SHAPED.password}@example.org/`, `https://example.org/?access_token=${SHAPED.query}`];
/** The whole set, as text of that place. */
const set = (place) => `heron-${place} ${[...known, ...shaped].join(' ')}`;
/** What fits into a header. */
const plain = (place) => `heron-${place} ${TOKEN} ${[0, 1, 2].map((lead) => base64(TOKEN, lead)).join(' ')} ${encodeURIComponent(KNOWN.PLANTED_PASSWORD)} ${shaped.join(' ')}`;

const env = { ...KNOWN };
const ran = []; // {name, run, files: {kind: path}}
let lane, bad, state, folder;

/** Runs it with every format there is. */
async function act(name, args, { formats = true, ms = 120000, json = true } = {}) {
  const file = (ending) => path.join(folder, `${name}.${ending}`);
  const files = formats ? { JUnit: file('xml'), TAP: file('tap'), GitHub: file('md') } : {};
  const run = await oa([...args, ...(json ? ['--json'] : []), ...(formats ? ['--junit', files.JUnit, '--tap', files.TAP, '--github'] : [])],
    { stateDir: state, ms, env: { ...env, ...(formats ? { GITHUB_STEP_SUMMARY: files.GitHub } : {}) } });
  ran.push({ name, run, files, json });
  return run;
}

function playbooks() {
  const write = (name, lines) => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  };
  const yaml = JSON.stringify; // a JSON string is a YAML one
  const target = `target: { base_url: "${lane.base}", auth: { env: PLANTED_TOKEN }, compat: { build: "20260221T130000Z", protocol: openagents.control.v1, schema: "1" } }`;
  // It lets nobody move anything, and says why at length.
  const program = path.join(folder, 'split.mjs');
  fs.writeFileSync(program, `const { OA_STREAM_CALL: call, OA_STREAM_DRIVER_TOKEN: token } = process.env;
if (call === 'read') console.log(JSON.stringify({ serving: { stable: 100, canary: 0 }, etag: 'v1', exact_split: true, urls: { stable: ${yaml(lane.base)}, canary: ${yaml(lane.base)} }, extra: { note: ${yaml(set('driver'))} } }));
else { console.error('heron-driver ' + token + ' ' + ${yaml(shaped.slice(0, 2).join(' '))}); process.exit(110); }
`);
  const driver = ['driver: command', `read: ["${process.execPath}", "${program}"]`, `set: ["${process.execPath}", "${program}"]`, 'stable: stable', 'canary: canary'];
  return {
    smoke: write('smoke.yaml', ['version: 1', 'kind: smoke-stream', 'name: planted', `summary: ${yaml(`${set('yaml')}.`)}`, target, 'checks: [ smoke: stream ]']),
    cutover: write('cutover.yaml', ['version: 1', 'kind: cutover', 'continuity: new-threads-only', 'continuity_reason: lanes of a test', 'name: planted', `summary: "\${summary}"`, 'variables: [ { name: summary, default: nothing special } ]', target, 'traffic:', ...driver.map((line) => `  ${line}`),
      'stages: [50%, 100%]', 'stage:', '  bake: 500ms', '  probe: { rate: 30/s, unpinned: 10/s }', '  gates: [ { bad: any, at_most: 90%, confidence: 80% } ]',
      '  on_inconclusive: { extend_at_most: 4s, then: rollback }', 'limits: { fresh_row: 3, restore: 10s }']),
    config: write('config.yaml', ['version: 1', `load: { prompt: [ ${yaml(set('config'))} ] }`, `smoke stream: { base-url: "${lane.base}", auth: "env:PLANTED_TOKEN", expect: ${yaml(set('config'))} }`]),
  };
}

before(async () => {
  for (const [name, value] of Object.entries(SHAPED)) handOut(name, value);
  folder = scratch('planted');
  state = path.join(scratch('state'), 'state');
  const halves = (text) => [text.slice(0, 9), text.slice(9)];
  const words = [...set('answer').split(' ').flatMap((word) => [word, ' ']), 'heron-split ', ...halves(TOKEN), ' ', ...halves(KNOWN.PLANTED_PASSWORD), ' ', ...halves(base64(TOKEN, 1)), ' ', ...halves(SHAPED.key)];
  const frames = (turn) => honestFrames(turn, words).filter((piece) => typeof piece === 'string').map((piece) => piece.replace(/ "\}\n\n$/, '"}\n\n'));
  const quirks = {
    headers: (headers) => ({ ...headers, 'x-echo': plain('header'), 'set-cookie': `session=${SHAPED.cookie}`, location: `https://ann:${SHAPED.password}@example.org/?access_token=${SHAPED.query}` }),
    frames: (_, turn) => frames(turn),
    gate: (decision) => (decision ? { ...decision, headers: { ...decision.headers, 'x-echo': plain('header') }, body: { ...decision.body, message: set('body'), error: { code: set('body'), message: set('body') }, debug: { password: SHAPED.member } } } : null),
  };
  lane = await startFakeLane(quirks);
  // Breaks the contract by frames that say it all.
  bad = await startFakeLane({ ...quirks, frames: (_, turn) => [...frames(turn).slice(0, 6), `data: {"type":${JSON.stringify(set('frame'))}}\n\n`, `data: ${set('frame')}\n\n`, ...frames(turn).slice(6, -2)] });
});
after(async () => { await lane?.stop(); await bad?.stop(); });

describe('planted secrets', () => {
  test('every command that leaves something is run with the set', async () => {
    const book = playbooks();
    const auth = ['--auth', 'env:PLANTED_TOKEN'];
    await act('smoke', ['smoke', 'stream', '--base-url', lane.base, ...auth, '--prompt', set('prompt')]);
    const wrong = await act('smoke-bad', ['smoke', 'stream', '--base-url', bad.base, ...auth, '--expect', set('prompt')]);
    assert.equal(wrong.code, 1, wrong.stderr);
    await act('smoke-text', ['smoke', 'stream', '--base-url', bad.base, ...auth], { json: false });
    // Its token is not the right one: each answer is a refusal that says it all.
    const file = path.join(folder, 'wrong-token');
    fs.writeFileSync(file, 'token-of-a-file-0123456789\n', { mode: 0o600 });
    await act('refused', ['smoke', 'stream', '--base-url', lane.base, '--auth', `file:${file}`]);
    await act('url', ['smoke', 'stream', '--base-url', `http://ann:${SHAPED.password}@127.0.0.1:1/?access_token=${SHAPED.query}`, ...auth], { formats: false });
    await act('control', ['smoke', 'control', '--base-url', lane.base, ...auth]);
    await act('verify', ['verify', book.smoke]);
    await act('config', ['smoke', 'stream', '--config', book.config]);
    await act('shown', ['config', 'show', '--origin', '--config', book.config, '--for', 'smoke stream'], { formats: false, json: false });
    await act('shown-load', ['config', 'show', '--config', book.config, '--for', 'load'], { formats: false });
    await act('load', ['load', '--base-url', bad.base, ...auth, '--rate', '20/s', '--duration', '1s', '--ndjson', '--yes-load', '127.0.0.1', '--prompt', set('prompt')], { json: false });
    await act('shadow', ['shadow', '--base-url', lane.base, '--against', bad.base, ...auth, '--prompt', set('prompt'), '--runs', '2', '--no-latency']);
    const plan = path.join(folder, 'plan.json');
    // A plan is to be applied as it stands, so it cannot be blanked: it is refused.
    const refused = await act('plan-refused', ['cutover', 'plan', book.cutover, '--set', `summary=${set('set')}.`, '--out', plan], { formats: false });
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, /what looks like a secret, and a plan must not/);
    const planned = await act('plan', ['cutover', 'plan', book.cutover, '--out', plan], { formats: false });
    assert.equal(planned.code, 10, planned.stderr + planned.stdout);
    await act('apply', ['cutover', 'apply', plan]);
    const replay = writeCaptures({
      echo: readCapture('01-echo'),
      hello: readCapture('36-failed-context-window').map((line) => {
        for (const error of [line.msg?.params?.error, line.msg?.params?.turn?.error].filter(Boolean)) error.message = set('log');
        return line;
      }),
    });
    const rehearsed = await act('rehearse', ['cutover', 'rehearse', '--local', '--bake', '1s', '--replay', replay]);
    assert.notEqual(rehearsed.code, 4, rehearsed.stderr);
    await act('gate', ['slo', 'gate', set('prompt'), '--prometheus', `http://ann:${SHAPED.password}@127.0.0.1:1`], { formats: false });
    await act('note', ['note', set('note'), '--run', 'last'], { formats: false, json: false });
    for (const command of [['runs', 'list'], ['runs', 'show', 'last'], ['cutover', 'status'], ['doctor', book.cutover]]) {
      await act(command.join('-').replaceAll('/', ''), command, { formats: false });
      await act(`${command[0]}-text`, command, { formats: false, json: false });
    }
    const runs = fs.readdirSync(path.join(state, 'runs'));
    assert.ok(runs.length >= 9, runs.join(' '));
    await act('compare', ['runs', 'compare', runs[0], runs.at(-1)], { formats: false });
    const log = path.join(folder, 'handed-in.log');
    fs.writeFileSync(log, `2026-01-01T00:00:00Z ${set('log')}\n{"ts":"2026-01-01T00:00:01Z","msg":${JSON.stringify(set('log'))}}\n`);
    for (const run of runs) await act('body', ['incident', 'body', run, '--log', log], { formats: false, json: false });
    fs.mkdirSync(path.join(folder, 'unpacked'));
    const bundle = path.join(folder, 'all.tar.zst');
    const made = await act('bundle', ['incident', 'bundle', ...runs, '--log', log, '--out', bundle], { formats: false });
    assert.equal(made.code, 0, made.stderr);
    execFileSync('tar', ['--zstd', '-xf', bundle, '-C', path.join(folder, 'unpacked')]);
  });

  /** kind → [name, bytes]. */
  function outputs() {
    const out = {};
    const put = (kind, name, bytes) => (out[kind] ??= []).push([name, bytes]);
    for (const file of filesBelow(state)) {
      const inside = /runs\/[^/]+\/(.*)$/.exec(file)?.[1] ?? '';
      const kind = /^(streams|logs|measure)\//.exec(inside)?.[1] ?? inside;
      put(kind === 'streams' ? `streams${path.extname(file)}` : kind, file, fs.readFileSync(file));
    }
    for (const { name, run, files, json } of ran) {
      const kind = { body: 'incident body', load: '--ndjson' }[name] ?? (json ? '--json' : 'human');
      put(kind, name, Buffer.from(run.stdout));
      put('stderr', name, Buffer.from(run.stderr));
      for (const [format, file] of Object.entries(files)) if (fs.existsSync(file)) put(format, file, fs.readFileSync(file));
    }
    for (const file of filesBelow(path.join(folder, 'unpacked'))) put('bundle', file, fs.readFileSync(file));
    return out;
  }

  /** Which places' texts must have come how far, at least. */
  const ARRIVES = {
    'run.json': ['answer', 'body', 'config', 'driver', 'prompt'],
    'journal.ndjson': ['driver'],
    'timeline.ndjson': ['answer', 'body', 'config', 'driver', 'prompt'],
    'plan.json': ['yaml'],
    'notes.ndjson': ['note'],
    'report.md': ['answer', 'body', 'config', 'driver', 'prompt'],
    'report.html': ['answer', 'body', 'config', 'driver', 'prompt'],
    'streams.head': ['header'],
    'streams.body': ['body'],
    'streams.sse': ['answer', 'frame', 'split'],
    logs: ['log'],
    measure: [], // numbers only; searched all the same
    '--json': ['answer', 'body', 'config', 'driver', 'note', 'prompt'],
    '--ndjson': [],
    JUnit: ['answer', 'body', 'config', 'driver', 'prompt'],
    TAP: ['answer', 'body', 'config', 'driver', 'prompt'],
    GitHub: ['answer', 'body', 'config', 'driver', 'prompt'],
    human: ['body', 'config'],
    stderr: ['answer', 'body', 'config', 'driver', 'prompt'],
    'incident body': ['answer', 'body', 'config', 'driver', 'log', 'note', 'prompt'],
    bundle: ['answer', 'body', 'config', 'driver', 'frame', 'header', 'log', 'note', 'prompt', 'split'],
  };
  for (const [kind, places] of Object.entries(ARRIVES)) {
    test(`${kind}: there was something to take out, and it was`, () => {
      const files = outputs()[kind] ?? [];
      assert.ok(files.some(([, bytes]) => bytes.length > 0), `no ${kind} at all`);
      const text = files.map(([, bytes]) => `${bytes} ${joinedDeltas(bytes.toString())}`).join('\n');
      for (const place of places) assert.match(text, new RegExp(`heron-${place}\\b[^\\n]{0,40}\\*{8}`), place);
    });
  }

  test('no secret stands in any of them, in any form', () => {
    const found = [];
    const all = outputs();
    for (const [kind, files] of Object.entries(all)) {
      for (const [name, bytes] of files) {
        const begun = BEGINNINGS.find(([, start]) => bytes.includes(start));
        if (begun) found.push(`${kind}: ${name} tells ${begun[0]}`);
        const told = tells(bytes, ALL) ?? tells(Buffer.from(joinedDeltas(bytes.toString())), ALL);
        if (told) found.push(`${kind}: ${name} tells ${told}`);
      }
    }
    assert.deepEqual(found, []);
  });

  test('a bundle with a leak is refused, whatever the form, by file, line and kind', async () => {
    const [id] = fs.readdirSync(path.join(state, 'runs')).filter((name) => name.includes('-smoke-stream-'));
    const copy = path.join(scratch('leaky'), id), out = path.join(folder, 'leaky.tar.zst');
    fs.cpSync(path.join(state, 'runs', id), copy, { recursive: true });
    const delta = (text) => `data: ${JSON.stringify({ type: 'text-delta', id: 't1', delta: text })}\n\n`;
    const leaks = [
      ...formsOf(KNOWN.PLANTED_PASSWORD).map(([form, needle]) => [form, 'logs/late.log', `one\ntwo ${needle}.\n`, 2, /known secret PLANTED_PASSWORD/]),
      ['split', 'streams/late.sse', delta(TOKEN.slice(0, 9)) + delta(TOKEN.slice(9)), 1, /known secret PLANTED_TOKEN/],
      ['shape', 'measure/late.ndjson', `{"a":"${shaped[1]}"}\n`, 1, /bearer token/],
      ['URL', 'report.md', `x\ny\n${shaped[2]}\n`, 3, /password in a URL/],
    ];
    assert.ok(leaks.length >= 9, `${leaks.length} forms`);
    for (const [form, name, text, line, kind] of leaks) {
      const file = path.join(copy, name), before = fs.existsSync(file) ? fs.readFileSync(file) : null;
      fs.writeFileSync(file, text);
      const got = await oa(['incident', 'bundle', copy, '--out', out, '--accept-changed'], { stateDir: state, env });
      assert.equal(got.code, 6, `${form}: ${got.stderr}`);
      assert.match(got.stderr, new RegExp(`${name}:${line}: `), form);
      assert.match(got.stderr, kind, form);
      assert.ok(!fs.existsSync(out), form);
      if (before) fs.writeFileSync(file, before);
      else fs.rmSync(file);
    }
    const clean = await oa(['incident', 'bundle', copy, '--out', out], { stateDir: state, env });
    assert.equal(clean.code, 0, clean.stderr);
  });
});

// Every test file searches what it left when it ends (lib/leaks.mjs). A test file of one command, with a
// leak or without, shows that this can fail.
describe("the suite's own search", () => {
  const lib = path.join(ROOT, 'tests/e2e/lib');
  const SECRET = 'Handed+Out/Token "7"';
  /** What a test file ends with that writes `text` into `file` of a run. */
  async function ended(file, text, how = `env: { SOME_TOKEN: ${JSON.stringify(SECRET)} }`) {
    const home = scratch('inner'), script = path.join(home, 'inner.mjs');
    fs.writeFileSync(path.join(home, 'token'), SECRET, { mode: 0o600 });
    fs.writeFileSync(script, `import fs from 'node:fs';
import path from 'node:path';
import { oa } from ${JSON.stringify(path.join(lib, 'process.mjs'))};
const run = await oa(['smoke', 'stream', '--base-url', 'http://127.0.0.1:1', '--json'${how.startsWith('file') ? ", '--auth', 'file:" + path.join(home, 'token') + "'" : ''}], { ${how.startsWith('env') ? how : ''} });
fs.writeFileSync(path.join(run.json().evidence, ${JSON.stringify(file)}), ${JSON.stringify(text)});
`);
    const inner = new Running(process.execPath, [script], { name: 'inner', env: cleanEnv({ OA_BIN, OA_TEST_DIR: home }) });
    const { code } = await inner.end(60000);
    return { code, text: inner.stderr };
  }
  test('a clean run passes', async () => assert.equal((await ended('logs/x.log', 'nothing')).code, 0));
  test('a leak in any form fails the file and is named', async () => {
    for (const [form, needle] of formsOf(SECRET)) {
      const { code, text } = await ended('logs/x.log', `a ${needle} b`);
      assert.equal(code, 1, `${form}: ${text}`);
      assert.match(text, /logs\/x\.log holds the value of SOME_TOKEN/, form);
    }
  });
  test('also of a token file, and split over deltas', async () => {
    const halves = [SECRET.slice(0, 6), SECRET.slice(6)].map((delta) => `data: ${JSON.stringify({ type: 'text-delta', id: 'a', delta })}\n\n`).join('');
    const split = await ended('streams/x.sse', halves);
    assert.deepEqual([split.code, /split over deltas/.test(split.text)], [1, true], split.text);
    const token = await ended('streams/x.head', SECRET, 'file');
    assert.deepEqual([token.code, /holds the value of .*\/token/.test(token.text)], [1, true], token.text);
  });
});
