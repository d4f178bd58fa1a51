// Completion in the real shells, and manual pages by the real mandoc.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { OA_BIN, diedRun, oa, scratch } from '../lib/process.mjs';
import { Terminal } from '../lib/terminal.mjs';

const RUN = '20261120T101112Z-cutover-0a1b2c3d';

/** A home with the binary on the path, in the state one run that moved traffic and one that did not, and some files to complete. */
function home() {
  const folder = scratch('home');
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.symlinkSync(OA_BIN, path.join(folder, 'bin/oa-stream'));
  diedRun(path.join(folder, 'state'), RUN);
  const smoke = path.join(folder, 'state/runs/20261121T101112Z-smoke-1b2c3d4e');
  fs.mkdirSync(smoke);
  fs.writeFileSync(path.join(smoke, 'run.json'), '{}');
  fs.mkdirSync(path.join(folder, 'captures'));
  fs.writeFileSync(path.join(folder, 'answer.sse'), '');
  fs.writeFileSync(path.join(folder, 'my answer.sse'), '');
  return folder;
}

const SHELLS = {
  bash: (script) => ['bash', '--noprofile', '--rcfile', script],
  zsh: () => ['zsh', '-i'],
  'zsh by $fpath': () => ['zsh', '-i'],
  fish: (script) => ['fish', '--no-config', '--init-command', `source ${script}`],
};

function shellIn(folder, name) {
  const shell = name.split(' ')[0];
  const installed = name !== shell; // as a package does it: the first Tab loads the script
  const script = path.join(folder, installed ? '_oa-stream' : `completion.${shell}`);
  const text = execFileSync(OA_BIN, ['completions', shell], { encoding: 'utf8' });
  fs.writeFileSync(script, shell === 'bash' ? `${text}\nPS1='> '\n` : text);
  const init = `autoload -Uz compinit && compinit -u -d ${folder}/.zcompdump\n`;
  const rc = installed ? `fpath=(${folder} $fpath)\n${init}` : `${init}source ${script}\n`;
  if (shell === 'zsh') fs.writeFileSync(path.join(folder, '.zshrc'), `PS1='> '\n${rc}`);
  const env = { PATH: `${folder}/bin:${process.env.PATH}`, OA_STREAM_STATE_DIR: `${folder}/state`, ZDOTDIR: folder, HOME: folder };
  return Terminal.start(SHELLS[name](script), { cols: 140, rows: 40, cwd: folder, env });
}

const CASES = [
  ['oa-stream roll', 'oa-stream rollback '],
  ['oa-stream rollback dr', 'oa-stream rollback drill '],
  ['oa-stream serve --authority re', 'oa-stream serve --authority replay '],
  ['oa-stream serve --allow model,s', 'oa-stream serve --allow model,system '],
  ['oa-stream shadow --compare str', 'oa-stream shadow --compare structure '],
  ['oa-stream serve --access-log-fo', 'oa-stream serve --access-log-format '],
  ['oa-stream rollback apply --run 2026', `oa-stream rollback apply --run ${RUN} `],
  ['oa-stream playbook show rollback-d', 'oa-stream playbook show rollback-drill '],
  ['oa-stream load --limit p99', 'oa-stream load --limit p99-first_content\\<=5s '],
  ['oa-stream check ans', 'oa-stream check answer.sse '],
  ['oa-stream check ~/ans', 'oa-stream check ~/answer.sse '],
  ['oa-stream serve --replay cap', 'oa-stream serve --replay captures/'],
  ['oa-stream serve --replay=cap', 'oa-stream serve --replay=captures/'],
  ['oa-stream check my\\ an', 'oa-stream check my\\ answer.sse '],
  ['oa-stream check --headers my\\ answer.sse ans', 'oa-stream check --headers my\\ answer.sse answer.sse '],
];

