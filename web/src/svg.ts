// Figures as SVG: on the page in the colours of the style sheet, in a file with these by value.

import { ticks } from "./numbers.ts";
import { colour } from "./theme.ts";

const NAMESPACE = "http://www.w3.org/2000/svg";
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif';

type Child = SVGElement | string;

/** An element of a figure; strings become text nodes, never markup. */
export function shape(tag: string, attributes: Record<string, string | number>, ...children: Child[]): SVGElement {
  const node = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** A figure with its description. */
export function figure(width: number, height: number, label: string, ...children: SVGElement[]): SVGElement {
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  return shape("svg", { xmlns: NAMESPACE, ...size, role: "img", "aria-label": label, "font-family": FONT, "font-size": 11 }, ...children);
}

/** Text of the second rank. */
export function label(x: number, y: number, text: string, anchor: "start" | "middle" | "end" = "start"): SVGElement {
  return shape("text", { x, y, "text-anchor": anchor, fill: "var(--ink-2)" }, text);
}

/** Round numbers between two values, about `count` of them. */
export function roundTicks(least: number, greatest: number, count: number): number[] {
  const rough = (greatest - least || Math.abs(greatest) || 1) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let value = Math.ceil(least / step) * step; value <= greatest + step * 1e-9; value += step) {
    ticks.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  }
  return ticks;
}

/** The lines of an axis of values, with their labels. */
export function valueAxis(left: number, right: number, values: number[], place: (value: number) => number): SVGElement[] {
  const labels = ticks(values);
  return values.flatMap((value, index) => [
    shape("line", { x1: left, x2: right, y1: place(value), y2: place(value), stroke: "var(--rule)" }),
    label(left - 6, place(value) + 4, labels[index] ?? "", "end"),
  ]);
}

/** A path through points; null breaks it, and a point between two breaks is drawn as a dot. */
export function pathOf(points: ([number, number] | null)[]): string {
  let path = "";
  for (const [index, point] of points.entries()) {
    if (point === null) continue;
    const [x, y] = point.map((each) => each.toFixed(1));
    const joined = index > 0 && points[index - 1] !== null;
    const alone = !joined && (points[index + 1] ?? null) === null;
    path += `${joined ? "L" : "M"}${x} ${y}${alone ? "h0.01" : ""}`;
  }
  return path;
}

/** A figure as the text of a file: with its title above, and the credit below. */
export function svgFile(drawn: SVGElement, title: string, notes: string[]): { text: string; width: number; height: number } {
  const width = Number(drawn.getAttribute("width"));
  const inner = Number(drawn.getAttribute("height"));
  const [above, line] = [30, 15];
  const height = above + inner + 10 + line * notes.length;
  const copy = drawn.cloneNode(true) as SVGElement;
  copy.setAttribute("y", String(above));
  const file = figure(
    width,
    height,
    title,
    shape("rect", { width, height, fill: "var(--surface)" }),
    shape("text", { x: 10, y: 20, "font-size": 14, "font-weight": 600, fill: "var(--ink)" }, title),
    copy,
    ...notes.map((note, index) => label(10, above + inner + 12 + line * index, note)),
  );
  const text = new XMLSerializer().serializeToString(file).replaceAll(/var\(--([\w-]+)\)/g, (_, name: string) => colour(name));
  return { text, width, height };
}
