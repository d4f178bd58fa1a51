// The real Codex app-server (npm package @openai/codex) with a fake model behind it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { assertLegal, read } from './contract.mjs';
import { chat, heard } from './http.mjs';
import { startLane } from './lane.mjs';
import { ROOT, Running, childPids, cleanEnv, scratch } from './process.mjs';

const HERE = path.join(ROOT, 'tests/e2e/codex');

/** The native executable inside the installed package; the node wrapper is not used. */
export function codexBin() {
  const packages = path.join(ROOT, 'tests/node_modules/@openai');
  const found = fs.existsSync(packages)
    ? fs.readdirSync(packages).filter((name) => name.startsWith('codex-')).flatMap((name) => {
        const vendor = path.join(packages, name, 'vendor');
        return fs.existsSync(vendor) ? fs.readdirSync(vendor).map((triple) => path.join(vendor, triple, 'bin/codex')) : [];
      }).filter((file) => fs.existsSync(file))
    : [];
  if (found.length === 0) throw new Error('no Codex in tests/node_modules: run ./dev e2e, which installs it');
  return found[0];
}

/**
 * false, or why Codex's sandbox cannot work on this machine: the bubblewrap that Codex brings is asked
 * for the namespaces that Codex wants. A chroot, and a container without user namespaces, have none.
 */
