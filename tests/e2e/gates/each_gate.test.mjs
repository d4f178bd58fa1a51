// rollback drill --each-gate: one planted fault a gate, behind each kind of door; a gate that does not
// notice is named, and plans, cutovers and the weekly verification know when it was tried.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { startCutoverProxy } from '../lib/cutover/haproxy_cutover.mjs';
import { LocalTarget, lane, secondRevision } from '../lib/local_target.mjs';
import { NEW_ONLY, QUICK_LIMITS } from '../lib/cutover/playbook.mjs';
import { scratch } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';

const playbook = (traffic, base, gates, more = '') => `version: 1
kind: cutover
${more.includes('continuity') ? '' : NEW_ONLY}name: tried
target: { base_url: "${base}", prompt: "replay:hello" }
traffic: { ${traffic} }
${more}stages: [50%, 100%]
stage:
  bake: 4s
  probe: { rate: 20/s, unpinned: 20/s }
  gates:
${gates.map((gate) => `    - { ${gate} }`).join('\n')}
  on_inconclusive: { extend_at_most: 4s, then: rollback }
${QUICK_LIMITS}`;
const SHORT = ['bad: any, at_most: 5%', 'id: loose, bad: truncated, at_most: 90%'];

class Drilled {
  static async start() {
    const at = new Drilled();
    at.faults = path.join(scratch('faults'), 'faults');
    fs.writeFileSync(at.faults, '');
    at.target = await LocalTarget.start({ lanes: async () => Promise.all([lane('v1'), lane('v2', ['--inject-file', at.faults])]) });
    at.others = [at.target.front, at.target.stable, at.target.canary];
    return at;
  }
  stop() { return Promise.all(this.others.map((one) => one.kill())); }
  get local() { return `driver: local, socket: "${this.target.socket}", base_url: "${this.target.base}", stable: v1, canary: v2`; }
  drill(file, ...args) { return this.target.oa(['rollback', 'drill', file, '--each-gate', '--inject-file', this.faults, ...args], { ms: 240000 }); }
  async plan(file) {
    const out = `${file}.plan.json`;
    return { ...(await this.target.oa(['cutover', 'plan', file, '--out', out])), file: out };
  }
  async assertIdle() {
    assert.equal(fs.readFileSync(this.faults, 'utf8'), '', 'no fault is left');
    assert.deepEqual(await this.target.weights(), { v1: 100, v2: 0 });
  }
}
const verdicts = (document) => Object.fromEntries(document.checks.map((check) => [check.id.replace('gate.', ''), check.verdict]));

/** Two at a time, each with two lanes, a door and a file of faults of its own: they wait for most of their time. */
const beside = sideBySide('drills', 2, Drilled.start);

beside('local door: every kind of fault is noticed by the gate that is there for it, and a blind one is named', async (at) => {
  const file = at.target.write('all.yaml', playbook(at.local, at.target.base, [
    'bad: any, at_most: 5%', 'id: 5xx, bad: http_status, at_most: 5%', 'id: cut, bad: truncated, at_most: 5%', 'id: garbled, bad: malformed_frame, at_most: 5%',
    'spike: auth_errors, at_most: +100%, min_events: 5, source: probe', 'p95: first_content, at_most: 500ms', 'p95: duration, at_most: +100%, versus: stable',
    'id: loose, bad: truncated, at_most: 90%', 'spike: sync_token_errors, at_most: +100%', 'id: only-seen, bad: any, at_most: 1%, mode: observe',
  ]));
  const shown = await at.drill(file);
  assert.equal(shown.code, 10, shown.stderr);
  assert.match(shown.stdout, /cut +truncate=0\.5/);
  assert.match(shown.stdout, /next: .*--apply/);
  assert.doesNotMatch(shown.stdout, /only-seen/);
  assert.deepEqual(at.target.runs(), [], 'nothing was done');

  const run = await at.drill(file, '--apply', '--json');
  const document = run.json();
  assert.equal(run.code, 1, run.stderr);
  assert.deepEqual(verdicts(document), {
    'error-rate': 'PASS', '5xx': 'PASS', cut: 'PASS', garbled: 'PASS', 'auth-errors': 'PASS', 'first-content': 'PASS', 'duration-vs-stable': 'PASS', loose: 'FAIL', 'sync-token-errors': 'FAIL',
  }, run.stderr);
  assert.match(document.headline, /7 of 9 gates noticed; loose, sync-token-errors did not notice\./);
  assert.match(document.checks.find((check) => check.id === 'gate.loose').detail, /blind: truncate=0\.5 was planted, and it did not notice/);
  await at.assertIdle();

  const plan = await at.plan(file);
  assert.match(plan.stdout, /last tried on planted faults at 20\d\d-.*loose, sync-token-errors did not notice/);
  const changed = at.target.write('changed.yaml', fs.readFileSync(file, 'utf8').replace('at_most: 90%', 'at_most: 80%'));
  assert.match((await at.plan(changed)).stdout, /they were changed since/);
});

