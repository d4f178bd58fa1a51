// A history of turns over two lanes that are killed and stopped at random, checked afterwards: every
// piece of an answer once and in order, one ending, the same for all who heard one.
//
// The short form runs for some seconds. The long one:
//   OA_HISTORY=60 ./dev e2e tests/e2e/replicas/history.test.mjs
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexServer, startMock } from '../lib/codex.mjs';
import { read, verdictOf } from '../lib/contract.mjs';
import { chatBody, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { startRedis } from './redis.mjs';

const SECONDS = Number(process.env.OA_HISTORY ?? 6);
const CLIENTS = 4;
const LEASE = 700;
const folder = scratch('history');
const config = path.join(folder, 'config.toml');
let redis, mock, server;
const lanes = [];
let names = 0;

async function newLane() {
  const name = `lane-${++names}`;
  return startLane({
    authority: 'codex',
    name,
    args: ['--codex-server', `0=ws://127.0.0.1:${server.port}`, '--codex-token', `file:${server.tokenFile}`, '--codex-config', config, '--model', 'mock-model', '--store', redis.url, '--replica-name', name, '--limit', `lease=${LEASE}ms`, '--drain-timeout', '500ms'],
  });
}
before(async () => {
  redis = await startRedis();
  mock = await startMock();
  fs.writeFileSync(config, chatConfig(mock.port));
  server = await startCodexServer({ config: chatConfig, mockPort: mock.port });
  lanes.push(await newLane(), await newLane());
});
after(async () => {
  for (const one of lanes) await one.kill();
  await server.kill();
  await mock.stop();
  await redis.kill();
});

const KINDS = ['text;words=30;delay=12', 'text;words=30;delay=2;chunk=char', 'unicode;delay=4', 'two-messages;delay=40;gap=100', 'reasoning;parts=3;delay=12'].map((kind) => `scenario:${kind}`);
const said = (x) => ({ texts: read(x).texts, reasoning: read(x).reasoning });
const pick = (list) => list[Math.floor(Math.random() * list.length)];
/** Everything heard of one kind, as one string. */
const flat = (parts) => parts.join('\u0000');
const endingOf = (x) => {
  const types = x.chunks.map((c) => c?.type);
  return types.includes('abort') ? 'stopped' : types.includes('error') ? 'error' : types.includes('finish') ? 'completed' : 'none';
};

/** One turn, from its request to an ending, wherever its client has to go for that. */
async function turn(history, id, kind) {
  const heard = [];
  const keep = (x, how) => { if (x.status === 200) heard.push({ how, turn: x.headers['x-oa-turn-id'], whole: x.complete, ending: x.complete ? endingOf(x) : 'none', verdict: x.complete ? verdictOf(x).violations : [], failure: read(x).failure?.code, ...said(x) }); return x; };
  const headers = { 'idempotency-key': `key-${id}` };
  const body = chatBody(KINDS[kind], { id, messageId: `m-${id}` });
  const first = keep(await open(pick(lanes).base, { method: 'POST', path: '/api/chat', headers, body, ms: 15000 }).done, 'first');
  let last = first;
  for (const end = Date.now() + limit(15000); !last.complete && Date.now() < end; ) {
    await sleep(50);
    last = await open(pick(lanes).base, first.status === 200 ? { path: `/api/chat/${id}/stream`, ms: 15000 } : { method: 'POST', path: '/api/chat', headers, body, ms: 15000 }).done;
    if (last.complete && [409, 503].includes(last.status) && last.json().error.code !== 'already_answered') last.complete = false;
    else keep(last, first.status === 200 ? 'resumed' : 'retried');
  }
  history.push({ id, kind, first: first.status, last: last.status, heard });
}

async function trouble(until, done) {
  const counts = { killed: 0, stopped: 0 };
  while (Date.now() < until) {
    await sleep(300 + Math.random() * 900);
    const at = Math.floor(Math.random() * lanes.length);
    const victim = lanes[at];
    if (Math.random() < 0.7) {
      await victim.kill();
      counts.killed += 1;
      lanes[at] = await newLane();
    } else {
      victim.signal('SIGSTOP');
      await sleep(Math.random() * 2 * LEASE);
      victim.signal('SIGCONT');
      counts.stopped += 1;
    }
  }
  return counts;
}

test(`${SECONDS} s of turns while lanes are killed and stopped: the history has no violation`, async (t) => {
  const expected = await Promise.all(KINDS.map(async (kind, i) => said(await open(lanes[0].base, { method: 'POST', path: '/api/chat', body: chatBody(kind, { id: `ref-${i}` }) }).done)));
  const history = [];
  const until = Date.now() + SECONDS * 1000;
  let number = 0;
  const client = async () => {
    while (Date.now() < until) {
      const n = ++number;
      await turn(history, `h-${n}`, n % KINDS.length);
    }
  };
  const [counts] = await Promise.all([trouble(until), ...Array.from({ length: CLIENTS }, client)]);

  const violations = [];
  const failures = [];
  const endings = { completed: 0, error: 0, stopped: 0, none: 0 };
  for (const { id, kind, first, last, heard } of history) {
    const want = expected[kind];
    const bad = (what) => violations.push(`${id} (${KINDS[kind]}): ${what}`);
    for (const one of heard) {
      for (const part of ['texts', 'reasoning']) {
        if (!flat(want[part]).startsWith(flat(one[part]))) bad(`${one.how} heard ${part} ${JSON.stringify(one[part]).slice(-200)}`);
      }
      if (one.whole && one.verdict.length > 0) bad(`${one.how} is not legal: ${JSON.stringify(one.verdict)}`);
      if (one.whole && one.ending === 'none') bad(`${one.how} ended without an ending`);
      if (one.ending === 'completed' && (flat(one.texts) !== flat(want.texts) || flat(one.reasoning) !== flat(want.reasoning))) bad(`${one.how} was told complete and is not: ${JSON.stringify(one.texts).slice(-200)}`);
      if (one.ending === 'stopped') bad(`${one.how} was stopped, and nobody asked for it`);
    }
    if (new Set(heard.map((one) => one.turn)).size > 1) bad(`one key, several turns: ${JSON.stringify(heard.map((one) => one.turn))}`);
    const ended = heard.filter((one) => one.whole);
    const how = ended.at(-1)?.ending ?? 'none';
    endings[how] += 1;
    if (how === 'error') failures.push(`${ended.at(-1).how} ${ended.at(-1).failure}`);
    if (first === 200 && ended.length === 0 && last !== 204) bad(`nobody was told an ending (last answer ${last})`);
  }
  t.diagnostic(`${history.length} turns, ${counts.killed} kills, ${counts.stopped} stops, endings ${JSON.stringify(endings)} ${failures.join(', ')}`);
  assert.deepEqual(violations, []);
  assert.ok(history.length > SECONDS, `${history.length} turns`);
  assert.ok(endings.completed > history.length / 4, JSON.stringify(endings));

  // Whoever was told no ending, or an error by a lane that had lost the turn, reads the whole of it:
  // another lane went on. The message is there, once.
  const asked = (one) => one.first === 200 && one.heard.some((x) => x.ending === 'completed' || x.ending === 'none' || x.failure === 'turn_aborted');
  const unsure = history.filter((one) => one.first === 200 && one.heard.filter((x) => x.whole).at(-1)?.ending !== 'completed');
  for (const { id, kind } of [...unsure, ...history.filter(asked).slice(0, 20)]) {
    const missing = () => expected[kind].texts.filter((text) => !messages.includes(JSON.stringify(text).slice(1, -1)));
    let messages = '';
    for (const end = Date.now() + limit(8000); ; await sleep(100)) {
      messages = (await send(lanes[0].base, { path: `/api/chats/${id}/messages` })).text;
      if (missing().length === 0 || Date.now() > end) break;
    }
    assert.deepEqual(missing(), [], `${id}: ${messages.slice(0, 1000)}`);
    assert.equal(messages.split('"role":"user"').length, 2, `${id} has one question`);
  }
  t.diagnostic(`${unsure.length} turns whose client was told no proper end are whole in their messages`);
});
