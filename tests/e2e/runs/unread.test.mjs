// Whoever starts a cutover may stop its terminal or its consumer: the traffic is watched and moved all the same.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { OA_BIN, Running, cleanEnv, limit, scratch, sleep } from '../lib/process.mjs';
import { Terminal } from '../lib/terminal.mjs';

const open = [];
after(() => Promise.all(open.map((one) => one.stop())));

async function planned(set = {}) {
  const target = await LocalTarget.start();
  open.push(target);
  const plan = await target.plan({ set });
  assert.equal(plan.code, 10, plan.stderr);
  return { target, file: plan.file };
}

/** The run.json of the newest run, once it has ended. */
async function ended(state, kind) {
  for (const end = Date.now() + limit(120000); ; await sleep(50)) {
    const runs = fs.existsSync(path.join(state, 'runs')) ? fs.readdirSync(path.join(state, 'runs')).filter((name) => name.includes(kind)).sort() : [];
    const file = path.join(state, 'runs', runs.at(-1) ?? 'none', 'run.json');
    const run = fs.existsSync(file) ? { ...JSON.parse(fs.readFileSync(file, 'utf8')), run: runs.at(-1) } : null;
    if (run?.ended) return run;
    assert.ok(Date.now() < end, `the run goes on without a reader: ${JSON.stringify(run)}`);
  }
}

test('a terminal that is stopped (Ctrl-S) in mid-stage: the run goes on to its end, and says that lines are missing', async (t) => {
  const { target, file } = await planned({ bake: '3s' }); // C-s comes in the middle of it
  const terminal = Terminal.start([OA_BIN, 'cutover', 'apply', file, '--yes'], { cols: 120, cwd: target.folder, bare: true, env: { OA_STREAM_STATE_DIR: target.state } });
  t.after(() => terminal.close());
  await terminal.until((text) => /stage 1\/2/.test(text), 'the first stage', 60000);
  terminal.press('C-s');
  const run = await ended(target.state, 'cutover');
  assert.equal(run.verdict, 'PASS');
  assert.deepEqual(await target.weights(), { v1: 0, v2: 100 });
  assert.equal(terminal.exit(), null, 'its last words wait for the terminal');
  terminal.press('C-q');
  assert.equal(await terminal.end(), 0, terminal.screen());
  assert.match(terminal.screen(), /lines are missing above: nobody read standard error, and the run went on/);
  assert.match(terminal.screen(), /PASS run \d{8}T\d{6}Z-cutover-/);
});

/** A pipe that takes nothing until drain(), which gives what was written behind what fills it, once that ends with a result. */
function stalledReader() {
  const file = path.join(scratch('fifo'), 'events');
  execFileSync('mkfifo', [file]);
  const reader = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  const dots = Buffer.alloc(4096, '.');
  let filled = 0;
  try {
    for (;;) filled += fs.writeSync(reader, dots);
  } catch (error) {
    assert.equal(error.code, 'EAGAIN');
  }
  const drain = async () => {
    let text = '';
    const piece = Buffer.alloc(65536);
    for (const last = Date.now() + limit(60000); !/"schema":"oa-stream\.(?:run-result|load)\.v1".*\n$/.test(text); await sleep(20)) {
      try {
        text += piece.toString('utf8', 0, fs.readSync(reader, piece));
      } catch (error) {
        assert.equal(error.code, 'EAGAIN');
      }
      assert.ok(Date.now() < last, text.slice(filled));
    }
    fs.closeSync(reader);
    return text.slice(filled).trim().split('\n').map((line) => JSON.parse(line));
  };
  const start = (args, env) => new Running('/bin/sh', ['-c', 'exec "$@" >"$0"', file, OA_BIN, ...args], { name: args[0], folder: scratch(args[0]), env: cleanEnv(env) });
  return { start, drain };
}

test('a reader of --ndjson that stands still: the run goes on to its end, and all events come once it reads', async () => {
  const { target, file } = await planned();
  const reader = stalledReader();
  const apply = reader.start(['cutover', 'apply', file, '--ndjson'], { HOME: target.folder, OA_STREAM_STATE_DIR: target.state });
  const run = await ended(target.state, 'cutover');
  assert.equal(run.verdict, 'PASS');
  assert.deepEqual(await target.weights(), { v1: 0, v2: 100 });
  assert.equal(apply.exit, undefined, 'it has not told everything');
  const lines = await reader.drain();
  assert.equal((await apply.end()).code, 0, apply.stderr);
  const told = fs.readFileSync(path.join(target.state, 'runs', run.run, 'timeline.ndjson'), 'utf8').trim().split('\n');
  assert.equal(lines.length, told.length + 1);
  assert.equal(lines.at(-1).verdict, 'PASS');
});

test('a load whose reader stands still starts its turns all the same', async (t) => {
  const lane = await startLane({ authority: 'replay' });
  t.after(() => lane.stop());
  const reader = stalledReader();
  const state = scratch('load-state');
  const load = reader.start(['load', '--base-url', lane.base, '--rate', '20/s', '--duration', '3s', '--limit', 'bad <= 20%', '--ndjson'], { HOME: state, OA_STREAM_STATE_DIR: state });
  assert.equal((await ended(state, 'load')).verdict, 'PASS');
  assert.equal(load.exit, undefined, 'it has not told everything');
  const lines = await reader.drain();
  assert.equal((await load.end()).code, 0, load.stderr);
  assert.equal(lines.at(-1).verdict, 'PASS');
  assert.equal(lines.filter((line) => line.schema === 'oa-stream.load-second.v1').length, 3);
});
