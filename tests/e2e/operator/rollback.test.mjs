// A rollback in one word, whatever ends the run: a terminal that goes away, or any other signal.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { LocalTarget } from '../lib/local_target.mjs';
import { handmadeRun, oa, scratch } from '../lib/process.mjs';

const STABLE = { v1: 100, v2: 0 };
let target;
before(async () => { target = await LocalTarget.start(); });
after(() => Promise.all([target.front, target.stable, target.canary].map((p) => (p.exit ? null : p.kill()))));

const moved = (run) => target.journalSoFar(run).some((line) => line.phase === 'done' && line.step === 'shift@50%');
let plans = 0;
/** An apply that has moved half of the traffic: {running, run}. */
async function underWay() {
  const plan = await target.plan({ name: `plan-${++plans}.json`, set: { bake: '60s' } });
  assert.equal(plan.code, 10, plan.stderr);
  const known = new Set(target.runs());
  const running = target.begin(['cutover', 'apply', plan.file, '--json', '--non-interactive']);
  const run = await running.until(() => target.runs().find((one) => !known.has(one) && moved(one)), 'the first shift', 60000);
  return { running, run };
}

for (const signals of [['SIGHUP', 'SIGHUP'], ['SIGQUIT'], ['SIGUSR1']]) {
  test(`${signals.join(' and ')} in the middle of a stage: the traffic is taken back, exit 7`, async () => {
    const { running, run } = await underWay();
    for (const signal of signals) running.signal(signal);
    assert.deepEqual(await running.end(60000), { code: 7, signal: null }, running.stderr);
    assert.equal(JSON.parse(running.stdout).run, run);
    assert.deepEqual(await target.weights(), STABLE);
    assert.equal((await target.oa(['cutover', 'status'])).code, 0);
  });
}

test('without a name: the one run that is not over, dead or alive', async () => {
  const none = await target.oa(['rollback', 'apply']);
  assert.equal(none.code, 2, none.stderr);
  assert.match(none.stderr, /no run was named, and every run is over .*rollback apply --run last:cutover/);

  const dead = await underWay();
  await dead.running.kill();
  assert.deepEqual(await target.weights(), { v1: 50, v2: 50 });
  const back = await target.oa(['rollback', 'apply', '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(back.json().run, dead.run);
  assert.deepEqual(await target.weights(), STABLE);

  const alive = await underWay();
  const asked = await target.oa(['rollback', 'apply', '--json']);
  assert.equal(asked.code, 0, asked.stderr);
  assert.equal(asked.json().run, alive.run);
  assert.equal((await alive.running.end(60000)).code, 7);
  assert.deepEqual(await target.weights(), STABLE);

  for (const word of ['last', 'last:cutover', alive.run.slice(-8), alive.run.slice(0, -4), path.join(target.state, 'runs', alive.run)]) {
    const named = await target.oa(['rollback', 'apply', '--run', word, '--json']);
    assert.equal(named.code, 0, named.stderr);
    assert.equal(named.json().run, alive.run, word);
    assert.equal((await target.oa(['cutover', 'status', '--run', word, '--json'])).json().run, alive.run, word);
  }
  const vague = await target.oa(['rollback', 'apply', '--run', '20']);
  assert.equal(vague.code, 2);
  assert.match(vague.stderr, /'20' may be \d+ runs/);
});

test('several runs that are not over are listed, with a command that names one', async () => {
  const state = path.join(scratch('two'), 'state');
  const ids = ['20260101T000000Z-cutover-0a1b2c3d', '20260102T000000Z-cutover-0a1b2c3e'];
  for (const id of ids) {
    const folder = handmadeRun(path.join(state, 'runs', id));
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'plan.json'), JSON.stringify({ target: 'haproxy:somewhere', source: { file: 'cutover.yaml' } }));
    const lines = [{ seq: 1, at: 'a', phase: 'begin', to: { v1: 100 } }, { seq: 2, at: 'b', phase: 'intent', step: 'shift@5%', to: { v1: 95, v2: 5 } }];
    fs.writeFileSync(path.join(folder, 'journal.ndjson'), lines.map((one) => `${JSON.stringify(one)}\n`).join(''));
  }
  const got = await oa(['rollback', 'apply'], { stateDir: state });
  assert.equal(got.code, 2, got.stderr);
  assert.match(got.stderr, new RegExp(`2 runs are not over: ${ids[0]} \\(died on haproxy:somewhere\\), ${ids[1]} .*name one: oa-stream rollback apply --run ${ids[0]}`));
});
