// How soon things go on elsewhere: a turn that a lane lets go, with the next lane; and new turns, once a Sentinel
// names another primary.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codexServer } from './codex_server.mjs';
import { connect } from './replicas.mjs';

const ROUNDS = 5, GIVE_UP_MS = 20000;
const half = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
/** Milliseconds (performance.now) at which `look` said yes. */
async function when(what, look, pause = 1) {
  for (const end = performance.now() + GIVE_UP_MS; ; await sleep(pause)) {
    if (await look()) return performance.now();
    if (performance.now() > end) throw new Error(`moves: not within ${GIVE_UP_MS} ms: ${what}`);
  }
}

/** Asks for an answer: {status, text, request}; it is read on. */
function post(port, id, prompt) {
  const body = JSON.stringify({ id, messages: [{ id: 'u', role: 'user', parts: [{ type: 'text', text: prompt }] }], trigger: 'submit-message' });
  const seen = { status: 0, text: '' };
  seen.accepted = new Promise((done) => {
    seen.request = http.request({ port, host: '127.0.0.1', agent: false, method: 'POST', path: '/api/chat', headers: { 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
      seen.status = response.statusCode;
      done(seen);
      response.setEncoding('utf8').on('data', (text) => { seen.text += text; }).on('error', () => {});
    });
    seen.request.on('error', () => done(seen)).end(body);
  });
  return seen;
}

/** A lane drains with a turn of the real Codex that runs on: from where the store has it as nobody's to where it has a holder. */
async function letGo({ lane, redis, ...world }) {
  const store = await redis(), codex = await codexServer(world);
  const on = (name) => lane([...codex.args, '--store', `redis://127.0.0.1:${store.port}`, '--replica-name', name, '--drain-notice', '10ms', '--drain-timeout', '400ms']);
  const next = await on('next'), link = await connect(store.port), took = [];
  for (let n = 0; n < ROUNDS; ++n) {
    const leaving = await on(`leaving-${n}`), id = `moved-${n}`;
    const turn = post(leaving.port, id, `scenario:text;words=10;hold=5;key=${id}`);
    await when('five words', () => turn.text.includes('echo'));
    const holder = async () => (await link.ask('HGET', `oa:t:/${id}`, 's')).split('\r\n')[1];
    const left = leaving.stop();
    const free = await when('let go', async () => !(await holder()).startsWith('leaving'), 0);
    took.push(await when('adopted', async () => (await holder()).startsWith('next.'), 0) - free);
    await codex.release(id);
    await left;
  }
  link.socket.destroy();
  for (const one of [next, codex, store]) await one.stop();
  return took;
}

/** `words` of a Redis that may not be there. */
async function asked(port, ...words) {
  const link = await connect(port).catch(() => null);
  const ended = link && new Promise((done) => { link.socket.once('close', () => done('')).once('error', () => {}); });
  const answer = link ? await Promise.race([link.ask(...words), ended]) : '';
  link?.socket.destroy();
  return answer;
}
/** The primary is killed: from where a Sentinel names one that takes writes to the first turn, and to there from where it took them. */
async function failover({ work, start, freePort, lane, redis, redisBin, recording }, n) {
  const primary = await redis(), copy = await redis('--replicaof', '127.0.0.1', primary.port);
  await when('the copy', async () => (await asked(copy.port, 'ROLE')).includes('connected'), 20);
  const file = path.join(work, `sentinel-${n}.conf`), port = await freePort();
  fs.writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${work}\nsentinel monitor chat 127.0.0.1 ${primary.port} 1\nsentinel down-after-milliseconds chat 1000\n`);
  const sentinel = await start(redisBin, [file, '--sentinel'], (text) => (text.includes('+slave ') ? port : 0));
  const one = await lane(['--authority', 'replay', '--replay', recording, '--pace', 'immediate', '--store', `redis+sentinel://127.0.0.1:${port}/chat`]);
  await post(one.port, 'before', 'replay:paced').accepted;
  process.kill(primary.pid, 'SIGKILL');
  const turns = (async () => {
    let tries = 0;
    await when('refused', async () => (await post(one.port, `new-${++tries}`, 'replay:paced').accepted).status === 503, 5);
    return when('a new turn', async () => (await post(one.port, `new-${++tries}`, 'replay:paced').accepted).status === 200, 5);
  })();
  const writes = await when('writes', async () => (await asked(copy.port, 'SET', 'probe', '1')).startsWith('+OK'));
  const named = await when('the name', async () => (await asked(port, 'SENTINEL', 'get-master-addr-by-name', 'chat')).includes(`\r\n${copy.port}\r\n`));
  const accepted = await turns;
  for (const each of [one, sentinel, copy, primary]) await each.stop();
  return { turn: accepted - named, sentinel: named - writes };
}

/** `lane(args)`, `redis(...args)`, `mock()`: start one. */
export async function moves(world) {
  const seen = { let_go_ms: await letGo(world), failover_ms: [], sentinel_ms: [] };
  for (let n = 0; n < ROUNDS; ++n) {
    const { turn, sentinel } = await failover(world, n);
    seen.failover_ms.push(turn);
    seen.sentinel_ms.push(sentinel);
  }
  return seen;
}

export function showMoves({ let_go_ms, failover_ms, sentinel_ms }) {
  const row = (what, values, goal) => `| ${what} | ${half(values).toFixed()} ms | ${Math.min(...values).toFixed()} to ${Math.max(...values).toFixed()} ms | ${goal} |`;
  return ['', `What goes on elsewhere, ${ROUNDS} times each.`, '',
    '| what | half of them within | all | goal |', '|---|---|---|---|',
    row('a lane that drains lets a turn of Codex go → the next lane has it', let_go_ms, '≤ 0.5 s'),
    row('failover: the new primary answers, and Sentinel names it → the first new turn is accepted', failover_ms, '≤ 1 s'),
    row('(before that: it answers → Sentinel names it)', sentinel_ms, '')].join('\n');
}
