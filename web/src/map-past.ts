// What the map shows of a time gone by: events until then, and stations with the values that they had.

import { fetchEntities, fetchEvents } from "./data.ts";
import { milliseconds } from "./format.ts";
import type { EventEntry, MapPoint, Measure, SourceAnalysis } from "./types.ts";

/** A station that has said nothing for so long is not shown. */
export const SILENCE_MILLISECONDS = 4 * 3_600_000;
const HOUR_MILLISECONDS = 3_600_000;
const PAGE = 1000;
const PAGES_MAX = 4;
const EVENTS_MAX = 10_000;

/** An event with the source that told it. */
export interface Told {
  source: SourceAnalysis;
  measure: Measure | null;
  event: EventEntry;
}

/** Whether a source is of events. */
export function isOfEvents(source: SourceAnalysis): boolean {
  return source.leading_measure?.kind === "event" || source.event_count > 0;
}

function rfc3339(time: number): string {
  return new Date(time).toISOString();
}

/** The events of a source from `start` until `at`; with `then` as they were known at that time. */
export async function eventsUntil(source: SourceAnalysis, start: string, at: number, then: boolean, signal: AbortSignal): Promise<Told[]> {
  // As the day begins nothing has happened yet; the interface refuses to look for it.
  if (at <= milliseconds(start)) return [];
  const ask = { source: source.id, from: start, to: rfc3339(at), limit: EVENTS_MAX, known_at: then ? rfc3339(at) : null };
  const { events, measures } = await fetchEvents(ask, signal);
  const measure = measures.find(({ id }) => id === source.leading_measure?.id) ?? measures[0] ?? null;
  return events.map((event) => ({ source, measure, event }));
}

/** The points of those events that have a place. */
export function pointsOf(told: Told[]): MapPoint[] {
  return told.flatMap(({ event, measure }) => {
    const { point, title, key, values, observed_at } = event;
    const value = measure === null ? null : (values[measure.id] ?? null);
    return point ? [{ key, lon: point.lon, lat: point.lat, label: title ?? key, value, at: observed_at }] : [];
  });
}

/** Stations, and of how many of their hours nobody can tell any more what was known. */
export interface Stations {
  points: MapPoint[];
  untold: number;
}

/** Which time: one gone by, and whether as it was known then. */
export interface Moment {
  at: number;
  gone: boolean;
  then: boolean;
}

/** The stations of a source, each with its latest value of a measure; with `then` the one that was known at that time. Else it is,
 *  of a time gone by, that of the hours that were over: an hour is summarised whole. */
export async function stationsAt(source: string, measure: string | null, { at, gone, then }: Moment, signal: AbortSignal): Promise<Stations> {
  const points: MapPoint[] = [];
  let untold = 0;
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const to = rfc3339(gone && !then ? at - HOUR_MILLISECONDS + 1 : at + 1);
    const known_at = then ? rfc3339(at) : null;
    const ask = { source, measure, from: rfc3339(at - SILENCE_MILLISECONDS), to, known_at, limit: PAGE, after };
    const { entities, next, untold: hours } = await fetchEntities(ask, signal);
    untold = hours;
    for (const { entity, point, name, value, observed_at } of entities) {
      if (point && observed_at) {
        points.push({ key: entity, lon: point.lon, lat: point.lat, label: name, value: value ?? null, at: observed_at });
      }
    }
    after = next ?? null;
    if (after === null) break;
  }
  return { points, untold };
}