beside('HAProxy and a command driver are drilled alike', async (at) => {
  const proxy = await startCutoverProxy({ stable: at.target.stable, canary: at.target.canary }, { changes: [['server stable', 'server v1'], ['server canary', 'server v2']] });
  at.others.push(proxy);
  const program = at.target.write('split.mjs', `import http from 'node:http';
let text = '';
for await (const piece of process.stdin) text += piece;
const call = JSON.parse(text);
const ask = (method, path, body, etag) => new Promise((done, failed) => http.request({ socketPath: ${JSON.stringify(at.target.socket)}, method, path, headers: body ? { 'content-type': 'application/json', 'if-match': etag } : {} }, (answer) => {
  let got = '';
  answer.on('data', (piece) => { got += piece; });
  answer.on('end', () => (answer.statusCode === 200 ? done(JSON.parse(got)) : failed(new Error(got))));
}).on('error', failed).end(body));
if (call.call === 'set') await ask('PUT', '/weights', JSON.stringify({ weights: { v1: 0, v2: 0, ...call.target } }), (await ask('GET', '/state')).etag);
else console.log(JSON.stringify({ serving: Object.fromEntries((await ask('GET', '/state')).backends.map((one) => [one.name, one.weight])), exact_split: true }));
`);
  const words = `["${process.execPath}", "${program}"]`;
  for (const [name, traffic, base] of [
    ['haproxy', `driver: haproxy, socket: ${proxy.socket}, backend: chat, stable: v1, canary: v2`, proxy.base],
    ['command', `driver: command, read: ${words}, set: ${words}, stable: v1, canary: v2, stable_url: "${at.target.stable.base}", canary_url: "${at.target.canary.base}"`, at.target.base],
  ]) {
    const file = at.target.write(`${name}.yaml`, playbook(traffic, base, SHORT));
    // The program reads no etag.
    const warned = /^warning: what reads the split gives no etag, so another machine's write/m.test((await at.plan(file)).stdout);
    assert.equal(warned, name === 'command');
    const run = await at.drill(file, '--apply', '--json');
    assert.deepEqual(verdicts(run.json()), { 'error-rate': 'PASS', loose: 'FAIL' }, `${name}: ${run.stderr}`);
    await at.assertIdle();
  }
});

beside('continuity notices a canary that forgets, and of a PromQL gate it is said that nobody knows its fault', async (at) => {
  const stable = await lane('v1');
  // What --inject-file does to a lane of its own; this one has its threads from stable.
  const canary = await secondRevision(stable.base, { lost: () => fs.readFileSync(at.faults, 'utf8').includes('forget=1') });
  const shared = await LocalTarget.start({ lanes: async () => [stable, canary] });
  const prometheus = await startPrometheus([stable.base.slice(7)]);
  at.others.push(stable, canary, shared.front, prometheus);
  const traffic = `driver: local, socket: "${shared.socket}", base_url: "${shared.base}", stable: v1, canary: v2`;
  const text = playbook(traffic, shared.base, ['id: queue, promql: "vector(1)", unit: count, at_most: 5'], `sources: [{ prometheus: { url: "${prometheus.base}" } }, { probe: {} }]\ncontinuity: required\n`);
  const run = await shared.oa(['rollback', 'drill', shared.write('kinds.yaml', text), '--each-gate', '--inject-file', at.faults, '--apply', '--json'], { ms: 120000 });
  assert.notEqual(run.code, 0, 'a gate that was not tried is no gate that noticed');
  const document = run.json();
  assert.deepEqual(verdicts(document), { queue: 'INCONCLUSIVE', continuity: 'PASS' }, run.stderr);
  assert.match(document.headline, /1 of 2 gates noticed; no fault is known for queue\./);
  assert.match(document.checks.find((check) => check.id === 'gate.queue').detail, /not tried: no fault is known/);
  assert.match(document.checks.find((check) => check.id === 'gate.continuity').detail, /forget=1 was noticed/);
  assert.equal(fs.readFileSync(at.faults, 'utf8'), '', 'no fault is left');
});

