// The tabs that explore, compare and map: in both languages, by keyboard, with hostile names, and as files.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { at, launch, violations, visit as visitWith } from "./browser.mjs";

const CURVE = ".big-plot canvas";
const MAP = ".map-frame[data-state=drawn][data-drawing=gl]";
const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
const visit = (query, options, check) => visitWith(browser, query, options, check);

/** A source of the page under test for which `fits` holds. */
async function source(page, fits) {
  const { sources } = await page.evaluate(async () => (await fetch("/api/v1/measures")).json());
  const found = sources.find(fits);
  assert.ok(found, "the demo has such a source");
  return found;
}

const stations = (one) => !one.events && one.measures[0].across === "sum" && one.measures[0].kind === "gauge";
const ranking = (one) => one.measures[0].kind === "rank";
const events = (one) => one.id === "usgs-earthquakes";

/** What an open picker offers. */
const options = (page) => page.locator(".picker-pop:not([hidden]) [role=option]");

/** Answers of a path, changed before the page sees them. */
function changed(page, path, change) {
  return page.route(`**/api/v1/${path}?*`, async (route) => {
    const answer = await route.fetch();
    const json = await answer.json();
    change(json);
    await route.fulfill({ json });
  });
}

/** No text of a feed became markup or ran. */
async function harmless(page, place) {
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator(`${place} :is(img, script)`).count(), 0);
}

