// Conversations that probes, smokes, shadows and loads open: none stays in a list of chats, none counts as a user's.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startCodexRevisions } from '../lib/codex.mjs';
import { LocalTarget, PLAYBOOK, lane } from '../lib/local_target.mjs';

const open = [];
after(() => Promise.all(open.map((one) => one.stop())));

async function listed(base) {
  const ids = [];
  for (const archived of ['', '&archived=true']) {
    let cursor = '';
    do {
      const page = await (await fetch(`${base}/api/chats?limit=200${archived}${cursor}`)).json();
      ids.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor ? `&cursor=${encodeURIComponent(page.nextCursor)}` : '';
    } while (cursor);
  }
  return ids;
}
const ofUser = (base) => fetch(`${base}/api/chats`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"id":"of-a-user"}' });
const check = (report, id) => report.checks.find((one) => one.id === id);
/** What a run says of its conversations. */
const removal = (report) => fs.readFileSync(path.join(report.evidence, 'timeline.ndjson'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
  .find((one) => one.event === 'conversations removed');
const first = (plan) => plan.stdout.split('\n').slice(0, 3).join('\n');

/** Everything that opens conversations, one after the other; what each left. */
function everyCommand(world) {
  const leavesNothing = async (name) => {
    for (const base of [world.v1.base, world.v2.base]) {
      assert.deepEqual((await listed(base)).filter((id) => id !== 'of-a-user'), [], `after ${name}`);
    }
  };
  test('smoke', async () => {
    const hops = `edge=${world.v1.base},origin=${world.v1.base}`;
    const run = await world.target.oa(['smoke', 'stream', '--hops', hops, '--hops-longest', '1s', '--json']);
    assert.equal(run.code, 0, run.stderr + run.stdout);
    const { detail, data } = check(run.json(), 'stream.footprint');
    assert.match(detail, / threads?: oasmoke_.*oaprobe_hop_.*; [1-9]\d* removed$/);
    assert.equal(data.conversations.left, 0);
    await leavesNothing('smoke');
  });
  test('shadow', async () => {
    const run = await world.target.oa(['shadow', '--base-url', world.v1.base, '--against', world.v2.base, '--runs', '2', '--no-latency', '--compare', 'structure', '--json']);
    assert.match(check(run.json(), 'shadow.footprint').detail, /; [1-9]\d* removed/, run.stderr);
    await leavesNothing('shadow');
  });
  test('load', async () => {
    const run = await world.target.oa(['load', '--base-url', world.v1.base, '--rate', '5/s', '--duration', '2s', '--prompt', world.prompt, '--yes-load', '127.0.0.1', '--json']);
    assert.match(check(run.json(), 'load.footprint')?.detail ?? '', /^\d+ conversations; [1-9]\d* removed$/, run.stderr + run.stdout);
    await leavesNothing('load');
  });
  test('plan, which counts the users\' conversations alone', async () => {
    world.made = await world.target.plan();
    assert.equal(world.made.code, 10, world.made.stderr);
    assert.match(first(world.made), /USERS LOSE THEIR CONVERSATIONS: 1 known to this token of v1/);
    await leavesNothing('plan');
  });
  test('dry run', async () => {
    const run = await world.target.oa(['cutover', 'rehearse', world.target.playbook, ...world.target.settings(), '--json']);
    assert.equal(run.code, 0, run.stderr.slice(-2000));
    await leavesNothing('rehearse');
  });
  test('apply', async () => {
    const run = await world.target.oa(['cutover', 'apply', world.made.file, '--json']);
    assert.equal(run.code, 0, run.stderr.slice(-2000));
    assert.doesNotMatch(run.json().notes.join('\n'), /oa(?:probe|smoke)_/);
    assert.equal(removal(run.json()).left, 0);
    await leavesNothing('apply');
  });
}

/** Two at a time, each with lanes of its own. */
describe('targets', { concurrency: 2 }, () => {
  describe('two replay lanes', { concurrency: 1 }, () => {
    const world = { prompt: 'replay:hello' };
    before(async () => {
      [world.v1, world.v2] = [await lane('v1'), await lane('v2')];
      world.target = await LocalTarget.start({ lanes: async () => [world.v1, world.v2] });
      open.push(world.target.front, world.v1, world.v2);
      assert.equal((await ofUser(world.v1.base)).status, 201);
    });
    everyCommand(world);
  });

  describe('two Codex lanes', { concurrency: 1 }, () => {
    const world = { prompt: 'Say pong' };
    before(async () => {
      [world.v1, world.v2] = await startCodexRevisions(open);
      world.target = await LocalTarget.start({ playbook: PLAYBOOK.replace('replay:hello', world.prompt), lanes: async () => [world.v1, world.v2] });
      open.push(world.target.front);
      assert.equal((await ofUser(world.v1.base)).status, 201);
    });
    everyCommand(world);
  });

  test('a target that deletes nothing: plan, report and terminal name what it keeps', async () => {
    const v1 = await lane('v1');
    const keeper = http.createServer((request, response) => {
      if (request.method === 'DELETE') {
        response.writeHead(405, { 'content-type': 'application/json', allow: 'GET' }).end('{"error":{"code":"method_not_allowed","message":"no"}}');
        return;
      }
      const passed = http.request(v1.base + request.url, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      passed.on('error', () => response.destroy());
      response.on('close', () => passed.destroy());
      request.pipe(passed);
    });
    await new Promise((done) => { keeper.listen(0, '127.0.0.1', done); });
    open.push(v1, { stop: () => { keeper.closeAllConnections(); keeper.close(); } });
    const kept = { base: `http://127.0.0.1:${keeper.address().port}` };
    const v2 = await lane('v2');
    const target = await LocalTarget.start({ lanes: async () => [kept, v2] });
    open.push(target.front, v2);

    const smoke = await target.oa(['smoke', 'stream', '--base-url', kept.base]);
    assert.match(smoke.stdout, /the target keeps \d+ conversations \(oasmoke_\w+.*\): it does not delete conversations/);
    const plan = await target.plan();
    assert.equal(plan.code, 10, plan.stderr);
    assert.match(plan.stdout, /v1 keeps \d+ conversations of the plan's probes \(oaprobe_/);
    assert.match(plan.stdout, /the target keeps 1 conversation of the plan \(oaprobe_\w+\): it does not delete conversations/);
    assert.doesNotMatch(first(plan), /USERS LOSE THEIR CONVERSATIONS: [1-9]/);
    const apply = await target.oa(['cutover', 'apply', plan.file]);
    assert.equal(apply.code, 0, apply.stderr);
    assert.match(apply.stdout.replace(/\n {2}/g, ' '), /The target keeps \d+ conversations of this run \(oa\w+_.*\): it does not delete conversations/);
  });
});
