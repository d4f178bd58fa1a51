// A completed turn told twice: the UIMessage each client makes of the stream, and what /messages says
// afterwards. They agree in ids, text and tool parts, and every client takes the messages as its own.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { agentConfig, startCodexLane, startMock } from '../e2e/lib/codex.mjs';
import { chat, send } from '../e2e/lib/http.mjs';
import { startLane } from '../e2e/lib/lane.mjs';
import { read } from '../e2e/lib/contract.mjs';
import { ROOT } from '../e2e/lib/process.mjs';
import { CLIENTS, makeChat, runClient } from './ui-message-stream/lib.mjs';

let mock, codex, replay;
before(async () => {
  mock = await startMock();
  [codex, replay] = await Promise.all([startCodexLane({ config: agentConfig, port: mock.port }), startLane()]);
});
after(async () => {
  for (const lane of [codex, replay]) assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly');
  await mock.stop();
});

/** What both tellings must agree on: data parts are not kept, releases differ in the rest. */
const kept = (message) => message.parts
  .filter((p) => p.type === 'text' || p.type === 'dynamic-tool' || p.type.startsWith('tool-'))
  .map(({ type, text, state, toolName, toolCallId, input, output, errorText }) =>
    JSON.parse(JSON.stringify({ type, text, state, toolName, toolCallId, input, output, errorText })));

/** Calls that began in one millisecond are listed as they ended; the stream opens them as they began. */
const asEnded = (parts, stream) => {
  const ended = (part) => stream.indexOf(`"tool-output-available","toolCallId":"${part.toolCallId}"`);
  const calls = parts.filter((p) => p.toolCallId).sort((a, b) => ended(a) - ended(b));
  return parts.map((p) => (p.toolCallId ? calls.shift() : p));
};

const messagesOf = async (lane, id, query = '') => {
  const answer = await send(lane.base, { path: `/api/chats/${id}/messages${query}` });
  assert.equal(answer.status, 200, answer.text);
  return answer.json().data;
};

let count = 0;
/** One turn, read by every client and then read back. */
async function told(lane, prompt, { clients = Object.keys(CLIENTS) } = {}) {
  const id = `told-${process.pid}-${++count}`;
  const answer = await chat(lane.base, prompt, { id, messageId: `page-${count}` }).done;
  const data = await messagesOf(lane, id);
  assert.deepEqual(data.map((m) => m.role), ['user', 'assistant']);
  const [user, assistant] = data;
  assert.equal(user.id, `page-${count}`, "the user message keeps the client's id");
  assert.deepEqual(user.parts, [{ type: 'text', text: prompt }]);
  assert.equal(assistant.metadata.status, 'completed');
  for (const name of clients) {
    const { message } = await runClient(name, new Uint8Array(answer.body), { http: { status: 200, headers: answer.headers } });
    assert.equal(assistant.id, message.id, `${name}: the id`);
    assert.equal(assistant.metadata.turnId, message.metadata.turnId);
    assert.equal(assistant.metadata.threadId, message.metadata.threadId);
    const [first, second] = kept(assistant).filter((part) => part.toolCallId).map((part) => answer.text.indexOf(`"toolCallId":"${part.toolCallId}"`));
    const list = first < second || second === undefined ? kept(message) : asEnded(kept(message), answer.text);
    assert.deepEqual(kept(assistant), list, `${name}\n${answer.text}`);
  }
  return { answer, data, assistant };
}

/** Whether this release checks messages, it takes ours and can hand them to a model. */
async function assertTaken(messages) {
  const bare = messages.map(({ id, role, parts, metadata }) => ({ id, role, parts, metadata }));
  for (const name of Object.keys(CLIENTS)) {
    const { ai } = await makeChat(name, { api: '/none', fetch: globalThis.fetch });
    if (ai.validateUIMessages) assert.equal((await ai.validateUIMessages({ messages: bare })).length, bare.length, name);
    assert.ok((await ai.convertToModelMessages(bare)).length > 0, name);
  }
}

const SCENARIOS = {
  text: 'scenario:text;words=12',
  unicode: 'scenario:unicode',
  'two messages': 'scenario:two-messages',
  reasoning: 'scenario:reasoning;parts=2',
  'a refusal': 'scenario:refusal',
  'a refusal behind thoughts': 'scenario:reasoning;refuse=1',
  'a refusal behind a command': 'scenario:exec;say=Let%20me%20look.;refuse=1',
  'a command': 'scenario:exec',
  'a failing command': 'scenario:exec-fail;code=3',
  'a slow command with live output': 'scenario:exec-slow;lines=3;every=100',
  'a patch': `scenario:patch;op=add;file=told-${process.pid}.txt`,
  'an MCP tool': 'scenario:mcp;tool=structured;arg=x',
  'a failing MCP tool': 'scenario:mcp;tool=fail;arg=x',
  'two tools': 'scenario:exec-two',
  'two tools, the second done first': 'scenario:exec-two;cmd=sleep%201.5;cmd2=sleep%200.8',
};
for (const [what, prompt] of Object.entries(SCENARIOS)) {
  test(`${what}: stream and history tell the same`, async () => {
    const { data, assistant } = await told(codex, prompt);
    if (what !== 'text') assert.ok(kept(assistant).length > 0);
    if (what.startsWith('two tools')) assert.equal(kept(assistant).filter((p) => p.toolCallId).length, 2);
    if (what === 'reasoning') assert.match(assistant.parts[1].text, /Thinking about part 1\.[^]*Thinking about part 2\./);
    await assertTaken(data);
  });
}

