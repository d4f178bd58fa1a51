// Does a worker lane keep its word when its runtime dies again and again under running turns?
//
//   node .ci/runtime_kills.mjs [MINUTES=10] [TURNS=50] [WIRE=rust]
//
// Exit 1: a word was doubled or lost, a turn was started twice or did not end once, or the lane's memory grows.
import { kills } from '../tests/e2e/worker/kills.mjs';

const [minutes = '10', turns = '50', wire = 'rust'] = process.argv.slice(2);
try {
  const seen = await kills({ seconds: Number(minutes) * 60, turns: Number(turns), wire });
  // The first third warms up; growth from there to the end is a leak.
  const third = Math.ceil(seen.rss.length / 3), most = (list) => Math.max(...list);
  const [early, late] = [most(seen.rss.slice(0, third)), most(seen.rss.slice(-third))];
  console.log(`${seen.kills} kills in ${minutes} min with ${turns} turns at once: ${seen.good} whole answers, ${seen.cut} cut ones told so, ${seen.refused} refused; RSS ${early.toFixed(0)} MiB early, ${late.toFixed(0)} MiB late`);
  process.exit(late > early * 1.25 + 8 ? 1 : 0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
