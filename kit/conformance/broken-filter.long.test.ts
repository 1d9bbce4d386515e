// The whole suite against filters that each have one flaw. The checks that are about the flaw find
// it, and no others do.

import { describe, expect, test } from "vitest";
import { CHECKS, FLAWS, findings, TIMEOUT_MS } from "../../test/support/broken-filter.js";
import type { Check } from "./check.js";

describe("the suite finds in a filter with the flaw", () => {
  test.each(FLAWS)(
    "%s what is wrong and nothing else: %j",
    async (flaw, expected) => {
      const isHuge = ({ name }: Check) => CHECKS.hugeHeaders.test(name) || CHECKS.hugeBodies.test(name);
      const isWanted =
        flaw === "none" || flaw === "trusts-size" ? undefined : (check: Check) => !isHuge(check);
      const found = await findings(flaw, isWanted);
      const names = [...found.keys()].map((name) => {
        const known = Object.entries(CHECKS).find(([, pattern]) => pattern.test(name));
        return known?.[0] ?? `${name}: ${found.get(name)}`;
      });
      expect(names).toEqual(expected);
    },
    TIMEOUT_MS,
  );
});
