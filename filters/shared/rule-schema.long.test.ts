import { expect, test } from "vitest";
import { z } from "zod";
import { inOneModule } from "./rule-schema.js";

test("the regular expressions of a configuration have a bound together", () => {
  const schema = z.looseObject({}).superRefine(inOneModule);
  const tests = (count: number) => Array.from({ length: count }, (_, i) => ({ regex: `.{1000}${i}` }));
  expect(schema.safeParse({ tests: tests(5) }).success).toBe(true);
  expect(schema.safeParse({ tests: tests(80) }).error?.issues[0]?.message).toMatch(
    /^must have regular expressions that take at most 16777216 bytes together, not \d+$/,
  );
});
