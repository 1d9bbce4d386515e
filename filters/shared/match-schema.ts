// The `match` part of a filter's configuration, the same in every filter that selects traffic. The
// module's own parser is `assembly/rules/match-config.ts`.

import { z } from "zod";
import {
  AUTHORITY_HEADER,
  CASE_TESTS,
  MAX_ALTERNATIVES,
  MAX_MATCH_DEPTH,
  MAX_MEMBERS,
  MAX_METHOD_SIZE,
  MAX_METHODS,
  MAX_NAME_SIZE,
  MAX_PERCENTAGE,
  MAX_TESTS,
  MAX_TEXT_SIZE,
  PATH_TESTS,
  SCHEME_HEADER,
  STEPS_PER_PERCENT,
  VALUE_TESTS,
} from "../../assembly/rules/limits.js";
import {
  CONNECTION_HEADERS,
  FORMAT_HEADERS,
  HEADER_NAME_MARKS,
  MAX_HEADER_NAME_SIZE,
  MAX_INTEGER_DIGITS,
  MESSAGE_HEADERS,
} from "../../assembly/text/limits.js";
import { MAX_STATES } from "../../assembly/text/regex/limits.js";
import { addressRanges } from "./address-schema.js";
import { claimTests, word } from "./claim-schema.js";
import { hasKey, hasValue, inJsonSchema } from "./json-schema.js";
import { checkRegex } from "./regex.js";
import { text } from "./text-schema.js";

/** Headers that hold the connection or the message together. */
const MESSAGE: ReadonlySet<string> = new Set([
  ...CONNECTION_HEADERS.split(" "),
  ...MESSAGE_HEADERS.split(" "),
]);

/** Headers with a format of their own, which any other value would break. */
const FORMAT: ReadonlySet<string> = new Set(FORMAT_HEADERS.split(" "));

const NAME = `[a-z0-9${HEADER_NAME_MARKS}]{1,${MAX_HEADER_NAME_SIZE}}`;
const MUST_BE_NAME = `must be a header name in lower case, 1 to ${MAX_HEADER_NAME_SIZE} characters`;

/** For `refine`: the text is none of these. */
export function noneOf(words: readonly string[]) {
  return inJsonSchema((word: string) => !words.includes(word), { not: { enum: words } });
}

/** A header's name in proxy-wasm. */
const headerName = z.string("must be a string").regex(new RegExp(`^${NAME}$`), MUST_BE_NAME);

/** The name of a header that a filter writes. */
export const writtenHeaderName = headerName.refine(
  noneOf([...MESSAGE, ...FORMAT]),
  "must not be a header that has a meaning of its own",
);

/**
 * The name of a header in a filter's answer. It must not be one that holds the connection or the
 * message together.
 */
export const replyHeaderName = headerName.refine(
  noneOf([...MESSAGE]),
  "must not be a header that holds the message together",
);

/**
 * The name of a header that a filter reads. Pseudo-headers that identify a request are allowed too.
 */
export const testedHeaderName = z
  .string()
  .regex(
    new RegExp(`^(${AUTHORITY_HEADER}|${SCHEME_HEADER}|${NAME})$`),
    `${MUST_BE_NAME}, or ${AUTHORITY_HEADER} or ${SCHEME_HEADER}`,
  );

export { text };

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

const IN_PERCENT = `must be a number from 0 to ${MAX_PERCENTAGE}`;

/** In steps of 0.01. */
export const percentage = z
  .number(IN_PERCENT)
  .min(0, IN_PERCENT)
  .max(MAX_PERCENTAGE, IN_PERCENT)
  .refine(
    (value) => Math.round(value * STEPS_PER_PERCENT) / STEPS_PER_PERCENT === value,
    "must be a multiple of 0.01",
  );

/** For `refine`: the object has exactly one of these keys. */
export function exactlyOneOf(names: readonly string[]) {
  const fragment = { oneOf: names.map(hasKey) };
  return inJsonSchema((value: object) => countPresent(value, names) === 1, fragment);
}

/** For `refine`: the object has at least one of these keys. */
export function atLeastOneOf(names: readonly string[]) {
  const fragment = { anyOf: names.map(hasKey) };
  return inJsonSchema((value: object) => countPresent(value, names) >= 1, fragment);
}

/** For `refine`: the object has at most one of these keys. */
export function atMostOneOf(names: readonly string[]) {
  const none = { not: { anyOf: names.map(hasKey) } };
  const fragment = { oneOf: [...names.map(hasKey), none] };
  return inJsonSchema((value: object) => countPresent(value, names) <= 1, fragment);
}

function countPresent(value: object, names: readonly string[]): number {
  return names.filter((name) => hasValue(value, name)).length;
}

/** The texts of an `:authority` are about the host alone, or about host and port. */
function havePortsAlike(test: {
  readonly name: string;
  readonly oneOf?: readonly string[] | undefined;
}): boolean {
  if (test.oneOf === undefined || (test.name !== AUTHORITY_HEADER && test.name !== "host")) return true;
  const ports = test.oneOf.filter(hasPort).length;
  return ports === 0 || ports === test.oneOf.length;
}

