// Pages as they come, with the released AI SDK clients over the real Codex: they send the whole chat
// with every message, and with it all of its images.
import assert from 'node:assert/strict';
import { pngPart } from '../e2e/lib/bodies/png.mjs';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { send } from '../e2e/lib/http.mjs';
import { limit } from '../e2e/lib/process.mjs';
import { CLIENTS } from './clients.mjs';
import { witness } from './seen.mjs';
import { makeChat } from './ui-message-stream/lib.mjs';

const lane = laneOfFile(), shows = witness(import.meta.url);
const IMAGES = [1, 2, 3].map((shade) => pngPart(4_000_000, shade));

async function page(name, id, messages) {
  const requests = [];
  const fetching = async (url, init) => {
    const response = await fetch(url, init);
    requests.push({ bytes: init.body?.length, status: response.status, ignored: response.headers.get('x-oa-ignored') });
    return response;
  };
  return { ...await makeChat(name, { api: `${lane.base}/api/chat`, id, messages, fetch: fetching }), requests };
}
const stored = async (id) => (await send(lane.base, { path: `/api/chats/${id}/messages`, ms: limit(60000) })).json().data;
const asked = async () => (await lane.mock.asked()).items;
const said = (message) => message.parts.filter((part) => part.type === 'text').map((part) => part.text).join('');

for (const name of Object.keys(CLIENTS).filter((one) => one.endsWith('-latest'))) {
  const cells = { images: 'sent again, answered again, moved' };
  shows({ table: 'chats', client: 'AI SDK `ai`', version: CLIENTS[name], cells }, `${name}: a chat with three images of 4 MB goes on, is answered again, and moves`, async () => {
    const id = `resend-${name}`;
    const p = await page(name, id);
    for (const [n, image] of IMAGES.entries()) {
      await p.chat.sendMessage({ role: 'user', parts: [{ type: 'text', text: `scenario:text;words=${n + 1}` }, image] });
      assert.equal(p.chat.error, undefined);
      assert.equal((await asked()).at(-1).images, 1);
    }
    await p.chat.sendMessage({ text: 'scenario:text;words=4' });
    await p.chat.regenerate();
    assert.equal(p.chat.error, undefined);
    assert.equal(p.state.status, 'ready');
    assert.equal(said(p.state.messages.at(-1)), 'alpha bravo charlie delta');
    assert.deepEqual(p.requests.map((r) => [r.status, r.ignored]), Array(5).fill([200, null]));
    assert.ok(p.requests.at(-1).bytes > 15 << 20, 'whole chats were sent');
    assert.deepEqual((await stored(id)).map(said), p.state.messages.map(said));
    assert.equal((await asked()).filter((item) => item.images === 1).length, 3, 'the model has all images');

    const moved = await page(name, `${id}-moved`, p.state.messages);
    await moved.chat.sendMessage({ text: 'scenario:text;words=2' });
    assert.equal(moved.chat.error, undefined);
    const named = ['messages[0].parts[1]', 'messages[2].parts[1]', 'messages[4].parts[1]'];
    assert.deepEqual(moved.requests.map((r) => [r.status, r.ignored]), [[200, named.join(', ')]]);
    const listed = await stored(`${id}-moved`);
    assert.deepEqual(listed[0].parts.map((part) => part.text), ['scenario:text;words=1', '(a file of this message, too large to be kept)']);
    assert.deepEqual(listed.slice(1, 8).filter((m) => m.role === 'assistant').map(said), p.state.messages.filter((m) => m.role === 'assistant').map(said));
  });
}
