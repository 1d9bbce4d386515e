// The `match` part of a filter's configuration, the same in every filter that selects traffic. The
// module's own parser is `assembly/rules/match-config.ts`.

import { z } from "zod";

/**
 * Headers that hold a connection, a message or a format of its own together: writing something else
 * into them would break it.
 */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  "b3",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "grpc-message",
  "grpc-status",
  "host",
  "keep-alive",
  "location",
  "proxy-connection",
  "set-cookie",
  "te",
  "traceparent",
  "tracestate",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-request-id",
]);

/** Those of them that a filter may write into an answer of its own, which has no other. */
const FOR_REPLIES: ReadonlySet<string> = new Set([
  "b3",
  "location",
  "set-cookie",
  "traceparent",
  "tracestate",
  "x-request-id",
]);

/** A name as proxy-wasm has it. */
const headerName = z
  .string("must be a string")
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/, "must be a header name in lower case, 1 to 128 characters");

/** The name of a header that a filter writes. */
export const writtenHeaderName = headerName.refine(
  (name) => !RESERVED_HEADERS.has(name),
  "must not be a header that has a meaning of its own",
);

/**
 * The name of a header of an answer that a filter gives: none that holds the connection or the
 * message together.
 */
export const replyHeaderName = headerName.refine(
  (name) => !RESERVED_HEADERS.has(name) || FOR_REPLIES.has(name),
  "must not be a header that holds the message together",
);

/**
 * The name of a header that a filter reads: also the pseudo-headers that a request can be told by.
 */
export const testedHeaderName = z
  .string()
  .regex(
    /^(:authority|:scheme|[a-z0-9!#$%&'*+.^_`|~-]{1,128})$/,
    "must be a header name in lower case, 1 to 128 characters, or :authority or :scheme",
  );

/** A string of so many UTF-8 bytes, as the module counts them. */
export const text = (minBytes: number, maxBytes: number) =>
  z.string().refine((value) => {
    const bytes = Buffer.byteLength(value);
    return value.isWellFormed() && bytes >= minBytes && bytes <= maxBytes;
  }, `must be ${minBytes} to ${maxBytes} bytes of UTF-8`);

/** A whole number. */
export const whole = (min: number, max: number) =>
  z
    .number()
    .int("must be a whole number")
    .min(min, `must be from ${min} to ${max}`)
    .max(max, `must be from ${min} to ${max}`);

const integer = z
  .number()
  .int("must be a whole number")
  .min(Number.MIN_SAFE_INTEGER)
  .max(Number.MAX_SAFE_INTEGER);

/** In steps of 0.01. */
export const percentage = z
  .number()
  .min(0, "must be from 0 to 100")
  .max(100, "must be from 0 to 100")
  .refine((value) => Math.round(value * 100) / 100 === value, "must be a multiple of 0.01");

/** The tests of which a value test must name exactly one. */
const VALUE_TESTS = ["exact", "prefix", "suffix", "contains", "oneOf", "present", "absent", "range"] as const;
const PATH_TESTS = ["exact", "prefix", "suffix", "segments"] as const;

/** For `refine`: the object has exactly one of these keys. */
export function exactlyOneOf(names: readonly string[]) {
  return (value: object): boolean => countPresent(value, names) === 1;
}

/** For `refine`: the object has one of these keys, or more. */
export function atLeastOneOf(names: readonly string[]) {
  return (value: object): boolean => countPresent(value, names) >= 1;
}

/** For `refine`: the object has one of these keys, or none. */
export function atMostOneOf(names: readonly string[]) {
  return (value: object): boolean => countPresent(value, names) <= 1;
}

function countPresent(value: object, names: readonly string[]): number {
  return names.filter((name) => name in value).length;
}

const valueTests = {
  exact: text(0, 4096).optional().describe("The value is this."),
  prefix: text(1, 4096).optional().describe("The value begins with this."),
  suffix: text(1, 4096).optional().describe("The value ends with this."),
  contains: text(1, 4096).optional().describe("The value has this in it."),
  oneOf: z.array(text(0, 4096)).min(1).max(1000).optional().describe("The value is one of these."),
  present: z.literal(true).optional().describe("There is such a value, whatever it is."),
  absent: z.literal(true).optional().describe("There is no such value."),
  range: z
    .strictObject({
      from: integer.optional().describe("Smallest number that matches."),
      to: integer.optional().describe("Largest number that matches."),
    })
    .refine((range) => range.from !== undefined || range.to !== undefined, "needs 'from', 'to' or both")
    .refine(
      (range) => range.from === undefined || range.to === undefined || range.from <= range.to,
      "'from' must not be above 'to'",
    )
    .optional()
    .describe(
      "The value is a whole number, of at most 18 decimal digits, within these bounds, both included.",
    ),
  invert: z.boolean().optional().describe("Turns the test round: matches where it would not. Default false."),
};

const oneTest = `needs exactly one of ${VALUE_TESTS.join(", ")}`;
const headerMatch = z
  .strictObject({
    name: testedHeaderName.describe("The header's name, lower case; host is :authority."),
    ...valueTests,
  })
  .refine(exactlyOneOf(VALUE_TESTS), oneTest);
const namedMatch = z
  .strictObject({ name: text(1, 256).describe("The parameter's or cookie's name."), ...valueTests })
  .refine(exactlyOneOf(VALUE_TESTS), oneTest);

/** The name of a method. */
export const method = z.string().regex(/^[A-Z]{1,32}$/, "must be a method in capitals");

const path = z
  .strictObject({
    exact: text(1, 4096).optional().describe("The whole path, without the query."),
    prefix: text(1, 4096).optional().describe("The path begins with this."),
    suffix: text(1, 4096).optional().describe("The path ends with this."),
    segments: text(1, 4096)
      .refine((value) => value.startsWith("/"), "must begin with '/'")
      .optional()
      .describe("The path is this or goes on below it: /api/v1 matches /api/v1 and /api/v1/x, not /api/v10."),
  })
  .refine(exactlyOneOf(PATH_TESTS), `needs exactly one of ${PATH_TESTS.join(", ")}`);

export const matchSchema = z
  .strictObject({
    method: z
      .union([method, z.array(method).min(1).max(16)])
      .optional()
      .describe("The request's method, or several of which one must be it."),
    path: path.optional().describe("Tests the path, without the query."),
    headers: z.array(headerMatch).min(1).max(32).optional().describe("Header tests; all must hold."),
    query: z.array(namedMatch).min(1).max(32).optional().describe("Query parameter tests; all must hold."),
    cookies: z.array(namedMatch).min(1).max(32).optional().describe("Cookie tests; all must hold."),
    percentage: percentage
      .optional()
      .describe("Share of the requests that match, drawn at random for each, in percent; steps of 0.01."),
  })
  .describe("What a request must be for the rule to decide. Everything named must hold.");
