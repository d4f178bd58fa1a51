// A port of loopback for a program that has to be told one.
import crypto from 'node:crypto';
import net from 'node:net';

/** Below those that Linux gives to a socket which asks for none: from now until the program starts, nobody is given it by chance. */
const FIRST = 20_000, LAST = 32_000;

/** Other test files choose at the same time: while this process lives, none of them is given the port. */
const claimed = (port) => new Promise((done) => {
  const server = net.createServer().on('error', () => done(false)).listen(`\0oa-stream-test-port-${port}`, () => done(server.unref()));
});
const isFree = (port) => new Promise((done) => {
  const server = net.createServer().on('error', () => done(false)).listen(port, '127.0.0.1', () => server.close(() => done(true)));
});

export async function freePort() {
  for (;;) {
    const port = crypto.randomInt(FIRST, LAST);
    if (await claimed(port) && await isFree(port)) return port;
  }
}
