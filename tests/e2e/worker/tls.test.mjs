// Control over https and Khala over wss: a certificate that is vouched for is taken, any other is refused before a
// token is said.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, test } from 'node:test';
import { read } from '../lib/contract.mjs';
import { chat } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { limit, scratch, sleep } from '../lib/process.mjs';
import { selfSign } from '../lib/proxies.mjs';
import { startFake } from './fake/fake-runtime.mjs';
import { scenarios } from './fake/scenarios.mjs';

let fake, front, port, heard = '';
const folder = scratch('certificate'), cert = path.join(folder, 'cert.pem'), key = path.join(folder, 'key.pem');
before(async () => {
  selfSign({ cert, key, subject: 'localhost', names: 'DNS:localhost' });
  fake = await startFake({});
  front = tls.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, (near) => {
    const far = net.connect(fake.port, '127.0.0.1');
    for (const [socket, other] of [[near, far], [far, near]]) { socket.on('error', () => {}); socket.on('close', () => other.destroy()); }
    near.on('data', (data) => { heard += data; });
    near.pipe(far).pipe(near);
  });
  front.on('tlsClientError', () => {});
  await new Promise((done) => front.listen(0, '127.0.0.1', done));
  port = front.address().port;
});
after(async () => { front.close(); await fake.stop(); });

const start = (wire, host, env = {}) => startLane({
  authority: 'worker', args: ['--worker-control', `https://${host}:${port}`, '--khala-url', `wss://${host}:${port}`, '--khala-wire', wire], env: { OA_STREAM_WORKER_TOKEN: fake.token, ...env }, name: `tls-${wire}`,
});
async function readyz(lane, wanted) {
  let seen;
  for (const end = Date.now() + limit(20000); Date.now() < end; await sleep(50)) {
    const answer = await fetch(`${lane.base}/readyz`);
    seen = { status: answer.status, text: await answer.text() };
    if (wanted(seen)) return seen;
  }
  return assert.fail(JSON.stringify(seen));
}

for (const wire of ['rust', 'phoenix']) {
  test(`a turn over TLS, ${wire} wire`, async () => {
    const lane = await start(wire, 'localhost', { SSL_CERT_FILE: cert });
    await readyz(lane, (seen) => seen.status === 200);
    assert.equal(read(await chat(lane.base, 'scenario:text').done).texts.join(''), scenarios.text.expect.text);
    await lane.stop();
  });
}

for (const [what, host, env] of [['nobody vouches for it', 'localhost', {}], ['it is of another host', '127.0.0.1', { SSL_CERT_FILE: cert }]]) {
  test(`a certificate is refused: ${what}`, async () => {
    heard = '';
    const lane = await start('rust', host, env);
    const seen = await readyz(lane, ({ status, text }) => status === 503 && /tls|certificate/i.test(text));
    assert.ok(!seen.text.includes(fake.token));
    assert.equal(heard, '', 'nothing was said');
    await lane.stop();
  });
}
