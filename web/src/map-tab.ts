// The tab of the map: the points of the day, now or at a time gone by, and the events as a list.

import "./explore.css";
import "./map-tab.css";
import { writeAddress } from "./address.ts";
import type { ServerClock } from "./clock.ts";
import { fetchMeasures } from "./data.ts";
import { DayMessage, explain } from "./day-message.ts";
import type { Day, DayState } from "./day.ts";
import { element, setText } from "./dom.ts";
import { EventList } from "./event-list.ts";
import { milliseconds, timeOfDay } from "./format.ts";
import { inLanguage } from "./i18n.ts";
import { describeUntold } from "./known-at.ts";
import { eventsUntil, isOfEvents, pointsOf, silenceOf, stationsAt, type Told } from "./map-past.ts";
import { say } from "./map-words.ts";
import { BY_SOURCE, canColour, ScaleControl, type Colourable, type Colouring } from "./map-scale.ts";
import { MapView } from "./map.ts";
import { ask } from "./provenance-button.ts";
import { giveColours } from "./theme.ts";
import { TimeBar, type TimeChoice } from "./time-bar.ts";
import { TrackList } from "./track-list.ts";
import type { Analysis, MapPoint, Measure, SourceAnalysis } from "./types.ts";
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
  readonly #scale = new ScaleControl(
    (id) => this.#colour(id),
    () => this.#askScale(),
  );
  readonly #list = new EventList();
  readonly #tracks = new TrackList();
  readonly #bar: TimeBar;
  readonly #message: DayMessage;
  readonly #board: HTMLElement;
  #choice: TimeChoice = { at: null, then: false };
  /** What colours the stations, as the address says it: `source/measure`; null for the usual. */
  #colourAsked: string | null = null;
  /** What each source measures, once it is known. */
  #measures = new Map<string, Measure[]>();
  #shownPoints: MapPoint[] = [];
  #told: Told[] = [];
  /** How many events there are, of which the latest are told. */
  #total = 0;
  #untold = 0;
  readonly #note = element("p", { class: "time-note", role: "status" });
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
    this.#map.element.firstElementChild?.append(this.#scale.element);
    this.#map.element.append(this.#bar.element, this.#note);
    this.#list.element.prepend(this.#tracks.element);
    this.#board = element("div", { class: "board map-board", hidden: "" }, this.#map.element, this.#list.element);
    this.element = element("div", {}, this.#message.element, this.#board);
    day.changed.add((state) => this.#showDay(state));
    day.sourceChanged.add((source) => {
      const loads = isOfEvents(source) || !this.#isLeading(source);
      if (this.#choice.at === null && this.#isLeading(source)) {
        this.#map.updateSource(source, this.#untilNow());
        this.#writeTracks();
        this.#writeScale();
      }
      if (!this.#shown || !loads || this.#refreshing !== 0) return;
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
    this.#colourAsked = asked.get("colour");
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

  #colour(id: string): void {
    this.#colourAsked = id;
    writeAddress({ colour: id }, "replace");
    void this.#load();
  }

  /** What can colour stations: of each source on the map its measures, the leading one first until all are known. */
  #colourable(analysis: Analysis): Colourable[] {
    return analysis.sources
      .filter((source) => source.map.length > 0 && !isOfEvents(source))
      .map((source) => {
        const known = this.#measures.get(source.id) ?? (source.leading_measure ? [source.leading_measure] : []);
        return { source: source.id, title: inLanguage(source.title), measures: known.filter(canColour) };
      })
      .filter(({ measures }) => measures.length > 0);
  }

  /** What the address asks for, where it can be had; else the source with the most stations, by its leading measure. */
  #colouring(analysis: Analysis): Colouring | null {
    if (this.#colourAsked === BY_SOURCE) return null;
    const able = this.#colourable(analysis);
    for (const { source, measures } of able) {
      const measure = measures.find(({ id }) => `${source}/${id}` === this.#colourAsked);
      if (measure !== undefined) return { source, measure };
    }
    const points = (id: string): number => analysis.sources.find((source) => source.id === id)?.map.length ?? 0;
    const [most] = able.toSorted((a, b) => points(b.source) - points(a.source));
    const lead = analysis.sources.find(({ id }) => id === most?.source)?.leading_measure;
    return most && lead && canColour(lead) ? { source: most.source, measure: lead } : null;
  }

  /** Whether the points of a source are those of its leading measure, which the day has. */
  #isLeading(source: SourceAnalysis): boolean {
    const analysis = this.#analysis();
    const colouring = analysis === null ? null : this.#colouring(analysis);
    return colouring?.source !== source.id || colouring.measure.id === source.leading_measure?.id;
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
    if (this.#choice.at === null || !this.#framed) this.#map.update(analysis, this.#leadingColouring(analysis), this.#untilNow());
    this.#framed = true;
    this.#write();
    if (this.#shown) void this.#load();
  }

  /** The colouring, as far as the points of the day bear it. */
  #leadingColouring(analysis: Analysis): Colouring | null {
    const colouring = this.#colouring(analysis);
    const source = analysis.sources.find(({ id }) => id === colouring?.source);
    return source?.leading_measure?.id === colouring?.measure.id ? colouring : null;
  }

  /** The time shown. */
  #untilNow(): number {
    const analysis = this.#analysis();
    return this.#choice.at ?? (analysis === null ? 0 : this.#end(analysis));
  }

  #writeTracks(): void {
    const analysis = this.#analysis();
    if (analysis !== null) this.#tracks.write(analysis.sources, analysis.period);
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
    await this.#learnMeasures();
    const ofEvents = analysis.sources.filter(isOfEvents);
    const colouring = this.#colouring(analysis);
    const stations = analysis.sources.filter((source) => source.map.length > 0 && !isOfEvents(source) && (at !== null || then || !this.#isLeading(source)));
    const measureOf = ({ id, leading_measure }: SourceAnalysis): string | null =>
      colouring?.source === id ? colouring.measure.id : (leading_measure?.id ?? null);
    const problems: string[] = [];
    // A source that cannot be read does not take the others away.
    const named = <Found>(source: SourceAnalysis, asked: Promise<Found>, none: Found): Promise<Found> =>
      asked.catch((error: unknown) => {
        problems.push(`${say().failed(inLanguage(source.title))} ${explain(error)}`);
        return none;
      });
    const [happened, found] = await Promise.all([
      Promise.all(ofEvents.map((source) => named(source, eventsUntil(source, analysis.period.start, until, then, loading.signal), { told: [], total: 0 }))),
      Promise.all(
        stations.map((source) => named(source, stationsAt(source, measureOf(source), { at: until, gone: at !== null, then }, loading.signal), { points: [], more: 0, untold: 0 })),
      ),
    ]);
    if (loading.signal.aborted) return;
    const points = new Map<string, MapPoint[]>(stations.map((source, index) => [source.id, found[index]?.points ?? []]));
    const more = new Map<string, number>(stations.map((source, index) => [source.id, found[index]?.more ?? 0]));
    if (at !== null || then) {
      for (const [index, source] of ofEvents.entries()) {
        const { told, total } = happened[index] ?? { told: [], total: 0 };
        points.set(source.id, pointsOf(told));
        more.set(source.id, total - told.length);
      }
    }
    this.#told = happened.flatMap(({ told }) => told);
    this.#total = happened.reduce((sum, { total }) => sum + total, 0);
    this.#untold = found.reduce((sum, { untold }) => sum + untold, 0);
    this.#problem = problems.join(" ");
    const sources = analysis.sources.map((source) => ({ ...source, map: points.get(source.id) ?? source.map }));
    this.#shownPoints = sources.find(({ id }) => id === colouring?.source)?.map ?? [];
    this.#map.update({ ...analysis, sources }, colouring, until, more);
    this.#write();
  }

  /** What every source measures; the map does without where that cannot be read. */
  async #learnMeasures(): Promise<void> {
    try {
      const { sources } = await fetchMeasures();
      this.#measures = new Map(sources.map(({ id, measures }) => [id, measures]));
    } catch (error) {
      console.warn("what the sources measure could not be read", error);
    }
  }

  #writeScale(): void {
    const analysis = this.#analysis();
    if (analysis === null) return;
    const colouring = this.#colouring(analysis);
    const source = analysis.sources.find(({ id }) => id === colouring?.source);
    const ofDay = this.#choice.at === null && source !== undefined && this.#isLeading(source);
    this.#scale.write(this.#colourable(analysis), colouring, ofDay ? source.map : this.#shownPoints);
  }

  /** The ends of the scale are values of all its stations: of the day so far, or of the last hours before the time shown. */
  #askScale(): void {
    const analysis = this.#analysis();
    const colouring = analysis === null ? null : this.#colouring(analysis);
    const source = analysis?.sources.find(({ id }) => id === colouring?.source);
    if (!analysis || colouring === null || source === undefined) return;
    const until = this.#untilNow();
    const ofDay = this.#choice.at === null && this.#isLeading(source);
    const from = ofDay ? milliseconds(analysis.period.start) : until - silenceOf(source);
    const [start, end] = [from, until + 1].map((time) => new Date(time).toISOString());
    ask(`${inLanguage(source.title)}, ${inLanguage(colouring.measure.title)}`, { source: source.id, from: start, to: end });
  }

  #write(): void {
    const analysis = this.#analysis();
    if (analysis === null) return;
    this.#writeBar();
    this.#writeScale();
    this.#writeTracks();
    setText(this.#note, describeUntold(this.#untold));
    const { at, then } = this.#choice;
    const time = timeOfDay(at ?? this.#end(analysis));
    const title = then ? say().eventsThen(time) : at === null ? say().events : say().eventsAt(time);
    const none = analysis.sources.some(isOfEvents) ? say().noEvents : say().noSources;
    this.#list.write(title, this.#told, this.#total, none, this.#problem);
  }

  #writeBar(): void {
    const analysis = this.#analysis();
    if (analysis === null) return;
    this.#bar.write(this.#choice, milliseconds(analysis.period.start), this.#end(analysis), this.#day.isToday());
  }
}
