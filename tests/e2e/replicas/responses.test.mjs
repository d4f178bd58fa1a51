// Stored responses of two lanes: whatever one of them answered, the other goes on from, tells and
// deletes, as one lane alone does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import zlib from 'node:zlib';
import { open, send } from '../lib/http.mjs';
import { as, tokensOf } from '../lib/lane.mjs';
import { limit } from '../lib/process.mjs';
import { again, ready } from '../lib/replicas/pair.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { startWorld } from '../lib/replicas/world.mjs';

const tokens = tokensOf(['ann', 'bob']);
let world, pipe, a, b;
before(async () => {
  world = await startWorld({ lease: '3s', args: ['--tokens', tokens, '--limit', `store-wait=${limit(2000)}ms`] });
  pipe = await startPipe(world.redis.port);
  [a, b] = [await world.lane('a', [], { store: pipe.url }), await world.lane('b')];
});
after(async () => {
  await world.end();
  pipe.stop();
});

const post = (lane, body, owner = 'ann') => send(lane.base, { method: 'POST', path: '/v1/responses', headers: as(owner), body: { model: 'mock-model', ...body } });
const stored = (lane, method, id, owner = 'ann') => send(lane.base, { method, path: `/v1/responses/${id}`, headers: as(owner) });
async function whole(lane, body) {
  const answer = await post(lane, body);
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
}
const message = (response) => response.output.find((one) => one.type === 'message');
const text = (response) => message(response).content.map((one) => one.text).join('');
const asked = async () => (await world.mock.asked()).items;
/** What the model was told last. */
const told = async () => (await asked()).map((one) => (one.text ?? one.output ?? one.arguments).trim());
const asks = (lane, key) => lane.until(async () => (await world.mock.requests()).some((one) => one.items?.some((item) => item.text?.includes(`key=${key}`))), 'the turn');

test('the other lane goes on from a response, and the model hears all of the conversation', async () => {
  const first = await whole(a, { input: 'scenario:text;words=3' });
  const second = await whole(b, { previous_response_id: first.id, input: 'scenario:text;words=4' });
  assert.equal(second.previous_response_id, first.id);
  const third = await whole(a, { previous_response_id: second.id, input: 'scenario:text;words=5' });
  assert.deepEqual(await told(), ['scenario:text;words=3', text(first), 'scenario:text;words=4', text(second), 'scenario:text;words=5']);
  assert.equal(text(third).split(' ').length, 5);
  // Any earlier one can be continued, more than once.
  await whole(b, { previous_response_id: first.id, input: 'scenario:text;words=2' });
  assert.deepEqual(await told(), ['scenario:text;words=3', text(first), 'scenario:text;words=2']);
});

test('the phase of a message comes to the other lane', async () => {
  const first = await whole(a, { input: 'scenario:phases' });
  await whole(b, { previous_response_id: first.id, input: 'scenario:text;words=1' });
  assert.deepEqual((await asked()).map((item) => item.phase), [undefined, 'commentary', 'final_answer', undefined]);
});

test('items are found by their ids, each said once', async () => {
  const first = await whole(a, { input: 'scenario:text;words=3' });
  const reference = { type: 'item_reference', id: message(first).id };
  await whole(b, { input: [{ role: 'user', content: 'scenario:text;words=3' }, reference, { role: 'user', content: 'scenario:text;words=2' }] });
  assert.deepEqual(await told(), ['scenario:text;words=3', text(first), 'scenario:text;words=2']);
  await whole(b, { previous_response_id: first.id, input: [reference, { role: 'user', content: 'scenario:text;words=1' }] });
  assert.deepEqual(await told(), ['scenario:text;words=3', text(first), 'scenario:text;words=1']);
  const unknown = await post(b, { input: [{ type: 'item_reference', id: `${first.id}.0` }] });
  assert.deepEqual([unknown.status, unknown.json().error.code], [400, 'item_not_found'], 'what a client said has no id');
});

test('calls, their results and an image come to the other lane', async () => {
  const weather = { type: 'function', name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };
  const PNG = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';
  const prompt = `scenario:calls;calls=${encodeURIComponent('[["weather",{"city":"Oslo"}]]')}`;
  const first = await whole(a, { tools: [weather], input: [{ role: 'user', content: [{ type: 'input_image', image_url: PNG }, { type: 'input_text', text: prompt }] }] });
  const call = first.output.find((one) => one.type === 'function_call');
  const next = await whole(b, { tools: [weather], previous_response_id: first.id, input: [{ type: 'function_call_output', call_id: call.call_id, output: 'rain' }] });
  assert.equal(text(next), 'Results: rain');
  assert.deepEqual((await told()).slice(-3), [prompt, call.arguments, 'rain']);
  assert.equal((await asked()).some((item) => item.images === 1), true);
  const unanswered = await post(b, { tools: [weather], previous_response_id: first.id, input: 'hello' });
  assert.equal(unanswered.status, 400, 'a call without its result');
});

