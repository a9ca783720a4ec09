// What opens "where does this come from?": a button beside a figure, or the figure of a table itself. The dialog is fetched when
// it is first asked for.

import { element, icon, setAttribute, setText } from "./dom.ts";
import { language, words } from "./i18n.ts";
import type { Question } from "./record-api.ts";

const TRACE = "M9 7H7a4.5 4.5 0 0 0 0 9h2M15 7h2a4.5 4.5 0 0 1 0 9h-2M8.5 11.5h7";

const WORDS = { fr: "D’où vient ce chiffre ?", en: "Where does this come from?" };

/** One of several origins of a figure. */
export interface Part {
  name: string;
  /** What else is to be said of it: its value, its time. */
  note: string;
  question: Question;
}

/** Opens the dialog about a figure, which `what` names in words. */
export function ask(what: string, question: Question): void {
  void open(({ showProvenance }) => showProvenance(what, question));
}

/** The same of a figure that several others went into: `told` says how. One alone is opened at once. */
export function askParts(what: string, told: string, parts: Part[]): void {
  const [first, ...others] = parts;
  if (first !== undefined && others.length === 0) ask(what, first.question);
  else void open(({ showParts }) => showParts(what, told, parts));
}

async function open(show: (dialog: typeof import("./provenance.ts")) => void): Promise<void> {
  try {
    show(await import("./provenance.ts"));
  } catch (error) {
    console.warn("where a figure comes from could not be loaded", error);
    sayFailed();
  }
}

/** The server is away, and with it the dialog: what is said instead needs nothing but the page. */
function sayFailed(): void {
  const close = element("button", { type: "button", class: "small-button" }, "OK");
  const dialog = element("dialog", { class: "failed-dialog", "aria-label": WORDS[language()] }, element("p", {}, words().noAnswer), close);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** A button beside a figure. What is asked is worked out when it is pressed: figures change. */
export function provenanceButton(press: () => void): HTMLButtonElement {
  const button = element("button", { type: "button", class: "trace-button" }, icon(TRACE));
  button.addEventListener("click", press);
  return button;
}

/** Names the button in the present language, after the figure that it belongs to. */
export function nameProvenanceButton(button: HTMLElement, of: string): void {
  setAttribute(button, "aria-label", `${WORDS[language()]} ${of}`);
  setAttribute(button, "title", WORDS[language()]);
}

/** A figure of a table that opens where it comes from; `of` names its row. */
export function tracedFigure(text: string, of: string, press: (button: HTMLButtonElement) => void): HTMLButtonElement {
  const button = element("button", { type: "button", class: "traced" });
  writeTraced(button, text, of);
  button.addEventListener("click", () => press(button));
  return button;
}

/** Writes another figure into such a button. One that is not known comes from nowhere: `known` is false. */
export function writeTraced(button: HTMLButtonElement, text: string, of: string, known = true): void {
  setText(button, text);
  button.disabled = !known;
  setAttribute(button, "title", known ? WORDS[language()] : null);
  setAttribute(button, "aria-label", known ? `${text} (${of}). ${WORDS[language()]}` : null);
}

/** The stretch of time that a figure of a chart is of; null: the days before, which say what is usual. */
export type Traced = { from: string; to: string } | null;

/** Tells whoever holds the chart that one of its figures was asked about: a chart does not know its source. */
export function tellTraced(node: Element, detail: Traced): void {
  node.dispatchEvent(new CustomEvent<Traced>("traced", { detail, bubbles: true }));
}

/** Hears what `tellTraced` tells below an element. */
export function hearTraced(node: Element, heard: (stretch: Traced) => void): void {
  node.addEventListener("traced", (event) => heard((event as CustomEvent<Traced>).detail));
}
