// The colours of stations by their values: one measure of one source at a time, with a legend that says what they mean.

import { element, setAttribute, setText } from "./dom.ts";
import { quantity } from "./format.ts";
import { inLanguage } from "./i18n.ts";
import { say } from "./map-words.ts";
import { nameProvenanceButton, provenanceButton } from "./provenance-button.ts";
import { colour } from "./theme.ts";
import type { MapPoint, Measure } from "./types.ts";

/** What colours the points of a source. */
export interface Colouring {
  source: string;
  measure: Measure;
}

/** What the address says where stations keep the colour of their source. */
export const BY_SOURCE = "none";

/** The stops of the scale, `--scale-0` … in the style sheet: from little to much, each darker (on dark ground: lighter) than the one
 *  before, so that it is read without telling hues apart. */
const STOPS = 5;
/** From so many points on, the outermost fiftieths do not stretch the scale. */
const MANY = 50;
const OUTER_SHARE = 0.02;

/** The values between which the scale lies. */
export interface Extent {
  low: number;
  high: number;
  /** Whether some values lie beyond. */
  below: boolean;
  above: boolean;
}

export function extentOf(points: MapPoint[]): Extent | null {
  const values = points.flatMap(({ value }) => (value === null || value === undefined ? [] : [value])).sort((a, b) => a - b);
  const [least, greatest] = [values[0], values.at(-1)];
  if (least === undefined || greatest === undefined) return null;
  const outer = values.length >= MANY ? Math.floor(values.length * OUTER_SHARE) : 0;
  const [low, high] = [values[outer] ?? least, values.at(-1 - outer) ?? greatest];
  return low === high ? { low: least, high: greatest, below: false, above: false } : { low, high, below: least < low, above: greatest > high };
}

/** Where on the scale each point is, from 0 to 1; null without a value. */
export function sharesOf(points: MapPoint[]): (number | null)[] {
  const extent = extentOf(points);
  return points.map(({ value }) => {
    if (value === null || value === undefined || extent === null) return null;
    const { low, high } = extent;
    return low === high ? 0.5 : Math.min(1, Math.max(0, (value - low) / (high - low)));
  });
}

/** The colours of the stops in the present theme. */
export function scaleStops(): string[] {
  return Array.from({ length: STOPS }, (_, index) => colour(`scale-${index}`));
}

function parts(rgb: string): number[] {
  return (rgb.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
}

/** The colour at a share of the scale. */
export function scaleColour(stops: string[], share: number): string {
  const place = share * (stops.length - 1);
  const index = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [parts(stops[index] ?? ""), parts(stops[index + 1] ?? "")];
  return `rgb(${from.map((each, at) => Math.round(each + ((to[at] ?? each) - each) * (place - index))).join(", ")})`;
}

/** A source on the map with measures that can colour it. */
export interface Colourable {
  source: string;
  title: string;
  measures: Measure[];
}

/** A direction has no more and less, and of ranks the first is no least. */
export function canColour({ kind }: Measure): boolean {
  return kind === "gauge" || kind === "counter";
}

export class ScaleControl {
  readonly element: HTMLElement;
  readonly #label = element("span", { class: "field-label" });
  readonly #select = element("select");
  readonly #low = element("span");
  readonly #high = element("span");
  readonly #legend = element("p", { class: "scale-legend", role: "img" }, this.#low, element("i", { class: "scale-ramp" }), this.#high);
  readonly #trace: HTMLButtonElement;
  #written = "";

  /** `chosen` is told a source and a measure as `source/measure`, or `BY_SOURCE`; `traced` that the ends of the scale were asked about. */
  constructor(chosen: (id: string) => void, traced: () => void) {
    this.#trace = provenanceButton(traced);
    this.#select.addEventListener("change", () => chosen(this.#select.value));
    this.element = element("div", { class: "map-scale" }, element("label", {}, this.#label, this.#select), element("div", { class: "scale-row" }, this.#legend, this.#trace));
  }

  write(colourable: Colourable[], colouring: Colouring | null, points: MapPoint[]): void {
    this.element.hidden = colourable.length === 0;
    setText(this.#label, say().colour);
    this.#writeOptions(colourable, colouring);
    const extent = colouring === null ? null : extentOf(points);
    this.#legend.hidden = extent === null;
    this.#trace.hidden = extent === null;
    if (colouring === null || extent === null) return;
    const { unit, decimals, title } = colouring.measure;
    const figure = (value: number): string => quantity(value, unit, decimals);
    setText(this.#low, `${extent.below ? "≤\u00a0" : ""}${figure(extent.low)}`);
    setText(this.#high, `${extent.above ? "≥\u00a0" : ""}${figure(extent.high)}`);
    const said = say().scale(inLanguage(title), figure(extent.low), figure(extent.high));
    setAttribute(this.#legend, "aria-label", said);
    nameProvenanceButton(this.#trace, said);
  }

  #writeOptions(colourable: Colourable[], colouring: Colouring | null): void {
    const chosen = colouring === null ? BY_SOURCE : `${colouring.source}/${colouring.measure.id}`;
    const groups = colourable.map(({ source, title, measures }) => {
      const options = measures.map((measure) => element("option", { value: `${source}/${measure.id}` }, inLanguage(measure.title)));
      return element("optgroup", { label: title }, ...options);
    });
    const none = element("option", { value: BY_SOURCE }, say().bySource);
    // A list that is open would close if it were written again.
    const written = [none, ...groups].map((node) => node.outerHTML).join("");
    if (written !== this.#written) this.#select.replaceChildren(none, ...groups);
    this.#written = written;
    this.#select.value = chosen;
  }
}
