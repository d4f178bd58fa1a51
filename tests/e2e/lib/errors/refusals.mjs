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
  [400, 'bad_request', 'two headers where only one is allowed: `Authorization`, `Idempotency-Key`', 'Send one. A proxy may add the second.', chat(user('x'), { 'idempotency-key': 'a', 'Idempotency-Key': 'b' })],
  [400, 'invalid_json', 'the body is not one JSON object, or the new text has half a surrogate pair', 'Send JSON; cut strings between characters.', chat('{"id":')],
  [401, 'unauthorized', 'no token, or one that this lane does not know', 'Send `Authorization: Bearer …` of `--tokens`; a token may have expired.'],
  [403, 'origin_not_allowed', 'a page of another origin sends a request that acts', 'Start the lane with `--cors-origin ORIGIN`.', chat(user('x'), { origin: 'https://other.example' })],
  [404, 'not_found', 'no such route, conversation or run, or another owner’s', 'Check path and id; create the conversation first.', { method: 'GET', path: '/api/chats/nonesuch' }],
  [405, 'method_not_allowed', 'the route has other methods', 'Use one of the header `Allow`.', { method: 'PUT', path: '/api/chats' }],
  [408, 'request_timeout', 'head or body did not arrive in time', 'Send it again; look for a slow proxy, or raise `--limit head-time`, `body-time`.'],
  [409, 'already_answered', 'this request, result or decision was answered before', 'Read `/messages`: the answer is there.'],
  [409, 'conflict', 'the owner has a conversation of that id', 'Choose another id (`?id=`).'],
  [409, 'tool_call_over', 'a newer message ended the wait for this result', 'Omit the result.'],
  [409, 'turn_in_progress', 'a turn of this conversation runs', 'Wait for its end, or `POST …/stop`.'],
  [413, 'payload_too_large', 'the body or the export is larger than its limit', 'Send only the newest message ([how](chat-requests.md#images-and-files)), and in it less text or smaller files, or raise `--limit body`, `resend`.', chat(user('x'.repeat(9 << 20)))],
  [415, 'unsupported_media_type', 'the body is not sent as JSON, or compressed', 'Send `Content-Type: application/json`, without `Content-Encoding`.', { ...chat(user('x')), headers: { 'content-type': 'text/plain' } }],
  [421, 'host_not_allowed', 'the lane has no tokens and does not know the host', 'Start it with `--allow-host HOST`, or with tokens.', { method: 'GET', path: '/api/chats', headers: { host: 'evil.example' } }],
  [422, 'invalid_request', 'a member is wrong: `errors` has its name', 'Correct it: no user message, a text above `--limit text-chars`, a cursor of another list, an effort or model that is not offered, too many or bad functions.', chat({ id: 'c', messages: [] })],
  [422, 'regenerate_unsupported', 'it is unclear which answer to replace, or the authority cannot replace it', 'Send the whole list of messages, as `regenerate()` does, or a new message.'],
  [422, 'tool_result_missing', 'a stopped turn had more calls than the request has results', 'Send all results in one request.'],
  [422, 'unknown_tool_call', 'no turn waits for that call', 'Read `/messages`; after a crash of Codex its calls are lost.'],
  [422, 'unsupported_field', 'with `--strict-body`: a member without effect', 'Omit it, or start the lane with `--allow`.'],
  [422, 'unsupported_part', 'an image or file that the model would not get', 'Send PNG, JPEG, GIF or WebP as a `data:` URL, or text, and a smaller file where it is too large; `errors` has the part’s place.', chat(user([{ type: 'text', text: 'x' }, { type: 'file', mediaType: 'image/png', url: 'https://example.org/a.png' }]))],
  [426, 'invalid_client_build', '`--compat required`: the build header is missing', 'Send the three headers of [the handshake](chat-requests.md#the-handshake).'],
  [426, 'unsupported_protocol_version', 'the page uses another protocol', 'Reload the page.'],
  [426, 'unsupported_schema_version', 'its schema is outside the window', 'Reload the page.'],
  [426, 'upgrade_required', 'its build is too old', 'Reload the page.'],
  [426, 'unsupported_client_build', 'its build is newer than the lane accepts', 'Update the lane, or raise the window’s end.'],
  [429, 'rate_limited', 'the owner has reached its limit of turns or streams, or the provider its own', 'Retry after `Retry-After`, or raise `--limit streams-per-owner`.'],
  [431, 'headers_too_large', 'the head is larger than its limit', 'Send fewer cookies, or raise `--limit headers`.'],
  [499, 'client_closed_request', 'the client left first (logs only)', 'Look for the timeout of a proxy or client.'],
  [500, 'internal_error', 'a fault of the lane', 'Report it with the `requestId`.'],
  [501, 'not_supported', 'this authority does not support the operation', 'Use Codex; [chats.md](chats.md) describes what each authority supports.'],
  [502, 'codex_error', 'the authority’s answer is invalid', 'Look at the lane’s log; check Codex’s version with `oa-stream doctor`.'],
  [503, 'authority_unavailable', 'the authority is down, or starting', 'Retry after `Retry-After`; `/readyz` has the reason.'],
  [503, 'service_unavailable', 'the lane is full, shuts down, or is switched off', 'Retry after `Retry-After`.'],
  [503, 'store_unavailable', 'the disk or the shared store is full or unavailable', 'Free space; running conversations continue.'],
  [504, 'authority_timeout', 'the authority did not accept the turn in time', 'Retry; check its load.'],
];

