// A page whose functions were called by another service sends their results to this lane.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertRefused } from '../lib/contract.mjs';
import { send } from '../lib/http.mjs';
import { calls, Page, waits } from './page.mjs';

let mock, lane;
const start = (args) => startCodexLane({ config: chatConfig, port: mock.port, args });
before(async () => {
  mock = await startMock();
  lane = await start(['--allow', 'tools']);
});
after(async () => {
  assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});

const TOOLS = { weather: { description: 'Weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } } } } };
const call = (toolCallId, more = {}) => ({ type: 'tool-weather', toolCallId, state: 'output-available', input: { city: 'Oslo' }, output: 'sun', ...more });
function moved(id, parts, text = 'scenario:text;words=2', on = lane) {
  return Object.assign(new Page(on, id, TOOLS), { messages: [
    { id: 'old-1', role: 'user', parts: [{ type: 'text', text }] },
    { id: 'old-2', role: 'assistant', parts: [{ type: 'step-start' }, ...parts] },
  ] });
}

test('results of calls that another service made begin the conversation; more rounds and messages follow', async () => {
  const text = calls([['weather', { city: 'Oslo' }]], ';rounds=2');
  const page = moved('rounds', [call('old-call')], text);
  const first = await page.answer();
  assert.equal(first.start.messageId, 'old-2', 'another id would show the call twice');
  assert.ok(waits(first));
  const told = await mock.asked();
  assert.deepEqual(told.items.map((i) => [i.type, i.text ?? i.arguments ?? i.output]), [
    ['message', text], ['function_call', '{"city":"Oslo"}'], ['function_call_output', 'sun'],
  ]);
  assert.ok(told.functions.some((f) => f.name === 'weather'));
  page.give({ weather: 'rain' });
  const last = await page.answer();
  assert.equal(last.start.messageId, 'old-2');
  assert.deepEqual(last.texts, ['Results: sun | rain']);
  const listed = await page.listed();
  assert.deepEqual(listed.map((m) => m.role), ['user', 'assistant', 'assistant']);
  assert.deepEqual(listed.map((m) => m.parts.filter((p) => p.type === 'tool-weather').map((p) => p.output)), [[], ['sun'], ['rain']]);
  assert.deepEqual((await page.say('scenario:text;words=2')).texts, ['alpha bravo']);
});

test('failed and denied calls are results, too; the list names the chat by its question', async () => {
  const page = moved('kinds', [
    call('old-1', { state: 'output-error', output: undefined, errorText: 'no network' }),
    call('old-2', { state: 'output-denied', output: undefined, approval: { id: 'p', approved: false, reason: 'too expensive' } }),
    call('old-3', { providerExecuted: true, state: 'input-available', output: undefined }),
  ]);
  assert.deepEqual((await page.answer()).texts, ['alpha bravo']);
  assert.deepEqual((await mock.asked()).items.filter((i) => i.type === 'function_call_output').map((i) => i.output), ['no network', 'too expensive', 'This call got no result.']);
  const { data } = (await send(lane.base, { path: '/api/chats' })).json();
  assert.equal(data.find((one) => one.id === 'kinds').title, 'scenario:text;words=2');
});

test('the same results again get the same answer, while it comes and after it', async () => {
  const page = moved('again', [call('old-call')], 'scenario:text;words=40;delay=50');
  const running = page.begin();
  await running.frame('text-delta');
  const again = await page.post();
  await running.done;
  assert.equal(again.status, 200, again.text);
  assert.equal(again.text, running.text);
  assert.equal((await page.post()).text, running.text);
  assert.deepEqual((await page.listed()).map((m) => m.role), ['user', 'assistant', 'assistant']);
  page.messages[1].parts[1].output = 'rain';
  assertRefused(await page.post(), 409, 'already_answered');
});

test('they are refused while one is missing, without the messages before, and behind a text', async () => {
  const open = call('old-b', { state: 'input-available', output: undefined });
  assertRefused(await moved('half', [call('old-a'), open]).post(), 422, 'unknown_tool_call');
  assertRefused(await moved('behind', [call('old-a'), { type: 'text', text: 'It is sunny.' }]).post(), 422, 'unknown_tool_call');
  const alone = moved('alone', [call('old-a')]);
  alone.messages.shift();
  assertRefused(await alone.post(), 422, 'unknown_tool_call');
  for (const id of ['half', 'behind', 'alone']) assert.equal((await send(lane.base, { path: `/api/chats/${id}/messages` })).status, 404, id);
  const plain = await start([]);
  assertRefused(await moved('plain', [call('old-a')], undefined, plain).post(), 422, 'invalid_request');
  assert.equal((await plain.stop()).code, 0);
});
