// Writes the range of a length of time as a pattern, which is all that JSON Schema can check.

import { MAX_DURATION_DIGITS, MAX_DURATION_FRACTION } from "../../assembly/text/limits.js";

const FRACTION = `(?:\\.\\d{1,${MAX_DURATION_FRACTION}})?`;
const NO_FRACTION = `(?:\\.0{1,${MAX_DURATION_FRACTION}})?`;

/**
 * A pattern of all lengths of time between the two. It may accept lengths next to these bounds.
 * @param units the milliseconds of each unit, by its name
 */
export function durationPattern(
  leastMs: number,
  mostMs: number,
  units: Readonly<Record<string, number>>,
): string {
  const of = ([unit, ms]: [string, number]) => {
    const [least, most] = [Math.floor(leastMs / ms), Math.floor(mostMs / ms)];
    const isFull = mostMs % ms === 0;
    const below = isFull ? most - 1 : most;
    // Less than a millisecond is no length.
    const fraction = ms === 1 ? NO_FRACTION : FRACTION;
    const numbers = [
      ...(below < 0 ? [] : [`(?:${atMost(below)})${fraction}`]),
      ...(isFull ? [`${most}${NO_FRACTION}`] : []),
    ];
    return `(?=0*(?:${atLeast(least)})(?!\\d))0*(?:${numbers.join("|")})${unit}`;
  };
  const notZero = leastMs > 0 ? "(?![0.]+[a-z])" : "";
  const all = Object.entries(units).map(of).join("|");
  return `^(?=\\d{1,${MAX_DURATION_DIGITS}}(?!\\d))${notZero}(?:${all})$`;
}

/** Whole numbers up to this one, without leading zeros; a zero may be missing. */
function atMost(most: number): string {
  const digits = String(most);
  const shorter = digits.length > 1 ? [`\\d{0,${digits.length - 1}}`] : [""];
  return [...shorter, ...nextTo(digits, (digit) => [0, digit - 1]), digits].join("|");
}

/** Whole numbers from this one, without leading zeros; a zero may be missing. */
function atLeast(least: number): string {
  if (least === 0) return "\\d*";
  const digits = String(least);
  return [`[1-9]\\d{${digits.length},}`, ...nextTo(digits, (digit) => [digit + 1, 9]), digits].join("|");
}

/** For each digit, the numbers that are equal before it and have another digit of a range there. */
function nextTo(digits: string, range: (digit: number) => readonly [number, number]): readonly string[] {
  return [...digits].flatMap((digit, i) => {
    const [from, to] = range(Number(digit));
    if (from > to) return [];
    const rest = digits.length - i - 1;
    return [`${digits.slice(0, i)}[${from}-${to}]${rest === 0 ? "" : `\\d{${rest}}`}`];
  });
}