/** The same of `/v1`; `param` names the place. */
export const OPENAI = [
  [400, 'invalid_json', 'the body is not one JSON object', 'Send JSON.', v1Raw('[]')],
  [400, 'missing_required_parameter', '`param` is missing', 'Add it.', v1({ messages: undefined })],
  [400, 'invalid_type', '`param` has another type', 'Correct it.', v1({ stream: 'yes' })],
  [400, 'invalid_value', '`param` is out of range, or unknown', 'Correct it.', v1({ temperature: 7 })],
  [400, 'string_above_max_length', 'the last message is longer than `--limit text-chars`, or than the service of a worker takes', 'Send less, or raise the limit.', v1({ messages: [{ role: 'user', content: 'x'.repeat(200_001) }] })],
  [400, 'unsupported_parameter', 'the lane cannot honour it, and the answer would mean something else', 'Omit it: [which](completions.md#parameters).', v1({ logprobs: true })],
  [400, 'unsupported_value', 'the same for one value', 'Omit it.', v1({ n: 2 })],
  [400, 'unknown_parameter', '`/v1/responses` does not know it', 'Omit it.', responses({ no_such_field: 1 })],
  [400, 'previous_response_not_found', 'the lane no longer has that response', 'Send the whole conversation.', responses({ previous_response_id: 'resp_0' })],
  [400, 'item_not_found', 'the lane no longer has that item', 'Send the item itself.', responses({ input: [{ type: 'item_reference', id: 'msg_0' }] })],
  [400, 'context_length_exceeded', 'the messages are too long for the model', 'Send fewer.'],
  [400, 'content_policy_violation', 'the provider refused the content', 'Rephrase the message.'],
  [400, 'invalid_json_schema', 'the provider refused a JSON schema', 'List every property in `required`, set `additionalProperties: false`.'],
  [401, 'invalid_api_key', 'no key, or one that this lane does not know', 'Send `Authorization: Bearer …` or `api-key`.'],
  [404, 'model_not_found', 'no such model here, or at the provider', 'Choose one of `GET /v1/models`.', v1({ model: 'nonesuch' })],
  [404, 'not_found', 'no such path or response', 'The base URL ends with `/v1`.', { method: 'GET', path: '/v1/nonesuch' }],
  [405, 'method_not_allowed', 'the route has other methods', 'Use one of the header `Allow`.', { method: 'GET', path: '/v1/chat/completions' }],
  [413, 'request_too_large', 'the body is larger than `--limit body`', 'Send less.', v1({ user: 'x'.repeat(9 << 20) })],
  [415, 'unsupported_media_type', 'the body is not sent as JSON', 'Send `Content-Type: application/json`.', { ...v1({}), headers: { 'content-type': 'text/plain' } }],
  [429, 'concurrency_exceeded', 'the limit of parallel turns is reached', 'Retry after `Retry-After`, or raise `--completions-limit`.'],
  [429, 'rate_limit_exceeded', 'the provider accepts no more requests at the moment', 'Retry after `Retry-After`.'],
  [429, 'insufficient_quota', 'the provider’s account has used up its quota', 'Wait for its reset, or raise its limit.'],
  [502, 'tool_call_missing', 'the model did not call a function, although `tool_choice` requires it', 'Retry, or ask for it in the prompt.'],
  [502, 'json_missing', 'the model did not answer with a JSON object', 'Retry, or ask for it in the prompt.'],
  [503, 'overloaded', 'the model or the lane has no capacity', 'Retry after `Retry-After`.'],
  [503, 'server_draining', 'the lane shuts down', 'Retry: another lane answers.'],
];

