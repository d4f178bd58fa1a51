// What /metrics says, and what the access log says: the same indicators computed from both.
import assert from 'node:assert/strict';
import { send } from './http.mjs';

/** {name, labels, value} of every sample; throws on anything the text format 0.0.4 does not allow. */
export function parseMetrics(text) {
  assert.ok(text.endsWith('\n'), 'the last line has its end');
  const samples = [], types = new Map(), seen = new Set();
  let family = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, header, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (header === 'HELP') {
      assert.ok(!types.has(name), `${name} twice`);
      family = name;
    } else if (header === 'TYPE') {
      assert.equal(name, family);
      types.set(name, rest);
    } else {
      const found = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      assert.ok(found, `not a sample: ${line}`);
      const series = line.slice(0, line.lastIndexOf(' '));
      assert.ok(!seen.has(series), `${series} twice`);
      seen.add(series);
      const labels = Object.fromEntries([...(found[2] ?? '').matchAll(/([a-z_]+)="((?:\\.|[^"\\])*)"/g)].map(([, key, value]) => [key, value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))]));
      assert.equal(found[1].replace(types.get(family) === 'histogram' ? /_(bucket|sum|count)$/ : /$^/, ''), family);
      samples.push({ name: found[1], labels, value: Number(found[3].replace('Inf', 'Infinity')) });
    }
  }
  return samples;
}

export async function readMetrics(base, headers = {}) {
  const answer = await send(base, { path: '/metrics', headers });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return parseMetrics(answer.text);
}

const named = (samples, name, labels = {}) => {
  const all = samples.filter((s) => s.name === `oa_stream_${name}`);
  assert.ok(all.length > 0, `no series oa_stream_${name}`);
  return all.filter((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v));
};
export const total = (samples, name, labels) => named(samples, name, labels).reduce((sum, s) => sum + s.value, 0);

/** The identities that hold while no stream is open. */
export function assertAtRest(samples) {
  assert.equal(total(samples, 'active_streams'), 0, 'open streams');
  for (const { labels: { route }, value } of named(samples, 'http_request_duration_seconds_count')) {
    assert.equal(value, total(samples, 'http_requests_total', { route }), `requests and durations of ${route}`);
  }
  for (const { labels: { route }, value } of named(samples, 'bridge_accepted_total')) {
    assert.equal(total(samples, 'terminal_total', { route }), value, `terminals and accepted turns of ${route}`);
  }
}

/** One access line, JSON or logfmt, as {member: text or number}; nested members are joined by "_". */
export function parseAccessLine(line) {
  const flat = {};
  const put = (name, value) => {
    if (value !== null && typeof value === 'object') for (const [key, inner] of Object.entries(value)) put(`${name}_${key}`, inner);
    else flat[name] = value === null ? 'null' : typeof value === 'boolean' ? String(value) : value;
  };
  if (line.startsWith('{')) {
    for (const [key, value] of Object.entries(JSON.parse(line))) put(key, value);
    return flat;
  }
  for (const [, key, value] of line.matchAll(/(?:^| )([a-z_]+)=("(?:\\.|[^"\\])*"|\S*)/g)) {
    const text = value.startsWith('"') ? JSON.parse(value) : value;
    flat[key] = /^-?\d+(\.\d+)?$/.test(text) && !['thread', 'turn', 'request_id', 'owner', 'trace'].includes(key) ? Number(text) : text;
  }
  return flat;
}
export const accessLines = (text) => text.split('\n').filter((l) => /"event":"request"|event=request/.test(l)).map(parseAccessLine);

const STREAM = /^(\/api\/chat|\/api\/chat\/stream|\/api\/chats\/\{conversationId\}\/stream|\/v1\/chat\/completions|\/v1\/responses)$/;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];
const DURATION = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const FIRST_CONTENT = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function tally(pairs) {
  const out = {};
  for (const [key, value] of pairs) if (value !== 0) out[key] = (out[key] ?? 0) + value;
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
}
/** The bucket in which the quantile falls: all that a histogram can say. */
function quantile(q, bounds, cumulative) {
  const all = cumulative.at(-1);
  const rank = Math.ceil(q * all);
  return all === 0 ? null : String([...bounds, 'above'][cumulative.findIndex((n) => n >= rank)]);
}
const rate = (bad, all) => (all === 0 ? null : bad / all);

