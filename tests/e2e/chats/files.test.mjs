// Files in a chat: text files are told as text, and a chat with large images goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { open, send } from '../lib/http.mjs';

const lane = laneOfFile();

const text = (value) => ({ type: 'text', text: value });
const file = (mediaType, bytes, filename) => ({ type: 'file', mediaType, filename, url: `data:${mediaType};base64,${Buffer.from(bytes).toString('base64')}` });
const post = async (id, parts, message = 'u-1') => {
  const exchange = open(lane.base, { method: 'POST', path: `/api/chats/${id}/stream`, body: { id, messages: [{ id: message, role: 'user', parts }] } });
  await exchange.done;
  return exchange;
};
const asked = () => lane.mock.asked();

test('text files are told to the model with their names; other files are refused', async () => {
  const answer = await post('files', [text('scenario:text;words=2'), file('text/markdown', '# Zażółć\n', 'a "b".md'), file('application/json', '{"a":1}', 'x.json')]);
  assert.equal(answer.status, 200, answer.text);
  assertLegal(answer);
  assert.match((await asked()).items.at(-1).text, /<file name="a 'b'.md" type="text\/markdown">\n# Zażółć\n\n<\/file>[^]*<file name="x.json" type="application\/json">\n\{"a":1\}\n<\/file>/);
  for (const [n, base64] of ['BASE64', ' base64'].entries()) {
    const odd = { ...file('text/plain', ''), url: `data:text/plain;${base64},aGVsbG8=` };
    assert.equal((await post(`odd-${n}`, [text('scenario:text;words=2'), odd])).status, 200);
    assert.match((await asked()).items.at(-1).text, /<file name="file" type="text\/plain">\nhello\n<\/file>/, base64);
  }
  const broken = { ...file('text/plain', 'x'), url: 'data:text/plain;base64,aGV*bG8=' };
  for (const [bad, why] of [[file('application/pdf', '%PDF-1.7'), /only text/], [file('text/plain', Buffer.from([0xff, 0xfe])), /must be UTF-8/], [file('text/plain', 'a\0b'), /without NUL/], [broken, /base64/]]) {
    const body = assertRefused(await post('bad', [text('x'), bad]), 422, 'unsupported_part');
    assert.match(body.error.message, why);
    assert.deepEqual(body.error.part, { path: 'messages[0].parts[1]', type: `file ${bad.mediaType}` });
  }
  assertRefused(await post('bad', [text('x'), file('text/plain', 'y'.repeat(200_000))]), 422, 'invalid_request');
});

test('an imported question with a text file has the content of the original', async () => {
  assert.equal((await post('whole', [text('scenario:text;words=2'), file('text/plain', 'abc', 'n.txt')])).status, 200);
  const seen = async (id) => (await send(lane.base, { path: `/api/chats/${id}/messages` })).json().data.map((m) => [m.id, m.content, m.parts]);
  const exported = (await send(lane.base, { path: '/api/chats/whole/export' })).json();
  const imported = await send(lane.base, { method: 'POST', path: '/api/chats?id=whole-too', body: exported });
  assert.equal(imported.status, 201, imported.text);
  const original = await seen('whole');
  assert.equal(original[0][1], 'scenario:text;words=2\n<file name="n.txt" type="text/plain">\nabc\n</file>\n');
  assert.deepEqual(await seen('whole-too'), original);
});

test('an image in BASE64 reaches the model; one whose URL has a space there is refused, as Codex leaves it out', async () => {
  const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const image = (base64) => ({ type: 'file', mediaType: 'image/png', url: `data:image/png;${base64},${dot}` });
  assert.equal((await post('upper', [text('scenario:text;words=2'), image('BASE64')])).status, 200);
  assert.equal((await asked()).items.at(-1).images, 1);
  assert.match(assertRefused(await post('space', [text('x'), image(' base64')]), 422, 'unsupported_part').error.message, /without spaces around base64/);
});

test('a chat with three images of 4 MB goes on, as each request has its newest message alone', async () => {
  const dot = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  for (const n of [1, 2, 3]) {
    const answer = await post('images', [text(`scenario:text;words=${n}`), file('image/png', Buffer.concat([dot, Buffer.alloc(4_000_000, n)]))], `u-${n}`);
    assert.equal(answer.status, 200, answer.text.slice(0, 300));
    assert.equal(read(answer).texts.length, 1);
  }
  const next = await post('images', [text('scenario:text;words=4')], 'u-4');
  assert.deepEqual(read(next).texts, ['alpha bravo charlie delta']);
  const { data } = (await send(lane.base, { path: '/api/chats/images/messages?limit=3&order=desc' })).json();
  assert.deepEqual(data.map((m) => m.role), ['assistant', 'user', 'assistant']);
});
