// `smoke control` against a strict control service: what passes, what each fault looks like, and
// that no secret leaves its header.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import { ADMIN, USER, startControlService } from '../lib/control_service.mjs';
import { MANIFEST, minted } from '../lib/control_service_routes.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';

const COOKIE = 'signed-maintenance-cookie-0123456789';
const SESSION = 'session-of-an-edge-0123456789';
const services = [];
const start = async (options) => {
  const service = await startControlService(options);
  services.push(service);
  return service;
};
after(() => Promise.all(services.map((service) => service.stop())));

const smoke = (service, args = [], env = { TOKEN: USER }) =>
  oa(['smoke', 'control', '--base-url', service.base ?? service, '--json', ...(env.TOKEN ? ['--auth', 'env:TOKEN'] : []), ...args], { env });
const checksOf = (run) => Object.fromEntries(run.json().checks.map((check) => [check.id.replace(/^control\./, ''), check]));
const SHELL = ['--profile', 'shell-serving'];
const GONE = ['sync.token-v1', 'sync.token-spacetime'];

/** One fault: the named check fails, says what was expected and seen, and nothing else fails. */
async function fails(service, name, said, args = [], env = undefined) {
  const run = await smoke(service, args, env);
  const checks = checksOf(run);
  assert.equal(checks[name].verdict, 'FAIL', JSON.stringify(checks[name]));
  assert.match(checks[name].detail, said);
  const others = Object.entries(checks).filter(([id, check]) => id !== name && !['PASS', 'SKIPPED'].includes(check.verdict));
  assert.deepEqual(others.map(([id, check]) => `${id}: ${check.detail}`), []);
  assert.equal(run.code, 1);
  return run;
}

for (const layout of ['khala', 'spacetime']) {
  for (const shell of [false, true]) {
    test(`a good service passes: layout ${layout}, profile ${shell ? 'shell-serving' : 'api-only'}`, async () => {
      const service = await start({ others: { layout, shell } });
      const run = await smoke(service, shell ? SHELL : []);
      const checks = checksOf(run);
      assert.equal(run.code, 0, run.stderr + JSON.stringify(Object.values(checks).filter((check) => check.verdict !== 'PASS'), null, 1));
      assert.equal(run.json().verdict, 'PASS');
      const report = fs.readFileSync(path.join(run.json().evidence, 'report.md'), 'utf8');
      assert.ok(report.includes('## Evidence') && !report.includes('oa-stream check'), 'no stream was kept');
      const skipped = Object.entries(checks).filter(([, check]) => check.verdict === 'SKIPPED').map(([id]) => id);
      assert.deepEqual(skipped.filter((id) => !id.startsWith('shell.')), layout === 'khala' ? ['sync.token-spacetime'] : []);
      assert.equal(skipped.some((id) => id.startsWith('shell.')), !shell);
      assert.match(checks[GONE[0]].detail, layout === 'khala' ? /HTTP 200/ : /HTTP 404: removed/);
    });
  }
}

test('a service that limits requests is not a broken one', async () => {
  const run = await smoke(await start({ rate: { most: 3, windowMs: 600000 } }));
  const broken = run.json().checks.filter((check) => !['PASS', 'SKIPPED'].includes(check.verdict));
  assert.deepEqual([...new Set(broken.map((check) => check.verdict))], ['ERROR'], JSON.stringify(broken));
  assert.match(checksOf(run).status.detail, /^the service limits our requests: expected HTTP 200, saw HTTP 429 rate_limited/);
  assert.equal(run.code, 4);
});

test('a limit is said of the answer that met it, and of no other', async () => {
  const limited = () => ({ status: 429, body: '' });
  const head = checksOf(await smoke(await start({ others: { shell: true, edit: { 'HEAD /sw.js': limited } } }), SHELL));
  assert.deepEqual([head['shell.worker-head'].verdict, head['shell.worker-cache'].verdict], ['ERROR', 'PASS']);
  const gone = { 'GET /assets/app-3f9ac2d1e0.js': () => ({ status: 404, body: '' }), 'GET /assets/boot.js': limited };
  const assets = checksOf(await smoke(await start({ others: { shell: true, edit: gone } }), SHELL))['shell.assets'];
  assert.equal(assets.verdict, 'FAIL');
  assert.match(assets.detail, /^\/assets\/app-3f9ac2d1e0\.js: expected HTTP 200, saw HTTP 404/);
});

