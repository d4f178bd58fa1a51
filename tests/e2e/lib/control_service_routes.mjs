// The control service's routes beside the route split: health, control status, session, sync token,
// policy, login, and the web shell's files.
//
// A call has: service, method, path, query, headers, text, json (undefined: none), who ('admin',
// 'user' or null), ok(data, status), refuse(status, code, message, more, headers). An answer is
// {status, headers, body}; a body that is no text is sent as JSON.
//
// startControlService({others}) takes:
//   layout       'khala' or 'spacetime' (khala)
//   shell        the web shell is served, too (false)
//   maintenance  the value of the cookie that lets through; everything else is a 503 page
//   manifest     instead of MANIFEST; text is sent as it is
//   edit         {'GET /readyz': (answer, call) => another answer}: what a faulty service does
import { createHash, randomBytes } from 'node:crypto';

const SCOPES = ['runtime.codex_worker_events', 'runtime.codex_worker_summaries', 'runtime.run_summaries'];
const TOPICS = { 'runtime.codex_worker_events': 'org:org_1:worker_events', 'runtime.codex_worker_summaries': 'org:org_1:workers', 'runtime.run_summaries': 'org:org_1:runs' };
const NEVER = { 'cache-control': 'no-cache, no-store, must-revalidate' };
export const MANIFEST = {
  buildId: '20260221T130000Z',
  entry: { wasm: 'assets/app_bg-0f1e2d3c4b5a6978.wasm', css: 'assets/app-9a8b7c6d.css', js: 'assets/app-3f9ac2d1e0.js' },
  late: [{ name: 'boot', files: { js: ['assets/boot.js'] } }],
  manifestVersion: 'openagents.webshell.v2',
};
const SCRIPTS = { '/sw.js': 'self.addEventListener("fetch", () => {});\n', '/assets/app-3f9ac2d1e0.js': 'export const app = 1;\n', '/assets/boot.js': 'import("./app-3f9ac2d1e0.js");\n' };

/** Every token minted so far, over all services of the test. */
export const minted = [];

const settings = (call) => ({ layout: 'khala', shell: false, maintenance: null, manifest: MANIFEST, edit: {}, ...call.service.others });

/** Headers of every answer, whatever its status. */
export function headers(call) {
  const told = call.path.startsWith('/api/v1/control/') || call.path.startsWith('/api/v1/auth/') || call.path.startsWith('/api/chat');
  return settings(call).layout === 'spacetime' && told ? { sunset: 'Tue, 30 Jun 2026 00:00:00 GMT', 'x-oa-compat-sunset-date': '2026-06-30', 'x-oa-compat-migration-doc': 'docs/sunset.md' } : {};
}

/** Stands between the compatibility gate and the session; an answer ends the call. */
export function gate(call) {
  const { maintenance, edit } = settings(call);
  const health = call.path === '/healthz' || call.path === '/readyz';
  if (maintenance !== null && !health && !(call.headers.cookie ?? '').includes(`oa_maintenance_bypass=${maintenance}`)) {
    return { status: 503, headers: { 'content-type': 'text/html' }, body: '<h1>Back soon</h1>' };
  }
  // The route split answers before the other routes: its faults must come first.
  const spoiled = edit[`${call.method} ${call.path}`];
  return spoiled && call.path.includes('/route-split/') ? spoiled(undefined, call) : undefined;
}

// Who, and what for
// -----------------

const unauthorised = (call) => call.refuse(401, 'unauthorized', 'sign in first', {}, { 'www-authenticate': 'Bearer' });
const invalid = (call, field) => call.refuse(422, 'invalid_request', `${field} is needed`, { errors: { [field]: [`${field} is needed`] } });

function session(call) {
  if (!call.who) return unauthorised(call);
  const id = `user_${call.who}`;
  return call.ok({
    session: { sessionId: `sess_${call.who}`, userId: id, email: `${call.who}@example.org`, deviceId: 'device_1', status: 'active', tokenName: null, issuedAt: '2026-02-24T10:00:00.000Z', accessExpiresAt: '2026-02-24T11:00:00.000Z', refreshExpiresAt: null, activeOrgId: 'org_1', reauthRequired: false, lastRefreshedAt: null, revokedAt: null, revokedReason: null },
    user: { id, email: `${call.who}@example.org`, name: call.who, workosId: null },
    memberships: [{ orgId: 'org_1', role: 'owner' }],
  });
}

