// `verify`: the weekly job. Quiet when all is well, a meaningful exit code when it is not.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { oa } from '../lib/process.mjs';
import { freePort } from '../lib/free_port.mjs';

let lane;
before(async () => { lane = await startLane(); });
after(() => lane.stop());
const at = (base) => ['--set', `base_url=${base}`];

test('a good lane: exit 0, not a word, and a run folder', async () => {
  const run = await oa(['verify', 'smoke-stream', ...at(lane.base)]);
  assert.equal(run.code, 0, run.stderr + run.stdout);
  assert.equal(run.stdout, '');
  assert.equal(run.stderr, '');
  const [name] = fs.readdirSync(path.join(run.stateDir, 'runs'));
  const folder = path.join(run.stateDir, 'runs', name);
  assert.match(name, /^\d{8}T\d{6}Z-smoke-stream-[0-9a-f]{8}$/);
  assert.equal(JSON.parse(fs.readFileSync(path.join(folder, 'run.json'), 'utf8')).verdict, 'PASS');
  for (const file of ['plan.json', 'report.md', 'timeline.ndjson', 'SHA256SUMS']) assert.ok(fs.existsSync(path.join(folder, file)), file);
});

test('--json says what was checked, and how', async () => {
  const run = await oa(['verify', 'smoke-stream', '--json', ...at(lane.base)]);
  assert.equal(run.code, 0, run.stderr);
  const report = run.json();
  assert.equal(report.verdict, 'PASS');
  assert.ok(path.isAbsolute(report.evidence));
  assert.ok(report.modes.live > 10);
  assert.ok(report.checks.every(({ verdict, required }) => verdict !== 'SKIPPED' || !required));
});

test('a lane that is not there: exit 4, said within 80 columns, verdict first', async () => {
  const run = await oa(['verify', 'smoke-stream', ...at(`http://127.0.0.1:${await freePort()}`)]);
  assert.equal(run.code, 4, run.stderr + run.stdout);
  assert.match(run.stdout, /^ERROR {2}/);
  const lines = run.stdout.split('\n').filter((line) => !line.startsWith('report '));
  for (const line of lines) assert.ok([...line].length <= 80, line);
  assert.match(run.stderr.trimEnd().split('\n').at(-1), /^ERROR run \S+ evidence \S+ next: \S+/);
});

test('what was left out is no pass: the steady state without a control surface', async () => {
  const run = await oa(['verify', '--json', ...at(lane.base)]);
  assert.notEqual(run.code, 0);
  const report = run.json();
  assert.notEqual(report.verdict, 'PASS');
  assert.ok(report.checks.some(({ id, verdict }) => id.includes('control') && verdict !== 'PASS'));
  assert.ok(report.checks.some(({ id, verdict }) => id.startsWith('check.users') && verdict === 'PASS'), 'the rest was done all the same');
});

test('--no-probes sends GETs alone and is never a pass', async () => {
  const run = await oa(['verify', 'smoke-stream', '--json', '--no-probes', ...at(lane.base)]);
  assert.equal(run.code, 3, run.stderr);
});

test('a playbook that moves traffic is a usage error', async () => {
  const run = await oa(['verify', 'local-rehearsal']);
  assert.equal(run.code, 2, run.stderr);
});
