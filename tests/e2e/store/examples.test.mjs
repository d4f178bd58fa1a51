// The example files of several lanes, as they stand but for ports and paths: each is what its program takes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertLegal } from '../lib/contract.mjs';
import { freePort } from '../lib/free_port.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { OA_BIN, limit, sleep } from '../lib/process.mjs';
import { binary } from '../lib/proxies.mjs';
import { endAll, example, folder, run, setUp, source } from './examples.mjs';

let lanes;
before(async () => {
  const { startStore, laneOn } = setUp('IP:127.0.0.1');
  const redis = await startStore();
  lanes = await Promise.all(['one', 'two'].map((name) => startLane({ name, ...laneOn(`rediss://127.0.0.1:${redis.port}`), pace: 'x5' })));
});
after(async () => {
  for (const lane of lanes) await lane.kill();
  await endAll();
});
const backends = () => [['127.0.0.1:8080', new URL(lanes[0].base).host], ['127.0.0.1:8090', new URL(lanes[1].base).host]];

const answered = async (lane) => Number(/^oa_stream_http_requests_total\{route="\/api\/chat",method="POST",status="200"[^}]*\} (\d+)/m.exec((await send(lane.base, { path: '/metrics' })).text)?.[1] ?? 0);
/** Requests of one conversation reach every lane that there is. */
async function serves(base, on) {
  const id = `front-${Math.random().toString(36).slice(2)}`;
  const before = await Promise.all(on.map(answered));
  for (let i = 0; i < 4; ++i) assertLegal(await chat(base, 'hello', { id }).done);
  const after = await Promise.all(on.map(answered));
  after.forEach((count, i) => assert.ok(count > before[i], `${after} requests after ${before}`));
  assert.equal(after.reduce((a, b) => a + b) - before.reduce((a, b) => a + b), 4);
}
const listening = (base) => async () => { try { return (await send(base, { path: '/readyz' })).status === 200; } catch { return false; } };

test('nginx takes its example, which keeps no page with a lane', async () => {
  const at = await freePort();
  const site = example('nginx.conf', [...backends(), ['127.0.0.1:8081', `127.0.0.1:${at}`]]);
  const conf = path.join(folder, 'nginx-main.conf');
  fs.writeFileSync(conf, `daemon off;\npid ${folder}/nginx.pid;\nerror_log ${folder}/nginx-error.log;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path ${folder}/body;\nproxy_temp_path ${folder}/proxy;\nfastcgi_temp_path ${folder}/f;\nuwsgi_temp_path ${folder}/u;\nscgi_temp_path ${folder}/s;\ninclude ${site};\n}\n`);
  const tested = spawnSync(binary('nginx'), ['-t', '-q', '-c', conf, '-e', `${folder}/nginx-start.log`], { encoding: 'utf8' });
  assert.deepEqual([tested.status, tested.stderr], [0, '']);
  assert.ok(!/ip_hash|sticky|hash /.test(source('nginx.conf')));
  await run(binary('nginx'), ['-c', conf, '-e', `${folder}/nginx-start.log`], listening(`http://127.0.0.1:${at}`));
  await serves(`http://127.0.0.1:${at}`, lanes);
});

test('HAProxy takes its example, which keeps no page with a lane; a lane that is gone costs nothing', async () => {
  const at = await freePort();
  const conf = example('haproxy.cfg', [...backends(), ['127.0.0.1:8081', `127.0.0.1:${at}`], ['maxconn 20000', 'maxconn 1000']]);
  const tested = spawnSync(binary('haproxy'), ['-c', '-q', '-f', conf], { encoding: 'utf8' });
  assert.deepEqual([tested.status, tested.stdout + tested.stderr], [0, '']);
  assert.ok(!/stick|cookie|balance source/.test(source('haproxy.cfg')));
  const base = `http://127.0.0.1:${at}`;
  await run(binary('haproxy'), ['-db', '-f', conf], listening(base));
  await serves(base, lanes);
  await lanes[1].kill();
  await serves(base, [lanes[0]]);
  for (const end = Date.now() + limit(3000); Date.now() < end; await sleep(100)) assert.equal((await send(base, { path: '/readyz' })).status, 200);
});

test('the units are units, and their words are options of serve', () => {
  const help = spawnSync(OA_BIN, ['serve', '--help'], { encoding: 'utf8' }).stdout;
  const lane = source('oa-stream@.service');
  for (const [option] of lane.slice(lane.indexOf('ExecStart=')).matchAll(/--[a-z-]+/g)) assert.ok(help.includes(option), `serve has ${option}`);
  for (const name of ['oa-stream@.service', 'codex-server@.service']) {
    const file = path.join(folder, name.replace('@', '@8080'));
    fs.writeFileSync(file, source(name).replaceAll('/usr/bin/oa-stream', OA_BIN).replaceAll('/usr/local/bin/codex', '/bin/true').replaceAll('EnvironmentFile=/etc', 'EnvironmentFile=-/etc'));
    const checked = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ''], name);
  }
});
