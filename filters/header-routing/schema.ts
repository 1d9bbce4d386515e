// What header-routing's configuration may be. The module's own parser is `config.ts`; a test holds both to the same documents.

import { z } from "zod";
import { DESTINATION_HEADER } from "../../envoy/config/route.js";
import { exactlyOneOf, matchSchema, testedHeaderName, text, writtenHeaderName } from "../match-schema.js";

/** Bytes of a document that the module reads: `MAX_SIZE` of `assembly/text/json.ts`. */
const MAX_BYTES = 1024 * 1024;

/** A name that becomes a header value and a metric's label. */
const label = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'");

const KEY_SOURCES = ["header", "cookie", "clientAddress"] as const;

const key = z
  .strictObject({
    header: testedHeaderName.optional().describe("The value of this header."),
    cookie: text(1, 256).optional().describe("The value of this cookie."),
    clientAddress: z.literal(true).optional().describe("The client's address, without its port."),
  })
  .refine(exactlyOneOf(KEY_SOURCES), `needs exactly one of ${KEY_SOURCES.join(", ")}`)
  .describe("Makes the split sticky: the same key always gets the same destination.");

const weight = z
  .number()
  .int("must be a whole number")
  .min(0, "must be from 0 to 1000000")
  .max(1_000_000, "must be from 0 to 1000000");

const split = z
  .strictObject({
    key: key.optional(),
    salt: text(0, 256)
      .optional()
      .describe("Splits with unlike salts share keys out independently. Default: the rule's name."),
    destinations: z
      .array(
        z.strictObject({
          name: label.describe("The destination."),
          weight: weight.describe("Its part of the sum of all weights."),
        }),
      )
      .min(1)
      .max(64)
      .refine((list) => list.some((entry) => entry.weight > 0), "needs a weight above 0")
      .refine(
        (list) => new Set(list.map((entry) => entry.name)).size === list.length,
        "names a destination twice",
      )
      .describe("The first is the base, which gives to the others what their weights ask for."),
    pins: z
      .array(
        z.strictObject({
          keys: z.array(text(1, 4096)).min(1).max(1000).describe("Keys that are not left to the hash."),
          destination: label.describe("Where they go."),
        }),
      )
      .max(64)
      .optional()
      .describe("Keys that go to a destination whatever the weights say."),
  })
  .refine((value) => value.pins === undefined || value.key !== undefined, {
    path: ["pins"],
    message: "needs 'key'",
  });

const rule = z
  .strictObject({
    name: label.describe("Says in metrics which rule decided. Unique."),
    match: matchSchema.optional().describe("Default: every request."),
    destination: label.optional().describe("Where the request goes."),
    split: split.optional().describe("Or a share to each of several destinations."),
  })
  .refine(exactlyOneOf(["destination", "split"]), "needs exactly one of destination, split");

interface RuleHeaders {
  readonly match?: { readonly headers?: readonly { readonly name: string }[] | undefined } | undefined;
  readonly split?: { readonly key?: { readonly header?: string | undefined } | undefined } | undefined;
}

/** The destination header is removed before any rule is tried: a rule that reads it could never match. */
function refuseOwnHeader(
  config: { readonly destinationHeader?: string | undefined; readonly rules: readonly RuleHeaders[] },
  context: z.RefinementCtx,
): void {
  const own = config.destinationHeader ?? DESTINATION_HEADER;
  const message = "is written by this filter, which first removes what a client sent";
  config.rules.forEach((entry, i) => {
    entry.match?.headers?.forEach((test, k) => {
      const path = ["rules", i, "match", "headers", k, "name"];
      if (test.name === own) context.addIssue({ code: "custom", path, message });
    });
    const path = ["rules", i, "split", "key", "header"];
    if (entry.split?.key?.header === own) context.addIssue({ code: "custom", path, message });
  });
}

export const headerRoutingSchema = z
  .strictObject({
    destinationHeader: writtenHeaderName
      .optional()
      .describe("The request header that Envoy's routes match. Default x-mesh-destination."),
    rules: z
      .array(rule)
      .max(10_000)
      .refine((rules) => new Set(rules.map((entry) => entry.name)).size === rules.length, "name a rule twice")
      .describe("Tried in order; the first that matches decides."),
  })
  .superRefine(refuseOwnHeader)
  .refine(
    (config) => Buffer.byteLength(JSON.stringify(config)) <= MAX_BYTES,
    `must be at most ${MAX_BYTES} bytes as JSON, which is what the filter gets`,
  )
  .describe("Configuration of the filter header-routing.");

export type HeaderRoutingConfig = z.infer<typeof headerRoutingSchema>;
