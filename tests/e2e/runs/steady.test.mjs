// The steady state whole: smokes, a dry run of the cutover with a measured budget, last week's run beside
// it, and metrics of several targets in one folder.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chat } from '../lib/http.mjs';
import { tokensOf } from '../lib/lane.mjs';
import { LocalTarget, lane } from '../lib/local_target.mjs';
import { oa, scratch } from '../lib/process.mjs';

/** What a lane wrote during the last 75 minutes: a budget needs an hour of data. */
const written = (revision) => Array.from({ length: 250 }, (_, i) => `${JSON.stringify({ ts: new Date(Date.now() - 4500000 + i * 18000).toISOString(), event: 'request', request_id: `req_${revision}${i}`, route: '/api/chat/stream', method: 'POST', status: 200, lane: 'compat', revision, accepted: true, first_content_ms: 5, end_ms: 9, frames: 3, bytes: 12, terminal: 'completed' })}\n`).join('');

let target, logs, cutover, steady;
before(async () => {
  logs = [];
  target = await LocalTarget.start({ lanes: async () => Promise.all(['v1', 'v2'].map(async (name) => {
    const log = path.join(scratch('written'), `${name}.log`);
    logs.push(log);
    fs.writeFileSync(log, written(name));
    return lane(name, ['--access-log', log]);
  })) });
  cutover = target.write('cutover.yaml', fs.readFileSync(target.playbook, 'utf8')
    .replace('variables:', 'variables:\n  - { name: logs, default: "" }')
    .replace('sources: [{ probe: {} }]', 'slo:\n  - { name: good, objective: 90%, window: 1h, bad: http_5xx | terminal_error }\nsources:\n  - access_log: { path: "${logs}" }\n  - probe: {}')
    .replace('preflight:\n', 'preflight:\n  - budget: { consumed_at_most: 90%, or_stated: true }\n'));
  steady = target.write('steady.yaml', `version: 1
kind: steady-state
name: weekly
variables:
  - { name: base_url, required: true }
  - { name: socket, required: true }
  - { name: logs, default: "" }
  - { name: rehearse, default: "" }
target: { base_url: "\${base_url}", prompt: "replay:hello" }
checks:
  - smoke: stream
  - rehearse: { playbook: "\${rehearse}", set: ["base_url=\${base_url}", "socket=\${socket}", "logs=\${logs}"] }
`);
  for (let i = 0; i < 60; i += 1) assert.equal((await chat(target.base, 'replay:hello', { id: `t${i}`, path: '/api/chat/stream' }).done).status, 200);
});
after(async () => {
  await target.stop();
});

const verify = (set = {}, args = []) => target.oa(['verify', steady, ...target.settings(set), '--json', ...args]);

test('the dry run is a check of the verification, and wants its budget measured', async () => {
  const weights = await target.weights();
  const measured = await verify({ rehearse: cutover, logs: logs.join(',') });
  assert.equal(measured.code, 0, measured.stdout + measured.stderr);
  const check = measured.json().checks.find((c) => c.id === 'rehearse');
  assert.equal(check.verdict, 'PASS', check.detail);
  const nested = JSON.parse(fs.readFileSync(path.join(target.state, 'runs', check.data.run, 'run.json'), 'utf8'));
  assert.equal(nested.kind, 'rehearsal');
  assert.equal(nested.verdict, 'PASS');
  assert.ok(nested.checks.some((c) => c.id === 'budget.good' && c.mode === 'live' && c.verdict === 'PASS'));
  assert.deepEqual(await target.weights(), weights, 'nothing is moved');

  const blind = await verify({ rehearse: cutover });
  assert.notEqual(blind.code, 0);
  assert.notEqual(blind.json().checks.find((c) => c.id === 'rehearse').verdict, 'PASS', 'nobody measured the budget');
  const without = await verify();
  assert.equal(without.code, 0, without.stderr);
  assert.ok(!without.json().checks.some((c) => c.id === 'rehearse'), 'not asked for');
});

test('the dry run reaches the target as the verification does', async (t) => {
  const tokens = tokensOf(['ops']);
  const closed = await LocalTarget.start({ lanes: () => Promise.all(['v1', 'v2'].map((name) => lane(name, ['--tokens', tokens]))) });
  t.after(() => closed.stop());
  const token = closed.write('token', 'tok-ops');
  fs.chmodSync(token, 0o600);
  const args = ['verify', steady, ...closed.settings({ rehearse: cutover, logs: logs.join(',') }), '--json'];
  for (const [given, env] of [[['--auth', `file:${token}`], {}], [[], { OA_STREAM_VERIFY_AUTH: `file:${token}` }]]) {
    const end = await closed.oa([...args, ...given], { env });
    const check = end.json().checks.find((c) => c.id === 'rehearse');
    assert.equal(check.verdict, 'PASS', check.detail);
    assert.equal(end.code, 0, end.stderr);
  }
});

test('a run is compared with the one before of the same playbook and target', async () => {
  const first = await verify();
  const second = await verify();
  assert.equal(second.json().compared.run, first.json().run);
  assert.equal(second.json().compared.worse, false);
  await target.canary.kill();
  await target.setWeights({ v1: 0, v2: 100 });
  const third = await target.oa(['verify', steady, ...target.settings()]);
  assert.notEqual(third.code, 0);
  assert.match(third.stdout, new RegExp(`\nsince ${second.json().run}\n(.*\n)*  verdict was PASS, now FAIL\n`));
  await target.setWeights({ v1: 100, v2: 0 });
});

