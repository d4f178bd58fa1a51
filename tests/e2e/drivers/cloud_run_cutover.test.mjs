// A cutover on Cloud Run from plan to rollback, with the shipped playbook, two real lanes and a door
// that splits by chance; then the same against an Admin API that answers otherwise.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { PLATFORM_TOKEN, startCloudRun } from '../lib/cutover/cloud_run.mjs';
import { NEW_ONLY } from '../lib/cutover/playbook.mjs';
import { lane } from '../lib/local_target.mjs';
import { oa, scratch } from '../lib/process.mjs';

const NO = (code, status) => JSON.stringify({ error: { code, message: 'said so', status } });
const lanes = await Promise.all(['stable', 'canary'].map((name) => lane(name)));
const bases = { stable: lanes[0].base, canary: lanes[1].base };
after(() => Promise.all(lanes.map((lane) => lane.stop())));

const clouds = [];
async function cloud() {
  const made = await startCloudRun(bases);
  clouds.push(made);
  return made;
}
after(() => Promise.all(clouds.map((made) => made.stop())));

const writes = (state) => state.seen.filter((one) => one.method === 'PATCH').length;
const journal = (folder) => fs.readFileSync(path.join(folder, 'journal.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));

/** Every file below the folder, for what must stand in none of them. */
function assertNowhere(folder, ...needles) {
  for (const name of fs.readdirSync(folder, { recursive: true })) {
    const file = path.join(folder, name);
    if (!fs.statSync(file).isFile()) continue;
    const text = fs.readFileSync(file, 'latin1');
    for (const needle of needles) assert.ok(!text.includes(needle), `${name} holds what it must not`);
  }
}

/** So few or so many of n that chance alone would do it once in a million times, or less. */
function assertByChance(hits, n, share, what) {
  let below = 0, chance = (1 - share) ** n;
  const at = [];
  for (let k = 0; k <= n; ++k) {
    at.push(chance);
    chance *= ((n - k) / (k + 1)) * (share / (1 - share));
  }
  for (let k = 0; k <= hits; ++k) below += at[k];
  const above = at.slice(hits).reduce((sum, p) => sum + p, 0);
  assert.ok(below > 0.0000005 && above > 0.0000005, `${what}: ${hits} of ${n} for ${share}`);
}

/** A cutover whose gates decide with a handful of probes. */
const SHORT = `version: 1
kind: cutover
${NEW_ONLY}name: short
variables:
  - { name: base_url, required: true }
  - { name: endpoint, required: true }
  - { name: project, required: true }
  - { name: region, required: true }
  - { name: service, required: true }
  - { name: stable, required: true }
  - { name: canary, required: true }
target: { base_url: "\${base_url}", prompt: "replay:hello" }
traffic:
  driver: cloud-run
  endpoint: "\${endpoint}"
  project: "\${project}"
  region: "\${region}"
  service: "\${service}"
  stable: "\${stable}"
  canary: "\${canary}"
  auth: { env: OA_STREAM_PLATFORM_TOKEN }
stages: [0%, 50%, 100%]
stage:
  bake: 300ms
  probe: { rate: 40/s, unpinned: 20/s }
  gates:
    - { bad: any, at_most: 60%, confidence: 80% }
  on_inconclusive: { extend_at_most: 5s, then: rollback }
limits: { fresh_row: 3, restore: 5s, shift: 5s }
`;

class Operator {
  constructor(place, playbook, more = {}) {
    this.place = place;
    this.folder = scratch('operator');
    this.state = path.join(this.folder, 'state');
    this.file = path.join(this.folder, 'plan.json');
    this.playbook = playbook;
    this.more = more;
  }
  oa(args, ms = 120000) { return oa(args, { stateDir: this.state, env: this.place.env, ms }); }
  plan() { return this.oa(['cutover', 'plan', this.playbook, ...this.place.settings(this.more), '--out', this.file]); }
  async apply(ms, stated = []) {
    const run = await this.oa(['cutover', 'apply', this.file, '--json', ...stated], ms);
    return { ...run, report: run.json() };
  }
}

async function short(arranged = async () => {}) {
  const place = await cloud();
  await arranged(place);
  const file = path.join(scratch('playbook'), 'short.yaml');
  fs.writeFileSync(file, SHORT);
  const operator = new Operator(place, file);
  const before = (await place.state()).traffic;
  const plan = await operator.plan();
  assert.equal(plan.code, 10, plan.stderr);
  return { place, operator, before };
}

const SHIPPED = { bake: '8s', rate: '50/s', continuity: 'new-threads-only', continuity_reason: 'the lanes of this test keep their threads in memory' };

/** Beside the smoke tests of the other one; over before its gates judge. The operator who is refused. */
async function unmeasured() {
  const place = await cloud();
  const operator = new Operator(place, 'cutover', SHIPPED);
  const plan = await operator.plan();
  assert.match(plan.stdout, /nothing measures the error budget/);
  const unknown = await operator.apply();
  assert.equal(unknown.code, 3, unknown.stderr.slice(-4000));
  assert.match(unknown.stderr, /--set prometheus=URL .*--asserted-budget PERCENT --reason TEXT/);
  assert.equal(writes(await place.state()), 0, 'nothing moves before the budget is known');
  return operator;
}

async function moved(refused) {
  const place = await cloud();
  await place.arrange({ latency_ms: 300 });
  const before = await place.state();
  const operator = new Operator(place, 'cutover', SHIPPED);

  const plan = await operator.plan();
  assert.equal(plan.code, 10, plan.stderr);
  const planned = await place.state();
  assert.ok(planned.seen.length > 0 && planned.seen.every((one) => one.method === 'GET'), 'a plan sends nothing but GET');

  const apply = await operator.apply(240000, ['--asserted-budget', '2%', '--reason', 'read from the dashboard']);
  assert.equal(apply.code, 0, apply.stderr.slice(-4000));
  assert.equal(apply.report.verdict, 'PASS');
  const budget = apply.report.checks.find((check) => check.id === 'budget.stream-good');
  assert.equal(budget.mode, 'asserted', budget.detail);
  const done = await place.state();
  assert.deepEqual(done.serving, { canary: 100, stable: 0 });
  assert.deepEqual(done.traffic.map((target) => target.tag), before.traffic.map((target) => target.tag));
  assert.equal(writes(done), 4, 'one write a stage');
  assert.deepEqual(done.violations, []);
  for (const percent of [5, 25, 50]) {
    const met = place.met.filter((one) => one.canary === percent);
    assertByChance(met.filter((one) => one.revision === 'canary').length, met.length, percent / 100, `${percent} %`);
    const split = apply.report.checks.find((check) => check.id === `split@${percent}%`);
    assert.equal(split.verdict, 'PASS', split.detail);
  }

  const [back, again] = await Promise.all([operator.oa(['rollback', 'apply', '--run', apply.report.run, '--json']), refused.then((other) => other.plan())]);
  assert.equal(again.code, 10, 'a plan is applied once');
  assert.equal(back.code, 0, back.stderr.slice(-4000));
  const restored = await place.state();
  assert.deepEqual(restored.traffic, before.traffic);
  assert.deepEqual(restored.serving, before.serving);
  assert.deepEqual(restored.violations, []);
  assert.equal(writes(restored), 5, 'one write back');
  assertNowhere(operator.state, PLATFORM_TOKEN);
  for (const run of [plan, apply, back]) assert.ok(!(run.stdout + run.stderr).includes(PLATFORM_TOKEN));
}

function shipped() {
  const refused = unmeasured();
  return Promise.all([refused, moved(refused)]);
}

test('a dry run sends the Admin API nothing but GET', async () => {
  const { place, operator } = await short();
  const run = await operator.oa(['cutover', 'rehearse', operator.playbook, ...place.settings(), '--json']);
  assert.ok([0, 3].includes(run.code), run.stderr.slice(-4000));
  const state = await place.state();
  assert.ok(state.seen.length > 0 && state.seen.every((one) => one.method === 'GET'));
  assert.deepEqual(state.serving, { canary: 0, stable: 100 });
});

test('without a token nothing is asked: exit 5', async () => {
  const place = await cloud();
  place.env = { PATH: '/nonexistent' };
  const plan = await new Operator(place, 'cutover').plan();
  assert.equal(plan.code, 5, plan.stderr);
  assert.match(plan.stderr, /gcloud/);
  assert.equal((await place.state()).seen.length, 0);
});

test('"latest" that means another revision by now: users get the old one, and the printed next ends the run', async () => {
  const { place, operator } = await short(async (at) => {
    const tagged = (await at.state()).traffic.filter((one) => one.tag).map((one) => ({ ...one, percent: 0 }));
    await at.arrange({ latest_ready: 'stable' });
    await at.arrange({ traffic: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }, ...tagged] });
  });
  const run = await operator.apply();
  assert.equal(run.code, 0, run.stderr.slice(-4000));
  await place.arrange({ revisions: { stable: true, canary: true, newer: true } });
  await place.arrange({ latest_ready: 'newer' });
  const back = await operator.oa(['rollback', 'apply', '--run', run.report.run, '--json']);
  assert.equal(back.code, 8, back.stderr);
  const found = Object.fromEntries(back.json().checks.map((one) => [one.id, one.verdict]));
  assert.deepEqual([found['rollback.read-back'], found['rollback.users']], ['FAIL', 'PASS']);
  assert.equal((await place.state()).serving.stable, 100);
  assert.equal(back.json().next, `oa-stream cutover abandon --run ${run.report.run}`);
  const status = await operator.oa(['cutover', 'status', '--json']);
  assert.deepEqual([status.code, status.json().runs[0].next], [8, back.json().next]);
  const ended = await operator.oa([...back.json().next.split(' ').slice(1), '--apply', '--reason', 'stable serves']);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal((await operator.oa(['cutover', 'status'])).code, 0);
});

