import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { regexModuleFile, writtenRegexModule } from "../../test/support/make-regex-module.js";
import { REFUSED_HERE } from "../../test/support/regex-pairs.js";
import { checkRegex } from "./regex.js";

/** What RE2 itself says: without texts it refuses the pattern; they are in hexadecimal digits. */
interface Judged {
  readonly pattern: string;
  readonly texts?: readonly string[];
  /** For each text 1 if all of it matches, else 0. */
  readonly matches?: string;
}

const CORPUS = JSON.parse(
  readFileSync(new URL("../../test/support/regex-corpus.json", import.meta.url), "utf8"),
) as readonly Judged[];

const matchesOf = (pattern: string, texts: readonly string[]) => {
  const checked = checkRegex(pattern);
  return (
    checked.fault ?? texts.map((text) => (checked.matches(Buffer.from(text, "hex")) ? "1" : "0")).join("")
  );
};

test("matches what RE2 matches, and refuses what it refuses", () => {
  for (const { pattern, texts, matches } of CORPUS) {
    const found = matchesOf(pattern, texts ?? []);
    if (texts === undefined) expect(checkRegex(pattern).fault, JSON.stringify(pattern)).toBeDefined();
    else if (!REFUSED_HERE.test(found)) expect([pattern, found]).toEqual([pattern, matches]);
  }
});

describe("a text of 60 KB", () => {
  test.each(["(a+)+$", "(a|aa)+", "(.*)*=(.*)*|a*", "(?s).*.*.*.*a", "(?:a?){50}a{50}|.*"])(
    "is decided at once by %s",
    (pattern) => {
      const checked = checkRegex(pattern);
      expect(checked.matches(Buffer.alloc(60_000, "a"))).toBe(true);
      expect(checked.matches(Buffer.alloc(60_000, "\n"))).toBe(false);
    },
  );
});

test("a pattern that would be too large is refused with the reason", () => {
  expect(checkRegex("(a|b)*a(a|b){13}").fault).toBe("needs an automaton of more than 4096 states");
  expect(checkRegex("((a{1,100}){1,100}){1,100}").fault).toMatch(/^has repeats within each other/);
  expect(checkRegex(Array.from({ length: 10_000 }, (_, i) => `w${i}x`).join("|")).fault).toMatch(
    /^needs|^is too/,
  );
  expect(checkRegex("(".repeat(65_536)).fault).toBe("has more than 100 groups within each other at byte 100");
});

test("the module is made of the sources", async () => {
  expect(await writtenRegexModule(), "run: npm run regex-module").toBe(await regexModuleFile());
});
