// What the toolkit knows about deadline beside its module.

import { defineFilter, explainPropertyOf, type FilterChain } from "../descriptor.js";
import { DEFAULT_RULE, DOWNSTREAM } from "./limits.js";
import { type DeadlineConfig, deadlineSchema } from "./schema.js";

type Rule = NonNullable<DeadlineConfig["rules"]>[number];

export default defineFilter({
  name: "deadline",
  summary: "gives requests deadlines, tells services and attempts what is left, and refuses what is late",
  schema: deadlineSchema,
  metricLabels: ["rule", "outcome"],
  explainProperties: (config) => explainPropertyOf(config),
  chain: chainOf,
  restartKeys: (config) => ({ where: chainOf(config) }),
  // The plugin before a service writes what the one behind it reads.
  sharedData: ({ trace }) => (trace === undefined ? undefined : "deadline"),
  describe: ({ rules = [{ name: DEFAULT_RULE }] }) => rules.map(describeRule),
});

function chainOf({ where = DOWNSTREAM }: DeadlineConfig): FilterChain {
  return where;
}

function describeRule(rule: Rule): string {
  const times = [
    ...(rule.default === undefined ? [] : [`${rule.default} unless told`]),
    ...(rule.max === undefined ? [] : [`${rule.max} at most`]),
    ...(rule.perTry === undefined ? [] : [`${rule.perTry} an attempt`]),
  ];
  const time = times.length === 0 ? "what is left" : times.join(", ");
  return `${rule.name} → ${time}${rule.shadow === true ? " (shadow)" : ""}`;
}
