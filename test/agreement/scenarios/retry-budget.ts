// Which of the router's retries the filter retry-budget allows, in a cluster's chain and in a
// listener's.

import type { Json } from "../../../envoy/config/json.js";
import type { ClientRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { probe, type Scenario, type ScenarioFilter } from "../scenario.js";

const BAD: UpstreamResponse = { status: 503, headers: [["x-bad", "1"]], body: "bad" };
const GOOD: UpstreamResponse = { headers: [["x-good", "1"]], body: "good" };
/** A budget that allows nothing. */
const NONE = { ratio: { percentage: 0, minRetriesPerSecond: 0 } };
/** A budget that allows one retry during the whole test. */
const ONE = { concurrency: { percentage: 0, minRetryConcurrency: 1 } };

function budget(fields: object, more: object = {}): ScenarioFilter {
  const configuration = {
    explainHeader: "x-budget",
    budgets: [{ name: "b{id}", ...fields }],
    ...more,
  } as unknown as Json;
  return { name: "budget", module: "retry-budget", vmId: "budget", configuration };
}

function upstream(
  name: string,
  fields: object,
  answers: readonly UpstreamResponse[],
  more: Partial<Scenario> & { readonly options?: object; readonly retryOn?: string } = {},
): Scenario {
  const { options, retryOn = "5xx", ...rest } = more;
  return {
    name: `retry-budget: ${name}`,
    filters: [probe("down")],
    upstreamFilters: [probe("first"), budget(fields, options), probe("last")],
    answers: { upstream: answers },
    routeOptions: { retryPolicy: { retryOn: [retryOn], numRetries: 3 } },
    ...rest,
  };
}

function downstream(
  name: string,
  fields: object,
  answers: readonly UpstreamResponse[],
  requests: readonly ClientRequest[] = [{}],
): Scenario {
  return {
    name: `retry-budget downstream: ${name}`,
    filters: [probe("first"), budget(fields, { where: "downstream" }), probe("last")],
    upstreamFilters: [probe("up", { qh: "get 0 x-envoy-attempt-count" })],
    answers: { upstream: answers },
    routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 3 } },
    requests,
  };
}

const POST: ClientRequest = { method: "POST", body: ["one", "two"] };
const grpc = (...headers: (readonly [string, string])[]): ClientRequest => ({
  method: "POST",
  headers: [["content-type", "application/grpc"], ["te", "trailers"], ...headers],
  body: "\0\0\0\0\0",
});
const failedCall = (...headers: (readonly [string, string])[]): UpstreamResponse => ({
  headers: [["content-type", "application/grpc"], ["grpc-status", "14"], ...headers],
});

export const RETRY_BUDGET: readonly Scenario[] = [
  upstream("nothing fails", {}, [GOOD], { requests: [{}, POST] }),
  upstream("there is enough", {}, [BAD, BAD, GOOD]),
  upstream("there is enough, and all fail", {}, [BAD]),
  upstream("nothing is left", NONE, [BAD, GOOD], { requests: [{}, {}] }),
  upstream("nothing is left, and no response", NONE, [{ fault: "reset" }, GOOD]),
  upstream("nothing is left, and no response in time", NONE, [{ fault: "never" }, GOOD], {
    routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 3, perTryTimeoutSeconds: 0.1 } },
  }),
  upstream("an answer of the budget", NONE, [{ fault: "reset" }], {
    options: { answer: { status: 429, body: "spent\n" } },
    requests: [{}, grpc()],
  }),
  upstream("one at a time is left", ONE, [BAD, BAD, GOOD]),
  upstream("a shadow", { ...NONE, shadow: true }, [BAD, BAD, GOOD]),
  upstream("a shadow without a response", { ...NONE, shadow: true }, [{ fault: "reset" }, GOOD]),
  upstream("not the method", {}, [BAD, GOOD], { requests: [POST] }),
  upstream("not the method, and no response", {}, [{ fault: "reset" }, GOOD], { requests: [POST] }),
  upstream("the method, as told", { methods: ["POST"] }, [BAD, GOOD], { requests: [POST] }),
  upstream("the upstream asks for none", {}, [{ ...BAD, headers: [["retry-after", "5"]] }, GOOD]),
  upstream("the upstream asks for none, and is not heard", { respectPushback: false }, [
    { ...BAD, headers: [["retry-after", "5"]] },
    GOOD,
  ]),
  upstream("the upstream's own mark", {}, [{ ...BAD, headers: [["x-envoy-ratelimited", "1"]] }, GOOD]),
  upstream("somebody else's explanation", {}, [{ ...GOOD, headers: [["x-budget", "forged"]] }]),
  upstream("a status that is not retried", {}, [{ status: 404, body: "no" }]),
  upstream("a gRPC call", {}, [failedCall(), failedCall(["x-n", "2"])], {
    requests: [grpc()],
    retryOn: "unavailable",
  }),
  upstream("a gRPC call that asks for none", {}, [failedCall(["grpc-retry-pushback-ms", "-1"])], {
    requests: [grpc()],
    retryOn: "unavailable",
  }),
  upstream("a gRPC call whose time is over", {}, [failedCall()], {
    requests: [grpc(["grpc-timeout", "0n"])],
    retryOn: "unavailable",
  }),
  upstream("a gRPC call whose time is over, without a response", {}, [{ fault: "reset" }], {
    requests: [grpc(["grpc-timeout", "0n"])],
    retryOn: "reset",
  }),
  upstream("each caller's own", { ...NONE, per: { header: "x-caller" } }, [BAD], {
    requests: [{ headers: [["x-caller", "a"]] }, { headers: [["x-caller", "b"]] }],
    options: { maxCallers: 16 },
  }),
  upstream("each route's own", { ...NONE, per: { route: true } }, [BAD]),
  downstream("nothing fails", {}, [GOOD]),
  downstream("one is given", {}, [BAD, BAD, GOOD]),
  downstream("two are given", { maxRetries: 2 }, [BAD, BAD, GOOD]),
  downstream(
    "another filter's number, none from the client",
    { maxRetries: 2 },
    [BAD],
    [{ headers: [["x-envoy-max-retries", "0"]] }],
  ),
  downstream("nothing is left", NONE, [BAD, GOOD]),
  downstream("a shadow", { ...NONE, shadow: true }, [BAD, BAD, GOOD]),
  downstream("not the method", {}, [BAD, GOOD], [POST, grpc()]),
  downstream("a gRPC call whose time is over", {}, [BAD, GOOD], [grpc(["grpc-timeout", "0n"])]),
];