test('a response is told and deleted through either lane, and only for its owner', async () => {
  const first = await whole(a, { input: 'scenario:text;words=3', metadata: { a: 'b' } });
  assert.deepEqual((await stored(b, 'GET', first.id)).json(), first);
  for (const lane of [a, b]) {
    assert.equal((await stored(lane, 'GET', first.id, 'bob')).status, 404);
    assert.equal((await stored(lane, 'DELETE', first.id, 'bob')).status, 404);
    const others = await post(lane, { previous_response_id: first.id, input: 'x' }, 'bob');
    assert.deepEqual([others.status, others.json().error.code], [400, 'previous_response_not_found']);
    const item = await post(lane, { input: [{ type: 'item_reference', id: message(first).id }] }, 'bob');
    assert.deepEqual([item.status, item.json().error.code], [400, 'item_not_found']);
  }
  assert.deepEqual((await stored(b, 'DELETE', first.id)).json(), { id: first.id, object: 'response', deleted: true });
  for (const lane of [a, b]) {
    assert.equal((await stored(lane, 'GET', first.id)).status, 404);
    assert.equal((await post(lane, { previous_response_id: first.id, input: 'x' })).status, 400);
  }
});

test('what goes on from a response stays whole when that one is deleted meanwhile', async () => {
  const first = await whole(a, { input: 'scenario:text;words=3' });
  const second = post(a, { previous_response_id: first.id, input: 'scenario:text;words=9;hold=5;key=gone' });
  await asks(a, 'gone');
  assert.equal((await stored(b, 'DELETE', first.id)).status, 200);
  await world.release('gone');
  const kept = (await second).json();
  await whole(b, { previous_response_id: kept.id, input: 'scenario:text;words=2' });
  assert.deepEqual(await told(), ['scenario:text;words=3', text(first), 'scenario:text;words=9;hold=5;key=gone', text(kept), 'scenario:text;words=2']);
});

test('store: false leaves nothing, and a failed response neither', async () => {
  const before_ = world.redis.cli('HGET', 'oa:rq', 'n');
  const unstored = await whole(a, { input: 'scenario:text;words=3', store: false });
  assert.equal((await stored(b, 'GET', unstored.id)).status, 404);
  assert.ok((await post(a, { input: 'scenario:error' })).status >= 500);
  assert.equal(world.redis.cli('HGET', 'oa:rq', 'n'), before_);
});

test('nobody hears the end of a response before the other lane can go on from it', async () => {
  const slow = await startPipe(world.redis.port);
  const c = await world.lane('slow', ['--limit', 'store-wait=10s'], { store: slow.url });
  await whole(c, { input: 'scenario:text;words=1' }); // the store knows the script from now on
  for (const stream of [true, false]) {
    const key = `end-${stream}`;
    const answer = open(c.base, { method: 'POST', path: '/v1/responses', headers: as('ann'), body: { model: 'mock-model', stream, input: `scenario:text;words=9;hold=5;key=${key}` } });
    await asks(c, key);
    let saves = false;
    slow.told = (bytes) => { saves ||= bytes.includes('oa:rs:ann/'); };
    slow.stall('store');
    await world.release(key);
    await c.until(() => saves, 'the response on its way to the store');
    await send(c.base, { path: '/healthz' }); // whatever was to be told with it has been
    assert.deepEqual([answer.complete, answer.body.includes('"completed"')], [false, false], String(answer.body));
    if (stream) await answer.wait(() => answer.body.includes('india'), 'the last word');
    slow.heal();
    await answer.done;
    const id = /"id":"(resp_[0-9a-f]{32})"/.exec(answer.body)[1];
    assert.equal((await stored(b, 'GET', id)).json().status, 'completed');
  }
  assert.equal((await c.stop()).code, 0);
  slow.stop();
});

test('while the store is away a response ends all the same, and one that names another gets 503', async () => {
  const first = (await again(() => post(a, { input: 'scenario:text;words=3' }))).json();
  const held = post(a, { input: 'scenario:text;words=9;hold=5;key=away' });
  await asks(a, 'away');
  pipe.stall();
  await world.release('away');
  assert.equal((await held).status, 200);
  const named = await post(a, { previous_response_id: first.id, input: 'x' });
  assert.deepEqual([named.status, named.headers['retry-after']], [503, '1'], named.text);
  assert.equal((await stored(a, 'GET', first.id)).status, 503);
  assert.equal((await stored(a, 'DELETE', first.id)).status, 503);
  pipe.heal();
  pipe.cut();
  await ready(a);
  assert.equal((await again(() => stored(a, 'GET', first.id))).status, 200);
  assert.match(a.stderr, /no response is stored/);
});

