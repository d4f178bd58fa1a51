// What redis-cli says, without a process for each question: a thread asks, and this one stands still until it was answered.
// A start of redis-cli takes a tenth of a second on a busy machine, in which no pipe of this process passes anything on.
import { MessageChannel, Worker, isMainThread, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { connectStore } from './resp.mjs';

const PATIENCE_MS = 60_000;
let thread;

function startThread() {
  const { port1: port, port2 } = new MessageChannel();
  const flag = new Int32Array(new SharedArrayBuffer(4));
  new Worker(new URL(import.meta.url), { workerData: { asks: port2, flag }, transferList: [port2] }).unref();
  port.unref();
  return { port, flag };
}

/** The answer of the Redis at that port, as redis-cli prints it; throws when nobody answers. */
export function askNow(to, ...words) {
  const { port, flag } = (thread ??= startThread());
  Atomics.store(flag, 0, 0);
  port.postMessage({ to, words });
  if (Atomics.wait(flag, 0, 0, PATIENCE_MS) === 'timed-out') {
    thread = undefined; // what it says later answers nobody else
    throw new Error(`${words[0]}: no answer at port ${to}`);
  }
  const { text, error } = receiveMessageOnPort(port).message;
  if (error) throw new Error(`${words[0]}: ${error}`);
  return text;
}

const printed = (reply) => (Array.isArray(reply) ? reply.map(printed).join('\n') : String(reply ?? ''));

if (!isMainThread && workerData?.asks) {
  const links = new Map();
  const ask = async (to, words) => {
    for (let tries = 1; ; ++tries) { // whoever was killed since takes a connection along
      if (links.get(to)?.closed ?? true) links.set(to, await connectStore(to));
      const reply = await links.get(to).ask(...words);
      if (reply !== null || !links.get(to).closed || tries === 2) return Buffer.from(printed(reply), 'latin1').toString().trim();
    }
  };
  workerData.asks.on('message', async ({ to, words }) => {
    const told = await ask(to, words).then((text) => ({ text }), (error) => ({ error: error.message }));
    workerData.asks.postMessage(told);
    Atomics.store(workerData.flag, 0, 1);
    Atomics.notify(workerData.flag, 0);
  });
}
