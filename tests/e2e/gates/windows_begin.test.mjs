// What a window's numbers are when something of the scraping changes within it: labels of a target, a replica of
// Prometheus, scrapes that fail across its beginning. Every lane has a job of its own in one Prometheus.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHistory } from './history.mjs';
import { oa } from '../lib/process.mjs';

const GATE = 'bad: http_5xx | terminal_error <= 1%';
const WINDOW_S = 600;
const now = Math.floor(Date.now() / 1000); // the history's; each gate asks up to minutes later
const OLD = now - 7200;
const since = (at, from) => Math.max(0, at - from);
let server;
let processes = 0;

/** A process that answers five requests a second; `bad` of them fail, from `failing` until `until`. */
function lane(job, { from = now - 1200, to = now + 200, began = OLD, instance = 'a:1', labels = {}, id, bad = 0, failing = now - WINDOW_S, until = Infinity, revision, up } = {}) {
  return {
    target: { job, instance, ...labels }, from, to, began, revision, up,
    id: (id ?? ++processes).toString(16).padStart(16, '0'),
    requests: (at) => 5 * since(at, began),
    failed: (at) => Math.floor(bad * 5 * since(Math.min(at, until), Math.max(failing, began))),
  };
}
/** One process that is seen as `first`, then as `second`. */
const seenAs = (job, first, second, how) => {
  const id = ++processes;
  return [first, second].map((one) => lane(job, { id, ...how, ...one }));
};
const outage = (reached) => (at) => (at > now - 660 && at < now - 310 ? reached : 1);
const hidden = { bad: 0.3, failing: now - 640, until: now - 320 };

const LANES = [
  lane('plain', { bad: 0.03 }),
  ...seenAs('replica', { labels: { replica: 'a' } }, { labels: { replica: 'b' }, from: now - 300 }, { bad: 0.03 }),
  ...seenAs('label', { to: now - 315 }, { labels: { team: 'chat' }, from: now - 300 }, { bad: 0.03 }),
  ...seenAs('release', { to: now - 315 }, { labels: { release: 'r1' }, from: now - 300 }, { bad: 0.03 }),
  ...seenAs('label after a gap', { to: now - 420 }, { labels: { team: 'chat' }, from: now - 180 }, { bad: 0.3, failing: now - 400, until: now - 200 }),
  lane('label of the next process', { to: now - 315 }),
  lane('label of the next process', { labels: { team: 'chat' }, from: now - 240, began: now - 300, bad: 1, failing: now - 300, until: now - 260 }),
  lane('label of the next revision', { to: now - 315 }),
  lane('label of the next revision', { labels: { team: 'chat' }, revision: 'r2', from: now - 240, began: now - 300, bad: 1, failing: now - 300, until: now - 260 }),
  ...['down', 'away'].flatMap((job) => [
    lane(job, { ...hidden, up: outage(job === 'down' ? 0 : null) }),
    lane(job, { instance: 'b:1' }),
  ]),
  lane('replaced', { to: now - 660 }),
  lane('replaced', { instance: 'b:1', began: now - 400, from: now - 390 }),
  lane('replaced', { instance: 'c:1', to: now - 660 }),
  lane('replaced', { instance: 'c:1', began: now - 400, from: now - 390 }),
  lane('replaced', { instance: 'd:1' }),
  lane('address of another', { to: now - 960 }),
  lane('address of another', { began: now - 700, from: now - 300 }),
  lane('address of another', { instance: 'b:1' }),
  lane('again unseen', { to: now - 300 }),
  lane('again unseen', { began: now - 70, from: now - 60 }),
  lane('replaced unseen', { to: now - 300 }),
  lane('replaced unseen', { instance: 'b:1', began: now - 70, from: now - 60 }),
  lane('replaced at first', { to: now - 660 }),
  lane('replaced at first', { instance: 'b:1', began: now - 200, from: now - 190 }),
  lane('unseen', { up: (at) => (at > now - 300 && at < now - 60 ? null : 1) }),
];

before(async () => { server = await startHistory(LANES); });
after(() => server?.kill());

