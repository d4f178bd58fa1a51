// One lane with two Codex servers: what both need, and what is said of each.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
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

test('the loss of one of two is seen by its number, and its return', async () => {
  const lane = await begin('one-away');
  const up = async () => Object.fromEntries([...(await send(lane.base, { path: '/metrics' })).text.matchAll(/^oa_stream_codex_server_up\{server="(\d+)"\} (\d)$/mg)].map(([, server, value]) => [server, Number(value)]));
  const seen = async (wanted) => {
    let last;
    await lane.until(async () => isDeepStrictEqual(last = await up(), wanted), JSON.stringify(wanted)).catch((error) => assert.fail(`${error.message}; last: ${JSON.stringify(last)}`));
  };
  await seen({ 1: 1, 2: 1 });
  const { home, port } = second;
  await second.kill();
  await seen({ 1: 1, 2: 0 });
  assert.match((await send(lane.base, { path: '/metrics' })).text, /^oa_stream_codex_up 1$/m);
  assert.equal((await send(lane.base, { path: '/readyz' })).status, 200, 'the other one takes new chats');
  second = await startCodexServer({ home, port });
  await seen({ 1: 1, 2: 1 });
  assert.equal((await lane.stop()).code, 0);
});
