// From a step of a series to the downloads that it was made from.

import { TOGETHER } from "./data.ts";
import { inLanguage } from "./i18n.ts";
import { entityName } from "./line-picker.ts";
import { ask } from "./provenance-button.ts";
import type { SeriesAnswer } from "./types.ts";

/** Asks where a step of a line comes from; of events, which have no entities, all of the stretch. */
export function askStep(answer: SeriesAnswer, line: number, step: number): void {
  const series = answer.series[line];
  const from = answer.starts[step];
  if (series === undefined || from === undefined) return;
  const together = series.entity === TOGETHER || answer.events;
  const name = together ? [] : [entityName(series.entity, series.name)];
  const measure = answer.measure === null || answer.measure === undefined ? [] : [inLanguage(answer.measure.title)];
  ask([inLanguage(answer.title), ...measure, ...name].join(", "), {
    source: answer.source,
    entity: together ? undefined : series.entity,
    from,
    to: answer.starts[step + 1] ?? answer.end,
  });
}
