// What rate-limit's configuration may be. The module's own parser is `config.ts`; a test holds both
// to the same documents.

import { isIP } from "node:net";
import { z } from "zod";
import {
  atLeastOneOf,
  exactlyOneOf,
  matchSchema,
  testedHeaderName,
  text,
  whole,
  writtenHeaderName,
} from "../shared/match-schema.js";
import { contentType, replyBody } from "../shared/reply-schema.js";
import { duration, haveNamesOfTheirOwn, inOneModule, ruleSelection } from "../shared/rule-schema.js";

const KEY_PARTS = [
  "header",
  "cookie",
  "query",
  "pathSegment",
  "method",
  "route",
  "clientAddress",
  "principal",
  "jwtClaim",
  "value",
] as const;

/** On the way to a value in Envoy's metadata. */
const word = text(1, 256).refine((value) => !value.includes("\0"), "must not have a NUL");

const keyPart = z
  .strictObject({
    header: testedHeaderName.optional().describe("The value of this header."),
    cookie: text(1, 256).optional().describe("The value of this cookie."),
    query: text(1, 256).optional().describe("The decoded value of this query parameter."),
    pathSegment: whole(0, 31).optional().describe("This segment of the path: 0 is v1 in /v1/users."),
    method: z.literal(true).optional().describe("The method."),
    route: z.literal(true).optional().describe("The name of Envoy's route."),
    clientAddress: z
      .union([
        z.literal(true),
        z.strictObject({
          ipv4: whole(1, 32).optional().describe("Bits of an IPv4 address that count. Default 32."),
          ipv6: whole(1, 128).optional().describe("Bits of an IPv6 address that count. Default 64."),
        }),
      ])
      .optional()
      .describe(
        "The client's address as Envoy trusts it, or its network. true: all bits of IPv4, 64 of IPv6.",
      ),
    principal: z.literal(true).optional().describe("The SPIFFE identity in the client's certificate."),
    jwtClaim: z
      .strictObject({
        payload: word.describe("`payload_in_metadata` of the filter envoy.filters.http.jwt_authn."),
        claim: z.array(word).min(1).max(8).describe("The claim, and the way into it: [sub], [org, id]."),
        namespace: word.optional().describe("Of the metadata. Default envoy.filters.http.jwt_authn."),
      })
      .optional()
      .describe("A claim of a token that a filter before this one has verified."),
    value: text(0, 256).optional().describe("The same for all."),
    as: text(1, 256)
      .optional()
      .describe("The entry's key in a descriptor for the rate limit service. Default: the part's own word."),
  })
  .refine(exactlyOneOf(KEY_PARTS), `needs exactly one of ${KEY_PARTS.join(", ")}`);

const cost = z
  .strictObject({
    fixed: whole(0, 1_000_000).optional().describe("So much for each request."),
    header: testedHeaderName.optional().describe("What this request header says, a whole number."),
    default: whole(0, 1_000_000).optional().describe("Where the header is missing or no number. Default 1."),
    max: whole(1, 1_000_000).optional().describe("No more than this. Default 1000."),
  })
  .refine(exactlyOneOf(["fixed", "header"]), "needs exactly one of fixed, header")
  .refine(
    (value) => value.header !== undefined || (value.default === undefined && value.max === undefined),
    "'default' and 'max' need 'header'",
  );

const UNIT_SECONDS = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const;
const TEN_YEARS = 10 * 365 * 86_400;

const local = z
  .strictObject({
    limit: whole(1, 1_000_000_000).describe("So many in a unit."),
    unit: z.enum(["second", "minute", "hour", "day"]).describe("The unit of the limit."),
    burst: whole(1, 1_000_000_000)
      .optional()
      .describe("How many may come at once after a pause. Default: the limit."),
    keys: whole(1, 10_000_000)
      .optional()
      .describe("Keys that may be active at once, about 70 bytes of memory each. Default 100000."),
  })
  .refine(({ limit, unit, burst = 0 }) => burst <= (TEN_YEARS / UNIT_SECONDS[unit]) * limit, {
    path: ["burst"],
    message: "must be full again within ten years",
  });

const global = z.strictObject({
  limitOverride: z
    .strictObject({
      limit: whole(1, 1_000_000_000).describe("Requests in a unit."),
      unit: z.enum(["second", "minute", "hour", "day"]).describe("The unit."),
    })
    .optional()
    .describe("A limit in place of the one that the service is configured with."),
  fallback: local
    .optional()
    .describe("The limit of this Envoy while the service does not answer, in failureMode local."),
});

