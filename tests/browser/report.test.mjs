// report.html of a real run in a real browser: phone and desk, light and dark, read by axe-core.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { startLane } from '../e2e/lib/lane.mjs';
import { rehearsed } from '../e2e/lib/measured.mjs';
import { ROOT, oa } from '../e2e/lib/process.mjs';
import { Browser } from './lib/cdp.mjs';

const AXE = fs.readFileSync(path.join(ROOT, 'tests/browser/node_modules/axe-core/axe.min.js'), 'utf8');
const SCREENS = [['phone', 390, 844, true], ['tablet', 800, 900, false], ['desk', 1440, 900, false]];

let browser, file, healthy, loaded, refused, unreached;
before(async () => {
  const [run, good] = await Promise.all([
    oa(['cutover', 'rehearse', '--local', '--inject', 'error-rate=0.3@25', '--json'], { ms: 120000 }),
    rehearsed(() => oa(['cutover', 'rehearse', '--local', '--json'], { ms: 120000 })),
  ]);
  assert.equal(good.code, 0, good.stderr);
  healthy = path.join(good.json().evidence, 'report.html');
  assert.equal(run.code, 7, run.stderr);
  file = path.join(run.json().evidence, 'report.html');
  const lane = await startLane();
  const load = await oa(['load', '--base-url', lane.base, '--rate', '80/s', '--duration', '4s', '--json'], { ms: 60000 });
  await lane.stop();
  assert.equal(load.code, 0, load.stderr);
  loaded = path.join(load.json().evidence, 'report.html');
  const away = await oa(['load', '--base-url', 'http://127.0.0.1:1', '--rate', '5/s', '--duration', '1s', '--json']);
  assert.equal(away.code, 4, away.stderr);
  refused = path.join(away.json().evidence, 'report.html');
  const gone = await oa(['verify', 'steady-state', '--set', 'base_url=http://127.0.0.1:1', '--json'], { ms: 60000 });
  assert.equal(gone.code, 4, gone.stderr);
  unreached = path.join(gone.json().evidence, 'report.html');
  browser = await Browser.start();
});
after(() => browser?.stop());

/** Tabs that were left: the report keeps nothing, so the next one to look at it takes one of them. A tab of its own takes half a second of CPU. */
const left = [];
async function freshTab() {
  const tab = await (await browser.person()).tab();
  const event = tab.event.bind(tab);
  tab.event = (method, params) => {
    if (method === 'Network.requestWillBeSent') tab.asked.push(params.request.url);
    event(method, params);
  };
  return tab;
}

/** The report on a screen of that size and scheme, with everything that it asked the network for. */
async function open([, width, height, mobile], scheme, page = file) {
  const tab = left.pop() ?? await freshTab();
  Object.assign(tab, { asked: [], complaints: [] });
  await tab.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile });
  await tab.call('Emulation.setEmulatedMedia', { media: '', features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await tab.goto(pathToFileURL(page).href);
  return { tab, leave: () => left.push(tab) };
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
  for (const word of ['FAIL', 'Stages', 'Gates', 'Rollback', 'fresh connections see stable', 'Checks', 'Next:']) assert.ok(seen.text.includes(word), word);
  await leave();
});

test('the gate that failed is the first row of the gates, those that passed are folded', async () => {
  const { tab, leave } = await open(SCREENS[2], 'light');
  const rows = await tab.run(() => [...document.querySelectorAll('[aria-label^="gates that"] tbody tr')].map((row) => [row.children[2].textContent.slice(-4), row.checkVisibility()]));
  assert.deepEqual(rows[0], ['FAIL', true]);
  assert.ok(rows.length > 1 && rows.every(([verdict, shown]) => shown === (verdict !== 'PASS')), JSON.stringify(rows));
  await leave();
});

/** What a person reads of the charts: the smallest size of their text on the screen. */
const smallestText = (tab) => tab.run(() => Math.min(...[...document.querySelectorAll('svg text')].map((one) => parseFloat(getComputedStyle(one).fontSize) * one.ownerSVGElement.getBoundingClientRect().width / one.ownerSVGElement.viewBox.baseVal.width)));

test('text of the charts can be read at every width, and no two labels of an axis touch', async () => {
  for (const screen of SCREENS) {
    const { tab, leave } = await open(screen, 'light');
    const size = await smallestText(tab);
    assert.ok(size >= 9.5, `${screen[0]}: ${size} px`);
    const overlaps = await tab.run(() => [...document.querySelectorAll('svg')].flatMap((svg) => {
      const ticks = [...svg.querySelectorAll('text[text-anchor=middle]')].map((one) => one.getBoundingClientRect());
      return ticks.filter((box, i) => i > 0 && box.left < ticks[i - 1].right && Math.abs(box.top - ticks[i - 1].top) < 2).length;
    }).reduce((a, b) => a + b, 0));
    assert.equal(overlaps, 0, screen[0]);
    await leave();
  }
});

test('no text of a chart is cut at its edge', async () => {
  for (const screen of SCREENS) {
    for (const page of [file, healthy, loaded]) {
      const { tab, leave } = await open(screen, 'light', page);
      const cut = await tab.run(() => [...document.querySelectorAll('svg')].flatMap((svg) => {
        const box = svg.getBoundingClientRect();
        return [...svg.querySelectorAll('text')].filter((one) => {
          const text = one.getBoundingClientRect();
          return text.left < box.left - 0.5 || text.right > box.right + 0.5;
        }).map((one) => one.textContent);
      }));
      assert.deepEqual(cut, [], `${screen[0]}: ${page}`);
      await leave();
    }
  }
});

