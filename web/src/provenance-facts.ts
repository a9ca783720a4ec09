// What is known of where a figure comes from: the source with its terms, and the captures with their files and hashes.

import { bodyDisclosure } from "./body.ts";
import { causeSentence } from "./causes.ts";
import { element, webAddress } from "./dom.ts";
import { fullDate, integer, milliseconds, moment, quantity } from "./format.ts";
import { inLanguage, words } from "./i18n.ts";
import { say as sayMore } from "./provenance-words.ts";
import type { CaptureLine, Provenance, Question, SourceBrief } from "./record-api.ts";
import { bytes } from "./record-format.ts";
import { say } from "./record-words.ts";
import { table } from "./table.ts";

type Cell = Node | string;

/** The downloads that were asked for, as far as they have been read. */
export interface Downloads {
  source: SourceBrief;
  captures: CaptureLine[];
  next: string | null;
}

/** What is known of a figure; `parts` are those of its stretch, where it has more captures than are listed. */
export function factsOfFigure(found: Provenance, parts: Node[]): Node[] {
  const { title, from, to, key, name, versions, captures, count } = found;
  const isEvent = versions.length > 0;
  const stretch = isEvent ? moment(milliseconds(from)) : `${moment(milliseconds(from))} – ${moment(milliseconds(to))}`;
  const facts: [string, Cell][] = [...sourceFacts(found), [say().stretch, stretch]];
  if (key) facts.push([isEvent ? say().event : say().entity, name && name !== key ? `${name} (${key})` : key]);
  const basis = [say().basis[found.basis], ...(found.sealed ? [say().sealed] : [])];
  if (found.samples !== null && found.samples !== undefined) basis.push(`${say().samples(found.samples)}.`);
  return [
    list(facts),
    element("p", { class: "quiet" }, basis.join(" ")),
    ...(isEvent ? [element("h3", {}, say().versions), versionList(found)] : []),
    ...(found.readings.length > 0 ? [element("h3", {}, say().readings), element("p", { class: "quiet" }, say().readingsHelp), readingTable(found)] : []),
    element("h3", {}, say().captures(count)),
    ...(count === 0 ? [element("p", {}, say().noCaptures)] : []),
    ...(found.more ? [element("p", { class: "quiet" }, sayMore().newest(integer(captures.length), integer(count))), ...parts] : []),
    element("ul", { class: "trace" }, ...captures.map((capture) => captureItem(capture, inLanguage(title), false))),
  ];
}

/** The downloads of a stretch, whatever became of them; `more` is the button that reads on. */
export function factsOfDownloads({ source, captures, next }: Downloads, question: Question, more: Node): Node[] {
  const facts = sourceFacts(source);
  const { from, to, downloads } = question;
  if (from !== undefined && to !== undefined) facts.push([say().stretch, from === to ? edge(from) : `${edge(from)} – ${edge(to)}`]);
  const count = say().captures(captures.length);
  return [
    list(facts),
    element("p", { class: "quiet" }, downloads === "" ? sayMore().started : sayMore().endedSo),
    element("h3", {}, next === null ? count : sayMore().shown(count)),
    ...(captures.length === 0 ? [element("p", {}, sayMore().none)] : []),
    element("ul", { class: "trace" }, ...captures.map((capture) => captureItem(capture, inLanguage(source.title), true))),
    ...(next === null ? [] : [more]),
  ];
}

/** A local date, or a time. */
function edge(text: string): string {
  return text.includes("T") ? moment(milliseconds(text)) : fullDate(text);
}

function sourceFacts({ title, credit }: Pick<Provenance, "title" | "credit">): [string, Cell][] {
  const href = webAddress(credit.url);
  return [
    [say().source, inLanguage(title)],
    [say().credit === say().source ? say().attribution : say().credit, credit.attribution],
    [say().licence, href === null ? credit.licence : element("a", { href, rel: "noopener noreferrer", target: "_blank" }, credit.licence)],
  ];
}

function versionList({ versions }: Provenance): Node {
  return element(
    "ul",
    { class: "bullets" },
    ...versions.map(({ title, fetched_at }) =>
      element("li", {}, title ?? "–", " ", element("span", { class: "quiet" }, `${say().fetchedAt} ${moment(milliseconds(fetched_at))}`)),
    ),
  );
}

/** What an open hour knows: each observation with the time at which it came. */
function readingTable({ readings, measure }: Provenance): Node {
  const title = measure ? inLanguage(measure.title) : say().value;
  return table(
    say().readings,
    [say().observedAt, title, say().fetchedWhen],
    readings.map(({ observed_at, fetched_at, value, superseded }) => {
      const said = value === null || value === undefined || !measure ? "–" : quantity(value, measure.unit, measure.decimals);
      return [moment(milliseconds(observed_at)), superseded ? element("del", {}, said) : said, moment(milliseconds(fetched_at))];
    }),
  );
}

/** A capture; of those that may have ended in any way it is said how. */
function captureItem(capture: CaptureLine, source: string, anyhow: boolean): Node {
  const { file, archive, sha256, url, rows, cause, reason, outcome } = capture;
  const facts: [string, Cell][] = [
    ...(anyhow && file === null ? [] : [[say().file, element("code", {}, archive ? `${file ?? ""} → ${archive}` : (file ?? "–"))] as [string, Cell]]),
    [say().hash, element("code", {}, sha256 ?? "–")],
    [say().address, element("code", {}, url)],
    [say().rowsTaken, `${integer(rows)} · ${bytes(capture.bytes)}`],
  ];
  const wrong = outcome === "failed" || outcome === "quarantined";
  const ended = anyhow ? [element("span", { class: `badge ${outcome === "failed" ? "bad" : wrong ? "warn" : "off"}` }, words().outcome[outcome])] : [];
  const place = capture.body === "none" ? [] : [element("span", { class: `badge ${capture.body === "deleted" ? "off" : "good"}` }, say().place[capture.body])];
  return element(
    "li",
    {},
    element("p", { class: "incident-head" }, element("time", { datetime: capture.started_at }, moment(milliseconds(capture.started_at))), ...ended, ...place),
    ...(cause ? [element("p", {}, element("b", {}, words().cause[cause]), " · ", causeSentence(cause))] : []),
    ...(reason ? [element("p", { class: "quiet detail", lang: "en" }, reason)] : []),
    list(facts),
    ...(capture.body_shown ? [bodyDisclosure(capture, source)] : []),
  );
}

function list(facts: [string, Cell][]): Node {
  return element("dl", { class: "facts" }, ...facts.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))));
}
