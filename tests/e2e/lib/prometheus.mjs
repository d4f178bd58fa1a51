// The real Prometheus 2.42 of Debian 12, unpacked (not installed: nothing is started by it) into
// .cache/prometheus by ./dev e2e.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePort } from './free_port.mjs';
import { ROOT, Running, cleanEnv, limit, scratch } from './process.mjs';

function tool(name) {
  const places = [process.env.OA_PROMETHEUS, path.join(ROOT, '.cache/prometheus/usr/bin'), '/usr/bin', '/usr/local/bin'].filter(Boolean);
  const found = places.map((place) => path.join(place, name)).find((file) => fs.existsSync(file));
  if (!found) throw new Error(`no ${name} here: run ./dev e2e, which unpacks it`);
  return found;
}

export const promtoolPath = () => tool('promtool');

/** promtool with this text on its input: {code, output}. */
export function promtool(args, input = '') {
  const run = spawnSync(tool('promtool'), args, { input, encoding: 'utf8', env: cleanEnv() });
  if (run.error) throw run.error;
  return { code: run.status, output: run.stdout + run.stderr };
}

/**
 * A Prometheus that scrapes these targets (host:port): {base, query(expr)}. A scrape that takes longer than `interval` is lost. `evaluation`: the interval of its rules. `scrape`: more of its configuration;
 * `web`: its own web configuration, with TLS or users; `data`: a folder with what it knows already.
 */
export async function startPrometheus(targets, { interval = `${limit(500)}ms`, evaluation = interval, rules = [], scrape = {}, alertmanager = null, web = null, data } = {}) {
  const folder = scratch('prometheus');
  const port = await freePort();
  const config = { global: { scrape_interval: interval, evaluation_interval: evaluation }, rule_files: rules, scrape_configs: [{ job_name: 'lane', static_configs: [{ targets }], ...scrape }] };
  if (alertmanager) config.alerting = { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] };
  fs.writeFileSync(path.join(folder, 'prometheus.yml'), JSON.stringify(config)); // JSON is YAML
  const secured = path.join(folder, 'web.yml');
  if (web) fs.writeFileSync(secured, JSON.stringify(web));
  const server = new Running(tool('prometheus'), [
    ...(web ? [`--web.config.file=${secured}`] : []),
    `--config.file=${path.join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${data ?? path.join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, `--web.external-url=http://127.0.0.1:${port}`, '--log.level=warn',
  ], { name: 'prometheus', folder, cwd: folder, env: cleanEnv({ GOGC: '400' }) }); // its collector took a seventh of its CPU
  server.base = `${web?.tls_server_config ? 'https' : 'http'}://127.0.0.1:${port}`;
  server.get = async (url) => {
    try {
      const answer = await fetch(`${server.base}${url}`);
      return answer.ok ? await answer.text() : null;
    } catch {
      return null; // not listening yet
    }
  };
  /** [{metric, value}] of an instant query, now. */
  server.query = async (expr) => {
    const answer = JSON.parse(await server.get(`/api/v1/query?query=${encodeURIComponent(expr)}`) ?? 'null');
    if (answer?.status !== 'success') throw new Error(`query failed: ${expr}: ${JSON.stringify(answer)}`);
    return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  };
  /** Asks until `pick(rows)` gives a value. */
  server.eventually = async (expr, pick, ms = 60000) => {
    const end = Date.now() + limit(ms);
    for (;;) {
      const late = Date.now() > end;
      const rows = (await server.get('/-/ready')) === null ? [] : await server.query(expr);
      const value = pick(rows);
      if (value !== undefined && value !== null && value !== false) return value;
      if (server.exit) throw new Error(`prometheus ended: ${server.stderr}`);
      if (late) throw new Error(`${expr} is still ${JSON.stringify(rows)}; log: ${server.log}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  return server;
}

const NAMESPACE = ['unshare', process.getuid() === 0 ? '-m' : '-rm'];
/** False where the kernel allows no mount; startAlertmanager() needs one. */
export const alertmanagerRuns = () => spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'mount', '-t', 'tmpfs', 'none', '/usr/share']).status === 0;

/** The real Alertmanager of Debian with that configuration: {host, base}. */
export async function startAlertmanager(config) {
  const folder = scratch('alertmanager');
  const port = await freePort();
  fs.writeFileSync(path.join(folder, 'alertmanager.yml'), config);
  const binary = tool('prometheus-alertmanager');
  // Debian's build wants its templates below /usr/share; it is unpacked, so it gets a /usr/share of its own.
  const templates = path.join(path.dirname(binary), '../share/prometheus/alertmanager');
  const script = 'mount -t tmpfs none /usr/share && mkdir -p /usr/share/prometheus && cp -r /proc/self/cwd/templates /usr/share/prometheus/alertmanager && exec "$@"';
  fs.cpSync(templates, path.join(folder, 'templates'), { recursive: true, dereference: true });
  const server = new Running(NAMESPACE[0], [...NAMESPACE.slice(1), 'sh', '-c', script, 'sh', binary,
    `--config.file=${path.join(folder, 'alertmanager.yml')}`, `--storage.path=${path.join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address=', '--log.level=warn',
  ], { name: 'alertmanager', folder, cwd: folder });
  server.host = `127.0.0.1:${port}`;
  server.base = `http://${server.host}`;
  const end = Date.now() + limit(60000);
  for (;;) {
    const answer = await fetch(`${server.base}/-/ready`).catch(() => null);
    if (answer?.ok) return server;
    if (server.exit || Date.now() > end) throw new Error(`alertmanager does not answer: ${server.log}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
