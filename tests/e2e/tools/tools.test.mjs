// The page's own functions over the real Codex: the model's calls end an answer, their results go on
// with it, and nothing of that is lost when the page is loaded again or the lane restarts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { chatConfig, laneOfFile, startCodexLane } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { open, send } from '../lib/http.mjs';
import { oa, scratch } from '../lib/process.mjs';

const ALLOW = ['--allow', 'tools'];
const lane = laneOfFile(ALLOW);
const start = (args = ALLOW, rest = {}) => startCodexLane({ config: chatConfig, port: lane.mock.port, args, ...rest });

const TOOLS = {
  weather: { description: 'Weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
  clock: { description: 'The time', parameters: { type: 'object', properties: {} } },
};
const TWO = [['weather', { city: 'Oslo' }], ['clock', {}]];
const prompt = (calls = TWO, more = '') => `scenario:calls;calls=${encodeURIComponent(JSON.stringify(calls))}${more}`;
const user = (text, id = 'u-1') => ({ id, role: 'user', parts: [{ type: 'text', text }] });
const asked = () => lane.mock.asked();
async function post(id, body, on = lane) {
  const exchange = open(on.base, { method: 'POST', path: `/api/chats/${id}/stream`, body: { id, tools: TOOLS, ...body } });
  await exchange.done;
  exchange.sent = { id, tools: TOOLS, ...body };
  return exchange;
}
/** The answer that ends at the calls, and the assistant's message as a page then has it. */
async function ask(id, text, on = lane, more = {}) {
  const exchange = await post(id, { messages: [user(text)], ...more }, on);
  assert.equal(exchange.status, 200, exchange.text);
  assertLegal(exchange);
  const seen = read(exchange);
  const parts = Object.values(seen.tools).map((tool) => ({ type: `tool-${tool.toolName}`, toolCallId: tool.toolCallId, state: 'input-available', input: tool.input }));
  return { exchange, seen, question: user(text), message: { id: seen.start.messageId, role: 'assistant', parts: [{ type: 'step-start' }, ...parts] } };
}
/** The same message with these results, by the function's name; an Error is one that was thrown. */
const answered = ({ message }, outputs) => ({ ...message, parts: message.parts.map((part) => {
  const name = part.type.replace(/^tool-/, '');
  if (!(name in outputs)) return part;
  const output = outputs[name];
  return output instanceof Error ? { ...part, state: 'output-error', errorText: output.message } : { ...part, state: 'output-available', output };
}) });
const reply = (id, turn, outputs, on = lane) => {
  const message = answered(turn, outputs);
  return post(id, { messages: [turn.question, message], trigger: 'submit-message', messageId: message.id }, on);
};
const goesOn = (exchange) => {
  assert.equal(exchange.status, 200, exchange.text);
  assertLegal(exchange, { messages: exchange.sent.messages });
  return read(exchange);
};
const list = async (id, on = lane, query = '') => (await send(on.base, { path: `/api/chats/${id}/messages${query}` })).json().data;
const states = (message) => Object.fromEntries(message.parts.filter((p) => p.type.startsWith('tool-')).map((p) => [p.type.slice(5), p.output ?? p.errorText ?? p.state]));

test('calls made at once end the answer; results of any kind go on with the same message', async () => {
  const turn = await ask('two', prompt(TWO, ';say=One%20moment.'));
  assert.deepEqual(turn.seen.texts, ['One moment.']);
  // Codex begins calls that it made at once in any order.
  assert.deepEqual(Object.values(turn.seen.tools).map((t) => [t.toolName, t.input, t.dynamic, t.providerExecuted, t.seen.at(-1)]).toSorted((x, y) => (x[0] < y[0] ? 1 : -1)), [
    ['weather', { city: 'Oslo' }, undefined, undefined, 'tool-input-available'],
    ['clock', {}, undefined, undefined, 'tool-input-available'],
  ]);
  assert.deepEqual([turn.seen.finish.messageMetadata.finishReason, turn.seen.finish.messageMetadata.status], ['tool-calls', 'waiting-for-tool-results']);
  assert.deepEqual((await asked()).functions.filter((f) => f.name in TOOLS).map((f) => [f.name, f.description]), [['weather', 'Weather of a city'], ['clock', 'The time']]);

  const last = goesOn(await reply('two', turn, { weather: { sky: 'rain', degrees: [4, 7.5] }, clock: '12' }));
  assert.equal(last.start.messageId, turn.message.id);
  // Codex ends calls that it made at once in any order.
  assert.deepEqual(new Set(Object.values(last.tools).map((t) => t.output)), new Set([{ sky: 'rain', degrees: [4, 7.5] }, '12']));
  assert.deepEqual(last.texts, ['Results: {"sky":"rain","degrees":[4,7.5]} | "12"']);
  const seen = await asked();
  assert.deepEqual(seen.items.slice(-4).map((i) => [i.type, i.output]), [['function_call', undefined], ['function_call', undefined], ['function_call_output', '{"sky":"rain","degrees":[4,7.5]}'], ['function_call_output', '"12"']]);

  const [question, answer] = await list('two');
  assert.equal(question.id, 'u-1');
  assert.equal(answer.id, turn.message.id);
  assert.deepEqual(states(answer), { weather: { sky: 'rain', degrees: [4, 7.5] }, clock: '12' });
  assert.ok(answer.parts.every((p) => p.providerExecuted === undefined), JSON.stringify(answer.parts));
});

test('check judges such an answer by the body of its request, and says when it lacks that', async () => {
  const turn = await ask('judged', prompt());
  const exchange = await reply('judged', turn, { weather: 'rain', clock: new Error('no clock') });
  const folder = scratch('judged');
  const file = (name, content) => { fs.writeFileSync(path.join(folder, name), content); return path.join(folder, name); };
  const [stream, head] = [file('judged.sse', exchange.body), file('judged.head', exchange.head)];
  for (const profile of ['ai-sdk', 'ai-sdk-6']) {
    const check = async (messages) => {
      const given = messages ? ['--messages', file('judged.json', JSON.stringify(messages))] : [];
      const run = await oa(['check', '--json', '--profile', profile, '--headers', head, ...given, stream]);
      const { violations, warnings, not_judged: open } = run.json();
      return [run.code, [...violations, ...warnings].map((one) => one.rule), open.filter((rule) => /^[OQT]/.test(rule))];
    };
    assert.deepEqual(await check(exchange.sent), [0, [], []], profile);
    assert.deepEqual(await check(), [0, [], ['O10', 'T1']], profile);
    assert.deepEqual(await check([turn.question]), [1, ['T1', 'T1'], []], profile);
  }
  assert.match((await oa(['check', stream])).stdout, /^PASS[\s\S]*\nnot judged: O10 T1 \(give --messages FILE\)\n/);
});

test('results one at a time, in either order, and one that failed', async () => {
  for (const [first, second] of [['weather', 'clock'], ['clock', 'weather']]) {
    const id = `one-${first}`;
    const turn = await ask(id, prompt());
    const half = { [first]: new Error('no network') };
    const middle = goesOn(await reply(id, turn, half));
    assert.deepEqual(Object.values(middle.tools).map((t) => [t.type, t.errorText]), [['tool-output-error', 'no network']]);
    assert.equal(middle.finish.messageMetadata.status, 'waiting-for-tool-results', 'it waits for the other one');
    const waiting = (await list(id)).at(-1);
    assert.deepEqual(states(waiting), { [first]: 'no network', [second]: 'input-available' });
    assert.equal(waiting.id, turn.message.id);
    const done = await reply(id, turn, { ...half, [second]: 'fine' });
    assert.equal(done.status, 200, done.text);
    const text = { weather: 'no network | fine', clock: 'fine | no network' }[first];
    assert.deepEqual(read(done).texts, [`Results: ${text}`]);
  }
});

test('rounds of calls are one message', async () => {
  const turn = await ask('rounds', prompt([['weather', { city: 'Rome' }]], ';rounds=3'));
  const parts = [...turn.message.parts];
  for (let round = 0; round < 3; ++round) {
    parts[parts.length - 1] = { ...parts.at(-1), state: 'output-available', output: `sun ${round}` };
    const next = await post('rounds', { messages: [turn.question, { ...turn.message, parts }] });
    assert.equal(next.status, 200, next.text);
    const seen = read(next);
    assert.equal(seen.start.messageId, turn.message.id);
    const more = Object.values(seen.tools).find((t) => t.seen.includes('tool-input-available'));
    if (round < 2) parts.push({ type: 'step-start' }, { type: 'tool-weather', toolCallId: more.toolCallId, state: 'input-available', input: more.input });
    else assert.deepEqual(seen.texts, ['Results: sun 0 | sun 1 | sun 2']);
  }
});

test('a page that is loaded while the turn waits sees the calls and can answer them', async () => {
  const turn = await ask('reload', prompt());
  const resumed = open(lane.base, { path: '/api/chat/reload/stream' });
  await resumed.done;
  assert.equal(resumed.status, 200);
  assert.deepEqual(Object.keys(read(resumed).tools), Object.keys(turn.seen.tools));
  const [, message] = await list('reload');
  assert.deepEqual(states(message), { weather: 'input-available', clock: 'input-available' });
  assert.equal(message.metadata.status, 'waiting-for-tool-results');
  assert.equal((await send(lane.base, { path: '/api/chat/reload/stream' })).status, 204, 'the page has it all');
  const done = goesOn(await reply('reload', { ...turn, message }, { weather: 'rain', clock: 'noon' }));
  assert.deepEqual(done.texts, ['Results: rain | noon']);
});

test('unknown, doubled and late results are refused; the same ones again get the same answer', async () => {
  const turn = await ask('refused', prompt());
  const made = { ...turn, message: { ...turn.message, parts: [...turn.message.parts, { type: 'tool-weather', toolCallId: 'made-up', input: {} }] } };
  assertRefused(await reply('refused', { ...made, message: { ...made.message, parts: made.message.parts.slice(-1) } }, { weather: 'x' }), 422, 'unknown_tool_call');
  assertRefused(await reply('nowhere', turn, { weather: 'x' }), 422, 'unknown_tool_call');
  const results = { weather: 'rain', clock: 'noon' };
  const first = await reply('refused', turn, results);
  assert.deepEqual(read(first).texts, ['Results: rain | noon']);
  const again = await reply('refused', turn, results);
  assert.equal(again.text, first.text);
  assertRefused(await reply('refused', turn, { ...results, clock: 'midnight' }), 409, 'already_answered');
  const next = await post('refused', { messages: [user('scenario:text;words=2', 'u-2')] });
  assert.equal(next.status, 200);
  assertRefused(await reply('refused', turn, results), 409, 'tool_call_over');
});

test('a new message ends the wait; results after it are too late', async () => {
  const turn = await ask('over', prompt());
  const next = await post('over', { messages: [turn.question, turn.message, user('scenario:text;words=2', 'u-2')] });
  assert.equal(next.status, 200, next.text);
  assert.deepEqual(read(next).texts, ['alpha bravo']);
  assertRefused(await reply('over', turn, { weather: 'rain', clock: 'noon' }), 409, 'tool_call_over');
});

test('results after a restart of the lane begin the next turn; the list shows them', async () => {
  const first = await start();
  const turn = await ask('restart', prompt(TWO, ';final=Thanks.'), first);
  assert.equal((await first.stop()).code, 0);
  const second = await start(ALLOW, { folder: first.folder, stateDir: first.stateDir });
  const [, message] = await list('restart', second);
  assert.deepEqual(states(message), { weather: 'input-available', clock: 'input-available' });
  assert.equal(message.id, turn.message.id);
  assertRefused(await reply('restart', turn, { weather: 'rain' }, second), 422, 'tool_result_missing');
  const done = await reply('restart', turn, { weather: { sky: 'rain' }, clock: new Error('broken') }, second);
  assert.equal(goesOn(done).start.messageId, turn.message.id, 'another id would show the calls twice');
  const told = (await asked()).items.at(-1);
  assert.equal(told.role, 'user');
  assert.match(told.text, /"name":"weather","output":\{"sky":"rain"\}/);
  const after = await list('restart', second);
  assert.deepEqual(after.map((m) => m.role), ['user', 'assistant', 'assistant']);
  assert.deepEqual(states(after[1]), { weather: { sky: 'rain' }, clock: 'broken' });
  assert.deepEqual((await list('restart', second, '?order=desc')).map((m) => m.id), after.map((m) => m.id).reverse());
  assert.equal((await reply('restart', turn, { weather: { sky: 'rain' }, clock: new Error('broken') }, second)).text, done.text);
  assertRefused(await reply('restart', turn, { weather: { sky: 'sun' }, clock: new Error('broken') }, second), 409, 'already_answered');
  // The thread has its functions still, and knows them from others.
  const more = await ask('restart', prompt([['clock', {}]], ';x=1'), second);
  assert.equal(more.exchange.headers['x-oa-ignored'], undefined);
  assert.deepEqual(Object.values(more.seen.tools).map((t) => t.toolName), ['clock']);
  const other = await post('restart', { messages: [user('scenario:text;words=2', 'u-9')], tools: { clock: TOOLS.clock } }, second);
  assert.equal(other.headers['x-oa-ignored'], 'tools');
  assert.deepEqual(read(other).start.messageMetadata.ignored, ['tools']);
  assert.equal((await second.stop()).code, 0);
});

test('nobody answers: the turn is stopped after the limit, and the results can still come', async () => {
  const short = await start([...ALLOW, '--limit', 'tool-result=1s']);
  const turn = await ask('slow', prompt(TWO, ';final=Thanks.'), short);
  const until = Date.now() + 20000;
  let run;
  do {
    [run] = (await send(short.base, { path: '/api/chats/slow/runs' })).json().data;
    assert.ok(Date.now() < until, 'it was not stopped');
  } while (run.status === 'running');
  assert.equal(run.status, 'interrupted');
  assert.deepEqual(states((await list('slow', short))[1]), { weather: 'input-available', clock: 'input-available' });
  const done = await reply('slow', turn, { weather: 'rain', clock: 'noon' }, short);
  assert.equal(done.status, 200, done.text);
  assert.equal((await short.stop()).code, 0);
});

test('tools that cannot be offered are refused by their place, or named', async () => {
  const hosted = { type: 'provider', id: 'openai.web_search', name: 'search', args: {} };
  const rows = [[[hosted], 'tools[0]'], [{ search: hosted }, 'tools.search'], [[{ ...hosted, type: 'web_search' }], 'tools[0]'], [{ f: { description: 5 } }, 'tools.f.description']];
  for (const [tools, place] of [...rows, [{ 'a b': {} }, 'tools.a b'], [[{ name: `mcp__${'x'.repeat(57)}` }], 'tools[0]'], [{ f: { parameters: 1 } }, 'tools.f.parameters'], ['x', 'tools'], [[{ name: 'f' }, { type: 'function', function: { name: 'f' } }], 'tools[1]']]) {
    const refused = await post('bad', { messages: [user('x')], tools });
    const body = assertRefused(refused, 422, 'invalid_request');
    assert.deepEqual(Object.keys(body.errors), [place]);
  }
  const words = { f: { type: 'dynamic', title: 'F', parameters: { type: 'object', properties: {} }, strict: true, providerOptions: { a: {} }, examples: [] } };
  const named = await post('named', { messages: [user('scenario:text;words=2')], tools: words });
  assert.equal(named.headers['x-oa-ignored'], 'tools.f.strict, tools.f.providerOptions');
  const plain = await post('later', { messages: [user('scenario:text;words=2')], tools: undefined });
  assert.equal(plain.headers['x-oa-ignored'], undefined);
  const later = await post('later', { messages: [user('scenario:text;words=2', 'u-2')] });
  assert.equal(later.headers['x-oa-ignored'], 'tools', 'a conversation has the tools of its first message');
  const strict = await start([...ALLOW, '--strict-body']);
  await post('later', { messages: [user('scenario:text;words=2')], tools: undefined }, strict);
  assertRefused(await post('later', { messages: [user('scenario:text;words=2', 'u-2')] }, strict), 422, 'unsupported_field');
  assert.equal((await strict.stop()).code, 0);
});

test('a lane that is switched off takes the results of a turn that waits, and begins none with those of a stopped one', async () => {
  const mode = path.join(scratch('mode'), 'lane');
  fs.writeFileSync(mode, 'on\n');
  const switched = await start([...ALLOW, '--lane-file', mode]);
  const waits = await ask('off-1', prompt(), switched);
  const stopped = await ask('off-2', prompt(), switched);
  await send(switched.base, { method: 'POST', path: '/api/chats/off-2/stop' });
  fs.writeFileSync(mode, 'off\n');
  switched.signal('SIGHUP');
  await switched.until((l) => l.stderr.includes('"text":"lane off"'), 'the new mode');
  const rest = goesOn(await reply('off-1', waits, { weather: 'sunny', clock: '12:00' }, switched));
  assert.equal(rest.finish.messageMetadata.status, 'completed');
  assertRefused(await reply('off-2', stopped, { weather: 'sunny', clock: '12:00' }, switched), 503, 'service_unavailable');
  assert.equal((await switched.stop()).code, 0);
});
