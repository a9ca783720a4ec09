// The age of the content, and the three clocks behind it.

import { element, keepChildren, setAttribute, setText } from "./dom.ts";
import { duration, milliseconds, moment, relative } from "./format.ts";
import { words } from "./i18n.ts";
import type { Freshness } from "./types.ts";

export class FreshnessView {
  readonly element: HTMLElement;
  readonly #age = element("span", { class: "age" });
  readonly #stale = element("span", { class: "badge warn" });
  readonly #heading = element("p", { class: "clocks-title" });
  readonly #list = element("dl", { class: "pairs" });
  #freshness: Freshness | null = null;

  constructor() {
    const summary = element("summary", {}, this.#stale, this.#age);
    const clocks = element("div", { class: "clocks" }, this.#heading, this.#list);
    const details = element("details", { class: "freshness" }, summary, clocks);
    details.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && details.open) {
        details.open = false;
        summary.focus();
      }
    });
    details.addEventListener("focusout", (event) => {
      if (event.relatedTarget instanceof Node && !details.contains(event.relatedTarget)) details.open = false;
    });
    document.addEventListener("pointerdown", (event) => {
      if (event.target instanceof Node && !details.contains(event.target)) details.open = false;
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
    const { observed_at, published_at, fetched_at, next_at } = this.#freshness;
    setText(this.#age, observed_at ? relative(milliseconds(observed_at), now) : words().neverObserved);
    setAttribute(this.#age, "title", words().contentAge);
    const say = (time: string | null | undefined, otherwise: string): string =>
      time ? `${moment(milliseconds(time))} (${relative(milliseconds(time), now)})` : otherwise;
    const next =
      next_at && milliseconds(next_at) <= now ? `${moment(milliseconds(next_at))} (${words().due})` : say(next_at, words().notSaid);
    const lines: [string, string][] = [
      [words().observed, say(observed_at, words().never)],
      [words().published, say(published_at, words().notSaid)],
      [words().fetched, say(fetched_at, words().never)],
      [words().next, next],
    ];
    writePairs(this.#list, lines);
  }
}

/** Fills a list of terms and what they are. */
function writePairs(list: HTMLElement, lines: [string, string][]): void {
  const items = keepChildren(list, lines.length, () => element("div", {}, element("dt"), element("dd")));
  for (const [index, [term, text]] of lines.entries()) {
    const [name, value] = items[index]?.children ?? [];
    if (name) setText(name, term);
    if (value) setText(value, text);
  }
}
