// A small lane of another make that keeps the contract, and can be told to break it in one way at a
// time. `smoke stream` has to pass the honest one and to fail each of the others.
import http from 'node:http';
import { sleep } from './process.mjs';

const WORDS = Array.from({ length: 40 }, (_, n) => String(n + 1));
export const TOKEN = 'fake-lane-token-0123456789';
const WINDOW = {
  'x-oa-compatibility-protocol-version': 'openagents.control.v1',
  'x-oa-compatibility-min-client-build-id': '20260101T000000Z',
  'x-oa-compatibility-min-schema-version': '1',
  'x-oa-compatibility-max-schema-version': '1',
};

export const frame = (chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`;

/** The honest answer: an array of frames, and of numbers, which are pauses in ms. */
export function honestFrames(turn, words = WORDS) {
  return [
    frame({ type: 'start', messageId: turn, messageMetadata: { threadId: 'fake' } }),
    frame({ type: 'start-step' }),
    frame({ type: 'text-start', id: 't1' }),
    ...words.flatMap((word) => [frame({ type: 'text-delta', id: 't1', delta: `${word} ` }), 8]),
    frame({ type: 'text-end', id: 't1' }),
    frame({ type: 'finish-step' }),
    frame({ type: 'finish', messageMetadata: { status: 'completed' } }),
    frame('[DONE]'),
  ];
}

function refusal(status, code, more = {}, headers = {}) {
  return { status, headers, body: { message: code, error: { code, message: code }, ...more } };
}

/** Why a POST to a stream route is refused, in the gate's order; null when it is not. */
function gate(request, body) {
  const compat = (code) => refusal(426, code, {
    compatibility: { code, message: code, retryable: false, upgrade_required: true, surface: 'control_api', min_client_build_id: '20260101T000000Z', max_client_build_id: null, min_schema_version: 1, max_schema_version: 1, protocol_version: 'openagents.control.v1' },
  }, { 'x-oa-compatibility-code': code, 'x-oa-compatibility-upgrade-required': 'true' });
  const h = request.headers;
  if (!h['x-oa-client-build-id']?.trim()) return compat('invalid_client_build');
  if (h['x-oa-protocol-version'] !== 'openagents.control.v1') return compat('unsupported_protocol_version');
  if (h['x-oa-schema-version'] !== '1') return compat('unsupported_schema_version');
  if (h['x-oa-client-build-id'] < '20260101T000000Z') return compat('upgrade_required');
  if (h.authorization !== `Bearer ${TOKEN}`) return refusal(401, 'unauthorized', {}, { 'www-authenticate': 'Bearer' });
  if (!/^application\/json\b/.test(h['content-type'] ?? '')) return refusal(415, 'unsupported_media_type');
  let json;
  try { json = JSON.parse(body); } catch { return refusal(400, 'invalid_json'); }
  if (json.messages?.at(-1)?.role !== 'user') return refusal(422, 'invalid_request', { errors: { messages: ['none'] } });
  return null;
}

/**
 * quirks:
 *   frames(frames, turn) → other frames      headers(headers) → other headers
 *   gate(decision, request) → other decision  write(response, frames) → writes in its own way
 */
export async function startFakeLane(quirks = {}) {
  const seen = { posts: [], threads: [], kept: new Set() };
  let turns = 0;
  const server = http.createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces).toString();
    const path = request.url.split('?')[0];
    const json = (status, value, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...WINDOW, ...headers });
      response.end(JSON.stringify(value));
    };
    if (request.method === 'GET' && ['/healthz', '/readyz'].includes(path)) return json(200, { status: 'ok' });
    if (request.method === 'GET' && /^\/api\/chats\/[^/]+\/stream$/.test(path)) {
      response.writeHead(204);
      return response.end();
    }
    const chat = /^\/api\/chats\/([^/]+)$/.exec(path)?.[1];
    if (request.method === 'DELETE' && chat && request.headers.authorization === `Bearer ${TOKEN}`) {
      if (!seen.kept.delete(chat)) return json(404, { message: 'none', error: { code: 'not_found', message: 'none' } });
      response.writeHead(204);
      return response.end();
    }
    const named = /^\/api\/chats\/([^/]+)\/stream$/.exec(path);
    if (request.method !== 'POST' || !(named || ['/api/chat', '/api/chat/stream'].includes(path))) return json(404, { message: 'none', error: { code: 'not_found', message: 'none' } });
    let decision = gate(request, body);
    if (quirks.gate) decision = quirks.gate(decision, request);
    if (decision) return json(decision.status, decision.body, decision.headers);
    let parsed = {};
    try { parsed = JSON.parse(body); } catch { /* a quirk let it through */ }
    seen.posts.push({ path, body: parsed });
    seen.threads.push(named?.[1] ?? parsed.id);
    seen.kept.add(seen.threads.at(-1));
    const turn = `turn-${++turns}`;
    let headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-vercel-ai-ui-message-stream': 'v1',
      'x-accel-buffering': 'no',
      'x-request-id': `req-${turns}`,
      ...WINDOW,
    };
    if (quirks.headers) headers = quirks.headers(headers);
    response.writeHead(200, headers);
    response.socket?.setNoDelay(true);
    let frames = honestFrames(turn);
    if (quirks.frames) frames = quirks.frames(frames, turn);
    if (quirks.write) return quirks.write(response, frames);
    for (const piece of frames) {
      if (typeof piece === 'number') await sleep(piece);
      else response.write(piece);
    }
    response.end();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  server.keepAliveTimeout = 60_000; // stop() ends them: none ends just as it is used again
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    seen,
    stop: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
  };
}

/** A relay in front of a lane whose streams pass through `edit(body)`; `delay(body)` ms come before the last frame; `seen` gets every request's method, URL and headers. */
export async function relay(base, { edit = (body) => body, late = 0, seen = [] } = {}) {
  const server = http.createServer((request, answer) => {
    seen.push({ method: request.method, url: request.url, headers: request.headers });
    const up = http.request(new URL(request.url, base), { method: request.method, headers: request.headers, agent: false }, async (got) => {
      const pieces = [];
      for await (const piece of got) pieces.push(piece);
      let body = Buffer.concat(pieces).toString();
      if (/event-stream/.test(got.headers['content-type'] ?? '')) {
        body = edit(body);
        if (late) await new Promise((done) => setTimeout(done, late));
      }
      const { 'content-length': _, 'transfer-encoding': __, ...headers } = got.headers;
      answer.writeHead(got.statusCode, headers);
      answer.end(body);
    });
    up.on('error', () => answer.destroy());
    request.pipe(up);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { base: `http://127.0.0.1:${server.address().port}`, stop: () => { server.closeAllConnections(); server.close(); } };
}
