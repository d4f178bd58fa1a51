// The operator's half of a worker lane: smoke, and what /metrics counts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { read } from '../lib/contract.mjs';
import { USER, startControlService } from '../lib/control_service.mjs';
import { chat } from '../lib/http.mjs';
import { limit, oa, sleep } from '../lib/process.mjs';
import { startHaproxy } from '../lib/proxies.mjs';
import { scenarios } from './fake/scenarios.mjs';
import { World } from './world.mjs';

let world;
before(async () => { world = await World.start({}); });
after(() => world.stop());

const metric = async (name) => {
  const { text } = await world.get('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`oa_stream_worker_${name} `));
  return line === undefined ? NaN : Number(line.slice(line.lastIndexOf(' ') + 1));
};

test('commands are counted by method and by how they ended; every one is there at 0', async () => {
  const before = await metric('requests_total{method="turn/start",result="ok"}');
  for (const method of ['thread/start', 'thread/resume', 'thread/read', 'thread/list', 'turn/start', 'turn/interrupt']) {
    for (const result of ['ok', 'failed']) assert.ok((await metric(`requests_total{method="${method}",result="${result}"}`)) >= 0, `${method} ${result}`);
  }
  for (const found of ['log', 'nowhere']) assert.equal(await metric(`holes_total{found="${found}"}`), 0);
  for (const name of ['reconnects_total', 'stale_cursors_total', 'reauths_total', 'duplicates_total', 'lag_events']) assert.ok((await metric(name)) >= 0, name);
  await world.play('text', scenarios.text, 'contract');
  assert.equal(await metric('requests_total{method="turn/start",result="ok"}'), before + 1);
  const families = (await world.get('/metrics')).text.match(/^# TYPE oa_stream_worker_requests_total counter$/gm);
  assert.equal(families?.length, 1);
});

test('what nobody has a meaning for is counted, whatever is wrong with it', async () => {
  for (const [name, wanted] of [['handshake', 3], ['malformed', 5], ['unknown', 4]]) {
    const before = await metric('unknown_events_total');
    await world.play(name, scenarios[name], 'contract');
    assert.equal((await metric('unknown_events_total')) - before, wanted, name);
  }
});

test('usage of a turn leaves out what another surface spent on its thread', async () => {
  const spent = async (id) => (await world.say('scenario:text;dialect=app-server', { id }).done).chunks.find((chunk) => chunk?.type === 'finish').messageMetadata.usage;
  const first = await spent('shared-thread');
  assert.equal(first.inputTokens, 40);
  const { control, engine, worker } = world.fake;
  const thread = [...control.threads.keys()].at(-1), total = { input: 1000, cached: 0, output: 500, reasoning: 0 };
  engine.totals.set(thread, { ...total });
  control.append(worker, 'worker.event', { source: 'x', method: 'thread/tokenUsage/updated', params: { threadId: thread, turnId: 'of-somebody-else', tokenUsage: { total: { totalTokens: 1500, inputTokens: 1000, cachedInputTokens: 0, outputTokens: 500, reasoningOutputTokens: 0 } } } });
  assert.deepEqual(await spent('shared-thread'), first);
});

test('events that the worker has told and Khala has not are its lag, until its log is read', async () => {
  const { control, worker } = world.fake;
  assert.equal(await metric('lag_events'), 0);
  await sleep(2100); // for so long a look at the worker stands
  for (let n = 0; n < 3; n++) control.append(worker, 'worker.heartbeat', { source: 'x', kind: 'periodic' }, { keep: false });
  const log = { method: 'GET', path: '/stream', delay: 2000, times: 1 };
  control.faults.push(log);
  const turn = world.say('scenario:text');
  let lag = 0;
  for (const end = Date.now() + limit(10000); lag === 0; lag = await metric('lag_events')) {
    assert.ok(Date.now() < end, 'no lag');
    await sleep(20);
  }
  assert.equal(lag, 3);
  assert.equal(read(await turn.done).texts.join(''), scenarios.text.expect.text);
  assert.equal(log.met, 1);
  assert.equal(await metric('lag_events'), 0);
});

test('smoke control passes at the address where a control service and this lane serve, and chats are answered there', async () => {
  const service = await startControlService({ others: { layout: 'khala' } });
  const proxy = await startHaproxy(world.lane.base, [
    ['default_backend oa_stream', 'use_backend lane if { path_beg /api/chat }\n    default_backend control'],
    ['\nbackend oa_stream\n', `\nbackend control\n    server service1 ${new URL(service.base).host}\n\nbackend lane\n`],
  ]);
  const run = await oa(['smoke', 'control', '--base-url', proxy.base, '--json', '--auth', 'env:TOKEN'], { env: { TOKEN: USER }, ms: 60000 });
  assert.deepEqual(run.json().checks.filter((c) => !['PASS', 'SKIPPED'].includes(c.verdict)).map((c) => `${c.id}: ${c.detail}`), []);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(read(await chat(proxy.base, 'scenario:text').done).texts.join(''), scenarios.text.expect.text);
  await proxy.stop();
  await service.stop();
});
