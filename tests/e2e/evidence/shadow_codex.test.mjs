// shadow against the authority itself: a real Codex of its own beside the lane's, both on the same fake
// model. What Codex says and what the lane's clients read mean the same.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { agentConfig, codexBin, startCodexLane, startMock } from '../lib/codex.mjs';
import { oa, scratch } from '../lib/process.mjs';

const KEY = { MOCK_API_KEY: 'sk-mock-not-a-secret' };
let mock, lane, config;

before(async () => {
  mock = await startMock();
  lane = await startCodexLane({ config: agentConfig, port: mock.port });
  config = path.join(scratch('native'), 'config.toml');
  fs.writeFileSync(config, agentConfig(mock.port));
});
after(async () => {
  await lane?.stop();
  await mock?.kill();
});

const native = (prompts, more = []) => oa([
  'shadow', '--json', '--base-url', lane.base, '--native', 'codex', '--codex-bin', codexBin(), '--codex-config', config, '--model', 'mock-model',
  '--no-latency', '--runs', '1', ...prompts.flatMap((prompt) => ['--prompt', prompt]), ...more,
], { env: KEY, ms: 90000 });

test('the lane says what Codex says: text, reasoning, a tool that runs, usage', async () => {
  const run = await native(['scenario:text;n=12', 'scenario:reasoning', 'scenario:exec;cmd=echo%20shadow']);
  assert.equal(run.code, 0, run.stderr + run.stdout);
  const out = run.json();
  assert.equal(out.checks.filter((one) => one.id.startsWith('shadow.turn.') && one.verdict === 'PASS').length, 3);
  const told = fs.readFileSync(path.join(out.evidence, out.checks[2].evidence.find((name) => name.endsWith('.events.txt'))), 'utf8');
  assert.match(told, /^turn-started/);
  assert.match(told, /tool-output .*shadow/);
});

test('a Codex that cannot be started is an error, not a match', async () => {
  const run = await oa(['shadow', '--json', '--base-url', lane.base, '--native', 'codex', '--codex-bin', '/nonexistent/codex', '--prompt', 'x', '--runs', '1'], { env: KEY });
  assert.equal(run.code, 4, run.stderr);
  assert.match(run.json().checks[0].detail, /the authority cannot be asked/);
});
