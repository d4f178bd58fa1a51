// The Debian package as a fleet would get it: what is in it, that its units are sound and hardened,
// that two makings are the same bytes, and that what was unpacked works.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { OA_BIN, ROOT, cleanEnv, scratch } from '../lib/process.mjs';

const build = path.dirname(OA_BIN);
const run = (program, args, options = {}) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });

/** The same, beside others: what it printed. */
const ran = async (program, args, options = {}) => (await promisify(execFile)(program, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options })).stdout;

/**
 * The package made from the build that is tested; its path. Packed with gzip: xz takes 16 s for each, and `./dev release`
 * compares what it packed twice with that.
 */
async function make(name) {
  const folder = scratch(name);
  const env = { ...cleanEnv({ HOME: folder }), SOURCE_DATE_EPOCH: '1790000000' };
  await ran('cpack', ['--config', path.join(build, 'CPackConfig.cmake'), '-D', 'CPACK_DEBIAN_COMPRESSION_TYPE=gzip', '-G', 'DEB', '-B', folder], { cwd: build, env });
  return path.join(folder, fs.readdirSync(folder).find((file) => file.endsWith('.deb')));
}
const digest = (file) => crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');

let deb, again, root;
before(async () => {
  run('cmake', ['--build', build, '--target', 'oa_package']);
  [deb, again] = await Promise.all(['first', 'second'].map(make));
  root = scratch('root');
  run('dpkg-deb', ['-x', deb, root]);
});

test('the same build is the same package, byte for byte', () => {
  assert.notEqual(again, deb);
  assert.equal(digest(again), digest(deb));
});

test('binary, manual, completions, playbooks, units, settings and documents are in it', () => {
  const has = (file) => assert.ok(fs.existsSync(path.join(root, file)), `${file} is not in the package`);
  for (const file of [
    'usr/bin/oa-stream', 'usr/share/man/man1/oa-stream.1.gz', 'usr/share/man/man1/oa-stream-cutover-apply.1.gz', 'usr/share/man/man5/oa-stream-playbook.5.gz',
    'usr/share/bash-completion/completions/oa-stream', 'usr/share/zsh/vendor-completions/_oa-stream',
    'usr/share/fish/vendor_completions.d/oa-stream.fish', 'usr/share/oa-stream/playbooks/cutover.yaml',
    'usr/lib/systemd/system/oa-stream.service', 'usr/lib/systemd/system/oa-stream-verify.service', 'usr/lib/systemd/system/oa-stream-verify.timer',
    'usr/lib/systemd/system/oa-stream-verify@.service', 'usr/lib/systemd/system/oa-stream-verify@.timer', 'usr/lib/systemd/system/oa-stream-verify-failed@.service', 'usr/lib/oa-stream/mail-failure',
    'usr/share/doc/oa-stream/verify.env.example',
    'usr/lib/sysusers.d/oa-stream.conf', 'etc/default/oa-stream', 'etc/logrotate.d/oa-stream', 'usr/share/doc/oa-stream/README.md', 'usr/share/doc/oa-stream/CHANGELOG.md', 'usr/share/doc/oa-stream/copyright',
  ]) has(file);
  const files = (folder) => fs.readdirSync(folder).filter((file) => file.endsWith('.json')).sort();
  assert.deepEqual(files(path.join(root, 'usr/share/oa-stream/schemas')), files(path.join(ROOT, 'docs/schemas')), 'every schema');
  const control = run('dpkg-deb', ['-f', deb]);
  assert.match(control, /^Depends: .*libc6/m);
  assert.match(control, /^Architecture: (amd64|arm64)$/m);
  assert.equal(run('dpkg-deb', ['-I', deb, 'conffiles']), '/etc/default/oa-stream\n/etc/logrotate.d/oa-stream\n', 'settings survive an upgrade');
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

for (const unit of ['oa-stream.service', 'oa-stream-verify.service', 'oa-stream-verify.timer', 'oa-stream-verify@staging.service', 'oa-stream-verify@staging.timer', 'oa-stream-verify-failed@staging.service']) {
  test(`${unit}: systemd has nothing to say about it`, () => {
    const folder = scratch('unit');
    for (const file of fs.readdirSync(path.join(root, 'usr/lib/systemd/system'))) {
      const text = fs.readFileSync(path.join(root, 'usr/lib/systemd/system', file), 'utf8');
      // It is not installed here: its programs and settings are below the scratch folder.
      fs.writeFileSync(path.join(folder, file), text.replaceAll('/usr/bin/oa-stream', path.join(root, 'usr/bin/oa-stream')).replaceAll('/usr/lib/oa-stream/', path.join(root, 'usr/lib/oa-stream/')).replaceAll('/etc/default', path.join(root, 'etc/default')));
    }
    const checked = spawnSync('systemd-analyze', ['verify', '--man=no', path.join(folder, unit)], { encoding: 'utf8' });
    assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, '']);
    if (!unit.endsWith('.service') || unit.includes('failed')) return; // who mails hands over to setgid programs
    const rated = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', path.join(folder, unit)], { encoding: 'utf8' });
    assert.equal(rated.status, 0, rated.stdout.split('\n').slice(-2).join('\n'));
  });
}

