// A history of conversations on one lane whose process and whose Codex are killed: several clients open, continue,
// change, copy and delete them at random. A small model has what their answers oblige the lane to; what a lost answer
// leaves open, the next look decides. Every view agrees with it, and nobody sees anything of another owner.
//
// The short form runs for some seconds on one seed. The long one, on others:
//   for seed in 1 2 3; do OA_SEED=$seed OA_HISTORY=60 ./dev e2e tests/e2e/chats/history.test.mjs; done
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { read } from '../lib/contract.mjs';
import { freePort } from '../lib/free_port.mjs';
import { open } from '../lib/http.mjs';
import { as, tokensOf } from '../lib/lane.mjs';
import { childPids, limit, scratch, sleep } from '../lib/process.mjs';
import { random } from '../lib/random.mjs';

const SECONDS = Number(process.env.OA_HISTORY ?? 3);
const SEED = Number(process.env.OA_SEED ?? 1);
const ROUND = 1000;
const OWNERS = ['ann', 'bob'];
const folder = scratch('history');
let mock, lane, port;
const start = async () => { lane = await startCodexLane({ config: chatConfig, port: mock.port, folder, listen: `127.0.0.1:${port}`, args: ['--tokens', path.join(folder, 'tokens'), '--drain-timeout', '200ms'] }); };
before(async () => {
  tokensOf(OWNERS, path.join(folder, 'tokens'));
  [mock, port] = [await startMock(['--quiet']), await freePort()];
  await start();
});
after(async () => {
  assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});

const [violations, chats, told] = [[], [], []]; // `told`: what was done and answered
const counts = {};
const wrong = (what, chat) => violations.push(`seed ${SEED}: ${what}${chat ? `\n${told.filter((line) => line.startsWith(`${chat.owner}/${chat.id} `)).slice(-12).join('\n')}` : ''}`);
const tell = (chat, what) => { told.push(`${chat.owner}/${chat.id} ${what}`); };
const each = (states) => [...new Map(states.map((one) => [JSON.stringify(one), one])).values()];
const text = (s) => [{ type: 'text', text: s }];

const begin = (owner, method, where, body) => open(lane.base, { method, path: where, headers: as(owner), body, ms: limit(20000) });
function heard(owner, x, where) {
  for (const other of OWNERS) if (other !== owner && x.text.includes(`of-${other}-`)) wrong(`${owner} reads ${other} at ${where}: ${x.text.slice(0, 300)}`);
  return x;
}
const ready = async () => { while ((await open(lane.base, { path: '/readyz' }).done).status !== 200) await sleep(20); };
const ask = async (owner, method, where, body) => heard(owner, await begin(owner, method, where, body).done, where);
/** Whether it was done, as far as its client can tell. */
const known = (x) => (!x.complete || x.status >= 500 ? 'maybe' : x.status < 300 ? 'yes' : 'no');
/** What the answer `x` makes of the states that the chat may have; `ways`: what each becomes. */
function oblige(chat, x, ...ways) {
  const done = chat.states.flatMap((state) => ways.flatMap((way) => way(state)));
  chat.states = each(known(x) === 'yes' ? done : known(x) === 'no' ? chat.states : [...chat.states, ...done]);
}

