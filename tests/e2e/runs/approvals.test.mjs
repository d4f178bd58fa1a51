// Two operators for one plan, and a run that outlives its terminal.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CANARY, LocalTarget, STABLE } from '../lib/local_target.mjs';
import { OA_BIN, limit, oaAsNobody, sleep } from '../lib/process.mjs';
import { problemOf } from '../lib/schemas.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';
import { Terminal } from '../lib/terminal.mjs';

/** Three at a time, each with lanes, a door and a state of its own: they wait for most of their time. */
const beside = sideBySide('approvals', 3, (options) => LocalTarget.start(options));

let plans = 0;
/** The command that a line on standard error suggests. */
const next = ({ stderr }) => / next: (.*)$|^next: (.*)$/m.exec(stderr)?.slice(1).find(Boolean);
async function plan(target, change = (yaml) => `${yaml}approvals: 2\n`, set = {}) {
  const folder = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'oa-plan-')));
  fs.chmodSync(folder, 0o777);
  const playbook = target.write(`two-${++plans}.yaml`, change(fs.readFileSync(target.playbook, 'utf8')));
  const file = path.join(folder, 'plan.json');
  const made = await target.oa(['cutover', 'plan', playbook, ...target.settings(set), '--out', file]);
  assert.equal(made.code, 10, made.stderr);
  assert.equal(next(made), `oa-stream ${/^approvals: 2$/m.test(fs.readFileSync(playbook, 'utf8')) ? 'plan approve' : 'cutover apply'} ${file}`);
  fs.chmodSync(file, 0o644);
  return file;
}
const apply = (target, file, ...args) => target.oa(['cutover', 'apply', file, '--json', '--non-interactive', ...args]);

beside('a plan for two operators is refused until another account approved exactly it', async (target) => {
  const file = await plan(target);
  const alone = await apply(target, file);
  assert.equal(alone.code, 6, alone.stderr);
  assert.match(alone.json().headline, /this plan needs the approval of a second operator .*oa-stream plan approve/);
  assert.deepEqual(await target.weights(), STABLE);
  assert.match((await target.oa(['plan', 'show', file])).stdout, /approval +this plan needs the approval of a second operator\n/);

  const author = await target.oa(['plan', 'approve', file]);
  assert.equal(author.code, 6, 'who made it');
  assert.match(author.stderr, /made this plan: somebody else has to approve it/);
  assert.ok(author.stderr.includes(`(a second operator types: oa-stream plan approve ${file})`), author.stderr);

  const other = oaAsNobody(['plan', 'approve', file, '--by', 'Bob B.', '--reason', 'reviewed in CHG-7', '--json']);
  assert.equal(other.code, 0, other.stderr);
  const approved = JSON.parse(other.stdout);
  assert.equal(problemOf(approved), null);
  assert.equal(problemOf(JSON.parse(fs.readFileSync(`${file}.approval.json`, 'utf8'))), null);
  assert.match((await target.oa(['plan', 'show', file])).stdout, /approval +by Bob B\. \(account nobody on \S+\) at \S+: reviewed in CHG-7\n/);

  const end = await apply(target, file);
  assert.equal(end.code, 0, end.stderr);
  assert.deepEqual(await target.weights(), CANARY);
  const [row] = end.json().approvals;
  assert.deepEqual([row.how, row.account, row.host, row.name, row.plan], ['approved', 'nobody', os.hostname(), 'Bob B.', approved.plan]);
  assert.match(fs.readFileSync(path.join(end.json().evidence, 'report.md'), 'utf8'), /Bob B\. \(account nobody on \S+\) at \S+: reviewed in CHG-7/);
  assert.match(fs.readFileSync(path.join(end.json().evidence, 'timeline.ndjson'), 'utf8'), /"event":"approval"/);
});

