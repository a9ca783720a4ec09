// The map section: every source's points, a legend that shows and hides them, and what a point says.

import { loadBasemap, type Basemap } from "./basemap.ts";
import { element, icon, keepChildren, leisure, setAttribute, setText } from "./dom.ts";
import { integer, milliseconds, moment, quantity } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { isOfEvents, leftOut } from "./map-past.ts";
import { mapStyle, PlaceNames, type MapStyle, type PlaceName } from "./map-places.ts";
import { PlainDrawing } from "./map-plain.ts";
import { sharesOf, type Colouring } from "./map-scale.ts";
import { TRACKS, tracksOf, type TrackPosition, type Tracks } from "./map-tracks.ts";
import { say } from "./map-words.ts";
import { ask, nameProvenanceButton, provenanceButton } from "./provenance-button.ts";
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
  /** Where on the scale of colours each point is; null where all have that of their source. */
  shares: (number | null)[] | null;
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
  setTracks(tracks: Tracks): void;
  /** The names of places, the largest first. */
  setPlaces(places: PlaceName[]): void;
  show(layer: string, visible: boolean): void;
  fit(box: Box, animate: boolean): void;
  zoom(steps: number): void;
  recolour(): void;
  setLabel(label: string): void;
  /** What is seen. */
  box(): Box;
  /** Ends once all that was given is on the screen. */
  settled(): Promise<void>;
  remove(): void;
}

