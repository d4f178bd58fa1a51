// The control service's side: workers, requests with receipts, the worker's event log, sync tokens.
// Checks, order of checks, statuses and bodies are the real service's; see docs/worker.md.
import crypto from 'node:crypto';
import { EVENTS_TOPIC } from './khala.mjs';
import { mint, syncClaims } from './tokens.mjs';

const METHODS = ['thread/start', 'thread/resume', 'turn/start', 'turn/interrupt', 'thread/list', 'thread/read'];
const STATUSES = ['starting', 'running', 'stopping', 'stopped', 'failed'];
const SYNC_SCOPES = ['runtime.codex_worker_events', 'runtime.codex_worker_summaries', 'runtime.run_summaries'];
const WORDS = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 409: 'conflict', 422: 'invalid_request', 429: 'rate_limited', 503: 'service_unavailable' };
const METHOD_ENUM = Object.fromEntries(Object.entries({ 'thread/started': 'THREAD_STARTED', 'turn/started': 'TURN_STARTED', 'turn/completed': 'TURN_COMPLETED', 'turn/failed': 'TURN_FAILED', 'turn/aborted': 'TURN_ABORTED', 'turn/interrupted': 'TURN_INTERRUPTED', 'item/started': 'ITEM_STARTED', 'item/completed': 'ITEM_COMPLETED', 'item/agentMessage/delta': 'ITEM_AGENT_MESSAGE_DELTA', 'item/reasoning/summaryTextDelta': 'ITEM_REASONING_DELTA', 'item/toolOutput/delta': 'ITEM_TOOL_OUTPUT_DELTA', 'codex/error': 'CODEX_ERROR', 'desktop/handshake_ack': 'DESKTOP_HANDSHAKE_ACK', 'desktop/user_message': 'USER_MESSAGE' }).map(([k, v]) => [k, `CODEX_NOTIFICATION_METHOD_${v}`]));
const text = (v) => (typeof v === 'string' && v.trim() ? v.trim() : null);
const stamp = (ms) => (ms === null || ms === undefined ? null : new Date(ms).toISOString());
const hex = (n = 16) => crypto.randomBytes(n).toString('hex');
const isObject = (v) => v !== null && typeof v === 'object' && !Array.isArray(v);

class Refusal extends Error {
  constructor(status, message, { field, plain, code, extra, headers } = {}) { super(message); Object.assign(this, { status, field, plain, code, extra, headers }); }
  body() {
    if (this.plain) return this.message;
    const code = this.code ?? WORDS[this.status] ?? 'internal_error';
    return { message: this.message, error: { code, message: this.message }, ...(this.field ? { errors: { [this.field]: [this.message] } } : {}), ...(this.extra ?? {}) };
  }
}
const refuse = (status, message, more) => { throw new Refusal(status, message, more); };
const invalid = (field, message) => refuse(422, message, { field });

export class Control {
  constructor(cfg, { khala, journal, violation, engine }) {
    this.cfg = { heartbeatStaleMs: 120000, limit: 60, windowMs: 60000, compat: null, compatAll: false, numericUser: true, ...cfg };
    Object.assign(this, { khala, journal, violation, engine });
    this.users = new Map(); this.faults = []; this.mints = []; this.clear();
  }
  clear() { this.workers = new Map(); this.receipts = new Map(); this.logs = new Map(); this.threads = new Map(); this.throttle = new Map(); }
  addUser(token, user) { this.users.set(token, { kind: 'session', org: `user:${user.id}`, session: `sess_${user.id}`, device: `device_${user.id}`, ...user }); }
  ownsWorker(id, principal) { const w = this.workers.get(id); return !!w && principal.user !== null && w.owner === String(principal.user); }

