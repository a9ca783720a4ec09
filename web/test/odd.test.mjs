// Sources that are not as most are: slow, tiny in value, of directions, gone, refused, or written from right to left.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { close, launch, open } from "./browser.mjs";
import { DEFINITION, Watch } from "./watch.mjs";

const HOUR = 3_600_000;
const ARABIC = "محطة القاهرة";
/** A family of four is one sign of eleven UTF-16 units. */
const FAMILY = "👨‍👩‍👧‍👦";

/** The sources, by what is different from reports of stations every so often. */
const slow = DEFINITION.replace('"mine"', '"slow"').replace('en = "Reports of the test"', 'en = "Slow reports"').replace('collect = "10m"', 'collect = "10m", publishes = "6h"').replace('horizon = "2d"', 'horizon = "30d"');
const definitions = {
  slow: `${slow}
[measures.flux]
title = { fr = "Flux", en = "Flux" }
path = "flux"
unit = "W/m2"
across = "each"
decimals = 0

[measures.wind]
title = { fr = "Vent", en = "Wind" }
path = "wind"
unit = "deg"
kind = "direction"
`,
  /** It says what is ahead. */
  ahead: DEFINITION.replace('"mine"', '"ahead"').replace('en = "Reports of the test"', 'en = "A forecast"').replace('horizon = "2d"', 'horizon = "2d"\nfuture = "2d"'),
  /** Its measure is of events, and yet it is of stations. */
  counts: DEFINITION.replace('"mine"', '"counts"').replace('en = "Reports of the test"', 'en = "Counts"').replace('unit = "Cel"', 'unit = "1"\nkind = "event"'),
  list: DEFINITION.replace('"mine"', '"list"')
    .replace('en = "Reports of the test"', 'en = "A list"')
    .replace(/\[measures.temperature\][^]*/, '[measures.rank]\ntitle = { fr = "Rang", en = "Rank" }\npath = "rank"\nunit = "1"\nkind = "rank"\nacross = "each"\n'),
  quakes: DEFINITION.replace('"mine"', '"quakes"')
    .replace('en = "Reports of the test"', 'en = "Quakes"')
    .replace('model = "observations"', 'model = "events"')
    .replace('entity = "id"\nname = "name"', 'key = "id"\ntitle = "name"')
    .replace(/\[measures.temperature\][^]*/, '[measures.magnitude]\ntitle = { fr = "Magnitude", en = "Magnitude" }\npath = "mag"\nunit = "{magnitude}"\nkind = "event"\ndecimals = 1\nheadline = true\n'),
};

