// `./dev test --changed`: what is touched is found, and what is not known touches everything.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { idled } from '../../../.ci/idle.mjs';
import { IDLE, MOST_BESIDE, counted, scheduled } from '../../../.ci/run_files.mjs';
import { ALONE, LONG, PAIRED, TESTS, WAITING, company, longestFirst, matches, parts, rounds, selection } from '../../../.ci/suite.mjs';

test('every file that runs alone, in a pair or first is there', () => {
  for (const pattern of [...ALONE, ...PAIRED, ...LONG, ...WAITING]) assert.ok(TESTS.some((file) => matches(pattern, file)), pattern);
});

test('a room touches its unit tests, those of the rooms above it, and the processes', () => {
  const lines = selection(['src/traffic/haproxy/haproxy_view.cpp']);
  for (const line of ['unit unit_shape', 'unit unit_traffic', 'unit unit_playbook', 'unit unit_cli', 'e2e tests/e2e/drivers/haproxy_cutover.test.mjs', 'e2e tests/e2e/evidence/planted.test.mjs']) assert.ok(lines.includes(line), line);
  for (const line of ['unit unit_net', 'unit unit_wire', 'e2e tests/e2e/lane/serve.test.mjs']) assert.ok(!lines.includes(line), line);
});

test('a helper touches the files that import it, directly or not', () => {
  const lines = selection(['tests/e2e/lib/prometheus.mjs']);
  for (const file of ['lane/metrics', 'evidence/measured_cutover', 'operator/watch']) assert.ok(lines.includes(`e2e tests/e2e/${file}.test.mjs`), file);
  assert.ok(selection(['tests/e2e/lib/codex.mjs']).includes('browser tests/browser/approvals.test.mjs'), 'of another folder');
  assert.ok(!lines.includes('e2e tests/e2e/operator/playbook.test.mjs'));
});

test('a test touches itself, a page those who read it', () => {
  assert.deepEqual(selection(['tests/e2e/lane/serve.test.mjs']), ['unit unit_shape', 'e2e tests/e2e/lane/serve.test.mjs']);
  assert.deepEqual(selection(['tests/wire/sse_test.cpp']), ['unit unit_shape', 'unit unit_wire']);
  assert.ok(selection(['docs/errors.md']).includes('e2e tests/e2e/operator/errors_page.test.mjs'));
});

test('what is not known touches everything', () => {
  for (const file of ['src/base/text.cpp', 'include/oa_stream/base/text.hpp', 'src/lane/turns/live_turn.cpp', 'CMakeLists.txt', 'dev', 'tests/e2e/codex/mock-responses.mjs', 'tests/support/rig.hpp', 'fixtures/x', 'a/new/file']) {
    assert.equal(selection(['tests/e2e/lane/serve.test.mjs', file]), null, file);
  }
});

test('a file starts when its part of the machine is free, the pairs first, of each kind the longest first', async () => {
  const [first, second] = LONG.filter((file) => PAIRED.includes(file));
  const small = 'tests/e2e/lane/heads.test.mjs';
  assert.deepEqual(longestFirst([small, second, first]), [first, second, small]);
  const seen = [];
  let now = 0;
  let most = 0;
  const size = (file) => (file === small ? 1 : 2);
  const results = await scheduled([first, second, small], size, 4, async (file) => {
    seen.push(file);
    most = Math.max(most, now += size(file));
    await new Promise((done) => setImmediate(done));
    now -= size(file);
    return file;
  });
  assert.deepEqual(seen, [first, second, small]);
  assert.deepEqual(results.sort(), [first, second, small].sort());
  assert.equal(most, 4);
});

test('one more file starts whenever the machine idles, not too many, and only of those that may', async () => {
  const ends = new Map();
  const start = (file) => new Promise((end) => { ends.set(file, () => end(file)); });
  let idles = null;
  const spare = { idles: () => new Promise((idle) => { idles = () => idle(IDLE); }), beside: (file) => file.startsWith('small') };
  const turn = () => new Promise((done) => setImmediate(done));
  const small = Array.from({ length: MOST_BESIDE + 2 }, (_, n) => `small${n + 1}`);
  const all = scheduled(['large1', 'large2', ...small], () => 2, 2, start, spare);
  assert.deepEqual([...ends.keys()], ['large1']);
  for (const file of small.slice(0, MOST_BESIDE)) {
    await turn();
    idles();
    await turn();
    assert.equal([...ends.keys()].at(-1), file);
  }
  idles = null;
  await turn();
  assert.equal(idles, null, 'nobody asks for one more');
  ends.get('large1')();
  await turn();
  assert.equal([...ends.keys()].at(-1), 'large2', 'what ran beside took no part of it');
  ends.get('small1')();
  await turn();
  idles();
  await turn();
  assert.equal([...ends.keys()].at(-1), small[MOST_BESIDE]);
  for (let ended = new Set(); ended.size < 2 + small.length;) {
    for (const [file, end] of ends) if (!ended.has(file)) ended.add(file) && end();
    await turn();
  }
  assert.equal((await all).length, 2 + small.length);
});

test('who waits for idle cores beside a process waits no longer than that runs', async () => {
  const process = spawn('true');
  await once(process, 'exit');
  await idled(2, 0.01, process.pid); // twice the machine never idles
});

test('one file alone takes the whole machine, two that judge seconds leave room for one that does not, and one that waits takes half of what others like it take, or one part where these take all', () => {
  const of = (kind, waits) => TESTS.find((file) => company(file) === kind && WAITING.some((pattern) => matches(pattern, file)) === waits);
  const all = [of('alone', false), of('alone', true), of('paired', false), of('paired', true), of('together', false), of('together', true)];
  assert.deepEqual(all.map((file) => parts(file, 4)), [8, 1, 3, 1.5, 2, 1]);
  assert.deepEqual(all.map((file) => parts(file, 1)), [2, 1, 2, 1, 2, 1]);
  assert.ok(TESTS.every((file) => parts(file, 1) <= 2), 'each has room');
  assert.deepEqual(rounds(all).map((files) => files.map(company)), [['alone', 'alone'], ['paired', 'paired', 'together', 'together']], 'beside one that is alone and waits nothing starts but its like');
});

test('what a file counted is the sum of its TAP, and what it skipped is told apart', () => {
  assert.deepEqual(counted('TAP version 13\nok 1 - # pass 9\n# tests 7\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 1\n'), { passed: 3, failed: 2, skipped: 2 });
  assert.deepEqual(counted('ok 1 - a\nnot ok 2 - a/b.test.mjs\n# pass 1\n# fail 0\n'), { passed: 1, failed: 1, skipped: 0 }, 'its last hook');
  assert.deepEqual(counted(''), { passed: 0, failed: 0, skipped: 0 });
});
