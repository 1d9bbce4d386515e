// Limits of the filter rate-limit, its own and those of a service.

import type { Json } from "../../../envoy/config/json.js";
import type { GrpcAnswer } from "../../../kit/host/proxy-options.js";
import type { ClientRequest, HeaderList } from "../../../kit/traffic.js";
import { encodeVerdict, type LimitVerdict } from "../../support/rate-limit-messages.js";
import { probe, type Scenario } from "../scenario.js";

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
const LOCAL = { limit: 2, unit: "hour" };
const USER = [{ header: "x-user" }];

const asks = (...headers: HeaderList): ClientRequest => ({ headers });
const ann = asks(["x-user", "ann"]);
const ben = asks(["x-user", "ben"]);
const GRPC: ClientRequest = {
  method: "POST",
  headers: [["content-type", "application/grpc"]],
  body: "\0\0\0\0\0",
};

function limits(
  name: string,
  rules: readonly object[],
  requests: readonly ClientRequest[],
  more: { readonly options?: object; readonly grpc?: GrpcAnswer } = {},
): Scenario {
  const named = rules.map((rule, i) => ({ name: `r${i}{id}`, ...rule }));
  const configuration = { explainHeader: "x-limit", rules: named, ...more.options } as unknown as Json;
  return {
    name: `rate-limit: ${name}`,
    filters: [
      probe("first"),
      { name: "limits", module: "rate-limit", vmId: "limits", configuration },
      probe("last"),
    ],
    requests,
    ...(more.grpc === undefined ? {} : { grpc: { [METHOD]: more.grpc } }),
  };
}

const local = (rule: object, requests: readonly ClientRequest[], name: string, options: object = {}) =>
  limits(name, [{ local: LOCAL, ...rule }], requests, { options });

/** One rule that asks the service, which gives this answer. */
function asking(
  name: string,
  verdict: LimitVerdict | GrpcAnswer,
  more: {
    readonly service?: object;
    readonly rule?: object;
    readonly requests?: readonly ClientRequest[];
  } = {},
): Scenario {
  const isVerdict = "statuses" in verdict || "over" in verdict;
  // The body is one piece, since chance would decide how many pieces have come when the service
  // answers.
  const { rule, requests = [ann, { ...ann, body: "one, two" }] } = more;
  const service = { cluster: "other", domain: "shop", timeout: "2s", ...more.service };
  return limits(`service: ${name}`, [{ key: USER, global: {}, ...rule }], requests, {
    options: { service, headers: "ietf" },
    grpc: isVerdict ? { messages: [encodeVerdict(verdict)] } : (verdict as GrpcAnswer),
  });
}

const OVER: LimitVerdict = {
  statuses: [{ over: true, limit: { requestsPerUnit: 5, unit: "minute" }, resetSeconds: 50 }],
};
const UNDER: LimitVerdict = {
  statuses: [{ limit: { requestsPerUnit: 5, unit: "minute" }, remaining: 3, resetSeconds: 50 }],
};

