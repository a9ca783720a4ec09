// A chart of the analysis as columns for drawing, and as a sentence for those who do not see it.

import type { AlignedData } from "uplot";
import { dayTick, milliseconds, quantity, timeOfDay } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { joined } from "./joined.ts";
import type { Chart, Period } from "./types.ts";
import { bandOf, type UsualBand } from "./usual.ts";

export interface ChartData {
  /** Times in seconds, then one column of values per series. */
  values: AlignedData;
  /** What the legend says of each time. */
  labels: string[];
  /** What is usual, where the chart says it. */
  usual: UsualBand | null;
}

/** The columns of a line or scatter chart. */
export function chartData(chart: Chart, period: Period, now: number | null): ChartData {
  return chart.kind === "scatter" ? scatterData(chart) : lineData(chart, period, now ?? Number.POSITIVE_INFINITY);
}

/** An hour's figure stands in the middle of its hour; of the hour under way, in the middle of its past. */
function lineData(chart: Chart, period: Period, now: number): ChartData {
  const starts = chart.times.map(milliseconds);
  const ends = starts.map((start, index) => starts[index + 1] ?? Math.max(milliseconds(period.end), start));
  const middles = starts.map((start, index) => {
    const end = ends[index] ?? start;
    return (start + (start <= now ? Math.min(end, now) : end)) / 2000;
  });
  const columns = chart.series.map((series) => joined(starts.map((_, index) => series.values[index] ?? null), series.joined_steps));
  const days = (starts[1] ?? 0) - (starts[0] ?? 0) > 2 * 3_600_000;
  const labels = starts.map((start, index) =>
    days ? dayTick(start) : `${timeOfDay(start)}–${timeOfDay(ends[index] ?? start)}`,
  );
  return { values: [middles, ...columns], labels, usual: bandOf(chart, starts, ends) };
}

function scatterData(chart: Chart): ChartData {
  const marks = chart.series
    .flatMap((series, index) => series.marks.map((mark) => ({ at: milliseconds(mark.at), index, mark })))
    .sort((a, b) => a.at - b.at);
  const columns = chart.series.map((_, index) => marks.map((entry) => (entry.index === index ? entry.mark.value : null)));
  const labels = marks.map(({ at, mark }) => `${timeOfDay(at)} · ${mark.label}`);
  return { values: [marks.map(({ at }) => at / 1000), ...columns], labels, usual: null };
}

/** The chart in words. */
export function describe(chart: Chart): string {
  const sentences = chart.series.map((series) => {
    const label = inLanguage(series.label);
    const values = (chart.kind === "scatter" ? series.marks.map((mark) => mark.value) : series.values).map((value) => value ?? null);
    const known = values.filter((value) => value !== null);
    const last = known.at(-1);
    if (last === undefined) return words().chartEmptySeries(label);
    const say = (value: number): string => quantity(value, chart.unit, chart.decimals);
    const least = known.reduce((a, b) => Math.min(a, b));
    const greatest = known.reduce((a, b) => Math.max(a, b));
    const until = values.slice(0, values.lastIndexOf(last) + 1);
    const gaps = joined(until, series.joined_steps).filter((value) => value === null).length;
    const sentence = words().chartSeries(label, say(least), say(greatest), say(last));
    return gaps > 0 ? `${sentence} (${words().chartGaps(gaps)})` : sentence;
  });
  return `${words().chartKind[chart.kind]}. ${inLanguage(chart.title)}. ${sentences.join(". ")}.`;
}
