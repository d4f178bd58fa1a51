// Codex as a server of its own (--codex-server): turns outlive the connection and the lane.
//
// The short form takes over 8 turns at random moments. The long one, 200:
//   OA_TAKEOVERS=200 ./dev e2e tests/e2e/lane/codex_server.test.mjs
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { chatConfig, codexBin, fifth, held, startCodexServer, startMock, turnWorks, whole } from '../lib/codex.mjs';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { Running, cleanEnv, limit, oa, scratch, sleep } from '../lib/process.mjs';
import { Wire } from '../lib/wire.mjs';
import { startCodexRelay } from '../replicas/codex_relay.mjs';

const TAKEOVERS = Number(process.env.OA_TAKEOVERS ?? 8);
const folder = scratch('lane');
const config = path.join(folder, 'config.toml');
let mock, server, wire, lane;

const serverArgs = (url = wire.base.replace('http:', 'ws:')) => ['--codex-server', `3=${url}`, '--codex-token', `file:${server.tokenFile}`, '--codex-config', config, '--model', 'mock-model', '--codex-restart-max', '200ms'];
const start = (args = []) => startLane({ authority: 'codex', folder, name: `lane-${Date.now()}`, args: [...serverArgs(), '--drain-timeout', '300ms', ...args] });
before(async () => {
  mock = await startMock();
  fs.writeFileSync(config, chatConfig(mock.port));
  server = await startCodexServer({ config: chatConfig, mockPort: mock.port });
  wire = await Wire.start(server.port);
  lane = await start();
});
after(async () => {
  if (lane && lane.exit === undefined) assert.equal((await lane.stop()).code, 0);
  wire.stop();
  await server.kill(); // SIGTERM would wait for turns that a failed test left
  await mock.stop();
});

const release = (key) => mock.release(key);
const readies = (of = lane) => of.stderr.split('is ready, at ws://').length - 1;
const resume = (id) => open(lane.base, { path: `/api/chat/${id}/stream` });
const reading = async (name) => Number(new RegExp(`^oa_stream_${name} (\\S+)`, 'm').exec((await send(lane.base, { path: '/metrics' })).text)?.[1]);
/** A client of the server that is no lane. */
async function client() {
  const socket = new WebSocket(server.url, { headers: { authorization: `Bearer ${fs.readFileSync(server.tokenFile, 'utf8').trim()}` } });
  const waiting = new Map();
  socket.onmessage = ({ data }) => { const message = JSON.parse(data); waiting.get(message.id)?.(message); };
  await new Promise((done, failed) => { socket.onopen = done; socket.onerror = failed; });
  let number = 0;
  const ask = async (method, params) => {
    const answer = await new Promise((done) => { waiting.set(++number, done); socket.send(JSON.stringify({ id: number, method, params })); });
    assert.ok(answer.result, JSON.stringify(answer));
    return answer.result;
  };
  await ask('initialize', { clientInfo: { name: 'somebody', title: 'Somebody else', version: '1' } });
  socket.send(JSON.stringify({ method: 'initialized' }));
  return { ask, close: () => socket.close() };
}
async function ended(id, status = 'completed', of = lane) {
  for (const end = Date.now() + limit(20000); ; await sleep(20)) {
    const runs = (await send(of.base, { path: `/api/chats/${id}/runs` })).json();
    if (JSON.stringify(runs).includes(`"${status}"`)) return runs;
    assert.ok(Date.now() < end, `no ${status} run: ${JSON.stringify(runs)}`);
  }
}

/** What the server has stored of its threads. */
const rollouts = () => fs.readdirSync(path.join(server.home, 'sessions'), { recursive: true }).filter((name) => name.endsWith('.jsonl')).map((name) => fs.readFileSync(path.join(server.home, 'sessions', name), 'utf8'));

test('a turn runs on the server, and its thread is pinned to the number', async () => {
  const answer = await chat(lane.base, 'scenario:text;words=30', { id: 'plain' }).done;
  assert.equal(answer.status, 200, answer.text);
  assertLegal(answer);
  assert.equal(read(answer).texts[0], whole());
  await lane.until(() => fs.existsSync(path.join(lane.stateDir, 'lane/threads.map')) && fs.readFileSync(path.join(lane.stateDir, 'lane/threads.map'), 'latin1').includes('3_0'), 'the pin in the map');
  assert.ok(!fs.existsSync(path.join(lane.stateDir, 'codex')), 'the lane makes no home of its own');
});

