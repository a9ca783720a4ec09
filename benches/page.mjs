// Measures the page in headless Chromium: `node benches/page.mjs tabs URL [VISITS]` for how soon each tab is shown,
// `node benches/page.mjs day URL PID` for the memory of the page and of the server while a demo's day goes by.
import { readFileSync } from "node:fs";
import { launch } from "../web/test/browser.mjs";

const [, , what, url, more] = process.argv;
const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);

/** The tabs, each with what stands there once it is shown. */
const TABS = [
  ["Today", "", ".card .plot:not([hidden]) canvas, .card .bars:not([hidden])"],
  ["Map", "tab=map", ".map-frame[data-state=drawn]"],
  ["Explore", "tab=explore", ".big-plot canvas"],
  ["Health", "tab=health", "main table"],
];

/** A fresh visit: nothing is in the browser's cache. */
async function visit(browser, query, selector) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, locale: "en-GB" });
  const page = await context.newPage();
  await page.addInitScript((selector) => {
    const look = () => {
      if (document.querySelector(selector)) requestAnimationFrame(() => setTimeout(() => (window.shownAt = performance.now())));
      else requestAnimationFrame(look);
    };
    look();
  }, selector);
  await page.goto(`${url}/?${query}`);
  await page.waitForFunction(() => window.shownAt !== undefined, null, { timeout: 60000 });
  const seen = await page.evaluate(() => ({
    paint: performance.getEntriesByType("paint")[0]?.startTime ?? NaN,
    shown: window.shownAt,
    requests: performance.getEntriesByType("resource").length + 1,
    bytes: performance
      .getEntriesByType("resource")
      .concat(performance.getEntriesByType("navigation"))
      .reduce((sum, one) => sum + one.transferSize, 0),
  }));
  await context.close();
  return seen;
}

async function tabs() {
  const browser = await launch();
  row(["tab", "first paint ms", "shown ms", "requests", "kB in all"]);
  row(["---", "---:", "---:", "---:", "---:"]);
  for (const [name, query, selector] of TABS) {
    const visits = [];
    for (let number = 0; number < Number(more ?? 5); number += 1) visits.push(await visit(browser, query, selector));
    const of = (key) => Math.round(median(visits.map((one) => one[key])));
    row([name, of("paint"), of("shown"), of("requests"), Math.round(of("bytes") / 1000)]);
  }
  await browser.close();
}

/** Resident MB of a process. */
const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1000;

async function day() {
  const browser = await launch();
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 1000 }, locale: "en-GB" })).newPage();
  await page.goto(url);
  const devtools = await page.context().newCDPSession(page);
  row(["time of the demo", "page MB", "elements", "server MB"]);
  row(["---", "---:", "---:", "---:"]);
  const time = () => page.evaluate(async () => (await (await fetch("/api/v1/day")).json()).now);
  let before = "";
  for (;;) {
    const now = await time();
    if (now === before) break;
    before = now;
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    const elements = await page.evaluate(() => document.querySelectorAll("*").length);
    row([now, (usedSize / 1e6).toFixed(1), elements, resident(more).toFixed(0)]);
    await page.waitForTimeout(20_000);
  }
  await browser.close();
}

await { tabs, day }[what]();
