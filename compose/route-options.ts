// The options of a route that a person may set: how long an answer may take, and what is retried.

import { z } from "zod";
import type { RouteActionOptions } from "../envoy/config/route.js";
import { nearest } from "../envoy/problems.js";
import { inJsonSchema } from "../filters/shared/json-schema.js";
import { duration, millisecondsOf } from "../filters/shared/rule-schema.js";

/**
 * What a route has where a person says nothing: no limit for the answer. Envoy's own 15 s would cut
 * every answer that takes longer to come: server-sent events, the streams of gRPC, a large file. A
 * request that nothing answers ends by the idle timeout.
 */
export const DEFAULT_ROUTE: RouteActionOptions = { timeoutSeconds: 0 };

/**
 * Envoy's own names, except those that need a second list: a status is written as a number here.
 */
const RETRY_CONDITIONS = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "refused-stream",
  "envoy-ratelimited",
  "retriable-4xx",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;

const isCondition = (word: unknown) => RETRY_CONDITIONS.some((condition) => condition === word);

function refuseCondition({ input }: { readonly input?: unknown }): string {
  const near = typeof input === "string" ? nearest(input, RETRY_CONDITIONS) : undefined;
  return near === undefined
    ? `must be a status from 400 to 599, or one of ${RETRY_CONDITIONS.join(", ")}`
    : `there is no condition "${input}"; did you mean "${near}"?`;
}

const status = z
  .number()
  .int("must be a status from 400 to 599")
  .min(400, "must be a status from 400 to 599")
  .max(599, "must be a status from 400 to 599");

export const timeoutSchema = duration("0ms", "24h");

export const retriesSchema = z.strictObject({
  on: z
    .array(z.union([z.enum(RETRY_CONDITIONS), status], { error: refuseCondition }))
    .min(1, "must name at least one condition")
    .refine(
      inJsonSchema((list: readonly unknown[]) => new Set(list).size === list.length, { uniqueItems: true }),
      "names a condition twice",
    )
    .describe(
      "Envoy's conditions, such as 5xx, reset, connect-failure and unavailable, and single statuses.",
    ),
  attempts: z
    .number()
    .int("must be a whole number")
    .min(1, "must be from 1 to 100")
    .max(100, "must be from 1 to 100")
    .optional()
    .describe("How many attempts may follow the first. Default 1."),
  perTryTimeout: duration("1ms", "24h")
    .optional()
    .describe("The time for each attempt, within the time for all. Default: no separate limit."),
});

/** The options for the routes to a service. */
export interface RouteSettings {
  readonly timeout?: string | undefined;
  readonly retries?: z.output<typeof retriesSchema> | undefined;
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
    ...(retries === undefined ? {} : { retryPolicy: retryPolicy(retries) }),
  };
}

function retryPolicy({ on, attempts = 1, perTryTimeout }: z.output<typeof retriesSchema>) {
  const statuses = on.filter((each) => typeof each === "number");
  return {
    retryOn: [
      ...on.filter(isCondition).map(String),
      ...(statuses.length === 0 ? [] : ["retriable-status-codes"]),
    ],
    numRetries: attempts,
    ...(statuses.length === 0 ? {} : { retriableStatusCodes: statuses }),
    ...(perTryTimeout === undefined ? {} : { perTryTimeoutSeconds: seconds(perTryTimeout) }),
  };
}

function seconds(text: string): number {
  return (millisecondsOf(text) ?? 0) / 1000;
}
