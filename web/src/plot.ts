// How uPlot draws our charts: colours of the style sheet read at each drawing, hours of the zone on the axis, gaps
// as gaps.

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { dayTick, milliseconds, timeOfDay, wallClock } from "./format.ts";
import { longest, ticks } from "./numbers.ts";
import { colour, dataColour, faded } from "./theme.ts";
import type { Chart, Period } from "./types.ts";
import { stretches, type UsualBand } from "./usual.ts";

const HOUR_SECONDS = 3600;
const DAY_HOURS = 24;
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export interface PlotOptions {
  width: number;
  height: number;
  kind: Chart["kind"];
  /** Whether the values are ranks: the first is at the top, and there is no 0. */
  ranked: boolean;
  series: number;
  firstColour: number;
  period: () => Period;
  /** What is usual, drawn behind the line. */
  usual: () => UsualBand | null;
  /** Whether the scale of values starts at zero, as it must for totals. */
  fromZero: () => boolean;
  cursorMoved: (index: number | null) => void;
}

/** Hours (or days) at which the time axis has a tick: as many as fit, at whole local hours. */
function timeTicks(period: Period, width: number): number[] {
  const start = milliseconds(period.start) / 1000;
  const end = milliseconds(period.end) / 1000;
  const hours = Math.round((end - start) / HOUR_SECONDS);
  const fits = Math.max(2, Math.floor(width / 64));
  const step = [1, 2, 3, 4, 6, 12, DAY_HOURS, 2 * DAY_HOURS, 7 * DAY_HOURS].find((each) => hours / each <= fits) ?? 168;
  const ticks: number[] = [];
  for (let time = start; time <= end; time += HOUR_SECONDS) {
    // Read on the clock of the zone: on the days of 23 and 25 hours 06:00 is not six hours after midnight.
    const hour = Number.parseInt(wallClock(time * 1000), 10);
    const onStep = step < DAY_HOURS ? hour % step === 0 : hour === 0 && ticks.length * step * HOUR_SECONDS <= time - start;
    const again = ticks.length > 0 && time - (ticks.at(-1) ?? 0) < 1.5 * HOUR_SECONDS && step > 1;
    if (onStep && !again) ticks.push(time);
  }
  return ticks;
}

function timeLabel(period: Period, seconds: number): string {
  const days = (milliseconds(period.end) - milliseconds(period.start)) / 86_400_000;
  return days > 2 ? dayTick(seconds * 1000) : timeOfDay(seconds * 1000);
}

/** A stem from the bottom of the chart to each event. */
const stems: uPlot.Series.PathBuilder = (plot, series, from, to) => {
  const stroke = new Path2D();
  const times = plot.data[0];
  const values = plot.data[series];
  const bottom = plot.bbox.top + plot.bbox.height;
  for (let index = from; index <= to; index += 1) {
    const value = values?.[index];
    const time = times[index];
    if (value === null || value === undefined || time === undefined) continue;
    const x = plot.valToPos(time, "x", true);
    stroke.moveTo(x, bottom);
    stroke.lineTo(x, plot.valToPos(value, "y", true));
  }
  return { stroke, fill: null, clip: null, band: null, flags: 0 };
};

/** The band of what is usual, of the hours to come as well. */
function drawUsual(plot: uPlot, band: UsualBand): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour("usual");
  const point = (index: number, values: (number | null)[]): [number, number] => [
    plot.valToPos(band.times[index] ?? 0, "x", true),
    plot.valToPos(values[index] ?? 0, "y", true),
  ];
  for (const stretch of stretches(band)) {
    ctx.beginPath();
    for (const index of stretch) ctx.lineTo(...point(index, band.high));
    for (const index of [...stretch].reverse()) ctx.lineTo(...point(index, band.low));
    ctx.closePath();
    ctx.fill();
  }
  ctx.restore();
}

function seriesOptions(options: PlotOptions, index: number): uPlot.Series {
  const paint = (): string => colour(dataColour(options.firstColour + index));
  if (options.kind === "scatter") {
    return {
      paths: stems,
      stroke: () => faded(paint(), 0.35),
      width: 1,
      points: { show: true, size: 8, width: 1, stroke: () => colour("surface"), fill: () => faded(paint(), 0.85) },
    };
  }
  return {
    stroke: paint,
    width: 2,
    dash: index >= 4 ? [6, 4] : [],
    spanGaps: false,
    fill: (plot) => {
      if (options.series > 1 || !options.fromZero() || options.usual() !== null) return "transparent";
      const { top, height } = plot.bbox;
      const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
      gradient.addColorStop(0, faded(paint(), 0.22));
      gradient.addColorStop(1, faded(paint(), 0.03));
      return gradient;
    },
    points: { show: true, size: options.series > 3 ? 3 : 4.5, width: 0, stroke: paint, fill: paint },
  };
}

/** Draws a chart into `place`. */
export function createPlot(place: HTMLElement, data: uPlot.AlignedData, options: PlotOptions): uPlot {
  const ink = (): string => colour("ink-2");
  const rule = (): string => colour("rule");
  return new uPlot(
    {
      width: Math.max(options.width, 120),
      height: Math.max(options.height, 80),
      padding: [10, 18, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        points: { size: 8 },
      },
      scales: {
        x: {
          time: false,
          range: () => [milliseconds(options.period().start) / 1000, milliseconds(options.period().end) / 1000],
        },
        y: {
          dir: options.ranked ? -1 : 1,
          // The types allow numbers only, yet uPlot passes null where a chart has no value at all.
          range: (_plot, ofLines: number | null, toLines: number | null) => {
            const band = options.usual();
            const ends = [...(band?.low ?? []), ...(band?.high ?? []), ofLines, toLines].filter((end) => end !== null);
            const least = ends.length > 0 ? Math.min(...ends) : null;
            const greatest = ends.length > 0 ? Math.max(...ends) : null;
            if (least === null || greatest === null) return [0, 1];
            if (options.ranked) return [0.5, greatest + 0.5];
            if (options.fromZero() && least >= 0) return [0, greatest > 0 ? greatest * 1.12 : 1];
            return uPlot.rangeNum(least, greatest, 0.12, false);
          },
        },
      },
      axes: [
        {
          splits: (plot) => timeTicks(options.period(), plot.width),
          values: (_plot, times) => times.map((time) => timeLabel(options.period(), time)),
          stroke: ink,
          font: FONT,
          size: 24,
          gap: 4,
          grid: { show: false },
          ticks: { stroke: rule, width: 1, size: 4 },
        },
        {
          // No half ranks either.
          values: (_plot, values) => ticks(values).map((label, index) => (options.ranked && !Number.isInteger(values[index]) ? "" : label)),
          stroke: ink,
          font: FONT,
          size: (_plot, labels: string[] | null) => 16 + 6.4 * Math.max(2, longest(labels ?? [])),
          gap: 6,
          space: 34,
          grid: { stroke: rule, width: 1 },
          ticks: { show: false },
        },
      ],
      series: [{}, ...Array.from({ length: options.series }, (_, index) => seriesOptions(options, index))],
      hooks: {
        drawAxes: [
          (plot) => {
            const band = options.usual();
            if (band) drawUsual(plot, band);
          },
        ],
        setCursor: [(plot) => options.cursorMoved(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? null) : null)],
      },
    },
    data,
    place,
  );
}
