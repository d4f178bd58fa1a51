// Conversations are found by their titles and leave as files.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, codexBin, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { scratch } from '../lib/process.mjs';

let mock;
before(async () => { mock = await startMock(); });
after(async () => { await mock.stop(); });
const say = async (lane, id, text) => assertLegal(await chat(lane.base, text, { id, messageId: `u-${id}` }).done);
const make = (lane, body, headers = {}) => send(lane.base, { method: 'POST', path: '/api/chats', headers, body });

test('a conversation leaves as JSON with every message, and as Markdown a person can read', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  await say(lane, 'trip', 'scenario:text;words=3 to\n\nParis');
  await say(lane, 'trip', 'scenario:text;words=2 and back');
  const file = await send(lane.base, { path: '/api/chats/trip/export' });
  assert.equal(file.status, 200, file.text);
  assert.equal(file.headers['content-disposition'], 'attachment; filename="trip.json"');
  const { format, conversation, messages } = file.json();
  assert.equal(format, 'oa-stream.chat.v1');
  assert.equal(conversation.title, 'scenario:text;words=3 to Paris', 'a title is one line');
  assert.deepEqual(messages, (await send(lane.base, { path: '/api/chats/trip/messages' })).json().data);
  assert.equal(messages.length, 4);

  const text = await send(lane.base, { path: '/api/chats/trip/export?format=markdown' });
  assert.match(text.headers['content-type'], /^text\/markdown/);
  assert.equal(text.text, ['# scenario:text;words=3 to Paris', '## User', 'scenario:text;words=3 to', 'Paris', '## Assistant', 'alpha bravo charlie',
    '## User', 'scenario:text;words=2 and back', '## Assistant', 'alpha bravo', ''].join('\n\n'));
  assertRefused(await send(lane.base, { path: '/api/chats/trip/export?format=pdf' }), 422, 'invalid_request');
  assertRefused(await send(lane.base, { path: '/api/chats/never/export' }), 404, 'not_found');
  assert.equal((await lane.stop()).code, 0);
});

test('a conversation longer than a page leaves whole and in order', async () => {
  const lane = await startLane();
  for (let n = 0; n < 103; n++) assertLegal(await chat(lane.base, `scenario:words;n=${n % 3 + 1}`, { id: 'long', messageId: `u-${n}` }).done);
  const { messages } = (await send(lane.base, { path: '/api/chats/long/export' })).json();
  assert.equal(messages.length, 206);
  assert.deepEqual(messages.filter((one) => one.role === 'user').map((one) => one.id), Array.from({ length: 103 }, (_, n) => `u-${n}`));
  const text = (await send(lane.base, { path: '/api/chats/long/export?format=markdown' })).text;
  assert.equal(text.match(/^## Assistant$/gm).length, 103);
  assert.equal((await lane.stop()).code, 0);
});

test('a search finds titles of the own conversations, page by page', async () => {
  const tokens = path.join(scratch('tokens'), 'tokens');
  const hash = (token) => crypto.createHash('sha256').update(token).digest('hex');
  fs.writeFileSync(tokens, ['a', 'b'].map((o) => `sha256:${hash(`tok-${o}`)} owner=${o}\n`).join(''));
  const lane = await startLane({ args: ['--tokens', tokens] });
  const as = (owner) => ({ authorization: `Bearer tok-${owner}` });
  for (let n = 0; n < 5; n++) await make(lane, { id: `trip-${n}`, title: `Trip to PARIS ${n}` }, as('a'));
  await make(lane, { id: 'other', title: 'Taxes' }, as('a'));
  await make(lane, { id: 'foreign', title: 'Paris of b' }, as('b'));
  const found = async (query, owner = 'a') => (await send(lane.base, { path: `/api/chats?${query}`, headers: as(owner) })).json();
  assert.deepEqual((await found('q=paris')).data.map((one) => one.id).sort(), [0, 1, 2, 3, 4].map((n) => `trip-${n}`));
  assert.deepEqual((await found('q=paris', 'b')).data.map((one) => one.id), ['foreign']);
  assert.deepEqual((await found('q=nothing')).data, []);
  const paged = [];
  for (let next = 'q=pa%52is&limit=2'; next;) {
    const page = await found(next);
    assert.ok(page.data.length <= 2);
    paged.push(...page.data.map((one) => one.id));
    next = page.nextCursor && `q=paris&limit=2&cursor=${page.nextCursor}`;
  }
  assert.equal(new Set(paged).size, 5);
  assert.equal(paged.length, 5);
  await lane.stop();
});

test('a model provider on this machine needs no key', async () => {
  const lane = await startLane({ authority: 'codex', args: ['--codex-bin', codexBin(), '--provider-url', `http://127.0.0.1:${mock.port}/v1`, '--model', 'mock-model'] });
  await say(lane, 'keyless', 'scenario:text;words=2');
  assert.equal((await mock.requests()).at(-1).auth, 'absent');
  assert.equal((await lane.stop()).code, 0);
});
