// smoke stream --hops: the first guilty hop is named with its limit, through the real nginx and HAProxy
// with planted settings.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../lib/codex.mjs';
import { freePort } from '../lib/free_port.mjs';
import { startLane } from '../lib/lane.mjs';
import { startHaproxy, startNginx } from '../lib/proxies.mjs';
import { limit, oa } from '../lib/process.mjs';

const LONGEST = '6s';
const running = [];
let lane;
before(async () => {
  lane = await startLane({ pace: 'recorded', args: ['--heartbeat', '3s', '--trusted-proxy', '127.0.0.1'] });
});
after(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await lane.stop();
});

const nginx = async (behind, changes = []) => { running.push(await startNginx(behind, changes)); return running.at(-1).base; };
const haproxy = async (behind, changes = []) => {
  // Its check has no Host, and nginx would pass on none: a connection is enough here.
  const proxy = await startHaproxy(behind, [['option httpchk GET /readyz', ''], ...changes]);
  running.push(proxy);
  const end = Date.now() + limit(60000);
  while ((await fetch(`${proxy.base}/healthz`).catch(() => ({}))).status !== 200) assert.ok(Date.now() < end, 'HAProxy finds its lane');
  return proxy.base;
};
const READ = (time) => [['proxy_read_timeout 60s', `proxy_read_timeout ${time}`]];
const SERVER = (time) => [['timeout server 60s', `timeout server ${time}`]];

async function hops(list) {
  const run = await oa(['smoke', 'stream', '--json', '--hops', list.map((hop) => hop.join('=')).join(','), '--hops-longest', LONGEST], { ms: 90000 });
  const checks = run.json().checks.filter((check) => check.id.startsWith('stream.hops.'));
  return { code: run.code, of: (id) => checks.find((check) => check.id === `stream.hops.${id}`), all: checks };
}
/** What is measured of a limit is late on a busy machine, and early by no more than what was sent first. */
const near = (check, hop, seconds) => {
  assert.deepEqual([check.verdict, check.data.hop], ['FAIL', hop], check.detail);
  assert.ok(check.data.limit_s >= seconds - 0.7 && check.data.limit_s <= seconds + 0.95, check.detail);
};

