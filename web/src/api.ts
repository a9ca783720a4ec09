// The server's interface: two JSON resources, one PDF and one stream.

import type { Language } from "./i18n.ts";
import type { Analysis, SourceAnalysis } from "./types.ts";

/** An answer that is not a success. */
export class BadAnswer extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    /** What kind of refusal it is, where there is something to do about it. */
    readonly code: string | null = null,
  ) {
    super(`${status} ${reason}`);
    this.name = "BadAnswer";
  }
}

export function query(parameters: Record<string, string | null>): string {
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== null);
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

/** What the server says went wrong: `{"error": "…", "code": "…"}`. */
function refusal(status: number, statusText: string, body: string): BadAnswer {
  try {
    const { error, code } = JSON.parse(body) as { error?: unknown; code?: unknown };
    return new BadAnswer(status, typeof error === "string" ? error : statusText, typeof code === "string" ? code : null);
  } catch {
    return new BadAnswer(status, statusText);
  }
}

/** Whether more was asked for than the server answers at once: asked again, it says the same. */
export function isTooMuch(error: unknown): boolean {
  return error instanceof BadAnswer && error.code === "too_much";
}

/** What first.ts has asked for already, once. */
export function takeEarly(address: string): Promise<Response> | undefined {
  const answer = window.early?.get(address);
  window.early?.delete(address);
  return answer;
}

/** Reads an answer of the server. */
export async function getJson<Value>(address: string, signal: AbortSignal): Promise<Value> {
  const answer = await (takeEarly(address) ?? fetch(address, { signal, headers: { accept: "application/json" } }));
  signal.throwIfAborted();
  if (!answer.ok) throw refusal(answer.status, answer.statusText, await answer.text());
  return (await answer.json()) as Value;
}

/** The analysis of a local date, or of today by the server's clock. */
export function fetchDay(date: string | null, signal: AbortSignal): Promise<Analysis> {
  return getJson(`/api/v1/day${query({ date })}`, signal);
}

/** What one source says of a local date. */
export function fetchSource(id: string, date: string, signal: AbortSignal): Promise<SourceAnalysis> {
  return getJson(`/api/v1/day/${encodeURIComponent(id)}${query({ date })}`, signal);
}

/** Where the PDF of a day is. */
export function reportAddress(date: string | null, lang: Language): string {
  return `/api/v1/report.pdf${query({ date, lang })}`;
}

export type Connection = "connecting" | "live" | "lost";

export interface StreamListener {
  source(id: string, now: number): void;
  clock(now: number): void;
  report(path: string): void;
  /** Events were lost on the way: what is shown may be old. */
  resync(): void;
  connection(state: Connection): void;
}

const RETRY_MILLISECONDS = 3000;

/** Follows the server's events for as long as the page lives, beginning with what came since a mark that the server gave. */
export function followStream(listener: StreamListener, since: number | null): void {
  const stream = new EventSource(`/api/v1/stream${query({ since: since?.toString() ?? null })}`);
  const read = <Data>(event: MessageEvent<string>): Data => JSON.parse(event.data) as Data;
  stream.addEventListener("open", () => listener.connection("live"));
  stream.addEventListener("source", (event) => {
    const { source, now } = read<{ source: string; now: string }>(event);
    listener.source(source, Date.parse(now));
  });
  stream.addEventListener("clock", (event) => listener.clock(Date.parse(read<{ now: string }>(event).now)));
  stream.addEventListener("report", (event) => listener.report(read<{ path: string }>(event).path));
  stream.addEventListener("resync", () => listener.resync());
  stream.addEventListener("error", () => {
    listener.connection("lost");
    // By itself the browser would ask for what came since the same time again, and after an HTTP error for nothing at all.
    stream.close();
    setTimeout(() => followStream(listener, null), RETRY_MILLISECONDS);
  });
}
