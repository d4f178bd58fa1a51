// Cutovers judged by what is measured of users: a real Prometheus that scrapes two real lanes behind
// the real front door, their access logs and the run's own probes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Door, Hazard, PROMPT, Users, startWorld } from '../lib/measured.mjs';
import { clockOf } from '../lib/clock.mjs';
import { QUICK_LIMITS, localHead } from '../lib/cutover/playbook.mjs';
import { oa, scratch } from '../lib/process.mjs';

const WORDS = 'http_5xx | terminal_error';
const playbook = ({ gates, stages, bake, extend = bake, rate = '20/s', preflight = '', more = '', probes = true, include = false }) => `${localHead('measured', { more: { prometheus: '""', access_log: '""' }, prompt: PROMPT })}slo:
  - { name: stream-good, objective: 60%, window: 15s, bad: ${WORDS} }
sources:
  - prometheus: { url: "\${prometheus}", timeout: 15s, stale_after: 3s, include_probes: ${include} }
  - access_log: { path: "\${access_log}", include_probes: ${include} }
${probes ? '  - probe: {}\n' : ''}${preflight}stages: [${stages}]
stage:
  bake: ${bake}
  probe: { rate: ${rate}, unpinned: ${rate} }
  gates:
${gates.map((gate) => `    - { ${gate} }`).join('\n')}
  on_inconclusive: { extend_at_most: ${extend}, then: rollback }
  on_error: { hold_at_most: 1s, then: rollback }
${more}${QUICK_LIMITS}`;

let world;
const doors = [], crowds = [], hazards = [];
async function door(text) {
  const made = await Door.start(world, text);
  doors.push(made);
  return made;
}
const crowd = (at, perSecond) => { crowds.push(new Users(at.base, perSecond)); return crowds.at(-1); };
before(async () => { world = await startWorld(); });
after(async () => {
  await Promise.all(crowds.map((one) => one.stop()));
  await Promise.all(doors.map((one) => one.front.kill()));
  for (const one of hazards) one.stop();
  await world.stop();
});

const setOf = () => ({ prometheus: world.prometheus.base, access_log: `${world.stable.accessLog},${world.canary.accessLog}` });
const finals = (lines, id) => lines.filter((line) => line.id === id && !line.look.interim);
/** Judged again from its record, under its own limits: every gate as it was, by whatever source. */
async function assertReplays(document) {
  const [told] = (await oa(['slo', 'gate', '--replay', document.evidence, '--json'])).json().runs;
  assert.ok(told.gates.length > 0);
  for (const gate of told.gates) assert.equal(gate.now, gate.then, `${gate.id}@${gate.stage}: ${gate.sentence}`);
}
const overlap = (a, b) => a[0] <= b[1] && b[0] <= a[1];
/** Wilson's interval, 99.9 % two-sided. */
function interval(bad, n, z = 3.29) {
  const p = bad / n, d = 1 + (z * z) / n, mid = (p + (z * z) / (2 * n)) / d, half = (z / d) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [mid - half, mid + half];
}
/** An interval of the p95 from single times, 99.9 % two-sided. */
function p95(times, z = 3.29) {
  const sorted = times.toSorted((a, b) => a - b), n = sorted.length, half = z * Math.sqrt(n * 0.95 * 0.05);
  return [sorted[Math.max(0, Math.floor(0.95 * n - half) - 1)], sorted[Math.ceil(0.95 * n + half)] ?? Infinity];
}