test('the token of the server may stand in the environment, and opens a second connection too', async () => {
  const args = serverArgs().map((word) => (word.startsWith('file:') ? 'env:OA_TEST_TOKEN' : word));
  const other = await startLane({ authority: 'codex', folder: scratch('env-token'), name: 'env-token', args, env: { OA_TEST_TOKEN: fs.readFileSync(server.tokenFile, 'utf8').trim() } });
  for (const id of ['env-1', 'env-2']) {
    const answer = await chat(other.base, 'scenario:text;words=3', { id }).done;
    assertLegal(answer);
    assert.deepEqual(read(answer).texts, [whole(3)]);
    const before = other.stderr.split('is ready, at ws://').length;
    wire.cut(false);
    await other.until(() => other.stderr.split('is ready, at ws://').length > before, 'a new connection');
  }
  assert.equal((await other.stop()).code, 0);
});

test('the connection is cut while the answer stands still: the stream goes on, whole', async () => {
  const answer = chat(lane.base, held('cut'), { id: 'cut' });
  await fifth(answer);
  const before = readies();
  wire.cut(false);
  await lane.until(() => readies() > before, 'a new connection');
  await release('cut');
  await answer.done;
  assertLegal(answer);
  assert.deepEqual(read(answer).texts, [whole()]);
  await turnWorks(lane, 'cut');
});

test('the answer ends while nobody is connected: the stream still tells all of it', async () => {
  const answer = chat(lane.base, held('away'), { id: 'away' });
  await fifth(answer);
  wire.down = true;
  wire.cut(false);
  await lane.until(() => lane.stderr.includes('no Codex server'), 'a refused connection');
  const stored = () => rollouts().filter((text) => text.includes(whole())).length;
  const before = stored();
  await release('away');
  for (const end = Date.now() + limit(20000); stored() === before; await sleep(20)) assert.ok(Date.now() < end, 'the server did not store the answer');
  wire.down = false;
  await answer.done;
  assertLegal(answer);
  assert.deepEqual(read(answer).texts, [whole()]);
});

// Letters, words, several messages, several thoughts, all of Unicode.
const KINDS = [
  'text;words=30;delay=12',
  'text;words=30;delay=2;chunk=char',
  'unicode;delay=4',
  'two-messages;delay=40;gap=100',
  'phases;delay=40',
  'reasoning;parts=3;delay=12',
].map((kind) => `scenario:${kind}`);
/** What an answer says, part by part, without the ids of parts. */
const said = (x) => JSON.stringify({ texts: read(x).texts, reasoning: read(x).reasoning });
let uncut;
async function references() {
  uncut ??= await Promise.all(KINDS.map((kind, i) => chat(lane.base, kind, { id: `uncut-${i}` }).done));
  return uncut.map(said);
}

test(`${TAKEOVERS} connections cut at random moments: every answer is exact`, async () => {
  const expected = await references();
  const answers = [];
  for (let i = 0; i < TAKEOVERS; ++i) {
    const answer = chat(lane.base, KINDS[i % KINDS.length], { id: `random-${i}` });
    await answer.wait((x) => x.status, 'head');
    await sleep(Math.random() * 350);
    wire.cut(false);
    answers.push(answer);
  }
  for (const [i, answer] of answers.entries()) {
    await answer.done;
    assertLegal(answer);
    assert.equal(said(answer), expected[i % KINDS.length], KINDS[i % KINDS.length]);
  }
});

test(`${Math.ceil(TAKEOVERS / 4)} lanes killed at random moments: what the next one resumes is exact`, async (t) => {
  const expected = await references();
  let resumed = 0;
  for (let i = 0; i < Math.ceil(TAKEOVERS / 4); ++i) {
    const id = `dead-${i}`;
    const answer = chat(lane.base, KINDS[i % KINDS.length], { id });
    await answer.wait((x) => x.status, 'head');
    await sleep(Math.random() * 200);
    await lane.kill();
    lane = await start();
    const again = await resume(id).done;
    if (again.status === 204) {
      await ended(id); // before the lane was there again
      continue;
    }
    assertLegal(again);
    assert.equal(said(again), expected[i % KINDS.length], KINDS[i % KINDS.length]);
    resumed += 1;
  }
  t.diagnostic(`${resumed} were resumed`);
  if (TAKEOVERS > 100) assert.ok(resumed > TAKEOVERS / 20, `${resumed} were resumed`);
});

