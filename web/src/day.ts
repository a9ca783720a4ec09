// The day shown: which one it is, its analysis, and keeping both up to date.

import { BadAnswer, fetchDay, fetchSource } from "./api.ts";
import type { ServerClock } from "./clock.ts";
import { Listeners } from "./dom.ts";
import { localDate, setTimeZone } from "./format.ts";
import type { Analysis, SourceAnalysis } from "./types.ts";

/** Sources are fetched again at most this often, all together. */
const REFRESH_MILLISECONDS = 250;
/** After a failure the day is asked for again. */
const RETRY_MILLISECONDS = 4000;

export type DayState =
  | { kind: "loading" }
  | { kind: "ready"; analysis: Analysis }
  | { kind: "failed"; error: unknown };

export class Day {
  /** Told when another day is asked for (true) and when its answer has come (false). */
  readonly asking = new Listeners<boolean>();
  readonly changed = new Listeners<DayState>();
  readonly sourceChanged = new Listeners<SourceAnalysis>();
  readonly #clock: ServerClock;
  #state: DayState = { kind: "loading" };
  /** The date asked for; null follows today. */
  #asked: string | null;
  /** The date that the last change of day was followed to, so that each is followed once. */
  #followed = "";
  #loading = new AbortController();
  #retrying = 0;
  #loaded: Promise<void> = Promise.resolve();
  readonly #dirty = new Set<string>();
  #refreshing = false;

  constructor(clock: ServerClock, asked: string | null) {
    this.#clock = clock;
    this.#asked = asked;
    clock.ticked.add((now) => this.#follow(now));
    document.addEventListener("visibilitychange", () => void this.#refresh());
  }

  get state(): DayState {
    return this.#state;
  }

  get asked(): string | null {
    return this.#asked;
  }

  /** The date of today in the zone, by the server's clock. */
  today(): string {
    return localDate(this.#clock.now());
  }

  /** Whether the day shown is today, by the server's clock. */
  isToday(): boolean {
    return this.#state.kind === "ready" && this.#state.analysis.period.date === this.today();
  }

  /** Shows another date, or follows today. */
  async show(date: string | null): Promise<void> {
    this.#asked = date;
    this.asking.tell(true);
    await this.load();
    if (this.#asked === date) this.asking.tell(false);
  }

  /** Fetches the whole day again. What is shown stays until the answer is there. */
  load(): Promise<void> {
    if (this.#state.kind === "failed") this.#set({ kind: "loading" });
    return this.#reload();
  }

  #reload(): Promise<void> {
    this.#loaded = this.#load();
    return this.#loaded;
  }

  async #load(): Promise<void> {
    this.#loading.abort();
    const loading = new AbortController();
    this.#loading = loading;
    window.clearTimeout(this.#retrying);
    this.#dirty.clear();
    let answered = false;
    try {
      const analysis = await fetchDay(this.#asked, loading.signal);
      if (loading.signal.aborted) return;
      answered = true;
      setTimeZone(analysis.zone.time_zone);
      // A past `now` must not move the clock back behind what the stream has told since.
      const now = Date.parse(analysis.now);
      this.#clock.set(this.#state.kind === "ready" ? Math.max(now, this.#clock.now()) : now, analysis.simulated);
      this.#set({ kind: "ready", analysis });
    } catch (error) {
      if (loading.signal.aborted) return;
      if (answered) console.error("the day cannot be shown", error);
      else if (!isLasting(error)) this.#retry(loading.signal);
      // A day that is already on the page is worth more than an error page: the connection state says the rest.
      if (this.#state.kind === "ready" && this.#matchesAsked(this.#state.analysis)) return;
      this.#set({ kind: "failed", error });
    }
  }

  /** Asks again after a while, for a reader who looks, unless somebody else does before. */
  #retry(signal: AbortSignal): void {
    const reload = (): void => void this.#reload();
    this.#retrying = window.setTimeout(() => {
      if (document.hidden) document.addEventListener("visibilitychange", reload, { once: true, signal });
      else reload();
    }, RETRY_MILLISECONDS);
  }

  /** Notes that a source has something new; it is fetched soon. */
  touch(id: string): void {
    this.#dirty.add(id);
    void this.#refresh();
  }

  #matchesAsked(analysis: Analysis): boolean {
    return this.#asked === null || this.#asked === analysis.period.date;
  }

  #set(state: DayState): void {
    this.#state = state;
    this.changed.tell(state);
  }

  #follow(now: number): void {
    if (this.#asked !== null || this.#state.kind !== "ready") return;
    const today = localDate(now);
    if (today === this.#state.analysis.period.date || today === this.#followed) return;
    this.#followed = today;
    void this.load();
  }

  async #refresh(): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    while (this.#dirty.size > 0 && !document.hidden) {
      // While the whole day is on its way, what a source says would be of the day that is about to go.
      await this.#loaded;
      const pause = new Promise((done) => setTimeout(done, REFRESH_MILLISECONDS));
      const id = this.#dirty.values().next().value;
      if (id === undefined) break;
      this.#dirty.delete(id);
      await this.#refreshSource(id);
      await pause;
    }
    this.#refreshing = false;
  }

  async #refreshSource(id: string): Promise<void> {
    if (this.#state.kind !== "ready") return;
    const { analysis } = this.#state;
    const place = analysis.sources.findIndex((source) => source.id === id);
    if (place < 0) {
      await this.load();
      return;
    }
    const loading = this.#loading;
    try {
      const source = await fetchSource(id, analysis.period.date, loading.signal);
      if (loading.signal.aborted || this.#state.analysis !== analysis) return;
      analysis.sources[place] = source;
      this.sourceChanged.tell(source);
    } catch {
      // The next event or the next reconnection fetches it again; until then the last good answer stays.
    }
  }
}

/** What was asked wrongly stays wrong; what was asked too often does not. */
function isLasting(error: unknown): boolean {
  return error instanceof BadAnswer && error.status < 500 && error.status !== 429;
}
