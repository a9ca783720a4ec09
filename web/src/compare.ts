// The view that compares: lines of any sources on one time axis, events over them, and how two of them go together.

import "./explore.css";
import { writeAddress } from "./address.ts";
import { say } from "./compare-words.ts";
import { Chosen, creditLine, creditNotes, Segments } from "./controls.ts";
import { CorrelationPanel, type PairChoice } from "./correlation.ts";
import {
  addsUp,
  dateShown,
  datesOf,
  fetchEvents,
  fetchMeasures,
  fetchSeries,
  isSpan,
  leadingMeasure,
  SPANS,
  stepOf,
  TOGETHER,
  valuesOf,
  type Span,
} from "./data.ts";
import { explain } from "./day-message.ts";
import type { Day } from "./day.ts";
import { element, keepChildren, renew, setAttribute, setText } from "./dom.ts";
import { keep, pngOf } from "./download.ts";
import { axisOf, unitOf } from "./explore-forms.ts";
import { say as sayExplore } from "./explore-words.ts";
import { longMoment, milliseconds, quantity, setTimeZone } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { entityName, LinePicker, type LineChoice } from "./line-picker.ts";
import type { Line, LinesModel, Marked } from "./lines-model.ts";
import { Lines } from "./lines.ts";
import { ask, tracedFigure } from "./provenance-button.ts";
import { svgFile } from "./svg.ts";
import { table } from "./table.ts";
import { dataColour } from "./theme.ts";
import { TimeAxis } from "./time-axis.ts";
import { askStep } from "./trace-step.ts";
import type { EventsAnswer, Measures, SeriesAnswer, Step } from "./types.ts";
import type { Page, View } from "./view.ts";

const LINES_MAX = 5;
const MARKS_MAX = 60;
const EVENTS_MAX = 2000;
const REFRESH_MILLISECONDS = 5000;

interface State {
  lines: LineChoice[];
  span: Span;
  step: string | null;
  indexed: boolean;
  /** The source whose events are marked. */
  events: string;
  pair: PairChoice;
  zoom: [number, number] | null;
}

function idOf({ source, measure, entity }: LineChoice): string {
  return `${source}/${measure}/${entity ?? TOGETHER}`;
}

