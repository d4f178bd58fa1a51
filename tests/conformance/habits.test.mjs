// What people do on a chat page beyond sending, with all nine clients over the real Codex: a network
// that goes and comes back, a second reader, an impatient stop, a failure asked again.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { limit, scratch, sleep } from '../e2e/lib/process.mjs';
import { chatConfig, startCodexLane, startMock } from '../e2e/lib/codex.mjs';
import { requestLines } from '../e2e/lib/lane.mjs';
import { Wire } from '../e2e/lib/wire.mjs';
import { CLIENTS, makeChat } from './ui-message-stream/lib.mjs';

const HALF = 'alpha bravo ';
const WHOLE = 'alpha bravo charlie delta';
// These rebuild a message that is replayed to them; the older ones add the replayed parts to it.
const REBUILDS = ['ai5-latest', 'ai6-latest', 'ai7-latest'];
// These throw when a message is sent before the stopped answer's promise has settled.
const ONE_AT_A_TIME = ['ai5-first', 'ai5-strict', 'ai6-first', 'ai7-first'];

let mock, lane, wire, log;
before(async () => {
  log = path.join(scratch('model'), 'requests.jsonl');
  mock = await startMock(['--log', log]);
  lane = await startCodexLane({ config: chatConfig, port: mock.port });
  wire = await Wire.start(new URL(lane.base).port);
});
after(async () => {
  wire.stop();
  assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});

let pages = 0;
/** A page on a chat; its errors are kept. */
async function page(name, id, messages) {
  const errors = [];
  const own = ++pages;
  let count = 0;
  const { chat } = await makeChat(name, {
    id, messages, generateId: () => `p${own}-${++count}`, api: `${wire.base}/api/chat`, fetch: globalThis.fetch,
    onChange() {}, onData() {}, onFinish() {}, onError: (error) => errors.push(error.message),
  });
  return { chat, errors };
}

const say = (mark, what, how = 'words=4') => `scenario:text;${how} ${mark} ${what}`;
const held = (mark, what) => say(mark, what, `words=4;hold=2;key=${mark}`);
const release = (mark) => mock.release(mark);
const shape = (chat) => chat.messages.map((m) => m.role[0]).join('');
const textOf = (message) => (message?.parts ?? []).filter((p) => p.type === 'text').map((p) => p.text).join('|');
const shown = (chat) => textOf(chat.messages.at(-1));

async function until(holds, what) {
  const end = Date.now() + limit(5000);
  while (!holds()) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await sleep(5);
  }
}

/** What the model was sent for the prompts that hold `mark`, one line a request. */
const asked = (mark) => fs.readFileSync(log, 'utf8').trimEnd().split('\n').filter((line) => line.includes(mark)).map((line) =>
  JSON.parse(line).body.input.filter((i) => ['user', 'assistant'].includes(i.role))
    .map((i) => [].concat(i.content).map((c) => c.text ?? c).join('').replace(/^scenario:\S+ \S+ /, ''))
    .filter((text) => !text.startsWith('<turn_aborted>')).join(' / '));
/** How the chat's turns ended, each once: resumes tell it too. */
const endings = (id) => requestLines(lane)
  .filter((line) => line.thread === id && line.method === 'POST' && line.terminal).map((line) => line.terminal).sort();
/** The same, once there are as many: a client sees the end before the log tells it. */
const ended = (id, n) => lane.until(() => (endings(id).length >= n ? endings(id) : null), `${n} ended turns of ${id}`);

