// A rollback in one word, whatever ends the run: a terminal that goes away, or any other signal.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LocalTarget, STABLE } from '../lib/local_target.mjs';
import { OA_BIN, Running, cleanEnv, handmadeRun, oa, scratch } from '../lib/process.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';

const PRECIOUS = path.join(scratch('precious'), 'file');
fs.writeFileSync(PRECIOUS, 'precious\n');
/** Four at a time, each with lanes, a door and a state of its own: they wait for most of their time. */
const beside = sideBySide('rollbacks', 4, (options) => LocalTarget.start(options));

let plans = 0;
/** An apply that has moved half of the traffic: {running, run}. */
async function underWay(target) {
  const plan = await target.plan({ name: `plan-${++plans}.json`, set: { bake: '60s' } });
  assert.equal(plan.code, 10, plan.stderr);
  return target.applyingHalf(plan);
}

beside('without a name: the one run that is not over, dead or alive', async (target) => {
  const ended = await underWay(target);
  ended.running.signal('SIGTERM');
  assert.equal((await ended.running.end(60000)).code, 7, ended.running.stderr);
  const none = await target.oa(['rollback', 'apply']);
  assert.equal(none.code, 2, none.stderr);
  assert.match(none.stderr, /no run was named, and none needs anything .*no run here has traffic to roll back; .*rollback plan rollback-local /);

  const dead = await underWay(target);
  await dead.running.kill();
  assert.deepEqual(await target.weights(), { v1: 50, v2: 50 });
  const reached = await target.oa(['cutover', 'status', '--run', dead.run, '--wait-for', 'stage=50%', '--json']);
  assert.equal(reached.code, 8, 'it got so far, and died there');
  assert.deepEqual([reached.json().verdict, reached.json().runs[0].next], ['FAIL', `oa-stream rollback apply --run ${dead.run}`]);
  const back = await target.oa(['rollback', 'apply', '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(back.json().run, dead.run);
  assert.deepEqual(await target.weights(), STABLE);

  const alive = await underWay(target);
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
  assert.match(vague.stderr, /'20' names \d+ runs/);
});

beside('a rollback that died while it verified is not over: status, plan and doctor say so until one is verified', async (target) => {
  const slow = fs.readFileSync(target.playbook, 'utf8').replace('fresh_row: 3', 'fresh_row: 40'); // some seconds
  const plan = await target.plan({ name: 'slow.json', playbook: target.write('slow.yaml', slow), set: { bake: '60s' } });
  const { running, run } = await target.applyingHalf(plan);
  const restored = (times) => target.journalSoFar(run).filter(({ phase, step }) => phase === 'done' && step === 'rollback').length === times;
  const open = async () => {
    const status = await target.oa(['cutover', 'status', '--json']);
    assert.equal(status.code, 8, status.stdout);
    const [one] = status.json().runs;
    assert.deepEqual([one.run, one.moved, one.next], [run, true, `oa-stream rollback apply --run ${run}`]);
    const planned = await target.plan({ name: 'next.json' });
    assert.equal(planned.code, 6, planned.stderr);
    const found = (await target.oa(['doctor', '--json'])).json().checks.find(({ id }) => id === `runs.${run}`);
    assert.equal(found.verdict, 'FAIL');
    assert.doesNotMatch(found.detail, / serves$/, 'nothing has shown it');
  };
  running.signal('SIGTERM');
  await running.until(() => restored(1), 'the baseline', 60000);
  await running.kill();
  await open();

  const again = target.begin(['rollback', 'apply']);
  await again.until(() => restored(2), 'the baseline', 60000);
  await again.kill();
  await open();

  const last = await target.oa(['rollback', 'apply']);
  assert.equal(last.code, 0, last.stderr);
  assert.equal((await target.oa(['cutover', 'status'])).code, 0);
  assert.equal((await target.plan({ name: 'next.json' })).code, 10);
});

for (const signals of [['SIGHUP', 'SIGHUP'], ['SIGTERM', 'SIGTERM'], ['SIGQUIT'], ['SIGUSR1']]) {
  beside(`${signals.join(' and ')} in the middle of a stage: the traffic is taken back, exit 7`, async (target) => {
    const { running, run } = await underWay(target);
    for (const signal of signals) running.signal(signal);
    assert.deepEqual(await running.end(60000), { code: 7, signal: null }, running.stderr);
    assert.equal(JSON.parse(running.stdout).run, run);
    assert.deepEqual(await target.weights(), STABLE);
    assert.equal((await target.oa(['cutover', 'status'])).code, 0);
  });
}

beside('every run is over: the newest that moved traffic is named, and what is typed works', async (target) => {
  const state = path.join(target.folder, 'over');
  const named = (got) => got.stderr.match(/rollback apply --run (\S+)/)?.[1];
  const nothing = await target.oa(['rollback', 'apply'], { stateDir: state });
  assert.equal(nothing.code, 2, nothing.stderr);
  assert.match(nothing.stderr, /no run was named, and there are no runs .*rollback plan rollback-DRIVER /);

  const plan = await target.plan({ name: 'over.json' });
  const passed = await target.oa(['cutover', 'apply', plan.file, '--json', '--non-interactive'], { stateDir: state });
  assert.equal(passed.code, 0, passed.stderr);
  const again = await target.oa(['cutover', 'apply', plan.file, '--json', '--non-interactive'], { stateDir: state });
  assert.equal(again.code, 6, 'the traffic is not where the plan begins');
  assert.equal(fs.readdirSync(path.join(state, 'runs')).length, 2, 'a run that moved nothing is newer');

  const never = await target.oa(['cutover', 'status', '--run', passed.json().run, '--wait-for', 'stage=33%', '--timeout', '60s'], { stateDir: state });
  assert.equal(never.code, 2, never.stderr);
  assert.match(never.stderr, /has no stage 33%.*stage=50%, stage=100% or done/);

  const asked = await target.oa(['rollback', 'apply'], { stateDir: state });
  assert.equal(asked.code, 2, asked.stderr);
  assert.equal(named(asked), passed.json().run, asked.stderr);
  const newest = await target.oa(['rollback', 'apply', '--run', 'last:cutover'], { stateDir: state });
  assert.equal(newest.code, 6, newest.stderr);
  assert.equal(named(newest), passed.json().run, newest.stderr);
  const back = await target.oa(['rollback', 'apply', '--run', named(asked)], { stateDir: state });
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  assert.equal(named(await target.oa(['rollback', 'apply'], { stateDir: state })), undefined, 'it is back');
});

beside('several runs that are not over are listed, with a command that names one', async (target) => {
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

beside('an owner that is stopped: said after a moment, taken over, and fenced when it goes on', async (target) => {
  const { running, run } = await underWay(target);
  running.signal('SIGSTOP');
  const status = await target.oa(['cutover', 'status', '--run', run]);
  assert.equal(status.code, 8, 'nothing watches the canary');
  assert.match(status.stdout, /stopped \(Ctrl-Z or SIGSTOP\)[^]*open .*is stopped[^]*next .*rollback apply --run \S+ --take-over/);
  const promote = await target.oa(['cutover', 'promote', '--run', run]);
  assert.equal(promote.code, 4);
  assert.match(promote.stderr, /does not answer: it is stopped \(Ctrl-Z or SIGSTOP\); it will not obey this later \(oa-stream rollback apply --run \S+ --take-over\)/);
  const waiting = target.begin(['rollback', 'apply', '--run', run]);
  await waiting.until(({ stderr }) => /it is stopped \(Ctrl-Z or SIGSTOP\).*rollback apply --run \S+ --take-over/.test(stderr), 'how to go on', 60000);
  waiting.signal('SIGTERM');
  assert.equal((await waiting.end()).code, 6, waiting.stderr);
  assert.deepEqual(await target.weights(), { v1: 50, v2: 50 });

  const back = await target.oa(['rollback', 'apply', '--run', run, '--take-over', '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  // Its process is stopped, and holds the folder for as long as it lives.
  const over = await target.oa(['cutover', 'status', '--run', run, '--wait-for', 'done', '--timeout', '10s']);
  assert.equal(over.code, 0, over.stderr);
  const folder = path.join(target.state, 'runs', run), files = ['run.json', 'journal.ndjson', 'SHA256SUMS'];
  const before = files.map((name) => fs.readFileSync(path.join(folder, name), 'utf8'));
  running.signal('SIGCONT');
  assert.equal((await running.end(60000)).code, 6, running.stderr);
  assert.match(running.stderr + running.stdout, /took this run over.*: nothing more is written/);
  assert.deepEqual(files.map((name) => fs.readFileSync(path.join(folder, name), 'utf8')), before);
  assert.match((await target.oa(['runs', 'show', run])).stdout, /\d+ files as sealed$/m, 'nor is anything else changed');
  assert.deepEqual(await target.weights(), STABLE);
});

beside('from another state directory a stopped owner is taken over and fenced, too', async (target) => {
  const { running, run } = await underWay(target);
  running.signal('SIGSTOP');
  const folder = path.join(target.state, 'runs', run);
  const back = await target.oa(['rollback', 'apply', '--run', folder, '--take-over', '--json'], { stateDir: path.join(scratch('elsewhere'), 'state') });
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stderr, /took the run over from process \d+/);
  assert.deepEqual(await target.weights(), STABLE);
  const journal = () => fs.readFileSync(path.join(folder, 'journal.ndjson'), 'utf8');
  const before = journal();
  running.signal('SIGCONT');
  assert.equal((await running.end(60000)).code, 6, running.stderr);
  assert.match(running.stderr + running.stdout, /took this run over.*: nothing more is written/);
  assert.equal(journal(), before);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('a rollback waits for one of the same run from another state directory, and writes nothing meanwhile', async (target) => {
  const slow = fs.readFileSync(target.playbook, 'utf8').replace('fresh_row: 3', 'fresh_row: 40'); // some seconds
  const plan = await target.plan({ name: 'waited-for.json', playbook: target.write('waited-for.yaml', slow), set: { bake: '60s' } });
  const { running, run } = await target.applyingHalf(plan);
  await running.kill();
  const folder = path.join(target.state, 'runs', run);
  const first = target.begin(['rollback', 'apply', '--run', folder], { stateDir: path.join(scratch('elsewhere'), 'state') });
  await first.until(() => target.journalSoFar(run).some(({ phase }) => phase === 'resumed'), 'the first rollback', 60000);
  first.signal('SIGSTOP');
  const journal = () => fs.readFileSync(path.join(folder, 'journal.ndjson'), 'utf8');
  const before = journal();
  const second = target.begin(['rollback', 'apply', '--run', run]);
  await second.until(({ stderr }) => /another process did not end within 5s; still waiting for it; .*rollback apply --run \S+ --take-over/.test(stderr), 'what it waits for', 60000);
  second.signal('SIGTERM');
  assert.equal((await second.end()).code, 6, second.stderr);
  assert.match(second.stderr, /a living process works on this run/);
  assert.equal(journal(), before);
  first.signal('SIGCONT');
  assert.equal((await first.end(60000)).code, 0, first.stderr);
  assert.match((await target.oa(['runs', 'show', run])).stdout, /\d+ files as sealed$/m);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('from another state directory a stopped owner has the order, and obeys it when it goes on', async (target) => {
  const { running, run } = await underWay(target);
  running.signal('SIGSTOP');
  const back = target.begin(['rollback', 'apply', '--run', path.join(target.state, 'runs', run)], { stateDir: path.join(scratch('elsewhere'), 'state') });
  await back.until(({ stderr }) => /is under way in another process: asked it to roll back/.test(stderr), 'the order', 60000);
  assert.ok(!back.exit, back.stderr);
  running.signal('SIGCONT');
  assert.equal((await running.end(60000)).code, 7, running.stderr);
  assert.match(running.stderr, /aborted by .*rollback apply/);
  assert.equal((await back.end(60000)).code, 0, back.stderr);
  assert.deepEqual(await target.weights(), STABLE);
});

const lockOf = (target) => path.join(target.state, 'locks', `${createHash('sha256').update(`local:${fs.realpathSync(target.socket)}`).digest('hex').slice(0, 16)}.lock`);

beside('an owner whose lock was removed is asked to roll back, too', async (target) => {
  const { running, run } = await underWay(target);
  fs.rmSync(lockOf(target));
  const back = await target.oa(['rollback', 'apply', '--run', run], { ms: 60000 });
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stderr, /is under way in another process: asked it to roll back/);
  assert.notEqual((await running.end(60000)).code, 0, running.stderr);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('an owner whose control socket is gone is asked by a signal', async (target) => {
  const { running, run } = await underWay(target);
  fs.rmSync(path.join(target.state, 'runs', run, 'control.sock'));
  const back = await target.oa(['rollback', 'apply', '--run', run], { ms: 60000 });
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stderr, /is under way in process \d+: asked it to roll back/);
  assert.equal((await running.end(60000)).code, 7, running.stderr);
  assert.match(running.stderr, /signal: finishing the step under way/);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('a link in the place of the lock is not followed; what to type by hand is said', async (target) => {
  const { running, run } = await underWay(target);
  await running.kill();
  const lock = lockOf(target);
  const victim = path.join(scratch('victim'), 'precious');
  fs.writeFileSync(victim, 'precious');
  assert.ok(fs.existsSync(lock), 'left by the process that was killed');
  fs.rmSync(lock);
  fs.symlinkSync(victim, lock);
  const got = await target.oa(['rollback', 'apply', '--run', run]);
  assert.equal(got.code, 4, got.stderr);
  assert.match(got.stderr, /a symbolic link is in the place of the lock .*by hand: curl /);
  assert.equal(fs.readFileSync(victim, 'utf8'), 'precious');
  fs.rmSync(lock);
  assert.equal((await target.oa(['rollback', 'apply'])).code, 0);
});

for (const [what, damage] of [['gone', (file) => fs.rmSync(file)], ['empty', (file) => fs.truncateSync(file)], ['garbage', (file) => fs.writeFileSync(file, 'not JSON\n')],
  ['a folder', (file) => { fs.rmSync(file); fs.mkdirSync(file); }], ['a link', (file) => { fs.rmSync(file); fs.symlinkSync(PRECIOUS, file); }]]) {
  beside(`a journal that is ${what} while half of the traffic serves: status stays 8 until a rollback that did something`, async (target) => {
    const { running, run } = await underWay(target);
    await running.kill();
    damage(path.join(handmadeRun(path.join(target.state, 'runs', run)), 'journal.ndjson'));
    assert.equal((await target.oa(['cutover', 'status'])).code, 8, 'somebody is needed');
    await target.setWeights({ v1: 67, v2: 33 }); // the plan does not have it
    const foreign = await target.oa(['rollback', 'apply', '--run', run]);
    assert.equal(foreign.code, 8, foreign.stderr);
    assert.equal((await target.oa(['cutover', 'status'])).code, 8, 'a rollback that did nothing');
    await target.setWeights({ v1: 50, v2: 50 });
    const back = await target.oa(['rollback', 'apply', '--run', run]);
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual(await target.weights(), STABLE);
    assert.equal((await target.oa(['cutover', 'status'])).code, 0);
    assert.equal(fs.readFileSync(PRECIOUS, 'utf8'), 'precious\n', 'a link is not followed');
    assert.match(fs.readFileSync(path.join(target.state, 'runs', run, 'journal.ndjson'), 'utf8'), /"phase":"end"/, 'a journal of its own');
  });
}

beside('a front door that is started again in the middle of a stage is no second operator: exit 7', async (other) => {
  const plan = await other.plan({ set: { bake: '60s' } });
  const running = other.begin(['cutover', 'apply', plan.file, '--json', '--non-interactive']);
  const run = await running.until(() => other.runs().find((one) => other.journalSoFar(one).some((line) => line.phase === 'done')), 'the first shift', 60000);
  await other.front.kill();
  fs.rmSync(other.socket, { force: true });
  const again = new Running(OA_BIN, ['front', '--listen', new URL(other.base).host, '--admin', other.socket, '--backend', `v1=${other.stable.base}`, '--backend', `v2=${other.canary.base}`, '--weights', 'v1=0,v2=100'],
    { name: 'front', folder: scratch('again'), env: cleanEnv({ HOME: other.folder }) });
  assert.equal((await running.end(60000)).code, 7, running.stderr);
  assert.equal(JSON.parse(running.stdout).run, run);
  assert.deepEqual(await other.weights(), STABLE);
  await again.kill();
});

beside('a playbook of the other kind is refused before anything is asked', async (target) => {
  const got = await target.oa(['rollback', 'plan', target.playbook, ...target.settings({ base_url: 'http://127.0.0.1:9', socket: '/nowhere' })]);
  assert.equal(got.code, 2, got.stderr);
  assert.match(got.stderr, /this playbook is a cutover .*oa-stream cutover plan/);
  for (const [words, said] of [
    [['rollback', 'plan', 'cutover'], /this playbook is a cutover/],
    [['cutover', 'plan', 'steady-state'], /a playbook of kind steady-state moves no traffic/],
    [['verify', 'cutover'], /cutover is of kind cutover, not steady-state or smoke-stream or smoke-control/],
    [['cutover', 'rehearse', 'rollback'], /rollback is of kind rollback, not cutover or rehearsal/],
    [['rollback', 'drill', 'cutover'], /cutover is of kind cutover, not rollback-drill/],
    [['rollback', 'drill', 'rollback', '--each-gate'], /rollback is of kind rollback, not cutover or rollback-drill/],
  ]) { // nor are its variables asked for
    const early = await target.oa(words);
    assert.equal(early.code, 2, early.stderr);
    assert.match(early.stderr, said);
  }
});

beside('a drill of a target shows its plan and writes nothing until --apply', async (target) => {
  const text = fs.readFileSync(target.playbook, 'utf8').replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*/, 'kind: rollback-drill').replace(/postflight:\n.*\n/, '');
  const file = target.write('drill.yaml', `${text}drill: { fail_at: 50%, recover_within: 20s }\n`);
  const known = target.runs().length;
  const shown = await target.oa(['rollback', 'drill', file, ...target.settings()]);
  assert.equal(shown.code, 10, shown.stderr);
  assert.match(shown.stdout, /~ shift\s+shift@50%\s+v1 100%, v2 0% → v1 50%, v2 50%/);
  assert.match(shown.stderr.trimEnd().split('\n').at(-1), /next: oa-stream rollback drill .*--apply/);
  assert.deepEqual(await target.weights(), STABLE);
  assert.equal(target.runs().length, known, 'no run was begun');
});
