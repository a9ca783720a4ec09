// Any figure opens where it comes from: on every tab, by pointer and by keyboard.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { at, launch, open, violations, visit as visitWith } from "./browser.mjs";
import { Watch } from "./watch.mjs";

const CURVE = ".big-plot canvas";
const MAP = ".map-frame[data-drawing=gl]";
const HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
const visit = (query, options, check) => visitWith(browser, query, options, check);

/** What is asked of the server, and what the dialog says, when something is pressed. */
async function traced(page, press) {
  const asking = page.waitForRequest(/\/api\/v1\/provenance\?/);
  await press();
  const asked = new URL((await asking).url()).searchParams;
  const dialog = page.locator("dialog.provenance");
  await dialog.locator("dl.facts").first().waitFor();
  const text = await dialog.innerText();
  await page.keyboard.press("Escape");
  assert.equal(await dialog.isVisible(), false);
  return { asked, text };
}

const hours = (asked) => (Date.parse(asked.get("to")) - Date.parse(asked.get("from"))) / 3_600_000;

describe("where a figure comes from", { timeout: 300_000 }, () => {
  for (const lang of ["en", "fr"]) {
    it(`is told of each figure of a card, in ${lang}`, () =>
      visit(`lang=${lang}`, {}, async (page, { complaints }) => {
        const card = page.locator('.card[data-source="velib-disponibilite"]');
        await card.locator(".figures .traced:enabled").first().waitFor({ timeout: 60_000 });
        const figure = card.locator(".figures .traced:enabled").first();
        assert.match(await figure.getAttribute("aria-label"), lang === "en" ? /\. Where does this come from\?$/ : /\. D’où vient ce chiffre \?$/);
        const { asked, text } = await traced(page, () => figure.click());
        assert.equal(asked.get("source"), "velib-disponibilite");
        assert.match(text, /SHA-256/);
        await card.locator(".disclosure summary").last().click();
        const row = card.locator(".table-frame tbody tr").first();
        const cells = row.locator(".traced");
        await cells.first().waitFor();
        assert.equal(await cells.count(), 4);
        const last = await traced(page, () => cells.first().click());
        assert.ok(last.asked.get("entity") && last.asked.get("at"), `${last.asked}`);
        // The least, mean and greatest are of the whole day.
        const least = await traced(page, () => cells.nth(1).click());
        assert.equal(least.asked.get("entity"), last.asked.get("entity"));
        assert.equal(hours(least.asked), 24);
        assert.deepEqual(complaints, []);
      }));
  }

  it("is told of a step of a series: by its legend, its curve and its table", () =>
    visit("tab=explore&lang=en&source=metar-aviationweather", { ready: CURVE }, async (page, { complaints }) => {
      const legend = page.locator(".legend .traced:enabled").first();
      await legend.focus();
      const byKey = await traced(page, () => page.keyboard.press("Enter"));
      assert.equal(byKey.asked.get("source"), "metar-aviationweather");
      assert.equal(hours(byKey.asked), 1);
      assert.match(await page.evaluate(() => document.activeElement?.className ?? ""), /traced/);
      const box = await page.locator(".big-plot .u-over").boundingBox();
      const byPointer = await traced(page, () => page.mouse.click(box.x + 6, box.y + box.height / 2));
      assert.equal(hours(byPointer.asked), 1);
      assert.ok(Date.parse(byPointer.asked.get("from")) <= Date.parse(byKey.asked.get("from")));
      // A drag chooses a stretch and asks nothing.
      await page.mouse.move(box.x + 20, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + 260, box.y + 40, { steps: 5 });
      await page.mouse.up();
      await page.waitForFunction(() => location.search.includes("zoom="));
      assert.equal(await page.locator("dialog.provenance").isVisible(), false);
      await page.getByRole("radio", { name: "Table" }).check();
      const row = page.locator(".figure-place tbody tr").last();
      const byRow = await traced(page, () => row.locator(".traced").first().click());
      assert.equal(hours(byRow.asked), 1);
      assert.deepEqual(complaints, []);
    }));

  it("is told of each name of a ranking", () =>
    visit("tab=explore&lang=en&source=apple-music-most-played", { ready: ".bump-line" }, async (page) => {
      const { asked } = await traced(page, () => page.locator(".bump-line circle").first().click());
      assert.equal(asked.get("source"), "apple-music-most-played");
      assert.ok(asked.get("entity"), `${asked}`);
    }));

  it("is told of each line that is compared", () =>
    visit("tab=compare&lang=en", { ready: CURVE }, async (page) => {
      const lines = new URL(await page.locator(".files").evaluate(() => location.href)).searchParams.getAll("line");
      assert.deepEqual(lines, []);
      const figures = page.locator(".legend .traced:enabled");
      await figures.nth(1).waitFor();
      const [first, second] = [await traced(page, () => figures.first().click()), await traced(page, () => figures.nth(1).click())];
      assert.notEqual(first.asked.get("source"), second.asked.get("source"));
    }));

  it("is told of an event of the list and of a station on the map", () =>
    visit("tab=map&lang=en", { ready: MAP }, async (page, { context }) => {
      await page.locator(".event-list .traced:visible").first().waitFor({ timeout: 120_000 });
      const event = await traced(page, () => page.locator(".event-list .traced:visible").first().click());
      assert.ok(event.asked.get("key"), `${event.asked}`);
      assert.match(event.text, /What the provider has said of it/);
      // One station, in the middle of the zone and so of the map.
      await context.route("**/api/v1/stream*", (route) => route.abort());
      let station;
      await context.route(/\/api\/v1\/day(\?|$)/, async (route) => {
        const day = await (await route.fetch()).json();
        const [west, south, east, north] = day.zone.bbox;
        const many = day.sources.find((one) => one.map.length > 100);
        station = many.map[0];
        for (const one of day.sources) one.map = [];
        const y = (lat) => Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
        const middle = (360 / Math.PI) * Math.atan(Math.exp((y(south) + y(north)) / 2)) - 90;
        many.map = [{ ...station, lon: (west + east) / 2, lat: middle }];
        await route.fulfill({ json: day });
      });
      await page.reload();
      await page.waitForSelector(MAP);
      await page.waitForTimeout(1_500);
      const box = await page.locator(".map-frame").boundingBox();
      await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      const tip = page.locator(".map-tip[data-pinned]");
      await tip.waitFor();
      assert.ok((await tip.innerText()).includes(station.label));
      const { asked } = await traced(page, () => tip.getByRole("button").click());
      assert.equal(asked.get("entity"), station.key);
      assert.equal(asked.get("at"), station.at);
    }));

  it("is said to be out of reach where the server is away", () =>
    visit("lang=en", {}, async (page, { context }) => {
      await context.route("**/assets/provenance-*.js", (route) => (route.request().url().includes("button") ? route.continue() : route.abort()));
      await page.locator(".card .trace-button:visible").first().click();
      await page.locator(".failed-dialog", { hasText: "The server does not answer" }).waitFor();
      await page.getByRole("button", { name: "OK", exact: true }).click();
      await page.locator(".failed-dialog").waitFor({ state: "detached" });
    }));

  for (const colorScheme of ["light", "dark"]) {
    it(`is accessible wherever it is asked for, ${colorScheme}`, async () => {
      for (const [query, ready] of [["tab=explore&form=table", ".figure-place table"], ["tab=compare", CURVE], ["tab=map", MAP]]) {
        await visit(`${query}&lang=fr`, { ready, colorScheme, bypassCSP: true, viewport: { width: 390, height: 844 } }, async (page) => {
          await page.waitForTimeout(500);
          assert.deepEqual(await violations(page), [], query);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, query);
        });
      }
    });
  }
});

