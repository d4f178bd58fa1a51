// npm_missing.mjs FOLDER: the optional packages FOLDER's lock file means for this machine that are not
// in its node_modules, as name@version, one a line.
//
// npm forgives an optional package it cannot fetch: it exits 0 and says nothing, even when the network
// was the reason. Ours are programs (node, codex, esbuild), one for each kind of machine, and the one
// for this machine is not optional at all.
import fs from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
const lock = JSON.parse(fs.readFileSync(path.join(folder, 'package-lock.json'), 'utf8'));

/** npm's rule for "os" and "cpu": a name, or a list of names, in which !name excludes. */
function takes(wanted, have) {
  const names = [wanted ?? []].flat();
  if (names.includes(`!${have}`)) return false;
  const included = names.filter((name) => !name.startsWith('!'));
  return included.length === 0 || included.includes(have) || included.includes('any');
}

for (const [place, entry] of Object.entries(lock.packages)) {
  const forThisMachine = (entry.os || entry.cpu) && takes(entry.os, process.platform) && takes(entry.cpu, process.arch);
  if (!entry.optional || !forThisMachine) continue;
  if (fs.existsSync(path.join(folder, place, 'package.json'))) continue;
  // An alias ("codex-linux-x64" of "codex") is fetched by the name it stands for.
  const name = entry.name ?? place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  console.log(`${name}@${entry.version}`);
}
