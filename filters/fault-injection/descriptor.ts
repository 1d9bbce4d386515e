// What the toolkit knows about fault-injection beside its module.

import { defineFilter, explainPropertyOf, type FilterChain } from "../descriptor.js";
import { DOWNSTREAM, FAULTS } from "./limits.js";
import { type FaultInjectionConfig, faultInjectionSchema } from "./schema.js";

type Rule = FaultInjectionConfig["rules"][number];

export default defineFilter({
  name: "fault-injection",
  summary:
    "delays, aborts, black-holes and spoils a share of the traffic, once a request or for each attempt",
  schema: faultInjectionSchema,
  metricLabels: ["rule", "outcome"],
  explainProperties: (config) => explainPropertyOf(config),
  chain: chainOf,
  restartKeys: (config) => ({ where: chainOf(config) }),
  describe: ({ rules }) => rules.map(describeRule),
});

function chainOf({ where = DOWNSTREAM }: FaultInjectionConfig): FilterChain {
  return where;
}

function describeRule(rule: Rule): string {
  const faults = FAULTS.filter((fault) => fault in rule).join(" and ");
  const share = rule.share === undefined ? "" : ` for ${rule.share.percentage} %`;
  return `${rule.name} → ${faults}${share}${rule.shadow === true ? " (shadow)" : ""}`;
}