for (const name of Object.keys(SHELLS)) {
  test(`${name} completes commands, options, values, runs, playbooks and files`, async () => {
    const terminal = shellIn(home(), name);
    await terminal.until((screen) => /[>#$%] ?$/.test(screen), 'prompt', 60000);
    for (const [typed, want] of CASES) {
      terminal.type(typed);
      await terminal.until((screen) => screen.includes(typed), `"${typed}"`);
      terminal.press('Tab');
      // The rest stands there exactly once it was completed: one more letter shows what follows it.
      await terminal.until((screen) => screen.includes(want.trimEnd()), `"${want}"`);
      terminal.type('X');
      await terminal.until((screen) => screen.includes(`${want}X`), `"${want}X"`);
      terminal.press('C-c');
      await terminal.until((screen) => /[>#$%]( \^C)?$/.test(screen.split('\n').at(-1)), 'prompt');
    }
    terminal.close();
  });
}

test('runs of the folder that the config file names are completed', async () => {
  const folder = scratch('home'), config = path.join(folder, 'oa-stream/config.yaml');
  diedRun(path.join(folder, 'state'), RUN);
  fs.mkdirSync(path.dirname(config));
  fs.writeFileSync(config, `version: 1\nall: { state-dir: ${folder}/state }\n`);
  const runs = async (env, words = []) => (await oa(['__complete', ...words, 'rollback', 'apply', '--run', ''], { stateDir: '', env: { HOME: '/nonexistent', ...env } })).stdout;
  for (const shown of [await runs({ XDG_CONFIG_HOME: folder }), await runs({ OA_STREAM_CONFIG: config }), await runs({}, ['--config', config])]) assert.ok(shown.includes(RUN), shown);
  assert.ok(!(await runs({ XDG_CONFIG_HOME: folder }, ['--state-dir', scratch('other')])).includes(RUN), 'what is typed wins');
  fs.writeFileSync(config, 'broken: [');
  assert.ok((await runs({ XDG_CONFIG_HOME: folder, OA_STREAM_STATE_DIR: `${folder}/state` })).includes(RUN), 'a bad file counts as none');
});

test('every manual page is one that mandoc has nothing to say about', async () => {
  const folder = path.join(scratch('man'), 'man');
  const made = await oa(['man', '--out', folder]);
  assert.equal(made.code, 0, made.stderr);
  const pages = fs.readdirSync(folder);
  assert.ok(pages.includes('oa-stream.1') && pages.includes('oa-stream-cutover-apply.1') && pages.includes('oa-stream-playbook.5'), pages.join(' '));
  const lint = spawnSync('mandoc', ['-Tlint', '-W', 'warning', ...pages.map((page) => path.join(folder, page))], { encoding: 'utf8' });
  assert.equal(lint.status, 0, lint.stdout);
  // And shown, it still says what the table says.
  const shown = execFileSync('mandoc', ['-Tascii', path.join(folder, 'oa-stream-serve.1')], { encoding: 'utf8' }).replace(/.\x08/g, '');
  assert.match(shown, /--authority codex\|replay/);
  assert.match(shown, /EXIT STATUS[\s\S]*Credentials are missing or were refused\./);
});

/** The page on a terminal where `man`, a script for sh, is all that PATH has before `more`; null: none. */
async function pageOn(man, more = '') {
  const folder = scratch('man');
  if (man !== null) fs.writeFileSync(path.join(folder, 'man'), `#!/bin/sh\n${man}\n`, { mode: 0o755 });
  const terminal = Terminal.start(['env', `PATH=${folder}${more}`, OA_BIN, 'man', 'smoke', 'stream'], { cols: 62, rows: 400, bare: true });
  try {
    assert.equal(await terminal.end(), 0, terminal.screen());
    return terminal.lines();
  } finally {
    terminal.close();
  }
}

test('man on a terminal shows the page as man formats it, as wide as the screen; without one, its source', async () => {
  const lines = await pageOn('[ "$*" = "-l -" ] && exec mandoc -Tutf8 -O "width=$MANWIDTH"', `:${process.env.PATH}`);
  assert.ok(lines.includes('SYNOPSIS') && !lines.some((line) => /^\.(TH|SH)/.test(line)), lines.join('\n'));
  const widest = Math.max(...lines.map((line) => [...line].length));
  assert.ok(widest > 50 && widest <= 62, `${widest} columns`);
  for (const none of [null, 'exit 1', 'echo This system has been minimized.']) {
    assert.match((await pageOn(none)).join('\n'), /^\.TH [^]*^\.SH NAME\n/m, `${none}`);
  }
});

test('man and completions refuse what they do not know and name what is near', async () => {
  const page = await oa(['man', 'smoke-strem']);
  assert.equal(page.code, 2);
  assert.match(page.stderr, /no manual page for 'smoke-strem' \(did you mean oa-stream man smoke-stream\?\)/);
  const shell = await oa(['completions', 'tcsh']);
  assert.equal(shell.code, 2);
  assert.match(shell.stderr, /bash, zsh or fish/);
});