for (const name of Object.keys(CLIENTS)) {
  test(`${name}: the network goes mid-answer and comes back`, async () => {
    const id = `cut-${name}`;
    const { chat, errors } = await page(name, id);
    const sent = chat.sendMessage({ text: held(id, 'one') });
    await until(() => shown(chat) === HALF, 'half an answer');
    wire.cut();
    await sent;
    assert.equal(chat.status, 'error');
    assert.equal(shown(chat), HALF, 'what was there stays');
    const answer = chat.messages.at(-1).id;
    if (!REBUILDS.includes(name)) chat.messages = chat.messages.slice(0, -1); // what a page has to do for them
    const resumed = chat.resumeStream();
    await until(() => chat.status === 'streaming' && shown(chat) === HALF, 'the half again, live');
    await release(id);
    await resumed;
    assert.deepEqual([chat.status, shape(chat), shown(chat), chat.messages.at(-1).id], ['ready', 'ua', WHOLE, answer]);
    assert.equal(errors.length, 1);
    assert.deepEqual(asked(id), ['one'], 'the model was asked once');
    assert.deepEqual(await ended(id, 1), ['completed']);
    await chat.sendMessage({ text: say(id, 'two') });
    assert.deepEqual([chat.status, shape(chat), shown(chat)], ['ready', 'uaua', WHOLE]);
    assert.equal(asked(id).at(-1), `one / ${WHOLE} / two`);
  });

  test(`${name}: a second reader sees the same answer, may not write meanwhile, and may afterwards`, async () => {
    const id = `second-${name}`;
    const first = await page(name, id);
    const sent = first.chat.sendMessage({ text: held(id, 'one') });
    await until(() => shown(first.chat) === HALF, 'half an answer');
    const question = first.chat.messages[0];
    const second = await page(name, id, [question]);
    const resumed = second.chat.resumeStream();
    await until(() => shown(second.chat) === HALF, 'half an answer for the second reader');
    const third = await page(name, id, [question]);
    await third.chat.sendMessage({ text: say(id, 'two') });
    assert.equal(third.chat.status, 'error');
    assert.match(third.errors.join(), /turn_in_progress/);
    await release(id);
    await Promise.all([sent, resumed]);
    for (const { chat } of [first, second]) assert.deepEqual([chat.status, shape(chat), shown(chat)], ['ready', 'ua', WHOLE]);
    assert.equal(first.chat.messages.at(-1).id, second.chat.messages.at(-1).id);
    await third.chat.regenerate(); // the documentation's "retry" button
    assert.deepEqual([third.chat.status, shown(third.chat)], ['ready', WHOLE]);
    assert.deepEqual(asked(id), ['one', `one / ${WHOLE} / two`]);
  });

  test(`${name}: a question that another page's answer kept out is sent again, behind that answer`, async () => {
    const id = `behind-${name}`;
    const first = await page(name, id);
    await first.chat.sendMessage({ text: say(id, 'one') });
    const second = await page(name, id, structuredClone(first.chat.messages));
    const sent = first.chat.sendMessage({ text: held(id, 'other') });
    await until(() => first.chat.messages.length === 4 && shown(first.chat) === HALF, 'half of the other answer');
    await second.chat.sendMessage({ text: say(id, 'refused') });
    assert.match(second.errors.join(), /turn_in_progress/);
    await release(id);
    await sent;
    await second.chat.regenerate();
    assert.deepEqual([second.chat.status, shape(second.chat), shown(second.chat), second.errors.length], ['ready', 'uaua', WHOLE, 1]);
    assert.equal(asked(id).at(-1), `one / ${WHOLE} / other / ${WHOLE} / refused`);
  });

  test(`${name}: stop and send in one breath, again and again`, async () => {
    const id = `breath-${name}`;
    const { chat, errors } = await page(name, id);
    let sent = chat.sendMessage({ text: held(id, 'one') });
    for (let n = 1; n <= 3; ++n) {
      await until(() => chat.messages.length === 2 * n && shown(chat) === HALF, `half of answer ${n}`);
      const before = sent;
      void chat.stop();
      if (ONE_AT_A_TIME.includes(name)) await before;
      sent = chat.sendMessage({ text: n < 3 ? held(id, `next-${n}`) : say(id, 'last') });
      await before;
    }
    await sent;
    assert.deepEqual(errors, []);
    assert.deepEqual([chat.status, shape(chat), shown(chat)], ['ready', 'uauauaua', WHOLE]);
    assert.equal(asked(id).length, 4);
    assert.deepEqual(await ended(id, 4), ['completed', 'turn_interrupted', 'turn_interrupted', 'turn_interrupted']);
  });

  test(`${name}: a failure inside the answer keeps the text, and asking again replaces it`, async () => {
    const id = `fail-${name}`;
    const { chat, errors } = await page(name, id);
    await chat.sendMessage({ text: `scenario:failed-mid;at=2;attempts=1 ${id} one` });
    assert.deepEqual([chat.status, shape(chat), shown(chat), errors.length], ['error', 'ua', HALF, 1]);
    await chat.regenerate();
    assert.deepEqual([chat.status, shape(chat), shown(chat)], ['ready', 'ua', 'Recovered on attempt 2.']);
    assert.deepEqual(asked(id), ['one', 'one']);
  });
}
