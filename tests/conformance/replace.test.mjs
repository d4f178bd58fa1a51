// What a page does to its own history, with all nine clients over the real Codex: regenerate, edit an
// earlier message, stop and type again. What the model is sent next shows what the thread became.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { limit, scratch, sleep } from '../e2e/lib/process.mjs';
import { chatConfig, startCodexLane, startMock } from '../e2e/lib/codex.mjs';
import { CLIENTS, makeChat } from './ui-message-stream/lib.mjs';

let mock, lane, log;
before(async () => {
  log = path.join(scratch('model'), 'requests.jsonl');
  mock = await startMock(['--log', log]);
  lane = await startCodexLane({ config: chatConfig, port: mock.port });
});
after(async () => {
  assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});

/** The conversation of the newest request to the model, in short: "one / alpha bravo charlie / two". */
function sent() {
  const last = JSON.parse(fs.readFileSync(log, 'utf8').trimEnd().split('\n').at(-1));
  return last.body.input.filter((i) => ['user', 'assistant'].includes(i.role))
    .map((i) => [].concat(i.content).map((c) => c.text ?? c).join('').replace(/^scenario:\S+ /, ''))
    .filter((text) => !text.startsWith('<turn_aborted>')) // Codex's own note after an interrupt
    .join(' / ');
}
const say = (what, how = 'words=2') => `scenario:text;${how} ${what}`;
const shape = (chat) => chat.messages.map((m) => m.role[0]).join('');

for (const name of Object.keys(CLIENTS)) {
  test(`${name}: regenerate, edit, stop and type again`, async () => {
    let count = 0;
    const errors = [];
    const { chat } = await makeChat(name, {
      id: `page-${name}`, generateId: () => `${name}-${++count}`, api: `${lane.base}/api/chat`, fetch: globalThis.fetch,
      onChange() {}, onData() {}, onFinish() {}, onError: (error) => errors.push(error.message),
    });
    await chat.sendMessage({ text: say('one') });
    await chat.sendMessage({ text: say('two') });
    assert.equal(sent(), 'one / alpha bravo / two');

    const answer = chat.messages.at(-1).id;
    await chat.regenerate();
    assert.equal(sent(), 'one / alpha bravo / two', 'asked again, not a second time');
    assert.equal(shape(chat), 'uaua');
    assert.notEqual(chat.messages.at(-1).id, answer, 'a new turn has a new message id');

    await chat.sendMessage({ text: say('edited'), messageId: chat.messages[0].id });
    assert.equal(sent(), 'edited', 'everything after the edited message is gone');
    assert.equal(shape(chat), 'ua');

    const long = chat.sendMessage({ text: say('long', 'words=200;delay=50') });
    const end = Date.now() + limit(5000);
    while (shape(chat) !== 'uaua' || !JSON.stringify(chat.messages.at(-1).parts).includes('alpha')) {
      assert.ok(Date.now() < end, 'the long answer never began');
      await sleep(10);
    }
    await chat.stop();
    await long;
    await chat.sendMessage({ text: say('after') });
    assert.equal(sent(), 'edited / alpha bravo / long / after');
    assert.equal(chat.status, 'ready');
    assert.deepEqual(errors, []);
  });
}

test('each stopped turn counts as interrupted, once', () => {
  const ended = lane.stderr.split('\n').filter((l) => l.includes('"event":"turn_ended"')).map((l) => JSON.parse(l));
  assert.equal(ended.length, Object.keys(CLIENTS).length);
  assert.ok(ended.every((l) => l.terminal === 'turn_interrupted' && l.reason === 'superseded'), JSON.stringify(ended));
});
