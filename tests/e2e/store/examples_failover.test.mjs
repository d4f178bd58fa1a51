// The examples of Redis, its users and Sentinel together: copies follow, Sentinels see them, and a
// lane serves turns before and after the primary is lost.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { assertLegal } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { endAll, setUp } from './examples.mjs';
import { again } from '../lib/replicas/pair.mjs';

after(endAll);

const follows = (copy) => copy.until(() => copy.info('replication').includes('master_link_status:up'), 'the link to its primary');
/** By the server's own counts. A copy's first PING, before it logs in, is NOAUTH by design. */
const refusals = (redis) => redis.info('errorstats').split('\r\n').filter((line) => /^errorstat_(NOPERM|WRONGPASS|EXECABORT)/.test(line));

const NAMED = [
  ['addresses', { host: '127.0.0.1', certificate: 'IP:127.0.0.1', redis: [], sentinel: [] }],
  ['names', {
    host: 'localhost',
    certificate: 'DNS:localhost',
    redis: [['# replica-announce-ip store-1.internal', 'replica-announce-ip localhost']],
    sentinel: [['# sentinel resolve-', 'sentinel resolve-'], ['# sentinel announce-hostnames', 'sentinel announce-hostnames']],
  }],
];
/** Side by side, each with servers of its own. */
describe('failovers', { concurrency: true }, () => {
  for (const [what, { host, certificate, redis, sentinel }] of NAMED) {
    test(`a primary, two copies and three Sentinels of the examples survive the loss of the primary; certificates have ${what}`, async () => {
      const { startStore, startSentinel, laneOn } = setUp(certificate);
      const withCopies = [...redis, ['# min-replicas-', 'min-replicas-']];
      const primary = await startStore(withCopies);
      const copies = [];
      for (let i = 0; i < 2; ++i) copies.push(await startStore([...withCopies, ['# replicaof 10.0.0.11 6380', `replicaof ${host} ${primary.port}`]]));
      await Promise.all(copies.map(follows));
      const sentinels = [];
      for (let i = 0; i < 3; ++i) sentinels.push(await startSentinel(`${host} ${primary.port}`, sentinel));
      for (const one of sentinels) {
        for (const word of ['+slave ', '+sentinel ']) await one.until((r) => r.stdout.split(word).length > 2, `two times ${word}`, 20000);
      }

      const { args, env } = laneOn(`rediss+sentinel://${sentinels.map(({ port }) => `${host}:${port}`).join(',')}/oa-stream`);
      const lane = await startLane({ args: [...args, '--drain-timeout', '500ms'], env });
      assertLegal(await chat(lane.base, 'hello', { id: 'before' }).done);
      assert.deepEqual(refusals(primary), []);

      await primary.kill();
      await sentinels[0].until((r) => r.stdout.includes('+switch-master oa-stream'), 'the failover', 30000);
      assertLegal(await again(() => chat(lane.base, 'hello', { id: 'after' }).done, undefined, 20000));
      await Promise.all(copies.map((copy) => copy.until(() => /role:master|master_link_status:up/.test(copy.info('replication')), 'a place after the failover', 20000)));
      for (const copy of copies) assert.deepEqual(refusals(copy), []);
      assert.equal((await lane.stop()).code, 0);
    });
  }
});
