// What `smoke completions` and `smoke responses` catch: a small server of both APIs passes, and with each
// of its faults it does not. SMOKE_REPORT=FILE writes the list.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { oa } from '../lib/process.mjs';
import { FAULTS, KEY, startServer } from './broken_server.mjs';

const smoke = (api, base) => oa(['smoke', api, '--base-url', base, '--auth', 'env:KEY', '--json'], { env: { KEY } });
const failed = (run) => run.json().checks.filter((check) => check.verdict === 'FAIL').map((check) => check.id);

/** Not found, and why: a fast model's answer looks the same. With --direct the origin's pacing is compared. */
const SURVIVORS = ['all at once'];

for (const api of ['completions', 'responses']) {
  test(`smoke ${api}: a good server passes every check that its API has`, async () => {
    const server = await startServer();
    const run = await smoke(api, server.base);
    await server.close();
    assert.equal(run.code, 0, run.stdout);
    const skipped = run.json().checks.filter((check) => check.verdict === 'SKIPPED').map((check) => check.id.split('.').slice(1).join('.'));
    assert.deepEqual(skipped, [...(api === 'responses' ? ['stop'] : ['stored']), 'edge.shape', 'edge.timings'], run.stdout);
  });

  test(`smoke ${api}: every fault is found`, async () => {
    const faults = Object.entries({ ...FAULTS.both, ...FAULTS[api] });
    const rows = [];
    const work = async () => {
      for (let next = faults.shift(); next; next = faults.shift()) {
        const [name, fault] = next;
        const server = await startServer(fault);
        const run = await smoke(api, server.base);
        await server.close();
        rows.push({ name, code: run.code, by: run.code === 1 ? failed(run) : [run.json().verdict] });
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    const survived = rows.filter((row) => row.code === 0).map((row) => row.name);
    if (process.env.SMOKE_REPORT) fs.appendFileSync(process.env.SMOKE_REPORT, `${api}: ${rows.length - survived.length} of ${rows.length}\n${rows.map((row) => `  ${row.code === 0 ? 'SURVIVED' : 'caught  '}  ${row.name}: ${row.by.join(', ')}`).join('\n')}\n`);
    assert.deepEqual(survived, SURVIVORS);
  });
}
