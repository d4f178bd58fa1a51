// doctor --worker-control: comes to the runtime as a lane would, and names the first thing that fails.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { oa, scratch } from '../lib/process.mjs';
import { startFake } from './fake/fake-runtime.mjs';
import { mint, syncClaims } from './fake/lib/tokens.mjs';
import { World } from './world.mjs';

let fake;
/** What the runtime's clock is ahead, as its answers date themselves. */
let ahead = 0;
before(async () => {
  fake = await startFake({});
  fake.server.prependListener('request', (req, res) => { if (ahead) res.setHeader('date', new Date(Date.now() + ahead).toUTCString()); });
});
beforeEach(() => { ahead = 0; return fetch(`${fake.url}/__fake/reset`, { method: 'POST', body: '{}' }); });
after(() => fake.stop());

const ALL = ['token', 'clock', 'control', 'sync-token', 'khala'];
/** The checks of the worker, by what follows "worker.". */
async function doctor({ token = fake.token, args = [], env = {}, control = fake.url } = {}) {
  const run = await oa(['doctor', '--json', '--worker-control', control, ...args], { env: { OA_STREAM_WORKER_TOKEN: token, ...env } });
  assert.ok(run.stdout, run.stderr);
  assert.ok(!(run.stdout + run.stderr).includes(token) && !/eyJ/.test(run.stdout + run.stderr), 'no token is told');
  return Object.fromEntries(run.json().checks.filter((check) => check.id.startsWith('worker.')).map((check) => [check.id.slice(7), check]));
}
/** This check fails with these words, it says what to do, and nothing behind it was tried. */
function fails(checks, name, said, verdict = 'FAIL') {
  assert.deepEqual(Object.values(checks).filter((check) => check.verdict !== 'PASS').map((check) => check.id), [`worker.${name}`], JSON.stringify(checks, null, 1));
  assert.equal(checks[name].verdict, verdict);
  assert.match(checks[name].detail, said);
  assert.ok(checks[name].data.mend, 'it says what mends it');
  if (verdict === 'FAIL') assert.equal(Object.keys(checks).at(-1), `worker.${name}`.slice(7));
}
const jwt = (life) => mint({ sub: 'user:7', exp: Math.floor(Date.now() / 1000) + life, nonce: crypto.randomUUID() }, { key: 'k', kid: 'session' });
const withToken = (token, run) => { fake.control.addUser(token, { id: '7' }); return run(token); };

for (const wire of ['rust', 'phoenix']) {
  test(`all is well on the ${wire} wire, and no command was sent`, async () => {
    const checks = await doctor({ args: ['--khala-wire', wire] });
    assert.deepEqual(Object.keys(checks), ALL);
    assert.deepEqual(Object.values(checks).filter((check) => check.verdict !== 'PASS'), []);
    assert.deepEqual(fake.log.filter((entry) => entry.rpc), []);
    assert.deepEqual(fake.violations, []);
  });
  test(`it is refused on the ${wire} wire for another topic`, async () => {
    fails(await doctor({ args: ['--khala-wire', wire, '--khala-topic', 'runtime.nonesuch'] }), 'khala', /topic|forbidden/);
  });
}

test('a control service that limits requests was not judged, and it says when to try again', async () => {
  fake.control.faults.push({ method: 'GET', path: '/workers/', status: 429, headers: { 'retry-after': '17' }, times: 1 });
  const checks = await doctor();
  fails(checks, 'control', /^control limits requests$/, 'INCONCLUSIVE');
  assert.match(checks.control.data.mend, /17s/);
});

test('it comes in beside a lane of the same principal', async () => {
  const world = await World.start({ fake });
  try { assert.deepEqual(Object.values(await doctor()).filter((check) => check.verdict !== 'PASS'), []); } finally { await world.leave(); }
});

test('the runtime is down', async () => {
  fails(await doctor({ control: 'http://127.0.0.1:1' }), 'control', /connect|refused/);
});

test('another service answers in place of control', async () => {
  for (const [type, body] of [['text/html', '<html>login</html>'], ['application/json', '[]']]) {
    const other = http.createServer((_, answer) => answer.setHeader('content-type', type).end(body)).listen(0, '127.0.0.1');
    await once(other, 'listening');
    fails(await doctor({ control: `http://127.0.0.1:${other.address().port}` }), 'control', /another service than control answers/);
    other.closeAllConnections();
    other.close();
  }
});

test('the token is refused, or there is none', async () => {
  fails(await doctor({ token: 'of-nobody-0123456789' }), 'control', /refuses the token/);
  for (const [reference, said] of [['env:OA_NOT_SET', /OA_NOT_SET is not set/], ['file:/nonesuch/token', /\/nonesuch\/token: no such secret file/], ['command:/bin/false', /\/bin\/false gave no token/]]) {
    fails(await doctor({ args: ['--worker-auth', reference] }), 'token', said);
  }
});

test('the worker is unknown, stopped, or its desktop is gone', async () => {
  fails(await doctor({ args: ['--worker-id', 'desktopw:nobody'] }), 'control', /does not know the worker desktopw:nobody/);
  const worker = fake.control.workers.get(fake.worker);
  worker.heartbeat = Date.now() - 500_000;
  fails(await doctor(), 'control', /heartbeat is stale/);
  worker.status = 'stopped';
  fails(await doctor(), 'control', /is stopped/);
});

test('the control token ends soon', () => withToken(jwt(90), async (token) => {
  fails(await doctor({ token }), 'token', /lives \d\ds more/, 'INCONCLUSIVE');
}));

test('the control token ended', async () => {
  const checks = await doctor({ token: jwt(-90) });
  assert.equal(checks.token.verdict, 'FAIL');
  assert.match(checks.token.detail, /ended 9\ds ago/);
  assert.match(checks.control.detail, /refuses the token/);
});

test('the clock of the control service is ahead', async () => {
  ahead = 60_000;
  const checks = await doctor();
  fails(checks, 'clock', /clock is (5\d|60)\d{3}ms ahead/, 'INCONCLUSIVE');
  assert.deepEqual(Object.keys(checks), ALL);
});

test('no sync token is minted', async () => {
  fake.control.mintRefusal = { status: 403, times: 1 };
  fails(await doctor(), 'sync-token', /mints no sync token/);
});

test('a sync token of somebody else: it ends soon, or Khala refuses it', async () => {
  const file = path.join(scratch('sync-token'), 'token');
  const give = (life, more = {}) => fs.writeFileSync(file, mint({ ...syncClaims({ id: '7', org: 'user:7', session: 's', device: 'd' }, { scopes: ['runtime.codex_worker_events'], ttl: life, cfg: fake.khala.cfg.sync }), ...more }, fake.khala.cfg.sync), { mode: 0o600 });
  const args = ['--khala-auth', `file:${file}`];
  give(30);
  fails(await doctor({ args }), 'sync-token', /lives (2\d|30)s more/, 'INCONCLUSIVE');
  give(300, { oa_user_id: '7' });
  fails(await doctor({ args }), 'khala', /Khala refuses the token/);
});
