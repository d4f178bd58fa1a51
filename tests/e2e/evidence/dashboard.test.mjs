// slo dashboard as Grafana takes it: strictly the kinds that Grafana publishes (@grafana/schema; 10.4 is the last that
// has the Prometheus query among them), and every query of it answered by a real Prometheus on live lanes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { ROOT, oa, scratch } from '../lib/process.mjs';
import { promtool, startPrometheus } from '../lib/prometheus.mjs';
import { startHistory } from '../gates/history.mjs';

const ts = createRequire(path.join(ROOT, 'tests/package.json'))('typescript');
const TYPES = path.join(ROOT, 'tests/node_modules/@grafana/schema/dist/esm');

/** What a dashboard with our panels is, put together from Grafana's own types. */
const OURS = `
import type { Dashboard, AnnotationQuery } from '@grafana/schema/veneer/dashboard.types';
import type { Panel, VariableModel } from '@grafana/schema/raw/dashboard/x/dashboard_types.gen';
import type { FieldConfig } from '@grafana/schema/raw/dashboard/x/dashboard_types.gen';
import type { PrometheusDataQuery } from '@grafana/schema/raw/composable/prometheus/dataquery/x/PrometheusDataQuery_types.gen';
import type { GraphFieldConfig } from '@grafana/schema/common/common.gen';
import type { Options as StatOptions } from '@grafana/schema/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as LineOptions } from '@grafana/schema/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
type Of<Kind extends string, Options, Custom> = Omit<Panel, 'type' | 'options' | 'targets' | 'fieldConfig'> & {
  type: Kind;
  options?: Partial<Options>;
  targets: PrometheusDataQuery[];
  fieldConfig: { defaults: Omit<FieldConfig, 'custom'> & { custom?: Partial<Custom> }; overrides: [] };
};
// Beside the query itself Grafana's Prometheus source reads these of an annotation.
type Annotation = Omit<AnnotationQuery, 'target'> & { target: PrometheusDataQuery & { interval?: string }; titleFormat?: string; textFormat?: string; tagKeys?: string };
export type Ours = Omit<Dashboard, 'panels' | 'annotations' | 'templating'> & {
  panels: Array<Of<'stat', StatOptions, {}> | Of<'timeseries', LineOptions, GraphFieldConfig>>;
  annotations: { list: Annotation[] };
  templating: { list: VariableModel[] };
};
`;

