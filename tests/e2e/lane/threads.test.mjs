// The chats API over processes: who sees what, what outlives a restart, what a turn looks like that
// runs or was stopped.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { as, startLane, tokensOf } from '../lib/lane.mjs';
import { scratch } from '../lib/process.mjs';
import { readMap } from '../lib/thread_map.mjs';

let mock;
before(async () => { mock = await startMock(); });
after(async () => { await mock.stop(); });

const get = async (lane, path, headers = {}) => {
  const answer = await send(lane.base, { path, headers });
  assert.equal(answer.status, 200, `${path}: ${answer.text}`);
  return answer.json();
};
const make = (lane, body, headers = {}) => send(lane.base, { method: 'POST', path: '/api/chats', headers, body });
const ids = (list) => list.map((item) => item.id);
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('Codex keeps threads, titles and turns; the lane only knows whose they are', async () => {
  const folder = scratch('restart');
  const start = () => startCodexLane({ config: chatConfig, port: mock.port, folder });
  let lane = await start();
  const empty = (await make(lane)).json().data;
  assert.match(empty.id, /^thread_[0-9a-f]{32}$/);
  assert.deepEqual({ ...empty, createdAt: 0, updatedAt: 0 }, { id: empty.id, title: 'New conversation', autopilotId: null, archived: false, createdAt: 0, updatedAt: 0 });
  assert.match(empty.createdAt, ISO);
  const titled = await make(lane, { id: 'titled', title: 'Plans for May' });
  assert.equal(titled.status, 201);
  assert.equal(titled.headers.location, '/api/chats/titled');
  assertRefused(await make(lane, { id: 'titled' }), 409, 'conflict');
  assert.deepEqual(await get(lane, '/api/chats/titled/messages'), { data: [], nextCursor: null });
  assertLegal(await chat(lane.base, 'scenario:text;words=2 spoken', { id: 'spoken', messageId: 'u-1' }).done);

  const seen = { list: await get(lane, '/api/chats'), spoken: await get(lane, '/api/chats/spoken') };
  assert.equal((await lane.stop()).code, 0);
  const rows = readMap(path.join(lane.stateDir, 'lane/threads.map'));
  assert.deepEqual(Object.fromEntries(rows.map((row) => [row.id, row.title])), { [empty.id]: '', titled: 'Plans for May', spoken: 'scenario:text;words=2 spoken' });
  const kept = fs.readdirSync(lane.stateDir, { recursive: true }).map((f) => path.join(lane.stateDir, f))
    .filter((f) => !f.includes('codex') && fs.statSync(f).isFile()).map((f) => fs.readFileSync(f, 'utf8')).join('');
  assert.doesNotMatch(kept, /alpha/, 'answers are not ours to keep');

  lane = await start();
  const again = await get(lane, '/api/chats');
  assert.deepEqual(ids(again.data).sort(), ids(seen.list.data).sort());
  assert.deepEqual(Object.fromEntries(again.data.map((t) => [t.id, t.title])), { [empty.id]: 'New conversation', titled: 'Plans for May', spoken: 'scenario:text;words=2 spoken' });
  assert.deepEqual(await get(lane, '/api/chats/spoken'), seen.spoken);

  // The empty ones take their first turn.
  assertLegal(await chat(lane.base, 'scenario:text;words=2 first words', { id: empty.id }).done);
  assertLegal(await chat(lane.base, 'scenario:text;words=2 other words', { id: 'titled' }).done);
  const titles = Object.fromEntries((await get(lane, '/api/chats')).data.map((t) => [t.id, t.title]));
  assert.equal(titles[empty.id], 'scenario:text;words=2 first words');
  assert.equal(titles.titled, 'Plans for May');
  assert.equal((await get(lane, '/api/chats?limit=1')).data[0].id, 'titled', 'newest first');
  assert.equal((await lane.stop()).code, 0);
});

test('a message that is sent again after a restart stands in its conversation once', async () => {
  const folder = scratch('again');
  const start = () => startCodexLane({ config: chatConfig, port: mock.port, folder });
  let lane = await start();
  const parts = [
    { type: 'text', text: 'scenario:text;words=60;delay=10' },
    { type: 'text', text: 'of this:' },
    { type: 'file', mediaType: 'text/plain', filename: 'n.txt', url: 'data:text/plain,abc' },
  ];
  const say = () => open(lane.base, { method: 'POST', path: '/api/chat', body: { id: 'again', messages: [{ id: 'u-1', role: 'user', parts }] } });
  const cut = say();
  await cut.frame('text-delta');
  await lane.kill();
  await cut.done;
  for (let round = 0; round < 2; ++round) { // a turn that was cut off, then one that was completed
    lane = await start();
    const whole = say();
    await whole.done;
    assertLegal(whole);
    assert.deepEqual(ids((await get(lane, '/api/chats/again/messages')).data), ['u-1', whole.headers['x-oa-turn-id']]);
    assert.equal((await lane.stop()).code, 0);
  }
});

