// Which test files run together, which alone, and which a change can touch:
//   suite.mjs changed [REV]   lines "unit NAME", "e2e FILE", "conformance FILE", "browser FILE"
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = path.join(import.meta.dirname, '..');

/** Files that judge how long something takes to the millisecond, or how much of the machine it gets. */
export const ALONE = [
  'tests/browser/approvals.test.mjs', 'tests/browser/connections.test.mjs', 'tests/browser/habits.test.mjs', 'tests/browser/replicas.test.mjs',
  'tests/conformance/liveness.test.mjs', 'tests/conformance/replace.test.mjs', // a page leaves in the middle of a turn
  'tests/conformance/replicas.test.mjs',
  'tests/e2e/chats/photos.test.mjs', // how long a page holds the loop
  'tests/e2e/evidence/shadow.test.mjs', 'tests/e2e/evidence/shadow_codex.test.mjs', // p95 of two lanes
  'tests/e2e/lane/bodies.test.mjs', // how long a body holds the loop
  'tests/e2e/lane/churn.test.mjs',
  'tests/e2e/lane/detection.test.mjs', // stalls are told by their time
  'tests/e2e/lane/edge.test.mjs', // takes what open files and sockets there are
  'tests/e2e/lane/metrics.test.mjs', // histograms against what was measured outside
  'tests/e2e/lane/worker_faults.test.mjs', // a stop must overtake two hundred words
  'tests/e2e/operator/load.test.mjs',
];

/** Files that judge times by whole seconds and wait for most of theirs: two of them at once, and one file beside them that judges none. */
export const PAIRED = [
  'tests/browser/report.test.mjs', // a rehearsal that has to pass, a load that has to keep its rate
  'tests/e2e/chats/find.test.mjs', 'tests/e2e/chats/resend.test.mjs', // answers within seconds, one of them to fifty large bodies
  'tests/e2e/drivers/haproxy_cutover.test.mjs', // streams of users, all of which must end well
  'tests/e2e/evidence/access_log_source.test.mjs', // percentiles of a real lane
  'tests/e2e/evidence/alert_pages.test.mjs', 'tests/e2e/evidence/alert_services.test.mjs', // a scrape that comes late is a page of its own
  'tests/e2e/evidence/balanced_views.test.mjs', // counts of one window by several sources
  'tests/e2e/evidence/incident.test.mjs', // its rehearsal has to decide
  'tests/e2e/evidence/hops.test.mjs', // the seconds after which a hop cuts
  'tests/e2e/evidence/measured_cutover.test.mjs',
  'tests/e2e/gates/*', // gates that judge measured answers
  'tests/e2e/lane/burst.test.mjs', // ten new chats a second, none of which may wait
  'tests/e2e/lane/codex_pool.test.mjs',
  'tests/e2e/lane/serve.test.mjs', // ends of streams within a second
  'tests/e2e/openai/smokes.test.mjs', // looks at the pacing of answers
  'tests/e2e/operator/cron.test.mjs', 'tests/e2e/operator/cutover_apply.test.mjs', 'tests/e2e/operator/drill.test.mjs',
  'tests/e2e/operator/package.test.mjs', // builds
  'tests/e2e/operator/balanced.test.mjs', 'tests/e2e/operator/rehearsal.test.mjs', 'tests/e2e/operator/watch.test.mjs',
  'tests/e2e/replicas/*', 'tests/e2e/store/*', // a lane that is kept waiting for longer than its lease loses its turns
  'tests/e2e/runs/*', // gates that judge measured answers
  'tests/conformance/worker.test.mjs', 'tests/e2e/worker/*', // the runtime judges the pause before each reconnect
];

