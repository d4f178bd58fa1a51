// shadow over real processes: two lanes of recorded turns say the same in everything, the lane says
// what the recording said, and each fault planted between them is found and named.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { TOKEN, frame, relay, startFakeLane } from '../lib/fake_lane.mjs';
import { startLane } from '../lib/lane.mjs';
import { LocalTarget } from '../lib/local_target.mjs';
import { QUICK_LIMITS, localHead, quickStages } from '../lib/cutover/playbook.mjs';
import { ROOT, oa, scratch } from '../lib/process.mjs';

/** A folder with a recording of a Codex that was asked nothing. */
function withoutTurn() {
  const recorded = path.join(scratch('no-turn'), 'a.jsonl');
  const [first] = fs.readdirSync(CAPTURES).filter((name) => name.endsWith('.jsonl')).sort();
  fs.writeFileSync(recorded, fs.readFileSync(path.join(CAPTURES, first), 'utf8').split('\n').slice(0, 2).join('\n') + '\n');
  return path.dirname(recorded);
}
const CAPTURES = path.join(ROOT, 'fixtures/captures');
const json = (run) => ({ ...run.json(), code: run.code });
const shadow = async (args, more = {}) => json(await oa(['shadow', '--json', ...args], { ms: 120000, ...more }));
const check = (out, id) => out.checks.find((one) => one.id === `shadow.${id}`) ?? assert.fail(`no check ${id}`);
const turns = (out) => out.checks.filter((one) => one.id.startsWith('shadow.turn.'));
const found = (out) => check(out, 'turn.1').data.differences.map((one) => one.what);

let a, b;
before(async () => {
  a = await startLane({ name: 'a' });
  b = await startLane({ name: 'b' });
});
after(async () => {
  await a?.stop();
  await b?.stop();
});

test('a base URL with a path is named as the reason for 404', async () => {
  const out = await shadow(['--base-url', `${a.base}/v1`, '--against', b.base, '--prompt', 'hello', '--runs', '1']);
  assert.match(check(out, 'turn.1').detail, new RegExp(`the base URL has the path /v1, and requests add their own: try ${a.base}\\)`));
});

let endings; // of every recording, as the native comparison learnt them

test('a lane says of every recording what the authority said', async () => {
  const out = await shadow(['--base-url', a.base, '--native', CAPTURES]);
  assert.deepEqual(out.checks.filter((one) => one.verdict === 'FAIL').map((one) => one.detail), []);
  assert.equal(out.verdict, 'PASS');
  assert.equal(out.code, 0);
  assert.ok(turns(out).length > 55, `${turns(out).length} recordings`);
  endings = turns(out).map((one) => ({ prompt: `replay:${one.data.recording}`, expect: one.data.expect }));
  assert.ok(new Set(endings.map((one) => one.expect)).size >= 4, 'completed, empty, failed and interrupted ones');
  assert.equal(check(out, 'latency.whole').verdict, 'SKIPPED');
});

test('two equal lanes differ in nothing over all recordings', async () => {
  const file = path.join(scratch('prompts'), 'prompts.jsonl');
  fs.writeFileSync(file, endings.map((one) => JSON.stringify(one)).join('\n'));
  const out = await shadow(['--base-url', a.base, '--against', b.base, '--prompts', file]);
  assert.deepEqual(out.checks.filter((one) => !['PASS', 'SKIPPED'].includes(one.verdict)).map((one) => `${one.id} ${one.detail}`), []);
  assert.equal(out.verdict, 'PASS');
  assert.equal(turns(out).length, endings.length);
  assert.ok(check(out, 'latency.whole').data.n >= 59);
  // What was kept is what was judged: check says the same of it.
  const kept = check(out, 'turn.2').evidence.filter((name) => name.endsWith('.sse'));
  assert.deepEqual(kept.map((name) => /\.(lane|reference)\.sse$/.exec(name)?.[1]), ['lane', 'reference']);
  for (const name of kept) {
    const stream = path.join(out.evidence, name);
    const judged = await oa(['check', '--headers', stream.replace(/sse$/, 'head'), stream]);
    assert.equal(judged.code, 0, judged.stdout);
  }
  assert.equal(fs.readFileSync(path.join(out.evidence, 'measure/pairs.ndjson'), 'utf8').trim().split('\n').length, endings.length);
});

