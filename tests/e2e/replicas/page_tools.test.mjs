// The page's functions where lanes share a store: any lane lists the calls that wait and takes their results,
// and a turn that waits outlives the lane that asked.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertRefused, read } from '../lib/contract.mjs';
import { send } from '../lib/http.mjs';
import { Page, calls, waits } from '../tools/page.mjs';
import { again, dying, script } from '../lib/replicas/pair.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { metric, resume, startWorld } from '../lib/replicas/world.mjs';

const TOOLS = { weather: { parameters: { type: 'object', properties: { city: { type: 'string' } } } }, clock: {} };
const BOTH = calls([['weather', { city: 'Oslo' }], ['clock', {}]]);
const WAIT = { weather: 'input-available', clock: 'input-available' };
const RESULTS = { weather: 'rain', clock: 'noon' };
let world, a, b, n = 0;
before(async () => {
  world = await startWorld({ args: ['--allow', 'tools'] });
  [a, b] = [await world.lane('a'), await world.lane('b')];
});
after(() => world.end());

/** A page whose turn on `lane` waits for both functions. */
async function waiting(lane, text = BOTH) {
  const page = new Page(lane, `page-${++n}`, TOOLS);
  assert.ok(waits(await page.say(text)));
  return page;
}
const through = (page, lane) => Object.assign(page, { lane });
const outputs = async (page) => Object.fromEntries((await page.listed()).at(-1).parts.filter((p) => p.toolCallId).map((p) => [p.type.slice(5), p.output ?? p.errorText ?? p.state]));
/** What the page is told for its results, once a lane that died has lost its lease. */
async function answerAgain(page) {
  const exchange = await again(() => page.post());
  assert.equal(exchange.status, 200, exchange.text);
  return read(exchange);
}

test('asked on one lane, listed and answered through the other', async () => {
  const page = await waiting(a);
  const [, message] = page.messages;
  const shown = await resume(b, page.id).done;
  assert.equal(shown.status, 200);
  assert.deepEqual(Object.keys(read(shown).tools).toSorted(), message.parts.map((part) => part.toolCallId).toSorted());
  assert.deepEqual(await outputs(through(page, b)), WAIT);
  assert.equal((await page.listed()).at(-1).metadata.status, 'waiting-for-tool-results');
  for (const lane of [b, a]) assert.equal((await resume(lane, page.id).done).status, 204, 'the page has it all');
  page.give({ weather: 'rain', clock: { hour: 12 } });
  const done = await page.answer();
  assert.equal(done.start.messageId, message.id);
  assert.deepEqual(done.texts, ['Results: rain | {"hour":12}']);
  for (const lane of [a, b]) assert.deepEqual(await outputs(through(page, lane)), { weather: 'rain', clock: { hour: 12 } });
});

test('one at a time through lanes in turn; the same again is the same answer, anything else is refused', async () => {
  const page = await waiting(a);
  page.give({ weather: 'rain' });
  assert.ok(waits(await through(page, b).answer()), 'it waits for the other one');
  for (const lane of [a, b]) assert.deepEqual(await outputs(through(page, lane)), { ...WAIT, weather: 'rain' });
  const made = { type: 'tool-weather', toolCallId: 'made-up', state: 'output-available', input: {}, output: 'x' };
  const unknown = Object.assign(new Page(b, page.id, TOOLS), { messages: [page.messages[0], { ...page.messages[1], parts: [made] }] });
  assertRefused(await unknown.post(), 422, 'unknown_tool_call');
  page.give({ clock: 'noon' });
  const first = await through(page, b).post();
  assert.deepEqual(read(first).texts, ['Results: rain | noon']);
  for (const lane of [a, b]) assert.equal((await through(page, lane).post()).text, first.text);
  page.parts().find((part) => part.type === 'tool-clock').output = 'midnight';
  for (const lane of [b, a]) assertRefused(await through(page, lane).post(), 409, 'already_answered');
});

test('rounds of calls, each answered through another lane, are one message', async () => {
  const page = await waiting(a, calls([['weather', { city: 'Rome' }]], ';rounds=3'));
  for (const [round, lane] of [b, a, b].entries()) {
    page.give((part, at) => `sun ${at}`);
    const seen = await through(page, lane).answer();
    assert.equal(seen.start.messageId, page.messages[1].id);
    if (round < 2) assert.ok(waits(seen));
    else assert.deepEqual(seen.texts, ['Results: sun 0 | sun 1 | sun 2']);
  }
});

