// How soon the turns of a lane that was killed are settled by another one: 1,000 of them at once, streamed to as
// many clients when it dies.
import { setTimeout as sleep } from 'node:timers/promises';
import { metric } from './replicas.mjs';

const TURNS = 1000, LEASE_S = 6, GIVE_UP_S = 60;
const settled = async (lane) => await metric(lane.port, 'reaped_total') + await metric(lane.port, 'adopted_total');

/** `lane(args)`, `redis()`: start one. Seconds from the kill until the first and until the last was settled. */
export async function orphans({ lane, redis, run, client }) {
  const store = await redis();
  const url = ['--store', `redis://127.0.0.1:${store.port}`, '--limit', `lease=${LEASE_S}s`];
  const a = await lane([...url, '--replica-name', 'a']), b = await lane([...url, '--replica-name', 'b']);
  const clients = run(client, ['--port', a.port, '--prompt', 'replay:paced', '--streams', TURNS, '--per-second', 1000]);
  while (await metric(a.port, 'turns_held') < TURNS) await sleep(20);
  process.kill(a.pid, 'SIGKILL');
  const killed = performance.now();
  const seen = { turns: TURNS, lease_s: LEASE_S, first_s: null, last_s: null, settled: 0 };
  while (seen.settled < TURNS && performance.now() - killed < GIVE_UP_S * 1000) {
    await sleep(10);
    seen.settled = await settled(b);
    const now = (performance.now() - killed) / 1000;
    if (seen.settled > 0) seen.first_s ??= now;
    if (seen.settled >= TURNS) seen.last_s = now;
  }
  await clients;
  for (const one of [b, store]) await one.stop();
  return seen;
}

export function showOrphans({ turns, lease_s, first_s, last_s, settled }) {
  const s = (value) => (value === null ? 'never' : `${value.toFixed(1)} s`);
  return ['', `A lane is killed while it runs ${turns} turns (lease ${lease_s} s).`, '',
    '| what | seen | goal |', '|---|---|---|',
    `| the first of its turns is settled | ${s(first_s)} after the kill | ≤ lease + 1 s |`,
    `| from the first to the last | ${last_s === null ? `only ${settled} of ${turns}` : s(last_s - first_s)} | ≤ 10 s |`].join('\n');
}
