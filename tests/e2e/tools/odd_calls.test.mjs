// Calls as models make them in the worst case: numbers and nesting beyond what readers hold, ids that are
// used again, many at once, names that Codex has itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chatConfig, codexBin, startCodexLane, startMock } from '../lib/codex.mjs';
import { read } from '../lib/contract.mjs';
import { send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { Page, calls, waits } from './page.mjs';

let mock, lane;
before(async () => {
  mock = await startMock();
  // Whatever is lost must not hide behind the wait for it.
  lane = await startCodexLane({ config: chatConfig, port: mock.port, args: ['--allow', 'tools', '--limit', 'first-event=20s', '--limit', 'idle=20s'] });
});
after(async () => {
  assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});

const TOOLS = { f: { parameters: { type: 'object', properties: {} } } };
const page = (id) => new Page(lane, id, TOOLS);
const responses = (body) => send(lane.base, { method: 'POST', path: '/v1/responses', ms: 40000, body: { model: 'mock-model', tools: [{ type: 'function', name: 'f' }], ...body } });

test('a number beyond every range costs neither the turn nor the chat', async () => {
  const args = '{"y":1e400,"z":12345678901234567890123}';
  const chat = page('range');
  const asked = await chat.say(`scenario:call;tool=f;args=${args}`);
  assert.ok(waits(asked), JSON.stringify(asked.finish));
  assert.deepEqual(chat.parts()[0].input, { y: '1e+400', z: 1.2345678901234568e22 }, 'the number is kept as its text');
  assert.deepEqual((await chat.listed())[1].parts.find((part) => part.type === 'tool-f').input, { y: '1e400', z: 1.2345678901234568e22 });
  chat.give(['done']);
  assert.deepEqual((await chat.answer()).texts, ['Tool said: done']);
  for (const path of ['', '/messages', '/export']) {
    const response = await send(lane.base, { path: `/api/chats/range${path}` });
    assert.equal(response.status, 200, response.text);
    assert.match(response.text, /Tool said: done/); // Codex itself stores no call with such a number
  }

  const first = await responses({ input: `scenario:call;tool=f;args=${args}` });
  assert.equal(first.status, 200, first.text);
  const [call] = first.json().output;
  assert.equal(call.arguments, args, 'word for word');
  const last = await responses({ input: [{ role: 'user', content: `scenario:call;tool=f;args=${args}` }, call, { type: 'function_call_output', call_id: call.call_id, output: 'done' }] });
  assert.equal(last.json().output[0].content[0].text, 'Tool said: done', last.text);
});

test('arguments nested as deep as Codex takes them are told as their text', async () => {
  const deep = `{"a":${'['.repeat(110)}1${']'.repeat(110)}}`;
  const chat = page('deep');
  assert.ok(waits(await chat.say(`scenario:call;tool=f;args=${deep}`)));
  const { input } = (await chat.listed())[1].parts.find((part) => part.type === 'tool-f');
  assert.equal(JSON.stringify(input).replaceAll('\\', '').replaceAll('"', ''), deep.replaceAll('"', ''));
  chat.give(['done']);
  assert.deepEqual((await chat.answer()).texts, ['Tool said: done']);
  assert.equal((await chat.states()).length, 1);
});

test('results go on with the turn in a message that is sent alone, and behind data of any size', async () => {
  const asking = async (id) => {
    const chat = page(id);
    assert.ok(waits(await chat.say('scenario:call;tool=f;args={}')));
    chat.give(['done']);
    return chat;
  };
  const alone = await asking('alone');
  const [question, message] = alone.messages;
  for (const body of [{ message }, { message: {}, messages: [question, message] }]) {
    const answer = await send(lane.base, { method: 'POST', path: '/api/chats/alone/stream', body: { id: 'alone', trigger: 'submit-message', messageId: message.id, ...body } });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(read(answer).texts, ['Tool said: done']);
  }
  const much = await asking('much');
  const output = Array.from({ length: 260_000 }, (_, n) => n % 10); // more values than a body may have
  much.messages.unshift({ id: 'a-0', role: 'assistant', parts: [{ type: 'tool-table', toolCallId: 't', state: 'output-available', input: {}, output }] });
  assert.deepEqual((await much.answer()).texts, ['Tool said: done']);
});

test('an id that the next round uses again is another call', async () => {
  const chat = page('rounds');
  assert.ok(waits(await chat.say('scenario:samecall;rounds=3')));
  for (const round of [0, 1, 2]) {
    assert.deepEqual(chat.parts().map((part) => part.input), [{ n: 0 }, { n: 1 }, { n: 2 }].slice(0, round + 1));
    assert.equal((await chat.states()).at(-1)[1], 'input-available');
    chat.give((part, at) => `r${at}`);
    const seen = await chat.answer();
    assert.equal(waits(seen), round < 2);
    if (round === 2) assert.deepEqual(seen.texts, ['Results: r0 | r1 | r2']);
  }
  assert.equal(new Set(chat.parts().map((part) => part.toolCallId)).size, 3);
});

test('an id that the lane gave to a repeated call comes from the model as well', async () => {
  for (const [at, ids] of [['x', 'x', 'x-2'], ['x', 'x-2', 'x'], ['x-2', 'x', 'x']].entries()) {
    const chat = page(`own-${at}`);
    assert.ok(waits(await chat.say(`scenario:samecall;ids=${ids}`)), ids.join());
    assert.equal(new Set(chat.parts().map((part) => part.toolCallId)).size, 3);
    assert.deepEqual(chat.parts().map((part) => part.input.n).sort(), [0, 1, 2]);
    chat.give((part, n) => `r${n}`);
    const seen = await chat.answer();
    assert.equal(seen.finish.messageMetadata.status, 'completed', ids.join());
  }
});

test('two calls of one response with one id: the turn goes on, and the one that Codex gives up fails', async () => {
  const chat = page('twice');
  assert.ok(waits(await chat.say('scenario:samecall;twice=1;rounds=2')));
  // Codex asks for calls made at once in any order, and gives up the one that it asked for first.
  assert.deepEqual(chat.parts().map((part) => JSON.stringify(part.input)).sort(), ['{"n":0,"second":true}', '{"n":0}']);
  chat.give((part, at) => `r${at}`);
  const seen = await chat.answer();
  const results = seen.texts[0].replace('Results: ', '').split(' | ').sort();
  assert.equal(results[0], 'dynamic tool call was cancelled before receiving a response');
  assert.match(results[1], /^r[01]$/);
  assert.deepEqual(Object.values(seen.tools).map((tool) => tool.seen.at(-1)).sort(), ['tool-output-available', 'tool-output-error']);
});

test('… and likewise under /v1, where nothing waits', async () => {
  const response = await responses({ input: 'scenario:samecall;twice=1;rounds=2' });
  assert.equal(response.status, 200, response.text);
  const made = response.json().output;
  assert.deepEqual(made.map((call) => call.arguments).sort(), ['{"n":0,"second":true}', '{"n":0}']);
  assert.equal(new Set(made.map((call) => call.call_id)).size, 2);
  const streamed = await send(lane.base, { method: 'POST', path: '/v1/chat/completions', ms: 40000, body: { model: 'mock-model', stream: true, messages: [{ role: 'user', content: 'scenario:samecall;twice=1;rounds=2' }], tools: [{ type: 'function', function: { name: 'f' } }] } });
  assert.match(streamed.text, /"finish_reason":"tool_calls"/);
});

test('half a character in a result or a description becomes U+FFFD everywhere', async () => {
  const half = 'cut \ud83d';
  const chat = new Page(lane, 'halves', { f: { ...TOOLS.f, description: half } });
  assert.ok(waits(await chat.say(calls([['f', {}]]))));
  assert.equal((await mock.asked()).functions.find((f) => f.name === 'f').description, 'cut \ufffd');
  chat.give([{ [half]: half }]);
  assert.deepEqual((await chat.answer()).texts, ['Results: {"cut \ufffd":"cut \ufffd"}']);
  assert.deepEqual((await chat.states())[0][1], { 'cut \ufffd': 'cut \ufffd' });
});

test('thirty calls are listed in the order of the stream, with one answered and with all', async () => {
  const chat = page('order');
  await chat.say(calls(Array.from({ length: 30 }, (_, n) => ['f', { n }]), ';final=Thanks.'));
  const streamed = chat.parts().map((part) => part.toolCallId);
  // Codex notes the millisecond in which a call began: neighbours of one may change places, on a busy machine more of them.
  const inOrder = async () => {
    const listed = (await chat.states()).map(([id]) => id);
    assert.deepEqual(listed.toSorted(), streamed.toSorted());
    const away = listed.reduce((sum, id, at) => sum + Math.abs(streamed.indexOf(id) - at), 0) / listed.length; // by chance a third of all
    assert.ok(away < 3, `${listed} were ${streamed}`);
  };
  await inOrder();
  chat.give({ 17: 'early' });
  assert.ok(waits(await chat.answer()));
  await inOrder();
  assert.equal((await chat.states()).find(([id]) => id === streamed[17])[1], 'early');
  chat.give((part, at) => `r${at}`);
  assert.deepEqual((await chat.answer()).texts, ['Thanks.']);
  await inOrder();
});

test('functions with names that Codex has itself are called like all others', async () => {
  const names = ['exec_command', 'web_search', 'apply_patch', 'update_plan', 'mcp', 'mcp__server__tool', 'fn_web_search'];
  const text = calls(names.map((name) => [`fn_${name}`, { name }]));
  const results = (text) => text.slice('Results: '.length).split(' | ').sort();
  const all = names.map((name) => `did ${name}`).sort();
  const chat = new Page(lane, 'names', Object.fromEntries(names.map((name) => [name, TOOLS.f])));
  assert.ok(waits(await chat.say(text)));
  // Codex starts the calls of one answer at once: neighbours may change places.
  assert.deepEqual(chat.parts().map((part) => [part.type, part.input.name]).sort(), names.map((name) => [`tool-${name}`, name]).sort());
  assert.deepEqual((await chat.listed())[1].parts.filter((part) => part.toolCallId).map((part) => part.type).sort(), names.map((name) => `tool-${name}`).sort());
  chat.give((part) => `did ${part.input.name}`);
  assert.deepEqual((await chat.answer()).texts.map(results), [all]);

  const tools = names.map((name) => ({ type: 'function', name }));
  const first = await responses({ input: text, tools });
  assert.equal(first.status, 200, first.text);
  const made = first.json().output;
  assert.deepEqual(made.map((item) => item.name).sort(), names.toSorted());
  const given = made.map((item) => ({ type: 'function_call_output', call_id: item.call_id, output: `did ${item.name}` }));
  const last = await responses({ input: [{ role: 'user', content: text }, ...made, ...given], tools });
  assert.deepEqual(results(last.json().output[0].content[0].text), all, last.text);
  const told = (await mock.asked()).items;
  assert.deepEqual(told.filter((item) => item.type === 'function_call').map((item) => item.name).sort(), names.map((name) => `fn_${name}`).sort(), 'the model called them so');
});

test('… whatever Codex offers the model beside them', async () => {
  assert.ok(waits(await page('offered').say(calls([['f', {}]]))));
  const offered = async () => (await mock.asked()).tools;
  const own = (await offered()).filter((name) => name !== 'f');
  assert.ok(own.length > 0, 'Codex has tools of its own');
  const answer = await responses({ input: 'scenario:text;words=1', tools: own.map((name) => ({ type: 'function', name })) });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual((await offered()).toSorted(), [...own, ...own.map((name) => `fn_${name}`)].toSorted());
});

test('a call that Codex answers itself, behind one of the page, holds nothing up', async () => {
  // The model sees the page's web_search as fn_web_search.
  const both = { ...TOOLS, web_search: TOOLS.f }, names = Object.keys(both);
  for (const [name, second] of [['unknown', ['nobody_has_this', {}]], ['broken', ['f', '{"a":']], ['of-codex', ['web_search', {}]]]) {
    const list = [['f', {}], second];
    const chat = new Page(lane, `behind-${name}`, both);
    assert.ok(waits(await chat.say(calls(list))), name);
    chat.give(['done']);
    assert.match((await chat.answer()).texts.join(''), /^Results: done \| /, name);
    const one = await responses({ input: calls(list), tools: names.map((one) => ({ type: 'function', name: one })) });
    assert.equal(one.status, 200, one.text);
    assert.deepEqual(one.json().output.map((item) => [item.type, item.name]), [['function_call', 'f']], name);
    const two = await send(lane.base, { method: 'POST', path: '/v1/chat/completions', ms: 40000, body: { model: 'mock-model', messages: [{ role: 'user', content: calls(list) }], tools: names.map((one) => ({ type: 'function', function: { name: one } })) } });
    assert.equal(two.status, 200, two.text);
    assert.deepEqual(two.json().choices[0].message.tool_calls.map((call) => call.function.name), ['f'], name);
  }
});

test('a long result reaches the model whole, by the profile of the lane', async () => {
  const own = await startLane({ authority: 'codex', name: 'profile', args: ['--codex-bin', codexBin(), '--provider-url', `http://127.0.0.1:${mock.port}/v1`, '--model', 'mock-model', '--allow', 'tools'] });
  const result = Array.from({ length: 90_000 }, (_, i) => String(i).padStart(9, '.')).join(' ');
  const told = async () => (await mock.asked()).items.find((item) => item.type === 'function_call_output').output;
  const chat = new Page(own, 'long-result', TOOLS);
  assert.ok(waits(await chat.say('scenario:call;tool=f')));
  chat.give([result]);
  await chat.answer();
  const whole = JSON.stringify(await told());
  assert.ok(whole.includes(result), `${whole.length} of ${result.length} characters`);
  const answer = await send(own.base, { method: 'POST', path: '/v1/chat/completions', ms: 40000, body: { model: 'mock-model', tools: [{ type: 'function', function: { name: 'f' } }], messages: [
    { role: 'user', content: 'Ask.' }, { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }] }, { role: 'tool', tool_call_id: 'c1', content: result }, { role: 'user', content: 'scenario:text;words=2' },
  ] } });
  assert.equal(answer.status, 200, answer.text);
  assert.ok(JSON.stringify(await told()).includes(result), 'in /v1 too');
  assert.equal((await own.stop()).code, 0);
});
