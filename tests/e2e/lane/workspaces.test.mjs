// Who shares what where the model runs commands: refusals at start, and owners kept apart by the
// real Codex and its sandbox.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Page, assertApproved, detailsOf, questionsOf, statusOf } from '../lib/approvals.mjs';
import { agentConfig, codexBin, startMock, withoutSandbox } from '../lib/codex.mjs';
import { assertLegal, assertRefused, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { as, startLane, tokensOf } from '../lib/lane.mjs';
import { OA_BIN, Running, cleanEnv, oa, scratch } from '../lib/process.mjs';

const KEY = 'sk-planted-provider-key';
const skip = withoutSandbox();
/** Tests of what the sandbox does. Where the kernel allows none, the one test that is left is the lane's refusal to start. */
const sandboxed = (name, body) => (skip ? console.error(`not here: ${name} (${skip})`) : test(name, body));
let mock;
before(async () => { mock = await startMock(); });
after(() => mock.stop());

const spec = (text) => encodeURIComponent(text).replaceAll("'", '%27');
const AGENT = (profile = 'agent') => ['--codex-bin', codexBin(), '--codex-profile', profile, '--model', 'mock-model', '--provider-url', `http://127.0.0.1:${mock.port}/v1`, '--provider-key-env', 'MOCK_API_KEY'];
const env = { MOCK_API_KEY: KEY };
const startAgents = (name, args, rest = {}) => startLane({ name, authority: 'codex', args: [...AGENT(), '--allow-root', ...args], env, ...rest });
/** A start that has to fail. */
async function refused(args, pattern, profile) {
  const state = scratch('refused');
  const ended = await oa(['serve', '--listen', '127.0.0.1:0', '--authority', 'codex', ...AGENT(profile), ...args], { env: cleanEnv({ HOME: state, OA_STREAM_STATE_DIR: state, ...env }) });
  assert.equal(ended.code, 2, ended.stderr);
  assert.match(ended.stderr, pattern);
}
/** What a command of this owner printed. */
async function ran(lane, owner, command, id = 'chat') {
  const answer = await chat(lane.base, `scenario:exec;cmd=${spec(command)}`, { id, headers: as(owner) }).done;
  assertLegal(answer);
  const [tool] = Object.values(read(answer).tools);
  assert.ok(tool?.output, answer.text);
  return tool.output.output;
}
const reading = async (lane, owner, name) => Number(new RegExp(`^oa_stream_${name} (\\S+)$`, 'm').exec((await send(lane.base, { path: '/metrics', headers: as(owner) })).text)?.[1]);

test('as root, only what says so runs commands', { skip: process.getuid() !== 0 && 'this is not root' }, async () => {
  await refused([], /run commands as root/);
  const config = path.join(scratch('config'), 'config.toml');
  fs.writeFileSync(config, agentConfig(mock.port));
  await refused(['--codex-config', config], /run commands as root/);
});

test('several owners and one workspace: refused unless it was said', async () => {
  const tokens = tokensOf(['alice', 'bob']);
  await refused(['--allow-root', '--tokens', tokens], /2 owners would share one work folder/);
  const config = path.join(scratch('config'), 'config.toml');
  fs.writeFileSync(config, agentConfig(mock.port));
  await refused(['--allow-root', '--tokens', tokens, '--codex-config', config], /2 owners would share/, 'chat');
  const file = tokensOf(['alice']);
  await refused(['--allow-root', '--tokens', file, '--work-dir-template', '/srv/work'], /with \{owner\} in it/);
  await refused(['--allow-root', '--tokens', file, '--work-dir-template', 'srv/{owner}'], /absolute path/);
  await refused(['--allow-root', '--tokens', file, '--work-dir-template', '/srv/{owner}', '--work-dir', '/srv/w'], /cannot be combined with --work-dir/);
  await refused(['--allow-root', '--tokens', file, '--work-dir-template', '/srv/{owner}', '--codex-children', '2'], /one Codex/);
  await refused(['--allow-root', '--work-dir-template', '/srv/{owner}'], /without tokens there are no owners/);
});

sandboxed('--shared-workspace: several owners see each other\'s files', async () => {
  const tokens = tokensOf(['alice', 'bob']);
  const lane = await startAgents('shared', ['--tokens', tokens, '--shared-workspace']);
  await ran(lane, 'alice', 'echo hers > note.txt');
  assert.equal(await ran(lane, 'bob', 'cat note.txt'), 'hers\n', 'as --shared-workspace says');
  await lane.stop();
});

test('where no command can run in the sandbox, serve does not start', async () => {
  const state = scratch('nowhere');
  const serve = [OA_BIN, 'serve', '--listen', '127.0.0.1:0', '--authority', 'codex', ...AGENT(), '--allow-root'];
  // A user namespace in which no other can be made; a machine without them needs no such help.
  const none = ['-c', 'unshare --user --map-root-user sh -c \'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"\' none "$@"', 'none'];
  const [program, ...args] = skip ? serve : ['/bin/sh', ...none, ...serve];
  const lane = new Running(program, args, { name: 'nowhere', folder: state, cwd: state, env: cleanEnv({ HOME: state, OA_STREAM_STATE_DIR: path.join(state, 'state'), ...env }) });
  assert.notEqual((await lane.end()).code, 0);
  assert.match(lane.stderr, /sandbox cannot run a command here/);
});

sandboxed('a second owner in a token file that is read again is refused like at start', async () => {
  const tokens = tokensOf(['alice']);
  const lane = await startAgents('reload', ['--tokens', tokens]);
  tokensOf(['alice', 'bob'], tokens);
  await lane.until((x) => /2 owners would share/.test(x.stderr), 'the refusal');
  assertRefused(await chat(lane.base, 'hello', { headers: as('bob') }).done, 401);
  assert.equal(await ran(lane, 'alice', 'echo still here'), 'still here\n');
  await lane.stop();
});

sandboxed('a work folder from where commands can read the lane\'s own files: refused by a command that reads them', async () => {
  const around = scratch('around');
  const state = path.join(around, 'state');
  const ended = await oa(['serve', '--listen', '127.0.0.1:0', '--authority', 'codex', ...AGENT(), '--allow-root', '--work-dir', around], { env: cleanEnv({ HOME: around, OA_STREAM_STATE_DIR: state, ...env }) });
  assert.notEqual(ended.code, 0);
  assert.match(ended.stderr, /can read what it must not/);
  assert.match(ended.stderr, /config\.toml/);
});

sandboxed('one owner: commands reach the work folder and the system, and nothing of the lane', async () => {
  const extra = scratch('readable');
  fs.writeFileSync(path.join(extra, 'given.txt'), 'given');
  const foreign = scratch('foreign');
  fs.writeFileSync(path.join(foreign, 'secret.txt'), 'foreign secret');
  const work = scratch('work');
  // In the work folder, of all places, and known by a link elsewhere: the file is shut, the folder is not.
  const tokens = tokensOf(['alice'], path.join(work, 'tokens')), link = path.join(scratch('link'), 'tokens');
  fs.symlinkSync(tokens, link);
  const lane = await startAgents('one', ['--tokens', link, '--work-dir', work, '--read-dir', extra]);
  assert.equal(await ran(lane, 'alice', 'pwd; echo made > made.txt; cat made.txt'), `${work}\nmade\n`);
  assert.equal(fs.readFileSync(path.join(work, 'made.txt'), 'utf8'), 'made\n');
  assert.equal(await ran(lane, 'alice', `cat ${extra}/given.txt; touch ${extra}/x 2>/dev/null || echo no write`), 'givenno write\n');
  assert.equal(await ran(lane, 'alice', 'echo t > "$TMPDIR/t" && cat "$TMPDIR/t"; cd "$HOME" && echo at home'), 't\nat home\n');
  const shut = [tokens, `${lane.stateDir}/codex/home/config.toml`, `${lane.stateDir}/lane/threads.map`, `${foreign}/secret.txt`, `${foreign}`, `${lane.stateDir}/lane`];
  for (const file of shut) assert.ok(fs.existsSync(file), `${file} is there to be read`);
  const tries = [...shut, `${extra}/given.txt`, extra].map((file) => `head -c 1 '${file}' || ls '${file}/'`).join('; ');
  assert.equal(await ran(lane, 'alice', `(${tries}) 2>/dev/null; echo end`), 'ggiven.txt\nend\n', 'what was given, and no more');
  const seen = await ran(lane, 'alice', 'env; cat /proc/[0-9]*/environ');
  assert.ok(!seen.includes(KEY), 'the key is in no process that a command sees');
  await lane.stop();
});

sandboxed('each owner has a Codex, a home and a work folder of its own', async () => {
  const root = scratch('owners');
  // Names that a path must not be built from as they are.
  const owners = ['alice', '..', '.', 'a@b', 'a%40b'.replace('%', '_')];
  const tokens = tokensOf(owners);
  const lane = await startAgents('apart', ['--tokens', tokens, '--work-dir-template', `${root}/{owner}`, '--approvals', 'deny']);
  const places = new Map();
  for (const owner of owners) {
    const place = (await ran(lane, owner, `echo 'of ${owner}' > note.txt; pwd`)).trim();
    places.set(owner, place);
    assert.equal(path.dirname(place), root, `${owner} works below the template's folder`);
  }
  assert.equal(new Set(places.values()).size, owners.length, 'no two owners share a folder');
  assert.equal(places.get('alice'), path.join(root, 'alice'));
  for (const [owner, place] of places) {
    assert.equal(fs.readFileSync(path.join(place, 'note.txt'), 'utf8'), `of ${owner}\n`);
  }
  const homes = path.join(lane.stateDir, 'codex/owners');
  const folders = fs.readdirSync(homes).filter((name) => name !== '=check');
  assert.equal(folders.length, owners.length);
  for (const folder of folders) assert.ok(fs.existsSync(path.join(homes, folder, 'home/sessions')), `${folder} has sessions of its own`);
  // Whatever alice's commands try: the others' files, homes, her own Codex's home, tokens, the map.
  const targets = [...places].filter(([owner]) => owner !== 'alice').map(([, place]) => `${place}/note.txt`);
  targets.push(...folders.map((folder) => `${homes}/${folder}/home/config.toml`), tokens, path.join(lane.stateDir, 'lane/threads.map'));
  for (const file of targets) assert.ok(fs.existsSync(file), file);
  const tries = targets.map((file) => `cat '${file}'; echo x > '${file}'`).join('; ');
  const own = `cat '${places.get('alice')}/note.txt'`;
  assert.equal(await ran(lane, 'alice', `(${own}; ${tries}) 2>/dev/null; ls '${root}' '${homes}' 2>/dev/null | grep -v -e : -e '^$'; echo end`), 'of alice\nalice\nalice\nend\n', 'her own files, her own two folders, and no more');
  for (const [owner, place] of places) {
    assert.equal(fs.readFileSync(path.join(place, 'note.txt'), 'utf8'), `of ${owner}\n`, 'untouched');
  }
  // The same thread name of two owners is two chats.
  const list = async (owner) => (await send(lane.base, { path: '/api/chats/chat/messages', headers: as(owner) })).text;
  assert.match(await list('alice'), /of alice/);
  assert.doesNotMatch(await list('..'), /of alice/);
  await lane.stop();
});

sandboxed('an owner among several is never asked to let a command out of the sandbox', async () => {
  const root = scratch('confined');
  const tokens = tokensOf(['alice', 'bob']);
  const shared = await startAgents('asks', ['--tokens', tokens, '--shared-workspace', '--approvals', 'ask']);
  const outside = path.join(scratch('outside'), 'made.txt');
  const prompt = `scenario:exec;escalate=1;cmd=${spec(`touch ${outside}`)}`;
  const on = new Page(shared, 'p', { ...as('alice'), 'x-oa-accept': 'tool-approval' });
  const first = await on.read(on.start(prompt));
  await assertApproved(first);
  assert.equal(questionsOf(first).length, 1, 'shared: the client decides');
  assert.equal(detailsOf(first)[0].sandbox, 'outside');
  await shared.stop();
  await refused(['--allow-root', '--tokens', tokens, '--work-dir-template', `${root}/{owner}`, '--approvals', 'ask'], /never asks for an approval/);
  const apart = await startAgents('never', ['--tokens', tokens, '--work-dir-template', `${root}/{owner}`]);
  const answer = await chat(apart.base, prompt, { headers: as('alice') }).done;
  assertLegal(answer);
  assert.equal(statusOf(answer), 'completed');
  assert.equal(fs.existsSync(outside), false);
  await apart.stop();
});

sandboxed('no more Codex processes than --codex-owners; idle ones end and their chats go on', async () => {
  const root = scratch('bound');
  const tokens = tokensOf(['alice', 'bob', 'carol']);
  const lane = await startAgents('bound', ['--tokens', tokens, '--work-dir-template', `${root}/{owner}`, '--codex-owners', '2']);
  for (const owner of ['alice', 'bob', 'carol', 'alice', 'bob']) {
    assert.equal(await ran(lane, owner, `echo ${owner} >> log.txt; cat log.txt | wc -l`), owner === 'carol' ? '1\n' : `${fs.readFileSync(path.join(root, owner, 'log.txt'), 'utf8').split('\n').length - 1}\n`);
    const up = await reading(lane, owner, 'codex_up');
    assert.ok(up >= 1 && up <= 2, `${up}`);
  }
  assert.equal(fs.readFileSync(path.join(root, 'alice/log.txt'), 'utf8'), 'alice\nalice\n');
  const kept = await send(lane.base, { path: '/api/chats/chat/messages', headers: as('alice') });
  assert.equal(kept.text.match(/"role":"user"/g)?.length, 2, 'both turns of alice are one chat');
  // Two that are busy leave no place for a third.
  const busy = ['alice', 'bob'].map((owner) => chat(lane.base, `scenario:exec;yield=30000;cmd=${spec('touch began; sleep 20')}`, { id: 'busy', headers: as(owner) }));
  for (const owner of ['alice', 'bob']) await lane.until(() => fs.existsSync(path.join(root, owner, 'began')), `${owner} is busy`);
  assertRefused(await chat(lane.base, 'hello', { headers: as('carol') }).done, 503);
  for (const exchange of busy) exchange.destroy();
  await lane.stop();
  const brief = await startAgents('brief', ['--tokens', tokens, '--work-dir-template', `${root}/{owner}`, '--limit', 'owner-idle=100ms']);
  await ran(brief, 'alice', 'true');
  await brief.until(() => !fs.existsSync(`/proc/${/owner alice: codex \S+ is ready, pid (\d+)/.exec(brief.stderr)[1]}`), 'the end of the idle child');
  assert.equal(await reading(brief, 'alice', 'codex_up'), 0);
  assert.equal((await send(brief.base, { path: '/readyz' })).status, 200, 'nothing is wrong with a lane that idles');
  assert.equal(await ran(brief, 'alice', 'echo back'), 'back\n');
  await brief.stop();
});
