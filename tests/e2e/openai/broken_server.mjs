// A small server of both OpenAI APIs that keeps every rule the smokes look at, and faults that each break
// one of them. `faults` are changes of what it says or does; one is switched on by its name.
import http from 'node:http';
import crypto from 'node:crypto';

export const KEY = 'key-of-the-small-server';
const TEXT = 'one, two, three, four, five, six, seven, eight, nine, ten';
const WORDS = TEXT.split(/(?<= )/);
const hex = () => crypto.randomBytes(16).toString('hex');
const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'];

/** What a fault changes; each member is a rule of the server. */
const GOOD = {
  requestId: () => `req_${hex()}`, id: (prefix) => prefix + hex(), created: () => Math.floor(Date.now() / 1000), answeredModel: (model) => model,
  usage: () => ({ in: 7, out: 9 }), wholeUsage: true, streamUsage: true, text: TEXT, anyModel: false, unsupported: true, checks: true, tools: true, parallel: true,
  stop: true, streamStop: true, json: true, store: true, methods: 405, allow: true, notFound: 404, preflight: true, head: true,
  retry: 'false', contentType: 'text/event-stream', cacheControl: 'no-cache, no-transform', buffering: 'no', conc: ['16', '1'], errorType: true, errorCode: true, errorParam: true, errorStatus: 400,
  jsonErrors: true, streamErrors: true, mediaType: true, neutral: true, ignored: true, auth: true, wwwAuthenticate: true, badKey: true, done: true, finish: true, role: true, paced: true,
  edit: (frames) => frames, editWhole: (answer) => answer, results: true, neverIgnored: false, echoPrevious: true, deletes: true, storesAll: false, oneModel: true, modelsList: true, modelParam: true, anyBody: false, errorUnder200: false, modelCode: 'model_not_found', decodes: true, charset: true, scheme: true, parts: true, developer: true, unasked: false, most: Infinity, unknown: true,
};

const map = (edit) => ({ edit: (frames) => frames.flatMap((frame, i, all) => edit(frame, i, all)) });
const change = (edit) => map((frame) => { if (frame.data !== '[DONE]') edit(frame.data); return [frame]; });
const whole = (edit) => ({ editWhole: (answer) => { edit(answer); return answer; } });
const isText = (frame) => Boolean(frame.data.choices?.[0]?.delta?.content);

