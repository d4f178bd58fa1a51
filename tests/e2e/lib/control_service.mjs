// A control service of another make, strict: its middle layers in order (request id, cache and CORS,
// compatibility, maintenance, session) and the route split with its precedence. Several processes
// may stand behind the one port, each with a memory of its own: a connection stays with one.
// What no client of ours may do is served as the service would and put into `violations`.
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import * as others from './control_service_routes.mjs';

export const ADMIN = 'control-admin-token-0123456789';
export const USER = 'control-user-token-0123456789';
export const WINDOW = { protocol: 'openagents.control.v1', minBuild: '20260101T000000Z', maxBuild: null, minSchema: 1, maxSchema: 1 };
const SPLIT = { enabled: true, mode: 'rust', rustRoutes: ['/'], cohortPercentage: 100, salt: 'openagents-route-split-v1', forceLegacy: false, legacyBaseUrl: null };
export const DOMAINS = [
  { domain: 'auth_entry', route_prefixes: ['/login', '/register', '/authenticate', '/onboarding'], rollback_target: 'legacy' },
  { domain: 'account_settings_admin', route_prefixes: ['/account', '/settings', '/admin'], rollback_target: 'legacy' },
  { domain: 'billing_l402', route_prefixes: ['/billing', '/l402'], rollback_target: 'legacy' },
  { domain: 'chat_pilot', route_prefixes: ['/chat', '/feed', '/'], rollback_target: 'rust_shell' },
];

// Answers
// -------

export const ok = (data, status = 200) => ({ status, body: { data } });
/** The error envelope. */
export const refusal = (status, code, message = code, more = {}, headers = {}) => ({ status, headers, body: { message, error: { code, message }, ...more } });
const invalid = (field, message) => refusal(422, 'invalid_request', message, { errors: { [field]: [message] } });

// Compatibility
// -------------

const gated = (path) => path.startsWith('/api/v1/control/') || path === '/api/v1/sync/token' || path === '/api/chat/stream' || /^\/api\/chats\/[^/]+\/stream$/.test(path);

/** The code of the first failing check, null when the handshake is good. */
export function compatCode(headers, window) {
  const build = (headers['x-oa-client-build-id'] ?? '').trim();
  const schema = /^\d+$/.test((headers['x-oa-schema-version'] ?? '').trim()) ? Number(headers['x-oa-schema-version']) : 0;
  if (build === '') return 'invalid_client_build';
  if ((headers['x-oa-protocol-version'] ?? '').trim() !== window.protocol) return 'unsupported_protocol_version';
  if (schema < window.minSchema || schema > window.maxSchema) return 'unsupported_schema_version';
  if (build < window.minBuild) return 'upgrade_required';
  if (window.maxBuild !== null && build > window.maxBuild) return 'unsupported_client_build';
  return null;
}

function upgradeRequired(code, window) {
  const message = `the client does not fit the compatibility window: ${code}`;
  const answer = refusal(426, code, message, {
    compatibility: { code, message, retryable: false, upgrade_required: true, surface: 'control_api', min_client_build_id: window.minBuild, max_client_build_id: window.maxBuild, min_schema_version: window.minSchema, max_schema_version: window.maxSchema, protocol_version: window.protocol },
  }, {
    'x-oa-compatibility-code': code,
    'x-oa-compatibility-upgrade-required': 'true',
    'x-oa-compatibility-protocol-version': window.protocol,
    'x-oa-compatibility-min-client-build-id': window.minBuild,
    'x-oa-compatibility-min-schema-version': String(window.minSchema),
    'x-oa-compatibility-max-schema-version': String(window.maxSchema),
  });
  if (window.maxBuild !== null) answer.headers['x-oa-compatibility-max-client-build-id'] = window.maxBuild;
  return answer;
}

// Route split
// -----------

const under = (path, prefix) => path === prefix || path.startsWith(`${prefix}/`);
const holds = (path, prefix) => (prefix === '/' ? path === '/' : under(path, prefix));

/** 0–99 by the service's own fold of a digest. */
export function cohortBucket(salt, key) {
  const text = createHash('sha256').update(`${salt}:${key}`).digest('base64url');
  let value = 0;
  for (const byte of Buffer.from(text.slice(0, 4))) value = (Math.imul(value, 131) + byte) >>> 0;
  return value % 100;
}

function statusOf(split, memory) {
  return {
    enabled: split.enabled,
    mode: split.mode,
    cohort_percentage: split.cohortPercentage,
    rust_routes: split.rustRoutes,
    force_legacy: split.forceLegacy,
    legacy_base_url: split.legacyBaseUrl,
    override_target: memory.global,
    route_groups: split.domains.map((group) => ({ ...group, override_target: memory.domains[group.domain] ?? null, htmx_default_mode: 'fragment', htmx_rollback_mode: 'full_page', htmx_override_mode: memory.htmx[group.domain] ?? null })),
    rollback_matrix: Object.fromEntries(split.domains.map((group) => [group.domain, group.rollback_target])),
    domain_overrides: { ...memory.domains },
    htmx_rollback_matrix: Object.fromEntries(split.domains.map((group) => [group.domain, 'full_page'])),
    htmx_domain_overrides: { ...memory.htmx },
  };
}

