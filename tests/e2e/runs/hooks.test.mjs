// Hooks of a playbook: programs and webhooks that are told what a run does, and never change it.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { LocalTarget } from '../lib/local_target.mjs';
import { ROOT } from '../lib/process.mjs';
import { problemOf } from '../lib/schemas.mjs';

const STABLE = { v1: 100, v2: 0 }, CANARY = { v1: 0, v2: 100 };
const KEY = 'hook-signing-key-0123456789', HIDDEN = 'planted-hook-path-97531-abcdef';
let target, text, server, base, got = [], answer = () => 204;
before(async () => {
  target = await LocalTarget.start();
  text = fs.readFileSync(target.playbook, 'utf8');
  server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => { body += bytes; });
    request.on('end', () => {
      const call = { url: request.url, headers: request.headers, body, json: JSON.parse(body) };
      got.push(call);
      const status = answer(call, got.length);
      if (status === null) return; // never answers
      response.writeHead(status).end();
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
  return Promise.all([target.front, target.stable, target.canary].map((p) => p.kill()));
});
beforeEach(async () => {
  got = [];
  answer = () => 204;
  await target.setWeights(STABLE);
});

let files = 0;
const env = { OA_HOOK_KEY: KEY, OA_HOOK_URL: () => `${base}/${HIDDEN}` };
const environment = () => Object.fromEntries(Object.entries(env).map(([k, v]) => [k, typeof v === 'function' ? v() : v]));
/** A program that appends what it gets to a file; {words, events()}. */
function program(body = 'exit 0') {
  const out = path.join(target.folder, `told-${++files}`), file = target.write(`hook-${files}.sh`, `#!/bin/sh\nprintf '%s %s\\n' "$OA_STREAM_EVENT" "$*" >> ${out}.argv\nenv | sort > ${out}.env\ncat >> ${out}\n${body}\n`);
  fs.chmodSync(file, 0o755);
  const lines = (name) => (fs.existsSync(name) ? fs.readFileSync(name, 'utf8').trim().split('\n').filter(Boolean) : []);
  return { file, events: () => lines(out).map((line) => JSON.parse(line)), env: () => lines(`${out}.env`), argv: () => lines(`${out}.argv`) };
}
async function plan(hooks, { change = (yaml) => yaml, set = {} } = {}) {
  const playbook = target.write(`hooks-${++files}.yaml`, change(`${text}hooks:\n${hooks}`));
  const made = await target.oa(['cutover', 'plan', playbook, ...target.settings(set), '--out', `${playbook}.json`], { env: environment() });
  return { ...made, file: `${playbook}.json`, playbook };
}
async function apply(file, args = []) {
  const end = await target.oa(['cutover', 'apply', file, '--json', '--non-interactive', ...args], { env: environment() });
  const folder = end.json().evidence;
  return { ...end, folder, run: JSON.parse(fs.readFileSync(path.join(folder, 'run.json'), 'utf8')), timeline: fs.readFileSync(path.join(folder, 'timeline.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)) };
}
const told = (calls) => calls.map(({ event }) => event);
/** As Standard Webhooks 1.0.0 has it. */
const signed = ({ headers, body }, key = KEY) => `v1,${crypto.createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64')}`;

test('a program and a signed webhook are told of a cutover in order; no secret stands in arguments or evidence', async () => {
  const chat = program();
  const made = await plan(`  - { id: chat, run: [${chat.file}, --room, ops], env: [OA_HOOK_KEY] }
  - { id: board, webhook_from: { env: OA_HOOK_URL }, key: { env: OA_HOOK_KEY }, on: run-begins | stage-ended | run-ended }
`);
  assert.equal(made.code, 10, made.stderr);
  const end = await apply(made.file);
  assert.equal(end.code, 0, end.stderr);
  assert.deepEqual(told(chat.events()), ['run-begins', 'stage-ended', 'stage-ended', 'run-ended']);
  assert.deepEqual(told(got.map((call) => call.json)), ['run-begins', 'stage-ended', 'stage-ended', 'run-ended']);
  for (const document of [...chat.events(), ...got.map((call) => call.json)]) assert.equal(problemOf(document), null);
  const last = chat.events().at(-1);
  assert.equal(last.verdict, 'PASS');
  assert.equal(last.exit_code, 0);
  assert.equal(last.run, end.json().run);
  assert.match(last.text, /^local-cutover on local:\S+: PASS: /);
  assert.deepEqual(chat.events().filter((e) => e.event === 'stage-ended').map((e) => [e.stage, e.verdict]), [['50%', 'PASS'], ['100%', 'PASS']]);
  for (const call of got) {
    assert.equal(call.url, `/${HIDDEN}`);
    assert.equal(call.headers['webhook-id'], call.json.id);
    assert.ok(Math.abs(Number(call.headers['webhook-timestamp']) - Date.now() / 1000) < 60);
    assert.equal(call.headers['webhook-signature'], signed(call));
  }
  assert.ok(chat.env().includes(`OA_HOOK_KEY=${KEY}`), 'what it is to get');
  assert.ok(!chat.env().some((line) => line.startsWith('OA_HOOK_URL=')), 'and nothing else');
  assert.ok(chat.argv().every((line) => / --room ops$/.test(line)));
  assert.deepEqual(end.run.hooks, [{ id: 'chat', delivered: 4, failed: 0, last_error: null }, { id: 'board', delivered: 4, failed: 0, last_error: null }]);
  assert.equal(end.timeline.filter((line) => line.event === 'hook' && line.delivered).length, 8);
  for (const name of fs.readdirSync(end.folder, { recursive: true })) {
    const file = path.join(end.folder, name);
    if (!fs.statSync(file).isFile()) continue;
    const bytes = fs.readFileSync(file, 'utf8');
    assert.ok(!bytes.includes(KEY) && !bytes.includes(HIDDEN), `${name} tells a secret`);
  }
});

test('hooks that fail, hang, print for ever or are not there change neither verdict nor time of the run', async () => {
  const bad = program('echo "no route to the pager" >&2\nexit 3'), slow = program('sleep 600'), loud = program('exec cat /dev/zero');
  answer = ({ url }) => (url === '/never' ? null : 400);
  const made = await plan(`  - { id: bad, run: [${bad.file}], on: stage-ended }
  - { id: slow, run: [${slow.file}], on: stage-ended, timeout: 6s }
  - { id: loud, run: [${loud.file}], on: run-begins }
  - { id: gone, run: [${target.folder}/no-such-program], on: run-ended }
  - { id: refused, webhook: "${base}/refused", on: run-ended }
  - { id: never, webhook: "${base}/never", on: run-begins, timeout: 2s }
  - { id: nobody, webhook: "http://127.0.0.1:1/x", on: run-begins, timeout: 2s }
`);
  assert.equal(made.code, 10, made.stderr);
  const end = await apply(made.file);
  assert.equal(end.code, 0, end.stderr);
  assert.equal(end.run.verdict, 'PASS');
  assert.deepEqual(await target.weights(), CANARY);
  const failures = Object.fromEntries(end.run.hooks.map(({ id, failed, last_error }) => [id, [failed, last_error]]));
  assert.deepEqual(failures.bad, [2, 'exit 3: no route to the pager']);
  assert.deepEqual(failures.slow, [2, 'not done within 6s, ended by us']);
  assert.deepEqual(failures.loud, [1, 'it printed more than 65536 bytes']);
  assert.equal(failures.gone[0], 1);
  assert.deepEqual(failures.refused, [1, 'HTTP 400']);
  assert.equal(failures.never[0], 1);
  assert.match(failures.nobody[1], /^refused: .*, \d+ tries$/);
  assert.match(fs.readFileSync(path.join(end.folder, 'report.md'), 'utf8'), /Hook bad: 2 of 2 events did not arrive; the last: exit 3: no route to the pager\./);
  const ended = end.timeline.filter((line) => line.event === 'stage ended').map((line) => line.t), begun = end.timeline.filter((line) => line.event === 'stage begins').map((line) => line.t);
  assert.ok(begun[1] - ended[0] < 4, 'the second stage did not wait for the hook that sleeps');
});

test('a webhook is tried again after 503 and 429, as the same event and signed anew', async () => {
  answer = (_, count) => [503, 429, 200][count - 1] ?? 204;
  const made = await plan(`  - { id: pager, webhook: "${base}/pager", key: { env: OA_HOOK_KEY }, on: run-ended }\n`);
  const end = await apply(made.file);
  assert.equal(end.code, 0, end.stderr);
  assert.equal(got.length, 3);
  assert.equal(new Set(got.map((call) => call.headers['webhook-id'])).size, 1);
  for (const call of got) assert.equal(call.headers['webhook-signature'], signed(call));
  assert.equal(end.timeline.find((line) => line.event === 'hook').detail, 'HTTP 200, 3 tries');
});

test('a required hook that says no before a stage stops the run there, and the traffic goes back', async () => {
  const gate = program('grep -q \'"step":"shift@100%"\' "$OLDPWD/nothing" 2>/dev/null; exit 0');
  const no = program(`tail -n 1 ${path.join(target.folder, `told-${files + 1}`)} | grep -q 'shift@100%' && { echo 'change freeze' >&2; exit 1; }\nexit 0`);
  const told100 = program();
  const made = await plan(`  - { id: fine, run: [${gate.file}], on: before-stage, required: true }
  - { id: freeze, run: [${no.file}], on: before-stage, required: true }
  - { id: chat, run: [${told100.file}] }
`);
  assert.equal(made.code, 10, made.stderr);
  assert.match((await target.oa(['plan', 'show', made.file])).stdout, /hooks +fine \(required before each stage\), freeze \(required before each stage\), chat\n/);
  const end = await apply(made.file);
  assert.equal(end.code, 7, end.stderr);
  assert.equal(end.run.verdict, 'FAIL');
  assert.deepEqual(await target.weights(), STABLE);
  const check = (id) => end.run.checks.find((c) => c.id === id);
  assert.equal(check('hook.fine@shift@50%').verdict, 'PASS');
  assert.equal(check('hook.freeze@shift@100%').verdict, 'FAIL');
  assert.equal(check('hook.freeze@shift@100%').detail, 'a required hook: exit 1: change freeze');
  assert.ok(!end.run.checks.some((c) => c.id === 'shift@100%'), 'nothing was moved');
  assert.deepEqual(told(told100.events()), ['run-begins', 'stage-ended', 'rollback-begins', 'rollback-ended', 'run-ended']);
  assert.match(told100.events().find((e) => e.event === 'rollback-begins').reason, /change freeze/);
});

test('a signal, a pause and a rollback apply are told, too', async () => {
  const chat = program();
  const made = await plan(`  - { id: chat, run: [${chat.file}] }\n`, { change: (yaml) => yaml.replace('\nstage:\n', '\nstage:\n  pause: { after: [50%], at_most: 2m }\n') });
  const known = new Set(target.runs());
  const running = target.begin(['cutover', 'apply', made.file, '--json', '--non-interactive']);
  await running.until(() => chat.events().some((e) => e.event === 'paused'), 'the pause', 60000);
  const pause = chat.events().find((e) => e.event === 'paused');
  assert.match(pause.to_go_on, /^oa-stream cutover continue --run /);
  running.child.kill('SIGTERM');
  const exit = await running.end(60000);
  assert.equal(exit.code, 7, running.stderr);
  assert.deepEqual(told(chat.events()), ['run-begins', 'paused', 'stage-ended', 'rollback-begins', 'rollback-ended', 'run-ended']);
  assert.match(chat.events().find((e) => e.event === 'rollback-begins').reason, /signal 15/);
  assert.equal(chat.events().find((e) => e.event === 'rollback-ended').verified, true);
  const run = target.runs().find((r) => !known.has(r));

  const before = chat.events().length;
  const again = await target.oa(['rollback', 'apply', '--run', run, '--json']);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(told(chat.events().slice(before)), ['rollback-begins', 'rollback-ended', 'run-ended']);
});

test('a key that is missing is refused before anything moves, and never stops a rollback', async () => {
  const hooks = `  - { id: pager, webhook: "${base}/pager", key: { env: OA_HOOK_KEY } }\n`;
  const made = await plan(hooks);
  assert.equal(made.code, 10, made.stderr);
  const without = await target.oa(['cutover', 'plan', made.playbook, ...target.settings()]);
  assert.equal(without.code, 5, without.stderr);
  assert.match(without.stderr, /env:OA_HOOK_KEY: hook pager: /);
  const refused = await target.oa(['cutover', 'apply', made.file, '--json', '--non-interactive']);
  assert.equal(refused.code, 5, refused.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  assert.deepEqual(got, []);
  const good = await apply((await plan(hooks)).file);
  assert.equal(good.code, 0, good.stderr);
  const back = await target.oa(['rollback', 'apply', '--run', good.json().run, '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await target.weights(), STABLE);
  assert.match(back.json().notes.join('\n'), /Hook pager: 3 of 3 events did not arrive; the last: /);
});

test('the examples: a chat, a pager and annotations on dashboards', async () => {
  const example = (name) => path.join(ROOT, 'examples/hooks', name);
  const made = await plan(`  - { id: chat, run: [${example('chat')}], env: [CHAT_WEBHOOK_SECRET], on: run-ended }
  - { id: pager, run: [${example('pager')}], env: [PAGER_ROUTING_KEY, PAGER_URL], on: rollback-begins | run-ended }
  - { id: grafana, run: [${example('grafana-annotation')}], env: [GRAFANA_URL, GRAFANA_TOKEN], on: stage-ended }
`, { change: (yaml) => yaml.replace('at_most: 30%', 'at_most: 30%, min_samples: 100000') });
  assert.equal(made.code, 10, made.stderr);
  const end = await target.oa(['cutover', 'apply', made.file, '--json', '--non-interactive'], { env: { CHAT_WEBHOOK_SECRET: `${base}/services/${HIDDEN}`, PAGER_ROUTING_KEY: KEY, PAGER_URL: `${base}/v2/enqueue`, GRAFANA_URL: base, GRAFANA_TOKEN: KEY } });
  const run = end.json();
  assert.notEqual(run.verdict, 'PASS', 'there is something to page about');
  assert.deepEqual(run.hooks.map(({ failed, last_error }) => [failed, last_error]), [[0, null], [0, null], [0, null]]);
  const to = (url) => got.filter((call) => call.url === url).map((call) => call.json);
  const [chat] = to(`/services/${HIDDEN}`);
  assert.match(chat.text, /^⚠ local-cutover on local:\S+: INCONCLUSIVE: gate\.error-rate@50%: .*rolled back and verified\.\nnext: `oa-stream incident body \S+`$/);
  const alerts = to('/v2/enqueue');
  assert.deepEqual(alerts.map((a) => [a.routing_key, a.event_action, a.dedup_key, a.payload.severity]), [[KEY, 'trigger', run.run, 'critical'], [KEY, 'trigger', run.run, 'critical']]);
  const marks = got.filter((call) => call.url === '/api/annotations');
  assert.equal(marks.length, 1);
  assert.equal(marks[0].headers.authorization, `Bearer ${KEY}`);
  assert.ok(Math.abs(marks[0].json.time - Date.now()) < 120000);
  assert.ok(marks[0].json.tags.includes('stage-ended') && marks[0].json.tags.includes(`run:${run.run}`));
});

test('a playbook whose hooks make no sense is refused with the line', async () => {
  const refused = async (hooks, pattern) => {
    const file = target.write(`bad-${++files}.yaml`, `${text}hooks:\n${hooks}`);
    const end = await target.oa(['playbook', 'validate', file, ...target.settings()]);
    assert.equal(end.code, 2, hooks);
    assert.match(end.stdout + end.stderr, pattern);
  };
  await refused('  - { run: [x], webhook: "http://h/" }\n', /run.*webhook/);
  await refused('  - { webhook: "ftp://h/" }\n', /hooks\[0\]\.webhook: expected a URL of http or https/);
  await refused('  - { webhook: "http://user:pw@h/" }\n', /the URL contains credentials/);
  await refused('  - { run: [x], required: true }\n', /only a hook with on: before-stage can stop a run/);
  await refused('  - { run: [x], key: { env: K } }\n', /hooks\[0\]\.key: belongs to a webhook/);
  await refused('  - { run: [x], timeout: 11m }\n', /at most 10m/);
  await refused('  - { id: a, run: [x] }\n  - { id: a, run: [z] }\n', /'a' is given twice/);
  await refused('  - { run: [x], on: whenever }\n', /whenever/);
});
