// The tab of the map: the points of the day, now or at a time gone by, and the events as a list.

import "./explore.css";
import "./map-tab.css";
import { writeAddress } from "./address.ts";
import type { ServerClock } from "./clock.ts";
import { DayMessage, explain } from "./day-message.ts";
import type { Day, DayState } from "./day.ts";
import { element } from "./dom.ts";
import { EventList } from "./event-list.ts";
import { milliseconds, timeOfDay } from "./format.ts";
import { eventsUntil, isOfEvents, pointsOf, stationsAt, type Told } from "./map-past.ts";
import { say } from "./map-words.ts";
import { MapView } from "./map.ts";
import { giveColours } from "./theme.ts";
import { TimeBar, type TimeChoice } from "./time-bar.ts";
import type { Analysis, MapPoint } from "./types.ts";
import type { Page, View } from "./view.ts";

/** While the slider moves, points are asked for at most this often. */
const ASK_MILLISECONDS = 200;
/** Events that come in are listed at most this often. */
const REFRESH_MILLISECONDS = 3000;

export class MapTab implements View {
  readonly element: HTMLElement;
  readonly #day: Day;
  readonly #clock: ServerClock;
  readonly #map = new MapView();
  readonly #list = new EventList();
  readonly #bar: TimeBar;
  readonly #message: DayMessage;
  readonly #board: HTMLElement;
  #choice: TimeChoice = { at: null, then: false };
  #told: Told[] = [];
  #problem = "";
  #shown = false;
  #framed = false;
  #loading = new AbortController();
  #asking = 0;
  #refreshing = 0;

  constructor({ day, clock }: Page) {
    this.#day = day;
    this.#clock = clock;
    this.#message = new DayMessage(day);
    this.#bar = new TimeBar((choice, settled) => this.#choose(choice, settled));
    this.#map.element.append(this.#bar.element);
    this.#board = element("div", { class: "board map-board", hidden: "" }, this.#map.element, this.#list.element);
    this.element = element("div", {}, this.#message.element, this.#board);
    day.changed.add((state) => this.#showDay(state));
    day.sourceChanged.add((source) => {
      if (this.#choice.at === null) this.#map.updateSource(source);
      if (!this.#shown || !isOfEvents(source) || this.#refreshing !== 0) return;
      this.#refreshing = window.setTimeout(() => {
        this.#refreshing = 0;
        if (this.#shown) void this.#load();
      }, REFRESH_MILLISECONDS);
    });
    this.#showDay(day.state);
  }

  show(asked: URLSearchParams): void {
    this.#shown = true;
    const at = asked.get("at");
    const time = at === null ? Number.NaN : Date.parse(at);
    this.#choice = { at: Number.isNaN(time) ? null : time, then: asked.get("known") === "then" };
    this.#showDay(this.#day.state);
  }

  hide(): void {
    this.#shown = false;
    this.#bar.stop();
    this.#loading.abort();
  }

  refresh(): void {
    this.#map.refresh();
    this.#message.write(this.#day.state);
    this.#write();
  }

  tick(): void {
    if (this.#choice.at === null) this.#writeBar();
  }

  #analysis(): Analysis | null {
    const { state } = this.#day;
    return state.kind === "ready" && state.analysis.sources.length > 0 ? state.analysis : null;
  }

  #showDay(state: DayState): void {
    this.#message.write(state);
    const analysis = this.#analysis();
    this.#board.hidden = analysis === null;
    if (analysis === null) return;
    giveColours(analysis.sources);
    const { at } = this.#choice;
    // A time of another day says nothing of this one.
    if (at !== null && (at < milliseconds(analysis.period.start) || at > this.#end(analysis))) this.#choice = { ...this.#choice, at: null };
    // The first one also says where to look.
    if (this.#choice.at === null || !this.#framed) this.#map.update(analysis);
    this.#framed = true;
    this.#write();
    if (this.#shown) void this.#load();
  }

  #end(analysis: Analysis): number {
    return Math.min(milliseconds(analysis.period.end), Math.max(this.#clock.now(), milliseconds(analysis.period.start)));
  }

  #choose(choice: TimeChoice, settled: boolean): void {
    this.#choice = choice;
    this.#write();
    if (settled) {
      const at = choice.at === null ? null : new Date(choice.at).toISOString();
      writeAddress({ at, known: choice.then ? "then" : null }, "replace");
    }
    if (this.#asking !== 0) return;
    this.#asking = window.setTimeout(
      () => {
        this.#asking = 0;
        void this.#load();
      },
      settled ? 0 : ASK_MILLISECONDS,
    );
  }

  async #load(): Promise<void> {
    const analysis = this.#analysis();
    if (analysis === null) return;
    this.#loading.abort();
    const loading = new AbortController();
    this.#loading = loading;
    const { at, then } = this.#choice;
    const until = at ?? this.#end(analysis);
    try {
      const ofEvents = analysis.sources.filter(isOfEvents);
      const told = await Promise.all(ofEvents.map((source) => eventsUntil(source, analysis.period.start, until, then, loading.signal)));
      const points = new Map<string, MapPoint[]>(ofEvents.map((source, index) => [source.id, pointsOf(told[index] ?? [])]));
      if (at !== null) {
        const stations = analysis.sources.filter((source) => source.map.length > 0 && !isOfEvents(source));
        const found = await Promise.all(stations.map((source) => stationsAt(source, at, loading.signal)));
        for (const [index, source] of stations.entries()) points.set(source.id, found[index] ?? []);
      }
      if (loading.signal.aborted) return;
      this.#told = told.flat();
      this.#problem = "";
      const past = at !== null || then;
      const sources = analysis.sources.map((source) => (past ? { ...source, map: points.get(source.id) ?? [] } : source));
      this.#map.update({ ...analysis, sources });
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#problem = `${say().failed}. ${explain(error)}`;
    }
    this.#write();
  }

  #write(): void {
    const analysis = this.#analysis();
    if (analysis === null) return;
    this.#writeBar();
    const { at, then } = this.#choice;
    const time = timeOfDay(at ?? this.#end(analysis));
    const title = then ? say().eventsThen(time) : at === null ? say().events : say().eventsAt(time);
    const none = analysis.sources.some(isOfEvents) ? say().noEvents : say().noSources;
    this.#list.write(title, this.#told, none, this.#problem);
  }

  #writeBar(): void {
    const analysis = this.#analysis();
    if (analysis === null) return;
    this.#bar.write(this.#choice, milliseconds(analysis.period.start), this.#end(analysis), this.#day.isToday());
  }
}
