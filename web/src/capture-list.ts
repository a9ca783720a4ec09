// Downloads that went wrong, each with its cause, its details and, where it may be shown, the body that came.

import { bodyButton, bodyOf } from "./body.ts";
import { causeSentence, causesKnown } from "./causes.ts";
import { element } from "./dom.ts";
import { milliseconds, moment } from "./format.ts";
import { words } from "./i18n.ts";
import type { CaptureLine } from "./record-api.ts";
import { say } from "./record-words.ts";

/** Keeps what the reader has opened while the list is written again. */
export class CaptureList {
  readonly element = element("ul", { class: "incidents" });
  #lines: CaptureLine[] = [];
  #titleOf: (source: string) => string = (source) => source;
  /** The bodies shown, by capture: they are fetched once. */
  readonly #bodies = new Map<number, HTMLElement>();

  constructor() {
    causesKnown.add(() => this.#write());
  }

  update(lines: CaptureLine[], titleOf: (source: string) => string): void {
    this.#lines = lines;
    this.#titleOf = titleOf;
    for (const id of this.#bodies.keys()) if (!lines.some((line) => line.id === id)) this.#bodies.delete(id);
    this.#write();
  }

  #write(): void {
    const focused = document.activeElement?.closest<HTMLElement>("[data-capture]")?.dataset["capture"];
    this.element.replaceChildren(...this.#lines.map((line) => this.#item(line)));
    if (focused !== undefined) this.element.querySelector<HTMLElement>(`[data-capture="${focused}"] button`)?.focus();
  }

  #item(line: CaptureLine): HTMLElement {
    const { id, started_at, outcome, cause, reason, http_status, refused_rows } = line;
    const badge = outcome === "failed" ? "bad" : "warn";
    const word = outcome === "summarized" ? say().refusedRows(refused_rows) : words().outcome[outcome];
    const details = [http_status ? `HTTP ${http_status}` : "", reason ?? ""].filter((part) => part !== "").join(" · ");
    const sentence = cause ? causeSentence(cause) : "";
    const name = cause ? [element("b", {}, words().cause[cause]), ...(sentence === "" ? [] : [" · "])] : [];
    const item = element(
      "li",
      { "data-capture": String(id) },
      element(
        "p",
        { class: "incident-head" },
        element("time", { datetime: started_at }, moment(milliseconds(started_at))),
        element("strong", {}, this.#titleOf(line.source)),
        element("span", { class: `badge ${badge}` }, word),
      ),
      element("p", {}, ...name, sentence),
    );
    if (details !== "") item.append(element("p", { class: "quiet detail", lang: "en" }, details));
    if (line.body_shown) this.#offerBody(item, line);
    else if (line.body === "quarantine") item.append(element("p", { class: "quiet" }, say().bodyForbidden));
    return item;
  }

  #offerBody(item: HTMLElement, line: CaptureLine): void {
    const open = this.#bodies.get(line.id);
    const button = bodyButton(line, open !== undefined);
    button.addEventListener("click", () => {
      if (this.#bodies.has(line.id)) this.#bodies.delete(line.id);
      else this.#bodies.set(line.id, bodyOf(line, this.#titleOf(line.source)));
      this.#write();
    });
    item.append(button);
    if (open !== undefined) item.append(open);
  }
}