/** Files that take half a minute or longer, and the longest of their company, the longest first: whoever starts last must not be one of them. */
export const LONG = [
  'tests/e2e/drivers/cloud_run_cutover.test.mjs', 'tests/e2e/operator/continuity.test.mjs', 'tests/e2e/drivers/shipped.test.mjs', 'tests/conformance/opencode.test.mjs',
  'tests/e2e/openai/smokes.test.mjs', 'tests/e2e/operator/examples.test.mjs',
  'tests/e2e/evidence/alert_services.test.mjs', 'tests/e2e/drivers/steered_crash.test.mjs', 'tests/e2e/runs/guides.test.mjs',
  'tests/e2e/operator/smoke_completions.test.mjs', 'tests/e2e/operator/output.test.mjs', 'tests/conformance/worker.test.mjs',
  'tests/e2e/evidence/alert_pages.test.mjs', 'tests/e2e/evidence/measured_cutover.test.mjs', 'tests/e2e/drivers/crash.test.mjs',
  'tests/e2e/gates/detection.test.mjs', 'tests/e2e/gates/each_gate.test.mjs', 'tests/e2e/operator/package.test.mjs', 'tests/e2e/runs/steady.test.mjs',
  'tests/e2e/operator/rollback.test.mjs', 'tests/browser/report.test.mjs', 'tests/e2e/evidence/hops.test.mjs', 'tests/e2e/lane/workspaces.test.mjs',
  'tests/e2e/operator/rehearsal.test.mjs', 'tests/e2e/lane/long_chat.test.mjs', 'tests/e2e/drivers/cutover_routes.test.mjs',
  'tests/conformance/completions.test.mjs', 'tests/e2e/chats/own_threads.test.mjs', 'tests/e2e/replicas/crash_points.test.mjs',
  'tests/e2e/evidence/slo_rules.test.mjs', 'tests/e2e/operator/cutover_apply.test.mjs', 'tests/e2e/runs/access.test.mjs',
  'tests/e2e/evidence/slo_replay.test.mjs', 'tests/e2e/gates/starved.test.mjs', 'tests/e2e/worker/commands.test.mjs',
  'tests/e2e/worker/disconnects.test.mjs', 'tests/e2e/replicas/rehearse.test.mjs', 'tests/e2e/operator/steer.test.mjs',
  'tests/e2e/replicas/takeovers.test.mjs', 'tests/e2e/gates/metrics.test.mjs', 'tests/e2e/operator/faults_smoke.test.mjs',
  'tests/e2e/operator/drill.test.mjs', 'tests/e2e/evidence/balanced_views.test.mjs', 'tests/e2e/operator/terminal.test.mjs',
  'tests/e2e/drivers/haproxy_cutover.test.mjs', 'tests/e2e/worker/odd.test.mjs', 'tests/e2e/evidence/schemas.test.mjs',
  'tests/e2e/store/old_primary.test.mjs', 'tests/e2e/runs/hooks.test.mjs', 'tests/e2e/replicas/healing.test.mjs', 'tests/e2e/replicas/stops.test.mjs',
  'tests/e2e/lane/proxies.test.mjs', 'tests/e2e/replicas/readers.test.mjs', 'tests/e2e/drivers/rollback_any.test.mjs',
  'tests/e2e/evidence/slo_prometheus.test.mjs', 'tests/e2e/lane/codex_sick.test.mjs', 'tests/e2e/operator/backup.test.mjs', 'tests/e2e/chats/kept.test.mjs',
  'tests/conformance/resend.test.mjs', 'tests/e2e/operator/take_back.test.mjs', 'tests/e2e/chats/change.test.mjs', 'tests/e2e/evidence/slo_onset.test.mjs',
  'tests/conformance/threads.test.mjs', 'tests/conformance/habits.test.mjs', 'tests/conformance/client_tools.test.mjs',
  'tests/e2e/evidence/shadow.test.mjs', 'tests/e2e/operator/load.test.mjs', 'tests/e2e/lane/churn.test.mjs', 'tests/e2e/lane/detection.test.mjs', 'tests/browser/connections.test.mjs',
  'tests/e2e/worker/real_codex.test.mjs', 'tests/conformance/replicas.test.mjs',
];

