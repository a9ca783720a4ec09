// What each cause of a failure means, in a sentence. The server has the words; they are fetched when first needed.

import { Listeners } from "./dom.ts";
import { inLanguage } from "./i18n.ts";
import { fetchCauses, type CauseText } from "./record-api.ts";

let known: Map<string, CauseText> | null = null;
let asked = false;

/** Told once the sentences are there. */
export const causesKnown = new Listeners<void>();

/** The sentence of a cause; nothing until it is known, which has it fetched. */
export function causeSentence(cause: string): string {
  if (known === null) void load();
  const text = known?.get(cause)?.sentence;
  return text === undefined ? "" : inLanguage(text);
}

async function load(): Promise<void> {
  if (asked) return;
  asked = true;
  try {
    const causes = await fetchCauses(new AbortController().signal);
    known = new Map(causes.map((cause) => [cause.cause, cause]));
    causesKnown.tell();
  } catch {
    // The labels say the most important; whoever asks next tries again.
    asked = false;
  }
}
