// The configuration by which both parts of the benchmark tell what the number of rules costs.

import type { HeaderRoutingConfig } from "../../filters/header-routing/schema.js";

/** Rules that test one header for equality, none of which the load's requests match. */
export function equalityRules(count: number): HeaderRoutingConfig {
  return {
    rules: Array.from({ length: count }, (_, i) => ({
      name: `rule-${i}`,
      match: { headers: [{ name: "x-user-id", exact: `nobody-${i}` }] },
      destination: "v1",
    })),
  };
}
