#!/usr/bin/env node
// A runtime to build and test `--authority worker` against: worker control API and Khala on one loopback port.
// node >= 20, no packages. The wire is described in docs/worker.md.
import http from 'node:http';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Control } from './lib/control.mjs';
import { EVENTS_TOPIC, Khala } from './lib/khala.mjs';
import { SYNC_DEFAULTS } from './lib/tokens.mjs';
import { ScriptEngine } from './lib/turns.mjs';
import { CodexEngine } from './lib/codex-bridge.mjs';
import { scenarios } from './scenarios.mjs';

const BODY_LIMIT = 2 * 1024 * 1024;
export const TOKENS = { session: 'control-session-token', pat: 'control-personal-token', other: 'control-other-user' };
const WINDOW = { protocol: 'khala.ws.v1', minBuild: '20260221T120000Z', maxBuild: null, minSchema: 1, maxSchema: 1 };

/** options: port, worker, strict, dialect, compat, compatAll, heartbeatMs, khala{}, control{}, codex{bin, config, racy}, scenarios. */
export async function startFake(options = {}) {
  const o = { port: 0, worker: 'desktopw:shared', strict: false, dialect: 'contract', heartbeatMs: 30000, ...options };
  const log = [], violations = [];
  const journal = (what, detail = {}) => { log.push({ at: Date.now(), what, ...detail }); if (log.length > 20000) log.splice(0, 5000); if (o.verbose) console.error(JSON.stringify(log.at(-1))); };
  const violation = (code, detail) => { if (violations.length < 1000) violations.push({ at: Date.now(), code, detail }); journal('VIOLATION', { code, detail }); };
  const sync = { ...SYNC_DEFAULTS, revoked: new Set(), revokedSessions: new Set(), ...(o.sync ?? {}) };
  const khala = new Khala({ limits: o.strict, sync, compat: o.compat ? { ...WINDOW, ...(o.compat === true ? {} : o.compat) } : null, ...(o.khala ?? {}) }, { journal, violation, ownsWorker: (id, p) => control.ownsWorker(id, p) });
  const engine = o.codex ? new CodexEngine({ ...o.codex, worker: o.worker }) : new ScriptEngine({ dialect: o.dialect }, o.scenarios ?? scenarios);
  const control = new Control({ limit: o.strict ? 60 : 0, compat: o.compat ? { ...WINDOW, protocol: 'openagents.control.v1', ...(o.compat === true ? {} : o.compat), ...(o.compatControl ?? {}) } : null, compatAll: o.compatAll ?? false, ...(o.control ?? {}) }, { khala, journal, violation, engine });
  engine.attach({ control, khala, journal });
  const people = () => {
    control.addUser(TOKENS.session, { id: '7' });
    control.addUser(TOKENS.pat, { id: '7', kind: 'pat' });
    control.addUser(TOKENS.other, { id: '8' });
    if (o.token) control.addUser(o.token, { id: '7' });
  };
  people();
  control.addWorker(o.worker, '7');
  control.append(o.worker, 'worker.started', { status: 'running', reason: 'register' });
  const beat = setInterval(() => { const w = control.workers.get(o.worker); if (w?.status === 'running') control.append(o.worker, 'worker.heartbeat', { source: 'autopilot-desktop', kind: 'periodic', occurred_at: new Date().toISOString() }); }, o.heartbeatMs);
  beat.unref();
  await engine.start?.();

  const read = (req) => new Promise((done) => {
    const chunks = []; let n = 0;
    req.on('data', (c) => { n += c.length; if (n <= BODY_LIMIT) chunks.push(c); });
    req.on('end', () => {
      if (n > BODY_LIMIT) return done({ kind: 'long' });
      const text = Buffer.concat(chunks).toString('utf8');
      if (!/^application\/(json|.*\+json)/i.test(req.headers['content-type'] ?? '')) return done({ kind: 'none', text });
      try { done({ kind: 'json', json: JSON.parse(text), text }); } catch { done({ kind: 'bad', text }); }
    });
    req.on('error', () => done({ kind: 'bad' }));
  });
  const server = http.createServer(async (req, res) => {
    const url = new URL(req.url, 'http://fake');
    const body = await read(req);
    try {
      if (url.pathname.startsWith('/__fake/')) return await admin(req, res, url, body.json ?? {});
      const poll = /^\/internal\/v1\/khala\/topics\/([^/]+)\/messages$/.exec(url.pathname);
      if (poll && req.method === 'GET') return khala.poll(req, res, url, decodeURIComponent(poll[1]));
      await control.handle(req, res, url, body);
    } catch (e) { journal('fake failed', { error: String(e?.stack ?? e) }); if (!res.headersSent) { res.writeHead(500); res.end('fake failed'); } }
  });
  server.on('upgrade', (req, socket) => { socket.on('error', () => {}); khala.upgrade(req, socket, new URL(req.url, 'http://fake')); });
  server.keepAliveTimeout = 65000;

  async function admin(req, res, url, j) {
    const json = (v) => { res.writeHead(200, { 'content-type': 'application/json' }); res.end(JSON.stringify(v)); };
    const what = url.pathname.slice('/__fake/'.length);
    if (req.method === 'GET') {
      if (what === 'journal') return json(log.filter((e) => !url.searchParams.get('what') || e.what === url.searchParams.get('what')));
      if (what === 'violations') return json(violations);
      if (what === 'scenarios') return json(Object.fromEntries(Object.entries(o.scenarios ?? scenarios).map(([n, s]) => [n, { about: s.about, expect: s.expect ?? null, wire: s.wire ?? null, limits: s.limits ?? null, flags: s.flags ?? null }])));
      if (what === 'state') { const t = khala.topics.get(EVENTS_TOPIC); return json({ workers: [...control.workers.values()].map((w) => control.snapshot(w)), topic: t ? { ...t.bounds(), kept: t.messages.length, dropped: t.dropped, next: t.next } : null, sockets: [...khala.sockets].map((s) => ({ wire: s.wire, delivered: s.delivered, pings: s.peer.got.pings })), running: engine.running.size, life: khala.life }); }
    }
    if (what === 'fault') { control.faults.push({ times: 1, ...j }); return json({ ok: true }); }
    if (what === 'worker') { const w = control.workers.get(j.id ?? o.worker) ?? control.addWorker(j.id ?? o.worker, j.owner ?? '7'); if (j.remove) control.workers.delete(w.worker_id); if (j.heartbeatAgeMs !== undefined) w.heartbeat = j.heartbeatAgeMs === null ? null : Date.now() - j.heartbeatAgeMs; if (j.status) { w.status = j.status; w.stopped = j.status === 'stopped' ? Date.now() : null; } return json(control.snapshot(w)); }
    if (what === 'khala') {
      ({ drop: () => khala.dropAll(), close: () => khala.dropAll({ code: j.code ?? 1001, reason: j.reason }), restart: () => khala.restart(), evict: () => khala.evictAll(EVENTS_TOPIC), revoke: () => khala.revokeAll(), retain: () => khala.retain(EVENTS_TOPIC, j.keep ?? 0), refuse: () => khala.refuseNext({ status: j.status, body: j.body, drop: j.drop }, j.times ?? 1), welcome: () => { khala.refusals = []; } })[j.do]?.();
      return json({ ok: true });
    }
    if (what === 'token') { const u = control.users.get(j.token); if (u) u.expired = j.expired ?? true; if (j.add) control.addUser(j.add, { id: '7' }); return json({ ok: true }); }
    if (what === 'mint') { control.mintRefusal = j.status ? { times: 1, ...j } : null; return json({ ok: true }); }
    if (what === 'post') { return json(control.append(j.worker ?? o.worker, j.type, j.payload ?? {}, j.how ?? {})); }
    if (what === 'reset') { violations.length = 0; log.length = 0; control.faults = []; control.mintRefusal = null; control.throttle.clear(); khala.refusals = []; khala.connects = []; control.refused401 = control.refused426 = khala.polledMessages = 0; control.lastStart = null; if (!control.workers.has(o.worker)) control.addWorker(o.worker, '7'); Object.assign(control.workers.get(o.worker), { status: 'running', stopped: null, heartbeat: Date.now() }); return json({ ok: true }); }
    if (what === 'quit') { json({ ok: true, violations: violations.length }); setTimeout(() => void stop().then(() => { if (o.exitOnQuit) process.exit(o.strict && violations.length ? 1 : 0); }), 20); return undefined; }
    res.writeHead(404); return res.end();
  }
  async function stop() { clearInterval(beat); engine.stop?.(); khala.dropAll(); server.closeAllConnections(); await new Promise((r) => server.close(r)); }
  await new Promise((ok, no) => { server.once('error', no); server.listen(o.port, '127.0.0.1', ok); });
  const port = server.address().port;
  return { server, port, url: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}`, worker: o.worker, token: o.token ?? TOKENS.session, control, khala, engine, log, violations, stop };
}

const usage = `node fake-runtime.mjs [options]
  --port N            0 picks one (default)        --worker ID     default desktopw:shared
  --token T           one more control token       --ready-file F  written once requests are accepted
  --dialect D         contract (default) | app-server: how scripted events are written
  --strict            the real limits (60 requests a minute, Khala's publish rate and payload sizes); exit 1 when there were violations
  --compat [JSON]     enforce the compatibility window at the Khala join and on the gated routes; --compat-all: on every /api route
  --queue N  --lag-threshold N  --max-strikes N    Khala's memory and slow-consumer rule (1024, 300, 3)
  --string-user-id    mint tokens as the real control service did: the Rust runtime refuses them
  --heartbeat-ms N    how often the worker beats (30000)   --stale-after-ms N  (120000)
  --codex-bin PATH --codex-config FILE [--codex-cwd DIR] [--racy]   the worker is a real codex app-server
  --verbose           the journal on stderr`;

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const argv = process.argv.slice(2);
  const has = (n) => argv.includes(`--${n}`);
  const val = (n, d) => { const i = argv.indexOf(`--${n}`); return i < 0 || argv[i + 1] === undefined || argv[i + 1].startsWith('--') ? d : argv[i + 1]; };
  const num = (n) => { const v = val(n); return v === undefined ? undefined : Number(v); };
  if (has('help')) { console.log(usage); process.exit(0); }
  const given = Object.fromEntries(Object.entries({ capacity: num('queue'), lagThreshold: num('lag-threshold'), strikes: num('max-strikes') }).filter(([, v]) => v !== undefined));
  const fake = await startFake({
    port: num('port') ?? 0, worker: val('worker', 'desktopw:shared'), token: val('token'), strict: has('strict'), dialect: val('dialect', 'contract'), verbose: has('verbose'), exitOnQuit: true,
    compat: has('compat') || has('compat-all') ? JSON.parse(val('compat', 'true')) : null, compatAll: has('compat-all'), heartbeatMs: num('heartbeat-ms') ?? 30000, khala: given,
    control: { numericUser: !has('string-user-id'), ...(num('stale-after-ms') ? { heartbeatStaleMs: num('stale-after-ms') } : {}) },
    codex: val('codex-bin') ? { bin: val('codex-bin'), config: val('codex-config'), cwd: val('codex-cwd'), racy: has('racy') } : null,
  });
  const ready = JSON.stringify({ ready: true, url: fake.url, khala: fake.ws, worker: fake.worker, token: fake.token, topic: EVENTS_TOPIC });
  console.log(ready);
  if (val('ready-file')) fs.writeFileSync(val('ready-file'), ready);
  for (const s of ['SIGTERM', 'SIGINT']) process.on(s, () => void fake.stop().then(() => process.exit(has('strict') && fake.violations.length ? 1 : 0)));
}
