// The calendar of completeness: a row per source, a cell per local day. How full a cell is drawn says how much was obtained;
// colour and a mark only repeat it. One cell can be reached with the keyboard, and the arrows go on from there.

import { element, setAttribute, setText } from "./dom.ts";
import { dayTick, fullDate, integer, share } from "./format.ts";
import { inLanguage } from "./i18n.ts";
import type { DayHealth, Health, SourceHealth } from "./record-api.ts";
import { say } from "./record-words.ts";

type Level = "full" | "nearly" | "partial" | "none" | "unwatched";

const LEVELS: Level[] = ["full", "nearly", "partial", "none", "unwatched"];
const NEARLY = 0.95;

function levelOf({ expected, obtained }: DayHealth): Level {
  if (expected === 0) return "unwatched";
  if (obtained >= expected) return "full";
  if (obtained === 0) return "none";
  return obtained / expected >= NEARLY ? "nearly" : "partial";
}

/** How many of the downloads of a day were obtained, and what went wrong. */
export function factsOf(day: DayHealth): string {
  if (day.expected === 0) return say().unwatched;
  const parts = [`${share(day.obtained / day.expected)}, ${say().dayFacts(integer(day.obtained), integer(day.expected))}`];
  if (day.failed > 0) parts.push(say().failed(day.failed));
  if (day.quarantined > 0) parts.push(say().aside(day.quarantined));
  return parts.join(", ");
}

export interface Chosen {
  source: SourceHealth;
  date: string;
}

export class Calendar {
  readonly element = element("div", {});
  readonly #help = element("p", { class: "quiet" });
  readonly #frame = element("div", { class: "calendar-frame" });
  readonly #told = element("p", { class: "calendar-told", "aria-live": "polite" });
  readonly #legend = element("ul", { class: "calendar-legend" });
  readonly #choose: (chosen: Chosen) => void;
  #health: Health | null = null;
  /** The cell that the keyboard reaches: row and column; today of the first source to begin with. */
  #place: [number, number] | null = null;
  #scrolled = false;

  constructor(choose: (chosen: Chosen) => void) {
    this.#choose = choose;
    this.element.append(this.#help, this.#frame, this.#told, this.#legend);
    this.#frame.addEventListener("keydown", (event) => this.#press(event));
    for (const kind of ["focusin", "pointerover"]) this.#frame.addEventListener(kind, (event) => this.#tell(event.target));
    this.#frame.addEventListener("click", (event) => this.#enter(event.target));
  }

  update(health: Health): void {
    this.#health = health;
    const { dates, sources } = health;
    const [row, column] = this.#place ?? [0, dates.length - 1];
    this.#place = [Math.min(row, Math.max(0, sources.length - 1)), Math.min(column, dates.length - 1)];
    const hadFocus = this.#frame.contains(document.activeElement);
    const left = this.#frame.scrollLeft;
    const head = element(
      "tr",
      {},
      element("th", { scope: "col" }, say().source),
      ...dates.map((date, index) => this.#dateHead(date, index)),
    );
    const rows = sources.map((source, index) => this.#row(source, index));
    const table = element("table", { role: "grid", "aria-label": say().calendar }, element("thead", {}, head), element("tbody", {}, ...rows));
    this.#frame.replaceChildren(table);
    if (hadFocus) this.#cell(...this.#place)?.focus();
    this.#frame.scrollLeft = left;
    this.refresh();
  }

  /** To the newest days, once the calendar can be seen. */
  shown(): void {
    if (this.#scrolled || this.#frame.clientWidth === 0) return;
    this.#scrolled = true;
    this.#frame.scrollLeft = this.#frame.scrollWidth;
  }

  refresh(): void {
    setText(this.#help, say().calendarHelp);
    this.#legend.replaceChildren(
      ...LEVELS.map((level) => element("li", {}, element("i", { class: `day-cell ${level}`, "aria-hidden": "true" }), say()[level])),
      element("li", {}, element("i", { class: "day-cell full trouble", "aria-hidden": "true" }), say().trouble),
    );
  }

  /** Every Monday by its date, the others for those who hear. */
  #dateHead(date: string, index: number): HTMLElement {
    const monday = new Date(`${date}T00:00:00Z`).getUTCDay() === 1;
    const last = index === (this.#health?.dates.length ?? 0) - 1;
    const label = dayTick(Date.parse(`${date}T12:00:00Z`));
    return element("th", { scope: "col" }, element("span", { class: monday && !last ? "week" : "visually-hidden" }, label));
  }

  #row(source: SourceHealth, row: number): HTMLElement {
    const cells = source.days.map((day, column) => {
      const level = levelOf(day);
      const trouble = day.failed + day.quarantined > 0;
      const here = this.#place?.[0] === row && this.#place[1] === column;
      const mark = element("i", { class: `day-cell ${level}${trouble ? " trouble" : ""}`, "aria-hidden": "true" });
      mark.style.setProperty("--share", String(day.expected === 0 ? 0 : day.obtained / day.expected));
      return element(
        "td",
        { tabindex: here ? "0" : "-1", "data-row": String(row), "data-column": String(column) },
        mark,
        element("span", { class: "visually-hidden" }, factsOf(day)),
      );
    });
    return element("tr", {}, element("th", { scope: "row" }, inLanguage(source.title)), ...cells);
  }

  #cell(row: number, column: number): HTMLElement | null {
    return this.#frame.querySelector(`td[data-row="${row}"][data-column="${column}"]`);
  }

  #at(target: EventTarget | null): [SourceHealth, DayHealth, string, number, number] | null {
    const cell = target instanceof Element ? target.closest<HTMLElement>("td[data-row]") : null;
    if (cell === null || this.#health === null) return null;
    const [row, column] = [Number(cell.dataset["row"]), Number(cell.dataset["column"])];
    const source = this.#health.sources[row];
    const day = source?.days[column];
    const date = this.#health.dates[column];
    return source && day && date ? [source, day, date, row, column] : null;
  }

  #tell(target: EventTarget | null): void {
    const found = this.#at(target);
    if (found === null) return;
    const [source, day, date] = found;
    setText(this.#told, `${inLanguage(source.title)} · ${fullDate(date)} · ${factsOf(day)}`);
  }

  #move(row: number, column: number): void {
    if (this.#place !== null) {
      const before = this.#cell(...this.#place);
      if (before) setAttribute(before, "tabindex", "-1");
    }
    this.#place = [row, column];
    const cell = this.#cell(row, column);
    if (cell === null) return;
    setAttribute(cell, "tabindex", "0");
    cell.focus();
  }

  #enter(target: EventTarget | null): void {
    const found = this.#at(target);
    if (found === null) return;
    const [source, , date, row, column] = found;
    this.#move(row, column);
    this.#choose({ source, date });
  }

  #press(event: KeyboardEvent): void {
    const found = this.#at(event.target);
    if (found === null || this.#health === null) return;
    const [, , , row, column] = found;
    const [rows, columns] = [this.#health.sources.length - 1, this.#health.dates.length - 1];
    const goTo: Record<string, [number, number]> = {
      ArrowLeft: [row, Math.max(0, column - 1)],
      ArrowRight: [row, Math.min(columns, column + 1)],
      ArrowUp: [Math.max(0, row - 1), column],
      ArrowDown: [Math.min(rows, row + 1), column],
      Home: [row, 0],
      End: [row, columns],
    };
    const next = goTo[event.key];
    if (next !== undefined) {
      event.preventDefault();
      this.#move(...next);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#enter(event.target);
    }
  }
}