test('fault 1: an unreachable target is an ERROR of its own class, and the summary is there', async () => {
  const closed = net.createServer();
  await new Promise((done) => { closed.listen(0, '127.0.0.1', done); });
  const base = `http://127.0.0.1:${closed.address().port}`;
  await new Promise((done) => { closed.close(done); });
  const run = await smoke({ base });
  const checks = checksOf(run);
  assert.equal(run.code, 4);
  assert.equal(checks['reach.readyz'].verdict, 'ERROR');
  assert.equal(checks['reach.readyz'].data.outcome, 'refused');
  assert.equal(checks['session.current'].verdict, 'SKIPPED');
  assert.equal(JSON.parse(fs.readFileSync(path.join(run.json().evidence, 'run.json'), 'utf8')).verdict, 'ERROR');
});

test('a base URL with a path: one FAIL that says what to try, and nothing more is asked', async () => {
  const service = await start();
  const run = await smoke({ base: `${service.base}/api/v1` });
  const checks = checksOf(run);
  assert.equal(run.code, 1);
  assert.equal(checks['reach.readyz'].verdict, 'FAIL');
  assert.ok(checks['reach.readyz'].detail.endsWith(`; the base URL has the path /api/v1, and requests add their own: try ${service.base}`), checks['reach.readyz'].detail);
  assert.ok(Object.entries(checks).every(([id, { verdict }]) => id === 'reach.readyz' || verdict === 'SKIPPED'));
  assert.equal(service.calls.length, 1);
});

