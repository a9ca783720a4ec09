// The values of a chart as a table: the same data for those who read rather than see, and for copying.

import { element, renew } from "./dom.ts";
import { milliseconds, timeOfDay } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { decimal } from "./numbers.ts";
import { tellTraced, tracedFigure, type Traced } from "./provenance-button.ts";
import { table } from "./table.ts";
import type { Chart, Mark, Period } from "./types.ts";

export class ChartTable {
  readonly element = element("div", { class: "chart-table", hidden: "" });

  get open(): boolean {
    return !this.element.hidden;
  }

  toggle(): void {
    this.element.hidden = !this.element.hidden;
  }

  close(): void {
    this.element.hidden = true;
  }

  update(chart: Chart, period: Period): void {
    const made = chart.kind === "line" ? lines : chart.kind === "scatter" ? marks : bars;
    renew(this.element, made(chart, period));
  }
}

/** The stretch of time that the figures at a place of the chart are of. */
export function stretchOf(chart: Chart, period: Period, index: number): Traced {
  const { start, end } = period;
  if (chart.kind === "line") return { from: chart.times[index] ?? start, to: chart.times[index + 1] ?? end };
  const mark = chart.kind === "scatter" ? sorted(chart)[index] : undefined;
  if (mark === undefined) return { from: start, to: end };
  return { from: mark.at, to: new Date(milliseconds(mark.at) + 1000).toISOString() };
}

function sorted(chart: Chart): Mark[] {
  return chart.series.flatMap((series) => series.marks).sort((a, b) => milliseconds(a.at) - milliseconds(b.at));
}

/** A value that opens where it comes from; a gap comes from nowhere. */
function figure(chart: Chart, period: Period, index: number, value: number | null | undefined, of: string): Node | string {
  if (value === null || value === undefined) return say(chart, value);
  return tracedFigure(say(chart, value), of, (button) => tellTraced(button, stretchOf(chart, period, index)));
}

function say(chart: Chart, value: number | null | undefined): string {
  return value === null || value === undefined ? words().gap : decimal(value, chart.decimals);
}

function lines(chart: Chart, period: Period): HTMLElement {
  return table(
    inLanguage(chart.title),
    [words().columns.time, ...chart.series.map((series) => inLanguage(series.label))],
    chart.times.map((time, index) => [
      timeOfDay(milliseconds(time)),
      ...chart.series.map((series) => figure(chart, period, index, series.values[index], timeOfDay(milliseconds(time)))),
    ]),
  );
}

function marks(chart: Chart, period: Period): HTMLElement {
  return table(
    inLanguage(chart.title),
    [words().columns.event, words().columns.time, words().columns.value],
    sorted(chart).map((mark, index) => [mark.label, timeOfDay(milliseconds(mark.at)), figure(chart, period, index, mark.value, mark.label)]),
  );
}

function bars(chart: Chart, period: Period): HTMLElement {
  return table(
    inLanguage(chart.title),
    [words().columns.name, words().columns.value],
    chart.series.map((series) => [inLanguage(series.label), figure(chart, period, 0, series.values[0], inLanguage(series.label))]),
  );
}
