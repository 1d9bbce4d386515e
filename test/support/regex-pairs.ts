// Patterns of regular expressions, with texts that match them, nearly match them, or do not.

import type { Random } from "../../kit/conformance/random-documents.js";

/** A pattern, and a text that it mostly matches, made anew by each call. */
interface Part {
  readonly pattern: string;
  sample(): Buffer;
}

export interface Pairs {
  readonly pattern: string;
  readonly texts: readonly Buffer[];
}

/** What a filter refuses although RE2 takes it: the page of header-routing lists it. */
export const REFUSED_HERE =
  /is not supported|is too long with its repeats|needs an automaton of more|needs too much work|groups within each other/;

const NOTHING = Buffer.alloc(0);
const FEW = 6;
/** Bytes of a text. */
const MAX_SAMPLE = 2_000;
const LETTERS = [..."aabbckKsSzZ019_ -/.\n\té日😀ſßK\u007f\u0080\u07ff\u0800\uffff"];
const PERL = ["\\d", "\\D", "\\s", "\\S", "\\w", "\\W"];
const POSIX =
  "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit ^alpha ^word ^digit ^space none".split(
    " ",
  );
const ASSERTIONS = [
  "^",
  "$",
  "\\A",
  "\\z",
  "\\b",
  "\\B",
  "(?m:^)",
  "(?m:$)",
  "(?m)",
  "(?i)",
  "(?s)",
  "(?-s)",
];
const ESCAPES =
  "\\a \\f \\n \\r \\t \\v \\0 \\012 \\12 \\1 \\177 \\x41 \\x{e9} \\x{10FFFF} \\x{110000} \\xg \\. \\\\ \\- \\] \\_ \\e \\é \\Z \\pL \\P{Greek} \\C \\x{d800} \\x00".split(
    " ",
  );
const REPEATS =
  "* + ? *? +? ?? {0} {1} {2} {3,} {0,2} {2,4} {1,3}? {,2} {01} {2,1} {1001} {a} {1 ** +* {2}{3} {1000}".split(
    " ",
  );
const GROUPS = [
  "(",
  "(?:",
  "(?i:",
  "(?s:",
  "(?m:",
  "(?is-m:",
  "(?-i:",
  "(?U:",
  "(?i-",
  "(?P<n>",
  "(?=",
  "(?<!",
];
const BYTES = [
  "00",
  "80",
  "bf",
  "c0af",
  "c3",
  "e08080",
  "eda080",
  "f0808080",
  "f4908080",
  "ff",
  "e9",
  "0a",
].map((hex) => Buffer.from(hex, "hex"));
const NOISE = [..."()[]{}*+?|^$\\.-:,iPQE<>=!&~#"];

/** A pattern with so many texts. Most patterns are good ones. */
export function randomPairs(random: Random, texts: number): Pairs {
  const part = alternation(random, 3);
  const pattern = random.below(6) === 0 ? spoilt(part.pattern, random) : part.pattern;
  return { pattern, texts: Array.from({ length: texts }, () => text(part, random)) };
}

function text(part: Part, random: Random): Buffer {
  const sample = part.sample().subarray(0, MAX_SAMPLE);
  switch (random.below(6)) {
    case 0:
      return changed(sample, random);
    case 1:
      return changed(changed(sample, random), random);
    case 2:
      return Buffer.concat(many(random.below(6), () => letter(random)));
    default:
      return sample;
  }
}

function changed(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + random.below(2));
  return Buffer.concat([
    bytes.subarray(0, at),
    random.below(3) === 0 ? NOTHING : letter(random),
    bytes.subarray(to),
  ]);
}

function letter(random: Random): Buffer {
  return random.below(8) === 0 ? random.pick(BYTES) : Buffer.from(random.pick(LETTERS));
}

function spoilt(pattern: string, random: Random): string {
  const runes = [...pattern];
  runes.splice(random.below(runes.length + 1), random.below(2), random.pick(NOISE));
  return runes.join("");
}

