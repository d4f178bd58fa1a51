// `front --mirror` between real processes: a second lane gets copies, its answers are compared and
// reach nobody, and no state of that lane is felt by a user.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import test, { after, before } from 'node:test';
import { relay } from '../lib/fake_lane.mjs';
import { chat, send } from '../lib/http.mjs';
import { startLane } from '../lib/lane.mjs';
import { startFront } from '../lib/local_target.mjs';
import { oa } from '../lib/process.mjs';

let user, next;
before(async () => {
  user = await startLane({ name: 'user' });
  next = await startLane({ name: 'next' });
});
after(async () => {
  await user?.stop();
  await next?.stop();
});

const mirrored = (where, args = [], more = {}) => startFront(['--backend', `stable=${user.base}`, '--mirror', where, ...args], more);
const turn = async (front, text = 'replay:02-text-paced', more = {}) => chat(front.base, text, { id: `t-${Math.random().toString(36).slice(2)}`, ...more }).done;
/** What became of the copies, once `done` holds. */
const counted = async (front, done) => {
  let last;
  await front.until(async () => {
    last = (await front.state()).mirror;
    return done(last.counters, last);
  }, 'what became of the copies').catch((error) => assert.fail(`${error.message}\n${JSON.stringify(last)}`));
  return last;
};
const over = (c) => c.copied > 0 && c.copied === c.same + c.different + c.unanswered + c.late + c.abandoned;
const p95 = (times) => times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)];

test('a share of conversations is copied, and equal lanes differ in nothing', async () => {
  const seen = [];
  const between = await relay(next.base, { seen });
  const front = await mirrored(`next=${between.base}@10%,dry`);
  try {
    const sampled = async () => (await front.state()).mirror.counters.sampled;
    for (let n = 0; n < 40; ++n) assert.equal((await turn(front, 'replay:02-text-paced', { id: `once-${n}` })).status, 200);
    const once = await sampled();
    // The second turn of a conversation goes where its first went.
    const rounds = [];
    for (let n = 0; n < 3; ++n) {
      for (let m = 0; m < 20; ++m) await turn(front, 'replay:01-echo', { id: `again-${m}` });
      rounds.push(await sampled());
    }
    const each = rounds[0] - once;
    assert.ok(once > 0 && once < 10 && each > 0 && each < 6, `${once} ${rounds}`);
    assert.deepEqual(rounds, [1, 2, 3].map((n) => once + n * each));
    const { counters, open, bytes } = await counted(front, over);
    assert.deepEqual([counters.sampled, counters.copied], [rounds[2], rounds[2]]);
    assert.equal(counters.same, counters.copied, front.stderr);
    assert.deepEqual([open, bytes], [0, 0]);
    assert.equal(seen.length, counters.copied);
    const text = (await front.admin('GET', '/metrics')).text;
    assert.match(text, new RegExp(`oa_stream_front_mirror_requests_total\\{mirror="next",result="same"\\} ${counters.same}\n`));
    assert.equal((await front.stop()).code, 0);
    assert.match(front.stderr, new RegExp(`mirror next: ${counters.sampled} sampled, .*${counters.same} same, 0 different`));
  } finally {
    between.stop();
    await front.stop();
  }
});

