// Clients that speak /v1/responses by default, set to chat completions: @openai/agents with a tool, and
// @ai-sdk/openai with AI SDK 5, 6 and 7.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { AI_SDKS, PARAMETERS, PROMPT, SKIES, packagesOf, runAgent } from './function_tools.mjs';
import { versionIn, witness } from './seen.mjs';

const load = packagesOf('openai-clients'), lane = laneOfFile(), shows = witness(import.meta.url);
const version = (...names) => names.map((name) => versionIn('openai-clients', name)).join(' with ');
const made = (client, names, tools) => ({ table: 'completions', client, version: version(...names), cells: { tools, calls: '' } });

shows(made('`@openai/agents`', ['@openai/agents'], '`OpenAIProvider({ useResponses: false })`'), '@openai/agents: an agent with a tool, whole and streamed', async () => {
  await runAgent(load, lane.base, false);
});

for (const { label, provider, sdk } of AI_SDKS) shows(made('AI SDK `ai` with `@ai-sdk/openai`', [sdk, provider], '`.chat(model)`'), `@ai-sdk/openai .chat() (${label}): generateText and streamText run the tools`, async () => {
  const { createOpenAI } = await load(provider);
  const ai = await load(sdk);
  const model = createOpenAI({ apiKey: 'none', baseURL: `${lane.base}/v1` }).chat('mock-model');
  const tools = { weather: ai.tool({ inputSchema: ai.jsonSchema(PARAMETERS), execute: ({ city }) => SKIES[city] }) };
  const whole = await ai.generateText({ model, tools, prompt: PROMPT, stopWhen: ai.stepCountIs(3), maxRetries: 0 });
  assert.equal(whole.text, 'Results: rain | sun');
  const streamed = ai.streamText({ model, tools, prompt: PROMPT, stopWhen: ai.stepCountIs(3), maxRetries: 0 });
  assert.equal(await streamed.text, 'Results: rain | sun');
  assert.deepEqual((await streamed.steps).map((step) => step.finishReason), ['tool-calls', 'stop']);
});

for (const api of ['responses', 'chat']) test(`@ai-sdk/openai (${api}) with its own retries: what the client must change is asked for once`, async () => {
  const { createOpenAI } = await load('@ai-sdk/openai');
  const { streamText } = await load('ai');
  const model = createOpenAI({ apiKey: 'none', baseURL: `${lane.base}/v1` })[api]('mock-model');
  const times = async (why) => {
    const mark = `${api}-${why}`;
    await streamText({ model, prompt: `scenario:http;${why} ${mark}`, onError() {} }).consumeStream();
    return (await lane.mock.requests()).filter((one) => JSON.stringify(one).includes(mark)).length;
  };
  const schema = `status=400;code=invalid_json_schema;msg=${encodeURIComponent("Invalid schema for response_format 'response': In context=(), 'required' is required to be supplied.")}`;
  for (const why of ['status=400;code=context_length_exceeded', 'status=429;code=insufficient_quota', schema]) assert.equal(await times(why), 1, why);
});