test('removing the package stops and disables every timer that was enabled', () => {
  const world = scratch('removed'), etc = path.join(world, 'etc/systemd/system'), told = path.join(world, 'told');
  fs.cpSync(path.join(root, 'usr/lib/systemd/system'), path.join(world, 'usr/lib/systemd/system'), { recursive: true });
  fs.mkdirSync(etc, { recursive: true });
  run('systemctl', [`--root=${world}`, 'enable', 'oa-stream.service', 'oa-stream-verify.timer', 'oa-stream-verify@a.timer', 'oa-stream-verify@b.timer']);
  const enabled = () => fs.readdirSync(etc, { recursive: true, withFileTypes: true }).filter((one) => one.isSymbolicLink()).map((one) => one.name).sort();
  assert.deepEqual(enabled(), ['oa-stream-verify.timer', 'oa-stream-verify@a.timer', 'oa-stream-verify@b.timer', 'oa-stream.service']);
  // Of the system below `world` only files are there: what would be stopped is noted.
  fs.mkdirSync(path.join(world, 'bin'));
  fs.writeFileSync(path.join(world, 'bin/systemctl'), `#!/bin/sh
echo "$*" >>'${told}'
for word; do shift; [ "$word" = --now ] || set -- "$@" "$word"; done
[ "$1" = stop ] || exec /usr/bin/systemctl --root='${world}' "$@"
`, { mode: 0o755 });
  const script = run('dpkg-deb', ['-I', deb, 'prerm']).replace('[ -d /run/systemd/system ]', 'true');
  run('sh', ['-c', script, 'prerm', 'remove'], { env: { ...process.env, PATH: `${path.join(world, 'bin')}:${process.env.PATH}` } });
  assert.deepEqual(enabled(), []);
  const lines = fs.readFileSync(told, 'utf8');
  assert.match(lines, /^stop oa-stream-verify@\*\.timer$/m);
  assert.match(lines, /disable --now oa-stream\.service oa-stream-verify\.timer$/m);
});

test('the settings are words that serve and verify take', () => {
  const text = fs.readFileSync(path.join(root, 'etc/default/oa-stream'), 'utf8');
  const value = (name) => new RegExp(`^${name}="(.*)"$`, 'm').exec(text)[1].split(' ');
  for (const [command, name] of [['serve', 'OA_STREAM_SERVE'], ['verify', 'OA_STREAM_VERIFY']]) {
    const options = run(OA_BIN, [command, '--help']);
    for (const word of value(name).filter((one) => one.startsWith('--'))) assert.ok(options.includes(word), `${command} has no ${word}`);
  }
});

