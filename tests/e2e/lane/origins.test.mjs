// A page of another site, in the browser of somebody whose machine or network runs a lane: what it
// can send without being asked, and what DNS rebinding makes of its own name.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertLegal, assertRefused } from '../lib/contract.mjs';
import { chat, chatBody, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { oa } from '../lib/process.mjs';
import { startNginx } from '../lib/proxies.mjs';

const EVIL = { host: 'evil.example:8080', origin: 'http://evil.example:8080' };
let lane;
before(async () => { lane = await startLane({ pace: 'x0.1', args: ['--allow-host', 'lane.example', '--allow-host', '*.wild.example', '--cors-origin', 'https://app.example'] }); });
after(async () => { assert.equal((await lane.stop()).code, 0); });
const ended = () => lane.stderr.split('\n').filter((l) => l.includes('"terminal"'));

test('DNS rebinding: a name that is not the lane\'s gets 421 and runs nothing', async () => {
  for (const path of ['/api/chat', '/v1/chat/completions']) {
    const answer = await send(lane.base, { method: 'POST', path, headers: EVIL, body: { ...chatBody('replay:01-echo'), model: 'replay' } });
    assert.deepEqual([answer.status, answer.json().error.code], [421, 'host_not_allowed'], path);
  }
  for (const path of ['/api/chats', '/metrics', '/version', '/nowhere']) assert.equal((await send(lane.base, { path, headers: EVIL })).status, 421, path);
  for (const path of ['/healthz', '/readyz']) assert.equal((await send(lane.base, { path, headers: EVIL })).status, 200, path);
  const absolute = await send(lane.base, { raw: `GET http://evil.example/version HTTP/1.1\r\nhost: localhost\r\n\r\n` });
  assert.equal(absolute.status, 421, 'the target counts before Host');
  assert.equal(ended().length, 0);
});

test('this machine, --allow-host and its star are answered', async () => {
  for (const host of ['localhost', 'localhost:1', '127.0.0.1', '[::1]:80', 'lane.example', 'lane.example:443', 'a.wild.example']) {
    assert.equal((await send(lane.base, { path: '/version', headers: { host } })).status, 200, host);
  }
  for (const host of ['wild.example', 'lane.example.evil.example', '127.0.0.1.evil.example', '10.1.2.3']) {
    assert.equal((await send(lane.base, { path: '/version', headers: { host } })).status, 421, host);
  }
});

test('a cross-origin POST that browsers send without asking stops no turn and starts none', async () => {
  const turn = chat(lane.base, 'replay:02-text-paced', { id: 'mine' }); // until the stop below
  await turn.frame('text-delta');
  const stop = '/api/chats/mine/stop';
  const simple = [
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'multipart/form-data; boundary=b' },
  ];
  for (const headers of simple) {
    assertRefused(await send(lane.base, { method: 'POST', path: stop, headers, body: 'x' }), 415, 'unsupported_media_type');
    for (const origin of ['https://evil.example', 'null']) {
      for (const path of [stop, '/api/chat', '/api/chats']) {
        assertRefused(await send(lane.base, { method: 'POST', path, headers: { ...headers, origin }, body: JSON.stringify(chatBody('replay:01-echo')) }), 403, 'origin_not_allowed');
      }
    }
  }
  const bare = { 'content-type': null, 'content-length': 0 };
  for (const headers of [{ ...bare, origin: 'https://evil.example' }, { ...bare, 'sec-fetch-site': 'cross-site' }, { ...bare, 'sec-fetch-site': 'same-site' }]) {
    assertRefused(await send(lane.base, { method: 'POST', path: stop, headers }), 403, 'origin_not_allowed');
  }
  const before = turn.frames.length;
  await turn.wait((x) => x.frames.length > before, 'more of the turn');
  // Its own page, a listed one and a program may.
  const { host } = new URL(lane.base);
  assert.equal((await send(lane.base, { method: 'POST', path: '/api/chats', headers: { origin: `http://${host}` }, body: {} })).status, 201);
  assert.equal((await send(lane.base, { method: 'POST', path: '/api/chats', headers: { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }, body: {} })).status, 201);
  assert.equal((await send(lane.base, { method: 'POST', path: stop })).status, 200);
  await turn.done;
});

test('behind nginx: the page of the public name acts, by Host as by X-Forwarded-Host', async () => {
  const trusting = await startLane({ args: ['--trusted-proxy', '127.0.0.1', '--allow-host', 'lane.example'] });
  const forwards = [['proxy_set_header Host $http_host;', 'proxy_set_header Host localhost; proxy_set_header X-Forwarded-Host $http_host;']];
  const own = { host: 'lane.example', origin: 'https://lane.example' };
  for (const changes of [[], forwards]) {
    const nginx = await startNginx(trusting.base, changes);
    const made = await chat(nginx.base, 'replay:01-echo', { headers: own }).done;
    assertLegal(made);
    assert.equal((await send(nginx.base, { method: 'POST', path: '/api/chats', headers: { ...own, origin: 'https://evil.example' }, body: {} })).status, 403);
    assert.equal((await send(nginx.base, { path: '/version', headers: { host: 'evil.example' } })).status, 421);
    await nginx.stop();
  }
  assert.equal((await trusting.stop()).code, 0);
});

test('what is not a host is refused at the start', async () => {
  for (const host of ['lane.example:80', 'http://lane.example', 'a*.example']) {
    const run = await oa(['serve', '--authority', 'replay', '--allow-host', host]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /--allow-host.*is not a host name|is not a host name.*--allow-host/s);
  }
});
