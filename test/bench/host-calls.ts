// How many host calls a request costs in each filter, with the settings that the benchmark
// measures. The table is the one place that says so: `host-calls.test.ts` fails when a filter makes
// more, or fewer, and `npm run bench` prints it.

import { loadModule } from "../../kit/host/load.js";
import type { PropertyValue } from "../../kit/host/property.js";
import type { HeaderList } from "../../kit/traffic.js";
import {
  ALL_ANSWERS,
  CLOSED_CIRCUIT,
  DEADLINE,
  FAILURES,
  IN_FLIGHT,
  LEASED,
  limits,
  NAMED_CLUSTER,
  NO_FAULT,
  OTHER_ANSWERS,
  OTHER_LIMIT,
  RATE_CIRCUIT,
  REGEX_RULE,
  RESPONSE_HEADER,
  REWRITE,
  SEGMENTS_RULE,
  TEN_FAULTS,
  TEN_RULES,
  TENANT_CIRCUIT,
} from "./configurations.js";
import { equalityRules } from "./equality-rules.js";

/** The calls of one request, from its first callback to its last. */
export interface CallCounts {
  readonly calls: number;
  /** Those among them that return bytes: each costs about as much as six others. */
  readonly bytes: number;
}

export interface CountedRequest extends CallCounts {
  readonly filter: string;
  /** The settings, and what happens to the request. */
  readonly what: string;
  readonly settings: unknown;
  /** Default: the benchmark's request. */
  readonly headers?: HeaderList;
  /** Default 200. */
  readonly status?: string;
  readonly properties?: Readonly<Record<string, PropertyValue>>;
}

/** The benchmark's request, as a filter in a listener's chain sees it. */
const REQUEST: HeaderList = [
  [":authority", "shop.test"],
  [":path", "/shop/items?page=2"],
  [":method", "GET"],
  [":scheme", "http"],
  ["user-agent", "bench/1"],
  ["accept", "*/*"],
  ["x-user-id", "user-77"],
  ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  ["x-forwarded-proto", "http"],
  ["x-request-id", "6e2b3c0f-6f7c-4d6c-9d5e-0f8f4d1c2b3a"],
];
/** What the router adds before a filter in a cluster's chain sees it. */
const ATTEMPT: HeaderList = [
  ...REQUEST,
  ["x-envoy-expected-rq-timeout-ms", "15000"],
  ["x-envoy-attempt-count", "1"],
];
const RETRY: HeaderList = [...ATTEMPT.slice(0, -1), ["x-envoy-attempt-count", "2"]];
const CLUSTER = { "xds.cluster_name": "orders" };
const FIRST_ATTEMPT = { ...CLUSTER, "upstream.request_attempt_count": 1 };
const SECOND_ATTEMPT = { ...CLUSTER, "upstream.request_attempt_count": 2 };
const COOKIE_SPLIT = {
  rules: [{ name: "canary", split: { cookie: {}, destinations: [{ name: "v1", weight: 1 }] } }],
};
const CALLS_FAIL = {
  rules: [{ name: "calls", abort: { grpcStatus: 14, afterMessages: 2 } }],
};
const CONCURRENCY = { budgets: [{ name: "default", concurrency: {} }] };

