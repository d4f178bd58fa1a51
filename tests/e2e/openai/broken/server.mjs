// A small server of both OpenAI APIs that keeps every rule the smokes look at; a fault changes one of
// its rules (good.mjs). `scenarios`: it plays the made-up turns, too.
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { completion, respond } from './answers.mjs';
import { GOOD, KEY, MODEL } from './good.mjs';
import { ignoredOf, refusal } from './refusals.mjs';
import { turnOf } from './turns.mjs';


/** What answers an exchange: status, JSON, errors. */
class Exchange {
  constructor(rule, state, request, response) {
    Object.assign(this, { rule, state, request, response });
    this.id = rule.requestId();
    this.cors = rule.cors && request.headers.origin ? { 'access-control-allow-origin': '*' } : {};
  }
  head(more, error = false) {
    const id = error ? this.rule.errorRequestId(this.id) : this.id;
    return { ...(id ? { 'x-request-id': id } : {}), ...(error && this.rule.cors === 'no errors' ? {} : this.cors), ...more };
  }
  json(status, value, headers = {}, error = false) {
    const text = this.rule.wholeRaw(JSON.stringify(value), error);
    if (this.request.method === 'HEAD' && this.rule.headBody) return void this.response.socket.end(`HTTP/1.1 ${status} OK\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`);
    const type = error ? 'application/json' : this.rule.wholeType;
    if (this.rule.behind) this.response.on('finish', () => this.request.socket.write(this.rule.behind));
    this.response.writeHead(status, this.head({ 'content-type': type, 'content-length': Buffer.byteLength(text) + (error ? 0 : this.rule.contentLength), ...headers }, error)).end(this.request.method === 'HEAD' ? '' : text);
  }
  error(status, code, param = null, headers = {}) {
    const { rule } = this;
    const seen = status === 400 ? rule.errorStatus : status;
    if (rule.jsonErrors !== 'json') return void this.response.writeHead(seen, this.head({ 'content-type': rule.jsonErrors === 'html' ? 'text/html' : 'text/plain', ...headers }, true)).end(rule.jsonErrors === 'html' ? '<html>wrong</html>' : 'wrong');
    const type = status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error';
    this.json(rule.errorUnder200 ? 200 : seen, { error: rule.errorObject({ message: `wrong: ${code}`, type, param, code }) }, { ...headers, ...rule.errorHead }, true);
  }
}

function preflight(x) {
  const names = x.rule.preflightNames ? { allow: 'POST, GET' } : {};
  const granted = x.rule.cors && x.request.headers.origin ? { 'access-control-allow-methods': 'POST, GET, OPTIONS', 'access-control-allow-headers': x.rule.cors === 'no key' ? 'content-type' : 'authorization, content-type' } : {};
  x.response.writeHead(204, x.head({ ...names, ...granted })).end();
}

function knows(x, path) {
  const { rule, request } = x, key = request.headers.authorization;
  if (!rule.auth || (!rule.modelsKey && path.startsWith('/v1/models'))) return true;
  const wanted = `Bearer ${KEY}`, given = rule.scheme ? key?.replace(/^bearer /i, 'Bearer ') : key;
  return given === wanted || (key !== undefined && rule.badKey(key));
}

function models(x, model) {
  const { rule } = x, one = (id) => rule.one({ id, object: 'model', created: 5, owned_by: 'me' });
  if (x.request.method === 'HEAD' && !rule.head) return x.error(405, 'method_not_allowed', null, { allow: 'GET' });
  if (!model) return rule.modelsList ? x.json(200, { object: rule.modelsObject, data: [one(MODEL)] }) : x.error(404, 'not_found');
  if (!rule.oneModel) return x.error(404, 'not_found');
  return model === MODEL || rule.anyModel({}) ? x.json(200, one(model)) : x.error(404, rule.modelCode, 'model');
}

function keptResponse(x, id) {
  const { stored } = x.state, found = stored.get(id);
  if (!found) return x.error(404, 'not_found');
  if (x.request.method === 'DELETE') { if (x.rule.deletes) stored.delete(id); return x.json(200, { id, object: 'response', deleted: true }); }
  return x.json(200, found);
}

async function bodyOf(request) {
  const all = [];
  for await (const bytes of request) all.push(bytes);
  return Buffer.concat(all).toString('utf8');
}

