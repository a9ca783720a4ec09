// How two series go together, with what speaks against believing it.

import { say } from "./compare-words.ts";
import { fetchCorrelation, TOGETHER, type Ask } from "./data.ts";
import { explain } from "./day-message.ts";
import { element, keepChildren, renew, setText } from "./dom.ts";
import { fullDate, integer } from "./format.ts";
import { language, locale } from "./i18n.ts";
import { fixed } from "./numbers.ts";
import { askParts, nameProvenanceButton, provenanceButton } from "./provenance-button.ts";
import { figure, label, shape } from "./svg.ts";
import { gridOf, readable } from "./svg-grid.ts";
import type { CorrelationAnswer, Step } from "./types.ts";

type Lag = Pick<CorrelationAnswer["lags"][number], "lag" | "r" | "pairs">;

/** From a local date to another, which is included. */
interface Stretch {
  from: string;
  to: string;
}

/** How far one series is shifted, by the length of a step. */
const LAGS: Record<Step, number> = { hour: 24, day: 7, week: 4, month: 3 };

export interface Comparable {
  /** As the interface calls it: source/measure/entity. */
  id: string;
  name: string;
}

export interface PairChoice {
  a: number;
  b: number;
  changes: boolean;
}

export class CorrelationPanel {
  readonly element: HTMLElement;
  readonly #title = element("h2");
  readonly #first = element("select");
  readonly #second = element("select");
  readonly #changes = element("input", { type: "checkbox" });
  readonly #firstLabel = element("span", { class: "field-label" });
  readonly #secondLabel = element("span", { class: "field-label" });
  readonly #changesLabel = element("span");
  readonly #verdict = element("p", { class: "verdict", role: "status" });
  readonly #trace = provenanceButton(() => this.#ask(this.#answer?.best ?? null));
  readonly #notes = element("p", { class: "verdict-notes" });
  readonly #hint = element("p", { class: "figure-hint" });
  readonly #place = element("div", { class: "figure-place" });
  readonly #caution = element("p", { class: "caution" });
  #answer: CorrelationAnswer | null = null;
  #problem = "";
  #loading = new AbortController();
  #asked = "";
  /** The two that the answer is of, and the stretch. */
  #pair: [Comparable, Comparable] | null = null;
  #range: Stretch | null = null;

