// A history of conversations on a worker that is a real Codex, while the lane is killed, Khala and the control service go
// away and the worker stops: clients ask, stop, leave and come back at random. What they were told obliges the list: each
// question stands there once and alone, in its order, with its own answer.
//
// The short form runs for some seconds on one seed. The long one, on others:
//   for seed in 1 2 3; do OA_SEED=$seed OA_HISTORY=60 ./dev e2e tests/e2e/worker/history.test.mjs; done
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, codexBin, startMock } from '../lib/codex.mjs';
import { read, verdictOf } from '../lib/contract.mjs';
import { freePort } from '../lib/free_port.mjs';
import { open } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { random } from '../lib/random.mjs';
import { startFake } from './fake/fake-runtime.mjs';

const SECONDS = Number(process.env.OA_HISTORY ?? 4);
const SEED = Number(process.env.OA_SEED ?? 3);
const CLIENTS = 6;
const folder = scratch('history');
let mock, fake, lane, port;
const start = async () => {
  lane = await startLane({ authority: 'worker', folder, listen: `127.0.0.1:${port}`, env: { OA_STREAM_WORKER_TOKEN: fake.token },
    args: ['--worker-control', fake.url, '--khala-url', fake.ws, '--khala-wire', SEED % 2 ? 'rust' : 'phoenix', '--limit', 'worker-requests=100000', '--limit', 'authority-away=500ms', '--drain-timeout', '200ms'] });
};
before(async () => {
  [mock, port] = [await startMock(['--quiet']), await freePort()];
  const config = path.join(folder, 'config.toml');
  fs.writeFileSync(config, chatConfig(mock.port));
  fake = await startFake({ codex: { bin: codexBin(), config } });
  await start();
});
after(async () => {
  assert.equal((await lane.stop()).code, 0);
  await fake.stop();
  await mock.stop();
});

const violations = [];
const counts = {};
const count = (what) => { counts[what] = (counts[what] ?? 0) + 1; };
const send = (method, where, body) => open(lane.base, { method, path: where, body, ms: limit(20000) });
const ready = async () => { while ((await open(lane.base, { path: '/readyz' }).done).status !== 200) await sleep(20); };

