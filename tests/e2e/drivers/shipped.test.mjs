// The shipped playbooks of each traffic driver: they validate, and what they plan can be carried out.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { QUICK_LIMITS, localHead } from '../lib/cutover/playbook.mjs';
import { tokenLine } from '../lib/lane.mjs';
import { LocalTarget, lane } from '../lib/local_target.mjs';
import { Users } from '../lib/measured.mjs';
import { scratch } from '../lib/process.mjs';

const GIVEN = {
  local: ['socket=/run/front.sock'],
  haproxy: ['socket=/run/haproxy.sock', 'backend=chat'],
  command: ['program=/usr/local/bin/split', 'stable_url=http://127.0.0.1:1', 'canary_url=http://127.0.0.1:2'],
  'cloud-run': ['project=p', 'region=r', 'service=s'],
};
const ALL = ['base_url=http://127.0.0.1:1', 'stable=v1', 'canary=v2'];
const set = (values) => values.flatMap((value) => ['--set', value]);
let target;
before(async () => { target = await LocalTarget.start(); });
after(() => target.stop());

test('each driver has a cutover and a rollback that validate, shipped and as a copy', async () => {
  const list = (await target.oa(['playbook', 'list', '--json'])).json();
  for (const [driver, given] of Object.entries(GIVEN)) {
    for (const kind of ['cutover', 'rollback']) {
      const name = driver === 'cloud-run' ? kind : `${kind}-${driver}`;
      assert.ok(JSON.stringify(list).includes(`"${name}"`), `${name} is listed`);
      const text = (await target.oa(['playbook', 'show', name])).stdout;
      assert.match(text, new RegExp(`driver: ${driver}\n`));
      assert.equal((await target.oa(['playbook', 'show', `${kind}-${driver}`])).stdout, text, 'each is found by its driver');
      const copy = target.write(`${name}-copy.yaml`, text);
      for (const one of [name, copy]) {
        const valid = await target.oa(['playbook', 'validate', one, ...set([...ALL, ...given])]);
        assert.equal(valid.code, 0, `${one}: ${valid.stdout}${valid.stderr}`);
      }
    }
  }
});

test('cutover-local is planned on real lanes, and rollback-local gives everything back', async () => {
  const words = set([`base_url=${target.base}`, `socket=${target.socket}`, 'stable=v1', 'canary=v2']);
  const plan = await target.oa(['cutover', 'plan', 'cutover-local', ...words, ...set(['continuity=new-threads-only', 'continuity_reason=the lanes of this test keep their threads in memory'])]);
  assert.equal(plan.code, 10, plan.stderr);
  assert.match(plan.stdout, /shift@5%/);
  assert.match(plan.stderr, / next: oa-stream cutover plan cutover-local --set .* --out FILE\n$/);

  await target.setWeights({ v1: 60, v2: 40 });
  const file = path.join(target.folder, 'back.json');
  const back = await target.oa(['rollback', 'plan', 'rollback-local', ...words, '--out', file]);
  assert.equal(back.code, 10, back.stderr);
  assert.ok(fs.existsSync(file));
  const done = await target.oa(['rollback', 'apply', file]);
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(await target.weights(), { v1: 100, v2: 0 });
});

/** A canary that lets the operator's probes in and refuses users: `args` of stable and of the canary, what users send, the operator's environment, and the gate that finds it. */
const REFUSING = {
  401: () => {
    const folder = scratch('tokens'), OPERATOR = 'the-operators-token', USER = 'a-users-token';
    const file = (name, text) => { fs.writeFileSync(path.join(folder, name), text, { mode: 0o600 }); return ['--tokens', path.join(folder, name)]; };
    const both = file('both', tokenLine(OPERATOR, 'owner=operator') + tokenLine(USER, 'owner=user'));
    return { args: [both, file('one', tokenLine(OPERATOR, 'owner=operator'))], headers: { authorization: `Bearer ${USER}` }, env: { AUTH_TOKEN: OPERATOR }, gate: 'unauthorised' };
  },
  426: () => {
    const policy = path.join(scratch('policy'), 'policy.json');
    fs.writeFileSync(policy, JSON.stringify({ min_client_build_id: '20251201T000000Z' }));
    const old = { 'x-oa-client-build-id': '20250601T000000Z', 'x-oa-protocol-version': 'openagents.control.v1', 'x-oa-schema-version': '1' };
    return { args: [[], ['--compat-policy', policy]], headers: old, env: {}, gate: 'compat-rejected' };
  },
};

