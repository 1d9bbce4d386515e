// The in-process host against stock Envoy: every written scenario, and some that come from a seed.

import { expect, test } from "vitest";
import { describeAgreement, type Families, SEED } from "./agreement.js";
import { generated } from "./generate.js";
import { KNOWN_DIFFERENCES } from "./known-differences.js";
import { FAILURES } from "./scenarios/failures.js";
import { FAULT_INJECTION } from "./scenarios/fault-injection.js";
import { FILTERS } from "./scenarios/filters.js";
import { FLOW } from "./scenarios/flow.js";
import { GRPC_CALLS } from "./scenarios/grpc-calls.js";
import { ENDINGS, HOST_CALLS, QUEUE_CALLS } from "./scenarios/host-calls.js";
import { JOINED_HEADERS } from "./scenarios/joined-headers.js";
import { RATE_LIMIT } from "./scenarios/rate-limit.js";
import { RETRY_BUDGET } from "./scenarios/retry-budget.js";
import { ROUTER } from "./scenarios/router.js";

/** `agreement.long.test.ts` has the rest of this seed's scenarios, and those of more seeds. */
const GENERATED = 24;
const FAMILIES: Families = {
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
  [`generated, seed ${SEED}`]: generated(SEED, GENERATED),
};
const SCENARIOS = Object.values(FAMILIES).flat();

test("there are at least 300 scenarios, all with different names", () => {
  expect(SCENARIOS.length).toBeGreaterThan(300);
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
});

describeAgreement(FAMILIES);

test("every known difference names scenarios that exist", () => {
  const unused = KNOWN_DIFFERENCES.filter(
    ({ scenarios }) => !SCENARIOS.some(({ name }) => scenarios.test(name)),
  );
  expect(unused).toEqual([]);
});
