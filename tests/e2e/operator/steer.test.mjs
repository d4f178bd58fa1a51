// A run under way and a second operator: pause, continue, promote and abort over its control socket.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { ADMIN, startControlService } from '../lib/control_service.mjs';
import { CANARY, LocalTarget, STABLE } from '../lib/local_target.mjs';
import { OA_BIN, Running, cleanEnv, limit } from '../lib/process.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';
import { mayMount, wrapOnSmallDisk } from '../lib/small_disk.mjs';
import { Terminal } from '../lib/terminal.mjs';

/** Three at a time, each with lanes, a door and a state of its own: they wait for most of their time. */
const beside = sideBySide('steered', 3, (options) => LocalTarget.start(options));

let plans = 0;
/** An apply under way: {running, run, folder}. `change` of the playbook's text. */
async function apply(target, change, set = {}) {
  const name = `plan-${++plans}`;
  const playbook = target.write(`${name}.yaml`, change(fs.readFileSync(target.playbook, 'utf8')));
  const plan = await target.plan({ name: `${name}.json`, playbook, set });
  assert.equal(plan.code, 10, plan.stderr);
  const { running, run } = await target.applying(plan);
  const folder = path.join(target.state, 'runs', run);
  await running.until(() => fs.existsSync(path.join(folder, 'control.sock')), 'its control socket', 60000);
  return { running, run, folder };
}
const wait = (target, run, what, timeout = '60s') => target.oa(['cutover', 'status', '--run', run, '--wait-for', what, '--timeout', timeout, '--json']);
const order = (target, action, ...words) => target.oa(['cutover', action, '--json', ...words]);
const finished = async ({ running, folder }) => {
  const exit = await running.end(60000);
  return { code: exit.code, run: JSON.parse(fs.readFileSync(path.join(folder, 'run.json'), 'utf8')), report: fs.readFileSync(path.join(folder, 'report.md'), 'utf8') };
};
const paused = (where) => (yaml) => yaml.replace('\nstage:\n', `\nstage:\n  pause: { after: [${where}], at_most: 2m }\n`);

beside('the playbook pauses after a stage; a second operator continues it, and the report says who', async (target) => {
  const it = await apply(target, paused('50%'));
  const socket = fs.statSync(path.join(it.folder, 'control.sock'));
  assert.equal(socket.mode & 0o777, 0o600);
  const status = await wait(target, it.run, 'paused');
  assert.equal(status.code, 0, status.stderr);
  const [row] = status.json().runs;
  assert.equal(row.stage, '50%');
  assert.match(row.paused, /^the playbook pauses after this stage \(1m\d+s left\)$/);
  assert.equal(row.next, `oa-stream cutover continue --run ${it.run}`);
  assert.deepEqual(await target.weights(), { v1: 50, v2: 50 });
  assert.match((await target.oa(['cutover', 'status'])).stdout, new RegExp(`^${it.run} paused\n`));

  const go = await order(target, 'continue', '--by', 'alice', '--reason', 'the numbers look good');
  assert.equal(go.code, 0, go.stderr);
  const end = await finished(it);
  assert.equal(end.code, 0, it.running.stderr);
  assert.deepEqual(await target.weights(), CANARY);
  assert.equal(end.run.orders.length, 1);
  assert.equal(end.run.orders[0].action, 'continue');
  assert.match(end.run.orders[0].who, /^alice \(account \S+\)$/);
  assert.match(end.report, /Paused at 50% for \d+s; continued by alice \(account \S+\): the numbers look good\./);
  assert.ok(!fs.existsSync(path.join(it.folder, 'control.sock')));
  assert.equal((await order(target, 'continue', '--run', it.run)).code, 4, 'nobody listens any more');
});

beside('an apply beside another one names the command that waits for it', async (target) => {
  const second = await target.plan({ name: 'second.json' });
  assert.equal(second.code, 10, second.stderr);
  const it = await apply(target, paused('50%'));
  assert.equal((await wait(target, it.run, 'paused')).code, 0);
  const lost = await target.oa(['cutover', 'apply', second.file, '--json']);
  assert.equal(lost.code, 6, lost.stderr);
  assert.match(lost.json().next, new RegExp(`^oa-stream .*cutover status --run ${it.run} --wait-for done$`));
  assert.equal((await order(target, 'abort')).code, 0);
  assert.equal((await finished(it)).code, 7);
});

