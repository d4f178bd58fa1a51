// A WebSocket relay between a lane and its Codex server that refuses chosen requests.
import net from 'node:net';

/** The frames of a client in `bytes`, and what is left of it: [{raw, text}], rest. */
function framesOf(bytes) {
  const frames = [];
  while (bytes.length >= 6) {
    const short = bytes[1] & 0x7f, extra = short === 126 ? 2 : short === 127 ? 8 : 0;
    const head = 2 + extra + 4; // a client's frames are masked
    if (bytes.length < head) break;
    const size = extra === 2 ? bytes.readUInt16BE(2) : extra === 8 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < head + size) break;
    const mask = bytes.subarray(head - 4, head);
    const text = Buffer.from(bytes.subarray(head, head + size).map((byte, i) => byte ^ mask[i % 4])).toString();
    frames.push({ raw: bytes.subarray(0, head + size), text });
    bytes = bytes.subarray(head + size);
  }
  return [frames, bytes];
}

function serverFrame(text) {
  const body = Buffer.from(text), size = body.length;
  const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  head[0] = 0x81;
  head[1] = head.length === 2 ? size : head.length === 4 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(size, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([head, body]);
}

/** {port, refused, stop()}: `refuse(request)` says which JSON-RPC requests get `error`, or `result`, in place of an answer; a promise of that keeps the request back. */
export async function startCodexRelay(target, { refuse, error = { code: -32603, message: 'internal error' }, result }) {
  const relay = { refused: 0, sockets: new Set() };
  const server = net.createServer((lane) => {
    const codex = net.connect(target, '127.0.0.1');
    let rest = Buffer.alloc(0), open = false;
    lane.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      if (!open) { // the request that opens it
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        codex.write(rest.subarray(0, end + 4));
        rest = rest.subarray(end + 4);
        open = true;
      }
      const [frames, more] = framesOf(rest);
      rest = more;
      for (const { raw, text } of frames) {
        const request = text.startsWith('{') ? JSON.parse(text) : {};
        const settle = (refused) => {
          if (!refused) return void codex.write(raw);
          relay.refused += 1;
          lane.write(serverFrame(JSON.stringify({ id: request.id, ...(result ? { result } : { error }) })));
        };
        const refused = request.id !== undefined && refuse(request);
        if (refused instanceof Promise) void refused.then(settle);
        else settle(refused);
      }
    });
    codex.on('data', (bytes) => lane.write(bytes));
    for (const [one, other] of [[lane, codex], [codex, lane]]) {
      relay.sockets.add(one);
      one.on('error', () => {}).on('close', () => { relay.sockets.delete(one); other.destroy(); });
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  relay.port = server.address().port;
  relay.stop = () => { server.close(); for (const one of relay.sockets) one.destroy(); };
  return relay;
}
