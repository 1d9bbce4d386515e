// What rate-limit's configuration may be. The module's own parser is `config.ts`. A test checks
// that both accept and refuse the same documents.

import { z } from "zod";
import { KEY_PARTS, MAX_KEY_PARTS, MAX_PART_SIZE } from "../../assembly/rules/key/limits.js";
import { addressRanges } from "../shared/address-schema.js";
import { has, hasKey, hasValue, inJsonSchema, needs } from "../shared/json-schema.js";
import {
  atLeastOneOf,
  exactlyOneOf,
  matchSchema,
  noneOf,
  text,
  whole,
  writtenHeaderName,
} from "../shared/match-schema.js";
import { contentType, replyBody, replyHeaders } from "../shared/reply-schema.js";
import {
  explainProperty,
  haveNamesOfTheirOwn,
  inOneModule,
  keySources,
  ruleSelection,
} from "../shared/rule-schema.js";
import { concurrency } from "./concurrency/schema.js";
import {
  DEFAULT_COST,
  DEFAULT_GRPC_STATUS,
  DEFAULT_STATUS,
  DENY_MISSING,
  IETF_FIELDS,
  LIMIT_WORD,
  LOCAL_FAILURE,
  MAX_GRPC_STATUS,
  MAX_MATCHES,
  MAX_RULES,
  MAX_STATUS,
  MIN_GRPC_STATUS,
  MIN_STATUS,
  NO_FIELDS,
  OPENAI_FIELDS,
  RATELIMIT_FIELD,
  RATELIMIT_POLICY_FIELD,
  REMAINING_WORD,
  REQUEST_FIELDS,
  RETRY_AFTER_FIELD,
  RETRY_AFTER_WORD,
  RULE_WORD,
  SHARE_MISSING,
  SKIP_MISSING,
  TOKEN_FIELDS,
  X_FIELDS,
  X_LIMIT_FIELD,
  X_REMAINING_FIELD,
  X_RESET_FIELD,
} from "./limits.js";
import { local } from "./local/schema.js";
import { cost, notWhenPriced } from "./price/schema.js";
import { global, service } from "./service/schema.js";

const exempt = z
  .strictObject({
    clientAddresses: addressRanges.optional().describe("Clients with these addresses, or in these ranges."),
    matches: z
      .array(matchSchema)
      .min(1)
      .max(MAX_MATCHES)
      .optional()
      .describe("Requests that match one of these."),
  })
  .refine(atLeastOneOf(["clientAddresses", "matches"]), "needs clientAddresses, matches or both");

const keyPart = z
  .strictObject({
    ...keySources,
    as: text(1, MAX_PART_SIZE)
      .optional()
      .describe("The entry's key in a descriptor for the rate limit service. Default: the part's own word."),
  })
  .refine(exactlyOneOf(KEY_PARTS), `needs exactly one of ${KEY_PARTS.join(", ")}`);

const BESIDE_CONCURRENCY = "cannot stand beside 'concurrency'";

/** For `refine` of a rule: a key that it cannot have beside `concurrency`. */
function notBesideConcurrency(name: string) {
  return inJsonSchema((value: object) => !hasValue(value, "concurrency") || !hasValue(value, name), {
    dependentSchemas: { concurrency: { not: hasKey(name) } },
  });
}

const rule = z
  .strictObject({
    ...ruleSelection,
    key: z
      .array(keyPart)
      .min(1)
      .max(MAX_KEY_PARTS)
      .optional()
      .describe(
        "Requests with different keys are counted apart. Default: all requests of the rule together.",
      ),
    missing: z
      .enum([SKIP_MISSING, SHARE_MISSING, DENY_MISSING])
      .optional()
      .describe(
        `A request without one of the key's parts is not limited by this rule, shares one limit with all such requests, or is refused. Default ${SHARE_MISSING}.`,
      ),
    exempt: exempt.optional().describe("Requests that the rule does not count."),
    cost: cost.optional().describe(`What a request costs. Default ${DEFAULT_COST}.`),
    local: local.optional().describe("The limit of this Envoy, exact over its workers."),
    concurrency: concurrency
      .optional()
      .describe("Limits the requests in flight at once, exactly over this Envoy's workers."),
    global: global.optional().describe("Asks the rate limit service, with the key's parts as a descriptor."),
  })
  .refine(atLeastOneOf(["local", "global", "concurrency"]), "needs local, global or both, or concurrency")
  .refine(notBesideConcurrency("cost"), { path: ["cost"], message: BESIDE_CONCURRENCY })
  .refine(notBesideConcurrency("local"), { path: ["local"], message: BESIDE_CONCURRENCY })
  .refine(notBesideConcurrency("global"), { path: ["global"], message: BESIDE_CONCURRENCY })
  .refine(needs("global", "key"), { path: ["global"], message: "needs 'key'" })
  .refine(
    notWhenPriced((value) => value.global !== undefined, hasKey("global")),
    {
      path: ["global"],
      message: "cannot count a cost that the answer says",
    },
  )
  .refine(
    notWhenPriced((value) => value.local?.lease === true, has("local", has("lease", { const: true }))),
    { path: ["local", "lease"], message: "cannot hold a cost that the answer says" },
  );

