// The map drawn by MapLibre GL, on the land that the page has: no tiles, no glyphs, nothing from elsewhere; or on the style that the
// settings name.

import type { Feature, FeatureCollection, LineString, Point } from "geojson";
import {
  type ExpressionSpecification,
  type GeoJSONSource,
  Map as GlMap,
  type MapMouseEvent,
  ScaleControl,
  setWorkerUrl,
  type SourceSpecification,
  type StyleSpecification,
} from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerAddress from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { Basemap } from "./basemap.ts";
import type { Box, MapDrawing, MapHit, MapLayer, MapListener } from "./map.ts";
import { scaleStops } from "./map-scale.ts";
import type { MapStyle, PlaceName } from "./map-places.ts";
import { POSITION_PIXELS, STRONGEST_PIXELS, TRACKS, type Tracks } from "./map-tracks.ts";
import { colour, MAP_FONT } from "./theme.ts";

const PADDING_PIXELS = 24;
const REACH_PIXELS = 5;
/** So many points are gathered in clusters where they would cover each other. */
const CLUSTER_MIN = 2000;
const CLUSTER_PIXELS = 34;
const CLUSTER_ZOOM_MAX = 12;
/** How long a style may be on its way. */
const STYLE_MILLISECONDS_MAX = 10_000;
const SETTLED_MILLISECONDS_MAX = 3_000;
const NAMES_KEPT_MAX = 300;

/** A layer on the map. */
interface Painted {
  colour: string;
  visible: boolean;
  clustered: boolean;
  /** Whether its points are coloured by their values. */
  scaled: boolean;
}

export class GlDrawing implements MapDrawing {
  readonly #map: GlMap;
  readonly #styled: boolean;
  readonly #layers = new Map<string, Painted>();
  #tracks: Tracks = { lines: [], positions: [] };

  /** Ready when the basemap has been drawn, or the style is known; fails where WebGL or the style does, and leaves nothing behind. */
  static async create(place: HTMLElement, basemap: Basemap, styled: MapStyle | null, listener: MapListener, box: Box): Promise<GlDrawing> {
    // A worker asks by the policy that it came with, and the browser keeps it: by another address where the policy is another.
    setWorkerUrl(styled === null ? workerAddress : `${workerAddress}?${styled.policy}`);
    const map = new GlMap({
      container: place,
      style: styled?.address ?? style(basemap),
      bounds: box,
      fitBoundsOptions: { padding: PADDING_PIXELS },
      // Of a style the credits are in its sources.
      attributionControl: styled === null ? false : { compact: false },
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      maxZoom: 17,
      renderWorldCopies: true,
    });
    try {
      map.touchZoomRotate.disableRotation();
      map.keyboard.disableRotation();
      map.addControl(new ScaleControl({ unit: "metric" }), "bottom-right");
      await new Promise<void>((ready, fail) => {
        map.once(styled === null ? "load" : "style.load", () => ready());
        map.on("error", ({ error }) => fail(error));
        if (styled !== null) setTimeout(() => fail(new Error("no answer")), STYLE_MILLISECONDS_MAX);
      });
      return new GlDrawing(map, styled !== null, listener);
    } catch (error) {
      map.remove();
      throw error;
    }
  }

  private constructor(map: GlMap, styled: boolean, listener: MapListener) {
    this.#map = map;
    this.#styled = styled;
    addTracks(map);
    map.on("mousemove", (event) => {
      const hit = this.#hit(event);
      map.getCanvas().style.cursor = hit === null ? "" : "pointer";
      listener.hovered(hit);
    });
    map.on("mouseout", () => listener.hovered(null));
    map.on("click", (event) => {
      const hit = this.#hit(event);
      if (hit !== null && hit.index < 0) this.#enter(hit);
      else listener.clicked(hit);
    });
    map.setMissingStyleImageResolver((id) => {
      const image = imageOf(id);
      if (image !== null) map.addImage(id, image, { pixelRatio: 2 });
    });
    map.on("movestart", () => listener.clicked(null));
    map.on("moveend", () => listener.moved());
    if (styled) hearOfTiles(map, listener);
    map.on("error", ({ error }) => console.warn("a part of the map could not be loaded", error));
  }

