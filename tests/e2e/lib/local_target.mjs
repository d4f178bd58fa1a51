// Two lanes on recorded turns behind a local front door, as an operator would find them, and the
// playbook that moves their traffic.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { QUICK_LIMITS, localHead, quickStages } from './cutover/playbook.mjs';
import { startLane } from './lane.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from './process.mjs';

/** A front door on a free port, with an admin socket; state(), weights() and setWeights() go through it. `wrap`: see startLane. */
export async function startFront(args, { folder = scratch('front'), env = {}, wrap = [] } = {}) {
  const [program, ...before] = [...wrap, OA_BIN];
  const socket = path.join('/tmp', `oa-front-${process.pid}-${Math.random().toString(36).slice(2, 8)}.sock`);
  const ready = path.join(folder, 'ready');
  const front = new Running(program, [...before, 'front', '--listen', '127.0.0.1:0', '--admin', socket, '--ready-file', ready, ...args], { name: 'front', folder, env: cleanEnv({ HOME: folder, ...env }) });
  await front.until(() => fs.existsSync(ready), 'ready file', 30000);
  front.base = `http://${JSON.parse(fs.readFileSync(ready, 'utf8')).listen}`;
  front.socket = socket;
  front.admin = (method, where, body, headers = {}) => ask(socket, method, where, body, headers);
  front.state = async () => (await front.admin('GET', '/state')).json();
  front.weights = async () => Object.fromEntries((await front.state()).backends.map(({ name, weight }) => [name, weight]));
  front.setWeights = async (weights) => {
    const { etag } = await front.state();
    const got = await front.admin('PUT', '/weights', JSON.stringify({ weights }), { 'if-match': etag, 'content-type': 'application/json' });
    if (got.status !== 200) throw new Error(`weights: ${got.status}`);
  };
  return front;
}

/** One request over a unix socket. */
function ask(socketPath, method, where, body, headers) {
  return new Promise((done, failed) => {
    const request = http.request({ socketPath, method, path: where, headers, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (bytes) => { text += bytes; });
      answer.on('end', () => done({ status: answer.statusCode, text, json: () => JSON.parse(text) }));
    });
    request.on('error', failed);
    request.end(body);
  });
}

export const STABLE = { v1: 100, v2: 0 }, CANARY = { v1: 0, v2: 100 };

/** On a busy machine a stage may get few probes: it lasts so much longer then, and no longer else. */
export const PLAYBOOK = `${localHead('local-cutover', { more: { bake: '700ms' } })}sources: [{ probe: {} }]
preflight:
  - { smoke: stream, through: canary }
${quickStages({ bake: '"${bake}"', extend: '3s' })}postflight:
  - smoke: stream
${QUICK_LIMITS}`;

/** A lane on the recorded turns that are built in. */
export const lane = (revision, args = []) => startLane({ name: revision, replayDir: null, args: ['--revision', revision, ...args] });

/**
 * The lane at `base` as a second revision: the same threads under another name. When `lost(id)` is true, it does
 * not know that conversation of a probe: the answer of a revision that has its own store; or it answers `status`.
 * When `refused(id)` is true, it shows it and answers its next message with 409. When `hangs(id)` is true, it never answers.
 * `lists` changes the messages that it lists of a probe's conversation.
 */