describe("sources that are not as most are", { timeout: 120_000 }, () => {
  const now = Math.floor(Date.now() / HOUR) * HOUR;
  const six = now - (now % (6 * HOUR));
  /** Nothing depends on how far the day has come. */
  const yesterday = new Date(now - 24 * HOUR).toISOString().slice(0, 10);
  const morning = Date.parse(`${yesterday}T10:00:00Z`);
  let browser;
  let watch;
  let address;
  before(async () => {
    browser = await launch();
    watch = await Watch.start("delete", definitions);
    const times = Array.from({ length: 24 }, (_, index) => six - index * 6 * HOUR);
    // One report is missing, and one stands alone between two gaps.
    const told = times.filter((_, index) => ![9, 10, 12, 13].includes(index));
    const reports = told.flatMap((time, index) =>
      [["cairo", ARABIC, 31.24, 30.04], ["paris", "Paris", 2.35, 48.86]].map(([id, name, lon, lat], place) => ({
        id, name, lon, lat, at: time / 1000, temp: 10 + place + (index % 5), flux: (1 + place + (index % 5)) * 1e-7, wind: index % 2 === 0 ? 350 : 10,
      })),
    );
    await watch.collect(JSON.stringify(reports), "slow");
    const ranks = [`A${FAMILY.repeat(60)}`, "Second", "Third"].map((name, index) => ({ id: `r${index}`, name, at: morning / 1000, rank: index + 1, lon: 2, lat: 48 }));
    await watch.collect(JSON.stringify(ranks), "list");
    await watch.collect(JSON.stringify([{ id: "c", name: "Counter", lon: 2.4, lat: 48.9, at: morning / 1000, temp: 3 }]), "counts");
    const quakes = Array.from({ length: 130 }, (_, index) => ({ id: `q${index}`, name: `Quake ${index}`, at: morning / 1000 + index, mag: 1 + (index % 50) / 10, lon: 2, lat: 48 }));
    await watch.collect(JSON.stringify(quakes), "quakes");
    const ahead = Array.from({ length: 48 }, (_, index) => ({ id: "f", name: "Forecast", lon: 2, lat: 48, at: now / 1000 + (index - 24) * 3600, temp: index }));
    await watch.collect(JSON.stringify(ahead), "ahead");
    address = await watch.serve();
  });
  after(async () => {
    await browser?.close();
    await watch?.stop();
  });

  async function visit(query, options, check) {
    const opened = await open(browser, `${address}/?${query}`, options);
    try {
      await check(opened.page, opened);
    } finally {
      await close(opened);
    }
  }

  /** Keeps all texts that are written on canvases. */
  const hearTexts = (page) =>
    page.addInitScript(() => {
      window.texts = [];
      const write = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        window.texts.push(text);
        return write.call(this, text, ...rest);
      };
    });
  /** The figure as a file. */
  async function svg(page) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "SVG" }).click()]);
    return readFile(await download.path(), "utf8");
  }
  /** How many pixels of the plot are coloured as its first line is. */
  const inked = (page) =>
    page.$eval(".big-plot canvas", (canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let place = 0; place < data.length; place += 4) {
        const [least, most] = [Math.min(...data.slice(place, place + 3)), Math.max(...data.slice(place, place + 3))];
        if (data[place + 3] > 200 && most - least > 60) count += 1;
      }
      return count;
    });
  const refuse = (page, path, fits, json) =>
    page.route(`**/api/v1/${path}?*`, (route) => (fits(new URL(route.request().url()).searchParams) ? route.fulfill({ status: 400, json }) : route.continue()));

  const SLOW = "source=slow&measure=temperature&entity=paris&span=week&step=hour";

  it("join the values of a source that reports every six hours, but over no gap", () =>
    visit(`tab=explore&lang=en&${SLOW}&band=none`, { ready: ".big-plot canvas" }, async (page, { complaints }) => {
      await page.locator(".legend li").waitFor();
      const pixels = await inked(page);
      assert.ok(pixels > 800, `${pixels} pixels of the line`);
      const text = await svg(page);
      const paths = [...text.matchAll(/<path d="([^"]*)"[^>]*stroke-linecap/g)].map(([, d]) => d);
      assert.equal(paths.length, 1);
      // Three stretches: a report alone between two gaps is a dot.
      assert.equal(paths[0].match(/M/g).length, 3, paths[0]);
      assert.equal(text.match(/<circle /g)?.length, 1);
      // What the pointer names is a report, also between two.
      const answer = await page.evaluate(async () => {
        const { name } = performance.getEntriesByType("resource").findLast(({ name: one }) => one.includes("/api/v1/series?"));
        return (await fetch(name)).json();
      });
      const { x, y, width, height } = await page.locator(".big-plot .u-over").boundingBox();
      const placeOf = (time) => x + ((time - Date.parse(answer.starts[0])) / (Date.parse(answer.end) - Date.parse(answer.starts[0]))) * width;
      const { joined_steps: steps } = answer.series[0];
      assert.ok(steps >= 6 && steps < 12, `${steps}`);
      await page.mouse.move(placeOf(six - 4 * HOUR), y + height / 2);
      await page.waitForTimeout(200);
      const [named] = (await page.locator(".legend-time").innerText()).match(/\d\d:\d\d/);
      assert.equal(named, new Date(six - 6 * HOUR).toLocaleTimeString("en-GB", { timeZone: "Europe/Paris", hour: "2-digit", minute: "2-digit" }));
      assert.doesNotMatch(await page.locator(".legend").innerText(), /gap/);
      assert.deepEqual(complaints, []);
    }));

  it("join them in comparisons, too", () =>
    visit("tab=compare&lang=en&line=slow/temperature/paris&line=slow/temperature/cairo&step=hour", { ready: ".big-plot canvas" }, async (page) => {
      await page.locator(".legend li").nth(1).waitFor();
      assert.ok((await inked(page)) > 1_500);
    }));

  for (const width of [1440, 390]) {
    it(`label the axis of tiny values so that its ticks can be told apart, ${width} pixels wide`, () =>
      visit("tab=explore&lang=en&source=slow&measure=flux&entity=paris&span=week&step=hour", { ready: ".big-plot canvas", prepare: hearTexts, viewport: { width, height: 900 } }, async (page) => {
        await page.locator(".legend li").waitFor();
        const labels = [...new Set(await page.evaluate(() => window.texts))].filter((text) => /^[\d.]+E\u2212\d+$/.test(text));
        assert.ok(labels.length >= 3, `${labels}`);
        assert.ok(labels.every((text) => text.length < 10), `${labels}`);
        assert.ok((await page.evaluate(() => window.texts)).filter((text) => text === "0").length <= 1);
        assert.match(await page.locator(".legend .traced").innerText(), /^\dE\u22127\sW\/m²|^\d\.\dE\u22127\sW\/m²/);
        assert.match(await svg(page), />\d(\.\d)?E\u22127</);
      }));
  }

  it("show stations that report every six hours on the map of a time gone by", () =>
    visit(`tab=map&lang=en&date=${yesterday}&at=${yesterday}T11:30:00.000Z`, { ready: ".map-frame[data-state=drawn], .map-frame[data-state=plain]" }, async (page) => {
      await page.locator(".map-legend .chip", { hasText: "Slow reports" }).filter({ hasText: "2 points" }).waitFor();
      await page.locator(".map-legend .chip", { hasText: "Counts" }).filter({ hasText: "1 point" }).waitFor();
      await page.locator(".events-panel .quiet", { hasText: /^The latest 100 of 130\.$/ }).waitFor();
    }));

  it("leave what else is on the map where one of them fails, and name it", () =>
    visit(
      `tab=map&lang=en&date=${yesterday}`,
      { ready: ".map-frame[data-state=drawn], .map-frame[data-state=plain]", prepare: (page) => refuse(page, "events", () => true, { error: "broken", code: null }) },
      async (page) => {
        await page.locator(".events-panel .quiet", { hasText: /Quakes: the points of that time could not be read.*broken/ }).waitFor();
        await page.locator(".map-legend .chip", { hasText: "Slow reports" }).filter({ hasText: "2 points" }).waitFor();
      },
    ));

  for (const [lang, nothing, missing, other] of [
    ["en", "Nothing is known of this stretch of time.", "The source “gone” is not watched here.", "Choose another one."],
    ["fr", "Rien de connu sur cette durée.", "La source « gone » n’est pas suivie ici.", "Choisissez-en une autre."],
  ]) {
    it(`say that nothing is known, where there is no entity to ask for, in ${lang}`, () =>
      visit(`tab=explore&lang=${lang}&date=2020-01-01&source=slow&measure=flux`, { ready: ".data-view .problem:not([hidden])" }, async (page, { complaints }) => {
        await page.getByText(nothing).waitFor();
        assert.equal(await page.locator(".problem button").isVisible(), false);
        assert.deepEqual(complaints, []);
      }));

    it(`say that a source is not watched, and offer another without its entities, in ${lang}`, () =>
      visit(`tab=explore&lang=${lang}&source=gone&measure=temperature&entity=old&span=week`, { ready: ".data-view .problem:not([hidden])" }, async (page) => {
        await page.getByText(missing).waitFor();
        await page.getByText(other).waitFor();
        await page.getByRole("combobox", { name: "Source" }).pressSequentially("slow");
        await page.locator(".picker-pop:not([hidden]) [role=option]").first().click();
        await page.locator(".big-plot canvas").waitFor();
        const query = new URL(page.url()).searchParams;
        assert.deepEqual([query.get("source"), query.get("entity"), query.get("lang")], ["slow", null, lang]);
      }));
  }

  it("choose the entities of the time shown", async () => {
    let asked = "";
    const prepare = (page) => page.on("request", (request) => (request.url().includes("/api/v1/entities?") ? (asked = request.url()) : null));
    const date = new Date(now - 72 * HOUR).toISOString().slice(0, 10);
    await visit(`tab=explore&lang=en&date=${date}&source=slow&measure=flux`, { ready: ".big-plot canvas", prepare }, async (page) => {
      await page.locator(".legend li").nth(1).waitFor();
      const query = new URL(asked).searchParams;
      assert.deepEqual([query.get("from"), query.get("to")], [date, date]);
    });
  });

  const TOO_MUCH = { error: "more than 400000 hours of entities: ask for less time, or name entities", code: "too_much" };
  for (const [lang, words] of [
    ["en", /more than the server answers at once. Choose a shorter time/],
    ["fr", /plus que le serveur n’en répond à la fois. Choisissez une durée plus courte/],
  ]) {
    it(`say that too much is asked for, and what helps, in ${lang}`, () =>
      visit(`tab=explore&lang=${lang}&${SLOW}`, { ready: ".data-view .problem:not([hidden])", prepare: (page) => refuse(page, "series", () => true, TOO_MUCH) }, async (page) => {
        await page.getByText(words).waitFor();
        assert.equal(await page.locator(".problem button").isVisible(), false);
      }));
  }

  it("leave the other lines of a comparison where one fails", () =>
    visit(
      "tab=compare&lang=en&line=slow/temperature/paris&line=slow/temperature/cairo&line=gone/what",
      { ready: ".big-plot canvas", prepare: (page) => refuse(page, "series", (query) => query.get("entity") === "cairo", TOO_MUCH) },
      async (page) => {
        const failures = page.locator(".failures li");
        await failures.nth(1).waitFor();
        assert.match(await failures.nth(0).innerText(), /more than the server answers at once/);
        assert.match(await failures.nth(1).innerText(), /The source “gone” is not watched here/);
        assert.equal(await page.locator(".failures > button").isVisible(), false);
        assert.ok((await inked(page)) > 500);
        await failures.nth(1).getByRole("button").click();
        await page.waitForFunction(() => document.querySelectorAll(".failures li").length === 1);
        assert.equal(new URL(page.url()).searchParams.getAll("line").length, 2);
      },
    ));

  it("mark the strongest events of all", async () => {
    let asked = "";
    const prepare = (page) => page.on("request", (request) => (request.url().includes("/api/v1/events?") ? (asked = request.url()) : null));
    await visit("tab=compare&lang=en&line=slow/temperature/paris&events=quakes", { ready: ".big-plot canvas", prepare }, async (page) => {
      await page.getByText("The 60 strongest are marked.").waitFor();
      assert.equal(new URL(asked).searchParams.get("order"), "strongest");
    });
  });

  it("have no heatmap of directions, not even by the address", () =>
    visit("tab=explore&lang=en&source=slow&measure=wind&entity=paris&span=week&form=heat", { ready: ".big-plot canvas" }, async (page) => {
      assert.equal(await page.getByText("Hour × weekday").count(), 0);
      assert.equal(await page.locator(".figure-place svg").isVisible(), false);
    }));

  it("are named in any script, and cut between letters", async () => {
    await visit(`tab=explore&lang=en&date=${yesterday}&source=list&measure=rank`, { ready: ".figure-place svg" }, async (page) => {
      const drawn = await page.$$eval(".figure-place svg text", (nodes) => nodes.map((node) => node.textContent));
      assert.match(drawn.find((text) => text.includes("👨")) ?? "", new RegExp(`^1\\. A(${FAMILY})+…$`, "u"));
    });
    await visit(`tab=map&lang=en&date=${yesterday}`, { ready: ".events-panel .event-what" }, async (page) => {
      assert.equal(await page.locator(".event-what span").first().getAttribute("dir"), "auto");
    });
  });

  it("have their names in as many rows of a file as they need", () =>
    visit(`tab=explore&lang=en&date=${yesterday}&source=list&measure=rank&form=lines`, { ready: ".big-plot canvas" }, async (page) => {
      await page.locator(".legend li").nth(2).waitFor();
      const text = await svg(page);
      const rowOf = (name) => Number(new RegExp(`y="([\\d.]+)"[^>]*>${name}`).exec(text)?.[1]);
      assert.equal(rowOf("Second"), rowOf("A👨") + 16);
      assert.equal(rowOf("Third"), rowOf("Second"));
    }));

  it("lead with the hour of now where they say what is ahead, and are as old as their answer", () =>
    visit("lang=en", { ready: "article[data-source=ahead] canvas" }, async (page) => {
      const card = page.locator("article[data-source=ahead]");
      const hours = Math.floor((Date.now() - now) / HOUR);
      const figure = new RegExp(`^${24 + hours}\\s°C$`);
      assert.match(await card.locator(".big").innerText(), figure);
      assert.match(await card.locator(".legend button").innerText(), figure);
      assert.match(await card.locator(".age").innerText(), /^(\d+ (sec|min) ago|now)$/);
      assert.ok(await card.locator(".badge.warn").first().isHidden());
    }));

  it("say the date of a figure that is not of the day shown", () =>
    visit("lang=en", { ready: "article[data-source=slow] .caption", prepare: changedDay }, async (page) => {
      assert.match(await page.locator("article[data-source=slow] .caption").innerText(), /· 1 Jan, 12:00/);
    }));

  /** The figures of the slow source are of another day. */
  function changedDay(page) {
    return page.route(/\/api\/v1\/day(\?|$)/, async (route) => {
      const json = await (await route.fetch()).json();
      const { headlines } = json.sources.find(({ id }) => id === "slow");
      for (const headline of headlines) headline.at = "2026-01-01T11:00:00Z";
      await route.fulfill({ json });
    });
  }
});
