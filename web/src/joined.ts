// Values of a source that says something only every so many steps: what lies between two of them is no gap.

export type Values = (number | null | undefined)[];

/** Values at most so many steps apart are joined: for uPlot, undefined is no gap, and null is one. */
export function joined(values: (number | null)[], steps: number): Values {
  const result: Values = [...values];
  let last = -1;
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    if (last >= 0 && index - last <= steps) result.fill(undefined, last + 1, index);
    last = index;
  }
  return result;
}

/** The steps whose value is joined to none: no line leads through them. */
export function alone(values: Values): number[] {
  const isGap = (step: number): boolean => step < 0 || step >= values.length || values[step] === null;
  return values.flatMap((value, step) => (typeof value === "number" && isGap(step - 1) && isGap(step + 1) ? [step] : []));
}

/** The step whose value stands nearest to a step of joined values; null in a gap. */
export function nearest(values: Values, step: number): number | null {
  const known = (from: number, by: 1 | -1): number | null => {
    let at = from;
    while (values[at] === undefined && at >= 0 && at < values.length) at += by;
    return typeof values[at] === "number" ? at : null;
  };
  const [before, after] = [known(step, -1), known(step, 1)];
  if (before === null || after === null) return before ?? after;
  return step - before <= after - step ? before : after;
}
