// Conversations over a cutover: a plan and an apply find out whether users would lose theirs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, test } from 'node:test';
import { startCodexRevisions } from '../lib/codex.mjs';
import { LocalTarget, PLAYBOOK, STABLE, lane, secondRevision } from '../lib/local_target.mjs';

const REQUIRED = PLAYBOOK.replace(/continuity.*\n/g, '');
const open = [];
after(() => Promise.all(open.map((one) => one.stop())));

/** One lane as two revisions; `lost` and `status` as secondRevision() takes them. */
async function shared(lost, status) {
  const stable = await lane('v1');
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [stable, await secondRevision(stable.base, { lost, status })] });
  open.push(stable, target.front, target.canary);
  return target;
}
/** Whether the stage of the only run is under way. */
const begun = (target, stage) => {
  const [run] = target.runs();
  const file = run && path.join(target.state, 'runs', run, 'timeline.ndjson');
  return Boolean(file) && fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes(`"event":"stage begins","stage":"${stage}"`);
};
/** An apply under way that has begun the stage. */
async function atStage(target, stage, bake) {
  const plan = await target.plan({ set: { bake } });
  assert.equal(plan.code, 10, plan.stderr);
  const apply = target.begin(['cutover', 'apply', plan.file, '--json', '--non-interactive']);
  await apply.until(() => begun(target, stage), `stage ${stage}`, 60000);
  return apply;
}
/** What a revision may do to its lists of messages. */
const twice = (data) => [...data, ...data];
const blank = (data) => data.map((message) => ({ ...message, parts: [] }));
const check = (report, id) => report.checks.find((one) => one.id === id);

test('two Codex lanes with threads of their own: the plan is refused, and says what users would lose', async () => {
  const playbook = REQUIRED.replace('prompt: "replay:hello"', 'prompt: "Say pong"');
  const [v1, v2] = await startCodexRevisions(open);
  const target = await LocalTarget.start({ playbook, lanes: async () => [v1, v2] });
  open.push(target.front);
  const users = await fetch(`${v1.base}/api/chats`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"id":"of-a-user"}' });
  assert.equal(users.status, 201);

  const plan = await target.plan();
  assert.equal(plan.code, 6, plan.stderr);
  assert.match(plan.stderr, /users would lose their conversations: v1 → v2: a conversation of 2 messages is not known there/);
  assert.match(plan.stderr, /continuity: new-threads-only/);
  assert.deepEqual(await target.weights(), STABLE);

  const pilot = playbook.replace('kind: cutover', 'kind: cutover\ncontinuity: new-threads-only\ncontinuity_reason: a pilot without history');
  const accepted = await target.plan({ name: 'accepted.json', playbook: target.write('accepted.yaml', pilot) });
  assert.equal(accepted.code, 10, accepted.stderr);
  const first = accepted.stdout.split('\n').slice(0, 3).join('\n');
  assert.match(first, /USERS LOSE THEIR CONVERSATIONS: 1 known to this token of v1 stays behind \(a pilot without history\)/);
});

test('revisions that share their threads: tried in the plan, at each stage both ways, PASS', async () => {
  const target = await shared(() => false);
  const plan = await target.plan();
  assert.equal(plan.code, 10, plan.stderr);
  assert.match(plan.stdout, /conversations: v1 → v2: read with all 2 messages, answered, and whole afterwards/);
  const apply = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(apply.code, 0, apply.stderr);
  const report = apply.json();
  for (const id of ['preflight.continuity', 'gate.continuity@50%', 'gate.continuity@50%.back', 'gate.continuity@50%.end', 'gate.continuity@100%', 'gate.continuity@100%.back', 'gate.continuity@100%.end']) {
    assert.equal(check(report, id)?.verdict, 'PASS', `${id}: ${check(report, id)?.detail}`);
  }
  assert.doesNotMatch(report.notes.join('\n'), /oaprobe_/, 'the run deletes its conversations');
});

