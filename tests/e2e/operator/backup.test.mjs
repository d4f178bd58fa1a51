// Everything is lost but the copy that docs/install.md tells to make: runs, pins, config, tokens and
// threads are as they were, and a run that died in the middle is taken back by its restored journal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { tokenLine } from '../lib/lane.mjs';
import { handOut } from '../lib/leaks.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { ROOT, scratch } from '../lib/process.mjs';

const TOKEN = 'restored-token-0123456789';
let mock, target;
before(async () => { [mock, target] = await Promise.all([startMock(), LocalTarget.start()]); });
after(async () => {
  await Promise.all([target?.front, target?.stable, target?.canary].map((p) => (!p || p.exit ? null : p.kill())));
  await mock?.stop();
});

/** The documented commands, below another root. */
function documented(root, backup) {
  const page = fs.readFileSync(path.join(ROOT, 'docs/install.md'), 'utf8');
  const lines = page.slice(page.indexOf('## Backup and restore')).match(/^tar -C \/ .*$/gm);
  assert.equal(lines.length, 2, 'one makes it, one brings it back');
  return lines.map((line) => line.replace('-C /', `-C '${root}'`).replace('oa-stream.backup.tgz', `'${backup}'`));
}
function shell(line) {
  const done = spawnSync('sh', ['-ec', line], { encoding: 'utf8' });
  assert.equal(done.status, 0, `${line}: ${done.stderr}`);
}
/** Of everything but sockets, which belong to a process and are no part of a copy. */
const modes = (folder) => Object.fromEntries(fs.readdirSync(folder, { recursive: true }).sort()
  .map((name) => [name, fs.statSync(path.join(folder, name))]).filter(([, stat]) => !stat.isSocket()).map(([name, stat]) => [name, (stat.mode & 0o777).toString(8)]));

test('lost and restored', async () => {
  handOut('the token', TOKEN);
  const root = scratch('root'), backup = path.join(scratch('elsewhere'), 'backup.tgz');
  const etc = path.join(root, 'etc/oa-stream'), state = path.join(root, 'var/lib/oa-stream');
  fs.mkdirSync(etc, { recursive: true });
  fs.mkdirSync(state, { recursive: true, mode: 0o700 });
  fs.mkdirSync(path.join(root, 'etc/default'));
  fs.writeFileSync(path.join(root, 'etc/default/oa-stream'), 'OA_STREAM_SERVE="--listen 127.0.0.1:8787"\n');
  const config = path.join(etc, 'config.yaml'), tokens = path.join(etc, 'tokens');
  fs.writeFileSync(config, `version: 1\nall: { state-dir: ${state} }\nsmoke stream: { base-url: "${target.stable.base}", first-byte: 7s }\n`);
  fs.writeFileSync(tokens, tokenLine(TOKEN, 'owner=ada'), { mode: 0o600 });
  target.state = state;
  const oa = (args) => target.oa([...args, '--config', config]);

  // A lane with threads.
  const headers = { authorization: `Bearer ${TOKEN}` };
  const startLane = () => startCodexLane({ config: chatConfig, port: mock.port, name: 'codex-lane', args: ['--tokens', tokens], env: { OA_STREAM_STATE_DIR: state } });
  let lane = await startLane();
  assertLegal(await chat(lane.base, 'scenario:text;words=2 before the loss', { id: 'kept', messageId: 'u-1', headers }).done);
  const threads = async () => (await send(lane.base, { path: '/api/chats', headers })).json().data;
  const messages = async () => (await send(lane.base, { path: '/api/chats/kept/messages', headers })).json().data;
  const said = { threads: await threads(), messages: await messages() };
  assert.equal(said.threads.length, 1);
  assert.ok(said.messages.length >= 1);
  assert.equal((await lane.stop()).code, 0);

  // Runs: one that is pinned, one that dies with half of the traffic moved.
  const smoke = await oa(['smoke', 'stream', '--json']);
  assert.equal(smoke.code, 0, smoke.stderr);
  const kept = smoke.json().run;
  assert.equal((await oa(['runs', 'pin', kept, '--reason', 'incident 7'])).code, 0);
  const plan = await target.plan({ set: { bake: '60s' } });
  assert.equal(plan.code, 10, plan.stderr);
  const dying = target.begin(['cutover', 'apply', plan.file, '--json', '--non-interactive']);
  const begun = () => target.runs().find((id) => id.includes('-cutover-') && target.journalSoFar(id).some((line) => line.phase === 'done'));
  const dead = await dying.until(begun, 'half of the traffic', 60000);
  await dying.kill();
  assert.deepEqual(await target.weights(), { v1: 50, v2: 50 });

  const look = async () => ({
    config: (await oa(['config', 'show', '--for', 'smoke stream', '--origin', '--json'])).json().settings,
    runs: (await oa(['runs', 'list', '--json'])).json().runs.map(({ id, verdict, state: life, pinned }) => ({ id, verdict, life, pinned })),
    status: (await oa(['cutover', 'status', '--json'])).json().runs?.map(({ run, serving, next }) => ({ run, serving, next })),
    modes: { ...modes(etc), ...modes(path.join(state, 'runs')) },
  });
  const was = await look();
  assert.equal(was.status.length, 1, 'the one that died');
  assert.ok(was.config.some((setting) => setting.option === '--first-byte' && setting.layer === 'file'));
  assert.deepEqual(was.runs.map((run) => [run.id, run.life]).sort(), [[dead, 'died'], [kept, 'finished']].sort());

  const [save, restore] = documented(root, backup);
  shell(save);
  fs.rmSync(root, { recursive: true });
  assert.notEqual((await oa(['runs', 'show', kept])).code, 0, 'it is really gone');
  fs.mkdirSync(root, { recursive: true });
  shell(restore);

  assert.deepEqual(await look(), was);
  const shown = await oa(['runs', 'show', kept, '--json']);
  assert.equal(shown.code, 0, shown.stdout);
  assert.deepEqual([shown.json().sums.sealed, shown.json().sums.changed, shown.json().sums.missing], [true, [], []]);
  const gc = await oa(['runs', 'gc', '--keep', '0', '--json']);
  assert.deepEqual(gc.json().removed, [], 'the pin and the journal still hold');
  assert.match(gc.json().kept.find((run) => run.id === kept).why, /incident 7/);

  // The way back, from the restored journal alone.
  assert.equal((await oa(['runs', 'show', dead])).code, 8);
  const back = await oa(['rollback', 'apply', '--run', dead, '--json']);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await target.weights(), { v1: 100, v2: 0 });

  // The lane knows whom it may let in, whose threads these are, and goes on in them.
  lane = await startLane();
  assertRefused(await send(lane.base, { path: '/api/chats' }), 401, 'unauthorized');
  assert.deepEqual(await threads(), said.threads);
  assert.deepEqual(await messages(), said.messages);
  assertLegal(await chat(lane.base, 'scenario:text;words=2 after the loss', { id: 'kept', messageId: 'u-2', headers }).done);
  assert.ok((await messages()).length > said.messages.length);
  assert.deepEqual((await threads()).map((thread) => thread.id), ['kept']);
  assert.equal((await lane.stop()).code, 0);
});
