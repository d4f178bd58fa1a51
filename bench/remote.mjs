// What it costs to read turns of another lane: 1,000 turns run on one lane, 100 of them are read on a second as
// well. Then a bare probe with the same mix: an append for each of their deltas over one pipelined connection, and as
// many streams followed by one XREAD BLOCK, beside a lane without a store that runs as many turns.
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { command, connect, written } from './replicas.mjs';

const STREAMS = 1000, READERS = 100, WINDOW_S = 8;
const at = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(share * values.length) - 1)];

/** Streams one answer. `times[n]`: when its n-th delta came; `status`, `ended` (the last frame was read). */
function read(port, options, body) {
  const seen = { times: [], status: 0, ended: false, begun: 0 };
  seen.done = new Promise((done, failed) => {
    const request = http.request({ port, host: '127.0.0.1', agent: false, ...options }, (response) => {
      seen.status = response.statusCode;
      seen.begun = performance.now();
      let rest = '';
      response.setEncoding('utf8').on('data', (text) => {
        const now = performance.now(), lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines) {
          if (line.startsWith('data: {"type":"text-delta"')) seen.times.push(now);
          seen.ended ||= line === 'data: [DONE]';
        }
      });
      response.on('end', done);
    });
    request.on('error', failed);
    request.end(body);
  });
  return seen;
}
const post = (port, id) => {
  const body = JSON.stringify({ id, messages: [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'replay:paced' }] }], trigger: 'submit-message' });
  return read(port, { method: 'POST', path: '/api/chat', headers: { 'content-type': 'application/json', 'content-length': body.length } }, body);
};

/** Both lanes at work: how much later the second tells a delta, and what Redis needs for an append. */
async function throughLanes({ lane, redis, run, client, cpu, every }) {
  const store = await redis();
  const url = ['--store', `redis://127.0.0.1:${store.port}`, '--limit', 'log-kept=10m'];
  const a = await lane([...url, '--replica-name', 'a']), b = await lane([...url, '--replica-name', 'b']);
  const others = run(client, ['--port', a.port, '--prompt', 'replay:paced', '--streams', STREAMS - READERS, '--per-second', 1000]);
  const ids = Array.from({ length: READERS }, (_, n) => `r-${n}`);
  const own = [];
  for (const id of ids) { // at moments of their own: in step the last of 100 waits for all others, here and at the client
    own.push(post(a.port, id));
    await sleep(7);
  }
  while (own.some((one) => one.times.length === 0)) await sleep(10);
  const remote = ids.map((id) => read(b.port, { path: `/api/chat/${id}/stream` }));
  await sleep(2000); // until all 1,000 have begun and what was there already has been read
  const from = performance.now(), before = await written(store, a, cpu);
  await sleep(WINDOW_S * 1000);
  const until = performance.now(), after = await written(store, a, cpu);
  const used = after.cpu - before.cpu, appends = after.appends - before.appends, bytes = after.bytes - before.bytes;
  const rest = await others;
  await Promise.all([...own, ...remote].map((one) => one.done));
  const lags = own.flatMap((one, n) => one.times.map((time, k) => [time, remote[n].times[k] - time]))
    .filter(([time]) => time >= from && time < until).map(([, lag]) => lag);
  const whole = remote.filter((one, n) => one.status === 200 && one.ended && one.times.length === own[n].times.length).length;
  for (const one of [a, b, store]) await one.stop();
  const deltas = STREAMS * (until - from) / every;
  return { lags, deltas_per_s: STREAMS * 1000 / every, bytes: Math.round(bytes / deltas), appends_per_delta: appends / deltas, core: used / (until - from) * 1000, us: used / deltas * 1e6, whole, good: rest.good + own.filter((one) => one.ended).length };
}