describe('a canary that refuses users alone', { concurrency: true }, () => {
  for (const [status, refusing] of Object.entries(REFUSING)) {
    test(`with ${status}: cutover-local rolls it back`, async () => {
      const { args, headers, env, gate } = refusing();
      const folder = scratch('logs'), logs = ['v1', 'v2'].map((name) => path.join(folder, `${name}.log`));
      const at = await LocalTarget.start({ lanes: () => Promise.all(['v1', 'v2'].map((name, i) => lane(name, ['--access-log', logs[i], ...args[i]]))) });
      const users = new Users(at.base, 40, headers);
      try {
        const given = ['stable=v1', 'canary=v2', `base_url=${at.base}`, `socket=${at.socket}`, `access_log=${logs}`, 'bake=8s', 'rate=50/s', 'continuity=new-threads-only', 'continuity_reason=the lanes of this test keep their threads in memory'];
        const plan = path.join(at.folder, 'plan.json');
        const made = await at.oa(['cutover', 'plan', 'cutover-local', ...set(given), '--out', plan], { env });
        assert.equal(made.code, 10, made.stderr);
        const run = await at.oa(['cutover', 'apply', plan, '--json', '--non-interactive', '--asserted-budget', '1%', '--reason', 'a test'], { env });
        assert.equal(run.code, 7, run.stderr.slice(-4000));
        const failed = run.json().checks.filter((check) => check.verdict === 'FAIL').map((check) => check.id);
        assert.deepEqual(failed, [`gate.${gate}@5%`], run.stderr.slice(-4000));
        assert.deepEqual(await at.weights(), { v1: 100, v2: 0 });
      } finally {
        await users.stop();
        await at.stop();
      }
    });
  }
});

/** Stages that the shipped cutovers' gate on rejected users decides alone. */
const REJECTED = `${localHead('rejected', { more: { access_log: undefined } })}sources: [{ access_log: { path: "\${access_log}" } }, { probe: {} }]
stages: [50%, 100%]
stage:
  bake: 8s
  probe: { rate: 20/s, unpinned: 20/s }
  gates: [{ id: rejected, bad: rejected, at_most: +10pp, versus: stable }]
  on_inconclusive: { extend_at_most: 8s, then: rollback }
${QUICK_LIMITS}`;

describe('some users send what --strict-body rejects with 422', { concurrency: true }, () => {
  for (const { who, strict, share, code, verdict } of [
    { who: 'the canary alone', strict: ['v2'], share: 0.3, code: 7, verdict: 'FAIL' },
    { who: 'both revisions', strict: ['v1', 'v2'], share: 0.1, code: 0, verdict: 'PASS' },
  ]) {
    test(`${who}: the gate is ${verdict}`, async () => {
      const folder = scratch('logs'), logs = ['v1', 'v2'].map((name) => path.join(folder, `${name}.log`));
      const at = await LocalTarget.start({ lanes: () => Promise.all(['v1', 'v2'].map((name, i) => lane(name, ['--access-log', logs[i], ...(strict.includes(name) ? ['--strict-body'] : [])]))) });
      const users = new Users(at.base, 60, {}, () => ({ messages: [{ role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=3' }] }], ...(Math.random() < share ? { data: { tenant: 'a' } } : {}) }));
      try {
        const plan = await at.plan({ playbook: at.write('rejected.yaml', REJECTED), set: { access_log: logs } });
        assert.equal(plan.code, 10, plan.stderr);
        const run = await at.oa(['cutover', 'apply', plan.file, '--json', '--non-interactive']);
        assert.equal(run.code, code, run.stderr.slice(-4000));
        assert.equal(run.json().checks.find((check) => check.id === 'gate.rejected@50%').verdict, verdict, run.stderr.slice(-4000));
      } finally {
        await users.stop();
        await at.stop();
      }
    });
  }
});
