// Function tools of /v1/chat/completions with the released clients, over the real Codex.
import assert from 'node:assert/strict';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { PARAMETERS, PROMPT, SKIES, packagesOf, runLangChain } from './function_tools.mjs';
import { versionIn, witness } from './seen.mjs';

const load = packagesOf('chat-completions'), lane = laneOfFile(), shows = witness(import.meta.url);
const version = (...names) => names.map((name) => versionIn('chat-completions', name)).join(' with ');
const made = (client, name, how) => ({ table: 'completions', client, version: version(...[name].flat()), cells: { tools: how, calls: '' } });

for (const name of ['openai', 'openai-v5', 'openai-v4']) {
  const client = async () => new (await load(name)).default({ apiKey: 'none', baseURL: `${lane.base}/v1`, maxRetries: 0 });
  const tools = [{ type: 'function', function: { name: 'weather', parameters: PARAMETERS, function: ({ city }) => SKIES[city], parse: JSON.parse } }];
  for (const stream of [false, true]) {
    shows(made('openai (node)', name, name === 'openai-v4' ? '`beta…runTools`' : '`runTools`'), `${name}: the tools helper runs both calls (stream ${stream})`, async () => {
      const api = await client();
      const helper = api.chat.completions.runTools ? api.chat.completions : api.beta.chat.completions;
      const runner = helper.runTools({ model: 'mock-model', stream, messages: [{ role: 'user', content: PROMPT }], tools });
      assert.equal(await runner.finalContent(), 'Results: rain | sun');
      assert.equal(runner.messages.filter((m) => m.role === 'tool').length, 2);
    });
  }
}

shows(made('AI SDK `ai` with `@ai-sdk/openai-compatible`', ['ai', '@ai-sdk/openai-compatible'], '`generateText`, `streamText`'), 'AI SDK (openai-compatible): generateText and streamText run the tools', async () => {
  const { createOpenAICompatible } = await load('@ai-sdk/openai-compatible');
  const ai = await load('ai');
  const model = createOpenAICompatible({ name: 'lane', baseURL: `${lane.base}/v1` })('mock-model');
  const tools = { weather: ai.tool({ inputSchema: ai.jsonSchema(PARAMETERS), execute: ({ city }) => SKIES[city] }) };
  const whole = await ai.generateText({ model, tools, prompt: PROMPT, stopWhen: ai.stepCountIs(3), maxRetries: 0 });
  assert.equal(whole.text, 'Results: rain | sun');
  assert.deepEqual(whole.steps.map((step) => step.finishReason), ['tool-calls', 'stop']);
  const streamed = ai.streamText({ model, tools, prompt: PROMPT, stopWhen: ai.stepCountIs(3), maxRetries: 0 });
  assert.equal(await streamed.text, 'Results: rain | sun');
  assert.deepEqual((await streamed.steps).map((step) => step.toolCalls.map((call) => call.input.city).sort()), [['Oslo', 'Rome'], []]);
});

shows(made('LangChain `@langchain/openai`', '@langchain/openai', '`bindTools`'), 'LangChain: bindTools, with the results sent back', async () => {
  const answers = await runLangChain(load, lane.base);
  assert.deepEqual(answers.map((answer) => answer.content), ['Results: rain | sun', 'Results: rain | sun']);
});
