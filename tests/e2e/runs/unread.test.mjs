// Whoever starts a cutover may stop its terminal or its consumer: the traffic is watched and moved all the same.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { LocalTarget } from '../lib/local_target.mjs';
import { OA_BIN, Running, cleanEnv, limit, scratch, sleep } from '../lib/process.mjs';
import { Terminal } from '../lib/terminal.mjs';

const open = [];
after(() => Promise.all(open.map((one) => one.stop())));

async function planned() {
  const target = await LocalTarget.start();
  open.push(target);
  const plan = await target.plan();
  assert.equal(plan.code, 10, plan.stderr);
  return { target, file: plan.file };
}

/** The run.json of the newest run, once it has ended. */
async function ended(target, kind) {
  for (const end = Date.now() + limit(40000); ; await sleep(50)) {
    const files = target.runs().filter((name) => name.includes(kind)).map((name) => path.join(target.state, 'runs', name, 'run.json'));
    const run = files.length > 0 && fs.existsSync(files.at(-1)) ? JSON.parse(fs.readFileSync(files.at(-1), 'utf8')) : null;
    if (run?.ended) return run;
    assert.ok(Date.now() < end, `the run goes on without a reader: ${JSON.stringify(run)}`);
  }
}

test('a terminal that is stopped (Ctrl-S) in mid-stage: the run goes on to its end, and says that lines are missing', async (t) => {
  const { target, file } = await planned();
  const terminal = Terminal.start([OA_BIN, 'cutover', 'apply', file, '--yes'], { cols: 120, cwd: target.folder, bare: true, env: { OA_STREAM_STATE_DIR: target.state } });
  t.after(() => terminal.close());
  await terminal.until((text) => /stage 1\/2/.test(text), 'the first stage', 30000);
  terminal.press('C-s');
  const run = await ended(target, 'cutover');
  assert.equal(run.verdict, 'PASS');
  assert.deepEqual(await target.weights(), { v1: 0, v2: 100 });
  assert.equal(terminal.exit(), null, 'its last words wait for the terminal');
  terminal.press('C-q');
  assert.equal(await terminal.end(), 0, terminal.screen());
  assert.match(terminal.screen(), /lines are missing above: nobody read standard error, and the run went on/);
  assert.match(terminal.screen(), /PASS run \d{8}T\d{6}Z-cutover-/);
});

test('a reader of --ndjson that stands still: the run goes on to its end, and all events come once it reads', async () => {
  const { target, file } = await planned();
  const fifo = path.join(scratch('fifo'), 'events');
  execFileSync('mkfifo', [fifo]);
  const reader = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  const dots = Buffer.alloc(4096, '.');
  let filled = 0;
  try {
    for (;;) filled += fs.writeSync(reader, dots);
  } catch (error) {
    assert.equal(error.code, 'EAGAIN');
  }
  const apply = new Running('/bin/sh', ['-c', 'exec "$@" >"$0"', fifo, OA_BIN, 'cutover', 'apply', file, '--ndjson'], { name: 'apply', folder: scratch('apply'), env: cleanEnv({ HOME: target.folder, OA_STREAM_STATE_DIR: target.state }) });
  const run = await ended(target, 'cutover');
  assert.equal(run.verdict, 'PASS');
  assert.deepEqual(await target.weights(), { v1: 0, v2: 100 });
  assert.equal(apply.exit, undefined, 'it has not told everything');
  let text = '';
  const piece = Buffer.alloc(65536);
  for (const end = Date.now() + limit(15000); !/"schema":"oa-stream\.run-result\.v1".*\n$/.test(text); await sleep(20)) {
    try {
      text += piece.toString('utf8', 0, fs.readSync(reader, piece));
    } catch (error) {
      assert.equal(error.code, 'EAGAIN');
    }
    assert.ok(Date.now() < end, text.slice(filled));
  }
  assert.equal((await apply.end()).code, 0, apply.stderr);
  fs.closeSync(reader);
  const lines = text.slice(filled).trim().split('\n').map((line) => JSON.parse(line));
  const told = fs.readFileSync(path.join(target.state, 'runs', run.run ?? run.id ?? target.runs().at(-1), 'timeline.ndjson'), 'utf8').trim().split('\n');
  assert.equal(lines.length, told.length + 1);
  assert.equal(lines.at(-1).verdict, 'PASS');
});
