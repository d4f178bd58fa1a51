// Runs the benchmarks and prints their ratios. Everything compared runs in this one go, on this one
// machine, one after the other.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, showCheck } from './check.mjs';
import { codex, showCodex } from './codex.mjs';
import { codexServer } from './codex_server.mjs';
import { front, showFront } from './front.mjs';
import { bodies, showBodies } from './bodies.mjs';
import { replicas, showReplicas } from './replicas.mjs';
import { moves, showMoves } from './moves.mjs';
import { orphans, showOrphans } from './orphans.mjs';
import { remote, showRemote } from './remote.mjs';
import { showWorker, worker } from './worker.mjs';
import { chatConfig, codexBin } from '../tests/e2e/lib/codex.mjs';
import { freePort } from '../tests/e2e/lib/free_port.mjs';
import { PROXIES, childPids, memoryOf } from '../tests/e2e/lib/process.mjs';

const [out, ...names] = process.argv.slice(2);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OA = process.env.OA_BIN;
const tool = (name) => path.join(out, 'cmake', `bench_${name}`);
const DELTAS = 50, EVERY = 50, STREAMS = [1000, 5000];
const round = (value, digits = 2) => Number(value.toPrecision(digits + 1));

const work = fs.mkdtempSync(path.join(out, 'work-'));
const children = new Set();
process.on('exit', () => {
  for (const child of children) { try { process.kill(-child.pid, 'SIGKILL'); } catch { /* gone */ } }
  fs.rmSync(work, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/** Starts a program and waits until `ready(stdout so far)` gives a port. */
async function start(program, args, ready, env = {}) {
  const log = fs.openSync(path.join(out, `${path.basename(program)}.log`), 'a');
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', log], env: { PATH: process.env.PATH, HOME: work, ...env } });
  children.add(child);
  let text = '', gone = null;
  child.stdout.on('data', (bytes) => { text += bytes; });
  const over = new Promise((done) => child.on('close', (code, signal) => { gone = { code, signal }; children.delete(child); done(); }));
  for (let tries = 0; ; tries++) {
    const port = ready(text);
    if (port) return { pid: child.pid, port, stop: async () => { try { process.kill(-child.pid, 'SIGTERM'); } catch { /* gone */ } await over; } };
    if (gone || tries > 1500) throw new Error(`${program} ${args.join(' ')} did not start: ${JSON.stringify(gone)}, see ${out}/*.log`);
    await sleep(20);
  }
}
const listening = (text) => Number(/LISTENING (\d+)/.exec(text)?.[1] ?? 0);

/** The lane on one recording, or on Codex. */
function startLane(args, env = {}) {
  const ready = path.join(work, `ready-${Math.random()}`);
  return start(OA, ['serve', '--listen', '127.0.0.1:0', '--ready-file', ready, ...args], () => {
    const text = fs.existsSync(ready) ? fs.readFileSync(ready, 'utf8') : '';
    return Number(/:(\d+)/.exec(text.replace(/^https?:/, ''))?.[1] ?? 0);
  }, { OA_STREAM_STATE_DIR: path.join(work, 'state'), ...env });
}

function run(program, args) {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (bytes) => { text += bytes; });
    child.on('error', failed);
    child.on('close', () => { try { done(JSON.parse(text)); } catch { failed(new Error(`${program}: ${text}`)); } });
  });
}

const TICK = Number(spawnSync('getconf', ['CLK_TCK']).stdout) || 100;
/** CPU seconds of the process since it began: user and system. */
function cpu(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICK;
}
const rss = (pid) => memoryOf(pid) * 2 ** 20;

// ------------------------------------------------------------------ fanout