/** Files that use a quarter of a core or little more, and files that wait for most of their time. */
export const WAITING = [
  'tests/e2e/drivers/rollback_any.test.mjs', 'tests/e2e/drivers/route_split.test.mjs', 'tests/e2e/lane/codex_sick.test.mjs', 'tests/e2e/lane/faults_lane.test.mjs',
  'tests/e2e/lane/workspaces.test.mjs', 'tests/e2e/operator/continuity.test.mjs', 'tests/e2e/operator/take_back.test.mjs', 'tests/e2e/worker/odd.test.mjs',
  'tests/e2e/evidence/first_events.test.mjs', 'tests/e2e/evidence/incident.test.mjs', 'tests/e2e/gates/each_gate.test.mjs', 'tests/e2e/lane/serve.test.mjs', 'tests/e2e/operator/balanced.test.mjs', 'tests/e2e/operator/load.test.mjs',
  'tests/e2e/replicas/clock.test.mjs', 'tests/e2e/replicas/crowd.test.mjs', 'tests/e2e/replicas/cut_off.test.mjs', 'tests/e2e/replicas/healing.test.mjs', 'tests/e2e/replicas/orphans.test.mjs',
  'tests/e2e/replicas/owners.test.mjs', 'tests/e2e/replicas/readers.test.mjs', 'tests/e2e/replicas/replicas.test.mjs', 'tests/e2e/replicas/stops.test.mjs', 'tests/e2e/replicas/takeovers.test.mjs',
  'tests/e2e/store/examples.test.mjs', 'tests/e2e/store/old_primary.test.mjs', 'tests/e2e/worker/silence.test.mjs', 'tests/e2e/worker/two_lanes.test.mjs',
  'tests/browser/connections.test.mjs', 'tests/conformance/replicas.test.mjs', 'tests/e2e/evidence/shadow.test.mjs', 'tests/e2e/lane/churn.test.mjs',
  'tests/e2e/lane/detection.test.mjs', 'tests/e2e/lane/metrics.test.mjs', 'tests/e2e/lane/worker_faults.test.mjs',
  'tests/e2e/drivers/cloud_run_cutover.test.mjs',
  'tests/e2e/drivers/cutover_routes.test.mjs', 'tests/e2e/drivers/front_signals.test.mjs', 'tests/e2e/drivers/shipped.test.mjs',
  'tests/e2e/evidence/hops.test.mjs', 'tests/e2e/evidence/reports.test.mjs', 'tests/e2e/evidence/slo_replay.test.mjs',
  'tests/e2e/gates/starved.test.mjs', 'tests/e2e/lane/http2.test.mjs', 'tests/e2e/lane/proxies.test.mjs',
  'tests/e2e/operator/backup.test.mjs', 'tests/e2e/operator/cron.test.mjs', 'tests/e2e/operator/cutover_apply.test.mjs',
  'tests/e2e/operator/drill.test.mjs', 'tests/e2e/operator/examples.test.mjs', 'tests/e2e/operator/faults_smoke.test.mjs',
  'tests/e2e/operator/output.test.mjs', 'tests/e2e/operator/rehearsal.test.mjs', 'tests/e2e/operator/rollback.test.mjs',
  'tests/e2e/operator/smoke_completions.test.mjs', 'tests/e2e/operator/steer.test.mjs', 'tests/e2e/store/setups.test.mjs',
  'tests/e2e/runs/*', 'tests/e2e/worker/away.test.mjs', 'tests/e2e/worker/commands.test.mjs', 'tests/e2e/worker/disconnects.test.mjs',
];

/** Tests that run every command. */
const EVERY_COMMAND = [
  'tests/e2e/evidence/died.test.mjs', 'tests/e2e/evidence/planted.test.mjs', 'tests/e2e/evidence/schemas.test.mjs',
  'tests/e2e/operator/completions.test.mjs', 'tests/e2e/operator/errors.test.mjs', 'tests/e2e/operator/errors_page.test.mjs',
  'tests/e2e/operator/examples.test.mjs', 'tests/e2e/operator/next.test.mjs', 'tests/e2e/operator/output.test.mjs',
  'tests/e2e/operator/terminal.test.mjs', 'tests/e2e/operator/package.test.mjs', 'tests/e2e/runs/guides.test.mjs',
];

/**
 * What a change below a folder can touch; the longest prefix counts. A source that is not listed here
 * touches everything. `unit`: null takes the room and the rooms above it.
 */