test('fault 2: no secret stands in a URL, in the report or in the evidence, minted ones included', async () => {
  const service = await start({ others: { maintenance: COOKIE, shell: true } });
  const run = await smoke(service, [...SHELL, '--maintenance-cookie', 'env:COOKIE', '--header', 'Cookie: env:SSO'], { TOKEN: USER, COOKIE, SSO: `sso=${SESSION}` });
  assert.equal(run.code, 0, run.stderr);
  assert.ok(service.calls.every((call) => call.headers.cookie === `sso=${SESSION}; oa_maintenance_bypass=${COOKIE}`), 'the cookies go with every request');
  assert.deepEqual(service.violations.filter((what) => what.includes('credential')), []);
  const files = fs.readdirSync(run.json().evidence, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const told = [run.stdout, run.stderr, ...files.map((file) => fs.readFileSync(path.join(file.parentPath ?? file.path, file.name), 'utf8'))].join('\n');
  assert.ok(files.length > 40, `only ${files.length} files`);
  for (const secret of [USER, COOKIE, SESSION, ...minted]) assert.equal(told.includes(secret), false, `a secret is kept: ${secret.slice(0, 6)}…`);
  assert.ok(minted.length > 0);
  // With the token on the command line nothing is sent at all.
  const refused = await oa(['smoke', 'control', '--base-url', service.base, '--auth', USER]);
  assert.equal(refused.code, 2);
});

test('fault 5: two smokes in one second have folders of their own', async () => {
  const service = await start();
  const first = await smoke(service);
  const runs = await Promise.all([1, 2].map(() => oa(['smoke', 'control', '--base-url', service.base, '--json'], { stateDir: first.stateDir })));
  assert.equal(new Set([first, ...runs].map((run) => run.json().evidence)).size, 3);
});

test('fault 6: evidence is named relative to its folder, with digests', async () => {
  const run = await smoke(await start());
  const { evidence, checks } = run.json();
  const named = checks.flatMap((check) => check.evidence ?? []);
  assert.ok(named.length > 30);
  assert.ok(named.every((file) => !path.isAbsolute(file) && fs.existsSync(path.join(evidence, file))));
  const sums = fs.readFileSync(path.join(evidence, 'SHA256SUMS'), 'utf8');
  assert.ok(named.every((file) => sums.includes(`  ${file}\n`)));
});

test('fault 7: one set of status words, and statuses are numbers', async () => {
  for (const check of (await smoke(await start())).json().checks) {
    assert.ok(['PASS', 'FAIL', 'INCONCLUSIVE', 'ERROR', 'SKIPPED'].includes(check.verdict));
    if (check.verdict !== 'SKIPPED') assert.equal(typeof check.data.status, 'number');
  }
});

test('fault 8: every check that asked keeps its times', async () => {
  const asked = (await smoke(await start())).json().checks.filter((check) => check.verdict !== 'SKIPPED');
  assert.ok(asked.length > 0);
  for (const check of asked) {
    for (const name of ['connect_s', 'headers_s', 'end_s']) assert.equal(typeof check.data[name], 'number', `${check.id}: ${name}`);
    assert.ok(check.data.connect_s <= check.data.headers_s && check.data.headers_s <= check.data.end_s, check.id);
  }
});

test('fault 9: a failed check, bad input, a lost target and a refused token have codes of their own', async () => {
  const service = await start();
  service.fault('readyz', { status: 500, body: {} });
  assert.equal((await smoke(service)).code, 1);
  assert.equal((await smoke(service, ['--profile', 'both'])).code, 2);
  const refused = await smoke(service, [], { TOKEN: 'nobody-knows-this-token' });
  assert.equal(refused.code, 5);
  assert.equal(checksOf(refused)['status'].data.outcome, 'unauthorised');
});

test('an edge that answers a refused token with 403 is one refused credential, not a breach', async () => {
  const edit = { 'GET /api/v1/control/status': (answer, call) => (call.who ? { status: 403, body: '' } : answer) };
  const run = await smoke(await start({ others: { edit } }));
  const checks = checksOf(run);
  assert.deepEqual([checks.status.verdict, checks.status.data.outcome], ['ERROR', 'unauthorised']);
  assert.match(checks.status.detail, /^the target refused the token: HTTP 403/);
  assert.equal(run.code, 5);
});

test('fault 10: a signal ends the smoke at once, with a summary that says so', async () => {
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) {
    const service = await start();
    service.fault((call) => call.path === '/api/auth/session' && call.who === 'user', 'hang');
    const stateDir = scratch('state');
    const run = new Running(OA_BIN, ['smoke', 'control', '--base-url', service.base, '--auth', 'env:TOKEN', '--json'], { env: cleanEnv({ TOKEN: USER, OA_STREAM_STATE_DIR: stateDir }) });
    await run.until(() => service.calls.some((call) => call.path === '/api/auth/session' && call.headers.authorization), 'the hanging call');
    run.signal(signal);
    assert.equal((await run.end()).code, code);
    const document = JSON.parse(run.stdout);
    assert.equal(document.verdict, 'INCONCLUSIVE');
    const kept = JSON.parse(fs.readFileSync(path.join(document.evidence, 'run.json'), 'utf8'));
    assert.equal(kept.exit_code, code);
    assert.ok(kept.checks.some((check) => check.verdict === 'PASS'), 'what was found is kept');
  }
});

test('fault 11: connecting, the first byte and the whole have limits, and a silent target ends soon', async () => {
  const service = await start();
  service.fault(() => true, 'hang', 1000);
  const began = Date.now();
  const run = await smoke(service, ['--first-byte', '300ms']);
  assert.equal(run.code, 1);
  assert.equal(checksOf(run)['reach.readyz'].data.outcome, 'first_byte_timeout');
  assert.equal(service.calls.length, 2, 'a target that is silent twice is not asked again');
  assert.ok(Date.now() - began < 20000);
});

test('a target whose answers fall silent, or never end, is not asked again after two', async () => {
  for (const [limit, more] of [['--stall', () => {}], ['--timeout', (socket) => {
    const timer = setInterval(() => socket.write(' '), 50);
    socket.on('close', () => clearInterval(timer));
  }]]) {
    let asked = 0;
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        asked += 1;
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{');
        more(socket);
      });
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const run = await smoke(`http://127.0.0.1:${server.address().port}`, [limit, '300ms']);
    server.close();
    assert.equal(run.code, 1, run.stderr);
    assert.equal(asked, 2, limit);
    assert.equal(checksOf(run).status.detail, 'the target does not answer in time');
  }
});