/** What serves a path, by the first rule that speaks. */
export function decide(split, memory, path, key) {
  const group = split.domains.find((one) => one.route_prefixes.some((prefix) => holds(path, prefix)));
  const say = (target, reason, more = {}) => ({ path, target, reason, route_domain: group?.domain ?? null, ...(group ? { rollback_target: group.rollback_target } : {}), ...more, cohort_key: key });
  if (under(path, '/api/runtime/codex/workers')) return say('rust_shell', 'codex_worker_control_rust_authority', { rollback_target: 'rust_shell' });
  if (under(path, '/api')) return say('rust_shell', 'api_rust_authority', { rollback_target: 'rust_shell' });
  if (group && memory.domains[group.domain]) return say(memory.domains[group.domain], 'domain_override');
  if (split.forceLegacy) return say('legacy', 'force_legacy');
  if (memory.global) return say(memory.global, 'runtime_override');
  if (!split.enabled) return say('legacy', 'route_split_disabled');
  if (!split.rustRoutes.some((prefix) => prefix === '/' || under(path, prefix))) return say('legacy', 'legacy_route_default');
  if (split.mode === 'rust') return say('rust_shell', 'mode_rust');
  if (split.mode !== 'cohort') return say('legacy', 'mode_legacy');
  const bucket = cohortBucket(split.salt, key);
  return say(bucket < split.cohortPercentage ? 'rust_shell' : 'legacy', 'mode_cohort', { cohort_bucket: bucket });
}

const HTMX = { htmx_fragment: 'fragment', htmx_on: 'fragment', htmx_full_page: 'full_page', htmx_off: 'full_page', htmx_rollback: 'full_page', htmx_clear: null };
const TARGETS = { legacy: 'legacy', rust: 'rust_shell', rust_shell: 'rust_shell', clear: null, default: null, rollback: 'rollback' };

function override(call) {
  const { split, memory } = call;
  const target = String(call.json?.target ?? '').trim().toLowerCase();
  const wanted = call.json?.domain;
  const name = typeof wanted === 'string' ? wanted.trim().toLowerCase().replaceAll('-', '_') : null;
  const group = split.domains.find((one) => one.domain === name);
  if (name !== null && !group) return invalid('domain', 'unknown route domain');
  if (target in HTMX) {
    if (!group) return invalid('domain', 'a domain is needed');
    if (HTMX[target] === null) delete memory.htmx[name];
    else memory.htmx[name] = HTMX[target];
    return ok(statusOf(split, memory));
  }
  if (!(target in TARGETS)) return invalid('target', 'unknown override target');
  const value = TARGETS[target] === 'rollback' ? (group?.rollback_target ?? 'legacy') : TARGETS[target];
  if (!group) memory.global = value;
  else if (value === null) delete memory.domains[name];
  else memory.domains[name] = value;
  return ok(statusOf(split, memory));
}

function evaluate(call) {
  const path = typeof call.json?.path === 'string' ? call.json.path.trim() : '';
  if (path === '') return invalid('path', 'a path is needed');
  const { headers } = call;
  const key = call.json.cohort_key ?? headers['x-oa-route-key'] ?? headers['x-device-id'] ?? headers['x-forwarded-for'] ?? headers['user-agent'] ?? 'anonymous';
  return ok(decide(call.split, call.memory, path, key));
}

/** The three calls of the route split; undefined: another route. */
function routeSplit(call) {
  const name = call.path.match(/^\/api\/v1\/control\/route-split\/(status|evaluate|override)$/)?.[1];
  if (!name) return undefined;
  if (call.method !== (name === 'status' ? 'GET' : 'POST')) return { status: 405, headers: { allow: name === 'status' ? 'GET' : 'POST' }, body: '' };
  if (!call.who) return refusal(401, 'unauthorized', 'sign in first', {}, { 'www-authenticate': 'Bearer' });
  if (name === 'status') return ok(statusOf(call.split, call.memory));
  if (!/^application\/json\b/.test(call.headers['content-type'] ?? '')) return { status: 415, headers: { 'content-type': 'text/plain' }, body: 'Expected request with `Content-Type: application/json`' };
  if (call.json === undefined) return { status: 400, headers: { 'content-type': 'text/plain' }, body: 'Failed to parse the request body as JSON' };
  if (name === 'evaluate') return evaluate(call);
  return call.who === 'admin' ? override(call) : refusal(403, 'forbidden', 'only administrators may set overrides');
}

// The server
// ----------

/** What a well-behaved client never does; the service would let some of it pass. */
function misdeeds(call, allowed) {
  const found = [];
  if (/token|secret|bearer/i.test(call.request.url) && !call.path.endsWith('/token')) found.push('a credential in the URL');
  if (gated(call.path) && compatCode(call.headers, call.service.window)) found.push('no or wrong compatibility headers');
  if (call.path.includes('/route-split/') && call.method === 'POST') {
    const extra = Object.keys(call.json ?? {}).filter((key) => !allowed.includes(key));
    if (extra.length > 0) found.push(`unknown members ${extra}`);
  }
  return found.map((what) => `${call.method} ${call.path}: ${what}`);
}