export const COUNTED: readonly CountedRequest[] = [
  { filter: "header-routing", what: "ten rules", settings: TEN_RULES, calls: 3, bytes: 1 },
  {
    filter: "header-routing",
    what: "ten rules, which says in a property what it decided",
    settings: { ...TEN_RULES, explainProperty: "mesh" },
    calls: 5,
    bytes: 1,
  },
  { filter: "header-routing", what: "one equality rule", settings: equalityRules(1), calls: 1, bytes: 1 },
  {
    filter: "header-routing",
    what: "1,000 equality rules",
    settings: equalityRules(1000),
    calls: 1,
    bytes: 1,
  },
  {
    filter: "header-routing",
    what: "one rule with segments of the path",
    settings: SEGMENTS_RULE,
    calls: 3,
    bytes: 1,
  },
  {
    filter: "header-routing",
    what: "one rule with a regular expression of the path",
    settings: REGEX_RULE,
    calls: 3,
    bytes: 1,
  },
  {
    filter: "header-routing",
    what: "a split with a cookie, a visitor who comes back",
    settings: COOKIE_SPLIT,
    headers: [...REQUEST, ["cookie", `mesh-visitor=${"0".repeat(32)}`]],
    calls: 3,
    bytes: 1,
  },
  {
    filter: "header-routing",
    what: "a split with a cookie, a new visitor",
    settings: COOKIE_SPLIT,
    calls: 5,
    bytes: 0,
  },
  {
    filter: "header-routing",
    what: "a rewrite of a prefix and of the host",
    settings: REWRITE,
    calls: 6,
    bytes: 1,
  },
  {
    filter: "header-routing",
    what: "a header of the response",
    settings: RESPONSE_HEADER,
    calls: 4,
    bytes: 0,
  },
  { filter: "trace-headers", what: "W3C in and out", settings: {}, calls: 3, bytes: 1 },
  { filter: "trace-headers", what: "a new trace", settings: { trustIncoming: false }, calls: 3, bytes: 1 },
  {
    filter: "trace-headers",
    what: "W3C in, the formats of AWS and Google Cloud out",
    settings: { write: ["xray", "google-cloud"] },
    calls: 5,
    bytes: 1,
  },
  {
    filter: "trace-headers",
    what: "Datadog in and out, with W3C",
    settings: { accept: ["datadog"], write: ["w3c", "datadog"] },
    headers: [
      ...REQUEST,
      ["x-datadog-trace-id", "7"],
      ["x-datadog-parent-id", "8"],
      ["x-datadog-sampling-priority", "1"],
      ["x-datadog-tags", "_dd.p.dm=-4"],
    ],
    calls: 4,
    bytes: 1,
  },
  {
    filter: "trace-headers",
    what: "W3C in, SkyWalking's format made",
    settings: { write: ["w3c", "skywalking"], skywalking: { service: "edge" } },
    calls: 4,
    bytes: 1,
  },
  {
    filter: "trace-headers",
    what: "baggage that passes",
    settings: { baggage: { maxMembers: 8 } },
    headers: [...REQUEST, ["baggage", "tenant=7, plan=gold"]],
    calls: 3,
    bytes: 1,
  },
  { filter: "fault-injection", what: "one rule, 0 %", settings: NO_FAULT, calls: 0, bytes: 0 },
  { filter: "fault-injection", what: "ten rules, none matches", settings: TEN_FAULTS, calls: 1, bytes: 0 },
  {
    filter: "fault-injection",
    what: "an abort after messages, a request without messages",
    settings: CALLS_FAIL,
    calls: 1,
    bytes: 0,
  },
  {
    filter: "fault-injection",
    what: "an abort after messages, a gRPC call that is armed",
    settings: CALLS_FAIL,
    headers: [...REQUEST, ["content-type", "application/grpc"]],
    calls: 7,
    bytes: 1,
  },
  { filter: "rate-limit", what: "another path", settings: OTHER_LIMIT, calls: 1, bytes: 1 },
  { filter: "rate-limit", what: "one key", settings: limits("x-user-id"), calls: 4, bytes: 1 },
  {
    filter: "rate-limit",
    what: "one key, with its response headers",
    settings: { ...limits("x-user-id"), headers: "ietf" },
    calls: 6,
    bytes: 1,
  },
  {
    filter: "rate-limit",
    what: "five keys, all must pass",
    settings: limits("x-user-id", "user-agent", "accept", "x-a", "x-b"),
    headers: [...REQUEST, ["x-a", "1"], ["x-b", "2"]],
    calls: 12,
    bytes: 1,
  },
  { filter: "rate-limit", what: "one key, a lease held", settings: LEASED, calls: 3, bytes: 1 },
  { filter: "rate-limit", what: "requests in flight", settings: IN_FLIGHT, calls: 6, bytes: 1 },
  { filter: "rate-limit", what: "the answer's status costs nothing", settings: FAILURES, calls: 5, bytes: 2 },
  {
    filter: "rate-limit",
    what: "the answer's status costs",
    settings: FAILURES,
    status: "401",
    calls: 7,
    bytes: 3,
  },
  { filter: "circuit-breaker", what: "a closed circuit", settings: CLOSED_CIRCUIT, calls: 8, bytes: 1 },
  {
    filter: "circuit-breaker",
    what: "a closed circuit of a header",
    settings: TENANT_CIRCUIT,
    calls: 6,
    bytes: 2,
  },
  { filter: "circuit-breaker", what: "a closed circuit, rate", settings: RATE_CIRCUIT, calls: 9, bytes: 1 },
  { filter: "deadline", what: "the rule's own time", settings: DEADLINE, calls: 11, bytes: 0 },
  {
    filter: "deadline",
    what: "which remembers traces",
    settings: { ...DEADLINE, trace: "inbound" },
    calls: 12,
    bytes: 1,
  },
  {
    filter: "deadline",
    what: "upstream",
    settings: { ...DEADLINE, where: "upstream" },
    headers: ATTEMPT,
    properties: FIRST_ATTEMPT,
    calls: 8,
    bytes: 1,
  },
  { filter: "fallback", what: "a good answer", settings: ALL_ANSWERS, calls: 5, bytes: 2 },
  { filter: "fallback", what: "another path", settings: OTHER_ANSWERS, calls: 1, bytes: 1 },
  {
    filter: "fallback",
    what: "a failure without a kept answer",
    settings: ALL_ANSWERS,
    status: "503",
    properties: { "response.code_details": "via_upstream" },
    calls: 8,
    bytes: 3,
  },
  {
    filter: "retry-budget",
    what: "ratio",
    settings: {},
    headers: ATTEMPT,
    properties: FIRST_ATTEMPT,
    calls: 7,
    bytes: 3,
  },
  {
    filter: "retry-budget",
    what: "ratio, of a named cluster",
    settings: NAMED_CLUSTER,
    headers: ATTEMPT,
    properties: FIRST_ATTEMPT,
    calls: 6,
    bytes: 2,
  },
  {
    filter: "retry-budget",
    what: "ratio, a retry",
    settings: {},
    headers: RETRY,
    properties: SECOND_ATTEMPT,
    calls: 13,
    bytes: 5,
  },
  {
    filter: "retry-budget",
    what: "ratio, an attempt that fails",
    settings: {},
    headers: ATTEMPT,
    properties: FIRST_ATTEMPT,
    status: "503",
    calls: 23,
    bytes: 6,
  },
  {
    filter: "retry-budget",
    what: "concurrency",
    settings: CONCURRENCY,
    headers: ATTEMPT,
    properties: FIRST_ATTEMPT,
    calls: 9,
    bytes: 3,
  },
  {
    filter: "retry-budget",
    what: "in a listener's chain",
    settings: { where: "downstream" },
    properties: FIRST_ATTEMPT,
    calls: 14,
    bytes: 5,
  },
];

