// What front ends send beside the messages: honoured where it is allowed, named where it is not; which
// models there are; and what a person reads when the model's provider refuses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';

let mock;
before(async () => { mock = await startMock(); });
after(async () => { await mock.stop(); });

const start = (args = []) => startCodexLane({ config: chatConfig, port: mock.port, args });
const user = (text, id = 'u-1') => ({ id, role: 'user', parts: [{ type: 'text', text }] });
const post = (lane, id, body) => open(lane.base, { method: 'POST', path: `/api/chats/${id}/stream`, body });
const answered = async (exchange) => {
  await exchange.done;
  assertLegal(exchange);
  return exchange;
};
const asked = () => mock.asked();
/** What assistant-ui's AssistantChatTransport sends with every message. */
const assistantUi = (text) => ({
  callSettings: { temperature: 0.2, maxTokens: 100 },
  system: 'Answer in French.',
  config: { modelName: 'other-model', apiKey: 'sk-none' },
  tools: { weather: { description: 'Weather', parameters: { type: 'object', properties: {} } } },
  metadata: { page: 'home' },
  favourite_colour: 'green',
  id: 'ignored', messages: [user(text)], trigger: 'submit-message', unstable_assistantMessageId: 'a-1',
});

test('nothing is dropped in silence: header and stream name what had no effect', async () => {
  const lane = await start();
  const body = { ...assistantUi('scenario:text;words=2'), id: 'named' };
  const given = await answered(post(lane, 'named', body));
  const names = given.headers['x-oa-ignored'].split(', ').sort();
  assert.deepEqual(names, ['callSettings', 'config.apiKey', 'config.modelName', 'favourite_colour', 'metadata', 'system', 'tools']);
  assert.deepEqual([...read(given).start.messageMetadata.ignored].sort(), names);
  assert.equal((await asked()).model, 'mock-model');
  assert.doesNotMatch(JSON.stringify((await asked()).developer), /French/);

  const plain = await answered(chat(lane.base, 'scenario:text;words=2', { id: 'plain' }));
  assert.equal(plain.headers['x-oa-ignored'], undefined);
  assert.equal(read(plain).start.messageMetadata.ignored, undefined);
  const empty = await answered(post(lane, 'empty', { id: 'empty', messages: [user('scenario:text;words=2')], tools: {}, callSettings: {}, system: '', model: 'mock-model' }));
  assert.equal(empty.headers['x-oa-ignored'], undefined, 'empty members and the default model ask for nothing');
  assert.equal((await lane.stop()).code, 0);

  const strict = await start(['--strict-body']);
  const refused = post(strict, 'named', body);
  await refused.done;
  const error = assertRefused(refused, 422, 'unsupported_field');
  assert.match(error.message, /favourite_colour/);
  await answered(post(strict, 'fine', { id: 'fine', messages: [user('scenario:text;words=2')], trigger: 'submit-message' }));
  assert.equal((await strict.stop()).code, 0);
});

