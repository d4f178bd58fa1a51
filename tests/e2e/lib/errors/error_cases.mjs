// One table of what can go wrong: class by class with its exit code, and the commands that show it.
// errors.test.mjs holds every command against it; errors_page.test.mjs makes docs/errors.md from it.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ADMIN, startControlService } from '../control_service.mjs';
import { startLane } from '../lane.mjs';
import { LocalTarget } from '../local_target.mjs';
import { NEW_ONLY, QUICK_LIMITS, localHead, quickStages } from '../cutover/playbook.mjs';
import { handmadeRun, scratch } from '../process.mjs';

export const NOWHERE = 'http://127.0.0.1:1';
export const TOKEN = 'some-token-0123456789';
/** Commands that reach out, with what they need at least. */
export const REACHES = [
  ['smoke', 'stream', '--base-url', NOWHERE],
  ['smoke', 'control', '--base-url', NOWHERE],
  ['smoke', 'completions', '--base-url', NOWHERE],
  ['verify', '--set', `base_url=${NOWHERE}`],
  ['load', '--base-url', NOWHERE, '--rate', '5/s', '--duration', '1s'],
  ['shadow', '--base-url', NOWHERE, '--against', NOWHERE],
  ['route', 'status', '--base-url', NOWHERE, '--auth', 'env:TOKEN'],
  ['route', 'evaluate', '/login', '--base-url', NOWHERE, '--auth', 'env:TOKEN'],
  ['route', 'set', 'rust', '--base-url', NOWHERE, '--auth', 'env:TOKEN'],
  ['slo', 'gate', 'bad: http_5xx <= 1%', '--prometheus', NOWHERE],
  ['slo', 'budget', '--prometheus', NOWHERE],
  ['slo', 'status', '--prometheus', NOWHERE],
];
/** Those of them that take --auth and were not given it. */
export const TAKE_AUTH = REACHES.filter((one) => !one.includes('verify') && !one.includes('slo') && !one.includes('--auth'));
export const NAME_A_FILE = [['check', ''], ['cutover', 'apply', '.json'], ['cutover', 'plan', '.yaml'], ['cutover', 'rehearse', '.yaml'], ['rollback', 'plan', '.yaml'],
  ['rollback', 'apply', '.json'], ['verify', '.yaml'], ['playbook', 'validate', '.yaml'], ['playbook', 'show', '.yaml'], ['playbook', 'explain', '.yaml'], ['incident', 'verify', '.tar.zst']];
export const NAME_A_RUN = [
  ['rollback', 'apply', '--run', 'nonesuch'], ['cutover', 'status', '--run', 'nonesuch'], ['runs', 'show', 'nonesuch'], ['runs', 'compare', 'nonesuch', 'nonesuch'],
  ['runs', 'pin', 'nonesuch'], ['runs', 'unpin', 'nonesuch'], ['incident', 'body', 'nonesuch'], ['incident', 'bundle', 'nonesuch', '--out', 'x.tar.zst'],
  ['incident', 'open', 'nonesuch'], ['note', 'x', '--run', 'nonesuch'], ['slo', 'gate', '--replay', 'nonesuch', '--set', 'limit=2%'],
];
/** A command with the file that it names, which is not there. */
export const withFile = (words, none) => [...words.slice(0, -1), `${none}${words.at(-1)}`];

const PLAYBOOK = `version: 1
kind: cutover
${NEW_ONLY}name: mine
target: { base_url: "http://127.0.0.1:8080" }
traffic: { driver: local, socket: /tmp/front.sock, base_url: "http://127.0.0.1:8080", stable: v1, canary: v2 }
stage:
  bake: 10
  gatse: []
`;

const CUTOVER = localHead('mine') + quickStages({ bake: '1s', extend: '2s' }) + QUICK_LIMITS;

