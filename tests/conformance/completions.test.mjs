// /v1/chat/completions judged by the kit in chat-completions/: over replayed turns, over the real
// Codex, and through a proxy. Each check of the kit is a test here; what is skipped is named.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { codexBin, chatConfig, startCodexLane, startMock } from '../e2e/lib/codex.mjs';
import { startLane } from '../e2e/lib/lane.mjs';
import { startFront } from '../e2e/lib/local_target.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, scratch } from '../e2e/lib/process.mjs';
import { saw, versionIn } from './seen.mjs';

const KIT = path.join(ROOT, 'tests/conformance/chat-completions/check.mjs');
const KEY = 'a-key-of-this-test';
const ORIGIN = 'http://app.example';
const LANE = ['--completions-limit', '4', '--cors-origin', ORIGIN];

/** What the kit found: {results: [{id, status, detail}], …}. */
async function judge(base, model, { args = [], spawn, name = 'kit', env = {} } = {}) {
  const spawned = spawn ? ['--spawn', spawn] : [];
  const kit = new Running(process.execPath, [KIT, '--base', base, '--model', model, '--json', '--allow-skip', ...spawned, ...args], {
    name,
    env: cleanEnv({ HOME: scratch(name), OA_STREAM_TOKEN: KEY, ...env }),
  });
  const exit = await kit.end(180000);
  assert.notEqual(exit.code, 2, `the kit could not run: ${kit.stderr}`);
  return JSON.parse(kit.stdout);
}

const idsOf = (report, status) => report.results.filter((r) => r.status === status).map((r) => r.id).sort();

/** One test per check of a report, and one for what was skipped. */
async function assertReport(t, report, skipped) {
  for (const result of report.results.filter((r) => r.status !== 'skip')) {
    await t.test(result.id, () => assert.equal(result.status, 'pass', result.detail));
  }
  await t.test('only what is named here is skipped', () => assert.deepEqual(idsOf(report, 'skip'), Object.keys(skipped).sort()));
}

/** What each client of the kit is checked for. */
const CHECKS = [
  ['openai (node)', 'openai', { text: ['openai7-create', 'openai7-helper'], errors: ['openai7-errors', 'openai7-stream-error', 'openai7-abort', 'openai7-timeout', 'openai7-retry-429'] }],
  ['openai (node)', 'openai-v4', { text: ['openai4-create', 'openai4-helper'], errors: ['openai4-errors', 'openai4-stream-error', 'openai4-no-retry'] }],
  ['AI SDK `ai` with `@ai-sdk/openai-compatible`', ['ai', '@ai-sdk/openai-compatible'], { text: ['aisdk-generate', 'aisdk-stream'], errors: ['aisdk-errors'] }],
  ['LangChain `@langchain/openai`', '@langchain/openai', { text: ['langchain'], errors: ['langchain'] }],
];
function sawClients(passed) {
  saw(import.meta.url, CHECKS.flatMap(([client, name, columns]) => Object.entries(columns).filter(([, ids]) => ids.every((id) => passed.includes(id)))
    .map(([column]) => ({ table: 'completions', client, version: [name].flat().map((one) => versionIn('chat-completions', one)).join(' with '), column, how: '' }))));
}

/** The command of one more lane, for the checks that end theirs; the kit names its port. */
const serve = (...args) => [OA_BIN, 'serve', '--listen', '127.0.0.1:$PORT', '--state-dir', scratch('spawned-state'), ...LANE, ...args].join(' ');

// ---- over replayed turns: nothing is skipped

let replayed;
const replayLane = () => startLane({ name: 'replay', args: LANE, env: { OA_STREAM_TOKEN: KEY } });

