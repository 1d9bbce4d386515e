import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first.js";

/** Where no test of this package is. */
export const EXCLUDED = ["node_modules/**", "build/**", "dist/**", ".meshwright/**"];

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: EXCLUDED,
    // Long, for tests compile modules on machines that others use too: no test measures a time.
    testTimeout: 90_000,
    hookTimeout: 180_000,
    // vitest's own second is short on such a machine. What is polled for comes, or the test fails.
    expect: { poll: { timeout: 60_000 } },
    // A process for each file reads the compiler, the schemas and the kit anew: half of the CPU
    // time of most suites. `test/support/restore.ts` keeps a suite from changing what the next one
    // sees.
    isolate: false,
    setupFiles: [fileURLToPath(new URL("test/support/restore.ts", import.meta.url))],
    // A suite waits for a third of its time, so three keep two cores busy, and hardly starve each
    // other.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
});
