// The network between two programs: a port that passes every byte on, and cut() to break it; while `down`, it lets nobody in.
import net from 'node:net';

export class Wire {
  /** `port` may be told later, before the first connection. */
  static async start(port) {
    const wire = new Wire();
    wire.port = port;
    wire.open = new Set();
    wire.server = net.createServer((near) => {
      if (wire.down) return void near.resetAndDestroy();
      near.near = true;
      const far = net.connect(Number(wire.port), '127.0.0.1');
      for (const [socket, other] of [[near, far], [far, near]]) {
        wire.open.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => { wire.open.delete(socket); other.destroy(); });
        socket.pipe(other);
      }
    });
    await new Promise((done) => wire.server.listen(0, '127.0.0.1', done));
    wire.base = `http://127.0.0.1:${wire.server.address().port}`;
    return wire;
  }
  /** Breaks every connection on it; new ones are let through. Without `far`, that side sees an ordinary end. */
  cut(far = true) {
    for (const socket of this.open) if (far || socket.near) socket.resetAndDestroy();
  }
  stop() {
    this.cut();
    this.server.close();
  }
}
