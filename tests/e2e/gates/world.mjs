// What gates on a control service and on broken answers are tried against: an exporter whose counters
// rise as it is told, and a proxy before a lane that spoils a share of the answers.
import http from 'node:http';

const listening = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`)));

/** Counters of a control service, by revision: {base, set(name, revision, perSecond), gauge(name, revision, value)}. */
export async function startExporter() {
  const counters = new Map(), gauges = new Map(); // by series
  let last = performance.now();
  const rise = () => {
    const now = performance.now();
    for (const one of counters.values()) one.value += one.perSecond * (now - last) / 1000;
    last = now;
  };
  const server = http.createServer((_, answer) => {
    rise();
    answer.setHeader('content-type', 'text/plain; version=0.0.4');
    for (const [series, one] of counters) answer.write(`${series} ${Math.floor(one.value)}\n`);
    for (const [series, value] of gauges) answer.write(`${series} ${value}\n`);
    answer.end();
  });
  const series = (name, revision) => (revision ? `${name}{revision="${revision}"}` : name);
  return {
    base: await listening(server),
    set(name, revision, perSecond) {
      rise();
      const key = series(name, revision);
      counters.set(key, { value: counters.get(key)?.value ?? 0, perSecond });
    },
    gauge(name, revision, value) { gauges.set(series(name, revision), value); },
    stop() { server.closeAllConnections(); server.close(); },
  };
}

/**
 * Before a lane, byte for byte, except for the share of POSTs that `fault` names: {base, fault: {kind, share}}.
 *   truncated    the connection is cut after the first text
 *   malformed    a frame that is no JSON
 *   stalled      nothing more comes after the first text
 *   5xx, 401     that status instead of an answer
 *   slow-first   `ms` before the request goes on
 *   slow-tail    `ms` of silence in the middle of the answer
 */
export async function startSpoiler(base) {
  const to = new URL(base);
  const spoiler = { fault: null, byChance: false, spoiled: 0, posts: 0 };
  let turn = 0;
  const server = http.createServer((request, answer) => {
    const post = request.method === 'POST' && /stream$/.test(request.url);
    spoiler.posts += post ? 1 : 0;
    // Evenly spread, so that a share is that share whatever chance does.
    const byTurn = (share) => Math.floor((turn += 1) * share) > Math.floor((turn - 1) * share);
    const hit = post && spoiler.fault && (spoiler.byChance ? Math.random() < spoiler.fault.share : byTurn(spoiler.fault.share));
    const kind = hit ? spoiler.fault.kind : '';
    spoiler.spoiled += hit ? 1 : 0;
    if (kind === '5xx' || kind === '401') {
      request.resume();
      answer.writeHead(kind === '5xx' ? 503 : 401, { 'content-type': 'application/json' });
      answer.end(JSON.stringify({ message: kind, error: { code: kind === '5xx' ? 'unavailable' : 'unauthorized', message: kind } }));
      return;
    }
    const forward = () => {
      const up = http.request({ host: to.hostname, port: to.port, method: request.method, path: request.url, headers: request.headers }, (got) => {
        answer.writeHead(got.statusCode, got.headers);
        let stopped = false, done = false, pieces = 0;
        got.on('data', (piece) => {
          if (stopped) return;
          const content = piece.includes('text-delta');
          if (content && kind === 'slow-tail' && (pieces += 1) === 3) {
            got.pause();
            setTimeout(() => got.resume(), spoiler.fault?.ms ?? 0);
          }
          if (content && !done && ['truncated', 'stalled', 'malformed'].includes(kind)) {
            done = true;
            answer.write(piece);
            if (kind === 'truncated') { stopped = true; setImmediate(() => answer.destroy()); up.destroy(); }
            if (kind === 'stalled') { stopped = true; up.destroy(); }
            if (kind === 'malformed') answer.write('data: {"type":"text-del\n\n');
            return;
          }
          answer.write(piece);
        });
        got.on('end', () => { if (!stopped) answer.end(); });
        got.on('error', () => { if (!stopped) answer.destroy(); });
      });
      up.on('error', () => { if (kind !== 'stalled') answer.destroy(); });
      request.on('close', () => { if (!request.complete) up.destroy(); });
      answer.on('close', () => up.destroy());
      request.pipe(up);
    };
    if (kind === 'slow-first') setTimeout(forward, spoiler.fault.ms);
    else forward();
  });
  spoiler.base = await listening(server);
  spoiler.stop = () => { server.closeAllConnections(); server.close(); };
  return spoiler;
}
