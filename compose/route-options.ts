// The options of a route that a person may set: how long an answer may take, and what is retried.

import type { RouteActionOptions } from "../envoy/config/route.js";
import { duration, millisecondsOf } from "../filters/shared/rule-schema.js";
import { type Retries, retryPolicyOptions } from "./retry-options.js";

/**
 * What a route has where a person says nothing: no limit for the answer. Envoy's own 15 s would cut
 * every answer that takes longer to come: server-sent events, the streams of gRPC, a large file. A
 * request that nothing answers ends by the idle timeout.
 */
export const DEFAULT_ROUTE: RouteActionOptions = { timeoutSeconds: 0 };

export const timeoutSchema = duration("0ms", "24h");

/** The options for the routes to a service. */
export interface RouteSettings {
  readonly timeout?: string | undefined;
  readonly retries?: Retries | undefined;
}

/**
 * Why the two times cannot be used together; undefined where they can. Envoy would silently ignore
 * a time for each attempt above the whole.
 */
export function perTryTimeoutProblem({ timeout = "0s", retries }: RouteSettings) {
  const perTry = millisecondsOf(retries?.perTryTimeout ?? "") ?? 0;
  const whole = millisecondsOf(timeout) ?? 0;
  if (whole === 0 || perTry <= whole) return undefined;
  return `must not be above the timeout of the whole answer, which is ${timeout}`;
}

/** The same options in the form that the builders of routes take. */
export function routeAction({ timeout, retries }: RouteSettings): RouteActionOptions {
  return {
    ...(timeout === undefined ? {} : { timeoutSeconds: seconds(timeout) }),
    ...(retries === undefined ? {} : { retryPolicy: retryPolicyOptions(retries) }),
  };
}

function seconds(text: string): number {
  return (millisecondsOf(text) ?? 0) / 1000;
}
