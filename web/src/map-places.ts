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

/** The style that the settings name: its address, and the digest of the policy that lets the page ask for its parts. */
export interface MapStyle {
  address: string;
  policy: string;
}

/** The style that the settings name; null for the land that the page has. */
export async function mapStyle(): Promise<MapStyle | null> {
  const { style, policy } = await getJson<MapSettings>("/api/v1/map", new AbortController().signal);
  return style ? { address: style, policy } : null;
}

/** An address of the names of a box, rounded outwards to a tenth of its size, so that small moves are answered from the browser's memory. */
function placesAddress([west, south, east, north]: Box): string {
  const digits = Math.max(0, 1 - Math.floor(Math.log10(Math.min(east - west, north - south))));
  const size = 10 ** digits;
  const out = (degrees: number, round: (value: number) => number): string => (round(degrees * size) / size).toFixed(digits);
  const edges = { west: out(west, Math.floor), south: out(south, Math.floor), east: out(east, Math.ceil), north: out(north, Math.ceil) };
  return `/api/v1/places${query(edges)}`;
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
    const [west, south, east, north] = box;
    // A map that is not laid out shows nothing.
    if (!(west < east && south < north)) return;
    const address = placesAddress(box);
    if (address === this.#asked) return;
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
