// The second opinion: the contract as the conformance kit (not oa-stream) judges it.
import assert from 'node:assert/strict';
import { checkHeaders, checkStream, judge } from '../../conformance/ui-message-stream/lib.mjs';

export function verdictOf(exchange, messages) {
  const findings = [...checkHeaders(exchange.status, exchange.headers), ...checkStream(exchange.body, messages).findings];
  return { ...judge(findings), findings };
}

/** No must violation, the body ended as HTTP says, and no warning but those named. */
export function assertLegal(exchange, { messages, warnings = [] } = {}) {
  const verdict = verdictOf(exchange, messages);
  assert.deepEqual(verdict.violations, [], `${JSON.stringify(verdict.findings)}\n${exchange.head}${exchange.text.slice(0, 4000)}`);
  assert.deepEqual(verdict.warnings.filter((rule) => !warnings.includes(rule)), [], JSON.stringify(verdict.findings));
  assert.ok(exchange.complete, `the body did not end: ${exchange.broken}`);
}

/** What a stream says, in short: joined texts by part, tools, data parts, how it ended. */
export function read(exchange) {
  const out = { texts: [], reasoning: [], tools: {}, data: [], errors: [], aborted: false, done: false, start: null, finish: null };
  const parts = new Map();
  for (const chunk of exchange.chunks) {
    if (chunk === '[DONE]') { out.done = true; continue; }
    const type = chunk?.type ?? '';
    const [, kind, what] = /^(text|reasoning)-(start|delta)$/.exec(type) ?? [];
    if (kind && what === 'start') {
      const list = kind === 'text' ? out.texts : out.reasoning;
      parts.set(`${kind} ${chunk.id}`, list.push('') - 1);
    } else if (kind) {
      (kind === 'text' ? out.texts : out.reasoning)[parts.get(`${kind} ${chunk.id}`)] += chunk.delta;
    } else if (type.startsWith('tool-')) {
      Object.assign((out.tools[chunk.toolCallId] ??= {}), chunk, { seen: [...(out.tools[chunk.toolCallId]?.seen ?? []), type] });
    } else if (type.startsWith('data-')) out.data.push(chunk);
    else if (type === 'error') out.errors.push(chunk.errorText);
    else if (type === 'abort') out.aborted = true;
    else if (type === 'start') out.start = chunk;
    else if (type === 'finish') out.finish = chunk;
  }
  out.failure = out.data.find((d) => d.type === 'data-error')?.data;
  return out;
}

/** The lane's ending for a failed turn: parts closed, one data-error, one error, finish-step, [DONE]. */
export function assertOneError(exchange, { code, retryable } = {}) {
  assertLegal(exchange);
  const seen = read(exchange);
  assert.equal(seen.errors.length, 1);
  const notes = seen.data.filter((d) => d.type === 'data-error');
  assert.equal(notes.length, 1, 'one data-error');
  if (code !== undefined) assert.equal(notes[0].data.code, code);
  assert.equal(typeof notes[0].data.message, 'string');
  assert.equal(typeof notes[0].data.retryable, 'boolean');
  if (retryable !== undefined) assert.equal(notes[0].data.retryable, retryable);
  assert.ok(seen.done);
  return seen;
}

/** JSON errors before the stream: status, code, message and the envelope of every lane answer. */
export function assertRefused(exchange, status, code) {
  assert.equal(exchange.status, status, `${exchange.head}${exchange.text.slice(0, 500)}`);
  assert.match(exchange.headers['content-type'] ?? '', /^application\/json(;|$)/);
  const body = exchange.json();
  assert.equal(typeof body.message, 'string');
  assert.ok(body.message.length > 0);
  assert.equal(body.error.message, body.message);
  if (code !== undefined) assert.equal(body.error.code, code, exchange.text);
  assert.match(body.error.code, /^[a-z][a-z_]+$/);
  assert.equal(body.error.requestId, exchange.headers['x-request-id']);
  return body;
}
