// From a failed rehearsal to an issue in two commands; a bundle that verifies anywhere; secrets that
// stand in no file of any run, report or bundle; runs that died, and room made beside others.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { OA_BIN, Running, cleanEnv, handmadeRun, limit, oa, scratch, sleep } from '../lib/process.mjs';
import { TOKEN, honestFrames, startFakeLane } from '../lib/fake_lane.mjs';

const QUICK = ['--bake', '2s', '--rate', '20'];
const filesBelow = (folder) => fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((e) => e.isFile()).map((e) => path.join(e.parentPath ?? e.path, e.name));
const runsOf = (state) => fs.readdirSync(path.join(state, 'runs')).filter((n) => !n.startsWith('.')).sort();
const sh = (program, args, options = {}) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });

/** The verdict of `check` on each stored stream, by its path below `folder`. */
async function verdicts(folder, names) {
  const out = {};
  for (const name of names) {
    const stem = path.join(folder, name.slice(0, -4));
    const run = await oa(['check', '--json', ...(fs.existsSync(`${stem}.head`) ? ['--headers', `${stem}.head`] : []), `${stem}.sse`]);
    const { verdict, violations, probe } = run.json();
    out[name] = { verdict, rules: violations.map((v) => v.rule), probe };
  }
  return out;
}

