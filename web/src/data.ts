// The data interface of the server, as the views that explore and compare ask it.

import { getJson } from "./api.ts";
import type { Day } from "./day.ts";
import { addDays } from "./format.ts";
import type {
  CorrelationAnswer,
  EntitiesAnswer,
  EventsAnswer,
  Measures,
  SeriesAnswer,
  SeriesLine,
  SourceMeasures,
  Step,
} from "./types.ts";

/** All entities of a source together. */
export const TOGETHER = "*";

/** Parameters of an address; nothing is written for null. */
export type Ask = Record<string, string | number | null | string[]>;

/** An address of the data interface. */
export function dataAddress(path: string, ask: Ask): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(ask)) {
    for (const one of value === null ? [] : [value].flat()) query.append(name, String(one));
  }
  return `/api/v1/${path}?${query}`;
}

/** Settings may be read again, and sources come and go. */
const KEPT_MILLISECONDS = 60_000;
let known: { answer: Promise<Measures>; asked: number } | null = null;

/** The sources and what they measure; asked for once a minute at most, unless that failed. */
export function fetchMeasures(): Promise<Measures> {
  if (known === null || performance.now() - known.asked > KEPT_MILLISECONDS) {
    const answer = getJson<Measures>("/api/v1/measures", new AbortController().signal);
    known = { answer, asked: performance.now() };
    answer.catch(() => {
      known = null;
    });
  }
  return known.answer;
}

export function fetchSeries(ask: Ask, signal: AbortSignal): Promise<SeriesAnswer> {
  return getJson(dataAddress("series", ask), signal);
}

export function fetchEntities(ask: Ask, signal: AbortSignal): Promise<EntitiesAnswer> {
  return getJson(dataAddress("entities", ask), signal);
}

export function fetchEvents(ask: Ask, signal: AbortSignal): Promise<EventsAnswer> {
  return getJson(dataAddress("events", ask), signal);
}

export function fetchCorrelation(ask: Ask, signal: AbortSignal): Promise<CorrelationAnswer> {
  return getJson(dataAddress("correlation", ask), signal);
}

/** How far back a view looks from the day shown, and the steps that suit it, the usual one first. */
export const SPANS = {
  day: { days: 1, steps: ["hour"] },
  week: { days: 7, steps: ["hour", "day"] },
  month: { days: 31, steps: ["day", "hour", "week"] },
  year: { days: 366, steps: ["day", "week", "month", "hour"] },
} as const satisfies Record<string, { days: number; steps: readonly Step[] }>;

export type Span = keyof typeof SPANS;

export function isSpan(text: string | null): text is Span {
  return text !== null && Object.hasOwn(SPANS, text);
}

/** The step asked for where it suits the span, else the usual one. */
export function stepOf(span: Span, asked: string | null): Step {
  const { steps }: { steps: readonly Step[] } = SPANS[span];
  return steps.find((step) => step === asked) ?? steps[0] ?? "hour";
}

/** The date that is shown. Until the day has come the page's clock is the reader's, who may live in another day than the server. */
export function dateShown(day: Day, measures: Measures | null): string {
  return day.asked ?? (day.state.kind === "ready" || measures === null ? day.today() : measures.today);
}

/** The local dates of a span that ends with `date`. */
export function datesOf(span: Span, date: string): { from: string; to: string } {
  return { from: addDays(date, 1 - SPANS[span].days), to: date };
}

/** The values of a line that stand for its steps in a chart. */
export function valuesOf(answer: SeriesAnswer, line: SeriesLine): (number | null)[] {
  const { figure } = answer;
  return figure === "count" ? line.count : figure === "last" ? line.last : line.mean;
}

/** The measure that a source leads with. */
export function leadingMeasure(source: SourceMeasures): string | null {
  return (source.measures.find((measure) => measure.headline) ?? source.measures[0])?.id ?? null;
}

/** Whether the entities of a source make sense together in this measure. */
export function addsUp(source: SourceMeasures, measure: string | null): boolean {
  const found = source.measures.find(({ id }) => id === measure);
  return source.events || (found !== undefined && found.across !== "each" && found.kind !== "rank");
}
