// What a person sees: real screens of the commands that are used under pressure, at two sizes, with
// colour and without, against goldens that were reviewed by eye.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { OA_BIN } from '../lib/process.mjs';
import { bare, matchesGolden, nothingWritten, readable } from '../lib/screens.mjs';
import { Terminal } from '../lib/terminal.mjs';

const VARIANTS = [[80, 24], [140, 40]].flatMap(([cols, rows]) => [true, false].map((colour) => ({
  cols, rows, colour, name: `${cols}x${rows}${colour ? '-colour' : ''}`,
})));
const started = [], folders = [];
after(async () => {
  await Promise.all(started.map((one) => (one.exit ? null : one.kill())));
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
  nothingWritten();
});

/** A folder whose path has the same length wherever the test runs: it is shown, and may be broken. */
function shownFolder() {
  const folder = fs.mkdtempSync('/tmp/oa-');
  folders.push(folder);
  return folder;
}

function screenOf(terminal, { colour }) {
  const lines = terminal.lines({ colours: true });
  if (!colour) assert.ok(!lines.join('').includes('\x1b'), 'NO_COLOR');
  return readable(lines).join('\n').trimEnd();
}

/** `words`: what stands before the program, such as env with a PATH (tmux keeps its own). */
function begin(args, { cols, rows, colour }, folder, words = []) {
  const state = path.join(folder, 'state');
  return Terminal.start([...words, OA_BIN, ...args], { cols, rows, cwd: folder, bare: true, env: { OA_STREAM_STATE_DIR: state, ...(colour ? {} : { NO_COLOR: '1' }) } });
}

/** Runs the command to its end; the screen it leaves. */
async function finished(args, variant, folder, code, words) {
  const terminal = begin(args, variant, folder, words);
  try {
    assert.equal(await terminal.end(120000), code, terminal.screen());
    return screenOf(terminal, variant);
  } finally {
    terminal.close();
  }
}

/**
 * Measured values are as wide as they are, and a wider one may break a line elsewhere: such a screen
 * cannot be compared and is taken anew. `shape`: the widths that the goldens have.
 */
async function ofShape(shape, take) {
  for (let tries = 4; ; tries--) {
    const screen = await take();
    if (shape.test(bare(screen).replace(/\s+/g, ' '))) return screen;
    if (tries === 0) assert.fail(`no screen of the shape ${shape}:\n${screen}`);
  }
}

function inEveryVariant(name, body) {
  describe(name, { concurrency: true }, () => {
    for (const variant of VARIANTS) test(variant.name, () => body(variant));
  });
}

async function target(faults = []) {
  const one = await LocalTarget.start({ faults });
  started.push(one.front, one.stable, one.canary);
  one.folder = shownFolder();
  one.state = path.join(one.folder, 'state');
  return one;
}

inEveryVariant('smoke stream', async (variant) => {
  const lane = await startLane({ pace: 'recorded' });
  started.push(lane);
  matchesGolden(`smoke-${variant.name}`, await finished(['smoke', 'stream', '--base-url', lane.base], variant, shownFolder(), 0));
});

