// A run's result for other tools: JUnit accepted by a schema, TAP by node's own reader, a GitHub job
// summary, report.html; of passing, failing and impossible runs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, ROOT, oa, scratch } from '../lib/process.mjs';

let lane, folder;
before(async () => { lane = await startLane(); folder = scratch('reports'); });
after(() => lane.stop());

/** Runs it with every format; what was written. */
async function reported(name, args, env = {}) {
  const file = (ending) => path.join(folder, `${name}.${ending}`);
  const run = await oa([...args, '--junit', file('xml'), '--tap', file('tap'), '--github', '--json'], { env: { GITHUB_STEP_SUMMARY: file('md'), ...env } });
  const read = (ending) => fs.readFileSync(file(ending), 'utf8');
  return { run, xml: read('xml'), tap: read('tap'), summary: read('md'), junit: file('xml') };
}
function accepted(file) {
  const lint = spawnSync('xmllint', ['--noout', '--nonet', '--schema', path.join(ROOT, 'tests/e2e/data/junit.xsd'), file], { encoding: 'utf8' });
  assert.equal(lint.status, 0, lint.stderr);
}
const attribute = (xml, name) => Number(new RegExp(`<testsuites [^>]*\\b${name}="(\\d+)"`).exec(xml)[1]);

test('a smoke that passes: every check is a case, in every format', async () => {
  const got = await reported('good', ['smoke', 'stream', '--base-url', lane.base]);
  assert.equal(got.run.code, 0, got.run.stderr);
  accepted(got.junit);
  const checks = got.run.json().checks;
  const skipped = checks.filter((check) => check.verdict === 'SKIPPED').length;
  assert.deepEqual([attribute(got.xml, 'tests'), attribute(got.xml, 'failures'), attribute(got.xml, 'errors'), attribute(got.xml, 'skipped')], [checks.length, 0, 0, skipped]);
  assert.match(got.tap, new RegExp(`^TAP version 13\n1\\.\\.${checks.length}\n`));
  assert.doesNotMatch(got.tap, /^not ok/m);
  assert.match(got.summary, /^## PASS smoke-stream/);
  assert.doesNotMatch(got.run.stderr, /^::/m, 'nothing to annotate');
  const page = fs.readFileSync(path.join(got.run.json().evidence, 'report.html'), 'utf8');
  assert.match(page, /<title>PASS: /);
});

test('a target that is not there: errors, not failures, and never green', async () => {
  const got = await reported('gone', ['smoke', 'stream', '--base-url', 'http://127.0.0.1:1']);
  assert.equal(got.run.code, 4);
  accepted(got.junit);
  assert.equal(attribute(got.xml, 'failures'), 0);
  assert.ok(attribute(got.xml, 'errors') > 0);
  assert.match(got.tap, /^not ok/m);
  assert.match(got.summary, /^## ERROR smoke-stream/);
  assert.match(got.run.stderr, /^::warning title=ERROR .*::.*refused/m);
});

test('a run that could not begin is one case that says why', async () => {
  const got = await reported('none', ['smoke', 'stream', '--base-url', lane.base, '--auth', 'env:NONESUCH']);
  assert.equal(got.run.code, 5);
  accepted(got.junit);
  assert.deepEqual([attribute(got.xml, 'tests'), attribute(got.xml, 'errors')], [1, 1]);
  assert.match(got.xml, /NONESUCH/);
  assert.doesNotMatch(got.summary, /Run `/);
});

test('what a run could not begin for is told without secrets, and as UTF-8', async () => {
  const secret = 'a-secret-of-this-test';
  const got = await reported('secret', ['smoke', 'stream', '--base-url', secret], { AUTH_TOKEN: secret });
  assert.equal(got.run.code, 2);
  for (const text of [got.xml, got.tap, got.summary, got.run.stderr, got.run.stdout]) {
    assert.ok(!text.includes(secret), text);
    assert.ok(text.includes('*'.repeat(secret.length)), text);
  }
  const file = path.join(folder, 'bytes.xml');
  spawnSync('sh', ['-c', `exec "$0" smoke stream --base-url "$1" --junit "$2" --auth "$(printf 'file:/nonesuch/\\377x')"`, OA_BIN, lane.base, file]);
  accepted(file);
  assert.match(fs.readFileSync(file, 'utf8'), /nonesuch\/\ufffdx/);
});

test('the same file is asked for where there is no run: refused, not written', async () => {
  const file = path.join(folder, 'version.xml');
  const got = await oa(['version', '--junit', file]);
  assert.equal(got.code, 2, got.stderr);
  assert.match(got.stderr, /leaves no run/);
  assert.equal(got.stdout, '', 'refused before it began');
  assert.ok(!fs.existsSync(file));
});

test('a load and a shadow tell their run as any other command does', async () => {
  for (const [name, args, kind] of [
    ['load', ['load', '--base-url', lane.base, '--rate', '300/s', '--duration', '1s'], 'load'],
    ['shadow', ['shadow', '--base-url', lane.base, '--against', lane.base], 'shadow'],
  ]) {
    const got = await reported(name, args);
    assert.notEqual(got.run.code, 2, got.run.stderr);
    accepted(got.junit);
    assert.equal(attribute(got.xml, 'tests') > 0, true);
    assert.match(got.summary, new RegExp(`^## ${got.run.json().verdict} ${kind}`));
  }
});

test('the report of every command draws what it measured, with the limit', async () => {
  const log = path.join(folder, 'access.log');
  const logged = await startLane({ args: ['--access-log', log] });
  await Promise.all(Array.from({ length: 40 }, (_, n) => chat(logged.base, 'replay:01-echo', { path: '/api/chat/stream', id: `t${n}` }).done));
  await logged.until(() => fs.readFileSync(log, 'utf8').trim().split('\n').length >= 40, 'the lines of all turns');
  await logged.stop();
  const gate = (text) => ['slo', 'gate', text, '--access-log', log];
  const page = async (args) => {
    const run = await oa([...args, '--json'], { ms: 120000 });
    return fs.readFileSync(path.join(run.json().evidence, 'report.html'), 'utf8');
  };
  for (const [name, args, captions, limits] of [
    ['a share', gate('bad: http_5xx <= 50%'), ['Bad requests against the limit'], 1],
    ['a time', gate('p95: first_content <= 2.5s'), ['Times against the limit'], 1],
    ['budgets', ['slo', 'status', '--access-log', log], ['Error budget consumed, and how much may be'], 1],
    ['a shadow', ['shadow', '--base-url', lane.base, '--against', lane.base, '--runs', '2'], ['Time to the first content of each pair of turns', 'Time of the lane over the reference'], 1],
    ['a smoke', ['smoke', 'stream', '--base-url', lane.base], ['Answers: from the head'], 0],
    ['a smoke of completions', ['smoke', 'completions', '--base-url', lane.base], ['Answers: from the head'], 0],
  ]) {
    const html = await page(args);
    const figures = html.match(/<figure>[^]*?<\/figure>/g) ?? [];
    for (const caption of captions) assert.ok(figures.some((one) => one.includes(`<figcaption>${caption}`)), `${name}: ${caption}: ${figures.length} charts`);
    assert.ok(figures.join('').split('class="limit"').length > limits, `${name}: its limit`);
    assert.doesNotMatch(figures.join(''), /nan|inf\b/);
    if (args[0] === 'slo') assert.match(html, /<dt>source<\/dt><dd>[^<]*access\.log/, `${name}: what was read`);
  }
});

test('a report that cannot be written is no PASS', async () => {
  const got = await oa(['smoke', 'stream', '--base-url', lane.base, '--junit', '/proc/x.xml']); // nothing can be made there
  assert.equal(got.code, 4, got.stderr);
  assert.match(got.stderr, /--junit: cannot write: /);
});

test('config file, environment and flag: config show says which one it was', async () => {
  const config = path.join(folder, 'config.yaml');
  fs.writeFileSync(config, `version: 1\nsmoke stream:\n  base-url: ${lane.base}\nserve: { listen: 127.0.0.1:4 }\n`);
  const smoke = await oa(['smoke', 'stream', '--config', config, '--json']);
  assert.equal(smoke.code, 0, smoke.stderr);
  const row = (got, option) => got.json().settings.find((setting) => setting.option === option);
  const shown = await oa(['config', 'show', '--config', config, '--json'], { env: { OA_STREAM_SERVE_MODEL: 'm' } });
  assert.deepEqual([row(shown, '--listen').layer, row(shown, '--listen').where], ['file', `${config}:4:10`]);
  assert.deepEqual([row(shown, '--model').layer, row(shown, '--model').where], ['environment', 'OA_STREAM_SERVE_MODEL']);
  assert.equal(row(shown, '--pace').layer, 'default');
  assert.deepEqual([row(shown, '--pace').variable, row(shown, '--color').variable], ['OA_STREAM_SERVE_PACE', 'OA_STREAM_COLOR']);
  const text = await oa(['config', 'show', '--origin', '--config', config]);
  assert.match(text.stdout, /^--listen +127\.0\.0\.1:4 +file .*config\.yaml:4:10$/m);
  fs.writeFileSync(config, 'version: 1\nserve: { lisen: x }\n');
  const mistake = /config\.yaml:2:10: unknown key 'lisen' \(did you mean listen\?\)/;
  for (const [words, code] of [[['serve'], 2], [['config', 'show', '--for', 'load'], 2], [['runs', 'list'], 0]]) {
    const wrong = await oa([...words, '--config', config]);
    assert.equal(wrong.code, code, wrong.stderr);
    assert.match(wrong.stderr, mistake);
    assert.equal(wrong.stderr.startsWith('oa-stream: warning: '), words[0] !== 'serve', wrong.stderr);
  }
});

test('doctor: names what is wrong with the command that mends it', async () => {
  const state = path.join(folder, 'open');
  fs.mkdirSync(state);
  fs.chmodSync(state, 0o777);
  const got = await oa(['doctor', '--json'], { stateDir: state });
  assert.equal(got.code, 1, got.stderr);
  const check = got.json().checks.find(({ id }) => id === 'state.folder');
  assert.deepEqual([check.verdict, check.data.mend], ['FAIL', `chmod o-w ${state}`]);
  assert.match(got.stderr, /^FAIL \d+ checks next: chmod o-w /m);
  spawnSync('sh', ['-c', check.data.mend]);
  const mended = await oa(['doctor', '--json'], { stateDir: state });
  assert.equal(mended.json().checks.find(({ id }) => id === 'state.folder').verdict, 'PASS', 'the command mends it');
  const target = await oa(['doctor', 'smoke-stream', '--set', `base_url=${lane.base}`, '--json'], { stateDir: state });
  assert.equal(target.json().checks.find(({ id }) => id === 'target').verdict, 'PASS', target.stdout);
  const login = http.createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<html>Sign in</html>')).listen(0, '127.0.0.1');
  await once(login, 'listening');
  const page = await oa(['doctor', 'smoke-stream', '--set', `base_url=http://127.0.0.1:${login.address().port}`, '--json'], { stateDir: state });
  login.close();
  const { verdict, detail } = page.json().checks.find(({ id }) => id === 'target');
  assert.equal(verdict, 'INCONCLUSIVE', page.stdout);
  assert.match(detail, /\/version answers 200 and names no authority: perhaps no lane of ours$/);
  const gone = await oa(['doctor', 'smoke-stream', '--set', 'base_url=http://127.0.0.1:1', '--json'], { stateDir: state });
  assert.equal(gone.code, 1);
  assert.equal(gone.json().checks.find(({ id }) => id === 'target').verdict, 'FAIL');
});
