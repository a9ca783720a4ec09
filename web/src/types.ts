// The shapes that the server sends. This is the only place that names them: once web/openapi.json is there,
// `npm run generate` writes api.d.ts and each line becomes `components["schemas"]["…"]`.

export interface Text {
  fr: string;
  en: string;
}

export interface Zone {
  name: Text;
  scale: "earth" | "continent" | "country" | "city";
  /** West, south, east, north; west > east where the zone crosses the antimeridian. */
  bbox: number[];
  centre: { lon: number; lat: number };
  country?: string | null;
  currency?: string | null;
  continent?: string | null;
  time_zone: string;
}

export interface Period {
  kind: "day" | "week" | "month";
  date: string;
  start: string;
  end: string;
}

export interface Measure {
  id: string;
  kind: "gauge" | "counter" | "event" | "rank" | "direction";
  unit: string;
  title: Text;
  across: "mean" | "sum";
  decimals: number;
  headline: boolean;
}

export interface Figures {
  count: number;
  min?: number | null;
  max?: number | null;
  mean?: number | null;
  sum?: number | null;
  first?: number | null;
  last?: number | null;
  p50?: number | null;
  p95?: number | null;
}

export interface Credit {
  attribution: string;
  licence: string;
  url: string;
}

export interface Freshness {
  observed_at?: string | null;
  published_at?: string | null;
  fetched_at?: string | null;
  next_at?: string | null;
  stale_after_seconds: number;
  stale: boolean;
}

export interface Problem {
  at: string;
  outcome: "landed" | "unchanged" | "failed" | "quarantined" | "summarized";
  reason: string;
}

export interface CaptureCount {
  expected: number;
  obtained: number;
  failed: number;
  quarantined: number;
  rows: number;
  refused_rows: number;
  problems: Problem[];
}

export interface Headline {
  label: Text;
  entity?: string | null;
  value?: number | null;
  unit: string;
  decimals: number;
  at?: string | null;
}

export interface Mark {
  at: string;
  value: number;
  label: string;
}

export interface Series {
  label: Text;
  values: (number | null)[];
  marks: Mark[];
}

export interface Chart {
  kind: "line" | "scatter" | "bars";
  title: Text;
  unit: string;
  decimals: number;
  across?: "mean" | "sum" | null;
  times: string[];
  series: Series[];
}

export interface MapPoint {
  lon: number;
  lat: number;
  label: string;
  value?: number | null;
  at: string;
}

export interface EntityLine {
  entity: string;
  name: string;
  figures: Figures;
  at: string;
}

export interface EventLine {
  key: string;
  title: string;
  at: string;
  lon?: number | null;
  lat?: number | null;
  value?: number | null;
  revisions: number;
}

export interface SourceAnalysis {
  id: string;
  domain: string;
  title: Text;
  credit: Credit;
  freshness: Freshness;
  captures: CaptureCount;
  coverage?: number | null;
  headlines: Headline[];
  chart?: Chart | null;
  map: MapPoint[];
  leading_measure?: Measure | null;
  entities: EntityLine[];
  entity_count: number;
  events: EventLine[];
  event_count: number;
}

export interface Analysis {
  zone: Zone;
  period: Period;
  now: string;
  simulated: boolean;
  sources: SourceAnalysis[];
}
