// The frame of the page: its tabs, their addresses and the way back.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { at, launch, violations, visit as visitWith } from "./browser.mjs";

const TABS = {
  en: ["Today", "Map", "Explore", "Compare", "Sources", "Health"],
  fr: ["Aujourd’hui", "Carte", "Explorer", "Comparer", "Sources", "Santé"],
};
const HASH = /(\?|&)tab=(\w+)/;

describe("the tabs", { timeout: 300_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  const visit = (query, options, check) => visitWith(browser, query, options, check);
  const current = (page) => page.locator(".tab[aria-current=page]").innerText();
  const shown = (page) => page.locator("main").getAttribute("data-tab");

  for (const lang of ["en", "fr"]) {
    it(`are links with an address and a title, in ${lang}`, () =>
      visit(`lang=${lang}`, {}, async (page, { complaints }) => {
        assert.deepEqual(await page.locator(".tab").allInnerTexts(), TABS[lang]);
        const zone = await page.locator("h1").innerText();
        for (const [index, name] of TABS[lang].entries()) {
          await page.locator(".tab").nth(index).click();
          assert.equal(await current(page), name);
          const tab = HASH.exec(page.url())?.[2] ?? "today";
          await page.waitForSelector(`main[data-tab=${tab}]`);
          assert.equal(await page.title(), index === 0 ? `${zone} · Vigie` : `${name} · ${zone} · Vigie`);
          assert.match(page.url(), new RegExp(`lang=${lang}`));
        }
        assert.deepEqual(complaints, []);
      }));
  }

  it("are reached and left with the keyboard, and undone with the back button", () =>
    visit("lang=en", {}, async (page) => {
      await page.evaluate(() => {
        window.sameDocument = true;
      });
      await page.locator(".tab", { hasText: "Map" }).focus();
      await page.keyboard.press("Enter");
      await page.waitForSelector("main[data-tab=map]");
      assert.match(page.url(), /tab=map/);
      assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Map");
      await page.goBack();
      await page.waitForSelector("main[data-tab=today] article.card");
      assert.equal(await current(page), "Today");
      await page.goForward();
      await page.waitForSelector("main[data-tab=map]");
      assert.equal(await page.evaluate(() => window.sameDocument), true);
    }));

  it("keep the day and the theme", () =>
    visit("lang=en", { colorScheme: "light" }, async (page) => {
      await page.getByRole("button", { name: "Previous day" }).click();
      await page.getByRole("button", { name: "Switch to the dark theme" }).click();
      const date = /date=[\d-]+/.exec(page.url())?.[0];
      assert.ok(date);
      await page.locator(".tab", { hasText: "Map" }).click();
      await page.waitForSelector("main[data-tab=map]");
      assert.ok(page.url().includes(date), page.url());
      assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
      await page.reload();
      await page.waitForSelector("main[data-tab=map]");
      assert.ok((await page.locator(".tab").first().getAttribute("href")).includes(date));
    }));

  it("show the first one where the address names none that there is", () =>
    visit("tab=nonsense", {}, async (page) => assert.equal(await shown(page), "today")));

  it("stand at the bottom of a phone's screen, and leave room for what is above", () =>
    visit("lang=fr", { viewport: { width: 360, height: 740 }, hasTouch: true }, async (page) => {
      const boxes = await page.locator(".tab").evaluateAll((links) =>
        links.map((link) => {
          const { bottom, width, height } = link.getBoundingClientRect();
          return { bottom, width, height, wide: link.scrollWidth > link.clientWidth };
        }),
      );
      for (const { bottom, width, height, wide } of boxes) {
        assert.equal(Math.round(bottom), 740);
        assert.ok(width >= 44 && height >= 44 && !wide, JSON.stringify(boxes));
      }
    }));

  it("say when a view cannot be fetched, and try again", () =>
    visit("lang=en", {}, async (page, { context }) => {
      await context.route("**/assets/map-tab*", (route) => route.abort());
      await page.locator(".tab", { hasText: "Map" }).click();
      await page.getByText("This view could not be loaded.").waitFor();
      await context.unroute("**/assets/map-tab*");
      await page.getByRole("button", { name: "Try again" }).click();
      await page.waitForSelector(".map-frame");
    }));

  for (const colorScheme of ["light", "dark"]) {
    for (const width of [390, 1440]) {
      it(`are accessible in the ${colorScheme} theme at ${width} pixels`, () =>
        visit("tab=map&lang=en", { ready: ".map-frame[data-drawing=gl]", colorScheme, bypassCSP: true, viewport: { width, height: 800 } }, async (page) =>
          assert.deepEqual(await violations(page), []),
        ));
    }
  }
});

describe("the head", { timeout: 300_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  /** What stands there, where, and what is in it. */
  const heads = (page) =>
    page.locator(".mark, .tab, .days .today, .languages, .theme").evaluateAll((parts) =>
      parts.map((part) => {
        const { x, y, width, height } = part.getBoundingClientRect();
        // Which day is shown makes the button of today wander with the name of the zone before it.
        const place = part.matches(".today") ? [] : [x, y, width, height].map(Math.round);
        return [part.className, part.textContent, part.getAttribute("aria-current"), ...place].join(" ");
      }),
    );

  for (const [lang, width] of [["en", 1440], ["fr", 1440], ["fr", 900], ["fr", 390]]) {
    it(`is there before the script has come, and stays where it is, in ${lang} at ${width} pixels`, async () => {
      const context = await browser.newContext({ viewport: { width, height: 800 }, locale: "en-GB", colorScheme: "light" });
      try {
        await context.addInitScript(() => localStorage.setItem("vigie.theme", "dark"));
        let letGo;
        const held = new Promise((done) => (letGo = done));
        await context.route("**/assets/*.js", async (route) => {
          await held;
          await route.continue();
        });
        const page = await context.newPage();
        await page.goto(at(`tab=map&lang=${lang}`), { waitUntil: "commit" });
        await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
        assert.deepEqual(await page.locator(".tab").allInnerTexts(), TABS[lang]);
        assert.equal(await page.locator("html").getAttribute("lang"), lang);
        assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
        assert.equal(await page.locator("main[data-tab]").count(), 0);
        const before = await heads(page);
        letGo();
        await page.waitForSelector("main[data-tab=map] .map-frame");
        assert.deepEqual(await heads(page), before);
      } finally {
        await context.close();
      }
    });
  }
});
