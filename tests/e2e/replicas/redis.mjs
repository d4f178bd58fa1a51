// A real Redis of its own, on loopback; its program is unpacked by ./dev and never installed.
import net from 'node:net';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { ROOT, Running, cleanEnv, scratch } from '../lib/process.mjs';

export const BIN = path.join(process.env.OA_PROXIES ?? path.join(ROOT, '.cache/proxies/usr/sbin'), '../bin');

const freePort = () => new Promise((done) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

/** {url, port, folder, cli(…args), …Running} */
export async function startRedis({ args = [], port, folder = scratch('redis') } = {}) {
  const at = port ?? await freePort();
  const redis = new Running(path.join(BIN, 'redis-server'), ['--port', String(at), '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--maxmemory-policy', 'noeviction', ...args], { name: `redis-${at}-${Date.now()}`, folder, env: cleanEnv() });
  await redis.until((r) => r.stdout.includes('Ready to accept connections'), 'Redis');
  Object.assign(redis, { port: at, folder });
  redis.url = `redis://127.0.0.1:${at}`;
  redis.cli = (...command) => {
    const ran = spawnSync(path.join(BIN, 'redis-cli'), ['-p', String(at), ...command], { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`redis-cli ${command[0]}: ${ran.stderr}`);
    return ran.stdout.trim();
  };
  return redis;
}