test('where a summary has room for its table, none of its lines is cut', async () => {
  for (const screen of SCREENS.slice(1)) {
    for (const page of [loaded, refused]) {
      const { tab, leave } = await open(screen, 'light', page);
      const lines = await tab.run(() => [...document.querySelectorAll('pre')].map((one) => [one.scrollWidth, one.clientWidth]));
      assert.ok(lines.length > 0 && lines.every(([all, shown]) => all <= shown), `${screen[0]}: ${JSON.stringify(lines)}`);
      await leave();
    }
  }
});

test('on a phone the reasons of gates and checks, and what to type next, are read without scrolling sideways', async () => {
  for (const page of [file, loaded]) {
    const { tab, leave } = await open(SCREENS[0], 'dark', page);
    const seen = await tab.run(() => {
      for (const folded of document.querySelectorAll('details')) folded.open = true; // what passed is read too
      const wide = [...document.querySelectorAll('td.wide')].filter((cell) => cell.checkVisibility());
      const next = [...document.querySelectorAll('pre.command')];
      return { wide: wide.length, beyond: wide.filter((cell) => cell.getBoundingClientRect().right > innerWidth).length, next: next.length, cut: next.filter((one) => one.scrollWidth > one.clientWidth).length };
    });
    assert.ok(seen.wide > 0 && seen.beyond === 0, JSON.stringify(seen));
    assert.ok(seen.cut === 0 && (page === loaded || seen.next === 1), JSON.stringify(seen));
    await leave();
  }
});

test('what to type next is broken between its words alone, and is copied as one line', async () => {
  for (const screen of SCREENS) {
    const { tab, leave } = await open(screen, 'light');
    const seen = await tab.run(() => {
      const next = document.querySelector('pre.command'), one = parseFloat(getComputedStyle(next).lineHeight);
      getSelection().selectAllChildren(next);
      const words = [...next.children].map((word) => [word.textContent, Math.round(word.getBoundingClientRect().height / one)]);
      return { words, copied: getSelection().toString() };
    });
    assert.ok(seen.words.every(([, lines]) => lines === 1), JSON.stringify(seen));
    assert.equal(seen.copied, seen.words.map(([word]) => word).join(' '));
    await leave();
  }
});

test("on a phone prose of a load's summary hangs below its line, and its table alone scrolls sideways", async () => {
  const { tab, leave } = await open(SCREENS[0], 'light', loaded);
  const { page, text, lines } = await tab.run(() => {
    const summary = [...document.querySelectorAll('h2')].find((one) => one.textContent === 'Summary').nextElementSibling;
    const range = document.createRange();
    const lines = [...summary.children].map((line) => {
      range.selectNodeContents(line);
      const lefts = [...new Set([...range.getClientRects()].filter((part) => part.width > 0).map((part) => Math.round(part.left)))];
      return { row: line.matches('.row'), beyond: line.scrollWidth - line.clientWidth, lefts };
    });
    const { scrollWidth, clientWidth } = document.documentElement;
    return { page: scrollWidth - clientWidth, text: summary.textContent, lines };
  });
  assert.equal(page, 0);
  assert.equal(lines.length, text.split('\n').length - 1, 'an element a line');
  const rows = lines.filter((line) => line.row), prose = lines.filter((line) => !line.row);
  assert.ok(rows.length > 0 && rows.every(({ lefts }) => lefts.length === 1), JSON.stringify(rows));
  assert.ok(rows.some(({ beyond }) => beyond > 0), 'the block scrolls');
  assert.ok(prose.every(({ beyond }) => beyond === 0), JSON.stringify(prose));
  const broken = prose.filter(({ lefts }) => lefts.length > 1);
  assert.ok(broken.length > 5 && broken.every(({ lefts: [first, ...more] }) => more.every((left) => left > first)), JSON.stringify(prose));
  await leave();
});

test('on paper it takes at most four pages, without what passed; one where nothing could be asked', async () => {
  for (const [page, most] of [[file, 4], [healthy, 4], [unreached, 1]]) {
    const { tab, leave } = await open(SCREENS[2], 'light', page);
    const { data } = await tab.call('Page.printToPDF', {});
    const pages = Buffer.from(data, 'base64').toString('latin1').match(/\/Type\s*\/Page\b/g).length;
    assert.ok(pages <= most, `${page}: ${pages} pages`);
    assert.ok(await tab.run(() => [...document.querySelectorAll('details')].every((one) => !one.open)), 'folded');
    await leave();
  }
});

test('on paper no line of a summary is cut', async () => {
  const { tab, leave } = await open(['paper', 600, 800, false], 'light', loaded);
  await tab.call('Emulation.setEmulatedMedia', { media: 'print' });
  const cut = await tab.run(() => [...document.querySelectorAll('pre')].filter((one) => one.scrollWidth > one.clientWidth).length);
  assert.equal(cut, 0);
  await leave();
});

test("a load's report draws its rate, bad answers and times, with the limits", async () => {
  const { tab, leave } = await open(SCREENS[0], 'dark', loaded);
  const seen = await tab.run(() => ({ text: document.body.innerText, charts: document.querySelectorAll('svg[role=img]').length, wide: document.documentElement.scrollWidth > document.documentElement.clientWidth, rows: [...document.querySelectorAll('svg')].map((one) => one.querySelectorAll('circle, rect').length) }));
  assert.equal(seen.charts, 3);
  assert.equal(seen.wide, false);
  for (const word of ['PASS', 'Requests sent and in flight', 'Bad answers', 'Time to the first content', 'asked for 80', 'bad <= 1%']) assert.ok(seen.text.includes(word), `${word}: ${seen.text}`);
  assert.ok(seen.rows.every((points) => points >= 3), `${seen.rows}`);
  await tab.evaluate(`${AXE}; undefined`);
  assert.deepEqual(await tab.evaluate("axe.run().then(({ violations }) => violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => one.id))"), []);
  await leave();
});