/** The state as it was seen, or null when it is another one. A turn may have ended in any way until it was seen. */
function fits(chat, state, seen) {
  if (!state || !seen) return state === seen ? { state } : null;
  if (state.archived !== seen.archived || !(state.title === null ? chat.titles : [state.title]).includes(seen.title)) return null;
  const [due, rest, turns] = [[...state.turns], [...seen.messages], []];
  while (rest.length > 0) {
    const question = rest.shift();
    const answer = rest[0]?.role === 'assistant' ? rest.shift() : undefined;
    const status = question.metadata.status;
    const turn = due[0]?.id === question.id ? due.shift() : state.turns.every(({ id }) => id !== question.id) && chat.lost.get(question.id);
    if (!turn || question.role !== 'user' || question.content !== turn.question || (turn.status && turn.status !== status)) return null;
    if (answer ? answer.content !== turn.answer || (turn.answerId ?? answer.id) !== answer.id : status === 'completed') return null;
    turns.push({ ...turn, status, answerId: answer?.id });
  }
  return due.length === 0 ? { state: { ...state, turns } } : null;
}
async function look(chat) {
  for (const end = Date.now() + limit(15000); ; await sleep(30)) {
    const x = await ask(chat.owner, 'GET', `/api/chats/${chat.id}?limit=200`);
    const data = x.complete && x.status === 200 ? x.json().data : null;
    if ((data && !data.messages.some((m) => m.metadata.status === 'running')) || (x.complete && x.status === 404)) {
      const seen = data && { ...data.conversation, messages: data.messages };
      const left = chat.states.map((state) => fits(chat, state, seen)).filter(Boolean).map(({ state }) => state);
      if (left.length === 0) wrong(`${chat.owner}/${chat.id} is ${JSON.stringify(seen && [seen.title, seen.archived, seen.messages.map((m) => [m.id, m.content, m.metadata.status])])}, not one of ${JSON.stringify(chat.states).slice(0, 2000)}`, chat);
      else chat.states = each(left);
      return seen;
    }
    if (Date.now() > end) { wrong(`${chat.owner}/${chat.id} does not settle: ${x.status} ${x.text.slice(0, 500)}`, chat); return undefined; }
  }
}