/** name: what it changes. `both` in both APIs. */
export const FAULTS = {
  both: {
    'the model is renamed': { answeredModel: () => 'another-model' },
    'any model is accepted': { anyModel: true },
    'an unknown model is 400': { notFoundModel: 400 },
    'an unknown model has another code': { modelCode: 'not_there' },
    'an unknown model has no param': { modelParam: false },
    'no list of models': { modelsList: false },
    'no single model': { oneModel: false },
    'the model in the path is not decoded': { decodes: false },
    'a charset is refused': { charset: false },
    'the scheme must be Bearer': { scheme: false },
    'parts are refused': { parts: false },
    'developer is no role': { developer: false },
    'bodies above 100 kB are refused': { most: 100_000 },
    'no request id': { requestId: () => '' },
    'one request id for all': { requestId: () => 'req_1' },
    'one id for all answers': { id: (prefix) => `${prefix}1` },
    'created in milliseconds': { created: () => Date.now() },
    'created in 1970': { created: () => 5 },
    'the total is wrong': { usage: () => ({ in: 7, out: 9, total: 99 }) },
    'every count is 0': { usage: () => ({ in: 0, out: 0 }) },
    'counts are invented': { usage: () => ({ in: crypto.randomInt(1000, 2000) * crypto.randomInt(1, 9), out: 9 }) },
    'a count is a text': { usage: () => ({ in: '7', out: 9, total: 16 }) },
    'a count is negative': { usage: () => ({ in: -7, out: 9 }) },
    'no counts in whole answers': { wholeUsage: false },
    'no counts in streams': { streamUsage: false },
    'more cached than all': { usage: () => ({ in: 7, out: 9, cached: 50 }) },
    'another method is 404': { methods: 404 },
    'another method is 200': { methods: 200 },
    '405 without Allow': { allow: false },
    'another path is 200': { notFound: 200 },
    'OPTIONS needs a key': { preflight: false },
    'HEAD is 405': { head: false },
    'unsupported parameters are dropped': { unsupported: false },
    'values are not checked': { checks: false },
    'errors are text': { jsonErrors: false },
    'errors have no type': { errorType: false },
    'errors have no code': { errorCode: false },
    'errors name no param': { errorParam: false },
    'errors are 422': { errorStatus: 422 },
    'errors are 500': { errorStatus: 500 },
    'errors under 200': { errorUnder200: true },
    'an error of a stream request is an event': { streamErrors: false },
    'any content type is accepted': { mediaType: false },
    'a broken body is accepted': { anyBody: true },
    'tools are ignored': { tools: false },
    'results of tools are refused': { results: false },
    'a call has no id': { callId: '' },
    'a call has another name': { callName: 'another' },
    'arguments are no JSON': { callArguments: 'value is 5' },
    'json_object is ignored': { json: false },
    'empty parameters are refused': { neutral: false },
    'what has no effect is not named': { ignored: false },
    'everything is named as ignored': { neverIgnored: true },
    'no key is needed': { auth: false },
    'any key is taken': { badKey: false },
    '401 without WWW-Authenticate': { wwwAuthenticate: false },
    'no x-should-retry on streams': { retry: '' },
    'streams are text/plain': { contentType: 'text/plain' },
    'streams may be cached': { cacheControl: 'max-age=60' },
    'proxies may buffer streams': { buffering: 'yes' },
    'no x-conc headers': { conc: ['', ''] },
    'more run than may': { conc: ['1', '9'] },
    'all at once': { paced: false },
  },
  completions: {
    'stop is ignored': { stop: false, streamStop: false },
    'stop is ignored in streams': { streamStop: false },
    'usage that nobody asked for': { unasked: true },
    'unknown fields are refused': { unknown: false },
    'no [DONE]': map((frame) => frame.data === '[DONE]' ? [] : [frame]),
    'two [DONE]': map((frame) => frame.data === '[DONE]' ? [frame, frame] : [frame]),
    'no finish': map((frame) => frame.data.choices?.[0]?.finish_reason ? [] : [frame]),
    'an unknown finish_reason': change((data) => { if (data.choices?.[0]?.finish_reason) data.choices[0].finish_reason = 'error'; }),
    'no role': map((frame) => frame.data.choices?.[0]?.delta?.role ? [] : [frame]),
    'the role on every chunk': change((data) => { if (data.choices?.[0]?.delta?.content) data.choices[0].delta.role = 'assistant'; }),
    'empty deltas': map((frame) => isText(frame) ? [{ data: { ...frame.data, choices: [{ index: 0, delta: { content: '' }, finish_reason: null }] } }, frame] : [frame]),
    'usage with a choice': change((data) => { if (data.choices?.[0]?.finish_reason) data.usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }; }),
    'ids change within a stream': change((data) => { data.id = `chatcmpl-${hex()}`; }),
    'ids without prefix': { id: () => hex() },
    'another object word': change((data) => { data.object = 'chat.completion'; }),
    'finish_reason left out': change((data) => { if (data.choices?.[0] && !data.choices[0].finish_reason) delete data.choices[0].finish_reason; }),
    'tool_calls finished with stop': change((data) => { if (data.choices?.[0]?.finish_reason === 'tool_calls') data.choices[0].finish_reason = 'stop'; }),
    'a choice of index 1': change((data) => { if (data.choices?.[0]) data.choices[0].index = 1; }),
    'whole answers without role': whole((answer) => { delete answer.choices?.[0].message.role; }),
    'whole answers without finish_reason': whole((answer) => { delete answer.choices?.[0].finish_reason; }),
    'whole answers with two choices': whole((answer) => { answer.choices?.push(answer.choices[0]); }),
    'whole content is null': whole((answer) => { if (answer.choices) answer.choices[0].message.content = null; }),
  },
  responses: {
    'no final event': map((frame) => frame.name === 'response.completed' ? [] : [frame]),
    'no response.created': map((frame) => frame.name === 'response.created' ? [] : [frame]),
    'no response.in_progress': map((frame) => frame.name === 'response.in_progress' ? [] : [frame]),
    'events without names': map((frame) => [{ ...frame, name: undefined }]),
    'a gap in the numbers': change((data) => { if (data.sequence_number > 3) data.sequence_number += 1; }),
    'no output_item.added': map((frame) => frame.name === 'response.output_item.added' ? [] : [frame]),
    'no output_item.done': map((frame) => frame.name === 'response.output_item.done' ? [] : [frame]),
    'no content_part.added': map((frame) => frame.name === 'response.content_part.added' ? [] : [frame]),
    'no output_text.done': map((frame) => frame.name === 'response.output_text.done' ? [] : [frame]),
    'deltas of another item': change((data) => { if (data.type === 'response.output_text.delta') data.item_id = 'msg_other'; }),
    'the done text is another': change((data) => { if (data.type === 'response.output_text.done') data.text += '!'; }),
    'the final output is empty': change((data) => { if (data.type === 'response.completed') data.response.output = []; }),
    'completed with an error': change((data) => { if (data.type === 'response.completed') data.response.error = { code: 'server_error', message: 'x' }; }),
    'the final status is in_progress': change((data) => { if (data.type === 'response.completed') data.response.status = 'in_progress'; }),
    'a [DONE] follows': { edit: (frames) => [...frames, { data: '[DONE]' }] },
    'whole without output': whole((answer) => { delete answer.output; }),
    'whole without status': whole((answer) => { delete answer.status; }),
    'whole text without annotations': whole((answer) => { for (const item of answer.output ?? []) for (const part of item.content ?? []) delete part.annotations; }),
    'ids without prefix': { id: () => hex() },
    'nothing is stored': { store: false },
    'store false is stored': { storesAll: true },
    'previous_response_id is not told': { echoPrevious: false },
    'a deleted response is still there': { deletes: false },
  },
};

