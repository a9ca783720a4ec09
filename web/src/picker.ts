// A box to type into with a list of what fits below: for sources and for entities, which may be thousands. After the
// ARIA pattern "combobox with list autocomplete".

import { element, keepChildren, setAttribute, setText } from "./dom.ts";

export interface Choice {
  id: string;
  name: string;
  /** Said beside the name, quietly. */
  note: string;
}

export interface PickerOptions {
  /** What fits the words; `more` is how many there are beside those. */
  find(words: string): Promise<{ choices: Choice[]; more: number }>;
  chosen(choice: Choice): void;
  /** What the box says while nobody types: the choice that stands. */
  current(): string;
}

const WAIT_MILLISECONDS = 150;
let numbers = 0;

export class Picker {
  readonly element: HTMLElement;
  readonly #label = element("span", { class: "field-label" });
  readonly #input: HTMLInputElement;
  readonly #list: HTMLUListElement;
  readonly #note = element("p", { class: "picker-note", role: "status" });
  readonly #pop: HTMLElement;
  readonly #options: PickerOptions;
  #choices: Choice[] = [];
  #active = -1;
  #asked = 0;
  #waiting = 0;
  /** Somebody has typed, and the list has not come yet. */
  #typing = false;
  #moreText = (_more: number): string => "";
  #none = "";

  constructor(options: PickerOptions) {
    this.#options = options;
    const id = `picker-${(numbers += 1)}`;
    this.#input = element("input", {
      id,
      type: "text",
      dir: "auto",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-expanded": "false",
      "aria-autocomplete": "list",
      "aria-controls": `${id}-list`,
    });
    this.#list = element("ul", { id: `${id}-list`, role: "listbox" });
    this.#pop = element("div", { class: "picker-pop", hidden: "" }, this.#list, this.#note);
    this.element = element("div", { class: "picker field" }, element("label", { for: id }, this.#label), this.#input, this.#pop);
    this.#input.addEventListener("focus", () => this.#input.select());
    this.#input.addEventListener("click", () => this.#open());
    this.#input.addEventListener("input", () => {
      this.#typing = true;
      clearTimeout(this.#waiting);
      this.#waiting = window.setTimeout(() => this.#open(), WAIT_MILLISECONDS);
    });
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node) || !this.element.contains(event.relatedTarget)) this.#close();
    });
    // The list must not take the focus: the click would close it first.
    this.#pop.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const item = event.target instanceof Element ? event.target.closest("li") : null;
      if (item) this.#choose([...this.#list.children].indexOf(item));
    });
  }

  /** Writes the words of the present language. */
  setWords(label: string, placeholder: string, none: string, more: (count: number) => string): void {
    setText(this.#label, label);
    setAttribute(this.#input, "placeholder", placeholder);
    setAttribute(this.#list, "aria-label", label);
    this.#none = none;
    this.#moreText = more;
    if (this.#pop.hidden && !this.#typing) this.#input.value = this.#options.current();
  }

  #key(event: KeyboardEvent): void {
    const open = !this.#pop.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) this.#open();
      else if (this.#choices.length > 0) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        this.#point((this.#active + step + this.#choices.length) % this.#choices.length);
      }
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      this.#choose(Math.max(this.#active, 0));
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      this.#close();
    }
  }

  #open(): void {
    // The standing choice is no search: everything is offered.
    const words = this.#input.value === this.#options.current() ? "" : this.#input.value.trim();
    const asked = (this.#asked += 1);
    void this.#options
      .find(words)
      .catch(() => ({ choices: [], more: 0 }))
      .then(({ choices, more }) => {
        if (asked !== this.#asked || document.activeElement !== this.#input) return;
        this.#choices = choices;
        this.#write();
        setText(this.#note, choices.length === 0 ? this.#none : more > 0 ? this.#moreText(more) : "");
        this.#note.hidden = this.#note.textContent === "";
        this.#pop.hidden = false;
        setAttribute(this.#input, "aria-expanded", "true");
        this.#point(choices.length > 0 && words !== "" ? 0 : -1);
      });
  }

  #write(): void {
    const items = keepChildren(this.#list, this.#choices.length, () =>
      element("li", { role: "option" }, element("span", { dir: "auto" }), element("small")),
    );
    for (const [index, choice] of this.#choices.entries()) {
      const item = items[index];
      if (!item) continue;
      item.id = `${this.#list.id}-${index}`;
      const [name, note] = item.children;
      if (name) setText(name, choice.name);
      if (note) setText(note, choice.note);
    }
  }

  #point(index: number): void {
    this.#active = index;
    for (const [place, item] of [...this.#list.children].entries()) {
      setAttribute(item, "aria-selected", String(place === index));
      if (place === index) item.scrollIntoView({ block: "nearest" });
    }
    setAttribute(this.#input, "aria-activedescendant", index < 0 ? null : `${this.#list.id}-${index}`);
  }

  #choose(index: number): void {
    const choice = this.#choices[index];
    if (choice === undefined) return;
    this.#close();
    this.#options.chosen(choice);
    this.#input.value = this.#options.current();
  }

  #close(): void {
    this.#asked += 1;
    this.#typing = false;
    clearTimeout(this.#waiting);
    this.#pop.hidden = true;
    setAttribute(this.#input, "aria-expanded", "false");
    this.#point(-1);
    this.#input.value = this.#options.current();
  }
}
