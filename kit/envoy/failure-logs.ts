// When a test fails, the reason is often in Envoy's log.
import { onTestFailed } from "vitest";
import type { TestEnvoy } from "./envoy.js";

const LINES = 60;

/**
 * To be called in a test, or in `beforeEach` for an Envoy that several tests share: prints the end
 * of the log if the test fails.
 */
export function showLogsOnFailure(envoy: Pick<TestEnvoy, "logs">): void {
  onTestFailed(() => {
    console.error(`The end of Envoy's log:\n${envoy.logs().split("\n").slice(-LINES).join("\n")}`);
  });
}
