// The runtime of CopilotKit as released, with the lane as the provider of its agent's model: a text, and
// a function of the page.
import assert from 'node:assert/strict';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { PARAMETERS, PROMPT, SKIES, packagesOf } from './function_tools.mjs';
import { versionIn, witness } from './seen.mjs';

process.env.COPILOTKIT_TELEMETRY_DISABLED = 'true';
const load = packagesOf('copilotkit'), lane = laneOfFile(), shows = witness(import.meta.url);

/** One run over the runtime's HTTP handler, as its pages ask for it: the events. */
async function ask(api, messages, tools = []) {
  const { BuiltInAgent, CopilotRuntime, createCopilotRuntimeHandler } = await load('@copilotkit/runtime/v2');
  const { createOpenAI } = await load('@ai-sdk/openai');
  const model = createOpenAI({ apiKey: 'none', baseURL: `${lane.base}/v1` })[api]('mock-model');
  const handler = createCopilotRuntimeHandler({ runtime: new CopilotRuntime({ agents: { default: new BuiltInAgent({ model }) } }), basePath: '/kit' });
  const body = { threadId: `t-${api}-${messages.length}`, runId: 'r', messages, tools, context: [], state: {}, forwardedProps: {} };
  const answer = await handler(new Request('http://page.test/kit/agent/default/run', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }));
  assert.equal(answer.status, 200);
  return (await answer.text()).split('\n').filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
}
const said = (events) => events.filter((event) => /^TEXT_MESSAGE_(CONTENT|CHUNK)$/.test(event.type)).map((event) => event.delta).join('');

for (const api of ['chat', 'responses']) {
  const made = (cells) => ({ table: api === 'chat' ? 'completions' : 'responses', client: '`@copilotkit/runtime` with `@ai-sdk/openai`', version: `${versionIn('copilotkit', '@copilotkit/runtime')} with ${versionIn('copilotkit', '@ai-sdk/openai')}`, cells });
  shows(made({ text: 'streamed' }), `CopilotKit over ${api}: a text`, async () => {
    const events = await ask(api, [{ id: 'u1', role: 'user', content: 'scenario:echo;text=Hello%20there.' }]);
    assert.equal(said(events), 'Hello there.', JSON.stringify(events));
    assert.equal(events.at(-1).type, 'RUN_FINISHED');
  });

  shows(made({ tools: 'functions of the page', calls: '' }), `CopilotKit over ${api}: the page runs both calls, and the next run has their results`, async () => {
    const tools = [{ name: 'weather', description: 'Weather of a city', parameters: PARAMETERS }];
    const asked = { id: 'u1', role: 'user', content: PROMPT };
    const events = await ask(api, [asked], tools);
    const calls = new Map();
    for (const event of events) {
      if (event.type === 'TOOL_CALL_START') calls.set(event.toolCallId, '');
      if (event.type === 'TOOL_CALL_ARGS') calls.set(event.toolCallId, calls.get(event.toolCallId) + event.delta);
    }
    assert.deepEqual([...calls.values()].map((text) => JSON.parse(text).city).sort(), Object.keys(SKIES), JSON.stringify(events));
    const called = { id: 'a1', role: 'assistant', content: '', toolCalls: [...calls].map(([id, text]) => ({ id, type: 'function', function: { name: 'weather', arguments: text } })) };
    const results = [...calls].map(([id, text]) => ({ id: `r-${id}`, role: 'tool', toolCallId: id, content: SKIES[JSON.parse(text).city] }));
    assert.match(said(await ask(api, [asked, called, ...results], tools)), /^Results: .*(rain.*sun|sun.*rain)/);
  });
}