test('fault 12: a read is asked again once and on record, a write never', async () => {
  const service = await start();
  service.fault((call) => call.path === '/api/auth/session' && call.who === 'user', 'drop');
  service.fault((call) => call.path === '/api/sync/token' && call.who === 'user', 'drop');
  const run = await smoke(service);
  const checks = checksOf(run);
  assert.equal(checks['session.current'].verdict, 'PASS');
  assert.equal(checks['session.current'].data.attempts, 2);
  assert.match(checks['session.current'].detail, /asked twice/);
  assert.equal(checks['sync.token'].verdict, 'FAIL');
  assert.equal(checks['sync.token'].data.attempts, 1);
  assert.equal(service.calls.filter((call) => call.path === '/api/sync/token' && call.json?.scopes[0] === 'runtime.codex_worker_events' && call.headers.authorization).length, 1);
});

for (const [name, call] of [['session.current', 'GET /api/auth/session'], ['session.v1', 'GET /api/v1/auth/session'], ['sync.token', 'POST /api/sync/token'], ['status', 'GET /api/v1/control/status']]) {
  test(`fault 69: a redirect is never green: ${call}`, async () => {
    const edit = { [call]: (answer, asked) => (asked.who && answer?.status === 200 ? { status: 302, headers: { location: '/login?token=abc' }, body: '' } : answer) };
    const service = await start({ others: { edit } });
    const run = await fails(service, name, /expected HTTP 200, saw HTTP 302 to \/login$/);
    assert.equal(service.calls.some((asked) => asked.path === '/login'), false, 'it was followed');
    assert.equal(checksOf(run)[name].data.outcome, 'redirect');
  });
}

test('fault 69: 300, 303, 307 and 308 count as redirects, with or without a location', async () => {
  for (const status of [300, 303, 307, 308]) {
    const service = await start({ others: { edit: { 'GET /readyz': () => ({ status, body: '' }) } } });
    await fails(service, 'reach.readyz', new RegExp(`expected HTTP 200, saw HTTP ${status} to nowhere`));
  }
});

const without = (member) => (answer, call) => {
  if (answer?.status !== 200 || !call.who) return answer;
  const body = structuredClone(answer.body);
  const [parent, last] = [member.slice(0, -1).reduce((at, key) => at[key], body), member.at(-1)];
  delete parent[last];
  return { ...answer, body };
};
const SHAPES = [
  ['session.current', 'GET /api/auth/session', ['data', 'session', 'sessionId']],
  ['session.current', 'GET /api/auth/session', ['data', 'user']],
  ['sync.token', 'POST /api/sync/token', ['data', 'token']],
  ['sync.token', 'POST /api/sync/token', ['data', 'kid']],
  ['status', 'GET /api/v1/control/status', ['data', 'compatibility', 'minClientBuildId']],
  ['status', 'GET /api/v1/control/status', ['data', 'routeSplit', 'mode']],
  ['policy.authorize', 'POST /api/policy/authorize', ['data']],
];
for (const [name, call, member] of SHAPES) {
  test(`fault 70: a 200 without ${member.join('.')} fails, and says what was expected and seen`, async () => {
    const service = await start({ others: { layout: 'spacetime', edit: { [call]: without(member) } } });
    await fails(service, name, new RegExp(`${member.slice(0, 2).join('\\.')}.*expected .*, saw nothing`));
  });
}

test('fault 70: a 200 with an error page fails', async () => {
  const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Something went wrong</h1>' };
  await fails(await start({ others: { edit: { 'GET /healthz': () => page } } }), 'reach.healthz', /expected application\/json, saw text\/html/);
  await fails(await start({ others: { edit: { 'GET /readyz': () => ({ ...page, headers: { 'content-type': 'application/json' } }) } } }), 'reach.readyz', /expected JSON, saw <h1>/);
});

