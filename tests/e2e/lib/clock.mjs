// A clock that a test sets while a process runs: libfaketime, as Debian packs it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { PROXIES } from './process.mjs';

function preloaded() {
  const libraries = path.join(PROXIES, '../lib');
  const found = fs.readdirSync(libraries).map((name) => path.join(libraries, name, 'faketime/libfaketimeMT.so.1')).find((name) => fs.existsSync(name));
  assert.ok(found, `no libfaketime below ${libraries}`);
  return found;
}

/** `env` for the process; `set(seconds)` sets its clock so far ahead of ours, or back. */
export function clockOf(folder) {
  const file = path.join(folder, 'offset');
  const set = (seconds) => fs.writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}`);
  set(0);
  // A clock that is set leaves the time since the start of the machine alone.
  return { set, env: { LD_PRELOAD: preloaded(), FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' } };
}
