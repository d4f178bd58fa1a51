// A page with functions of its own, as AI SDK keeps its messages: the assistant's grows with each answer.
import assert from 'node:assert/strict';
import { assertLegal, read } from '../lib/contract.mjs';
import { open, send } from '../lib/http.mjs';

export const calls = (list, more = '') => `scenario:calls;calls=${encodeURIComponent(JSON.stringify(list))}${more}`;
export const waits = (seen) => seen.finish?.messageMetadata.status === 'waiting-for-tool-results';

export class Page {
  constructor(lane, id, tools) {
    Object.assign(this, { lane, id, tools, messages: [] });
  }

  begin() {
    const last = this.messages.at(-1);
    const more = last.role === 'assistant' ? { trigger: 'submit-message', messageId: last.id } : {};
    return open(this.lane.base, { method: 'POST', path: `/api/chats/${this.id}/stream`, body: { id: this.id, messages: this.messages, tools: this.tools, ...more } });
  }
  async post() {
    const exchange = this.begin();
    await exchange.done;
    return exchange;
  }

  /** The answer to the messages so far; its calls become parts of the newest message. */
  async answer() {
    const exchange = await this.post();
    assert.equal(exchange.status, 200, exchange.text);
    assertLegal(exchange, { messages: this.messages });
    const seen = read(exchange);
    if (this.messages.at(-1).role === 'user') this.messages.push({ id: seen.start.messageId, role: 'assistant', parts: [] });
    for (const tool of Object.values(seen.tools)) {
      const known = this.parts().find((part) => part.toolCallId === tool.toolCallId);
      if (!known) this.parts().push({ type: `tool-${tool.toolName}`, toolCallId: tool.toolCallId, state: 'input-available', input: tool.input });
    }
    return seen;
  }

  parts() { return this.messages.at(-1).parts; }

  say(text) {
    this.messages.push({ id: `u-${this.messages.length}`, role: 'user', parts: [{ type: 'text', text }] });
    return this.answer();
  }

  /** Results of open calls, by their function's name or their place in the message. Codex begins calls that are made at
   * once in any order. */
  give(outputs) {
    this.parts().forEach((part, at) => {
      const output = outputs instanceof Function ? outputs(part, at) : outputs[part.type.slice(5)] ?? outputs[at];
      if (part.state === 'input-available' && output !== undefined) Object.assign(part, { state: 'output-available', output });
    });
  }

  async listed() {
    const response = await send(this.lane.base, { path: `/api/chats/${this.id}/messages` });
    assert.equal(response.status, 200, response.text);
    return response.json().data;
  }
  async states() {
    return (await this.listed()).at(-1).parts.filter((part) => part.type.startsWith('tool-')).map((part) => [part.toolCallId, part.output ?? part.errorText ?? part.state]);
  }
}
