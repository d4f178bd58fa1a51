// One Codex app-server that several lanes may share, with a fake model behind it.
import fs from 'node:fs';
import path from 'node:path';
import { chatConfig } from '../tests/e2e/lib/codex.mjs';
import { listens } from './front.mjs';

/** {pid, args, release(key), stop()}: `args` are those of a lane on it. */
export async function codexServer({ work, start, freePort, mock: startMock, codexBin }) {
  const [mock, port] = [await startMock(), await freePort()];
  const home = fs.mkdtempSync(path.join(work, 'codex-')), config = path.join(home, 'config.toml'), token = path.join(home, 'token');
  fs.writeFileSync(config, chatConfig(mock.port));
  fs.writeFileSync(token, 'bench-token-0123456789abcdef\n', { mode: 0o600 });
  const codex = await start(codexBin, ['app-server', '--listen', `ws://127.0.0.1:${port}`, '--ws-auth', 'capability-token', '--ws-token-file', token], () => (listens(port) ? port : 0), { HOME: home, CODEX_HOME: home, MOCK_API_KEY: 'sk-mock' });
  return {
    pid: codex.pid,
    args: ['--authority', 'codex', '--codex-server', `0=ws://127.0.0.1:${port}`, '--codex-token', `file:${token}`, '--codex-config', config, '--model', 'mock-model'],
    release: (key) => fetch(`http://127.0.0.1:${mock.port}/__release?${key}`),
    stop: async () => { for (const one of [codex, mock]) await one.stop(); },
  };
}
