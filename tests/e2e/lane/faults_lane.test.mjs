// Faults 79–94 of the retired adapter, one named test each: how this lane behaves instead.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { startLane, tokenLine } from '../lib/lane.mjs';
import { chatConfig, codexBin, laneOfFile, startCodexLane, startMock } from '../lib/codex.mjs';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { event, isEvent, readCapture, writeCaptures } from '../lib/captures.mjs';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';

const post = (base, body, { path: route = '/api/chat/stream', headers = {} } = {}) => send(base, { method: 'POST', path: route, headers, body });

describe('over the real Codex', () => {
  const log = path.join(scratch('model'), 'requests.jsonl');
  const lane = laneOfFile([], ['--log', log]);
  /** The user texts the model was sent in its newest request. */
  const userTexts = () => {
    const last = JSON.parse(fs.readFileSync(log, 'utf8').trimEnd().split('\n').at(-1));
    return last.body.input.filter((i) => i.role === 'user').flatMap((i) => [].concat(i.content).map((c) => c.text ?? c));
  };

  test('fault 79: the answer is the model\'s, and it is streamed while it is made', async () => {
    const answer = await chat(lane.base, 'scenario:text;words=10;delay=150').done;
    assertLegal(answer);
    const deltas = answer.frames.filter((f) => f.chunk?.type === 'text-delta');
    assert.equal(deltas.map((f) => f.chunk.delta).join(''), 'alpha bravo charlie delta echo foxtrot golf hotel india juliett');
    assert.ok(deltas.at(-1).t - deltas[0].t >= 200, 'not in one piece');
    assert.equal(read(answer).finish.messageMetadata.status, 'completed', 'and never "accepted"');
  });

  test('fault 81: a request sent again does not put its message into the thread twice', async () => {
    const body = chatBody('tell me once', { id: 'retried', messageId: 'u-retried-1' });
    assertLegal(await post(lane.base, body));
    assertLegal(await post(lane.base, body));
    assert.equal(userTexts().filter((t) => t === 'tell me once').length, 1, JSON.stringify(userTexts()));
    // The same words as a new message are a new message.
    assertLegal(await post(lane.base, chatBody('tell me once', { id: 'retried', messageId: 'u-retried-2' })));
    assert.equal(userTexts().filter((t) => t === 'tell me once').length, 2);
  });

  test('fault 82: white space goes through unchanged, one piece at a time', async () => {
    const text = '  two  spaces\n\n\tand a tab \n ';
    const answer = await chat(lane.base, `scenario:text;chunk=char;text=${encodeURIComponent(text)}`).done;
    assertLegal(answer);
    assert.equal(read(answer).texts.join(''), text);
    const deltas = answer.chunks.filter((c) => c.type === 'text-delta').map((c) => c.delta);
    assert.equal(deltas.length, text.length);
    assert.ok(deltas.includes(' ') && deltas.includes('\n') && deltas.includes('\t'));
  });

  test('fault 84: usage is told', async () => {
    const answer = await chat(lane.base, 'scenario:usage;in=1234;out=56;cached=1000;reason=40').done;
    assertLegal(answer);
    const { usage } = read(answer).finish.messageMetadata;
    const numbers = Object.values(usage ?? {});
    for (const n of [1234, 56, 1000, 40]) assert.ok(numbers.includes(n), `${n} in ${JSON.stringify(usage)}`);
  });

  test('fault 86: all text parts of an AI SDK message are the input, in order, each by itself', async () => {
    const texts = ['Summarise this:', ' a document', '\n', 'in one line'];
    const parts = texts.map((text) => ({ type: 'text', text }));
    assertLegal(await post(lane.base, { id: 'parts', messages: [{ id: 'u1', role: 'user', parts }] }, { path: '/api/chat' }));
    assert.deepEqual(userTexts().slice(-texts.length), texts);
    assertLegal(await post(lane.base, { messages: [{ role: 'user', content: parts }] }));
    assert.deepEqual(userTexts().slice(-texts.length), texts);
    for (const [path, body] of [['chat/completions', { messages: [{ role: 'user', content: parts }] }], ['responses', { input: [{ role: 'user', content: parts }] }]]) {
      const answer = await send(lane.base, { method: 'POST', path: `/v1/${path}`, body: { model: 'mock-model', ...body } });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(userTexts().slice(-texts.length), texts, path);
    }
    const [question] = (await send(lane.base, { path: '/api/chats/parts/messages' })).json().data;
    assert.deepEqual(question.parts, parts);
    assert.equal(question.content, texts.join('\n'));
    // Sent again it is the same message.
    assertLegal(await post(lane.base, { id: 'parts', messages: [{ id: 'u1', role: 'user', parts }] }, { path: '/api/chat' }));
    assert.equal(userTexts().filter((text) => text === texts[0]).length, 1);
  });

  test('fault 86: an image goes to Codex as an image', async () => {
    const url = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const body = { messages: [{ id: 'u1', role: 'user', parts: [{ type: 'file', mediaType: 'image/png', url }, { type: 'text', text: 'what is it?' }] }] };
    assertLegal(await post(lane.base, body));
    assert.match(fs.readFileSync(log, 'utf8').trimEnd().split('\n').at(-1), /input_image/);
  });

  test('fault 85: an error before any output is a frame every client knows', async () => {
    const seen = assertOneError(await chat(lane.base, 'scenario:http-503').done);
    assert.equal(seen.texts.length, 0);
  });

  test('fault 94: silence is filled with comments, which no client sees as content', async () => {
    const answer = chat(lane.base, 'scenario:text;words=2;ttft=18000', { ms: 60000 });
    await answer.wait((x) => /^: ping$/m.test(x.text), 'a ping');
    await answer.done;
    assert.ok(answer.text.indexOf('\n: ping\n') < answer.text.indexOf('"text-delta"'), 'it came before the first delta');
    assertLegal(answer);
    assert.doesNotMatch(answer.head, /^content-length/im);
  });
});

