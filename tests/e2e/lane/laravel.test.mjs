// The forty-two cases of the lane before the last (data/laravel-chat-cases.json): each is held to here,
// or says why its rule changed – and then what holds instead. A case without either fails.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { agentConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { open, send } from '../lib/http.mjs';
import { as, startLane, tokensOf } from '../lib/lane.mjs';
import { ROOT, limit, scratch, sleep } from '../lib/process.mjs';

const CASES = JSON.parse(fs.readFileSync(path.join(ROOT, 'tests/e2e/data/laravel-chat-cases.json'), 'utf8'));

let mock, lane, replay, log;
before(async () => {
  const folder = scratch('shared');
  log = path.join(folder, 'requests.jsonl');
  const tokens = tokensOf(['user', 'other'], path.join(folder, 'tokens'));
  mock = await startMock(['--log', log]);
  [lane, replay] = await Promise.all([
    startCodexLane({ config: agentConfig, port: mock.port, args: ['--tokens', tokens, '--shared-workspace'] }),
    startLane({ args: ['--tokens', tokens, '--shared-workspace'] }),
  ]);
});
after(async () => {
  for (const one of [lane, replay]) assert.equal((await one.stop()).code, 0);
  await mock.stop();
});

const of = (owner) => (owner ? as(owner) : {});
const uuid = () => crypto.randomUUID();
const user = (content, rest = {}) => ({ id: 'm1', role: 'user', content, ...rest });
const post = (query, messages, { owner = 'user', on = lane, path = '/api/chat', headers = {} } = {}) =>
  open(on.base, { method: 'POST', path: `${path}${query}`, headers: { ...of(owner), ...headers }, body: Array.isArray(messages) ? { messages } : messages });
const get = async (path, owner = 'user', on = lane) => send(on.base, { path, headers: of(owner) });
const data = async (path, owner, on) => {
  const answer = await get(path, owner, on);
  assert.equal(answer.status, 200, answer.text);
  return answer.json().data;
};
const requests = () => fs.readFileSync(log, 'utf8').trim().split('\n').filter(Boolean).map((l) => JSON.parse(l).body);
const lastUserText = (body) => body.input.filter((i) => i.role === 'user').at(-1).content.map((c) => c.text).join('');
const types = (answer) => answer.chunks.map((c) => c.type ?? c);
const contains = (answer, wanted) => { for (const type of wanted) assert.ok(types(answer).includes(type), `${type}\n${answer.text}`); };
const events = async (id) => {
  const [run] = await data(`/api/chats/${id}/runs`);
  return (await data(`/api/chats/${id}/runs/${run.id}/events`)).events;
};
const guestsAreGone = 'There are no guests any more, as in the service that took this lane over: a request has a token, or (on loopback) nobody needs one.';
const anonymousIsRefused = async (c) => {
  const path = c.request.path.replace(/<[^>]*>/g, uuid());
  const answer = await post('', c.request.body, { path, owner: null }).done;
  assertRefused(answer, 401);
};
const guest = { changed: guestsAreGone, now: anonymousIsRefused };
const session = {
  changed: 'There are no guest sessions any more: without a token 401, with one 410 that says what to do.',
  now: async (c) => {
    assertRefused(await send(lane.base, { path: c.request.path }), 401, 'unauthorized');
    const answer = await get(c.request.path);
    assert.equal(answer.status, 410, answer.text);
    assert.equal(answer.headers['x-oa-chat-auth-policy'], 'codex-auth-required');
    const { message, ...rest } = answer.json().data;
    assert.deepEqual(rest, { retired: true, status: 'codex_auth_required', canonical: '/api/runtime/threads' });
    assert.match(message, /token/);
    assert.deepEqual(await data('/api/chats?limit=200').then((list) => list.filter((t) => t.id.startsWith('g-aaaa') || t.id.startsWith('g-ffff'))), []);
  },
};

