// The catalog's filters as their pages show them: requests of the tests and examples, and hostile
// ones.

import type { Json } from "../../../envoy/config/json.js";
import type { ClientRequest, HeaderList } from "../../../kit/traffic.js";
import { SHORT_TRACE_ID, SPAN_ID as SPAN, TRACE_ID as TRACE } from "../normal.js";
import { probe, type Scenario } from "../scenario.js";

const rule = (name: string, match: Json, destination = "other"): Json => ({ name, match, destination });

/** All visitors go to `other`, so that an id that is drawn decides nothing. */
const byCookie = (cookie: Json): Json => ({
  rules: [
    { name: "what-if", shadow: true, destination: "upstream" },
    { name: "canary", split: { cookie, destinations: [{ name: "other", weight: 1 }] } },
  ],
});

const ROUTING: Readonly<Record<string, Json>> = {
  cookie: byCookie({ maxAge: "1h", refresh: true }),
  "signed cookie": byCookie({ name: "__Host-v", secure: true, secrets: ["a secret of some length"] }),
  headers: {
    rules: [
      rule("premium", { headers: [{ name: "x-user-type", exact: "premium" }] }),
      rule("group", { headers: [{ name: "x-user-group", oneOf: ["beta", "staff"] }] }),
      rule("age", { headers: [{ name: "x-age", range: { from: 18, to: 99 } }] }),
      rule("not", {
        headers: [
          { name: "x-not", contains: "a", invert: true },
          { name: "x-and", present: true },
        ],
      }),
    ],
  },
  paths: {
    rules: [
      rule("write", { method: ["POST", "PUT"], path: { prefix: "/api/" } }),
      rule("two", { path: { segments: "/api/v2" } }),
      rule("try", { query: [{ name: "try", exact: "new one" }] }),
      rule("cookie", { cookies: [{ name: "beta", present: true }] }),
    ],
  },
  patterns: {
    rules: [
      rule("version", { path: { regex: "/api/v[0-9]+(/[^/]+)?" } }),
      rule("word", { headers: [{ name: "x-word", regex: "(?i)be.a|(a+)+b" }] }),
      rule("case", { headers: [{ name: "x-case", contains: "Beta", ignoreCase: true }] }),
    ],
  },
  attributes: {
    rules: [
      rule("elsewhere", { clientAddress: ["192.0.2.0/24", "::1"] }),
      rule("here", {
        headers: [{ name: "x-here", present: true }],
        clientAddress: ["127.0.0.0/8"],
        route: { present: true },
        filterState: [{ key: "wasm.none", absent: true }],
      }),
      rule("any", {
        anyOf: [{ method: "PUT" }, { path: { exact: "/x" }, not: { route: { absent: true } } }],
        not: { headers: [{ name: "x-not", present: true }] },
      }),
    ],
  },
  actions: {
    rules: [
      {
        name: "api",
        match: { path: { segments: "/api" } },
        destination: "other",
        rewrite: { prefix: "/", host: "inner.test:80" },
        requestHeaders: {
          remove: ["x-b"],
          set: [{ name: "x-a", value: "1" }],
          add: [{ name: "x-c", value: "2" }],
        },
        responseHeaders: { set: [{ name: "x-a", value: "1" }], add: [{ name: "set-cookie", value: "a=1" }] },
      },
      { name: "old", match: { path: { segments: "/old" } }, redirect: { prefix: "/new" } },
      {
        name: "tls",
        match: { path: { prefix: "/tls" } },
        redirect: { scheme: "https", port: 8443, status: 307 },
      },
      {
        name: "gone",
        match: { path: { exact: "/gone" } },
        answer: {
          status: 410,
          body: "gone",
          contentType: "text/html",
          headers: [{ name: "x-a", value: "1" }],
        },
      },
      {
        name: "whole",
        match: { path: { exact: "/whole" } },
        destination: "upstream",
        rewrite: { path: "/a/b" },
      },
    ],
  },
  split: {
    rules: [
      {
        name: "canary",
        split: {
          key: { header: "x-user-id" },
          destinations: [
            { name: "upstream", weight: 50 },
            { name: "other", weight: 50 },
          ],
          pins: [{ keys: ["alice"], destination: "other" }],
        },
      },
    ],
  },
};

const VISITOR = "0123456789abcdef0123456789abcdef";

