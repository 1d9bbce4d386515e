// When the router tries again. Names and rules are those of Envoy's retry policy.

import type { RetryPolicyOptions } from "../../envoy/config/retry-policy.js";
import type { HeaderMap } from "./header-map.js";

export interface RetryRules {
  readonly on: ReadonlySet<string>;
  readonly statuses: ReadonlySet<number>;
  /** How many attempts may follow the first. */
  readonly limit: number;
}

/** Why an attempt ended without a response. */
export type ResetReason =
  | "connection termination"
  | "protocol error"
  | "remote reset"
  | "remote connection failure"
  | "local reset";

const GRPC_CONDITIONS: Readonly<Record<string, string>> = {
  1: "cancelled",
  4: "deadline-exceeded",
  8: "resource-exhausted",
  13: "internal",
  14: "unavailable",
};

/**
 * The rules from the route and from the headers that filters wrote; undefined when nothing is
 * retried.
 */
export function retryRules(
  headers: HeaderMap,
  policy: RetryPolicyOptions | undefined,
): RetryRules | undefined {
  const on = new Set([
    ...(policy?.retryOn ?? []),
    ...words(headers.get("x-envoy-retry-on")),
    ...words(headers.get("x-envoy-retry-grpc-on")),
  ]);
  if (on.size === 0) return undefined;
  const limit = Number(headers.get("x-envoy-max-retries") ?? Number.NaN);
  const statuses = [
    ...(policy?.retriableStatusCodes ?? []),
    ...words(headers.get("x-envoy-retriable-status-codes")).map(Number),
  ];
  return {
    on,
    statuses: new Set(statuses),
    limit: Number.isInteger(limit) && limit >= 0 ? limit : (policy?.numRetries ?? 1),
  };
}

function words(list: string | undefined): string[] {
  return (list ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** Whether the router tries again after a response. */
export function retriesResponse({ on, statuses }: RetryRules, headers: HeaderMap): boolean {
  if (headers.get("x-envoy-ratelimited") !== undefined) return on.has("envoy-ratelimited");
  const status = Number(headers.get(":status"));
  if (on.has("5xx") && status >= 500 && status < 600) return true;
  if (on.has("gateway-error") && status >= 502 && status <= 504) return true;
  if (on.has("retriable-4xx") && status === 409) return true;
  if (on.has("retriable-status-codes") && statuses.has(status)) return true;
  const grpc = GRPC_CONDITIONS[headers.get("grpc-status") ?? ""];
  return grpc !== undefined && on.has(grpc);
}

/** Whether the router tries again after an attempt without a response, or without one in time. */
export function retriesReset({ on }: RetryRules, reason: ResetReason): boolean {
  if (on.has("5xx") || on.has("gateway-error") || on.has("reset")) return true;
  return on.has("connect-failure") && reason === "remote connection failure";
}
