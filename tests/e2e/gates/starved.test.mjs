// A rehearsal that gets no time of its own: what it did not measure is no canary's fault.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { OA_BIN, Running, cleanEnv, scratch, sleep } from '../lib/process.mjs';

const read = (file) => fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));

/** Identical lanes (or, with `inject`, a bad canary); the operator's process alone is stopped for most of every ten seconds. */
async function rehearse(name, inject) {
  const folder = scratch(name), state = path.join(folder, 'state');
  const run = new Running(OA_BIN, ['cutover', 'rehearse', '--local', '--json', '--non-interactive', ...inject], { name: 'oa-stream', folder, env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: state }) });
  const journal = () => {
    const runs = path.join(state, 'runs');
    const file = fs.existsSync(runs) && fs.readdirSync(runs).length ? path.join(runs, fs.readdirSync(runs)[0], 'timeline.ndjson') : '';
    return file && fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  };
  await run.until(() => journal().includes('stage begins'), 'the first stage', 240000);
  let over = false;
  const ended = run.end(400000).then((exit) => { over = true; return exit; });
  // Longer than a probe waits for its first byte (5 s): what was under way runs into its limit.
  for (let i = 0; i < 4 && !over; ++i) {
    await sleep(1500);
    if (over) break;
    run.signal('SIGSTOP');
    await sleep(6500);
    run.signal('SIGCONT');
  }
  const exit = await ended;
  const evidence = path.join(state, 'runs', fs.readdirSync(path.join(state, 'runs'))[0]);
  return { exit, report: JSON.parse(run.stdout), samples: read(path.join(evidence, 'measure', 'samples.ndjson')), stderr: run.stderr };
}

test('identical lanes: nothing FAILs, and probes that ran into limits while oa-stream stood still are not counted', async () => {
  const { report, samples, stderr } = await rehearse('starved', []);
  const failed = report.checks.filter((check) => ['FAIL', 'ERROR'].includes(check.verdict));
  assert.deepEqual(failed.map((check) => `${check.id}: ${check.detail}`), [], stderr.slice(-3000));
  const starved = samples.filter((sample) => sample.outcome === 'starved' || sample.own);
  assert.ok(starved.length >= 10, `${starved.length} of ${samples.length} were said to be starved`);
  assert.ok(starved.some((sample) => sample.arm === 'canary') && starved.some((sample) => sample.arm === 'stable'));
  assert.deepEqual(samples.filter((sample) => sample.bad), [], 'none is bad');
  // Chance may leave a gate open, too.
  const open = report.checks.filter((one) => one.verdict === 'INCONCLUSIVE').map((one) => `${one.id}: ${one.detail}`);
  assert.ok(open.length === 0 || open.some((one) => /oa-stream itself was starved/.test(one)), open.join('\n'));
});

test('a canary with faults is still found', async () => {
  const { report } = await rehearse('starved-fault', ['--inject', 'error-rate=0.3@0']);
  assert.equal(report.verdict, 'FAIL');
  assert.ok(report.checks.some((check) => check.verdict === 'FAIL' && /^gate\.error-rate.*@0%$/.test(check.id)), JSON.stringify(report.checks.filter((c) => c.verdict !== 'PASS')));
});
