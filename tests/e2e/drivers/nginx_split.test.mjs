// The example for the command driver, with the real nginx: when it says that it is done, nginx serves the new split.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../lib/free_port.mjs';
import { send } from '../lib/http.mjs';
import { ROOT, cleanEnv, scratch } from '../lib/process.mjs';
import { binary, runNginx } from '../lib/proxies.mjs';

const PROGRAM = path.join(ROOT, 'examples/command-driver/nginx-split');
let nginx, port, env;

before(async () => {
  const split = path.join(scratch('nginx-split'), 'split.conf');
  fs.writeFileSync(split, 'split_clients "$request_id" $oa_revision { * stable; }\n');
  port = await freePort();
  nginx = await runNginx(`include ${split};\nserver {\n  listen 127.0.0.1:${port};\n  location / { return 200 $oa_revision; }\n}\n`, port);
  const wrapper = path.join(nginx.folder, 'nginx');
  fs.writeFileSync(wrapper, `#!/bin/sh\nexec ${binary('nginx')} -p ${nginx.folder} -c ${nginx.folder}/main.conf -e stderr "$@"\n`, { mode: 0o755 });
  env = cleanEnv({ OA_STREAM_DRIVER_SPLIT_FILE: split, OA_STREAM_DRIVER_NGINX: wrapper, OA_STREAM_DRIVER_NGINX_PID: path.join(nginx.folder, 'pid') });
});
after(() => nginx.kill());

const call = (name, more = {}) => spawnSync(PROGRAM, [name], { env: { ...env, ...more }, encoding: 'utf8' });
const read = () => JSON.parse(call('read').stdout);
const set = (canary, etag) => call('set', { OA_STREAM_TARGET: `canary=${canary} stable=${100 - canary}`, OA_STREAM_ETAG: etag });

test('who comes first after a write is answered by the new split', async () => {
  for (let i = 0; i < 20; ++i) {
    const canary = i % 2 === 0 ? 100 : 0;
    const done = set(canary, read().etag);
    assert.equal(done.status, 0, done.stderr);
    assert.equal((await send(`http://127.0.0.1:${port}`, { path: '/' })).text, canary ? 'canary' : 'stable', `write ${i + 1}`);
  }
});

test('the same split written once more makes an earlier etag old', () => {
  const before_ = read();
  assert.equal(set(before_.serving.canary, before_.etag).status, 0);
  assert.deepEqual(read().serving, before_.serving);
  const late = set(50, before_.etag);
  assert.deepEqual([late.status, late.stderr], [111, 'nginx-split: the file was changed since it was read\n']);
});
