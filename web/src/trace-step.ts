// From a step of a series to the downloads that it was made from.

import { TOGETHER } from "./data.ts";
import { inLanguage } from "./i18n.ts";
import { entityName } from "./line-picker.ts";
import { ask } from "./provenance-button.ts";
import type { Question } from "./record-api.ts";
import type { SeriesAnswer } from "./types.ts";

/** Asks where a step of a line comes from. */
export function askStep(answer: SeriesAnswer, line: number, step: number): void {
  const question = questionOfStep(answer, line, step);
  if (question !== null) ask(nameOfLine(answer, line), question);
}

/** The source, the measure and the entity of a line. */
export function nameOfLine(answer: SeriesAnswer, line: number): string {
  const series = answer.series[line];
  const alone = series === undefined || series.entity === TOGETHER || answer.events;
  const name = alone ? [] : [entityName(series.entity, series.name)];
  const measure = answer.measure === null || answer.measure === undefined ? [] : [inLanguage(answer.measure.title)];
  return [inLanguage(answer.title), ...measure, ...name].join(", ");
}

/** What is asked about a step of a line; of events, which have no entities, it is of all. */
export function questionOfStep(answer: SeriesAnswer, line: number, step: number): Question | null {
  const series = answer.series[line];
  const from = answer.starts[step];
  if (series === undefined || from === undefined) return null;
  const together = series.entity === TOGETHER || answer.events;
  return { source: answer.source, entity: together ? undefined : series.entity, from, to: answer.starts[step + 1] ?? answer.end };
}
