// One lane with two Codex servers: what both need, and what is said of each.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { TOKEN, chatConfig, startCodexServer, startMock } from '../lib/codex.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { scratch } from '../lib/process.mjs';

const config = path.join(scratch('two-servers'), 'config.toml');
let mock, first, second;

before(async () => {
  mock = await startMock();
  fs.writeFileSync(config, chatConfig(mock.port));
  [first, second] = await Promise.all([1, 2].map(() => startCodexServer({ config: chatConfig, mockPort: mock.port })));
});
after(async () => {
  await Promise.all([first, second].map((server) => server.kill()));
  await mock.stop();
});

const begin = (name, token = `file:${first.tokenFile}`, more = {}) => startLane({
  authority: 'codex',
  name,
  args: ['--codex-server', `1=${first.url}`, '--codex-server', `2=${second.url}`, '--codex-token', token, '--codex-config', config, '--model', 'mock-model', '--codex-restart-max', '200ms', '--drain-timeout', '300ms'],
  ...more,
});
const readyz = async (lane) => (await send(lane.base, { path: '/readyz' })).text;

test('a token by a descriptor, which can be read once, is for both', async () => {
  const lane = await begin('by-descriptor', 'fd:3', { wrap: ['sh', '-c', 'exec "$@" 3< "$0"', first.tokenFile] });
  await lane.until(() => [1, 2].every((k) => lane.stderr.includes(`server ${k}: codex 0.`)), 'both servers');
  assert.doesNotMatch(await readyz(lane), /server \d:/);
  for (const id of ['one', 'other']) assert.equal((await chat(lane.base, 'scenario:text;words=3', { id }).done).status, 200);
  assert.equal((await lane.stop()).code, 0);
  assert.ok(!(lane.stdout + lane.stderr).includes(TOKEN));
});