class Client {
  constructor(name, owner, seed) { Object.assign(this, { name, owner, next: random(seed), chats: [], said: 0 }); }
  pick(list) { return list[Math.floor(this.next() * list.length)]; }
  fresh() {
    const chat = { owner: this.owner, id: `${this.name}-${this.chats.length}`, states: [null], titles: ['New conversation'], lost: new Map() };
    for (const list of [this.chats, chats]) list.push(chat);
    return chat;
  }
  there() { return this.pick(this.chats.filter((chat) => chat.states.some(Boolean))) ?? this.fresh(); }
  words() { return `of-${this.owner}-${this.name}${++this.said}-`; }
  async certain(chat) {
    if (chat.states.length > 1 || chat.states[0]?.turns.some((turn) => !turn.status)) await look(chat);
    return chat.states[0];
  }
  turn() {
    const answer = `${this.words()}answer${' w'.repeat(this.next() < 0.3 ? 30 : 2)}`;
    return { id: `u-${this.said}`, answer, question: `${this.words()}ask scenario:text;text=${encodeURIComponent(answer)};delay=${this.pick([0, 3, 10])}` };
  }
  /** One message; `make` says what a state becomes with its turn. A lost answer is asked for once more. */
  async say(chat, turn, body, make, what) {
    const before = chat.states;
    chat.titles.push(turn.question.slice(0, 200));
    for (let tries = 1, states = before; tries <= 2; ++tries) {
      const x = begin(this.owner, 'POST', '/api/chat', { id: chat.id, ...body });
      if (this.next() < 0.2) {
        await x.frame('text-delta').catch(() => {});
        if (this.next() < 0.5) await ask(this.owner, 'POST', `/api/chats/${chat.id}/stop`, {});
        else x.destroy();
      }
      heard(this.owner, await x.done, 'a stream');
      const out = read(x.status === 200 ? x : { chunks: [] });
      const whole = x.complete && out.finish && !out.aborted && out.errors.length === 0;
      tell(chat, `${what} ${turn.id} (${tries}): ${x.status} ${x.broken ?? ''} ${whole ? 'whole' : out.failure?.code ?? (x.status >= 400 ? x.text.slice(0, 150) : '')}`);
      if (!turn.answer.startsWith(out.texts.join('')) || (whole && out.texts.join('') !== turn.answer)) wrong(`${chat.owner}/${chat.id} heard ${out.texts}`, chat);
      const with_ = each(before.flatMap((state) => make(state, { ...turn, ...(whole && { status: 'completed', answerId: out.start.messageId }) })));
      const died = !x.complete || out.failure?.code === 'authority_lost' || x.status >= 500; // perhaps after it had cut the thread
      if (died) chat.lost.set(turn.id, turn); // Codex may list it after the next turn alone
      if (known(x) === 'yes' && !died) states = with_;
      else if (known(x) !== 'no') states = each([...states, ...with_, ...before.flatMap((state) => make(state))]);
      chat.states = states;
      if (!died) return;
      await ready();
    }
  }
  async send() {
    const chat = this.next() < 0.4 ? this.fresh() : this.there();
    await this.certain(chat);
    const turn = this.turn();
    await this.say(chat, turn, { messages: [{ id: turn.id, role: 'user', parts: text(turn.question) }] }, (state, now) => [{ title: null, ...state, archived: false, turns: [...(state?.turns ?? []), ...(now ? [now] : [])] }], 'send');
  }
  /** Another answer to one of its questions, or another question in its place. */
  async replace() {
    const chat = this.there();
    const state = await this.certain(chat);
    if (!state?.turns.length) return;
    const at = Math.floor(this.next() * state.turns.length);
    const turn = this.next() < 0.5 ? { id: state.turns[at].id, question: state.turns[at].question, answer: state.turns[at].answer } : { ...this.turn(), id: state.turns[at].id };
    const earlier = state.turns.slice(0, at).flatMap((one) => [{ id: one.id, role: 'user', parts: text(one.question) }, ...(one.answerId ? [{ id: one.answerId, role: 'assistant', parts: text(one.answer) }] : [])]);
    const how = turn.question === state.turns[at].question ? { trigger: 'regenerate-message' } : { trigger: 'submit-message', messageId: turn.id };
    await this.say(chat, turn, { ...how, messages: [...earlier, { id: turn.id, role: 'user', parts: text(turn.question) }] }, (_, now) => [{ ...state, archived: now ? false : state.archived, turns: [...state.turns.slice(0, at), ...(now ? [now] : [])] }], `replace ${at}`);
  }
  async change() {
    const chat = this.there();
    const asked = this.next() < 0.5 ? { title: `T ${this.words()}` } : { archived: this.next() < 0.5 };
    const x = await ask(this.owner, 'PATCH', `/api/chats/${chat.id}`, asked);
    tell(chat, `${JSON.stringify(asked)}: ${x.status}`);
    chat.late ||= asked.title && known(x) === 'maybe'; // in lists, for up to a minute
    oblige(chat, x, (state) => (state ? [{ ...state, ...asked }] : []));
    if (x.complete && x.status === 404) await look(chat);
  }
  async remove() {
    const chat = this.there();
    const x = await ask(this.owner, 'DELETE', `/api/chats/${chat.id}`);
    tell(chat, `deleted: ${x.status}`);
    for (const state of chat.states) if (state?.title) chat.titles.push(state.title);
    oblige(chat, x, () => [null]);
    if (x.complete && x.status === 404) await look(chat);
  }
  async copy() {
    const source = this.there();
    const state = await this.certain(source);
    if (!state) return;
    const chat = this.fresh();
    const keep = Math.floor(this.next() * (state.turns.length + 1));
    const x = await ask(this.owner, 'POST', `/api/chats/${source.id}/fork`, { id: chat.id, title: `T ${chat.id}`, ...(keep < state.turns.length && { messageId: state.turns[keep].id }) });
    tell(chat, `copy of ${source.id} up to ${keep}: ${x.status}`);
    oblige(chat, x, () => [{ title: `T ${chat.id}`, archived: false, turns: state.turns.slice(0, keep) }]);
  }
  async foreign() {
    const chat = this.pick(chats.filter(({ owner }) => owner !== this.owner));
    if (!chat) return;
    const [method, rest, body] = this.pick([['GET', ''], ['GET', '/messages'], ['GET', '/export'], ['PATCH', '', { title: 'Mine' }], ['POST', '/fork', {}], ['DELETE', '']]);
    const x = await ask(this.owner, method, `/api/chats/${chat.id}${rest}`, body);
    if (x.complete && x.status < 400) wrong(`${this.owner} may ${method} ${chat.owner}/${chat.id}${rest}`, chat);
  }
  async step() {
    const op = this.pick(['send', 'send', 'send', 'replace', 'replace', 'change', 'change', 'remove', 'copy', 'foreign']);
    counts[op] = (counts[op] ?? 0) + 1;
    await this[op]();
  }
}

