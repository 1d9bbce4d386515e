// The parts of a request that make up a rule's key. The module's own parser is
// `assembly/rules/key/config.ts`.

import { z } from "zod";
import {
  DEFAULT_IPV6_BITS,
  IPV4_BITS,
  IPV6_BITS,
  MAX_PART_SIZE,
  MAX_SEGMENT,
} from "../../assembly/rules/key/limits.js";
import { claim } from "./claim-schema.js";
import { testedHeaderName, text, whole } from "./match-schema.js";

/** The sources of a part of a key, for a filter's own object: exactly one of them. */
export const keySources = {
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
  jwtClaim: claim.optional().describe("A claim of a token that a filter before this one has verified."),
  value: text(0, MAX_PART_SIZE).optional().describe("A fixed value, the same for all requests."),
};

/** Further sources, for a filter whose keys say where a request goes. */
export const targetSources = {
  cluster: z.literal(true).optional().describe("The name of the cluster that Envoy's route names."),
  destination: z
    .literal(true)
    .optional()
    .describe(
      "The destination that header-routing has chosen; a request without one has the same key as others.",
    ),
};
