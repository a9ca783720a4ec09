// The head of the page: the place, the day, the server's clock and the reader's preferences.

import { parameters, writeAddress } from "./address.ts";
import { reportAddress, type Connection } from "./api.ts";
import type { ServerClock } from "./clock.ts";
import type { Day } from "./day.ts";
import { icon, present, setAttribute, setText } from "./dom.ts";
import { addDays, clockTime, fullDate } from "./format.ts";
import { inLanguage, language, setLanguage, words, type Language } from "./i18n.ts";
import { theme, toggleTheme } from "./theme.ts";

const MOON = "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z";
const SUN = "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M4.9 4.9l1.8 1.8M17.3 17.3l1.8 1.8M19.1 4.9l-1.8 1.8M6.7 17.3l-1.8 1.8";

export class Header {
  readonly #day: Day;
  readonly #clock: ServerClock;
  readonly #zone = present("h1", HTMLElement);
  readonly #date = present(".date", HTMLElement);
  readonly #navigation = present(".days", HTMLElement);
  readonly #previous = present(".days .previous", HTMLButtonElement);
  readonly #next = present(".days .next", HTMLButtonElement);
  readonly #today = present(".days .today", HTMLButtonElement);
  readonly #status = present(".status", HTMLElement);
  readonly #time = present(".clock", HTMLElement);
  readonly #report = present(".tools .report", HTMLAnchorElement);
  readonly #languages = present(".languages", HTMLElement);
  readonly #theme = present(".tools .theme", HTMLButtonElement);
  readonly #banner = present(".banner", HTMLElement);
  readonly #notice = present(".notice", HTMLElement);
  #connection: Connection = "connecting";
  #reportPath = "";

  constructor(day: Day, clock: ServerClock) {
    this.#day = day;
    this.#clock = clock;
    for (const button of this.#languages.querySelectorAll("button")) button.addEventListener("click", () => speak(button.lang === "fr" ? "fr" : "en"));
    this.#previous.addEventListener("click", () => this.#step(-1));
    this.#next.addEventListener("click", () => this.#step(1));
    this.#today.addEventListener("click", () => go(this.#day, null));
    this.#theme.addEventListener("click", toggleTheme);
    // Things that stick below the head need to know how tall it is.
    const head = present(".page-head", HTMLElement);
    new ResizeObserver(() => {
      document.documentElement.style.setProperty("--head-height", `${head.offsetHeight}px`);
    }).observe(head);
    this.refresh();
  }

  setConnection(state: Connection): void {
    this.#connection = state;
    this.#writeState();
  }

  /** Says that a PDF has been written. */
  setReport(path: string): void {
    this.#reportPath = path;
    this.refresh();
  }

  tick(now: number): void {
    setText(this.#time, this.#day.state.kind === "ready" ? clockTime(now) : "");
  }

  /** Writes everything again: another day, language or theme. */
  refresh(): void {
    this.#writeState();
    this.#writeDay();
    setAttribute(this.#navigation, "aria-label", words().dayNavigation);
    setAttribute(this.#languages, "aria-label", words().languageGroup);
    for (const button of this.#languages.children) {
      setAttribute(button, "aria-pressed", String(button.getAttribute("lang") === language()));
    }
    const other = theme() === "dark" ? words().toLight : words().toDark;
    setAttribute(this.#theme, "aria-label", other);
    setAttribute(this.#theme, "title", other);
    this.#theme.replaceChildren(icon(theme() === "dark" ? SUN : MOON));
    const name = this.#report.lastElementChild;
    if (name) setText(name, words().report);
    setAttribute(this.#report, "title", words().reportTitle);
    setAttribute(this.#report, "aria-label", words().reportTitle);
    setText(this.#notice, this.#reportPath === "" ? "" : words().reportWritten(this.#reportPath));
    this.#notice.hidden = this.#reportPath === "";
  }

  #writeState(): void {
    setAttribute(this.#status, "data-state", this.#connection);
    const text = this.#status.lastElementChild;
    if (text) setText(text, words()[this.#connection]);
  }

  #writeDay(): void {
    const { state } = this.#day;
    const ready = state.kind === "ready";
    const date = this.#day.asked ?? (ready ? state.analysis.period.date : null);
    setText(this.#date, date === null ? "" : fullDate(date));
    setAttribute(this.#previous, "aria-label", words().previousDay);
    setAttribute(this.#previous, "title", words().previousDay);
    setAttribute(this.#next, "aria-label", words().nextDay);
    setAttribute(this.#next, "title", words().nextDay);
    setText(this.#today, words().today);
    this.#previous.disabled = date === null;
    this.#next.disabled = date === null || (ready && date >= this.#day.today());
    setAttribute(this.#today, "aria-pressed", String(this.#day.asked === null));
    setAttribute(this.#report, "href", reportAddress(date, language()));
    const simulated = ready && state.analysis.simulated;
    this.#banner.hidden = !simulated;
    const [label, why] = this.#banner.children;
    if (label) setText(label, words().simulated);
    if (why) setText(why, words().simulatedWhy);
    if (!ready) return;
    const zone = inLanguage(state.analysis.zone.name);
    setText(this.#zone, zone);
    setAttribute(this.#time, "title", words().clockTitle(state.analysis.zone.time_zone));
    this.tick(this.#clock.now());
  }

  #step(days: number): void {
    const { state } = this.#day;
    const date = this.#day.asked ?? (state.kind === "ready" ? state.analysis.period.date : null);
    if (date === null) return;
    const next = addDays(date, days);
    go(this.#day, next === this.#day.today() ? null : next);
  }
}

/** Shows a day and writes it into the address, so that it can be kept and sent. */
function go(day: Day, date: string | null): void {
  writeAddress({ date });
  void day.show(date);
}

function speak(language: Language): void {
  setLanguage(language);
  if (parameters().has("lang")) writeAddress({ lang: language }, "replace");
}
