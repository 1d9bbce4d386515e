// Limits and words of the keys that rules read from requests. The parser beside this file and its
// zod twin, `filters/shared/key-schema.ts`, both compile it, so it imports nothing and has only
// plain constants.

/** The sources of a part of a key: exactly one of these. */
export const KEY_PARTS = [
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
];
/** Further sources, for filters whose keys say where a request goes. */
export const TARGET_PARTS = ["cluster", "destination"];
export const MAX_KEY_PARTS = 8;
/** Most bytes of a text in a part of a key: a name, a word of a claim, a value. */
export const MAX_PART_SIZE = 256;
export const MAX_SEGMENT = 31;
/** Bits of an address. */
export const IPV4_BITS = 32;
export const IPV6_BITS = 128;
/** Bits of an IPv6 address that count by default: a network's. */
export const DEFAULT_IPV6_BITS = 64;