describe('over replayed turns', () => {
  let lane;
  before(async () => { lane = await replayLane(); });
  after(async () => assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly'));

  test('every check', async (t) => {
    replayed = await judge(lane.base, 'replay', { args: ['--key', KEY], spawn: serve('--authority', 'replay') });
    assert.ok(replayed.total >= 111, `the kit has shrunk to ${replayed.total} checks`);
    await assertReport(t, replayed, {});
    sawClients(idsOf(replayed, 'pass'));
  });

  test('those that could race, three times more', async () => {
    for (let round = 1; round <= 3; round++) {
      const report = await judge(lane.base, 'replay', { args: ['--key', KEY, '--only', 'conc-429,conc-nonstream,conc-no-leak,disconnect-*,nonstream-eof,stream-eof,golden-concurrency-429'] });
      assert.deepEqual(report.results.filter((r) => r.status !== 'pass'), [], `round ${round}`);
    }
  });
});

// ---- over the real Codex: the fake model knows fewer scenarios

const NO_SUCH_SCENARIO = 'the model behind Codex cannot play it; Codex has no such ending';
const WITHOUT_CODEX = {
  // Codex never ends its events early on its own; a killed one is a failure (codex_kill.test.mjs).
  'stream-eof': NO_SUCH_SCENARIO,
  'nonstream-eof': NO_SUCH_SCENARIO,
  // Codex accepts a turn before it asks the model, so a model's refusal comes after acceptance.
  'stream-pre-error': NO_SUCH_SCENARIO,
  'stream-upstream-429': NO_SUCH_SCENARIO,
  'nonstream-pre-error': NO_SUCH_SCENARIO,
  'conc-no-leak': NO_SUCH_SCENARIO,
  'aisdk-errors': NO_SUCH_SCENARIO,
  'golden-error-pre-stream': NO_SUCH_SCENARIO,
  'golden-tool-less-refusal': 'the server takes function tools', // tests/e2e/openai/tools.test.mjs
  // The model is not asked what it was given; the test below looks at its requests instead.
  'big-body': 'find',
  'edge-split-utf8': 'find',
  'roles-reach-upstream': 'find',
  'unicode-in': 'find',
  // Nobody counts turns; the test below waits for the interrupt at the model.
  'disconnect-stream': 'stats',
  'disconnect-nonstream': 'stats',
  'openai7-abort': 'stats',
  'openai7-timeout': 'stats',
  // Their text is the replayed one.
  'golden-error-in-stream': 'words of the replayed dialect',
  'golden-nonstream-length': 'words of the replayed dialect',
  'golden-stream-truncation': 'words of the replayed dialect',
};

describe('over the real Codex', () => {
  const asked = path.join(scratch('mock-log'), 'asked.jsonl');
  /** The newest request to the model whose body holds `mark`. */
  const sentWith = (mark) => fs.readFileSync(asked, 'utf8').trimEnd().split('\n').filter((line) => line.includes(mark)).map((line) => JSON.parse(line).body).at(-1);
  let mock, lane;
  before(async () => {
    mock = await startMock(['--log', asked]);
    lane = await startCodexLane({ config: chatConfig, port: mock.port, name: 'codex', args: LANE, env: { OA_STREAM_TOKEN: KEY } });
  });
  after(async () => {
    assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly');
    await mock.stop();
  });

  test('every check that a model can provoke', async (t) => {
    const spawn = serve('--authority', 'codex', '--codex-bin', codexBin(), '--codex-config', path.join(lane.folder, 'config.toml'), '--model', 'mock-model');
    const report = await judge(lane.base, 'mock-model', { name: 'kit-codex', args: ['--key', KEY, '--dialect', 'mock-responses', '--tools'], spawn, env: { MOCK_API_KEY: 'sk-mock-not-a-secret' } });
    await assertReport(t, report, WITHOUT_CODEX);
  });

  const ask = (body, options = {}) => fetch(`${lane.base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ model: 'mock-model', ...body }),
    ...options,
  });

  test('the whole conversation reaches the model, in order and with its roles', async () => {
    const answer = await ask({
      messages: [
        { role: 'system', content: 'MARK-SYSTEM' },
        { role: 'user', content: 'MARK-FIRST 世🙂' },
        { role: 'assistant', content: 'MARK-CALL', tool_calls: [{ id: 'call_7', type: 'function', function: { name: 'look', arguments: '{"at":"MARK-ARGUMENT"}' } }] },
        { role: 'tool', tool_call_id: 'call_7', content: 'MARK-RESULT' },
        { role: 'developer', content: 'MARK-DEVELOPER' },
        { role: 'user', content: [{ type: 'text', text: 'scenario:text;text=done ' }, { type: 'text', text: 'MARK-LAST' }] },
      ],
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.equal((await answer.json()).choices[0].message.content, 'done');
    const sent = sentWith('MARK-LAST');
    // Codex tells its base instructions as the first message.
    assert.deepEqual([sent.input[0].role, sent.input[0].content[0].text], ['developer', 'MARK-SYSTEM\n\nMARK-DEVELOPER']);
    const said = sent.input.filter((i) => i.role === 'user' || i.role === 'assistant').map((i) => [i.role, i.content.map((c) => c.text).join('')]).filter(([, text]) => text.includes('MARK-'));
    assert.deepEqual(said, [
      ['user', 'MARK-FIRST 世🙂'],
      ['assistant', 'MARK-CALL'],
      ['user', 'scenario:text;text=done MARK-LAST'],
    ]);
    const calls = sent.input.filter((i) => i.type.startsWith('function_call')).map((i) => [i.type, i.call_id, i.name, i.arguments ?? i.output]);
    assert.deepEqual(calls, [['function_call', 'call_7', 'look', '{"at":"MARK-ARGUMENT"}'], ['function_call_output', 'call_7', undefined, 'MARK-RESULT']]);
  });

  test('a conversation that Codex would summarise is refused where it has results of calls', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } };
    const messages = [
      { role: 'user', content: `${'lorem ipsum '.repeat(87400)}scenario:text;text=MARK-UNREAD` },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: call.id, content: 'MARK-RESULT' },
    ];
    const refused = await ask({ messages });
    assert.deepEqual([refused.status, (await refused.json()).error.code], [400, 'context_length_exceeded']);
    assert.match(await (await ask({ messages, stream: true })).text(), /"code":"context_length_exceeded"/);
  });

  test('a conversation of a mebibyte reaches the model', async () => {
    const answer = await ask({ messages: [{ role: 'user', content: 'lorem ipsum '.repeat(87400) + 'MARK-NEEDLE' }, { role: 'assistant', content: 'ok' }, { role: 'user', content: 'scenario:text;text=MARK-BIG' }] });
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.ok(JSON.stringify(sentWith('MARK-BIG')).includes('MARK-NEEDLE'));
  });

  for (const stream of [false, true]) {
    test(`a client that leaves frees its place within 2 s (stream ${stream})`, async () => {
      const abort = new AbortController();
      const going = ask({ stream, messages: [{ role: 'user', content: 'scenario:stall;at=1;ms=60000' }] }, { signal: abort.signal });
      going.catch(() => {});
      const active = async () => Number((await ask({ messages: [{ role: 'user', content: 'scenario:text;text=x' }] })).headers.get('x-conc-active'));
      while ((await active()) < 2);
      abort.abort();
      const left = Date.now();
      while ((await active()) > 1) assert.ok(Date.now() - left < 2000, 'the place was not freed');
    });
  }

  test("the model's limit is a 429 that may be tried again; a full context is a 400", async () => {
    const limited = await ask({ messages: [{ role: 'user', content: 'scenario:http-429' }] });
    assert.equal(limited.status, 429, await limited.clone().text());
    assert.equal((await limited.json()).error.code, 'rate_limit_exceeded');
    assert.ok(Number(limited.headers.get('retry-after')) > 0);
    assert.equal(limited.headers.get('x-should-retry'), null);
    const full = await ask({ messages: [{ role: 'user', content: 'scenario:http-400;code=context_length_exceeded' }] });
    assert.equal(full.status, 400, await full.clone().text());
    assert.equal((await full.json()).error.code, 'context_length_exceeded');
  });
});

// ---- through a proxy, as in front of a real deployment

let edge;
describe('through a proxy', () => {
  let lane, front;
  before(async () => {
    lane = await replayLane();
    front = await startFront(['--backend', `only=${lane.base}`]);
  });
  after(async () => {
    assert.equal((await front.stop()).code, 0, 'the proxy ended cleanly');
    assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly');
  });

  test('whole answers and the habits of proxies, twice in a row', async (t) => {
    for (let round = 1; round <= 2; round++) {
      edge = await judge(front.base, 'replay', { args: ['--key', KEY, '--only', 'nonstream-*,stream-order,stream-incremental,stream-commit,edge-http10,edge-chunked-request,edge-split-utf8,request-id,golden-nonstream-*'] });
      await t.test(`round ${round}`, (inner) => assertReport(inner, edge, {}));
    }
  });
});

// ---- the epic: which check closes each of its criteria and items

const EPIC = {
  'AC1, P0 non-stream POST through the edge: complete JSON, twice in a row, equal to a direct call': { on: () => [replayed, edge], checks: ['nonstream-shape', 'nonstream-slow', 'nonstream-keepalive', 'edge-http10', 'edge-chunked-request', 'golden-nonstream-minimal'] },
  'AC2, P1 non-stream truncation: five early ends are 200 and length, no socket error': { on: () => [replayed, edge], checks: ['nonstream-eof', 'nonstream-truncate', 'golden-nonstream-length'] },
  'AC3, P1 usage: held when it arrives, after finish and before [DONE], on every such ending': { on: () => [replayed], checks: ['stream-usage-order', 'stream-usage-exact', 'stream-usage-off', 'stream-usage-unknown', 'stream-eof', 'stream-truncate', 'golden-stream-usage'] },
  'AC4, P1 concurrency guard: at the limit every further request is a 429, without a sleep': { on: () => [replayed], checks: ['conc-429', 'conc-nonstream', 'conc-release', 'conc-no-leak', 'golden-concurrency-429'] },
  'AC5, P1 golden transcripts and order: role, content, finish, usage, [DONE]': { on: () => [replayed], checks: ['stream-order', 'stream-role-once', 'stream-finish', 'stream-done', 'stream-usage-order', 'golden-*'] },
  'P2 finish reasons of the upstream reach the finish chunk': { on: () => [replayed], checks: ['stream-truncate', 'stream-finish', 'golden-stream-truncation'] },
  'P2 SIGTERM: in time, exit 0, connections refused afterwards': { on: () => [replayed], checks: ['sigterm-idle', 'sigterm-drain'] },
  'phase 1 tracing headers, the body flushed before the connection may close': { on: () => [replayed, edge], checks: ['request-id', 'nonstream-keepalive', 'nonstream-unicode'] },
  'phase 4 the guard can be observed': { on: () => [replayed], checks: ['conc-headers'] },
};

describe('the epic', () => {
  const transcripts = path.join(path.dirname(KIT), 'goldens');
  const snapshot = () => fs.readdirSync(transcripts).sort().map((f) => [f, fs.readFileSync(path.join(transcripts, f), 'utf8')]);
  for (const [item, { on, checks }] of Object.entries(EPIC)) {
    test(item, () => {
      for (const report of on()) {
        for (const wanted of checks) {
          const found = report.results.filter((r) => (wanted.endsWith('*') ? r.id.startsWith(wanted.slice(0, -1)) : r.id === wanted));
          assert.ok(found.length > 0, `no check ${wanted} was run`);
          assert.deepEqual(found.filter((r) => r.status !== 'pass'), []);
        }
      }
    });
  }

  test('AC5: a run rewrites no transcript', async () => {
    const lane = await replayLane();
    const were = snapshot();
    const report = await judge(lane.base, 'replay', { args: ['--key', KEY, '--only', 'golden-*'] });
    assert.ok(report.pass === were.length && report.fail === 0);
    assert.deepEqual(snapshot(), were);
    await lane.stop();
  });

  test('AC6: the page about it says of every parameter what really happens', async () => {
    const page = fs.readFileSync(path.join(ROOT, 'docs/completions.md'), 'utf8');
    const rows = page.split('## Parameters')[1].split('## ')[0].split('\n').filter((line) => line.startsWith('| `'));
    const names = (pick) => rows.filter((row) => pick.test(row.split('|')[2])).flatMap((row) => [...row.split('|')[1].matchAll(/`(\w+)`/g)].map((m) => m[1]));
    const values = {
      logprobs: true, top_logprobs: 2, store: true, stop: 'x', temperature: 0.5, top_p: 0.5, presence_penalty: 1, frequency_penalty: 1, seed: 1,
      max_tokens: 5, max_completion_tokens: 5, service_tier: 'flex', verbosity: 'low', parallel_tool_calls: false, tool_choice: 'required', function_call: { name: 'f' },
    };
    const lane = await replayLane();
    const ask = (extra) => fetch(`${lane.base}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
      body: JSON.stringify({ model: 'replay', messages: [{ role: 'user', content: 'scenario:echo' }], ...extra }),
    });
    const refused = names(/refused/), ignored = names(/ignored/), accepted = names(/accepted/);
    assert.ok(refused.length >= 13 && ignored.length >= 10 && accepted.length >= 4, 'the table has shrunk');
    for (const name of refused) {
      const answer = await ask({ [name]: values[name] ?? [{ x: 1 }] });
      assert.equal(answer.status, 400, name);
      assert.equal((await answer.json()).error.param, name);
    }
    for (const name of ignored) {
      const answer = await ask({ [name]: values[name] });
      assert.equal(answer.status, 200, name);
      assert.equal(answer.headers.get('x-ignored-params'), name);
    }
    for (const name of accepted) {
      const answer = await ask({ [name]: values[name] ?? 'x' });
      assert.equal(answer.status, 200, name);
      assert.equal(answer.headers.get('x-ignored-params'), null);
    }
    await lane.stop();
  });
});