describe("exploring", { timeout: 300_000 }, () => {
  for (const [lang, title, drag] of [
    ["en", /All together|Temperature|Count|/, "Drag over the curve to zoom, click to see where a figure comes from"],
    ["fr", /Tout ensemble|Température|Nombre|/, "Glissez sur la courbe pour zoomer, cliquez pour voir d’où vient un chiffre"],
  ]) {
    it(`shows a curve with its credit and says in words what it shows, in ${lang}`, () =>
      visit(`tab=explore&lang=${lang}`, { ready: CURVE }, async (page, { complaints }) => {
        assert.match(await page.locator(".figure-head h3").innerText(), title);
        assert.equal(await page.locator(".figure-head p").innerText(), drag);
        assert.match(await page.locator(".big-plot").getAttribute("aria-label"), /\p{L}{4,}/u);
        assert.match(await page.locator(".figure-foot .credit").innerText(), /Source\s?: \S/);
        assert.deepEqual(complaints, []);
      }));
  }

  for (const [lang, control, note, now, back] of [
    ["en", "As it was known at", /What was known at .+revised since\. .+ not known yet\./, "as known now", "Now"],
    ["fr", "Ce que l’on savait le", /Ce que l’on savait le .+depuis\. .+ pas encore connues?\./, "connu maintenant", "Maintenant"],
  ]) {
    it(`shows what was known at a time beside what is known now, in ${lang}`, () =>
      visit(`tab=explore&source=eco2mix-national&lang=${lang}`, { ready: CURVE }, async (page, { complaints }) => {
        // Some hours of the day must have passed.
        let [clock, day] = [0, null];
        while (day === null || clock < Date.parse(day.period.start) + 4 * 3_600_000) {
          day = await page.evaluate(async () => (await fetch("/api/v1/day")).json());
          clock = Date.parse(day.now);
          await page.waitForTimeout(500);
        }
        const then = new Date(clock - 2 * 3_600_000).toLocaleString("sv-SE", { timeZone: day.zone.time_zone }).replace(" ", "T").slice(0, 16);
        await page.getByLabel(control).last().fill(then);
        const told = page.locator(".known-note");
        await told.filter({ hasText: note }).waitFor();
        await page.waitForFunction(() => location.search.includes("known_at="));
        assert.match(await page.locator(".legend").innerText(), new RegExp(now));
        assert.equal(await page.locator(".legend li").count(), 2);
        for (const file of ["CSV", "Parquet"]) {
          assert.match(await page.locator(".files a", { hasText: file }).getAttribute("href"), /known_at=/);
        }
        assert.deepEqual(await violations(page), []);
        // The address holds it.
        await page.reload();
        await told.filter({ hasText: note }).waitFor();
        await page.getByRole("button", { name: back, exact: true }).click();
        await page.waitForFunction(() => !location.search.includes("known_at="));
        await told.waitFor({ state: "hidden" });
        assert.deepEqual(complaints, []);
      }));
  }

  it("finds a source and a station with the keyboard alone, and keeps them in the address", () =>
    visit("tab=explore&lang=en", { ready: CURVE }, async (page) => {
      const wanted = await source(page, stations);
      const box = page.getByRole("combobox", { name: "Source" });
      await box.focus();
      await box.fill(wanted.title.en.toUpperCase());
      await options(page).first().waitFor();
      await page.keyboard.press("Enter");
      await page.waitForFunction((id) => location.search.includes(`source=${id}`), wanted.id);
      assert.equal(await box.inputValue(), wanted.title.en);
      const entity = page.getByRole("combobox", { name: "Place, title or thing" });
      await entity.focus();
      await page.keyboard.press("ArrowDown");
      // The first is all together; the second is the first station.
      await options(page).nth(2).waitFor();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      const name = await page.locator(".picker-pop:not([hidden]) li[aria-selected=true] span").innerText();
      await page.keyboard.press("Enter");
      await page.locator(".chosen li", { hasText: name }).waitFor();
      const address = page.url();
      assert.match(address, /entity=/);
      await page.reload();
      await page.locator(".chosen li", { hasText: name }).waitFor();
      await page.getByRole("button", { name: `Remove ${name}` }).click();
      await page.waitForFunction(() => !location.search.includes("entity="));
      await page.goBack();
      await page.locator(".chosen li", { hasText: name }).waitFor();
      assert.equal(page.url(), address);
    }));

  it("zooms by dragging and by buttons, and shows all again", () =>
    visit("tab=explore&lang=en&span=week", { ready: CURVE }, async (page) => {
      const box = await page.locator(".big-plot .u-over").boundingBox();
      await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
      await page.mouse.up();
      await page.waitForFunction(() => location.search.includes("zoom="));
      const zoom = () => new URL(page.url()).searchParams.get("zoom").split("~").map(Number);
      const [from, to] = zoom();
      assert.ok(Math.abs((to - from) / (7 * 86_400) - 0.3) < 0.05, `${from} ${to}`);
      await page.getByRole("button", { name: "Zoom in" }).click();
      const closer = zoom();
      assert.ok(Math.abs((closer[1] - closer[0]) / (to - from) - 0.5) < 0.01);
      await page.getByRole("button", { name: "Show the whole length" }).click();
      assert.doesNotMatch(page.url(), /zoom=/);
    }));

  it("draws a heatmap, a ranking and a table of the same series", () =>
    visit("tab=explore&lang=en", { ready: CURVE }, async (page) => {
      const wanted = await source(page, ranking);
      await page.goto(at(`tab=explore&lang=en&source=${wanted.id}`));
      await page.waitForSelector(".bump-line");
      assert.ok((await page.locator(".bump-line").count()) >= 3);
      assert.match(await page.locator(".bump-line text").first().textContent(), /^\d+\. \S/);
      await page.getByRole("radio", { name: "Table" }).check();
      await page.waitForSelector(".figure-place table");
      const columns = await page.locator(".figure-place thead th").count();
      assert.ok(columns >= 4, `${columns} columns`);
      // Hours that have not begun are no gaps.
      const [rows, hours] = await page.evaluate(async () => {
        const { now, period } = await (await fetch("/api/v1/day")).json();
        return [document.querySelectorAll(".figure-place tbody tr").length, Math.ceil((Date.parse(now) - Date.parse(period.start)) / 3_600_000)];
      });
      assert.ok(Math.abs(rows - hours) <= 1, `${rows} rows after ${hours} hours`);
      await page.getByRole("radio", { name: "Hour × weekday" }).check();
      await page.waitForSelector(".figure-place svg rect");
      assert.match(await page.locator(".figure-sentence:not(.known-note)").innerText(), /^Highest: \w+day \d\d:00 \(.+\); lowest: \w+day/);
    }));

  it("gives what is shown as CSV, Parquet, SVG and PNG, with the credit in it", () =>
    visit("tab=explore&lang=en", { ready: CURVE, acceptDownloads: true }, async (page) => {
      const file = async (name) => {
        const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".files").getByText(name, { exact: true }).click()]);
        return readFile(await download.path());
      };
      const credit = (await page.locator(".figure-foot .credit").innerText()).replace(/^Source: /, "").split(" · ")[0];
      const csv = (await file("CSV")).toString();
      assert.match(csv, /^source,entity,name,measure,unit,kind,start,end,count,/);
      assert.ok(csv.split("\r\n")[1].includes(credit.split(",")[0]), csv.split("\r\n")[1]);
      assert.equal((await file("Parquet")).subarray(0, 4).toString(), "PAR1");
      const svg = (await file("SVG")).toString();
      assert.ok(svg.includes(credit.replaceAll("&", "&amp;")) && !svg.includes("var(--"), svg.slice(0, 500));
      const png = await file("PNG");
      assert.equal(png.subarray(1, 4).toString(), "PNG");
      assert.ok(png.length > 5_000, `${png.length} bytes`);
    }));

  it("shows hostile names as they are", () =>
    visit("tab=explore&lang=en", { ready: CURVE }, async (page) => {
      const wanted = await source(page, ranking);
      const rename = (all) => {
        for (const one of all) one.name = HOSTILE;
      };
      await changed(page, "series", (json) => rename(json.series));
      await changed(page, "entities", (json) => rename(json.entities));
      await page.goto(at(`tab=explore&lang=en&source=${wanted.id}`));
      await page.waitForSelector(".bump-line");
      assert.equal(await page.locator(".bump-line title").first().textContent(), HOSTILE);
      await page.getByRole("combobox", { name: "Place, title or thing" }).click();
      await options(page).first().waitFor();
      assert.equal(await options(page).first().locator("span").innerText(), HOSTILE);
      await harmless(page, "main");
    }));

  it("says why nothing can be shown, and tries again on demand", () =>
    visit("tab=explore&lang=en", { ready: CURVE }, async (page) => {
      // What the page is told of while it waits makes it try again by itself, in its own time.
      await page.route("**/api/v1/stream*", (route) => route.abort());
      await page.route("**/api/v1/series?*", (route) => route.fulfill({ status: 503, json: { error: "the store is away" } }));
      await page.reload();
      await page.locator(".clock:not(:empty)").waitFor();
      await page.getByText("503: the store is away").waitFor();
      await page.unroute("**/api/v1/series?*");
      await page.getByRole("button", { name: "Try again" }).click();
      await page.waitForSelector(CURVE);
    }));

  it("asks at once for the days of the server's clock, which may be another than the reader's", () =>
    visit("tab=sources&lang=en", { ready: "main h2" }, async (page) => {
      const asked = [];
      page.on("request", (request) => {
        if (request.url().includes("/api/v1/series?")) asked.push(new URL(request.url()).searchParams.get("to"));
      });
      // The day comes late.
      await page.route(/\/api\/v1\/day(\?|$)/, async (route) => {
        await new Promise((done) => setTimeout(done, 1_500));
        await route.continue();
      });
      for (const tab of ["explore", "compare"]) {
        await page.goto(at(`tab=${tab}&lang=en`));
        await page.waitForSelector(CURVE);
        await page.locator(".clock:not(:empty)").waitFor();
      }
      const { period } = await page.evaluate(async () => (await fetch("/api/v1/day?")).json());
      assert.deepEqual([...new Set(asked)], [period.date]);
    }));
});