test('a planted difference is a line without what was said, and the user sees nothing of it', async () => {
  const between = await relay(next.base, { edit: (body) => body.replace('"status":"completed"', '"status":"interrupted"').replace(/"delta":"[^"]*"/, '"delta":"planted-words"') });
  const front = await mirrored(`next=${between.base}@100%,dry`);
  try {
    const got = await turn(front);
    assert.equal(got.chunks.at(-1) ?? got.chunks.at(-2), '[DONE]');
    assert.ok(!got.text.includes('planted-words'));
    const { counters } = await counted(front, over);
    assert.deepEqual([counters.same, counters.different], [0, 1]);
    const id = got.headers['x-request-id'];
    await front.until(() => /ending of the turn: .*\n/.test(front.stderr), 'what differs');
    const lines = front.stderr.split('\n').filter((line) => line.includes('mirror next differs in POST /api/chat'));
    assert.ok(lines.length >= 2, front.stderr);
    assert.ok(lines.every((line) => line.includes(`request ${id}`)), front.stderr);
    assert.match(front.stderr, /text of part \d+ \(text\): lane \d+ bytes, from byte 0; reference \d+ bytes/);
    assert.match(front.stderr, /ending of the turn: lane interrupted; reference completed/);
    assert.ok(!/planted-words|bravo/.test(front.stderr), front.stderr);
  } finally {
    between.stop();
    await front.stop();
  }
});

test('turns are copied only where the target says that it is dry', async () => {
  // A lane that does work: /version names another authority. Nothing but reading reaches it.
  const acted = [];
  let version = { name: 'lane', authority: { name: 'codex' } };
  const working = http.createServer((request, answer) => {
    if (request.method !== 'GET') acted.push(request.url);
    answer.setHeader('content-type', 'application/json');
    answer.end(JSON.stringify(version));
  });
  await new Promise((done) => working.listen(0, '127.0.0.1', done));
  const front = await mirrored(`next=http://127.0.0.1:${working.address().port}@100%`);
  // A lane on recordings says so itself.
  const honest = await mirrored(`next=${next.base}@100%`);
  try {
    for (let n = 0; n < 3; ++n) assert.equal((await turn(front)).status, 200);
    await send(front.base, { path: '/version' });
    const { counters, dry } = await counted(front, (c) => c.refused === 3 && over(c));
    assert.equal(dry, false);
    assert.equal(counters.copied, 1);
    assert.deepEqual(acted, []);
    await counted(honest, (_, mirror) => mirror.dry);
    await turn(honest);
    assert.equal((await counted(honest, over)).counters.same, 1);
    // It may come to say so, and to say so no more.
    version = { ...version, dry: true };
    await front.until(() => front.stderr.includes('mirror next reports that it is dry'), 'dry', 20000);
    await turn(front);
    await counted(front, (c) => c.copied === 2);
    await front.until(() => acted.length > 0, 'the copy of a turn');
    assert.deepEqual(acted, ['/api/chat']);
    version = { ...version, dry: false };
    await front.until(() => front.stderr.includes('no longer reports that it is dry'), 'no longer dry', 20000);
    await turn(front);
    assert.equal((await counted(front, (c) => c.refused === 4)).counters.copied, 2);
  } finally {
    working.closeAllConnections();
    working.close();
    await front.stop();
    await honest.stop();
  }
});

test("users' tokens stay with the users, unless told otherwise", async () => {
  const seen = [];
  const between = await relay(next.base, { seen });
  const headers = { authorization: 'Bearer users-own-token-4711', cookie: 'sid=users-own-cookie-4711', 'api-key': 'users-azure-key-4711', 'x-api-key': 'users-own-key-4711', 'x-forwarded-for': '192.0.2.1' };
  const run = async (words, args = [], env = {}) => {
    const front = await mirrored(`next=${between.base}@100%,dry${words}`, args, { env });
    await turn(front, 'replay:01-echo', { headers });
    await counted(front, over);
    await front.stop();
    return JSON.stringify(seen.splice(0).map((one) => one.headers));
  };
  try {
    const bare = await run('');
    assert.ok(!/4711|192\.0\.2\.1/.test(bare), bare);
    assert.match(bare, /"x-oa-probe":"mirror"/);
    const told = await run(',tokens');
    assert.match(told, /users-own-token-4711/);
    assert.match(told, /users-own-cookie-4711/);
    assert.match(told, /users-azure-key-4711/);
    assert.ok(!/users-own-key/.test(told), told);
    const own = await run('', ['--mirror-auth', 'env:MIRROR_TOKEN'], { MIRROR_TOKEN: 'mirrors-own-token-0815' });
    assert.match(own, /Bearer mirrors-own-token-0815/);
    assert.ok(!/4711/.test(own), own);
  } finally {
    between.stop();
  }
});

/** Until `holds`; the test's own limit ends it. */
const until = async (holds) => { while (!holds()) await new Promise((done) => setTimeout(done, 5)); };

/** Takes connections and never answers. */
const hung = () => new Promise((done) => {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.resume(); // else its end is not seen
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1', () => done({ base: `http://127.0.0.1:${server.address().port}`, sockets, stop: () => { for (const one of sockets) one.destroy(); server.close(); } }));
});
const descriptors = (front) => fs.readdirSync(`/proc/${front.pid}/fd`).length;
async function times(front, count = 60) {
  const out = [];
  for (let n = 0; n < count; ++n) {
    const from = performance.now();
    const got = await turn(front, 'replay:01-echo');
    assert.equal(got.status, 200);
    out.push(performance.now() - from);
  }
  return out;
}

test('a dead and a hung mirror are not felt, and leave nothing behind', async () => {
  const silent = await hung();
  const plain = await startFront(['--backend', `stable=${user.base}`]);
  const dead = await mirrored('next=http://127.0.0.1:9@100%,dry');
  const stuck = await mirrored(`next=${silent.base}@100%,dry`, ['--mirror-open', '8', '--mirror-patience', '1s']);
  try {
    const before = p95(await times(plain));
    const most = descriptors(plain) + 4; // the mirror's own, and fewer than its copies
    for (const front of [dead, stuck]) {
      const now = p95(await times(front));
      assert.ok(now < before * 3 + 500, `p95 ${now} ms beside ${before} ms`);
    }
    assert.ok(silent.sockets.size <= 8, `${silent.sockets.size} connections`);
    const lost = (await counted(dead, over)).counters;
    assert.equal(lost.unanswered, 60);
    await dead.until(() => dead.stderr.includes('mirror next does not answer (refused)'), 'what is said of it');
    assert.equal(dead.stderr.split('mirror next does not answer (refused)').length - 1, 1, dead.stderr);
    const { counters, open, bytes } = await counted(stuck, over);
    assert.ok(counters.late >= 8, JSON.stringify(counters));
    assert.equal(counters.copied + counters.busy, 60);
    assert.deepEqual([open, bytes], [0, 0]);
    await stuck.until(() => descriptors(stuck) <= most, `at most ${most} descriptors`);
  } finally {
    silent.stop();
    for (const front of [plain, dead, stuck]) await front.stop();
  }
});

test('what is beyond the budget is dropped, and the user has all of it', async () => {
  const seen = [];
  const between = await relay(next.base, { seen });
  const front = await mirrored(`next=${between.base}@100%,dry`, ['--mirror-bytes', '20k']);
  try {
    const before = [{ id: 'u-0', role: 'user', parts: [{ type: 'text', text: 'x'.repeat(100_000) }] }];
    assert.equal((await turn(front, 'replay:01-echo', { before })).status, 200);
    const { counters } = await counted(front, (c) => c.too_large === 1);
    assert.deepEqual([counters.copied, seen.length], [0, 0]);
    // An answer that outgrows it on the way.
    const whole = await turn(front, 'replay:09-huge');
    assert.ok(whole.text.length > 10_000 && whole.text.includes('[DONE]'), `${whole.text.length} bytes`);
    await turn(front, 'replay:01-echo');
    const after = await counted(front, (c, mirror) => c.same === 1 && mirror.open === 0);
    assert.deepEqual([after.counters.too_large, after.bytes], [2, 0]);
  } finally {
    between.stop();
    await front.stop();
  }
});

test('SIGTERM in the middle waits for users, not for the mirror', async () => {
  const paced = await startLane({ name: 'paced', pace: 'recorded' });
  const silent = await hung();
  const front = await startFront(['--backend', `stable=${paced.base}`, '--mirror', `next=${silent.base}@100%,dry`]);
  try {
    const going = chat(front.base, 'replay:02-text-paced', { id: 'sigterm' });
    await going.frame('text-delta');
    await front.until(() => silent.sockets.size === 1, 'the copy');
    front.signal('SIGTERM');
    const got = await going.done;
    assert.ok(got.text.includes('[DONE]'), got.text);
    const from = Date.now();
    assert.equal((await front.end()).code, 0);
    assert.ok(Date.now() - from < 20000, 'the copy has 30 s');
    assert.match(front.stderr, /mirror next: 1 sampled, 1 copied, 0 same, 0 different, 1 abandoned/);
    await until(() => silent.sockets.size === 0);
  } finally {
    silent.stop();
    await front.stop();
    await paced.stop();
  }
});

test('a user who leaves takes the copy along', async () => {
  const paced = await startLane({ name: 'paced', pace: 'recorded' });
  const front = await startFront(['--backend', `stable=${paced.base}`, '--mirror', `next=${next.base}@100%,dry`]);
  try {
    const going = chat(front.base, 'replay:02-text-paced', { id: 'left' });
    await going.frame('text-delta');
    going.destroy();
    const { counters, open } = await counted(front, over);
    assert.deepEqual([counters.abandoned, open], [1, 0]);
  } finally {
    await front.stop();
    await paced.stop();
  }
});

test('what cannot be meant is said at once', async () => {
  for (const [where, why] of [
    ['next', 'is not NAME=URL@SHARE'],
    ['next=http://127.0.0.1:1', 'is not NAME=URL@SHARE'],
    ['next=http://127.0.0.1:1@0%', 'not a share above 0%'],
    ['next=http://127.0.0.1:1@10%,wet', 'none of the words'],
    ['a b=http://127.0.0.1:1@10%', "a mirror's name"],
    ['next=ftp://127.0.0.1@10%', 'http'],
  ]) {
    const got = await oa(['front', '--backend', `stable=${user.base}`, '--mirror', where]);
    assert.equal(got.code, 2, got.stderr);
    assert.ok(got.stderr.includes(why), got.stderr);
  }
  const both = await oa(['front', '--backend', `stable=${user.base}`, '--mirror', 'n=http://127.0.0.1:1@1%,tokens', '--mirror-auth', 'env:X'], { env: { X: 'some-token-value' } });
  assert.equal(both.code, 2, both.stderr);
});
