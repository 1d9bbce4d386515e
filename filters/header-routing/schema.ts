// What header-routing's configuration may be. The module's own parser is `config.ts`. A test checks
// that both accept and refuse the same documents.

import { z } from "zod";
import { contains, inJsonSchema, needs } from "../shared/json-schema.js";
import {
  exactlyOneOf,
  matchSchema,
  noneOf,
  placesOfHeader,
  text,
  whole,
  writtenHeaderName,
} from "../shared/match-schema.js";
import {
  explainProperty,
  haveNamesOfTheirOwn,
  inOneModule,
  label,
  salt,
  stickyKey,
} from "../shared/rule-schema.js";
import { actions, answer, checkActions, checkEditsOf, OWN_HEADERS, redirect } from "./actions/schema.js";
import { refuseUnlikeCookies, splitCookie } from "./cookie/schema.js";
import {
  DESTINATION_HEADER,
  MAX_DESTINATIONS,
  MAX_PINNED_KEY_SIZE,
  MAX_PINNED_KEYS,
  MAX_PINS,
  MAX_RULES,
  MAX_WEIGHT,
  RESULTS,
} from "./limits.js";

const weight = whole(0, MAX_WEIGHT);

const split = z
  .strictObject({
    key: stickyKey
      .optional()
      .describe("Makes the split sticky: the same key always gets the same destination."),
    cookie: splitCookie
      .optional()
      .describe(
        "Makes the split sticky for requests without the key, or for all if there is none: the response sets a cookie with an id of the visitor.",
      ),
    salt: salt
      .optional()
      .describe("Splits with different salts distribute keys independently. Default: the rule's name."),
    destinations: z
      .array(
        z.strictObject({
          name: label.describe("The destination."),
          weight: weight.describe(
            "Its share is its part of the sum of all weights. With a weight above 0 it always gets some.",
          ),
          ...actions,
        }),
      )
      .min(1)
      .max(MAX_DESTINATIONS)
      .refine(
        inJsonSchema(
          (list: readonly { readonly weight: number }[]) => list.some((entry) => entry.weight > 0),
          contains("weight", { type: "number", exclusiveMinimum: 0 }),
        ),
        "needs a weight above 0",
      )
      .refine(haveNamesOfTheirOwn, "names a destination twice")
      .describe("The first is the base, which the shares of the others are taken from."),
    pins: z
      .array(
        z.strictObject({
          keys: z
            .array(text(1, MAX_PINNED_KEY_SIZE))
            .min(1)
            .max(MAX_PINNED_KEYS)
            .describe("The pinned keys. The hash does not decide on them."),
          destination: label.describe("Where they go."),
        }),
      )
      .max(MAX_PINS)
      .optional()
      .describe("Keys that go to a destination whatever the weights say."),
  })
  .refine(needs("pins", "key"), { path: ["pins"], message: "needs 'key'" });

const rule = z
  .strictObject({
    name: label.describe("Says in metrics which rule decided. Unique."),
    match: matchSchema.optional().describe("Default: every request."),
    shadow: z.boolean().optional().describe("Only counts where requests would go. Default false."),
    destination: label.optional().describe("Where the request goes."),
    split: split.optional().describe("Alternatively, a share for each of several destinations."),
    redirect: redirect.optional().describe("Alternatively, the client is sent to another address."),
    answer: answer.optional().describe("Alternatively, the filter answers."),
    ...actions,
  })
  .refine(exactlyOneOf(RESULTS), `needs exactly one of ${RESULTS.join(", ")}`)
  .superRefine(checkActions);

type RuleHeaders = z.infer<typeof rule>;

/**
 * The destination header is removed before any rule is tried, so a rule that reads it could never
 * match.
 */
function refuseOwnHeader(
  config: { readonly destinationHeader?: string | undefined; readonly rules: readonly RuleHeaders[] },
  context: z.RefinementCtx,
): void {
  const own = config.destinationHeader ?? DESTINATION_HEADER;
  const message = "is written by this filter, which first removes what a client sent";
  config.rules.forEach((entry, i) => {
    for (const place of placesOfHeader(entry.match ?? {}, own)) {
      context.addIssue({ code: "custom", path: ["rules", i, "match", ...place], message });
    }
    const path = ["rules", i, "split", "key", "header"];
    if (entry.split?.key?.header === own) context.addIssue({ code: "custom", path, message });
  });
  checkEditsOf(own, config.rules, context);
}

export const headerRoutingSchema = z
  .strictObject({
    destinationHeader: writtenHeaderName
      .refine(noneOf(OWN_HEADERS), "must not be another header of this filter")
      .optional()
      .describe(`The request header that Envoy's routes match. Default ${DESTINATION_HEADER}.`),
    explainProperty: explainProperty.optional(),
    rules: z
      .array(rule)
      .max(MAX_RULES)
      .refine(haveNamesOfTheirOwn, "name a rule twice")
      .describe("Tried in order; the first that matches decides, after those in shadow mode."),
  })
  .superRefine(refuseOwnHeader)
  .superRefine(refuseUnlikeCookies)
  .superRefine(inOneModule)
  .describe("Configuration of the filter header-routing.");

export type HeaderRoutingConfig = z.infer<typeof headerRoutingSchema>;
