// Lines over a long stretch of time: drawn by uPlot on the page, where they can be zoomed, and as SVG for a file.

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { element, keepChildren, setAttribute, setText } from "./dom.ts";
import { quantity, tick } from "./format.ts";
import { words } from "./i18n.ts";
import { tracedFigure, writeTraced } from "./provenance-button.ts";
import { figure, label, pathOf, roundTicks, shape, valueAxis } from "./svg.ts";
import { colour, dataColour, faded } from "./theme.ts";
import type { TimeAxis } from "./time-axis.ts";

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export interface Line {
  name: string;
  values: (number | null)[];
  /** Between these the line is shaded. */
  low?: (number | null)[];
  high?: (number | null)[];
  unit: string;
  decimals: number;
  /** Lines of one scale share their axis. */
  scale: string;
}

/** Something that happened, marked over the lines. */
export interface Marked {
  at: number;
  text: string;
}

export interface LinesModel {
  /** A description for those who do not see it. */
  label: string;
  axis: TimeAxis;
  starts: number[];
  end: number;
  lines: Line[];
  marks: Marked[];
  fromZero: boolean;
  /** The stretch shown; null for all. */
  zoom: [number, number] | null;
}

/** A step's figure stands in the middle of its step. */
function middles({ starts, end }: LinesModel): number[] {
  return starts.map((start, index) => (start + (starts[index + 1] ?? end)) / 2);
}

function extent({ starts, end, zoom }: LinesModel): [number, number] {
  return zoom ?? [starts[0] ?? 0, end];
}

function dashOf(index: number): number[] {
  return index >= 4 ? [6, 4] : [];
}

export class Lines {
  readonly element: HTMLElement;
  readonly #place = element("div", { class: "big-plot", role: "img" });
  readonly #legend = element("ul", { class: "legend" });
  readonly #time = element("p", { class: "legend-time" });
  readonly #zoomed: (zoom: [number, number] | null) => void;
  readonly #traced: (line: number, step: number) => void;
  #plot: uPlot | null = null;
  #signature = "";
  #model: LinesModel | null = null;

