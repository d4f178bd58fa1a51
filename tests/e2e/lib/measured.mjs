// Users behind a real front door, two lanes that a real Prometheus scrapes, and ways to break what
// measures them.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { startLane } from './lane.mjs';
import { LocalTarget } from './local_target.mjs';
import { scratch } from './process.mjs';
import { startPrometheus } from './prometheus.mjs';

export const PROMPT = 'replay:01-echo';
const hostOf = (base) => base.replace('http://', '');

/** A lane whose faults can be changed while it runs, with its access log. */
export async function lane(revision) {
  const folder = scratch(revision);
  const faults = path.join(folder, 'faults'), log = path.join(folder, 'access.log');
  fs.writeFileSync(faults, '');
  const running = await startLane({ name: revision, folder, args: ['--revision', revision, '--inject-file', faults, '--access-log', log] });
  running.accessLog = log;
  running.setFaults = (text) => fs.writeFileSync(faults, text);
  return running;
}

export async function startWorld() {
  const [stable, canary] = await Promise.all([lane('v1'), lane('v2')]);
  const prometheus = await startPrometheus([stable, canary].map((one) => hostOf(one.base)), { interval: '500ms' }); // a scrape may take as long, and one that takes longer is lost
  await prometheus.eventually('count(up == 1)', (rows) => rows[0]?.value === 2);
  // What was scraped but once has no history to plan with.
  await prometheus.eventually('min(count_over_time(up[1m]))', (rows) => rows[0]?.value >= 3);
  return { stable, canary, prometheus, stop: () => Promise.all([stable, canary, prometheus].map((one) => one.kill())) };
}

/**
 * Users who come in through a door, so many a second, whatever the answers take. By chance: a door that
 * gives every other request to the canary would give a user who comes every other time to it always.
 */
export class Users {
  /** `more()`: members of a request's body beside its messages, or in their place. */
  constructor(base, perSecond, headers = {}, more = () => ({})) {
    this.headers = headers;
    this.more = more;
    this.base = new URL('/api/chat/stream', base);
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    this.open = 0;
    let next = performance.now();
    this.timer = setInterval(() => {
      const now = performance.now();
      next = Math.max(next, now - 1000);
      for (; next <= now; next -= (Math.log(1 - Math.random()) / perSecond) * 1000) if (this.open < 64) this.one();
    }, 5);
  }
  one() {
    ++this.open;
    const end = () => { --this.open; };
    const body = JSON.stringify({ messages: [{ role: 'user', parts: [{ type: 'text', text: PROMPT }] }], ...this.more() });
    const request = http.request(this.base, { method: 'POST', agent: this.agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...this.headers } }, (answer) => {
      answer.resume();
      answer.on('close', end);
    });
    request.on('error', end);
    request.end(body);
  }
  /** Waits for those still inside. */
  async stop() {
    clearInterval(this.timer);
    while (this.open > 0) await new Promise((done) => setTimeout(done, 10));
    this.agent.destroy();
  }
}

/** Stands before a Prometheus and can fail it: pass, refuse, hang, empty, stale. `passed`: answers that came through. */
export class Hazard {
  static async start(base) {
    const hazard = new Hazard();
    hazard.mode = 'pass';
    hazard.passed = 0;
    hazard.server = http.createServer((request, answer) => {
      if (hazard.mode === 'hang') return;
      if (hazard.mode === 'refuse') { request.socket.resetAndDestroy(); return; }
      const url = new URL(request.url, base);
      if (hazard.mode === 'empty') {
        const resultType = url.pathname.endsWith('query_range') || /\]$/.test(url.searchParams.get('query') ?? '') ? 'matrix' : 'vector';
        answer.setHeader('content-type', 'application/json');
        answer.end(JSON.stringify({ status: 'success', data: { resultType, result: [] } }));
        return;
      }
      // Stale: a server whose clock, and whose last scrape, stood still.
      if (hazard.mode === 'stale') {
        for (const name of ['time', 'start', 'end']) {
          if (url.searchParams.has(name)) url.searchParams.set(name, Math.min(Number(url.searchParams.get(name)), hazard.since));
        }
      }
      const up = http.request(url, { method: request.method, headers: { ...request.headers, host: url.host } }, (got) => {
        answer.writeHead(got.statusCode, got.headers);
        got.pipe(answer);
        got.on('end', () => { hazard.passed += 1; });
      });
      up.on('error', () => answer.destroy());
      request.pipe(up);
    });
    await new Promise((done) => hazard.server.listen(0, '127.0.0.1', done));
    hazard.base = `http://127.0.0.1:${hazard.server.address().port}`;
    return hazard;
  }
  turn(mode) {
    this.since = Date.now() / 1000;
    this.mode = mode;
    if (mode === 'refuse') this.server.closeAllConnections();
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A door of its own before the two lanes, and an operator who moves its traffic. */
export class Door extends LocalTarget {
  static start(world, playbook) { return super.start({ playbook, lanes: async () => [world.stable, world.canary] }); }
  async planFor(set = {}) {
    const got = await this.plan({ set, args: ['--json'] });
    this.file = got.file;
    return got;
  }
  /** An apply under way. */
  beginApply(env = {}) { return this.begin(['cutover', 'apply', this.file, '--json', '--non-interactive'], { env }); }
  /** Whole lines of an .ndjson of the only run, however far it is written. */
  lines(file) { return this.runs().slice(-1).flatMap((run) => this.linesSoFar(run, file)); }
}

/**
 * What `rehearse()` ends with. Where the machine stood still under one arm, a gate on times finds the arms apart: that says nothing of
 * what is tested here, and it runs again, twice at most.
 */
export async function rehearsed(rehearse) {
  for (let left = 2; ; left--) {
    const run = await rehearse();
    const open = run.code === 7 ? run.json().checks.filter(({ verdict }) => !['PASS', 'SKIPPED'].includes(verdict)) : [];
    if (left === 0 || open.length === 0 || !open.every(({ id }) => id.startsWith('gate.first-content'))) return run;
  }
}
