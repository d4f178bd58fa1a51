// slo rules with the real promtool: the first page of a fault is the page of its cause. Alertmanager silences only what
// comes after: a consequence that pages first and its cause some minutes later are two pages for one fault.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promtool } from '../lib/prometheus.mjs';
import { OA_BIN, cleanEnv, scratch } from '../lib/process.mjs';
import { readBy, rulesOf, rulesWith } from './rule_file.mjs';

/** Seconds between two scrapes, and between two evaluations. */
const STEP = 30;
const perMinute = 60 / STEP;
/** Minutes for which a fault goes on. */
const FAULT = 12;

/** A counter that rises by `before` a minute for so many minutes, then by `after`. */
function counter(name, labels, minutes, before, after) {
  const head = minutes > 0 ? `0+${before / perMinute}x${minutes * perMinute} ${before * minutes + after / perMinute}+${after / perMinute}x${FAULT * perMinute - 1}` : `0+${after / perMinute}x${FAULT * perMinute}`;
  return `{series: 'oa_stream_${name}${labels}', values: '${head}'}`;
}
function gauge(name, labels, minutes, before, after) {
  return `{series: 'oa_stream_${name}${labels}', values: '${minutes > 0 ? `${before}+0x${minutes * perMinute} ` : ''}${after}+0x${FAULT * perMinute}'}`;
}
const route = (more) => `{${more},instance="a:1",job="lane",route="/api/chat/stream"}`;
const lane = '{instance="a:1",job="lane"}';

/** 60 requests a minute, of which `refused` are answered 503 and `lost` end as `kind` once the fault begins. */
const traffic = (minutes, { refused = 0, lost = 0, kind = 'turn_failed' }) => [
  counter('http_requests_total', route('method="POST",status="200"'), minutes, 60, 60 - refused),
  counter('http_requests_total', route('method="POST",status="503"'), minutes, 0, refused),
  counter('bridge_accepted_total', route('mode="stream"'), minutes, 60, 60 - refused),
  counter('terminal_total', route('class="completed"'), minutes, 60, 60 - refused - lost),
  counter('terminal_total', route(`class="${kind}"`), minutes, 0, lost),
  counter('first_content_seconds_count', route('status="200"'), minutes, 60, 60 - refused),
  counter('first_content_seconds_bucket', route('le="2.5",status="200"'), minutes, 60, 60 - refused),
  gauge('process_start_time_seconds', lane, minutes, 0, 0),
];

const ended = (kind, lost) => ({ cause: `OaStream${kind.replace(/(^|_)(.)/g, (all, sign, letter) => letter.toUpperCase())}`, series: (minutes) => traffic(minutes, { lost, kind }) });
const away = (cause, gauges) => ({ cause, series: (minutes) => [...traffic(minutes, { refused: 60 }), ...gauges.map((name) => gauge(name, lane, minutes, 1, 0))] });
const FAULTS = [
  ...['turn_failed', 'turn_aborted', 'codex_error', 'adapter_preview_unavailable'].map((kind) => ended(kind, 6)), ended('turn_failed', 60),
  { cause: 'OaStream5xxHigh', series: (minutes) => traffic(minutes, { refused: 30 }) },
  away('OaStreamCodexDown', ['codex_up']),
  away('OaStreamCodexServerDown', ['codex_server_up']),
  away('OaStreamStoreDown', ['store_up']),
  away('OaStreamKhalaDown', ['worker_link_up']),
];
/** Without a fault before it: a lane with a history sees a fault grow, a new one sees it whole. */
const MINUTES = [0, 20];

/** What must hold, so that promtool says what does not: `exp_samples` of nothing, or of one. */
function checks(cause, minutes) {
  const pages = 'ALERTS{alertstate="firing",severity="page"';
  const said = (expr, time, value) => `      - {expr: '${expr}', eval_time: ${time}, exp_samples: [${value === undefined ? '' : `{labels: '{}', value: ${value}}`}]}`;
  return [
    ...Array.from({ length: FAULT * perMinute }, (_, step) => said(`count(${pages},alertname!="${cause}"}) unless on () count(${pages},alertname="${cause}"})`, `${minutes * 60 + step * STEP}s`)),
    said(`count(${pages},alertname="${cause}"})`, `${minutes + FAULT - 1}m`, 1),
    // What it silences pages, too, or nothing was proven.
    ...(cause === 'OaStream5xxHigh' || minutes === 0 ? [] : [said(`count(count(${pages},alertname!="${cause}"})) or vector(0)`, `${minutes + FAULT - 1}m`, 1)]),
  ].join('\n');
}

test('slo rules: whatever breaks, nothing pages before its cause does', async () => {
  const folder = scratch('slo-onset');
  const made = spawnSync(OA_BIN, ['slo', 'rules', '--out', folder], { encoding: 'utf8', env: cleanEnv() });
  assert.equal(made.status, 0, made.stderr);
  const rules = path.join(folder, 'oa-stream.rules.yml');
  const all = rulesOf(fs.readFileSync(rules, 'utf8'));
  // Of the burn the fastest, as every other one looks at longer windows.
  const pages = all.filter(({ kind, name, text }) => kind === 'alert' && text.includes('severity: "page"') && !/Burn6h/.test(name));
  assert.ok(pages.length >= 15, `only ${pages.length} pages`);
  const needed = readBy(pages.map(({ name }) => name), all);
  fs.writeFileSync(rules, rulesWith(fs.readFileSync(rules, 'utf8'), ({ name }) => needed.has(name)));
  const file = path.join(folder, 'onset.test.yml');
  const cases = FAULTS.flatMap(({ cause, series }) => MINUTES.map((minutes) => `  - interval: ${STEP}s  # ${cause} after ${minutes} m
    input_series:
${series(minutes).map((line) => `      - ${line}`).join('\n')}
    promql_expr_test:
${checks(cause, minutes)}`));
  fs.writeFileSync(file, `rule_files: [oa-stream.rules.yml]\nevaluation_interval: ${STEP}s\ntests:\n${cases.join('\n')}\n`);
  const told = promtool(['test', 'rules', file]);
  assert.equal(told.code, 0, told.output);
});
