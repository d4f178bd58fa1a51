// opencode as released, a coding agent in a terminal, with the lane as its model's provider: a text,
// and one of its own tools.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { laneOfFile } from '../e2e/lib/codex.mjs';
import { ROOT, Running, cleanEnv, scratch } from '../e2e/lib/process.mjs';
import { versionIn, witness } from './seen.mjs';

const OPENCODE = path.join(ROOT, 'tests/conformance/opencode/node_modules/opencode-linux-x64/bin/opencode');
const skip = !fs.existsSync(OPENCODE) && 'opencode has no package for this machine';
// Models of this name are offered apply_patch, which Codex has, too.
const MODEL = 'gpt-5.4', lane = laneOfFile(['--model', MODEL]), shows = witness(import.meta.url);

/** Its database and its caches, which its first start makes. */
const HOME = scratch('opencode-home');
/** `opencode run` in a folder of its own, without its own lookups: its events. */
async function run(npm, prompt) {
  const home = scratch('opencode');
  fs.writeFileSync(path.join(home, 'note.txt'), 'rain in Oslo\n');
  const config = {
    autoupdate: false,
    share: 'disabled',
    provider: { lane: { npm, name: 'lane', options: { baseURL: `${lane.base}/v1`, apiKey: 'none' }, models: { [MODEL]: { name: 'mock', tool_call: true } } } },
    model: `lane/${MODEL}`,
    small_model: `lane/${MODEL}`,
  };
  const process = new Running(OPENCODE, ['run', '--format', 'json', prompt(home)], {
    name: 'opencode', folder: home, cwd: home, env: cleanEnv({ HOME, OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1', OPENCODE_CONFIG_CONTENT: JSON.stringify(config) }),
  });
  const { code } = await process.end(60000);
  assert.equal(code, 0, process.stderr + process.stdout);
  return process.stdout.trim().split('\n').map((line) => JSON.parse(line));
}
const said = (events) => events.filter((event) => event.type === 'text').map((event) => event.part.text).join('');

for (const npm of ['@ai-sdk/openai-compatible', '@ai-sdk/openai']) {
  const made = (cells) => ({ table: npm === '@ai-sdk/openai' ? 'responses' : 'completions', client: `opencode \`run\` with its \`${npm}\``, version: versionIn('opencode', 'opencode-linux-x64'), cells });
  shows(made({ text: 'streamed' }), `opencode run (${npm}): a text`, { skip }, async () => {
    assert.equal(said(await run(npm, () => 'scenario:echo;text=Hello%20there.')), 'Hello there.');
  });

  shows(made({ tools: 'its own' }), `opencode run (${npm}): the model reads a file and writes one with its tools`, { skip }, async () => {
    let folder;
    const events = await run(npm, (home) => {
      folder = home;
      const calls = [['read', { filePath: path.join(home, 'note.txt') }], ['fn_apply_patch', { patchText: '*** Begin Patch\n*** Add File: new.txt\n+sun\n*** End Patch' }]];
      return `scenario:calls;calls=${encodeURIComponent(JSON.stringify(calls))}`;
    });
    const tools = events.filter((event) => event.type === 'tool_use').map((event) => event.part);
    assert.deepEqual(tools.map((part) => [part.tool, part.state.status]).sort(), [['apply_patch', 'completed'], ['read', 'completed']], JSON.stringify(events));
    assert.match(said(events), /^Results: [^]*rain in Oslo/);
    assert.equal(fs.readFileSync(path.join(folder, 'new.txt'), 'utf8'), 'sun\n');
  });
}
