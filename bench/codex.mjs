// What a lane costs on the real Codex: the same turns through the lane and through one written on node with `ai`,
// each with an app-server of its own. CPU of the lane alone, and of Codex beside it.
const TURNS = 100, DELTAS = 200, EVERY = 100, BEGUN = 10;

/** `tools`: what run.mjs has. */
export async function codex({ run, client, cpu, children, ours, node }) {
  const rows = [];
  for (const [name, begin] of [['oa-stream lane', ours], ['node, ai 7', node]]) {
    const server = await begin();
    const prompt = (deltas) => `scenario:text;words=${deltas};delay=${EVERY}`;
    await run(client, ['--port', server.port, '--prompt', prompt(5), '--streams', 20, '--per-second', BEGUN]); // warm
    const [child] = children(server.pid);
    const before = [cpu(server.pid), cpu(child)];
    const seen = await run(client, ['--port', server.port, '--prompt', prompt(DELTAS), '--streams', TURNS, '--per-second', BEGUN]);
    const [own, far] = [cpu(server.pid) - before[0], cpu(child) - before[1]].map((used) => used / seen.deltas * 1e6);
    await server.stop();
    rows.push({ name, good: seen.good, deltas: seen.deltas, cpu_us_per_delta: own, codex_us_per_delta: far, gap_ms: seen.gap_ms });
    console.error(`bench: ${JSON.stringify(rows.at(-1))}`);
  }
  return rows;
}

export function showCodex(rows) {
  const lines = ['', `On the real Codex: ${TURNS} turns, ${DELTAS} deltas ${EVERY} ms apart, ${BEGUN} turns begun a second. Starts and ends of the turns are in the figures.`, '',
    '| lane | turns ended well | its CPU per delta | CPU of Codex per delta | gap p50 / p99 / max |', '|---|---|---|---|---|'];
  for (const row of rows) lines.push(`| ${row.name} | ${row.good} of ${TURNS} | ${row.cpu_us_per_delta.toFixed(1)} µs | ${row.codex_us_per_delta.toFixed(0)} µs | ${row.gap_ms.p50} / ${row.gap_ms.p99} / ${row.gap_ms.max} ms |`);
  return [...lines, '', `The lane spends 1/${(rows[1].cpu_us_per_delta / rows[0].cpu_us_per_delta).toFixed(1)} of what node spends.`].join('\n');
}
