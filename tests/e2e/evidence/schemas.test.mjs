// The schemas of docs/schemas: each is sound, says what its members are, and is met by a document of a
// real run here; a document that lost a member or has one of another type is refused. What every other
// test has oa-stream print or leave is held against them by lib/process.mjs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ADMIN, startControlService } from '../lib/control_service.mjs';
import { startLane } from '../lib/lane.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { QUICK_LIMITS, localHead, quickStages } from '../lib/cutover/playbook.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';
import { FILES, FOLDER, closed, compileAll, met, problemBy, problemOf, problemOfRun, published } from '../lib/schemas.mjs';

const PLAYBOOK = `${localHead('whole', { more: { control: undefined, log: undefined }, target: 'control_url: "${control}", ' })}slo:
  - { name: stream-good, objective: 99%, window: 30d, bad: http_5xx | terminal_error }
sources:
  - probe: {}
  - access_log: { path: "\${log}" }
preflight:
  - budget: { consumed_at_most: 50%, or_stated: true }
${quickStages({ bake: '500ms', bad: '50%', confidence: '80%', extend: '2s' })}postflight:
  - shadow: { prompts: ["scenario:echo;text=pong"], p95_delta_at_most: 20s }
routes:
  auth: { env: OA_ADMIN }
  fresh: 3
  set:
    - { domain: billing_l402, target: rollback }
${QUICK_LIMITS}`;

let target, control, lane, log, state;
const answers = []; // every document that was printed here
const env = { OA_ADMIN: ADMIN, AUTH_TOKEN: ADMIN, USER: 'mallory' };
before(async () => {
  log = path.join(scratch('log'), 'access.log');
  [target, control, lane] = await Promise.all([
    LocalTarget.start({ playbook: PLAYBOOK }),
    startControlService(),
    startLane({ args: ['--access-log', log] }),
  ]);
  state = target.state;
});
after(async () => {
  await control.stop();
  await Promise.all([target.stop(), lane.exit ? null : lane.kill()]);
});

/** Runs a command with --json; its document must be by the schema that it names. */
async function told(words, schema, ends = [0]) {
  const got = await target.oa([...words, '--json'], { env, cwd: target.folder });
  assert.ok(ends.includes(got.code), `${words.join(' ')}: exit ${got.code}\n${got.stdout.slice(-2000)}\n${got.stderr.slice(-2000)}`);
  const document = got.json();
  assert.equal(document.schema, `oa-stream.${schema}.v1`, words.join(' '));
  answers.push(document);
  return document;
}

describe('the files', () => {
  test('compile in strict mode, as published and closed', () => {
    for (const change of [(same) => same, closed]) assert.equal(compileAll(change).size, published.size);
    assert.ok(published.size > 50);
  });
  test('what a document is called is what its file is called, and a name is required', () => {
    for (const [name, schema] of published) {
      const members = schema.properties ?? {};
      if (!members.schema) continue;
      assert.equal(members.schema.const, `oa-stream.${name}.v1`);
      assert.ok(schema.required.includes('schema') || ['load-second', 'pinned'].includes(name), name);
    }
  });
  test('every member has a type, every list says what it lists, every required member is listed', () => {
    const visit = (at, where) => {
      if (Array.isArray(at)) return at.forEach((one, i) => visit(one, `${where}/${i}`));
      if (at === null || typeof at !== 'object') return undefined;
      if (at.type === 'array' && !at.prefixItems) assert.ok(at.items, `${where} lists anything`);
      if (at.type === 'object') {
        assert.ok(at.properties || at.additionalProperties !== undefined || at.required, `${where} may hold anything and does not say so`);
        for (const name of at.required ?? []) assert.ok(at.properties?.[name] || at.additionalProperties, `${where} requires ${name}, which it does not describe`);
      }
      for (const [name, one] of Object.entries(at.properties ?? {})) {
        assert.ok(['type', 'enum', 'const', '$ref', 'anyOf'].some((key) => key in one) || one.description, `${where}/${name} is of any type`);
      }
      return Object.entries(at).forEach(([key, one]) => visit(one, `${where}/${key}`));
    };
    for (const [name, schema] of published) visit(schema, name);
  });
  test('README names every one, and nothing that is not there', () => {
    const page = fs.readFileSync(path.join(FOLDER, 'README.md'), 'utf8');
    const linked = [...page.matchAll(/\]\(([a-z-]+)\.v1\.schema\.json\)/g)].map((found) => found[1]);
    assert.deepEqual([...new Set(linked)].sort(), [...published.keys()].sort());
  });
  test('a version of the product that adds a member does not break who validates by the published ones', () => {
    const open = compileAll();
    assert.equal(open.get('version')({ schema: 'oa-stream.version.v1', verdict: 'PASS', run: null, evidence: null, checks: [], name: 'oa-stream', version: '9', commit: null, later: 1 }), true);
    assert.match(problemOf({ schema: 'oa-stream.version.v1', verdict: 'PASS', run: null, evidence: null, checks: [], name: 'oa-stream', version: '9', commit: null, later: 1 }), /later/);
  });
  test('a document without a name, with an unknown one, or with another version is refused', () => {
    for (const document of [{}, { schema: 'oa-stream.nonesuch.v1' }, { schema: 'oa-stream.version.v2' }, [], null]) assert.notEqual(problemOf(document), null);
  });
});

