// What a rule's key may be. The module's own parser is `config.ts` in this folder.

import { z } from "zod";
import { inJsonSchema } from "../../shared/json-schema.js";
import { exactlyOneOf, testedHeaderName, text, whole } from "../../shared/match-schema.js";
import {
  DEFAULT_IPV6_BITS,
  IPV4_BITS,
  IPV6_BITS,
  JWT_NAMESPACE,
  KEY_PARTS,
  MAX_CLAIM_DEPTH,
  MAX_PART_SIZE,
  MAX_SEGMENT,
} from "../limits.js";

/** A word of the path to a value in Envoy's metadata. */
const word = text(1, MAX_PART_SIZE).refine(
  inJsonSchema((value: string) => !value.includes("\0"), { pattern: "^[^\\u0000]*$" }),
  "must not have a NUL",
);

/** A part of a rule's key. */
export const keyPart = z
  .strictObject({
    header: testedHeaderName.optional().describe("The value of this header."),
    cookie: text(1, MAX_PART_SIZE).optional().describe("The value of this cookie."),
    query: text(1, MAX_PART_SIZE).optional().describe("The decoded value of this query parameter."),
    pathSegment: whole(0, MAX_SEGMENT).optional().describe("This segment of the path: 0 is v1 in /v1/users."),
    method: z.literal(true).optional().describe("The method."),
    route: z.literal(true).optional().describe("The name of Envoy's route."),
    clientAddress: z
      .union([
        z.literal(true),
        z.strictObject({
          ipv4: whole(1, IPV4_BITS)
            .optional()
            .describe(`Bits of an IPv4 address that count. Default ${IPV4_BITS}.`),
          ipv6: whole(1, IPV6_BITS)
            .optional()
            .describe(`Bits of an IPv6 address that count. Default ${DEFAULT_IPV6_BITS}.`),
        }),
      ])
      .optional()
      .describe(
        `The client's address as Envoy trusts it, or its network. true: all bits of IPv4, ${DEFAULT_IPV6_BITS} of IPv6.`,
      ),
    principal: z.literal(true).optional().describe("The SPIFFE identity in the client's certificate."),
    jwtClaim: z
      .strictObject({
        payload: word.describe("`payload_in_metadata` of the filter envoy.filters.http.jwt_authn."),
        claim: z.array(word).min(1).max(MAX_CLAIM_DEPTH).describe("The path to the claim: [sub], [org, id]."),
        namespace: word.optional().describe(`Namespace of the metadata. Default ${JWT_NAMESPACE}.`),
      })
      .optional()
      .describe("A claim of a token that a filter before this one has verified."),
    value: text(0, MAX_PART_SIZE).optional().describe("A fixed value, the same for all requests."),
    as: text(1, MAX_PART_SIZE)
      .optional()
      .describe("The entry's key in a descriptor for the rate limit service. Default: the part's own word."),
  })
  .refine(exactlyOneOf(KEY_PARTS), `needs exactly one of ${KEY_PARTS.join(", ")}`);