test('model, effort and system are honoured where they are allowed, and listed', async () => {
  const lane = await start(['--model', 'gpt-5.5=The large one', '--allow', 'model,system,effort']);
  const models = (await send(lane.base, { path: '/api/models' })).json().data;
  assert.deepEqual(models.map((m) => [m.id, m.label, m.default]), [['mock-model', 'mock-model', true], ['gpt-5.5', 'The large one', false]]);
  assert.ok(models[1].efforts.includes('high'), JSON.stringify(models));
  const openai = (await send(lane.base, { path: '/v1/models' })).json();
  assert.deepEqual(openai.data.map((m) => m.id), ['mock-model', 'gpt-5.5']);
  assert.equal((await send(lane.base, { path: '/v1/models/gpt-5.5' })).json().id, 'gpt-5.5');
  assert.equal((await send(lane.base, { path: '/v1/models/gpt-1' })).status, 404);

  const body = (text, more) => ({ id: 'c', messages: [user(text, `u-${text.length}`)], ...more });
  const first = await answered(post(lane, 'c', body('scenario:text;words=2 a', { model: 'gpt-5.5', reasoningEffort: 'high', system: 'Answer in French.' })));
  assert.equal(first.headers['x-oa-ignored'], undefined);
  assert.equal(read(first).start.messageMetadata.model, 'gpt-5.5');
  let seen = await asked();
  assert.deepEqual([seen.model, seen.effort], ['gpt-5.5', 'high']);
  assert.equal(seen.developer.filter((text) => text === 'Answer in French.').length, 1);
  await answered(post(lane, 'c', body('scenario:text;words=2 bb', { system: 'Answer in French.' })));
  seen = await asked();
  assert.equal(seen.model, 'mock-model', 'without a choice it is the default, also after a choice');
  assert.equal(seen.developer.filter((text) => text === 'Answer in French.').length, 1, 'told once');
  await answered(post(lane, 'c', body('scenario:text;words=2 ccc', { system: 'Answer in Danish.' })));
  assert.deepEqual((await asked()).developer.filter((text) => /Answer in/.test(text)), ['Answer in French.', 'Answer in Danish.']);

  const two = await answered(post(lane, 'c', body('scenario:text;words=2 cccc', { model: 'gpt-5.5', config: { modelName: 'mock-model', effort: 'high' }, reasoningEffort: 'high', reasoning: { effort: 'low', modelName: 'mock-model' } })));
  assert.equal(two.headers['x-oa-ignored'], 'config.modelName, reasoning.effort, config.effort, reasoning.modelName', 'the first name counts');
  seen = await asked();
  assert.deepEqual([seen.model, seen.effort], ['gpt-5.5', 'high']);

  for (const more of [{ model: 'gpt-1' }, { model: 'gpt-5.5', effort: 'enormous' }, { model: 5 }]) {
    const wrong = post(lane, 'c', body('scenario:text;words=2 dddd', more));
    await wrong.done;
    assertRefused(wrong, 422, 'invalid_request');
  }
  const completion = await send(lane.base, { method: 'POST', path: '/v1/chat/completions', body: { model: 'gpt-5.5', messages: [{ role: 'user', content: 'scenario:text;words=2' }] } });
  assert.equal(completion.status, 200, completion.text);
  assert.equal((await asked()).model, 'gpt-5.5');
  assert.equal((await lane.stop()).code, 0);
});

test('a system prompt is named, or refused, by an assistant that takes none', async () => {
  const prompts = { member: { messages: [user('hello')], system: 'Answer in French.' }, message: { messages: [{ role: 'system', content: 'Answer in French.' }, user('hello')] } };
  const named = { member: 'system', message: 'messages[0]' };
  const lane = await startLane({ args: ['--allow', 'system'] });
  for (const [id, body] of Object.entries(prompts)) {
    assert.equal((await answered(post(lane, id, body))).headers['x-oa-ignored'], named[id]);
  }
  assert.equal((await lane.stop()).code, 0);
  const strict = await startLane({ args: ['--allow', 'system', '--strict-body'] });
  for (const [id, body] of Object.entries(prompts)) {
    assert.deepEqual(Object.keys(assertRefused(await post(strict, id, body).done, 422, 'unsupported_field').errors), [named[id]]);
  }
  assert.equal((await strict.stop()).code, 0);
});

test('without --model the model of the Codex configuration is the model everywhere', async () => {
  const lane = await start();
  await lane.stop();
  const { codexBin } = await import('../lib/codex.mjs');
  const fs = await import('node:fs');
  const file = `${lane.stateDir}/only.toml`;
  fs.writeFileSync(file, chatConfig(mock.port));
  const own = await startLane({ authority: 'codex', args: ['--codex-bin', codexBin(), '--codex-config', file], env: { MOCK_API_KEY: 'sk-mock-not-a-secret' } });
  assert.deepEqual((await send(own.base, { path: '/v1/models' })).json().data.map((m) => m.id), ['mock-model']);
  const completion = await send(own.base, { method: 'POST', path: '/v1/chat/completions', body: { model: 'mock-model', messages: [{ role: 'user', content: 'scenario:text;words=2' }] } });
  assert.equal(completion.status, 200, completion.text);
  assert.equal((await own.stop()).code, 0);
});

