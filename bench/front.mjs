// What a balancer costs: the epoll writer's streams through `oa-stream front` and through HAProxy.
import fs from 'node:fs';
import path from 'node:path';

const STREAMS = 1000;
/** Of a short answer, and of one that hides what a turn costs once. */
const DELTAS = [50, 400];
/** HAProxy says nothing when it is ready. */
export const listens = (port) => fs.readFileSync('/proc/net/tcp', 'latin1').includes(`0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`);

/** `tools`: what run.mjs has. */
export async function front(tools) {
  const rows = [];
  for (const deltas of DELTAS) rows.push(...await through(deltas, tools));
  return rows;
}

async function through(deltas, { work, start, writer, freePort, haproxy, oa, measure }) {
  const rows = [];
  const behind = await writer(deltas);
  const doors = [
    ['oa-stream front', async () => {
      const ready = path.join(work, 'front-ready');
      fs.rmSync(ready, { force: true });
      return start(oa, ['front', '--listen', '127.0.0.1:0', '--backend', `only=http://127.0.0.1:${behind.port}`, '--admin', path.join(work, 'front.sock'), '--ready-file', ready],
        () => Number(/:(\d+)/.exec((fs.existsSync(ready) ? fs.readFileSync(ready, 'utf8') : '').replace(/^https?:/, ''))?.[1] ?? 0));
    }],
    ['HAProxy', async () => {
      const port = await freePort(), file = path.join(work, 'haproxy.cfg');
      fs.writeFileSync(file, `global
  maxconn 2000
  nbthread 1
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${port}
  default_backend only
backend only
  server one 127.0.0.1:${behind.port}
`);
      return start(haproxy, ['-db', '-f', file], () => (listens(port) ? port : 0));
    }],
  ];
  for (const [name, begin] of doors) {
    const door = await begin();
    rows.push({ ...await measure(name, door, STREAMS), turn: deltas });
    await door.stop();
    console.error(`bench: ${JSON.stringify(rows.at(-1))}`);
  }
  await behind.stop();
  return rows;
}

export function showFront(rows) {
  const lines = ['', `Balancers: ${STREAMS} streams of the epoll writer through one of them, as in fan-out.`, '',
    '| balancer | deltas a turn | streams ended well | CPU per delta | RSS per stream | gap p50 / p99 / max |', '|---|---|---|---|---|---|'];
  for (const row of rows) lines.push(`| ${row.name} | ${row.turn} | ${row.good} of ${row.streams} | ${row.cpu_us_per_delta} µs | ${row.rss_kib_per_stream} KiB | ${row.gap_ms.p50} / ${row.gap_ms.p99} / ${row.gap_ms.max} ms |`);
  const ratio = (turn) => rows.filter((row) => row.turn === turn).map((row) => row.cpu_us_per_delta).reduce((own, peer) => own / peer).toFixed(2);
  return [...lines, '', `The front door spends ${DELTAS.map((turn) => `${ratio(turn)} times the CPU of HAProxy with ${turn} deltas a turn`).join(', ')}.`].join('\n');
}
