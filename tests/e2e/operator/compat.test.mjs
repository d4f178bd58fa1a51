// The retired scripts' names in a real shell's place: by `compat`, by a link, with their own
// environment; which new command that is stands on stderr, and nothing is asked before all is read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ADMIN, USER, startControlService } from '../lib/control_service.mjs';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, Running, cleanEnv, diedRun, oa, scratch } from '../lib/process.mjs';

let service, lane;
before(async () => {
  service = await startControlService();
  lane = await startLane({});
});
after(async () => { await service.stop(); await lane.stop(); });

const compat = (script, args = [], env = {}) => oa(['compat', script, ...args], { env });
const NEW = /^oa-stream: (\S+) is now: oa-stream (.*)$/m;

test('smoke-control.sh runs the control smoke with the same names of variables', async () => {
  const output = scratch('output');
  const run = await compat('smoke-control.sh', ['--json'], { OPENAGENTS_BASE_URL: service.base, OPENAGENTS_CONTROL_ACCESS_TOKEN: USER, OUTPUT_DIR: output });
  assert.equal(run.code, 0, run.stderr);
  assert.equal(NEW.exec(run.stderr)[2], `smoke control --base-url ${service.base} --profile api-only --auth env:OPENAGENTS_CONTROL_ACCESS_TOKEN`);
  assert.equal(run.json().verdict, 'PASS');
  assert.ok(run.json().evidence.startsWith(path.join(output, 'runs')));
  assert.equal(run.stderr.includes(USER), false);
  const without = await compat('smoke-control.sh', [], { OPENAGENTS_BASE_URL: service.base });
  assert.equal(without.code, 3, 'without a token it is no longer ok');
});

test('the new command is run with what config file and environment say of it, as if it was typed', async () => {
  const config = path.join(scratch('config'), 'config.yaml');
  const { host } = new URL(service.base);
  fs.writeFileSync(config, `version: 1\nsmoke control: { connect-to: "${host}", id-prefix: ours }\n`);
  const env = { OPENAGENTS_BASE_URL: 'http://control.invalid', OPENAGENTS_CONTROL_ACCESS_TOKEN: USER };
  const prefixes = (run) => [...new Set(run.json().checks.map(({ id }) => id.split('.')[0]))];
  const by = [
    [['--config', config], env],
    [[], { ...env, OA_STREAM_CONFIG: config }],
    [[], { ...env, OA_STREAM_SMOKE_CONTROL_CONNECT_TO: host, OA_STREAM_SMOKE_CONTROL_ID_PREFIX: 'ours' }],
  ];
  for (const [words, more] of by) {
    const run = await compat('smoke-control.sh', ['--json', ...words], more);
    assert.deepEqual([run.code, prefixes(run)], [0, ['ours']], run.stderr);
  }
  // A mistake there is one, as for the typed command.
  fs.writeFileSync(config, 'version: 1\nsmoke control: { id-prefx: ours }\n');
  const before_ = service.calls.length;
  const wrong = await compat('smoke-control.sh', ['--config', config], env);
  assert.deepEqual([wrong.code, /id-prefx/.test(wrong.stderr), service.calls.length], [2, true, before_], wrong.stderr);
});

test('a script that acts on earlier runs finds them where they are, whatever OUTPUT_DIR is', async () => {
  const state = scratch('state');
  const run = await oa(['compat', 'canary-rollout.sh', 'status'], { env: { OUTPUT_DIR: scratch('artifacts') }, stateDir: state });
  assert.equal(run.code, 0, run.stderr);
  assert.ok(run.stdout.includes(`there are no runs yet in ${state}`), run.stdout);
});

test('a link with the name of a script is that script', async () => {
  const folder = scratch('links');
  assert.equal((await oa(['compat', '--link', folder])).code, 0);
  assert.equal(fs.readdirSync(folder).length, 9);
  const run = new Running(path.join(folder, 'smoke-control.sh'), [], { env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: scratch('state'), OPENAGENTS_BASE_URL: service.base, OPENAGENTS_CONTROL_ACCESS_TOKEN: USER }) });
  assert.equal((await run.end()).code, 0, run.stderr);
  assert.equal(NEW.exec(run.stderr)[1], 'smoke-control.sh');
  assert.equal(fs.realpathSync(path.join(folder, 'canary-rollout.sh')), fs.realpathSync(OA_BIN));
});