beside('an approval of another plan, of the author, or from before the plan counts for nothing', async (target) => {
  const first = await plan(target), second = await plan(target);
  const approved = oaAsNobody(['plan', 'approve', first]);
  assert.equal(approved.code, 0, approved.stderr);
  assert.equal(next(approved), `oa-stream cutover apply ${first}`);
  const good = JSON.parse(fs.readFileSync(`${first}.approval.json`, 'utf8'));
  const id = JSON.parse(fs.readFileSync(second, 'utf8')).id, author = JSON.parse(fs.readFileSync(second, 'utf8')).author;
  const refused = async (approval, why) => {
    fs.writeFileSync(`${second}.approval.json`, typeof approval === 'string' ? approval : JSON.stringify(approval));
    const end = await apply(target, second);
    assert.equal(end.code, 6, JSON.stringify(approval));
    assert.match(end.json().headline, why);
  };
  await refused(good, /this approval is of another plan/);
  await refused({ ...good, plan: id, account: author.account, host: author.host }, /made this plan and cannot be its second operator/);
  await refused({ ...good, plan: id, account: '' }, /cannot be its second operator/);
  await refused({ ...good, plan: id, at: '2020-01-01T00:00:00.000Z' }, /before the plan was made, or in the future/);
  await refused({ ...good, plan: id, at: '2099-01-01T00:00:00.000Z' }, /before the plan was made, or in the future/);
  await refused('{', /not an approval of a plan/);
  assert.deepEqual(await target.weights(), STABLE);
});

/** Puts the plan `other` into `file` while the question about it waits, and says yes: exit code 6. */
async function replaced(file, other, command, question, env) {
  const terminal = Terminal.start(command, { cols: 120, rows: 40, bare: true, env: { NO_COLOR: '1', ...env } });
  try {
    await terminal.until((screen) => screen.includes(question), 'the question');
    fs.copyFileSync(other, file);
    terminal.type('y');
    terminal.press('Enter');
    assert.equal(await terminal.end(), 6, terminal.screen());
    assert.match(terminal.screen(), /the plan file was replaced while you read it/);
  } finally {
    terminal.close();
  }
}

beside('a plan file that is replaced while apply asks is not applied', async (target) => {
  const [file, other] = [await plan(target, (yaml) => yaml), await plan(target, (yaml) => yaml)], known = target.runs();
  await replaced(file, other, [OA_BIN, 'cutover', 'apply', file], 'Apply this plan?', { OA_STREAM_STATE_DIR: target.state });
  assert.deepEqual(target.runs(), known, 'no run began');
  assert.deepEqual(await target.weights(), STABLE);
});

