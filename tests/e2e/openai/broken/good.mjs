// What the small server does where no fault says otherwise; each member is a rule of it.
import crypto from 'node:crypto';

export const KEY = 'key-of-the-small-server';
export const MODEL = 'org/small';
export const TEXT = 'one, two, three, four, five, six, seven, eight, nine, ten';
export const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'];
export const UNICODE = 'naïve — 日本語 עברית 👩🏽‍🚀 𝒳 e\u0301 \u{1F1EF}\u{1F1F5} end';
export const TRICKY = 'line1\nline2\r\n\n\ndata: [DONE]\n\n{"error":{"message":"quoted"}}\u2028\u2029\ttab "q" \\ back : colon\n\nevent: x\n: comment';
export const hex = () => crypto.randomBytes(16).toString('hex');

export const GOOD = {
  // ids, names, times, counts
  requestId: () => `req_${hex()}`, errorRequestId: (id) => id, id: (prefix) => prefix + hex(), created: () => Math.floor(Date.now() / 1000), answeredModel: (model) => model,
  usage: () => ({ in: 7, out: 9 }), counts: (given) => given, wholeUsage: true, streamUsage: true, unasked: () => false, text: TEXT, streamText: (text) => text,
  // models and keys
  anyModel: () => false, notFoundModel: 404, modelCode: 'model_not_found', modelParam: true, modelsList: true, oneModel: true, decodes: true, modelsObject: 'list',
  one: (model) => model, auth: true, badKey: () => false, scheme: true, wwwAuthenticate: true, modelsKey: true, keyFirst: true,
  // routes and connections
  methods: () => 405, allow: true, notFound: 404, preflight: true, preflightNames: true, head: true, headApi: 405, headBody: false, cors: null, contentLength: 0, most: 8 << 20, continues: true, chunkedBodies: true, http10: true, kept: true, behind: '', charset: true, mediaType: 415,
  // refusals
  unchecked: [], anyBody: () => false, errorStatus: 400, brokenStatus: 400, errorUnder200: false, jsonErrors: 'json', errorObject: (error) => error, errorHead: {}, streamErrors: true, neutral: true, unknown: 'passed over', unknownStatus: 400,
  refuses: () => null, // of what must be taken
  // what has no effect
  ignored: (names) => names,
  // answers
  status: 200, nullStreams: false, wholeType: 'application/json', head200: (head) => head, conc: (limit, active) => [limit, active], done: true, paced: true, hold: false, edit: (frames) => frames, editWhole: (answer) => answer, raw: (bytes) => bytes, wholeRaw: (text) => text,
  tools: true, results: true, callId: undefined, callName: undefined, callArguments: undefined, choiceNone: true, stop: (text, stop) => text.split(stop)[0], streamStop: true, json: true, parts: true, developer: true,
  store: true, storesAll: false, echoPrevious: true, lostCode: 'previous_response_not_found', deletes: true,
  // made-up turns
  ping: 15_000, limit: 4, counted: () => true, release: true, late: 0, notices: true, failure: 'error', wholeFailure: 502, failureRetry: 'false', leak: false, cut: 'length', cutUsage: true, eof: 'length', empty: '', refused: (status) => status, retryAfter: '2', rateCode: 'rate_limit_exceeded', limitHead: true, limitCode: 'concurrency_exceeded',
  zero: false, invent: false, slow: Infinity, early: true, told: (text) => text, decode: (text) => text,
};
