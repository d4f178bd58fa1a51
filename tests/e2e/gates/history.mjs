// A Prometheus that knows a made-up past of lanes: their series as a real lane has them, written as blocks by promtool.
import fs from 'node:fs';
import path from 'node:path';
import { startLane } from '../lib/lane.mjs';
import { readMetrics } from '../lib/metrics.mjs';
import { scratch } from '../lib/process.mjs';
import { promtool, startPrometheus } from '../lib/prometheus.mjs';

const INTERVAL_S = 15;
const ROUTE = '/api/chat/stream';
const written = (labels) => Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',');

/** Counters of users' requests, as a lane has them from its start. */
async function countersOfLane() {
  const lane = await startLane({ args: ['--revision', 'r1'] });
  const all = await readMetrics(lane.base);
  await lane.stop();
  return all.filter(({ name, labels }) => /_total$/.test(name) && !labels.probe && labels.lane !== 'control' && (labels.method ?? 'POST') === 'POST');
}

/**
 * One stretch of a lane's scrapes. `target`: the labels of its target; `began`: when its process began; `revision`; `requests` and
 * `failed` (turns): what it counted until a time; `up(t)`: 1, 0 or null for no scrape at all. Times are seconds since 1970.
 */
export async function startHistory(lanes) {
  const counters = await countersOfLane();
  const families = new Map();
  const add = (name, labels, at, value) => {
    if (!families.has(name)) families.set(name, []);
    families.get(name).push(`${name}{${written(labels)}} ${value} ${at}`);
  };
  for (const { target, from, to, began, id, requests, failed, revision = 'r1', up = () => 1 } of lanes) {
    for (let at = from; at <= to; at += INTERVAL_S) {
      const reached = up(at);
      if (reached === null) continue;
      add('up', target, at, reached);
      if (reached === 0) continue;
      const good = requests(at) - failed(at);
      for (const { name, labels } of counters) {
        const ours = labels.route === ROUTE;
        const answered = name === 'oa_stream_http_requests_total' && labels.method === 'POST' && labels.status === '200';
        const accepted = name === 'oa_stream_bridge_accepted_total';
        const ended = name === 'oa_stream_terminal_total' ? { completed: good, turn_failed: failed(at) }[labels.class] : undefined;
        add(name, { ...labels, ...target }, at, !ours ? 0 : answered || accepted ? requests(at) : ended ?? 0);
      }
      add('oa_stream_active_streams', target, at, 0);
      add('oa_stream_build_info', { revision, version: '1', ...target }, at, 1);
      add('oa_stream_process_info', { id, ...target }, at, 1);
      add('oa_stream_process_start_time_seconds', target, at, began);
      add('oa_stream_ready', target, at, 1);
    }
  }
  const folder = scratch('history');
  const data = path.join(folder, 'data');
  fs.mkdirSync(data);
  const text = path.join(folder, 'history.txt');
  const lines = [...families].map(([name, rows]) => `# TYPE ${name} gauge\n${rows.join('\n')}\n`);
  fs.writeFileSync(text, `${lines.join('')}# EOF\n`);
  const made = promtool(['tsdb', 'create-blocks-from', 'openmetrics', text, data]);
  if (made.code !== 0) throw new Error(made.output);
  const server = await startPrometheus([], { data });
  await server.eventually('count(oa_stream_build_info)', (rows) => rows.length === 1);
  return server;
}
