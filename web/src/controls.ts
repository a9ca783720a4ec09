// Small controls that the views of data share.

import { element, icon, keepChildren, setAttribute, setText, webAddress } from "./dom.ts";
import { words } from "./i18n.ts";
import type { SeriesAnswer } from "./types.ts";

const CROSS = "M6 6l12 12M18 6 6 18";
let groups = 0;

/** One of a few, side by side: radio buttons, so that arrow keys work. */
export class Segments<Id extends string> {
  readonly element: HTMLFieldSetElement;
  readonly #legend = element("legend");
  readonly #row = element("div", { class: "segments" });
  readonly #group = `segments-${(groups += 1)}`;
  readonly #chosen: (id: Id) => void;

  constructor(chosen: (id: Id) => void) {
    this.#chosen = chosen;
    this.element = element("fieldset", { class: "choice" }, this.#legend, this.#row);
  }

  write(title: string, options: readonly [Id, string][], current: Id): void {
    setText(this.#legend, title);
    const items = keepChildren(this.#row, options.length, () => {
      const input = element("input", { type: "radio", name: this.#group });
      input.addEventListener("change", () => this.#chosen(input.value as Id));
      return element("label", {}, input, element("span"));
    });
    for (const [index, [id, name]] of options.entries()) {
      const [input, text] = items[index]?.children ?? [];
      if (!(input instanceof HTMLInputElement) || !text) continue;
      input.value = id;
      input.checked = id === current;
      setText(text, name);
    }
  }
}

/** A list of chosen things, each with a button that takes it away. */
export class Chosen {
  readonly element = element("ul", { class: "chosen" });
  readonly #removed: (index: number) => void;

  constructor(removed: (index: number) => void) {
    this.#removed = removed;
  }

  write(title: string, things: { name: string; paint: string | null }[], removeName: (name: string) => string): void {
    setAttribute(this.element, "aria-label", title);
    const items = keepChildren(this.element, things.length, () => {
      const button = element("button", { type: "button", class: "icon-button" }, icon(CROSS));
      const item = element("li", {}, element("i", { class: "swatch" }), element("span", { dir: "auto" }), button);
      button.addEventListener("click", () => this.#removed([...this.element.children].indexOf(item)));
      return item;
    });
    for (const [index, { name, paint }] of things.entries()) {
      const [swatch, text, button] = items[index]?.children ?? [];
      if (!(swatch instanceof HTMLElement) || !text || !button) continue;
      swatch.hidden = paint === null;
      swatch.style.setProperty("--paint", paint === null ? "" : `var(--${paint})`);
      setText(text, name);
      setAttribute(button, "aria-label", removeName(name));
      setAttribute(button, "title", removeName(name));
    }
  }
}

/** Whom to credit for what is shown: as text, with links to the terms. */
export function creditLine(answers: Pick<SeriesAnswer, "credit">[]): HTMLElement {
  const seen = new Map(answers.map(({ credit }) => [`${credit.attribution} ${credit.licence}`, credit]));
  const parts = [...seen.values()].flatMap(({ attribution, licence, url }, index) => {
    const address = webAddress(url);
    const terms = address === null ? licence : element("a", { href: address, target: "_blank", rel: "noreferrer" }, licence);
    return [index > 0 ? "; " : "", words().creditOf(attribution), " · ", terms];
  });
  return element("p", { class: "credit" }, ...parts);
}

/** The same for a file. */
export function creditNotes(answers: Pick<SeriesAnswer, "credit" | "simulated">[]): string[] {
  const seen = new Map(answers.map(({ credit }) => [credit.attribution, credit]));
  const credits = [...seen.values()].map(({ attribution, licence }) => `${words().creditOf(attribution)} · ${licence}`);
  return answers.some(({ simulated }) => simulated) ? [`${words().simulated}. ${words().simulatedWhy}`, ...credits] : credits;
}

/** A link to a file, which the browser keeps. */
export function fileLink(): HTMLAnchorElement {
  return element("a", { class: "small-button", download: "" });
}
