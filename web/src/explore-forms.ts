// The forms in which a series is shown.

import { bumpChart } from "./bump.ts";
import { valuesOf } from "./data.ts";
import { element } from "./dom.ts";
import type { BandKind } from "./explore-state.ts";
import { say } from "./explore-words.ts";
import { integer, milliseconds, quantity, share } from "./format.ts";
import { cellName, cellsOf, describeCells, extremesOf, heatmap, type Cell } from "./heatmap.ts";
import { inLanguage, words } from "./i18n.ts";
import { nameNow, nameThen } from "./known-at.ts";
import { entityName } from "./line-picker.ts";
import type { Line, LinesModel } from "./lines-model.ts";
import { decimal } from "./numbers.ts";
import { askParts, tracedFigure } from "./provenance-button.ts";
import { table } from "./table.ts";
import { TimeAxis } from "./time-axis.ts";
import { askStep, nameOfLine, questionOfStep } from "./trace-step.ts";
import type { SeriesAnswer, SeriesLine } from "./types.ts";

const TABLE_ROWS_MAX = 400;
const axes = new WeakMap<SeriesAnswer, TimeAxis>();

/** The time axis of an answer, which is read once. */
export function axisOf(answer: SeriesAnswer): TimeAxis {
  let axis = axes.get(answer);
  if (axis === undefined) {
    axis = new TimeAxis(answer.starts.map(milliseconds), answer.step);
    axes.set(answer, axis);
  }
  return axis;
}

/** The unit and decimals of what a chart shows: the measure's, or plain numbers where events are counted. */
export function unitOf(answer: SeriesAnswer): { unit: string; decimals: number } {
  const { measure, figure } = answer;
  return measure && figure !== "count" ? { unit: measure.unit, decimals: measure.decimals } : { unit: "1", decimals: 0 };
}

function nameOf(answer: SeriesAnswer, line: SeriesLine): string {
  const name = entityName(line.entity, line.name);
  if (!answer.events) return name;
  return answer.measure ? `${inLanguage(answer.measure.title)} (${say().max.toLowerCase()})` : say().count;
}

/** Of events with a measure its greatest value, else what stands for the step. */
function shownValues(answer: SeriesAnswer, line: SeriesLine): (number | null)[] {
  return answer.events && answer.measure ? line.max : valuesOf(answer, line);
}

/** The lines of an answer; one that is shown as it was known at a time stands before the same as it is known now. */
export function linesModel(answer: SeriesAnswer, band: BandKind, zoom: [number, number] | null, present: SeriesAnswer | null): LinesModel {
  const { unit, decimals } = answer.events && answer.measure ? answer.measure : unitOf(answer);
  const [single] = answer.series;
  // Of events the greatest is drawn, which no band holds.
  const banded = answer.series.length === 1 && !answer.events && band !== "none" && single?.min.some((value) => value !== null);
  const then = answer.known_at ? milliseconds(answer.known_at) : null;
  const [only] = present?.series ?? [];
  const beside = answer.series.length === 1 && present !== null && only !== undefined ? [{ name: nameNow(nameOf(present, only)), values: shownValues(present, only), unit, decimals, scale: "y", joined: only.joined_steps }] : [];
  const told = answer.series.map((line): Line => {
    const edges = banded ? (band === "quantiles" ? { low: line.p05, high: line.p95 } : { low: line.min, high: line.max }) : {};
    const name = nameOf(answer, line);
    return { name: then === null ? name : nameThen(name, then), values: shownValues(answer, line), unit, decimals, scale: "y", joined: line.joined_steps, ...edges };
  });
  const lines = [...told, ...beside];
  const described = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return words().chartEmptySeries(name);
    const figure = (value: number): string => quantity(value, unit, decimals);
    const [least, greatest] = [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))];
    const sentence = words().chartSeries(name, figure(least), figure(greatest), figure(known.at(-1) ?? 0));
    return say().described(sentence, values.length - known.length, values.length);
  });
  return {
    label: `${inLanguage(answer.title)}. ${described.join(" ")}`,
    axis: axisOf(answer),
    starts: answer.starts.map(milliseconds),
    end: milliseconds(answer.end),
    lines,
    marks: [],
    // What was revised differs by little.
    fromZero: beside.length === 0 && (answer.across === "sum" || answer.figure === "count"),
    zoom,
  };
}

