// The events that are marked over compared lines: what the lines say of them, and a table where each leads to what the provider
// has said of it.

import { say } from "./compare-words.ts";
import { element, renew, setText } from "./dom.ts";
import { longMoment, milliseconds, quantity } from "./format.ts";
import { words } from "./i18n.ts";
import type { Marked } from "./lines-model.ts";
import { ask, tracedFigure } from "./provenance-button.ts";
import { table } from "./table.ts";
import type { EventsAnswer } from "./types.ts";

/** Of more the strongest are asked for. */
export const MARKS_MAX = 60;

interface Mark {
  key: string;
  name: string;
  at: number;
  figure: string;
}

export class Marks {
  readonly #title = element("summary");
  readonly #body = element("div", { class: "details-body" });
  readonly element = element("details", { class: "disclosure", hidden: "" }, this.#title, this.#body);
  #answer: EventsAnswer | null = null;
  #marks: Mark[] = [];

  /** The events as they were told; null where none are marked. */
  update(answer: EventsAnswer | null): void {
    this.#answer = answer;
    const measure = answer?.measures.find(({ headline }) => headline) ?? answer?.measures[0];
    this.#marks = (answer?.events ?? [])
      .map(({ observed_at, title, key, values }) => {
        const value = measure === undefined ? undefined : values[measure.id];
        const figure = value === undefined || measure === undefined ? "" : quantity(value, measure.unit, measure.decimals);
        return { key, name: title ?? key, at: milliseconds(observed_at), figure };
      })
      .sort((a, b) => a.at - b.at);
  }

  /** In the order of time. */
  overLines(): Marked[] {
    return this.#marks.map(({ at, name, figure }) => ({ at, text: figure === "" ? name : `${name} (${figure})` }));
  }

  /** That only some are marked; empty where all are. */
  cut(): string {
    const total = this.#answer?.total ?? this.#marks.length;
    return total > this.#marks.length ? say().most(this.#marks.length) : "";
  }

  write(): void {
    const source = this.#answer?.source ?? "";
    this.element.hidden = this.#marks.length === 0;
    if (this.#marks.length === 0) {
      this.#body.replaceChildren();
      return;
    }
    setText(this.#title, say().marks(this.#marks.length));
    const { event, time, value } = words().columns;
    const rows = this.#marks.map(({ key, name, at, figure }) => [
      name,
      longMoment(at),
      tracedFigure(figure === "" ? "–" : figure, name, () => ask(name, { source, key })),
    ]);
    renew(this.#body, table(this.#title.textContent ?? "", [event, time, value], rows));
  }
}
