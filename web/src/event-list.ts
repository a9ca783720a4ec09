// The events of the day as a list, with what was revised since.

import { element, keepChildren, setAttribute, setText } from "./dom.ts";
import { integer, milliseconds, quantity, timeOfDay } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import type { Told } from "./map-past.ts";
import { say } from "./map-words.ts";
import { ask, nameProvenanceButton, provenanceButton, tracedFigure, writeTraced } from "./provenance-button.ts";
import { dataColour, placeOf } from "./theme.ts";

const SHOWN_MAX = 100;

export class EventList {
  readonly element: HTMLElement;
  readonly #title = element("h2", { id: "events-title" });
  readonly #list = element("ul", { class: "event-list", tabindex: "0", "aria-labelledby": "events-title" });
  readonly #note = element("p", { class: "quiet", role: "status" });

  #latest: Told[] = [];

  constructor() {
    this.element = element("section", { class: "panel events-panel" }, this.#title, this.#list, this.#note);
  }

  /** Shows events under a title, the latest first, of so many in all. `problem` says what could not be read. */
  write(title: string, told: Told[], total: number, none: string, problem: string): void {
    setText(this.#title, title);
    const latest = told.toSorted((a, b) => b.event.observed_at.localeCompare(a.event.observed_at)).slice(0, SHOWN_MAX);
    this.#list.hidden = latest.length === 0;
    const cut = total > latest.length && latest.length > 0 ? say().cut(integer(latest.length), integer(total)) : "";
    setText(this.#note, [problem, latest.length > 0 ? cut : problem === "" ? none : ""].filter((text) => text !== "").join(" "));
    this.#note.hidden = this.#note.textContent === "";
    this.#latest = latest;
    const items = keepChildren(this.#list, latest.length, () => {
      const item = element(
        "li",
        {},
        element("i", { class: "swatch" }),
        element("time"),
        element("span", { class: "event-what" }, element("span", { dir: "auto" }), element("small")),
        element("b", {}, tracedFigure("", "", () => this.#ask(item)), provenanceButton(() => this.#ask(item))),
      );
      return item;
    });
    for (const [index, { source, measure, event }] of latest.entries()) {
      const [swatch, time, what, figure] = items[index]?.children ?? [];
      if (!(swatch instanceof HTMLElement) || !time || !what || !figure) continue;
      swatch.style.setProperty("--paint", `var(--${dataColour(placeOf(source.id))})`);
      setAttribute(swatch, "title", inLanguage(source.title));
      setAttribute(time, "datetime", event.observed_at);
      setText(time, timeOfDay(milliseconds(event.observed_at)));
      const [name, note] = what.children;
      if (name) setText(name, event.title ?? event.key);
      const value = measure === null ? undefined : event.values[measure.id];
      if (note) {
        const versions = event.versions > 1 ? words().revisions(event.versions) : "";
        setText(note, [inLanguage(source.title), versions, event.revised ? say().revised : ""].filter((text) => text !== "").join(" · "));
        setAttribute(note, "title", event.revised ? say().revisedTitle : null);
      }
      const known = value !== undefined && measure !== null;
      const [traced, trace] = figure.children;
      if (!(traced instanceof HTMLButtonElement) || !(trace instanceof HTMLButtonElement)) continue;
      // An event without a value comes from somewhere, too.
      traced.hidden = !known;
      trace.hidden = known;
      if (known) writeTraced(traced, quantity(value, measure.unit, measure.decimals), event.title ?? event.key);
      else nameProvenanceButton(trace, event.title ?? event.key);
    }
  }

  #ask(item: Element): void {
    const told = this.#latest[[...this.#list.children].indexOf(item)];
    if (told !== undefined) ask(told.event.title ?? told.event.key, { source: told.source.id, key: told.event.key });
  }
}