/** The types of OURS as a judge: what is wrong with a value, by its place. Members that no type has are wrong, too. */
function judge() {
  const file = path.join(scratch('grafana'), 'ours.ts');
  fs.writeFileSync(file, OURS);
  const program = ts.createProgram([file], {
    strict: true, noEmit: true, skipLibCheck: true, moduleResolution: ts.ModuleResolutionKind.Node10, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, types: [],
    baseUrl: ROOT, paths: { '@grafana/schema': [path.join(TYPES, 'index.d.ts')], '@grafana/schema/*': [path.join(TYPES, '*')] },
  });
  const source = program.getSourceFile(file);
  assert.deepEqual(ts.getPreEmitDiagnostics(program, source).map((one) => ts.flattenDiagnosticMessageText(one.messageText, '\n')), []);
  const checker = program.getTypeChecker();
  const has = (type, flag) => (type.flags & flag) !== 0;
  const { TypeFlags } = ts;
  function problems(value, type, at) {
    if (has(type, TypeFlags.Any | TypeFlags.Unknown)) return [];
    if (type.isUnion()) {
      const all = type.types.filter((one) => !has(one, TypeFlags.Undefined)).map((one) => problems(value, one, at));
      return all.find((list) => list.length === 0) ?? all.reduce((a, b) => (b.length < a.length ? b : a));
    }
    const wrong = (what) => [`${at}: ${what}, not ${checker.typeToString(type)}`];
    if (has(type, TypeFlags.EnumLiteral) || type.isLiteral()) return value === type.value ? [] : wrong(JSON.stringify(value));
    if (has(type, TypeFlags.BooleanLiteral)) return String(value) === type.intrinsicName ? [] : wrong(JSON.stringify(value));
    if (has(type, TypeFlags.String)) return typeof value === 'string' ? [] : wrong(typeof value);
    if (has(type, TypeFlags.Number)) return typeof value === 'number' ? [] : wrong(typeof value);
    if (has(type, TypeFlags.Boolean)) return typeof value === 'boolean' ? [] : wrong(typeof value);
    if (has(type, TypeFlags.Null)) return value === null ? [] : wrong(typeof value);
    if (has(type, TypeFlags.Undefined)) return value === undefined ? [] : wrong(typeof value);
    if (checker.isTupleType(type)) return Array.isArray(value) && value.length === 0 ? [] : wrong(JSON.stringify(value));
    if (checker.isArrayType(type)) {
      const [of] = checker.getTypeArguments(type);
      return Array.isArray(value) ? value.flatMap((one, n) => problems(one, of, `${at}[${n}]`)) : wrong(typeof value);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(JSON.stringify(value));
    const open = checker.getIndexInfosOfType(type)[0];
    const known = new Map(checker.getPropertiesOfType(type).map((one) => [one.name, one]));
    const out = [];
    for (const [name, property] of known) {
      if (!(name in value) && !(property.flags & ts.SymbolFlags.Optional)) out.push(`${at}.${name}: missing`);
    }
    for (const [name, member] of Object.entries(value)) {
      const property = known.get(name);
      if (property) out.push(...problems(member, checker.getTypeOfSymbolAtLocation(property, source), `${at}.${name}`));
      else if (open) out.push(...problems(member, open.type, `${at}.${name}`));
      else out.push(`${at}.${name}: no such member of ${checker.typeToString(type).slice(0, 80)}`);
    }
    return out;
  }
  const [ours] = checker.getExportsOfModule(checker.getSymbolAtLocation(source)).filter((one) => one.name === 'Ours');
  const type = checker.getDeclaredTypeOfSymbol(ours);
  return (value) => problems(value, type, '$');
}

const made = async (...args) => JSON.parse((await oa(['slo', 'dashboard', ...args])).stdout);

const rig = {};
before(async () => {
  rig.lanes = await Promise.all([
    startLane({ name: 'v1', args: ['--revision', 'v1'] }),
    startLane({ name: 'v2', pace: 'recorded', args: ['--revision', 'v2'] }),
  ]);
  rig.prometheus = await startPrometheus(rig.lanes.map((lane) => lane.base.replace('http://', '')), { interval: '500ms' });
  await rig.prometheus.eventually('count(up == 1)', (rows) => rows[0]?.value === 2);
  for (const lane of rig.lanes) {
    for (const where of ['/api/chat', '/api/chat/stream']) {
      for (const name of ['01-echo', '03-empty', '01-echo']) assert.equal((await chat(lane.base, `replay:${name}`, { path: where }).done).status, 200);
    }
  }
  await rig.prometheus.eventually('sum(oa_stream_terminal_total)', (rows) => rows[0]?.value === 12);
});
after(async () => {
  await rig.prometheus?.kill();
  for (const lane of rig.lanes ?? []) await lane.stop();
});

const shown = (expr) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$revision', '.+');
const linesOf = (document, title) => document.panels.find((panel) => panel.title === title).targets;

// First: the queries look at the last minute or two.
test('every query gives a series on live lanes, of each revision', async () => {
  const document = await made();
  for (const { title, targets } of document.panels) {
    for (const { expr, legendFormat } of targets) {
      const rows = await rig.prometheus.query(shown(expr));
      const all = /\ball$/.test(legendFormat);
      assert.deepEqual([...new Set(rows.map((row) => row.metric.revision))].sort(), all ? [undefined] : ['v1', 'v2'], `${title}: ${expr}`);
      assert.ok(rows.some((row) => Number.isFinite(row.value)), `${title}: ${expr} has no number`);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) assert.ok(rows.every((row) => label in row.metric), `${title}: no ${label} for ${legendFormat}`);
    }
  }
  for (const [title, words] of [['Time of whole turns', ['p50', 'p95', 'p99']], ['Longest silence within an answer', ['p50', 'p95', 'p99']], ['Time to the first content', ['p50', 'p95', 'p99']]]) {
    assert.deepEqual(linesOf(document, title).map((line) => line.legendFormat), words.map((word) => `${word} {{route}} {{revision}}`));
  }
  for (const row of await rig.prometheus.query(shown(linesOf(document, 'Answered 5xx')[0].expr))) {
    if (Number.isFinite(row.value)) assert.equal(row.value, 0, JSON.stringify(row));
  }
  // One lane plays its turns as they were recorded, with silence in them; the other at once.
  const gaps = await rig.prometheus.query(shown(linesOf(document, 'Longest silence within an answer')[0].expr)); // of most turns: a busy machine may hold up one
  const of = (revision) => gaps.find((row) => row.metric.revision === revision && row.metric.route === '/api/chat').value;
  assert.ok(of('v1') <= 0.01 && of('v2') > of('v1'), JSON.stringify(gaps));
  const [came] = document.annotations.list;
  const rows = await rig.prometheus.query(came.target.expr);
  assert.deepEqual(rows.map((row) => row.metric.revision).sort(), ['v1', 'v2'], 'both came within the last two minutes');
  const listed = document.templating.list.find((one) => one.name === 'revision').query;
  const [, selector] = /^label_values\((.*), revision\)$/.exec(listed) ?? assert.fail(listed);
  assert.equal((await rig.prometheus.query(selector)).length, 2);
});

