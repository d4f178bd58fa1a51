// Reaching a target that asks who comes: an authority of its own, a client certificate, headers, and
// tokens that are renewed while a run lasts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { ADMIN, startControlService } from '../lib/control_service.mjs';
import { LocalTarget, PLAYBOOK } from '../lib/local_target.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';

const KEY = 'planted-gate-key-8642-abcdef';
const folder = scratch('access');
const file = (name) => path.join(folder, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
function certificate(name, extension) {
  openssl('req', ...EC, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  fs.writeFileSync(file(`${name}.ext`), extension);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`);
}
/** Hands everything on to `base`; `check` may answer with a status of its own. */
function door(base, check, tls = null) {
  const handle = (request, response) => {
    const status = check(request);
    if (status) return response.writeHead(status).end();
    const on = http.request(base + request.url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    on.on('error', () => response.destroy());
    response.on('close', () => on.destroy());
    return request.pipe(on);
  };
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(Object.assign(server, { base: `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}` }))));
}
const close = (server) => { server.closeAllConnections(); server.close(); };

/** Of a door that asks for our client certificate. */
const STRICT = () => ({ key: fs.readFileSync(file('server.key')), cert: fs.readFileSync(file('server.pem')), ca: fs.readFileSync(file('ca.pem')), requestCert: true, rejectUnauthorized: false });

let target, gate, metadata, calls = [];
before(async () => {
  openssl('req', '-x509', ...EC, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test CA');
  certificate('server', 'subjectAltName=IP:127.0.0.1\n');
  certificate('client', 'extendedKeyUsage=clientAuth\n');
  fs.writeFileSync(file('both.pem'), fs.readFileSync(file('client.pem'), 'utf8') + fs.readFileSync(file('client.key'), 'utf8'));
  target = await LocalTarget.start();
  gate = await door(target.base, (request) => {
    calls.push(request.headers);
    return request.socket.authorized && request.headers['x-gate-key'] === KEY ? null : 403;
  }, STRICT());
  metadata = http.createServer((request, response) => {
    const good = request.headers['metadata-flavor'] === 'Google';
    const identity = request.url.includes('/identity?audience=');
    const token = `ey.${Buffer.from(JSON.stringify({ aud: decodeURIComponent(request.url.split('audience=')[1] ?? ''), exp: Math.floor(Date.now() / 1000) + 3600 })).toString('base64url')}.s`;
    response.writeHead(good ? 200 : 403).end(identity ? token : JSON.stringify({ access_token: 'metadata-token-0123456789', expires_in: 3599 }));
  });
  await new Promise((done) => metadata.listen(0, '127.0.0.1', done));
});
after(() => {
  close(gate);
  close(metadata);
  return target.stop();
});
beforeEach(() => { calls = []; });

const ACCESS = () => ['--ca', file('ca.pem'), '--cert', file('client.pem'), '--key', file('client.key'), '--header', 'X-Gate-Key: env:GATE_KEY', '--header', 'X-Team: chat'];
const smoke = (args, env = { GATE_KEY: KEY }) => oa(['smoke', 'stream', '--base-url', gate.base, '--json', ...args], { env, ms: 120000 });

test('a certificate of an authority that is not trusted here: each command names the option for it', async () => {
  for (const words of [['smoke', 'stream'], ['smoke', 'completions'], ['smoke', 'control'], ['load', '--rate', '5/s', '--duration', '1s'], ['shadow', '--against', gate.base, '--prompt', 'hi', '--runs', '1'], ['slo', 'gate', 'bad<=1%'], ['watch', '--once']]) {
    const got = await oa([...words, words[0] === 'slo' ? '--prometheus' : '--base-url', gate.base]);
    assert.equal(got.code, 4, got.stderr);
    if (words[0] !== 'watch') assert.match(got.stdout, /certificate in certificate chain; if its certificate is your own authority's, trust that with --ca FILE\n/, words.join(' '));
    assert.match(got.stderr, new RegExp(` next: oa-stream ${words[0]} .*--ca FILE\\b`), words.join(' '));
  }
  const plain = await oa(['smoke', 'stream', '--base-url', target.base.replace('http:', 'https:')]);
  assert.match(plain.stdout, /; no TLS is spoken there: try http:\/\/\n/);
  assert.match(plain.stderr, / next: oa-stream smoke stream --base-url \S+\n$/, 'fewer requests show no more');
});

test('an authority, a client certificate and headers bring a smoke through a strict door', async () => {
  const end = await smoke(ACCESS());
  assert.equal(end.code, 0, end.stderr);
  assert.equal(end.json().verdict, 'PASS');
  assert.ok(calls.length > 5 && calls.every((headers) => headers['x-team'] === 'chat'));
  for (const name of fs.readdirSync(end.json().evidence, { recursive: true })) {
    const one = path.join(end.json().evidence, name);
    if (fs.statSync(one).isFile()) assert.ok(!fs.readFileSync(one, 'utf8').includes(KEY), `${name} has the key`);
  }
  const one = await smoke(['--ca', file('ca.pem'), '--cert', file('both.pem'), '--header', 'X-Gate-Key: env:GATE_KEY', '--no-probes']);
  assert.notEqual(one.code, 4, 'the key may stand in the certificate');

  const untrusted = await smoke(ACCESS().slice(2));
  assert.notEqual(untrusted.code, 0);
  assert.match(JSON.stringify(untrusted.json().checks), /tls/i);
  const variable = await smoke(ACCESS().slice(2), { GATE_KEY: KEY, SSL_CERT_FILE: file('ca.pem') });
  assert.equal(variable.code, 0, 'SSL_CERT_FILE is honoured');
  const nobody = await smoke(['--ca', file('ca.pem'), '--header', 'X-Gate-Key: env:GATE_KEY']);
  assert.equal(nobody.json().verdict, 'FAIL', 'without a certificate the door stays shut');
});

test('a key without its certificate is refused before the first request', async () => {
  const door = ['--base-url', gate.base];
  for (const words of [['smoke', 'stream', ...door], ['load', '--rate', '5/s', '--duration', '1s', ...door], ['watch', '--once', ...door], ['route', 'status', ...door, '--auth', 'env:GATE_KEY'], ['slo', 'gate', 'bad<=1%', '--prometheus', gate.base], ['verify', '--set', `base_url=${gate.base}`]]) {
    const end = await oa([...words, '--ca', file('ca.pem'), '--key', file('client.key')], { env: { GATE_KEY: KEY } });
    assert.equal(end.code, 2, `${words.join(' ')}: ${end.stderr}`);
    assert.match(end.stderr, /(--|target\.)key: a key needs its certificate \(add (--cert FILE|cert)\)/);
  }
  assert.deepEqual(calls, []);
});

test('a file for TLS that cannot be used is refused by its name before the first request', async () => {
  const door = ['--base-url', gate.base], none = file('nonesuch.pem');
  const commands = [['smoke', 'stream', ...door], ['smoke', 'completions', ...door], ['smoke', 'control', ...door], ['load', '--rate', '5/s', '--duration', '1s', ...door], ['shadow', '--against', gate.base, '--prompt', 'hi', '--runs', '1', ...door], ['watch', '--once', ...door], ['route', 'status', ...door, '--auth', 'env:GATE_KEY'], ['slo', 'gate', 'bad<=1%', '--prometheus', gate.base], ['verify', '--set', `base_url=${gate.base}`]];
  const refused = async (words, name, why) => {
    const state = scratch('tls-files');
    const end = await oa(words, { env: { GATE_KEY: KEY }, stateDir: state });
    assert.equal(end.code, 2, `${words.join(' ')}: ${end.stdout}${end.stderr}`);
    assert.ok(end.stderr.startsWith(`oa-stream: ${name}: ${why}`), end.stderr);
    assert.ok(!fs.existsSync(path.join(state, 'runs')), words.join(' '));
  };
  for (const words of commands) await refused([...words, '--ca', none], none, 'cannot read: No such file or directory');
  const [smoke] = commands;
  await refused([...smoke, '--ca', file('ca.pem'), '--cert', none], none, 'cannot read');
  await refused([...smoke, '--ca', file('client.key')], file('client.key'), 'there is no certificate (PEM) in it');
  await refused([...smoke, '--cert', file('client.pem'), '--key', file('client.pem')], file('client.pem'), 'there is no private key (PEM) in it');
  await refused(['verify', '--set', `base_url=${gate.base}`, '--set', `ca=${none}`], none, 'cannot read');
  assert.deepEqual(calls, []);
});

test('a header that is none, or whose secret is missing, is refused before the first request', async () => {
  for (const [header, code, why] of [['no colon', 2, /is not a header/], ['Bad Name: x', 2, /is not a header/], ['X-Key: env:OA_NOT_SET', 5, /OA_NOT_SET/], ['X-Key: file:/nonexistent/key', 5, /nonexistent/]]) {
    const end = await smoke(['--header', header]);
    assert.equal(end.code, code, `${header}: ${end.stderr}`);
    assert.match(end.stderr, why);
  }
  assert.equal(calls.length, 0);
});

test('a playbook reaches the same target by its own keys, and by the options of verify', async () => {
  const text = `version: 1\nkind: smoke-stream\nname: gated\ntarget: { base_url: "${gate.base}", prompt: "replay:hello", ca: "${file('ca.pem')}", cert: "${file('client.pem')}", key: "${file('client.key')}", headers: ["X-Gate-Key: env:GATE_KEY"] }\nchecks:\n  - smoke: stream\n`;
  const playbook = file('gated.yaml');
  fs.writeFileSync(playbook, text);
  const own = await oa(['verify', playbook, '--json'], { env: { GATE_KEY: KEY }, ms: 120000 });
  assert.equal(own.code, 0, own.stderr);
  const bare = file('bare.yaml');
  fs.writeFileSync(bare, text.replace(/, ca:.*?\] \}/, ' }'));
  const options = await oa(['verify', bare, '--json', ...ACCESS()], { env: { GATE_KEY: KEY }, ms: 120000 });
  assert.equal(options.code, 0, options.stderr);
  assert.equal(options.json().compared, null, 'another playbook of this name is not the run before');
});

test('doctor comes to the target as the playbook does, and names the option that is missing', async () => {
  const playbook = file('doctor.yaml');
  const look = async (target, base = gate.base) => {
    fs.writeFileSync(playbook, `version: 1\nkind: smoke-stream\nname: looked\ntarget: { base_url: "${base}", ${target} }\nchecks:\n  - smoke: stream\n`);
    const end = await oa(['doctor', playbook, '--json'], { env: { GATE_KEY: KEY, PLANTED: 'planted-token-0123456789' } });
    const { id, verdict, detail, data } = end.json().checks.find((check) => /target$/.test(check.id));
    return { seen: `${verdict} ${id}`, detail, fix: data.mend ?? '' };
  };
  const client = `cert: "${file('client.pem')}", key: "${file('client.key')}", headers: ["X-Gate-Key: env:GATE_KEY"]`;
  const smoke = `oa-stream smoke stream --base-url ${gate.base}`, certified = ` --cert ${file('client.pem')} --key ${file('client.key')}`;
  assert.equal((await look(`ca: "${file('ca.pem')}", ${client}`)).seen, 'PASS target');
  const untrusted = await look(client);
  assert.equal(untrusted.seen, 'FAIL target');
  assert.match(untrusted.detail, /trust that with --ca FILE$/);
  assert.ok(untrusted.fix.endsWith(`${smoke.slice('oa-stream'.length)} --ca FILE${certified}`), untrusted.fix);

  const front = await door(target.base, (request) => (request.headers.authorization ? 403 : 401));
  try {
    const without = await look('auth: { env: NOBODY_SET_IT, required: false }', front.base);
    assert.deepEqual([without.seen, without.detail], ['FAIL credentials.target', `${front.base}/version answers 401 without a token`]);
    assert.match(without.fix, /smoke stream --base-url \S+ --auth env:NOBODY_SET_IT$/);
    const refused = await look('auth: { env: PLANTED }', front.base);
    assert.deepEqual([refused.seen, refused.detail], ['FAIL credentials.target', `${front.base}/version answers 403 to the token of env:PLANTED`]);
  } finally {
    close(front);
  }
});

test('tokens of a command and of the metadata server', async () => {
  const print = file('print-token');
  fs.writeFileSync(print, `#!/bin/sh\nshift\necho "command token $*" >&2\necho "command-token-0123456789"\n`, { mode: 0o755 });
  const env = { GATE_KEY: KEY, GCE_METADATA_HOST: `127.0.0.1:${metadata.address().port}` };
  const sent = async (auth) => {
    calls = [];
    const end = await smoke([...ACCESS(), '--auth', auth, '--no-probes'], env);
    assert.ok(end.code !== 5 && end.code !== 2, end.stderr);
    return new Set(calls.map((headers) => headers.authorization).filter(Boolean));
  };
  assert.ok((await sent(`command:${print} a b`)).has('Bearer command-token-0123456789'));
  assert.ok((await sent(`command:${JSON.stringify([print, 'a b'])}`)).has('Bearer command-token-0123456789'));
  assert.ok((await sent('metadata:')).has('Bearer metadata-token-0123456789'));
  const [identity] = [...await sent('metadata:https://lane.example')].filter((value) => value.startsWith('Bearer ey.'));
  assert.equal(JSON.parse(Buffer.from(identity.split('.')[1], 'base64url')).aud, 'https://lane.example');

  fs.writeFileSync(file('fails'), '#!/bin/sh\necho "log in first" >&2\nexit 7\n', { mode: 0o755 });
  const failed = await smoke(['--auth', `command:${file('fails')}`]);
  assert.equal(failed.code, 5, failed.stderr);
  assert.match(failed.stderr, /gave no token: exit 7: log in first/);
  const silent = await smoke(['--auth', 'command:/bin/true']);
  assert.equal(silent.code, 5);
  assert.match(silent.stderr, /it printed no token/);
  const nobody = await smoke(['--auth', 'metadata:'], { GATE_KEY: KEY, GCE_METADATA_HOST: '127.0.0.1:1' });
  assert.equal(nobody.code, 5);
  assert.match(nobody.stderr, /the metadata server gave no token/);
});

