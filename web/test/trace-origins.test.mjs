// Figures that several others went into open where they come from: each of those leads on to its downloads, and back.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, violations, visit as visitWith } from "./browser.mjs";

const DRAWN = ".figure-place .figure-cell";
const POWER = "eco2mix-national";
const HEAT = `tab=explore&source=${POWER}&form=heat&span=month`;
const PAIR = `tab=compare&span=month&step=hour&line=${POWER}/consumption/*&line=${POWER}/nuclear/*`;
const HEALTH = { ready: ".calendar-frame td" };

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
const visit = (query, options, check) => visitWith(browser, query, options, check);

/** What is asked of the server when something is pressed. */
async function asked(page, press, path = "provenance") {
  const asking = page.waitForRequest((request) => new URL(request.url()).pathname === `/api/v1/${path}`);
  await press();
  return new URL((await asking).url()).searchParams;
}

const dialogOf = (page) => page.locator("dialog.provenance");
const hours = (query) => (Date.parse(query.get("to")) - Date.parse(query.get("from"))) / 3_600_000;

/** The page of today, where a source says a sentence of two origins, one of downloads, and one of nothing. */
async function withSaid(context) {
  await context.route(/\/api\/v1\/day(\?|$)/, async (route) => {
    const day = await (await route.fetch()).json();
    const source = day.sources.find(({ id }) => id === "eco2mix-national");
    const origin = { entity: null, key: null, name: null };
    const [from, to] = [day.period.start, new Date(Date.parse(day.period.start) + 3_600_000).toISOString()];
    const before = new Date(Date.parse(day.period.start) - 86_400_000).toISOString();
    const said = { fr: "Deux fois plus que la veille.", en: "Twice as much as the day before." };
    source.sentences = [
      { ...said, origins: [{ ...origin, role: "told", from, to }, { ...origin, role: "before", from: before, to: from }] },
      { fr: "Données incomplètes.", en: "Incomplete data.", origins: [{ ...origin, role: "downloads", from, to }] },
      { fr: "Rien.", en: "Nothing.", origins: [] },
    ];
    await route.fulfill({ json: day });
  });
  await context.route("**/api/v1/stream*", (route) => route.abort());
}

