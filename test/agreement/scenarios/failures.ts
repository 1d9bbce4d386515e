// What happens to requests when a filter's VM has ended in a trap: the request that caused it,
// those that follow, and those of other filters in that VM.

import type { FailurePolicy } from "../../../envoy/config/wasm.js";
import { type Plan, probe, type Scenario, type ScenarioFilter } from "../scenario.js";

const POLICIES: readonly FailurePolicy[] = ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"];
/** Longer than Envoy waits before it restarts a VM, in milliseconds. */
const REST_MS = 180;

const CALLBACKS: Readonly<Record<string, string>> = {
  "request headers": "qh",
  "request body": "qb",
  "request trailers": "qt",
  "response headers": "sh",
  "response body": "sb",
  "response trailers": "st",
  "context create": "create",
  "the log": "log",
  done: "done",
};

const MESSAGE = { body: ["one", "two"], trailers: [["x-t", "1"]] } as const;

/** It has a VM of its own, which does not outlive the scenario. */
function failing(name: string, plan: Plan, failurePolicy: FailurePolicy): ScenarioFilter {
  return { ...probe(name, plan), vmId: "failing", failurePolicy };
}

function trapIn(where: string, callback: string, failurePolicy: FailurePolicy): Scenario {
  return {
    name: `${failurePolicy}: a trap in ${where}`,
    filters: [probe("a"), failing("b", { [callback]: "trap" }, failurePolicy), probe("c")],
    answers: { upstream: [MESSAGE] },
    requests: [MESSAGE, MESSAGE, {}],
    restMs: REST_MS,
    // A response that had begun is broken off.
    patienceMs: 500,
  };
}

const TRAPS = POLICIES.flatMap((policy) =>
  Object.entries(CALLBACKS).map(([where, callback]) => trapIn(where, callback, policy)),
);

const OTHERS: readonly Scenario[] = POLICIES.flatMap((policy) => [
  {
    name: `${policy}: a trap, with another filter in the VM`,
    filters: [failing("a", {}, policy), failing("b", { qh: "trap" }, policy), probe("c")],
    requests: [{}, {}],
    restMs: REST_MS,
  },
  {
    name: `${policy}: a trap in a tick, of a paused request`,
    filters: [probe("a"), failing("b", { qh: "ret 1; later 60; trap" }, policy), probe("c")],
    requests: [{}, {}],
    restMs: REST_MS,
    patienceMs: 300,
  },
  {
    name: `${policy}: a trap that follows a local reply`,
    filters: [probe("a"), failing("b", { qh: "reply 418 no no ~; trap" }, policy), probe("c")],
    requests: [{}, {}],
    restMs: REST_MS,
  },
  {
    name: `${policy}: a trap in the upstream's chain`,
    filters: [probe("down")],
    upstreamFilters: [failing("up", { qh: "trap" }, policy)],
    requests: [{}, {}],
    restMs: REST_MS,
  },
  {
    name: `${policy}: a trap in the upstream's chain, with retries`,
    filters: [probe("down")],
    upstreamFilters: [failing("up", { sh: "trap" }, policy)],
    routeOptions: { retryPolicy: { retryOn: ["5xx"] } },
    requests: [{}, {}],
    restMs: REST_MS,
  },
  {
    name: `${policy}: a trap, and requests at once`,
    filters: [failing("a", { qh: "trap" }, policy), probe("b")],
    requests: [{}, {}, {}],
  },
]);

export const FAILURES: readonly Scenario[] = [...TRAPS, ...OTHERS];