test('errors of the provider say what happened, and when to try again', async () => {
  const lane = await start();
  const failed = async (scenario) => {
    const exchange = chat(lane.base, scenario, { id: `e${scenario.length}` });
    await exchange.done;
    return assertOneError(exchange, { code: 'turn_failed' });
  };
  const rows = [
    ['scenario:http;status=429;code=rate_limit_exceeded', 'rate_limited', true],
    ['scenario:http;status=429;code=insufficient_quota', 'usage_limit', false],
    ['scenario:http;status=400;code=context_length_exceeded', 'context_length_exceeded', false],
    ['scenario:http;status=401;code=invalid_api_key', 'provider_key_rejected', false],
    ['scenario:http;status=404;code=model_not_found', 'model_not_found', false],
    ['scenario:http;status=503;code=server_is_overloaded', 'model_overloaded', true],
    ['scenario:failed;code=rate_limit_exceeded;msg=Please%20try%20again%20in%2020s.', 'rate_limited', true],
    [`scenario:failed;code=invalid_prompt;msg=${encodeURIComponent("Invalid prompt: we've limited access to this content for safety reasons.")}`, 'refused', false],
    [`scenario:http;status=400;msg=${encodeURIComponent("Invalid schema for function 'weather': In context=(), 'required' is required to be supplied.")}`, 'schema_refused', false],
    [`scenario:http;status=400;type=;code=;msg=${encodeURIComponent("This model's maximum context length is 8192 tokens.")}`, 'context_length_exceeded', false],
  ];
  for (const [scenario, reason, retryable] of rows) {
    const { failure, errors } = await failed(scenario);
    assert.equal(failure.reason, reason, scenario);
    assert.equal(failure.retryable, retryable, scenario);
    assert.equal(failure.message, errors[0]);
    const [run] = (await send(lane.base, { path: `/api/chats/e${scenario.length}/runs` })).json().data;
    assert.deepEqual(run.error, { code: 'turn_failed', reason, message: failure.message.replace(/ Try again in .*/, '') }, 'it is known after a reload, too');
    assert.doesNotMatch(failure.message, /mock|http/i);
    if (/again/.test(scenario)) {
      assert.equal(failure.retryAfter, 20);
      assert.match(failure.message, /Try again in 20 seconds\.$/);
    }
  }
  // Codex tells it as a time of day in its own zone, which is the lane's.
  for (const resets of [7200, 4 * 86400]) {
    const scenario = `scenario:http;status=429;type=usage_limit_reached;resets=${resets};plan=plus`;
    const { failure } = await failed(scenario);
    assert.equal(failure.reason, 'usage_limit');
    assert.ok(failure.retryAfter > resets - 120 && failure.retryAfter <= resets + 60, JSON.stringify(failure));
    const answer = await send(lane.base, { method: 'POST', path: '/v1/chat/completions', body: { model: 'mock-model', messages: [{ role: 'user', content: scenario }] } });
    assert.equal(answer.status, 429, answer.text);
    assert.ok(Number(answer.headers['retry-after']) > resets - 120, answer.head);
  }
  assert.equal((await lane.stop()).code, 0);
});

test('25,000 characters are a message; half a character in an old message harms nobody', async () => {
  const lane = await start();
  await answered(chat(lane.base, `scenario:text;words=2 ${'x'.repeat(25_000)}`, { id: 'long' }));
  const over = chat(lane.base, 'x'.repeat(200_001), { id: 'over' });
  await over.done;
  assertRefused(over, 422, 'invalid_request');
  const raw = (old, text, id = 'halves') => `{"id":"${id}","messages":[{"id":"u-0","role":"user","parts":[{"type":"text","text":"${old}"}]},`
    + `{"id":"a-0","role":"assistant","parts":[{"type":"text","text":"fine"}]},{"id":"u-1","role":"user","parts":[{"type":"text","text":"${text}"}]}]}`;
  const kept = open(lane.base, { method: 'POST', path: '/api/chats/halves/stream', body: raw('cut \\ud83d', 'scenario:text;words=2'), headers: { 'content-type': 'application/json' } });
  await answered(kept);
  const listed = (await send(lane.base, { path: '/api/chats/halves/messages' })).text;
  assert.match(listed, /cut \uFFFD/);
  assert.doesNotMatch(listed, /\uFFFE|\\ufffe/i);
  const newest = open(lane.base, { method: 'POST', path: '/api/chats/halves2/stream', body: raw('whole', 'cut \\ud83d', 'halves2'), headers: { 'content-type': 'application/json' } });
  await newest.done;
  assertRefused(newest, 400, 'invalid_json');
  assert.equal((await lane.stop()).code, 0);
});