  setBasemap({ land, borders }: Basemap): void {
    // A style may have sources of these names.
    if (this.#styled) return;
    this.#map.getSource<GeoJSONSource>("land")?.setData(land);
    this.#map.getSource<GeoJSONSource>("borders")?.setData(borders);
  }

  setPlaces(places: PlaceName[]): void {
    // A style has names of its own.
    if (this.#styled) return;
    this.#forget(new Set(places.map(({ name }) => PLACE + name)));
    this.#map.getSource<GeoJSONSource>(PLACES)?.setData({
      type: "FeatureCollection",
      features: places.map(({ lon, lat, name, population }) => ({
        type: "Feature",
        geometry: { type: "Point", coordinates: [lon, lat] },
        properties: { name, population },
      })),
    });
  }

  setLayer(layer: MapLayer): void {
    const data = collection(layer);
    const clustered = layer.points.length > CLUSTER_MIN;
    const scaled = layer.shares !== null;
    const known = this.#layers.get(layer.id);
    if (known !== undefined && known.clustered === clustered) {
      this.#map.getSource<GeoJSONSource>(ours(layer.id))?.setData(data);
      if (known.scaled !== scaled) this.#paint(layer.id, { ...known, scaled });
      return;
    }
    // Whether a source gathers its points is settled when it is made.
    if (known !== undefined) this.#remove(layer.id);
    const visible = known?.visible ?? true;
    this.#layers.set(layer.id, { colour: layer.colour, visible, clustered, scaled });
    const gathered = { cluster: true, clusterRadius: CLUSTER_PIXELS, clusterMaxZoom: CLUSTER_ZOOM_MAX };
    const id = ours(layer.id);
    this.#map.addSource(id, { type: "geojson", data, ...(clustered ? gathered : {}) });
    this.#map.addLayer({
      id,
      type: "circle",
      source: id,
      // The small ones stay visible on top of the large ones.
      layout: { "circle-sort-key": ["-", 0, ["coalesce", ["get", "radius"], 0]], visibility: visible ? "visible" : "none" },
      paint: {
        "circle-radius": [
          "interpolate", ["linear"], ["zoom"],
          3, ["case", ["has", "point_count"], clusterRadius(), ["get", "radius"]],
          14, ["case", ["has", "point_count"], clusterRadius(), ["*", 2, ["get", "radius"]]],
        ],
        "circle-stroke-width": 0.8,
      },
    });
    this.#paint(layer.id, { colour: layer.colour, visible, clustered, scaled });
    if (clustered) {
      this.#map.addLayer({
        id: countLayer(layer.id),
        type: "symbol",
        source: id,
        filter: ["has", "point_count"],
        layout: {
          "icon-image": ["concat", COUNT, ["to-string", ["get", "point_count_abbreviated"]]],
          "icon-allow-overlap": true,
          visibility: visible ? "visible" : "none",
        },
      });
    }
  }

  setTracks(tracks: Tracks): void {
    this.#tracks = tracks;
    this.#map.getSource<GeoJSONSource>(ours(TRACKS))?.setData(trackFeatures(tracks));
  }

  /** Names of where the reader was before are no longer kept once there are many: each is a picture. */
  #forget(wanted: Set<string>): void {
    const known = this.#map.listImages().filter((id) => id.startsWith(PLACE));
    if (known.length < NAMES_KEPT_MAX) return;
    for (const id of known) if (!wanted.has(id)) this.#map.removeImage(id);
  }

  #remove(id: string): void {
    if (this.#map.getLayer(countLayer(id))) this.#map.removeLayer(countLayer(id));
    this.#map.removeLayer(ours(id));
    this.#map.removeSource(ours(id));
  }

  /** Zooms into a cluster until it opens. */
  #enter(hit: MapHit): void {
    const [found] = this.#map.queryRenderedFeatures([hit.x, hit.y], { layers: [ours(hit.layer)] });
    if (found?.geometry.type !== "Point") return;
    const [lon = 0, lat = 0] = found.geometry.coordinates;
    const source = this.#map.getSource<GeoJSONSource>(ours(hit.layer));
    void source
      ?.getClusterExpansionZoom(Number(found.properties["cluster_id"]))
      .then((zoom) => this.#map.easeTo({ center: [lon, lat], zoom: zoom + 0.2, duration: 400 }))
      .catch((error: unknown) => console.warn("the cluster does not open", error));
  }

  show(layer: string, visible: boolean): void {
    const known = this.#layers.get(layer);
    if (known === undefined) return;
    known.visible = visible;
    for (const id of known.clustered ? [ours(layer), countLayer(layer)] : [ours(layer)]) {
      this.#map.setLayoutProperty(id, "visibility", visible ? "visible" : "none");
    }
  }

  fit(box: Box, animate: boolean): void {
    this.#map.fitBounds(box, { padding: PADDING_PIXELS, animate, maxZoom: 13, duration: 600 });
  }

  zoom(steps: number): void {
    this.#map.zoomTo(this.#map.getZoom() + steps, { duration: 200 });
  }

  recolour(): void {
    if (!this.#styled) {
      this.#map.setPaintProperty("sea", "background-color", colour("map-sea"));
      this.#map.setPaintProperty("land", "fill-color", colour("map-land"));
      this.#map.setPaintProperty("coast", "line-color", colour("map-coast"));
      this.#map.setPaintProperty("borders", "line-color", colour("map-border"));
    }
    this.#map.setPaintProperty(ours(TRACKS), "circle-stroke-color", colour("map-halo"));
    this.setTracks(this.#tracks);
    for (const id of this.#map.listImages()) {
      const image = imageOf(id);
      if (image !== null) this.#map.updateImage(id, image);
    }
    for (const [id, layer] of this.#layers) this.#paint(id, layer);
  }

  #paint(id: string, layer: Painted): void {
    this.#layers.set(id, layer);
    this.#map.setPaintProperty(ours(id), "circle-color", layer.scaled ? scaled(layer) : colour(layer.colour));
    this.#map.setPaintProperty(ours(id), "circle-opacity", layer.scaled ? 1 : 0.78);
    this.#map.setPaintProperty(ours(id), "circle-stroke-color", colour(layer.scaled ? "ink-2" : "map-halo"));
  }

  box(): Box {
    const bounds = this.#map.getBounds();
    return [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  }

  /** Shows exactly what lies in a box. */
  jump(box: Box): void {
    this.#map.fitBounds(box, { padding: 0, animate: false });
  }

  async settled(): Promise<void> {
    await new Promise<void>((done) => {
      this.#map.once("idle", () => done());
      // Tiles may be long on their way.
      if (this.#styled) setTimeout(done, SETTLED_MILLISECONDS_MAX);
    });
  }

  remove(): void {
    this.#map.remove();
  }

  setLabel(label: string): void {
    this.#map.getCanvas().setAttribute("aria-label", label);
  }

  #hit({ point }: MapMouseEvent): MapHit | null {
    const { x, y } = point;
    const visible = [...this.#layers].filter(([, layer]) => layer.visible).map(([id]) => id);
    const layers = [...visible, TRACKS].map(ours);
    const around: [[number, number], [number, number]] = [
      [x - REACH_PIXELS, y - REACH_PIXELS],
      [x + REACH_PIXELS, y + REACH_PIXELS],
    ];
    // Of several, the one whose centre is nearest.
    let best: MapHit | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const found of this.#map.queryRenderedFeatures(around, { layers })) {
      if (found.geometry.type !== "Point") continue;
      const [lon = 0, lat = 0] = found.geometry.coordinates;
      const centre = this.#map.project([lon, lat]);
      const distance = Math.hypot(centre.x - x, centre.y - y);
      if (distance >= least) continue;
      least = distance;
      const count = found.properties["point_count"] as number | undefined;
      best = { layer: found.layer.id.slice(OURS.length), index: count === undefined ? Number(found.properties["index"]) : -count, x, y };
    }
    return best;
  }
}

/** What the sources, layers and pictures of ours begin with, so that none is called like one of a style; those of no source go on with a space. */
const OURS = "vigie:";
/** The pictures of texts. */
const COUNT = `${OURS}count `;
const PLACE = `${OURS}place `;
/** The source and the layer of the names of places: there are none on a style. */
const PLACES = "places";

function ours(id: string): string {
  return OURS + id;
}

function countLayer(id: string): string {
  return ours(`${id} counts`);
}

/** Points by their place on the scale; clusters, which have none, in the colour of their source. */
function scaled(layer: Painted): ExpressionSpecification {
  const stops = scaleStops();
  const steps = stops.flatMap((stop, index) => [index / (stops.length - 1), stop]);
  return [
    "case",
    ["has", "point_count"], colour(layer.colour),
    ["has", "share"], ["interpolate", ["linear"], ["get", "share"], ...steps] as ExpressionSpecification,
    colour("map-halo"),
  ];
}

/** A cluster is the larger the more points it gathers. */
function clusterRadius(): ExpressionSpecification {
  return ["interpolate", ["linear"], ["get", "point_count"], 2, 9, 50, 13, 500, 18, 5000, 24];
}

/** Texts are pictures, by their names: the map has no font of its own. */
function imageOf(id: string): ImageData | null {
  if (id.startsWith(COUNT)) return textImage(id.slice(COUNT.length), "600", "ink");
  return id.startsWith(PLACE) ? textImage(id.slice(PLACE.length), "500", "ink-2") : null;
}

function textImage(text: string, weight: string, ink: string): ImageData {
  const canvas = document.createElement("canvas");
  const font = `${weight} 22px ${MAP_FONT}`;
  const measured = canvas.getContext("2d");
  if (measured === null) return new ImageData(1, 1);
  measured.font = font;
  canvas.width = Math.ceil(measured.measureText(text).width) + 12;
  canvas.height = 32;
  // A canvas of another size has forgotten everything.
  const context = canvas.getContext("2d") ?? measured;
  context.font = font;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 5;
  context.lineJoin = "round";
  context.strokeStyle = colour("map-halo");
  context.fillStyle = colour(ink);
  context.strokeText(text, canvas.width / 2, 16);
  context.fillText(text, canvas.width / 2, 16);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function collection(layer: MapLayer): FeatureCollection<Point> {
  return {
    type: "FeatureCollection",
    features: layer.points.map((point, index) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: [point.lon, point.lat] },
      properties: { index, radius: layer.radii[index] ?? 3, ...shareOf(layer, index) },
    })),
  };
}