test('fault 70: a session that is over and a token that lives too long fail', async () => {
  const change = (edit) => (answer, call) => (call.who ? { ...answer, body: edit(structuredClone(answer.body)) } : answer);
  const over = change((body) => ({ data: { ...body.data, session: { ...body.data.session, reauthRequired: true } } }));
  await fails(await start({ others: { edit: { 'GET /api/auth/session': over } } }), 'session.current', /reauthRequired: expected false, saw true/);
  const other = change((body) => ({ data: { ...body.data, session: { ...body.data.session, sessionId: 'sess_other' } } }));
  await fails(await start({ others: { edit: { 'GET /api/v1/auth/session': other } } }), 'session.v1', /expected that of \/api\/auth\/session, saw another/);
  const long = (answer) => (answer.status === 200 ? { ...answer, body: { data: { ...answer.body.data, expires_in: 86400 } } } : answer);
  await fails(await start({ others: { edit: { 'POST /api/sync/token': long } } }), 'sync.token', /expires_in: expected 60 to 900, saw 86400/);
});

test('fault 71: /healthz is a check: required of the service, told at the edge', async () => {
  const broken = { edit: { 'GET /healthz': (answer, call) => call.refuse(503, 'service_unavailable') } };
  await fails(await start({ others: broken }), 'reach.healthz', /expected HTTP 200, saw HTTP 503 service_unavailable/);
  const gone = { shell: true, edit: { 'GET /healthz': () => ({ status: 404, headers: { 'content-type': 'text/html' }, body: 'not found' }) } };
  await fails(await start({ others: { ...gone, shell: false } }), 'reach.healthz', /expected HTTP 200, saw HTTP 404/);
  const edge = await smoke(await start({ others: gone }), SHELL);
  assert.equal(edge.code, 0, edge.stderr);
  assert.match(checksOf(edge)['reach.healthz'].detail, /the edge keeps \/healthz for itself/);
});

test('fault 72: a service without a web shell passes as api-only and fails as shell-serving', async () => {
  const service = await start();
  assert.equal((await smoke(service)).code, 0);
  const run = await smoke(service, SHELL);
  assert.equal(run.code, 1);
  assert.match(checksOf(run)['shell.manifest'].detail, /expected HTTP 200, saw HTTP 404/);
  assert.equal(checksOf(run)['shell.worker'].verdict, 'FAIL');
});

test('fault 73: without a token half is SKIPPED, the verdict says so, and it is not PASS', async () => {
  const run = await smoke(await start(), [], {});
  const checks = checksOf(run);
  assert.equal(run.code, 3);
  assert.equal(run.json().verdict, 'INCONCLUSIVE');
  for (const name of ['status', 'session.current', 'session.v1', 'sync.token', 'route-split.status']) {
    assert.equal(checks[name].verdict, 'SKIPPED');
    assert.equal(checks[name].required, true);
    assert.match(checks[name].detail, /no token was given/);
    assert.equal(checks[name].data.outcome, 'no_token');
  }
  assert.match(run.json().next, / --auth env:NAME/);
  assert.match(run.stderr, /^INCONCLUSIVE run /m);
  assert.match(run.json().headline, /no token was given/);
});

test('fault 74: every failed assertion says what it expected and what it saw', async () => {
  await fails(await start({ others: { shell: true, manifest: { ...MANIFEST, manifestVersion: 'openagents.webshell.v1' } } }), 'shell.manifest', /manifestVersion: expected "openagents\.webshell\.v2", saw "openagents\.webshell\.v1"/, SHELL);
  const minting = { 'POST /api/v1/sync/token': (answer, call) => call.ok({}) };
  await fails(await start({ others: { layout: 'spacetime', edit: minting } }), 'sync.token-v1', /expected HTTP 404, saw HTTP 200/);
  const still = { 'POST /api/spacetime/token': (answer, call) => call.ok({}) };
  await fails(await start({ others: { layout: 'spacetime', edit: still } }), 'sync.token-spacetime', /expected HTTP 404, saw HTTP 200/);
  const missing = { 'POST /api/v1/sync/token': (answer, call) => call.refuse(404, 'not_found') };
  await fails(await start({ others: { edit: missing } }), 'sync.token-v1', /expected HTTP 200, saw HTTP 404 not_found .*--layout spacetime/);
});

