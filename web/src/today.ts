// The view of a day: a card per source.

import { Card } from "./card.ts";
import type { ServerClock } from "./clock.ts";
import { DayMessage } from "./day-message.ts";
import type { Day, DayState } from "./day.ts";
import { DigestView } from "./digest.ts";
import { element, setText } from "./dom.ts";
import { words } from "./i18n.ts";
import { giveColours } from "./theme.ts";
import type { Analysis, Period, SourceAnalysis } from "./types.ts";
import type { View } from "./view.ts";

export class TodayView implements View {
  readonly element: HTMLElement;
  readonly #day: Day;
  readonly #clock: ServerClock;
  readonly #heading = element("h2", { class: "visually-hidden" });
  readonly #digest = new DigestView();
  readonly #cards = element("div", { class: "cards" });
  readonly #message: DayMessage;
  readonly #board: HTMLElement;
  readonly #made = new Map<string, Card>();
  #byId = new Map<string, Card>();

  constructor(day: Day, clock: ServerClock) {
    this.#day = day;
    this.#clock = clock;
    this.#message = new DayMessage(day);
    this.#board = element("div", { class: "board", hidden: "" }, element("section", { class: "sources" }, this.#digest.element, this.#heading, this.#cards));
    this.element = element("div", {}, this.#message.element, this.#board);
    day.changed.add((state) => this.#show(state));
    day.sourceChanged.add((source) => this.#showSource(source));
    setText(this.#heading, words().sources);
    this.#show(day.state);
  }

  tick(now: number): void {
    for (const card of this.#byId.values()) card.tick(now);
  }

  /** Writes everything again in the present language and colours. */
  refresh(): void {
    this.#writeDigest();
    for (const card of this.#byId.values()) card.refresh();
    setText(this.#heading, words().sources);
    this.#message.write(this.#day.state);
  }

  #show(state: DayState): void {
    this.#board.hidden = state.kind !== "ready" || state.analysis.sources.length === 0;
    this.#message.write(state);
    if (state.kind === "ready") this.#showAnalysis(state.analysis);
  }

  #showAnalysis(analysis: Analysis): void {
    giveColours(analysis.sources);
    const ids = analysis.sources.map((source) => source.id);
    const same = ids.length === this.#byId.size && ids.every((id) => this.#byId.has(id));
    if (same) {
      for (const source of analysis.sources) this.#byId.get(source.id)?.update(source, analysis.period);
    } else {
      this.#byId = new Map(analysis.sources.map((source) => [source.id, this.#cardOf(source, analysis.period)]));
      this.#cards.replaceChildren(...[...this.#byId.values()].map((card) => card.element));
    }
    this.#digest.update(analysis);
    this.tick(this.#clock.now());
  }

  /** A card is made once: what it listens to would hold it for as long as the page lives. */
  #cardOf(source: SourceAnalysis, period: Period): Card {
    const known = this.#made.get(source.id);
    known?.update(source, period);
    const card = known ?? new Card(source, period, this.#clock);
    this.#made.set(source.id, card);
    return card;
  }

  #writeDigest(): void {
    const { state } = this.#day;
    if (state.kind === "ready") this.#digest.update(state.analysis);
  }

  #showSource(source: SourceAnalysis): void {
    const { state } = this.#day;
    if (state.kind !== "ready") return;
    this.#byId.get(source.id)?.update(source, state.analysis.period);
    this.#writeDigest();
  }
}
