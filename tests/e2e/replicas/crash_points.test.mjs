// A lane is killed at each step at which the store knows more, or less, than Codex does: whoever sends the
// message again through another lane gets its answer, and the conversation has the question once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { again, dying, script, users } from './pair.mjs';
import { startWorld, whole } from './world.mjs';

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

let number = 0;

const POINTS = [
  ['its turn is acquired', ACQUIRE, 'answer'],
  ['before its turn is committed', COMMIT, 'command'],
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
        const body = chatBody('scenario:text;words=6;delay=20', { id, messageId: `m-${id}` });
        const headers = keyed ? { 'idempotency-key': `key-${id}` } : {};
        const ask = (on) => open(on.base, { method: 'POST', path: '/api/chat', headers, body });
        const first = ask(lane);
        await lane.dieAt(point(id), lost);
        await first.done;
        const next = await again(() => ask(b).done, (x) => x.status === 200 || (x.status === 409 && x.json().error.code === 'already_answered'), 15000);
        if (next.status === 200) {
          assertLegal(next);
          assert.deepEqual([read(next).texts, read(next).failure ?? null], [[whole(6)], null]);
        } else assert.equal(next.json().error.code, 'already_answered', next.text);
        const messages = await again(() => send(b.base, { path: `/api/chats/${id}/messages` }), (x) => x.text.includes(whole(6)), 5000);
        assert.ok(messages.text.includes(whole(6)), messages.text);
        assert.equal(await users(b, id), known ? 2 : 1, messages.text);
      });
    }
  }
}
