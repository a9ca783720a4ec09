// What the map shows of a time gone by: events until then, and stations with the values that they had.

import { fetchEntities, fetchEvents } from "./data.ts";
import { milliseconds } from "./format.ts";
import type { EventEntry, MapPoint, Measure, SourceAnalysis } from "./types.ts";

const HOUR_MILLISECONDS = 3_600_000;
const SILENCE_LEAST = 4 * HOUR_MILLISECONDS;
const PAGE = 1000;
const PAGES_MAX = 4;
const EVENTS_MAX = 10_000;
/** The day says the places of so many stations at most. */
const STATIONS_MAX = 5000;

/** An event with the source that told it. */
export interface Told {
  source: SourceAnalysis;
  measure: Measure | null;
  event: EventEntry;
}

/** Whether a source is of events. */
export function isOfEvents({ findings }: SourceAnalysis): boolean {
  return findings.events !== null && findings.events !== undefined;
}

/** How many points of a source the day leaves out. */
export function leftOut({ map, findings, entity_count }: SourceAnalysis): number {
  if (findings.events) return findings.events.placed - map.length;
  // Some of these may have no place; of fewer than the most, none was left out.
  return map.length < STATIONS_MAX ? 0 : entity_count - map.length;
}

/** A station that has said nothing for so long is not shown: one report may be missing. */
export function silenceOf({ pace_seconds = 0 }: SourceAnalysis): number {
  return Math.max(SILENCE_LEAST, 2 * pace_seconds * 1000);
}

function rfc3339(time: number): string {
  return new Date(time).toISOString();
}

/** Events, the latest of more than can be had at once. */
export interface EventsUntil {
  told: Told[];
  total: number;
}

/** The events of a source from `start` until `at`; with `then` as they were known at that time. */
export async function eventsUntil(source: SourceAnalysis, start: string, at: number, then: boolean, signal: AbortSignal): Promise<EventsUntil> {
  // As the day begins nothing has happened yet; the interface refuses to look for it.
  if (at <= milliseconds(start)) return { told: [], total: 0 };
  const ask = { source: source.id, from: start, to: rfc3339(at), order: "latest", limit: EVENTS_MAX, known_at: then ? rfc3339(at) : null };
  const { events, measures, total } = await fetchEvents(ask, signal);
  const measure = measures.find(({ id }) => id === source.leading_measure?.id) ?? measures[0] ?? null;
  return { told: events.map((event) => ({ source, measure, event })), total: total ?? events.length };
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
  /** How many entities there are beside those that were read. */
  more: number;
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
export async function stationsAt(source: SourceAnalysis, measure: string | null, { at, gone, then }: Moment, signal: AbortSignal): Promise<Stations> {
  const points: MapPoint[] = [];
  const since = at - silenceOf(source);
  let [read, more, untold] = [0, 0, 0];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    // What was said after `since` may stand in an hour that began before.
    const from = rfc3339(since - HOUR_MILLISECONDS);
    const to = rfc3339(gone && !then ? at - HOUR_MILLISECONDS + 1 : at + 1);
    const known_at = then ? rfc3339(at) : null;
    const ask = { source: source.id, measure, from, to, known_at, limit: PAGE, after };
    const { entities, next, total, untold: hours } = await fetchEntities(ask, signal);
    untold = hours;
    read += entities.length;
    more = total - read;
    for (const { entity, point, name, value, observed_at } of entities) {
      if (point && observed_at && milliseconds(observed_at) >= since) {
        points.push({ key: entity, lon: point.lon, lat: point.lat, label: name, value: value ?? null, at: observed_at });
      }
    }
    after = next ?? null;
    if (after === null) break;
  }
  return { points, more, untold };
}
