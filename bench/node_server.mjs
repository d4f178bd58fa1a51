// The AI SDK's own server side doing the same paced work: createUIMessageStream piped to a plain
// node:http response. No model, no contract check, no turn behind it.
//
//   node node_server.mjs [--deltas 50] [--every-ms 50]      prints "LISTENING <port>"
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createUIMessageStream, pipeUIMessageStreamToResponse } from 'ai';

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const DELTAS = option('deltas', 50);
const EVERY = option('every-ms', 50);

async function execute({ writer }) {
  writer.write({ type: 'start', messageId: 'm1' });
  writer.write({ type: 'start-step' });
  writer.write({ type: 'text-start', id: 't1' });
  // Due times, not pauses: a busy process catches up instead of making less work of it.
  const begin = performance.now();
  for (let n = 1; n <= DELTAS; n++) {
    const wait = begin + n * EVERY - performance.now();
    if (wait > 0) await sleep(wait);
    writer.write({ type: 'text-delta', id: 't1', delta: 'lorem ipsum ' });
  }
  writer.write({ type: 'text-end', id: 't1' });
  writer.write({ type: 'finish-step' });
  writer.write({ type: 'finish', messageMetadata: { status: 'completed' } });
}

const server = http.createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.socket.setNoDelay(true);
    pipeUIMessageStreamToResponse({ response, stream: createUIMessageStream({ execute }) });
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(`LISTENING ${server.address().port}`));
