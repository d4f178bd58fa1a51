// What a conversation shows afterwards: the question of a turn that was stopped at once, the model
// of each answer, a sentence where the model said nothing; and what must not stay for the next turn.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, open, send } from '../lib/http.mjs';

const ARGS = ['--model', 'mock-small=Small', '--model', 'gpt-5.5=Known', '--allow', 'model,effort'];
let mock, lane;
const start = (rest = {}) => startCodexLane({ config: chatConfig, port: mock.port, args: ARGS, ...rest });
before(async () => {
  mock = await startMock();
  lane = await start();
});
after(async () => {
  await lane.stop();
  await mock.stop();
});

const user = (text, id) => ({ id, role: 'user', parts: [{ type: 'text', text }] });
const open_turn = (id, text, message, more = {}) => open(lane.base, { method: 'POST', path: `/api/chats/${id}/stream`, body: { id, messages: [user(text, message)], ...more } });
async function turn(id, text, message, more) {
  const exchange = open_turn(id, text, message, more);
  await exchange.done;
  assertLegal(exchange);
  return exchange;
}
const stop = (id) => send(lane.base, { method: 'POST', path: `/api/chats/${id}/stop`, body: {} });
const data = async (path) => (await send(lane.base, { path })).json().data;
const asked = () => mock.asked();
const models = async (id) => ({
  messages: (await data(`/api/chats/${id}/messages`)).filter((m) => m.role === 'assistant').map((m) => m.metadata.model),
  runs: (await data(`/api/chats/${id}/runs`)).map((run) => run.model).reverse(),
});

test('a turn that is stopped as soon as it was accepted shows its question, also after a restart', async () => {
  const accepted = new Map();
  const stopped = async (id, message, wait) => {
    const exchange = open_turn(id, `${message} scenario:text;words=30;delay=20`, message);
    await sleep(wait); // any moment must do
    await stop(id);
    await exchange.done;
    if (exchange.status === 200) accepted.set(id, [...(accepted.get(id) ?? []), message]);
  };
  for (let k = 0; k < 24; ++k) await stopped(`first-${k}`, 'q', 8 + k * 3);
  await turn('later', 'scenario:text;words=1', 'begin');
  for (let k = 0; k < 24; ++k) await stopped('later', `q-${k}`, 1 + k);
  assert.ok(accepted.size > 12, 'turns were accepted');
  const check = async () => {
    for (const [id, messages] of accepted) {
      const seen = (await data(`/api/chats/${id}/messages?limit=200`)).filter((m) => m.role === 'user').map((m) => m.id);
      assert.deepEqual(messages.filter((message) => !seen.includes(message)), [], `${id} lacks questions`);
    }
  };
  await check();
  assert.equal((await lane.stop()).code, 0);
  lane = await start({ folder: lane.folder, stateDir: lane.stateDir });
  await check();
});

test('each answer and run names the model that made it, also after a restart and in a copy', async () => {
  await turn('models', 'scenario:text;words=1', 'm-1', { model: 'mock-small' });
  await turn('models', 'scenario:text;words=2', 'm-2');
  await turn('models', 'scenario:text;words=3', 'm-3', { model: 'mock-small' });
  const made = ['mock-small', 'mock-model', 'mock-small'];
  assert.deepEqual(await models('models'), { messages: made, runs: made });
  assert.deepEqual((await data('/api/chats/models/messages')).filter((m) => m.role === 'user').map((m) => m.id), ['m-1', 'm-2', 'm-3']);
  const copy = (await send(lane.base, { method: 'POST', path: '/api/chats/models/fork', body: { messageId: 'm-3' } })).json().data.id;
  assert.deepEqual(await models(copy), { messages: made.slice(0, 2), runs: made.slice(0, 2) });
  assert.equal((await lane.stop()).code, 0);
  lane = await start({ folder: lane.folder, stateDir: lane.stateDir });
  assert.deepEqual(await models('models'), { messages: made, runs: made });
});

test('an effort is for one turn, whatever is known of the model', async () => {
  for (const model of ['mock-model', 'gpt-5.5']) {
    const id = `effort-${model.replace(".", "-")}`;
    const effort = async (more, message) => {
      await turn(id, 'scenario:text;words=1', message, { model, ...more });
      return (await asked()).effort ?? null;
    };
    const usual = await effort({}, 'a');
    assert.equal(await effort({ effort: 'low' }, 'b'), 'low');
    assert.equal(await effort({}, 'c'), usual);
    assert.equal(await effort({ effort: 'high' }, 'd'), 'high');
    assert.equal((await lane.stop()).code, 0);
    lane = await start({ folder: lane.folder, stateDir: lane.stateDir });
    assert.equal(await effort({}, 'e'), usual, 'also of a lane that was restarted');
    assert.equal(await effort({}, 'f'), usual);
  }
});

