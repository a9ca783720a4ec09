// The card of a source: what it says now, the course of the day, how complete it is, and whom to credit.

import { CapturesView } from "./captures.ts";
import { ChartView } from "./chart.ts";
import type { ServerClock } from "./clock.ts";
import { element, keepChildren, renew, setAttribute, setText, webAddress } from "./dom.ts";
import { FreshnessView } from "./freshness.ts";
import { milliseconds, moment, quantity, timeOfDay, unitSign, unitSpace } from "./format.ts";
import { domainName, inLanguage, words } from "./i18n.ts";
import { decimal } from "./numbers.ts";
import { askPast, hasPast, writeSaid } from "./origins.ts";
import { ask, hearTraced, nameProvenanceButton, provenanceButton, tracedFigure, writeTraced } from "./provenance-button.ts";
import { table } from "./table.ts";
import { apart } from "./text.ts";
import { usualOf, usualRange } from "./usual.ts";
import { dataColour, placeOf } from "./theme.ts";
import type { Headline, Period, SourceAnalysis } from "./types.ts";

export class Card {
  readonly element: HTMLElement;
  readonly #clock: ServerClock;
  readonly #domain = element("p", { class: "domain" });
  readonly #title = element("h2");
  readonly #empty = element("p", { class: "no-data" });
  readonly #lead = element("div", { class: "lead" });
  readonly #usualTrace = provenanceButton(() => askPast(this.#source, this.#period));
  readonly #usual = element("p", { class: "usual" }, element("span"), this.#usualTrace);
  readonly #sentences = element("ul", { class: "sentences" });
  readonly #others = element("dl", { class: "figures" });
  readonly #trace = provenanceButton(() => this.#askHeadline(0));
  readonly #freshness: FreshnessView;
  readonly #chart: ChartView;
  readonly #captures = new CapturesView(() => this.#askDownloads(this.#whole()));
  readonly #linesTitle = element("summary");
  readonly #linesBody = element("div", { class: "details-body" });
  readonly #lines: HTMLDetailsElement;
  readonly #credit = element("p", { class: "credit" });
  #source: SourceAnalysis;
  #period: Period;

