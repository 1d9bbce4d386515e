// The order of the suites. vitest begins with the largest files where it has no times of an earlier
// run, and some of the longest suites are small files: one of them would run alone at the end.

import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The slowest files of a run, from its last lines, the slowest first. */
const LONGEST: readonly string[] = [
  "test/integration/commands/tutorial.long.test.ts",
  "test/integration/mesh/up.test.ts",
  "test/agreement/agreement.test.ts",
  "test/integration/commands/test-command.test.ts",
  "test/integration/pages/operating.test.ts",
  "toolchain/compile/build.test.ts",
  "toolchain/package/author-build.test.ts",
  "test/integration/bundle/filters.test.ts",
  "test/integration/bundle/bundle.test.ts",
  "test/integration/retry-budget/retry-budget.test.ts",
  "test/integration/commands/run-filters.test.ts",
  "test/integration/commands/run-reload.test.ts",
  "toolchain/bundle/bundle.test.ts",
  "test/integration/bundle/calls.test.ts",
];

/** Begins with the longest suites; the rest comes in vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rank(a.moduleId) - rank(b.moduleId));
  }
}

function rank(file: string): number {
  const at = LONGEST.findIndex((name) => file.endsWith(`/${name}`));
  return at < 0 ? LONGEST.length : at;
}