describe('what is printed', { concurrency: 3 }, () => {
  test('without any run', async () => {
    const out = (name) => path.join(target.folder, name);
    fs.writeFileSync(out('broken.yaml'), 'version: 1\nkind: cutover\nnmae: x\n');
    for (const [words, schema, ends] of [
      [['version'], 'version'],
      [['help'], 'help'],
      [['help', 'smoke', 'stream'], 'help'],
      [['help', '--search', 'gate'], 'help'],
      [['config', 'show'], 'config'],
      [['doctor'], 'doctor', [0, 1, 3]],
      [['compat'], 'compat'],
      [['compat', '--link', out('links')], 'compat'],
      [['--version'], 'version'],
      [['--help'], 'help'],
      [['smoke', '--help'], 'help'],
      [['smoke', 'stream', '--help'], 'help'],
      [['compat', '--markdown'], 'error', [2]],
      [['check', '--rules', '--markdown'], 'error', [2]],
      [['playbook', 'schema', '--markdown'], 'error', [2]],
      [['check', path.join(ROOT, 'fixtures/goldens/ui/01-echo.sse')], 'check'],
      [['check', target.playbook], 'check', [1]],
      [['check', '--rules'], 'check-rules'],
      [['check', '--explain', 'O6'], 'check-rule'],
      [['playbook', 'list'], 'playbook-list'],
      [['playbook', 'show', 'cutover'], 'playbook-show'],
      [['playbook', 'validate', 'cutover'], 'playbook-validate'],
      [['playbook', 'validate', out('broken.yaml')], 'playbook-problems', [2]],
      [['playbook', 'explain', 'cutover'], 'playbook-explain'],
      [['playbook', 'explain', target.playbook], 'playbook-explain'],
      [['slo', 'rules', '--out', out('rules')], 'slo-rules'],
      [['slo', 'dashboard'], 'slo-dashboard'],
      [['slo', 'dashboard', '--out', out('dashboard.json')], 'slo-dashboard'],
      [['man', 'smoke', 'stream'], 'man'],
      [['man', '--markdown'], 'man'],
      [['man', '--out', out('man')], 'man'],
      [['completions', 'zsh'], 'completions'],
      [['version', '--nonesuch'], 'error', [2]],
      [['runs', 'show', 'nonesuch'], 'error', [2]],
      [['watch', '--base-url', lane.base], 'watch', [0, 3, 4]],
    ]) await told(words, schema, ends);
  });
  test('smokes, load, shadow, objectives', async () => {
    await told(['smoke', 'stream', '--base-url', lane.base], 'smoke', [0, 1]);
    await told(['smoke', 'completions', '--base-url', lane.base], 'smoke', [0, 3]);
    await told(['shadow', '--base-url', lane.base, '--against', target.stable.base, '--runs', '1'], 'shadow', [0, 1, 3]);
    await told(['load', '--base-url', lane.base, '--rate', '30/s', '--duration', '1s', '--limit', 'bad<=99%'], 'load');
    await told(['slo', 'status', '--access-log', log], 'slo', [0, 1, 3]);
    await told(['slo', 'budget', '--access-log', log], 'slo', [0, 1, 3]);
    await told(['slo', 'gate', 'bad: http_5xx | terminal_error <= 1%', '--access-log', log], 'slo', [0, 1, 3]);
    await told(['slo', 'gate', 'p95: first_content <= 2.5s', '--access-log', log], 'slo', [0, 1, 3]);
  });
  test('lines: a load by seconds and its end, a lane that is watched', async () => {
    for (const [words, schemas] of [
      [['load', '--base-url', lane.base, '--rate', '30/s', '--duration', '1s', '--ndjson'], ['load-second', 'load']],
      [['watch', '--base-url', lane.base, '--ndjson', '--for', '1s', '--every', '500ms'], ['watch']],
    ]) {
      const got = await target.oa(words, { env });
      const lines = got.stdout.trim().split('\n').map((line) => JSON.parse(line));
      assert.deepEqual([...new Set(lines.map((line) => line.schema))], schemas.map((name) => `oa-stream.${name}.v1`), got.stderr);
      for (const line of lines) assert.equal(problemOf(line), null);
    }
  });
  test('routes that are set, verified and cleared; the control surface', async () => {
    const to = ['--base-url', control.base, '--auth', 'env:OA_ADMIN'];
    await told(['route', 'status', ...to], 'route-status');
    await told(['route', 'evaluate', '/login', ...to], 'route-evaluate'); // nothing may change the routes meanwhile
    await told(['route', 'set', 'rust', ...to], 'route-change', [0, 10]); // before an override outranks it
    await told(['route', 'set', 'legacy', '--domain', 'auth_entry', ...to, '--apply'], 'route-change');
    await told(['route', 'verify', ...to], 'route-verify');
    await told(['route', 'clear', '--domain', 'auth_entry', ...to, '--apply'], 'route-change');
    await told(['smoke', 'control', ...to], 'smoke', [0, 1, 3]);
  });
  test('a drill that plants a fault into a canary that runs already', async () => {
    const file = path.join(target.folder, 'drill.yaml');
    fs.writeFileSync(file, `version: 1
kind: rollback-drill
name: drill
target: { base_url: "${target.base}", prompt: "replay:hello" }
traffic: { driver: local, socket: "${target.socket}", stable: v1, canary: v2 }
stages: [50%]
stage: { bake: 500ms, probe: { rate: 25/s, per: arm, unpinned: 25/s }, gates: [ { bad: any, at_most: 50%, confidence: 80% } ] }
drill: { fail_at: 50%, fault: error-rate=1, recover_within: 20s }
${QUICK_LIMITS}`);
    const { evidence } = await told(['rollback', 'drill', file, '--apply', '--inject-file', path.join(target.folder, 'read-by-nobody')], 'run-result', [7]);
    assert.ok(fs.existsSync(path.join(evidence, 'faults.json')));
  });
});

