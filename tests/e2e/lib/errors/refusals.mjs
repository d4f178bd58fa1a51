// What a lane answers when it refuses, and what to do about it: the second half of docs/errors.md.
// `ask`: a request that is refused so; errors_page.test.mjs sends it to a lane over recordings.

const json = { 'content-type': 'application/json' };
const post = (path, body, headers = {}) => ({ method: 'POST', path, body: typeof body === 'string' ? body : JSON.stringify(body), headers: { ...json, ...headers } });
const user = (parts, more = {}) => ({ id: 'c', messages: [{ id: 'm', role: 'user', parts: typeof parts === 'string' ? [{ type: 'text', text: parts }] : parts }], ...more });
const chat = (body, headers) => post('/api/chats/c/stream', body, headers);
const v1 = (more, headers) => post('/v1/chat/completions', { model: 'replay', messages: [{ role: 'user', content: 'hi' }], ...more }, headers);
const responses = (more) => post('/v1/responses', { model: 'replay', input: 'hi', ...more });

/** [status, code, when, what to do, ask?]; of pages and their API. */
export const CHAT = [
  [400, 'bad_request', 'two headers of which one must be: `Authorization`, `Idempotency-Key`', 'Send one. Look for a proxy that adds one.', chat(user('x'), { 'idempotency-key': 'a', 'Idempotency-Key': 'b' })],
  [400, 'invalid_json', 'the body is not one JSON object, or the new text has half a surrogate pair', 'Send JSON; cut strings between characters.', chat('{"id":')],
  [401, 'unauthorized', 'no token, or one that this lane does not know', 'Send `Authorization: Bearer …` of `--auth-tokens`; a token may have ended.'],
  [403, 'origin_not_allowed', 'a page of another origin asks for something that acts', 'Start the lane with `--cors-origin ORIGIN`.', chat(user('x'), { origin: 'https://other.example' })],
  [404, 'not_found', 'no such route, conversation or run, or another owner’s', 'Check path and id; make the conversation first.', { method: 'GET', path: '/api/chats/nonesuch' }],
  [405, 'method_not_allowed', 'the route has other methods', 'Use one of the header `Allow`.', { method: 'PUT', path: '/api/chats' }],
  [408, 'request_timeout', 'head or body did not arrive in time', 'Send it again; look for a slow proxy, or raise `--limit head-time`, `body-time`.'],
  [409, 'already_answered', 'this request, result or decision was answered before', 'Read `/messages`: the answer is there.'],
  [409, 'conflict', 'the owner has a conversation of that id', 'Choose another id (`?id=`).'],
  [409, 'tool_call_over', 'a newer message has ended the wait for this result', 'Leave the result out.'],
  [409, 'turn_in_progress', 'a turn of this conversation runs', 'Wait for its end, or `POST …/stop`.'],
  [413, 'payload_too_large', 'the body or the export is larger than its limit', 'Send the newest message alone ([how](chat-requests.md#images-and-files)), or raise `--limit body`, `resend`.', chat(user('x'.repeat(9 << 20)))],
  [415, 'unsupported_media_type', 'the body is not sent as JSON, or compressed', 'Send `Content-Type: application/json`, without `Content-Encoding`.', { ...chat(user('x')), headers: { 'content-type': 'text/plain' } }],
  [421, 'host_not_allowed', 'the lane has no tokens and does not know the host', 'Start it with `--allow-host HOST`, or with tokens.', { method: 'GET', path: '/api/chats', headers: { host: 'evil.example' } }],
  [422, 'invalid_request', 'a member is wrong: `errors` has its name', 'Correct it: no user message, a text above `--limit text-chars`, a cursor of another list, an effort or model that is not offered, too many or bad functions.', chat({ id: 'c', messages: [] })],
  [422, 'regenerate_unsupported', 'it is unclear which answer is to be replaced, or the assistant cannot', 'Send the whole list of messages, as `regenerate()` does, or a new message.'],
  [422, 'tool_result_missing', 'a stopped turn had more calls than results came', 'Send all results in one request.'],
  [422, 'unknown_tool_call', 'no turn waits for that call', 'Read `/messages`; after a crash of Codex its calls are lost.'],
  [422, 'unsupported_field', 'with `--strict-body`: what would have no effect', 'Leave it out, or start the lane with `--allow`.'],
  [422, 'unsupported_part', 'an image or file that the model would not be shown', 'Send PNG, JPEG, GIF or WebP as a `data:` URL, or text; `errors` has the part’s place.', chat(user([{ type: 'text', text: 'x' }, { type: 'file', mediaType: 'image/png', url: 'https://example.org/a.png' }]))],
  [426, 'invalid_client_build', '`--compat enforce`: the build header is missing', 'Send the three headers of [the handshake](compat.md).'],
  [426, 'unsupported_protocol_version', 'the page speaks another protocol', 'Load the page again.'],
  [426, 'unsupported_schema_version', 'its schema is outside the window', 'Load the page again.'],
  [426, 'upgrade_required', 'its build is too old', 'Load the page again.'],
  [426, 'unsupported_client_build', 'its build is newer than the lane takes', 'Update the lane, or raise the window’s end.'],
  [429, 'rate_limited', 'the owner has as many turns or streams as it may', 'Try again after `Retry-After`, or raise `--limit streams-per-owner`.'],
  [431, 'headers_too_large', 'the head is larger than its limit', 'Send fewer cookies, or raise `--limit headers`.'],
  [499, 'client_closed_request', 'the client left first (logs only)', 'Look for the timeout of a proxy or client.'],
  [500, 'internal_error', 'a fault of the lane', 'Report it with the `requestId`.'],
  [501, 'not_supported', 'this assistant cannot do that with conversations', 'Use Codex; [chats.md](chats.md) says who can what.'],
  [502, 'codex_error', 'the assistant’s answer makes no sense', 'Look at the lane’s log; check Codex’ version with `oa-stream doctor`.'],
  [503, 'authority_unavailable', 'the assistant is down, or starting', 'Try again after `Retry-After`; `/readyz` says why.'],
  [503, 'service_unavailable', 'the lane is full, ends, or is switched off', 'Try again after `Retry-After`.'],
  [503, 'store_unavailable', 'disk or shared store take nothing more', 'Make room; running conversations go on.'],
  [504, 'authority_timeout', 'the assistant did not accept the turn in time', 'Try again; look at its load.'],
];

