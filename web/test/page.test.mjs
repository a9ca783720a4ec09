// The page in a real browser against a real vigie: start `vigie demo` (or `up`), then
// `VIGIE_URL=http://127.0.0.1:PORT npm test`.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { at, coloursOf, launch, open, strongPixels, violations, visit as visitWith } from "./browser.mjs";

const MAP_DRAWN = ".map-frame[data-state=drawn][data-drawing=gl]";

describe("the page", { timeout: 300_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  const visit = (query, options, check) => visitWith(browser, query, options, check);

  it("shows the sources of ten domains with figures, credits and downloads", () =>
    visit("lang=en", {}, async (page) => {
      const day = await page.evaluate(async () => (await fetch("/api/v1/day")).json());
      const domains = new Set(day.sources.map((source) => source.domain));
      assert.ok(domains.size >= 10, `domains: ${[...domains]}`);
      const ids = await page.$$eval(".card", (cards) => cards.map((card) => card.dataset.source));
      assert.deepEqual(ids, day.sources.map((source) => source.id));
      await page.waitForFunction(
        () => [...document.querySelectorAll(".card .big span:first-child")].filter((node) => /\d/.test(node.textContent)).length >= 6,
        null,
        { timeout: 60_000 },
      );
      for (const source of day.sources) {
        const card = page.locator(`.card[data-source="${source.id}"]`);
        assert.match(await card.locator(".credit").innerText(), /^Source: ./);
        assert.ok((await card.locator(".credit").innerText()).includes(source.credit.attribution), source.id);
        assert.equal(await card.locator(".credit a").getAttribute("href"), new URL(source.credit.url).href);
        assert.match(await card.locator(".captures summary").innerText(), /Downloads [\d,]+ of [\d,]+/);
        assert.equal(await card.locator("h2").innerText(), source.title.en);
      }
      assert.equal(await page.locator("h1").innerText(), day.zone.name.en);
      assert.equal(await page.locator(".banner").isVisible(), day.simulated);
    }));

  it("draws charts that are not blank and say in words what they show", () =>
    visit("lang=en", {}, async (page) => {
      await page.waitForFunction(() => document.querySelectorAll(".card .plot:not([hidden]) canvas").length >= 3);
      await page.waitForTimeout(500);
      const colours = await coloursOf(page, ".card .plot:not([hidden]) canvas");
      assert.ok(colours.every((count) => count > 8), `colours per canvas: ${colours}`);
      const words = await page.$$eval(".card .plot:not([hidden])", (plots) => plots.map((plot) => plot.getAttribute("aria-label")));
      for (const sentence of words) assert.match(sentence, /^(Line|Scatter) chart\. .+/);
      const bars = await page.$$eval(".card .bars:not([hidden]) .bar-fill", (all) => all.map((bar) => bar.clientWidth));
      assert.ok(bars.every((width) => width > 0), `bars: ${bars}`);
    }));

  it("gives the chart as a table", () =>
    visit("lang=en", {}, async (page) => {
      const card = page.locator(".card:has(.plot:not([hidden]) canvas)").first();
      await card.getByRole("button", { name: "Table" }).click();
      assert.ok((await card.locator(".chart-table tbody tr").count()) > 0);
    }));

  it("switches language without reloading", () =>
    visit("lang=en", {}, async (page) => {
      await page.evaluate(() => {
        window.sameDocument = true;
      });
      assert.equal(await page.locator("html").getAttribute("lang"), "en");
      const english = await page.locator(".date").innerText();
      await page.getByRole("button", { name: "FR", exact: true }).click();
      assert.equal(await page.locator("html").getAttribute("lang"), "fr");
      assert.match(await page.locator(".captures summary").first().innerText(), /Téléchargements/);
      assert.notEqual(await page.locator(".date").innerText(), english);
      assert.match(await page.locator(".credit").first().innerText(), /^Source\u00a0: /);
      assert.match(await page.getByTitle("Le rapport PDF du jour affiché").getAttribute("href"), /lang=fr/);
      assert.match(page.url(), /lang=fr/);
      assert.equal(await page.evaluate(() => window.sameDocument), true);
    }));

  it("takes the language of the browser when the address names none", () =>
    visit("", { locale: "fr-FR" }, async (page) => {
      assert.equal(await page.locator("html").getAttribute("lang"), "fr");
    }));

  it("leads a ranking with names", () =>
    visit("lang=en", {}, async (page) => {
      const card = page.locator(".card", { hasText: "Mastodon" });
      await card.locator(".big .name").waitFor({ timeout: 20_000 });
      assert.match(await card.locator(".big .name").innerText(), /^#\w+/);
      assert.match(await card.locator(".caption").first().innerText(), /^Rank 1 ·/);
    }));

  it("follows the server's events", () =>
    visit("lang=en", {}, async (page, { context }) => {
      // A simulated clock moves in no other way; that of the demo may have come to its end.
      const now = "2026-10-15T03:21:09Z";
      const body = `event: clock\ndata: {"now":"${now}"}\n\n`;
      await context.route("**/api/v1/stream*", (route) => route.fulfill({ contentType: "text/event-stream", body }));
      await page.reload();
      await page.waitForFunction(() => document.querySelector(".clock")?.textContent === "05:21:09");
    }));

  it("keeps one set of elements while it updates", () =>
    visit("lang=en", {}, async (page) => {
      const card = await page.$(".card");
      await page.waitForTimeout(5_000);
      assert.equal(await card.evaluate((node) => node.isConnected), true);
    }));

  it("draws the map with every source that has points", () =>
    visit("tab=map&lang=en", { ready: MAP_DRAWN }, async (page) => {
      const chips = page.locator(".map-legend .chip");
      assert.ok((await chips.count()) >= 1);
      const paints = await chips.evaluateAll((all) => all.map((chip) => chip.style.getPropertyValue("--paint")));
      assert.equal(new Set(paints).size, paints.length, `two sources look the same on the map: ${paints}`);
      await page.waitForTimeout(1_000);
      const shown = await strongPixels(page, ".map-frame");
      assert.ok(shown > 40, `${shown} pixels of points`);
      for (const chip of await chips.all()) await chip.click();
      assert.equal(await chips.first().getAttribute("aria-pressed"), "false");
      await page.waitForTimeout(1_500);
      const hidden = await strongPixels(page, ".map-frame");
      assert.ok(hidden < shown / 4, `${shown} pixels of points, still ${hidden} after hiding them`);
    }));

  it("goes to another day and back", () =>
    visit("lang=en", {}, async (page) => {
      const today = await page.locator(".date").innerText();
      await page.getByRole("button", { name: "Previous day" }).click();
      assert.match(page.url(), /date=\d{4}-\d{2}-\d{2}/);
      assert.notEqual(await page.locator(".date").innerText(), today);
      await page.waitForSelector("main:not([aria-busy])");
      await page.getByRole("button", { name: "Today" }).click();
      assert.doesNotMatch(page.url(), /date=/);
      assert.equal(await page.getByRole("button", { name: "Today" }).getAttribute("aria-pressed"), "true");
    }));

  it("is dark when the system is, and on demand", () =>
    visit("lang=en", { colorScheme: "dark" }, async (page) => {
      const ground = () => page.evaluate(() => getComputedStyle(document.querySelector(".card")).backgroundColor);
      const brightness = (rgb) => Math.max(...rgb.match(/[\d.]+/g).slice(0, 3).map(Number));
      assert.ok(brightness(await ground()) < 80, await ground());
      await page.getByRole("button", { name: "Switch to the light theme" }).click();
      assert.ok(brightness(await ground()) > 200, await ground());
    }));

  for (const width of [360, 390, 768]) {
    it(`fits a screen of ${width} pixels`, () =>
      visit("lang=fr", { viewport: { width, height: 800 }, hasTouch: width < 768 }, async (page) => {
        await page.waitForTimeout(500);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(wider, 0);
      }));
  }

  for (const colorScheme of ["light", "dark"]) {
    it(`is accessible in the ${colorScheme} theme`, async () => {
      await visit("lang=en", { colorScheme, bypassCSP: true }, async (page) => {
        for (const summary of await page.locator(".card .disclosure:not([hidden]) > summary").all()) await summary.click();
        await page.waitForTimeout(1_200);
        assert.deepEqual(await violations(page), []);
      });
    });
  }

  it("complains about nothing and asks nobody else", () =>
    visit("lang=en", {}, async (page, { complaints }) => {
      for (const link of await page.locator(".tab").all()) await link.click();
      await page.locator(".tab", { hasText: "Map" }).click();
      await page.waitForSelector(MAP_DRAWN, { timeout: 60_000 });
      await page.waitForTimeout(3_000);
      assert.deepEqual(complaints, []);
    }));

  it("says when the server is gone and comes back by itself", () =>
    visit("lang=en", {}, async (page, { context }) => {
      await page.waitForSelector(".status[data-state=live]", { timeout: 10_000 });
      await context.route("**/api/v1/stream*", (route) => route.abort());
      // A new stream is what a page makes after it has slept; here it meets a closed door.
      await page.reload();
      await page.waitForSelector(".status[data-state=lost]", { timeout: 10_000 });
      assert.match(await page.locator(".status").innerText(), /reconnecting/);
      await context.unroute("**/api/v1/stream*");
      await page.waitForSelector(".status[data-state=live]", { timeout: 20_000 });
    }));

  it("recovers by itself from a day that could not be loaded, however often", () =>
    visit("lang=en", {}, async (page, { context }) => {
      let tries = 0;
      await context.route("**/api/v1/day*", (route) =>
        (tries += 1) < 4 ? route.fulfill({ status: 503, json: { error: "the store is away" } }) : route.continue(),
      );
      await page.reload();
      await page.getByText("The day could not be loaded").waitFor();
      await page.waitForSelector("article.card", { timeout: 30_000 });
    }));

  it("explains a day that cannot be loaded, and tries again on demand", () =>
    visit("lang=en", {}, async (page, { context }) => {
      // The page tries again by itself, too, without a word and in vain: until the reader has asked.
      await context.route("**/api/v1/stream*", (route) => route.abort());
      let demanded = false;
      await context.route("**/api/v1/day*", async (route) => {
        if (demanded) await page.waitForSelector(".message[data-kind=loading]");
        await (demanded ? route.continue() : route.fulfill({ status: 503, json: { error: "the store is away" } }));
      });
      await page.reload();
      await page.getByText("The day could not be loaded").waitFor();
      assert.match(await page.locator(".message").innerText(), /503: the store is away/);
      demanded = true;
      await page.getByRole("button", { name: "Try again" }).click();
      await page.waitForSelector("article.card");
    }));
});

describe("without WebGL", { timeout: 120_000 }, () => {
  it("draws the map plainly", async () => {
    const browser = await launch({ webgl: false });
    try {
      const { page } = await open(browser, at("tab=map"), { ready: ".map-frame[data-state=plain]" });
      await page.waitForTimeout(500);
      const [colours] = await coloursOf(page, ".plain-map");
      assert.ok(colours > 8, `${colours} colours`);
    } finally {
      await browser.close();
    }
  });
});
