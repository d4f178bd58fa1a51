// Gates on what users feel beyond error rate and p95: one ending of answers, tokens per second, signals
// of a control service, and any PromQL expression. Two real lanes, a real Prometheus, the real front door.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startExporter, startSpoiler } from './world.mjs';
import { Door, Users, lane } from '../lib/measured.mjs';
import { QUICK_LIMITS, localHead } from '../lib/cutover/playbook.mjs';
import { oa } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';

const PROMPT = 'scenario:words;n=12;delay=25';
const host = (base) => base.replace('http://', '');
const SYNC = 'signals: [ { signal: sync_token_errors, events: "sum(increase(sync_token_failures_total{revision=\\"$revision\\"}[$window])) or vector(0)", requests: "sum(increase(sync_token_requests_total{revision=\\"$revision\\"}[$window]))" }, { signal: audit_errors, events: "sum(increase(audit_missing_total[$window])) or vector(0)", requests: "sum(increase(route_decisions_total[$window]))" } ]';
const playbook = ({ gates, stages = '50%', bake = '5s', sources = '' }) => `${localHead('gates', { more: { prometheus: undefined, access_log: '""' }, prompt: PROMPT })}sources:
  - prometheus: { url: "\${prometheus}", timeout: 10s, stale_after: 10s, ${sources} }
  - access_log: { path: "\${access_log}" }
stages: [${stages}]
stage:
  bake: ${bake}
  probe: { rate: 20/s, unpinned: 20/s }
  gates:
${gates.map((gate) => `    - { ${gate} }`).join('\n')}
${QUICK_LIMITS}`;

/** Two lanes, a proxy before the canary, counters of a control service, and a Prometheus that scrapes them. */
class Measured {
  static async start() {
    const at = new Measured();
    [at.stable, at.canary, at.exporter] = await Promise.all([lane('v1'), lane('v2'), startExporter()]);
    at.spoiler = await startSpoiler(at.canary.base);
    for (const revision of ['v1', 'v2']) {
      at.exporter.set('sync_token_requests_total', revision, 200);
      at.exporter.set('sync_token_failures_total', revision, 2);
      at.exporter.gauge('queue_seconds', revision, 0.4);
    }
    at.exporter.set('route_decisions_total', '', 400);
    at.exporter.set('audit_missing_total', '', 4);
    at.prometheus = await startPrometheus([at.stable, at.canary, at.exporter].map(({ base }) => host(base)), { interval: '400ms' });
    await at.prometheus.eventually('min(count_over_time(up[1m]))', (rows) => rows[0]?.value >= 20); // a window before the first stage
    at.doors = [];
    at.crowds = [];
    return at;
  }
  async stop() {
    await Promise.all(this.crowds.map((one) => one.stop()));
    await Promise.all([...this.doors.map((one) => one.front), this.stable, this.canary, this.prometheus].map((one) => one.kill()));
    this.spoiler.stop();
    this.exporter.stop();
  }
  async door(text, { spoiled = false } = {}) {
    const made = await Door.start({ stable: this.stable, canary: spoiled ? this.spoiler : this.canary }, text);
    this.doors.push(made);
    return made;
  }
  set() { return { prometheus: this.prometheus.base, access_log: `${this.stable.accessLog},${this.canary.accessLog}` }; }
  async cutover(door) {
    const plan = await door.planFor(this.set());
    assert.equal(plan.code, 10, plan.stderr + plan.stdout);
    const apply = door.beginApply();
    await apply.end(90000);
    const run = JSON.parse(apply.stdout);
    run.stderr = apply.stderr;
    run.exit = apply.exit.code;
    // Judged again from its record, every gate gives what it gave.
    const [told] = (await oa(['slo', 'gate', '--replay', run.evidence, '--json'])).json().runs;
    for (const gate of told.gates) assert.equal(gate.now, gate.then, `${gate.id}@${gate.stage}: ${gate.sentence}`);
    run.gate = (id) => run.checks.filter((check) => check.id.startsWith(`gate.${id}@`)).at(-1);
    return run;
  }
}

