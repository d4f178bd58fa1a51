// What a shared store costs: the same recording through a lane on Redis, then through a lane alone while a bare probe
// appends as many frames of that size at the same pace over one pipelined connection.
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const STREAMS = 1000;
const TURNS = { immediate: 200, recorded: 60 };
const KEPT_MS = 200, SLEPT_MS = 20;
const half = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
export const command = (...words) => `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

/** One connection that counts what is answered. */
export async function connect(port) {
  const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
  await new Promise((done, failed) => socket.once('connect', done).once('error', failed));
  const link = { socket, answers: 0, text: '', waiter: null };
  socket.on('data', (bytes) => {
    link.text = bytes.toString('latin1');
    for (let at = -1; (at = bytes.indexOf(10, at + 1)) >= 0;) link.answers += 1;
    link.waiter?.();
  });
  link.ask = async (...words) => {
    const came = new Promise((done) => { link.waiter = done; });
    socket.write(command(...words));
    await came;
    return link.text;
  };
  return link;
}
async function info(port, name) {
  const link = await connect(port);
  let text = '';
  link.socket.on('data', (bytes) => { text += bytes; });
  link.socket.write(command('INFO'));
  while (!text.includes('# Keyspace')) await sleep(5);
  link.socket.destroy();
  return Number(new RegExp(`${name}:(\\d+)`).exec(text)[1]);
}
/** `frames` entries a second in STREAMS streams for some seconds: CPU of Redis for each. */
async function probe(redis, cpu, { perSecond, bytes, seconds }) {
  const link = await connect(redis.port);
  const payload = 'x'.repeat(bytes);
  for (let i = 0; i < STREAMS; ++i) link.socket.write(command('XADD', `probe:${i}`, '1-0', 'h', '{}'));
  await sleep(300);
  const before = cpu(redis.pid), began = Date.now(), answered = link.answers;
  let sent = 0;
  while (Date.now() - began < seconds * 1000) {
    const due = Math.floor((Date.now() - began) / 1000 * perSecond);
    let out = '';
    for (; sent < due; ++sent) out += command('XADD', `probe:${sent % STREAMS}`, 'NOMKSTREAM', `1-${Math.floor(sent / STREAMS) * bytes + bytes}`, 'b', payload);
    if (out) link.socket.write(out);
    await sleep(1);
  }
  while (link.answers - answered < sent) await sleep(5);
  const used = cpu(redis.pid) - before;
  link.socket.destroy();
  return used / sent * 1e6;
}
/** Milliseconds that `ask` takes. */
async function timed(ask) {
  const began = performance.now();
  await ask();
  return performance.now() - began;
}
/** Medians of questions back to back: a PING, and two scripts that do nothing, one after the other. */
async function backToBack(port) {
  const link = await connect(port);
  const digest = (await link.ask('SCRIPT', 'LOAD', 'return 1')).split('\r\n')[1];
  const ping = [], two = [];
  for (let i = 0; i < 300; ++i) ping.push(await timed(() => link.ask('PING')));
  for (let i = 0; i < 300; ++i) {
    two.push(await timed(async () => {
      await link.ask('EVALSHA', digest, '0');
      await link.ask('EVALSHA', digest, '0');
    }));
  }
  link.socket.destroy();
  return { ping: half(ping), two: half(two) };
}
/** `turn(id)`: a turn, from its request to its end; `first`, `end`: milliseconds of each to its first text and its end. */
function turnsOf(port) {
  const agent = new http.Agent({ keepAlive: true });
  const first = [], end = [];
  const turn = async (id) => {
    const body = JSON.stringify({ id, messages: [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'replay:paced' }] }], trigger: 'submit-message' });
    const began = performance.now();
    await new Promise((done, failed) => {
      const request = http.request({ port, host: '127.0.0.1', agent, method: 'POST', path: '/api/chat', headers: { 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
        let told = false;
        response.on('data', (bytes) => {
          if (!told && bytes.includes('text-delta')) { told = true; first.push(performance.now() - began); }
        });
        response.on('end', done);
      });
      request.on('error', failed);
      request.end(body);
    });
    end.push(performance.now() - began);
  };
  return { turn, agent, first, end };
}
const NEVER = new Int32Array(new SharedArrayBuffer(4));
/**
 * A turn without a store, a PING, a turn with a store, and so on: what the machine does meanwhile is in all three. Each
 * comes when Redis has slept, and at another place between two whole milliseconds: the texts of a recording come on
 * these. As many before them, whose logs expire: a Redis that runs for longer than logs are kept has memory to use
 * again, and does not get each log's pages from the kernel.
 */
async function both(lane, store, url, pace, recording) {
  const lanes = [await lane(pace, [], recording), await lane(pace, ['--store', url, '--limit', `log-kept=${KEPT_MS}ms`], recording)];
  const link = await connect(store.port);
  const round = async (name) => {
    const [alone, shared] = lanes.map((one) => turnsOf(one.port)), pings = [];
    const steps = [(i) => alone.turn(`${name}-a-${i}`), async () => { pings.push(await timed(() => link.ask('PING'))); }, (i) => shared.turn(`${name}-s-${i}`)];
    for (let i = 0; i < TURNS[pace]; ++i) {
      for (const step of steps) {
        await sleep(SLEPT_MS);
        Atomics.wait(NEVER, 0, 0, (i + 0.5) / TURNS[pace]);
        await step(i);
      }
    }
    for (const { agent } of [alone, shared]) agent.destroy();
    const told = ({ first, end }) => ({ first: half(first), end: half(end) });
    return { ping: half(pings), memory: told(alone), redis: told(shared) };
  };
  await round('w');
  await sleep(3 * KEPT_MS + 1000);
  const out = await round('m');
  link.socket.destroy();
  for (const one of lanes) await one.stop();
  return out;
}
export const metric = async (port, name) => Number(new RegExp(`^oa_stream_${name} (\\S+)`, 'm').exec(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text())[1]);

/** What a lane has written into a store so far, and what that has cost the store. */
export const written = async (store, lane, cpu) => ({ cpu: cpu(store.pid), appends: await metric(lane.port, 'store_appends_total'), bytes: await metric(lane.port, 'store_append_bytes_total') });

/** `lane(pace, args, recording)`, `redis()`: start one; `fanout(name, lane, streams)`: its row, once it is `warm`. */
export async function replicas({ work, lane, redis, warm, fanout, cpu, deltas, every }) {
  const socket = path.join(work, 'replicas.sock');
  const store = await redis('--unixsocket', socket);
  const url = `redis://127.0.0.1:${store.port}`;
  const shared = await lane('recorded', ['--store', url, '--limit', 'log-kept=10m'], 'long');
  const stand = async () => ({ memory: await info(store.port, 'used_memory'), ...await written(store, shared, cpu) });
  await warm(shared);
  const before = await stand();
  const redisRow = await fanout('redis', shared, STREAMS);
  const after = await stand();
  const used = after.cpu - before.cpu, appends = after.appends - before.appends, bytes = after.bytes - before.bytes;
  const kept = (after.memory - before.memory) / STREAMS;
  await shared.stop();
  const near = await lane('recorded', ['--store', `redis+unix:${socket}`, '--limit', 'log-kept=10m'], 'long');
  await warm(near);
  const nearRow = await fanout('redis on a unix socket', near, STREAMS);
  await near.stop();

  // The machine does as much in both halves: beside a lane alone the probe asks Redis for what the other asked.
  const alone = await lane('recorded', [], 'long');
  await warm(alone);
  const [memory, bare] = await Promise.all([
    fanout('memory', alone, STREAMS),
    probe(store, cpu, { perSecond: Math.round(STREAMS * 1000 / every), bytes: Math.round(bytes / redisRow.deltas), seconds: deltas * every / 1000 }),
  ]);
  await alone.stop();

  const awake = await backToBack(store.port);
  const quick = await both(lane, store, url, 'immediate', 'burst'), real = await both(lane, store, url, 'recorded', 'real');
  await store.stop();
  return {
    lane: { memory: memory.cpu_us_per_delta, redis: redisRow.cpu_us_per_delta, near: nearRow.cpu_us_per_delta, gaps: { memory: memory.gap_ms, redis: redisRow.gap_ms }, good: [memory.good, redisRow.good, nearRow.good] },
    redis: { per_delta: used / redisRow.deltas * 1e6, per_append: used / appends * 1e6, probe: bare, appends_per_frame: appends / redisRow.frames, bytes_per_turn: kept, written_per_turn: bytes / STREAMS },
    awake, quick, real,
  };
}

