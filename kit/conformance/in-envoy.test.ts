// The part of the suite that needs stock Envoy, against a sound filter and one that traps.

import { describe, expect, test } from "vitest";
import type { Flaw } from "../../test/probes/broken-filter/schema.js";
import { envoyChecks } from "./in-envoy.js";
import { Subject } from "./subject.js";

const TIMEOUT_MS = 60_000;

async function run(flaw: Flaw): Promise<readonly string[]> {
  const facts = { accepted: [{ flaw }], refused: [[{ flaw, tag: 1 }, "tag"]] as const };
  const subject = await Subject.of("test/probes/broken-filter", facts, { seed: 1, scale: 1 });
  const found: string[] = [];
  for (const check of envoyChecks) {
    try {
      await check.run(subject);
    } catch (error) {
      found.push(error instanceof Error ? error.message : String(error));
    }
  }
  return found;
}

describe("in stock Envoy the suite", { timeout: TIMEOUT_MS }, () => {
  test("passes a sound filter", async () => {
    expect(await run("none")).toEqual([]);
  });

  test("finds the request that ends the VM", async () => {
    const found = await run("traps");
    expect(found).toHaveLength(1);
    expect(found[0]).toContain("proxy_on_request_headers");
    expect(found[0]).toContain("MESHWRIGHT_SEED=1 repeats it");
    expect(found[0]).toContain(";;");
  });
});
