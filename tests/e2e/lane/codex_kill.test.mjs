// kill -9 of Codex: the stream that was running ends with exactly one error, and the lane recovers by
// itself – the next turn on the same thread works.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { chatConfig, codexBin, codexPids, startCodexLane, startMock, turnWorks } from '../lib/codex.mjs';
import { chat, send } from '../lib/http.mjs';
import { assertLegal, assertOneError, assertRefused } from '../lib/contract.mjs';
import { requestLines } from '../lib/lane.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';

const folder = scratch('killed');
const [bin, go] = ['codex', 'go'].map((name) => path.join(folder, name));
let mock, lane;
before(async () => {
  mock = await startMock();
  fs.writeFileSync(bin, `#!/bin/sh\nuntil [ -e '${go}' ]; do sleep 0.05; done\nexec '${codexBin()}' "$@"\n`, { mode: 0o755 });
  fs.writeFileSync(go, '');
  lane = await startCodexLane({ config: chatConfig, port: mock.port, folder, bin });
});
after(async () => {
  assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly');
  await mock.stop();
});
afterEach(() => assert.equal(lane.exit, undefined, 'the lane lives'));

/** The running app-server; a restarted one may take a moment. */
async function codexPid() {
  const end = Date.now() + limit(15000);
  for (;;) {
    const found = codexPids(lane);
    if (found.length === 1) return found[0];
    assert.ok(found.length === 0 && Date.now() < end, `one codex below ${lane.pid}: ${found}`);
    await sleep(20);
  }
}
const kill = async () => process.kill(await codexPid(), 'SIGKILL');
const deaths = () => lane.stderr.split('app-server ended: signal 9').length - 1;

test('killed in the middle of a turn: one error, then the same thread goes on', async () => {
  const id = 'killed-mid-turn';
  const first = await turnWorks(lane, id);
  const running = chat(lane.base, 'scenario:text;words=200;delay=40', { id });
  await running.frame('text-delta');
  await kill();
  await running.done;
  const seen = assertOneError(running, { code: 'authority_lost', retryable: true });
  assert.ok(seen.texts[0].length > 0, 'what was said before stays');
  assert.doesNotMatch(running.text, /SIGKILL|signal 9|app-server/, 'nothing of our inside reaches the page');
  const next = await turnWorks(lane, id, 4);
  assert.equal(next.headers['x-oa-thread-id'], first.headers['x-oa-thread-id']);
});

test('every turn of the killed process ends with its own error', async () => {
  const running = ['kill-a', 'kill-b', 'kill-c'].map((id) => chat(lane.base, 'scenario:text;words=200;delay=40', { id }));
  await Promise.all(running.map((r) => r.frame('text-delta')));
  await kill();
  for (const r of running) {
    await r.done;
    assertOneError(r, { code: 'authority_lost' });
  }
  await Promise.all(['kill-a', 'kill-b', 'kill-c'].map((id) => turnWorks(lane, id)));
});

test('killed before any output: still one error, never a success', async () => {
  const running = chat(lane.base, 'scenario:text;words=3;first=5000', { id: 'killed-early' });
  await running.wait((x) => x.status, 'head');
  await kill();
  await running.done;
  assertOneError(running, { code: 'authority_lost' });
  await turnWorks(lane, 'killed-early');
});

test('killed while idle: once the lane knows, the next turn waits for the new process', async () => {
  await turnWorks(lane, 'idle');
  const before = deaths();
  await kill();
  await lane.until(() => deaths() > before, 'the lane to notice');
  await turnWorks(lane, 'idle');
});

test('a turn asked for at the very moment of the death is served or refused for a retry, never half', async () => {
  await turnWorks(lane, 'racing');
  await kill();
  const answer = await chat(lane.base, 'scenario:text;words=3', { id: 'racing' }).done;
  if (answer.status === 200) assertLegal(answer);
  else {
    assertRefused(answer, 503, 'authority_unavailable');
    assert.match(answer.headers['retry-after'], /^\d+$/);
  }
  await turnWorks(lane, 'racing');
});

test('while it is away /readyz says so, and says ready again afterwards', async () => {
  const told = async () => (await send(lane.base, { path: '/readyz' })).status;
  assert.equal(await told(), 200);
  fs.unlinkSync(go); // the next one waits for it
  await kill();
  await lane.until(async () => await told() === 503, 'it says so', 15000);
  assert.equal((await send(lane.base, { path: '/healthz' })).status, 200);
  fs.writeFileSync(go, '');
  await lane.until(async () => await told() === 200, 'ready again');
});

test('each lost turn is counted once, in its class', () => {
  const ended = requestLines(lane).map((l) => l.terminal).filter(Boolean);
  assert.equal(ended.filter((t) => t === 'codex_error').length, 5, `one turn, three at once, one before output: ${ended}`);
  assert.ok(ended.every((t) => ['codex_error', 'completed'].includes(t)), `${ended}`);
});

test('a turn that its process took along is over for lists, and in copies', async () => {
  const id = 'killed-listed';
  await turnWorks(lane, id);
  const dead = chat(lane.base, 'scenario:text;words=200;delay=40', { id, messageId: 'dead' });
  await dead.frame('text-delta');
  await kill();
  await dead.done;
  const path = `/api/chats/${id}`;
  const copy = async (body) => {
    const made = await send(lane.base, { method: 'POST', path: `${path}/fork`, body });
    assert.equal(made.status, 201, made.text);
    return (await send(lane.base, { path: `/api/chats/${made.json().data.id}/runs` })).json().data.map((run) => run.status);
  };
  await lane.until(async () => (await send(lane.base, { path: '/readyz' })).status === 200, 'codex again');
  assert.deepEqual(await copy({}), ['interrupted', 'completed'], 'of all');
  const next = chat(lane.base, 'scenario:text;words=200;delay=40', { id, messageId: 'next' });
  await next.frame('text-delta');
  const statuses = async (query) => (await send(lane.base, { path: `${path}/messages${query}` })).json().data.filter((m) => m.role === 'user').map((m) => m.metadata.status);
  assert.deepEqual(await statuses(''), ['completed', 'interrupted', 'running']);
  assert.deepEqual(await statuses('?order=desc'), ['running', 'interrupted', 'completed']);
  assert.deepEqual((await send(lane.base, { path: `${path}/runs` })).json().data.map((run) => run.status), ['running', 'interrupted', 'completed']);
  await send(lane.base, { method: 'POST', path: `${path}/stop` });
  await next.done;
  assert.deepEqual(await copy({ messageId: 'next' }), ['interrupted', 'completed'], 'before the next question');
});
