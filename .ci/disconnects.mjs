// Does a worker lane lose or double a word when its connection to Khala breaks again and again?
//
//   node .ci/disconnects.mjs [CUTS=1000] [TURNS=200] [LANES=4]
//
// Four minutes, longer on a busy machine. Exit 1: a word was lost or doubled, a turn was started twice or did not end once.
import { disconnects } from '../tests/e2e/worker/disconnects.mjs';

const [cuts = 1000, turns = 200, lanes = 4] = process.argv.slice(2).map(Number);
const began = Date.now();
try {
  const seen = await disconnects({ cuts, turns, lanes });
  console.log(`${seen.cuts} cuts over ${seen.turns} turns on ${lanes} lanes in ${Math.round((Date.now() - began) / 1000)} s: ${seen.words} words, each once; ${seen.connections} connections`);
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