/** The outside that cases need, and how it is named in the page. */
export async function startErrorWorld() {
  const world = { folder: scratch('errors'), stop: [], names: [] };
  const file = (name, text, mode) => {
    fs.writeFileSync(path.join(world.folder, name), text, { mode });
    return name;
  };
  file('mine.yaml', PLAYBOOK);
  file('config.yaml', 'version: 1\nserve:\n  listne: 127.0.0.1:8080\n');
  file('plan.json', '{"schema":"oa-stream.plan.v1"}');
  file('token', TOKEN, 0o644);
  file('lines', `${TOKEN}\n\n`, 0o600);
  file('plain', '');
  file('broken.sse', 'data: {"type":"start"}\n\ndata: {"type":"text-delta","id":"t","delta":"x"}\n\ndata: [DONE]\n\n');
  // Just before its case: what it says of a window depends on the age of the requests.
  world.few = () => file('few.log', Array.from({ length: 20 }, (_, i) => JSON.stringify({ ts: new Date(Date.now() - 1000 * (20 - i)).toISOString(), event: 'request', request_id: `r${i}`, route: '/api/chat/stream', method: 'POST', status: 200, revision: 'v1', end_ms: 5, first_content_ms: 2, accepted: true, terminal: 'completed' })).join('\n') + '\n');
  file('many.log', Array.from({ length: 400 }, (_, i) => JSON.stringify({ ts: new Date(Date.now() - 1000 * (20 - i / 20)).toISOString(), event: 'request', request_id: `r${i}`, route: '/api/chat/stream', method: 'POST', status: i % 4 ? 200 : 503, revision: 'v1', end_ms: 5, accepted: Boolean(i % 4), ...(i % 4 ? { first_content_ms: 2, terminal: 'completed' } : {}) })).join('\n') + '\n');
  world.dead = '20260222T043600Z-cutover-1a2b3c4d';
  world.deadState = path.join(world.folder, 'dead');
  const dead = handmadeRun(path.join(world.deadState, 'runs', world.dead));
  fs.mkdirSync(dead, { recursive: true });
  fs.writeFileSync(path.join(dead, 'plan.json'), JSON.stringify({ target: 'haproxy:/run/haproxy.sock/chat', source: { file: 'cutover.yaml' } }));
  fs.writeFileSync(path.join(dead, 'journal.ndjson'), [
    { seq: 1, at: '2026-02-22T04:36:01.000Z', phase: 'begin', to: { v1: 100 } },
    { seq: 2, at: '2026-02-22T04:36:02.000Z', phase: 'intent', step: 'shift@5%', from: { v1: 100 }, to: { v1: 95, v2: 5 } },
  ].map((line) => `${JSON.stringify(line)}\n`).join(''));
  // Takes connections and says nothing.
  const mute = net.createServer((socket) => socket.on('error', () => {}));
  await new Promise((done) => mute.listen(0, '127.0.0.1', done));
  world.mute = `http://127.0.0.1:${mute.address().port}`;
  [world.lane, world.control, world.target] = await Promise.all([startLane(), startControlService(), LocalTarget.start({ faults: ['--inject', 'error-rate=1'], playbook: CUTOVER })]);
  world.names.push(
    [world.target.playbook, 'playbook.yaml'], [world.target.folder, '.'], [world.target.socket, '/tmp/front.sock'], [world.deadState, '/var/lib/oa-stream'], [world.folder, '.'],
    [world.mute, 'http://127.0.0.1:8090'], [world.lane.base, 'http://127.0.0.1:8080'], [world.lane.base.slice(7), '127.0.0.1:8080'], [world.control.base, 'http://127.0.0.1:8787'], [world.target.base, 'http://127.0.0.1:8080'],
  );
  const plan = await world.target.plan({ name: 'drifted.json', args: ['--no-probes'] });
  const good = await world.target.plan({ name: 'cutover.json', args: ['--no-probes'] });
  if (plan.code !== 10 || good.code !== 10) throw new Error(plan.stderr + good.stderr);
  world.close = async () => {
    mute.close();
    await world.control.stop();
    await Promise.all([world.target.stop(), world.lane.exit ? null : world.lane.kill()]);
  };
  return world;
}

/** A case: the words after oa-stream, and what is not usual about it (most, told: lines of stdout and
 * stderr that the page shows). */
const of = (words, more = {}) => ({ words, ...more });
const words = (text) => of(text.split(' '));

