// The map before WebGL is awake, and where there is none: the same points over the same land, in Mercator's projection on a
// plain canvas.

import type { Position } from "geojson";
import type { Basemap } from "./basemap.ts";
import type { Box, MapDrawing, MapHit, MapLayer, MapListener } from "./map.ts";
import { scaleColour, scaleStops } from "./map-scale.ts";
import type { PlaceName } from "./map-places.ts";
import { POSITION_PIXELS, STRONGEST_PIXELS, TRACKS, type Tracks } from "./map-tracks.ts";
import { colour, MAP_FONT } from "./theme.ts";

const PADDING_PIXELS = 24;
const REACH_PIXELS = 6;
const STEP_PIXELS = 60;
const NAME_PADDING_PIXELS = 5;
const NAME_HEIGHT_PIXELS = 18;

/** Mercator's projection of the world onto a square of side 1. */
function project(lon: number, lat: number): [number, number] {
  const clipped = Math.min(85, Math.max(-85, lat));
  const y = Math.log(Math.tan(Math.PI / 4 + (clipped * Math.PI) / 360));
  return [(lon + 180) / 360, 0.5 - y / (2 * Math.PI)];
}

/** The other way. */
function unproject(x: number, y: number): [number, number] {
  const lat = (360 / Math.PI) * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - 90;
  return [x * 360 - 180, lat];
}

function trace(path: Path2D, line: Position[], close: boolean): void {
  for (const [index, [lon = 0, lat = 0]] of line.entries()) {
    const [x, y] = project(lon, lat);
    if (index === 0) path.moveTo(x, y);
    else path.lineTo(x, y);
  }
  if (close) path.closePath();
}

export class PlainDrawing implements MapDrawing {
  readonly #canvas = document.createElement("canvas");
  readonly #frame: HTMLElement;
  readonly #listener: MapListener;
  readonly #resized: ResizeObserver;
  #land = new Path2D();
  #borders = new Path2D();
  #tracks: Tracks = { lines: [], positions: [] };
  #places: PlaceName[] = [];
  readonly #layers = new Map<string, MapLayer & { visible: boolean }>();
  /** Pixels per width of the world, and where the world's upper left corner lies on the canvas. */
  #view = { scale: 512, left: 0, top: 0 };
  #box: Box;
  #moved = false;
  #asked = 0;

  constructor(place: HTMLElement, basemap: Basemap, listener: MapListener, box: Box) {
    this.#box = box;
    this.#frame = place;
    this.#listener = listener;
    this.setBasemap(basemap);
    this.#canvas.className = "plain-map";
    this.#canvas.tabIndex = 0;
    this.#canvas.setAttribute("role", "region");
    place.append(this.#canvas);
    this.fit(box);
    this.#resized = new ResizeObserver(() => {
      if (this.#moved) this.#redraw();
      else this.fit(this.#box);
    });
    this.#resized.observe(place);
    this.#listen(listener);
  }

  setBasemap({ land, borders }: Basemap): void {
    this.#land = new Path2D();
    this.#borders = new Path2D();
    for (const ring of land.coordinates.flat()) trace(this.#land, ring, true);
    for (const line of borders.coordinates) trace(this.#borders, line, false);
    this.#draw();
  }

  setLayer(layer: MapLayer): void {
    this.#layers.set(layer.id, { ...layer, visible: this.#layers.get(layer.id)?.visible ?? true });
    this.#draw();
  }

  setTracks(tracks: Tracks): void {
    this.#tracks = tracks;
    this.#draw();
  }

  setPlaces(places: PlaceName[]): void {
    this.#places = places;
    this.#draw();
  }

  show(layer: string, visible: boolean): void {
    const known = this.#layers.get(layer);
    if (known) known.visible = visible;
    this.#draw();
  }

  fit(box: Box): void {
    this.#box = box;
    this.#moved = false;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const [left, bottom] = project(box[0], box[1]);
    const [right, top] = project(box[2], box[3]);
    const scale = Math.min(
      (width - 2 * PADDING_PIXELS) / Math.max(right - left, 1e-4),
      (height - 2 * PADDING_PIXELS) / Math.max(bottom - top, 1e-4),
    );
    this.#view = {
      scale,
      left: width / 2 - ((left + right) / 2) * scale,
      top: height / 2 - ((top + bottom) / 2) * scale,
    };
    this.#redraw();
  }

  zoom(steps: number): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    this.#zoomAt(2 ** steps, width / 2, height / 2);
  }

  recolour(): void {
    this.#draw();
  }

  setLabel(label: string): void {
    this.#canvas.setAttribute("aria-label", label);
  }

  box(): Box {
    const { scale, left, top } = this.#view;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const [west, north] = unproject(-left / scale, -top / scale);
    const [east, south] = unproject((width - left) / scale, (height - top) / scale);
    return [west, south, east, north];
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }

  remove(): void {
    this.#resized.disconnect();
    cancelAnimationFrame(this.#asked);
    this.#frame.remove();
  }

  #zoomAt(factor: number, x: number, y: number): void {
    const { scale, left, top } = this.#view;
    const next = Math.min(Math.max(scale * factor, 128), 4_000_000);
    const real = next / scale;
    this.#view = { scale: next, left: x - (x - left) * real, top: y - (y - top) * real };
    this.#moved = true;
    this.#redraw();
  }

  #move(dx: number, dy: number): void {
    this.#view = { ...this.#view, left: this.#view.left + dx, top: this.#view.top + dy };
    this.#moved = true;
    this.#redraw();
  }

