// A ranking over time: a line per entity, the first at the top.

import { language } from "./i18n.ts";
import { figure, label, pathOf, shape } from "./svg.ts";
import { gridOf, readable, type GridCell } from "./svg-grid.ts";
import { apart, cut } from "./text.ts";
import { dataColour } from "./theme.ts";
import type { TimeAxis } from "./time-axis.ts";

interface Cell extends GridCell {
  asked: () => void;
}

export interface Ranked {
  name: string;
  ranks: (number | null)[];
}

/** What ranks further down is out of the picture. */
const RANKS_MAX = 10;

export function bumpChart(axis: TimeAxis, starts: number[], end: number, lines: Ranked[], title: string, width: number, traced: (line: number, step: number) => void): SVGElement {
  const colon = language() === "fr" ? "\u00a0: " : ": ";
  const names = width < 520 ? Math.min(150, width * 0.42) : 240;
  const box = { left: 30, right: width - names, top: 14 };
  const depth = Math.min(RANKS_MAX, Math.max(3, ...lines.flatMap(({ ranks }) => ranks.map((rank) => Math.ceil(rank ?? 0)))));
  const row = 26;
  const bottom = box.top + depth * row;
  // Before the first value there is nothing to see, and the names stand at the last.
  const known = starts.flatMap((_, index) => (lines.some(({ ranks }) => (ranks[index] ?? null) !== null) ? [index] : []));
  const [first, last] = [known[0] ?? 0, known.at(-1) ?? starts.length - 1];
  const from = starts[first] ?? 0;
  const to = starts[last + 1] ?? end;
  const middle = (index: number): number => ((starts[index] ?? 0) + (starts[index + 1] ?? end)) / 2;
  const x = (time: number): number => box.left + ((time - from) / Math.max(1, to - from)) * (box.right - box.left);
  const y = (rank: number): number => box.top + (rank - 0.5) * row;
  const inside = (rank: number | null | undefined): rank is number => rank !== null && rank !== undefined && rank <= depth + 0.5;
  const taken = new Set<number>();
  const cells: Cell[] = [];
  const drawing = figure(
    width,
    bottom + 28,
    title,
    ...Array.from({ length: depth }, (_, index) => [
      shape("line", { x1: box.left, x2: box.right, y1: y(index + 1), y2: y(index + 1), stroke: "var(--rule)" }),
      label(box.left - 8, y(index + 1) + 4, String(index + 1), "end"),
    ]).flat(),
    ...axis.ticks(from, to, box.right - box.left).map(({ at, label: text }) => label(x(at), bottom + 18, text, "middle")),
    ...lines.map(({ name, ranks }, index) => {
      const paint = `var(--${dataColour(index)})`;
      const points = ranks.map((rank, place): [number, number] | null => (inside(rank) ? [x(middle(place)), y(rank)] : null));
      const at = ranks.findLastIndex(inside);
      const rank = ranks[at] ?? null;
      // Two that ended at the same rank at different times: the name goes to the next free row.
      let place = Math.min(Math.round(rank ?? depth), depth);
      while (taken.has(place)) place += 1;
      taken.add(place);
      const end = points[at];
      const most = Math.floor(names / 6.4) - 3;
      const short = apart(cut(name, most));
      const drawn = shape(
        "g",
        { class: "bump-line" },
        shape("title", {}, name),
        shape("path", { d: pathOf(points), fill: "none", stroke: paint, "stroke-width": 2.4, "stroke-linejoin": "round", "stroke-linecap": "round", ...(index >= 4 ? { "stroke-dasharray": "7 4" } : {}) }),
        ...(end ? [shape("circle", { cx: end[0], cy: end[1], r: 4, fill: paint })] : []),
        shape("text", { x: box.right + 10, y: y(place) + 4, fill: "var(--ink)", "font-weight": 560 }, rank === null ? short : `${Math.round(rank)}. ${short}`),
      );
      for (const [step, point] of points.entries()) {
        if (point === null) continue;
        const named = `${name}, ${axis.name(step)}${colon}${ranks[step] ?? ""}`;
        // Not seen until it is reached: the line is what is read.
        const place = shape("circle", { cx: point[0], cy: point[1], r: 7, fill: "none" }, shape("title", {}, named));
        cells.push({ row: index, column: step, name: named, drawn: place, asked: () => traced(index, step) });
      }
      // The step that is nearest to the pointer.
      drawn.addEventListener("click", (event) => {
        const left = drawn.ownerSVGElement?.getBoundingClientRect().left ?? 0;
        const known = points.flatMap((point, step) => (point === null ? [] : [{ step, distance: Math.abs(point[0] - (event.clientX - left)) }]));
        const [first, ...rest] = known;
        if (first !== undefined) traced(index, rest.reduce((a, b) => (b.distance < a.distance ? b : a), first).step);
      });
      return drawn;
    }),
  );
  // With the keyboard one begins at the last of the first.
  const begin = Math.max(0, cells.findLastIndex(({ row: line }) => line === 0));
  return cells.length === 0 ? drawing : readable(drawing, gridOf(title, cells, begin, (index) => cells[index]?.asked()));
}
