// The chunk that only a visible map needs: the basemap, and the drawing that the browser is capable of.

import { loadBasemap } from "./basemap.ts";
import type { Box, MapDrawing, MapListener } from "./map.ts";
import { PlainDrawing } from "./map-plain.ts";

const REFINE_MILLISECONDS = 800;

/** Draws with WebGL where there is one, plainly elsewhere; the details of the coasts follow when there is time. */
export async function loadDrawing(
  place: HTMLElement,
  listener: MapListener,
  box: Box,
): Promise<{ drawing: MapDrawing; plain: boolean }> {
  const loaded = await loadCoarse(place, listener, box);
  const refine = async (): Promise<void> => {
    try {
      loaded.drawing.setBasemap(await loadBasemap("fine"));
    } catch (error) {
      console.warn("the coasts stay coarse", error);
    }
  };
  setTimeout(() => void refine(), REFINE_MILLISECONDS);
  return loaded;
}

async function loadCoarse(
  place: HTMLElement,
  listener: MapListener,
  box: Box,
): Promise<{ drawing: MapDrawing; plain: boolean }> {
  // Asked for first: the files travel while the browser wakes its graphics.
  const loading = loadBasemap("coarse");
  const drawing = import("./map-gl.ts");
  const capable = document.createElement("canvas").getContext("webgl2") !== null;
  const basemap = await loading;
  if (capable) {
    try {
      const { GlDrawing } = await drawing;
      return { drawing: await GlDrawing.create(place, basemap, listener, box), plain: false };
    } catch (error) {
      console.warn("the map is drawn plainly, as WebGL failed", error);
      place.replaceChildren();
      place.className = "map-canvas";
    }
  }
  return { drawing: new PlainDrawing(place, basemap, listener, box), plain: true };
}