/** Two at a time, the one that takes longest first: they wait for nearly all of their time. */
describe('hops', { concurrency: 2 }, () => {
  test('the authority is the last hop: how late it is, and that it fails', async () => {
    const past = async (args) => {
      const behind = await startLane({ pace: 'recorded', args: ['--heartbeat', '1s', ...args] });
      try { return (await hops([['origin', behind.base], ['authority']])).of('authority'); } finally { await behind.stop(); }
    };
    const [fine, slow, lost] = await Promise.all([past([]), past(['--inject', 'slow=6']), past(['--inject', 'drop=1'])]);
    assert.equal(fine.verdict, 'PASS', fine.detail);
    assert.match(fine.detail, /^what the authority says is a frame at origin at most [\d.]+m?s later/);
    near(slow, 'authority', 1.5);
    assert.deepEqual([lost.verdict, lost.data.hop], ['FAIL', 'authority'], lost.detail);
    assert.match(lost.detail, /authority fails after .* \(authority_lost\), says origin/);
  });

  test('a real Codex as the last hop: when it began, and how long it was silent', async () => {
    const mock = await startMock();
    const real = await startCodexLane({ config: chatConfig, port: mock.port });
    try {
      const told = await hops([['origin', real.base], ['authority']]);
      assert.equal(told.of('authority').verdict, 'PASS', told.of('authority').detail);
      assert.match(told.of('authority').detail, /^the authority began to answer after \d+\.\ds and was silent for \d+\.\ds at most$/);
      assert.equal(told.of('silence').verdict, 'SKIPPED');
    } finally {
      await real.stop();
      await mock.stop();
    }
  });

  test('the shipped examples: nothing is cut, held back or changed, and the heartbeat is passed on', async () => {
    const edge = await nginx(lane.base);
    const told = await hops([['client', await haproxy(edge)], ['edge', edge], ['origin', lane.base]]);
    assert.equal(told.all.length, 7);
    for (const check of told.all) assert.equal(check.verdict, 'PASS', `${check.id}: ${check.detail}`);
    assert.match(told.of('silence').detail, /the heartbeat every [23]\.\ds is passed on/);
    assert.match(told.of('keep-alive').detail, /origin keeps an idle connection for 6\.0s at least/);
  });

  test('an idle cut is the hop\'s that does it, whichever stands before it, with its seconds', async () => {
    const cutting = await nginx(lane.base, READ('2s')), fine = await nginx(lane.base);
    const [inner, outer, patient] = await Promise.all([
      hops([['client', await haproxy(cutting)], ['edge', cutting], ['origin', lane.base]]),
      hops([['client', await haproxy(fine, SERVER('2s'))], ['edge', fine], ['origin', lane.base]]),
      nginx(lane.base, READ('4s')).then((edge) => hops([['edge', edge], ['origin', lane.base]])),
    ]);
    near(inner.of('silence'), 'edge', 2);
    assert.match(inner.of('silence').detail, /^edge cuts a stream after .*s of silence .*past it, at origin, it is not so$/);
    near(inner.of('whole-answer'), 'edge', 2);
    near(outer.of('silence'), 'client', 2);
    near(outer.of('whole-answer'), 'client', 2);
    // Longer than the heartbeat: streams live, and what is not streamed shows the hop's own limit.
    assert.equal(patient.of('silence').verdict, 'PASS', patient.of('silence').detail);
    near(patient.of('whole-answer'), 'edge', 4);
    assert.equal(patient.of('duration').verdict, 'PASS');
  });

  test('buffering, compression, a lost header, a limited duration and a closed idle connection', async () => {
    const buffering = await nginx(lane.base, [['proxy_http_version 1.1;', 'proxy_ignore_headers X-Accel-Buffering;'], ['proxy_buffering off', 'proxy_buffering on']]);
    const zipping = await nginx(lane.base, [['gzip off;', 'gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 0;'], ['proxy_buffering off;', 'proxy_buffering off; proxy_hide_header x-oa-revision;']]);
    const port = await freePort();
    const short = http.createServer((req, res) => { // ends whatever takes longer than 3 s
      const up = http.request(new URL(req.url, lane.base), { method: req.method, headers: { ...req.headers, host: new URL(lane.base).host } }, (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        answer.on('data', (piece) => res.write(piece)).on('end', () => res.end());
      });
      up.on('error', () => res.destroy());
      req.pipe(up);
      const timer = setTimeout(() => { up.destroy(); res.destroy(); }, 3000);
      res.on('close', () => clearTimeout(timer));
    }).listen(port, '127.0.0.1');
    const impatient = await haproxy(lane.base, [['timeout http-keep-alive 60s', 'timeout http-keep-alive 2s']]);
    const [held, zipped, ended, closed] = await Promise.all([
      hops([['edge', buffering], ['origin', lane.base]]),
      hops([['client', await haproxy(zipping)], ['edge', zipping], ['origin', lane.base]]),
      hops([['edge', `http://127.0.0.1:${port}`], ['origin', lane.base]]),
      hops([['edge', impatient], ['origin', lane.base]]),
    ]);
    short.close();
    assert.deepEqual([held.of('buffering').verdict, held.of('buffering').data.hop], ['FAIL', 'edge'], held.of('buffering').detail);
    assert.match(held.of('buffering').detail, /holds content back for up to \d+\.\ds, in pieces of up to \d+ bytes/);
    assert.deepEqual([zipped.of('compression').verdict, zipped.of('compression').data.hop], ['FAIL', 'edge'], zipped.of('compression').detail);
    assert.deepEqual([zipped.of('headers').verdict, zipped.of('headers').data.hop], ['FAIL', 'edge'], zipped.of('headers').detail);
    assert.match(zipped.of('headers').detail, /x-oa-revision \(gone\)/);
    near(ended.of('duration'), 'edge', 3);
    assert.match(closed.of('keep-alive').detail, /edge closes a connection that is idle for 1\.5 to 3\.0s; origin keeps/);
  });

  test('past an origin that is not there nothing is told of the authority', async () => {
    const command = `smoke stream --hops edge=${lane.base},origin=http://127.0.0.1:1,authority --hops-longest 1s`;
    const told = await oa([...command.split(' '), '--json'], { ms: 90000 });
    assert.equal(told.code, 4, told.stderr);
    for (const id of ['reach', 'authority']) {
      const check = told.json().checks.find((one) => one.id === `stream.hops.${id}`);
      assert.equal(check.verdict, 'ERROR', check.detail);
      assert.match(check.detail, /^origin does not answer: /);
    }
    assert.ok(told.stderr.trimEnd().endsWith(` next: oa-stream ${command}`), `without probes no hop is asked: ${told.stderr}`);
  });

  test('what names no hops is refused', async () => {
    for (const [list, words] of [
      ['edge=http://127.0.0.1:1', /two to six hops/],
      ['edge=http://127.0.0.1:1,edge=http://127.0.0.1:2', /named twice/],
      ['edge,origin=http://127.0.0.1:1', /not a name and an address/],
      ['authority', /not a name and an address/],
      ['authority,origin=http://127.0.0.1:1', /not a name and an address/],
      ['edge=ftp://127.0.0.1,origin=http://127.0.0.1:1', /--hops/],
    ]) {
      const refused = await oa(['smoke', 'stream', '--hops', list]);
      assert.equal(refused.code, 2, `${list}: ${refused.stderr}`);
      assert.match(refused.stderr, words);
    }
  });
});
