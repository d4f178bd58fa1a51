// A tool that asks first: the page's buttons decide, and useChat sends the decision by itself.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agentConfig } from '../e2e/lib/codex.mjs';
import { startStage } from './lib/stage.mjs';
import { Visit, isReady, last, shape, submit } from './lib/visit.mjs';

const WAYS = [
  { sdk: '7', cors: false, named: false },
  { sdk: '6', cors: true, named: true },
];
// Codex asks when the model says that a command has to leave the sandbox.
const askingConfig = (port) => agentConfig(port).replace('"never"', '"on-request"').replace('"danger-full-access"', '"read-only"');
const ASKING = { auto: 'approvals', accept: 'tool-approval' };

let stage;
before(async () => { stage = await startStage({ ways: WAYS, codexConfig: askingConfig, codexArgs: ['--approvals', 'ask'] }); });
after(() => stage?.stop());

const toolOf = (shown) => last(shown).parts.find((p) => p.type === 'dynamic-tool');
const command = (visit) => `scenario:exec;escalate=1;cmd=${encodeURIComponent('echo it-ran')} ${visit.id}`;
// Runs in the page.
const isAsked = (shown) => shown.status === 'ready' && !shown.asking && shown.messages.at(-1).parts.some((p) => p.state === 'approval-requested');

/** The page has asked its person. */
async function asked(visit) {
  const tab = await visit.start(ASKING);
  await submit(tab, command(visit));
  return { tab, question: await tab.until(isAsked) };
}

/** After the decision: the same message went on, and nothing was sent but it. */
async function went(visit, tab, question, state) {
  const shown = await tab.until(isReady, 2, 'Command finished.');
  assert.deepEqual([shape(shown), shown.error, last(shown).id], ['ua', '', last(question).id]);
  assert.equal(toolOf(shown).state, state);
  assert.equal(last(shown).parts.filter((p) => p.type === 'dynamic-tool').length, 1);
  const posts = await visit.over('posts', 2);
  assert.deepEqual(posts.map((line) => line.status), [200, 200]);
  return shown;
}

const DECISIONS = {
  async 'a call is accepted'(visit) {
    const { tab, question } = await asked(visit);
    await tab.click('button.accept');
    const shown = await went(visit, tab, question, 'output-available');
    assert.match(toolOf(shown).text, /it-ran\\n/, 'the output is there');
  },

  async 'a call is denied'(visit) {
    const { tab, question } = await asked(visit);
    await tab.click('button.deny');
    const shown = await went(visit, tab, question, 'output-denied');
    assert.doesNotMatch(toolOf(shown).text, /it-ran\\n/, 'it did not run');
  },

  async 'reload at the question, then accepted'(visit) {
    const { tab, question } = await asked(visit);
    await tab.reload();
    assert.deepEqual((await tab.until(isAsked)).messages.map((m) => m.id), question.messages.map((m) => m.id));
    await tab.click('button.accept');
    await went(visit, tab, question, 'output-available');
  },
};

describe('approvals', { concurrency: WAYS.length }, () => {
  for (const way of WAYS) {
    describe(`@ai-sdk/react for AI SDK ${way.sdk}, ${way.cors ? 'across origins' : 'same origin'}`, { concurrency: 1 }, () => {
      let person;
      before(async () => { person = await stage.browser.person(); person.first = await person.tab(); });
      after(() => person.leave());
      for (const [name, decide] of Object.entries(DECISIONS)) {
        test(name, async () => {
          const visit = new Visit(person, way, name, 'codex');
          try {
            await decide(visit);
          } finally {
            await visit.close();
          }
        });
      }
    });
  }
});