export function withoutSandbox() {
  const bwrap = path.join(path.dirname(codexBin()), '../codex-resources/bwrap');
  const tried = spawnSync(bwrap, ['--unshare-user', '--unshare-pid', '--unshare-net', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--', '/bin/true'], { encoding: 'utf8' });
  return tried.status === 0 ? false : `no sandbox here: ${tried.stderr || tried.error}`;
}

/** The fake model: {port, requests(), asked(): the newest request for an answer, release(key), …Running}. */
export async function startMock(args = []) {
  const mock = new Running(process.execPath, [path.join(HERE, 'mock-responses.mjs'), '--port', '0', ...args], { name: 'mock', env: cleanEnv() });
  mock.port = Number(await mock.until((m) => /LISTENING (\d+)/.exec(m.stdout)?.[1], 'LISTENING'));
  // A connection of its own each time: whoever stood still for long finds a kept one closed.
  const ask = (where) => fetch(`http://127.0.0.1:${mock.port}${where}`, { headers: { connection: 'close' } });
  mock.requests = async () => (await ask('/__log')).json();
  mock.asked = async () => (await mock.requests()).findLast((one) => one.path.endsWith('/responses'));
  mock.release = (key) => ask(`/__release?${key}`);
  return mock;
}
const WORDS = 'alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima. mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray. yankee zulu alpha bravo charlie delta'.split(' ');
/** An answer of `words` words that stops after five of them until release(key). */
export const held = (key, words = WORDS.length) => `scenario:text;words=${words};hold=5;key=${key}`;
export const whole = (words = WORDS.length) => WORDS.slice(0, words).join(' ');
/** As soon as five words were said. */
export const fifth = (x) => x.wait(() => heard(x).includes('echo'), 'the fifth word');

const provider = (port) => `
[model_providers.mock]
name = "mock"
base_url = "http://127.0.0.1:${port}/v1"
wire_api = "responses"
env_key = "MOCK_API_KEY"
request_max_retries = 0
stream_max_retries = 0
stream_idle_timeout_ms = 60000
requires_openai_auth = false
supports_websockets = false
`;
const TOP = `model = "mock-model"
model_provider = "mock"
approval_policy = "never"
check_for_update_on_startup = false
web_search = "disabled"
`;
// With the defaults Codex contacts three hosts at start.
const QUIET = `
[analytics]
enabled = false
[feedback]
enabled = false
`;
const FEATURES = `
[features]
unbounded_connection_retries = false
apps = false
plugins = false
remote_plugin = false
plugin_sharing = false
shell_snapshot = false
`;

/** Text only. */
export const chatConfig = (port) => `${TOP}sandbox_mode = "read-only"
include_environment_context = false
include_permissions_instructions = false
${provider(port)}${FEATURES}shell_tool = false
unified_exec = false
view_image = false
${QUIET}`;

/** Every tool, no sandbox: the commands are this test's own. */
export const agentConfig = (port) => `${TOP}sandbox_mode = "danger-full-access"
${provider(port)}${FEATURES}${QUIET}
[tools.update_plan]
enabled = true
[mcp_servers.labmcp]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(path.join(ROOT, 'tests/e2e/lib/mcp_server.mjs'))}]
startup_timeout_sec = 20
tool_timeout_sec = 20
`;

/** A lane on the real Codex, configured by a file. */
export async function startCodexLane({ config, port, args = [], name = 'codex-lane', bin = codexBin(), ...rest }) {
  const folder = rest.folder ?? scratch(name);
  const file = path.join(folder, 'config.toml');
  fs.writeFileSync(file, config(port));
  return startLane({
    ...rest,
    folder,
    name,
    authority: 'codex',
    args: ['--codex-bin', bin, '--codex-config', file, '--model', 'mock-model', '--allow-root', ...args],
    env: { MOCK_API_KEY: 'sk-mock-not-a-secret', ...rest.env },
  });
}

/** Pids of the app-servers that a lane runs. */
export const codexPids = (lane) => childPids(lane.pid).filter((pid) => {
  try { return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('app-server'); } catch { return false; }
});

/** A turn on that lane says its words; its answer. */
export async function turnWorks(lane, id, words = 3) {
  const answer = await chat(lane.base, `scenario:text;words=${words}`, { id }).done;
  assert.equal(answer.status, 200, answer.text);
  assertLegal(answer);
  assert.deepEqual(read(answer).texts, [whole(words)]);
  return answer;
}

/** Lanes v1 and v2 with a fake model: two revisions, each with threads of its own. All are put into `open`, to be stopped. */
export async function startCodexRevisions(open) {
  const mock = await startMock();
  open.push(mock);
  const lanes = [];
  for (const name of ['v1', 'v2']) {
    lanes.push(await startCodexLane({ config: chatConfig, port: mock.port, name: `codex-${name}`, args: ['--revision', name] }));
    open.push(lanes.at(-1));
  }
  return lanes;
}

// --- `codex app-server --listen ws://`, as an operator runs it beside the lane -----------------

export const TOKEN = 'codex-server-token-0123456789abcdef';

/** {url, port, tokenFile}; `home` and `port` of an earlier one make it the same server again. Without `config`: as the home is. */
export async function startCodexServer({ config, mockPort, home = path.join(scratch('codex-server'), 'home'), port = 0 }) {
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  if (config) fs.writeFileSync(path.join(home, 'config.toml'), config(mockPort));
  const tokenFile = path.join(scratch('codex-token'), 'token');
  fs.writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const server = new Running(codexBin(), ['app-server', '--strict-config', '--listen', `ws://127.0.0.1:${port}`, '--ws-auth', 'capability-token', '--ws-token-file', tokenFile], {
    name: 'codex-server',
    cwd: home,
    env: cleanEnv({ HOME: home, CODEX_HOME: home, MOCK_API_KEY: 'sk-mock-not-a-secret' }),
  });
  server.home = home;
  server.tokenFile = tokenFile;
  server.url = await server.until((s) => /listening on: (ws:\/\/\S+)/.exec(s.stdout + s.stderr)?.[1], 'listening', 30000);
  server.port = Number(new URL(server.url).port);
  return server;
}

/** The lane of a test file, from its first test to its last: `base` is where it listens, `mock` its model (with `mockArgs`). */
export function laneOfFile(args = [], mockArgs = []) {
  const file = {};
  let mock, lane;
  before(async () => {
    mock = await startMock(mockArgs);
    lane = await startCodexLane({ config: chatConfig, port: mock.port, args });
    Object.assign(file, { base: lane.base, mock, until: (...what) => lane.until(...what) });
  });
  after(async () => {
    assert.equal((await lane.stop()).code, 0);
    await mock.stop();
  });
  return file;
}
