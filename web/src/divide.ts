// A stretch of time in shorter ones: by year, month, day or hour of the zone's clock. Whatever a list cuts short is found so.

import { addDays, fullDate, localDate, milliseconds, moment, monthName } from "./format.ts";
import type { Part } from "./provenance-button.ts";
import type { Question } from "./record-api.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The server looks no farther back at once. */
const ASKED_MAX = 400 * DAY;

/** Whether a stretch is too long to be asked about at once. */
export function isTooLong(from: string, to: string): boolean {
  return milliseconds(to) - milliseconds(from) > ASKED_MAX;
}

/** The same question about each part of a stretch, the latest first; an hour has no parts. */
export function divide(question: Question, from: string, to: string): Part[] {
  const [start, end] = [milliseconds(from), milliseconds(to)];
  const part = (name: string, first: string, last: string): Part => ({ name, note: "", question: { ...question, at: undefined, from: first, to: last } });
  if (end - start <= HOUR) return [];
  if (end - start <= 2 * DAY) {
    const hours = Array.from({ length: Math.ceil((end - start) / HOUR) }, (_, index) => start + index * HOUR);
    return hours.map((hour) => part(moment(hour), new Date(hour).toISOString(), new Date(Math.min(hour + HOUR, end)).toISOString())).toReversed();
  }
  const [first, last] = [localDate(start), localDate(end - 1)];
  const length = end - start > ASKED_MAX ? 4 : end - start > 62 * DAY ? 7 : 10;
  const starts: string[] = [];
  for (let date = first; date <= last; date = addDays(date, 1)) {
    if (starts.at(-1)?.slice(0, length) !== date.slice(0, length)) starts.push(date);
  }
  // The first and the last begin and end where the whole does; a date stands for its whole day.
  return starts
    .map((date, index) => {
      const next = starts[index + 1];
      const name = length === 4 ? date.slice(0, 4) : length === 7 ? monthName(date) : fullDate(date);
      return part(name, index === 0 ? from : date, next === undefined ? to : addDays(next, -1));
    })
    .toReversed();
}
