// What a turn of the small server says: a fixed text, or the made-up turns of the dialect that
// docs/completions.md names, when it was started with them.
import { TRICKY, UNICODE, hex } from './good.mjs';

const SCENARIOS = ['capabilities', 'echo', 'words', 'empty', 'unicode', 'tricky', 'truncate', 'eof', 'fail-mid', 'stall', 'http-500', 'http-429', 'find', 'stats'];
const textOf = (content) => (Array.isArray(content) ? content.map((part) => part.text ?? '').join('') : content ?? '');
const list = (asked) => (typeof asked.input === 'string' ? [{ role: 'user', content: asked.input }] : asked.input ?? asked.messages ?? []);

/** The last scenario in the newest message, and everything that was told. */
function scenarioOf(asked, rule) {
  const all = list(asked), last = textOf(all.at(-1)?.content);
  const found = /scenario:([a-z0-9-]+)((?:;[a-z0-9_]+=[^;\s]*)*)/.exec(last);
  const args = Object.fromEntries((found?.[2] ?? '').split(';').filter(Boolean).map((pair) => [pair.split('=')[0], rule.decode(decodeURIComponent(pair.slice(pair.indexOf('=') + 1)))]));
  const before = all.slice(0, -1).map((one) => rule.told(textOf(one.content ?? one.output), one)).join('\n');
  return { name: found?.[1], args, told: `${asked.instructions ?? ''}\n${before}\n${rule.told(last.slice(0, found?.index), all.at(-1))}` };
}

function said(asked, rule) {
  const format = asked.response_format ?? asked.text?.format;
  let text = rule.text;
  if (rule.json && (format?.type === 'json_object' || format?.type === 'json_schema')) text = '{"a":"1"}';
  if (!asked.stream || rule.streamStop) for (const stop of [asked.stop ?? []].flat()) text = rule.stop(text, stop);
  return text;
}

const calls = (asked, rule) => (rule.tools && asked.tools?.length > 0 && (asked.tool_choice !== 'none' || !rule.choiceNone)
  ? [{ id: rule.callId ?? `call_${hex()}`, name: rule.callName ?? 'report_number', arguments: rule.callArguments ?? '{"value":5}' }] : []);

/** { text, calls, usage, finish, failed?, status?, first?, delay, stall? } */
export function turnOf(asked, rule, state) {
  const plain = { text: said(asked, rule), calls: calls(asked, rule), usage: rule.usage(asked), finish: 'stop', delay: 14 };
  if (!state.scenarios) return plain;
  const { name, args, told } = scenarioOf(asked, rule);
  if (!SCENARIOS.includes(name)) return plain;
  const n = Number(args.n ?? 3), words = Array.from({ length: n }, (_, i) => `w${i + 1}`).join(' ');
  let text = { capabilities: `scenarios: ${SCENARIOS.join(' ')}`, echo: args.text ?? 'ok', empty: rule.empty, unicode: UNICODE, tricky: TRICKY, find: told.includes(args.a + args.b) ? 'found' : 'missing', stats: `started=${state.started} interrupted=${state.interrupted} completed=${state.completed}` }[name] ?? words;
  if (name === 'unicode' || name === 'tricky') text = rule.decode(text);
  const count = { in: Number(args.in ?? 10), out: Number(args.out ?? n), cached: Number(args.cached ?? 0), reasoning: Number(args.reasoning ?? 0) };
  const turn = { text, calls: calls(asked, rule), usage: rule.counts(count, asked), finish: 'stop', delay: Number(args.delay ?? 5), first: Number(args.first ?? 0), scenario: name };
  if (args.nousage === '1' && !rule.invent) turn.usage = null;
  if (count.in === 0 && count.out === 0 && !rule.zero) turn.usage = null;
  if (name === 'truncate') turn.finish = rule.cut;
  if (name === 'eof') { turn.finish = rule.eof; if (!rule.cutUsage) turn.usage = null; if (rule.eof === 'failed') turn.failed = 'lost'; }
  if (name === 'fail-mid') turn.failed = args.msg ?? 'upstream broke';
  if (name === 'stall') { turn.stall = Number(args.ms ?? 1000); }
  if (name === 'http-500') turn.status = rule.refused(500) && 502;
  if (name === 'http-429') turn.status = rule.refused(429);
  if (turn.delay * n > rule.slow) { turn.text = 'w1 w2'; turn.finish = 'length'; }
  if (name === 'stats' || name === 'capabilities') turn.uncounted = true;
  return turn;
}
