// Numbers, units, times and ages as people read them, in the language of the page and the time zone of the zone.

import { language, locale } from "./i18n.ts";
import { decimal, fixed } from "./numbers.ts";

let timeZone = "UTC";

/** Every time on the page is shown in this IANA time zone. */
export function setTimeZone(name: string): void {
  timeZone = name;
}

const cache = new Map<string, unknown>();

/** Intl formatters are slow to build: one of each kind is kept. */
function cached<Format>(key: string, make: () => Format): Format {
  const full = `${locale()} ${timeZone} ${key}`;
  let found = cache.get(full) as Format | undefined;
  if (found === undefined) {
    found = make();
    cache.set(full, found);
  }
  return found;
}

export function integer(value: number): string {
  return fixed(value, 0);
}

/** A share between 0 and 1 as a percentage that reaches 100 % only when it is whole. */
export function share(value: number): string {
  const clipped = value < 1 ? Math.min(value, 0.999) : value;
  const digits = clipped > 0.99 && clipped < 1 ? 1 : 0;
  return cached(
    `share ${digits}`,
    () =>
      new Intl.NumberFormat(locale(), {
        style: "percent",
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }),
  ).format(clipped);
}

/** UCUM codes whose sign for people differs from the code. */
const SIGNS: Record<string, string> = {
  "1": "",
  "%": "%",
  Cel: "°C",
  "[degF]": "°F",
  K: "K",
  deg: "°",
  "[kn_i]": "kn",
  "[ft_i]": "ft",
  "[in_i]": "in",
  "[in_i'Hg]": "inHg",
  "[mi_i]": "mi",
  "[mi_us]": "mi",
  "[sft_i]": "ft²",
  "[nmi_i]": "nmi",
  "m[H2O]": "mH₂O",
  "km/h": "km/h",
  "m/s": "m/s",
  "ug/m3": "µg/m³",
  m3: "m³",
  "m3/s": "m³/s",
  "W/m2": "W/m²",
  "kW.h": "kWh",
  "MW.h": "MWh",
  "GW.h": "GWh",
  "g/kW.h": "g/kWh",
  "g{CO2}/kW.h": "g CO₂/kWh",
  "g/(kW.h)": "g/kWh",
  mbar: "hPa",
};

/** Words that stand between braces where UCUM has no code: one and several, per language. */
const COUNTED: Record<string, Record<"fr" | "en", [string, string]>> = {
  bike: { fr: ["vélo", "vélos"], en: ["bike", "bikes"] },
  bicycle: { fr: ["vélo", "vélos"], en: ["bicycle", "bicycles"] },
  dock: { fr: ["place", "places"], en: ["dock", "docks"] },
  train: { fr: ["train", "trains"], en: ["train", "trains"] },
  trip: { fr: ["course", "courses"], en: ["trip", "trips"] },
  vehicle: { fr: ["véhicule", "véhicules"], en: ["vehicle", "vehicles"] },
  stop: { fr: ["arrêt", "arrêts"], en: ["stop", "stops"] },
  report: { fr: ["relevé", "relevés"], en: ["report", "reports"] },
  alert: { fr: ["alerte", "alertes"], en: ["alert", "alerts"] },
  event: { fr: ["événement", "événements"], en: ["event", "events"] },
  earthquake: { fr: ["séisme", "séismes"], en: ["earthquake", "earthquakes"] },
  station: { fr: ["station", "stations"], en: ["station", "stations"] },
  view: { fr: ["vue", "vues"], en: ["view", "views"] },
  aircraft: { fr: ["avion", "avions"], en: ["aircraft", "aircraft"] },
  player: { fr: ["joueur", "joueurs"], en: ["player", "players"] },
  search: { fr: ["recherche", "recherches"], en: ["search", "searches"] },
  trade: { fr: ["transaction", "transactions"], en: ["trade", "trades"] },
  currency: { fr: ["devise", "devises"], en: ["currency", "currencies"] },
  quote: { fr: ["devise de cotation", "devise de cotation"], en: ["quote currency", "quote currency"] },
  account: { fr: ["compte", "comptes"], en: ["account", "accounts"] },
  base: { fr: ["devise de base", "devise de base"], en: ["base currency", "base currency"] },
  coin: { fr: ["cryptomonnaie", "cryptomonnaies"], en: ["coin", "coins"] },
  entity: { fr: ["entité", "entités"], en: ["entity", "entities"] },
  flag: { fr: ["signalement", "signalements"], en: ["flag", "flags"] },
  goal: { fr: ["but", "buts"], en: ["goal", "goals"] },
  page: { fr: ["page", "pages"], en: ["page", "pages"] },
  space: { fr: ["place", "places"], en: ["space", "spaces"] },
  stream: { fr: ["direct", "directs"], en: ["stream", "streams"] },
  viewer: { fr: ["spectateur", "spectateurs"], en: ["viewer", "viewers"] },
  article: { fr: ["article", "articles"], en: ["article", "articles"] },
  comment: { fr: ["commentaire", "commentaires"], en: ["comment", "comments"] },
  deal: { fr: ["offre", "offres"], en: ["deal", "deals"] },
  edit: { fr: ["modification", "modifications"], en: ["edit", "edits"] },
  fire: { fr: ["feu", "feux"], en: ["fire", "fires"] },
  flight: { fr: ["vol", "vols"], en: ["flight", "flights"] },
  follower: { fr: ["abonné", "abonnés"], en: ["follower", "followers"] },
  like: { fr: ["mention j’aime", "mentions j’aime"], en: ["like", "likes"] },
  listener: { fr: ["auditeur", "auditeurs"], en: ["listener", "listeners"] },
  message: { fr: ["message", "messages"], en: ["message", "messages"] },
  passenger: { fr: ["voyageur", "voyageurs"], en: ["passenger", "passengers"] },
  person: { fr: ["personne", "personnes"], en: ["person", "people"] },
  play: { fr: ["écoute", "écoutes"], en: ["play", "plays"] },
  point: { fr: ["point", "points"], en: ["point", "points"] },
  post: { fr: ["message", "messages"], en: ["post", "posts"] },
  product: { fr: ["produit", "produits"], en: ["product", "products"] },
  row: { fr: ["ligne", "lignes"], en: ["row", "rows"] },
  share: { fr: ["action", "actions"], en: ["share", "shares"] },
  answer: { fr: ["réponse", "réponses"], en: ["answer", "answers"] },
  bid: { fr: ["enchère", "enchères"], en: ["bid", "bids"] },
  instance: { fr: ["instance", "instances"], en: ["instance", "instances"] },
  question: { fr: ["question", "questions"], en: ["question", "questions"] },
  reply: { fr: ["réponse", "réponses"], en: ["reply", "replies"] },
  repost: { fr: ["repartage", "repartages"], en: ["repost", "reposts"] },
  review: { fr: ["avis", "avis"], en: ["review", "reviews"] },
  session: { fr: ["session", "sessions"], en: ["session", "sessions"] },
  site: { fr: ["site", "sites"], en: ["site", "sites"] },
  use: { fr: ["usage", "usages"], en: ["use", "uses"] },
  storm: { fr: ["tempête", "tempêtes"], en: ["storm", "storms"] },
  video: { fr: ["vidéo", "vidéos"], en: ["video", "videos"] },
  vote: { fr: ["vote", "votes"], en: ["vote", "votes"] },
  count: { fr: ["", ""], en: ["", ""] },
  magnitude: { fr: ["", ""], en: ["", ""] },
};