export interface MapListener {
  hovered(hit: MapHit | null): void;
  clicked(hit: MapHit | null): void;
  /** Another part of the world is seen. */
  moved(): void;
  /** Whether there are tiles, or all that were asked for so far could not be had. */
  tiles(there: boolean): void;
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
  readonly #tip = element("div", { class: "map-tip", hidden: "" }, element("b", { dir: "auto" }), element("span"), element("small"));
  readonly #legend = element("ul", { class: "map-legend" });
  readonly #zoomIn = element("button", { type: "button", class: "icon-button" }, icon(PLUS));
  readonly #zoomOut = element("button", { type: "button", class: "icon-button" }, icon(MINUS));
  readonly #fitZone = element("button", { type: "button", class: "small-button" });
  readonly #fitAll = element("button", { type: "button", class: "small-button" });
  readonly #hidden = new Set<string>();
  readonly #trace = provenanceButton(() => this.#ask());
  readonly #basemap = loadBasemap("coarse");
  #analysis: Analysis | null = null;
  #colouring: Colouring | null = null;
  #until = 0;
  #more = new Map<string, number>();
  #tracks: Tracks = { lines: [], positions: [] };
  #drawing: MapDrawing | null = null;
  #state: "loading" | "drawn" | "plain" | "failed" = "loading";
  #pinned: MapHit | null = null;
  readonly #places = new PlaceNames(() => this.#writePlaces());
  /** Whether the drawing has the style that the settings name, or that could not be loaded. */
  #style: "none" | "drawn" | "failed" = "none";
  #hasTiles = true;
  readonly #listener: MapListener = {
    hovered: (hit) => {
      if (this.#pinned === null) this.#say(hit);
    },
    clicked: (hit) => this.#pin(hit),
    moved: () => {
      const { drawing } = { drawing: this.#drawing };
      if (drawing !== null && this.#style !== "drawn") this.#places.moved(() => drawing.box());
    },
    tiles: (there) => {
      this.#hasTiles = there;
      this.#write();
    },
  };

  constructor() {
    const controls = element("div", { class: "map-controls" }, this.#zoomIn, this.#zoomOut, this.#fitZone, this.#fitAll);
    this.#tip.append(this.#trace);
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
    void this.#load();
    this.refresh();
  }

  /** `until` is the time shown: tracks end there. `more` says of sources whose points were read how many there are beside. */
  update(analysis: Analysis, colouring: Colouring | null, until: number, more: Map<string, number> = new Map()): void {
    const first = this.#analysis === null;
    this.#more = more;
    this.#analysis = analysis;
    this.#colouring = colouring;
    this.#until = until;
    this.#setTracks();
    for (const source of analysis.sources) this.#setSource(source);
    this.#write();
    if (first) this.#fit("zone", false);
  }

  updateSource(source: SourceAnalysis, until: number): void {
    if (this.#analysis === null) return;
    const sources = this.#analysis.sources.map((known) => (known.id === source.id ? source : known));
    this.#analysis = { ...this.#analysis, sources };
    this.#until = until;
    if (source.tracks.length > 0) this.#setTracks();
    this.#setSource(source);
    this.#write();
  }

  #setSource(source: SourceAnalysis): void {
    this.#drawing?.setLayer(this.#layerOf(source));
    // The points have moved under a pinned tip: what it says may no longer be so.
    if (this.#pinned?.layer === source.id) this.#pin(null);
  }

  #setTracks(): void {
    const { analysis } = { analysis: this.#analysis };
    if (analysis === null) return;
    const shown = analysis.sources.filter(({ id }) => !this.#hidden.has(id));
    this.#tracks = tracksOf(shown, milliseconds(analysis.period.start), this.#until);
    this.#drawing?.setTracks(this.#tracks);
    if (this.#pinned?.layer === TRACKS) this.#pin(null);
  }

  /** Writes everything again in the present language and colours. */
  refresh(): void {
    this.#write();
    this.#drawing?.recolour();
    this.#drawing?.setLabel(words().mapLabel);
    this.#writePlaces();
    this.#pin(null);
  }

  #writePlaces(): void {
    const names = this.#places.names();
    this.#drawing?.setPlaces(names);
    setAttribute(this.#frame, "data-places", String(names.length));
  }

  #sources(): SourceAnalysis[] {
    return this.#analysis?.sources.filter(({ map, tracks }) => map.length > 0 || tracks.length > 0) ?? [];
  }

  /** Draws plainly at once, and with WebGL, where there is one, as soon as it is awake. */
  async #load(): Promise<void> {
    const listener = this.#listener;
    try {
      const basemap = await this.#basemap;
      const place = element("div", { class: "map-drawing" });
      this.#canvas.append(place);
      this.#draw(new PlainDrawing(place, basemap, listener, this.#box("zone")), "plain");
    } catch (error) {
      console.error("the map could not be loaded", error);
      this.#state = "failed";
      this.#write();
      return;
    }
    this.#state = (await this.#wake()) ? "drawn" : "plain";
    this.#write();
    await this.#refine();
  }

  #fill(drawing: MapDrawing): void {
    drawing.setPlaces(this.#places.names());
    drawing.setTracks(this.#tracks);
    for (const source of this.#analysis?.sources ?? []) {
      drawing.setLayer(this.#layerOf(source));
      drawing.show(source.id, !this.#hidden.has(source.id));
    }
  }

  #draw(drawing: MapDrawing, by: "plain" | "gl"): void {
    this.#drawing = drawing;
    this.#state = "drawn";
    drawing.setLabel(words().mapLabel);
    this.#fill(drawing);
    this.#listener.moved();
    setAttribute(this.#frame, "data-drawing", by);
    this.#write();
  }

  /** Puts the drawing with WebGL in the place of the plain one, once it shows the same; says whether there is WebGL. */
  async #wake(): Promise<boolean> {
    const plain = this.#drawing;
    const style = mapStyle();
    // Whoever waits for it hears of the failure.
    style.catch(() => {});
    // Waking the graphics takes all of the browser's time.
    await leisure();
    if (plain === null || document.createElement("canvas").getContext("webgl2") === null) return false;
    const place = element("div", { class: "map-drawing" });
    let drawing: MapDrawing | null = null;
    try {
      const { GlDrawing } = await import("./map-gl.ts");
      this.#canvas.prepend(place);
      const basemap = await this.#basemap;
      /** Shows what the plain drawing does, or leaves nothing behind. */
      const make = async (style: MapStyle | null): ReturnType<typeof GlDrawing.create> => {
        const drawing = await GlDrawing.create(place, basemap, style, this.#listener, this.#box("zone"));
        try {
          this.#fill(drawing);
          await drawing.settled();
          drawing.jump(plain.box());
          return drawing;
        } catch (error) {
          drawing.remove();
          throw error;
        }
      };
      const styled = await this.#styled(style, make);
      drawing = styled ?? (await make(null));
      if (styled !== null) this.#style = "drawn";
      this.#draw(drawing, "gl");
      const focused = this.#canvas.contains(document.activeElement);
      plain.remove();
      if (focused) this.#canvas.querySelector("canvas")?.focus();
      return true;
    } catch (error) {
      console.warn("the map stays plain, as WebGL failed", error);
      if (this.#style === "drawn") this.#style = "none";
      drawing?.remove();
      place.remove();
      this.#draw(plain, "plain");
      return false;
    }
  }

  /** The drawing with the style that the settings name, if they do and it can be had. */
  async #styled<Drawing>(style: Promise<MapStyle | null>, make: (style: MapStyle) => Promise<Drawing>): Promise<Drawing | null> {
    try {
      const known = await style;
      return known === null ? null : await make(known);
    } catch (error) {
      console.warn("the style of the map could not be loaded", error);
      this.#style = "failed";
      return null;
    }
  }

  /** The details of the coasts, when there is time. */
  async #refine(): Promise<void> {
    if (this.#style === "drawn") return;
    try {
      this.#drawing?.setBasemap(await loadBasemap("fine"));
    } catch (error) {
      console.warn("the coasts stay coarse", error);
    }
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

  /** What a hit is of. */
  #found(hit: MapHit | null): { source?: SourceAnalysis | undefined; point?: MapPoint | undefined; position?: TrackPosition | undefined } {
    if (hit?.layer === TRACKS) {
      const position = this.#tracks.positions[hit.index];
      if (position === undefined) return {};
      const { source, track, point } = position;
      return { source, position, point: { key: track.entity, label: track.name, value: point.value ?? null, at: point.at, lon: point.lon, lat: point.lat } };
    }
    const source = hit === null ? undefined : this.#analysis?.sources.find(({ id }) => id === hit.layer);
    return { source, point: hit === null || hit.index < 0 ? undefined : source?.map[hit.index] };
  }

  #ask(): void {
    const { source, point } = this.#found(this.#pinned);
    if (source === undefined || point === undefined) return;
    const of = isOfEvents(source) ? { key: point.key } : { entity: point.key, at: point.at };
    ask(point.label, { source: source.id, ...of });
  }

  /** What the value of a point of a source is of. */
  #measureOf(source: SourceAnalysis): Measure | null {
    return this.#colouring?.source === source.id ? this.#colouring.measure : (source.leading_measure ?? null);
  }

  #say(hit: MapHit | null): void {
    const { source, point, position } = this.#found(hit);
    const cluster = hit !== null && hit.index < 0;
    this.#tip.hidden = point === undefined && !cluster;
    if (hit === null || source === undefined || this.#tip.hidden) return;
    const [label, value, origin] = this.#tip.children;
    if (!label || !value || !origin) return;
    setText(label, point === undefined ? words().mapPoints(-hit.index) : point.label);
    setText(value, point === undefined ? words().mapCluster : valueText(point, position === undefined ? this.#measureOf(source) : (source.track_measure ?? null)));
    const strongest = position?.strongest === true ? [say().strongestHere] : [];
    setText(origin, [...(point === undefined ? [] : [moment(milliseconds(point.at))]), ...strongest, inLanguage(source.title)].join(" · "));
    this.#trace.hidden = this.#pinned === null || point === undefined;
    nameProvenanceButton(this.#trace, point?.label ?? "");
    setAttribute(this.#tip, "data-pinned", this.#trace.hidden ? null : "");
    this.#tip.style.setProperty("--paint", `var(--${dataColour(placeOf(source.id))})`);
    const { clientWidth: width, clientHeight: height } = this.#frame;
    const { offsetWidth: wide, offsetHeight: high } = this.#tip;
    const left = Math.min(Math.max(8, hit.x - wide / 2), width - wide - 8);
    const top = hit.y - high - 14 < 8 ? Math.min(hit.y + 14, height - high - 8) : hit.y - high - 14;
    this.#tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  /** Events are as large as their values, and so are stations whose values add up; stations are small where there are many. */
  #layerOf(source: SourceAnalysis): MapLayer {
    const { map } = source;
    const measure = this.#measureOf(source);
    const scaled = this.#colouring?.source === source.id;
    const station = map.length > 400 ? 2.6 : map.length > 60 ? 3.6 : 6;
    const greatest = map.reduce((most, { value }) => Math.max(most, Math.abs(value ?? 0)), Number.MIN_VALUE);
    const share = (value: number | null | undefined): number => Math.max(0, value ?? 0) / greatest;
    const radius = (value: number | null | undefined): number => {
      if (measure?.kind === "event") return 3 + 11 * share(value) ** 2;
      // The area, not the radius, is what the eye compares.
      return measure?.across === "sum" ? station * (0.6 + 0.9 * Math.sqrt(share(value))) : station;
    };
    return {
      id: source.id,
      colour: dataColour(placeOf(source.id)),
      points: map,
      radii: map.map(({ value }) => radius(value)),
      shares: scaled ? sharesOf(map) : null,
    };
  }

  #write(): void {
    const { mapLoading, mapFailed, mapPlain, mapEmpty, mapStyleFailed, mapTilesFailed } = words();
    setText(this.#heading, words().map);
    setText(this.#base, words().mapBase);
    this.#base.hidden = this.#style === "drawn";
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
      loading: mapLoading,
      failed: mapFailed,
      plain: mapPlain,
      drawn: this.#style === "failed" ? mapStyleFailed : this.#style === "drawn" && !this.#hasTiles ? mapTilesFailed : this.#analysis !== null && sources.length === 0 ? mapEmpty : "",
    }[this.#state];
    setText(this.#message, message);
    this.#message.hidden = message === "";
    // Without the day there is nothing on the map yet.
    setAttribute(this.#frame, "data-state", this.#analysis === null ? "loading" : this.#state);
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
      setAttribute(button, "data-scaled", this.#colouring?.source === source.id ? "" : null);
      setAttribute(button, "aria-pressed", String(!this.#hidden.has(source.id)));
      if (name) setText(name, inLanguage(source.title));
      const [shown, all] = [source.map.length, source.map.length + (this.#more.get(source.id) ?? leftOut(source))];
      if (count) setText(count, all > shown ? say().pointsOf(integer(shown), integer(all)) : words().mapPoints(shown));
    }
  }

  #toggle(id: string): void {
    if (!this.#hidden.delete(id)) this.#hidden.add(id);
    this.#drawing?.show(id, !this.#hidden.has(id));
    this.#setTracks();
    if (this.#pinned?.layer === id) this.#pin(null);
    this.#write();
  }
}

function valueText(point: MapPoint, measure: Measure | null): string {
  if (point.value === null || point.value === undefined) return words().noValue;
  if (measure === null) return String(point.value);
  return `${inLanguage(measure.title)} ${quantity(point.value, measure.unit, measure.decimals)}`;
}