beside('a run that nobody can steer does not begin where its playbook wants a person', async (target) => {
  const playbook = target.write('unsteered.yaml', paused('50%')(fs.readFileSync(target.playbook, 'utf8')));
  const plan = await target.plan({ name: 'unsteered.json', playbook });
  assert.equal(plan.code, 10, plan.stderr);
  if (!mayMount()) return console.error('not here, no mount is allowed: a run without its socket');
  // A socket of a long name is reached by way of /proc.
  const [program, ...before] = wrapOnSmallDisk('/proc', '4k');
  const run = new Running(program, [...before, OA_BIN, 'cutover', 'apply', plan.file, '--json', '--non-interactive'], { name: 'unsteered', folder: target.folder, env: cleanEnv({ HOME: target.folder, OA_STREAM_STATE_DIR: target.state }) });
  const end = await run.end(60000);
  assert.equal(end.code, 4, run.stdout + run.stderr);
  assert.match(JSON.parse(run.stdout).headline, /this run cannot be steered: .*; stage\.pause\.after needs that; no traffic was moved/);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('an operator pauses, looks, and aborts: everything goes back, and exit 7 says so', async (target) => {
  const it = await apply(target, (yaml) => yaml, { bake: `${limit(8000)}ms` }); // orders come from processes of their own
  assert.equal((await wait(target, it.run, 'stage=50%')).code, 0);
  const early = await order(target, 'continue');
  assert.equal(early.code, 6, 'it is not paused');
  const asked = await order(target, 'pause', '--reason', 'a call from support');
  assert.equal(asked.code, 0, asked.stderr);
  assert.equal(asked.json().now, 'the run pauses when the stage 50% has passed');
  assert.equal((await wait(target, it.run, 'paused')).code, 0);
  const stop = await order(target, 'abort', '--by', 'bob', '--reason', 'users complain');
  assert.equal(stop.code, 0, stop.stderr);
  const end = await finished(it);
  assert.equal(end.code, 7, it.running.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  assert.match(end.run.headline, /aborted by bob \(account \S+\): users complain .*; rolled back and verified/);
  assert.equal((await wait(target, it.run, 'paused')).code, 1, 'it ended before it was paused again');
});

beside('promote leaves a stage before its gates decided: they are skipped, and a later stage judges', async (target) => {
  const it = await apply(target, (yaml) => yaml.replace('at_most: 30%, confidence: 90%', 'at_most: 30%, confidence: 90%, min_samples: 400'), { bake: '60s' });
  assert.equal((await wait(target, it.run, 'stage=50%')).code, 0);
  assert.equal((await order(target, 'promote', '--reason', 'seen enough')).code, 0);
  assert.equal((await wait(target, it.run, 'stage=100%')).code, 0);
  assert.deepEqual(await target.weights(), CANARY);
  assert.equal((await order(target, 'promote', '--reason', 'in a hurry')).code, 0);
  const end = await finished(it);
  const gate = (stage) => end.run.checks.find((c) => c.id === `gate.error-rate@${stage}`);
  assert.equal(gate('50%').verdict, 'SKIPPED');
  assert.equal(gate('50%').required, false);
  assert.match(gate('50%').detail, /^promoted by \S+: seen enough; was INCONCLUSIVE: /);
  assert.equal(gate('100%').verdict, 'SKIPPED');
  assert.equal(gate('100%').required, true, 'no later stage judges it');
  assert.equal(end.run.verdict, 'INCONCLUSIVE', 'what nobody measured is no PASS');
  assert.equal(end.code, 3);
  assert.deepEqual(await target.weights(), CANARY, 'a person wanted it there');
});

beside('plan show: one screen with traffic, gates and times, also of a plan that is too old', async (target) => {
  const playbook = target.write('show.yaml', paused('50%')(fs.readFileSync(target.playbook, 'utf8')).replace('stages: [50%, 100%]', 'stages: [50%, 100%]\nvalidity: 1s'));
  const plan = await target.plan({ name: 'show.json', playbook, set: { bake: '20s' } });
  assert.equal(plan.code, 10, plan.stderr);
  const made = Date.parse(JSON.parse(fs.readFileSync(plan.file, 'utf8')).created_at);
  while (Date.now() < made + 1500) await new Promise((done) => setTimeout(done, 50));
  const shown = await target.oa(['plan', 'show', plan.file]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.ok(shown.stdout.split('\n').length < 24, 'one screen');
  assert.match(shown.stdout, /^plan .*\n  conversations of v1 stay behind, none of them known to this token \(.*\)\n/, 'before anything else');
  assert.match(shown.stdout, /traffic +v1 100%, v2 0%; then v2 gets 50%, 100% and keeps it\n/);
  assert.match(shown.stdout, /gates +error-rate: decides after \d/);
  // 2 × 20 s, 3 s more for each extension; a pause; for each stage a shift of 10 s and twice 20 s for its
  // last answers; for the rollback 20 s until it is read back and 20 s until it is verified.
  assert.match(shown.stdout, /time +stages take 40s, 46s with every extension, and pauses of at most 2m; at worst 5m6s, rollback included\n/);
  assert.match(shown.stdout, /on failure +everything goes back within 20s, verified within 40s\n/);
  assert.match(shown.stdout, /REFUSED +the plan of \S+ is older than its validity of 1s\n/);
  const json = (await target.oa(['plan', 'show', plan.file, '--json'])).json();
  assert.deepEqual([json.usual_s, json.extended_s, json.pauses_s, json.worst_s], [40, 46, 120, 306]);
  assert.match(json.refused, /older than its validity/);
  assert.ok(json.gates[0].decides_in_s > 0);

  const slow = target.write('ramp.yaml', `${fs.readFileSync(target.playbook, 'utf8')}rollback: { ramp: 15m }\n`);
  const ramp = await target.plan({ name: 'ramp.json', playbook: slow, set: { bake: '20s' } });
  assert.equal(ramp.code, 10, ramp.stderr);
  const longer = await target.oa(['plan', 'show', ramp.file]);
  assert.match(longer.stdout, /at worst 19m, rollback included\n/, 'with the ramp and its steps');
  assert.match(longer.stdout, /on failure +everything goes back in steps over 15m, and the last is verified within 40s\n/);

  const edited = JSON.parse(fs.readFileSync(plan.file, 'utf8'));
  edited.source.text = edited.source.text.replace('at_most: 30%', 'at_most: 90%');
  const odd = await target.oa(['plan', 'show', target.write('edited.json', JSON.stringify(edited))]);
  assert.equal(odd.code, 0, odd.stderr);
  assert.match(odd.stdout, /REFUSED +the plan was edited/);
  assert.equal((await target.oa(['plan', 'show', playbook])).code, 2, 'a playbook is not a plan');
});

beside('on a terminal apply shows the plan and asks once; anything but yes leaves everything as it is', async (target) => {
  const plan = await target.plan({ name: 'asked.json' });
  const known = target.runs().length;
  const ask = async (answer, code) => {
    const terminal = Terminal.start([OA_BIN, 'cutover', 'apply', plan.file], { cols: 100, rows: 40, cwd: target.folder, bare: true, env: { OA_STREAM_STATE_DIR: target.state, NO_COLOR: '1' } });
    try {
      await terminal.until((shown) => /^ +time +stages take[^]*Apply this plan\? \[y\/N\]/m.test(shown), 'the question');
      terminal.type(answer);
      terminal.press('Enter');
      assert.equal(await terminal.end(60000), code, terminal.screen());
    } finally {
      terminal.close();
    }
  };
  await ask('', 130);
  assert.equal(target.runs().length, known, 'no run was begun');
  assert.deepEqual(await target.weights(), STABLE);
  await ask('y', 0);
  assert.deepEqual(await target.weights(), CANARY);
});

beside('apply --ndjson prints events while they happen, the result last, and the plan for people', async (target) => {
  const plan = await target.plan({ name: 'live.json', playbook: target.write('live.yaml', paused('50%')(fs.readFileSync(target.playbook, 'utf8'))) });
  const running = target.begin(['cutover', 'apply', plan.file, '--ndjson']);
  const events = () => running.stdout.slice(0, running.stdout.lastIndexOf('\n') + 1).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const pause = await running.until(() => events().find((e) => e.event === 'paused'), 'the event of the pause', 60000);
  assert.equal(pause.where, '50%');
  assert.ok(!running.exit, 'it is told while the run goes on');
  assert.match(running.stderr, /^plan [0-9a-f]{12} of local-cutover \(cutover\)/m, 'what is applied is shown first');
  assert.equal((await order(target, 'continue')).code, 0);
  const exit = await running.end(60000);
  assert.equal(exit.code, 0, running.stderr);
  const all = events();
  assert.equal(all.at(-1).schema, 'oa-stream.run-result.v1');
  assert.equal(all.at(-1).verdict, 'PASS');
  assert.equal(all.at(-2).event, 'run ended');
  const stored = fs.readFileSync(path.join(all.at(-1).evidence, 'timeline.ndjson'), 'utf8').trim().split('\n');
  assert.equal(all.length - 1, stored.length, 'every event once');
  const both = await target.oa(['cutover', 'apply', plan.file, '--ndjson', '--json']);
  assert.equal(both.code, 2);
});

beside('who asks for the rollback once more does not end it: Ctrl-C after an abort, rollback apply after Ctrl-C', async (target) => {
  for (const first of ['abort', 'SIGINT']) {
    const it = await apply(target, (yaml) => yaml, { bake: '60s' });
    assert.equal((await wait(target, it.run, 'stage=50%')).code, 0);
    target.front.signal('SIGSTOP'); // the rollback takes its time
    if (first === 'abort') assert.equal((await order(target, 'abort', '--run', it.run)).code, 0);
    else it.running.signal(first);
    await it.running.until(({ stderr }) => stderr.includes('restoring'), 'the rollback', 60000);
    const back = first === 'abort' ? null : target.begin(['rollback', 'apply', '--run', it.run]);
    if (back) await back.until(({ stderr }) => stderr.includes('is under way in process'), 'the answer', 60000);
    else it.running.signal('SIGINT');
    if (!back) await it.running.until(({ stderr }) => stderr.includes('already ending: aborted by'), 'the answer', 60000);
    target.front.signal('SIGCONT');
    assert.equal((await finished(it)).code, 7, it.running.stderr);
    if (back) assert.equal((await back.end(60000)).code, 0, back.stderr);
    assert.deepEqual(await target.weights(), STABLE);
  }
});

beside('a verification under way is not the run that orders and --wait-for mean', async (target) => {
  const silent = http.createServer(() => {});
  await new Promise((done) => silent.listen(0, '127.0.0.1', done));
  const verify = target.begin(['verify', '--set', `base_url=http://127.0.0.1:${silent.address().port}`]);
  await verify.until(() => target.runs().some((run) => fs.existsSync(path.join(target.state, 'runs', run, 'plan.json'))), 'the verification', 60000);
  const alone = await order(target, 'abort', '--reason', 'x');
  assert.equal(alone.code, 2, alone.stderr);
  assert.match(alone.stdout + alone.stderr, /no run is under way[^]*cutover status/); // one that died is listed there

  const it = await apply(target, (yaml) => yaml, { bake: '60s' });
  assert.equal((await target.oa(['cutover', 'status', '--wait-for', 'stage=50%', '--timeout', '60s'])).code, 0);
  const waiting = await target.oa(['cutover', 'status', '--wait-for', 'done', '--timeout', '300ms', '--json']);
  assert.equal(waiting.code, 3, waiting.stderr);
  assert.equal(waiting.json().runs[0].run, it.run);
  const stop = await order(target, 'abort', '--reason', 'users complain');
  assert.equal(stop.code, 0, stop.stderr);
  assert.equal((await finished(it)).code, 7, it.running.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  silent.closeAllConnections();
  silent.close();
  await verify.end(60000);
});

beside('a route change under way, although it is older, is not the run that orders and --wait-for mean', async (target) => {
  const service = await startControlService({});
  const hangs = service.fault('override', 'hang', Infinity);
  const route = target.begin(['route', 'set', 'legacy', '--domain', 'auth_entry', '--apply', '--base-url', service.base, '--auth', 'env:OA_ADMIN'], { env: { OA_ADMIN: ADMIN } });
  await route.until(() => target.runs().some((run) => target.journalSoFar(run).length > 0), 'the route change', 60000);
  const it = await apply(target, (yaml) => yaml, { bake: '60s' });
  assert.equal((await wait(target, it.run, 'stage=50%')).code, 0);
  const waiting = await target.oa(['cutover', 'status', '--wait-for', 'done', '--timeout', '300ms', '--json']);
  assert.deepEqual([waiting.code, waiting.json().runs[0].run], [3, it.run], waiting.stderr);
  assert.equal((await order(target, 'abort', '--reason', 'users complain')).code, 0);
  assert.equal((await finished(it)).code, 7, it.running.stderr);
  await route.kill();
  hangs.left = 0;
  await service.stop();
});

beside('rollback apply from another state directory asks the living run, too', async (target) => {
  const it = await apply(target, (yaml) => yaml, { bake: '60s' });
  assert.equal((await wait(target, it.run, 'stage=50%')).code, 0);
  const back = await target.oa(['rollback', 'apply', '--run', it.folder, '--json'], { stateDir: path.join(target.folder, 'another') });
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stderr, /the run is under way in .*: asked it to roll back/);
  assert.equal((await finished(it)).code, 7, it.running.stderr);
  assert.deepEqual(await target.weights(), STABLE);
});
