// Results that come with the next message instead of before it, as useChat sends them without
// sendAutomaticallyWhen; and schemas of which the model is told a part.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { open, send } from '../lib/http.mjs';

const lane = laneOfFile(['--allow', 'tools']);

const TOOLS = { weather: { parameters: { type: 'object', properties: { city: { type: 'string' } } } }, clock: { parameters: { type: 'object', properties: {} } } };
const CALLS = `scenario:calls;calls=${encodeURIComponent('[["weather",{"city":"Oslo"}],["clock",{}]]')}`;
const user = (id, text) => ({ id, role: 'user', parts: [{ type: 'text', text }] });
const asked = () => lane.mock.asked();
async function post(id, body) {
  const exchange = open(lane.base, { method: 'POST', path: `/api/chats/${id}/stream`, body: { id, tools: TOOLS, ...body } });
  await exchange.done;
  return exchange;
}
const list = async (id, query = '') => (await send(lane.base, { path: `/api/chats/${id}/messages${query}` })).json().data;
const results = (message) => Object.fromEntries(message.parts.filter((p) => p.type.startsWith('tool-')).map((p) => [p.type.slice(5), p.output ?? p.state]));
/** The assistant's message with these outputs. */
async function ask(id, outputs) {
  const question = user('u-1', CALLS);
  const exchange = await post(id, { messages: [question] });
  const seen = read(exchange);
  const parts = Object.values(seen.tools).map((t) => ({ type: `tool-${t.toolName}`, toolCallId: t.toolCallId, input: t.input, ...(t.toolName in outputs ? { state: 'output-available', output: outputs[t.toolName] } : { state: 'input-available' }) }));
  return [question, { id: seen.start.messageId, role: 'assistant', parts: [{ type: 'step-start' }, ...parts] }];
}

test('results in front of a new message are told with it, and listed in their calls', async () => {
  for (const outputs of [{ weather: { sky: 'rain' }, clock: '12' }, { clock: 'noon' }]) {
    const id = `ahead-${Object.keys(outputs).length}`;
    const before = await ask(id, outputs);
    const next = await post(id, { messages: [...before, user('u-2', 'scenario:text;words=2')] });
    assert.equal(next.status, 200, next.text);
    assertLegal(next);
    assert.deepEqual(read(next).texts, ['alpha bravo']);
    const told = (await asked()).items.at(-1);
    assert.equal(told.role, 'user');
    for (const [name, output] of Object.entries(outputs)) {
      assert.ok(told.text.includes(`"name":"${name}","output":${JSON.stringify(output)}`), told.text);
    }
    assert.match(told.text, /scenario:text;words=2$/);
    for (const order of ['asc', 'desc']) {
      const all = await list(id, `?order=${order}`);
      const after = order === 'asc' ? all : all.reverse();
      assert.deepEqual(after.map((m) => m.role), ['user', 'assistant', 'user', 'assistant']);
      assert.deepEqual(results(after[1]), { weather: 'output-error', clock: 'output-error', ...outputs });
      assert.deepEqual([after[2].id, after[2].content, after[2].parts.length], ['u-2', 'scenario:text;words=2', 1]);
    }
    // An answer to that message can be replaced, and keeps the results: also by a page that does not send them again.
    for (const [words, body] of [
      [2, { messages: [...before, user('u-2', 'scenario:text;words=2')], trigger: 'regenerate-message' }],
      [2, { trigger: 'regenerate-message' }],
      [4, { message: user('u-2', 'scenario:text;words=4'), messageId: 'u-2', trigger: 'submit-message' }],
      [4, { trigger: 'regenerate-message' }],
    ]) {
      const again = await post(id, body);
      assert.equal(again.status, 200, again.text);
      const { text } = (await asked()).items.at(-1);
      assert.equal(text.match(/Results of the functions/g)?.length, 1, text);
      assert.ok(text.endsWith(`scenario:text;words=${words}`), text);
      const all = await list(id);
      assert.deepEqual(results(all[1]), { weather: 'output-error', clock: 'output-error', ...outputs });
      assert.deepEqual([all.length, all[2].id, all[2].parts.length], [4, 'u-2', 1]);
    }
    // Later messages bring the same history along: it is told once.
    await post(id, { messages: [...before, ...(await list(id)).slice(2), user('u-3', 'scenario:text;words=3')] });
    assert.equal((await asked()).items.filter((one) => /Results of the functions/.test(one.text ?? '')).length, 1);
  }
});

