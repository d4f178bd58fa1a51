// What is listed and read back of a worker's threads, where the worker tells little of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { send } from '../lib/http.mjs';
import { sleep } from '../lib/process.mjs';
import { World } from './world.mjs';

let world;
before(async () => { world = await World.start({}); });
after(() => world.stop());

const list = async () => (await send(world.lane.base, { path: '/api/chats' })).json().data;
const lists = () => world.fake.log.filter((entry) => entry.what === 'http' && entry.rpc === 'thread/list').length;

test('a title is the first words of the conversation, though the service lists threads without any', async () => {
  await world.say('Plan a trip to Rome', { id: 'trip' }).done;
  for (let i = 0; i < 3; i += 1) {
    assert.deepEqual((await list()).map((one) => one.title), ['Plan a trip to Rome']);
    await sleep(50); // a list is verified behind its answer
  }
  const { conversation } = (await send(world.lane.base, { path: '/api/chats/trip' })).json().data;
  assert.equal(conversation.title, 'Plan a trip to Rome');
});

test('a list of many conversations costs one command', async () => {
  for (let i = 0; i < 29; i += 1) await world.say('Hello', { id: `many-${i}` }).done;
  const before = lists();
  assert.equal((await list()).length, 30);
  await world.lane.until(async () => (await list()).length === 30 && lists() > before, 'the check');
  await sleep(100);
  assert.equal(lists(), before + 1);
});

test('conversations that are opened at once cost two commands, and none of the minute\'s that messages need', async () => {
  const { engine } = world.fake;
  const execute = engine.execute.bind(engine);
  engine.execute = async (ask) => {
    if (ask.method === 'thread/list') await sleep(300);
    return execute(ask);
  };
  await sleep(2100); // what was listed before counts for two seconds
  const before = lists();
  const opened = await Promise.all(Array.from({ length: 20 }, (_, i) => send(world.lane.base, { path: `/api/chats/many-${i}` })));
  engine.execute = execute;
  assert.deepEqual(opened.map((one) => one.status), opened.map(() => 200));
  const asked = lists() - before;
  assert.ok(asked >= 1 && asked <= 2, `${asked} commands`);
});

test('conversations that are older than what the worker lists stay in the list, and open', async () => {
  const { control, engine } = world.fake;
  const { user } = control.threads.values().next().value;
  for (let i = 0; i < 250; i += 1) control.threads.set(`thread_other_${i}`, { user, messages: [], created: new Date().toISOString() });
  const execute = engine.execute.bind(engine);
  engine.execute = async (ask) => { // the newest of them, and no more than were asked for
    const answer = await execute(ask);
    if (ask.method === 'thread/list') answer.response.threads = answer.response.threads.toReversed().slice(0, ask.params.limit);
    return answer;
  };
  await sleep(2100); // what was listed before counts for two seconds
  assert.equal((await send(world.lane.base, { path: '/api/chats/trip' })).status, 200);
  await world.say('Hello again', { id: 'many-3' }).done; // it is verified anew
  await list();
  await sleep(100);
  assert.equal((await list()).length, 30);
  const gone = [...control.threads.keys()][1];
  control.threads.delete(gone);
  assert.equal((await send(world.lane.base, { path: '/api/chats/many-0' })).status, 404, 'the worker knows it no more');
});

test('a list that cannot be read does not say that there are no conversations', async () => {
  const opened = async () => (await send(world.lane.base, { path: '/api/chats/trip' })).status;
  for (const response of [{}, { result: { items: [] } }]) {
    await sleep(2100); // what was listed before counts for two seconds
    const fault = { rpc: 'thread/list', status: 200, body: { data: { ok: true, response } }, times: 1, met: 0 };
    world.fake.control.faults.push(fault);
    assert.equal(await opened(), 200, JSON.stringify(response));
    assert.equal(fault.met, 1);
    assert.equal((await list()).length, 30);
  }
});

test('a rename, a deletion, a copy with messages, an import and a search of messages are told to be impossible', async () => {
  await world.say('Hello', { id: 'kept' }).done;
  const ask = async (method, path, body) => {
    const answer = await fetch(`${world.lane.base}/api/chats${path}`, { method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    return [answer.status, (await answer.json()).error?.code];
  };
  const message = { id: 'a', role: 'user', parts: [{ type: 'text', text: 'q' }] };
  for (const [method, path, body] of [
    ['PATCH', '/kept', { title: 'Another' }],
    ['DELETE', '/kept'],
    ['POST', '/kept/fork', {}],
    ['POST', '', { format: 'oa-stream.chat.v1', conversation: { id: 'i', title: 'T' }, messages: [message] }],
    ['GET', '?text=kept'],
  ]) assert.deepEqual(await ask(method, path, body), [501, 'not_supported'], `${method} ${path}`);
  assert.deepEqual(await ask('PATCH', '/kept', { archived: true }), [200, undefined]);
});

test('of a service that has only the questions no answer and no success is shown, however the turn ended', async () => {
  for (const name of ['text', 'failed', 'interrupted']) {
    await world.say(`scenario:${name}`, { id: `asked-${name}` }).done;
    const { messages, runs } = (await send(world.lane.base, { path: `/api/chats/asked-${name}` })).json().data;
    assert.deepEqual(messages.map((one) => [one.role, one.content, one.metadata.status]), [['user', `scenario:${name}`, 'unknown']]);
    assert.deepEqual(runs.map((run) => [run.status, run.error, run.completedAt]), [['unknown', null, null]]);
    const { events } = (await send(world.lane.base, { path: `/api/chats/asked-${name}/runs/${runs[0].id}/events` })).json().data;
    assert.deepEqual(events.map((event) => event.type), ['run_started', 'model_stream_started']);
  }
});
