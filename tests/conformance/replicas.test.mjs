// The nine pinned AI SDK clients over two lanes: whatever a page has and whichever lane it asks, it shows
// the answer once and whole.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chat, send } from '../e2e/lib/http.mjs';
import { startWorld } from '../e2e/lib/replicas/world.mjs';
import { CLIENTS, makeChat } from './ui-message-stream/lib.mjs';

let world, a, b;
before(async () => {
  world = await startWorld({ lease: '3s' });
  [a, b] = [await world.lane('a'), await world.lane('b')];
});
after(() => world.end());

const ANSWER = 'alpha bravo charlie delta echo foxtrot';
const page = async (name, id, lane, messages) => (await makeChat(name, {
  id, api: `${lane.base}/api/chat`, fetch: globalThis.fetch, messages, onError() {}, onChange() {}, onData() {}, onFinish() {},
})).chat;
const texts = (messages) => messages.map((m) => m.parts.filter((p) => p.type === 'text').map((p) => p.text).join('|'));
const messagesOf = async (lane, id) => (await send(lane.base, { path: `/api/chats/${id}/messages` })).json().data;
/** A turn of A whose reader has left. */
async function left(id) {
  const answer = chat(a.base, `scenario:text;words=6;hold=2;key=${id}`, { id });
  await answer.frame('text-delta');
  answer.destroy();
}
async function ended(lane, id) {
  await world.release(id);
  for (;;) {
    const runs = (await send(lane.base, { path: `/api/chats/${id}/runs` })).json().data;
    // Codex has ended it, and so has its lane.
    if (runs[0]?.status === 'completed' && world.redis.cli('HGET', `oa:t:/${id}`, 'st') === 'ended') return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Three at a time, each with chats of its own: they wait for leases. */
describe('clients', { concurrency: 3 }, () => {
  for (const name of Object.keys(CLIENTS)) describe(name, { concurrency: 1 }, () => of(name));
});

function of(name) {
  const id = (what) => `${what}-${name.replaceAll(/\W/g, '')}`;

  test(`${name}: only the user message, resumed on the other lane while the turn runs`, async () => {
    await left(id('runs'));
    const there = await page(name, id('runs'), b, await messagesOf(b, id('runs')));
    const resumed = there.resumeStream();
    await world.release(id('runs'));
    await resumed;
    assert.equal(texts(there.messages).at(-1), ANSWER);
    assert.equal(there.messages.length, 2);
    assert.equal(there.status, 'ready');
  });

  test(`${name}: only the user message, resumed on the other lane after the end`, async () => {
    await left(id('after'));
    const loaded = await messagesOf(b, id('after'));
    await ended(b, id('after'));
    const there = await page(name, id('after'), a, loaded);
    await there.resumeStream();
    assert.equal(texts(there.messages).at(-1), ANSWER);
    assert.equal(there.messages.length, 2);
  });

  test(`${name}: the whole answer from one lane, a resume on the other`, async () => {
    await left(id('whole'));
    await ended(b, id('whole'));
    const loaded = await messagesOf(b, id('whole'));
    assert.equal(texts(loaded).at(-1), ANSWER);
    for (const lane of [a, b]) {
      const there = await page(name, id('whole'), lane, loaded);
      await there.resumeStream();
      assert.deepEqual(texts(there.messages), texts(loaded), 'not a second time');
    }
  });

  test(`${name}: the whole answer and a newer message, a resume on the other lane`, async () => {
    await chat(a.base, 'scenario:text;words=6', { id: id('newer') }).done;
    const loaded = [...await messagesOf(b, id('newer')), { id: 'next', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=3' }] }];
    const there = await page(name, id('newer'), b, loaded);
    await there.resumeStream();
    assert.deepEqual(texts(there.messages), texts(loaded));
  });

  test(`${name}: half of the answer, its lane dies, the page is loaded anew on the other`, async () => {
    const dying = await world.lane(`dying-${name.replaceAll(/\W/g, '')}`);
    const first = await page(name, id('half'), dying, []);
    const sending = first.sendMessage({ text: `scenario:text;words=6;hold=2;key=${id('half')}` });
    while (!texts(first.messages).at(-1)?.includes('alpha')) await new Promise((done) => setTimeout(done, 10));
    await dying.kill();
    await sending.catch(() => {});
    const there = await page(name, id('half'), b, await messagesOf(b, id('half')));
    const resumed = there.resumeStream();
    await world.release(id('half'));
    await resumed;
    const shown = there.messages.length === 2 ? there : await page(name, id('half'), a, await messagesOf(a, id('half')));
    assert.equal(texts(shown.messages).at(-1), ANSWER);
    assert.equal(shown.messages.length, 2);
  });
}
