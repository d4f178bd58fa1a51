// The front door and its signals: one wish, said twice at once, is one; a second wish cuts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { startFront } from '../lib/local_target.mjs';

let quick, slow;
before(async () => {
  quick = await startLane({ pace: 'recorded' });
  slow = await startLane({ pace: 'recorded', args: ['--inject', 'slow=1000'] });
});
after(() => Promise.all([quick, slow].map((lane) => lane?.stop())));
const frontTo = (lane) => startFront(['--backend', `v1=${lane.base}`, '--drain-timeout', '1h']);

test('SIGTERM said twice at once, as by `timeout` and supervisors: streams end by themselves', async () => {
  const front = await frontTo(quick);
  const running = chat(front.base, 'replay:02-text-paced');
  await running.frame('text-delta');
  front.signal('SIGTERM');
  front.signal('SIGTERM');
  await running.done;
  assertLegal(running);
  assert.ok(read(running).finish, 'a whole answer');
  assert.equal((await front.end()).code, 0);
});

test('SIGHUP, by which a lane rereads its files, ends nothing', async () => {
  const front = await frontTo(quick);
  const running = chat(front.base, 'replay:02-text-paced');
  await running.frame('text-delta');
  front.signal('SIGHUP');
  await front.until(() => front.stderr.includes('SIGHUP: the front door has no files to reread'), 'the note');
  await running.done;
  assert.ok(read(running).finish, 'a whole answer');
  assert.equal((await chat(front.base, 'replay:01-echo').done).status, 200);
  assert.equal((await front.stop()).code, 0);
});

test('a second signal cuts them', async () => {
  const front = await frontTo(slow);
  const running = chat(front.base, 'replay:44-compact-manual');
  await running.frame('start-step');
  front.signal('SIGTERM');
  await front.until(() => /draining 1 streams?,/.test(front.stderr), 'the drain');
  let over = false; // a signal while the process ends would be its exit status
  running.done.then(() => { over = true; });
  await front.until(() => over || (front.signal('SIGTERM'), false), 'the second signal', 60000);
  assert.equal((await front.end()).code, 0);
  await running.done;
  assert.ok(!running.complete, 'cut, not ended as if it were whole');
});
