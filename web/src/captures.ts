// How complete the record of the day is: downloads, coverage, and what went wrong.

import { causeSentence, causesKnown } from "./causes.ts";
import { element, keepChildren, renew, setText } from "./dom.ts";
import { integer, milliseconds, share, timeOfDay } from "./format.ts";
import { words } from "./i18n.ts";
import { tracedFigure } from "./provenance-button.ts";
import type { CaptureCount, Problem } from "./types.ts";

export class CapturesView {
  readonly element: HTMLDetailsElement;
  readonly #meter = element("span", { class: "meter", "aria-hidden": "true" }, element("span"), element("span"), element("span"));
  readonly #text = element("span", { class: "summary-text" });
  readonly #badges = element("span", { class: "badges" });
  readonly #latest = element("span", { class: "latest-problem" });
  readonly #body = element("div", { class: "details-body" });
  readonly #traced: () => void;
  #captures: CaptureCount | null = null;

  /** `traced` is told that the downloads were asked for. */
  constructor(traced: () => void) {
    this.#traced = traced;
    const line = element("span", { class: "summary-line" }, this.#text, this.#badges);
    const summary = element("summary", {}, element("span", { class: "summary-block" }, line, this.#meter, this.#latest));
    this.element = element("details", { class: "disclosure captures" }, summary, this.#body);
    this.element.addEventListener("toggle", () => this.#writeBody());
    causesKnown.add(() => this.#writeBody());
  }

  update(captures: CaptureCount, coverage: number | null): void {
    this.#captures = captures;
    const { expected, obtained, failed, quarantined, refused_rows } = captures;
    const parts = [`${words().downloads} ${words().downloadsOf(integer(obtained), integer(expected))}`];
    if (coverage !== null) parts.push(`${words().coverage} ${share(coverage)}`);
    setText(this.#text, parts.join(" · "));
    this.#writeMeter(captures);
    const badges: [string, string][] = [];
    if (failed > 0) badges.push(["bad", words().failures(failed)]);
    if (quarantined > 0) badges.push(["warn", words().quarantined(quarantined)]);
    if (refused_rows > 0) badges.push(["warn", words().refusedRows(refused_rows)]);
    writeBadges(this.#badges, badges);
    const latest = captures.problems[0];
    this.#latest.hidden = latest === undefined;
    setText(this.#latest, latest === undefined ? "" : `${timeOfDay(milliseconds(latest.at))} · ${title(latest)}`);
    this.#writeBody();
  }

  /** What was obtained, what was set aside, what failed, out of what was expected. */
  #writeMeter({ expected, obtained, failed, quarantined }: CaptureCount): void {
    this.#meter.hidden = expected === 0;
    if (expected === 0) return;
    const missing = Math.max(0, expected - obtained);
    const aside = Math.min(quarantined, missing);
    const parts = [obtained, aside, Math.min(failed, missing - aside)];
    for (const [index, part] of parts.entries()) {
      const segment = this.#meter.children[index];
      if (segment instanceof HTMLElement) segment.style.flexGrow = String(part / expected);
    }
  }

  #writeBody(): void {
    if (!this.element.open || this.#captures === null) return;
    const { rows, refused_rows, problems } = this.#captures;
    const counts = [words().rows(rows), words().refusedRows(refused_rows)].join(" · ");
    const list =
      problems.length === 0
        ? element("p", {}, words().noProblems)
        : element("ul", { class: "problems", tabindex: "0", "aria-label": words().problems }, ...problems.map(problemLine));
    renew(this.#body, element("p", { class: "quiet" }, tracedFigure(counts, words().downloads, () => this.#traced())), list);
  }
}

/** What went wrong, in the reader's language where it has a name. */
function title({ cause, reason }: Problem): string {
  return cause ? words().cause[cause] : reason;
}

/** The name of what went wrong, and beside it the details, which the server writes in English. */
function problemLine(problem: Problem): HTMLElement {
  const { at, outcome, cause, reason } = problem;
  const kind = outcome === "failed" ? "bad" : "warn";
  return element(
    "li",
    {},
    element("time", { datetime: at }, timeOfDay(milliseconds(at))),
    element("span", { class: `badge ${kind}` }, words().outcome[outcome]),
    element(
      "span",
      { class: "reason" },
      ...(cause ? [element("strong", {}, title(problem)), " · ", causeSentence(cause), " "] : []),
      element("span", { class: "quiet", lang: "en" }, reason),
    ),
  );
}

function writeBadges(place: HTMLElement, badges: [string, string][]): void {
  const items = keepChildren(place, badges.length, () => element("span"));
  for (const [index, [kind, text]] of badges.entries()) {
    const badge = items[index];
    if (badge === undefined) continue;
    badge.className = `badge ${kind}`;
    setText(badge, text);
  }
}