/** Whether a text ends in a port, as `assembly/rules/authority.ts` sees it. */
function hasPort(text: string): boolean {
  const closing = text.lastIndexOf("]");
  if (text.lastIndexOf("[") > closing) return false;
  return /^[^:]*:\d+$/.test(text.slice(Math.max(closing, text.lastIndexOf("@")) + 1));
}

/** A regular expression that a filter can make an automaton of. */
const regex = text(1, MAX_TEXT_SIZE).superRefine((pattern, context) => {
  // A longer one is refused for that alone.
  if (Buffer.byteLength(pattern) > MAX_TEXT_SIZE) return;
  const { fault } = checkRegex(pattern);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

const FULL_MATCH = `Syntax of RE2, at most ${MAX_STATES} states as an automaton`;

const ignoreCase = z
  .boolean()
  .optional()
  .describe("Upper and lower case of ASCII's letters are the same. Default false.");

/** For `refine`: `ignoreCase` stands beside a test that compares texts. */
const ignoresCaseOfTexts = inJsonSchema(
  (value: object) => !hasValue(value, "ignoreCase") || countPresent(value, CASE_TESTS) > 0,
  { dependentSchemas: { ignoreCase: { anyOf: CASE_TESTS.map(hasKey) } } },
);
const isForTexts = { path: ["ignoreCase"], message: `is for ${CASE_TESTS.join(", ")}; a regex has (?i)` };

const valueTests = {
  exact: text(0, MAX_TEXT_SIZE).optional().describe("The value is this."),
  prefix: text(1, MAX_TEXT_SIZE).optional().describe("The value begins with this."),
  suffix: text(1, MAX_TEXT_SIZE).optional().describe("The value ends with this."),
  contains: text(1, MAX_TEXT_SIZE).optional().describe("The value has this in it."),
  regex: regex.optional().describe(`The whole value matches this regular expression. ${FULL_MATCH}.`),
  oneOf: z
    .array(text(0, MAX_TEXT_SIZE))
    .min(1)
    .max(MAX_MEMBERS)
    .optional()
    .describe("The value is one of these."),
  present: z.literal(true).optional().describe("There is such a value, whatever it is."),
  absent: z.literal(true).optional().describe("There is no such value."),
  range: z
    .strictObject({
      from: integer.optional().describe("Smallest number that matches."),
      to: integer.optional().describe("Largest number that matches."),
    })
    .refine(atLeastOneOf(["from", "to"]), "needs 'from', 'to' or both")
    .refine(
      (range) => range.from === undefined || range.to === undefined || range.from <= range.to,
      "'from' must not be above 'to'",
    )
    .optional()
    .describe(
      `The value is a whole number, of at most ${MAX_INTEGER_DIGITS} decimal digits, within these bounds, both included.`,
    ),
  invert: z
    .boolean()
    .optional()
    .describe("Reverses the test: it matches if it otherwise would not. Default false."),
  ignoreCase,
};

const oneTest = `needs exactly one of ${VALUE_TESTS.join(", ")}`;
const headerMatch = z
  .strictObject({
    name: testedHeaderName.describe("The header's name, lower case; host is :authority."),
    ...valueTests,
  })
  .refine(exactlyOneOf(VALUE_TESTS), oneTest)
  .refine(ignoresCaseOfTexts, isForTexts)
  .refine(havePortsAlike, { path: ["oneOf"], message: "must have a port in each of its texts, or in none" });
const namedMatch = z
  .strictObject({ name: text(1, MAX_NAME_SIZE).describe("The parameter's or cookie's name."), ...valueTests })
  .refine(exactlyOneOf(VALUE_TESTS), oneTest)
  .refine(ignoresCaseOfTexts, isForTexts);
const claimMatch = z
  .strictObject({ ...valueTests, ...claimTests })
  .refine(exactlyOneOf(VALUE_TESTS), oneTest)
  .refine(ignoresCaseOfTexts, isForTexts);

/** The name of a method. */
export const method = z
  .string()
  .regex(new RegExp(`^[A-Z]{1,${MAX_METHOD_SIZE}}$`), "must be a method in capitals");

const path = z
  .strictObject({
    exact: text(1, MAX_TEXT_SIZE).optional().describe("The whole path, without the query."),
    prefix: text(1, MAX_TEXT_SIZE).optional().describe("The path begins with this."),
    suffix: text(1, MAX_TEXT_SIZE).optional().describe("The path ends with this."),
    segments: text(1, MAX_TEXT_SIZE)
      .refine(
        inJsonSchema((value: string) => value.startsWith("/"), { pattern: "^/" }),
        "must begin with '/'",
      )
      .optional()
      .describe("The path is this or goes on below it: /api/v1 matches /api/v1 and /api/v1/x, not /api/v10."),
    regex: regex
      .optional()
      .describe(`The whole path, without the query, matches this regular expression. ${FULL_MATCH}.`),
    ignoreCase,
  })
  .refine(exactlyOneOf(PATH_TESTS), `needs exactly one of ${PATH_TESTS.join(", ")}`)
  .refine(ignoresCaseOfTexts, isForTexts);

const routeMatch = z
  .strictObject(valueTests)
  .refine(exactlyOneOf(VALUE_TESTS), oneTest)
  .refine(ignoresCaseOfTexts, isForTexts);
const stateMatch = z
  .strictObject({
    key: word.describe("The key in Envoy's filter state; a Wasm filter's property NAME is wasm.NAME."),
    ...valueTests,
  })
  .refine(exactlyOneOf(VALUE_TESTS), oneTest)
  .refine(ignoresCaseOfTexts, isForTexts);

const tests = {
  method: z
    .union([method, z.array(method).min(1).max(MAX_METHODS)])
    .optional()
    .describe("The request's method, or a list of methods of which it must be one."),
  path: path.optional().describe("Tests the path, without the query."),
  headers: z.array(headerMatch).min(1).max(MAX_TESTS).optional().describe("Header tests; all must hold."),
  query: z
    .array(namedMatch)
    .min(1)
    .max(MAX_TESTS)
    .optional()
    .describe("Query parameter tests; all must hold."),
  cookies: z.array(namedMatch).min(1).max(MAX_TESTS).optional().describe("Cookie tests; all must hold."),
  claims: z
    .array(claimMatch)
    .min(1)
    .max(MAX_TESTS)
    .optional()
    .describe(
      "Tests of claims of a token that a filter before this one has verified; all must hold. A list passes if one of its entries does.",
    ),
  clientAddress: addressRanges
    .optional()
    .describe("The client's address, as Envoy trusts it, is one of these or in one of these ranges."),
  route: routeMatch.optional().describe("Tests the name of Envoy's route."),
  filterState: z
    .array(stateMatch)
    .min(1)
    .max(MAX_TESTS)
    .optional()
    .describe("Tests of what a filter before this one has set; all must hold."),
};
const INNER_KEYS = [...Object.keys(tests), "anyOf", "not"];

interface Nested {
  readonly headers?: readonly { readonly name: string }[] | undefined;
  readonly anyOf?: Nested[] | undefined;
  readonly not?: Nested | undefined;
}

const innerTests = z.strictObject(tests);
type InnerMatch = z.infer<typeof innerTests> & {
  anyOf?: InnerMatch[] | undefined;
  not?: InnerMatch | undefined;
};

/** A match within another one. */
const innerMatch: z.ZodType<InnerMatch> = z
  .strictObject({
    ...tests,
    get anyOf() {
      return z.array(innerMatch).min(1).max(MAX_ALTERNATIVES).optional();
    },
    get not() {
      return innerMatch.optional();
    },
  })
  .refine(atLeastOneOf(INNER_KEYS), `needs at least one of ${INNER_KEYS.join(", ")}`);

type Place = readonly (string | number)[];

/** A match and all matches within it, with their places in it. */
function allWithin(match: Nested, place: Place = [], depth = 1): readonly (Nested & NestedPlace)[] {
  const { anyOf = [], not } = match;
  const own = { ...match, place, depth };
  if (depth > MAX_MATCH_DEPTH) return [own];
  const alternatives = anyOf.flatMap((each, i) => allWithin(each, [...place, "anyOf", i], depth + 1));
  return [own, ...alternatives, ...(not === undefined ? [] : allWithin(not, [...place, "not"], depth + 1))];
}

interface NestedPlace {
  readonly place: Place;
  readonly depth: number;
}

/** The places in a match where it names that header, in the matches within it too. */
export function placesOfHeader(match: Nested, name: string): readonly Place[] {
  return allWithin(match).flatMap(({ headers = [], place }) =>
    headers.flatMap((test, i) => (test.name === name ? [[...place, "headers", i, "name"]] : [])),
  );
}

export const matchSchema = z
  .strictObject({
    ...tests,
    anyOf: z
      .array(innerMatch)
      .min(1)
      .max(MAX_ALTERNATIVES)
      .optional()
      .describe("Matches of which one must hold; all that a match can name but a percentage."),
    not: innerMatch.optional().describe("A match that must not hold as a whole."),
    percentage: percentage
      .optional()
      .describe("Share of the requests that match, drawn at random for each, in percent; steps of 0.01."),
  })
  .superRefine((match, context) => {
    for (const { place, depth } of allWithin(match)) {
      if (depth <= MAX_MATCH_DEPTH) continue;
      const message = `is nested deeper than ${MAX_MATCH_DEPTH}`;
      context.addIssue({ code: "custom", path: [...place], message });
    }
  })
  .describe("Which requests the rule is about. Everything named must hold.");
