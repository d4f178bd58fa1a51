// What the store keeps of turns, judged by itself, by what clients heard and by what the lanes counted.
import { accessLines, readMetrics, total } from '../lib/metrics.mjs';

/** Its entries: {fence, end, b: frames, e: outcome, x: session that goes on, h: head}. */
export async function readLog(store, turn) {
  return (await store.ask('XRANGE', `oa:l:${turn}`, '-', '+')).map(([id, fields]) => {
    const [fence, end] = id.split('-').map(Number);
    return { fence, end, ...Object.fromEntries(fields.flatMap((name, i) => (i % 2 ? [] : [[name, fields[i + 1]]]))) };
  });
}
export const bytesOf = (entries) => entries.map((one) => one.b ?? '').join('');
export const outcomeOf = (entries) => (entries.at(-1)?.e ? JSON.parse(entries.at(-1).e).outcome : null);
/** A whole answer as its client heard it, without the comments that keep a connection awake. */
export const heardBytes = (body) => body.toString('latin1').replace(/(?<=^|\n\n):[^\n]*\n\n/g, '');

/** What is wrong in a log by itself; `earlier`: as it was before. */
export function wrongInLog(entries, earlier = []) {
  const wrong = [];
  let end = 0, fence = 0;
  for (const [i, one] of entries.entries()) {
    if (one.fence < fence) wrong.push(`fence ${one.fence} behind ${fence}`);
    if (one.end !== end + (one.b ?? '').length) wrong.push(`entry ${one.fence}-${one.end} of ${(one.b ?? '').length} bytes behind ${end}`);
    if (one.b && !one.b.endsWith('\n\n')) wrong.push(`entry ${one.fence}-${one.end} ends within a frame`);
    if (one.e && i + 1 < entries.length) wrong.push(`${entries.length - i - 1} entries behind its end`);
    if (i > 0 && one.fence > fence && !one.x && !one.e) wrong.push(`fence ${one.fence} without a taker`);
    [fence, end] = [one.fence, one.end];
  }
  if (entries.length > 0 && entries[0].h === undefined) wrong.push('no head');
  for (const [i, one] of earlier.entries()) if (JSON.stringify(one) !== JSON.stringify(entries[i])) wrong.push(`entry ${one.fence}-${one.end} was there and is not, or is another`);
  return wrong;
}

/** What a lane has counted so far. */
export async function countsOf(lane) {
  const samples = await readMetrics(lane.base);
  const accepted = total(samples, 'bridge_accepted_total');
  const joined = total(samples, 'terminal_total', { route: '/api/chat/stream' }); // by whoever resumes a turn that is nobody's
  return { accepted, joined, ended: total(samples, 'terminal_total'), unsettled: total(samples, 'store_unsettled_ends_total') };
}
/** Which lane says so in its log, by turn. */
const saidBy = (lanes, turnsOf) => new Map(lanes.flatMap((lane) => turnsOf(lane).map((turn) => [turn, lane.name])));
const acceptedBy = (lane) => accessLines(lane.stdout + lane.stderr).filter((line) => line.accepted === 'true').map((line) => line.turn);
const settledBy = (lane) => lane.stderr.split('\n').filter((line) => line.includes('"turn_settled"')).map((line) => JSON.parse(line).turn);

/**
 * What the lanes' sums do not have of the ends in the logs, or have more. A lane that lives has counted each turn that it
 * ended; besides, at most those whose end it told while the store was silent, as another one may have ended them there,
 * and those that a resume joined, which no request started.
 * Of a lane that was killed only what it had counted shortly before (`counted`) is known, and so of all lanes together only
 * that they have not counted more than there is. `logs`: all logs, by turn. {wrong, unsettled}: of all lanes.
 */
export async function wrongInCounts(lanes, logs) {
  const wrong = [];
  const starters = saidBy(lanes, acceptedBy), settlers = saidBy(lanes, settledBy);
  const enderOf = (turn, entries) => {
    const last = entries.at(-1);
    const taken = entries.find((one) => one.x && one.fence === last.fence);
    return taken ? taken.x.split('.')[0] : (entries[0].fence === last.fence ? starters : settlers).get(turn);
  };
  const enders = [...logs].filter(([, entries]) => entries.at(-1).e).map(([turn, entries]) => enderOf(turn, entries));
  const sums = { ended: 0, unsettled: 0, joined: 0 };
  for (const lane of lanes) {
    const seen = lane.counted ?? await countsOf(lane);
    for (const name of Object.keys(sums)) sums[name] += seen[name];
    if (lane.counted) continue;
    const ended = enders.filter((one) => one === lane.name).length;
    if (seen.ended < ended || seen.ended > ended + seen.unsettled + seen.joined) wrong.push(`${lane.name} counted ${seen.ended} ends, and ${seen.unsettled} unsettled and ${seen.joined} joined ones; its logs have ${ended}`);
    const accepted = acceptedBy(lane).filter((turn) => logs.has(turn)).length;
    if (seen.accepted !== accepted) wrong.push(`${lane.name} counted ${seen.accepted} turns; of those it told of, ${accepted} have logs`);
  }
  if (sums.ended > logs.size + sums.unsettled + sums.joined) wrong.push(`all lanes counted ${sums.ended} ends of ${logs.size} turns, ${sums.unsettled} unsettled and ${sums.joined} joined ones`);
  return { wrong, unsettled: sums.unsettled };
}
