import { expect, test } from "vitest";
import { compare } from "./version.js";

test.each([
  ["1.36.4", "1.39", -1],
  ["1.39.0", "1.39", 0],
  ["1.39.3", "1.39", 1],
  ["1.9.0", "1.36", -1],
  ["2.0.0", "1.40.1", 1],
])("%s against %s", (one, other, sign) => {
  expect(Math.sign(compare(one, other))).toBe(sign);
});