/**
 * options:
 *   processes       how many share the port (1)
 *   assign(n)       which of them takes connection n, from 0 (round robin)
 *   split, domains  settings of the route split; `memories`: what each process remembers at first
 *   enforced        compatibility is enforced (true); window: its bounds
 *   rate            {most, windowMs}: control calls before 429; none if absent
 *   others          passed on to the other routes as call.service.others
 * The service returned: base, calls (all, in order), violations, memories, stop(), and
 *   fault(on, what, times = 1): the next `times` calls that `on(call)` picks (a function, or the last
 *   word of the path) end otherwise: 'drop' (unanswered, not carried out), 'lost' (carried out,
 *   unanswered), 'hang' (until cut()), or an answer {status, headers, body}. Its `left` may be set to 0.
 */
export async function startControlService(options = {}) {
  const { processes = 1, assign = (n) => n % processes, enforced = true, rate = null } = options;
  const split = { ...SPLIT, domains: DOMAINS, ...options.split, ...(options.domains ? { domains: options.domains } : {}) };
  const memories = Array.from({ length: processes }, (_, n) => ({ global: null, domains: {}, htmx: {}, ...structuredClone(options.memories?.[n] ?? {}) }));
  const service = { split, memories, enforced, window: { ...WINDOW, ...options.window }, calls: [], violations: [], others: options.others ?? {} };
  const faults = [];
  const sockets = new Set();
  const spent = [];
  let connections = 0;

  function limited() {
    if (!rate) return undefined;
    const now = Date.now();
    while (spent.length > 0 && spent[0] <= now - rate.windowMs) spent.shift();
    if (spent.length >= rate.most) return refusal(429, 'rate_limited', `too many requests, retry in ${Math.ceil((spent[0] + rate.windowMs - now) / 1000)} seconds`);
    spent.push(now);
    return undefined;
  }

  function answerTo(call) {
    if (service.enforced && gated(call.path)) {
      const code = compatCode(call.headers, service.window);
      if (code) return upgradeRequired(code, service.window);
    }
    return others.gate(call) ?? (call.path.startsWith('/api/v1/control/') ? limited() : undefined) ?? routeSplit(call) ?? others.answer(call) ?? refusal(404, 'not_found');
  }

  async function take(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const url = new URL(request.url, 'http://service');
    const call = { service, request, method: request.method, path: url.pathname, query: url.searchParams, headers: request.headers, text: Buffer.concat(pieces).toString(), connection: request.socket.number, process: request.socket.process, split, memory: memories[request.socket.process], ok, refuse: refusal };
    try { call.json = JSON.parse(call.text); } catch { /* none, or no JSON */ }
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    call.who = bearer === ADMIN ? 'admin' : bearer === USER ? 'user' : null;
    service.violations.push(...misdeeds(call, call.path.endsWith('/evaluate') ? ['path', 'cohort_key'] : ['target', 'domain']));
    const record = { method: call.method, path: call.path, process: call.process, connection: call.connection, json: call.json, headers: request.headers, status: 0 };
    service.calls.push(record);
    const fault = faults.find((one) => one.left > 0 && one.on(call));
    if (fault) fault.left -= 1;
    if (fault?.what === 'drop') return request.socket.destroy();
    if (fault?.what === 'hang') return undefined;
    const answer = fault && typeof fault.what === 'object' ? fault.what : answerTo(call);
    record.status = answer.status;
    if (fault?.what === 'lost') return request.socket.destroy();
    const json = typeof answer.body !== 'string' && answer.body !== undefined && !Buffer.isBuffer(answer.body);
    response.writeHead(answer.status, {
      'x-request-id': request.headers['x-request-id'] ?? `req_${randomBytes(8).toString('hex')}`,
      ...(call.path.startsWith('/api') ? { 'cache-control': 'no-store', 'access-control-allow-origin': '*' } : {}),
      ...(json ? { 'content-type': 'application/json' } : {}),
      ...others.headers(call),
      ...answer.headers,
    });
    return response.end(request.method === 'HEAD' ? undefined : json ? JSON.stringify(answer.body) : answer.body);
  }

  const server = http.createServer(take);
  server.on('connection', (socket) => {
    socket.number = connections;
    socket.process = assign(connections);
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  service.base = `http://127.0.0.1:${server.address().port}`;
  service.fault = (on, what, times = 1) => {
    const fault = { on: typeof on === 'function' ? on : (call) => call.path.endsWith(`/${on}`), what, left: times };
    faults.push(fault);
    return fault;
  };
  service.statusOf = (process = 0) => statusOf(split, memories[process]);
  service.overrides = () => service.calls.filter((call) => call.path.endsWith('/override'));
  /** Breaks every connection, as of the calls that hang. */
  service.cut = () => { for (const socket of sockets) socket.destroy(); };
  service.stop = async () => {
    service.cut();
    await new Promise((done) => { server.close(done); });
  };
  return service;
}
