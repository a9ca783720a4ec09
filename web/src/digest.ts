// What happened today, in ten seconds: a line per domain, what is unusual first.

import { element, keepChildren, setAttribute, setText } from "./dom.ts";
import { domainName, inLanguage, words } from "./i18n.ts";
import { writeSaid } from "./origins.ts";
import type { Analysis, SourceAnalysis } from "./types.ts";

interface Line {
  source: SourceAnalysis;
  unusual: boolean;
}

export class DigestView {
  readonly element: HTMLElement;
  readonly #title = element("h2");
  readonly #list = element("ul", { class: "digest-list" });

  constructor() {
    this.#title.id = "digest-title";
    this.element = element("section", { class: "digest", "aria-labelledby": this.#title.id, hidden: "" }, this.#title, this.#list);
  }

  update(analysis: Analysis): void {
    const lines = linesOf(analysis);
    this.element.hidden = lines.length === 0;
    setText(this.#title, words().digest);
    const items = keepChildren(this.#list, lines.length, () =>
      element("li", {}, element("a", {}), element("span", { class: "unusual-mark" }), element("span", { class: "digest-text" })),
    );
    for (const [index, { source, unusual }] of lines.entries()) {
      const item = items[index];
      const [domain, mark, text] = item?.children ?? [];
      if (!item || !domain || !mark || !text) continue;
      setText(domain, domainName(source.domain));
      setAttribute(domain, "href", `#title-${source.id}`);
      setAttribute(domain, "title", inLanguage(source.title));
      setText(mark, unusual ? words().unusual : "");
      writeSaid(text, "span", source, source.sentences.slice(0, unusual ? 2 : 1));
    }
  }
}

export function isUnusual(source: SourceAnalysis): boolean {
  const { anomalies, record, events } = source.findings;
  return (anomalies?.found.length ?? 0) > 0 || Boolean(record) || typeof events?.above_all === "number";
}

/** Of each domain the source that has something unusual to say, else the first that has data. */
function linesOf(analysis: Analysis): Line[] {
  const byDomain = new Map<string, Line>();
  for (const source of analysis.sources) {
    const known = source.headlines.some((headline) => headline.value !== null && headline.value !== undefined);
    if (!known || source.sentences.length === 0) continue;
    const unusual = isUnusual(source);
    const before = byDomain.get(source.domain);
    if (before === undefined || (unusual && !before.unusual)) byDomain.set(source.domain, { source, unusual });
  }
  return [...byDomain.values()];
}
