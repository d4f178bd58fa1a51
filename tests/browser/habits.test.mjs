// What people do on a chat page, with useChat of three AI SDK majors in a real Chromium: each habit is
// judged by what the page shows and by what the lane wrote down.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HALF, WHOLE, requests, resumable, startStage, words } from './lib/stage.mjs';

// Through the page's own origin, and across origins; with the default routes, and as the
// documentation's chatbot does it: the chat in the path, the last message only. After a lost network
// useChat of AI SDK 7 rebuilds the answer that is replayed to it; with 5 and 6 it adds the replay to
// what it had (5 knows no better, in 6 the hook hides `resumeStreamIsReplay` from the chat), so that a
// page has to begin its chat anew, which is what a reload does.
const WAYS = [
  { sdk: '7', cors: false, named: false, remount: false },
  { sdk: '6', cors: true, named: true, remount: true },
  { sdk: '5', cors: false, named: false, remount: true },
];

let stage;
before(async () => { stage = await startStage({ ways: WAYS }); });
after(() => stage.stop());

const shape = (shown) => shown.messages.map((m) => m.role[0]).join('');
const last = (shown) => shown.messages.at(-1);
const say = (mark, what, how = 'words=20') => `scenario:text;${how} ${mark} ${what}`;
const held = (mark, what) => say(mark, what, `words=20;hold=10;key=${mark}`);

// These run in the page.
const isReady = (shown, n, text) => shown.status === 'ready' && !shown.asking && shown.messages.length === n && shown.messages.at(-1).text === text;
const isAt = (shown, text) => shown.status === 'streaming' && shown.messages.at(-1).text === text;
const isError = (shown) => shown.status === 'error';

/** One chat of one person: tabs on it, and what the lane knows of it. */
class Visit {
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
  posts() { return requests(this.lane, this.id).filter((line) => line.method === 'POST'); }
  resumes() { return requests(this.lane, this.id).filter((line) => line.method === 'GET'); }
  /** The requests of the kind, once so many of them have been written down, which is when they are over. */
  over(kind, n) { return this.lane.until(() => (this[kind]().length >= n ? this[kind]() : null), `${n} ${kind} of ${this.id}`); }
  /** How the chat's turns ended, each once. */
  async ended(n) { return (await this.over('posts', n)).map((line) => line.terminal).sort(); }
  async close() {
    for (const tab of this.tabs.slice(1)) await tab.close();
    const first = this.tabs[0];
    await Promise.all([first.network(), first.cpu(1)]);
    for (const tab of this.tabs) assert.deepEqual(tab.complaints.splice(0), [], 'the page had something to complain about');
  }
}

async function submit(tab, text, button = '#send') {
  await tab.type(text);
  await tab.click(button);
}
async function turn(tab, text, n, answer = WHOLE) {
  await submit(tab, text);
  return tab.until(isReady, n, answer);
}

