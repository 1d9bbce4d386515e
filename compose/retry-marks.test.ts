import { expect, it } from "vitest";
import { catalogUse } from "../test/support/catalog-use.js";
import { conditionsProblem, routersOwnHeaders } from "./retry-marks.js";

const BUDGET = catalogUse("retry-budget");
const DOWNSTREAM = catalogUse("retry-budget", { where: "downstream" });

it("hides the mark where a filter writes one", () => {
  expect(routersOwnHeaders([BUDGET])).toEqual(["x-envoy-ratelimited"]);
  expect(routersOwnHeaders([DOWNSTREAM, catalogUse("trace-headers")])).toEqual([]);
});

it("refuses the condition that reads the mark as its opposite, and no other", () => {
  expect(conditionsProblem([BUDGET], ["5xx", "envoy-ratelimited"])).toMatch(
    /^cannot have "envoy-ratelimited" where retry-budget stands: it retries just what/,
  );
  expect(conditionsProblem([BUDGET], ["5xx", 429])).toBeUndefined();
  expect(conditionsProblem([BUDGET])).toBeUndefined();
  expect(conditionsProblem([DOWNSTREAM], ["envoy-ratelimited"])).toBeUndefined();
});