const TOUCHES = {
  'src/cli/watch/': [...EVERY_COMMAND, 'tests/e2e/operator/watch.test.mjs', 'tests/e2e/evidence/watch_access.test.mjs', 'tests/e2e/operator/cron.test.mjs'],
  'src/cli/slo/': [...EVERY_COMMAND, 'tests/e2e/evidence/slo_*', 'tests/e2e/evidence/reports.test.mjs', 'tests/e2e/operator/compat.test.mjs'],
  'src/cli/load/': [...EVERY_COMMAND, 'tests/e2e/operator/load.test.mjs', 'tests/e2e/evidence/reports.test.mjs'],
  'src/cli/shadow/': [...EVERY_COMMAND, 'tests/e2e/evidence/shadow*', 'tests/e2e/evidence/reports.test.mjs'],
  'src/cli/incident/': [...EVERY_COMMAND, 'tests/e2e/evidence/incident*', 'tests/e2e/evidence/reports.test.mjs'],
  'src/cli/route/': [...EVERY_COMMAND, 'tests/e2e/drivers/*route*', 'tests/e2e/drivers/crash.test.mjs', 'tests/e2e/operator/compat.test.mjs', 'tests/e2e/evidence/incident.test.mjs'],
  'src/cli/compat/': [...EVERY_COMMAND, 'tests/e2e/operator/compat.test.mjs'],
  'src/traffic/haproxy/': [...EVERY_COMMAND, 'tests/e2e/drivers/*', 'tests/e2e/operator/rehearse_live.test.mjs'],
  'src/traffic/cloud_run/': [...EVERY_COMMAND, 'tests/e2e/drivers/*', 'tests/e2e/operator/rehearse_live.test.mjs'],
  'src/traffic/command/': [...EVERY_COMMAND, 'tests/e2e/drivers/*'],
  'docs/': ['tests/e2e/operator/errors_page.test.mjs', 'tests/e2e/operator/examples.test.mjs', 'tests/e2e/operator/package.test.mjs', 'tests/e2e/operator/backup.test.mjs', 'tests/e2e/runs/guides.test.mjs'],
  'docs/schemas/': ['tests/e2e/*'],
  'packaging/deb/': ['tests/e2e/operator/package.test.mjs'],
  'packaging/default/': ['tests/e2e/operator/package.test.mjs'],
  'packaging/mail/': ['tests/e2e/operator/package.test.mjs'],
  'packaging/systemd/': ['tests/e2e/operator/package.test.mjs'],
  'man/': ['tests/e2e/operator/package.test.mjs'],
  'completions/': ['tests/e2e/operator/package.test.mjs'],
  'README.md': ['tests/e2e/operator/package.test.mjs'],
  'CHANGELOG.md': ['tests/e2e/operator/package.test.mjs'],
  'CONTRIBUTING.md': [],
  LICENSE: [],
  '.clang-format': [],
  '.clang-tidy': [],
  '.gitignore': [],
  '.ci/lint.mjs': [],
  '.ci/mutate.mjs': [],
  '.ci/sbom.mjs': ['tests/e2e/operator/package.test.mjs'],
  'tests/mutants.md': [],
  'bench/': [],
  'tests/fuzz/': [],
};
/** Unit tests that read what is not a source. */
const READ_BY = { 'docs/': ['cli', 'contract', 'encode', 'lane', 'measure', 'playbook', 'probe'], 'man/': ['cli'], 'completions/': ['cli'] };

/** Below a folder, without what npm put there. */
const walk = (folder) => fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).filter(({ name }) => name !== 'node_modules')
  .flatMap((entry) => (entry.isDirectory() ? walk(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]));
const files = (folder, keep) => walk(folder).filter(keep).sort();
const isTest = (name) => name.endsWith('.test.mjs');
export const TESTS = [...files('tests/e2e', isTest), ...files('tests/conformance', isTest), ...files('tests/browser', isTest)];

