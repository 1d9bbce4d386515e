// The configurations of the filters when they are measured.

import type { CircuitBreakerConfig } from "../../filters/circuit-breaker/schema.js";
import type { DeadlineConfig } from "../../filters/deadline/schema.js";
import type { FallbackConfig } from "../../filters/fallback/schema.js";
import type { FaultInjectionConfig } from "../../filters/fault-injection/schema.js";
import type { HeaderRoutingConfig } from "../../filters/header-routing/schema.js";
import type { RateLimitConfig } from "../../filters/rate-limit/schema.js";
import type { RetryBudgetConfig } from "../../filters/retry-budget/schema.js";

/** Rules as a mesh has them: each kind of test, and at the end a split that most requests reach. */
export const TEN_RULES: HeaderRoutingConfig = {
  rules: [
    { name: "premium", match: { headers: [{ name: "x-user-type", exact: "premium" }] }, destination: "v2" },
    { name: "beta", match: { headers: [{ name: "x-user-group", exact: "beta" }] }, destination: "v2" },
    { name: "tester", match: { headers: [{ name: "end-user", exact: "canary-tester" }] }, destination: "v2" },
    { name: "api-v1", match: { path: { segments: "/api/v1" } }, destination: "v1" },
    { name: "api-v2", match: { path: { segments: "/api/v2" } }, destination: "v2" },
    { name: "cookie", match: { cookies: [{ name: "beta", exact: "1" }] }, destination: "v2" },
    { name: "admin", match: { method: "POST", path: { prefix: "/admin" } }, destination: "v3" },
    { name: "try", match: { query: [{ name: "try", exact: "new" }] }, destination: "v2" },
    {
      name: "metal",
      match: { headers: [{ name: "x-user-type", oneOf: ["gold", "silver"] }] },
      destination: "v2",
    },
    {
      name: "canary",
      split: {
        key: { header: "x-user-id" },
        destinations: [
          { name: "v1", weight: 90 },
          { name: "v2", weight: 10 },
        ],
      },
    },
  ],
};

/** The benchmark's path without its query matches both. */
export const PATH_REGEX = "/shop/[a-z]+(/[0-9]+)?";
export const SEGMENTS_RULE: HeaderRoutingConfig = {
  rules: [{ name: "shop", match: { path: { segments: "/shop/items" } }, destination: "v2" }],
};
export const REGEX_RULE: HeaderRoutingConfig = {
  rules: [{ name: "shop", match: { path: { regex: PATH_REGEX } }, destination: "v2" }],
};

/** The benchmark's path is in `/shop`. */
export const REWRITE: HeaderRoutingConfig = {
  rules: [
    {
      name: "shop",
      match: { path: { segments: "/shop" } },
      destination: "v2",
      rewrite: { prefix: "/", host: "inner.test" },
    },
  ],
};

export const RESPONSE_HEADER: HeaderRoutingConfig = {
  rules: [
    {
      name: "all",
      destination: "v2",
      responseHeaders: { set: [{ name: "cache-control", value: "no-store" }] },
    },
  ],
};

/** A rule that draws for each request and lets it pass. */
export const NO_FAULT: FaultInjectionConfig = {
  rules: [{ name: "never", share: { percentage: 0 }, abort: { status: 503 } }],
};

export const TEN_FAULTS: FaultInjectionConfig = {
  rules: Array.from({ length: 10 }, (_, i) => ({
    name: `rule-${i}`,
    match: { path: { segments: `/api/v${i}` }, headers: [{ name: "x-user-type", exact: `type-${i}` }] },
    delay: { fixed: "100ms" },
  })),
};

/** Circuits that stay closed, with the defaults; for each value of a header; by a rate. */
export const CLOSED_CIRCUIT: CircuitBreakerConfig = { rules: [{ name: "all" }] };
export const TENANT_CIRCUIT: CircuitBreakerConfig = {
  rules: [{ name: "all", key: [{ header: "x-user-id" }] }],
};
export const RATE_CIRCUIT: CircuitBreakerConfig = { rules: [{ name: "all", trip: { rate: {} } }] };
/** A budget whose filter stands in the chain of one cluster, and knows which. */
export const NAMED_CLUSTER: RetryBudgetConfig = {
  budgets: [{ name: "default", per: { cluster: "orders" } }],
};
/** A rule that gives every request its time. */
export const DEADLINE: DeadlineConfig = {
  header: { trusted: true },
  rules: [{ name: "all", default: "10s", margin: "5ms" }],
};

/** A limit that each worker takes in parts, which last for longer than between two requests. */
export const LEASED: RateLimitConfig = {
  rules: [
    {
      name: "leased",
      key: [{ header: "x-user-id" }],
      local: { limit: 1_000_000_000, unit: "minute", lease: true },
    },
  ],
};
/** A limit of requests that the benchmark does not send. */
export const OTHER_LIMIT: RateLimitConfig = {
  rules: [
    {
      name: "other",
      match: { path: { prefix: "/other" } },
      key: [{ header: "x-user-id" }],
      local: { limit: 100, unit: "second" },
    },
  ],
};
/** A limit of requests in flight, and one by the answer's status, that no load reaches. */
export const IN_FLIGHT: RateLimitConfig = {
  rules: [{ name: "in-flight", key: [{ header: "x-user-id" }], concurrency: { limit: 1_000_000 } }],
};
export const FAILURES: RateLimitConfig = {
  rules: [
    {
      name: "failures",
      key: [{ header: "x-user-id" }],
      cost: { statuses: [401] },
      local: { limit: 100, unit: "second" },
    },
  ],
};
/** Keeps each answer, at most once a second; keeps nothing of a path that is not asked for. */
export const ALL_ANSWERS: FallbackConfig = { rules: [{ name: "all" }] };
export const OTHER_ANSWERS: FallbackConfig = {
  rules: [{ name: "other", match: { path: { segments: "/other" } } }],
};
/** Keeps each answer as often as it can. */
export const EAGER_ANSWERS: FallbackConfig = { rules: [{ name: "all", keep: { refresh: "100ms" } }] };

/** For each of these headers, a limit that no load reaches. */
export function limits(...headers: readonly string[]): RateLimitConfig {
  return {
    rules: headers.map((header) => ({
      name: header,
      key: [{ header }],
      local: { limit: 1_000_000_000, unit: "second" },
    })),
  };
}