const ROUTED: Readonly<Record<string, readonly ClientRequest[]>> = {
  cookie: [
    {},
    header("cookie", `a=1; mesh-visitor=${VISITOR}`),
    header("cookie", `mesh-visitor=bad; mesh-visitor="${VISITOR}"`),
    header("cookie", `mesh-visitor=${VISITOR.toUpperCase()}`),
    header("cookie", `mesh-visitor=${"0".repeat(4_000)}`),
    {
      headers: [
        ["cookie", "mesh-visitor=\xff"],
        ["cookie", `mesh-visitor=${VISITOR}`],
      ],
    },
    { method: "POST", body: ["one", "two"] },
  ],
  "signed cookie": [{}, header("cookie", `__Host-v=${VISITOR}`), header("cookie", `__Host-v=${VISITOR}.0`)],
  patterns: [
    ...["/api/v2", "/api/v2/x?y", "/api/v2/x/y", "/API/v2", "/api/v"].map((path) => ({ path })),
    ...["BETA", "bea", "aab", "a".repeat(8_000), `${"a".repeat(8_000)}b`].map((value) =>
      header("x-word", value),
    ),
    ...["my BETA", "bet"].map((value) => header("x-case", value)),
  ],
  attributes: [
    {},
    header("x-here", "1"),
    { path: "/x" },
    { method: "PUT" },
    { path: "/x", headers: [["x-not", "1"]] },
    { path: "/y" },
  ],
  headers: [
    {},
    ...["premium", "basic", "PREMIUM", "", "x".repeat(4_000)].map((value) => header("x-user-type", value)),
    ...["beta", "staff", "alpha"].map((value) => header("x-user-group", value)),
    ...["18", "17", "99", "100", "-1", "1e1", "018", "9".repeat(30)].map((value) => header("x-age", value)),
    { headers: [["x-and", "1"]] },
    {
      headers: [
        ["x-not", "cat"],
        ["x-and", "1"],
      ],
    },
    {
      headers: [
        ["x-user-type", "basic"],
        ["x-user-type", "premium"],
      ],
    },
    {
      headers: [
        ["x-mesh-destination", "other"],
        ["x-mesh-destination", "other"],
      ],
    },
    {
      headers: [
        ["x-mesh-destination", "upstream"],
        ["x-user-type", "premium"],
      ],
    },
    header("x-user-type", "pr\xe9mium"),
  ],
  paths: [
    "/api/v2",
    "/api/v2/x",
    "/api/v20",
    "/api/v2?x",
    "/?try=new%20one",
    "/?try=new+one",
    "/?a=1&try=new%20one",
    "/?try=old&try=new%20one",
    "/?try=%zz",
    "/a/../api/v2",
    "/api//v2",
    "/api%2fv2",
    `/${"a".repeat(3_000)}`,
  ]
    .map((path): ClientRequest => ({ path }))
    .concat(
      { path: "/api/x", body: "x" },
      { path: "/api/x", method: "PUT" },
      header("cookie", "a=1; beta=yes"),
      header("cookie", "alpha=beta"),
      header("cookie", ";;=;beta"),
      header("cookie", "beta=; beta=1"),
    ),
  actions: [
    "/api/v1?a=/api",
    "/api",
    "/api//evil.test/",
    "/apis",
    "/old/a?b",
    "/old/\\\\evil.test",
    "/tls?a",
    "/gone",
    "/whole?a",
    `/api/${"a".repeat(3_000)}`,
  ]
    .map((path): ClientRequest => ({ path }))
    .concat(
      {
        path: "/api/x",
        headers: [
          ["x-a", "forged"],
          ["x-a", "again"],
          ["x-b", "1"],
          ["x-c", "1"],
          ["x-envoy-original-path", "/admin"],
        ],
      },
      { path: "/", headers: [["x-envoy-original-path", "/admin"]] },
      { path: "/gone", method: "HEAD" },
      { path: "/gone", body: "x", headers: [["content-type", "application/grpc"]] },
      { path: "/old", headers: [["content-type", "application/grpc"]] },
      { path: "/old", headers: [["content-type", "application/grpc-web-text"]] },
    ),
  split: ["alice", "bob", "carol", "dave", "erin", "frank", "\xff\xfe", "a".repeat(2_000)].map((value) =>
    header("x-user-id", value),
  ),
};

function header(name: string, value: string): ClientRequest {
  return { headers: [[name, value]] };
}

const ROUTING_SCENARIOS = Object.entries(ROUTED).flatMap(([set, requests]) =>
  requests.map(
    (request, i): Scenario => ({
      name: `header-routing: ${set} ${i + 1}`,
      filters: [
        { name: "routing", module: "header-routing", vmId: "routing", configuration: ROUTING[set] ?? {} },
        probe("after", { qh: "get 0 x-mesh-destination; get 0 :path" }),
      ],
      requests: [request],
    }),
  ),
);

