// The route split through the real binary, against a strict control service: faults 41–48 of the
// retired scripts, the precedence trap, undo, crash and two operators.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';
import { ADMIN, DOMAINS, USER, refusal, startControlService } from '../lib/control_service.mjs';

const ENV = { OA_ADMIN: ADMIN, OA_USER: USER };

/** Runs `route …` against a service of its own, which must have seen no misdeed. */
async function withService(options, body) {
  const service = await startControlService(options);
  const base = (auth) => ['--base-url', service.base, '--auth', `env:${auth}`, '--json'];
  const route = (args, { auth = 'OA_ADMIN', ...more } = {}) => oa(['route', ...args, ...base(auth)], { env: ENV, ...more });
  try {
    await body(service, route);
    assert.deepEqual(service.violations, []);
  } finally {
    await service.stop();
  }
}
const report = (run) => { try { return run.json(); } catch { throw new Error(`no document: ${run.stdout}${run.stderr}`); } };
function ends(run, code, verdict) {
  assert.equal(run.code, code, `${run.stdout}\n${run.stderr}`);
  const document = report(run);
  if (verdict) assert.equal(document.verdict, verdict, run.stdout);
  return document;
}
const check = (document, id) => document.checks.find((one) => one.id === id);
const journal = (document) => fs.readFileSync(path.join(document.evidence, 'journal.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const memory = (service, n = 0) => ({ global: service.memories[n].global, domains: service.memories[n].domains });

describe('fault 41: every control call carries the compatibility headers', () => {
  test('with enforcement on, looks and writes get through', () => withService({ enforced: true }, async (service, route) => {
    for (const args of [['status'], ['evaluate', '/login'], ['verify'], ['set', 'legacy', '--domain', 'auth_entry', '--apply']]) {
      const run = await route(args);
      assert.equal(run.code, 0, `${args}: ${run.stdout}${run.stderr}`);
    }
    assert.ok(service.calls.length > 10);
    assert.ok(service.calls.every((call) => call.status === 200 && call.headers['x-oa-schema-version'] === '1'));
  }));

  test('outside the window it is refused with the window, before anything is written', () => withService({ window: { minBuild: '20260301T000000Z' } }, async (service, route) => {
    const run = await route(['set', 'legacy', '--apply']);
    assert.equal(run.code, 6, run.stderr);
    assert.match(run.stderr, /426.*upgrade_required.*builds from 20260301T000000Z/);
    assert.equal(service.overrides().length, 0);
    service.violations.length = 0; // that one was ours
    assert.equal((await route(['status', '--compat-build', '20260401T000000Z'])).code, 0);
  }));
});

describe('fault 42: no route change touches the stream lane, and it is said', () => {
  test('a path below /api is a trap, found before anything is written', () => withService({}, async (service, route) => {
    const run = await route(['set', 'legacy', '--path', '/api/chat/stream', '--apply']);
    const document = ends(run, 6, 'FAIL');
    assert.equal(document.traps[0].id, 'pinned');
    assert.equal(document.touches_stream_lane, false);
    assert.equal(service.overrides().length, 0);
  }));

  test('evaluate and every plan name it', () => withService({}, async (service, route) => {
    const pinned = ends(await route(['evaluate', '/api/chat/stream']), 0, 'PASS');
    assert.equal(pinned.decision.reason, 'api_rust_authority');
    assert.match(pinned.notes[0], /does not touch the stream lane/);
    assert.match(ends(await route(['set', 'legacy']), 10, 'PASS').notes.at(-1), /does not touch the stream lane/);
  }));
});

describe('fault 43: overrides live in each process', () => {
  test('a change is spread until five fresh connections in a row agree', () => withService({ processes: 3 }, async (service, route) => {
    const document = ends(await route(['set', 'legacy', '--domain', 'billing_l402', '--apply']), 0, 'PASS');
    for (const n of [0, 1, 2]) assert.deepEqual(memory(service, n), { global: null, domains: { billing_l402: 'legacy' } });
    assert.match(check(document, 'route.set').detail, /5 successive fresh looks agree/);
    const looks = service.calls.slice(service.calls.findLastIndex((call) => call.path.endsWith('/override')) + 1);
    for (const kind of ['/status', '/evaluate']) assert.ok(looks.filter((call) => call.path.endsWith(kind)).length >= 5, `${kind} after the last write`);
    const connections = new Set(service.calls.map((call) => call.connection));
    assert.equal(connections.size, service.calls.length, 'a connection was used twice');
  }));

  test('one process that never keeps an override: restored, exit 7', () => withService({ processes: 2 }, async (service, route) => {
    service.fault((call) => call.process === 1 && call.path.endsWith('/override'), refusal(500, 'internal_error'), 1000);
    const document = ends(await route(['set', 'legacy', '--domain', 'auth_entry', '--apply']), 7);
    assert.deepEqual(memory(service, 0), { global: null, domains: {} });
    assert.equal(document.restored, true);
  }));

  test('processes that disagree are seen, not averaged; a change needs the word', () => withService({ processes: 2, memories: [{}, { domains: { auth_entry: 'legacy' } }] }, async (service, route) => {
    assert.match(check(ends(await route(['status']), 1, 'FAIL'), 'route.memories').detail, /disagree/);
    const verified = ends(await route(['verify']), 1, 'FAIL');
    const left = JSON.parse(fs.readFileSync(path.join(verified.evidence, 'run.json'), 'utf8'));
    assert.match(left.headline, /disagree/);
    assert.equal(left.next, `less ${path.join(verified.evidence, 'report.md')}`);
    assert.deepEqual([left.verdict, left.kind, left.id, left.checks.length], ['FAIL', 'route-verify', verified.run, verified.checks.length]);
    ends(await route(['set', 'rust', '--domain', 'chat_pilot', '--apply']), 6);
    assert.equal(service.overrides().length, 0);
    ends(await route(['clear', '--all', '--apply', '--accept-mixture']), 0);
    for (const n of [0, 1]) assert.deepEqual(memory(service, n), { global: null, domains: {} });
  }));
});

test('one process of many that verify meets late is a FAIL', () => {
  // Of verify: as many looks at the status as must agree, then its own; the eighth connection reaches the other process.
  const options = { processes: 2, memories: [{ domains: { auth_entry: 'legacy' } }, {}], assign: (n) => (n === 7 ? 1 : 0) };
  return withService(options, async (service, route) => {
    const document = ends(await route(['verify', '--path', '/login']), 1, 'FAIL');
    assert.equal(check(document, 'route.memories').verdict, 'PASS');
    assert.match(check(document, 'route.paths').detail, /overrides are none, expected auth_entry legacy/);
  });
});

describe('fault 44: snapshot, apply, verify, restore', () => {
  const before = { global: 'rust_shell', domains: { auth_entry: 'legacy' } };

  test('a failure half way brings back what was found, tags and all, in opposite order', () => withService({ memories: [before] }, async (service, route) => {
    service.fault((call) => call.path.endsWith('/override') && call.json.domain === undefined && call.json.target === 'legacy', refusal(500, 'internal_error'), 1000);
    const document = ends(await route(['set', 'legacy', '--domain', 'chat_pilot', '--domain', 'billing_l402', '--apply']), 0);
    assert.equal(document.exit_code, 0);
    const second = ends(await route(['set', 'legacy', '--partial', '--apply']), 7, 'ERROR');
    assert.deepEqual(memory(service), { global: 'rust_shell', domains: { auth_entry: 'legacy', billing_l402: 'legacy', chat_pilot: 'legacy' } });
    const lines = journal(second);
    assert.deepEqual(lines.map((line) => line.seq), lines.map((_, n) => n + 1));
    assert.equal(lines[0].phase, 'begin');
    assert.deepEqual(lines[0].from.domains, { auth_entry: 'legacy', billing_l402: 'legacy', chat_pilot: 'legacy' });
    assert.equal(lines.at(-1).phase, 'done');
    assert.equal(lines.at(-1).way, 'back');
    assert.ok(lines.findIndex((line) => line.phase === 'intent') < lines.findIndex((line) => line.phase === 'ambiguous'));
  }));

  test('no answer to a write that was carried out: looked at, not repeated', () => withService({}, async (service, route) => {
    service.fault('override', 'lost');
    const document = ends(await route(['set', 'legacy', '--domain', 'auth_entry', '--apply']), 0);
    assert.equal(service.overrides().length, 1);
    assert.deepEqual(journal(document).map((line) => line.phase), ['begin', 'intent', 'ambiguous', 'seen', 'done']);
  }));

  test('no answer to one that was not: looked at, then repeated', () => withService({}, async (service, route) => {
    service.fault('override', 'drop');
    ends(await route(['set', 'legacy', '--domain', 'auth_entry', '--apply']), 0);
    assert.equal(service.overrides().length, 2);
    assert.deepEqual(memory(service).domains, { auth_entry: 'legacy' });
  }));

  test('not restorable: exit 8 and the command that finishes it, which does', () => withService({}, async (service, route) => {
    const state = scratch('state');
    service.fault((call) => call.path.endsWith('/evaluate'), { status: 500, headers: { 'content-type': 'text/html' }, body: '<html>oops</html>' }, 3);
    const trouble = service.fault((call) => call.path.endsWith('/override') && call.json.target === 'clear', 'drop', 1000);
    const run = await route(['set', 'legacy', '--domain', 'auth_entry', '--apply'], { stateDir: state });
    const document = ends(run, 8, 'ERROR');
    assert.equal(document.next, `oa-stream route restore ${document.run} --apply`);
    assert.match(run.stderr, /next: oa-stream route restore/);
    assert.deepEqual(memory(service).domains, { auth_entry: 'legacy' });
    trouble.left = 0;
    const restore = (more) => oa(['route', 'restore', document.run, '--auth', 'env:OA_ADMIN', '--json', ...more], { env: ENV, stateDir: state });
    assert.equal((await restore([])).code, 10);
    const restored = ends(await restore(['--apply']), 0, 'PASS');
    assert.deepEqual(memory(service), { global: null, domains: {} });
    const told = async (id) => (await oa(['cutover', 'status', '--run', id], { stateDir: state })).stdout;
    assert.match(await told(document.run), new RegExp(`ended: brought back: route restore, run ${restored.run}`));
    assert.match(await told(restored.run), new RegExp(`^${restored.run} ended`));
    assert.doesNotMatch(await told(restored.run), /out of sequence/);
    assert.equal((await restore(['--apply'])).code, 0); // once more is no harm
  }));

  test('killed in the middle: the journal and plan suffice to come back', () => withService({ memories: [before] }, async (service) => {
    const state = scratch('state');
    const trouble = service.fault('evaluate', 'hang', 1000);
    const run = new Running(OA_BIN, ['route', 'set', 'legacy', '--domain', 'chat_pilot', '--apply', '--base-url', service.base, '--auth', 'env:OA_ADMIN'], { env: cleanEnv({ ...ENV, HOME: state, OA_STREAM_STATE_DIR: state }) });
    await run.until(() => service.calls.some((call) => call.path.endsWith('/evaluate')), 'an evaluation');
    await run.kill();
    assert.equal(memory(service).domains.chat_pilot, 'legacy');
    const [name] = fs.readdirSync(path.join(state, 'runs'));
    trouble.left = 0;
    const next = `oa-stream route restore ${name} --apply`, there = { stateDir: state };
    const status = await oa(['cutover', 'status'], there);
    assert.equal(status.code, 8, status.stdout);
    assert.match(status.stdout, /open +it died, and routes may not be where they began/);
    assert.ok(status.stderr.trimEnd().endsWith(`next: ${next}`), status.stderr);
    assert.match((await oa(['runs', 'gc', '--keep', '0'], there)).stdout, new RegExp(`^stays +${name} .*${next}`));
    const shown = await oa(['runs', 'show', name], there);
    assert.equal(shown.code, 8, shown.stdout);
    assert.ok(shown.stderr.includes(next), shown.stderr);
    const doctor = (await oa(['doctor', '--json'], there)).json().checks.find(({ id }) => id === `runs.${name}`);
    assert.deepEqual([doctor?.verdict, doctor?.data.mend], ['FAIL', next]);

    // A restore that dies as well: it is the first run that is to be restored, not that one.
    const again = service.fault('evaluate', 'hang', 1000);
    const dying = new Running(OA_BIN, ['route', 'restore', name, '--apply', '--auth', 'env:OA_ADMIN'], { env: cleanEnv({ ...ENV, HOME: state, OA_STREAM_STATE_DIR: state }) });
    const asked = service.calls.length;
    await dying.until(() => service.calls.slice(asked).some((call) => call.path.endsWith('/evaluate')), 'an evaluation');
    await dying.kill();
    again.left = 0;
    const both = (await oa(['cutover', 'status', '--json'], there)).json().runs;
    assert.deepEqual(both.map((one) => [one.state, one.next]), [['died', next], ['died', next]]);

    const back = await oa(['route', 'restore', name, '--apply', '--auth', 'env:OA_ADMIN', '--json'], { env: ENV, stateDir: state });
    ends(back, 0, 'PASS');
    assert.deepEqual(memory(service), before);
    const over = await oa(['cutover', 'status'], there);
    assert.deepEqual([over.code, over.stdout], [0, `no run needs anything in ${state}\n`]);
    // The one that died had written all; this one had only to look.
    assert.match((await oa(['cutover', 'status', '--run', name], there)).stdout, /ended: brought back: route restore found the overrides as they were/);
  }));

  test('interrupted: what was written is taken back, exit 7', () => withService({}, async (service) => {
    const state = scratch('state');
    service.fault('evaluate', 'hang', 1);
    const run = new Running(OA_BIN, ['route', 'set', 'legacy', '--apply', '--timeout', '4s', '--base-url', service.base, '--auth', 'env:OA_ADMIN', '--json'], { env: cleanEnv({ ...ENV, HOME: state, OA_STREAM_STATE_DIR: state }) });
    await run.until(() => service.calls.some((call) => call.path.endsWith('/evaluate')), 'an evaluation');
    run.signal('SIGINT');
    const exit = await run.end();
    assert.equal(exit.code, 7, run.stderr);
    assert.equal(JSON.parse(run.stdout).verdict, 'INCONCLUSIVE');
    assert.deepEqual(memory(service), { global: null, domains: {} });
  }));

  test('two operators: the second is told who holds the lock', () => withService({}, async (service, route) => {
    const state = scratch('state');
    service.fault('evaluate', 'hang', 1);
    const first = new Running(OA_BIN, ['route', 'set', 'legacy', '--apply', '--timeout', '60s', '--base-url', service.base, '--auth', 'env:OA_ADMIN', '--json'], { env: cleanEnv({ ...ENV, HOME: state, OA_STREAM_STATE_DIR: state }) });
    await first.until(() => service.calls.some((call) => call.path.endsWith('/evaluate')), 'an evaluation');
    const writes = service.overrides().length;
    const second = await route(['clear', '--apply'], { stateDir: state });
    assert.equal(second.code, 6, second.stderr);
    assert.match(second.stderr, new RegExp(`${first.pid}`));
    assert.equal(service.overrides().length, writes);
    service.cut();
    assert.equal((await first.end()).code, 0, first.stderr);
  }));

  test('an undo restores what its run wrote, and leaves what others set since', () => withService({}, async (service, route) => {
    const state = scratch('state');
    const set = async (...args) => ends(await route(['set', ...args, '--apply'], { stateDir: state }), 0).run;
    const restore = (run, ...args) => oa(['route', 'restore', run, '--auth', 'env:OA_ADMIN', ...args], { env: ENV, stateDir: state });
    const first = await set('legacy', '--domain', 'billing_l402');
    const second = await set('legacy', '--domain', 'auth_entry');
    const back = await restore(first, '--apply');
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stdout, /overrides: auth_entry legacy, billing_l402 legacy -> auth_entry legacy\n/);
    assert.deepEqual(memory(service).domains, { auth_entry: 'legacy' });

    // The same domain, set otherwise: that change is to be undone first.
    const third = await set('rust', '--domain', 'auth_entry');
    for (const args of [[], ['--apply']]) {
      const refused = await restore(second, ...args);
      assert.equal(refused.code, 6, refused.stdout);
      assert.match(refused.stdout + refused.stderr, /somebody else set auth_entry rust_shell meanwhile: it stays as it is/);
      assert.doesNotMatch(refused.stdout, /^write/m);
    }
    const undone = await oa(['rollback', 'apply', '--run', second], { env: ENV, stateDir: state });
    assert.equal(undone.code, 6, undone.stdout);
    assert.deepEqual(memory(service).domains, { auth_entry: 'rust_shell' });
    assert.equal((await restore(third, '--apply')).code, 0);
    assert.deepEqual(memory(service).domains, { auth_entry: 'legacy' });
    assert.equal((await restore(second, '--apply')).code, 0);
    assert.deepEqual(memory(service).domains, {});
    const status = await oa(['cutover', 'status'], { stateDir: state });
    assert.equal(status.code, 0, status.stdout);
  }));

  test('a run that was undone is not undone twice: the same target, set since, stays', () => withService({}, async (service, route) => {
    const state = scratch('state'), there = { env: ENV, stateDir: state };
    const set = () => route(['set', 'legacy', '--domain', 'billing_l402', '--apply'], { stateDir: state });
    const undo = (run) => oa(['rollback', 'apply', '--run', run, '--json'], there);
    const memories = () => memory(service).domains;
    const first = ends(await set(), 0).run;
    const back = ends(await undo(first), 0).run;
    const second = ends(await set(), 0).run; // as the first, by somebody else
    for (const args of [['route', 'restore', first], ['route', 'restore', first, '--apply'], ['rollback', 'apply', '--run', first]]) {
      const refused = await oa(args, there);
      assert.equal(refused.code, 6, `${args}: ${refused.stdout}${refused.stderr}`);
      assert.match(refused.stderr, new RegExp(`undone already \\(run ${back}\\); somebody else set billing_l402 legacy meanwhile`));
    }
    assert.deepEqual(memories(), { billing_l402: 'legacy' });
    ends(await undo(second), 0);
    assert.deepEqual(memories(), {});
    ends(await undo(first), 0); // as it left it

    // The undo of an undo puts the run in force again.
    ends(await undo(back), 0);
    assert.deepEqual(memories(), { billing_l402: 'legacy' });
    ends(await undo(first), 0);
    assert.deepEqual(memories(), {});
  }));

  test('a run that restored the routes itself is not undone later', () => withService({}, async (service, route) => {
    const state = scratch('state');
    service.fault('evaluate', refusal(500, 'internal_error'), 3);
    const failed = ends(await route(['set', 'legacy', '--domain', 'billing_l402', '--apply'], { stateDir: state }), 7).run;
    ends(await route(['set', 'legacy', '--domain', 'billing_l402', '--apply'], { stateDir: state }), 0);
    const undone = await oa(['rollback', 'apply', '--run', failed], { env: ENV, stateDir: state });
    assert.equal(undone.code, 6, undone.stdout);
    assert.match(undone.stderr, /undone already \(by itself\)/);
    assert.deepEqual(memory(service).domains, { billing_l402: 'legacy' });
  }));

  test('an undo that is left with what others set ends by the commands that are shown', () => withService({ memories: [{ domains: { auth_entry: 'rust_shell', chat_pilot: 'rust_shell' } }] }, async (service, route) => {
    const state = scratch('state'), there = { env: ENV, stateDir: state };
    const cleared = ends(await route(['clear', '--all', '--apply'], { stateDir: state }), 0).run;
    service.memories[0].domains.chat_pilot = 'legacy';
    const open = ends(await oa(['route', 'restore', cleared, '--apply', '--json'], there), 8).run;
    assert.deepEqual(memory(service).domains, { auth_entry: 'rust_shell', chat_pilot: 'legacy' });
    const status = () => oa(['cutover', 'status', '--json'], there);
    const next = ({ stderr }) => / next: oa-stream (.*)\n$/.exec(stderr)[1].split(' ');
    const shown = next(await status());
    assert.deepEqual(shown, ['route', 'restore', cleared, '--apply']);
    const refused = await oa(shown, there);
    assert.equal(refused.code, 6, refused.stdout + refused.stderr);
    assert.deepEqual((await status()).json().runs.map((one) => one.run), [open], 'a try that writes nothing leaves no run');
    const abandon = next(refused);
    assert.deepEqual(abandon, ['cutover', 'abandon', '--run', open]);
    assert.equal((await oa([...abandon, '--apply', '--reason', 'theirs'], there)).code, 0);
    assert.equal((await status()).code, 0);
    assert.deepEqual(memory(service).domains, { auth_entry: 'rust_shell', chat_pilot: 'legacy' });
  }));

  test('somebody else without our lock is not fought: what they set stays', () => withService({}, async (service, route) => {
    service.fault((call) => {
      if (call.path.endsWith('/evaluate')) service.memories[0].domains.billing_l402 = 'elsewhere';
      return false;
    }, 'drop', 1000);
    const run = await route(['set', 'legacy', '--domain', 'billing_l402', '--apply']);
    ends(run, 8);
    assert.match(run.stdout, /somebody else/);
    assert.equal(memory(service).domains.billing_l402, 'elsewhere');
  }));
});

test('fault 45: the domains are those that the service names', () => {
  const domains = [...DOMAINS, { domain: 'labs', route_prefixes: ['/labs'], rollback_target: 'legacy' }];
  return withService({ domains }, async (service, route) => {
    const document = ends(await route(['set', 'rollback', '--domain', 'labs', '--apply']), 0);
    assert.deepEqual(memory(service).domains, { labs: 'legacy' });
    assert.ok(document.effects.some((effect) => effect.domain === 'labs' && effect.after.target === 'legacy'));
    assert.ok(service.calls.some((call) => call.path.endsWith('/evaluate') && call.json.path === '/labs'));
    const wrong = await route(['set', 'rollback', '--domain', 'lab']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /did you mean labs\?/);
  });
});

test('a dry run shows the command that carries it out', () => withService({}, async (service, route) => {
  const dry = await route(['set', 'legacy', '--domain', 'auth_entry', '--fresh', '3']);
  ends(dry, 10);
  assert.match(dry.stderr, new RegExp(`next: oa-stream route set legacy --base-url ${service.base} --auth env:OA_ADMIN --domain auth_entry --apply --fresh 3\n`));
  const next = /next: oa-stream (.*)/.exec(dry.stderr)[1].split(' ');
  assert.equal((await oa(next, { env: ENV })).code, 0);
  assert.deepEqual(memory(service), { global: null, domains: { auth_entry: 'legacy' } });
  assert.doesNotMatch((await route(['set', 'legacy', '--domain', 'auth_entry'])).stderr, /next:/);
}));

describe('fault 46: only the exact answer is an answer', () => {
  for (const [name, answer] of Object.entries({
    500: refusal(500, 'internal_error'),
    404: { status: 404, body: '' },
    502: { status: 502, headers: { 'content-type': 'text/html' }, body: '<html>bad gateway</html>' },
    '200 that is a page': { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>hello</html>' },
    '200 without data': { status: 200, body: { ok: true } },
    '204': { status: 204, body: '' },
  })) {
    test(`${name} never passes for "served by the Rust service"`, () => withService({}, async (service, route) => {
      service.fault('evaluate', answer, 1000);
      const run = await route(['verify']);
      assert.equal(run.code, 4, run.stderr);
      assert.match(run.stderr, /evaluate/);
    }));
  }
});

test('fault 47: looking writes nothing, anywhere', () => withService({}, async (service, route) => {
  for (const args of [['status'], ['evaluate', '/'], ['verify'], ['verify', '--expect', 'rust'], ['set', 'legacy'], ['set', 'rollback', '--domain', 'auth_entry'], ['clear', '--all']]) await route(args);
  const allowed = ['/api/v1/control/route-split/status', '/api/v1/control/route-split/evaluate'];
  assert.deepEqual(service.calls.map((call) => call.path).filter((one) => !allowed.includes(one)), []);
  assert.deepEqual(memory(service), { global: null, domains: {} });
}));

describe('fault 48: any 3xx is a redirect and no answer', () => {
  for (const status of [300, 301, 302, 303, 307, 308]) {
    test(`${status}`, () => withService({}, async (service, route) => {
      service.fault('evaluate', { status, headers: status === 300 ? {} : { location: '/login' }, body: '' }, 1000);
      const run = await route(['evaluate', '/login']);
      assert.equal(run.code, 4);
      assert.match(run.stderr, /redirect/);
    }));
  }
});

describe('the precedence trap', () => {
  test('a global rollback that a domain override outranks is explained and refused, dry or not', () => withService({ memories: [{ domains: { chat_pilot: 'rust_shell' } }] }, async (service, route) => {
    for (const more of [[], ['--apply']]) {
      const run = await route(['set', 'rollback', ...more]);
      const document = ends(run, 6, 'FAIL');
      assert.equal(document.traps[0].id, 'outranked');
      assert.match(check(document, 'route.precedence').detail, /chat_pilot: its own override \(rust_shell\) outranks.*route clear --domain chat_pilot/);
    }
    assert.equal(service.overrides().length, 0);
    ends(await route(['set', 'rollback', '--partial', '--apply']), 0);
    assert.deepEqual(memory(service), { global: 'legacy', domains: { chat_pilot: 'rust_shell' } });
  }));

  test('legacy forced by the environment outranks a global rust, not a domain', () => withService({ split: { forceLegacy: true } }, async (service, route) => {
    assert.equal(ends(await route(['set', 'rust', '--apply']), 6).traps[0].id, 'force-legacy');
    ends(await route(['set', 'rust', '--domain', 'auth_entry', '--apply']), 0);
    ends(await route(['verify', '--expect', 'rust', '--domain', 'auth_entry']), 0);
    ends(await route(['verify', '--expect', 'rust', '--domain', 'billing_l402']), 1, 'FAIL');
  }));

  test('cohorts: whatever the cohort says is accepted, and asked for by key', () => withService({ split: { mode: 'cohort', cohortPercentage: 30 } }, async (service, route) => {
    const one = ends(await route(['evaluate', '/login', '--cohort', 'someone']), 0);
    assert.equal(one.decision.reason, 'mode_cohort');
    assert.equal(typeof one.decision.cohort_bucket, 'number');
    ends(await route(['verify', '--cohort', 'someone']), 0);
  }));
});

describe('refusals', () => {
  test('who may not, may not: 403 and 401 are credentials, nothing is written', () => withService({}, async (service, route) => {
    const user = await route(['set', 'legacy', '--apply'], { auth: 'OA_USER' });
    assert.equal(user.code, 5, user.stderr);
    assert.deepEqual(memory(service), { global: null, domains: {} });
    assert.equal(report(user).mutated, false);
    const nobody = await oa(['route', 'status', '--base-url', service.base, '--auth', 'env:NOBODY', '--json'], { env: { NOBODY: 'another-token-0123456789' } });
    assert.equal(nobody.code, 5);
    assert.equal((await oa(['route', 'status', '--base-url', service.base])).code, 5);
  }));

  test('429 is waited for, as long as the service says', () => withService({}, async (service, route) => {
    service.fault('status', refusal(429, 'rate_limited', 'too many requests, retry in 1 seconds'), 1);
    service.fault('override', refusal(429, 'rate_limited', 'slow down', {}, { 'retry-after': '1' }), 1);
    ends(await route(['set', 'legacy', '--domain', 'auth_entry', '--apply']), 0);
    assert.equal(service.overrides().filter((call) => call.status === 200).length, 1);
  }));

  test('nothing to change is no run', () => withService({ memories: [{ global: 'legacy' }] }, async (service, route) => {
    const document = ends(await route(['set', 'legacy', '--apply']), 0, 'PASS');
    assert.equal(document.changes, false);
    assert.equal(document.run, null);
    assert.equal(service.overrides().length, 0);
  }));

  test('the token stands in no output and no evidence', () => withService({}, async (service, route) => {
    const run = await route(['set', 'legacy', '--domain', 'auth_entry', '--apply']);
    const document = ends(run, 0);
    const files = fs.readdirSync(document.evidence, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    const text = files.map((one) => fs.readFileSync(path.join(one.parentPath ?? one.path, one.name), 'utf8')).join('') + run.stdout + run.stderr;
    assert.ok(text.includes('auth_entry'));
    assert.ok(!text.includes(ADMIN));
    assert.ok(files.some((one) => one.name === 'SHA256SUMS'));
  }));
});
