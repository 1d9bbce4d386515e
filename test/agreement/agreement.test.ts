// The in-process host against stock Envoy: the written scenarios, and some that come from a seed.

import { expect, test } from "vitest";
import { amount } from "../support/amount.js";
import { describeAgreement, type Families, SEED } from "./agreement.js";
import { generated } from "./generate.js";
import { KNOWN_DIFFERENCES } from "./known-differences.js";
import { CIRCUIT_BREAKER } from "./scenarios/circuit-breaker.js";
import { DEADLINE } from "./scenarios/deadline.js";
import { FAILURES } from "./scenarios/failures.js";
import { FALLBACK } from "./scenarios/fallback.js";
import { FAULT_INJECTION } from "./scenarios/fault-injection.js";
import { FILTERS } from "./scenarios/filters.js";
import { FLOW } from "./scenarios/flow.js";
import { GRPC_CALLS } from "./scenarios/grpc-calls.js";
import { ENDINGS, HOST_CALLS, QUEUE_CALLS } from "./scenarios/host-calls.js";
import { JOINED_HEADERS } from "./scenarios/joined-headers.js";
import { RATE_LIMIT } from "./scenarios/rate-limit.js";
import { RETRY_BUDGET } from "./scenarios/retry-budget.js";
import { ROUTER } from "./scenarios/router.js";

/** `npm test` has one in three of the written scenarios: which of them, the seed says. */
const STEP = amount(1, 3);
const GENERATED = amount(240, 12);
const WRITTEN: Families = {
  "host calls": HOST_CALLS,
  "queue calls": QUEUE_CALLS,
  "joined headers": JOINED_HEADERS,
  endings: ENDINGS,
  flow: FLOW,
  router: ROUTER,
  failures: FAILURES,
  "gRPC calls": GRPC_CALLS,
  filters: FILTERS,
  "fault-injection": FAULT_INJECTION,
  "retry-budget": RETRY_BUDGET,
  "rate-limit": RATE_LIMIT,
  "circuit-breaker": CIRCUIT_BREAKER,
  deadline: DEADLINE,
  fallback: FALLBACK,
};
const SCENARIOS = Object.values(WRITTEN).flat();
const CHOSEN = Object.entries(WRITTEN).map(
  ([family, scenarios]) => [family, scenarios.filter((_, place) => (place + SEED) % STEP === 0)] as const,
);

test("there are at least 300 scenarios, all with different names", () => {
  expect(SCENARIOS.length).toBeGreaterThan(300);
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});

describeAgreement({
  ...Object.fromEntries(CHOSEN),
  [`generated, seed ${SEED}`]: generated(SEED, GENERATED),
});

test("every known difference names scenarios that exist", () => {
  const unused = KNOWN_DIFFERENCES.filter(
    ({ scenarios }) => !SCENARIOS.some(({ name }) => scenarios.test(name)),
  );
  expect(unused).toEqual([]);
});