const TRACED: readonly HeaderList[] = [
  [["traceparent", `00-${TRACE}-${SPAN}-01`]],
  [["traceparent", `00-${TRACE}-${SPAN}-00`]],
  [["traceparent", `cc-${TRACE}-${SPAN}-01-more`]],
  [["traceparent", `ff-${TRACE}-${SPAN}-01`]],
  [["b3", `${TRACE}-${SPAN}-d`]],
  [["b3", `${SHORT_TRACE_ID}-${SPAN}-1`]],
  [
    ["x-b3-traceid", TRACE],
    ["x-b3-spanid", SPAN],
    ["x-b3-sampled", "0"],
  ],
  [
    ["traceparent", "?"],
    ["b3", `${TRACE}-${SPAN}-0`],
  ],
  [
    ["traceparent", `00-${TRACE}-${SPAN}-01`],
    ["traceparent", `00-${TRACE}-${SPAN}-01`],
    ["b3", `${TRACE}-${SPAN}-1`],
  ],
  [
    ["traceparent", `00-${TRACE}-${SPAN}-01`],
    ["tracestate", "a=1,b=2"],
    ["tracestate", "c=3"],
  ],
  [
    ["traceparent", `00-${TRACE}-${SPAN}-01`],
    ["tracestate", `a=${"x".repeat(300)},b=2,c=${"y".repeat(250)}`],
  ],
  [["x-amzn-trace-id", `Root=1-${TRACE.slice(0, 8)}-${TRACE.slice(8)};Parent=${SPAN};Sampled=1`]],
  [
    ["x-cloud-trace-context", `${TRACE}/7;o=0`],
    ["x-cloud-trace-context", "?"],
  ],
  [
    ["x-datadog-trace-id", "7"],
    ["x-datadog-trace-id", "9"],
    ["x-datadog-parent-id", "8"],
    ["x-datadog-sampling-priority", "-1"],
    ["x-datadog-tags", `_dd.p.dm=-4,_dd.p.tid=${TRACE.slice(0, 16)}`],
    ["x-datadog-origin", "rum"],
  ],
  [
    ["sw8", `1-${Buffer.from(TRACE).toString("base64")}-YQ==-0-YQ==-YQ==-YQ==-YQ==`],
    ["sw8-correlation", "YQ==:Yg=="],
    ["baggage", "a=1, b=2"],
    ["baggage", "?, c=3"],
  ],
];

const TRACE_CONFIGURATIONS: Readonly<Record<string, Json>> = {
  "as it is": {},
  "all formats": { write: ["w3c", "b3", "b3-multi", "x-trace-id"], responseHeader: "x-trace" },
  "of vendors": {
    accept: ["xray", "google-cloud", "datadog", "skywalking", "w3c"],
    write: ["xray", "google-cloud", "datadog", "skywalking"],
    sampling: 0,
    skywalking: { service: "edge" },
    baggage: { maxMembers: 2 },
  },
  "at the edge, of vendors": { trustIncoming: false, accept: ["xray", "datadog"], baggage: {} },
  "at the edge": { trustIncoming: false, sampling: 0, write: ["w3c"] },
};

const TRACE_SCENARIOS = Object.entries(TRACE_CONFIGURATIONS).flatMap(([configured, configuration]) =>
  [[], ...TRACED].map(
    (headers, i): Scenario => ({
      name: `trace-headers: ${configured}, ${i + 1}`,
      filters: [{ name: "trace", module: "trace-headers", vmId: "trace", configuration }],
      requests: [{ headers }],
    }),
  ),
);

/** Both filters and a probe on either side, with a body. */
const BOTH: Scenario = {
  name: "both filters between probes",
  filters: [
    probe("first"),
    { name: "trace", module: "trace-headers", vmId: "trace", configuration: { responseHeader: "x-trace" } },
    { name: "routing", module: "header-routing", vmId: "routing", configuration: ROUTING.headers ?? {} },
    probe("last", { qh: "get 0 x-mesh-destination" }),
  ],
  requests: [
    {
      headers: [
        ["traceparent", `00-${TRACE}-${SPAN}-01`],
        ["x-user-type", "premium"],
      ],
      body: ["one", "two"],
    },
  ],
};

export const FILTERS: readonly Scenario[] = [...ROUTING_SCENARIOS, ...TRACE_SCENARIOS, BOTH];
