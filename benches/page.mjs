// Measures the page in headless Chromium: `node benches/page.mjs tabs [--graphics webgl] [--visits N] URL [URL …]` for how
// soon each tab is shown, `node benches/page.mjs day URL DEMO-URL PID [PID …]` for the memory of pages and processes while a
// demo's day goes by.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { launch } from "../web/test/browser.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { graphics: { type: "string", default: "usual" }, visits: { type: "string", default: "5" } },
});
const [what, ...where] = positionals;
const VIEW = { viewport: { width: 1440, height: 1000 }, locale: "en-GB" };
const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);

/** The tabs, each with what stands there once it is shown. */
const TABS = [
  ["Today", "", ".card .plot:not([hidden]) canvas, .card .bars:not([hidden])"],
  ["Map", "tab=map", ".map-frame[data-state=drawn]"],
  ["Explore", "tab=explore", ".big-plot canvas"],
  ["Health", "tab=health", "main table"],
];

/** A fresh visit: the browser runs already, but nothing of the page is in its cache, and the page gets a process of its own. Times are
 *  those since the navigation began. */
async function visit(browser, address, selector) {
  const context = await browser.newContext(VIEW);
  const page = await context.newPage();
  await page.addInitScript((selector) => {
    const look = () => {
      if (document.querySelector(selector)) requestAnimationFrame(() => setTimeout(() => (window.shownAt = performance.now())));
      else requestAnimationFrame(look);
    };
    look();
  }, selector);
  await page.goto(address);
  const isShown = () => window.shownAt !== undefined && performance.getEntriesByType("paint").length > 0;
  await page.waitForFunction(isShown, null, { timeout: 60000 });
  const seen = await page.evaluate(() => ({
    paint: performance.getEntriesByType("paint")[0].startTime,
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

/** The pages take turns, and among them one that says a word and has nothing else: what it takes is the browser's own. */
async function tabs() {
  const empty = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><title>Empty</title><p>Empty"));
  await new Promise((done) => empty.listen(0, "127.0.0.1", done));
  const pages = where.flatMap((url) => TABS.map(([name, query, selector]) => [`${name}${where.length > 1 ? ` of ${url}` : ""}`, `${url}/?${query}`, selector]));
  pages.unshift(["An empty page", `http://127.0.0.1:${empty.address().port}`, "p"]);
  const browser = await launch({ graphics: options.graphics });
  await visit(browser, ...pages[0].slice(1));
  const visits = pages.map(() => []);
  for (let number = 0; number < Number(options.visits); number += 1) {
    for (const [index, [, address, selector]] of pages.entries()) visits[index].push(await visit(browser, address, selector));
  }
  row(["page", "first paint ms", "shown ms", "requests", "kB in all"]);
  row(["---", "---:", "---:", "---:", "---:"]);
  for (const [index, [name]] of pages.entries()) {
    const of = (key) => Math.round(median(visits[index].map((one) => one[key])));
    row([name, of("paint"), of("shown"), of("requests"), Math.round(of("bytes") / 1000)]);
  }
  await browser.close();
  empty.close();
}

/** Resident MB of a process. */
const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1000;

/** What a page holds once it has thrown away what it can: MB of its script, and nodes, be they in the document or kept from it. */
async function held({ page, devtools }) {
  for (let time = 0; time < 2; time += 1) await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  const { nodes } = await devtools.send("Memory.getDOMCounters");
  return [(usedSize / 1e6).toFixed(1), nodes];
}

async function openTab(browser, url, [, query, selector]) {
  const context = await browser.newContext(VIEW);
  const page = await context.newPage();
  await page.goto(`${url}/?${query}`);
  await page.waitForSelector(selector, { timeout: 120_000 });
  return { page, devtools: await context.newCDPSession(page) };
}

/** Three tabs stay open from the first hour on; at the end each is opened afresh, to tell what they have gathered from what the day has. */
async function day() {
  const [url, demo, ...pids] = where;
  const now = async () => (await (await fetch(`${demo}/api/v1/day`)).json()).now;
  const pause = () => new Promise((done) => setTimeout(done, 2000));
  const start = await now();
  while ((await now()) < new Date(Date.parse(start) + 3_600_000).toISOString()) await pause();
  const browser = await launch({ graphics: options.graphics });
  const kept = TABS.slice(0, 3);
  const openAll = () => Promise.all(kept.map((tab) => openTab(browser, url, tab)));
  const open = await openAll();
  row(["time", ...kept.flatMap(([name]) => [`${name} MB`, "nodes"]), ...pids.map((pid) => `process ${pid} MB`)]);
  row(["---", ...[...open, ...open, ...pids].map(() => "---:")]);
  const tell = async (name, pages) => row([name, ...(await Promise.all(pages.map(held))).flat(), ...pids.map((pid) => resident(pid).toFixed(0))]);
  let told = "";
  // The clock of a demo stands still when its day is over, and while it is summarising.
  for (let before = "", still = 0; still < 10; await pause()) {
    const time = await now();
    if (told !== time.slice(0, 13)) await tell(time.slice(11, 16), open);
    told = time.slice(0, 13);
    still = time === before ? still + 1 : 0;
    before = time;
  }
  await tell("the end", open);
  const fresh = await openAll();
  await pause();
  await tell("opened then", fresh);
  await browser.close();
}

await { tabs, day }[what]();
