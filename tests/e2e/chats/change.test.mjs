// Rename, archive, copy and delete conversations: what a page then sees, what Codex keeps, who may.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { as, startLane, tokensOf } from '../lib/lane.mjs';
import { scratch, sleep } from '../lib/process.mjs';

let mock;
before(async () => { mock = await startMock(); });
after(async () => { await mock.stop(); });

const get = async (lane, where, headers = {}) => {
  const answer = await send(lane.base, { path: where, headers });
  assert.equal(answer.status, 200, `${where}: ${answer.text}`);
  return answer.json();
};
const call = (method) => (lane, where, body, headers = {}) => send(lane.base, { method, path: where, headers, body });
const [patch, post, remove] = [call('PATCH'), call('POST'), call('DELETE')];
const listed = async (lane, query = '') => (await get(lane, `/api/chats${query}`)).data.map((one) => [one.id, one.title]);
const said = async (lane, id) => (await get(lane, `/api/chats/${id}/messages`)).data.map((one) => one.content);
/** Nothing of a file that was deleted since it was listed. */
const stored = (file) => {
  try { return fs.readFileSync(file, 'utf8'); } catch (error) { assert.equal(error.code, 'ENOENT'); return ''; }
};
/** Everything that Codex stores of its threads, the archived ones too. */
const rollouts = (lane) => fs.readdirSync(path.join(lane.stateDir, 'codex/home'), { recursive: true })
  .map((name) => path.join(lane.stateDir, 'codex/home', name)).filter((name) => /rollout-.*\.jsonl$/.test(name))
  .map(stored).join('');
const say = async (lane, id, text, messageId) => assertLegal(await chat(lane.base, `scenario:text;words=2 ${text}`, { id, messageId }).done);

test('rename, archive and delete, over a restart', async () => {
  const folder = scratch('change');
  const start = () => startCodexLane({ config: chatConfig, port: mock.port, folder });
  let lane = await start();
  for (const id of ['one', 'two', 'three']) await say(lane, id, `about ${id}`);

  const renamed = await patch(lane, '/api/chats/one', { title: '  My trip  ' });
  assert.equal(renamed.status, 200, renamed.text);
  assert.equal(renamed.json().data.title, 'My trip');
  const archived = (await patch(lane, '/api/chats/two', { archived: true })).json().data;
  assert.equal(archived.archived, true);
  assert.deepEqual(await listed(lane, '?archived=true'), [['two', 'scenario:text;words=2 about two']]);
  assert.deepEqual((await listed(lane)).map(([id]) => id).sort(), ['one', 'three']);

  assert.match(rollouts(lane), /about three/);
  const gone = await remove(lane, '/api/chats/three');
  assert.equal(gone.status, 204, gone.text);
  assert.doesNotMatch(rollouts(lane), /about three/, 'Codex has nothing of it any more');
  for (const rest of ['', '/messages', '/runs']) assertRefused(await send(lane.base, { path: `/api/chats/three${rest}` }), 404, 'not_found');
  assertRefused(await remove(lane, '/api/chats/three'), 404, 'not_found');
  assert.equal((await send(lane.base, { path: '/api/chats/three/stream' })).status, 204, 'nothing can be resumed');
  assert.equal((await lane.stop()).code, 0);

  lane = await start();
  assert.deepEqual(await listed(lane), [['one', 'My trip']]);
  assert.deepEqual(await listed(lane, '?archived=true'), [['two', 'scenario:text;words=2 about two']]);
  assert.equal((await patch(lane, '/api/chats/one', { title: 'Another trip' })).json().data.title, 'Another trip', 'a thread that was not loaded since');
  await say(lane, 'two', 'and on');
  assert.deepEqual((await listed(lane)).map(([id]) => id), ['two', 'one'], 'what goes on is listed again');
  await say(lane, 'three', 'a new one');
  assert.deepEqual(await said(lane, 'three'), ['scenario:text;words=2 a new one', 'alpha bravo'], 'the id is free, and nothing of the old chat is there');

  assertRefused(await patch(lane, '/api/chats/one', { title: '' }), 422, 'invalid_request');
  assertRefused(await patch(lane, '/api/chats/one', { colour: 'red' }), 422, 'invalid_request');
  assertRefused(await patch(lane, '/api/chats/one', { archived: 'yes' }), 422, 'invalid_request');
  assertRefused(await send(lane.base, { path: '/api/chats?archived=maybe' }), 422, 'invalid_request');
  assert.equal((await lane.stop()).code, 0);
});

