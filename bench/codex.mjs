// What a lane costs on the real Codex: the same turns through the lane and through one written on node with `ai`,
// each with an app-server of its own; and through lanes on a Codex server, alone and as one of several that share a
// store. CPU of the lane alone, and of Codex beside it.
const TURNS = 100, DELTAS = 200, EVERY = 100, BEGUN = 10;
const NAMES = { lane: 'oa-stream lane', node: 'node, ai 7', alone: 'oa-stream lane on a Codex server', replica: '… with a store on a unix socket' };

/** `servers`: by the keys of NAMES, how to start {pid, port, codex: its pid, stop()}. The rest: what run.mjs has. */
export async function codex({ run, client, cpu, servers }) {
  const rows = {};
  for (const [key, begin] of Object.entries(servers)) {
    const server = await begin();
    const prompt = (deltas) => `scenario:text;words=${deltas};delay=${EVERY}`;
    await run(client, ['--port', server.port, '--prompt', prompt(5), '--streams', 20, '--per-second', BEGUN]); // warm
    const before = [cpu(server.pid), cpu(server.codex)];
    const seen = await run(client, ['--port', server.port, '--prompt', prompt(DELTAS), '--streams', TURNS, '--per-second', BEGUN]);
    const [own, far] = [cpu(server.pid) - before[0], cpu(server.codex) - before[1]].map((used) => used / seen.deltas * 1e6);
    await server.stop();
    rows[key] = { good: seen.good, deltas: seen.deltas, cpu_us_per_delta: own, codex_us_per_delta: far, gap_ms: seen.gap_ms };
    console.error(`bench: ${JSON.stringify({ name: NAMES[key], ...rows[key] })}`);
  }
  return rows;
}

export function showCodex(rows) {
  const lines = ['', `On the real Codex: ${TURNS} turns, ${DELTAS} deltas ${EVERY} ms apart, ${BEGUN} turns begun a second. Starts and ends of the turns are in the figures.`, '',
    '| lane | turns ended well | its CPU per delta | CPU of Codex per delta | gap p50 / p99 / max |', '|---|---|---|---|---|'];
  for (const [key, row] of Object.entries(rows)) lines.push(`| ${NAMES[key]} | ${row.good} of ${TURNS} | ${row.cpu_us_per_delta.toFixed(1)} µs | ${row.codex_us_per_delta.toFixed(0)} µs | ${row.gap_ms.p50} / ${row.gap_ms.p99} / ${row.gap_ms.max} ms |`);
  const used = (key) => rows[key].cpu_us_per_delta;
  return [...lines, '', `The lane spends 1/${(used('node') / used('lane')).toFixed(1)} of what node spends.`,
    `With a store a lane spends ${(used('replica') / used('alone')).toFixed(2)} times as much as without: two on one machine carry ${(2 * used('alone') / used('replica')).toFixed(2)} times the load of one alone.`].join('\n');
}
