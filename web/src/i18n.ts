// The two languages of the page. Feed texts come bilingual from the server; the words of the page are here.

import { Listeners } from "./dom.ts";
import { store } from "./stored.ts";
import type { Text } from "./types.ts";

export type Language = "fr" | "en";

const STORED = "vigie.language";

/** Locales for Intl: both write 24-hour times and day before month. */
const LOCALES: Record<Language, string> = { fr: "fr-FR", en: "en-GB" };

/** They are slow to build. */
const COUNTS = new Map<Language, { rules: Intl.PluralRules; numbers: Intl.NumberFormat }>();

function plural(language: Language, count: number, one: string, other: string): string {
  const known = COUNTS.get(language) ?? { rules: new Intl.PluralRules(LOCALES[language]), numbers: new Intl.NumberFormat(LOCALES[language]) };
  COUNTS.set(language, known);
  return `${known.numbers.format(count)} ${known.rules.select(count) === "one" ? one : other}`;
}

const fr = {
  skip: "Aller au contenu",
  navigation: "Vues",
  tabs: {
    today: "Aujourd’hui",
    map: "Carte",
    explore: "Explorer",
    compare: "Comparer",
    sources: "Sources",
    health: "Santé",
  },
  viewFailed: "Cette vue n’a pas pu être chargée.",
  today: "Aujourd’hui",
  previousDay: "Jour précédent",
  nextDay: "Jour suivant",
  dayNavigation: "Jour affiché",
  languageGroup: "Langue",
  toDark: "Passer au thème sombre",
  toLight: "Passer au thème clair",
  report: "PDF",
  reportTitle: "Le rapport PDF du jour affiché",
  reportWritten: (path: string) => `Le PDF a été écrit : ${path}`,
  simulated: "Données simulées",
  simulatedWhy: "Elles viennent du simulateur intégré de Vigie, pas des fournisseurs.",
  connecting: "Connexion…",
  live: "En direct",
  lost: "Serveur injoignable, reconnexion…",
  clockTitle: (zone: string) => `Heure du serveur, fuseau ${zone}`,
  loading: "Chargement de la journée…",
  loadFailed: "La journée n’a pas pu être chargée",
  retry: "Réessayer",
  badAnswer: (status: number, reason: string) => `Le serveur a répondu ${status}${reason ? ` : ${reason}` : ""}.`,
  noAnswer: "Le serveur ne répond pas. Vérifiez que « vigie serve » ou « vigie up » tourne encore.",
  tooMuch: "C’est plus que le serveur n’en répond à la fois. Choisissez une durée plus courte, ou moins de lieux, de titres ou d’objets, par leur nom.",
  noSources: "Aucune source n’est activée. Ajoutez-en dans vigie.toml.",
  sources: "Sources",
  noData: "Pas de données pour ce jour",
  noChart: "Rien à tracer pour ce jour.",
  noValue: "pas de valeur",
  stale: "périmé",
  staleTitle: (limit: string) => `Le contenu a plus de ${limit}`,
  clocks: "Les trois horloges",
  contentAge: "Âge du contenu",
  observed: "Observé",
  published: "Publié",
  fetched: "Téléchargé",
  next: "Prochain téléchargement",
  never: "jamais",
  neverObserved: "rien observé",
  notSaid: "non précisé",
  due: "dès que possible",
  downloads: "Téléchargements",
  downloadsOf: (obtained: string, expected: string) => `${obtained} sur ${expected}`,
  coverage: "Couverture",
  failures: (count: number) => plural("fr", count, "échec", "échecs"),
  quarantined: (count: number) => plural("fr", count, "mis en quarantaine", "mis en quarantaine"),
  refusedRows: (count: number) => plural("fr", count, "ligne refusée", "lignes refusées"),
  rows: (count: number) => plural("fr", count, "ligne reçue", "lignes reçues"),
  problems: "Derniers incidents",
  noProblems: "Aucun incident ce jour.",
  outcome: {
    failed: "échec",
    quarantined: "quarantaine",
    landed: "reçu",
    unchanged: "inchangé",
    summarized: "résumé",
  },
  cause: {
    connection: "connexion impossible",
    tls: "certificat ou TLS refusé",
    timeout: "délai dépassé",
    reset: "connexion rompue",
    rate_limited: "trop de requêtes",
    unavailable: "service indisponible",
    http_status: "refus HTTP",
    redirect_loop: "redirections sans fin",
    redirect_refused: "redirection refusée",
    private_address: "adresse privée refusée",
    too_large: "corps trop gros",
    bomb: "bombe de décompression",
    compression: "compression illisible",
    empty: "corps vide",
    html: "page HTML au lieu de données",
    other_format: "autre format",
    charset: "mauvais encodage",
    truncated: "corps tronqué",
    syntax: "syntaxe incorrecte",
    too_deep: "imbrication excessive",
    too_many_rows: "trop de lignes",
    no_selection: "structure inconnue",
    provider_error: "erreur du fournisseur",
    too_few: "trop peu de lignes",
    shrunken: "brusque rétrécissement",
    mostly_refused: "lignes illisibles",
    future: "dates dans le futur",
    other_unit: "autre unité",
    repeated: "ancien contenu resservi",
    renumbered: "identifiants changés",
    too_many_entities: "trop d’entités",
    rows_refused: "lignes ou valeurs refusées",
    altered: "fichier modifié",
    manifest: "manifeste illisible",
  },
  topEntities: (shown: number, all: number) =>
    shown < all
      ? `Les ${shown} premiers sur ${new Intl.NumberFormat("fr-FR").format(all)}`
      : plural("fr", all, "entité", "entités"),
  latestEvents: (shown: number, all: number) =>
    shown < all
      ? `Les ${shown} derniers de ${new Intl.NumberFormat("fr-FR").format(all)} événements`
      : plural("fr", all, "événement", "événements"),
  columns: {
    name: "Nom",
    last: "Dernier",
    least: "Min.",
    mean: "Moy.",
    greatest: "Max.",
    time: "Heure",
    event: "Événement",
    value: "Valeur",
  },
  revisions: (count: number) => plural("fr", count, "version", "versions"),
  strongestOf: (shown: string, all: string) => `les ${shown} plus forts de ${all}`,
  chartTable: "Tableau",
  chartTableTitle: "Les valeurs du graphique en tableau",
  chartKind: { line: "Courbe", scatter: "Nuage de points", bars: "Barres" },
  across: { mean: "moyenne", sum: "total", each: "" },
  chartSeries: (label: string, least: string, greatest: string, last: string) =>
    `${label} : de ${least} à ${greatest}, dernière valeur ${last}`,
  chartEmptySeries: (label: string) => `${label} : aucune valeur`,
  chartGaps: (count: number) => plural("fr", count, "intervalle sans donnée", "intervalles sans donnée"),
  gap: "lacune",
  digest: "L’essentiel du jour",
  unusual: "inhabituel",
  usual: "habituel",
  usualIs: (range: string) => `habituel\u00a0: ${range}`,
  notEnoughHistory: (days: number) => `pas assez d’historique pour dire l’habituel (${plural("fr", days, "jour", "jours")})`,
  more: "En détail",
  creditOf: (who: string) => `Source\u00a0: ${who}`,
  map: "Carte",
  mapLabel: "Carte des stations et des événements. Flèches pour se déplacer, plus et moins pour zoomer.",
  mapLoading: "Chargement de la carte…",
  mapFailed: "La carte n’a pas pu être chargée.",
  mapPlain: "Carte simplifiée : WebGL n’est pas disponible.",
  mapPoints: (count: number) => plural("fr", count, "point", "points"),
  mapCluster: "Cliquez pour zoomer",
  mapEmpty: "Aucun point à montrer pour ce jour.",
  mapLegend: "Sources de la carte",
  mapStyleFailed: "Le style de la carte n’a pas pu être chargé (map.style)\u00a0: voici le fond intégré.",
  mapTilesFailed: "Les tuiles de la carte n’ont pas pu être chargées (map.hosts\u00a0?).",
  mapBase: "Fond\u00a0: Natural Earth\u00a0; lieux\u00a0: GeoNames, CC BY 4.0, modifiés",
  zoomIn: "Zoom avant",
  zoomOut: "Zoom arrière",
  fitZone: "Zone",
  fitAll: "Tout",
  fitZoneTitle: "Cadrer sur la zone",
  fitAllTitle: "Tout cadrer : tous les points",
  domains: {
    weather: "Météo",
    markets: "Bourse et changes",
    social: "Réseaux sociaux",
    earthquakes: "Séismes",
    storms: "Tempêtes et cyclones",
    video: "Partage de vidéos",
    music: "Musique",
    transport: "Transports",
    energy: "Électricité et gaz",
    commerce: "Commerce en ligne",
    "air-quality": "Qualité de l’air",
    rivers: "Cours d’eau",
    "space-weather": "Météo de l’espace",
    wildfires: "Feux de forêt",
    "web-activity": "Activité du Web",
    news: "Actualité",
    culture: "Culture",
    sport: "Sport",
  } as Record<string, string>,
};