/** The same of `/v1`; `param` names the place. */
export const OPENAI = [
  [400, 'invalid_json', 'the body is not one JSON object', 'Send JSON.', v1Raw('[]')],
  [400, 'missing_required_parameter', '`param` is missing', 'Add it.', v1({ messages: undefined })],
  [400, 'invalid_type', '`param` has another type', 'Correct it.', v1({ stream: 'yes' })],
  [400, 'invalid_value', '`param` is out of range, or unknown', 'Correct it.', v1({ temperature: 7 })],
  [400, 'unsupported_parameter', 'the answer would mean something else without it', 'Leave it out: [which](completions.md#parameters).', v1({ logprobs: true })],
  [400, 'unsupported_value', 'likewise of one value', 'Leave it out.', v1({ n: 2 })],
  [400, 'unknown_parameter', '`/v1/responses` does not know it', 'Leave it out.', responses({ no_such_field: 1 })],
  [400, 'previous_response_not_found', 'the lane no longer has that response', 'Send the whole conversation.', responses({ previous_response_id: 'resp_0' })],
  [400, 'item_not_found', 'the lane no longer has that item', 'Send the item itself.', responses({ input: [{ type: 'item_reference', id: 'msg_0' }] })],
  [400, 'context_length_exceeded', 'the messages are longer than the model can take', 'Send fewer.'],
  [400, 'content_policy_violation', 'the provider refused what was said', 'Say it otherwise.'],
  [401, 'invalid_api_key', 'no key, or one that this lane does not know', 'Send `Authorization: Bearer …`.'],
  [404, 'model_not_found', 'no such model here, or at the provider', 'Choose one of `GET /v1/models`.', v1({ model: 'nonesuch' })],
  [404, 'not_found', 'no such path or response', 'The base URL ends with `/v1`.', { method: 'GET', path: '/v1/nonesuch' }],
  [405, 'method_not_allowed', 'the route has other methods', 'Use one of the header `Allow`.', { method: 'GET', path: '/v1/chat/completions' }],
  [413, 'request_too_large', 'the body is larger than `--limit body`', 'Send less.', v1({ user: 'x'.repeat(9 << 20) })],
  [415, 'unsupported_media_type', 'the body is not sent as JSON', 'Send `Content-Type: application/json`.', { ...v1({}), headers: { 'content-type': 'text/plain' } }],
  [429, 'concurrency_exceeded', 'as many turns run as may', 'Try again after `Retry-After`, or raise `--completions-limit`.'],
  [429, 'rate_limit_exceeded', 'the provider takes no more for now', 'Try again after `Retry-After`.'],
  [429, 'insufficient_quota', 'the provider’s account has used up what it may', 'Wait for its reset, or raise its limit.'],
  [502, 'tool_call_missing', 'the model did not call, though `tool_choice` demands it', 'Ask again, or say it in the prompt.'],
  [502, 'json_missing', 'the model did not answer with a JSON object', 'Ask again, or say it in the prompt.'],
  [503, 'overloaded', 'model or lane have no room', 'Try again after `Retry-After`.'],
  [503, 'server_draining', 'the lane ends', 'Try again: another one answers.'],
];

