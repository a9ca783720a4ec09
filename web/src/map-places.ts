// What the map has beside points: the names of places around, and the style that the settings may name.

import { getJson, query } from "./api.ts";
import { inLanguage } from "./i18n.ts";
import type { Box } from "./map.ts";
import type { MapSettings, NamedPlace, Places } from "./types.ts";

/** A name on the map. */
export interface PlaceName {
  name: string;
  lon: number;
  lat: number;
  population: number;
}

/** Names are asked for when the map has come to rest. */
const REST_MILLISECONDS = 250;

/** The address of the style that the settings name; null for the land that the page has. */
export async function mapStyle(): Promise<string | null> {
  const { style } = await getJson<MapSettings>("/api/v1/map", new AbortController().signal);
  return style ?? null;
}

/** The names of the largest places of what is seen. */
export class PlaceNames {
  readonly #told: () => void;
  #places: NamedPlace[] = [];
  #waiting = 0;
  #asked = "";
  #loading = new AbortController();

  /** `told` is called when there are others. */
  constructor(told: () => void) {
    this.#told = told;
  }

  /** In the present language, the largest place first. */
  names(): PlaceName[] {
    return this.#places.map(({ name, lon, lat, population }) => ({ name: inLanguage(name), lon, lat, population }));
  }

  /** The map shows another box now. */
  moved(box: () => Box): void {
    window.clearTimeout(this.#waiting);
    this.#waiting = window.setTimeout(() => void this.#load(box()), REST_MILLISECONDS);
  }

  async #load(box: Box): Promise<void> {
    // Rounded, so that small moves are answered from the browser's memory.
    const digits = box[2] - box[0] > 5 ? 0 : 2;
    const [west = "", south = "", east = "", north = ""] = box.map((degrees) => degrees.toFixed(digits));
    const address = `/api/v1/places${query({ west, south, east, north })}`;
    if (address === this.#asked || Number(south) >= Number(north)) return;
    this.#asked = address;
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    try {
      const { places } = await getJson<Places>(address, signal);
      this.#places = places;
      this.#told();
    } catch (error) {
      if (signal.aborted) return;
      this.#asked = "";
      console.warn("the names of places could not be loaded", error);
    }
  }
}
