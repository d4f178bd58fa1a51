// How often is a canary that equals stable rolled back, while something else wants the whole machine?
//
//   node .ci/rehearsals.mjs [N=200] [BURNERS=cores] [AT_ONCE=1]
//
// N local rehearsals of two identical lanes, AT_ONCE beside each other, beside BURNERS busy processes. Prints
// one line a run and a summary. Exit 1: more than 1 % of the runs were rolled back (exit 7) or worse.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const binary = process.env.OA_BIN ?? path.join(import.meta.dirname, '../build/release/oa-stream');
const runs = Number(process.argv[2] ?? 200);
const burners = Array.from({ length: Number(process.argv[3] ?? os.availableParallelism()) }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
const state = fs.mkdtempSync(path.join(os.tmpdir(), 'oa-rehearsals-'));
const endings = new Map(), failed = new Map();
let bad = 0, done = 0;
const end = () => burners.forEach((one) => one.kill('SIGKILL'));
process.on('exit', end);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { report(); process.exit(130); });

const atOnce = Number(process.argv[4] ?? 1);
const rehearse = (mine) => new Promise((ended) => {
  const child = execFile(binary, ['cutover', 'rehearse', '--local', '--json', '--non-interactive', '--state-dir', mine], { encoding: 'utf8', env: { ...process.env, HOME: state }, maxBuffer: 64 << 20 },
    (_, stdout) => ended({ status: child.exitCode, stdout }));
});

function report() {
  const load = os.loadavg().map((one) => one.toFixed(1)).join(' ');
  console.log(`${done} rehearsals of identical lanes beside ${burners.length} busy processes (load ${load}): ${bad} rolled back`);
  for (const [code, count] of [...endings].sort()) console.log(`  exit ${code}: ${count}`);
  for (const [gate, count] of failed) console.log(`  ${gate}: ${count}`);
}

let begun = 0;
async function some(who) {
  const mine = path.join(state, String(who));
  while (begun < runs) {
    ++begun;
    const run = await rehearse(mine);
    const document = JSON.parse(run.stdout || '{}');
    endings.set(run.status, (endings.get(run.status) ?? 0) + 1);
    bad += run.status === 7 || run.status === 1 || run.status === 8 ? 1 : 0;
    ++done;
    const why = (document.checks ?? []).filter((check) => !['PASS', 'SKIPPED'].includes(check.verdict));
    for (const check of why) failed.set(`${check.verdict} ${check.id}`, (failed.get(`${check.verdict} ${check.id}`) ?? 0) + 1);
    console.log(`${done}/${runs} exit ${run.status} ${why.map((check) => `${check.verdict} ${check.id}: ${check.detail}`).join('; ')}`);
    fs.rmSync(path.join(mine, 'runs'), { recursive: true, force: true });
  }
}

await Promise.all(Array.from({ length: atOnce }, (_, who) => some(who)));
report();
fs.rmSync(state, { recursive: true, force: true });
process.exit(bad > runs * 0.01 ? 1 : 0);
