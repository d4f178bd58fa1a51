// Conversations are found by their titles and leave as files.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { chatConfig, codexBin, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { as, startLane, tokensOf } from '../lib/lane.mjs';
import { limit } from '../lib/process.mjs';

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
  assert.deepEqual((await send(lane.base, { path: '/api/chats/long/export?order=desc' })).json().messages, messages, 'a file has one order');
  assert.equal(messages.length, 206);
  assert.deepEqual(messages.filter((one) => one.role === 'user').map((one) => one.id), Array.from({ length: 103 }, (_, n) => `u-${n}`));
  const text = (await send(lane.base, { path: '/api/chats/long/export?format=markdown' })).text;
  assert.equal(text.match(/^## Assistant$/gm).length, 103);
  assert.equal((await lane.stop()).code, 0);
});

test('large answers that their clients do not read are bounded: others get 503 until they have left', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port, args: ['--limit', 'total-answers=30m'] });
  for (let n = 0; n < 2; ++n) assertLegal(await chat(lane.base, 'scenario:huge;kb=6000', { id: 'large' }).done);
  const url = new URL(lane.base);
  const read = async (where) => {
    const answer = await fetch(lane.base + where);
    return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
  };
  for (const where of ['/api/chats/large/messages', '/api/chats/large', '/api/chats/large/export']) {
    const unread = net.connect(Number(url.port), url.hostname);
    unread.write(`GET ${where} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`);
    const [first] = await once(unread, 'data'); // and then no more of the 25 MB
    unread.pause();
    assert.match(first.toString(), /^HTTP\/1.1 200 /);
    const refused = await read(where);
    assert.equal(refused.status, 503);
    assert.equal(JSON.parse(refused.text).error.code, 'service_unavailable');
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.equal((await read('/api/chats')).status, 200, 'a small answer');
    unread.destroy();
    await lane.until(async () => (await read(where)).status === 200, `an answer of ${where}`);
  }
  assert.equal((await lane.stop()).code, 0);
});

