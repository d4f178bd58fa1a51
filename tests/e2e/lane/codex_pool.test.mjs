// Several Codex children: the death of one ends its own streams with one error each and no others;
// its threads go on afterwards, and are found again whatever number of children comes next.
//
// The short form runs by default. The long one, 100 streams on 4 children with a death every 5 s
// for a minute:  OA_POOL=4,100,12,5000 ./dev e2e tests/e2e/lane/codex_pool.test.mjs
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock, turnWorks } from '../lib/codex.mjs';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { childPids, limit, scratch, sleep } from '../lib/process.mjs';
import { readMap } from '../lib/thread_map.mjs';

const [CHILDREN, STREAMS, DEATHS, EVERY_MS] = (process.env.OA_POOL ?? '2,12,2,2500').split(',').map(Number);
const WORDS = 20;
const PROMPT = `scenario:text;words=${WORDS};delay=150`;

const folder = scratch('pool');
let mock, lane;
const startPool = (children, name = `lane-${children}`) => startCodexLane({ config: chatConfig, port: mock.port, folder, name, args: ['--codex-children', String(children)] });
before(async () => {
  mock = await startMock();
  lane = await startPool(CHILDREN);
});
after(async () => {
  if (lane && lane.exit === undefined) assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});

/** child number → pid of its app-server. */
function codexPids() {
  const found = new Map();
  for (const pid of childPids(lane.pid)) {
    try {
      if (!fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('app-server')) continue;
      const home = /(?:^|\0)CODEX_HOME=([^\0]*)/.exec(fs.readFileSync(`/proc/${pid}/environ`, 'utf8'))[1];
      const child = /codex\/(?:(\d+)\/)?home$/.exec(home);
      found.set(Number(child[1] ?? 0), pid);
    } catch {
      // it ended between two reads
    }
  }
  return found;
}

/** client thread → child number, as the lane's own file tells it. */
function pins() {
  const rows = readMap(path.join(folder, 'state/lane/threads.map'));
  return new Map(rows.map((row) => [row.id, Number(/^(\d+)_/.exec(row.thread)?.[1] ?? 0)]));
}
async function pinned(ids) {
  const end = Date.now() + limit(5000);
  for (;;) {
    const known = fs.existsSync(path.join(folder, 'state/lane/threads.map')) ? pins() : new Map();
    if (ids.every((id) => known.has(id))) return known;
    assert.ok(Date.now() < end, 'the id map was not written');
    await sleep(20);
  }
}

const ids = Array.from({ length: STREAMS }, (_, n) => `pool-${n}`);