/** Of a turn that was accepted: `data-error.code` or `.reason`, the sentence is the lane's. */
export const TURNS = {
  turn_failed: 'Retry; the lane’s log has the cause.',
  turn_aborted: 'Retry. The lane ended the turn: time (`--limit turn-time`), shutdown, or a store that was away (`--limit store-outage`).',
  turn_lost: 'Reload the page: another lane may have continued the answer. Otherwise retry.',
  overloaded: 'Retry, or raise `--limit total-log`; for a large answer of `/v1`, `turn-log`. With a store, raise the `maxmemory` of Redis.',
  authority_lost: 'Retry; `/readyz` and the lane’s log show the state of Codex.',
  authority_timeout: 'Retry; check the load of Codex.',
  stalled: 'Retry, or raise `--limit idle`.',
  codex_error: 'Retry; check Codex’s version with `oa-stream doctor`.',
  stale_cursor: 'Reload the page: it may have the whole answer.',
  reauth_required: 'Renew the token of the control service.',
  adapter_preview_unavailable: 'Report it with the `requestId`.',
  rate_limited: 'Retry after `retryAfter`.',
  usage_limit: 'Wait for the reset that the sentence names, or raise the account’s limit.',
  context_length_exceeded: 'Start a new conversation, or send less.',
  provider_key_rejected: 'Give the lane a key that the provider accepts.',
  model_not_found: 'Choose another model, or correct `--model`.',
  model_overloaded: 'Retry later.',
  refused: 'Rephrase the message.',
  schema_refused: 'List every property of the schema as required, and set `additionalProperties` to false.',
  tool_call_missing: 'Retry, or ask for it in the prompt.',
  json_missing: 'Retry, or ask for it in the prompt.',
};

function v1Raw(body) { return post('/v1/chat/completions', body); }

const table = (rows) => `| status | code | when | what to do |\n|---|---|---|---|\n${rows.map(([status, code, when, fix]) => `| ${status} | \`${code}\` | ${when} | ${fix} |`).join('\n')}\n`;
export const refusalsPage = () => `
## Refused by a lane

A page gets \`{"message","error":{"code","message","requestId"},"errors"?}\`; \`errors\` names the members. \`retryAfter\` and
the header \`Retry-After\` state when to retry. A test sends the requests that one lane can refuse, and compares the other
rows with the sources, so that no code is missing.

${table(CHAT)}
## Refused under \`/v1\`

\`{"error":{"message","type","param","code"}}\`. This table lists the codes that differ for 401, 413 and 503; the rest of the
first table also applies.

${table(OPENAI)}
## A turn that failed

\`data-error\` of a stream has \`code\`, the sentence, \`retryable\`, and in some cases \`reason\` and \`retryAfter\`
([which](chat-requests.md#errors-of-the-models-provider)).

| code or reason | what to do |
|---|---|
${Object.entries(TURNS).map(([word, fix]) => `| \`${word}\` | ${fix} |`).join('\n')}
`;
