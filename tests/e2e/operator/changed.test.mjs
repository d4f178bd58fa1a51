// `./dev test --changed`: what is touched is found, and what is not known touches everything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALONE, PAIRED, TESTS, failedFiles, matches, selection } from '../../../.ci/suite.mjs';

test('every file that runs alone or in a pair is there', () => {
  for (const pattern of [...ALONE, ...PAIRED]) assert.ok(TESTS.some((file) => matches(pattern, file)), pattern);
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

test('the files of failed tests are found, each once, whether a test of theirs failed or they died', () => {
  const entry = (verdict, name, file, indent = '') => `${indent}${verdict} 1 - ${name}\n${indent}  ---\n${indent}  duration_ms: 1\n${indent}  location: '${new URL(`../../../${file}`, import.meta.url).pathname}:8:1'\n${indent}  ...\n`;
  const tap = ['TAP version 13\n', entry('ok', 'not ok 2 - a name', 'tests/e2e/a/well.test.mjs'), entry('not ok', 'inner', 'tests/e2e/b/inner.test.mjs', '    '),
    entry('not ok', 'outer', 'tests/e2e/b/inner.test.mjs'), entry('not ok', 'tests/e2e/a/died.test.mjs', 'tests/e2e/a/died.test.mjs')].join('');
  assert.deepEqual(failedFiles(tap), ['tests/e2e/a/died.test.mjs', 'tests/e2e/b/inner.test.mjs']);
  assert.deepEqual(failedFiles('TAP version 13\n'), []);
});
