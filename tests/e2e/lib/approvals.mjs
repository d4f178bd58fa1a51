// A lane that asks for approvals, and what a page does with the questions.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { agentConfig } from './codex.mjs';
import { chat, open } from './http.mjs';
import { oa, scratch } from './process.mjs';

export const ACCEPT = { 'x-oa-accept': 'tool-approval' };

/** Every tool, and a question before what leaves the sandbox: in the fake model's words escalate=1. */
// A command that is killed in its sandbox leaves the .git that Codex mounts in each folder it may write: not in /tmp, which
// would be a repository to others then.
export const askingConfig = (port) => `${agentConfig(port)
  .replace('approval_policy = "never"', 'approval_policy = "on-request"')
  .replace('sandbox_mode = "danger-full-access"', 'sandbox_mode = "workspace-write"')}
[sandbox_workspace_write]
exclude_slash_tmp = true
exclude_tmpdir_env_var = true
`;

const folder = scratch('approvals');
let files = 0;
/** Profile ai-sdk-6 passes; `messages`: of the request that was answered, when they are not a user's. */
export async function assertApproved(exchange, { messages = [], warnings = [] } = {}) {
  assert.equal(exchange.status, 200, exchange.text.slice(0, 500));
  const file = path.join(folder, `${++files}.sse`);
  fs.writeFileSync(file, exchange.body);
  fs.writeFileSync(`${file}.json`, JSON.stringify(messages));
  const judged = JSON.parse((await oa(['check', '--messages', `${file}.json`, '--profile', 'ai-sdk-6', '--json', file])).stdout);
  assert.deepEqual(judged.violations, [], exchange.text);
  assert.deepEqual(judged.warnings.map((w) => w.rule).filter((rule) => !warnings.includes(rule)), [], exchange.text);
  assert.ok(exchange.complete, exchange.broken);
}

/** The questions of an answer: {approvalId, toolCallId}. */
export const questionsOf = (exchange) => exchange.chunks.filter((c) => c?.type === 'tool-approval-request');
/** What a person reads beside each question: the data-approval parts. */
export const detailsOf = (exchange) => exchange.chunks.filter((c) => c?.type === 'data-approval').map((c) => c.data);
export const statusOf = (exchange) => exchange.chunks.findLast((c) => c?.type === 'finish')?.messageMetadata?.status;

/** A page's conversation: its message list, as far as approvals need it. */
export class Page {
  constructor(lane, id, headers = ACCEPT) {
    Object.assign(this, { lane, id, headers, user: null, parts: [], message: null });
  }
  start(text, rest = {}) {
    this.user = { id: `u-${this.id}-${text.length}`, role: 'user', parts: [{ type: 'text', text }] };
    this.parts = [];
    return chat(this.lane.base, text, { id: this.id, headers: this.headers, messageId: this.user.id, ...rest });
  }
  /** Reads a whole answer into the message. */
  async read(exchange) {
    await exchange.done;
    for (const chunk of exchange.chunks) {
      const part = this.parts.find((p) => p.toolCallId !== undefined && p.toolCallId === chunk?.toolCallId);
      if (chunk?.type === 'start') this.message = chunk.messageId;
      if (chunk?.type === 'start-step') this.parts.push({ type: 'step-start' });
      if (chunk?.type === 'tool-input-available') this.parts.push({ type: 'dynamic-tool', toolName: chunk.toolName, toolCallId: chunk.toolCallId, state: 'input-available', input: chunk.input });
      if (chunk?.type === 'data-approval') this.parts.push({ type: chunk.type, id: chunk.id, data: chunk.data });
      if (chunk?.type === 'tool-approval-request') Object.assign(part, { state: 'approval-requested', approval: { id: chunk.approvalId } });
      if (chunk?.type === 'tool-output-available') Object.assign(part, { state: 'output-available', output: chunk.output });
      if (chunk?.type === 'tool-output-error') Object.assign(part, { state: 'output-error', errorText: chunk.errorText });
      if (chunk?.type === 'tool-output-denied') part.state = 'output-denied';
    }
    return exchange;
  }
  get messages() { return [this.user, { id: this.message, role: 'assistant', parts: this.parts }]; }
  part(call) { return this.parts.find((p) => p.toolCallId === call); }
  decide(call, approved) {
    Object.assign(this.part(call), { state: 'approval-responded', approval: { ...this.part(call).approval, approved } });
  }
  /** The request that a page sends once it has its decisions. */
  send() {
    const body = { id: this.id, messages: structuredClone(this.messages), trigger: 'submit-message', messageId: this.message };
    const exchange = open(this.lane.base, { method: 'POST', path: '/api/chat', headers: this.headers, body });
    exchange.sentMessages = body.messages;
    return exchange;
  }
}