test('a Prometheus whose token ends gets the next one; a token of the environment is refused', async () => {
  const prometheus = await startPrometheus([new URL(target.base).host]);
  const valid = 'monitoring-token-2-0123456789';
  const front = await door(prometheus.base, (request) => (request.headers.authorization === `Bearer ${valid}` ? null : 401));
  try {
    await prometheus.eventually('up', (rows) => rows.length > 0, 60000);
    const count = file('count'), print = file('rotating');
    fs.writeFileSync(print, `#!/bin/sh\necho x >> ${count}\necho "monitoring-token-$(wc -l < ${count} | tr -d ' ')-0123456789"\n`, { mode: 0o755 });
    const ask = (auth) => oa(['slo', 'status', '--prometheus', front.base, '--auth', auth, '--json'], { env: { OLD: 'monitoring-token-1-0123456789' }, ms: 60000 });
    const old = await ask('env:OLD');
    assert.equal(old.code, 5, old.stderr);
    const renewed = await ask(`command:${print}`);
    assert.notEqual(renewed.code, 5, renewed.stderr);
    assert.equal(fs.readFileSync(count, 'utf8').split('\n').length - 1, 2, 'asked again once, when the first was refused');
  } finally {
    close(front);
    await prometheus.kill();
  }
});

test('a Prometheus behind a strict door: options of slo and keys of a playbook lead through it', async () => {
  const seen = [];
  const front = await door('', (request) => { // a refusal of what is asked says that it came through
    seen.push(request.socket.authorized && request.headers['x-gate-key'] === KEY && request.headers['x-team'] === 'chat');
    return 400;
  }, STRICT());
  const text = PLAYBOOK.replace('[{ probe: {} }]', `[{ prometheus: { url: "${front.base}", ca: "${file('ca.pem')}", cert: "${file('client.pem')}", key: "${file('client.key')}", headers: ["X-Gate-Key: env:GATE_KEY", "X-Team: chat"] } }]`)
    .replace('preflight:\n', 'slo:\n  - { name: good, objective: 99%, window: 1h, bad: http_5xx }\npreflight:\n  - budget: { consumed_at_most: 50% }\n');
  const playbook = target.write('strict.yaml', text), env = { GATE_KEY: KEY };
  try {
    for (const ask of [
      () => target.oa(['slo', 'gate', 'bad <= 1%', '--prometheus', front.base, ...ACCESS()], { env }),
      () => target.oa(['slo', 'status', '--playbook', playbook, ...target.settings()], { env }),
      async () => {
        const plan = await target.oa(['cutover', 'plan', playbook, ...target.settings(), '--out', file('strict.json')], { env });
        assert.equal(plan.code, 10, plan.stderr);
        assert.equal(seen.length, 0, 'a plan asks no source, so what is seen below comes of the apply');
        return target.oa(['cutover', 'apply', file('strict.json'), '--non-interactive'], { env });
      },
    ]) {
      seen.length = 0;
      const end = await ask();
      assert.ok(seen.length > 0 && seen.every(Boolean), `${seen}\n${end.stdout}${end.stderr}`);
      assert.ok(!(end.stdout + end.stderr).includes(KEY));
    }
    const fromLog = await target.oa(['slo', 'gate', 'bad <= 1%', '--access-log', playbook, '--header', 'X-Team: chat']);
    assert.equal(fromLog.code, 2, fromLog.stderr);
    assert.match(fromLog.stderr, /--header: the source access_log has no such thing/);
  } finally {
    close(front);
  }
  for (const name of fs.readdirSync(target.state, { recursive: true })) {
    const one = path.join(target.state, name);
    if (fs.statSync(one).isFile()) assert.ok(!fs.readFileSync(one, 'utf8').includes(KEY), `${name} has the key`);
  }
});

