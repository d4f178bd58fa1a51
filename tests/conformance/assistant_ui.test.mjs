// assistant-ui's transport with the Chat of @ai-sdk/react, over the real Codex: what it sends beside the
// messages, its tools among it, is honoured or named, and its functions run in the page.
import assert from 'node:assert/strict';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { PARAMETERS, PROMPT, SKIES, packagesOf } from './function_tools.mjs';
import { versionIn, witness } from './seen.mjs';

const load = packagesOf('assistant-ui');
const lane = laneOfFile(['--allow', 'tools,system,model']), shows = witness(import.meta.url);
const made = (column) => ({ table: 'chats', client: '`@assistant-ui/react-ai-sdk` with `@ai-sdk/react`', version: `${versionIn('assistant-ui', '@assistant-ui/react-ai-sdk')} with ${versionIn('assistant-ui', '@ai-sdk/react')}`, cells: { [column]: '' } });

/** What assistant-ui's runtime says of a page, without React. */
const runtime = (context) => ({ thread: { getModelContext: () => context }, threads: { mainItem: { initialize: async () => ({}) } } });

async function page(id, context, messages = []) {
  const { AssistantChatTransport } = await load('@assistant-ui/react-ai-sdk');
  const { Chat } = await load('@ai-sdk/react');
  const { lastAssistantMessageIsCompleteWithToolCalls } = await load('ai');
  const responses = [];
  const transport = new AssistantChatTransport({
    api: `${lane.base}/api/chat`,
    fetch: async (url, init) => { const response = await fetch(url, init); responses.push(response); return response; },
  });
  transport.setRuntime(runtime(context));
  const chat = new Chat({
    id, messages, transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
    onToolCall: ({ toolCall }) => { void chat.addToolOutput({ tool: toolCall.toolName, toolCallId: toolCall.toolCallId, output: { sky: SKIES[toolCall.input.city] } }); },
  });
  const done = async (what) => {
    const until = Date.now() + 20000;
    while (!(chat.status === 'ready' && what())) {
      assert.ok(Date.now() < until && !chat.error, `${chat.status} ${chat.error} ${JSON.stringify(chat.messages)}`);
      await new Promise((next) => setTimeout(next, 5));
    }
  };
  const text = () => chat.messages.at(-1)?.parts.filter((part) => part.type === 'text').map((part) => part.text).join('') ?? '';
  return { chat, responses, done, text };
}

const TOOLS = { weather: { type: 'frontend', description: 'Weather of a city', parameters: PARAMETERS, execute: ({ city }) => SKIES[city] } };

shows(made('tools'), 'its tools run in the page, and the answer goes on by itself', async () => {
  const { chat, responses, done, text } = await page('aui-tools', { tools: TOOLS, system: 'Be brief.' });
  await chat.sendMessage({ text: PROMPT });
  await done(() => /^Results/.test(text()));
  assert.equal(text(), 'Results: {"sky":"rain"} | {"sky":"sun"}');
  assert.deepEqual(responses.map((one) => [one.status, one.headers.get('x-oa-ignored')]), [[200, null], [200, null]]);
  // Codex may start the calls of one answer in another order than the model asked for.
  const calls = chat.messages[1].parts.filter((part) => part.type === 'tool-weather');
  assert.deepEqual(calls.map(({ input, output }) => [input.city, output.sky]).toSorted(), Object.entries(SKIES).toSorted());
});

shows(made('named'), 'what it sends and has no effect is named', async () => {
  const { chat, responses, done, text } = await page('aui-named', { callSettings: { temperature: 0.2 }, config: { apiKey: 'none' } });
  await chat.sendMessage({ text: 'scenario:text;words=2' });
  await done(() => text() === 'alpha bravo');
  assert.equal(responses[0].headers.get('x-oa-ignored'), 'callSettings, config.apiKey');
});

shows(made('moved'), 'a chat from elsewhere moves along', async () => {
  const old = [
    { id: 'o1', role: 'user', parts: [{ type: 'text', text: 'Weather in Oslo?' }] },
    { id: 'o2', role: 'assistant', parts: [{ type: 'step-start' }, { type: 'tool-weather', toolCallId: 'c1', state: 'output-available', input: { city: 'Oslo' }, output: { sky: 'rain' } }, { type: 'step-start' }, { type: 'text', text: 'Rain.', state: 'done' }] },
  ];
  const { chat, responses, done, text } = await page('aui-moved', { tools: TOOLS }, old);
  await chat.sendMessage({ text: 'scenario:text;words=2' });
  await done(() => text() === 'alpha bravo');
  assert.equal(responses[0].headers.get('x-oa-ignored'), null);
  const stored = (await (await fetch(`${lane.base}/api/chats/aui-moved/messages`)).json()).data;
  assert.deepEqual(stored.slice(0, 2).map(({ id, role, parts }) => ({ id, role, parts })), old);
});