describe('a cutover with all that one can have, taken back, and its incident', () => {
  test('plan, apply, roll back, status', async () => {
    const file = path.join(target.folder, 'plan.json');
    const set = target.settings({ control: control.base, log });
    const planned = await told(['cutover', 'plan', target.playbook, ...set, '--out', file], 'plan-result', [10]);
    assert.equal(planned.plan.schema, 'oa-stream.plan.v1');
    assert.equal(problemOf(JSON.parse(fs.readFileSync(file, 'utf8'))), null);
    await told(['plan', 'show', file], 'plan-show');
    const applied = told(['cutover', 'apply', file, '--asserted-budget', '1%', '--reason', 'a test'], 'run-result', [0]);
    let order;
    for (let tries = 0; tries < 200 && order?.code !== 0; ++tries) order = await target.oa(['cutover', 'pause', '--json'], { env, cwd: target.folder });
    await told(['cutover', 'continue'], 'cutover-steer'); // also when the pause has not begun
    const { run } = await applied;
    await told(['cutover', 'status', '--run', run], 'cutover-status');
    const back = await told(['rollback', 'apply', '--run', run], 'run-result');
    assert.equal(back.run, run);
    // The same run, had it died after its first shift.
    const died = run.replace(/[0-9a-f]{8}$/, 'ffffffff'), folder = path.join(state, 'runs', died);
    fs.cpSync(back.evidence, folder, { recursive: true });
    fs.rmSync(path.join(folder, 'SHA256SUMS'));
    const journal = fs.readFileSync(path.join(folder, 'journal.ndjson'), 'utf8').split('\n');
    fs.writeFileSync(path.join(folder, 'journal.ndjson'), `${journal.slice(0, journal.findIndex((line) => line.includes('"done"')) + 1).join('\n')}\n`);
    await told(['cutover', 'unlock', '--run', died], 'cutover-unlock', [10]);
    await told(['cutover', 'unlock', '--run', died, '--apply', '--reason', 'a test'], 'cutover-unlock');
    assert.ok(fs.existsSync(path.join(folder, 'settled.json')));
    const trials = ['rollback', 'drill', target.playbook, ...set, '--each-gate', '--inject-file', path.join(target.folder, 'faults')];
    await told(trials, 'gate-trials', [10]);
    const tried = await told([...trials, '--apply'], 'run-result', [1]); // these lanes read no such file
    assert.ok(fs.existsSync(path.join(tried.evidence, 'gates.json')));
    await told(['slo', 'gate', '--replay', run, '--set', 'limit=60%'], 'slo-replay', [3]);
    for (const file of ['measure/pairs.ndjson', 'measure/samples.ndjson', 'measure/gates.ndjson', 'measure/budgets.ndjson', 'journal.ndjson']) {
      assert.ok(fs.statSync(path.join(back.evidence, file)).size > 0, `${file} was written`);
    }
  });
  test('two operators, a hook, and a run that goes on without its terminal', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oa-plan-')), file = path.join(folder, 'plan.json'), heard = path.join(folder, 'heard');
    const playbook = target.write('two.yaml', `${PLAYBOOK.replace(/\nroutes:[^]*?\nlimits/, '\nlimits')}approvals: 2\nhooks: [{ run: [/usr/bin/tee, -a, "${heard}"] }]\n`.replace('  - { name: control, required: true }\n', '').replace('control_url: "\${control}", ', ''));
    await target.setWeights({ v1: 100, v2: 0 });
    await told(['cutover', 'plan', playbook, ...target.settings({ log }), '--out', file], 'plan-result', [10]);
    fs.chmodSync(folder, 0o777);
    fs.chmodSync(file, 0o644);
    const approved = JSON.parse(execFileSync(OA_BIN, ['plan', 'approve', file, '--json'], { uid: 65534, gid: 65534, env: cleanEnv({ HOME: folder }) })); // as nobody
    assert.equal(problemOf(approved), null);
    answers.push(approved);
    assert.equal(problemOf(JSON.parse(fs.readFileSync(`${file}.approval.json`, 'utf8'))), null);
    const { run } = await told(['cutover', 'apply', file, '--detach', '--asserted-budget', '1%', '--reason', 'a test'], 'cutover-detach');
    await told(['cutover', 'status', '--run', run, '--wait-for', 'done'], 'cutover-status', [0, 1]);
    for (const line of fs.readFileSync(heard, 'utf8').trim().split('\n')) assert.equal(problemOf(JSON.parse(line)), null);
    await target.oa(['rollback', 'apply', '--run', run]);
  });
  test('runs and notes', async () => {
    const [newest] = (await told(['runs', 'list'], 'runs-list')).runs;
    await told(['runs', 'show', newest.id], 'runs-show');
    await told(['runs', 'compare', target.runs()[0], newest.id], 'runs-compare');
    const { note } = await told(['note', '--run', newest.id, 'it was the cache'], 'note');
    assert.equal(note.by, os.userInfo().username, 'the account, whatever USER says');
    await told(['runs', 'pin', newest.id, '--reason', 'incident 7'], 'runs-pin');
    await told(['runs', 'gc', '--keep', '1'], 'runs-gc');
  });
  test('body, bundle, verify, open; the bundle\'s own files', async () => {
    const bundle = path.join(target.folder, 'i.tar.zst');
    const run = target.runs().find((name) => name.includes('cutover'));
    await told(['incident', 'body', run], 'incident-body');
    await told(['incident', 'bundle', run, '--out', bundle], 'incident-bundle');
    const verified = await told(['incident', 'verify', bundle], 'incident-verify');
    assert.equal(problemOf(verified.manifest), null);
    await told(['incident', 'open', run], 'incident-open');
    execFileSync('tar', ['--zstd', '-xf', bundle], { cwd: target.folder });
    const folder = path.join(target.folder, verified.manifest.id.startsWith('incident') ? verified.manifest.id : `incident-${verified.manifest.id}`);
    assert.equal(problemOf(JSON.parse(fs.readFileSync(path.join(folder, 'manifest.json'), 'utf8'))), null);
    for (const line of fs.readFileSync(path.join(folder, 'timeline.ndjson'), 'utf8').trim().split('\n')) assert.equal(problemBy('incident-timeline-line', JSON.parse(line)), null);
  });
});

