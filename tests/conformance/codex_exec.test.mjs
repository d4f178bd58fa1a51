// The Codex command line as released, with the lane as its model's provider: a Codex behind which another one
// answers. The tools of both have the same names.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { codexBin, laneOfFile } from '../e2e/lib/codex.mjs';
import { Running, cleanEnv, scratch } from '../e2e/lib/process.mjs';
import { versionIn, witness } from './seen.mjs';

const lane = laneOfFile(), shows = witness(import.meta.url);
const made = (cells) => ({ table: 'responses', client: '`codex exec`, functions only', version: versionIn('..', '@openai/codex'), cells });

/** `codex exec` in a folder of its own, as docs/responses.md tells to set it up. */
async function run(prompt) {
  const home = scratch('codex-exec');
  fs.writeFileSync(path.join(home, 'note.txt'), 'rain in Oslo\n');
  fs.writeFileSync(path.join(home, 'config.toml'), `model = "mock-model"
model_provider = "lane"
web_search = "disabled"
check_for_update_on_startup = false
[agents]
enabled = false
[analytics]
enabled = false
[feedback]
enabled = false
[features]
plugins = false
[model_providers.lane]
name = "lane"
base_url = "${lane.base}/v1"
wire_api = "responses"
env_key = "LANE_KEY"
request_max_retries = 0
stream_max_retries = 0
`);
  const process = new Running(codexBin(), ['exec', '--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt], {
    name: 'codex-exec', folder: home, cwd: home, env: cleanEnv({ HOME: home, CODEX_HOME: home, LANE_KEY: 'none' }),
  });
  const { code } = await process.end(60000);
  return { code, events: process.stdout.trim().split('\n').map((line) => JSON.parse(line)), stderr: process.stderr };
}
const said = (events) => events.filter((event) => event.type === 'item.completed' && event.item.type === 'agent_message').map((event) => event.item.text).join('');

shows(made({ text: 'streamed' }), 'codex exec: a text', async () => {
  const { code, events, stderr } = await run('scenario:echo;text=Hello%20there.');
  assert.equal(said(events), 'Hello there.', JSON.stringify(events) + stderr);
  assert.equal(code, 0);
});

shows(made({ tools: 'its own' }), 'codex exec: the model runs a command with its tool', async () => {
  const call = ['fn_exec_command', { cmd: 'cat note.txt' }]; // as the model sees it
  const { code, events, stderr } = await run(`scenario:calls;calls=${encodeURIComponent(JSON.stringify([call]))}`);
  const commands = events.filter((event) => event.type === 'item.completed' && event.item.type === 'command_execution').map((event) => event.item);
  assert.deepEqual(commands.map((item) => [item.exit_code, item.aggregated_output]), [[0, 'rain in Oslo\n']], JSON.stringify(events) + stderr);
  assert.match(said(events), /^Results: [^]*rain in Oslo/);
  assert.equal(code, 0);
});

shows(made({ failed: '`turn.failed`' }), 'codex exec: a failed turn is told as such', async () => {
  const { code, events } = await run('scenario:failed-mid');
  assert.match(events.at(-1).error?.message ?? '', /could not finish this answer/, JSON.stringify(events));
  assert.equal(events.at(-1).type, 'turn.failed');
  assert.equal(code, 1);
});
