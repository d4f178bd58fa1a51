// Approvals with the real AI SDK clients: the stock chat classes ask, decide and send by themselves.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ACCEPT, askingConfig } from '../e2e/lib/approvals.mjs';
import { startCodexLane, startMock } from '../e2e/lib/codex.mjs';
import { CLIENTS, seen } from './clients.mjs';
import { PARAMETERS } from './function_tools.mjs';
import { makeChat } from './ui-message-stream/lib.mjs';

const ASKING = Object.keys(CLIENTS).filter((name) => !name.startsWith('ai5'));
const OLD = Object.keys(CLIENTS).filter((name) => name.startsWith('ai5'));

let mock, lane;
before(async () => {
  mock = await startMock();
  lane = await startCodexLane({ config: askingConfig, port: mock.port, args: ['--approvals', 'ask', '--allow', 'tools'] });
});
after(async () => {
  await lane.stop();
  await mock.stop();
});

const isTool = (part) => part.type === 'dynamic-tool';
/**
 * The stock predicate. That of 6.0.0 leaves out calls with providerExecuted, which later releases
 * count: there a page needs its own.
 */
function whenDecided(name, ai) {
  if (name !== 'ai6-first') return ai.lastAssistantMessageIsCompleteWithApprovalResponses;
  return ({ messages }) => {
    const parts = messages.at(-1).parts;
    const step = parts.slice(parts.findLastIndex((p) => p.type === 'step-start') + 1).filter(isTool);
    return step.some((p) => p.state === 'approval-responded') && step.every((p) => p.state !== 'approval-requested');
  };
}

/** A page on the lane; `until(what)` waits for a look at its messages. */
async function page(name, id, headers = ACCEPT, more = {}) {
  const looks = new Set();
  const requests = [];
  const fetchFn = async (url, init) => { requests.push(init); return fetch(url, init); };
  const made = await makeChat(name, {
    api: `${lane.base}/api/chat`,
    id,
    headers,
    fetch: fetchFn,
    onChange: () => looks.forEach((look) => look()),
    ...(headers === ACCEPT ? { sendAutomaticallyWhen: (options) => whenDecided(name, made.ai)(options) } : {}),
    ...more,
  });
  const { chat, state } = made;
  const until = (what) => seen(looks, what, () => `${name}: ${JSON.stringify(state.messages)} ${state.status} ${chat.error}`);
  const tools = () => state.messages.at(-1).parts.filter(isTool);
  const text = () => state.messages.at(-1).parts.filter((p) => p.type === 'text').map((p) => p.text).join('');
  return { chat, state, until, tools, text, requests, ai: made.ai };
}