/** One recording with so many deltas so many ms apart, made from a real one. `say(n)`: the text of one. */
function paceRecording(folder, every = EVERY, count = DELTAS, say = () => 'lorem ipsum ') {
  fs.mkdirSync(folder, { recursive: true });
  const lines = fs.readFileSync(path.join(ROOT, 'fixtures/captures/02-text-paced.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const isDelta = (line) => line.msg?.method === 'item/agentMessage/delta';
  const first = lines.findIndex(isDelta), last = lines.findLastIndex(isDelta);
  const begin = lines[first].t;
  const delta = (n) => ({ ...structuredClone(lines[first]), t: begin + n * every });
  const deltas = Array.from({ length: count }, (_, n) => {
    const line = delta(n + 1);
    line.msg.params.delta = say(n);
    return line;
  });
  const shift = deltas.at(-1).t - lines[last].t;
  const tail = lines.slice(last + 1).map((line) => ({ ...line, t: line.t + shift }));
  const text = deltas.map((line) => line.msg.params.delta).join('');
  for (const line of tail) if (line.msg?.params?.item?.type === 'agentMessage') line.msg.params.item.text = text;
  fs.writeFileSync(path.join(folder, 'paced.jsonl'), [...lines.slice(0, first), ...deltas, ...tail].map((line) => JSON.stringify(line)).join('\n') + '\n');
}

const warm = (server) => run(tool('stream_client'), ['--port', server.port, '--prompt', 'replay:paced', '--streams', 20]);
async function measure(name, server, streams) {
  await warm(server);
  return measureWarm(name, server, streams);
}
async function measureWarm(name, server, streams) {
  const idle = rss(server.pid), before = cpu(server.pid);
  let peak = idle;
  const sampler = setInterval(() => { peak = Math.max(peak, rss(server.pid)); }, 50);
  const seen = await run(tool('stream_client'), ['--port', server.port, '--prompt', 'replay:paced', '--streams', streams, '--per-second', 2500]);
  clearInterval(sampler);
  const used = cpu(server.pid) - before;
  return {
    name, streams, good: seen.good, bad: seen.bad, deltas: seen.deltas, frames: seen.frames, wall_s: seen.wall_s,
    cpu_us_per_delta: round(used / seen.deltas * 1e6), rss_kib_per_stream: round((peak - idle) / streams / 1024),
    gap_ms: seen.gap_ms,
  };
}

async function fanout() {
  const folder = path.join(work, 'recordings');
  paceRecording(folder);
  const rows = [];
  for (const streams of STREAMS) {
    const servers = [
      ['epoll writer', () => startWriter()],
      ['epoll writer, io_uring', () => startWriter(DELTAS, '--uring', 1)],
      ['oa-stream lane', () => startLane(['--authority', 'replay', '--replay', folder, '--pace', 'recorded'])],
      ['node, ai 7', () => start(process.execPath, [path.join(ROOT, 'bench/node_server.mjs'), '--deltas', DELTAS, '--every-ms', EVERY], listening)],
    ];
    for (const [name, begin] of servers) {
      const server = await begin();
      rows.push(await measure(name, server, streams));
      await server.stop();
      console.error(`bench: ${JSON.stringify(rows.at(-1))}`);
    }
  }
  return rows;
}

function showFanout(rows) {
  const lines = ['', `Fan-out: N streams at once, ${DELTAS} text deltas ${EVERY} ms apart, each delta one frame in one HTTP chunk.`, `2,500 streams are begun a second, so ${DELTAS * EVERY / 1000} s and the ramp is the least it can take; a server that needs longer does not keep the pace.`, '',
    '| N | server | streams ended well | took | server CPU per delta | × epoll | RSS per stream | × epoll | gap p50 / p99 / max |', '|---|---|---|---|---|---|---|---|---|'];
  for (const row of rows) {
    const raw = rows.find((other) => other.streams === row.streams && other.name === 'epoll writer');
    lines.push(`| ${row.streams} | ${row.name} | ${row.good} of ${row.streams} | ${row.wall_s.toFixed(1)} s | ${row.cpu_us_per_delta} µs | ${round(row.cpu_us_per_delta / raw.cpu_us_per_delta, 1)} | ${row.rss_kib_per_stream} KiB | ${round(row.rss_kib_per_stream / Math.max(raw.rss_kib_per_stream, 0.1), 1)} | ${row.gap_ms.p50} / ${row.gap_ms.p99} / ${row.gap_ms.max} ms |`);
  }
  for (const streams of STREAMS) {
    const of = (name) => rows.find((row) => row.streams === streams && row.name.startsWith(name));
    lines.push('', `At ${streams} streams node with \`ai\` spends ${round(of('node').cpu_us_per_delta / of('oa').cpu_us_per_delta, 1)} times the CPU per delta and ${round(of('node').rss_kib_per_stream / of('oa').rss_kib_per_stream, 1)} times the memory per stream of the lane.`);
  }
  return lines.join('\n');
}

// ------------------------------------------------------------------- delay

const stamps = (file) => fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => {
  const space = line.indexOf(' ');
  return { ns: BigInt(line.slice(0, space)), text: line.slice(space + 1) };
});
function percentiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]);
  return { n: sorted.length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
}

