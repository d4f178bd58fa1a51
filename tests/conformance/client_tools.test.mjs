// The page's own functions with the released AI SDK clients over the real Codex: the stock chat
// classes call them, give the results back and send them by themselves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { send } from '../e2e/lib/http.mjs';
import { CLIENTS, seen } from './clients.mjs';
import { PARAMETERS, PROMPT, SKIES } from './function_tools.mjs';
import { witness } from './seen.mjs';
import { makeChat } from './ui-message-stream/lib.mjs';

const lane = laneOfFile(['--allow', 'tools']), shows = witness(import.meta.url);
const made = (name, column, how = '') => ({ table: 'chats', client: 'AI SDK `ai`', version: CLIENTS[name], cells: { [column]: how } });

const TOOLS = { weather: { description: 'Weather of a city', parameters: PARAMETERS } };
const isTool = (part) => part.type === 'tool-weather';

/** A page on the lane; `until(what)` waits for a look at its messages. */
async function page(name, id, { messages, auto = true, onToolCall } = {}) {
  const looks = new Set(), requests = [];
  const made = await makeChat(name, {
    api: `${lane.base}/api/chat`,
    id,
    messages,
    body: { tools: TOOLS },
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      requests.push({ method: init.method, status: response.status, refusal: response.ok ? null : (await response.clone().json()).error });
      return response;
    },
    onChange: () => looks.forEach((look) => look()),
    onToolCall: (call) => onToolCall?.(made.chat, call.toolCall),
    ...(auto ? { sendAutomaticallyWhen: (options) => made.ai.lastAssistantMessageIsCompleteWithToolCalls(options) } : {}),
  });
  const { chat, state } = made;
  const until = (what) => seen(looks, what, () => `${name}: ${JSON.stringify(state.messages)} ${state.status} ${chat.error}`);
  const give = (part, output) => (chat.addToolOutput ?? chat.addToolResult).call(chat, { tool: 'weather', toolCallId: part.toolCallId, ...output });
  const tools = () => state.messages.at(-1).parts.filter(isTool);
  const text = () => state.messages.at(-1).parts.filter((p) => p.type === 'text').map((p) => p.text).join('');
  const ready = (count) => until(() => state.status === 'ready' && tools().length === count);
  return { chat, state, until, give, tools, text, ready, requests };
}
const stored = async (id) => (await send(lane.base, { path: `/api/chats/${id}/messages` })).json().data;
const shape = (message) => message.parts.filter((p) => isTool(p) || p.type === 'text').map((p) => [p.type, p.toolCallId, p.state, p.output, p.text]);

