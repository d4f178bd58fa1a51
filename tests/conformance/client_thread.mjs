// runClient() on a thread of its own: node:test follows each promise of the thread that runs the tests, and every
// client makes thousands of them for one answer.
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { CLIENTS, runClient } from './ui-message-stream/lib.mjs';

let thread, last = 0;
const waiting = new Map();

/** What each of the nine clients makes of these bytes: {name: what runClient() says}. */
export function runClients(bytes, options) {
  if (!thread) {
    thread = new Worker(new URL(import.meta.url));
    thread.on('message', ({ id, seen, error }) => {
      const { done, fail } = waiting.get(id);
      waiting.delete(id);
      if (waiting.size === 0) thread.unref();
      if (error) fail(error);
      else done(seen);
    });
  }
  thread.ref();
  const id = ++last;
  thread.postMessage({ id, bytes, options });
  return new Promise((done, fail) => { waiting.set(id, { done, fail }); });
}

async function all(bytes, options) {
  const seen = {};
  for (const name of Object.keys(CLIENTS)) seen[name] = await runClient(name, bytes, options);
  return seen;
}
if (!isMainThread) {
  parentPort.on('message', ({ id, bytes, options }) => {
    all(bytes, options).then((seen) => parentPort.postMessage({ id, seen })).catch((error) => parentPort.postMessage({ id, error }));
  });
}
