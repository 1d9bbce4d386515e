// Outlier detection: an endpoint that fails several times in a row gets no requests for a while.
import type { Json } from "./json.js";
import { duration } from "./typed-config.js";

export interface OutlierDetectionOptions {
  /** Answers of 500 to 599 in a row, broken connections among them; 0 is off. */
  readonly consecutive5xx: number;
  /** Answers of 502, 503 and 504 in a row; 0 is off. */
  readonly consecutiveGatewayFailure: number;
  /** How often it is looked whose time is over. */
  readonly intervalSeconds: number;
  /** Times the number of ejections in a row, this is how long an endpoint gets no requests. */
  readonly baseEjectionTimeSeconds: number;
  readonly maxEjectionTimeSeconds: number;
  /** How many endpoints may be ejected at once, in percent of all. */
  readonly maxEjectionPercent: number;
}

/** The fields of Envoy's `OutlierDetection`. */
export type OutlierDetection = Readonly<Record<string, string | number | boolean>>;

/** Ejects by failures in a row alone: Envoy's judgement by success rates is off. */
export function outlierDetection(options: OutlierDetectionOptions): OutlierDetection {
  const counted = (kind: string, count: number) => ({
    ...(count === 0 ? {} : { [kind]: count }),
    [`enforcing_${kind}`]: count === 0 ? 0 : 100,
  });
  return {
    ...counted("consecutive_5xx", options.consecutive5xx),
    ...counted("consecutive_gateway_failure", options.consecutiveGatewayFailure),
    interval: duration(options.intervalSeconds, "intervalSeconds"),
    base_ejection_time: duration(options.baseEjectionTimeSeconds, "baseEjectionTimeSeconds"),
    max_ejection_time: duration(options.maxEjectionTimeSeconds, "maxEjectionTimeSeconds"),
    max_ejection_percent: options.maxEjectionPercent,
    enforcing_success_rate: 0,
    // Whether it answers a check says nothing about its other answers.
    successful_active_health_check_uneject_host: false,
  };
}

/**
 * What counts as a failure where filters of the cluster's chain mark some responses: these, and as
 * without filters those with 500 to 599. The fields of `HttpProtocolOptions.OutlierDetection`.
 * @param headers those of the marks; at least one
 */
export function markedOutliers(headers: readonly string[]): OutlierMatcher {
  const isServerError = { name: ":status", safe_regex_match: { regex: "5.." } };
  const marks = headers.map((name) => ({ name, present_match: true }));
  return {
    error_matcher: {
      or_match: {
        rules: [...marks, isServerError].map((header) => ({
          http_response_headers_match: { headers: [header] },
        })),
      },
    },
  };
}

export interface OutlierMatcher {
  readonly error_matcher: {
    readonly or_match: { readonly rules: readonly Readonly<Record<string, Json>>[] };
  };
}
