// The map section: every source's points, a legend that shows and hides them, and what a point says.

import type { Basemap } from "./basemap.ts";
import { element, icon, keepChildren, setAttribute, setText } from "./dom.ts";
import { milliseconds, moment, quantity } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { dataColour, placeOf } from "./theme.ts";
import type { Analysis, MapPoint, Measure, SourceAnalysis } from "./types.ts";

/** The points of a source, ready to be drawn. */
export interface MapLayer {
  id: string;
  /** The name of the colour in the style sheet. */
  colour: string;
  points: MapPoint[];
  /** The radius of each point, in pixels. */
  radii: number[];
}

/** A point under the pointer, with the place of the pointer in the map. */
export interface MapHit {
  layer: string;
  /** The point's; of a cluster of n points −n. */
  index: number;
  x: number;
  y: number;
}

/** West, south, east, north. */
export type Box = [number, number, number, number];

/** What draws the map: with WebGL, or plainly. */
export interface MapDrawing {
  setBasemap(basemap: Basemap): void;
  setLayer(layer: MapLayer): void;
  show(layer: string, visible: boolean): void;
  fit(box: Box, animate: boolean): void;
  zoom(steps: number): void;
  recolour(): void;
  setLabel(label: string): void;
}

export interface MapListener {
  hovered(hit: MapHit | null): void;
  clicked(hit: MapHit | null): void;
}

const PLUS = "M12 5v14M5 12h14";
const MINUS = "M5 12h14";

export class MapView {
  readonly element: HTMLElement;
  readonly #heading = element("h2", { id: "map-title" });
  readonly #frame = element("div", { class: "map-frame" });
  readonly #canvas = element("div", { class: "map-canvas" });
  readonly #message = element("p", { class: "map-message" });
  readonly #base = element("p", { class: "map-base" });
  readonly #tip = element("div", { class: "map-tip", hidden: "" }, element("b"), element("span"), element("small"));
  readonly #legend = element("ul", { class: "map-legend" });
  readonly #zoomIn = element("button", { type: "button", class: "icon-button" }, icon(PLUS));
  readonly #zoomOut = element("button", { type: "button", class: "icon-button" }, icon(MINUS));
  readonly #fitZone = element("button", { type: "button", class: "small-button" });
  readonly #fitAll = element("button", { type: "button", class: "small-button" });
  readonly #hidden = new Set<string>();
  #analysis: Analysis | null = null;
  #drawing: MapDrawing | null = null;
  #state: "waiting" | "loading" | "drawn" | "plain" | "failed" = "waiting";
  #pinned: MapHit | null = null;