test('watch goes on when its token ends: by the metadata server, a command and a file; no token stands in a message', async () => {
  let valid = '';
  const seen = new Set();
  const front = await door(target.base, (request) => {
    seen.add(request.headers.authorization);
    return request.headers.authorization === `Bearer ${valid}` ? null : 401;
  });
  const renewing = http.createServer((_, answer) => answer.end(JSON.stringify({ access_token: valid, expires_in: 3599 }))).listen(0, '127.0.0.1');
  const kept = file('watch-token'), print = file('watch-print');
  fs.writeFileSync(print, `#!/bin/sh\ncat ${kept}\n`, { mode: 0o755 });
  const renew = (token) => { valid = token; fs.writeFileSync(kept, token, { mode: 0o600 }); };
  try {
    await new Promise((done) => renewing.on('listening', done));
    const env = { GCE_METADATA_HOST: `127.0.0.1:${renewing.address().port}` };
    for (const auth of ['metadata:', `command:${print}`, `file:${kept}`]) {
      renew(`watch-token-one-${auth.slice(0, 4)}`);
      const watch = new Running(OA_BIN, ['watch', '--base-url', front.base, '--auth', auth, '--every', '200ms', '--ndjson', '--for', '10m'], { name: 'watch', folder: scratch('watch'), env: cleanEnv({ HOME: folder, ...env }) });
      const told = () => watch.stdout.split('\n').filter((line) => line.includes('"sources"')).map((line) => JSON.parse(line));
      await watch.until(() => told().at(-1)?.sources[0].reachable, `an answer with ${auth}`);
      renew(`watch-token-two-${auth.slice(0, 4)}`);
      await watch.until(() => seen.has(`Bearer ${valid}`), `the next token of ${auth}`);
      const looks = told().length;
      await watch.until(() => told().length > looks + 1 && told().at(-1).sources[0].reachable, `an answer with the next token of ${auth}`);
      watch.signal('SIGINT');
      await watch.end();
      assert.ok(!/watch-token/.test(watch.stdout + watch.stderr));
    }
    const bare = await oa(['watch', '--base-url', front.base, '--once']);
    assert.equal(bare.code, 5, bare.stderr);
    assert.ok(bare.stderr.startsWith(`ERROR ${front.base} refuses access: unreadable: /metrics is HTTP 401 next: oa-stream watch `), bare.stderr);
    assert.match(bare.stderr, / --auth env:NAME\b/);
    const mixed = await oa(['watch', '--base-url', front.base, '--base-url', 'http://127.0.0.1:1', '--once']);
    assert.equal(mixed.code, 4, 'one of them does not answer at all');
    for (const raw of ['sk-raw-token-0123456789', 'Bearer raw-token-0123456789', 'hunter2']) {
      const refused = await oa(['watch', '--base-url', front.base, '--once', '--auth', raw]);
      assert.equal(refused.code, 2, refused.stderr);
      assert.ok(!/raw-token|hunter2/.test(refused.stdout + refused.stderr), refused.stderr);
      assert.match(refused.stderr, /--auth: a token on the command line .*env:NAME/);
    }
  } finally {
    close(renewing);
    close(front);
  }
});