class Chat {
  constructor(number) { Object.assign(this, { id: `c-${number}`, next: random(SEED * 1000 + number), turns: [], told: [] }); }
  pick(list) { return list[Math.floor(this.next() * list.length)]; }
  wrong(what) { violations.push(`seed ${SEED}, ${this.id}: ${what}\n${this.told.join('\n')}`); }
  /** What a stream of this turn tells. */
  hear(turn, x, what) {
    this.told.push(`${what} ${turn.number}: ${x.status} ${x.broken ?? ''} ${x.status === 200 ? read(x).failure?.code ?? read(x).finish?.messageMetadata.status : x.text.slice(0, 120)}`);
    if (x.status !== 200) return;
    const out = read(x);
    const text = out.texts.join('');
    if (!turn.answer.startsWith(text)) this.wrong(`${what} heard ${text}`);
    if (!x.complete) return;
    if (verdictOf(x).violations.length > 0) this.wrong(`${what} is not legal: ${x.text}`);
    const end = out.failure?.code ?? out.finish?.messageMetadata.status;
    if (end === 'completed' && text !== turn.answer) this.wrong(`${what} is completed with ${text}`);
    turn.ends.push(end);
  }
  async ask() {
    const number = this.turns.length + 1;
    const answer = `${this.id}-${number}- ${'w '.repeat(this.pick([3, 12, 40]))}`;
    const turn = { number, answer, ends: [], text: `scenario:text;text=${encodeURIComponent(answer)};delay=${this.pick([0, 5, 20])};number=${number}` };
    this.turns.push(turn);
    const deed = this.pick(['read', 'read', 'stop', 'stop', 'leave', 'second', 'next']);
    count(deed);
    const x = send('POST', '/api/chat', { id: this.id, messages: [{ id: `u-${this.id}-${number}`, role: 'user', parts: [{ type: 'text', text: turn.text }] }] });
    const begun = deed === 'read' || await x.frame(this.pick(['start', 'text-delta'])).catch(() => null);
    if (deed === 'stop' && begun) this.told.push(`stopped: ${(await send('POST', `/api/chats/${this.id}/stop`, {}).done).status}`);
    if (['leave', 'next'].includes(deed)) x.destroy();
    if (deed === 'second' && begun) this.hear(turn, await send('GET', `/api/chats/${this.id}/stream`).done, 'second reader');
    this.hear(turn, await x.done, `${deed} of`);
    if (!x.complete && x.status === 0) await ready();
    if (x.status === 200 && deed === 'leave') this.hear(turn, await send('GET', `/api/chats/${this.id}/stream`).done, 'resume of');
  }
  /** Once no turn runs: what the answers oblige the list to. */
  async check() {
    let data;
    for (const end = Date.now() + limit(15000); ; await sleep(50)) {
      const x = await send('GET', `/api/chats/${this.id}?limit=200`).done;
      data = x.complete && x.status === 200 ? x.json().data : null;
      if ((data && data.runs.every(({ status }) => status !== 'running')) || (x.complete && x.status === 404)) break;
      if (Date.now() > end) return this.wrong(`it does not settle: ${x.status} ${x.text.slice(0, 500)}`);
    }
    const messages = data?.messages ?? [];
    const questions = messages.filter(({ role }) => role === 'user').map(({ content }) => this.turns.find(({ text }) => text === content)?.number ?? `not asked: ${content}`);
    if (questions.some((number, at) => typeof number !== 'number' || number <= (questions[at - 1] ?? 0))) this.wrong(`its questions are ${questions}`);
    for (const turn of this.turns) {
      const at = messages.findIndex(({ content }) => content === turn.text);
      // Of a turn that was given up, or not heard to its end, the worker may never have kept the question.
      const sure = turn.ends.some((end) => ['completed', 'interrupted'].includes(end));
      if (at < 0 && sure) this.wrong(`question ${turn.number} is missing, its streams ended ${turn.ends}`);
      if (at < 0) continue;
      const { status } = messages[at].metadata;
      const answer = messages[at + 1]?.role === 'assistant' ? messages[at + 1].content : '';
      if (turn.ends.includes('completed') && status !== 'completed') this.wrong(`turn ${turn.number} is ${status}, its streams ended ${turn.ends}`);
      if (status === 'completed' ? answer !== turn.answer : !turn.answer.startsWith(answer)) this.wrong(`turn ${turn.number} is ${status} with ${answer}`);
    }
    count('checked');
  }
}

const FAULTS = {
  'the lane killed': async () => { await lane.kill(); await start(); },
  'neither Khala nor control': async () => {
    const cut = { drop: 'before', times: 1e6 };
    fake.control.faults.push(cut);
    fake.khala.refuseNext({ drop: true }, 1000);
    fake.khala.dropAll();
    await sleep(1000);
    fake.control.faults = fake.control.faults.filter((one) => one !== cut);
    fake.khala.refusals = [];
  },
  'Khala began again': async () => fake.khala.restart(),
  'the worker stopped': async () => {
    fake.control.append(fake.worker, 'worker.stopped', { reason: 'operator' });
    await sleep(300);
    Object.assign(fake.control.workers.get(fake.worker), { status: 'running', stopped: null, heartbeat: Date.now() });
    fake.control.append(fake.worker, 'worker.started', { status: 'running', reason: 'register' });
  },
  'the lane restarted': async () => { assert.equal((await lane.stop()).code, 0); await start(); },
};

test(`${SECONDS} s of conversations while lane, Khala, control and worker go away: the list has what was told`, async (t) => {
  await ready();
  const next = random(SEED);
  const until = Date.now() + SECONDS * 1000;
  let chats = 0;
  const client = async () => {
    while (Date.now() < until && violations.length === 0) {
      const chat = new Chat(++chats);
      for (let turns = 2 + Math.floor(chat.next() * 3); turns > 0; --turns) await chat.ask();
      await ready();
      await chat.check();
    }
  };
  const trouble = async () => {
    for (let number = 0; Date.now() < until; ++number) {
      await sleep(300 + next() * 500);
      const fault = Object.keys(FAULTS)[number % Object.keys(FAULTS).length];
      await FAULTS[fault]();
      count(fault);
      await ready();
    }
  };
  await Promise.all([trouble(), ...Array.from({ length: CLIENTS }, client)]);
  t.diagnostic(`seed ${SEED}: ${JSON.stringify(counts)}`);
  assert.deepEqual(violations, []);
  assert.ok(counts.checked > SECONDS, `${counts.checked} conversations`);
});