/** Units made of several words. */
const PHRASES: Record<string, Record<"fr" | "en", string>> = {
  "{currency}/{euro}": { fr: "pour 1 euro", en: "per euro" },
};

/** The sign of a unit; `value` decides between one and several. */
export function unitSign(unit: string, value = 2): string {
  const sign = SIGNS[unit];
  if (sign !== undefined) return sign;
  const word = /^\{([^{}]+)\}$/.exec(unit)?.[1];
  if (word === undefined) return PHRASES[unit]?.[language()] ?? unit.replaceAll(/[{}]/g, "");
  const counted = COUNTED[word];
  if (counted === undefined) return word.replaceAll("_", " ");
  const one = cached("plural", () => new Intl.PluralRules(locale())).select(Math.abs(value)) === "one";
  return counted[language()][one ? 0 : 1];
}

/** Whether the unit is a counted word (bikes, trains) and not the sign of a unit. */
export function isCounted(unit: string): boolean {
  return unit.startsWith("{");
}

/** What stands between a number and its unit: nothing before a degree sign, a space that does not break otherwise. */
export function unitSpace(unit: string): string {
  const sign = unitSign(unit);
  if (sign === "" || sign === "°" || (sign === "%" && language() === "en")) return "";
  return "\u00a0";
}

/** A value with its unit. */
export function quantity(value: number, unit: string, decimals: number): string {
  return `${decimal(value, decimals)}${unitSpace(unit)}${unitSign(unit, value)}`;
}

export function milliseconds(timestamp: string): number {
  return Date.parse(timestamp);
}