test('conversations that cannot be read, on the canary or on stable: no plan is made of missing data', async () => {
  const target = await shared(() => true, 500);
  const plan = await target.plan();
  assert.equal(plan.code, 4, plan.stdout);
  assert.match(plan.stderr, /whether users keep their conversations could not be tried: v1 → v2: .*could not be read there: HTTP 500/);
  assert.match(plan.stderr, /continuity: new-threads-only/);
  assert.doesNotMatch(plan.stdout + plan.stderr, /cutover apply/);

  const stable = await secondRevision(target.stable.base, { name: 'v1', lost: () => true, status: 500 });
  const both = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [stable, await secondRevision(target.stable.base)] });
  open.push(both.front, stable, both.canary);
  const blind = await both.plan();
  assert.equal(blind.code, 4, blind.stdout);
  assert.match(blind.stderr, /a conversation just made there could not be read: HTTP 500/);
});

test('a stable that lists no messages has no conversations to lose: skipped, and the cutover passes', async () => {
  const base = await lane('v1');
  const stable = await secondRevision(base.base, { name: 'v1', lost: () => true, status: 405 });
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [stable, await secondRevision(base.base)] });
  open.push(base, target.front, stable, target.canary);
  const plan = await target.plan();
  assert.equal(plan.code, 10, plan.stderr);
  const apply = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(apply.code, 0, apply.stderr);
  const looked = apply.json().checks.filter(({ id }) => /continuity/.test(id)).map(({ id, verdict }) => `${id} ${verdict}`);
  assert.deepEqual(looked, ['preflight.continuity SKIPPED', 'gate.continuity@50% SKIPPED', 'gate.continuity@100% SKIPPED']);
});

test('a stable that does not know a conversation it just made: no plan', async () => {
  const base = await lane('v1');
  const stable = await secondRevision(base.base, { name: 'v1', lost: () => true });
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [stable, await secondRevision(base.base)] });
  open.push(base, target.front, stable, target.canary);
  const plan = await target.plan();
  assert.equal(plan.code, 4, plan.stdout);
  assert.match(plan.stderr, /a conversation just made there could not be read: HTTP 404 not_found/);
});

test('a canary that lists each message twice, or without its parts: the plan is refused, and a later stage fails', async () => {
  const base = await lane('v1');
  let lists;
  const canary = await secondRevision(base.base, { lists: (data) => lists(data) });
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [base, canary] });
  open.push(base, target.front, canary);
  for (const [change, words] of [[twice, /read there, it has 1 more message of a user than were sent/], [blank, /read there, message 1 of 2 shows another text in its parts/]]) {
    lists = change;
    const plan = await target.plan();
    assert.equal(plan.code, 6, plan.stdout);
    assert.match(plan.stderr, words);
  }
  lists = (data) => data;
  const apply = await atStage(target, '50%', '6s');
  lists = twice;
  assert.equal((await apply.end(60000)).code, 7, apply.stderr);
  const report = JSON.parse(apply.stdout);
  assert.match(check(report, 'gate.continuity@50%.end').detail, /not whole: oaprobe_\w+ at canary: it has \d more messages? of a user than were sent/);
  assert.equal(check(report, 'rollback.continuity').verdict, 'PASS', check(report, 'rollback.continuity').detail);
  assert.deepEqual(await target.weights(), STABLE);
});

test('a stable that lists its messages without parts, or twice: the cutover that replaces it passes', async () => {
  const base = await lane('v1');
  let lists = twice;
  const stable = await secondRevision(base.base, { name: 'v1', lists: (data) => lists(data) });
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [stable, await secondRevision(base.base)] });
  open.push(base, target.front, stable, target.canary);
  const twofold = await target.plan();
  assert.equal(twofold.code, 10, twofold.stderr);
  assert.match(twofold.stdout, /known there, but v1 itself lists a conversation just made there wrongly: message 3 is message 1 again/);
  lists = blank;
  const drawn = await target.plan({ name: 'drawn.json' });
  assert.equal(drawn.code, 10, drawn.stderr);
  const apply = await target.oa(['cutover', 'apply', drawn.file, '--json']);
  assert.equal(apply.code, 0, apply.stderr);
  for (const id of ['preflight.continuity', 'gate.continuity@50%', 'gate.continuity@50%.back', 'gate.continuity@50%.end']) {
    assert.equal(check(apply.json(), id)?.verdict, 'PASS', `${id}: ${check(apply.json(), id)?.detail}`);
  }
});