test('ready files', async () => {
  const folder = scratch('ready');
  for (const [words, schema] of [
    [['serve', '--listen', '127.0.0.1:0', '--authority', 'replay'], 'serve-ready'],
    [['front', '--listen', '127.0.0.1:0', '--backend', `v1=${lane.base}`], 'front-ready'],
  ]) {
    const ready = path.join(folder, schema);
    const running = new Running(OA_BIN, [...words, '--ready-file', ready], { name: schema, folder, env: cleanEnv({ HOME: folder }) });
    const document = await running.until(() => fs.existsSync(ready) && JSON.parse(fs.readFileSync(ready, 'utf8')), 'ready file');
    assert.equal(document.schema, `oa-stream.${schema}.v1`);
    assert.equal(problemOf(document), null);
    assert.equal((await running.stop()).code, 0);
  }
});

test('secrets that were blanked leave their ranges', async () => {
  const got = await target.oa(['smoke', 'stream', '--base-url', lane.base, '--compat-build', 'planted-secret-0123456789', '--json'], { env: { PLANTED_SECRET: 'planted-secret-0123456789' } });
  const { evidence } = got.json();
  assert.ok(fs.readdirSync(evidence, { recursive: true }).some((file) => file.endsWith('.redactions.json')), got.stdout);
});

