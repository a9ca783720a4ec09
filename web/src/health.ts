// The tab of the watch itself: is it whole, what went wrong, what comes next, how much room is left.

import "./record.css";
import { writeAddress } from "./address.ts";
import { CaptureList } from "./capture-list.ts";
import { explain } from "./day-message.ts";
import { element, renew, setAttribute, setText } from "./dom.ts";
import { addDays, fullDate, integer, localDate, milliseconds, moment, relative } from "./format.ts";
import { Calendar, factsOf, type Chosen } from "./health-calendar.ts";
import { inLanguage, words } from "./i18n.ts";
import { fetchHealth, fetchTroubles, type CaptureLine, type Health, type SourceHealth } from "./record-api.ts";
import { ask, askParts, tracedFigure, writeTraced } from "./provenance-button.ts";
import { bytes, perPeriod } from "./record-format.ts";
import { say } from "./record-words.ts";
import type { Page, View } from "./view.ts";

/** The whole is fetched again at most this often, whatever changes. */
const REFRESH_MILLISECONDS = 3000;
const SIGNS = { ok: "✓", warning: "!", critical: "✗" } as const;

type Cell = Node | string;

export class HealthView implements View {
  readonly element: HTMLElement;
  readonly #page: Page;
  readonly #heading = element("h2");
  readonly #level = element("p", { class: "health-level", role: "status" }, element("span", { class: "sign", "aria-hidden": "true" }), element("strong"), element("span", { class: "quiet" }));
  readonly #paused = element("p", { class: "health-paused", lang: "en" });
  readonly #calendar: Calendar;
  readonly #problems = new CaptureList();
  readonly #noProblems = element("p", { class: "quiet" });
  readonly #chosenName = element("span", { class: "quiet" });
  readonly #chosenFigure = tracedFigure("", "", () => this.#askChosen());
  readonly #all = element("button", { type: "button", class: "small-button" });
  readonly #now = element("div");
  readonly #quotas = element("div");
  readonly #room = element("dl", { class: "facts" });
  readonly #message = element("div", { class: "message", role: "status" }, element("p"), element("p"));
  readonly #retry = element("button", { type: "button", class: "small-button" });
  readonly #content = element("div", { class: "record", hidden: "" });
  readonly #titles = new Map<HTMLElement, () => string>();
  #health: Health | null = null;
  #error: unknown = null;
  #chosen: { source: string; date: string; lines: CaptureLine[] | null } | null = null;
  #visible = false;
  #waiting: ReturnType<typeof setTimeout> | null = null;
  #asking = new AbortController();
  #busy = false;