test('fault 75: a manifest of half a megabyte is read whole', async () => {
  const big = { padding: 'x'.repeat(500000), ...MANIFEST };
  const run = await smoke(await start({ others: { shell: true, manifest: big } }), SHELL);
  assert.equal(run.code, 0, run.stderr);
  // And an endless one is not.
  const endless = await smoke(await start({ others: { shell: true, manifest: 'x'.repeat(6 << 20) } }), SHELL);
  const manifest = checksOf(endless)['shell.manifest'];
  assert.match(manifest.detail, /too_large/);
  assert.ok(manifest.data.bytes > 3 << 20 && manifest.data.bytes <= 4 << 20, String(manifest.data.bytes));
  // Its beginning is kept.
  const [, body] = manifest.evidence.map((file) => path.join(endless.json().evidence, file));
  assert.match(body, /\.beginning\.body$/);
  assert.equal(fs.statSync(body).size, 64 << 10);
});

test('fault 76: the manifest is parsed: nested, reordered, with every script looked at', async () => {
  const service = await start({ others: { shell: true } });
  const run = await smoke(service, SHELL);
  assert.match(checksOf(run)['shell.assets'].detail, /2 of 2 scripts/);
  for (const script of ['/assets/app-3f9ac2d1e0.js', '/assets/boot.js']) {
    assert.deepEqual(service.calls.filter((call) => call.path === script).map((call) => call.method), ['GET', 'HEAD']);
  }
  // A "js" inside a text is not a script, the second of a list is.
  const tricky = { note: '"js": "assets/none.js"', a: { b: [{ js: ['assets/boot.js', 'assets/gone.js'] }] }, manifestVersion: MANIFEST.manifestVersion };
  await fails(await start({ others: { shell: true, manifest: tricky } }), 'shell.assets', /\/assets\/gone\.js: expected HTTP 200, saw HTTP 404/, SHELL);
  const foreign = { js: 'https://cdn.example.org/app.js', manifestVersion: MANIFEST.manifestVersion };
  const elsewhere = checksOf(await smoke(await start({ others: { shell: true, manifest: foreign } }), SHELL));
  assert.match(elsewhere['shell.assets'].detail, /expected scripts of this service/);
  assert.deepEqual([elsewhere['shell.assets-cache'].verdict, elsewhere['shell.assets-cache'].detail], ['SKIPPED', 'no script was there']);
});

/** A service whose manifest names that many scripts, all of them there. */
const shellOf = (count) => {
  const script = () => ({ status: 200, headers: { 'content-type': 'text/javascript', 'cache-control': 'public, max-age=60' }, body: 'export const a = 1;\n' });
  const js = Array.from({ length: count }, (_, n) => `assets/c${n + 1}.js`);
  const edit = Object.fromEntries(js.flatMap((file) => ['GET', 'HEAD'].map((method) => [`${method} /${file}`, script])));
  return { shell: true, edit, manifest: { js, manifestVersion: MANIFEST.manifestVersion } };
};

test('every script of a large shell is asked for; what holds for a part of them is not PASS', async () => {
  const others = shellOf(40);
  delete others.edit['GET /assets/c40.js'];
  await fails(await start({ others }), 'shell.assets', /^\/assets\/c40\.js: expected HTTP 200, saw HTTP 404/, SHELL);
  const run = await smoke(await start({ others: shellOf(1001) }), [...SHELL, '--no-probes']);
  for (const name of ['shell.assets', 'shell.assets-cache']) {
    const { verdict, detail } = checksOf(run)[name];
    assert.deepEqual([verdict, detail], ['INCONCLUSIVE', '1000 of 1001 scripts looked at']);
  }
});

const header = (name, value) => (answer) => ({ ...answer, headers: { ...answer.headers, [name]: value } });
const CACHES = [
  ['shell.manifest-cache', '/manifest.json', 'public, max-age=60', /expected no-cache, saw "public, max-age=60"/],
  ['shell.worker-cache', '/sw.js', 'no-cached', /expected no-cache, saw "no-cached"/],
  ['shell.assets-cache', '/assets/app-3f9ac2d1e0.js', 'public, max-age=60', /expected immutable and a max-age of a year/],
  ['shell.assets-cache', '/assets/app-3f9ac2d1e0.js', 'public, max-age=31536000', /expected immutable and a max-age of a year/],
  ['shell.assets-cache', '/assets/app-3f9ac2d1e0.js', 'public, immutable', /expected immutable and a max-age of a year/],
  ['shell.assets-cache', '/assets/boot.js', 'public, max-age=31536000, immutable', /expected a max-age and not immutable/],
];
for (const [name, file, value, said] of CACHES) {
  test(`cache headers: ${file} with ${value} fails ${name}`, async () => {
    const edit = { [`GET ${file}`]: header('cache-control', value), [`HEAD ${file}`]: header('cache-control', value) };
    await fails(await start({ others: { shell: true, edit } }), name, said, SHELL);
  });
}