/** The floor: frames of the epoll writer that carry their time of sending. */
async function rawDelay(streams = 1, deltas = 400, every = 30, perSecond = 2000) {
  const server = await start(tool('epoll_writer'), ['--deltas', deltas, '--every-ms', every, '--stamp', 1], listening);
  const file = path.join(work, 'raw.stamps');
  await run(tool('stream_client'), ['--port', server.port, '--streams', streams, '--per-second', perSecond, '--stamps', file]);
  await server.stop();
  return percentiles(stamps(file).map(({ ns, text }) => Number(ns - BigInt(text)) / 1e6));
}

const startMock = () => start(process.execPath, [path.join(ROOT, 'tests/e2e/codex/mock-responses.mjs'), '--port', '0'], listening);
/** A lane on the real Codex with a fake model behind it; stop() ends both. */
async function startCodexLane(bin) {
  const mock = await startMock();
  const config = path.join(work, 'config.toml');
  fs.writeFileSync(config, chatConfig(mock.port));
  const lane = await startLane(['--authority', 'codex', '--codex-bin', bin, '--codex-config', config, '--model', 'mock-model'], { OPENAI_API_KEY: 'sk-mock', MOCK_API_KEY: 'sk-mock' });
  return { ...lane, stop: async () => { await lane.stop(); await mock.stop(); } };
}

async function delay() {
  const log = path.join(work, 'codex.stamps');
  const wrapper = path.join(work, 'codex');
  fs.writeFileSync(wrapper, `#!/bin/sh\nexec '${tool('tee_lines')}' '${log}' '${process.env.CODEX_BIN ?? codexBin()}' "$@"\n`, { mode: 0o755 });
  const lane = await startCodexLane(wrapper);
  const file = path.join(work, 'client.stamps');
  await run(tool('stream_client'), ['--port', lane.port, '--prompt', 'scenario:text;words=20;delay=30', '--streams', 1]); // warm
  fs.truncateSync(log);
  const seen = await run(tool('stream_client'), ['--port', lane.port, '--prompt', 'scenario:text;words=400;delay=30', '--streams', 1, '--stamps', file]);
  await lane.stop();
  const left = stamps(log), came = stamps(file);
  if (seen.bad || left.length !== came.length || left.some(({ text }, n) => text !== came[n].text)) throw new Error(`delay: ${left.length} deltas left Codex, ${came.length} came: ${JSON.stringify(seen)}`);
  return { lane: percentiles(came.map(({ ns }, n) => Number(ns - left[n].ns) / 1e6)), raw: await rawDelay() };
}

function showDelay({ lane, raw }) {
  return ['', 'Delay added to Codex\'s deltas (30 ms apart): from the line leaving `codex app-server` to its frame at the client.', '',
    '| path | deltas | p50 | p99 | max |', '|---|---|---|---|---|',
    `| app-server pipe → lane → client | ${lane.n} | ${lane.p50_ms} ms | ${lane.p99_ms} ms | ${lane.max_ms} ms |`,
    `| epoll writer → client (floor) | ${raw.n} | ${raw.p50_ms} ms | ${raw.p99_ms} ms | ${raw.max_ms} ms |`, '',
    `The lane's p50 is ${round(lane.p50_ms / raw.p50_ms, 1)} times the floor and ${round(lane.p50_ms / 30 * 100, 1)} % of the pause between two deltas.`].join('\n');
}

