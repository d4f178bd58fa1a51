// Each command that leaves a folder is killed in the middle of it: what is left is told by runs show,
// runs list and incident body, in words and as JSON. And room is made beside runs that go on.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ADMIN, startControlService } from '../lib/control_service.mjs';
import { startLane } from '../lib/lane.mjs';
import { NEW_ONLY } from '../lib/cutover/playbook.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';

const runsOf = (state) => (fs.existsSync(path.join(state, 'runs')) ? fs.readdirSync(path.join(state, 'runs')).filter((name) => !name.startsWith('.')) : []);
const AUTH = ['--auth', 'env:DIED_TOKEN'];
const env = { DIED_TOKEN: ADMIN };

describe('a SIGKILL in the middle of', () => {
  // Takes every connection and never says a word: whoever asks is in the middle of it.
  let silent, base, folder, plan, service;
  const sockets = new Set();
  before(async () => {
    silent = net.createServer((socket) => { sockets.add(socket.on('error', () => {})); });
    await new Promise((done) => silent.listen(0, '127.0.0.1', done));
    base = `http://127.0.0.1:${silent.address().port}`;
    folder = scratch('books');
    const program = path.join(folder, 'split.sh'), file = path.join(folder, 'cutover.yaml');
    fs.writeFileSync(program, `#!/bin/sh\n[ "$OA_STREAM_CALL" = read ] && echo '{"serving":{"stable":100,"canary":0},"etag":"v1"}'\nexit 0\n`, { mode: 0o755 });
    fs.writeFileSync(file, `version: 1
kind: cutover
${NEW_ONLY}name: dying
target: { base_url: "${base}" }
traffic: { driver: command, read: ["${program}"], set: ["${program}"], stable: stable, canary: canary }
preflight: [ smoke: stream ]
stages: [100%]
stage: { bake: 1s, probe: { rate: 20/s }, gates: [ { bad: any, at_most: 90%, confidence: 80% } ] }
`);
    plan = path.join(folder, 'plan.json');
    const made = await oa(['cutover', 'plan', file, '--no-probes', '--out', plan]);
    assert.equal(made.code, 10, made.stderr);
    // Remembers what it is told, and is silent when it is asked what serves.
    service = await startControlService({ memories: [{ global: null, domains: { auth_entry: 'legacy' } }] });
    service.fault('evaluate', 'hang', 1000);
  });
  after(async () => {
    await service?.stop();
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  /** By name: the command's words, and a word of the timeline at which it is in the middle. */
  const COMMANDS = {
    'smoke stream': () => [['smoke', 'stream', '--base-url', base], 'run started'],
    'smoke control': () => [['smoke', 'control', '--base-url', base, ...AUTH], 'run started'],
    'smoke completions': () => [['smoke', 'completions', '--base-url', base], 'run started'],
    'smoke responses': () => [['smoke', 'responses', '--base-url', base], 'run started'],
    verify: () => [['verify', 'smoke-stream', '--set', `base_url=${base}`], 'run started'],
    load: () => [['load', '--base-url', base, '--rate', '20/s', '--duration', '60s'], 'run started'],
    shadow: () => [['shadow', '--base-url', base, '--against', base], 'run started'],
    'slo gate': () => [['slo', 'gate', 'bad: http_5xx <= 1%', '--prometheus', base], 'run started'],
    'slo budget': () => [['slo', 'budget', '--prometheus', base], 'run started'],
    'slo status': () => [['slo', 'status', '--prometheus', base], 'run started'],
    'cutover rehearse --local': () => [['cutover', 'rehearse', '--local', '--bake', '20s'], 'stage begins'],
    'cutover rehearse': () => [['cutover', 'rehearse', path.join(folder, 'cutover.yaml')], 'run started'],
    'cutover apply': () => [['cutover', 'apply', plan], 'run started'],
    'rollback drill --local': () => [['rollback', 'drill', '--local'], 'stage begins'],
    'route verify': () => [['route', 'verify', '--base-url', base, ...AUTH], 'run started'],
    'route set': () => [['route', 'set', 'legacy', '--domain', 'chat_pilot', '--apply', '--base-url', service.base, ...AUTH], 'run started'],
    'route clear': () => [['route', 'clear', '--domain', 'auth_entry', '--apply', '--base-url', service.base, ...AUTH], 'run started'],
  };
  for (const [name, make] of Object.entries(COMMANDS)) {
    test(name, async () => {
      const [args, middle] = make();
      const home = scratch('died'), state = path.join(home, 'state');
      const dying = new Running(OA_BIN, args, { name: 'dying', folder: home, env: cleanEnv({ HOME: home, OA_STREAM_STATE_DIR: state, ...env }) });
      const timeline = () => runsOf(state).map((id) => path.join(state, 'runs', id, 'timeline.ndjson')).find((file) => fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes(`"${middle}"`));
      await dying.until(timeline, middle, 60000);
      await dying.kill();
      const [id] = runsOf(state);
      const there = { stateDir: state };

      const listed = await oa(['runs', 'list', '--json'], there);
      assert.deepEqual(listed.json().runs.map((run) => [run.id, run.state, run.verdict]), [[id, 'died', null]]);
      assert.match((await oa(['runs', 'list'], there)).stdout, /\bdied\b/);

      const shown = await oa(['runs', 'show', id], there);
      assert.ok([0, 8].includes(shown.code), shown.stderr);
      assert.match(shown.stdout, new RegExp(`^${id} died, no verdict\n  kind +\\S`));
      for (const want of [/\n {2}started +\d{4}-\S+Z, .* ago\n/, /\n {2}by +process \d+ on \S+, gone\n/, /\n {2}sums +never sealed/, /\n {2}what was under way when it died, the last at the end:\n {4}\d{4}-\S+Z \S/]) assert.match(shown.stdout, want);
      assert.match(shown.stderr, /next: oa-stream (incident body|rollback apply --run|route restore) /);
      const json = (await oa(['runs', 'show', id, '--json'], there)).json();
      assert.deepEqual([json.shown.state, json.shown.verdict, json.sums.sealed], ['died', null, false]);
      assert.ok(json.last.length > 0 && json.last.every((moment) => moment.text !== ''), JSON.stringify(json.last));
      assert.match(json.next, /^oa-stream /);
      assert.ok(json.document.argv.includes(args[0]), 'the command that was typed');

      const body = await oa(['incident', 'body', id], there);
      assert.equal(body.code, 0, body.stderr);
      assert.match(body.stdout, new RegExp(`^# \\S+ died: .*\n[\\s\\S]*\\| run 1 \\| \`${id}\` \\| none \\| died \\|`));
      const again = await oa(['incident', 'bundle', id, '--accept-changed', '--out', path.join(home, 'i.tar.zst')], there);
      assert.equal(again.code, 0, again.stderr);
      assert.equal((await oa(['incident', 'verify', path.join(home, 'i.tar.zst')])).code, 0);
    });
  }
});

test('gc in a loop beside running smokes and rehearsals: none is harmed; what is old or over goes', async () => {
  const lane = await startLane();
  const home = scratch('beside'), state = path.join(home, 'state');
  const seed = (i) => {
    const name = `20260101T0000${String(i).padStart(2, '0')}Z-verify-${String(i).padStart(8, '0')}`;
    fs.mkdirSync(path.join(state, 'runs', name), { recursive: true });
    fs.writeFileSync(path.join(state, 'runs', name, 'x'), 'x'.repeat(100));
    fs.writeFileSync(path.join(state, 'runs', name, 'SHA256SUMS'), '');
    return name;
  };
  const [pinned] = Array.from({ length: 20 }, (_, i) => seed(i));
  await oa(['runs', 'pin', pinned, '--reason', 'incident 7'], { stateDir: state });
  const removed = [], spared = new Set();
  let going = true;
  const sweep = async () => {
    while (going) {
      const gc = await oa(['runs', 'gc', '--keep', '0', '--older-than', '1s', '--apply', '--json'], { stateDir: state });
      assert.equal(gc.code, 0, gc.stdout + gc.stderr);
      removed.push(...gc.json().removed.map((run) => run.id));
      for (const { id, why } of gc.json().kept) if (why.startsWith('it runs')) spared.add(id);
    }
  };
  const smoke = () => oa(['smoke', 'stream', '--base-url', lane.base, '--json'], { stateDir: state, ms: 240000 });
  const rehearse = () => oa(['cutover', 'rehearse', '--local', '--bake', '1s', '--rate', '20', '--json'], { stateDir: state, ms: 240000 });
  const sweepers = [sweep(), sweep()];
  const ran = await Promise.all([smoke(), smoke(), rehearse(), smoke()]);
  going = false;
  await Promise.all(sweepers);
  ran.push(await smoke()); // with nobody to sweep it away
  await lane.stop();

  const ids = ran.map((run) => run.json().run);
  for (const [i, run] of ran.entries()) {
    // A folder that is taken from under a run makes it fail: its evidence cannot be written.
    assert.ok([0, 1, 3, 7].includes(run.code), run.stderr.slice(-2000));
    const shown = await oa(['runs', 'show', ids[i], '--json'], { stateDir: state });
    if (removed.includes(ids[i])) {
      assert.equal(shown.code, 2, 'once it was over');
      continue;
    }
    const { shown: told, sums } = shown.json();
    assert.deepEqual([told.state, told.verdict, sums.changed, sums.missing], ['finished', run.json().verdict, [], []]);
  }
  assert.ok([...spared].some((id) => id.includes('-rehearsal-')), 'old enough to go, and spared because it ran');
  assert.deepEqual(removed.filter((id) => !id.startsWith('20260101') && !ids.includes(id)), [], 'nothing else');
  const left = runsOf(state);
  assert.deepEqual(left.sort(), [pinned, ...ids.filter((id) => !removed.includes(id))].sort());
  assert.deepEqual(fs.readdirSync(path.join(state, 'runs')).filter((name) => name.startsWith('.')), [], 'no rest of a removal');
});
