// Regular expressions of filters beside RE2 itself: a million pairs of a pattern and a text, many
// of them made to break one of the two.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkRegex } from "../../../filters/shared/regex.js";
import { Random } from "../../../kit/conformance/random-documents.js";
import { amount } from "../../support/amount.js";
import { Re2 } from "../../support/re2.js";
import { type Pairs, REFUSED_HERE, randomPairs } from "../../support/regex-pairs.js";
import { isMissing, needs } from "../../support/tools.js";

const PAIRS = amount(1_000_000, 20_000);
const BATCH = 200;
const TEXTS = 20;
const SEED = 20_261_129;

const HOSTILE: readonly Pairs[] = [
  "(a+)+$",
  "(a|aa)+$",
  "(a*)*b",
  "(.*)*=(.*)*",
  "(x+x+)+y",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(?:a?){50}a{50}",
  "(?s).*.*.*.*x",
].map((pattern) => ({
  pattern,
  texts: ["a".repeat(60_000), `${"a".repeat(60_000)}b`, "x".repeat(60_000), "a\0a", "a".repeat(50)].map(
    (text) => Buffer.from(text),
  ),
}));

describe.skipIf(isMissing("google-re2"))(`a regular expression ${needs("google-re2")}`, () => {
  let re2: Re2;

  beforeAll(() => {
    re2 = Re2.start();
  });
  afterAll(() => re2?.[Symbol.asyncDispose]());

  /** Compares, and says how many pairs it has compared, and how many of these matched. */
  async function compare(batch: readonly Pairs[]): Promise<{ pairs: number; matches: number }> {
    const answers = await re2.ask(batch);
    let pairs = 0;
    let matches = 0;
    for (const [i, { pattern, texts }] of batch.entries()) {
      const theirs = answers[i];
      const ours = checkRegex(pattern);
      if (ours.fault !== undefined) {
        if (theirs !== "refused") expect(ours.fault, JSON.stringify(pattern)).toMatch(REFUSED_HERE);
        continue;
      }
      const found = texts.map((text) => (ours.matches(text) ? "1" : "0")).join("");
      if (found !== theirs) expect(detail(pattern, texts, found)).toBe(detail(pattern, texts, theirs ?? ""));
      pairs += texts.length;
      matches += [...found].filter((each) => each === "1").length;
    }
    return { pairs, matches };
  }

  test(`matches what RE2 matches, in ${PAIRS.toLocaleString("en")} pairs`, {
    timeout: 1_800_000,
  }, async () => {
    const random = new Random(SEED);
    let pairs = 0;
    let matches = 0;
    while (pairs < PAIRS) {
      const compared = await compare(Array.from({ length: BATCH }, () => randomPairs(random, TEXTS)));
      pairs += compared.pairs;
      matches += compared.matches;
    }
    // Pairs of which nearly none or nearly all match would show little.
    expect(matches / pairs).toBeGreaterThan(0.2);
    expect(matches / pairs).toBeLessThan(0.8);
  });

  test("matches what RE2 matches where other engines take for ever", async () => {
    expect((await compare(HOSTILE)).pairs).toBe(HOSTILE.length * 5);
  });
});

function detail(pattern: string, texts: readonly Buffer[], answer: string): string {
  const lines = texts.map((text, i) => `${answer[i] ?? answer} ${text.toString("hex").slice(0, 200)}`);
  return [JSON.stringify(pattern), ...lines].join("\n");
}