test('messages, runs and events of a turn, while it runs, when it was stopped, when it failed', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  const id = 'stopped';
  const running = chat(lane.base, 'scenario:text;words=200;delay=30', { id, messageId: 'u-stop' });
  // At once: Codex may not have stored the message yet.
  await running.wait((x) => x.status === 200, 'the head');
  const turn = running.headers['x-oa-turn-id'];
  const live = await get(lane, `/api/chats/${id}`);
  assert.deepEqual(ids(live.data.messages), ['u-stop']);
  assert.equal(live.data.messages[0].content, 'scenario:text;words=200;delay=30');
  assert.equal(live.data.messages[0].runId, turn);
  assert.equal(live.data.messages[0].metadata.status, 'running');
  assert.deepEqual(live.data.runs.map((r) => [r.id, r.status, r.completedAt]), [[turn, 'running', null]]);
  await running.frame('text-delta');
  await open(lane.base, { method: 'POST', path: `/api/chats/${id}/stop` }).done;
  await running.done;

  const stopped = (await get(lane, `/api/chats/${id}/messages`)).data;
  assert.deepEqual(ids(stopped), ['u-stop'], 'Codex keeps nothing of a message it did not finish');
  assert.equal(stopped[0].metadata.status, 'interrupted');
  const [run] = (await get(lane, `/api/chats/${id}/runs`)).data;
  assert.equal(run.status, 'interrupted');
  assert.equal(run.modelProvider, 'codex_app_server');
  assert.equal(run.model, 'mock-model');
  assert.match(run.startedAt, ISO);
  const events = await get(lane, `/api/chats/${id}/runs/${turn}/events`);
  assert.deepEqual(events.data.run, run);
  assert.deepEqual(events.data.events.map((e) => [e.seq, e.type, e.actorType]), [
    [1, 'run_started', 'user'], [2, 'model_stream_started', 'system'], [3, 'run_interrupted', 'system'],
  ]);
  assertRefused(await send(lane.base, { path: `/api/chats/${id}/runs/nope/events` }), 404, 'not_found');

  await chat(lane.base, 'scenario:http-400', { id }).done;
  await chat(lane.base, 'scenario:text;words=2', { id }).done;
  const all = (await get(lane, `/api/chats/${id}/runs`)).data;
  assert.deepEqual(all.map((r) => r.status), ['completed', 'failed', 'interrupted'], 'newest first');
  assert.equal(all[1].error.code, 'turn_failed');
  assert.doesNotMatch(JSON.stringify(all), /mock: bad request/, "the model's own error text stays with Codex");
  const messages = (await get(lane, `/api/chats/${id}/messages`)).data;
  assert.deepEqual(messages.map((m) => [m.role, m.metadata.status]), [
    ['user', 'interrupted'], ['user', 'failed'], ['user', 'completed'], ['assistant', 'completed'],
  ]);
  const paged = [];
  for (let next = `/api/chats/${id}/messages?limit=3`; next; ) {
    const page = await get(lane, next);
    paged.push(...page.data);
    next = page.nextCursor && `/api/chats/${id}/messages?limit=3&cursor=${page.nextCursor}`;
  }
  assert.deepEqual(paged, messages);
  assert.equal((await lane.stop()).code, 0);
});

test('owners see their own; everybody else gets the same 404 as for what never was', async () => {
  const tokens = tokensOf(['a', 'b']);
  const lane = await startLane({ args: ['--tokens', tokens, '--compat', 'required'] });
  assert.equal((await make(lane, { id: 'same' }, as('a'))).status, 201);
  assert.equal((await make(lane, { id: 'same' }, as('b'))).status, 201, "another owner's ids are invisible");
  assert.equal((await make(lane, { id: 'of-a', title: 'T' }, as('a'))).status, 201);
  assert.deepEqual(ids((await get(lane, '/api/chats', as('a'))).data).sort(), ['of-a', 'same']);
  assert.deepEqual(ids((await get(lane, '/api/chats', as('b'))).data), ['same']);
  for (const rest of ['', '/messages', '/runs', '/runs/x/events']) {
    const foreign = assertRefused(await send(lane.base, { path: `/api/chats/of-a${rest}`, headers: as('b') }), 404, 'not_found');
    const nobody = assertRefused(await send(lane.base, { path: `/api/chats/never${rest}`, headers: as('b') }), 404, 'not_found');
    assert.equal(foreign.message, nobody.message);
    assertRefused(await send(lane.base, { path: `/api/chats/of-a${rest}` }), 401, 'unauthorized');
    const head = await fetch(`${lane.base}/api/chats/of-a${rest}`, { method: 'HEAD', headers: as('b') });
    assert.equal(head.status, 404);
  }
  assertRefused(await make(lane, {}), 401, 'unauthorized');
  await lane.stop();
});

test('a retired lane is recognised by its headers, its threads stay readable', async () => {
  const lane = await startLane({ args: ['--lane', 'retired'] });
  const list = await send(lane.base, { path: '/api/chats' });
  assert.equal(list.status, 200);
  assert.equal(list.headers['x-oa-legacy-chat-retired'], 'true');
  assert.equal(list.headers['x-oa-legacy-chat-canonical'], '/api/runtime/threads');
  await lane.stop();
});

test('a replay lane that was restarted has forgotten its threads, and says so', async () => {
  const folder = scratch('replay');
  let lane = await startLane({ folder });
  assertLegal(await chat(lane.base, 'replay:01-echo', { id: 'gone' }).done);
  assert.deepEqual(ids((await get(lane, '/api/chats')).data), ['gone']);
  assert.equal((await lane.stop()).code, 0);
  lane = await startLane({ folder });
  assert.deepEqual((await get(lane, '/api/chats')).data, []);
  assertRefused(await send(lane.base, { path: '/api/chats/gone/messages' }), 404, 'not_found');
  assertLegal(await chat(lane.base, 'replay:01-echo', { id: 'gone' }).done);
  assert.deepEqual(ids((await get(lane, '/api/chats')).data), ['gone']);
  await lane.stop();
});
