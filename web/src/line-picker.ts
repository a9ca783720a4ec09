// Which line: a source, one of its measures, and an entity of it or all together.

import { element, keepChildren, setText } from "./dom.ts";
import { fetchEntities, leadingMeasure, addsUp, TOGETHER } from "./data.ts";
import { quantity } from "./format.ts";
import { domainName, inLanguage, wordsOf } from "./i18n.ts";
import { Picker, type Choice } from "./picker.ts";
import type { Measures, SourceMeasures } from "./types.ts";

const say = wordsOf({
  fr: {
    source: "Source",
    sourceHint: "Chercher une source",
    measure: "Mesure",
    entity: "Lieu, titre ou objet",
    entityHint: "Chercher par le nom",
    together: "Tout ensemble",
    togetherNote: { sum: "total", mean: "moyenne", each: "" },
    none: "Rien de tel",
    more: (count: number) => `et ${count} de plus : précisez`,
    counted: "Nombre d’événements",
  },
  en: {
    source: "Source",
    sourceHint: "Search for a source",
    measure: "Measure",
    entity: "Place, title or thing",
    entityHint: "Search by name",
    together: "All together",
    togetherNote: { sum: "total", mean: "mean", each: "" },
    none: "Nothing like it",
    more: (count) => `and ${count} more: say more`,
    counted: "Number of events",
  },
});

/** A source, a measure (`*`: events are counted), and an entity; null while none is chosen. */
export interface LineChoice {
  source: string;
  measure: string;
  entity: string | null;
}

/** What the line's entity is called, where it is no name of its own. */
export function entityName(entity: string, name: string): string {
  return entity === TOGETHER ? say().together : name;
}

export class LinePicker {
  readonly element: HTMLElement;
  readonly #source: Picker;
  readonly #entity: Picker;
  readonly #measureLabel = element("span", { class: "field-label" });
  readonly #measure = element("select");
  readonly #measureField = element("label", { class: "field" }, this.#measureLabel, this.#measure);
  readonly #changed: (choice: LineChoice) => void;
  readonly #names = new Map<string, string>();
  #measures: Measures | null = null;
  #choice: LineChoice | null = null;

  /** `changed` is told what was chosen; another source comes with its leading measure and no entity. */
  constructor(changed: (choice: LineChoice) => void) {
    this.#changed = changed;
    this.#source = new Picker({
      find: (words) => Promise.resolve({ choices: this.#sources(words), more: 0 }),
      chosen: ({ id }) => this.#chooseSource(id),
      current: () => {
        const source = this.source();
        return source === undefined ? "" : inLanguage(source.title);
      },
    });
    this.#entity = new Picker({
      find: (words) => this.#entities(words),
      chosen: ({ id, name }) => {
        this.#names.set(id, name);
        if (this.#choice !== null) this.#tell({ ...this.#choice, entity: id });
      },
      current: () => {
        const entity = this.#choice?.entity ?? null;
        return entity === null ? "" : entityName(entity, this.#names.get(entity) ?? entity);
      },
    });
    this.#measure.addEventListener("change", () => {
      const { source, choice } = { source: this.source(), choice: this.#choice };
      if (choice === null || source === undefined) return;
      const measure = this.#measure.value;
      const entity = choice.entity === TOGETHER && !addsUp(source, measure) ? null : choice.entity;
      this.#tell({ ...choice, measure, entity });
    });
    this.element = element(
      "div",
      { class: "line-picker" },
      this.#source.element,
      this.#measureField,
      this.#entity.element,
    );
  }

  /** The source chosen. */
  source(): SourceMeasures | undefined {
    return this.#measures?.sources.find(({ id }) => id === this.#choice?.source);
  }

  /** Shows a choice, in the present language. */
  write(measures: Measures, choice: LineChoice | null): void {
    this.#measures = measures;
    this.#choice = choice;
    const { source, sourceHint, measure, entity, entityHint, none, more, counted } = say();
    this.#source.setWords(source, sourceHint, none, more);
    this.#entity.setWords(entity, entityHint, none, more);
    setText(this.#measureLabel, measure);
    const found = this.source();
    const options: [string, string][] = (found?.measures ?? []).map(({ id, title }) => [id, inLanguage(title)]);
    if (found?.events) options.unshift([TOGETHER, counted]);
    const items = keepChildren(this.#measure, options.length, () => element("option"));
    for (const [index, [id, title]] of options.entries()) {
      const item = items[index];
      if (!(item instanceof HTMLOptionElement)) continue;
      item.value = id;
      setText(item, title);
    }
    if (choice !== null) this.#measure.value = choice.measure;
    this.#measureField.hidden = found === undefined;
    this.#entity.element.hidden = found === undefined || found.events;
  }

  #tell(choice: LineChoice): void {
    this.#choice = choice;
    this.#changed(choice);
  }

  #chooseSource(id: string): void {
    const source = this.#measures?.sources.find((one) => one.id === id);
    if (source === undefined) return;
    const measure = source.events ? TOGETHER : (leadingMeasure(source) ?? TOGETHER);
    this.#tell({ source: id, measure, entity: addsUp(source, measure) ? TOGETHER : null });
  }

  #sources(words: string): Choice[] {
    const wanted = folded(words).split(/\s+/);
    return (this.#measures?.sources ?? [])
      .map(({ id, title, domain }) => ({ id, name: inLanguage(title), note: domainName(domain) }))
      .filter(({ id, name, note }) => wanted.every((word) => folded(`${id} ${name} ${note}`).includes(word)));
  }

  async #entities(words: string): Promise<{ choices: Choice[]; more: number }> {
    const { source, choice } = { source: this.source(), choice: this.#choice };
    if (source === undefined || choice === null) return { choices: [], more: 0 };
    const measure = source.measures.find(({ id }) => id === choice.measure);
    const order = measure?.kind === "rank" ? "value" : "name";
    const ask = { source: source.id, measure: choice.measure, order, limit: 40, q: words === "" ? null : words };
    const found = await fetchEntities(ask, new AbortController().signal);
    const choices = found.entities.map(({ entity, name, value }) => ({
      id: entity,
      name,
      note: value === null || value === undefined ? "" : quantity(value, found.measure.unit, found.measure.decimals),
    }));
    if (words === "" && addsUp(source, choice.measure)) {
      choices.unshift({ id: TOGETHER, name: say().together, note: say().togetherNote[measure?.across ?? "each"] });
    }
    return { choices, more: found.total - found.entities.length };
  }
}

/** A text as it is searched: without capitals and accents. */
function folded(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}
