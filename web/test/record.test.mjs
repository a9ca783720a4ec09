// The tabs of the sources and of the watch itself, and where a figure comes from.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { close, launch, open, violations, visit as visitWith } from "./browser.mjs";
import { Watch } from "./watch.mjs";

const HEALTH = { ready: ".calendar-frame td" };
const SHEET = { ready: ".sheet h2" };
const LIST = { ready: ".source-list a" };

describe("the record", { timeout: 300_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  const visit = (query, options, check) => visitWith(browser, query, options, check);

  for (const lang of ["en", "fr"]) {
    it(`has a sheet for each source, in ${lang}`, () =>
      visit(`tab=sources&lang=${lang}`, SHEET, async (page, { complaints }) => {
        const sources = await page.evaluate(async () => (await (await fetch("/api/v1/sources")).json()).filter((source) => source.enabled));
        const links = page.locator(".source-list a");
        assert.deepEqual(await links.evaluateAll((all) => all.map((link) => link.dataset.source)), sources.map((source) => source.id));
        for (const source of sources.slice(0, 3)) {
          await page.locator(`.source-list a[data-source="${source.id}"]`).click();
          await page.locator(".sheet h2", { hasText: source.title[lang] }).waitFor();
          assert.ok(page.url().includes(`source=${source.id}`));
          assert.equal(await page.locator(".source-list a[aria-current]").getAttribute("data-source"), source.id);
          const sheet = page.locator(".sheet");
          // French signs stay with the word before them.
          const text = (await sheet.innerText()).replaceAll("\u00a0", " ");
          for (const said of [source.credit.licence, source.credit.attribution, source.description[lang]]) assert.ok(text.includes(said), said);
          const terms = sheet.getByRole("link", { name: source.credit.url, exact: true });
          assert.equal(await terms.getAttribute("href"), new URL(source.credit.url).href);
          assert.ok(text.includes(lang === "fr" ? "Annoncé et mesuré" : "Declared and measured"));
          assert.match(text, lang === "fr" ? /Mesuré du .+ au / : /Measured from .+ to /);
        }
        await page.goBack();
        await page.locator(".sheet h2", { hasText: sources[1].title[lang] }).waitFor();
        assert.deepEqual(complaints, []);
      }));
  }

  it("lists what could be watched, too", () =>
    visit("tab=sources&lang=en", SHEET, async (page) => {
      const before = await page.locator(".source-list a").count();
      await page.getByLabel("Show those that are not watched, too").check();
      assert.ok((await page.locator(".source-list a").count()) > before + 40);
      const other = page.locator(".source-list a", { hasText: "not watched" }).first();
      const id = await other.getAttribute("data-source");
      await other.click();
      await page.getByText(`[sources.${id}]`).waitFor();
      assert.match(await page.locator(".sheet").innerText(), /Nothing has been measured here yet/);
    }));

  it("has a calendar that is read with the keyboard and by ear", () =>
    visit("tab=health&lang=en", HEALTH, async (page) => {
      const health = await page.evaluate(async () => (await fetch("/api/v1/health")).json());
      const rows = page.locator(".calendar-frame tbody tr");
      assert.equal(await rows.count(), health.sources.length);
      assert.equal(await rows.first().locator("td").count(), 35);
      // One cell is reached with the tabulator key: today of the first source.
      assert.equal(await page.locator(".calendar-frame td[tabindex='0']").count(), 1);
      const reached = () => page.evaluate(() => [document.activeElement?.dataset.row, document.activeElement?.dataset.column]);
      await page.locator(".calendar-frame td[tabindex='0']").focus();
      assert.deepEqual(await reached(), ["0", "34"]);
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowLeft");
      assert.deepEqual(await reached(), ["1", "33"]);
      await page.keyboard.press("End");
      assert.deepEqual(await reached(), ["1", "34"]);
      const told = await page.locator(".calendar-told").innerText();
      assert.ok(told.startsWith(health.sources[1].title.en), told);
      await page.keyboard.press("Enter");
      await page.waitForFunction((id) => location.search.includes(`source=${id}`), health.sources[1].id);
      await page.getByRole("button", { name: "Show all sources" }).click();
      assert.doesNotMatch(page.url(), /source=/);
      const cell = await rows.first().locator("td").first().innerText();
      assert.match(cell, /not yet watched|downloads/);
    }));

  it("tells how the sources, the limits and the store are", () =>
    visit("tab=health&lang=fr", HEALTH, async (page) => {
      const text = await page.locator("main").innerText();
      for (const said of ["Complétude jour par jour", "Prochain téléchargement", "Limites publiées et usage", "SQLite", "Libre sur le disque"])
        assert.ok(text.includes(said), said);
      assert.match(text, /\d+ sources? sur \d+ (va|vont) bien/);
    }));

  it("traces a figure of a card, of a table and of a chart to raw files", () =>
    visit("lang=en", {}, async (page, { complaints }) => {
      const dialog = page.locator("dialog.provenance");
      await page.waitForFunction(() => [...document.querySelectorAll(".card .trace-button")].some((button) => button.checkVisibility()));
      const button = page.locator(".card .trace-button:visible").first();
      await button.click();
      await dialog.locator(".trace li").first().waitFor();
      const text = await dialog.innerText();
      assert.match(text, /raw\/[\w-]+\/\d{4}\/\d{2}\/\d{2}\/[\w-]+_\d{8}T\d{6}Z\.\w+/);
      assert.match(text, /SHA-256\s+[0-9a-f]{64}/);
      assert.match(text, /Licence/);
      await page.keyboard.press("Escape");
      assert.equal(await dialog.isVisible(), false);
      assert.match(await page.evaluate(() => document.activeElement?.className ?? ""), /trace-button/);

      // The first earthquake or storm of the day may still have to come.
      const happened = await page.evaluate(async () => {
        for (let tries = 0; tries < 120; tries += 1) {
          const { sources } = await (await fetch("/api/v1/day")).json();
          const found = sources.find((source) => source.events.length > 0);
          if (found) return found.id;
          await new Promise((done) => setTimeout(done, 500));
        }
        return null;
      });
      const events = page.locator(`.card[data-source="${happened}"]`);
      await events.locator(".disclosure summary", { hasText: /event/ }).click({ timeout: 60_000 });
      await events.locator(".table-frame .traced").first().click();
      await dialog.getByText("What the provider has said of it").waitFor();
      await page.getByRole("button", { name: "Close" }).click();

      const lines = page.locator('.card[data-source="metar-aviationweather"]');
      await lines.getByRole("button", { name: "Table", exact: true }).click();
      await lines.locator(".chart-table .traced").first().click();
      await dialog.locator(".trace li").first().waitFor();
      await page.getByRole("button", { name: "Close" }).click();
      await lines.locator(".u-over").click({ position: { x: 12, y: 40 } });
      await dialog.locator("h2", { hasText: "Airport weather" }).waitFor();
      assert.deepEqual(complaints, []);
    }));

  for (const colorScheme of ["light", "dark"]) {
    for (const [query, options] of [
      ["tab=health", HEALTH],
      ["tab=sources&all=1", LIST],
      ["tab=sources&source=velib-disponibilite", SHEET],
    ]) {
      for (const width of [390, 1280]) {
        it(`is accessible and fits: ${query}, ${colorScheme}, ${width} pixels`, () =>
          visit(`${query}&lang=fr`, { ...options, colorScheme, bypassCSP: true, viewport: { width, height: 844 } }, async (page) => {
            assert.deepEqual(await violations(page), []);
            const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            assert.equal(wider, 0);
          }));
      }
    }
    it(`is accessible: where a figure comes from, ${colorScheme}`, () =>
      visit("lang=en", { colorScheme, bypassCSP: true }, async (page) => {
        await page.locator(".card .trace-button:visible").first().click();
        await page.locator("dialog.provenance .trace li").first().waitFor();
        assert.deepEqual(await violations(page), []);
      }));
  }
});

