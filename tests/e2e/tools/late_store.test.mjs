// Codex tells the end of a stopped turn before it lists the turn's calls: results that come in
// between are taken all the same.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, codexBin, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertRefused, read } from '../lib/contract.mjs';
import { send } from '../lib/http.mjs';
import { scratch } from '../lib/process.mjs';
import { calls, Page, waits } from './page.mjs';

/** Codex, of whose lists of turns the first ones after an interrupt have no call. */
const BEHIND = `#!${process.execPath}
const { spawn } = require('node:child_process');
const { createInterface } = require('node:readline');
const codex = spawn(${JSON.stringify(codexBin())}, process.argv.slice(2), { stdio: ['pipe', 'pipe', 'inherit'] });
const lists = new Set();
let behind = 0;
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (method === 'turn/interrupt') behind = 3;
  if (method === 'thread/turns/list') lists.add(id);
  codex.stdin.write(line + '\\n');
}).on('close', () => codex.stdin.end());
createInterface({ input: codex.stdout }).on('line', (line) => {
  const message = JSON.parse(line);
  if (message.method === undefined && lists.delete(message.id) && behind > 0) {
    const turns = message.result.data.filter((turn) => turn.items.some((item) => item.type === 'dynamicToolCall'));
    for (const turn of turns) turn.items = turn.items.filter((item) => item.type !== 'dynamicToolCall');
    if (turns.length > 0) behind -= 1;
  }
  process.stdout.write(JSON.stringify(message) + '\\n');
});
codex.on('exit', (code) => process.exit(code ?? 1));
`;

const TOOLS = Object.fromEntries(['weather', 'clock'].map((name) => [name, { parameters: { type: 'object', properties: {} } }]));
const BOTH = calls([['weather', {}], ['clock', {}]]);
let mock, lane;
before(async () => {
  mock = await startMock();
  const bin = path.join(scratch('behind'), 'codex');
  fs.writeFileSync(bin, BEHIND, { mode: 0o755 });
  lane = await startCodexLane({ config: chatConfig, port: mock.port, bin, args: ['--allow', 'tools'] });
});
after(async () => {
  assert.equal((await lane.stop()).code, 0);
  await mock.stop();
});

async function stoppedPage(id) {
  const page = new Page(lane, id, TOOLS);
  assert.ok(waits(await page.say(BOTH)));
  const stop = await send(lane.base, { method: 'POST', path: `/api/chats/${id}/stop`, body: {} });
  assert.equal(stop.json().data.status, 'stopped');
  return page;
}

test('results that come before the calls are stored begin the next turn', async () => {
  const page = await stoppedPage('soon');
  page.give({ weather: 'rain', clock: 'noon' });
  const next = await page.post();
  assert.equal(next.status, 200, next.text);
  assert.equal((await page.states()).length, 0, 'the newest message is what follows');
  const told = (await mock.asked()).items.at(-1).text;
  for (const output of ['rain', 'noon']) assert.ok(told.includes(`"output":"${output}"`), told);
});

test('results in front of the message that ends the wait are told with it', async () => {
  const page = new Page(lane, 'ahead', TOOLS);
  assert.ok(waits(await page.say(BOTH)));
  page.give({ weather: 'rain', clock: 'noon' });
  page.messages.push({ id: 'u-2', role: 'user', parts: [{ type: 'text', text: 'scenario:text;words=2' }] });
  assert.deepEqual(read(await page.post()).texts, ['alpha bravo']);
  const told = (await mock.asked()).items.at(-1).text;
  for (const output of ['rain', 'noon']) assert.ok(told.includes(`"output":"${output}"`), told);
});

test('a call that no turn made is refused after the wait as before', async () => {
  const page = await stoppedPage('unknown');
  page.parts()[0].toolCallId = 'call-of-nobody';
  page.give({ weather: 'rain', clock: 'noon' });
  assertRefused(await page.post(), 422, 'unknown_tool_call');
});
