// `smoke completions`: passes against a lane, alone and behind a proxy, and names what a bad server
// or a bad proxy does wrong.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { startLane } from '../lib/lane.mjs';
import { oa } from '../lib/process.mjs';
import { sideBySide } from '../lib/side_by_side.mjs';

const KEY = 'a-key-of-this-test';
/** Four at a time, each against a lane of its own, as a key has so many streams: they wait for nearly all of their time. */
const beside = sideBySide('smokes', 4, () => startLane({ name: 'lane', env: { OA_STREAM_TOKEN: KEY } }), async (lane) => assert.equal((await lane.stop()).code, 0));

const smoke = (base, args = [], env = { KEY }) => oa(['smoke', 'completions', '--base-url', base, '--auth', 'env:KEY', '--json', ...args], { env });
const checksOf = (run) => Object.fromEntries(run.json().checks.map((c) => [c.id.replace('completions.', ''), c]));
const verdictOf = (run, name) => checksOf(run)[name].verdict;

/** A proxy in front of a lane; `spoil(body, status, url)` gives what the client gets instead, all at once. */
async function proxy(lane, spoil) {
  const server = http.createServer((request, response) => {
    const onward = http.request(lane.base + request.url, { method: request.method, headers: request.headers }, (answer) => {
      const chunks = [];
      answer.on('data', (bytes) => chunks.push(bytes));
      answer.on('end', () => {
        const headers = { ...answer.headers };
        delete headers['transfer-encoding'];
        const { status = answer.statusCode, body } = spoil(Buffer.concat(chunks).toString(), answer.statusCode, request.url);
        headers['content-length'] = Buffer.byteLength(body);
        response.writeHead(status, headers).end(body);
      });
    });
    request.pipe(onward);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { base: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }) };
}

beside('a good lane passes, and every answer is kept', async (lane) => {
  const run = await smoke(lane.base);
  assert.equal(run.code, 0, run.stdout);
  const document = run.json();
  assert.equal(document.verdict, 'PASS');
  for (const name of ['models', 'whole.first', 'whole.second', 'whole.shape', 'stream.contract', 'stream.incremental', 'usage', 'reject.parameter', 'auth.missing-key']) {
    assert.equal(verdictOf(run, name), 'PASS', checksOf(run)[name].detail);
  }
  assert.match(checksOf(run).models.detail, /^\S+ of 1 model$/);
  assert.equal(verdictOf(run, 'edge.shape'), 'SKIPPED');
  const kept = checksOf(run)['stream.contract'].evidence;
  const bytes = fs.readFileSync(path.join(document.evidence, kept.find((f) => f.endsWith('.sse'))), 'utf8');
  assert.ok(bytes.endsWith('data: [DONE]\n\n'));
  const judged = await oa(['check', '--profile', 'chat-completions', '--json', path.join(document.evidence, kept[0])]);
  assert.equal(judged.json().verdict, 'pass');
  assert.equal(run.stdout.includes(KEY) || run.stderr.includes(KEY), false, 'the key is shown');
});

for (const api of ['completions', 'responses']) {
  beside(`smoke ${api}: the report's command to judge its streams again passes`, async (lane) => {
    const run = await oa(['smoke', api, '--base-url', lane.base, '--auth', 'env:KEY', '--json'], { env: { KEY } });
    assert.equal(run.code, 0, run.stdout);
    const { evidence } = run.json(), kept = fs.readdirSync(path.join(evidence, 'streams')).filter((name) => name.endsWith('.sse'));
    const [command, begin] = fs.readFileSync(path.join(evidence, 'report.md'), 'utf8').match(/^oa-stream check .*streams\/(\S*)NAME\.sse$/m);
    assert.ok(kept.length > 0 && kept.every((name) => name.startsWith(begin)), `${kept}`);
    for (const name of kept) {
      const words = command.replaceAll('NAME', name.slice(begin.length, -'.sse'.length)).replaceAll('streams/', `${evidence}/streams/`).split(' ');
      const judged = await oa(words.slice(1));
      assert.equal(judged.code, 0, judged.stdout);
    }
  });
}

