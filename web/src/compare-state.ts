// What the address says of the view that compares.

import type { PairChoice } from "./correlation.ts";
import { addsUp, isSpan, leadingMeasure, TOGETHER, type Span } from "./data.ts";
import type { LineChoice } from "./line-picker.ts";
import type { Measures } from "./types.ts";

export const LINES_MAX = 5;

export interface State {
  lines: LineChoice[];
  span: Span;
  step: string | null;
  indexed: boolean;
  /** The source whose events are marked. */
  events: string;
  pair: PairChoice;
  zoom: [number, number] | null;
}

export function idOf({ source, measure, entity }: LineChoice): string {
  return `${source}/${measure}/${entity ?? TOGETHER}`;
}

function readLine(text: string): LineChoice | null {
  const [source, measure, ...entity] = text.split("/");
  return source && measure ? { source, measure, entity: entity.join("/") || TOGETHER } : null;
}

export function readState(asked: URLSearchParams, measures: Measures): State {
  const given = asked.getAll("line").map(readLine).filter((line) => line !== null).slice(0, LINES_MAX);
  const lines = asked.has("line") ? given : usualLines(measures);
  const [a = 0, b = lines.length - 1] = (asked.get("pair") ?? "").split("~").filter((text) => text !== "").map(Number);
  const inside = (index: number, otherwise: number): number => (lines[index] === undefined ? otherwise : index);
  const span = asked.get("span");
  const [from = Number.NaN, to = Number.NaN] = (asked.get("zoom") ?? "").split("~").map(Number);
  const events = asked.get("events") ?? "";
  return {
    lines,
    span: isSpan(span) ? span : "week",
    step: asked.get("step"),
    indexed: asked.get("scales") === "indexed",
    events: measures.sources.some((source) => source.events && source.id === events) ? events : "",
    pair: { a: inside(a, 0), b: inside(b, Math.max(0, lines.length - 1)), changes: asked.get("changes") === "true" },
    zoom: from < to ? [from * 1000, to * 1000] : null,
  };
}

/** The parameters that say the same. */
export function parametersOf({ lines, span, step, indexed, events, pair, zoom }: State): Record<string, string | string[] | null> {
  const usual = pair.a === 0 && pair.b === Math.max(0, lines.length - 1);
  return {
    line: lines.map(idOf),
    span: span === "week" ? null : span,
    step,
    scales: indexed ? "indexed" : null,
    events: events === "" ? null : events,
    pair: usual ? null : `${pair.a}~${pair.b}`,
    changes: pair.changes ? "true" : null,
    zoom: zoom === null ? null : zoom.map((time) => Math.round(time / 1000)).join("~"),
  };
}

/** What is compared where the address names nothing: the first total, and the first mean. */
function usualLines({ sources }: Measures): LineChoice[] {
  const adding = sources.flatMap((source) => {
    const measure = source.measures.find(({ id }) => id === leadingMeasure(source));
    return !source.events && measure && measure.kind !== "direction" && addsUp(source, measure.id) ? [{ source, measure }] : [];
  });
  const total = adding.find(({ measure }) => measure.across === "sum");
  const mean = adding.find(({ measure }) => measure.across === "mean");
  const chosen = [mean, total].filter((one) => one !== undefined);
  return (chosen.length === 2 ? chosen : adding.slice(0, 2)).map(({ source, measure }) => ({ source: source.id, measure: measure.id, entity: TOGETHER }));
}