describe('fault 80: without an authority there is no stream', () => {
  test('a Codex that died and cannot be started again is 503 before the stream', async () => {
    const mock = await startMock();
    const folder = scratch('wrapper');
    const wrapper = path.join(folder, 'codex');
    const broken = path.join(folder, 'broken');
    fs.writeFileSync(wrapper, `#!/bin/sh\n[ ! -e ${broken} ] || exit 9\nexec ${codexBin()} "$@"\n`, { mode: 0o755 });
    const lane = await startCodexLane({ config: chatConfig, port: mock.port, bin: wrapper, name: 'orphan' });
    assertLegal(await chat(lane.base, 'scenario:text;words=2', { id: 'a' }).done);
    fs.writeFileSync(broken, '');
    const { childPids } = await import('../lib/process.mjs');
    for (const pid of childPids(lane.pid)) process.kill(pid, 'SIGKILL');
    const answer = await chat(lane.base, 'scenario:text;words=2', { id: 'a', ms: 60000 }).done;
    const { error } = assertRefused(answer, 503);
    assert.match(error.code, /authority/);
    assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
    assert.equal((await send(lane.base, { path: '/readyz' })).status, 503);
    assert.equal((await send(lane.base, { path: '/healthz' })).status, 200, 'the process itself is alive');
    fs.rmSync(broken);
    const end = Date.now() + limit(30000);
    while ((await send(lane.base, { path: '/readyz' })).status !== 200) {
      assert.ok(Date.now() < end, 'it never came back');
      await sleep(100);
    }
    assertLegal(await chat(lane.base, 'scenario:text;words=2', { id: 'a' }).done);
    await lane.stop();
    await mock.stop();
  });
});

describe('fault 83: one event that breaks the grammar costs itself, not the stream', () => {
  let lane;
  const exec = readCapture('10-exec'), echo = readCapture('01-echo');
  const started = exec.find(isEvent('turn/started'));
  const { threadId } = started.msg.params, turnId = started.msg.params.turn.id;
  const isCommand = (line) => line.msg?.params?.item?.type === 'commandExecution';
  const insertAfter = (lines, find, ...more) => { const at = lines.findIndex(find); return [...lines.slice(0, at + 1), ...more, ...lines.slice(at + 1)]; };
  before(async () => {
    lane = await startLane({
      name: 'damaged',
      replayDir: writeCaptures({
        'tool-output-without-input': exec.filter((l) => !(isEvent('item/started')(l) && isCommand(l))),
        'tool-never-finished': exec.filter((l) => !(isEvent('item/completed')(l) && isCommand(l))),
        'delta-before-its-item': echo.filter((l) => !(isEvent('item/started')(l) && l.msg.params.item.type === 'agentMessage')),
        'second-turn-inside': insertAfter(exec, isEvent('turn/started'), event(started, 'turn/started', { threadId, turn: { ...started.msg.params.turn, id: `${turnId}-2` } })),
        'a-line-of-nonsense': insertAfter(exec, isEvent('turn/started'), { t: started.t, dir: 's2c', msg: { method: 'item/started', params: 'nonsense' } }, { t: started.t, dir: 's2c', msg: { method: 'item/completed', params: { threadId, turnId, item: null } } }),
        'error-first': insertAfter(readCapture('31-http-400'), isEvent('turn/started')),
      }),
    });
  });
  after(async () => { assert.equal((await lane.stop()).code, 0); });
  for (const name of ['tool-output-without-input', 'tool-never-finished', 'second-turn-inside', 'a-line-of-nonsense']) {
    test(name, async () => {
      const answer = await chat(lane.base, `replay:${name}`).done;
      assertLegal(answer, { warnings: ['T4'] });
      assert.deepEqual(read(answer).texts, ['Command finished.'], 'the answer itself arrives');
      assert.equal(read(answer).finish.messageMetadata.status, 'completed');
    });
  }
  test('delta-before-its-item', async () => {
    const answer = await chat(lane.base, 'replay:delta-before-its-item').done;
    assertLegal(answer);
    assert.ok(read(answer).texts.join('').length > 0);
  });
  test('an error is expressible from the first event on', async () => {
    assertOneError(await chat(lane.base, 'replay:error-first').done);
  });
});

