// The lane as a process: `oa-stream serve` on a free port, ready when its ready file says so.
import fs from 'node:fs';
import path from 'node:path';
import { OA_BIN, ROOT, Running, cleanEnv, scratch } from './process.mjs';

/** "127.0.0.1:4711", "http://127.0.0.1:4711" or a JSON document with such a member. */
function baseOf(text) {
  const found = /(\d+\.\d+\.\d+\.\d+|localhost|\[::1\]):(\d+)/.exec(text);
  return found ? `http://${found[1]}:${found[2]}` : null;
}

export async function startLane({ authority = 'replay', args = [], env = {}, name = 'lane', folder = scratch(name), replayDir = path.join(ROOT, 'fixtures/captures'), listen = '127.0.0.1:0', pace = 'immediate' } = {}) {
  const ready = path.join(folder, 'ready');
  fs.rmSync(ready, { force: true });
  const own = authority === 'replay' ? ['--replay', replayDir, '--pace', pace] : [];
  const lane = new Running(OA_BIN, ['serve', '--listen', listen, '--ready-file', ready, '--authority', authority, ...own, ...args], {
    name,
    folder,
    cwd: folder,
    env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: path.join(folder, 'state'), ...env }),
  });
  lane.folder = folder;
  lane.stateDir = path.join(folder, 'state');
  lane.base = await lane.until(() => (fs.existsSync(ready) ? baseOf(fs.readFileSync(ready, 'utf8')) : null), 'ready file', 30000);
  return lane;
}
