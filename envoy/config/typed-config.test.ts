import { expect, test } from "vitest";
import { duration } from "./typed-config.js";

test.each([
  [0, "0s"],
  [1, "1s"],
  [0.25, "0.25s"],
  [1.0006, "1.001s"],
  [86_400, "86400s"],
])("%d seconds are %s", (seconds, text) => {
  expect(duration(seconds, "timeoutSeconds")).toBe(text);
});

test("a tiny limit does not become 0, which Envoy reads as no limit", () => {
  expect(duration(1e-9, "timeoutSeconds")).toBe("0.001s");
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("%d is refused, with the option's name", (seconds) => {
  expect(() => duration(seconds, "timeoutSeconds")).toThrow(
    expect.objectContaining({ code: "configuration", message: expect.stringContaining("timeoutSeconds") }),
  );
});
