// The view that explores: one measure of one source, over a day to a year, as a curve, a heatmap, a ranking or a table.

import "./explore.css";
import { isTooMuch } from "./api.ts";
import { parameters, stateOfView, writeAddress } from "./address.ts";
import type { ServerClock } from "./clock.ts";
import { Chosen, creditLine, creditNotes, fileLink, Segments } from "./controls.ts";
import {
  addsUp,
  dataAddress,
  dateShown,
  datesOf,
  fetchEntities,
  fetchMeasures,
  fetchSeries,
  SPANS,
  stepOf,
  TOGETHER,
  type Ask,
  type Span,
} from "./data.ts";
import { explain } from "./day-message.ts";
import type { Day } from "./day.ts";
import { element, icon, renew, setAttribute, setText } from "./dom.ts";
import { keep, pngOf } from "./download.ts";
import { drawBump, drawHeat, drawTable, linesModel } from "./explore-forms.ts";
import { BANDS, ENTITIES_MAX, formOf, formsOf, missingSource, parametersOf, readState, rfc3339, type BandKind, type Form, type State } from "./explore-state.ts";
import { say } from "./explore-words.ts";
import { milliseconds, setTimeZone } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { describeKnown, KnownAt, nameThen } from "./known-at.ts";
import { LinePicker, entityName } from "./line-picker.ts";
import { Lines } from "./lines.ts";
import { svgFile } from "./svg.ts";
import { apart } from "./text.ts";
import { dataColour } from "./theme.ts";
import { askStep } from "./trace-step.ts";
import type { Measures, SeriesAnswer, SourceMeasures, Step } from "./types.ts";
import type { Page, View } from "./view.ts";

/** Entities shown where none is chosen and their values do not add up. */
const USUAL_ENTITIES = 3;
const USUAL_RANKS = 8;
/** What comes in is drawn at most this often. */
const REFRESH_MILLISECONDS = 2000;