  constructor(source: SourceAnalysis, period: Period, clock: ServerClock) {
    const place = placeOf(source.id);
    this.#source = source;
    this.#period = period;
    this.#clock = clock;
    this.#chart = new ChartView(place);
    this.#freshness = new FreshnessView((clock, at) => this.#askClock(clock, at));
    this.#title.id = `title-${source.id}`;
    this.#lines = element("details", { class: "disclosure" }, this.#linesTitle, this.#linesBody);
    this.#lines.addEventListener("toggle", () => this.#writeLines());
    this.element = element(
      "article",
      { class: "card", "aria-labelledby": this.#title.id, "data-source": source.id },
      element(
        "header",
        { class: "card-head" },
        element("div", {}, this.#domain, this.#title),
        this.#freshness.element,
      ),
      element("div", { class: "now" }, element("div", { class: "traced-lead" }, this.#lead, this.#trace), this.#usual, this.#others, this.#empty, this.#sentences),
      this.#chart.element,
      element("div", { class: "card-foot" }, this.#captures.element, this.#lines, this.#credit),
    );
    hearTraced(this.element, (stretch) => {
      if (stretch === null) askPast(this.#source, this.#period);
      else ask(inLanguage(this.#source.title), { source: this.#source.id, ...stretch });
    });
    this.element.style.setProperty("--paint", `var(--${dataColour(place)})`);
    this.#write();
  }

  update(source: SourceAnalysis, period: Period): void {
    this.#source = source;
    this.#period = period;
    this.#write();
  }

  /** Writes everything again in the present language and colours. */
  refresh(): void {
    this.#write();
    this.#chart.refresh();
  }

  /** Writes what depends on the time alone. */
  tick(now: number): void {
    this.#freshness.tick(now);
    this.#chart.setNow(now);
  }

  #write(): void {
    const source = this.#source;
    const now = this.#clock.now();
    setText(this.#domain, domainName(source.domain));
    setText(this.#title, inLanguage(source.title));
    this.#freshness.update(source.freshness, now);
    this.#writeFigures(source.headlines);
    this.#writeFindings();
    this.#chart.setNow(now);
    this.#chart.update(source.chart ?? null, this.#period);
    this.#captures.update(source.captures, source.coverage ?? null);
    this.#writeLines();
    this.#writeCredit();
  }

  #writeFigures(headlines: Headline[]): void {
    const none = headlines.every((headline) => headline.value === null || headline.value === undefined);
    this.#empty.hidden = !none;
    this.#lead.hidden = none;
    this.#trace.hidden = none;
    this.#others.hidden = none || headlines.length < 2;
    setText(this.#empty, words().noData);
    const [lead, ...others] = headlines;
    if (none || lead === undefined) return;
    this.#writeLead(lead);
    const items = keepChildren(this.#others, others.length, () => {
      const item = element("div", {}, element("dt"), element("dd", {}, tracedFigure("", "", () => this.#askHeadline([...this.#others.children].indexOf(item) + 1))));
      return item;
    });
    for (const [index, headline] of others.entries()) {
      const [term, cell] = items[index]?.children ?? [];
      const figure = cell?.firstElementChild;
      if (!term || !cell || !(figure instanceof HTMLButtonElement)) continue;
      const { value } = headline;
      const known = value !== null && value !== undefined;
      const ranked = known ? this.#ranked(headline, value) : null;
      setText(term, ranked?.label ?? label(headline));
      const text = ranked?.entity ?? (known ? quantity(value, headline.unit, headline.decimals) : "–");
      writeTraced(figure, text, ranked?.label ?? label(headline), known);
      const usual = headline.usual ? words().usualIs(usualRange(headline.usual, headline.unit, headline.decimals)) : null;
      setAttribute(cell, "title", [observed(headline), usual].filter((part) => part !== null).join(" · ") || null);
    }
  }

  /** What is usual of the leading figure, and all but the sentence that says that figure again. */
  #writeFindings(): void {
    const source = this.#source;
    const usual = this.#lead.hidden ? "" : usualOf(source);
    this.#usual.hidden = usual === "";
    const [text] = this.#usual.children;
    if (text) setText(text, usual);
    this.#usualTrace.hidden = !hasPast(source, this.#period);
    nameProvenanceButton(this.#usualTrace, `${inLanguage(source.title)}, ${usual}`);
    const rest = this.#lead.hidden ? [] : source.sentences.slice(1);
    this.#sentences.hidden = rest.length === 0;
    writeSaid(this.#sentences, "li", source, rest);
  }

  #writeLead(headline: Headline): void {
    const [figure, caption] = keepChildren(this.#lead, 2, () => element("p"));
    if (!figure || !caption) return;
    figure.className = "big";
    caption.className = "caption";
    const { value, unit, decimals } = headline;
    const known = value !== null && value !== undefined;
    const [number, sign] = keepChildren(figure, 2, () => element("span", { dir: "auto" }));
    if (!number || !sign) return;
    sign.className = "unit";
    const before = number.textContent;
    const ranked = known ? this.#ranked(headline, value) : null;
    number.className = ranked ? "name" : "";
    const changed = setText(number, ranked?.entity ?? (known ? decimal(value, decimals) : "–"));
    setText(sign, known && !ranked ? `${unitSpace(unit)}${unitSign(unit, value)}` : "");
    if (changed && before !== "") flash(figure);
    const at = headline.at ? ` · ${this.#when(milliseconds(headline.at))}` : "";
    setText(caption, `${ranked?.label ?? label(headline)}${at}`);
    setAttribute(caption, "title", observed(headline));
    nameProvenanceButton(this.#trace, `${inLanguage(this.#source.title)}, ${label(headline)}`);
  }

  /** The time of a figure; with its date where that is not the one shown. */
  #when(time: number): string {
    const { start, end } = this.#period;
    return time >= milliseconds(start) && time < milliseconds(end) ? timeOfDay(time) : moment(time);
  }

  /** The hour of a figure; of a figure without a time, the period. */
  #askHeadline(index: number): void {
    const headline = this.#source.headlines[index];
    if (headline === undefined) return;
    const entity = this.#source.entities.find(({ name }) => name === headline.entity)?.entity;
    const stretch = headline.at ? { at: headline.at } : this.#whole();
    ask(`${inLanguage(this.#source.title)}, ${label(headline)}`, { source: this.#source.id, entity, ...stretch });
  }

  /** The downloads that were started then. */
  #askDownloads(stretch: { from: string; to: string }): void {
    ask(inLanguage(this.#source.title), { source: this.#source.id, downloads: "", ...stretch });
  }

  /** A clock is that of the newest content, or of the download that was answered last. */
  #askClock(clock: string, at: string): void {
    const what = `${inLanguage(this.#source.title)}, ${clock.toLocaleLowerCase()}`;
    if (at !== this.#source.freshness.fetched_at) ask(what, { source: this.#source.id, at });
    else ask(what, { source: this.#source.id, downloads: "", from: at, to: new Date(milliseconds(at) + 1000).toISOString() });
  }

  #whole(): { from: string; to: string } {
    const { start, end } = this.#period;
    return { from: start, to: end };
  }

  /** Of a ranking the names are the news: who has the rank, and what that is called. */
  #ranked(headline: Headline, value: number): { entity: string; label: string } | null {
    if (this.#source.leading_measure?.kind !== "rank" || !headline.entity) return null;
    return { entity: headline.entity, label: `${inLanguage(headline.label)} ${decimal(value, headline.decimals)}` };
  }

  #writeLines(): void {
    const { events, event_count, entities, entity_count } = this.#source;
    const ofEvents = event_count > 0 || events.length > 0;
    this.#lines.hidden = !ofEvents && entity_count === 0;
    setText(
      this.#linesTitle,
      ofEvents ? words().latestEvents(events.length, event_count) : words().topEntities(entities.length, entity_count),
    );
    if (!this.#lines.open || this.#lines.hidden) return;
    renew(this.#linesBody, ofEvents ? this.#eventTable() : this.#entityTable());
  }

  /** The unit and decimals of the leading measure. */
  #scale(): { unit: string; decimals: number } {
    const { leading_measure, chart, headlines } = this.#source;
    return leading_measure ?? chart ?? headlines[0] ?? { unit: "1", decimals: 1 };
  }

  #eventTable(): HTMLElement {
    const { unit, decimals } = this.#scale();
    const { event, time, value } = words().columns;
    return table(
      this.#linesTitle.textContent ?? "",
      [event, time, value],
      this.#source.events.map((line) => [
        element("span", {}, element("bdi", {}, line.title), line.revisions > 1 ? ` (${words().revisions(line.revisions)})` : ""),
        timeOfDay(milliseconds(line.at)),
        tracedFigure(line.value === null || line.value === undefined ? "–" : quantity(line.value, unit, decimals), line.title, () =>
          ask(line.title, { source: this.#source.id, key: line.key }),
        ),
      ]),
    );
  }

  #entityTable(): HTMLElement {
    const { unit, decimals } = this.#scale();
    const { name, last, least, mean, greatest } = words().columns;
    const sign = unitSign(unit);
    const { id } = this.#source;
    const say = (value: number | null | undefined): string =>
      value === null || value === undefined ? "–" : decimal(value, decimals);
    // The least, mean and greatest are of all the hours of the period.
    const ofPeriod = (value: number | null | undefined, entity: string, of: string): Node | string =>
      value === null || value === undefined ? "–" : tracedFigure(say(value), of, () => ask(of, { source: id, entity, ...this.#whole() }));
    return table(
      this.#linesTitle.textContent ?? "",
      [name, sign === "" ? last : `${last} (${sign})`, least, mean, greatest],
      this.#source.entities.map(({ entity, name: who, figures, at }) => [
        who,
        tracedFigure(say(figures.last), who, () => ask(who, { source: id, entity, at })),
        ofPeriod(figures.min, entity, `${who}, ${least}`),
        ofPeriod(figures.mean, entity, `${who}, ${mean}`),
        ofPeriod(figures.max, entity, `${who}, ${greatest}`),
      ]),
    );
  }

  #writeCredit(): void {
    const { attribution, licence, url } = this.#source.credit;
    const address = webAddress(url);
    const parts = [words().creditOf(attribution), licence, address ?? ""].join("\n");
    if (this.#credit.dataset.parts === parts) return;
    this.#credit.dataset.parts = parts;
    const terms =
      address === null
        ? element("span", {}, licence)
        : element("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, licence);
    this.#credit.replaceChildren(words().creditOf(attribution), " · ", terms);
  }
}

function label(headline: Headline): string {
  const text = inLanguage(headline.label);
  return headline.entity ? `${text} · ${apart(headline.entity)}` : text;
}

function observed(headline: Headline): string | null {
  return headline.at ? moment(milliseconds(headline.at)) : null;
}

/** Draws the eye to a figure that has just changed. */
function flash(node: Element): void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  node.animate([{ color: "var(--accent)" }, { color: "inherit" }], { duration: 900, easing: "ease-out" });
}