/**
 * A test a row: [name, what is arranged (one after the other), exit, canary's share then, writes
 * sent, the block is what it was].
 */
function endsAs(rows, further) {
  for (const [name, arranged, exit, canary, sent, same] of rows) {
    test(`${name}: exit ${exit}`, async () => {
      const { place, operator, before } = await short();
      for (const one of [arranged].flat()) await place.arrange(one);
      const run = await operator.apply();
      const state = await place.state();
      assert.equal(run.code, exit, run.stderr.slice(-4000));
      assert.deepEqual(state.serving, { canary, stable: 100 - canary });
      assert.equal(writes(state), sent);
      assert.deepEqual(state.violations, []);
      if (same) assert.deepEqual(state.traffic, before);
      further({ exit, operator, run });
    });
  }
}

function secondWrite() {
  const second = (fault) => ({ fault: { on: 'patch', skip: 1, ...fault } });
  const rows = [
    ['lost answer, applied: followed, not repeated', second({ end: 'drop', apply: true }), 0, 100, 2, false],
    ['lost request: the etag proves it, sent again', second({ end: 'drop' }), 0, 100, 3, false],
    ['503 with Retry-After, applied', second({ status: 503, body: NO(503, 'UNAVAILABLE'), apply: true, headers: { 'retry-after': '1' } }), 0, 100, 2, false],
    ['429 with Retry-After: waited out', second({ status: 429, body: NO(429, 'RESOURCE_EXHAUSTED'), headers: { 'retry-after': '1' } }), 0, 100, 3, false],
    ['502 of HTML, not applied', second({ status: 502, body: '<html>Bad Gateway', type: 'text/html' }), 0, 100, 3, false],
    ['garbage, applied', second({ status: 200, body: 'It works!', apply: true }), 0, 100, 2, false],
    ['403: not repeated, rolled back', second({ status: 403, body: NO(403, 'PERMISSION_DENIED') }), 7, 0, 3, true],
    ['another operator: left alone, told', second({ then_operator: 40 }), 8, 40, 2, false],
    ['401 for good: not repeated without another token', second({ times: -1, status: 401, body: NO(401, 'UNAUTHENTICATED') }), 8, 50, 3, false],
  ];
  endsAs(rows, ({ operator, run }) => {
    assert.equal(journal(run.report.evidence).at(-1).phase, 'end');
    assertNowhere(operator.state, PLATFORM_TOKEN);
  });
}

function secondOperation() {
  const rows = [
    ['it fails: the wish is taken back, too', [{ fate: 'good' }, { fate: 'fails' }], 7, 0, 3, true],
    ['half of each share serves: taken back', [{ fate: 'good' }, { fate: 'partial' }], 7, 0, 3, true],
    ['it never ends: no write while it lasts', [{ fate: 'good' }, { fate: 'stuck' }], 8, 50, 2, false],
  ];
  endsAs(rows, ({ exit, run }) => {
    if (exit === 7) assert.match(run.stderr, /fresh connections: verified/);
  });
}

// The shipped playbook begins with half a minute of smoke tests; the others are over by the time its gates judge.
describe('side by side', { concurrency: true }, () => {
  test('the shipped playbook: plan, 0 → 5 → 25 → 50 → 100 %, tags kept, and the exact block back', shipped);
  describe('the second write is answered otherwise', { concurrency: 3 }, secondWrite);
  describe('the second operation ends otherwise', { concurrency: 3 }, secondOperation);
});
