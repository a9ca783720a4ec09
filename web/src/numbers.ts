// Numbers as people read them, in the language of the page, whatever their magnitude.

import { locale } from "./i18n.ts";

const formats = new Map<string, Intl.NumberFormat>();

/** Intl formatters are slow to build: one of each kind is kept. */
function format(value: number, options: Intl.NumberFormatOptions): string {
  const key = `${locale()} ${JSON.stringify(options)}`;
  const found = formats.get(key) ?? new Intl.NumberFormat(locale(), options);
  formats.set(key, found);
  return found.format(value).replaceAll("-", "\u2212");
}

/** From here down a number is written with a power of ten: its zeros would have to be counted. */
const SMALL = 1e-4;
/** Sums of numbers that make nothing together leave that much. */
const NOISE = 1e-13;

/** A number with exactly so many decimals; what they leave nothing of has no sign either. */
export function fixed(value: number, decimals: number): string {
  return format(Math.abs(value) < 0.5 * 10 ** -decimals ? 0 : value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** The value of a measure with its decimals, unless they leave nothing of it: then with two significant digits. */
export function decimal(value: number, decimals: number): string {
  const size = Math.abs(value);
  if (size >= 0.5 * 10 ** -decimals || size < NOISE) return fixed(value, decimals);
  return format(value, { maximumSignificantDigits: 2, notation: size < SMALL ? "scientific" : "standard" });
}

/** So many decimals are enough to write a step of an axis. */
const DECIMALS_MAX = 20;

/** The decimals of a number; negative where it ends with zeros before the point. */
function decimalsOf(step: number): number {
  const first = -Math.floor(Math.log10(step) + 1e-9);
  const exact = [first, first + 1, first + 2].find((decimals) => {
    const digits = step * 10 ** decimals;
    return Math.abs(digits - Math.round(digits)) < 1e-6 * digits;
  });
  return exact ?? first + 2;
}

function fraction(decimals: number): Intl.NumberFormatOptions {
  return { maximumFractionDigits: Math.min(DECIMALS_MAX, Math.max(0, decimals)) };
}

function exponentOf(value: number): number {
  return value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)) + 1e-9);
}

/**
 * The labels of an axis: each has the digits that tell it from its neighbours, and no more. Where plain numbers would be long they
 * are written in thousands and millions, or with powers of ten.
 */
export function ticks(values: number[]): string[] {
  const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const steps = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? value)));
  const step = steps.reduce((least, each) => (each > 0 ? Math.min(least, each) : least), greatest);
  if (step === 0) return values.map((value) => format(value, {}));
  const decimals = decimalsOf(step);
  const write = (options: (value: number) => Intl.NumberFormatOptions): string[] =>
    // What is left of 0 after so many additions is no number of its own.
    values.map((value) => (Math.abs(value) < step * 1e-6 ? format(0, {}) : format(value, options(value))));
  const shorter = (a: string[], b: string[]): string[] => (longest(b) < longest(a) ? b : a);
  const plain = write(() => fraction(decimals));
  if (greatest >= 1e6 && greatest < 1e15) {
    return shorter(plain, write((value) => ({ notation: "compact", ...fraction(decimals + 3 * Math.floor(exponentOf(value) / 3)) })));
  }
  if (greatest >= 1e15 || decimals > 5) return shorter(plain, write((value) => ({ notation: "scientific", ...fraction(decimals + exponentOf(value)) })));
  return plain;
}

export function longest(labels: string[]): number {
  return labels.reduce((most, { length }) => Math.max(most, length), 0);
}