test('results in front of a new message that a large body cost a long value are named', async () => {
  const before = await ask('cut', { weather: { shot: 'B'.repeat(5000) }, clock: '12' });
  const old = { id: 'u-0', role: 'user', parts: [{ type: 'file', mediaType: 'image/png', url: `data:image/png;base64,${'A'.repeat(9e6)}` }] };
  const next = await post('cut', { messages: [old, ...before, user('u-2', 'scenario:text;words=2')] });
  assert.equal(next.status, 200, next.text);
  assert.match((await asked()).items.at(-1).text, /"output":\{"shot":"\(a file of this message, too large to be kept\)"\}/);
  assert.equal(next.headers['x-oa-ignored'], 'messages[2]');
});

test('a schema of which the model is told a part is named; a plain one is not', async () => {
  const schema = (more) => ({ f: { parameters: { type: 'object', title: 'F', properties: { a: { type: 'string', description: 'A', ...more } }, required: ['a'], additionalProperties: false } } });
  const whole = await post('whole', { messages: [user('u-1', 'scenario:text;words=1')], tools: schema({ enum: ['x', 'y'] }) });
  assert.equal(whole.headers['x-oa-ignored'], undefined);
  for (const [at, more] of [{ minLength: 2 }, { pattern: '^x' }, { format: 'email' }, { default: 'x' }, { not: {} }].entries()) {
    const id = `partly-${at}`;
    const named = await post(id, { messages: [user('u-1', 'scenario:text;words=1')], tools: schema(more) });
    assert.equal(named.headers['x-oa-ignored'], 'tools.f.parameters', JSON.stringify(more));
    const told = (await asked()).functions.find((one) => one.name === 'f').parameters.properties.a;
    assert.deepEqual(Object.keys(told).filter((key) => key in more), [], 'Codex does not tell it');
  }
  const untyped = await post('untyped', { messages: [user('u-1', 'scenario:text;words=1')], tools: { f: { parameters: { type: 'object', properties: { a: true, b: { enum: ['x', 1] } } } } } });
  assert.equal(untyped.headers['x-oa-ignored'], 'tools.f.parameters');
  const odd = await post('odd', { messages: [user('u-1', 'scenario:text;words=1')], tools: schema({ type: 'date' }) });
  assert.equal(odd.headers['x-oa-ignored'], 'tools.f.parameters');
  assert.notEqual((await asked()).functions.find((one) => one.name === 'f').parameters.properties.a.type, 'date', 'Codex drops it');
  const point = { type: 'object', properties: { box: { type: 'array', prefixItems: [{ type: 'number' }, { type: 'string' }] }, side: { $ref: '#/properties/box/prefixItems/0' } } };
  await post('tuple', { messages: [user('u-1', 'scenario:text;words=1')], tools: { f: { parameters: point } } });
  const { properties } = (await asked()).functions.find((one) => one.name === 'f').parameters;
  assert.deepEqual([properties.box.items.anyOf[0].type, properties.side.$ref], ['number', '#/properties/box/items/anyOf/0']);
  const f = { name: 'f', parameters: schema({ maxLength: 3 }).f.parameters };
  const chat = await send(lane.base, { method: 'POST', path: '/v1/chat/completions', body: { model: 'mock-model', messages: [{ role: 'user', content: 'scenario:text;words=1' }], tools: [{ type: 'function', function: f }] } });
  assert.equal(chat.headers['x-ignored-params'], 'tools.function.parameters', chat.text);
  const response = await send(lane.base, { method: 'POST', path: '/v1/responses', body: { model: 'mock-model', input: 'scenario:text;words=1', tools: [{ type: 'function', ...f }] } });
  assert.equal(response.headers['x-ignored-params'], 'tools.parameters', response.text);
  assertRefused(await post('bad', { messages: [user('u-1', 'x')], tools: { f: { parameters: 1 } } }), 422, 'invalid_request');
});
