import { describe, expect, it } from "vitest";
import { retriesSchema } from "./retry-options.js";
import { perTryTimeoutProblem, routeAction, timeoutSchema } from "./route-options.js";

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
        otherHostAttempts: 5,
      },
    });
  });

  it("retries once where no number was given", () => {
    expect(routeAction({ retries: { on: ["5xx"] } })).toEqual({
      retryPolicy: { retryOn: ["5xx"], numRetries: 1, otherHostAttempts: 5 },
    });
  });
});

describe("a timeout", () => {
  it.each(["", "1", "1.5", "-1s", "1e3s", "25h", "99999999999999999999s", "0.5ms", "Infinity"])(
    "of %j is refused",
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
