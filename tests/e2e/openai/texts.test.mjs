// What becomes of an answer's text in chat completions, over the real Codex: stop sequences, JSON
// objects, reasoning, images in earlier messages and parts that are refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfFile } from '../lib/codex.mjs';

const lane = laneOfFile();

const ask = async (content, more = {}) => {
  const response = await fetch(`${lane.base}/v1/chat/completions`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'mock-model', messages: typeof content === 'string' ? [{ role: 'user', content }] : content, ...more }),
  });
  const text = await response.text();
  if (!more.stream || response.status !== 200) return { status: response.status, ...JSON.parse(text) };
  const frames = text.split('\n\n').filter((one) => one.startsWith('data: ')).map((one) => one.slice(6));
  const chunks = frames.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one));
  const joined = (name) => chunks.map((one) => one.choices?.[0]?.delta[name] ?? '').join('');
  return { status: 200, frames, chunks, text: joined('content'), reasoning: joined('reasoning_content'), finish: chunks.map((one) => one.choices?.[0]?.finish_reason).find(Boolean) };
};
const says = (text, more = '') => `scenario:echo;text=${encodeURIComponent(text)}${more}`;

test('stop cuts the text exactly, also over the borders of deltas, whole and streamed', async () => {
  const text = 'alpha beta gamma delta';
  const cases = [
    [['beta'], 'alpha '], [['a b'], 'alph'], [['pha be', 'gamma'], 'al'], [['delta', 'gam'], 'alpha beta '], [['alpha'], ''],
    [['zzz'], text], [['delta!'], text], [['ta!', 'lta'], 'alpha beta gamma de'], 'mma d',
  ];
  for (const chunk of ['1', '2', '5', 'word']) {
    for (const one of cases) {
      const [stop, want] = Array.isArray(one) ? one : [one, 'alpha beta ga'];
      const whole = await ask(says(text, `;chunk=${chunk}`), { stop });
      assert.deepEqual([whole.choices[0].message.content, whole.choices[0].finish_reason], [want, 'stop'], `${stop} in pieces of ${chunk}`);
      const streamed = await ask(says(text, `;chunk=${chunk}`), { stop, stream: true });
      assert.deepEqual([streamed.text, streamed.finish, streamed.frames.at(-1)], [want, 'stop', '[DONE]'], `${stop} in pieces of ${chunk}`);
    }
  }
});

test('a stopped turn is interrupted, and counts as completed', async () => {
  const began = Date.now();
  const cut = await ask(says('one two three four five six seven eight', ';delay=1500'), { stop: [' two'], stream: true });
  assert.deepEqual([cut.text, cut.finish], ['one', 'stop']);
  assert.ok(Date.now() - began < 10000, `it took ${Date.now() - began} ms of the model's twelve seconds`);
  const line = await lane.until((one) => one.stderr.split('\n').filter((entry) => entry.startsWith('{') && entry.endsWith('}')).map((entry) => JSON.parse(entry)).findLast((entry) => entry.reason === 'stop_text'), 'its line in the access log');
  assert.equal(line.terminal, 'completed');
});

test('an answer that begins with its stop sequence is no empty turn: the model spoke', async () => {
  const empty = async () => Number(/^oa_stream_empty_turns_total\{route="\/v1\/chat\/completions"\} (\d+)$/m.exec(await (await fetch(`${lane.base}/metrics`)).text())?.[1]);
  const before = await empty();
  for (const stream of [false, true]) {
    for (const more of ['', ';delay=300']) {
      const cut = await ask(says('alpha beta', more), { stop: ['alpha'], stream });
      assert.equal(stream ? cut.text : cut.choices[0].message.content, '');
    }
  }
  assert.equal(await empty(), before);
});

test('stop of a wrong type or size is refused', async () => {
  for (const [stop, code] of [[5, 'invalid_type'], [[5], 'invalid_type'], [[''], 'invalid_value'], [['a', 'b', 'c', 'd', 'e'], 'invalid_value']]) {
    const answer = await ask('x', { stop });
    assert.deepEqual([answer.status, answer.error.code, answer.error.param], [400, code, 'stop']);
  }
  for (const stop of [null, []]) assert.equal((await ask(says('Fine.'), { stop })).choices[0].message.content, 'Fine.');
});

test('the last message has as many characters as a chat takes; earlier ones are history', async () => {
  const words = says('Read.');
  const filled = (size) => `${words} ${'ä'.repeat(size - words.length - 1)}`;
  const whole = await ask(filled(200_000));
  assert.deepEqual([whole.status, whole.choices?.[0].message.content], [200, 'Read.']);
  const over = await ask(filled(200_001));
  assert.deepEqual([over.status, over.error.type, over.error.code, over.error.param], [400, 'invalid_request_error', 'string_above_max_length', 'messages[0]']);
  assert.match(over.error.message, /200000 characters; it has 200001/);
  const earlier = await ask([{ role: 'user', content: 'x'.repeat(1 << 20) }, { role: 'assistant', content: 'ok' }, { role: 'user', content: words }]);
  assert.deepEqual([earlier.status, earlier.choices?.[0].message.content], [200, 'Read.']);
});

