// The suite against filters that each have one flaw. The checks that are about the flaw find it.
// `broken-filter.long.test.ts` shows that no others do.

import { describe, expect, test } from "vitest";
import { CHECKS, FLAWS, findings, SEED, TIMEOUT_MS } from "../../test/support/broken-filter.js";

describe("the suite finds in a filter with the flaw", () => {
  test.each(FLAWS.filter(([flaw]) => flaw !== "none"))(
    "%s what is wrong: %j",
    async (flaw, expected) => {
      const isExpected = (name: string) => expected.some((check) => CHECKS[check].test(name));
      const found = await findings(flaw, ({ name }) => isExpected(name));
      expect(expected.filter((check) => ![...found.keys()].some((name) => CHECKS[check].test(name)))).toEqual(
        [],
      );
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
