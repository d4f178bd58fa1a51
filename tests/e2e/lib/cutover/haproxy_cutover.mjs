// The real HAProxy with the example for cutovers, and users who stream through it all the time.
import fs from 'node:fs';
import path from 'node:path';
import { freePort } from '../free_port.mjs';
import { runtime } from './crash_rigs.mjs';
import { chat } from '../http.mjs';
import { ROOT, Running, cleanEnv, limit, scratch, sleep } from '../process.mjs';
import { binary } from '../proxies.mjs';

const EXAMPLE = path.join(ROOT, 'examples/haproxy-cutover.cfg');

function configuration(lanes, folder, port, { stateFile, changes }) {
  let text = fs.readFileSync(EXAMPLE, 'utf8');
  const lines = stateFile ? [['/var/lib/haproxy/state', path.join(folder, 'state')]]
    : [['    server-state-file /var/lib/haproxy/state\n', ''], ['    load-server-state-from-file global\n', '']];
  for (const [from, to] of [
    ['maxconn 20000', 'maxconn 1000'],
    ['/run/haproxy/admin.sock', path.join(folder, 'admin.sock')],
    ['127.0.0.1:8080', `127.0.0.1:${port}`],
    ['127.0.0.1:9001', new URL(lanes.stable.base).host],
    ['127.0.0.1:9002', new URL(lanes.canary.base).host],
    ...lines,
    ...changes,
  ]) {
    if (!text.includes(from)) throw new Error(`the example has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** `changes`: [from, to] pairs of the example, each of which must be there. */
export async function startCutoverProxy(lanes, { stateFile = false, changes = [] } = {}) {
  const folder = scratch('haproxy'), port = await freePort(), file = path.join(folder, 'haproxy.cfg');
  if (stateFile) fs.writeFileSync(path.join(folder, 'state'), '');
  fs.writeFileSync(file, configuration(lanes, folder, port, { stateFile, changes }));
  // -W: a master that can be told to reload.
  const proxy = new Running(binary('haproxy'), ['-W', '-db', '-f', file], { name: 'haproxy', folder, env: cleanEnv() });
  const socket = path.join(folder, 'admin.sock');
  await proxy.until(() => fs.existsSync(socket), 'stats socket');
  const end = Date.now() + limit(60000); // the master has it before there is a worker to answer
  while (!(await runtime(socket, 'show info').catch(() => '')).includes('\nPid: ')) {
    if (Date.now() > end) throw new Error(`haproxy does not answer: ${proxy.stderr}`);
    await sleep(20);
  }
  proxy.base = `http://127.0.0.1:${port}`;
  proxy.socket = socket;
  proxy.file = file;
  proxy.stateFile = path.join(folder, 'state');
  proxy.say = (line) => runtime(socket, line);
  proxy.worker = async () => Number(/^Pid: (\d+)$/m.exec(await proxy.say('show info'))[1]);
  proxy.setting = async () => (await proxy.say('show servers state chat')).split('\n').slice(2).filter(Boolean)
    .map((line) => line.split(' ')).map((row) => `${row[3]} ${row[7]} ${row[6]}`).join(', ');
  return proxy;
}

/** What HAProxy has counted, by server and column name. */
export async function counters(proxy) {
  const [heading, ...rows] = (await proxy.say('show stat -1 4 -1')).trim().split('\n').map((line) => line.split(','));
  heading[0] = heading[0].slice(2);
  return Object.fromEntries(rows.filter(([backend]) => backend === 'chat').map((row) => [row[1], Object.fromEntries(heading.map((name, i) => [name, row[i]]))]));
}

/** Looks every few moments until stop(): [{t, pid, weights: "95:5", stable, canary}], requests as HAProxy gave them out. */
export function watchSplit(proxy, everyMs = 50) {
  const seen = [];
  let on = true;
  const over = (async () => {
    while (on) {
      try {
        const { stable, canary } = await counters(proxy);
        seen.push({ t: Date.now(), weights: `${stable.uweight}:${canary.uweight}`, stable: Number(stable.stot), canary: Number(canary.stot) });
      } catch { /* between two processes */ }
      await sleep(everyMs);
    }
  })();
  return { seen, stop: async () => { on = false; await over; return seen; } };
}

/** Requests by stretch of equal weights: [{weights, stable, canary}]. */
export function stretches(seen) {
  const out = [];
  for (const look of seen) {
    const last = out.at(-1);
    if (last?.weights === look.weights) last.to = look;
    else out.push({ weights: look.weights, from: look, to: look });
  }
  return out.map(({ weights, from, to }) => ({ weights, stable: to.stable - from.stable, canary: to.canary - from.canary }));
}

/** Users: so many new streams a second whatever becomes of the others, each over a connection of its own. */
export class Users {
  constructor(base, { rate = 50, prompt }) {
    this.streams = [];
    this.began = Date.now();
    const start = () => {
      const due = Math.floor(((Date.now() - this.began) * rate) / 1000);
      while (this.streams.length < due) {
        this.streams.push(chat(base, prompt, { id: `user-${this.began}-${this.streams.length}`, ms: 60000 }));
      }
    };
    this.timer = setInterval(start, 5);
  }
  get ended() { return this.streams.filter((stream) => stream.ended); }
  async until(count) {
    const end = Date.now() + limit(60000);
    while (this.ended.length < count) {
      if (Date.now() > end) throw new Error(`${this.ended.length} of ${count} streams ended`);
      await sleep(20);
    }
  }
  /** No more new ones; those under way end. */
  async stop() {
    clearInterval(this.timer);
    await Promise.all(this.streams.map((stream) => stream.done));
    return this.streams;
  }
  /** Everyone who did not get a whole answer that ends well. */
  get unhappy() {
    return this.ended.filter((stream) => stream.status !== 200 || !stream.complete || stream.chunks.at(-1) !== '[DONE]' || stream.chunks.some((chunk) => chunk?.type === 'error'))
      .map((stream) => `${stream.headers['x-oa-revision']} ${stream.status} ${stream.broken ?? ''} ${stream.text.slice(-200)}`);
  }
}
