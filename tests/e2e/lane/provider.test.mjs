// What the model provider is sent, beside the chat.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import { test } from 'node:test';
import { codexBin } from '../lib/codex.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { scratch } from '../lib/process.mjs';

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
