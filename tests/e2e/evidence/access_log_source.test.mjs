// The access log as a source of numbers: of a real lane, while it writes, across its rotations.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { readMetrics, total } from '../lib/metrics.mjs';
import { OA_BIN, ROOT, Running, limit, oa, scratch, sleep } from '../lib/process.mjs';

const ROUTES = ['/api/chat/stream', '/api/chat', '/api/chats/{conversationId}/stream'];
const ERRORS = ['turn_failed', 'turn_aborted', 'codex_error', 'adapter_preview_unavailable'];

function asker() {
  const places = [process.env.OA_LOG_ASKER, path.join(path.dirname(OA_BIN), 'tests/measure/log_asker'), path.join(ROOT, 'build/release/tests/measure/log_asker')].filter(Boolean);
  const found = places.find((place) => fs.existsSync(place));
  if (!found) throw new Error('no log_asker here: run ./dev e2e, which builds it');
  return found;
}

/** One source that lives on; ask() answers like a playbook's source would be told. */
function follow(...files) {
  const running = new Running(asker(), files, { name: 'log_asker', stdin: 'pipe' });
  const from = Date.now() / 1000 - 60;
  let answers = 0;
  const ask = async (revision = '') => {
    const nth = answers++;
    running.child.stdin.write(`${from} ${Date.now() / 1000 + 60} ${revision}\n`);
    const line = await running.until((one) => one.stdout.split('\n').slice(0, -1)[nth], `answer ${nth}`);
    return JSON.parse(line);
  };
  return { ask, stop: async () => { running.child.stdin.end(); await running.end(); } };
}

/** Turns, good and bad ones, until told to stop; requests that never began one among them. */
function load(base, workers = 6) {
  let on = true, sent = 0;
  const worker = async (n) => {
    for (let i = n; on; i++) {
      const body = i % 7 === 0 ? 'replay:36-failed-context-window' : i % 11 === 0 ? 'replay:03-empty' : 'replay:01-echo';
      const headers = i % 13 === 0 ? { 'x-oa-schema-version': '9' } : {};
      await chat(base, body, { path: ['/api/chat/stream', '/api/chat', `/api/chats/c${n}/stream`][i % 3], id: `c${n}`, headers }).done;
      sent += 1;
    }
  };
  const all = Promise.all(Array.from({ length: workers }, (_, n) => worker(n)));
  return {
    sent: () => sent,
    more: async (count) => {
      const want = sent + count, end = Date.now() + limit(120000);
      while (sent < want) {
        assert.ok(Date.now() < end, `only ${sent} of ${want} requests were answered`);
        await sleep(5);
      }
    },
    stop: async () => { on = false; await all; },
  };
}

/** A lane that took so many turns and ended. */
async function logged(args, count) {
  const lane = await startLane({ args });
  const turns = load(lane.base);
  await turns.more(count);
  await turns.stop();
  await lane.stop();
}

/** The lane has opened its log anew after the SIGHUP. */
async function reopened(lane, log) {
  lane.signal('SIGHUP');
  await lane.until(() => fs.existsSync(log) && fs.statSync(log).size > 0, 'new log');
}

/** What the lane itself has counted of the same requests. */
async function counted(base) {
  const end = Date.now() + limit(60000);
  for (;;) {
    const samples = await readMetrics(base);
    const sum = (name, labels) => ROUTES.reduce((all, route) => all + total(samples, name, { ...labels, route }), 0);
    const rest = { total: sum('http_requests_total', { method: 'POST' }), timed: sum('first_content_seconds_count', {}), bad: ERRORS.reduce((all, word) => all + sum('terminal_total', { class: word }), 0) };
    const failed = samples.filter((s) => s.name === 'oa_stream_http_requests_total' && s.labels.status >= '500' && s.labels.method === 'POST' && ROUTES.includes(s.labels.route));
    rest.bad += failed.reduce((all, s) => all + s.value, 0);
    if (total(samples, 'active_streams') === 0 && total(samples, 'terminal_total') === total(samples, 'bridge_accepted_total')) return rest;
    assert.ok(Date.now() < end, 'the lane does not come to rest');
    await sleep(20);
  }
}

