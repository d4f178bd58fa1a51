// What a command loads before it does anything: each library is paid for at every start.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { OA_BIN, cleanEnv, scratch } from '../lib/process.mjs';

/** The loader's own account of what it loads. */
const loaded = (...args) => spawnSync(OA_BIN, args, { encoding: 'utf8', env: cleanEnv({ HOME: scratch('libraries'), LD_DEBUG: 'files' }) }).stderr;

test('libcurl is loaded by commands that ask somebody, libarchive by those that pack', () => {
  const quiet = loaded('version');
  assert.match(quiet, /libc\.so/);
  assert.doesNotMatch(quiet, /libcurl|libgnutls|libarchive|libxml2|libicu/);
  assert.match(loaded('smoke', 'stream', '--base-url', 'http://127.0.0.1:9'), /libcurl\.so/);
});
