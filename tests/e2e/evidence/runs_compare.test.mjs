// runs compare: which differences matter, and which chance or time explains.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { handmadeRun, oa, scratch } from '../lib/process.mjs';

const gate = (id, verdict, value, low, high, more = {}) => ({ id, metric: 'bad_rate', against: 'limit', limit: 0.05, verdict, value, low, high, n: 1000, sentence: `${id} ${value} (${low} to ${high})`, ...more });
/** What has no interval: another service's number, and how many more events there are than usual. */
const alone = (id, value, more) => gate(id, 'PASS', value, null, null, { metric: 'expression', quantity: 'share', promql: id, at_least: false, ...more });

function made(state, number, version, gates, checks) {
  const id = `20260101T00000${number}Z-cutover-0000000${number}`;
  const folder = handmadeRun(path.join(state, 'runs', id));
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'run.json'), JSON.stringify({
    schema: 'oa-stream.run.v1', run: id, kind: 'cutover', name: 'cutover', started_at: `2026-01-01T00:00:0${number}Z`, ended: 'completed', verdict: 'PASS', exit_code: 0,
    duration_s: 60 + number, versions: { 'oa-stream': version }, checks, stages: [{ name: '5%', gates }],
  }));
  fs.writeFileSync(path.join(folder, 'SHA256SUMS'), '');
  return id;
}

test('intervals that touch are chance, those that do not are a difference; versions and verdicts matter, times do not', async () => {
  const state = scratch('state');
  const a = made(state, 1, '0.1.0', [
    gate('same', 'PASS', 0.01, 0.005, 0.02), gate('noise', 'PASS', 0.01, 0.005, 0.02), gate('risen', 'PASS', 0.01, 0.005, 0.02),
    gate('fallen', 'PASS', 0.04, 0.03, 0.045), gate('other-rule', 'PASS', 0.01, 0.005, 0.02), gate('flipped', 'PASS', 0.02, 0.01, 0.049), gate('open', 'PASS', 0.01, null, 0.02),
    alone('foreign', 0.001), alone('spike', 0.1, { metric: 'spike', signal: 'auth_errors' }), alone('other-query', 0.1), alone('level', 7, { quantity: 'count' }),
    gate('speed', 'PASS', 0.01, 0.009, 0.011, { metric: 'tokens_per_s_p5' }), gate('few', 'INCONCLUSIVE', 0.1, null, null, { metric: 'first_content_p95' }), gate('silent', 'INCONCLUSIVE', null, null, null, { sentence: 'no source (at 1)' }),
  ], [{ id: 'smoke', verdict: 'PASS' }, { id: 'gone', verdict: 'PASS' }]);
  const b = made(state, 2, '0.2.0', [
    gate('same', 'PASS', 0.01, 0.005, 0.02), gate('noise', 'PASS', 0.012, 0.006, 0.022), gate('risen', 'PASS', 0.03, 0.021, 0.04),
    gate('fallen', 'PASS', 0.01, 0.005, 0.02), gate('other-rule', 'PASS', 0.04, 0.03, 0.05, { limit: 0.1 }), gate('flipped', 'INCONCLUSIVE', 0.03, 0.02, 0.051), gate('open', 'PASS', 0.5, null, 0.6),
    alone('foreign', 0.4), alone('spike', 60, { metric: 'spike', signal: 'auth_errors' }), alone('other-query', 0.2, { promql: 'other' }), alone('level', 7, { quantity: 'count', sentence: 'of more' }),
    gate('speed', 'PASS', 0.1, 0.09, 0.11, { metric: 'tokens_per_s_p5' }), gate('few', 'INCONCLUSIVE', 0.4, null, null, { metric: 'first_content_p95' }), gate('silent', 'INCONCLUSIVE', null, null, null, { sentence: 'no source (at 2)' }),
  ], [{ id: 'smoke', verdict: 'FAIL' }]);
  const { comparison } = (await oa(['runs', 'compare', a, b, '--json'], { stateDir: state })).json();
  const by = (rows, what) => { const row = rows.find((one) => one.what === what); return [row.differs, row.matters, row.meaning]; };
  assert.deepEqual(by(comparison.gates, 'same@5%'), [false, false, '']);
  assert.deepEqual(by(comparison.gates, 'noise@5%'), [true, false, 'within chance: the intervals overlap']);
  assert.deepEqual(by(comparison.gates, 'risen@5%'), [true, true, 'b is higher']);
  assert.deepEqual(by(comparison.gates, 'fallen@5%'), [true, true, 'b is lower']);
  assert.deepEqual(by(comparison.gates, 'other-rule@5%'), [true, true, 'judged by another rule']);
  assert.deepEqual(by(comparison.gates, 'flipped@5%'), [true, true, 'the verdicts differ, the values only by chance']);
  assert.deepEqual(by(comparison.gates, 'open@5%'), [true, false, 'within chance: the intervals overlap'], 'an open bound proves nothing');
  assert.deepEqual(by(comparison.gates, 'few@5%'), [true, false, 'within chance: the intervals overlap']);
  assert.deepEqual(by(comparison.gates, 'silent@5%'), [true, false, 'measured in neither']);
  for (const what of ['foreign@5%', 'spike@5%']) assert.deepEqual(by(comparison.gates, what), [true, true, 'b is higher (there is no interval)']);
  assert.deepEqual(by(comparison.gates, 'level@5%'), [true, false, '']);
  assert.deepEqual(by(comparison.gates, 'other-query@5%'), [true, true, 'judged by another rule']);
  assert.deepEqual(by(comparison.gates, 'speed@5%'), [true, true, 'b is lower'], 'more seconds a token are fewer tokens a second');
  assert.equal(comparison.gates.find((row) => row.what === 'foreign@5%').b, 'PASS foreign 0.4 (null to null)', 'in the gate\'s own words');
  assert.deepEqual(by(comparison.checks, 'smoke'), [true, true, 'b is worse']);
  assert.deepEqual(by(comparison.checks, 'gone'), [true, true, 'only in a']);
  assert.deepEqual(by(comparison.facts, 'versions.oa-stream'), [true, true, '']);
  assert.deepEqual(by(comparison.facts, 'took'), [true, false, 'not compared']);
  const all = [...comparison.facts, ...comparison.checks, ...comparison.gates];
  assert.equal(comparison.matter, all.filter((row) => row.matters).length);
  const spoken = await oa(['runs', 'compare', a, b], { stateDir: state });
  assert.match(spoken.stdout, /^ {2}~ noise@5%: within chance/m);
  assert.match(spoken.stdout, /^ {2}! smoke: b is worse$/m);
  assert.match(spoken.stderr, new RegExp(`^${comparison.differences} differences, ${comparison.matter} matter, b is worse`, 'm'));
});
