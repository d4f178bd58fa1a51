#!/usr/bin/env node
// Tiny MCP stdio server for tests. Tools: echo, fail, boom (protocol error), slow (progress), ask (form
// elicitation), askurl (url elicitation), image (image content), structured (structuredContent).
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
const send = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\n');
const S = (props, required = Object.keys(props)) => ({ type: 'object', properties: props, required, additionalProperties: false });
const tools = [
  { name: 'echo', description: 'Echo text', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: true } },
  { name: 'fail', description: 'Return isError', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: true } },
  { name: 'boom', description: 'JSON-RPC error', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: true } },
  { name: 'slow', description: 'Slow, with progress', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: true } },
  { name: 'ask', description: 'Form elicitation', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: true } },
  { name: 'askurl', description: 'URL elicitation', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: true } },
  { name: 'image', description: 'Image content', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: true } },
  { name: 'structured', description: 'Structured content', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: true } },
  { name: 'danger', description: 'Destructive', inputSchema: S({ text: { type: 'string' } }), annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: true } },
];
const pending = new Map(); let n = 1000;
const ask = (method, params) => new Promise((res) => { const id = n++; pending.set(id, res); send({ id, method, params }); });
const text = (t, isError) => ({ content: [{ type: 'text', text: t }], ...(isError ? { isError: true } : {}) });
readline.createInterface({ input: process.stdin }).on('line', async (l) => {
  let m; try { m = JSON.parse(l); } catch { return; }
  if (m.id !== undefined && !m.method) { pending.get(m.id)?.(m.result ?? { error: m.error }); pending.delete(m.id); return; }
  const ok = (result) => send({ id: m.id, result });
  switch (m.method) {
    case 'initialize': return ok({ protocolVersion: m.params?.protocolVersion ?? '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'labmcp', version: '1.0.0' } });
    case 'ping': return ok({});
    case 'tools/list': return ok({ tools });
    case 'resources/list': return ok({ resources: [] });
    case 'resources/templates/list': return ok({ resourceTemplates: [] });
    case 'tools/call': {
      const a = m.params.arguments ?? {}, t = a.text ?? '';
      switch (m.params.name) {
        case 'echo': return ok(text(`echo: ${t}`));
        case 'danger': return ok(text(`danger done: ${t}`));
        case 'fail': return ok(text(`mcp tool failed: ${t}`, true));
        case 'boom': return send({ id: m.id, error: { code: -32000, message: 'mcp boom' } });
        case 'slow': { const tok = m.params._meta?.progressToken; for (let i = 1; i <= 3; i++) { await sleep(200); if (tok !== undefined) send({ method: 'notifications/progress', params: { progressToken: tok, progress: i, total: 3, message: `part ${i}` } }); } return ok(text('slow done')); }
        case 'ask': { const r = await ask('elicitation/create', { message: 'What is your name?', requestedSchema: { type: 'object', properties: { name: { type: 'string', title: 'Name' }, age: { type: 'integer', minimum: 0 }, ok: { type: 'boolean' }, size: { type: 'string', enum: ['S', 'M', 'L'] } }, required: ['name'] } }); return ok(text(`elicited: ${JSON.stringify(r)}`)); }
        case 'askurl': { const r = await ask('elicitation/create', { mode: 'url', message: 'Please open', url: 'https://example.org/consent', elicitationId: 'el-1' }); return ok(text(`elicited: ${JSON.stringify(r)}`)); }
        case 'image': return ok({ content: [{ type: 'text', text: 'a dot' }, { type: 'image', mimeType: 'image/png', data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==' }] });
        case 'structured': return ok({ content: [{ type: 'text', text: '{"answer":42}' }], structuredContent: { answer: 42 } });
        default: return send({ id: m.id, error: { code: -32602, message: 'unknown tool' } });
      }
    }
    default: if (m.id !== undefined) send({ id: m.id, error: { code: -32601, message: 'method not found' } });
  }
});
