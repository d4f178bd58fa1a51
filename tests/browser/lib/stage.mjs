// What the browser tests play on: the lanes, the page's origins, the fake model and one browser.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chatConfig, startCodexLane, startMock } from '../../e2e/lib/codex.mjs';
import { isEvent, readCapture, writeCaptures } from '../../e2e/lib/captures.mjs';
import { startLane } from '../../e2e/lib/lane.mjs';
import { scratch } from '../../e2e/lib/process.mjs';
import { Wire } from '../../e2e/lib/wire.mjs';
import { Browser } from './cdp.mjs';
import { startSite } from './site.mjs';

/** The recordings that are played, and one that breaks off after its tool. */
function played() {
  const tool = readCapture('10-exec');
  const end = tool.findIndex((line) => isEvent('item/completed')(line) && line.msg.params.item.type === 'commandExecution');
  return writeCaptures({ '02-text-paced': readCapture('02-text-paced'), '10-exec': tool, 'lost-after-tool': tool.slice(0, end + 1) });
}

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
    startLane({ args: origins('replay'), replayDir: played() }),
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
    release: mock.release,
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
