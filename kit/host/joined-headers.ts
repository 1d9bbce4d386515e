// Headers that Envoy keeps once: an added value joins the existing one. Measured in stock Envoy,
// see `test/agreement`.

import { HeaderMapType } from "./abi.js";

const REQUEST = `accept accept-encoding authorization cache-control connection content-encoding content-length content-type grpc-accept-encoding
  grpc-timeout host if-match keep-alive origin proxy-connection proxy-status referer te transfer-encoding upgrade user-agent via
  x-envoy-attempt-count x-envoy-decorator-operation x-envoy-downstream-service-cluster x-envoy-downstream-service-node
  x-envoy-expected-rq-timeout-ms x-envoy-external-address x-envoy-internal x-envoy-ip-tags x-envoy-max-retries x-envoy-original-path
  x-envoy-retry-on x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms x-envoy-upstream-rq-timeout-ms
  x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-proto x-request-id`;
const RESPONSE = `access-control-allow-origin age cache-control connection content-encoding content-length content-type date etag expires grpc-message
  grpc-status keep-alive last-modified location proxy-connection proxy-status server transfer-encoding upgrade vary via x-envoy-attempt-count
  x-envoy-decorator-operation x-envoy-degraded x-envoy-immediate-health-check-fail x-envoy-ratelimited x-envoy-upstream-canary
  x-request-id`;

const setOf = (names: string): ReadonlySet<string> => new Set(names.split(/\s+/));
const NONE: ReadonlySet<string> = new Set();
const BY_MAP: Readonly<Record<number, ReadonlySet<string>>> = {
  [HeaderMapType.RequestHeaders]: setOf(REQUEST),
  [HeaderMapType.ResponseHeaders]: setOf(RESPONSE),
  [HeaderMapType.ResponseTrailers]: setOf("grpc-message grpc-status"),
};

/** The names for a map of that type. */
export function joinedHeaders(type: number): ReadonlySet<string> {
  return BY_MAP[type] ?? NONE;
}