/** The body as an object; answers and returns null when there is none. */
async function read(x) {
  const { rule, request } = x, type = request.headers['content-type'];
  if (Number(request.headers['content-length'] ?? 0) > rule.most) { x.error(413, 'request_too_large', null, { connection: 'close' }); return null; }
  if (!rule.chunkedBodies && request.headers['transfer-encoding']) { x.error(411, 'length_required'); return null; }
  const body = await bodyOf(request);
  if ((rule.mediaType && !type?.startsWith('application/json')) || (!rule.charset && type !== 'application/json')) { x.error(rule.mediaType || 415, 'unsupported_media_type'); return null; }
  let asked;
  try { asked = JSON.parse(body); } catch { asked = null; }
  if (asked && !Array.isArray(asked) && typeof asked === 'object') return asked;
  if (rule.anyBody(body)) return { model: MODEL, messages: [{ role: 'user', content: 'x' }], input: 'x' };
  x.error(rule.brokenStatus, 'invalid_json');
  return null;
}

/** Says nothing for `ms`, with a comment every `ping` ms, or until the client leaves. */
async function silence(response, ms, ping) {
  const timer = ping > 0 ? setInterval(() => response.write(': ping\n\n'), ping) : undefined;
  for (const by = Date.now() + ms; Date.now() < by && !response.destroyed; await sleep(20));
  clearInterval(timer);
}

async function stream(x, answer, turn, head) {
  const { rule, response } = x;
  const old = !rule.http10 && x.request.httpVersion === '1.0';
  response.writeHead(rule.status, x.head(old ? { ...head, 'transfer-encoding': 'chunked' } : head));
  const frames = rule.edit(structuredClone(answer.frames));
  let all = Buffer.alloc(0), content = 0;
  for (const frame of frames) {
    const text = `${frame.name ? `event: ${frame.name}\n` : ''}data: ${frame.data === '[DONE]' ? frame.data : JSON.stringify(frame.data)}\n\n`;
    const bytes = rule.raw(Buffer.from(text), frame);
    const says = frame.data?.choices?.[0]?.delta?.content || frame.data?.delta;
    if (says && content++ === 0) { if (!rule.early) response.write(all); await silence(response, turn.first ?? 0, rule.ping); }
    if (!says && content > 0 && turn.stall) { const by = Date.now() + turn.stall; while (Date.now() < by && !response.destroyed) await sleep(20); turn.stall = 0; }
    if (!rule.paced || (!rule.early && content === 0)) { all = Buffer.concat([all, bytes]); continue; }
    if (response.destroyed) break;
    response.write(bytes);
    await sleep(turn.delay);
  }
  response.end(rule.paced ? undefined : all);
}