const SILENT = /^The model ended its answer without a word\. It may have refused: [a-z ]+\.$/;
const LOST = {
  refusal: SILENT, 'refusal;usage=none': SILENT, 'refusal;out=0': SILENT, 'reasoning;refuse=1': SILENT, 'empty;out=5': SILENT, empty: /^$/, 'empty-text': /^$/,
  'incomplete;words=0;reason=content_filter': /content filter withheld/, 'incomplete;words=0': /limit of tokens/,
};
// Words that the stream had, of messages without an end: Codex does not store them.
const CUT = ['incomplete;open=1;words=6', 'incomplete;open=1;words=6;reason=content_filter'];
const silent = (scenario) => `silent-${scenario.replace(/\W/g, '-')}`;
async function listsAsTold(copies = []) {
  for (const [scenario, told] of Object.entries(LOST)) {
    for (const id of [silent(scenario), ...copies.map((name) => `${name}-${silent(scenario)}`)]) {
      const last = (await data(`/api/chats/${id}/messages`)).at(-1);
      assert.match(last.content, told, id);
      assert.equal(last.parts.filter((part) => part.type === 'text').length, last.content === '' ? 0 : 1);
      assert.equal(last.metadata.notice, last.content === '' ? undefined : 'model_empty_response', id);
    }
  }
  for (const scenario of CUT) {
    const last = (await data(`/api/chats/${silent(scenario)}/messages`)).at(-1);
    assert.deepEqual([last.content, last.metadata.notice], ['This answer was cut; no more of its text is stored.', undefined]);
  }
}

test('an answer of which nothing came is a sentence that says so: in the stream, in lists, after a restart and in a copy', async () => {
  for (const [scenario, told] of Object.entries(LOST)) {
    const id = silent(scenario);
    const seen = read(await turn(id, `scenario:${scenario}`, 'u-1'));
    assert.match(seen.texts.join(''), told, scenario);
    assert.equal(seen.finish.messageMetadata.notice, seen.texts.join('') === '' ? undefined : 'model_empty_response', scenario);
    const [run] = await data(`/api/chats/${id}/runs`);
    const events = (await data(`/api/chats/${id}/runs/${run.id}/events`)).events;
    assert.ok(events.some((event) => event.type === 'model_empty_response'));
  }
  for (const scenario of CUT) {
    const id = silent(scenario);
    const seen = read(await turn(id, `scenario:${scenario}`, 'u-1'));
    assert.equal(seen.texts.join('').trim().split(' ').length, 6, scenario);
    assert.equal(seen.finish.messageMetadata.notice, undefined);
    const [run] = await data(`/api/chats/${id}/runs`);
    const { events } = await data(`/api/chats/${id}/runs/${run.id}/events`);
    assert.ok(!events.some((event) => event.type === 'model_empty_response'), scenario);
  }
  const said = read(await turn('said', 'scenario:text;words=1', 'u-1'));
  assert.equal(said.finish.messageMetadata.notice, undefined);
  await listsAsTold();
  // A second one does not hide the first.
  await turn('silent-refusal', 'scenario:text;words=1', 'u-2');
  await turn('silent-refusal', 'scenario:refusal', 'u-3');
  assert.deepEqual((await data('/api/chats/silent-refusal/messages')).filter((m) => m.role === 'assistant').map((m) => SILENT.test(m.content)), [true, false, true]);
  for (const scenario of Object.keys(LOST)) {
    const copy = await send(lane.base, { method: 'POST', path: `/api/chats/${silent(scenario)}/fork`, body: { id: `copy-${silent(scenario)}` } });
    assert.equal(copy.status, 201, copy.text);
  }
  assert.equal((await lane.stop()).code, 0);
  lane = await start({ folder: lane.folder, stateDir: lane.stateDir });
  await listsAsTold(['copy']);
  // Moved on as a file it is still no word of the model's.
  const file = (await send(lane.base, { path: '/api/chats/silent-refusal/export' })).json();
  assert.equal((await send(lane.base, { method: 'POST', path: '/api/chats?id=silent-moved', body: file })).status, 201);
  const again = (await send(lane.base, { path: '/api/chats/silent-moved/export' })).json();
  assert.equal((await send(lane.base, { method: 'POST', path: '/api/chats?id=silent-twice', body: again })).status, 201);
  for (const id of ['silent-moved', 'silent-twice']) {
    assert.match((await data(`/api/chats/${id}/messages`))[1].content, SILENT);
    await turn(id, 'scenario:text;words=1', 'u-9');
    assert.doesNotMatch(JSON.stringify((await asked()).items), /without a word/);
  }
});

