// A headless Chromium that talks to nobody but the page under test.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

/** Chromium from the variable CHROMIUM, or the first one on the path. */
function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const places = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error("no Chromium on the path: install it, or name it in the variable CHROMIUM");
  return found;
}

const GRAPHICS = {
  /** WebGL draws, in software, and whatever else is drawn as well. */
  webgl: ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  none: ["--disable-gpu", "--disable-3d-apis"],
  /** As Chromium decides: without a graphics card the processor draws, and WebGL is in software. */
  usual: [],
};

/** Starts the browser; WebGL is drawn in software unless `webgl` is false. */
export function launch({ webgl = true, graphics = webgl ? "webgl" : "none" } = {}) {
  return chromium.launch({
    executablePath: executable(),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...GRAPHICS[graphics],
    ],
  });
}

/** Opens the page and waits for what matches `ready`; `prepare` may route what it asks for, `complaints` collects what its console says and what it fails to load. */
export async function open(browser, address, { ready = "article.card", prepare = async () => {}, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    // Software WebGL is slow and Chromium says so; that is about this machine, not about the page.
    if (["error", "warning"].includes(message.type()) && !/GPU stall|GL Driver Message|software WebGL/i.test(message.text()))
      complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(address).origin) complaints.push(`request to ${origin}`);
  });
  await prepare(page);
  await page.goto(address);
  await page.waitForSelector(ready, { timeout: 60_000 });
  return { page, context, complaints };
}

/** Closes what `open` opened; what is still on its way through a route of a test is nobody's any more. */
export async function close({ page, context }) {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await context.unrouteAll({ behavior: "ignoreErrors" });
  await context.close();
}

/** How many colours the canvases that match have, each: 1 for a blank one. */
export function coloursOf(page, selector) {
  return page.$$eval(selector, (canvases) =>
    canvases.map((canvas) => {
      const copy = document.createElement("canvas");
      copy.width = canvas.width;
      copy.height = canvas.height;
      const context = copy.getContext("2d");
      context.drawImage(canvas, 0, 0);
      const pixels = new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer);
      return new Set(pixels).size;
    }),
  );
}

/** How many pixels of what is on screen are of a strong colour, as points on the map are and its ground is not. */
export function strongPixels(page, selector) {
  return pixels(page, selector, "strong");
}

/** How many pixels of what is on screen are dark, as what is written on light ground is. */
export function darkPixels(page, selector) {
  return pixels(page, selector, "dark");
}

async function pixels(page, selector, wanted) {
  const picture = (await page.locator(selector).screenshot()).toString("base64");
  return page.evaluate(async ([source, wanted]) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let place = 0; place < data.length; place += 4) {
      const [least, , most] = [data[place], data[place + 1], data[place + 2]].toSorted((a, b) => a - b);
      if (wanted === "strong" ? most - least > 60 : most < 140) count += 1;
    }
    return count;
  }, [`data:image/png;base64,${picture}`, wanted]);
}

/** What axe finds wrong with the page. It is put there by evaluation, so the page has to be opened with `bypassCSP`. */
export async function violations(page) {
  await page.evaluate(await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8"));
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
}

/** The address of the page under test, with a query. */
export function at(query) {
  const address = process.env.VIGIE_URL;
  if (!address) throw new Error("VIGIE_URL is not set: start `vigie demo` and give the address that it prints");
  return new URL(`/?${query}`, address).href;
}

/** Runs `check` on a fresh page, in a context of its own, and closes it. */
export async function visit(browser, query, options, check) {
  const opened = await open(browser, at(query), options);
  try {
    await check(opened.page, opened);
  } finally {
    await close(opened);
  }
}
