// The chart of a card: lines and events on a canvas (uPlot), categories as bars of the page itself. Updates go
// into the chart that is there; it is built again only when its kind or its number of series changes.

import type uPlot from "uplot";
import { Bars } from "./bars.ts";
import { chartData, describe, type ChartData } from "./chart-data.ts";
import { ChartTable, stretchOf } from "./chart-table.ts";
import { element, keepChildren, leisure, setAttribute, setText } from "./dom.ts";
import { integer, isCounted, milliseconds, quantity, timeOfDay, unitSign } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { createPlot } from "./plot.ts";
import { tellTraced, tracedFigure, writeTraced } from "./provenance-button.ts";
import { dataColour } from "./theme.ts";
import type { Band, Chart, Period } from "./types.ts";
import { usualRange } from "./usual.ts";

/** The first charts of the page are drawn at once: nobody waits for the browser to say that they are in sight. */
const AT_ONCE = 3;
let made = 0;
/** The others wait for each other, so that the page is never held up for long. */
let turn = Promise.resolve();

export class ChartView {
  readonly element: HTMLElement;
  readonly #title = element("h3", { class: "chart-title" });
  readonly #tableButton = element("button", { class: "text-button", type: "button", "aria-expanded": "false" });
  readonly #plotPlace = element("div", { class: "plot", role: "img" });
  readonly #nowLine = element("div", { class: "now-line", hidden: "" });
  readonly #legend = element("ul", { class: "legend" });
  readonly #legendTime = element("p", { class: "legend-time" });
  readonly #empty = element("p", { class: "empty-chart" });
  readonly #bars = new Bars();
  readonly #table = new ChartTable();
  readonly #firstColour: number;
  #plot: uPlot | null = null;
  #signature = "";
  #chart: Chart | null = null;
  #period: Period | null = null;
  #data: ChartData | null = null;
  #now: number | null = null;
  /** The room for the plot, once the browser has laid it out. */
  #width = 0;
  #height = 0;
  /** Whether it is drawn: what is far below is when the reader comes, or when the browser has time. */
  #near = (made += 1) <= AT_ONCE;
  #waiting = false;