  // ---- the worker and its log ---------------------------------------------------------------------
  addWorker(id, owner, more = {}) {
    const now = Date.now();
    const w = { worker_id: id, owner, status: 'running', latest_seq: 0, workspace_ref: null, codex_home_ref: null, adapter: 'desktop_bridge', metadata: null, started: now, stopped: null, heartbeat: now, updated: now, ...more };
    this.workers.set(id, w); return w;
  }
  snapshot(w) {
    const age = w.heartbeat === null ? null : Math.max(0, Date.now() - w.heartbeat);
    const state = w.status === 'failed' || w.status === 'stopped' ? w.status : age === null ? 'missing' : age > this.cfg.heartbeatStaleMs ? 'stale' : 'fresh';
    return { worker_id: w.worker_id, status: w.status, latest_seq: w.latest_seq, workspace_ref: w.workspace_ref, codex_home_ref: w.codex_home_ref, adapter: w.adapter, metadata: w.metadata, started_at: stamp(w.started), stopped_at: stamp(w.stopped), last_heartbeat_at: stamp(w.heartbeat), heartbeat_age_ms: age, heartbeat_stale_after_ms: this.cfg.heartbeatStaleMs, heartbeat_state: state, updated_at: stamp(w.updated), khala_projection: { status: 'in_sync', lag_events: 0, last_runtime_seq: w.latest_seq, last_projected_at: stamp(w.updated) } };
  }
  /** Gives the event the worker's next seq, keeps it in the log, publishes it. `how.keep:false` withholds it from Khala; `how.log:false` from the log. */
  append(id, type, payload, how = {}) {
    const w = this.workers.get(id); if (!w) return null;
    const at = Date.parse(payload?.occurred_at ?? '') || Date.now();
    w.latest_seq++; w.updated = at;
    if (type === 'worker.stopped') { w.status = 'stopped'; w.stopped = at; }
    if (type === 'worker.failed') w.status = 'failed';
    if (type === 'worker.heartbeat') w.heartbeat = Date.now();
    const event = { seq: w.latest_seq, event_type: type, payload, occurred_at: stamp(at) };
    if (how.log !== false) { if (!this.logs.has(id)) this.logs.set(id, []); this.logs.get(id).push(event); }
    const published = this.khala.publish(EVENTS_TOPIC, type, this.streamPayload(id, event, how.shape), how);
    return { ...event, watermark: published.seq, refused: published.refused };
  }
  /** The update's payload carries every name twice, as the older runtime wrote it. */
  streamPayload(id, e, shape = 'event') {
    if (shape === 'notification') return { worker_id: id, seq: e.seq, method: METHOD_ENUM[e.payload.method] ?? 'CODEX_NOTIFICATION_METHOD_UNSPECIFIED', method_text: e.payload.method, occurred_at: e.occurred_at, replay: { topic: EVENTS_TOPIC, seq: e.seq, resume_after: e.seq - 1, retention_floor: 0, replayed: false }, payload: e.payload };
    return { workerId: id, worker_id: id, seq: e.seq, eventType: e.event_type, event_type: e.event_type, payload: e.payload, occurredAt: e.occurred_at, occurred_at: e.occurred_at };
  }