const OWN_FIELDS: ReadonlySet<string> = new Set([
  RETRY_AFTER_FIELD,
  RATELIMIT_FIELD,
  RATELIMIT_POLICY_FIELD,
  X_LIMIT_FIELD,
  X_REMAINING_FIELD,
  X_RESET_FIELD,
  ...REQUEST_FIELDS,
  ...TOKEN_FIELDS,
]);

const REFUSED_FIELD = "x-envoy-ratelimited";
const BODY_WORDS = [RULE_WORD, RETRY_AFTER_WORD, LIMIT_WORD, REMAINING_WORD];

const answer = z.strictObject({
  status: whole(MIN_STATUS, MAX_STATUS)
    .optional()
    .describe(`HTTP status of a refusal. Default ${DEFAULT_STATUS}.`),
  headers: replyHeaders
    .superRefine((headers, context) => {
      headers.forEach(({ name }, i) => {
        if (!OWN_FIELDS.has(name) && name !== REFUSED_FIELD) return;
        const message = "must not be a field that the filter writes itself";
        context.addIssue({ code: "custom", path: [i, "name"], message });
      });
    })
    .optional()
    .describe("Further headers of a refusal."),
  body: replyBody
    .optional()
    .describe(
      `Body of a refusal, in which ${BODY_WORDS.join(", ")} stand for what the request met. Default: empty.`,
    ),
  contentType: contentType.optional().describe("Type of the body. Default text/plain."),
  grpcStatus: whole(MIN_GRPC_STATUS, MAX_GRPC_STATUS)
    .optional()
    .describe(`gRPC status for gRPC clients. Default ${DEFAULT_GRPC_STATUS}, RESOURCE_EXHAUSTED.`),
});

export const rateLimitSchema = z
  .strictObject({
    explainHeader: writtenHeaderName
      .refine(noneOf([...OWN_FIELDS]), "must not be a field that says what is left of a limit")
      .optional()
      .describe("Response header that says what each rule decided. Default: none."),
    explainProperty: explainProperty.optional(),
    headers: z
      .enum([NO_FIELDS, IETF_FIELDS, X_FIELDS, OPENAI_FIELDS])
      .optional()
      .describe(
        `Headers that tell clients about the limits: RateLimit and RateLimit-Policy, X-RateLimit-Limit, -Remaining and -Reset, or the names of OpenAI's API. Refusals always have Retry-After. Default ${NO_FIELDS}.`,
      ),
    answer: answer.optional().describe("What a refused request gets."),
    service: service.optional().describe("The rate limit service, for rules with 'global'."),
    rules: z
      .array(rule)
      .max(MAX_RULES)
      .refine(haveNamesOfTheirOwn, "name a rule twice")
      .describe("Every rule that matches counts the request, and all of them must let it pass."),
  })
  .superRefine((config, context) => {
    config.rules.forEach((entry, i) => {
      if (entry.global !== undefined && config.service === undefined) {
        context.addIssue({ code: "custom", path: ["rules", i, "global"], message: "needs 'service'" });
      }
      if (
        entry.global &&
        config.service?.failureMode === LOCAL_FAILURE &&
        entry.global.fallback === undefined
      ) {
        const message = `needs 'fallback' in failureMode ${LOCAL_FAILURE}`;
        context.addIssue({ code: "custom", path: ["rules", i, "global"], message });
      }
    });
  })
  .superRefine(inOneModule)
  .meta({
    allOf: [
      {
        if: { properties: { rules: { type: "array", contains: hasKey("global") } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: hasKey("service"),
      },
      {
        if: has("service", has("failureMode", { const: LOCAL_FAILURE })),
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: {
          properties: {
            rules: { type: "array", items: { type: "object", properties: { global: hasKey("fallback") } } },
          },
        },
      },
    ],
  })
  .describe("Configuration of the filter rate-limit.");

export type RateLimitConfig = z.infer<typeof rateLimitSchema>;