test('a conversation is deleted while it is answered: the answer is stopped, nothing of it is left', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  const running = chat(lane.base, 'scenario:text;words=200;delay=30', { id: 'busy' });
  await running.frame('text-delta');
  assert.equal((await remove(lane, '/api/chats/busy')).status, 204);
  assertLegal(await running.done);
  assert.equal(running.frames.at(-1).text, '[DONE]');
  assert.deepEqual(await listed(lane), []);
  assert.doesNotMatch(rollouts(lane), /words=200/);
  assert.equal((await lane.stop()).code, 0);
});

test('a copy ends with an answer or before a question; both go on by themselves and are deleted in any order', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  await say(lane, 'trunk', 'trunk-first', 'u-1');
  await say(lane, 'trunk', 'trunk-second', 'u-2');
  await say(lane, 'trunk', 'trunk-third', 'u-3');
  const trunk = (await get(lane, '/api/chats/trunk/messages')).data;
  const fork = async (body, status = 201) => {
    const answer = await post(lane, '/api/chats/trunk/fork', body);
    assert.equal(answer.status, status, answer.text);
    return answer;
  };
  const whole = (await fork()).json().data;
  assert.match(whole.id, /^thread_[0-9a-f]{32}$/);
  assert.deepEqual((await get(lane, `/api/chats/${whole.id}/messages`)).data.map((m) => m.id), trunk.map((m) => m.id));
  const made = await fork({ id: 'to-answer', messageId: trunk[3].id, title: 'Another way' });
  assert.equal(made.headers.location, '/api/chats/to-answer');
  assert.equal(made.json().data.title, 'Another way');
  assert.equal((await said(lane, 'to-answer')).length, 4);
  await fork({ id: 'before-question', messageId: 'u-2' });
  assert.equal((await said(lane, 'before-question')).length, 2);
  const empty = await fork({ id: 'empty', messageId: 'u-1' });
  assert.equal(empty.json().data.title, 'New conversation'); // the first question was the title
  assert.deepEqual(await said(lane, 'empty'), []);
  assertRefused(await post(lane, '/api/chats/trunk/fork', { messageId: 'u-9' }), 422, 'invalid_request');
  assertRefused(await post(lane, '/api/chats/trunk/fork', { id: 'empty' }), 409, 'conflict');
  assertRefused(await post(lane, '/api/chats/never/fork', {}), 404, 'not_found');

  await say(lane, 'to-answer', 'other third');
  await say(lane, 'trunk', 'fourth');
  assert.equal((await said(lane, 'to-answer')).at(-2), 'scenario:text;words=2 other third');
  const model = (await mock.requests()).at(-2);
  assert.ok(model.inputItems >= 5, `the copy's model sees the earlier turns: ${JSON.stringify(model)}`);

  // Codex keeps what its copies share; to users the trunk is gone, and to its copies nothing changes.
  assert.equal((await remove(lane, '/api/chats/trunk')).status, 204);
  assertRefused(await send(lane.base, { path: '/api/chats/trunk' }), 404, 'not_found');
  assert.match(rollouts(lane), /trunk-first/);
  assert.equal((await said(lane, 'to-answer')).length, 6);
  await say(lane, 'to-answer', 'still here');
  for (const id of ['to-answer', 'before-question', whole.id]) assert.equal((await remove(lane, `/api/chats/${id}`)).status, 204);
  const until = Date.now() + 30000;
  while (/trunk-first/.test(rollouts(lane)) && Date.now() < until) await new Promise((done) => { setTimeout(done, 20); });
  assert.doesNotMatch(rollouts(lane), /trunk-first/, 'with its last copy the trunk is deleted at Codex, too');
  assert.deepEqual((await listed(lane)).map(([id]) => id), ['empty']);
  assert.equal((await lane.stop()).code, 0);
});

