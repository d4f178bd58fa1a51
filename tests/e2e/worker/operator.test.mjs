// The operator's half of a worker lane: smoke, and what /metrics counts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { read } from '../lib/contract.mjs';
import { USER, startControlService } from '../lib/control_service.mjs';
import { chat } from '../lib/http.mjs';
import { oa } from '../lib/process.mjs';
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
