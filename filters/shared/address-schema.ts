// Lists of client addresses and ranges. The module's own parser is
// `assembly/rules/attribute-config.ts`.

import { isIP, isIPv4 } from "node:net";
import { z } from "zod";
import { IPV4_BITS, IPV6_BITS } from "../../assembly/rules/key/limits.js";
import { MAX_RANGES } from "../../assembly/rules/limits.js";
import { inJsonSchema } from "./json-schema.js";

/**
 * `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`. An address with a zone (`fe80::1%eth0`) is refused,
 * because no client has one.
 */
function isAddressOrRange(value: string): boolean {
  const [, address = "", prefix] = /^([0-9A-Fa-f:.]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(value) ?? [];
  if (isIP(address) === 0) return false;
  return Number(prefix ?? 0) <= (isIPv4(address) ? IPV4_BITS : IPV6_BITS);
}

const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4_RANGE = `${BYTE}(?:\\.${BYTE}){3}(?:/(?:3[0-2]|[12]?\\d))?`;
/** Of IPv6 it says only which characters it has, and that there are two colons. */
const IPV6_RANGE = "(?=[^:]*:[^:]*:)[0-9A-Fa-f:]+(?:[0-9.]+)?(?:/(?:12[0-8]|1[01]\\d|[1-9]?\\d))?";
const ADDRESS_OR_RANGE = `^(?:${IPV4_RANGE}|${IPV6_RANGE})$`;

/** Addresses and ranges. */
export const addressRanges = z
  .array(
    z
      .string()
      .refine(
        inJsonSchema(isAddressOrRange, { pattern: ADDRESS_OR_RANGE }),
        "must be an IP address or a CIDR range",
      ),
  )
  .min(1)
  .max(MAX_RANGES);
