// The nine pinned AI SDK clients over two lanes: whatever a page has and whichever lane it asks, it shows
// the answer once and whole. And clients of /v1/responses, each of whose requests goes to the next lane.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chat, send } from '../e2e/lib/http.mjs';
import { startWorld } from '../e2e/lib/replicas/world.mjs';
import { AI_SDKS, PARAMETERS, PROMPT, SKIES, packagesOf } from './function_tools.mjs';
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

/** A balancer without stickiness. */
function turnAbout() {
  let n = 0;
  return (url, init) => fetch(String(url).replace('http://lanes', (n++ % 2 ? b : a).base), init);
}
const clients = packagesOf('openai-clients');

for (const { label, provider, sdk } of AI_SDKS) test(`@ai-sdk/openai as it comes (${label}): each step on the next lane`, async () => {
  const { createOpenAI } = await clients(provider);
  const ai = await clients(sdk);
  const model = createOpenAI({ apiKey: 'none', baseURL: 'http://lanes/v1', fetch: turnAbout() })('mock-model');
  const tools = { weather: ai.tool({ inputSchema: ai.jsonSchema(PARAMETERS), execute: ({ city }) => SKIES[city] }) };
  const rest = { model, tools, prompt: PROMPT, stopWhen: ai.stepCountIs(3), maxRetries: 0 };
  assert.equal((await ai.generateText(rest)).text, 'Results: rain | sun');
  const streamed = ai.streamText(rest);
  assert.equal(await streamed.text, 'Results: rain | sun');
  assert.deepEqual((await streamed.steps).map((step) => step.finishReason), ['tool-calls', 'stop']);
});

test('openai: a conversation by previous_response_id, each request on the next lane', async () => {
  const api = new (await clients('openai')).default({ apiKey: 'none', baseURL: 'http://lanes/v1', fetch: turnAbout(), maxRetries: 0 });
  let previous_response_id;
  for (let turn = 1; turn <= 4; turn++) {
    const stream = turn % 2 === 0;
    const asked = { model: 'mock-model', input: `scenario:echo;text=Turn%20${turn}.`, previous_response_id };
    const response = stream ? await api.responses.stream(asked).finalResponse() : await api.responses.create(asked);
    assert.equal(response.output_text, `Turn ${turn}.`);
    assert.equal((await api.responses.retrieve(response.id)).id, response.id);
    previous_response_id = response.id;
  }
  const told = (await world.mock.asked()).items;
  assert.equal(told.length, 7, JSON.stringify(told));
});
