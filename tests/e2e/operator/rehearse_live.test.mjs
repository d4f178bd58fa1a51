// `cutover rehearse PLAYBOOK`: the whole cutover against the real thing, and nothing of it is changed.
// Recording relays stand in front of everything: what they did not see did not leave this machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { startCloudRun } from '../lib/cutover/cloud_run.mjs';
import { commandRig, haproxyRig, localRig } from '../lib/cutover/crash_rigs.mjs';
import { shortCutover } from '../lib/cutover/crash.mjs';
import { startLane } from '../lib/lane.mjs';
import { oa, scratch } from '../lib/process.mjs';
import { recordHttp, recordSocket } from '../lib/recorder.mjs';

const SMOKES = 'preflight:\n  - { smoke: stream, through: stable }\n  - { smoke: stream, through: canary }\n';

/** The rig's machinery, reached through relays alone. */
async function watched(rig) {
  const base = await recordHttp(/base_url: "([^"]+)"/.exec(rig.playbook)[1]);
  let text = rig.playbook.replace(/base_url: "[^"]+"/g, `base_url: "${base.base}"`);
  const socket = /(?:socket|endpoint): (\/\S+)/.exec(text);
  const relay = await recordSocket(socket[1]);
  const arms = await Promise.all([rig.lanes.stable, rig.lanes.canary].map((lane) => recordHttp(lane.base)));
  text = text.replace(socket[0], socket[0].replace(socket[1], relay.path))
    .replace('  stable: stable\n', `  stable: stable\n  stable_url: "${arms[0].base}"\n  canary_url: "${arms[1].base}"\n`) + SMOKES;
  return { text, http: [base, ...arms], socket: relay, stop: () => [base, relay, ...arms].forEach((one) => one.stop()) };
}

async function cloudRig() {
  const lanes = Object.fromEntries(await Promise.all(['stable', 'canary'].map(async (name) => [name, await startLane({ name, args: ['--revision', name] })])));
  const seen = { stable: await recordHttp(lanes.stable.base), canary: await recordHttp(lanes.canary.base) };
  const cloud = await startCloudRun({ stable: seen.stable.base, canary: seen.canary.base });
  const api = await recordHttp(cloud.endpoint);
  const place = Object.entries(cloud.place).map(([key, value]) => `${key}: ${value}`);
  const text = shortCutover(['driver: cloud-run', `endpoint: "${api.base}"`, ...place, 'stable: stable', 'canary: canary', 'auth: { env: OA_STREAM_PLATFORM_TOKEN }'], cloud.base);
  return {
    env: cloud.env,
    state: async () => { const { serving, traffic, applied } = await cloud.state(); return { serving, traffic, applied }; },
    watched: { text: text + SMOKES, http: [seen.stable, seen.canary, api], socket: { said: () => '' }, stop: () => [seen.stable, seen.canary, api].forEach((one) => one.stop()) },
    api,
    stop: async () => { await cloud.stop(); await Promise.all(Object.values(lanes).map((lane) => lane.stop())); },
  };
}

async function rehearse(text, env, args = []) {
  const file = path.join(scratch('playbook'), 'cutover.yaml');
  fs.writeFileSync(file, text);
  return oa(['cutover', 'rehearse', file, '--json', ...args], { env, ms: 60000 });
}

/** What could change the traffic, in the words of each machinery. */
const WRITES = /^(?:PUT|PATCH|POST|DELETE) |set (?:server|weight)|enable |disable |shutdown /m;

function assertRehearsal(run) {
  assert.equal(run.code, 0, run.stderr.slice(-3000) + run.stdout.slice(0, 3000));
  const report = run.json();
  assert.equal(report.verdict, 'PASS');
  assert.equal(report.mutated, false);
  const mode = (id) => report.checks.find((check) => check.id === id)?.mode;
  assert.equal(mode('shift@50%'), 'rehearsed');
  assert.equal(mode('shift@100%'), 'rehearsed');
  assert.equal(mode('gate.error-rate@0%'), 'live');
  assert.equal(mode('gate.error-rate@50%'), 'skipped');
  assert.ok(report.modes.rehearsed >= 2 && report.modes.live > 10, JSON.stringify(report.modes));
  assert.match(report.headline, /rehearsed.*nothing was changed/);
  assert.equal(fs.readFileSync(path.join(report.evidence, 'journal.ndjson'), 'utf8').trim(), '', 'nothing to take back');
  assert.match(fs.readFileSync(path.join(report.evidence, 'report.md'), 'utf8'), /dry run/);
}

function assertGetsAlone(run, rig) {
  const report = run.json();
  assert.equal(run.code, 3, run.stderr.slice(-3000));
  assert.equal(report.verdict, 'INCONCLUSIVE', 'what was skipped is no pass');
  for (const relay of rig.http) assert.deepEqual(relay.seen.filter(({ method }) => method !== 'GET'), []);
  assert.doesNotMatch(rig.socket.said(), WRITES);
}

describe('no write leaves the machine in a dry run', () => {
  for (const [name, make] of [['local', localRig], ['haproxy', haproxyRig], ['command', commandRig]]) {
    test(name, async () => {
      const rig = await make(), through = await watched(rig);
      const before = await rig.state();

      const quiet = await rehearse(through.text, rig.env, ['--no-probes']);
      assertGetsAlone(quiet, through);

      const run = await rehearse(through.text, rig.env);
      assertRehearsal(run);
      assert.ok(through.socket.said().length > 0, 'the machinery was read');
      assert.doesNotMatch(through.socket.said(), WRITES);
      for (const relay of through.http) {
        for (const { method, url } of relay.seen) {
          const ownEnd = method === 'DELETE' && /^\/api\/chats\/oa(?:probe|smoke)_\w+$/.test(url);
          assert.ok(method === 'GET' || ownEnd || (method === 'POST' && url.startsWith('/api/chat')), `${method} ${url}`);
        }
      }
      assert.deepEqual(await rig.state(), before);
      through.stop();
      await rig.stop();
    });
  }

  test('cloud-run', async () => {
    const rig = await cloudRig();
    const before = await rig.state();
    assertGetsAlone(await rehearse(rig.watched.text, rig.env, ['--no-probes']), rig.watched);
    assertRehearsal(await rehearse(rig.watched.text, rig.env));
    assert.ok(rig.api.seen.length > 0);
    assert.deepEqual(rig.api.seen.filter(({ method }) => method !== 'GET'), []);
    assert.deepEqual(await rig.state(), before);
    rig.watched.stop();
    await rig.stop();
  });
});

describe('a dry run tells what would go wrong', () => {
  let rig;
  after(() => rig?.stop());
  test('a canary that is down: exit 1, and nothing was written', async () => {
    rig = await localRig();
    await rig.lanes.canary.kill();
    const before = await rig.state();
    const run = await rehearse(rig.playbook + SMOKES);
    assert.equal(run.code, 1, run.stderr);
    assert.deepEqual(await rig.state(), before);
  });
  test('--local and a playbook together, or neither, are usage errors', async () => {
    for (const args of [[], ['cutover', '--local'], ['steady-state', '--set', 'base_url=http://127.0.0.1:9'], ['local-rehearsal']]) {
      const run = await oa(['cutover', 'rehearse', ...args]);
      assert.equal(run.code, 2, args.join(' ') + run.stderr);
    }
  });
  test('a stated budget is read before anything is done', async () => {
    const run = await oa(['cutover', 'rehearse', 'cutover', '--asserted-budget', 'abc', '--reason', 'x']);
    assert.equal(run.code, 2, run.stderr);
  });
});