for (const name of Object.keys(CLIENTS)) {
  shows(made(name, 'tools', '`onToolCall`'), `${name}: onToolCall runs both calls and the answer goes on by itself`, async () => {
    const id = `tools-${name}`;
    const p = await page(name, id, { onToolCall: (chat, call) => void p.give(call, { output: SKIES[call.input.city] }) });
    await p.chat.sendMessage({ text: PROMPT });
    await p.until(() => p.text() === 'Results: rain | sun' && p.state.status === 'ready');
    assert.equal(p.chat.error, undefined);
    assert.equal(p.requests.length, 2, 'the message and the results');
    assert.equal(p.state.messages.length, 2);
    // Codex asks for calls made at once in any order.
    const answered = p.tools().map((t) => [t.input.city, t.state, t.output]).sort();
    assert.deepEqual(answered, [['Oslo', 'output-available', 'rain'], ['Rome', 'output-available', 'sun']]);
    const [, message] = await stored(id);
    assert.equal(message.id, p.state.messages[1].id);
    assert.deepEqual(shape(message).map(([type, call, , output, text]) => [type, call, output, text]).sort(), shape(p.state.messages[1]).map(([type, call, , output, text]) => [type, call, output, text]).sort());
  });

  for (const order of [[0, 1], [1, 0]]) {
    shows(made(name, 'reload'), `${name}: a page that was loaded again while it waits answers ${order.join(', then ')}`, async () => {
      const id = `again-${name}-${order.join('')}`;
      const first = await page(name, id);
      await first.chat.sendMessage({ text: PROMPT });
      await first.ready(2);
      const p = await page(name, id, { messages: await stored(id) });
      assert.deepEqual(p.tools().map((t) => t.state), ['input-available', 'input-available']);
      if (name !== 'ai5-first') await p.chat.resumeStream(); // 5.0.0 stays in the state submitted after any 204
      assert.equal(p.tools().length, 2);
      for (const at of order) {
        const part = p.tools().find((one) => one.input.city === ['Oslo', 'Rome'][at]); // they stand in any order
        await p.give(part, at === 0 ? { state: 'output-error', errorText: 'no sky', output: 'no sky' } : { output: SKIES[part.input.city] });
      }
      await p.until(() => /^Results: /.test(p.text()) && p.state.status === 'ready');
      assert.equal(p.chat.error, undefined);
      assert.equal(p.text(), 'Results: no sky | sun');
      assert.equal(p.state.messages.length, 2);
      assert.equal(p.requests.filter((r) => r.method === 'POST').length, 1);
    });
  }

  test(`${name}: results for a turn that was stopped go on with the page's message`, async () => {
    const id = `stopped-${name}`;
    const p = await page(name, id);
    await p.chat.sendMessage({ text: PROMPT });
    await p.ready(2);
    assert.equal((await send(lane.base, { method: 'POST', path: `/api/chats/${id}/stop` })).json().data.status, 'stopped');
    for (const part of p.tools()) await p.give(part, { output: SKIES[part.input.city] });
    await p.until(() => p.text() !== '' && p.state.status === 'ready');
    assert.equal(p.chat.error, undefined);
    assert.equal(p.state.messages.length, 2, 'not a second message with the same calls');
    assert.equal(p.tools().length, 2);
  });

  test(`${name}: a stop while a call of the page is open begins no other turn`, async () => {
    const p = await page(name, `stopped-open-${name}`);
    void p.chat.sendMessage({ text: 'scenario:call-end;tool=weather;how=on;pause=60000' });
    await p.until(() => p.state.messages.at(-1)?.parts.some((part) => isTool(part) && part.state === 'input-available'));
    assert.equal((await send(lane.base, { method: 'POST', path: `/api/chats/stopped-open-${name}/stop` })).status, 200);
    // The page sends by itself: its call has the notice of the stop as its result, which is none. The first `ai` 5 sends nothing.
    const sends = name !== 'ai5-first';
    await p.until(() => p.state.status === (sends ? 'error' : 'ready'));
    assert.deepEqual(p.requests.map((r) => [r.status, r.refusal?.code]), [[200, undefined], ...(sends ? [[409, 'tool_call_over']] : [])]);
  });

  test(`${name}: a chat deleted while a call of the page is open stays deleted`, async () => {
    const id = `deleted-${name}`;
    const p = await page(name, id);
    void p.chat.sendMessage({ text: 'scenario:call-end;tool=weather;how=on;pause=60000' });
    await p.until(() => p.state.messages.at(-1)?.parts.some((part) => isTool(part) && part.state === 'input-available'));
    assert.equal((await send(lane.base, { method: 'DELETE', path: `/api/chats/${id}` })).status, 204);
    const sends = name !== 'ai5-first';
    await p.until(() => p.state.status === (sends ? 'error' : 'ready'));
    assert.deepEqual(p.requests.map((r) => [r.status, r.refusal?.code]), [[200, undefined], ...(sends ? [[409, 'tool_call_over']] : [])]);
    assert.equal((await send(lane.base, { path: `/api/chats/${id}/messages` })).status, 404);
  });

  shows(made(name, 'late'), `${name}: other results from a second page are refused`, async () => {
    const id = `second-${name}`;
    const first = await page(name, id);
    await first.chat.sendMessage({ text: PROMPT });
    await first.ready(2);
    const open = structuredClone(first.state.messages);
    for (const part of first.tools()) await first.give(part, { output: SKIES[part.input.city] });
    await first.until(() => first.text() === 'Results: rain | sun' && first.state.status === 'ready');
    const other = await page(name, id, { messages: open });
    for (const part of other.tools()) await other.give(part, { output: 'fog' });
    await other.until(() => other.state.status === 'error');
    assert.deepEqual(other.requests.map((r) => [r.status, r.refusal.code]), [[409, 'already_answered']]);
  });
}