/** What a clock on the wall of the zone shows: hours and minutes, whatever the offset. */
export function wallClock(time: number): string {
  return cached(
    "time",
    () => new Intl.DateTimeFormat(locale(), { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  ).format(time);
}

/** How far clocks are set back: an hour, on Lord Howe Island half of one. */
const SET_BACK_MILLISECONDS = [3_600_000, 1_800_000];

const QUIET_MILLISECONDS = 12 * 3_600_000;

/** Whether clocks go evenly for hours around an instant, as they nearly always do: told for half days, as asking is slow. */
function isQuiet(time: number): boolean {
  const half = Math.floor(time / QUIET_MILLISECONDS);
  return cached(`quiet ${half}`, () => wallClock((half - 0.5) * QUIET_MILLISECONDS) === wallClock((half + 1.5) * QUIET_MILLISECONDS));
}

/** The offset of an instant whose time of day comes twice, as clocks are set back; empty at all other times. */
function offsetIfTwice(time: number): string {
  if (isQuiet(time)) return "";
  const shown = wallClock(time);
  const twice = SET_BACK_MILLISECONDS.some((step) => wallClock(time - step) === shown || wallClock(time + step) === shown);
  if (!twice) return "";
  const format = cached("offset", () => new Intl.DateTimeFormat(locale(), { timeZone, timeZoneName: "shortOffset" }));
  return `\u00a0${format.formatToParts(time).find(({ type }) => type === "timeZoneName")?.value ?? ""}`;
}

/** Hours and minutes; with the offset where they would say two things. */
export function timeOfDay(time: number): string {
  return wallClock(time) + offsetIfTwice(time);
}

/** Hours, minutes and seconds. */
export function clockTime(time: number): string {
  return cached(
    "clock",
    () =>
      new Intl.DateTimeFormat(locale(), {
        timeZone,
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
        hourCycle: "h23",
      }),
  ).format(time);
}

/** Day and time, for what may lie on another day. */
export function moment(time: number): string {
  const text = cached(
    "moment",
    () =>
      new Intl.DateTimeFormat(locale(), {
        timeZone,
        day: "numeric",
        month: "short",
        hour: "2-digit",
        minute: "2-digit",
        hourCycle: "h23",
      }),
  ).format(time);
  return text + offsetIfTwice(time);
}

/** The local date of an instant, as `YYYY-MM-DD`. */
export function localDate(time: number): string {
  return cached(
    "date",
    () => new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" }),
  ).format(time);
}

/** What a clock on the wall and a calendar show, as `YYYY-MM-DDTHH:MM`. */
export function localMinute(time: number): string {
  return `${localDate(time)}T${wallClock(time)}`;
}

/** The instant at which clocks of the zone show this, the first one where there are two; null where it is no time. */
export function instantOf(local: string): number | null {
  const asked = Date.parse(`${local}Z`);
  if (Number.isNaN(asked)) return null;
  const off = (time: number): number => asked - Date.parse(`${localMinute(time)}Z`);
  let time = asked + off(asked);
  time += off(time);
  // Where clocks are set back the hour comes twice.
  const before = SET_BACK_MILLISECONDS.map((step) => time - step).find((earlier) => off(earlier) === 0);
  return before ?? time;
}

/** A short day for an axis. */
export function dayTick(time: number): string {
  return cached("day", () => new Intl.DateTimeFormat(locale(), { timeZone, day: "numeric", month: "short" })).format(time);
}

/** A month for an axis. */
export function monthTick(time: number): string {
  return cached("month", () => new Intl.DateTimeFormat(locale(), { timeZone, month: "short", year: "2-digit" })).format(time);
}

/** The month of a local date. */
export function monthName(date: string): string {
  const text = cached("month name", () => new Intl.DateTimeFormat(locale(), { timeZone: "UTC", month: "long", year: "numeric" })).format(Date.parse(`${date}T00:00:00Z`));
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Day and time with the year, for tables and labels of long stretches. */
export function longMoment(time: number): string {
  const text = cached(
    "long",
    () =>
      new Intl.DateTimeFormat(locale(), {
        timeZone,
        weekday: "short",
        day: "numeric",
        month: "short",
        year: "numeric",
        hour: "2-digit",
        minute: "2-digit",
        hourCycle: "h23",
      }),
  ).format(time);
  return text + offsetIfTwice(time);
}

/** A day with its year, for tables and labels of long stretches. */
export function longDay(time: number): string {
  return cached(
    "long day",
    () => new Intl.DateTimeFormat(locale(), { timeZone, weekday: "short", day: "numeric", month: "short", year: "numeric" }),
  ).format(time);
}

/** A date in full: Wednesday 5 March 2025. */
export function fullDate(date: string): string {
  const text = cached(
    "full",
    () =>
      new Intl.DateTimeFormat(locale(), {
        timeZone: "UTC",
        weekday: "long",
        day: "numeric",
        month: "long",
        year: "numeric",
      }),
  ).format(Date.parse(`${date}T00:00:00Z`));
  return text.replace(/^./u, (first) => first.toLocaleUpperCase(locale()));
}

/** The date so many days later. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

function scaled(seconds: number): [number, "second" | "minute" | "hour" | "day"] {
  const size = Math.abs(seconds);
  if (size < 60) return [Math.trunc(seconds), "second"];
  if (size < 3600) return [Math.trunc(seconds / 60), "minute"];
  if (size < 48 * 3600) return [Math.trunc(seconds / 3600), "hour"];
  return [Math.trunc(seconds / 86_400), "day"];
}

/** How far `time` is from `now`: 7 min ago, in 2 h. */
export function relative(time: number, now: number): string {
  const [amount, unit] = scaled((time - now) / 1000);
  return cached("relative", () => new Intl.RelativeTimeFormat(locale(), { style: "short", numeric: "always" })).format(
    Object.is(amount, 0) ? -0 : amount,
    unit,
  );
}

/** A length of time: 2 h, 15 min. */
export function duration(seconds: number): string {
  const [amount, unit] = scaled(seconds);
  return cached(
    `duration ${unit}`,
    () => new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }),
  ).format(amount);
}
