// What the model provider is sent, beside the chat.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { codexBin } from '../lib/codex.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { cleanEnv, scratch } from '../lib/process.mjs';

test('a repository that the state directory lies in is not told to the model provider', async () => {
  const asked = [];
  const provider = http.createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => { body += bytes; });
    request.on('end', () => {
      asked.push(JSON.stringify(request.headers) + body);
      response.writeHead(500).end('{}');
    });
  });
  await new Promise((done) => provider.listen(0, '127.0.0.1', done));
  const folder = scratch('planted-repository');
  const git = (...args) => assert.equal(spawnSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', ...args], { cwd: folder }).status, 0, args.join(' '));
  git('init', '--quiet');
  git('commit', '--quiet', '--allow-empty', '--message', 'planted');
  git('remote', 'add', 'origin', 'https://planted-remote.example/repository.git');
  const lane = await startLane({ authority: 'codex', folder, args: ['--codex-bin', codexBin(), '--provider-url', `http://127.0.0.1:${provider.address().port}/v1`, '--model', 'mock-model'] });
  for (const id of ['first', 'first', 'second']) await chat(lane.base, 'a word that the provider gets', { id }).done;
  assert.ok(asked.length >= 3);
  for (const text of asked) {
    assert.match(text, /a word that the provider gets/);
    assert.doesNotMatch(text, /planted-re|latest_git_commit_hash/);
  }
  assert.equal((await lane.stop()).code, 0);
  provider.close();
});

test('a lane that starts again, with other models or in another folder, has the models that Codex ships', async () => {
  const folder = scratch('models');
  const home = path.join(folder, 'fresh');
  fs.mkdirSync(home);
  const shipped = JSON.parse(spawnSync(codexBin(), ['debug', 'models', '--bundled'], { encoding: 'utf8', env: cleanEnv({ HOME: home, CODEX_HOME: home }) }).stdout).models;
  const [one, other] = shipped.map(({ slug }) => slug);
  const efforts = (id) => shipped.find(({ slug }) => slug === id).supported_reasoning_levels.map(({ effort }) => effort);
  const begin = (at, models) => startLane({ authority: 'codex', folder: at, args: ['--codex-bin', codexBin(), '--provider-url', 'http://127.0.0.1:9/v1', ...models.flatMap((id) => ['--model', id])] });
  const offered = async (lane) => Object.fromEntries((await send(lane.base, { path: '/api/models' })).json().data.map((model) => [model.id, model.efforts]));

  let lane = await begin(folder, [one]);
  assert.deepEqual(await offered(lane), { [one]: efforts(one) });
  assert.equal((await lane.stop()).code, 0);
  for (const models of [[other], [one, other]]) {
    lane = await begin(folder, models);
    assert.deepEqual(await offered(lane), Object.fromEntries(models.map((id) => [id, efforts(id)])));
    const catalog = JSON.parse(fs.readFileSync(path.join(lane.stateDir, 'codex/home/chat-catalog.json'), 'utf8')).models;
    assert.deepEqual(catalog.map(({ slug }) => slug).sort(), [...models].sort());
    assert.match(fs.readFileSync(path.join(lane.stateDir, 'codex/home/config.toml'), 'utf8'), /^model_catalog_json = /m);
    assert.equal((await lane.stop()).code, 0);
  }
  const moved = path.join(scratch('moved'), 'lane');
  fs.renameSync(folder, moved);
  lane = await begin(moved, [one, other]);
  assert.deepEqual(Object.keys(await offered(lane)), [one, other]);
  assert.equal((await lane.stop()).code, 0);
});
