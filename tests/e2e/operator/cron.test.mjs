// Without a terminal, as cron and pipelines run it: nothing on PASS where quiet was asked for, else few
// plain lines that tell whole what is wrong.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { oa } from '../lib/process.mjs';

let lane;
before(async () => { lane = await startLane({ pace: 'recorded' }); });
after(() => lane?.stop());

const RUN = /^(PASS|FAIL|ERROR) run \S+ evidence (\S+)(?: next: (.+))?\n$/;
const plain = (run) => assert.doesNotMatch(run.stdout + run.stderr, /[\x1b\r]/, 'plain lines');

test('a PASS prints nothing under -q, and verify needs no -q for that', async () => {
  const at = lane.base;
  for (const args of [['smoke', 'stream', '-q', '--base-url', at], ['verify', 'smoke-stream', '--set', `base_url=${at}`]]) {
    const run = await oa(args);
    assert.deepEqual([run.code, run.stdout, run.stderr], [0, '', ''], args.join(' '));
  }
});

test('a smoke that passes tells its checks and one last line, whole and plain', async () => {
  const run = await oa(['smoke', 'stream', '--base-url', lane.base]);
  assert.equal(run.code, 0, run.stdout);
  plain(run);
  assert.match(run.stdout, /^PASS {2}smoke stream {2}http/, 'verdict first');
  assert.doesNotMatch(run.stdout, /…$/m, 'nothing is cut where nobody sees a width');
  assert.match(run.stderr, RUN);
});

test('a rehearsal that fails under -q: why, in full and within 80 columns, then one last line', async () => {
  const args = ['cutover', 'rehearse', '--local', '-q', '--inject', 'error-rate=1@0'];
  const run = await oa(args);
  assert.equal(run.code, 1, run.stdout);
  plain(run);
  const lines = run.stdout.trimEnd().split('\n');
  assert.match(lines[0], /^FAIL {2}gate\.error-rate@0%/);
  assert.ok(lines.length <= 12, run.stdout);
  for (const line of lines) assert.ok(line.startsWith('report ') || [...line].length <= 80, line);
  assert.match(run.stdout.replace(/\s+/g, ' '), /gate\.error-rate-vs-stable@0%: .* beyond the limit of \+5 points/);
  assert.match(run.stderr, RUN);
  assert.ok(run.stderr.includes(`next: less ${RUN.exec(run.stderr)[2]}/report.md`));
  const painted = await oa([...args, '--color', 'always'], { env: { NO_COLOR: '1' } });
  assert.match(painted.stdout, /^\x1b\[1;31mFAIL\x1b\[0m {2}gate/, 'where it is asked for');
  assert.doesNotMatch(painted.stderr, /\r|\x1b\[2K/, 'and even then nothing is redrawn');
});
