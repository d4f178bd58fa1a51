// The example files of several lanes as they stand, but for the ports, paths and passwords of a test.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, Running, cleanEnv, scratch } from '../lib/process.mjs';
import { freePort } from '../lib/free_port.mjs';
import { selfSign } from '../lib/proxies.mjs';
import { BIN } from '../lib/replicas/redis.mjs';

export const folder = scratch('examples');
export const source = (name) => fs.readFileSync(path.join(ROOT, 'examples/replicas', name), 'utf8');
/** The example with these texts replaced; each must stand in it. */
export function example(name, changes, file = path.join(folder, name)) {
  let text = source(name);
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `${name} has "${from}"`);
    text = text.replaceAll(from, to);
  }
  fs.writeFileSync(file, text);
  return file;
}
const running = [];
export async function run(program, args, ready) {
  const one = new Running(program, args, { name: path.basename(args.find((one) => path.isAbsolute(one)) ?? program), folder: scratch('run'), env: cleanEnv() });
  running.push(one);
  await one.until(ready, program);
  return one;
}
export async function endAll() {
  for (const one of running) await one.kill();
}

const LANE = 'the-lanes-password';
const COPY = 'the-copies-password';
const SENTINEL = 'the-sentinels-password';

function certify(name, at) {
  const file = (end) => path.join(at, end);
  fs.mkdirSync(at, { recursive: true });
  selfSign({ cert: file('server.pem'), key: file('server.key'), subject: 'a store', names: name });
  fs.copyFileSync(file('server.pem'), file('ca.pem'));
  return file('ca.pem');
}

/** Redis and Sentinels of the examples, whose certificate is for `name` ("IP:…" or "DNS:…") alone. */
export function setUp(name) {
  const at = path.join(folder, name.replace(':', '-'));
  const ca = certify(name, at);
  const users = example('users.acl', [['CHANGE-ME-LANE', LANE], ['CHANGE-ME-COPY', COPY], ['CHANGE-ME-SENTINEL', SENTINEL]], path.join(at, 'users.acl'));
  const placed = (port, usual) => [[`tls-port ${usual}`, `tls-port ${port}`], ['bind 0.0.0.0 -::*', 'bind 127.0.0.1'], ['/etc/redis/tls/', `${at}/`], ['/var/lib/redis', scratch('data')]];

  /** A Redis: {port, info(section), …Running}. */
  async function startStore(more = []) {
    const port = await freePort();
    const conf = example('redis.conf', [...placed(port, 6380), ['/etc/redis/users.acl', users], ['CHANGE-ME-COPY', COPY], ...more], path.join(at, `redis-${port}.conf`));
    const redis = await run(path.join(BIN, 'redis-server'), [conf], (r) => r.stdout.includes('Ready to accept connections'));
    redis.port = port;
    redis.info = (section) => {
      const ran = spawnSync(path.join(BIN, 'redis-cli'), ['--tls', '--cacert', ca, '-p', String(port), '--user', 'oa-stream', '--no-auth-warning', 'INFO', section], { encoding: 'utf8', env: cleanEnv({ REDISCLI_AUTH: LANE }) });
      assert.equal(ran.status, 0, ran.stderr);
      return ran.stdout;
    };
    return redis;
  }
  /** A Sentinel that watches the Redis at `primary`, "HOST PORT": {port, …Running}. */
  async function startSentinel(primary, more = []) {
    const port = await freePort();
    const conf = example('sentinel.conf', [...placed(port, 26380), ['10.0.0.11 6380', primary], ['CHANGE-ME-SENTINEL', SENTINEL], ...more], path.join(at, `sentinel-${port}.conf`));
    const sentinel = await run(path.join(BIN, 'redis-server'), [conf, '--sentinel'], (r) => r.stdout.includes('+monitor master oa-stream'));
    sentinel.port = port;
    return sentinel;
  }
  /** What startLane() needs to come to this store as the lanes of the example do. */
  const laneOn = (store) => ({ args: ['--store', store, '--store-ca', ca, '--store-user', 'oa-stream', '--store-password', 'env:STORE_PASSWORD'], env: { STORE_PASSWORD: LANE } });
  return { startStore, startSentinel, laneOn };
}