// ------------------------------------------------------------------ prober

const PROBED = 500, PROBED_EVERY = 400;

/** Runs a shell line; its CPU seconds, those of all its children included, and its stdout. */
function timed(line, args) {
  return new Promise((done, failed) => {
    const child = spawn('bash', ['-c', `TIMEFORMAT='%R %U %S'; time { ${line}; }`, 'bash', ...args.map(String)], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, HOME: work, OA_STREAM_STATE_DIR: path.join(work, 'state') } });
    let text = '', told = '';
    child.stdout.on('data', (bytes) => { text += bytes; });
    child.stderr.on('data', (bytes) => { told += bytes; });
    child.on('error', failed);
    child.on('close', (code) => {
      const [wall_s, user, system] = told.trim().split('\n').at(-1).split(' ').map(Number);
      if (Number.isFinite(system)) done({ text, code, wall_s, cpu_s: user + system });
      else failed(new Error(`${line}: ${told}`));
    });
  });
}
/** The most streams that the lane had open at once while `work` ran. */
async function most(port, work) {
  let peak = 0, over = false;
  const looking = (async () => {
    while (!over) {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      peak = Math.max(peak, Number(/^oa_stream_active_streams (\d+)/m.exec(text)?.[1] ?? 0));
      await sleep(100);
    }
  })();
  const result = await work;
  over = true;
  await looking;
  return { ...result, peak };
}

async function prober() {
  for (const program of ['curl', 'jq']) if (spawnSync(program, ['--version']).error) throw new Error(`prober: no ${program} here`);
  const folder = path.join(work, 'probed');
  paceRecording(folder, PROBED_EVERY);
  const lane = await startLane(['--authority', 'replay', '--replay', folder, '--pace', 'recorded']);
  const base = `http://127.0.0.1:${lane.port}`;
  const load = await most(lane.port, timed('"$1" load --base-url "$2" --concurrency "$3" --requests "$3" --duration 10m --prompt replay:paced --json', [OA, base, PROBED]));
  const shell = await most(lane.port, timed('"$1" "$2" "$3" replay:paced', [path.join(ROOT, 'bench/prober_shell.sh'), base, PROBED]));
  await lane.stop();
  const told = JSON.parse(load.text).load;
  const lines = shell.text.trim().split('\n').map((line) => JSON.parse(line));
  const row = ({ wall_s, cpu_s, peak }, good, content) => ({ wall_s: round(wall_s), cpu_s: round(cpu_s), peak, good, content });
  return {
    load: row(load, told.endings.ok ?? 0, told.counts.chunks),
    shell: row(shell, lines.filter((one) => one.ok).length, lines.reduce((sum, one) => sum + one.content, 0)),
    ratio: round(shell.cpu_s / load.cpu_s, 1),
  };
}

function showProber({ load, shell, ratio }) {
  const line = (name, one) => `| ${name} | ${one.good} of ${PROBED} | ${one.peak} | ${one.content} | ${one.wall_s} s | ${one.cpu_s} s | ${round(one.cpu_s / PROBED * 1e3)} ms |`;
  return ['', `Prober: ${PROBED} streams at once, each ${DELTAS} deltas ${PROBED_EVERY} ms apart, read, timed and judged. CPU of the reading side alone, user and system.`, '',
    '| prober | streams ended well | most at once | deltas | took | CPU | a stream |', '|---|---|---|---|---|---|---|',
    line('`oa-stream load`', load), line('curl, sed and jq in a shell', shell), '',
    `The shell spends ${ratio} times the CPU.`].join('\n');
}

// ----------------------------------------------------------------- startup

const STARTS = 50, ROUNDS = 5;

