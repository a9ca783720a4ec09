// What must hold when answers come late, storage is blocked, clocks are set back, and the page writes itself anew.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, visit as visitWith } from "./browser.mjs";

const DAY = /\/api\/v1\/day(\?|$)/;

describe("the page holds", { timeout: 300_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  const visit = (query, options, check) => visitWith(browser, query, options, check);

  it("the day shown, when a source of another day answers late", () =>
    visit("lang=en", {}, async (page, { context }) => {
      await page.waitForSelector(".status[data-state=live]");
      const asked = [];
      // The day before comes while an answer about a source of today is still on its way.
      await context.route(/\/api\/v1\/day\/[\w-]+\?/, async (route) => {
        const { searchParams } = new URL(route.request().url());
        const json = await (await route.fetch()).json();
        asked.push(searchParams.get("date"));
        await new Promise((done) => setTimeout(done, 1_500));
        json.title = { fr: `du ${searchParams.get("date")}`, en: `of ${searchParams.get("date")}` };
        await route.fulfill({ json }).catch(() => {});
      });
      await context.route(/\/api\/v1\/day\?date=/, async (route) => {
        // Until a source of today is asked for, or a while has shown that none is.
        const before = asked.length;
        for (let tries = 0; tries < 25 && asked.length === before; tries += 1) await new Promise((done) => setTimeout(done, 100));
        await route.continue();
      });
      await page.getByRole("button", { name: "Previous day" }).click();
      await page.waitForSelector("main:not([aria-busy])");
      const date = new URL(page.url()).searchParams.get("date");
      await page.waitForTimeout(4_000);
      const titles = await page.locator(".card h2").allInnerTexts();
      assert.ok(titles.every((title) => !title.startsWith("of ") || title === `of ${date}`), `${titles} on ${date}`);
    }));

  it("without storage, too: what is chosen lasts as long as the page", () =>
    visit("", {}, async (page, { context }) => {
      await context.addInitScript(() => {
        Object.defineProperty(window, "localStorage", {
          get() {
            throw new DOMException("blocked", "SecurityError");
          },
        });
      });
      await page.reload();
      await page.waitForSelector("article.card");
      await page.getByRole("button", { name: "FR", exact: true }).click();
      await page.locator(".tab", { hasText: "Carte" }).waitFor();
      await page.getByRole("button", { name: "Passer au thème sombre" }).click();
      assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
      await page.getByRole("button", { name: "Passer au thème clair" }).waitFor();
    }));

  for (const [lang, summer, winter] of [
    ["en", /^02:00\sGMT\+2$/, /^02:00\sGMT\+1$/],
    ["fr", /^02:00\sUTC\+2$/, /^02:00\sUTC\+1$/],
  ]) {
    it(`two hours apart that have the same name, when clocks are set back, in ${lang}`, () =>
      visit(`lang=${lang}`, {}, async (page, { context }) => {
        await context.route("**/api/v1/stream*", (route) => route.abort());
        await context.route(DAY, async (route) => {
          const day = await (await route.fetch()).json();
          const start = Date.parse("2026-10-24T22:00:00Z");
          const times = Array.from({ length: 25 }, (_, hour) => new Date(start + hour * 3_600_000).toISOString());
          day.period = { ...day.period, date: "2026-10-25", start: times[0], end: "2026-10-25T23:00:00Z" };
          day.now = "2026-10-25T22:59:00Z";
          for (const { chart } of day.sources) {
            if (chart?.kind !== "line") continue;
            chart.times = times;
            chart.usual = [];
            for (const series of chart.series) series.values = times.map((_, hour) => hour);
          }
          await route.fulfill({ json: day });
        });
        await page.reload();
        const card = page.locator('.card[data-source="metar-aviationweather"]');
        await card.locator(".chart-head .text-button").click();
        const names = await card.locator(".chart-table tbody th").allInnerTexts();
        assert.equal(names.length, 25);
        assert.equal(new Set(names).size, 25, `${names}`);
        assert.equal(names[1], "01:00");
        assert.match(names[2], summer);
        assert.match(names[3], winter);
        assert.equal(names[4], "03:00");
      }));
  }

  it("the reader's place in a table that is written anew", () =>
    visit("lang=en", {}, async (page) => {
      const card = page.locator('.card[data-source="velib-disponibilite"]');
      await card.locator(".disclosure summary").last().click();
      const frame = card.locator(".table-frame");
      await frame.locator(".traced").nth(12).waitFor();
      // In one step, from what is not replaced: news of the demo may write the table anew between two.
      await card.evaluate((node) => {
        const frame = node.querySelector(".table-frame");
        frame.querySelectorAll(".traced")[12].focus();
        frame.scrollTo(0, 90);
      });
      const place = () =>
        page.evaluate(() => {
          const here = document.activeElement?.closest(".table-frame");
          return [here ? [...here.querySelectorAll("button")].indexOf(document.activeElement) : -1, here?.scrollTop];
        });
      assert.deepEqual(await place(), [12, 90]);
      // Another language writes every table anew, as news of the source does.
      await page.evaluate(() => document.querySelector('.languages [lang="fr"]').click());
      await frame.locator("thead", { hasText: "Moy" }).waitFor();
      assert.deepEqual(await place(), [12, 90]);
    }));

  it("what is being typed into a picker", () =>
    visit("tab=explore&lang=en", { ready: ".big-plot canvas" }, async (page) => {
      await page.getByRole("combobox", { name: "Source" }).focus();
      // News that come between a key and the list that it opens.
      const typed = await page.evaluate(() => {
        const input = document.activeElement;
        input.value = "vel";
        input.dispatchEvent(new Event("input", { bubbles: true }));
        document.querySelector('.languages [lang="fr"]').click();
        return input.value;
      });
      assert.equal(typed, "vel");
      await page.locator(".picker-pop:not([hidden]) [role=option]", { hasText: "Vélib" }).first().waitFor();
    }));

  it("the day of the calendar that was chosen last", () =>
    visit("tab=health&lang=en", { ready: ".calendar-frame td" }, async (page, { context }) => {
      await context.route("**/api/v1/stream*", (route) => route.abort());
      await page.reload();
      await page.waitForSelector(".calendar-frame td");
      // What the first answer about the day set off is over: nothing else fetches anew.
      await page.waitForTimeout(4_000);
      await context.route(/\/api\/v1\/captures\?/, async (route) => {
        await new Promise((done) => setTimeout(done, 700));
        await route.continue();
      });
      const cells = page.locator(".calendar-frame tbody tr").first().locator("td");
      const asked = page.waitForRequest(/\/api\/v1\/captures\?/);
      await cells.nth(3).click();
      await asked;
      await cells.nth(5).click();
      await page.getByText("Nothing went wrong on that day.").waitFor({ timeout: 8_000 });
    }));

  it("charts that are far below back until the browser has time", () =>
    visit("lang=en", { viewport: { width: 390, height: 600 } }, async (page) => {
      await page.waitForFunction(() => document.querySelector(".card .plot canvas"));
      const last = page.locator(".card .plot:not([hidden])").last();
      assert.match(await last.getAttribute("aria-label"), /\S/);
      await last.locator("canvas").waitFor();
      assert.equal(await page.evaluate(() => scrollY), 0);
    }));

  it("charts back that wait while another tab is shown, and on the return one from the other", () =>
    visit("lang=en", { viewport: { width: 390, height: 600 } }, async (page) => {
      // The browser has time when the test says so.
      await page.addInitScript(() => {
        window.busy = true;
        const held = [];
        window.requestIdleCallback = (callback) => (window.busy ? held.push(callback) : setTimeout(callback));
        window.rest = () => {
          window.busy = false;
          for (const callback of held.splice(0)) setTimeout(callback);
        };
      });
      await page.reload();
      await page.waitForFunction(() => document.querySelector(".card .plot canvas"));
      await page.evaluate(() => document.querySelector('nav [href*="tab=map"]').click());
      await page.waitForSelector(".map-frame");
      await page.evaluate(() => window.rest());
      await page.waitForTimeout(2_000);
      const [drawn, all] = await page.evaluate(async () => {
        window.busy = true;
        document.querySelector('nav a:not([href*="tab="])').click();
        for (let frame = 0; frame < 3; frame += 1) await new Promise((done) => requestAnimationFrame(done));
        const plots = [...document.querySelectorAll(".card .plot:not([hidden])")];
        return [plots.filter((plot) => plot.querySelector("canvas")).length, plots.length];
      });
      assert.ok(drawn < all, `${drawn} of ${all}`);
      await page.evaluate(() => window.rest());
      await page.locator(".card .plot:not([hidden])").last().locator("canvas").waitFor();
    }));
});
