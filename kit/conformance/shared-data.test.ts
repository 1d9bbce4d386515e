import { expect, test } from "vitest";
import { sharedDataChecks } from "./shared-data.js";
import { Subject } from "./subject.js";

/** A table that the requests of a short run do not fill. */
const FACTS = {
  accepted: [{ maxCallers: 64, budgets: [{ name: "one", per: { header: "x-caller" } }] }],
  refused: [[{ budget: [] }, "budget"] as const],
  requests: [{ headers: [["x-caller", "a"]] as const, response: { status: 503 } }],
};

// With the first two halves alone, one seed in seven called such a table endless.
test("a table that fills slowly is not taken for one without an end, whatever the seed", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const subject = await Subject.of("retry-budget", FACTS, { seed, scale: 0.01 });
    for (const check of sharedDataChecks) expect(() => check.run(subject)).not.toThrow();
  }
}, 120_000);
