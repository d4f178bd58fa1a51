// The traffic machineries of the crash tests, each with two real lanes behind it.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free_port.mjs';
import { startLane } from '../lane.mjs';
import { secondRevision, startFront } from '../local_target.mjs';
import { Running, cleanEnv, scratch } from '../process.mjs';
import { binary } from '../proxies.mjs';
import { startCloudRun } from './cloud_run.mjs';
import { shortCutover } from './crash.mjs';

/** `shared`: one lane under both names, so that conversations go on over a cutover. */
async function twoLanes({ canaryArgs = [], shared = false } = {}) {
  if (shared) {
    const stable = await startLane({ name: 'stable', args: ['--revision', 'stable'] });
    const canary = await secondRevision(stable.base, { name: 'canary' });
    return { stable, canary, stop: async () => { await canary.stop(); await stable.stop(); } };
  }
  const [stable, canary] = await Promise.all(['stable', 'canary'].map((name) => startLane({ name, args: ['--revision', name, ...(name === 'canary' ? canaryArgs : [])] })));
  return { stable, canary, stop: () => Promise.all([stable.stop(), canary.stop()]) };
}

const frontOf = (lanes) => startFront(['--backend', `stable=${lanes.stable.base}`, '--backend', `canary=${lanes.canary.base}`, '--weights', 'stable=100,canary=0']);

const sharesOf = (weights) => {
  const sum = Object.values(weights).reduce((a, b) => a + b, 0);
  return Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, (100 * weight) / sum]));
};

export async function localRig(how) {
  const lanes = await twoLanes(how), front = await frontOf(lanes);
  return {
    name: 'local',
    lanes,
    peers: [`unix:${front.socket}`],
    playbook: shortCutover(['driver: local', `socket: ${front.socket}`, `base_url: "${front.base}"`, 'stable: stable', 'canary: canary'], front.base),
    state: async () => {
      const exact = await front.weights();
      return { split: sharesOf(exact), exact };
    },
    others: front.setWeights,
    stop: async () => { await front.stop(); await lanes.stop(); },
  };
}

/** The operator's own program: it moves the local front door. */
const PROGRAM = fileURLToPath(new URL('split.sh', import.meta.url));

export async function commandRig(how) {
  const lanes = await twoLanes(how), front = await frontOf(lanes);
  const words = (call) => `${call}: ["${PROGRAM}"]`;
  return {
    name: 'command',
    lanes,
    peers: [],
    playbook: shortCutover(['driver: command', `endpoint: ${front.socket}`, words('read'), words('set'), 'stable: stable', 'canary: canary'], front.base),
    state: async () => {
      const exact = await front.weights();
      return { split: sharesOf(exact), exact };
    },
    others: front.setWeights,
    stop: async () => { await front.stop(); await lanes.stop(); },
  };
}

/** One command to HAProxy's stats socket. */
export const runtime = (socketPath, command) => new Promise((done, fail) => {
  let text = '';
  const socket = net.connect(socketPath, () => socket.write(`${command}\n`));
  socket.on('data', (bytes) => { text += bytes; }).on('end', () => done(text)).on('error', fail);
});

/** A socat that knows `socat stdio PATH` alone, for machines without one; its folder. */
function socat() {
  const folder = scratch('socat');
  fs.writeFileSync(path.join(folder, 'socat'), `#!${process.execPath}
const [, , stdio, address] = process.argv;
if (stdio !== 'stdio') throw new Error('unknown: ' + process.argv.join(' '));
const socket = require('node:net').connect(address);
process.stdin.pipe(socket).pipe(process.stdout);
`, { mode: 0o755 });
  return folder;
}

