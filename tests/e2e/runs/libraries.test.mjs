// What a command loads before it does anything: each library is paid for at every start.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { OA_BIN, cleanEnv, scratch } from '../lib/process.mjs';

/** The loader's own account of what it loads. */
const loaded = (...args) => spawnSync(OA_BIN, args, { encoding: 'utf8', env: cleanEnv({ HOME: scratch('libraries'), LD_DEBUG: 'files' }) }).stderr;

test('libcurl is loaded by commands that ask somebody, libarchive by those that read bundles', () => {
  const quiet = loaded('version');
  assert.match(quiet, /libc\.so/);
  assert.doesNotMatch(quiet, /libcurl|libgnutls|libarchive|libxml2|libicu/);
  assert.match(loaded('smoke', 'stream', '--base-url', 'http://127.0.0.1:9'), /libcurl\.so/);
  const bundle = path.join(scratch('bundle'), 'bundle.tar.gz');
  fs.writeFileSync(bundle, zlib.gzipSync('not a bundle'));
  assert.match(loaded('incident', 'verify', bundle), /libarchive\.so/);
});
