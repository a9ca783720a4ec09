// What the address says: the tab, the day, and the state of the view shown. Whatever a person sees can be kept and sent.

import { Listeners } from "./dom.ts";

/** Parameters that stay from tab to tab; all others belong to the view shown. */
const SHARED = ["lang", "date"];

/** Told after the page has written its address; not when the reader goes back or forth. */
export const addressWritten = new Listeners<URLSearchParams>();

export function parameters(): URLSearchParams {
  return new URLSearchParams(location.search);
}

/** The date that the address names; null follows today. */
export function dateInAddress(): string | null {
  const date = parameters().get("date");
  return date !== null && /^\d{4}-\d{2}-\d{2}$/.test(date) ? date : null;
}

/** The part of the parameters that belongs to the view. */
export function stateOfView(all: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...all].filter(([name]) => name !== "tab" && !SHARED.includes(name)));
}

/** Where a tab is, with the day and language shown; the first tab is the bare address. */
export function tabAddress(tab: string | null, state: URLSearchParams): string {
  const kept = [...parameters()].filter(([name]) => SHARED.includes(name));
  const query = new URLSearchParams([...(tab === null ? [] : [["tab", tab]]), ...kept, ...state]).toString();
  return query === "" ? location.pathname : `${location.pathname}?${query}`;
}

/** Goes to an address of this page without loading it. */
export function go(address: string): void {
  history.pushState(null, "", address);
  addressWritten.tell(parameters());
}

/**
 * Writes parameters into the address; null takes one away, a list writes it several times. `push` makes a step that the
 * back button undoes.
 */
export function writeAddress(changes: Record<string, string | string[] | null>, how: "push" | "replace" = "push"): void {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    address.searchParams.delete(name);
    for (const one of value === null ? [] : [value].flat()) address.searchParams.append(name, one);
  }
  if (address.href === location.href) return;
  if (how === "push") history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  addressWritten.tell(address.searchParams);
}
