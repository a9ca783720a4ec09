// Land and borders of Natural Earth (public domain), from the `world-atlas` package, served with the page.

import type { MultiLineString, MultiPolygon, Position } from "geojson";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { takeEarly } from "./api.ts";
import coarse from "world-atlas/countries-110m.json?url";
import fine from "world-atlas/countries-50m.json?url";

export interface Basemap {
  land: MultiPolygon;
  borders: MultiLineString;
}

type World = Topology<{ countries: GeometryCollection; land: GeometryCollection }>;

/** Coarse at 1:110 million, which is small and drawn at once; fine at 1:50 million. */
export async function loadBasemap(detail: "coarse" | "fine"): Promise<Basemap> {
  const address = detail === "coarse" ? coarse : fine;
  const answer = await (takeEarly(address) ?? fetch(address));
  if (!answer.ok) throw new Error(`basemap: HTTP ${answer.status}`);
  const world = (await answer.json()) as World;
  const polygons = feature(world, world.objects.land).features.flatMap(({ geometry }) => {
    if (geometry.type === "Polygon") return [geometry.coordinates];
    return geometry.type === "MultiPolygon" ? geometry.coordinates : [];
  });
  const borders = mesh(world, world.objects.countries, (a, b) => a !== b);
  return {
    land: { type: "MultiPolygon", coordinates: polygons.map((rings) => rings.map(closeAtPole)) },
    borders: { type: "MultiLineString", coordinates: borders.coordinates.map(unroll) },
  };
}

/** The file is cut for a globe: on a plane, a line that crosses the antimeridian has to go on beyond 180°. */
function unroll(line: Position[]): Position[] {
  let turns = 0;
  let before = line[0]?.[0] ?? 0;
  return line.map(([lon = 0, lat = 0]) => {
    if (lon - before > 180) turns -= 360;
    else if (lon - before < -180) turns += 360;
    before = lon;
    return [lon + turns, lat];
  });
}

/** A ring around a pole (Antarctica) does not come back to its start on a plane: it is closed along the pole. */
function closeAtPole(ring: Position[]): Position[] {
  const line = unroll(ring);
  const [first = 0, lat = 0] = line[0] ?? [];
  const last = line.at(-1)?.[0] ?? 0;
  if (Math.abs(last - first) < 1) return line;
  const pole = lat < 0 ? -90 : 90;
  return [...line, [last, pole], [first, pole], [first, lat]];
}
