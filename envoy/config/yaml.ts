// The edge: from plain values to the YAML text that Envoy, or a person, reads.
import { stringify } from "yaml";

/**
 * YAML text of a plain value. Every string is quoted: Envoy's YAML reader takes a bare `on`, `yes`
 * or `y` for a boolean and a bare `0x10` for a number, and the YAML library would not quote them.
 */
export function toYaml(value: unknown): string {
  return stringify(value, {
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: "PLAIN",
    // Each string is on one line with JSON's escapes. There are no anchors, which a reader would
    // have to look up.
    doubleQuotedAsJSON: true,
    aliasDuplicateObjects: false,
    lineWidth: 0,
  });
}
