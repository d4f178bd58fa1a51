// The control service's routes beside the route split: health.
//
// A call has: service, method, path, query, headers, text, json (undefined: none), who ('admin',
// 'user' or null), ok(data, status), refuse(status, code, message, more, headers). An answer is
// {status, headers, body}; a body that is no text is sent as JSON.

/** Stands between the compatibility gate and the session; an answer ends the call. */
export function gate() {
  return undefined;
}

/** undefined: no such route. */
export function answer(call) {
  if (call.method !== 'GET') return undefined;
  if (call.path === '/healthz') return { status: 200, body: { status: 'ok', service: 'openagents-control-service', version: '0.1.0', uptime_seconds: 1, auth_provider: 'mock' } };
  if (call.path === '/readyz') return { status: 200, body: { status: 'ready', static_dir: '/srv/static' } };
  return undefined;
}
