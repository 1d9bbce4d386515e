// The suite against filters that each have one flaw. The last check that is about the flaw finds
// it. In `npm run test:all` all of these checks do, and no others.

import { describe, expect, test } from "vitest";
import { amount } from "../../test/support/amount.js";
import { CHECKS, FLAWS, findings, SEED, TIMEOUT_MS } from "../../test/support/broken-filter.js";
import type { Check } from "./check.js";

/** Whether each flaw meets all checks, and not only those that must find it. */
const MEETS_ALL = amount(1, 0) === 1;

/** Those whose checks take as long as all others together: `npm run test:all` has them. */
const SLOW: readonly string[] = ["none", "trusts-size"];

type Found = readonly (keyof typeof CHECKS)[];

/** The checks that a filter with this flaw meets. */
function metBy(flaw: string, expected: Found): (check: Check) => boolean {
  if (!MEETS_ALL) return ({ name }) => expected.some((check) => CHECKS[check].test(name));
  if (flaw === "none" || flaw === "trusts-size") return () => true;
  // Other flaws have nothing to do with sizes, and these checks are the slowest.
  return ({ name }) => !CHECKS.hugeHeaders.test(name) && !CHECKS.hugeBodies.test(name);
}

/** Each flaw with the last of its checks, which takes less time than the first. */
const FIRST = FLAWS.filter(([flaw]) => !SLOW.includes(flaw)).map(([flaw, found]): (typeof FLAWS)[number] => [
  flaw,
  found.slice(-1),
]);

describe("the suite finds in a filter with the flaw", () => {
  test.each(MEETS_ALL ? FLAWS : FIRST)(
    "%s what is wrong and nothing else: %j",
    async (flaw, expected) => {
      const found = await findings(flaw, metBy(flaw, expected));
      const names = [...found.keys()].map((name) => {
        const known = Object.entries(CHECKS).find(([, pattern]) => pattern.test(name));
        return known?.[0] ?? `${name}: ${found.get(name)}`;
      });
      expect(names).toEqual(expected);
    },
    TIMEOUT_MS,
  );

  test("carries something over in a few lines, with what to declare", async () => {
    const found = await findings("remembers-stream", ({ name }) => CHECKS.again.test(name));
    const [message = ""] = found.values();
    expect(message).toContain("say so in `remembers`");
    expect(message.length).toBeLessThan(2_000);
  });

  test("traps the smallest request that ends the VM, with the seed and the line of source", async () => {
    const found = await findings("traps", ({ name }) => CHECKS.random.test(name));
    const [message = ""] = found.values();
    expect(message).toContain("an empty cookie");
    expect(message).toContain("test/probes/broken-filter/index.ts:");
    expect(message).toContain(`MESHWRIGHT_SEED=${SEED} repeats it`);
    expect(message).toContain('"headers":[["cookie",";;"]]');
    expect(message).toContain('"events":[]');
  });
});
