// What moves, in words: how strong it became, how far it went and how fast.

import { element, keepChildren, setText } from "./dom.ts";
import { milliseconds, quantity, timeOfDay } from "./format.ts";
import { isOfEvents } from "./map-past.ts";
import { say } from "./map-words.ts";
import { fixed } from "./numbers.ts";
import { ask, nameProvenanceButton, provenanceButton } from "./provenance-button.ts";
import { dataColour, placeOf } from "./theme.ts";
import type { Period, SourceAnalysis, Track } from "./types.ts";

/** The rest is drawn, and told where it is pointed at. */
const SHOWN_MAX = 8;

export class TrackList {
  readonly element = element("section", { class: "tracks", "aria-labelledby": "tracks-title", hidden: "" });
  readonly #title = element("h3", { id: "tracks-title" });
  readonly #list = element("ul", { class: "track-list" });
  #shown: { source: SourceAnalysis; track: Track }[] = [];
  #period: Period | null = null;

  constructor() {
    this.element.append(this.#title, this.#list);
  }

  write(sources: SourceAnalysis[], period: Period): void {
    this.#period = period;
    this.#shown = sources.flatMap((source) => source.tracks.map((track) => ({ source, track }))).slice(0, SHOWN_MAX);
    this.element.hidden = this.#shown.length === 0;
    setText(this.#title, say().tracks);
    const items = keepChildren(this.#list, this.#shown.length, () => {
      const item = element("li", {}, element("i", { class: "swatch" }), element("span", {}, element("b", { dir: "auto" }), element("small")), provenanceButton(() => this.#ask(item)));
      return item;
    });
    for (const [index, { source, track }] of this.#shown.entries()) {
      const [swatch, what, button] = items[index]?.children ?? [];
      const [name, facts] = what?.children ?? [];
      if (!(swatch instanceof HTMLElement) || !(button instanceof HTMLButtonElement) || !name || !facts) continue;
      swatch.style.setProperty("--paint", `var(--${dataColour(placeOf(source.id))})`);
      setText(name, track.name);
      setText(facts, factsOf(source, track));
      nameProvenanceButton(button, track.name);
    }
  }

  /** All of its positions of the period. */
  #ask(item: Element): void {
    const shown = this.#shown[[...this.#list.children].indexOf(item)];
    if (shown === undefined || this.#period === null) return;
    const { source, track } = shown;
    const of = isOfEvents(source) ? { key: track.entity } : { entity: track.entity, from: this.#period.start, to: this.#period.end };
    ask(track.name, { source: source.id, ...of });
  }
}

function factsOf({ track_measure }: SourceAnalysis, { strongest, distance_km, speed_km_h }: Track): string {
  const parts: string[] = [];
  if (strongest && track_measure) {
    parts.push(say().strongest(quantity(strongest.value, track_measure.unit, track_measure.decimals), timeOfDay(milliseconds(strongest.at))));
  }
  if (distance_km !== null && distance_km !== undefined) parts.push(`${fixed(distance_km, 0)}\u00a0km`);
  if (speed_km_h !== null && speed_km_h !== undefined) parts.push(`${fixed(speed_km_h, 0)}\u00a0km/h`);
  return parts.join(" · ");
}