const asked = (job) => ['--prometheus', server.base, '--window', `${WINDOW_S}s`, '--match', `job="${job}"`, '--json'];
async function gate(job, ...more) {
  const run = await oa(['slo', 'gate', GATE, ...asked(job), ...more]);
  return { code: run.code, text: run.stdout + run.stderr, ...run.json().gate };
}

for (const [job, ...more] of [['plain'], ['replica'], ['label'], ['release', '--revision', 'r1'], ['release', '--revision', 'r1', '--revision-label', 'release']]) {
  test(`a lane's whole life is not counted as the window's: ${[job, ...more].join(' ')}`, async () => {
    const got = await gate(job, ...more);
    assert.equal(got.code, 1, got.text);
    const half = more.includes('--revision-label'); // its series have the label for half of the window
    assert.ok(got.n > (half ? 1300 : 2700) && got.n <= 3000, got.text);
    assert.ok(got.bad > 0.025 * got.n && got.bad < 0.035 * got.n, got.text);
  });
}

test('what a lane counted between its series before and after a change of labels may have been bad', async () => {
  const got = await gate('label after a gap');
  assert.equal(got.code, 3, got.text);
  assert.match(got.sentence, /(29\d|300) bad ones may have come before their series was first seen/);
});

test('the first events of a process count, also when its target got other labels', async () => {
  const got = await gate('label of the next process');
  assert.equal(got.code, 1, got.text);
  assert.equal(got.bad, 200);
});

for (const job of ['down', 'away']) {
  test(`nothing passes while scrapes across the window's beginning are missing: ${job}`, async () => {
    const [got, watch, budget] = await Promise.all([
      gate(job),
      oa(['watch', '--once', ...asked(job), '--objective', '95%']),
      oa(['slo', 'budget', ...asked(job), '--objective', '99%']),
    ]);
    const why = /target a:1 was not scraped for the first \dm(\d+s)? of the window: what it counted then is unknown/;
    assert.equal(got.code, 3, got.text);
    assert.match(got.sentence, why);
    assert.equal(watch.code, 3, watch.stdout);
    assert.match(watch.stdout, /INCOMPLETE.*what a:1 counted at the window's beginning is unknown: not scraped then/);
    assert.equal(budget.code, 3, budget.stdout + budget.stderr);
    assert.match(budget.stdout, why);
  });
}

for (const job of ['again unseen', 'replaced unseen', 'replaced at first']) {
  test(`nothing passes when a process ended while Prometheus was away: ${job}`, async () => {
    const [got, budget] = await Promise.all([gate(job), oa(['slo', 'budget', ...asked(job), '--objective', '99%'])]);
    const why = /no lane was scraped for [3-6]m(\d+s)? of the window, and the process at a:1 ended meanwhile: what it counted then is unknown/;
    assert.equal(got.code, 3, got.text);
    assert.match(got.sentence, why);
    assert.equal(budget.code, 3, budget.stdout + budget.stderr);
    assert.match(budget.stdout, /only \dm\d+s of 10m have data, the whole window is needed/);
  });
}

test('the counters of a process that lives on bridge the time in which Prometheus was away', async () => {
  const got = await gate('unseen');
  assert.equal(got.code, 0, got.text);
  assert.ok(got.n > 2700, got.text);
});

test('each revision is judged by itself, also when its target got other labels', async () => {
  const run = await oa(['watch', '--once', ...asked('label of the next revision')]);
  const { state, guilty, revisions } = run.json();
  assert.deepEqual([state, guilty], ['BAD', ['r2']], run.stdout);
  assert.deepEqual(revisions.map(({ revision, bad }) => [revision, bad]), [['r1', 0], ['r2', 200]], run.stdout);
  // The window began so much later, and with it what r1 answered within it.
  const late = Date.now() / 1000 - now;
  assert.ok(revisions[0].requests > 1300 - 5 * late && revisions[0].requests <= 1500 && revisions[1].requests >= 1400, run.stdout);
});

for (const job of ['replaced', 'address of another']) {
  test(`lanes that other processes replaced pass: ${job}`, async () => {
    const got = await gate(job);
    assert.equal(got.code, 0, got.text);
  });
}