describe('from a failed rehearsal to an issue', () => {
  let state, run, id, folder, streams;
  before(async () => {
    run = await oa(['cutover', 'rehearse', '--local', '--json', ...QUICK, '--inject', 'malformed=0.8@5'], { ms: 300000 });
    state = run.stateDir;
    [id] = runsOf(state);
    folder = path.join(state, 'runs', id);
    const all = fs.readdirSync(path.join(folder, 'streams')).filter((n) => n.endsWith('.sse'));
    streams = [...all.filter((n) => n.includes('bad')).slice(0, 2), ...all.filter((n) => !n.includes('bad')).slice(0, 2)];
  });

  // Every stream that the run kept: what `check` finds is what the probe found, and whose end was never read is not blamed for it.
  test('check comes to the verdicts of the probe on every stored stream', async () => {
    const names = fs.readdirSync(path.join(folder, 'streams')).filter((n) => n.endsWith('.sse'));
    const found = await verdicts(path.join(folder, 'streams'), names);
    const left = [];
    for (const name of names) {
      const probe = JSON.parse(fs.readFileSync(path.join(folder, 'streams', name.replace(/sse$/, 'probe.json')), 'utf8'));
      assert.deepEqual(found[name].rules, probe.violations, name);
      assert.deepEqual(found[name].probe, { outcome: probe.outcome, detail: probe.detail }, name);
      if (probe.outcome === 'cancelled') left.push(name);
      assert.equal(found[name].verdict, probe.violations.length === 0 ? 'pass' : 'fail', name);
    }
    assert.deepEqual(left.filter((name) => !name.includes('-left')), []);
    assert.ok(left.length >= 2, names.join(' '));
    const stem = path.join(folder, 'streams', left[0].slice(0, -4));
    const told = await oa(['check', '--headers', `${stem}.head`, `${stem}.sse`]);
    assert.match(told.stdout, /^PASS[\s\S]*not judged: .*O5 O6 O9 \(its reader went away before the end\)[\s\S]*the probe that kept it: cancelled/, told.stdout);
    // Elsewhere, without what the probe wrote, the same bytes end too soon; --left says why.
    const alone = path.join(scratch('alone'), 'alone.sse');
    fs.copyFileSync(`${stem}.sse`, alone);
    assert.equal((await oa(['check', alone])).code, 1);
    assert.equal((await oa(['check', '--left', alone])).code, 0);
  });

  test('two commands: rehearse, incident body', async () => {
    assert.equal(run.code, 7, run.stderr.slice(-2000));
    await oa(['note', 'pager went off', '--by', 'ann'], { stateDir: state });
    const body = await oa(['incident', 'body', 'last'], { stateDir: state });
    assert.equal(body.code, 0, body.stderr);
    assert.ok(body.stdout.length <= 65536);
    for (const want of [/^# rehearsal FAIL: gate\./, new RegExp(id), /## What did not pass\n\n.*\n.*\n\| run 1 \| FAIL \| gate\./, /## Rollback\n\n.*\*\*verified\*\*/,
      /## Timeline\n\nUTC; seconds since .*\n\n```text\n +0\.000 /, /fault planted/, /note by ann: pager went off/, /first content, p95 by stage/, /oa\\_stream/, /\| system \|/, /[0-9a-f]{64} {2}runs\/\S+\/run\.json/,
      /## This machine now\n\n.*\n.*\n\| doctor machine\.files \| /, /\| doctor machine\.space \| PASS \| \d+ MiB free/, /\| doctor tool\.codex \| /,
      /\| run 1 config \| setting \| no file \|/, /\| run 1 --bake \| setting \| 2s \(flag\) \|/, /\| run 1 --inject \| setting \| malformed=0\.8@5 \(flag\) \|/]) {
      assert.match(body.stdout, want);
    }
    // A variable and a config file that the command would read are named with the place.
    const config = path.join(scratch('config'), 'config.yaml');
    fs.writeFileSync(config, `version: 1\ncutover rehearse: { rate: 31/s }\nall: { quiet: true }\n`);
    const told = await oa(['incident', 'body', 'last', '--config', config], { stateDir: state, env: { OA_STREAM_CUTOVER_REHEARSE_REPLAY: '/var/replay' } });
    assert.match(told.stdout, /\| run 1 --replay \| setting \| \/var\/replay \(environment OA\\_STREAM\\_CUTOVER\\_REHEARSE\\_REPLAY\) \|/);
    assert.match(told.stdout, /\| run 1 --rate \| setting \| 20 \(flag\) \|/, 'what was typed wins');
    assert.match(told.stdout, /\| run 1 config \| setting \| \S+config\.yaml \|/);
  });

  test('the bundle moved elsewhere verifies with sha256sum and tar, and its streams judge to the same verdicts', async () => {
    const elsewhere = scratch('elsewhere');
    const file = path.join(elsewhere, 'i.tar.zst'), again = path.join(elsewhere, 'again.tar.zst');
    for (const out of [file, again]) {
      const made = await oa(['incident', 'bundle', 'last', '--out', out, '--json'], { stateDir: state });
      assert.equal(made.code, 0, made.stderr);
      assert.equal(made.json().sha256, sh('sha256sum', [out]).slice(0, 64));
    }
    assert.deepEqual(fs.readFileSync(file), fs.readFileSync(again), 'the same bytes twice');
    const spaced = await oa(['incident', 'bundle', 'last', '--out', path.join(elsewhere, 'my b.tar.zst')], { stateDir: state });
    assert.ok(spaced.stderr.includes(`oa-stream incident verify '${elsewhere}/my b.tar.zst'\n`), spaced.stderr);
    const verified = await oa(['incident', 'verify', file, '--json']);
    assert.equal(verified.code, 0, verified.stdout);
    assert.equal(verified.json().verdict, 'PASS');
    sh('tar', ['--zstd', '-xf', file], { cwd: elsewhere });
    const root = path.join(elsewhere, `incident-${id}`);
    sh('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: root });
    const moved = path.join(root, 'runs', id);
    sh('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: moved });
    assert.match(fs.readFileSync(path.join(root, 'charts', `${id}.svg`), 'utf8'), /^<svg [\s\S]*<\/svg>\n$/);
    const here = await verdicts(path.join(folder, 'streams'), streams);
    assert.deepEqual(await verdicts(path.join(moved, 'streams'), streams), here);
    const judged = Object.values(here).map((v) => v.verdict);
    assert.ok(judged.includes('fail') && judged.includes('pass'), JSON.stringify(here));
    // A run folder that was moved can be asked like one that is at home.
    assert.equal((await oa(['runs', 'show', moved, '--json'])).json().sums.changed.length, 0);
  });

  test('what was changed since the seal is named and refused', async () => {
    const copy = path.join(scratch('changed'), id);
    fs.cpSync(folder, copy, { recursive: true });
    fs.appendFileSync(path.join(copy, 'report.md'), 'much better\n');
    const shown = await oa(['runs', 'show', copy, '--json']);
    assert.equal(shown.code, 1);
    assert.deepEqual(shown.json().sums.changed, ['report.md']);
    const out = path.join(path.dirname(copy), 'no.tar.zst');
    const refused = await oa(['incident', 'bundle', copy, '--out', out]);
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(refused.stderr, /CHANGED since the seal: report\.md.*--accept-changed/);
    assert.ok(!fs.existsSync(out));
    // Redaction beside it makes nothing whole: everybody sees that the seal is broken.
    fs.writeFileSync(path.join(copy, 'notes.ndjson'), '{"event":"note","text":"sk-abcdefghijklmnop"}\n');
    const taken = await oa(['incident', 'bundle', copy, '--out', out, '--accept-changed', '--redact']);
    assert.equal(taken.code, 0, taken.stderr);
    const verified = await oa(['incident', 'verify', out, '--json']);
    assert.equal(verified.code, 1, verified.stdout);
    assert.deepEqual(verified.json().checks.filter((c) => c.verdict === 'FAIL').map((c) => c.id), ['seals', `run ${id}`]);
    sh('tar', ['--zstd', '-xf', out], { cwd: path.dirname(out) });
    const moved = path.join(path.dirname(out), `incident-${id}`);
    sh('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: moved });
    assert.throws(() => sh('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: path.join(moved, 'runs', id) }), (error) => /report\.md: FAILED/.test(error.stdout));
    // Nor does a bundle that was cut, or has another behind it.
    const bytes = fs.readFileSync(out), bad = path.join(path.dirname(out), 'bad.tar.zst');
    for (const [wrong, why] of [[bytes.subarray(0, bytes.length - 5), /^FAIL .*: not as it was sealed\n  FAIL +archive +damaged: cut short, copy it again/], [Buffer.concat([bytes, bytes]), /^  FAIL +archive +damaged: there is data after its end/m]]) {
      fs.writeFileSync(bad, wrong);
      const told = await oa(['incident', 'verify', bad]);
      assert.equal(told.code, 1, told.stderr);
      assert.match(told.stdout, why);
    }
  });

  test('a folder of it that an account may not read is named, and no bundle is made without it', (t) => {
    if (process.getuid() !== 0) return t.skip('other accounts need root');
    const state = fs.mkdtempSync(path.join(os.tmpdir(), 'oa-closed-')), copy = path.join(state, 'runs', id);
    fs.cpSync(folder, copy, { recursive: true });
    sh('chmod', ['-R', 'a+rX', state]);
    fs.chmodSync(path.join(copy, 'streams'), 0);
    const nobodyIn = (folder, ...args) => spawnSync(OA_BIN, [...args, '--state-dir', folder], { uid: 65534, gid: 65534, encoding: 'utf8', timeout: 60000, env: cleanEnv({ HOME: '/nonexistent' }) });
    const asNobody = (...args) => nobodyIn(state, ...args);
    const shown = asNobody('runs', 'show', id);
    assert.equal(shown.status, 1, shown.stderr);
    assert.match(shown.stdout, /^ {2}size .*, without what cannot be read$/m);
    assert.match(shown.stdout, /^ {2}sums +[1-9]\d* files as sealed; CANNOT BE READ: streams$/m);
    const { sums, shown: entry } = JSON.parse(asNobody('runs', 'show', id, '--json').stdout);
    assert.deepEqual([sums.unreadable, sums.changed, sums.missing, entry.unreadable], [['streams'], [], [], ['streams']]);
    const list = asNobody('runs', 'list');
    assert.equal(list.status, 0, list.stderr);
    assert.match(list.stdout, /partly unreadable/);
    const body = asNobody('incident', 'body', id);
    assert.equal(body.status, 0, body.stderr);
    assert.match(body.stdout, /CANNOT BE READ: streams/);
    const bundle = asNobody('incident', 'bundle', id, '--out', path.join(state, 'b.tar.zst'), '--accept-changed');
    assert.equal(bundle.status, 2, bundle.stderr);
    assert.match(bundle.stderr, /streams: cannot be read, so its content is unknown/);
    fs.chmodSync(path.join(state, 'runs'), 0);
    assert.match(asNobody('runs', 'list').stderr, /cannot list the runs: Permission denied \(sudo oa-stream --state-dir \S+ runs list\)/);
    fs.chmodSync(state, 0);
    const space = JSON.parse(nobodyIn(path.join(state, 'below'), 'doctor', '--json').stdout).checks.find((check) => check.id === 'machine.space');
    assert.deepEqual([space.verdict, space.detail], ['INCONCLUSIVE', 'the disk of the runs cannot be looked at: Permission denied']);
  });

  test('a line of the seal that is none is a change like any other', async () => {
    const copy = path.join(scratch('stray'), id);
    fs.cpSync(folder, copy, { recursive: true });
    fs.appendFileSync(path.join(copy, 'SHA256SUMS'), 'stray\n');
    const shown = await oa(['runs', 'show', copy, '--json']);
    assert.equal(shown.code, 1, shown.stderr);
    assert.match(shown.json().sums.changed.join(), /^SHA256SUMS: line \d+$/);
    assert.equal((await oa(['incident', 'body', copy])).code, 0);
    const out = path.join(path.dirname(copy), 'i.tar.zst');
    assert.equal((await oa(['incident', 'bundle', copy, '--out', out])).code, 6);
    assert.equal((await oa(['incident', 'bundle', copy, '--out', out, '--accept-changed'])).code, 0);
    assert.equal((await oa(['incident', 'verify', out])).code, 1);
  });

  test('gh is never called without --yes, and then with the body that was shown', async () => {
    const bin = scratch('bin'), said = path.join(bin, 'said');
    fs.writeFileSync(path.join(bin, 'gh'), `#!/bin/sh\n[ "$1" = --version ] && exit\nprintf '%s\\n' "$@" > ${said}\ncat "$6" > ${said}.body\necho https://example.org/issues/1\n`, { mode: 0o755 });
    const env = { PATH: `${bin}:${process.env.PATH}` };
    const shown = await oa(['incident', 'open', 'last'], { stateDir: state, env });
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^title: rehearsal FAIL/);
    assert.match(shown.stderr, /nothing was sent\. .*--yes/);
    assert.ok(!fs.existsSync(said));
    const opened = await oa(['incident', 'open', 'last', '--yes', '--repo', 'example/chat'], { stateDir: state, env });
    assert.equal(opened.code, 0, opened.stderr);
    assert.match(opened.stdout, /https:\/\/example\.org\/issues\/1\n$/);
    const [what, verb, , title, , file, , repo] = fs.readFileSync(said, 'utf8').split('\n');
    assert.deepEqual([what, verb, repo], ['issue', 'create', 'example/chat']);
    assert.match(title, /^rehearsal FAIL/);
    assert.equal(fs.readFileSync(`${said}.body`, 'utf8'), fs.readFileSync(file, 'utf8'));
    const none = await oa(['incident', 'open', 'last', '--yes'], { stateDir: state, env: { PATH: scratch('empty') } });
    assert.equal(none.code, 4);
    assert.match(none.stderr, /gh is not on PATH \(paste /);
  });

  test('gh may write much to standard error, has the tokens of an enterprise, and its last word is told', async () => {
    const bin = scratch('bin'), said = path.join(bin, 'said');
    const gh = (end) => fs.writeFileSync(path.join(bin, 'gh'), `#!/bin/sh\nhead -c 200000 /dev/zero >&2\nprintf %s "$GH_ENTERPRISE_TOKEN $NO_PROXY" > ${said}\n${end}\n`, { mode: 0o755 });
    const open = () => oa(['incident', 'open', 'last', '--yes'], { stateDir: state, env: { PATH: `${bin}:${process.env.PATH}`, GH_ENTERPRISE_TOKEN: 'of-an-enterprise', NO_PROXY: 'git.example.org' } });
    gh('echo https://git.example.org/issues/1');
    const opened = await open();
    assert.equal(opened.code, 0, opened.stderr);
    assert.match(opened.stdout, /https:\/\/git\.example\.org\/issues\/1\n$/);
    assert.equal(fs.readFileSync(said, 'utf8'), 'of-an-enterprise git.example.org');
    gh('echo first >&2\necho "no repository for of-an-enterprise" >&2\nexit 1');
    const refused = await open();
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /gh: exit 1: no repository for \*{16} \(gh auth status, or paste /);
  });

  test('a signal while gh runs ends the command as everywhere, and gh with it', async () => {
    const bin = scratch('bin'), began = path.join(bin, 'began');
    fs.writeFileSync(path.join(bin, 'gh'), `#!/bin/sh\n[ "$1" = issue ] || exit 0\necho $$ > ${began}\nexec sleep 60\n`, { mode: 0o755 });
    for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) {
      fs.rmSync(began, { force: true });
      const open = new Running(OA_BIN, ['incident', 'open', 'last', '--yes'], { env: cleanEnv({ OA_STREAM_STATE_DIR: state, PATH: `${bin}:${process.env.PATH}` }) });
      const gh = await open.until(() => fs.existsSync(began) && fs.readFileSync(began, 'utf8').trim(), 'gh');
      open.signal(signal);
      assert.equal((await open.end()).code, code, open.stderr);
      assert.match(open.stderr, /leaving; gh may have opened the issue/);
      const runs = () => { try { return !/ [ZX] /.test(fs.readFileSync(`/proc/${gh}/stat`, 'utf8')); } catch { return false; } };
      for (const late = Date.now() + limit(5000); runs(); await sleep(10)) assert.ok(Date.now() < late, 'gh runs on');
    }
  });

  test('what is suggested opens the issue that was shown: its title, logs, secrets and repository', async () => {
    const bin = scratch('bin'), log = path.join(bin, 'lane.log');
    fs.writeFileSync(path.join(bin, 'gh'), '#!/bin/sh\nexit\n', { mode: 0o755 });
    fs.writeFileSync(log, '');
    const env = { PATH: `${bin}:${process.env.PATH}`, OA_TEST_WORD: 'a-word-that-nobody-may-read' };
    const words = ['--log', log, '--title', 'Slow since nine', '--secret', 'env:OA_TEST_WORD'];
    const shown = await oa(['incident', 'open', 'last', ...words, '--repo', 'example/chat'], { stateDir: state, env });
    assert.equal(shown.code, 0, shown.stderr);
    const again = `--log ${log} --title 'Slow since nine' --secret env:OA_TEST_WORD`;
    assert.match(shown.stderr, new RegExp(`Read it, then: oa-stream incident open \\S+.* ${again} --repo example/chat --yes\n`));
    assert.match(shown.stderr, new RegExp(`the bundle to attach: oa-stream incident bundle \\S+.* ${again} --out `));
  });

  test('two runs side by side', async () => {
    const other = await oa(['smoke', 'stream', '--base-url', 'http://127.0.0.1:9', '--json'], { stateDir: state });
    const many = await oa(['incident', 'body', ...Array(32).fill(id), '--json'], { stateDir: state });
    assert.equal(many.code, 0, many.stderr);
    const more = await oa(['incident', 'body', ...Array(33).fill(id)], { stateDir: state });
    assert.equal(more.code, 2, more.stderr);
    const compared = await oa(['runs', 'compare', id, other.json().run, '--json'], { stateDir: state });
    assert.equal(compared.code, 0, compared.stderr);
    const { comparison } = compared.json();
    const verdict = comparison.facts.find((r) => r.what === 'verdict');
    assert.deepEqual([verdict.a, verdict.b, verdict.differs], ['FAIL', 'ERROR', true]);
    assert.ok(comparison.gates.some((g) => /^FAIL .*beyond the limit/.test(g.a) && g.b === '–'));
    assert.ok(comparison.latencies.some((l) => /^p95 /.test(l.a)));
  });
});

describe('planted secrets stand in no file of any run, report or bundle', () => {
  const SECRET = TOKEN; // known to the run: it is what the run authenticates with
  const OTHER = 'Planted+Env/Value "42"'; // only in the environment, under a name that tells
  const b64 = (text, lead) => Buffer.from('xyz'.slice(0, lead) + text).toString('base64');
  const forms = (text) => [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1), ...[0, 1, 2].map((lead) => b64(text, lead)), JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/')];
  const plant = [...forms(SECRET), ...forms(OTHER)];
  // What of a form only the secret can have made; the ends of base64 hang on what stands beside it.
  const needles = [...forms(SECRET), ...forms(OTHER)].map((f) => (/^[A-Za-z0-9+/]+=*$/.test(f) && f !== SECRET ? f.slice(4, 20) : f));
  const env = { OA_TEST_TOKEN: SECRET, PLANTED_PASSWORD: OTHER };
  const cut = (text) => [text.slice(0, 7), text.slice(7)];
  const deltas = [
    ...plant.map((p) => `${p} `),
    ...cut(SECRET), ' and ', ...cut(OTHER), ' and sk-', 'abcdefghij', 'klmnop',
  ];
  let lane, state;
  before(async () => {
    lane = await startFakeLane({
      headers: (headers) => ({ ...headers, 'x-echo': `${SECRET} ${encodeURIComponent(OTHER)}`, 'set-cookie': `session=${encodeURIComponent(SECRET)}` }),
      frames: (frames, turn) => honestFrames(turn, deltas).map((f) => (typeof f === 'string' ? f.replace(/ "\}\n\n$/, '"}\n\n') : f)),
      gate: (decision) => (decision ? { ...decision, body: { ...decision.body, message: `no ${SECRET} ${OTHER}`, debug: { password: 'Unknown-To-All-1' } } } : null),
    });
    state = path.join(scratch('state'), 'state');
  });
  after(() => lane.stop());

  const said = [];
  const run = async (args) => {
    const out = await oa(args, { stateDir: state, env, ms: 120000 });
    said.push({ args: args.join(' '), text: out.stdout + out.stderr });
    return out;
  };
  const joined = (text) => [...text.matchAll(/"delta":"((?:[^"\\]|\\.)*)"/g)].map((m) => m[1]).join('');
  const assertClean = (files) => {
    for (const file of files) {
      const bytes = fs.readFileSync(file);
      // As a reader of the stream would put it together again.
      for (const needle of [...needles, 'sk-abcdefghij']) assert.ok(!joined(bytes.toString('latin1')).includes(needle), `the deltas of ${file} tell ${needle}`);
      for (const needle of [...needles, 'sk-abcdefghij', 'Unknown-To-All-1']) assert.equal(bytes.indexOf(needle), -1, `${file} holds ${needle}`);
    }
  };

  test('smoke, verify with a playbook that holds them, notes, bundle: searched by bytes', async () => {
    const smoke = await run(['smoke', 'stream', '--base-url', lane.base, '--auth', 'env:OA_TEST_TOKEN', '--prompt', `say ${SECRET}`, '--json']);
    assert.ok([0, 1, 3].includes(smoke.code), smoke.stderr);
    const streams = fs.readdirSync(path.join(smoke.json().evidence, 'streams'));
    assert.ok(streams.some((n) => n.endsWith('.sse.redactions.json')), streams.join(' '));
    const playbook = path.join(scratch('playbook'), 'smoke.yaml');
    fs.writeFileSync(playbook, [
      'version: 1', 'kind: smoke-stream', 'name: planted', `summary: "a playbook with ${SECRET} in it."`,
      `target: { base_url: "${lane.base}", auth: { env: OA_TEST_TOKEN }, compat: { build: "20260221T130000Z", protocol: openagents.control.v1, schema: "1" } }`,
      'checks: [ smoke: stream ]', '',
    ].join('\n'));
    const verify = await run(['verify', playbook, '--json']);
    assert.ok([0, 1, 3].includes(verify.code), verify.stderr + verify.stdout);
    await run(['note', `the token is ${OTHER}`, '--run', 'last']);
    for (const args of [['runs', 'show', 'last'], ['runs', 'show', 'last', '--json'], ['incident', 'body', ...runsOf(state)]]) assert.equal((await run(args)).code, 0);
    const out = path.join(scratch('out'), 'i.tar.zst');
    const made = await run(['incident', 'bundle', ...runsOf(state), '--out', out]);
    assert.equal(made.code, 0, made.stderr);
    sh('tar', ['--zstd', '-xf', out], { cwd: path.dirname(out) });
    fs.rmSync(out);
    const files = [...filesBelow(state), ...filesBelow(path.dirname(out))];
    assert.ok(files.length > 60, `${files.length} files`);
    assertClean(files);
    const spoken = path.join(scratch('said'), 'all');
    fs.writeFileSync(spoken, said.map((s) => s.text).join('\n'));
    assertClean([spoken]);
  });

  test('the redacted stream judges to the same verdict as the one that was sent', async () => {
    const folder = path.join(state, 'runs', runsOf(state)[0], 'streams');
    const name = fs.readdirSync(folder).find((n) => n.endsWith('.sse') && fs.existsSync(path.join(folder, `${n}.redactions.json`)));
    const ranges = JSON.parse(fs.readFileSync(path.join(folder, `${name}.redactions.json`), 'utf8'));
    const stored = fs.readFileSync(path.join(folder, name));
    assert.equal(stored.length, ranges.bytes);
    for (const { offset, length } of ranges.ranges) assert.match(stored.subarray(offset, offset + length).toString(), /^\*+$/);
    const sent = path.join(scratch('sent'), 'sent.sse');
    const turn = /"messageId":"([^"]+)"/.exec(stored.toString())[1];
    fs.writeFileSync(sent, honestFrames(turn, deltas).filter((f) => typeof f === 'string').map((f) => f.replace(/ "\}\n\n$/, '"}\n\n')).join(''));
    assert.equal(fs.statSync(sent).size, stored.length, 'redaction keeps the length');
    const bytes = fs.readFileSync(sent, 'utf8');
    for (const planted of [SECRET, encodeURIComponent(SECRET), encodeURIComponent(OTHER), b64(SECRET, 1).slice(4, 20), b64(OTHER, 2).slice(4, 20)]) assert.ok(bytes.includes(planted), `${planted} was really sent`);
    const judge = async (file) => (await oa(['check', '--json', file])).json();
    const [a, b] = [await judge(sent), await judge(path.join(folder, name))];
    assert.deepEqual([b.verdict, b.violations], [a.verdict, a.violations]);
    assert.equal(a.verdict, 'pass');
  });

  test('a planted leak is refused by file, line and kind, never by value; --redact mends it', async () => {
    const id = runsOf(state)[0], folder = path.join(state, 'runs', id);
    fs.writeFileSync(path.join(folder, 'logs', 'late.log'), `one\ntwo ${SECRET}\n`);
    const out = path.join(scratch('leak'), 'i.tar.zst');
    const refused = await run(['incident', 'bundle', id, '--secret', 'env:OA_TEST_TOKEN', '--out', out]);
    assert.equal(refused.code, 6);
    assert.match(refused.stderr, /logs\/late\.log:2: .*logs\/late\.log line 2: known secret OA_TEST_TOKEN.*--redact/);
    assert.ok(!refused.stderr.includes(SECRET));
    assert.ok(!fs.existsSync(out));
    const mended = await run(['incident', 'bundle', id, '--secret', 'env:OA_TEST_TOKEN', '--redact', '--out', out]);
    assert.equal(mended.code, 0, mended.stderr);
    assert.equal((await oa(['incident', 'verify', out])).code, 0);
    sh('tar', ['--zstd', '-xf', out], { cwd: path.dirname(out) });
    sh('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: path.join(path.dirname(out), `incident-${id}`, 'runs', id) });
    fs.rmSync(out);
    assertClean(filesBelow(path.dirname(out)));
    fs.rmSync(path.join(folder, 'logs', 'late.log')); // or the suite's own search finds it
  });
});

describe('a run that died, and room beside others', () => {
  test('one that died with traffic moved: exit 8, what to type, and no gc takes its journal away', async () => {
    const state = path.join(scratch('moved'), 'state'), id = '20260101T000000Z-cutover-0a1b2c3d', folder = handmadeRun(path.join(state, 'runs', id));
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'plan.json'), JSON.stringify({ target: 'haproxy:somewhere', source: { file: 'cutover.yaml' } }));
    fs.writeFileSync(path.join(folder, 'journal.ndjson'), [
      { seq: 1, at: '2026-01-01T00:00:01.000Z', phase: 'begin', to: { v1: 100 } },
      { seq: 2, at: '2026-01-01T00:00:02.000Z', phase: 'intent', step: 'shift@5%', from: { v1: 100 }, to: { v1: 95, v2: 5 } },
    ].map((l) => `${JSON.stringify(l)}\n`).join('') + '{"seq":3,"at":"2026-01-');
    const shown = await oa(['runs', 'show', id], { stateDir: state });
    assert.equal(shown.code, 8, shown.stdout + shown.stderr);
    assert.match(shown.stdout, /may serve +v1 95%, v2 5%[\s\S]*intent shift@5%: v1 100 → v1 95, v2 5/);
    assert.match(shown.stderr, new RegExp(`next: oa-stream rollback apply --run ${id}\n$`));
    const gc = await oa(['runs', 'gc', '--keep', '0', '--max-size', '0B', '--apply', '--json'], { stateDir: state });
    assert.equal(gc.code, 0);
    assert.match(gc.json().kept[0].why, /the traffic may not be where it began: oa-stream rollback apply/);
    assert.deepEqual(runsOf(state), [id]);
    assert.match((await oa(['incident', 'body', id], { stateDir: state })).stdout, /\*\*run 1 needs somebody\*\*: it died/);
  });

  test('runs show tells what was under way and what to type; gc touches neither it nor a live one', async () => {
    const folder = scratch('live'), state = path.join(folder, 'state');
    const start = () => new Running(OA_BIN, ['cutover', 'rehearse', '--local', ...QUICK], { name: 'rehearse', env: cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: state }) });
    const under = (text) => () => fs.existsSync(path.join(state, 'runs')) && runsOf(state).some((n) => {
      const file = path.join(state, 'runs', n, 'timeline.ndjson');
      return fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes(text);
    });
    const dying = start();
    await dying.until(under('"stage begins"'), 'first stage', 60000);
    const [dead] = runsOf(state);
    await oa(['note', 'watch this'], { stateDir: state });
    await dying.kill();
    const shown = await oa(['runs', 'show', 'last'], { stateDir: state });
    assert.match(shown.stdout, new RegExp(`^${dead} died, no verdict\\n`));
    assert.match(shown.stdout, /what was under way when it died[\s\S]*(stage begins|note by)/);
    assert.match(shown.stdout, /sums +never sealed/);
    assert.match(shown.stdout, /by +process \d+ on \S+, gone/);
    assert.match(shown.stderr, /next: oa-stream /);
    const listed = await oa(['runs', 'list', '--state', 'died', '--json'], { stateDir: state });
    assert.deepEqual(listed.json().runs.map((r) => r.id), [dead]);
    const body = await oa(['incident', 'body', 'last'], { stateDir: state });
    assert.match(body.stdout, /^# rehearsal died: /);
    assert.match(body.stdout, /watch this/);

    // Twelve old ones, one of them pinned, and one that runs: six at once make room.
    for (let i = 1; i <= 12; ++i) {
      const old = path.join(state, 'runs', `202601${String(i).padStart(2, '0')}T000000Z-verify-0000000${i.toString(16)}`);
      fs.mkdirSync(old, { recursive: true });
      fs.writeFileSync(path.join(old, 'SHA256SUMS'), '');
      fs.writeFileSync(path.join(old, 'x'), 'x'.repeat(1000));
    }
    await oa(['runs', 'pin', '20260101', '--reason', 'incident 7'], { stateDir: state });
    const living = start();
    await living.until(() => runsOf(state).length === 14, 'its folder', 60000);
    const dry = await oa(['runs', 'gc', '--older-than', '1d', '--json'], { stateDir: state });
    assert.equal(dry.json().removed.length, 11);
    assert.equal(runsOf(state).length, 14, 'nothing without --apply');
    const both = await Promise.all(Array.from({ length: 6 }, () => oa(['runs', 'gc', '--keep', '0', '--apply', '--json'], { stateDir: state })));
    for (const gc of both) assert.equal(gc.code, 0, gc.stdout + gc.stderr);
    const kept = both[0].json().kept.map((k) => k.why);
    assert.ok(kept.includes('pinned: incident 7') && kept.some((w) => w.startsWith('it runs: process ')), kept.join('\n'));
    const left = runsOf(state);
    assert.ok(left.some((n) => n.startsWith('20260101')), 'the pinned one');
    assert.deepEqual(left.filter((n) => n.startsWith('2026010') || n.startsWith('2026011')).length, 1);
    assert.deepEqual(fs.readdirSync(path.join(state, 'runs')).filter((n) => n.startsWith('.')), []);
    living.signal('SIGINT');
    const end = await living.end(60000);
    assert.notEqual(end.code, null);
    const mine = runsOf(state).at(-1);
    assert.ok(fs.existsSync(path.join(state, 'runs', mine, 'SHA256SUMS')), 'the live run was sealed as if nobody had been there');
    assert.equal((await oa(['runs', 'show', mine, '--json'], { stateDir: state })).json().sums.changed.length, 0);
  });
});
