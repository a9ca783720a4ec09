// "Where does this come from?": from a figure to the raw files that it was made from.

import "./record.css";
import { bodyDisclosure } from "./body.ts";
import { explain } from "./day-message.ts";
import { element, setText, webAddress } from "./dom.ts";
import { integer, milliseconds, moment, quantity } from "./format.ts";
import { inLanguage, languageChanged } from "./i18n.ts";
import { fetchProvenance, type CaptureLine, type Provenance, type Question } from "./record-api.ts";
import { bytes } from "./record-format.ts";
import { say } from "./record-words.ts";
import { table } from "./table.ts";

type Cell = Node | string;

class Dialog {
  readonly #element = element("dialog", { class: "provenance", "aria-labelledby": "provenance-title" });
  readonly #title = element("h2", { id: "provenance-title" });
  readonly #close = element("button", { type: "button", class: "small-button" });
  readonly #body = element("div", { class: "provenance-body" });
  #what = "";
  #shown: Provenance | null = null;
  #error: unknown = null;
  #asking = new AbortController();

  constructor() {
    this.#element.append(element("header", {}, this.#title, this.#close), this.#body);
    this.#close.addEventListener("click", () => this.#element.close());
    // A click beside it closes it, as Escape does.
    this.#element.addEventListener("click", (event) => {
      if (event.target === this.#element) this.#element.close();
    });
    // It is told late: the next question may have been asked by then.
    this.#element.addEventListener("close", () => {
      if (!this.#element.open) this.#asking.abort();
    });
    languageChanged.add(() => this.#write());
    document.body.append(this.#element);
  }

  async open(what: string, question: Question): Promise<void> {
    this.#asking.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.#what = what;
    this.#shown = null;
    this.#error = null;
    this.#write();
    if (!this.#element.open) this.#element.showModal();
    try {
      const found = await fetchProvenance(question, asking.signal);
      if (asking.signal.aborted) return;
      this.#shown = found;
      this.#write();
    } catch (error) {
      if (asking.signal.aborted) return;
      this.#error = error;
      this.#write();
    }
  }

  #write(): void {
    setText(this.#title, say().provenanceOf(this.#what));
    setText(this.#close, say().close);
    const waiting = this.#error === null ? element("p", { class: "quiet", role: "status" }, say().loading) : element("p", { role: "alert" }, explain(this.#error));
    this.#body.replaceChildren(...(this.#shown === null ? [waiting] : provenance(this.#shown)));
  }
}

let dialog: Dialog | null = null;

/** Opens the dialog. `what` is the figure in words. */
export function showProvenance(what: string, question: Question): void {
  dialog ??= new Dialog();
  void dialog.open(what, question);
}

function provenance(found: Provenance): Node[] {
  const { title, credit, from, to, key, name, versions, captures } = found;
  const isEvent = versions.length > 0;
  const href = webAddress(credit.url);
  const licence = href === null ? credit.licence : element("a", { href, rel: "noopener noreferrer", target: "_blank" }, credit.licence);
  const stretch = isEvent ? moment(milliseconds(from)) : `${moment(milliseconds(from))} – ${moment(milliseconds(to))}`;
  const facts: [string, Cell][] = [
    [say().source, inLanguage(title)],
    [say().credit === say().source ? say().attribution : say().credit, credit.attribution],
    [say().licence, licence],
    [say().stretch, stretch],
  ];
  if (key) facts.push([isEvent ? say().event : say().entity, name && name !== key ? `${name} (${key})` : key]);
  const basis = [say().basis[found.basis], ...(found.sealed ? [say().sealed] : [])];
  if (found.samples !== null && found.samples !== undefined) basis.push(`${say().samples(found.samples)}.`);
  return [
    list(facts),
    element("p", { class: "quiet" }, basis.join(" ")),
    ...(isEvent ? [element("h3", {}, say().versions), versionList(found)] : []),
    ...(found.readings.length > 0 ? [element("h3", {}, say().readings), element("p", { class: "quiet" }, say().readingsHelp), readingTable(found)] : []),
    element("h3", {}, say().captures(captures.length)),
    ...(captures.length === 0 ? [element("p", {}, say().noCaptures)] : []),
    ...(found.more ? [element("p", { class: "quiet" }, say().more)] : []),
    element("ul", { class: "trace" }, ...captures.map((capture) => captureItem(capture, inLanguage(title)))),
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

function captureItem(capture: CaptureLine, source: string): Node {
  const facts: [string, Cell][] = [
    [say().file, element("code", {}, capture.archive ? `${capture.file ?? ""} → ${capture.archive}` : (capture.file ?? "–"))],
    [say().hash, element("code", {}, capture.sha256 ?? "–")],
    [say().address, element("code", {}, capture.url)],
    [say().rowsTaken, `${integer(capture.rows)} · ${bytes(capture.bytes)}`],
  ];
  return element(
    "li",
    {},
    element(
      "p",
      { class: "incident-head" },
      element("time", { datetime: capture.started_at }, moment(milliseconds(capture.started_at))),
      element("span", { class: `badge ${capture.body === "deleted" ? "off" : "good"}` }, say().place[capture.body]),
    ),
    list(facts),
    ...(capture.body_shown ? [bodyDisclosure(capture, source)] : []),
  );
}

function list(facts: [string, Cell][]): Node {
  return element("dl", { class: "facts" }, ...facts.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))));
}
