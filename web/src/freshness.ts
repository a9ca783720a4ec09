// The age of the content, and the three clocks behind it.

import { element, keepChildren, setAttribute, setText } from "./dom.ts";
import { duration, milliseconds, moment, relative } from "./format.ts";
import { words } from "./i18n.ts";
import { tracedFigure, writeTraced } from "./provenance-button.ts";
import type { Freshness } from "./types.ts";

export class FreshnessView {
  readonly element: HTMLElement;
  readonly #age = element("span", { class: "age" });
  readonly #stale = element("span", { class: "badge warn" });
  readonly #heading = element("p", { class: "clocks-title" });
  readonly #list = element("dl", { class: "pairs" });
  readonly #traced: (clock: string, at: string) => void;
  #freshness: Freshness | null = null;

  /** `traced` is told which clock was asked about, and what it says. */
  constructor(traced: (clock: string, at: string) => void) {
    this.#traced = traced;
    const summary = element("summary", {}, this.#stale, this.#age);
    const clocks = element("div", { class: "clocks" }, this.#heading, this.#list);
    const details = element("details", { class: "freshness" }, summary, clocks);
    details.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && details.open) {
        details.open = false;
        summary.focus();
      }
    });
    // The dialog that a clock opens gives the focus back to it.
    const leaves = (target: EventTarget | null): boolean => target instanceof Element && !details.contains(target) && target.closest("dialog") === null;
    details.addEventListener("focusout", (event) => {
      if (leaves(event.relatedTarget)) details.open = false;
    });
    document.addEventListener("pointerdown", (event) => {
      if (leaves(event.target)) details.open = false;
    });
    this.element = details;
  }

  update(freshness: Freshness, now: number): void {
    this.#freshness = freshness;
    setText(this.#heading, words().clocks);
    this.#stale.hidden = !freshness.stale;
    setText(this.#stale, words().stale);
    setAttribute(this.#stale, "title", words().staleTitle(duration(freshness.stale_after_seconds)));
    this.tick(now);
  }

  tick(now: number): void {
    if (this.#freshness === null) return;
    const { content_at, observed_at, published_at, fetched_at, next_at } = this.#freshness;
    setText(this.#age, content_at ? relative(milliseconds(content_at), now) : words().neverObserved);
    setAttribute(this.#age, "title", words().contentAge);
    const say = (time: string | null | undefined, otherwise: string): string =>
      time ? `${moment(milliseconds(time))} (${relative(milliseconds(time), now)})` : otherwise;
    const next =
      next_at && milliseconds(next_at) <= now ? `${moment(milliseconds(next_at))} (${words().due})` : say(next_at, words().notSaid);
    // When the newest content was published is in the same downloads as when it was observed; what is next has not come yet.
    this.#write([
      [words().observed, say(observed_at, words().never), observed_at],
      [words().published, say(published_at, words().notSaid), published_at ? observed_at : null],
      [words().fetched, say(fetched_at, words().never), fetched_at],
      [words().next, next, null],
    ]);
  }

  /** The clocks, each with what it says and the time that is asked about. */
  #write(lines: [string, string, string | null | undefined][]): void {
    const items = keepChildren(this.#list, lines.length, () => {
      const figure = tracedFigure("", "", () => this.#traced(item.firstElementChild?.textContent ?? "", figure.dataset["at"] ?? ""));
      const item = element("div", {}, element("dt"), element("dd", {}, figure));
      return item;
    });
    for (const [index, [term, text, at]] of lines.entries()) {
      const [name, value] = items[index]?.children ?? [];
      const figure = value?.firstElementChild;
      if (!name || !(figure instanceof HTMLButtonElement)) continue;
      setText(name, term);
      figure.dataset["at"] = at ?? "";
      writeTraced(figure, text, term, Boolean(at));
    }
  }
}