beside('continuity that could not be measured was not judged: nobody calls it blind', async (at) => {
  const stable = await lane('v1');
  const canary = await secondRevision(stable.base, { lost: () => fs.readFileSync(at.faults, 'utf8').includes('forget=1'), status: 503 });
  const shared = await LocalTarget.start({ lanes: async () => [stable, canary] });
  at.others.push(stable, canary, shared.front);
  const traffic = `driver: local, socket: "${shared.socket}", base_url: "${shared.base}", stable: v1, canary: v2`;
  const file = shared.write('unread.yaml', playbook(traffic, shared.base, ['bad: any, at_most: 60%, mode: observe'], 'continuity: required\n'));
  const run = await shared.oa(['rollback', 'drill', file, '--each-gate', '--inject-file', at.faults, '--apply', '--json'], { ms: 120000 });
  const document = run.json();
  assert.deepEqual(verdicts(document), { continuity: 'ERROR' }, run.stderr);
  assert.match(document.checks[0].detail, /^not judged: .*503/);
  assert.match(document.headline, /0 of 1 gates noticed; not judged: continuity\./);
});

for (const twice of [false, true]) {
  beside(`the drill ${twice ? 'is left at once' : 'is killed'} while continuity is tried: its fault is shown, and rollback apply removes it`, async (at) => {
    const forgets = () => fs.readFileSync(at.faults, 'utf8').includes('forget=1');
    const stable = await lane('v1');
    const canary = await secondRevision(stable.base, { hangs: forgets });
    const shared = await LocalTarget.start({ lanes: async () => [stable, canary] });
    at.others.push(stable, canary, shared.front);
    fs.writeFileSync(at.faults, '');
    const traffic = `driver: local, socket: "${shared.socket}", base_url: "${shared.base}", stable: v1, canary: v2`;
    const file = shared.write('killed.yaml', playbook(traffic, shared.base, ['bad: any, at_most: 60%, mode: observe'], 'continuity: required\n'));
    const drill = shared.begin(['rollback', 'drill', file, '--each-gate', '--inject-file', at.faults, '--apply']);
    await drill.until(forgets, 'the fault is planted');
    if (twice) {
      await drill.leaves();
    } else {
      drill.signal('SIGKILL');
    }
    await drill.end();
    const run = shared.runs().at(-1);
    if (twice) {
      assert.equal(drill.exit.code, 8, drill.stderr);
      assert.ok(drill.stderr.includes(`oa-stream rollback apply --run ${run}`), drill.stderr);
    }
    assert.equal(fs.readFileSync(at.faults, 'utf8'), 'forget=1\n');
    const left = await shared.oa(['cutover', 'status', '--json']);
    assert.equal(left.code, 8, left.stdout);
    assert.deepEqual(left.json().runs.map((one) => [one.run, one.fault, one.next]), [[run, `forget=1 in ${at.faults}`, `oa-stream rollback apply --run ${run}`]]);
    const back = await shared.oa(['rollback', 'apply', '--json']);
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual(back.json().checks.map((check) => [check.id, check.verdict]), [['rollback.fault', 'PASS']]);
    assert.equal(fs.readFileSync(at.faults, 'utf8'), '', 'no fault is left');
    assert.equal((await shared.oa(['cutover', 'status'])).code, 0);
    assert.equal((await shared.oa(['rollback', 'apply', '--run', run])).code, 6, 'there is nothing left to roll back');
  });
}

