// What the map is drawn on: the land that the page has, or a style of the user's.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { close, darkPixels, launch, open, strongPixels } from "./browser.mjs";
import { Watch } from "./watch.mjs";

describe("what the map is drawn on", { timeout: 300_000 }, () => {
  /** All land is of this colour, under tiles that cannot be seen through it. */
  const styleOf = (host) => ({
    version: 8,
    sources: { tiles: { type: "raster", tiles: [`${host}/{z}/{x}/{y}.png`], tileSize: 256, attribution: "Tiles by Example" } },
    layers: [
      { id: "tiles", type: "raster", source: "tiles" },
      { id: "ground", type: "background", paint: { "background-color": "#ff00ff" } },
    ],
  });
  const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  /** A vector tile of one layer, `land`, without features: field 3 with version, name and extent. */
  const LAND = Buffer.from([0x1a, 0x0b, 0x78, 0x02, 0x0a, 0x04, ...Buffer.from("land"), 0x28, 0x80, 0x20]);
  let browser;
  let watch;
  let tiles;
  let asked = [];
  before(async () => {
    browser = await launch();
    tiles = createServer((request, response) => {
      asked.push(request.url);
      response.setHeader("access-control-allow-origin", "*");
      if (request.url.startsWith("/none/")) response.writeHead(404).end();
      else if (request.url.endsWith(".pbf")) response.end(LAND);
      else if (request.url === "/late.json") setTimeout(() => response.writeHead(503).end(), 3_000);
      else if (request.url === "/land.geojson") response.end('{"type":"FeatureCollection","features":[]}');
      else if (request.url === "/style.json") response.end(JSON.stringify(styleOf(host())));
      else if (request.url.endsWith(".png")) response.end(PIXEL);
      else response.writeHead(404).end();
    });
    await new Promise((done) => tiles.listen(0, "127.0.0.1", done));
    watch = await Watch.start();
    await watch.collect(JSON.stringify([{ id: "a", name: "A", at: Math.floor(Date.now() / 1000) - 60, temp: 7, lon: 2.35, lat: 48.86 }]));
  });
  after(async () => {
    await browser?.close();
    await watch?.stop();
    tiles?.close();
  });

  /** The page of this watch with these settings of the map. */
  async function visit(settings, check, prepare = async () => {}) {
    watch.configure("map", settings);
    const address = await watch.serve();
    asked = [];
    const opened = await open(browser, `${address}/?tab=map&lang=en`, { ready: ".map-frame[data-drawing=gl]", prepare });
    try {
      await check(opened.page, opened);
    } finally {
      await close(opened);
      await watch.kill();
    }
  }
  const host = () => `http://127.0.0.1:${tiles.address().port}`;
  const style = () => `style = "${host()}/style.json"`;
  const placesOf = (page) =>
    page.evaluate(async () => {
      const asked = performance.getEntriesByType("resource").findLast(({ name }) => name.includes("/api/v1/places?"));
      return (await (await fetch(asked.name)).json()).places.map(({ name }) => name.en);
    });
  const sizeOf = async (page) => {
    const { width, height } = await page.locator(".map-frame").boundingBox();
    return width * height;
  };

  it("is the land that the page has, with the names of places, and nobody else is asked", () =>
    visit("", async (page, { complaints }) => {
      await page.waitForFunction(() => Number(document.querySelector(".map-frame").dataset.places) > 10);
      assert.match(await page.locator(".map-base").innerText(), /Natural Earth; places: GeoNames/);
      // All that is seen is asked for: the zone with 24 pixels around it, by Mercator.
      const [asks, [west, south, east, north]] = await page.evaluate(async () => [
        performance.getEntriesByType("resource").find(({ name }) => name.includes("/api/v1/places?")).name,
        (await (await fetch("/api/v1/day")).json()).zone.bbox,
      ]);
      const { width, height } = await page.locator(".map-frame canvas").boundingBox();
      const up = (lat) => (Math.log(Math.tan(((90 + lat) / 360) * Math.PI)) / Math.PI) * 180;
      const degrees = Math.max((east - west) / (width - 48), (up(north) - up(south)) / (height - 48));
      const [x, y] = [(west + east) / 2, (up(south) + up(north)) / 2];
      const [across, along] = [(degrees * width) / 2 - 1e-6, (degrees * height) / 2 - 1e-6];
      const box = Object.fromEntries([...new URL(asks).searchParams].map(([edge, text]) => [edge, Number(text)]));
      assert.ok(box.west <= x - across && box.east >= x + across, `${asks}: ${x} ± ${across}`);
      assert.ok(up(box.south) <= y - along && up(box.north) >= y + along, `${asks}: ${y} ± ${along}`);
      // Another part of the world has other names.
      const before = await placesOf(page);
      await page.getByRole("button", { name: "Zoom out" }).click();
      const next = page.waitForResponse(/\/api\/v1\/places\?/);
      for (let step = 0; step < 4; step += 1) await page.getByRole("button", { name: "Zoom out" }).click();
      const { places, attribution } = await (await next).json();
      assert.match(attribution, /GeoNames .+ CC BY 4.0, modified/);
      const names = places.map(({ name }) => name.en);
      assert.ok(names.some((name) => !before.includes(name)), `${names}`);
      assert.deepEqual(complaints, []);
    }));

  for (const webgl of [true, false]) {
    it(`has its names written on it, ${webgl ? "with" : "without"} WebGL`, async () => {
      watch.configure("map", "");
      const address = await watch.serve();
      const own = webgl ? browser : await launch({ webgl: false });
      const pictures = [];
      for (const names of [[], ["Mmmmmmmmmmmmmmmm mmmmmmmmmmmmmmmmmmm"]]) {
        const prepare = (page) =>
          page.route("**/api/v1/places?*", (route) =>
            route.fulfill({ json: { attribution: "", places: names.map((name) => ({ name: { fr: name, en: name }, lon: 2.35, lat: 48.86, population: 1 })) } }),
          );
        const ready = webgl ? ".map-frame[data-drawing=gl]" : ".map-frame[data-state=plain]";
        const opened = await open(own, `${address}/?tab=map&lang=en`, { ready, prepare });
        await opened.page.waitForSelector(`.map-frame[data-places="${names.length}"]`);
        await opened.page.waitForTimeout(1_500);
        pictures.push(await darkPixels(opened.page, ".map-frame"));
        await close(opened);
      }
      if (!webgl) await own.close();
      await watch.kill();
      assert.ok(pictures[1] > pictures[0] + 100, `${pictures}`);
    });
  }

  it("is a style of the user's, from its own host", () =>
    visit(style(), async (page, { complaints }) => {
      await page.waitForTimeout(1_000);
      assert.ok((await strongPixels(page, ".map-frame")) > 0.5 * (await sizeOf(page)));
      assert.equal(await page.locator(".map-base").isVisible(), false);
      await page.getByText("Tiles by Example").waitFor();
      assert.ok(asked.includes("/style.json"));
      assert.ok(asked.some((path) => path.endsWith(".png")), `${asked}`);
      // That the page asks there is what was wanted.
      assert.deepEqual(complaints.filter((complaint) => complaint !== `request to ${host()}`), []);
      await page.getByRole("button", { name: "Switch to the dark theme" }).click();
      await page.locator(".tab", { hasText: "Today" }).click();
      await page.locator(".tab", { hasText: "Map" }).click();
      assert.ok((await strongPixels(page, ".map-frame")) > 0.5 * (await sizeOf(page)));
    }));

  it("is a style in the workspace", () => {
    watch.write("ground.json", JSON.stringify(styleOf(host())));
    return visit('style = "ground.json"', async (page, { complaints }) => {
      await page.waitForTimeout(1_000);
      assert.ok((await strongPixels(page, ".map-frame")) > 0.5 * (await sizeOf(page)));
      // The hosts that it names may be asked.
      assert.ok(asked.length > 0 && asked.every((path) => path.endsWith(".png")), `${asked}`);
      assert.deepEqual(complaints.filter((complaint) => complaint !== `request to ${host()}`), []);
    });
  });

  it("asks the hosts of its tiles also where the browser has known the page before", async () => {
    watch.configure("map", "");
    const before = await watch.serve();
    const opened = await open(browser, `${before}/?tab=map&lang=en`, { ready: ".map-frame[data-drawing=gl]" });
    await watch.kill();
    // What is fetched by the map's worker, which the browser keeps.
    const json = { version: 8, sources: { land: { type: "geojson", data: `${host()}/land.geojson` } }, layers: [{ id: "land", type: "circle", source: "land" }] };
    watch.write("land.json", JSON.stringify(json));
    watch.configure("map", 'style = "land.json"');
    asked = [];
    const after = await watch.serve();
    assert.equal(after, before);
    await opened.page.goto(`${after}/?tab=map&lang=en`);
    await opened.page.waitForSelector(".map-frame[data-drawing=gl]");
    await opened.page.waitForTimeout(1_000);
    assert.deepEqual(asked, ["/land.geojson"]);
    await close(opened);
    await watch.kill();
  });

  const inline = { type: "geojson", data: { type: "FeatureCollection", features: [] } };
  const raster = (tiles, layer) => [{ inline, far: { type: "raster", tiles: [`${tiles}/{z}/{x}/{y}.png`], tileSize: 256 } }, { type: "raster", ...layer }];
  const vector = (tiles) => [{ far: { type: "vector", tiles: [`${tiles}/{z}/{x}/{y}.pbf`] } }, { type: "fill", "source-layer": "land" }];
  const listed = (where, layer) => [{ far: { type: "vector", url: `${where}.json` } }, { type: "fill", "source-layer": "land", ...layer }];
  for (const [why, there, parts] of [
    ["are away", false, () => raster("http://127.0.0.1:9")],
    ["are not there", false, () => raster(`${host()}/none`)],
    ["are not there and of shapes", false, () => vector(`${host()}/none`)],
    ["are there", true, () => raster(host())],
    ["are there and of shapes", true, () => vector(host())],
    ["are not wanted yet", true, () => raster(`${host()}/none`, { minzoom: 12 })],
    ["are said by what is away", false, () => listed("http://127.0.0.1:9/tiles")],
    ["are said by what fails late", false, () => listed(`${host()}/late`)],
    ["are said by what is away, and not wanted yet", true, () => listed("http://127.0.0.1:9/tiles", { minzoom: 12 })],
  ]) {
    it(`says ${there ? "nothing" : "so"} where its tiles ${why}`, () => {
      const [sources, layer] = parts();
      watch.write("ground.json", JSON.stringify({ version: 8, sources, layers: [{ id: "far", source: "far", ...layer }] }));
      return visit('style = "ground.json"', async (page) => {
        const message = page.getByText("The tiles of the map could not be loaded");
        if (!there) return message.waitFor();
        await page.waitForTimeout(1_500);
        assert.equal(await message.count(), 0);
        if (layer.minzoom === undefined) return undefined;
        for (let step = 0; step < 3; step += 1) {
          await page.getByRole("button", { name: "Zoom in" }).click();
          await page.waitForTimeout(400);
        }
        return message.waitFor();
      });
    });
  }

  it("says nothing of tiles where it has none and its sprite is away", () => {
    const style = { version: 8, sprite: "http://127.0.0.1:9/sprite", sources: {}, layers: [{ id: "ground", type: "background" }] };
    watch.write("ground.json", JSON.stringify(style));
    return visit('style = "ground.json"', async (page) => {
      await page.waitForTimeout(1_500);
      assert.equal(await page.locator(".map-frame").getByText("could not be loaded").count(), 0);
    });
  });

  it("is the land that the page has where it calls its parts as the page does", () => {
    watch.write("ground.json", JSON.stringify({ version: 8, sources: { "vigie: tracks": inline }, layers: [] }));
    return visit('style = "ground.json"', async (page) => {
      await page.getByText("The style of the map could not be loaded").waitFor();
      assert.equal(await page.locator(".map-frame .maplibregl-map").count(), 1);
    });
  });

  for (const late of [false, true]) {
    it(`may call its parts as it likes, where the day comes ${late ? "after" : "before"} it`, () => {
      const layers = ["mine", "land", "places", " tracks"].map((id) => ({ id, type: "background", paint: { "background-color": "#dddddd" } }));
      watch.write("ground.json", JSON.stringify({ version: 8, sources: { mine: inline, land: inline, places: vector(host())[0].far }, layers }));
      const check = async (page, { complaints }) => {
        await page.waitForSelector(".map-frame[data-state=drawn]");
        await page.waitForTimeout(1_000);
        assert.equal(await page.locator(".map-base").isVisible(), false);
        assert.ok((await strongPixels(page, ".map-frame")) > 20);
        assert.deepEqual(complaints, []);
      };
      const prepare = (page) =>
        page.route(/\/api\/v1\/day(\?|$)/, async (route) => {
          if (late) await new Promise((done) => setTimeout(done, 6_000));
          await route.continue();
        });
      return visit('style = "ground.json"', check, prepare);
    });
  }

  for (const [why, settings] of [
    ["is away", () => style().replace("style.json", "none.json")],
    ["is no file", () => 'style = "none.json"'],
  ]) {
    it(`is the land that the page has, and says so, where the style ${why}`, () =>
      visit(settings(), async (page) => {
        await page.getByText("The style of the map could not be loaded").waitFor();
        assert.ok((await strongPixels(page, ".map-frame")) < 0.1 * (await sizeOf(page)));
        await page.waitForFunction(() => Number(document.querySelector(".map-frame").dataset.places) > 10);
      }));
  }
});