test('one run, three sources: budget, error rate and p95 agree within their stated errors, by revision', async () => {
  for (const lane of [world.stable, world.canary]) lane.setFaults('error-rate=0.1\nlatency=60ms\n');
  const sources = ['prometheus', 'access_log', 'probe'];
  // With the run's own probes, so that all three sources saw them.
  const at = await door(playbook({
    include: true, stages: '50%', bake: '12s', preflight: 'preflight: [ budget: { consumed_at_most: 99% } ]\n',
    gates: sources.flatMap((source) => [
      `id: errors-${source}, bad: ${WORDS}, at_most: +30pp, versus: stable, source: ${source}`,
      `id: p95-${source}, p95: first_content, at_most: 2.5s, source: ${source}, mode: observe`,
    ]),
  }));
  const users = crowd(at, 60);
  const began = Date.now() / 1000;
  await world.prometheus.eventually('sum(increase(oa_stream_http_requests_total[15s]))', (rows) => rows[0]?.value > 400);
  await world.prometheus.eventually('count(up offset 16s)', (rows) => rows[0]?.value === 2); // the budget's window has data throughout
  const plan = await at.planFor(setOf());
  assert.equal(plan.code, 10, plan.stderr);
  const tried = plan.json().plan.tried.find((one) => one.id === 'errors-prometheus');
  assert.match(tried.source, /^prometheus http/);
  assert.ok(tried.n > 100 && tried.decides_in_s > 0, JSON.stringify(tried));
  const apply = at.beginApply();
  await apply.end(120000);
  const document = JSON.parse(apply.stdout);
  assert.equal(apply.exit.code, 0, apply.stderr);
  const budget = document.checks.find((check) => check.id === 'budget.stream-good');
  assert.match(budget.detail, /consumed .*by prometheus http/);
  assert.equal(budget.mode, 'live');

  // What the run saw, gate by gate, in the same window.
  const lines = at.lines('measure/gates.ndjson');
  assert.ok(lines.some((line) => line.look.interim && line.source.startsWith('prometheus') && line.query), 'interim looks are kept, with their query');
  const [byPrometheus, byLog, byProbe] = sources.map((source) => finals(lines, `errors-${source}`).at(-1));
  for (const [one, revision] of [['n', 'v2'], ['reference_n', 'v1']]) {
    assert.ok(Math.abs(byPrometheus[one] - byLog[one]) <= 0.15 * byLog[one], `${revision}: ${byPrometheus[one]} and ${byLog[one]} requests`);
    assert.ok(byLog[one] > byProbe[one], `${revision}: users are more than the probes`);
  }
  for (const [bad, n] of [['bad', 'n'], ['reference_bad', 'reference_n']]) {
    const all = [byPrometheus, byLog, byProbe].map((record) => interval(record[bad], record[n]));
    for (const other of all) assert.ok(overlap(all[0], other), JSON.stringify({ bad, all }));
  }
  await users.stop();
  await assertReplays(document);

  // At rest, over the same time: the same numbers from both, for each revision and for the budget.
  const seconds = Math.ceil(Date.now() / 1000 - began) + 2;
  const ask = (args, source) => oa(['slo', ...args, '--window', `${seconds}s`, '--json', ...source]);
  const both = [['--prometheus', world.prometheus.base], ['--access-log', world.stable.accessLog, '--access-log', world.canary.accessLog]];
  const samples = at.lines('measure/samples.ndjson').filter((line) => line.first_content_s !== undefined && line.first_content_s !== null);
  for (const revision of ['v1', 'v2']) {
    const gates = await Promise.all(both.map((source) => ask(['gate', `bad: ${WORDS} <= 99%`, '--revision', revision], source)));
    const [a, b] = gates.map((run) => run.json().gate);
    assert.ok(Math.abs(a.n - b.n) <= Math.max(3, 0.03 * b.n), `${revision}: ${a.n} and ${b.n} requests at rest`);
    assert.ok(Math.abs(a.bad - b.bad) <= Math.max(3, 0.05 * b.bad), `${revision}: ${a.bad} and ${b.bad} bad at rest`);
    const times = await Promise.all(both.map((source) => ask(['gate', 'p95: first_content <= 2.5s', '--revision', revision], source)));
    const [c, d] = times.map((run) => run.json().gate);
    const own = p95(samples.filter((line) => line.revision === revision).map((line) => line.first_content_s));
    assert.ok(overlap([c.low, c.high], [d.low, d.high]), `${revision}: p95 ${JSON.stringify([c, d])}`);
    // The probes' clock also has the way to the lane and back in it.
    assert.ok(overlap([d.low, d.high + 0.05], own), `${revision}: p95 ${JSON.stringify([d.low, d.high, own])}`);
  }
  const budgets = await Promise.all(both.map((source) => ask(['budget', '--objective', '60%', '--at-most', '99%'], source)));
  const [x, y] = budgets.map((run) => run.json().checks[0].data);
  assert.ok(Math.abs(x.consumed - y.consumed) <= x.blur + y.blur + 0.02, JSON.stringify([x.consumed, y.consumed, x.blur]));
  const probes = at.lines('measure/samples.ndjson').filter((line) => line.revision);
  const share = interval(probes.filter((line) => line.bad).length, probes.length).map((rate) => rate / 0.4);
  assert.ok(share[0] <= y.consumed && y.consumed <= share[1], `by probes ${share}, by the log ${y.consumed}`);
});

