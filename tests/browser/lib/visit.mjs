// One person's chat: the tabs on it, what they show, and what the lane and the model wrote down about it.
import assert from 'node:assert/strict';
import { send } from '../../e2e/lib/http.mjs';
import { requestLines } from '../../e2e/lib/lane.mjs';

const WORDS = 'alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu'.split(' ');
/** What the fake model says in its scenario "text". */
export const words = (n) => Array.from({ length: n }, (_, i) => WORDS[i % WORDS.length] + (i % 12 === 11 ? '.' : '')).join(' ');
export const WHOLE = words(20);
export const HALF = `${words(10)} `;

export const say = (mark, what, how = 'words=20') => `scenario:text;${how} ${mark} ${what}`;
/** An answer that waits at HALF until stage.release(mark). */
export const held = (mark, what) => say(mark, what, `words=20;hold=10;key=${mark}`);

export const shape = (shown) => shown.messages.map((m) => m.role[0]).join('');
export const last = (shown) => shown.messages.at(-1);

// These run in the page.
export const isReady = (shown, n, text) => shown.status === 'ready' && !shown.asking && shown.messages.length === n && shown.messages.at(-1).text === text;
export const isAt = (shown, text) => shown.status === 'streaming' && shown.messages.at(-1).text === text;
export const isError = (shown) => shown.status === 'error';

export async function submit(tab, text, button = '#send') {
  await tab.type(text);
  await tab.click(button);
}
export async function turn(tab, text, n, answer = WHOLE) {
  await submit(tab, text);
  return tab.until(isReady, n, answer);
}

/** Lines of the access log about one chat. */
const requests = (lane, id) => requestLines(lane).filter((line) => line.thread === id);

export class Visit {
  constructor(person, way, name, on) {
    Object.assign(this, { person, way, ...way[on] });
    this.id = `${name.replace(/\W+/g, '-')}-${way.sdk}`;
    this.tabs = [];
  }
  async open(more = {}) {
    const tab = this.tabs.length === 0 ? this.person.first : await this.person.tab();
    this.tabs.push(tab);
    const { sdk, named, remount } = this.way;
    const query = new URLSearchParams({ id: this.id, store: 'local', ...(this.api && { api: this.api }), ...(named && { named: '1' }), ...(remount && { remount: '1' }), ...more });
    await tab.goto(`${this.page.base}/${sdk}?${query}`);
    return tab;
  }
  /** A page on a chat that nobody has heard of yet: quiet and ready. */
  async start(more) {
    const tab = await this.open(more);
    assert.deepEqual(await tab.until((shown) => !shown.asking), { status: 'ready', asking: false, error: '', messages: [] });
    return tab;
  }
  /** The network of this person goes, and comes back. */
  async cut(tab) {
    await tab.network({ offline: true });
    for (const wire of [this.page, this.far]) wire.cut();
  }
  posts() { return requests(this.lane, this.id).filter((line) => line.method === 'POST' && !line.route.endsWith('/stop')); }
  resumes() { return requests(this.lane, this.id).filter((line) => line.method === 'GET' && line.route.endsWith('/stream')); }
  /** The requests of the kind, once so many of them have been written down, which is when they are over. */
  over(kind, n) { return this.lane.until(() => (this[kind]().length >= n ? this[kind]() : null), `${n} ${kind} of ${this.id}`); }
  /** For completed turns: the lane lists what the page shows. */
  async assertListed(shown) {
    const answer = await send(this.lane.base, { path: `/api/chats/${this.id}/messages` });
    assert.equal(answer.status, 200, answer.text);
    const kept = ({ role, id, parts }) => ({
      role, id,
      parts: parts.filter((p) => p.type === 'text' || p.type === 'dynamic-tool')
        .map((p) => (p.type === 'text' ? p.text : [p.call ?? p.toolCallId, p.state])),
    });
    assert.deepEqual(answer.json().data.map(kept), shown.messages.map(kept));
  }
  /** How the chat's turns ended, each once. */
  async ended(n) { return (await this.over('posts', n)).map((line) => line.terminal).sort(); }
  async close() {
    for (const tab of this.tabs.slice(1)) await tab.close();
    const first = this.tabs[0];
    await Promise.all([first.network(), first.cpu(1)]);
    for (const tab of this.tabs) assert.deepEqual(tab.complaints.splice(0), [], 'the page had something to complain about');
  }
}