export async function startServer(fault = {}) {
  const rule = { ...GOOD, ...fault };
  const stored = new Map();
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const bytes of request) body += bytes;
    const id = rule.requestId();
    const base = { ...(id ? { 'x-request-id': id } : {}) };
    const json = (status, value, headers = {}) => {
      const text = request.method === 'HEAD' ? '' : JSON.stringify(value);
      response.writeHead(status, { ...base, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers }).end(text);
    };
    const error = (status, code, param = null, headers = {}) => {
      const seen = status === 400 ? rule.errorStatus : status;
      if (!rule.jsonErrors) return response.writeHead(seen, { ...base, 'content-type': 'text/plain', ...headers }).end('wrong');
      const object = { message: `wrong: ${code}`, type: status >= 500 ? 'server_error' : 'invalid_request_error', param: rule.errorParam ? param : null, code };
      if (!rule.errorType) delete object.type;
      if (!rule.errorCode) object.code = null;
      return json(rule.errorUnder200 ? 200 : seen, { error: object }, headers);
    };
    const { pathname } = new URL(request.url, 'http://x');
    const api = pathname === '/v1/responses' ? 'responses' : pathname === '/v1/chat/completions' ? 'completions' : '';
    const kept = /^\/v1\/responses\/(.+)$/.exec(pathname)?.[1];
    const named = /^\/v1\/models\/(.+)$/.exec(pathname)?.[1];
    const model = named && (rule.decodes ? decodeURIComponent(named) : named);
    if (request.method === 'OPTIONS' && rule.preflight) return response.writeHead(204, { ...base, allow: 'POST, GET' }).end();
    const key = request.headers.authorization;
    const known = (rule.scheme ? key?.replace(/^bearer /i, 'Bearer ') : key) === `Bearer ${KEY}` || (!rule.badKey && key !== undefined);
    if (rule.auth && !known) return error(401, 'invalid_api_key', null, rule.wwwAuthenticate ? { 'www-authenticate': 'Bearer' } : {});
    const created = rule.created();
    if (pathname === '/v1/models' || model) {
      if (request.method === 'HEAD' && !rule.head) return error(405, 'method_not_allowed', null, { allow: 'GET' });
      const one = { id: 'small', object: 'model', created: 5, owned_by: 'me' };
      if (!model) return rule.modelsList ? json(200, { object: 'list', data: [one] }) : error(404, 'not_found');
      if (!rule.oneModel) return error(404, 'not_found');
      return model === 'small' ? json(200, one) : rule.anyModel ? json(200, { ...one, id: model }) : error(404, rule.modelCode, 'model');
    }
    if (kept) {
      const found = stored.get(kept);
      if (!found) return error(404, 'not_found');
      if (request.method === 'DELETE') { if (rule.deletes) stored.delete(kept); return json(200, { id: kept, object: 'response', deleted: true }); }
      return json(200, found);
    }
    if (!api) return rule.notFound === 200 ? json(200, {}) : error(404, 'not_found');
    if (request.method !== 'POST') {
      if (rule.methods === 200) return json(200, {});
      return error(rule.methods, rule.methods === 404 ? 'not_found' : 'method_not_allowed', null, rule.allow ? { allow: 'POST, OPTIONS' } : {});
    }
    if (rule.mediaType && !request.headers['content-type']?.startsWith('application/json')) return error(415, 'unsupported_media_type');
    if (!rule.charset && request.headers['content-type'] !== 'application/json') return error(415, 'unsupported_media_type');
    if (body.length > rule.most) return error(413, 'request_too_large');
    let asked;
    try { asked = JSON.parse(body); } catch { asked = null; }
    if (!asked || Array.isArray(asked)) {
      if (!rule.anyBody) return error(400, 'invalid_json');
      asked = { model: 'small', messages: [{ role: 'user', content: 'x' }], input: 'x' };
    }
    const bad = refusal(api, asked, rule, stored);
    if (bad) {
      if (asked.stream && !rule.streamErrors) return response.writeHead(200, { ...base, 'content-type': 'text/event-stream' }).end(`data: ${JSON.stringify({ error: { message: 'x', type: 'server_error', param: null, code: bad[0] } })}\n\n`);
      return error(400, ...bad);
    }
    if (asked.model !== 'small' && !rule.anyModel) return rule.notFoundModel ? error(400, 'invalid_value', 'model') : error(404, rule.modelCode, rule.modelParam ? 'model' : null);
    const ignored = rule.neverIgnored ? ['everything'] : rule.ignored && asked.temperature !== undefined && asked.temperature !== 1 ? ['temperature'] : [];
    const head = { ...base, 'x-conc-limit': rule.conc[0], 'x-conc-active': rule.conc[1], ...(ignored.length ? { 'x-ignored-params': ignored.join(', ') } : {}) };
    if (!rule.conc[0]) { delete head['x-conc-limit']; delete head['x-conc-active']; }
    const answer = api === 'completions' ? completion(asked, rule, created) : respond(asked, rule, created);
    if (api === 'responses' && rule.store && (asked.store !== false || rule.storesAll)) stored.set(answer.whole.id, answer.whole);
    if (!asked.stream) return json(200, rule.editWhole(structuredClone(answer.whole)), head);
    response.writeHead(200, { ...head, 'content-type': rule.contentType, 'cache-control': rule.cacheControl, 'x-accel-buffering': rule.buffering, ...(rule.retry ? { 'x-should-retry': rule.retry } : {}) });
    let all = '';
    for (const frame of rule.edit(structuredClone(answer.frames))) {
      const text = `${frame.name ? `event: ${frame.name}\n` : ''}data: ${frame.data === '[DONE]' ? frame.data : JSON.stringify(frame.data)}\n\n`;
      if (!rule.paced) { all += text; continue; }
      response.write(text);
      await new Promise((next) => setTimeout(next, 25));
    }
    response.end(all);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { base: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }) };
}

