// The worst bodies of a request: for each shape a body of about `size` bytes for a chat and for a
// chat completion, with what each of the two must be answered.

import zlib from 'node:zlib';
import { greyPng } from './png.mjs';

/** `piece(i)` over and over, up to `size` bytes. */
function fill(size, piece, glue = ',') {
  const parts = [];
  for (let i = 0, length = 0; ; ++i) {
    const next = piece(i);
    length += Buffer.byteLength(next) + glue.length;
    if (length > size) return parts.join(glue);
    parts.push(next);
  }
}
/** The same with one and the same text. */
const same = (size, text, glue = ',') => Array(Math.max(1, Math.floor(size / (Buffer.byteLength(text) + glue.length)))).fill(text).join(glue);
const many = (text) => (size) => text.repeat(Math.floor(size / Buffer.byteLength(text)));

const PROMPT = '"replay:01-echo"';
/** A good request with one more member, which the lane has no use for. */
const beside = (json) => ({
  chat: `{"x":${json},"messages":[{"role":"user","parts":[{"type":"text","text":${PROMPT}}]}]}`,
  v1: `{"x":${json},"model":"replay","messages":[{"role":"user","content":${PROMPT}}]}`,
});
/** A conversation: messages in front of the question. */
const before = (chat, v1 = chat) => ({
  chat: `{"messages":[${chat},{"role":"user","parts":[{"type":"text","text":${PROMPT}}]}]}`,
  v1: `{"model":"replay","messages":[${v1},{"role":"user","content":${PROMPT}}]}`,
});
/** The question itself. */
const asked = (parts, content = parts) => ({
  chat: `{"messages":[{"role":"user","parts":[${parts}]}]}`,
  v1: `{"model":"replay","messages":[{"role":"user","content":[${content}]}]}`,
});
const raw = (text) => ({ chat: text, v1: text });
const nested = (open, close, depth, inside = '') => open.repeat(depth) + inside + close.repeat(depth);

const OK = [200, 200];
const BAD = [400, 400];
const BIG = [413, 413];
/** The lane keeps nothing of it for a chat; a completion is read whole. */
const KEPT = [200, 413];

/** A PNG of one dot, and as many bytes behind it as are asked for. */
const DOT = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==', 'base64');
const png = (n) => `data:image/png;base64,${Buffer.concat([DOT, Buffer.alloc((3 - (DOT.length % 3)) % 3)]).toString('base64')}${'A'.repeat(n - (n % 4))}`;
/** PNGs that inflate a thousandfold, with true sums, each of some 4 KB. */
const FAR = `data:image/png;base64,${greyPng(2000, 2000, zlib.deflateSync(Buffer.alloc(2000 * 2001), { level: 9 })).toString('base64')}`;

