// A whole cutover through the real HAProxy, with users who stream all the while.
// OA_LONG=1 holds each stage for half a minute.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { slowed } from '../lib/captures.mjs';
import { Users, counters, startCutoverProxy, stretches, watchSplit } from '../lib/cutover/haproxy_cutover.mjs';
import { startLane } from '../lib/lane.mjs';
import { NEW_ONLY } from '../lib/cutover/playbook.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, limit, oa, scratch, sleep } from '../lib/process.mjs';

const LONG = process.env.OA_LONG === '1';
const BAKE = LONG ? '30s' : '2s';
/** Of a stage in the middle of which something is done. */
const MIDDLE = LONG ? BAKE : '8s';
const MS = limit(LONG ? 400000 : 90000);

/** The recorded turns, and one of half a second that users and probes ask for. */
function captures() {
  const folder = scratch('captures');
  fs.cpSync(path.join(ROOT, 'fixtures/captures'), folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'half-second.jsonl'), slowed(25).map((line) => JSON.stringify(line)).join('\n') + '\n');
  return folder;
}
const replayDir = captures();
const PROMPT = 'replay:half-second';
const startLanes = async () => {
  const [stable, canary] = await Promise.all(['stable', 'canary'].map((name) => startLane({ name, replayDir, pace: 'recorded', args: ['--revision', name, '--drain-timeout', '20s'] })));
  return { stable, canary, stop: () => Promise.all([stable.stop(), canary.stop()]) };
};

const playbook = (proxy, { stages = '[0%, 5%, 25%, 50%, 100%]', bake = BAKE, more = '' } = {}) => `version: 1
kind: cutover
${NEW_ONLY}name: haproxy
target: { base_url: "${proxy.base}", prompt: "${PROMPT}" }
traffic: { driver: haproxy, socket: ${proxy.socket}, backend: chat, stable: stable, canary: canary${more} }
stages: ${stages}
stage:
  bake: ${bake}
  probe: { rate: 10/s, unpinned: 5/s }
  gates:
    - { bad: any, at_most: 30%, confidence: 95% }
  on_inconclusive: { extend_at_most: 5s, then: rollback }
limits: { fresh_row: 5, restore: 30s }
`;

function fileOf(text) {
  const file = path.join(scratch('playbook'), 'cutover.yaml');
  fs.writeFileSync(file, text);
  return file;
}
async function planOf(file, stateDir) {
  const plan = path.join(path.dirname(file), 'plan.json');
  const made = await oa(['--state-dir', stateDir, 'cutover', 'plan', file, '--out', plan, '--json'], { ms: 60000 });
  assert.equal(made.code, 10, made.stderr.slice(-3000));
  return plan;
}
function apply(plan, stateDir) {
  const env = cleanEnv({ HOME: stateDir });
  return new Running(OA_BIN, ['--state-dir', stateDir, 'cutover', 'apply', plan, '--json'], { name: 'apply', folder: stateDir, env });
}
const weights = async (proxy) => { const { stable, canary } = await counters(proxy); return `${stable.uweight}:${canary.uweight}`; };
async function untilWeights(proxy, wanted, run) {
  const end = Date.now() + limit(60000);
  while ((await weights(proxy)) !== wanted) {
    assert.ok(!run.exit && Date.now() < end, `${wanted} is reached: ${await weights(proxy)}, ${run.exit?.code} ${run.stderr.slice(-2000)}`);
    await sleep(20);
  }
}
async function ready(proxy) {
  const end = Date.now() + limit(60000);
  while (!/UP|no check/.test((await counters(proxy)).stable.status)) {
    assert.ok(Date.now() < end);
    await sleep(20);
  }
}

/** A new worker answers. */
async function reload(proxy) {
  const before = await proxy.worker();
  proxy.signal('SIGUSR2');
  const end = Date.now() + limit(60000);
  while ((await proxy.worker().catch(() => before)) === before) {
    assert.ok(Date.now() < end, 'a new worker');
    await sleep(20);
  }
}

/** Each 100 requests are split to within one; a stretch begins and ends in the middle of one. */
function assertSplit(seen) {
  const told = stretches(seen).filter(({ stable, canary }) => stable + canary >= 60);
  for (const { weights: pair, stable, canary } of told) {
    const [s, c] = pair.split(':').map(Number), n = stable + canary;
    const off = Math.abs(canary - (n * c) / (s + c));
    assert.ok(off <= 1 + n / 100, `${pair}: canary got ${canary} of ${n}`);
  }
  return told.map(({ weights: pair }) => pair);
}