/** Why a request is refused: [code, param]. */
function refusal(api, asked, rule, stored) {
  const given = (name) => asked[name] !== undefined && asked[name] !== null;
  const responses = api === 'responses';
  const list = responses ? 'input' : 'messages';
  if (!given('model')) return ['missing_required_parameter', 'model'];
  if (typeof asked.model !== 'string') return ['invalid_type', 'model'];
  if (!rule.neutral && ['logit_bias', 'stop', 'tools', 'metadata'].some((name) => name in asked && !asked[name]?.length)) return ['unsupported_parameter', 'tools'];
  if (rule.unsupported) {
    const empty = (value) => value === false || value === 'disabled' || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0);
    if (!responses && asked.n > 1) return ['unsupported_value', 'n'];
    for (const name of responses ? ['background', 'conversation', 'prompt'] : ['logprobs', 'logit_bias', 'functions']) if (given(name) && !empty(asked[name])) return ['unsupported_parameter', name];
    if (!responses && asked.modalities?.includes('audio')) return ['unsupported_value', 'modalities'];
    if (responses && asked.truncation === 'auto') return ['unsupported_value', 'truncation'];
    if (responses && given('messages')) return ['unknown_parameter', 'messages'];
    if (asked.tools?.some((tool) => tool.type !== 'function')) return ['unsupported_value', 'tools[0].type'];
  }
  if (!given(list)) return rule.checks ? ['missing_required_parameter', list] : null;
  if (!rule.checks) return null;
  if (!rule.unknown && given('no_such_field')) return ['unknown_parameter', 'no_such_field'];
  if (!responses && asked.messages.length === 0) return ['invalid_value', 'messages'];
  for (const [i, one] of (Array.isArray(asked[list]) ? asked[list] : []).entries()) {
    if (one.role && !['system', rule.developer ? 'developer' : 'user', 'user', 'assistant', 'tool'].includes(one.role)) return ['invalid_value', `${list}[${i}].role`];
    if (one.role === 'tool' && !one.tool_call_id) return ['missing_required_parameter', `${list}[${i}].tool_call_id`];
    if (!rule.results && (one.role === 'tool' || one.type === 'function_call_output')) return ['invalid_value', `${list}[${i}]`];
    if (!rule.parts && Array.isArray(one.content)) return ['invalid_type', `${list}[${i}].content`];
    for (const [k, part] of (Array.isArray(one.content) ? one.content : []).entries()) if (part.type.includes('file')) return ['unsupported_value', `${list}[${i}].content[${k}].type`];
  }
  if (given('stream') && typeof asked.stream !== 'boolean') return ['invalid_type', 'stream'];
  if (given('stream_options') && !asked.stream) return ['invalid_value', 'stream_options'];
  if (given('temperature') && !(asked.temperature >= 0 && asked.temperature <= 2)) return ['invalid_value', 'temperature'];
  for (const name of ['max_tokens', 'max_output_tokens']) if (given(name) && asked[name] < 1) return ['invalid_value', name];
  if (given('reasoning_effort') && !EFFORTS.includes(asked.reasoning_effort)) return ['invalid_value', 'reasoning_effort'];
  if (asked.reasoning?.effort && !EFFORTS.includes(asked.reasoning.effort)) return ['invalid_value', 'reasoning.effort'];
  if (asked.response_format?.type === 'json_schema' && !asked.response_format.json_schema) return ['missing_required_parameter', 'response_format.json_schema'];
  if (given('previous_response_id') && !stored.has(asked.previous_response_id)) return ['previous_response_not_found', 'previous_response_id'];
  return null;
}

