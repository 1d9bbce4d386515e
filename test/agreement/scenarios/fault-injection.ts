// Faults of the filter fault-injection, before the router and at each of its attempts.

import type { Json } from "../../../envoy/config/json.js";
import type { ClientRequest, HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import { probe, type Scenario, type ScenarioFilter } from "../scenario.js";

const GOOD: UpstreamResponse = { headers: [["x-good", "1"]], body: ["some", "thing"] };
const GRPC: ClientRequest = {
  method: "POST",
  headers: [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ],
  body: "\0\0\0\0\0",
};
const grpcOf = (kind: string): ClientRequest => ({
  ...GRPC,
  headers: [["content-type", `application/grpc${kind}`]],
});
/** A gRPC call with two messages, in pieces that end within them. */
const TWO: ClientRequest = { ...GRPC, body: ["\0\0\0\0\u0003ab", "c\0\0\0", "\0\u0002", "de"] };
const GRPC_ANSWER: UpstreamResponse = {
  headers: [["content-type", "application/grpc"]],
  body: "x",
  trailers: [["grpc-status", "0"]],
};
const POST: ClientRequest = { body: ["one", "two"], trailers: [["x-t", "1"]] };
const MARKED: ClientRequest = { headers: [["x-fault", "forged"]] };

function faults(rules: readonly object[], more: object = {}): ScenarioFilter {
  const named = rules.map((rule, i) => ({ name: `r${i}{id}`, ...rule }));
  const configuration = { explainHeader: "x-fault", rules: named, ...more } as unknown as Json;
  return { name: "faults", module: "fault-injection", vmId: "faults", configuration };
}

function downstream(
  name: string,
  rules: readonly object[],
  requests: readonly ClientRequest[],
  more: { readonly answer?: UpstreamResponse; readonly options?: object; readonly patienceMs?: number } = {},
): Scenario {
  const { answer = GOOD, options, patienceMs } = more;
  return {
    name: `fault-injection: ${name}`,
    filters: [probe("first"), faults(rules, options), probe("last")],
    answers: { upstream: [answer] },
    requests,
    ...(patienceMs === undefined ? {} : { patienceMs }),
  };
}

/** Runs at each attempt, on a route that makes up to three. */
function upstream(
  name: string,
  rules: readonly object[],
  more: Partial<Scenario> & { readonly perTryTimeoutSeconds?: number } = {},
): Scenario {
  const { perTryTimeoutSeconds, ...rest } = more;
  return {
    name: `fault-injection upstream: ${name}`,
    filters: [probe("down")],
    upstreamFilters: [faults(rules, { where: "upstream" }), probe("up")],
    answers: { upstream: [GOOD] },
    routeOptions: {
      retryPolicy: {
        retryOn: ["5xx"],
        numRetries: 2,
        ...(perTryTimeoutSeconds === undefined ? {} : { perTryTimeoutSeconds }),
      },
    },
    ...rest,
  };
}

const attempt = (...numbers: readonly string[]) => ({
  match: { headers: [{ name: "x-envoy-attempt-count", oneOf: numbers }] },
});
const asks = (...headers: HeaderList): ClientRequest => ({ headers });
const ABORT = { status: 503, body: "no\n", headers: [{ name: "x-why", value: "test" }] };

const DOWNSTREAM: readonly Scenario[] = [
  downstream("nothing to do", [{ match: { path: { exact: "/never" } }, abort: ABORT }], [{}, MARKED]),
  downstream("a delay", [{ delay: { fixed: "60ms" } }], [{}, POST, GRPC]),
  downstream("a delay of nothing", [{ delay: { fixed: "0ms" } }], [POST]),
  downstream("a delay, then an abort", [{ delay: { fixed: "40ms" }, abort: ABORT }], [{}, POST]),
  downstream("an abort", [{ abort: ABORT }], [{}, POST, { method: "HEAD" }, GRPC, MARKED]),
  downstream(
    "an abort of a type",
    [{ abort: { status: 418, body: "{}", contentType: "application/json" } }],
    [{}],
  ),
  downstream("an abort without a body", [{ abort: { status: 204 } }, { abort: { status: 500 } }], [{}, GRPC]),
  downstream(
    "a gRPC abort",
    [{ abort: { grpcStatus: 7, body: "not you, 100 %: größe\n" } }],
    [{}, GRPC, ...["+proto", "-web", ";x", "x"].map(grpcOf)],
  ),
  downstream(
    "a gRPC abort after two messages",
    [{ abort: { grpcStatus: 8, body: "full", afterMessages: 2 } }, { abort: { status: 418 } }],
    [TWO, GRPC, { ...TWO, trailers: [["x-t", "1"]] }, POST, { ...grpcOf("-web"), body: "x" }],
  ),
  downstream(
    "a delay, and a gRPC abort after two messages",
    [{ delay: { fixed: "40ms" }, abort: { status: 503, afterMessages: 2 } }],
    [TWO, GRPC],
  ),
  downstream(
    "a shadow of a gRPC abort after two messages",
    [{ shadow: true, abort: { grpcStatus: 8, afterMessages: 2 } }],
    [TWO],
  ),
  downstream("a black hole", [{ blackHole: {} }], [{}], { patienceMs: 150 }),
  downstream("a black hole with a limit", [{ blackHole: { limit: "60ms" } }], [{}, POST, GRPC]),
  downstream("a status", [{ response: { status: 500 } }], [{}, { method: "HEAD" }]),
  downstream("a status without a body", [{ response: { status: 304 } }], [{}]),
  downstream("a status without a body, of a response without one", [{ response: { status: 204 } }], [{}], {
    answer: { headers: [["content-length", "0"]] },
  }),
  downstream("half of a body", [{ response: { truncateAfter: 6 } }], [{}]),
  downstream("half of a body of a length", [{ response: { truncateAfter: 3 } }], [{}], {
    answer: { headers: [["content-length", "5"]], body: "whole" },
  }),
  downstream("half of a body, and trailers", [{ response: { truncateAfter: 3 } }], [{}], {
    answer: { body: "whole", trailers: [["x-t", "1"]] },
  }),
  downstream("none of a body", [{ response: { truncateAfter: 0 } }], [{}]),
  downstream("a slow body", [{ response: { bytesPerSecond: 100 } }], [{}], {
    answer: { body: "x".repeat(8) },
  }),
  downstream("a slow body, and trailers", [{ response: { bytesPerSecond: 100 } }], [{}], {
    answer: { body: "x".repeat(8), trailers: [["x-t", "1"]] },
  }),
  downstream(
    "shadows before what acts",
    [
      { shadow: true, abort: ABORT },
      { shadow: true, delay: { fixed: "1h" } },
      { match: { path: { prefix: "/a" } }, abort: ABORT },
    ],
    [{}, { path: "/a" }],
  ),
  downstream(
    "a window that has not begun, and one that is over",
    [
      { until: "2001-01-01T00:00:00Z", abort: ABORT },
      { from: "2901-01-01T00:00:00Z", abort: ABORT },
      { from: "2001-01-01T00:00:00Z", until: "2901-01-01T00:00:00Z", abort: { status: 418 } },
    ],
    [{}],
  ),
  downstream(
    "sticky shares",
    [{ share: { percentage: 50, key: { header: "x-user" }, salt: "s" }, abort: ABORT }],
    ["ann", "ben", "cem", "dee"].map((user) => asks(["x-user", user])),
  ),
  downstream("a limit of active faults", [{ maxActive: 1, delay: { fixed: "20ms" } }], [{}, {}]),
  downstream(
    "what clients ask for",
    [],
    [
      asks(["x-envoy-fault-abort-request", "418"]),
      asks(["x-envoy-fault-delay-request", "30"]),
      asks(["x-envoy-fault-delay-request", "99999999"]),
      asks(["x-envoy-fault-abort-request", "99"], ["x-envoy-fault-abort-grpc-request", "many"]),
      asks(["x-envoy-fault-abort-request", "503"], ["x-envoy-fault-percentage", "0"]),
      { ...GRPC, headers: [...(GRPC.headers ?? []), ["x-envoy-fault-abort-grpc-request", "13"]] },
    ],
    { options: { clientFaults: { name: "client{id}", maxDelay: "50ms" } } },
  ),
];

const UPSTREAM: readonly Scenario[] = [
  upstream("the first attempt is aborted", [{ ...attempt("1"), abort: ABORT }], { requests: [{}, POST] }),
  upstream("every attempt is aborted", [{ abort: ABORT }], { requests: [{}, { method: "HEAD" }] }),
  upstream("an abort that is not retried", [{ abort: { status: 418, body: "tea" } }]),
  upstream("an abort of a gRPC call", [{ abort: { grpcStatus: 14, body: "away" } }], {
    requests: [GRPC],
    answers: { upstream: [GRPC_ANSWER] },
  }),
  upstream(
    "a gRPC abort after two messages",
    [{ ...attempt("1", "2"), abort: { grpcStatus: 14, body: "away", afterMessages: 2 } }],
    {
      requests: [TWO, GRPC],
      answers: { upstream: [GRPC_ANSWER] },
      routeOptions: { retryPolicy: { retryOn: ["unavailable"], numRetries: 2 } },
    },
  ),
  upstream("an abort of what the upstream refuses too", [{ ...attempt("1"), abort: { status: 500 } }], {
    answers: { upstream: [{ status: 503, body: "mine" }] },
  }),
  upstream("an abort where the upstream has no body", [{ abort: { status: 400, body: "gone" } }], {
    answers: { upstream: [{ status: 204 }] },
  }),
  upstream("a black hole until the attempt's timeout", [{ ...attempt("1"), blackHole: {} }], {
    perTryTimeoutSeconds: 0.1,
  }),
  upstream("a delay beyond the attempt's timeout", [{ ...attempt("1", "2"), delay: { fixed: "10s" } }], {
    perTryTimeoutSeconds: 0.1,
  }),
  upstream("a delay within the attempt's timeout", [{ delay: { fixed: "30ms" } }], {
    perTryTimeoutSeconds: 1,
  }),
  upstream("a black hole with a limit is the end", [{ blackHole: { limit: "50ms" } }], {
    requests: [{}, GRPC],
  }),
  upstream("a status that is retried", [{ ...attempt("1"), response: { status: 503 } }]),
  upstream("half of a body", [{ response: { truncateAfter: 5 } }]),
  upstream("an upstream that is reset", [{ abort: ABORT }], { answers: { upstream: [{ fault: "reset" }] } }),
];

export const FAULT_INJECTION: readonly Scenario[] = [...DOWNSTREAM, ...UPSTREAM];
