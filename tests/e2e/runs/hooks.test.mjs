// Hooks of a playbook: programs and webhooks that are told what a run does, and never change it.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { CANARY, LocalTarget, STABLE } from '../lib/local_target.mjs';
import { ROOT } from '../lib/process.mjs';
import { problemOf } from '../lib/schemas.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';

const KEY = 'hook-signing-key-0123456789', HIDDEN = 'planted-hook-path-97531-abcdef';
/** A target of its own, and an address for webhooks that keeps what it got. */
class Hooked {
  static async start() {
    const at = new Hooked();
    at.target = await LocalTarget.start();
    at.text = fs.readFileSync(at.target.playbook, 'utf8');
    at.files = 0;
    at.got = [];
    at.answer = () => 204;
    at.takes = 0; // ms
    at.server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (bytes) => { body += bytes; });
      request.on('end', () => {
        const call = { url: request.url, headers: request.headers, body, json: JSON.parse(body) };
        at.got.push(call);
        const status = at.answer(call, at.got.length);
        if (status === null) return; // never answers
        setTimeout(() => response.writeHead(status).end(), at.takes);
      });
    });
    await new Promise((done) => at.server.listen(0, '127.0.0.1', done));
    at.base = `http://127.0.0.1:${at.server.address().port}`;
    at.env = { OA_HOOK_KEY: KEY, OA_HOOK_URL: `${at.base}/${HIDDEN}` };
    return at;
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
    return this.target.stop();
  }
  /** A program that appends what it gets to a file; {words, events()}. */
  program(body = 'exit 0') {
    const out = path.join(this.target.folder, `told-${++this.files}`), file = this.target.write(`hook-${this.files}.sh`, `#!/bin/sh\nprintf '%s %s\\n' "$OA_STREAM_EVENT" "$*" >> ${out}.argv\nenv | sort > ${out}.env\ncat >> ${out}\n${body}\n`);
    fs.chmodSync(file, 0o755);
    const lines = (name) => (fs.existsSync(name) ? fs.readFileSync(name, 'utf8').trim().split('\n').filter(Boolean) : []);
    return { file, events: () => lines(out).map((line) => JSON.parse(line)), env: () => lines(`${out}.env`), argv: () => lines(`${out}.argv`) };
  }
  async plan(hooks, { change = (yaml) => yaml, set = {} } = {}) {
    const playbook = this.target.write(`hooks-${++this.files}.yaml`, change(`${this.text}hooks:\n${hooks}`));
    const made = await this.target.oa(['cutover', 'plan', playbook, ...this.target.settings(set), '--out', `${playbook}.json`], { env: this.env });
    return { ...made, file: `${playbook}.json`, playbook };
  }
  async apply(file, args = []) {
    const end = await this.target.oa(['cutover', 'apply', file, '--json', '--non-interactive', ...args], { env: this.env });
    const folder = end.json().evidence;
    return { ...end, folder, run: JSON.parse(fs.readFileSync(path.join(folder, 'run.json'), 'utf8')), timeline: fs.readFileSync(path.join(folder, 'timeline.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)) };
  }
}

/** Three at a time: they wait for most of their time. */
const beside = sideBySide('hooks', 3, Hooked.start);

const told = (calls) => calls.map(({ event }) => event);
/** As Standard Webhooks 1.0.0 has it. */
const signed = ({ headers, body }, key = KEY) => `v1,${crypto.createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64')}`;

beside('a program and a signed webhook are told of a cutover in order; no secret stands in arguments or evidence', async (at) => {
  const chat = at.program();
  const made = await at.plan(`  - { id: chat, run: [${chat.file}, --room, ops], env: [OA_HOOK_KEY] }
  - { id: board, webhook_from: { env: OA_HOOK_URL }, key: { env: OA_HOOK_KEY }, on: run-begins | stage-ended | run-ended }
`);
  assert.equal(made.code, 10, made.stderr);
  const end = await at.apply(made.file);
  assert.equal(end.code, 0, end.stderr);
  assert.deepEqual(told(chat.events()), ['run-begins', 'stage-ended', 'stage-ended', 'run-ended']);
  assert.deepEqual(told(at.got.map((call) => call.json)), ['run-begins', 'stage-ended', 'stage-ended', 'run-ended']);
  for (const document of [...chat.events(), ...at.got.map((call) => call.json)]) assert.equal(problemOf(document), null);
  const last = chat.events().at(-1);
  assert.equal(last.verdict, 'PASS');
  assert.equal(last.exit_code, 0);
  assert.equal(last.run, end.json().run);
  assert.match(last.text, /^local-cutover on local:\S+: PASS: /);
  assert.deepEqual(chat.events().filter((e) => e.event === 'stage-ended').map((e) => [e.stage, e.verdict]), [['50%', 'PASS'], ['100%', 'PASS']]);
  for (const call of at.got) {
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

beside('hooks that fail, hang, print for ever or are not there change neither verdict nor time of the run', async (at) => {
  const bad = at.program('echo "no route to the pager" >&2\nexit 3'), slow = at.program('sleep 600'), loud = at.program('exec cat /dev/zero');
  at.answer = ({ url }) => (url === '/never' ? null : 400);
  const made = await at.plan(`  - { id: bad, run: [${bad.file}], on: stage-ended }
  - { id: slow, run: [${slow.file}], on: stage-ended, timeout: 10s }
  - { id: loud, run: [${loud.file}], on: run-begins }
  - { id: gone, run: [${at.target.folder}/no-such-program], on: run-ended }
  - { id: refused, webhook: "${at.base}/refused", on: run-ended }
  - { id: never, webhook: "${at.base}/never", on: run-begins, timeout: 2s }
  - { id: nobody, webhook: "http://127.0.0.1:1/x", on: run-begins, timeout: 2s }
`);
  assert.equal(made.code, 10, made.stderr);
  const end = await at.apply(made.file);
  assert.equal(end.code, 0, end.stderr);
  assert.equal(end.run.verdict, 'PASS');
  assert.deepEqual(await at.target.weights(), CANARY);
  const failures = Object.fromEntries(end.run.hooks.map(({ id, failed, last_error }) => [id, [failed, last_error]]));
  assert.deepEqual(failures.bad, [2, 'exit 3: no route to the pager']);
  assert.deepEqual(failures.slow, [2, 'not done within 10s, ended by us']);
  assert.deepEqual(failures.loud, [1, 'it printed more than 65536 bytes']);
  assert.equal(failures.gone[0], 1);
  assert.deepEqual(failures.refused, [1, 'HTTP 400']);
  assert.equal(failures.never[0], 1);
  assert.match(failures.nobody[1], /^refused: .*, \d+ tries$/);
  assert.match(fs.readFileSync(path.join(end.folder, 'report.md'), 'utf8'), /Hook bad: 2 of 2 events did not arrive; the last: exit 3: no route to the pager\./);
  const ended = end.timeline.filter((line) => line.event === 'stage ended').map((line) => line.t), begun = end.timeline.filter((line) => line.event === 'stage begins').map((line) => line.t);
  assert.ok(begun[1] - ended[0] < 9, 'the second stage did not wait for the hook that sleeps');
});

beside('a webhook is tried again after 503 and 429, as the same event and signed anew', async (at) => {
  at.answer = (_, count) => [503, 429, 200][count - 1] ?? 204;
  const made = await at.plan(`  - { id: pager, webhook: "${at.base}/pager", key: { env: OA_HOOK_KEY }, on: run-ended }\n`);
  const end = await at.apply(made.file);
  assert.equal(end.code, 0, end.stderr);
  assert.equal(at.got.length, 3);
  assert.equal(new Set(at.got.map((call) => call.headers['webhook-id'])).size, 1);
  for (const call of at.got) assert.equal(call.headers['webhook-signature'], signed(call));
  assert.equal(end.timeline.find((line) => line.event === 'hook').detail, 'HTTP 200, 3 tries');
});

beside('a webhook that takes its time to answer is asked once', async (at) => {
  at.takes = 11000;
  const made = await at.plan(`  - { id: slow, webhook: "${at.base}/slow", on: run-ended, timeout: 28s }\n`);
  const end = await at.apply(made.file);
  assert.equal(end.code, 0, end.stderr);
  assert.equal(at.got.length, 1);
  assert.deepEqual(end.run.hooks.map(({ delivered, failed }) => [delivered, failed]), [[1, 0]]);
});

beside('a required hook that says no before a stage stops the run there, and the traffic goes back', async (at) => {
  const gate = at.program('grep -q \'"step":"shift@100%"\' "$OLDPWD/nothing" 2>/dev/null; exit 0');
  const no = at.program(`tail -n 1 ${path.join(at.target.folder, `told-${at.files + 1}`)} | grep -q 'shift@100%' && { echo 'change freeze' >&2; exit 1; }\nexit 0`);
  const told100 = at.program();
  const made = await at.plan(`  - { id: fine, run: [${gate.file}], on: before-stage, required: true }
  - { id: freeze, run: [${no.file}], on: before-stage, required: true }
  - { id: chat, run: [${told100.file}] }
`);
  assert.equal(made.code, 10, made.stderr);
  assert.match((await at.target.oa(['plan', 'show', made.file])).stdout, /hooks +fine \(required before each stage\), freeze \(required before each stage\), chat\n/);
  const end = await at.apply(made.file);
  assert.equal(end.code, 7, end.stderr);
  assert.equal(end.run.verdict, 'FAIL');
  assert.deepEqual(await at.target.weights(), STABLE);
  const check = (id) => end.run.checks.find((c) => c.id === id);
  assert.equal(check('hook.fine@shift@50%').verdict, 'PASS');
  assert.equal(check('hook.freeze@shift@100%').verdict, 'FAIL');
  assert.equal(check('hook.freeze@shift@100%').detail, 'a required hook: exit 1: change freeze');
  assert.ok(!end.run.checks.some((c) => c.id === 'shift@100%'), 'nothing was moved');
  assert.deepEqual(told(told100.events()), ['run-begins', 'stage-ended', 'rollback-begins', 'rollback-ended', 'run-ended']);
  assert.match(told100.events().find((e) => e.event === 'rollback-begins').reason, /change freeze/);
});

beside('a signal, a pause and a rollback apply are told, too', async (at) => {
  const chat = at.program();
  const made = await at.plan(`  - { id: chat, run: [${chat.file}] }\n`, { change: (yaml) => yaml.replace('\nstage:\n', '\nstage:\n  pause: { after: [50%], at_most: 2m }\n') });
  const known = new Set(at.target.runs());
  const running = at.target.begin(['cutover', 'apply', made.file, '--json', '--non-interactive']);
  await running.until(() => chat.events().some((e) => e.event === 'paused'), 'the pause', 60000);
  const pause = chat.events().find((e) => e.event === 'paused');
  assert.match(pause.to_go_on, /^oa-stream cutover continue --run /);
  running.child.kill('SIGTERM');
  const exit = await running.end(60000);
  assert.equal(exit.code, 7, running.stderr);
  assert.deepEqual(told(chat.events()), ['run-begins', 'paused', 'stage-ended', 'rollback-begins', 'rollback-ended', 'run-ended']);
  assert.match(chat.events().find((e) => e.event === 'rollback-begins').reason, /signal 15/);
  assert.equal(chat.events().find((e) => e.event === 'rollback-ended').verified, true);
  const run = at.target.runs().find((r) => !known.has(r));

  const before = chat.events().length;
  const again = await at.target.oa(['rollback', 'apply', '--run', run, '--json']);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(told(chat.events().slice(before)), ['rollback-begins', 'rollback-ended', 'run-ended']);
  const ids = chat.events().map((e) => e.id);
  assert.equal(new Set(ids).size, ids.length, `who refuses ids that came before loses none of ${ids}`);
});

beside('a run is over for who waits once its hooks were told and its folder is sealed', async (at) => {
  const go = path.join(at.target.folder, `go-${++at.files}`);
  const slow = at.program(`until [ -e ${go} ]; do sleep 0.1; done`);
  const made = await at.plan(`  - { id: slow, run: [${slow.file}], on: run-ended, timeout: 28s }\n`);
  assert.equal(made.code, 10, made.stderr);
  const known = new Set(at.target.runs());
  const running = at.target.begin(['cutover', 'apply', made.file, '--json', '--non-interactive']);
  await running.until(() => slow.events().length === 1, 'the end of the run', 120000);
  const run = at.target.runs().find((r) => !known.has(r)), folder = path.join(at.target.state, 'runs', run);
  const wait = (what, timeout) => at.target.oa(['cutover', 'status', '--run', run, '--wait-for', what, '--timeout', timeout, '--json']);
  for (const early of await Promise.all(['done', 'passed'].map((what) => wait(what, '300ms')))) {
    assert.equal(early.code, 3, early.stdout);
    assert.equal(early.json().runs[0].state, 'running');
  }
  assert.ok(!fs.existsSync(path.join(folder, 'report.md')));
  fs.writeFileSync(go, '');
  for (const end of await Promise.all(['done', 'passed'].map((what) => wait(what, '60s')))) {
    assert.equal(end.code, 0, end.stderr);
    assert.equal(end.json().runs[0].state, 'ended');
    for (const name of ['report.md', 'SHA256SUMS']) assert.ok(fs.existsSync(path.join(folder, name)), name);
  }
  assert.equal((await running.end(60000)).code, 0, running.stderr);
});

beside('a signal while the run waits for its hooks at its end shortens the wait', async (at) => {
  const slow = at.program('exec sleep 60');
  const made = await at.plan(`  - { id: slow, run: [${slow.file}], on: run-ended, timeout: 28s }\n`);
  const running = at.target.begin(['cutover', 'apply', made.file, '--json', '--non-interactive']);
  await running.until(({ stderr }) => stderr.includes('waiting for hooks: slow (at most 30 s)'), 'the wait', 120000);
  running.signal('SIGTERM');
  await running.end(60000);
  const timeline = fs.readFileSync(path.join(JSON.parse(running.stdout).evidence, 'timeline.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(timeline.find((line) => line.event === 'hook').detail, 'given up: the run is over', 'before its own 28 s were over');
});

beside('a key that is missing is refused before anything moves, and never stops a rollback', async (at) => {
  const hooks = `  - { id: pager, webhook: "${at.base}/pager", key: { env: OA_HOOK_KEY } }\n`;
  const made = await at.plan(hooks);
  assert.equal(made.code, 10, made.stderr);
  const without = await at.target.oa(['cutover', 'plan', made.playbook, ...at.target.settings()]);
  assert.equal(without.code, 5, without.stderr);
  assert.match(without.stderr, /env:OA_HOOK_KEY: hook pager: /);
  const refused = await at.target.oa(['cutover', 'apply', made.file, '--json', '--non-interactive']);
  assert.equal(refused.code, 5, refused.stderr);
  assert.deepEqual(await at.target.weights(), STABLE);
  assert.deepEqual(at.got, []);
  const good = await at.apply((await at.plan(hooks)).file);
  assert.equal(good.code, 0, good.stderr);
  const back = await at.target.oa(['rollback', 'apply', '--run', good.json().run, '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await at.target.weights(), STABLE);
  assert.match(back.json().notes.join('\n'), /Hook pager: 3 of 3 events did not arrive; the last: /);
});

beside('the examples: a chat, a pager and annotations on dashboards', async (at) => {
  const example = (name) => path.join(ROOT, 'examples/hooks', name);
  const made = await at.plan(`  - { id: chat, run: [${example('chat')}], env: [CHAT_WEBHOOK_SECRET], on: run-ended }
  - { id: pager, run: [${example('pager')}], env: [PAGER_ROUTING_KEY, PAGER_URL], on: rollback-begins | run-ended }
  - { id: grafana, run: [${example('grafana-annotation')}], env: [GRAFANA_URL, GRAFANA_TOKEN], on: stage-ended }
`, { change: (yaml) => yaml.replace('at_most: 30%', 'at_most: 30%, min_samples: 100000') });
  assert.equal(made.code, 10, made.stderr);
  const end = await at.target.oa(['cutover', 'apply', made.file, '--json', '--non-interactive'], { env: { CHAT_WEBHOOK_SECRET: `${at.base}/services/${HIDDEN}`, PAGER_ROUTING_KEY: KEY, PAGER_URL: `${at.base}/v2/enqueue`, GRAFANA_URL: at.base, GRAFANA_TOKEN: KEY } });
  const run = end.json();
  assert.notEqual(run.verdict, 'PASS', 'there is something to page about');
  assert.deepEqual(run.hooks.map(({ failed, last_error }) => [failed, last_error]), [[0, null], [0, null], [0, null]]);
  const to = (url) => at.got.filter((call) => call.url === url).map((call) => call.json);
  const [chat] = to(`/services/${HIDDEN}`);
  assert.match(chat.text, /^⚠ local-cutover on local:\S+: INCONCLUSIVE: gate\.error-rate@50%: .*rolled back and verified\.\nnext: `oa-stream incident body \S+`$/);
  const alerts = to('/v2/enqueue');
  assert.deepEqual(alerts.map((a) => [a.routing_key, a.event_action, a.dedup_key, a.payload.severity]), [[KEY, 'trigger', run.run, 'critical'], [KEY, 'trigger', run.run, 'critical']]);
  const marks = at.got.filter((call) => call.url === '/api/annotations');
  assert.equal(marks.length, 1);
  assert.equal(marks[0].headers.authorization, `Bearer ${KEY}`);
  assert.ok(Math.abs(marks[0].json.time - Date.now()) < 120000);
  assert.ok(marks[0].json.tags.includes('stage-ended') && marks[0].json.tags.includes(`run:${run.run}`));
});

beside('a playbook whose hooks make no sense is refused with the line', async (at) => {
  const refused = async (hooks, pattern) => {
    const file = at.target.write(`bad-${++at.files}.yaml`, `${at.text}hooks:\n${hooks}`);
    const end = await at.target.oa(['playbook', 'validate', file, ...at.target.settings()]);
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