export function showReplicas({ lane, redis, awake, quick, real }) {
  const us = (value) => `${value.toFixed(2)} µs`, ms = (value) => `${value.toFixed(2)} ms`;
  const row = (what, one, other, ratio, goal) => `| ${what} | ${one} | ${other} | ${ratio} | ${goal} |`;
  const turn = (what, { ping, memory, redis: shared }, goals) => {
    const first = shared.first - memory.first, later = shared.end - shared.first - memory.end + memory.first;
    return [
      row(`first text, p50, ${what}`, `redis ${ms(shared.first)}`, `memory ${ms(memory.first)}`, `${(first / ping).toFixed(1)} PING (${ms(ping)}) more`, goals[0]),
      row(`from the first text to the end, p50, ${what}`, `redis ${ms(shared.end - shared.first)}`, `memory ${ms(memory.end - memory.first)}`, `${(later / ping).toFixed(1)} PING more`, goals[1]),
    ];
  };
  return ['', `Replicas: ${STREAMS} streams at once through a lane with --store redis:// and through a lane alone. Beside the latter a probe appends entries of the same size at the same pace over one pipelined connection.`, '',
    '| what | with | against | ratio | goal |', '|---|---|---|---|---|',
    row('lane CPU per delta', `redis ${us(lane.redis)}`, `memory ${us(lane.memory)}`, (lane.redis / lane.memory).toFixed(2), '≤ 1.35'),
    row('the same, Redis on a unix socket', `redis ${us(lane.near)}`, `memory ${us(lane.memory)}`, `${(lane.near / lane.memory).toFixed(2)}: two lanes on one machine carry ${(2 * lane.memory / lane.near).toFixed(2)} times the load of one`, '≥ 1.8 times'),
    row('Redis CPU per delta', `lane ${us(redis.per_delta)}`, `probe ${us(redis.probe)}`, (redis.per_delta / redis.probe).toFixed(2), '≤ 1.25'),
    row('appends per frame', redis.appends_per_frame.toFixed(2), '1', redis.appends_per_frame.toFixed(2), '≤ 1'),
    row('Redis memory a turn', `${(redis.bytes_per_turn / 1024).toFixed(1)} KiB`, `${(redis.written_per_turn * 1.25 / 1024 + 5).toFixed(1)} KiB (1.25 × its bytes + 5 KiB)`, (redis.bytes_per_turn / (redis.written_per_turn * 1.25 + 5120)).toFixed(2), '≤ 1'),
    ...turn('as Codex answered', real, ['≤ 3 PING', '≤ 2 PING']), ...turn('all at once', quick, ['', '']),
    row('gaps p50 / p99', `redis ${lane.gaps.redis.p50} / ${lane.gaps.redis.p99} ms`, `memory ${lane.gaps.memory.p50} / ${lane.gaps.memory.p99} ms`, '', 'the same'),
    '', `Turns of the two lanes and PINGs by turns, each when Redis has slept: as Codex answered, its first text 80 ms after it took the turn; and all at once, where nothing but the lane takes time, and the two questions to Redis before the first byte are all that is seen. Asked back to back, where nobody sleeps, it takes ${ms(awake.ping)}, and two scripts that do nothing ${ms(awake.two)}.`,
    '', `Streams that ended well: ${lane.good.join(', ')} of ${STREAMS}.`].join('\n');
}