/** Ways and positions; the strongest stands out by size and ink. */
function trackFeatures({ lines, positions }: Tracks): FeatureCollection<LineString | Point> {
  return {
    type: "FeatureCollection",
    features: [
      ...lines.map(({ colour: name, before, way }): Feature<LineString> => ({
        type: "Feature",
        geometry: { type: "LineString", coordinates: way },
        properties: { colour: colour(name), before },
      })),
      ...positions.map(({ colour: name, before, strongest, lon, point }, index): Feature<Point> => ({
        type: "Feature",
        geometry: { type: "Point", coordinates: [lon, point.lat] },
        properties: { index, colour: colour(strongest ? "ink" : name), before, radius: strongest ? STRONGEST_PIXELS : POSITION_PIXELS },
      })),
    ],
  };
}

function shareOf({ shares }: MapLayer, index: number): { share?: number } {
  const share = shares?.[index];
  return typeof share === "number" ? { share } : {};
}

function style({ land, borders }: Basemap): StyleSpecification {
  return {
    version: 8,
    sources: {
      land: { type: "geojson", data: land, maxzoom: 8 },
      borders: { type: "geojson", data: borders, maxzoom: 8 },
      [PLACES]: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colour("map-sea") } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": colour("map-land") } },
      { id: "coast", type: "line", source: "land", paint: { "line-color": colour("map-coast"), "line-width": 0.7 } },
      { id: "borders", type: "line", source: "borders", paint: { "line-color": colour("map-border"), "line-width": 0.8 } },
      {
        id: PLACES,
        type: "symbol",
        source: PLACES,
        layout: {
          "icon-image": ["concat", PLACE, ["get", "name"]],
          "icon-padding": 5,
          "symbol-sort-key": ["-", 0, ["get", "population"]],
        },
      },
    ],
  };
}

