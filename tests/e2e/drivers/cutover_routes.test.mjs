// The route half of a cutover: overrides of a strict control service, changed after the traffic of
// two real lanes behind a real front door, and taken back after it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ADMIN, USER, startControlService } from '../lib/control_service.mjs';
import { CANARY, LocalTarget, STABLE } from '../lib/local_target.mjs';
import { QUICK_LIMITS, localHead, quickStages } from '../lib/cutover/playbook.mjs';
import { scratch } from '../lib/process.mjs';

const playbook = (routes, kind = 'cutover') => `${localHead('with-routes', { kind, more: { control: undefined }, target: 'control_url: "${control}", ' })}${kind === 'rollback' ? '' : quickStages({ stages: '[0%, 100%]', bake: '500ms', bad: '50%', confidence: '80%', extend: '2s' })}routes:
  auth: { env: OA_ADMIN }
  fresh: 3
${routes}
${QUICK_LIMITS}`;
const TWO = `  clear: [chat-pilot]
  set:
    - { domain: auth_entry, target: legacy }
    - { domain: billing_l402, target: rollback }`;
const BEFORE = { global: null, domains: { chat_pilot: 'rust_shell' } };
const AFTER = { global: null, domains: { auth_entry: 'legacy', billing_l402: 'legacy' } };
const LABEL = /does not touch the stream lane/;

let target, service, plans = 0;
before(async () => { target = await LocalTarget.start(); });
after(() => target.stop());
beforeEach(() => target.setWeights(STABLE));

