// What is retried, how often, how soon and where: the options of a route that a person may set.

import { z } from "zod";
import type { RetryPolicyOptions } from "../envoy/config/retry-policy.js";
import { nearest } from "../envoy/problems.js";
import { inJsonSchema } from "../filters/shared/json-schema.js";
import { duration, millisecondsOf } from "../filters/shared/rule-schema.js";

/**
 * Envoy's own names, except those that need a second list: a status is written as a number here,
 * and headers have a list of their own.
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

/** Envoy waits 25 ms at most before the first retry, and ten times as long before a late one. */
const DEFAULT_BASE = "25ms";
/** As Istio has it. */
const OTHER_HOST_ATTEMPTS = 5;

const isCondition = (word: unknown) => RETRY_CONDITIONS.some((condition) => condition === word);

function refuseCondition({ input }: { readonly input?: unknown }): string {
  if (input === "retriable-status-codes") return "write the statuses themselves, such as 503";
  if (input === "retriable-headers") return "write the headers into retriableHeaders; they need no word here";
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

const backOffSchema = z
  .strictObject({
    base: duration("1ms", "1h")
      .optional()
      .describe("The longest wait before the first retry; it doubles with each further one. Default 25ms."),
    max: duration("1ms", "1h")
      .optional()
      .describe("The longest wait before any retry. Default: ten times the base."),
  })
  .refine(({ base = DEFAULT_BASE, max }) => max === undefined || milliseconds(max) >= milliseconds(base), {
    path: ["max"],
    message: `must not be below the base, which is ${DEFAULT_BASE} where none is written`,
  });

const headerSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/, "must be the name of a header, in lower case")
    .describe("A header of the answer."),
  exact: z
    .string()
    .min(1, "must not be empty")
    .max(1000, "must have at most 1000 characters")
    .optional()
    .describe("The value that it must have. Default: any."),
});

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
  perTryIdleTimeout: duration("1ms", "24h")
    .optional()
    .describe("How long an attempt may bring nothing. Default: no separate limit."),
  backOff: backOffSchema
    .optional()
    .describe("The waits before retries: Envoy draws each at random between 0 and a bound that doubles."),
  retriableHeaders: z
    .array(headerSchema)
    .min(1, "must name at least one header")
    .max(20, "must name at most 20 headers")
    .optional()
    .describe("Answers with one of these headers are retried too."),
  avoidPreviousHosts: z
    .boolean()
    .optional()
    .describe(
      "Whether a retry goes to another instance than those that have failed the request, where there is one. Default true.",
    ),
});

export type Retries = z.output<typeof retriesSchema>;

/** The same options in the form that the builders of routes take. */
export function retryPolicyOptions(retries: Retries): RetryPolicyOptions {
  const { on, attempts = 1, perTryTimeout, perTryIdleTimeout, backOff, retriableHeaders } = retries;
  const statuses = on.filter((each) => typeof each === "number");
  return {
    retryOn: [
      ...on.filter(isCondition).map(String),
      ...(statuses.length === 0 ? [] : ["retriable-status-codes"]),
      ...(retriableHeaders === undefined ? [] : ["retriable-headers"]),
    ],
    numRetries: attempts,
    ...(statuses.length === 0 ? {} : { retriableStatusCodes: statuses }),
    ...(retriableHeaders === undefined ? {} : { retriableHeaders }),
    ...(perTryTimeout === undefined ? {} : { perTryTimeoutSeconds: milliseconds(perTryTimeout) / 1000 }),
    ...(perTryIdleTimeout === undefined
      ? {}
      : { perTryIdleTimeoutSeconds: milliseconds(perTryIdleTimeout) / 1000 }),
    ...(backOff === undefined ? {} : { backOff: backOffOptions(backOff) }),
    otherHostAttempts: retries.avoidPreviousHosts === false ? 0 : OTHER_HOST_ATTEMPTS,
  };
}

function backOffOptions({ base = DEFAULT_BASE, max }: z.output<typeof backOffSchema>) {
  return {
    baseSeconds: milliseconds(base) / 1000,
    ...(max === undefined ? {} : { maxSeconds: milliseconds(max) / 1000 }),
  };
}

/** The longest wait before each retry, in milliseconds. @param retries which one, from 1 */
export function longestWait({ backOff = {} }: Retries, retry: number): number {
  const base = milliseconds(backOff.base ?? DEFAULT_BASE);
  const most = backOff.max === undefined ? 10 * base : milliseconds(backOff.max);
  return Math.min(most, base * (2 ** Math.min(retry, 30) - 1));
}

function milliseconds(text: string): number {
  return millisecondsOf(text) ?? 0;
}