export function drawHeat(answer: SeriesAnswer, width: number): { drawn: SVGElement; sentence: (string | Node)[] } {
  const [line] = answer.series;
  const { unit, decimals } = unitOf(answer);
  const cells = line === undefined ? [] : cellsOf(axisOf(answer), valuesOf(answer, line));
  const traced = (cell: Cell): void => askCell(answer, cell);
  const figure = (cell: Cell): Node => tracedFigure(quantity(cell.mean, unit, decimals), cellName(cell), () => traced(cell));
  const found = extremesOf(cells);
  const [before, between, after] = found?.words ?? [];
  const sentence = found === null ? [describeCells(cells, unit, decimals)] : [before ?? "", figure(found.most), between ?? "", figure(found.least), after ?? ""];
  return { drawn: heatmap(cells, unit, decimals, width, traced), sentence };
}

/** The hours that a cell is the mean of, the latest first: each leads to its downloads. */
function askCell(answer: SeriesAnswer, cell: Cell): void {
  const [line] = answer.series;
  if (line === undefined) return;
  const [values, axis, { unit, decimals }] = [valuesOf(answer, line), axisOf(answer), unitOf(answer)];
  const figure = (value: number | null | undefined): string => (value === null || value === undefined ? words().gap : quantity(value, unit, decimals));
  const parts = cell.steps.toReversed().flatMap((step) => {
    const question = questionOfStep(answer, 0, step);
    return question === null ? [] : [{ name: axis.name(step), note: figure(values[step]), question }];
  });
  const what = `${nameOfLine(answer, 0)}, ${cellName(cell)}`;
  askParts(what, say().meanOf(figure(cell.mean), cell.steps.length), parts);
}

export function drawBump(answer: SeriesAnswer, width: number, title: string): SVGElement {
  const lines = answer.series.map((line) => ({ name: line.name, ranks: valuesOf(answer, line) }));
  const label = lines.map(({ name, ranks }) => `${name}: ${ranks.findLast((rank) => rank !== null) ?? words().gap}`).join(", ");
  return bumpChart(axisOf(answer), answer.starts.map(milliseconds), milliseconds(answer.end), lines, `${title}. ${label}`, width, (line, step) => askStep(answer, line, step));
}

/** The steps that have begun as rows, the latest first. */
export function drawTable(answer: SeriesAnswer, now: number): HTMLElement {
  const axis = axisOf(answer);
  const { decimals } = answer.measure ?? { decimals: 0 };
  const figure = (value: number | null | undefined): string => (value === null || value === undefined ? words().gap : decimal(value, decimals));
  const [only] = answer.series;
  const alone = answer.series.length === 1 && only !== undefined;
  const columns = alone
    ? [say().count, say().min, say().p05, say().p50, say().average, say().p95, say().max, say().last, say().coverage]
    : answer.series.map((line) => nameOf(answer, line));
  const row = (index: number): (string | Node)[] => {
    if (!alone) {
      return answer.series.map((line, place) => {
        const value = shownValues(answer, line)[index] ?? null;
        return value === null ? figure(value) : tracedFigure(figure(value), `${nameOf(answer, line)}, ${axis.name(index)}`, () => askStep(answer, place, index));
      });
    }
    const count = only.count[index] ?? null;
    const coverage = only.coverage[index];
    return [
      // All figures of a row come from the same downloads: the first leads to them.
      count === null || count === 0 ? (count === null ? words().gap : integer(count)) : tracedFigure(integer(count), axis.name(index), () => askStep(answer, 0, index)),
      ...[only.min, only.p05, only.p50, only.mean, only.p95, only.max, only.last].map((all) => (count === 0 && all[index] === null ? "–" : figure(all[index]))),
      coverage === null || coverage === undefined ? "–" : share(coverage),
    ];
  };
  const all = answer.starts.filter((start) => milliseconds(start) <= now).length;
  const rows = Array.from({ length: Math.min(all, TABLE_ROWS_MAX) }, (_, place) => {
    const index = all - 1 - place;
    return [axis.name(index), ...row(index)];
  });
  const cut = all > TABLE_ROWS_MAX ? [element("p", { class: "figure-sentence" }, say().tableCut(TABLE_ROWS_MAX, all))] : [];
  return element("div", {}, table(inLanguage(answer.title), [say().start, ...columns], rows), ...cut);
}