test('every member is one that Grafana publishes, of its kind', async () => {
  const problems = judge();
  for (const args of [[], ['--revision-label', 'rev', '--match', 'job="lane"', '--window', '7d'], ['--include-probes', '--title', 'Mine']]) {
    assert.deepEqual(problems(await made(...args)), [], args.join(' '));
  }
  // The judge sees what it should: each of these is how a dashboard gets wrong in practice.
  const plant = async (change) => { const document = await made(); change(document); return problems(document); };
  for (const [change, where] of [
    [(d) => { d.panels[0].fieldConfig.defaults.thresholds.mode = 'relative'; }, /thresholds\.mode/],
    [(d) => { d.panels[2].targets[0].expression = d.panels[2].targets[0].expr; }, /targets\[0\]\.expression: no such member/],
    [(d) => { delete d.panels[2].targets[0].expr; }, /expr: missing/],
    [(d) => { d.panels[2].gridPos.width = 3; }, /gridPos\.width: no such member/],
    [(d) => { d.templating.list[0].type = 'datasources'; }, /list\[0\]\.type/],
    [(d) => { d.annotations.list[0].iconColor = 7; }, /iconColor/],
    [(d) => { d.panels[1].type = 'graph'; }, /panels\[1\]/],
    [(d) => { d.schemaVersion = '38'; }, /schemaVersion/],
  ]) assert.match((await plant(change)).join('\n'), where);
});

test('a line is named by the label that carries the revision', async () => {
  for (const [label, ...args] of [['revision'], ['rev', '--revision-label', 'rev']]) {
    const legends = (await made(...args)).panels.flatMap((panel) => panel.targets ?? []).map((target) => target.legendFormat);
    assert.ok(legends.length > 10);
    const elsewise = legends.filter((legend) => !/\ball$/.test(legend)).filter((legend) => !legend.includes(`{{${label}}}`) || (label !== 'revision' && legend.includes('{{revision}}')));
    assert.deepEqual(elsewise, [], label);
  }
});

test('what a replaced revision failed stays in the budget, and none of it is its successor\'s', async () => {
  const now = Math.floor(Date.now() / 1000);
  const swap = now - 1800;
  const lanes = ['pods', 'same'].flatMap((job) => [
    { target: { job, instance: 'a:1' }, from: now - 5 * 3600, to: swap - 30, began: now - 5 * 3600 - 15, id: `1${job}`, revision: 'r1', requests: (at) => at - now + 5 * 3600, failed: (at) => Math.floor((at - now + 5 * 3600) / 2) },
    { target: { job, instance: job === 'same' ? 'a:1' : 'b:1' }, from: swap, to: now + 200, began: swap - 10, id: `2${job}`, revision: 'r2', requests: (at) => at - swap + 10, failed: () => 0 },
  ]);
  const server = await startHistory(lanes);
  try {
    for (const [job, revisions] of [['pods', ['r1', 'r2']], ['same', []]]) {
      const how = ['--window', '6h', '--match', `job="${job}"`];
      const document = await made(...how);
      const [all, each] = linesOf(document, 'Budget consumed in 6h');
      const status = (await oa(['slo', 'status', ...how, '--prometheus', server.base, '--json'])).json();
      const { consumed } = status.checks[0].data;
      const [{ value, metric }] = await server.query(shown(all.expr));
      assert.deepEqual(metric, {});
      assert.ok(consumed > 400 && Math.abs(value / consumed - 1) < 0.02, `${job}: ${value}, slo status ${consumed}`);
      const rows = await server.query(shown(each.expr));
      assert.deepEqual(rows.map((row) => row.metric.revision).sort(), revisions, job);
      for (const row of rows) assert.ok(row.metric.revision === 'r1' ? Math.abs(row.value - 500) < 10 : row.value === 0, JSON.stringify(rows));
      for (const { expr } of linesOf(document, 'Burn rate')) assert.ok(Array.isArray(await server.query(shown(expr))), expr);
    }
  } finally {
    server.kill();
  }
});

test('panels stand beside each other, with ids of their own', async () => {
  const { panels } = await made();
  assert.equal(new Set(panels.map((panel) => panel.id)).size, panels.length);
  const taken = new Set();
  for (const { title, gridPos: { x, y, w, h } } of panels) {
    assert.ok(x >= 0 && x + w <= 24, title);
    for (let n = x; n < x + w; ++n) for (let m = y; m < y + h; ++m) assert.ok(taken.size < taken.add(`${n},${m}`).size, `${title} covers another panel`);
  }
});

test('a cutover is a line where the new revision came and one where the old one left', async () => {
  const { annotations: { list } } = await made();
  const folder = scratch('cutover');
  const build = (revision, values) => ({ series: `oa_stream_build_info{job="lane",instance="${revision}",revision="${revision}",version="1"}`, values });
  const at = (minute, line, revisions) => ({
    eval_time: `${minute}m`, expr: line.target.expr, exp_samples: revisions.map((one) => ({ labels: `{revision="${one}"}`, value: 1 })),
  });
  const file = path.join(folder, 'cutover.yml');
  fs.writeFileSync(file, JSON.stringify({
    evaluation_interval: '1m',
    tests: [{
      interval: '1m',
      input_series: [build('v1', '1x20 stale'), build('v2', '_x10 1x20')],
      promql_expr_test: [at(5, list[0], []), at(11, list[0], ['v2']), at(15, list[0], []), at(15, list[1], []), at(22, list[1], ['v1']), at(25, list[1], [])],
    }],
  }));
  const told = promtool(['test', 'rules', file]);
  assert.equal(told.code, 0, told.output);
});