describe("figures that several others went into", { timeout: 300_000 }, () => {
  for (const [lang, mean, back, about] of [
    ["en", /is the mean of \d hours; each leads to its downloads/, "← Back", "About:"],
    ["fr", /est la moyenne de \d heures ; chacune mène à ses téléchargements/, "← Retour", "À propos de :"],
  ]) {
    it(`lead on from a cell of the heatmap to its hours, in ${lang}`, () =>
      visit(`${HEAT}&lang=${lang}`, { ready: DRAWN }, async (page, { complaints }) => {
        assert.equal(await page.locator(`${DRAWN}[tabindex="0"]`).count(), 1);
        await page.locator(`${DRAWN}[tabindex="0"]`).focus();
        for (const key of ["ArrowRight", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
        const name = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
        assert.match(name, lang === "en" ? /^Tuesday 02:00: [\d,]+\sMW \(\d h\)$/ : /^mardi 02:00\s: [\d\s]+\sMW \(\d h\)$/);
        await page.keyboard.press("Enter");
        const dialog = dialogOf(page);
        await dialog.getByText(mean).waitFor();
        const parts = dialog.locator(".part");
        const count = await parts.count();
        assert.ok(count > 1 && name.includes(`(${count} h)`), `${name}: ${count}`);
        // Each of its hours is the same hour of the same weekday, a week apart.
        const first = await asked(page, () => parts.nth(0).click());
        assert.equal(hours(first), 1);
        assert.equal(first.get("source"), POWER);
        await dialog.locator(".trace li").first().waitFor();
        assert.match(await dialog.innerText(), /SHA-256\s+[0-9a-f]{64}/);
        assert.ok((await dialog.innerText()).includes(about));
        assert.equal(await page.evaluate(() => document.activeElement.id), "provenance-title");
        await dialog.getByRole("button", { name: back }).click();
        assert.equal(await page.evaluate(() => [...document.querySelectorAll(".part")].indexOf(document.activeElement)), 0);
        const earlier = await asked(page, () => parts.nth(1).click());
        const apart = (Date.parse(first.get("from")) - Date.parse(earlier.get("from"))) / 3_600_000;
        assert.ok(Math.abs(apart % 168) <= 1 && apart >= 167, `${apart}`);
        // What is drawn is drawn again when the source has news: the reader finds their place all the same.
        await page.evaluate(() => {
          const drawn = document.querySelector(".figure-place svg");
          const grid = drawn.querySelector("[role=grid]");
          grid.replaceWith(grid.cloneNode(true));
        });
        await page.keyboard.press("Escape");
        await page.waitForFunction((before) => document.activeElement?.getAttribute("aria-label") === before, name);
        // The sentence names two cells, each of which leads on as well.
        await page.locator(".figure-sentence .traced").first().click();
        await dialog.getByText(mean).waitFor();
        assert.deepEqual(complaints, []);
      }));

    it(`lead on from a correlation to its two series, in ${lang}`, () =>
      visit(`${PAIR}&lang=${lang}`, { ready: DRAWN }, async (page, { complaints }) => {
        const verdict = await page.locator(".verdict").innerText();
        await page.locator(".verdict-row").getByRole("button").click();
        const dialog = dialogOf(page);
        await dialog.locator(".part").nth(1).waitFor();
        assert.equal(await dialog.locator(".part").count(), 2);
        const text = await dialog.innerText();
        assert.ok(text.includes(verdict), text);
        const pairs = /n = ([\d\s,]+?) pair/u.exec(await page.locator(".verdict-notes").innerText())[1];
        assert.ok(text.includes(`n = ${pairs} `), text);
        assert.match(text, lang === "en" ? /from \w+, \d+ \w+ \d{4} to / : /du \p{L}+ \d+ \p{L}+ \d{4} au /u);
        const query = await asked(page, () => dialog.locator(".part").nth(1).click());
        assert.deepEqual([query.get("source"), query.get("entity")], [POWER, null]);
        assert.equal(Math.round((Date.parse(query.get("to")) - Date.parse(query.get("from"))) / 86_400_000), 30);
        await dialog.locator(".trace li").first().waitFor();
        await page.keyboard.press("Escape");
        // A bar has its own coefficient and pairs.
        await page.locator(`${DRAWN}[tabindex="0"]`).focus();
        await page.keyboard.press("ArrowRight");
        const bar = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
        await page.keyboard.press("Enter");
        await dialog.locator(".part").nth(1).waitFor();
        assert.ok((await dialog.innerText()).includes(/r = −?[\d.,]+\d/u.exec(bar)[0]), bar);
        assert.deepEqual(complaints, []);
      }));

    it(`lead on from a sentence to what it tells and compares, in ${lang}`, () =>
      visit(`lang=${lang}`, {}, async (page, { context, complaints }) => {
        await withSaid(context);
        await page.reload();
        const line = page.locator(".digest li", { hasText: lang === "en" ? "Twice as much" : "Deux fois plus" });
        await line.waitFor();
        const button = line.getByRole("button");
        assert.match(await button.getAttribute("aria-label"), lang === "en" ? /^Where does this come from\? Twice/ : /^D’où vient ce chiffre \? Deux/);
        await button.click();
        const dialog = dialogOf(page);
        await dialog.locator(".part").nth(1).waitFor();
        assert.deepEqual(
          await dialog.locator(".part > :first-child").allInnerTexts(),
          lang === "en" ? ["What is told", "What it is compared with"] : ["Ce qui est dit", "Ce à quoi c’est comparé"],
        );
        const query = await asked(page, () => dialog.locator(".part").nth(1).click());
        assert.equal(hours(query), 24);
        await dialog.getByRole("button", { name: back }).click();
        await page.keyboard.press("Escape");
        // Downloads that were counted are those of the ledger; what nothing is known of has no origin.
        const card = page.locator(`.card[data-source="${POWER}"]`);
        const said = card.locator(".sentences .said");
        const downloads = await asked(page, () => said.nth(0).getByRole("button").click(), "captures");
        assert.deepEqual([downloads.get("source"), downloads.get("outcome")], [POWER, null]);
        await dialog.locator(".trace li").first().waitFor();
        await page.keyboard.press("Escape");
        assert.equal(await said.nth(1).getByRole("button").count(), 0);
        assert.deepEqual(complaints.filter((text) => !/ERR_FAILED|stream/.test(text)), []);
      }));
  }

  it("lead on from what is usual, from the clocks and from the downloads of a card", () =>
    visit("lang=en", {}, async (page) => {
      const card = page.locator(`.card[data-source="${POWER}"]`);
      await card.locator(".usual .trace-button:visible").waitFor({ timeout: 60_000 });
      const usual = await asked(page, () => card.locator(".usual .trace-button").click());
      assert.match(usual.get("from"), /^\d{4}-\d{2}-\d{2}$/);
      await page.keyboard.press("Escape");
      await card.locator(".freshness summary").click();
      const observed = await asked(page, () => card.locator(".clocks .traced").nth(0).click());
      assert.ok(observed.get("at"), `${observed}`);
      await page.keyboard.press("Escape");
      const fetched = await asked(page, () => card.locator(".clocks .traced").nth(2).click(), "captures");
      assert.equal(hours(fetched) * 3600, 1);
      // That download is the one.
      await dialogOf(page).locator(".trace li").first().waitFor();
      await page.keyboard.press("Escape");
      // What comes next comes from nowhere yet.
      assert.equal(await card.locator(".clocks .traced").nth(3).isDisabled(), true);
      await card.locator(".captures > summary").click();
      const downloads = await asked(page, () => card.locator(".captures .traced").click(), "captures");
      assert.equal(downloads.get("source"), POWER);
      await page.keyboard.press("Escape");
      const legend = page.locator('.card[data-source="metar-aviationweather"] .legend .traced').first();
      const step = await asked(page, () => legend.click());
      assert.equal(hours(step), 1);
    }));

  it("list the events that are marked over lines, each with what was said of it", () =>
    visit("tab=compare&lang=en&events=usgs-earthquakes", { ready: ".big-plot canvas" }, async (page) => {
      const marked = page.locator(".figure-panel .disclosure");
      await marked.locator("summary", { hasText: /^Each marked event \(\d+\)$/ }).click({ timeout: 60_000 });
      const event = await asked(page, () => marked.locator(".traced").first().click());
      assert.deepEqual([event.get("source"), event.has("key")], ["usgs-earthquakes", true]);
      await dialogOf(page).getByText("What the provider has said of it").waitFor();
    }));

  it("are walked by the arrows in a ranking", () =>
    visit("tab=explore&lang=en&source=apple-music-most-played", { ready: ".bump-line" }, async (page) => {
      const lines = await page.locator(".bump-line").count();
      const cells = page.locator(".figure-cell");
      assert.ok((await cells.count()) >= lines);
      await page.locator('.figure-cell[tabindex="0"]').focus();
      await page.keyboard.press("ArrowDown");
      const name = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
      assert.match(name, /, .+ \d{4}, \d{2}:\d{2}: \d+(\.\d+)?$/);
      const query = await asked(page, () => page.keyboard.press("Enter"));
      assert.ok(query.get("entity"));
      assert.equal(hours(query), 1);
      assert.ok((await dialogOf(page).locator("h2").innerText()).includes(name.split(",")[0]));
    }));

  it("tell how many downloads a long stretch has, and its parts have the rest", () =>
    visit("tab=map&lang=en", { ready: ".scale-row .trace-button:visible" }, async (page, { context }) => {
      // A day on which the source was asked a hundred times is still to come in a young demo.
      await context.route(/\/api\/v1\/provenance\?/, async (route) => {
        const found = await (await route.fetch()).json();
        const long = Date.parse(found.to) - Date.parse(found.from) > 3_600_000;
        await route.fulfill({ json: long ? { ...found, count: 1234, more: true } : found });
      });
      const whole = await asked(page, () => page.locator(".scale-row .trace-button").click());
      assert.ok(whole.get("from") && whole.get("to"));
      const dialog = dialogOf(page);
      await dialog.getByText(/^1,234 downloads$/).waitFor();
      await dialog.getByText(/These are the latest \d+ of 1,234; the others are found by shorter periods/).waitFor();
      await dialog.locator("summary").first().click();
      const part = await asked(page, () => dialog.locator(".part").first().click());
      assert.equal(part.get("source"), whole.get("source"));
      assert.ok(hours(part) <= 1);
      await dialog.getByRole("button", { name: "← Back" }).click();
      // Where the reader came back to is open.
      assert.equal(await dialog.locator(".part").first().isVisible(), true);
    }));

  for (const lang of ["en", "fr"]) {
    it(`lead on from a day of the calendar and from a sheet, in ${lang}`, () =>
      visit(`tab=health&lang=${lang}`, HEALTH, async (page, { complaints }) => {
        await page.locator(".calendar-frame td[tabindex='0']").focus();
        await page.keyboard.press("Enter");
        const day = page.locator(".chosen .traced");
        await day.waitFor();
        assert.match(await day.innerText(), lang === "en" ? /\d+ of \d+ downloads/ : /\d+ téléchargements sur \d+/);
        const query = await asked(page, () => day.click(), "captures");
        assert.equal(query.get("from"), query.get("to"));
        const dialog = dialogOf(page);
        await dialog.locator(".trace li").first().waitFor();
        assert.match(await dialog.innerText(), lang === "en" ? /All downloads that were started in this period/ : /Tous les téléchargements lancés pendant cette période/);
        await page.keyboard.press("Escape");
        const content = await asked(page, () => page.locator(".stacking .traced").first().click());
        assert.ok(content.get("at"));
        await page.keyboard.press("Escape");
        await page.locator(".tab", { hasText: "Sources" }).click();
        const measured = page.locator(".sheet .traced");
        await measured.first().waitFor();
        assert.ok((await measured.count()) >= 8, `${await measured.count()}`);
        const window = await asked(page, () => measured.nth(2).click(), "captures");
        assert.ok(window.get("from") && window.get("to"));
        await dialog.locator(".trace li").first().waitFor();
        assert.deepEqual(complaints, []);
      }));
  }

  it("read a list of downloads on to its end", () =>
    visit("tab=sources&lang=en&source=usgs-earthquakes", { ready: ".sheet .traced" }, async (page, { context }) => {
      let pages = 0;
      await context.route(/\/api\/v1\/captures\?/, async (route) => {
        const found = await (await route.fetch()).json();
        pages += 1;
        await route.fulfill({ json: { ...found, next: pages === 1 ? "1.1" : null } });
      });
      await page.locator(".sheet .traced").nth(2).click();
      const dialog = dialogOf(page);
      await dialog.locator(".trace li").first().waitFor();
      const shown = await dialog.locator(".trace li").count();
      assert.match(await dialog.locator("h3").innerText(), /shown$/);
      await context.unroute(/\/api\/v1\/captures\?/);
      await context.route(/\/api\/v1\/captures\?.*after=1\.1/, async (route) => {
        const first = new URL(route.request().url());
        first.searchParams.delete("after");
        first.searchParams.set("limit", "3");
        const found = await (await route.fetch({ url: first.href })).json();
        await route.fulfill({ json: { ...found, next: null } });
      });
      await dialog.getByRole("button", { name: "Show more" }).click();
      await page.waitForFunction((count) => document.querySelectorAll(".trace li").length === count, shown + 3);
      assert.equal(await dialog.getByRole("button", { name: "Show more" }).count(), 0);
      assert.equal(await page.evaluate(() => document.activeElement.id), "provenance-title");
    }));

});

describe("what opens them", { timeout: 300_000 }, () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const [what, query, ready, press] of [
      ["a heatmap", HEAT, DRAWN, DRAWN],
      ["a correlation", PAIR, DRAWN, ".verdict-row .trace-button"],
      ["a ranking", "tab=explore&source=apple-music-most-played", ".figure-cell", null],
      ["the day in brief", "", ".digest .said", ".digest .said .trace-button"],
      ["a day of the calendar", "tab=health", ".calendar-frame td", ".calendar-frame td[tabindex='0']"],
    ]) {
      it(`is accessible and fits a phone: ${what}, ${colorScheme}`, () =>
        visit(`${query}&lang=fr`, { ready, colorScheme, bypassCSP: true, viewport: { width: 390, height: 844 } }, async (page) => {
          // What is being loaded is drawn faintly.
          await page.waitForFunction(() => document.querySelector("[aria-busy]") === null);
          await page.waitForTimeout(500);
          assert.deepEqual(await violations(page), []);
          if (press !== null) {
            await page.locator(press).first().click();
            await page.locator(".part, .trace li, .chosen .traced").first().waitFor();
            assert.deepEqual(await violations(page), []);
          }
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
        }));
    }
  }
});
