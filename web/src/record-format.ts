// Sizes and long times as people read them.

import { duration } from "./format.ts";
import { language, locale } from "./i18n.ts";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Bytes, in thousands as disks are sold: 1.2 MB. */
export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1000 ** power;
  return new Intl.NumberFormat(locale(), {
    style: "unit",
    unit: UNITS[power] ?? "byte",
    // "252 byte" is how the short form writes it.
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: power > 0 && value < 100 ? 1 : 0,
  }).format(value);
}

/** A period: 90 s stays in seconds, 5,400 s is 1.5 h. */
export function period(seconds: number): string {
  for (const [size, unit] of [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
  ] as const) {
    if (seconds >= 2 * size || seconds === size) {
      return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(
        seconds / size,
      );
    }
  }
  return duration(seconds);
}

/** "Per" a period: per minute, per 5 min. */
export function perPeriod(seconds: number): string {
  const names: Record<number, Record<"fr" | "en", string>> = {
    1: { fr: "seconde", en: "second" },
    60: { fr: "minute", en: "minute" },
    3_600: { fr: "heure", en: "hour" },
    86_400: { fr: "jour", en: "day" },
  };
  return names[seconds]?.[language()] ?? period(seconds);
}
