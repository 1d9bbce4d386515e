// What the rules of every filter share: a name, what they match, and which share of it. The
// module's own parsers are `assembly/rules/rule-selection.ts`, `assembly/rules/sticky-key.ts`,
// `assembly/text/label.ts` and `assembly/text/duration.ts`.

import { z } from "zod";
import {
  ATTRIBUTE_ROOTS,
  KEY_SOURCES,
  MAX_NAME_SIZE,
  MAX_REGEX_TABLES,
  MAX_SALT_SIZE,
} from "../../assembly/rules/limits.js";
import {
  HOUR,
  LABEL_MARKS,
  MAX_DOCUMENT_SIZE,
  MAX_DURATION_DIGITS,
  MAX_DURATION_FRACTION,
  MAX_LABEL_SIZE,
  MILLISECOND,
  MINUTE,
  SECOND,
} from "../../assembly/text/limits.js";
import { claim } from "./claim-schema.js";
import { durationPattern } from "./duration-pattern.js";
import { inJsonSchema } from "./json-schema.js";
import { exactlyOneOf, matchSchema, noneOf, percentage, testedHeaderName, text } from "./match-schema.js";
import { checkRegex } from "./regex.js";

export { keySources, targetSources } from "./key-schema.js";
export { claim };

/** For `superRefine` of a whole configuration: it is not larger than a module accepts. */
export function inOneModule(config: unknown, context: z.RefinementCtx): void {
  const patterns = new Set<string>();
  const document = JSON.stringify(config, (key, value) => {
    if (key === "regex" && typeof value === "string") patterns.add(value);
    return value;
  });
  if (Buffer.byteLength(document) > MAX_DOCUMENT_SIZE) {
    const message = `must be at most ${MAX_DOCUMENT_SIZE} bytes as JSON, which is what the filter gets`;
    context.addIssue({ code: "custom", message });
    return;
  }
  let tables = 0;
  for (const pattern of patterns) tables += checkRegex(pattern).tableSize;
  if (tables <= MAX_REGEX_TABLES) return;
  const message = `must have regular expressions that take at most ${MAX_REGEX_TABLES} bytes together, not ${tables}`;
  context.addIssue({ code: "custom", message });
}

/** A name that becomes a metric's label, and perhaps a header value. */
export const label = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9${LABEL_MARKS}]{1,${MAX_LABEL_SIZE}}$`),
    `must be 1 to ${MAX_LABEL_SIZE} letters, digits, '_', '.' or '-'`,
  );

/** The property of a stream in which filters say what they decided. */
export const explainProperty = label
  .refine(noneOf(ATTRIBUTE_ROOTS.split(" ")), "must not be the name of an attribute of Envoy's")
  .describe(
    "Property of the request's stream that gets `FILTER=RULE:OUTCOME` of each decision, for access logs and spans. Default: none.",
  );

/** For `refine` of a list: no two of its entries have the same name. */
export const haveNamesOfTheirOwn = inJsonSchema(
  (entries: readonly { readonly name: string }[]) =>
    new Set(entries.map((entry) => entry.name)).size === entries.length,
  { uniqueItems: true },
);

/** What identifies a request when the same one must always have the same outcome. */
export const stickyKey = z
  .strictObject({
    header: testedHeaderName.optional().describe("The value of this header."),
    cookie: text(1, MAX_NAME_SIZE).optional().describe("The value of this cookie."),
    clientAddress: z.literal(true).optional().describe("The client's address, without its port."),
    traceId: z
      .literal(true)
      .optional()
      .describe("The id of the trace, from traceparent, x-b3-traceid or b3: the same in every service."),
    jwtClaim: claim.optional().describe("A claim of a token that a filter before this one has verified."),
  })
  .refine(exactlyOneOf(KEY_SOURCES), `needs exactly one of ${KEY_SOURCES.join(", ")}`);

const MILLISECONDS = { ms: MILLISECOND, s: SECOND, m: MINUTE, h: HOUR } as const;
const LENGTH = new RegExp(
  `^(\\d{1,${MAX_DURATION_DIGITS}})(?:\\.(\\d{1,${MAX_DURATION_FRACTION}}))?(ms|s|m|h)$`,
);
const THOUSANDTHS = BigInt("1".padEnd(MAX_DURATION_FRACTION + 1, "0"));

/** A length of time in milliseconds; undefined for any other text. */
export function millisecondsOf(value: string): number | undefined {
  const [, digits, fraction = "", unit] = LENGTH.exec(value) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const thousandths = BigInt(digits) * THOUSANDTHS + BigInt(fraction.padEnd(MAX_DURATION_FRACTION, "0"));
  const product = thousandths * BigInt(MILLISECONDS[unit as keyof typeof MILLISECONDS]);
  return product % THOUSANDTHS === 0n ? Number(product / THOUSANDTHS) : undefined;
}

/** A length of time in the form that a person writes, in the largest unit that divides it. */
export function shownDuration(ms: number): string {
  const unit = (["h", "m", "s"] as const).find((each) => ms > 0 && ms % MILLISECONDS[each] === 0) ?? "ms";
  return `${ms / MILLISECONDS[unit]}${unit}`;
}

/**
 * A length of time such as `250ms`, `1.5s`, `10m` or `24h`, in whole milliseconds.
 * @param min the shortest, written in the same way
 * @param max the longest
 */
export function duration(min: string, max: string) {
  const [least = 0, most = 0] = [millisecondsOf(min), millisecondsOf(max)];
  return z
    .string()
    .refine(
      (value) => millisecondsOf(value) !== undefined,
      "must be a length of time in whole milliseconds, such as 250ms, 1.5s, 10m or 24h",
    )
    .refine(
      inJsonSchema(
        (value: string) => {
          const ms = millisecondsOf(value);
          return ms === undefined || (ms >= least && ms <= most);
        },
        { pattern: durationPattern(least, most, MILLISECONDS) },
      ),
      `must be from ${min} to ${max}`,
    );
}

/** Makes the shares or splits of one key independent of others. */
export const salt = text(0, MAX_SALT_SIZE);

const share = z.strictObject({
  percentage: percentage.describe("Share of the matching requests, in percent; steps of 0.01."),
  key: stickyKey
    .optional()
    .describe(
      "Requests with the same key are all in the share, or all outside. Default: each request is drawn for.",
    ),
  salt: salt
    .optional()
    .describe("Shares with different salts choose keys independently. Default: the rule's name."),
});

/** The fields of a rule for its name and the requests that it is about. */
export const ruleSelection = {
  name: label.describe("Says in metrics which rule decided. Unique."),
  match: matchSchema.optional().describe("Default: every request."),
  share: share.optional().describe("Limits the rule to a share of the matching requests. Default: all."),
  shadow: z.boolean().optional().describe("Only counts what the rule would do. Default false."),
} as const;
