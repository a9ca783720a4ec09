// What the address says of the view that explores.

import { isSpan, leadingMeasure, TOGETHER, type Span } from "./data.ts";
import type { Measures, SourceMeasures } from "./types.ts";

export const FORMS = ["lines", "heat", "ranking", "table"] as const;
export const BANDS = ["quantiles", "extremes", "none"] as const;
export type Form = (typeof FORMS)[number];
export type BandKind = (typeof BANDS)[number];

export const ENTITIES_MAX = 8;

export interface State {
  source: string;
  measure: string;
  /** Chosen by the reader; empty for the usual ones. */
  entities: string[];
  span: Span;
  step: string | null;
  form: Form | null;
  band: BandKind;
  zoom: [number, number] | null;
  /** The time whose knowledge is asked for; null for what is known now. */
  known: number | null;
}

function oneOf<Id extends string>(all: readonly Id[], text: string | null): Id | null {
  return all.find((id) => id === text) ?? null;
}

export function rfc3339(time: number): string {
  return new Date(time).toISOString().replace(".000Z", "Z");
}

function readZoom(text: string | null): [number, number] | null {
  const [from = Number.NaN, to = Number.NaN] = (text ?? "").split("~").map(Number);
  return from < to ? [from * 1000, to * 1000] : null;
}

/** Of a time to come nobody knows anything. */
function readKnown(text: string | null, now: number): number | null {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) || time >= now ? null : time;
}

/** The source that the address names and that is not watched here; null where it names none, or one that is. */
export function missingSource(asked: URLSearchParams, measures: Measures): string | null {
  const id = asked.get("source");
  return id === null || measures.sources.some((source) => source.id === id) ? null : id;
}

/** The state that the address asks for, with what it leaves open; null without a source. */
export function readState(asked: URLSearchParams, measures: Measures, now: number): State | null {
  if (missingSource(asked, measures) !== null) return null;
  const source = measures.sources.find(({ id }) => id === asked.get("source")) ?? measures.sources.find(({ events }) => !events) ?? measures.sources[0];
  if (source === undefined) return null;
  const measure = asked.get("measure");
  const known = measure === TOGETHER ? source.events : source.measures.some(({ id }) => id === measure);
  const span = asked.get("span");
  return {
    source: source.id,
    measure: measure !== null && known ? measure : source.events ? TOGETHER : (leadingMeasure(source) ?? TOGETHER),
    entities: source.events ? [] : [...new Set(asked.getAll("entity"))].slice(0, ENTITIES_MAX),
    span: isSpan(span) ? span : "day",
    step: asked.get("step"),
    form: oneOf(FORMS, asked.get("form")),
    band: oneOf(BANDS, asked.get("band")) ?? "quantiles",
    zoom: readZoom(asked.get("zoom")),
    known: readKnown(asked.get("known_at"), now),
  };
}

/** The parameters that say the same. */
export function parametersOf({ source, measure, entities, span, step, form, band, zoom, known }: State): Record<string, string | string[] | null> {
  return {
    source,
    measure,
    entity: entities,
    span: span === "day" ? null : span,
    step,
    form,
    band: band === "quantiles" ? null : band,
    zoom: zoom === null ? null : zoom.map((time) => Math.round(time / 1000)).join("~"),
    known_at: known === null ? null : rfc3339(known),
  };
}

/** The forms that suit a measure. Directions have no mean that is one of numbers. */
export function formsOf(source: SourceMeasures, measure: string): Form[] {
  const kind = source.measures.find(({ id }) => id === measure)?.kind;
  return FORMS.filter((form) => (form === "ranking" ? kind === "rank" : form !== "heat" || kind !== "direction"));
}

/** The form shown: the one asked for where it suits, else the usual one. */
export function formOf({ form, measure }: State, source: SourceMeasures): Form {
  const suits = formsOf(source, measure);
  if (form !== null && suits.includes(form)) return form;
  return suits.includes("ranking") && form === null ? "ranking" : "lines";
}