export async function secondRevision(base, { name = 'v2', lost = () => false, status = 404, refused = () => false, hangs = () => false, keeps = () => false, lists = null } = {}) {
  const server = http.createServer(async (request, response) => {
    const refuse = (code, error) => response.writeHead(code, { 'content-type': 'application/json', 'x-oa-revision': name }).end(JSON.stringify({ error }));
    const read = /^\/api\/chats\/(oaprobe_[^/]+)\/messages/.exec(request.url);
    if (read && hangs(read[1])) return;
    if (request.method === 'DELETE' && keeps()) return;
    if (read && lost(read[1])) {
      refuse(status, { code: 'not_found', message: 'unknown thread' });
      return;
    }
    const body = Buffer.concat(await request.toArray().catch(() => []));
    const said = request.method === 'POST' && /"id":"(oaprobe_[^"]+)"/.exec(body);
    if (said && refused(said[1])) {
      refuse(409, { code: 'conflict', message: 'a newer version wrote this conversation' });
      return;
    }
    const passed = http.request(base + request.url, { method: request.method, headers: request.headers }, (answer) => {
      const headers = { ...answer.headers, 'x-oa-revision': name };
      if (read && lists && answer.statusCode === 200) {
        delete headers['content-length'];
        answer.toArray().then((bytes) => {
          const page = JSON.parse(Buffer.concat(bytes));
          response.writeHead(200, headers).end(JSON.stringify({ ...page, data: lists(page.data) }));
        }, () => response.destroy());
        return;
      }
      response.writeHead(answer.statusCode, headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    passed.end(body);
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  const stop = () => new Promise((done) => { server.close(done); server.closeAllConnections(); });
  return { base: `http://127.0.0.1:${server.address().port}`, stop, kill: stop };
}

export class LocalTarget {
  /** `faults`: options of the canary's lane, such as ['--inject', 'error-rate=1']; `lanes`: others than two replays, [stable, canary] with `base`. */
  static async start({ faults = [], playbook = PLAYBOOK, weights = 'v1=100,v2=0', lanes = async () => [await lane('v1'), await lane('v2', faults)] } = {}) {
    const target = new this();
    target.folder = scratch('target');
    [target.stable, target.canary] = await lanes();
    target.front = await startFront(['--backend', `v1=${target.stable.base}`, '--backend', `v2=${target.canary.base}`, '--weights', weights], { folder: target.folder });
    ({ base: target.base, socket: target.socket } = target.front);
    target.playbook = path.join(target.folder, 'playbook.yaml');
    fs.writeFileSync(target.playbook, playbook);
    target.state = path.join(target.folder, 'state');
    return target;
  }
  stop() { return Promise.all([this.front, this.stable, this.canary].map((one) => (one.exit ? null : one.kill()))); }
  settings(extra = {}) {
    const all = { base_url: this.base, socket: this.socket, ...extra };
    return Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  }
  /** A file beside the playbook; its path. */
  write(name, text) {
    const file = path.join(this.folder, name);
    fs.writeFileSync(file, text);
    return file;
  }
  oa(args, options = {}) { return oa(args, { stateDir: this.state, ms: 120000, ...options }); }
  /** Writes a plan; the result of the command with `file` added. */
  async plan({ name = 'plan.json', playbook = this.playbook, set = {}, args = [] } = {}) {
    const file = path.join(this.folder, name);
    const got = await this.oa(['cutover', 'plan', playbook, ...this.settings(set), '--out', file, ...args]);
    return { ...got, file };
  }
  /** A run under way, to be interrupted. */
  begin(args, { stateDir = this.state, env = {} } = {}) {
    return new Running(OA_BIN, args, { name: 'apply', folder: scratch('apply'), env: cleanEnv({ HOME: this.folder, OA_STREAM_STATE_DIR: stateDir, ...env }) });
  }
  /** An apply under way, once `seen` is true of its run: {running, run}. */
  async applying(plan, seen = () => true, env = {}) {
    const known = new Set(this.runs());
    const running = this.begin(['cutover', 'apply', plan.file, '--json', '--non-interactive'], { env });
    const run = await running.until(() => this.runs().find((one) => !known.has(one) && seen(one)), 'its run', 60000);
    return { running, run };
  }
  /** The same, once it has moved half of the traffic. */
  applyingHalf(plan, env) { return this.applying(plan, (run) => this.journalSoFar(run).some((line) => line.phase === 'done' && line.step === 'shift@50%'), env); }
  admin(method, where, body, headers) { return this.front.admin(method, where, body, headers); }
  weights() { return this.front.weights(); }
  setWeights(weights) { return this.front.setWeights(weights); }
  runs() {
    const folder = path.join(this.state, 'runs');
    return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  }
  journalSoFar(run) { return this.linesSoFar(run, 'journal.ndjson'); }
  /** An .ndjson of a run still being written: only its whole lines, and none before the file is there. */
  linesSoFar(run, name) {
    const file = path.join(this.state, 'runs', run, name);
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    return text.slice(0, text.lastIndexOf('\n') + 1).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }
  journal(run) {
    return fs.readFileSync(path.join(this.state, 'runs', run, 'journal.ndjson'), 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }
}
