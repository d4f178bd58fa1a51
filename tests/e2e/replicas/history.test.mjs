// A history of turns over three lanes that are killed, stopped and cut off from their store at random, by
// clients of whom some send twice, checked afterwards: every piece of an answer once and in order, one
// ending, the same for all who heard one, and no turn lost; and the logs in the store and the lanes' own
// counts say the same.
//
// The short form runs for some seconds. The long one, five times:
//   for run in 1 2 3 4 5; do OA_HISTORY=60 ./dev e2e tests/e2e/replicas/history.test.mjs; done
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexServer, startMock } from '../lib/codex.mjs';
import { read, verdictOf } from '../lib/contract.mjs';
import { chatBody, open, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { bytesOf, countsOf, heardBytes, outcomeOf, readLog, wrongInCounts, wrongInLog } from './logs.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { startRedis } from '../lib/replicas/redis.mjs';
import { connectStore } from '../lib/replicas/resp.mjs';

const SECONDS = Number(process.env.OA_HISTORY ?? 6);
const CLIENTS = 4;
const LEASE = 700;
const folder = scratch('history');
const config = path.join(folder, 'config.toml');
let redis, mock, server, store;
const lanes = [];
const ever = []; // dead ones, too
let names = 0;

async function newLane() {
  const name = `lane-${++names}`;
  const pipe = await startPipe(redis.port);
  const lane = await startLane({
    authority: 'codex',
    name,
    args: ['--codex-server', `0=ws://127.0.0.1:${server.port}`, '--codex-token', `file:${server.tokenFile}`, '--codex-config', config, '--model', 'mock-model', '--store', pipe.url, '--replica-name', name, '--limit', `lease=${LEASE}ms`, '--limit', 'log-kept=30m', '--drain-timeout', '500ms'],
  });
  ever.push(lane);
  return Object.assign(lane, { pipe });
}
async function kill(lane) {
  lane.counted = await countsOf(lane);
  await lane.kill();
  lane.pipe.stop();
}
before(async () => {
  redis = await startRedis();
  store = await connectStore(redis.port);
  mock = await startMock();
  fs.writeFileSync(config, chatConfig(mock.port));
  server = await startCodexServer({ config: chatConfig, mockPort: mock.port });
  lanes.push(await newLane(), await newLane(), await newLane());
});
after(async () => {
  for (const one of lanes) await kill(one);
  await server.kill();
  await mock.stop();
  store.close();
  await redis.kill();
});

/** Those that outlast the lease of a dead lane are adopted, the others settled by what Codex has of them. */
const KINDS = ['text;words=120;delay=15', 'text;words=30;delay=2;chunk=char', 'unicode;delay=4', 'two-messages;delay=40;gap=1500', 'reasoning;parts=3;delay=12'].map((kind) => `scenario:${kind}`);
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
  const keep = (x, how) => { if (x.status === 200) heard.push({ how, turn: x.headers['x-oa-turn-id'], whole: x.complete, ending: x.complete ? endingOf(x) : 'none', verdict: x.complete ? verdictOf(x).violations : [], failure: read(x).failure?.code, bytes: heardBytes(x.body), ...said(x) }); return x; };
  const headers = { 'idempotency-key': `key-${id}` };
  const body = chatBody(KINDS[kind], { id, messageId: `m-${id}` });
  const post = (lane) => open(lane.base, { method: 'POST', path: '/api/chat', headers, body, ms: 15000 }).done;
  const twice = Math.random() < 0.2; // at the same moment, to any lane
  const [first, double] = await Promise.all([post(pick(lanes)), twice ? post(pick(lanes)) : undefined]);
  keep(first, 'first');
  if (double) keep(double, 'doubled');
  let last = first;
  for (const end = Date.now() + limit(15000); !last.complete && Date.now() < end; ) {
    await sleep(50);
    last = await open(pick(lanes).base, first.status === 200 ? { path: `/api/chat/${id}/stream`, ms: 15000 } : { method: 'POST', path: '/api/chat', headers, body, ms: 15000 }).done;
    if (last.complete && [409, 503].includes(last.status) && last.json().error.code !== 'already_answered') last.complete = false;
    else keep(last, first.status === 200 ? 'resumed' : 'retried');
  }
  const named = heard.at(-1)?.turn;
  history.push({ id, kind, twice, first: first.status, last: last.status, heard, log: named ? await readLog(store, named) : [] });
}
/** All logs, once every turn has ended: Map of turn to entries. */
async function allLogs(ids) {
  const running = async () => (await Promise.all(ids.map((id) => store.ask('HMGET', `oa:t:/${id}`, 's', 'st')))).filter(([s, st]) => s || (st && st !== 'ended'));
  for (const end = Date.now() + limit(15000); (await running()).length > 0 && Date.now() < end; ) await sleep(50);
  const logs = new Map();
  for (const key of await store.ask('KEYS', 'oa:l:*')) logs.set(key.slice('oa:l:'.length), await readLog(store, key.slice('oa:l:'.length)));
  return logs;
}