test('a canary that loses threads after the plan: nothing moves, exit 1', async () => {
  let lost = false;
  const target = await shared(() => lost);
  const plan = await target.plan();
  assert.equal(plan.code, 10, plan.stderr);
  lost = true;
  const apply = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(apply.code, 1, apply.stderr);
  assert.equal(check(apply.json(), 'preflight.continuity').verdict, 'FAIL');
  assert.deepEqual(await target.weights(), STABLE);
});

test('a canary that loses threads once it has traffic: the stage fails, rolled back, and every conversation is whole', async () => {
  let reads = 0;
  // The plan and the preflight read two pages each; the third pair is the stage's.
  const target = await shared(() => ++reads > 4);
  const plan = await target.plan();
  assert.equal(plan.code, 10, plan.stderr);
  const apply = await target.oa(['cutover', 'apply', plan.file, '--json']);
  assert.equal(apply.code, 7, apply.stderr);
  const report = apply.json();
  assert.equal(check(report, 'gate.continuity@50%').verdict, 'FAIL');
  assert.match(check(report, 'gate.continuity@50%').detail, /stable → canary: a conversation of 2 messages is not known there/);
  assert.equal(check(report, 'rollback.continuity').verdict, 'PASS', check(report, 'rollback.continuity').detail);
  assert.deepEqual(await target.weights(), STABLE);
});

test('a canary whose store comes back empty while the last stage bakes: the stage fails, rolled back', async () => {
  const base = await lane('v1');
  const seen = new Set(), gone = new Set(); // it keeps what is new
  const canary = await secondRevision(base.base, { lost: (id) => { seen.add(id); return gone.has(id); } });
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [base, canary] });
  open.push(base, target.front, canary);
  const apply = await atStage(target, '100%', '6s');
  seen.forEach((id) => gone.add(id));
  assert.equal((await apply.end(60000)).code, 7, apply.stderr);
  const report = JSON.parse(apply.stdout);
  const end = check(report, 'gate.continuity@100%.end');
  assert.equal(end?.verdict, 'FAIL', JSON.stringify(report.checks.map(({ id, verdict }) => [id, verdict])));
  assert.match(end.detail, /not whole: oaprobe_\w+ at canary: HTTP 404 not_found/);
  assert.equal(check(report, 'rollback.continuity').verdict, 'PASS', check(report, 'rollback.continuity').detail);
  assert.deepEqual(await target.weights(), STABLE);
});

test('a canary without every twentieth conversation of the probes: the stage fails, rolled back', async () => {
  const base = await lane('v1');
  const seen = new Set(), gone = new Set();
  let counts = false, read = 0;
  const lost = (id) => {
    if (!seen.has(id) && counts && (read += 1) % 20 === 0) gone.add(id);
    seen.add(id); // the run's own are read before the bake
    return gone.has(id);
  };
  const canary = await secondRevision(base.base, { lost });
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [base, canary] });
  open.push(base, target.front, canary);
  const apply = await atStage(target, '50%', '6s');
  counts = true;
  assert.equal((await apply.end(60000)).code, 7, apply.stderr);
  const end = check(JSON.parse(apply.stdout), 'gate.continuity@50%.end');
  assert.equal(end?.verdict, 'FAIL', end?.detail);
  assert.match(end.detail, /\d of \d+ conversations of probes are not known at canary \(oaprobe_\w+, /);
  assert.deepEqual(await target.weights(), STABLE);
});

