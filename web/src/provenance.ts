// "Where does this come from?": from a figure to the raw files that it was made from. Of a figure that several others went
// into it is a list, from which each leads on, and back.

import "./record.css";
import { explain } from "./day-message.ts";
import { divide, isTooLong } from "./divide.ts";
import { element, reached, setText } from "./dom.ts";
import { integer } from "./format.ts";
import { languageChanged } from "./i18n.ts";
import type { Part } from "./provenance-button.ts";
import { factsOfDownloads, factsOfFigure, type Downloads } from "./provenance-facts.ts";
import { say as sayMore } from "./provenance-words.ts";
import { fetchDownloads, fetchProvenance, fetchSources, type Provenance, type Question } from "./record-api.ts";
import { say } from "./record-words.ts";

/** What the dialog is about: a question and its answer, or several origins to choose from. */
interface Leaf {
  what: string;
  told: string;
  parts: Part[];
  question: Question | null;
  figure: Provenance | null;
  downloads: Downloads | null;
  error: unknown;
  /** The part that the reader went on to. */
  chosen: number | null;
}

function leaf(what: string, content: Partial<Leaf>): Leaf {
  return { what, told: "", parts: [], question: null, figure: null, downloads: null, error: null, chosen: null, ...content };
}

class Dialog {
  readonly #element = element("dialog", { class: "provenance", "aria-labelledby": "provenance-title" });
  readonly #title = element("h2", { id: "provenance-title", tabindex: "-1" });
  readonly #back = element("button", { type: "button", class: "small-button" });
  readonly #close = element("button", { type: "button", class: "small-button" });
  readonly #body = element("div", { class: "provenance-body" });
  readonly #more = element("button", { type: "button", class: "small-button" });
  #leaves: Leaf[] = [];
  #asking = new AbortController();
  /** What opened it, and its place among what can be focused. */
  #opener: [Element | null, number] = [null, -1];

