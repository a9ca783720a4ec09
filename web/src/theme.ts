// Light and dark, and the colours that canvases need by value.

import { Listeners } from "./dom.ts";
import { store, stored } from "./stored.ts";

export type Theme = "light" | "dark";

const STORED = "vigie.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** Told after the colours of the page have changed. */
export const themeChanged = new Listeners<Theme>();

function chosen(): Theme | null {
  const kept = stored(STORED);
  return kept === "light" || kept === "dark" ? kept : null;
}

export function theme(): Theme {
  return chosen() ?? (system.matches ? "dark" : "light");
}

function apply(): void {
  const choice = chosen();
  if (choice === null) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
}

/** Switches to the other theme; a choice equal to the system's is forgotten, so that it follows again. */
export function toggleTheme(): void {
  const next: Theme = theme() === "dark" ? "light" : "dark";
  const systems: Theme = system.matches ? "dark" : "light";
  store(STORED, next === systems ? null : next);
  apply();
  themeChanged.tell(next);
}

system.addEventListener("change", () => themeChanged.tell(theme()));

const probe = document.createElement("span");
probe.hidden = true;
document.documentElement.append(probe);
let colours = new Map<string, string>();
themeChanged.add(() => {
  colours = new Map();
});

/** What maps are written in. */
export const MAP_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** The value of a colour of the style sheet, as `rgb(…)`, in the present theme. */
export function colour(name: string): string {
  let found = colours.get(name);
  if (found === undefined) {
    probe.style.color = `var(--${name})`;
    found = getComputedStyle(probe).color;
    colours.set(name, found);
  }
  return found;
}

/** The same colour, see-through. */
export function faded(rgb: string, alpha: number): string {
  return rgb.replace(/^rgba?\(([^)]+)\)$/, (_, parts: string) => {
    const [red, green, blue] = parts.split(/[ ,/]+/);
    return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
  });
}

/** How many colours the palette of data has: `--data-0` … in the style sheet. */
const PALETTE = 8;

/** Each source keeps its colour, by its place in the palette, as long as the page is open. */
const places = new Map<string, number>();

/** Gives sources that have none yet a colour: first those on the map, where two must not look the same. */
export function giveColours(sources: { id: string; map: unknown[] }[]): void {
  for (const onMap of [true, false]) {
    for (const { id, map } of sources) {
      if (!places.has(id) && map.length > 0 === onMap) places.set(id, places.size);
    }
  }
}

/** The place of a source's colour in the palette. */
export function placeOf(id: string): number {
  return places.get(id) ?? 0;
}

/** The name of the n-th colour of data. */
export function dataColour(index: number): string {
  return `data-${index % PALETTE}`;
}
