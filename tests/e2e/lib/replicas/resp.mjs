// The wire of Redis, for tests that ask a store themselves.
import net from 'node:net';

/** One reply at `at` of `text`, and where the next one begins; null: it is not whole yet. */
function replyAt(text, at) {
  const end = text.indexOf('\r\n', at);
  if (end < 0) return null;
  const line = text.slice(at + 1, end), size = Number(line);
  let next = end + 2;
  if (text[at] === '$') return size < 0 ? [null, next] : text.length < next + size + 2 ? null : [text.slice(next, next + size), next + size + 2];
  if (text[at] !== '*') return [text[at] === ':' ? size : line, next];
  const items = [];
  for (let i = 0; i < size; ++i) {
    const item = replyAt(text, next);
    if (!item) return null;
    items.push(item[0]);
    next = item[1];
  }
  return [items, next];
}
/** {ask(…words), closed, close()}: a connection to Redis; a byte of a reply is a character. null: it was closed before it answered. */
export async function connectStore(port) {
  const socket = net.connect(port, '127.0.0.1');
  await new Promise((done, failed) => socket.once('connect', done).once('error', failed));
  const asked = [];
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    for (let reply; (reply = replyAt(text, 0)); text = text.slice(reply[1])) asked.shift()(reply[0]);
  });
  socket.on('error', () => {}).on('close', () => { for (const done of asked.splice(0)) done(null); });
  return {
    ask: (...words) => new Promise((done) => {
      if (socket.closed) return void done(null);
      asked.push(done);
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
    }),
    get closed() { return socket.destroyed; },
    close: () => socket.destroy(),
  };
}

/** One answer of whoever listens there; null: nobody does. */
export async function askOnce(port, ...words) {
  const link = await connectStore(port).catch(() => null);
  const answer = link && await link.ask(...words);
  link?.close();
  return answer;
}
