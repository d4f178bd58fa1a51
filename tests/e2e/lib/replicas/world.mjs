// Lanes that share a real Redis and a real Codex server with a fake model behind it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chatConfig, startCodexServer, startMock } from '../codex.mjs';
import { assertLegal, read } from '../contract.mjs';
import { chat, open, send } from '../http.mjs';
import { startLane } from '../lane.mjs';
import { limit, scratch } from '../process.mjs';
import { startRedis } from './redis.mjs';

/** {redis, mock, server, lane(name, args, {store, codex, drain, env}), release(key), endsWhole(key, …readers), end()}; `store`, `codex`: another address, another port of it. */
export async function startWorld({ codex = chatConfig, redis: with_ = {}, lease = `${limit(800)}ms`, args: common = [] } = {}) {
  const lanes = [];
  const world = { redis: await startRedis(with_), mock: await startMock() };
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

const WORDS = 'alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima. mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray. yankee zulu alpha bravo charlie delta'.split(' ');
/** An answer of `words` words that stops after five of them until release(key). */
export const held = (key, words = WORDS.length) => `scenario:text;words=${words};hold=5;key=${key}`;
export const whole = (words = WORDS.length) => WORDS.slice(0, words).join(' ');
export const heard = (x) => x.chunks.filter((c) => c?.type === 'text-delta').map((c) => c.delta).join('');
export const fifth = (x) => x.wait(() => heard(x).includes('echo'), 'the fifth word');
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
