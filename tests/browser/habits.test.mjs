// What people do on a chat page, with useChat of three AI SDK majors in a real Chromium: each habit is
// judged by what the page shows and by what the lane wrote down.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startStage } from './lib/stage.mjs';
import { HALF, Visit, WHOLE, held, isAt, isError, isReady, last, say, shape, submit, turn, words } from './lib/visit.mjs';

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
after(() => stage?.stop());

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
    await visit.assertListed(shown);
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

  async 'reload mid-answer of a page that keeps nothing'(visit) {
    const tab = await visit.start({ store: 'server' });
    await submit(tab, held(visit.id, 'one'));
    const before = await tab.until(isAt, HALF);
    await tab.reload();
    await tab.until(isAt, HALF);
    await stage.release(visit.id);
    await tab.until(isReady, 2, WHOLE);
    await tab.reload();
    const shown = await tab.until(isReady, 2, WHOLE);
    assert.deepEqual(shown.messages.map((m) => m.id), before.messages.map((m) => m.id));
    await visit.assertListed(shown);
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

  async 'stop for every tab'(visit) {
    const tabs = [await visit.start()];
    await submit(tabs[0], held(visit.id, 'one'));
    await tabs[0].until(isAt, HALF);
    tabs.push(await visit.open());
    await tabs[1].until(isAt, HALF);
    await tabs[1].click('#halt');
    for (const tab of tabs) {
      const shown = await tab.until(isReady, 2, HALF);
      assert.deepEqual([shown.error, last(shown).metadata.status], ['', 'interrupted']);
    }
    assert.deepEqual(await visit.ended(1), ['turn_interrupted']);
    assert.equal(shape(await turn(tabs[0], say(visit.id, 'two'), 4)), 'uaua');
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
    await visit.assertListed(shown);
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
    await visit.assertListed(shown);
  },

  async 'two turns in a row'(visit) {
    const tab = await visit.start();
    await turn(tab, say(visit.id, 'one'), 2);
    const shown = await turn(tab, say(visit.id, 'two', 'words=5'), 4, words(5));
    assert.deepEqual([shape(shown), shown.messages[1].text, last(shown).text], ['uaua', WHOLE, words(5)]);
    assert.equal(new Set(shown.messages.map((m) => m.id)).size, 4);
    assert.equal(stage.asked(visit.id).at(-1), `one / ${WHOLE} / two`);
    await visit.assertListed(shown);
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
    await visit.assertListed(await turn(tab, 'replay:02-text-paced', 4));
    assert.equal((await visit.over('posts', 2)).length, 2);
  },

  async 'nor is it when the answer broke off after it'(visit) {
    const tab = await visit.start({ auto: 'tools' });
    await submit(tab, 'replay:lost-after-tool');
    const shown = await tab.until(isError);
    assert.deepEqual(last(shown).parts.map((p) => p.state ?? p.type), ['step-start', 'output-available', 'data-error']);
    await turn(tab, 'replay:02-text-paced', 4);
    assert.deepEqual((await visit.over('posts', 2)).map((line) => line.status), [200, 200]);
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