test(`${CHILDREN} children, ${STREAMS} streams, ${DEATHS} deaths: each ends its own streams only, its threads go on`, { timeout: limit(60000 + DEATHS * EVERY_MS * 2) }, async () => {
  // The threads are spread evenly. Made one after the other: nothing of a turn runs in between.
  for (const id of ids) await turnWorks(lane, id);
  const child = await pinned(ids);
  const spread = Array.from({ length: CHILDREN }, (_, k) => ids.filter((id) => child.get(id) === k).length);
  assert.ok(Math.max(...spread) - Math.min(...spread) <= 1, `${spread}`);

  const turns = []; // {id, child, began, ended, answer}
  const kills = []; // {child, at}
  const live = new Map();
  let over = false;
  const slot = async (id) => {
    while (!over) {
      const turn = { id, child: child.get(id), began: Date.now() };
      turn.answer = chat(lane.base, PROMPT, { id });
      live.set(id, turn);
      await turn.answer.done;
      turn.ended = Date.now();
      live.delete(id);
      turns.push(turn);
    }
  };
  const readiness = async () => {
    while (!over) {
      const ready = await send(lane.base, { path: '/readyz' });
      assert.equal(ready.status, 200, ready.text);
      await sleep(100);
    }
  };
  /** Turns of that child that have said something, and have at least half of it to say. */
  const said = (turn) => turn.answer.chunks.filter((c) => c?.type === 'text-delta').length;
  const speaking = (k) => [...live.values()].filter((turn) => turn.child === k && said(turn) > 0 && said(turn) < WORDS / 2);
  const running = [...ids.map(slot), readiness()];
  for (let n = 0; n < DEATHS; n++) {
    await sleep(EVERY_MS);
    const doomed = n % CHILDREN;
    const end = Date.now() + limit(30000);
    // Those that died before are there again: with no child left the lane is not ready. Whoever dies speaks at that moment.
    const others = Array.from({ length: CHILDREN }, (_, k) => k).filter((k) => k !== doomed);
    for (const k of [...others, doomed]) {
      while (!codexPids().has(k) || speaking(k).length === 0) {
        assert.ok(Date.now() < end, `child ${k} runs no stream`);
        await sleep(10);
      }
    }
    const pid = codexPids().get(doomed);
    kills.push({ child: doomed, at: Date.now(), hit: speaking(doomed) });
    process.kill(pid, 'SIGKILL');
  }
  const balance = () => turns.filter((turn) => turn.answer.status === 200).reduce((sum, turn) => sum + (turn.answer.chunks.some((c) => c?.type === 'error') ? -1 : 1), 0);
  for (const end = Date.now() + limit(30000); balance() <= 0 && Date.now() < end; await sleep(50));
  over = true;
  await Promise.all(running);

  let lost = 0;
  for (const turn of turns) {
    const diedWithin = (ms) => kills.find((kill) => kill.child === turn.child && kill.at >= turn.began - ms && kill.at <= turn.ended);
    const death = diedWithin(limit(2000)); // asked for before the lane knew
    if (turn.answer.status !== 200) {
      assert.ok(death, `child ${turn.child} did not die: ${turn.began} to ${turn.ended}, deaths ${JSON.stringify(kills.map((k) => [k.child, k.at]))}: ${turn.answer.text}`);
      assertRefused(turn.answer, 503, 'authority_unavailable');
    } else if (turn.answer.chunks.some((c) => c?.type === 'error')) {
      assert.ok(death, `child ${turn.child} did not die, yet ${turn.id} was lost`);
      assertOneError(turn.answer, { code: 'authority_lost', retryable: true });
      lost++;
    } else {
      assertLegal(turn.answer);
      assert.equal(read(turn.answer).texts[0].split(' ').length, WORDS, turn.id);
    }
  }
  for (const kill of kills) {
    for (const turn of kill.hit) assert.ok(read(turn.answer).errors.length === 1 || turn.ended - kill.at < 1000, `${turn.id} outlived its child`);
  }
  assert.ok(lost >= DEATHS, `${lost} streams were lost`);
  const whole = turns.filter((turn) => turn.answer.status === 200).length - lost;
  assert.ok(whole > lost, `${whole} whole, ${lost} lost`);
  process.stderr.write(`${turns.length} turns: ${whole} whole, ${lost} lost to ${DEATHS} deaths, ${turns.length - whole - lost} refused\n`);

  await Promise.all(ids.map((id) => turnWorks(lane, id)));
  assert.deepEqual(await pinned(ids), child, 'every thread is where it was');
});

test('with one child, and with more than before, every thread is still found', async () => {
  const some = [...new Map([...pins()].map(([id, child]) => [child, id])).entries()]; // one a child
  assert.equal(some.length, CHILDREN);
  for (const children of [1, CHILDREN + 1]) {
    assert.equal((await lane.stop()).code, 0);
    lane = await startPool(children);
    assert.deepEqual([...codexPids().keys()].sort(), Array.from({ length: children }, (_, k) => k));
    for (const [child, id] of some) {
      await turnWorks(lane, id);
      assert.ok((await mock.requests()).at(-1).inputItems >= 4, 'the model is sent what was said before');
      assert.ok(codexPids().has(child), `child ${child} runs`);
    }
  }
});