test('an empty copy has the title that a user gave its source', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  const title = async (path, body) => (await post(lane, path, body)).json().data.title;
  assert.equal(await title('/api/chats', { id: 'bare', title: 'Named' }), 'Named');
  assert.equal(await title('/api/chats/bare/fork', { id: 'bare-copy' }), 'Named');
  await say(lane, 'spoken', 'words', 'u-1');
  assert.equal(await title('/api/chats/spoken/fork', { id: 'spoken-bare', messageId: 'u-1' }), 'New conversation');
  assert.equal((await patch(lane, '/api/chats/spoken', { title: 'Renamed' })).status, 200);
  assert.equal(await title('/api/chats/spoken/fork', { id: 'spoken-copy', messageId: 'u-1' }), 'Renamed');
  assert.deepEqual(Object.fromEntries(await listed(lane)), { bare: 'Named', 'bare-copy': 'Named', spoken: 'Renamed', 'spoken-bare': 'New conversation', 'spoken-copy': 'Renamed' });
  assert.equal((await lane.stop()).code, 0);
});

test('a conversation that is deleted while it is named, read and copied is gone for all of them, and stays gone', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  for (let round = 0; round < 6; ++round) {
    await say(lane, 'one', 'about secrets');
    assert.equal((await post(lane, '/api/chats/one/fork', '{"id":"copy"}')).status, 201);
    const asked = [];
    const deleted = remove(lane, '/api/chats/one');
    for (let n = 0; n < 20; ++n) {
      asked.push(patch(lane, '/api/chats/one', { title: 'Named late' }), send(lane.base, { path: '/api/chats/one' }), post(lane, '/api/chats/one/fork', `{"id":"copy-${round}-${n}"}`));
      await sleep(1);
    }
    assert.equal((await deleted).status, 204);
    const answers = await Promise.all(asked);
    for (const answer of answers) {
      assert.ok([200, 201, 404].includes(answer.status), `${answer.status} ${answer.text}`);
      assert.doesNotMatch(answer.text, /oa-stream: /);
      if (answer.status === 201) assert.equal((await remove(lane, `/api/chats/${answer.json().data.id}`)).status, 204);
    }
    assert.equal((await remove(lane, '/api/chats/copy')).status, 204);
    await lane.until(() => !rollouts(lane).includes('about secrets'), 'nothing of it is left');
  }
  assert.equal((await lane.stop()).code, 0);
});

test('a title of white space alone is none, in any script', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  await say(lane, 'named', 'words');
  for (const blank of ['\u3000', ' \u00a0\u2003', '\u0085']) {
    assertRefused(await patch(lane, '/api/chats/named', { title: blank }), 422, 'invalid_request');
    const made = await post(lane, '/api/chats', { title: blank });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.json().data.title, 'New conversation');
  }
  assert.equal((await patch(lane, '/api/chats/named', { title: '\u3000A B\u2003' })).json().data.title, 'A B');
  // The first text is the title of a copy too.
  await send(lane.base, { method: 'POST', path: '/api/chats/blank/stream', body: { text: '\u3000' } });
  const copy = await post(lane, '/api/chats/blank/fork', {});
  assert.equal(copy.status, 201, copy.text);
  assert.equal((await lane.stop()).code, 0);
});

test('a copy made while its last answer is replaced is a copy, or waits for the answer', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  for (let n = 0; n < 12; ++n) {
    await say(lane, `race-${n}`, 'words', 'u-1');
    const [question] = (await get(lane, `/api/chats/race-${n}/messages`)).data;
    const again = open(lane.base, { method: 'POST', path: `/api/chats/race-${n}/stream`, body: { messages: [question], trigger: 'regenerate-message' } });
    const copy = await post(lane, `/api/chats/race-${n}/fork`, {});
    if (copy.status !== 201) assertRefused(copy, 409, 'turn_in_progress');
    else assert.deepEqual((await get(lane, `/api/chats/${copy.json().data.id}/messages`)).data.map((one) => one.role), ['user', 'assistant']);
    await again.done;
    assertLegal(again);
  }
  assert.equal((await lane.stop()).code, 0);
});