const memory = () => ({ global: service.memories[0].global, domains: service.memories[0].domains });
const forDomain = (name) => (call) => call.path.endsWith('/override') && call.json?.domain === name;
const oa = (args, token = ADMIN) => target.oa(args, { env: { OA_ADMIN: token } });
async function plan(text, { command = 'cutover', args = [] } = {}) {
  plans += 1;
  const file = path.join(target.folder, `plan-${plans}.json`);
  fs.writeFileSync(target.playbook, text);
  const got = await oa([command, 'plan', target.playbook, ...target.settings({ control: service.base }), '--out', file, ...args]);
  return { ...got, file };
}
async function planned(text, options) {
  const got = await plan(text, options);
  assert.equal(got.code, 10, got.stdout + got.stderr);
  return got;
}
async function withService(options, body) {
  service = await startControlService({ memories: [{ global: BEFORE.global, domains: BEFORE.domains }], ...options });
  try {
    await body();
    assert.deepEqual(service.violations, []);
  } finally {
    await service.stop();
  }
}
const rule = (name, options, body) => test(name, () => withService(options, body));
const check = (document, id) => document.checks.find((one) => one.id === id);
const journal = (document) => fs.readFileSync(path.join(document.evidence, 'journal.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const ends = (run, code) => { assert.equal(run.code, code, run.stdout + run.stderr); return run.json(); };

describe('cutover with routes', () => {
  rule('a token that a program prints is asked for again before the routes are written', {}, async () => {
    const program = path.join(scratch('token'), 'print');
    fs.writeFileSync(program, `#!/bin/sh\nif rm "$0.ended" 2>/dev/null; then echo a-token-that-ended; else echo ${ADMIN}; fi\n`, { mode: 0o755 });
    const got = await planned(playbook(TWO).replace('{ env: OA_ADMIN }', `{ command: [${program}] }`));
    fs.writeFileSync(`${program}.ended`, ''); // what the apply reads at its start
    ends(await oa(['cutover', 'apply', got.file, '--json']), 0);
    assert.deepEqual(memory(), AFTER);
  });

  rule('planned with reads alone, applied after the traffic, taken back after the traffic', {}, async () => {
    const got = await planned(playbook(TWO));
    assert.match(got.stdout, /overrides: chat_pilot rust_shell -> auth_entry legacy, billing_l402 legacy/);
    assert.match(got.stdout, /write billing_l402: legacy\n/);
    assert.match(got.stdout, /undo {2}billing_l402: clear\n/);
    assert.match(got.stdout, LABEL);
    assert.match(got.stdout, /1 change of traffic, 3 of the routes;/);
    assert.ok(service.calls.length > 0 && service.calls.every((call) => call.method === 'GET'), 'a plan only reads');
    assert.ok(!fs.readFileSync(got.file, 'utf8').includes(ADMIN));

    const document = ends(await oa(['cutover', 'apply', got.file, '--json']), 0);
    assert.deepEqual(memory(), AFTER);
    assert.deepEqual(await target.weights(), CANARY);
    assert.match(check(document, 'routes.set').detail, LABEL);
    assert.ok(service.calls.filter((call) => call.path.endsWith('/evaluate')).length >= 9, 'verified by evaluate');
    const all = journal(document), said = all.filter((line) => line.way);
    assert.deepEqual(all.map((line) => line.seq), all.map((_, i) => i + 1), 'one journal, in sequence');
    assert.ok(!fs.existsSync(path.join(document.evidence, 'routes.ndjson')));
    assert.deepEqual(said.filter((line) => line.phase === 'intent').map((line) => line.domain), ['auth_entry', 'billing_l402', 'chat_pilot']);
    assert.deepEqual([all.at(-1).phase, all.at(-2).phase, all.at(-2).way], ['end', 'done', 'forth'], 'the routes come last');

    const standing = async () => (await oa(['cutover', 'status', '--run', document.run, '--json'])).json().runs[0];
    assert.match((await standing()).routes, /^done at \d{4}-/);

    const back = ends(await oa(['rollback', 'apply', '--run', document.run, '--json']), 0);
    assert.match((await standing()).routes, /^rollback: done at/);
    assert.equal((await standing()).routes_loose, false);
    assert.deepEqual(memory(), BEFORE);
    assert.deepEqual(await target.weights(), STABLE);
    const ids = back.checks.map((one) => one.id);
    assert.ok(ids.includes('rollback.users'), `${ids}`);
    assert.ok(ids.indexOf('rollback.users') < ids.indexOf('rollback.routes'), 'the traffic first');
    assert.match(check(back, 'rollback.routes').detail, LABEL);

    const writes = service.overrides().length;
    ends(await oa(['rollback', 'apply', '--run', document.run, '--json']), 0);
    assert.equal(service.overrides().length, writes, 'what is back already is only verified');
  });

  rule('a rehearsal says what it would write, and writes nothing', {}, async () => {
    fs.writeFileSync(target.playbook, playbook(TWO));
    const run = await oa(['cutover', 'rehearse', target.playbook, ...target.settings({ control: service.base }), '--json']);
    const set = check(run.json(), 'routes.set');
    assert.equal(set.mode, 'rehearsed', run.stdout);
    assert.match(set.detail, /would write auth_entry: legacy, billing_l402: legacy, chat_pilot: clear/);
    assert.ok(service.calls.length > 0 && service.calls.every((call) => call.method === 'GET'));
    assert.deepEqual(memory(), BEFORE);
  });

  for (const [name, routes, options, why] of [
    ['a global target that a domain outranks', '  set: [{ global: true, target: legacy }]', {}, /trap outranked: .*chat_pilot/],
    ['a path below /api', '  set: [{ domain: auth_entry, target: legacy }]\n  paths: [/api/chat/stream]', {}, /trap pinned: /],
    ['a mixture of memories', TWO, { processes: 2, memories: [{}, BEFORE] }, /remember different overrides/],
  ]) {
    rule(`refused when planned: ${name}`, options, async () => {
      const got = await plan(playbook(routes));
      assert.equal(got.code, 6, got.stdout + got.stderr);
      assert.match(got.stderr, why);
      assert.ok(!fs.existsSync(got.file));
      assert.ok(service.calls.every((call) => call.method === 'GET'));
    });
  }

  rule('routes that drifted are named, and nothing begins', {}, async () => {
    const { file } = await planned(playbook(TWO));
    service.memories[0].domains = {};
    const document = ends(await oa(['cutover', 'apply', file, '--json']), 6);
    assert.match(document.headline, /routes: planned chat_pilot rust_shell, live none/);
    assert.deepEqual(await target.weights(), STABLE);
    assert.equal(service.overrides().length, 0);
  });
});

describe('when the routes cannot be changed', () => {
  rule('a refused write: the routes and the traffic go back, exit 7', {}, async () => {
    const { file } = await planned(playbook(TWO));
    service.fault(forDomain('billing_l402'), { status: 422, body: { message: 'no' } });
    const document = ends(await oa(['cutover', 'apply', file, '--json']), 7);
    assert.deepEqual(memory(), BEFORE);
    assert.deepEqual(await target.weights(), STABLE);
    assert.equal(check(document, 'routes.restored').verdict, 'PASS');
    assert.match(document.headline, /routes\.set: .*rolled back and verified/);
  });

  rule('no administrator: nothing of the routes is written, the traffic goes back', {}, async () => {
    const { file } = await planned(playbook(TWO));
    const document = ends(await oa(['cutover', 'apply', file, '--json'], USER), 7);
    assert.equal(check(document, 'routes.set').verdict, 'ERROR');
    assert.deepEqual(memory(), BEFORE);
    assert.deepEqual(await target.weights(), STABLE);
  });

  rule('a service that dies in the middle: exit 8 with what to type, which then finishes it', {}, async () => {
    const { file } = await planned(playbook(TWO.replace('  clear: [chat-pilot]\n', '')));
    let dead = false;
    const death = service.fault((call) => { dead ||= forDomain('billing_l402')(call); return dead; }, 'drop', Infinity);
    const document = ends(await oa(['cutover', 'apply', file, '--json']), 8);
    assert.deepEqual(await target.weights(), STABLE, 'the traffic is back all the same');
    assert.equal(memory().domains.auth_entry, 'legacy', 'left behind');
    assert.equal(check(document, 'routes.restored').verdict, 'ERROR');
    assert.match(document.headline, /the routes are NOT verified/);
    assert.ok(document.next.startsWith(`oa-stream rollback apply --run ${document.run}`), document.next);
    assert.match(document.next, /oa-stream route clear --domain auth_entry --base-url \S+ --auth env:OA_ADMIN --apply/);

    death.left = 0;
    const still = ends(await oa(['rollback', 'apply', '--run', document.run, '--json'], USER), 8);
    assert.match(still.headline, /The traffic is back, the routes are NOT verified/);
    ends(await oa(['rollback', 'apply', '--run', document.run, '--json']), 0);
    assert.deepEqual(memory(), BEFORE);
  });
});

describe('a rollback, and what others set since', () => {
  const undo = (run) => oa(['rollback', 'apply', '--run', run, '--json']);
  const applied = async (text, code) => ends(await oa(['cutover', 'apply', (await planned(text)).file, '--json']), code).run;
  /** Nothing of the run is left, and nobody is called for it. */
  async function refused(run, why, left) {
    const document = ends(await undo(run), 6);
    assert.equal(document.verdict, 'FAIL');
    assert.match(document.headline, why);
    assert.deepEqual(memory().domains, left);
    const status = await oa(['cutover', 'status', '--run', run]);
    assert.equal(status.code, 0, status.stdout);
  }
  const AGAIN = { ...BEFORE.domains, auth_entry: 'legacy' };

  rule('routes that were undone are not undone twice: the same target, set since, stays', {}, async () => {
    const run = await applied(playbook(TWO), 0);
    ends(await undo(run), 0);
    service.memories[0].domains = { ...AGAIN };
    for (let i = 0; i < 2; i += 1) await refused(run, /^Nothing of this run is left: undone already \(\d{4}-.*\); since then somebody else changed chat_pilot rust_shell to auth_entry legacy, chat_pilot rust_shell/, AGAIN);
    service.memories[0].domains = {}; // cleared by somebody else
    await refused(run, /since then somebody else changed chat_pilot rust_shell to none/, {});
    service.memories[0].domains = { ...BEFORE.domains };
    ends(await undo(run), 0);
  });

  rule('also where somebody had undone them before the rollback came', {}, async () => {
    const run = await applied(playbook(TWO), 0);
    service.memories[0].domains = { ...BEFORE.domains };
    ends(await undo(run), 0);
    service.memories[0].domains = { ...AGAIN };
    await refused(run, /undone already/, AGAIN);
  });

  rule('routes that an earlier rollback undid are not undone again with the traffic, which it could not restore', {}, async () => {
    const run = await applied(playbook(TWO), 0);
    await target.setWeights({ v1: 70, v2: 30 }); // somebody else's
    ends(await undo(run), 8);
    assert.deepEqual(memory(), BEFORE);
    await target.setWeights(CANARY);
    service.memories[0].domains = { ...AGAIN };
    const back = ends(await undo(run), 0);
    assert.equal(check(back, 'rollback.routes').verdict, 'SKIPPED');
    assert.match(back.headline, /the routes were undone before, and others have changed them since/);
    assert.deepEqual(await target.weights(), STABLE);
    assert.deepEqual(memory().domains, AGAIN);
    await refused(run, /undone already/, AGAIN);
  });

  rule('a rollback that restores the routes alone, beside traffic of others, has written: exit 8, then 6', {}, async () => {
    const run = await applied(playbook(TWO), 0);
    const death = service.fault(() => true, 'drop', Infinity);
    ends(await undo(run), 8);
    assert.deepEqual(await target.weights(), STABLE);
    death.left = 0;
    await target.setWeights({ v1: 70, v2: 30 });
    ends(await undo(run), 8);
    assert.deepEqual(memory(), BEFORE);
    ends(await undo(run), 6);
    assert.deepEqual(await target.weights(), { v1: 70, v2: 30 });
  });

  rule('another target than the run wrote stays: exit 8, then 6, when nothing of the run is left', {}, async () => {
    const run = await applied(playbook(TWO), 0);
    service.memories[0].domains.billing_l402 = 'rust_shell';
    const left = { ...BEFORE.domains, billing_l402: 'rust_shell' };
    const first = ends(await undo(run), 8);
    assert.match(first.headline, /somebody else set billing_l402 rust_shell/);
    assert.deepEqual(memory().domains, left);
    await refused(run, /^Nothing of this run is left: somebody else set billing_l402 rust_shell meanwhile/, left);
  });

  rule('what others cleared stays cleared, where the run wrote nothing', { memories: [{ domains: { ...BEFORE.domains, account_settings_admin: 'legacy' } }] }, async () => {
    const run = await applied(playbook(TWO), 0);
    delete service.memories[0].domains.account_settings_admin;
    ends(await undo(run), 0);
    assert.deepEqual(memory(), BEFORE);
  });
});

/** An apply that is stopped (SIGSTOP) when its first override is carried out: {running, run}. */
async function stoppedAtRoutes() {
  const { file } = await planned(playbook(TWO));
  const running = target.begin(['cutover', 'apply', file, '--json', '--non-interactive'], { env: { OA_ADMIN: ADMIN } });
  const first = service.fault((call) => forDomain('auth_entry')(call) && !running.signal('SIGSTOP'), 'none');
  await running.until(() => first.left === 0, 'the first override', 60000);
  const run = target.runs().at(-1);
  assert.deepEqual(await target.weights(), CANARY);
  return { running, run };
}

for (const [where, elsewhere] of [['its own', false], ['another', true]]) {
  rule(`a process that is stopped while it sets routes is taken over from ${where} state directory, and writes none after that`, {}, async () => {
    const { running, run } = await stoppedAtRoutes();
    const folder = path.join(target.state, 'runs', run);
    const from = elsewhere ? { stateDir: path.join(scratch('elsewhere'), 'state') } : {};
    // It holds the lock of the routes, too: both are taken over.
    const back = ends(await target.oa(['rollback', 'apply', '--run', folder, '--take-over', '--json'], { ...from, env: { OA_ADMIN: ADMIN } }), 0);
    assert.equal(check(back, 'rollback.routes').verdict, 'PASS');
    assert.deepEqual(memory(), BEFORE);
    assert.deepEqual(await target.weights(), STABLE);
    const text = () => fs.readFileSync(path.join(folder, 'journal.ndjson'), 'utf8');
    const before = text(), writes = service.overrides().length;
    running.signal('SIGCONT');
    assert.equal((await running.end(60000)).code, 6, running.stderr);
    assert.match(running.stderr + running.stdout, /took this run over.*: nothing more is written/);
    assert.equal(text(), before);
    assert.equal(service.overrides().length, writes);
    assert.deepEqual(memory(), BEFORE);
  });
}

/** While the lock of the routes is another operator's, whose `route set` waits for an answer. */
async function whileOthersSetRoutes(body) {
  const hangs = service.fault('evaluate', 'hang');
  const other = target.begin(['route', 'set', 'legacy', '--domain', 'account_settings_admin', '--apply', '--timeout', '120s', '--base-url', service.base, '--auth', 'env:OA_ADMIN', '--json'], { env: { OA_ADMIN: ADMIN } });
  await other.until(() => hangs.left === 0, 'its first evaluate', 60000);
  try {
    await body();
  } finally {
    service.cut();
    await other.end(60000);
  }
}

rule('neither a lock of the routes nor a missing token holds up the traffic of a run that died before it came to them', {}, async () => {
  const { file } = await planned(playbook(TWO).replace('target: {', 'target: { auth: { env: OA_ADMIN },').replace('[0%, 100%]', '[50%, 100%]').replace('bake: 500ms', 'bake: 60s'));
  const { running, run } = await target.applyingHalf({ file }, { OA_ADMIN: ADMIN });
  await running.kill();
  await whileOthersSetRoutes(async () => {
    const got = await target.oa(['rollback', 'apply', '--run', run, '--auth', 'env:OTHER', '--json'], { env: { OTHER: ADMIN } });
    const back = ends(got, 0);
    assert.match(got.stderr, /--auth is for a run of routes alone/);
    assert.match(got.stderr, /the traffic goes back without it: .*OA_ADMIN is not set/);
    assert.match(back.notes.join('\n'), /Rolled back without it: .*OA_ADMIN is not set/);
    assert.equal(check(back, 'rollback.routes'), undefined);
    assert.deepEqual(await target.weights(), STABLE);
  });
});

rule('where the routes of a dead run are locked, or the token is missing, the traffic goes back without them, and the same command ends it later', {}, async () => {
  const { running, run } = await stoppedAtRoutes();
  await running.kill();
  const nobody = ends(await target.oa(['rollback', 'apply', '--run', run, '--json']), 8);
  assert.equal(check(nobody, 'rollback.users').verdict, 'PASS');
  assert.notEqual(check(nobody, 'rollback.routes').verdict, 'PASS');
  await whileOthersSetRoutes(async () => {
    for (const more of [[], ['--take-over']]) {
      const back = ends(await oa(['rollback', 'apply', '--run', run, '--json', ...more]), 8);
      assert.match(check(back, 'rollback.routes').detail, /is being worked on by process \d+ on /);
      assert.ok(back.next.startsWith(`oa-stream rollback apply --run ${run}`), back.next);
      assert.deepEqual(await target.weights(), STABLE);
    }
  });
  const status = await oa(['cutover', 'status', '--run', run, '--json']);
  assert.equal(status.code, 8, status.stdout);
  delete service.memories[0].domains.account_settings_admin; // what the other operator left
  ends(await oa(['rollback', 'apply', '--run', run, '--json']), 0);
  assert.deepEqual(memory(), BEFORE);
});

rule('a rollback by playbook: the traffic to stable, then the routes', {}, async () => {
  await target.setWeights(CANARY);
  const { file } = await planned(playbook('  set: [{ domain: billing_l402, target: rollback }]', 'rollback'), { command: 'rollback' });
  const document = ends(await oa(['rollback', 'apply', file, '--json']), 0);
  assert.deepEqual(await target.weights(), STABLE);
  assert.deepEqual(memory().domains, { ...BEFORE.domains, billing_l402: 'legacy' });
  assert.match(check(document, 'routes.set').detail, LABEL);
});
