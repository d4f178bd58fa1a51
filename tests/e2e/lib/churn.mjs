// The churn tool (tests/churn) against one lane, and what must hold afterwards.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { paced, readCapture, writeCaptures } from './captures.mjs';
import { startLane } from './lane.mjs';
import { assertAtRest, readMetrics, total } from './metrics.mjs';
import { OA_BIN, ROOT, Running } from './process.mjs';

function churnBin() {
  const places = [process.env.OA_CHURN, path.join(path.dirname(OA_BIN), 'tests/churn/churn'), path.join(ROOT, 'build/release/tests/churn/churn')].filter(Boolean);
  const found = places.find((file) => fs.existsSync(file));
  if (!found) throw new Error('no churn tool here: run ./dev e2e or ./dev churn, which build it');
  return found;
}

/** Runs it and checks everything; the report, for whoever wants figures. */
export async function churn({ streams, round, rounds = 2, settle = '7s', grace = '2s', seed = 1, growth = 1.1, warm = 0, seconds = 4 }) {
  const replayDir = writeCaptures({
    long: paced(seconds * 5, 200, 40),
    short: paced(10, 60, 20),
    slow: paced(seconds * 10, 100, 8000),
    ...Object.fromEntries(['01-echo', '10-exec', '22-mixed-reasoning-tool-text'].map((name) => [name, readCapture(name)])),
  });
  const lane = await startLane({ name: 'churned', replayDir, pace: 'recorded', args: ['--detach-grace', grace, '--limit', 'max-lag=128k', '--log-level', 'error', '--access-log', '/dev/null'] });
  const tool = new Running(churnBin(), [
    '--base', lane.base, '--recordings', replayDir, '--captures', 'long,long,short,01-echo,10-exec,22-mixed-reasoning-tool-text', '--slow-capture', 'slow',
    '--streams', streams, '--round', round, '--rounds', rounds, '--settle', settle, '--seed', seed, '--pid', lane.pid,
  ].map(String), { name: 'churn' });
  const exit = await tool.end(15 * 60000);
  assert.ok(tool.stdout.startsWith('{'), tool.stderr);
  const report = JSON.parse(tool.stdout);
  assert.equal(exit.code, 0, tool.stdout);
  assert.equal(report.rounds.length, rounds);
  for (const one of report.rounds) {
    assert.ok(one.whole > streams / 2 && one.left > 0 && one.resumed > 0, JSON.stringify(one));
    // The next message can overtake the news that the last one's reader has left: 409.
    assert.ok(one.refused <= one.streams / 50, JSON.stringify(one));
    // One descriptor may be that of a connection whose close has not been read yet.
    assert.ok(one.descriptors <= report.before.descriptors + 1, `descriptors: ${report.before.descriptors}, then ${one.descriptors}`);
  }
  // An allocator keeps its peak, and on a busy machine no two rounds have the same one: `warm` rounds reach it first.
  const [first, ...later] = report.rounds.slice(warm).map((one) => one.resident_kib);
  for (const kib of later) assert.ok(kib <= first * growth, `memory grew from ${first} to ${kib} KiB`);
  const samples = await readMetrics(lane.base);
  assertAtRest(samples);
  report.accepted = total(samples, 'bridge_accepted_total');
  assert.equal(report.accepted, report.rounds.reduce((n, one) => n + one.streams - one.refused, 0), 'turns accepted and streams begun');
  assert.equal((await lane.stop()).code, 0);
  return report;
}
