// The answers of the small server in both APIs: the frames of a stream and the whole.
import { hex } from './good.mjs';

const pieces = (text) => (/^[\x20-\x7e]*$/.test(text) ? text.split(/(?<= )/) : [...text]).filter(Boolean);

/** `turn`: { text, calls, usage, finish, failed }. */
export function completion(asked, rule, created, turn) {
  const same = { id: rule.id('chatcmpl-'), created, model: rule.answeredModel(asked.model) };
  const usage = turn.usage && completionUsage(turn.usage);
  const list = turn.calls.map((call) => ({ id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } }));
  const finish = turn.calls.length ? 'tool_calls' : turn.finish;
  const chunk = (delta, finish_reason = null) => ({ data: { ...same, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] } });
  const tell = (asked.stream_options?.include_usage || rule.unasked(asked)) && usage && rule.streamUsage;
  const frames = [
    chunk({ role: 'assistant', content: '' }), ...pieces(rule.streamText(turn.text)).map((content) => chunk({ content })),
    ...list.map((call, index) => chunk({ tool_calls: [{ index, ...call }] })),
  ];
  if (turn.failed) frames.push(...failure(rule, turn, chunk));
  else frames.push(chunk({}, finish), ...(tell ? [{ data: { ...same, object: 'chat.completion.chunk', choices: [], usage } }] : []), { data: '[DONE]' });
  const message = { role: 'assistant', content: turn.calls.length ? null : turn.text, ...(turn.calls.length ? { tool_calls: list } : {}) };
  return { whole: { ...same, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: finish }], ...(usage && rule.wholeUsage ? { usage } : {}) }, frames };
}

function failure(rule, turn, chunk) {
  const error = { data: { error: { message: rule.leak ? turn.failed : 'the turn failed', type: 'server_error', param: null, code: 'turn_failed' } } };
  return { error: [error], 'error and [DONE]': [error, { data: '[DONE]' }], silence: [], stop: [chunk({}, 'stop'), { data: '[DONE]' }], word: [chunk({}, 'error'), { data: '[DONE]' }], 'finish and error': [chunk({}, 'stop'), error], diagnostics: [chunk({ content: turn.failed }), chunk({}, 'stop'), { data: '[DONE]' }] }[rule.failure];
}

function completionUsage({ in: input, out, total = input + out, cached = 2, reasoning = 0 }) {
  return { prompt_tokens: input, completion_tokens: out, total_tokens: total, prompt_tokens_details: { cached_tokens: input === 0 ? 0 : cached }, completion_tokens_details: { reasoning_tokens: reasoning } };
}

export function respond(asked, rule, created, turn) {
  const frames = [], output = [];
  const usage = turn.usage && (({ in: input, out, total = input + out, cached = 2, reasoning = 0 }) => ({ input_tokens: input, input_tokens_details: { cached_tokens: input === 0 ? 0 : cached }, output_tokens: out, output_tokens_details: { reasoning_tokens: reasoning }, total_tokens: total }))(turn.usage);
  const same = { id: rule.id('resp_'), object: 'response', created_at: created, model: rule.answeredModel(asked.model), instructions: null, metadata: {}, tools: asked.tools ?? [], tool_choice: asked.tool_choice ?? 'auto', parallel_tool_calls: true, previous_response_id: rule.echoPrevious ? asked.previous_response_id ?? null : null, error: null, incomplete_details: null };
  const send = (type, rest) => frames.push({ name: type, data: { type, sequence_number: frames.length, ...rest } });
  const now = { ...same, status: 'in_progress', output: [], usage: null };
  const cut = turn.finish !== 'stop', status = turn.failed || cut ? 'incomplete' : 'completed';
  send('response.created', { response: now });
  send('response.in_progress', { response: now });
  if (turn.calls.length === 0 && (turn.text !== '' || !turn.failed)) message(rule, turn, status, send, output);
  turn.calls.forEach((call, index) => {
    const id = `fc_${hex()}`, item = { id, type: 'function_call', call_id: call.id, name: call.name };
    send('response.output_item.added', { output_index: index, item: { ...item, status: 'in_progress', arguments: '' } });
    send('response.function_call_arguments.delta', { item_id: id, output_index: index, delta: call.arguments });
    send('response.function_call_arguments.done', { item_id: id, output_index: index, name: call.name, arguments: call.arguments });
    output.push({ ...item, status: 'completed', arguments: call.arguments });
    send('response.output_item.done', { output_index: index, item: output[index] });
  });
  const end = turn.failed ? 'failed' : cut ? 'incomplete' : 'completed';
  const final = { ...same, status: end, output, incomplete_details: end === 'incomplete' ? { reason: 'max_output_tokens' } : null, error: end === 'failed' ? { code: 'server_error', message: rule.leak ? turn.failed : 'the turn failed' } : null };
  if (turn.failed && !['silence', 'stop'].includes(rule.failure)) send('error', { error: { type: 'server_error', ...final.error, param: null } });
  if (!turn.failed || rule.failure !== 'silence') send(`response.${end}`, { response: { ...final, usage: rule.streamUsage && usage ? usage : null } });
  if (turn.failed && rule.failure === 'stop') { frames.pop(); send('response.completed', { response: { ...final, status: 'completed', error: null, output: output.map((item) => ({ ...item, status: 'completed' })), usage } }); }
  return { whole: { ...final, usage: rule.wholeUsage && usage ? usage : null }, frames };
}

function message(rule, turn, status, send, output) {
  const id = `msg_${hex()}`, at = { item_id: id, output_index: 0, content_index: 0 }, part = (value) => ({ type: 'output_text', text: value, annotations: [], logprobs: [] });
  const text = rule.streamText(turn.text);
  send('response.output_item.added', { output_index: 0, item: { id, type: 'message', status: 'in_progress', role: 'assistant', content: [] } });
  send('response.content_part.added', { ...at, part: part('') });
  for (const delta of pieces(text)) send('response.output_text.delta', { ...at, delta, logprobs: [] });
  send('response.output_text.done', { ...at, text, logprobs: [] });
  send('response.content_part.done', { ...at, part: part(text) });
  output.push({ id, type: 'message', status, role: 'assistant', content: [part(turn.text)] });
  send('response.output_item.done', { output_index: 0, item: { ...output[0], content: [part(text)] } });
}