beside('a plan file that is replaced while approve asks is not approved', async (target) => {
  const [file, other] = [await plan(target), await plan(target)], nobody = ['/usr/bin/setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  await replaced(file, other, [...nobody, OA_BIN, 'plan', 'approve', file], 'Approve this plan?', { HOME: '/nonexistent' });
  assert.equal(fs.existsSync(`${file}.approval.json`), false);
});

beside('--approved-by is kept as a statement, and is no second operator', async (target) => {
  const refused = await apply(target, await plan(target), '--approved-by', 'carol');
  assert.equal(refused.code, 6, refused.stderr);
  const end = await apply(target, await plan(target, (yaml) => yaml), '--approved-by', 'carol');
  assert.equal(end.code, 0, end.stderr);
  const [row] = end.json().approvals;
  assert.equal(row.how, 'said to be approved');
  assert.equal(row.name, 'carol');
  assert.match(row.stated_by, / on /);
  assert.match(fs.readFileSync(path.join(end.json().evidence, 'report.md'), 'utf8'), /carol \(stated by /);
});

beside('apply --detach: the run goes on when its terminal is gone, and is followed and steered from another', async (target) => {
  const file = await plan(target, (yaml) => yaml.replace('\nstage:\n', '\nstage:\n  pause: { after: [50%], at_most: 2m }\n'));
  const known = new Set(target.runs());
  const terminal = Terminal.start([OA_BIN, 'cutover', 'apply', file, '--detach', '--yes'], { cols: 120, rows: 40, cwd: target.folder, bare: true, env: { OA_STREAM_STATE_DIR: target.state, NO_COLOR: '1' } });
  assert.equal(await terminal.end(60000), 0, terminal.screen()); // its session is over here
  const run = target.runs().find((r) => !known.has(r));
  assert.match(terminal.screen(), new RegExp(`run ${run} continues in process \\d+ without this terminal`));
  assert.match(terminal.screen(), new RegExp(`follow: +oa-stream cutover status --run ${run} --wait-for done`));
  assert.match(terminal.screen(), new RegExp(`roll back: oa-stream cutover abort --run ${run}`));
  const wait = (what) => target.oa(['cutover', 'status', '--run', run, '--wait-for', what, '--timeout', '60s', '--json']);
  assert.equal((await wait('paused')).code, 0);
  const { process: holder } = JSON.parse(fs.readFileSync(path.join(target.state, 'runs', run, 'run.json'), 'utf8'));
  const stat = fs.readFileSync(`/proc/${holder.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  assert.equal(stat[4], '0', 'it has no terminal');
  assert.equal((await target.oa(['cutover', 'continue', '--run', run])).code, 0);
  assert.equal((await wait('passed')).code, 0);
  assert.deepEqual(await target.weights(), CANARY);
  const log = path.join(target.state, 'detached', `${run}.log`);
  while (fs.existsSync(`/proc/${holder.pid}`)) await sleep(50); // its last words come after the run's end
  assert.match(fs.readFileSync(log, 'utf8'), new RegExp(`PASS run ${run}`));
});

beside('apply --detach of a plan that is refused says why, with its exit code', async (target) => {
  const file = await plan(target, (yaml) => yaml);
  await target.setWeights({ v1: 90, v2: 10 });
  const end = await target.oa(['cutover', 'apply', file, '--detach', '--yes', '--json']);
  assert.equal(end.code, 6, end.stderr);
  assert.match(end.json().headline, /not as it was planned/);
  assert.deepEqual([end.json().exit_code, problemOf(end.json())], [6, null]);
  await target.setWeights(STABLE);
  const gone = await target.oa(['cutover', 'apply', '/nonexistent/plan.json', '--detach', '--yes', '--json']);
  assert.equal(gone.code, 2, gone.stderr);
  assert.match(gone.stderr, /\/nonexistent\/plan\.json/);
  assert.deepEqual([gone.json().error.code, problemOf(gone.json())], ['unreadable', null]);
  const good = await target.oa(['cutover', 'apply', await plan(target, (yaml) => yaml), '--detach', '--yes', '--json']);
  assert.equal(good.code, 0, good.stderr);
  assert.equal(problemOf(good.json()), null);
  const { run, process: pid } = good.json();
  assert.equal((await target.oa(['cutover', 'status', '--run', run, '--wait-for', 'done', '--timeout', '60s'])).code, 0);
  for (const by = Date.now() + limit(60000); fs.existsSync(`/proc/${pid}`); await sleep(50)) assert.ok(Date.now() < by, `${pid} is still there`);
  assert.deepEqual(fs.readdirSync(path.join(target.state, 'detached')).filter((name) => name.startsWith(run)).sort(), [`${run}.json`, `${run}.log`]);
  assert.equal(JSON.parse(fs.readFileSync(path.join(target.state, 'detached', `${run}.json`), 'utf8')).verdict, 'PASS');
});

beside('apply --detach: who types Ctrl-C while it still checks ends the run, and is told how it ended', async (target) => {
  const file = await plan(target, (yaml) => yaml);
  const known = new Set(target.runs());
  target.front.signal('SIGSTOP'); // it is asked what serves, and does not answer
  const launcher = target.begin(['cutover', 'apply', file, '--detach', '--yes']);
  const run = await launcher.until(() => target.runs().find((one) => !known.has(one)), 'the run has its folder');
  await sleep(500); // it is in the middle of its checks
  launcher.signal('SIGINT');
  await launcher.until(({ stderr }) => stderr.includes('signal: passed on to process'), 'that the signal was passed on');
  target.front.signal('SIGCONT');
  await launcher.end();
  assert.equal(launcher.exit.code, 130, launcher.stderr);
  assert.match(launcher.stderr, /^signal: passed on to process \d+; waiting for its end$/m);
  assert.ok(launcher.stderr.includes(run), launcher.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  const left = await target.oa(['cutover', 'status', '--run', run, '--json']);
  assert.equal(left.code, 0, left.stdout);
  assert.deepEqual(left.json().runs.map((one) => [one.state, one.moved]), [['ended', false]]);
});