function controlStatus(call) {
  if (!call.who) return unauthorised(call);
  const { window } = call.service;
  return call.ok({
    service: 'openagents-control-service', authProvider: 'mock', activeOrgId: 'org_1', memberships: [{ orgId: 'org_1', role: 'owner' }],
    compatibility: { protocolVersion: window.protocol, minClientBuildId: window.minBuild, maxClientBuildId: window.maxBuild, minSchemaVersion: window.minSchema, maxSchemaVersion: window.maxSchema },
    routeSplit: call.service.statusOf(call.process), runtimeRouting: { driver: 'rust' }, runtimeRouteOwnership: {},
  });
}

function syncToken(call) {
  if (!call.who) return unauthorised(call);
  const scopes = call.json?.scopes ?? SCOPES;
  if (!scopes.every((scope) => SCOPES.includes(scope))) return call.refuse(422, 'invalid_scope', 'unknown scope');
  const token = `sync.${randomBytes(24).toString('hex')}`;
  minted.push(token);
  return call.ok({
    token, token_type: 'Bearer', expires_in: 300, issued_at: '2026-02-24T10:00:00Z', expires_at: '2026-02-24T10:05:00Z', issuer: 'https://openagents.com', audience: 'openagents-sync', subject: `user_${call.who}`, org_id: 'org_1', claims_version: 'v1', scopes,
    granted_topics: scopes.map((scope) => ({ topic: TOPICS[scope], required_scope: scope })), kid: 'sync-1', token_id: `jti_${randomBytes(4).toString('hex')}`, session_id: `sess_${call.who}`, device_id: 'device_1',
  });
}

function authorize(call) {
  if (!call.who) return unauthorised(call);
  const known = ['org_id', 'required_scopes', 'requested_topics'];
  if (Object.keys(call.json ?? {}).some((key) => !known.includes(key))) return invalid(call, 'required_scopes');
  return call.ok({ allowed: call.json.required_scopes.every((scope) => scope === 'runtime.read'), org_id: 'org_1' });
}

function openapi(call) {
  const body = { openapi: '3.0.3', info: { title: 'control', version: '0.1.0' }, paths: {} };
  const etag = `"${createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16)}"`;
  return call.headers['if-none-match'] === etag ? { status: 304, headers: { etag }, body: '' } : { status: 200, headers: { etag }, body };
}

// The web shell
// -------------

function shell(call) {
  if (call.path === '/manifest.json') {
    const { manifest } = settings(call);
    return { status: 200, headers: { ...NEVER, 'content-type': 'application/json' }, body: typeof manifest === 'string' ? manifest : JSON.stringify(manifest) };
  }
  if (!(call.path in SCRIPTS)) return undefined;
  const cache = call.path === '/sw.js' ? NEVER['cache-control'] : /[0-9a-f]{8,}/.test(call.path) ? 'public, max-age=31536000, immutable' : 'public, max-age=60';
  return { status: 200, headers: { 'cache-control': cache, 'content-type': 'text/javascript; charset=utf-8' }, body: SCRIPTS[call.path] };
}

const ROUTES = {
  'GET /healthz': () => ({ status: 200, body: { status: 'ok', service: 'openagents-control-service', version: '0.1.0', uptime_seconds: 1, auth_provider: 'mock' } }),
  'GET /readyz': () => ({ status: 200, body: { status: 'ready', static_dir: '/srv/static' } }),
  'GET /openapi.json': openapi,
  'GET /api/v1/control/status': controlStatus,
  'GET /api/auth/session': session,
  'GET /api/v1/auth/session': session,
  'POST /api/sync/token': syncToken,
  'POST /api/policy/authorize': authorize,
  'POST /api/auth/email': (call) => (call.json?.email ? call.ok({ sent: true }) : invalid(call, 'email')),
  'POST /api/auth/verify': (call) => (call.json?.code ? call.ok({}) : invalid(call, 'code')),
};

/** undefined: no such route. */
export function answer(call) {
  const { layout, shell: served, edit } = settings(call);
  const key = `${call.method} ${call.path}`;
  let found = ROUTES[key]?.(call);
  if (key === 'POST /api/v1/sync/token' && layout === 'khala') found = syncToken(call);
  if (served && ['GET', 'HEAD'].includes(call.method)) found ??= shell(call);
  if (found && call.method === 'HEAD' && typeof found.body === 'string') found = { ...found, headers: { 'content-length': Buffer.byteLength(found.body), ...found.headers } };
  return edit[key] ? edit[key](found, call) : found;
}