/** `*` stands for any text, `/` included. */
export const matches = (pattern, file) => new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`).test(file);
const matching = (patterns) => TESTS.filter((file) => patterns.some((pattern) => matches(pattern, file)));
const inTree = (file) => path.relative(ROOT, path.resolve(ROOT, file));
const listed = (list, file) => list.some((pattern) => matches(pattern, inTree(file)));
/** How many parts one file takes of a machine that has room for `files` files at once, each of two parts. */
export function parts(file, files) {
  const whole = { alone: 2 * files, paired: Math.max(2, 0.75 * files), together: 2 }[company(file)];
  if (!listed(WAITING, file)) return whole;
  return company(file) === 'alone' ? 1 : whole / 2;
}
/** 'e2e', 'conformance' or 'browser'. */
export const stageOf = (file) => inTree(file).split('/')[1];
/** 'alone', 'paired' or 'together'. */
export const company = (file) => (listed(ALONE, file) ? 'alone' : listed(PAIRED, file) ? 'paired' : 'together');

/** What needs most of the machine first (alone, paired, together), and of each the longest first. */
export function longestFirst(all) {
  const size = (file) => ['alone', 'paired', 'together'].indexOf(company(file));
  const rank = (file) => LONG.indexOf(inTree(file)) + 1 || LONG.length + 1;
  return [...all].sort((a, b) => size(a) - size(b) || rank(a) - rank(b));
}
/** In that order, in two rounds: what is alone is over before others start, for two that wait may share the machine. */
export const rounds = (all) => [true, false].map((alone) => longestFirst(all).filter((file) => (company(file) === 'alone') === alone));

/** room → the rooms that it or its unit test uses, from the CMake lists. */
function rooms() {
  const out = new Map();
  for (const folder of ['src', 'tests']) {
    for (const list of files(folder, (name) => /^[a-z]+\/[a-z_]+\/CMakeLists\.txt$/.test(name))) {
      const room = list.split('/')[1];
      if (folder === 'tests' && !out.has(room)) continue;
      const used = /USES ([a-z_ \n]+)/.exec(fs.readFileSync(path.join(ROOT, list), 'utf8'))?.[1].trim().split(/\s+/) ?? [];
      out.set(room, [...out.get(room) ?? [], ...used]);
    }
  }
  return out;
}
function above(room, uses = rooms()) {
  const out = new Set([room]);
  for (let size = 0; size !== out.size;) {
    size = out.size;
    for (const [user, used] of uses) if (used.some((one) => out.has(one))) out.add(user);
  }
  return [...out];
}

/** Test files that import a file of tests, directly or not. */
function importers(changed) {
  const sources = files('tests', (name) => name.endsWith('.mjs'));
  const imports = new Map(sources.map((name) => [name, [...fs.readFileSync(path.join(ROOT, name), 'utf8')
    .matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, to]) => path.join(path.dirname(name), to))]));
  const out = new Set([changed]);
  for (let size = 0; size !== out.size;) {
    size = out.size;
    for (const [name, to] of imports) if (to.some((one) => out.has(one))) out.add(name);
  }
  return [...out].filter((name) => TESTS.includes(name));
}

const EVERYTHING = Symbol('everything');

/** What one changed file touches: {unit: rooms, tests: files}, or EVERYTHING where that is not known. */
function touched(file) {
  if (isTest(file)) return { unit: [], tests: TESTS.includes(file) ? [file] : [] };
  // The fake model is a child of unit tests and of lanes, so nobody imports it.
  if (/^tests\/(e2e|browser|conformance)\/.*\.mjs$/.test(file) && !file.includes('/codex/')) {
    const found = importers(file);
    return found.length > 0 ? { unit: [], tests: found } : EVERYTHING;
  }
  const unit = /^tests\/([a-z_]+)\/.*(_test|_rig|rig|world)\.[ch]pp$/.exec(file)?.[1];
  if (unit && rooms().has(unit)) return { unit: [unit], tests: [] };
  const prefix = Object.keys(TOUCHES).filter((one) => file.startsWith(one)).sort((a, b) => b.length - a.length)[0];
  if (prefix === undefined) return EVERYTHING;
  const room = /^src\/([a-z_]+)\//.exec(file)?.[1];
  const readers = Object.entries(READ_BY).filter(([one]) => file.startsWith(one)).flatMap(([, names]) => names);
  return { unit: room ? above(room) : readers, tests: matching(TOUCHES[prefix]) };
}

/** Lines for ./dev; null: everything. */
export function selection(changed) {
  const unit = new Set(['shape']);
  const tests = new Set();
  for (const file of changed) {
    const one = touched(file);
    if (one === EVERYTHING) return null;
    one.unit.forEach((room) => unit.add(room));
    one.tests.forEach((name) => tests.add(name));
  }
  const known = new Set([...rooms().keys(), 'shape']);
  return [...[...unit].filter((room) => known.has(room) && fs.existsSync(path.join(ROOT, 'tests', room))).map((room) => `unit unit_${room}`),
    ...TESTS.filter((name) => tests.has(name)).map((name) => `${name.split('/')[1]} ${name}`)];
}

function changedSince(rev) {
  const git = (...args) => execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).split('\n').filter(Boolean);
  return [...new Set([...git('diff', '--name-only', '--no-renames', rev), ...git('ls-files', '--others', '--exclude-standard')])];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [task, rev = 'HEAD'] = process.argv.slice(2);
  if (task !== 'changed') throw new Error('suite.mjs changed [REV]');
  const lines = selection(changedSince(rev));
  process.stdout.write(lines === null ? 'everything\n' : `${lines.join('\n')}\n`);
}