test('every run folder that was made here is whole by its schemas', () => {
  assert.ok(target.runs().length >= 10, `${target.runs()}`);
  for (const run of target.runs()) assert.equal(problemOfRun(path.join(state, 'runs', run)), null);
});

/** Every way to take one required member away, or to give one another type, down to `depth`. */
function* mutations(document, schema, at = [], depth = 2) {
  for (const name of schema.required ?? []) {
    const copy = structuredClone(document);
    delete at.reduce((inner, key) => inner[key], copy)[name];
    yield [`${[...at, name].join('.')} is missing`, copy];
  }
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const value = at.reduce((inner, key) => inner[key], document)[name];
    if (value === undefined || Object.keys(member).every((key) => key === 'description')) continue;
    const copy = structuredClone(document);
    at.reduce((inner, key) => inner[key], copy)[name] = value !== null && typeof value === 'object' ? 7 : { not: 'this' };
    if (!(member.type === 'object' && member.additionalProperties)) yield [`${[...at, name].join('.')} is of another type`, copy];
    if (depth > 1 && member.type === 'object' && member.properties && value) yield* mutations(document, member, [...at, name], depth - 1);
  }
}

test('a document that lost a member, or has one of another type, is refused', () => {
  let tried = 0;
  for (const document of answers) {
    const name = document.schema.split('.')[1];
    for (const [what, mutated] of mutations(document, published.get(name))) {
      tried += 1;
      assert.notEqual(problemOf(mutated), null, `${name}: ${what}`);
    }
  }
  assert.ok(tried > 500, `${tried} mutations`);
});

test('every schema was met by a real document', () => {
  assert.deepEqual([...published.keys()].filter((name) => name !== 'common' && !met.has(name)), []); // common holds parts
  for (const [, names] of FILES) for (const name of [names].flat().filter(Boolean)) assert.ok(published.has(name), name);
});
