// What a worker lane costs beside a lane on a Codex of its own: as many turns at once, on one socket to Khala
// and on one pipe to the app-server; and the time that it adds to what the runtime sends.
import fs from 'node:fs';
import path from 'node:path';

// All are open together, begun no faster than Codex starts threads.
const TURNS = 500, DELTAS = 50, EVERY = 1000, BEGUN = 12, FEW = 20;

/** `tools`: what run.mjs has. */
export async function worker({ work, run, client, cpu, percentiles, stamps, codex, lane, start, floor }) {
  const rows = [];
  const measure = async (name, server, prompt, file) => {
    await run(client, ['--port', server.port, '--prompt', prompt(5), '--streams', 20, '--per-second', BEGUN]); // warm
    const before = cpu(server.pid);
    const seen = await run(client, ['--port', server.port, '--prompt', prompt(DELTAS), '--streams', TURNS, '--per-second', BEGUN, ...(file ? ['--stamps', file] : [])]);
    const used = cpu(server.pid) - before;
    rows.push({ name, good: seen.good, deltas: seen.deltas, wall_s: seen.wall_s, cpu_us_per_delta: used / seen.deltas * 1e6, gap_ms: seen.gap_ms });
    console.error(`bench: ${JSON.stringify(rows.at(-1))}`);
  };
  const own = await codex();
  await measure('codex, its own app-server', own, (deltas) => `scenario:text;words=${deltas};delay=${EVERY}`);
  await own.stop();

  const runtime = await start(process.execPath, [path.join(import.meta.dirname, 'worker_runtime.mjs'), '--every-ms', EVERY]);
  const far = await lane(['--authority', 'worker', '--worker-control', `http://127.0.0.1:${runtime.port}`, '--limit', 'worker-requests=100000'], { OA_STREAM_WORKER_TOKEN: 'control-session-token' });
  for (let tries = 0; (await fetch(`http://127.0.0.1:${far.port}/readyz`)).status !== 200; ++tries) {
    if (tries > 200) throw new Error('worker: the lane did not become ready');
    await new Promise((done) => setTimeout(done, 50));
  }
  const file = path.join(work, 'worker.stamps');
  const delayOf = () => percentiles(stamps(file).map(({ ns, text }) => Number(ns - BigInt(text)) / 1e6));
  await measure('worker, Khala (Rust wire)', far, (deltas) => `scenario:paced;n=${deltas}`, file);
  const many = delayOf();
  await run(client, ['--port', far.port, '--prompt', `scenario:paced;n=${FEW}`, '--streams', 1, '--stamps', file]);
  const one = delayOf();
  await far.stop();
  await runtime.stop();
  fs.rmSync(file, { force: true });
  return { rows, many, one, floor: { many: await floor(TURNS, FEW, EVERY, TURNS), one: await floor(1, FEW, EVERY, TURNS) } };
}

export function showWorker({ rows, many, one, floor }) {
  const lines = ['', `Worker: ${TURNS} turns at once, ${DELTAS} deltas ${EVERY} ms apart, ${BEGUN} turns begun a second. CPU of the lane alone.`, '',
    '| authority | turns ended well | took | lane CPU per delta | gap p50 / p99 / max |', '|---|---|---|---|---|'];
  for (const row of rows) lines.push(`| ${row.name} | ${row.good} of ${TURNS} | ${row.wall_s.toFixed(1)} s | ${row.cpu_us_per_delta.toFixed(1)} µs | ${row.gap_ms.p50} / ${row.gap_ms.p99} / ${row.gap_ms.max} ms |`);
  lines.push('', `The worker lane spends ${(rows[1].cpu_us_per_delta / rows[0].cpu_us_per_delta).toFixed(2)} times the CPU per delta of the lane on Codex.`, '',
    'Delay from the runtime writing an event to its frame at the client:', '', '| path | turns | deltas | p50 | p99 | max |', '|---|---|---|---|---|---|');
  for (const [name, turns, seen] of [['runtime → lane → client', TURNS, many], ['epoll writer → client (floor)', TURNS, floor.many], ['runtime → lane → client', 1, one], ['epoll writer → client (floor)', 1, floor.one]]) {
    lines.push(`| ${name} | ${turns} | ${seen.n} | ${seen.p50_ms} ms | ${seen.p99_ms} ms | ${seen.max_ms} ms |`);
  }
  return lines.join('\n');
}
