// The sheet of a source: what is declared of it, and beside it what was measured here.

import { element, webAddress } from "./dom.ts";
import { integer, milliseconds, moment, share, unitSign } from "./format.ts";
import { inLanguage, language, locale } from "./i18n.ts";
import type { Permission, Question, SourceSheet } from "./record-api.ts";
import { ask, tracedFigure } from "./provenance-button.ts";
import { bytes, perPeriod, period } from "./record-format.ts";
import { say } from "./record-words.ts";
import type { Text } from "./types.ts";

type Cell = Node | string;

export function sheetOf(source: SourceSheet): Node[] {
  const { sheet } = source;
  const parts: (Node | null)[] = [
    head(source),
    source.enabled ? null : notEnabled(source),
    section(say().rights, rights(source)),
    section(say().content, paragraph(sheet.content), list([[say().coverage, coverage(source)]])),
    section(say().declaredMeasured, ...measured(source)),
    section(say().periodicity, paragraph(sheet.periodicity)),
    section(say().model, ...model(source)),
    section(say().access, access(source)),
    sheet.quirks.length === 0 ? null : section(say().quirks, element("ul", { class: "bullets" }, ...sheet.quirks.map((quirk) => element("li", {}, ...prose(quirk))))),
  ];
  return parts.filter((part) => part !== null);
}

function head({ sheet, domain_title, enabled }: SourceSheet): Node {
  const docs = sheet.docs === "" ? [] : [" · ", link(sheet.docs, say().docs)];
  return element(
    "header",
    { class: "sheet-head" },
    element("p", { class: "quiet" }, inLanguage(domain_title), " ", element("span", { class: `badge ${enabled ? "good" : "off"}` }, enabled ? say().enabled : say().notFollowed)),
    element("h2", {}, inLanguage(sheet.title)),
    paragraph(sheet.description),
    element("p", { class: "quiet" }, `${say().provider} : `.replace(" :", locale().startsWith("fr") ? "\u00a0:" : ":"), link(sheet.provider.url, sheet.provider.name), ...docs),
  );
}

function notEnabled({ id }: SourceSheet): Node {
  return element("p", { class: "hint" }, say().notEnabled, " ", element("code", {}, `[sources.${id}]`));
}

function rights({ sheet }: SourceSheet): Node {
  const { licence, url, attribution, archive, republish, note } = sheet.rights;
  return element(
    "div",
    {},
    list([
      [say().licence, element("strong", {}, licence)],
      [say().terms, link(url, url)],
      [say().attribution, attribution],
      [say().archiving, permission(archive)],
      [say().republishing, permission(republish)],
    ]),
    ...(note ? [paragraph(note)] : []),
  );
}

function permission(word: Permission): Node {
  const kind = { allowed: "good", forbidden: "bad", doubtful: "warn" }[word];
  return element("span", { class: `badge ${kind}` }, say().permission[word]);
}

function measured(source: SourceSheet): Node[] {
  const { measured: found, periodicity, seen, model: rows } = source;
  if (!found.window) return [element("p", { class: "quiet" }, say().neverMeasured), table(declaredOnly(source))];
  const { facts } = say();
  const known = (value: number | null | undefined, write: (value: number) => string): string =>
    value === null || value === undefined ? say().notMeasured : write(value);
  const part = (some: number, all: number): string => (all > 0 ? share(some / all) : say().notMeasured);
  const entities = `${integer(source.entity_count)}${seen.more ? " +" : ""}`;
  const missing = source.fields_missing.length === 0 ? "" : ` (${say().missing(source.fields_missing.join(", "))})`;
  const { from, to } = found.window;
  const seenFact = rows.events ? facts.eventsSeen : facts.entities;
  const asked = (fact: string, text: string, question: Omit<Question, "source">): Cell =>
    text === say().notMeasured ? text : tracedFigure(text, fact, () => ask(`${inLanguage(source.sheet.title)}, ${fact}`, { source: source.id, ...question }));
  // What was measured of downloads leads to them; what was seen in the store leads to those whose rows it has.
  const traced = (fact: string, text: string): Cell => asked(fact, text, { downloads: "", from, to: after(to) });
  const inStore = (fact: string, text: string): Cell => (seen.since ? asked(fact, text, { from: seen.since, to: after(to) }) : text);
  const lines: [string, Cell, Cell][] = [
    [
      facts.changes,
      known(periodicity.publishes_seconds, period).replace(/^–$/, say().noRhythm),
      element("span", {}, traced(facts.changes, known(found.change_seconds, period)), " ", element("span", { class: `badge ${verdictKind(source)}` }, say().verdict[source.period_verdict])),
    ],
    [facts.lag, say().notMeasured, traced(facts.lag, known(found.lag_seconds, period))],
    [facts.obtained, integer(found.expected), traced(facts.obtained, `${integer(found.obtained)} (${part(found.obtained, found.expected)})`)],
    [facts.rows, say().notMeasured, traced(facts.rows, known(found.body_rows, integer))],
    [facts.size, say().notMeasured, traced(facts.size, known(found.body_bytes, bytes))],
    [facts.day, say().notMeasured, traced(facts.day, known(source.bytes_per_day, bytes))],
    [facts.refused, say().notMeasured, traced(facts.refused, `${integer(found.refused_rows)} (${part(found.refused_rows, found.rows + found.refused_rows)})`)],
    [seenFact, say().notMeasured, inStore(seenFact, entities)],
    [facts.fields, integer(rows.measures.length), inStore(facts.fields, `${integer(seen.fields.length)}${missing}`)],
  ];
  return [
    table([...lines, ...declaredOnly(source).slice(1)]),
    element("p", { class: "quiet" }, say().measuredOver(moment(milliseconds(from)), moment(milliseconds(to)))),
    ...(source.store_error ? [element("p", { class: "quiet", lang: "en" }, source.store_error)] : []),
  ];
}

