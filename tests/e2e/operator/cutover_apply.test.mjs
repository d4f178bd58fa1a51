// cutover plan, apply and status and rollback apply against a real front door and two real lanes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { CANARY, LocalTarget, STABLE } from '../lib/local_target.mjs';
import { OA_BIN, Running, cleanEnv, handmadeRun, oa, scratch } from '../lib/process.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';

/** Four at a time, each with lanes, a door and a state of its own: they wait for most of their time. */
const beside = sideBySide('cutovers', 4, (options) => LocalTarget.start(options));

const last = (text) => text.trimEnd().split('\n').at(-1);
/** An apply that has moved traffic: {running, run, plan}. */
async function underWay(target, bake = '60s') {
  const plan = await target.plan({ name: `plan-${bake}.json`, set: { bake } });
  return { ...await target.applyingHalf(plan), plan };
}

beside('a broken canary: without a gate that decides no run is PASS; a run that holds, and a way back that failed, stay on the list', { faults: ['--inject', 'error-rate=1'] }, async (broken) => {
  const text = fs.readFileSync(broken.playbook, 'utf8').replace(/preflight:\n.*\n/, '').replace(/postflight:\n.*\n/, '');
  const gates = /  gates:\n.*\n/;
  const kinds = {
    none: text.replace(gates, '  gates: []\n').replace(/probe: \{ rate.*/, 'probe: { rate: 0/s, per: arm }'),
    observed: text.replace('confidence: 90% }', 'confidence: 90%, mode: observe }'),
  };
  for (const [kind, playbook] of Object.entries(kinds)) {
    fs.writeFileSync(broken.playbook, playbook);
    await broken.setWeights(STABLE);
    const plan = await broken.plan({ name: `${kind}.json` });
    assert.equal(plan.code, 10, plan.stderr);
    assert.match(plan.stdout, /warning: no gate decides/, kind);
    const apply = await broken.oa(['cutover', 'apply', plan.file]);
    assert.equal(apply.code, 3, apply.stderr);
    assert.match(apply.stdout.replaceAll(/\s+/g, ' '), /^INCONCLUSIVE gates: no gate decided, .*; v1 0%, v2 100% stays\./, kind);
    assert.match(apply.stdout, /100% .*not judged/, kind);
    assert.doesNotMatch(apply.stdout, /PASS/, kind);
    assert.deepEqual(await broken.weights(), CANARY, 'as a run that went through');
  }
  await broken.setWeights(STABLE);

  // The same canary, met by a gate that decides, in a playbook that holds.
  fs.writeFileSync(broken.playbook, `${text.replace('\nstage:\n', '\nstage:\n  pause: { at_most: 300ms }\n')}on_failure: hold\n`);
  const plan = await broken.plan({ name: 'hold.json' });
  const apply = await broken.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(apply.code, 8, apply.stderr);
  const { run } = apply.json();
  assert.deepEqual(await broken.weights(), { v1: 50, v2: 50 });
  for (const words of [[], ['--run', run]]) {
    const status = await broken.oa(['cutover', 'status', ...words]);
    assert.equal(status.code, 8, status.stdout);
    assert.match(status.stdout, new RegExp(`^${run} ended: FAIL exit 8\n[\\s\\S]*last seen +v1 50%, v2 50%\n[\\s\\S]*open +its split was left as it is\n`));
    assert.match(last(status.stderr), new RegExp(`next: oa-stream rollback apply --run ${run}`));
  }
  const waited = await broken.oa(['cutover', 'status', '--run', run, '--wait-for', 'done']);
  assert.equal(waited.code, 8, waited.stdout);
  assert.match(last(waited.stderr), new RegExp(`next: oa-stream rollback apply --run ${run}`));
  const onTop = await broken.plan({ name: 'on-top.json' });
  assert.equal(onTop.code, 6, onTop.stdout);
  assert.match(onTop.stderr, new RegExp(`run ${run} is not over on .*its split was left as it is`));

  // A way back that is not verified.
  await broken.front.kill();
  assert.equal((await broken.oa(['rollback', 'apply', '--run', run])).code, 8);
  const unverified = await broken.oa(['cutover', 'status']);
  assert.equal(unverified.code, 8, unverified.stdout);
  assert.match(unverified.stdout, /open +its rollback was not verified\n/);
  assert.equal((await broken.oa(['cutover', 'abandon', '--run', run, '--apply', '--reason', 'the door is gone'])).code, 0);
  assert.equal((await broken.oa(['cutover', 'status'])).code, 0);
});

beside('a lane that is switched off says so to who plans, watches and smokes', { faults: ['--lane', 'off'] }, async (target) => {
  const text = fs.readFileSync(target.playbook, 'utf8').replace(/preflight:\n.*\n/, '');
  const plan = await target.plan({ playbook: target.write('no-preflight.yaml', text) });
  assert.equal(plan.code, 10, plan.stderr);
  assert.match(plan.stdout, /^warning: the lane of v2 is off: it begins no turns$/m);
  const watch = await target.oa(['watch', '--base-url', target.canary.base, '--once']);
  assert.match(watch.stdout, /  ready: the lane is off: no new turns  /);
  const smoke = await target.oa(['smoke', 'stream', '--base-url', target.canary.base, '--no-probes', '--json']);
  assert.equal(smoke.json().checks.find(({ id }) => id === 'stream.reach.readyz').detail, 'HTTP 200: the lane is off: no new turns');
});

beside('plan, apply, rollback: the way of a release manager, and the way back', async (target) => {
  const plan = await target.plan();
  assert.equal(plan.code, 10, plan.stderr);
  assert.match(plan.stdout, /~ shift\s+shift@50%\s+v1 100%, v2 0% → v1 50%, v2 50%/);
  assert.match(plan.stdout, /undo: write v1 100%, v2 0%/);
  assert.match(plan.stdout, /evidence: journal\.ndjson/);
  assert.match(plan.stdout, /error-rate: v1 bad rate .*of \d+/, 'each gate was tried, on v1');
  assert.doesNotMatch(plan.stdout, /error-rate: .*error-rate: /);
  assert.match(last(plan.stderr), /next: oa-stream cutover apply/);
  assert.deepEqual(await target.weights(), STABLE, 'a plan changes nothing');

  const apply = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(apply.code, 0, apply.stderr);
  const due = (arm, stage) => target.linesSoFar(apply.json().run, 'measure/samples.ndjson').filter((line) => line.arm === arm && line.stage === stage).map((line) => line.at_s).sort((a, b) => a - b);
  const gaps = (arm) => ['50%', '100%'].flatMap((stage) => due(arm, stage).slice(1).map((at, i) => (at - due(arm, stage)[i]) * 1000));
  /** By how many ms a gap differs from the pace of 25 a second, the median: a busy machine makes each of them a little late. */
  const uneven = (arm) => gaps(arm).map((gap) => Math.abs(gap - 40)).sort((a, b) => a - b)[Math.floor(gaps(arm).length / 2)];
  assert.ok(uneven('users') > uneven('canary') + 2, `unpinned probes would fall into step with users: ${gaps('users')}; canary: ${gaps('canary')}`);
  const report = apply.json();
  assert.equal(report.verdict, 'PASS');
  for (const member of ['run', 'evidence', 'checks']) assert.ok(report[member], member);
  assert.ok(fs.existsSync(path.join(report.evidence, 'SHA256SUMS')));
  assert.deepEqual(await target.weights(), CANARY, 'fault 28: it ends at the split it promised');

  const again = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(again.code, 6, 'a plan is applied once');
  assert.match(again.json().checks[0].detail, /not as it was planned|already applied/);

  const over = await target.plan({ name: 'over.json' });
  assert.equal(over.code, 0, 'nothing to change: the cutover is over');
  const shut = await target.oa(['cutover', 'apply', over.file, '--json']);
  assert.equal(shut.code, 6);
  assert.match(shut.json().checks[0].detail, /--reopen REASON/);

  const runJson = () => JSON.parse(fs.readFileSync(path.join(report.evidence, 'run.json'), 'utf8'));
  const judged = runJson();
  for (const name of ['rollback', 'rollback-2']) {
    const back = await target.oa(['rollback', 'apply', '--run', report.run]);
    assert.equal(back.code, 0, `${name}: ${back.stderr}`);
    assert.match(back.stdout, /^PASS/);
    assert.ok(back.stdout.includes(`report ${path.join(report.evidence, name)}.md\n`), back.stdout);
    assert.ok(last(back.stderr).includes(report.run), back.stderr);
    assert.deepEqual(await target.weights(), STABLE, name);
    const run = runJson();
    for (const member of ['verdict', 'ended_at', 'duration_s']) assert.equal(run[member], judged[member], 'what the run itself was, stays');
    assert.equal(run.rolled_back.verdict, 'PASS');
    assert.equal(run.rolled_back.report, `${name}.md`);
    assert.ok(run.rolled_back.started_at > judged.ended_at && run.rolled_back.started_at <= run.rolled_back.ended_at);
    assert.match(fs.readFileSync(path.join(report.evidence, `${name}.html`), 'utf8'), /Rollback: <span class="pass">verified/);
  }
  assert.match(fs.readFileSync(path.join(report.evidence, 'rollback.md'), 'utf8'), /From .*v2 100% to v1 100%[^]*\| traffic written \| \d/, 'the one that wrote');
  const shown = await target.oa(['runs', 'show', report.run]);
  assert.equal(shown.code, 0, shown.stderr); // its sums are right
  assert.match(shown.stdout, /rollback +\S+Z, report \S+\/rollback-2\.md/);

  const spent = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(spent.code, 6, 'though the traffic is as it was planned');
  assert.match(spent.json().checks[0].detail, new RegExp(`already applied by run ${report.run}`));
  assert.match(spent.json().next, new RegExp(`^oa-stream cutover plan ${target.playbook} .*--out ${plan.file}$`));
});

beside('drift, an edit, an unknown revision and no plan at all are refused and named; nothing is written', async (target) => {
  const plan = await target.plan({ name: 'drift.json', args: ['--no-probes'] });
  await target.setWeights({ v1: 90, v2: 10 });
  const drifted = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(drifted.code, 6, drifted.stderr);
  assert.match(drifted.json().checks[0].detail, /planned v1 100%, v2 0%, live v1 90%, v2 10%/);
  assert.match(drifted.json().next, new RegExp(`^oa-stream cutover plan ${target.playbook} .* --no-probes --out ${plan.file}$`));
  await target.setWeights(STABLE);
  const again = await target.oa(drifted.json().next.split(' ').slice(1));
  assert.equal(again.code, 10, again.stderr);
  assert.equal(JSON.parse(fs.readFileSync(plan.file, 'utf8')).probes, false);

  const edited = JSON.parse(fs.readFileSync(plan.file, 'utf8'));
  edited.source.text = edited.source.text.replace('at_most: 30%', 'at_most: 90%');
  const file = path.join(target.folder, 'edited.json');
  fs.writeFileSync(file, JSON.stringify(edited));
  const refused = await target.oa(['cutover', 'apply', file]);
  assert.equal(refused.code, 6, refused.stderr);
  assert.match(refused.stderr, /was edited/);

  const text = fs.readFileSync(target.playbook, 'utf8');
  fs.writeFileSync(path.join(target.folder, 'unknown.yaml'), text.replace('canary: v2', 'canary: v9'));
  const unknown = await target.oa(['cutover', 'plan', path.join(target.folder, 'unknown.yaml'), ...target.settings()]);
  assert.equal(unknown.code, 6, `fault 39: ${unknown.stderr}`);
  assert.match(unknown.stderr, /v9/);

  assert.equal((await target.oa(['cutover', 'apply'])).code, 2, 'fault 29: nothing moves without a plan');
  assert.equal((await target.oa(['rollback', 'apply'])).code, 2);
  assert.equal((await target.oa(['rollback', 'apply', '--run', 'nonesuch'])).code, 2);
  fs.writeFileSync(path.join(target.folder, 'short.yaml'), `${text}validity: 1s\n`);
  const short = await target.oa(['cutover', 'plan', path.join(target.folder, 'short.yaml'), ...target.settings(), '--out', file]);
  assert.equal(short.code, 10, short.stderr);
  const made = Date.parse(JSON.parse(fs.readFileSync(file, 'utf8')).created_at);
  while (Date.now() < made + 2500) await new Promise((done) => setTimeout(done, 50));
  const late = await target.oa(['cutover', 'apply', file, '--json']);
  assert.equal(late.code, 6);
  assert.match(late.json().checks[0].detail, /older than its validity of 1s/);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('a plan that would hold a secret is not written, and the token stands in no file of a run', async (target) => {
  const file = path.join(target.folder, 'secret.json');
  const token = 'planted-token-0123456789';
  const text = fs.readFileSync(target.playbook, 'utf8');
  const yaml = path.join(target.folder, 'auth.yaml');
  fs.writeFileSync(yaml, text.replace('prompt: "replay:hello"', 'prompt: "replay:hello", auth: { env: LANE_TOKEN }'));
  const missing = await target.oa(['cutover', 'plan', yaml, ...target.settings()]);
  assert.equal(missing.code, 5, missing.stderr);
  assert.match(missing.stderr, /LANE_TOKEN/);
  const plan = await target.oa(['cutover', 'plan', yaml, ...target.settings(), '--out', file], { env: { LANE_TOKEN: token } });
  assert.equal(plan.code, 10, plan.stderr);
  assert.ok(!fs.readFileSync(file, 'utf8').includes(token));
  fs.writeFileSync(yaml, `# ${token}\n${fs.readFileSync(yaml, 'utf8')}`);
  fs.rmSync(file);
  const held = await target.oa(['cutover', 'plan', yaml, ...target.settings(), '--out', file], { env: { LANE_TOKEN: token } });
  assert.equal(held.code, 2, held.stderr);
  assert.ok(!fs.existsSync(file));
});

beside('fault 38: the second operator is refused with who and since when; Ctrl-C of the first rolls back', async (target) => {
  const other = await target.plan({ name: 'other.json' });
  const { running, run } = await underWay(target);
  const second = await target.oa(['cutover', 'apply', other.file, '--json']);
  assert.equal(second.code, 6, second.stderr);
  assert.match(second.json().checks[0].detail, new RegExp(`by process ${running.pid} on \\S+ since \\d{4}-\\S+ \\(run ${run}\\)`));
  const status = await target.oa(['cutover', 'status', '--json']);
  assert.equal(status.code, 0, status.stderr);
  assert.equal(status.json().run, run);
  assert.equal(status.json().runs[0].state, 'running');
  assert.equal((await target.oa(['cutover', 'status', '--wait-for', 'stage=50%', '--timeout', '60s'])).code, 0);
  assert.equal((await target.oa(['cutover', 'status', '--wait-for', 'done', '--timeout', '300ms'])).code, 3);
  running.signal('SIGINT');
  const exit = await running.end(60000);
  assert.equal(exit.code, 7, running.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  assert.equal((await target.oa(['cutover', 'status', '--run', run, '--wait-for', 'done'])).code, 0);
  const never = await target.oa(['cutover', 'status', '--run', run, '--wait-for', 'passed']);
  assert.deepEqual([never.code, /^FAIL/m.test(never.stderr)], [1, true], never.stderr);
});

beside('killed in the middle: status shows it and what to type, and that brings everything back', async (target) => {
  const { running, run } = await underWay(target);
  await running.kill();
  assert.deepEqual(await target.weights(), { v1: 50, v2: 50 });
  const status = await target.oa(['cutover', 'status']);
  assert.equal(status.code, 8, status.stdout);
  assert.match(status.stdout, new RegExp(`${run} died`));
  assert.match(last(status.stderr), new RegExp(`next: oa-stream rollback apply --run ${run}`));
  // For an alert: until somebody has finished the run, whoever that is.
  const file = path.join(target.folder, 'runs.prom');
  const told = async (name) => {
    const { code } = await target.oa(['cutover', 'status', '-q', '--textfile', file]);
    return { code, value: Number(new RegExp(`^oa_stream_run_${name}\\{run="cutover-status",target="${target.state}"\\} (\\S+)$`, 'm').exec(fs.readFileSync(file, 'utf8'))?.[1]) };
  };
  assert.deepEqual(await told('exit_code'), { code: 8, value: 8 });
  assert.deepEqual(await told('last_pass_timestamp_seconds'), { code: 8, value: 0 });
  // Runs that cannot be read end no alert.
  const runs = path.join(target.state, 'runs');
  const before = fs.readFileSync(file, 'utf8');
  fs.renameSync(runs, `${runs}.away`);
  fs.writeFileSync(runs, '');
  assert.deepEqual(await told('exit_code'), { code: 4, value: 8 });
  assert.equal(fs.readFileSync(file, 'utf8'), before);
  fs.rmSync(runs);
  // Nor does a mount point whose disk is not there.
  const gone = await target.oa(['cutover', 'status', '-q', '--textfile', file]);
  assert.deepEqual([gone.code, gone.stdout, fs.readFileSync(file, 'utf8')], [4, '', before], gone.stderr);
  assert.match(gone.stderr, /there are no runs, and .*runs\.prom tells of some that are not over: is the disk mounted\?/);
  assert.equal((await target.oa(['cutover', 'status', '--textfile', path.join(target.folder, 'first.prom')])).code, 0, 'nothing has run yet');
  fs.renameSync(`${runs}.away`, runs);
  const journal = path.join(target.state, 'runs', run, 'journal.ndjson');
  fs.appendFileSync(journal, '{"seq":99,"at":"20'); // a torn last line
  const back = await target.oa(['rollback', 'apply', '--run', run, '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  const lines = target.journal(run);
  assert.deepEqual(lines.map((l) => l.seq), lines.map((_, i) => i + 1));
  assert.equal(lines.at(-1).phase, 'end');
  const doc = JSON.parse(fs.readFileSync(path.join(target.state, 'runs', run, 'run.json'), 'utf8'));
  assert.deepEqual([doc.verdict, doc.exit_code, doc.restored, doc.state], ['ERROR', 7, true, 'finished']);
  assert.deepEqual(await told('exit_code'), { code: 0, value: 0 });
  assert.ok((await told('last_pass_timestamp_seconds')).value > 1.7e9);
  // The file of one run would end the alert of another.
  assert.equal((await target.oa(['cutover', 'status', '--run', run, '--textfile', file])).code, 2);
  assert.equal((await target.oa(['cutover', 'status', '--wait-for', 'done', '--textfile', file])).code, 2);
  const nowhere = await target.oa(['cutover', 'status', '--textfile', path.join(target.folder, 'none', 'x.prom')]);
  assert.deepEqual([nowhere.code, nowhere.stdout], [2, '']);
  assert.match(nowhere.stderr, /--textfile: .*: its folder is not there \(name a file in a folder that is there\)/);
  assert.equal((await target.oa(['cutover', 'status', '--textfile', '/proc/x.prom'])).code, 4, 'a PASS that nobody hears of');
});

beside('killed in the middle and then damaged: no command takes what it cannot read for "all is well"', async (target) => {
  const { running, run } = await underWay(target);
  await running.kill();
  const rewrite = (file, change) => fs.writeFileSync(file, change(fs.readFileSync(file)));
  /** Runs `see` on a copy of the state directory in which `damage` was done to the run. */
  const damaged = async (name, damage, see) => {
    const state = path.join(scratch(name), 'state');
    fs.cpSync(target.state, state, { recursive: true });
    for (const other of fs.readdirSync(path.join(state, 'runs'))) if (other !== run) fs.rmSync(path.join(state, 'runs', other), { recursive: true });
    const folder = handmadeRun(path.join(state, 'runs', run));
    rewrite(path.join(folder, 'run.json'), (text) => JSON.stringify({ ...JSON.parse(text), started_at: '2026-01-01T00:00:00.000Z' }));
    damage({ journal: path.join(folder, 'journal.ndjson'), plan: path.join(folder, 'plan.json') }, state);
    await see((args) => oa(args, { stateDir: state }));
    fs.rmSync(state, { recursive: true });
  };
  const line = (text, number, put) => Buffer.from(text.toString().split('\n').map((one, i) => (i === number ? put(one) : one)).join('\n'));
  const unreadable = (file) => { fs.rmSync(file); fs.mkdirSync(file); }; // for root, too
  const DAMAGES = {
    'a line zeroed': ({ journal }) => rewrite(journal, (text) => line(text, 1, (one) => '\0'.repeat(one.length))),
    'a line garbled': ({ journal }) => rewrite(journal, (text) => line(text, 2, (one) => one.slice(7))),
    'the journal unreadable': ({ journal }) => unreadable(journal),
    'the plan cut': ({ plan }) => rewrite(plan, (text) => text.subarray(0, 3000)),
    'the plan unreadable': ({ plan }) => unreadable(plan),
    'the plan removed': ({ plan }) => fs.rmSync(plan),
  };
  for (const [how, why] of [['the plan removed', 'is gone'], ['the plan cut', 'cannot be read \\(not JSON'], ['the plan unreadable', 'cannot be read \\(cannot read']]) {
    await damaged(`no-plan-${why.slice(0, 3).trim()}-${how.length}`, DAMAGES[how], async (look) => {
      const refused = await look(['rollback', 'apply', '--run', run]);
      assert.equal(refused.code, 6, refused.stderr);
      assert.match(refused.stderr, new RegExp(`its plan ${why}.*\\(oa-stream rollback plan rollback-local --set .* restores everything`));
    });
  }
  for (const [name, damage] of Object.entries(DAMAGES)) {
    await damaged(name.replaceAll(' ', '-'), damage, async (look) => {
      const status = await look(['cutover', 'status']);
      assert.equal(status.code, 8, `${name}: ${status.stdout}`);
      assert.match(status.stdout, new RegExp(`^${run} died\n[\\s\\S]*\n  unread +(plan\\.json|journal\\.ndjson): \\S`), name);
      assert.match(last(status.stderr), new RegExp(`^FAIL run ${run} .*next: oa-stream (rollback apply --run ${run}|rollback plan rollback-local --set … --out back\\.json)$`));
      assert.ok((await look(['cutover', 'status', '--json'])).json().runs[0].unread);
      const shown = await look(['runs', 'show', run]);
      assert.equal(shown.code, 8, name);
      assert.match(shown.stdout, /\n {2}open +it cannot be read whether its traffic is back \(/);
      assert.match(last(shown.stderr), /next: (oa-stream rollback apply --run|oa-stream rollback plan rollback-local --set … --out back\.json$)/);
      assert.match((await look(['runs', 'gc', '--keep', '0'])).stdout, new RegExp(`^stays +${run} .* cannot be read`), name);
      const found = (await look(['doctor', '--json'])).json().checks.find(({ id }) => id === `runs.${run}`);
      assert.deepEqual([found?.verdict, found?.detail.startsWith('it cannot be read')], ['FAIL', true], name);
      const body = await look(['incident', 'body', run]);
      assert.match(body.stdout, /it cannot be read whether its traffic is back/, name);
    });
  }
  await damaged('runs-unlistable', (_, state) => { fs.rmSync(path.join(state, 'runs'), { recursive: true }); fs.writeFileSync(path.join(state, 'runs'), ''); }, async (look) => {
    for (const args of [['cutover', 'status'], ['runs', 'list'], ['runs', 'gc', '--keep', '0'], ['runs', 'show', 'last'], ['note', 'seen']]) {
      const got = await look(args);
      assert.equal(got.code, 4, `${args}: ${got.stdout}${got.stderr}`);
      assert.match(got.stderr, /cannot list the runs: Not a directory \(oa-stream doctor\)$/m, 'sudo does not make it a folder');
    }
    const doctor = await look(['doctor']);
    assert.match(doctor.stdout, /FAIL +runs +\S+: cannot list the runs/);
  });
  const typo = path.join(target.folder, 'typo');
  const away = await oa(['cutover', 'status', '--state-dir', typo]);
  assert.deepEqual([away.code, away.stdout], [0, `there are no runs yet in ${typo}\n`]);
  assert.match((await oa(['runs', 'list', '--state-dir', typo])).stderr, new RegExp(`^there are no runs yet in ${typo}\n`));

  // Pasted into a shell that knows of no state directory, what status says takes it back.
  const bin = scratch('bin'), spaced = path.join(bin, 'sp ace');
  fs.symlinkSync(target.state, spaced);
  fs.symlinkSync(OA_BIN, path.join(bin, 'oa-stream'));
  const there = await oa(['--state-dir', spaced, 'cutover', 'status']);
  const typed = last(there.stderr).replace(/^.* next: /, '');
  assert.equal(typed, `oa-stream --state-dir '${spaced}' rollback apply --run ${run}`);
  const back = new Running('sh', ['-c', typed], { env: cleanEnv({ HOME: bin, PATH: `${bin}:${process.env.PATH}` }) });
  assert.equal((await back.end(60000)).code, 0, back.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  const over = await target.oa(['cutover', 'status']);
  assert.deepEqual([over.code, over.stdout], [0, `no run needs anything in ${target.state}\n`]);
});

beside('on_no_traffic: hold, and nobody comes: neither probes nor the deletions of their conversations are users', async (target) => {
  const text = fs.readFileSync(target.playbook, 'utf8').replace('  bake:', '  on_no_traffic: hold\n  bake:');
  const plan = await target.plan({ name: 'nobody.json', playbook: target.write('nobody.yaml', text), set: { bake: '2s' } });
  assert.equal(plan.code, 10, plan.stderr);
  const apply = await target.oa(['cutover', 'apply', plan.file, '--json'], { ms: 120000 });
  const users = apply.json().checks.find(({ id }) => id === 'users@50%');
  assert.equal(users.verdict, 'INCONCLUSIVE', users.detail);
  assert.match(users.detail, /^(\d+) requests, \1 of them this run's own$/);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('a run that died is not built upon: plan, apply and drill name it; it is taken back or given up', async (target) => {
  const { running, run } = await underWay(target);
  await running.kill();
  const named = (got, what) => {
    assert.equal(got.code, 6, `${what}: ${got.stdout}${got.stderr}`);
    assert.match((got.stdout + got.stderr).replace(/\s+/g, ' '), new RegExp(`run ${run} is not over on .*it died.*oa-stream rollback apply --run ${run} first, or give it up: oa-stream cutover abandon --run ${run}`), what);
  };
  named(await target.plan({ name: 'on-top.json' }), 'plan');
  const drill = path.join(target.folder, 'drill.yaml');
  fs.writeFileSync(drill, `${fs.readFileSync(target.playbook, 'utf8').replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*/, 'kind: rollback-drill')}drill: { fail_at: 50%, recover_within: 20s }\n`);
  named(await target.oa(['rollback', 'drill', drill, '--apply', ...target.settings()]), 'drill');

  const unlock = (...more) => target.oa(['cutover', 'abandon', '--run', run, ...more]);
  const shown = await unlock();
  assert.equal(shown.code, 10, shown.stderr);
  for (const want of [/began with +v1 100%, v2 0%/, /last seen +v1 50%, v2 50%/, /last step +shift@50%/, /open +it died/, /undo +write v1 100%, v2 0%/]) assert.match(shown.stdout, want);
  assert.match(shown.stderr, new RegExp(`next: oa-stream .*cutover abandon --run ${run} --reason TEXT --apply\n$`));
  assert.equal((await target.oa(['cutover', 'status'])).code, 8, 'it was only shown');
  assert.equal((await unlock('--apply')).code, 2, 'not without a reason');
  const given = await unlock('--apply', '--reason', 'v1 is gone for good');
  assert.equal(given.code, 0, given.stderr);
  assert.match(given.stdout, new RegExp(`^${run} ended: given up: v1 is gone for good \\(\\S+ on \\S+, 2`));
  assert.deepEqual(await target.weights(), { v1: 50, v2: 50 }, 'no traffic is moved');
  assert.equal((await unlock('--apply', '--reason', 'again')).code, 6, 'nothing is undone any more');
  const status = await target.oa(['cutover', 'status']);
  assert.deepEqual([status.code, status.stdout], [0, `no run needs anything in ${target.state}\n`]);
  assert.match((await target.oa(['cutover', 'status', '--run', run])).stdout, /ended: given up: v1 is gone for good/);
  assert.doesNotMatch((await target.oa(['runs', 'gc', '--keep', '0'])).stdout, new RegExp(`${run}.*rollback apply`));

  const plan = await target.plan({ name: 'on-top.json' });
  assert.equal(plan.code, 10, plan.stderr);
  fs.rmSync(path.join(target.state, 'runs', run, 'settled.json'));
  named(await target.oa(['cutover', 'apply', plan.file]), 'apply');
  assert.deepEqual(await target.weights(), { v1: 50, v2: 50 });
  const back = await target.oa(['rollback', 'apply', '--run', run]);
  assert.equal(back.code, 0, back.stderr);
  assert.equal((await unlock()).code, 6, 'it was brought back');
  const { running: alive, run: living } = await underWay(target, '61s');
  const refused = await target.oa(['cutover', 'abandon', '--run', living, '--apply', '--reason', 'x']);
  assert.equal(refused.code, 6, refused.stderr);
  assert.match(refused.stderr, /is under way, by process/);
  alive.signal('SIGINT');
  assert.equal((await alive.end(60000)).code, 7, alive.stderr);
});

beside('rollback apply of a run under way: its own process goes back, and this one verifies', async (target) => {
  const { running, run } = await underWay(target);
  const back = await target.oa(['rollback', 'apply', '--run', run, '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.equal((await running.end()).code, 7, running.stderr);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('rollback plan and apply: everything to stable, whatever serves, without a run to refer to', async (target) => {
  const yaml = path.join(target.folder, 'rollback.yaml'), file = path.join(target.folder, 'rollback.json');
  const head = fs.readFileSync(target.playbook, 'utf8').split('sources:')[0].replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*/, 'kind: rollback').replace('  - { name: bake, default: 700ms }\n', '');
  fs.writeFileSync(yaml, `${head}postflight: [{ smoke: stream }]\nrollback: { ramp: 200ms }\nlimits: { fresh_row: 3, restore: 20s, shift: 10s }\n`);
  const plan = () => target.oa(['rollback', 'plan', yaml, ...target.settings(), '--out', file]);
  await target.setWeights({ v1: 40, v2: 60 });
  const made = await plan();
  assert.equal(made.code, 10, made.stderr);
  assert.match(made.stdout, /v1 40%, v2 60% → v1 100%, v2 0%/);
  assert.equal((await target.oa(['cutover', 'apply', file])).code, 2, 'a rollback is no cutover');
  const back = await target.oa(['rollback', 'apply', file, '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(back.json().verdict, 'PASS');
  assert.deepEqual(await target.weights(), STABLE);
  const shares = target.journal(back.json().run).filter((l) => l.phase === 'intent').map((l) => l.to.v2);
  assert.deepEqual(shares, shares.toSorted((a, b) => b - a), 'the bad share never rises');
  assert.ok(shares.length > 2, 'in steps');
  assert.equal((await plan()).code, 0, 'nothing to change');
});

beside('a canary that has more than the first stage: the plan names the rollback of the run that left it, else one of everything', async (target) => {
  const playbook = (stages) => target.write(`stages-${stages}.yaml`, fs.readFileSync(target.playbook, 'utf8').replace(/^stages: .*$/m, `stages: [${stages}]`));
  const plan = await target.plan({ playbook: playbook('30%') });
  assert.ok((await target.oa(['rollback', 'apply', plan.file])).stderr.includes(`(oa-stream cutover apply ${plan.file})`));
  const run = (await target.oa(['cutover', 'apply', plan.file, '--json', '--non-interactive'])).json();
  assert.deepEqual([run.verdict, await target.weights()], ['PASS', { v1: 70, v2: 30 }]);
  for (const stages of ['30%', '10%, 30%']) { // its last stage serves: it is over, at whatever percent
    const over = await target.plan({ playbook: playbook(stages), name: `over-${stages}.json` });
    assert.equal(over.code, 0, over.stderr);
    assert.match(over.stdout, /to run the stages again, apply with --reopen REASON/);
    const shut = await target.oa(['cutover', 'apply', over.file, '--json', '--non-interactive']);
    assert.equal(shut.code, 6, stages);
    assert.match(shut.json().checks[0].detail, /v2 already has 30%: this cutover is over/);
  }
  const again = () => target.plan({ playbook: playbook('10%, 100%'), name: 'again.json' });
  const refused = await again();
  assert.equal(refused.code, 6, refused.stderr);
  assert.ok(refused.stderr.includes(`v2 already has 30%, more than the first stage (oa-stream rollback apply --run ${run.run} restores what served before that run)`), refused.stderr);
  const kept = path.join(target.state, 'runs', run.run, 'plan.json');
  fs.renameSync(kept, `${kept}.away`); // without it the run cannot be rolled back
  assert.match((await again()).stderr, /v2 already has 30%, more than the first stage \(oa-stream rollback plan rollback-local /);
  fs.renameSync(`${kept}.away`, kept);
  await target.setWeights({ v1: 60, v2: 40 }); // not what the run left
  assert.match((await again()).stderr, /v2 already has 40%, more than the first stage \(oa-stream rollback plan rollback-local .* restores stable, whatever serves\)/);
});

beside('a second signal leaves at once and names the command that finishes', async (target) => {
  const { running, run } = await underWay(target);
  target.front.signal('SIGSTOP'); // the way back hangs
  assert.equal((await running.leaves()).code, 8, running.stderr);
  assert.match(running.stderr, new RegExp(`To finish: oa-stream rollback apply --run ${run}`));
  target.front.signal('SIGCONT');
  const back = await target.oa(['rollback', 'apply', '--run', run]);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await target.weights(), STABLE);
});

beside('a canary that fails under users is taken back by itself: exit 7', async (target) => {
  await target.canary.kill();
  const yaml = path.join(target.folder, 'late.yaml');
  fs.writeFileSync(yaml, fs.readFileSync(target.playbook, 'utf8').replace(/preflight:\n.*\n/, ''));
  const file = path.join(target.folder, 'late.json');
  const plan = await target.oa(['cutover', 'plan', yaml, ...target.settings(), '--out', file]);
  assert.equal(plan.code, 10, plan.stderr);
  const apply = await target.oa(['cutover', 'apply', file, '--json']);
  assert.equal(apply.code, 7, apply.stderr);
  assert.equal(apply.json().verdict, 'FAIL');
  assert.deepEqual(await target.weights(), STABLE);
});
