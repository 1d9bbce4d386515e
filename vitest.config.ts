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
    // A process for each file reads the compiler, the schemas and the kit anew: half of the CPU
    // time of most suites. `test/support/restore.ts` keeps a suite from changing the next one.
    isolate: false,
    setupFiles: ["test/support/restore.ts"],
    // Two Envoys at a time are as many as two cores drive without one test starving another.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
});
