// A raw HTTP/1.1 client: it sends exactly the bytes it is given, keeps exactly the bytes it gets, and
// notes when each of them came.
import net from 'node:net';
import { limit } from './process.mjs';

const CRLF2 = Buffer.from('\r\n\r\n');

export class Exchange {
  constructor(base, { method = 'GET', path = '/', headers = {}, body, raw, ms = 60000 } = {}) {
    const url = new URL(base);
    this.head = '';
    this.status = 0;
    this.headers = {};
    this.body = Buffer.alloc(0);
    this.reads = []; // {t: wall-clock ms, bytes}
    this.frames = []; // {t, text, chunk} – chunk is the parsed JSON or "[DONE]"
    this.complete = false; // the body ended as HTTP says
    this.broken = null; // or it broke: why
    this.rest = Buffer.alloc(0);
    this.waiters = new Set();
    this.sentAt = Date.now();
    this.socket = net.connect(Number(url.port), url.hostname);
    this.socket.setNoDelay(true);
    this.socket.on('connect', () => this.socket.write(raw ?? request(url, method, path, headers, body)));
    this.socket.on('data', (bytes) => this.feed(bytes));
    this.socket.on('error', (error) => this.finish(error.code ?? error.message));
    this.socket.on('close', () => this.finish(this.framing === 'close' && this.status ? null : 'the connection closed'));
    this.timer = setTimeout(() => { this.finish('no end in time'); this.socket.destroy(); }, limit(ms));
    this.done = new Promise((done) => { this.resolve = done; });
  }
  feed(bytes) {
    const t = Date.now();
    this.rest = Buffer.concat([this.rest, bytes]);
    if (!this.status && !this.readHead()) return;
    const before = this.body.length;
    const over = this.readBody();
    if (this.body.length > before) {
      this.reads.push({ t, bytes: this.body.length - before });
      this.readFrames(t);
    }
    if (over) this.finish(null); // only now: who waits for a frame of this read must see it first
    this.poke();
  }
  readHead() {
    const end = this.rest.indexOf(CRLF2);
    if (end < 0) return false;
    this.head = this.rest.subarray(0, end + 4).toString('latin1');
    this.rest = this.rest.subarray(end + 4);
    const [first, ...lines] = this.head.trimEnd().split('\r\n');
    this.status = Number(first.split(' ')[1]);
    for (const line of lines) {
      const colon = line.indexOf(':');
      this.headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const length = this.headers['content-length'];
    this.framing = /chunked/i.test(this.headers['transfer-encoding'] ?? '') ? 'chunked' : length !== undefined ? Number(length) : 'close';
    if (this.status === 204 || this.status === 304) this.framing = 0;
    this.poke();
    return true;
  }
  /** True when the body is whole. */
  readBody() {
    if (this.framing === 'chunked') {
      for (;;) {
        const line = this.rest.indexOf('\r\n');
        if (line < 0) return false;
        const size = parseInt(this.rest.subarray(0, line).toString('latin1'), 16);
        if (this.rest.length < line + 2 + size + 2) return false;
        this.body = Buffer.concat([this.body, this.rest.subarray(line + 2, line + 2 + size)]);
        this.rest = this.rest.subarray(line + 2 + size + 2);
        if (size === 0) return true;
      }
    }
    this.body = Buffer.concat([this.body, this.rest]);
    this.rest = Buffer.alloc(0);
    return typeof this.framing === 'number' && this.body.length >= this.framing;
  }
  readFrames(t) {
    const text = this.body.toString('utf8', this.frameAt ?? 0);
    let at = 0;
    for (let end; (end = text.indexOf('\n\n', at)) >= 0; at = end + 2) {
      const data = text.slice(at, end).split('\n').filter((l) => l.startsWith('data: ')).map((l) => l.slice(6)).join('\n');
      if (data === '') continue;
      let chunk;
      try { chunk = data === '[DONE]' ? data : JSON.parse(data); } catch { chunk = undefined; }
      this.frames.push({ t, text: data, chunk });
    }
    this.frameAt = (this.frameAt ?? 0) + Buffer.byteLength(text.slice(0, at));
  }
  finish(broken) {
    if (this.ended) return;
    this.ended = true;
    this.broken = broken;
    this.complete = broken === null;
    clearTimeout(this.timer);
    if (this.complete) this.socket.end();
    this.poke();
    this.resolve(this);
  }
  poke() { for (const waiter of [...this.waiters]) waiter(); }
  /** Resolves when `pick(this)` gives something; rejects when the exchange ends first. */
  wait(pick, what = 'event') {
    return new Promise((done, fail) => {
      const look = () => {
        const value = pick(this);
        if (value) { this.waiters.delete(look); done(value); }
        else if (this.ended) { this.waiters.delete(look); fail(new Error(`no ${what}: ${this.broken ?? 'the answer ended'}; status ${this.status}, body ${this.body.subarray(0, 2000)}`)); }
      };
      this.waiters.add(look);
      look();
    });
  }
  /** The first frame of that chunk type (or that the function accepts). */
  frame(want) {
    const fits = typeof want === 'function' ? want : (chunk) => chunk?.type === want;
    return this.wait((x) => x.frames.find((f) => fits(f.chunk)), `frame ${want}`);
  }
  get text() { return this.body.toString('utf8'); }
  get chunks() { return this.frames.map((f) => f.chunk); }
  json() {
    try { return JSON.parse(this.text); } catch (error) { throw new Error(`no JSON (${error.message}): ${this.status} ${this.text.slice(0, 500)}`); }
  }
  /** Leaves without a word, as a lost page does. */
  destroy() { this.socket.destroy(); }
}

function request(url, method, path, headers, body) {
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const all = { host: url.host, ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }), ...headers };
  const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), bytes]);
}

/** Starts an exchange and does not wait. */
export const open = (base, options) => new Exchange(base, options);
/** A whole exchange. */
export const send = async (base, options) => new Exchange(base, options).done;

/** The body an AI SDK page sends for one user text. */
export const chatBody = (text, { id, messageId, before = [], ...rest } = {}) => ({
  ...(id === undefined ? {} : { id }),
  messages: [...before, { id: messageId ?? `u-${Math.random().toString(36).slice(2, 10)}`, role: 'user', parts: [{ type: 'text', text }] }],
  trigger: 'submit-message',
  ...rest,
});
/** The words of an answer so far. */
export const heard = (exchange) => exchange.chunks.filter((c) => c?.type === 'text-delta').map((c) => c.delta).join('');
/** Starts a turn and does not wait. */
export const chat = (base, text, { path = '/api/chat', headers = {}, ms, ...body } = {}) =>
  open(base, { method: 'POST', path, headers, ms, body: chatBody(text, body) });