/** Of a turn that was accepted: `data-error.code` or `.reason`, the sentence is the lane's. */
export const TURNS = {
  turn_failed: 'Ask again; the lane’s log has the cause.',
  turn_aborted: 'Ask again. The lane ended it: time (`--limit turn-time`), shutdown, a decision that never came.',
  turn_lost: 'Load the page: another lane may have gone on with it. Else ask again.',
  overloaded: 'Ask for less, or raise `--limit turn-log`.',
  authority_lost: 'Ask again; `/readyz` and the lane’s log say what became of Codex.',
  authority_timeout: 'Ask again; look at the load of Codex.',
  stalled: 'Ask again, or raise `--limit idle`.',
  codex_error: 'Ask again; check Codex’ version with `oa-stream doctor`.',
  stale_cursor: 'Load the page: the whole answer may be there.',
  reauth_required: 'Renew the token of the control service.',
  adapter_preview_unavailable: 'Report it with the `requestId`.',
  rate_limited: 'Ask again after `retryAfter`.',
  usage_limit: 'Wait for the reset that the sentence names, or raise the account’s limit.',
  context_length_exceeded: 'Begin a new conversation, or send less.',
  provider_key_rejected: 'Give the lane a key that the provider takes.',
  model_not_found: 'Choose another model, or correct `--model`.',
  model_overloaded: 'Ask again later.',
  refused: 'Say it otherwise.',
  tool_call_missing: 'Ask again, or say it in the prompt.',
  json_missing: 'Ask again, or say it in the prompt.',
};

function v1Raw(body) { return post('/v1/chat/completions', body); }

const table = (rows) => `| status | code | when | what to do |\n|---|---|---|---|\n${rows.map(([status, code, when, fix]) => `| ${status} | \`${code}\` | ${when} | ${fix} |`).join('\n')}\n`;
export const refusalsPage = () => `
## Refused by a lane

A page gets \`{"message","error":{"code","message","requestId"},"errors"?}\`; \`errors\` names the members. \`retryAfter\` and
the header \`Retry-After\` say when to try again. The test sends what can be sent to one lane; the other rows are looked up
in the sources, so that no code is missing.

${table(CHAT)}
## Refused under \`/v1\`

\`{"error":{"message","type","param","code"}}\`. What 401, 413 and 503 are called there stands here; the rest of the
first table holds too.

${table(OPENAI)}
## A turn that failed

\`data-error\` of a stream has \`code\` and perhaps \`reason\`, the sentence, \`retryable\` and \`retryAfter\`
([which](chat-requests.md#errors-of-the-models-provider)).

| code or reason | what to do |
|---|---|
${Object.entries(TURNS).map(([word, fix]) => `| \`${word}\` | ${fix} |`).join('\n')}
`;
