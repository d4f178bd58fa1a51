// A real terminal of a given size (tmux): what a person would see, as text.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cleanEnv, limit, sleep } from './process.mjs';

const open = new Set();
process.on('exit', () => { for (const one of open) one.close(); });

// tmux writes a line of its own below what a pane left: so a shell stays behind the command.
const BEHIND = 'trap : INT; "$@"; echo $? >"$AT.new"; mv "$AT.new" "$AT"; while :; do read -r _ || exit; done';

export class Terminal {
  /**
   * Runs `command` (words, not a shell line) on a screen of cols × rows. `bare`: the screen keeps only
   * what the command wrote, and its end can be waited for.
   */
  static start(command, { cols = 80, rows = 24, env = {}, cwd, bare = false } = {}) {
    const terminal = new Terminal();
    // A socket's path has to be short: not in the scratch folder.
    terminal.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oa-terminal-'));
    if (bare) {
      terminal.ended = path.join(terminal.folder, 'exit');
      command = ['/bin/sh', '-c', BEHIND.replaceAll('$AT', terminal.ended), 'sh', ...command];
    }
    terminal.env = cleanEnv({ HOME: terminal.folder, TERM: 'xterm-256color', LANG: 'C.UTF-8', ...env });
    open.add(terminal);
    // The screen outlives its command, so that the last of it can be read.
    const config = path.join(terminal.folder, 'tmux.conf');
    fs.writeFileSync(config, 'set -g remain-on-exit on\nset -g status off\nset -g default-terminal tmux-256color\n');
    const words = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    terminal.#tmux('-f', config, 'new-session', '-d', '-x', String(cols), '-y', String(rows), ...words, ...(cwd ? ['-c', cwd] : []), '--', ...command);
    return terminal;
  }
  #tmux(...args) {
    return execFileSync('tmux', ['-S', path.join(this.folder, 's'), ...args], { env: this.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
  /** Types the text as it is. */
  type(text) { this.#tmux('send-keys', '-l', text); }
  /** Presses keys by tmux's names: Enter, Tab, C-c, C-u, Escape. */
  press(...keys) { this.#tmux('send-keys', ...keys); }
  resize(cols, rows) { this.#tmux('resize-window', '-x', String(cols), '-y', String(rows)); }
  /** The lines on the screen without trailing blanks; `colours` keeps the escape sequences, `joined` the lines as written, wider than the screen. */
  lines({ colours = false, joined = false } = {}) {
    const text = this.#tmux('capture-pane', '-p', ...(colours ? ['-e'] : []), ...(joined ? ['-J'] : []));
    return text.replace(/\n$/, '').split('\n').map((line) => line.trimEnd());
  }
  screen() { return this.lines().join('\n').trimEnd(); }
  /** The exit code of the command, null while it runs. */
  exit() {
    if (this.ended) return fs.existsSync(this.ended) ? Number(fs.readFileSync(this.ended, 'utf8')) : null;
    const [dead, code] = this.#tmux('display-message', '-p', '#{pane_dead} #{pane_dead_status}').trim().split(' ');
    return dead === '1' && code !== undefined ? Number(code) : null; // it is dead before it is reaped
  }
  /** Waits until `pick(screen text)` gives a value. */
  async until(pick, what, ms = 60000) {
    const end = Date.now() + limit(ms);
    for (;;) {
      const late = Date.now() > end;
      const screen = this.screen();
      const value = pick(screen);
      if (value !== undefined && value !== null && value !== false) return value;
      if (late) throw new Error(`no ${what} within ${limit(ms)} ms on this screen:\n${screen}`);
      await sleep(50);
    }
  }
  async end(ms = 120000) {
    const end = Date.now() + limit(ms);
    for (;;) {
      const late = Date.now() > end;
      const code = this.exit();
      if (code !== null) return code;
      if (late) throw new Error(`no end within ${limit(ms)} ms on this screen:\n${this.screen()}`);
      await sleep(50);
    }
  }
  close() {
    open.delete(this);
    try {
      this.#tmux('kill-server');
    } catch {
      // ended by itself
    }
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