describe("the body of an archived download", { timeout: 120_000 }, () => {
  let watch;
  let address;
  before(async () => {
    watch = await Watch.start("archive");
    const now = Math.floor(Date.now() / 1000);
    await watch.collect(JSON.stringify([{ id: "a", name: `Station ${HOSTILE}`, at: now - 60, temp: 7 }]));
    address = await watch.serve();
  });
  after(() => watch?.stop());

  for (const [lang, show, hide, known] of [
    ["en", /^Show the body/, "Hide the body", "What was known, and since when"],
    ["fr", /^Voir le corps/, "Masquer le corps", "Ce que l’on savait, et depuis quand"],
  ]) {
    it(`is shown as text beside its hash, in ${lang}`, async () => {
      const { page, context, complaints } = await open(browser, `${address}/?lang=${lang}`, { bypassCSP: true });
      try {
        await page.locator(".card .disclosure summary").last().click();
        await page.locator(".card .table-frame .traced").first().click();
        // An open hour says of each observation when it became known.
        const readings = page.getByRole("group", { name: known });
        await readings.waitFor();
        assert.match(await readings.locator("tbody tr").innerText(), /\b7\s°C/);
        assert.equal(await readings.locator("tbody tr > *").count(), 3);
        const capture = page.locator("dialog.provenance .trace li").first();
        await capture.getByRole("button", { name: show }).click();
        const body = capture.locator("pre");
        await body.getByText("Station").waitFor();
        const text = await body.innerText();
        assert.deepEqual(JSON.parse(text).map(({ name }) => name), [`Station ${HOSTILE}`]);
        assert.equal(await body.locator(":scope > *").count(), 0);
        assert.equal(await page.evaluate(() => window.hacked), undefined);
        assert.deepEqual(await violations(page), []);
        await capture.getByRole("button", { name: hide }).click();
        assert.equal(await body.count(), 0);
        assert.deepEqual(complaints, []);
      } finally {
        await context.close();
      }
    });
  }
});
