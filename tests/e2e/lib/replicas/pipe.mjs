// A byte proxy between a lane and its store that can stand still, lose one direction, or be cut.
import net from 'node:net';

/**
 * {url, port, target, stall(from?), heal(), cut(which?), refuse, delay, fault, told, stop()}: `from` is 'lane' or 'store', or both stand still.
 * `which(hello)` is asked about what a connection said first; without it all are cut.
 * Answers of the store come `delay` ms late.
 * `fault(text)` is asked about what a lane says until it answers: 'answer' loses the store's answer to it, 'command' loses
 * the command, and with them everything behind it on that connection. `told(text)` only listens.
 */
export async function startPipe(target) {
  const pipe = { target, refuse: false, delay: 0, pairs: new Set(), still: { lane: false, store: false } };
  const server = net.createServer((lane) => {
    if (pipe.refuse) return void lane.resetAndDestroy();
    const store = net.connect(pipe.target, '127.0.0.1');
    const pair = { lane, store };
    pipe.pairs.add(pair);
    for (const [name, from, to] of [['lane', lane, store], ['store', store, lane]]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (name === 'lane' && !pair.lost) {
          const text = bytes.toString('latin1');
          pair.hello ??= text;
          pipe.told?.(text);
          pair.lost = pipe.fault?.(text);
          if (pair.lost) pipe.fault = undefined;
          if (pair.lost === 'answer') store.pause();
        } else if (name === 'lane') return;
        if (name === 'store' && pipe.delay) setTimeout(() => to.writable && to.write(bytes), pipe.delay);
        else if (pair.lost !== 'command') to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => { pipe.pairs.delete(pair); to.destroy(); });
      if (pipe.still[name]) from.pause();
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  pipe.port = server.address().port;
  pipe.url = `redis://127.0.0.1:${pipe.port}`;
  pipe.stall = (...names) => {
    for (const name of names.length ? names : ['lane', 'store']) {
      pipe.still[name] = true;
      for (const pair of pipe.pairs) pair[name].pause();
    }
  };
  pipe.heal = () => {
    pipe.refuse = false;
    for (const name of ['lane', 'store']) {
      pipe.still[name] = false;
      for (const pair of pipe.pairs) pair[name].resume();
    }
  };
  pipe.cut = (which = () => true) => {
    for (const { lane, store, hello } of pipe.pairs) {
      if (!which(hello ?? '')) continue;
      lane.resetAndDestroy();
      store.destroy();
    }
  };
  pipe.stop = () => { pipe.cut(); server.close(); };
  return pipe;
}
