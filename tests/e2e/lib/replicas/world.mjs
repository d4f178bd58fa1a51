// Lanes that share a real Redis and a real Codex server with a fake model behind it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chatConfig, fifth, held, startCodexServer, startMock, whole } from '../codex.mjs';
import { assertLegal, read } from '../contract.mjs';
import { chat, heard, open, send } from '../http.mjs';
import { startLane } from '../lane.mjs';
import { limit, scratch } from '../process.mjs';
import { startRedis } from './redis.mjs';

export { fifth, heard, held, whole };

/** {redis, mock, server, lanes, lane(name, args, {store, codex, drain, env}), release(key), endsWhole(key, …readers), end()}; `store`, `codex`: another address, another port of it. */
export async function startWorld({ codex = chatConfig, redis: with_ = {}, lease = `${limit(1500)}ms`, args: common = [] } = {}) {
  const lanes = [];
  const world = { lanes, redis: await startRedis(with_), mock: await startMock() };
  const config = path.join(scratch('replicas-config'), 'config.toml');
  fs.writeFileSync(config, codex(world.mock.port));
  world.server = await startCodexServer({ config: codex, mockPort: world.mock.port });
  world.lane = async (name, args = [], { store = world.redis.url, codex: port = world.server.port, drain = '500ms', env = {} } = {}) => {
    const one = await startLane({
      authority: 'codex',
      name,
      env,
      args: ['--codex-server', `0=ws://127.0.0.1:${port}`, '--codex-token', `file:${world.server.tokenFile}`, '--codex-config', config, '--model', 'mock-model', '--store', store, '--replica-name', name, '--limit', `lease=${lease}`, '--drain-timeout', drain, ...common, ...args],
    });
    lanes.push(one);
    return one;
  };
  world.release = world.mock.release;
  /** The held turn goes on, and each of its readers hears all of it. */
  world.endsWhole = async (key, ...readers) => {
    await world.release(key);
    for (const [n, x] of readers.entries()) {
      await x.done;
      assert.equal(x.broken, null, `reader ${n + 1} of ${readers.length}`);
      assertLegal(x);
      assert.deepEqual(read(x).texts, [whole()], `reader ${n + 1} of ${readers.length}`);
    }
  };
  world.end = async () => {
    for (const one of lanes) if (one.exit === undefined) assert.equal((await one.stop()).code, 0);
    await world.server.kill();
    await world.mock.stop();
    await world.redis.kill();
  };
  return world;
}

/** A turn of this lane that has said five words. */
export async function begun(lane, id, how = '') {
  const first = chat(lane.base, held(id) + how, { id });
  await fifth(first);
  return first;
}
export const resume = (lane, id, headers = {}) => open(lane.base, { path: `/api/chat/${id}/stream`, headers });
/** One series, or, by a name without labels, what all of that name are together. */
export const metric = async (lane, name) => {
  const series = name.includes('{') ? name.replace(/[{}"]/g, '\\$&') : `${name}(?:\\{[^}]*\\})?`;
  const seen = [...(await send(lane.base, { path: '/metrics' })).text.matchAll(new RegExp(`^oa_stream_${series} (\\S+)`, 'mg'))];
  return seen.length ? seen.reduce((sum, [, value]) => sum + Number(value), 0) : NaN;
};
