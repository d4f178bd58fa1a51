// A lane on --authority worker, the runtime it talks to, and between them a network that can break
// every message into pieces.
import assert from 'node:assert/strict';
import net from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { startFake } from './fake/fake-runtime.mjs';

const lag = monitorEventLoopDelay();
lag.enable();

/**
 * What comes begins with the head of a frame, which goes on byte by byte. What follows is cut elsewhere each time, into
 * pieces that hold a header, its end, or a part of a character.
 */
function* cutPoints(length, turn) {
  for (let at = 0, n = 0; at < length; n += 1) yield [at, at += n < 16 + turn % 8 ? 1 : SIZES[(n + turn) % SIZES.length]];
}
const SIZES = [2, 3, 5, 8, 13, 21, 34, 55, 89, 144];

/** A port in front of the runtime's; `pieces`: what the runtime sends goes on in pieces, cut where they happen to end. */
class Splitter {
  static async start(port, pieces) {
    const splitter = new Splitter();
    let turn = 0;
    splitter.open = new Set();
    splitter.server = net.createServer((near) => {
      const far = net.connect(port, '127.0.0.1');
      for (const [socket, other] of [[near, far], [far, near]]) {
        splitter.open.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => { splitter.open.delete(socket); other.destroy(); });
      }
      near.pipe(far);
      far.on('data', (data) => {
        if (!pieces) near.write(data);
        else for (const [from, to] of cutPoints(data.length, turn++)) near.write(data.subarray(from, to));
      });
      far.on('end', () => near.end());
    });
    await new Promise((done) => splitter.server.listen(0, '127.0.0.1', done));
    splitter.port = splitter.server.address().port;
    return splitter;
  }
  /** What is open stays open, but nothing goes through any more, and no end is told. */
  freeze() {
    for (const socket of this.open) { socket.unpipe(); socket.pause(); }
  }
  stop() {
    for (const socket of this.open) socket.destroy();
    this.server.close();
  }
}

export class World {
  static async start({ wire = 'rust', split = 0, fake = {}, limits = {}, flags = [], env = {}, ready = true, heartbeat } = {}) {
    const world = new World();
    world.fake = fake.url ? fake : await startFake(fake);
    world.splitter = await Splitter.start(world.fake.port, split);
    const port = world.splitter.port;
    world.lane = await startLane({
      authority: 'worker',
      args: ['--worker-control', `http://127.0.0.1:${world.fake.port}`, '--khala-url', `ws://127.0.0.1:${port}`, '--khala-wire', wire,
        '--limit', 'worker-requests=100000', ...Object.entries(limits).flatMap(([name, value]) => ['--limit', `${name}=${value}`]), ...flags,
        ...(heartbeat ? ['--heartbeat', heartbeat] : [])],
      env: { OA_STREAM_WORKER_TOKEN: world.fake.token, ...env },
      name: `worker-${wire}`,
    });
    if (ready) await world.ready();
    return world;
  }
  async get(path) { const answer = await fetch(`${this.lane.base}${path}`); return { status: answer.status, text: await answer.text() }; }
  async ready(ms = 15000) {
    let seen;
    for (const end = Date.now() + ms; Date.now() < end;) {
      seen = await this.get('/readyz');
      if (seen.status === 200) return;
      await new Promise((done) => setTimeout(done, 20));
    }
    assert.fail(`the lane did not become ready: ${seen.text}\n${this.lane.stderr ?? ''}`);
  }
  say(prompt, options = {}) { return chat(this.lane.base, prompt, { ms: 40000, ...options }); }
  /** Runs one of the runtime's scenarios and compares what a client read with what it must read. */
  async play(name, scenario, dialect) {
    const exchange = await this.say(`scenario:${name};dialect=${dialect}`, { ms: 120000 }).done;
    expect(name, exchange, scenario.expect);
    assert.deepEqual(this.held(), [], name);
    return exchange;
  }
  /** What the runtime holds against the lane, but for these codes. */
  held(excused = []) {
    // It dates a close when it learns of it: a process that was late itself cannot judge the pause after it.
    const out = lag.max > 100e6 ? [...excused, 'RECONNECT_TOO_FAST'] : excused;
    return this.fake.violations.filter((v) => !out.includes(v.code)).map((v) => `${v.code}: ${v.detail}`);
  }
  async reset() { await fetch(`${this.fake.url}/__fake/reset`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }); }
  /** The lane goes, the runtime stays. */
  async leave() {
    await this.lane.stop();
    this.splitter.stop();
  }
  async stop() {
    await this.leave();
    await this.fake.stop();
  }
}

function expect(name, exchange, wanted) {
  if (!wanted) return assertLegal(exchange);
  if (wanted.http) {
    assert.equal(exchange.status, wanted.http, `${name}: ${exchange.text}`);
    if (wanted.retryAfter) assert.equal(exchange.headers['retry-after'], String(wanted.retryAfter));
    return undefined;
  }
  assert.equal(exchange.status, 200, `${name}: ${exchange.text}`);
  assertLegal(exchange);
  const seen = read(exchange);
  const context = `${name}\n${exchange.text.slice(0, 3000)}`;
  assert.equal(seen.texts.join(''), wanted.text, context);
  assert.equal(seen.reasoning.join(''), wanted.reasoning, context);
  const tools = Object.values(seen.tools);
  assert.equal(tools.length, wanted.tools.length, context);
  wanted.tools.forEach((tool, i) => {
    assert.equal(tools[i].toolName, tool.name, context);
    assert.deepEqual(tools[i].input, tool.input, context);
    if (tool.error) assert.ok(tools[i].errorText, context);
    else for (const [key, value] of Object.entries(tool.output)) assert.deepEqual(tools[i].output[key], value, context);
  });
  for (const word of [...(wanted.never ?? []), ...wanted.tools.map((t) => t.never).filter(Boolean)]) assert.ok(!exchange.text.includes(word), context);
  if (wanted.end === 'completed') {
    assert.deepEqual(seen.errors, [], context);
    assert.equal(seen.aborted, false, context);
  } else if (wanted.end === 'interrupted') {
    assert.ok(seen.aborted, context);
  } else {
    assert.equal(seen.failure?.code ?? (seen.aborted ? 'turn_aborted' : ''), wanted.code, context);
    if (wanted.retryable !== undefined) assert.equal(seen.failure.retryable, wanted.retryable, context);
  }
  assert.ok(seen.done, context);
  return undefined;
}
