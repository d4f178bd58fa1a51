// Every class of error with every command it can meet: the documented exit code, one line that says
// what is wrong and what to type, and the document that --json promises.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import http from 'node:http';
import path from 'node:path';
import { before, test } from 'node:test';
import { NAME_A_FILE, NAME_A_RUN, REACHES, TAKE_AUTH, TOKEN, withFile } from '../lib/errors/error_cases.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { OA_BIN, oa, scratch } from '../lib/process.mjs';

/** Every command of the binary, with the words its usage asks for. */
let commands;
before(async () => {
  const { stdout } = await oa(['man', '--markdown']);
  commands = await Promise.all([...stdout.matchAll(/^## oa-stream (.*)$/gm)].map(async ([, command]) => {
    const help = await oa([...command.split(' '), '--help']);
    const usage = help.stdout.split('\n')[0].replace(/^.*\[OPTIONS\]/, '').trim();
    return { name: command, words: command.split(' '), required: usage.split(' ').filter((word) => word && !word.startsWith('[')), places: usage.split(' ').filter(Boolean).length };
  }));
  assert.ok(commands.length > 25, stdout);
});

const SAYS_NEXT = /\([^()]+\)\s*$|next: \S|To finish: /;
const lines = (text) => text.trimEnd().split('\n');

/** What every refusal has in common. */
function refused(got, code, what) {
  const said = `${what}: exit ${got.code}\n${got.stdout}\n${got.stderr}`;
  assert.equal(got.code, code, said);
  assert.match(lines(got.stderr).at(-1), SAYS_NEXT, said);
  assert.ok(!/terminate called|what\(\)|std::|nlohmann|boost/i.test(got.stderr), `${what}: inner words\n${got.stderr}`);
}
const oneLine = (got, what) => assert.equal(lines(got.stderr).length, 1, `${what}: ${got.stderr}`);

test('usage: an unknown option, a word too many, a missing word, a wrong colour', async () => {
  for (const { name, words, required, places } of commands) {
    const unknown = await oa([...words, '--nonesuch']);
    refused(unknown, 2, `${name} --nonesuch`);
    oneLine(unknown, name);
    assert.ok(unknown.stderr.includes('--nonesuch') || required.length > 0, unknown.stderr);
    const many = await oa([...words, ...Array.from({ length: places + 1 }, (_, i) => `word${i}`)]);
    if (!name.startsWith('compat') && !/\.\.\./.test(required.join(' '))) refused(many, 2, `${name} with too many words`);
    const colour = await oa([...words, ...required.map((word) => word.replace(/\W/g, '')), '--color', 'sometimes']);
    refused(colour, 2, `${name} --color sometimes`);
    if (required.length > 0) {
      const missing = await oa(words);
      refused(missing, 2, `${name} without ${required[0]}`);
      oneLine(missing, name);
    }
  }
});

