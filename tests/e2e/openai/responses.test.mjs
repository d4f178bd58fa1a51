// /v1/responses over the real Codex: one response or its events, what it refuses, and how one goes on
// from another.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';
import { OA_BIN, scratch } from '../lib/process.mjs';

const lane = laneOfFile();
const folder = scratch('responses');

const weather = { type: 'function', name: 'weather', description: 'Weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } };
const clock = { type: 'function', name: 'clock' };
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';
const TWO = '[["weather",{"city":"Oslo"}],["clock",{}]]';
const prompt = (more = '', calls = TWO) => `scenario:calls;calls=${encodeURIComponent(calls)}${more}`;
const asked = () => lane.mock.asked();
const send = (method, where, body) => fetch(`${lane.base}${where}`, {
  method, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});

/** Every answer is judged by the contract, too. */
let count = 0;
async function ask(body) {
  const response = await send('POST', '/v1/responses', { model: 'mock-model', ...body });
  const text = await response.text();
  const file = path.join(folder, `answer-${++count}`);
  fs.writeFileSync(file, text);
  fs.writeFileSync(`${file}.head`, [`HTTP/1.1 ${response.status} x`, ...[...response.headers].map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n'));
  const checked = spawnSync(OA_BIN, ['check', '--profile', 'responses', '--headers', `${file}.head`, file], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stdout + checked.stderr + text);
  assert.doesNotMatch(checked.stdout, /should/, text);
  return { status: response.status, headers: response.headers, text, get json() { return JSON.parse(this.text); } };
}
async function whole(body) {
  const answer = await ask(body);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}
async function streamed(body) {
  const answer = await ask({ stream: true, ...body });
  assert.equal(answer.status, 200, answer.text);
  const events = answer.text.split('\n\n').filter((one) => one.startsWith('event: ')).map((one) => JSON.parse(one.slice(one.indexOf('\ndata: ') + 7)));
  return { events, types: events.map((one) => one.type), last: events.at(-1).response, headers: answer.headers };
}
const text = (response) => response.output.filter((one) => one.type === 'message').flatMap((one) => one.content).map((one) => one.text).join('');
const calls = (response) => response.output.filter((one) => one.type === 'function_call');
const plain = (list) => list.map((one) => [one.name, JSON.parse(one.arguments)]);
const BOTH = [['weather', { city: 'Oslo' }], ['clock', {}]];
const result = (call, output) => ({ type: 'function_call_output', call_id: call.call_id, output });

test('a text, whole and streamed, with usage and what the request said', async () => {
  const body = { input: 'scenario:text;words=3;in=40;out=9', instructions: 'Be brief.', metadata: { a: 'b' }, reasoning: { effort: 'low' } };
  const one = await whole(body);
  assert.match(one.id, /^resp_[0-9a-f]{32}$/);
  assert.ok(text(one).length > 0);
  assert.deepEqual([one.object, one.status, one.model, one.error, one.incomplete_details, one.instructions, one.store, one.tool_choice], ['response', 'completed', 'mock-model', null, null, 'Be brief.', true, 'auto']);
  assert.deepEqual([one.metadata, one.tools, one.text, one.reasoning], [{ a: 'b' }, [], { format: { type: 'text' } }, { effort: 'low', summary: null }]);
  assert.deepEqual([one.usage.input_tokens, one.usage.output_tokens, one.usage.total_tokens], [40, 9, 49]);
  const two = await streamed(body);
  assert.equal(text(two.last), text(one));
  assert.equal(two.events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta).join(''), text(one));
  assert.deepEqual([...new Set(two.types)], [
    'response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added', 'response.output_text.delta',
    'response.output_text.done', 'response.content_part.done', 'response.output_item.done', 'response.completed',
  ]);
  assert.equal(two.headers.get('x-should-retry'), 'false');
  assert.match((await asked()).instructions ?? 'Be brief.', /Be brief/);
});

test('calls made at once, whole and streamed; their results come with previous_response_id', async () => {
  const body = { input: prompt(';say=One%20moment.'), tools: [weather, clock] };
  const one = await whole(body);
  assert.deepEqual([one.status, text(one), plain(calls(one))], ['completed', 'One moment.', BOTH]);
  assert.deepEqual(one.tools[0], { ...weather, strict: null });
  const two = await streamed(body);
  assert.deepEqual(plain(calls(two.last)), BOTH);
  assert.deepEqual(two.types.filter((type) => type.includes('arguments')), ['response.function_call_arguments.delta', 'response.function_call_arguments.done', 'response.function_call_arguments.delta', 'response.function_call_arguments.done']);
  const [oslo, time] = calls(two.last);
  const next = await whole({ previous_response_id: two.last.id, input: [result(time, '12:00'), result(oslo, 'rain')], tools: [weather, clock] });
  assert.equal(text(next), 'Results: 12:00 | rain');
  assert.equal(next.previous_response_id, two.last.id);
  const seen = await asked();
  assert.deepEqual(seen.items.map((item) => [item.type, item.role ?? item.call_id, item.text ?? item.output ?? item.arguments]), [
    ['message', 'user', body.input],
    ['message', 'assistant', 'One moment.'],
    ['function_call', oslo.call_id, oslo.arguments],
    ['function_call', time.call_id, '{}'],
    ['function_call_output', time.call_id, '12:00'],
    ['function_call_output', oslo.call_id, 'rain'],
  ]);
  // From an earlier response once more, by another way.
  const other = await whole({ previous_response_id: one.id, input: calls(one).map((call) => result(call, 'none')), tools: [weather, clock] });
  assert.equal(text(other), 'Results: none | none');
  // And without it: the items themselves, or their ids.
  const items = [{ role: 'user', content: body.input }, ...one.output, ...calls(one).map((call) => result(call, 'own'))];
  assert.equal(text(await whole({ input: items, tools: [weather, clock], store: false })), 'Results: own | own');
  // Whatever was said or instructed between the calls: it was one answer.
  const [first, second] = calls(one), spoken = one.output.find((item) => item.type === 'message');
  for (const between of [[first, spoken, second], [first, second, spoken], [spoken, first, { role: 'developer', content: 'Be kind.' }, second]]) {
    assert.equal(text(await whole({ input: [items[0], ...between, ...items.slice(-2)], tools: [weather, clock], store: false })), 'Results: own | own');
  }
  const named = [items[0], ...one.output.map(({ id }) => ({ type: 'item_reference', id })), ...items.slice(-2)];
  assert.equal(text(await whole({ input: named, tools: [weather, clock] })), 'Results: own | own');
});

test('previous_response_id may come alone', async () => {
  const { id } = await whole({ input: 'scenario:text;words=1' });
  const users = async () => (await asked()).items.filter((item) => item.role === 'user').map((item) => item.text.trim());
  const answers = [];
  for (const more of [{}, { input: null }, { input: [] }]) {
    await whole({ previous_response_id: id, ...more });
    answers.push(await users());
  }
  assert.deepEqual(answers, Array(3).fill(['scenario:text;words=1', 'Continue.']));
});

test('an image in a result reaches the model, also from a stored response', async () => {
  const seen = { type: 'input_image', image_url: `data:image/png;base64,${PNG}` };
  const first = await whole({ input: prompt('', '[["weather",{"city":"Oslo"}]]'), tools: [weather] });
  const output = [{ type: 'input_text', text: 'the sky' }, seen];
  const next = await whole({ previous_response_id: first.id, input: [result(calls(first)[0], output)], tools: [weather] });
  assert.equal(text(next), 'Results: the sky');
  assert.deepEqual((await asked()).items.at(-1).output, output);
  await whole({ previous_response_id: next.id, input: 'scenario:text;words=1' });
  assert.deepEqual((await asked()).items.find((item) => item.type === 'function_call_output').output, output);
});

test('an image of another type than its URL says reaches the model as what it is', async () => {
  const url = (type) => `data:image/${type};base64,${PNG}`;
  const shown = { role: 'user', content: [{ type: 'input_image', image_url: url('jpeg') }, { type: 'input_text', text: 'Look.' }] };
  const call = { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{}' };
  await whole({ input: [shown, call, result(call, [{ type: 'input_image', image_url: url('webp') }]), { ...shown, content: [shown.content[0], { type: 'input_text', text: 'scenario:text;words=1' }] }] });
  const { items } = await asked();
  assert.deepEqual(items.filter((item) => item.role === 'user').map((item) => item.images), [1, 1]);
  assert.equal(items.find((item) => item.type === 'function_call_output').output[0].image_url, url('png'));
});

test('a stored response is read and deleted; store false, deleted and foreign ones are not there', async () => {
  const one = await whole({ input: 'scenario:text;words=1' });
  const read = await send('GET', `/v1/responses/${one.id}`);
  assert.deepEqual(await read.json(), one);
  for (const list of ['include', 'include[]', 'include%5B%5D']) {
    assert.equal((await send('GET', `/v1/responses/${one.id}?${list}=reasoning.encrypted_content`)).status, 200, list);
    const refused = await send('GET', `/v1/responses/${one.id}?x=1&${list}=message.output_text.logprobs`);
    assert.equal(refused.status, 400, list);
    const { code, param } = (await refused.json()).error;
    assert.deepEqual([code, param], ['unsupported_value', 'include'], list);
  }
  assert.deepEqual(await (await send('DELETE', `/v1/responses/${one.id}`)).json(), { id: one.id, object: 'response', deleted: true });
  const loose = await whole({ input: 'scenario:text;words=1', store: false });
  for (const id of [one.id, loose.id, 'resp_none']) {
    const gone = await send('GET', `/v1/responses/${id}`);
    assert.deepEqual([gone.status, (await gone.json()).error.code], [404, 'not_found']);
    const answer = await ask({ input: 'x', previous_response_id: id });
    assert.deepEqual([answer.status, answer.json.error.code, answer.json.error.param], [400, 'previous_response_not_found', 'previous_response_id']);
  }
  const put = await send('PUT', `/v1/responses/${one.id}`, {});
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, DELETE, OPTIONS']);
  assert.equal((await send('POST', `/v1/responses/${one.id}/cancel`, {})).status, 404);
});

test('reasoning is told as a summary when it is asked for, and passed over when it comes back', async () => {
  const input = 'scenario:reasoning;text=Hello.';
  const quiet = await whole({ input });
  assert.deepEqual(quiet.output.map((item) => item.type), ['message']);
  const two = await streamed({ input, reasoning: { summary: 'auto' } });
  assert.ok(two.types.includes('response.reasoning_summary_text.delta'));
  const [thought] = two.last.output;
  assert.equal(thought.type, 'reasoning');
  assert.ok(thought.summary[0].text.length > 0);
  const next = await whole({ input: [{ role: 'user', content: input }, ...two.last.output, { role: 'user', content: 'scenario:text;words=1' }] });
  assert.ok(text(next).length > 0);
});

test('formats: a schema reaches the model, json_object is told and checked', async () => {
  const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
  await whole({ input: 'scenario:text;words=1', text: { format: { type: 'json_schema', name: 'x', schema } } });
  assert.ok(JSON.stringify((await asked())).includes('"additionalProperties":false'));
  const good = await whole({ input: `scenario:text;text=${encodeURIComponent('{"a":1}')}`, text: { format: { type: 'json_object' } } });
  assert.equal(text(good), '{"a":1}');
  const bad = await ask({ input: 'scenario:text;words=2', text: { format: { type: 'json_object' } } });
  assert.deepEqual([bad.status, bad.json.error.code], [502, 'json_missing']);
  const failed = await streamed({ input: 'scenario:text;words=2', text: { format: { type: 'json_object' } } });
  assert.deepEqual([failed.last.status, failed.last.error.code], ['failed', 'server_error']);
  assert.match(failed.last.error.message, /json_missing/);
});

test('the phase of a message comes and goes with it, and JSON is the final answer', async () => {
  const input = `scenario:phases;b=${encodeURIComponent('{"a":1}')}`, spoken = [['Working on it.', 'commentary'], ['{"a":1}', 'final_answer']];
  const phases = (response) => response.output.map((item) => [item.content[0].text, item.phase]);
  const heard = async () => (await asked()).items.filter((item) => item.role === 'assistant').map((item) => [item.text.trim(), item.phase]);
  const one = await whole({ input, text: { format: { type: 'json_object' } } });
  assert.deepEqual(phases(one), spoken);
  const two = await streamed({ input });
  assert.deepEqual(phases(two.last), spoken);
  assert.deepEqual(two.events.filter((event) => event.type === 'response.output_item.added').map((event) => event.item.phase), ['commentary', 'final_answer']);
  const next = { role: 'user', content: 'scenario:text;words=1' };
  for (const body of [{ previous_response_id: one.id, input: [next] }, { input: [{ role: 'user', content: input }, ...two.last.output, next] }]) {
    await whole(body);
    assert.deepEqual(await heard(), spoken);
  }
});

test('a cut answer is incomplete, a failed one fails', async () => {
  const cut = await streamed({ input: 'scenario:incomplete;reason=max_output_tokens' });
  assert.deepEqual([cut.last.status, cut.last.incomplete_details], ['incomplete', { reason: 'max_output_tokens' }]);
  assert.deepEqual(cut.last.output.map((item) => item.status), ['incomplete']);
  const failed = await streamed({ input: 'scenario:http;status=500' });
  assert.equal(failed.last.status, 'failed');
  const event = failed.events.at(-2); // clients that read no response.failed throw on it
  assert.equal(event.type, 'error');
  assert.deepEqual([event.error.type, event.error.code, event.error.param], ['server_error', 'turn_failed', null]);
  assert.deepEqual(failed.last.error, { code: 'server_error', message: `${event.error.message} (turn_failed)` });
  const error = await ask({ input: 'scenario:http;status=500' });
  assert.ok(error.status >= 500, error.text);
  assert.equal(error.headers.get('x-should-retry'), 'false');
  const long = { input: 'scenario:http;status=400;code=context_length_exceeded' };
  const refused = (await ask(long)).json.error;
  assert.deepEqual([refused.type, refused.code, refused.param], ['invalid_request_error', 'context_length_exceeded', 'input']);
  assert.deepEqual((await streamed(long)).events.at(-2).error, refused);
});

test('what cannot be honoured is refused by name, or named', async () => {
  const call = { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{}' };
  const user = { role: 'user', content: 'x' };
  const cases = [
    [{ messages: [] }, 'unknown_parameter', 'messages'],
    [{ stop: ['x'] }, 'unknown_parameter', 'stop'],
    [{ background: true }, 'unsupported_parameter', 'background'],
    [{ conversation: 'conv_1' }, 'unsupported_parameter', 'conversation'],
    [{ prompt: { id: 'p' } }, 'unsupported_parameter', 'prompt'],
    [{ truncation: 'auto' }, 'unsupported_value', 'truncation'],
    [{ include: ['file_search_call.results'] }, 'unsupported_value', 'include[0]'],
    [{ tools: [{ type: 'web_search' }] }, 'unsupported_value', 'tools[0].type'],
    [{ tools: [weather, weather] }, 'invalid_value', 'tools[1].name'],
    [{ tools: [weather], tool_choice: { type: 'function', name: 'clock' } }, 'invalid_value', 'tool_choice.name'],
    [{ reasoning: { effort: 'huge' } }, 'invalid_value', 'reasoning.effort'],
    [{ reasoning: { summary: 'long' } }, 'invalid_value', 'reasoning.summary'],
    [{ reasoning: { depth: 3 } }, 'unknown_parameter', 'reasoning.depth'],
    [{ text: { style: 'x' } }, 'unknown_parameter', 'text.style'],
    [{ text: { format: { type: 'xml' } } }, 'invalid_value', 'text.format.type'],
    [{ max_output_tokens: 0 }, 'invalid_value', 'max_output_tokens'],
    [{ metadata: { a: 1 } }, 'invalid_type', 'metadata.a'],
    [{ stream_options: {} }, 'invalid_value', 'stream_options'],
    [{ input: undefined }, 'missing_required_parameter', 'input'],
    [{ input: [] }, 'invalid_value', 'input'],
    [{ input: 'x'.repeat(200_001) }, 'string_above_max_length', 'input'],
    [{ input: [user, { role: 'assistant', content: 'y' }, { role: 'user', content: 'x'.repeat(200_001) }] }, 'string_above_max_length', 'input[2]'],
    [{ input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] }, 'unsupported_value', 'input[0].content[0].type'],
    [{ input: [{ type: 'web_search_call', id: 'ws_1' }] }, 'unsupported_value', 'input[0].type'],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'item_not_found', 'input[0].id'],
    [{ input: [user, result(call, 'y')] }, 'invalid_value', 'input[1].call_id'],
    [{ input: [user, call] }, 'invalid_value', 'input[1].call_id'],
    [{ input: [user, call, result(call, [{ type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=' }])] }, 'invalid_value', 'input[2].output[0].image_url'],
    [{ input: [user, { role: 'assistant', content: [{ type: 'input_image', image_url: `data:image/png;base64,${PNG}` }] }] }, 'unsupported_value', 'input[1].content[0].type', /from users and results of functions only/],
  ];
  for (const [body, code, param, why] of cases) {
    const answer = await ask({ input: 'x', ...body });
    assert.equal(answer.status, 400, `${JSON.stringify(body)}: ${answer.text}`);
    assert.deepEqual([answer.json.error.code, answer.json.error.param], [code, param]);
    if (why) assert.match(answer.json.error.message, why);
  }
  // Codex as the client sends this to every provider.
  assert.equal((await ask({ input: 'scenario:text;words=1', client_metadata: { session_id: 's' } })).status, 200);
  const model = await ask({ input: 'x', model: 'other' });
  assert.deepEqual([model.status, model.json.error.code], [404, 'model_not_found']);
  const named = await ask({ input: 'scenario:text;words=1', temperature: 0.2, max_output_tokens: 9, text: { verbosity: 'low' }, include: ['reasoning.encrypted_content'], tools: [{ ...weather, strict: true }] });
  assert.equal(named.headers.get('x-ignored-params'), 'text.verbosity, include, temperature, max_output_tokens, tools.strict');
  // What the released openai client has types for.
  const image = { type: 'input_image', image_url: `data:image/png;base64,${PNG}`, detail: 'low' };
  const newer = await ask({ input: [{ role: 'user', content: [image, { type: 'input_text', text: 'scenario:text;words=1' }] }], reasoning: { context: 'all_turns', mode: 'pro' }, service_tier: 'ultrafast', tools: [{ ...weather, defer_loading: true, output_schema: null }] });
  assert.equal(newer.headers.get('x-ignored-params'), 'reasoning.context, reasoning.mode, service_tier, tools.defer_loading, input.content.detail');
  const usual = await ask({ input: 'scenario:text;words=1', reasoning: { context: 'auto', mode: 'standard' } });
  assert.equal(usual.headers.get('x-ignored-params'), null);
});

test('it is a turn request: metrics count it once', async () => {
  const read = async () => Number(/oa_stream_terminal_total\{class="completed",route="\/v1\/responses"[^}]*\} (\d+)/.exec(await (await send('GET', '/metrics')).text())?.[1]);
  const before = await read();
  await whole({ input: 'scenario:text;words=1' });
  await streamed({ input: 'scenario:text;words=1' });
  assert.equal(await read(), before + 2);
});