for (const how of ['restarted', 'dead']) {
  test(`the lane is ${how}: the reader is cut without an ending, the turn goes on, its resume is whole`, async () => {
    const answer = chat(lane.base, held(how), { id: how });
    await fifth(answer);
    if (how === 'dead') await lane.kill();
    else assert.equal((await lane.stop()).code, 0);
    await answer.done;
    assert.equal(answer.complete, false, 'a whole body would look like the end');
    assert.ok(!answer.chunks.includes('[DONE]') && !answer.chunks.some((c) => ['finish', 'error'].includes(c?.type)), answer.text);
    lane = await start();
    const again = resume(how);
    await again.frame('start');
    await release(how);
    await again.done;
    assertLegal(again);
    assert.deepEqual(read(again).texts, [whole()]);
    const id = (x) => x.chunks.find((c) => c?.type === 'start').messageId;
    assert.equal(id(again), id(answer), 'it is the same message');
    await ended(how);
  });
}

test('the lane is killed: two pages resume one turn, and stop ends it', async () => {
  const answer = chat(lane.base, held('killed'), { id: 'killed' });
  await fifth(answer);
  await lane.kill();
  await answer.done;
  lane = await start();
  const pages = [resume('killed'), resume('killed')];
  await Promise.all(pages.map((page) => page.frame('start')));
  assert.equal(pages[0].headers['x-oa-turn-id'], pages[1].headers['x-oa-turn-id']);
  const stopped = await send(lane.base, { method: 'POST', path: '/api/chats/killed/stop' });
  assert.equal(stopped.json().data.status, 'stopped', stopped.text);
  for (const page of pages) {
    await page.done;
    assertLegal(page);
  }
  await release('killed');
  assert.equal((await resume('plain').done).status, 204, 'where nothing runs there is nothing to resume');
});

test('the lane is killed: a stop alone ends the turn', async () => {
  const answer = chat(lane.base, held('stopped'), { id: 'stopped' });
  await fifth(answer);
  await lane.kill();
  lane = await start();
  const stopped = await send(lane.base, { method: 'POST', path: '/api/chats/stopped/stop' });
  assert.equal(stopped.json().data.status, 'stopped', stopped.text);
  await ended('stopped', 'interrupted');
  await release('stopped');
});

test('the lane is killed: a new message ends the old turn first and is not steered into it', async () => {
  const answer = chat(lane.base, held('next'), { id: 'next' });
  await fifth(answer);
  await lane.kill();
  lane = await start();
  await turnWorks(lane, 'next');
  await release('next');
  const runs = JSON.stringify(await ended('next'));
  assert.ok(runs.includes('"interrupted"'), runs);
});

for (const same of [false, true]) {
  test(`somebody else speaks into a turn on the server${same ? ' with the same message' : ''}: it ends, as what follows answers both`, async () => {
    const id = `spoken-into${same ? '-twice' : ''}`;
    const answer = chat(lane.base, held(id), { id });
    await fifth(answer);
    const other = await client();
    const { data } = await other.ask('thread/list', { limit: 1 });
    await other.ask('thread/resume', { threadId: data[0].id });
    const { data: [{ items }] } = await other.ask('thread/turns/list', { threadId: data[0].id, itemsView: 'full', limit: 1 });
    const { clientId, content } = items.find((item) => item.type === 'userMessage');
    assert.ok(clientId);
    const input = same ? content : [{ type: 'text', text: 'scenario:text;words=2' }];
    const before = await reading('codex_foreign_input_total');
    await other.ask('turn/start', { threadId: data[0].id, input, ...same && { clientUserMessageId: clientId } });
    await release(id);
    await answer.done;
    other.close();
    assertLegal(answer);
    assertOneError(answer, { code: 'authority_lost', retryable: true });
    assert.equal(await reading('codex_foreign_input_total'), before + 1);
    assertLegal(await chat(lane.base, 'scenario:text;words=3', { id }).done);
  });
}

