// What is drawn as lines, on the page and for a file alike.

import type { TimeAxis } from "./time-axis.ts";

export interface Line {
  name: string;
  values: (number | null)[];
  /** Between these the line is shaded. */
  low?: (number | null)[];
  high?: (number | null)[];
  unit: string;
  decimals: number;
  /** Lines of one scale share their axis. */
  scale: string;
  /** Values at most so many steps apart are joined. */
  joined: number;
  /** It could not be read: what it has no value for is no gap. */
  unread?: boolean;
}

/** Something that happened, marked over the lines. */
export interface Marked {
  at: number;
  text: string;
}

export interface LinesModel {
  /** A description for those who do not see it. */
  label: string;
  axis: TimeAxis;
  starts: number[];
  end: number;
  lines: Line[];
  marks: Marked[];
  fromZero: boolean;
  /** The stretch shown; null for all. */
  zoom: [number, number] | null;
}

/** A step's figure stands in the middle of its step. */
export function middles({ starts, end }: LinesModel): number[] {
  return starts.map((start, index) => (start + (starts[index + 1] ?? end)) / 2);
}

export function extent({ starts, end, zoom }: LinesModel): [number, number] {
  return zoom ?? [starts[0] ?? 0, end];
}

export function dashOf(index: number): number[] {
  return index >= 4 ? [6, 4] : [];
}

/** What happened in a step: at most three, in words. */
export function marksIn({ starts, end, marks }: LinesModel, index: number): string[] {
  const from = starts[index] ?? 0;
  const to = starts[index + 1] ?? end;
  return marks.filter(({ at }) => at >= from && at < to).slice(0, 3).map(({ text }) => text);
}
