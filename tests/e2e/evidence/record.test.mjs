// serve --record: what a real Codex said is kept without secrets, within its bounds, and plays again
// in --authority replay and in `shadow --native`.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { oa, scratch } from '../lib/process.mjs';

const KEY = 'sk-mock-not-a-secret';
let mock;
before(async () => { mock = await startMock(); });
after(async () => { await mock.stop(); });

const record = (args) => startCodexLane({ config: chatConfig, port: mock.port, args });
const said = async (base, text, id) => {
  const exchange = chat(base, text, { id, path: '/api/chat/stream' });
  await exchange.done;
  assertLegal(exchange);
  return read(exchange).text;
};
const captures = (dir) => fs.readdirSync(dir).filter((name) => name.endsWith('.jsonl')).sort();

test('recorded turns hold no secret, play in a replay lane, and are what the lane said', async () => {
  const dir = path.join(scratch('record'), 'turns');
  const lane = await record(['--record', dir]);
  const prompts = [`my key is ${KEY}, scenario:text;text=one%20answer`, 'scenario:text;words=40', 'scenario:reasoning'];
  const live = [];
  for (const [i, prompt] of prompts.entries()) live.push(await said(lane.base, prompt, `r-${i}`));
  const probe = chat(lane.base, 'scenario:text', { id: 'of-a-probe', path: '/api/chat/stream', headers: { 'x-oa-probe': 'smoke' } });
  await probe.done; // an operator's turns would push the users' out of the folder
  assertLegal(probe);
  await lane.stop();
  const names = captures(dir);
  assert.equal(names.length, 3, fs.readdirSync(dir).join(' '));
  for (const name of names) {
    const file = path.join(dir, name);
    const text = fs.readFileSync(file, 'utf8');
    assert.doesNotMatch(text, new RegExp(KEY));
    assert.ok(!text.includes(lane.stateDir), 'no folder of this machine');
    assert.equal(fs.statSync(file).mode & 0o077, 0, 'for its owner alone');
  }

  const replaying = await startLane({ name: 'replaying', replayDir: dir });
  const again = [];
  for (const [i, name] of names.entries()) again.push(await said(replaying.base, `replay:${name.replace(/\.jsonl$/, '')}`, `p-${i}`));
  assert.deepEqual([...again].sort(), [...live].sort());
  const shadow = await oa(['shadow', '--json', '--base-url', replaying.base, '--native', dir, '--no-latency']);
  assert.equal(shadow.code, 0, shadow.stdout + shadow.stderr);
  await replaying.stop();

  // What users wrote is in the streams of the run alone, as it is in the recordings.
  const other = await record([]);
  const stopped = fs.readFileSync(path.join(dir, names[0]), 'utf8').replace(/("type":"text","text":)"[^"]*"/, '$1""');
  fs.writeFileSync(path.join(dir, 'no-text.jsonl'), stopped);
  const compared = await oa(['shadow', '--json', '--base-url', other.base, '--native', dir, '--no-latency', '--runs', '1']);
  await other.stop();
  const run = compared.json();
  assert.equal(run.checks.filter((one) => one.data?.recording).length, 3, compared.stdout + compared.stderr);
  const left = run.checks.find((one) => one.id === 'shadow.recordings');
  assert.deepEqual([left?.verdict, left?.detail], ['SKIPPED', 'cannot be asked again: no-text (its message has no text)']);
  const files = fs.readdirSync(run.evidence, { recursive: true, withFileTypes: true }).filter((one) => one.isFile() && !one.parentPath.includes('/streams'));
  assert.ok(files.length > 3);
  for (const one of files) assert.doesNotMatch(fs.readFileSync(path.join(one.parentPath, one.name), 'utf8'), /words=40|one%20answer|one answer/, one.name);
  assert.doesNotMatch(compared.stdout, /words=40|one%20answer|one answer/);
});

test('a share is evenly spread; the oldest make room; a turn too large leaves nothing', async () => {
  const dir = path.join(scratch('record'), 'turns');
  const lane = await record(['--record', dir, '--record-share', '25%', '--record-size', '1m']);
  for (let i = 0; i < 8; i++) await said(lane.base, `scenario:text;text=n${i}`, `s-${i}`);
  await lane.until(() => captures(dir).length === 2, 'both recordings'); // the reader hears of the end first
  assert.match(fs.readFileSync(path.join(dir, captures(dir)[0]), 'utf8'), /text=n3/);
  await lane.stop();

  const full = path.join(scratch('record'), 'turns');
  fs.mkdirSync(full);
  const old = Array.from({ length: 3 }, (_, i) => `20200101T00000${i}Z-old.jsonl`);
  for (const name of old) fs.writeFileSync(path.join(full, name), 'x'.repeat(400_000));
  fs.writeFileSync(path.join(full, 'mine.txt'), 'x'.repeat(2_000_000));
  // A lane that was killed ends no recording; one of an hour ago is nobody's, a fresh one may be a neighbour's.
  for (const name of ['20200101T000000Z-killed.jsonl.part', '20200101T000000Z-going.jsonl.part']) fs.writeFileSync(path.join(full, name), 'x');
  fs.utimesSync(path.join(full, '20200101T000000Z-killed.jsonl.part'), 1, Date.now() / 1000 - 3700);
  const small = await record(['--record', full, '--record-size', '1m']);
  await said(small.base, 'scenario:text;words=5', 't-1');
  const parts = () => fs.readdirSync(full).filter((name) => name.endsWith('.part'));
  await small.until(() => captures(full).length === 3 && parts().length === 1, 'its recording');
  assert.deepEqual(captures(full).slice(0, 2), old.slice(1), 'the newest of the old ones stay');
  assert.ok(fs.existsSync(path.join(full, 'mine.txt')), 'what is not a recording is left alone');
  const before_ = captures(full);
  await said(small.base, 'scenario:text;words=6000;chunk=char', 't-2');
  await small.until(() => parts().length === 1, 'the end of its recording');
  assert.deepEqual(captures(full), before_, 'a turn of more than an eighth of the room leaves nothing');
  assert.deepEqual(parts(), ['20200101T000000Z-going.jsonl.part']);
  await small.stop();
});

test('what cannot be recorded is refused', async () => {
  for (const [args, words] of [
    [['--authority', 'replay', '--record', 'x'], /--record: only turns of --authority codex/],
    [['--record', 'x', '--record-share', '0%'], /--record-share: a share of turns is above 0%/],
    [['--record', 'x', '--record-size', '10k'], /--record-size: recordings need 1m/],
  ]) {
    const refused = await oa(['serve', '--listen', '127.0.0.1:0', ...args]);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, words);
  }
  const file = await oa(['serve', '--listen', '127.0.0.1:0', '--record', import.meta.filename]);
  assert.equal(file.code, 4, file.stderr);
  assert.match(file.stderr, /record\.test\.mjs: cannot create folder/);
});
