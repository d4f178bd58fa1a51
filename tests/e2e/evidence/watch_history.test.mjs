// A history of made-up lanes behind addresses and balancers – good and bad requests, restarts, new instances, addresses
// that refuse, fail, cut an answer or lose series of it – and every line of `watch --ndjson` held against the scrapes that
// it got: it counts what rose in some number of them, not more and not less; BAD is said exactly when that proves it; OK
// never while something is missing; `--until bad` ends at the first BAD, and the exit code is that of the last line.
//
// The short form runs for some seconds, the long one for a minute with other seeds:
//   OA_HISTORY=60 OA_SEED=100 ./dev e2e tests/e2e/evidence/watch_history.test.mjs
import assert from 'node:assert/strict';
import http from 'node:http';
import { before, test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, Running, sleep } from '../lib/process.mjs';
import { random } from '../lib/random.mjs';

const SECONDS = Number(process.env.OA_HISTORY ?? 4);
const SEED = Number(process.env.OA_SEED ?? 5);
const WORLDS = 4; // at once
const WATCHED = 6; // seconds of one world
const ROUTE = 'route="/api/chat/stream"';
/** A real lane's series: what a made-up one has, too. */
let series;
before(async () => {
  const lane = await startLane();
  series = (await (await fetch(`${lane.base}/metrics`)).text()).split('\n')
    .filter((line) => line !== '' && !/^#|_info\{|process_start|^oa_stream_ready/.test(line)).map((line) => line.slice(0, line.lastIndexOf(' ')));
  await lane.stop();
});

let processes = 0;
const newProcess = (revision, old = 0, later = false) => ({
  id: `process-${++processes}`, revision, later, began: Date.now() / 1000 - (later ? 0 : 100), completed: old * 9, failed: old, refused: old, ready: true,
});

function exposition(one, without) {
  const turns = one.completed + one.failed;
  const values = new Map([
    [`oa_stream_http_requests_total{${ROUTE},method="POST",status="200",lane="compat"}`, turns],
    [`oa_stream_http_requests_total{${ROUTE},method="POST",status="503",lane="compat"}`, one.refused],
    [`oa_stream_terminal_total{class="completed",${ROUTE}}`, one.completed],
    [`oa_stream_terminal_total{class="turn_failed",${ROUTE}}`, one.failed],
  ]);
  for (const name of values.keys()) assert.ok(series.includes(name), name);
  return [
    ...series.filter((name) => !without?.test(name)).map((name) => `${name} ${values.get(name) ?? 0}`),
    `oa_stream_build_info{revision="${one.revision}",version="1"} 1`, `oa_stream_process_info{id="${one.id}"} 1`,
    `oa_stream_process_start_time_seconds ${one.began}`, `oa_stream_ready ${one.ready ? 1 : 0}`, '',
  ].join('\n');
}

/** An address with one process or several behind it. `scrapes`: what it answered, in order; `asked`: when, and after how many of them. */
async function startAddress(all, chance) {
  const self = { all, fault: null, scrapes: [], asked: [] };
  const answer = (request, response) => {
    const one = all[Math.floor(chance() * all.length)];
    self.asked.push({ at: Date.now(), after: self.scrapes.length });
    if (self.fault === 'refuses') request.socket.destroy();
    else if (self.fault === 'fails') response.writeHead(500).end();
    else if (request.url !== '/metrics') response.writeHead(one.ready ? 200 : 503).end('{}');
    else if (self.fault === 'cuts') {
      const text = exposition(one);
      response.writeHead(200, { 'content-length': text.length });
      response.write(text.slice(0, chance() * text.length), () => request.socket.destroy());
    } else {
      const lacks = self.fault === 'loses';
      self.scrapes.push({ at: Date.now(), one, lacks, total: one.completed + one.failed + one.refused, bad: one.failed + one.refused });
      response.end(exposition(one, lacks ? /status="(200|503)"|class="turn_failed"/ : null));
    }
  };
  const server = http.createServer(answer);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  self.base = `http://127.0.0.1:${server.address().port}`;
  self.stop = () => { server.closeAllConnections(); server.close(); };
  return self;
}

/** What each process rose by, after each number of scrapes. */
function rises(scrapes) {
  const now = new Map(), out = [[]];
  for (const { one, lacks, total, bad } of scrapes) {
    const before = now.get(one.id) ?? (one.later ? { total: 0, bad: 0, looks: 1, last: { total: 0, bad: 0 } } : { total: 0, bad: 0, looks: 0, last: lacks ? { total: 0, bad: 0 } : { total, bad } });
    const rose = lacks ? { total: 0, bad: 0 } : { total: total - before.last.total, bad: bad - before.last.bad };
    now.set(one.id, { revision: one.revision, lacks, looks: before.looks + 1, total: before.total + rose.total, bad: before.bad + rose.bad, last: lacks ? before.last : { total, bad } });
    out.push([...now.values()]);
  }
  return out;
}

const sum = (rows, pick) => rows.reduce((all, row) => all + pick(row), 0);
/** Chance of at least so many bad ones of n when 1 % is. */
function atLeast(bad, n) {
  let less = 0, term = 0.99 ** n;
  for (let k = 0; k < bad; k++) { less += term; term *= ((n - k) / (k + 1)) / 99; }
  return 1 - less;
}
const above = ({ total, bad }) => total > 0 && bad / total > 0.01;
const proven = (counts) => above(counts) && atLeast(counts.bad, counts.total) < (counts.total < 20 ? 0.05 / 500 - 1e-9 : 0.05);

/** Why these processes' numbers do not explain the line; empty: they do. */
function contradiction(rows, tick) {
  const compared = rows.filter((row) => row.looks > 1);
  if (compared.some((row) => row.lacks)) return tick.state === 'OK' ? 'OK without all series' : '';
  const all = { total: sum(compared, (row) => row.total), bad: sum(compared, (row) => row.bad) };
  if (tick.requests !== (compared.length > 0 ? all.total : null) || (tick.bad !== null && tick.bad !== all.bad)) return 'counts';
  const by = Object.values(Object.groupBy(compared, (row) => row.revision)).map((of) => ({ total: sum(of, (row) => row.total), bad: sum(of, (row) => row.bad) }));
  const life = { total: sum(rows, (row) => row.last.total), bad: sum(rows, (row) => row.last.bad) };
  const spent = life.bad >= 5 && life.total >= 20 && life.bad / life.total > 0.5;
  const broken = [all, ...by].some(proven) || spent;
  if (broken !== tick.breach && !rows.some((row) => row.lacks)) return 'verdict';
  const few = [all, ...by].some((counts) => above(counts) && counts.total < 20);
  return (tick.state === 'OK' && few) || (tick.state === 'TOO FEW' && !few) ? 'few' : '';
}

async function world(seed) {
  const chance = random(seed), below = (n) => Math.floor(chance() * n), pick = (list) => list[below(list.length)];
  const addresses = [];
  for (let n = 1 + below(2); n > 0; n--) addresses.push(await startAddress(Array.from({ length: pick([1, 1, 2, 3]) }, () => newProcess(pick(['r1', 'r2']), pick([0, 7, 5000]))), random(seed * 10 + n))); // its own: requests come when they come
  const until = below(2) === 0, mayFail = below(3) > 0;
  // The objective: old failures of a process spend no budget, so that a look is judged by what rose.
  const run = new Running(OA_BIN, ['watch', '--ndjson', ...addresses.flatMap((one) => ['--base-url', one.base]), '--every', '200ms', '--window', '60s', '--timeout', '5s', '--objective', '50%', '--for', `${WATCHED}s`, ...(until ? ['--until', 'bad'] : [])], { name: `watch-${seed}` });
  let over = false;
  const ended = run.end().finally(() => { over = true; });
  const told = [];
  await run.until(() => addresses.every((one) => one.scrapes.length >= 8), 'the first look');
  while (!over) {
    await sleep(20 + below(120));
    const address = pick(addresses), at = below(address.all.length), one = address.all[at], kind = below(20);
    if (kind < 9) one.completed += pick([1, 3, 10, 40]);
    else if (kind < 12 && mayFail) one[pick(['failed', 'refused'])] += pick([1, 1, 2, 5]);
    else if (kind < 15) address.fault = address.fault === null ? pick([null, 'refuses', 'fails', 'cuts', 'loses']) : null;
    else if (kind === 15) address.all[at] = newProcess(one.revision, 0, true);
    else if (kind === 16) one.ready = !one.ready;
    else if (kind === 17 && address.all.length < 4) address.all.push(newProcess('r2', 0, true));
    else continue;
    told.push([Date.now(), addresses.indexOf(address), one.id, kind, address.fault]);
  }
  const { code } = await ended;
  for (const one of addresses) one.stop();
  const ticks = run.stdout.trim().split('\n').map((line) => JSON.parse(line));
  const all = addresses.map((one) => rises(one.scrapes));
  const say = (why, tick) => `seed ${seed}: ${why}\n${JSON.stringify({ ...tick, routes: 0, terminals: 0, counts: 0 })}\n${JSON.stringify(told)}`;
  for (const [nth, tick] of ticks.entries()) {
    const at = Date.parse(tick.at);
    // A look is under way while a line is made: the line knows what the look had before it asked on, and perhaps one scrape more. Of an address that does not answer it knows none, unless none answers.
    const any = tick.sources.some((one) => one.reachable);
    const known = addresses.map(({ scrapes, asked }, n) => (any && !tick.sources[n].reachable ? [[]]
      : all[n].slice(asked.findLast((one) => one.at < at)?.after ?? 0, scrapes.filter((one) => one.at <= at + 2).length + 1)));
    const together = known.reduce((left, right) => left.flatMap((a) => right.map((b) => [...a, ...b])), [[]]);
    const wrong = new Set(any ? together.map((rows) => contradiction(rows, tick)) : ['']);
    assert.ok(wrong.has(''), say([...wrong].join(), tick));
    assert.equal(tick.breach, tick.state === 'BAD', say('state', tick));
    if (tick.state === 'OK') assert.ok(tick.requests > 0 && tick.bad !== null && tick.sources.every((one) => one.reachable && one.ready && one.unsure === null), say('OK without cause', tick));
    assert.ok(!until || !tick.breach || nth === ticks.length - 1, say('goes on after BAD', tick));
  }
  const last = ticks.at(-1), nobody = last.sources.every((one) => !one.reachable);
  const verdict = last.breach ? 1 : last.state === 'OK' ? 0 : nobody ? 4 : 3;
  assert.equal(code, until || (nobody && !last.breach) ? verdict : 0, say(`exit code ${code}`, last));
  return ticks.map((tick) => tick.state);
}

test('watch: every line of a history says what its scrapes say', async () => {
  const states = new Set(), end = Date.now() + SECONDS * 1000;
  for (let seed = SEED; seed === SEED || Date.now() < end; seed += WORLDS) {
    for (const one of await Promise.all(Array.from({ length: WORLDS }, (_, n) => world(seed + n)))) one.forEach((state) => states.add(state));
  }
  assert.ok(states.has('OK') && states.has('BAD'), `only ${[...states].join(', ')}`);
});
