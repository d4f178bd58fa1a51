// What clients send wrong: each gets its own status, code and sentence as JSON before any stream, in
// the gate's order, and the lane goes on serving.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch } from '../lib/process.mjs';
import { startLane, tokenLine } from '../lib/lane.mjs';
import { chat, chatBody, open, send } from '../lib/http.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';

const GOOD = { 'x-oa-client-build-id': '20260221T130000Z', 'x-oa-protocol-version': 'openagents.control.v1', 'x-oa-schema-version': '1' };
const user = (text = 'replay:01-echo') => chatBody(text).messages;
const post = (base, body, { path = '/api/chat/stream', headers = {} } = {}) => send(base, { method: 'POST', path, headers, body });

async function assertStillServing(base, headers = {}) {
  const answer = await chat(base, 'replay:01-echo', { headers }).done;
  assertLegal(answer);
  assert.equal(read(answer).texts.length, 1);
}

describe('a lane without auth', () => {
  let lane;
  before(async () => { lane = await startLane(); });
  after(async () => { assert.equal((await lane.stop()).code, 0); });
  const refused = (name, status, code, body, options) => test(name, async () => {
    const answer = await post(lane.base, body, options);
    assertRefused(answer, status, code);
    await assertStillServing(lane.base);
  });

  describe('malformed JSON is 400 invalid_json', () => {
    for (const [name, body] of Object.entries({
      'cut short': '{"messages":[',
      'no JSON at all': 'hello',
      'an empty body': '',
      'text after the value': '{"messages":[]} x',
      'a comment': '{/* */"messages":[]}',
      'a byte order mark': '\ufeff{"messages":[]}',
      'a bad UTF-8 byte': Buffer.concat([Buffer.from('{"text":"a'), Buffer.from([0xff]), Buffer.from('"}')]),
      'an overlong UTF-8 sequence': Buffer.concat([Buffer.from('{"text":"a'), Buffer.from([0xc0, 0x80]), Buffer.from('"}')]),
      'a lone surrogate': '{"text":"\\ud800"}',
      '100 levels of nesting': `{"text":${'['.repeat(100)}${']'.repeat(100)}}`,
      '200,000 levels of nesting': '['.repeat(200000),
    })) refused(name, 400, 'invalid_json', body);
  });

  describe('JSON of the wrong type is 422 invalid_request and names the field', () => {
    for (const [name, [body, field]] of Object.entries({
      'an array': [[], 'body'],
      'a string': ['"text"', 'body'],
      null: ['null', 'body'],
      'a number': ['42', 'body'],
      'messages as a string': [{ messages: 'hello' }, 'messages'],
      'messages as an object': [{ messages: { 0: 'hello' } }, 'messages'],
      'a message that is a number': [{ messages: [1] }, 'messages'],
      'a thread id that is a number': [{ id: 5, messages: user() }, 'conversation_id'],
      'a messageId that is an object': [{ messageId: {}, messages: user() }, 'messageId'],
      'a text that is a number': [{ text: 5 }, 'text'],
    })) {
      test(name, async () => {
        const answer = await post(lane.base, body);
        const { errors } = assertRefused(answer, 422, 'invalid_request');
        assert.ok(Array.isArray(errors?.[field]), JSON.stringify(errors));
        await assertStillServing(lane.base);
      });
    }
  });

  describe('no user message is 422', () => {
    for (const [name, body] of Object.entries({
      'an empty object': {},
      'no messages': { messages: [] },
      'blank text': { messages: [{ role: 'user', parts: [{ type: 'text', text: ' \n ' }] }] },
      'only an assistant message': { messages: [{ role: 'assistant', parts: [{ type: 'text', text: 'hi' }] }] },
      'the last message is the assistant\'s': { messages: [...user(), { id: 'a1', role: 'assistant', parts: [{ type: 'text', text: 'hi' }] }] },
      'only a system message': { messages: [{ role: 'system', content: 'be good' }] },
    })) {
      test(name, async () => {
        const { errors } = assertRefused(await post(lane.base, body), 422, 'invalid_request');
        assert.ok(errors.messages?.length > 0);
      });
    }
  });

  describe('bad thread ids are 422 and name conversation_id', () => {
    for (const id of ['a/b', '../x', 'a b', 'é', 'a%2Fb', 'x'.repeat(129), 'a\u0000b', '<b>']) {
      test(`body id ${JSON.stringify(id.slice(0, 12))}`, async () => {
        const { errors } = assertRefused(await post(lane.base, { id, messages: user() }), 422, 'invalid_request');
        assert.ok(errors.conversation_id);
      });
    }
    for (const id of ['a%2Fb', '%2e%2e%2fx', '%zz', '%', 'a%00b', '%F0%9F%98%80', 'x'.repeat(129), '%20']) {
      test(`path id ${id.slice(0, 12)}`, async () => {
        const { errors } = assertRefused(await post(lane.base, { messages: user() }, { path: `/api/chats/${id}/stream` }), 422, 'invalid_request');
        assert.ok(errors.conversation_id);
      });
    }
    test('128 characters of the alphabet are fine, also percent-encoded', async () => {
      const id = `A-_${'z9'.repeat(62)}Q`;
      assertLegal(await post(lane.base, { id, messages: user() }));
      assertLegal(await post(lane.base, { messages: user() }, { path: `/api/chats/%41bc_${process.pid}/stream` }));
    });
  });

  describe('conflicting aliases are 422, agreeing ones are fine', () => {
    const names = ['conversationId', 'conversation_id', 'threadId', 'thread_id', 'id'];
    for (const name of names.slice(1)) {
      test(`conversationId against ${name}`, async () => {
        const { errors } = assertRefused(await post(lane.base, { conversationId: 'one', [name]: 'two', messages: user() }), 422, 'invalid_request');
        assert.ok(errors.conversation_id);
      });
    }
    test('the path against the body', async () => {
      assertRefused(await post(lane.base, { id: 'two', messages: user() }, { path: '/api/chats/one/stream' }), 422, 'invalid_request');
    });
    test('all five alike', async () => {
      const answer = await post(lane.base, { ...Object.fromEntries(names.map((name) => [name, 'same-id'])), messages: user() });
      assertLegal(answer);
    });
    test('worker ids', async () => {
      assertRefused(await post(lane.base, { workerId: 'a', worker_id: 'b', messages: user() }), 422, 'invalid_request');
    });
  });

  describe('a part that cannot be carried is 422 unsupported_part and is named', () => {
    for (const [name, part] of Object.entries({
      'a PDF file': { type: 'file', mediaType: 'application/pdf', url: 'data:application/pdf;base64,AAAA' },
      'an unknown part': { type: 'hologram', value: 1 },
      'an image by https': { type: 'file', mediaType: 'image/png', url: 'https://example.org/a.png' },
      'an SVG image': { type: 'file', mediaType: 'image/svg+xml', url: 'data:image/svg+xml;base64,PHN2Zy8+' },
      'an image that was cut': { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,iVBOR' },
      'half an image': { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAA' },
      'a local file': { type: 'file', mediaType: 'image/png', url: 'file:///etc/passwd' },
    })) {
      test(name, async () => {
        const body = { messages: [{ id: 'u1', role: 'user', parts: [part, { type: 'text', text: 'what is this?' }] }] };
        const { error } = assertRefused(await post(lane.base, body), 422, 'unsupported_part');
        assert.match(JSON.stringify(error), /parts\[0\]/);
      });
    }
  });

  test('a text of more than 200,000 characters is 422', async () => {
    assertRefused(await post(lane.base, { messages: user('x'.repeat(200001)) }), 422, 'invalid_request');
  });

  describe('another content type is 415', () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', null]) {
      refused(String(type), 415, 'unsupported_media_type', JSON.stringify({ messages: user() }), { headers: { 'content-type': type } });
    }
    test('application/json with a charset is fine', async () => {
      assertLegal(await post(lane.base, { messages: user() }, { headers: { 'content-type': 'Application/JSON; charset=UTF-8' } }));
    });
  });

  describe('a body of 10 MB is 413', () => {
    const big = Buffer.from(JSON.stringify({ messages: user('x'.repeat(10 << 20)) }));
    test('announced by its length, and answered without reading it', async () => {
      const answer = await send(lane.base, { method: 'POST', path: '/api/chat/stream', body: big });
      assertRefused(answer, 413, 'payload_too_large');
      await assertStillServing(lane.base);
    });
    test('in chunks', async () => {
      const head = Buffer.from('POST /api/chat/stream HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
      const chunks = [head];
      for (let at = 0; at < big.length; at += 65536) {
        const piece = big.subarray(at, at + 65536);
        chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
      }
      chunks.push(Buffer.from('0\r\n\r\n'));
      const answer = await send(lane.base, { raw: Buffer.concat(chunks) });
      assertRefused(answer, 413, 'payload_too_large');
      await assertStillServing(lane.base);
    });
  });

  describe('routes and methods', () => {
    test('an unknown route is 404 with the envelope', async () => {
      assertRefused(await send(lane.base, { path: '/api/nothing' }), 404, 'not_found');
    });
    test('a wrong method is 405 and names the right one', async () => {
      const answer = await send(lane.base, { method: 'DELETE', path: '/api/chat/stream' });
      assertRefused(answer, 405, 'method_not_allowed');
      assert.match(answer.headers.allow ?? '', /POST/);
    });
    test('what is no HTTP at all is 400 or a closed connection, and nothing dies', async () => {
      const answer = await send(lane.base, { raw: Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage\r\n\r\n') });
      assert.ok(answer.status === 400 || answer.status === 0, `${answer.status}`);
      await assertStillServing(lane.base);
    });
    test('a head of 200 kB is 431', async () => {
      const answer = await send(lane.base, { path: '/healthz', headers: { 'x-long': 'y'.repeat(200000) } });
      assert.equal(answer.status, 431);
      await assertStillServing(lane.base);
    });
    test('a request that never ends does not hold others up', async () => {
      const half = open(lane.base, { raw: Buffer.from('POST /api/chat/stream HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{') });
      await assertStillServing(lane.base);
      half.destroy();
    });
  });

  test('no refusal looks like a stream or like the retired bridge', async () => {
    const answer = await post(lane.base, '{');
    for (const name of ['x-vercel-ai-ui-message-stream', 'x-oa-legacy-chat-retired', 'x-oa-legacy-chat-canonical', 'x-oa-legacy-chat-stream-protocol']) {
      assert.equal(answer.headers[name], undefined, name);
    }
    assert.match(answer.headers['cache-control'] ?? '', /no-store/);
  });
  test('a request id of the client is echoed', async () => {
    const answer = await post(lane.base, '{', { headers: { 'x-request-id': 'mine-4711' } });
    assert.equal(answer.headers['x-request-id'], 'mine-4711');
    assertRefused(answer, 400);
  });
});

describe('a lane with tokens that requires the handshake', () => {
  let lane;
  const tokens = { alice: 'alice-token-0123456789', bob: 'bob-token-0123456789', late: 'late-token-0123456789' };
  before(async () => {
    const folder = scratch('policy');
    const tokenFile = path.join(folder, 'tokens');
    fs.writeFileSync(tokenFile, [
      '# who may talk to the lane\n',
      tokenLine(tokens.alice, 'owner=alice'),
      tokenLine(tokens.bob, 'owner=bob'),
      tokenLine(tokens.late, 'owner=late expires=2020-01-01T00:00:00Z'),
    ].join(''), { mode: 0o600 });
    const policy = path.join(folder, 'compat.json');
    fs.writeFileSync(policy, JSON.stringify({ min_client_build_id: '20260101T000000Z', max_client_build_id: '20261231T235959Z', min_schema_version: 1, max_schema_version: 2 }));
    lane = await startLane({ name: 'guarded', args: ['--compat', 'required', '--compat-policy', policy, '--tokens', tokenFile] });
  });
  after(async () => { assert.equal((await lane.stop()).code, 0); });
  const as = (who, more = {}) => ({ ...GOOD, authorization: `Bearer ${tokens[who] ?? who}`, ...more });

  describe('the handshake: 426 with its code, in order', () => {
    for (const [name, [headers, code]] of Object.entries({
      'no header at all': [{}, 'invalid_client_build'],
      'a blank build': [{ ...GOOD, 'x-oa-client-build-id': '  ' }, 'invalid_client_build'],
      'build before protocol': [{ 'x-oa-protocol-version': 'nonsense' }, 'invalid_client_build'],
      'another protocol': [{ ...GOOD, 'x-oa-protocol-version': 'openagents.control.v2' }, 'unsupported_protocol_version'],
      'no protocol': [{ ...GOOD, 'x-oa-protocol-version': null }, 'unsupported_protocol_version'],
      'schema 0': [{ ...GOOD, 'x-oa-schema-version': '0' }, 'unsupported_schema_version'],
      'schema 3': [{ ...GOOD, 'x-oa-schema-version': '3' }, 'unsupported_schema_version'],
      'schema that is not a number': [{ ...GOOD, 'x-oa-schema-version': '1; drop' }, 'unsupported_schema_version'],
      'a build below the window': [{ ...GOOD, 'x-oa-client-build-id': '20251231T235959Z' }, 'upgrade_required'],
      'a build above the window': [{ ...GOOD, 'x-oa-client-build-id': '20270101T000000Z' }, 'unsupported_client_build'],
      'protocol before schema': [{ ...GOOD, 'x-oa-protocol-version': 'v0', 'x-oa-schema-version': '9' }, 'unsupported_protocol_version'],
    })) {
      test(name, async () => {
        const answer = await post(lane.base, { messages: user() }, { headers: { ...headers, authorization: as('alice').authorization } });
        const body = assertRefused(answer, 426, code);
        assert.deepEqual(body.compatibility, {
          code,
          message: body.message,
          retryable: false,
          upgrade_required: true,
          surface: 'control_api',
          min_client_build_id: '20260101T000000Z',
          max_client_build_id: '20261231T235959Z',
          min_schema_version: 1,
          max_schema_version: 2,
          protocol_version: 'openagents.control.v1',
        });
        for (const [header, value] of Object.entries({
          'x-oa-compatibility-code': code,
          'x-oa-compatibility-upgrade-required': 'true',
          'x-oa-compatibility-protocol-version': 'openagents.control.v1',
          'x-oa-compatibility-min-client-build-id': '20260101T000000Z',
          'x-oa-compatibility-max-client-build-id': '20261231T235959Z',
          'x-oa-compatibility-min-schema-version': '1',
          'x-oa-compatibility-max-schema-version': '2',
        })) assert.equal(answer.headers[header], value, header);
        assert.match(answer.headers['cache-control'], /no-store/);
      });
    }
    test('the bounds are inclusive', async () => {
      for (const build of ['20260101T000000Z', '20261231T235959Z']) {
        assertLegal(await post(lane.base, { messages: user() }, { headers: as('alice', { 'x-oa-client-build-id': build, 'x-oa-schema-version': '2' }) }));
      }
    });
    test('reads and health are not gated', async () => {
      for (const route of ['/healthz', '/readyz', '/version']) assert.equal((await send(lane.base, { path: route })).status, 200, route);
    });
    test('every answer of the stream routes states the window', async () => {
      const answer = await post(lane.base, { messages: user() }, { headers: as('alice') });
      assertLegal(answer);
      assert.equal(answer.headers['x-oa-compatibility-min-client-build-id'], '20260101T000000Z');
      assert.equal(answer.headers['x-oa-compatibility-max-schema-version'], '2');
    });
  });

  describe('tokens: 401 unauthorized', () => {
    for (const [name, authorization] of Object.entries({
      'no header': null,
      'no scheme': tokens.alice,
      'another scheme': `Basic ${tokens.alice}`,
      'an unknown token': 'Bearer nobody-knows-this-token',
      'an empty token': 'Bearer ',
      'a token and more': `Bearer ${tokens.alice} x`,
      'an expired token': `Bearer ${tokens.late}`,
      'the digest instead of the token': `Bearer ${tokenLine(tokens.alice, '').slice('sha256:'.length).trim()}`,
    })) {
      test(name, async () => {
        const answer = await post(lane.base, { messages: user() }, { headers: { ...GOOD, authorization } });
        assertRefused(answer, 401, 'unauthorized');
        assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer/);
        for (const token of Object.values(tokens)) assert.equal(answer.text.includes(token), false);
        await assertStillServing(lane.base, as('bob'));
      });
    }
    test('a cookie is no token', async () => {
      assertRefused(await post(lane.base, { messages: user() }, { headers: { ...GOOD, cookie: `oa_access_token=${tokens.alice}` } }), 401, 'unauthorized');
    });
    test('a token in the address is no token', async () => {
      assertRefused(await post(lane.base, { messages: user() }, { path: `/api/chat/stream?token=${tokens.alice}`, headers: GOOD }), 401, 'unauthorized');
    });
  });

  describe('the gate\'s order', () => {
    const nothing = { 'content-type': 'text/plain' };
    const rows = [
      ['size before handshake', 413, { ...nothing }, Buffer.alloc(10 << 20, 'x')],
      ['handshake before token', 426, { ...nothing }, '{'],
      ['token before content type', 401, { ...GOOD, ...nothing }, '{'],
      ['content type before JSON', 415, as('alice', nothing), '{'],
      ['JSON before schema', 400, as('alice'), '{'],
      ['schema after all', 422, as('alice'), '{}'],
    ];
    for (const [name, status, headers, body] of rows) {
      test(name, async () => { assertRefused(await send(lane.base, { method: 'POST', path: '/api/chat/stream', headers, body }), status); });
    }
  });

  test("another owner's thread does not exist", async () => {
    const id = `owned-${process.pid}`;
    const first = await post(lane.base, { id, messages: user() }, { headers: as('alice') });
    assertLegal(first);
    assertRefused(await send(lane.base, { method: 'POST', path: `/api/chats/${id}/stop`, headers: as('bob') }), 404, 'not_found');
    const own = await post(lane.base, { id, messages: user() }, { headers: as('bob') });
    assertLegal(own); // for bob the id is new, and it becomes a thread of his own
    assert.notEqual(read(own).start.messageId, undefined);
  });

  test('no token stands in the log', () => {
    for (const token of Object.values(tokens)) assert.equal(lane.stderr.includes(token) || lane.stdout.includes(token), false);
  });
});