/** Every command as its own --help lists it. */
function commandsOf(program) {
  const { stdout } = spawnSync(program, ['--help'], { encoding: 'utf8' });
  const rows = stdout.matchAll(/^ {2}([a-z][a-z-]*(?: [a-z][a-z-]*)*)(?: {2}|$)/gm);
  return [...new Set(Array.from(rows, (row) => row[1]))]; // those used most are listed twice
}
/** Milliseconds of one start: the quickest of some rounds, because a start is only ever delayed. */
async function startOf(program, args) {
  let best = Infinity;
  for (let round_ = 0; round_ < ROUNDS; ++round_) {
    const { wall_s, code } = await timed(`for ((i = 0; i < ${STARTS}; ++i)); do "$@" >/dev/null || exit; done`, [program, ...args]);
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
    best = Math.min(best, (wall_s / STARTS) * 1e3);
  }
  return best;
}
async function startup() {
  const peer = await startOf('/bin/true', []);
  const rows = [];
  for (const command of commandsOf(OA)) rows.push({ command, ms: await startOf(OA, [...command.split(' '), '--help']) });
  for (const args of [['version'], ['runs', 'list', '--json'], ['playbook', 'explain', 'cutover']]) rows.push({ command: args.join(' '), ms: await startOf(OA, args), real: true });
  const stripped = path.join(work, 'stripped');
  const { status } = spawnSync('strip', ['-o', stripped, OA]);
  return { peer_ms: round(peer, 2), rows, bytes: status === 0 ? fs.statSync(stripped).size : null };
}
function showStartup({ peer_ms, rows, bytes }) {
  const helps = rows.filter((row) => !row.real).sort((a, b) => a.ms - b.ms);
  const line = ({ command, ms, real }) => `| \`${command}${real ? '' : ' --help'}\` | ${round(ms, 2)} ms | ${round(ms - peer_ms, 2)} ms | ${round(ms / peer_ms, 1)} |`;
  return ['', `Start to end of one process, ${STARTS} in a row, the quickest of ${ROUNDS} rounds. ${helps.length} commands; the quickest, the median and the slowest, and three that do something.`, '',
    '| command | took | more than `/bin/true` | × |', '|---|---|---|---|', `| \`/bin/true\` | ${peer_ms} ms | | 1 |`,
    ...[helps[0], helps[Math.floor(helps.length / 2)], helps.at(-1), ...rows.filter((row) => row.real)].map(line), '',
    `The stripped binary has ${bytes === null ? 'an unknown size (no strip here)' : `${round(bytes / 1e6, 1)} MB`}.`].join('\n');
}

// ---------------------------------------------------------------- replicas