const HABITS = {
  async send(visit) {
    const tab = await visit.start();
    const shown = await turn(tab, say(visit.id, 'one'), 2);
    assert.equal(shape(shown), 'ua');
    assert.equal(shown.error, '');
    assert.deepEqual(last(shown).parts, [{ type: 'step-start', text: '' }, { type: 'text', state: 'done', text: WHOLE }]);
    const [post] = await visit.over('posts', 1);
    assert.equal(last(shown).id, post.turn);
    assert.equal(last(shown).metadata.status, 'completed');
    assert.equal(post.terminal, 'completed');
    assert.equal(await resumable(visit.lane, visit.id), WHOLE);
  },

  async 'reload mid-answer and resume'(visit) {
    const tab = await visit.start();
    await submit(tab, held(visit.id, 'one'));
    const before = await tab.until(isAt, HALF);
    await tab.reload();
    const again = await tab.until(isAt, HALF);
    assert.deepEqual(again.messages.map((m) => m.id), before.messages.map((m) => m.id));
    await stage.release(visit.id);
    const shown = await tab.until(isReady, 2, WHOLE);
    assert.equal(last(shown).id, last(before).id);
    // And once more when it is over: still one answer, from the browser's own copy or from the lane.
    await tab.reload();
    assert.deepEqual((await tab.until(isReady, 2, WHOLE)).messages.map((m) => m.id), before.messages.map((m) => m.id));
    const resumes = await visit.over('resumes', 2);
    assert.ok(resumes.some((line) => line.status === 200 && line.frames > 0));
    assert.deepEqual(await visit.ended(1), ['completed']);
    assert.equal(stage.asked(visit.id).length, 1, 'the model was asked once');
  },

  async 'stop and send again at once'(visit) {
    const tab = await visit.start();
    await submit(tab, held(visit.id, 'one'));
    for (let n = 1; n <= 4; ++n) {
      await tab.until((shown, n, half) => shown.messages.length === 2 * n && shown.messages.at(-1).text === half, n, HALF);
      await submit(tab, n < 4 ? held(visit.id, `next-${n}`) : say(visit.id, 'last'), '#instead');
    }
    const shown = await tab.until(isReady, 10, WHOLE);
    assert.equal(shown.error, '');
    assert.equal(shape(shown), 'uauauauaua');
    assert.deepEqual(shown.messages.filter((m) => m.role === 'assistant').map((m) => m.text), [HALF, HALF, HALF, HALF, WHOLE]);
    const posts = await visit.over('posts', 5);
    assert.deepEqual(posts.map((line) => line.status), [200, 200, 200, 200, 200]);
    assert.deepEqual(await visit.ended(5), ['completed', ...Array(4).fill('turn_interrupted')]);
    assert.equal(stage.asked(visit.id).length, 5);
  },

  async 'a second tab on the same thread'(visit) {
    const first = await visit.start();
    await submit(first, held(visit.id, 'one'));
    const here = await first.until(isAt, HALF);
    const second = await visit.open();
    const there = await second.until(isAt, HALF);
    assert.deepEqual(there.messages.map((m) => m.id), here.messages.map((m) => m.id));
    // A third one does not look before it writes.
    const third = await visit.open({ resume: '0' });
    await submit(third, say(visit.id, 'two'));
    const refused = await third.until(isError);
    assert.match(refused.error, /turn_in_progress/);
    await stage.release(visit.id);
    for (const tab of [first, second]) await tab.until(isReady, 2, WHOLE);
    await visit.over('posts', 2);
    await third.click('#again');
    const shown = await third.until(isReady, 4, WHOLE);
    assert.deepEqual([shape(shown), shown.error], ['uaua', '']);
    assert.deepEqual(stage.asked(visit.id), ['one', `one / ${WHOLE} / two`]);
    assert.deepEqual((await visit.over('posts', 3)).map((line) => line.status).sort(), [200, 200, 409]);
  },

  async 'network cut and reconnect while live'(visit) {
    const tab = await visit.start();
    await submit(tab, held(visit.id, 'one'));
    await tab.until(isAt, HALF);
    await visit.cut(tab);
    const cut = await tab.until(isError);
    assert.equal(last(cut).text, HALF, 'what was there stays');
    assert.notEqual(cut.error, '');
    await tab.network();
    const again = await tab.until(isAt, HALF);
    assert.equal(shape(again), 'ua');
    await stage.release(visit.id);
    const shown = await tab.until(isReady, 2, WHOLE);
    assert.deepEqual([shown.error, last(shown).id], ['', last(cut).id]);
    const [post] = await visit.over('posts', 1);
    assert.deepEqual([post.reader, post.terminal], ['client_gone', 'completed']);
    assert.equal(stage.asked(visit.id).length, 1, 'the model was asked once');
  },

  async 'network cut, and the answer ends meanwhile'(visit) {
    const tab = await visit.start();
    await submit(tab, held(visit.id, 'one'));
    await tab.until(isAt, HALF);
    await visit.cut(tab);
    await tab.until(isError);
    await stage.release(visit.id);
    await visit.ended(1);
    await tab.network();
    const shown = await tab.until(isReady, 2, WHOLE);
    assert.deepEqual([shape(shown), shown.error], ['ua', '']);
  },

  async 'regenerate'(visit) {
    const tab = await visit.start();
    const one = await turn(tab, say(visit.id, 'one'), 2);
    await tab.click('#again');
    await tab.until((shown, old) => shown.messages.length === 2 && shown.messages.at(-1).id !== old, last(one).id);
    const shown = await tab.until(isReady, 2, WHOLE);
    assert.deepEqual([shape(shown), shown.error], ['ua', '']);
    assert.deepEqual(stage.asked(visit.id), ['one', 'one'], 'asked again, not a second time');
  },

  async 'edit an earlier message'(visit) {
    const tab = await visit.start();
    await turn(tab, say(visit.id, 'one'), 2);
    const before = await turn(tab, say(visit.id, 'two'), 4);
    await tab.type(say(visit.id, 'edited'));
    await tab.click('button.edit');
    await tab.until((shown) => shown.messages.length < 4);
    const shown = await tab.until(isReady, 2, WHOLE);
    assert.deepEqual([shape(shown), shown.error], ['ua', '']);
    assert.equal(shown.messages[0].id, before.messages[0].id);
    assert.equal(stage.asked(visit.id).at(-1), 'edited', 'everything after the edited message is gone');
  },

  async 'two turns in a row'(visit) {
    const tab = await visit.start();
    await turn(tab, say(visit.id, 'one'), 2);
    const shown = await turn(tab, say(visit.id, 'two', 'words=5'), 4, words(5));
    assert.deepEqual([shape(shown), shown.messages[1].text, last(shown).text], ['uaua', WHOLE, words(5)]);
    assert.equal(new Set(shown.messages.map((m) => m.id)).size, 4);
    assert.equal(stage.asked(visit.id).at(-1), `one / ${WHOLE} / two`);
  },

  async 'a failure inside the answer, and again'(visit) {
    const tab = await visit.start();
    await submit(tab, `scenario:failed-mid;at=3;attempts=1 ${visit.id} one`);
    const failed = await tab.until(isError);
    assert.equal(last(failed).text, `${words(3)} `, 'the earlier text stays');
    assert.notEqual(failed.error, '');
    assert.doesNotMatch(failed.error, /mock|[{}]/, "a sentence, and not the model's own");
    await tab.click('#again');
    const shown = await tab.until(isReady, 2, 'Recovered on attempt 2.');
    assert.deepEqual([shape(shown), shown.error], ['ua', '']);
    assert.deepEqual(await visit.ended(2), ['completed', 'turn_failed']);
  },

  async 'a slow phone gets every word'(visit) {
    const tab = await visit.start();
    await tab.cpu(4);
    await tab.network({ latency: 100, down: 50_000, up: 20_000 });
    await turn(tab, say(visit.id, 'long', 'words=600'), 2, words(600));
    assert.equal((await visit.over('posts', 1))[0].reader, 'finished');
  },
};

const PLAYED = {
  async 'a tool that the server ran is not sent back'(visit) {
    const tab = await visit.start({ auto: 'tools' });
    const shown = await turn(tab, 'replay:10-exec', 2, 'Command finished.');
    const tool = last(shown).parts.find((p) => p.type === 'dynamic-tool');
    assert.equal(tool.state, 'output-available');
    // Would it send by itself, it would do so before the person does.
    await turn(tab, 'replay:02-text-paced', 4);
    assert.equal((await visit.over('posts', 2)).length, 2);
  },

};

describe('habits', { concurrency: WAYS.length }, () => {
  for (const way of WAYS) {
    describe(`@ai-sdk/react for AI SDK ${way.sdk}, ${way.cors ? 'across origins' : 'same origin'}`, { concurrency: 1 }, () => {
      let person;
      before(async () => { person = await stage.browser.person(); person.first = await person.tab(); });
      after(() => person.leave());
      for (const [on, habits] of [['codex', HABITS], ['replay', PLAYED]]) {
        for (const [name, habit] of Object.entries(habits)) {
          test(name, async () => {
            const visit = new Visit(person, way, name, on);
            try {
              await habit(visit);
            } finally {
              await visit.close();
            }
          });
        }
      }
    });
  }
});