function readLine(text: string): LineChoice | null {
  const [source, measure, ...entity] = text.split("/");
  return source && measure ? { source, measure, entity: entity.join("/") || TOGETHER } : null;
}

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
      const answer = this.#answers[line];
      if (answer !== undefined) askStep(answer, 0, step);
    },
  );
  readonly #unzoom = element("button", { type: "button", class: "small-button" });
  readonly #marksTitle = element("summary");
  readonly #marksBody = element("div", { class: "details-body" });
  readonly #marksList = element("details", { class: "disclosure", hidden: "" }, this.#marksTitle, this.#marksBody);
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
  #answers: SeriesAnswer[] = [];
  #marked: EventsAnswer | null = null;
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
    this.#chosen = new Chosen((index) => {
      const lines = this.#state?.lines.filter((_, place) => place !== index) ?? [];
      this.#change({ lines, pair: { a: 0, b: Math.max(0, lines.length - 1), changes: this.#state?.pair.changes ?? false } });
    });
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
        this.#marksList,
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
    const { lines, span, step, indexed, events, pair, zoom } = this.#state;
    const usual = pair.a === 0 && pair.b === Math.max(0, lines.length - 1);
    writeAddress(
      {
        line: lines.map(idOf),
        span: span === "week" ? null : span,
        step,
        scales: indexed ? "indexed" : null,
        events: events === "" ? null : events,
        pair: usual ? null : `${pair.a}~${pair.b}`,
        changes: pair.changes ? "true" : null,
        zoom: zoom === null ? null : zoom.map((time) => Math.round(time / 1000)).join("~"),
      },
      "zoom" in changes && Object.keys(changes).length === 1 ? "replace" : "push",
    );
    if (Object.keys(changes).every((name) => ["zoom", "indexed", "pair"].includes(name))) this.#write(false);
    else void this.#load(true);
  }

  #read(measures: Measures): State {
    const asked = this.#asked;
    const given = asked.getAll("line").map(readLine).filter((line) => line !== null).slice(0, LINES_MAX);
    const lines = asked.has("line") ? given : usualLines(measures);
    const [a = 0, b = lines.length - 1] = (asked.get("pair") ?? "").split("~").filter((text) => text !== "").map(Number);
    const inside = (index: number, otherwise: number): number => (lines[index] === undefined ? otherwise : index);
    const span = asked.get("span");
    const [from = Number.NaN, to = Number.NaN] = (asked.get("zoom") ?? "").split("~").map(Number);
    const events = asked.get("events") ?? "";
    return {
      lines,
      span: isSpan(span) ? span : "week",
      step: asked.get("step"),
      indexed: asked.get("scales") === "indexed",
      events: measures.sources.some((source) => source.events && source.id === events) ? events : "",
      pair: { a: inside(a, 0), b: inside(b, Math.max(0, lines.length - 1)), changes: asked.get("changes") === "true" },
      zoom: from < to ? [from * 1000, to * 1000] : null,
    };
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
      this.#state ??= this.#read(this.#measures);
      const { lines, events } = this.#state;
      const [range, step] = [this.#range(), this.#stepNow()];
      const asking = lines.map(({ source, measure, entity }) =>
        fetchSeries({ source, measure, entity: entity === TOGETHER ? null : entity, step, ...range }, loading.signal),
      );
      const marking = events === "" ? null : fetchEvents({ source: events, ...range, limit: EVENTS_MAX }, loading.signal);
      const [answers, marked] = [await Promise.all(asking), await marking];
      if (loading.signal.aborted) return;
      this.#answers = answers;
      this.#marked = marked;
      this.#ready = true;
      this.#error = null;
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#error = error;
    }
    setAttribute(this.element, "aria-busy", null);
    this.#write(fresh);
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
    const comparing = this.#error === null && this.#ready && lines.length > 1;
    this.#correlation.element.hidden = !comparing;
    if (this.#error !== null || this.#answers.length === 0) return;
    this.#lines.update(this.#model(state));
    this.#writeMarks();
    setText(this.#unzoom, sayExplore().allTitle);
    this.#unzoom.hidden = state.zoom === null;
    const cut = (this.#marked?.events.length ?? 0) > MARKS_MAX;
    setText(this.#hint, [sayExplore().hint, cut ? say().most(MARKS_MAX) : ""].filter((text) => text !== "").join(". "));
    setAttribute(this.#files, "aria-label", sayExplore().files);
    this.#foot.replaceChildren(creditLine(this.#credited()), this.#files);
    if (comparing) void this.#correlation.load(lines, state.pair, this.#range(), this.#stepNow(), fresh);
  }

  #credited(): Pick<SeriesAnswer, "credit" | "simulated">[] {
    return this.#marked === null ? this.#answers : [...this.#answers, this.#marked];
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
    this.#retry.hidden = error === null;
    setText(this.#retry, words().retry);
    for (const part of [this.#lines.element, this.#hint, this.#foot]) part.hidden = text !== "";
    if (text !== "") this.#marksList.hidden = true;
  }

  #names(): { id: string; name: string }[] {
    return (this.#state?.lines ?? []).map((line, index) => {
      const answer = this.#answers[index];
      const source = this.#measures?.sources.find(({ id }) => id === line.source);
      if (answer === undefined || answer.source !== line.source) return { id: idOf(line), name: source ? inLanguage(source.title) : line.source };
      const [series] = answer.series;
      const what = answer.measure && !answer.events ? inLanguage(answer.measure.title) : sayExplore().count;
      const alone = series === undefined || series.entity === TOGETHER;
      return { id: idOf(line), name: `${what} · ${alone ? inLanguage(answer.title) : entityName(series.entity, series.name)}` };
    });
  }

  #model(state: State): LinesModel {
    const names = this.#names();
    const lines = this.#answers.map((answer, index): Line => {
      const { unit, decimals } = unitOf(answer);
      const [series] = answer.series;
      const values = series === undefined ? [] : valuesOf(answer, series);
      const name = names[index]?.name ?? "";
      const steps = series?.joined_steps ?? 1;
      if (!state.indexed) return { name, values, unit, decimals, scale: unit, joined: steps };
      // Of a series that begins at 0 no share can be told.
      const first = values.find((value) => value !== null && value !== 0) ?? null;
      const share = values.map((value) => (value === null || first === null ? null : (100 * value) / first));
      return { name, values: share, unit: "1", decimals: 1, scale: "index", joined: steps };
    });
    const [answer] = this.#answers;
    const starts = answer?.starts.map(milliseconds) ?? [];
    const described = lines.map(({ name, values, unit, decimals }) => {
      const known = values.filter((value) => value !== null);
      const figure = (value: number): string => quantity(value, unit, decimals);
      if (known.length === 0) return words().chartEmptySeries(name);
      return words().chartSeries(name, figure(Math.min(...known)), figure(Math.max(...known)), figure(known.at(-1) ?? 0));
    });
    return {
      label: described.join(". "),
      axis: answer ? axisOf(answer) : new TimeAxis([], "hour"),
      starts,
      end: answer ? milliseconds(answer.end) : 0,
      lines,
      marks: this.#marks(),
      fromZero: false,
      zoom: state.zoom,
    };
  }

  /** The strongest events, in the order of time. */
  #strongest(): { key: string; name: string; at: number; figure: string }[] {
    const marked = this.#marked;
    if (marked === null) return [];
    const measure = marked.measures.find(({ headline }) => headline) ?? marked.measures[0];
    const strength = (values: Record<string, number>): number | null => (measure ? (values[measure.id] ?? null) : null);
    return marked.events
      .toSorted((a, b) => (strength(b.values) ?? Number.NEGATIVE_INFINITY) - (strength(a.values) ?? Number.NEGATIVE_INFINITY))
      .slice(0, MARKS_MAX)
      .map(({ observed_at, title, key, values }) => {
        const value = strength(values);
        const figure = value === null || measure === undefined ? "" : quantity(value, measure.unit, measure.decimals);
        return { key, name: title ?? key, at: milliseconds(observed_at), figure };
      })
      .sort((a, b) => a.at - b.at);
  }

  #marks(): Marked[] {
    return this.#strongest().map(({ at, name, figure }) => ({ at, text: figure === "" ? name : `${name} (${figure})` }));
  }

  /** The same as a table, where each leads to what the provider has said of it. */
  #writeMarks(): void {
    const strongest = this.#strongest();
    const source = this.#marked?.source ?? "";
    this.#marksList.hidden = strongest.length === 0;
    if (strongest.length === 0) {
      this.#marksBody.replaceChildren();
      return;
    }
    setText(this.#marksTitle, say().marks(strongest.length));
    const { event, time, value } = words().columns;
    const rows = strongest.map(({ key, name, at, figure }) => [
      name,
      longMoment(at),
      tracedFigure(figure === "" ? "–" : figure, name, () => ask(name, { source, key })),
    ]);
    renew(this.#marksBody, table(this.#marksTitle.textContent ?? "", [event, time, value], rows));
  }

  async #keepPicture(kind: "png" | "svg"): Promise<void> {
    const drawn = this.#lines.svg();
    if (drawn === null) return;
    const file = svgFile(drawn, this.#names().map(({ name }) => name).join(" / "), creditNotes(this.#credited()));
    keep(kind === "svg" ? new Blob([file.text], { type: "image/svg+xml" }) : await pngOf(file), `vigie_compare.${kind}`);
  }
}

/** What is compared where the address names nothing: the first total, and the first mean. */
function usualLines({ sources }: Measures): LineChoice[] {
  const adding = sources.flatMap((source) => {
    const measure = source.measures.find(({ id }) => id === leadingMeasure(source));
    return !source.events && measure && measure.kind !== "direction" && addsUp(source, measure.id) ? [{ source, measure }] : [];
  });
  const total = adding.find(({ measure }) => measure.across === "sum");
  const mean = adding.find(({ measure }) => measure.across === "mean");
  const chosen = [mean, total].filter((one) => one !== undefined);
  return (chosen.length === 2 ? chosen : adding.slice(0, 2)).map(({ source, measure }) => ({ source: source.id, measure: measure.id, entity: TOGETHER }));
}
