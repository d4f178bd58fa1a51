// Each smoke leaves a run of its own kind, by which lists, `last:KIND` and bodies of incidents find it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oa, scratch } from '../lib/process.mjs';

test('a run of smoke responses is no run of smoke completions', async () => {
  const stateDir = scratch('kinds');
  for (const api of ['responses', 'completions']) await oa(['smoke', api, '--base-url', 'http://127.0.0.1:1'], { stateDir });
  const { runs } = (await oa(['runs', 'list', '--json'], { stateDir })).json();
  assert.deepEqual(runs.map((run) => run.kind).sort(), ['smoke-completions', 'smoke-responses']);
  const wanted = runs.find((run) => run.kind === 'smoke-responses');
  assert.match(wanted.id, /-smoke-responses-[0-9a-f]{8}$/);
  const shown = await oa(['runs', 'show', 'last:smoke-responses', '--json'], { stateDir });
  assert.equal(shown.json().run, wanted.id, shown.stdout);
  const body = await oa(['incident', 'body', 'last:smoke-responses'], { stateDir });
  assert.match(body.stdout, new RegExp(wanted.id), body.stderr);
  assert.match(body.stdout, /^# smoke-responses ERROR/);
});
