// The classes that have names: Perl's, as `\d`, and those of POSIX, as `[:digit:]`. All of them are
// about ASCII alone. Source: https://github.com/google/re2/wiki/Syntax

import { Runes } from "./runes";

/** Names, each followed by the ends of its ranges. */
const POSIX: StaticArray<string> = [
  "alnum",
  "09AZaz",
  "alpha",
  "AZaz",
  "ascii",
  "\0\x7f",
  "blank",
  "\t\t  ",
  "cntrl",
  "\0\x1f\x7f\x7f",
  "digit",
  "09",
  "graph",
  "!~",
  "lower",
  "az",
  "print",
  " ~",
  "punct",
  "!/:@[`{~",
  "space",
  "\t\r  ",
  "upper",
  "AZ",
  "word",
  "09AZ__az",
  "xdigit",
  "09AFaf",
];

function fromPairs(pairs: string): Runes {
  const runes = new Runes();
  for (let i = 0; i < pairs.length; i += 2) runes.add(pairs.charCodeAt(i), pairs.charCodeAt(i + 1));
  return runes;
}

/** The class of POSIX with that name, without its colons; `null` if there is none. */
export function posixClass(name: string): Runes | null {
  for (let i = 0; i < POSIX.length; i += 2) if (POSIX[i] == name) return fromPairs(POSIX[i + 1]);
  return null;
}

/** The class of Perl with that letter in lower case; `null` if there is none. */
export function perlClass(letter: i32): Runes | null {
  if (letter == 0x64) return fromPairs("09");
  if (letter == 0x73) return fromPairs("\t\n\f\r  ");
  return letter == 0x77 ? fromPairs("09AZ__az") : null;
}
