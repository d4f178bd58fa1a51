// The example files of several lanes, as they stand but for ports and paths: each is what its program takes.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertLegal } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, limit, scratch, sleep } from '../lib/process.mjs';
import { binary, freePort } from '../lib/proxies.mjs';
import { BIN } from './redis.mjs';

const folder = scratch('examples');
const source = (name) => fs.readFileSync(path.join(ROOT, 'examples/replicas', name), 'utf8');
/** The example with these texts replaced; each must stand in it. */
function example(name, changes) {
  let text = source(name);
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `${name} has "${from}"`);
    text = text.replaceAll(from, to);
  }
  const file = path.join(folder, name);
  fs.writeFileSync(file, text);
  return file;
}
const running = [];
async function run(program, args, ready) {
  const one = new Running(program, args, { name: path.basename(args.at(-1) ?? program), folder: scratch('run'), env: cleanEnv() });
  running.push(one);
  await one.until(ready, program);
  return one;
}

let port, lanes;
const certificates = ['server.pem', 'server.key', 'ca.pem'].map((name) => path.join(folder, name));
before(async () => {
  const [cert, key, ca] = certificates;
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
  fs.copyFileSync(cert, ca);
  const users = example('users.acl', [['CHANGE-ME', 'a-password']]);
  port = await freePort();
  const conf = example('redis.conf', [['tls-port 6380', `tls-port ${port}`], ['bind 0.0.0.0 -::*', 'bind 127.0.0.1'], ['/etc/redis/tls/', `${folder}/`], ['/etc/redis/users.acl', users], ['/var/lib/redis', scratch('data')]]);
  await run(path.join(BIN, 'redis-server'), [conf], (r) => r.stdout.includes('Ready to accept connections'));
  const args = ['--store', `rediss://127.0.0.1:${port}`, '--store-ca', ca, '--store-user', 'oa-stream', '--store-password', 'env:STORE_PASSWORD'];
  lanes = await Promise.all(['one', 'two'].map((name) => startLane({ name, args, env: { STORE_PASSWORD: 'a-password' }, pace: 'x5' })));
});
after(async () => {
  for (const lane of lanes) await lane.kill();
  for (const one of running) await one.kill();
});
const backends = () => [['127.0.0.1:8080', new URL(lanes[0].base).host], ['127.0.0.1:8090', new URL(lanes[1].base).host]];

const answered = async (lane) => Number(/^oa_stream_http_requests_total\{route="\/api\/chat",method="POST",status="200"[^}]*\} (\d+)/m.exec((await send(lane.base, { path: '/metrics' })).text)?.[1] ?? 0);
/** Requests of one conversation reach every lane that there is. */
async function serves(base, on) {
  const id = `front-${Math.random().toString(36).slice(2)}`;
  const before = await Promise.all(on.map(answered));
  for (let i = 0; i < 4; ++i) assertLegal(await chat(base, 'hello', { id }).done);
  const after = await Promise.all(on.map(answered));
  after.forEach((count, i) => assert.ok(count > before[i], `${after} requests after ${before}`));
  assert.equal(after.reduce((a, b) => a + b) - before.reduce((a, b) => a + b), 4);
}
const listening = (base) => async () => { try { return (await send(base, { path: '/readyz' })).status === 200; } catch { return false; } };

test('nginx takes its example, which keeps no page with a lane', async () => {
  const at = await freePort();
  const site = example('nginx.conf', [...backends(), ['127.0.0.1:8081', `127.0.0.1:${at}`]]);
  const conf = path.join(folder, 'nginx-main.conf');
  fs.writeFileSync(conf, `daemon off;\npid ${folder}/nginx.pid;\nerror_log ${folder}/nginx-error.log;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path ${folder}/body;\nproxy_temp_path ${folder}/proxy;\nfastcgi_temp_path ${folder}/f;\nuwsgi_temp_path ${folder}/u;\nscgi_temp_path ${folder}/s;\ninclude ${site};\n}\n`);
  const tested = spawnSync(binary('nginx'), ['-t', '-q', '-c', conf, '-e', `${folder}/nginx-start.log`], { encoding: 'utf8' });
  assert.deepEqual([tested.status, tested.stderr], [0, '']);
  assert.ok(!/ip_hash|sticky|hash /.test(source('nginx.conf')));
  await run(binary('nginx'), ['-c', conf, '-e', `${folder}/nginx-start.log`], listening(`http://127.0.0.1:${at}`));
  await serves(`http://127.0.0.1:${at}`, lanes);
});

test('HAProxy takes its example, which keeps no page with a lane; a lane that is gone costs nothing', async () => {
  const at = await freePort();
  const conf = example('haproxy.cfg', [...backends(), ['127.0.0.1:8081', `127.0.0.1:${at}`], ['maxconn 20000', 'maxconn 1000']]);
  const tested = spawnSync(binary('haproxy'), ['-c', '-q', '-f', conf], { encoding: 'utf8' });
  assert.deepEqual([tested.status, tested.stdout + tested.stderr], [0, '']);
  assert.ok(!/stick|cookie|balance source/.test(source('haproxy.cfg')));
  const base = `http://127.0.0.1:${at}`;
  await run(binary('haproxy'), ['-db', '-f', conf], listening(base));
  await serves(base, lanes);
  await lanes[1].kill();
  await serves(base, [lanes[0]]);
  for (const end = Date.now() + limit(3000); Date.now() < end; await sleep(100)) assert.equal((await send(base, { path: '/readyz' })).status, 200);
});

test('the Sentinel example is one', async () => {
  const at = await freePort();
  const conf = example('sentinel.conf', [['tls-port 26380', `tls-port ${at}`], ['bind 0.0.0.0 -::*', 'bind 127.0.0.1'], ['/etc/redis/tls/', `${folder}/`], ['/var/lib/redis', scratch('sentinel')], ['10.0.0.11 6380', `127.0.0.1 ${port}`]]);
  await run(path.join(BIN, 'redis-server'), [conf, '--sentinel'], (r) => r.stdout.includes('+monitor master oa-stream'));
});

test('the units are units, and their words are options of serve', () => {
  const help = spawnSync(OA_BIN, ['serve', '--help'], { encoding: 'utf8' }).stdout;
  const lane = source('oa-stream@.service');
  for (const [option] of lane.slice(lane.indexOf('ExecStart=')).matchAll(/--[a-z-]+/g)) assert.ok(help.includes(option), `serve has ${option}`);
  for (const name of ['oa-stream@.service', 'codex-server@.service']) {
    const file = path.join(folder, name.replace('@', '@8080'));
    fs.writeFileSync(file, source(name).replaceAll('/usr/bin/oa-stream', OA_BIN).replaceAll('/usr/local/bin/codex', '/bin/true').replaceAll('EnvironmentFile=/etc', 'EnvironmentFile=-/etc'));
    const checked = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ''], name);
  }
});