test('a change of routes through a strict door is undone without options, from any directory; what was not kept is asked for', async () => {
  const control = await startControlService();
  const front = await door(control.base, (request) => (request.socket.authorized && request.headers['x-gate-key'] === KEY ? null : 503), STRICT());
  const state = scratch('routes'), env = { GATE_KEY: KEY, OA_ADMIN: ADMIN };
  const ask = (words, more = {}) => oa([...words, '--json'], { env, stateDir: state, ms: 120000, ...more });
  const ends = (run, code) => { assert.equal(run.code, code, run.stdout + run.stderr); return run.json(); };
  const base = ['--base-url', front.base, '--auth', 'env:OA_ADMIN'];
  const relative = ACCESS().map((word) => (word.startsWith(`${folder}/`) ? path.relative(folder, word) : word));
  const set = async (access = relative) => ends(await ask(['route', 'set', 'legacy', '--domain', 'billing_l402', ...base, ...access, '--apply'], { cwd: folder }), 0);
  const domains = () => control.memories[0].domains;
  const kept = (document) => JSON.parse(fs.readFileSync(path.join(document.evidence, 'run.json'), 'utf8'));
  try {
    for (const words of [['status'], ['evaluate', '/login'], ['verify']]) ends(await ask(['route', ...words, ...base, ...ACCESS()]), 0);

    const first = await set();
    assert.deepEqual(domains(), { billing_l402: 'legacy' });
    assert.deepEqual(kept(first).target, { control_url: front.base, auth: 'env:OA_ADMIN', ca: file('ca.pem'), cert: file('client.pem'), key: file('client.key'), headers: { 'X-Gate-Key': 'env:GATE_KEY', 'X-Team': 'chat' } });
    assert.equal((await ask(['route', 'restore', 'last'])).code, 10);
    ends(await ask(['route', 'restore', 'last', '--apply']), 0);
    assert.deepEqual(domains(), {});

    await set();
    ends(await ask(['rollback', 'apply', '--run', 'last:route-split']), 0);
    assert.deepEqual(domains(), {});

    // The authority has moved: what is given wins, and the rest is the run's.
    const moved = file('moved.pem'), gone = file('gone.pem');
    fs.copyFileSync(file('ca.pem'), moved);
    fs.copyFileSync(file('ca.pem'), gone);
    const second = await set(['--ca', gone, ...relative.slice(2)]);
    fs.rmSync(gone);
    const without = await ask(['route', 'restore', second.run, '--apply']);
    assert.equal(without.code, 2, without.stdout);
    assert.ok(without.stderr.includes(`${gone}: cannot read`), without.stderr);
    ends(await ask(['rollback', 'apply', '--run', second.run, '--ca', moved]), 0);
    assert.deepEqual(domains(), {});

    // A token from a file beside the operator, who undoes it from elsewhere.
    fs.writeFileSync(file('token'), ADMIN, { mode: 0o600 });
    ends(await ask(['route', 'set', 'legacy', '--domain', 'billing_l402', '--base-url', front.base, '--auth', 'file:token', ...relative, '--apply'], { cwd: folder }), 0);
    ends(await ask(['route', 'restore', 'last', '--apply']), 0);
    assert.deepEqual(domains(), {});

    // A secret that was typed is in no folder.
    const typed = await set([...relative.slice(0, 6), '--header', `X-Gate-Key: ${KEY}`]);
    assert.deepEqual(kept(typed).target.headers, { 'X-Gate-Key': null });
    for (const words of [['route', 'restore', typed.run, '--apply'], ['rollback', 'apply', '--run', typed.run]]) {
      const asked = await oa(words, { env, stateDir: state });
      assert.equal(asked.code, 5, asked.stderr);
      assert.match(asked.stderr, /the value of the run's header X-Gate-Key was not kept .*route restore \S+ --apply --header 'X-Gate-Key: REF'/);
    }
    const changed = await oa(['route', 'restore', typed.run, '--apply', '--ca', moved], { env, stateDir: state });
    assert.ok(changed.stderr.includes(`--apply --ca ${moved} --header 'X-Gate-Key: REF'`), changed.stderr);
    ends(await ask(['route', 'restore', typed.run, '--apply', '--header', 'X-Gate-Key: env:GATE_KEY']), 0);
    assert.deepEqual(domains(), {});

    // Not verified to be back: the command that is shown has what the folder has not.
    control.fault('evaluate', { status: 500, headers: { 'content-type': 'text/html' }, body: '<html>oops</html>' }, 3);
    const trouble = control.fault((call) => call.path.endsWith('/override') && call.json.target === 'clear', 'drop', 1000);
    const left = ends(await ask(['route', 'set', 'legacy', '--domain', 'auth_entry', ...base, ...ACCESS().slice(0, 6), '--header', `X-Gate-Key: ${KEY}`, '--apply']), 8);
    trouble.left = 0;
    const next = `oa-stream route restore ${left.run} --apply --header 'X-Gate-Key: REF'`;
    assert.equal(left.next, next);
    assert.equal((await ask(['cutover', 'status', '--run', left.run])).json().runs[0].next, next);
    ends(await ask(['route', 'restore', left.run, '--apply', '--header', 'X-Gate-Key: env:GATE_KEY']), 0);
    assert.deepEqual(domains(), {});
    assert.deepEqual(control.violations, []);

    for (const name of fs.readdirSync(state, { recursive: true })) {
      const one = path.join(state, name);
      if (fs.statSync(one).isFile()) assert.ok(!fs.readFileSync(one, 'utf8').includes(KEY), `${name} has the key`);
    }
  } finally {
    close(front);
    await control.stop();
  }
});
