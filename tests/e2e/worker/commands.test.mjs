// Commands that are refused, late, lost or answered by an event: what the lane tells, and what it asks again.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { send } from '../lib/http.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { startFake } from './fake/fake-runtime.mjs';
import { mint, syncClaims } from './fake/lib/tokens.mjs';
import { scenarios } from './fake/scenarios.mjs';
import { World } from './world.mjs';

const words = (n) => Array.from({ length: n }, (_, i) => `w${String(i + 1).padStart(3, '0')}`).join(' ');
const text = (exchange) => read(exchange).texts.join('');
const journal = (world, what) => world.fake.log.filter((entry) => entry.what === what);
const commands = (world, rpc) => journal(world, 'http').filter((entry) => entry.rpc === rpc);
async function until(done, what, ms = 20000) {
  for (const end = Date.now() + limit(ms); !(await done()); await sleep(25)) assert.ok(Date.now() < end, what);
}
/** A world of its own scenarios, for one test. */
async function within(options, run) {
  const world = await World.start({ ...options, fake: { ...options.fake, scenarios: { ...scenarios, ...options.scenarios } } });
  try { await run(world); } finally { await world.stop(); }
}

test('a worker whose event numbers began again has ended its turn, and is counted', async () => {
  await within({}, async (world) => {
    assertOneError(await world.say('scenario:reborn').done, { code: 'authority_lost', retryable: true });
    assert.match((await world.get('/metrics')).text, /^oa_stream_worker_renumbered_total 1$/m);
  });
});

