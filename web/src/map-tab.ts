// The tab of the map.

import { DayMessage } from "./day-message.ts";
import type { Day, DayState } from "./day.ts";
import { element } from "./dom.ts";
import { MapView } from "./map.ts";
import { giveColours } from "./theme.ts";
import type { Page, View } from "./view.ts";

export class MapTab implements View {
  readonly element: HTMLElement;
  readonly #day: Day;
  readonly #map = new MapView();
  readonly #message: DayMessage;

  constructor({ day }: Page) {
    this.#day = day;
    this.#message = new DayMessage(day);
    this.element = element("div", { class: "board map-board" }, this.#message.element, this.#map.element);
    day.changed.add((state) => this.#show(state));
    day.sourceChanged.add((source) => this.#map.updateSource(source));
    this.#show(day.state);
  }

  refresh(): void {
    this.#map.refresh();
    this.#message.write(this.#day.state);
  }

  #show(state: DayState): void {
    this.#map.element.hidden = state.kind !== "ready" || state.analysis.sources.length === 0;
    this.#message.write(state);
    if (state.kind !== "ready") return;
    giveColours(state.analysis.sources);
    this.#map.update(state.analysis);
  }
}