describe("comparing", { timeout: 300_000 }, () => {
  for (const [lang, question, caution] of [
    ["en", "Do they go together?", /^Caution: \d+ lags were tried/],
    ["fr", "Vont-elles ensemble ?", /^Prudence : \d+ décalages ont été essayés/],
  ]) {
    it(`draws two lines and says what their correlation is worth, in ${lang}`, () =>
      visit(`tab=compare&lang=${lang}`, { ready: CURVE }, async (page, { complaints }) => {
        await page.locator(".verdict:not(:empty)").waitFor();
        assert.equal(await page.locator(".chosen li").count(), 2);
        assert.equal(await page.locator("main h2").last().innerText(), question);
        assert.match(await page.locator(".caution").innerText(), caution);
        assert.deepEqual(complaints, []);
      }));
  }

  it("tells the lag and the number of pairs where there are enough", () =>
    visit("tab=compare&lang=en", { ready: CURVE }, async (page) => {
      const lags = Array.from({ length: 49 }, (_, index) => ({ lag: index - 24, pairs: 300, r: Math.cos((index - 27) / 8) * 0.7 }));
      const best = { lag: 3, pairs: 300, r: 0.7, effective_pairs: 41.4, low: 0.5, high: 0.83 };
      await changed(page, "correlation", (json) => Object.assign(json, { lags, best }));
      await page.reload();
      await page.getByText("r = 0.70, the second follows the first by 3 hours").waitFor();
      const notes = await page.locator(".verdict-notes").innerText();
      assert.match(notes, /^n = 300 pairs, worth about 41 independent ones, 95% interval from 0.50 to 0.83\.$/);
      assert.equal(await page.locator(".figure-place rect").count(), 49);
    }));

  it("adds and removes lines, marks events, indexes, and keeps it all in the address", () =>
    visit("tab=compare&lang=en", { ready: CURVE }, async (page) => {
      const quakes = await source(page, events);
      const box = page.getByRole("combobox", { name: "Source" });
      await box.fill(quakes.title.en);
      await options(page).filter({ hasText: quakes.title.en }).first().click();
      await page.getByRole("button", { name: "Add" }).click();
      await page.waitForFunction(() => document.querySelectorAll(".chosen li").length === 3);
      await page.getByLabel("Events marked").selectOption(quakes.id);
      await page.getByRole("radio", { name: "Index, 100 at the start" }).check();
      await page.waitForFunction(() => location.search.includes("scales=indexed") && location.search.includes("events="));
      const { searchParams } = new URL(page.url());
      assert.equal(searchParams.getAll("line").length, 3);
      assert.ok(searchParams.getAll("line").includes(`${quakes.id}/*/*`));
      await page.reload();
      await page.waitForFunction(() => document.querySelectorAll(".chosen li").length === 3);
      assert.match(await page.locator(".figure-foot .credit").innerText(), /; Source: /);
      while ((await page.locator(".chosen li").count()) > 0) {
        const left = await page.locator(".chosen li").count();
        await page.locator(".chosen button").first().click();
        await page.waitForFunction((count) => document.querySelectorAll(".chosen li").length < count, left);
      }
      await page.getByText("Add two series or more.").waitFor();
      await page.locator(".tab", { hasText: "Explore" }).click();
      await page.waitForSelector("main[data-tab=explore]");
    }));
});