/** Begun by the request, ended well, and read to its end where it was streamed. */
const isWholeTurn = (l) => l.accepted && l.terminal === 'completed' && (l.reader ?? 'finished') === 'finished' && l.status < 500;

/** The runbook's indicators, computed from access lines alone. */
export function slisFromLog(lines) {
  const ofStreams = lines.filter((l) => STREAM.test(l.route));
  const seconds = (picked, name) => picked.filter((l) => l[name] !== undefined).map((l) => l[name] / 1000);
  const p95 = (bounds, times) => quantile(0.95, bounds, [...bounds, Infinity].map((bound) => times.filter((t) => t <= bound).length));
  const routes = [...new Set(ofStreams.map((l) => l.route))].sort();
  return {
    rejections: tally(lines.filter((l) => l.status === 426).map((l) => [l.error, 1])),
    terminals: tally(lines.filter((l) => l.terminal).map((l) => [`${l.route} ${l.terminal}`, 1])),
    requests: tally(lines.map((l) => [`${l.route} ${METHODS.includes(l.method) ? l.method : 'OTHER'} ${l.status} ${l.lane}`, 1])),
    errors5xx: rate(ofStreams.filter((l) => l.status >= 500).length, ofStreams.length),
    p95: Object.fromEntries(routes.map((route) => [route, p95(DURATION, seconds(ofStreams.filter((l) => l.route === route), 'end_ms'))])),
    p95FirstContent: Object.fromEntries(routes.map((route) => [route, p95(FIRST_CONTENT, seconds(ofStreams.filter((l) => l.route === route && l.accepted), 'first_content_ms'))])),
    p95Turns: Object.fromEntries(routes.map((route) => [route, p95(DURATION, seconds(ofStreams.filter((l) => l.route === route && isWholeTurn(l)), 'end_ms'))])),
    wholeTurns: tally(lines.filter(isWholeTurn).map((l) => [l.route, 1])),
    accepted: tally(lines.filter((l) => l.accepted).map((l) => [l.route, 1])),
    empty: lines.filter((l) => l.empty).length,
    usageUnknown: lines.filter((l) => l.usage === 'null').length,
    repairs: tally(lines.flatMap((l) => Object.entries(l).filter(([k]) => k.startsWith('repairs_')).map(([k, n]) => [k.slice(8), n]))),
  };
}

/** The same from /metrics alone. */
export function slisFromMetrics(samples) {
  for (const { labels } of named(samples, 'bridge_accepted_total')) assert.match(labels.route, STREAM); // there at 0 from the start
  const by = (name, key) => tally(named(samples, name).map((s) => [key(s.labels), s.value]));
  const requests = named(samples, 'http_requests_total');
  const all = (pick) => requests.filter((s) => STREAM.test(s.labels.route) && pick(s)).reduce((n, s) => n + s.value, 0);
  const routes = [...new Set(requests.filter((s) => STREAM.test(s.labels.route) && s.value > 0).map((s) => s.labels.route))].sort();
  const p95 = (family, bounds) => Object.fromEntries(routes.map((route) => [route, quantile(0.95, bounds, [...bounds, '+Inf'].map((le) => total(samples, `${family}_bucket`, { route, le: String(le) })))]));
  return {
    rejections: by('compat_rejected_total', (l) => l.code),
    terminals: by('terminal_total', (l) => `${l.route} ${l.class}`),
    requests: by('http_requests_total', (l) => `${l.route} ${l.method} ${l.status} ${l.lane}`),
    errors5xx: rate(all((s) => Number(s.labels.status) >= 500), all(() => true)),
    p95: p95('http_request_duration_seconds', DURATION),
    p95FirstContent: p95('first_content_seconds', FIRST_CONTENT),
    p95Turns: p95('turn_duration_seconds', DURATION),
    wholeTurns: by('turn_duration_seconds_count', (l) => l.route),
    accepted: by('bridge_accepted_total', (l) => l.route),
    empty: total(samples, 'empty_turns_total'),
    usageUnknown: total(samples, 'usage_unknown_total'),
    repairs: by('normaliser_repairs_total', (l) => l.kind),
  };
}
