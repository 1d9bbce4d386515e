import { describe, expect, it } from "vitest";
import { perTryTimeoutProblem, retriesSchema, routeAction, timeoutSchema } from "./route-options.js";

describe("routeAction", () => {
  it("sets nothing where nothing was given", () => {
    expect(routeAction({})).toEqual({});
  });

  it("counts in seconds, and can set no limit", () => {
    expect(routeAction({ timeout: "0s" })).toEqual({ timeoutSeconds: 0 });
    expect(routeAction({ timeout: "250ms" })).toEqual({ timeoutSeconds: 0.25 });
  });

  it("gives statuses to Envoy as a separate list", () => {
    const retries = retriesSchema.parse({ on: ["reset", 429, 503], attempts: 3, perTryTimeout: "1.5s" });
    expect(routeAction({ retries })).toEqual({
      retryPolicy: {
        retryOn: ["reset", "retriable-status-codes"],
        numRetries: 3,
        retriableStatusCodes: [429, 503],
        perTryTimeoutSeconds: 1.5,
      },
    });
  });

  it("retries once where no number was given", () => {
    expect(routeAction({ retries: { on: ["5xx"] } })).toEqual({
      retryPolicy: { retryOn: ["5xx"], numRetries: 1 },
    });
  });
});

describe("retries", () => {
  const problem = (value: unknown) => retriesSchema.safeParse(value).error?.issues[0]?.message;

  it.each([
    [{ on: ["5x"] }, 'there is no condition "5x"; did you mean "5xx"?'],
    [{ on: ["5xx,reset"] }, /^must be a status from 400 to 599, or one of 5xx, /],
    [{ on: ["retriable-status-codes"] }, /^must be a status|did you mean/],
    [{ on: ["\u0000"] }, /^must be a status/],
    [{ on: [{}] }, /^must be a status/],
    [{ on: [200] }, "must be a status from 400 to 599"],
    [{ on: [600] }, "must be a status from 400 to 599"],
    [{ on: [429.5] }, /must be a status from 400 to 599/],
    [{ on: [] }, "must name at least one condition"],
    [{ on: ["reset", "reset"] }, "names a condition twice"],
    [{ on: ["5xx"], attempts: 0 }, "must be from 1 to 100"],
    [{ on: ["5xx"], attempts: 101 }, "must be from 1 to 100"],
    [{ on: ["5xx"], attempts: 1.5 }, "must be a whole number"],
    [{ on: ["5xx"], perTryTimeout: "0s" }, "must be from 1ms to 24h"],
    [{ on: ["5xx"], perTryTimeout: "-1s" }, /^must be a length of time/],
    [{ on: ["5xx"], perTryTimeout: 5 }, /expected string/],
  ])("refuses %j", (value, message) => {
    expect(problem(value)).toMatch(message);
  });

  it.each(["", "1", "1.5", "-1s", "1e3s", "25h", "99999999999999999999s", "0.5ms", "Infinity"])(
    "refuse a timeout of %j",
    (text) => {
      expect(timeoutSchema.safeParse(text).success).toBe(false);
    },
  );
});

describe("an attempt's time", () => {
  it.each([[{ timeout: "1s", retries: { on: [], perTryTimeout: "1001ms" } }, /which is 1s$/]])(
    "above the timeout is reported: %j",
    (settings, message) => {
      expect(perTryTimeoutProblem(settings)).toMatch(message);
    },
  );

  it.each([
    { timeout: "1s", retries: { on: [], perTryTimeout: "1000ms" } },
    { timeout: "0s", retries: { on: [], perTryTimeout: "20s" } },
    { retries: { on: [], perTryTimeout: "24h" } },
    { timeout: "1ms", retries: { on: [] } },
    { timeout: "1ms" },
  ])("fits: %j", (settings) => {
    expect(perTryTimeoutProblem(settings)).toBeUndefined();
  });
});
