// Does one connection to Khala carry very many turns at once?
//
//   node .ci/worker_turns.mjs [TURNS=2000] [WORDS=40] [WIRE=rust]
//
// Two words of a turn are a second apart, so all turns are open together. Exit 1: a word was lost or doubled, or
// another connection was needed.
import assert from 'node:assert/strict';
import { assertLegal, read } from '../tests/e2e/lib/contract.mjs';
import { memoryOf } from '../tests/e2e/lib/process.mjs';
import { words } from '../tests/e2e/worker/disconnects.mjs';
import { World } from '../tests/e2e/worker/world.mjs';

const [turns = '2000', length = '40', wire = 'rust'] = process.argv.slice(2);
const world = await World.start({ wire, limits: { streams: String(2 * Number(turns)) } });
try {
  const whole = words(Number(length));
  let open = 0, most = 0;
  const one = async () => {
    const exchange = world.say(`scenario:text;n=${length};delay=1000`, { ms: 600000 });
    await exchange.frame('text-delta');
    most = Math.max(most, ++open);
    await exchange.done;
    open -= 1;
    assertLegal(exchange);
    assert.equal(read(exchange).texts.join(''), whole);
  };
  const all = [];
  for (let n = 0; n < Number(turns); n++) {
    all.push(one());
    if (n % 10 === 9) await new Promise((done) => setTimeout(done, 100));
  }
  const ended = await Promise.allSettled(all);
  const bad = ended.filter((each) => each.status === 'rejected');
  const opened = world.fake.log.filter((entry) => entry.what === 'khala.open').length;
  console.log(`${turns} turns, ${most} open at once: ${ended.length - bad.length} exact, ${opened} connection(s), the lane at ${Math.round(memoryOf(world.lane.pid))} MiB`);
  if (bad.length) console.error(bad[0].reason);
  process.exitCode = bad.length || opened !== 1 ? 1 : 0;
} finally { await world.stop(); }
process.exit();
