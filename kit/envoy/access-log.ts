// The access log of a test's Envoy: one JSON object for each request.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Json } from "../../envoy/config/json.js";
import type { AdminClient } from "../../envoy/runtime/admin.js";

/** An entry of the access log, with the fields that the test asked for. */
export type AccessLogEntry = Readonly<Record<string, Json>>;

/** The fields of an entry unless a test asks for others. */
export const ACCESS_LOG_FIELDS: Readonly<Record<string, string>> = {
  method: "%REQ(:METHOD)%",
  path: "%REQ(:PATH)%",
  protocol: "%PROTOCOL%",
  status: "%RESPONSE_CODE%",
  details: "%RESPONSE_CODE_DETAILS%",
  flags: "%RESPONSE_FLAGS%",
  route: "%ROUTE_NAME%",
  cluster: "%UPSTREAM_CLUSTER%",
};

const TIMEOUT_MS = 5_000;

/** Settles when the log has `atLeast` entries. Throws when it has fewer after 5 seconds. */
export async function readAccessLog(
  admin: AdminClient,
  path: string,
  atLeast: number,
): Promise<readonly AccessLogEntry[]> {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    // Envoy writes its buffer only every ten seconds, but also when it reopens a log.
    await admin.post("/reopen_logs");
    await sleep(20);
    // Text after the last line end is a line that Envoy is still writing.
    const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
    if (lines.length >= atLeast) return lines.map((line) => JSON.parse(line) as AccessLogEntry);
    if (Date.now() > deadline) {
      throw new Error(`the access log has ${lines.length} entries, not ${atLeast}:\n${lines.join("\n")}`);
    }
  }
}