/** The classes, in the order in which people meet them. `says`: what is there to know of all its cases. */
export const classesOf = (world) => {
  const auth = { env: { TOKEN, OA_ADMIN: ADMIN } };
  const onTarget = { stateDir: world.target.state, cwd: world.target.folder };
  return [
    { exit: 2, title: 'Typed wrong', says: 'No request was sent and nothing was changed. The brackets show the probable correction.', cases: [
      words('chekc answer.sse'), words('smoke'), words('smoke strem'), words('runs show --stat-dir x'), words('runs show one two'), words('cutover plan'),
      words('check --headers'), words('check --rules answer.sse'), words('version --color sometimes'), words('man smok'), words('man nonesuch'), words('config show --for smoek'),
      words('smoke stream'), words('smoke stream --base-url chat.example.org'), words('watch'), words('shadow --base-url http://127.0.0.1:8080'),
      words('load --base-url http://127.0.0.1:8080'), words('slo status'), of(['slo', 'gate', 'bad: http5xx <= 1%', '--prometheus', 'http://127.0.0.1:9090']), of(['slo', 'gate', 'bad: http_5xx', '--prometheus', 'http://127.0.0.1:9090']),
      words('runs gc'), words('runs gc --older-than 3x'), words('runs gc --max-size 3'), words('runs list --limit many'),
      words('cutover rehearse'), words('cutover rehearse --local --inject kill@33'), words('cutover rehearse --local --inject fire@5'), words('cutover status --wait-for stage'), words('rollback apply'),
      words('check --explain Z99'), words('serve --listen somewhere'), words('serve --limit stream=3'), words('front --backend stable'), words('slo rules'), words('incident bundle'), words('completions tcsh'), words('compat old.sh'),
    ] },
    { exit: 2, title: 'A secret where everybody can read it', says: 'Every process of the machine can read arguments and URLs, so oa-stream refuses the secret and does not repeat it.', cases: [
      words('smoke stream --base-url http://127.0.0.1:8080 --auth some-token-0123456789'), words('smoke stream --base-url http://me:secret@127.0.0.1:8080'),
    ] },
    { exit: 2, title: 'Settings and playbooks', says: 'file:line:column, then what is wrong there. `oa-stream config show --origin` shows the origin of a setting.', cases: [
      words('cutover plan cuttover'), words('cutover plan cutover'), words('cutover plan cutover --set bas_url=https://chat.example.org'), words('verify --set base_url'), words('verify'),
      of(['playbook', 'validate', 'mine.yaml'], { told: 5 }), words('cutover plan mine.yaml'), words('serve --config config.yaml'), of(['runs', 'list'], { env: { OA_STREAM_RUNS_LIST_LIMIT: 'many' }, typed: 'OA_STREAM_RUNS_LIST_LIMIT=many oa-stream runs list' }),
    ] },
    { exit: 2, title: 'A file or a run that is not what it should be', says: 'The message begins with the file or the run.', cases: [
      words('check answer.sse'), words('check .'), words('cutover plan nonesuch.yaml'), words('cutover apply nonesuch.json'), words('cutover apply mine.yaml'), words('cutover apply plan.json'), words('incident verify plain'),
      words('runs show'), words('runs show nonesuch'), words('runs show ./nonesuch'), words('runs show dead/runs'), words('rollback apply --run nonesuch'), words('slo gate --replay nonesuch --set limit=2%'),
    ] },
    { exit: 5, title: 'Credentials', says: 'Missing, readable by others, or refused by the server. No secret is ever printed.', cases: [
      words('smoke stream --base-url http://127.0.0.1:8080 --auth env:AUTH_TOKEN'), words('smoke stream --base-url http://127.0.0.1:8080 --auth file:nonesuch'), words('smoke stream --base-url http://127.0.0.1:8080 --auth file:token'),
      words('smoke stream --base-url http://127.0.0.1:8080 --auth file:lines'),
      of(['route', 'status', '--base-url', world.control.base]), of(['route', 'status', '--base-url', world.control.base, '--auth', 'env:TOKEN'], auth),
    ] },
    { exit: 4, title: 'Nobody answers, or somebody else does', says: 'The target could not be measured; its quality is unknown. `oa-stream doctor` checks this machine.', cases: [
      words(`smoke stream --base-url ${NOWHERE}`), words(`smoke control --base-url ${NOWHERE}`), words(`smoke completions --base-url ${NOWHERE}`), words(`smoke responses --base-url ${NOWHERE}`), words(`load --base-url ${NOWHERE} --rate 5/s --duration 1s`), of(['shadow', '--base-url', NOWHERE, '--against', NOWHERE], { most: 1 }),
      words(`verify --set base_url=${NOWHERE}`), of(['route', 'status', '--base-url', NOWHERE, '--auth', 'env:TOKEN'], auth), of(['route', 'set', 'rust', '--base-url', NOWHERE, '--auth', 'env:TOKEN'], auth),
      words(`slo status --prometheus ${NOWHERE}`), of(['slo', 'gate', 'bad: http_5xx <= 1%', '--prometheus', world.lane.base]), of(['smoke', 'stream', '--base-url', world.lane.base.replace('http:', 'https:')]), words(`watch --base-url ${NOWHERE} --once`),
    ] },
    { exit: 4, title: 'This machine', says: 'Disk, ports, programs. `oa-stream doctor` lists other problems of this machine.', cases: [
      of(['smoke', 'stream', '--base-url', world.lane.base, '--state-dir', 'plain/state']), words('serve --codex-bin nonesuch --listen 127.0.0.1:0'),
      of(['cutover', 'plan', world.target.playbook, '--set', `base_url=${world.target.base}`, '--set', 'socket=/tmp/nonesuch.sock']),
    ] },
    { exit: 6, title: 'Refused: something else comes first', says: 'Nothing was changed. The line shows how to confirm the command, or what to check first.', cases: [
      of(['serve', '--authority', 'replay', '--listen', world.lane.base.slice(7)]),
      words('load --base-url https://chat.example.org --rate 50/s'),
      of(['cutover', 'apply', 'drifted.json'], { ...onTarget, before: () => world.target.setWeights({ v1: 60, v2: 40 }), after: () => world.target.setWeights({ v1: 100, v2: 0 }) }),
    ] },
    { exit: 1, title: 'A limit or the contract is broken, proven', says: 'This is a finding, not a failure of the tool. The evidence is in the run; `oa-stream check --explain RULE` shows the reason for a rule.', cases: [
      of(['check', 'broken.sse'], { last: 'stdout' }), of(['slo', 'gate', 'bad: http_5xx <= 1%', '--access-log', 'many.log']),
    ] },
    { exit: 3, title: 'Not decided yet', says: 'Too little data, or none. Do not read it as a good result: wait, use a longer window, or send more requests.', cases: [
      of(['slo', 'gate', 'bad: http_5xx <= 1%', '--access-log', 'few.log'], { before: world.few }), of(['smoke', 'stream', '--base-url', world.lane.base, '--no-probes']), of(['smoke', 'control', '--base-url', world.control.base]),
    ] },
    { exit: 10, title: 'There is something to change', says: 'Nothing was changed; a pipeline can use the exit code.', cases: [
      of(['cutover', 'plan', 'playbook.yaml', ...world.target.settings(), '--no-probes', '--out', 'again.json'], onTarget),
    ] },
    { exit: 130, title: 'Interrupted before anything was changed', says: 'Ctrl-C (143: SIGTERM). After a change it is 7 or 8 instead.', cases: [
      of(['smoke', 'stream', '--base-url', world.mute], { interrupt: true }),
    ] },
    { exit: 7, title: 'Failed and rolled back', says: 'The rollback was verified by read-back and over fresh connections: users have the revision that served before. Read the report, fix the revision, make a new plan.', cases: [
      of(['cutover', 'apply', 'cutover.json'], { ...onTarget, ms: 120000, most: 0 }),
    ] },
    { exit: 8, title: 'Page someone', says: 'Users may have another revision than before. The end of the line shows the command that finishes the rollback; you may repeat it as often as you like.', cases: [
      of(['cutover', 'status'], { stateDir: world.deadState }), of(['runs', 'show', world.dead], { stateDir: world.deadState }),
    ] },
  ];
};