/** Three at a time, each in a world of its own, which all begin together: they wait for most of their time. */
describe('gates', { concurrency: 3 }, () => {
  const own = (body) => {
    const world = Measured.start();
    before(() => world);
    after(async () => (await world).stop());
    return async () => body(await world);
  };

  test('answers that are cut fail the gate on that ending, and no gate on another', own(async (at) => {
    const door = await at.door(playbook({ gates: ['id: cut, bad: truncated, at_most: 5%', 'id: halted, bad: stalled | malformed_frame, at_most: 30%', 'id: tokens, p50: tokens_per_s, at_least: 1/s'] }), { spoiled: true });
    at.spoiler.fault = { kind: 'truncated', share: 0.2 };
    const run = await at.cutover(door);
    at.spoiler.fault = null;
    assert.equal(run.exit, 7, run.stderr);
    assert.equal(run.gate('cut').verdict, 'FAIL');
    assert.match(run.gate('cut').detail, /rate of truncated/);
    assert.notEqual(run.gate('halted')?.verdict, 'FAIL');
  }));

  test('answers that are cut on the users\' way alone fail the stage, though its gates pass', own(async (at) => {
    const text = playbook({ gates: ['bad: any, at_most: 5%'] }).replace('canary: v2 }', `canary: v2, canary_url: "${at.canary.base}" }`);
    assert.match(text, /canary_url/);
    const door = await at.door(text, { spoiled: true });
    at.spoiler.fault = { kind: 'truncated', share: 0.3 };
    const run = await at.cutover(door);
    at.spoiler.fault = null;
    assert.equal(run.exit, 7, run.stderr);
    assert.equal(run.gate('error-rate').verdict, 'PASS', run.stderr);
    assert.match(run.headline, /^answers@50%: at the users' address, .* beyond the limit of 5%; the first bad one: truncated; rolled back and verified/);
    assert.match(run.stderr, /FAIL +answers +at the users' address/);
  }));

  test('a canary of half the tokens per second fails, an equal one passes', own(async (at) => {
    const gates = ['p50: tokens_per_s, at_most: 1s', 'p50: tokens_per_s, at_least: -20%, versus: stable'];
    const door = await at.door(playbook({ gates: gates.slice(1) }));
    const good = await at.cutover(door);
    assert.equal(good.exit, 0, good.stderr);
    assert.match(good.gate('tokens-per-s-p50-vs-stable').detail, /p50 tokens per s .*\/s against .*\/s/);
    at.canary.setFaults('slow=3');
    const bad = await at.cutover(await at.door(playbook({ gates: gates.slice(1) })));
    at.canary.setFaults('');
    assert.equal(bad.exit, 7, bad.stderr);
    assert.match(bad.gate('tokens-per-s-p50-vs-stable').detail, /-[2-7]\d.*% versus stable/);
    const wrong = await (await at.door(playbook({ gates: gates.slice(0, 1) }))).planFor(at.set());
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /fewer tokens_per_s are worse: it takes at_least/);
  }));

  test('failed sync tokens are counted per revision, missing audit events against the time before', own(async (at) => {
    const gates = ['spike: sync_token_errors, at_most: +100%, min_events: 5', 'spike: audit_errors, at_most: +100%, min_events: 5, versus: before', 'spike: auth_errors, at_most: +100%'];
    const text = playbook({ gates, sources: SYNC });
    const good = await at.cutover(await at.door(text));
    // Nobody came but probes, which the lanes' own counters leave out.
    assert.match(good.gate('sync-token-errors').detail, /within the limit/);
    assert.match(good.gate('audit-errors').detail, /before the run/);
    const door = await at.door(text);
    at.crowds.push(new Users(door.base, 30));
    const plan = await door.planFor(at.set());
    assert.equal(plan.code, 10, plan.stderr);
    const equal = await at.cutover(door);
    assert.equal(equal.exit, 0, equal.stderr);
    assert.match(equal.gate('auth-errors').detail, /0 of \d+, stable has none/);

    at.exporter.set('sync_token_failures_total', 'v2', 20);
    const sync = await at.cutover(await at.door(text));
    at.exporter.set('sync_token_failures_total', 'v2', 2);
    assert.equal(sync.gate('sync-token-errors').verdict, 'FAIL', sync.stderr);

    const late = await at.door(text);
    at.crowds.push(new Users(late.base, 30));
    assert.equal((await late.planFor(at.set())).code, 10);
    const apply = late.beginApply();
    await apply.until(() => late.lines('measure/gates.ndjson').length > 0, 'a first look', 60000);
    at.exporter.set('audit_missing_total', '', 200);
    await apply.end(90000);
    at.exporter.set('audit_missing_total', '', 4);
    const audit = JSON.parse(apply.stdout).checks.find((check) => check.id.startsWith('gate.audit-errors@'));
    assert.equal(audit.verdict, 'FAIL', audit.detail);
  }));

  test('a PromQL expression has a unit, a direction and a revision', own(async (at) => {
    const expression = 'promql: "max(queue_seconds{revision=\\"$revision\\"})", unit: seconds';
    const gates = [`id: queue, ${expression}, at_most: 1s`, `id: queue-vs, ${expression}, at_most: +50%, versus: stable`, 'id: fleet, promql: "count(queue_seconds)", unit: count, at_least: 2'];
    const good = await at.cutover(await at.door(playbook({ gates, bake: '2s' })));
    assert.equal(good.exit, 0, good.stderr);
    assert.match(good.gate('queue').detail, /canary queue 400ms, within the limit of at most 1s/);
    assert.match(good.gate('fleet').detail, /at least 2/);
    at.exporter.gauge('queue_seconds', 'v2', 0.9);
    const bad = await at.cutover(await at.door(playbook({ gates, bake: '2s' })));
    at.exporter.gauge('queue_seconds', 'v2', 0.4);
    assert.equal(bad.exit, 7, bad.stderr);
    assert.equal(bad.gate('queue').verdict, 'PASS');
    assert.equal(bad.gate('queue-vs').verdict, 'FAIL');
    const none = await (await at.door(playbook({ gates: ['id: gone, promql: no_such_series, unit: count, at_most: 1'] }))).planFor(at.set());
    assert.equal(none.code, 6);
    assert.match(none.stderr, /gate gone has nothing to judge: .*no series match \(no_such_series\); 'or vector\(0\)' makes that a 0/);

    for (const [gate, message] of [
      ['promql: "x", at_most: 1%', /promql and unit belong together/],
      ['promql: "x", unit: share, at_most: 2s', /'2s' does not limit a promql with unit: share/],
      ['promql: "x", unit: count, at_most: +20%, versus: stable', /does not contain \$revision/],
      ['bad: truncated | turn_failed, at_most: 1%', /no source counts truncated \| turn_failed together/],
      ['bad: any, at_most: 1%, at_least: 1%', /exactly one of at_most and at_least/],
      ['bad: truncated, at_most: 1%, source: access_log', /only probes can detect that an answer ended as truncated/],
      ['spike: audit_errors, at_most: +100%, source: access_log', /the log has no audit_errors/],
    ]) {
      const wrong = await (await at.door(playbook({ gates: [gate] }))).planFor(at.set());
      assert.equal(wrong.code, 2, gate);
      assert.match(wrong.stderr, message, gate);
    }
  }));
});
