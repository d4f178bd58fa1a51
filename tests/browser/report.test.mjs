// report.html of a real run in a real browser: phone and desk, light and dark, read by axe-core.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ROOT, oa } from '../e2e/lib/process.mjs';
import { Browser } from './lib/cdp.mjs';

const AXE = fs.readFileSync(path.join(ROOT, 'tests/browser/node_modules/axe-core/axe.min.js'), 'utf8');
const SCREENS = [['phone', 360, 740, true], ['desk', 1440, 900, false]];

let browser, file;
before(async () => {
  const run = await oa(['cutover', 'rehearse', '--local', '--inject', 'error-rate=0.3@25', '--json'], { ms: 120000 });
  assert.equal(run.code, 7, run.stderr);
  file = path.join(run.json().evidence, 'report.html');
  browser = await Browser.start();
});
after(() => browser?.stop());

/** The report on a screen of that size and scheme, with everything that it asked the network for. */
async function open([, width, height, mobile], scheme) {
  const person = await browser.person(), tab = await person.tab();
  tab.asked = [];
  const event = tab.event.bind(tab);
  tab.event = (method, params) => {
    if (method === 'Network.requestWillBeSent') tab.asked.push(params.request.url);
    event(method, params);
  };
  await tab.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile });
  await tab.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await tab.goto(pathToFileURL(file).href);
  return { tab, leave: () => person.leave() };
}

for (const screen of SCREENS) {
  for (const scheme of ['light', 'dark']) {
    describe(`report.html on a ${screen[0]}, ${scheme}`, () => {
      let page;
      before(async () => { page = await open(screen, scheme); });
      after(() => page?.leave());

      test('axe-core finds nothing serious', async () => {
        await page.tab.evaluate(`${AXE}; undefined`);
        const { violations, passes } = await page.tab.evaluate('axe.run().then(({ violations, passes }) => ({ violations: violations.map((v) => ({ id: v.id, impact: v.impact, where: v.nodes.map((n) => n.html.slice(0, 120)) })), passes: passes.length }))');
        assert.ok(passes > 10, 'it looked at the page');
        assert.deepEqual(violations.filter((v) => ['serious', 'critical'].includes(v.impact)), []);
      });

      test('the page itself never scrolls sideways, and fetches nothing', async () => {
        const { scroll, client } = await page.tab.run(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
        assert.ok(scroll <= client, `${scroll} > ${client}`);
        assert.deepEqual(page.tab.asked.filter((url) => !url.startsWith('file:')), []);
        assert.deepEqual(page.tab.complaints, []);
      });

      test('ground and text follow the scheme', async () => {
        const ground = await page.tab.run(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
        assert.ok(scheme === 'light' ? Math.min(...ground) > 200 : Math.max(...ground) < 60, `${ground}`);
      });
    });
  }
}

test('verdict, way back, charts and what to type are there without a script', async () => {
  const { tab, leave } = await open(SCREENS[0], 'light');
  const seen = await tab.run(() => ({ text: document.body.innerText, charts: document.querySelectorAll('svg[role=img]').length, scripts: document.scripts.length }));
  assert.equal(seen.scripts, 0);
  assert.ok(seen.charts >= 3, `${seen.charts} charts`);
  for (const word of ['FAIL', 'Stages', 'Gates', 'Rollback', 'users see stable', 'Checks', 'Next:']) assert.ok(seen.text.includes(word), word);
  await leave();
});
