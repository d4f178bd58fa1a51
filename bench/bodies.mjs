// Large request bodies: what they cost a server, and how long they keep it from everybody else.
import http from 'node:http';
import { HoldProbe } from '../tests/e2e/lib/bodies/hold.mjs';
import { SHAPES } from '../tests/e2e/lib/bodies/shapes.mjs';

const MIB = 1 << 20;
const ROUNDS = 5;
const text = (n) => `"${'hello '.repeat(n)}"`;
const part = (n) => `"parts":[{"type":"text","text":${text(n)}}]`;
/** A page's own history, as \`ai\` sends it. */
const history = (size) => {
  const pair = `{"id":"u","role":"user",${part(20)}},{"id":"a","role":"assistant",${part(300)}},`;
  return `{"id":"bench","messages":[${pair.repeat(Math.floor(size / pair.length))}{"id":"u","role":"user","parts":[{"type":"text","text":"replay:01-echo"}]}]}`;
};
const shape = (name) => (size) => SHAPES[name][1](size).chat;
const BODIES = [
  ['a history of 64 KiB', 64 << 10, history],
  ['a history of 1 MiB', MIB, history],
  ['a history of 8 MiB', 8 * MIB - 4096, history],
  ['50,000 names', 393_000, shape('distinct names')],
  ['8 MiB of names', 8 * MIB - 4096, shape('distinct names')],
  ['8 MiB of small messages', 8 * MIB - 4096, shape('small messages')],
  ['8 MiB of empty arrays', 8 * MIB - 4096, shape('empty arrays')],
  ['8 MiB of \\u escapes', 8 * MIB - 4096, shape('one string of \\u escapes')],
];

function post(port, path, body) {
  return new Promise((done, failed) => {
    const request = http.request({ port, host: '127.0.0.1', method: 'POST', path, agent: false, headers: { 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
      response.resume();
      response.on('end', () => done(response.statusCode));
    });
    request.on('error', failed);
    request.end(body);
  });
}

/** The longest wait of /healthz beside the body, and the server's CPU, each the least of some rounds. */
async function cost(server, cpu, path, body) {
  const probe = new HoldProbe(`http://127.0.0.1:${server.port}`);
  let held = Infinity, status;
  await post(server.port, path, body); // warm
  const before = cpu(server.pid);
  for (let round = 0; round < ROUNDS; ++round) {
    await probe.begin();
    status = await post(server.port, path, body);
    held = Math.min(held, (await probe.seen()).worst);
  }
  const used = (cpu(server.pid) - before) / ROUNDS * 1e3;
  await probe.end();
  return { status, held_ms: held, cpu_ms: used };
}

export async function bodies({ lane, node, cpu }) {
  const rows = [];
  for (const [name, size, make] of BODIES) {
    const body = Buffer.from(make(size));
    const row = { name, mib: body.length / MIB };
    for (const [which, begin, path] of [['lane', lane, '/api/chat/stream'], ['node', node, '/']]) {
      const server = await begin();
      row[which] = await cost(server, cpu, path, body);
      await server.stop();
    }
    rows.push(row);
    console.error(`bench: ${JSON.stringify(row)}`);
  }
  return rows;
}

export function showBodies(rows) {
  const ms = (value) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  const ratio = (a, b) => (a > 0 && b > 0 ? (a / b).toPrecision(2) : '–');
  return ['', `Request bodies: the longest that /healthz waited beside each (the least of ${ROUNDS} rounds), and the server's CPU, /healthz's included. node does JSON.parse and convertToModelMessages of \`ai\`.`, '',
    '| body | MiB | lane answers | lane holds | node answers | node holds | node ÷ lane | lane CPU | node CPU |', '|---|---|---|---|---|---|---|---|---|',
    ...rows.map(({ name, mib, lane, node }) => `| ${name} | ${mib.toFixed(2)} | ${lane.status} | ${ms(lane.held_ms)} ms | ${node.status} | ${ms(node.held_ms)} ms | ${ratio(node.held_ms, lane.held_ms)} | ${ms(lane.cpu_ms)} ms | ${ms(node.cpu_ms)} ms |`)].join('\n');
}
