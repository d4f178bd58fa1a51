// Whether a run needs somebody: every command that looks at it gives the same answer.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { handmadeRun, oa, scratch } from '../lib/process.mjs';

const BEGIN = { seq: 1, at: '2026-02-22T04:36:01.000Z', phase: 'begin', to: { v1: 100, v2: 0 } };
const MOVED = [
  BEGIN,
  { seq: 2, at: '2026-02-22T04:36:02.000Z', phase: 'intent', step: 'shift@50%', to: { v1: 50, v2: 50 } },
  { seq: 3, at: '2026-02-22T04:36:03.000Z', phase: 'done', step: 'shift@50%', to: { v1: 50, v2: 50 } },
];
const END = { seq: 4, at: '2026-02-22T04:40:00.000Z', phase: 'end' };
const UNVERIFIED = { verdict: 'FAIL', exit_code: 8 };
const ended = (more) => [...MOVED, { ...END, detail: `${more.verdict} exit ${more.exit_code}`, by: 'run', ...more }];
const SETTLED = { at: '2026-02-22T05:00:00.000Z', who: 'x', how: 'given up', reason: 'the service is gone', after: END.at };

/** What is in the folder of a run, and what is to be done about it; empty: nothing. */
const ROWS = {
  'a cutover that passed': { journal: ended({ verdict: 'PASS', exit_code: 0, ended: 'completed' }), run: { verdict: 'PASS', exit_code: 0, ended: 'completed' }, sealed: true, open: '' },
  'one that holds its split': { journal: ended({ ...UNVERIFIED, ended: 'held' }), run: { ...UNVERIFIED, ended: 'held', held: true }, sealed: true, open: 'its split was left as it is' },
  'one whose rollback is unverified': { journal: ended({ ...UNVERIFIED, ended: 'rollback_unverified' }), run: { ...UNVERIFIED, ended: 'rollback_unverified' }, sealed: true, open: 'its rollback was not verified' },
  'the same, given up': { journal: ended({ ...UNVERIFIED, ended: 'rollback_unverified' }), run: { ...UNVERIFIED, ended: 'rollback_unverified' }, sealed: true, settled: SETTLED, open: '' },
  'one that died with traffic moved': { journal: MOVED, run: {}, open: 'it died, and the traffic may not be where it began' },
  'one that died before it moved any': { journal: [BEGIN], run: {}, open: '' },
  'one that ended with its fault still planted': { journal: [BEGIN, { ...END, seq: 2, detail: 'FAIL exit 8' }], run: { ...UNVERIFIED, ended: 'failed' }, faults: { file: '/f', fault: 'error-rate=0.5', before: '', taken_out_at: null }, sealed: true, open: 'its fault is still planted: error-rate=0.5 in /f' },
  'a drill that died with its fault planted': { kind: 'rollback-drill', journal: [BEGIN], run: { mutates: false }, faults: { file: '/f', fault: 'error-rate=0.5', before: '', taken_out_at: null }, open: 'its fault is still planted: error-rate=0.5 in /f' },
  'a smoke that died': { kind: 'smoke-stream', run: { mutates: false }, open: '' },
};

/** A state directory with that run alone. */
function made({ kind = 'cutover', journal, run, sealed, settled, faults }) {
  const state = scratch('state'), id = `20260222T043600Z-${kind}-0a1b2c3d`;
  const folder = handmadeRun(path.join(state, 'runs', id));
  fs.mkdirSync(folder, { recursive: true });
  const write = (name, text) => fs.writeFileSync(path.join(folder, name), text);
  write('run.json', JSON.stringify({ schema: 'oa-stream.run.v1', run: id, kind, name: kind, started_at: '2026-02-22T04:36:00.000Z', checks: [], ...run }));
  if (journal) {
    write('plan.json', JSON.stringify({ schema: 'oa-stream.plan.v1', target: 'haproxy:somewhere', source: { file: 'c.yaml' }, steps: [{ id: 'shift@50%', mutates: true }] }));
    write('journal.ndjson', journal.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
  if (faults) write('faults.json', JSON.stringify(faults));
  if (sealed) write('SHA256SUMS', fs.readdirSync(folder).sort().map((file) => `${createHash('sha256').update(fs.readFileSync(path.join(folder, file))).digest('hex')}  ${file}\n`).join(''));
  if (settled) write('settled.json', JSON.stringify({ schema: 'oa-stream.settled.v1', ...settled }));
  return { id, look: (...args) => oa(args, { stateDir: state }) };
}

for (const [name, row] of Object.entries(ROWS)) {
  test(name, async () => {
    const { id, look } = made(row);
    const open = row.open !== '', code = open ? 8 : 0;
    assert.equal((await look('cutover', 'status')).code, code);
    const status = await look('cutover', 'status', '--run', id, '--json');
    assert.deepEqual([status.code, status.json().runs[0].open ?? ''], [code, row.open]);
    const shown = await look('runs', 'show', id, '--json');
    assert.deepEqual([shown.code, shown.json().verdict, shown.json().open ?? ''], [code, open ? 'FAIL' : 'PASS', row.open]);
    assert.deepEqual([status.json().runs[0].state, shown.json().shown.state], row.sealed ? ['ended', 'finished'] : ['died', 'died']);
    assert.ok(!row.faults || (await look('runs', 'show', id)).stdout.includes('\n  fault      error-rate=0.5 in /f\n'));
    assert.equal((await look('runs', 'list', '--json')).json().runs[0].next, open ? shown.json().next : '');
    const doctor = (await look('doctor', '--json')).json().checks.find((check) => check.id.startsWith('runs'));
    assert.equal(doctor.verdict, open ? 'FAIL' : 'PASS', doctor.detail);
    const body = await look('incident', 'body', '--alert', 'OaStreamRunUnverified', '--json');
    if (open) assert.equal(body.json().run, id, body.stderr);
    else assert.match(body.stderr, /no run here can explain OaStreamRunUnverified/);
  });
}
