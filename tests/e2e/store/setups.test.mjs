// How a lane comes to its store: every way that works serves a turn, every other one is refused with
// the reason.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertLegal } from '../lib/contract.mjs';
import { freePort } from '../lib/free_port.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { ROOT, oa, scratch } from '../lib/process.mjs';
import { selfSign } from '../lib/proxies.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { resume } from '../lib/replicas/world.mjs';

const folder = scratch('setups');
const certificate = (name) => {
  const [key, cert] = [path.join(folder, `${name}.key`), path.join(folder, `${name}.pem`)];
  selfSign({ cert, key });
  return { key, cert };
};
const own = certificate('own');
const other = certificate('other');
const aclFile = path.join(folder, 'users.acl');
const socket = path.join(folder, 'redis.sock');
const PASSWORD = 'store-password-7f3a';
let redis, tlsPort;

before(async () => {
  const example = fs.readFileSync(path.join(ROOT, 'examples/replicas/users.acl'), 'utf8');
  fs.writeFileSync(aclFile, example.replace('CHANGE-ME-LANE', PASSWORD));
  tlsPort = await freePort();
  redis = await startRedis({ args: ['--aclfile', aclFile, '--unixsocket', socket, '--tls-port', String(tlsPort), '--tls-cert-file', own.cert, '--tls-key-file', own.key, '--tls-ca-cert-file', own.cert, '--tls-auth-clients', 'no'] });
});
after(() => redis.kill());

const env = { STORE_PASSWORD: PASSWORD };
const USER = ['--store-user', 'oa-stream', '--store-password', 'env:STORE_PASSWORD'];
async function serves(args, { user = USER, wrap = [] } = {}) {
  const lanes = await Promise.all(['one', 'two'].map((name) => startLane({ name, args: [...args, ...user], env, pace: 'x0.1', wrap })));
  const id = `setup-${Math.random().toString(36).slice(2)}`;
  const first = chat(lanes[0].base, 'replay:02-text-paced', { id }); // longer than a busy machine needs to resume it
  await first.frame('text-delta');
  const other = resume(lanes[1], id);
  await other.frame('text-delta');
  await Promise.all([first.done, other.done]);
  for (const x of [first, other]) assertLegal(x);
  assert.equal(other.text, first.text);
  const metrics = (await send(lanes[0].base, { path: '/metrics' })).text;
  assert.match(metrics, /^oa_stream_store_up 1$/m);
  assert.match(metrics, /^oa_stream_store_errors_total\{kind="refused"\} 0$/m, 'the ACL allows every command');
  assert.match(metrics, /^# TYPE oa_stream_store_rtt_seconds histogram$/m);
  const trips = Number(/^oa_stream_store_rtt_seconds_bucket\{le="\+Inf"\} (\d+)$/m.exec(metrics)?.[1]);
  assert.ok(trips > 0);
  assert.match(metrics, new RegExp(`^oa_stream_store_rtt_seconds_count ${trips}$`, 'm'));
  for (const lane of lanes) {
    assert.equal((await lane.stop()).code, 0);
    assert.ok(!(lane.stdout + lane.stderr).includes(PASSWORD));
  }
}
const refused = async (args, code, text, more = {}) => {
  const x = await oa(['serve', '--listen', '127.0.0.1:0', '--authority', 'replay', ...args], { env: { ...env, ...more } });
  assert.equal(x.code, code, x.stderr);
  assert.match(x.stderr, text);
  assert.ok(!x.stderr.includes(PASSWORD));
};

// Each is an answer of ten seconds.
describe('lanes share a store', { concurrency: true }, () => {
  test('over TCP as the user of the example ACL', () => serves(['--store', redis.url]));
  test('with the password by a descriptor, which can be read once', async () => {
    const file = path.join(folder, 'password');
    fs.writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 });
    await serves(['--store', redis.url], { user: ['--store-user', 'oa-stream', '--store-password', 'fd:3'], wrap: ['sh', '-c', 'exec "$@" 3< "$0"', file] });
  });
  test('over a unix socket', () => serves(['--store', `redis+unix:${socket}`]));
  test('over TLS, with the certificate that is named', () => serves(['--store', `rediss://127.0.0.1:${tlsPort}`, '--store-ca', own.cert]));
});