/** name → [statuses of chat and /v1, size → {chat, v1}] */
export const SHAPES = {
  'distinct names': [BIG, (n) => beside(`{${fill(n, (i) => `"${i}":0`)}}`)],
  'one name': [BIG, (n) => beside(`{${same(n, '"a":0')}}`)],
  'empty names': [BIG, (n) => beside(`{${same(n, '"":0')}}`)],
  'names that differ at their end': [OK, (n) => beside(`{${fill(n, (i) => `"${'k'.repeat(1000)}${i}":0`)}}`)],
  'names of one length and one sum': [BIG, (n) => beside(`{${fill(n, (i) => { const s = i.toString(2).padStart(20, '0'); return `"${s}${[...s].map((c) => (c === '0' ? '1' : '0')).join('')}":0`; })}}`)],
  'names of escapes': [BIG, (n) => beside(`{${fill(n, (i) => `"\\u0061\\u00${(16 + (i % 96)).toString(16)}${i}":0`)}}`)],
  'names beyond ASCII': [BIG, (n) => beside(`{${fill(n, (i) => `"é€😀${i}":0`)}}`)],
  'names at the top': [BIG, (n) => ({ chat: `{${fill(n, (i) => `"${i}":0`)}}`, v1: `{${fill(n, (i) => `"${i}":0`)}}` })],
  'many objects of many names': [KEPT, (n) => beside(`[${same(n, `{${fill(60000, (i) => `"${i}":0`)}}`)}]`)],
  'many objects of 17 names': [KEPT, (n) => beside(`[${same(n, `{${fill(17 * 8, (i) => `"a${i}":${i}`)}}`)}]`)],
  'names twice in wanted objects': [BIG, (n) => before(same(n, '{"role":"user","id":"a","id":"b","role":"user","content":"x"}'))],
  'arrays 60 deep': [KEPT, (n) => beside(`[${same(n, nested('[', ']', 60))}]`)],
  'objects 60 deep': [KEPT, (n) => beside(`[${same(n, nested('{"a":', '}', 60, '0'))}]`)],
  'objects 60 deep with brothers': [KEPT, (n) => beside(`[${same(n, nested('{"a":', ',"b":0}', 60, '0'))}]`)],
  'arrays too deep': [BAD, (n) => raw('['.repeat(n))],
  'objects too deep': [BAD, (n) => raw(many('{"a":')(n))],
  'brackets that never match': [BAD, (n) => raw(`${many('[],')(n)}`)],
  'ones': [KEPT, (n) => beside(`[${same(n, '1')}]`)],
  'nulls': [KEPT, (n) => beside(`[${same(n, 'null')}]`)],
  'empty arrays': [KEPT, (n) => beside(`[${same(n, '[]')}]`)],
  'empty objects': [KEPT, (n) => beside(`[${same(n, '{}')}]`)],
  'empty strings': [KEPT, (n) => beside(`[${same(n, '""')}]`)],
  'an array of arrays of arrays': [KEPT, (n) => beside(`[${same(n, `[${same(1000, '[[],[]]')}]`)}]`)],
  'one string': [OK, (n) => beside(`"${'a'.repeat(n)}"`)],
  'one string of line breaks': [OK, (n) => beside(`"${many('\\n')(n)}"`)],
  'one string of \\u escapes': [OK, (n) => beside(`"${many('\\u00e9')(n)}"`)],
  'one string of surrogate pairs': [OK, (n) => beside(`"${many('\\ud83d\\ude00')(n)}"`)],
  'one string beyond ASCII': [OK, (n) => beside(`"${many('é€😀')(n)}"`)],
  'a lone surrogate at the end': [OK, (n) => beside(`"${'a'.repeat(n)}\\ud83d"`)],
  'a string that never ends': [BAD, (n) => raw(`"${'a'.repeat(n)}`)],
  'one integer': [BAD, (n) => beside('1'.repeat(n))],
  'one fraction': [OK, (n) => beside(`0.${'1'.repeat(n)}`)],
  'tiny numbers': [KEPT, (n) => beside(`[${same(n, '1.2345678901234567e-300')}]`)],
  'large integers': [KEPT, (n) => beside(`[${same(n, '9223372036854775807')}]`)],
  'a number out of range at the end': [[400, 413], (n) => beside(`[${same(n, '1')},1e400]`)],
  'spaces in front': [OK, (n) => { const { chat, v1 } = beside('0'); return { chat: ' '.repeat(n) + chat, v1: ' '.repeat(n) + v1 }; }],
  'line breaks between values': [KEPT, (n) => beside(`[${same(n, '0', ' \n\t ,\r\n ')}]`)],
  'tiny messages': [BIG, (n) => before(same(n, '{"role":"user","content":"hello"}'))],
  'small messages': [[422, 400], (n) => before(same(n, `{"role":"user","content":"${'hello '.repeat(14)}"}`))],
  'messages of 1 KB': [OK, (n) => before(same(n, `{"role":"assistant","content":"${'hello '.repeat(160)}"}`))],
  'messages of nothing': [[413, 413], (n) => before(same(n, '{}'))],
  'parts': [[200, 413], (n) => asked(same(Math.min(n, 2_000_000), '{"type":"text","text":"x"}'), same(n, '{"type":"text","text":"x"}'))],
  'parts of an earlier message': [[413, 413], (n) => before(`{"role":"user","parts":[${same(n, '{"type":"text","text":"x"}')}]}`, `{"role":"user","content":[${same(n, '{"type":"text","text":"x"}')}]}`)],
  'parts that are text': [[413, 400], (n) => asked(same(n, '"x"'), same(Math.min(n, 200_000), '"x"'))],
  'approvals': [[413, 413], (n) => before(`{"role":"assistant","parts":[${fill(n, (i) => `{"state":"approval-responded","approval":{"id":"${i}","approved":true}}`)}]}`)],
  'tool calls': [[200, 413], (n) => before(`{"role":"assistant","tool_calls":[${same(n, '{"id":"a","function":{"name":"f","arguments":"{}"}}')}]}`)],
  'instructions': [OK, (n) => before(same(n, `{"role":"system","content":"${'be good '.repeat(120)}"}`))],
  'one long question': [[422, 400], (n) => asked(`{"type":"text","text":"${'x'.repeat(n)}"}`)],
  'one large image': [OK, (n) => asked(
    `{"type":"text","text":${PROMPT}},{"type":"file","mediaType":"image/png","url":"${png(n)}"}`,
    `{"type":"text","text":${PROMPT}},{"type":"image_url","image_url":{"url":"${png(n)}"}}`,
  )],
  'images that inflate far': [OK, (n) => asked(
    `{"type":"text","text":${PROMPT}},${same(n, `{"type":"file","mediaType":"image/png","url":"${FAR}"}`)}`,
    `{"type":"text","text":${PROMPT}},${same(n, `{"type":"image_url","image_url":{"url":"${FAR}"}}`)}`,
  )],
};
