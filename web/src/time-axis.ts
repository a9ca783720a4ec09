// Ticks of long time axes, at whole hours, days and months of the zone's clock.

import { dayTick, localDate, longDay, longMoment, monthTick, timeOfDay, wallClock } from "./format.ts";
import type { Step } from "./types.ts";

export interface Tick {
  at: number;
  label: string;
}

interface Level {
  fits(hour: number, day: number, date: string): boolean;
  label(time: number, hour: number): string;
}

/** 1970 began on a Thursday: days counted from the first Monday. */
const MONDAY = 4;

const LEVELS: Level[] = [
  ...[1, 2, 3, 4, 6, 12].map(
    (step): Level => ({
      fits: (hour) => hour % step === 0,
      label: (time, hour) => (hour === 0 ? dayTick(time) : timeOfDay(time)),
    }),
  ),
  ...[1, 2, 7, 14].map(
    (step): Level => ({ fits: (hour, day) => hour === 0 && (day - MONDAY) % step === 0, label: dayTick }),
  ),
  ...[1, 2, 3, 6, 12].map(
    (step): Level => ({
      fits: (hour, _day, date) => hour === 0 && date.endsWith("-01") && (Number(date.slice(5, 7)) - 1) % step === 0,
      label: monthTick,
    }),
  ),
];

export class TimeAxis {
  readonly #starts: number[];
  readonly #step: Step;
  #clock: { hour: number; day: number; date: string }[] | null = null;

  /** `starts` are those of the steps, in milliseconds. */
  constructor(starts: number[], step: Step) {
    this.#starts = starts;
    this.#step = step;
  }

  /** The ticks between two times that fit into so many pixels. */
  ticks(from: number, to: number, width: number): Tick[] {
    const most = Math.max(2, Math.floor(width / 70));
    const clock = this.#read();
    const within = this.#starts.flatMap((at, index) => (at >= from && at <= to ? [index] : []));
    for (const level of LEVELS) {
      const chosen = within.filter((index) => {
        const { hour, day, date } = clock[index] ?? { hour: -1, day: 0, date: "" };
        return level.fits(hour, day, date);
      });
      if (chosen.length >= 2 && chosen.length <= most) {
        return chosen.map((index) => ({ at: this.#starts[index] ?? 0, label: level.label(this.#starts[index] ?? 0, clock[index]?.hour ?? 0) }));
      }
    }
    const stride = Math.max(1, Math.ceil(within.length / most));
    const label = this.#step === "hour" && to - from < 2 * 86_400_000 ? timeOfDay : dayTick;
    return within.filter((_, place) => place % stride === 0).map((index) => ({ at: this.#starts[index] ?? 0, label: label(this.#starts[index] ?? 0) }));
  }

  /** What a step is called. */
  name(index: number): string {
    const at = this.#starts[index] ?? 0;
    if (this.#step === "hour") return longMoment(at);
    return this.#step === "month" ? monthTick(at) : longDay(at);
  }

  /** The hour of the day and the weekday (0 is Monday) of a step. */
  place(index: number): { hour: number; weekday: number } {
    const { hour, day } = this.#read()[index] ?? { hour: 0, day: MONDAY };
    return { hour, weekday: (day - MONDAY + 7) % 7 };
  }

  /** Reading the zone's clock is slow: once per step. */
  #read(): { hour: number; day: number; date: string }[] {
    this.#clock ??= this.#starts.map((at) => {
      const date = localDate(at);
      return { hour: Number.parseInt(wallClock(at), 10), day: Date.parse(date) / 86_400_000, date };
    });
    return this.#clock;
  }
}