  // ---- HTTP ---------------------------------------------------------------------------------------
  async handle(req, res, url, body) {
    const answer = (status, value, headers = {}) => { const t = typeof value === 'string' ? value : JSON.stringify(value); res.writeHead(status, { 'content-type': typeof value === 'string' ? 'text/plain; charset=utf-8' : 'application/json', 'x-request-id': req.headers['x-request-id'] ?? `req_${hex(8)}`, ...headers }); res.end(t); };
    const seen = { method: req.method, path: url.pathname };
    try {
      const fault = this.faults.find((f) => (!f.method || f.method === req.method) && (!f.path || url.pathname.includes(f.path)) && (!f.rpc || body?.json?.request?.method === f.rpc));
      if (fault) { fault.met = (fault.met ?? 0) + 1; if (--fault.times <= 0) this.faults.splice(this.faults.indexOf(fault), 1); }
      if (fault?.delay) await new Promise((r) => setTimeout(r, fault.delay));
      if (fault?.drop === 'before') { this.journal('http', { ...seen, fault: 'dropped before it was read' }); return req.socket.destroy(); }
      if (fault?.status) { this.journal('http', { ...seen, status: fault.status, fault: true }); return answer(fault.status, fault.body ?? { message: 'injected', error: { code: WORDS[fault.status] ?? 'internal_error', message: 'injected' } }, fault.headers); }
      this.#compat(req, url);
      const [status, value, headers] = await this.#route(req, url, body);
      this.journal('http', { ...seen, status, rpc: body?.json?.request?.method, request_id: body?.json?.request?.request_id, replay: value?.data?.idempotent_replay });
      if (fault?.drop === 'after') return req.socket.destroy();
      if (fault?.late) return answer(fault.late, { message: 'injected' });
      if (fault?.drip) { res.writeHead(status, { 'content-type': 'application/json' }); const drops = setInterval(() => res.write(' '), fault.drip); return req.socket.on('close', () => clearInterval(drops)); }
      answer(status, value, headers);
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      this.journal('http', { ...seen, status: e.status, rpc: body?.json?.request?.method, request_id: body?.json?.request?.request_id, why: e.message.slice(0, 120) });
      answer(e.status, e.body(), e.headers);
    }
  }
  #compat(req, url) {
    const w = this.cfg.compat; if (!w) return;
    const gated = url.pathname.startsWith('/api/v1/control/') || url.pathname === '/api/v1/sync/token' || (this.cfg.compatAll && url.pathname.startsWith('/api/'));
    if (!gated) return;
    const h = (k) => String(req.headers[k] ?? '').trim();
    const build = h('x-oa-client-build-id'), protocol = h('x-oa-protocol-version'), raw = h('x-oa-schema-version'), schema = /^\d+$/.test(raw) ? Number(raw) : 0;
    const code = !build ? 'invalid_client_build' : protocol !== w.protocol ? 'unsupported_protocol_version' : schema < w.minSchema || schema > w.maxSchema ? 'unsupported_schema_version' : build < w.minBuild ? 'upgrade_required' : w.maxBuild && build > w.maxBuild ? 'unsupported_client_build' : null;
    if (!code) return;
    this.refused426 = (this.refused426 ?? 0) + 1;
    if (this.refused426 > 12) this.violation('RETRY_FATAL', 'a compatibility refusal is final; it was asked again more than 12 times');
    const message = code.replaceAll('_', ' ');
    refuse(426, message, { code, headers: { 'cache-control': 'no-store', 'x-oa-compatibility-code': code, 'x-oa-compatibility-upgrade-required': 'true' }, extra: { compatibility: { code, message, retryable: false, upgrade_required: true, surface: 'control_api', min_client_build_id: w.minBuild, max_client_build_id: w.maxBuild ?? null, min_schema_version: w.minSchema, max_schema_version: w.maxSchema, protocol_version: w.protocol } } });
  }
  #user(req, { sessionOnly = false } = {}) {
    const bearer = /^Bearer\s+(.+)$/i.exec(req.headers.authorization ?? '')?.[1]?.trim();
    const user = bearer && this.users.get(bearer);
    if (!user || user.expired || (sessionOnly && user.kind !== 'session')) {
      this.refused401 = (this.refused401 ?? 0) + 1;
      if (this.refused401 > 25) this.violation('RETRY_FATAL', 'a refused token was sent more than 25 times');
      refuse(401, 'Unauthenticated.');
    }
    return { ...user, bearer };
  }
  #json(body, shape) {
    if (body.kind === 'none') refuse(415, 'Expected request with `Content-Type: application/json`', { plain: true });
    if (body.kind === 'bad') refuse(400, 'Failed to parse the request body as JSON', { plain: true });
    if (body.kind === 'long') refuse(413, 'length limit exceeded', { plain: true });
    const problem = shape(body.json);
    if (problem) refuse(422, `Failed to deserialize the JSON body into the target type: ${problem}`, { plain: true });
    return body.json;
  }
  #worker(id, user, { provision = false } = {}) {
    let w = this.workers.get(id);
    if (!w && provision) { w = this.addWorker(id, user.id, { adapter: 'in_memory' }); this.violation('WORKER_PROVISIONED', `a request to the unknown worker ${id} made it; read the snapshot first`); }
    if (!w) refuse(404, 'Not found.');
    if (w.owner !== user.id) refuse(403, 'worker does not belong to authenticated principal');
    return w;
  }
  async #route(req, url, body) {
    const p = url.pathname, m = req.method, q = url.searchParams;
    if (m === 'GET' && (p === '/healthz' || p === '/readyz')) return [200, { status: p === '/healthz' ? 'ok' : 'ready', service: 'fake-runtime' }];
    if (m === 'POST' && (p === '/api/sync/token' || p === '/api/v1/sync/token')) return this.#mint(req, body, 'scopes');
    if (m === 'POST' && p === '/api/khala/token') return this.#mint(req, body, 'scope');
    if (m === 'GET' && p === '/api/v1/control/status') { this.#user(req); return [200, { data: { service: 'openagents-control-service', compatibility: this.cfg.compat } }]; }
    const base = '/api/runtime/codex/workers';
    if (p === base) {
      if (m === 'GET') return this.#list(req, q);
      if (m === 'POST') return this.#create(req, body);
      return [405, ''];
    }
    if (!p.startsWith(`${base}/`)) return [404, ''];
    const [rawId, verb, ...rest] = p.slice(base.length + 1).split('/');
    if (rest.length) return [404, ''];
    const id = decodeURIComponent(rawId).trim();
    const need = { undefined: 'GET', stream: 'GET', requests: 'POST', events: 'POST', stop: 'POST' }[verb];
    if (!need) return [404, ''];
    if (m !== need) return [405, ''];
    if (verb === 'requests') return this.#request(req, id, body);
    const user = this.#user(req);
    if (!id) invalid('worker_id', 'Worker id is required.');
    if (verb === undefined) return [200, { data: this.snapshot(this.#worker(id, user)) }];
    if (verb === 'stream') return this.#stream(id, user, q);
    if (verb === 'events') return this.#event(id, user, body);
    return this.#stop(id, user, body);
  }
  #list(req, q) {
    const user = this.#user(req);
    const status = text(q.get('status'))?.toLowerCase();
    if (status && !STATUSES.includes(status)) invalid('status', 'The selected status is invalid.');
    const limit = Math.min(200, Math.max(1, Number(q.get('limit') ?? 50) || 50));
    const mine = [...this.workers.values()].filter((w) => w.owner === user.id && (!status || w.status === status) && (!text(q.get('workspace_ref')) || w.workspace_ref === text(q.get('workspace_ref'))));
    return [200, { data: mine.sort((a, b) => b.updated - a.updated).slice(0, limit).map((w) => this.snapshot(w)) }];
  }
  #create(req, body) {
    const user = this.#user(req);
    const j = this.#json(body, (v) => (isObject(v) ? null : 'expected an object'));
    const bounded = (k, n) => { const v = text(j[k]); if (v && v.length > n) invalid(k, `The ${k} field is too long.`); return v; };
    const id = bounded('worker_id', 160) ?? `codexw_${hex()}`;
    const [workspace, home, adapter] = [bounded('workspace_ref', 255), bounded('codex_home_ref', 255), bounded('adapter', 120) ?? 'in_memory'];
    if (j.metadata !== undefined && j.metadata !== null && typeof j.metadata !== 'object') invalid('metadata', 'The metadata field must be an object.');
    this.violation('WORKER_CREATED', 'the lane is no owner of workers; it must not create or reattach them');
    let w = this.workers.get(id), replay = false;
    if (w) { if (w.owner !== user.id) refuse(403, 'worker does not belong to authenticated principal'); replay = w.status === 'running'; Object.assign(w, { status: 'running', stopped: null, heartbeat: Date.now(), updated: Date.now(), adapter }); } else w = this.addWorker(id, user.id, { workspace_ref: workspace, codex_home_ref: home, adapter, metadata: j.metadata ?? null });
    return [202, { data: { workerId: id, status: w.status, latestSeq: w.latest_seq, idempotentReplay: replay } }];
  }
  #stream(id, user, q) {
    for (const k of ['cursor', 'tail_ms']) if (q.get(k) !== null && !/^\d+$/.test(q.get(k))) refuse(400, `Failed to deserialize query string: invalid ${k}`, { plain: true });
    const tail = q.get('tail_ms') === null ? 15000 : Number(q.get('tail_ms'));
    if (tail < 1 || tail > 120000) invalid('tail_ms', 'The tail_ms field must be between 1 and 120000.');
    const w = this.#worker(id, user), cursor = Number(q.get('cursor') ?? 0);
    const events = (this.logs.get(id) ?? []).filter((e) => e.seq > cursor);
    this.journal('resync', { worker: id, cursor, events: events.length });
    return [200, { data: { worker_id: id, stream_protocol: 'khala_ws', cursor, tail_ms: tail, delivery: { transport: 'khala_ws', topic: `org:${user.org}:worker_events`, scope: 'runtime.codex_worker_events', syncTokenRoute: '/api/sync/token' }, snapshot: this.snapshot(w), events } }];
  }
  #event(id, user, body) {
    const j = this.#json(body, (v) => (!isObject(v?.event) ? 'missing field `event`' : typeof v.event.event_type !== 'string' ? 'missing field `event_type`' : null));
    const type = j.event.event_type.trim(), payload = j.event.payload ?? {};
    if (!type) invalid('event.event_type', 'The event.event_type field is required.');
    if (type.length > 160 || !type.startsWith('worker.')) invalid('event.event_type', 'The event.event_type field format is invalid.');
    if (!isObject(payload)) invalid('event.payload', 'The event.payload field must be an object.');
    this.violation('EVENT_POSTED', 'workers write events, the lane only reads them');
    const w = this.#worker(id, user, { provision: true });
    if (['stopping', 'stopped', 'failed'].includes(w.status)) refuse(409, 'worker is stopped; create or reattach to resume');
    const e = this.append(id, type, payload);
    return [202, { data: { worker_id: id, seq: e.seq, event_type: type, payload, occurred_at: e.occurred_at } }];
  }
  #stop(id, user, body) {
    const j = this.#json(body, (v) => (isObject(v) ? null : 'expected an object'));
    const w = this.#worker(id, user);
    this.violation('WORKER_STOPPED', 'the lane is no owner of workers; it must not stop them');
    const replay = w.status === 'stopped';
    if (!replay) this.append(id, 'worker.stopped', { reason: text(j.reason) ?? 'requested' });
    return [202, { data: { worker_id: id, status: 'stopped', seq: w.latest_seq, idempotent_replay: replay, idempotentReplay: replay } }];
  }
  async #request(req, id, body) {
    const { bearer } = this.#user(req); // the session gate; sessions and personal tokens pass
    if (this.cfg.limit) { // keyed by token, before the body is read
      const now = Date.now(), hits = (this.throttle.get(bearer) ?? []).filter((t) => now - t < this.cfg.windowMs);
      if (hits.length >= this.cfg.limit) { const left = Math.max(1, Math.ceil((this.cfg.windowMs - (now - hits[0])) / 1000)); refuse(429, `Too many requests. Retry in ${left}s.`); }
      hits.push(now); this.throttle.set(bearer, hits);
    }
    const j = this.#json(body, (v) => { const r = v?.request; return !isObject(r) ? 'missing field `request`' : typeof r.request_id !== 'string' ? 'missing field `request_id`' : typeof r.method !== 'string' ? 'missing field `method`' : ['request_version', 'source', 'session_id', 'thread_id'].some((k) => r[k] !== undefined && r[k] !== null && typeof r[k] !== 'string') ? 'expected a string' : null; });
    const user = this.#user(req, { sessionOnly: true });
    if (!id) invalid('worker_id', 'Worker id is required.');
    const r = j.request, requestId = r.request_id.trim(), method = r.method.trim().toLowerCase(), params = isObject(r.params) ? r.params : {};
    if (!requestId) invalid('request.request_id', 'Request id is required.');
    if (!METHODS.includes(method)) invalid('request.method', 'Control method is not allowlisted.');
    const key = `${user.id}:${id}:${requestId}`, print = JSON.stringify([method, params, r.thread_id ?? null]);
    const old = this.receipts.get(key);
    if (old) {
      if (old.print !== print) this.violation('REQUEST_ID_REUSED', 'another request under a used request_id: the real service answers the first receipt and does nothing');
      return [200, { data: { ...old.receipt, idempotent_replay: true } }];
    }
    this.#blindRetry(method, params, requestId);
    const w = this.#worker(id, user, { provision: true });
    if (['stopping', 'stopped', 'failed'].includes(w.status)) refuse(409, 'worker is stopped; create or reattach to resume');
    const thread = text(r.thread_id) ?? text(params.thread_id) ?? text(params.threadId);
    const ask = { method, params, thread, requestId, worker: w, user, text: text(params.text) ?? text(params.message) ?? text(params.prompt) ?? text((Array.isArray(params.input) ? params.input : []).find((x) => x?.type === 'text' && text(x.text))?.text), input: params.input };
    if (method !== 'thread/start' && method !== 'thread/list' && method !== 'turn/interrupt' && !thread) invalid('request.params.thread_id', 'Thread id is required.');
    if (method === 'turn/start') { if (!ask.text) invalid('request.params.text', 'Message text is required.'); if ([...ask.text].length > 20000) invalid('request.params.text', 'Message text exceeds 20000 characters.'); }
    const known = thread && this.threads.get(thread);
    if (known && known.user !== user.id) refuse(403, 'thread does not belong to authenticated principal');
    if (method === 'turn/start' && !this.khala.live(EVENTS_TOPIC)) this.violation('NOT_SUBSCRIBED', 'turn/start was sent while no event subscription was open');
    const done = await this.engine.execute(ask);
    if (done.refuse) refuse(done.refuse.status, done.refuse.message, done.refuse);
    const receipt = { worker_id: id, request_id: requestId, ok: done.ok !== false, method, idempotent_replay: false, response: done.response, ...(text(r.source) ? { source: text(r.source) } : {}), ...(text(r.request_version) ? { request_version: text(r.request_version) } : {}), ...(text(r.session_id) ? { session_id: text(r.session_id) } : {}) };
    this.receipts.set(key, { receipt, print });
    const at = new Date().toISOString();
    if (done.ok === false) this.append(id, 'worker.error', { request_id: requestId, method, code: done.code ?? 'internal_error', message: done.message ?? 'failed', retryable: false, occurred_at: at });
    else if (!done.silent) this.append(id, 'worker.response', { request_id: requestId, method, ok: true, response: done.response, occurred_at: at });
    setImmediate(() => done.after?.());
    if (done.lose) { req.socket.destroy(); refuse(499, 'lost'); }
    if (done.delay) await new Promise((x) => setTimeout(x, done.delay));
    return [200, { data: receipt }];
  }
  /** Same thread and text under a new id within 5 s of a failed call: the prompt may run twice. */
  #blindRetry(method, params, requestId) {
    if (method !== 'turn/start') return;
    const key = JSON.stringify([params.thread_id ?? params.threadId, params.text, params.input]), last = this.lastStart;
    if (last && last.key === key && last.failed && Date.now() - last.at < 5000 && last.requestId !== requestId) this.violation('BLIND_RETRY', 'turn/start repeated under a new request_id after a lost answer');
    this.lastStart = { key, requestId, at: Date.now(), failed: false };
  }
  markLost() { if (this.lastStart) this.lastStart.failed = true; }
  #mint(req, body, member) {
    const user = this.#user(req);
    const j = this.#json(body, (v) => (isObject(v) ? null : 'expected an object'));
    if (this.mintRefusal) { const r = this.mintRefusal; if (--r.times <= 0) this.mintRefusal = null; refuse(r.status, r.message ?? 'refused', { code: r.code }); }
    const scopes = [...new Set((j[member] ?? []).map((s) => String(s).trim()).filter(Boolean))];
    if (scopes.some((s) => !SYNC_SCOPES.includes(s))) refuse(422, 'requested sync scopes are not allowed', { code: 'invalid_scope' });
    const ttl = j.ttl_seconds ?? 300;
    if (!Number.isInteger(ttl) || ttl < 60 || ttl > 900) refuse(422, 'requested ttl is outside configured bounds');
    if (user.kind === 'session' && text(j.device_id) && text(j.device_id) !== user.device) refuse(403, 'Requested device does not match active authenticated session device.');
    for (const t of j.topics ?? []) if (!/:(worker_events|workers|runs)$/.test(String(t).trim())) refuse(422, `requested topic '${t}' is not supported`);
    const granted = scopes.length ? scopes : ['runtime.codex_worker_events'];
    const claims = syncClaims(user, { scopes: granted, ttl, cfg: this.khala.cfg.sync, numericUser: this.cfg.numericUser, topics: [`org:${user.org}:worker_events`] });
    if (text(j.device_id)) claims.oa_device_id = text(j.device_id);
    this.mints.push(Date.now()); this.mints = this.mints.filter((t) => Date.now() - t < 10000);
    if (this.mints.length > 25) this.violation('MINT_STORM', 'more than 25 tokens in 10 s');
    const token = mint(claims, this.khala.cfg.sync);
    return [200, { data: { token, token_type: 'Bearer', expires_in: ttl, issued_at: stamp(claims.iat * 1000), expires_at: stamp(claims.exp * 1000), issuer: claims.iss, audience: claims.aud, subject: claims.sub, org_id: user.org, claims_version: claims.oa_claims_version, scopes: granted, granted_topics: [{ topic: `org:${user.org}:worker_events`, required_scope: 'runtime.codex_worker_events' }], kid: this.khala.cfg.sync.kid, token_id: claims.jti, session_id: user.session, device_id: claims.oa_device_id } }];
  }
}
export { hex, text };
