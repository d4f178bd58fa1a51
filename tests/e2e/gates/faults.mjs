// The faults of docs/gates.md "What is found", each with the gate that is there for it, carried out on real
// lanes, a proxy that spoils answers of the canary and a real Prometheus.
import { Door, lane } from '../lib/measured.mjs';
import { NEW_ONLY } from '../lib/cutover/playbook.mjs';
import { secondRevision } from '../lib/local_target.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';
import { startExporter, startSpoiler } from './world.mjs';

const SHARE = 0.05;
/** By name: what the proxy does to every twentieth answer, and the gate. */
export const FAULTS = {
  '5xx': [{ kind: '5xx' }, 'bad: http_status, at_most: 1%'],
  'slow first content': [{ kind: 'slow-first', ms: 2000 }, 'p99: first_content, at_most: 1s, source: probe'],
  'slow tail': [{ kind: 'slow-tail', ms: 2000 }, 'p99: chunk_gap, at_most: 1s'],
  stall: [{ kind: 'stalled' }, 'bad: stalled, at_most: 1%'],
  truncation: [{ kind: 'truncated' }, 'bad: truncated, at_most: 1%'],
  malformed: [{ kind: 'malformed' }, 'bad: malformed_frame, at_most: 1%'],
  'auth failures': [{ kind: '401' }, 'spike: auth_errors, at_most: +100%, min_events: 5, source: probe'],
  'sync token failures': [null, 'spike: sync_token_errors, at_most: +100%, min_events: 5'],
};
export const LOST = 'lost threads';

const host = (base) => base.replace('http://', '');
const playbook = (gate, continuity, bake) => `version: 1
kind: cutover
${continuity}name: detection
variables:
  - { name: base_url, required: true }
  - { name: socket, required: true }
  - { name: prometheus, required: true }
target: { base_url: "\${base_url}", prompt: "scenario:words;n=8;delay=15" }
traffic: { driver: local, socket: "\${socket}", base_url: "\${base_url}", stable: v1, canary: v2 }
sources:
  - prometheus:
      url: "\${prometheus}"
      signals: [ { signal: sync_token_errors, events: "sum(increase(sync_token_failures_total{revision=\\"$revision\\"}[$window])) or vector(0)", requests: "sum(increase(sync_token_requests_total{revision=\\"$revision\\"}[$window]))" } ]
  - probe: {}
stages: [5%]
stage:
  bake: ${bake}
  probe: { rate: 30/s, unpinned: 10/s }
  gates: [ { id: there-for-it, ${gate} } ]
limits: { fresh_row: 3, restore: 30s, shift: 10s }
`;


/** `byChance`: the proxies draw whom they hit; else every twentieth. Several cutovers may be under way at once, each with a proxy of its own. */
export class FaultWorld {
  static async start({ byChance = false } = {}) {
    const world = new FaultWorld();
    [world.stable, world.canary, world.exporter] = await Promise.all([lane('v1'), lane('v2'), startExporter()]);
    world.byChance = byChance;
    world.bake = byChance ? '20s' : '8s'; // chance is fair to long windows alone
    for (const revision of ['v1', 'v2']) {
      world.exporter.set('sync_token_requests_total', revision, 400);
      world.exporter.set('sync_token_failures_total', revision, 4);
    }
    world.prometheus = await startPrometheus([host(world.stable.base), host(world.exporter.base)]);
    await world.prometheus.eventually('min(count_over_time(up[1m]))', (rows) => rows[0]?.value >= 10);
    return world;
  }
  /** A door of its own; {at, plan}. */
  async plan(gate, canary, continuity = NEW_ONLY) {
    const at = await Door.start({ stable: this.stable, canary }, playbook(gate, continuity, this.bake));
    return { at, plan: await at.planFor({ prometheus: this.prometheus.base }) };
  }
  /** {code, run: its document, stderr, weights}; without a run where the plan was refused. */
  async cutover(gate, fault = null) {
    const spoiler = await startSpoiler(this.canary.base);
    Object.assign(spoiler, { fault, byChance: this.byChance });
    return this.carryOut(gate, spoiler);
  }
  async carryOut(gate, canary, continuity = NEW_ONLY) {
    const { at, plan } = await this.plan(gate, canary, continuity);
    try {
      if (plan.code !== 10) return { code: plan.code, stderr: plan.stderr };
      const apply = at.beginApply();
      const { code } = await apply.end(120000);
      return { code, run: JSON.parse(apply.stdout), stderr: apply.stderr, weights: await at.weights() };
    } finally {
      await at.front.kill();
      canary.stop();
    }
  }
  /** The same with the fault of that name. */
  async spoiled(name) {
    const [fault, gate] = FAULTS[name];
    if (fault) return this.cutover(gate, { ...fault, share: SHARE });
    this.exporter.set('sync_token_failures_total', 'v2', 400 * SHARE);
    try {
      return await this.cutover(gate);
    } finally {
      this.exporter.set('sync_token_failures_total', 'v2', 4);
    }
  }
  /** A canary on stable's threads that does not know a share of them, and a playbook that wants them kept. */
  async forgetful() {
    const known = new Map(); // whether it does
    const lost = (id) => {
      if (!known.has(id)) known.set(id, this.byChance ? Math.random() >= SHARE : (known.size + 1) % (1 / SHARE) !== 0);
      return !known.get(id);
    };
    return this.carryOut('bad: any, at_most: 10%', await secondRevision(this.stable.base, { lost }), '');
  }
  /** Lanes that keep their threads to themselves, and a playbook that wants them kept; the plan. */
  async lost() {
    const { at, plan } = await this.plan('bad: any, at_most: 1%', this.canary, '');
    await at.front.kill();
    return plan;
  }
  async stop() {
    await Promise.all([this.stable, this.canary, this.prometheus].map((one) => one?.kill()));
    this.exporter?.stop();
  }
}

/** Whether it was found, and everything went back. */
export const found = ({ code, run, weights }) =>
  code === 7 && run?.checks.find((check) => check.id === 'gate.there-for-it@5%')?.verdict === 'FAIL' && weights.v1 === 100 && weights.v2 === 0;

/** The same of lost threads: before anything moved, or with everything back. */
export const foundLost = ({ code, run, weights, stderr }) =>
  (code === 6 && /users would lose their conversations/.test(stderr)) ||
  ((code === 1 || code === 7) && run?.checks.some(({ id, verdict }) => /\.continuity\b/.test(id) && verdict === 'FAIL') && weights.v1 === 100 && weights.v2 === 0);