test('a playbook names the header of the revision, also for the control smoke', async () => {
  const edit = { 'GET /api/v1/control/status': (answer) => ({ ...answer, headers: { ...answer.headers, 'x-served-by': 'blue' } }) };
  const service = await start({ others: { edit } });
  const file = path.join(scratch('revision-header'), 'own.yaml');
  const shipped = fs.readFileSync(new URL('../../../playbooks/smoke-control.yaml', import.meta.url), 'utf8');
  fs.writeFileSync(file, shipped.replace('target:\n', 'target:\n  revision_header: x-served-by\n'));
  const run = await oa(['verify', file, '--set', `base_url=${service.base}`, '--json'], { env: { AUTH_TOKEN: USER } });
  assert.equal(run.json().checks.find((check) => check.id.endsWith('control.status')).data.revision, 'blue', run.stderr);
});

test('HEAD must say what GET says', async () => {
  const edit = { 'HEAD /sw.js': header('content-length', '7') };
  await fails(await start({ others: { shell: true, edit } }), 'shell.worker-head', /expected content-length \d+, saw "7"/, SHELL);
  const not = { 'HEAD /assets/boot.js': () => ({ status: 405, body: '' }) };
  await fails(await start({ others: { shell: true, edit: not } }), 'shell.assets-head', /expected HTTP 200, saw HTTP 405/, SHELL);
});

test('a page in place of a script is not a script', async () => {
  const edit = { 'GET /assets/boot.js': (answer) => ({ ...answer, body: '<!doctype html>' }), 'HEAD /assets/boot.js': (answer) => ({ ...answer, headers: { ...answer.headers, 'content-length': '15' } }) };
  await fails(await start({ others: { shell: true, edit } }), 'shell.assets', /expected a script, saw "<!doctype html>"/, SHELL);
});

const OPEN = [
  ['anonymous.session', 'GET /api/auth/session', (answer, call) => (call.who ? answer : call.ok({}))],
  ['anonymous.sync-token', 'POST /api/sync/token', (answer, call) => (call.who ? answer : call.refuse(403, 'forbidden'))],
  ['anonymous.session-v1', 'GET /api/v1/auth/session', (answer, call) => (call.who ? answer : { status: 401, body: 'Unauthorized' })],
];
for (const [name, call, edit] of OPEN) {
  test(`without a token exactly 401 with the envelope: ${call}`, async () => {
    await fails(await start({ others: { layout: 'spacetime', edit: { [call]: edit } } }), name, /expected HTTP 401|not JSON/);
  });
}

test('compatibility headers go with every control call, and their window is judged', async () => {
  const service = await start();
  const run = await smoke(service);
  assert.match(checksOf(run)['compat.missing'].detail, /426 invalid_client_build/);
  const bare = service.calls.filter((call) => call.path.startsWith('/api/') && !call.headers['x-oa-client-build-id']);
  assert.equal(bare.length, 1, 'one call leaves them out: the one that shows they are demanded');
  const optional = await smoke(await start({ enforced: false }));
  assert.equal(optional.code, 0);
  assert.match(checksOf(optional)['compat.missing'].detail, /not enforced/);
  const old = await smoke(service, ['--compat-build', '20200101T000000Z']);
  assert.equal(old.code, 1);
  assert.match(checksOf(old)['status'].detail, /426 upgrade_required.*--compat-build/);
});