describe("the map of a time gone by", { timeout: 300_000 }, () => {
  /** The simulated day has to have begun. */
  const later = (page) =>
    page.waitForFunction(() => {
      const slider = document.querySelector(".time-slider input");
      return slider && Number(slider.max) - Number(slider.min) > 2.5 * 3_600_000;
    }, null, { timeout: 120_000 });

  for (const [lang, live, gone] of [
    ["en", /^Events$/, /^What was known at \d\d:\d\d$/],
    ["fr", /^Événements$/, /^Ce que l’on savait à \d\d:\d\d$/],
  ]) {
    it(`shows what was known then, in ${lang}`, () =>
      visit(`tab=map&lang=${lang}`, { ready: MAP }, async (page, { complaints }) => {
        await later(page);
        const title = page.locator(".events-panel h2");
        assert.match(await title.innerText(), live);
        await page.locator(".time-slider input").focus();
        await page.keyboard.press("Home");
        for (let press = 0; press < 6; press += 1) await page.keyboard.press("ArrowRight");
        // Stations too are asked for as they were known.
        const stations = page.waitForResponse((answer) => /entities\?.*known_at=/.test(answer.url()));
        await page.locator(".time-bar input[type=checkbox]").check();
        await page.waitForFunction(() => /at=.+known=then/.test(location.search));
        assert.equal((await stations).status(), 200);
        assert.match(await title.innerText(), gone);
        const asked = new URL(page.url()).searchParams.get("at");
        const day = await page.evaluate(async () => (await (await fetch("/api/v1/day")).json()).period.start);
        assert.equal(Date.parse(asked) - Date.parse(day), 6 * 15 * 60_000);
        // Nothing that happened later is listed, nor anything fetched later.
        await page.waitForTimeout(1_000);
        const times = await page.locator(".event-list time").evaluateAll((all) => all.map((time) => time.getAttribute("datetime")));
        for (const time of times) assert.ok(Date.parse(time) <= Date.parse(asked), `${time} is after ${asked}`);
        await page.reload();
        await page.waitForSelector(MAP);
        assert.match(await title.innerText(), gone);
        assert.deepEqual(complaints, []);
      }));
  }

  it("follows the present again on demand", () =>
    visit("tab=map&lang=en", { ready: MAP }, async (page) => {
      await later(page);
      await page.locator(".time-slider input").focus();
      await page.keyboard.press("Home");
      await page.waitForFunction(() => location.search.includes("at="));
      await page.getByRole("button", { name: "Now" }).click();
      await page.waitForFunction(() => !location.search.includes("at="));
      assert.equal(await page.locator(".events-panel h2").innerText(), "Events");
    }));

  it("gathers ten thousand points in clusters that open", () =>
    visit("tab=map&lang=en", { ready: MAP }, async (page, { context }) => {
      await context.route("**/api/v1/stream*", (route) => route.abort());
      await context.route(/\/api\/v1\/day(\?|$)/, async (route) => {
        const day = await (await route.fetch()).json();
        const many = day.sources.find((one) => one.map.length > 100) ?? day.sources[0];
        for (const one of day.sources) one.map = [];
        const [west, south, east, north] = day.zone.bbox;
        // All of one place in the middle of the zone: one cluster, at the centre of the map.
        many.map = Array.from({ length: 10_000 }, (_, index) => ({
          lon: (west + east) / 2 + (east - west) * 1e-4 * (index % 100),
          lat: (south + north) / 2 + (north - south) * 1e-4 * Math.floor(index / 100),
          label: `${index}`,
          value: index,
          at: day.now,
        }));
        await route.fulfill({ json: day });
      });
      await page.reload();
      await page.waitForSelector(MAP);
      await page.getByText("10,000 points").first().waitFor();
      await page.waitForTimeout(1_500);
      const scale = async () => {
        const [, length, unit] = /(\d+)\s(k?m)/.exec(await page.locator(".maplibregl-ctrl-scale").innerText());
        return Number(length) * (unit === "km" ? 1000 : 1);
      };
      const before = await scale();
      const box = await page.locator(".map-frame").boundingBox();
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.getByText("Click to zoom in").waitFor();
      await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      await page.waitForTimeout(1_500);
      const opened = await scale();
      assert.ok(opened < before / 3, `the scale went from ${before} to ${opened} m`);
    }));

  it("lists hostile titles as they are", () =>
    visit("tab=map&lang=en", { ready: MAP }, async (page) => {
      await page.route("**/api/v1/events?*", async (route) => {
        const json = await (await route.fetch()).json();
        const day = await page.evaluate(async () => (await (await fetch("/api/v1/day")).json()).period.start);
        json.events = [
          { key: "k", revision: 1, versions: 2, revised: true, observed_at: day, published_at: null, fetched_at: day, point: null, title: HOSTILE, place: HOSTILE, values: {} },
        ];
        await route.fulfill({ json });
      });
      await page.reload();
      await page.waitForSelector(".event-list li");
      assert.equal(await page.locator(".event-what span").first().innerText(), HOSTILE);
      assert.match(await page.locator(".event-what small").first().innerText(), /2 versions · revised since$/);
      await harmless(page, "main");
    }));
});

describe("every tab of data", { timeout: 300_000 }, () => {
  for (const [tab, ready] of [["explore", CURVE], ["compare", ".verdict:not(:empty)"], ["map", MAP]]) {
    for (const colorScheme of ["light", "dark"]) {
      it(`is accessible: ${tab}, ${colorScheme}`, () =>
        visit(`tab=${tab}&lang=en`, { ready, colorScheme, bypassCSP: true }, async (page) => {
          await page.waitForTimeout(500);
          if (tab === "explore") {
            await page.getByRole("combobox", { name: "Source" }).click();
            await options(page).first().waitFor();
          }
          assert.deepEqual(await violations(page), []);
        }));
    }
    it(`fits a phone: ${tab}`, () =>
      visit(`tab=${tab}&lang=fr`, { ready, viewport: { width: 360, height: 740 }, hasTouch: true }, async (page) => {
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(wider, 0);
      }));
  }
});
