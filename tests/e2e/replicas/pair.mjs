// Two lanes on one store, each behind a pipe of its own that can be cut or delayed.
import { send } from '../lib/http.mjs';
import { limit, sleep } from '../lib/process.mjs';
import { startPipe } from './pipe.mjs';
import { startWorld } from './world.mjs';

/** {world, pipeA, pipeB, a, b, end()}; `with_` goes to startWorld. */
export async function startPair(with_ = {}) {
  const world = await startWorld({ args: ['--limit', 'store-wait=400ms'], ...with_ });
  const [pipeA, pipeB] = [await startPipe(world.redis.port), await startPipe(world.redis.port)];
  const [a, b] = [await world.lane('a', [], { store: pipeA.url }), await world.lane('b', [], { store: pipeB.url })];
  const end = async () => {
    await world.end();
    pipeA.stop();
    pipeB.stop();
  };
  return { world, pipeA, pipeB, a, b, end };
}
export const ready = (lane) => lane.until(async () => (await send(lane.base, { path: '/readyz' })).status === 200, 'readiness');
/** The last answer to `ask`: the first one that is `ok`, or what came after `ms`. */
export async function again(ask, ok = (x) => x.status === 200, ms = 10000) {
  for (const end = Date.now() + limit(ms); ; await sleep(50)) {
    const x = await ask();
    if (ok(x) || Date.now() > end) return x;
  }
}
