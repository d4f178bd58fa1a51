// `cutover rehearse --local --replicas 2 --store …`: the cutover between lanes that share a real Redis,
// which is left as it was.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { rehearsed } from '../lib/measured.mjs';
import { oa } from '../lib/process.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';

/** Side by side, each with a Redis of its own. */
const beside = sideBySide('rehearsals', 3, startRedis, (redis) => redis.kill());
const rehearse = (...args) => oa(['cutover', 'rehearse', '--local', '--json', ...args], { ms: 300000, env: { STORE_PASSWORD: 'a-password' } });
const keys = (redis) => redis.cli('--raw', 'KEYS', '*').split('\n').sort();
/** Names of deleted conversations and their last logs have a time to live. */
const lasting = (redis) => keys(redis).filter((key) => redis.cli('PTTL', key) === '-1');
const notes = (report) => fs.readFileSync(path.join(report.evidence, 'timeline.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));

beside('a PASS: four lanes, each answer whole through another lane, and of users nothing is touched', async (redis) => {
  redis.cli('SET', 'oa:t:/a-chat', 'of a user');
  redis.cli('SADD', 'oa:u:', 'a-chat');
  const run = await rehearsed(() => rehearse('--replicas', '2', '--store', redis.url));
  assert.equal(run.code, 0, run.stderr.slice(-4000));
  const report = run.json();
  const shared = report.checks.find((check) => check.id === 'replicas');
  assert.equal(shared.verdict, 'PASS', JSON.stringify(shared));
  assert.ok(shared.data.same >= 20, JSON.stringify(shared.data));
  assert.deepEqual([shared.data.lanes, shared.data.lost, shared.data.differ, shared.data.carried_on], [4, 0, 0, 0]);
  assert.match(shared.data.digest, /^[0-9a-f]{64}$/);
  const { lanes } = notes(report).find((line) => line.event === 'processes listen');
  assert.equal(new Set(lanes).size, 4);
  const logs = fs.readdirSync(path.join(report.evidence, 'logs')).filter((name) => name.endsWith('.access.ndjson')).sort();
  assert.deepEqual(logs, ['canary-1', 'canary-2', 'stable-1', 'stable-2'].map((name) => `${name}.access.ndjson`));
  for (const log of logs) assert.ok(fs.readFileSync(path.join(report.evidence, 'logs', log), 'utf8').split('\n').length > 50, `${log}: every lane serves`);
  assert.deepEqual(lasting(redis), ['oa:t:/a-chat', 'oa:u:'], 'what the lanes wrote is gone again, or goes by itself');
  assert.equal(redis.cli('GET', 'oa:t:/a-chat'), 'of a user');
});

beside('the canary is killed: FAIL and back, and its answers are ended by the lanes that live', async (redis) => {
  const run = await rehearse('--replicas', '2', '--store', redis.url, '--inject', 'kill@25');
  assert.equal(run.code, 7, run.stderr.slice(-4000));
  const shared = run.json().checks.find((check) => check.id === 'replicas');
  assert.equal(shared.verdict, 'PASS', JSON.stringify(shared));
  assert.deepEqual([shared.data.lost, shared.data.differ], [0, 0]);
});

beside('a prefix of the user’s is the beginning of the rehearsal’s own', async (redis) => {
  const monitor = redis.cli('ACL', 'SETUSER', 'lanes', 'on', '>a-password', '~mine:*', '+@all');
  assert.equal(monitor, 'OK');
  const run = await rehearsed(() => rehearse('--store', redis.url, '--store-prefix', 'mine', '--store-user', 'lanes', '--store-password', 'env:STORE_PASSWORD', '--bake', '3s', '--rate', '30/s'));
  assert.equal(run.code, 0, run.stderr.slice(-4000));
  assert.ok(!(run.stdout + run.stderr).includes('a-password'));
  assert.deepEqual(lasting(redis).filter((key) => key.startsWith('mine')), []);
});

for (const [what, args, message] of [
  ['no store', ['--replicas', '2'], /--replicas: several lanes need a store that they share \(--store redis:\/\/127\.0\.0\.1:6379 /],
  ['one lane', ['--replicas', '1', '--store', 'redis://127.0.0.1:6379'], /--replicas.*\b2\b/s],
  ['a store beyond loopback in the clear', ['--replicas', '2', '--store', 'redis://store.example.org'], /travel in the clear/],
  ['a password in the address', ['--store', 'redis://u:secret@127.0.0.1'], /no user and no password in the address/],
  ['a descriptor', ['--store', 'redis://127.0.0.1', '--store-password', 'fd:3'], /every lane needs the password/],
]) {
  test(`refused before anything is started: ${what}`, async () => {
    const run = await oa(['cutover', 'rehearse', '--local', ...args]);
    assert.equal(run.code, 2, run.stderr);
    assert.match(run.stderr, message);
    assert.ok(!run.stderr.includes('secret'));
    assert.ok(!fs.existsSync(path.join(run.stateDir, 'runs')));
  });
}

test('a store that cannot work: the reason of the lane that refuses it is the run’s', async () => {
  const small = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
  try {
    const run = await rehearse('--replicas', '2', '--store', small.url);
    assert.equal(run.code, 4, run.stderr);
    assert.match(JSON.stringify(run.json().checks), /stable-1 ended.*noeviction/);
  } finally {
    await small.kill();
  }
});

beside('replicas are of the local rehearsal alone', async (redis) => {
  const run = await oa(['cutover', 'rehearse', 'cutover', '--replicas', '2', '--store', redis.url]);
  assert.equal(run.code, 2, run.stderr);
  assert.match(run.stderr, /for a rehearsal on this machine/);
});
