// The tab of the sources: the list by domain, and the sheet of the one chosen.

import "./record.css";
import { writeAddress } from "./address.ts";
import { explain } from "./day-message.ts";
import { element, setAttribute, setText } from "./dom.ts";
import { inLanguage, words } from "./i18n.ts";
import { fetchSheet, fetchSources, type SourceBrief, type SourceSheet } from "./record-api.ts";
import { say } from "./record-words.ts";
import { sheetOf } from "./sheet.ts";
import type { Page, View } from "./view.ts";

export class SourcesView implements View {
  readonly element: HTMLElement;
  readonly #heading = element("h2");
  readonly #list = element("nav", { class: "source-list" });
  readonly #others = element("input", { type: "checkbox" });
  readonly #othersText = element("span");
  readonly #sheet = element("article", { class: "panel sheet", tabindex: "-1" });
  readonly #back = element("button", { type: "button", class: "small-button back" });
  readonly #message = element("div", { class: "message", role: "status" }, element("p"), element("p"));
  readonly #retry = element("button", { type: "button", class: "small-button" });
  readonly #content: HTMLElement;
  #sources: SourceBrief[] | null = null;
  #shown: SourceSheet | null = null;
  #error: unknown = null;
  /** The source that the address names; null: none, which shows the first where there is room for it. */
  #asked: string | null = null;
  #asking = new AbortController();

  constructor({ day }: Page) {
    this.#others.addEventListener("change", () => {
      writeAddress({ all: this.#others.checked ? "1" : null }, "replace");
      this.#writeList();
    });
    this.#back.addEventListener("click", () => {
      const left = this.#asked;
      writeAddress({ source: null });
      this.#choose(null);
      this.#list.querySelector<HTMLElement>(`[data-source="${CSS.escape(left ?? "")}"]`)?.focus();
    });
    this.#retry.addEventListener("click", () => this.#choose(this.#asked));
    this.#message.append(this.#retry);
    const side = element("div", { class: "source-side" }, this.#heading, element("label", { class: "check" }, this.#others, this.#othersText), this.#list);
    this.#content = element("div", { class: "record sources-tab", hidden: "" }, side, element("div", { class: "sheet-side" }, this.#back, this.#sheet));
    this.element = element("div", {}, this.#message, this.#content);
    // The server has come back, or its settings are others.
    day.changed.add((state) => {
      if (state.kind === "ready" && this.#error !== null && this.element.isConnected) this.#choose(this.#asked);
    });
    this.refresh();
  }

  show(state: URLSearchParams): void {
    this.#others.checked = state.get("all") === "1";
    this.#choose(state.get("source"));
  }

  refresh(): void {
    setText(this.#heading, say().sourcesTitle);
    setText(this.#othersText, say().others);
    setText(this.#back, `← ${say().back}`);
    setText(this.#retry, words().retry);
    setAttribute(this.#list, "aria-label", say().list);
    this.#writeMessage();
    this.#writeList();
    this.#writeSheet();
  }

  #choose(asked: string | null): void {
    this.#asked = asked;
    this.#asking.abort();
    this.#asking = new AbortController();
    void this.#load(this.#asking.signal);
  }

  async #load(signal: AbortSignal): Promise<void> {
    try {
      this.#sources ??= await fetchSources(signal);
      if (signal.aborted) return;
      this.#error = null;
      this.#writeMessage();
      this.#writeList();
      const id = this.#asked ?? this.#sources.find((source) => source.enabled)?.id ?? this.#sources[0]?.id;
      if (id === undefined) return;
      setAttribute(this.#sheet, "aria-busy", "true");
      const sheet = await fetchSheet(id, signal);
      if (signal.aborted) return;
      this.#shown = sheet;
      this.#writeSheet();
      this.#writeList();
    } catch (error) {
      if (signal.aborted) return;
      this.#error = error;
      this.#writeMessage();
    }
    setAttribute(this.#sheet, "aria-busy", null);
  }

  #writeMessage(): void {
    const [title, detail] = this.#message.children;
    const failed = this.#error !== null;
    this.#message.hidden = !failed && this.#sources !== null;
    this.#content.hidden = this.#sources === null || failed;
    this.#retry.hidden = !failed;
    if (title) setText(title, failed ? say().loadFailed : say().loading);
    if (detail) setText(detail, failed ? explain(this.#error) : "");
  }

  #writeList(): void {
    if (this.#sources === null) return;
    this.#content.dataset["chosen"] = this.#asked === null ? "no" : "yes";
    const current = this.#asked ?? this.#shown?.id;
    const listed = this.#sources.filter(({ enabled, id }) => enabled || this.#others.checked || id === this.#asked);
    const focused = this.#list.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["source"] : undefined;
    const domains = new Map<string, SourceBrief[]>();
    for (const source of listed) domains.set(source.domain, [...(domains.get(source.domain) ?? []), source]);
    this.#list.replaceChildren(
      ...[...domains.values()].flatMap((sources) => {
        const [first] = sources;
        if (first === undefined) return [];
        return [
          element("h3", {}, inLanguage(first.domain_title)),
          element("ul", {}, ...sources.map((source) => element("li", {}, this.#link(source, source.id === current)))),
        ];
      }),
    );
    if (focused !== undefined) this.#list.querySelector<HTMLElement>(`[data-source="${CSS.escape(focused)}"]`)?.focus();
  }

  #link(source: SourceBrief, current: boolean): HTMLElement {
    const address = new URL(location.href);
    address.searchParams.set("tab", "sources");
    address.searchParams.set("source", source.id);
    const link = element(
      "a",
      { href: `${address.pathname}${address.search}`, "data-source": source.id, ...(current ? { "aria-current": "true" } : {}) },
      element("span", {}, inLanguage(source.title)),
      element("span", { class: "quiet" }, source.credit.licence),
      ...(source.enabled ? [] : [element("span", { class: "badge off" }, say().notFollowed)]),
    );
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
      event.preventDefault();
      writeAddress({ source: source.id });
      this.#choose(source.id);
      scrollTo(0, 0);
    });
    return link;
  }

  #writeSheet(): void {
    if (this.#shown === null) return;
    this.#sheet.replaceChildren(...sheetOf(this.#shown));
    setAttribute(this.#sheet, "aria-label", inLanguage(this.#shown.sheet.title));
  }
}
