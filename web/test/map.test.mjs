// The map: drawn at once, and stations coloured by what they say.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, violations, visit as visitWith } from "./browser.mjs";

const DRAWN = ".map-frame[data-state=drawn]";
const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;
const AWAKE = ".map-frame[data-drawing=gl]";

describe("the colours of stations", { timeout: 300_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  const visit = (query, options, check) => visitWith(browser, query, options, check);

  for (const [lang, label, least, docks] of [
    ["en", "Colour of stations", /^(≤\u00a0)?\d+\u00a0bikes?$/, "Docks available"],
    ["fr", "Couleur des stations", /^(≤\u00a0)?\d+\u00a0vélos?$/, "Bornes libres"],
  ]) {
    it(`follow their values, with a legend and a choice that the address keeps, in ${lang}`, () =>
      visit(`tab=map&lang=${lang}`, { ready: AWAKE }, async (page, { complaints }) => {
        const legend = page.locator(".scale-legend");
        const ends = legend.locator("span");
        await page.waitForFunction((wanted) => new RegExp(wanted, "u").test(document.querySelector(".scale-legend span").textContent), least.source, { timeout: 60_000 });
        const values = await page.evaluate(async () => {
          const { sources } = await (await fetch("/api/v1/day")).json();
          return sources.find(({ id }) => id === "velib-disponibilite").map.map(({ value }) => value);
        });
        const number = async (place) => Number(/[\d.]+/.exec(await ends.nth(place).innerText())[0]);
        assert.ok((await number(0)) >= Math.min(...values) && (await number(1)) <= Math.max(...values) && (await number(0)) < (await number(1)));
        const select = page.getByLabel(label);
        const option = select.locator('option[value="velib-disponibilite/docks"]');
        const name = await option.textContent();
        assert.ok(name.length > 3, docks);
        await select.selectOption("velib-disponibilite/docks");
        await page.waitForFunction(() => location.search.includes("colour=velib-disponibilite%2Fdocks"));
        await page.waitForFunction((wanted) => document.querySelector(".scale-legend").getAttribute("aria-label").includes(wanted), name);
        await page.reload();
        await page.waitForSelector(AWAKE);
        await page.waitForFunction((wanted) => document.querySelector(".scale-legend")?.getAttribute("aria-label")?.includes(wanted), name);
        assert.equal(await select.inputValue(), "velib-disponibilite/docks");
        await select.selectOption("none");
        await page.waitForFunction(() => location.search.includes("colour=none"));
        await legend.waitFor({ state: "hidden" });
        assert.equal(await page.locator(".chip[data-scaled]").count(), 0);
        assert.deepEqual(complaints, []);
      }));
  }

  it("are those of the legend, on the map and in the legend alike, in both themes", async () => {
    for (const colorScheme of ["light", "dark"]) {
      await visit("tab=map&lang=en", { ready: AWAKE, colorScheme }, async (page) => {
        await page.locator(".scale-legend:visible").waitFor({ timeout: 60_000 });
        for (const chip of await page.locator(".chip:not([data-scaled])").all()) await chip.click();
        await page.waitForTimeout(1_500);
        const ramp = await colours(page, ".scale-ramp");
        const points = await colours(page, ".map-canvas");
        const close = (a, b) => Math.max(...a.map((each, index) => Math.abs(each - b[index]))) < 14;
        // Pixels of strong colour on the map are of the ramp, but for those at the edges of points.
        const strong = points.filter(([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b) > 60);
        const known = strong.filter((pixel) => ramp.some((one) => close(pixel, one)));
        assert.ok(strong.length > 300, `${strong.length} pixels`);
        assert.ok(known.length > 0.7 * strong.length, `${known.length} of ${strong.length} pixels, ${colorScheme}`);
      });
    }
  });

  it("fit a phone and are accessible in both themes", async () => {
    for (const colorScheme of ["light", "dark"]) {
      await visit("tab=map&lang=fr", { ready: AWAKE, colorScheme, bypassCSP: true, viewport: { width: 360, height: 740 }, hasTouch: true }, async (page) => {
        await page.locator(".scale-legend:visible").waitFor({ timeout: 60_000 });
        assert.deepEqual(await violations(page), []);
        const beyond = await page.locator(".map-scale *").evaluateAll((all) => all.filter((node) => node.getBoundingClientRect().right > innerWidth).length);
        assert.equal(beyond, 0);
      });
    }
  });
});

describe("the drawing of the map", { timeout: 300_000 }, () => {
  it("is there, moves and tells before WebGL has come, and is then taken over where it was", async () => {
    const browser = await launch();
    try {
      await visitWith(browser, "tab=health", { ready: ".calendar-frame td" }, async (page, { context, complaints }) => {
        let let_go;
        const held = new Promise((done) => (let_go = done));
        await context.route("**/assets/map-gl-*.js", async (route) => {
          await held;
          await route.continue();
        });
        await page.locator(".tab").nth(1).click();
        await page.waitForSelector(`${DRAWN}[data-drawing=plain]`);
        const box = await page.locator(".map-frame").boundingBox();
        await page.locator(".plain-map").focus();
        for (let press = 0; press < 2; press += 1) await page.keyboard.press("+");
        await page.keyboard.press("ArrowLeft");
        let_go();
        await page.waitForSelector(AWAKE);
        assert.equal(await page.locator(".plain-map").count(), 0);
        // The focus has gone over with the map.
        assert.equal(await page.evaluate(() => document.activeElement?.className), "maplibregl-canvas");
        await page.waitForTimeout(500);
        const text = await page.locator(".maplibregl-ctrl-scale").innerText();
        const metres = Number(/\d+/.exec(text)[0]) * (text.includes("km") ? 1000 : 1);
        assert.ok(metres <= 2000, `the scale says ${text}: the zoom was lost (${box.width} pixels)`);
        assert.deepEqual(complaints, []);
      });
    } finally {
      await browser.close();
    }
  });
});

describe("what moves", { timeout: 300_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  /** A day in which one storm passes through the middle of the map, where it was strongest, and crosses the antimeridian after it. */
  async function stormy(context) {
    await context.route("**/api/v1/stream*", (route) => route.abort());
    await context.route(/\/api\/v1\/day(\?|$)/, async (route) => {
      const day = await (await route.fetch()).json();
      const [west, south, east, north] = day.zone.bbox;
      const y = (lat) => Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
      const middle = (360 / Math.PI) * Math.atan(Math.exp((y(south) + y(north)) / 2)) - 90;
      const start = Date.parse(day.period.start);
      const at = (hours) => new Date(start + hours * 3_600_000).toISOString();
      const centre = (west + east) / 2;
      day.now = at(12);
      for (const one of day.sources) [one.map, one.tracks] = [[], []];
      const storm = day.sources.find(({ id }) => id === "nhc-current-storms");
      storm.track_measure = { ...storm.leading_measure, unit: "km/h", decimals: 0 };
      storm.tracks = [
        {
          entity: "al01",
          name: HOSTILE,
          points: [
            { at: at(-6), lon: centre - 0.3, lat: middle, value: 90, joined: false },
            { at: at(3), lon: centre, lat: middle, value: 150, joined: true },
            { at: at(9), lon: centre + 0.3, lat: middle - 0.2, value: 120, joined: true },
            { at: at(10), lon: 179.9, lat: middle, value: null, joined: false },
            { at: at(11), lon: -179.9, lat: middle, value: null, joined: true },
          ],
          distance_km: 1234.4,
          speed_km_h: 25.6,
          strongest: { value: 150, at: at(3) },
        },
      ];
      await route.fulfill({ json: day });
    });
  }

  for (const [lang, title, facts, here] of [
    ["en", "Tracks", /^strongest: 150\u00a0km\/h at 03:00 · 1,234\u00a0km · 26\u00a0km\/h$/, "strongest"],
    ["fr", "Trajectoires", /^au plus fort : 150\u00a0km\/h à 03:00 · 1\u202f234\u00a0km · 26\u00a0km\/h$/, "au plus fort"],
  ]) {
    it(`has a way on the map and in words, up to the time shown, in ${lang}`, () =>
      visitWith(browser, "tab=health", { ready: ".calendar-frame td" }, async (page, { context, complaints }) => {
        await stormy(context);
        await page.goto(new URL(`/?tab=map&lang=${lang}`, page.url()).href);
        await page.waitForSelector(AWAKE);
        assert.equal(await page.locator(".tracks h3").innerText(), title);
        assert.equal(await page.locator(".track-list b").innerText(), HOSTILE);
        assert.match(await page.locator(".track-list small").innerText(), facts);
        await page.waitForTimeout(1_500);
        const box = await page.locator(".map-frame").boundingBox();
        const middle = [box.x + box.width / 2, box.y + box.height / 2];
        await page.mouse.click(...middle);
        const tip = page.locator(".map-tip[data-pinned]");
        await tip.waitFor();
        const text = await tip.innerText();
        assert.ok(text.includes(HOSTILE) && text.includes("150") && text.includes(` · ${here} · `), text);
        const asking = page.waitForRequest(/\/api\/v1\/provenance\?/);
        await tip.getByRole("button").click();
        assert.equal(new URL((await asking).url()).searchParams.get("entity"), "al01");
        await page.keyboard.press("Escape");
        // Before it came there, it is not there.
        await page.locator(".time-slider input").focus();
        await page.keyboard.press("Home");
        await page.waitForFunction(() => location.search.includes("at="));
        await page.waitForTimeout(1_500);
        await page.mouse.click(...middle);
        await page.waitForTimeout(300);
        assert.equal(await tip.isVisible(), false);
        assert.equal(await page.evaluate(() => window.hacked), undefined);
        assert.deepEqual(complaints.filter((text) => !text.includes("404") && !text.includes("ERR_FAILED")), []);
      }));
  }

  it("goes away with its source", () =>
    visitWith(browser, "tab=health", { ready: ".calendar-frame td" }, async (page, { context }) => {
      await stormy(context);
      await page.goto(new URL("/?tab=map&lang=en", page.url()).href);
      await page.waitForSelector(AWAKE);
      await page.waitForTimeout(1_500);
      const inked = async () => (await colours(page, ".map-canvas")).filter(([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b) > 60).length;
      assert.ok((await inked()) > 10, "a line can be seen");
      await page.locator(".map-legend .chip", { hasText: "Active tropical cyclones" }).click();
      await page.waitForTimeout(800);
      assert.equal(await inked(), 0);
    }));
});

/** The pixels of what is on screen. */
async function colours(page, selector) {
  const picture = (await page.locator(selector).first().screenshot()).toString("base64");
  return page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const pixels = [];
    for (let place = 0; place < data.length; place += 16) pixels.push([data[place], data[place + 1], data[place + 2]]);
    return pixels;
  }, `data:image/png;base64,${picture}`);
}
