// The playbook commands: what a file says before anything is done, in one line a mistake.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { OA_BIN, ROOT, cleanEnv, scratch } from '../lib/process.mjs';

const run = (...args) => new Promise((done) => {
  execFile(OA_BIN, args, { env: cleanEnv({ HOME: scratch('home') }) }, (error, stdout, stderr) => {
    done({ code: error ? error.code : 0, stdout, stderr });
  });
});
const write = (name, text) => {
  const file = path.join(scratch('file'), name);
  fs.writeFileSync(file, text);
  return file;
};
const shipped = (name) => fs.readFileSync(path.join(ROOT, 'playbooks', `${name}.yaml`), 'utf8');

test('list names every shipped playbook, and show prints it as it is', async () => {
  const list = await run('playbook', 'list', '--json');
  assert.equal(list.code, 0);
  const names = JSON.parse(list.stdout).playbooks.map((one) => one.name);
  const files = fs.readdirSync(path.join(ROOT, 'playbooks')).filter((name) => name.endsWith('.yaml'));
  assert.deepEqual(names.toSorted(), files.map((name) => name.replace('.yaml', '')).toSorted());
  for (const name of names) {
    const shown = (await run('playbook', 'show', name)).stdout;
    assert.equal(shown, shipped(name));
    assert.doesNotMatch(shown, /help: "?The same/, 'a shell sorts variables: each help stands alone');
  }
});

test('validate: a shipped playbook is valid, as a name and as a file, and says what it needs', async () => {
  for (const name of ['cutover', path.join(ROOT, 'playbooks/cutover.yaml')]) {
    const got = await run('playbook', 'validate', name);
    assert.equal(got.code, 0, got.stderr);
    assert.match(got.stdout, /a run needs --set base_url=… --set stable=…/);
    assert.equal(got.stderr, '');
  }
});

test('validate: every mistake on one line with its place, exit 2, the same in --json', async () => {
  const file = write('my.yaml', shipped('cutover').replace('bake: "${bake}"', 'bake: 10').replace('stages:', 'stagez:'));
  const got = await run('playbook', 'validate', file);
  assert.equal(got.code, 2);
  assert.equal(got.stdout, '');
  const lines = got.stderr.trimEnd().split('\n');
  assert.match(lines[0], /my\.yaml:\d+:1: unknown key 'stagez' \(did you mean stages\?\)$/);
  assert.match(lines[1], /my\.yaml:\d+:9: bake: '10' has no unit, expected a duration like 10m \(write 10ms, 10s, 10m, 10h or 10d\)$/);
  assert.match(lines[2], /^FAIL .*my\.yaml: 2 problems next: .*oa-stream playbook validate /);
  const json = await run('playbook', 'validate', file, '--json');
  assert.equal(json.code, 2);
  const document = JSON.parse(json.stdout);
  assert.equal(document.verdict, 'FAIL');
  assert.deepEqual(document.problems.map((one) => one.text), lines.slice(0, 2));
  assert.equal(document.problems[1].key, 'stage.bake');
});

test('--set: an unknown name, a value of the wrong kind and no value at all are refused', async () => {
  const unknown = await run('playbook', 'validate', 'cutover', '--set', 'bakee=5m');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /--set bakee: no such variable \(did you mean bake\?\)/);
  const wrong = await run('playbook', 'validate', 'cutover', '--set', 'bake=5');
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /cutover:\d+:9: bake: '5' has no unit/);
  assert.equal((await run('playbook', 'validate', 'cutover', '--set', 'bake')).code, 2);
  assert.equal((await run('playbook', 'validate', 'cutover', '--set', 'bake=5m', '--set', 'bake=6m')).code, 2);
});

test('explain tells each step with its values', async () => {
  const got = await run('playbook', 'explain', 'cutover', '--set', 'stable=app-1', '--set', 'canary=app-2', '--set', 'bake=3m');
  assert.equal(got.code, 0, got.stderr);
  assert.match(got.stdout, /moves the traffic from app-1 to app-2 with driver cloud-run/);
  assert.match(got.stdout, /Give app-2 25% of the traffic for 3m/);
  assert.match(got.stdout, /all traffic goes back as it was at once, verified/);
});

test('a file that is not there, or is not a file, is an unreadable input: exit 2', async () => {
  for (const name of ['no/such.yaml', scratch('folder.yaml'), 'cutovr']) {
    const got = await run('playbook', 'validate', name);
    assert.equal(got.code, 2, `${name}: ${got.stderr}`);
    assert.equal(got.stderr.trimEnd().split('\n').length, 1);
  }
});

test('schema is the file that editors are pointed at', async () => {
  assert.equal((await run('playbook', 'schema')).stdout, fs.readFileSync(path.join(ROOT, 'playbooks/playbook.schema.json'), 'utf8'));
});
