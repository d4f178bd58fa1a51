// The disk of the access log is full for a while, or the log reached a limit: lines are lost, and no gate takes that for good requests.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, oa, scratch } from '../lib/process.mjs';
import { fillDisk, testOnSmallDisk, wrapOnSmallDisk } from '../lib/small_disk.mjs';

const LOST = /lost=(\d+)|"lost":(\d+)/;

for (const format of ['json', 'logfmt']) {
  testOnSmallDisk()(`requests whose lines the disk did not take pass no gate (${format})`, async () => {
    const folder = scratch('lost');
    const disk = path.join(folder, 'log');
    fs.mkdirSync(disk);
    const lane = await startLane({ folder, wrap: wrapOnSmallDisk(disk, '1m'), args: ['--access-log', path.join(disk, 'access.log'), '--access-log-format', format] });
    const there = `/proc/${lane.pid}/root${disk}`, log = path.join(there, 'access.log');
    const send = (name, count) => Promise.all(Array.from({ length: count }, (_, n) => chat(lane.base, `replay:${name}`, { path: '/api/chat/stream', id: `${name}-${n}` }).done));
    const gate = () => oa(['slo', 'gate', 'bad: http_5xx | terminal_error <= 5%', '--access-log', log, '--window', '10m', '--json']);
    await send('01-echo', 100);
    const before = await gate();
    assert.equal(before.code, 0, before.stdout + before.stderr);

    const free = fillDisk(there, 0);
    await send('31-http-400', 80); // as when the disk is Codex's, too
    await lane.until(() => /"event":"access_log","text":"[^"]*No space left on device/.test(lane.stderr), 'the line about it');
    free();
    await send('01-echo', 1);
    await lane.until(() => LOST.test(fs.readFileSync(log, 'utf8')), 'how many were lost');

    const after = await gate();
    assert.equal(after.code, 3, after.stdout + after.stderr);
    const [check] = after.json().checks;
    const lost = Number(LOST.exec(fs.readFileSync(log, 'utf8'))?.slice(1).find(Boolean));
    assert.ok(lost >= 70 && lost <= 80, `${lost} of 80`);
    assert.match(JSON.stringify(check), new RegExp(`${lost} lost or damaged lines, each of which may have been a request`));
    // What is certain still fails.
    await send('31-http-400', 80);
    assert.equal((await gate()).code, 1);
    await lane.kill();
  });
}

test('a lane whose access log reached the size limit of files goes on and counts what was lost', async () => {
  const folder = scratch('limit'), log = path.join(folder, 'access.log');
  const lane = await startLane({ folder, wrap: ['prlimit', '--fsize=16384:unlimited'], args: ['--access-log', log] });
  const send = (count) => Promise.all(Array.from({ length: count }, (_, n) => chat(lane.base, 'replay:01-echo', { id: `limit-${n}` }).done));
  await send(150);
  await lane.until(() => /"event":"access_log","text":"[^"]*File too large/.test(lane.stderr), 'the line about it');
  assert.equal(spawnSync('prlimit', ['--pid', String(lane.pid), '--fsize=unlimited']).status, 0);
  await send(1);
  await lane.until(() => LOST.test(fs.readFileSync(log, 'utf8')), 'how many were lost');
  const lines = fs.readFileSync(log, 'utf8').trimEnd().split('\n').flatMap((line) => { try { return [JSON.parse(line)]; } catch { return []; } }); // one is cut
  assert.ok(lines.some(({ lost }) => lost > 10), JSON.stringify(lines.at(-1)));
  assert.equal((await lane.stop()).code, 0);
});

test('a command whose file would exceed the size limit says so', () => {
  const out = path.join(scratch('limit'), 'rules');
  const done = spawnSync('prlimit', ['--fsize=0', OA_BIN, 'slo', 'rules', '--out', out], { encoding: 'utf8' });
  assert.equal(done.status, 4, done.stderr || String(done.signal));
  assert.match(done.stderr, /File too large/);
  assert.deepEqual(fs.readdirSync(out), []);
});