const calls = (asked, rule) => rule.tools && asked.tools?.length > 0 && asked.tool_choice !== 'none'
  ? [{ id: rule.callId ?? `call_${hex()}`, name: rule.callName ?? 'report_number', arguments: rule.callArguments ?? '{"value":5}' }] : [];

function said(asked, rule) {
  let text = rule.text;
  if (rule.json && (asked.response_format?.type === 'json_object' || asked.text?.format?.type === 'json_object')) text = '{"a":1}';
  if (asked.stream ? rule.streamStop : rule.stop) for (const stop of [asked.stop ?? []].flat()) text = text.split(stop)[0];
  return text;
}
const pieces = (text) => text === TEXT ? WORDS : text.match(/.{1,6}/gs) ?? [];

function completion(asked, rule, created) {
  const made = calls(asked, rule), text = made.length ? '' : said(asked, rule);
  const same = { id: rule.id('chatcmpl-'), created, model: rule.answeredModel(asked.model) };
  const { in: input, out, total = input + out, cached = 2 } = rule.usage();
  const usage = { prompt_tokens: input, completion_tokens: out, total_tokens: total, prompt_tokens_details: { cached_tokens: input === 0 ? 0 : cached }, completion_tokens_details: { reasoning_tokens: 0 } };
  const list = made.map((call) => ({ id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } }));
  const finish = made.length ? 'tool_calls' : 'stop';
  const chunk = (delta, finish_reason = null) => ({ data: { ...same, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] } });
  return {
    whole: { ...same, object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: made.length ? null : text, ...(made.length ? { tool_calls: list } : {}) }, finish_reason: finish }], ...(rule.wholeUsage ? { usage } : {}) },
    frames: [
      chunk({ role: 'assistant', content: '' }), ...pieces(text).map((content) => chunk({ content })),
      ...list.map((call, index) => chunk({ tool_calls: [{ index, ...call }] })), chunk({}, finish),
      ...((asked.stream_options?.include_usage || rule.unasked) && rule.streamUsage ? [{ data: { ...same, object: 'chat.completion.chunk', choices: [], usage } }] : []), { data: '[DONE]' },
    ],
  };
}