/** Every Markdown file of a folder, and where its links lead that lead nowhere. */
function deadLinks(folder) {
  const pages = fs.readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.md'));
  const slug = (head) => head.replaceAll(/`|\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase().replaceAll(/[^\p{L}\p{N}_\- ]/gu, '').trim().replaceAll(' ', '-');
  const heads = (file) => new Set([...fs.readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, head]) => slug(head)));
  const out = [];
  let links = 0;
  for (const page of pages) {
    const text = fs.readFileSync(path.join(folder, page), 'utf8').replaceAll(/```.*?```/gs, '');
    for (const [, target] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links += 1;
      const [file, anchor] = target.split('#');
      const at = file === '' ? path.join(folder, page) : path.join(folder, path.dirname(page), file);
      if (!fs.existsSync(at)) out.push(`${page}: ${target}`);
      else if (anchor && at.endsWith('.md') && !heads(at).has(anchor)) out.push(`${page}: ${target} (no such heading)`);
    }
  }
  assert.ok(links > 150, `${links} links`);
  return out;
}

test('no link between the documents of the package is dead, nor of those in the tree', () => {
  assert.deepEqual(deadLinks(path.join(root, 'usr/share/doc/oa-stream')), []);
  const tree = scratch('tree');
  for (const name of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'docs', 'playbooks', 'examples', 'bench/README.md']) {
    fs.cpSync(path.join(ROOT, name), path.join(tree, name), { recursive: true });
  }
  assert.deepEqual(deadLinks(tree), []);
});

test('the access log that the settings name is rotated, and the lane reopens it', () => {
  const settings = fs.readFileSync(path.join(root, 'etc/default/oa-stream'), 'utf8');
  const rotate = fs.readFileSync(path.join(root, 'etc/logrotate.d/oa-stream'), 'utf8');
  const unit = fs.readFileSync(path.join(root, 'usr/lib/systemd/system/oa-stream.service'), 'utf8');
  const [, folder] = /--access-log (\S+)\/[^/\s]+\.log"/.exec(settings);
  assert.ok(rotate.includes(`\n${folder}/*.log {\n`), `nothing rotates ${folder}`);
  const user = /^User=(.*)$/m.exec(unit)[1];
  assert.match(rotate, new RegExp(`^ +su ${user} ${user}$`, 'm'));
  assert.match(rotate, new RegExp(`^ +create 0600 ${user} ${user}$`, 'm'));
  const [, script] = /postrotate\n(.*)\n *endscript/s.exec(rotate);
  const bin = scratch('systemctl');
  // Its own arguments choose the units; two lanes are active.
  fs.writeFileSync(path.join(bin, 'systemctl'), `#!/bin/sh\ncase "$1" in list-units) printf '%s loaded active running A lane\\n' oa-stream.service oa-stream@b.service;; *) echo "$*" >>${bin}/log;; esac\n`, { mode: 0o755 });
  run('sh', ['-ec', script.replace('/run/systemd/system', bin)], { env: { ...cleanEnv(), PATH: `${bin}:${process.env.PATH}` } });
  assert.equal(fs.readFileSync(path.join(bin, 'log'), 'utf8'), 'reload oa-stream.service\nreload oa-stream@b.service\n');
  assert.match(unit, /^ExecReload=/m);
});

test('example programs can be run, and the settings agree with the guides', () => {
  const program = path.join(root, 'usr/share/doc/oa-stream/examples/command-driver/nginx-split');
  assert.ok(fs.statSync(program).mode & 0o100, 'executable');
  const settings = fs.readFileSync(path.join(root, 'etc/default/oa-stream'), 'utf8');
  const port = /--listen 127\.0\.0\.1:(\d+)/.exec(settings)[1];
  assert.ok(settings.includes(`base_url=http://127.0.0.1:${port}"`), 'verify asks where serve listens');
  for (const page of ['docs/quickstart.md', 'README.md']) {
    const text = fs.readFileSync(path.join(root, 'usr/share/doc/oa-stream', page), 'utf8');
    const ports = new Set([...text.matchAll(/--listen (?:127\.0\.0\.1|0\.0\.0\.0):(\d+)/g)].map(([, one]) => one));
    assert.deepEqual([...ports], [port], page);
  }
});

test('lintian has no error and no warning', () => {
  const judged = spawnSync('lintian', ['--no-cfg', '--fail-on', 'error,warning', '--tag-display-limit', '0', deb], { encoding: 'utf8', env: { ...cleanEnv({ HOME: scratch('lintian') }), LC_ALL: 'C.UTF-8' } });
  assert.deepEqual([judged.status, judged.stdout.split('\n').filter((line) => /^[EW]: /.test(line))], [0, []], judged.stderr);
});

test('what the package is made of is listed, and the list is the same twice', async () => {
  const list = () => ran(process.execPath, [path.join(ROOT, '.ci/sbom.mjs'), deb, OA_BIN], { env: { ...process.env, SOURCE_DATE_EPOCH: '1790000000' } });
  const [text, same] = await Promise.all([list(), list()]), sbom = JSON.parse(text);
  assert.equal(text, same);
  assert.equal(sbom.spdxVersion, 'SPDX-2.3');
  const own = sbom.packages.find((one) => one.name === 'oa-stream');
  assert.equal(own.checksums[0].checksumValue, digest(deb));
  const named = new Set(sbom.packages.map((one) => one.name));
  for (const depends of run('dpkg-deb', ['-f', deb, 'Depends']).trim().split(/, /)) {
    const name = depends.split(/[ :(]/)[0];
    assert.ok(named.has(name), `${name} is a dependency and not in the list`);
  }
  for (const name of ['libboost1.81-dev', 'nlohmann-json3-dev', 'libcli11-dev']) assert.ok(named.has(name), name);
  for (const one of sbom.packages) assert.ok(/\d/.test(one.versionInfo), one.name);
});
