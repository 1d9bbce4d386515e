import { expect, it } from "vitest";
import { MeshwrightError } from "../envoy/errors.js";
import { describeEvent } from "./events.js";
import { failureEvent } from "./failures.js";

const lines = (error: unknown) => describeEvent(failureEvent(error, "routes.yaml"));

it.each(["configuration", "build", "usage"] as const)(
  "says that the last good settings stay after a refused file (%s)",
  (code) => {
    const error = new MeshwrightError(code, "routes.yaml:3:1: no such key", ["routes.yaml:4:1: nor this"]);
    expect(lines(error)).toEqual([
      "routes.yaml:3:1: no such key; the last good settings stay",
      "  routes.yaml:4:1: nor this",
    ]);
  },
);

it.each(["envoy-failed", "write-failed", "tool-missing"] as const)(
  "says what was not applied where the file is not the cause (%s)",
  (code) => {
    expect(lines(new MeshwrightError(code, "it is gone", ["its last line"]))).toEqual([
      "not applied: routes.yaml: it is gone",
      "  its last line",
    ]);
  },
);

it("calls any other error unexpected", () => {
  expect(lines(new TypeError("no function"))).toEqual([
    "not applied: routes.yaml: unexpected error: TypeError: no function",
  ]);
  expect(lines("thrown")).toEqual(["not applied: routes.yaml: unexpected error: thrown"]);
});
