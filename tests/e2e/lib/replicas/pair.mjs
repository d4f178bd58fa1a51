// Two lanes on one store, each behind a pipe of its own that can be cut or delayed.
import { send } from '../http.mjs';
import { limit, sleep } from '../process.mjs';
import { startPipe } from './pipe.mjs';
import { startWorld } from './world.mjs';

/** {world, pipeA, pipeB, a, b, end()}; `with_` goes to startWorld. */
export async function startPair(with_ = {}) {
  const world = await startWorld({ lease: `${limit(3000)}ms`, args: ['--limit', `store-wait=${limit(1000)}ms`], ...with_ });
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

/** Commands of lanes are told apart by how many parts they have, and by what they hold. */
export const script = (parts, id) => (text) => text.includes(`*${parts}\r\n$7\r\nEVALSHA`) && text.includes(`oa:t:/${id}\r\n`);
/** A lane that dies when it says to the store what `point` matches; `what` of it is lost. It stands still from that moment on. */
export async function dying(world, name, args = [], options = {}) {
  const pipe = await startPipe(world.redis.port);
  const lane = await world.lane(name, args, { store: pipe.url, ...options });
  lane.dieAt = async (point, what) => {
    let lost = false;
    pipe.fault = (text) => {
      if (!point(text)) return false;
      lost = true;
      lane.signal('SIGSTOP');
      return what;
    };
    await lane.until(() => lost, 'the step');
    world.redis.cli('PING'); // what came through before is stored
    await lane.kill();
    pipe.stop();
  };
  return lane;
}
export const users = async (lane, id) => (await send(lane.base, { path: `/api/chats/${id}/messages` })).text.split('"role":"user"').length - 1;
