// Every command's --help has examples; one of each is carried out here as it stands there, but for
// the names of hosts and files, which become those of real things started by this test.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ADMIN, USER, startControlService } from '../lib/control_service.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, scratch } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';

let target, control, prometheus, folder, env;
before(async () => {
  target = await LocalTarget.start();
  control = await startControlService();
  prometheus = await startPrometheus([target.stable.base.slice(7), target.canary.base.slice(7)]);
  folder = scratch('examples');
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.symlinkSync(OA_BIN, path.join(folder, 'bin/oa-stream'));
  env = cleanEnv({ HOME: folder, OA_STREAM_STATE_DIR: path.join(folder, 'state'), TOKEN: ADMIN, AUTH_TOKEN: USER });
  env.PATH = `${folder}/bin:${env.PATH}`;
  // What examples name: a stream, a playbook, a log.
  fs.copyFileSync(path.join(ROOT, 'fixtures/goldens/ui/01-echo.sse'), path.join(folder, 'out.sse'));
  fs.copyFileSync(target.playbook, path.join(folder, 'cutover.yaml'));
  const head = fs.readFileSync(target.playbook, 'utf8').split('sources:')[0].replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*/, 'kind: rollback').replace('  - { name: bake, default: 700ms }\n', '');
  fs.writeFileSync(path.join(folder, 'rollback.yaml'), `${head}postflight: [{ smoke: stream }]\nlimits: { fresh_row: 3, restore: 20s, shift: 10s }\n`);
});
after(async () => {
  await control.stop();
  await Promise.all([target.stop(), prometheus.exit ? null : prometheus.kill()]);
});

const settings = () => `--set base_url=${target.base} --set socket=${target.socket}`;
const latest = (kind = '') => fs.readdirSync(path.join(folder, 'state/runs')).filter((run) => run.includes(kind)).sort().at(-1);
const toLane = (line) => line.replaceAll(/https?:\/\/(127\.0\.0\.1:808[01]|chat\.example\.org|canary\.example\.org)/g, target.base);
const toControl = (line) => line.replaceAll('https://control.example.org', control.base);
const toPrometheus = (line) => line.replaceAll('http://127.0.0.1:9090', prometheus.base);
const ours = (line) => toLane(line).replace(/--set stable=v1 --set canary=v2/, settings());