describe('fault 84: nothing after the end, nothing twice, nothing dropped in silence', () => {
  let lane;
  const exec = readCapture('10-exec');
  const completed = exec.find(isEvent('turn/completed'));
  const { threadId } = completed.msg.params, turnId = completed.msg.params.turn.id;
  const toolStart = exec.find((l) => isEvent('item/started')(l) && l.msg.params.item.type === 'commandExecution');
  before(async () => {
    const at = exec.indexOf(toolStart);
    lane = await startLane({
      name: 'late',
      replayDir: writeCaptures({
        'events-after-the-end': [...exec, event(completed, 'item/agentMessage/delta', { threadId, turnId, itemId: 'late', delta: 'too late' }), completed],
        'the-same-call-twice': [...exec.slice(0, at + 1), toolStart, ...exec.slice(at + 1)],
        'unknown-events': [...exec.slice(0, at), event(toolStart, 'item/hologram/rendered', { threadId, turnId, anything: 1 }), event(toolStart, 'item/started', { threadId, turnId, item: { type: 'hologram', id: 'h1' } }), ...exec.slice(at)],
      }),
    });
  });
  after(async () => { assert.equal((await lane.stop()).code, 0); });

  test('events after the end stay out', async () => {
    const answer = await chat(lane.base, 'replay:events-after-the-end').done;
    assertLegal(answer);
    assert.doesNotMatch(answer.text, /too late/);
    assert.equal(answer.chunks.at(-1), '[DONE]');
  });
  test('a call announced twice is announced once', async () => {
    const answer = await chat(lane.base, 'replay:the-same-call-twice').done;
    assertLegal(answer, { warnings: ['T4'] });
    assert.deepEqual(Object.values(read(answer).tools).map((tool) => tool.seen.filter((t) => t === 'tool-input-available').length), [1]);
  });
  test('what is not known is not shown, and the turn goes on', async () => {
    const answer = await chat(lane.base, 'replay:unknown-events').done;
    assertLegal(answer);
    assert.deepEqual(read(answer).texts, ['Command finished.']);
  });
});

