// The resources about the record itself: sheets, health, captures, bodies and provenance.

import { BadAnswer, getJson, query } from "./api.ts";
import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type SourceBrief = Schemas["SourceBrief"];
export type SourceSheet = Schemas["SourceSheet"];
export type Permission = Schemas["Permission"];
export type Health = Schemas["Health"];
export type SourceHealth = Schemas["SourceHealth"];
export type DayHealth = Schemas["DayHealth"];
export type CaptureLine = Schemas["CaptureLine"];
export type CauseText = Schemas["CauseText"];
export type Provenance = Schemas["Provenance"];

export type CapturePage = Schemas["CapturePage"];

export function fetchSources(signal: AbortSignal): Promise<SourceBrief[]> {
  return getJson("/api/v1/sources", signal);
}

export function fetchSheet(id: string, signal: AbortSignal): Promise<SourceSheet> {
  return getJson(`/api/v1/sources/${encodeURIComponent(id)}`, signal);
}

export function fetchHealth(signal: AbortSignal): Promise<Health> {
  return getJson("/api/v1/health", signal);
}

export function fetchCauses(signal: AbortSignal): Promise<CauseText[]> {
  return getJson("/api/v1/causes", signal);
}

/** What went wrong with a source between two instants, the newest first. */
export function fetchTroubles(source: string, from: string, to: string, signal: AbortSignal): Promise<CapturePage> {
  return getJson(`/api/v1/captures${query({ source, from, to, outcome: "failed,quarantined", limit: "100" })}`, signal);
}

/** What is asked about a figure: an entity's hour, a stretch of time, an event, or the downloads that were counted. */
export interface Question {
  source: string;
  entity?: string | undefined;
  key?: string | undefined;
  at?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** Asked about are the downloads that were started then and ended so, and not those whose rows are of then; empty: however they ended. */
  downloads?: string | undefined;
}

type Named = Record<string, string | undefined>;

function given(named: Named): string {
  return query(Object.fromEntries(Object.entries(named).map(([name, value]) => [name, value ?? null])));
}

export function fetchProvenance({ source, entity, key, at, from, to }: Question, signal: AbortSignal): Promise<Provenance> {
  return getJson(`/api/v1/provenance${given({ source, entity, key, at, from, to })}`, signal);
}

/** The downloads that were started in a stretch of time, the newest first; `after` is the `next` of the page before. */
export function fetchDownloads({ source, from, to, downloads }: Question, after: string | undefined, signal: AbortSignal): Promise<CapturePage> {
  const outcome = downloads === "" ? undefined : downloads;
  return getJson(`/api/v1/captures${given({ source, from, to, outcome, limit: "100", after })}`, signal);
}

export interface Body {
  text: string;
  bytes: number;
  cut: boolean;
}

/** The beginning of a body, as text. */
export async function fetchBody(id: number, signal: AbortSignal): Promise<Body> {
  const answer = await fetch(`/api/v1/captures/${id}/body`, { signal });
  const text = await answer.text();
  if (!answer.ok) {
    let reason = answer.statusText;
    try {
      reason = String((JSON.parse(text) as { error?: unknown }).error ?? reason);
    } catch {
      // Not of this server: its status says enough.
    }
    throw new BadAnswer(answer.status, reason);
  }
  return {
    text,
    bytes: Number(answer.headers.get("vigie-bytes") ?? text.length),
    cut: answer.headers.get("vigie-cut") === "true",
  };
}
