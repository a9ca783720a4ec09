// "What did we know at …?" of a series: the time that is asked about, and what has changed since.

import { element, setAttribute, setText } from "./dom.ts";
import { valuesOf } from "./data.ts";
import { say } from "./explore-words.ts";
import { instantOf, integer, localMinute, moment } from "./format.ts";
import { wordsOf } from "./i18n.ts";
import { apart } from "./text.ts";
import type { SeriesAnswer } from "./types.ts";

const sayOf = wordsOf({
  fr: {
    knownAt: "Ce que l’on savait le",
    now: "Maintenant",
    asNow: (name: string) => `${name} · connu maintenant`,
    asThen: (name: string, time: string) => `${name} · connu le ${time}`,
    then: (time: string) => `Ce que l’on savait le ${time}.`,
    changed: (count: number) => (count > 1 ? `${integer(count)} valeurs ont été révisées depuis.` : "Une valeur a été révisée depuis."),
    unchanged: "Aucune de ces valeurs n’a été révisée depuis.",
    added: (count: number) => (count > 1 ? `${integer(count)} valeurs n’étaient pas encore connues.` : "Une valeur n’était pas encore connue."),
    partial: (count: number) => (count > 1 ? `${integer(count)} n’étaient pas encore complètes.` : "Une n’était pas encore complète."),
    untold: (count: number) =>
      count > 1
        ? `De ${integer(count)} heures on ne peut plus le dire.`
        : "D’une heure on ne peut plus le dire.",
  },
  en: {
    knownAt: "As it was known at",
    now: "Now",
    asNow: (name) => `${name} · as known now`,
    asThen: (name, time) => `${name} · as known ${time}`,
    then: (time) => `What was known at ${time}.`,
    changed: (count) => (count > 1 ? `${integer(count)} values have been revised since.` : "One value has been revised since."),
    unchanged: "None of these values has been revised since.",
    added: (count) => (count > 1 ? `${integer(count)} values were not known yet.` : "One value was not known yet."),
    partial: (count) => (count > 1 ? `${integer(count)} were not complete yet.` : "One was not complete yet."),
    untold: (count) =>
      count > 1
        ? `Of ${integer(count)} hours nobody can tell it any more.`
        : "Of one hour nobody can tell it any more.",
  },
});

/** The name of a line as it was known then, beside the same as it is known now. */
export function nameThen(name: string, at: number): string {
  return sayOf().asThen(apart(name), moment(at));
}

/** That nobody can tell any more what was known of so many hours; empty for none. */
export function describeUntold(hours: number): string {
  return hours > 0 ? sayOf().untold(hours) : "";
}

export function nameNow(name: string): string {
  return sayOf().asNow(apart(name));
}

/** The control: a time of the zone, and a way back to the present. */
export class KnownAt {
  readonly element: HTMLFieldSetElement;
  readonly #legend = element("legend");
  readonly #input = element("input", { type: "datetime-local", class: "known-at" });
  readonly #now = element("button", { type: "button", class: "small-button" });

  /** `now` tells the present of the server. */
  constructor(now: () => number, chosen: (at: number | null) => void) {
    this.element = element("fieldset", { class: "choice known-choice" }, this.#legend, element("div", { class: "known-row" }, this.#input, this.#now));
    this.#input.addEventListener("change", () => {
      const at = instantOf(this.#input.value);
      // Of a time to come nobody knows anything.
      chosen(at === null || at >= now() ? null : at);
    });
    this.#now.addEventListener("click", () => chosen(null));
  }

  write(at: number | null, now: number): void {
    setText(this.#legend, sayOf().knownAt);
    setAttribute(this.#input, "aria-label", sayOf().knownAt);
    setText(this.#now, sayOf().now);
    setAttribute(this.#now, "aria-pressed", String(at === null));
    this.#input.max = localMinute(now);
    const shown = at === null ? "" : localMinute(at);
    if (this.#input.value !== shown) this.#input.value = shown;
  }
}

/** What of a series has changed since a time, in words. A step that had not all its values yet is no revised one. */
export function describeKnown(then: SeriesAnswer, now: SeriesAnswer, at: number): string {
  let [changed, added, partial, known] = [0, 0, 0, 0];
  for (const line of now.series) {
    const before = then.series.find(({ entity }) => entity === line.entity);
    const old = before === undefined ? [] : valuesOf(then, before);
    for (const [step, value] of valuesOf(now, line).entries()) {
      const was = old[step] ?? null;
      if (value !== null && was === null) added += 1;
      if (was === null) continue;
      known += 1;
      if (before?.count[step] !== line.count[step]) partial += 1;
      else if (value !== was) changed += 1;
    }
  }
  const sentences = [
    sayOf().then(moment(at)),
    ...(known === 0 ? [say().nothing] : [changed === 0 ? sayOf().unchanged : sayOf().changed(changed)]),
    ...(added > 0 && then.untold === 0 ? [sayOf().added(added)] : []),
    ...(partial > 0 ? [sayOf().partial(partial)] : []),
    describeUntold(then.untold),
  ];
  return sentences.filter((sentence) => sentence !== "").join(" ");
}