const redisBin = path.join(PROXIES, '../bin/redis-server');
async function startRedis(...args) {
  const port = await freePort();
  return start(redisBin, ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', work, '--maxmemory-policy', 'noeviction', ...args], (text) => (text.includes('Ready to accept') ? port : 0));
}
async function costOfStore() {
  const [long, burst, real] = ['long', 'burst', 'real'].map((name) => path.join(work, `recording-${name}`));
  const deltas = DELTAS * 8; // what a turn costs once shall not hide what its text costs
  paceRecording(burst);
  paceRecording(real, 2, 2); // the first after 80 ms, as Codex said it
  // Frames of one length fill Redis' pages of 4 KiB by chance just over or just under.
  const words = 'lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor invidunt ut labore et dolore magna aliquyam erat'.split(' ');
  paceRecording(long, EVERY, deltas, (n) => `${words[n % words.length]} ${words[(n + 7) % words.length]} `);
  const ownLane = (args) => startLane(args, { OA_STREAM_STATE_DIR: fs.mkdtempSync(path.join(work, 'state-')) });
  const anyLane = (recording, pace, args) => ownLane(['--authority', 'replay', '--replay', recording, '--pace', pace, ...args]);
  const alone = await replicas({
    work,
    lane: (pace, args, recording) => anyLane({ long, burst, real }[recording], pace, args),
    redis: startRedis, warm, fanout: measureWarm, cpu, deltas, every: EVERY,
  });
  const lane = (args) => anyLane(long, 'recorded', args);
  const world = { lane, redis: startRedis, run, client: tool('stream_client'), cpu, every: EVERY };
  return { ...alone, remote: await remote(world), orphans: await orphans(world),
    moves: await moves({ work, start, freePort, mock: startMock, lane: ownLane, redis: startRedis, redisBin, codexBin: process.env.CODEX_BIN ?? codexBin(), recording: burst }) };
}

function costOfWorker() {
  return worker({
    work, run, client: tool('stream_client'), cpu, percentiles, stamps, lane: startLane, floor: rawDelay,
    codex: () => startCodexLane(process.env.CODEX_BIN ?? codexBin()),
    start: (program, args) => start(program, args, listening),
  });
}

const startWriter = (deltas = DELTAS, ...more) => start(tool('epoll_writer'), ['--deltas', deltas, '--every-ms', EVERY, ...more], listening);
function costOfBalancer() {
  return front({ work, start, freePort, writer: startWriter, haproxy: path.join(PROXIES, 'haproxy'), oa: OA, measure });
}

function costOnCodex() {
  const bin = process.env.CODEX_BIN ?? codexBin();
  const node = async () => {
    const mock = await startMock(), home = fs.mkdtempSync(path.join(work, 'node-'));
    fs.writeFileSync(path.join(home, 'config.toml'), chatConfig(mock.port));
    const lane = await start(process.execPath, [path.join(ROOT, 'bench/node_codex.mjs'), '--bin', bin, '--home', home], listening, { OPENAI_API_KEY: 'sk-mock', MOCK_API_KEY: 'sk-mock' });
    return { ...lane, stop: async () => { await lane.stop(); await mock.stop(); } };
  };
  const child = async (begin) => {
    const lane = await begin();
    return { ...lane, codex: childPids(lane.pid)[0] };
  };
  // Replicas on one machine: each has a lane's own work, and that for the store.
  const onServer = async (...more) => {
    const server = await codexServer({ work, start, freePort, mock: startMock, codexBin: bin });
    const lane = await startLane([...server.args, ...more]);
    return { ...lane, codex: server.pid, stop: async () => { await lane.stop(); await server.stop(); } };
  };
  const replica = async () => {
    const socket = path.join(work, 'redis.sock');
    const redis = await startRedis('--unixsocket', socket);
    const lane = await onServer('--store', `redis+unix:${socket}`);
    return { ...lane, stop: async () => { await lane.stop(); await redis.stop(); } };
  };
  return codex({ run, client: tool('stream_client'), cpu, servers: { lane: () => child(() => startCodexLane(bin)), node: () => child(node), alone: onServer, replica } });
}

// -------------------------------------------------------------------- main

const all = { fanout: [fanout, showFanout], codex: [costOnCodex, showCodex], front: [costOfBalancer, showFront], check: [() => check({ work, timed, oa: OA, peer: tool('simdjson_parse') }), showCheck], replicas: [costOfStore, (seen) => showReplicas(seen) + showRemote(seen.remote) + '\n' + showOrphans(seen.orphans) + '\n' + showMoves(seen.moves)], delay: [delay, showDelay], worker: [costOfWorker, showWorker], prober: [prober, showProber], startup: [startup, showStartup],
  bodies: [() => bodies({
    lane: () => startLane(['--authority', 'replay', '--replay', path.join(ROOT, 'fixtures/captures'), '--pace', 'immediate']),
    node: () => start(process.execPath, [path.join(ROOT, 'bench/node_bodies.mjs')], listening),
    cpu,
  }), showBodies] };
const wanted = names.length > 0 ? names : Object.keys(all);
const results = { machine: { cpu: os.cpus()[0].model, cores: os.cpus().length, kernel: os.release(), node: process.version } };
let text = `Machine: ${results.machine.cpu}, ${results.machine.cores} cores, Linux ${results.machine.kernel}, node ${results.machine.node}. The client runs on the same machine.\n`;
for (const name of wanted) {
  if (!all[name]) { console.error(`bench: no benchmark ${name}; there are ${Object.keys(all).join(', ')}`); process.exit(2); }
  results[name] = await all[name][0]();
  text += `${all[name][1](results[name])}\n`;
}
fs.writeFileSync(path.join(out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
fs.writeFileSync(path.join(out, 'results.md'), text);
console.log(text);
