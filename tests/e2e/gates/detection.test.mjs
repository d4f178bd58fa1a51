// A real run for each row of docs/gates.md "What is found": a fault that hits every twentieth answer of the
// canary ends the cutover by the gate that is there for it, and everything goes back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Door, lane } from '../lib/measured.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';
import { startExporter, startSpoiler } from './world.mjs';

const SHARE = 0.05;
const host = (base) => base.replace('http://', '');
const playbook = (gate, continuity = 'continuity: new-threads-only\ncontinuity_reason: the lanes of this test keep their threads in memory\n') => `version: 1
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
  bake: 6s
  probe: { rate: 30/s, unpinned: 10/s }
  gates: [ { id: there-for-it, ${gate} } ]
limits: { fresh_row: 3, restore: 30s, shift: 10s }
`;

let stable, canary, spoiler, exporter, prometheus;
const doors = [];
before(async () => {
  [stable, canary] = await Promise.all([lane('v1'), lane('v2')]);
  [spoiler, exporter] = await Promise.all([startSpoiler(canary.base), startExporter()]);
  for (const revision of ['v1', 'v2']) {
    exporter.set('sync_token_requests_total', revision, 400);
    exporter.set('sync_token_failures_total', revision, 4);
  }
  prometheus = await startPrometheus([host(stable.base), host(exporter.base)]);
  await prometheus.eventually('min(count_over_time(up[1m]))', (rows) => rows[0]?.value >= 10, 30000);
});
after(async () => {
  await Promise.all([...doors.map((one) => one.front), stable, canary, prometheus].map((one) => one.kill()));
  spoiler.stop();
  exporter.stop();
});

async function cutover(gate) {
  const at = await Door.start({ stable, canary: spoiler }, playbook(gate));
  doors.push(at);
  const plan = await at.plan({ prometheus: prometheus.base });
  assert.equal(plan.code, 10, plan.stderr);
  const apply = at.begin();
  await apply.end(120000);
  return { run: JSON.parse(apply.stdout), code: apply.exit.code, stderr: apply.stderr, at };
}

describe('every twentieth answer of the canary', () => {
  for (const [name, fault, gate] of [
    ['5xx', { kind: '5xx' }, 'bad: http_status, at_most: 1%'],
    ['slow first content', { kind: 'slow-first', ms: 2000 }, 'p99: first_content, at_most: 1s'],
    ['slow tail', { kind: 'slow-tail', ms: 2000 }, 'p99: chunk_gap, at_most: 1s'],
    ['stall', { kind: 'stalled' }, 'bad: stalled, at_most: 1%'],
    ['truncation', { kind: 'truncated' }, 'bad: truncated, at_most: 1%'],
    ['malformed', { kind: 'malformed' }, 'bad: malformed_frame, at_most: 1%'],
    ['auth failures', { kind: '401' }, 'spike: auth_errors, at_most: +100%, min_events: 5, source: probe'],
    ['sync token failures', null, 'spike: sync_token_errors, at_most: +100%, min_events: 5'],
  ]) {
    test(name, async () => {
      spoiler.fault = fault ? { ...fault, share: SHARE } : null;
      if (!fault) exporter.set('sync_token_failures_total', 'v2', 400 * SHARE);
      const { run, code, stderr, at } = await cutover(gate);
      spoiler.fault = null;
      exporter.set('sync_token_failures_total', 'v2', 4);
      assert.equal(code, 7, stderr);
      assert.equal(run.checks.find((check) => check.id === 'gate.there-for-it@5%').verdict, 'FAIL', stderr);
      assert.match(run.next, /^oa-stream incident body /);
      assert.deepEqual(await at.weights(), { v1: 100, v2: 0 });
    });
  }

  test('lost threads stop the plan, before anything moves', async () => {
    const at = await Door.start({ stable, canary: spoiler }, playbook('bad: any, at_most: 1%', ''));
    doors.push(at);
    const plan = await at.plan({ prometheus: prometheus.base });
    assert.equal(plan.code, 6, plan.stderr);
    assert.match(plan.stderr, /users would lose their conversations/);
  });

  test('and an equal canary passes the same gates', async () => {
    const { code, stderr } = await cutover('bad: any, at_most: 10%');
    assert.equal(code, 0, stderr);
  });
});