test('fault 3: a quote in a value is a letter like any other, and no shell reads it', async () => {
  const mark = path.join(scratch('mark'), 'made');
  const env = { BASE_URL: service.base, CONTROL_ACCESS_TOKEN: ADMIN, COHORT_KEY: `a'; touch ${mark}; '$(touch ${mark})`, PATH: '/nonexistent' };
  const before_ = service.calls.length;
  const run = await compat('run-production-rust-route-flip.sh', [], env);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(fs.existsSync(mark), false);
  const keys = service.calls.slice(before_).filter((call) => call.path.endsWith('/evaluate')).map((call) => call.json.cohort_key);
  assert.ok(keys.length > 0 && keys.every((key) => key === env.COHORT_KEY), 'the value arrives whole');
});

test('fault 13: no old default moves anything: what did is refused with the safe spelling', async () => {
  const before_ = service.calls.length;
  const refused = [
    ['run-canary-rollback-drill.sh', ['app-1', 'app-2'], /DRY_RUN=1 rehearses/],
    ['canary-rollout.sh', ['set-traffic', 'app-1', 'app-2', '100'], /oa-stream cutover plan cutover /],
    ['canary-rollout.sh', ['rollback', 'app-1'], /no run here that is not over moves the service p\/us-central1\/openagents-control-service/],
    ['canary-rollout.sh', ['drill', 'app-1', 'app-2'], /DRY_RUN=1 rehearses/],
    ['run-vercel-sse-fixture-harness.sh', [], /oa-stream check FILE/],
  ];
  for (const [script, args, said] of refused) {
    const run = await compat(script, args, { BASE_URL: service.base, PROJECT: 'p', AUTH_TOKEN: USER, CONTROL_ACCESS_TOKEN: ADMIN });
    assert.equal(run.code, 2, `${script}: ${run.stderr}`);
    assert.match(run.stderr, said);
  }
  assert.equal(service.calls.length, before_);
  assert.deepEqual(service.overrides(), []);
});

test('canary-rollout.sh rollback takes the run of its service, and no other that is open', async () => {
  const state = scratch('open');
  const cutover = (name, target) => {
    const journal = path.join(diedRun(state, name, target), 'journal.ndjson');
    return () => fs.readFileSync(journal, 'utf8').trim().split('\n').length;
  };
  const rollback = (service) => oa(['compat', 'canary-rollout.sh', 'rollback', 'app-1'], { env: { PROJECT: 'p', SERVICE: service }, stateDir: state });
  const other = cutover('20261129T100000Z-cutover-1a2b3c4d', 'haproxy:somewhere');
  const refused = await rollback('lane');
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /no run here that is not over moves the service p\/us-central1\/lane/);
  assert.equal(other(), 2, 'its journal is as it was');
  const own = '20261129T100000Z-cutover-5e6f7a8b';
  cutover(own, 'cloud-run:https://run.googleapis.com/v2/projects/p/locations/us-central1/services/lane');
  // Its plan is no whole one, so the rollback itself is refused.
  assert.match((await rollback('lane')).stderr, new RegExp(`is now: oa-stream rollback apply --run ${own}\n`));
  assert.equal((await rollback('other')).code, 2);
});

test('fault 67: DRY_RUN=true is an error and asks nobody anything', async () => {
  const before_ = service.calls.length;
  for (const script of ['run-canary-rollback-drill.sh', 'canary-rollout.sh', 'run-production-stream-cutover.sh']) {
    const run = await compat(script, script === 'canary-rollout.sh' ? ['status'] : ['a', 'b'], { DRY_RUN: 'true', BASE_URL: service.base });
    assert.equal(run.code, 2);
    assert.match(run.stderr, /DRY_RUN is 'true', expected 0 or 1/);
  }
  assert.equal(service.calls.length, before_);
});

test('fault 68: no other program is needed, and what is missing is said before the first request', async () => {
  const env = { PATH: '/nonexistent', OPENAGENTS_BASE_URL: service.base, OPENAGENTS_CONTROL_ACCESS_TOKEN: USER };
  assert.equal((await compat('smoke-control.sh', [], env)).code, 0);
  const before_ = service.calls.length;
  const run = await compat('run-production-stream-contract-smoke.sh', [], { BASE_URL: service.base });
  assert.equal(run.code, 5);
  assert.match(run.stderr, /AUTH_TOKEN is not set/);
  assert.equal(service.calls.length, before_);
});

test('faults 49, 50: two sides that fail alike are no shadow of each other', async () => {
  const run = await compat('run-staging-dual-run-shadow-diff.sh', [], { RUST_BASE_URL: service.base, LEGACY_BASE_URL: service.base });
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stdout, /failing alike is not being equal/);
});