beside('the edge is compared with its origin', async (lane) => {
  const run = await smoke(lane.base, ['--direct', lane.base]);
  assert.equal(run.code, 0, run.stdout);
  assert.equal(verdictOf(run, 'edge.shape'), 'PASS');
  assert.equal(verdictOf(run, 'edge.timings'), 'PASS');
  const { data } = checksOf(run)['edge.timings'];
  assert.ok(data.target.end_s > 0 && data.origin.end_s > 0);
});

beside('a proxy that holds streams back is found, the origin is not blamed', async (lane) => {
  const edge = await proxy(lane, (body) => ({ body }));
  const run = await smoke(edge.base, ['--direct', lane.base]);
  assert.equal(run.code, 1, run.stdout);
  assert.equal(verdictOf(run, 'stream.incremental'), 'FAIL', checksOf(run)['stream.incremental'].detail);
  assert.equal(verdictOf(run, 'whole.second'), 'PASS');
  assert.equal(verdictOf(run, 'edge.timings'), 'FAIL', checksOf(run)['edge.timings'].detail);
  await edge.close();
});

for (const api of ['completions', 'responses']) {
  beside(`smoke ${api}: a proxy that lets only the first event of a stream through in time is found`, async (lane) => {
    let once = 0;
    const server = http.createServer((request, response) => {
      let asked = '';
      request.on('data', (bytes) => { asked += bytes; });
      const onward = http.request(lane.base + request.url, { method: request.method, headers: request.headers }, (answer) => {
        const whole = !`${answer.headers['content-type']}`.startsWith('text/event-stream');
        const held = !whole && (!asked.includes('n=25') || ++once === 1);
        let first = '', rest = '';
        response.writeHead(answer.statusCode, answer.headers);
        answer.setEncoding('utf8').on('data', (text) => {
          if (whole) { response.write(text.replace('scenarios: ', 'scenarios. ')); return; } // no turns to play: they take their time
          if (!held) { response.write(text); return; }
          rest += text;
          const end = rest.indexOf('\n\n') + 2;
          if (first || end < 2) return;
          response.write(first = rest.slice(0, end));
          rest = rest.slice(end);
        }).on('end', () => response.end(rest)).on('error', () => response.destroy());
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    });
    await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
    const found = async (...more) => {
      const run = await oa(['smoke', api, '--base-url', `http://127.0.0.1:${server.address().port}`, '--direct', lane.base, '--auth', 'env:KEY', '--json', ...more], { env: { KEY } });
      assert.equal(run.code, 1, run.stdout);
      return (name) => run.json().checks.find(({ id }) => id === `${api}.${name}`).verdict;
    };
    const runs = await Promise.all([[], ['--prompt', 'scenario:words;n=24;delay=20'], ['--prompt', 'scenario:words;n=25;delay=20']].map((more) => found(...more)));
    server.close();
    server.closeAllConnections();
    // Nobody knows how long the answer to a prompt takes that was given; and a model may be late once, and then fast.
    assert.deepEqual(runs.map((run) => run('stream.incremental')), ['FAIL', 'SKIPPED', 'SKIPPED']);
    assert.deepEqual(runs.map((run) => run('edge.timings')), ['FAIL', 'FAIL', 'PASS']);
  });
}

for (const [name, spoil, check] of [
  ['half a body', (body, status, url) => ({ body: url.endsWith('/completions') && status === 200 ? body.slice(0, -20) : body }), 'whole.first'],
  ['an edge page instead of an answer', () => ({ status: 524, body: '<html>timeout</html>' }), 'models'],
  ['no counts in whole answers', (body) => ({ body: body.replace(/,"usage":\{.*\}\}(?=\}$)/, '') }), 'usage'],
  ['no [DONE]', (body) => ({ body: body.replace('data: [DONE]\n\n', '') }), 'stream.contract'],
  ['a refusal without a code', (body, status) => (status >= 400 ? { status: 418, body: '{}' } : { body }), 'reject.parameter'],
  ['another shape', (body) => ({ body: body.replace('"finish_reason"', '"ended_because"') }), 'edge.shape'],
]) {
  beside(`found: ${name}`, async (lane) => {
    const edge = await proxy(lane, spoil);
    const run = await smoke(edge.base, ['--direct', lane.base]);
    assert.equal(run.code, 1, run.stdout);
    assert.equal(verdictOf(run, check), 'FAIL', run.stdout);
    assert.equal(checksOf(run)[check].detail, checksOf(run)[check].detail.trim());
    await edge.close();
  });
}

