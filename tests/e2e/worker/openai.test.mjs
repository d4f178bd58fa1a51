// What a worker's lane answers below /v1: the one new message of a user, and by name what it cannot honour.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { oa } from '../lib/process.mjs';
import { World } from './world.mjs';

let world;
before(async () => { world = await World.start(); });
after(() => world.stop());

const MODEL = 'worker';
const user = { role: 'user', content: 'hi' };
async function post(path, body) {
  const answer = await fetch(`${world.lane.base}/v1/${path}`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: MODEL, ...body }),
  });
  return { status: answer.status, body: await answer.json() };
}
const schema = { name: 'a', schema: { type: 'object', properties: {} } };

test('a worker\'s lane refuses what it cannot honour by its place, and runs no turn', async () => {
  const started = () => world.fake.log.filter((entry) => entry.what === 'http' && entry.rpc === 'turn/start').length;
  assert.equal((await post('chat/completions', { messages: [user] })).status, 200);
  const { status, body: first } = await post('responses', { input: 'hi' });
  assert.equal(status, 200);
  const before = started();
  for (const [path, body, param] of [
    ['chat/completions', { messages: [{ role: 'system', content: 'x' }, user] }, 'messages[0].role'],
    ['chat/completions', { messages: [user, { role: 'assistant', content: 'x' }, user] }, 'messages[0]'],
    ['chat/completions', { messages: [user], response_format: { type: 'json_schema', json_schema: schema } }, 'response_format.type'],
    ['chat/completions', { messages: [user], response_format: { type: 'json_object' } }, 'response_format.type'],
    ['responses', { input: 'hi', instructions: 'x' }, 'instructions'],
    ['responses', { input: [{ role: 'developer', content: 'x' }, user] }, 'input[0].role'],
    ['responses', { input: [user, user] }, 'input[0]'],
    ['responses', { input: 'hi', previous_response_id: first.id }, 'previous_response_id'],
    ['responses', { input: 'hi', previous_response_id: 'resp_unknown' }, 'previous_response_id'],
    ['responses', { input: 'hi', text: { format: { type: 'json_schema', ...schema } } }, 'text.format.type'],
    ['responses', { input: 'hi', text: { format: { type: 'json_object' } } }, 'text.format.type'],
  ]) {
    const answer = await post(path, body);
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    assert.deepEqual([answer.body.error.code, answer.body.error.param], ['unsupported_value', param], answer.body.error.message);
  }
  for (const [path, body, param] of [
    ['chat/completions', { messages: [{ role: 'user', content: '' }] }, 'messages[0].content'],
    ['responses', { input: ' ' }, 'input'],
    ['responses', { input: [{ role: 'user', content: [] }] }, 'input[0].content'],
  ]) {
    const answer = await post(path, body);
    assert.deepEqual([answer.status, answer.body.error.param], [400, param], JSON.stringify(answer.body));
  }
  assert.equal(started(), before);
  const long = 'x'.repeat(20_001);
  for (const [path, param, body] of [['chat/completions', 'messages', { messages: [{ role: 'user', content: long }] }], ['responses', 'input', { input: long }]]) {
    const { status, body: { error } } = await post(path, body);
    assert.deepEqual([status, error.code, error.param], [400, 'string_above_max_length', param], error.message);
    assert.match(error.message, /at most 20000 characters in a message: send a shorter one/);
  }
});

for (const api of ['completions', 'responses']) {
  test(`smoke ${api} finds no fault in it`, async () => {
    const run = await oa(['smoke', api, '--base-url', world.lane.base, '--json'], { ms: 60000 });
    const report = run.json();
    assert.deepEqual(report.checks.filter((one) => !['PASS', 'SKIPPED'].includes(one.verdict)), []);
    assert.equal(report.verdict, 'PASS', run.stdout);
    assert.match(report.checks.find((one) => one.id === `${api}.spellings`).detail, /instructions are refused by name/);
  });
}

test('smokes of a lane whose minute of commands is used up name the wait, and find no fault', async () => {
  const world = await World.start({ flags: ['--limit', 'worker-requests=10'] });
  try {
    for (const kind of ['completions', 'responses']) {
      const run = await oa(['smoke', kind, '--base-url', world.lane.base, '--json'], { ms: 90000 });
      const report = run.json();
      assert.deepEqual(report.checks.filter((one) => one.verdict === 'FAIL').map((one) => `${one.id}: ${one.detail}`), []);
      const limited = report.checks.find((one) => one.id === `${kind}.spellings`);
      assert.equal(limited.verdict, 'ERROR', limited.detail);
      assert.match(limited.detail, /^the target asks to wait \d+s: .*503/);
      assert.equal(report.verdict, 'ERROR', run.stdout);
    }
  } finally { await world.stop(); }
});
