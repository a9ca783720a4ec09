// The map drawn by MapLibre GL: no tiles, no glyphs, nothing from elsewhere.

import type { FeatureCollection, Point } from "geojson";
import {
  type GeoJSONSource,
  Map as GlMap,
  type MapMouseEvent,
  ScaleControl,
  setWorkerUrl,
  type StyleSpecification,
} from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerAddress from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { Basemap } from "./basemap.ts";
import type { Box, MapDrawing, MapHit, MapLayer, MapListener } from "./map.ts";
import { colour } from "./theme.ts";

const PADDING_PIXELS = 24;
const REACH_PIXELS = 5;

setWorkerUrl(workerAddress);

export class GlDrawing implements MapDrawing {
  readonly #map: GlMap;
  readonly #layers = new Map<string, { colour: string; visible: boolean }>();

  /** Ready when the basemap has been drawn; fails where WebGL does. */
  static async create(place: HTMLElement, basemap: Basemap, listener: MapListener, box: Box): Promise<GlDrawing> {
    const map = new GlMap({
      container: place,
      style: style(basemap),
      bounds: box,
      fitBoundsOptions: { padding: PADDING_PIXELS },
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      maxZoom: 17,
      renderWorldCopies: true,
    });
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.addControl(new ScaleControl({ unit: "metric" }), "bottom-right");
    await new Promise<void>((ready, fail) => {
      map.once("load", () => ready());
      map.once("error", ({ error }) => fail(error));
    });
    return new GlDrawing(map, listener);
  }

  private constructor(map: GlMap, listener: MapListener) {
    this.#map = map;
    map.on("mousemove", (event) => {
      const hit = this.#hit(event);
      map.getCanvas().style.cursor = hit === null ? "" : "pointer";
      listener.hovered(hit);
    });
    map.on("mouseout", () => listener.hovered(null));
    map.on("click", (event) => listener.clicked(this.#hit(event)));
    map.on("movestart", () => listener.clicked(null));
  }

  setBasemap({ land, borders }: Basemap): void {
    this.#map.getSource<GeoJSONSource>("land")?.setData(land);
    this.#map.getSource<GeoJSONSource>("borders")?.setData(borders);
  }

  setLayer(layer: MapLayer): void {
    const data = collection(layer);
    const source = this.#map.getSource<GeoJSONSource>(layer.id);
    if (source) {
      source.setData(data);
      return;
    }
    this.#layers.set(layer.id, { colour: layer.colour, visible: true });
    this.#map.addSource(layer.id, { type: "geojson", data });
    this.#map.addLayer({
      id: layer.id,
      type: "circle",
      source: layer.id,
      // The small ones stay visible on top of the large ones.
      layout: { "circle-sort-key": ["-", ["get", "radius"]] },
      paint: {
        "circle-radius": [
          "interpolate", ["linear"], ["zoom"],
          3, ["get", "radius"],
          14, ["*", 2, ["get", "radius"]],
        ],
        "circle-color": colour(layer.colour),
        "circle-opacity": 0.78,
        "circle-stroke-width": 0.8,
        "circle-stroke-color": colour("map-halo"),
      },
    });
  }

  show(layer: string, visible: boolean): void {
    const known = this.#layers.get(layer);
    if (known === undefined) return;
    known.visible = visible;
    this.#map.setLayoutProperty(layer, "visibility", visible ? "visible" : "none");
  }

  fit(box: Box, animate: boolean): void {
    this.#map.fitBounds(box, { padding: PADDING_PIXELS, animate, maxZoom: 13, duration: 600 });
  }

  zoom(steps: number): void {
    this.#map.zoomTo(this.#map.getZoom() + steps, { duration: 200 });
  }

  recolour(): void {
    this.#map.setPaintProperty("sea", "background-color", colour("map-sea"));
    this.#map.setPaintProperty("land", "fill-color", colour("map-land"));
    this.#map.setPaintProperty("coast", "line-color", colour("map-coast"));
    this.#map.setPaintProperty("borders", "line-color", colour("map-border"));
    for (const [id, layer] of this.#layers) {
      this.#map.setPaintProperty(id, "circle-color", colour(layer.colour));
      this.#map.setPaintProperty(id, "circle-stroke-color", colour("map-halo"));
    }
  }

  setLabel(label: string): void {
    this.#map.getCanvas().setAttribute("aria-label", label);
  }

  #hit({ point }: MapMouseEvent): MapHit | null {
    const { x, y } = point;
    const layers = [...this.#layers].filter(([, layer]) => layer.visible).map(([id]) => id);
    if (layers.length === 0) return null;
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
      best = { layer: found.layer.id, index: Number(found.properties["index"]), x, y };
    }
    return best;
  }
}

function collection(layer: MapLayer): FeatureCollection<Point> {
  return {
    type: "FeatureCollection",
    features: layer.points.map((point, index) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: [point.lon, point.lat] },
      properties: { index, radius: layer.radii[index] ?? 3 },
    })),
  };
}

function style({ land, borders }: Basemap): StyleSpecification {
  return {
    version: 8,
    sources: {
      land: { type: "geojson", data: land, maxzoom: 8 },
      borders: { type: "geojson", data: borders, maxzoom: 8 },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colour("map-sea") } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": colour("map-land") } },
      { id: "coast", type: "line", source: "land", paint: { "line-color": colour("map-coast"), "line-width": 0.7 } },
      { id: "borders", type: "line", source: "borders", paint: { "line-color": colour("map-border"), "line-width": 0.8 } },
    ],
  };
}
