// A lane over the real Codex whose model calls one function twice, for the released clients of a kit.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../e2e/lib/process.mjs';

/** The answers of the function, by city, in the order of the calls. */
export const SKIES = { Oslo: 'rain', Rome: 'sun' };
export const PROMPT = `scenario:calls;calls=${encodeURIComponent(JSON.stringify(Object.keys(SKIES).map((city) => ['weather', { city }])))}`;
export const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };

/** Imports a package as the kit in that folder has it. */
export function packagesOf(kit) {
  const kept = createRequire(path.join(ROOT, 'tests/conformance', kit, 'package.json'));
  return (name) => import(pathToFileURL(kept.resolve(name)).href);
}

/** The releases of the AI SDK with their @ai-sdk/openai, as the kit openai-clients names them. `reasons`: of any model. */
export const AI_SDKS = [
  { label: 'AI SDK 5', provider: 'ai-sdk-openai-v2', sdk: 'ai-v5' },
  { label: 'AI SDK 6', provider: 'ai-sdk-openai-v3', sdk: 'ai-v6', reasons: true },
  { label: 'AI SDK 7', provider: '@ai-sdk/openai', sdk: 'ai', reasons: true },
];

/** @openai/agents with the function, whole and streamed, over responses or chat completions. */
export async function runAgent(load, base, useResponses) {
  const { Agent, OpenAIProvider, Runner, tool } = await load('@openai/agents');
  const seen = [];
  const weather = tool({ name: 'weather', description: 'Weather of a city', parameters: PARAMETERS, strict: true, execute: ({ city }) => { seen.push(city); return SKIES[city]; } });
  const modelProvider = new OpenAIProvider({ apiKey: 'none', baseURL: `${base}/v1`, useResponses });
  const runner = new Runner({ modelProvider, tracingDisabled: true });
  const agent = new Agent({ name: 'guide', instructions: 'Be brief.', model: 'mock-model', tools: [weather] });
  const whole = await runner.run(agent, PROMPT);
  assert.equal(whole.finalOutput, 'Results: rain | sun');
  const streamed = await runner.run(agent, PROMPT, { stream: true });
  let text = '';
  for await (const piece of streamed.toTextStream()) text += piece;
  await streamed.completed;
  assert.equal(text, 'Results: rain | sun');
  assert.deepEqual([...seen.slice(0, 2).sort(), ...seen.slice(2).sort()], ['Oslo', 'Rome', 'Oslo', 'Rome']);
  return { runner, agent, whole };
}

/** LangChain with the function bound, whole and streamed: its last messages. */
export async function runLangChain(load, base, more = {}) {
  const { ChatOpenAI } = await load('@langchain/openai');
  const { HumanMessage, ToolMessage } = await load('@langchain/core/messages');
  const model = new ChatOpenAI({ model: 'mock-model', apiKey: 'none', maxRetries: 0, ...more, configuration: { baseURL: `${base}/v1` } })
    .bindTools([{ type: 'function', function: { name: 'weather', description: 'Weather', parameters: PARAMETERS } }]);
  const answers = [];
  for (const invoke of [(messages) => model.invoke(messages), async (messages) => {
    let all;
    for await (const chunk of await model.stream(messages)) all = all ? all.concat(chunk) : chunk;
    return all;
  }]) {
    const messages = [new HumanMessage(PROMPT)];
    const called = await invoke(messages);
    assert.deepEqual(called.tool_calls.map((call) => [call.name, call.args.city]).sort(), [['weather', 'Oslo'], ['weather', 'Rome']]);
    messages.push(called, ...called.tool_calls.map((call) => new ToolMessage({ tool_call_id: call.id, content: SKIES[call.args.city] })));
    answers.push(await invoke(messages));
  }
  return answers;
}
