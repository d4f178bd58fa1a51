// What is said of a run afterwards, and of what cannot be judged again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LocalTarget, PLAYBOOK } from '../lib/local_target.mjs';
import { oa } from '../lib/process.mjs';

let target;
before(async () => { target = await LocalTarget.start(); });
after(() => Promise.all([target?.front, target?.stable, target?.canary].map((one) => one?.stop())));

test('a PASSed cutover that was rolled back by hand: list, show and incident say so', async () => {
  const plan = await target.plan();
  const passed = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(passed.code, 0, passed.stderr);
  const { run } = passed.json();
  assert.doesNotMatch((await target.oa(['runs', 'list'])).stdout, /rolled back/);
  assert.equal((await target.oa(['rollback', 'apply', '--run', run])).code, 0);
  assert.match((await target.oa(['runs', 'list'])).stdout, new RegExp(`^${run} .*PASS .*rolled back$`, 'm'));
  assert.match((await target.oa(['runs', 'show', run])).stdout.replace(/\n +/g, ' '), /2 stages passed\. Rolled back afterwards: v1 100%, v2 0% serves, verified/);
  assert.match((await target.oa(['incident', 'body', run])).stdout, /Rolled back afterwards: v1 100%, v2 0% serves, verified/);
});

test('a run without gates cannot be judged again, and says which can', async () => {
  const smoke = await target.oa(['smoke', 'stream', '--base-url', target.stable.base, '--no-probes', '--json']);
  const replay = await target.oa(['slo', 'gate', '--replay', smoke.json().run]);
  assert.equal(replay.code, 2, replay.stdout);
  assert.match(replay.stderr, /no gate was judged in this run \(runs of cutovers, rehearsals, drills, loads and slo gate hold gates\)/);
  assert.doesNotMatch(replay.stderr, /No such file/);
});

test('a PromQL with open brackets is no valid playbook', async () => {
  const validated = (promql) => {
    const gate = `    - { id: mine, promql: '${promql}', unit: count, at_most: 3 }\n`;
    const file = target.write('promql.yaml', PLAYBOOK.replace('sources: [{ probe: {} }]', 'sources: [{ probe: {} }, { prometheus: { url: "http://127.0.0.1:9", revision_label: revision } }]').replace('  gates:\n', `  gates:\n${gate}`));
    return target.oa(['playbook', 'validate', file]);
  };
  for (const [promql, why] of [['sum(rate(x[5m]', "'\\(' is not closed"], ['x)', "'\\)' closes nothing"], ['x{a="b]', 'a text in " does not end']]) {
    const refused = await validated(promql);
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, new RegExp(`the promql is broken: ${why}`));
  }
  const whole = await validated('sum(rate(x{a=")"}[5m])) # (');
  assert.equal(whole.code, 0, whole.stderr);
});

test('a mirror that is refused shows its example, and the address of a backend is refused however it is written', async () => {
  const front = (mirror) => oa(['front', '--listen', '127.0.0.1:0', '--backend', `v1=${target.stable.base}`, '--mirror', mirror]);
  const refused = await front('x');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /like next=http:\/\/next\.internal@10% or …@10%,dry/);
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    const own = await front(`next=${target.stable.base.replace('127.0.0.1', host)}@10%,dry`);
    assert.equal(own.code, 2, own.stderr);
    assert.match(own.stderr, /the mirror next is backend v1: copies would take the threads of its users/);
    assert.match(own.stderr, /\(start another lane for the copies/);
  }
});
