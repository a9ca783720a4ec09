// The view that compares: lines of any sources on one time axis, events over them, and how two of them go together.

import "./explore.css";
import { writeAddress } from "./address.ts";
import { isTooMuch } from "./api.ts";
import { Marks, MARKS_MAX } from "./compare-marks.ts";
import { idOf, LINES_MAX, parametersOf, readState, type State } from "./compare-state.ts";
import { say } from "./compare-words.ts";
import { Chosen, creditLine, creditNotes, Segments } from "./controls.ts";
import { CorrelationPanel } from "./correlation.ts";
import {
  dateShown,
  datesOf,
  fetchEvents,
  fetchMeasures,
  fetchSeries,
  SPANS,
  stepOf,
  TOGETHER,
  valuesOf,
  type Ask,
  type Span,
} from "./data.ts";
import { explain } from "./day-message.ts";
import type { Day } from "./day.ts";
import { element, keepChildren, setAttribute, setText } from "./dom.ts";
import { keep, pngOf } from "./download.ts";
import { axisOf, unitOf } from "./explore-forms.ts";
import { say as sayExplore } from "./explore-words.ts";
import { Failures, mayPass, NotWatched, type Failure } from "./failures.ts";
import { milliseconds, quantity, setTimeZone } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { entityName, LinePicker, type LineChoice } from "./line-picker.ts";
import type { Line, LinesModel } from "./lines-model.ts";
import { Lines } from "./lines.ts";
import { svgFile } from "./svg.ts";
import { apart } from "./text.ts";
import { dataColour } from "./theme.ts";
import { TimeAxis } from "./time-axis.ts";
import { askStep } from "./trace-step.ts";
import type { EventsAnswer, Measures, SeriesAnswer, Step } from "./types.ts";
import type { Page, View } from "./view.ts";

const REFRESH_MILLISECONDS = 5000;