test('the files of two targets lie in one folder without a series that stands in both', async () => {
  const folder = path.join(target.folder, 'textfile');
  fs.mkdirSync(folder);
  const one = path.join(folder, 'one.prom'), two = path.join(folder, 'two.prom');
  await verify({}, ['--textfile', one]);
  const other = await oa(['verify', steady, '--set', `base_url=${target.stable.base}`, '--set', `socket=${target.socket}`, '--json', '--textfile', two], { stateDir: target.state, ms: 120000 });
  assert.equal(other.code, 0, other.stderr);
  const series = (file) => fs.readFileSync(file, 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.replace(/ [^ ]*$/, ''));
  const both = series(one).filter((line) => series(two).includes(line));
  assert.deepEqual(both, []);
  assert.ok(series(one).includes(`oa_stream_run_exit_code{run="weekly",target="${target.base}"}`));
});

test('a file for metrics tells no longer of a PASS when a verification is refused, nor in silence of another run', async () => {
  const file = path.join(scratch('refused'), 'verify.prom'), refuse = () => target.oa(['verify', path.join(target.folder, 'gone.yaml'), '--textfile', file]);
  assert.equal((await refuse()).code, 2);
  assert.ok(!fs.existsSync(file), 'it is unknown of which run it would tell');
  const passed = await verify({}, ['--textfile', file]);
  assert.equal(passed.code, 0, passed.stderr);
  assert.doesNotMatch(passed.stderr, /had the result/);
  const value = (name) => Number(fs.readFileSync(file, 'utf8').split('\n').find((line) => line.startsWith(name)).split(' ').at(-1));
  const of = `run="weekly",target="${target.base}"`, last = `oa_stream_run_last_pass_timestamp_seconds{${of}}`;
  const before = value(last);
  const refused = await refuse();
  assert.equal(refused.code, 2);
  assert.doesNotMatch(refused.stderr, /had the result/);
  assert.equal(value(`oa_stream_run_exit_code{${of}}`), 2);
  assert.deepEqual(['PASS', 'ERROR'].map((verdict) => value(`oa_stream_run_verdict{${of},verdict="${verdict}"}`)), [0, 1]);
  assert.ok(before > 0 && value(last) === before, 'the last PASS lives on');

  const other = await target.oa(['cutover', 'status', '-q', '--textfile', file]);
  assert.equal(other.code, 0, other.stderr);
  assert.ok(other.stderr.includes(`oa-stream: --textfile ${file} had the result of weekly for ${target.base}, which is replaced`), other.stderr);
  assert.equal((await target.oa(['cutover', 'status', '-q', '--textfile', file])).stderr, '');
});

test('the shipped verification rehearses the cutover of each driver, and says which values it lacks', async () => {
  const validate = (rehearse, values = []) => target.oa(['playbook', 'validate', 'steady-state', ...['base_url=http://127.0.0.1:1', 'stable=a', 'canary=b', `rehearse=${rehearse}`, ...values].flatMap((value) => ['--set', value])]);
  for (const [rehearse, values] of Object.entries({
    cutover: ['project=p', 'region=r', 'service=s', `ca=${target.playbook}`],
    'cutover-local': ['socket=/run/front.sock', 'access_log=/var/log/lane.log', 'rate=1/s'],
    'cutover-haproxy': ['socket=/run/haproxy.sock', 'backend=chat', 'stable_server=s1', 'canary_server=s2', 'continuity=new-threads-only', 'continuity_reason=a test'],
    'cutover-command': ['program=/usr/local/bin/split', 'stable_url=http://127.0.0.1:1', 'canary_url=http://127.0.0.1:2', 'prometheus=http://127.0.0.1:3', 'revision_label=version'],
  })) {
    const valid = await validate(rehearse, values);
    assert.equal(valid.code, 0, valid.stdout + valid.stderr);
    const unset = values.filter((value) => /^(project|region|service|socket|backend|program|stable_url|canary_url)=/.test(value)).map((value) => value.split('=')[0]);
    const lacking = await validate(rehearse);
    assert.equal(lacking.code, 2);
    assert.ok((lacking.stdout + lacking.stderr).includes(`${rehearse}: no value for`), lacking.stderr);
    for (const name of unset) assert.ok((lacking.stdout + lacking.stderr).includes(`--set ${name}=…`), `${rehearse}: ${name}`);
  }
});

test('rehearse is refused where it makes no sense', async () => {
  const refused = async (text, why) => {
    const end = await target.oa(['playbook', 'validate', target.write('bad.yaml', text)]);
    assert.equal(end.code, 2);
    assert.match(end.stdout + end.stderr, why);
  };
  const head = 'version: 1\nkind: steady-state\nname: w\ntarget: { base_url: "http://127.0.0.1:1" }\nchecks:\n';
  await refused(`${head}  - rehearse: {}\n`, /rehearse\.playbook is missing/);
  await refused(`${head}  - rehearse: { playbook: nonesuch }\n`, /no playbook is called 'nonesuch'/);
  await refused(`${head}  - rehearse: { playbook: steady-state, set: ["base_url=http://127.0.0.1:1"] }\n`, /steady-state is not a cutover/);
  await refused(`${head}  - rehearse: { playbook: "${target.playbook}", set: ["base_url=http://127.0.0.1:1", "socket=/x"] }\n`, /has no error budget/);
  await refused(`${head}  - rehearse: { playbook: cutover-haproxy, set: ["base_url=http://127.0.0.1:1", "stable=a", "canary=b", "socket=/x"] }\n`, /no value for backend \(checks\[0\]\.rehearse\.set gives values, like backend=…\)/);
  await refused(`${head}  - rehearse: { playbook: "${cutover}", set: ["nonsense"] }\n`, /expected NAME=VALUE/);
});
