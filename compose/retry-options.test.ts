import { describe, expect, it } from "vitest";
import { longestWait, retriesSchema, retryPolicyOptions } from "./retry-options.js";

describe("retries", () => {
  const problem = (value: unknown) => retriesSchema.safeParse(value).error?.issues[0]?.message;

  it.each([
    [{ on: ["5x"] }, 'there is no condition "5x"; did you mean "5xx"?'],
    [{ on: ["5xx,reset"] }, /^must be a status from 400 to 599, or one of 5xx, /],
    [{ on: ["retriable-status-codes"] }, "write the statuses themselves, such as 503"],
    [{ on: ["retriable-headers"] }, /^write the headers into retriableHeaders/],
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
    [{ on: ["5xx"], perTryIdleTimeout: "0s" }, "must be from 1ms to 24h"],
    [{ on: ["5xx"], backOff: { base: "0ms" } }, "must be from 1ms to 1h"],
    [{ on: ["5xx"], backOff: { base: "2s", max: "1s" } }, /^must not be below the base/],
    [{ on: ["5xx"], backOff: { max: "24ms" } }, /^must not be below the base, which is 25ms/],
    [{ on: ["5xx"], retriableHeaders: [] }, "must name at least one header"],
    [{ on: ["5xx"], retriableHeaders: [{ name: "X-Retry" }] }, /in lower case$/],
    [{ on: ["5xx"], retriableHeaders: [{ name: "a\r\nb" }] }, /^must be the name of a header/],
  ])("refuses %j", (value, message) => {
    expect(problem(value)).toMatch(message);
  });
});

describe("the options of a retry policy", () => {
  it("have the waits, and Envoy's own base where only the bound is written", () => {
    const backOff = (text: object) => retryPolicyOptions(retriesSchema.parse({ on: ["5xx"], backOff: text }));
    expect(backOff({ base: "1s", max: "4s" }).backOff).toEqual({ baseSeconds: 1, maxSeconds: 4 });
    expect(backOff({ max: "100ms" }).backOff).toEqual({ baseSeconds: 0.025, maxSeconds: 0.1 });
  });

  it("have Envoy's word where headers are named", () => {
    const retriableHeaders = [{ name: "x-again" }, { name: "x-state", exact: "busy" }];
    expect(retryPolicyOptions(retriesSchema.parse({ on: ["reset"], retriableHeaders }))).toMatchObject({
      retryOn: ["reset", "retriable-headers"],
      retriableHeaders,
    });
  });

  it("choose another instance unless the file says no", () => {
    expect(retryPolicyOptions({ on: ["5xx"], avoidPreviousHosts: false }).otherHostAttempts).toBe(0);
  });
});

describe("the longest wait", () => {
  it.each([
    [{}, 1, 25],
    [{}, 2, 75],
    [{}, 9, 250],
    [{ backOff: { base: "1s", max: "2s" } }, 1, 1000],
    [{ backOff: { base: "1s", max: "2s" } }, 40, 2000],
  ])("of %j before retry %i is %i ms", (more, retry, wait) => {
    expect(longestWait({ on: ["5xx"], ...more }, retry)).toBe(wait);
  });
});
