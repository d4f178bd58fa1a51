// `oa-stream check` against the conformance kit's matrix: what the kit rejects is rejected, for a
// reason the kit gives too, and what it accepts is accepted – however the bytes are cut.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT, oa, scratch } from '../e2e/lib/process.mjs';

const KIT = path.join(ROOT, 'tests/conformance/ui-message-stream');
const matrix = JSON.parse(fs.readFileSync(path.join(KIT, 'matrix.json'), 'utf8'));
const info = JSON.parse(fs.readFileSync(path.join(KIT, 'cases.json'), 'utf8'));
const GOOD_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache, no-transform\r\nx-vercel-ai-ui-message-stream: v1\r\nx-accel-buffering: no\r\n\r\n';
const folder = scratch('inputs');

function input(name, text) {
  const file = path.join(folder, name);
  fs.writeFileSync(file, text);
  return file;
}

function headOf(name) {
  const http = info[name]?.http;
  if (!http) return GOOD_HEAD;
  const headers = Object.entries(http.headers ?? {}).map(([key, value]) => `${key}: ${value}\r\n`).join('');
  return http.headers ? `HTTP/1.1 ${http.status} X\r\n${headers}\r\n` : GOOD_HEAD;
}

async function check(name, cut) {
  const messages = info[name]?.messages ?? []; // a case without messages answers a user's
  const run = await oa([
    'check', '--json', '--chunk-bytes', String(cut),
    '--headers', input(`${name}.head`, headOf(name)),
    '--messages', input(`${name}.json`, JSON.stringify(messages)),
    path.join(KIT, 'cases', `${name}.sse`),
  ]);
  assert.equal(run.stderr.includes('terminate'), false, run.stderr);
  const result = run.json();
  assert.equal(run.code, result.verdict === 'pass' ? 0 : 1, 'the exit code follows the verdict');
  return result;
}

for (const cut of [1, 7, 64]) {
  test(`check agrees with the kit on every case, ${cut} bytes at a time`, async (t) => {
    for (const [name, want] of Object.entries(matrix.cases)) {
      await t.test(name, async () => {
        const got = await check(name, cut);
        const rules = [...new Set(got.violations.map((v) => v.rule))].sort();
        assert.equal(got.verdict, want.contract.verdict === 'accept' ? 'pass' : 'fail', JSON.stringify(got));
        if (want.contract.verdict === 'reject') {
          assert.deepEqual(rules, want.contract.violations, "the very rules the kit names");
          assert.ok(got.violations.every((v) => typeof v.rule === 'string' && v.level === 'must' && typeof v.message === 'string'), JSON.stringify(got.violations));
        } else {
          assert.deepEqual(rules, []);
        }
        assert.deepEqual([...new Set(got.warnings.map((w) => w.rule))].sort(), want.contract.warnings);
      });
    }
  });
}

test('the same violations and warnings, with the same offsets, at every cut', async () => {
  for (const name of Object.keys(matrix.cases)) {
    const [one, seven, sixtyFour] = [await check(name, 1), await check(name, 7), await check(name, 64)];
    assert.deepEqual(seven, one, name);
    assert.deepEqual(sixtyFour, one, name);
  }
});

test('a violation names frame and byte offset', async () => {
  const got = await check('bad-delta-after-end', 64);
  const bytes = fs.readFileSync(path.join(KIT, 'cases/bad-delta-after-end.sse'), 'utf8');
  const frames = bytes.split('\n\n');
  const violation = got.violations.find((v) => v.rule === 'P1');
  assert.ok(violation, JSON.stringify(got));
  assert.equal(violation.offset, Buffer.byteLength(frames.slice(0, violation.frame).join('\n\n')) + (violation.frame ? 2 : 0));
  assert.match(frames[violation.frame], /text-delta/);
});

test('headers and transport that were not given are reported as not judged', async () => {
  const run = await oa(['check', '--json', path.join(KIT, 'cases/ok-text.sse')]);
  assert.equal(run.code, 0, run.stderr);
  const text = JSON.stringify(run.json());
  for (const rule of ['H1', 'H2', 'H3', 'H4', 'H5']) assert.match(text, new RegExp(`"${rule}"`), `${rule} is not mentioned as not judged`);
  assert.match(text, /not[_-]judged/i);
});

test('an output without its call is a finding when the messages are known: given, or those of a probe', async () => {
  const bytes = fs.readFileSync(path.join(KIT, 'cases/bad-tool-output-unknown-id.sse'));
  const alone = await oa(['check', '--json', input('unknown-call.sse', bytes)]);
  assert.equal(alone.code, 0, alone.stdout);
  assert.deepEqual(alone.json().not_judged.filter((rule) => /^[OT]/.test(rule)), ['O10', 'T1']);
  input('kept.probe.json', JSON.stringify({ schema: 'oa-stream.stream.v1', outcome: 'contract_violation', detail: 'T1' }));
  const kept = await oa(['check', '--json', input('kept.sse', bytes)]);
  assert.equal(kept.code, 1, kept.stdout);
  assert.deepEqual(kept.json().violations.map((v) => v.rule), ['T1']);
});

test('a stream on standard input is judged like a file', async () => {
  const { spawnSync } = await import('node:child_process');
  const { OA_BIN } = await import('../e2e/lib/process.mjs');
  const run = spawnSync(OA_BIN, ['check', '--json', '-'], { input: fs.readFileSync(path.join(KIT, 'cases/bad-missing-done.sse')), env: { PATH: process.env.PATH, HOME: folder } });
  assert.equal(run.status, 1, String(run.stderr));
  assert.ok(JSON.parse(run.stdout).violations.some((v) => v.rule === 'O6'));
});

test('an unreadable input is a usage error, not a verdict', async () => {
  const run = await oa(['check', '--json', path.join(folder, 'there-is-no-such-file.sse')]);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /there-is-no-such-file\.sse/);
});

test('every rule of the kit is in our table, with its level', async () => {
  const { RULES } = await import('./ui-message-stream/lib.mjs');
  const run = await oa(['check', '--rules']);
  assert.equal(run.code, 0, run.stderr);
  for (const [id, [level]] of Object.entries(RULES)) {
    if (/^R\d/.test(id)) continue; // resume answers: judged by smoke, listed when there is a resume route
    assert.match(run.stdout, new RegExp(`(^|\\n)\\s*${id}\\s.*${level}`), `${id} ${level}`);
  }
  const one = await oa(['check', '--explain', 'O6']);
  assert.equal(one.code, 0);
  assert.match(one.stdout, /\[DONE\]/);
});
