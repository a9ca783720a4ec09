// The view of a day: a card per source, and the map.

import { BadAnswer } from "./api.ts";
import { Card } from "./card.ts";
import type { ServerClock } from "./clock.ts";
import type { Day, DayState } from "./day.ts";
import { DigestView } from "./digest.ts";
import { element, setAttribute, setText } from "./dom.ts";
import { words } from "./i18n.ts";
import { MapView } from "./map.ts";
import { giveColours } from "./theme.ts";
import type { Analysis, SourceAnalysis } from "./types.ts";

export class TodayView {
  readonly element: HTMLElement;
  readonly #day: Day;
  readonly #clock: ServerClock;
  readonly #heading = element("h2", { class: "visually-hidden" });
  readonly #digest = new DigestView();
  readonly #cards = element("div", { class: "cards" });
  readonly #message = element("div", { class: "message", role: "status" }, element("p"), element("p"));
  readonly #retry = element("button", { type: "button", class: "small-button" });
  readonly #map = new MapView();
  readonly #board: HTMLElement;
  #byId = new Map<string, Card>();

  constructor(day: Day, clock: ServerClock) {
    this.#day = day;
    this.#clock = clock;
    this.#message.append(this.#retry);
    this.#retry.addEventListener("click", () => void day.load());
    this.#board = element("div", { class: "board", hidden: "" }, element("section", { class: "sources" }, this.#digest.element, this.#heading, this.#cards), this.#map.element);
    this.element = element("main", { id: "main", tabindex: "-1" }, this.#message, this.#board);
    day.changed.add((state) => this.#show(state));
    day.sourceChanged.add((source) => this.#showSource(source));
    this.#show(day.state);
  }

  tick(now: number): void {
    for (const card of this.#byId.values()) card.tick(now);
  }

  /** Writes everything again in the present language and colours. */
  refresh(): void {
    this.#writeDigest();
    for (const card of this.#byId.values()) card.refresh();
    this.#map.refresh();
    this.#writeMessage(this.#day.state);
  }

  /** While another day is on its way, the cards still show the last one. */
  setBusy(busy: boolean): void {
    setAttribute(this.#board, "aria-busy", busy ? "true" : null);
  }

  #show(state: DayState): void {
    this.#board.hidden = state.kind !== "ready" || state.analysis.sources.length === 0;
    this.#writeMessage(state);
    if (state.kind === "ready") this.#showAnalysis(state.analysis);
  }

  #showAnalysis(analysis: Analysis): void {
    giveColours(analysis.sources);
    const ids = analysis.sources.map((source) => source.id);
    const same = ids.length === this.#byId.size && ids.every((id) => this.#byId.has(id));
    if (same) {
      for (const source of analysis.sources) this.#byId.get(source.id)?.update(source, analysis.period);
    } else {
      this.#byId = new Map(
        analysis.sources.map((source) => [source.id, new Card(source, analysis.period, this.#clock)]),
      );
      for (const card of this.#cards.querySelectorAll(".card")) card.remove();
      this.#cards.append(...[...this.#byId.values()].map((card) => card.element));
    }
    this.#layOut(analysis);
    this.#map.update(analysis);
    this.#digest.update(analysis);
    this.tick(this.#clock.now());
  }

  #writeDigest(): void {
    const { state } = this.#day;
    if (state.kind === "ready") this.#digest.update(state.analysis);
  }

  /** The map of a large zone is wide and leads the cards; that of a country or city stands beside the cards. */
  #layOut(analysis: Analysis): void {
    const { scale } = analysis.zone;
    const layout = scale === "earth" || scale === "continent" ? "wide" : "side";
    if (this.#board.dataset["layout"] === layout) return;
    this.#board.dataset["layout"] = layout;
    if (layout === "wide") this.#cards.prepend(this.#map.element);
    else this.#board.append(this.#map.element);
  }

  #showSource(source: SourceAnalysis): void {
    const { state } = this.#day;
    if (state.kind !== "ready") return;
    this.#byId.get(source.id)?.update(source, state.analysis.period);
    this.#writeDigest();
    this.#map.updateSource(source);
  }

  #writeMessage(state: DayState): void {
    const [title, detail] = this.#message.children;
    setText(this.#heading, words().sources);
    setText(this.#retry, words().retry);
    if (!title || !detail) return;
    this.#retry.hidden = state.kind !== "failed";
    this.#message.dataset["kind"] = state.kind;
    if (state.kind === "ready") {
      const none = state.analysis.sources.length === 0;
      this.#message.hidden = !none;
      setText(title, none ? words().noSources : "");
      setText(detail, "");
      return;
    }
    this.#message.hidden = false;
    setText(title, state.kind === "loading" ? words().loading : words().loadFailed);
    setText(detail, state.kind === "failed" ? explain(state.error) : "");
  }
}

function explain(error: unknown): string {
  return error instanceof BadAnswer ? words().badAnswer(error.status, error.reason) : words().noAnswer;
}