/** Side by side, each with lanes of its own. */
describe('cutovers', { concurrency: 2 }, () => {
  describe('under 50 streams a second', { timeout: MS * 2, concurrency: 1 }, () => {
    let lanes;
    before(async () => { lanes = await startLanes(); });
    after(() => lanes?.stop());

    test('rehearse, plan, apply 0 to 100 %, a reload, roll back: no stream breaks, the split is exact, the setting comes back', { timeout: MS }, async () => {
      const proxy = await startCutoverProxy(lanes, { stateFile: true });
      await proxy.say('set server chat/stable weight 200');
      const setting = await proxy.setting();
      await ready(proxy);
      const users = new Users(proxy.base, { prompt: PROMPT });
      const watch = watchSplit(proxy);
      await users.until(20);
      const file = fileOf(playbook(proxy, { more: `, state_file: ${proxy.stateFile}` })), stateDir = scratch('state');

      const dry = await oa(['--state-dir', stateDir, 'cutover', 'rehearse', file, '--json'], { ms: 60000 });
      assert.equal(dry.code, 0, dry.stderr.slice(-3000) + dry.stdout.slice(0, 1000));
      assert.equal(await proxy.setting(), setting, 'a rehearsal changes nothing');

      const plan = await planOf(file, stateDir);
      assert.doesNotMatch(fs.readFileSync(plan, 'utf8'), /a reload of HAProxy/);
      assert.equal(await proxy.setting(), setting, 'a plan changes nothing');
      const run = apply(plan, stateDir);
      const done = await run.end(MS);
      assert.equal(done.code, 0, run.stderr.slice(-4000));
      const report = JSON.parse(run.stdout);
      assert.equal(report.verdict, 'PASS');
      assert.equal(await weights(proxy), '0:100');
      const told = assertSplit(await watch.stop());
      for (const pair of ['200:0', '95:5', '75:25', '50:50', '0:100']) assert.ok(told.includes(pair), `${pair} among ${told}`);

      await reload(proxy);
      assert.equal(await weights(proxy), '0:100', 'the state file keeps it over a reload');
      const back = await oa(['--state-dir', stateDir, 'rollback', 'apply', '--run', report.run, '--json'], { ms: 60000 });
      assert.equal(back.code, 0, back.stderr.slice(-3000));
      assert.equal(await proxy.setting(), setting, 'weights and states are those of the beginning, to the number');

      const rate = (users.streams.length * 1000) / (Date.now() - users.began);
      await users.stop();
      assert.deepEqual(users.unhappy, [], 'not one stream was broken');
      const met = new Set(users.streams.map((stream) => stream.headers['x-oa-revision']));
      assert.deepEqual([...met].sort(), ['canary', 'stable']);
      assert.ok(rate > 40, `${rate} streams a second`);
      await proxy.stop();
    });
  });

  describe('what HAProxy hides', { timeout: MS * 2, concurrency: 1 }, () => {
    let lanes;
    before(async () => { lanes = await startLanes(); });
    after(() => lanes?.stop());

    test('weights that could not be kept for a reload: the run passes and says so', { timeout: MS }, async () => {
      const proxy = await startCutoverProxy(lanes);
      await ready(proxy);
      const folder = path.join(scratch('kept'), 'gone');
      fs.mkdirSync(folder);
      const file = fileOf(playbook(proxy, { stages: '[0%, 50%, 100%]', bake: '1s', more: `, state_file: ${folder}/state` })), stateDir = scratch('state');
      const plan = await planOf(file, stateDir);
      fs.rmdirSync(folder);
      const run = apply(plan, stateDir);
      const { code } = await run.end(MS);
      const { notes, verdict, evidence } = JSON.parse(run.stdout);
      assert.deepEqual([code, verdict], [0, 'PASS'], run.stderr.slice(-3000));
      assert.equal(notes.filter((note) => /the weights are set, but a reload would lose them/.test(note)).length, 1, run.stdout.slice(0, 2000));
      assert.match(run.stderr, /a reload would lose them/);
      assert.match(fs.readFileSync(path.join(evidence, 'report.md'), 'utf8'), /a reload would lose them/);
      await proxy.stop();
    });

    test('a reload in mid-hold that loses the weights is noticed and answered', { timeout: MS }, async () => {
      const proxy = await startCutoverProxy(lanes);
      await ready(proxy);
      const setting = await proxy.setting();
      const file = fileOf(playbook(proxy, { stages: '[25%, 100%]', bake: MIDDLE })), stateDir = scratch('state');
      const plan = await planOf(file, stateDir);
      assert.match(JSON.parse(fs.readFileSync(plan, 'utf8')).warnings.join('\n'), /^a reload of HAProxy resets the weights .*: set state_file/m);
      const look = await oa(['--state-dir', stateDir, 'doctor', file, '--json']);
      assert.equal(look.json().checks.find(({ id }) => id === 'driver.lasting')?.verdict, 'SKIPPED', look.stdout);
      const run = apply(plan, stateDir);
      await untilWeights(proxy, '75:25', run);
      await reload(proxy);
      const done = await run.end(MS);
      assert.equal(done.code, 7, `${done.code} ${run.stderr.slice(-4000)}`);
      const report = JSON.parse(run.stdout);
      assert.notEqual(report.verdict, 'PASS');
      assert.match(JSON.stringify(report.checks), /canary 25%, stable 75% was set and canary 0%, stable 100% serves: the machinery was restarted and forgot what was set/);
      assert.equal(await proxy.setting(), setting);
      await proxy.stop();
    });

    test('a server that was renamed for good leads out of the run, not round in circles', { timeout: MS }, async () => {
      const proxy = await startCutoverProxy(lanes);
      await ready(proxy);
      const stateDir = scratch('state'), on = (...args) => oa(['--state-dir', stateDir, ...args, '--json'], { ms: 60000 });
      const text = playbook(proxy, { stages: '[25%, 100%]', bake: MIDDLE }).replace('restore: 30s', 'restore: 2s');
      const run = apply(await planOf(fileOf(text), stateDir), stateDir);
      await untilWeights(proxy, '75:25', run);
      const config = fs.readFileSync(proxy.file, 'utf8');
      assert.match(config, /server canary /);
      fs.writeFileSync(proxy.file, config.replaceAll('server canary ', 'server canary-2 '));
      await reload(proxy);
      const done = await run.end(MS);
      assert.equal(done.code, 8, run.stderr.slice(-4000));
      const id = JSON.parse(run.stdout).run, typed = `oa-stream --state-dir ${stateDir}`, again = `${typed} rollback apply --run ${id}`;
      assert.equal((await on('cutover', 'status', '--run', id)).json().runs[0].next, again, 'nobody has tried it again yet');
      const back = await on('rollback', 'apply', '--run', id);
      assert.equal(back.code, 8, back.stderr);
      assert.match(JSON.stringify(back.json().checks), /backend chat has no server 'canary'/);
      const out = `${typed} cutover abandon --run ${id}`;
      assert.equal(back.json().next, out);
      assert.match(fs.readFileSync(path.join(back.json().evidence, 'rollback.md'), 'utf8'), new RegExp(`If it comes back: oa-stream .*rollback apply --run ${id}`));
      assert.equal((await on('cutover', 'status', '--run', id)).json().runs[0].next, out);
      assert.equal((await on('cutover', 'abandon', '--run', id, '--apply', '--reason', 'renamed')).code, 0);
      assert.equal((await on('cutover', 'status', '--run', id)).json().runs[0].next, '');
      await proxy.stop();
    });

    test('a canary that refuses connections fails the gate though no client sees an error', { timeout: MS }, async () => {
      // Without checks HAProxy goes on giving it its share, and hands each request to stable.
      const proxy = await startCutoverProxy(lanes, { changes: [['default-server check inter 2s fall 2 rise 1 pool-purge-delay 30s', 'default-server pool-purge-delay 30s']] });
      await ready(proxy);
      const setting = await proxy.setting();
      const users = new Users(proxy.base, { prompt: PROMPT });
      await users.until(10);
      const stateDir = scratch('state');
      const run = apply(await planOf(fileOf(playbook(proxy, { stages: '[25%, 100%]', bake: MIDDLE })), stateDir), stateDir);
      await untilWeights(proxy, '75:25', run);
      lanes.canary.signal('SIGTERM'); // running streams end well, new connections are refused
      const done = await run.end(MS);
      const { canary } = await counters(proxy);
      await users.stop();
      assert.deepEqual(users.unhappy, [], 'no client saw an error');
      assert.ok(Number(canary.wredis) > 0, 'HAProxy handed requests of the canary to stable');
      assert.equal(done.code, 7, `${done.code} ${run.stderr.slice(-4000)}`);
      const report = JSON.parse(run.stdout);
      assert.equal(report.verdict, 'FAIL');
      assert.ok(report.checks.some(({ id, verdict }) => /^gate\..*@25%/.test(id) && verdict === 'FAIL'), JSON.stringify(report.checks.filter(({ verdict }) => verdict !== 'PASS')));
      assert.equal(await proxy.setting(), setting);
      await proxy.stop();
    });
  });
});