for (const [what, ...after] of [['archived'], ['archived and opened again', 'thread/unarchive', 'thread/resume']]) {
  test(`a thread that another client ${what} is opened for the next message and for a copy, and deleted`, async () => {
    const other = await client();
    const putAway = async (id) => {
      assert.equal((await chat(lane.base, 'scenario:text;words=3', { id }).done).status, 200);
      const { data: [{ id: threadId }] } = await other.ask('thread/list', { limit: 1 });
      for (const method of ['thread/archive', ...after]) await other.ask(method, { threadId });
      return threadId;
    };
    const [next, copied] = ['next', 'copied'].map((end) => `${what}-${end}`.replaceAll(' ', '-'));
    await putAway(next);
    const answer = await chat(lane.base, 'scenario:text;words=4', { id: next }).done;
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(read(answer).texts, [whole(4)]);
    const threadId = await putAway(copied);
    const copy = await send(lane.base, { method: 'POST', path: `/api/chats/${copied}/fork`, body: {} });
    assert.equal(copy.status, 201, copy.text);
    await other.ask('thread/archive', { threadId });
    const gone = await send(lane.base, { method: 'DELETE', path: `/api/chats/${copied}` });
    assert.equal(gone.status, 204, gone.text);
    const { data } = await other.ask('thread/list', { limit: 50, archived: true });
    assert.match(data.find((one) => one.id === threadId).name, /^oa-stream: deleted/);
    other.close();
  });
}

test('a stop is on its way and the connection is cut for longer than it waits, or says nothing more: the next one stops the turn', () => Promise.all([
  ['stop-cut', async (way) => { await sleep(100); way.down = true; way.cut(); await sleep(6500); way.down = false; }],
  ['stop-silent', () => {}],
].map(async ([id, lose]) => {
  const way = await Wire.start(server.port);
  const other = await startLane({ authority: 'codex', folder: scratch(id), name: id, args: [...serverArgs(way.base.replace('http:', 'ws:')), '--drain-timeout', '300ms'] });
  const answer = chat(other.base, held(id), { id });
  await fifth(answer);
  const before = readies(other);
  for (const socket of way.open) if (socket.near) socket.unpipe(); // what the lane sends is lost
  const stopped = await send(other.base, { method: 'POST', path: `/api/chats/${id}/stop` });
  assert.ok(['stopped', 'stopping'].includes(stopped.json().data.status), stopped.text);
  await lose(way);
  await other.until(() => readies(other) > before, 'a new connection', 30000);
  await ended(id, 'interrupted', other);
  await release(id);
  assert.ok(!other.stderr.includes('ignored its interrupt'), other.stderr);
  assertLegal(await chat(other.base, 'scenario:text;words=3', { id }).done);
  assert.equal((await other.stop()).code, 0);
  way.stop();
})));

test('a turn that was given up is stopped, though the connection breaks over that, too', async () => {
  const relay = await startCodexRelay(new URL(wire.base).port, {
    refuse: ({ method }) => {
      if (method !== 'turn/interrupt' || relay.refused > 0) return false;
      for (const socket of relay.sockets) socket.destroy();
      return true;
    },
  });
  const other = await startLane({ authority: 'codex', folder: scratch('twice'), name: 'twice', args: [...serverArgs(`ws://127.0.0.1:${relay.port}`), '--drain-timeout', '300ms', '--limit', 'reconnect=500ms'] });
  const answer = chat(other.base, held('twice'), { id: 'twice' });
  await fifth(answer);
  wire.down = true;
  wire.cut();
  await answer.done;
  assertOneError(answer, { code: 'authority_lost', retryable: true });
  wire.down = false;
  await other.until(() => relay.refused === 1, 'the interrupt that is lost');
  const stopped = () => rollouts().some((text) => text.includes('key=twice') && text.includes('turn_aborted'));
  for (const end = Date.now() + limit(20000); !stopped(); await sleep(20)) assert.ok(Date.now() < end, 'the turn runs on');
  await release('twice');
  assert.equal((await other.stop()).code, 0);
  relay.stop();
});

test('a chat is longer than a message may be when its connection is cut: all answers go on', async () => {
  const relay = await startCodexRelay(new URL(wire.base).port, {
    refuse: ({ method, params }) => method === 'thread/resume' && !params.excludeTurns && relay.refused === 0,
    result: { thread: { turns: ['x'.repeat(64 << 20)] } },
  });
  const other = await startLane({ authority: 'codex', folder: scratch('longer'), name: 'longer', args: [...serverArgs(`ws://127.0.0.1:${relay.port}`), '--drain-timeout', '300ms'] });
  const answers = ['longer', 'beside'].map((key) => chat(other.base, held(key), { id: key }));
  for (const answer of answers) await fifth(answer);
  const before = readies(other);
  for (const socket of relay.sockets) socket.destroy();
  await other.until(() => readies(other) > before, 'a new connection');
  await other.until(() => relay.refused === 1, 'the answer that is too long');
  for (const [i, key] of ['longer', 'beside'].entries()) {
    await release(key);
    await answers[i].done;
    assertLegal(answers[i]);
    assert.deepEqual(read(answers[i]).texts, [whole()]);
  }
  assert.equal(readies(other), before + 1, 'the connection was lost again');
  assert.equal((await other.stop()).code, 0);
  relay.stop();
});

