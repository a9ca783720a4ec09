// How a measure goes with the hour of the day and the day of the week.

import { quantity } from "./format.ts";
import { locale, wordsOf } from "./i18n.ts";
import { figure, label, shape } from "./svg.ts";
import { gridOf, readable } from "./svg-grid.ts";
import type { TimeAxis } from "./time-axis.ts";

const say = wordsOf({
  fr: {
    none: "Rien de connu sur cette durée.",
    sentence: (most: string, least: string): [string, string, string] => [`Le plus haut : ${most} (`, `) ; le plus bas : ${least} (`, ")."],
    cell: (when: string, what: string, count: number) => `${when} : ${what} (${count} h)`,
    grid: "Moyennes par heure et jour de la semaine",
  },
  en: {
    none: "Nothing is known of this stretch of time.",
    sentence: (most, least) => [`Highest: ${most} (`, `); lowest: ${least} (`, ")."],
    cell: (when, what, count) => `${when}: ${what} (${count} h)`,
    grid: "Means by hour and weekday",
  },
});

export interface Cell {
  weekday: number;
  hour: number;
  mean: number;
  /** The hours that it is the mean of, by their places on the axis. */
  steps: number[];
}

/** The mean of the hours of each weekday and hour of the day. */
export function cellsOf(axis: TimeAxis, values: (number | null)[]): Cell[] {
  const sums = new Map<number, Cell>();
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const { hour, weekday } = axis.place(index);
    const cell = sums.get(weekday * 24 + hour) ?? { weekday, hour, mean: 0, steps: [] };
    cell.steps.push(index);
    cell.mean += (value - cell.mean) / cell.steps.length;
    sums.set(weekday * 24 + hour, cell);
  }
  return [...sums.values()];
}

/** The name of a weekday, 0 being Monday. */
export function weekdayName(weekday: number, width: "long" | "short"): string {
  return new Intl.DateTimeFormat(locale(), { weekday: width, timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + weekday));
}

function hourName(hour: number): string {
  return `${String(hour).padStart(2, "0")}:00`;
}

/** The weekday and the hour of a cell. */
export function cellName({ weekday, hour }: Cell): string {
  return `${weekdayName(weekday, "long")} ${hourName(hour)}`;
}

/** The heatmap in words, with the two cells that they name: what stands before each, between them, and after. */
export function extremesOf(cells: Cell[]): { most: Cell; least: Cell; words: [string, string, string] } | null {
  const [first] = cells;
  if (first === undefined) return null;
  const most = cells.reduce((a, b) => (b.mean > a.mean ? b : a), first);
  const least = cells.reduce((a, b) => (b.mean < a.mean ? b : a), first);
  return { most, least, words: say().sentence(cellName(most), cellName(least)) };
}

/** The same as one text. */
export function describeCells(cells: Cell[], unit: string, decimals: number): string {
  const found = extremesOf(cells);
  if (found === null) return say().none;
  const [before, between, after] = found.words;
  return before + quantity(found.most.mean, unit, decimals) + between + quantity(found.least.mean, unit, decimals) + after;
}

/** A cell per weekday and hour, the stronger the higher its mean; empty where nothing is known. `traced` is told which was asked about. */
export function heatmap(cells: Cell[], unit: string, decimals: number, width: number, traced: (cell: Cell) => void): SVGElement {
  const left = 42;
  const column = (width - left - 6) / 24;
  const row = Math.max(22, Math.min(34, column));
  const means = cells.map(({ mean }) => mean);
  const least = means.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const greatest = means.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const strength = (mean: number): number => (greatest > least ? 0.07 + (0.93 * (mean - least)) / (greatest - least) : 0.5);
  const every = column < 24 ? 6 : 3;
  const hours = Array.from({ length: 24 / every }, (_, index) => index * every);
  const bottom = 18 + 7 * row;
  const [ramp, steps] = [120, 12];
  const inOrder = cells.toSorted((a, b) => a.weekday * 24 + a.hour - (b.weekday * 24 + b.hour));
  const named = inOrder.map((cell) => {
    const name = say().cell(cellName(cell), quantity(cell.mean, unit, decimals), cell.steps.length);
    const place = { x: left + cell.hour * column + 0.5, y: 18 + cell.weekday * row + 0.5, width: column - 1, height: row - 1, rx: 2 };
    const drawn = shape("rect", { ...place, fill: "var(--data-0)", "fill-opacity": strength(cell.mean).toFixed(3) }, shape("title", {}, name));
    return { row: cell.weekday, column: cell.hour, name, drawn };
  });
  const drawing = figure(
    width,
    bottom + 30,
    describeCells(cells, unit, decimals),
    ...hours.map((hour) => label(left + hour * column, 12, hourName(hour))),
    ...Array.from({ length: 7 }, (_, weekday) => label(left - 8, 18 + weekday * row + row / 2 + 4, weekdayName(weekday, "short"), "end")),
    shape("rect", { x: left, y: 18, width: 24 * column, height: 7 * row, fill: "none", stroke: "var(--rule)" }),
    ...(cells.length === 0
      ? []
      : [
          label(left, bottom + 22, quantity(least, unit, decimals)),
          ...Array.from({ length: steps }, (_, index) =>
            shape("rect", {
              x: left + 90 + (index * ramp) / steps,
              y: bottom + 12,
              width: ramp / steps,
              height: 10,
              fill: "var(--data-0)",
              "fill-opacity": (0.07 + (0.93 * index) / (steps - 1)).toFixed(3),
            }),
          ),
          label(left + 90 + ramp + 8, bottom + 22, quantity(greatest, unit, decimals)),
        ]),
  );
  const pressed = (index: number): void => {
    const cell = inOrder[index];
    if (cell !== undefined) traced(cell);
  };
  return named.length === 0 ? drawing : readable(drawing, gridOf(say().grid, named, 0, pressed));
}
