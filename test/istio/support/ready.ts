// Waits for a program that was started.

import { setTimeout as sleep } from "node:timers/promises";
import { MeshwrightError } from "../../../envoy/errors.js";
import type { ManagedChild } from "../../../envoy/runtime/child.js";

/** A machine that others use too takes many times as long as an idle one. */
const PATIENCE_MS = 300_000;
const POLL_MS = 50;
const LAST_LINES = 40;

/**
 * @throws MeshwrightError `service-failed` with its last lines where it ends before, or takes too
 * long
 */
export async function untilReady(
  child: ManagedChild,
  isReady: () => boolean | Promise<boolean>,
): Promise<void> {
  let hasEnded = false;
  child.exited.then(() => {
    hasEnded = true;
  });
  const until = performance.now() + PATIENCE_MS;
  while (!(await isReady())) {
    await sleep(POLL_MS);
    if (!hasEnded && performance.now() < until) continue;
    const how = hasEnded ? "has ended" : `is not ready after ${PATIENCE_MS / 1000} s`;
    // A test shows the message alone.
    const lines = child.logs().split("\n").slice(-LAST_LINES);
    throw new MeshwrightError("service-failed", [`${child.name} ${how}`, ...lines].join("\n"));
  }
}
