// What of several things could not be read, each with its reason and a way to do without it.

import { isTooMuch } from "./api.ts";
import { explain } from "./day-message.ts";
import { element, keepChildren, setAttribute, setText } from "./dom.ts";
import { say } from "./explore-words.ts";
import { words } from "./i18n.ts";

/** A source that an address names, and that is not watched here. */
export class NotWatched extends Error {
  constructor(readonly source: string) {
    super(`${source} is not watched`);
    this.name = "NotWatched";
  }
}

export interface Failure {
  name: string;
  error: unknown;
  remove: () => void;
}

function reason(error: unknown): string {
  return error instanceof NotWatched ? say().missing(error.source) : explain(error);
}

/** Whether the same may be answered another time. */
export function mayPass(error: unknown): boolean {
  return !isTooMuch(error) && !(error instanceof NotWatched);
}

export class Failures {
  readonly #list = element("ul");
  readonly #retry = element("button", { type: "button", class: "small-button" });
  readonly element = element("div", { class: "failures", role: "status", hidden: "" }, this.#list, this.#retry);
  #shown: Failure[] = [];

  constructor(retry: () => void) {
    this.#retry.addEventListener("click", retry);
  }

  write(failures: Failure[]): void {
    this.#shown = failures;
    this.element.hidden = failures.length === 0;
    this.#retry.hidden = !failures.some(({ error }) => mayPass(error));
    setText(this.#retry, words().retry);
    const items = keepChildren(this.#list, failures.length, () => {
      const button = element("button", { type: "button", class: "small-button" });
      const item = element("li", {}, element("bdi"), element("span"), button);
      button.addEventListener("click", () => this.#shown[[...this.#list.children].indexOf(item)]?.remove());
      return item;
    });
    for (const [index, { name, error }] of failures.entries()) {
      const [title, why, button] = items[index]?.children ?? [];
      if (!title || !why || !button) continue;
      setText(title, name);
      setText(why, reason(error));
      setText(button, say().removeShort);
      setAttribute(button, "aria-label", say().remove(name));
    }
  }
}
