// A page of another origin: the browser asks whether it may send the headers that its client sets.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startLane } from '../e2e/lib/lane.mjs';
import { CLIENTS, makeChat } from './ui-message-stream/lib.mjs';

const ORIGIN = 'https://app.example';
let lane;
before(async () => { lane = await startLane({ args: ['--cors-origin', ORIGIN] }); });
after(() => lane.stop());

for (const name of Object.keys(CLIENTS)) {
  test(`${name}: a message and a resume may have the headers that it sets`, async () => {
    const sent = [];
    const record = (url, init = {}) => (sent.push({ url, method: init.method ?? 'GET', headers: new Headers(init.headers) }), fetch(url, init));
    const { chat } = await makeChat(name, { api: `${lane.base}/api/chat`, id: `from-${name}`, fetch: record });
    await chat.sendMessage({ text: 'scenario:words;n=2' });
    await chat.resumeStream();
    assert.deepEqual(sent.map((x) => x.method), ['POST', 'GET']);
    for (const { url, method, headers } of sent) {
      const names = [...headers.keys()].join(',');
      const answer = await fetch(url, { method: 'OPTIONS', headers: { origin: ORIGIN, 'access-control-request-method': method, 'access-control-request-headers': names } });
      const allowed = answer.headers.get('access-control-allow-headers').split(', ');
      assert.deepEqual(names.split(',').filter((one) => one && !allowed.includes(one)), [], `${method} ${names}`);
    }
  });
}
