// kill -9 of Codex: the stream that was running ends with exactly one error, and the lane recovers by
// itself – the next turn on the same thread works.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from './lib/codex.mjs';
import { chat, send } from './lib/http.mjs';
import { assertLegal, assertOneError, read } from './lib/contract.mjs';
import { childPids, limit, sleep } from './lib/process.mjs';

let mock, lane;
before(async () => {
  mock = await startMock();
  lane = await startCodexLane({ config: chatConfig, port: mock.port });
});
after(async () => {
  assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly');
  await mock.stop();
});
afterEach(() => assert.equal(lane.exit, undefined, 'the lane lives'));

const codexPid = () => {
  const found = childPids(lane.pid).filter((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('app-server'));
  assert.equal(found.length, 1, `one codex below ${lane.pid}: ${found}`);
  return found[0];
};

async function turnWorks(id, words = 3) {
  const answer = await chat(lane.base, `scenario:text;words=${words}`, { id }).done;
  assert.equal(answer.status, 200, answer.text);
  assertLegal(answer);
  assert.equal(read(answer).texts[0].split(' ').length, words);
  return answer;
}

test('killed in the middle of a turn: one error, then the same thread goes on', async () => {
  const id = 'killed-mid-turn';
  const first = await turnWorks(id);
  const running = chat(lane.base, 'scenario:text;words=200;delay=40', { id });
  await running.frame('text-delta');
  process.kill(codexPid(), 'SIGKILL');
  await running.done;
  const seen = assertOneError(running, { code: 'authority_lost', retryable: true });
  assert.ok(seen.texts[0].length > 0, 'what was said before stays');
  assert.doesNotMatch(running.text, /SIGKILL|signal 9|app-server/, 'nothing of our inside reaches the page');
  const next = await turnWorks(id, 4);
  assert.equal(next.headers['x-oa-thread-id'], first.headers['x-oa-thread-id']);
});

test('every turn of the killed process ends with its own error', async () => {
  const running = ['kill-a', 'kill-b', 'kill-c'].map((id) => chat(lane.base, 'scenario:text;words=200;delay=40', { id }));
  await Promise.all(running.map((r) => r.frame('text-delta')));
  process.kill(codexPid(), 'SIGKILL');
  for (const r of running) {
    await r.done;
    assertOneError(r, { code: 'authority_lost' });
  }
  await Promise.all(['kill-a', 'kill-b', 'kill-c'].map((id) => turnWorks(id)));
});

test('killed before any output: still one error, never a success', async () => {
  const running = chat(lane.base, 'scenario:text;words=3;first=5000', { id: 'killed-early' });
  await running.wait((x) => x.status, 'head');
  process.kill(codexPid(), 'SIGKILL');
  await running.done;
  assertOneError(running, { code: 'authority_lost' });
  await turnWorks('killed-early');
});

test('killed while idle: the next turn waits for the new process instead of failing', async () => {
  await turnWorks('idle');
  process.kill(codexPid(), 'SIGKILL');
  await turnWorks('idle');
});

test('while it is away /readyz says so, and says ready again afterwards', async () => {
  process.kill(codexPid(), 'SIGKILL');
  const end = Date.now() + limit(15000);
  let ready;
  do {
    ready = await send(lane.base, { path: '/readyz' });
    assert.ok(ready.status === 503 || ready.status === 200, `${ready.status}`);
    await sleep(50);
  } while (ready.status !== 200 && Date.now() < end);
  assert.equal(ready.status, 200, ready.text);
  assert.equal((await send(lane.base, { path: '/healthz' })).status, 200);
});

test('the lost turns are counted once each', async () => {
  const metrics = (await send(lane.base, { path: '/metrics' })).text;
  const of = (name) => metrics.split('\n').filter((l) => l.startsWith(`oa_stream_terminal_total{`) && l.includes(`class="${name}"`)).reduce((n, l) => n + Number(l.split(' ').at(-1)), 0);
  assert.equal(of('codex_error'), 5, 'one turn, three at once, one before output');
  assert.ok(of('completed') >= 8);
});