/** Until a filter knows whether to read its headers one by one or at once. */
const FIRST_REQUESTS = 20;
/** Calls that are made now and then, such as those for random numbers, do not count. */
const REQUESTS = 5;

/**
 * Counts the calls of a request that is not the first.
 * @param module the filter's file
 */
export function countCalls(module: string, counted: CountedRequest): CallCounts {
  const { settings, headers = REQUEST, status = "200", properties = {} } = counted;
  const hosted = loadModule(module);
  const { accepted, logs } = hosted.configure(JSON.stringify(settings));
  if (!accepted) throw new Error(`${counted.filter} refuses its settings: ${logs.join("; ")}`);
  const send = () => hosted.exchange(headers, { response: [[":status", status]], properties });
  for (let i = 0; i < FIRST_REQUESTS; i++) send();
  const counts = Array.from({ length: REQUESTS }, () => {
    const { hostCalls, byteCalls } = send();
    return { calls: [...hostCalls.values()].reduce((sum, count) => sum + count, 0), bytes: byteCalls };
  });
  return {
    calls: Math.min(...counts.map(({ calls }) => calls)),
    bytes: Math.min(...counts.map(({ bytes }) => bytes)),
  };
}

/** The lines of a table of all of them. */
export function renderCallCounts(): string[] {
  const rows = COUNTED.map(({ filter, what, calls, bytes }) => ({
    name: `${filter}, ${what}`,
    calls,
    bytes,
  }));
  const width = Math.max(...rows.map(({ name }) => name.length));
  return [
    `${"host calls of a request".padEnd(width)}  ${"calls".padStart(6)}  return bytes`,
    ...rows.map(
      ({ name, calls, bytes }) =>
        `${name.padEnd(width)}  ${String(calls).padStart(6)}  ${String(bytes).padStart(12)}`,
    ),
  ];
}
