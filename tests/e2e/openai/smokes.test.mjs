// What `smoke completions` and `smoke responses` catch: a small server of both APIs passes, and with each
// of its faults it does not. There is at least one fault for each rule of the contract of chat
// completions but one: what SIGTERM does shows whoever may send it (tests/conformance), and no smoke may.
// SMOKE_REPORT=FILE writes the list, SMOKE_ONLY=WORD takes the faults with that word.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { oa } from '../lib/process.mjs';
import { BOTH } from './broken/faults_both.mjs';
import { COMPLETIONS } from './broken/faults_completions.mjs';
import { RESPONSES } from './broken/faults_responses.mjs';
import { TURNS } from './broken/faults_turns.mjs';
import { TURNS_COMPLETIONS } from './broken/faults_turns_completions.mjs';
import { KEY } from './broken/good.mjs';
import { startServer } from './broken/server.mjs';

const smoke = (api, base, ...more) => oa(['smoke', api, '--base-url', base, '--auth', 'env:KEY', '--json', ...more], { env: { KEY }, ms: 180_000 }); // forty-eight at once
const failed = (run) => run.json().checks.filter((check) => check.verdict === 'FAIL').map((check) => check.id);

/**
 * Not found, and why: a fast model's answer looks the same (with --direct the origin's pacing is compared);
 * members and events of the provider's own, as `system_fingerprint`, are no fault of whoever passes them on.
 */
const SURVIVORS = ['all at once', 'members that nobody knows', 'an event that nobody knows'];
const only = process.env.SMOKE_ONLY;
const FAULTS = {
  completions: [[{ ...BOTH, ...COMPLETIONS }, false], [{ ...TURNS, ...TURNS_COMPLETIONS }, true]],
  responses: [[{ ...BOTH, ...RESPONSES }, false], [TURNS, true]],
};

/** What each fault of these lists was caught by; so many smokes at a time, as they wait for answers that are paced. */
async function play(api, lists) {
  const left = lists.flatMap(([list, scenarios]) => Object.entries(list).map(([name, fault]) => [name, fault, scenarios])).filter(([name]) => !only || name.includes(only)), rows = [];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [name, fault, scenarios] = next;
      const server = await startServer(fault, { scenarios });
      const run = await smoke(api, server.base);
      await server.close();
      rows.push({ name, code: run.code, by: run.code === 1 ? failed(run) : [run.stdout ? run.json().verdict : 'no end in time'] });
    }
  };
  await Promise.all(Array.from({ length: 48 }, work));
  return rows;
}

const APIS = ['completions', 'responses'];

const good = (api) => {
  for (const [kind, rule, scenarios] of [['', {}, false], ['of one turn that ends after its client left ', { limit: 1, late: 300, retryAfter: '1' }, false], ['of made-up turns ', {}, true]]) {
    test(`smoke ${api}: a good server ${kind}passes every check that its API has`, async () => {
      const server = await startServer(rule, { scenarios });
      const run = await smoke(api, server.base);
      await server.close();
      assert.equal(run.code, 0, run.stdout);
      assert.equal(server.stored(), 0, 'responses that it left');
      const skipped = run.json().checks.filter((check) => check.verdict === 'SKIPPED').map((check) => check.id.split('.').slice(1).join('.'));
      const turns = scenarios ? ['turns.quiet'] : skipped.filter((name) => name.startsWith('turns.'));
      assert.deepEqual(skipped.sort(), [...(api === 'responses' ? ['stop'] : ['stored']), ...turns, 'edge.shape', 'edge.timings'].sort(), run.stdout);
    });
  }

  test(`smoke ${api} --slow: a stream that is silent for long sends comments`, async () => {
    const quiet = async (fault, scenarios = true) => {
      const server = await startServer(fault, { scenarios });
      const run = await smoke(api, server.base, '--slow');
      await server.close();
      return run;
    };
    const [good, none, late, unable] = await Promise.all([quiet({}), quiet({ ping: 0 }), quiet({ ping: 18_000 }), quiet({}, false)]);
    assert.equal(good.code, 0, good.stdout);
    const verdict = (run) => run.json().checks.find((check) => check.id.endsWith('.turns.quiet')).verdict;
    assert.deepEqual([good, none, late, unable].map(verdict), ['PASS', 'FAIL', 'FAIL', 'SKIPPED']);
    assert.deepEqual([none, late].map(failed), [[`${api}.turns.quiet`], [`${api}.turns.quiet`]]);
  });
};
// A silent stream takes 19 s, whatever is smoked beside it.
describe('servers that keep the rules', { concurrency: true }, () => APIS.forEach(good));

for (const api of APIS) {
  test(`smoke ${api}: every fault is found`, async () => {
    const rows = await play(api, FAULTS[api]);
    const survived = rows.filter((row) => row.code !== 1).map((row) => row.name);
    if (process.env.SMOKE_REPORT) fs.appendFileSync(process.env.SMOKE_REPORT, `${api}: ${rows.length - survived.length} of ${rows.length}\n${rows.map((row) => `  ${row.code === 1 ? 'caught  ' : 'SURVIVED'}  ${row.name}: ${row.by.join(', ')}`).join('\n')}\n`);
    assert.deepEqual(survived.filter((name) => !SURVIVORS.includes(name)), []);
  });
}