/** Follows some streams as a lane does: one XREAD BLOCK over all. Entries tell when they were sent. */
async function follow(port, names, lags) {
  const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
  await new Promise((done, failed) => socket.once('connect', done).once('error', failed));
  const last = new Map(names.map((name) => [name, '$']));
  const ask = () => socket.write(command('XREAD', 'COUNT', '256', 'BLOCK', '1000', 'STREAMS', ...last.keys(), ...last.values()));
  let text = '', over = false;
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    const now = performance.now();
    const words = answer(text);
    if (!words) return;
    text = '';
    let name = '';
    for (let i = 0; i < words.length; ++i) {
      if (last.has(words[i])) name = words[i];
      else if (words[i] === 't') { lags.push(now - Number(words[i + 1])); last.set(name, words[i - 3]); }
    }
    if (!over) ask();
  });
  ask();
  return () => { over = true; socket.destroy(); };
}
/** All strings of one reply in their order; null while the reply is not whole. */
function answer(text) {
  const words = [];
  let at = 0, left = 1;
  for (; left > 0; --left) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return null;
    const size = Number(text.slice(at + 1, end));
    if (text[at] === '*') left += Math.max(size, 0);
    else if (size >= 0) words.push(text.slice(end + 2, end + 2 + size));
    at = text[at] === '*' || size < 0 ? end + 2 : end + 4 + size;
    if (at > text.length) return null;
  }
  return words;
}

/** The same mix without lanes, on a machine that is as busy: what an append costs Redis depends on that, too. */
async function bare({ lane, redis, run, client, cpu }, { deltas_per_s: perSecond, bytes }) {
  const alone = await lane([]);
  const others = run(client, ['--port', alone.port, '--prompt', 'replay:paced', '--streams', STREAMS, '--per-second', 1000]);
  await sleep(2000); // until all have begun
  const store = await redis(), link = await connect(store.port), lags = [];
  for (let i = 0; i < STREAMS; ++i) link.socket.write(command('XADD', `probe:${i}`, '1-0', 'h', '{}'));
  await sleep(300);
  const stop = await follow(store.port, Array.from({ length: READERS }, (_, n) => `probe:${n * (STREAMS / READERS)}`), lags); // not those that are written one after the other
  const began = performance.now(), before = cpu(store.pid), payload = 'x'.repeat(bytes);
  let sent = 0;
  while (performance.now() - began < WINDOW_S * 1000) {
    const now = performance.now(), due = Math.floor((now - began) / 1000 * perSecond);
    let out = '';
    for (; sent < due; ++sent) out += command('XADD', `probe:${sent % STREAMS}`, 'NOMKSTREAM', `1-${sent + 1}`, 'b', payload, 't', String(now));
    if (out) link.socket.write(out);
    await sleep(1);
  }
  const used = cpu(store.pid) - before, wall = performance.now() - began;
  stop();
  link.socket.destroy();
  await store.stop();
  await others;
  await alone.stop();
  return { lags, core: used / wall * 1000, us: used / sent * 1e6 };
}

/** `lane(args)`, `redis()`: start one; a stream's deltas come `every` ms. */
export async function remote(world) {
  const lanes = await throughLanes(world), probe = await bare(world, lanes);
  const lag = ({ lags }) => ({ n: lags.length, p50: at(lags, 0.5), p99: at(lags, 0.99), max: at(lags, 1) });
  return { lanes: { ...lanes, lags: lag(lanes) }, probe: { ...probe, lags: lag(probe) } };
}

export function showRemote({ lanes, probe }) {
  const ms = (value) => value.toFixed(2), lag = ({ lags }) => `${ms(lags.p50)} / ${ms(lags.p99)} / ${ms(lags.max)} ms`;
  return ['', `Remote readers: ${STREAMS} turns run on one lane, ${READERS} of them are read on a second one as well. The probe appends an entry of the same size for each delta and follows as many streams, beside a lane alone that runs as many turns. The lane needs ${lanes.appends_per_delta.toFixed(2)} entries a delta.`, '',
    '| what | lanes | probe | ratio | goal |', '|---|---|---|---|---|',
    `| a delta at the second lane's reader after the first's; at the probe's after its sending: p50 / p99 / max | ${lag(lanes)} | ${lag(probe)} | p99: ${(lanes.lags.p99 / probe.lags.p99).toFixed(2)} | ≤ 2 |`,
    `| Redis, share of a core | ${(lanes.core * 100).toFixed(0)} % | ${(probe.core * 100).toFixed(0)} % | ${(lanes.us / probe.us).toFixed(2)} a delta | ≤ 1.5 |`,
    '', `Streams that ended well: ${lanes.good} of ${STREAMS}; whole at the second lane: ${lanes.whole} of ${READERS}.`].join('\n');
}
