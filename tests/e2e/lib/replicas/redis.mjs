// A real Redis of its own, on loopback; its program is unpacked by ./dev and never installed.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { freePort } from '../free_port.mjs';
import { askNow } from './ask_now.mjs';
import { PROXIES, Running, cleanEnv, limit, scratch } from '../process.mjs';

export const BIN = path.join(PROXIES, '../bin');

/** {url, port, folder, cli(…args), …Running} */
export async function startRedis({ args = [], port, folder = scratch('redis') } = {}) {
  const at = port ?? await freePort();
  const redis = new Running(path.join(BIN, 'redis-server'), ['--port', String(at), '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--maxmemory-policy', 'noeviction', ...args], { name: `redis-${at}-${Date.now()}`, folder, env: cleanEnv() });
  await redis.until((r) => r.stdout.includes('Ready to accept connections'), 'Redis');
  Object.assign(redis, { port: at, folder });
  redis.url = `redis://127.0.0.1:${at}`;
  redis.cli = (...command) => {
    if (!command[0].startsWith('-')) return askNow(at, ...command);
    const ran = spawnSync(path.join(BIN, 'redis-cli'), ['-p', String(at), ...command], { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`redis-cli ${command[0]}: ${ran.stderr}`);
    return ran.stdout.trim();
  };
  return redis;
}

/** {port, …Running}: watches the primary at this port, with a failure noticed after a second and agreed on by two. */
export async function startSentinel(primary) {
  const port = await freePort();
  const folder = scratch('sentinel');
  const file = path.join(folder, 'sentinel.conf');
  fs.writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor chat 127.0.0.1 ${primary} 2\nsentinel down-after-milliseconds chat ${limit(1500)}\nsentinel failover-timeout chat 5000\n`);
  const one = new Running(path.join(BIN, 'redis-server'), [file, '--sentinel'], { name: `sentinel-${port}`, folder, env: cleanEnv() });
  await one.until((r) => r.stdout.includes('+monitor'), 'a Sentinel');
  return Object.assign(one, { port });
}
/** Three of them know each other, and the primary's two copies. */
export const meet = (sentinels) => Promise.all(sentinels.map((one) => one.until((r) => (r.stdout.match(/\+slave /g) ?? []).length >= 2 && (r.stdout.match(/\+sentinel /g) ?? []).length >= 2, 'the copies and the other Sentinels', 20000)));
export const sentinelUrl = (sentinels, name = 'chat') => `redis+sentinel://${sentinels.map((one) => `127.0.0.1:${one.port}`).join(',')}/${name}`;
