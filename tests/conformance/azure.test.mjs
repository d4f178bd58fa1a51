// Clients of Azure's addresses: /openai/deployments/NAME/…, /openai/v1/… and /openai/… with the header api-key, on a
// lane with keys.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { tokenLine } from '../e2e/lib/lane.mjs';
import { scratch } from '../e2e/lib/process.mjs';
import { PARAMETERS, PROMPT, SKIES, packagesOf } from './function_tools.mjs';
import { versionIn, witness } from './seen.mjs';

const KEY = 'azure-key-0123456789abcdef', tokens = path.join(scratch('azure'), 'tokens');
fs.writeFileSync(tokens, tokenLine(KEY, 'owner=azure'), { mode: 0o600 });

const load = packagesOf('chat-completions'), lane = laneOfFile(['--tokens', tokens]), shows = witness(import.meta.url);
const made = (table, client, name, cells) => ({ table, client, version: versionIn('chat-completions', name), cells });
const TEXT = 'scenario:echo;text=Hello%20there.', FAILS = 'scenario:failed-mid;at=3';
const messages = (content) => [{ role: 'user', content }];
const NODE = 'openai (node) `AzureOpenAI`', CHAIN = 'LangChain `AzureChatOpenAI`';

for (const name of ['openai', 'openai-v5', 'openai-v4']) {
  const client = async (more = {}) => new (await load(name)).AzureOpenAI({ endpoint: lane.base, apiKey: KEY, apiVersion: '2024-10-21', deployment: 'mock-model', maxRetries: 0, ...more });
  shows(made('completions', NODE, name, { text: '`create`', errors: '401, 404, a failed stream', tools: '`runTools`' }), `${name} AzureOpenAI: chat completions of a deployment`, async () => {
    const api = await client();
    const whole = await api.chat.completions.create({ model: '', messages: messages(TEXT) });
    assert.deepEqual([whole.choices[0].message.content, whole.model], ['Hello there.', 'mock-model']);
    let text = '';
    for await (const chunk of await api.chat.completions.create({ model: 'some-model', messages: messages(TEXT), stream: true })) text += chunk.choices[0].delta.content ?? '';
    assert.equal(text, 'Hello there.');
    const completions = api.chat.completions.runTools ? api.chat.completions : api.beta.chat.completions;
    const ran = completions.runTools({ model: '', messages: messages(PROMPT), tools: [{ type: 'function', function: { name: 'weather', description: 'Weather', parameters: PARAMETERS, parse: JSON.parse, function: ({ city }) => SKIES[city] } }] });
    assert.equal(await ran.finalContent(), 'Results: rain | sun');
    await assert.rejects(async () => { for await (const chunk of await api.chat.completions.create({ model: '', messages: messages(FAILS), stream: true })) assert.ok(chunk); }, { code: 'turn_failed' });
    await assert.rejects((await client({ apiKey: 'other' })).chat.completions.create({ model: '', messages: messages(TEXT) }), { status: 401, code: 'invalid_api_key' });
    await assert.rejects((await client({ deployment: 'other' })).chat.completions.create({ model: 'mock-model', messages: messages(TEXT) }), { status: 404, code: 'model_not_found' });
  });
  shows(made('responses', NODE, name, { text: '`create`', on: '`previous_response_id`' }), `${name} AzureOpenAI: responses and models`, async () => {
    const api = await client();
    const first = await api.responses.create({ model: 'mock-model', input: TEXT });
    const next = await api.responses.create({ model: 'mock-model', input: TEXT, previous_response_id: first.id });
    assert.deepEqual([first.output_text, next.output_text, next.previous_response_id], ['Hello there.', 'Hello there.', first.id]);
    assert.equal((await api.responses.retrieve(first.id)).id, first.id);
    assert.deepEqual((await api.models.list()).data.map((one) => one.id), ['mock-model']);
  });
}

for (const [table, useResponsesApi] of [['completions', false], ['responses', true]]) {
  shows(made(table, CHAIN, '@langchain/openai', { text: '`invoke`, `stream`', tools: '`bindTools`' }), `LangChain AzureChatOpenAI: ${table}`, async () => {
    const { AzureChatOpenAI } = await load('@langchain/openai');
    const model = new AzureChatOpenAI({ azureOpenAIApiKey: KEY, azureOpenAIApiDeploymentName: 'mock-model', azureOpenAIApiVersion: '2024-10-21', azureOpenAIEndpoint: lane.base, maxRetries: 0, useResponsesApi });
    assert.equal((await model.invoke(TEXT)).text, 'Hello there.');
    let text = '';
    for await (const piece of await model.stream(TEXT)) text += piece.text;
    assert.equal(text, 'Hello there.');
    const called = await model.bindTools([{ type: 'function', function: { name: 'weather', description: 'Weather', parameters: PARAMETERS } }]).invoke(PROMPT);
    assert.deepEqual(called.tool_calls.map((call) => call.args.city).sort(), Object.keys(SKIES).sort());
  });
}

test('metrics and the access log have the routes below /v1', async () => {
  const counts = async () => {
    const text = await (await fetch(`${lane.base}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })).text();
    assert.doesNotMatch(text, /openai/);
    return ['/v1/chat/completions', '/v1/responses', 'other'].map((route) => [...text.matchAll(/^oa_stream_http_requests_total\{(.*)\} (\d+)$/gm)]
      .filter(([, labels]) => labels.includes(`route="${route}"`)).reduce((sum, [, , count]) => sum + Number(count), 0));
  };
  const before = await counts();
  const post = (where, body) => fetch(`${lane.base}/openai/${where}?api-version=2024-10-21`, { method: 'POST', headers: { 'api-key': KEY, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.equal((await post('deployments/mock-model/chat/completions', { messages: messages(TEXT) })).status, 200);
  assert.equal((await post('v1/responses', { model: 'mock-model', input: TEXT })).status, 200);
  assert.equal((await post('deployments/mock-model/embeddings', { input: TEXT })).status, 404);
  const after = await counts();
  assert.deepEqual(after.map((count, index) => count - before[index]), [1, 1, 1]);
});
