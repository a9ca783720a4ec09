// What stands in place of a view of the day while there is nothing to show: loading, failed, or no source at all.

import { BadAnswer, isTooMuch } from "./api.ts";
import type { Day, DayState } from "./day.ts";
import { element, setText } from "./dom.ts";
import { words } from "./i18n.ts";

export class DayMessage {
  readonly element = element("div", { class: "message", role: "status" }, element("p"), element("p"));
  readonly #retry = element("button", { type: "button", class: "small-button" });

  constructor(day: Day) {
    this.element.append(this.#retry);
    this.#retry.addEventListener("click", () => void day.load());
  }

  /** Hides itself once there is something to show. */
  write(state: DayState): void {
    const [title, detail] = this.element.children;
    setText(this.#retry, words().retry);
    if (!title || !detail) return;
    this.#retry.hidden = state.kind !== "failed";
    this.element.dataset["kind"] = state.kind;
    if (state.kind === "ready") {
      const none = state.analysis.sources.length === 0;
      this.element.hidden = !none;
      setText(title, none ? words().noSources : "");
      setText(detail, "");
      return;
    }
    this.element.hidden = false;
    setText(title, state.kind === "loading" ? words().loading : words().loadFailed);
    setText(detail, state.kind === "failed" ? explain(state.error) : "");
  }
}

/** Why something could not be fetched, for a reader. */
export function explain(error: unknown): string {
  if (isTooMuch(error)) return words().tooMuch;
  return error instanceof BadAnswer ? words().badAnswer(error.status, error.reason) : words().noAnswer;
}