test('nobody changes, copies or deletes the conversations of others', async () => {
  const tokens = tokensOf(['a', 'b']);
  const lane = await startLane({ args: ['--tokens', tokens] });
  assert.equal((await post(lane, '/api/chats', { id: 'of-a', title: 'Mine' }, as('a'))).status, 201);
  for (const [method, where, body] of [[patch, '', { title: 'x' }], [post, '/fork', {}], [remove, '', undefined]]) {
    assertRefused(await method(lane, `/api/chats/of-a${where}`, body, as('b')), 404, 'not_found');
    assertRefused(await method(lane, `/api/chats/of-a${where}`, body), 401, 'unauthorized');
  }
  assert.deepEqual((await get(lane, '/api/chats', as('a'))).data.map((one) => one.title), ['Mine']);
  assert.equal((await remove(lane, '/api/chats/of-a', undefined, as('a'))).status, 204);
  await lane.stop();
});

test('an earlier message that came along is replaced: the name stays, and a deletion leaves nothing of what was before', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  const part = (id, role, text) => ({ id, role, parts: [{ type: 'text', text }] });
  const old = [part('q1', 'user', 'otter'), part('a1', 'assistant', 'heron'), part('q2', 'user', 'walrus'), part('a2', 'assistant', 'zebra')];
  const file = (title) => ({ format: 'oa-stream.chat.v1', conversation: { title }, messages: old });
  const replace = async (id, upTo) => assertLegal(await open(lane.base, { method: 'POST', path: '/api/chat', body: { id, trigger: 'regenerate-message', messages: old.slice(0, upTo) } }).done);
  const title = async (id) => (await get(lane, `/api/chats/${id}`)).data.conversation.title;

  const imported = await post(lane, '/api/chats?id=moved', file('My trip'));
  assert.equal(imported.status, 201, imported.text);
  const created = async () => (await get(lane, '/api/chats/moved')).data.conversation.createdAt;
  const before = await created();
  const second = Math.floor(Date.now() / 1000);
  await lane.until(() => Math.floor(Date.now() / 1000) > second + 1, 'another second'); // times are whole seconds
  await replace('moved', 3);
  assert.equal(await created(), before, 'the conversation began when it began');
  assert.deepEqual((await get(lane, '/api/chats')).data.map((chat) => chat.createdAt), [before]);
  assert.equal(await title('moved'), 'My trip', 'a name of the file');
  assert.equal((await patch(lane, '/api/chats/moved', { title: 'Our trip' })).status, 200);
  await replace('moved', 1);
  assert.equal(await title('moved'), 'Our trip', 'a name that somebody gave it');
  assert.deepEqual(await listed(lane), [['moved', 'Our trip']]);

  assertLegal(await open(lane.base, { method: 'POST', path: '/api/chat', body: { id: 'plain', messages: [...old, part('q3', 'user', 'newest')] } }).done);
  await replace('plain', 3);
  assert.equal(await title('plain'), 'walrus', 'without a name it is called by its question');
  assert.deepEqual(new Map(await listed(lane)).get('plain'), 'walrus');

  for (const id of ['moved', 'plain']) assert.equal((await remove(lane, `/api/chats/${id}`)).status, 204);
  await lane.until(() => !/walrus|zebra|heron/.test(rollouts(lane)), 'Codex to have nothing of it', 10000);
  assert.equal((await lane.stop()).code, 0);
});

test('a message that came without an id is edited, and copied up to, by the one that the list gives it', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  const ask = async (body) => assertLegal(await open(lane.base, { method: 'POST', path: '/api/chats/nameless/stream', body }).done);
  for (const n of [1, 2, 3]) await ask({ text: `scenario:text;words=${n}` });
  const [first, , second, , third] = (await get(lane, '/api/chats/nameless/messages')).data;
  const edit = ({ id }, words) => ask({ trigger: 'submit-message', messageId: id, messages: [{ id, role: 'user', parts: [{ type: 'text', text: `scenario:text;words=${words}` }] }] });
  // By a page that shows the newest messages alone.
  await edit(third, 4);
  assert.deepEqual(await said(lane, 'nameless'), [first.content, 'alpha', second.content, 'alpha bravo', 'scenario:text;words=4', 'alpha bravo charlie delta']);
  assert.equal((await post(lane, '/api/chats/nameless/fork', { id: 'nameless-copy', messageId: second.id })).status, 201);
  assert.deepEqual(await said(lane, 'nameless-copy'), [first.content, 'alpha']);
  await edit(second, 1);
  assert.deepEqual(await said(lane, 'nameless'), [first.content, 'alpha', 'scenario:text;words=1', 'alpha']);
  assert.equal((await lane.stop()).code, 0);
});
