// Help as people ask for it: of a command, of a family, by a word; on 80 columns. And -v, -vv, --open.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { OA_BIN, ROOT, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';
import { startLane } from '../lib/lane.mjs';

let lane;
before(async () => { lane = await startLane(); });
after(() => lane?.stop());
const columns = (text) => Math.max(...text.split('\n').map((line) => [...line].length));

test('every way to ask for help answers, within 80 columns', async () => {
  for (const words of [['--help'], ['help'], ['cutover', '--help'], ['help', 'cutover'], ['help', 'smoke', 'stream'], ['smoke', 'stream', '-h'], ['serve', '--help']]) {
    const got = await oa(words);
    assert.equal(got.code, 0, `${words}: ${got.stderr}`);
    assert.ok(columns(got.stdout) <= 80, `${words}: ${columns(got.stdout)} columns`);
  }
  const all = (await oa(['--help'])).stdout, most = all.slice(0, all.indexOf('\nServe:'));
  for (const word of ['serve', 'smoke stream', 'cutover rehearse', 'cutover status', 'watch']) assert.ok(most.includes(`\n  ${word} `), word);
  assert.deepEqual([...all.matchAll(/^(?!Usage)(\w[\w ]*): [a-z]/gm)].map((found) => found[1]), ['Serve', 'Verify', 'Cut over', 'Measure', 'Incident', 'Setup']);
  assert.equal((await oa(['help', 'smoke', 'stream'])).stdout, (await oa(['smoke', 'stream', '--help'])).stdout);
  const unknown = await oa(['help', 'nonesuch']);
  assert.equal(unknown.code, 2);
});

test('a config file that cannot be read keeps nobody from what explains the program', async () => {
  const broken = path.join(scratch('broken'), 'config.yaml');
  fs.writeFileSync(broken, 'version: 1\n all: [\n');
  for (const words of [['help'], ['help', 'cutover'], ['help', '--search', 'heartbeat'], ['man', 'serve'], ['version'], ['version', '--json']]) {
    const got = await oa([...words, '--config', broken]);
    assert.equal(got.code, 0, `${words}: ${got.stderr}`);
    assert.equal(got.stdout, (await oa(words)).stdout);
    assert.match(got.stderr, /^oa-stream: warning: .*config\.yaml/, words.join(' '));
  }
  assert.notEqual((await oa(['runs', 'list', '--config', broken])).code, 0);
});

test('a word that people try names the command they look for, and what is about a word is found', async () => {
  const tried = await oa(['rehearse', '--local']);
  assert.equal(tried.code, 2);
  assert.match(tried.stderr, /'rehearse' is not a command \(did you mean 'oa-stream cutover rehearse'\?\)/);
  assert.match((await oa(['rehaerse'])).stderr, /did you mean 'oa-stream cutover rehearse'\?/, 'also with a slip');
  assert.match((await oa(['statsu'])).stderr, /did you mean 'oa-stream (?:cutover|slo) status'.*\?/);
  assert.match((await oa(['xyzzy'])).stderr, /oa-stream --help lists them/);
  const found = await oa(['help', '--search', 'heartbeat']);
  assert.equal(found.code, 0);
  assert.match(found.stdout, /^serve --heartbeat: Send a comment/m);
  assert.equal((await oa(['help', '--search', 'xyzzy'])).code, 2);
  const document = (await oa(['help', '--search', 'heartbeat', '--json'])).json();
  assert.deepEqual([document.schema, document.verdict, document.text], ['oa-stream.help.v1', 'PASS', null]);
  assert.deepEqual(Object.keys(document.found[0]), ['what', 'text', 'page']);
  assert.ok(document.found.some((one) => one.what === 'serve --heartbeat' && one.page === 'serve'), JSON.stringify(document.found));
  assert.equal((await oa(['help', 'cutover', '--json'])).json().text, (await oa(['help', 'cutover'])).stdout);
  assert.match((await oa(['help', '--search', 'exit 8'])).stdout, /^exit code 8: /, 'the line itself comes first');
});