const LOCALLY: readonly Scenario[] = [
  limits("no rules", [], [{}, asks(["x-limit", "forged"])]),
  local({}, [{}, {}, {}, { body: ["one", "two"] }, GRPC, { method: "HEAD" }], "all together"),
  local({ key: USER }, [ann, ann, ann, ben, {}, {}, {}], "each user"),
  local({ key: USER, missing: "skip" }, [ann, {}, {}, {}], "nobody is not limited"),
  local({ key: USER, missing: "deny" }, [ann, {}], "nobody is refused"),
  local({}, [{}, {}, {}], "the fields of the IETF", { headers: "ietf" }),
  local({}, [{}, {}, {}], "the older fields", { headers: "x-ratelimit" }),
  local({}, [{}, {}, {}, GRPC], "an answer of the rule", {
    answer: { status: 503, body: "{}", contentType: "application/json", grpcStatus: 14 },
  }),
  local({}, [{}, {}, {}, GRPC], "words and headers in a refusal", {
    headers: "openai",
    answer: {
      headers: [{ name: "access-control-allow-origin", value: "*" }],
      // Neither {rule}, which each host names, nor {retryAfter}, which time changes.
      body: "{limit} {remaining} {else}",
    },
  }),
  {
    ...local({ cost: { statuses: [401] } }, [{}, {}, {}, {}], "failures alone"),
    answers: { upstream: [{ status: 401 }, { status: 200 }, { status: 401 }] },
  },
  {
    ...local({ cost: { responseHeader: "x-tokens" } }, [{}, {}, {}], "tokens in a header"),
    answers: { upstream: [{ headers: [["x-tokens", "1"]] }, { headers: [["x-tokens", "9"]] }] },
  },
  {
    ...local({ cost: { responseJson: ["usage", "tokens"] } }, [{}, {}, {}, {}], "tokens in JSON"),
    answers: {
      upstream: [
        { headers: [["content-type", "application/json"]], body: ['{"usage":{"tok', 'ens":0}}'] },
        { headers: [["content-type", "text/event-stream"]], body: 'data: {"usage":{"tokens":1}}\n\n' },
        { headers: [["content-type", "text/plain"]], body: '{"usage":{"tokens":0}}' },
      ],
    },
  },
  limits(
    "requests in flight",
    [{ key: USER, concurrency: { limit: 1 } }],
    [ann, ben, { ...ann, body: ["a", "b"] }, ben],
  ),
  local({ shadow: true }, [{}, {}, {}, {}], "a shadow"),
  limits(
    "all must pass",
    [
      { key: USER, local: { limit: 3, unit: "day" } },
      { local: { limit: 4, unit: "hour", burst: 2 } },
      { shadow: true, local: { limit: 1, unit: "hour" } },
    ],
    [ann, ben, ann, ann],
    { options: { headers: "ietf" } },
  ),
  local({ cost: { header: "x-cost", max: 2 } }, [asks(["x-cost", "0"]), asks(["x-cost", "9"]), {}], "a cost"),
  local({ cost: { fixed: 3 } }, [{}], "a cost above all"),
  local(
    { exempt: { matches: [{ path: { exact: "/ok" } }] } },
    [{ path: "/ok" }, {}, {}, {}, { path: "/ok" }],
    "some are exempt",
  ),
  local({ exempt: { clientAddresses: ["127.0.0.0/8"] } }, [{}, {}, {}], "the client is exempt"),
  local(
    { key: [{ cookie: "id" }] },
    [asks(["cookie", "a=1; id=7"]), asks(["cookie", "id=7"]), asks(["cookie", "id=7"])],
    "a cookie",
  ),
  local(
    { key: [{ cookie: "id" }] },
    [asks(["cookie", "a=1"], ["cookie", 'id="7"']), asks(["cookie", "id=7"]), asks(["cookie", "id=7; id=8"])],
    "a cookie of the second line",
  ),
  local(
    { key: [{ header: ":authority" }] },
    ["shop.test", "Shop.Test:80", "shop.test.", "[::1]:80"].map((host) => asks(["host", host])),
    "a host in its spellings",
  ),
  local(
    { key: [{ header: "baggage" }] },
    [
      asks(["baggage", "a=1"], ["baggage", "b=2"]),
      asks(["baggage", "a=1,b=2"]),
      asks(["baggage", "a=1,b=2"]),
    ],
    "a list in two lines",
  ),
  local(
    { key: [{ header: "x-user" }] },
    [asks(["x-user", "ann"], ["x-user", ""]), asks(["x-user", "ann,"]), asks(["x-user", "ann"])],
    "a header of one's own in two lines",
  ),
  local(
    { key: [{ query: "q" }, { pathSegment: 1 }] },
    ["/a/b?q=1", "/c/b?q=%31", "/a/b?q=1", "/a/b?q=2"].map((path) => ({ path })),
    "the path and its query",
  ),
  local(
    { key: [{ route: true }, { method: true }] },
    [{}, {}, {}, { body: "x" }],
    "the route and the method",
  ),
  local({ key: [{ clientAddress: { ipv4: 24 } }] }, [{}, {}, {}], "the client's network"),
  local(
    { key: [{ jwtClaim: { payload: "jwt", claim: ["sub"] } }, { principal: true }], missing: "deny" },
    [{}],
    "neither token nor certificate",
  ),
];

const GLOBALLY: readonly Scenario[] = [
  asking("lets pass", UNDER),
  asking("refuses", OVER, { requests: [ann, ann, ben] }),
  asking("refuses, and is asked each time", OVER, { service: { preCheck: false } }),
  asking("refuses a shadow", OVER, { rule: { shadow: true } }),
  asking("has headers and a body", {
    ...OVER,
    responseHeaders: [["x-from", "service"]],
    requestHeaders: [["x-not", "added"]],
    body: "come back\n",
  }),
  asking("has headers for the upstream", {
    ...UNDER,
    requestHeaders: [["x-quota", "3"]],
    responseHeaders: [["x-from", "service"]],
  }),
  asking("fails", { status: 13, message: "broken" }),
  asking("fails, and all is refused", { status: 13 }, { service: { failureMode: "deny" } }),
  asking(
    "fails, and there is another limit",
    { status: 14 },
    {
      service: { failureMode: "local" },
      rule: { global: { fallback: { limit: 1, unit: "hour" } } },
    },
  ),
  asking("answers nonsense", { messages: ["nonsense"] }),
  asking(
    "answers too late",
    { messages: [encodeVerdict(OVER)], delayMs: 400 },
    { service: { timeout: "50ms" } },
  ),
  asking("does not exist", UNDER, { service: { cluster: "nowhere" } }),
  asking("comes after the limit here", UNDER, { rule: { local: { limit: 1, unit: "hour" } } }),
  asking("counts by a limit and a cost of the rule", UNDER, {
    rule: { cost: { fixed: 3 }, global: { limitOverride: { limit: 9, unit: "day" } } },
  }),
];

export const RATE_LIMIT: readonly Scenario[] = [...LOCALLY, ...GLOBALLY];
