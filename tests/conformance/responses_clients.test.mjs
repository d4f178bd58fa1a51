// /v1/responses with the released clients that use it, over the real Codex: text, function tools with
// several calls at once, what goes on from an earlier response, and a turn that fails.
import assert from 'node:assert/strict';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { AI_SDKS, PARAMETERS, PROMPT, SKIES, packagesOf, runAgent, runLangChain } from './function_tools.mjs';
import { versionIn, witness } from './seen.mjs';

const kit = packagesOf('chat-completions'), clients = packagesOf('openai-clients'), lane = laneOfFile(), shows = witness(import.meta.url);
const made = (client, version, cells) => ({ table: 'responses', client, version, cells });
const TEXT = 'scenario:echo;text=Hello%20there.';
const FAILS = 'scenario:http;status=500', CUT = 'scenario:failed-mid;at=3';
const tool = { type: 'function', name: 'weather', description: 'Weather of a city', parameters: PARAMETERS, strict: true };
const outputs = (response) => response.output.filter((one) => one.type === 'function_call')
  .map((one) => ({ type: 'function_call_output', call_id: one.call_id, output: SKIES[JSON.parse(one.arguments).city] }));

for (const [name, load] of [['openai', kit], ['openai-v5', kit], ['openai-v4', kit], ['openai', clients]]) {
  const client = async () => new (await load(name)).default({ apiKey: 'none', baseURL: `${lane.base}/v1`, maxRetries: 0 });
  const label = load === clients ? 'openai 7.57' : name;
  const node = (cells) => made('openai (node)', versionIn(load === clients ? 'openai-clients' : 'chat-completions', name), cells);
  shows(node({ text: '`create`' }), `${label}: create, whole and as events`, async () => {
    const api = await client();
    const whole = await api.responses.create({ model: 'mock-model', input: TEXT });
    assert.deepEqual([whole.output_text, whole.status], ['Hello there.', 'completed']);
    let text = '';
    const types = [];
    for await (const event of await api.responses.create({ model: 'mock-model', input: TEXT, stream: true })) {
      types.push(event.type);
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    assert.equal(text, 'Hello there.');
    assert.deepEqual([types[0], types.at(-1)], ['response.created', 'response.completed']);
    const read = await api.responses.retrieve(whole.id);
    assert.equal(read.id, whole.id);
  });
  shows(node({ tools: '`stream`', calls: '`stream`', on: '`previous_response_id`' }), `${label}: the stream helper collects text and calls; results go on from it`, async () => {
    const api = await client();
    const called = await api.responses.stream({ model: 'mock-model', input: PROMPT, tools: [tool] }).finalResponse();
    assert.deepEqual(outputs(called).map((one) => one.output), ['rain', 'sun']);
    const next = await api.responses.create({ model: 'mock-model', previous_response_id: called.id, input: outputs(called), tools: [tool] });
    assert.equal(next.output_text, 'Results: rain | sun');
  });
  shows(node({ tools: '`parse`', calls: '`parse`' }), `${label}: parse reads calls and a schema's text`, async () => {
    const api = await client();
    const parsed = await api.responses.parse({ model: 'mock-model', input: PROMPT, tools: [tool] });
    assert.deepEqual(parsed.output.filter((one) => one.type === 'function_call').map((one) => (one.parsed_arguments.parsed_arguments ?? one.parsed_arguments).city), Object.keys(SKIES)); // 4 and 5 put the item there
    const format = { type: 'json_schema', name: 'x', strict: true, schema: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false } };
    const typed = await api.responses.parse({ model: 'mock-model', input: `scenario:echo;text=${encodeURIComponent('{"a":1}')}`, text: { format } });
    assert.equal(typed.output_text, '{"a":1}');
  });
  shows(node({ failed: '`create` and `stream` throw' }), `${label}: a failed turn is no success`, async () => {
    const api = await client();
    await assert.rejects(api.responses.create({ model: 'mock-model', input: FAILS }), (error) => error.status >= 500 && typeof error.code === 'string');
    for (const input of [FAILS, CUT]) await assert.rejects(api.responses.stream({ model: 'mock-model', input }).finalResponse(), { code: 'turn_failed' });
    await assert.rejects(api.responses.create({ model: 'mock-model', input: 'x', stop: ['a'] }), (error) => error.status === 400 && error.param === 'stop');
  });
}