test('the server stays away: its turns end with one error each, and new ones are refused', async () => {
  await lane.stop();
  lane = await start(['--limit', 'reconnect=500ms']);
  const answer = chat(lane.base, held('gone'), { id: 'gone' });
  await fifth(answer);
  wire.down = true;
  wire.cut(false);
  await answer.done;
  assertOneError(answer, { code: 'authority_lost', retryable: true });
  const ready = await send(lane.base, { path: '/readyz' });
  assert.equal(ready.status, 503);
  assert.match(ready.json().reason, /no Codex server/);
  assertRefused(await resume('plain').done, 503, 'authority_unavailable');
  wire.down = false;
  await lane.until(() => lane.stderr.includes('is given up'), 'the turn that is stopped there');
  const runs = await ended('gone', 'failed'); // the server has it as interrupted
  assert.equal(runs.data[0].error.code, 'authority_lost');
  await release('gone');
});

test('the server is killed: its turns end with an error, and its threads go on afterwards', async () => {
  await lane.stop();
  lane = await start(); // which waits longer for its server than a busy machine needs to start it
  const answer = chat(lane.base, held('crash'), { id: 'crash' });
  await fifth(answer);
  const { home, port } = server;
  await server.kill();
  server = await startCodexServer({ config: chatConfig, mockPort: mock.port, home, port });
  await answer.done;
  assertOneError(answer, { code: 'authority_lost', retryable: true });
  await release('crash');
  await lane.until(async () => (await send(lane.base, { path: '/readyz' })).status === 200, 'the connection');
  await turnWorks(lane, 'crash');
});

test('the server is stopped: it finishes its turns first, and what it did not say itself is read from history', async () => {
  const answer = chat(lane.base, held('drained'), { id: 'drained' });
  await fifth(answer);
  const { home, port } = server;
  server.signal('SIGTERM');
  for (const end = Date.now() + limit(20000); ; await sleep(20)) { // the signal is not there at once
    const refused = await chat(lane.base, 'scenario:text;words=3', { id: `during-drain-${Date.now()}` }).done;
    if (refused.status === 503) {
      assertRefused(refused, 503, 'authority_unavailable');
      break;
    }
    assert.ok(Date.now() < end, 'a server that drains takes turns');
  }
  await release('drained');
  await server.end();
  server = await startCodexServer({ config: chatConfig, mockPort: mock.port, home, port });
  await answer.done;
  assertLegal(answer);
  assert.deepEqual(read(answer).texts, [whole()]);
  await ended('drained');
});

test('a lane starts while its server is away, and says so', async () => {
  await lane.stop();
  wire.down = true;
  lane = await start();
  const ready = await send(lane.base, { path: '/readyz' });
  assert.equal(ready.status, 503, ready.text);
  wire.down = false;
  await lane.until(() => readies() > 0, 'the connection');
  assert.equal((await send(lane.base, { path: '/readyz' })).status, 200);
  assert.equal((await chat(lane.base, 'scenario:text;words=3', { id: 'late' }).done).status, 200);
});

