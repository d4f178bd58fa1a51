// slo rules with the real promtool: it accepts the rules, their tests pass, and none of the rules can
// be left out without a test that fails.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { OA_BIN, cleanEnv, scratch } from '../lib/process.mjs';
import { promtool, promtoolPath } from '../lib/prometheus.mjs';
import { readBy, rulesOf, rulesWith } from './rule_file.mjs';

function slo(args) {
  const run = spawnSync(OA_BIN, ['slo', 'rules', ...args], { encoding: 'utf8', env: cleanEnv() });
  if (run.error) throw run.error;
  return run;
}

function written(args = []) {
  const folder = scratch('slo-rules');
  const run = slo(['--out', folder, ...args]);
  assert.equal(run.status, 0, run.stderr);
  const files = fs.readdirSync(folder);
  const rules = files.filter((name) => name.endsWith('.rules.yml'));
  const tests = files.filter((name) => name.endsWith('.test.yml'));
  assert.equal(rules.length, 1);
  assert.ok(tests.length >= 1);
  return { folder, rules: path.join(folder, rules[0]), tests: tests.map((name) => path.join(folder, name)) };
}

/** Of the error budget's burn: its rules look back three days at each evaluation. */
const isBurn = (name) => /slo_|Burn/.test(name);
const ofBurn = (file) => file.endsWith('-burn.test.yml');

/** The alerts that are silent without a rule: it, or those that read it, also through other records. */
function alertsOf(rule, all) {
  if (rule.kind === 'alert') return [rule.name];
  return all.filter((one) => one !== rule && one.text.includes(rule.name)).flatMap((one) => alertsOf(one, all));
}

