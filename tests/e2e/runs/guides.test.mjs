// The guides for who is on call, for the weekly verification and for release managers, typed as they are
// written: each command in them is carried out here on a real set-up, but for the names of hosts, files and
// runs that stand for the reader's own. A command that is not in the table below fails the test.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startCloudRun } from '../lib/cutover/cloud_run.mjs';
import { ADMIN, USER, startControlService } from '../lib/control_service.mjs';
import { LocalTarget, lane } from '../lib/local_target.mjs';
import { OA_BIN, ROOT, Running, cleanEnv, scratch } from '../lib/process.mjs';
import { startPrometheus } from '../lib/prometheus.mjs';
import { startHaproxy } from '../lib/proxies.mjs';
import { BIN, startRedis } from '../lib/replicas/redis.mjs';

const commands = [...execFileSync(OA_BIN, ['man', '--markdown'], { encoding: 'utf8' }).matchAll(/^## oa-stream (.*)$/gm)].map(([, name]) => name);
const TOOLS = /^(oa-stream|curl|redis-cli|systemctl|journalctl|install|cp|\d+ \d+ \* \* \d) /;
const isCommand = (words) => TOOLS.test(words) || commands.some((one) => words.startsWith(`${one} `));

/** What a page has in blocks and in its text, in order and each once. */
function typed(page) {
  const out = new Set();
  const text = fs.readFileSync(path.join(ROOT, 'docs', `${page}.md`), 'utf8').replaceAll(/^```(\w*)\n([^]*?)^```$/gm, (_, kind, block) => {
    if (['', 'sh'].includes(kind)) for (const line of block.trimEnd().split('\n')) out.add(line.replace(/\s+# .*$/, ''));
    return '';
  });
  for (const [, words] of text.replaceAll(/(?<!\n)\n(?!\n)/g, ' ').matchAll(/`([^`\n]+)`/g)) if (isCommand(words)) out.add(words);
  return [...out];
}

/** Two at a time, the longest first: they wait for nearly all of their time. */
const PAGES = ['on-call', 'release-manager', 'cron'];

/** The commands of a page, in the order in which they are typed, in a set-up of their own. */
function guide(page) {
  let target, arms, control, product, prometheus, redis, cloud, folder, env;
  before(async () => {
    target = await LocalTarget.start();
    control = await startControlService({ others: { layout: 'khala' } });
    product = await startHaproxy(target.base, [
      ['default_backend oa_stream', 'use_backend lane if { path_beg /api/chat }\n    default_backend control'],
      ['\nbackend oa_stream\n', `\nbackend control\n    server service1 ${new URL(control.base).host}\n\nbackend lane\n`],
    ]);
    prometheus = await startPrometheus([target.stable.base.slice(7), target.canary.base.slice(7)]);
    redis = await startRedis();
    arms = await Promise.all(['stable', 'canary'].map((name) => lane(name)));
    cloud = await startCloudRun({ stable: arms[0].base, canary: arms[1].base });
    folder = scratch('guides');
    fs.mkdirSync(path.join(folder, 'bin'));
    fs.symlinkSync(OA_BIN, path.join(folder, 'bin/oa-stream'));
    env = cleanEnv({ HOME: folder, ...cloud.env, OA_STREAM_STATE_DIR: path.join(folder, 'state'), AUTH_TOKEN: USER, TOKEN: ADMIN });
    env.PATH = `${folder}/bin:${BIN}:${env.PATH}`;
    fs.cpSync(path.join(ROOT, 'packaging/systemd'), path.join(folder, 'root/etc/systemd/system'), { recursive: true });
    const drill = fs.readFileSync(target.playbook, 'utf8').replace(/kind: cutover\ncontinuity.*\ncontinuity_reason.*/, 'kind: rollback-drill');
    fs.writeFileSync(path.join(folder, 'my-drill.yaml'), `${drill}drill: { fail_at: 50%, recover_within: 20s }\n`);
    fs.copyFileSync(target.playbook, path.join(folder, 'cutover.yaml'));
  });
  after(async () => {
    await Promise.all([target.stop(), ...[product, prometheus, redis, ...(arms ?? [])].map((one) => one?.kill())]);
    await Promise.all([control?.stop(), cloud?.stop()]);
  });

  const runs = (kind) => fs.readdirSync(path.join(folder, 'state/runs')).filter((run) => run.includes(kind)).sort();
  const settings = () => target.settings().join(' ');
  const place = () => ['base_url', 'stable', 'canary', 'project', 'region', 'service', 'endpoint'].map((name) => `--set ${name}=${{ base_url: cloud.base, stable: 'stable', canary: 'canary', endpoint: cloud.endpoint, ...cloud.place }[name]}`).join(' ');
  const toLane = (line) => line.replace('URL', target.base).replace('ORIGIN', target.stable.base);
  const toProduct = (line) => line.replace(/URL|https:\/\/chat\.example\.org/, product.base);
  const toControl = (line) => line.replace('CONTROL', control.base);
  const toPrometheus = (line) => line.replace('URL', prometheus.base);
  const given = (line) => line.replace('--set …', settings());
  const inRoot = (line) => line.replaceAll(/(?<= )\/(etc|var)\//g, `${folder}/root/$1/`).replace('/usr/share/doc/oa-stream/', `${ROOT}/packaging/default/`);
  /** What somebody edits between two lines of a guide. */
  const edited = () => fs.copyFileSync(target.playbook, path.join(folder, 'my.yaml'));

  /** An apply that somebody killed in the middle: a run that is not over. */
  async function died() {
    await target.setWeights({ v1: 100, v2: 0 });
    const plan = path.join(folder, 'dies.json');
    const made = await shell(`oa-stream cutover plan cutover.yaml ${settings()} --set bake=20s --out ${plan}`);
    assert.equal(made.code, 10, made.stderr);
    const run = new Running(OA_BIN, ['cutover', 'apply', plan], { name: 'dies', folder: scratch('dies'), cwd: folder, env });
    await run.until(({ stderr }) => stderr.includes('stage 50%'), 'the stage', 60000);
    await run.kill();
  }
  async function shell(line, ms = 90000) {
    const run = new Running('bash', ['-o', 'pipefail', '-c', line], { name: 'typed', folder: scratch('typed'), cwd: folder, env });
    return { ...(await run.end(ms)), stdout: run.stdout, stderr: run.stderr };
  }

  /**
   * By page, in the order in which they are typed. `line`: the command with the reader's own names; `ends`: the
   * exit codes that the guide lets expect, [0] unless said; `first`, `after`: what happens around it; `until`: it
   * goes on until Ctrl-C, and shows this. `elsewhere`: what it is about is not on this machine, and where it is tried.
   */
  const GUIDES = {
    'release-manager': {
      'oa-stream cutover rehearse --local': { ms: 120000 },
      'oa-stream playbook show cutover > my.yaml': { after: edited },
      'oa-stream playbook explain my.yaml --set …': { line: given },
      'oa-stream cutover rehearse my.yaml --set …': { line: given },
      'oa-stream rollback drill my-drill.yaml --set … --apply': { line: given },
      'oa-stream cutover plan my.yaml --set … --out plan.json': { line: given, ends: [10] },
      'oa-stream cutover apply plan.json': {},
      'oa-stream incident bundle RUN --out F': { line: (line) => line.replace('RUN', 'last').replace(' F', ' bundle.tar.zst') },
      'oa-stream runs compare RUN1 RUN2': { line: (line) => line.replace('RUN1', runs('cutover').at(-1)).replace('RUN2', runs('drill').at(-1)) },
      'cutover status --wait-for done --timeout 1h': { line: (line) => `oa-stream ${line}` },
      'oa-stream slo gate --replay RUN… --set limit=…': { line: (line) => line.replace('RUN…', 'last:cutover').replace('limit=…', 'limit=10%'), ends: [0, 1, 3] },
    },
    cron: {
      '17 6 * * 1  oa-stream verify --set base_url=https://chat.example.org --textfile /var/cache/oa-stream/verify.prom': {
        first: () => fs.mkdirSync(path.join(folder, 'root/var/cache/oa-stream'), { recursive: true }),
        line: (line) => toProduct(inRoot(line.replace(/^\d+ \d+ \* \* \d +/, ''))),
        after: ({ stdout, stderr }) => {
          assert.equal(stdout + stderr, '', 'nothing on PASS');
          assert.match(fs.readFileSync(path.join(folder, 'root/var/cache/oa-stream/verify.prom'), 'utf8'), /oa_stream_run_verdict\{run="steady-state",target="[^"]+",verdict="PASS"\} 1/);
        },
      },
      'oa-stream playbook show steady-state': {},
      'install -d /etc/oa-stream/verify': { line: inRoot },
      'cp /usr/share/doc/oa-stream/verify.env.example /etc/oa-stream/verify/staging.env': { line: inRoot },
      'systemctl enable --now oa-stream-verify@staging.timer': {
        line: (line) => line.replace('--now', `--root=${folder}/root`),
        after: () => assert.ok(fs.lstatSync(path.join(folder, 'root/etc/systemd/system/timers.target.wants/oa-stream-verify@staging.timer'))),
      },
      'oa-stream verify smoke-stream': { line: (line) => `${line} --set base_url=${target.base}` },
      'systemctl enable --now oa-stream-verify.timer': { line: (line) => line.replace('--now', `--root=${folder}/root`) },
      'journalctl -u oa-stream-verify': { elsewhere: 'the unit’s name stands in packaging/systemd' },
      '* * * * *  oa-stream cutover status -q --textfile /var/cache/oa-stream/runs.prom >/dev/null 2>&1': {
        line: (line) => inRoot(line.replace('* * * * *  ', '')),
        after: () => assert.match(fs.readFileSync(path.join(folder, 'root/var/cache/oa-stream/runs.prom'), 'utf8'), /^oa_stream_run_exit_code\{run="cutover-status",target="[^"]+"\} 0$/m),
      },
      'oa-stream runs gc --older-than 90d --keep 20 --apply -q': {},
    },
    'on-call': {
      'oa-stream watch --base-url URL': { line: toLane, until: /req\/s/ },
      'oa-stream smoke stream --base-url URL --auth env:AUTH_TOKEN': { line: toLane },
      'smoke stream --direct ORIGIN': { line: (line) => toLane(`oa-stream ${line} --base-url URL`) },
      'oa-stream slo status --prometheus URL': { line: toPrometheus, ends: [0, 3] },
      'oa-stream cutover status': {},
      'oa-stream cutover abandon --run ID': { first: died, line: (line) => line.replace('ID', runs('cutover').at(-1)), ends: [10] },
      'oa-stream rollback apply': { after: async () => assert.deepEqual(await target.weights(), { v1: 100, v2: 0 }) },
      'oa-stream rollback apply --run ID': { first: died, line: (line) => line.replace('ID', runs('cutover').at(-1)) },
      'oa-stream rollback plan rollback-DRIVER --set … --out back.json': { first: () => cloud.arrange({ traffic: [['stable', 60], ['canary', 40]].map(([revision, percent]) => ({ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision, percent })) }), line: (line) => line.replace('DRIVER', 'cloud-run').replace('--set …', place()), ends: [10] },
      'oa-stream rollback apply back.json': { after: async () => assert.equal((await cloud.state()).serving.stable, 100) },
      'oa-stream route status --base-url CONTROL --auth env:TOKEN': { line: toControl },
      'route set legacy --domain D': { line: (line) => toControl(`oa-stream ${line.replace(' D', ' chat_pilot')} --base-url CONTROL --auth env:TOKEN`), ends: [10] },
      'oa-stream doctor': { ends: [0, 1, 3] },
      'oa-stream note "502 from the edge since 03:12"': {},
      'oa-stream incident body': {},
      'incident bundle --out F': { line: (line) => `oa-stream ${line.replace(' F', ' night.tar.zst')}` },
      'oa-stream doctor PLAYBOOK --set …': { line: (line) => given(line).replace('PLAYBOOK', 'cutover.yaml'), ends: [0, 1, 3] },
      'curl -s URL/healthz': { line: toLane },
      'curl -s URL/readyz': { line: toLane },
      'curl -s URL/metrics | grep terminal_total': { line: (line) => line.replace('URL', target.stable.base) },
      'curl -s URL/metrics | grep first_content_seconds_count': { line: (line) => line.replace('URL', target.stable.base) },
      'journalctl -u oa-stream': { elsewhere: 'the unit’s name stands in packaging/systemd' },
      'oa-stream doctor --store URL': { line: (line) => line.replace('URL', redis.url), ends: [0, 1, 3] },
      'redis-cli info memory': { line: (line) => line.replace('redis-cli', `redis-cli -p ${redis.port}`), after: ({ stdout }) => assert.match(stdout, /maxmemory:/) },
      'redis-cli info': { line: (line) => line.replace('redis-cli', `redis-cli -p ${redis.port}`), after: ({ stdout }) => assert.match(stdout, /uptime_in_seconds:/) },
      'oa-stream doctor --codex-server K=URL --codex-token REF': { elsewhere: 'tests/e2e/lane/two_servers.test.mjs' },
      'oa-stream doctor --worker-control URL': { elsewhere: 'tests/e2e/worker/operator.test.mjs' },
      'oa-stream smoke stream --base-url URL': { line: toLane },
      'watch --revision R': { line: () => `oa-stream watch --base-url ${target.base} --revision v1`, until: /req\/s/ },
      'slo rules --out DIR --duration D': { line: (line) => `oa-stream ${line.replace('DIR', 'rules').replace(/D$/, '30s')}` },
      'systemctl list-timers': { elsewhere: 'there is no service manager in a test' },
      'oa-stream runs list': {},
    },
  };

  assert.deepEqual(Object.keys(GUIDES).sort(), PAGES.toSorted());
  const table = GUIDES[page];
  test('each of its commands is typed here, and no other', () => {
    const spoken = (words) => commands.includes(words.replace(/^oa-stream /, '')); // of a command, not one to type
    assert.deepEqual(typed(page).filter((words) => !table[words] && !spoken(words)), [], 'not in the table');
    assert.deepEqual(Object.keys(table).filter((words) => !typed(page).includes(words)), [], 'not on the page');
  });
  for (const [words, { line = (same) => same, ends = [0], ms, first, after: then, until, elsewhere }] of Object.entries(table)) {
    if (elsewhere) continue;
    test(words, async () => {
      await first?.();
      const real = line(words);
      assert.ok(!/\bURL\b|\bID\b|…|example\.org/.test(real), `not ours: ${real}`);
      if (until) {
        const run = new Running('bash', ['-c', `exec ${real}`], { name: 'watch', folder: scratch('watch'), cwd: folder, env });
        await run.until(({ stdout, stderr }) => until.test(stdout + stderr), String(until));
        run.signal('SIGINT');
        assert.equal((await run.end()).code, 0, run.stderr);
        return;
      }
      let run = await shell(real, ms);
      const undecided = () => !ends.includes(run.code) && /oa-stream itself was starved/.test(run.stdout + run.stderr);
      for (let left = 2; left > 0 && undecided(); left--) run = await shell(real, ms); // another test took the machine
      assert.ok(ends.includes(run.code), `${real}\nexit ${run.code}\n${run.stdout.slice(-3000)}\n${run.stderr.slice(-3000)}`);
      assert.doesNotMatch(run.stderr, /unknown (option|command)/);
      await then?.(run);
    });
  }
}

describe('guides', { concurrency: 2 }, () => {
  for (const page of PAGES) describe(`docs/${page}.md`, { concurrency: 1 }, () => guide(page));
});