/** Three at a time, each in a world of its own: they wait for most of their time. */
describe('commands', { concurrency: 3 }, () => {
  test('a token that may look but not command is not ready, and one put in its place is', async () => {
    const file = path.join(scratch('control-token'), 'token');
    const put = (token) => fs.writeFileSync(file, token, { mode: 0o600 });
    put('control-personal-token');
    await within({ flags: ['--worker-auth', `file:${file}`] }, async (world) => {
      assertRefused(await world.say('scenario:text').done, 503, 'authority_unavailable');
      const ready = await world.get('/readyz');
      assert.equal(ready.status, 503, ready.text);
      assert.match(ready.text, /control refuses the token/);
      assertRefused(await world.say('scenario:text').done, 503, 'authority_unavailable');
      assert.equal(journal(world, 'http').filter((entry) => entry.method === 'POST' && entry.path.endsWith('/requests')).length, 2, 'one command, sent twice');
      put(world.fake.token);
      await world.ready(limit(15000));
      assert.equal(text(await world.say('scenario:text').done), words(12));
    });
  });

  for (const [kind, most] of [['file', 15000], ['command', 20000]]) {
    test(`a token that nobody takes any more rests, and one put in its place by ${kind} does not`, async () => {
      const folder = scratch(`rest-${kind}`), file = path.join(folder, 'token'), program = path.join(folder, 'print-token');
      fs.writeFileSync(file, 'control-session-token', { mode: 0o600 });
      fs.writeFileSync(program, `#!/bin/sh\ncat ${file}\n`, { mode: 0o755 });
      await within({ wire: 'phoenix', flags: ['--worker-auth', `${kind}:${kind === 'file' ? file : program}`] }, async (world) => {
        world.fake.control.users.get('control-session-token').expired = true;
        world.fake.khala.dropAll();
        const refused = async () => Number(/^oa_stream_worker_reauths_total (\d+)$/m.exec((await world.get('/metrics')).text)?.[1]);
        await until(async () => (await refused()) >= 3, 'it does not rest');
        assert.match((await world.get('/readyz')).text, /refuses the token/);
        world.fake.control.addUser('the-next-token', { id: '7' });
        fs.writeFileSync(file, 'the-next-token');
        const began = Date.now();
        await world.ready(limit(most));
        assert.ok(Date.now() - began < limit(most), `${Date.now() - began} ms`);
        assert.equal(text(await world.say('scenario:text').done), words(12));
      });
    });
  }

  for (const wire of ['rust', 'phoenix']) {
    test(`a sync token of a file (${wire}): another one put in its place goes on with the turn, also once the first one rests`, async () => {
      const fake = await startFake({ scenarios });
      const file = path.join(scratch(`sync-${wire}`), 'token');
      const tokens = [];
      const put = () => {
        const token = mint(syncClaims({ id: '7', org: 'user:7', session: `s${tokens.length}`, device: 'd' }, { scopes: ['runtime.codex_worker_events'], ttl: 300, cfg: fake.khala.cfg.sync }), fake.khala.cfg.sync);
        fs.writeFileSync(file, token, { mode: 0o600 });
        tokens.push(token);
      };
      put();
      /** The Rust wire looks at the token, the Phoenix wire at its session. */
      const revoke = (n) => { fake.khala.cfg.sync.revokedSessions.add(`s${n}`); return fake.khala.revokeAll(); };
      const world = await World.start({ fake, wire, flags: ['--khala-auth', `file:${file}`] });
      const reauths = async () => Number(/^oa_stream_worker_reauths_total (\d+)$/m.exec((await world.get('/metrics')).text)?.[1]);
      try {
        const turn = world.say('scenario:long;n=150;delay=20');
        await turn.frame('text-delta');
        put();
        await revoke(0);
        await turn.done;
        assert.equal(text(turn), words(150), 'each word once');
        const before = await reauths();
        await revoke(1);
        await until(async () => (await reauths()) >= before + 3, 'it does not rest');
        assert.equal((await world.get('/readyz')).status, 503);
        put();
        await world.ready(limit(20000));
        assert.equal(text(await world.say('scenario:text').done), words(12));
        assert.equal(journal(world, 'http').filter((entry) => /sync\/token/.test(entry.path)).length, 0, 'none was minted');
        assert.deepEqual(world.held(), []);
        for (const token of tokens) assert.ok(!(world.lane.stdout + world.lane.stderr).includes(token));
      } finally { await world.stop(); }
    });
  }

  test('a desktop that lost the thread is told to resume it, and the turn is started once more', () => within({}, async (world) => {
    assert.equal(text(await world.say('scenario:text', { id: 'lost' }).done), words(12));
    const lost = (times) => world.fake.control.faults.push({ rpc: 'turn/start', status: 200, body: { data: { ok: false, method: 'turn/start', code: 'internal_error', message: 'turn/start failed: thread not found: thread_1', response: { jsonrpc: '2.0', id: 'x', error: { code: -32600, message: 'thread not found: thread_1' } } } }, times });
    lost(1);
    assert.equal(text(await world.say('scenario:text', { id: 'lost' }).done), words(12));
    assert.equal(commands(world, 'thread/resume').length, 1);
    assert.equal(journal(world, 'turn').length, 2);
    lost(2);
    const turns = journal(world, 'turn').length;
    assertRefused(await world.say('scenario:text', { id: 'lost' }).done, 404, 'not_found');
    assert.equal(journal(world, 'turn').length, turns, 'no turn was started for it');
  }));

  const slow = (name, more, run) => ({ [name]: { about: 'the answer to turn/start comes later', accept: () => more, run } });

  test('a turn that showed up before its command ran out of time is interrupted', () => within({
    scenarios: slow('late', { delay: 60000, silent: true }, async (t) => { t.started(); t.open('message', 'm'); for (let i = 0; i < 3000; i++) { await t.pause(20); t.delta('m', 'x '); } }),
  }, async (world) => {
    assertRefused(await world.say('scenario:late', { ms: limit(30000) }).done, 504, 'authority_timeout');
    await until(() => journal(world, 'interrupt').length === 1, 'it runs on');
    assert.ok(journal(world, 'interrupt')[0].found);
    assert.equal(commands(world, 'turn/start').length, 0, 'not answered, so not sent again');
  }));

  test('an answer of which a little comes all the time is late, too', () => within({
    scenarios: slow('dripping', { silent: true }, async (t) => { t.started(); t.open('message', 'm'); for (let i = 0; i < 3000; i++) { await t.pause(20); t.delta('m', 'x '); } }),
  }, async (world) => {
    world.fake.control.faults.push({ rpc: 'turn/start', drip: 1000, times: 1 });
    assertRefused(await world.say('scenario:dripping', { ms: limit(40000) }).done, 504, 'authority_timeout');
    await until(() => journal(world, 'interrupt').length === 1, 'it runs on');
  }));

  for (const status of [429, 403, 401]) {
    test(`a turn whose receipt was lost, and whose command is then refused (${status}), is interrupted, and the next message is alone`, () => within({
      scenarios: slow('lost', { silent: true }, async (t) => { t.started(); t.open('message', 'm'); for (let i = 0; i < 3000; i++) { await t.pause(20); t.delta('m', 'x '); } }),
    }, async (world) => {
      await world.say('scenario:text', { id: 'lost' }).done; // a first turn that is lost leaves no conversation
      world.fake.control.faults.push({ rpc: 'turn/start', drop: 'after', times: 1 }, { rpc: 'turn/start', status, times: status === 401 ? 2 : 1 });
      assertRefused(await world.say('scenario:lost', { id: 'lost' }).done, 503, 'authority_unavailable');
      await until(() => journal(world, 'interrupt').length === 1, 'it runs on');
      assert.ok(journal(world, 'interrupt')[0].found);
      await world.ready(limit(15000));
      assert.equal(text(await world.say('scenario:text', { id: 'lost' }).done), words(12));
      assert.equal(commands(world, 'thread/resume').length, 1, 'what runs there is asked for');
      assert.deepEqual(world.held(), []);
    }));
  }

  test('a command that ran and was answered 500 is sent again under its id, and answered', () => within({}, async (world) => {
    world.fake.control.faults.push({ rpc: 'turn/start', late: 500, times: 1 });
    assert.equal(text(await world.say('scenario:text').done), words(12));
    const starts = commands(world, 'turn/start');
    assert.deepEqual([starts.length, new Set(starts.map((one) => one.request_id)).size, starts.at(-1).replay], [2, 1, true]);
  }));

  for (const fault of [{ status: 429, body: { message: 'Too many requests. Retry in 2s.' } }, { status: 503 }]) {
    test(`a stop that is refused for the moment (${fault.status}) is sent until it is accepted`, () => within({}, async (world) => {
      const turn = world.say('scenario:long;n=3000', { id: 'stopped' });
      await turn.frame('text-delta');
      world.fake.control.faults.push({ rpc: 'turn/interrupt', times: fault.status === 503 ? 5 : 1, ...fault });
      await send(world.lane.base, { method: 'POST', path: '/api/chats/stopped/stop' });
      await turn.done;
      await until(() => journal(world, 'interrupt').length === 1, 'it runs on');
      assert.ok(journal(world, 'interrupt')[0].found);
      assert.equal(text(await world.say('scenario:text', { id: 'stopped' }).done), words(12));
    }));
  }

  test('a stop whose token is refused is sent with the token put in its place', async () => {
    const file = path.join(scratch('stop-token'), 'token');
    fs.writeFileSync(file, 'control-session-token', { mode: 0o600 });
    await within({ flags: ['--worker-auth', `file:${file}`] }, async (world) => {
      const turn = world.say('scenario:long;n=3000', { id: 'stopped' });
      await turn.frame('text-delta');
      world.fake.control.users.get('control-session-token').expired = true;
      await send(world.lane.base, { method: 'POST', path: '/api/chats/stopped/stop' });
      await turn.done;
      const refused = () => journal(world, 'http').filter((one) => one.status === 401 && one.path.endsWith('/requests')).length;
      await until(() => refused() === 2, 'it was not refused');
      world.fake.control.addUser('the-next-token', { id: '7' });
      fs.writeFileSync(file, 'the-next-token');
      await until(() => journal(world, 'interrupt').length === 1, 'it runs on');
      assert.ok(journal(world, 'interrupt')[0].found);
      assert.equal(refused(), 2, 'the refused token rests');
    });
  });

  test('a turn that may still appear is not forgotten when another one keeps its thread', () => {
    let begin;
    const told = new Promise((done) => { begin = done; });
    return within({
      scenarios: slow('strayed', { silent: true }, async (t) => { await told; t.started(); t.open('message', 'm'); for (let i = 0; i < 3000; i++) { await t.pause(20); t.delta('m', 'x '); } }),
    }, async (world) => {
      const { engine, faults } = world.fake.control;
      const execute = engine.execute.bind(engine);
      await world.say('scenario:text', { id: 'held' }).done;
      faults.push({ rpc: 'turn/start', drop: 'after', times: 1 }, { rpc: 'turn/start', status: 429, times: 1 });
      assertRefused(await world.say('scenario:strayed', { id: 'held' }).done, 503, 'authority_unavailable');
      engine.execute = async (ask) => {
        if (ask.method === 'thread/resume') return { response: { thread: { id: ask.thread, status: { type: 'active' } } } };
        return ask.method === 'turn/interrupt' && !ask.params.turn_id ? { response: {} } : execute(ask);
      };
      assertRefused(await world.say('scenario:text', { id: 'held' }).done, 409, 'turn_in_progress');
      begin();
      await until(() => journal(world, 'interrupt').length === 1, 'it runs on');
      assert.ok(journal(world, 'interrupt')[0].found);
    });
  });

  test('worker.error that comes before the answer to its command is the answer', () => within({
    limits: { 'first-event': '4s' },
    scenarios: slow('refused', { delay: 400, silent: true }, async (t) => { t.over = true; t.control.append(t.worker, 'worker.error', { request_id: t.requestId, method: 'turn/start', code: 'worker_unavailable', message: 'desktop session mapping unavailable', retryable: false, occurred_at: new Date().toISOString() }); }),
  }, async (world) => {
    const refused = await world.say('scenario:refused').done;
    assertRefused(refused, 503, 'authority_unavailable');
    assert.doesNotMatch(refused.text, /mapping/);
  }));

  test('worker.response settles a command whose answer never came', () => within({
    scenarios: slow('told', { delay: 60000 }, async (t) => { t.started(); await t.say('It runs.'); t.end(); }),
  }, async (world) => {
    assert.equal(text(await world.say('scenario:told', { ms: limit(30000) }).done), 'It runs.');
    assert.equal(journal(world, 'turn').length, 1);
  }));

  test('a worker that control no longer knows is sent nothing: a command would make one that nobody runs', () => within({}, async (world) => {
    const turn = world.say('scenario:long;n=4000');
    await turn.frame('text-delta');
    world.fake.control.clear();
    await until(async () => (await world.get('/readyz')).status === 503, 'it is ready still', 30000);
    assertOneError(await turn.done, { code: 'authority_lost', retryable: true });
    await sleep(500);
    assert.deepEqual(world.held(), []);
    assert.match((await world.get('/readyz')).text, /does not know the worker/);
  }));

  const gateways = ['<html>default backend - 404</html>', '{"message":"no Route matched with those values"}'];

  test('a 404 of a gateway says neither that the worker is unknown, nor that a conversation is gone', () => within({}, async (world) => {
    const fault = (which) => gateways.forEach((body) => world.fake.control.faults.push({ status: 404, body, times: 1, ...which }));
    assert.equal(text(await world.say('scenario:text', { id: 'kept' }).done), words(12));
    const turn = world.say('scenario:long;n=200;delay=20');
    await turn.frame('text-delta');
    await sleep(2100); // a look counts for two seconds
    fault({ method: 'GET', path: '/codex/workers/' });
    for (const id of ['one', 'two']) await world.say('scenario:text', { id }).done; // before which the lane looks
    fault({ rpc: 'thread/read' });
    const messages = () => send(world.lane.base, { path: '/api/chats/kept/messages' });
    for (let left = gateways.length; left > 0; left--) assertRefused(await messages(), 503, 'authority_unavailable');
    assert.equal((await messages()).status, 200);
    assert.equal(text(await turn.done), words(200));
  }));

  test('while control does not know the worker, a conversation is 503; one that control does not know is 404', () => within({}, async (world) => {
    assert.equal(text(await world.say('scenario:text', { id: 'kept' }).done), words(12));
    const messages = () => send(world.lane.base, { path: '/api/chats/kept/messages' });
    const { workers, threads } = world.fake.control, { worker } = world.fake, known = workers.get(worker);
    workers.delete(worker);
    await until(async () => (await world.get('/readyz')).status === 503, 'it is ready still', 30000);
    const unknown = await messages();
    assertRefused(unknown, 503, 'authority_unavailable');
    assert.ok(unknown.headers['retry-after']);
    workers.set(worker, known);
    await world.ready(limit(15000));
    assert.equal((await messages()).status, 200);
    threads.clear();
    assertRefused(await messages(), 404, 'not_found');
  }));

  test('the pause that a gateway asks for is told', () => within({}, async (world) => {
    world.fake.control.faults.push({ rpc: 'turn/start', status: 429, body: 'slow down', headers: { 'retry-after': '17' }, times: 1 });
    const refused = await world.say('scenario:text').done;
    assertRefused(refused, 503, 'authority_unavailable');
    assert.equal(refused.headers['retry-after'], '17');
  }));

  test('a text that is too long is refused by its name', () => within({}, async (world) => {
    const answer = await world.say(`scenario:text ${'x'.repeat(20100)}`).done;
    const body = assertRefused(answer, 422, 'invalid_request');
    assert.match(body.errors.messages[0], /at most 20000 characters in a message: send a shorter one/);
  }));

  test('a stopped worker is not ready once it refused a command', () => within({}, async (world) => {
    assert.equal(text(await world.say('scenario:text').done), words(12));
    Object.assign(world.fake.control.workers.get(world.fake.worker), { status: 'stopped', stopped: Date.now() });
    assertRefused(await world.say('scenario:text').done, 503, 'authority_unavailable');
    await until(async () => (await world.get('/readyz')).status === 503, 'it is ready still', 8000);
    assert.match((await world.get('/readyz')).text, /is stopped/);
  }));

  test('a control service that hangs keeps no reader from the end of a turn that was stopped', () => within({}, async (world) => {
    const turn = world.say('scenario:long;n=4000', { id: 'hung' });
    await turn.frame('text-delta');
    world.fake.control.faults.push({ delay: 30000, times: 50 });
    const began = Date.now();
    assert.equal((await send(world.lane.base, { method: 'POST', path: '/api/chats/hung/stop' })).status, 200);
    await turn.done;
    assert.ok(read(turn).aborted);
    assert.ok(Date.now() - began < limit(20000), `${Date.now() - began} ms`);
  }));

  test('a stop of a turn whose start takes longer than a stop waits is obeyed once the turn is accepted', () => within({
    scenarios: { slow: { about: 'a receipt that takes its time', accept: () => ({ delay: 6000 }), run: async (t) => { t.started(); await t.say('Nobody wants this any more.', { close: false }); await t.pause(60000); } } },
  }, async (world) => {
    const turn = world.say('scenario:slow', { id: 'slow' });
    await until(() => journal(world, 'turn').length === 1, 'no start');
    const stop = await send(world.lane.base, { method: 'POST', path: '/api/chats/slow/stop' });
    assert.deepEqual(stop.json().data, { id: 'slow', turnId: null, status: 'stopping' });
    assert.ok(read(await turn.done).aborted, turn.text);
    assert.deepEqual(journal(world, 'interrupt').map((one) => one.found), [true]);
    assert.equal(text(await world.say('scenario:text', { id: 'slow' }).done), words(12), 'the next turn is another');
  }));

  const early = [];
  test('a stop of a turn that just began waits for its question: Codex would not keep it', () => within({
    scenarios: { late: { about: 'its first item takes a while', accept: () => ({}), run: async (t) => { t.started(); await sleep(200); early.push(t.interrupted); t.open('message', 'm'); await t.pause(60000); } } },
  }, async (world) => {
    const turn = world.say('scenario:late', { id: 'late' });
    await turn.frame('start');
    assert.equal((await send(world.lane.base, { method: 'POST', path: '/api/chats/late/stop' })).json().data.status, 'stopped');
    assert.ok(read(await turn.done).aborted, turn.text);
    assert.deepEqual(early, [false]);
  }));

  test('a stop that names no turn is over before the next turn begins on its thread: it would stop that one', () => within({
    scenarios: { mute: { about: 'accepted; no event of it ever comes', accept: () => ({}), run: async (t) => { await t.pause(60000); } } },
  }, async (world) => {
    const turn = world.say('scenario:mute', { id: 'mute' });
    await until(() => journal(world, 'turn').length === 1, 'no start');
    world.fake.control.faults.push({ rpc: 'turn/interrupt', delay: 8500, times: 1 }); // longer than the lane waits for the end, not for an answer
    await until(async () => (await send(world.lane.base, { method: 'POST', path: '/api/chats/mute/stop' })).json().data?.status === 'stopping', 'not stopped');
    assert.ok(read(await turn.done).aborted, turn.text);
    assert.deepEqual(journal(world, 'interrupt'), [], 'it is on its way');
    let next; // refused while the stop takes longer than a message waits
    await until(async () => (next = await world.say('scenario:text', { id: 'mute' }).done).status === 200, 'no next turn');
    assert.equal(text(next), words(12));
    assert.deepEqual(world.fake.log.filter(({ what }) => what === 'turn' || what === 'interrupt').map((one) => one.scenario ?? one.turn), ['mute', null, 'text']);
  }));

  test('nor does the next turn begin while a turn is stopped so that has failed meanwhile', () => within({
    scenarios: { gone: { about: 'accepted, and given up; no event of it ever comes', accept: () => ({}), run: async (t) => { await sleep(200); t.over = true; t.engine.running.delete(t.id); t.control.append(t.worker, 'worker.error', { request_id: t.requestId, method: 'turn/start', code: 'worker_unavailable', message: 'gone', retryable: false, occurred_at: new Date().toISOString() }); } } },
  }, async (world) => {
    const stop = { rpc: 'turn/interrupt', delay: 1000, times: 1, met: 0 };
    world.fake.control.faults.push(stop);
    assertOneError(await world.say('scenario:gone', { id: 'gone' }).done, { code: 'authority_lost', retryable: true });
    await until(() => stop.met === 1, 'nothing stops it');
    assert.equal(text(await world.say('scenario:text', { id: 'gone' }).done), words(12));
    assert.deepEqual(world.fake.log.filter(({ what }) => what === 'turn' || what === 'interrupt').map((one) => one.scenario ?? one.turn), ['gone', null, 'text']);
  }));

  test('a look that fails once costs two seconds of readiness, not fifteen', () => within({}, async (world) => {
    world.fake.control.faults.push({ method: 'GET', status: 503, times: 1 });
    await until(async () => (await world.get('/readyz')).status === 503, 'the look did not fail', 20000);
    const began = Date.now();
    await world.ready(limit(15000));
    assert.ok(Date.now() - began < limit(10000), `${Date.now() - began} ms`);
  }));

  test('a build that Khala does not serve: the window is told', () => within({ wire: 'phoenix', ready: false, fake: { khala: { compat: { protocol: 'khala.ws.v1', minBuild: '20990101T000000Z', maxBuild: null, minSchema: 1, maxSchema: 1 } } } }, async (world) => {
    await until(async () => /upgrade_required \(builds 20990101T000000Z to any\)/.test((await world.get('/readyz')).text), 'no window');
    await sleep(2000);
    assert.equal(journal(world, 'khala.open').length, 1, 'it is final');
  }));

  test('tokens come from a program, which runs again when its token is refused', async () => {
    const folder = scratch('program'), file = path.join(folder, 'token'), runs = path.join(folder, 'runs');
    fs.writeFileSync(file, 'control-session-token');
    const program = path.join(folder, 'print-token');
    fs.writeFileSync(program, `#!/bin/sh\necho run >> ${runs}\ncat ${file}\n`, { mode: 0o755 });
    await within({ flags: ['--worker-auth', `command:${program}`] }, async (world) => {
      assert.equal(text(await world.say('scenario:text').done), words(12));
      const before = fs.readFileSync(runs, 'utf8').length;
      world.fake.control.users.get('control-session-token').expired = true;
      world.fake.control.addUser('the-next-token', { id: '7' });
      fs.writeFileSync(file, 'the-next-token');
      assert.equal(text(await world.say('scenario:text').done), words(12));
      assert.ok(fs.readFileSync(runs, 'utf8').length > before);
      assert.deepEqual(world.held(), []);
    });
  });

  test('a build names the time at which it was made', () => within({ wire: 'phoenix' }, async (world) => {
    const [open] = journal(world, 'khala.open');
    assert.match(open.build, /^20\d{6}T\d{6}Z$/);
    assert.ok(open.build > '20261121T000000Z', open.build);
  }));

  for (const wire of ['rust', 'phoenix']) {
    test(`what a request asks of its turn is what the worker is told (${wire})`, () => within({ wire, flags: ['--model', 'small', '--model', 'large', '--allow', 'model,system,effort'] }, async (world) => {
      const asked = [], { engine } = world.fake, execute = engine.execute.bind(engine);
      engine.execute = (ask) => { asked.push(ask); return execute(ask); };
      const starts = () => asked.splice(0).filter(({ method }) => /start$/.test(method));
      const told = () => starts().map(({ method, params }) => [method, params.model, params.effort]);

      const first = await world.say('scenario:text', { id: 'chosen', model: 'large', effort: 'high' }).done;
      assert.equal(read(first).start.messageMetadata.model, 'large');
      assert.deepEqual(told(), [['thread/start', 'large', undefined], ['turn/start', 'large', 'high']]);
      await world.say('scenario:text', { id: 'chosen' }).done;
      assert.deepEqual(told(), [['turn/start', 'small', undefined]], 'without a choice it is the default');
      for (const [path, body] of [
        ['/v1/chat/completions', { messages: [{ role: 'user', content: 'scenario:text' }] }],
        ['/v1/responses', { input: 'scenario:text' }],
      ]) {
        assert.equal((await send(world.lane.base, { method: 'POST', path, body: { model: 'large', ...body } })).status, 200);
        assert.deepEqual(told(), [['thread/start', 'large', undefined], ['turn/start', 'large', undefined]], path);
      }

      const parts = ['scenario:text', 'Summarise this:', ' Document'].map((one) => ({ type: 'text', text: one }));
      const messages = [{ id: 'u1', role: 'user', parts }];
      assert.equal((await send(world.lane.base, { method: 'POST', path: '/api/chats/parts/stream', body: { messages } })).status, 200);
      assert.equal((await send(world.lane.base, { method: 'POST', path: '/v1/chat/completions', body: { model: 'small', messages: [{ role: 'user', content: parts }] } })).status, 200);
      const turns = starts().filter(({ method }) => method === 'turn/start');
      assert.equal(turns.length, 2);
      for (const { params } of turns) {
        assert.equal(params.text, 'scenario:text\n\nSummarise this:\n\n Document');
        assert.deepEqual(params.input, parts);
      }

      const system = await world.say('scenario:text', { id: 'system', system: 'Answer in French.' }).done;
      assert.equal(system.headers['x-oa-ignored'], 'system');
      assert.doesNotMatch(JSON.stringify(asked.map(({ params }) => params)), /French/);
      assert.deepEqual(world.held(), []);
    }));
  }

  test('the minute of commands of one token: the lane refuses before the service does, and says for how long', () => within({ fake: { strict: true }, flags: ['--limit', 'worker-requests=60'] }, async (world) => {
    let refused;
    for (let n = 0; n < 40 && !refused; n++) {
      const answer = await world.say('scenario:text;n=1').done;
      if (answer.status !== 200) refused = answer;
    }
    assertRefused(refused, 503, 'authority_unavailable');
    const wait = Number(refused.headers['retry-after']);
    assert.ok(wait >= 20 && wait <= 60, refused.text);
    assert.deepEqual(journal(world, 'http').filter((entry) => entry.status === 429), []);
    assert.equal(commands(world, 'turn/start').length + commands(world, 'thread/start').length, 54, 'a tenth is left for stops');
    assert.deepEqual(world.held(), []);
  }));

  test('whoever reads many conversations leaves commands for new turns', () => within({ fake: { strict: true }, flags: ['--limit', 'worker-requests=60'] }, async (world) => {
    assert.equal((await world.say('scenario:text;n=1', { id: 'read-often' }).done).status, 200);
    let refused;
    for (let n = 0; n < 40 && !refused; n++) {
      const answer = await send(world.lane.base, { path: '/api/chats/read-often/messages' });
      if (answer.status !== 200) refused = answer;
    }
    assertRefused(refused, 503, 'authority_unavailable');
    assert.equal((await world.say('scenario:text;n=1', { id: 'new' }).done).status, 200);
  }));

  test('a thread that must be resumed is not, where the minute has no turn left for it', () => within({
    flags: ['--limit', 'worker-requests=4'],
    scenarios: slow('mute', {}, () => sleep(60000)),
  }, async (world) => {
    const turn = world.say('scenario:mute', { id: 'mute' });
    await turn.frame('start');
    world.fake.control.faults.push({ rpc: 'turn/interrupt', delay: 5500, times: 1 }); // its turn is given up before
    await send(world.lane.base, { method: 'POST', path: '/api/chats/mute/stop' });
    await turn.done;
    assertRefused(await world.say('scenario:text', { id: 'mute' }).done, 503, 'authority_unavailable');
    assert.equal(commands(world, 'turn/interrupt').length, 1, 'the message waited for it');
    assert.equal(commands(world, 'thread/resume').length, 0);
  }));

  test('new chats beyond the minute are refused before their first command', () => within({ fake: { strict: true }, flags: ['--limit', 'worker-requests=60'] }, async (world) => {
    world.fake.control.faults.push({ rpc: 'thread/start', delay: 300, times: 100 });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => world.say('scenario:text;n=1', { id: `new-${n}` }).done));
    assert.equal(answers.filter((one) => one.status === 200).length, 27);
    assert.deepEqual([commands(world, 'thread/start').length, commands(world, 'turn/start').length], [27, 27]);
  }));
});
