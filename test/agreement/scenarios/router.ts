// What the router does with upstreams that fail, and what filters of both chains see of it.

import type { DestinationRoutesOptions } from "../../../envoy/config/route.js";
import type { ClientRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { probe, type Scenario } from "../scenario.js";

const CHAINS: Pick<Scenario, "filters" | "upstreamFilters"> = {
  filters: [probe("down")],
  upstreamFilters: [probe("up")],
};
const GOOD: UpstreamResponse = { headers: [["x-good", "1"]], body: "good" };

function retried(
  name: string,
  retryOn: string,
  upstream: readonly UpstreamResponse[],
  more: {
    readonly retry?: object;
    readonly routes?: Partial<DestinationRoutesOptions>;
    readonly request?: ClientRequest;
  } = {},
): Scenario {
  return {
    name: `router: ${name}`,
    ...CHAINS,
    answers: { upstream },
    routeOptions: { retryPolicy: { retryOn: retryOn.split(","), ...more.retry }, ...more.routes },
    requests: [more.request ?? {}],
    // When nobody answers, the client does not wait for the final answer.
    ...(upstream.some(({ fault }) => fault === "never") ? { patienceMs: 600 } : {}),
  };
}

const asks = (...headers: readonly (readonly [string, string])[]): ClientRequest => ({ headers });

export const ROUTER: readonly Scenario[] = [
  { name: "router: no retry policy", ...CHAINS, answers: { upstream: [{ status: 503 }, GOOD] } },
  retried("503, then good", "5xx", [{ status: 503, body: "bad" }, GOOD]),
  retried("503 twice", "5xx", [{ status: 503, body: "bad" }, { status: 503, body: "bad again" }, GOOD]),
  retried("two retries", "5xx", [{ status: 503 }, { status: 500 }, GOOD], { retry: { numRetries: 2 } }),
  retried("500 is not a gateway error", "gateway-error", [{ status: 500 }, GOOD]),
  retried("502 is a gateway error", "gateway-error", [{ status: 502 }, GOOD]),
  retried("409 is retriable", "retriable-4xx", [{ status: 409 }, GOOD]),
  retried("404 is not", "retriable-4xx", [{ status: 404 }, GOOD]),
  retried("a status of the policy", "retriable-status-codes", [{ status: 418 }, GOOD], {
    retry: { retriableStatusCodes: [418] },
  }),
  retried("rate limited is not retried", "5xx", [
    { status: 503, headers: [["x-envoy-ratelimited", "1"]] },
    GOOD,
  ]),
  retried("a reset, then good", "reset", [{ fault: "reset" }, GOOD]),
  retried("a reset that is not retried", "gateway-error", [{ fault: "reset" }, GOOD]),
  retried("a reset counts as 5xx", "5xx", [{ fault: "reset" }, GOOD]),
  retried("a reset in the body", "reset", [{ body: ["some"], fault: "reset-in-body" }, GOOD]),
  retried("with a body", "5xx", [{ status: 503 }, GOOD], {
    request: { body: ["one", "two"], trailers: [["x-t", "1"]] },
  }),
  {
    // Envoy keeps the body for another attempt among the bytes that filters hold, and it goes on
    // with them.
    name: "router: a kept body goes out twice when a filter holds the trailers",
    filters: [probe("a", { qt: "ret 1; later 60; cont 0" }), probe("b")],
    routeOptions: { retryPolicy: { retryOn: ["5xx"] } },
    requests: [{ body: ["one", "two"], trailers: [["x-t", "1"]] }],
  },
  retried("the client asks for it", "reset", [{ status: 503 }, GOOD], {
    request: asks(["x-envoy-retry-on", "5xx"]),
  }),
  retried("the client asks for more", "5xx", [{ status: 503 }, { status: 503 }, { status: 503 }, GOOD], {
    request: asks(["x-envoy-max-retries", "3"]),
  }),
  retried("the client asks for none", "5xx", [{ status: 503 }, GOOD], {
    request: asks(["x-envoy-max-retries", "0"]),
  }),
  retried("the client asks for nonsense", "5xx", [{ status: 503 }, GOOD], {
    request: asks(["x-envoy-max-retries", "many"], ["x-envoy-upstream-rq-timeout-ms", "soon"]),
  }),
  retried("a timeout", "reset", [{ fault: "never" }], { routes: { timeoutSeconds: 0.1 } }),
  retried("a timeout that the client sets", "reset", [{ fault: "never" }], {
    request: asks(["x-envoy-upstream-rq-timeout-ms", "100"]),
  }),
  retried("a timeout within the body", "reset", [{ body: ["a", "b"], pieceDelayMs: 300 }], {
    routes: { timeoutSeconds: 0.15 },
  }),
  retried("an attempt's timeout, then good", "5xx", [{ fault: "never" }, GOOD], {
    retry: { perTryTimeoutSeconds: 0.1 },
  }),
  retried("an attempt's timeout twice", "5xx", [{ fault: "never" }], {
    retry: { perTryTimeoutSeconds: 0.1 },
  }),
  retried("an attempt's timeout that the client sets", "5xx", [{ fault: "never" }, GOOD], {
    request: asks(["x-envoy-upstream-rq-per-try-timeout-ms", "100"]),
  }),
  retried("another host", "5xx", [GOOD], { routes: { hostRewrite: "inside.test" } }),
  retried("a destination", "5xx", [GOOD], { request: asks(["x-mesh-destination", "other"]) }),
  retried("an unknown destination", "5xx", [GOOD], { request: asks(["x-mesh-destination", "nowhere"]) }),
  retried("HEAD", "5xx", [{ headers: [["content-length", "4"]] }], { request: { method: "HEAD" } }),
  retried("204", "5xx", [{ status: 204 }]),
  retried("304", "5xx", [{ status: 304, headers: [["etag", "x"]] }]),
  retried("trailers", "5xx", [{ body: "x", trailers: [["x-r", "1"]] }]),
  {
    name: "router: the client goes",
    ...CHAINS,
    answers: { upstream: [{ fault: "never" }] },
    patienceMs: 100,
    restMs: 20,
  },
  {
    name: "router: a filter of the upstream's chain stops retries",
    filters: [probe("down")],
    upstreamFilters: [probe("up", { sh: "add 2 x-envoy-ratelimited 1" })],
    answers: { upstream: [{ status: 503, body: "bad" }, GOOD] },
    routeOptions: { retryPolicy: { retryOn: ["5xx"] } },
  },
  {
    name: "router: a filter of the upstream's chain sees every attempt",
    filters: [probe("down")],
    upstreamFilters: [probe("up", { qh: "get 0 x-envoy-attempt-count" }), probe("last")],
    answers: { upstream: [{ status: 503, body: "bad" }, GOOD] },
    routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 2 } },
  },
  {
    name: "router: attempts see what filters of both chains left with the request",
    filters: [probe("down", { qh: "setprop mine down", sh: "prop mine" })],
    upstreamFilters: [probe("up", { qh: "prop mine", sh: "setprop mine up" })],
    answers: { upstream: [{ status: 503 }, { status: 503 }, GOOD] },
    routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 2 } },
  },
  {
    name: "router: a filter of the upstream's chain answers",
    filters: [probe("down")],
    upstreamFilters: [probe("up"), probe("last", { qh: "reply 429 full full ~; ret 1" })],
    routeOptions: { retryPolicy: { retryOn: ["5xx"] } },
  },
  {
    name: "router: a filter of the upstream's chain pauses",
    filters: [probe("down")],
    upstreamFilters: [probe("up", { qh: "ret 1; later 60; cont 0", sh: "ret 1; later 60; cont 1" })],
    requests: [{ body: ["a", "b"] }],
    answers: { upstream: [GOOD] },
  },
  {
    name: "router: a filter of the upstream's chain pauses past the attempt's timeout",
    filters: [probe("down")],
    upstreamFilters: [probe("up", { qh: "ret 1" })],
    routeOptions: { retryPolicy: { retryOn: ["5xx"], perTryTimeoutSeconds: 0.1 } },
  },
];
