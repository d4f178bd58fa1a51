// The runtime of the worker benchmark: the tests' own, with turns of an even pace. Each delta carries the
// moment at which it is written to the socket (CLOCK_MONOTONIC, ns).
//
//   node worker_runtime.mjs --every-ms MS          the prompt: scenario:paced;n=DELTAS
import { setTimeout as sleep } from 'node:timers/promises';
import { startFake } from '../tests/e2e/worker/fake/fake-runtime.mjs';

const every = Number(process.argv[process.argv.indexOf('--every-ms') + 1]);
const MARK = 'the moment it was sent';

const paced = {
  run: async (turn) => {
    turn.started();
    turn.open('message', 'm');
    // Turns that begin 12 a second would speak in 12 choruses of 42, whose last one waits for all others.
    const began = Date.now() + Math.random() * every;
    for (let n = 1; n <= Number(turn.p.n); ++n) {
      await sleep(began + n * every - Date.now());
      turn.delta('m', MARK);
    }
    turn.end('completed');
  },
};
const fake = await startFake({ scenarios: { paced }, dialect: 'app-server' });
/** Sets the moment just before the frame is written. */
const stamped = (frame) => {
  const params = frame?.message?.payload?.payload?.params;
  if (params?.delta === MARK) params.delta = `${process.hrtime.bigint()}`;
  return frame;
};
const add = fake.khala.sockets.add.bind(fake.khala.sockets);
fake.khala.sockets.add = (socket) => {
  const send = socket.peer.sendJson.bind(socket.peer);
  socket.peer.sendJson = (frame) => send(stamped(frame));
  return add(socket);
};
// The journal would grow without an end.
setInterval(() => { fake.log.length = 0; }, 1000).unref();
console.log(`LISTENING ${fake.port}`);
process.on('SIGTERM', () => process.exit(0));
