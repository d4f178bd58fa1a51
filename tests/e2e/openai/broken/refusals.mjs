// Why the small server refuses a request: [code, param], or null.
import { EFFORTS } from './good.mjs';

const RANGES = { temperature: [0, 2], top_p: [0, 1], presence_penalty: [-2, 2], frequency_penalty: [-2, 2] };
const WHOLE = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'];
const UNSUPPORTED = {
  completions: ['functions', 'logprobs', 'top_logprobs', 'logit_bias', 'audio', 'prediction', 'web_search_options', 'store'],
  responses: ['background', 'conversation', 'prompt', 'max_tool_calls', 'top_logprobs'],
};
const empty = (value) => value === false || value === 'disabled' || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0);

function unsupported(api, asked, given) {
  for (const name of UNSUPPORTED[api]) if (given(name) && !empty(asked[name]) && !(api === 'responses' && name === 'store')) return ['unsupported_parameter', name];
  if (api === 'completions') {
    if (given('n') && typeof asked.n !== 'number') return ['invalid_type', 'n'];
    if (given('n') && asked.n !== 1) return [asked.n > 1 ? 'unsupported_value' : 'invalid_value', 'n'];
    if (given('modalities') && asked.modalities.includes('audio')) return ['unsupported_value', 'modalities'];
    if (given('function_call') && typeof asked.function_call === 'object') return ['unsupported_value', 'function_call'];
  } else {
    if (asked.truncation === 'auto' && given('truncation')) return ['unsupported_value', 'truncation'];
    if (given('messages')) return ['unknown_parameter', 'messages'];
  }
  if (given('tools') && asked.tools?.some((tool) => tool.type !== 'function')) return ['unsupported_value', 'tools[0].type'];
  return null;
}

function message(one, at, api, unchecked) {
  const no = (name) => !unchecked.includes(name);
  if (one === null || typeof one !== 'object') return no('message') ? ['invalid_type', at] : null;
  if (api === 'responses' && one.type === 'hologram' && no('item')) return ['unsupported_value', `${at}.type`];
  if (one.role && !['system', 'developer', 'user', 'assistant', 'tool', 'function'].includes(one.role) && no('role')) return ['invalid_value', `${at}.role`];
  if (one.role === 'tool' && !one.tool_call_id && no('tool_call_id')) return ['missing_required_parameter', `${at}.tool_call_id`];
  if (one.role === 'user' && one.content === null && no('null content')) return ['invalid_type', `${at}.content`];
  if (one.role && typeof one.content === 'number' && no('content')) return ['invalid_type', `${at}.content`];
  for (const [k, part] of (Array.isArray(one.content) ? one.content : []).entries()) {
    if (!['text', 'input_text', 'output_text', 'refusal'].includes(part.type) && no(`part ${part.type}`)) return ['unsupported_value', `${at}.content[${k}].type`];
  }
  return null;
}

/** `unchecked` names what is not looked at. */
export function refusal(api, asked, rule, stored) {
  const no = (name) => !rule.unchecked.includes(name) && !rule.unchecked.includes('all');
  const given = (name) => asked[name] !== undefined && asked[name] !== null && no(name);
  const list = api === 'responses' ? 'input' : 'messages';
  if ((asked.model === undefined || asked.model === '') && no('model')) return ['missing_required_parameter', 'model'];
  if (typeof asked.model !== 'string' && no('model')) return ['invalid_type', 'model'];
  const own = rule.refuses(asked);
  if (own) return own;
  if (!rule.neutral && ['logit_bias', 'stop', 'tools', 'metadata'].some((name) => name in asked && !asked[name]?.length)) return ['unsupported_parameter', 'tools'];
  const bad = no('unsupported') && unsupported(api, asked, given);
  if (bad) return bad;
  if (asked[list] === undefined) return no(list) ? ['missing_required_parameter', list] : null;
  if (rule.unknown !== 'passed over' && asked.no_such_field !== undefined) return ['unknown_parameter', rule.unknown];
  if (api === 'completions' && typeof asked.messages === 'string' && no('messages')) return ['invalid_type', 'messages'];
  if (api === 'responses' && typeof asked.input === 'number' && no('input')) return ['invalid_type', 'input'];
  if (api === 'completions' && asked.messages.length === 0 && no('messages')) return ['invalid_value', 'messages'];
  for (const [i, one] of (Array.isArray(asked[list]) ? asked[list] : []).entries()) {
    const at = `${list}[${i}]`;
    if (no('messages all')) { const wrong = message(one, at, api, rule.unchecked); if (wrong) return wrong; }
    if (api === 'responses' && one.type === 'function_call_output' && no('call_id') && !asked.input.slice(0, i).some((before) => before.call_id === one.call_id)) return ['invalid_value', `${at}.call_id`];
    if (!rule.results && (one.role === 'tool' || one.type === 'function_call_output')) return ['invalid_value', at];
    if (!rule.parts && Array.isArray(one.content)) return ['invalid_type', `${at}.content`];
    if (!rule.developer && one.role === 'developer') return ['invalid_value', `${at}.role`];
  }
  if (given('stream') && typeof asked.stream !== 'boolean') return ['invalid_type', 'stream'];
  if (given('stream_options') && asked.stream !== true) return ['invalid_value', 'stream_options'];
  for (const [name, [low, high]] of Object.entries(RANGES)) {
    if (given(name) && typeof asked[name] !== 'number') return ['invalid_type', name];
    if (given(name) && !(asked[name] >= low && asked[name] <= high)) return ['invalid_value', name];
  }
  for (const name of WHOLE) if (given(name) && !(Number.isInteger(asked[name]) && asked[name] >= 1)) return ['invalid_value', name];
  if (given('seed') && !Number.isInteger(asked.seed)) return ['invalid_type', 'seed'];
  if (given('reasoning_effort') && !EFFORTS.includes(asked.reasoning_effort)) return ['invalid_value', 'reasoning_effort'];
  if (given('reasoning') && asked.reasoning.effort && !EFFORTS.includes(asked.reasoning.effort)) return ['invalid_value', 'reasoning.effort'];
  if (given('response_format')) {
    if (!['text', 'json_object', 'json_schema'].includes(asked.response_format.type)) return ['invalid_value', 'response_format.type'];
    if (asked.response_format.type === 'json_schema' && !asked.response_format.json_schema && no('json_schema')) return ['missing_required_parameter', 'response_format.json_schema'];
  }
  if (given('text') && asked.text.format && !['text', 'json_object', 'json_schema'].includes(asked.text.format.type)) return ['invalid_value', 'text.format.type'];
  if (given('instructions') && typeof asked.instructions !== 'string') return ['invalid_type', 'instructions'];
  if (api === 'responses' && given('store') && typeof asked.store !== 'boolean') return ['invalid_type', 'store'];
  if (given('previous_response_id') && !stored.has(asked.previous_response_id)) return [rule.lostCode, 'previous_response_id'];
  return null;
}

/** The parameters without effect that are not the API's defaults. */
export function ignoredOf(asked) {
  const usual = { temperature: 1, top_p: 1, presence_penalty: 0, frequency_penalty: 0, service_tier: 'auto' };
  return ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'seed', 'max_tokens', 'max_completion_tokens', 'max_output_tokens', 'service_tier']
    .filter((name) => asked[name] !== undefined && asked[name] !== null && asked[name] !== usual[name]);
}
