// `oa-stream check --profile chat-completions`: streams, whole answers and errors, from a file and from
// standard input, with the verdict as the exit code.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { OA_BIN, ROOT, cleanEnv, oa, scratch } from '../lib/process.mjs';

const GOLDENS = path.join(ROOT, 'fixtures/completions');
const folder = scratch('inputs');
const PROFILE = ['check', '--profile', 'chat-completions', '--json'];

function input(name, text) {
  const file = path.join(folder, name);
  fs.writeFileSync(file, text);
  return file;
}

const own = (json) => JSON.stringify(json)
  .replaceAll('"<created>"', '1700000000').replaceAll('<id>', 'chatcmpl-1').replaceAll('<failure-class>', 'turn_failed');

/** The bytes of a transcript, and its head with what transcripts leave out. */
function transcript(name) {
  const { response } = JSON.parse(fs.readFileSync(path.join(GOLDENS, name), 'utf8'));
  const headers = { 'x-request-id': 'r1', 'x-conc-limit': '4', 'x-conc-active': '1', ...response.headers };
  if (response.events) Object.assign(headers, { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
  if (headers['retry-after']) headers['retry-after'] = '1';
  const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}\r\n`).join('');
  const body = response.events
    ? response.events.map((event) => `data: ${event === '[DONE]' ? event : own(event)}\n\n`).join('')
    : own(response.body);
  const answer = response.events ? 'stream' : response.status === 200 ? 'whole' : 'error';
  return { head: `HTTP/1.1 ${response.status} X\r\n${lines}\r\n`, body, answer };
}

for (const name of fs.readdirSync(GOLDENS).sort()) {
  test(`the transcript ${name} passes, and what kind of answer it is is said`, async () => {
    const { head, body, answer } = transcript(name);
    const run = await oa([...PROFILE, '--headers', input(`${name}.head`, head), input(`${name}.body`, body)]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const { verdict, violations, warnings, answer: kind, not_judged: open } = run.json();
    assert.deepEqual({ verdict, violations, warnings, kind, open }, { verdict: 'pass', violations: [], warnings: [], kind: answer, open: ['W3'] });
  });
}

test('a silent end, an error under 200 and a cut answer fail, each by its rule', async () => {
  const cut = transcript('stream-minimal.json').body.split('\n\n').slice(0, 2).join('\n\n') + '\n\n';
  const error = transcript('error-pre-stream.json').body;
  const whole = transcript('nonstream-minimal.json');
  for (const [name, head, body, rule] of [
    ['silent', null, cut, 'C17'],
    ['error-200', whole.head, error, 'C1'],
    ['cut', null, whole.body.slice(0, -5), 'C19'],
  ]) {
    const run = await oa([...PROFILE, ...(head ? ['--headers', input(`${name}.head`, head)] : []), input(name, body)]);
    assert.equal(run.code, 1, run.stdout + run.stderr);
    assert.deepEqual(run.json().violations.map((one) => one.rule), [rule]);
  }
});

test('an answer on standard input is judged like a file', () => {
  const run = spawnSync(OA_BIN, [...PROFILE, '-'], { input: transcript('nonstream-length.json').body, env: cleanEnv({ HOME: folder }) });
  assert.equal(run.status, 0, String(run.stderr));
  assert.equal(JSON.parse(run.stdout).answer, 'whole');
});

test('what `curl -i` printed is judged with its head, of which the last one counts', async () => {
  const { head, body } = transcript('stream-minimal.json');
  const judged = async (name, text, ...more) => oa([...PROFILE, ...more, input(name, text)]);
  const good = await judged('curl.out', head + body);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  assert.deepEqual(good.json().not_judged, ['W3']);
  const redirected = await judged('location.out', `HTTP/1.1 307 X\r\nlocation: /v1\r\n\r\n${head}${body}`, '--chunk-bytes', '1');
  assert.deepEqual([redirected.code, redirected.json().not_judged], [0, ['W3']]);
  const wrong = await judged('wrong.out', head.replaceAll('\r\n', '\n').replace(/^cache-control:.*\n/m, '') + body);
  assert.deepEqual([wrong.code, wrong.json().violations.map((one) => one.rule)], [1, ['H3']]);
  const twice = await judged('twice.out', head + body, '--headers', input('twice.head', head));
  assert.equal(twice.code, 2);
  assert.match(twice.stderr, /begins with a response head.*omit --headers/);
  for (const [name, text, words] of [
    ['endless.out', `HTTP/1.1 200 X\r\nx: ${'y'.repeat(300_000)}`, /response head in front of the stream has no end/],
    ['header.out', 'HTTP/1.1 200 X\r\nnone\r\n\r\n', /'none' is not a header/],
  ]) {
    const refused = await judged(name, text);
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, words);
  }
  assert.equal((await judged('short.out', 'HT')).code, 1); // a body that has only begun
});

test('flags that say nothing of completions are refused, and the rules are listed by profile', async () => {
  const { body } = transcript('stream-minimal.json');
  for (const profile of ['chat-completions', 'responses', 'openagents-v1']) {
    for (const flag of ['--messages', '--recording']) {
      const run = await oa(['check', '--json', '--profile', profile, flag, input('m.json', '[]'), input('s.sse', body)]);
      assert.equal(run.code, 2, run.stdout);
      assert.match(run.stderr, new RegExp(`${flag} does not apply to ${profile}`));
    }
  }
  const rules = await oa(['check', '--rules', '--profile', 'chat-completions']);
  assert.match(rules.stdout, /^C17 {2}must/m);
  assert.doesNotMatch(rules.stdout, /^(H4|O6|J3) /m);
});