/** A lane behind a server that answers streams with `give(response)`; `asked` counts them. */
async function streaming(lane, give) {
  const edge = { asked: 0 };
  const server = http.createServer((request, response) => {
    const onward = http.request(lane.base + request.url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      if (!`${answer.headers['content-type']}`.startsWith('text/event-stream')) { answer.pipe(response); return; }
      ++edge.asked;
      answer.destroy();
      give(response);
    });
    request.pipe(onward);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  edge.base = `http://127.0.0.1:${server.address().port}`;
  edge.close = () => new Promise((done) => { server.close(done); server.closeAllConnections(); });
  return edge;
}

beside('streams that never end are not asked for again and again', async (lane) => {
  const edge = await streaming(lane, (response) => {
    const timer = setInterval(() => response.write(': still here\n\n'), 100);
    response.on('close', () => clearInterval(timer));
  });
  const run = await smoke(edge.base, ['--timeout', '2s']);
  await edge.close();
  assert.equal(run.code, 1, run.stdout);
  assert.equal(verdictOf(run, 'stream.contract'), 'FAIL');
  assert.equal(verdictOf(run, 'usage'), 'SKIPPED');
  assert.match(checksOf(run).usage.detail, /streams do not end in time/);
  assert.equal(edge.asked, 1);
});

beside('an answer without end is named by its size', async (lane) => {
  const edge = await streaming(lane, (response) => {
    const more = () => { while (!response.destroyed && response.write(Buffer.alloc(1 << 20, 'a'))); };
    response.on('drain', more);
    more();
  });
  const run = await smoke(edge.base);
  await edge.close();
  assert.match(checksOf(run)['stream.contract'].detail, /longer than 8388608 bytes/);
});

test('a redirect is named with where it leads', async () => {
  const server = http.createServer((request, response) => response.writeHead(302, { location: 'https://elsewhere.example/v1/models' }).end());
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const base = `http://127.0.0.1:${server.address().port}`;
  const [run, stream] = await Promise.all([smoke(base), oa(['smoke', 'stream', '--base-url', base, '--no-probes', '--json'])]);
  server.close();
  assert.equal(run.code, 1, run.stdout);
  assert.equal(checksOf(run).models.detail, 'expected 200, saw 302 to https://elsewhere.example/v1/models');
  assert.equal(checksOf(stream)['stream.reach.healthz'].detail, 'expected HTTP 200 of /healthz, saw HTTP 302 to https://elsewhere.example/v1/models');
});

test('a page with status 200 is no list of models', async () => {
  const server = http.createServer((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>welcome</html>'));
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const run = await smoke(`http://127.0.0.1:${server.address().port}`);
  server.close();
  assert.equal(run.code, 1, run.stdout);
  assert.equal(checksOf(run).models.detail, 'it is not JSON (content-type text/html)');
});

beside('a refused key is exit 5, nobody there is exit 4, no URL is exit 2', async (lane) => {
  const refused = await smoke(lane.base, [], { KEY: 'wrong' });
  assert.equal(refused.code, 5, refused.stdout);
  const nobody = await smoke('http://127.0.0.1:1');
  assert.equal(nobody.code, 4, nobody.stdout);
  assert.equal((await oa(['smoke', 'completions'])).code, 2);
});
