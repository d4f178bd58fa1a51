// The page's own site: the bundled page at /SDK, and a lane behind /api as a site's proxy puts it.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('..', import.meta.url));

/** One script a major of the AI SDK: react-sdkN and the `ai` that it brings. The newest as a developer has
 * it (strict mode runs effects twice, React complains of doubled keys), the others as a visitor has it. */
async function bundle(sdk) {
  const mode = sdk === '7' ? 'development' : 'production';
  const { build } = await import('esbuild');
  const home = fs.realpathSync(path.join(HERE, 'node_modules', `react-sdk${sdk}`));
  const own = path.join(home, 'node_modules/ai');
  const { outputFiles } = await build({
    entryPoints: [path.join(HERE, 'page/app.jsx')],
    bundle: true, write: false, format: 'esm', target: 'es2022', jsx: 'automatic', logLevel: 'error',
    define: { 'process.env.NODE_ENV': JSON.stringify(mode) }, minify: mode === 'production',
    alias: { 'sdk-react': home, 'sdk-ai': fs.existsSync(own) ? own : path.join(HERE, 'node_modules/ai') },
    logOverride: { 'import-is-undefined': 'silent' }, // an older major lacks some names; the page looks before it uses them
  });
  return outputFiles[0].text;
}

const HTML = (sdk) => `<!doctype html><meta charset="utf-8"><title>chat</title><link rel="icon" href="data:,"><body><script type="module" src="/${sdk}.js"></script>`;

/** {front(lane), stop()}: front gives the port on which the site stands before that lane. */
export async function startSite(sdks) {
  const scripts = new Map(await Promise.all(sdks.map(async (sdk) => [`/${sdk}.js`, await bundle(sdk)])));
  const fronts = new Map();
  const serve = (lane) => http.createServer((req, res) => {
    const { pathname } = new URL(req.url, 'http://site');
    if (pathname.startsWith('/api/')) return forward(req, res, lane);
    const script = scripts.get(pathname);
    const page = scripts.has(`${pathname}.js`) ? HTML(pathname.slice(1)) : undefined;
    res.writeHead(script || page ? 200 : 404, { 'content-type': script ? 'text/javascript' : 'text/html' });
    return res.end(script ?? page ?? '');
  });
  return {
    async front(lane) {
      const server = fronts.get(lane) ?? serve(lane);
      fronts.set(lane, server);
      if (!server.listening) await new Promise((done) => server.listen(0, '127.0.0.1', done));
      return server.address().port;
    },
    stop() {
      for (const server of fronts.values()) { server.closeAllConnections(); server.close(); }
    },
  };
}

function forward(req, res, lane) {
  const url = new URL(req.url, lane);
  const up = http.request(url, { method: req.method, headers: { ...req.headers, host: url.host }, agent: false }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    res.flushHeaders();
    answer.pipe(res);
    answer.on('error', () => res.destroy());
  });
  up.on('error', () => res.destroy());
  res.on('close', () => up.destroy()); // who leaves here leaves there
  req.pipe(up);
}