// What each script's summary.json had, by their source; those with steps: tests/cli/compat_test.cpp.
const SUMMARIES = {
  production_stream_smoke: { all: 'phase dry_run', rows: 'checks', row: 'check_id status endpoint detail http_status headers_path body_path recorded_at', totals: 'check_count passed failed' },
  route_flip: { all: 'cohort_key apply', rows: 'checks', row: 'check_id status kind path detail http_status artifact recorded_at', totals: 'check_count passed failed skipped' },
};
function assertSummary(folder, kind, run) {
  const { all, rows, row, totals } = SUMMARIES[kind];
  const summary = JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8'));
  const lacks = (object, names) => names.split(' ').filter((name) => !(name in object));
  assert.equal(summary.schema, `openagents.webparity.${kind}.v1`);
  assert.match(summary.generated_at, /^\d{8}T\d{6}Z$/);
  assert.deepEqual([lacks(summary, `base_url overall_status ${all}`), lacks(summary.totals, totals)], [[], []]);
  assert.ok(summary[rows].length > 0);
  for (const one of summary[rows]) {
    assert.deepEqual(lacks(one, row), [], JSON.stringify(one));
    assert.match(one.status, kind === 'route_flip' ? /^(pass|fail|skip)$/ : /^(pass|fail)$/);
    if (row.includes('recorded_at')) assert.match(one.recorded_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  }
  const count = (status) => summary[rows].filter((one) => one.status === status).length;
  assert.deepEqual([summary.totals.passed, summary.totals.failed], [count('pass'), count('fail')]);
  assert.equal(summary.overall_status, run.code === 0 ? 'passed' : 'failed');
  const text = fs.readFileSync(path.join(folder, 'SUMMARY.md'), 'utf8');
  assert.equal(text.match(/^\| .* \| (pass|fail|skip) \|/gm).length, summary[rows].length);
  return summary;
}
const emit = async (script, args, env) => {
  const folder = scratch('emitted');
  return { folder, run: await oa(['compat', '--emit', 'openagents-v1', script, ...args], { env: { ...env, OUTPUT_DIR: folder }, ms: 60000 }) };
};

test('--emit openagents-v1: the summaries of old, member by member', async () => {
  const smoke = await emit('run-production-stream-contract-smoke.sh', [], { BASE_URL: lane.base, AUTH_TOKEN: USER, PHASE: 'pre' });
  assert.equal(smoke.run.code, 0, smoke.run.stderr);
  assert.equal(assertSummary(smoke.folder, 'production_stream_smoke', smoke.run).phase, 'pre');
  const flip = await emit('run-production-rust-route-flip.sh', [], { BASE_URL: service.base, CONTROL_ACCESS_TOKEN: ADMIN });
  assert.deepEqual([flip.run.code, assertSummary(flip.folder, 'route_flip', flip.run).apply], [0, false], flip.run.stderr);
});

test('--emit: the summary of an earlier call is not that of one that leaves none', async () => {
  const folder = scratch('emitted');
  const flip = (env) => oa(['compat', '--emit', 'openagents-v1', 'run-production-rust-route-flip.sh'], { env: { BASE_URL: service.base, CONTROL_ACCESS_TOKEN: ADMIN, OUTPUT_DIR: folder, ...env } });
  const kept = () => fs.readdirSync(folder).filter((name) => /^summary/i.test(name)).sort();
  // Shows only: there is no run. The other never begins.
  for (const [env, code, said] of [[{ APPLY: '1' }, 10, /--emit: this call left no run, so there is no summary/], [{ CONTROL_ACCESS_TOKEN: '' }, 5, /CONTROL_ACCESS_TOKEN is not set/]]) {
    assert.equal((await flip({})).code, 0);
    assert.deepEqual(kept(), ['SUMMARY.md', 'summary.json']);
    const run = await flip(env);
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, said);
    assert.deepEqual(kept(), []);
  }
});

test('--emit: without OUTPUT_DIR, or for a script that wrote none, nothing is asked', async () => {
  const before_ = service.calls.length;
  const nowhere = await oa(['compat', '--emit', 'openagents-v1', 'run-production-rust-route-flip.sh'], { env: { BASE_URL: service.base, CONTROL_ACCESS_TOKEN: ADMIN } });
  assert.deepEqual([nowhere.code, /OUTPUT_DIR is not set/.test(nowhere.stderr)], [2, true], nowhere.stderr);
  const none = await emit('smoke-health.sh', [], { OPENAGENTS_BASE_URL: service.base });
  assert.deepEqual([none.run.code, /wrote no summary/.test(none.run.stderr)], [2, true], none.run.stderr);
  assert.equal(service.calls.length, before_);
});

test('names are listed, and a wrong one is met with the nearest', async () => {
  const list = await oa(['compat']);
  assert.equal(list.stdout.trim().split('\n').length, 9);
  const run = await compat('smoke-contrl.sh');
  assert.equal(run.code, 2);
  assert.match(run.stderr, /did you mean smoke-control\.sh\?/);
});
