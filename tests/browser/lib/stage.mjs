// What the browser tests play on: the lanes, the page's origins, one browser, and what the lanes and the
// model wrote down.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { send } from '../../e2e/lib/http.mjs';
import { chatConfig, startCodexLane, startMock } from '../../e2e/lib/codex.mjs';
import { startLane } from '../../e2e/lib/lane.mjs';
import { scratch } from '../../e2e/lib/process.mjs';
import { Wire } from '../../e2e/lib/wire.mjs';
import { Browser } from './cdp.mjs';
import { startSite } from './site.mjs';

const WORDS = 'alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu'.split(' ');
/** What the fake model says in its scenario "text". */
export const words = (n) => Array.from({ length: n }, (_, i) => WORDS[i % WORDS.length] + (i % 12 === 11 ? '.' : '')).join(' ');
export const WHOLE = words(20);
export const HALF = `${words(10)} `;

/**
 * Everything a test file plays on. `ways`: [{sdk, cors, …}], each a person's way to the lanes, which
 * gets `codex` and `replay`: {lane, page, api}, wires that can be cut; `api` is '' for the page's own origin.
 */
export async function startStage({ ways, codexArgs = [], codexConfig = chatConfig }) {
  const log = path.join(scratch('model'), 'requests.jsonl');
  fs.writeFileSync(log, '');
  const wires = [];
  const wire = async () => { wires.push(await Wire.start()); return wires.at(-1); };
  for (const way of ways) {
    for (const name of ['codex', 'replay']) way[name] = { page: await wire(), far: await wire() };
  }
  const origins = (name) => ways.filter((way) => way.cors).flatMap((way) => ['--cors-origin', way[name].page.base]);
  const mock = await startMock(['--log', log]);
  const [browser, site, codex, replay] = await Promise.all([
    Browser.start(),
    startSite([...new Set(ways.map((way) => way.sdk))]),
    startCodexLane({ config: codexConfig, port: mock.port, args: [...origins('codex'), ...codexArgs] }),
    startLane({ args: origins('replay') }),
  ]);
  const lanes = { codex, replay };
  for (const way of ways) {
    for (const [name, lane] of Object.entries(lanes)) {
      way[name].lane = lane;
      way[name].page.port = await site.front(lane.base);
      way[name].far.port = new URL(lane.base).port;
      way[name].api = way.cors ? way[name].far.base : '';
    }
  }
  return {
    browser, mock,
    release: (key) => fetch(`http://127.0.0.1:${mock.port}/__release?${key}`),
    /** What the model was sent for the prompts that hold `mark`, one line a request: "one / its answer / two". */
    asked: (mark) => fs.readFileSync(log, 'utf8').trimEnd().split('\n').filter((line) => line.includes(mark)).map((line) =>
      JSON.parse(line).body.input.filter((i) => ['user', 'assistant'].includes(i.role))
        .map((i) => [].concat(i.content).map((c) => c.text ?? c).join('').replace(/^scenario:\S+ \S+ /, ''))
        .filter((text) => !/^<(turn_aborted|environment_context)>/.test(text)).join(' / ')),
    async stop() {
      await browser.stop();
      for (const one of wires) one.stop();
      site.stop();
      for (const lane of Object.values(lanes)) assert.equal((await lane.stop()).code, 0, 'the lane ended cleanly');
      await mock.stop();
    },
  };
}

/** Lines of the access log about one chat. */
export const requests = (lane, id) => lane.stderr.split('\n').filter((line) => line.includes('"event":"request"'))
  .map((line) => JSON.parse(line)).filter((line) => line.thread === id);
/** The text of the turn that the lane would resume; null when there is none. */
export async function resumable(lane, id) {
  const answer = await send(lane.base, { path: `/api/chats/${id}/stream` });
  if (answer.status === 204) return null;
  assert.equal(answer.status, 200, answer.text);
  return answer.chunks.filter((c) => c.type === 'text-delta').map((c) => c.delta).join('');
}
