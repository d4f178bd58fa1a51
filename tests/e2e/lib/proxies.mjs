// The real nginx and HAProxy with the example configurations, on free ports of this machine.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ROOT, Running, cleanEnv, scratch } from './process.mjs';

export function binary(name) {
  const places = [process.env.OA_PROXIES, path.join(ROOT, '.cache/proxies/usr/sbin'), '/usr/sbin', '/usr/local/sbin'].filter(Boolean);
  const found = places.map((place) => path.join(place, name)).find((file) => fs.existsSync(file));
  if (!found) throw new Error(`no ${name} here: run ./dev e2e, which unpacks it`);
  return found;
}

export const freePort = () => new Promise((done, fail) => {
  const server = net.createServer().on('error', fail).listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

async function listens(proxy, port) {
  await proxy.until(() => proxy.connected ?? (proxy.trying ||= tryPort(proxy, port), null), `port ${port}`);
}
function tryPort(proxy, port) {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('connect', () => { proxy.connected = true; socket.destroy(); });
  socket.on('error', () => { proxy.trying = false; });
  return true;
}

/** The example with other ports and, as [pattern, text] pairs, other values. Each must be there. */
function example(file, lane, port, changes) {
  let text = fs.readFileSync(path.join(ROOT, 'packaging/examples', file), 'utf8');
  for (const [from, to] of [['127.0.0.1:8080', new URL(lane).host], ['127.0.0.1:8081', `127.0.0.1:${port}`], ...changes]) {
    if (!text.includes(from)) throw new Error(`${file} has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

export async function startNginx(lane, changes = []) {
  const folder = scratch('nginx');
  const port = await freePort();
  fs.writeFileSync(path.join(folder, 'example.conf'), example('nginx.conf', lane, port, changes));
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path ${folder}/${kind};`);
  // As root the workers would be nobody's, and could not write to our folder.
  const user = process.getuid() === 0 ? 'user root;\n' : '';
  fs.writeFileSync(path.join(folder, 'main.conf'), `${user}daemon off;\nworker_processes 1;\npid ${folder}/pid;\nerror_log stderr warn;\nevents {}\nhttp {\n  access_log off;\n${temp.join('\n')}\n  include ${folder}/example.conf;\n}\n`);
  const proxy = new Running(binary('nginx'), ['-p', folder, '-c', path.join(folder, 'main.conf'), '-e', 'stderr'], { name: 'nginx', folder, env: cleanEnv() });
  await listens(proxy, port);
  proxy.base = `http://127.0.0.1:${port}`;
  return proxy;
}

export async function startHaproxy(lane, changes = []) {
  const folder = scratch('haproxy');
  const port = await freePort();
  const file = path.join(folder, 'haproxy.cfg');
  // So many need more descriptors than a test may have.
  fs.writeFileSync(file, example('haproxy.cfg', lane, port, [['maxconn 20000', 'maxconn 200'], ...changes]));
  const proxy = new Running(binary('haproxy'), ['-db', '-f', file], { name: 'haproxy', folder, env: cleanEnv() });
  await listens(proxy, port);
  proxy.base = `http://127.0.0.1:${port}`;
  return proxy;
}