for (const { label, provider, sdk, reasons } of AI_SDKS) shows(made('AI SDK `ai` with `@ai-sdk/openai`', [sdk, provider].map((one) => versionIn('openai-clients', one)).join(' with '), {
  text: reasons ? '`generateText`, `streamText`, images, reasoning' : '`generateText`, `streamText`, images; reasoning only of models that it knows',
  tools: 'two steps', calls: 'two steps', on: '`store` true and false', failed: 'error part',
}), `@ai-sdk/openai as it comes (${label}): generateText and streamText run the tools, reasoning is told`, async () => {
  const { createOpenAI } = await clients(provider);
  const ai = await clients(sdk);
  const model = createOpenAI({ apiKey: 'none', baseURL: `${lane.base}/v1` })('mock-model');
  const tools = { weather: ai.tool({ inputSchema: ai.jsonSchema(PARAMETERS), execute: ({ city }) => SKIES[city] }) };
  for (const store of [true, false]) {
    const rest = { model, tools, prompt: PROMPT, stopWhen: ai.stepCountIs(3), maxRetries: 0, providerOptions: { openai: { store } } };
    const whole = await ai.generateText(rest);
    assert.equal(whole.text, 'Results: rain | sun');
    const streamed = ai.streamText(rest);
    assert.equal(await streamed.text, 'Results: rain | sun');
    assert.deepEqual((await streamed.steps).map((step) => step.finishReason), ['tool-calls', 'stop']);
  }
  const thought = await ai.generateText({ model, prompt: 'scenario:reasoning;text=Done.', maxRetries: 0, providerOptions: { openai: { reasoningSummary: 'auto', forceReasoning: true } } });
  assert.equal(thought.text, 'Done.');
  if (sdk === 'ai') { // earlier ones join the messages, whoever answers
    const schema = ai.jsonSchema({ type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false });
    const typed = await ai.generateText({ model, prompt: `scenario:phases;b=${encodeURIComponent('{"a":1}')}`, output: ai.Output.object({ schema }), maxRetries: 0 });
    assert.deepEqual(typed.output, { a: 1 });
  }
  if (reasons) assert.match(thought.reasoningText, /Thinking about part 1/);
  const image = await ai.generateText({ model, maxRetries: 0, messages: [
    { role: 'user', content: [{ type: 'text', text: 'scenario:echo;text=Seen.' }, { type: 'file', mediaType: 'image/png', data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==' }] },
  ] });
  assert.equal(image.text, 'Seen.');
  for (const prompt of [FAILS, CUT]) {
    const failed = ai.streamText({ model, prompt, maxRetries: 0, onError() {} });
    const parts = [];
    for await (const part of failed.fullStream) parts.push(part);
    assert.ok(parts.some((part) => part.type === 'error'), JSON.stringify(parts));
  }
});

shows(made('`@openai/agents`', versionIn('openai-clients', '@openai/agents'), { text: '`run`, streamed too', tools: 'an agent with a tool', calls: '', on: '`previousResponseId`', failed: '`run`, streamed, rejects' }), '@openai/agents as it comes: an agent with a tool, whole, streamed, and on from the last response', async () => {
  const { runner, agent, whole } = await runAgent(clients, lane.base, true);
  const next = await runner.run(agent, TEXT, { previousResponseId: whole.lastResponseId });
  assert.equal(next.finalOutput, 'Hello there.');
  const failed = await runner.run(agent, CUT, { stream: true });
  await assert.rejects(async () => { for await (const piece of failed.toTextStream()) assert.ok(piece); await failed.completed; }, /could not finish/);
});

shows(made('LangChain `@langchain/openai`, `useResponsesApi`', versionIn('chat-completions', '@langchain/openai'), { text: '`invoke`, `stream`', tools: '`bindTools`', calls: '`bindTools`', failed: '`stream` throws' }), 'LangChain with useResponsesApi: bindTools, with the results sent back', async () => {
  const answers = await runLangChain(kit, lane.base, { useResponsesApi: true });
  assert.deepEqual(answers.map((answer) => answer.text), ['Results: rain | sun', 'Results: rain | sun']);
  const { ChatOpenAI } = await kit('@langchain/openai');
  const model = new ChatOpenAI({ model: 'mock-model', apiKey: 'none', maxRetries: 0, useResponsesApi: true, configuration: { baseURL: `${lane.base}/v1` } });
  await assert.rejects(async () => { for await (const piece of await model.stream(CUT)) assert.ok(piece); }, { code: 'turn_failed' });
});
