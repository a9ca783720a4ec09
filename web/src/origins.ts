// What the figures of a sentence come from: each origin leads to its downloads.

import { element, keepChildren, setText } from "./dom.ts";
import { milliseconds, moment } from "./format.ts";
import { inLanguage, wordsOf } from "./i18n.ts";
import { ask, askParts, nameProvenanceButton, provenanceButton, type Part } from "./provenance-button.ts";
import type { Origin, Period, Said, SourceAnalysis } from "./types.ts";

const say = wordsOf({
  fr: {
    role: { told: "Ce qui est dit", usual: "Ce qui est habituel", before: "Ce à quoi c’est comparé", downloads: "Les téléchargements" },
    several: "Cette phrase repose sur plusieurs choses ; chacune mène à ses téléchargements.",
    usual: (days: number) => `l’habituel, d’après ${days} ${days > 1 ? "jours" : "jour"} d’avant`,
  },
  en: {
    role: { told: "What is told", usual: "What is usual", before: "What it is compared with", downloads: "The downloads" },
    several: "This sentence rests on several things; each leads to its downloads.",
    usual: (days) => `what is usual, from ${days} ${days === 1 ? "day" : "days"} before`,
  },
});

interface Shown {
  source: SourceAnalysis;
  said: Said;
}

const shown = new WeakMap<Element, Shown>();

/** Sentences of a source as children of `parent`, each with the button that opens its origins. */
export function writeSaid(parent: Element, tag: "li" | "span", source: SourceAnalysis, sentences: Said[]): void {
  const items = keepChildren(parent, sentences.length, () => {
    const item = element(tag, { class: "said" }, element("span"), provenanceButton(() => askSaid(item)));
    return item;
  });
  for (const [index, said] of sentences.entries()) {
    const item = items[index];
    const [text, button] = item?.children ?? [];
    if (!item || !text || !(button instanceof HTMLButtonElement)) continue;
    shown.set(item, { source, said });
    setText(text, inLanguage(said));
    button.hidden = said.origins.length === 0;
    nameProvenanceButton(button, inLanguage(said));
  }
}

function askSaid(item: Element): void {
  const { source, said } = shown.get(item) ?? {};
  if (source === undefined || said === undefined) return;
  askParts(inLanguage(said), say().several, said.origins.map((origin) => partOf(source, origin)));
}

function partOf(source: SourceAnalysis, { role, entity, key, name, from, to }: Origin): Part {
  const stretch = key ? moment(milliseconds(from)) : `${moment(milliseconds(from))} – ${moment(milliseconds(to))}`;
  const of = name ? ` · ${name}` : "";
  const about = key ? { key } : { entity: entity ?? undefined, from, to, downloads: role === "downloads" ? "" : undefined };
  return { name: `${say().role[role]}${of}`, note: stretch, question: { source: source.id, ...about } };
}

/** Whether the days before are known that say what is usual. */
export function hasPast({ findings }: SourceAnalysis, { date }: Period): boolean {
  const { since } = findings.history;
  return since !== null && since !== undefined && since < date;
}

/** Asks about the days before a period, which say what is usual. */
export function askPast(source: SourceAnalysis, period: Period): void {
  const { since, days } = source.findings.history;
  if (!hasPast(source, period)) return;
  ask(`${inLanguage(source.title)}, ${say().usual(days)}`, { source: source.id, from: since ?? undefined, to: period.start });
}
