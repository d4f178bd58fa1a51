// The Debian package as a fleet would get it: what is in it, that its units are sound and hardened,
// that two makings are the same bytes, and that what was unpacked works.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { OA_BIN, ROOT, cleanEnv, scratch } from '../lib/process.mjs';

const build = path.dirname(OA_BIN);
const run = (program, args, options = {}) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });

/** The package made from the build that is tested; its path. */
function make(name) {
  const folder = scratch(name);
  const env = { ...cleanEnv({ HOME: folder }), SOURCE_DATE_EPOCH: '1790000000' };
  const made = spawnSync('cpack', ['--config', path.join(build, 'CPackConfig.cmake'), '-G', 'DEB', '-B', folder], { cwd: build, encoding: 'utf8', env });
  assert.equal(made.status, 0, made.stdout + made.stderr);
  return path.join(folder, fs.readdirSync(folder).find((file) => file.endsWith('.deb')));
}
const digest = (file) => crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');

let deb, root;
before(() => {
  run('cmake', ['--build', build, '--target', 'oa_package']);
  deb = make('first');
  root = scratch('root');
  run('dpkg-deb', ['-x', deb, root]);
});

test('the same build is the same package, byte for byte', () => {
  assert.equal(digest(make('second')), digest(deb));
});

test('binary, manual, completions, playbooks, units, settings and documents are in it', () => {
  const has = (file) => assert.ok(fs.existsSync(path.join(root, file)), `${file} is not in the package`);
  for (const file of [
    'usr/bin/oa-stream', 'usr/share/man/man1/oa-stream.1.gz', 'usr/share/man/man1/oa-stream-cutover-apply.1.gz', 'usr/share/man/man5/oa-stream-playbook.5.gz',
    'usr/share/bash-completion/completions/oa-stream', 'usr/share/zsh/vendor-completions/_oa-stream',
    'usr/share/fish/vendor_completions.d/oa-stream.fish', 'usr/share/oa-stream/playbooks/cutover.yaml',
    'usr/lib/systemd/system/oa-stream.service', 'usr/lib/systemd/system/oa-stream-verify.service', 'usr/lib/systemd/system/oa-stream-verify.timer',
    'usr/lib/sysusers.d/oa-stream.conf', 'etc/default/oa-stream', 'usr/share/doc/oa-stream/README.md', 'usr/share/doc/oa-stream/CHANGELOG.md', 'usr/share/doc/oa-stream/copyright',
  ]) has(file);
  const files = (folder) => fs.readdirSync(folder).filter((file) => file.endsWith('.json')).sort();
  assert.deepEqual(files(path.join(root, 'usr/share/oa-stream/schemas')), files(path.join(ROOT, 'docs/schemas')), 'every schema');
  const control = run('dpkg-deb', ['-f', deb]);
  assert.match(control, /^Depends: .*libc6/m);
  assert.match(control, /^Architecture: (amd64|arm64)$/m);
  assert.equal(run('dpkg-deb', ['-I', deb, 'conffiles']), '/etc/default/oa-stream\n', 'settings survive an upgrade');
  // Nothing of the machine that built it.
  for (const word of [ROOT, build]) assert.equal(spawnSync('grep', ['-rlF', '--', word, root], { encoding: 'utf8' }).stdout, '', `${word} stands in the package`);
});

test('what was unpacked works, and is stripped', () => {
  const binary = path.join(root, 'usr/bin/oa-stream');
  assert.match(run(binary, ['version']), /^oa-stream \d+\.\d+\.\d+/);
  assert.ok(fs.statSync(binary).size < fs.statSync(OA_BIN).size, 'no symbols');
  const listed = JSON.parse(run(binary, ['playbook', 'list', '--json']));
  const files = fs.readdirSync(path.join(root, 'usr/share/oa-stream/playbooks')).filter((file) => file.endsWith('.yaml'));
  assert.equal(files.length, listed.playbooks.length);
});

for (const unit of ['oa-stream.service', 'oa-stream-verify.service', 'oa-stream-verify.timer']) {
  test(`${unit}: systemd has nothing to say about it`, () => {
    const folder = scratch('unit');
    for (const file of fs.readdirSync(path.join(root, 'usr/lib/systemd/system'))) {
      const text = fs.readFileSync(path.join(root, 'usr/lib/systemd/system', file), 'utf8');
      // It is not installed here: its programs and settings are below the scratch folder.
      fs.writeFileSync(path.join(folder, file), text.replaceAll('/usr/bin/oa-stream', path.join(root, 'usr/bin/oa-stream')).replaceAll('/etc/default', path.join(root, 'etc/default')));
    }
    const checked = spawnSync('systemd-analyze', ['verify', '--man=no', path.join(folder, unit)], { encoding: 'utf8' });
    assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, '']);
    if (!unit.endsWith('.service')) return;
    const rated = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', path.join(folder, unit)], { encoding: 'utf8' });
    assert.equal(rated.status, 0, rated.stdout.split('\n').slice(-2).join('\n'));
  });
}

test('the settings are words that serve and verify take', () => {
  const text = fs.readFileSync(path.join(root, 'etc/default/oa-stream'), 'utf8');
  const value = (name) => new RegExp(`^${name}="(.*)"$`, 'm').exec(text)[1].split(' ');
  for (const [command, name] of [['serve', 'OA_STREAM_SERVE'], ['verify', 'OA_STREAM_VERIFY']]) {
    const options = run(OA_BIN, [command, '--help']);
    for (const word of value(name).filter((one) => one.startsWith('--'))) assert.ok(options.includes(word), `${command} has no ${word}`);
  }
});
