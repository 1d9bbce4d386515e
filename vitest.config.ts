import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["node_modules/**", "build/**", "dist/**", ".meshwright/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two Envoys at a time are as many as two cores drive without one test starving another.
    maxWorkers: 2,
  },
});