// In the order in which they can be run: some need what others left. `ends`: its exit code.
const EXAMPLES = {
  version: { ends: [0] },
  'smoke stream': { line: toLane, ends: [0] },
  'smoke control': { line: (line) => toControl(line).replace(/https:\/\/\S+/, control.base), ends: [0, 1, 3] },
  'smoke completions': { line: toLane, ends: [0, 3] },
  'smoke responses': { line: toLane, ends: [0, 3] },
  check: { ends: [0] },
  verify: { line: toLane, ends: [0, 1, 3, 4] }, // this lane has no control surface
  'cutover plan': { line: ours, ends: [10] },
  'cutover rehearse': { line: (line) => `${toLane(line)} --set socket=${target.socket}`, ends: [0] },
  'cutover apply': { ends: [0] },
  'cutover status': { ends: [0] },
  'cutover pause': { ends: [2] }, // no run is under way
  'cutover continue': { ends: [2] }, // no run is under way
  'cutover promote': { ends: [2] }, // no run is under way
  'cutover abort': { ends: [2] }, // no run is under way
  'plan show': { ends: [0] },
  'plan approve': { ends: [6] }, // the playbook asks for no second operator
  'cutover abandon': { line: (line) => line.replace(/--run \S+/, `--run ${latest('cutover')}`), ends: [6] }, // it left nothing undone
  'rollback plan': { line: ours, ends: [10] },
  'rollback apply': { line: (line) => line.replace(/--run 2026\S+/, `--run ${latest('cutover')}`), ends: [0, 2] },
  'rollback drill': { ends: [0], ms: 120000 },
  'route status': { line: toControl, ends: [0] },
  'route evaluate': { line: toControl, ends: [0] },
  'route set': { line: (line) => `${toControl(line)} --apply`, ends: [0] },
  'route restore': { line: (line) => line.replace(/2026\S+/, latest('route')), ends: [0, 2, 6] }, // it ended: nothing to restore
  'route verify': { line: toControl, ends: [0] },
  'route clear': { line: toControl, ends: [0] },
  load: { line: (line) => toLane(line).replace('30s', '2s'), ends: [0, 3] }, // a busy machine may decide nothing
  shadow: { line: toLane, ends: [0, 3] },
  watch: { line: (line) => `${toLane(toPrometheus(line)).replace(/ --once| --ndjson/g, '')} --once`, ends: [0, 3] },
  'slo status': { line: toPrometheus, ends: [0, 1, 3] }, // smokes provoke errors, too
  'slo gate': { line: toPrometheus, ends: [0, 3] },
  'slo budget': { line: toPrometheus, ends: [0, 3] },
  'slo rules': { line: (line) => line.replace('/etc/prometheus/', ''), ends: [0] },
  'slo dashboard': { ends: [0] },
  'playbook list': { ends: [0] },
  'playbook show': { ends: [0] },
  'playbook validate': { line: (line) => line.replace(/ \S+$/, ' cutover.yaml'), ends: [0] },
  'playbook explain': { line: (line) => line.replace(/playbook explain .*/, `playbook explain cutover.yaml ${settings()}`), ends: [0] },
  'playbook schema': { ends: [0] },
  'runs list': { ends: [0] },
  'runs show': { ends: [0] },
  'runs compare': { line: (line) => line.replace('1a2b3c4d', latest('cutover')), ends: [0] },
  'runs pin': { ends: [0] },
  'runs unpin': { line: (line) => line.replace('1a2b3c4d', 'last'), ends: [0] },
  'runs gc': { ends: [0] },
  note: { line: (line) => line.replace('note ', 'note --run last '), ends: [0] },
  'incident body': { ends: [0] },
  'incident bundle': { ends: [0] },
  'incident verify': { ends: [0] },
  'incident open': { ends: [0, 3, 4] }, // shows it; without gh it says what to do
  compat: { line: (line) => `OPENAGENTS_BASE_URL=${control.base} ${line}`, ends: [0, 3] },
  completions: { line: (line) => line.replace(/> \S+/, '> completion.bash'), ends: [0] },
  man: { line: (line) => line.replace('man -l -', 'cat'), ends: [0] },
  help: { ends: [0] },
  'config schema': { ends: [0] },
  'config show': { ends: [0] },
  doctor: { ends: [0, 1, 3] },
  serve: { line: (line) => line.replace('127.0.0.1:8080', '127.0.0.1:0'), serves: true },
  front: { line: (line) => line.replace('127.0.0.1:8080', '127.0.0.1:0').replace('http://127.0.0.1:9001', target.stable.base).replace('http://127.0.0.1:9002', target.canary.base).replace('/tmp/front.sock', `/tmp/oa-ex-${process.pid}.sock`), serves: true },
};

const commands = [...execFileSync(OA_BIN, ['man', '--markdown'], { encoding: 'utf8' }).matchAll(/^## oa-stream (.*)$/gm)].map(([, path]) => path);
/** The first one; a long one goes on behind a backslash. */
const exampleOf = (command) => execFileSync(OA_BIN, [...command.split(' '), '--help'], { encoding: 'utf8' }).split('\nExamples:\n')[1].replaceAll(/ \\\n\s+/g, ' ').trim().split('\n')[0].trim();

test('every command has its example here', () => {
  assert.deepEqual(commands.filter((command) => !EXAMPLES[command]), []);
});

for (const command of Object.keys(EXAMPLES).filter((one) => commands.includes(one))) {
  test(`oa-stream ${command}: the first example of its --help`, async () => {
    const { line = (same) => same, ends, serves, ms = 60000 } = EXAMPLES[command];
    const shell = line(exampleOf(command));
    assert.ok(!/example\.org|127\.0\.0\.1:80|:9090/.test(shell), `not ours: ${shell}`);
    const run = new Running('bash', ['-o', 'pipefail', '-c', serves ? `exec ${shell}` : shell], { name: command.replace(' ', '-'), folder: scratch('run'), cwd: folder, env });
    if (serves) {
      await run.until(({ stdout, stderr }) => /127\.0\.0\.1:\d+/.test(stdout + stderr), 'a line that says where it listens');
      run.signal('SIGTERM');
      assert.equal((await run.end()).code, 0, run.stderr);
      return;
    }
    const { code } = await run.end(ms);
    assert.ok(ends.includes(code), `${shell}\nexit ${code}\n${run.stdout.slice(-3000)}\n${run.stderr.slice(-3000)}`);
  });
}