test("a lane that was in use moves to a server with its conversations: its Codex's home becomes the server's", async () => {
  const place = scratch('moved');
  const common = ['--model', 'mock-model', '--provider-url', `http://127.0.0.1:${mock.port}/v1`, '--provider-key-env', 'MOCK_API_KEY'];
  const begin = (args, name) => startLane({ authority: 'codex', folder: place, name, args: [...common, ...args], env: { MOCK_API_KEY: 'sk-mock-not-a-secret' } });
  const own = await begin(['--codex-bin', codexBin()], 'own');
  assert.equal((await chat(own.base, 'remember me', { id: 'moved' }).done).status, 200);
  assert.equal((await own.stop()).code, 0);
  const home = path.join(own.stateDir, 'codex/home');
  const far = await startCodexServer({ home });
  const moved = await begin(['--codex-server', `0=${far.url}`, '--codex-token', `file:${far.tokenFile}`], 'moved');
  const answer = await chat(moved.base, 'and me', { id: 'moved' }).done;
  assertLegal(answer);
  assert.deepEqual(read(answer).texts, ['and me']);
  const told = (await send(moved.base, { path: '/api/chats/moved/messages' })).text;
  assert.ok(told.includes('remember me') && told.includes('and me'), told);
  const sent = (await mock.requests()).at(-1);
  assert.ok(sent.inputItems >= 3, `the model is sent what was said before: ${JSON.stringify(sent)}`);
  assert.deepEqual(sent.tools, [], 'the chat profile offers no tool');
  assert.equal((await moved.stop()).code, 0);
  await far.stop();

  // Its folder moves too, as docs/codex-server.md shows it.
  const other = path.join(scratch('elsewhere'), 'home');
  fs.renameSync(home, other);
  const settings = path.join(other, 'config.toml');
  fs.writeFileSync(settings, fs.readFileSync(settings, 'utf8').replaceAll(home, other));
  const threads = new DatabaseSync(path.join(other, 'state_5.sqlite'));
  threads.prepare('UPDATE threads SET rollout_path = replace(rollout_path, ?, ?)').run(home, other);
  threads.close();
  const away = await startCodexServer({ home: other });
  const again = await begin(['--codex-server', `0=${away.url}`, '--codex-token', `file:${away.tokenFile}`], 'again');
  assert.deepEqual(read(await chat(again.base, 'me too', { id: 'moved' }).done).texts, ['me too']);
  assert.ok((await send(again.base, { path: '/api/chats/moved/messages' })).text.includes('remember me'));
  assert.equal((await again.stop()).code, 0);
  await away.stop();
});

test('a lane reaches a server over a unix socket', async () => {
  const socket = path.join(fs.mkdtempSync('/tmp/oa-codex-'), 'codex.sock');
  const home = path.join(scratch('unix-home'), 'home');
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  fs.writeFileSync(path.join(home, 'config.toml'), chatConfig(mock.port));
  const local = new Running(codexBin(), ['app-server', '--strict-config', '--listen', `unix://${socket}`], { name: 'codex-unix', cwd: home, env: cleanEnv({ HOME: home, CODEX_HOME: home, MOCK_API_KEY: 'sk-mock-not-a-secret' }) });
  await local.until(() => fs.existsSync(socket), 'the socket', 30000);
  const near = await startLane({ authority: 'codex', name: 'near', args: ['--codex-server', `0=unix:${socket}`, '--codex-config', config, '--model', 'mock-model', '--drain-timeout', '300ms'] });
  await near.until(async () => (await send(near.base, { path: '/readyz' })).status === 200, 'readiness');
  await turnWorks(near, 'near', 5);
  assert.equal((await near.stop()).code, 0);
  await local.kill();
});

for (const [what, args, code, text] of [
  ['a wrong token', () => [...serverArgs().slice(0, 3), 'env:PATH', ...serverArgs().slice(4)], 5, /refuses the token/],
  ['ws:// to another machine', () => serverArgs('ws://codex.example:4500'), 2, /token would travel in the clear/],
  ...['http://127.0.0.1:4500', 'unix:relative', 'unix:'].map((url) => [`no address: ${url}`, () => serverArgs(url), 2, /--codex-server: this form of URL is not accepted here \(unix:\/PATH, wss:\/\/HOST:PORT, or ws:\/\/ on loopback\)/]),
  ['no number', () => ['--codex-server', server.url], 2, /is not a number and an address/],
  ['one number twice', () => [...serverArgs(), '--codex-server', `3=${server.url}`], 2, /two servers have the number 3/],
  ['one address twice', () => [...serverArgs(server.url), '--codex-server', `4=${server.url}`], 2, /servers 3 and 4 have the same address/],
  ['the agent profile', () => ['--codex-server', `0=${server.url}`, '--codex-profile', 'agent', '--allow-root'], 2, /chat profile only/],
  ['children beside it', () => [...serverArgs(), '--codex-children', '2'], 2, /starts no Codex beside the servers/],
]) {
  test(`refused at start: ${what}`, async () => {
    const tried = await oa(['serve', '--authority', 'codex', '--listen', '127.0.0.1:0', ...args()], { stateDir: scratch('refused') });
    assert.match(tried.stderr, text);
    assert.equal(tried.code, code, tried.stderr);
  });
}