test('man takes the words of a command', async () => {
  const page = await oa(['man', 'cutover', 'apply']);
  assert.equal(page.code, 0, page.stderr);
  assert.equal(page.stdout, (await oa(['man', 'cutover-apply'])).stdout);
  assert.ok(page.stdout.includes('.SH DESCRIPTION\nCarries out one plan'));
  const family = await oa(['man', 'smoke']);
  assert.equal(family.code, 2);
  assert.match(family.stderr, /no manual page for 'smoke' \(those of its commands: .*smoke-stream.*\)/);
});

test('names of earlier releases still work: on the command line, in a file and in a variable', async () => {
  const gone = await oa(['cutover', 'unlock', '--run', 'nonesuch']);
  assert.match(gone.stderr, /there is no run/);
  const config = path.join(scratch('config'), 'config.yaml');
  fs.writeFileSync(config, 'version: 1\nsmoke stream: { also-direct: "http://a.invalid:1" }\n');
  const shown = async (env, ...more) => (await oa(['config', 'show', '--for', 'smoke-stream', '--json', ...more], { env })).json();
  const value = (document) => JSON.stringify(document).match(/"--direct"[^}]*/)?.[0] ?? '';
  assert.match(value(await shown({}, '--config', config)), /a\.invalid/);
  assert.match(value(await shown({ OA_STREAM_SMOKE_STREAM_ALSO_DIRECT: 'http://b.invalid:1' })), /b\.invalid/);
});

