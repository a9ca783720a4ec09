// Runs before anything is shown, written into the page itself: the reader's theme and language, and at once whatever the tab
// that the address names will ask for first. The page's script begins when its head is on the screen. Nothing can be imported
// statically here.

/** Put here by vite.config.ts: main.ts, the scripts that each tab is made of, and the coarse coasts. */
declare const MAIN: string;
declare const SCRIPTS: Record<string, string[]>;
declare const COASTS: string;

/** A page that nobody sees is not painted: its script begins all the same. */
const PATIENCE_MILLISECONDS = 400;

interface Window {
  /** Answers that are on their way before the script that wants them is there; each is taken once. */
  early?: Map<string, Promise<Response>>;
}

{
  const asked = new URLSearchParams(location.search);
  const page = document.documentElement;
  let theme: string | null = null;
  let language: string | null = null;
  try {
    theme = localStorage.getItem("vigie.theme");
    language = localStorage.getItem("vigie.language");
  } catch {
    // Blocked storage: what the browser prefers.
  }
  if (theme === "light" || theme === "dark") page.dataset["theme"] = theme;
  const preferred = navigator.languages.find((tag) => /^(fr|en)\b/i.test(tag))?.toLowerCase().slice(0, 2);
  page.lang = [asked.get("lang"), language, preferred].find((tag) => tag === "fr" || tag === "en") ?? "en";

  const named = asked.get("tab") ?? "";
  const tab = Object.hasOwn(SCRIPTS, named) ? named : "today";
  page.dataset["tab"] = tab;
  const date = asked.get("date");
  const day = date !== null && /^\d{4}-\d{2}-\d{2}$/.test(date) ? `/api/v1/day?date=${date}` : "/api/v1/day";
  const others: Record<string, string[]> = {
    map: [COASTS, "/api/v1/measures"],
    explore: ["/api/v1/measures"],
    compare: ["/api/v1/measures"],
    sources: ["/api/v1/sources"],
    health: ["/api/v1/health"],
  };
  window.early = new Map();
  for (const address of [day, ...(others[tab] ?? [])]) {
    const answer = fetch(address, { headers: { accept: "application/json" } });
    // Whoever takes it hears of the failure; until then it is nobody's.
    answer.catch(() => {});
    window.early.set(address, answer);
  }
  for (const script of [MAIN, ...(SCRIPTS[tab] ?? [])]) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = script;
    document.head.append(link);
  }

  // A module is run once, however often it is imported.
  const begin = (): void => void import(/* @vite-ignore */ MAIN);
  if (document.hidden || !PerformanceObserver.supportedEntryTypes.includes("paint")) begin();
  else new PerformanceObserver(begin).observe({ type: "paint", buffered: true });
  setTimeout(begin, PATIENCE_MILLISECONDS);
}
