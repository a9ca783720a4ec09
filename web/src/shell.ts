// The frame around the views: the navigation, and showing the view that the address names.

import { addressWritten, go, parameters, stateOfView, tabAddress } from "./address.ts";
import { element, present, setAttribute, setText } from "./dom.ts";
import { inLanguage, words } from "./i18n.ts";
import { TABS, type Page, type Tab, type TabName, type View } from "./view.ts";

export class Shell {
  readonly main = present("main", HTMLElement);
  readonly #navigation = present(".tabs", HTMLElement);
  readonly #page: Page;
  readonly #links = new Map<TabName, HTMLAnchorElement>();
  readonly #loading = new Map<TabName, Promise<View>>();
  readonly #made = new Set<View>();
  /** Views that were away when the words or colours changed. */
  readonly #old = new Set<View>();
  /** The state in which each view was left, so that going back to its tab finds it so. */
  readonly #states = new Map<TabName, URLSearchParams>();
  readonly #problem = element("div", { class: "message", role: "status" }, element("p"), element("p"));
  readonly #retry = element("button", { type: "button", class: "small-button" });
  #tab: Tab | null = null;
  #view: View | null = null;

  constructor(page: Page) {
    this.#page = page;
    for (const tab of TABS) {
      const link = present(`.tab[data-tab="${tab.name}"]`, HTMLAnchorElement);
      link.addEventListener("click", (event) => {
        // With a modifier the browser opens the address elsewhere, as with any link.
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
        event.preventDefault();
        if (tab !== this.#tab) go(link.href);
        this.follow();
      });
      this.#links.set(tab.name, link);
    }
    this.#problem.append(this.#retry);
    this.#retry.addEventListener("click", () => {
      this.#tab = null;
      this.follow();
    });
    addressWritten.add(() => this.#writeLinks());
    page.day.changed.add(() => this.#writeTitle());
    this.refresh();
  }

  /** Shows what the address says. */
  follow(): void {
    const asked = parameters().get("tab");
    const tab = TABS.find(({ name }) => name === asked) ?? TABS[0];
    const state = stateOfView(parameters());
    this.#states.set(tab.name, state);
    if (tab === this.#tab) {
      this.#view?.show?.(state);
      this.#writeLinks();
      return;
    }
    this.#tab = tab;
    this.#writeLinks();
    this.#writeTitle();
    void this.#open(tab);
  }

  tick(now: number): void {
    this.#view?.tick?.(now);
  }

  /** Another day is on its way: views that show the day still show the last one. */
  setBusy(busy: boolean): void {
    setAttribute(this.main, "aria-busy", busy ? "true" : null);
  }

  /** Writes everything again: another language or theme. */
  refresh(): void {
    setAttribute(this.#navigation, "aria-label", words().navigation);
    for (const [name, link] of this.#links) {
      const text = link.lastElementChild;
      if (text) setText(text, words().tabs[name]);
    }
    const [title] = this.#problem.children;
    if (title) setText(title, words().viewFailed);
    setText(this.#retry, words().retry);
    this.#writeLinks();
    this.#writeTitle();
    for (const view of this.#made) this.#old.add(view);
    this.#renew(this.#view);
  }

  #renew(view: View | null): void {
    if (view !== null && this.#old.delete(view)) view.refresh();
  }

  async #open(tab: Tab): Promise<void> {
    let view: View | null = null;
    try {
      const loading = this.#loading.get(tab.name) ?? tab.load(this.#page);
      this.#loading.set(tab.name, loading);
      view = await loading;
      this.#made.add(view);
    } catch (error) {
      console.warn(`the view ${tab.name} could not be loaded`, error);
      this.#loading.delete(tab.name);
    }
    // Somebody may have gone on to another tab meanwhile.
    if (this.#tab !== tab) return;
    const left = this.#view;
    this.#view = view;
    this.main.replaceChildren(view?.element ?? this.#problem);
    this.main.dataset["tab"] = tab.name;
    left?.hide?.();
    if (left !== null) scrollTo(0, 0);
    this.#renew(view);
    view?.show?.(stateOfView(parameters()));
    view?.tick?.(this.#page.clock.now());
  }

  #writeLinks(): void {
    if (this.#tab !== null) this.#states.set(this.#tab.name, stateOfView(parameters()));
    for (const [name, link] of this.#links) {
      const state = this.#states.get(name) ?? new URLSearchParams();
      setAttribute(link, "href", tabAddress(name === TABS[0].name ? null : name, state));
      setAttribute(link, "aria-current", name === this.#tab?.name ? "page" : null);
    }
  }

  #writeTitle(): void {
    const { state } = this.#page.day;
    const zone = state.kind === "ready" ? [inLanguage(state.analysis.zone.name)] : [];
    const tab = this.#tab === null || this.#tab === TABS[0] ? [] : [words().tabs[this.#tab.name]];
    document.title = [...tab, ...zone, "Vigie"].join(" · ");
  }
}