test('-v shows decisions as they are made, -vv each request as well, and never a token', async () => {
  const token = path.join(scratch('token'), 'token');
  fs.writeFileSync(token, 'a-secret-of-this-test\n', { mode: 0o600 });
  const smoke = (...more) => oa(['smoke', 'stream', '--base-url', lane.base, '--auth', `file:${token}`, ...more]);
  const plain = await smoke(), decisions = await smoke('-v'), requests = await smoke('-vv');
  const lines = (got) => got.stderr.split('\n').filter((line) => /^\d\d:\d\d:\d\d\.\d{3}Z /.test(line));
  assert.equal(plain.code, 0, plain.stderr);
  assert.deepEqual(lines(plain), []);
  assert.ok(lines(decisions).some((line) => / check PASS stream\.happy\S*: completed, \d+ frames/.test(line)), decisions.stderr);
  assert.ok(lines(decisions).length > 20);
  for (const line of lines(decisions)) assert.doesNotMatch(line, /\\"|\{"|":/, 'words, not a document');
  assert.ok(!decisions.stderr.includes(' GET http'), 'requests are for -vv');
  assert.ok(lines(requests).some((line) => line.includes(` GET ${lane.base}/healthz: 200 in `)), requests.stderr);
  assert.ok(lines(requests).some((line) => / POST .*: 200 in \d+(?:\.\d+)?m?s \(connected \d+(?:\.\d+)?m?s, head \d+(?:\.\d+)?m?s\)/.test(line)), requests.stderr);
  for (const got of [decisions, requests]) assert.ok(!got.stderr.includes('a-secret-of-this-test'));
  assert.equal(requests.stdout.split('\n').length, plain.stdout.split('\n').length, 'stdout is the same');
});

test('--open hands the report to xdg-open; without a report, or without xdg-open, it says so', async () => {
  const bin = scratch('bin'), seen = path.join(bin, 'seen');
  fs.writeFileSync(path.join(bin, 'xdg-open'), `#!/bin/sh\ngrep SigIgn /proc/self/status >${seen}.signals\nprintf '%s' "$1" >${seen}.part\nmv ${seen}.part ${seen}\n`, { mode: 0o755 });
  const env = { PATH: `${bin}:${process.env.PATH}` };
  const run = await oa(['smoke', 'stream', '--base-url', lane.base, '--open', '--json'], { env });
  assert.equal(run.code, 0, run.stderr);
  while (!fs.existsSync(seen)) await new Promise((done) => { setTimeout(done, 20); });
  const url = new URL(fs.readFileSync(seen, 'utf8'));
  assert.equal(url.protocol, 'file:');
  assert.equal(fs.realpathSync(decodeURIComponent(url.pathname)), fs.realpathSync(path.join(run.json().evidence, 'report.html')));
  const ignored = BigInt(`0x${fs.readFileSync(`${seen}.signals`, 'utf8').match(/^SigIgn:\t(\w+)$/m)[1]}`);
  assert.equal(ignored & 0x1001000n, 0n, 'SIGPIPE and SIGXFSZ, which oa-stream ignores');
  const none = await oa(['smoke', 'stream', '--base-url', lane.base, '--open'], { env: { PATH: scratch('empty') } });
  assert.equal(none.code, 0);
  assert.match(none.stderr, /not opened, xdg-open: No such file or directory; it is file:\/\//);
  assert.equal((await oa(['version', '--open'])).code, 2);
});

test('a wrong address is said as such, and the same command is the next one', async () => {
  const refused = await oa(['smoke', 'stream', '--base-url', 'http://127.0.0.1:1']);
  assert.equal(refused.code, 4);
  assert.match(refused.stdout.replace(/\s+/g, ' '), /refused: .*Couldn't connect to server; check host and port/);
  assert.match(refused.stderr, /next: oa-stream smoke stream --base-url http:\/\/127\.0\.0\.1:1\n$/);
  for (const args of [
    ['smoke', 'completions', '--base-url', 'http://127.0.0.1:1'],
    ['slo', 'status', '--prometheus', 'http://127.0.0.1:1'],
    ['slo', 'gate', 'bad <= 1%', '--prometheus', 'http://127.0.0.1:1'],
    ['watch', '--prometheus', 'http://127.0.0.1:1', '--once'],
    ['load', '--base-url', 'http://127.0.0.1:1', '--rate', '1/s', '--duration', '1s'],
  ]) {
    const one = await oa(args);
    const said = (one.stdout + one.stderr).replace(/\s+/g, ' ');
    assert.equal(one.code, 4, said);
    assert.match(said, /check host and port/);
    assert.ok(said.trimEnd().endsWith(`next: oa-stream ${args.map((word) => (/[ <]/.test(word) ? `'${word}'` : word)).join(' ')}`), said);
  }
  const deep = await oa(['smoke', 'stream', '--base-url', `${lane.base}/api/chat`]);
  assert.equal(deep.code, 1, deep.stderr);
  assert.match(deep.stdout, new RegExp(`the base URL has the path /api/chat, and requests add their own: try ${lane.base}`));
  assert.equal(deep.stdout.match(/^ +FAIL /gm).length, 1, deep.stdout);
  const said = `the base URL has the path /api/chat, and requests add their own: try ${lane.base}`;
  const load = await oa(['load', '--base-url', `${lane.base}/api/chat`, '--rate', '5/s', '--duration', '1s']);
  assert.equal(load.code, 4, load.stderr);
  assert.ok(load.stdout.replace(/\s+/g, ' ').includes(said), load.stdout);
  assert.doesNotMatch(load.stdout + load.stderr, /--yes-load/);
  const watch = await oa(['watch', '--base-url', `${lane.base}/api/chat`, '--once']);
  assert.ok(watch.stdout.replace(/\s+/g, ' ').includes(`/metrics is HTTP 404; ${said}`), watch.stdout + watch.stderr);
  for (const [place, ...args] of [['/v1', 'smoke', 'completions'], ['/v1', 'smoke', 'responses'], ['/api/chat', 'route', 'status', '--auth', 'env:TOKEN']]) {
    const one = await oa([...args, '--base-url', lane.base + place], { env: { TOKEN: 'a-token-of-this-test' } });
    assert.ok((one.stdout + one.stderr).replace(/\s+/g, ' ').includes(said.replace('/api/chat', place)), one.stdout + one.stderr);
  }
});

test('a run in the place of a plan is led to the option that takes it', async () => {
  const got = await oa(['rollback', 'apply', 'last']);
  assert.equal(got.code, 2);
  assert.match(got.stderr.replace(/\s+/g, ' '), /last: cannot read: .*oa-stream rollback plan … --out plan\.json; a run: oa-stream rollback apply --run last\)/);
});

test('doctor names the variables of a playbook that have no value', async () => {
  const got = await oa(['doctor', 'cutover', '--set', 'stable=v1', '--json']);
  const check = got.json().checks.find((one) => one.id === 'playbook');
  assert.equal(check.verdict, 'FAIL');
  assert.match(check.detail, /needs values for .*canary/);
  assert.match(check.data.mend, /^oa-stream doctor cutover --set stable=v1 .*--set canary=VALUE/);
});

test('doctor ends by a signal while it waits for a tool', async () => {
  const bin = scratch('bin'), asked = path.join(bin, 'asked');
  fs.writeFileSync(path.join(bin, 'gh'), `#!/bin/sh\n: >${asked}\nexec sleep 60\n`, { mode: 0o755 });
  const doctor = new Running(OA_BIN, ['doctor'], { env: cleanEnv({ PATH: `${bin}:${process.env.PATH}`, HOME: bin, OA_STREAM_STATE_DIR: path.join(bin, 'state') }) });
  await doctor.until(() => fs.existsSync(asked), 'call of gh');
  doctor.signal('SIGINT');
  assert.equal((await doctor.end()).signal, 'SIGINT', doctor.stdout);
});

test('version asks nobody unless told to, and then says whether something newer is out', async () => {
  let asked = 0, answer = {};
  const server = http.createServer((request, response) => { asked += 1; response.end(typeof answer === 'string' ? answer : JSON.stringify(answer)); });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  const url = `http://127.0.0.1:${server.address().port}/latest.json`;
  const check = async (document, ...more) => { answer = document; return oa(['version', '--check', url, ...more]); };
  const ours = (await oa(['version', '--json'], { env: { OA_STREAM_VERSION_CHECK: url } })).json().version;
  assert.equal(asked, 0, 'a forgotten variable makes nobody call out');
  assert.equal((await check({ version: ours })).code, 0);
  const newer = await check({ tag_name: 'v999.0.1' }, '--json');
  assert.deepEqual([newer.code, newer.json().newest], [10, '999.0.1']);
  assert.match((await check({ version: '999.0.1' })).stdout, /; 999\.0\.1 is newer$/m);
  assert.equal((await check({ version: '0.0.1' })).code, 0, 'an older one is no reason to change');
  for (const odd of [{}, { version: 'soon' }, { version: '1.2' }, [1]]) assert.equal((await check(odd)).code, 4, JSON.stringify(odd));
  const page = await check('<html>');
  assert.equal(page.code, 4);
  assert.match(page.stderr, /^oa-stream: http:\S+latest\.json: not JSON at byte \d+ \(name a JSON document with the member version or tag_name\)\n$/);
  server.close();
  server.closeAllConnections();
  await new Promise((done) => { server.on('close', done); if (!server.listening) done(); });
  assert.equal((await oa(['version', '--check', url])).code, 4, 'nobody there is no PASS');
});

test('every picture and page that README names is there, and it names every page', () => {
  const text = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const pages = fs.readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  assert.deepEqual(pages.filter((name) => !text.includes(`](docs/${name})`)), []);
  for (const [, target] of text.matchAll(/\]\(([^)#:]+)\)/g)) assert.ok(fs.existsSync(path.join(ROOT, target)), target);
});
