// What the rules of every filter have in common: a name, what they match, which share of it. The
// module's own parsers are `assembly/rules/rule-selection.ts`, `assembly/rules/sticky-key.ts`,
// `assembly/text/label.ts` and `assembly/text/duration.ts`.

import { z } from "zod";
import { exactlyOneOf, matchSchema, percentage, testedHeaderName, text } from "./match-schema.js";

/** Bytes of a document that a module reads: `MAX_SIZE` of `assembly/text/json.ts`. */
const MAX_BYTES = 1024 * 1024;

/** For `superRefine` of a whole configuration: it is not more than a module reads. */
export function inOneModule(config: unknown, context: z.RefinementCtx): void {
  if (Buffer.byteLength(JSON.stringify(config)) <= MAX_BYTES) return;
  const message = `must be at most ${MAX_BYTES} bytes as JSON, which is what the filter gets`;
  context.addIssue({ code: "custom", message });
}

/** A name that becomes a metric's label, and perhaps a header value. */
export const label = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'");

/** For `refine` of a list: no two of its entries have one name. */
export function haveNamesOfTheirOwn(entries: readonly { readonly name: string }[]): boolean {
  return new Set(entries.map((entry) => entry.name)).size === entries.length;
}

const KEY_SOURCES = ["header", "cookie", "clientAddress", "traceId"] as const;

/** By what a request is told apart where the same one shall always come to the same outcome. */
export const stickyKey = z
  .strictObject({
    header: testedHeaderName.optional().describe("The value of this header."),
    cookie: text(1, 256).optional().describe("The value of this cookie."),
    clientAddress: z.literal(true).optional().describe("The client's address, without its port."),
    traceId: z
      .literal(true)
      .optional()
      .describe("The id of the trace, from traceparent, x-b3-traceid or b3: the same in every service."),
  })
  .refine(exactlyOneOf(KEY_SOURCES), `needs exactly one of ${KEY_SOURCES.join(", ")}`);

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A length of time in milliseconds; undefined for a text that is none. */
export function millisecondsOf(value: string): number | undefined {
  const [, digits, fraction = "", unit] = /^(\d{1,9})(?:\.(\d{1,3}))?(ms|s|m|h)$/.exec(value) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const thousandths = BigInt(digits) * 1000n + BigInt(fraction.padEnd(3, "0"));
  const product = thousandths * BigInt(MILLISECONDS[unit as keyof typeof MILLISECONDS]);
  return product % 1000n === 0n ? Number(product / 1000n) : undefined;
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
    .refine((value) => {
      const ms = millisecondsOf(value);
      return ms === undefined || (ms >= least && ms <= most);
    }, `must be from ${min} to ${max}`);
}

const share = z.strictObject({
  percentage: percentage.describe("How much of what matches, in percent; steps of 0.01."),
  key: stickyKey
    .optional()
    .describe("Who has this is always or never of the share. Default: each request is drawn for."),
  salt: text(0, 256)
    .optional()
    .describe("Shares with unlike salts take keys independently. Default: the rule's name."),
});

/** The fields of a rule that say what it is called and what it is about. */
export const ruleSelection = {
  name: label.describe("Says in metrics which rule decided. Unique."),
  match: matchSchema.optional().describe("Default: every request."),
  share: share.optional().describe("Takes only a share of what matches. Default: all."),
  shadow: z.boolean().optional().describe("Counts what the rule would do, and does nothing. Default false."),
} as const;
