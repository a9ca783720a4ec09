// The ways of what moves: where it was and when, joined where the way between is known.

import { milliseconds } from "./format.ts";
import { dataColour, placeOf } from "./theme.ts";
import type { SourceAnalysis, Track, TrackPoint } from "./types.ts";

/** The layer of the map that positions are hit in; no source is called so. */
export const TRACKS = " tracks";

/** A stretch of a way. */
export interface TrackLine {
  /** The name of the colour in the style sheet. */
  colour: string;
  /** Whether it was before the period: drawn fainter. */
  before: boolean;
  /** Longitudes go on beyond 180° rather than jump. */
  way: [number, number][];
}

/** A position on a way. */
export interface TrackPosition {
  source: SourceAnalysis;
  track: Track;
  point: TrackPoint;
  colour: string;
  before: boolean;
  strongest: boolean;
  lon: number;
}

export interface Tracks {
  lines: TrackLine[];
  positions: TrackPosition[];
}

export const POSITION_PIXELS = 2.6;
export const STRONGEST_PIXELS = 5;

/** The ways of sources, up to a time. */
export function tracksOf(sources: SourceAnalysis[], start: number, until: number): Tracks {
  const tracks: Tracks = { lines: [], positions: [] };
  for (const source of sources) {
    const colour = dataColour(placeOf(source.id));
    for (const track of source.tracks) {
      let last: { lon: number; lat: number } | null = null;
      let line: TrackLine | null = null;
      for (const point of track.points) {
        const at = milliseconds(point.at);
        if (at > until) break;
        const before = at < start;
        const lon: number = last === null ? point.lon : point.lon + 360 * Math.round((last.lon - point.lon) / 360);
        if (last !== null && point.joined) {
          if (line === null || line.before !== before) {
            line = { colour, before, way: [[last.lon, last.lat]] };
            tracks.lines.push(line);
          }
          line.way.push([lon, point.lat]);
        } else line = null;
        tracks.positions.push({ source, track, point, colour, before, strongest: track.strongest?.at === point.at, lon });
        last = { lon, lat: point.lat };
      }
    }
  }
  return tracks;
}
