// What a tab is, and the tabs that there are. A view is fetched when it is first shown.

import type { ServerClock } from "./clock.ts";
import type { Day } from "./day.ts";

/** What all views share. */
export interface Page {
  day: Day;
  clock: ServerClock;
}

/** The content of a tab. It is made once, written in the present language, and taken out of the document while another tab is shown. */
export interface View {
  readonly element: HTMLElement;
  /** Called after `element` is in the document, and when the reader goes back or forth within the view. `state` holds the
   *  parameters of the address that belong to the view (`writeAddress` writes them). */
  show?(state: URLSearchParams): void;
  /** Called after `element` has left the document. */
  hide?(): void;
  /** Writes everything again: another language or theme. */
  refresh(): void;
  /** The server's clock has moved; called while the view is shown. */
  tick?(now: number): void;
}

export type TabName = "today" | "map" | "explore" | "compare" | "sources" | "health";

export interface Tab {
  name: TabName;
  load(page: Page): Promise<View>;
}

/** The first is what the bare address shows. Their links, with icons and order, are in index.html, and their files in vite.config.ts. */
export const TABS: [Tab, ...Tab[]] = [
  { name: "today", load: async ({ day, clock }) => new (await import("./today.ts")).TodayView(day, clock) },
  { name: "map", load: async (page) => new (await import("./map-tab.ts")).MapTab(page) },
  { name: "explore", load: async (page) => new (await import("./explore.ts")).ExploreView(page) },
  { name: "compare", load: async (page) => new (await import("./compare.ts")).CompareView(page) },
  { name: "sources", load: async (page) => new (await import("./sources.ts")).SourcesView(page) },
  { name: "health", load: async (page) => new (await import("./health.ts")).HealthView(page) },
];