/** A PNG of one grey point and `bytes` of comment, as an input image. */
function largeImage(bytes) {
  const small = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==', 'base64');
  const chunk = Buffer.alloc(bytes + 12, 'A');
  chunk.writeUInt32BE(bytes, 0);
  chunk.write('tEXta\0', 4, 'latin1');
  chunk.writeUInt32BE(zlib.crc32(chunk.subarray(4, bytes + 8)), bytes + 8);
  const png = Buffer.concat([small.subarray(0, -12), chunk, small.subarray(-12)]);
  return { type: 'input_image', image_url: `data:image/png;base64,${png.toString('base64')}` };
}

test('many requests that name a large conversation do not take the store from a lane', async () => {
  const image = largeImage(3 << 20);
  let id;
  for (let i = 0; i < 4; i++) {
    const input = [{ role: 'user', content: [image, { type: 'input_text', text: 'scenario:text;words=2' }] }];
    ({ id } = await whole(b, { previous_response_id: id, input }));
  }
  const named = Array.from({ length: 16 }, () => post(b, { previous_response_id: id, input: [{ type: 'item_reference', id: 'msg_none' }] }));
  const read = Array.from({ length: 16 }, () => stored(b, 'GET', id));
  assert.deepEqual(new Set((await Promise.all(named)).map((one) => one.json().error.code)), new Set(['item_not_found']));
  assert.deepEqual(new Set((await Promise.all(read)).map((one) => one.status)), new Set([200]));
  assert.doesNotMatch(b.stderr, /the store does not answer in time/);
  await whole(b, { previous_response_id: id, input: 'scenario:text;words=2' });
  assert.equal((await asked()).reduce((sum, item) => sum + (item.images ?? 0), 0), 4);
  assert.equal((await stored(b, 'DELETE', id)).status, 200);
});

test('an item that is named very often is read once', async () => {
  const first = await whole(b, { input: 'scenario:text;words=9000' });
  const reference = { type: 'item_reference', id: message(first).id };
  await whole(b, { input: [...Array(9000).fill(reference), { role: 'user', content: 'scenario:text;words=1' }] });
  assert.deepEqual(await told(), [text(first), 'scenario:text;words=1']);
});

test('a response outlives the lane that gave it', async () => {
  const c = await world.lane('c');
  const first = await whole(c, { input: 'scenario:text;words=3' });
  await c.kill();
  await whole(b, { previous_response_id: first.id, input: 'scenario:text;words=2' });
  assert.deepEqual(await told(), ['scenario:text;words=3', text(first), 'scenario:text;words=2']);
});

test('a conversation larger than all that is kept takes nothing else away', async () => {
  const small = await world.lane('small', ['--limit', 'responses-size=30k']);
  const ids = [];
  for (const length of [10, 15_000, 20_000]) {
    const said = await whole(small, { input: `scenario:text;words=2 ${'x'.repeat(length)}`, previous_response_id: ids.at(-1) });
    ids.push(said.id);
  }
  assert.deepEqual(await Promise.all(ids.map(async (id) => (await stored(b, 'GET', id)).status)), [200, 200, 404]);
  assert.equal((await small.stop()).code, 0);
});

test('an owner who stores much loses the own oldest response, nobody else\'s', async () => {
  const few = await world.lane('few', ['--limit', 'responses=4']);
  const first = (await post(few, { input: 'scenario:text;words=2' }, 'bob')).json();
  const own = [];
  for (let i = 0; i < 5; ++i) own.push(await whole(few, { input: 'scenario:text;words=2' }));
  assert.equal((await stored(b, 'GET', first.id, 'bob')).status, 200);
  assert.deepEqual(await Promise.all(own.map(async ({ id }) => (await stored(b, 'GET', id)).status)), [404, 404, 200, 200, 200]);
  assert.equal((await few.stop()).code, 0);
});

test('after responses-kept the store has nothing of a response, and with 0s it never gets one', async () => {
  const none = await world.lane('none', ['--limit', 'responses-kept=0s']);
  const unstored = await whole(none, { input: 'scenario:text;words=3' });
  assert.equal((await stored(b, 'GET', unstored.id)).status, 404);
  assert.equal((await none.stop()).code, 0);
  await whole(a, { input: 'scenario:text;words=3' });
  assert.notEqual(world.redis.cli('KEYS', 'oa:r[si]:*'), '');
  const brief = await world.lane('brief', ['--limit', 'responses-kept=1s']);
  await brief.until(() => world.redis.cli('KEYS', 'oa:r[si]:*') === '', 'an empty store');
  assert.equal(world.redis.cli('HMGET', 'oa:rq', 'n', 'b'), '0\n0');
});
