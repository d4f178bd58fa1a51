// Tests of one file that run beside each other, each in a world of its own: they wait for most of their time.
import { describe, test } from 'node:test';

/**
 * Returns `beside(name, [options,] body)`, which declares a test of the suite `suite`: `atOnce` of its tests run at a time,
 * after the tests that the file declares itself. `body(world, t)` gets what `start(options)` gave. `stop` ends that world,
 * also when the body failed; a `stop` that fails fails the test.
 */
export function sideBySide(suite, atOnce, start, stop = (world) => world.stop()) {
  const cases = [];
  let declared = false;
  // A suite has to be declared with all of its tests: when the whole file was read.
  queueMicrotask(() => {
    describe(suite, { concurrency: atOnce }, () => cases.forEach((one) => test(...one)));
    declared = true;
  });
  return (name, ...rest) => {
    if (declared) throw new Error(`no await of the file itself before this test: ${name}`);
    const [options, body] = rest.length > 1 ? rest : [{}, ...rest];
    cases.push([name, options, async (t) => {
      const world = await start(options);
      t.after(() => stop(world));
      await body(world, t);
    }]);
  };
}

/** A world that its test puts together: `put(one)` gives `one`. `end(one)` follows after the test, for the last one first. */
export const stage = (end) => () => {
  const stack = [];
  const put = (one) => { stack.push(one); return one; };
  put.stop = async () => { for (const one of stack.toReversed()) await end(one); };
  return put;
};