describe('over replay', () => {
  let lane;
  before(async () => { lane = await startLane({ args: ['--cors-origin', 'https://app.example'] }); });
  after(async () => { assert.equal((await lane.stop()).code, 0); });
  const echo = (more = {}) => chatBody('replay:01-echo', more);

  test('fault 85: every frame has only members that strict clients know', async () => {
    for (const name of ['01-echo', '10-exec', '13-patch-add-update', '15-plan', '16-mcp-call', '22-mixed-reasoning-tool-text', '36-failed-context-window', '45-interrupt-mid-stream']) {
      assertLegal(await chat(lane.base, `replay:${name}`).done);
    }
  });

  test('fault 87: a path id against another body id is a 422, not a silent choice', async () => {
    const { errors } = assertRefused(await post(lane.base, echo({ id: 'body-id' }), { path: '/api/chats/path-id/stream' }), 422, 'invalid_request');
    assert.ok(errors.conversation_id);
  });

  test('fault 88: a POST makes an unknown thread, on both routes; nothing else does', async () => {
    assertRefused(await send(lane.base, { method: 'POST', path: '/api/chats/nobody-knows/stop' }), 404, 'not_found');
    for (const [id, route] of [['new-by-body', '/api/chat/stream'], ['new-by-path', '/api/chats/new-by-path/stream']]) {
      const answer = await post(lane.base, echo(route.includes(id) ? {} : { id }), { path: route });
      assertLegal(answer);
      assert.equal(answer.headers['x-oa-thread-id'], id);
      const stop = await send(lane.base, { method: 'POST', path: `/api/chats/${id}/stop` });
      assert.ok(stop.status >= 200 && stop.status < 300, `idempotent: ${stop.status}`);
    }
  });

  test('fault 89: no projection is invented', async () => {
    assertLegal(await post(lane.base, echo({ id: 'projected' })));
    for (const route of ['/api/chats/projected/runs/never-was/events', '/api/chats/unknown-thread', '/api/chats/unknown-thread/messages', '/api/chats/unknown-thread/runs']) {
      const answer = await send(lane.base, { path: route });
      assert.ok([404, 501].includes(answer.status), `${route}: ${answer.status} ${answer.text}`);
      assertRefused(answer, answer.status);
      assert.doesNotMatch(answer.text, /retired/);
    }
  });

  test('fault 90: whatever is refused is refused in JSON', async () => {
    for (const [body, headers, status] of [['{', {}, 400], ['{}', { 'content-type': 'text/plain' }, 415], [Buffer.alloc(10 << 20, 'x'), {}, 413], ['{}', {}, 422]]) {
      assertRefused(await post(lane.base, body, { headers }), status);
    }
  });

  test('fault 91: a busy thread is 409 with Retry-After while its stream is being read', async () => {
    const paced = await startLane({ name: 'paced', pace: 'recorded' });
    const running = chat(paced.base, 'replay:40-stall-idle-timeout', { id: 'busy' }); // takes five seconds
    await running.frame('text-delta');
    const second = await chat(paced.base, 'replay:01-echo', { id: 'busy' }).done;
    assertRefused(second, 409, 'turn_in_progress');
    assert.match(second.headers['retry-after'] ?? '', /^\d+$/);
    await running.done;
    assertOneError(running); // as it was recorded
    assertLegal(await chat(paced.base, 'replay:01-echo', { id: 'busy' }).done);
    await paced.stop();
  });

  test('fault 93: a page on a listed origin may send the handshake, and read the answer\'s headers', async () => {
    const ask = (origin) => send(lane.base, {
      method: 'OPTIONS',
      path: '/api/chat/stream',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,authorization,x-oa-client-build-id,x-oa-protocol-version,x-oa-schema-version' },
    });
    const listed = await ask('https://app.example');
    assert.equal(listed.status, 204, listed.text);
    assert.equal(listed.headers['access-control-allow-origin'], 'https://app.example');
    const allowed = (listed.headers['access-control-allow-headers'] ?? '').toLowerCase().split(/\s*,\s*/);
    for (const name of ['authorization', 'content-type', 'x-oa-client-build-id', 'x-oa-protocol-version', 'x-oa-schema-version']) assert.ok(allowed.includes(name), `${name} in ${allowed}`);
    assert.equal((await ask('https://evil.example')).headers['access-control-allow-origin'], undefined);
    const answer = await post(lane.base, echo(), { headers: { origin: 'https://app.example' } });
    assertLegal(answer);
    assert.equal(answer.headers['access-control-allow-origin'], 'https://app.example');
  });

  test('fault 94: the connection lives on after [DONE], and the body ends by itself', async () => {
    const one = Buffer.from(JSON.stringify(echo()));
    const request = `POST /api/chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${one.length}\r\n\r\n${one}`;
    const { connect } = await import('node:net');
    const { port } = new URL(lane.base);
    const socket = connect(Number(port), '127.0.0.1');
    let got = '';
    socket.on('data', (b) => { got += b; });
    const answers = () => got.split('data: [DONE]\n\n').length - 1;
    const until = async (n) => { const end = Date.now() + limit(10000); while (answers() < n) { assert.ok(Date.now() < end, got); await sleep(5); } };
    socket.write(request);
    await until(1);
    socket.write(request);
    await until(2);
    socket.destroy();
    assert.equal(got.match(/^HTTP\/1\.1 200/gm).length, 2);
    assert.match(got, /transfer-encoding: chunked/i);
  });
});

test('fault 92: one rule for who may come in, on every route', async () => {
  const token = 'one-rule-token-0123456789';
  const file = path.join(scratch('tokens'), 'tokens');
  fs.writeFileSync(file, tokenLine(token, 'owner=ada'), { mode: 0o600 });
  const lane = await startLane({ args: ['--tokens', file] });
  const headers = { authorization: `Bearer ${token}` };
  for (const [method, route, body] of [['POST', '/api/chat', chatBody('replay:01-echo', { id: 'mine' })], ['POST', '/api/chats/mine/stop', undefined], ['GET', '/api/chats/mine/stream', undefined]]) {
    assertRefused(await send(lane.base, { method, path: route, body, headers: { cookie: `oa_access_token=${token}` } }), 401, 'unauthorized');
    const allowed = await send(lane.base, { method, path: route, body, headers });
    assert.ok(allowed.status < 300, `${route}: ${allowed.status} ${allowed.text}`);
  }
  for (const route of ['/healthz', '/readyz', '/version']) assert.equal((await send(lane.base, { path: route })).status, 200);
  const half = open(lane.base, { method: 'POST', path: '/api/chat', body: chatBody('replay:01-echo'), headers: { authorization: 'bearer ' + token } });
  assertLegal(await half.done); // the scheme's case does not matter
  await lane.stop();
});
