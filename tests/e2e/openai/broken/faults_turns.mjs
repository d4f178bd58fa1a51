// Faults that show in the made-up turns alone: failures, limits, counts that the model told.
import { map } from './edits.mjs';

const fail = (failure, more = {}) => ({ failure, ...more });

export const TURNS = {
  // 2 commit, and what is refused before it
  'the head waits for the first word': { early: false },
  'a refused turn is a stream': { refused: () => undefined },
  'a refused turn is 200': { refused: (status) => (status === 500 ? undefined : status) },
  'the limit of the provider is 500': { refused: (status) => (status === 429 ? 500 : status) },
  '429 of the provider as if it were ours': { rateCode: 'concurrency_exceeded' },
  '429 without Retry-After': { retryAfter: '' },
  // 4 failures after commit
  'a failed stream ends in silence': fail('silence'),
  'a failed stream ends with stop': fail('stop'),
  'a failed whole answer is 200': { wholeFailure: 200 },
  'a failed whole answer is 400': { wholeFailure: 400 },
  'a failed whole answer may be repeated': { failureRetry: '' },
  'the provider’s words are passed on': { leak: true },
  // 2 and 3 endings
  'a cut answer looks complete': { cut: 'stop' },
  'an early end looks complete': { eof: 'stop' },
  'an early end is a failure': { eof: 'failed' },
  'an early end loses its counts': { cutUsage: false },
  'a slow answer is cut': { slow: 1000 },
  'an empty answer is a sentence': { empty: 'No response.' },
  // 8 usage
  'unknown counts are invented': { invent: true },
  'zeros are passed on for counts': { zero: true },
  'counts are swapped': { counts: (given) => ({ ...given, in: given.out, out: given.in }) },
  'counts are swapped in streams': { counts: (given, asked) => (asked.stream ? { ...given, in: given.out, out: given.in } : given) },
  'cached tokens are lost': { counts: (given) => ({ ...given, cached: 0 }) },
  'reasoning tokens are lost': { counts: (given) => ({ ...given, reasoning: 0 }) },
  'counts are of words': { counts: (given) => ({ ...given, in: 3 }) },
  // 7 what reaches the model
  'instructions do not reach the model': { told: (text, one) => (one.role === 'system' ? '' : text) },
  'developers do not reach the model': { told: (text, one) => (one.role === 'developer' ? '' : text) },
  'what the assistant said does not reach the model': { told: (text, one) => (one.role === 'assistant' ? '' : text) },
  'results do not reach the model': { told: (text, one) => (one.role === 'tool' || one.type === 'function_call_output' ? '' : text) },
  'only the last message reaches the model': { told: (text, one) => (one.last ? text : '') },
  'long messages are cut': { told: (text) => text.slice(0, 1000) },
  'characters beyond ASCII are lost': { decode: (text) => text.replaceAll(/[^\x00-\x7f]/g, '?') },
  'white space is trimmed': { ...map((frame) => { const delta = frame.data.choices?.[0]?.delta; if (delta?.content) delta.content = delta.content.trim(); if (frame.data.type === 'response.output_text.delta') frame.data.delta = frame.data.delta.trim() || '-'; return [frame]; }) },
  // 10 limit and clients that leave
  'there is no limit': { counted: () => false, conc: (limit, active) => [limit, active === '0' ? '1' : active] },
  'whole answers are not limited': { counted: (asked) => asked.stream === true, conc: (limit, active) => [limit, active === '0' ? '1' : active] },
  'a refused turn tells no counts': { limitHead: false },
  'our limit has another code': { limitCode: 'rate_limit_exceeded' },
  'a client that leaves is not noticed': { notices: false },
  'failed turns keep their place': { release: false },
};