test('a failure says what happened, whole and streamed', async () => {
  for (const [scenario, status, code, why] of [
    ['scenario:http;status=400;code=context_length_exceeded', 400, 'context_length_exceeded', /longer than the model can take/],
    ['scenario:http;status=429;code=rate_limit_exceeded', 429, 'rate_limit_exceeded', /no more requests for now/],
    ['scenario:http;status=429;code=insufficient_quota', 429, 'insufficient_quota', /usage limit/],
    [`scenario:http;status=400;code=invalid_json_schema;msg=${encodeURIComponent("Invalid schema for response_format 'answer': Missing 'note'.")}`, 400, 'invalid_json_schema', /does not accept a JSON schema/],
    ['scenario:http;status=401', 502, 'turn_failed', /does not accept this assistant's key/],
    ['scenario:http;status=500', 502, 'turn_failed', /could not finish/],
  ]) {
    const whole = await ask(scenario);
    assert.deepEqual([whole.status, whole.error.code], [status, code]);
    assert.match(whole.error.message, why);
    assert.deepEqual(JSON.parse((await ask(scenario, { stream: true })).frames.at(-1)).error, whole.error, scenario);
  }
});

test('json_object is told to the model and checked', async () => {
  const response_format = { type: 'json_object' };
  const good = await ask(says('{"a": [1]}'), { response_format });
  assert.equal(good.choices[0].message.content, '{"a": [1]}');
  const seen = await lane.mock.asked();
  assert.match(JSON.stringify(seen), /one JSON object and nothing else/);
  for (const text of ['[1]', 'Sure: {"a":1}', '{"a":']) {
    const bad = await ask(says(text), { response_format });
    assert.deepEqual([bad.status, bad.error.code], [502, 'json_missing']);
    const frames = (await ask(says(text), { response_format, stream: true })).frames;
    assert.equal(JSON.parse(frames.at(-1)).error.code, 'json_missing');
  }
});

test('commentary beside JSON is reasoning, whole and streamed', async () => {
  const asks = `scenario:phases;b=${encodeURIComponent('{"a":1}')}`;
  const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
  for (const response_format of [{ type: 'json_object' }, { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } }]) {
    const { message } = (await ask(asks, { response_format })).choices[0];
    assert.deepEqual([message.content, message.reasoning_content], ['{"a":1}', 'Working on it.']);
    const two = await ask(asks, { response_format, stream: true });
    assert.deepEqual([two.text, two.reasoning], ['{"a":1}', 'Working on it.']);
  }
  assert.equal((await ask(asks)).choices[0].message.content, 'Working on it.{"a":1}');
});

test('reasoning is reasoning_content, whole and streamed', async () => {
  const whole = await ask('scenario:reasoning;text=Done.');
  assert.equal(whole.choices[0].message.content, 'Done.');
  assert.match(whole.choices[0].message.reasoning_content, /Thinking about part 1/);
  const streamed = await ask('scenario:reasoning;text=Done.', { stream: true });
  assert.deepEqual([streamed.text, streamed.reasoning], ['Done.', whole.choices[0].message.reasoning_content]);
});

test('images in earlier messages reach the model; files and audio are refused by their place', async () => {
  const url = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const image = { role: 'user', content: [{ type: 'text', text: 'See:' }, { type: 'image_url', image_url: { url } }] };
  const answer = await ask([image, { role: 'assistant', content: 'Seen.' }, { role: 'user', content: says('Yes.') }]);
  assert.equal(answer.choices[0].message.content, 'Yes.');
  const seen = await lane.mock.asked();
  assert.deepEqual(seen.items.map((one) => one.images ?? 0), [1, 0, 0]);
  for (const part of [{ type: 'file', file: { file_id: 'f' } }, { type: 'input_audio', input_audio: { data: '', format: 'wav' } }]) {
    const refused = await ask([{ role: 'user', content: [part] }]);
    assert.deepEqual([refused.status, refused.error.code, refused.error.param], [400, 'unsupported_value', 'messages[0].content[0].type']);
    assert.match(refused.error.message, new RegExp(part.type));
  }
});

test('half a character in what was said before is U+FFFD; in what is new it is 400', async () => {
  const post = async (path, body) => {
    const response = await fetch(`${lane.base}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return { status: response.status, json: await response.json() };
  };
  const chat = (old, now) => post('/v1/chat/completions', `{"model":"mock-model","messages":[{"role":"user","content":"${old}"},{"role":"assistant","content":"fine"},{"role":"user","content":"${now}"}]}`);
  const responses = (old, now) => post('/v1/responses', `{"model":"mock-model","input":[{"role":"user","content":"${old}"},{"role":"assistant","content":"fine"},{"role":"user","content":"${now}"}]}`);
  for (const api of [chat, responses]) {
    const kept = await api('cut \\ud83d', says('Yes.'));
    assert.equal(kept.status, 200, JSON.stringify(kept.json));
    const told = JSON.stringify((await lane.mock.asked()).items);
    assert.match(told, /cut \uFFFD/);
    assert.doesNotMatch(told, /\uFFFE|\\ufffe/i);
    const refused = await api('whole', 'cut \\ud83d');
    assert.equal(refused.status, 400, JSON.stringify(refused.json));
    assert.match(refused.json.error.message, /newest message has a surrogate/);
  }
});