  constructor(page: Page) {
    this.#page = page;
    this.#calendar = new Calendar((chosen) => this.#choose(chosen));
    this.#all.addEventListener("click", () => {
      writeAddress({ source: null, day: null });
      this.#chosen = null;
      this.#write();
    });
    this.#retry.addEventListener("click", () => void this.#load());
    this.#message.append(this.#retry);
    this.#content.append(
      element("div", { class: "health-head" }, this.#heading, this.#level, this.#paused),
      this.#section(() => say().calendar, this.#calendar.element),
      this.#section(() => say().problems, element("p", { class: "chosen" }, this.#chosenName, this.#chosenFigure, this.#all), this.#noProblems, this.#problems.element),
      this.#section(() => say().now, this.#now),
      element("div", { class: "panels" }, this.#section(() => say().quotas, this.#quotas), this.#section(() => say().room, this.#room)),
    );
    this.element = element("div", {}, this.#message, this.#content);
    page.day.changed.add(() => this.#soon());
    page.day.sourceChanged.add(() => this.#soon());
    document.addEventListener("visibilitychange", () => this.#soon());
    this.refresh();
  }

  show(state: URLSearchParams): void {
    this.#visible = true;
    const [source, date] = [state.get("source"), state.get("day")];
    if (source !== null && date !== null && /^\d{4}-\d{2}-\d{2}$/.test(date)) {
      if (this.#chosen?.source !== source || this.#chosen.date !== date) this.#chosen = { source, date, lines: null };
    } else this.#chosen = null;
    void this.#load();
    this.#calendar.shown();
  }

  hide(): void {
    this.#visible = false;
  }

  tick(): void {
    if (this.#health !== null) this.#writeNow(this.#health);
  }

  refresh(): void {
    setText(this.#heading, words().tabs.health);
    setText(this.#retry, words().retry);
    setText(this.#all, say().allProblems);
    for (const [title, text] of this.#titles) setText(title, text());
    this.#write();
  }

  #section(title: () => string, ...children: Node[]): HTMLElement {
    const heading = element("h3");
    this.#titles.set(heading, title);
    return element("section", { class: "panel" }, heading, ...children);
  }

  /** Something has changed: fetches everything again, soon and not too often. */
  #soon(): void {
    if (!this.#visible || document.hidden || this.#waiting !== null) return;
    this.#waiting = setTimeout(() => {
      this.#waiting = null;
      if (this.#visible) void this.#load();
    }, REFRESH_MILLISECONDS);
  }

  async #load(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      this.#health = await fetchHealth(this.#asking.signal);
      this.#error = null;
      await this.#loadChosen();
    } catch (error) {
      // What is shown stays; the header says that the server is away, and its return has everything fetched anew.
      this.#error = error;
    }
    this.#busy = false;
    this.#write();
    // Another day was chosen while the answer was on its way.
    if (this.#error === null && this.#chosen !== null && this.#chosen.lines === null) void this.#load();
  }

  async #loadChosen(): Promise<void> {
    const chosen = this.#chosen;
    if (chosen === null) return;
    // Local days begin at most fourteen hours before and after those of UTC: what is not of the day is left out below.
    const [from, to] = [`${addDays(chosen.date, -1)}T00:00:00Z`, `${addDays(chosen.date, 2)}T00:00:00Z`];
    const { captures } = await fetchTroubles(chosen.source, from, to, this.#asking.signal);
    chosen.lines = captures.filter((line) => localDate(milliseconds(line.slot)) === chosen.date);
  }

  #choose({ source, date }: Chosen): void {
    writeAddress({ source: source.id, day: date });
    this.#chosen = { source: source.id, date, lines: null };
    void this.#load();
  }

  #write(): void {
    const health = this.#health;
    const [title, detail] = this.#message.children;
    this.#message.hidden = health !== null;
    this.#content.hidden = health === null;
    this.#retry.hidden = this.#error === null;
    if (title) setText(title, this.#error === null ? say().loading : say().loadFailed);
    if (detail) setText(detail, this.#error === null ? "" : explain(this.#error));
    if (health === null) return;
    this.#writeLevel(health);
    this.#calendar.update(health);
    this.#calendar.shown();
    this.#writeProblems(health);
    this.#writeNow(health);
    this.#writeQuotas(health);
    this.#writeRoom(health);
  }

  #writeLevel({ level, sources, paused }: Health): void {
    setAttribute(this.#level, "data-level", level);
    const [sign, word, count] = this.#level.children;
    if (sign) setText(sign, SIGNS[level]);
    if (word) setText(word, say().level[level]);
    const well = sources.filter((source) => source.well).length;
    if (count) setText(count, say().wellOf(well, sources.length));
    this.#paused.hidden = !paused;
    if (paused) this.#paused.replaceChildren(element("strong", { lang: document.documentElement.lang }, `${say().paused}. `), `${paused.reason} → ${paused.remedy}`);
  }

  #writeProblems(health: Health): void {
    const titles = new Map(health.sources.map((source) => [source.id, inLanguage(source.title)]));
    const titleOf = (source: string): string => titles.get(source) ?? source;
    const chosen = this.#chosen;
    const lines = chosen === null ? health.problems : (chosen.lines ?? []);
    this.#problems.update(lines, titleOf);
    this.#noProblems.hidden = lines.length > 0;
    const none = chosen === null ? say().noProblems : chosen.lines === null ? say().loading : say().noProblemsThen;
    setText(this.#noProblems, none);
    this.#chosenName.hidden = chosen === null;
    this.#all.hidden = chosen === null;
    const day = chosen === null ? undefined : health.sources.find(({ id }) => id === chosen.source)?.days[health.dates.indexOf(chosen.date)];
    this.#chosenFigure.hidden = chosen === null || day === undefined;
    if (chosen === null) return;
    const name = say().problemsOf(titleOf(chosen.source), fullDate(chosen.date));
    setText(this.#chosenName, name);
    if (day !== undefined) writeTraced(this.#chosenFigure, factsOf(day), name);
  }

  /** All downloads of the day that was chosen, also those that went well. */
  #askChosen(): void {
    const chosen = this.#chosen;
    const source = this.#health?.sources.find(({ id }) => id === chosen?.source);
    if (chosen === null || source === undefined) return;
    const { date } = chosen;
    ask(say().problemsOf(inLanguage(source.title), fullDate(date)), { source: source.id, downloads: "", from: date, to: date });
  }

  #writeNow({ sources }: Health): void {
    const now = this.#page.clock.now();
    const heads = [say().source, say().state, say().contentAge, say().nextRun, say().failuresInARow, say().waiting];
    const rows = sources.map((source): Cell[] => [
      inLanguage(source.title),
      element("span", { class: "level", "data-level": source.level }, element("b", { "aria-hidden": "true" }, SIGNS[source.level]), ` ${say().sourceLevel[source.level]}`),
      ageOf(source, now),
      nextOf(source, now),
      endedSo(source, source.failures_in_a_row, "failed", say().failuresInARow),
      endedSo(source, source.waiting_files, "landed", say().waiting),
    ]);
    grid(this.#now, say().now, heads, rows);
  }

  #writeQuotas({ quotas }: Health): void {
    if (quotas.length === 0) {
      this.#quotas.replaceChildren(element("p", { class: "quiet" }, say().noQuotas));
      return;
    }
    const heads = [say().host, say().limit, say().used];
    const rows = quotas.flatMap(({ host, with_key, sources, limits }) =>
      limits.map((limit): Cell[] => {
        const part = Math.min(1, limit.used / Math.max(1, limit.requests));
        const bar = element("span", { class: "quota", "aria-hidden": "true" }, element("i"));
        bar.style.setProperty("--share", String(part));
        return [
          with_key ? `${host} (${say().withKey})` : host,
          say().perTime(integer(limit.requests), perPeriod(limit.per_seconds)),
          element("span", { class: "quota-cell" }, bar, limit.used === 0 ? "0" : tracedFigure(integer(limit.used), host, () => this.#askQuota(host, sources, limit.per_seconds))),
        ];
      }),
    );
    const frame = element("div");
    grid(frame, say().quotas, heads, rows);
    renew(this.#quotas, element("p", { class: "quiet" }, say().quotasHelp), frame);
  }

  /** The downloads of the sources that share a limit, over the time that it is of. */
  #askQuota(host: string, sources: string[], seconds: number): void {
    const now = this.#page.clock.now();
    const [from, to] = [now - seconds * 1000, now].map((time) => new Date(time).toISOString());
    const stretch = `${moment(now - seconds * 1000)} – ${moment(now)}`;
    const titleOf = (source: string): string => inLanguage(this.#health?.sources.find(({ id }) => id === source)?.title ?? { fr: source, en: source });
    askParts(host, say().quotaParts, sources.map((source) => ({ name: titleOf(source), note: stretch, question: { source, downloads: "", from, to } })));
  }

  #writeRoom({ store, disk }: Health): void {
    const folder = ({ files, bytes: size }: { files: number; bytes: number }): string => `${bytes(size)} (${say().files(files)})`;
    const facts: [string, Cell][] = [
      [say().store, store.error ? element("span", { class: "badge bad", lang: "en" }, store.error) : (store.server ?? store.kind ?? "–")],
      ...(store.bytes ? [[say().storeSize, bytes(store.bytes)] as [string, Cell]] : []),
      ...(store.buckets === null || store.buckets === undefined ? [] : [[say().buckets, integer(store.buckets)] as [string, Cell]]),
      ...(store.events === null || store.events === undefined ? [] : [[say().events, integer(store.events)] as [string, Cell]]),
      [say().raw, folder(disk.raw)],
      [say().quarantine, folder(disk.quarantine)],
      [say().archive, folder(disk.archive)],
      [say().ledger, bytes(disk.ledger_bytes)],
      [say().free, bytes(disk.free_bytes)],
      [say().reserve, bytes(disk.reserve_bytes)],
      ...(disk.budget_bytes ? [[say().budget, bytes(disk.budget_bytes)] as [string, Cell]] : []),
    ];
    this.#room.replaceChildren(...facts.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))));
  }
}

function ageOf(source: SourceHealth, now: number): Cell {
  const { content_at: at, observed_at } = source.freshness;
  const age = (): Node => tracedFigure(relative(milliseconds(at ?? ""), now), `${inLanguage(source.title)}, ${say().contentAge}`, () => ask(inLanguage(source.title), { source: source.id, at: observed_at ?? undefined }));
  const text = at ? age() : say().noContent;
  return source.freshness.stale ? element("span", {}, text, " ", element("span", { class: "badge warn" }, words().stale)) : text;
}

/** A count of downloads that ended so; none come from nowhere. */
function endedSo({ id, title }: SourceHealth, count: number, downloads: string, what: string): Cell {
  if (count === 0) return integer(count);
  const of = `${inLanguage(title)}, ${what}`;
  return tracedFigure(integer(count), of, () => ask(of, { source: id, downloads }));
}

function nextOf({ next }: SourceHealth, now: number): string {
  if (!next.at || milliseconds(next.at) <= now) return say().why.due;
  const when = relative(milliseconds(next.at), now);
  return next.why === "scheduled" ? when : `${when} (${say().why[next.why]})`;
}

/** A table whose rows become blocks on a phone: each cell knows the name of its column. */
function grid(place: HTMLElement, caption: string, heads: string[], rows: Cell[][]): void {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((cells) =>
    element(
      "tr",
      {},
      ...cells.map((cell, index) =>
        index === 0 ? element("th", { scope: "row" }, cell) : element("td", { "data-head": heads[index] ?? "" }, cell),
      ),
    ),
  );
  const table = element("table", { class: `stacking${heads.length > 3 ? " pairs-of" : ""}`, "aria-label": caption }, element("thead", {}, head), element("tbody", {}, ...body));
  // Written every second: a figure that is pressed just then stays the same.
  if (place.firstElementChild?.outerHTML !== table.outerHTML) renew(place, table);
}
