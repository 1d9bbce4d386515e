// When a test fails, Envoy's log often has the reason.
import { onTestFailed } from "vitest";
import type { TestEnvoy } from "./envoy.js";

const LINES = 60;

/**
 * Prints the end of Envoy's log if the test fails. Call it in a test, or in `beforeEach` for an
 * Envoy that several tests share.
 */
export function showLogsOnFailure(envoy: Pick<TestEnvoy, "logs">): void {
  onTestFailed(() => {
    console.error(`The end of Envoy's log:\n${envoy.logs().split("\n").slice(-LINES).join("\n")}`);
  });
}