export class ExploreView implements View {
  readonly element: HTMLElement;
  readonly #day: Day;
  readonly #clock: ServerClock;
  readonly #heading = element("h2", { class: "visually-hidden" });
  readonly #picker: LinePicker;
  readonly #chosen: Chosen;
  readonly #span = new Segments<Span>((span) => this.#change({ span, step: null, zoom: null }));
  readonly #step = new Segments<Step>((step) => this.#change({ step, zoom: null }));
  readonly #form = new Segments<Form>((form) => this.#change({ form }));
  readonly #band = new Segments<BandKind>((band) => this.#change({ band }));
  readonly #known = new KnownAt(
    () => this.#clock.now(),
    (known) => this.#change({ known }),
  );
  readonly #knownNote = element("p", { class: "figure-sentence known-note", role: "status" });
  readonly #title = element("h3");
  readonly #hint = element("p");
  readonly #zoomTools = element("div", { class: "zoom-tools", role: "group" });
  readonly #lines: Lines;
  readonly #place = element("div", { class: "figure-place" });
  readonly #sentence = element("p", { class: "figure-sentence" });
  readonly #problem = element("div", { class: "problem", role: "status" }, element("p"), element("p"));
  readonly #retry = element("button", { type: "button", class: "small-button" });
  readonly #choices: HTMLElement;
  readonly #figure: HTMLElement;
  readonly #foot = element("div", { class: "figure-foot" });
  readonly #csv = fileLink();
  readonly #parquet = fileLink();
  readonly #png = element("button", { type: "button", class: "small-button" }, "PNG");
  readonly #svg = element("button", { type: "button", class: "small-button" }, "SVG");
  readonly #files: HTMLElement;
  #state: State | null = null;
  #asked: URLSearchParams = new URLSearchParams();
  #measures: Measures | null = null;
  #answer: SeriesAnswer | null = null;
  #hours: SeriesAnswer | null = null;
  /** What is known now, where another time is asked about. */
  #present: SeriesAnswer | null = null;
  /** Nothing is known of the time shown. */
  #nothing = false;
  #error: unknown = null;
  #loading = new AbortController();
  #shown = false;
  #width = 0;
  #refreshing = 0;

  constructor({ day, clock }: Page) {
    this.#day = day;
    this.#clock = clock;
    this.#picker = new LinePicker((choice) => {
      const { source, measure, entity } = choice;
      const state = this.#state;
      if (state !== null && state.source === source && state.measure === measure) {
        // Another entity beside those that are there; all together stands alone.
        const entities = entity === null || entity === TOGETHER ? [] : [...state.entities.filter((one) => one !== entity), entity];
        this.#change({ entities: entities.slice(-ENTITIES_MAX) });
        return;
      }
      const stays = state !== null && state.source === source;
      this.#change({ source, measure, entities: stays ? state.entities : [], form: null, zoom: null });
    });
    this.#chosen = new Chosen((index) => {
      const lines = this.#answer?.series.map(({ entity }) => entity).filter((entity) => entity !== TOGETHER) ?? [];
      this.#change({ entities: lines.filter((_, place) => place !== index) });
    });
    this.#lines = new Lines(
      (zoom) => this.#change({ zoom }),
      (line, step) => {
        // The second line of one that is shown as it was known is the same as it is known now.
        if (this.#answer !== null) askStep(this.#answer, Math.min(line, this.#answer.series.length - 1), step);
      },
    );
    this.#retry.addEventListener("click", () => void this.#load());
    this.#problem.append(this.#retry);
    this.#makeZoomTools();
    this.#png.addEventListener("click", () => void this.#keepPicture("png"));
    this.#svg.addEventListener("click", () => void this.#keepPicture("svg"));
    this.#files = element("div", { class: "files", role: "group" }, this.#csv, this.#parquet, this.#png, this.#svg);
    this.#figure = element(
      "section",
      { class: "panel figure-panel" },
      element("div", { class: "figure-head" }, element("div", {}, this.#title, this.#hint), this.#zoomTools),
      this.#knownNote,
      this.#lines.element,
      this.#place,
      this.#sentence,
      this.#problem,
      this.#foot,
    );
    this.#choices = element("div", { class: "choices" }, this.#form.element, this.#span.element, this.#step.element, this.#band.element, this.#known.element);
    this.element = element(
      "div",
      { class: "data-view" },
      this.#heading,
      element(
        "section",
        { class: "panel" },
        this.#picker.element,
        this.#chosen.element,
        this.#choices,
      ),
      this.#figure,
    );
    new ResizeObserver(() => {
      if (Math.abs(this.#place.clientWidth - this.#width) > 4) this.#draw();
    }).observe(this.#figure);
    day.changed.add(() => {
      if (this.#shown) void this.#load();
    });
    day.sourceChanged.add(({ id }) => {
      if (this.#shown && id === this.#state?.source && this.#refreshing === 0) {
        this.#refreshing = window.setTimeout(() => {
          this.#refreshing = 0;
          if (this.#shown) void this.#load();
        }, REFRESH_MILLISECONDS);
      }
    });
    this.refresh();
  }

  show(asked: URLSearchParams): void {
    this.#shown = true;
    this.#asked = asked;
    this.#state = null;
    void this.#load();
  }

  hide(): void {
    this.#shown = false;
    this.#loading.abort();
  }

  refresh(): void {
    this.#write();
    this.#lines.redraw();
  }

  #change(changes: Partial<State>): void {
    if (this.#state === null) {
      const { source } = changes;
      if (source === undefined) return;
      // What the address says beside belongs to another source.
      this.#asked = new URLSearchParams([["source", source]]);
      const others = [...stateOfView(parameters()).keys()].map((name) => [name, null]);
      writeAddress({ ...Object.fromEntries(others), source });
    } else {
      this.#state = { ...this.#state, ...changes };
      writeAddress(parametersOf(this.#state), "zoom" in changes && Object.keys(changes).length === 1 ? "replace" : "push");
    }
    // What is drawn differently needs no new data.
    const drawn = Object.keys(changes).every((name) => ["zoom", "band", "form"].includes(name));
    if (drawn && this.#answer !== null && changes.form !== "heat") this.#write();
    else void this.#load();
  }

  async #load(): Promise<void> {
    this.#loading.abort();
    const loading = new AbortController();
    this.#loading = loading;
    setAttribute(this.element, "aria-busy", "true");
    try {
      this.#measures = await fetchMeasures();
      setTimeZone(this.#measures.time_zone);
      this.#state ??= readState(this.#asked, this.#measures, this.#clock.now());
      const { state, source } = { state: this.#state, source: this.#source() };
      if (state !== null && source !== undefined) {
        const step = stepOf(state.span, state.step);
        const entities = await this.#entitiesOf(state, source, loading.signal);
        const nothing = entities.length === 0 && !addsUp(source, state.measure);
        const asked = this.#ask(state, entities, step);
        // Without an entity such a measure cannot be asked for.
        const [answer, present] = await Promise.all(nothing ? [null, null] : [
          fetchSeries(asked, loading.signal),
          state.known === null ? null : fetchSeries({ ...asked, known_at: null }, loading.signal),
        ]);
        const heat = formOf(state, source) === "heat" && step !== "hour";
        const hours = heat && answer !== null ? await fetchSeries(this.#ask(state, entities.slice(0, 1), "hour"), loading.signal) : answer;
        if (loading.signal.aborted) return;
        this.#answer = answer;
        this.#nothing = nothing;
        this.#hours = hours;
        this.#present = present;
      }
      this.#error = null;
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#error = error;
      this.#answer = null;
    }
    if (loading.signal.aborted) return;
    setAttribute(this.element, "aria-busy", null);
    this.#write();
  }

  #source(): SourceMeasures | undefined {
    return this.#measures?.sources.find(({ id }) => id === this.#state?.source);
  }

  async #entitiesOf(state: State, source: SourceMeasures, signal: AbortSignal): Promise<string[]> {
    if (state.entities.length > 0 || addsUp(source, state.measure)) return state.entities;
    const ranks = source.measures.some(({ id, kind }) => id === state.measure && kind === "rank");
    if (!ranks && source.leading.length > 0) return source.leading.slice(0, USUAL_ENTITIES);
    const ask = {
      source: source.id,
      measure: state.measure,
      order: ranks ? "value" : "name",
      limit: ranks ? USUAL_RANKS : USUAL_ENTITIES,
      known_at: state.known === null ? null : rfc3339(state.known),
    };
    const { from, to } = datesOf(state.span, dateShown(this.#day, this.#measures));
    // The last day says it at little cost; where it has none, those of all the time shown.
    for (const first of new Set([to, from])) {
      const { entities } = await fetchEntities({ ...ask, from: first, to }, signal);
      if (entities.length > 0) return entities.map(({ entity }) => entity);
    }
    return [];
  }

  #ask(state: State, entities: string[], step: Step): Ask {
    const date = dateShown(this.#day, this.#measures);
    const known_at = state.known === null ? null : rfc3339(state.known);
    return { source: state.source, measure: state.measure, entity: entities, step, known_at, ...datesOf(state.span, date) };
  }

  #write(): void {
    const { state, measures, answer } = { state: this.#state, measures: this.#measures, answer: this.#answer };
    setText(this.#heading, say().title);
    this.#nameTools();
    if (measures !== null) {
      this.#picker.write(measures, state === null ? null : { source: state.source, measure: state.measure, entity: null });
    }
    this.#writeProblem();
    const source = this.#source();
    if (state === null || source === undefined) {
      this.#chosen.write(say().chosen, [], say().remove);
      return;
    }
    const form = formOf(state, source);
    const lines = answer?.series.filter(({ entity }) => entity !== TOGETHER) ?? [];
    this.#chosen.write(
      say().chosen,
      lines.map(({ name }, index) => ({ name, paint: form === "heat" ? null : dataColour(index) })),
      say().remove,
    );
    this.#writeChoices(state, source, form);
    this.#writeFoot(form);
    this.#draw();
  }

  #writeChoices(state: State, source: SourceMeasures, form: Form): void {
    this.#form.write(say().form, formsOf(source, state.measure).map((one) => [one, say().forms[one]]), form);
    this.#span.write(say().span, (Object.keys(SPANS) as Span[]).map((one) => [one, say().spans[one]]), state.span);
    const steps: readonly Step[] = SPANS[state.span].steps;
    this.#step.write(say().step, steps.toSorted(byLength).map((one) => [one, say().steps[one]]), stepOf(state.span, state.step));
    this.#step.element.hidden = steps.length < 2 || form === "heat";
    this.#band.write(say().band, BANDS.map((one) => [one, say().bands[one]]), state.band);
    this.#known.write(state.known, this.#clock.now());
    this.#band.element.hidden = form !== "lines" || this.#answer?.series.length !== 1 || this.#answer.events;
  }

  #writeProblem(): void {
    const { error, measures } = { error: this.#error, measures: this.#measures };
    const [title, detail] = this.#problem.children;
    const missing = measures === null || this.#state !== null ? null : missingSource(this.#asked, measures);
    const text = this.#problemText(missing);
    this.#problem.hidden = text === "";
    if (title) setText(title, text);
    if (detail) setText(detail, error !== null ? explain(error) : missing !== null ? say().chooseOther : "");
    this.#retry.hidden = error === null || isTooMuch(error);
    this.#choices.hidden = missing !== null;
    setText(this.#retry, words().retry);
    for (const part of [this.#lines.element, this.#place, this.#sentence, this.#knownNote, this.#foot, this.#title, this.#hint, this.#zoomTools]) {
      part.hidden = text !== "";
    }
  }

  #problemText(missing: string | null): string {
    const { error, answer, measures } = { error: this.#error, answer: this.#answer, measures: this.#measures };
    if (error !== null) return say().failed;
    if (measures?.sources.length === 0) return words().noSources;
    if (missing !== null) return say().missing(missing);
    if (this.#nothing) return say().nothing;
    if (answer === null) return say().loading;
    return answer.series.length === 0 ? say().chooseEntity : "";
  }

  #writeFoot(form: Form): void {
    const { state, answer } = { state: this.#state, answer: this.#answer };
    if (state === null || answer === null) return;
    setAttribute(this.#files, "aria-label", say().files);
    setAttribute(this.#files, "title", say().files);
    const entities = answer.series.map(({ entity }) => entity);
    const ask = this.#ask(state, entities, form === "heat" ? "hour" : answer.step);
    setText(this.#csv, "CSV");
    setText(this.#parquet, "Parquet");
    setAttribute(this.#csv, "href", dataAddress("series", { ...ask, format: "csv" }));
    setAttribute(this.#parquet, "href", dataAddress("series", { ...ask, format: "parquet" }));
    this.#png.hidden = form === "table";
    this.#svg.hidden = form === "table";
    this.#foot.replaceChildren(creditLine([answer]), this.#files);
  }

  #draw(): void {
    const { state, answer, source } = { state: this.#state, answer: this.#answer, source: this.#source() };
    if (state === null || answer === null || source === undefined || answer.series.length === 0) return;
    const form = formOf(state, source);
    const lines = form === "lines";
    this.#lines.element.hidden = !lines;
    this.#zoomTools.hidden = !lines;
    this.#hint.hidden = form === "table";
    this.#place.hidden = lines;
    setText(this.#hint, lines ? say().hint : say().hintCells);
    setText(this.#title, this.#titleText(answer));
    this.#width = this.#place.clientWidth;
    const width = Math.max(300, this.#width);
    if (form !== "heat") setText(this.#sentence, "");
    const { known } = state;
    this.#knownNote.hidden = known === null || this.#present === null;
    setText(this.#knownNote, known === null || this.#present === null ? "" : describeKnown(answer, this.#present, known));
    if (lines) {
      this.#lines.update(linesModel(answer, state.band, state.zoom, this.#present));
    } else if (form === "heat") {
      const { drawn, sentence } = drawHeat(this.#hours ?? answer, width);
      renew(this.#place, drawn);
      renew(this.#sentence, ...sentence);
    } else {
      renew(this.#place, form === "ranking" ? drawBump(answer, width, this.#titleText(answer)) : drawTable(answer, this.#clock.now()));
    }
  }

  #titleText(answer: SeriesAnswer): string {
    const measure = answer.measure ? inLanguage(answer.measure.title) : say().count;
    const [only] = answer.series;
    const entity = answer.series.length === 1 && only ? apart(entityName(only.entity, only.name)) : null;
    const across = answer.across ? say()[answer.across] : "";
    const of = [entity, across].filter((text) => text !== null && text !== "").join(", ");
    const named = of === "" || answer.events ? measure : `${measure} (${of})`;
    const title = `${inLanguage(answer.title)} · ${named}`;
    return answer.known_at ? nameThen(title, milliseconds(answer.known_at)) : title;
  }

  #makeZoomTools(): void {
    const move = (change: (from: number, to: number) => [number, number]): void => {
      const answer = this.#answer;
      if (answer === null) return;
      const [first, last] = [Date.parse(answer.starts[0] ?? answer.end), Date.parse(answer.end)];
      const [from, to] = change(...(this.#state?.zoom ?? [first, last]));
      const whole = from <= first && to >= last;
      this.#change({ zoom: whole ? null : [Math.max(first, from), Math.min(last, to)] });
    };
    const tools: [() => string, string, () => void][] = [
      [() => say().earlier, "M15 5l-7 7 7 7", () => move((from, to) => [from - (to - from) / 2, to - (to - from) / 2])],
      [() => say().zoomIn, "M12 5v14M5 12h14", () => move((from, to) => [from + (to - from) / 4, to - (to - from) / 4])],
      [() => say().zoomOut, "M5 12h14", () => move((from, to) => [from - (to - from) / 2, to + (to - from) / 2])],
      [() => say().later, "M9 5l7 7-7 7", () => move((from, to) => [from + (to - from) / 2, to + (to - from) / 2])],
      [() => say().allTitle, "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5", () => this.#change({ zoom: null })],
    ];
    const buttons = tools.map(([name, path, act]) => {
      const button = element("button", { type: "button", class: "icon-button" }, icon(path));
      button.addEventListener("click", act);
      return { button, name };
    });
    this.#zoomTools.append(...buttons.map(({ button }) => button));
    this.#nameTools = (): void => {
      for (const { button, name } of buttons) {
        setAttribute(button, "aria-label", name());
        setAttribute(button, "title", name());
      }
    };
  }

  #nameTools = (): void => undefined;

  async #keepPicture(kind: "png" | "svg"): Promise<void> {
    const answer = this.#answer;
    const drawn = this.#lines.element.hidden ? this.#place.querySelector("svg") : this.#lines.svg();
    if (answer === null || drawn === null) return;
    const file = svgFile(drawn, this.#titleText(answer), creditNotes([answer]));
    const then = answer.known_at ? `_known_${answer.known_at.replace(/[-:]/g, "")}` : "";
    const name = `vigie_${answer.source}_${answer.measure?.id ?? "events"}${then}.${kind}`;
    keep(kind === "svg" ? new Blob([file.text], { type: "image/svg+xml" }) : await pngOf(file), name);
  }
}

const LENGTHS: Step[] = ["hour", "day", "week", "month"];

function byLength(a: Step, b: Step): number {
  return LENGTHS.indexOf(a) - LENGTHS.indexOf(b);
}
