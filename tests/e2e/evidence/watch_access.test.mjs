// watch behind TLS and a login: a real Prometheus with its own web configuration, and a lane that
// serves TLS, both signed by nobody that this machine knows.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { limit, oa, scratch, sleep } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';
import { selfSign } from '../lib/proxies.mjs';

// Of the word "test"; Prometheus takes passwords as bcrypt alone.
const HASH = '$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay';
const rig = {};
let cert;

before(async () => {
  const folder = scratch('certificate');
  const [pem, key] = ['chain.pem', 'key.pem'].map((name) => path.join(folder, name));
  selfSign({ cert: pem, key });
  fs.chmodSync(key, 0o600);
  cert = pem;
  rig.plain = await startLane({ name: 'plain' });
  rig.secured = await startLane({ name: 'secured', args: ['--tls-cert', pem, '--tls-key', key] });
  rig.prometheus = await startPrometheus([rig.plain.base.replace('http://', '')], {
    web: { tls_server_config: { cert_file: pem, key_file: key }, basic_auth_users: { watcher: HASH } },
  });
});
after(async () => {
  for (const one of Object.values(rig)) await one.kill?.();
});

const watch = (args, env = {}) => oa(['watch', '--json', ...args], { env: { LOGIN: 'test', WRONG: 'toast', ...env } });
const login = ['--user', 'watcher', '--auth', 'env:LOGIN'];

test('a Prometheus with TLS and a login is watched; without either the reason is told', async () => {
  const at = ['--prometheus', rig.prometheus.base];
  const end = Date.now() + limit(60000);
  let good;
  do { // until it has scraped the lane twice
    assert.ok(Date.now() < end, good && good.stdout);
    if (good) await sleep(200);
    good = await watch([...at, ...login, '--ca', cert]);
  } while (good.json().sources[0].state !== 'answers');
  assert.ok([0, 3].includes(good.code), good.stdout);
  for (const [args, words, code] of [
    [[...at, ...login], /unreachable: .*certificate|tls/i, 4],
    [[...at, '--ca', cert], /401|credentials|refused/i, 5],
    [[...at, '--ca', cert, '--user', 'watcher', '--auth', 'env:WRONG'], /401|credentials|refused/i, 5],
  ]) {
    const bad = await watch(args);
    assert.equal(bad.code, code, bad.stdout);
    assert.equal(/ next: .* --auth env:NAME\b/.test(bad.stderr), code === 5, bad.stderr);
    assert.match(JSON.stringify(bad.json().sources), words);
    assert.doesNotMatch(bad.stdout + bad.stderr, /toast/);
  }
});

test('a lane that serves TLS is watched with its certificate authority', async () => {
  const good = await watch(['--base-url', rig.secured.base, '--ca', cert]);
  assert.ok([0, 3].includes(good.code), good.stdout);
  assert.equal(good.json().sources[0].reachable, true, good.stdout);
  const bad = await watch(['--base-url', rig.secured.base]);
  assert.equal(bad.code, 4, bad.stdout);
  const name = await watch(['--base-url', rig.secured.base, '--user', 'watcher']);
  assert.equal(name.code, 2, name.stderr);
  assert.match(name.stderr, /a name to log in with is for Prometheus/);
});
