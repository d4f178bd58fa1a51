// The package's unit with what docs/install.md adds for an agent: Codex's sandbox can be set up below it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../lib/process.mjs';

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** The system calls of each group: `@mount`. */
const GROUPS = new Map();
for (const line of execFileSync('systemd-analyze', ['syscall-filter'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')) {
  if (line.startsWith('@')) GROUPS.set(line.trim(), []);
  else if (/^\s+[@\w]/.test(line)) [...GROUPS.values()].at(-1).push(line.trim());
}
const expand = (word) => (word.startsWith('@') ? GROUPS.get(word).flatMap(expand) : [word]);

/** What a unit's lines come to: a list grows or shrinks with each line, of other settings the last one counts. */
function settled(text) {
  const settings = {}, calls = new Set(expand('@default'));
  for (const [, name, value] of text.matchAll(/^\s*(\w+)=(.*)$/gm)) {
    settings[name] = value;
    if (name !== 'SystemCallFilter') continue;
    const taken = value.startsWith('~');
    for (const call of value.replace('~', '').split(' ').flatMap(expand)) taken ? calls.delete(call) : calls.add(call);
  }
  return { settings, calls };
}

// What bubblewrap and the filter of the sandbox itself call, beside what every program does.
const SANDBOX = ['capset', 'seccomp', 'mount', 'umount2', 'pivot_root', 'clone', 'unshare', 'prctl'];

test('the drop-in for an agent allows what the sandbox of Codex needs, and nothing more of what is privileged', () => {
  const unit = read('packaging/systemd/oa-stream.service');
  const dropIn = /systemctl edit oa-stream`:\n\n *```ini\n([^`]*)```/.exec(read('docs/install.md'));
  assert.ok(dropIn, 'docs/install.md shows a drop-in');
  const { settings, calls } = settled(unit + dropIn[1]);
  assert.deepEqual(SANDBOX.filter((call) => !calls.has(call)), []);
  assert.equal(settings.RestrictNamespaces, 'no');
  assert.equal(settings.ProcSubset, 'all', 'bubblewrap reads /proc/sys/kernel/overflowuid');
  const plain = settled(unit).calls;
  assert.deepEqual([...calls].filter((call) => !plain.has(call)).sort(), ['capset', 'mount', 'pivot_root', 'seccomp', 'umount2']);
});
