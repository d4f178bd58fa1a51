// A page decides, or gives results, while the connection to the Codex server is lost or swallows
// what is sent: the server asks again on the next one, and is told what the page said, which is not asked twice.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Page as Asked, askingConfig, assertApproved, questionsOf, statusOf } from '../lib/approvals.mjs';
import { chatConfig, startCodexServer, startMock } from '../lib/codex.mjs';
import { heard, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { scratch } from '../lib/process.mjs';
import { startPipe } from '../lib/replicas/pipe.mjs';
import { Page, calls, waits } from './page.mjs';

const folder = scratch('link');
let mock;
before(async () => { mock = await startMock(); });
after(() => mock.stop());

/** A lane whose connection to a Codex server of that configuration is a pipe. */
async function linked(config, args) {
  const server = await startCodexServer({ config, mockPort: mock.port });
  const pipe = await startPipe(server.port);
  const file = path.join(scratch('link-config'), 'config.toml');
  fs.writeFileSync(file, config(mock.port));
  const lane = await startLane({
    authority: 'codex',
    args: ['--codex-server', `3=ws://127.0.0.1:${pipe.port}`, '--codex-token', `file:${server.tokenFile}`, '--codex-config', file, '--model', 'mock-model', '--codex-restart-max', '200ms', ...args],
  });
  const end = async () => {
    assert.equal((await lane.stop()).code, 0);
    pipe.stop();
    await server.kill();
  };
  return { lane, pipe, end };
}

/** name → what becomes of the connection before the page says something, and after the lane has taken it. */
const LOSSES = {
  'is lost': {
    before: async ({ lane, pipe }) => {
      pipe.refuse = true;
      pipe.cut();
      await lane.until(async () => (await send(lane.base, { path: '/readyz' })).status === 503, 'the lane to notice');
    },
    after: ({ pipe }) => pipe.heal(),
  },
  'swallows what is sent': {
    before: ({ pipe }) => pipe.stall('lane'),
    after: ({ pipe }) => {
      pipe.cut();
      pipe.heal();
    },
  },
};

describe('functions of the page', () => {
  let rig;
  before(async () => { rig = await linked(chatConfig, ['--allow', 'tools']); });
  after(() => rig.end());

  for (const [name, loss] of Object.entries(LOSSES)) {
    test(`results given while the connection ${name} are told, and no function runs twice`, async () => {
      const page = new Page(rig.lane, name.replaceAll(' ', '-'), { weather: {}, clock: {} });
      assert.ok(waits(await page.say(calls([['weather', { city: 'Oslo' }], ['clock', {}]]))));
      await loss.before(rig);
      page.give({ weather: 'rain', clock: 'noon' });
      const exchange = page.begin();
      await exchange.wait(() => exchange.status !== 0, 'the lane to take the results');
      assert.equal(exchange.status, 200, exchange.text);
      await loss.after(rig);
      await exchange.done;
      assert.equal(heard(exchange), 'Results: rain | noon', exchange.text);
      assert.deepEqual(exchange.chunks.filter((c) => c?.type === 'tool-input-available'), [], 'a page would run it again');
      // Codex may start the calls of one answer in another order than the model asked for.
      const kept = (await page.listed()).at(-1).parts.filter((part) => 'toolCallId' in part);
      assert.deepEqual(kept.map(({ type, output }) => [type, output]).toSorted(), [['tool-clock', 'noon'], ['tool-weather', 'rain']]);
    });
  }
});

describe('approvals', () => {
  let rig, n = 0;
  before(async () => { rig = await linked((port) => askingConfig(port).replace('"workspace-write"', '"read-only"'), ['--approvals', 'ask']); });
  after(() => rig.end());

  for (const [name, loss] of Object.entries(LOSSES)) {
    for (const yes of [true, false]) {
      test(`${yes ? 'a yes' : 'a no'} given while the connection ${name} is told, and nobody is asked twice`, async () => {
        const file = path.join(folder, `made-${++n}`);
        const page = new Asked(rig.lane, `q-${n}`);
        const first = await page.read(page.start(`scenario:exec;escalate=1;cmd=${encodeURIComponent(`echo once >> ${file}`)}`));
        assert.equal(statusOf(first), 'waiting-for-approval');
        await loss.before(rig);
        page.decide(questionsOf(first)[0].toolCallId, yes);
        const rest = page.send();
        await rest.wait(() => rest.status !== 0, 'the lane to take the decision');
        assert.equal(rest.status, 200, rest.text);
        await loss.after(rig);
        await rest.done;
        await assertApproved(rest, { messages: rest.sentMessages });
        assert.deepEqual(questionsOf(rest), [], 'the page is asked again');
        assert.equal(heard(rest), 'Command finished.');
        assert.equal(fs.existsSync(file) && fs.readFileSync(file, 'utf8'), yes ? 'once\n' : false);
      });
    }
  }
});