export class CompareView implements View {
  readonly element: HTMLElement;
  readonly #day: Day;
  readonly #heading = element("h2", { class: "visually-hidden" });
  readonly #picker: LinePicker;
  readonly #add = element("button", { type: "button", class: "small-button" });
  readonly #chosen: Chosen;
  readonly #span = new Segments<Span>((span) => this.#change({ span, step: null, zoom: null }));
  readonly #step = new Segments<Step>((step) => this.#change({ step, zoom: null }));
  readonly #scales = new Segments<"own" | "indexed">((scales) => this.#change({ indexed: scales === "indexed" }));
  readonly #events = element("select");
  readonly #eventsLabel = element("span", { class: "field-label" });
  readonly #lines = new Lines(
    (zoom) => this.#change({ zoom }),
    (line, step) => {
      const answer = this.#answers[line] ?? null;
      if (answer !== null) askStep(answer, 0, step);
    },
  );
  readonly #unzoom = element("button", { type: "button", class: "small-button" });
  readonly #marks = new Marks();
  readonly #failures = new Failures(() => void this.#load(true));
  readonly #hint = element("p");
  readonly #problem = element("div", { class: "problem", role: "status" }, element("p"), element("p"));
  readonly #retry = element("button", { type: "button", class: "small-button" });
  readonly #png = element("button", { type: "button", class: "small-button" }, "PNG");
  readonly #svg = element("button", { type: "button", class: "small-button" }, "SVG");
  readonly #files: HTMLElement;
  readonly #foot = element("div", { class: "figure-foot" });
  readonly #correlation: CorrelationPanel;
  #pending: LineChoice | null = null;
  #asked = new URLSearchParams();
  #state: State | null = null;
  #measures: Measures | null = null;
  /** Of each line; null where it could not be read. */
  #answers: (SeriesAnswer | null)[] = [];
  #errors: unknown[] = [];
  #marked: EventsAnswer | null = null;
  #markError: unknown = null;
  #error: unknown = null;
  #ready = false;
  #shown = false;
  #loading = new AbortController();
  #refreshing = 0;

  constructor({ day }: Page) {
    this.#day = day;
    this.#picker = new LinePicker((choice) => {
      this.#pending = choice;
      this.#writePicker();
    });
    this.#add.addEventListener("click", () => {
      const { pending, state } = { pending: this.#pending, state: this.#state };
      if (pending === null || pending.entity === null || state === null) return;
      const lines = [...state.lines.filter((line) => idOf(line) !== idOf(pending)), pending].slice(-LINES_MAX);
      this.#change({ lines, pair: { ...state.pair, a: 0, b: lines.length - 1 } });
    });
    this.#chosen = new Chosen((index) => this.#remove(this.#state?.lines[index]));
    this.#events.addEventListener("change", () => this.#change({ events: this.#events.value }));
    this.#unzoom.addEventListener("click", () => this.#change({ zoom: null }));
    this.#retry.addEventListener("click", () => void this.#load(true));
    this.#problem.append(this.#retry);
    this.#png.addEventListener("click", () => void this.#keepPicture("png"));
    this.#svg.addEventListener("click", () => void this.#keepPicture("svg"));
    this.#files = element("div", { class: "files", role: "group" }, this.#png, this.#svg);
    this.#correlation = new CorrelationPanel((pair) => this.#change({ pair }));
    this.element = element(
      "div",
      { class: "data-view" },
      this.#heading,
      element(
        "section",
        { class: "panel" },
        element("div", { class: "add-line" }, this.#picker.element, this.#add),
        this.#chosen.element,
        element(
          "div",
          { class: "choices" },
          this.#span.element,
          this.#step.element,
          this.#scales.element,
          element("label", { class: "field" }, this.#eventsLabel, this.#events),
        ),
      ),
      element(
        "section",
        { class: "panel figure-panel" },
        element("div", { class: "figure-head" }, this.#hint, this.#unzoom),
        this.#lines.element,
        this.#marks.element,
        this.#failures.element,
        this.#problem,
        this.#foot,
      ),
      this.#correlation.element,
    );
    day.changed.add(() => {
      if (this.#shown) void this.#load(true);
    });
    day.sourceChanged.add(({ id }) => {
      const shown = this.#state?.events === id || this.#state?.lines.some(({ source }) => source === id);
      if (!this.#shown || !shown || this.#refreshing !== 0) return;
      this.#refreshing = window.setTimeout(() => {
        this.#refreshing = 0;
        if (this.#shown) void this.#load(true);
      }, REFRESH_MILLISECONDS);
    });
    this.refresh();
  }

  show(asked: URLSearchParams): void {
    this.#shown = true;
    this.#asked = asked;
    this.#state = null;
    void this.#load(true);
  }

  hide(): void {
    this.#shown = false;
    this.#loading.abort();
  }

  refresh(): void {
    this.#write(false);
    this.#lines.redraw();
  }

  #change(changes: Partial<State>): void {
    if (this.#state === null) return;
    this.#state = { ...this.#state, ...changes };
    writeAddress(parametersOf(this.#state), "zoom" in changes && Object.keys(changes).length === 1 ? "replace" : "push");
    if (Object.keys(changes).every((name) => ["zoom", "indexed", "pair"].includes(name))) this.#write(false);
    else void this.#load(true);
  }

  #remove(line: LineChoice | undefined): void {
    const lines = this.#state?.lines.filter((other) => other !== line) ?? [];
    this.#change({ lines, pair: { a: 0, b: Math.max(0, lines.length - 1), changes: this.#state?.pair.changes ?? false } });
  }

  #range(): { from: string; to: string } {
    return datesOf(this.#state?.span ?? "week", dateShown(this.#day, this.#measures));
  }

  #stepNow(): Step {
    return stepOf(this.#state?.span ?? "week", this.#state?.step ?? null);
  }

  async #load(fresh: boolean): Promise<void> {
    this.#loading.abort();
    const loading = new AbortController();
    this.#loading = loading;
    setAttribute(this.element, "aria-busy", "true");
    try {
      this.#measures = await fetchMeasures();
      setTimeZone(this.#measures.time_zone);
      this.#state ??= readState(this.#asked, this.#measures);
      const { lines, events } = this.#state;
      const [range, step] = [this.#range(), this.#stepNow()];
      const asking = lines.map((line) => this.#fetch(line, { step, ...range }, loading.signal));
      const ask = { source: events, ...range, order: "strongest", limit: MARKS_MAX };
      const marking = events === "" ? null : fetchEvents(ask, loading.signal);
      const [answers, [marked]] = await Promise.all([Promise.allSettled(asking), Promise.allSettled([marking])]);
      if (loading.signal.aborted) return;
      this.#errors = answers.map((answer) => (answer.status === "rejected" ? answer.reason : null));
      // Where nothing can be read, there is one reason for all.
      if (lines.length > 0 && this.#errors.every((error) => error !== null && mayPass(error))) throw this.#errors[0];
      this.#answers = answers.map((answer) => (answer.status === "rejected" ? null : answer.value));
      this.#marked = marked.status === "rejected" ? null : marked.value;
      this.#markError = marked.status === "rejected" ? marked.reason : null;
      this.#marks.update(this.#marked);
      this.#ready = true;
      this.#error = null;
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#error = error;
    }
    setAttribute(this.element, "aria-busy", null);
    this.#write(fresh);
  }

  /** A line of a source that is not watched here is asked of nobody. */
  async #fetch({ source, measure, entity }: LineChoice, ask: Ask, signal: AbortSignal): Promise<SeriesAnswer> {
    if (this.#measures?.sources.some(({ id }) => id === source) !== true) throw new NotWatched(source);
    return fetchSeries({ source, measure, entity: entity === TOGETHER ? null : entity, ...ask }, signal);
  }

  #writePicker(): void {
    if (this.#measures === null) return;
    this.#picker.write(this.#measures, this.#pending);
    setText(this.#add, say().add);
    this.#add.disabled = this.#pending?.entity === null || this.#pending === null;
  }

  #write(fresh: boolean): void {
    setText(this.#heading, say().title);
    this.#writePicker();
    const { state, measures } = { state: this.#state, measures: this.#measures };
    this.#writeProblem();
    if (state === null || measures === null) return;
    this.#writeChoices(state, measures);
    const lines = this.#names();
    this.#chosen.write(say().lines, lines.map(({ name }, index) => ({ name, paint: dataColour(index) })), say().remove);
    const pair = [state.pair.a, state.pair.b].map((index) => this.#answers[index] ?? null);
    const comparing = this.#error === null && this.#ready && lines.length > 1 && pair.every((answer) => answer !== null);
    this.#correlation.element.hidden = !comparing;
    this.#writeFailures(lines, state, measures);
    if (this.#error !== null || this.#known().length === 0) return;
    this.#lines.update(this.#model(state));
    this.#marks.write();
    setText(this.#unzoom, sayExplore().allTitle);
    this.#unzoom.hidden = state.zoom === null;
    setText(this.#hint, [sayExplore().hint, this.#marks.cut()].filter((text) => text !== "").join(". "));
    setAttribute(this.#files, "aria-label", sayExplore().files);
    this.#foot.replaceChildren(creditLine(this.#credited()), this.#files);
    if (comparing) void this.#correlation.load(lines, state.pair, this.#range(), this.#stepNow(), fresh);
  }

  #known(): SeriesAnswer[] {
    return this.#answers.filter((answer) => answer !== null);
  }

  /** What could not be read does not take the others away. */
  #writeFailures(lines: { name: string }[], { lines: chosen, events }: State, measures: Measures): void {
    const failed = lines.flatMap(({ name }, index): Failure[] => {
      const error = this.#errors[index] ?? null;
      return error === null ? [] : [{ name, error, remove: () => this.#remove(chosen[index]) }];
    });
    if (this.#markError !== null && events !== "") {
      const source = measures.sources.find(({ id }) => id === events);
      failed.push({ name: source ? inLanguage(source.title) : events, error: this.#markError, remove: () => this.#change({ events: "" }) });
    }
    this.#failures.write(this.#error === null ? failed : []);
  }

  #credited(): Pick<SeriesAnswer, "credit" | "simulated">[] {
    return this.#marked === null ? this.#known() : [...this.#known(), this.#marked];
  }

  #writeChoices(state: State, measures: Measures): void {
    const steps: readonly Step[] = SPANS[state.span].steps;
    this.#span.write(sayExplore().span, (Object.keys(SPANS) as Span[]).map((one) => [one, sayExplore().spans[one]]), state.span);
    this.#step.write(sayExplore().step, steps.map((one) => [one, sayExplore().steps[one]]), this.#stepNow());
    this.#step.element.hidden = steps.length < 2;
    this.#scales.write(say().scales, [["own", say().own], ["indexed", say().indexed]], state.indexed ? "indexed" : "own");
    setText(this.#eventsLabel, say().events);
    const options: [string, string][] = [["", say().noEvents]];
    for (const { events, id, title } of measures.sources) if (events) options.push([id, inLanguage(title)]);
    const items = keepChildren(this.#events, options.length, () => element("option"));
    for (const [index, [id, name]] of options.entries()) {
      const item = items[index];
      if (!(item instanceof HTMLOptionElement)) continue;
      item.value = id;
      setText(item, name);
    }
    this.#events.value = state.events;
  }

  #writeProblem(): void {
    const [title, detail] = this.#problem.children;
    const { error } = { error: this.#error };
    const empty = this.#state !== null && this.#state.lines.length === 0;
    const text = error !== null ? sayExplore().failed : !this.#ready ? sayExplore().loading : empty ? say().choose : "";
    this.#problem.hidden = text === "";
    if (title) setText(title, text);
    if (detail) setText(detail, error === null ? "" : explain(error));
    this.#retry.hidden = error === null || isTooMuch(error);
    setText(this.#retry, words().retry);
    const nothing = text !== "" || this.#known().length === 0;
    for (const part of [this.#lines.element, this.#hint, this.#foot]) part.hidden = nothing;
    if (nothing) this.#marks.element.hidden = true;
  }

  #names(): { id: string; name: string }[] {
    return (this.#state?.lines ?? []).map((line, index) => {
      const answer = this.#answers[index] ?? null;
      const source = this.#measures?.sources.find(({ id }) => id === line.source);
      if (answer === null || answer.source !== line.source) return { id: idOf(line), name: source ? inLanguage(source.title) : line.source };
      const [series] = answer.series;
      const what = answer.measure && !answer.events ? inLanguage(answer.measure.title) : sayExplore().count;
      const alone = series === undefined || series.entity === TOGETHER;
      return { id: idOf(line), name: `${what} · ${alone ? inLanguage(answer.title) : apart(entityName(series.entity, series.name))}` };
    });
  }

  #model(state: State): LinesModel {
    const names = this.#names();
    const [any] = this.#known();
    const starts = any?.starts.map(milliseconds) ?? [];
    const lines = this.#answers.map((answer, index): Line => {
      const name = names[index]?.name ?? "";
      // One that could not be read keeps its place and its colour.
      if (answer === null) return { name, values: starts.map(() => null), unit: "1", decimals: 0, scale: scaleOf(any, state.indexed), joined: 1, unread: true };
      const { unit, decimals } = unitOf(answer);
      const [series] = answer.series;
      const values = series === undefined ? [] : valuesOf(answer, series);
      const scale = { scale: scaleOf(answer, state.indexed), joined: series?.joined_steps ?? 1 };
      if (!state.indexed) return { name, values, unit, decimals, ...scale };
      // Of a series that begins at 0 no share can be told.
      const first = values.find((value) => value !== null && value !== 0) ?? null;
      const share = values.map((value) => (value === null || first === null ? null : (100 * value) / first));
      return { name, values: share, unit: "1", decimals: 1, ...scale };
    });
    const described = lines.filter(({ unread }) => !unread).map(({ name, values, unit, decimals }) => {
      const known = values.filter((value) => value !== null);
      const figure = (value: number): string => quantity(value, unit, decimals);
      if (known.length === 0) return words().chartEmptySeries(name);
      return words().chartSeries(name, figure(Math.min(...known)), figure(Math.max(...known)), figure(known.at(-1) ?? 0));
    });
    return {
      label: described.join(". "),
      axis: any ? axisOf(any) : new TimeAxis([], "hour"),
      starts,
      end: any ? milliseconds(any.end) : 0,
      lines,
      marks: this.#marks.overLines(),
      fromZero: false,
      zoom: state.zoom,
    };
  }

  async #keepPicture(kind: "png" | "svg"): Promise<void> {
    const drawn = this.#lines.svg();
    if (drawn === null) return;
    const file = svgFile(drawn, this.#names().map(({ name }) => name).join(" / "), creditNotes(this.#credited()));
    keep(kind === "svg" ? new Blob([file.text], { type: "image/svg+xml" }) : await pngOf(file), `vigie_compare.${kind}`);
  }
}

/** The scale of a line: that of its unit, or one for all. */
function scaleOf(answer: SeriesAnswer | undefined, indexed: boolean): string {
  return indexed || answer === undefined ? "index" : unitOf(answer).unit;
}
