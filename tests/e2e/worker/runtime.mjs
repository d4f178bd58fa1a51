// The runtime as a process of its own, on a port that stays: it can be killed.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export async function startRuntime(port = 0) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('fake/fake-runtime.mjs', import.meta.url)), '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((done) => child.stdout.once('data', (data) => done(String(data))));
  const { url, token } = JSON.parse(line);
  return { url, token, port: Number(new URL(url).port), violations: [], child, stop: async () => { child.kill('SIGKILL'); } };
}