test('TLS to a server whose certificate nobody vouches for is refused', async () => {
  await refused(['--store', `rediss://127.0.0.1:${tlsPort}`, '--store-ca', other.cert, ...USER], 4, /certificate/);
});
test('TLS to a server by a name that its certificate does not have is refused', async () => {
  await refused(['--store', `rediss://localhost:${tlsPort}`, '--store-ca', own.cert, ...USER], 4, /certificate/);
});
test('without TLS a primary beyond this machine is refused, whatever a Sentinel says', async () => {
  const sentinel = net.createServer((client) => client.on('data', (bytes) => {
    for (const command of bytes.toString().split(/(?=\*\d+\r\n)/)) client.write(/get-master-addr/.test(command) ? '*2\r\n$9\r\n192.0.2.1\r\n$4\r\n6379\r\n' : '+OK\r\n');
  }).on('error', () => {}));
  await new Promise((done) => sentinel.listen(0, '127.0.0.1', done));
  await refused(['--store', `redis+sentinel://127.0.0.1:${sentinel.address().port}/chat`], 2, /the primary is beyond this machine[^]*rediss\+sentinel/);
  sentinel.close();
});
test('the users of the example ACL may do nothing else, and nobody may do anything', () => {
  const as = (user, password, ...command) => redis.cli(...user ? ['--user', user, '--pass', password, '--no-auth-warning'] : [], ...command);
  const others = ['GET outside', 'SET outside 1', 'KEYS *', 'SCAN 0', 'FLUSHALL', 'CONFIG GET dir', 'EVAL return 0', 'SLAVEOF 127.0.0.1 1', 'REPLCONF ACK 1', 'PUBLISH c m', 'ACL LIST', 'SHUTDOWN', 'ROLE'];
  for (const line of others) assert.match(as('oa-stream', PASSWORD, ...line.split(' ')), /NOPERM/, line);
  for (const line of ['GET oa:meta', 'INFO', 'SLAVEOF NO ONE', 'KEYS *']) assert.match(as('oa-stream-copy', 'CHANGE-ME-COPY', ...line.split(' ')), /NOPERM/, line);
  for (const line of ['GET oa:meta', 'REPLCONF ACK 1', 'KEYS *', 'CONFIG GET dir', 'PUBLISH c m', 'FLUSHALL']) assert.match(as('oa-stream-sentinel', 'CHANGE-ME-SENTINEL', ...line.split(' ')), /NOPERM/, line);
  for (const line of ['GET oa:meta', 'PING', 'INFO']) assert.match(as('', '', ...line.split(' ')), /NOAUTH/, line);
});
test('a lane’s user of the example ACL may use only what a lane sends', () => {
  const sources = fs.readdirSync(path.join(ROOT, 'src/store')).map((name) => fs.readFileSync(path.join(ROOT, 'src/store', name), 'utf8')).join('');
  const rule = fs.readFileSync(aclFile, 'utf8').split('\n').find((line) => line.startsWith('user oa-stream '));
  const allowed = [...rule.matchAll(/ \+(\S+)/g)].map(([, name]) => name);
  assert.ok(allowed.length > 20, `${allowed}`);
  for (const name of allowed) {
    const words = name.toUpperCase().split('|').map((word) => `["']${word}["']`).join(', ?');
    assert.match(sources, new RegExp(words), name);
  }
});
test('a wrong password, and none, are refused; the lane never goes on as another user', async () => {
  await refused(['--store', redis.url, ...USER], 5, /refuses the log-in/, { STORE_PASSWORD: 'wrong' });
  for (const url of [redis.url, `${redis.url}/2`]) await refused(['--store', url], 5, /asks for a password[^]*add --store-password env:NAME/);
});
test('a user who lacks a command is refused with its name, by doctor too', async () => {
  for (const [rule, name] of [['-evalsha', 'EVALSHA'], ['-xadd', 'XADD'], ['-script|load', 'SCRIPT LOAD'], ['-pexpire', 'PEXPIRE']]) {
    const admin = await startRedis();
    const example = fs.readFileSync(aclFile, 'utf8').split('\n').find((line) => line.startsWith('user oa-stream ')).split(' ').slice(1);
    admin.cli('ACL', 'SETUSER', ...example, rule);
    const text = new RegExp(`its user may not use ${name} on oa:\\*`);
    await refused(['--store', admin.url, ...USER], 5, text);
    const doctor = await oa(['doctor', '--store', admin.url, ...USER], { env });
    assert.match(doctor.stdout + doctor.stderr, text);
    assert.notEqual(doctor.code, 0);
    await admin.kill();
  }
});
test('a database that a user may not choose is told from one that is not there', async () => {
  const admin = await startRedis();
  const user = ['on', `>${PASSWORD}`, '~oa:*', '+@all'];
  admin.cli('ACL', 'SETUSER', 'oa-stream', ...user);
  await refused(['--store', `${admin.url}/99`, ...USER], 2, /the store has no such database: .*out of range/);
  admin.cli('ACL', 'SETUSER', 'oa-stream', '-select');
  await refused(['--store', `${admin.url}/2`, ...USER], 5, /the store refuses a command: .*select[^]*users\.acl/);
  await admin.kill();
});
test('a Redis that is older than 7.0 is refused', async () => {
  // Its answers to the few commands before that, on Redis' wire.
  const info = '# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\nrole:master\r\nloading:0\r\nmaxmemory_policy:noeviction\r\n';
  const old = net.createServer((client) => client.on('data', (bytes) => {
    for (const command of bytes.toString().split(/(?=\*\d+\r\n)/)) client.write(/\r\nINFO\r\n/i.test(command) ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
  }).on('error', () => {}));
  await new Promise((done) => old.listen(0, '127.0.0.1', done));
  await refused(['--store', `redis://127.0.0.1:${old.address().port}`], 2, /Redis 6\.2\.14 is too old[^]*use Redis 7\.0 or newer/);
  old.close();
});
test('a lane that cannot share its turns is refused', async () => {
  const x = await oa(['serve', '--listen', '127.0.0.1:0', '--store', redis.url, '--authority', 'worker', '--worker-control', 'http://127.0.0.1:1', '--worker-auth', 'env:STORE_PASSWORD'], { env });
  assert.equal(x.code, 2, x.stderr);
  assert.match(x.stderr, /--store: lanes with --authority worker cannot share turns/);
});
test('rights are asked for in a few pieces, however far the store is', async () => {
  const pipe = await startPipe(redis.port);
  let pieces = 0;
  pipe.told = (text) => { pieces += text.includes(':probe:') ? 1 : 0; };
  const lane = await startLane({ name: 'far', args: ['--store', pipe.url, ...USER], env });
  assert.ok(pieces >= 2 && pieces <= 6, `${pieces} pieces on five connections`);
  assert.equal((await lane.stop()).code, 0);
  pipe.stop();
});
test('a copy of the primary is refused, and a cluster', async () => {
  const primary = await startRedis();
  const copy = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  await refused(['--store', copy.url], 2, /this is a replica[^]*name its primary/);
  const cluster = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())] });
  await refused(['--store', cluster.url], 2, /Cluster/);
  for (const one of [copy, primary, cluster]) await one.kill();
});