test('a route is evaluated as the status says', async () => {
  const legacy = { 'POST /api/v1/control/route-split/evaluate': (answer, call) => (call.who && call.json.path === '/login' ? call.ok({ path: '/login', target: 'legacy', reason: 'mode_rust', route_domain: 'auth_entry', cohort_key: 'k' }) : undefined) };
  await fails(await start({ others: { edit: legacy } }), 'route-split.evaluate.login', /data\.target: expected rust_shell, saw "legacy"/);
  // After a rollback legacy is what the status says, too.
  const back = await smoke(await start({ memories: [{ global: 'legacy', domains: {}, htmx: {} }] }));
  assert.equal(back.code, 0, back.stderr);
  assert.match(checksOf(back)['route-split.evaluate.login'].detail, /\/login goes to legacy: runtime_override/);
  // A process that did not take the override.
  const stuck = { 'POST /api/v1/control/route-split/evaluate': (answer, call) => (call.who && call.json.path === '/login' ? call.ok({ path: '/login', target: 'rust_shell', reason: 'mode_rust', route_domain: 'auth_entry', cohort_key: 'k' }) : undefined) };
  for (const [settings, rule] of [
    [{ memories: [{ global: 'legacy', domains: {}, htmx: {} }] }, 'runtime_override'],
    [{ memories: [{ global: null, domains: { auth_entry: 'legacy' }, htmx: {} }] }, 'domain_override'],
    [{ split: { forceLegacy: true } }, 'force_legacy'],
    [{ split: { enabled: false } }, 'route_split_disabled'],
    [{ split: { mode: 'cohort', cohortPercentage: 0 } }, 'mode_cohort'],
  ]) {
    await fails(await start({ ...settings, others: { edit: stuck } }), 'route-split.evaluate.login', new RegExp(`data\\.target: expected legacy, saw "rust_shell"; the status says legacy \\(${rule}\\)$`));
  }
  // Whose cohort decides is not known from outside.
  assert.equal((await smoke(await start({ split: { mode: 'cohort', cohortPercentage: 50 }, others: { edit: stuck } }))).code, 0);
});

test('a percentage beyond every integer fails its check, and no more', async () => {
  const huge = (answer) => {
    if (answer.body.data) answer.body.data.routeSplit.cohort_percentage = 2 ** 63;
    return answer;
  };
  const service = await start({ others: { edit: { 'GET /api/v1/control/status': huge } } });
  await fails(service, 'status', /cohort_percentage: expected 0 to 100, saw 92233720368547/);
});

test('a route split that the control status tells of must be there', async () => {
  const gone = Object.fromEntries([['GET', 'status'], ['POST', 'evaluate']].map(([method, name]) => [`${method} /api/v1/control/route-split/${name}`, (answer, call) => (call.who ? call.refuse(404, 'not_found') : undefined)]));
  const run = await smoke(await start({ others: { edit: gone } }));
  assert.equal(run.code, 1);
  assert.match(checksOf(run)['route-split.status'].detail, /expected HTTP 200, saw HTTP 404 not_found/);
  const none = { ...gone, 'GET /api/v1/control/status': without(['data', 'routeSplit', 'route_groups']) };
  const other = await smoke(await start({ others: { edit: none } }));
  assert.equal(other.code, 0, other.stderr);
  assert.match(checksOf(other)['route-split.evaluate.login'].detail, /no route split here/);
});

test('maintenance mode is named', async () => {
  const run = await smoke(await start({ others: { maintenance: COOKIE } }));
  assert.equal(run.code, 1);
  assert.match(checksOf(run)['session.current'].detail, /HTTP 503 with a page: maintenance mode \(--maintenance-cookie/);
});

test('--no-probes sends GETs alone and is never PASS', async () => {
  const service = await start({ others: { shell: true } });
  const run = await smoke(service, [...SHELL, '--no-probes']);
  assert.equal(run.code, 3);
  assert.deepEqual([...new Set(service.calls.map((call) => call.method))], ['GET']);
  assert.equal(checksOf(run)['shell.manifest-cache'].verdict, 'PASS');
  assert.match(checksOf(run)['sync.token'].detail, /only GETs were asked for/);
});

test('the smoke changes nothing: no override, no mail', async () => {
  const service = await start();
  await smoke(service, [], { TOKEN: ADMIN });
  assert.deepEqual(service.overrides(), []);
  const mails = service.calls.filter((call) => call.path === '/api/auth/email');
  assert.ok(mails.length > 0 && mails.every((call) => call.json.email === ''));
  assert.deepEqual(service.violations.filter((what) => !what.includes('compatibility')), []);
});
