// A lane dies or cannot come to the store while its turns run on at a Codex server.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startCodexServer, turnWorks } from '../lib/codex.mjs';
import { assertLegal, assertOneError, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { startCodexRelay } from './codex_relay.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { begun, fifth, heard, held, metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';
import { Wire } from '../lib/wire.mjs';

let world;
before(async () => { world = await startWorld({ args: ['--limit', `store-wait=${limit(1000)}ms`, '--limit', 'store-outage=3s'] }); });
after(() => world.end());

/** Codex has stored the end of a turn whose question has this key. */
function ended(key) {
  const sessions = path.join(world.server.home, 'sessions');
  const all = fs.readdirSync(sessions, { recursive: true }).filter((name) => /rollout-.*\.jsonl$/.test(name)).map((name) => fs.readFileSync(path.join(sessions, name), 'utf8'));
  return all.some((text) => text.includes(`key=${key}`) && text.includes('"task_complete"'));
}

/** A lane comes to the store no more, and `heir` takes its turn over. */
async function cutOff(pipe, heir) {
  pipe.refuse = true;
  pipe.cut();
  await heir.until(async () => (await metric(heir, 'adopted_total')) >= 1, 'the takeover');
}

/** The store is back for all of them, and they stop as they are to. */
async function leave(pipe, lanes) {
  pipe.heal();
  for (const lane of lanes) assert.equal((await lane.stop()).code, 0);
  pipe.stop();
}
/** … once the whole answer was read through the other lane. */
async function leaveWhole(other, pipe, lanes) {
  await other.done;
  assertLegal(other);
  assert.deepEqual(read(other).texts, [whole()]);
  await leave(pipe, lanes);
}

test('a lane that stays cut off from the store leaves its turn to whoever took it over', async () => {
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('cut', [], { store: pipe.url });
  const b = await world.lane('b');
  const first = chat(cut.base, `${held('left')};delay=250`, { id: 'left' });
  await fifth(first);
  const other = resume(b, 'left');
  await fifth(other);
  await cutOff(pipe, b);
  await world.release('left');
  await first.done; // it gave up
  assert.notEqual(heard(first), whole());
  await leaveWhole(other, pipe, [cut, b]);
});

test('a lane that is cut off and has no room left says so, and not that another lane took the turn', async () => {
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('narrow', ['--limit', 'total-log=2k', '--limit', 'store-outage=20s'], { store: pipe.url });
  const b = await world.lane('wide');
  const first = chat(cut.base, `${held('narrow', 80)};delay=15`, { id: 'narrow' });
  await fifth(first);
  const other = resume(b, 'narrow');
  await fifth(other);
  await cutOff(pipe, b);
  await world.release('narrow');
  await Promise.all([first.done, other.done]);
  assertLegal(other);
  assert.equal(read(other).texts[0].split(' ').length, 80);
  assertLegal(first);
  assertOneError(first, { code: 'overloaded', retryable: true });
  const ended = await cut.until(() => cut.stderr.split('\n').find((line) => line.includes('"turn_ended"') && line.includes('"narrow"')), 'the end in the log');
  const { reason, cause, terminal } = JSON.parse(ended);
  assert.deepEqual({ reason, cause, terminal }, { reason: 'overloaded', cause: 'all logs together are full', terminal: 'turn_aborted' });
  await leave(pipe, [cut, b]);
});

test('a lane that stays cut off from the store leaves also a turn that says nothing', async () => {
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('silent', [], { store: pipe.url });
  const b = await world.lane('hears');
  const first = await begun(cut, 'says-nothing');
  const other = resume(b, 'says-nothing');
  await fifth(other);
  await cut.until(async () => (await metric(cut, 'store_unacked_bytes')) === 0, 'its words in the store: it has nothing to write');
  await cutOff(pipe, b);
  await first.done;
  assertLegal(first);
  assertOneError(first, { code: 'turn_aborted', retryable: true });
  await world.release('says-nothing');
  await leaveWhole(other, pipe, [cut, b]);
});

test('the turn-time of a lane that is cut off from the store does not stop the turn that another one took over', async () => {
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('too-long', ['--limit', `turn-time=${limit(10000)}ms`, '--limit', 'store-outage=1m'], { store: pipe.url });
  const b = await world.lane('goes-on');
  const first = await begun(cut, 'overtime');
  const other = resume(b, 'overtime');
  await fifth(other);
  await cutOff(pipe, b);
  await first.done;
  assertLegal(first);
  assertOneError(first, { code: 'turn_aborted', retryable: true });
  await sleep(300); // an interrupt would have come to Codex
  await world.release('overtime');
  await leaveWhole(other, pipe, [cut, b]);
});

test('a lane that is cut off from the store and from Codex stops nothing, when both are back, that another one took over', async () => {
  const way = await Wire.start(world.server.port);
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('of-both', ['--limit', `reconnect=${limit(3000)}ms`, '--limit', 'store-outage=1m'], { store: pipe.url, codex: new URL(way.base).port });
  const b = await world.lane('has-both');
  const first = await begun(cut, 'both-cut');
  const other = resume(b, 'both-cut');
  await fifth(other);
  way.down = true;
  way.cut();
  await cutOff(pipe, b);
  await first.done;
  assertLegal(first);
  assertOneError(first, { code: 'authority_lost', retryable: true });
  way.down = false;
  pipe.heal();
  await cut.until(async () => (await send(cut.base, { path: '/readyz' })).status === 200, 'the store and Codex');
  await turnWorks(cut, 'after-both'); // an interrupt would have come before it
  await world.endsWhole('both-cut', other);
  await leave(pipe, [cut, b]);
  way.stop();
});

test('the last lane that is left takes the next message of a conversation whose lane was killed', async () => {
  const dying = await world.lane('dying');
  const last = await world.lane('last');
  const first = await begun(dying, 'next');
  first.destroy();
  await dying.until(() => ['', '0'].includes(world.redis.cli('HVALS', `oa:r:${first.headers['x-oa-turn-id']}`)), 'no reader');
  await dying.kill();
  await sleep(limit(1500) - 1500); // the lease is longer on a slow machine, what a message waits for is not
  await turnWorks(last, 'next');
  const messages = (await send(last.base, { path: '/api/chats/next/messages' })).text;
  assert.equal(messages.split('"role":"user"').length, 3, 'two questions');
  assert.equal((await last.stop()).code, 0, 'it takes no turn of the next test');
});

test('a turn that was taken while its lane stood still counts once, whatever it says first', async () => {
  const stands = await world.lane('stands');
  const b = await world.lane('taker');
  const ids = ['stood-0', 'stood-1', 'stood-2'];
  const firsts = await Promise.all(ids.map((id) => begun(stands, id)));
  const before = await metric(b, 'adopted_total');
  stands.signal('SIGSTOP');
  await b.until(async () => (await metric(b, 'adopted_total')) === before + ids.length, 'the takeover');
  for (const id of ids) await world.release(id);
  await b.until(async () => (await metric(b, 'turns_held')) === 0, 'their ends');
  stands.signal('SIGCONT');
  await Promise.all(firsts.map((first) => first.done));
  assert.equal(await metric(stands, 'fenced_total'), ids.length);
  for (const lane of [stands, b]) assert.equal((await lane.stop()).code, 0);
});

test('a page that is reloaded on the lane that lost its turn reads it on, and stops it', async () => {
  const stands = await world.lane('lost');
  const b = await world.lane('found');
  const [first, second] = await Promise.all(['reloaded', 'stopped'].map((id) => begun(stands, id)));
  const before = await metric(b, 'adopted_total');
  await stands.until(async () => (await metric(stands, 'store_unacked_bytes')) === 0, 'the store to have the words');
  stands.signal('SIGSTOP');
  await b.until(async () => (await metric(b, 'adopted_total')) === before + 2, 'the takeover');
  stands.signal('SIGCONT');
  await Promise.all([first.done, second.done]);
  const again = resume(stands, 'reloaded');
  await fifth(again);
  const stop = await send(stands.base, { method: 'POST', path: '/api/chats/stopped/stop', body: {} });
  assert.equal(stop.json().data.status, 'stopped');
  await b.until(async () => (await metric(b, 'turns_held')) === 1, 'the stop');
  await world.endsWhole('reloaded', again);
  for (const lane of [stands, b]) assert.equal((await lane.stop()).code, 0);
});

test('what the store does not have yet, and endings told without it, are counted', async () => {
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('counts', ['--limit', 'store-outage=1m', '--limit', 'lease=10s'], { store: pipe.url });
  const first = await begun(cut, 'counted', ';delay=20');
  assert.equal(await metric(cut, 'store_unsettled_ends_total'), 0);
  pipe.refuse = true;
  pipe.cut();
  await world.endsWhole('counted', first);
  await cut.until(async () => (await metric(cut, 'store_unacked_bytes')) > 0, 'bytes that are not stored');
  assert.equal(await metric(cut, 'store_unsettled_ends_total'), 1);
  pipe.heal();
  await cut.until(async () => (await metric(cut, 'store_unacked_bytes')) === 0 && (await metric(cut, 'turns_held')) === 0, 'the rest in the store');
  assert.equal((await cut.stop()).code, 0);
  pipe.stop();
});

test('a lane is killed together with its Codex server: the turn ends with the same error as on a lane that lives', async () => {
  const dying = await world.lane('dies-too');
  const b = await world.lane('is-left');
  const first = await begun(dying, 'both-gone');
  const other = resume(b, 'both-gone');
  await fifth(other);
  const { home, port } = world.server;
  await Promise.all([world.server.kill(), dying.kill()]);
  world.server = await startCodexServer({ home, port });
  await Promise.all([first.done, other.done]);
  assertLegal(other);
  assertOneError(other, { code: 'authority_lost', retryable: true });
  assert.deepEqual([await metric(b, 'terminal_total'), await metric(b, 'terminal_total{class="codex_error",route="/api/chat"}')], [1, 1]);
  assert.equal((await b.stop()).code, 0);
});

test('Codex has ended a dead lane’s turn and cannot tell it at once: it is asked again, the turn is not lost', async () => {
  const dying = await world.lane('dies-late');
  const relay = await startCodexRelay(world.server.port, { refuse: ({ method }) => method === 'thread/turns/list' && relay.refused < 2 });
  const first = await begun(dying, 'asked-again');
  await dying.until(async () => (await metric(dying, 'store_unacked_bytes')) === 0, 'the store to have the words');
  await dying.kill();
  await first.done;
  await world.release('asked-again');
  await world.server.until(() => ended('asked-again'), 'the end of the turn');
  const b = await world.lane('settles', [], { codex: relay.port });
  await b.until(async () => (await metric(b, 'reaped_total')) === 1, 'its end');
  const again = resume(b, 'asked-again');
  await again.done;
  assertLegal(again);
  assert.deepEqual(read(again).texts, [whole()]);
  const { status, finishReason } = read(again).finish.messageMetadata;
  assert.deepEqual([status, finishReason], ['completed', 'stop']);
  assert.equal(relay.refused, 2);
  assert.equal((await b.stop()).code, 0);
  relay.stop();
});

test('a start whose answer is lost with the connection does not stop the turn that another lane began meanwhile', async () => {
  const way = await Wire.start(world.server.port);
  let asked = false;
  const relay = await startCodexRelay(new URL(way.base).port, {
    refuse: ({ method }) => {
      if (method !== 'turn/start' || !asked) return false;
      way.down = true;
      for (const socket of relay.sockets) socket.destroy();
      return true;
    },
  });
  const cut = await world.lane('unanswered', [], { codex: relay.port });
  const b = await world.lane('answers');
  await chat(cut.base, 'scenario:text;words=3', { id: 'unsure' }).done;
  asked = true;
  const lost = await chat(cut.base, 'scenario:text;words=3', { id: 'unsure' }).done;
  assert.ok(lost.status >= 500, `${lost.status} ${lost.text}`);
  const other = await begun(b, 'unsure');
  const before = cut.stderr.split('is ready, at ws://').length;
  way.down = false;
  await cut.until(() => cut.stderr.split('is ready, at ws://').length > before, 'a new connection');
  await cut.until(() => cut.stderr.includes('is given up: codex did not answer it'), 'the end of the start');
  await world.endsWhole('unsure', other);
  for (const lane of [cut, b]) assert.equal((await lane.stop()).code, 0);
  relay.stop();
  way.stop();
});

test('a start whose answer is lost with a chat that it made is stopped: nobody else would', async () => {
  const way = await Wire.start(world.server.port);
  const stops = [];
  const relay = await startCodexRelay(new URL(way.base).port, {
    refuse: ({ method, params }) => {
      if (method === 'turn/interrupt') stops.push(params);
      if (method !== 'turn/start' || way.down || stops.length > 0) return false;
      way.down = true;
      for (const socket of relay.sockets) socket.destroy();
      return true;
    },
  });
  const cut = await world.lane('unanswered-new', [], { codex: relay.port });
  const before = cut.stderr.split('is ready, at ws://').length;
  const lost = await chat(cut.base, 'scenario:text;words=3', { id: 'unsure-new' }).done;
  assert.ok(lost.status >= 500, `${lost.status} ${lost.text}`);
  way.down = false;
  await cut.until(() => cut.stderr.split('is ready, at ws://').length > before && stops.length > 0, 'an interrupt');
  assert.equal(stops.length, 1);
  assert.equal((await cut.stop()).code, 0);
  relay.stop();
  way.stop();
});

test('a start that Codex never gets stops nothing: the message that is sent again runs on another lane', async () => {
  let armed = false;
  const stops = [];
  const relay = await startCodexRelay(world.server.port, {
    refuse: ({ method, params }) => {
      if (method === 'turn/interrupt') stops.push(params);
      return armed && method === 'turn/start' ? new Promise(() => {}) : false;
    },
  });
  const cut = await world.lane('unheard', [], { codex: relay.port });
  const b = await world.lane('unheard-b');
  assertLegal(await chat(cut.base, 'scenario:text;words=5', { id: 'unheard', messageId: 'm1' }).done);
  await sleep(1500); // the lane looks whether Codex stored that one
  armed = true;
  const lost = await chat(cut.base, held('unheard'), { id: 'unheard', messageId: 'm2' }).done;
  assert.equal(lost.status, 504, lost.text);
  const second = chat(b.base, held('unheard'), { id: 'unheard', messageId: 'm2' });
  await fifth(second);
  await sleep(limit(6000)); // longer than the lane waits for a turn to stop
  await world.release('unheard');
  await second.done;
  assertLegal(second);
  assert.equal(heard(second), whole());
  assert.deepEqual(stops, []);
  const listed = (await send(b.base, { path: '/api/chats/unheard/messages' })).json().data.map(({ role }) => role);
  assert.deepEqual(listed, ['user', 'assistant', 'user', 'assistant']);
  for (const lane of [cut, b]) assert.equal((await lane.stop()).code, 0);
  relay.stop();
});

test('a lane that left its turn while it was rejoining it does not stop it where it runs on', async () => {
  let go, armed = false, asked = false;
  const heldBack = new Promise((done) => { go = done; }), stops = [];
  const relay = await startCodexRelay(world.server.port, {
    refuse: ({ method, params }) => {
      if (method === 'turn/interrupt') stops.push(params);
      if (method !== 'thread/resume' || !armed) return false;
      asked = true;
      return heldBack;
    },
  });
  const pipe = await startPipe(world.redis.port);
  const cut = await world.lane('rejoining', [], { store: pipe.url, codex: relay.port });
  const b = await world.lane('rejoining-b');
  const first = chat(cut.base, held('rejoining'), { id: 'rejoining' });
  await fifth(first);
  const other = resume(b, 'rejoining');
  await fifth(other);
  armed = true;
  for (const socket of relay.sockets) socket.destroy();
  await cutOff(pipe, b);
  await cut.until(() => asked, 'the resume on the new connection');
  pipe.heal();
  await first.done; // the lane knows by now that the turn is another one's
  go(false);
  await world.release('rejoining');
  await leaveWhole(other, pipe, [cut, b]);
  assert.deepEqual(stops, []);
  relay.stop();
});

test('a copy that is cut off while it is made goes with the conversation that its user deletes', async () => {
  let forked = false;
  const relay = await startCodexRelay(world.server.port, {
    refuse: ({ method }) => {
      if (method === 'thread/fork') forked = true;
      if (method !== 'thread/attachment/list' || !forked) return false;
      forked = false;
      for (const socket of relay.sockets) socket.destroy();
      return true;
    },
  });
  const lane = await world.lane('copies', [], { codex: relay.port });
  assertLegal(await chat(lane.base, 'scenario:text;words=5 xylograph', { id: 'copied' }).done);
  const copy = await send(lane.base, { method: 'POST', path: '/api/chats/copied/fork', body: { id: 'copy' } });
  assert.equal(copy.status, 503, copy.text);
  const deletes = () => send(lane.base, { method: 'DELETE', path: '/api/chats/copied' });
  await lane.until(async () => (await deletes()).status === 204, 'the connection');
  const kept = () => fs.readdirSync(world.server.home, { recursive: true }).map((name) => path.join(world.server.home, name)).filter((file) => file.endsWith('.jsonl') && fs.readFileSync(file, 'utf8').includes('xylograph'));
  await lane.until(() => kept().length === 0, 'the text to go');
  assert.equal((await lane.stop()).code, 0);
  relay.stop();
});

for (const [how, change] of [
  ['deleted', async (b, id) => assert.equal((await send(b.base, { method: 'DELETE', path: `/api/chats/${id}` })).status, 204)],
  ['replaced', async (b, id) => assertLegal(await chat(b.base, 'scenario:text;words=6', { id, messageId: 'm1', trigger: 'regenerate-message' }).done)],
]) {
  test(`a turn that another lane ${how} is not one that Codex could not save`, async () => {
    let go, looks = 0;
    const heldBack = new Promise((done) => { go = done; });
    const relay = await startCodexRelay(world.server.port, {
      refuse: ({ method, params }) => {
        if (method !== 'thread/turns/list' || params.itemsView !== 'summary') return false;
        looks += 1;
        return looks === 1 ? heldBack : false;
      },
    });
    const a = await world.lane(`saving-${how}`, [], { codex: relay.port });
    const b = await world.lane(`saving-${how}-b`);
    const other = await begun(a, `beside-${how}`);
    const id = `saved-${how}`;
    assertLegal(await chat(a.base, 'scenario:text;words=5', { id, messageId: 'm1' }).done);
    await a.until(() => looks === 1, 'the look into the history');
    await change(b, id);
    go(false);
    await sleep(6000); // five looks, a second apart
    await world.release(`beside-${how}`);
    await other.done;
    assertLegal(other);
    assert.equal(heard(other), whole());
    assert.doesNotMatch(a.stderr, /cannot save/);
    for (const lane of [a, b]) assert.equal((await lane.stop()).code, 0);
    relay.stop();
  });
}

for (const { what, held: method, ask, status } of [
  { what: 'deletes', held: 'thread/delete', status: 503, ask: (lane, id) => send(lane.base, { method: 'DELETE', path: `/api/chats/${id}` }) },
  { what: 'makes', held: 'thread/name/set', status: 409, ask: (lane, id) => send(lane.base, { method: 'POST', path: '/api/chats', body: { id, title: 'Quito' } }) },
]) {
  test(`a lane that is cut off while it ${what} a conversation lists it as another lane has it since`, async () => {
    let go, asked = false;
    const held = new Promise((done) => { go = done; });
    const relay = await startCodexRelay(world.server.port, {
      refuse: (request) => {
        if (request.method !== method || !armed || asked) return false;
        asked = true;
        return held;
      },
      error: { code: -32600, message: 'no rollout found for thread id' },
    });
    let armed = false;
    const pipe = await startPipe(world.redis.port);
    const cut = await world.lane(`${what}-cut`, [], { store: pipe.url, codex: relay.port });
    const b = await world.lane(`${what}-b`);
    const listed = async (lane) => (await send(lane.base, { path: '/api/chats' })).json().data.find(({ id }) => id === what)?.title;
    if (what === 'deletes') await chat(cut.base, 'scenario:text;words=3', { id: what }).done;
    armed = true;
    const answer = ask(cut, what);
    await cut.until(() => asked, 'the request at Codex');
    pipe.refuse = true;
    pipe.cut();
    await b.until(async () => (await chat(b.base, 'scenario:text;words=3', { id: what }).done).status === 200, 'the lease to end');
    const named = await send(b.base, { method: 'PATCH', path: `/api/chats/${what}`, body: { title: 'Lima' } });
    assert.equal(named.status, 200, named.text);
    pipe.heal();
    await cut.until(async () => await metric(cut, 'store_up') === 1 && await listed(cut) === 'Lima', 'what the other lane made of it');
    go(what === 'deletes');
    assert.equal((await answer).status, status, (await answer).text);
    assert.deepEqual([await listed(cut), await listed(b)], ['Lima', 'Lima']);
    for (const lane of [cut, b]) assert.equal((await lane.stop()).code, 0);
    pipe.stop();
    relay.stop();
  });
}
