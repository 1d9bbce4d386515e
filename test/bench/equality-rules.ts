// The configuration with which both parts of the benchmark measure the cost of more rules.

import type { HeaderRoutingConfig } from "../../filters/header-routing/schema.js";

/** Rules that test one header for equality. None matches the load's requests. */
export function equalityRules(count: number): HeaderRoutingConfig {
  return {
    rules: Array.from({ length: count }, (_, i) => ({
      name: `rule-${i}`,
      match: { headers: [{ name: "x-user-id", exact: `nobody-${i}` }] },
      destination: "v1",
    })),
  };
}