test('a source that goes away in mid-bake is never a PASS: INCONCLUSIVE or ERROR with the reason, and back', async () => {
  for (const lane of [world.stable, world.canary]) lane.setFaults('');
  const ways = [
    ['refuse', 'ERROR', /refused|reset|connect|closed|network/i],
    ['hang', 'ERROR', /timeout|no answer|within/i],
    ['stale', 'INCONCLUSIVE', /scraped|old|stale|s ago|before the time that was asked for/i],
    ['empty', 'INCONCLUSIVE', /no |never|nothing|not /i],
  ];
  await Promise.all(ways.map(async ([mode, verdict, why]) => {
    const hazard = await Hazard.start(world.prometheus.base);
    hazards.push(hazard);
    const at = await door(playbook({ stages: '50%', bake: '20s', extend: '1s', rate: '10/s', gates: [`id: errors, bad: ${WORDS}, at_most: 50%`] }));
    crowd(at, 25);
    const plan = await at.planFor({ prometheus: hazard.base });
    assert.equal(plan.code, 10, `${mode}: ${plan.stderr}`);
    const apply = at.beginApply();
    await apply.until(() => at.lines('timeline.ndjson').some((line) => line.event === 'stage begins'), `the stage (${mode})`, 120000);
    const { passed } = hazard;
    await apply.until(() => hazard.passed > passed, `a look at 50 % (${mode})`, 120000);
    hazard.turn(mode); // for more of the stage than what is stale takes: a busy Prometheus takes seconds for a look
    await apply.end(120000);
    const document = JSON.parse(apply.stdout);
    assert.equal(apply.exit.code, 7, `${mode}: ${apply.stderr}`);
    assert.equal(document.verdict, verdict, `${mode}: ${apply.stderr}`);
    const gate = document.checks.find((check) => check.id === 'gate.errors@50%');
    assert.equal(gate.verdict, verdict, `${mode}: ${JSON.stringify(gate)}`);
    assert.match(gate.detail, why, mode);
    await assertReplays(document);
    assert.deepEqual(await at.weights(), { v1: 100, v2: 0 }, mode);
  }));
});

test('a canary with 5 % errors at 5 % of the traffic fails, though the total looks fine', async () => {
  await Promise.all(crowds.splice(0).map((one) => one.stop())); // nobody else is there
  world.stable.setFaults('');
  world.canary.setFaults('error-rate=0.05\nseed=112\n'); // close to 5 % wherever in its turns it begins
  // Three bad probes of the first ten would be reason enough, and come by chance once in a hundred runs:
  // here the users' numbers are to decide.
  const at = await door(playbook({ stages: '5%', bake: '8s', extend: '25s', rate: '2/s', probes: false, gates: [`id: errors, bad: ${WORDS}, at_most: 0.5%`] }));
  // Long before the plan: a stage that fails within seconds has seen too few of all users.
  const began = Date.now() / 1000;
  crowd(at, 150);
  let first;
  await world.prometheus.eventually('sum(oa_stream_http_requests_total)', ([{ value }]) => value > (first ??= value) + 1500, 120000);
  const plan = await at.planFor({ prometheus: world.prometheus.base });
  assert.equal(plan.code, 10, plan.stderr);
  const apply = at.beginApply();
  await apply.end(90000);
  const document = JSON.parse(apply.stdout);
  assert.equal(apply.exit.code, 7, apply.stderr);
  assert.equal(document.verdict, 'FAIL', apply.stderr);
  const gate = document.checks.find((check) => check.id === 'gate.errors@5%');
  assert.match(gate.detail, /beyond the limit of 0\.5%.*prometheus http/);
  // One time in thirty the run's own probes meet enough of the errors to prove it first.
  if (!gate.detail.includes("by the run's own probes")) assert.ok(gate.data.n > 10 && gate.data.query.includes('v2'), gate.detail);
  await assertReplays(document);
  const window = `${Math.ceil(Date.now() / 1000 - began)}s`;
  const total = await oa(['slo', 'gate', `bad: ${WORDS} <= 0.5%`, '--window', window, '--prometheus', world.prometheus.base, '--json']);
  const { n, value } = total.json().gate;
  assert.ok(n > 1000 && typeof value === 'number' && value < 0.005, `the total: ${total.stdout}`);
  assert.deepEqual(await at.weights(), { v1: 100, v2: 0 });
});

