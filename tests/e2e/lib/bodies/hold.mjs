// How long a lane holds its loop: a thread of its own asks /healthz over and over, so that this
// process's own work is not counted.
import fs from 'node:fs';
import http from 'node:http';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

export class HoldProbe {
  constructor(base) {
    this.worker = new Worker(new URL(import.meta.url), { workerData: { base } });
  }
  ask(word) {
    return new Promise((done) => {
      this.worker.once('message', done);
      this.worker.postMessage(word);
    });
  }
  /** Forgets what was seen; a probe that is under way counts from now on. */
  begin() { return this.ask('begin'); }
  /** {worst, count}: the longest answer since begin() in ms, that of a probe under way included. */
  seen() { return this.ask('seen'); }
  end() { return this.worker.terminate(); }
}

/** CPU of the loop's thread so far, in ms (Linux). */
const cpuOf = (lane) => Number(fs.readFileSync(`/proc/${lane.pid}/task/${lane.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
/**
 * How long that request held the loop: what /healthz waited at worst. On a busy machine the loop also
 * waits for a core, so it is never more than all CPU that its thread used meanwhile.
 */
export async function hold(lane, probe, ask) {
  await probe.begin();
  const before = cpuOf(lane);
  const answer = await ask();
  const { worst } = await probe.seen();
  return { answer, ms: Math.min(worst, cpuOf(lane) - before) };
}

if (!isMainThread && workerData?.base) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let began = performance.now();
  let since = began;
  let worst = 0;
  let count = 0;
  const waited = () => performance.now() - Math.max(began, since);
  const probe = () => {
    began = performance.now();
    const next = () => {
      worst = Math.max(worst, waited());
      count += 1;
      setTimeout(probe, 1);
    };
    http.get(`${workerData.base}/healthz`, { agent }, (answer) => {
      answer.resume();
      answer.on('end', next);
    }).on('error', () => setTimeout(probe, 1));
  };
  parentPort.on('message', (word) => {
    if (word === 'begin') {
      since = performance.now();
      worst = 0;
      count = 0;
    }
    parentPort.postMessage({ worst: Math.max(worst, waited()), count });
  });
  probe();
}
