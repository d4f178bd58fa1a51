// The shipped playbooks of each traffic driver: they validate, and what they plan can be carried out.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { LocalTarget } from '../lib/local_target.mjs';

const GIVEN = {
  local: ['socket=/run/front.sock'],
  haproxy: ['socket=/run/haproxy.sock', 'backend=chat'],
  command: ['program=/usr/local/bin/split', 'stable_url=http://127.0.0.1:1', 'canary_url=http://127.0.0.1:2'],
  'cloud-run': ['project=p', 'region=r', 'service=s'],
};
const ALL = ['base_url=http://127.0.0.1:1', 'stable=v1', 'canary=v2'];
const set = (values) => values.flatMap((value) => ['--set', value]);
let target;
before(async () => { target = await LocalTarget.start(); });
after(() => target.stop());

test('each driver has a cutover and a rollback that validate, shipped and as a copy', async () => {
  const list = (await target.oa(['playbook', 'list', '--json'])).json();
  for (const [driver, given] of Object.entries(GIVEN)) {
    for (const kind of ['cutover', 'rollback']) {
      const name = driver === 'cloud-run' ? kind : `${kind}-${driver}`;
      assert.ok(JSON.stringify(list).includes(`"${name}"`), `${name} is listed`);
      const text = (await target.oa(['playbook', 'show', name])).stdout;
      assert.match(text, new RegExp(`driver: ${driver}\n`));
      assert.equal((await target.oa(['playbook', 'show', `${kind}-${driver}`])).stdout, text, 'each is found by its driver');
      const copy = target.write(`${name}-copy.yaml`, text);
      for (const one of [name, copy]) {
        const valid = await target.oa(['playbook', 'validate', one, ...set([...ALL, ...given])]);
        assert.equal(valid.code, 0, `${one}: ${valid.stdout}${valid.stderr}`);
      }
    }
  }
});

test('cutover-local is planned on real lanes, and rollback-local gives everything back', async () => {
  const words = set([`base_url=${target.base}`, `socket=${target.socket}`, 'stable=v1', 'canary=v2']);
  const plan = await target.oa(['cutover', 'plan', 'cutover-local', ...words, ...set(['continuity=new-threads-only', 'continuity_reason=the lanes of this test keep their threads in memory'])]);
  assert.equal(plan.code, 10, plan.stderr);
  assert.match(plan.stdout, /shift@5%/);
  assert.match(plan.stderr, / next: oa-stream cutover plan cutover-local --set .* --out FILE\n$/);

  await target.setWeights({ v1: 60, v2: 40 });
  const file = path.join(target.folder, 'back.json');
  const back = await target.oa(['rollback', 'plan', 'rollback-local', ...words, '--out', file]);
  assert.equal(back.code, 10, back.stderr);
  assert.ok(fs.existsSync(file));
  const done = await target.oa(['rollback', 'apply', file]);
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(await target.weights(), { v1: 100, v2: 0 });
});
