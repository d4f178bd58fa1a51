// Clients that speak /v1/responses by default, set to chat completions: @openai/agents with a tool, and
// @ai-sdk/openai with AI SDK 7.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PARAMETERS, PROMPT, SKIES, laneOfFile, packagesOf } from './function_tools.mjs';

const load = packagesOf('openai-clients'), lane = laneOfFile();

test('@openai/agents: an agent with a tool, whole and streamed', async () => {
  const { Agent, OpenAIProvider, Runner, tool } = await load('@openai/agents');
  const seen = [];
  const weather = tool({
    name: 'weather',
    description: 'Weather of a city',
    parameters: PARAMETERS,
    strict: true,
    execute: ({ city }) => { seen.push(city); return SKIES[city]; },
  });
  const modelProvider = new OpenAIProvider({ apiKey: 'none', baseURL: `${lane.base}/v1`, useResponses: false });
  const runner = new Runner({ modelProvider, tracingDisabled: true });
  const agent = new Agent({ name: 'guide', instructions: 'Be brief.', model: 'mock-model', tools: [weather] });
  const whole = await runner.run(agent, PROMPT);
  assert.equal(whole.finalOutput, 'Results: rain | sun');
  const streamed = await runner.run(agent, PROMPT, { stream: true });
  let text = '';
  for await (const piece of streamed.toTextStream()) text += piece;
  await streamed.completed;
  assert.equal(text, 'Results: rain | sun');
  assert.deepEqual(seen, ['Oslo', 'Rome', 'Oslo', 'Rome']);
});

test('@ai-sdk/openai .chat(): generateText and streamText run the tools', async () => {
  const { createOpenAI } = await load('@ai-sdk/openai');
  const ai = await load('ai');
  const model = createOpenAI({ apiKey: 'none', baseURL: `${lane.base}/v1` }).chat('mock-model');
  const tools = { weather: ai.tool({ inputSchema: ai.jsonSchema(PARAMETERS), execute: ({ city }) => SKIES[city] }) };
  const whole = await ai.generateText({ model, tools, prompt: PROMPT, stopWhen: ai.stepCountIs(3), maxRetries: 0 });
  assert.equal(whole.text, 'Results: rain | sun');
  const streamed = ai.streamText({ model, tools, prompt: PROMPT, stopWhen: ai.stepCountIs(3), maxRetries: 0 });
  assert.equal(await streamed.text, 'Results: rain | sun');
  assert.deepEqual((await streamed.steps).map((step) => step.finishReason), ['tool-calls', 'stop']);
});