describe("a source that fails and is hostile", { timeout: 300_000 }, () => {
  const HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>";
  let browser;
  let watch;
  let address;
  const reports = (temp) => JSON.stringify([{ id: `a${HOSTILE}`, name: `Station ${HOSTILE}`, at: Math.floor(Date.now() / 1000) - 60, temp }]);

  before(async () => {
    browser = await launch();
    watch = await Watch.start();
    await watch.collect(reports(7));
    await watch.collect(`<html><body>${HOSTILE} Down for maintenance</body></html>`);
    address = await watch.serve();
  });
  after(async () => {
    await browser?.close();
    await watch?.stop();
  });

  /** The page of this watch; whatever is looked at, nothing of the feed may have run. */
  async function visit(query, options, check) {
    const opened = await open(browser, `${address}/?${query}`, options);
    try {
      await check(opened.page, opened);
      assert.equal(await opened.page.evaluate(() => window.hacked), undefined);
      assert.equal(await opened.page.locator("img[src=x]").count(), 0);
    } finally {
      await close(opened);
    }
  }

  for (const [lang, button, cause, sentence] of [
    ["en", /Show the body/, "HTML page instead of data", "The provider sent a web page"],
    ["fr", /Voir le corps/, "page HTML au lieu de données", "Le fournisseur a envoyé une page Web"],
  ]) {
    it(`is named with its reason, and its body is text, in ${lang}`, () =>
      visit(`tab=health&lang=${lang}`, HEALTH, async (page, { complaints }) => {
        const incident = page.locator(".incidents > li").first();
        await page.getByText(sentence).first().waitFor();
        assert.ok((await incident.innerText()).includes(cause));
        assert.equal(await incident.locator(".detail").getAttribute("lang"), "en");
        await incident.getByRole("button", { name: button }).click();
        await incident.locator("pre", { hasText: "Down for maintenance" }).waitFor();
        assert.ok((await incident.locator("pre").innerText()).includes(HOSTILE));
        assert.equal(await incident.locator("pre > *").count(), 0);
        const today = page.locator(".calendar-frame tbody td").last();
        assert.match(await today.innerText(), lang === "fr" ? /quarantaine/ : /quarantine/);
        assert.ok(await today.locator(".trouble").count());
        assert.deepEqual(complaints, []);
      }));
  }

  it("shows hostile names as text where a figure comes from", () =>
    visit("lang=en", {}, async (page) => {
      await page.locator(".card .disclosure summary", { hasText: /entit/ }).click();
      await page.locator(".card .table-frame .traced").first().click();
      const dialog = page.locator("dialog.provenance");
      await dialog.locator(".trace li").first().waitFor();
      assert.ok((await dialog.innerText()).includes(HOSTILE));
      assert.match(await dialog.innerText(), /Exactly these downloads/);
    }));

  it("shows what came between the page's reading of the day and its stream", () =>
    visit("lang=en", {}, async (page) => {
      await page.route(/\/api\/v1\/day(\?|$)/, async (route) => {
        const response = await route.fetch();
        await watch.collect(reports(23));
        // The server looks at what other programs did each half second.
        await page.waitForTimeout(1_500);
        await route.fulfill({ response });
      });
      await page.reload();
      await page.locator(".card .big", { hasText: "23" }).waitFor({ timeout: 15_000 });
    }));

  it("is shown again by itself after the server was killed", () =>
    visit("tab=health&lang=en", HEALTH, async (page) => {
      await page.waitForSelector(".status[data-state=live]");
      const incidents = page.locator(".incidents > li");
      const before = await incidents.count();
      await watch.kill();
      await page.waitForSelector(".status[data-state=lost]", { timeout: 20_000 });
      // What was shown stays.
      assert.equal(await incidents.count(), before);
      await watch.collect(`<html><body>Still down</body></html>`);
      await watch.serve();
      await page.waitForSelector(".status[data-state=live]", { timeout: 30_000 });
      await page.waitForFunction((count) => document.querySelectorAll(".incidents > li").length > count, before, { timeout: 30_000 });
    }));

  it("has its tab of sources back after the server was killed", () =>
    visit("tab=health&lang=en", HEALTH, async (page) => {
      await page.waitForSelector(".status[data-state=live]");
      await watch.kill();
      await page.waitForSelector(".status[data-state=lost]", { timeout: 20_000 });
      await page.locator(".tab", { hasText: "Sources" }).click();
      await page.getByText("This view could not be loaded.").or(page.getByText("This could not be loaded")).first().waitFor();
      await watch.serve();
      await page.waitForSelector(".status[data-state=live]", { timeout: 30_000 });
      await page.getByRole("button", { name: "Try again" }).click({ timeout: 2_000 }).catch(() => {});
      await page.locator(".sheet h2", { hasText: "Reports of the test" }).waitFor({ timeout: 30_000 });
    }));
});
