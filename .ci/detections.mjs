// How often is a fault that hits 5 % of a canary's answers found by the gate that is there for it? Real runs:
// two lanes, a door, a proxy that spoils answers by chance, a Prometheus.
//
//   node .ci/detections.mjs [N=60] [FAULT…]      all faults of tests/e2e/gates/faults.mjs unless named
//
// Prints a line a run and a table. Exit 1: a fault was found in fewer than 95 % of its runs.
import { FAULTS, FaultWorld, LOST, found, foundLost } from '../tests/e2e/gates/faults.mjs';

const runs = Number(process.argv[2] ?? 60);
const names = process.argv.length > 3 ? process.argv.slice(3) : [...Object.keys(FAULTS), LOST];
const ways = { [LOST]: async (world) => {
  const got = await world.forgetful();
  const gate = got.run?.checks.find(({ id, verdict }) => /\.continuity\b/.test(id) && verdict === 'FAIL');
  return { fine: foundLost(got), text: `exit ${got.code} ${gate ? `${gate.id} ${gate.detail}` : got.run?.headline ?? got.stderr}` };
} };
const way = (name) => ways[name] ?? (async (world) => {
  const got = await world.spoiled(name);
  const gate = got.run?.checks.find((check) => check.id === 'gate.there-for-it@5%');
  return { fine: found(got), text: `exit ${got.code} ${gate ? `${gate.verdict} ${gate.detail}` : got.run?.headline ?? got.stderr}` };
});

const world = await FaultWorld.start({ byChance: true });
const table = [];
for (const name of names) {
  let good = 0;
  for (let i = 1; i <= runs; ++i) {
    const { fine, text } = await way(name)(world).catch((error) => ({ fine: false, text: String(error) }));
    good += fine ? 1 : 0;
    console.log(`${name} ${i}/${runs} ${fine ? 'found' : 'MISSED'}: ${text.split('\n')[0]}`);
  }
  table.push({ name, good });
}
await world.stop();
console.log('\n| fault | gate | runs | found |\n| --- | --- | ---: | ---: |');
for (const { name, good } of table) console.log(`| ${name} | ${name === LOST ? '`continuity`' : `\`${FAULTS[name][1]}\``} | ${runs} | ${good} |`);
process.exit(table.some(({ good }) => good < runs * 0.95) ? 1 : 0);
