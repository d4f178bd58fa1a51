// Responses of the model that fail, are cut short, break or just end behind a whole call. Codex tells nothing of it until
// that call is answered. Each test waits for the ten seconds after which the lane takes such a response for ended.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chatConfig, codexBin, startCodexLane, startMock } from '../lib/codex.mjs';
import { open } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit } from '../lib/process.mjs';
import { Page, waits } from './page.mjs';

let mock, lane;
before(async () => {
  mock = await startMock();
  lane = await startLane({ authority: 'codex', name: 'call-end', args: ['--codex-bin', codexBin(), '--provider-url', `http://127.0.0.1:${mock.port}/v1`, '--model', 'mock-model', '--allow', 'tools'] });
});
after(async () => {
  assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});

const prompt = (how) => `scenario:call-end;how=${how}`;
const v1 = async (path, body) => {
  const exchange = open(lane.base, { method: 'POST', path: `/v1/${path}`, body: { model: 'mock-model', ...body }, ms: limit(60000) });
  await exchange.done;
  return exchange;
};
const ask = (how, stream) => v1('chat/completions', { stream, messages: [{ role: 'user', content: prompt(how) }], tools: [{ type: 'function', function: { name: 'f' } }] });
const TOOLS = { f: { parameters: { type: 'object', properties: {} } } };

describe('a response that ends behind a call', { concurrency: 8 }, () => {
  for (const [how, code] of [['failed', 'turn_failed'], ['drop', 'turn_failed'], ['eof', 'turn_failed']]) {
    test(`/v1 names its failure: ${how}`, async () => {
      const whole = await ask(how, false);
      assert.equal(whole.status, 502, whole.text);
      assert.equal(whole.json().error.code, code, whole.text);
    });
  }

  test('/v1 fails where Codex asks the model again: its next answer would rest on no result', async () => {
    const own = await startCodexLane({ config: (port) => chatConfig(port).replace('stream_max_retries = 0\n', ''), port: mock.port });
    const body = { model: 'mock-model', messages: [{ role: 'user', content: prompt('drop') }], tools: [{ type: 'function', function: { name: 'f' } }] };
    const whole = open(own.base, { method: 'POST', path: '/v1/chat/completions', body, ms: limit(60000) });
    await whole.done;
    assert.equal(whole.status, 502, whole.text);
    assert.equal(whole.json().error.code, 'turn_failed', whole.text);
    assert.equal((await own.stop()).code, 0);
  });

  test('/v1 tells the calls of one that reached the limit of the model', async () => {
    const whole = await ask('incomplete', false);
    assert.equal(whole.status, 200, whole.text);
    const [choice] = whole.json().choices;
    assert.deepEqual([choice.finish_reason, choice.message.tool_calls.map((call) => call.function.arguments)], ['tool_calls', ['{"n":0}']]);
    assert.ok(whole.json().usage, whole.text);
  });

  test('a stream of /v1 and a response end so, too', async () => {
    const streamed = await ask('failed', true);
    assert.match(streamed.text, /"name":"f"[\s\S]*"error":\{/);
    const response = await v1('responses', { input: prompt('incomplete'), tools: [{ type: 'function', name: 'f' }] });
    assert.deepEqual(response.json().output.map((item) => item.type), ['function_call'], response.text);
  });

  for (const how of ['failed', 'incomplete', 'drop', 'eof']) {
    test(`a chat is asked for the result, and then told the end: ${how}`, async () => {
      const page = new Page(lane, `end-${how}`, TOOLS);
      const asked = await page.say(prompt(how));
      assert.ok(waits(asked), JSON.stringify(asked.finish));
      page.give(['done']);
      const exchange = await page.post();
      assert.equal(exchange.status, 200, exchange.text);
      assert.match(exchange.text, /"tool-output-available"/);
      assert.match(exchange.text, how === 'incomplete' ? /"finishReason":"length"/ : /"type":"error"/);
      assert.deepEqual((await page.states()).map(([, result]) => result), ['done']);
    });
  }

  test('one that only paused goes on: its next call is asked for once the first has its result', async () => {
    const page = new Page(lane, 'paused', TOOLS);
    assert.ok(waits(await page.say('scenario:call-end;how=on;pause=13000;more=1')));
    assert.deepEqual(page.parts().map((part) => part.input), [{ n: 0 }]);
    page.give(['one']);
    assert.ok(waits(await page.answer()));
    assert.deepEqual(page.parts().map((part) => part.input), [{ n: 0 }, { n: 1 }]);
    page.give((part) => `got ${part.input.n}`);
    assert.deepEqual((await page.answer()).texts, ['Results: one | got 1']);
  });

  test('… and under /v1 the answer has both', async () => {
    const whole = await v1('chat/completions', { messages: [{ role: 'user', content: 'scenario:call-end;how=on;pause=13000;more=1' }], tools: [{ type: 'function', function: { name: 'f' } }] });
    assert.equal(whole.status, 200, whole.text);
    const [choice] = whole.json().choices;
    assert.deepEqual([choice.finish_reason, choice.message.tool_calls.map((call) => call.function.arguments)], ['tool_calls', ['{"n":0}', '{"n":1}']]);
  });
});
