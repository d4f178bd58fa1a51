// A Codex that lives and is of no use: stopped, dying at every start, or without room to write. Its
// turns end with an error and never with a success, readiness says why, and the lane recovers by
// itself.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, codexBin, codexPids, fifth, held, startCodexLane, startMock, turnWorks, whole } from '../lib/codex.mjs';
import { chat, send } from '../lib/http.mjs';
import { assertLegal, assertOneError, assertRefused, read } from '../lib/contract.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { startOnSmallDisk, testOnSmallDisk } from '../lib/small_disk.mjs';

let mock;
before(async () => { mock = await startMock(); });
after(async () => { await mock.stop(); });

const metric = async (lane, name) => Number(new RegExp(`^oa_stream_${name} (\\S+)$`, 'm').exec((await send(lane.base, { path: '/metrics' })).text)?.[1]);
const readyz = (lane) => send(lane.base, { path: '/readyz' });

async function until(what, ask, ms) {
  const end = Date.now() + limit(ms);
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert.ok(Date.now() < end, what);
    await sleep(50);
  }
}
test('a stopped Codex: noticed, told by readiness and metrics, its turns end, the next one serves', async () => {
  const folder = scratch('stopped');
  const [bin, go] = ['codex', 'go'].map((name) => path.join(folder, name));
  // The next one starts when this test has looked at all it wants to see before that.
  fs.writeFileSync(bin, `#!/bin/sh\nuntil [ -e '${go}' ]; do sleep 0.05; done\nexec '${codexBin()}' "$@"\n`, { mode: 0o755 });
  fs.writeFileSync(go, '');
  const lane = await startCodexLane({ config: chatConfig, port: mock.port, folder, bin, args: ['--codex-heartbeat', '200ms', '--codex-heartbeat-timeout', '2500ms'] });
  await turnWorks(lane, 'before');
  const running = chat(lane.base, 'scenario:text;words=500;delay=100', { id: 'running' });
  await running.frame('text-delta');
  const [pid] = codexPids(lane);
  fs.unlinkSync(go);
  process.kill(pid, 'SIGSTOP');
  const at = Date.now();
  const red = await until('readiness turns red', async () => { const r = await readyz(lane); return r.status === 503 && r; }, 20000);
  assert.match(JSON.parse(red.text).reason, /codex app-server hangs/);
  assert.equal(await metric(lane, 'codex_up'), 0);
  assert.ok(await metric(lane, 'codex_timeouts_total') >= 1);
  await running.done;
  assertOneError(running, { code: 'authority_lost', retryable: true });
  fs.writeFileSync(go, '');
  await until('ready again', async () => (await readyz(lane)).status === 200, 20000);
  process.stderr.write(`ready again ${Date.now() - at} ms after the stop\n`);
  assert.ok(!fs.existsSync(`/proc/${pid}`), 'the stopped process is gone');
  assert.equal(await metric(lane, 'codex_up'), 1);
  await turnWorks(lane, 'running');
  assert.equal((await lane.stop()).code, 0);
});

test('a lane that stood still itself reads what came meanwhile before it judges a silence', async () => {
  const lane = await startCodexLane({ config: chatConfig, port: mock.port, name: 'paused', args: ['--limit', 'idle=4s'] });
  await turnWorks(lane, 'before');
  const running = chat(lane.base, 'scenario:text;words=60;delay=100', { id: 'paused' });
  await running.frame('text-delta');
  process.kill(lane.pid, 'SIGSTOP');
  await sleep(5200); // longer than `idle` and a tick of one second
  process.kill(lane.pid, 'SIGCONT');
  await running.done;
  assertLegal(running);
  assert.equal(read(running).texts[0].split(' ').filter(Boolean).length, 60);
  assert.equal((await lane.stop()).code, 0);
});

test('a Codex that dies at every start is started a few times, not fifty, and readiness has the reason', async () => {
  const folder = scratch('dying');
  // The real program, until it is replaced by one that ends at once.
  const bin = path.join(folder, 'codex');
  fs.symlinkSync(codexBin(), bin);
  const lane = await startCodexLane({ config: chatConfig, port: mock.port, folder, bin });
  await turnWorks(lane, 'before');
  fs.unlinkSync(bin);
  fs.writeFileSync(bin, '#!/bin/sh\necho "cannot map libfoo.so" >&2\nexit 9\n', { mode: 0o755 });
  process.kill(codexPids(lane)[0], 'SIGKILL');
  await sleep(8000);
  const starts = await metric(lane, 'codex_restarts_total');
  assert.ok(starts <= 9, `${starts} starts in 8 s`);
  await until('a few starts', async () => (await metric(lane, 'codex_restarts_total')) >= 3, 20000);
  const red = await readyz(lane);
  assert.equal(red.status, 503);
  assert.match(JSON.parse(red.text).reason, /exit 9.*cannot map libfoo\.so/);
  const told = () => lane.stderr.split('\n').filter((line) => /; start \d+ follows in \d+ ms/.test(line)).length;
  await until('one line a restart', async () => [0, 1].includes(told() - await metric(lane, 'codex_restarts_total')), 5000);
  fs.unlinkSync(bin);
  fs.symlinkSync(codexBin(), bin);
  await until('ready again', async () => (await readyz(lane)).status === 200, 30000);
  await turnWorks(lane, 'before');
  assert.equal((await lane.stop()).code, 0);
});

const onSmallDisk = testOnSmallDisk();
const startHere = (name, args) => startOnSmallDisk(name, 64, { config: chatConfig, port: mock.port, args });