for (const how of ['kill', 'stop']) {
  test(`the lane that asked is gone (${how}): the other one knows what was answered, and goes on`, async () => {
    const dying = await world.lane(`dying-${how}`);
    const [whole, half, stopped, left] = [await waiting(dying), await waiting(dying), await waiting(dying), await waiting(dying)];
    half.give({ weather: 'rain' });
    assert.ok(waits(await half.answer()));
    if (how === 'kill') await dying.kill();
    else assert.equal((await dying.stop()).code, 0);

    whole.give(RESULTS);
    const done = await answerAgain(through(whole, b));
    assert.equal(done.start.messageId, whole.messages[1].id);
    assert.deepEqual(done.texts, ['Results: rain | noon']);
    half.give({ clock: 'r1' });
    assert.deepEqual((await answerAgain(through(half, a))).texts, ['Results: rain | r1']);

    await again(() => send(b.base, { path: `/api/chats/${stopped.id}/messages` }), (x) => x.text.includes('waiting-for-tool-results'));
    const { data } = (await send(b.base, { method: 'POST', path: `/api/chats/${stopped.id}/stop`, body: {} })).json();
    assert.equal(data.status, 'stopped');
    assert.deepEqual(await outputs(through(stopped, a)), WAIT, 'nobody answered them');
    stopped.give(RESULTS);
    assert.equal((await stopped.post()).status, 200, 'they begin the next turn');

    // A page without automatic sending; the first that this lane hears of the conversation.
    left.give(RESULTS);
    left.messages.push({ id: 'u-9', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=2' }] });
    const next = await again(() => through(left, b).post());
    assert.deepEqual(read(next).texts, ['alpha bravo']);
    const told = (await world.mock.asked()).items.at(-1).text;
    assert.match(told, /"name":"weather","output":"rain"/);
  });
}

test('a message with results, and an Idempotency-Key of its own, takes over a turn that only Codex knows', async () => {
  const lost = await world.lane('dying-unknown');
  const page = await waiting(lost);
  await through(page, b).listed();
  await lost.kill();
  const [row, turn] = [`oa:t:/${page.id}`, page.messages[1].id];
  assert.equal(world.redis.cli('HGET', row, 'ti'), turn);
  world.redis.cli('DEL', row, `oa:l:${turn}`);
  page.give(RESULTS);
  const messages = [...page.messages, { id: 'u-9', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=2' }] }];
  const ask = () => send(b.base, { method: 'POST', path: `/api/chats/${page.id}/stream`, headers: { 'idempotency-key': 'ahead' }, body: { id: page.id, messages, tools: TOOLS } });
  const answer = await ask();
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(read(answer).texts, ['alpha bravo']);
  assert.equal((await ask()).text, answer.text);
});

/** The first of these exchanges that is answered by a stream. */
const opened = (begin) => again(async () => {
  const x = begin();
  await x.wait((y) => y.status, 'an answer');
  return x;
});
/** A page whose function another service called: its result begins the conversation. */
const moved = (lane, id, text) => Object.assign(new Page(lane, id, TOOLS), { messages: [
  { id: 'old-1', role: 'user', parts: [{ type: 'text', text }] },
  { id: 'old-2', role: 'assistant', parts: [{ type: 'tool-weather', toolCallId: 'old-call', state: 'output-available', input: {}, output: 'sun' }] },
] });

test('results that began a turn get its answer again through the other lane, and from one that took it over', async () => {
  const page = moved(a, 'again', 'scenario:text;words=4;hold=2;key=again');
  const running = page.begin();
  await running.frame('text-delta');
  const repeats = [through(page, b).begin(), through(page, a).begin()];
  await world.release('again');
  for (const x of [running, ...repeats]) await x.done;
  for (const lane of [b, a]) repeats.push(await through(page, lane).post());
  for (const x of repeats) assert.deepEqual([x.status, x.text], [200, running.text]);
  page.parts()[0].output = 'rain';
  for (const lane of [b, a]) assertRefused(await through(page, lane).post(), 409, 'already_answered');

  const stopped = await waiting(a);
  await send(a.base, { method: 'POST', path: `/api/chats/${stopped.id}/stop`, body: {} });
  stopped.give(RESULTS);
  const next = await stopped.post();
  assert.equal(next.status, 200, next.text);
  assert.equal((await through(stopped, b).post()).text, next.text);

  const lost = await world.lane('dying-again');
  const left = moved(lost, 'left', 'scenario:text;words=4;hold=2;key=left');
  const cut = left.begin();
  await cut.frame('text-delta');
  const adopted = async () => (await metric(a, 'adopted_total')) + (await metric(b, 'adopted_total'));
  const count = await adopted();
  await lost.kill();
  await again(adopted, (n) => n > count);
  const taken = await opened(() => through(left, b).begin());
  await world.release('left');
  await taken.done;
  assert.deepEqual([taken.status, read(taken).texts], [200, ['alpha bravo charlie delta']]);
});

test('the same results through two lanes at once begin one turn, and get its answer at the next try', async () => {
  const pipe = await startPipe(world.redis.port);
  const late = await world.lane('late', ['--limit', 'store-wait=30s'], { store: pipe.url });
  const pages = [a, late].map((lane) => moved(lane, 'at-once', 'scenario:text;words=10;hold=2;key=at-once'));
  let held = false; // it has seen nobody in the conversation, and is about to take it
  pipe.told = (text) => {
    if (held || !script(11, 'at-once')(text)) return;
    held = true;
    for (const { store } of pipe.pairs) store.cork();
  };
  const second = pages[1].begin();
  await late.until(() => held, 'the second start');
  const first = pages[0].begin();
  await first.frame('text-delta');
  for (const { store } of pipe.pairs) store.uncork();
  await second.done;
  assertRefused(second, 409, 'turn_in_progress');
  assert.equal(second.headers['retry-after'], '2');
  await world.release('at-once');
  await first.done;
  for (const page of pages) assert.equal((await page.post()).text, first.text);
  assert.equal((await pages[0].listed()).length, 3);
  assert.equal((await late.stop()).code, 0);
  pipe.stop();
});

test('a lane dies before the first word of an answer to results: what is read elsewhere goes on with the page’s message', async () => {
  const lane = await dying(world, 'wordless', ['--allow', 'tools']);
  const first = moved(lane, 'wordless', 'scenario:text;words=4;hold=2;key=wordless').begin();
  await lane.dieAt(script(31, 'wordless'), 'answer');
  await first.done;
  const elsewhere = await opened(() => resume(b, 'wordless'));
  await world.release('wordless');
  await elsewhere.done;
  const seen = read(elsewhere);
  assert.deepEqual([seen.start.messageId, seen.texts], ['old-2', ['alpha bravo charlie delta']]);
});

test('a stop and a newer message end the wait from the other lane', async () => {
  const [stopped, left] = [await waiting(a), await waiting(a)];
  const { data } = (await send(b.base, { method: 'POST', path: `/api/chats/${stopped.id}/stop`, body: {} })).json();
  assert.equal(data.status, 'stopped');
  assert.deepEqual(await outputs(through(stopped, b)), WAIT);
  stopped.give(RESULTS);
  const next = await stopped.post();
  assert.equal(next.status, 200, next.text);

  const [question, asked] = left.messages;
  left.messages = [question, asked, { id: 'u-2', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=2' }] }];
  assert.deepEqual((await through(left, b).answer()).texts, ['alpha bravo']);
  left.messages = [question, asked];
  left.give(RESULTS);
  for (const lane of [a, b]) assertRefused(await through(left, lane).post(), 409, 'tool_call_over');
});

test('a result as large as a request may be comes through, and does not stay in the store', async () => {
  const page = await waiting(a, calls([['weather', { city: 'Oslo' }]]));
  const large = 'x'.repeat(3 << 20);
  page.give([large]);
  const [text] = (await through(page, b).answer()).texts; // Codex leaves out its middle
  assert.ok(text.startsWith('Results: xxxx') && text.endsWith('xxxx'), text.slice(0, 200));
  const used = () => world.redis.cli('KEYS', '*:in:*').split('\n').filter(Boolean).map((key) => Number(world.redis.cli('MEMORY', 'USAGE', key, 'SAMPLES', '0')));
  await a.until(() => Math.max(...used()) < 1 << 20, 'small inboxes').catch((error) => assert.fail(`${error.message}: ${used()} bytes`));
});