/** Says whether what a style has at other addresses comes at all, once it is asked for: one tile that comes is enough. */
function hearOfTiles(map: GlMap, { tiles }: MapListener): void {
  const far = (source: SourceSpecification): boolean => source.type !== "geojson" || typeof source.data === "string";
  const wanted = new Map(Object.entries(map.getStyle().sources).filter(([, source]) => far(source)));
  let asked = false;
  let seen = false;
  map.on("sourcedataloading", ({ sourceId, tile }) => {
    asked ||= tile !== undefined && wanted.has(sourceId);
  });
  map.on("sourcedata", ({ sourceId, tile }) => {
    if (seen || tile === undefined || !wanted.has(sourceId)) return;
    // A vector tile that is not there is an empty one.
    if (wanted.get(sourceId)?.type !== "vector" || tile.latestRawTileData !== undefined) tiles((seen = true));
  });
  // What says where tiles are is asked for also where nothing of it is drawn.
  const unlisted = new Set<string>();
  map.on("error", (event) => {
    const { sourceId = "", tile } = event as { sourceId?: string; tile?: unknown };
    if (!wanted.has(sourceId)) return;
    if (tile === undefined) unlisted.add(sourceId);
    else asked = true;
    // After an error without a tile there might be no other frame, at the end of which the map is idle.
    map.triggerRepaint();
  });
  // All that was asked for has come, or never will. Tiles that are not there (404) are no error.
  map.on("idle", () => {
    asked ||= [...unlisted].some((id) => isDrawn(map, id));
    if (asked && !seen) tiles(false);
  });
}