test('a word in the wrong place is quoted without what may be secret in it', async () => {
  const key = `sk-${'a1b2c3d4'.repeat(4)}`;
  for (const [secret, word] of [['hunter2', 'http://me:hunter2@127.0.0.1'], [key, key], ['own-7f3a-words', 'own-7f3a-words']]) {
    const got = await oa(['smoke', 'stream', '--json', word], { env: { MY_TOKEN: 'own-7f3a-words' } });
    refused(got, 2, word);
    assert.ok(!`${got.stdout}${got.stderr}`.includes(secret), got.stderr + got.stdout);
    assert.match(got.stderr, /unexpected argument '.*\*{7}/);
  }
});

test('a wrong value is quoted in one line, however long it is and whatever is in it', async () => {
  for (const words of [['smoke', 'control', '--base-url', 'http://127.0.0.1:1', '--profile'], ['smoke', 'control', '--base-url', 'http://127.0.0.1:1', '--layout'], ['cutover', 'status', '--wait-for']]) {
    const got = await oa([...words, `x\n\u001b[31m${'y'.repeat(3000)}`]);
    refused(got, 2, words.join(' '));
    oneLine(got, words.join(' '));
    assert.ok(got.stderr.length < 250 && !got.stderr.includes('\u001b'), got.stderr);
  }
});

test('a path with a line end in it is named in one line', async () => {
  const none = path.join(scratch('paths'), 'no\nsuch');
  const serve = ['serve', '--listen', '127.0.0.1:0'];
  for (const [code, words] of [[4, [...serve, '--codex-bin', none]], [2, [...serve, '--authority', 'replay', '--tokens', none]], [2, ['check', none]], [4, ['slo', 'dashboard', '--out', path.join(none, 'x')]]]) {
    const got = await oa(words);
    refused(got, code, words.join(' '));
    oneLine(got, words.join(' '));
    assert.ok(got.stderr.includes('no\\nsuch'), got.stderr);
  }
});

test('a value that was not typed is refused by the name of who set it', async () => {
  const env = await oa(['load', '--base-url', 'http://127.0.0.1:9'], { env: { OA_STREAM_LOAD_RATE: 'fast' } });
  refused(env, 2, 'environment');
  assert.match(env.stderr, /--rate \(OA_STREAM_LOAD_RATE\): 'fast' is not a rate/);
  const file = path.join(scratch('config'), 'c.yaml');
  fs.writeFileSync(file, 'version: 1\nall: { color: blue }\n');
  const config = await oa(['runs', 'list', '--config', file]);
  refused(config, 2, 'config file');
  assert.match(config.stderr, /--color \(.*c\.yaml:2:\d+\): 'blue' is not a possible value/);
});

test('a base URL that no request can go to is a usage error, and its credentials are not shown', async () => {
  for (const url of ['http://127.0.0.1:99999', 'http://127.0.0.1:', 'http://[::1', 'http://:80']) {
    const got = await oa(['smoke', 'stream', '--base-url', url]);
    refused(got, 2, url);
    refused(await oa(['verify', 'smoke-stream', '--set', `base_url=${url}`]), 2, `playbook ${url}`);
  }
  for (const words of [['smoke', 'stream', '--base-url', 'me:hunter2@127.0.0.1:80'], ['doctor', '--codex-server', '0=ws://me:hunter2@127.0.0.1:9']]) {
    const got = await oa(words);
    refused(got, 2, words.join(' '));
    assert.ok(!`${got.stdout}${got.stderr}`.includes('hunter2'), got.stderr);
  }
});

test('an empty word is no word: what a script did not set does not mean the usual', async () => {
  for (const words of [['rollback', 'apply', ''], ['runs', 'pin', ''], ['verify', ''], ['completions', ''], ['cutover', 'apply', '']]) {
    const got = await oa(words);
    refused(got, 2, words.join(' '));
    assert.match(got.stderr, / is empty/);
  }
  for (const words of [['runs', 'list', '--state-dir', ''], ['serve', '--listen', '127.0.0.1:0', '--authority', 'replay', '--tls-cert', ''], ['load', '--base-url', 'http://127.0.0.1:1', '--rate', '1/s', '--prompts', ''], ['man', '--out', '']]) {
    const got = await oa(words);
    refused(got, 2, words.join(' '));
    assert.match(got.stderr, new RegExp(`^oa-stream: ${words.at(-2)}: the name of the (file|folder) is empty`));
  }
  const serve = ['serve', '--listen', '127.0.0.1:0', '--authority', 'replay'];
  for (const words of [serve, ['doctor'], ['cutover', 'rehearse', '--local']]) {
    const got = await oa([...words, '--store', '']);
    refused(got, 2, words.join(' '));
    assert.match(got.stderr, /^oa-stream: --store: empty \(memory or a URL\)/);
  }
  refused(await oa([...serve, '--allow', '']), 2, '--allow');
  const config = await oa(['runs', 'list', '--config', '']);
  refused(config, 2, '--config');
  assert.match(config.stderr, /^oa-stream: --config: the name of the file is empty/);
  // A variable that is empty is not set.
  assert.equal((await oa(['runs', 'list'], { env: { OA_STREAM_CONFIG: '' } })).code, 0);
  const kind = await oa(['runs', 'list', '--kind', 'rehersal']);
  assert.equal(kind.code, 2, kind.stderr);
  assert.match(kind.stderr, /--kind: 'rehersal' is not a kind of run \(did you mean rehearsal\?\)/);
  const service = ['--base-url', 'http://127.0.0.1:1'];
  for (const words of [['smoke', 'stream', ...service, '--compat-build', ''], ['smoke', 'stream', ...service, '--id-prefix', ''], ['smoke', 'control', ...service, '--profile', '']]) {
    refused(await oa(words), 2, words.join(' '));
  }
});

test('what becomes a header or the id of a check is one line', async () => {
  for (const words of [['smoke', 'stream', '--compat-build'], ['smoke', 'control', '--compat-schema'], ['smoke', 'stream', '--id-prefix'], ['route', 'status', '--compat-protocol']]) {
    const got = await oa([...words, 'a\nb', '--base-url', 'http://127.0.0.1:1']);
    refused(got, 2, words.join(' '));
    assert.match(got.stderr, new RegExp(`^oa-stream: ${words.at(-1)}: not one line`));
  }
  for (const words of [['front', '--backend', 'a\r\nX: 1=http://127.0.0.1:1'], ['serve', '--authority', 'replay', '--revision', 'a\nb']]) {
    const got = await oa(words);
    refused(got, 2, words.join(' '));
    assert.ok(got.stderr.startsWith(`oa-stream: ${words.at(-2)}: a revision is a short plain text`), got.stderr);
  }
});

test('what only a Prometheus has is refused for an access log: a scope that is ignored judges everything', async () => {
  const log = path.join(scratch('log'), 'access.log');
  fs.writeFileSync(log, '');
  for (const words of [['--match', 'job="other"'], ['--revision-label', 'tier'], ['--user', 'bob'], ['--ca', '/nonesuch'], ['--timeout', '1s']]) {
    for (const command of [['slo', 'gate', 'bad: http_5xx <= 1%'], ['slo', 'status'], ['slo', 'budget']]) {
      const got = await oa([...command, '--access-log', log, ...words]);
      refused(got, 2, [...command, ...words].join(' '));
      assert.match(got.stderr, new RegExp(`^oa-stream: ${words[0]}: the source access_log has no such thing`));
    }
  }
});

test('a report file that cannot be written is refused before the run', async () => {
  const folder = scratch('reports');
  for (const [option, file, why] of [['--junit', path.join(folder, 'nonesuch', 'x.xml'), /its folder is not there/], ['--tap', folder, /it is a folder/]]) {
    const got = await oa(['smoke', 'stream', '--base-url', 'http://127.0.0.1:1', '--json', option, file]);
    refused(got, 2, option);
    assert.match(got.json().error.message, why);
    assert.equal(got.json().run, null);
  }
  const got = await oa(['verify', 'smoke-stream', '--set', 'base_url=http://127.0.0.1:1', '--json', '--textfile', path.join(folder, 'nonesuch', 'x.prom')]);
  refused(got, 2, '--textfile');
  refused(await oa(['cutover', 'status', '--textfile', '/dev/stdout'], { stateDir: folder }), 2, 'is not a regular file'); // it was waited for
  assert.match(got.json().error.message, /its folder is not there/);
  assert.equal(got.json().run, null);
});

test('a secret in a folder, or in a file that others can read', async () => {
  const folder = scratch('secrets');
  const open = path.join(folder, 'a secret');
  fs.writeFileSync(open, 'x', { mode: 0o644 });
  const smoke = ['smoke', 'stream', '--base-url', 'http://127.0.0.1:1', '--auth'];
  const inFolder = await oa([...smoke, `file:${folder}`]);
  refused(inFolder, 5, 'a folder');
  assert.match(inFolder.stderr, /secret file: it is a folder/);
  const read = await oa([...smoke, `file:${open}`]);
  refused(read, 5, 'open to others');
  assert.ok(read.stderr.includes(`(chmod 600 '${open}')`), read.stderr);
});

test('a refusal names the option, the file or the descriptor that is wrong, and what helps', async () => {
  const folder = scratch('named'), none = path.join(folder, 'none'), broken = path.join(folder, 'bad.yaml'), faults = path.join(folder, 'faults');
  fs.writeFileSync(broken, 'a: [1\n');
  fs.writeFileSync(faults, 'nonsense=1');
  const base = ['--base-url', 'http://127.0.0.1:1'], token = ['--auth', 'env:TOK'];
  const rows = [
    [['smoke', 'control', ...base, '--maintenance-cookie', 'env:NONE'], 5, '--maintenance-cookie: environment variable NONE is not set (export NONE=…)'],
    [['smoke', 'stream', ...base, ...token, '--header', `X-K: file:${none}`], 5, `${none}: no such secret file (name another place: env:NAME, file:PATH or fd:N)`],
    [['incident', 'body', 'last', '--secret', 'fd:x'], 2, "fd:x: 'x' is not a whole number"],
    [['serve', '--listen', '127.0.0.1:0', '--authority', 'replay', '--inject-file', faults], 2, `${faults}: line 1: no fault is named 'nonsense'`],
    [['slo', 'budget', '--access-log', 'x', '--playbook', broken], 2, `oa-stream: ${broken}:2:1: no valid YAML: end of sequence flow not found (oa-stream playbook validate ${broken})`],
    [['slo', 'status', '--access-log', 'x', '--bad', 'foo'], 2, "oa-stream: --bad: 'foo' is not a bad event"],
    [['slo', 'dashboard', '--match', 'foo'], 2, 'oa-stream: --match: label matchers are'],
    [['slo', 'status', '--prometheus', 'http://127.0.0.1:1', '--match', 'foo'], 2, 'oa-stream: --match: label matchers are'],
    [['slo', 'budget', '--access-log', 'x', '--at-most', '1'], 2, "oa-stream: --at-most: '1' is not a share"],
    [['load', ...base, '--rate', '1/s', '--stop-at-bad', '1'], 2, "oa-stream: --stop-at-bad: '1' has no unit, expected a percentage like 5% (write 1%)"],
    [['runs', 'gc', '--max-size=-0MB'], 2, "oa-stream: --max-size: '-0MB' is not a size"],
    [['serve', '--codex-min-free', '1GiB2'], 2, "oa-stream: --codex-min-free: '1GiB2' is not a size (64m or 2g, powers of 1024; "],
    [['front', '--backend', 'a=http://127.0.0.1:1', '--mirror', 'b=http://127.0.0.1:2@5%,dry', '--mirror-auth', 'env:NONE'], 5, "oa-stream: the mirror's token: environment variable NONE is not set"],
    [['config', 'show', '--config', broken], 2, `oa-stream: ${broken}:2:1: no valid YAML: end of sequence flow not found (to run without a config file: --config /dev/null)`],
    [['config', 'show', '--config', none], 2, `oa-stream: ${none}: cannot read: No such file or directory (to run without a config file: --config /dev/null)`],
  ];
  for (const [args, code, words] of rows) {
    const got = await oa(args, { env: { TOK: 'x0123456789abcdef' } });
    refused(got, code, args.join(' '));
    assert.ok(got.stderr.includes(words), got.stderr);
  }
});

test('a token that no header can carry is 5 and named, before anybody is asked', async () => {
  const file = path.join(scratch('secrets'), 'lines');
  const read = async (args, text) => {
    fs.writeFileSync(file, text, { mode: 0o600 });
    return oa([...args, '--auth', `file:${file}`]);
  };
  for (const text of ['\n\n', 'TOK\n\n', 'TOK\nmore\n', 'TOK\r']) {
    const got = await read(TAKE_AUTH[0], text);
    refused(got, 5, JSON.stringify(text));
    assert.ok(got.stderr.includes(`file:${file}: the secret is not one line`), got.stderr);
  }
  for (const args of [...TAKE_AUTH, ['verify', '--set', 'base_url=http://127.0.0.1:1'], ['watch', '--once', '--base-url', 'http://127.0.0.1:1']]) {
    const got = await oa([...args, '--auth', 'env:TWO'], { env: { TWO: 'one\ntwo' } });
    refused(got, 5, args.join(' '));
    assert.match(got.stderr, /env:TWO: the secret is not one line/);
  }
  refused(await read(TAKE_AUTH[0], 'TOK\r\n'), 4, 'a line end of Windows is dropped, and nobody is there');
});

test('without HOME the runs are those of the user, not of whoever filled a folder of all', async () => {
  const got = await oa(['runs', 'show', 'nonesuch'], { env: { HOME: '', XDG_STATE_HOME: '', OA_STREAM_STATE_DIR: '' } });
  refused(got, 2, 'no HOME');
  assert.ok(got.stderr.includes(`${os.userInfo().homedir}/.local/state/oa-stream`), got.stderr);
});

test('a file that is too large is the matter of the command, not of the installation', async () => {
  const file = path.join(scratch('prompts'), 'large');
  fs.writeFileSync(file, '');
  fs.truncateSync(file, 2 ** 30);
  const got = await oa(['load', '--base-url', 'http://127.0.0.1:1', '--rate', '1/s', '--prompts', file]);
  refused(got, 2, 'a large file');
  assert.match(got.stderr, /larger than \d+ bytes \(oa-stream load --help\)/);
});

test('usage with --json: one document with a verdict that is not PASS, whatever the command', async () => {
  for (const { name, words } of commands) {
    const got = await oa([...words, '--json', '--nonesuch']);
    const document = got.json();
    assert.equal(document.verdict, 'ERROR', name);
    assert.deepEqual([document.run, document.evidence, document.checks], [null, null, []], name);
    assert.ok(document.error.message.length > 0, name);
  }
  assert.equal((await oa(['runs', 'list', '--json', '--color', 'blue'])).json().verdict, 'ERROR');
  // Said by a variable or the config file it is the same option.
  const config = path.join(scratch('config'), 'config.yaml');
  fs.writeFileSync(config, 'version: 1\nall: { json: true }\nload: { rate: 1/s }\n');
  for (const env of [{ OA_STREAM_JSON: '1' }, { OA_STREAM_CONFIG: config }]) {
    for (const words of [['runs', 'list', '--nonesuch'], ['runs', 'list', '--color', 'blue'], ['load', '--rate', '0/s', '--base-url', 'x y']]) {
      assert.equal((await oa(words, { env })).json().verdict, 'ERROR', words.join(' '));
    }
  }
  assert.equal((await oa(['runs', 'list', '--nonesuch'], { env: { OA_STREAM_JSON: '0', OA_STREAM_CONFIG: config } })).stdout, '');
});

test('network: nobody answers is 4, with what to type next', async () => {
  for (const args of REACHES) refused(await oa([...args], { env: { TOKEN: TOKEN } }), 4, args.join(' '));
});

test('credentials: a token that is not there is 5, before anybody is asked', async () => {
  for (const args of TAKE_AUTH) {
    const got = await oa([...args, '--auth', 'env:NONESUCH']);
    refused(got, 5, args.join(' '));
    assert.match(got.stderr, /NONESUCH/);
  }
});

test('credentials: no option is suggested that the command does not have', async (t) => {
  const prometheus = http.createServer((request, answer) => answer.writeHead(401).end('no'));
  await new Promise((done) => { prometheus.listen(0, '127.0.0.1', done); });
  t.after(() => prometheus.close());
  const target = await LocalTarget.start();
  t.after(() => target.stop());
  const playbook = target.write('asks.yaml', fs.readFileSync(target.playbook, 'utf8')
    .replace('sources: [{ probe: {} }]', `sources: [{ prometheus: { url: "http://127.0.0.1:${prometheus.address().port}" } }, { probe: {} }]`)
    .replace('bad: any', 'bad: http_5xx'));
  const got = await target.plan({ playbook });
  refused(got, 5, 'cutover plan');
  assert.match(lines(got.stderr).at(-1), /Prometheus answered 401: no \(`auth` in the playbook says where a token is\)$/);
});

test('a token on the command line is refused and the way to give it is named', async () => {
  for (const args of TAKE_AUTH) {
    const got = await oa([...args, '--auth', 'Bearer-abcdefgh01234567']);
    refused(got, 2, args.join(' '));
    assert.match(got.stderr, /env:/);
    assert.ok(!got.stderr.includes('abcdefgh01234567'), 'and it is not repeated');
  }
  const serve = ['serve', '--listen', '127.0.0.1:0', '--authority', 'replay'];
  const unused = [[...serve, '--store-password'], [...serve, '--codex-token'], [...serve, '--worker-auth'], [...serve, '--khala-auth'],
    ['front', '--backend', 'v1=http://127.0.0.1:1', '--mirror-auth'], ['doctor', '--codex-token'], ['cutover', 'rehearse', '--local', '--store-password']];
  for (const words of unused) {
    const got = await oa([...words, 'hunter2']);
    refused(got, 2, words.join(' '));
    assert.ok(got.stderr.startsWith(`oa-stream: ${words.at(-1)}: a token on the command line`) && !got.stderr.includes('hunter2'), got.stderr);
  }
});

test('input: a file that cannot be read is 2 and named', async () => {
  const none = path.join(scratch('none'), 'nonesuch');
  for (const args of NAME_A_FILE.map((words) => withFile(words, none))) {
    const got = await oa(args);
    refused(got, 2, args.join(' '));
    assert.ok(got.stderr.includes('nonesuch'), got.stderr);
  }
});

test('input: a recording that is no stream is 2 and named, not a fault of the answer', async () => {
  const folder = scratch('recording');
  const file = (name, text) => { fs.writeFileSync(path.join(folder, name), text); return path.join(folder, name); };
  const stream = file('answer.sse', 'data: {"type":"start","messageId":"m1"}\n\ndata: [DONE]\n\n');
  for (const none of [file('random', Buffer.from([0, 1, 254, 128, 10, 10])), file('empty', '')]) {
    const got = await oa(['check', stream, '--recording', none]);
    refused(got, 2, none);
    assert.ok(got.stderr.startsWith(`oa-stream: ${none}: there is no chunk of a stream in it`), got.stderr);
  }
});

test('input: a run that is not there is 2 and named', async () => {
  for (const args of NAME_A_RUN) {
    const got = await oa(args);
    refused(got, 2, args.join(' '));
    assert.ok(got.stderr.includes('nonesuch'), got.stderr);
  }
});

test('disk: a state directory that cannot be is 4 and named, and nobody is asked', async () => {
  const file = path.join(scratch('file'), 'plain');
  fs.writeFileSync(file, '');
  for (const args of REACHES.filter((one) => one[0] !== 'route')) {
    const got = await oa([...args, '--state-dir', path.join(file, 'state')], { env: { TOKEN: TOKEN } });
    refused(got, 4, args.join(' '));
    assert.ok(got.stderr.includes(file), got.stderr);
  }
});

test('output: a result that nobody could take is 4 and said, whatever the command', async () => {
  const lost = [['--help'], ['--version'], ['playbook', 'show', 'cutover'], ['playbook', 'schema'], ['runs', 'list', '--json'], ['slo', 'dashboard']];
  for (const args of lost) {
    const got = await full(args);
    refused(got, 4, args.join(' '));
    assert.match(got.stderr, /standard output: No space left on device/, args.join(' '));
  }
  // A verdict that is worse keeps its code; a reader that left (`| head`) has what it wanted.
  refused(await full(['check', '--json', '/nonesuch']), 2, 'check');
  const left = await shell('playbook show cutover | head -n 1; exit "${PIPESTATUS[0]}"');
  assert.deepEqual([left.code, left.stderr], [0, ''], left.stdout);
});
const shell = (words) => new Promise((done) => {
  execFile('bash', ['-c', `"$0" ${words}`, OA_BIN], { env: { ...process.env, OA_STREAM_STATE_DIR: scratch('state') } },
    (error, stdout, stderr) => done({ code: error?.code ?? 0, stdout, stderr }));
});
const full = (args) => shell(`${args.join(' ')} >/dev/full`);