test('a turn that the lane ended for a failure is listed as failed: also after a restart and in a copy; a stopped one is not', async () => {
  const args = [...ARGS, '--limit', 'first-event=4s', '--limit', 'idle=4s', '--limit', 'turn-time=12s'];
  const ENDS = { 'slow-first;first=20000': ['failed', 'authority_timeout'], 'stall;at=3': ['failed', 'stalled'], 'text;words=200;delay=100': ['aborted', 'turn_aborted'] };
  const ids = Object.keys(ENDS).map((scenario) => [scenario, `cut-${scenario.replace(/\W/g, '-')}`]);
  let own = await start({ args });
  const all = async (id) => (await send(own.base, { path: `/api/chats/${id}` })).json().data;
  const settled = async (id) => {
    for (let data = await all(id); ; data = await all(id)) {
      if (data.runs[0].status !== 'running') return data;
      await sleep(20);
    }
  };
  const check = async (id, [status, code]) => {
    const { messages, runs } = await settled(id);
    assert.deepEqual(messages.map((m) => [m.role, m.metadata.status]), [['user', status]], id);
    assert.deepEqual([runs[0].status, runs[0].error?.code ?? null], [code ? 'failed' : status, code], id);
    const { events } = (await send(own.base, { path: `/api/chats/${id}/runs/${runs[0].id}/events` })).json().data;
    assert.equal(events.at(-1).type, code ? 'run_failed' : 'run_interrupted', id);
    assert.deepEqual(events.at(-1).payload.error ?? null, runs[0].error, id);
    return runs[0].error?.message;
  };
  const whole = send(own.base, { method: 'POST', path: '/v1/chat/completions', body: { model: 'mock-model', messages: [{ role: 'user', content: 'scenario:text;words=200;delay=100' }] } });
  await Promise.all(ids.map(async ([scenario, id]) => {
    const exchange = chat(own.base, `scenario:${scenario}`, { id });
    await exchange.done;
    const { finish, errors } = read(exchange);
    assert.equal(finish.messageMetadata.status, ENDS[scenario][0], scenario);
    assert.deepEqual(errors, [await check(id, ENDS[scenario])], scenario);
  }));
  const late = await whole;
  assert.deepEqual([late.status, late.json().error.code], [504, 'authority_timeout']); // its turn's time is over
  const running = chat(own.base, 'scenario:text;words=200;delay=20', { id: 'halted' });
  await running.frame('text-delta');
  assert.equal((await send(own.base, { method: 'POST', path: '/api/chats/halted/stop', body: {} })).status, 200);
  await running.done;
  await check('halted', ['interrupted', null]);
  for (const [, id] of ids) assert.equal((await send(own.base, { method: 'POST', path: `/api/chats/${id}/fork`, body: { id: `copy-${id}` } })).status, 201);
  assert.equal((await own.stop()).code, 0);
  own = await start({ args, folder: own.folder, stateDir: own.stateDir });
  for (const [scenario, id] of ids) {
    await check(id, ENDS[scenario]);
    await check(`copy-${id}`, ENDS[scenario]);
  }
  await check('halted', ['interrupted', null]);
  assert.equal((await own.stop()).code, 0);
});

test('lists and copies refuse what they do not know', async () => {
  await turn('known', 'scenario:text;words=1', 'u-1');
  for (const query of ['?order=DESC', '?order=asc', '?limit=']) {
    assertRefused(await send(lane.base, { path: `/api/chats${query}` }), 422, 'invalid_request');
  }
  assert.equal((await send(lane.base, { path: '/api/chats?order=desc&limit=2' })).status, 200);
  const copy = (body) => send(lane.base, { method: 'POST', path: '/api/chats/known/fork', body });
  assertRefused(await copy({ archived: true }), 422, 'invalid_request');
  assert.equal((await copy({ title: 'Copy' })).status, 201);
  const packed = await send(lane.base, { method: 'POST', path: '/api/chats/known/stream', headers: { 'content-encoding': 'gzip' }, body: { id: 'known', messages: [user('x', 'u-2')] } });
  assertRefused(packed, 415, 'unsupported_media_type');
});
