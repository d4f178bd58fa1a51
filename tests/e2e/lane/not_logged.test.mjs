// Prompts, answers, tokens and keys stand in no log of the lane, at no level, however a turn ends.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { event, isEvent, readCapture, writeCaptures } from '../lib/captures.mjs';
import { agentConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { read } from '../lib/contract.mjs';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { scratch } from '../lib/process.mjs';
import { promtool } from '../lib/prometheus.mjs';
import { assertNotLogged, planted, plantedKey } from '../lib/not_logged.mjs';

test('the check itself finds what it looks for', () => {
  const mark = planted('text');
  const text = (inner) => [{ name: 'log', text: inner }];
  assertNotLogged({ mark }, text('nothing of the kind'));
  for (const inner of [mark, Buffer.from(mark).toString('base64'), encodeURIComponent(mark), `cut ${mark.slice(0, 25)}`]) {
    assert.throws(() => assertNotLogged({ mark }, text(`a ${inner} b`)), /tells mark/, inner);
  }
  assert.throws(() => assertNotLogged({ mark }, text('')), /nothing was logged/);
});

for (const format of ['json', 'logfmt']) {
  test(`replay, ${format}: good and bad requests, answers, failures that quote the prompt`, async () => {
    const marks = { prompt: planted('prompt'), answer: planted('answer'), token: plantedKey(), wrongToken: plantedKey(), query: planted('query') };
    const isDelta = isEvent('item/agentMessage/delta');
    const failing = readCapture('36-failed-context-window');
    for (const line of failing) {
      for (const error of [line.msg?.params?.error, line.msg?.params?.turn?.error].filter(Boolean)) error.message = `upstream said: ${marks.prompt} is too long, Bearer ${marks.token}`;
    }
    const speaking = readCapture('01-echo').map((line) => (isDelta(line) ? event(line, 'item/agentMessage/delta', { ...line.msg.params, delta: marks.answer }) : line));
    const log = path.join(scratch('log'), 'access.log');
    const lane = await startLane({
      replayDir: writeCaptures({ speaking, failing, killed: readCapture('56-kill-mid-turn') }),
      args: ['--log-level', 'debug', '--access-log', log, '--access-log-format', format, '--limit', 'text-chars=200'],
      env: { OA_STREAM_TOKEN: marks.token },
    });
    const headers = { authorization: `Bearer ${marks.token}` };
    for (const name of ['speaking', 'failing', 'killed']) {
      const answer = await chat(lane.base, `replay:${name} ${marks.prompt}`, { headers, id: name }).done;
      if (name === 'speaking') assert.ok(read(answer).texts.join('').includes(marks.answer));
      if (name === 'failing') assert.equal(read(answer).errors.length, 1);
    }
    await chat(lane.base, marks.prompt, { headers: { authorization: `Bearer ${marks.wrongToken}` } }).done;
    await chat(lane.base, marks.prompt.repeat(9), { headers }).done;
    await send(lane.base, { method: 'POST', path: '/api/chat', headers, body: `{"messages": "${marks.prompt}` });
    await send(lane.base, { method: 'POST', path: '/api/chat', headers: { ...headers, 'content-type': 'text/plain' }, body: marks.prompt });
    await send(lane.base, { path: `/api/chat?token=${encodeURIComponent(marks.query)}`, headers });
    await send(lane.base, { path: `/${encodeURIComponent(marks.query)}`, headers });
    await open(lane.base, { raw: `POST /api/chat HTTP/1.1\r\nhost: localhost\r\n${marks.prompt}\r\n\r\n` }).done;
    await send(lane.base, { method: 'POST', path: '/v1/chat/completions', headers, body: { model: 'x', messages: [{ role: 'user', content: `replay:failing ${marks.prompt}` }] } });
    const page = (await send(lane.base, { path: '/metrics', headers })).text;
    assert.equal((await lane.stop()).code, 0);
    assertNotLogged(marks, [lane, log, { name: '/metrics', text: page }]);
    assert.match(lane.stderr, /upstream said/, 'what the provider says about it is still told');
  });
}

test('real Codex: provider key, prompts, answers, tool output and upstream errors that quote them', async () => {
  const marks = { prompt: planted('prompt'), answer: planted('answer'), output: planted('output'), key: plantedKey(), token: plantedKey() };
  const spec = (text) => encodeURIComponent(text).replaceAll("'", '%27');
  const mock = await startMock();
  const log = path.join(scratch('log'), 'access.log');
  const lane = await startCodexLane({
    config: agentConfig, port: mock.port, name: 'codex-not-logged',
    args: ['--log-level', 'debug', '--access-log', log, '--codex-profile', 'agent'],
    env: { MOCK_API_KEY: marks.key, OA_STREAM_TOKEN: marks.token },
  });
  const headers = { authorization: `Bearer ${marks.token}` };
  const quote = spec(`cannot answer: ${marks.prompt} (key ${marks.key})`);
  const turns = [
    `scenario:text;text=${spec(marks.answer)}`,
    `scenario:exec;cmd=${spec(`echo ${marks.output}; echo ${marks.output} >&2; exit 3`)}`,
    `scenario:http;status=400;msg=${quote}`,
    `scenario:http;status=401;msg=${quote}`,
    `scenario:failed-mid;msg=${quote}`,
    `scenario:error-event;msg=${quote}`,
    'scenario:drop-mid',
    'scenario:malformed',
    `scenario:unknown-tool;tool=${'no_such'};args=${spec(JSON.stringify({ text: marks.output }))}`,
    `scenario:mcp;tool=fail;arg=${spec(marks.output)}`,
    `scenario:mcp;tool=boom;arg=${spec(marks.output)}`,
  ];
  const ends = [];
  for (const [n, turn] of turns.entries()) {
    const answer = await chat(lane.base, `${marks.prompt} ${turn}`, { headers, id: `t${n}`, ms: 60000 }).done;
    assert.equal(answer.status, 200, answer.text);
    ends.push(read(answer).errors.length);
  }
  assert.ok(ends.filter((errors) => errors === 1).length >= 4, `${ends}`);
  await send(lane.base, { method: 'POST', path: '/api/chats/t0/stop', headers });
  await send(lane.base, { method: 'POST', path: '/api/chat', headers, body: chatBody('') });
  const page = (await send(lane.base, { path: '/metrics' })).text;
  assert.match(page, /^oa_stream_codex_up 1$/m);
  assert.deepEqual(promtool(['check', 'metrics'], page), { code: 0, output: '' });
  assert.equal((await lane.stop()).code, 0);
  assertNotLogged(marks, [lane, log, { name: '/metrics', text: page }]);
  assert.match(lane.stderr, /"event":"turn_ended"/);
  assert.match(fs.readFileSync(log, 'utf8'), /"terminal":"completed"/);
});