async function pages(owner, where, most) {
  const rows = [];
  for (let cursor = ''; cursor !== null;) {
    const page = (await ask(owner, 'GET', `${where}limit=${most}${cursor}`)).json();
    rows.push(...page.data);
    cursor = page.nextCursor && `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
  return rows;
}
/** Every view of every conversation, while nobody changes any. */
async function compare(next) {
  await ready();
  const most = 1 + Math.floor(next() * 6);
  const views = new Map();
  for (const chat of chats) {
    const seen = await look(chat);
    views.set(chat, seen);
    if (!seen) continue;
    const where = `/api/chats/${chat.id}`;
    const views_ = [await pages(chat.owner, `${where}/messages?`, most), (await pages(chat.owner, `${where}/messages?order=desc&`, most)).reverse(), (await ask(chat.owner, 'GET', `${where}/export`)).json().messages];
    for (const [at, messages] of views_.entries()) if (JSON.stringify(messages) !== JSON.stringify(seen.messages)) wrong(`${chat.owner}/${chat.id}: view ${at} is ${JSON.stringify(messages)}, not ${JSON.stringify(seen.messages)}`, chat);
  }
  for (const owner of OWNERS) {
    const late = (id) => chats.some((chat) => chat.late && chat.owner === owner && chat.id === id);
    const row = ({ id, title, archived }) => JSON.stringify([id, late(id) ? '' : title, archived]);
    const want = chats.filter((chat) => chat.owner === owner && views.get(chat)).map((chat) => row(views.get(chat))).sort();
    let got;
    for (const end = Date.now() + limit(5000); ; await sleep(50)) { // a title may come late
      got = [...await pages(owner, '/api/chats?', most), ...await pages(owner, '/api/chats?archived=true&', most)].map(row).sort();
      if (JSON.stringify(got) === JSON.stringify(want) || Date.now() > end) break;
    }
    if (JSON.stringify(got) !== JSON.stringify(want)) wrong(`${owner} has the list ${got}, not ${want}`);
  }
}
const FAULTS = {
  'lane killed': async () => { await lane.kill(); await start(); },
  'Codex killed': async () => childPids(lane.pid).forEach((pid) => process.kill(pid, 'SIGKILL')),
  'lane restarted': async () => { assert.equal((await lane.stop()).code, 0); await start(); },
};

test(`${SECONDS} s of conversations while the lane and its Codex are killed: each view has what was acknowledged`, async (t) => {
  const next = random(SEED);
  const clients = [['x', 'ann'], ['y', 'ann'], ['z', 'bob']].map(([name, owner], at) => new Client(name, owner, SEED * 10 + at));
  for (let round = 0, end = Date.now() + SECONDS * 1000; Date.now() < (chats.length > SECONDS ? end : end + limit(60000)) && violations.length === 0; ++round) {
    const until = Date.now() + ROUND;
    const fault = Object.keys(FAULTS)[round % 3];
    const trouble = async () => { await sleep(next() * ROUND); tell({ owner: '-', id: '-' }, fault); await FAULTS[fault](); };
    await Promise.all([trouble(), ...clients.map(async (client) => { while (Date.now() < until) await client.step(); })]);
    await compare(next);
  }
  t.diagnostic(`seed ${SEED}: ${chats.length} conversations, ${JSON.stringify(counts)}`);
  assert.deepEqual(violations, []);
  assert.ok(chats.length > SECONDS, `${chats.length} conversations`);
});
