// Which headers Envoy keeps once, with all added values joined, and which it keeps as often as they
// come.

import { probe, type Scenario } from "../scenario.js";

const NAMES = [
  "accept",
  "accept-encoding",
  "access-control-allow-origin",
  "age",
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "date",
  "etag",
  "expires",
  "forwarded",
  "grpc-accept-encoding",
  "grpc-message",
  "grpc-status",
  "grpc-timeout",
  "if-match",
  "keep-alive",
  "last-modified",
  "location",
  "origin",
  "proxy-connection",
  "proxy-status",
  "range",
  "referer",
  "server",
  "set-cookie",
  "te",
  "traceparent",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "vary",
  "via",
  "x-envoy-attempt-count",
  "x-envoy-decorator-operation",
  "x-envoy-degraded",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-external-address",
  "x-envoy-immediate-health-check-fail",
  "x-envoy-internal",
  "x-envoy-ip-tags",
  "x-envoy-max-retries",
  "x-envoy-original-path",
  "x-envoy-ratelimited",
  "x-envoy-retry-on",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-canary",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-ms",
  "x-forwarded-client-cert",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-ot-span-context",
  "x-request-id",
  "x-user",
] as const;

const PLACES: Readonly<Record<string, { readonly callback: string; readonly map: number }>> = {
  request: { callback: "qh", map: 0 },
  "request trailers": { callback: "qt", map: 1 },
  response: { callback: "sh", map: 2 },
  "response trailers": { callback: "st", map: 3 },
};

/** The added values are removed again before anyone gets them. */
function steps(map: number): string {
  return NAMES.flatMap((name) => [
    `set ${map} ${name} a`,
    `add ${map} ${name} ~`,
    `add ${map} ${name} b`,
    `get ${map} ${name}`,
    `pairs ${map}`,
    `del ${map} ${name}`,
  ]).join("; ");
}

export const JOINED_HEADERS: readonly Scenario[] = Object.entries(PLACES).map(
  ([place, { callback, map }]): Scenario => ({
    name: `joined headers: ${place}`,
    filters: [probe("a", { [callback]: steps(map) })],
    requests: [{ body: ["x"], trailers: [["x-t", "1"]] }],
    answers: { upstream: [{ body: ["x"], trailers: [["x-t", "1"]] }] },
  }),
);
