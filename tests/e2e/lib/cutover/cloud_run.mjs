// A Cloud Run service on this machine: the strict fake of the Admin API (tests/traffic, a program) and
// the platform's front door, which splits every request at random by what the fake serves.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { OA_BIN, ROOT, Running, cleanEnv, scratch } from '../process.mjs';

export const PLATFORM_TOKEN = 'ya29.planted-platform-token-0123456789';
const PLACE = { project: 'demo-project', region: 'europe-west1', service: 'lane' };

function fakeBin() {
  const places = [process.env.OA_CLOUD_RUN_FAKE, path.join(path.dirname(OA_BIN), 'tests/traffic/cloud_run_fake'), path.join(ROOT, 'build/release/tests/traffic/cloud_run_fake')].filter(Boolean);
  const found = places.find((file) => fs.existsSync(file));
  if (!found) throw new Error('no cloud_run_fake here: run ./dev e2e, which builds it');
  return found;
}

const ask = (base, method, route, body) => new Promise((done, fail) => {
  const request = http.request(new URL(route, base), { method, agent: false }, (answer) => {
    let text = '';
    answer.on('data', (bytes) => { text += bytes; }).on('end', () => {
      if (answer.statusCode === 200) done(JSON.parse(text));
      else fail(new Error(`${method} ${route}: ${answer.statusCode} ${text}`));
    });
  }).on('error', fail);
  request.end(body === undefined ? undefined : JSON.stringify(body));
});

/** Revision by chance, as likely as its share. */
function pick(shares) {
  let at = Math.random() * Object.values(shares).reduce((sum, share) => sum + share, 0);
  for (const [revision, share] of Object.entries(shares)) {
    if ((at -= share) < 0) return revision;
  }
  return Object.keys(shares).at(-1);
}

/** Passes one request on as it is, and the answer as it comes. */
function pass(base, request, answer) {
  const up = http.request(new URL(request.url, base), { method: request.method, headers: request.headers, agent: false }, (got) => {
    answer.writeHead(got.statusCode, got.headers);
    got.on('error', () => answer.destroy()).pipe(answer);
  });
  up.on('error', () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
  answer.on('close', () => up.destroy());
  request.pipe(up);
}

class Front {
  constructor(fake, lanes) {
    this.met = []; // {revision, canary: its share then} of each request, in order
    this.server = http.createServer(async (request, answer) => {
      try {
        const shares = await ask(fake, 'GET', '/_fake/serving');
        const revision = pick(shares);
        this.met.push({ revision, canary: shares.canary ?? 0 });
        pass(lanes[revision], request, answer);
      } catch {
        answer.destroy();
      }
    });
  }
  async start() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.base = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** `lanes`: {stable: base, canary: base}. The fake serves stable 100 %, with a tag for each. */
export async function startCloudRun(lanes) {
  const folder = scratch('cloud-run'), ready = path.join(folder, 'ready');
  const fake = new Running(fakeBin(), [ready, PLACE.project, PLACE.region, PLACE.service], { name: 'cloud-run', folder, env: cleanEnv() });
  const endpoint = await fake.until(() => (fs.existsSync(ready) ? fs.readFileSync(ready, 'utf8') : null), 'ready file');
  const front = await new Front(endpoint, lanes).start();
  const arrange = (what) => ask(endpoint, 'POST', '/_fake/arrange', what);
  const state = () => ask(endpoint, 'GET', '/_fake/state');
  // In this order: what serves is told anew, with the tags' addresses.
  await arrange({ tokens: [PLATFORM_TOKEN], tag_uris: { blue: lanes.stable, green: lanes.canary }, traffic: (await state()).traffic });
  return {
    endpoint,
    base: front.base,
    met: front.met,
    place: PLACE,
    /** {fault, fate, operator, held, latency_ms, …}: see tests/traffic/cloud_run/cloud_run_control.cpp. */
    arrange,
    /** {serving, traffic, applied, violations, seen: [{method, what, target, status, body}]}. */
    state,
    env: { OA_STREAM_PLATFORM_TOKEN: PLATFORM_TOKEN },
    /** What the shipped playbooks want to know. */
    settings: (more = {}) => Object.entries({ base_url: front.base, endpoint, ...PLACE, stable: 'stable', canary: 'canary', ...more })
      .flatMap(([key, value]) => ['--set', `${key}=${value}`]),
    stop: async () => {
      front.stop();
      await fake.kill();
    },
  };
}