  #listen(listener: MapListener): void {
    const canvas = this.#canvas;
    let dragged = 0;
    canvas.addEventListener("pointerdown", (event) => {
      dragged = 0;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons > 0) {
        dragged += Math.abs(event.movementX) + Math.abs(event.movementY);
        this.#move(event.movementX, event.movementY);
        return;
      }
      const hit = this.#hit(event.offsetX, event.offsetY);
      canvas.style.cursor = hit === null ? "" : "pointer";
      listener.hovered(hit);
    });
    canvas.addEventListener("pointerleave", () => listener.hovered(null));
    canvas.addEventListener("click", (event) =>
      listener.clicked(dragged > 4 ? null : this.#hit(event.offsetX, event.offsetY)),
    );
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.#zoomAt(2 ** (-event.deltaY / 300), event.offsetX, event.offsetY);
      },
      { passive: false },
    );
    const keys: Record<string, () => void> = {
      ArrowLeft: () => this.#move(STEP_PIXELS, 0),
      ArrowRight: () => this.#move(-STEP_PIXELS, 0),
      ArrowUp: () => this.#move(0, STEP_PIXELS),
      ArrowDown: () => this.#move(0, -STEP_PIXELS),
      "+": () => this.zoom(1),
      "=": () => this.zoom(1),
      "-": () => this.zoom(-1),
    };
    canvas.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
  }

  /** Where a point lies on the canvas; of the copies of the world, the one that is seen. */
  #place(lon: number, lat: number): [number, number] {
    const { scale, left, top } = this.#view;
    const [x, y] = project(lon, lat);
    const px = left + x * scale;
    const shifted = px < 0 ? px + scale : px > this.#canvas.clientWidth ? px - scale : px;
    return [shifted, top + y * scale];
  }

  #hit(x: number, y: number): MapHit | null {
    let best: MapHit | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const layer of this.#layers.values()) {
      if (!layer.visible) continue;
      for (const [index, point] of layer.points.entries()) {
        const [px, py] = this.#place(point.lon, point.lat);
        const distance = Math.hypot(px - x, py - y);
        if (distance >= least || distance > (layer.radii[index] ?? 0) + REACH_PIXELS) continue;
        least = distance;
        best = { layer: layer.id, index, x, y };
      }
    }
    for (const [index, { lon, point }] of this.#tracks.positions.entries()) {
      const [px, py] = this.#place(lon, point.lat);
      const distance = Math.hypot(px - x, py - y);
      if (distance >= least || distance > REACH_PIXELS) continue;
      least = distance;
      best = { layer: TRACKS, index, x, y };
    }
    return best;
  }

  #drawTracks(context: CanvasRenderingContext2D): void {
    const { scale, left, top } = this.#view;
    context.lineWidth = 2;
    context.lineJoin = "round";
    for (const { colour: name, before, way } of this.#tracks.lines) {
      context.strokeStyle = colour(name);
      context.globalAlpha = before ? 0.4 : 0.9;
      for (const copy of [-1, 0, 1]) {
        context.beginPath();
        for (const [lon, lat] of way) {
          const [x, y] = project(lon, lat);
          context.lineTo(left + (x + copy) * scale, top + y * scale);
        }
        context.stroke();
      }
    }
    context.strokeStyle = colour("map-halo");
    context.lineWidth = 1;
    for (const { colour: name, before, lon, point, strongest } of this.#tracks.positions) {
      const [x, y] = this.#place(lon, point.lat);
      context.globalAlpha = before ? 0.5 : 1;
      context.fillStyle = colour(strongest ? "ink" : name);
      context.beginPath();
      context.arc(x, y, strongest ? STRONGEST_PIXELS : POSITION_PIXELS, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  /** The names of places, the largest first; those that would cover another are left out. */
  #drawPlaces(context: CanvasRenderingContext2D, width: number, height: number): void {
    context.font = `500 11px ${MAP_FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 2.5;
    context.lineJoin = "round";
    context.strokeStyle = colour("map-halo");
    context.fillStyle = colour("ink-2");
    const taken: { left: number; right: number; y: number }[] = [];
    for (const { name, lon, lat } of this.#places) {
      const [x, y] = this.#place(lon, lat);
      if (x < 0 || x > width || y < 0 || y > height) continue;
      const half = context.measureText(name).width / 2 + NAME_PADDING_PIXELS;
      const [left, right] = [x - half, x + half];
      if (taken.some((one) => left < one.right && right > one.left && Math.abs(y - one.y) < NAME_HEIGHT_PIXELS)) continue;
      taken.push({ left, right, y });
      context.strokeText(name, x, y);
      context.fillText(name, x, y);
    }
  }

  /** Draws what is seen now, which is another part of the world. */
  #redraw(): void {
    this.#draw();
    this.#listener.moved();
  }

  /** Draws at the next frame, however often it is asked. */
  #draw(): void {
    cancelAnimationFrame(this.#asked);
    this.#asked = requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow(): void {
    const canvas = this.#canvas;
    // Drawn by the processor: graphics that are not awake yet, or are not there, only make it slower.
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const { clientWidth: width, clientHeight: height } = canvas;
    if (context === null || width === 0 || height === 0) return;
    const ratio = devicePixelRatio;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colour("map-sea");
    context.fillRect(0, 0, width, height);
    const { scale, left, top } = this.#view;
    for (const copy of [-1, 0, 1]) {
      context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * (left + copy * scale), ratio * top);
      context.fillStyle = colour("map-land");
      context.fill(this.#land);
      context.lineWidth = 0.7 / scale;
      context.strokeStyle = colour("map-coast");
      context.stroke(this.#land);
      context.strokeStyle = colour("map-border");
      context.stroke(this.#borders);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#drawPlaces(context, width, height);
    this.#drawTracks(context);
    context.lineWidth = 0.8;
    const stops = scaleStops();
    for (const layer of this.#layers.values()) {
      if (!layer.visible) continue;
      const { shares } = layer;
      const flat = colour(layer.colour);
      context.strokeStyle = colour(shares === null ? "map-halo" : "ink-2");
      for (const [index, point] of layer.points.entries()) {
        const [x, y] = this.#place(point.lon, point.lat);
        if (x < -20 || x > width + 20 || y < -20 || y > height + 20) continue;
        const share = shares?.[index];
        context.fillStyle = shares === null ? flat : typeof share === "number" ? scaleColour(stops, share) : colour("map-halo");
        context.globalAlpha = shares === null ? 0.78 : 1;
        context.beginPath();
        context.arc(x, y, layer.radii[index] ?? 3, 0, 2 * Math.PI);
        context.fill();
        context.globalAlpha = 1;
        context.stroke();
      }
    }
  }
}
