// A lane as one would write it on node: POST → a thread and a turn of `codex app-server` (one child for all),
// its deltas as chunks of createUIMessageStream of `ai`. No contract check, no resume, no limits.
//
//   node node_codex.mjs --bin FILE --home DIR      prints "LISTENING <port>"
import http from 'node:http';
import readline from 'node:readline';
import { spawn } from 'node:child_process';
import { createUIMessageStream, pipeUIMessageStreamToResponse } from 'ai';

const option = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];
const home = option('home');
const codex = spawn(option('bin'), ['app-server'], { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, HOME: home, CODEX_HOME: home } });
const asked = new Map(), turns = new Map();
let last = 0;
const say = (message) => codex.stdin.write(`${JSON.stringify(message)}\n`);
const ask = (method, params) => new Promise((done, failed) => {
  asked.set(++last, { done, failed });
  say({ method, id: last, params });
});
readline.createInterface({ input: codex.stdout }).on('line', (line) => {
  const message = JSON.parse(line);
  if (message.id !== undefined && !message.method) {
    const { done, failed } = asked.get(message.id);
    asked.delete(message.id);
    if (message.error) failed(new Error(message.error.message));
    else done(message.result);
  } else turns.get(message.params?.threadId)?.(message);
});
await ask('initialize', { clientInfo: { name: 'bench', title: 'Bench', version: '1' } });
say({ method: 'initialized' });

async function execute({ writer }, text) {
  const { thread } = await ask('thread/start', { cwd: home });
  const over = new Promise((done) => turns.set(thread.id, ({ method, params }) => {
    if (method === 'item/started' && params.item.type === 'agentMessage') writer.write({ type: 'text-start', id: params.item.id });
    else if (method === 'item/agentMessage/delta') writer.write({ type: 'text-delta', id: params.itemId, delta: params.delta });
    else if (method === 'item/completed' && params.item.type === 'agentMessage') writer.write({ type: 'text-end', id: params.item.id });
    else if (method === 'turn/completed') done(params.turn.status);
  }));
  writer.write({ type: 'start', messageMetadata: { threadId: thread.id } });
  writer.write({ type: 'start-step' });
  await ask('turn/start', { threadId: thread.id, input: [{ type: 'text', text, text_elements: [] }] });
  const status = await over;
  turns.delete(thread.id);
  writer.write({ type: 'finish-step' });
  writer.write({ type: 'finish', messageMetadata: { status } });
}

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (bytes) => { body += bytes; });
  request.on('end', () => {
    response.socket.setNoDelay(true);
    const { content } = JSON.parse(body).messages.at(-1);
    pipeUIMessageStreamToResponse({ response, stream: createUIMessageStream({ execute: (tools) => execute(tools, content) }) });
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(`LISTENING ${server.address().port}`));
process.on('SIGTERM', () => { codex.kill('SIGKILL'); process.exit(0); });
