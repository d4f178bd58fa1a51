// A Codex lane on a disk of its own that a test can fill: its state folder is a tmpfs of a mount namespace, with a user
// namespace where we are not root.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startCodexLane } from './codex.mjs';
import { cleanEnv, scratch } from './process.mjs';

const NAMESPACE = ['unshare', process.getuid() === 0 ? '-m' : '-Urm', '--propagation', 'private'];
/** Whether the kernel allows a mount here. */
export const mayMount = () => spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

/** test() of what needs such a disk; where the kernel allows no mount, it is left out, and said so. */
export function testOnSmallDisk() {
  const runs = mayMount();
  return (name, ...how) => (runs ? test(name, ...how) : console.error(`not here, no mount is allowed: ${name}`));
}

/** What `sh` says of `script` where /mnt is a disk of so many kB. */
export const onSmallDisk = (kilobytes, script, args) => spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'sh', '-c', `mount -t tmpfs -o size=${kilobytes}k none /mnt && ${script}`, 'sh', ...args], { encoding: 'utf8', env: cleanEnv() });

/** Starts what comes after it where `folder` is a disk of `size`; others see that below /proc/PID/root. */
export const wrapOnSmallDisk = (folder, size) => [
  ...NAMESPACE,
  'sh', '-c', `mount -t tmpfs -o size=${size} none "$1" && shift && exec "$@"`, 'sh', folder,
];

/** Leaves so many bytes of that disk; what it returns makes room again. */
export function fillDisk(disk, leave) {
  const free = () => { const s = fs.statfsSync(disk); return s.bavail * s.bsize; };
  const filler = path.join(disk, 'filler');
  const fd = fs.openSync(filler, 'w');
  const block = Buffer.alloc(4096);
  while (free() > leave) { try { fs.writeSync(fd, block); } catch { break; } }
  fs.closeSync(fd);
  return () => fs.unlinkSync(filler);
}

/** `how`: of startCodexLane. The lane has fill(leave), of so many bytes, and empty() besides. */
export async function startOnSmallDisk(name, megabytes, how) {
  const folder = scratch(name);
  const state = path.join(folder, 'state');
  fs.mkdirSync(state, { recursive: true });
  const lane = await startCodexLane({ folder, wrap: wrapOnSmallDisk(state, `${megabytes}m`), ...how });
  const disk = `/proc/${lane.pid}/root${state}`;
  assert.equal(execFileSync('stat', ['-f', '-c', '%T', disk]).toString().trim(), 'tmpfs');
  lane.fill = (leave) => { lane.empty = fillDisk(disk, leave); };
  return lane;
}