  constructor() {
    this.#element.append(element("header", {}, this.#title, element("div", { class: "provenance-tools" }, this.#back, this.#close)), this.#body);
    this.#back.addEventListener("click", () => this.#goBack());
    this.#close.addEventListener("click", () => this.#element.close());
    this.#more.addEventListener("click", () => void this.#readOn());
    // A click beside it closes it, as Escape does.
    this.#element.addEventListener("click", (event) => {
      if (event.target === this.#element) this.#element.close();
    });
    // It is told late: the next question may have been asked by then.
    this.#element.addEventListener("close", () => {
      if (this.#element.open) return;
      this.#asking.abort();
      // What opened it may have been written anew by then: the reader goes on at what stands in its place.
      const [opener, place] = this.#opener;
      if (opener?.isConnected === false) reached(document)[place]?.focus();
    });
    languageChanged.add(() => this.#write());
    document.body.append(this.#element);
  }

  open(first: Leaf): void {
    this.#leaves = [];
    this.#go(first);
    if (this.#element.open) return;
    const opener = document.activeElement;
    this.#opener = [opener, reached(document).findIndex((one) => one === opener)];
    this.#element.showModal();
  }

  #go(next: Leaf): void {
    this.#leaves.push(next);
    const { question } = next;
    if (question?.from !== undefined && question.to !== undefined && question.downloads === undefined && isTooLong(question.from, question.to)) {
      next.parts = divide(question, question.from, question.to);
      next.told = sayMore().long;
      next.question = null;
    }
    this.#write();
    this.#element.scrollTop = 0;
    if (this.#leaves.length > 1) this.#title.focus();
    void this.#ask(next);
  }

  #goBack(): void {
    this.#leaves.pop();
    const here = this.#leaves.at(-1);
    if (here === undefined) return;
    this.#write();
    this.#body.querySelectorAll<HTMLElement>(".part")[here.chosen ?? 0]?.focus();
    void this.#ask(here);
  }

  /** Fetches the answer, unless it is there. */
  async #ask(here: Leaf): Promise<void> {
    this.#asking.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const { question } = here;
    if (question === null || here.figure !== null || here.downloads !== null) return;
    here.error = null;
    try {
      if (question.downloads === undefined) {
        here.figure = await fetchProvenance(question, asking.signal);
      } else {
        const [sources, page] = await Promise.all([fetchSources(asking.signal), fetchDownloads(question, undefined, asking.signal)]);
        const source = sources.find(({ id }) => id === question.source);
        if (source === undefined) throw new Error(`no source is called ${question.source}`);
        here.downloads = { source, captures: page.captures, next: page.next ?? null };
      }
    } catch (error) {
      if (asking.signal.aborted) return;
      here.error = error;
    }
    if (!asking.signal.aborted) this.#write();
  }

  async #readOn(): Promise<void> {
    const here = this.#leaves.at(-1);
    const { question, downloads } = here ?? {};
    if (here === undefined || !question || !downloads || downloads.next === null) return;
    const { signal } = this.#asking;
    const { scrollTop } = this.#element;
    this.#more.disabled = true;
    try {
      const page = await fetchDownloads(question, downloads.next, signal);
      downloads.captures.push(...page.captures);
      downloads.next = page.next ?? null;
    } catch (error) {
      here.error = error;
    }
    this.#more.disabled = false;
    if (signal.aborted) return;
    this.#write();
    this.#element.scrollTop = scrollTop;
    (downloads.next === null ? this.#title : this.#more).focus({ preventScroll: true });
  }

  #write(): void {
    const here = this.#leaves.at(-1);
    if (here === undefined) return;
    const [first] = this.#leaves;
    setText(this.#title, say().provenanceOf(here.what));
    setText(this.#back, `← ${sayMore().back}`);
    this.#back.hidden = this.#leaves.length < 2;
    setText(this.#close, say().close);
    setText(this.#more, sayMore().next);
    const about = first === undefined || first === here ? [] : [element("p", { class: "quiet" }, sayMore().of(first.what))];
    this.#body.replaceChildren(...about, ...this.#content(here));
  }

  #content(here: Leaf): Node[] {
    const { question, figure, downloads, error } = here;
    if (error !== null) return [element("p", { role: "alert" }, explain(error))];
    if (question === null) {
      return [...(here.told === "" ? [] : [element("p", {}, here.told)]), this.#partList(here, here.parts, sayMore().origins)];
    }
    if (figure !== null) {
      const parts = figure.more ? divide(question, figure.from, figure.to) : [];
      return factsOfFigure(figure, parts.length === 0 ? [] : [this.#folded(here, parts)]);
    }
    if (downloads !== null) return factsOfDownloads(downloads, question, this.#more);
    return [element("p", { class: "quiet", role: "status" }, say().loading)];
  }

  /** The parts of a stretch that has more downloads than are listed; open where the reader came back from one. */
  #folded(here: Leaf, parts: Part[]): Node {
    const list = this.#partList(here, parts, sayMore().parts);
    const folded = element("details", { class: "disclosure" }, element("summary", {}, `${sayMore().parts} (${integer(parts.length)})`), list);
    folded.open = here.chosen !== null;
    return folded;
  }

  #partList(here: Leaf, parts: Part[], title: string): Node {
    const items = parts.map(({ name, note, question }, index) => {
      const button = element("button", { type: "button", class: "part" }, element("span", {}, name), element("span", { class: "quiet" }, note));
      button.addEventListener("click", () => {
        here.chosen = index;
        this.#go(leaf(name, { question }));
      });
      return element("li", {}, button);
    });
    return element("ul", { class: "parts", "aria-label": title }, ...items);
  }
}

let dialog: Dialog | null = null;

/** Opens the dialog. `what` is the figure in words. */
export function showProvenance(what: string, question: Question): void {
  dialog ??= new Dialog();
  dialog.open(leaf(what, { question }));
}

/** Opens it with several origins to choose from; `told` says what they are to the figure. */
export function showParts(what: string, told: string, parts: Part[]): void {
  dialog ??= new Dialog();
  dialog.open(leaf(what, { told, parts }));
}
