import { expect, it } from "vitest";
import { conditionsProblem, routersOwnHeaders } from "./retry-marks.js";

const BUDGET = { filter: "retry-budget", config: {} };
const DOWNSTREAM = { filter: "retry-budget", config: { where: "downstream" } };

it("hides the mark where a filter writes one", () => {
  expect(routersOwnHeaders([BUDGET])).toEqual(["x-envoy-ratelimited"]);
  expect(routersOwnHeaders([DOWNSTREAM, { filter: "trace-headers", config: {} }])).toEqual([]);
});

it("refuses the condition that takes the mark for the opposite, and only there", () => {
  expect(conditionsProblem([BUDGET], ["5xx", "envoy-ratelimited"])).toMatch(
    /^cannot have "envoy-ratelimited"/,
  );
  expect(conditionsProblem([BUDGET], ["5xx", 429])).toBeUndefined();
  expect(conditionsProblem([BUDGET])).toBeUndefined();
  expect(conditionsProblem([DOWNSTREAM], ["envoy-ratelimited"])).toBeUndefined();
});