function alternation(random: Random, depth: number): Part {
  const branches = many(random.below(4) === 0 ? 1 + random.below(3) : 1, () => concatenation(random, depth));
  return {
    pattern: branches.map((each) => each.pattern).join("|"),
    sample: () => random.pick(branches).sample(),
  };
}

function concatenation(random: Random, depth: number): Part {
  const parts = many(random.below(5), () => repeated(random, depth));
  return {
    pattern: parts.map((each) => each.pattern).join(""),
    sample: () => Buffer.concat(parts.map((each) => each.sample())),
  };
}

function repeated(random: Random, depth: number): Part {
  const part = atom(random, depth);
  if (random.below(3) > 0) return part;
  const repeat = random.pick(REPEATS);
  const least = Number(/\{(\d+)/.exec(repeat)?.[1] ?? "0");
  return {
    pattern: `${part.pattern}${repeat}`,
    sample: () => repeatedSample(part, least + random.below(3)),
  };
}

/** Many repeats have one sample, and those within each other do not multiply without end. */
function repeatedSample(part: Part, times: number): Buffer {
  if (times <= FEW) return Buffer.concat(many(times, () => part.sample()));
  const sample = part.sample();
  const room = Math.floor(MAX_SAMPLE / Math.max(1, sample.length));
  return Buffer.concat(many(Math.min(times, room), () => sample));
}

function atom(random: Random, depth: number): Part {
  switch (random.below(depth === 0 ? 8 : 11)) {
    case 0:
      return fixed(random.pick(PERL), () => letter(random));
    case 1:
      return fixed(".", () => letter(random));
    case 2:
      return bracketed(random);
    case 3:
      return fixed(random.pick(ASSERTIONS), () => NOTHING);
    case 4:
      return escaped(random);
    case 5:
    case 6:
    case 7:
      return literal(random);
    default: {
      const inner = alternation(random, depth - 1);
      return { pattern: `${random.pick(GROUPS)}${inner.pattern})`, sample: () => inner.sample() };
    }
  }
}

function fixed(pattern: string, sample: () => Buffer): Part {
  return { pattern, sample };
}

function escaped(random: Random): Part {
  const word = random.pick(ESCAPES);
  const code = /^\\(?:x\{?([0-9a-f]+)\}?)$/i.exec(word)?.[1];
  const rune = code === undefined ? undefined : Number.parseInt(code, 16);
  const own = rune !== undefined && rune <= 0x10ffff ? String.fromCodePoint(rune) : word.slice(1);
  return fixed(word, () => (random.below(4) === 0 ? letter(random) : Buffer.from(own)));
}

function literal(random: Random): Part {
  const rune = random.pick(LETTERS);
  const own = Buffer.from(rune);
  const folded = Buffer.from(random.below(2) === 0 ? rune.toUpperCase() : rune.toLowerCase());
  if (random.below(12) === 0) return fixed(`\\Q${rune}.*\\E`, () => Buffer.from(`${rune}.*`));
  return fixed(rune, () => (random.below(5) === 0 ? folded : own));
}

function bracketed(random: Random): Part {
  const members = many(1 + random.below(3), () => member(random));
  return fixed(`[${random.below(3) === 0 ? "^" : ""}${members.join("")}]`, () => letter(random));
}

function member(random: Random): string {
  switch (random.below(8)) {
    case 0:
      return random.pick(PERL);
    case 1:
      return `[:${random.pick(POSIX)}:]`;
    case 2:
      return random.pick(ESCAPES);
    case 3:
    case 4:
      return `${random.pick(LETTERS)}-${random.pick(LETTERS)}`;
    case 5:
      return random.pick(["]", "-", "^", "[", "a-z", "A-Z", "0-9", "\\x00-\\x{10ffff}", "\\x80-\\x{10ffff}"]);
    default:
      return random.pick(LETTERS);
  }
}

function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