for (const format of ['json', 'logfmt']) {
  test(`a log that is written, renamed, reopened and compressed under load tells what /metrics tells (${format})`, async () => {
    const log = path.join(scratch('log'), 'access.log');
    const lane = await startLane({ args: ['--revision', 'rev-a', '--access-log', log, '--access-log-format', format] });
    const turns = load(lane.base);
    const source = follow(log);
    await turns.more(60);
    const seen = [await source.ask()];

    fs.renameSync(log, `${log}.1`); // the lane goes on writing to it
    await turns.more(20);
    seen.push(await source.ask());
    await reopened(lane, log);
    await turns.more(40);
    seen.push(await source.ask());

    // As logrotate does it: the older one is compressed, the newer one takes its place.
    fs.writeFileSync(`${log}.2.gz`, zlib.gzipSync(fs.readFileSync(`${log}.1`)));
    seen.push(await source.ask());
    fs.renameSync(log, `${log}.1`);
    await reopened(lane, log);
    await turns.more(40);
    seen.push(await source.ask());
    await turns.stop();

    const lines = await counted(lane.base);
    fs.writeFileSync(`${log}-20261120.zst`, zlib.zstdCompressSync(fs.readFileSync(`${log}.1`)));
    fs.rmSync(`${log}.1`);
    const last = await source.ask('rev-a');
    assert.deepEqual({ total: last.total, bad: last.bad, timed: last.timed }, lines);
    assert.ok(lines.bad > 10 && lines.timed > 50 && lines.total > lines.timed + 5, JSON.stringify(lines));
    assert.deepEqual([last.state, last.count_error, last.notes], ['measured', 0, []]);
    for (const [n, one] of seen.entries()) {
      assert.equal(one.state, 'measured', JSON.stringify(one));
      assert.ok(one.total >= (seen[n - 1]?.total ?? 1) && one.total <= last.total, `it never goes back: ${seen.map((s) => s.total)}`);
    }
    assert.equal((await source.ask('rev-b')).state, 'missing');
    await source.stop();

    // One that begins now and reads the history: gz, zst and the current file.
    const gate = ['slo', 'gate', 'bad: http_5xx | terminal_error <= 1%', '--access-log', log, '--revision', 'rev-a', '--window', '10m', '--json'];
    const run = await oa(gate);
    assert.equal(run.code, 1, run.stdout + run.stderr);
    const { gate: record } = run.json();
    assert.deepEqual([record.n, record.bad, record.verdict], [lines.total, lines.bad, 'FAIL']);
    await lane.stop();
  });
}

test('a log that stopped, is empty or is of another revision decides nothing', async () => {
  const folder = scratch('log'), log = path.join(folder, 'access.log');
  await logged(['--revision', 'rev-a', '--access-log', log], 30);
  const gate = (file, ...more) => oa(['slo', 'gate', 'bad: http_5xx <= 50%', '--access-log', file, '--json', ...more]);
  const alive = await gate(log, '--window', '5m');
  assert.equal(alive.code, 0, alive.stdout + alive.stderr);
  const other = await gate(log, '--revision', 'rev-b');
  assert.equal(other.code, 3, other.stdout + other.stderr);
  assert.match(other.json().gate.sentence, /no line by revision 'rev-b'/);

  // The same lines, an hour old.
  const old = path.join(folder, 'old.log');
  fs.writeFileSync(old, fs.readFileSync(log, 'utf8').replace(/"ts":"([^"]+)"/g, (_, ts) => `"ts":"${new Date(Date.parse(ts) - 3600e3).toISOString()}"`));
  const stopped = await gate(old, '--window', '2h');
  assert.equal(stopped.code, 3, stopped.stdout + stopped.stderr);
  assert.match(stopped.json().gate.sentence, /the log has stopped/);

  const empty = path.join(folder, 'empty.log');
  fs.writeFileSync(empty, '');
  const nothing = await gate(empty);
  assert.equal(nothing.code, 3, nothing.stdout + nothing.stderr);
  assert.match(nothing.json().gate.sentence, /no line was written yet/);
});

test('a log through a pipe, whole', async () => {
  const log = path.join(scratch('log'), 'access.log');
  const lane = await startLane({ args: ['--access-log', log] });
  const turns = load(lane.base);
  await turns.more(30);
  await turns.stop();
  const { total: all } = await counted(lane.base);
  const run = new Running(OA_BIN, ['slo', 'gate', 'bad: http_5xx <= 50%', '--access-log', '-', '--json'], { name: 'gate', stdin: 'pipe' });
  run.child.stdin.write(fs.readFileSync(log));
  run.child.stdin.end();
  assert.equal((await run.end()).code, 0, run.stdout + run.stderr);
  assert.equal(JSON.parse(run.stdout).gate.n, all);
  await lane.stop();
});

test('a log through a pipe or a redirect with a gap in it passes nothing, as its file', async () => {
  const file = path.join(scratch('gap'), 'access.log'), now = Date.now();
  const ago = (s) => ({ ts: new Date(now - s * 1000).toISOString(), event: 'request', request_id: `q${s}`, route: '/api/chat', method: 'POST', status: 200, lane: 'compat', revision: 'r1', end_ms: 5 });
  const at = Array.from({ length: 180 }, (_, i) => 1800 - i * 10).filter((s) => s < 500 || s > 1300);
  fs.writeFileSync(file, at.map((s) => `${JSON.stringify(ago(s))}\n`).join(''));
  const bytes = fs.readFileSync(file);
  for (const [name, stdin] of [[file, 'ignore'], ['-', 'pipe'], ['-', fs.openSync(file)]]) {
    const run = new Running(OA_BIN, ['slo', 'gate', 'bad: http_5xx <= 5%', '--access-log', name, '--window', '29m', '--json'], { name: 'gate', stdin });
    if (stdin === 'pipe') run.child.stdin.end(bytes);
    assert.equal((await run.end()).code, 3, run.stdout + run.stderr);
    const { gate } = JSON.parse(run.stdout);
    assert.equal(gate.n, at.filter((s) => s < 1740).length);
    assert.match(gate.sentence, new RegExp(`not decided: ${name === '-' ? 'standard input' : file} has no line for \\d+ s of the window`));
  }
});