const runTests = (files, cwd) => new Promise((done, fail) => {
  const child = spawn(promtoolPath(), ['test', 'rules', ...files], { cwd, env: cleanEnv({ GOGC: '400' }), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (text) => { output += text; });
  child.stderr.on('data', (text) => { output += text; });
  child.on('error', fail).on('close', (code) => done({ code, output }));
});

test('slo rules: promtool accepts the rules, and every case fires or keeps quiet as it says', async () => {
  const { folder, rules, tests } = written();
  const checked = promtool(['check', 'rules', rules]);
  assert.equal(checked.code, 0, checked.output);
  const ran = await runTests(tests.filter((file) => !ofBurn(file)), folder);
  assert.equal(ran.code, 0, ran.output);
  // Three days of all the others take as long as all that was run so far, and these cases ask for none of them.
  fs.writeFileSync(rules, rulesWith(fs.readFileSync(rules, 'utf8'), ({ name }) => isBurn(name)));
  const burn = await runTests(tests.filter(ofBurn), folder);
  assert.equal(burn.code, 0, burn.output);
});

test('slo rules: other objectives, bounds, floors and matchers keep their tests passing', async () => {
  const variants = [
    { args: ['--objective', '99%', '--min-bad', '1', '--min-total', '1', '--keep-firing', '1500ms'], slow: false },
    { args: ['--objective', '99.999%', '--min-bad', '1000', '--keep-firing', '2h', '--match', String.raw`job="a\"b\\c", env!="dev",t="x,y}"`], slow: true },
    { args: ['--objective', '94%', '--first-content', '5s', '--duration', '60s', '--min-bad', '40', '--min-total', '200', '--keep-firing', '2h', '--match', 'job="lane"'], slow: true },
  ];
  await Promise.all(variants.map(async ({ args, slow }) => {
    const { folder, rules, tests } = written(args);
    const checked = promtool(['check', 'rules', rules]);
    assert.equal(checked.code, 0, checked.output);
    const text = fs.readFileSync(rules, 'utf8');
    // The burn's cases ask for the burn's alerts alone, the others for all others: each with the rules that these read.
    for (const burn of slow ? [false, true] : [false]) {
      fs.writeFileSync(rules, rulesWith(text, ({ name }) => isBurn(name) === burn));
      const ran = await runTests(tests.filter((file) => ofBurn(file) === burn), folder);
      assert.equal(ran.code, 0, `${args.join(' ')}: ${ran.output}`);
    }
  }));
});

test('slo rules: matchers on job and instance select lanes, not the files of node_exporter', () => {
  const { rules } = written(['--match', 'job="lane",env!="dev",instance!="x"']);
  const selectors = Object.fromEntries(rulesOf(fs.readFileSync(rules, 'utf8')).map(({ name, text }) => [name, /oa_stream_\w+\{.*?\}/.exec(text)?.[0]]));
  assert.equal(selectors.OaStreamDrainLong, 'oa_stream_active_streams{job="lane",env!="dev",instance!="x"}');
  assert.equal(selectors.OaStreamRunUnverified, 'oa_stream_run_exit_code{env!="dev"}');
  assert.equal(selectors.OaStreamRunStatusStale, 'oa_stream_run_end_timestamp_seconds{run="cutover-status",env!="dev"}');
  assert.equal(selectors.OaStreamVerificationStale, 'oa_stream_run_last_pass_timestamp_seconds{env!="dev"}');
});

/**
 * The file with only those of its cases whose name matches and that expect one of these alerts to fire: promtool cannot
 * choose, and the burn's last three days each.
 */
function only(text, pattern, alerts = []) {
  const [head, ...cases] = text.split(/^(?= {2}- interval: )/m);
  const expects = (one) => alerts.length === 0 || alerts.some((name) => one.includes(`{labels: "{alertname=\\"${name}\\"`));
  const kept = cases.filter((one) => pattern.test(one.split('\n', 1)[0]) && expects(one));
  assert.ok(kept.length, `no case matches ${pattern} and expects ${alerts}`);
  return head + kept.join('');
}

/** Which file and which of its cases need a rule; of the burn's cases, which cover three days, one has to do. */
function watchers(name) {
  if (isBurn(name)) return { ending: '-burn.test.yml', cases: /5m$|1h$/.test(name) ? /an hour/ : /30m$|6h$/.test(name) ? /six hours/ : /a day/ };
  if (/bridge_|Bridge(?!Absent)/.test(name)) return { ending: '-bridge.test.yml', cases: /./ };
  return { ending: 'oa-stream.test.yml', cases: /./ };
}

/** The cases with only the series that one of these rules names. */
function seriesWith(tests, rules) {
  return tests.replace(/^ +- \{series: "(\w+).*\n/gm, (line, name) => (rules.includes(name) ? line : ''));
}

/** The cases that need the rule, and only what the alerts which they expect read, rules and series: {tests, rules}, both texts. */
function needing(rule, all, text, written) {
  const { ending, cases } = watchers(rule.name);
  const file = fs.readFileSync(written.tests.find((one) => one.endsWith(ending)), 'utf8');
  const tests = only(file, cases, alertsOf(rule, all));
  const needed = readBy([...tests.matchAll(/\{labels: "\{alertname=\\"(\w+)\\"/g)].map(([, name]) => name), all);
  const rules = rulesWith(text, ({ name }) => needed.has(name));
  return { tests: seriesWith(tests, rules), rules };
}

/** What promtool says of these cases under these rules. */
function judged({ tests, rules }, written) {
  const folder = scratch('slo-mutant');
  fs.writeFileSync(path.join(folder, path.basename(written.rules)), rules);
  fs.writeFileSync(path.join(folder, 'mutant.test.yml'), tests);
  return runTests(['mutant.test.yml'], folder);
}

test('slo rules: without any one of the rules a test fails', async () => {
  const files = written();
  const text = fs.readFileSync(files.rules, 'utf8');
  const all = rulesOf(text);
  assert.ok(all.length >= 40, `only ${all.length} rules found`);
  // No other rule tells the same, so whatever an alert does not read does not change it.
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  const wrong = [];
  const mutants = all.map((rule) => ({ rule, ...needing(rule, all, text, files) }));
  // Whole, these rules pass these cases: what fails below fails for want of the one rule.
  const whole = new Map(mutants.map(({ tests, rules }) => [tests + rules, { tests, rules }]));
  const queue = [
    ...[...whole.values()].map((one) => async () => {
      const ran = await judged(one, files);
      if (ran.code !== 0) wrong.push(`whole: ${ran.output}`);
    }),
    ...mutants.map(({ rule, tests, rules }) => async () => {
      const ran = await judged({ tests, rules: rulesWith(rules, (one) => one.name !== rule.name) }, files);
      if (!/FAILED/.test(ran.output) || ran.code !== 1) wrong.push(`${rule.name}: ${ran.output}`);
    }),
  ];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
  assert.deepEqual(wrong, []);
});

test('slo rules: the instance that a page names has most of what the alert counts, on its own route', async () => {
  const { folder } = written(['--match', 'job="lane",env!="100%"']);
  const requests = (instance, route, status, rise) => `      - {series: 'oa_stream_http_requests_total{job="lane",instance="${instance}",route="${route}",method="POST",status="${status}"}', values: '0+${rise}x30'}`;
  const build = (instance) => `      - {series: 'oa_stream_build_info{job="lane",instance="${instance}",revision="r-${instance}"}', values: '1x30'}`;
  // a answers 503 far more often, where no turn begins; or on another route, which has an alert of its own.
  const named = async (elsewhere) => {
    const series = [
      requests('a', elsewhere, 503, 40), requests('a', '/v1/responses', 200, 100),
      requests('b', '/v1/responses', 503, 10), requests('b', '/v1/responses', 200, 90), build('a'), build('b'),
    ];
    fs.writeFileSync(path.join(folder, 'worst.test.yml'), `rule_files: [oa-stream.rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n${series.join('\n')}\n    alert_rule_test:\n      - {eval_time: 25m, alertname: OaStream5xxHigh, exp_alerts: []}\n`);
    const { output } = await runTests(['worst.test.yml'], folder); // it says what it got
    return Object.fromEntries([...output.matchAll(/on (\S+) are answered 5xx\. Most of it: (\S+) \(revision (\S+)\)\./g)].map(([, route, instance, revision]) => [route, `${instance} ${revision}`]));
  };
  assert.deepEqual(await named('/api/chats'), { '/v1/responses': 'b r-b' });
  assert.deepEqual(await named('/api/chats/{conversationId}/stream'), { '/v1/responses': 'b r-b', '/api/chats/{conversationId}/stream': 'a r-a' });
});

test('slo rules: a bound is the same in every unit', () => {
  for (const [first, duration] of [['250ms', '1m'], ['0.25s', '60s'], ['0.25', '60']]) {
    const folder = path.join(scratch('slo-units'), 'rules');
    const run = slo(['--out', folder, '--first-content', first, '--duration', duration]);
    assert.equal(run.status, 0, run.stderr);
    const rules = fs.readFileSync(path.join(folder, 'oa-stream.rules.yml'), 'utf8');
    assert.match(rules, /first_content_seconds_bucket.*le=\\?"0\.25\\?"/);
    assert.match(rules, /oa_stream_turn_duration_seconds_bucket.*le=~\\?"60\|60\[\.\]0\\?"/);
  }
});

test('slo rules: what could never fire or be measured is refused before anything is written', () => {
  const folder = path.join(scratch('slo-refused'), 'rules');
  for (const [args, words] of [
    [['--objective', '90%'], /a factor below 10/],
    [['--objective', '100%'], /no budget/],
    [['--first-content', '2s'], /is not a bound of the lane/],
    [['--min-bad', 'many'], /--min-bad/],
    [['--keep-firing', '3h'], /--keep-firing.*at most 2h/],
    [['--match', 'job=lane'], /--match/],
    [['--match', 'job="a" foo="b"'], /--match.*a comma belongs between two matchers/],
    [['--match', 'job="a\\"'], /--match.*closing quote/],
    [['--match', '9a="x"'], /--match.*no digit first/],
    [['--match', 'instance=~"a.*",job="lane"'], /instance=~"a\.\*" no test's series/],
    [['--match', 'route="/api/chat/stream"'], /the rules' own label/],
    [['--match', 'server="1"'], /'server' is the rules' own label/], // of a Codex server
    [['--objective', '99.9999999%'], /burnt by single requests: .* up to 99\.999%/],
  ]) {
    const run = slo(['--out', folder, ...args]);
    assert.equal(run.status, 2, `${args.join(' ')}: ${run.stderr}`);
    assert.match(run.stderr, words);
  }
  assert.equal(slo([]).status, 2);
  assert.ok(!fs.existsSync(folder));
});