const en: typeof fr = {
  skip: "Skip to content",
  navigation: "Views",
  tabs: {
    today: "Today",
    map: "Map",
    explore: "Explore",
    compare: "Compare",
    sources: "Sources",
    health: "Health",
  },
  viewFailed: "This view could not be loaded.",
  today: "Today",
  previousDay: "Previous day",
  nextDay: "Next day",
  dayNavigation: "Day shown",
  languageGroup: "Language",
  toDark: "Switch to the dark theme",
  toLight: "Switch to the light theme",
  report: "PDF",
  reportTitle: "The PDF report of the day shown",
  reportWritten: (path) => `The PDF has been written: ${path}`,
  simulated: "Simulated data",
  simulatedWhy: "They come from Vigie’s built-in simulator, not from the providers.",
  connecting: "Connecting…",
  live: "Live",
  lost: "Server unreachable, reconnecting…",
  clockTitle: (zone) => `Server time, time zone ${zone}`,
  loading: "Loading the day…",
  loadFailed: "The day could not be loaded",
  retry: "Try again",
  badAnswer: (status, reason) => `The server answered ${status}${reason ? `: ${reason}` : ""}.`,
  noAnswer: "The server does not answer. Check that “vigie serve” or “vigie up” is still running.",
  tooMuch: "That is more than the server answers at once. Choose a shorter time, or fewer places, titles or things, by their names.",
  noSources: "No source is enabled. Add some to vigie.toml.",
  sources: "Sources",
  noData: "No data for this day",
  noChart: "Nothing to draw for this day.",
  noValue: "no value",
  stale: "stale",
  staleTitle: (limit) => `The content is older than ${limit}`,
  clocks: "The three clocks",
  contentAge: "Age of the content",
  observed: "Observed",
  published: "Published",
  fetched: "Downloaded",
  next: "Next download",
  never: "never",
  neverObserved: "nothing observed",
  notSaid: "not stated",
  due: "as soon as possible",
  downloads: "Downloads",
  downloadsOf: (obtained, expected) => `${obtained} of ${expected}`,
  coverage: "Coverage",
  failures: (count) => plural("en", count, "failure", "failures"),
  quarantined: (count) => plural("en", count, "quarantined", "quarantined"),
  refusedRows: (count) => plural("en", count, "row refused", "rows refused"),
  rows: (count) => plural("en", count, "row received", "rows received"),
  problems: "Latest incidents",
  noProblems: "No incident this day.",
  outcome: {
    failed: "failure",
    quarantined: "quarantine",
    landed: "landed",
    unchanged: "unchanged",
    summarized: "summarised",
  },
  cause: {
    connection: "no connection",
    tls: "certificate or TLS refused",
    timeout: "timed out",
    reset: "connection broken",
    rate_limited: "too many requests",
    unavailable: "service unavailable",
    http_status: "HTTP refusal",
    redirect_loop: "endless redirects",
    redirect_refused: "redirect refused",
    private_address: "private address refused",
    too_large: "body too large",
    bomb: "decompression bomb",
    compression: "unreadable compression",
    empty: "empty body",
    html: "HTML page instead of data",
    other_format: "other format",
    charset: "wrong character encoding",
    truncated: "truncated body",
    syntax: "not well-formed",
    too_deep: "nested too deeply",
    too_many_rows: "too many rows",
    no_selection: "unknown structure",
    provider_error: "error of the provider",
    too_few: "too few rows",
    shrunken: "suddenly shrunken",
    mostly_refused: "unreadable rows",
    future: "rows from the future",
    other_unit: "other unit",
    repeated: "old content again",
    renumbered: "identifiers changed",
    too_many_entities: "too many entities",
    rows_refused: "rows or values refused",
    altered: "file altered",
    manifest: "unreadable manifest",
  },
  topEntities: (shown, all) =>
    shown < all
      ? `Top ${shown} of ${new Intl.NumberFormat("en-GB").format(all)}`
      : plural("en", all, "entity", "entities"),
  latestEvents: (shown, all) =>
    shown < all
      ? `Latest ${shown} of ${new Intl.NumberFormat("en-GB").format(all)} events`
      : plural("en", all, "event", "events"),
  columns: {
    name: "Name",
    last: "Last",
    least: "Min",
    mean: "Mean",
    greatest: "Max",
    time: "Time",
    event: "Event",
    value: "Value",
  },
  revisions: (count) => plural("en", count, "version", "versions"),
  strongestOf: (shown, all) => `the ${shown} strongest of ${all}`,
  chartTable: "Table",
  chartTableTitle: "The values of the chart as a table",
  chartKind: { line: "Line chart", scatter: "Scatter chart", bars: "Bar chart" },
  across: { mean: "mean", sum: "total", each: "" },
  chartSeries: (label, least, greatest, last) => `${label}: from ${least} to ${greatest}, last value ${last}`,
  chartEmptySeries: (label) => `${label}: no value`,
  chartGaps: (count) => plural("en", count, "interval without data", "intervals without data"),
  gap: "gap",
  digest: "The day in brief",
  unusual: "unusual",
  usual: "usual",
  usualIs: (range) => `usual: ${range}`,
  notEnoughHistory: (days) => `not enough history to say what is usual (${plural("en", days, "day", "days")})`,
  more: "In detail",
  creditOf: (who) => `Source: ${who}`,
  map: "Map",
  mapLabel: "Map of stations and events. Arrow keys move, plus and minus zoom.",
  mapLoading: "Loading the map…",
  mapFailed: "The map could not be loaded.",
  mapPlain: "Plain map: WebGL is not available.",
  mapPoints: (count) => plural("en", count, "point", "points"),
  mapCluster: "Click to zoom in",
  mapEmpty: "No point to show for this day.",
  mapLegend: "Sources on the map",
  mapStyleFailed: "The style of the map could not be loaded (map.style): this is the built-in land.",
  mapTilesFailed: "The tiles of the map could not be loaded (map.hosts?).",
  mapBase: "Basemap: Natural Earth; places: GeoNames, CC BY 4.0, modified",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fitZone: "Zone",
  fitAll: "All",
  fitZoneTitle: "Fit to the zone",
  fitAllTitle: "Fit to all points",
  domains: {
    weather: "Weather",
    markets: "Stock market and currencies",
    social: "Social networks",
    earthquakes: "Earthquakes",
    storms: "Storms and cyclones",
    video: "Video sharing",
    music: "Music",
    transport: "Transport",
    energy: "Electricity and gas",
    commerce: "Online commerce",
    "air-quality": "Air quality",
    rivers: "Rivers",
    "space-weather": "Space weather",
    wildfires: "Wildfires",
    "web-activity": "Web activity",
    news: "News",
    culture: "Culture",
    sport: "Sport",
  },
};

const MESSAGES: Record<Language, typeof fr> = { fr, en };

/** Chosen by first.ts before anything was shown. */
let current: Language = document.documentElement.lang === "fr" ? "fr" : "en";

/** Told after the language of the page has changed. */
export const languageChanged = new Listeners<Language>();

export function language(): Language {
  return current;
}

export function locale(): string {
  return LOCALES[current];
}

/** The words of the page in its language. */
export function words(): typeof fr {
  return MESSAGES[current];
}

/** The words of one view, kept and loaded with it: `const say = wordsOf({ fr: {…}, en: {…} })`, then `say().title`. */
export function wordsOf<Words>(both: { fr: Words; en: NoInfer<Words> }): () => Words {
  return () => both[current];
}

/** A bilingual text in the language of the page; the other language rather than nothing. */
export function inLanguage(text: Text): string {
  return text[current] || text.en || text.fr;
}

/** The name of a domain, or its identifier with its dashes opened where the page knows none. */
export function domainName(domain: string): string {
  return words().domains[domain] ?? domain.replaceAll(/[-_]/g, " ");
}

export function setLanguage(next: Language): void {
  if (next === current) return;
  current = next;
  store(STORED, next);
  document.documentElement.lang = next;
  languageChanged.tell(next);
}
