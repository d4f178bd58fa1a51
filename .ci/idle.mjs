// How long the cores of this machine idled, and a wait until they do:
//   idle.mjs SHARE PID      returns once they idled for this share of two seconds, or that process is over; exits with 1
//                           where nobody knows
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** Where others' cores are counted, too, nobody knows whether these idle. */
export const known = () => os.cpus().length === os.availableParallelism();

/** Milliseconds of all cores: those they idled, and all. */
const cores = () => os.cpus().reduce(([idled, all], { times: { user, nice, sys, idle, irq } }) => [idled + idle, all + user + nice + sys + idle + irq], [0, 0]);

function over(pid) {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
}

/** Once the cores idled for `share` of so many seconds, or the process `pid` is over: others may keep them busy. */
export async function idled(share, seconds, pid = null) {
  for (let seen = 0; seen < share && !(pid && over(pid));) {
    const [idle, all] = cores();
    await sleep(seconds * 1000, undefined, { ref: false });
    const [idleNow, allNow] = cores();
    seen = (idleNow - idle) / (allNow - all);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (!known()) process.exit(1);
  const alive = setInterval(() => {}, 1000); // the wait itself keeps no process
  await idled(Number(process.argv[2]), 2, Number(process.argv[3]));
  clearInterval(alive);
}