  constructor() {
    const controls = element("div", { class: "map-controls" }, this.#zoomIn, this.#zoomOut, this.#fitZone, this.#fitAll);
    this.#frame.append(this.#canvas, this.#message, controls, this.#base, this.#tip);
    this.element = element(
      "section",
      { class: "map", "aria-labelledby": "map-title" },
      element("header", { class: "map-head" }, this.#heading, this.#legend),
      this.#frame,
    );
    this.#zoomIn.addEventListener("click", () => this.#drawing?.zoom(1));
    this.#zoomOut.addEventListener("click", () => this.#drawing?.zoom(-1));
    this.#fitZone.addEventListener("click", () => this.#fit("zone"));
    this.#fitAll.addEventListener("click", () => this.#fit("all"));
    // The drawing code is a chunk of its own, fetched when the map comes near the screen.
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        void this.#load();
      },
      { rootMargin: "300px" },
    );
    observer.observe(this.#frame);
    this.refresh();
  }

  update(analysis: Analysis): void {
    const first = this.#analysis === null;
    this.#analysis = analysis;
    for (const source of analysis.sources) this.updateSource(source);
    if (first) this.#fit("zone", false);
  }

  updateSource(source: SourceAnalysis): void {
    this.#drawing?.setLayer(layerOf(source));
    // The points have moved under a pinned tip: what it says may no longer be so.
    if (this.#pinned?.layer === source.id) this.#pin(null);
    this.#write();
  }

  /** Writes everything again in the present language and colours. */
  refresh(): void {
    this.#write();
    this.#drawing?.recolour();
    this.#drawing?.setLabel(words().mapLabel);
    this.#pin(null);
  }

  #sources(): SourceAnalysis[] {
    return this.#analysis?.sources.filter((source) => source.map.length > 0) ?? [];
  }

  async #load(): Promise<void> {
    this.#state = "loading";
    this.#write();
    const listener: MapListener = {
      hovered: (hit) => {
        if (this.#pinned === null) this.#say(hit);
      },
      clicked: (hit) => this.#pin(hit),
    };
    try {
      const { loadDrawing } = await import("./map-load.ts");
      const { drawing, plain } = await loadDrawing(this.#canvas, listener, this.#box("zone"));
      this.#drawing = drawing;
      this.#state = plain ? "plain" : "drawn";
      drawing.setLabel(words().mapLabel);
      for (const source of this.#analysis?.sources ?? []) {
        drawing.setLayer(layerOf(source));
        drawing.show(source.id, !this.#hidden.has(source.id));
      }
    } catch (error) {
      console.error("the map could not be loaded", error);
      this.#state = "failed";
    }
    this.#write();
  }

  #box(what: "zone" | "all"): Box {
    const [west = -180, south = -60, east = 180, north = 75] = this.#analysis?.zone.bbox ?? [];
    const zone: Box = [west, south, east < west ? east + 360 : east, north];
    const points = this.#sources()
      .filter((source) => !this.#hidden.has(source.id))
      .flatMap((source) => source.map);
    if (what === "zone" || points.length === 0) return zone;
    return points.reduce<Box>(
      ([w, s, e, n], { lon, lat }) => [Math.min(w, lon), Math.min(s, lat), Math.max(e, lon), Math.max(n, lat)],
      [180, 90, -180, -90],
    );
  }

  #fit(what: "zone" | "all", animate = true): void {
    this.#drawing?.fit(this.#box(what), animate && !matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  #pin(hit: MapHit | null): void {
    this.#pinned = hit;
    this.#say(hit);
  }

  #say(hit: MapHit | null): void {
    const source = hit === null ? undefined : this.#analysis?.sources.find(({ id }) => id === hit.layer);
    const point = hit === null || hit.index < 0 ? undefined : source?.map[hit.index];
    const cluster = hit !== null && hit.index < 0;
    this.#tip.hidden = point === undefined && !cluster;
    if (hit === null || source === undefined || this.#tip.hidden) return;
    const [label, value, origin] = this.#tip.children;
    if (!label || !value || !origin) return;
    setText(label, point === undefined ? words().mapPoints(-hit.index) : point.label);
    setText(value, point === undefined ? words().mapCluster : valueText(point, source.leading_measure ?? null));
    setText(origin, [...(point === undefined ? [] : [moment(milliseconds(point.at))]), inLanguage(source.title)].join(" · "));
    this.#tip.style.setProperty("--paint", `var(--${dataColour(placeOf(source.id))})`);
    const { clientWidth: width, clientHeight: height } = this.#frame;
    const { offsetWidth: wide, offsetHeight: high } = this.#tip;
    const left = Math.min(Math.max(8, hit.x - wide / 2), width - wide - 8);
    const top = hit.y - high - 14 < 8 ? Math.min(hit.y + 14, height - high - 8) : hit.y - high - 14;
    this.#tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  #write(): void {
    const { mapLoading, mapFailed, mapPlain, mapEmpty } = words();
    setText(this.#heading, words().map);
    setText(this.#base, words().mapBase);
    for (const [button, title] of [
      [this.#zoomIn, words().zoomIn],
      [this.#zoomOut, words().zoomOut],
      [this.#fitZone, words().fitZoneTitle],
      [this.#fitAll, words().fitAllTitle],
    ] as const) {
      setAttribute(button, "aria-label", title);
      setAttribute(button, "title", title);
    }
    setText(this.#fitZone, words().fitZone);
    setText(this.#fitAll, words().fitAll);
    setAttribute(this.#legend, "aria-label", words().mapLegend);
    const sources = this.#sources();
    const message = {
      waiting: mapLoading,
      loading: mapLoading,
      failed: mapFailed,
      plain: mapPlain,
      drawn: this.#analysis !== null && sources.length === 0 ? mapEmpty : "",
    }[this.#state];
    setText(this.#message, message);
    this.#message.hidden = message === "";
    setAttribute(this.#frame, "data-state", this.#state);
    this.#writeLegend(sources);
  }

  #writeLegend(sources: SourceAnalysis[]): void {
    const items = keepChildren(this.#legend, sources.length, () => {
      const button = element("button", { type: "button", class: "chip" }, element("i", { class: "swatch" }), element("span"), element("b"));
      button.addEventListener("click", () => this.#toggle(button.dataset.source ?? ""));
      return element("li", {}, button);
    });
    for (const [index, source] of sources.entries()) {
      const button = items[index]?.firstElementChild;
      if (!(button instanceof HTMLButtonElement)) continue;
      const [, name, count] = button.children;
      button.dataset.source = source.id;
      button.style.setProperty("--paint", `var(--${dataColour(placeOf(source.id))})`);
      setAttribute(button, "aria-pressed", String(!this.#hidden.has(source.id)));
      if (name) setText(name, inLanguage(source.title));
      if (count) setText(count, words().mapPoints(source.map.length));
    }
  }

  #toggle(id: string): void {
    if (!this.#hidden.delete(id)) this.#hidden.add(id);
    this.#drawing?.show(id, !this.#hidden.has(id));
    if (this.#pinned?.layer === id) this.#pin(null);
    this.#write();
  }
}

function valueText(point: MapPoint, measure: Measure | null): string {
  if (point.value === null || point.value === undefined) return words().noValue;
  if (measure === null) return String(point.value);
  return `${inLanguage(measure.title)} ${quantity(point.value, measure.unit, measure.decimals)}`;
}

/** Events are as large as their values, and so are stations whose values add up; stations are small where there are many. */
function layerOf(source: SourceAnalysis): MapLayer {
  const { map, leading_measure } = source;
  const station = map.length > 400 ? 2.6 : map.length > 60 ? 3.6 : 6;
  const greatest = map.reduce((most, { value }) => Math.max(most, Math.abs(value ?? 0)), Number.MIN_VALUE);
  const share = (value: number | null | undefined): number => Math.max(0, value ?? 0) / greatest;
  const radius = (value: number | null | undefined): number => {
    if (leading_measure?.kind === "event") return 3 + 11 * share(value) ** 2;
    // The area, not the radius, is what the eye compares.
    return leading_measure?.across === "sum" ? station * (0.6 + 0.9 * Math.sqrt(share(value))) : station;
  };
  return { id: source.id, colour: dataColour(placeOf(source.id)), points: map, radii: map.map(({ value }) => radius(value)) };
}