/** These bytes as a client has an answer. */
const answerOf = (bytes) => ({ chunks: Buffer.from(bytes, 'latin1').toString().split('\n\n').filter((frame) => frame.startsWith('data: {')).map((frame) => JSON.parse(frame.slice(6))) });

/** Ways between a lane and its store that fail: either direction, both, and no connection at all. */
const PARTITIONS = [(pipe) => pipe.stall('lane'), (pipe) => pipe.stall('store'), (pipe) => pipe.stall(), (pipe) => { pipe.refuse = true; pipe.cut(); }];
/** Dealt out in turn, so that a short run has each of them, too. */
const DEEDS = ['kill', 'cut off', 'kill', 'stop', 'cut off', 'kill'];

async function trouble(until) {
  const counts = { killed: 0, stopped: 0, 'cut off': 0 };
  let number = 0;
  while (Date.now() < until) {
    await sleep(300 + Math.random() * 900);
    const deed = DEEDS[number++ % DEEDS.length];
    const lasts = deed === 'kill' ? 1 : 0; // the first one: all that it counted is known at the end
    const at = lasts + Math.floor(Math.random() * (lanes.length - lasts));
    const victim = lanes[at];
    if (deed === 'cut off') {
      PARTITIONS[counts['cut off'] % PARTITIONS.length](victim.pipe);
      await sleep(Math.random() * 3 * LEASE);
      victim.pipe.heal();
      counts['cut off'] += 1;
    } else if (deed === 'kill') {
      await kill(victim);
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

test(`${SECONDS} s of turns while lanes are killed, stopped and cut off: the history has no violation`, async (t) => {
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
  const untold = {}; // first and last answer
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
    if (how === 'none') untold[`${first} ${last}`] = (untold[`${first} ${last}`] ?? 0) + 1;
    if (how === 'error') failures.push(`${ended.at(-1).how} ${ended.at(-1).failure}`);
    if (first === 200 && ended.length === 0 && last !== 204) bad(`nobody was told an ending (last answer ${last})`);
  }
  const logs = await allLogs(history.map(({ id }) => id));
  const differ = [];
  for (const { id, kind, heard, log } of history) {
    const turn = heard.at(-1)?.turn, want = expected[kind];
    const bad = (what) => violations.push(`${id} (${KINDS[kind]}), log of ${turn}: ${what}`);
    if (turn === undefined) continue;
    const entries = logs.get(turn);
    if (!entries) { bad('it is not there'); continue; }
    for (const what of wrongInLog(entries, log)) bad(what);
    const outcome = outcomeOf(entries);
    if (outcome === null) bad('it has no end');
    const told = said(answerOf(bytesOf(entries)));
    for (const part of ['texts', 'reasoning']) {
      const good = outcome === 'completed' ? flat(told[part]) === flat(want[part]) : flat(want[part]).startsWith(flat(told[part]));
      if (!good) bad(`${outcome}, with ${part} ${JSON.stringify(told[part]).slice(-200)}`);
    }
    const unlike = heard.filter((one) => one.ending === 'completed' && one.bytes !== bytesOf(entries)).map((one) => one.how);
    if (unlike.length > 0) differ.push(`${id}: other bytes were heard (${unlike}) than the log of ${turn} has`);
  }
  let counted;
  for (const end = Date.now() + limit(5000); (counted = await wrongInCounts(ever, logs)).wrong.length > 0 && Date.now() < end; ) await sleep(50);
  violations.push(...counted.wrong);
  // An end told while the store was silent may have been decided otherwise, in other bytes.
  if (differ.length > counted.unsettled) violations.push(...differ);
  // What a lane decided for a dead one it logs; with an error, when nobody could go on.
  const settled = ever.flatMap((lane) => lane.stderr.split('\n').filter((line) => line.includes('"turn_settled"')).map((line) => JSON.parse(line)));
  const lost = settled.filter(({ terminal, thread }) => terminal !== 'completed' && history.some(({ id }) => id === thread)).map(({ thread, terminal }) => `${thread} ${terminal}`);
  const adopted = [...logs.values()].flat().filter((one) => one.x).length;
  t.diagnostic(`${history.length} turns (${history.filter((one) => one.twice).length} sent twice), ${JSON.stringify(counts)}, endings ${JSON.stringify(endings)}, none told ${JSON.stringify(untold)}, ${violations.length} violations, ${settled.length} settled, ${lost.length} lost, ${logs.size} logs, ${adopted} adoptions, ${counted.unsettled} unsettled ends, ${differ.length} answers unlike their log ${failures.join(', ')}`);
  assert.deepEqual(violations, []);
  assert.deepEqual(lost, [], 'the other lane goes on with every turn');
  if (SECONDS >= 60) assert.ok(adopted > 0, 'turns that outlast a lease');
  assert.ok(history.length > SECONDS, `${history.length} turns`);
  assert.ok(endings.completed > history.length / 4, JSON.stringify(endings));

  // Whoever was told no ending, or an error by a lane that had lost the turn, reads the whole of it:
  // another lane went on. The message is there, once.
  const asked = (one) => one.first === 200 && one.heard.some((x) => x.ending === 'completed' || x.ending === 'none' || ['turn_lost', 'turn_aborted'].includes(x.failure));
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