export async function haproxyRig(how) {
  const lanes = await twoLanes(how), folder = scratch('haproxy'), port = await freePort(), socket = path.join(folder, 's');
  const server = (name) => `  server ${name} ${new URL(lanes[name].base).host} weight 100`;
  fs.writeFileSync(path.join(folder, 'haproxy.cfg'), `global
  stats socket ${socket} mode 600 level admin
defaults
  mode http
  option http-no-delay
  timeout connect 3s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:${port}
  default_backend chat
backend chat
  balance roundrobin
  default-server check inter 500ms
${server('stable')}
${server('canary')}
`);
  const proxy = new Running(binary('haproxy'), ['-db', '-f', path.join(folder, 'haproxy.cfg')], { name: 'haproxy', folder, env: cleanEnv() });
  // Its socket is there before it listens.
  await proxy.until(() => runtime(socket, 'show info').then((told) => told.includes('\nPid: '), () => false), 'an answer of the stats socket');
  await runtime(socket, 'set server chat/canary weight 0');
  const rows = async () => (await runtime(socket, 'show servers state chat')).split('\n').slice(2).filter(Boolean).map((line) => line.split(' '));
  return {
    name: 'haproxy',
    lanes,
    peers: [`unix:${socket}`],
    program: socat(),
    playbook: shortCutover(['driver: haproxy', `socket: ${socket}`, 'backend: chat', 'stable: stable', 'canary: canary'], `http://127.0.0.1:${port}`),
    state: async () => {
      const exact = Object.fromEntries((await rows()).map((row) => [row[3], { weight: Number(row[7]), admin: Number(row[6]) }]));
      return { split: sharesOf(Object.fromEntries(Object.entries(exact).map(([name, { weight }]) => [name, weight]))), exact };
    },
    others: async (weights) => { for (const [name, weight] of Object.entries(weights)) await runtime(socket, `set server chat/${name} weight ${weight}`); },
    stop: async () => { await proxy.stop(); await lanes.stop(); },
  };
}

const trafficOf = (shares) => Object.entries(shares).map(([revision, percent]) => ({ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision, percent }));

/** A gcloud that knows one command and tells it to the fake; its folder. */
function gcloudFor(cloud) {
  const folder = scratch('gcloud'), { project, region, service } = cloud.place;
  fs.writeFileSync(path.join(folder, 'gcloud'), `#!${process.execPath}
const words = process.argv.slice(2);
const known = ['run', 'services', 'update-traffic', ${JSON.stringify(service)}, '--project', ${JSON.stringify(project)}, '--region', ${JSON.stringify(region)}, '--to-revisions'];
if (words.length !== known.length + 1 || known.some((word, i) => words[i] !== word)) throw new Error('unknown: ' + words.join(' '));
const traffic = words.at(-1).split(',').map((pair) => pair.split('=')).map(([revision, percent]) => (
  { type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision, percent: Number(percent) }));
fetch(${JSON.stringify(`${cloud.endpoint}/_fake/arrange`)}, { method: 'POST', body: JSON.stringify({ traffic }) })
  .then((answer) => { process.exitCode = answer.ok ? 0 : 1; });
`, { mode: 0o755 });
  return folder;
}

export async function cloudRunRig(how) {
  const lanes = await twoLanes(how), cloud = await startCloudRun({ stable: lanes.stable.base, canary: lanes.canary.base });
  const place = Object.entries(cloud.place).map(([key, value]) => `${key}: ${value}`);
  return {
    name: 'cloud-run',
    peers: [new URL(cloud.endpoint).host],
    env: cloud.env,
    playbook: shortCutover(['driver: cloud-run', `endpoint: "${cloud.endpoint}"`, ...place, 'stable: stable', 'canary: canary', 'auth: { env: OA_STREAM_PLATFORM_TOKEN }'], cloud.base),
    state: async () => {
      const { serving, traffic, reconciling } = await cloud.state();
      return { split: serving, exact: traffic, settled: !reconciling };
    },
    settled: (state) => state.settled,
    others: (shares) => cloud.arrange({ traffic: trafficOf(shares) }),
    arrange: cloud.arrange,
    program: gcloudFor(cloud),
    stop: async () => { await cloud.stop(); await lanes.stop(); },
  };
}
