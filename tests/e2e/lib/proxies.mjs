// The real nginx and HAProxy with the example configurations, on free ports of this machine.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { freePort } from './free_port.mjs';
import { PROXIES, ROOT, Running, cleanEnv, scratch } from './process.mjs';

export function binary(name) {
  const places = [PROXIES, '/usr/sbin', '/usr/local/sbin'];
  const found = places.map((place) => path.join(place, name)).find((file) => fs.existsSync(file));
  if (!found) throw new Error(`no ${name} here: run ./dev e2e, which unpacks it`);
  return found;
}

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
function example(file, lane, port, changes, own = '127.0.0.1:8081') {
  let text = fs.readFileSync(path.join(ROOT, 'examples', file), 'utf8');
  for (const [from, to] of [['127.0.0.1:8080', new URL(lane).host], [own, `127.0.0.1:${port}`], ...changes]) {
    if (!text.includes(from)) throw new Error(`${file} has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

export async function startNginx(lane, changes = []) {
  const port = await freePort();
  const proxy = await runNginx(example('nginx.conf', lane, port, changes), port);
  proxy.base = `http://127.0.0.1:${port}`;
  return proxy;
}

/** A certificate of its own for this machine, unless `subject` and `names` say otherwise. */
export function selfSign({ cert, key, subject = '127.0.0.1', names = 'IP:127.0.0.1' }) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${subject}`, '-addext', `subjectAltName=${names}`], { stdio: 'ignore' });
}

/** The example for browsers: HTTP/2 over TLS, with a certificate that nobody knows. */
export async function startNginxHttp2(lane, changes = []) {
  const folder = scratch('certificate');
  const [cert, key] = ['chain.pem', 'key.pem'].map((name) => path.join(folder, name));
  selfSign({ cert, key });
  const port = await freePort();
  const files = [['/etc/oa-stream/chain.pem', cert], ['/etc/oa-stream/key.pem', key]];
  const proxy = await runNginx(example('nginx-http2.conf', lane, port, [...files, ...changes], '127.0.0.1:8443'), port);
  return Object.assign(proxy, { base: `https://127.0.0.1:${port}`, ca: fs.readFileSync(cert) });
}

/** With `config` within http { }; its files are in `proxy.folder`. */
export async function runNginx(config, port) {
  const folder = scratch('nginx');
  fs.writeFileSync(path.join(folder, 'example.conf'), config);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path ${folder}/${kind};`);
  // As root the workers would be nobody's, and could not write to our folder.
  const user = process.getuid() === 0 ? 'user root;\n' : '';
  fs.writeFileSync(path.join(folder, 'main.conf'), `${user}daemon off;\nworker_processes 1;\npid ${folder}/pid;\nerror_log stderr warn;\nevents {}\nhttp {\n  access_log off;\n${temp.join('\n')}\n  include ${folder}/example.conf;\n}\n`);
  const proxy = new Running(binary('nginx'), ['-p', folder, '-c', path.join(folder, 'main.conf'), '-e', 'stderr'], { name: 'nginx', folder, env: cleanEnv() });
  await listens(proxy, port);
  return Object.assign(proxy, { folder });
}

export async function startHaproxy(lane, changes = [], source = 'haproxy.cfg') {
  const folder = scratch('haproxy');
  const port = await freePort();
  const file = path.join(folder, 'haproxy.cfg');
  // So many need more descriptors than a test may have.
  fs.writeFileSync(file, example(source, lane, port, [['maxconn 20000', 'maxconn 200'], ...changes]));
  const proxy = new Running(binary('haproxy'), ['-db', '-f', file], { name: 'haproxy', folder, env: cleanEnv() });
  await listens(proxy, port);
  proxy.base = `http://127.0.0.1:${port}`;
  return proxy;
}

/** A balancer of that kind before these lanes: 'haproxy' or 'nginx', by 'roundrobin' or 'leastconn'. */
export async function startBalancer(kind, algorithm, bases) {
  const port = await freePort();
  const hosts = bases.map((base) => new URL(base).host);
  let proxy;
  if (kind === 'haproxy') {
    const folder = scratch('balancer');
    const file = path.join(folder, 'haproxy.cfg');
    const servers = hosts.map((host, i) => `  server lane${i} ${host}`).join('\n');
    fs.writeFileSync(file, `global\n  maxconn 200\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nfrontend in\n  bind 127.0.0.1:${port}\n  default_backend lanes\nbackend lanes\n  balance ${algorithm}\n${servers}\n`);
    proxy = new Running(binary('haproxy'), ['-db', '-f', file], { name: 'haproxy', folder, env: cleanEnv() });
    await listens(proxy, port);
  } else {
    const servers = hosts.map((host) => `  server ${host};`).join('\n');
    proxy = await runNginx(`upstream lanes {\n${algorithm === 'leastconn' ? '  least_conn;\n' : ''}${servers}\n}\nserver {\n  listen 127.0.0.1:${port};\n  location / {\n    proxy_pass http://lanes;\n    proxy_set_header Host $http_host;\n    proxy_buffering off;\n    proxy_next_upstream off;\n  }\n}\n`, port);
  }
  proxy.base = `http://127.0.0.1:${port}`;
  return proxy;
}
