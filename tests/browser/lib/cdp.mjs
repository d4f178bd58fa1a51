// Chromium by its DevTools protocol, over the WebSocket that node has: one browser, a few tabs.
import fs from 'node:fs';
import path from 'node:path';
import { Running, cleanEnv, limit, scratch } from '../../e2e/lib/process.mjs';

const FLAGS = [
  '--headless=new', '--remote-debugging-port=0',
  '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--no-zygote', // root in a container or a chroot
  '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-extensions', '--disable-default-apps', '--disable-breakpad', '--metrics-recording-only', '--mute-audio',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1', // it speaks to nobody else
  // A tab in the background works as one in front does: each stands for a person of its own.
  '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
];

function chromium() {
  const names = process.env.OA_CHROMIUM ? [process.env.OA_CHROMIUM] : ['/usr/bin/chromium', '/usr/bin/chromium-headless-shell'];
  const found = names.find((name) => fs.existsSync(name));
  if (!found) throw new Error('no chromium: run ./dev browser, which installs it');
  return found;
}

const late = (what, ms) => new Promise((_, fail) => setTimeout(() => fail(new Error(`${what}: not within ${ms} ms`)), ms).unref());

export class Browser {
  static async start(flags = []) {
    const self = new Browser();
    const folder = scratch('chromium');
    const env = cleanEnv({ HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder, DBUS_SESSION_BUS_ADDRESS: 'disabled:' });
    self.process = new Running(chromium(), [...FLAGS, ...flags, `--user-data-dir=${path.join(folder, 'profile')}`, 'about:blank'], { name: 'chromium', folder, env });
    const url = await self.process.until((p) => /DevTools listening on (ws:\S+)/.exec(p.stderr)?.[1], 'DevTools address', 60000);
    self.socket = new WebSocket(url);
    self.socket.addEventListener('message', (event) => self.take(JSON.parse(event.data)));
    await new Promise((done, fail) => {
      self.socket.addEventListener('open', done);
      self.socket.addEventListener('error', () => fail(new Error(`no connection to ${url}`)));
    });
    return self;
  }
  constructor() {
    this.last = 0;
    this.calls = new Map();
    this.tabs = new Map();
  }
  take(message) {
    const call = this.calls.get(message.id);
    if (call) {
      this.calls.delete(message.id);
      if (message.error) call.fail(new Error(`${call.method}: ${message.error.message}`));
      else call.done(message.result);
    } else {
      this.tabs.get(message.sessionId)?.event(message.method, message.params);
    }
  }
  call(method, params = {}, sessionId) {
    const id = ++this.last;
    const answer = new Promise((done, fail) => this.calls.set(id, { method, done, fail }));
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return answer;
  }
  /** A person: storage of its own, shared by its tabs. */
  async person() {
    const { browserContextId } = await this.call('Target.createBrowserContext', { disposeOnDetach: true });
    return {
      tab: () => this.tab(browserContextId),
      leave: () => this.call('Target.disposeBrowserContext', { browserContextId }),
    };
  }
  async tab(browserContextId) {
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId, targetId);
    this.tabs.set(sessionId, tab);
    await Promise.all(['Page.enable', 'Runtime.enable', 'Network.enable'].map((method) => tab.call(method)));
    await tab.call('Emulation.setFocusEmulationEnabled', { enabled: true });
    return tab;
  }
  async stop() {
    this.socket.send(JSON.stringify({ id: ++this.last, method: 'Browser.close' }));
    await this.process.end();
  }
}

class Tab {
  constructor(browser, sessionId, targetId) {
    Object.assign(this, { browser, sessionId, targetId, loads: 0, onLoad: () => {} });
    this.complaints = []; // uncaught exceptions and console.error
    this.closed = false;
  }
  call(method, params) { return this.browser.call(method, params, this.sessionId); }
  event(method, params) {
    if (method === 'Page.loadEventFired') this.onLoad();
    if (method === 'Runtime.exceptionThrown') this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error') this.complaints.push(params.args.map((a) => a.value ?? a.description).join(' '));
  }
  async load(start) {
    const loaded = new Promise((done) => { this.onLoad = done; });
    await start();
    await Promise.race([loaded, late('load', limit(20000))]);
  }
  goto(url) { return this.load(() => this.call('Page.navigate', { url })); }
  reload() { return this.load(() => this.call('Page.reload')); }
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
  /** Runs a function of the page; arguments and result are JSON. */
  run(fn, ...args) { return this.evaluate(`(${fn})(...${JSON.stringify(args)})`); }
  /** What the page shows, once `fn(shown, ...args)` holds for it. */
  until(fn, ...args) { return this.evaluate(`lab.until(${fn}, ${JSON.stringify(args)}, ${limit(15000)})`); }
  read() { return this.evaluate('lab.read()'); }
  async type(text) {
    await this.run(() => document.querySelector('textarea').focus());
    await this.call('Input.insertText', { text });
  }
  click(selector) { return this.run((s) => document.querySelector(s).click(), selector); }
  network({ offline = false, latency = 0, down = -1, up = -1 } = {}) {
    return this.call('Network.emulateNetworkConditions', { offline, latency, downloadThroughput: down, uploadThroughput: up });
  }
  cpu(rate) { return this.call('Emulation.setCPUThrottlingRate', { rate }); }
  async close() {
    if (this.closed) return;
    this.closed = true;
    await this.browser.call('Target.closeTarget', { targetId: this.targetId });
  }
}
