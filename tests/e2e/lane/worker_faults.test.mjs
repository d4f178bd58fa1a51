// What goes wrong between the lane and its worker: lost answers, dead peers, refused tokens,
// connections that break at random. The runtime counts how often each turn was started.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { send } from '../lib/http.mjs';
import { sleep } from '../lib/process.mjs';
import { scenarios } from '../worker/fake/scenarios.mjs';
import { startRuntime } from '../worker/runtime.mjs';
import { World } from '../worker/world.mjs';

const words = (n) => Array.from({ length: n }, (_, i) => `w${String(i + 1).padStart(3, '0')}`).join(' ');
const text = (exchange) => read(exchange).texts.join('');
const journal = (world, what) => world.fake.log.filter((entry) => entry.what === what);
const codes = (world) => world.fake.violations.map((v) => `${v.code}: ${v.detail}`);

test('a request that was cut before it was read, or whose answer was lost, starts one turn', async () => {
  const world = await World.start();
  try {
    world.fake.control.faults.push({ rpc: 'turn/start', drop: 'before', times: 2 });
    await world.play('dropped-request', scenarios['dropped-request'], 'contract');
    assert.equal(journal(world, 'turn').length, 1);
    await world.reset();
    world.fake.control.faults.push({ rpc: 'turn/start', drop: 'after', times: 1 });
    assert.equal(text(await world.say('scenario:text').done), words(12));
    assert.equal(journal(world, 'turn').length, 1);
    const ids = journal(world, 'http').filter((e) => e.rpc === 'turn/start').map((e) => e.request_id);
    assert.equal(ids.length, 2);
    assert.equal(new Set(ids).size, 1, 'one request_id in every retry');
    assert.deepEqual(codes(world), []);
  } finally { await world.stop(); }
});

test('a request for another worker is refused before anything is sent', async () => {
  const world = await World.start();
  try {
    const asked = (worker) => send(world.lane.base, { method: 'POST', path: '/api/chat/stream', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ id: 'w', workerId: worker, messages: [{ role: 'user', content: 'scenario:text' }] }) });
    const answer = await asked('desktopw:somebody-else');
    assertRefused(answer, 422, 'invalid_request');
    assert.ok(answer.json().errors.worker_id, answer.text);
    for (const [path, rest] of [['/v1/chat/completions', { messages: [{ role: 'user', content: 'scenario:text' }] }], ['/v1/responses', { input: 'scenario:text', store: false }]]) {
      for (const name of ['workerId', 'worker_id']) {
        const v1 = (worker) => send(world.lane.base, { method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: 'worker', ...rest, [name]: worker }) });
        for (const wrong of ['desktopw:somebody-else', 7]) {
          const refused = await v1(wrong);
          assert.equal(refused.status, 422, `${path} ${refused.text}`);
          assert.equal(refused.json().error.param, 'worker_id', refused.text);
        }
        if (name === 'worker_id') assert.equal((await v1('desktopw:shared')).status, 200);
        else assert.equal(journal(world, 'http').filter((e) => e.rpc).length, path === '/v1/responses' ? 2 : 0);
      }
    }
    assert.equal((await asked('desktopw:shared')).status, 200);
  } finally { await world.stop(); }
});

test('four sends that all fail are 503, and nothing ran', async () => {
  const world = await World.start();
  try {
    world.fake.control.faults.push({ rpc: 'turn/start', status: 502, body: '<html>', times: 10 });
    assertRefused(await world.say('scenario:text').done, 503, 'authority_unavailable');
    assert.equal(journal(world, 'http').filter((e) => e.status === 502).length, 4);
    assert.equal(journal(world, 'turn').length, 0);
  } finally { await world.stop(); }
});

test('a stop reaches the worker though the commands of this minute are used up', async () => {
  const world = await World.start({ limits: { 'worker-requests': '2' } });
  try {
    const turn = world.say('scenario:long', { id: 'full' }); // thread/start and turn/start
    await turn.wait((seen) => seen.text.includes('text-delta'), 'text');
    assertRefused(await world.say('scenario:text', { id: 'more' }).done, 503, 'authority_unavailable');
    assert.equal((await send(world.lane.base, { method: 'POST', path: '/api/chats/full/stop' })).status, 200);
    await turn.done;
    assert.equal(journal(world, 'interrupt').length, 1);
  } finally { await world.stop(); }
});

test('a stop reaches the worker; one that ignores it is ended for its readers', async () => {
  const world = await World.start();
  try {
    for (const name of ['long', 'deaf']) {
      await world.reset();
      const exchange = world.say(`scenario:${name};n=600`, { id: `stop-${name}` });
      await exchange.frame('text-delta');
      const stop = await send(world.lane.base, { method: 'POST', path: `/api/chats/stop-${name}/stop` });
      assert.equal(stop.status, 200, stop.text);
      await exchange.done;
      assert.ok(read(exchange).aborted, exchange.text.slice(-500));
      assert.equal(journal(world, 'interrupt').length, 1);
    }
  } finally { await world.stop(); }
});

test('no runtime, a refused token, an unknown worker: not ready, with the reason, and no command', async () => {
  const world = await World.start();
  try {
    world.fake.control.workers.get(world.fake.worker).heartbeat = Date.now() - 500_000;
    await sleep(2100);
    assertRefused(await world.say('scenario:text').done, 503, 'authority_unavailable');
    assert.match((await world.get('/readyz')).text, /heartbeat is stale/);
    world.fake.control.workers.delete(world.fake.worker);
    assertRefused(await world.say('scenario:text').done, 503, 'authority_unavailable');
    assert.match((await world.get('/readyz')).text, /does not know the worker/);
    assert.equal(journal(world, 'http').filter((e) => e.rpc).length, 0);
    assert.deepEqual(codes(world), []);
  } finally { await world.stop(); }
});

test('the token expires in the middle of a turn; the next one is read and the turn goes on', async () => {
  const world = await World.start();
  try {
    for (const dialect of ['contract', 'app-server']) {
      const exchange = world.say(`scenario:reauth;dialect=${dialect}`);
      await exchange.done;
      assert.equal(text(exchange), words(30));
    }
    assert.ok(world.fake.control.mints.length >= 2);
    assert.deepEqual(codes(world), []);
  } finally { await world.stop(); }
});

test('no token stands in the log', async () => {
  for (const wire of ['rust', 'phoenix']) {
    const world = await World.start({ wire });
    try {
      await world.say('scenario:reconnect').done;
      assert.ok(!world.lane.stderr.includes(world.fake.token));
      assert.doesNotMatch(world.lane.stderr, /eyJ|token=/);
    } finally { await world.stop(); }
  }
});

test('the runtime is killed in the middle of turns: each ends once, and the next runtime is used', async () => {
  const first = await startRuntime();
  const world = await World.start({ fake: first, limits: { 'authority-away': '5s' } });
  let second;
  try {
    const running = Array.from({ length: 10 }, () => world.say('scenario:long;n=400'));
    await Promise.all(running.map((exchange) => exchange.frame('text-delta')));
    first.child.kill('SIGKILL');
    second = await startRuntime(first.port);
    for (const exchange of await Promise.all(running.map((one) => one.done))) {
      assertOneError(exchange, { code: 'authority_lost', retryable: true });
      assert.ok(words(400).startsWith(text(exchange)), 'what was told is exact');
    }
    await world.ready();
    assert.equal(text(await world.say('scenario:text').done), words(12));
  } finally {
    await second?.stop();
    await world.stop();
  }
});
