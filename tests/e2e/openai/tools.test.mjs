// Function tools of OpenAI clients over the real Codex: the model's calls end an answer, their results
// come with the next request, and the model is told both as they were.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';
import { readMetrics, total } from '../lib/metrics.mjs';

const lane = laneOfFile();

const weather = { type: 'function', function: { name: 'weather', description: 'Weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } };
const clock = { type: 'function', function: { name: 'clock' } };
const TWO = '[["weather",{"city":"Oslo"}],["clock",{}]]';
const prompt = (more = '', calls = TWO) => `scenario:calls;calls=${encodeURIComponent(calls)}${more}`;
const user = (content) => ({ role: 'user', content });
const asked = () => lane.mock.asked();

async function ask(body) {
  const response = await fetch(`${lane.base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'mock-model', ...body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text(), get json() { return JSON.parse(this.text); } };
}
async function whole(body) {
  const answer = await ask(body);
  assert.equal(answer.status, 200, answer.text);
  return { ...answer.json.choices[0], usage: answer.json.usage, headers: answer.headers };
}
/** The chunks of a stream, and the call pieces put together as clients do it. */
async function streamed(body) {
  const answer = await ask({ stream: true, ...body });
  assert.equal(answer.status, 200, answer.text);
  const frames = answer.text.split('\n\n').filter((one) => one.startsWith('data: ')).map((one) => one.slice(6));
  assert.equal(frames.at(-1), '[DONE]', answer.text);
  const chunks = frames.slice(0, -1).map((one) => JSON.parse(one));
  const calls = [];
  for (const piece of chunks.flatMap((one) => one.choices[0]?.delta.tool_calls ?? [])) {
    calls[piece.index] ??= { id: piece.id, type: piece.type, function: { name: piece.function.name, arguments: '' } };
    calls[piece.index].function.arguments += piece.function.arguments;
  }
  const text = chunks.map((one) => one.choices[0]?.delta.content ?? '').join('');
  return { chunks, calls, text, finish: chunks.map((one) => one.choices[0]?.finish_reason).filter(Boolean), usage: chunks.at(-1).usage };
}
const plain = (calls) => calls.map((one) => [one.type, one.function.name, JSON.parse(one.function.arguments)]);
const BOTH = [['function', 'weather', { city: 'Oslo' }], ['function', 'clock', {}]];
const result = (call, content) => ({ role: 'tool', tool_call_id: call.id, content });

test('calls made at once end the answer, whole and streamed, with text before them and usage', async () => {
  const messages = [user(prompt(';say=One%20moment.;in=40;out=9'))];
  const one = await whole({ messages, tools: [weather, clock] });
  assert.deepEqual(plain(one.message.tool_calls), BOTH);
  assert.equal(one.message.content, 'One moment.');
  assert.equal(one.finish_reason, 'tool_calls');
  assert.deepEqual([one.usage.prompt_tokens, one.usage.completion_tokens], [40, 9]);
  const seen = await asked();
  assert.deepEqual(seen.functions.filter((f) => ['weather', 'clock'].includes(f.name)).map((f) => [f.name, f.description, f.parameters.required]), [['weather', 'Weather of a city', ['city']], ['clock', '', undefined]]);

  const two = await streamed({ messages, tools: [weather, clock], stream_options: { include_usage: true } });
  assert.deepEqual(plain(two.calls), BOTH);
  assert.equal(two.text, 'One moment.');
  assert.deepEqual(two.finish, ['tool_calls']);
  assert.deepEqual([two.usage.prompt_tokens, two.usage.completion_tokens], [40, 9]);
  assert.equal(new Set(two.calls.map((call) => call.id)).size, 2);
});

test('a function without parameters has a schema of nothing', async () => {
  const bare = [{}, { parameters: {} }, { parameters: null }].map((more, n) => ({ type: 'function', function: { name: `f${n}`, ...more } }));
  await whole({ messages: [user('scenario:text;words=1')], tools: bare });
  const told = (await asked()).functions.filter((f) => /^f\d$/.test(f.name));
  assert.deepEqual(told.map((f) => f.parameters), Array(3).fill({ type: 'object', properties: {} }));
});

test('an answer of calls alone has no text', async () => {
  const one = await whole({ messages: [user(prompt())], tools: [weather, clock] });
  assert.equal(one.message.content, null);
  const two = await streamed({ messages: [user(prompt())], tools: [weather, clock] });
  assert.equal(two.text, '');
});

test('results in any order reach the model as results, with the calls they answer', async () => {
  const messages = [{ role: 'system', content: 'Be brief.' }, user(prompt(';say=One%20moment.'))];
  const first = await whole({ messages, tools: [weather, clock] });
  const [oslo, time] = first.message.tool_calls;
  const next = [...messages, first.message, result(time, '12:00'), result(oslo, 'rain')];
  const last = await streamed({ messages: next, tools: [weather, clock] });
  assert.equal(last.text, 'Results: 12:00 | rain');
  assert.deepEqual(last.finish, ['stop']);
  const seen = await asked();
  assert.deepEqual(seen.items.map((one) => [one.type, one.role ?? one.call_id, one.text ?? one.output ?? one.arguments]), [
    ['message', 'user', messages[1].content],
    ['message', 'assistant', 'One moment.'],
    ['function_call', oslo.id, oslo.function.arguments],
    ['function_call', time.id, '{}'],
    ['function_call_output', time.id, '12:00'],
    ['function_call_output', oslo.id, 'rain'],
  ]);
  // And on from there.
  const more = await whole({ messages: [...next, { role: 'assistant', content: last.text }, user('scenario:echo;x and now?')], tools: [weather, clock] });
  assert.match(more.message.content, /and now\?/);
  assert.equal((await asked()).items.length, 8);
});

test('an image in a result reaches the model', async () => {
  const url = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';
  const messages = [user(prompt('', '[["clock",{}]]'))];
  const { message } = await whole({ messages, tools: [clock] });
  const seen = result(message.tool_calls[0], [{ type: 'text', text: 'its face' }, { type: 'image_url', image_url: { url } }]);
  assert.equal((await whole({ messages: [...messages, message, seen], tools: [clock] })).message.content, 'Results: its face');
  assert.deepEqual((await asked()).items.at(-1).output, [{ type: 'input_text', text: 'its face' }, { type: 'input_image', image_url: url }]);
});

test('rounds of calls, each in a request of its own', async () => {
  const messages = [user(prompt(';rounds=3', '[["weather",{"city":"Rome"}]]'))];
  for (let round = 0; round < 3; ++round) {
    const { message, finish_reason } = await whole({ messages, tools: [weather] });
    assert.equal(finish_reason, 'tool_calls');
    messages.push(message, result(message.tool_calls[0], `sun ${round}`));
  }
  assert.equal((await whole({ messages, tools: [weather] })).message.content, 'Results: sun 0 | sun 1 | sun 2');
});

test('parallel_tool_calls false gives one call', async () => {
  const body = { messages: [user(prompt())], tools: [weather, clock], parallel_tool_calls: false };
  const one = await whole(body);
  assert.deepEqual(plain(one.message.tool_calls), BOTH.slice(0, 1));
  assert.equal(one.headers.get('x-ignored-params'), null);
  assert.deepEqual(plain((await streamed(body)).calls), BOTH.slice(0, 1));
});

test('what cannot be honoured is refused or named', async () => {
  const call = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } };
  const made = { role: 'assistant', content: null, tool_calls: [call] };
  const cases = [
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'unsupported_value', 'tools[0].type'],
    [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'invalid_value', 'tools[0].function.name'],
    [{ tools: [weather, weather] }, 'invalid_value', 'tools[1].function.name'],
    [{ tool_choice: 'required' }, 'invalid_value', 'tool_choice'],
    [{ tools: [weather], tool_choice: { type: 'function', function: { name: 'clock' } } }, 'invalid_value', 'tool_choice.function.name'],
    [{ tools: [weather, { type: 'function', function: { name: 'area', parameters: { type: 'object', properties: [] } } }] }, 'invalid_value', 'tools.area.parameters'],
    [{ messages: [user('x'), { role: 'tool', tool_call_id: 'c1', content: 'y' }] }, 'invalid_value', 'messages[1].tool_call_id'],
    [{ messages: [user('x'), made] }, 'invalid_value', 'messages[1].tool_calls'],
    [{ messages: [user('x'), made, user('y')] }, 'invalid_value', 'messages[1].tool_calls'],
    [{ messages: [user('x'), made, result(call, 'y'), result(call, 'z')] }, 'invalid_value', 'messages[3].tool_call_id'],
  ];
  for (const [body, code, param] of cases) {
    const answer = await ask({ messages: [user('x')], ...body });
    assert.equal(answer.status, 400, answer.text);
    assert.deepEqual([answer.json.error.code, answer.json.error.param], [code, param]);
  }
  const strict = { ...weather, function: { ...weather.function, strict: true } };
  const named = await whole({ messages: [user('scenario:text;words=1')], tools: [strict] });
  assert.equal(named.headers.get('x-ignored-params'), 'tools.function.strict');
  const tuple = { type: 'function', function: { name: 'area', parameters: { type: 'object', properties: { box: { type: 'array', items: [{ type: 'number' }, { type: 'number' }] } } } } };
  const loose = await whole({ messages: [user('scenario:text;words=1')], tools: [tuple] });
  assert.equal(loose.headers.get('x-ignored-params'), 'tools.function.parameters');
});

test('tool_choice: none offers nothing, a name offers that one and demands it', async () => {
  const none = await whole({ messages: [user('scenario:text;words=1')], tools: [weather], tool_choice: 'none' });
  assert.equal(none.finish_reason, 'stop');
  assert.ok(!(await asked()).functions.some((f) => f.name === 'weather'));
  const named = await whole({ messages: [user(prompt('', '[["clock",{}]]'))], tools: [weather, clock], tool_choice: { type: 'function', function: { name: 'clock' } } });
  assert.deepEqual(plain(named.message.tool_calls), [['function', 'clock', {}]]);
  const seen = await asked();
  assert.deepEqual(seen.functions.map((f) => f.name).filter((name) => ['weather', 'clock'].includes(name)), ['clock']);
  assert.match(seen.developer.join(), /Call the function clock now/);
  const failed = async () => total(await readMetrics(lane.base), 'terminal_total', { class: 'turn_failed' });
  const before = await failed();
  const unmet = await ask({ messages: [user('scenario:text;words=1')], tools: [weather], tool_choice: 'required' });
  assert.deepEqual([unmet.status, unmet.json.error.code, unmet.headers.get('x-should-retry')], [502, 'tool_call_missing', 'false']);
  const frames = await ask({ messages: [user('scenario:text;words=1')], tools: [weather], tool_choice: 'required', stream: true });
  assert.match(frames.text, /"code":"tool_call_missing"\}\}\n\n$/);
  assert.equal(await failed(), before + 2, 'streamed or not, the user got an error');
});
