// The values of a chart as a table: the same data for those who read rather than see, and for copying.

import { element } from "./dom.ts";
import { decimal, milliseconds, timeOfDay } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { table } from "./table.ts";
import type { Chart } from "./types.ts";

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

  update(chart: Chart): void {
    this.element.replaceChildren(chart.kind === "line" ? lines(chart) : chart.kind === "scatter" ? marks(chart) : bars(chart));
  }
}

function say(chart: Chart, value: number | null | undefined): string {
  return value === null || value === undefined ? words().gap : decimal(value, chart.decimals);
}

function lines(chart: Chart): HTMLElement {
  return table(
    inLanguage(chart.title),
    [words().columns.time, ...chart.series.map((series) => inLanguage(series.label))],
    chart.times.map((time, index) => [
      timeOfDay(milliseconds(time)),
      ...chart.series.map((series) => say(chart, series.values[index])),
    ]),
  );
}

function marks(chart: Chart): HTMLElement {
  const all = chart.series.flatMap((series) => series.marks).sort((a, b) => a.at.localeCompare(b.at));
  return table(
    inLanguage(chart.title),
    [words().columns.event, words().columns.time, words().columns.value],
    all.map((mark) => [mark.label, timeOfDay(milliseconds(mark.at)), say(chart, mark.value)]),
  );
}

function bars(chart: Chart): HTMLElement {
  return table(
    inLanguage(chart.title),
    [words().columns.name, words().columns.value],
    chart.series.map((series) => [inLanguage(series.label), say(chart, series.values[0])]),
  );
}