test('a canary that hangs when a stage reads its conversations: a signal still rolls back at once', async () => {
  const base = await lane('v1');
  const seen = new Set();
  let armed = false, hung = 0;
  const canary = await secondRevision(base.base, { hangs: (id) => (armed ? seen.has(id) && (hung += 1) > 0 : !seen.add(id)) });
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [base, canary] });
  open.push(base, target.front, canary);
  const apply = await atStage(target, '50%', '4s');
  armed = true;
  await apply.until(() => hung > 0, 'the reading', 60000);
  armed = false; // what comes after the rollback is answered
  const began = Date.now();
  apply.signal('SIGINT');
  assert.equal((await apply.end(60000)).code, 7, apply.stderr);
  assert.ok(Date.now() - began < 12000, `${Date.now() - began} ms`); // one try lasts 15 s
  const report = JSON.parse(apply.stdout);
  assert.equal(check(report, 'gate.continuity@50%.end').verdict, 'SKIPPED');
  assert.match(check(report, 'interrupted').detail, /signal 2 at stage 50%/);
  assert.deepEqual(await target.weights(), STABLE);
});

test('a stable that shows what the canary wrote, and does not go on with it: told after the rollback', async () => {
  const base = await lane('v1');
  const written = new Set();
  let refuses = false;
  const stable = await secondRevision(base.base, { name: 'v1', refused: (id) => refuses && written.has(id) });
  const canary = await secondRevision(base.base, { refused: (id) => { written.add(id); return false; } });
  const target = await LocalTarget.start({ playbook: REQUIRED, lanes: async () => [stable, canary] });
  open.push(base, target.front, stable, canary);
  const apply = await atStage(target, '50%', '15s');
  refuses = true;
  apply.signal('SIGTERM');
  assert.equal((await apply.end(60000)).code, 7, apply.stderr);
  const report = JSON.parse(apply.stdout);
  const whole = check(report, 'rollback.continuity');
  assert.equal(whole.verdict, 'FAIL', whole.detail);
  assert.match(whole.detail, /conversations of this run whole at the users' address; canary → the users' address: the next message is not answered there: .*409/);
  assert.match(report.headline, /rolled back and verified, but conversations are NOT whole/);
  assert.deepEqual(await target.weights(), STABLE);
});

test('new-threads-only needs a reason, and a reason needs it', async () => {
  const target = await shared(() => false);
  for (const [lines, words] of [
    ['continuity: new-threads-only', /new-threads-only needs a continuity_reason/],
    ['continuity_reason: none', /only new-threads-only takes a reason/],
    ['continuity: maybe', /required or new-threads-only/],
  ]) {
    const file = target.write('wrong.yaml', REQUIRED.replace('kind: cutover', `kind: cutover\n${lines}`));
    const refused = await target.oa(['playbook', 'validate', file]);
    assert.equal(refused.code, 2, lines);
    assert.match(refused.stderr + refused.stdout, words);
  }
});

test('a plan warns when no answer at the users’ address could verify a rollback', async () => {
  const target = await shared(() => false);
  // An edge that changes what users get, and nothing for a request that names its revision.
  const edge = (change) => new Promise((done) => {
    const server = http.createServer((request, response) => {
      const passed = http.request(target.base + request.url, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, request.headers['x-oa-pin-revision'] ? answer.headers : change({ ...answer.headers }));
        answer.pipe(response);
      });
      passed.on('error', () => response.destroy());
      request.pipe(passed);
    });
    const stop = () => new Promise((closed) => { server.close(closed); server.closeAllConnections(); });
    open.push({ stop });
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`));
  });
  const without = (name) => edge((headers) => { delete headers[name]; return headers; });
  const warned = async (base_url) => {
    const plan = await target.plan({ set: { base_url } });
    assert.equal(plan.code, 10, plan.stderr);
    return plan.stdout.match(/warning: a rollback could not be verified.*/)?.[0];
  };
  assert.equal(await warned(await edge((headers) => headers)), undefined);
  assert.match(await warned(await without('x-oa-revision')), /none of 3 fresh connections .* the last: answered without the name of a revision$/);
  assert.match(await warned(await without('x-accel-buffering')), /the last: \w+ by v1: .*x-accel-buffering/);
});