const drop = (body, pattern) => {
  const frames = body.split('\n\n');
  const at = frames.findIndex((one) => pattern.test(one));
  assert.notEqual(at, -1);
  frames.splice(at, 1);
  return frames.join('\n\n');
};
const FAULTS = [
  ['a dropped delta', 'replay:02-text-paced', 'text', (body) => drop(body, /"text-delta".*"delta":"\w*(bravo|charlie|delta)/)],
  ['a tool output dropped to its failure', 'replay:10-exec', 'tool outcome', (body) => body.replace(/data: \{"type":"tool-output-available","toolCallId":("[^"]*").*\n/, 'data: {"type":"tool-output-error","toolCallId":$1,"errorText":"lost","dynamic":true,"providerExecuted":true}\n')],
  ['a call that the page would run', 'replay:10-exec', 'providerExecuted', (body) => body.replaceAll(',"providerExecuted":true', '')],
  ['a call of a tool that the page has to know', 'replay:10-exec', 'dynamic', (body) => body.replaceAll(',"dynamic":true', '')],
  ['missing usage', 'replay:02-text-paced', 'usage', (body) => body.replace(/,"usage":\{[^}]*\}/, '')],
  ['another finish reason', 'replay:02-text-paced', 'finish reason', (body) => body.replace('"finishReason":"stop"', '"finishReason":"length"')],
];

for (const [name, prompt, what, edit] of FAULTS) {
  test(`${name} is found`, async () => {
    const bad = await relay(b.base, { edit: (body) => { const got = edit(body); assert.notEqual(got, body); return got; } });
    const good = await relay(b.base);
    try {
      const args = ['--base-url', a.base, '--prompt', prompt, '--runs', '1', '--no-latency'];
      const out = await shadow([...args, '--against', bad.base]);
      assert.equal(out.verdict, 'FAIL');
      assert.equal(out.code, 1);
      assert.ok(found(out).includes(what), JSON.stringify(found(out)));
      assert.equal((await shadow([...args, '--against', good.base])).verdict, 'PASS');
    } finally {
      bad.stop();
      good.stop();
    }
  });
}

test('a changed terminal is a failure, not a difference among others', async () => {
  const bad = await relay(b.base, { edit: (body) => body.replace('"status":"completed"', '"status":"interrupted"') });
  try {
    const out = await shadow(['--base-url', bad.base, '--against', a.base, '--prompt', 'replay:02-text-paced', '--runs', '1', '--no-latency']);
    assert.equal(out.verdict, 'FAIL');
    assert.match(check(out, 'turn.1').detail, /expected completed of both; the lane: interrupted/);
    assert.ok(found(out).includes('ending'));
  } finally {
    bad.stop();
  }
});

test('swapped tool outputs are found and called that', async () => {
  const call = (id, said) => [
    frame({ type: 'tool-input-start', toolCallId: id, toolName: 'shell', dynamic: true, providerExecuted: true }),
    frame({ type: 'tool-input-available', toolCallId: id, toolName: 'shell', input: { command: id }, dynamic: true, providerExecuted: true }),
    frame({ type: 'tool-output-available', toolCallId: id, output: { output: said }, dynamic: true, providerExecuted: true }),
  ];
  const tools = (one, two) => (frames) => [...frames.slice(0, 2), ...call('c1', one), ...call('c2', two), ...frames.slice(2).filter((piece) => typeof piece !== 'number')];
  const good = await startFakeLane({ frames: tools('first', 'second') });
  const same = await startFakeLane({ frames: tools('first', 'second') });
  const bad = await startFakeLane({ frames: tools('second', 'first') });
  const args = ['--base-url', good.base, '--auth', 'env:LANE_TOKEN', '--prompt', 'anything', '--runs', '1', '--no-latency'];
  const env = { LANE_TOKEN: TOKEN };
  try {
    const out = await shadow([...args, '--against', bad.base], { env });
    assert.equal(out.verdict, 'FAIL');
    assert.ok(found(out).includes('swapped outputs'), JSON.stringify(found(out)));
    assert.equal((await shadow([...args, '--against', same.base], { env })).verdict, 'PASS');
    // Contents are not structure's business.
    assert.equal((await shadow([...args, '--against', bad.base, '--compare', 'structure'], { env })).verdict, 'PASS');
  } finally {
    await Promise.all([good.stop(), same.stop(), bad.stop()]);
  }
});

test('a slowdown of 30 % is proven, an equal pace is not called one', async () => {
  // Both through a relay: it costs the same on both sides but for what it waits, which is long beside what others cost.
  const slow = await relay(b.base, { late: 260 });
  const usual = await relay(b.base, { late: 200 });
  const again = await relay(a.base, { late: 200 });
  try {
    const args = (runs) => ['--against', usual.base, '--prompt', 'replay:01-echo', '--runs', runs, '--unnoticed', '5ms'];
    const out = await shadow(['--base-url', slow.base, ...args('32')]);
    assert.equal(check(out, 'latency.whole').verdict, 'FAIL', check(out, 'latency.whole').detail);
    assert.equal(out.code, 1);
    assert.equal(check(out, 'turn.1').verdict, 'PASS');
    const equal = await shadow(['--base-url', again.base, ...args('16')]);
    assert.equal(check(equal, 'latency.whole').verdict, 'PASS', check(equal, 'latency.whole').detail);
    // Sixteen pairs have no p95: that is said, and is no PASS.
    assert.equal(check(equal, 'latency.p95').verdict, 'INCONCLUSIVE');
    assert.equal(equal.code, 3);
  } finally {
    for (const one of [slow, usual, again]) one.stop();
  }
});

test('too few pairs: the next command asks for as many as decide', async () => {
  const few = await shadow(['--base-url', a.base, '--against', b.base, '--prompt', 'replay:01-echo', '--runs', '1']);
  assert.equal(few.verdict, 'INCONCLUSIVE');
  assert.match(check(few, 'latency.whole').detail, /the first pair/);
  assert.match(few.next, /^oa-stream shadow .*--prompt replay:01-echo/);
  assert.doesNotMatch(few.next, /--runs/);
});

test('two lanes that fail alike are not equal, two that are not there are an error', async () => {
  const both = await shadow(['--base-url', a.base, '--against', b.base, '--prompt', 'replay:31-http-400', '--runs', '1', '--no-latency']);
  assert.equal(both.verdict, 'FAIL');
  assert.match(check(both, 'turn.1').detail, /failing alike is not being equal/);
  const nobody = await shadow(['--base-url', 'http://127.0.0.1:9', '--against', 'http://127.0.0.1:9', '--prompt', 'x']);
  assert.equal(nobody.verdict, 'ERROR');
  assert.equal(nobody.code, 4);
});

test('what makes no sense is refused before anything is asked', async () => {
  for (const args of [
    ['--base-url', a.base],
    ['--base-url', a.base, '--against', b.base, '--native', 'codex'],
    ['--base-url', a.base, '--native', 'codex', '--native', CAPTURES],
    ['--base-url', a.base, '--native', path.join(ROOT, 'README.md')],
    ['--base-url', a.base, '--native', withoutTurn()],
    ['--base-url', a.base, '--native', CAPTURES, '--prompt', 'x'],
    ['--base-url', a.base, '--against', b.base, '--compare', 'everything'],
    ['--base-url', a.base, '--against', b.base, '--runs', '0'],
    ['--base-url', a.base, '--against', b.base, '--slower-at-most', 'a lot'],
    ['--base-url', a.base, '--against', b.base, '--prompts', path.join(ROOT, 'no-such-file')],
  ]) {
    const run = await oa(['shadow', ...args]);
    assert.equal(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
  }
});

// The same as a playbook's step, after the traffic was moved.
const CUTOVER = `${localHead('with-shadow')}sources: [{ probe: {} }]
preflight:
  - { smoke: stream, through: canary }
${quickStages({ stages: '[100%]', bake: '600ms', extend: '5s' })}postflight:
  - shadow: { prompts: ["scenario:echo;text=pong"], p95_delta_at_most: 100ms }
${QUICK_LIMITS}`;

test('a playbook compares the revisions after the cutover, and goes back when they differ', async () => {
  const rigs = await Promise.all([LocalTarget.start({ playbook: CUTOVER }), LocalTarget.start({ playbook: CUTOVER, faults: ['--inject', 'latency=150ms'] })]);
  const [same, late] = await Promise.all(rigs.map(async (rig) => {
    const plan = await rig.plan();
    assert.equal(plan.code, 10, plan.stderr);
    assert.match(fs.readFileSync(plan.file, 'utf8'), /"postflight\.shadow"/);
    const run = await rig.oa(['cutover', 'apply', plan.file, '--json']);
    return { ...run, weights: await rig.weights() };
  }));
  await Promise.all(rigs.flatMap((rig) => [rig.front, rig.stable, rig.canary]).map((one) => one.kill()));
  const turn = (run) => run.json().checks.find((one) => one.id === 'postflight.shadow.turn.1');
  assert.equal(same.code, 0, same.stderr);
  assert.equal(turn(same).verdict, 'PASS');
  assert.deepEqual(same.weights, { v1: 0, v2: 100 });
  assert.equal(late.code, 7, late.stderr);
  assert.equal(turn(late).verdict, 'PASS');
  assert.equal(late.json().checks.find((one) => one.id === 'postflight.shadow.latency.whole').verdict, 'FAIL');
  assert.deepEqual(late.weights, { v1: 100, v2: 0 });
});