test('a search finds titles of the own conversations, page by page', async () => {
  const tokens = tokensOf(['a', 'b']);
  const lane = await startLane({ args: ['--tokens', tokens] });
  for (let n = 0; n < 5; n++) await make(lane, { id: `trip-${n}`, title: `Trip to PARIS ${n}` }, as('a'));
  await make(lane, { id: 'other', title: 'Taxes' }, as('a'));
  await make(lane, { id: 'foreign', title: 'Paris of b' }, as('b'));
  const found = async (query, owner = 'a') => (await send(lane.base, { path: `/api/chats?${query}`, headers: as(owner) })).json();
  assert.deepEqual((await found('q=paris')).data.map((one) => one.id).sort(), [0, 1, 2, 3, 4].map((n) => `trip-${n}`));
  assert.equal((await found(`${new URLSearchParams({ q: 'to paris' })}`)).data.length, 5, 'a blank as pages write it');
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

test('titles of every script are found in any case', async () => {
  const lane = await startLane();
  for (const [id, title] of Object.entries({ ru: 'Привет, Мир', gr: 'ΑΘΗΝΑ', de: 'Über Äpfel', ja: '東京タワー', emoji: 'Fun 😀', plain: 'ASCII' })) await make(lane, { id, title });
  const found = async (words) => (await send(lane.base, { path: `/api/chats?q=${encodeURIComponent(words)}` })).json().data.map((one) => one.id);
  for (const [words, id] of [['привет', 'ru'], ['МИР', 'ru'], ['αθηνα', 'gr'], ['ÜBER äPFEL', 'de'], ['京タ', 'ja'], ['😀', 'emoji'], ['ascii', 'plain']]) assert.deepEqual(await found(words), [id], words);
  assert.deepEqual(await found('é'), []);
  assert.equal((await found('')).length, 6);
  await lane.stop();
});

test('a model provider on this machine needs no key', async () => {
  const lane = await startLane({ authority: 'codex', args: ['--codex-bin', codexBin(), '--provider-url', `http://127.0.0.1:${mock.port}/v1`, '--model', 'mock-model'] });
  await say(lane, 'keyless', 'scenario:text;words=2');
  assert.equal((await mock.requests()).at(-1).auth, 'absent');
  assert.equal((await lane.stop()).code, 0);
});

const DOT = { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==' };
const exported = async (lane, id, headers = {}) => (await send(lane.base, { path: `/api/chats/${id}/export`, headers })).json();
const plain = (messages) => messages.map(({ id, role, parts, content }) => ({ id, role, parts, content }));

test('a file makes the same conversation again: for the model, after a restart, and in its own file', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port });
  const body = { id: 'seen', messages: [{ id: 'u-1', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=2 Look:' }, DOT] }] };
  assertLegal(await open(lane.base, { method: 'POST', path: '/api/chat', body }).done);
  await say(lane, 'seen', 'scenario:text;words=3');
  assert.equal((await send(lane.base, { method: 'PATCH', path: '/api/chats/seen', body: { title: 'A dot', archived: true } })).status, 200);
  const file = await exported(lane, 'seen');
  assert.equal(file.messages.length, 4);

  assertRefused(await make(lane, file), 409, 'conflict');
  const made = await make(lane, { ...file, id: 'again' });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.headers.location, '/api/chats/again');
  assert.equal(made.headers['x-oa-ignored'], undefined);
  assert.deepEqual([made.json().data.title, made.json().data.archived], ['A dot', true]);
  const again = await exported(lane, 'again');
  assert.deepEqual(plain(again.messages), plain(file.messages));
  assert.deepEqual([again.conversation.title, again.conversation.archived], ['A dot', true]);
  assert.deepEqual([...new Set(again.messages.map((m) => m.metadata.status))], ['seeded']);
  const twice = await send(lane.base, { method: 'POST', path: '/api/chats?id=twice', body: again });
  assert.deepEqual(plain((await exported(lane, 'twice')).messages), plain(file.messages), twice.text);
  const nothing = await make(lane, { ...file, id: 'nothing', messages: [] });
  assert.equal(nothing.status, 201, nothing.text);
  assert.equal((await lane.stop()).code, 0);

  const next = await startCodexLane({ config: chatConfig, port: mock.port, folder: lane.folder });
  assert.deepEqual(plain((await exported(next, 'again')).messages), plain(file.messages));
  await say(next, 'again', 'scenario:text;words=1');
  const asked = (await mock.asked()).items;
  assert.deepEqual(asked.map((item) => [item.role, item.images]), [['user', 1], ['assistant', undefined], ['user', undefined], ['assistant', undefined], ['user', undefined]]);
  assert.equal((await exported(next, 'again')).messages.length, 6);
  assert.equal((await next.stop()).code, 0);
});

test('a file of another owner makes a conversation of the one who sends it; broken and large ones are refused', async () => {
  const tokens = tokensOf(['a', 'b']);
  const lane = await startCodexLane({ config: chatConfig, port: mock.port, args: ['--tokens', tokens, '--limit', 'messages=5'] });
  assertLegal(await chat(lane.base, 'scenario:text;words=2', { id: 'mine', messageId: 'u-1', headers: as('a') }).done);
  const file = await exported(lane, 'mine', as('a'));
  assertRefused(await make(lane, file), 401, 'unauthorized');
  assertRefused(await make(lane, file, as('a')), 409, 'conflict');
  assert.equal((await make(lane, file, as('b'))).status, 201);
  assert.equal((await send(lane.base, { method: 'DELETE', path: '/api/chats/mine', headers: as('b') })).status, 204);
  assert.deepEqual((await exported(lane, 'mine', as('a'))).messages, file.messages);

  const bad = async (change, place, status = 422, code = 'invalid_request') => {
    const refused = assertRefused(await make(lane, { ...file, id: 'bad', ...change }, as('a')), status, code);
    if (place) assert.deepEqual(Object.keys(refused.errors), [place]);
  };
  await bad({ format: 'oa-stream.chat.v2' }, 'format');
  await bad({ conversation: null }, 'conversation');
  await bad({ conversation: { id: 'x', title: 7 } }, 'title');
  await bad({ messages: {} }, 'messages');
  await bad({ messages: Array(6).fill(file.messages[0]) }, 'messages');
  await bad({ messages: [file.messages[0], { role: 'user', content: 'no parts' }] }, 'messages[1]');
  await bad({ messages: [{ ...file.messages[0], role: 'tool' }] }, 'messages[0]');
  await bad({ id: 'a/b' }, 'conversation_id');
  await bad({ messages: [{ ...file.messages[0], parts: [{ type: 'text', text: 'a b '.repeat(3 << 20) }] }] }, null, 413, 'payload_too_large');
  assertRefused(await make(lane, JSON.stringify(file).slice(0, -1), as('a')), 400, 'invalid_json');
  assert.equal((await send(lane.base, { path: '/api/chats/bad', headers: as('a') })).status, 404);

  // What the model cannot be told is named, and shown all the same.
  const odd = { ...file, id: 'odd', messages: [{ ...file.messages[0], parts: [{ type: 'text', text: 'x' }, { type: 'file', mediaType: 'application/pdf', url: 'data:application/pdf;base64,JVBERi0=' }] }] };
  const named = await make(lane, odd, as('a'));
  assert.deepEqual([named.status, named.headers['x-oa-ignored']], [201, 'messages[0].parts[1]']);
  const more = await make(lane, { ...file, id: 'more', title: 'x', unknown: 1 }, as('a'));
  assert.deepEqual([more.status, more.headers['x-oa-ignored']], [201, 'title, unknown']);
  assert.deepEqual((await exported(lane, 'odd', as('a'))).messages[0].parts, odd.messages[0].parts);
  const system = { ...file, id: 'system', messages: [{ id: 's', role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] }, ...odd.messages] };
  const without = await make(lane, system, as('a'));
  assert.deepEqual([without.status, without.headers['x-oa-ignored']], [201, 'messages[1].parts[1], messages[0]']);
  const plain = await make(lane, { id: 'plain', title: 'Plain', archived: true, messages: [] }, as('a'));
  assert.deepEqual([plain.status, plain.headers['x-oa-ignored']], [201, 'archived, messages']);

  // A text that is nothing but fences costs no more than any other.
  const fences = '`'.repeat(1_000_000);
  const call = { type: 'tool-x', toolCallId: 'c', state: 'output-available', input: {}, output: fences };
  assert.equal((await make(lane, { ...file, id: 'fences', messages: [file.messages[0], { id: 'm', role: 'assistant', parts: [call] }] }, as('a'))).status, 201);
  const asked = performance.now();
  const text = await send(lane.base, { path: '/api/chats/fences/export?format=markdown', headers: as('a') });
  assert.ok(performance.now() - asked < limit(10000), `${performance.now() - asked} ms`);
  assert.equal(text.text.match(/`+/g).map((run) => run.length).sort((x, y) => y - x)[0], fences.length + 1);
  assert.equal((await lane.stop()).code, 0);
});

test('a search finds what was said in the own conversations, page by page; another assistant says that it cannot', async () => {
  const tokens = tokensOf(['a', 'b']);
  const lane = await startCodexLane({ config: chatConfig, port: mock.port, args: ['--tokens', tokens] });
  const tell = async (owner, id, text) => assertLegal(await chat(lane.base, text, { id, messageId: `u-${id}`, headers: as(owner) }).done);
  const found = async (query, owner = 'a') => {
    const list = await send(lane.base, { path: `/api/chats?${query}`, headers: as(owner) });
    assert.equal(list.status, 200, list.text);
    return list.json();
  };
  const ids = async (query, owner) => (await found(query, owner)).data.map((one) => one.id).sort();
  for (const n of [1, 2, 3]) await tell('a', `zoo-${n}`, `scenario:echo;text=A%20zebra%20${n}. Hello`);
  await tell('a', 'taxes', 'scenario:text;words=2 about Zebra taxes');
  await tell('b', 'foreign', 'scenario:echo;text=A%20zebra%20of%20b.');
  assert.deepEqual(await ids('text=ZEBRA'), ['taxes', 'zoo-1', 'zoo-2', 'zoo-3']);
  assert.deepEqual(await ids('text=zebra', 'b'), ['foreign']);
  assert.deepEqual(await ids('text=a%20zebra'), ['zoo-1', 'zoo-2', 'zoo-3'], 'as they stand');
  assert.deepEqual(await ids('text=alpha%20bravo'), ['taxes'], 'in an answer');
  assert.deepEqual(await ids('text=giraffe'), []);
  await send(lane.base, { method: 'PATCH', path: '/api/chats/zoo-2', headers: as('a'), body: { title: 'Stripes', archived: true } });
  assert.deepEqual(await ids('text=zebra&archived=true'), ['zoo-2']);
  assert.deepEqual(await ids('text=zebra&q=stripes&archived=true'), ['zoo-2']);
  assert.deepEqual(await ids('text=zebra&q=taxes'), ['taxes']);
  const paged = [];
  for (let next = 'text=zebra&limit=2'; next;) {
    const page = await found(next);
    paged.push(...page.data.map((one) => one.id));
    next = page.nextCursor && `text=zebra&limit=2&cursor=${page.nextCursor}`;
  }
  assert.deepEqual(paged.sort(), ['taxes', 'zoo-1', 'zoo-3']);
  await send(lane.base, { method: 'DELETE', path: '/api/chats/taxes', headers: as('a') });
  assert.deepEqual(await ids('text=zebra'), ['zoo-1', 'zoo-3']);
  assertRefused(await send(lane.base, { path: `/api/chats?text=${'x'.repeat(201)}`, headers: as('a') }), 422, 'invalid_request');
  assertRefused(await send(lane.base, { path: '/api/chats?text=zebra' }), 401, 'unauthorized');
  assert.equal((await lane.stop()).code, 0);

  const other = await startLane();
  assertRefused(await send(other.base, { path: '/api/chats?text=zebra' }), 501, 'not_supported');
  assert.equal((await other.stop()).code, 0);
});