for (const name of ASKING) {
  for (const approved of [true, false]) {
    test(`${name}: a call is ${approved ? 'approved' : 'denied'} and the turn goes on in the same message`, async () => {
      const file = `${name}-${approved}.txt`;
      const p = await page(name, `chat-${name}-${approved}`);
      await p.chat.sendMessage({ text: `scenario:exec;escalate=1;cmd=${encodeURIComponent(`touch ${file}`)}` });
      await p.until(() => p.state.status === 'ready');
      assert.equal(p.chat.error, undefined);
      assert.deepEqual(p.tools().map((t) => t.state), ['approval-requested']);
      const message = p.state.messages.at(-1).id;
      assert.equal(p.state.messages.at(-1).metadata.status, 'waiting-for-approval');

      await p.chat.addToolApprovalResponse({ id: p.tools()[0].approval.id, approved, reason: 'as the test says' });
      await p.until(() => p.text() === 'Command finished.' && p.state.status === 'ready');
      assert.equal(p.chat.error, undefined);
      assert.deepEqual(p.tools().map((t) => t.state), [approved ? 'output-available' : 'output-denied']);
      assert.equal(p.state.messages.length, 2, 'one question, one answer');
      assert.equal(p.state.messages.at(-1).id, message);
      assert.equal(p.state.messages.at(-1).metadata.status, 'completed');
      assert.equal(fs.existsSync(path.join(lane.stateDir, 'codex/work', file)), approved);
      assert.equal(p.requests.length, 2, 'nothing is sent but the message and the decision');
    });
  }

  test(`${name}: one call after the other, then another message`, async () => {
    const p = await page(name, `chat-${name}-seq`);
    const command = (n) => encodeURIComponent(`touch ${name}-seq-${n}.txt`);
    await p.chat.sendMessage({ text: `scenario:exec-two;mode=seq;escalate=1;cmd=${command(1)};cmd2=${command(2)}` });
    for (const count of [1, 2]) {
      await p.until(() => p.state.status === 'ready' && p.tools().length === count && p.tools().at(-1).state === 'approval-requested');
      await p.chat.addToolApprovalResponse({ id: p.tools().at(-1).approval.id, approved: true });
    }
    await p.until(() => p.text() === 'Both commands finished.' && p.state.status === 'ready');
    assert.deepEqual(p.tools().map((t) => t.state), ['output-available', 'output-available']);
    await p.chat.sendMessage({ text: 'and now?' });
    await p.until(() => p.state.status === 'ready' && p.state.messages.length === 4);
    assert.equal(p.chat.error, undefined);
    assert.equal(p.text(), 'and now?');
    assert.equal(p.requests.length, 4);
  });

  test(`${name}: a page that was reloaded resumes the question and decides`, async () => {
    const id = `chat-${name}-reload`;
    const first = await page(name, id);
    await first.chat.sendMessage({ text: `scenario:exec;escalate=1;cmd=${encodeURIComponent(`touch ${name}-reload.txt`)}` });
    await first.until(() => first.state.status === 'ready');
    const p = await page(name, id);
    p.state.messages = [first.state.messages[0]];
    await p.chat.resumeStream();
    await p.until(() => p.state.messages.length === 2 && p.state.status === 'ready');
    assert.deepEqual(p.tools().map((t) => t.state), ['approval-requested']);
    const { approval, toolCallId } = p.tools()[0];
    const shown = p.state.messages.at(-1).parts.filter((part) => part.type === 'data-approval');
    assert.deepEqual(shown.map((part) => [part.id, part.data.toolCallId, part.data.cwd]), [[approval.id, toolCallId, '.']]);
    await p.chat.addToolApprovalResponse({ id: p.tools()[0].approval.id, approved: true });
    await p.until(() => p.text() === 'Command finished.' && p.state.status === 'ready');
    assert.deepEqual(p.tools().map((t) => t.state), ['output-available']);
  });
}

for (const name of OLD) {
  test(`${name}: without the header no chunk comes that it would refuse`, async () => {
    const p = await page(name, `chat-${name}`, {});
    await p.chat.sendMessage({ text: `scenario:exec;escalate=1;cmd=${encodeURIComponent(`touch ${name}.txt`)}` });
    await p.until(() => p.state.status === 'ready');
    assert.equal(p.chat.error, undefined);
    assert.deepEqual(p.tools().map((t) => [t.state, t.errorText]), [['output-error', 'The command was declined.']]);
    assert.equal(p.text(), 'Command finished.');
    assert.equal(fs.existsSync(path.join(lane.stateDir, 'codex/work', `${name}.txt`)), false);
  });
}

// docs/approvals.md, "A page".
const isOpen = (p) => p.state === 'approval-requested' || (p.state === 'input-available' && !p.providerExecuted);
for (const name of ASKING.filter((one) => one.endsWith('latest'))) {
  test(`${name}: a function's result before the decision: both are sent together`, async () => {
    const p = await page(name, `both-${name}`, ACCEPT, {
      body: { tools: { weather: { description: 'Weather of a city', parameters: PARAMETERS } } },
      sendAutomaticallyWhen: (chat) => !chat.messages.at(-1).parts.some(isOpen) && [p.ai.lastAssistantMessageIsCompleteWithToolCalls, p.ai.lastAssistantMessageIsCompleteWithApprovalResponses].some((done) => done(chat)),
    });
    const calls = [['weather', { city: 'Oslo' }], ['exec_command', { cmd: 'echo A', sandbox_permissions: 'require_escalated', justification: 'x' }]];
    await p.chat.sendMessage({ text: `scenario:calls;calls=${encodeURIComponent(JSON.stringify(calls))}` });
    await p.until(() => p.state.status === 'ready');
    const [asked] = p.tools();
    const call = p.state.messages.at(-1).parts.find((part) => part.type === 'tool-weather');
    await p.chat.addToolOutput({ tool: 'weather', toolCallId: call.toolCallId, output: 'rain' });
    await p.chat.addToolApprovalResponse({ id: asked.approval.id, approved: true });
    await p.until(() => p.state.status === 'ready' && p.text() !== '');
    assert.deepEqual([p.chat.error, p.requests.length, p.tools()[0].state], [undefined, 2, 'output-available']);
  });
}
