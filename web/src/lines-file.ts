// Lines as a figure for a file.

import { alone, joined, type Values } from "./joined.ts";
import { dashOf, extent, middles, type Line, type LinesModel } from "./lines-model.ts";
import { longest, ticks } from "./numbers.ts";
import { figure, label, pathOf, roundTicks, shape, valueAxis } from "./svg.ts";
import { apart, cut } from "./text.ts";
import { dataColour } from "./theme.ts";

const LEGEND_ROW = 16;
const LETTER = 6.2;
const AXIS_LEAST = 58;
const PLOT = "plot";

interface Scale {
  low: number;
  high: number;
  ticks: number[];
  labels: string[];
}

/** The names of the lines, in as many rows as they need. */
function legendOf(lines: Line[], left: number, right: number): { drawn: SVGElement[]; rows: number } {
  let [x, row] = [left, 0];
  const drawn = lines.flatMap(({ name }, index) => {
    const short = cut(name, Math.floor((right - left - 40) / LETTER));
    const width = 40 + short.length * LETTER;
    if (x > left && x + width > right + 21) [x, row] = [left, row + 1];
    const [place, y] = [x, row * LEGEND_ROW];
    x += width;
    return [shape("rect", { x: place, y: y + 6, width: 14, height: 4, fill: `var(--${dataColour(index)})` }), label(place + 19, y + 12, apart(short))];
  });
  return { drawn, rows: row + 1 };
}

/** The range of the lines of a scale, within the stretch shown. */
function scaleOf(lines: Line[], inside: (step: number) => boolean, fromZero: boolean): Scale {
  const values = lines
    .flatMap(({ values: own, low = [], high = [] }) => [own, low, high].flatMap((each) => each.filter((_, step) => inside(step))))
    .filter((value) => value !== null);
  let least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  let greatest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(least)) [least, greatest] = [0, 1];
  const room = (greatest - least || Math.abs(greatest) || 1) * 0.08;
  const [low, high] = [fromZero && least >= 0 ? 0 : least - room, greatest + room];
  const round = roundTicks(low, high, 6);
  return { ticks: round, labels: ticks(round), low, high };
}

/** Lines as SVG; what lies outside the zoom is left out. */
export function lineFigure(model: LinesModel, width: number, height: number): SVGElement {
  const [from, to] = extent(model);
  const times = middles(model);
  const inside = (step: number): boolean => (times[step] ?? 0) >= from && (times[step] ?? 0) <= to;
  const ids = [...new Set(model.lines.map(({ scale }) => scale))];
  const scales = ids.map((id) => scaleOf(model.lines.filter(({ scale }) => scale === id), inside, model.fromZero));
  const widths = scales.map(({ labels }) => Math.max(AXIS_LEAST, 12 + LETTER * longest(labels)));
  const [first = AXIS_LEAST, ...others] = widths;
  const left = first;
  const right = width - (others.length > 0 ? others.reduce((sum, each) => sum + each, 0) : 14);
  const legend = legendOf(model.lines, left, right);
  const [top, bottom] = [24 + (legend.rows - 1) * LEGEND_ROW, height - 28];
  const x = (time: number): number => left + ((time - from) / (to - from)) * (right - left);
  const placeOn =
    ({ low, high }: Scale) =>
    (value: number): number =>
      bottom - ((value - low) / (high - low)) * (bottom - top);
  const axes = scales.flatMap((scale, index) => {
    if (index === 0) return valueAxis(left, right, scale.ticks, placeOn(scale));
    const start = right + others.slice(0, index - 1).reduce((sum, each) => sum + each, 0);
    return scale.ticks.map((value, place) => label(start + 6, placeOn(scale)(value) + 4, scale.labels[place] ?? ""));
  });
  const marks = model.marks.filter(({ at }) => at >= from && at <= to);
  const drawn = model.lines.flatMap((line, index) => {
    const scale = scales[ids.indexOf(line.scale)];
    return scale === undefined ? [] : drawLine(line, index, times.map(x), placeOn(scale));
  });
  return figure(
    width,
    height,
    model.label,
    // A line goes on to the values beyond the zoom.
    shape("clipPath", { id: PLOT }, shape("rect", { x: left, y: top - 4, width: right - left, height: bottom - top + 8 })),
    ...axes,
    ...model.axis.ticks(from, to, right - left).map(({ at, label: text }) => label(x(at), height - 8, text, "middle")),
    ...marks.map(({ at }) => shape("line", { x1: x(at), x2: x(at), y1: top, y2: bottom, stroke: "var(--ink-2)", "stroke-dasharray": "3 3" })),
    shape("g", { "clip-path": `url(#${PLOT})` }, ...drawn),
    ...legend.drawn,
  );
}

function drawLine({ values, low, high, joined: steps }: Line, index: number, xs: number[], place: (value: number) => number): SVGElement[] {
  const paint = `var(--${dataColour(index)})`;
  const points = (of: (number | null)[]): ([number, number] | null)[] =>
    unbroken(joined(of, steps)).map(([step, value]) => (value === null ? null : [xs[step] ?? 0, place(value)]));
  const dash = dashOf(index).join(" ");
  const line = { d: pathOf(points(values)), fill: "none", stroke: paint, "stroke-width": 1.8, "stroke-linecap": "round", ...(dash === "" ? {} : { "stroke-dasharray": dash }) };
  const dots = alone(joined(values, steps)).map((step) => shape("circle", { cx: xs[step] ?? 0, cy: place(values[step] ?? 0), r: 2.25, fill: paint }));
  const shapes = [shape("path", line), ...dots];
  if (low === undefined || high === undefined) return shapes;
  // Each unbroken stretch is a shape of its own: over a gap nothing is shaded.
  const [above, below] = [points(high), points(low)];
  const bands: SVGElement[] = [];
  let begin = 0;
  for (let end = 0; end <= above.length; end += 1) {
    if (end < above.length && above[end] !== null && below[end] !== null) continue;
    const outline = [...above.slice(begin, end), ...below.slice(begin, end).toReversed()];
    if (outline.length > 0) bands.push(shape("path", { d: `${pathOf(outline)}Z`, fill: paint, "fill-opacity": 0.16 }));
    begin = end + 1;
  }
  return [...bands, ...shapes];
}

/** Joined values with their steps, without those that lie between two. */
function unbroken(values: Values): [number, number | null][] {
  return values.flatMap((value, step): [number, number | null][] => (value === undefined ? [] : [[step, value]]));
}
