// One lane with two Codex servers: what both need, and what is said of each.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { TOKEN, chatConfig, startCodexServer, startMock } from '../lib/codex.mjs';
import { assertRefused } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { oa, scratch } from '../lib/process.mjs';
import { acceptUpgrade } from '../worker/fake/lib/ws.mjs';

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

const begin = (name, token = `file:${first.tokenFile}`, more = {}, [one, two] = [first, second]) => startLane({
  authority: 'codex',
  name,
  args: ['--codex-server', `1=${one.url}`, '--codex-server', `2=${two.url}`, '--codex-token', token, '--codex-config', config, '--model', 'mock-model', '--codex-restart-max', '200ms', '--drain-timeout', '300ms'],
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

test("servers in each other's place: their conversations are refused, and whole once each has its own number", async () => {
  const folder = scratch('swapped');
  const ids = ['one', 'two', 'three', 'four'];
  const lane = (servers) => begin('swapped', undefined, { folder }, servers);
  const straight = await lane();
  for (const id of ids) assert.equal((await chat(straight.base, 'scenario:text;words=3', { id }).done).status, 200);
  assert.equal((await straight.stop()).code, 0);
  const swapped = await lane([second, first]);
  await swapped.until(() => [1, 2].every((k) => swapped.stderr.includes(`server ${k}: codex 0.`)), 'both servers');
  for (const id of ids) {
    assertRefused(await chat(swapped.base, 'scenario:text;words=4', { id }).done, 503, 'authority_unavailable');
    assertRefused(await send(swapped.base, { path: `/api/chats/${id}/messages` }), 503, 'authority_unavailable');
    assertRefused(await send(swapped.base, { method: 'DELETE', path: `/api/chats/${id}` }), 503, 'authority_unavailable');
  }
  assert.match(swapped.stderr, /server 2 has a conversation of server 1: are they in each other's place\?/);
  assert.equal((await swapped.stop()).code, 0);
  const right = await lane();
  for (const id of ids) {
    assert.equal((await chat(right.base, 'scenario:text;words=4', { id }).done).status, 200);
    const { data } = (await send(right.base, { path: `/api/chats/${id}/messages` })).json();
    assert.equal(data.length, 4, JSON.stringify(data));
  }
  assert.equal((await right.stop()).code, 0);
});

test("a conversation that its server does not know is not begun from the start while the other server is away", async () => {
  const folder = scratch('half-swapped');
  const ids = ['one', 'two', 'three', 'four'];
  const straight = await begin('half-swapped', undefined, { folder });
  await straight.until(() => [1, 2].every((k) => straight.stderr.includes(`server ${k}: codex 0.`)), 'both servers');
  for (const id of ids) assert.equal((await chat(straight.base, 'scenario:text;words=3', { id }).done).status, 200);
  assert.equal((await straight.stop()).code, 0);
  const swapped = await begin('half-swapped', undefined, { folder }, [second, { url: 'ws://127.0.0.1:1' }]);
  await swapped.until(() => swapped.stderr.includes('server 1: codex 0.'), 'the server that is there');
  for (const id of ids) assertRefused(await chat(swapped.base, 'scenario:text;words=4', { id }).done, 503, 'authority_unavailable');
  assert.match(swapped.stderr, /server 1 does not know a conversation, and server 2 is away: it may be there/);
  assert.equal((await swapped.stop()).code, 0);
});

/** doctor's checks of Codex servers, by what follows "codex.", and how it ended. */
async function doctor(urls, token = ['--codex-token', `file:${first.tokenFile}`], how = {}) {
  const ran = await oa(['doctor', '--json', ...urls.flatMap((url, i) => ['--codex-server', `${i + 1}=${url}`]), ...token], how);
  assert.ok(ran.stdout, ran.stderr);
  assert.ok(!(ran.stdout + ran.stderr).includes(TOKEN), 'no token is told');
  const { checks, verdict } = ran.json();
  return { verdict, code: ran.code, ...Object.fromEntries(checks.filter((one) => one.id.startsWith('codex.')).map((one) => [one.id.slice(6), [one.verdict, one.detail, one.data.mend]])) };
}
const PASS = (detail) => ['PASS', detail, null];
/** Somebody who opens WebSockets and answers with what `answers` returns, if anything. */
async function startOther(answers) {
  const server = http.createServer((_, answer) => answer.writeHead(404).end());
  server.on('upgrade', (request, socket) => {
    const { peer } = acceptUpgrade(request, socket);
    peer.on('text', (text) => {
      const message = JSON.parse(text);
      const answer = answers(message);
      if (answer) peer.sendJson({ id: message.id, ...answer });
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `ws://127.0.0.1:${server.address().port}`, stop: () => { server.closeAllConnections(); server.close(); } };
}

test('doctor comes to each server as a lane would', async () => {
  const seen = await doctor([first.url, second.url]);
  assert.deepEqual(seen['server-1'], PASS(`${first.url}: Codex 0.169.0 answers`));
  assert.deepEqual(seen['server-2'], PASS(`${second.url}: Codex 0.169.0 answers`));
  assert.deepEqual(seen.versions, PASS('all run Codex 0.169.0'));
  const one = await doctor([second.url]);
  assert.deepEqual(Object.keys(one).filter((key) => key.startsWith('server') || key === 'versions'), ['server-1'], 'one version cannot differ');
});

test('doctor names the server that is away, refuses the token, is silent or is no Codex, and what to do', async () => {
  const away = await doctor([first.url, 'ws://127.0.0.1:1']);
  assert.equal(away['server-1'][0], 'PASS');
  assert.deepEqual(away['server-2'], ['FAIL', 'ws://127.0.0.1:1: no Codex server: Connection refused', 'start server 2, or correct its address in --codex-server']);
  assert.equal(away.verdict, 'FAIL');

  const wrong = await doctor([first.url], ['--codex-token', 'env:WRONG'], { env: { WRONG: 'another-token' } });
  assert.deepEqual(wrong['server-1'], ['FAIL', `${first.url}: the Codex server refuses the token`, 'put the token of server 1 into env:WRONG']);
  const none = await doctor([first.url], []);
  assert.deepEqual(none['server-1'], ['FAIL', `${first.url}: the Codex server refuses the token`, 'name the token of the Codex servers by --codex-token']);
  const unset = await doctor([first.url], ['--codex-token', 'env:NOT_SET']);
  assert.deepEqual(unset['server-1'], ['FAIL', `${first.url}: environment variable NOT_SET is not set`, 'put the token of server 1 into env:NOT_SET']);

  const others = await Promise.all([() => null, () => ({ error: { code: -32601, message: 'no such method' } })].map(startOther));
  const [silent, stranger] = others;
  const seen = await doctor([silent.url, stranger.url]);
  assert.deepEqual(seen['server-1'], ['FAIL', `${silent.url}: codex did not answer in time`, 'restart server 1']);
  assert.equal(seen['server-2'][0], 'FAIL');
  assert.match(seen['server-2'][1], /no such method/);
  for (const one of others) one.stop();
});

test('doctor tells a version that lanes were not tested with, and versions that differ', async () => {
  const newer = await startOther((message) => (message.method === 'initialize' ? { result: { userAgent: 'oa_stream/0.170.1 (Debian)' } } : null));
  const seen = await doctor([first.url, newer.url]);
  assert.deepEqual(seen['server-2'], ['INCONCLUSIVE', `${newer.url}: Codex 0.170.1 answers; lanes were not tested with it`, 'on its machine: npm install -g @openai/codex@0.169.0']);
  assert.deepEqual(seen.versions, ['INCONCLUSIVE', '0.169.0 on server 1, 0.170.1 on server 2', 'finish the update: all servers need the same Codex']);
  newer.stop();
  const newest = await startOther((message) => (message.method === 'initialize' ? { result: { userAgent: 'oa_stream/0.171.0 (Debian)' } } : null));
  assert.deepEqual((await doctor([newest.url]))['server-1'], PASS(`${newest.url}: Codex 0.171.0 answers`));
  newest.stop();
});

test('doctor refuses what serve refuses', async () => {
  for (const [args, text] of [
    [['--codex-server', first.url], /is not a number and an address/],
    [['--codex-server', `1=${first.url}`, '--codex-server', `1=${second.url}`], /two servers have the number 1/],
    [['--codex-server', `1=${first.url}`, '--codex-server', `2=${first.url}`], /servers 1 and 2 have the same address/],
    [['--codex-server', '1=ws://codex.example:4500'], /token would travel in the clear/],
    [['--codex-server', `1=${first.url}`, '--codex-token', TOKEN], /env:NAME, file:PATH or fd:N/],
  ]) {
    const tried = await oa(['doctor', ...args]);
    assert.equal(tried.code, 2, tried.stderr);
    assert.match(tried.stderr, text);
  }
});