/** `now` alone: the case holds as written. With `changed`: the rule is another, `now` shows which. */
const RULES = {
  'stream-basic-auth-persists-user-and-assistant': { now: async (c) => {
    const id = uuid();
    const answer = await post(`?conversationId=${id}`, c.request.body).done;
    assertLegal(answer);
    contains(answer, c.expect.frames_contain);
    assert.ok(answer.text.endsWith('data: [DONE]\n\n'));
    const messages = await data(`/api/chats/${id}/messages`);
    assert.deepEqual(messages.map((m) => m.role), ['user', 'assistant']);
    assert.equal(messages[1].content, read(answer).texts.join(''));
    assert.equal((await data('/api/chats?limit=200')).filter((t) => t.id === id).length, 1);
    const [run] = await data(`/api/chats/${id}/runs`);
    assert.deepEqual([run.status, run.autopilotId, run.autopilotConfigVersion], ['completed', null, null]);
    const told = await events(id);
    for (const type of c.expect.run_events_contain) assert.ok(told.some((e) => e.type === type), type);
    for (const [type, actor] of Object.entries(c.expect.run_event_actors)) assert.equal(told.find((e) => e.type === type).actorType, actor);
  } },
  'stream-runtime-driver-bytes-pass-through': {
    changed: 'There is one authority and no second driver whose bytes would be passed on: its text arrives unchanged in frames of our own.',
    now: async () => {
      const id = uuid(), before = requests().length;
      const answer = await post(`?conversationId=${id}`, [user('hello runtime')]).done;
      assert.equal(requests().length - before, 1, 'one call of the model');
      assert.equal(lastUserText(requests().at(-1)), 'hello runtime');
      assert.equal(read(answer).texts.join(''), 'hello runtime');
    },
  },
  'stream-accepts-ai-sdk-parts': { now: async (c) => {
    const id = uuid();
    const answer = await post(`?conversationId=${id}`, c.request.body).done;
    contains(answer, c.expect.frames_contain);
    const messages = await data(`/api/chats/${id}/messages`);
    assert.deepEqual(messages.map((m) => m.role), c.expect.stored_roles);
    assert.equal(messages[0].content, c.expect.stored_user_text);
  } },
  'reject-user-message-with-no-text-part': { now: async (c) => {
    const answer = await post(`?conversationId=${uuid()}`, c.request.body).done;
    assertRefused(answer, 422);
    assert.doesNotMatch(answer.text, /^data:/m);
  } },
  'empty-model-answer-gives-visible-fallback': {
    changed: 'Nothing is put into the model\'s mouth: an empty answer is told as empty, has its own event, and is counted.',
    now: async () => {
      const id = uuid();
      const answer = await post(`?conversationId=${id}`, [user('scenario:empty')]).done;
      assertLegal(answer);
      assert.equal(read(answer).texts.join(''), '');
      assert.equal((await data(`/api/chats/${id}/runs`))[0].status, 'completed');
      assert.deepEqual((await events(id)).slice(-2).map((e) => e.type), ['model_empty_response', 'run_completed']);
    },
  },
  'reject-missing-conversation-id': {
    changed: 'A stock page may name no thread: one is made, and the answer says which.',
    now: async (c) => {
      const answer = await post('', c.request.body).done;
      assertLegal(answer);
      assert.match(answer.headers['x-oa-thread-id'], /^thread_[0-9a-f]{32}$/);
    },
  },
  'reject-conversation-of-nobody-or-another-user': {
    changed: 'Clients bring their own ids, so an id that is unknown to its owner is a new thread; the one another owner has under it is neither seen nor touched.',
    now: async () => {
      const id = `taken-${uuid()}`;
      await post(`?conversationId=${id}`, [user('mine')]).done;
      assertRefused(await get(`/api/chats/${id}/messages`, 'other'), 404, 'not_found');
      assertLegal(await post(`?conversationId=${id}`, [user('theirs')], { owner: 'other' }).done);
      assert.deepEqual((await data(`/api/chats/${id}/messages`)).map((m) => m.content), ['mine', 'mine']);
    },
  },
  'reject-body-without-messages': { now: async (c) => {
    const body = assertRefused(await post(`?conversationId=${uuid()}`, c.request.body).done, 422);
    assert.ok(body.errors[c.expect.errors_key], JSON.stringify(body));
  } },
  'reject-messages-with-assistant-only': { now: async (c) => {
    assertRefused(await post(`?conversationId=${uuid()}`, c.request.body).done, 422);
  } },
  'guest-signup-intent-asks-for-email-first': guest,
  'guest-stream-without-preflight-creates-the-guest-session': guest,
  'guest-other-id-than-established-still-streams': guest,
  'login-adopts-the-guest-conversation': {
    changed: `${guestsAreGone} So there is nothing to adopt: an id of a guest's form is any other id.`,
    now: async (c) => {
      const [, id] = /conversationId=(\S+)/.exec(c.request.path);
      assertLegal(await post(`?conversationId=${id}`, c.request.body).done);
      assert.equal((await data(`/api/chats/${id}/messages`)).length, 2);
    },
  },
  'auth-user-may-start-from-a-fresh-guest-style-id': { now: async (c) => {
    const id = `g-${crypto.randomBytes(16).toString('hex')}`;
    const answer = await post(`?conversationId=${id}`, c.request.body).done;
    contains(answer, c.expect.frames_contain);
    assert.ok((await data('/api/chats?limit=200')).some((t) => t.id === id));
    assertRefused(await get(`/api/chats/${id}`, 'other'), 404);
  } },
  'guest-mismatch-keeps-the-established-id': guest,
  'guest-id-claimed-by-a-user-is-rotated': guest,
  'auth-rehydrated-from-the-chat-session-key': {
    changed: 'The lane has no server sessions and reads no cookies; who asks is told by the bearer token alone.',
    now: async (c) => {
      const answer = await post(`?conversationId=${uuid()}`, c.request.body, { owner: null, headers: { cookie: 'chat.auth_user_id=7; oa_access_token=tok-user' } }).done;
      assertRefused(answer, 401, 'unauthorized');
    },
  },
  'runtime-mode-frame-continuity': { now: async (c) => {
    const id = uuid(), before = requests().length;
    const answer = await post(`?conversationId=${id}`, c.request.body).done;
    assertLegal(answer);
    contains(answer, c.expect.frames_contain);
    assert.equal(requests().length - before, c.expect.runtime_calls);
    assert.deepEqual((await data(`/api/chats/${id}/runs`)).map((r) => r.id), [answer.headers['x-oa-turn-id']], 'the authority\'s run is the only one');
  } },
  'runtime-mode-cancel-finish-reason-forwarded': {
    changed: 'A finish reason "cancelled" is none that clients know: a stopped turn ends with an abort chunk and the status interrupted.',
    now: async () => {
      const id = uuid();
      const answer = post(`?conversationId=${id}`, [user('scenario:text;words=90;delay=150')]);
      await answer.frame('text-delta');
      await open(lane.base, { method: 'POST', path: `/api/chats/${id}/stop`, headers: as('user') }).done;
      assertLegal(await answer.done);
      const seen = read(answer);
      assert.ok(seen.aborted && seen.done);
      assert.equal(seen.finish.messageMetadata.status, 'interrupted');
    },
  },
  'runtime-client-throws-before-first-byte': {
    changed: 'There is no second answerer to fall back to: an authority that refuses is told as an error with its own status, before any stream.',
    now: async () => {
      const answer = await post(`?conversationId=${uuid()}`, [user('replay:no-such-recording')], { on: replay }).done;
      assert.ok(answer.status >= 400, answer.text);
      assertRefused(answer, answer.status);
    },
  },
  'runtime-mode-intruder-never-reaches-upstream': {
    changed: 'As for every id of another owner: it is invisible, so the intruder gets a thread of its own, and nothing of the other thread reaches the model.',
    now: async () => {
      const id = uuid();
      await post(`?conversationId=${id}`, [user('a secret of its owner')]).done;
      assertLegal(await post(`?conversationId=${id}`, [user('intruder')], { owner: 'other' }).done);
      assert.equal(lastUserText(requests().at(-1)), 'intruder');
      assert.doesNotMatch(JSON.stringify(requests().at(-1)), /a secret of its owner/);
    },
  },
  'tool-call-and-result-frames-and-hashes': { now: async (c) => {
    const id = uuid();
    const answer = await post(`?conversationId=${id}`, [user('scenario:exec')]).done;
    contains(answer, c.expect.frames_contain);
    const [call] = Object.values(read(answer).tools);
    const input = answer.chunks.find((f) => f.type === 'tool-input-available').input;
    const sorted = (v) => (v && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])])) : Array.isArray(v) ? v.map(sorted) : v);
    const hash = (v) => crypto.createHash('sha256').update(JSON.stringify(sorted(v))).digest('hex');
    const told = await events(id);
    const payload = (type) => told.find((e) => e.type === type).payload;
    for (const { type, fields } of c.expect.run_events) for (const field of fields) assert.ok(field in payload(type), `${type}.${field}`);
    assert.equal(payload('tool_call_started').tool_call_id, call.toolCallId);
    assert.equal(payload('tool_call_started').params_hash, hash(input));
    assert.equal(payload('tool_call_succeeded').output_hash, hash(call.output));
    assert.ok(payload('tool_call_succeeded').latency_ms >= 0);
  } },
  'smoke-stream-needs-the-secret': {
    changed: 'A smoke that has a route of its own proves that route alone: ours takes the routes of the clients, with a token of its own.',
    now: async () => assertRefused(await send(lane.base, { path: '/api/smoke/stream' }), 404),
  },
  'smoke-stream-frames-with-the-secret': {
    changed: 'As above: there is no /api/smoke/stream.',
    now: async () => assertRefused(await send(lane.base, { path: '/api/smoke/stream', headers: { 'x-oa-smoke-secret': 'x' } }), 404),
  },
  'guest-session-without-id-makes-one': session,
  'guest-session-keeps-a-valid-requested-id': session,
  'guest-session-replaces-an-oversized-old-id': session,
  'guest-session-rotates-an-id-now-owned-by-a-user': session,
  'untested-guest-with-a-non-guest-id': { now: async (c) => {
    assertRefused(await post(`?conversationId=${uuid()}`, c.request.body, { owner: null }).done, c.expect.status);
  } },
  'untested-route-parameter-beats-query': { now: async (c) => {
    const answer = await post('', c.request.body, { path: c.request.path }).done;
    assert.equal(answer.headers['x-oa-thread-id'], c.expect.conversation_used);
  } },
  'untested-all-messages-malformed': { now: async (c) => {
    assertRefused(await post(`?conversationId=${uuid()}`, c.request.body).done, 422);
  } },
  'untested-last-non-empty-user-message-wins': { now: async (c) => {
    assertLegal(await post(`?conversationId=${uuid()}`, c.request.body).done);
    assert.equal(lastUserText(requests().at(-1)), c.expect.prompt);
  } },
  'untested-content-string-beats-parts-and-parts-join-without-separator': { now: async (c) => {
    assertLegal(await post(`?conversationId=${uuid()}`, c.request.body).done);
    assert.equal(lastUserText(requests().at(-1)), c.expect.prompt);
  } },
  'untested-object-content-is-not-read': {
    changed: 'The lane that came after read {"text"} as content, and its clients send it.',
    now: async (c) => {
      assertLegal(await post(`?conversationId=${uuid()}`, c.request.body).done);
      assert.equal(lastUserText(requests().at(-1)), 'hi');
    },
  },
  'untested-guest-signup-intent-with-email-goes-to-the-model': guest,
  'untested-second-stream-start-ignored': { now: async (c) => {
    // An authority that starts twice: tests/encode/normaliser_test.cpp. Here: all that a client sees.
    const answer = await post(`?conversationId=${uuid()}`, [user('scenario:exec-two')]).done;
    assert.equal(types(answer).filter((t) => t === 'start').length, c.expect.start_frames);
    assert.equal(types(answer).filter((t) => t === 'start-step').length, c.expect.start_step_frames);
  } },
  'untested-tool-result-without-call-dropped': {
    changed: 'It is shown rather than lost: the missing beginning of the call is put in and counted as a repair (tests/encode/normaliser_test.cpp).',
  },
  'untested-finish-held-to-the-end': { now: async (c) => {
    const answer = await post(`?conversationId=${uuid()}`, [user('scenario:text;words=3')]).done;
    assert.deepEqual(types(answer).slice(-3), c.expect.order);
    assert.equal(types(answer).filter((t) => t === 'finish').length, c.expect.finish_frames);
  } },
  'untested-text-start-injected-before-first-delta': { now: async () => {
    // A delta whose beginning Codex did not tell: tests/encode/normaliser_test.cpp.
    const answer = await post(`?conversationId=${uuid()}`, [user('scenario:two-messages')]).done;
    const open_ = new Set();
    for (const chunk of answer.chunks) {
      if (chunk.type === 'text-start') open_.add(chunk.id);
      if (chunk.type === 'text-delta') assert.ok(open_.has(chunk.id));
    }
    assert.equal(open_.size, 2);
  } },
  'untested-client-disconnect-does-not-stop-the-run': {
    changed: 'The run goes on for the grace in which its page can come back, and is stopped then; one that ends before that is kept whole.',
    now: async () => {
      const id = uuid();
      const answer = post(`?conversationId=${id}`, [user('scenario:text;words=8;delay=30')]);
      await answer.frame('text-delta');
      answer.destroy();
      const until = Date.now() + limit(10000);
      while ((await data(`/api/chats/${id}/runs`))[0].status !== 'completed') {
        assert.ok(Date.now() < until, 'the run did not complete');
        await sleep(30);
      }
      assert.match((await data(`/api/chats/${id}/messages`))[1].content, /^alpha .* hotel$/);
    },
  },
  'untested-model-error-mid-stream': {
    changed: 'A failure is told as one, in the protocol\'s own words, not explained in the assistant\'s name; what broke off is not kept.',
    now: async () => {
      const id = uuid();
      const answer = await post(`?conversationId=${id}`, [user('scenario:failed-mid;at=3')]).done;
      assertOneError(answer, { code: 'turn_failed' });
      assert.match(read(answer).texts.join(''), /^alpha bravo/);
      const [run] = await data(`/api/chats/${id}/runs`);
      assert.deepEqual([run.status, run.error.code], ['failed', 'turn_failed']);
      assert.ok((await events(id)).some((e) => e.type === 'run_failed'));
    },
  },
  'untested-model-error-before-stream': {
    changed: 'As above: no text in the assistant\'s name.',
    now: async () => {
      const answer = await post(`?conversationId=${uuid()}`, [user('scenario:http-400')]).done;
      assert.equal(answer.status, 200);
      assert.deepEqual(types(answer), ['start', 'start-step', 'data-error', 'error', 'finish-step', 'finish', '[DONE]']);
    },
  },
};

test('there are forty-two cases, and no rule is about a case that is none', () => {
  assert.equal(CASES.length, 42);
  assert.deepEqual(Object.keys(RULES).filter((name) => !CASES.some((c) => c.name === name)), []);
});

test('each case of a guest has its answer in docs/chats.md', () => {
  const page = fs.readFileSync(path.join(ROOT, 'docs/chats.md'), 'utf8').split('\n## ').find((part) => part.startsWith('Guests'));
  const cases = CASES.map((one) => one.name).filter((name) => /guest|rehydrated/.test(name));
  assert.equal(cases.length, 14);
  for (const name of cases) assert.equal(page.match(new RegExp(`^\\|.*\\| \`${name}\` \\| .+ \\|$`, 'gm'))?.length, 1, name);
});

for (const one of CASES) {
  test(one.name, async () => {
    const rule = RULES[one.name];
    assert.ok(rule?.now || rule?.changed?.length > 30, 'neither a test nor a reason why the rule changed');
    await rule.now?.(one);
  });
}