for (const [what, changed] of [['is removed', false], ['somebody changed', true]]) {
  beside(`continuity, tried with a fault that ${what}: a run with nothing left names no rollback, else it does`, async (at) => {
    let asked = false;
    const planted = () => fs.readFileSync(at.faults, 'utf8').includes('forget=1');
    const lost = () => {
      if (changed && planted()) fs.writeFileSync(at.faults, 'forget=1\nlatency=2s\n');
      return planted();
    };
    const keeps = () => { asked = true; return !changed; };
    const first = await lane('v1');
    const stable = await secondRevision(first.base, { name: 'v1', keeps });
    const canary = await secondRevision(first.base, { lost, keeps });
    const shared = await LocalTarget.start({ lanes: async () => [stable, canary] });
    at.others.push(first, stable, canary, shared.front);
    const traffic = `driver: local, socket: "${shared.socket}", base_url: "${shared.base}", stable: v1, canary: v2`;
    const file = shared.write('left.yaml', playbook(traffic, shared.base, ['bad: any, at_most: 60%, mode: observe'], 'continuity: required\n'));
    const drill = shared.begin(['rollback', 'drill', file, '--each-gate', '--inject-file', at.faults, '--apply', '--json']);
    if (!changed) {
      await drill.until(() => asked, 'its conversations are removed');
      await drill.leaves();
    }
    await drill.end();
    const run = shared.runs().at(-1);
    assert.equal(drill.exit.code, changed ? 8 : 3, drill.stderr);
    if (changed) {
      const { headline, next } = JSON.parse(drill.stdout);
      assert.equal(next, `oa-stream rollback apply --run ${run}`);
      assert.match(headline, /^Not restored: \S+ changed after forget=1 was injected: .*\. 0 of 1 gates noticed; not judged: continuity\.$/);
    } else {
      assert.match(drill.stderr, /leaving at once\. its fault is removed/);
      assert.doesNotMatch(drill.stderr, /rollback apply/);
    }
    assert.equal((await shared.oa(['cutover', 'status'])).code, changed ? 8 : 0);
  });
}

beside('a verification and a cutover can require that the gates were tried', async (at) => {
  const text = playbook(at.local, at.target.base, SHORT.slice(0, 1), 'preflight: [ gates_drilled: { within: 30d } ]\n').replace('name: tried', 'name: required');
  const file = at.target.write('required.yaml', text);
  const weekly = at.target.write('weekly.yaml', `version: 1\nkind: steady-state\nname: weekly\ntarget: { base_url: "${at.target.base}" }\nchecks: [ gates_drilled: { within: 30d, playbook: required } ]\n`);
  const early = await at.target.oa(['verify', weekly, '--json']);
  assert.equal(early.code, 1, early.stderr);
  assert.match(early.json().checks[0].detail, /never tried on planted faults/);
  const plan = await at.plan(file);
  assert.equal(plan.code, 10, plan.stderr);
  assert.match(plan.stdout, /warning: apply will stop before anything is moved: gates of required never tried/);
  assert.doesNotMatch(plan.stderr, /next: .*cutover apply/, 'what will stop is not suggested');
  assert.ok(plan.stderr.endsWith(` next: oa-stream rollback drill ${file} --each-gate\n`), plan.stderr);
  const refused = await at.target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(refused.json().checks.find((check) => check.id === 'gates.drilled').verdict, 'FAIL', refused.stderr);
  assert.deepEqual(await at.target.weights(), { v1: 100, v2: 0 });

  assert.equal((await at.drill(file, '--apply')).code, 0);
  assert.equal((await at.target.oa(['verify', weekly])).code, 0);
  assert.match((await at.plan(file)).stdout, /each noticed its own/);

  const stopped = at.target.begin(['rollback', 'drill', file, '--each-gate', '--inject-file', at.faults, '--apply', '--json']);
  await stopped.until(() => fs.readFileSync(at.faults, 'utf8') !== '', 'the fault is planted');
  stopped.signal('SIGTERM');
  assert.equal((await stopped.end(60000)).code, 7, stopped.stderr);
  assert.match(JSON.parse(stopped.stdout).headline, /0 of 1 gates noticed; not judged: error-rate\./);
  await at.assertIdle();
  assert.match((await at.plan(file)).stdout, /each noticed its own/, 'the drill that was carried out counts');
  assert.equal((await at.target.oa(['verify', weekly])).code, 0);
});

beside('what cannot be tried is refused before anything is done', async (at) => {
  const file = at.target.write('short.yaml', playbook(at.local, at.target.base, SHORT));
  const bare = await at.target.oa(['rollback', 'drill', file, '--each-gate']);
  assert.equal(bare.code, 2);
  assert.match(bare.stderr, /faults cannot be planted: into which file/);
  const none = await at.target.oa(['rollback', 'drill', at.target.write('none.yaml', playbook(at.local, at.target.base, ['bad: any, at_most: 5%, mode: observe'])), '--each-gate', '--inject-file', at.faults]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /no gate that decides/);
});