  constructor(firstColour: number) {
    this.#firstColour = firstColour;
    this.#tableButton.addEventListener("click", () => {
      this.#table.toggle();
      setAttribute(this.#tableButton, "aria-expanded", String(this.#table.open));
      this.#fillTable();
    });
    this.element = element(
      "figure",
      { class: "chart" },
      element("figcaption", { class: "chart-head" }, this.#title, this.#tableButton),
      this.#plotPlace,
      this.#bars.element,
      this.#empty,
      element("div", { class: "legend-row" }, this.#legend, this.#legendTime),
      this.#table.element,
    );
    // Told before anything is painted: so a chart is drawn once, in its size.
    new ResizeObserver(([place]) => {
      [this.#width, this.#height] = [Math.round(place?.contentRect.width ?? 0), Math.round(place?.contentRect.height ?? 0)];
      this.#resize();
    }).observe(this.#plotPlace);
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer.disconnect();
        this.#come();
      },
      { rootMargin: "600px" },
    );
    observer.observe(this.element);
    addEventListener("beforeprint", () => this.#come());
    // With the keyboard the table leads to the same.
    this.#plotPlace.addEventListener("click", () => this.#trace());
  }

  update(chart: Chart | null, ofDay: Period): void {
    const period = chart === null ? ofDay : spanned(chart, ofDay);
    this.#chart = chart;
    this.#period = period;
    const empty = chart === null || chart.series.length === 0;
    this.#empty.hidden = !empty;
    this.#plotPlace.hidden = empty || chart.kind === "bars";
    this.#bars.element.hidden = empty || chart.kind !== "bars";
    this.#tableButton.hidden = empty;
    this.#title.hidden = empty;
    this.#legend.hidden = empty || chart.kind === "bars";
    this.#legendTime.hidden = this.#legend.hidden;
    if (empty) {
      setText(this.#empty, words().noChart);
      this.#destroy();
      this.#table.close();
      return;
    }
    this.#writeHead(chart);
    if (chart.kind === "bars") {
      this.#destroy();
      this.#bars.update(chart, this.#firstColour, () => this.#traceWhole());
    } else {
      this.#draw(chart, period);
    }
    this.#fillTable();
  }

  /** Writes everything again in the present language and colours. */
  refresh(): void {
    if (this.#period === null) return;
    this.update(this.#chart, this.#period);
    this.#plot?.redraw(true, true);
  }

  /** Moves the mark of the present; null where the period is not under way. */
  setNow(now: number | null): void {
    this.#now = now;
    this.#placeNow();
  }

  #writeHead(chart: Chart): void {
    const across = chart.across ? words().across[chart.across] : "";
    const unit = isCounted(chart.unit) ? "" : unitSign(chart.unit);
    const marks = chart.series.reduce((sum, series) => sum + series.marks.length, 0);
    const left = chart.series.reduce((sum, series) => sum + (series.marks_left_out ?? 0), 0);
    const strongest = left > 0 ? words().strongestOf(integer(marks), integer(marks + left)) : "";
    const notes = [chart.kind === "line" && chart.series.length === 1 ? across : "", unit, strongest].filter((note) => note !== "");
    const title = inLanguage(chart.title);
    setText(this.#title, notes.length > 0 ? `${title} (${notes.join(", ")})` : title);
    setText(this.#tableButton, words().chartTable);
    setAttribute(this.#tableButton, "title", words().chartTableTitle);
    setAttribute(this.#plotPlace, "aria-label", describe(chart));
  }

  /** Has it drawn when the browser has time, unless it is not shown by then: it waits again when it is. */
  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    turn = turn.then(leisure).then(() => {
      this.#waiting = false;
      if (this.#width > 0) this.#come();
    }).catch((error: unknown) => console.error("a chart could not be drawn", error));
  }

  #come(): void {
    if (this.#near) return;
    this.#near = true;
    if (this.#chart !== null && this.#period !== null) this.update(this.#chart, this.#period);
  }

  #draw(chart: Chart, period: Period): void {
    const data = chartData(chart, period, this.#now);
    this.#data = data;
    if (!this.#near || (this.#plot === null && this.#width === 0)) {
      this.#writeLegend(null);
      return;
    }
    const signature = `${chart.kind} ${chart.ranked} ${chart.series.length}`;
    if (this.#plot === null || signature !== this.#signature) {
      this.#destroy();
      this.#signature = signature;
      this.#plotPlace.replaceChildren();
      this.#plot = createPlot(this.#plotPlace, data.values, {
        width: this.#width,
        height: this.#height,
        kind: chart.kind,
        ranked: chart.ranked,
        series: chart.series.length,
        firstColour: this.#firstColour,
        period: () => this.#period ?? period,
        usual: () => this.#data?.usual ?? null,
        fromZero: () => this.#chart?.across === "sum" || this.#chart?.kind === "scatter",
        cursorMoved: (index) => this.#writeLegend(index),
      });
      this.#plot.over.append(this.#nowLine);
    } else {
      this.#plot.setData(data.values);
    }
    this.#writeLegend(this.#plot.cursor.idx ?? null);
    this.#placeNow();
  }

  #writeLegend(cursor: number | null): void {
    const { chart, data } = { chart: this.#chart, data: this.#data };
    if (chart === null || data === null || chart.kind === "bars") return;
    const items = keepChildren(this.#legend, chart.series.length + (data.usual ? 1 : 0), () => {
      const figure = tracedFigure("", "", () => this.#traceStep(figure.dataset["step"]));
      // With the keyboard the table leads to the same, without a stop for each of eight lines.
      figure.tabIndex = -1;
      return element("li", {}, element("i", { class: "swatch" }), element("span", { dir: "auto" }), figure);
    });
    let shown: number | null = null;
    for (const [index, series] of chart.series.entries()) {
      const values = data.values[index + 1] as (number | null | undefined)[];
      const at = cursor ?? this.#latest(values, data.values[0]);
      const value = values[at] ?? null;
      if (value !== null) shown = Math.max(shown ?? 0, at);
      const item = items[index];
      const [swatch, name, figure] = item?.children ?? [];
      if (!(swatch instanceof HTMLElement) || !name || !(figure instanceof HTMLButtonElement)) continue;
      const paint = `var(--${dataColour(this.#firstColour + index)})`;
      if (swatch.style.getPropertyValue("--paint") !== paint) swatch.style.setProperty("--paint", paint);
      setAttribute(swatch, "data-dash", index >= 4 ? "" : null);
      setAttribute(swatch, "data-band", null);
      setText(name, inLanguage(series.label));
      figure.dataset["step"] = String(at);
      writeTraced(figure, value === null ? words().gap : quantity(value, chart.unit, chart.decimals), inLanguage(series.label), value !== null);
    }
    const at = cursor ?? shown;
    if (data.usual) this.#writeUsual(items[chart.series.length], chart.usual[at ?? 0] ?? null, chart);
    setText(this.#legendTime, at === null ? "" : (data.labels[at] ?? ""));
  }

  /** The step that the legend tells of: of what reaches ahead, the latest that has begun. */
  #latest(values: (number | null | undefined)[], times: ArrayLike<number | null | undefined>): number {
    const isKnown = (value: number | null | undefined): boolean => typeof value === "number";
    const now = this.#now ?? Number.POSITIVE_INFINITY;
    const begun = values.findLastIndex((value, step) => isKnown(value) && (times[step] ?? 0) * 1000 <= now);
    return begun === -1 ? values.findIndex(isKnown) : begun;
  }

  #writeUsual(item: Element | undefined, band: Band | null, chart: Chart): void {
    const [swatch, name, figure] = item?.children ?? [];
    if (!(swatch instanceof HTMLElement) || !name || !(figure instanceof HTMLButtonElement)) return;
    swatch.style.setProperty("--paint", "var(--usual)");
    setAttribute(swatch, "data-dash", null);
    setAttribute(swatch, "data-band", "");
    setText(name, words().usual);
    figure.dataset["step"] = "";
    writeTraced(figure, band ? usualRange(band, chart.unit, chart.decimals) : "–", words().usual, band !== null);
  }

  #fillTable(): void {
    if (this.#table.open && this.#chart !== null && this.#period !== null) this.#table.update(this.#chart, this.#period);
  }

  /** The figure under the cursor is asked about. */
  #trace(): void {
    const index = this.#plot?.cursor.idx;
    if (typeof index === "number") this.#traceAt(index);
  }

  #traceAt(index: number): void {
    if (this.#chart !== null && this.#period !== null) tellTraced(this.element, stretchOf(this.#chart, this.#period, index));
  }

  /** The figure of a legend; that of what is usual has no step. */
  #traceStep(step: string | undefined): void {
    if (step === "" || step === undefined) tellTraced(this.element, null);
    else this.#traceAt(Number(step));
  }

  #traceWhole(): void {
    this.#traceAt(0);
  }

  #placeNow(): void {
    const { plot, now, period } = { plot: this.#plot, now: this.#now, period: this.#period };
    const within =
      plot !== null &&
      now !== null &&
      period !== null &&
      now >= milliseconds(period.start) &&
      now < milliseconds(period.end);
    this.#nowLine.hidden = !within;
    if (!within) return;
    const left = Math.round(plot.valToPos(now / 1000, "x"));
    const place = `${left}px`;
    if (this.#nowLine.style.left !== place) this.#nowLine.style.left = place;
    setAttribute(this.#nowLine, "title", timeOfDay(now));
  }

  #resize(): void {
    const { width, height } = { width: this.#width, height: this.#height };
    if (width === 0 || height === 0) return;
    if (!this.#near) {
      this.#wait();
    } else if (this.#plot === null) {
      const { chart, period } = { chart: this.#chart, period: this.#period };
      if (chart !== null && period !== null && chart.series.length > 0 && chart.kind !== "bars") this.#draw(chart, period);
    } else if (this.#plot.width !== width || this.#plot.height !== height) {
      this.#plot.setSize({ width, height });
      this.#placeNow();
    }
  }

  #destroy(): void {
    this.#plot?.destroy();
    this.#plot = null;
    this.#signature = "";
  }
}

/** The stretch of time of a chart: the period, or more where a slow source is drawn with the days before. */
function spanned(chart: Chart, period: Period): Period {
  const first = chart.times[0];
  return first !== undefined && milliseconds(first) < milliseconds(period.start) ? { ...period, start: first } : period;
}