/** Whether a layer draws a source at the present zoom. */
function isDrawn(map: GlMap, source: string): boolean {
  const zoom = map.getZoom();
  return map.getStyle().layers.some((layer) => {
    const { minzoom = 0, maxzoom = 24, layout } = layer;
    return "source" in layer && layer.source === source && layout?.visibility !== "none" && zoom >= minzoom && zoom < maxzoom;
  });
}

function addTracks(map: GlMap): void {
  const source = ours(TRACKS);
  map.addSource(source, { type: "geojson", data: trackFeatures({ lines: [], positions: [] }) });
  map.addLayer({
    id: ours(" ways"),
    type: "line",
    source,
    filter: ["==", ["geometry-type"], "LineString"],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": ["get", "colour"], "line-width": 2, "line-opacity": ["case", ["get", "before"], 0.4, 0.9] },
  });
  map.addLayer({
    id: source,
    type: "circle",
    source,
    filter: ["==", ["geometry-type"], "Point"],
    layout: { "circle-sort-key": ["get", "radius"] },
    paint: {
      "circle-radius": ["get", "radius"],
      "circle-color": ["get", "colour"],
      "circle-opacity": ["case", ["get", "before"], 0.5, 1],
      "circle-stroke-width": 1,
      "circle-stroke-color": colour("map-halo"),
    },
  });
}
