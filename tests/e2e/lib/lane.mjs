// The lane as a process: `oa-stream serve` on a free port, ready when its ready file says so.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { OA_BIN, ROOT, Running, cleanEnv, scratch } from './process.mjs';

/** "127.0.0.1:4711", "https://127.0.0.1:4711" or a JSON document with such a member. */
function baseOf(text) {
  const found = /(?:(https?):\/\/)?(\d+\.\d+\.\d+\.\d+|localhost|\[::1\]):(\d+)/.exec(text);
  return found ? `${found[1] ?? 'http'}://${found[2]}:${found[3]}` : null;
}

/** `replayDir: null`: the recordings that are built in, at their own pace. */
export async function startLane({ authority = 'replay', args = [], env = {}, name = 'lane', folder = scratch(name), replayDir = path.join(ROOT, 'fixtures/captures'), listen = '127.0.0.1:0', pace = 'immediate', wrap = [] } = {}) {
  const ready = path.join(folder, 'ready');
  fs.rmSync(ready, { force: true });
  const own = authority === 'replay' && replayDir ? ['--replay', replayDir, '--pace', pace] : [];
  // `wrap`: a program and its arguments that start the lane, such as prlimit.
  const [program, ...before] = [...wrap, OA_BIN];
  const lane = new Running(program, [...before, 'serve', '--listen', listen, '--ready-file', ready, '--authority', authority, ...own, ...args], {
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

/** What a lane has written of its requests so far. */
export const requestLines = (lane) => lane.stderr.split('\n').filter((l) => l.includes('"event":"request"')).map((l) => JSON.parse(l));

/** A line of a token file; `rest`: 'owner=NAME', and what else it says. */
export const tokenLine = (token, rest) => `sha256:${crypto.createHash('sha256').update(token).digest('hex')} ${rest}\n`;
/** A token file; each owner's token is tok-OWNER. */
export function tokensOf(owners, file = path.join(scratch('tokens'), 'tokens')) {
  fs.writeFileSync(file, owners.map((owner) => tokenLine(`tok-${owner}`, `owner=${owner}`)).join(''), { mode: 0o600 });
  return file;
}
/** The header of that owner's requests. */
export const as = (owner) => ({ authorization: `Bearer tok-${owner}` });
