// Starts the page: one clock, one day, one stream, and the views over them.

import { dateInAddress } from "./address.ts";
import { followStream, type StreamListener } from "./api.ts";
import { ServerClock } from "./clock.ts";
import { Day } from "./day.ts";
import { present, setText } from "./dom.ts";
import { Header } from "./header.ts";
import { languageChanged, words } from "./i18n.ts";
import { Shell } from "./shell.ts";
import { themeChanged } from "./theme.ts";

const clock = new ServerClock();
const day = new Day(clock, dateInAddress());
const shell = new Shell({ day, clock });
const header = new Header(day, clock);
const skip = present(".skip", HTMLAnchorElement);
skip.addEventListener("click", (event) => {
  // A fragment in the address would be a step of its own for the back button.
  event.preventDefault();
  shell.main.focus();
});

function refresh(): void {
  setText(skip, words().skip);
  header.refresh();
  shell.refresh();
}

languageChanged.add(refresh);
themeChanged.add(refresh);
let followed = false;
day.changed.add((state) => {
  header.refresh();
  if (followed || state.kind === "loading") return;
  followed = true;
  follow(state.kind === "ready" ? state.analysis.mark : null);
});
day.asking.add((busy) => {
  header.refresh();
  shell.setBusy(busy);
});
clock.ticked.add((now) => {
  header.tick(now);
  shell.tick(now);
});
addEventListener("popstate", () => {
  if (dateInAddress() !== day.asked) void day.show(dateInAddress());
  shell.follow();
});

/** Hears of everything that comes after the day was read. */
function follow(since: number | null): void {
  // A page that could not read the day has heard of nothing yet.
  let lost = since === null;
  const listener: StreamListener = {
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
  };
  followStream(listener, since);
}

shell.follow();
void day.load();