test('of items that share an id Codex keeps the last alone', async () => {
  const id = `dup-${process.pid}`;
  const answer = await chat(codex.base, 'scenario:dup-id', { id }).done;
  assert.deepEqual(read(answer).texts, ['same id one', 'same id two']);
  const assistant = (await messagesOf(codex, id)).at(-1);
  assert.equal(assistant.id, read(answer).start.messageId);
  assert.equal(assistant.content, 'same id two');
});

test('an answer without a word is a message in both', async () => {
  const { assistant } = await told(codex, 'scenario:empty');
  assert.equal(assistant.content, '');
});

const NOT_KEPT = {
  '59-command-outlives-turn': 'Codex lists a command that outlives its turn only once it is over',
};
const completed = fs.readdirSync(path.join(ROOT, 'fixtures/captures')).filter((f) => f.endsWith('.jsonl')).map((f) => f.slice(0, -6)).sort()
  .filter((name) => !(name in NOT_KEPT));

test('every recorded turn that completed: stream and history tell the same', async () => {
  let seen = 0;
  for (const name of completed) {
    const id = `capture-${name}`;
    const answer = await chat(replay.base, `replay:${name}`, { id }).done;
    if (answer.status !== 200 || read(answer).finish?.messageMetadata?.status !== 'completed') continue;
    ++seen;
    const { message } = await runClient('ai7-latest', new Uint8Array(answer.body), { http: { status: 200, headers: answer.headers } });
    const assistant = (await messagesOf(replay, id)).at(-1);
    assert.equal(assistant.id, message.id, name);
    assert.deepEqual(kept(assistant), kept(message), name);
  }
  assert.ok(seen >= 25, `${seen} captures completed`);
});

test('a page that is loaded anew from /messages goes on with the thread', async () => {
  for (const name of Object.keys(CLIENTS)) {
    const id = `again-${process.pid}-${name}`;
    await chat(codex.base, 'scenario:text;words=3', { id, messageId: 'first' }).done;
    const errors = [];
    const { chat: page } = await makeChat(name, {
      id, api: `${codex.base}/api/chat`, fetch: globalThis.fetch, messages: await messagesOf(codex, id),
      onError: (error) => errors.push(error.message), onChange() {}, onData() {}, onFinish() {},
    });
    const before = page.messages.at(-1).id;
    await page.regenerate();
    assert.deepEqual(errors, [], name);
    assert.notEqual(page.messages.at(-1).id, before);
    assert.deepEqual((await messagesOf(codex, id)).map((m) => m.id), page.messages.map((m) => m.id), name);
  }
});

// --- a resume after the end ---------------------------------------------------------------------

const page = async (name, id, lane, messages) => (await makeChat(name, {
  id, api: `${lane.base}/api/chat`, fetch: globalThis.fetch, messages, onError() {}, onChange() {}, onData() {}, onFinish() {},
})).chat;
const texts = (messages) => messages.map((m) => m.parts.filter((p) => p.type === 'text').map((p) => p.text));

for (const name of Object.keys(CLIENTS)) {
  test(`${name}: a page opened right after the end shows the answer once`, async () => {
    const id = `after-${process.pid}-${name}`;
    await chat(codex.base, 'scenario:text;words=3', { id }).done;
    const loaded = await messagesOf(codex, id);
    const chatPage = await page(name, id, codex, loaded);
    await chatPage.resumeStream();
    assert.deepEqual(texts(chatPage.messages), texts(loaded));
  });

  test(`${name}: a page that left before the end and loaded the whole answer shows it once`, async () => {
    const id = `left-${process.pid}-${name}`;
    const answer = chat(codex.base, 'scenario:text;words=6;delay=30', { id });
    await answer.frame('text-delta');
    answer.destroy();
    await ended(codex, id);
    const loaded = await messagesOf(codex, id);
    assert.equal(loaded.length, 2);
    const chatPage = await page(name, id, codex, loaded);
    await chatPage.resumeStream();
    assert.deepEqual(texts(chatPage.messages), texts(loaded));
  });

  test(`${name}: a page that loaded the thread while the turn ran gets its answer after the end`, async () => {
    const id = `ran-${process.pid}-${name}`;
    const answer = chat(codex.base, `scenario:text;words=6;delay=30;hold=3;key=${id}`, { id });
    await answer.frame('text-delta');
    answer.destroy();
    const loaded = await messagesOf(codex, id);
    assert.deepEqual(loaded.map((m) => m.role), ['user'], "a running turn's user message is listed");
    assert.equal(loaded[0].metadata.status, 'running');
    await mock.release(id);
    await ended(codex, id);
    const chatPage = await page(name, id, codex, loaded);
    await chatPage.resumeStream();
    assert.deepEqual(texts(chatPage.messages).at(-1), ['alpha bravo charlie delta echo foxtrot']);
    assert.equal(chatPage.status, 'ready');
  });
}

/** Waits for the run's end without reading the messages. */
async function ended(lane, id) {
  for (;;) {
    const runs = (await send(lane.base, { path: `/api/chats/${id}/runs` })).json().data;
    if (runs[0]?.status === 'completed') return;
    assert.equal(runs[0]?.status, 'running');
    await new Promise((done) => setTimeout(done, 20));
  }
}
