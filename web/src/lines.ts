// Lines over a long stretch of time: drawn by uPlot on the page, where they can be zoomed, and as SVG for a file.

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { element, keepChildren, setAttribute, setText } from "./dom.ts";
import { quantity } from "./format.ts";
import { words } from "./i18n.ts";
import { alone, joined, nearest, type Values } from "./joined.ts";
import { lineFigure } from "./lines-file.ts";
import { dashOf, extent, marksIn, middles, type LinesModel, type Marked } from "./lines-model.ts";
import { longest, ticks } from "./numbers.ts";
import { tracedFigure, writeTraced } from "./provenance-button.ts";
import { colour, dataColour, faded } from "./theme.ts";

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

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
  /** The values of each line, joined as they are drawn. */
  #joined: Values[] = [];

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
    const columns = model.lines.flatMap(({ values, low, high, joined: steps }) => (low && high ? [high, low, values] : [values]).map((each) => joined(each, steps)));
    this.#joined = model.lines.map(({ values, joined: steps }) => joined(values, steps));
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
        points: { show: hasRoom, filter: (plot, place, all) => (all ? null : alone(plot.data[place] as Values)), size: 4.5, width: 0, stroke: paint, fill: paint },
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
              values: (_plot, values) => ticks(values),
              stroke: () => (scales.length === 1 ? ink() : colour(dataColour(model.lines.findIndex((line) => line.scale === scale)))),
              font: FONT,
              size: (_plot, labels: string[] | null) => 16 + 6.4 * Math.max(2, longest(labels ?? [])),
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

  /** The line that is nearest to the pointer, at its step that has a value. */
  #trace(): void {
    const { idx, top = 0 } = this.#plot?.cursor ?? {};
    if (typeof idx !== "number") return;
    let best: { index: number; step: number; distance: number } | null = null;
    for (const [index, { values, scale }] of (this.#model?.lines ?? []).entries()) {
      const step = nearest(this.#joined[index] ?? [], idx);
      const value = step === null ? null : (values[step] ?? null);
      if (step === null || value === null) continue;
      const distance = Math.abs((this.#plot?.valToPos(value, scale) ?? 0) - top);
      if (best === null || distance < best.distance) best = { index, step, distance };
    }
    if (best !== null) this.#traced(best.index, best.step);
  }

  #write(cursor: number | null): void {
    const model = this.#model;
    if (model === null) return;
    const items = keepChildren(this.#legend, model.lines.length, () => {
      const figure = tracedFigure("", "", () => this.#traced([...this.#legend.children].indexOf(item), Number(figure.dataset["step"])));
      const item = element("li", {}, element("i", { class: "swatch" }), element("span", { dir: "auto" }), figure);
      return item;
    });
    const steps = model.lines.map(({ values }, index) =>
      cursor === null ? values.findLastIndex((value) => value !== null) : (nearest(this.#joined[index] ?? [], cursor) ?? cursor),
    );
    // Where no line says anything at the pointer, the step is that of the nearest value.
    const known = steps.filter((step, index) => typeof model.lines[index]?.values[step] === "number");
    const shown = known.length === 0 ? cursor : cursor === null ? Math.max(...known) : known.reduce((a, b) => (Math.abs(b - cursor) < Math.abs(a - cursor) ? b : a));
    for (const [index, line] of model.lines.entries()) {
      const at = steps[index] ?? -1;
      const value = line.values[at] ?? null;
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
      const when = at === shown ? "" : ` · ${model.axis.name(at)}`;
      const figure = value === null ? (line.unread ? "–" : words().gap) : say(value) + between + when;
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

/** Whether each value of a stretch has room for a dot of its own. */
function hasRoom(plot: uPlot, place: number, from: number, to: number): boolean {
  const known = (plot.data[place] as Values).slice(from, to + 1).filter((value) => typeof value === "number").length;
  return plot.bbox.width / devicePixelRatio / Math.max(1, known) > 14;
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