/**
 * `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`. An address with a zone (`fe80::1%eth0`) is none
 * that a client can have.
 */
function isAddressOrRange(value: string): boolean {
  const [, address = "", prefix] = /^([0-9A-Fa-f:.]{1,60})(?:\/(0|[1-9]\d{0,2}))?$/.exec(value) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(prefix ?? 0) <= (version === 4 ? 32 : 128);
}

const exempt = z
  .strictObject({
    clientAddresses: z
      .array(z.string().refine(isAddressOrRange, "must be an IP address or a CIDR range"))
      .min(1)
      .max(1000)
      .optional()
      .describe("Clients of these addresses and ranges."),
    matches: z.array(matchSchema).min(1).max(32).optional().describe("Requests that one of these matches."),
  })
  .refine(atLeastOneOf(["clientAddresses", "matches"]), "needs clientAddresses, matches or both");

const rule = z
  .strictObject({
    ...ruleSelection,
    key: z
      .array(keyPart)
      .min(1)
      .max(8)
      .optional()
      .describe("What is counted apart. Default: all requests of the rule together."),
    missing: z
      .enum(["skip", "share", "deny"])
      .optional()
      .describe(
        "A request without one of the key's parts is not limited by this rule, shares a bucket with all such, or is refused. Default share.",
      ),
    exempt: exempt.optional().describe("Requests that the rule does not count."),
    cost: cost.optional().describe("What a request counts. Default 1."),
    local: local.optional().describe("The limit of this Envoy, exact over its workers."),
    global: global.optional().describe("Asks the rate limit service, with the key's parts as a descriptor."),
  })
  .refine(atLeastOneOf(["local", "global"]), "needs local, global or both")
  .refine((value) => value.global === undefined || value.key !== undefined, {
    path: ["global"],
    message: "needs 'key'",
  });

const service = z.strictObject({
  cluster: text(1, 256).describe(
    "The cluster of the rate limit service in Envoy's configuration; it speaks HTTP/2.",
  ),
  domain: text(1, 256).describe("The domain in the service's configuration."),
  timeout: duration("1ms", "1m").optional().describe("For an answer. Default 20ms."),
  failureMode: z
    .enum(["allow", "deny", "local"])
    .optional()
    .describe(
      "Without an answer let the request pass, refuse it, or judge by each rule's fallback. Default allow.",
    ),
  preCheck: z
    .boolean()
    .optional()
    .describe(
      "Remembers until when the service has a key over its limit, and asks no more until then. Default true.",
    ),
});

const answer = z.strictObject({
  status: whole(400, 599).optional().describe("HTTP status of a refusal. Default 429."),
  body: replyBody.optional().describe("Body of a refusal. Default: empty."),
  contentType: contentType.optional().describe("Type of the body. Default text/plain."),
  grpcStatus: whole(1, 16)
    .optional()
    .describe("gRPC status for gRPC clients. Default 8, RESOURCE_EXHAUSTED."),
});

/** What responses say in fields of their own. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
]);

export const rateLimitSchema = z
  .strictObject({
    explainHeader: writtenHeaderName
      .refine((name) => !OWN_FIELDS.has(name), "must not be a field that says what is left of a limit")
      .optional()
      .describe("Response header that says which rules came to what. Default: none."),
    headers: z
      .enum(["none", "ietf", "x-ratelimit"])
      .optional()
      .describe(
        "What responses say of the limits: RateLimit and RateLimit-Policy, or X-RateLimit-Limit, -Remaining and -Reset. Refusals have Retry-After in any case. Default none.",
      ),
    answer: answer.optional().describe("What a refused request gets."),
    service: service.optional().describe("The rate limit service, for rules with 'global'."),
    rules: z
      .array(rule)
      .max(100)
      .refine(haveNamesOfTheirOwn, "name a rule twice")
      .describe("All that match count, and all must let the request pass."),
  })
  .superRefine((config, context) => {
    config.rules.forEach((entry, i) => {
      if (entry.global !== undefined && config.service === undefined) {
        context.addIssue({ code: "custom", path: ["rules", i, "global"], message: "needs 'service'" });
      }
      if (entry.global && config.service?.failureMode === "local" && entry.global.fallback === undefined) {
        const message = "needs 'fallback' in failureMode local";
        context.addIssue({ code: "custom", path: ["rules", i, "global"], message });
      }
    });
  })
  .superRefine(inOneModule)
  .describe("Configuration of the filter rate-limit.");

export type RateLimitConfig = z.infer<typeof rateLimitSchema>;