function respond(asked, rule, created) {
  const made = calls(asked, rule), text = said(asked, rule), frames = [], output = [];
  const { in: input, out, total = input + out, cached = 2 } = rule.usage();
  const usage = { input_tokens: input, input_tokens_details: { cached_tokens: input === 0 ? 0 : cached }, output_tokens: out, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: total };
  const same = { id: rule.id('resp_'), object: 'response', created_at: created, model: rule.answeredModel(asked.model), instructions: null, metadata: {}, tools: asked.tools ?? [], tool_choice: asked.tool_choice ?? 'auto', parallel_tool_calls: true, previous_response_id: rule.echoPrevious ? asked.previous_response_id ?? null : null, error: null, incomplete_details: null };
  const send = (type, rest) => frames.push({ name: type, data: { type, sequence_number: frames.length, ...rest } });
  const now = { ...same, status: 'in_progress', output: [], usage: null };
  send('response.created', { response: now });
  send('response.in_progress', { response: now });
  if (made.length === 0) {
    const id = `msg_${hex()}`, at = { item_id: id, output_index: 0, content_index: 0 }, part = (value) => ({ type: 'output_text', text: value, annotations: [], logprobs: [] });
    send('response.output_item.added', { output_index: 0, item: { id, type: 'message', status: 'in_progress', role: 'assistant', content: [] } });
    send('response.content_part.added', { ...at, part: part('') });
    for (const delta of pieces(text)) send('response.output_text.delta', { ...at, delta, logprobs: [] });
    send('response.output_text.done', { ...at, text, logprobs: [] });
    send('response.content_part.done', { ...at, part: part(text) });
    output.push({ id, type: 'message', status: 'completed', role: 'assistant', content: [part(text)] });
    send('response.output_item.done', { output_index: 0, item: output[0] });
  }
  made.forEach((call, index) => {
    const id = `fc_${hex()}`, item = { id, type: 'function_call', call_id: call.id, name: call.name };
    send('response.output_item.added', { output_index: index, item: { ...item, status: 'in_progress', arguments: '' } });
    send('response.function_call_arguments.delta', { item_id: id, output_index: index, delta: call.arguments });
    send('response.function_call_arguments.done', { item_id: id, output_index: index, name: call.name, arguments: call.arguments });
    output.push({ ...item, status: 'completed', arguments: call.arguments });
    send('response.output_item.done', { output_index: index, item: output[index] });
  });
  send('response.completed', { response: { ...same, status: 'completed', output, usage: rule.streamUsage ? usage : null } });
  return { whole: { ...same, status: 'completed', output, usage: rule.wholeUsage ? usage : null }, frames };
}