  /** `zoomed` is told what stretch was chosen by dragging, `traced` which figure was asked about. */
  constructor(zoomed: (zoom: [number, number] | null) => void, traced: (line: number, step: number) => void) {
    this.#zoomed = zoomed;
    this.#traced = traced;
    this.element = element("div", { class: "lines" }, this.#place, element("div", { class: "legend-row" }, this.#legend, this.#time));
    new ResizeObserver(() => this.#resize()).observe(this.#place);
    // With the keyboard the figures of the legend lead to the same. After a drag uPlot lets no click through.
    this.#place.addEventListener("click", () => this.#trace());
  }

  update(model: LinesModel): void {
    this.#model = model;
    setAttribute(this.#place, "aria-label", model.label);
    const columns = model.lines.flatMap(({ values, low, high }) => (low && high ? [high, low, values] : [values]));
    const data = [middles(model).map((time) => time / 1000), ...columns] as uPlot.AlignedData;
    const signature = JSON.stringify(model.lines.map(({ scale, low, unit }) => [scale, low !== undefined, unit]));
    if (this.#plot === null || signature !== this.#signature) {
      this.#plot?.destroy();
      this.#place.replaceChildren();
      this.#signature = signature;
      this.#plot = this.#make(model, data);
      this.#resize();
    } else {
      this.#plot.setData(data);
    }
    this.#write(this.#plot.cursor.idx ?? null);
  }

  /** Draws again in the present colours. */
  redraw(): void {
    this.#plot?.redraw(true, true);
  }

  /** The same as a figure for a file. */
  svg(width = 960, height = 440): SVGElement | null {
    return this.#model === null ? null : lineFigure(this.#model, width, height);
  }

  #make(model: LinesModel, data: uPlot.AlignedData): uPlot {
    const ink = (): string => colour("ink-2");
    const rule = (): string => colour("rule");
    const current = (): LinesModel => this.#model ?? model;
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    for (const [index, line] of model.lines.entries()) {
      const paint = (): string => colour(dataColour(index));
      if (line.low && line.high) {
        const edge = { scale: line.scale, stroke: "transparent", width: 0, points: { show: false } };
        bands.push({ series: [series.length, series.length + 1], fill: () => faded(paint(), 0.16) });
        series.push(edge, edge);
      }
      series.push({
        scale: line.scale,
        stroke: paint,
        width: 1.8,
        dash: dashOf(index),
        spanGaps: false,
        points: { show: (plot, _index, from, to) => plot.bbox.width / devicePixelRatio / Math.max(1, to - from) > 14, size: 4.5, width: 0, stroke: paint, fill: paint },
      });
    }
    const scales = [...new Set(model.lines.map(({ scale }) => scale))];
    return new uPlot(
      {
        width: Math.max(this.#place.clientWidth, 160),
        height: Math.max(this.#place.clientHeight, 120),
        padding: [10, 14, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 8 } },
        select: { show: true, left: 0, top: 0, width: 0, height: 0 },
        scales: {
          x: { time: false, range: () => extent(current()).map((time) => time / 1000) as [number, number] },
          ...Object.fromEntries(
            scales.map((scale) => [
              scale,
              {
                range: (_plot: uPlot, least: number | null, greatest: number | null): [number, number] => {
                  if (least === null || greatest === null) return [0, 1];
                  if (current().fromZero && least >= 0) return [0, greatest > 0 ? greatest * 1.08 : 1];
                  const [low, high] = uPlot.rangeNum(least, greatest, 0.1, false);
                  return [low ?? 0, high ?? 1];
                },
              },
            ]),
          ),
        },
        axes: [
          {
            splits: (plot) => {
              const [from, to] = extent(current());
              return current().axis.ticks(from, to, plot.width - 60).map(({ at }) => at / 1000);
            },
            values: (plot) => {
              const [from, to] = extent(current());
              return current().axis.ticks(from, to, plot.width - 60).map(({ label: text }) => text);
            },
            stroke: ink,
            font: FONT,
            size: 26,
            gap: 4,
            grid: { show: false },
            ticks: { stroke: rule, width: 1, size: 4 },
          },
          ...scales.map(
            (scale, index): uPlot.Axis => ({
              scale,
              side: index === 0 ? 3 : 1,
              values: (_plot, values) => values.map(tick),
              stroke: () => (scales.length === 1 ? ink() : colour(dataColour(model.lines.findIndex((line) => line.scale === scale)))),
              font: FONT,
              size: (_plot, labels: string[] | null) => 16 + 6.4 * Math.max(2, ...(labels ?? []).map((text) => text.length)),
              gap: 6,
              space: 36,
              grid: { show: index === 0, stroke: rule, width: 1 },
              ticks: { show: false },
            }),
          ),
        ],
        series,
        bands,
        hooks: {
          setCursor: [(plot) => this.#write(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? null) : null)],
          setSelect: [
            (plot) => {
              const { left, width } = plot.select;
              if (width < 6) return;
              plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              this.#zoomed([plot.posToVal(left, "x") * 1000, plot.posToVal(left + width, "x") * 1000]);
            },
          ],
          draw: [(plot) => drawMarks(plot, current().marks)],
        },
      },
      data,
      this.#place,
    );
  }

  /** The line that is nearest to the pointer, at its step. */
  #trace(): void {
    const { idx, top = 0 } = this.#plot?.cursor ?? {};
    if (typeof idx !== "number") return;
    let best: number | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const [index, { values, scale }] of (this.#model?.lines ?? []).entries()) {
      const value = values[idx] ?? null;
      const distance = value === null ? Number.POSITIVE_INFINITY : Math.abs((this.#plot?.valToPos(value, scale) ?? 0) - top);
      if (distance < least) [best, least] = [index, distance];
    }
    if (best !== null) this.#traced(best, idx);
  }

  #write(cursor: number | null): void {
    const model = this.#model;
    if (model === null) return;
    const items = keepChildren(this.#legend, model.lines.length, () => {
      const figure = tracedFigure("", "", () => this.#traced([...this.#legend.children].indexOf(item), Number(figure.dataset["step"])));
      const item = element("li", {}, element("i", { class: "swatch" }), element("span"), figure);
      return item;
    });
    let shown: number | null = cursor;
    for (const [index, line] of model.lines.entries()) {
      const at = cursor ?? line.values.findLastIndex((value) => value !== null);
      const value = line.values[at] ?? null;
      if (cursor === null && value !== null) shown = Math.max(shown ?? 0, at);
      const [swatch, name, text] = items[index]?.children ?? [];
      if (!(swatch instanceof HTMLElement) || !name || !(text instanceof HTMLButtonElement)) continue;
      swatch.style.setProperty("--paint", `var(--${dataColour(index)})`);
      setAttribute(swatch, "data-dash", index >= 4 ? "" : null);
      text.dataset["step"] = String(at);
      setText(name, line.name);
      const [low, high] = [line.low?.[at] ?? null, line.high?.[at] ?? null];
      const say = (each: number): string => quantity(each, line.unit, line.decimals);
      // A band that is narrower than what can be read is none.
      const between = low !== null && high !== null && say(low) !== say(high) ? ` (${say(low)} – ${say(high)})` : "";
      const figure = value === null ? words().gap : say(value) + between;
      writeTraced(text, figure, [line.name, model.axis.name(at)].join(", "), value !== null);
    }
    const near = cursor === null ? [] : marksIn(model, cursor);
    setText(this.#time, [shown === null ? "" : model.axis.name(shown), ...near].filter((text) => text !== "").join(" · "));
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#place;
    if (this.#plot === null || width === 0 || height === 0) return;
    if (this.#plot.width !== width || this.#plot.height !== height) this.#plot.setSize({ width, height });
  }
}

/** What happened in a step: at most three, in words. */
function marksIn({ starts, end, marks }: LinesModel, index: number): string[] {
  const from = starts[index] ?? 0;
  const to = starts[index + 1] ?? end;
  return marks.filter(({ at }) => at >= from && at < to).slice(0, 3).map(({ text }) => text);
}

function drawMarks(plot: uPlot, marks: Marked[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour("ink");
  ctx.strokeStyle = faded(colour("ink"), 0.35);
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { at } of marks) {
    const x = plot.valToPos(at / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - 4 * devicePixelRatio, bbox.top);
    ctx.lineTo(x + 4 * devicePixelRatio, bbox.top);
    ctx.lineTo(x, bbox.top + 7 * devicePixelRatio);
    ctx.fill();
  }
  ctx.restore();
}

/** Lines as SVG; what lies outside the zoom is left out. */
function lineFigure(model: LinesModel, width: number, height: number): SVGElement {
  const [from, to] = extent(model);
  const scales = [...new Set(model.lines.map(({ scale }) => scale))];
  const box = { left: 58, right: width - (scales.length > 1 ? 58 * (scales.length - 1) : 14), top: 24, bottom: height - 28 };
  const x = (time: number): number => box.left + ((time - from) / (to - from)) * (box.right - box.left);
  const times = middles(model);
  const inside = (index: number): boolean => (times[index] ?? 0) >= from && (times[index] ?? 0) <= to;
  const axes: SVGElement[] = [];
  const places = new Map<string, (value: number) => number>();
  for (const [index, scale] of scales.entries()) {
    const values = model.lines
      .filter((line) => line.scale === scale)
      .flatMap(({ values: own, low, high }) => [own, low ?? [], high ?? []].flatMap((each) => each.filter((value, at) => value !== null && inside(at))))
      .filter((value) => value !== null);
    let least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    let greatest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    if (!Number.isFinite(least)) [least, greatest] = [0, 1];
    const room = (greatest - least || Math.abs(greatest) || 1) * 0.08;
    const [low, high] = [model.fromZero && least >= 0 ? 0 : least - room, greatest + room];
    const place = (value: number): number => box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top);
    places.set(scale, place);
    const ticks = roundTicks(low, high, 6);
    if (index === 0) axes.push(...valueAxis(box.left, box.right, ticks, place));
    else axes.push(...ticks.map((value) => label(box.right + 58 * (index - 1) + 6, place(value) + 4, tick(value))));
  }
  const ticks = model.axis.ticks(from, to, box.right - box.left);
  const marks = model.marks.filter(({ at }) => at >= from && at <= to);
  const legend: SVGElement[] = [];
  let legendX = box.left;
  const drawn = model.lines.flatMap((line, index) => {
    const paint = `var(--${dataColour(index)})`;
    const place = places.get(line.scale) ?? ((): number => 0);
    const point = (at: number, value: number | null | undefined): [number, number] | null =>
      value === null || value === undefined || !inside(at) ? null : [x(times[at] ?? 0), place(value)];
    legend.push(shape("rect", { x: legendX, y: 6, width: 14, height: 4, fill: paint }), label(legendX + 19, 12, line.name));
    legendX += 40 + line.name.length * 6.2;
    const shapes: SVGElement[] = [];
    const { low, high } = line;
    if (low && high) {
      // Each unbroken stretch is a shape of its own: over a gap nothing is shaded.
      let upper: [number, number][] = [];
      let lower: [number, number][] = [];
      for (let at = 0; at <= times.length; at += 1) {
        const [above, below] = [point(at, high[at]), point(at, low[at])];
        if (above && below) {
          upper.push(above);
          lower.push(below);
        } else if (upper.length > 0) {
          shapes.push(shape("path", { d: `${pathOf([...upper, ...lower.toReversed()])}Z`, fill: paint, "fill-opacity": 0.16 }));
          [upper, lower] = [[], []];
        }
      }
    }
    const path = pathOf(line.values.map((value, at) => point(at, value)));
    const dash = dashOf(index).join(" ");
    shapes.push(shape("path", { d: path, fill: "none", stroke: paint, "stroke-width": 1.8, "stroke-linecap": "round", ...(dash === "" ? {} : { "stroke-dasharray": dash }) }));
    return shapes;
  });
  return figure(
    width,
    height,
    model.label,
    ...axes,
    ...ticks.map(({ at, label: text }) => label(x(at), height - 8, text, "middle")),
    ...marks.map(({ at }) => shape("line", { x1: x(at), x2: x(at), y1: box.top, y2: box.bottom, stroke: "var(--ink-2)", "stroke-dasharray": "3 3" })),
    ...drawn,
    ...legend,
  );
}
