// A lane is killed at each step at which the store knows more, or less, than Codex does: whoever sends the
// message again through another lane gets its answer, and the conversation has the question once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { again, dying, script, users } from '../lib/replicas/pair.mjs';
import { startWorld, whole } from '../lib/replicas/world.mjs';

let world, b;
before(async () => {
  world = await startWorld();
  b = await world.lane('b');
});
after(() => world.end());

const ACQUIRE = (id) => script(11, id);
const COMMIT = (id) => script(31, id); // together with its row
const END = (id) => (text) => /\*15\r\n\$7\r\nEVALSHA/.test(text) && text.includes(`oa:t:/${id}\r\n`);
const APPEND = () => (text) => text.includes('NOMKSTREAM') && text.includes('text-delta');

/** How often the model was asked for an answer to what has this text in it. */
const asked = async (text) => (await world.mock.requests()).filter((one) => one.path.endsWith('/responses') && one.items.findLast((item) => item.role === 'user')?.text.includes(text)).length;
let number = 0;

const UNCOMMITTED = 'before its turn is committed';
const POINTS = [
  ['its turn is acquired', ACQUIRE, 'answer'],
  [UNCOMMITTED, COMMIT, 'command'],
  ['its turn is committed', COMMIT, 'answer'],
  ['before the first words are stored', APPEND, 'command'],
  ['the first words are stored', APPEND, 'answer'],
  ['before its end is stored', END, 'command'],
  ['its end is stored', END, 'answer'],
];
for (const [what, point, lost] of POINTS) {
  for (const keyed of [false, true]) {
    for (const known of [false, true]) {
      test(`killed when ${what}${keyed ? ', with an Idempotency-Key' : ''}${known ? ', in a conversation that goes on' : ''}`, async () => {
        const id = `point-${++number}`;
        const lane = await dying(world, `dying-${number}`);
        if (known) assertLegal(await chat(lane.base, 'scenario:text;words=2', { id }).done);
        // Words that are stored ten times a second must not all wait for the end, on a busy machine either.
        const text = `scenario:text;words=6;delay=${point === APPEND ? 150 : 20};key=${id}`;
        const body = chatBody(text, { id, messageId: `m-${id}` });
        const headers = keyed ? { 'idempotency-key': `key-${id}` } : {};
        const ask = (on) => open(on.base, { method: 'POST', path: '/api/chat', headers, body });
        const first = ask(lane);
        await lane.dieAt(point(id), lost);
        await first.done;
        // Of a new conversation that no lane had committed nobody knows where it is.
        const answered = keyed && known && what === UNCOMMITTED;
        const next = await again(() => ask(b).done, (x) => x.status === 200 || x.json().error.code === 'already_answered', 15000);
        if (!answered) {
          assertLegal(next);
          assert.deepEqual([read(next).texts, read(next).failure ?? null], [[whole(6)], null]);
        }
        const messages = await again(() => send(b.base, { path: `/api/chats/${id}/messages` }), (x) => x.text.includes(whole(6)));
        assert.ok(messages.text.includes(whole(6)), messages.text);
        assert.equal(await users(b, id), known ? 2 : 1, messages.text);
        const once = what === 'its turn is acquired' || (keyed && (answered || what !== UNCOMMITTED));
        assert.equal(await asked(`key=${id}`), once ? 1 : 2, 'a message without a key is answered anew');
        if (answered) {
          const { turnId } = assertRefused(next, 409, 'already_answered').error;
          assert.ok(messages.text.includes(`"${turnId}"`), messages.text);
          assertLegal(await chat(b.base, 'scenario:text;words=2', { id }).done);
          assert.equal(assertRefused(await ask(b).done, 409, 'already_answered').error.turnId, turnId, 'also later');
        }
      });
    }
  }
}

for (const [what, point, lost] of POINTS.slice(0, 2)) {
  test(`killed when ${what}, with an Idempotency-Key, over an answer that replaces another`, async () => {
    const id = `replace-${++number}`;
    const lane = await dying(world, `dying-${number}`);
    const text = `scenario:text;words=6;delay=20;key=${id}`, message = { id, messageId: `m-${id}` };
    const old = await chat(lane.base, text, message).done;
    assertLegal(old);
    const body = chatBody(text, { ...message, trigger: 'regenerate-message' });
    const ask = (on) => open(on.base, { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': `key-${id}` }, body });
    const first = ask(lane);
    await lane.dieAt(point(id), lost);
    await first.done;
    const next = await again(() => ask(b).done, (x) => x.status === 200 || x.json().error.code === 'already_answered', 15000);
    if (what === UNCOMMITTED) {
      assert.notEqual(assertRefused(next, 409, 'already_answered').error.turnId, old.headers['x-oa-turn-id']);
    } else assertLegal(next); // the old answer is none to this request
    const { text: messages } = await send(b.base, { path: `/api/chats/${id}/messages` });
    assert.ok(messages.includes(whole(6)) && !messages.includes(old.headers['x-oa-turn-id']), messages);
    assert.equal(await users(b, id), 1, messages);
    assert.equal(await asked(`key=${id}`), 2);
  });
}

for (const others of [1, 2]) {
  test(`killed ${UNCOMMITTED}, with an Idempotency-Key, and then ${others} other message${others > 1 ? 's come' : ' comes'} to the conversation`, async () => {
    const id = `later-${others}`;
    const lane = await dying(world, `dying-${id}`);
    assertLegal(await chat(lane.base, 'scenario:text;words=2', { id }).done);
    const text = `scenario:text;words=6;key=${id}`;
    const body = chatBody(text, { id, messageId: `m-${id}` });
    const ask = () => open(b.base, { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': `key-${id}` }, body });
    const first = open(lane.base, { method: 'POST', path: '/api/chat', headers: { 'idempotency-key': `key-${id}` }, body });
    await lane.dieAt(COMMIT(id), 'command');
    await first.done;
    const messages = () => send(b.base, { path: `/api/chats/${id}/messages` });
    await again(messages, (x) => x.text.includes(whole(6)));
    for (let i = 0; i < others; ++i) assertLegal(await again(() => chat(b.base, `scenario:text;words=3;n=${i}`, { id }).done, (x) => x.status === 200, 15000));
    const { turnId } = assertRefused(await ask().done, 409, 'already_answered').error;
    const { text: all } = await messages();
    assert.ok(all.includes(`"${turnId}"`), all);
    assert.equal(await users(b, id), 2 + others, all);
    assert.equal(await asked(`key=${id}`), 1);
    assert.equal(assertRefused(await ask().done, 409, 'already_answered').error.turnId, turnId, 'also later');
  });
}