/** The window is up to the start of its last capture, which is in it. */
function after(to: string): string {
  return new Date(milliseconds(to) + 1).toISOString();
}

function declaredOnly({ periodicity }: SourceSheet): [string, Cell, Cell][] {
  const { facts } = say();
  const { publishes_seconds, collect_seconds, stale_after_seconds, horizon_seconds } = periodicity;
  return [
    [facts.changes, publishes_seconds === null || publishes_seconds === undefined ? say().noRhythm : period(publishes_seconds), say().notMeasured],
    [facts.collected, period(collect_seconds), say().notMeasured],
    [facts.stale, period(stale_after_seconds), say().notMeasured],
    [facts.horizon, period(horizon_seconds), say().notMeasured],
  ];
}

function verdictKind({ period_verdict }: SourceSheet): string {
  return period_verdict === "slower" ? "warn" : period_verdict === "confirmed" ? "good" : "off";
}

function table(lines: [string, Cell, Cell][]): Node {
  const heads = [say().fact, say().declared, say().measured];
  return element(
    "table",
    { class: "stacking", "aria-label": say().declaredMeasured },
    element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)))),
    element(
      "tbody",
      {},
      ...lines.map(([fact, declared, found]) =>
        element("tr", {}, element("th", { scope: "row" }, fact), cell(say().declared, declared), cell(say().measured, found, declared !== say().notMeasured)),
      ),
    ),
  );
}

/** A cell without a figure is left out where cells stand below each other. */
function cell(head: string, content: Cell, mayGo = true): Node {
  return element("td", { "data-head": head, ...(mayGo && content === say().notMeasured ? { "data-blank": "" } : {}) }, content);
}

function model({ model: rows, seen }: SourceSheet): Node[] {
  const heads = [say().field, say().meaning, say().unit, say().kindTitle];
  const body = rows.measures.map((measure) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("code", {}, measure.id), ...(seen.fields.includes(measure.id) ? [" ", element("span", { class: "badge good" }, say().seen)] : [])),
      element("td", { "data-head": say().meaning }, inLanguage(measure.title)),
      element("td", { "data-head": say().unit }, unitSign(measure.unit) || "–"),
      element("td", { "data-head": say().kindTitle }, say().kind[measure.kind]),
    ),
  );
  const facts: [string, Cell][] = [
    [say().format, rows.format],
    [say().located, rows.located ? say().yes : say().no],
  ];
  if (rows.attributes.length > 0) facts.push([say().attributes, rows.attributes.join(", ")]);
  return [
    element("p", {}, rows.events ? say().isEvents : say().isObservations),
    list(facts),
    element(
      "table",
      { class: "stacking", "aria-label": say().model },
      element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", {}, ...body),
    ),
  ];
}

function access({ sheet }: SourceSheet): Node {
  const { key, limits, note } = sheet.access;
  const said = limits.map((limit) => say().perTime(integer(limit.requests), perPeriod(limit.per_seconds))).join(", ");
  return element(
    "div",
    {},
    element("p", {}, key ? say().keyAccess(key.env) : say().openAccess, ...(key ? [" · ", link(key.signup, say().signup)] : [])),
    list([[say().limits, said === "" ? say().noLimits : said]]),
    ...(key?.note ? [paragraph(key.note)] : []),
    ...(note ? [paragraph(note)] : []),
  );
}

function coverage({ sheet }: SourceSheet): string {
  const { earth, continents, countries, areas } = sheet.coverage;
  const names = new Intl.DisplayNames(locale(), { type: "region" });
  const country = (code: string): string => {
    try {
      return names.of(code) ?? code;
    } catch {
      return code;
    }
  };
  return [...(earth ? [say().earth] : []), ...continents.map((code) => CONTINENTS[code] ?? code).map((code) => country(code)), ...countries.map(country), ...areas.map((area) => inLanguage(area.name))].join(", ");
}

/** The continents as Unicode numbers them (UN M49), so that the browser has their names. */
const CONTINENTS: Record<string, string> = { AF: "002", AN: "AQ", AS: "142", EU: "150", NA: "003", OC: "009", SA: "005" };

function section(title: string, ...children: Node[]): Node {
  return element("section", {}, element("h3", {}, title), ...children);
}

function paragraph(text: Text): Node {
  return element("p", {}, ...prose(text));
}

/** A text as it is read: what stands between backticks is code, and French signs stay with the word before them. */
function prose(text: Text): (Node | string)[] {
  return inLanguage(text)
    .split("`")
    .map((part, index) => {
      if (index % 2 === 1) return element("code", {}, part);
      return language() === "fr" ? part.replace(/ ([:;!?%»])/g, "\u00a0$1").replaceAll("« ", "«\u00a0") : part;
    });
}

function list(facts: [string, Cell][]): Node {
  return element("dl", { class: "facts" }, ...facts.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))));
}

/** A link, where the address is one of the web. */
function link(address: string, text: string): Cell {
  const href = webAddress(address);
  return href === null ? text : element("a", { href, rel: "noopener noreferrer", target: "_blank" }, text);
}
