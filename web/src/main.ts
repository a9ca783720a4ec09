// Starts the page: one clock, one day, one stream, and the views over them.

import "uplot/dist/uPlot.min.css";
import { followStream } from "./api.ts";
import { ServerClock } from "./clock.ts";
import { Day } from "./day.ts";
import { element, setText } from "./dom.ts";
import { Header } from "./header.ts";
import { languageChanged, words } from "./i18n.ts";
import { themeChanged } from "./theme.ts";
import { TodayView } from "./today.ts";

function dateInAddress(): string | null {
  const date = new URLSearchParams(location.search).get("date");
  return date !== null && /^\d{4}-\d{2}-\d{2}$/.test(date) ? date : null;
}

const clock = new ServerClock();
const day = new Day(clock, dateInAddress());
const header = new Header(day, clock);
const view = new TodayView(day, clock);
const skip = element("a", { class: "skip", href: "#main" }, words().skip);

function refresh(): void {
  setText(skip, words().skip);
  header.refresh();
  view.refresh();
}

languageChanged.add(refresh);
themeChanged.add(refresh);
day.changed.add(() => header.refresh());
day.asking.add((busy) => {
  header.refresh();
  view.setBusy(busy);
});
clock.ticked.add((now) => {
  header.tick(now);
  view.tick(now);
});
addEventListener("popstate", () => void day.show(dateInAddress()));

document.querySelector("#app")?.replaceWith(skip, header.element, view.element);
void day.load();

let lost = false;
followStream({
  source: (id, now) => {
    clock.set(now);
    day.touch(id);
  },
  clock: (now) => clock.set(now),
  report: (path) => header.setReport(path),
  resync: () => void day.load(),
  connection: (state) => {
    header.setConnection(state);
    // What happened while nobody listened is not told again: everything is fetched anew.
    if (state === "live" && lost) void day.load();
    lost = state === "lost";
  },
});