  constructor(changed: (choice: PairChoice) => void) {
    const tell = (): void => changed({ a: Number(this.#first.value), b: Number(this.#second.value), changes: this.#changes.checked });
    for (const control of [this.#first, this.#second, this.#changes]) control.addEventListener("change", tell);
    this.element = element(
      "section",
      { class: "panel" },
      this.#title,
      element(
        "div",
        { class: "pair" },
        element("label", { class: "field" }, this.#firstLabel, this.#first),
        element("label", { class: "field" }, this.#secondLabel, this.#second),
        element("label", { class: "toggle" }, this.#changes, this.#changesLabel),
      ),
      element("div", { class: "verdict-row" }, this.#verdict, this.#trace),
      this.#notes,
      this.#hint,
      this.#place,
      this.#caution,
    );
    let width = 0;
    new ResizeObserver(() => {
      if (Math.abs(this.#place.clientWidth - width) < 4) return;
      width = this.#place.clientWidth;
      this.#draw();
    }).observe(this.element);
  }

  /** Asks for the pair, unless it is what is shown. */
  async load(lines: Comparable[], choice: PairChoice, range: Stretch, step: Step, fresh: boolean): Promise<void> {
    this.#write(lines, choice);
    const [a, b] = [lines[choice.a], lines[choice.b]];
    if (a === undefined || b === undefined) return;
    const ask: Ask = { a: a.id, b: b.id, ...range, step, lag: LAGS[step], changes: String(choice.changes) };
    const key = JSON.stringify(ask);
    if (key === this.#asked && !fresh) {
      this.#draw();
      return;
    }
    this.#asked = key;
    this.#loading.abort();
    const loading = new AbortController();
    this.#loading = loading;
    try {
      const answer = await fetchCorrelation(ask, loading.signal);
      if (loading.signal.aborted) return;
      this.#answer = answer;
      this.#pair = [a, b];
      this.#range = range;
      this.#problem = "";
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#answer = null;
      this.#problem = explain(error);
      this.#asked = "";
    }
    this.#draw();
  }

  #write(lines: Comparable[], choice: PairChoice): void {
    const { correlation, first, second, changes } = say();
    setText(this.#title, correlation);
    setText(this.#firstLabel, first);
    setText(this.#secondLabel, second);
    setText(this.#changesLabel, changes);
    this.#changes.checked = choice.changes;
    for (const [select, chosen] of [
      [this.#first, choice.a],
      [this.#second, choice.b],
    ] as const) {
      const options = keepChildren(select, lines.length, () => element("option"));
      for (const [index, line] of lines.entries()) {
        const option = options[index];
        if (!(option instanceof HTMLOptionElement)) continue;
        option.value = String(index);
        setText(option, line.name);
      }
      select.value = String(chosen);
    }
  }

  #draw(): void {
    const answer = this.#answer;
    this.#trace.hidden = !answer?.best;
    setText(this.#hint, answer?.best ? say().lagHint : "");
    if (answer === null) {
      setText(this.#verdict, this.#problem);
      setText(this.#notes, "");
      setText(this.#caution, "");
      this.#caution.hidden = true;
      this.#place.replaceChildren();
      return;
    }
    const { best, lags, step } = answer;
    const signed = (value: number): string => fixed(value, 2);
    if (!best) {
      setText(this.#verdict, say().tooLittle);
      setText(this.#notes, "");
    } else {
      setText(this.#verdict, say().verdict(signed(best.r), whenOf(best.lag, step)));
      nameProvenanceButton(this.#trace, this.#verdict.textContent ?? "");
      const { low, high } = best;
      const known = low !== null && low !== undefined && high !== null && high !== undefined;
      const interval = known ? say().interval(signed(low), signed(high)) : "";
      const unsure = !known ? say().fewIndependent : low <= 0 && high >= 0 ? say().unsure : "";
      setText(this.#notes, say().notes(integer(best.pairs), integer(best.effective_pairs), interval) + unsure);
    }
    this.#caution.hidden = false;
    setText(this.#caution, say().caution(lags.length));
    const width = Math.max(280, Math.min(900, this.#place.clientWidth));
    const traced = (lag: Lag): void => this.#ask(lag);
    renew(this.#place, best ? lagFigure(answer, width, this.#verdict.textContent ?? "", traced) : "");
  }

  /** The two series over the whole stretch: each leads to its downloads. */
  #ask(lag: Lag | null): void {
    const { answer, pair, range } = { answer: this.#answer, pair: this.#pair, range: this.#range };
    if (answer === null || pair === null || range === null || lag === null || lag.r === null || lag.r === undefined) return;
    const parts = pair.map(({ id, name }) => {
      const [source = "", , ...entity] = id.split("/");
      const of = entity.join("/");
      return { name, note: say().stretch(fullDate(range.from), fullDate(range.to)), question: { source, entity: of === "" || of === TOGETHER ? undefined : of, ...range } };
    });
    const verdict = say().verdict(fixed(lag.r, 2), whenOf(lag.lag, answer.step));
    askParts(`${verdict} (${pair.map(({ name }) => name).join(" / ")})`, say().computed(integer(lag.pairs), answer.changes), parts);
  }
}

/** Which of the two follows the other, by how much. */
function whenOf(lag: number, step: Step): string {
  const steps = counted(Math.abs(lag), step);
  return lag === 0 ? say().same : lag > 0 ? say().after(steps) : say().before(steps);
}

/** So many steps in words. */
function counted(count: number, step: Step): string {
  const [one, other] = say().units[step];
  const singular = new Intl.PluralRules(locale()).select(count) === "one";
  return `${integer(count)}\u00a0${(singular ? one : other) ?? ""}`;
}

/** A bar per lag, from −1 to 1. */
function lagFigure({ lags, best, step }: CorrelationAnswer, width: number, title: string, traced: (lag: Lag) => void): SVGElement {
  const box = { left: 34, right: width - 6, top: 10, bottom: 150 };
  const column = (box.right - box.left) / lags.length;
  const y = (r: number): number => (box.top + box.bottom) / 2 - (r * (box.bottom - box.top)) / 2;
  const every = Math.max(1, Math.ceil((lags.length / Math.max(1, (box.right - box.left) / 44)) / 6) * 6);
  const stride = lags.length <= 20 && column > 30 ? 1 : every;
  const known = lags.flatMap((lag, column) => (lag.r === null || lag.r === undefined ? [] : [{ ...lag, r: lag.r, place: column }]));
  const bars = known.map((lag) => {
    const { r, place } = lag;
    const chosen = lag.lag === best?.lag;
    const name = say().lagLabel(String(lag.lag), fixed(r, 2), integer(lag.pairs));
    const size = { x: box.left + place * column + column * 0.12, y: Math.min(y(0), y(r)), width: column * 0.76, height: Math.max(1, Math.abs(y(r) - y(0))) };
    const drawn = shape("rect", { ...size, fill: chosen ? "var(--data-1)" : "var(--data-0)", "fill-opacity": chosen ? 1 : 0.55 }, shape("title", {}, name));
    return { row: 0, column: place, name, drawn };
  });
  const first = Math.max(0, known.findIndex(({ lag }) => lag === best?.lag));
  const pressed = (index: number): void => {
    const lag = known[index];
    if (lag !== undefined) traced(lag);
  };
  const drawing = figure(
    width,
    box.bottom + 42,
    title,
    ...[-1, -0.5, 0, 0.5, 1].flatMap((r) => [
      shape("line", { x1: box.left, x2: box.right, y1: y(r), y2: y(r), stroke: r === 0 ? "var(--edge)" : "var(--rule)" }),
      label(box.left - 6, y(r) + 4, fixed(r, r % 1 === 0 ? 0 : 1), "end"),
    ]),
    ...lags.flatMap(({ lag }, index) => {
      const x = box.left + index * column;
      return lag % stride === 0 ? [label(x + column / 2, box.bottom + 16, lag > 0 ? `+${lag}` : String(lag).replace("-", "−"), "middle")] : [];
    }),
    label((box.left + box.right) / 2, box.bottom + 36, say().lagAxis(say().units[step][1] ?? language()), "middle"),
  );
  return readable(drawing, gridOf(say().lagAxis(say().units[step][1] ?? language()), bars, first, pressed));
}
