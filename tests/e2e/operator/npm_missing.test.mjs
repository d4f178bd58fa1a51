// The one thing npm does not tell: an optional package for this machine that it could not fetch.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { scratch } from '../lib/process.mjs';

const TOOL = fileURLToPath(new URL('../../../.ci/npm_missing.mjs', import.meta.url));
const here = { os: process.platform, cpu: process.arch };
const elsewhere = process.arch === 's390x' ? 'x64' : 's390x';

/** What the tool says of a lock file with `packages`, of which `installed` stand in node_modules. */
function missing(packages, installed = []) {
  const folder = scratch('npm-missing');
  fs.writeFileSync(path.join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...packages } }));
  for (const place of installed) {
    fs.mkdirSync(path.join(folder, place), { recursive: true });
    fs.writeFileSync(path.join(folder, place, 'package.json'), '{}');
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [TOOL, folder], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(Boolean);
}

test('an optional package for this machine that is not there is named, once fetched it is not', () => {
  const packages = { 'node_modules/@scope/tool-here': { version: '1.2.3', optional: true, ...here } };
  assert.deepEqual(missing(packages), ['@scope/tool-here@1.2.3']);
  assert.deepEqual(missing(packages, ['node_modules/@scope/tool-here']), []);
});

test('an alias is named as the package it stands for, since that is what can be fetched', () => {
  const packages = { 'node_modules/tool-here': { name: 'tool', version: '1.2.3-here', optional: true, ...here } };
  assert.deepEqual(missing(packages), ['tool@1.2.3-here']);
});

test('lists of machines are understood, and "!" excludes', () => {
  const of = (rule) => missing({ 'node_modules/tool': { version: '1.0.0', optional: true, ...rule } });
  assert.deepEqual(of({ os: ['aix', here.os], cpu: [elsewhere, here.cpu] }), ['tool@1.0.0']);
  assert.deepEqual(of({ os: ['!aix'] }), ['tool@1.0.0']);
  assert.deepEqual(of({ os: [`!${here.os}`] }), []);
});

test('packages for other machines, and those npm itself insists on, are not looked for', () => {
  assert.deepEqual(missing({
    'node_modules/other-cpu': { version: '1.0.0', optional: true, os: here.os, cpu: elsewhere },
    'node_modules/other-os': { version: '1.0.0', optional: true, os: 'aix' },
    'node_modules/needed': { version: '1.0.0', ...here },
    'node_modules/nice-to-have': { version: '1.0.0', optional: true },
  }), []);
});
