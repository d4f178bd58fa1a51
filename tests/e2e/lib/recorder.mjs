// Relays that pass everything on and remember what a client said: to HTTP servers, and to unix sockets.
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { scratch } from './process.mjs';

const listen = (server, ...where) => new Promise((done, fail) => server.on('error', fail).listen(...where, done));

/** In front of an HTTP server: {base, seen: [{method, url}]}. Answers stream through. */
export async function recordHttp(base) {
  const seen = [];
  const server = http.createServer((request, answer) => {
    seen.push({ method: request.method, url: request.url });
    const up = http.request(new URL(request.url, base), { method: request.method, headers: request.headers, agent: false }, (got) => {
      answer.writeHead(got.statusCode, got.rawHeaders);
      got.on('error', () => answer.destroy()).pipe(answer);
    });
    up.on('error', () => answer.destroy());
    answer.on('close', () => up.destroy());
    request.pipe(up);
  });
  await listen(server, 0, '127.0.0.1');
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    seen,
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}

/** In front of a unix socket: {path, said(): everything clients wrote}. */
export async function recordSocket(target) {
  const file = path.join(scratch('relay'), 's');
  let said = '';
  const open = new Set();
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const up = net.connect({ path: target, allowHalfOpen: true });
    for (const [from, to] of [[client, up], [up, client]]) {
      open.add(from);
      from.on('end', () => to.end()).on('error', () => to.destroy()).on('close', () => open.delete(from));
    }
    client.on('data', (bytes) => { said += bytes; up.write(bytes); });
    up.on('data', (bytes) => client.write(bytes));
  });
  await listen(server, file);
  return { path: file, said: () => said, stop: () => { for (const one of open) one.destroy(); server.close(); } };
}