/** Every assistant text of a chat, as the lane lists it. */
async function history(lane, id) {
  const answer = await send(lane.base, { path: `/api/chats/${id}/messages` });
  assert.equal(answer.status, 200, answer.text);
  return answer.text;
}

onSmallDisk('little room: no turn starts, the running one ends whole, and it goes on by itself', { timeout: limit(90000) }, async () => {
  const lane = await startHere('little-room', ['--codex-min-free', '16m']);
  await turnWorks(lane, 'kept');
  const running = chat(lane.base, held('room'), { id: 'running' });
  await fifth(running);
  lane.fill(8 << 20);
  // A look may come while the disk is being filled.
  await until('the reason', async () => /disk of codex's home is full: [789] MiB free, 16 MiB needed/.test((await readyz(lane)).text), 20000);
  assert.equal((await readyz(lane)).status, 503);
  assertRefused(await chat(lane.base, 'scenario:text;words=3', { id: 'kept' }).done, 503, 'authority_unavailable');
  await mock.release('room');
  await running.done;
  assertLegal(running);
  assert.equal(read(running).texts[0], whole());
  lane.empty();
  await until('ready again', async () => (await readyz(lane)).status === 200, 10000);
  assert.equal(await metric(lane, 'codex_restarts_total'), 0, 'Codex could write all the time');
  await turnWorks(lane, 'kept', 4);
  assert.equal((await lane.stop()).code, 0);
});

onSmallDisk('a full disk: no turn reads as completed without being kept, and all works once there is room', { timeout: limit(90000) }, async () => {
  const lane = await startHere('full', ['--codex-min-free', '1']);
  await turnWorks(lane, 'kept');
  const running = chat(lane.base, held('full'), { id: 'running' });
  await fifth(running);
  lane.fill(0);
  await mock.release('full');
  await running.done;
  const seen = read(running);
  assert.equal(seen.errors.length, 1, `the running turn ends with one error: ${running.text.slice(-300)}`);
  const red = await readyz(lane);
  assert.equal(red.status, 503);
  assert.match(JSON.parse(red.text).reason, /codex cannot save conversations: No space left|disk of codex's home is full/);
  assertRefused(await chat(lane.base, 'scenario:text;words=3', { id: 'kept' }).done, 503, 'authority_unavailable');
  assertRefused(await send(lane.base, { method: 'PATCH', path: '/api/chats/kept', body: { title: 'New' } }), 503, 'authority_unavailable');
  assertRefused(await send(lane.base, { method: 'DELETE', path: '/api/chats/kept' }), 503, 'authority_unavailable');
  assert.equal(await metric(lane, 'codex_up'), 0);
  lane.empty();
  await until('ready again', async () => (await readyz(lane)).status === 200, 20000);
  await turnWorks(lane, 'kept', 4);
  await turnWorks(lane, 'running', 5);
  await turnWorks(lane, 'new', 6);
  const words = (n) => 'alpha bravo charlie delta echo foxtrot'.split(' ').slice(0, n).join(' ');
  assert.ok((await history(lane, 'kept')).includes(words(4)), 'what follows is kept');
  assert.equal((await lane.stop()).code, 0, 'without a restart of the lane');
});

onSmallDisk('a full disk: what Codex cannot read there is refused for a retry, too', { timeout: limit(90000) }, async () => {
  const lane = await startHere('full-reads', ['--codex-min-free', '1']);
  await turnWorks(lane, 'kept');
  process.kill(codexPids(lane)[0], 'SIGTERM'); // the next one has not opened its databases yet
  await until('the restart', async () => (await metric(lane, 'codex_restarts_total')) === 1 && (await readyz(lane)).status === 200, 20000);
  lane.fill(0);
  for (const rest of ['', '/messages', '/runs', '/export']) {
    const answer = await send(lane.base, { path: `/api/chats/kept${rest}` });
    assertRefused(answer, 503, 'authority_unavailable');
    assert.ok(Number(answer.headers['retry-after']) > 0);
    const ours = (l) => l.includes('"event":"read_failed"') && l.includes(answer.headers['x-request-id']);
    const told = await until('the reason in the log', () => lane.stderr.split('\n').find(ours), 5000);
    assert.match(told, /"code":"authority_unavailable","cause":"codex refused [^"]*disk I\/O error/);
  }
  assertRefused(await send(lane.base, { method: 'POST', path: '/api/chats/kept/fork', body: {} }), 503, 'authority_unavailable');
  lane.empty();
  await until('ready again', async () => (await readyz(lane)).status === 200, 20000);
  assert.match(await history(lane, 'kept'), /alpha bravo charlie/);
  assert.equal((await lane.stop()).code, 0);
});

test('more room needed than the disk has: no turn starts, and readiness says so', async () => {
  const disk = fs.statfsSync(scratch('disk'));
  const lane = await startCodexLane({ config: chatConfig, port: mock.port, args: ['--codex-min-free', `${Math.ceil((disk.bavail * disk.bsize) / 2 ** 20) + 100_000}m`] });
  const red = await until('readiness turns red', async () => { const r = await readyz(lane); return r.status === 503 && r; }, 8000);
  assert.match(JSON.parse(red.text).reason, /disk of codex's home is full/);
  assertRefused(await chat(lane.base, 'scenario:text;words=3', { id: 'never' }).done, 503, 'authority_unavailable');
  assert.equal((await lane.stop()).code, 0);
});