test('without a measured or a stated budget nothing moves, and one line says what to give', async () => {
  const at = await door(playbook({ stages: '50%', bake: '1s', preflight: 'preflight: [ budget: { consumed_at_most: 5%, or_stated: true } ]\n', gates: ['bad: any, at_most: 50%'] }));
  const plan = await at.planFor();
  assert.equal(plan.code, 10, plan.stderr);
  assert.ok(plan.json().plan.warnings.some((line) => line.includes('--asserted-budget')), 'the plan says so');
  const refused = at.beginApply();
  await refused.end(60000);
  assert.equal(refused.exit.code, 3, refused.stderr);
  assert.match(refused.stderr, /--set prometheus=URL.*--asserted-budget PERCENT --reason TEXT/);
  // The plan is used up; its successor's own next command states the budget.
  assert.match(JSON.parse(refused.stdout).next, new RegExp(`^oa-stream cutover plan ${at.playbook} .*--out ${at.file}$`));
  assert.deepEqual(await at.weights(), { v1: 100, v2: 0 });
  assert.equal(fs.existsSync(path.join(JSON.parse(refused.stdout).evidence, 'journal.ndjson')) && at.lines('journal.ndjson').some((line) => line.phase === 'intent'), false);
});

test('plan: a source that knows nothing of stable, or cannot be asked, is an error before anything is planned', async () => {
  const hazard = await Hazard.start(world.prometheus.base);
  hazards.push(hazard);
  const at = await door(playbook({ stages: '50%', bake: '1s', gates: [`id: errors, bad: ${WORDS}, at_most: 0.1%`] }));
  hazard.turn('empty');
  const unknown = await at.planFor({ prometheus: hazard.base });
  assert.equal(unknown.code, 6, unknown.stderr);
  assert.match(unknown.stderr, /gate errors has nothing to judge: prometheus knows nothing of v1 for 7 days/);
  hazard.turn('refuse');
  const silent = await at.planFor({ prometheus: hazard.base });
  assert.equal(silent.code, 4, silent.stderr);
  const short = await at.planFor({ prometheus: world.prometheus.base });
  assert.equal(short.code, 10, short.stderr);
  const warnings = short.json().plan.warnings.filter((line) => line.includes('cannot decide')); // stable itself may fail the limit, too
  assert.equal(warnings.length, 1, `told once: ${warnings}`);
  assert.match(warnings[0], /cannot decide within its bake of 1s at 50%/);
});

for (const [how, seconds] of [['forward', 3600], ['back', -3600]]) {
  test(`a clock that is set an hour ${how} in the middle of a stage moves the window of its sources and does not stretch it`, async () => {
    for (const lane of [world.stable, world.canary]) lane.setFaults('');
    const at = await door(playbook({ stages: '50%', bake: '3s', probes: false, gates: [`id: errors, bad: ${WORDS}, at_most: 50%, source: access_log, mode: observe`] }));
    const plan = await at.planFor(setOf());
    assert.equal(plan.code, 10, plan.stderr);
    const clock = clockOf(scratch('clock'));
    const apply = at.beginApply(clock.env);
    const told = (event) => apply.until(() => at.lines('timeline.ndjson').some((line) => line.event === event), event, 60000);
    await told('stage begins');
    clock.set(seconds);
    await told('stage ended');
    clock.set(0);
    await apply.end(240000);
    const windows = at.lines('measure/readings.ndjson').map((line) => line.window_s);
    assert.ok(windows.length > 0 && windows.every((one) => one > 0 && one < 60), JSON.stringify(windows));
  });
}