async function answerTurn(x, api, asked, turn, head) {
  const { rule, state, response } = x;
  const created = rule.created();
  if (turn.status) return x.error(turn.status, turn.status === 429 ? rule.rateCode : 'turn_failed', null, turn.status === 429 && rule.retryAfter ? { 'retry-after': rule.retryAfter } : {});
  const answer = (api === 'completions' ? completion : respond)(asked, rule, created, turn);
  if (api === 'responses' && rule.store && (asked.store !== false || rule.storesAll) && !turn.failed) state.stored.set(answer.whole.id, answer.whole);
  if (asked.stream === true || (asked.stream === null && rule.nullStreams)) {
    return stream(x, answer, turn, rule.head200({ ...head, 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no', 'x-should-retry': 'false' }));
  }
  const by = Date.now() + (turn.stall ?? 0) + (turn.scenario ? turn.delay * 3 : 0);
  while (Date.now() < by && !response.destroyed) await sleep(20);
  if (turn.failed && rule.wholeFailure !== 200) return x.error(rule.wholeFailure, 'turn_failed', null, { ...(rule.failureRetry ? { 'x-should-retry': rule.failureRetry } : {}), ...(rule.leak ? { 'x-cause': turn.failed } : {}) });
  return x.json(rule.status, rule.editWhole(structuredClone(answer.whole)), { ...head, connection: rule.hold ? 'close' : 'keep-alive' });
}

/** Takes a place, runs the turn, gives the place back. */
async function runTurn(x, api, asked) {
  const { rule, state, response } = x;
  const turn = turnOf(asked, rule, state);
  const limited = (active) => { const [limit, now] = rule.conc(String(rule.limit), String(active)); return { ...(limit ? { 'x-conc-limit': limit, 'x-conc-active': now } : {}) }; };
  const counted = rule.counted(asked);
  if (counted && state.active >= rule.limit) return x.error(429, rule.limitCode, null, { ...(rule.retryAfter ? { 'retry-after': rule.retryAfter } : {}), ...(rule.limitHead ? limited(state.active) : {}) });
  state.active += counted ? 1 : 0;
  state.started += turn.uncounted ? 0 : 1;
  const ignored = rule.ignored(ignoredOf(asked), asked);
  let left = false;
  response.on('close', () => { left = !response.writableFinished; if (left) turn.stall = 0; });
  try {
    await answerTurn(x, api, asked, turn, { ...limited(state.active), ...(ignored.length ? { 'x-ignored-params': ignored.join(', ') } : {}) });
  } finally {
    if (left && rule.late) await sleep(rule.late);
    if (left && rule.notices) state.interrupted += 1; else state.completed += turn.uncounted ? 0 : 1;
    state.active -= counted && (rule.release || !(left || turn.failed)) ? 1 : 0;
  }
}

async function handle(x) {
  const { rule, request, response, state } = x;
  const { pathname } = new URL(request.url, 'http://x');
  const api = pathname === '/v1/responses' ? 'responses' : pathname === '/v1/chat/completions' ? 'completions' : '';
  const named = /^\/v1\/models\/([^/]+)$/.exec(pathname)?.[1], kept = /^\/v1\/responses\/(.+)$/.exec(pathname)?.[1];
  if (request.method === 'OPTIONS' && rule.preflight) return preflight(x);
  if (!rule.keyFirst && request.method === 'POST' && request.headers.authorization === undefined && (await bodyOf(request)).length < 15) return x.error(400, 'invalid_json');
  if (!knows(x, pathname)) return x.error(401, 'invalid_api_key', null, rule.wwwAuthenticate ? { 'www-authenticate': 'Bearer' } : {});
  if (pathname === '/v1/models' || named) return models(x, named && (rule.decodes ? decodeURIComponent(named) : named));
  if (kept) return keptResponse(x, kept);
  if (!api) return rule.notFound === 200 ? x.json(200, {}) : x.error(rule.notFound, 'not_found');
  if (request.method === 'HEAD' && rule.headApi === 200) return x.json(200, {});
  if (request.method !== 'POST') {
    const status = rule.methods(request.method);
    return status === 200 ? x.json(200, {}) : x.error(status, status === 404 ? 'not_found' : 'method_not_allowed', null, rule.allow ? { allow: 'POST, OPTIONS' } : {});
  }
  const asked = await read(x);
  if (!asked) return undefined;
  const bad = refusal(api, asked, rule, state.stored);
  if (bad) {
    if (asked.stream && !rule.streamErrors) return response.writeHead(200, x.head({ 'content-type': 'text/event-stream' })).end(`data: ${JSON.stringify({ error: { message: 'x', type: 'server_error', param: null, code: bad[0] } })}\n\n`);
    return x.error(bad[1] === 'no_such_field' ? rule.unknownStatus : 400, ...bad);
  }
  if (asked.model !== MODEL && !rule.anyModel(asked)) return rule.notFoundModel === 400 ? x.error(400, 'invalid_value', 'model') : x.error(404, rule.modelCode, rule.modelParam ? 'model' : null);
  return runTurn(x, api, asked);
}

export async function startServer(fault = {}, { scenarios = false } = {}) {
  const rule = { ...GOOD, ...fault };
  const state = { stored: new Map(), active: 0, started: 0, interrupted: 0, completed: 0, scenarios };
  const used = new WeakSet(); // connections
  const server = http.createServer((request, response) => {
    if (!rule.kept && used.has(request.socket)) return void request.socket.destroy();
    used.add(request.socket);
    return handle(new Exchange(rule, state, request, response)).catch(() => response.destroy());
  });
  server.on('checkContinue', (request, response) => { if (rule.continues) { response.writeContinue(); server.emit('request', request, response); } });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { base: `http://127.0.0.1:${server.address().port}`, stored: () => state.stored.size, close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }) };
}