inEveryVariant('cutover rehearse --local, and a canary that fails', async (variant) => {
  const screen = await ofShape(/\(\d\d of \d\d; \d\d\.\d% to 100% at .*\(\d\d of \d\d against 0 of \d\d; \+\d\d\.\d points/, () =>
    finished(['cutover', 'rehearse', '--local', '--inject', 'error-rate=1@0'], variant, shownFolder(), 1));
  matchesGolden(`rehearse-${variant.name}`, screen);
});

inEveryVariant('cutover apply, held and at its end, then rollback apply', async (variant) => {
  const at = await target();
  const plan = await at.plan({ set: { bake: '3s' } });
  assert.equal(plan.code, 10, plan.stderr);
  const terminal = begin(['cutover', 'apply', '--yes', plan.file], variant, at.folder);
  const held = await terminal.until(() => {
    const screen = screenOf(terminal, variant);
    return /^stage 1\/2 .*\| n \d\d\+\d\d bad 0%≤30% p95 \d+ms$/m.test(bare(screen)) && screen;
  }, 'a held stage', 60000);
  assert.equal(await terminal.end(60000), 0, terminal.screen());
  const over = screenOf(terminal, variant);
  terminal.close();
  matchesGolden(`apply-held-${variant.name}`, held);
  matchesGolden(`apply-${variant.name}`, over);
  const run = at.runs().at(-1);
  matchesGolden(`rollback-${variant.name}`, await finished(['rollback', 'apply', '--run', run], variant, at.folder, 0));
});

inEveryVariant('watch', async (variant) => {
  const lane = await startLane({ args: ['--revision', 'r42'] });
  started.push(lane);
  const terminal = begin(['watch', '--base-url', lane.base, '--every', '300ms', '--window', '9s'], variant, shownFolder());
  await terminal.until((text) => /^NO TRAFFIC/.test(text) && text.includes('/readyz'), 'the first rates');
  for (let turn = 0; turn < 4; turn++) {
    const answer = await fetch(`${lane.base}/api/chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'scenario:words;n=2' }] }),
    });
    await answer.text();
  }
  await terminal.until((text) => /^OK/.test(text) && /completed 4/.test(text), 'the turns');
  const screen = screenOf(terminal, variant);
  terminal.press('C-c');
  assert.equal(await terminal.end(), 0);
  terminal.close();
  matchesGolden(`watch-${variant.name}`, screen);
});

inEveryVariant('doctor', async (variant) => {
  const folder = shownFolder(), tools = path.join(folder, 'bin');
  for (const one of [tools, path.join(folder, 'state')]) fs.mkdirSync(one);
  // Tools that say what the real ones say; the others are not there.
  for (const [name, says] of [['codex', 'codex-cli 0.169.0'], ['zstd', '*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***']]) {
    fs.writeFileSync(path.join(tools, name), `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
  }
  fs.writeFileSync(path.join(folder, 'lane.yaml'), 'version: 1\nkind: cutover\nname: lane\n');
  matchesGolden(`doctor-${variant.name}`, await finished(['doctor', path.join(folder, 'lane.yaml')], variant, folder, 1, ['env', `PATH=${tools}`]));
});

test('runs list: a row of the kind with the longest name fits 80 columns', async () => {
  const folder = shownFolder(), run = path.join(folder, 'state/runs/20260101T000000Z-smoke-completions-0a0a0a0a');
  fs.mkdirSync(run, { recursive: true });
  fs.writeFileSync(path.join(run, 'run.json'), JSON.stringify({ kind: 'smoke-completions', verdict: 'INCONCLUSIVE', filler: 'x'.repeat(123456) }));
  const screen = await finished(['runs', 'list'], { cols: 80, rows: 24, colour: false }, folder, 0);
  assert.match(screen, /^run .* age +size\n20260101T000000Z-smoke-completions-0a0a0a0a INCONCLUSIVE .* 123\.\d kB$/);
});

test('no line is left to the terminal to break: with -v, -vv and --non-interactive, and the last words of watch', async () => {
  const folder = shownFolder(), away = 'http://127.0.0.1:1';
  const lane = await startLane();
  started.push(lane);
  for (const [code, ...args] of [
    [4, 'smoke', 'stream', '--base-url', away, '-v'],
    [4, 'load', '--base-url', away, '--rate', '5/s', '--duration', '1s', '-vv'],
    [4, 'smoke', 'completions', '--base-url', away, '--non-interactive'],
    [0, 'runs', 'list', '--verbose'],
    [4, 'watch', '--once', '--base-url', `${lane.base}/api/chat`],
    [4, 'watch', '--once', '--base-url', lane.base.replace('http', 'https'), '--window', '9s'],
  ]) {
    const terminal = begin(args, { cols: 80, rows: 200, colour: false }, folder);
    assert.equal(await terminal.end(), code, terminal.screen());
    const wide = terminal.lines({ joined: true }).filter((line) => line.length > 80 && !/^(report:|  evidence) \S+$/.test(line));
    assert.deepEqual(wide, [], args.join(' '));
    const text = terminal.lines({ joined: true }).join('\n');
    if (args[0] === 'watch') assert.ok(text.replace(/[\s\\]+/g, ' ').includes(`next: oa-stream watch --base-url ${lane.base} `), text);
    terminal.close();
  }
});

test('cutover apply asks on a terminal also when it shows what it does', async () => {
  const at = await target();
  const plan = await at.plan();
  assert.equal(plan.code, 10, plan.stderr);
  for (const [option, words] of [['-v', []], ['--color=never', ['env', 'TERM=dumb']]]) {
    const terminal = begin(['cutover', 'apply', option, plan.file], { cols: 80, rows: 60, colour: false }, at.folder, words);
    await terminal.until((text) => text.includes('Apply this plan? [y/N]'), 'the question');
    terminal.type('n');
    terminal.press('Enter');
    assert.equal(await terminal.end(), 130, terminal.screen());
    terminal.close();
  }
  assert.deepEqual([await at.weights(), at.runs()], [{ v1: 100, v2: 0 }, []]);
});

test('cutover plan: a platform that does not answer is named meanwhile', async (t) => {
  const silent = net.createServer().listen(0, '127.0.0.1'), folder = shownFolder();
  t.after(() => silent.close());
  await once(silent, 'listening');
  const base = `http://127.0.0.1:${silent.address().port}`;
  const set = { base_url: base, endpoint: base, project: 'my-project', region: 'europe-west1', service: 'lane', stable: 'lane-00001-abc', canary: 'lane-00002-def' };
  const args = ['cutover', 'plan', 'cutover', ...Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`])];
  const terminal = begin(args, { cols: 120, rows: 24, colour: false }, folder, ['env', 'OA_STREAM_PLATFORM_TOKEN=not-a-real-token']);
  await terminal.until((text) => /^asking cloud-run:http\S+\/services\/lane what serves$/.test(text.trim()), 'what it waits for');
  terminal.press('C-c');
  assert.equal(await terminal.end(), 130);
  assert.equal(terminal.screen().trim(), 'leaving; nothing was changed');
  terminal.close();
});