test('turns that ran into a time limit without content are slower than any limit', async () => {
  const folder = scratch('late'), log = path.join(folder, 'access.log'), faults = path.join(folder, 'faults');
  fs.writeFileSync(faults, '');
  const lane = await startLane({ args: ['--access-log', log, '--limit', 'first-event=5s', '--inject-file', faults] });
  const ask = (n) => chat(lane.base, 'replay:01-echo', { path: '/api/chat/stream', id: `t${n}` });
  const gate = () => oa(['slo', 'gate', 'p95: first_content <= 2.5s', '--access-log', log, '--window', '5m', '--json']);
  await Promise.all(Array.from({ length: 80 }, (_, n) => ask(n).done));
  const quick = await gate();
  assert.equal(quick.code, 0, quick.stdout + quick.stderr);

  fs.writeFileSync(faults, 'latency=20s\n');
  await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n).done));
  const written = () => fs.readFileSync(log, 'utf8').split('\n').filter((line) => line.includes('"failure":"authority_timeout"')).map((line) => JSON.parse(line));
  await lane.until(() => written().length === 20, 'the lines of all turns');
  assert.ok(written().every((line) => line.first_content_ms === undefined && line.reader === 'finished'), JSON.stringify(written()[0]));
  const slow = await gate();
  assert.equal(slow.code, 1, slow.stdout + slow.stderr);
  assert.equal(slow.json().gate.n, 100);
  assert.match(slow.json().gate.sentence, /p95 first content never/);
  await lane.stop();
});

test('two names of one log, and rotated history that is cut short, pass nothing', async () => {
  const folder = scratch('log'), log = path.join(folder, 'access.log');
  await logged(['--access-log', log], 40);
  const gate = (...files) => oa(['slo', 'gate', 'bad: http_5xx <= 50%', '--json', ...files.flatMap((file) => ['--access-log', file])]);
  fs.symlinkSync(log, `${folder}/link.log`);
  for (const other of [`${folder}/link.log`, `${folder}/./access.log`]) {
    const run = await gate(log, other);
    assert.equal(run.code, 2, run.stdout + run.stderr);
    assert.match(run.stderr + run.stdout, /are one file/);
  }
  fs.copyFileSync(log, path.join(folder, 'copy.log'));
  const [once, twice] = [await gate(log), await gate(log, path.join(folder, 'copy.log'))];
  assert.deepEqual([twice.code, twice.json().gate.n], [0, once.json().gate.n], twice.stdout);

  fs.writeFileSync(`${log}.1.gz`, zlib.gzipSync(fs.readFileSync(log, 'utf8').replaceAll('"request_id":"', '"request_id":"other-')).subarray(0, 60));
  const cut = await gate(log);
  assert.equal(cut.code, 3, cut.stdout + cut.stderr);
  assert.match(cut.json().gate.sentence, /access\.log\.1\.gz: damaged: cut short; the rest of its window is unknown/);
});

test('each named log is a replica that must tell of the whole window; a line that stands twice counts once', async () => {
  const folder = scratch('replicas'), log = path.join(folder, 'a.log');
  await logged(['--revision', 'rev-a', '--access-log', log], 40);
  const beside = (name, text) => { fs.writeFileSync(path.join(folder, name), text); return path.join(folder, name); };
  const gate = (...files) => oa(['slo', 'gate', 'bad: http_5xx <= 50%', '--revision', 'rev-a', '--window', '30m', '--json', ...files.flatMap((file) => ['--access-log', file])]);
  const shifted = (ms) => fs.readFileSync(log, 'utf8').replace(/"ts":"([^"]+)"/g, (_, ts) => `"ts":"${new Date(Date.parse(ts) + ms).toISOString()}"`).replaceAll('"request_id":"', '"request_id":"b-');
  const whole = await gate(log);
  assert.equal(whole.code, 0, whole.stdout + whole.stderr);
  const doubled = await gate(beside('doubled.log', fs.readFileSync(log, 'utf8').repeat(2)));
  assert.deepEqual([doubled.code, doubled.json().gate.n], [0, whole.json().gate.n], doubled.stdout);
  for (const [name, text, why] of [
    ['empty.log', '', /empty\.log has no line/],
    ['stopped.log', shifted(-10 * 60e3), /stopped\.log stopped at/],
    ['ahead.log', shifted(2 * 60e3), /ahead of this machine's clock/],
  ]) {
    const run = await gate(log, beside(name, text));
    assert.equal(run.code, 3, `${name}: ${run.stdout}${run.stderr}`);
    assert.match(run.json().gate.sentence, why);
  }
  beside('a.log.1.xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2, 3]));
  const packed = await gate(log);
  assert.equal(packed.code, 3, packed.stdout + packed.stderr);
  assert.match(packed.json().gate.sentence, /is compressed with xz, which is not read here/);
});
