// What is usual, in words and for drawing.

import { unitSign } from "./format.ts";
import { language, words } from "./i18n.ts";
import { decimal } from "./numbers.ts";
import type { Band, Chart, SourceAnalysis } from "./types.ts";

/** From the low to the high end, rounded to what the width of the band bears. */
export function usualRange(band: Band, unit: string, decimals: number): string {
  const width = band.high - band.low;
  const coarse = width > 0 ? 10 ** (Math.floor(Math.log10(width)) - 1) : 0;
  const step = Math.max(coarse, 10 ** -decimals);
  const digits = step >= 1 ? 0 : Math.round(-Math.log10(step));
  // What is smaller than the decimals of its measure can tell is not rounded to nothing.
  const tiny = Math.max(Math.abs(band.low), Math.abs(band.high)) < 10 ** -decimals;
  const round = (value: number): string => decimal(tiny ? value : Math.round(value / step) * step, digits);
  const [low, high] = [round(band.low), round(band.high)];
  const range = low === high ? low : `${low}${language() === "fr" ? " à " : "–"}${high}`;
  const sign = unit.startsWith("{") ? "" : unitSign(unit);
  if (sign === "") return range;
  return `${range}${sign === "°" || (sign === "%" && language() === "en") ? "" : "\u00a0"}${sign}`;
}

/** Whether there is such a thing as a usual value of what a source leads with. */
function hasUsual(source: SourceAnalysis): boolean {
  const measure = source.leading_measure;
  if (source.findings.events) return true;
  return measure !== null && measure !== undefined && measure.across !== "each" && (measure.kind === "gauge" || measure.kind === "event");
}

/** What is usual of the figure that a card leads with, or why that is not said; empty where it never is. */
export function usualOf(source: SourceAnalysis): string {
  const [lead] = source.headlines;
  const { findings } = source;
  if (lead?.usual) return words().usualIs(usualRange(lead.usual, lead.unit, lead.decimals));
  if (!hasUsual(source) || findings.history.pending || findings.history.enough) return "";
  return words().notEnoughHistory(findings.history.days);
}

export interface UsualBand {
  /** Seconds. */
  times: number[];
  low: (number | null)[];
  high: (number | null)[];
  /** How many steps apart two ends may be that belong together. */
  joined: number;
}

/** What is usual, in the middle of each step; null where the chart does not say it. */
export function bandOf(chart: Chart, starts: number[], ends: number[]): UsualBand | null {
  if (chart.usual.length === 0 || chart.series.length !== 1) return null;
  return {
    times: starts.map((start, index) => (start + (ends[index] ?? start)) / 2000),
    low: chart.usual.map((band) => band?.low ?? null),
    high: chart.usual.map((band) => band?.high ?? null),
    joined: chart.series[0]?.joined_steps ?? 1,
  };
}

/** The stretches of a band without gap: the indices of their steps. */
export function stretches(band: UsualBand): number[][] {
  const all: number[][] = [];
  for (const [index, low] of band.low.entries()) {
    if (low === null) continue;
    const current = all.at(-1);
    const last = current?.at(-1);
    if (current && last !== undefined && index - last <= band.joined) current.push(index);
    else all.push([index]);
  }
  return all;
}
