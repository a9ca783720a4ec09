// What a tab is, and the tabs that there are. A view is fetched when it is first shown.

import type { ServerClock } from "./clock.ts";
import type { Day } from "./day.ts";

/** What all views share. */
export interface Page {
  day: Day;
  clock: ServerClock;
}

/** The content of a tab. It is made once, and taken out of the document while another tab is shown. */
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
  icon: string;
  load(page: Page): Promise<View>;
}

/** In the order of the navigation; the first is what the bare address shows. */
export const TABS: [Tab, ...Tab[]] = [
  { name: "today", icon: "M3 12h4l3-8 4 16 3-8h4", load: async ({ day, clock }) => new (await import("./today.ts")).TodayView(day, clock) },
  { name: "map", icon: "M9 4 3 6.5V20l6-2.5 6 2.5 6-2.5V4l-6 2.5zM9 4v13.5M15 6.5V20", load: async (page) => new (await import("./map-tab.ts")).MapTab(page) },
  { name: "explore", icon: "M4 4v16h16M7 15l4-5 3 3 5-7", load: async (page) => new (await import("./explore.ts")).ExploreView(page) },
  { name: "compare", icon: "M3 8h14l-4-4M21 16H7l4 4", load: async (page) => new (await import("./compare.ts")).CompareView(page) },
  { name: "sources", icon: "M5 4h11l3 3v13H5zM15 4v4h4M8 12h8M8 16h6", load: async (page) => new (await import("./sources.ts")).SourcesView(page) },
  { name: "health", icon: "M12 3l7 3v6c0 4-3 7-7 9-4-2-7-5-7-9V6zM9 12l2 2 4-4", load: async (page) => new (await import("./health.ts")).HealthView(page) },
];
